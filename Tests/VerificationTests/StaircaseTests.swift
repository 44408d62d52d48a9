import Arithmetic
import DifferentialTesting
import IntegerProgram
import Testing

@testable import Certificates

/// The parts that bounds are made of, against trying everything.
@Suite struct StaircaseTests {
  /// A random requantisation and accumulators that it is proved for.
  private func requantization(_ random: inout SeededGenerator) -> (Requantization, ClosedRange<Int32>) {
    while true {
      let rounding = random.element(of: Rounding.allCases)
      let exponent = random.integer(in: -7...3)
      let multiplier =
        rounding == .halfUpShift || random.chance(0.4)
        ? Multiplier.powerOfTwo(exponent)
        : Multiplier(mantissa: Int32(random.integer(in: 1 << 30...(1 << 31) - 1)), exponent: exponent)
      let low = random.integer(in: -30...30)
      let requantization = Requantization(
        multipliers: [random.chance(0.03) ? Multiplier(mantissa: 0, exponent: 0) : multiplier], rounding: rounding,
        zeroPoint: Int32(random.integer(in: -20...20)), clamp: Int64(low)...Int64(low + random.integer(in: 0...40)))
      let first = random.integer(in: -250...100)
      let range = Int32(first)...Int32(first + random.integer(in: 0...250))
      if requantization.code(Interval<Int32>(Int64(range.lowerBound), Int64(range.upperBound)), channel: 0).holds {
        return (requantization, range)
      }
    }
  }

  @Test func theFirstAccumulatorThatReachesALevelIsThatOfEnumeration() throws {
    var random = SeededGenerator(seed: 1)
    var jumped = 0
    for _ in 0..<3000 {
      let (requantization, range) = requantization(&random)
      let staircase = try Staircase(over: range) { requantization.code($0, channel: 0) }
      for level in staircase.lowest + 1...max(staircase.lowest + 1, staircase.highest) where level <= staircase.highest
      {
        let first = range.first { requantization.code($0, channel: 0) >= level }
        #expect(staircase.first(reaching: level) == first.map(Int64.init), "\(requantization), level \(level)")
        if let first, requantization.code(first, channel: 0) > level { jumped += 1 }
      }
      #expect(staircase.first(reaching: staircase.lowest) == .min)
      #expect(staircase.first(reaching: staircase.highest + 1) == .max)
    }
    // Levels that no accumulator has are among them.
    #expect(jumped > 1000)
  }

  @Test func theMaximumOverAStaircaseIsThatOfEnumeration() throws {
    var random = SeededGenerator(seed: 2)
    var exact = 0
    for _ in 0..<6000 {
      let (requantization, range) = requantization(&random)
      let staircase = try Staircase(over: range) { requantization.code($0, channel: 0) }
      for _ in 0..<6 {
        let a = Int32(random.integer(in: Int(range.lowerBound)...Int(range.upperBound)))
        let b = Int32(random.integer(in: Int(range.lowerBound)...Int(range.upperBound)))
        let (low, high) = (min(a, b), max(a, b))
        let scale = Int64(random.element(of: [1, 1, 1 << 20]))
        let price = Int64(random.integer(in: -12...12)) * scale
        let slope = Int64(random.integer(in: -6...6)) * scale
        let codes = (low...high).map { requantization.code($0, channel: 0) }
        let brute = zip(low...high, codes).map { price * Int64($1) - slope * Int64($0) }.max()
        let bound = staircase.maximum(
          price: price, slope: slope, low: low, high: high, lowestCode: codes[0], highestCode: codes[codes.count - 1])
        let most = try #require(brute)
        #expect(bound >= most, "\(requantization), \(low)…\(high), price \(price), slope \(slope)")
        // A level that is jumped over may stand higher than any code; else it is exact.
        let isGapless = Set(codes).count == Int(codes[codes.count - 1] - codes[0]) + 1
        if isGapless {
          #expect(bound == most, "\(requantization), \(low)…\(high), price \(price), slope \(slope)")
          exact += 1
        }
      }
    }
    #expect(exact > 10_000)
  }

  @Test func accumulatorsThatAreCodesHaveTheirMaximumPerhapsBehindAReLU() throws {
    var random = SeededGenerator(seed: 11)
    for round in 0..<4000 {
      let first = Int32(random.integer(in: -40...20))
      let range = first...first + Int32(random.integer(in: 0...60))
      let requantization = round % 2 == 0 ? Requantization.identity : .rectifier
      let staircase = Staircase(identityOver: range, from: Int32(requantization.clamp.lowerBound))
      let codes = range.map { requantization.code($0, channel: 0) }
      #expect(codes == range.map { round % 2 == 0 ? $0 : max($0, 0) } && codes == range.map { staircase($0) })
      #expect(staircase.lowest == codes.first && staircase.highest == codes.last)
      for level in (staircase.lowest...staircase.highest).dropFirst() {
        #expect(staircase.first(reaching: level) == range.first { staircase($0) >= level }.map(Int64.init))
      }
      let ends = [Int32.random(in: range, using: &random), Int32.random(in: range, using: &random)].sorted()
      let part = (ends[0]...ends[1])
      let price = Int64(random.integer(in: -12...12))
      let slope = Int64(random.integer(in: -12...12))
      // Codes inside the part's, and all accumulators that have them.
      let least = staircase(ends[0]) + Int32(random.integer(in: 0...2))
      let most = staircase(ends[1])
      guard least <= most else { continue }
      let held = part.filter { (least...most).contains(staircase($0)) }
      let brute = held.map { price * Int64(staircase($0)) - slope * Int64($0) }.max()
      let bound = staircase.maximum(
        price: price, slope: slope, low: ends[0], high: ends[1], lowestCode: least, highestCode: most)
      #expect(bound == brute, "\(part), codes \(least) … \(most), price \(price), slope \(slope)")
      // The hull lies where it must at every accumulator.
      for above in [true, false] {
        let corners = staircase.hull(
          above: above, low: ends[0], high: ends[1], lowestCode: staircase(ends[0]), highestCode: most)
        for (from, to) in zip(corners, corners.dropFirst()) {
          for place in part where Double(place) >= from.accumulator && Double(place) <= to.accumulator {
            let rise = (to.code - from.code) / (to.accumulator - from.accumulator)
            let line = from.code + rise * (Double(place) - from.accumulator)
            #expect(above ? line >= Double(staircase(place)) - 1e-9 : line <= Double(staircase(place)) + 1e-9)
          }
        }
      }
    }
  }

  @Test func theMaximumOverAWindowIsThatOfEnumeration() {
    var random = SeededGenerator(seed: 3)
    for round in 0..<8000 {
      let low = random.integer(in: -6...4)
      let bound = MaximumBound(clamp: Int64(low)...Int64(low + random.integer(in: 0...9)))
      let taps = (0..<round % 4).map { _ -> MaximumBound.Tap in
        let low = random.integer(in: -6...5)
        return MaximumBound.Tap(
          low: Int64(low), high: Int64(low + random.integer(in: 0...5)), slope: Int64(random.integer(in: -4...4)))
      }
      let price = Int64(random.integer(in: -8...8))
      var best = Int64.min
      func visit(_ tap: Int, _ largest: Int64?, _ cost: Int64) {
        guard tap < taps.count else {
          // A window that lies outside the image has the lowest code.
          let code = min(max(largest ?? bound.clamp.lowerBound, bound.clamp.lowerBound), bound.clamp.upperBound)
          return best = max(best, price * code - cost)
        }
        for x in taps[tap].low...taps[tap].high {
          visit(tap + 1, max(largest ?? x, x), cost + taps[tap].slope * x)
        }
      }
      visit(0, nil, 0)
      #expect(bound.maximum(price: price, taps) == best, "clamp \(bound.clamp), price \(price), \(taps)")
    }
  }
}
