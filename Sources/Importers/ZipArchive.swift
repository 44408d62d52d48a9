import CZlib

/// The files in a ZIP archive, as NumPy's `savez` and `savez_compressed` write them: stored or deflated
/// (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT).
public struct ZipArchive {
  struct Entry {
    var name: String
    /// 0 as it is, 8 deflated.
    var method: Int
    var packedSize, size: Int
    var offset: Int
  }

  static let signature: [UInt8] = Array("PK".utf8) + [3, 4]
  private static let mostEntries = 1 << 16

  let entries: [Entry]
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) throws(NumPyError) {
    self.bytes = bytes
    let damaged = NumPyError("is cut short or damaged: its ZIP directory is not where it should be")
    func number(_ place: Int, _ width: Int) throws(NumPyError) -> Int {
      guard place >= 0, place <= bytes.count - width else { throw damaged }
      return bytes[place..<place + width].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    /// Eight bytes that fit a place in a file.
    func size(at place: Int) throws(NumPyError) -> Int {
      guard try number(place + 4, 4) < 1 << 20 else { throw damaged }
      return try number(place, 8)
    }
    // The end of the directory is the last record; a comment of up to 65,535 bytes may follow.
    let end = stride(from: bytes.count - 22, through: max(0, bytes.count - 22 - 65_535), by: -1).first {
      bytes[$0...].starts(with: Array("PK".utf8) + [5, 6])
    }
    guard let end else { throw damaged }
    var (count, place) = (try number(end + 10, 2), try number(end + 16, 4))
    // Behind other bytes, as a model, places may count from the archive's own start.
    let length = try number(end + 12, 4)
    var start = 0
    if length <= end - place, !bytes[place...].starts(with: Array("PK".utf8) + [1, 2]), count < 0xFFFF {
      (start, place) = (end - length - place, end - length)
    }
    if count == 0xFFFF || place == 0xFFFF_FFFF {
      // ZIP64: a locator stands in front, and names the place of the larger record.
      guard end >= 20, bytes[(end - 20)...].starts(with: Array("PK".utf8) + [6, 7]) else { throw damaged }
      let record = try size(at: end - 12)
      (count, place) = (try size(at: record + 32), try size(at: record + 48))
    }
    guard count <= Self.mostEntries else { throw NumPyError("is a ZIP archive of \(count) files") }
    var entries: [Entry] = []
    for _ in 0..<count {
      guard place >= 0, place < bytes.count, bytes[place...].starts(with: Array("PK".utf8) + [1, 2]) else { throw damaged }
      let lengths = (name: try number(place + 28, 2), extra: try number(place + 30, 2), comment: try number(place + 32, 2))
      var (packed, whole, offset) = (try number(place + 20, 4), try number(place + 24, 4), try number(place + 42, 4))
      let name = place + 46
      guard name + lengths.name + lengths.extra <= bytes.count else { throw damaged }
      // Sizes that do not fit stand in an extra field, in this order.
      var field = name + lengths.name
      let fields = field + lengths.extra
      while field + 4 <= fields {
        let (kind, length) = (try number(field, 2), try number(field + 2, 2))
        if kind == 1 {
          var next = field + 4
          if whole == 0xFFFF_FFFF { (whole, next) = (try size(at: next), next + 8) }
          if packed == 0xFFFF_FFFF { (packed, next) = (try size(at: next), next + 8) }
          if offset == 0xFFFF_FFFF { offset = try size(at: next) }
        }
        field += 4 + length
      }
      guard try number(place + 8, 2) & 1 == 0 else { throw NumPyError("is an encrypted ZIP archive") }
      entries.append(
        Entry(
          name: String(decoding: bytes[name..<name + lengths.name], as: UTF8.self), method: try number(place + 10, 2),
          packedSize: packed, size: whole, offset: start + offset))
      place = fields + lengths.comment
    }
    self.entries = entries
  }

  /// The names of NumPy's arrays in it.
  var arrayNames: [String] { entries.map(\.name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) } }

  /// A file's bytes, unpacked.
  func content(of entry: Entry) throws(NumPyError) -> [UInt8] {
    let damaged = NumPyError("is cut short or damaged: \"\(entry.name.printable(60))\" is not where its ZIP directory says")
    guard entry.offset >= 0, entry.offset <= bytes.count - 30,
      bytes[entry.offset...].starts(with: Self.signature)
    else { throw damaged }
    func length(_ place: Int) -> Int { Int(bytes[entry.offset + place]) | Int(bytes[entry.offset + place + 1]) << 8 }
    let start = entry.offset + 30 + length(26) + length(28)
    guard start <= bytes.count, entry.packedSize <= bytes.count - start, entry.size <= NumPyArray.largestUnpacked else {
      throw damaged
    }
    let packed = Array(bytes[start..<start + entry.packedSize])
    switch entry.method {
    case 0 where packed.count == entry.size: return packed
    case 8:
      let content = try UnpackedBytes(deflated: packed).next(entry.size)
      guard content.count == entry.size else { throw damaged }
      return content
    default:
      throw NumPyError(
        "packs \"\(entry.name.printable(60))\" by ZIP's method \(entry.method); numpy.savez and savez_compressed are read")
    }
  }
}

extension ZipArchive {
  /// The bytes of an archive that holds one file as it is, to stand behind `start` other bytes; places count from their
  /// begin, as Python's zipfile writes them.
  public static func bytes(holding content: [UInt8], called name: String, behind start: Int) -> [UInt8] {
    func little(_ number: Int, _ width: Int) -> [UInt8] { (0..<width).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    let checksum = Int(crc32(0, content, UInt32(content.count)))
    let title = Array(name.utf8)
    // Version 2.0, names in UTF-8, stored, on the first day of 1980.
    let kind = little(20, 2) + little(1 << 11, 2) + little(0, 2) + little(0, 2) + little(0x21, 2)
    let sizes = little(checksum, 4) + little(content.count, 4) + little(content.count, 4) + little(title.count, 2)
    let file = signature + kind + sizes + little(0, 2) + title + content
    let directory =
      Array("PK".utf8) + [1, 2] + little(20, 2) + kind + sizes + little(0, 12) + little(start, 4) + title
    return file + directory + Array("PK".utf8) + [5, 6] + little(0, 4) + little(1, 2) + little(1, 2)
      + little(directory.count, 4) + little(start + file.count, 4) + little(0, 2)
  }
}
