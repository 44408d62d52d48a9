/// A seeded generator with the same sequence on every platform (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014).
struct SplitMix64 {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A number of `range`, which holds fewer than 2^63.
  mutating func integer<T: FixedWidthInteger>(_ range: ClosedRange<Int64>) -> T {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    return T(range.lowerBound + Int64(next().multipliedFullWidth(by: width).high))
  }

  /// A number of `range`: one in four is at an end or next to it, the others are of every magnitude.
  mutating func member(_ range: ClosedRange<Int64>) -> Int32 {
    let any: Int64 = integer(range)
    let value =
      switch next() % 8 {
      case 0: range.lowerBound + Int64(next() % 3)
      case 1: range.upperBound - Int64(next() % 3)
      case 2, 3: any
      default: any >> Int64(next() % 32)
      }
    return Int32(min(max(value, range.lowerBound), range.upperBound))
  }

  /// 2^lower ..< 2^(upper + 1), every power of two as often as the next.
  mutating func magnitude(exponents: ClosedRange<Int64>) -> Double {
    let exponent: Int64 = integer(exponents)
    return Double(sign: .plus, exponent: Int(exponent), significand: 1 + Double(next() >> 11) * 0x1p-53)
  }
}
