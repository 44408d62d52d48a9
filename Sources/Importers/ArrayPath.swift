/// Where an array is, as commands are told: a file, an array of a `.npz` archive (`x.npz:NAME`), or a folder, which stands for
/// the pictures in it.
public struct ArrayPath: Sendable, Hashable {
  /// The file or folder.
  public let file: String
  /// The array's name in an archive, where one is named.
  public let member: String?

  /// A file of that very name comes first.
  public init(_ path: String) {
    guard !InputFile.exists(path), let end = path.firstRange(of: ".npz:") else {
      (file, member) = (path, nil)
      return
    }
    (file, member) = (String(path[..<end.upperBound].dropLast()), String(path[end.upperBound...]))
  }

  public var isFolder: Bool { InputFile.isFolder(file) }

  /// The files that are read for it, in their order: of a folder the pictures by name, numbers in names by their value, so
  /// that 2.png comes before 10.png.
  public func files() throws(FileError) -> [String] {
    guard isFolder else { return [file] }
    let names = try InputFile.names(inFolder: file).filter { $0.lowercased().hasSuffix(".png") }
      .sorted(by: Self.comesFirst)
    guard !names.isEmpty else {
      throw FileError(path: file, reason: "is a folder without a .png file; name a file of inputs, or a folder of pictures")
    }
    return names.map { "\(file)/\($0)" }
  }

  /// Text by its characters, runs of digits by their value; names that are alike so far by their bytes.
  static func comesFirst(_ a: String, _ b: String) -> Bool {
    var (x, y) = (Array(a.utf8)[...], Array(b.utf8)[...])
    func digits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
      let run = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard !run.isEmpty else { return nil }
      rest = rest.dropFirst(run.count)
      return run.drop { $0 == UInt8(ascii: "0") }
    }
    while let first = x.first, let second = y.first {
      var (afterX, afterY) = (x, y)
      if let m = digits(&afterX), let n = digits(&afterY) {
        if m.count != n.count { return m.count < n.count }
        if !m.elementsEqual(n) { return m.lexicographicallyPrecedes(n) }
        (x, y) = (afterX, afterY)
      } else {
        if first != second { return first < second }
        (x, y) = (x.dropFirst(), y.dropFirst())
      }
    }
    return x.isEmpty == y.isEmpty ? a < b : x.isEmpty
  }

  /// The names of the arrays in an archive; nil where it is none.
  public func members() throws(FileError) -> [String]? {
    guard !isFolder, member == nil else { return nil }
    let bytes = try InputFile.bytes(path: file, limit: NumPyArray.largestFile)
    guard bytes.starts(with: ZipArchive.signature) else { return nil }
    do throws(NumPyError) {
      return try ZipArchive(bytes).arrayNames
    } catch {
      throw FileError(path: file, reason: error.reason)
    }
  }
}
