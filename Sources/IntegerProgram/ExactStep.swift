import Arithmetic

/// Integers with which a requantisation of the core gives a `ChannelFunction`'s codes, for every integer of a range:
/// `round((factor · a + offset) · multiplier)`, ties to even.
struct ExactStep: Sendable {
  /// What the weights are multiplied by; 0 where the code is the same for all integers.
  var factor: Int64
  /// Added to the accumulator.
  var offset: Int64
  var multiplier: Multiplier

  /// What the step may use.
  struct Room {
    /// Weights may be multiplied by no more than this.
    var largestFactor: Int64
    /// Below it, weights still have 8 bits.
    var smallFactor: Int64
    /// Of the accumulator on the way, for a factor of 1 and no offset; it holds the range of the integers.
    var accumulator: ClosedRange<Int64>
    /// How many bits of the accumulator are requantised.
    var accumulatorBits = QuantizedSum.shortBits
    /// How many bits the multiplier's mantissa may have.
    var mantissaBits = Multiplier.mantissaBits
    /// Added to the codes, and their bounds, which a whole layer shares.
    var zeroPoint: Int64
    var clamp: ClosedRange<Int64>
  }

  /// Looks for such integers. Of a factor, each multiplier leaves some offsets, and each offset some multipliers: what the
  /// thresholds allow of the one is solved for the other. The nearest multipliers are tried with every offset first, then
  /// the likeliest offsets with every multiplier, since a slope that is tilted a little meets thresholds near whole numbers
  /// that no offset does. Each factor gives a finer offset, so factors are tried, those first that keep weights small.
  /// Whatever is found is proved at every place where a code changes: neither side ever falls, so what agrees on both
  /// sides of each change agrees everywhere.
  static func search(_ staircase: ChannelFunction.Staircase, _ function: ChannelFunction, _ room: Room) -> ExactStep? {
    guard room.clamp.contains(staircase.first), room.clamp.contains(staircase.last) else { return nil }
    guard staircase.first < staircase.last else {
      let one = Multiplier.powerOfTwo(0)
      let step = ExactStep(
        factor: 0, offset: staircase.first - room.zeroPoint,
        multiplier: room.mantissaBits < Multiplier.mantissaBits ? one.shortened : one)
      return step.isProved(staircase, room) ? step : nil
    }
    let slope = function.slope
    guard slope > 0, slope.isFinite, function.shift.isFinite else { return nil }
    // The accumulator's offset is roughly factor · shift.
    let reach = max(
      abs(Double(room.accumulator.lowerBound) + function.shift),
      abs(Double(room.accumulator.upperBound) + function.shift))
    let mostForAccumulator = (Double(sign: .plus, exponent: room.accumulatorBits - 1, significand: 1) - 0x1p10) / max(reach, 1)
    let largest = min(Double(room.largestFactor), mostForAccumulator)
    guard largest >= 1 else { return nil }
    var bounds = Bounds(staircase, room)
    /// The exponent and the bits of mantissas for a factor, and the mantissa just below slope / factor.
    func nearest(_ factor: Int64) -> (exponent: Int, mantissas: Range<Int64>, mantissa: Int64)? {
      let ratio = slope / Double(factor)
      guard ratio.isNormal else { return nil }
      // The product with the accumulator fits 63 bits: behind a long one the mantissa is shorter.
      let bits = min(room.mantissaBits, Requantization.productBits - 1 - Int((reach * Double(factor)).exponent))
      let exponent = Int(ratio.exponent) + 32 - bits
      guard bits > 1, (-31...30).contains(exponent) else { return nil }
      let mantissa = Int64((ratio.significand * Double(1 << (bits - 1))).rounded(.down))
      return (exponent, 1 << (bits - 1)..<1 << bits, mantissa)
    }
    func proved(_ factor: Int64, _ offset: Int64, _ mantissa: Int64, _ exponent: Int) -> ExactStep? {
      let multiplier = Multiplier(mantissa: Int32(mantissa), exponent: exponent)
      let step = ExactStep(factor: factor, offset: offset, multiplier: multiplier)
      return step.isProved(staircase, room) ? step : nil
    }
    func anyOffset(_ factor: Int64) -> ExactStep? {
      guard let (exponent, mantissas, mantissa) = nearest(factor) else { return nil }
      for mantissa in [mantissa, mantissa + 1] where mantissas.contains(mantissa) {
        guard let offset = bounds.offset(factor, Multiplier(mantissa: Int32(mantissa), exponent: exponent)) else { continue }
        if let step = proved(factor, offset, mantissa, exponent) { return step }
      }
      return nil
    }
    func anyMultiplier(_ factor: Int64) -> ExactStep? {
      guard staircase.jumps.count <= mostTiltedJumps, let (exponent, mantissas, mantissa) = nearest(factor),
        mantissas.contains(mantissa)
      else { return nil }
      let (low, high) = bounds.offsets(factor, Multiplier(mantissa: Int32(mantissa), exponent: exponent))
      // Contradictory bounds: what lies between them violates some the least.
      guard low.magnitude < 1 << 40, high.magnitude < 1 << 40 else { return nil }
      let middle = high + (low - high) / 2
      for offset in [0, 1, -1, 2, -2, 3, -3].map({ middle + $0 }) {
        guard let found = bounds.mantissas(factor, offset, shift: 31 - exponent, within: mantissas) else { continue }
        if let step = proved(factor, offset, found, exponent) { return step }
      }
      return nil
    }
    let most = Int64(largest)
    let small = min(most, max(room.smallFactor, 1))
    let smallFactors = stride(from: small, to: 1, by: -1)
    let otherFactors = stride(from: most, to: small, by: -1)
    if let step = anyOffset(1) { return step }
    for factor in smallFactors.prefix(mostTries) { if let step = anyOffset(factor) { return step } }
    if let step = anyMultiplier(1) { return step }
    for factor in smallFactors.prefix(mostTilted) { if let step = anyMultiplier(factor) { return step } }
    for factor in otherFactors.prefix(mostTries) { if let step = anyOffset(factor) { return step } }
    for factor in otherFactors.prefix(mostTilted) { if let step = anyMultiplier(factor) { return step } }
    return nil
  }

  private static let mostTries = 4096
  private static let mostTilted = 256
  /// Wide codes have too many thresholds for a slope to be tilted at all.
  private static let mostTiltedJumps = 1024

  /// Holds the step's own arithmetic to the function on both sides of every change, and at both ends.
  private func isProved(_ staircase: ChannelFunction.Staircase, _ room: Room) -> Bool {
    let low = room.accumulator.lowerBound * factor + offset
    let high = room.accumulator.upperBound * factor + offset
    let reach = min(low, offset)...max(high, offset)
    guard reach.fits(bits: room.accumulatorBits) else { return false }
    let requantization = Requantization(
      multipliers: [multiplier], rounding: .halfEven, zeroPoint: Int32(room.zeroPoint), clamp: room.clamp)
    guard requantization.codes(from: reach, channel: 0) != nil else { return false }
    func code(_ place: Int64) -> Int64 {
      Int64(requantization.code(ofSum: factor * place + offset, channel: 0, isLong: !reach.fits32))
    }
    return code(staircase.range.lowerBound) == staircase.first && code(staircase.range.upperBound) == staircase.last
      && staircase.jumps.allSatisfy { code($0.place) == $0.after && code($0.place - 1) == $0.before }
  }

  /// What the codes ask of the offset, for a factor and a multiplier.
  private struct Bounds {
    /// At `place` the accumulator's code must be `code` or more (`isLower`), or less.
    struct Demand {
      var place, code: Int64
      var isLower: Bool
    }
    private var demands: [Demand] = []

    /// Codes are counted from the zero point.
    init(_ staircase: ChannelFunction.Staircase, _ room: Room) {
      func add(_ place: Int64, _ code: Int64, _ isLower: Bool) {
        demands.append(Demand(place: place, code: code - room.zeroPoint, isLower: isLower))
      }
      if staircase.first > room.clamp.lowerBound { add(staircase.range.lowerBound, staircase.first, true) }
      if staircase.last < room.clamp.upperBound { add(staircase.range.upperBound, staircase.last + 1, false) }
      for jump in staircase.jumps {
        add(jump.place, jump.after, true)
        add(jump.place - 1, jump.before + 1, false)
      }
    }

    /// An offset that meets every demand, in the middle of those that do.
    mutating func offset(_ factor: Int64, _ multiplier: Multiplier) -> Int64? {
      let (low, high) = offsets(factor, multiplier, stopsEarly: true)
      return low > high ? nil : low + (high - low) / 2
    }

    /// The offsets that the demands leave, from `low` to `high`; `low` is above where they contradict each other.
    mutating func offsets(
      _ factor: Int64, _ multiplier: Multiplier, stopsEarly: Bool = false
    ) -> (low: Int64, high: Int64) {
      var (low, high) = (Int64.min / 2, Int64.max / 2)
      let shift = 31 - multiplier.exponent
      for index in demands.indices {
        let demand = demands[index]
        let least = Self.least(demand.code, Int64(multiplier.mantissa), shift) - factor * demand.place
        if demand.isLower { low = max(low, least) } else { high = min(high, least - 1) }
        if stopsEarly, low > high {
          // What fails here is likely to fail for other factors too: it is looked at first then.
          demands.swapAt(index, index / 2)
          return (low, high)
        }
      }
      return (low, high)
    }

    /// A mantissa that meets every demand, in the middle of those that do.
    mutating func mantissas(_ factor: Int64, _ offset: Int64, shift: Int, within range: Range<Int64>) -> Int64? {
      var (low, high) = (range.lowerBound, range.upperBound - 1)
      for index in demands.indices {
        let demand = demands[index]
        let accumulator = factor * demand.place + offset
        // Of products as large as half a code more than the one below: a tie goes to the even neighbour.
        let halves = 2 * demand.code - 1
        if accumulator == 0 {
          if demand.isLower != (halves < 0) { return nil }
          continue
        }
        // accumulator · mantissa is `halves · 2^(shift − 1)` or more, or less; or the same of magnitudes.
        let isLower = demand.isLower == (accumulator > 0)
        guard (halves > 0) == (accumulator > 0) else {
          // The signs alone decide.
          if isLower { continue } else { return nil }
        }
        let isStrict = demand.isLower == (demand.code % 2 != 0)
        let product = halves.magnitude.multipliedFullWidth(by: 1 << UInt64(shift - 1))
        let divisor = accumulator.magnitude
        if product.high >= divisor {
          // More than any mantissa.
          if isLower { return nil } else { continue }
        }
        let (quotient, remainder) = divisor.dividingFullWidth(product)
        let whole = Int64(clamping: quotient)
        if isLower {
          low = max(low, remainder > 0 || isStrict ? whole.addingReportingOverflow(1).partialValue : whole)
          if whole >= range.upperBound { return nil }
        } else {
          high = min(high, remainder == 0 && isStrict ? whole - 1 : whole)
        }
        if low > high {
          demands.swapAt(index, index / 2)
          return nil
        }
      }
      return low + (high - low) / 2
    }

    /// The least accumulator whose product with `mantissa · 2^-shift` is rounded to `code` or more, ties to even.
    private static func least(_ code: Int64, _ mantissa: Int64, _ shift: Int) -> Int64 {
      let halves = 2 * code - 1
      // |halves| · 2^(shift − 1) in 128 bits.
      let product = halves.magnitude.multipliedFullWidth(by: 1 << UInt64(shift - 1))
      // Farther than this no accumulator lies.
      let beyond: Int64 = halves < 0 ? -1 << 61 : 1 << 61
      guard product.high < UInt64(mantissa) else { return beyond }
      let (quotient, remainder) = UInt64(mantissa).dividingFullWidth(product)
      guard quotient < 1 << 61 else { return beyond }
      let whole = Int64(quotient)
      if remainder == 0 {
        // A tie, which goes to the even neighbour.
        let place = halves < 0 ? -whole : whole
        return code % 2 == 0 ? place : place + 1
      }
      return halves < 0 ? -whole : whole + 1
    }
  }
}
