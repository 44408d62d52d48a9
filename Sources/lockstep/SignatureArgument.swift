import ArgumentParser
import Network

/// Which of the functions of a model file a command means.
struct SignatureArgument: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Of a .tflite file with several signatures, the one that is meant; inspect lists them.",
      discussion: "Without it the file's first subgraph is read.", valueName: "name"))
  var signature: String?

  /// Fails where a signature of an ONNX file is asked for.
  static func requireNone(_ signature: String?) throws(NetworkError) {
    guard let signature else { return }
    throw NetworkError(
      "it has no signature \"\(signature.printable(60))\": files of TensorFlow Lite have signatures, ONNX's have none")
  }
}
