import Arithmetic
import IntegerProgram

/// A layer's requantisation as one multiplication, one addition and one shift by the same amount for all channels:
///
///     code = clamp((⌊a · 2^scaling · factor / 2^drop⌋ + addend) >> shift)
///
/// with a factor and an addend for each channel, equal to the layer's own rule, however often that rounds, for every
/// accumulator `a` in the channel's proved range. Both sides never fall as `a` grows, so it is enough that they agree on
/// both sides of each of the at most 65,535 places where the code changes: each such place bounds the addend from below
/// and above, and any addend that meets all bounds will do.
struct FusedRequantization: Sendable {
  /// Accumulators come multiplied by 2^scaling.
  var scaling: Int
  /// How many low bits of the product are lost; 32 for processors that keep the high word.
  var drop: Int
  var shift: Int
  var factors: [Int32]
  var addends: [Int32]
  /// Channels whose code is the same for every accumulator: their sums need not be formed, the factor is 0.
  var isConstant: [Bool]
  /// The codes that the clamp has to bring about, beyond those of `saturation`; nil where there is nothing left to do.
  var clamp: ClosedRange<Int64>?

  /// Finds the constants; nil where there are none of this form, or where a step of the sum could leave 32 bits.
  ///
  /// `saturation` are the codes that the shift saturates to by itself, as Arm's SSAT does.
  init?(
    _ requantization: Requantization, accumulators: [ClosedRange<Int64>], scaling: Int, drop: Int = 32,
    saturation: ClosedRange<Int64>
  ) {
    var thresholds: [[(accumulator: Int64, code: Int64)]] = []
    var largest: Double = 0
    let reals = accumulators.indices.map { requantization.multiplier(channel: $0).real }
    for (channel, range) in accumulators.enumerated() {
      let steps = Self.thresholds(requantization, channel: channel, range)
      thresholds.append(steps)
      if !steps.isEmpty { largest = max(largest, reals[channel]) }
    }
    // The largest factor that is below 2^31 decides the shift.
    var shift = drop - scaling
    while shift > 0, largest * Self.power(drop - scaling + shift) >= Self.power(31) { shift -= 1 }
    while shift < 23, largest > 0, largest * Self.power(drop - scaling + shift + 1) < Self.power(31) { shift += 1 }
    guard shift > 0 else { return nil }
    (self.scaling, self.drop, self.shift) = (scaling, drop, shift)
    factors = []
    addends = []
    isConstant = thresholds.map(\.isEmpty)
    var needsClamp = false
    for (channel, range) in accumulators.enumerated() {
      if thresholds[channel].isEmpty {
        let code = requantization.code(range.lowerBound, channel: channel)
        factors.append(0)
        addends.append(Int32(code << Int64(shift)))
        continue
      }
      // Sums of other places than the proved ones may not be formed either.
      guard range.lowerBound << Int64(scaling) >= Int32.min, range.upperBound << Int64(scaling) <= Int32.max else {
        return nil
      }
      let nominal = (reals[channel] * Self.power(drop - scaling + shift)).rounded()
      guard nominal >= 1, nominal < Self.power(31) else { return nil }
      var found: (factor: Int64, addend: ClosedRange<Int64>)?
      for change in [0, -1, 1, -2, 2] as [Int64] {
        let factor = Int64(nominal) + change
        guard (1...Int64(Int32.max)).contains(factor) else { continue }
        var (low, high) = (Int64.min, Int64.max)
        for step in thresholds[channel] {
          low = max(low, step.code << Int64(shift) - Self.high(step.accumulator, scaling, factor, drop))
          high = min(high, step.code << Int64(shift) - 1 - Self.high(step.accumulator - 1, scaling, factor, drop))
        }
        if low <= high {
          found = (factor, low...high)
          break
        }
      }
      guard let found else { return nil }
      let addend = found.addend.lowerBound + (found.addend.upperBound - found.addend.lowerBound) / 2
      let ends = [range.lowerBound, range.upperBound].map {
        Self.high($0, scaling, found.factor, drop) + addend
      }
      guard let factor = Int32(exactly: found.factor), let addend = Int32(exactly: addend),
        ends.allSatisfy({ Int32(exactly: $0) != nil })
      else { return nil }
      factors.append(factor)
      addends.append(addend)
      let reached = (ends[0] >> Int64(shift))...(ends[1] >> Int64(shift))
      needsClamp =
        needsClamp || min(max(reached.lowerBound, saturation.lowerBound), saturation.upperBound) < requantization.clamp.lowerBound
        || min(reached.upperBound, saturation.upperBound) > requantization.clamp.upperBound
    }
    clamp = needsClamp ? requantization.clamp : nil
  }

  private static func power(_ exponent: Int) -> Double { exponent >= 0 ? Double(1 << exponent) : 1 / Double(1 << -exponent) }

  /// `⌊a · 2^scaling · factor / 2^drop⌋`.
  private static func high(_ accumulator: Int64, _ scaling: Int, _ factor: Int64, _ drop: Int) -> Int64 {
    ((accumulator << Int64(scaling)) * factor) >> Int64(drop)
  }

  /// Where the code of a channel changes: the least accumulator of the range that has each code but the first.
  private static func thresholds(
    _ requantization: Requantization, channel: Int, _ range: ClosedRange<Int64>
  ) -> [(accumulator: Int64, code: Int64)] {
    func code(_ accumulator: Int64) -> Int64 { requantization.code(accumulator, channel: channel) }
    let (first, last) = (code(range.lowerBound), code(range.upperBound))
    guard first < last else { return [] }
    var steps: [(accumulator: Int64, code: Int64)] = []
    let multiplier = requantization.multiplier(channel: channel).real
    var below = range.lowerBound
    var next = first
    while next < last {
      // The least accumulator whose code is above `next`: near where real arithmetic puts it.
      let guess = Int64(((Double(next) + 0.5 - Double(requantization.zeroPoint)) / multiplier).rounded(.down))
      var low = below
      var high = range.upperBound
      var reach: Int64 = 1
      var place = min(max(guess, low), high)
      if code(place) > next {
        high = place
        while place - reach > low, code(place - reach) > next {
          high = place - reach
          reach *= 2
        }
        low = max(low, place - reach)
      } else {
        low = place
        while place + reach < high, code(place + reach) <= next {
          low = place + reach
          reach *= 2
        }
        high = min(high, place + reach)
      }
      while high - low > 1 {
        place = low + (high - low) / 2
        if code(place) > next { high = place } else { low = place }
      }
      next = code(high)
      steps.append((high, next))
      below = high
    }
    return steps
  }
}
