import Foundation
import Importers
import IntegerProgram

/// Where the package's files and the built command are.
enum Place {
  /// The package's root.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let digits = package.appending(path: "Examples/digits/digits.tflite")
  static let images = package.appending(path: "Examples/digits/images.npy")
  /// A network that fits the smallest target; not part of the package.
  static let helloWorld = package.appending(path: "../shared/data/models/hello_world_int8.tflite")

  /// The command, built beside the tests.
  static let command = Bundle.main.bundleURL.appending(path: "lockstep")
}
