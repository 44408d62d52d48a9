import Testing

@testable import CodeGeneration

/// Straight lines in place of a table make every element of it.
@Suite struct LineSegmentsTests {
  private static let count = 1 << 13

  private static func table(_ element: (Double) -> Double) -> [Int32] {
    (0..<count).map { Int32(element(Double($0) / Double(count)).rounded(.toNearestOrEven)) }
  }

  @Test(
    "each element is the table's",
    arguments: [
      ("rectifier with a slope", table { ($0 - 0.4) * ($0 < 0.4 ? 0.0731 : 1) * 8_111 }, 2...4),
      ("hard sigmoid", table { min(max($0 * 3.1 - 0.7, 0), 1) * 65_535 - 32_768 }, 3...6),
      ("parabola", table { ($0 - 0.5) * ($0 - 0.5) * 30_000 }, 10...300),
      ("constant", table { _ in 7 }, 1...1),
      ("falling", table { -8_000.5 * $0 }, 1...3),
      ("stairs", table { ($0 * 13).rounded(.down) * 4_000 }, 13...26),
    ])
  func elements(name: String, table: [Int32], segments: ClosedRange<Int>) throws {
    let lines = try #require(LineSegments(table, most: 400))
    var line = 0
    for index in table.indices {
      while line + 1 < lines.segments.count, lines.segments[line + 1].start <= index { line += 1 }
      #expect(lines.value(of: lines.segments[line], at: index) == Int64(table[index]))
    }
    #expect(segments.contains(lines.segments.count), "\(name): \(lines.segments.count)")
    #expect(LineSegments(table, most: lines.segments.count - 1) == nil)
  }

  @Test func neighboursFarApartHaveNoLines() {
    #expect(LineSegments([0, 1 << 24], most: 2) == nil)
    #expect(LineSegments([Int32](), most: 2) == nil)
  }
}
