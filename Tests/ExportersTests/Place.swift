import Foundation
import Importers
import Network
import Testing

/// Where the package's files, and the data for testing, are.
enum Place {
  static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let shared = package.appending(path: "../shared/data/models").standardizedFileURL

  /// The files of a folder whose names end so, in order; none where there is no such folder.
  static func files(in folder: URL, ending: String) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted().map { folder.appending(path: $0) }
  }

  static func network(_ file: URL) throws -> Network {
    let bytes = try InputFile.bytes(path: file.path, limit: 1 << 30)
    let name = file.deletingPathExtension().lastPathComponent
    return try TFLite.recognises(bytes)
      ? TFLite.network(from: bytes, name: name) : ONNX.network(from: bytes, name: name)
  }

  /// The models of an archive, each with its network; those that are no network at all are left out.
  static func corpus(_ archive: String, ending: String) throws -> [(name: String, network: Network)] {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-exporters-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tar = Process()
    tar.executableURL = URL(filePath: "/usr/bin/env")
    tar.arguments = ["tar", "xzf", package.appending(path: archive).path, "-C", folder.path]
    try tar.run()
    tar.waitUntilExit()
    try #require(tar.terminationStatus == 0)
    return try files(in: folder, ending: ending).map { ($0.deletingPathExtension().lastPathComponent, try network($0)) }
  }
}
