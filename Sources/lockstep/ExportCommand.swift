import ArgumentParser
import Exporters
import Importers
import Network

/// `lockstep export`: a quantised network written anew by the exporters, for their tests.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a quantised network anew, as .tflite or QONNX; it lowers to the same program.",
    shouldDisplay: false)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var path: String

  @Option(help: ArgumentHelp("Where the file goes: .tflite or .onnx.", valueName: "file"))
  var output: String

  func run() throws {
    let bytes = try ModelFile.exported(ModelFile(path: path).network, of: path)
    try OutputFiles.whole { files in try files.add(bytes, at: output) }
  }
}

extension ModelFile {
  /// The bytes of a quantised network in its own format; errors name `path`.
  static func exported(_ network: Network, of path: String) throws(FileError) -> [UInt8] {
    do {
      switch network.format {
      case .tensorFlowLite: return try TFLite.bytes(of: network)
      case .onnx: return try ONNX.bytes(of: network)
      }
    } catch {
      throw FileError(path: path, reason: "cannot be exported: \(error)")
    }
  }
}
