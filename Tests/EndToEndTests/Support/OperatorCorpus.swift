import Foundation

/// The models of `Tests/Operators` or `Tests/ONNX`, unpacked.
final class OperatorCorpus: Sendable {
  let folder: TemporaryFolder
  let models: [URL]
  let unsupported: [URL]

  /// Unpacked once for all tests.
  static let unpacked = Result { try OperatorCorpus("Tests/Operators", ending: ".tflite") }
  static let onnx = Result { try OperatorCorpus("Tests/ONNX", ending: ".onnx") }

  /// Of every archive in the folder `path`: a group of operators may have its own.
  private init(_ path: String, ending: String) throws {
    folder = try TemporaryFolder()
    for archive in Place.files(in: Place.package.appending(path: path), ending: ".tar.gz") {
      try folder.unpack(archive)
    }
    models = Place.files(in: folder.url, ending: ending)
    unsupported = Place.files(in: folder.url.appending(path: "unsupported"), ending: ending)
  }
}
