/// 1/√x of an integer as a multiplier: mantissa and power of two (TensorFlow Lite:
/// `GetInvSqrtQuantizedMultiplierExp`).
extension Multiplier {
  /// 1/√x for x of 1 and more; 2^31 − 1 parts of 2^31 for 0 and 1.
  ///
  /// x is brought by powers of 4 to one with two leading bits free, and its root found by five steps of Newton's
  /// iteration, y ← (3/2 − x/2 · y²) · y, in Q3.28.
  public init(inverseSquareRootOf x: Int32) {
    guard x > 1 else {
      self.init(mantissa: Int32.max, exponent: 0)
      return
    }
    var x = x
    var rightShift = 11
    while x >= 1 << 29 {
      x /= 4
      rightShift += 1
    }
    let pairs = (x.leadingZeroBitCount - 1) / 2 - 1
    rightShift -= pairs
    x <<= 2 * Int32(pairs)
    let half = roundingShiftRight(x >> 1, by: 1)
    let threeHalves: Int32 = 3 << 27
    var y: Int32 = 1 << 28
    for _ in 0..<5 {
      let cube = saturatingShiftLeft(doublingHighProduct(doublingHighProduct(y, y), y), by: 6)
      y = saturatingShiftLeft(doublingHighProduct(threeHalves, y) &- doublingHighProduct(half, cube), by: 3)
    }
    // √½ in Q0.31.
    y = doublingHighProduct(y, 1_518_500_250)
    self.init(mantissa: rightShift < 0 ? y << Int32(-rightShift) : y, exponent: min(0, -rightShift))
  }
}
