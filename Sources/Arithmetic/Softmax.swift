/// The constants of TensorFlow Lite's int8 softmax for one tensor: differences from the row's maximum are rescaled to
/// Q5.26, exponentiated to Q0.31, summed as Q12.19 and divided.
public struct SoftmaxScale: Sendable, Hashable {
  /// Turns a difference of codes into Q5.26: mantissa, and a left shift of 0 … 31. Of int16 codes, into units of 10/65535:
  /// the shift may be to the right then, and is negative.
  public let mantissa: Int32
  public let leftShift: Int
  /// Differences below this count as e^−∞: they add nothing and yield the lowest code.
  public let leastDifference: Int32

  public init(mantissa: Int32, leftShift: Int, leastDifference: Int32) {
    self.mantissa = mantissa
    self.leftShift = leftShift
    self.leastDifference = leastDifference
  }

  /// For logits with `scale` and the operator's `beta`; nil where the reference has no answer (TensorFlow Lite:
  /// `PreprocessSoftmaxScaling`, `CalculateInputRadius`).
  public init?(scale: Float, beta: Float) {
    let factor = min(Double(beta) * Double(scale) * 0x1p26, Double(Int32.max))
    guard factor > 1, let multiplier = Multiplier(factor / 0x1p31) else { return nil }
    let leftShift = multiplier.exponent + 31
    let radius = (31 * 0x1p26 / Double(1 << leftShift)).rounded(.down)
    self.init(mantissa: multiplier.mantissa, leftShift: leftShift, leastDifference: -Int32(radius))
  }
}

/// A code's difference from its row's maximum, `leastDifference` … 0, in real units as Q5.26.
@inlinable public func softmaxPower<W: Word>(_ difference: W, _ scale: SoftmaxScale) -> W {
  doublingHighProduct(W(narrowing: difference.wide <<% scale.leftShift), W(Int64(scale.mantissa)))
}

/// e^difference in Q0.31 for a code's difference from its row's maximum, `leastDifference` … 0.
@inlinable public func softmaxExponential<W: Word>(_ difference: W, _ scale: SoftmaxScale) -> W {
  exponential(ofNonPositive: softmaxPower(difference, scale), integerBits: 5)
}

/// One exponential's part of its row's sum, in Q0.12: the sums are Q12.19.
@inlinable public func softmaxSummand<W: Word>(_ exponential: W) -> W { roundingShiftRight(exponential, by: W(12)) }

/// What divides a row's exponentials by their sum.
public struct SoftmaxDivisor<W: Word> {
  /// 2^31 over the sum, normalised to [2^31, 2^32), as Q0.31.
  public let reciprocal: W
  /// The right shift that brings exponential times reciprocal to codes, 1/256 each.
  public let shift: W

  @inlinable public init(reciprocal: W, shift: W) {
    self.reciprocal = reciprocal
    self.shift = shift
  }

  /// For a positive `sum` in Q12.19 (TensorFlow Lite: `GetReciprocal`).
  @inlinable public init(ofSum sum: W) {
    typealias Wide = W.Wide
    let (normalized, leadingZeros) = normalized(sum)
    let excess = (normalized -% Wide(1 << 31)).clamped(0, Int64(Int32.max))
    self.init(
      reciprocal: reciprocalOfOnePlus(W(narrowing: excess)),
      shift: W(narrowing: Wide(12 + 23) -% leadingZeros))
  }

  /// The int8 code, scale 1/256 and zero point −128, of one exponential (Q0.31).
  @inlinable public func code(_ exponential: W) -> W {
    let share = roundingShiftRight(doublingHighProduct(reciprocal, exponential), by: shift)
    return (share +% W(-128)).clamped(-128, 127)
  }
}

/// The longest row whose sum the Q12.19 register holds. From a sum of 512 on, which takes more than 511 elements, the last
/// shift passes 31: a share below 1/512 of what 31 bits hold is none, and every code the lowest. TensorFlow Lite Micro stops
/// there.
public let longestSoftmaxRow = 4095

/// A positive `x` doubled until it is 2^31 or more, and how often.
@inlinable func normalized<W: Word>(_ x: W) -> (word: W.Wide, leadingZeros: W.Wide) {
  typealias Wide = W.Wide
  var normalized = x.wide
  var leadingZeros = Wide(0)
  for step in [16, 8, 4, 2, 1] {
    let isShort = Wide.less(normalized, Wide(1 << Int64(32 - step)))
    let longer = normalized <<% step
    normalized = Wide.select(isShort, longer.clamped(0, (1 << 32) - 1), normalized)
    leadingZeros = leadingZeros +% Wide.select(isShort, Wide(Int64(step)), Wide(0))
  }
  return (normalized, leadingZeros)
}
