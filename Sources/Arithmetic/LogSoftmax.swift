// TensorFlow Lite's quantised log-softmax: the softmax's sums of exponentials, of which the logarithm is taken.

/// ln x as Q5.26, for x of 1 and more as Q12.19 (TensorFlow Lite: `log_x_for_x_greater_than_or_equal_to_1_impl`).
///
/// x is brought to r · 2^n by two roads, of which one leads to an r in [√½, 1) whatever x is: halves of steps are added
/// to n. ln r is a quotient of polynomials around r = ⁴√½.
@inlinable public func logarithm<W: Word>(ofSum x: W) -> W {
  typealias Wide = W.Wide
  let rootOfHalf = W(1_518_500_250)
  let halved = W(narrowing: normalized(x).word >>% 1)
  let first = saturatingShiftLeft(doublingHighProduct(halved, rootOfHalf), by: 1)
  // From 1 on, x has at most 12 leading zeros, and √½ · x one more.
  let zeros = normalized(x).leadingZeros.clamped(1, 12)
  let scaledZeros = normalized(doublingHighProduct(x, rootOfHalf)).leadingZeros.clamped(1, 13)
  let second = W(narrowing: (x.wide <<% (scaledZeros -% Wide(1))).clamped(0, Int64(Int32.max)))
  // Over all x the smaller of both is at least this; said here, the interval reading knows it too.
  let r = W.smaller(first, second).clamped(1_518_499_840, Int64(Int32.max))
  let quarter: Int64 = 1 << 23
  let steps = W.larger(
    W(narrowing: ((Wide(12) -% zeros) <<% 25) +% Wide(quarter)),
    W(narrowing: ((Wide(13) -% scaledZeros) <<% 25) -% Wide(quarter)))

  let centre = W(1_805_811_301)
  let half = W(narrowing: (r.wide +% centre.wide +% Wide(1)) >>% 1)
  let offset = (r -% centre) +% (r -% centre)
  let square = doublingHighProduct(offset, offset)
  let numerator =
    doublingHighProduct(offset, r) +% doublingHighProduct(doublingHighProduct(offset, square), W(117_049_297))
  let denominator =
    doublingHighProduct(half, W(1_057_819_769) +% offset +% doublingHighProduct(W(127_690_142), square))
    +% doublingHighProduct(W(638_450_708), offset)
  let logarithmOfTwo = W(1_488_522_236)
  let sum =
    doublingHighProduct(steps, logarithmOfTwo)
    +% doublingHighProduct(roundingShiftRight(numerator, by: W(6)), reciprocalOfOnePlus(denominator))
  return saturatingShiftLeft(sum, by: 1)
}

/// By how much, in Q5.26, `logarithm(ofSum:)` of some sum may at most be above that of a larger one. All 2^31 − 2^19
/// sums have been tried.
public let largestFallOfLogarithm: Int32 = 2

/// The int8 code, scale 1/16 and zero point 127, of a difference from the row's maximum less the logarithm of the row's
/// sum, both Q5.26 (TensorFlow Lite: `LogSoftmax` of int8).
///
/// Differences under −16 give the lowest code whatever the sum is, so that they count as −16.
@inlinable public func logSoftmaxCode<W: Word>(_ power: W, logarithm: W) -> W {
  let share = roundingShiftRight(power.clamped(-(1 << 30), 0) -% logarithm, by: W(22))
  return (share +% W(127)).clamped(-128, 127)
}

extension SoftmaxScale {
  /// Whether the reference's own threshold, under which a difference gives the lowest code unreckoned, decides nothing
  /// that `logSoftmaxCode` does not: for each difference it is looked at from the least logarithm on at which it falls
  /// under the threshold (TensorFlow Lite: `adjusted_diff_min`; codes fall as logarithms grow).
  public func agreesWithLogSoftmaxThreshold(rounding: Rounding) -> Bool {
    guard let reverse = Multiplier(Double(1 << (31 - leftShift)) / Double(mantissa)) else { return false }
    func threshold(_ logarithm: Int32) -> Int32 { requantize(logarithm &+ Int32.min, by: reverse, rounding: rounding) }
    // ln 4096.
    let most: Int32 = 558_195_838
    for difference in max(leastDifference, -255)...0 where threshold(most) >= difference {
      var (under, over) = (Int32(-1), most)
      while over - under > 1 {
        let middle = under + (over - under) / 2
        if threshold(middle) >= difference { over = middle } else { under = middle }
      }
      guard logSoftmaxCode(softmaxPower(difference, self), logarithm: over) == -128 else { return false }
    }
    return true
  }
}
