/// A table in the bytes of a FlatBuffer (https://flatbuffers.dev/internals), read where it lies. What is left out, or leads
/// out of the bytes, is nil: the file may be anyone's.
struct FlatTable {
  private let bytes: [UInt8]
  private let place: Int

  /// Vectors of more than this are no metadata's.
  private static let mostElements = 1 << 16

  /// The table at the root, where the file's identifier is `identifier`.
  init?(root bytes: [UInt8], identifier: String) {
    guard bytes.count >= 8, bytes[4..<8].elementsEqual(identifier.utf8) else { return nil }
    self.init(bytes, from: 0)
  }

  /// The table that the offset at `place` leads to.
  private init?(_ bytes: [UInt8], from place: Int) {
    self.bytes = bytes
    guard let target = Self.target(bytes, place) else { return nil }
    self.place = target
  }

  func table(_ field: Int) -> FlatTable? { self.field(field).flatMap { FlatTable(bytes, from: $0) } }

  func tables(_ field: Int) -> [FlatTable] {
    guard let (start, count) = vector(field, width: 4), count <= Self.mostElements else { return [] }
    return (0..<count).compactMap { FlatTable(bytes, from: start + 4 * $0) }
  }

  func string(_ field: Int) -> String? { data(field).flatMap { String(validating: $0, as: UTF8.self) } }

  /// A vector of bytes.
  func data(_ field: Int) -> ArraySlice<UInt8>? {
    vector(field, width: 1).map { start, count in bytes[start..<start + count] }
  }

  /// An unsigned number of so many bytes, at most 8; 0 where it is left out.
  func number(_ field: Int, width: Int) -> Int {
    self.field(field).flatMap { Self.number(bytes, $0, width) } ?? 0
  }

  /// Where a field lies. A table starts with the distance back to its list of fields, which starts with its own size.
  private func field(_ field: Int) -> Int? {
    guard let back = Self.number(bytes, place, 4) else { return nil }
    let list = place - Int(Int32(truncatingIfNeeded: back))
    guard let size = Self.number(bytes, list, 2), 4 + 2 * field + 2 <= size,
      let offset = Self.number(bytes, list + 4 + 2 * field, 2), offset > 0
    else { return nil }
    return place + offset
  }

  /// Where a vector's elements of `width` bytes start, and how many there are.
  private func vector(_ field: Int, width: Int) -> (start: Int, count: Int)? {
    guard let from = self.field(field), let place = Self.target(bytes, from), let count = Self.number(bytes, place, 4),
      count <= (bytes.count - place - 4) / width
    else { return nil }
    return (place + 4, count)
  }

  private static func target(_ bytes: [UInt8], _ place: Int) -> Int? {
    number(bytes, place, 4).flatMap { place + $0 <= bytes.count - 4 ? place + $0 : nil }
  }

  private static func number(_ bytes: [UInt8], _ place: Int, _ width: Int) -> Int? {
    guard place >= 0, place <= bytes.count - width else { return nil }
    return Int(truncatingIfNeeded: bytes[place..<place + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  }
}
