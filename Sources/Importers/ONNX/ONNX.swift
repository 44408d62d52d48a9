import Network
import SwiftProtobuf

/// Reads ONNX files that are quantised: QONNX (`Quant` nodes), QDQ (QuantizeLinear and DequantizeLinear around float
/// operators) and QLinear operators. It only translates: an operator together with the quantiser behind it is one
/// operation on codes, whose arithmetic is decided when the network is lowered.
public enum ONNX {
  /// Whether `bytes` may be an ONNX file: it begins with a field that writers put first. TensorFlow Lite's files may begin
  /// with any byte, but carry an identifier.
  public static func recognises(_ bytes: [UInt8]) -> Bool {
    // ir_version, producer_name, graph, opset_import.
    [0x08, 0x12, 0x3A, 0x42].contains(bytes.first) && !TFLite.recognises(bytes)
  }

  /// Reads a file beside a model, by its path relative to the model's folder: see `InputFile.siblings`.
  public typealias SiblingReader = (_ path: String) throws -> [UInt8]

  /// The network in `bytes`; `name` is what people call the file. `siblings` reads what the model keeps in other files.
  /// Throws a `NetworkError` with all faults found, and with what could be translated besides, whose lowering may find more.
  public static func network(from bytes: [UInt8], name: String, siblings: SiblingReader? = nil) throws -> Network {
    try network(from: bytes, name: name, isFloat: false, siblings)
  }

  /// The network of real numbers in `bytes`: what training leaves, and quantisation starts from. Its tensors are float32
  /// and have no quantisation, biases too; ReLU and ReLU6 are fused into the layers in front of them, batch normalisation
  /// into their weights. Nothing but quantisation reads such a network: lowering refuses it.
  public static func floatNetwork(from bytes: [UInt8], name: String, siblings: SiblingReader? = nil) throws -> Network {
    try network(from: bytes, name: name, isFloat: true, siblings)
  }

  private static func network(
    from bytes: [UInt8], name: String, isFloat: Bool, _ siblings: SiblingReader?
  ) throws -> Network {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    var model: Lockstep_Onnx_ModelProto
    do {
      model = try Lockstep_Onnx_ModelProto(serializedBytes: bytes, options: options)
    } catch BinaryDecodingError.truncated {
      throw NetworkError("the file is cut short: it ends inside a protocol-buffer field")
    } catch BinaryDecodingError.messageDepthLimit {
      throw NetworkError("the file nests its messages over \(options.messageDepthLimit) deep, as no ONNX file does")
    } catch BinaryDecodingError.invalidUTF8 {
      throw NetworkError("the file holds a name that is not UTF-8")
    } catch {
      throw NetworkError("the file is no protocol buffer that ONNX writes, or is damaged")
    }
    guard model.hasGraph else { throw NetworkError("the file holds no graph: it is no ONNX model, or is damaged") }
    let versions = model.opsetImport.filter { ["", "ai.onnx"].contains($0.domain) }.map(\.version)
    guard let version = versions.max(), (7...24).contains(version) else {
      throw NetworkError(
        [
          LayerIssue(
            reason:
              "the file uses version \(versions.max().map(String.init) ?? "none") of ONNX's operators; 7 to 24 are known",
            remedy: "export again with opset 13 to 21")
        ])
    }
    let used = Set(model.graph.node.flatMap(\.input) + model.graph.output.map(\.name))
    var external = ExternalData(read: siblings)
    try external.load(into: &model.graph) { used.contains($0) }
    var translation = ONNXTranslation(name: name, version: Int(version), isFloat: isFloat)
    return try translation.network(of: model.graph)
  }
}
