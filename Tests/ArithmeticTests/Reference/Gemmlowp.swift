/// gemmlowp's fixedpoint/fixedpoint.h for 32-bit registers, restated as it stands: same steps, same masks,
/// plain `Int32`. The number of integer bits, a template parameter there, is an argument here. Written apart
/// from the product's code, which it judges.
enum Gemmlowp {
  static func saturatingRoundingDoublingHighMul(_ a: Int32, _ b: Int32) -> Int32 {
    let overflow = a == b && a == Int32.min
    let ab = Int64(a) * Int64(b)
    let nudge: Int64 = ab >= 0 ? 1 << 30 : 1 - (1 << 30)
    // Swift's `/`, like C's, rounds toward zero.
    let high = (ab &+ nudge) / (1 << 31)
    return overflow ? Int32.max : Int32(truncatingIfNeeded: high)
  }

  static func roundingDivideByPOT(_ x: Int32, _ exponent: Int) -> Int32 {
    let mask = Int32(truncatingIfNeeded: (Int64(1) &<< Int64(exponent)) &- 1)
    let remainder = x & mask
    let threshold = (mask &>> 1) &+ (x < 0 ? 1 : 0)
    return (x &>> Int32(truncatingIfNeeded: exponent)) &+ (remainder > threshold ? 1 : 0)
  }

  /// `ImplSaturatingRoundingMultiplyByPOT`, the case of a positive exponent.
  static func saturatingMultiplyByPOT(_ x: Int32, _ exponent: Int) -> Int32 {
    let threshold = Int32((1 << (31 - exponent)) - 1)
    if x > threshold { return Int32.max }
    if x < -threshold { return Int32.min }
    return x &* (1 &<< Int32(truncatingIfNeeded: exponent))
  }

  static func roundingHalfSum(_ a: Int32, _ b: Int32) -> Int32 {
    let sum = Int64(a) + Int64(b)
    let sign: Int64 = sum >= 0 ? 1 : -1
    return Int32(truncatingIfNeeded: (sum + sign) / 2)
  }

  /// `exp_on_interval_between_negative_one_quarter_and_0_excl`: Q0.31 to Q0.31.
  static func expOnIntervalBetweenNegativeOneQuarterAnd0(_ a: Int32) -> Int32 {
    let constantTerm: Int32 = 1_895_147_668
    let constantOneOver3: Int32 = 715_827_883
    let x = a &+ (1 << 28)
    let x2 = saturatingRoundingDoublingHighMul(x, x)
    let x3 = saturatingRoundingDoublingHighMul(x2, x)
    let x4 = saturatingRoundingDoublingHighMul(x2, x2)
    let x4Over4 = roundingDivideByPOT(x4, 2)
    let sum = roundingDivideByPOT(
      saturatingRoundingDoublingHighMul(x4Over4 &+ x3, constantOneOver3) &+ x2, 1)
    return constantTerm &+ saturatingRoundingDoublingHighMul(constantTerm, x &+ sum)
  }

  /// `exp_on_negative_values`: Q`integerBits` to Q0.31, for at most five integer bits.
  static func expOnNegativeValues(_ a: Int32, integerBits: Int) -> Int32 {
    let fractionalBits = 31 - integerBits
    let oneQuarter = Int32(1) << Int32(fractionalBits - 2)
    let mask = oneQuarter - 1
    let aModQuarterMinusOneQuarter = (a & mask) &- oneQuarter
    var result = expOnIntervalBetweenNegativeOneQuarterAnd0(
      saturatingMultiplyByPOT(aModQuarterMinusOneQuarter, integerBits))
    let remainder = aModQuarterMinusOneQuarter &- a

    func barrelShift(_ exponent: Int, _ multiplier: Int32) {
      guard integerBits > exponent else { return }
      let bit = Int32(truncatingIfNeeded: 1 &<< (fractionalBits + exponent))
      if remainder & bit != 0 { result = saturatingRoundingDoublingHighMul(result, multiplier) }
    }
    barrelShift(-2, 1_672_461_947)
    barrelShift(-1, 1_302_514_674)
    barrelShift(0, 790_015_084)
    barrelShift(1, 290_630_308)
    barrelShift(2, 39_332_535)
    barrelShift(3, 720_401)
    barrelShift(4, 242)
    return a == 0 ? Int32.max : result
  }

  /// The Newton-Raphson division that `one_over_one_plus_x_for_x_in_0_1` and
  /// `one_minus_x_over_one_plus_x_for_x_in_0_1` share: 2/(1 + a) as Q2.29.
  private static func newton(_ a: Int32) -> Int32 {
    let halfDenominator = roundingHalfSum(a, Int32.max)
    var x = 1_515_870_810 &+ saturatingRoundingDoublingHighMul(halfDenominator, -1_010_580_540)
    for _ in 0..<3 {
      let halfDenominatorTimesX = saturatingRoundingDoublingHighMul(halfDenominator, x)
      let oneMinus = (1 << 29) &- halfDenominatorTimesX
      x = x &+ saturatingMultiplyByPOT(saturatingRoundingDoublingHighMul(x, oneMinus), 2)
    }
    return x
  }

  static func oneOverOnePlusX(_ a: Int32) -> Int32 { saturatingMultiplyByPOT(newton(a), 1) }

  static func oneMinusXOverOnePlusX(_ a: Int32) -> Int32 {
    saturatingMultiplyByPOT(newton(a) &- (1 << 29), 2)
  }

  static func logistic(_ a: Int32, integerBits: Int) -> Int32 {
    let absInput = a > 0 ? a : 0 &- a
    let ifPositive = oneOverOnePlusX(expOnNegativeValues(0 &- absInput, integerBits: integerBits))
    if a == 0 { return 1 << 30 }
    return a > 0 ? ifPositive : Int32.max &- ifPositive
  }

  static func tanh(_ a: Int32, integerBits: Int) -> Int32 {
    let n = a < 0 ? a : 0 &- a
    // ExactMulByPot<1>: the same bits, one more integer bit.
    let t = oneMinusXOverOnePlusX(expOnNegativeValues(n, integerBits: integerBits + 1))
    if a == 0 { return 0 }
    return a < 0 ? 0 &- t : t
  }
}
