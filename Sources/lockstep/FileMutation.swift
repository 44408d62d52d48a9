import DifferentialTesting

/// A seeded damage to one of several files: what a broken download, a bad converter or an attacker might hand
/// over.
struct FileMutation {
  /// Which of the files was damaged.
  let file: Int
  let bytes: [UInt8]
  /// What was done, in words.
  let description: String

  init(of files: [[UInt8]], random: SeededGenerator) {
    var random = random
    file = random.integer(in: 0...files.count - 1)
    var editor = FileEditor(bytes: files[file], random: random)
    // Several kinds of damage meet now and then.
    let rounds = editor.random.chance(0.25) ? editor.random.integer(in: 2...4) : 1
    let damages = (0..<rounds).map { _ in editor.damage(donors: files) }
    bytes = editor.bytes
    description = damages.joined(separator: ", ")
  }
}

private struct FileEditor {
  var bytes: [UInt8]
  var random: SeededGenerator

  private enum Damage { case bits, bytes, word, real, long, truncation, copy, removal, splice }

  private static let weights: [(weight: Int, value: Damage)] = [
    (20, .bits), (15, .bytes), (25, .word), (12, .real), (10, .long), (6, .truncation), (6, .copy),
    (3, .removal),
    (3, .splice),
  ]
  private static let extremes: [UInt8] = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]
  /// Sizes, counts, offsets and codes at the edges of what registers hold.
  private static let words: [UInt32] = [
    0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 0x10_0000, 0x1000_0000,
    0x4000_0000,
    0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FF80, 0xFFFF_FFFE, 0xFFFF_FFFF,
  ]
  /// Scales no converter writes.
  private static let reals: [Float] = [
    0, -0.0, -1, 1, .leastNonzeroMagnitude, 1e-38, 1e-20, 1e-9, 1e9, 1e20, 3.4e38, .infinity, -.infinity,
    .nan, 0x1p-27, 0x1p30,
  ]
  private static let longs: [UInt64] = [
    0, 127, 128, 255, 0xFFFF_FFFF_FFFF_FF80, 0xFFFF_FFFF_FFFF_FF7F, 0x7FFF_FFFF, 0x8000_0000, 1 << 62,
    1 << 63,
    0x7FFF_FFFF_FFFF_FFFF, .max,
  ]

  /// Damages the bytes in one way and says how.
  mutating func damage(donors: [[UInt8]]) -> String {
    guard !bytes.isEmpty else { return "nothing left" }
    switch random.choice(of: Self.weights) {
    case .bits:
      let places = (0..<random.integer(in: 1...8)).map { _ in place(width: 1) }
      for place in places { bytes[place] ^= 1 << UInt8(random.integer(in: 0...7)) }
      return "bits flipped in bytes \(places)"
    case .bytes:
      let places = (0..<random.integer(in: 1...8)).map { _ in place(width: 1) }
      for place in places { bytes[place] = random.element(of: Self.extremes) }
      return "bytes \(places) set"
    case .word:
      // As often a small step from what stands there: to the neighbouring element, or one too many.
      let place = place(width: 4, aligned: random.chance(0.9))
      let near = word(at: place) &+ UInt32(truncatingIfNeeded: random.integer(in: -8...8))
      return overwrite(
        UInt64(random.chance(0.3) ? near : random.element(of: Self.words)), width: 4, at: place)
    case .real:
      let place = place(width: 4, aligned: true)
      return overwrite(UInt64(random.element(of: Self.reals).bitPattern), width: 4, at: place)
    case .long:
      return overwrite(random.element(of: Self.longs), width: 8, at: place(width: 8, aligned: true))
    case .truncation:
      let count = random.integer(in: 0...bytes.count - 1)
      bytes.removeSubrange(count...)
      return "cut to \(count) bytes"
    case .copy:
      let source = stretch(of: bytes)
      let target = place(width: source.count)
      for (offset, byte) in Array(bytes[source]).enumerated() where target + offset < bytes.count {
        bytes[target + offset] = byte
      }
      return "bytes \(source) copied to \(target)"
    case .removal:
      let stretch = stretch(of: bytes)
      bytes.removeSubrange(stretch)
      return "bytes \(stretch) removed"
    case .splice:
      let donor = random.element(of: donors)
      let stretch = stretch(of: donor)
      let place = random.integer(in: 0...bytes.count)
      bytes.insert(contentsOf: donor[stretch], at: place)
      return "\(stretch.count) bytes of another file put in at \(place)"
    }
  }

  /// A place to damage. Most of a file is weights, whose every value is sound; so a place is sought, more
  /// often than not, whose neighbours are mostly zero, as in tables, sizes and offsets.
  private mutating func place(width: Int, aligned: Bool = false) -> Int {
    let last = max(bytes.count - width, 0)
    var place = 0
    for _ in 0..<(random.chance(0.8) ? 12 : 1) {
      place = random.integer(in: 0...last)
      if aligned { place -= place % 4 }
      if bytes[place..<min(place + 8, bytes.count)].count(where: { $0 == 0 }) >= 4 { break }
    }
    return place
  }

  private mutating func stretch(of bytes: [UInt8]) -> Range<Int> {
    guard !bytes.isEmpty else { return 0..<0 }
    let start = random.integer(in: 0...bytes.count - 1)
    return start..<min(bytes.count, start + random.integer(in: 1...64))
  }

  private func word(at place: Int) -> UInt32 {
    bytes[place..<min(place + 4, bytes.count)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private mutating func overwrite(_ value: UInt64, width: Int, at place: Int) -> String {
    for byte in 0..<width where place + byte < bytes.count {
      bytes[place + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
    }
    return "\(width) bytes at \(place) set to \(String(value, radix: 16))"
  }
}
