import Arithmetic
import Network

// uint8 networks of old converters: activations and weights with zero points of their own, one scale a tensor. TensorFlow
// Lite Micro has dropped them; LiteRT's reference kernels say what they compute, and where that differs from int8.
extension Lowering {
  /// Whether a value's codes are of such a network; ONNX's uint8 codes are like any others.
  func isAsymmetric(_ value: Value) -> Bool { isTensorFlowLite && value.type == .uint8 }

  /// As `requireCodes`, for operators whose kernels take uint8, too.
  func requireBytes(_ x: Int, _ role: String) throws(LayerFault) {
    if !isAsymmetric(values[x]) { try requireCodes(x, role) }
  }

  /// For operators that share their operands' reading with others, and whose kernels take no uint8.
  func refuseUInt8(_ x: Int, _ role: String) throws(LayerFault) {
    if isAsymmetric(values[x]) { try requireInt8(x, role) }
  }

  /// The same of another operand, or of the output, beside the one in `x`: kernels take codes of one type.
  func requireBytes(_ other: Value, _ role: String, beside x: Int) throws(LayerFault) {
    guard isAsymmetric(values[x]) || isAsymmetric(other) else { return try requireCodes(other, role, like: x) }
    guard values[x].type == other.type else {
      throw LayerFault(
        "its \(role) is \(other.type) beside \(values[x].type)",
        remedy: "put a QUANTIZE between uint8 and int8 codes, as converters do")
    }
  }

  /// What kernels take for weights beside the codes in `x`.
  func weightTypes(beside x: Int) -> [ElementType] {
    isAsymmetric(values[x]) ? [.uint8] : values[x].type == .int16 ? [.int8] : [.int8, .int4]
  }

  /// The multiplier of sums of uint8 products: of scales multiplied in single precision (LiteRT:
  /// `GetQuantizedConvolutionMultipler`).
  func asymmetricMultiplier(_ input: Value, _ weightScale: Float, _ output: Value) throws(LayerFault) -> Multiplier {
    try multiplier(
      Double(input.scale * weightScale) / Double(output.scale), "input scale · weight scale / output scale")
  }

  /// LiteRT's FULLY_CONNECTED of uint8 multiplies in double precision and rounds once, ties away from zero. A multiplier of
  /// 31 bits that makes the same codes of all accumulators in `range`, with one rounding whose ties go upward, near the
  /// nearest one; both sides never fall, so that they agree everywhere where they agree at both sides of every place
  /// where the code changes.
  func multiplierRoundingOnce(
    _ factor: Double, over range: ClosedRange<Int64>, clamp: ClosedRange<Int64>, _ output: Value
  ) throws(LayerFault) -> Multiplier {
    let nearest = try multiplier(factor, "input scale · weight scale / output scale")
    let zero = Int64(output.zeroPoint)
    let (least, most) = (clamp.lowerBound - zero, clamp.upperBound - zero)
    func reference(_ sum: Int64) -> Int64 {
      Int64(max(Double(least), min(Double(most), (Double(sum) * factor).rounded(.toNearestOrAwayFromZero))))
    }
    // The sums on both sides of where the code changes, and the range's ends.
    var places = [range.lowerBound, range.upperBound]
    for code in least + 1..<most + 1 {
      let guess = ((Double(code) - 0.5) / factor).rounded(.up)
      guard guess > Double(range.lowerBound) - 4, guess < Double(range.upperBound) + 4 else { continue }
      places += (Int64(guess) - 2...Int64(guess) + 2).filter { range.contains($0) }
    }
    func agrees(_ multiplier: Multiplier) -> Bool {
      let shift = Int64(31 - multiplier.exponent)
      return places.allSatisfy { sum in
        let code = (sum * Int64(multiplier.mantissa) + 1 << (shift - 1)) >> shift
        return max(least, min(most, code)) == reference(sum)
      }
    }
    for distance in 0...Self.furthestMultiplier {
      for offset in distance == 0 ? [0] : [distance, -distance] {
        guard let mantissa = Int32(exactly: Int64(nearest.mantissa) + offset), mantissa >= 0 else { continue }
        let multiplier = Multiplier(mantissa: mantissa, exponent: nearest.exponent)
        if agrees(multiplier) { return multiplier }
      }
    }
    throw LayerFault(
      "no multiplier of 31 bits makes the codes that LiteRT's reference makes with the factor \(factor) in double "
        + "precision", remedy: "convert anew with int8 activations, or lower with another rounding")
  }

  private static let furthestMultiplier: Int64 = 64

  /// LOGISTIC and TANH of uint8: a table of the function in single precision.
  mutating func asymmetricSigmoid(
    _ operation: Operation, _ function: RealFunction, _ x: Int, _ output: Value
  ) throws(LayerFault) {
    if function == .logistic {
      guard output.scale == 1.0 / 256, output.zeroPoint == 0 else {
        throw LayerFault(
          "its output must have the scale 1/256 and the zero point 0, not \(output.scale) and \(output.zeroPoint)")
      }
    }
    populated(function, operation, x, output)
  }

  /// A uint8 input of CONCATENATION in its output's terms (LiteRT: `ConcatenationWithScaling`, in single precision).
  mutating func rescaled(_ x: Int, to output: Value) -> Int {
    let input = values[x]
    if isSameQuantization(input, output) { return x }
    let scale = input.scale * (1 / output.scale)
    let bias = Float(-input.zeroPoint) * scale
    return makeTable(intermediate(input.shape, like: output), of: x) { code in
      let real = (Float(code) * scale + bias).rounded(.toNearestOrAwayFromZero)
      let sum = Int64(max(-0x1p20, min(0x1p20, real))) + Int64(output.zeroPoint)
      return min(max(sum, output.type.range.lowerBound), output.type.range.upperBound)
    }
  }
}
