import Network

/// An array in a file of any format that is read: NumPy's `.npy` and `.npz`, IDX, PNG and CSV, told apart by what the file
/// holds (CSV by its name). IDX and `.npy` may be gzipped.
public struct ArrayFile: Sendable {
  public enum Format: Sendable, Hashable {
    case numPy, idx
    /// Rows of numbers: [rows, columns], int64 where all are whole numbers, else float64.
    case csv
    /// Bytes: [pictures, height, width, channels], where grey has 1 channel, colours 3, and transparency is one more.
    case pictures
  }

  public let array: NumPyArray
  public let format: Format
  /// How many items there are in the file along the first dimension, read or not.
  public let items: Int

  init(_ array: NumPyArray, _ format: Format, items: Int? = nil) {
    self.array = array
    self.format = format
    self.items = items ?? array.shape.first ?? 1
  }

  /// The array at `path`; errors name the file. Of an IDX file no more than the first `items` along its first dimension
  /// are read, where that is given. A folder stands for the pictures in it, in the order of their names. Of a `.npz` with
  /// several arrays one is named behind a colon: `x.npz:NAME`.
  public static func read(path: String, items: Int? = nil) throws(FileError) -> ArrayFile {
    var (file, member) = (path, String?.none)
    if !InputFile.exists(path), let end = path.firstRange(of: ".npz:") {
      (file, member) = (String(path[..<end.upperBound].dropLast()), String(path[end.upperBound...]))
    }
    if InputFile.isFolder(file) { return try pictures(in: file) }
    let bytes = try InputFile.bytes(path: file, limit: NumPyArray.largestFile)
    do throws(NumPyError) {
      if bytes.starts(with: ZipArchive.signature) {
        return ArrayFile(try NumPyArray(archive: bytes, member: member, path: file), .numPy)
      }
      if bytes.starts(with: Picture.signature) { return ArrayFile(try Picture(fileBytes: bytes).array, .pictures) }
      if CSV.names.contains(where: file.lowercased().hasSuffix) { return ArrayFile(try CSV.array(bytes), .csv) }
      return try NumPyArray.unpackingFile(bytes, items: items)
    } catch {
      throw FileError(path: path, reason: error.reason)
    }
  }

  private static func pictures(in folder: String) throws(FileError) -> ArrayFile {
    let names = try InputFile.names(inFolder: folder).filter { $0.lowercased().hasSuffix(".png") }.sorted()
    guard let first = names.first else {
      throw FileError(path: folder, reason: "is a folder without a .png file; name a file of inputs, or a folder of pictures")
    }
    var (bytes, shape): ([UInt8], [Int]) = ([], [])
    for name in names {
      let path = "\(folder)/\(name)"
      let picture: Picture
      do throws(NumPyError) {
        picture = try Picture(fileBytes: try file(path))
      } catch {
        throw FileError(path: path, reason: error.reason)
      }
      if shape.isEmpty { shape = picture.shape }
      guard picture.shape == shape else {
        throw FileError(
          path: path,
          reason: "is \(picture.text), and \(first) is \(Picture.text(shape)): pictures of a folder are alike")
      }
      guard bytes.count + picture.pixels.count <= NumPyArray.largestUnpacked else {
        throw FileError(path: folder, reason: "has over \(NumPyArray.largestUnpacked >> 30) GiB of pixels")
      }
      bytes += picture.pixels
    }
    return ArrayFile(NumPyArray(element: .uint8, shape: [names.count] + shape, littleEndian: bytes), .pictures)
  }

  private static func file(_ path: String) throws(NumPyError) -> [UInt8] {
    do throws(FileError) {
      return try InputFile.bytes(path: path, limit: NumPyArray.largestFile)
    } catch {
      throw NumPyError(error.reason)
    }
  }
}

extension NumPyArray {
  /// The array in a file of any format that `ArrayFile` reads.
  public static func read(path: String, items: Int? = nil) throws(FileError) -> NumPyArray {
    try ArrayFile.read(path: path, items: items).array
  }

  /// The array of a `.npz` archive, by its name there where it has several.
  init(archive bytes: [UInt8], member: String?, path: String) throws(NumPyError) {
    let archive = try ZipArchive(bytes)
    let names = archive.entries.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    guard let name = member ?? (names.count == 1 ? names[0] : nil), names.contains(name),
      let entry = archive.entries.first(where: { $0.name == name + ".npy" })
    else {
      let list = names.prefix(20).map { $0.printable(60) }.joined(separator: ", ")
      throw NumPyError(
        names.isEmpty
          ? "is a ZIP archive without a .npy file"
          : (member.map { "has no array \"\($0.printable(60))\"" } ?? "has \(names.count) arrays")
            + ": name one behind a colon, as \(path.printable()):\(names[0].printable(60)). It holds \(list)")
    }
    try self.init(fileBytes: archive.content(of: entry))
  }
}
