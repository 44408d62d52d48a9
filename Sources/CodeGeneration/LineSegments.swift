import IntegerProgram

/// A table's elements as straight lines: `(base + slope · (index − start)) >> fractionBits` for the indices from a start to
/// the next. Functions of 16-bit codes are made so on devices, where a table would take 128 KB: a rectifier is two lines, a
/// sigmoid some hundred. Every element is held to the table's.
struct LineSegments {
  struct Segment: Hashable {
    var start: Int
    var slope: Int32
    var base: Int64
  }

  private(set) var segments: [Segment] = []
  let fractionBits: Int

  /// Bytes of flash that a line takes: its start, slope and base.
  static let bytesPerLine = 2 + 4 + 8

  init?(_ lookup: Lookup, most: Int) { self.init(lookup.table, most: most) }

  /// Lines through all elements; nil where that takes more than `most`, or some two neighbours are too far apart.
  init?(_ table: [Int32], most: Int) {
    guard !table.isEmpty, most > 0, table.count <= 1 << 16 else { return nil }
    let steepest = zip(table, table.dropFirst()).reduce(Int64(1)) { max($0, abs(Int64($1.1) - Int64($1.0))) }
    fractionBits = 29 - (Int64.bitWidth - steepest.leadingZeroBitCount)
    guard fractionBits >= 8 else { return nil }
    var start = 0
    while start < table.count {
      guard segments.count < most else { return nil }
      let (segment, count) = longest(table, from: start)
      segments.append(segment)
      start += count
    }
  }

  /// The longest line that begins at an element, or nearly: the slopes and bases of all lines through the elements so far
  /// are a polygon, which every further element may cut smaller.
  private func longest(_ table: [Int32], from start: Int) -> (made: Segment, count: Int) {
    let first = Double(table[start])
    let unit = Double(1 << fractionBits)
    let limit = 0x1p29 / unit
    var lines = [Line(-limit, 0), Line(limit, 0), Line(limit, 1), Line(-limit, 1)]
    var end = start + 1
    while end < table.count {
      let (distance, height) = (Double(end - start), Double(table[end]) - first)
      func above(_ line: Line) -> Double { line.slope * distance + line.base - height }
      func within(_ line: Line) -> Double { 1 - 0x1p-20 - above(line) }
      if !lines.allSatisfy({ above($0) >= 0 && within($0) >= 0 }) {
        let rest = Self.cut(Self.cut(lines, above), within)
        if rest.count < 3 { break }
        lines = rest
      }
      end += 1
    }
    let middle = lines.reduce(Line(0, 0)) { Line($0.slope + $1.slope, $0.base + $1.base) }
    let made = Segment(
      start: start, slope: Int32((middle.slope / Double(lines.count) * unit).rounded()),
      base: Int64(table[start]) << Int64(fractionBits) + Int64((middle.base / Double(lines.count) * unit).rounded()))
    // What rounding has brought off the line ends it.
    var count = 0
    while start + count < end, value(of: made, at: start + count) == Int64(table[start + count]) { count += 1 }
    if count > 0 { return (made, count) }
    return (Segment(start: start, slope: 0, base: Int64(table[start]) << Int64(fractionBits)), 1)
  }

  /// The element at an index on a line.
  func value(of segment: Segment, at index: Int) -> Int64 {
    (segment.base + Int64(segment.slope) * Int64(index - segment.start)) >> Int64(fractionBits)
  }

  private struct Line {
    var slope, base: Double
    init(_ slope: Double, _ base: Double) { (self.slope, self.base) = (slope, base) }
  }

  /// The part of a convex polygon in which `height` is not negative.
  private static func cut(_ polygon: [Line], _ height: (Line) -> Double) -> [Line] {
    var result: [Line] = []
    for index in polygon.indices {
      let (a, b) = (polygon[index], polygon[(index + 1) % polygon.count])
      let (p, q) = (height(a), height(b))
      if p >= 0 { result.append(a) }
      if p < 0 && q > 0 || p > 0 && q < 0 {
        let part = p / (p - q)
        result.append(Line(a.slope + (b.slope - a.slope) * part, a.base + (b.base - a.base) * part))
      }
    }
    return result
  }
}
