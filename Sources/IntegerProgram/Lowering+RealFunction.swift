import Arithmetic
import Network

// ABS, RSQRT, ELU (TensorFlow Lite Micro); EXP, LOG, GELU, NEG, SQRT, RELU_N1_TO_1 (LiteRT, where TensorFlow Lite Micro has
// no int8 kernel) → lookup.
extension Lowering {
  mutating func real(
    _ function: RealFunction, _ operation: Operation, _ x: Int, _ output: Value
  ) throws(LayerFault) {
    let input = values[x]
    let zeroPoint = output.zeroPoint
    let rounding = options.rounding
    switch function {
    case .absolute:
      let multiplier = try rescale(input, output, ratio)
      lookup(operation, x, output) { zeroPoint + requantize(abs($0), by: multiplier, rounding: rounding) }
    case .reciprocalSquareRoot: try reciprocalSquareRoot(operation, x, output)
    case .squareRoot:
      try requireNonNegative(x)
      lookup(operation, x, output) { d in
        let root = ((Float(max(0, d)) * input.scale).squareRoot() / output.scale).rounded(.down)
        return zeroPoint + Int32(min(root, 0x1p20))
      }
    case .negated:
      // LiteRT negates the codes as they are, in 8 bits. That is the function where the zero points are each other's.
      guard input.scale == output.scale, input.zeroPoint == -zeroPoint else {
        throw LayerFault(
          "its scales and zero points are \(input.scale), \(input.zeroPoint) and \(output.scale), \(zeroPoint); the "
            + "reference negates the codes as they are",
          remedy: "subtract from 0, or let the operator be float between DEQUANTIZE and QUANTIZE")
      }
      lookup(operation, x, output) { d in
        let code = d + input.zeroPoint
        return code == -128 ? -128 : -code
      }
    case .elu, .exponential, .logarithm, .gelu:
      populated(function, operation, x, output)
    default:
      throw LayerFault(
        "no reference has it for int8",
        remedy: "convert with TensorFlow's converter, which leaves it float between DEQUANTIZE and QUANTIZE: that is "
          + "supported")
    }
  }

  /// TensorFlow Lite, `LUTPopulate`: single precision, the result times the reciprocal of the scale.
  mutating func populated(_ function: RealFunction, _ operation: Operation, _ x: Int, _ output: Value) {
    let input = values[x]
    let reciprocal = 1 / output.scale
    lookup(operation, x, output) { d in
      let real = Float(d) * input.scale
      if case .logarithm = function, real <= 0 { return -128 }
      let code = (function.single(real) * reciprocal).rounded(.toNearestOrAwayFromZero) + Float(output.zeroPoint)
      return Int32(max(-0x1p20, min(0x1p20, code)))
    }
  }

  /// TensorFlow Lite: `RsqrtEvalQuantized`, 20 bits after the point in between.
  private mutating func reciprocalSquareRoot(
    _ operation: Operation, _ x: Int, _ output: Value
  ) throws(LayerFault) {
    let input = values[x]
    try requireNonNegative(x)
    let factor = try multiplier(
      1 / Double(input.scale.squareRoot() * output.scale), "1 / (√ input scale · output scale)")
    // What is shifted left by more leaves the register; by less, every result is the same.
    guard (-11...30).contains(factor.exponent) else {
      throw LayerFault("its scales are out of proportion: 1 / (√ input scale · output scale) is \(factor.real)")
    }
    let rounding = options.rounding
    let most = Int32(output.type.range.upperBound)
    lookup(operation, x, output) { d in
      guard d > 0 else { return most }
      let root = Multiplier(inverseSquareRootOf: d)
      let part = requantize(
        Int32(1), by: Multiplier(mantissa: root.mantissa, exponent: root.exponent + 20), rounding: rounding)
      return output.zeroPoint
        + requantize(
          part, by: Multiplier(mantissa: factor.mantissa, exponent: factor.exponent - 20), rounding: rounding)
    }
  }

  /// The reference stops at a negative number.
  private func requireNonNegative(_ x: Int) throws(LayerFault) {
    let input = values[x]
    guard input.range.lowerBound >= Int64(input.zeroPoint) else {
      throw LayerFault(
        "its input may be negative: codes from \(input.range.lowerBound) on, and zero is \(input.zeroPoint); the "
          + "reference stops there",
        remedy: "quantise its input with the zero point \(input.type.range.lowerBound)")
    }
  }
}
