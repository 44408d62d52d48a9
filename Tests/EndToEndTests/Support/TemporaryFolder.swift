import Foundation

/// A folder that goes when the last reference to it does.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(at: url) }

  /// A file's place in the folder.
  func path(_ name: String) -> String { url.appending(path: name).path }

  /// Writes a file into the folder; returns its path.
  @discardableResult func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
    try Data(bytes).write(to: url.appending(path: name))
    return path(name)
  }

  /// Unpacks a compressed archive of tar into the folder.
  func unpack(_ archive: URL) throws {
    let tar = try CommandRun(URL(filePath: "/usr/bin/env"), ["tar", "xzf", archive.path, "-C", url.path])
    guard tar.status == 0 else { throw CocoaError(.fileReadCorruptFile, userInfo: ["tar": tar.error]) }
  }

  func read(_ name: String) throws -> [UInt8] { try Array(Data(contentsOf: url.appending(path: name))) }
  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }
}
