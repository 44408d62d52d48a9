import Arithmetic

/// From accumulator to code: `clamp(zeroPoint + accumulator · multiplier)`, rounded by a named rule.
public struct Requantization: Sendable, Hashable {
  /// One, or one for each output channel.
  public var multipliers: [Multiplier]
  public var rounding: Rounding
  public var zeroPoint: Int32
  /// Saturation and fused activation, in codes.
  public var clamp: ClosedRange<Int64>

  public init(multipliers: [Multiplier], rounding: Rounding, zeroPoint: Int32, clamp: ClosedRange<Int64>) {
    self.multipliers = multipliers
    self.rounding = rounding
    self.zeroPoint = zeroPoint
    self.clamp = clamp
  }

  /// The accumulator itself is the code: nothing is multiplied, nothing can saturate.
  public static let identity = Requantization(
    multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: CodeType.int32.range)
  /// The same behind a ReLU: what is negative becomes 0.
  public static let rectifier = Requantization(
    multipliers: [.powerOfTwo(0)], rounding: .single, zeroPoint: 0, clamp: 0...Int64(Int32.max))
  @inlinable public var isIdentity: Bool { clamp.lowerBound == Int64(Int32.min) && keepsAccumulators }
  @inlinable public var isRectifier: Bool { clamp.lowerBound == 0 && keepsAccumulators }
  /// Whether accumulators are codes as they are, from the clamp's lower bound on. It is looked at first: no other clamp is
  /// so wide.
  @inlinable public var keepsAccumulators: Bool {
    clamp.upperBound == Int64(Int32.max) && zeroPoint == 0 && multipliers.allSatisfy { $0 == .powerOfTwo(0) }
  }

  @inlinable public func multiplier(channel: Int) -> Multiplier {
    multipliers.count == 1 ? multipliers[0] : multipliers[channel]
  }

  /// The code of one accumulator.
  @inlinable public func code<W: Word>(_ accumulator: W, channel: Int) -> W {
    if keepsAccumulators { return isIdentity ? accumulator : W.larger(accumulator, W(clamp.lowerBound)) }
    let multiplier = multiplier(channel: channel)
    return code(
      accumulator, mantissa: W(Int64(multiplier.mantissa)), shifts: Shifts(exponent: multiplier.exponent))
  }

  /// The code of a sum, which stands in a register of 64 bits (`isLong`) or 32.
  @inlinable public func code(ofSum sum: Int64, channel: Int, isLong: Bool) -> Int32 {
    isLong ? Int32(truncatingIfNeeded: code(sum, channel: channel)) : code(Int32(truncatingIfNeeded: sum), channel: channel)
  }

  /// Bits of the magnitude of a product with an accumulator, beside which half a unit can be added in 64 bits.
  static let productBits = 62

  /// Whether sums in a range may be requantised in 64 bits by any of the multipliers: C has one function for all channels.
  func requantizesLong(_ range: ClosedRange<Int64>) -> Bool {
    // A shift multiplies nothing.
    guard rounding != .halfUpShift else { return true }
    let largest = max(range.lowerBound.magnitude, range.upperBound.magnitude)
    let mantissa = multipliers.reduce(0) { max($0, UInt64($1.mantissa)) }
    let (product, overflow) = largest.multipliedReportingOverflow(by: mantissa)
    return !overflow && product < 1 << UInt64(Self.productBits)
  }

  /// The codes of sums in a range, in a register of 32 bits where that holds them and of 64 where it does not; nil where
  /// a register could overflow on the way.
  func codes(from range: ClosedRange<Int64>, channel: Int) -> ClosedRange<Int64>? {
    if range.fits32 {
      let code = code(Interval<Int32>(range), channel: channel)
      return code.holds ? code.range : nil
    }
    // What a register of 64 bits is requantised to fits 32 again.
    let scaled = requantize(Interval<Int64>(range), by: multiplier(channel: channel), rounding: rounding)
    guard scaled.holds, scaled.range.fits32 else { return nil }
    return code(Interval<Int64>(range), channel: channel).range
  }

  /// The code of one accumulator, with a channel's constants given as words of the reading.
  @inlinable public func code<W: Word>(_ accumulator: W, mantissa: W, shifts: Shifts<W>) -> W {
    (requantize(accumulator, mantissa: mantissa, shifts: shifts, rounding: rounding) +% W(Int64(zeroPoint)))
      .clamped(clamp.lowerBound, clamp.upperBound)
  }
}

extension ClosedRange<Int64> {
  /// Whether a register of 32 bits holds it.
  public var fits32: Bool { fits(bits: 32) }

  /// Whether a signed register of so many bits holds it.
  func fits(bits: Int) -> Bool { lowerBound >= -1 << Int64(bits - 1) && upperBound < 1 << Int64(bits - 1) }
}
