import Foundation

/// Lockstep's own targets, which the executable holds: it finds them wherever it is copied to. Compilers need them as
/// files, so that they are unpacked where one is used and no folder `Targets` is near.
enum BundledTargets {
  /// The targets' names.
  static var names: [String] {
    files.compactMap { $0.name.hasSuffix("/target.json") ? String($0.name.dropLast("/target.json".count)) : nil }.sorted()
  }

  /// The folder of the target called `name`; nil where it is none of these.
  static func folder(named name: String) throws -> String? {
    names.contains(name) ? try unpacked() + "/" + name : nil
  }

  /// The folder with all of them, in the user's cache: files that are there already must be what they should.
  private static func unpacked() throws -> String {
    let folder = try cache() + "/targets-\(String(fingerprint, radix: 16))"
    for (name, text) in files {
      let path = "\(folder)/\(name)"
      let data = Data(text.utf8)
      if FileManager.default.contents(atPath: path) == data { continue }
      do {
        try FileManager.default.createDirectory(
          atPath: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]), withIntermediateDirectories: true)
        // Another process may do the same: each file appears whole.
        try data.write(to: URL(fileURLWithPath: path), options: .atomic)
      } catch {
        throw TargetError(
          description: "the targets cannot be unpacked to \(path): \(error.localizedDescription); set LOCKSTEP_TARGETS to "
            + "a folder of targets, or XDG_CACHE_HOME to one that can be written")
      }
    }
    return folder
  }

  /// `$XDG_CACHE_HOME/lockstep`, `~/.cache/lockstep`, or a folder for this user alone among temporary files.
  private static func cache() throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let homes = [environment["XDG_CACHE_HOME"], environment["HOME"].map { $0 + "/.cache" }]
      .compactMap { $0 }.filter { $0.hasPrefix("/") }
    for home in homes {
      let folder = home + "/lockstep"
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      if FileManager.default.isWritableFile(atPath: folder) { return folder }
    }
    let folder = NSTemporaryDirectory() + "lockstep-\(getuid())"
    mkdir(folder, 0o700)
    var status = stat()
    // What others may write could be put there by them.
    guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(),
      status.st_mode & 0o022 == 0
    else {
      throw TargetError(
        description: "the targets cannot be unpacked to \(folder), which is not this user's alone; set LOCKSTEP_TARGETS to "
          + "a folder of targets, or XDG_CACHE_HOME to one that can be written")
    }
    return folder
  }

  /// FNV-1a over all names and texts, so that each version has a folder of its own.
  private static var fingerprint: UInt64 {
    files.reduce(0xCBF2_9CE4_8422_2325) { hash, file in
      (file.name + "\0" + file.text + "\0").utf8.reduce(hash) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
  }
}
