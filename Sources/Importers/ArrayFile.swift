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
  /// Whether pictures have more bits a channel than their pixels.
  public let isRounded: Bool

  init(_ array: NumPyArray, _ format: Format, items: Int? = nil, isRounded: Bool = false) {
    self.isRounded = isRounded
    self.array = array
    self.format = format
    self.items = items ?? array.shape.first ?? 1
  }

  /// The array at `path`; errors name the file. Of an IDX file no more than the first `items` along its first dimension
  /// are read, where that is given. A folder stands for the pictures in it, in the order of their names. Of a `.npz` with
  /// several arrays one is named behind a colon: `x.npz:NAME`.
  public static func read(path: String, items: Int? = nil) throws(FileError) -> ArrayFile {
    let place = ArrayPath(path)
    let file = place.file
    if place.isFolder { return try pictures(place) }
    let bytes = try InputFile.bytes(path: file, limit: NumPyArray.largestFile)
    do throws(NumPyError) {
      if bytes.starts(with: ZipArchive.signature) {
        return ArrayFile(try NumPyArray(archive: bytes, member: place.member, path: file), .numPy)
      }
      if bytes.starts(with: Picture.signature) {
        let picture = try Picture(fileBytes: bytes)
        return ArrayFile(picture.array, .pictures, isRounded: picture.isRounded)
      }
      if CSV.names.contains(where: file.lowercased().hasSuffix) { return ArrayFile(try CSV.array(bytes), .csv) }
      return try NumPyArray.unpackingFile(bytes, items: items)
    } catch {
      throw FileError(path: path, reason: error.reason)
    }
  }

  /// The bytes of a file called `path` that holds `array`: NumPy's, or text where the name ends as that of a CSV file does.
  public static func bytes(of array: NumPyArray, for path: String) -> [UInt8] {
    let name = path.lowercased()
    guard let ending = CSV.names.first(where: name.hasSuffix) else { return array.fileBytes }
    return CSV.bytes(of: array, separator: ending == ".tsv" ? "\t" : ",")
  }

  /// Whether an array is written to a file of this name: NumPy's (also without an ending), or CSV.
  public static func isWritten(to path: String) -> Bool {
    let name = path.lowercased().split(separator: "/").last ?? ""
    return !name.dropFirst().contains(".") || ([".npy"] + CSV.names).contains(where: name.hasSuffix)
  }

  private static func pictures(_ folder: ArrayPath) throws(FileError) -> ArrayFile {
    let paths = try folder.files()
    var (bytes, shape): ([UInt8], [Int]) = ([], [])
    var isRounded = false
    for path in paths {
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
          reason: "is \(picture.text), and \(paths[0].printable()) is \(Picture.text(shape)): pictures of a folder are alike")
      }
      guard bytes.count + picture.pixels.count <= NumPyArray.largestUnpacked else {
        throw FileError(path: folder.file, reason: "has over \(NumPyArray.largestUnpacked >> 30) GiB of pixels")
      }
      bytes += picture.pixels
      isRounded = isRounded || picture.isRounded
    }
    let array = NumPyArray(element: .uint8, shape: [paths.count] + shape, littleEndian: bytes)
    return ArrayFile(array, .pictures, isRounded: isRounded)
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
    let names = archive.arrayNames
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
