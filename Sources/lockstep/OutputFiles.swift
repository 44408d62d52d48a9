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
  /// What takes its place when all is there.
  private var moves: [(partial: String, path: String)] = []
  /// Files and folders that go where that does not come about, in the order in which they were made.
  private var made: [String] = []
  /// Files that are removed once the others are in their places.
  private var stale: [(name: String, folder: String)] = []

  /// Throws where a file to be written is one that is read, by whatever name.
  static func expect(_ outputs: [String], apartFrom inputs: [String]) throws(FileError) {
    func identity(_ path: String) -> [UInt64]? {
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
    let read = Set(inputs.compactMap(identity))
    for path in outputs {
      guard let file = identity(path), read.contains(file) else { continue }
      throw FileError(path: path, reason: "is read by this very command, and would be written over; name another --output")
    }
  }

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
    try create(partial, bytes, path: path)
    moves.append((partial, target))
  }

  /// Writes a folder to be committed later, as one: a new one, or files into one that exists. Files may be in folders of
  /// their own.
  mutating func addFolder(_ files: [(name: String, bytes: [UInt8])], at path: String) throws(FileError) {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    var status = stat()
    let isNew = stat(path, &status) != 0
    let place = isNew ? "\(path).\(getpid()).partial" : path
    try makeFolder(place)
    for (name, bytes) in files {
      let file = "\(place)/\(name)"
      try makeFolder(Self.parent(of: file) ?? place)
      if isNew { try create(file, bytes, path: "\(path)/\(name)") } else { try add(bytes, at: file) }
    }
    if isNew { moves.append((place, path)) }
  }

  /// Removes a file once the others are in their places, and the folders above it that are empty then, up to `folder`.
  mutating func addRemoval(of name: String, in folder: String) { stale.append((name, folder)) }

  /// Puts the files in their places, and removes those that are to go.
  mutating func commit() throws(FileError) {
    while let (partial, path) = moves.first {
      guard rename(partial, path) == 0 else { throw Self.fault(path) }
      moves.removeFirst()
    }
    made = []
    for (name, folder) in stale {
      let path = "\(folder)/\(name)"
      guard unlink(path) == 0 || errno == ENOENT else { throw Self.fault(path, "removed") }
      var above = Self.parent(of: name)
      // A folder goes where nothing else is in it.
      while let inner = above, rmdir("\(folder)/\(inner)") == 0 { above = Self.parent(of: inner) }
    }
    stale = []
  }

  /// Removes what has been made and not committed. A folder stays where another file has come into it.
  mutating func discard() {
    for path in made.reversed() { remove(path) }
    (moves, made, stale) = ([], [], [])
  }

  /// Writes files by `body` and commits them, or leaves none.
  static func whole(_ body: (inout OutputFiles) throws -> Void) throws {
    var files = OutputFiles()
    defer { files.discard() }
    try body(&files)
    try files.commit()
  }

  /// Fails where a file could not be written, before the work that it is for.
  static func tryToWrite(_ path: String) throws(FileError) {
    var files = OutputFiles()
    defer { files.discard() }
    try files.add([], at: path)
  }

  /// Makes a folder, and those above it, where they are missing.
  static func makeFolder(_ path: String) throws(FileError) {
    var folders = OutputFiles()
    try folders.makeFolder(path)
  }

  /// The same, to be removed again with files that are discarded.
  private mutating func makeFolder(_ path: String) throws(FileError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw FileError(path: path, reason: "is a file, not a folder")
      }
      return
    }
    if let parent = Self.parent(of: path) { try makeFolder(parent) }
    if mkdir(path, 0o777) == 0 {
      made.append(path)
    } else if errno != EEXIST {
      throw Self.fault(path)
    }
  }

  /// The folder that a path names ahead of its last slash; nil where that is the root or not said.
  private static func parent(of path: String) -> String? {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return nil }
    return String(path[..<slash])
  }

  /// Makes a file, to be removed again where it is discarded; an error names `path`.
  private mutating func create(_ file: String, _ bytes: [UInt8], path: String) throws(FileError) {
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor >= 0 { made.append(file) }
    try Self.put(bytes, path: path, descriptor)
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

  private static func fault(_ path: String, _ deed: String = "written") -> FileError {
    FileError(path: path, reason: "cannot be \(deed): \(String(cString: strerror(errno)))")
  }
}
