import Testing

@testable import CodeGeneration

/// Straight lines in place of a table make every element of it.
@Suite struct LineSegmentsTests {
  private static let count = 1 << 13

  enum Function: CaseIterable {
    case sloped, hardSigmoid, parabola, constant, falling, stairs

    func callAsFunction(_ x: Double) -> Double {
      switch self {
      case .sloped: return (x - 0.4) * (x < 0.4 ? 0.0731 : 1) * 8_111
      case .hardSigmoid:
        let share = x * 3.1 - 0.7
        return (share < 0 ? 0 : share > 1 ? 1 : share) * 65_535 - 32_768
      case .parabola: return (x - 0.5) * (x - 0.5) * 30_000
      case .constant: return 7
      case .falling: return -8_000.5 * x
      case .stairs: return (x * 13).rounded(.down) * 4_000
      }
    }
    /// How many lines it may take.
    var segments: ClosedRange<Int> {
      switch self {
      case .sloped: 2...4
      case .hardSigmoid: 3...6
      case .parabola: 10...300
      case .constant: 1...1
      case .falling: 1...3
      case .stairs: 13...26
      }
    }
  }

  @Test("each element is the table's", arguments: Function.allCases)
  func elements(_ function: Function) throws {
    let table = (0..<Self.count).map { Int32(function(Double($0) / Double(Self.count)).rounded(.toNearestOrEven)) }
    let segments = function.segments
    let lines = try #require(LineSegments(table, most: 400))
    var line = 0
    for index in table.indices {
      while line + 1 < lines.segments.count, lines.segments[line + 1].start <= index { line += 1 }
      #expect(lines.value(of: lines.segments[line], at: index) == Int64(table[index]))
    }
    #expect(segments.contains(lines.segments.count), "\(lines.segments.count)")
    #expect(LineSegments(table, most: lines.segments.count - 1) == nil)
  }

  @Test func neighboursFarApartHaveNoLines() {
    #expect(LineSegments([0, 1 << 24], most: 2) == nil)
    #expect(LineSegments([Int32](), most: 2) == nil)
  }
}
