import Arithmetic
import IntegerProgram

/// A layer's requantisation as one multiplication, one addition and one shift by the same amount for all channels:
///
///     code = clamp((⌊a · 2^scaling · factor / 2^drop⌋ + addend − (a < 0 ? correction : 0)) >> shift)
///
/// with a factor and an addend for each channel, equal to the layer's own rule, however often that rounds, for every
/// accumulator `a` in the channel's proved range. Both sides never fall as `a` grows, so it is enough that they agree on
/// both sides of each of the places where the code changes, and at the range's ends: each such place bounds the addend from below and above, and
/// any addend that meets all bounds will do. A rule whose ties go away from zero may bound the addends of the two signs
/// apart; then the channel has a correction.
///
/// A channel may have an offset, by which its accumulator is lessened before the product and which is part of its addend
/// then, as where a bias is so large that the accumulator could not be scaled.
struct FusedRequantization: Sendable {
  /// Accumulators come multiplied by 2^scaling.
  var scaling: Int
  /// How many low bits of the product are lost; 32 for processors that keep the high word.
  var drop: Int
  /// The shift of all channels; the least where each has its own.
  var shift: Int
  /// Each channel's own, where one for all would lose too much of small factors.
  var ownShifts: [Int]?
  var factors: [Int32]
  var addends: [Int32]
  /// 0 where the sign of the accumulator makes no difference.
  var corrections: [Int32]
  /// Channels whose code is the same for every accumulator: their sums need not be formed, the factor is 0.
  var isConstant: [Bool]
  var hasCorrections: Bool { corrections.contains { $0 != 0 } }
  /// The codes that the clamp has to bring about, beyond those of `saturation`; nil where there is nothing left to do.
  var clamp: ClosedRange<Int64>?

  /// Finds the constants; nil where there are none of this form, or where a step of the sum could leave 32 bits.
  ///
  /// `saturation` are the codes that the shift saturates to by itself, as Arm's SSAT does. The shift is the largest that
  /// factors of 32 bits allow, unless it is given. Channels with an offset get no correction. Factors are sought up to
  /// `furthest` from the multiplier's own.
  init?(
    _ requantization: Requantization, accumulators: [ClosedRange<Int64>], scaling: Int, drop: Int = 32,
    saturation: ClosedRange<Int64>, allowsOwnShifts: Bool = false,
    offsets: [Int32]? = nil, shift: Int? = nil, furthest: Int64 = 24
  ) {
    let tries = allowsOwnShifts ? [false, true] : [false]
    for hasOwnShifts in tries {
      if let found = Self(
        requantization, accumulators, scaling, drop, saturation, hasOwnShifts: hasOwnShifts, offsets, shift, furthest)
      {
        self = found
        return
      }
    }
    return nil
  }

  private init?(
    _ requantization: Requantization, _ accumulators: [ClosedRange<Int64>], _ scaling: Int, _ drop: Int,
    _ saturation: ClosedRange<Int64>, hasOwnShifts: Bool, _ offsets: [Int32]?, _ givenShift: Int?,
    _ furthest: Int64
  ) {
    func offset(_ channel: Int) -> Int64 { offsets.map { Int64($0[channel]) } ?? 0 }
    var thresholds: [[(accumulator: Int64, before: Int64, code: Int64)]] = []
    var largest: Double = 0
    let reals = accumulators.indices.map { requantization.multiplier(channel: $0).real }
    for (channel, range) in accumulators.enumerated() {
      let steps = Self.thresholds(requantization, channel: channel, range)
      thresholds.append(steps)
      if !steps.isEmpty { largest = max(largest, reals[channel]) }
    }
    func largestShift(_ real: Double) -> Int {
      var shift = drop - scaling
      while shift > 0, real * Self.power(drop - scaling + shift) >= Self.power(31) { shift -= 1 }
      while shift < 23, real * Self.power(drop - scaling + shift + 1) < Self.power(31) { shift += 1 }
      return shift
    }
    // The largest factor that is below 2^31 decides a shift.
    let fitting = largestShift(largest > 0 ? largest : 1)
    if let givenShift, givenShift > fitting { return nil }
    let common = givenShift ?? fitting
    let shifts = accumulators.indices.map { channel in
      hasOwnShifts && !thresholds[channel].isEmpty ? largestShift(reals[channel]) : common
    }
    guard shifts.allSatisfy({ $0 > 0 }) else { return nil }
    (self.scaling, self.drop, self.shift) = (scaling, drop, common)
    ownShifts = hasOwnShifts ? shifts : nil
    isConstant = thresholds.map(\.isEmpty)

    // For each channel the factors with the addends that they allow either sign.
    var choices: [[Choice]] = []
    for (channel, range) in accumulators.enumerated() {
      guard !thresholds[channel].isEmpty else {
        choices.append([])
        continue
      }
      let (low, high) = (range.lowerBound - offset(channel), range.upperBound - offset(channel))
      guard low << Int64(scaling) >= Int32.min, high << Int64(scaling) <= Int32.max else { return nil }
      let shift = shifts[channel]
      let nominal = (reals[channel] * Self.power(drop - scaling + shift)).rounded()
      guard nominal >= 1, nominal < Self.power(31) else { return nil }
      let factors = (0...furthest).flatMap { $0 == 0 ? [0] : [-$0, $0] }.map { Int64(nominal) + $0 }
      var found: [Choice] = []
      for factor in factors where (1...Int64(Int32.max)).contains(factor) {
        let choice = Choice(
          factor, thresholds[channel], range, requantization.clamp, offset(channel), scaling, drop, shift)
        guard choice.isPossible, offset(channel) == 0 || choice.common != nil else { continue }
        found.append(choice)
        if choice.common != nil || found.count == 3 { break }
      }
      guard !found.isEmpty else { return nil }
      choices.append(found)
    }
    corrections = []
    factors = []
    addends = []
    var needsClamp = false
    for (channel, range) in accumulators.enumerated() {
      let shift = shifts[channel]
      guard !choices[channel].isEmpty else {
        let code = requantization.code(range.lowerBound, channel: channel)
        factors.append(0)
        // The sum is 0, which is not negative.
        // Beside small factors the shift is so large that a code may not fit above it.
        guard let addend = Int32(exactly: code << Int64(shift)) else { return nil }
        addends.append(addend)
        corrections.append(0)
        continue
      }
      let choice = choices[channel].first { $0.common != nil } ?? choices[channel][0]
      let allowed = choice.corrections
      let correction = choice.common != nil ? 0 : allowed.lowerBound + (allowed.upperBound - allowed.lowerBound) / 2
      guard let sum = choice.addend(correction: correction), let addend = Int32(exactly: sum),
        let factor = Int32(exactly: choice.factor), let fix = Int32(exactly: correction)
      else { return nil }
      let ends = [range.lowerBound, range.upperBound].map {
        Self.high($0 - offset(channel), scaling, choice.factor, drop) + sum - ($0 < 0 ? correction : 0)
      }
      guard ends.allSatisfy({ Int32(exactly: $0) != nil && Int32(exactly: $0 + abs(correction)) != nil }) else { return nil }
      factors.append(factor)
      addends.append(addend)
      corrections.append(fix)
      let reached = (ends[0] >> Int64(shift))...(ends[1] >> Int64(shift))
      needsClamp =
        needsClamp || max(reached.lowerBound, saturation.lowerBound) < requantization.clamp.lowerBound
        || min(reached.upperBound, saturation.upperBound) > requantization.clamp.upperBound
    }
    clamp = needsClamp ? requantization.clamp : nil
  }

  /// A factor, and the addends with which it gives the right code at all places of one sign.
  private struct Choice {
    let factor: Int64
    var negative: Addends
    var positive: Addends

    static let unbounded = Int64(1) << 40
    struct Addends {
      var low = -unbounded
      var high = unbounded
      var isEmpty: Bool { low > high }
    }

    init(
      _ factor: Int64, _ thresholds: [(accumulator: Int64, before: Int64, code: Int64)], _ range: ClosedRange<Int64>,
      _ clamp: ClosedRange<Int64>, _ offset: Int64, _ scaling: Int, _ drop: Int, _ shift: Int
    ) {
      func high(_ accumulator: Int64) -> Int64 {
        FusedRequantization.high(accumulator - offset, scaling, factor, drop)
      }
      self.factor = factor
      (negative, positive) = (.init(), .init())
      for step in thresholds {
        expect(atLeast: step.code, step.accumulator)
        expect(atMost: step.before, step.accumulator - 1)
      }
      // Where the range ends within a code that the clamp does not bring about, nothing may go further.
      if let first = thresholds.first?.before, first > clamp.lowerBound { expect(atLeast: first, range.lowerBound) }
      if let last = thresholds.last?.code, last < clamp.upperBound { expect(atMost: last, range.upperBound) }

      func expect(atLeast code: Int64, _ accumulator: Int64) {
        let least = code << Int64(shift) - high(accumulator)
        if accumulator < 0 { negative.low = max(negative.low, least) } else { positive.low = max(positive.low, least) }
      }
      func expect(atMost code: Int64, _ accumulator: Int64) {
        let most = (code + 1) << Int64(shift) - 1 - high(accumulator)
        if accumulator < 0 { negative.high = min(negative.high, most) } else { positive.high = min(positive.high, most) }
      }
    }

    var isPossible: Bool { !negative.isEmpty && !positive.isEmpty }
    /// Addends that serve both signs.
    var common: ClosedRange<Int64>? {
      let (low, high) = (max(negative.low, positive.low), min(negative.high, positive.high))
      return low <= high ? low...high : nil
    }
    var corrections: ClosedRange<Int64> {
      isPossible ? positive.low - negative.high...positive.high - negative.low : 0...0
    }
    /// The addend of accumulators that are not negative.
    func addend(correction: Int64) -> Int64? {
      let (low, high) = (max(negative.low + correction, positive.low), min(negative.high + correction, positive.high))
      // Where nothing bounds one end, any addend beyond the other will do.
      if low <= high, high >= Self.unbounded - abs(correction) { return low }
      if low <= high, low <= abs(correction) - Self.unbounded { return high }
      return low <= high ? low + (high - low) / 2 : nil
    }
  }

  private static func power(_ exponent: Int) -> Double { exponent >= 0 ? Double(1 << exponent) : 1 / Double(1 << -exponent) }

  /// `⌊a · 2^scaling · factor / 2^drop⌋`.
  fileprivate static func high(_ accumulator: Int64, _ scaling: Int, _ factor: Int64, _ drop: Int) -> Int64 {
    ((accumulator << Int64(scaling)) * factor) >> Int64(drop)
  }

  /// Where the code of a channel changes: the least accumulator of the range that has each code but the first, and the
  /// code before it, which need not be the next lower one.
  static func thresholds(
    _ requantization: Requantization, channel: Int, _ range: ClosedRange<Int64>
  ) -> [(accumulator: Int64, before: Int64, code: Int64)] {
    func code(_ accumulator: Int64) -> Int64 { requantization.code(accumulator, channel: channel) }
    let (first, last) = (code(range.lowerBound), code(range.upperBound))
    guard first < last else { return [] }
    var steps: [(accumulator: Int64, before: Int64, code: Int64)] = []
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
      steps.append((high, next, code(high)))
      next = code(high)
      below = high
    }
    return steps
  }
}
