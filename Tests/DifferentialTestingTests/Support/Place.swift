import Foundation
import Importers
import IntegerProgram

/// Where the package's files and the built command are.
enum Place {
  /// The package's root.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let digits = package.appending(path: "Examples/digits/digits.tflite")

  /// The command, built beside the tests.
  static let command = Bundle.main.bundleURL.appending(path: "lockstep")

  /// The bundled network.
  static func digitsProgram() throws -> IntegerProgram {
    try IntegerProgram(lowering: TFLite.network(from: Array(Data(contentsOf: digits)), name: "digits"))
  }
}
