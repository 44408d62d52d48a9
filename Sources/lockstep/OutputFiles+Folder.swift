import Importers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension OutputFiles {
  /// Writes a folder of files. A new folder appears whole or not at all; in one that exists, the files replace those of
  /// the same names once all of them are written.
  static func writeFolder(_ files: [(name: String, bytes: [UInt8])], at path: String) throws {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    var status = stat()
    if stat(path, &status) == 0 {
      try makeFolder(path)
      try whole { output in for file in files { try output.add(file.bytes, at: "\(path)/\(file.name)") } }
      return
    }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex { try makeFolder(String(path[..<slash])) }
    let partial = "\(path).\(getpid()).partial"
    try makeFolder(partial)
    do {
      try whole { output in for file in files { try output.add(file.bytes, at: "\(partial)/\(file.name)") } }
      guard rename(partial, path) == 0 else {
        throw FileError(path: path, reason: "cannot be written: \(String(cString: strerror(errno)))")
      }
    } catch {
      for file in files { unlink("\(partial)/\(file.name)") }
      rmdir(partial)
      throw error
    }
  }
}
