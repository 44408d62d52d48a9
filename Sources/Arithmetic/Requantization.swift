/// A multiplier's exponent as the two shifts a register can do; one of them is zero.
public struct Shifts<W: Word> {
  public let left, right: W

  @inlinable public init(left: W, right: W) {
    self.left = left
    self.right = right
  }

  /// The shifts of a multiplier with `exponent`, −31 … 30.
  @inlinable public init(exponent: Int) {
    self.init(left: W(Int64(max(exponent, 0))), right: W(Int64(max(-exponent, 0))))
  }
}

/// `x · mantissa · 2^(left − right − 31)`, rounded by `rounding`.
///
/// A half-up shift takes powers of two alone, so the mantissa must be 2^30. For the double rounding `x · 2^left` must fit the register, and the result must fit it always: obligations that the
/// interval reading checks. TensorFlow Lite: `MultiplyByQuantizedMultiplier`.
@inlinable public func requantize<W: Word>(_ x: W, mantissa: W, shifts: Shifts<W>, rounding: Rounding) -> W {
  typealias Wide = W.Wide
  switch rounding {
  case .double:
    return roundingShiftRight(doublingHighProduct(x <<% shifts.left, mantissa), by: shifts.right)
  case .single:
    let shift = Wide(31) -% shifts.left.wide +% shifts.right.wide
    let half = Wide(1) <<% (shift -% Wide(1))
    return W(narrowing: (x.wide *% mantissa.wide +% half) >>% shift)
  case .halfUpShift:
    // The mantissa 2^30 is half of 2^31: one more place to shift.
    let half = Wide(1) <<% shifts.right.wide
    return W(narrowing: ((x.wide <<% shifts.left.wide) +% half) >>% (shifts.right.wide +% Wide(1)))
  case .halfEven:
    // Half less one, and one more where the floor is odd: only exact ties see the difference.
    let shift = Wide(31) -% shifts.left.wide +% shifts.right.wide
    let product = x.wide *% mantissa.wide
    let odd = (product >>% shift).lowest(bits: 1)
    let nudge = (Wide(1) <<% (shift -% Wide(1))) -% Wide(1) +% odd
    return W(narrowing: (product +% nudge) >>% shift)
  }
}

/// `x` requantised by a constant multiplier.
@inlinable public func requantize<W: Word>(_ x: W, by multiplier: Multiplier, rounding: Rounding) -> W {
  requantize(
    x, mantissa: W(Int64(multiplier.mantissa)), shifts: Shifts(exponent: multiplier.exponent), rounding: rounding)
}

/// `⌊(a·b + 2^30) / 2^31⌋`: the product of two Q0.31 numbers, ties upward, saturated where both are −1 (gemmlowp's
/// `SaturatingRoundingDoublingHighMul`, ARM's `VQRDMULH`).
@inlinable public func doublingHighProduct<W: Word>(_ a: W, _ b: W) -> W {
  let product = (a.wide *% b.wide +% W.Wide(1 << 30)) >>% 31
  return W(narrowing: W.Wide.smaller(product, W.Wide(Int64(Int32.max))))
}

/// `x / 2^n` to the nearest, ties away from zero, for `0 ≤ n ≤ 31` (gemmlowp's `RoundingDivideByPOT`).
@inlinable public func roundingShiftRight<W: Word>(_ x: W, by n: W) -> W {
  typealias Wide = W.Wide
  let half = (Wide(1) <<% n.wide) >>% 1
  // A tie of a negative number must fall: one less than half. With n = 0 there is no half to lessen.
  let lessened = Wide.larger(half -% Wide(1), Wide(0))
  let nudge = Wide.select(Wide.less(x.wide, Wide(0)), lessened, half)
  return W(narrowing: (x.wide +% nudge) >>% n.wide)
}

/// `sum / count` to the nearest, ties away from zero (average pooling; TensorFlow Lite's `AveragePool`).
@inlinable public func roundingQuotient<W: Word>(_ sum: W, _ count: W) -> W {
  let half = count >>% 1
  return W.select(W.less(W(0), sum), sum +% half, sum -% half) / count
}
