import DifferentialTesting
import Testing

@testable import ImageProof

struct WordOperationTests {
  private static let operations: [(WordOperation, Int)] = [
    (.product, 2), (.and, 2), (.or, 2), (.exclusiveOr, 2), (.field(low: 0, width: 8, isSigned: true), 1),
    (.field(low: 3, width: 8, isSigned: false), 1), (.field(low: 9, width: 23, isSigned: true), 1),
    (.field(low: 31, width: 1, isSigned: true), 1), (.field(low: 0, width: 16, isSigned: false), 1),
    (.saturated(bits: 8, isSigned: true), 1), (.saturated(bits: 5, isSigned: false), 1),
    (.saturatingSum(isSubtracted: false), 2), (.saturatingSum(isSubtracted: true), 2),
    (.highProduct(isSubtracted: false, rounding: 0), 3), (.highProduct(isSubtracted: true, rounding: 1 << 31), 3),
    (.highWord(isSigned: true), 2), (.highWord(isSigned: false), 2), (.highWordOfSum, 4), (.quotient(isSigned: true), 2),
    (.quotient(isSigned: false), 2), (.leadingZeros, 1), (.reversedBits, 1), (.carry, 3), (.less(isSigned: true), 2),
    (.less(isSigned: false), 2), (.mask(atLeast: 3), 1), (.isZero, 1),
  ]

  @Test("ranges of operations hold what they make of the words in their operands' ranges")
  func rangesAreSound() {
    var random = SeededGenerator(seed: 2)
    func word() -> Int64 {
      switch random.integer(in: 0...3) {
      case 0: Int64(random.integer(in: -4...4))
      case 1: Int64(Int32.max) - Int64(random.integer(in: 0...3))
      case 2: Int64(Int32.min) + Int64(random.integer(in: 0...3))
      default: Int64(Int32(truncatingIfNeeded: random.next()))
      }
    }
    for (operation, count) in Self.operations {
      for _ in 0..<300 {
        let ranges = (0..<count).map { place in
          if operation == .carry, place == 2 { return Span(0, 1) }
          let low = word()
          let size = Int64(random.integer(in: 0...3)) * Int64(random.integer(in: 0...1 << 20))
          return Span(low, min(low + size, Int64(Int32.max)))
        }
        let span = operation.span(ranges)
        for _ in 0..<6 {
          let words = ranges.map { Int32($0.low + Int64(random.next() % UInt64($0.high - $0.low + 1))) }
          let made = Int64(operation.word(words))
          #expect(span.low <= made && made <= span.high, "\(operation) of \(words) in \(ranges)")
          #expect(operation.span(words.map { Span(Int64($0)) }) == Span(made))
        }
      }
    }
  }

  @Test func formsThatWrapAreNotTakenForIntegers() {
    let table = AtomTable()
    let x = table.variable(Span(-128, 127))
    // 2^24 · x + 5 of 8 bits is 5; x of 8 bits is itself as a signed number, and none as an unsigned one.
    #expect(table.exact(LinearForm(x, coefficient: 1 << 24, constant: 5), width: 8, isSigned: true) == LinearForm(5))
    #expect(table.exact(LinearForm(x), width: 8, isSigned: true) == LinearForm(x))
    #expect(table.exact(LinearForm(x), width: 8, isSigned: false) == nil)
    #expect(table.exact(LinearForm(x, constant: 1), width: 8, isSigned: true) == nil)
    // 256 · x + 127 fits 16 bits; 257 · x does not.
    #expect(table.exact(LinearForm(x, coefficient: 256, constant: 127), width: 16, isSigned: true) != nil)
    #expect(table.exact(LinearForm(x, coefficient: 257), width: 16, isSigned: true) == nil)
  }
}
