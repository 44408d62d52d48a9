/// 1/√x of an integer: `mantissa · 2^(−rightShift − 31)` (TensorFlow Lite: `GetInvSqrtQuantizedMultiplierExp`).
public struct InverseSquareRoot<W: Word> {
  public let mantissa: W
  /// 0 … 11.
  public let rightShift: W

  /// A root whose parts are known: mantissa · 2^−(31 + rightShift).
  @inlinable public init(mantissa: W, rightShift: W) {
    self.mantissa = mantissa
    self.rightShift = rightShift
  }

  /// For x of 0 … 2^29 − 1; 0 and 1 give 2^31 − 1 parts of 2^31.
  ///
  /// x is brought by powers of 4 to one with two leading bits free, and its root found by five steps of Newton's
  /// iteration, y ← (3/2 − x/2 · y²) · y, in Q3.28.
  @inlinable public init(of x: W) {
    typealias Wide = W.Wide
    let one = W.less(x, W(2))
    var normal = W.larger(x, W(2)).wide
    var pairs = Wide(0)
    for bits in [16, 8, 4, 2] {
      let isShort = Wide.less(normal, Wide(1 << Int64(29 - bits)))
      let longer = normal <<% bits
      normal = Wide.select(isShort, longer.clamped(0, (1 << 29) - 1), normal)
      pairs = pairs +% Wide.select(isShort, Wide(Int64(bits / 2)), Wide(0))
    }
    let half = roundingShiftRight(W(narrowing: normal.clamped(1 << 27, (1 << 29) - 1) >>% 1), by: W(1))
    let threeHalves = W(3 << 27)
    var y = W(1 << 28)
    for _ in 0..<5 {
      let cube = saturatingShiftLeft(doublingHighProduct(doublingHighProduct(y, y), y), by: 6)
      y = saturatingShiftLeft(doublingHighProduct(threeHalves, y) -% doublingHighProduct(half, cube), by: 3)
    }
    // √½ in Q0.31. Over all x the result lies in these bounds; said here, the interval reading knows it too.
    y = doublingHighProduct(y, W(1_518_500_250)).clamped(189_812_531, 379_624_593)
    let shift = Wide(11) -% pairs
    let longer = (y.wide <<% (Wide(0) -% shift).clamped(0, 2)).clamped(0, Int64(Int32.max))
    self.init(
      mantissa: W.select(one, W(Int64(Int32.max)), W(narrowing: longer)),
      rightShift: W.select(one, W(0), W(narrowing: shift.clamped(0, 11))))
  }

  /// x times 2^7 times the root, rounded: its code of scale 1/128 (TensorFlow Lite: `L2Normalization` of int8). x is a
  /// code less its zero point.
  @inlinable public func share(of x: W, rounding: Rounding) -> W {
    let exponent = W(7) -% rightShift
    let shifts = Shifts(left: W.larger(exponent, W(0)), right: W.larger(W(0) -% exponent, W(0)))
    return requantize(x, mantissa: mantissa, shifts: shifts, rounding: rounding).clamped(-128, 127)
  }
}

extension Multiplier {
  /// 1/√x for x of 1 to 2^29 − 1; 2^31 − 1 parts of 2^31 for 0 and 1.
  public init(inverseSquareRootOf x: Int32) {
    let root = InverseSquareRoot(of: x)
    self.init(mantissa: root.mantissa, exponent: -Int(root.rightShift))
  }
}
