import Network

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that cannot be read, written or understood, and why.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
  public var path: String
  public var reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path.printable()): \(reason)" }
}

/// Files as bytes, read whole and never past a limit.
public enum InputFile {
  /// Whether there is something at `path`.
  public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Reads plain files in the folder of the one at `path`, by their paths relative to it; links that lead out of the folder
  /// are refused, and so is what would never end.
  public static func siblings(of path: String, limit: Int) -> (_ path: String) throws -> [UInt8] {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
    return { name in
      let path = folder + name
      if exists(path) {
        guard let home = realPath(folder), let place = realPath(path), place.hasPrefix(home == "/" ? home : home + "/")
        else { throw FileError(path: path, reason: "a link leads out of the model's folder") }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
          throw FileError(path: path, reason: "is no plain file")
        }
      }
      return try bytes(path: path, limit: limit)
    }
  }

  /// The path without links.
  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  public static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a folder, in no order.
  static func names(inFolder path: String) throws(FileError) -> [String] {
    guard let folder = opendir(path) else {
      throw FileError(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }

  /// The bytes of the file or pipe at `path`; an error where it is missing, a folder, unreadable or over
  /// `limit` bytes.
  public static func bytes(path: String, limit: Int) throws(FileError) -> [UInt8] {
    func fault(_ reason: String) -> FileError { FileError(path: path, reason: reason) }
    func systemFault() -> FileError { fault("cannot be read: \(String(cString: strerror(errno)))") }
    let tooLarge = fault("is over \(limit >> 20) MiB, the most that is read of such a file")

    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw errno == ENOENT ? fault("there is no such file") : systemFault() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemFault() }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw fault("is a folder, not a file") }
    guard Int(status.st_size) <= limit else { throw tooLarge }

    // One byte more than the file has shows its end; pipes have no size and grow as they come.
    var capacity = max(Int(status.st_size) + 1, 1 << 16)
    var bytes: [UInt8] = []
    while true {
      var failed = false
      var ended = false
      let start = bytes.count
      let chunk = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        while count < buffer.count {
          let received = read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
          if received < 0 && errno == EINTR { continue }
          failed = received < 0
          ended = received == 0
          if received <= 0 { break }
          count += received
        }
      }
      if failed { throw systemFault() }
      // The whole of an ordinary file comes at once and is not copied.
      if start == 0 { bytes = chunk } else { bytes += chunk }
      guard bytes.count <= limit else { throw tooLarge }
      if ended { return bytes }
      capacity = 1 << 20
    }
  }
}
