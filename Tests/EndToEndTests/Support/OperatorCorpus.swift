import Foundation

/// The single-operator models of `Tests/Operators`, unpacked.
final class OperatorCorpus: Sendable {
  let folder: TemporaryFolder
  let models: [URL]
  let unsupported: [URL]

  /// Unpacked once for all tests.
  static let unpacked = Result { try OperatorCorpus() }

  private init() throws {
    folder = try TemporaryFolder()
    let archive = Place.package.appending(path: "Tests/Operators/operators.tar.gz")
    let tar = try CommandRun(
      URL(filePath: "/usr/bin/env"), ["tar", "xzf", archive.path, "-C", folder.url.path])
    guard tar.status == 0 else { throw CocoaError(.fileReadCorruptFile, userInfo: ["tar": tar.error]) }
    models = Place.files(in: folder.url, ending: ".tflite")
    unsupported = Place.files(in: folder.url.appending(path: "unsupported"), ending: ".tflite")
  }
}
