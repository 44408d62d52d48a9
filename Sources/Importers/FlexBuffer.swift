/// A FlexBuffer whose root is a map, as custom operators hold their options: its integers and truth values by their
/// names. The format is Google's (flatbuffers.dev/internals, "FlexBuffers"): values lie in front of what refers to
/// them, in widths of 1, 2, 4 or 8 bytes, and each refers to others by how far in front of itself they lie.
struct FlexBuffer {
  /// Truth values are 1 and 0.
  private(set) var integers: [String: Int64] = [:]
  private let bytes: [UInt8]

  private enum Kind: UInt8 {
    case integer = 1, unsigned = 2, indirectInteger = 6, indirectUnsigned = 7, map = 9, truth = 26
  }

  /// More options than any operator has.
  private static let mostEntries = 1 << 10

  /// Nil where the bytes are none.
  init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard bytes.count >= 3, let width = bytes.last.map(Int.init), Self.widths.contains(width),
      bytes[bytes.count - 2] >> 2 == Kind.map.rawValue, bytes.count - 2 >= width
    else { return nil }
    // The low bits of a type are the width of what it refers to.
    let own = 1 << Int(bytes[bytes.count - 2] & 3)
    guard let values = target(of: bytes.count - 2 - width, width: width), values >= 3 * own,
      let count = unsigned(values - own, own).flatMap({ Int(exactly: $0) }), count <= Self.mostEntries,
      let keys = target(of: values - 3 * own, width: own),
      let keyWidth = unsigned(values - 2 * own, own).flatMap({ Int(exactly: $0) }), Self.widths.contains(keyWidth)
    else { return nil }
    for entry in 0..<count {
      let (place, type) = (values + entry * own, values + count * own + entry)
      guard bytes.indices.contains(type), let name = target(of: keys + entry * keyWidth, width: keyWidth).flatMap(text)
      else { return nil }
      guard let kind = Kind(rawValue: bytes[type] >> 2) else { continue }
      let width = 1 << Int(bytes[type] & 3)
      switch kind {
      case .integer: integers[name] = integer(place, own)
      case .unsigned, .truth: integers[name] = unsigned(place, own).flatMap { Int64(exactly: $0) }
      case .indirectInteger: integers[name] = target(of: place, width: own).flatMap { integer($0, width) }
      case .indirectUnsigned:
        integers[name] = target(of: place, width: own).flatMap { unsigned($0, width) }.flatMap { Int64(exactly: $0) }
      case .map: continue
      }
    }
  }

  private static let widths = [1, 2, 4, 8]

  private func unsigned(_ place: Int, _ width: Int) -> UInt64? {
    guard place >= 0, place <= bytes.count - width else { return nil }
    return (0..<width).reduce(0) { $0 | UInt64(bytes[place + $1]) << UInt64(8 * $1) }
  }

  private func integer(_ place: Int, _ width: Int) -> Int64? {
    let unused = UInt64(64 - 8 * width)
    return unsigned(place, width).map { Int64(bitPattern: $0 << unused) >> Int64(unused) }
  }

  /// What the offset at `place` refers to.
  private func target(of place: Int, width: Int) -> Int? {
    guard let offset = unsigned(place, width).flatMap({ Int(exactly: $0) }), offset <= place else { return nil }
    return place - offset
  }

  /// A name, which a zero ends.
  private func text(_ place: Int) -> String? {
    guard let end = bytes[place...].firstIndex(of: 0) else { return nil }
    return String(decoding: bytes[place..<end], as: UTF8.self)
  }
}
