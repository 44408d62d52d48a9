import Foundation
import Importers
import IntegerProgram
import Testing

/// Where the package's files, the data for testing and the built command are.
enum Place {
  /// The package's root.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let digits = package.appending(path: "Examples/digits/digits.tflite")

  /// Networks as deployed; not part of the product.
  static let sharedModels = package.appending(path: "../shared/data/models").standardizedFileURL
  static let hasSharedModels = FileManager.default.fileExists(atPath: sharedModels.path)
  static let sharedModelsAreAbsent: Comment = "skipped: ../shared/data, with deployed networks, is not on this machine"

  /// The command, built beside the tests.
  static let command = Bundle.main.bundleURL.appending(path: "lockstep")

  /// The program of a model file.
  static func program(_ model: URL) throws -> IntegerProgram {
    let name = model.deletingPathExtension().lastPathComponent
    let network = try TFLite.network(from: Array(Data(contentsOf: model)), name: name)
    return try IntegerProgram(lowering: network)
  }
}
