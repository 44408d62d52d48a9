import Network

/// The names that a model's own metadata has for its classes.
public struct ModelClassNames: Sendable {
  /// Lists of names, and where the file has them, in the order of the outputs.
  public var lists: [(source: String, names: [String])] = []
  /// Why names that the metadata speaks of are not to be had.
  public var fault: String?

  /// A list of more bytes is none of names.
  static let largest = 1 << 20

  /// What the metadata in a model's bytes says; damaged metadata hinder nothing else.
  public init(of bytes: [UInt8]) {
    if TFLite.recognises(bytes) {
      readTensorFlowLite(bytes)
    } else if ONNX.recognises(bytes) {
      readONNX(bytes)
    }
  }

  /// The lines of a text, less empty ones at the end and a mark that some editors put ahead of UTF-8.
  public static func lines(of text: String) -> [String] {
    let unmarked = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    var lines = unmarked.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(String.init)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  // MARK: TensorFlow Lite

  /// Files that name an output's classes stand in a ZIP archive behind the model; the metadata, a FlatBuffer in one of its
  /// buffers, says which (https://ai.google.dev/edge/litert/models/metadata, metadata_schema.fbs).
  private mutating func readTensorFlowLite(_ bytes: [UInt8]) {
    guard let model = FlatTable(root: bytes, identifier: "TFL3") else { return }
    // Model.buffers, Model.metadata; Metadata.name, Metadata.buffer; Buffer.data, or its offset and size in the file.
    let buffers = model.tables(4)
    guard let entry = model.tables(6).first(where: { $0.string(0) == "TFLITE_METADATA" }),
      case let index = entry.number(1, width: 4), buffers.indices.contains(index)
    else { return }
    var data = Array(buffers[index].data(0) ?? [])
    let (start, size) = (buffers[index].number(1, width: 8), buffers[index].number(2, width: 8))
    if data.isEmpty, start > 1, size > 0, start < bytes.count, size <= bytes.count - start {
      data = Array(bytes[start..<start + size])
    }
    // ModelMetadata.subgraph_metadata, SubGraphMetadata.output_tensor_metadata.
    guard let metadata = FlatTable(root: data, identifier: "M001"), let graph = metadata.tables(3).first else { return }
    for output in graph.tables(3) {
      // TensorMetadata.associated_files; AssociatedFile.name, type (2: TENSOR_AXIS_LABELS), locale.
      let files = output.tables(6).filter { $0.number(2, width: 1) == 2 }
      let file = files.first { $0.string(3)?.isEmpty ?? true } ?? files.first
      guard let name = file?.string(0) else { continue }
      do throws(NumPyError) {
        lists.append((name, try Self.names(in: name, behind: bytes)))
      } catch {
        fault = "its metadata names the classes in \"\(name.printable(60))\", but \(error.reason)"
      }
    }
  }

  private static func names(in name: String, behind bytes: [UInt8]) throws(NumPyError) -> [String] {
    let archive: ZipArchive
    do throws(NumPyError) { archive = try ZipArchive(bytes) } catch {
      throw NumPyError("the ZIP archive behind the model \(error.reason)")
    }
    guard let entry = archive.entries.first(where: { $0.name == name }) else {
      throw NumPyError("the ZIP archive behind the model has no such file")
    }
    guard entry.size <= largest else { throw NumPyError("that has \(entry.size) bytes") }
    let content: [UInt8]
    do throws(NumPyError) { content = try archive.content(of: entry) } catch {
      throw NumPyError("the ZIP archive behind the model \(error.reason)")
    }
    guard let text = String(validating: content, as: UTF8.self) else { throw NumPyError("that is no text in UTF-8") }
    return lines(of: text)
  }

  // MARK: ONNX

  /// Entries of ModelProto.metadata_props (field 14) that exporters put names into.
  private mutating func readONNX(_ bytes: [UInt8]) {
    let keys = ["names", "class_names", "classes", "labels", "label_names", "id2label"]
    ProtocolBuffer.forEachField(of: bytes[...]) { number, content in
      guard number == 14, content.count <= Self.largest else { return }
      var entry: [Int: String] = [:]
      ProtocolBuffer.forEachField(of: content) { entry[$0] = String(validating: $1, as: UTF8.self) }
      guard let key = entry[1], keys.contains(key.lowercased()), let names = entry[2].flatMap(NameList.names) else {
        return
      }
      lists.append(("metadata \(key)", names))
    }
  }
}

/// The fields of a message, without knowledge of its meaning.
enum ProtocolBuffer {
  /// Tells the numbers and contents of those fields that have a length, up to where the bytes make no sense.
  static func forEachField(of bytes: ArraySlice<UInt8>, _ body: (_ number: Int, _ content: ArraySlice<UInt8>) -> Void) {
    var place = bytes.startIndex
    func variable() -> UInt64? {
      var (value, shift) = (UInt64(0), UInt64(0))
      while place < bytes.endIndex, shift < 64 {
        let byte = bytes[place]
        place += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while place < bytes.endIndex, let tag = variable() {
      switch tag & 7 {
      case 0: guard variable() != nil else { return }
      case 1: place += 8
      case 5: place += 4
      case 2:
        guard let length = variable(), length <= UInt64(bytes.endIndex - place) else { return }
        body(Int(truncatingIfNeeded: tag >> 3), bytes[place..<place + Int(length)])
        place += Int(length)
      default: return
      }
    }
  }
}

/// Names as programs write them into one text: lines, or a list or dictionary of JSON or Python, as ["cat", "dog"] and
/// {0: 'cat', 1: 'dog'}.
enum NameList {
  /// Nil where the text is none of them.
  static func names(_ text: String) -> [String]? {
    var rest = Array(text.unicodeScalars)[...]
    func skip() { rest = rest.drop { $0.properties.isWhitespace } }
    func take(_ scalar: Unicode.Scalar) -> Bool {
      skip()
      guard rest.first == scalar else { return false }
      rest.removeFirst()
      return true
    }
    func quoted() -> String? {
      skip()
      guard let mark = rest.first, mark == "\"" || mark == "'" else { return nil }
      rest.removeFirst()
      var word = String.UnicodeScalarView()
      while let scalar = rest.popFirst(), scalar != mark {
        guard scalar == "\\" else {
          word.append(scalar)
          continue
        }
        guard let escaped = rest.popFirst() else { return nil }
        if escaped == "u" {
          guard let code = UInt32(String(String.UnicodeScalarView(rest.prefix(4))), radix: 16),
            let scalar = Unicode.Scalar(code)
          else { return nil }
          rest = rest.dropFirst(4)
          word.append(scalar)
        } else {
          word.append(escaped == "n" ? "\n" : escaped == "t" ? "\t" : escaped)
        }
      }
      return String(word)
    }
    func number() -> Int? {
      skip()
      let digits = rest.prefix { ("0"..."9").contains($0) }
      rest = rest.dropFirst(digits.count)
      return Int(String(String.UnicodeScalarView(digits)))
    }
    skip()
    guard let first = rest.first else { return nil }
    let isList = first == "["
    guard isList || first == "{" else {
      let lines = ModelClassNames.lines(of: text)
      return lines.count > 1 ? lines : nil
    }
    rest.removeFirst()
    let end: Unicode.Scalar = isList ? "]" : "}"
    var names: [Int: String] = [:]
    while !take(end) {
      if !names.isEmpty, !take(",") { return nil }
      if take(end) { break }
      var key = names.count
      if !isList {
        guard let found = number() ?? quoted().flatMap({ Int($0) }), take(":") else { return nil }
        key = found
      }
      guard let name = quoted(), names.updateValue(name, forKey: key) == nil else { return nil }
    }
    // Numbers from 0 on, each once.
    let ordered = names.indices.isEmpty ? [] : (0..<names.count).compactMap { names[$0] }
    return ordered.count == names.count && !ordered.isEmpty ? ordered : nil
  }
}
