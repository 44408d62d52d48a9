import Importers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files that appear whole or not at all: each is written beside its place under another name, and only when
/// all of them are there do they take their places.
struct OutputFiles {
  private var partials: [(path: String, partial: String)] = []

  /// Writes a file to be committed later. Where `path` is a device or a pipe, it gets the bytes at once.
  mutating func add(_ bytes: [UInt8], at path: String) throws(FileError) {
    var status = stat()
    let exists = stat(path, &status) == 0
    let kind = status.st_mode & S_IFMT
    if exists && kind == S_IFDIR { throw FileError(path: path, reason: "is a folder; name a file to write") }
    if exists && kind != S_IFREG {
      return try Self.put(bytes, path: path, open(path, O_WRONLY | O_CLOEXEC))
    }
    let target = Self.resolved(path)
    let partial = "\(target).\(getpid()).partial"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor >= 0 { partials.append((path: target, partial: partial)) }
    try Self.put(bytes, path: path, descriptor)
  }

  /// Puts the files in their places.
  mutating func commit() throws(FileError) {
    while let (path, partial) = partials.first {
      guard rename(partial, path) == 0 else { throw Self.fault(path) }
      partials.removeFirst()
    }
  }

  /// Removes what has been written and not committed.
  mutating func discard() {
    for (_, partial) in partials { unlink(partial) }
    partials = []
  }

  /// Writes files by `body` and commits them, or leaves none.
  static func whole(_ body: (inout OutputFiles) throws -> Void) throws {
    var files = OutputFiles()
    defer { files.discard() }
    try body(&files)
    try files.commit()
  }

  /// Makes a folder, and those above it, where they are missing.
  static func makeFolder(_ path: String) throws(FileError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(path: path, reason: "is a file, not a folder")
      }
      return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeFolder(String(path[..<slash]))
    }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw fault(path) }
  }

  /// The file that a symbolic link stands for, so that the link itself stays.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private static func put(_ bytes: [UInt8], path: String, _ descriptor: Int32) throws(FileError) {
    guard descriptor >= 0 else { throw fault(path) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        let error = fault(path)
        close(descriptor)
        throw error
      }
      written += count
    }
    guard close(descriptor) == 0 else { throw fault(path) }
  }

  private static func fault(_ path: String) -> FileError {
    FileError(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
  }
}
