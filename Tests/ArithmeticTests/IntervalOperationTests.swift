import Testing

@testable import Arithmetic

/// Each operation of the interval reading, beside what makes it correct: it contains the result of every pair
/// of members, no more than that, and `holds` exactly where none of them leaves the register.
@Suite struct IntervalOperationTests {
  typealias Operation = @Sendable (Interval<Int8>, Interval<Int8>) -> Interval<Int8>
  typealias Definition = @Sendable (Int, Int) -> Int?

  struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let operation: Operation
    /// The result as an integer without bounds; nil where the operation is not defined.
    let definition: Definition
    /// Whether the range must be no wider than its members need.
    var isExact = true
  }

  static let cases = [
    Case(testDescription: "+", operation: { $0 +% $1 }, definition: { $0 + $1 }),
    Case(testDescription: "−", operation: { $0 -% $1 }, definition: { $0 - $1 }),
    Case(testDescription: "·", operation: { $0 *% $1 }, definition: { $0 * $1 }),
    Case(
      testDescription: "<<", operation: { $0 <<% $1 }, definition: { (0..<8).contains($1) ? $0 << $1 : nil }),
    Case(
      testDescription: ">>", operation: { $0 >>% $1 }, definition: { (0..<8).contains($1) ? $0 >> $1 : nil }),
    Case(testDescription: "/", operation: { $0 / $1 }, definition: { $1 > 0 ? $0 / $1 : nil }),
    Case(testDescription: "smaller", operation: { .smaller($0, $1) }, definition: { $0 < $1 ? $0 : $1 }),
    Case(testDescription: "larger", operation: { .larger($0, $1) }, definition: { $0 > $1 ? $0 : $1 }),
    Case(
      testDescription: "select of less",
      operation: { .select(Interval.less($0, $1), Interval(1), Interval(2)) },
      definition: { $0 < $1 ? 1 : 2 }),
    Case(
      testDescription: "lowest 3", operation: { a, _ in a.lowest(bits: 3) }, definition: { a, _ in a & 7 },
      isExact: false),
    Case(
      testDescription: "clamp", operation: { a, _ in a.clamped(-5, 64) },
      definition: { a, _ in min(max(a, -5), 64) }),
    Case(
      testDescription: "wide product narrowed",
      operation: { Interval(narrowing: ($0.wide *% $1.wide) >>% 7) }, definition: { ($0 * $1) >> 7 }),
  ]

  /// Ends where something happens: those of the register, of its halves, of shifts, and small ones.
  private static let ends: [Int64] = [
    -128, -127, -65, -64, -9, -8, -7, -2, -1, 0, 1, 2, 3, 7, 8, 11, 63, 64, 126, 127,
  ]
  private static let intervals: [Interval<Int8>] = ends.flatMap { low in
    ends.filter { $0 >= low }.map { Interval(low, $0) }
  }

  @Test(arguments: cases)
  func everyPairOfNotable8BitIntervalsGivesItsExactRange(_ test: Case) {
    // The definition's values once, then the least and the greatest of every block.
    let values = (-128...127).map { a in (-128...127).map { b in test.definition(a, b) } }
    sweep { sweep in
      for a in Self.intervals {
        // For each b: the extremes over a, so that a block costs a row.
        var rows: [(low: Int, high: Int, isDefined: Bool)] = []
        for b in 0..<256 {
          var row = (low: Int.max, high: Int.min, isDefined: true)
          for x in a.range {
            guard let value = values[Int(x) + 128][b] else {
              row.isDefined = false
              break
            }
            row = (min(row.low, value), max(row.high, value), true)
          }
          rows.append(row)
        }
        for b in Self.intervals where isOptimized || b.low % 7 == 0 {
          var (low, high, isDefined) = (Int.max, Int.min, true)
          for y in b.range {
            let row = rows[Int(y) + 128]
            isDefined = isDefined && row.isDefined
            low = min(low, row.low)
            high = max(high, row.high)
          }
          let fits = isDefined && low >= -128 && high <= 127
          let found = test.operation(a, b)
          let operands = "\(a), \(b): \(found), expected \(fits ? "\(low) … \(high)" : "no proof")"
          sweep.expect(found.holds == fits, operands)
          if fits {
            sweep.expect(found.low <= Int64(low) && found.high >= Int64(high), operands)
            if test.isExact { sweep.expect(found.low == Int64(low) && found.high == Int64(high), operands) }
          } else {
            sweep.expect(found.low == -128 && found.high == 127 || test.isExact, operands)
          }
        }
      }
    }
  }

  @Test func theLowestBitsOfEvery8BitIntervalAreExactWithinABlock() {
    sweep { sweep in
      for bits in 0...7 {
        let mask = (1 << bits) - 1
        for low in -128...127 {
          for high in low...127 {
            let found = Interval<Int8>(Int64(low), Int64(high)).lowest(bits: bits)
            let isOneBlock = low >> bits == high >> bits
            let expected = isOneBlock ? (low & mask)...(high & mask) : 0...mask
            sweep.expect(
              found, Interval(Int64(expected.lowerBound), Int64(expected.upperBound)), "\(low) … \(high)")
          }
        }
      }
    }
  }

  @Test func aComparisonIsDecidedExactlyWhereAllMembersAgree() {
    sweep { sweep in
      for a in Self.intervals {
        for b in Self.intervals {
          let some = a.low < b.high
          let all = a.high < b.low
          sweep.expect(Interval.less(a, b).decided, all ? true : some ? nil : false, "\(a) < \(b)")
        }
      }
    }
  }

  enum Register: CaseIterable { case int32, int64 }
  /// The registers of the product, near their ends.
  @Test(arguments: Register.allCases)
  func wideRegistersNoticeEveryOverflow(_ register: Register) {
    switch register {
    case .int32: compareNearEnds(Int32.self)
    case .int64: compareNearEnds(Int64.self)
    }
  }

  private func compareNearEnds<R: MachineWord>(_: R.Type) {
    var random = SplitMix64(seed: 41)
    let operations: [(String, (Interval<R>, Interval<R>) -> Interval<R>, (Int128, Int128) -> Int128)] = [
      ("+", { $0 +% $1 }, { $0 + $1 }), ("−", { $0 -% $1 }, { $0 - $1 }), ("·", { $0 *% $1 }, { $0 * $1 }),
      ("smaller", { .smaller($0, $1) }, { $0 < $1 ? $0 : $1 }),
      ("larger", { .larger($0, $1) }, { $0 > $1 ? $0 : $1 }),
    ]
    sweep { sweep in
      for (name, operation, definition) in operations {
        var proved = 0
        for _ in 0..<points(60_000) {
          // Numbers of few bits, so that products fit as often as not.
          let a = random.interval(R.self) >>% Int(random.integer(0...Int64(R.bitWidth - 1)))
          let b = random.interval(R.self) >>% Int(random.integer(0...Int64(R.bitWidth - 1)))
          let found = operation(a, b)
          let corners = [(a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high)].map {
            definition(Int128($0), Int128($1))
          }
          let (low, high) = (corners.min() ?? 0, corners.max() ?? 0)
          let fits = low >= Int128(R.min) && high <= Int128(R.max)
          proved += fits ? 1 : 0
          sweep.expect(found.holds, fits, "\(a) \(name) \(b)")
          if fits {
            sweep.expect(
              Int128(found.low) == low && Int128(found.high) == high,
              "\(a) \(name) \(b): \(found), \(low) … \(high)")
          }
        }
        sweep.expect(proved > points(60_000) / 10, "\(name) must be proved often")
      }
      for _ in 0..<points(60_000) {
        let a: Interval<R> = random.interval()
        let width = Int64(R.bitWidth)
        let n = random.integer(-2...width + 1)
        let shift = Interval<R>(n, n + random.integer(0...3))
        let isShift = shift.low >= 0 && shift.high < width
        let right = a >>% shift
        sweep.expect(right.holds, isShift, "\(a) >> \(shift)")
        if isShift {
          let corners = [(a.low, shift.low), (a.low, shift.high), (a.high, shift.low), (a.high, shift.high)]
          sweep.expect(
            right.low == corners.map { $0 >> $1 }.min() && right.high == corners.map { $0 >> $1 }.max(),
            "\(a) >> \(shift): \(right)")
          let results = corners.map { Int128($0) << Int128($1) }
          let (low, high) = (results.min() ?? 0, results.max() ?? 0)
          let left = a <<% shift
          // 64-bit registers are not shifted by 63 (`Interval.<<%`): nothing but −1 and 0 could be.
          let fits = low >= Int128(R.min) && high <= Int128(R.max) && shift.high < 63
          sweep.expect(left.holds, fits, "\(a) << \(shift): \(left)")
          if fits {
            sweep.expect(Int128(left.low) == low && Int128(left.high) == high, "\(a) << \(shift): \(left)")
          }
        } else {
          sweep.expect(!(a <<% shift).holds, "\(a) << \(shift)")
        }
        let divisor: Interval<R> = random.interval()
        let quotient = a / divisor
        sweep.expect(quotient.holds, divisor.low > 0, "\(a) / \(divisor)")
        if divisor.low > 0 {
          let results = [
            a.low / divisor.low, a.low / divisor.high, a.high / divisor.low, a.high / divisor.high,
          ]
          sweep.expect(
            quotient.low == results.min() && quotient.high == results.max(), "\(a) / \(divisor): \(quotient)")
        }
      }
    }
  }

  @Test func anOverflowIsNeverForgotten() {
    let bad = Interval<Int32>(0, Int64(Int32.max)) +% Interval(1)
    let good = Interval<Int32>(2)
    #expect(!bad.holds)
    #expect(bad.range == Int64(Int32.min)...Int64(Int32.max))
    let results: [(String, Interval<Int32>)] = [
      ("+", bad +% good), ("+ right", good +% bad), ("−", bad -% good), ("− right", good -% bad),
      ("· 0", bad *% Interval(0)),
      ("· right", Interval(0) *% bad), ("<<", bad <<% 0), (">>", bad >>% 31), ("/", bad / good),
      ("smaller", .smaller(bad, good)), ("larger", .larger(good, bad)), ("clamp", bad.clamped(0, 1)),
      ("lowest", bad.lowest(bits: 2)), ("union", good.union(bad)), ("union of", bad.union(good)),
      ("narrowed wide", Interval(narrowing: bad.wide)),
      ("wide comparison", .select(Interval.less(bad, good), good, good)),
      ("comparison", .select(Interval.less(good, bad), good, good)),
      ("choice", .select(Interval.less(good, Interval(3)), bad, good)),
      ("decided comparison", .select(Interval.less(bad, Interval(Int64(Int32.min))), good, good)),
      ("zero", .select(isZero: bad, good, good)),
      ("shift by", good >>% Interval(0, 3).overflowed), ("shift left by", good <<% Interval(0, 3).overflowed),
      ("divided by", good / Interval(1, 3).overflowed),
    ]
    for (name, result) in results { #expect(!result.holds, "\(name)") }
    // A branch that is never taken does not count.
    #expect(Interval.select(Interval.less(good, Interval(3)), good, bad).holds)
    // Narrowing is where the obligation is checked.
    #expect(Interval<Int32>(narrowing: Interval<Int64>(-(1 << 31), (1 << 31) - 1)).holds)
    #expect(!Interval<Int32>(narrowing: Interval<Int64>(0, 1 << 31)).holds)
    #expect(!Interval<Int32>(narrowing: Interval<Int64>(-(1 << 31) - 1, 0)).holds)
  }

  @Test func membershipAndUnionAreThoseOfSets() {
    let interval = Interval<Int32>(-3, 7)
    #expect(interval.contains(-3) && interval.contains(7) && !interval.contains(-4) && !interval.contains(8))
    #expect(
      interval.contains(Interval(-3, 7)) && !interval.contains(Interval(-4, 0))
        && !interval.contains(Interval(0, 8)))
    #expect(interval.union(Interval(20, 21)) == Interval(-3, 21))
    #expect(interval.range == -3...7 && !interval.isSingle && Interval<Int32>(5).isSingle)
    #expect(Interval<Int32>(-3...7) == interval)
  }

  /// Chains of random operations: what the parts promise, the whole keeps.
  @Test func randomExpressionsAreSound() {
    var random = SplitMix64(seed: 42)
    var proved = 0
    sweep { sweep in
      for _ in 0..<points(80_000) {
        let seed = random.next()
        let inputs: [Interval<Int32>] = (0..<3).map { _ in
          random.shortInterval(length: 1 << random.integer(0...20))
        }
        let found = expression(inputs, seed: seed)
        proved += found.holds ? 1 : 0
        for _ in 0..<8 {
          let members = inputs.map { random.member(of: $0) }
          let machine = expression(members.map { Int32($0) }, seed: seed)
          let exact = expression(members.map { Exact<Int32>($0) }, seed: seed)
          let operands = "\(members) of \(inputs): \(machine), \(found)"
          sweep.expect(found.contains(Int64(machine)), operands)
          if found.holds { sweep.expect(exact.fits && exact.value == Int128(machine), operands) }
        }
      }
    }
    #expect(proved > points(80_000) / 5)
  }

  private func expression<W: Word>(_ inputs: [W], seed: UInt64) -> W {
    var random = SplitMix64(seed: seed)
    var values = inputs
    for _ in 0..<6 {
      let a = values[Int(random.next() % UInt64(values.count))]
      let b = values[Int(random.next() % UInt64(values.count))]
      let n = Int(random.next() % 12)
      switch random.next() % 13 {
      case 0: values.append(a +% b)
      case 1: values.append(a -% b)
      case 2: values.append(W(narrowing: (a.wide *% b.wide) >>% n))
      case 3: values.append(a >>% n)
      case 4: values.append(a.clamped(-1000 - Int64(n), 5000) <<% n)
      case 5: values.append(a / W(Int64(n + 1)))
      case 6: values.append(W.select(W.less(a, b), b, a))
      case 7: values.append(W.select(isZero: a.lowest(bits: 2), a, b))
      case 8: values.append(a.lowest(bits: n))
      case 9: values.append(roundingShiftRight(a, by: W(Int64(n))))
      case 10: values.append(doublingHighProduct(a, b))
      case 11: values.append(W.smaller(a, W.larger(b, W(Int64(n)))))
      default: values.append(saturatingShiftLeft(a, by: n))
      }
    }
    return values[values.count - 1]
  }
}

extension Interval {
  /// The same range, as if an operation before it might have overflowed.
  fileprivate var overflowed: Self {
    (self +% Self(Int64(Register.max) - high) +% Self(1)).clamped(low, high)
  }
}
