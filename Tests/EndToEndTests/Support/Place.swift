import Foundation
import Testing

/// Where the package's files, the data for testing and the built command are.
enum Place {
  /// The package's root.
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let digits = package.appending(path: "Examples/digits/digits.tflite")

  /// Networks as deployed and what they return; not part of the product.
  static let sharedData = package.appending(path: "../shared/data").standardizedFileURL
  static let hasSharedData = FileManager.default.fileExists(atPath: sharedData.appending(path: "golden").path)
  static let sharedDataIsAbsent: Comment =
    "skipped: ../shared/data, with the golden networks, is not on this machine"

  /// The models of `sharedData`; none where it is absent.
  static let sharedModels = files(in: sharedData.appending(path: "models"), ending: ".tflite")

  /// The command, built beside the tests.
  static let command = Bundle.main.bundleURL.appending(path: "lockstep")

  /// Whether a program is on the path.
  static func hasProgram(_ name: String) -> Bool {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  }

  /// The files of a folder whose names end so, in order; none where there is no such folder.
  static func files(in folder: URL, ending: String) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted().map { folder.appending(path: $0) }
  }
}

extension URL {
  /// The file's name without its ending.
  var stem: String { deletingPathExtension().lastPathComponent }
}
