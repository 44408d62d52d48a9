/// A seeded generator with the same sequence on every platform (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014), and the draws that find rounding errors.
struct SplitMix64 {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  @inline(__always)
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed &>> 31)
  }

  /// Any 32-bit number.
  @inline(__always)
  mutating func int32() -> Int32 { Int32(truncatingIfNeeded: next()) }

  /// A number of `range`, which holds fewer than 2^63.
  @inline(__always)
  mutating func integer(_ range: ClosedRange<Int64>) -> Int64 {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int64(next().multipliedFullWidth(by: width).high)
  }

  /// 0 ..< 1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// 2^lower ..< 2^(upper + 1), every power of two as often as the next.
  mutating func magnitude(exponents: ClosedRange<Int>) -> Double {
    let exponent = integer(Int64(exponents.lowerBound)...Int64(exponents.upperBound))
    return Double(sign: .plus, exponent: Int(exponent), significand: 1 + unit())
  }

  /// A register's value where errors hide: uniform, of every magnitude, near either end, near an odd multiple
  /// of a power of two (where roundings tie).
  @inline(__always)
  mutating func accumulator() -> Int32 {
    let bits = next()
    let value = Int32(truncatingIfNeeded: bits)
    let n = Int32(truncatingIfNeeded: bits &>> 32) & 31
    switch (bits &>> 40) & 7 {
    case 0, 1: return value
    case 2, 3, 4: return value &>> n
    case 5: return Int32.max &- ((value & 0x7FFF) &>> n)
    case 6: return Int32.min &+ ((value & 0x7FFF) &>> n)
    default:
      // (2k + 1) · 2^n, or a neighbour of it
      let tie = (value | 1) &<< n
      return tie &+ Int32(truncatingIfNeeded: (bits &>> 44) % 3) &- 1
    }
  }

  /// A mantissa 2^30 … 2^31 − 1; one in two has many trailing zeros, so that products tie.
  @inline(__always)
  mutating func mantissa() -> Int32 {
    let bits = next()
    let low = Int32(truncatingIfNeeded: bits) & 0x3FFF_FFFF
    let zeros = Int32(truncatingIfNeeded: bits &>> 32) & 31
    return (1 << 30) | ((bits &>> 40) & 1 == 0 ? low : (low &>> zeros) &<< zeros)
  }
}
