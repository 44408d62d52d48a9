extension TensorFlowLite {
  /// `log_x_for_x_greater_than_or_equal_to_1_impl<5, 12>`, statement by statement.
  static func logarithm(ofSum x: Int32) -> Int32 {
    func times(_ a: Int32, _ b: Int32) -> Int32 { Gemmlowp.saturatingRoundingDoublingHighMul(a, b) }
    func up(_ a: Int32, _ n: Int) -> Int32 { Int32(clamping: Int64(a) << Int64(n)) }
    func zeros(_ a: Int32) -> Int { UInt32(bitPattern: a).leadingZeroBitCount }
    let (log2, fourthRootOfHalf, rootOfHalf): (Int32, Int32, Int32) = (1_488_522_236, 1_805_811_301, 1_518_500_250)
    let (alphaN, alphaD, alphaI, alphaF): (Int32, Int32, Int32, Int32) = (
      117_049_297, 127_690_142, 1_057_819_769, 638_450_708
    )
    let quarter: Int32 = 536_870_912
    let shiftedQuarter = Gemmlowp.roundingDivideByPOT(quarter, 6)
    let headroomPlusOne = zeros(x)
    let ra = up(times(up(x, headroomPlusOne - 1), rootOfHalf), 1)
    let pa = up(Int32(12 - headroomPlusOne), 25) + shiftedQuarter
    let zb = times(x, rootOfHalf)
    let headroom = zeros(zb) - 1
    let rb = up(x, headroom)
    let pb = up(Int32(12 - headroom), 25) - shiftedQuarter
    let r = min(ra, rb)
    let power = max(pa, pb)
    let p = Int32((Int64(r) + Int64(fourthRootOfHalf) + 1) / 2)
    var q = r - fourthRootOfHalf
    q += q
    let square = times(q, q)
    let numerator = times(q, r) + times(times(q, square), alphaN)
    let denominator = times(p, alphaI + q + times(alphaD, square)) + times(alphaF, q)
    let reciprocal = Gemmlowp.oneOverOnePlusX(denominator)
    return up(times(power, log2) + times(Gemmlowp.roundingDivideByPOT(numerator, 6), reciprocal), 1)
  }

  /// `GetInvSqrtQuantizedMultiplierExp` with a reverse shift of −1.
  static func inverseSquareRoot(_ x: Int32) -> (mantissa: Int32, exponent: Int) {
    func times(_ a: Int32, _ b: Int32) -> Int32 { Gemmlowp.saturatingRoundingDoublingHighMul(a, b) }
    func up(_ a: Int32, _ n: Int) -> Int32 { Int32(clamping: Int64(a) << Int64(n)) }
    if x <= 1 { return (Int32.max, 0) }
    var (input, shift) = (x, 11)
    while input >= 1 << 29 {
      input /= 4
      shift += 1
    }
    let maxLeftShiftBits = UInt32(bitPattern: input).leadingZeroBitCount - 1
    let bitPairs = maxLeftShiftBits / 2
    shift -= bitPairs - 1
    input <<= Int32(2 * (bitPairs - 1))
    let half = Gemmlowp.roundingDivideByPOT(input >> 1, 1)
    var y = Int32(1 << 28)
    for _ in 0..<5 {
      let cube = up(times(times(y, y), y), 6)
      y = up(times(3 << 27, y) - times(half, cube), 3)
    }
    y = times(y, 1_518_500_250)
    return shift < 0 ? (y << Int32(-shift), 0) : (y, -shift)
  }
}
