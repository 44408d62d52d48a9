import ArgumentParser
import Evaluation
import Exporters
import Importers
import IntegerProgram
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

  @OptionGroup var function: SignatureArgument

  func run() throws {
    let model = try ModelFile(path: path, signature: function.signature)
    let names = ClassNames.of(model.classNames, counts: ClassNames.counts(of: try model.program(LoweringOptions()))).names
    let bytes = try ModelFile.exported(model.network, of: path, classNames: names)
    try OutputFiles.whole { files in try files.add(bytes, at: output) }
  }
}

extension ModelFile {
  /// The bytes of a quantised network in its own format, with the names of its classes; errors name `path`.
  static func exported(
    _ network: Network, of path: String, classNames: [String]? = nil
  ) throws(FileError) -> [UInt8] {
    do {
      switch network.format {
      case .tensorFlowLite: return try TFLite.bytes(of: network, classNames: classNames)
      case .onnx: return try ONNX.bytes(of: network, classNames: classNames)
      }
    } catch {
      throw FileError(path: path, reason: "cannot be exported: \(error)")
    }
  }
}
