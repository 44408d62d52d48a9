import Testing

@testable import Arithmetic

/// Clamps, saturating shifts, remainders and choices.
@Suite struct SaturationTests {
  @Test func clampingEvery8BitNumberGivesTheNearestOfTheRange() {
    sweep { sweep in
      for low in stride(from: -128 as Int64, through: 127, by: 5) {
        for high in stride(from: low, through: 127, by: 3) {
          for x in Int8.min...Int8.max {
            let nearest = Int64(x) < low ? low : Int64(x) > high ? high : Int64(x)
            sweep.expect(Int64(x.clamped(low, high)), nearest, "\(x) to \(low) … \(high)")
          }
        }
      }
    }
  }

  @Test func aSaturatingShiftIsGemmlowps() {
    var random = SplitMix64(seed: 31)
    sweep { sweep in
      for n in 1...30 {
        for _ in 0..<points(100_000) {
          let x = random.accumulator()
          sweep.expect(
            saturatingShiftLeft(x, by: n), Gemmlowp.saturatingMultiplyByPOT(x, n), "\(x) by \(n)")
        }
        // Around the first numbers that saturate
        for limit in [Int64(1) << (31 - n), -(Int64(1) << (31 - n))] {
          for x in limit - 3...limit + 3 {
            guard let x = Int32(exactly: x) else { continue }
            let exact = min(max(Int128(x) << Int128(n), Int128(Int32.min)), Int128(Int32.max))
            sweep.expect(Int128(saturatingShiftLeft(x, by: n)), exact, "\(x) by \(n), exactly")
          }
        }
      }
    }
  }

  @Test func saturatingRangesAreExactAndAlwaysProved() {
    var random = SplitMix64(seed: 32)
    sweep { sweep in
      for n in 1...30 {
        for _ in 0..<points(10_000) {
          let x: Interval<Int32> = random.interval()
          let found = saturatingShiftLeft(x, by: n)
          let low = Gemmlowp.saturatingMultiplyByPOT(Int32(x.low), n)
          let high = Gemmlowp.saturatingMultiplyByPOT(Int32(x.high), n)
          sweep.expect(found, Interval(Int64(low), Int64(high)), "\(x) by \(n)")
        }
      }
    }
  }

  @Test func theLowestBitsAreTheRemainderOfAFloorDivision() {
    var random = SplitMix64(seed: 33)
    sweep { sweep in
      for bits in 0...31 {
        for _ in 0..<points(20_000) {
          let x = random.accumulator()
          let power = Int64(1) << Int64(bits)
          let remainder = ((Int64(x) % power) + power) % power
          // With all 31 bits the remainder still fits the register.
          sweep.expect(Int64(x.lowest(bits: bits)), remainder, "\(bits) of \(x)")
        }
      }
      for bits in 0...62 {
        for _ in 0..<points(10_000) {
          let x = Int64(bitPattern: random.next()) >> random.integer(0...63)
          let power = Int128(1) << Int128(bits)
          let remainder = ((Int128(x) % power) + power) % power
          sweep.expect(Int128(x.lowest(bits: bits)), remainder, "\(bits) of \(x)")
        }
      }
    }
  }

  @Test func theChoiceByZeroTakesTheFirstForZeroAlone() {
    sweep { sweep in
      for x in Int8.min...Int8.max {
        sweep.expect(Int8.select(isZero: x, 1, 2), x == 0 ? 1 : 2, "\(x)")
      }
      for x in [Int32.min, -1, 0, 1, Int32.max] {
        sweep.expect(Int32.select(isZero: x, 1, 2), x == 0 ? 1 : 2, "\(x)")
      }
    }
  }

  @Test func theChoiceByZeroOfARangeIsTheUnionUnlessDecided() {
    let (a, b) = (Interval<Int32>(3, 5), Interval<Int32>(10, 12))
    #expect(Interval.select(isZero: Interval(0), a, b) == a)
    #expect(Interval.select(isZero: Interval(1, 9), a, b) == b)
    #expect(Interval.select(isZero: Interval(-9, -1), a, b) == b)
    #expect(Interval.select(isZero: Interval(0, 1), a, b) == Interval(3, 12))
    #expect(Interval.select(isZero: Interval(-1, 0), a, b) == Interval(3, 12))
  }
}
