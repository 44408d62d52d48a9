import Foundation
import Network

/// Tensors whose elements lie in files of their own, beside the model (onnx.proto: `TensorProto.external_data`). They are
/// read into the model before it is translated.
struct ExternalData {
  /// Reads a file beside the model, by its path relative to the model's folder; nil where the model came without one.
  let read: ((_ path: String) throws -> [UInt8])?
  private var files: [String: Result<[UInt8], FileError>] = [:]
  private var loaded = 0
  /// Bytes read into one model: many tensors may name the same bytes.
  private static let most = 1 << 30

  init(read: ((_ path: String) throws -> [UInt8])?) { self.read = read }

  /// Brings the elements of those tensors that `isUsed` into the graph. Throws all faults at once, one a file and reason.
  mutating func load(into graph: inout Lockstep_Onnx_GraphProto, where isUsed: (String) -> Bool) throws(NetworkError) {
    var faults: [(file: String, reason: String, tensors: [String])] = []
    for index in graph.initializer.indices
    where graph.initializer[index].dataLocation == 1 && isUsed(graph.initializer[index].name) {
      let entries = Dictionary(
        graph.initializer[index].externalData.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
      let file = entries["location"] ?? ""
      do throws(NodeFault) {
        let elements = try bytes(of: graph.initializer[index], file, entries)
        graph.initializer[index].rawData = Data(elements)
        graph.initializer[index].dataLocation = 0
      } catch {
        let name = graph.initializer[index].name
        if let known = faults.firstIndex(where: { $0.file == file && $0.reason == error.reason }) {
          faults[known].tensors.append(name)
        } else {
          faults.append((file, error.reason, [name]))
        }
      }
    }
    guard !faults.isEmpty else { return }
    throw NetworkError(
      faults.map { fault in
        let names = fault.tensors.prefix(3).map { "\"\($0.printable(60))\"" }.joined(separator: ", ")
        let more = fault.tensors.count > 3 ? " and \(fault.tensors.count - 3) more" : ""
        return LayerIssue(
          reason: "the elements of \(names)\(more) lie in another file, \"\(fault.file.printable(120))\": \(fault.reason)",
          remedy: "keep that file where the model names it, or put all into one file: "
            + "onnx.save(onnx.load(\"model.onnx\"), \"whole.onnx\")")
      })
  }

  private mutating func bytes(
    of tensor: Lockstep_Onnx_TensorProto, _ file: String, _ entries: [String: String]
  ) throws(NodeFault) -> ArraySlice<UInt8> {
    // A model must not name files outside its own folder.
    guard !file.isEmpty, !file.hasPrefix("/"), !file.utf8.contains(0), !file.contains("\\"),
      !file.split(separator: "/").contains("..")
    else { throw NodeFault("paths must be relative, and must not leave the model's folder") }
    if files[file] == nil {
      guard let read else { throw NodeFault("the model was given without its folder") }
      do {
        files[file] = .success(try read(file))
      } catch let error as FileError {
        files[file] = .failure(error)
      } catch {
        throw NodeFault("\(error)")
      }
    }
    let bytes: [UInt8]
    switch files[file] {
    case .success(let found)?: bytes = found
    case .failure(let error)?: throw NodeFault(error.reason)
    case nil: throw NodeFault("it cannot be read")
    }
    guard let bits = ONNXElement.bits(tensor.dataType), let count = elementCount(tensor.dims.map { Int($0) }) else {
      throw NodeFault("a tensor's type or shape there is not supported")
    }
    let wanted = (count * bits + 7) / 8
    func number(_ key: String, _ value: Int) throws(NodeFault) -> Int {
      guard let text = entries[key] else { return value }
      guard let number = Int(text), number >= 0 else { throw NodeFault("its \(key) is \"\(text.printable(40))\"") }
      return number
    }
    let (offset, length) = (try number("offset", 0), try number("length", wanted))
    guard offset <= bytes.count, length <= bytes.count - offset else {
      throw NodeFault("it has \(bytes.count) bytes, and \(length) from byte \(offset) on are named")
    }
    guard length == wanted else {
      throw NodeFault("\(length) bytes are named for \(count) elements, which need \(wanted)")
    }
    loaded += length
    guard loaded <= Self.most else { throw NodeFault("more than \(Self.most >> 20) MiB are named there") }
    return bytes[offset..<offset + length]
  }
}
