import Testing

@testable import Arithmetic

/// The three divisions that round: by a power of two, by 2^31 after a product, by a count.
@Suite struct RoundingDivisionTests {
  @Test func aRoundingShiftOfEvery8BitNumberIsTheNearestInteger() {
    sweep { sweep in
      for x in Int8.min...Int8.max {
        for n in 0..<8 {
          sweep.expect(
            Int128(roundingShiftRight(x, by: Int8(n))), nearest(Int128(x), over: n, ties: .away),
            "\(x) by \(n)")
        }
      }
    }
  }

  @Test func aRoundingShiftIsGemmlowps() {
    var random = SplitMix64(seed: 21)
    sweep { sweep in
      for n in 0...31 {
        for _ in 0..<points(150_000) {
          let x = random.accumulator()
          let found = roundingShiftRight(x, by: Int32(n))
          sweep.expect(found, Gemmlowp.roundingDivideByPOT(x, n), "\(x) by \(n)")
          sweep.expect(Int128(found), nearest(Int128(x), over: n, ties: .away), "\(x) by \(n), exactly")
        }
        for x in stride(from: -70_000 as Int32, through: 70_000, by: exhaustiveStride) {
          sweep.expect(
            roundingShiftRight(x, by: Int32(n)), Gemmlowp.roundingDivideByPOT(x, n), "\(x) by \(n)")
        }
      }
    }
  }

  @Test func theDoublingHighProductIsGemmlowps() {
    var random = SplitMix64(seed: 22)
    let ends: [Int32] = [.min, .min + 1, -(1 << 30), -1, 0, 1, 1 << 30, (1 << 30) + 1, .max - 1, .max]
    sweep { sweep in
      func compare(_ a: Int32, _ b: Int32) {
        let found = doublingHighProduct(a, b)
        sweep.expect(found, Gemmlowp.saturatingRoundingDoublingHighMul(a, b), "\(a) · \(b)")
        let exact = nearest(Int128(a) * Int128(b), over: 31, ties: .upward)
        sweep.expect(Int128(found), min(exact, Int128(Int32.max)), "\(a) · \(b), exactly")
      }
      for a in ends { for b in ends { compare(a, b) } }
      for _ in 0..<points(8_000_000) { compare(random.accumulator(), random.accumulator()) }
    }
  }

  @Test func theAverageOfEveryPool16BitsWideIsTensorFlowLites() {
    sweep { sweep in
      for count in 1...300 as ClosedRange<Int32> {
        for sum in stride(from: -32768 as Int32, through: 32767, by: exhaustiveStride) {
          sweep.expect(
            roundingQuotient(sum, count), TensorFlowLite.average(sum: sum, count: count), "\(sum) / \(count)")
        }
      }
    }
  }

  @Test func theAverageOfLargePoolsIsTheNearestInteger() {
    var random = SplitMix64(seed: 23)
    sweep { sweep in
      for _ in 0..<points(2_000_000) {
        let bits = random.integer(0...23)
        let count = Int32(random.integer(1...1 << bits))
        // What a pool of `count` int8 codes sums to, ties and their neighbours included.
        let multiple = random.integer(-256...255) * Int64(count) / 2 + random.integer(-1...1)
        let sum = Int32(max(-128 * Int64(count), min(127 * Int64(count), multiple)))
        let found = roundingQuotient(sum, count)
        sweep.expect(found, TensorFlowLite.average(sum: sum, count: count), "\(sum) / \(count)")
        // TensorFlow Lite's half is rounded down, which for odd counts, where nothing ties, is still the
        // nearest.
        sweep.expect(Int128(found), nearest(Int128(sum), over: Int128(count)), "\(sum) / \(count), exactly")
      }
    }
  }

  @Test func rangesOfShiftedNumbersAreExactForEvery8BitInterval() {
    sweep { sweep in
      for low in Int8.min...Int8.max {
        for high in low...Int8.max {
          for n in 0..<8 {
            let found = roundingShiftRight(Interval<Int8>(Int64(low), Int64(high)), by: Interval(Int64(n)))
            let ends = (roundingShiftRight(low, by: Int8(n)), roundingShiftRight(high, by: Int8(n)))
            sweep.expect(found, Interval(Int64(ends.0), Int64(ends.1)), "\(low) … \(high) by \(n)")
          }
        }
      }
    }
  }

  /// The product of two ranges is one that their corners reach.
  @Test func rangesOfDoublingHighProductsAreExact() {
    var random = SplitMix64(seed: 24)
    sweep { sweep in
      for _ in 0..<points(300_000) {
        let a: Interval<Int32> = random.interval()
        let b: Interval<Int32> = random.interval()
        let found = doublingHighProduct(a, b)
        let corners = [(a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high)].map {
          Int64(Gemmlowp.saturatingRoundingDoublingHighMul(Int32($0), Int32($1)))
        }
        sweep.expect(
          found.low == corners.min() && found.high == corners.max(), "\(a) · \(b): \(found), \(corners)")
        sweep.expect(found.holds, "\(a) · \(b) cannot overflow")
        for _ in 0..<3 {
          let (x, y) = (Int32(random.member(of: a)), Int32(random.member(of: b)))
          sweep.expect(found.contains(Int64(doublingHighProduct(x, y))), "\(x) · \(y) of \(a) · \(b)")
        }
      }
    }
  }

  @Test func rangesOfAveragesAreExactAndNoticeOverflow() {
    var random = SplitMix64(seed: 25)
    var proved = 0
    sweep { sweep in
      for _ in 0..<points(500_000) {
        let sum: Interval<Int32> = random.interval()
        let count = random.integer(1...1 << random.integer(0...30))
        let found = roundingQuotient(sum, Interval<Int32>(count))
        let ends = [sum.low, sum.high].map { roundingQuotient(Exact<Int32>($0), Exact(count)) }
        proved += found.holds ? 1 : 0
        sweep.expect(found.holds, ends[0].fits && ends[1].fits, "\(sum) / \(count)")
        guard found.holds else { continue }
        sweep.expect(
          found, Interval(Int64(ends[0].value), Int64(ends[1].value)), "\(sum) / \(count)")
      }
      for _ in 0..<points(200_000) {
        let sum: Interval<Int32> = random.shortInterval()
        let count = Interval<Int32>(random.integer(1...9), random.integer(9...300))
        let found = roundingQuotient(sum, count)
        for x in sum.range {
          for n in [count.low, random.member(of: count), count.high] {
            let exact = roundingQuotient(Exact<Int32>(x), Exact(n))
            sweep.expect(
              !found.holds || exact.fits && found.contains(Int64(exact.value)), "\(x) / \(n): \(found)")
          }
        }
      }
    }
    #expect(proved > points(500_000) / 2)
  }
}
