import Foundation
import Importers

/// A folder whose files are listed with their digests, as `sha256sum --check` reads them, so that a changed byte shows.
struct EvidenceFolder {
  static let manifest = "manifest.sha256"

  /// Evidence has a file a question, and copies of what was asked about.
  private static let largestFile = 4 << 30
  private static let largestManifest = 64 << 20

  let path: String

  // MARK: Writing

  /// Makes a folder that appears whole, with its manifest, or not at all. While `body` writes its files it is the
  /// process's working folder, so that paths in the evidence are relative to it.
  static func whole(at path: String, _ body: () throws -> Void) throws -> EvidenceFolder {
    var name = path[...]
    while name.count > 1 && name.hasSuffix("/") { name = name.dropLast() }
    var status = stat()
    guard lstat(String(name), &status) != 0 else {
      throw FileError(path: path, reason: "exists; remove it, or name another folder by --output")
    }
    let slash = name.lastIndex(of: "/")
    let parent = slash.map { $0 == name.startIndex ? "/" : String(name[..<$0]) } ?? "."
    let last = String(slash.map { name[name.index(after: $0)...] } ?? name)
    guard !["", ".", ".."].contains(last) else { throw FileError(path: path, reason: "is no name for a new folder") }
    try OutputFiles.makeFolder(parent)
    // The working folder changes, and what is relative to it with it.
    guard let whole = realpath(parent, nil) else {
      throw FileError(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
    }
    defer { free(whole) }
    let place = String(cString: whole) + "/" + last
    let partial = "\(place).\(ProcessInfo.processInfo.processIdentifier).partial"
    try OutputFiles.makeFolder(partial)
    do {
      try inside(partial, body)
      let folder = EvidenceFolder(path: partial)
      let list = DigestList(try folder.files().map { ($0, try folder.digest(of: $0)) })
      try OutputFiles.whole { try $0.add(Array(list.text.utf8), at: "\(partial)/\(manifest)") }
      guard rename(partial, place) == 0 else {
        throw FileError(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
      }
    } catch {
      try? FileManager.default.removeItem(atPath: partial)
      throw error
    }
    return EvidenceFolder(path: place)
  }

  /// Calls `body` with `path` as the working folder.
  static func inside<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    let before = FileManager.default.currentDirectoryPath
    guard FileManager.default.changeCurrentDirectoryPath(path) else {
      throw FileError(path: path, reason: "is no folder, or cannot be entered")
    }
    defer { _ = FileManager.default.changeCurrentDirectoryPath(before) }
    return try body()
  }

  // MARK: Reading

  /// The manifest's own digest, which stands for all files.
  func digest() throws -> String { try digest(of: Self.manifest) }

  /// Every file whose content is not what the manifest says (`listed`), that is missing, or that it does not name; and
  /// folders without a file.
  func differences(from listed: [(name: String, digest: String)]) throws -> [String] {
    let found = try files()
    // Names are bytes: letters that look the same are not.
    let (names, known) = (Set(found.map { Array($0.utf8) }), Set(listed.map { Array($0.name.utf8) }))
    var differences = found.filter { !known.contains(Array($0.utf8)) }.map { "\($0): is not in the manifest" }
    for (name, digest) in listed {
      if !names.contains(Array(name.utf8)) {
        differences.append("\(name): is missing")
      } else if try self.digest(of: name) != digest {
        differences.append("\(name): has changed")
      }
    }
    return differences.sorted() + (try emptyFolders().map { "\($0): is a folder without a file" })
  }

  /// The digest that the manifest has for each file, in its order.
  func listed() throws -> [(name: String, digest: String)] {
    let path = "\(path)/\(Self.manifest)"
    var status = stat()
    guard lstat(path, &status) == 0 else {
      throw FileError(path: path, reason: "there is no such file: this is no evidence of preflight")
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path: path, reason: "is no plain file") }
    let bytes = try InputFile.bytes(path: path, limit: Self.largestManifest)
    do throws(DigestList.LineFault) {
      return try DigestList(bytes).files
    } catch {
      throw FileError(
        path: path, reason: "line \(error.line) is no digest and name of a file: this is no evidence of preflight")
    }
  }

  /// The names of all files but the manifest, in the order of their bytes.
  private func files() throws -> [String] {
    var names: [String] = []
    try forEach { name, type in
      switch type {
      case .typeDirectory: break
      case .typeRegular: if name != Self.manifest { names.append(name) }
      // What a link leads to is not in the folder.
      default: throw FileError(path: "\(path)/\(name)", reason: "is no plain file: evidence has no links or devices")
      }
      guard !name.contains(where: \.isNewline) else {
        throw FileError(path: "\(path)/\(name)", reason: "has a line's end in its name")
      }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private func emptyFolders() throws -> [String] {
    var folders: [String] = []
    try forEach { name, type in
      if type == .typeDirectory, try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(name)").isEmpty {
        folders.append(name)
      }
    }
    return folders.sorted()
  }

  /// Everything in the folder and in those within.
  private func forEach(_ body: (String, FileAttributeType?) throws -> Void) throws {
    // A link to a folder is taken for it.
    guard let whole = realpath(path, nil) else {
      throw FileError(path: path, reason: "is no folder, or cannot be read")
    }
    defer { free(whole) }
    guard let all = FileManager.default.enumerator(atPath: String(cString: whole)) else {
      throw FileError(path: path, reason: "is no folder, or cannot be read")
    }
    while let name = all.nextObject() as? String {
      try body(name, all.fileAttributes?[.type] as? FileAttributeType)
    }
  }

  private func digest(of name: String) throws -> String {
    try InputFile.bytes(path: "\(path)/\(name)", limit: Self.largestFile).sha256
  }
}
