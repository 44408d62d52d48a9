/// The 16-bit specialisations of gemmlowp's primitives, with registers that are 16 bits wide throughout.
extension Gemmlowp {
  static func saturatingRoundingDoublingHighMul(_ a: Int16, _ b: Int16) -> Int16 {
    let overflow = a == b && a == Int16.min
    let ab = Int32(a) * Int32(b)
    let nudge: Int32 = ab >= 0 ? 1 << 14 : 1 - (1 << 14)
    let high = (ab + nudge) / (1 << 15)
    return overflow ? Int16.max : Int16(truncatingIfNeeded: high)
  }

  static func roundingDivideByPOT(_ x: Int16, _ exponent: Int) -> Int16 {
    let mask = Int16(truncatingIfNeeded: (Int64(1) << Int64(exponent)) - 1)
    let remainder = x & mask
    let threshold = (mask >> 1) + (x < 0 ? 1 : 0)
    return (x >> Int16(exponent)) + (remainder > threshold ? 1 : 0)
  }
}
