import Arithmetic

/// What a requantisation yields, by definition, as an integer without bounds: `x · mantissa · 2^(exponent −
/// 31)`, rounded.
@inline(__always)
func exactlyRequantized(_ x: Int64, _ mantissa: Int64, _ exponent: Int, _ rounding: Rounding) -> Int128 {
  let product = Int128(x) &* Int128(mantissa)
  switch rounding {
  case .double:
    let left = exponent > 0 ? exponent : 0
    let right = exponent < 0 ? -exponent : 0
    return nearest(nearest(product &<< Int128(left), over: 31, ties: .upward), over: right, ties: .away)
  case .single, .halfUpShift: return nearest(product, over: 31 - exponent, ties: .upward)
  case .halfEven: return nearest(product, over: 31 - exponent, ties: .toEven)
  }
}

/// TensorFlow Lite's own code for a rounding, in a 32-bit register that wraps; nil for a rounding it does not
/// have.
@inline(__always)
func tensorFlowLiteRequantized(_ x: Int32, _ mantissa: Int32, _ exponent: Int, _ rounding: Rounding) -> Int32?
{
  switch rounding {
  case .double: TensorFlowLite.multiplyByQuantizedMultiplier(x, mantissa, exponent)
  case .single: TensorFlowLite.multiplyByQuantizedMultiplierSingleRounding(x, mantissa, exponent)
  case .halfUpShift, .halfEven: nil
  }
}

/// Whether neither the result, `exact`, nor the left shift before a double rounding leaves its 32-bit
/// register.
@inline(__always)
func requantizationFits(_ x: Int64, _ exponent: Int, _ rounding: Rounding, exact: Int128) -> Bool {
  let shifted = rounding == .double && exponent > 0 ? x &<< Int64(exponent) : 0
  return Int64(Int32(truncatingIfNeeded: shifted)) == shifted
    && Int128(Int32(truncatingIfNeeded: exact)) == exact
}

/// A mantissa that `rounding` takes: half-up shifts know powers of two alone.
@inline(__always)
func admissible(_ mantissa: Int32, _ rounding: Rounding) -> Int32 {
  rounding == .halfUpShift ? 1 << 30 : mantissa
}

/// Every exponent a multiplier may have.
let exponents = -31...30
/// Mantissas at the ends of their range, with and without trailing zeros.
let notableMantissas: [Int32] = [
  1 << 30, (1 << 30) + 1, Int32.max, 3 << 29, (1 << 30) + (1 << 15), 1_518_500_250,
]
