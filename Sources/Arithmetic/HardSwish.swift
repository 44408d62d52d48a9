/// The constants of TensorFlow Lite's int8 HARD_SWISH, `x · clamp(x + 3, 0, 6) / 6` in 16-bit fixed point.
public struct HardSwishScale: Sendable, Hashable {
  /// From 1/128 of an input code to output codes.
  public let output: Multiplier
  /// From 1/128 of an input code to thirds in Q0.15.
  public let relu: Multiplier

  /// The two factors are quotients, formed by `ratio`. Nil for scales whose ratio the reference's 16-bit arithmetic cannot
  /// take.
  public init?(inputScale: Float, outputScale: Float, ratio: (Double, Double) -> Double = { $0 / $1 }) {
    let fine = Double(inputScale * (1.0 / 128.0))
    guard let output = Multiplier(ratio(fine, Double(outputScale))),
      let relu = Multiplier(ratio(fine, 3.0 / 32768.0)),
      (-15...0).contains(output.exponent), (-15...16).contains(relu.exponent)
    else { return nil }
    self.output = output
    self.relu = relu
  }
}

/// The HARD_SWISH of a code less its zero point, −255 … 255, in output codes before the zero point is added
/// (TensorFlow Lite: `reference_ops::HardSwish`). All intermediate results are 16 bits wide.
public func hardSwish(_ centred: Int32, _ scale: HardSwishScale) -> Int32 {
  let fine = centred * 128
  let preshifted = highProduct16(fine, mantissa16(scale.output))
  var gate = fine
  if scale.relu.exponent > 0 { gate = saturated16(Int64(gate) << Int64(scale.relu.exponent - 1)) }
  gate = highProduct16(gate, mantissa16(scale.relu))
  if scale.relu.exponent > 0 { gate = saturated16(Int64(gate) << 1) }
  if scale.relu.exponent < 0 { gate = roundingShiftRight(gate, by: Int32(-scale.relu.exponent)) }
  // From −1 … 1 to 0 … 1, then the product, whose division by 2^15 rounds toward zero.
  gate = (gate + 32768) >> 1
  let product = gate * preshifted / 32768
  return roundingShiftRight(product, by: Int32(-scale.output.exponent))
}

/// A mantissa rounded to 16 bits.
private func mantissa16(_ multiplier: Multiplier) -> Int32 {
  multiplier.mantissa >= Int32.max - (1 << 15) ? 32767 : (multiplier.mantissa + (1 << 15)) >> 16
}

/// `⌊(a·b + 2^14) / 2^15⌋`: the product of two Q0.15 numbers, saturated where both are −1.
private func highProduct16(_ a: Int32, _ b: Int32) -> Int32 { min((a * b + (1 << 14)) >> 15, 32767) }

private func saturated16(_ x: Int64) -> Int32 { Int32(max(-32768, min(32767, x))) }
