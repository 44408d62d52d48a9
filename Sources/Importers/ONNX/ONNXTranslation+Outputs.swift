import Network

// Outputs that the file leaves real: codes are made of them here, as fine as 16 bits allow.
extension ONNXTranslation {
  private static let outputCodes: ClosedRange<Int64> = -32768...32767

  /// The codes of an output that no quantiser makes codes of. Sums that 16 bits hold are their own codes; others, and what
  /// real numbers are added to, are rounded to the nearest multiple of a power of two.
  mutating func codes(ofReal pending: ONNXPending, name: String) throws(NodeFault) -> ONNXCodes {
    let reach = try reach(pending)
    let most = Double(Self.outputCodes.upperBound)
    guard reach.largest.isFinite, reach.largest > 0 else {
      throw NodeFault("its values reach \(reach.largest)", remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
    }
    let scale: Float
    let rule: String
    if let unit = reach.unit, reach.largest <= unit * most {
      scale = Float(unit)
      rule = "its codes are the sums of \(pending.typeName), in units of \(scale)"
    } else {
      // The least power of two that covers all.
      let quotient = reach.largest / most
      let power = Double(sign: .plus, exponent: quotient.exponent, significand: 1)
      scale = Float(power < quotient ? 2 * power : power)
      rule = "its codes are the real values divided by \(scale), rounded to the nearest"
    }
    guard scale.isNormal else { throw NodeFault("its values reach \(reach.largest), beyond single precision") }
    notices.append("the output \"\(name.printable())\" has no quantiser in the file: \(rule)")
    let quantizer = ONNXQuantizer(scale: scale, zeroPoint: 0, type: .int16, codes: Self.outputCodes)
    return try quantized(pending, quantizer, name: name)
  }

  /// How large real values may become, and the unit that all of them are multiples of, where that is known.
  private func reach(_ pending: ONNXPending) throws(NodeFault) -> (unit: Double?, largest: Double) {
    var found: (unit: Double?, largest: Double)
    switch pending.base {
    case .codes(let codes):
      let (scale, zeroPoint, range) = try quantization(codes.tensor)
      guard range.count <= 1 << 10 else {
        throw NodeFault(
          "it is a function of \(tensors[codes.tensor].type) codes, which would be a table of \(range.count) entries",
          remedy: "quantise its input to at most 10 bits, or put a quantiser in front of the output")
      }
      var largest = scale * Double(max(abs(range.lowerBound - zeroPoint), abs(range.upperBound - zeroPoint)))
      for function in pending.functions {
        guard let bound = function.bound(largest) else {
          throw NodeFault(
            "how large its values become depends on how small its input is",
            remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
        }
        largest = bound
      }
      found = (nil, largest)
    case .affine(let affine):
      let (inputScale, zeroPoint, range) = try quantization(affine.input)
      let span = Double(max(abs(range.lowerBound - zeroPoint), abs(range.upperBound - zeroPoint)))
      let length = affine.weights.count / affine.channels
      var units = Set<Double>()
      var largest = 0.0
      for channel in 0..<affine.channels {
        let point = affine.zeroPoints[affine.zeroPoints.count == 1 ? 0 : channel]
        let sum = affine.weights[channel * length..<(channel + 1) * length].reduce(0.0) { $0 + abs(Double($1 - point)) }
        var unit = inputScale * Double(affine.scales[affine.scales.count == 1 ? 0 : channel])
        var bound = (sum * span + abs(Double(affine.bias?[channel] ?? 0))) * unit
        for stage in pending.tiled.stages { (unit, bound) = Self.bounds(behind: stage, channel, unit, bound) }
        largest = max(largest, bound)
        units.insert(unit)
      }
      found = (units.count == 1 ? units.first.flatMap { $0 > 0 ? $0 : nil } : nil, largest)
    case .combine(let kind, let left, let right):
      let (a, b) = (try farthest(left), try farthest(right))
      switch kind {
      case .add, .subtract: found = (nil, a + b)
      case .multiply: found = (nil, a * b)
      // Codes next to the divisor's zero are the smallest.
      case .divide: found = (nil, a / (try quantization(right).scale))
      default:
        throw NodeFault(
          "no quantiser makes codes of it", remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
      }
    case .rows(let kind, _):
      guard case .standardize(let scores) = try pending.rowsKind(kind) else {
        found = (nil, 1)
        break
      }
      func largest(_ reals: [Double]) -> Double { reals.map(abs).max() ?? 0 }
      found = (nil, largest(scores.gains) * Double(scores.depth).squareRoot() + largest(scores.offsets))
    case .average(let tensor, _, _, _), .averages(let tensor, _, _):
      let channels = pending.stages.map(\.channels).max() ?? 1
      var largest = 0.0
      for channel in 0..<channels {
        var bound = try farthest(tensor)
        for stage in pending.stages { (_, bound) = Self.bounds(behind: stage, channel, 0, bound) }
        largest = max(largest, bound)
      }
      found = (nil, largest)
    case .concatenation(let parts, _, _), .extremum(let parts, _, _), .choice(_, let parts, _):
      found = (nil, 0)
      for part in parts {
        switch part {
        case .codes(let codes): found.largest = max(found.largest, try farthest(codes.tensor))
        case .pending(let part): found.largest = max(found.largest, try reach(part).largest)
        case .constant(let constant): found.largest = max(found.largest, constant.reals.map(abs).max() ?? 0)
        case .input, .failed:
          throw NodeFault(
            "a part of it is not quantised",
            remedy: "put QuantizeLinear and DequantizeLinear behind each of its inputs: quantize_static does with "
              + "QuantFormat.QDQ")
                }
      }
    }
    let (low, high) = (pending.clamp.lowerBound, pending.clamp.upperBound)
    if low > 0 || high < .infinity || low > -.infinity && low < 0 { found.unit = nil }
    found.largest = RealFunction.clamp(low, high).bound(found.largest) ?? .infinity
    return found
  }

  /// What a constant makes of the unit of real values, 0 where there is none, and of a bound of their magnitude.
  private static func bounds(
    behind stage: ConstantStage, _ channel: Int, _ unit: Double, _ bound: Double
  ) -> (unit: Double, bound: Double) {
    guard let (gain, offset) = stage.linear(channel: stage.channels == 1 ? 0 : channel) else {
      guard case .clamped(let low, let high) = stage else { return (0, .infinity) }
      return (low == 0 && high == .infinity ? unit : 0, RealFunction.clamp(low, high).bound(bound) ?? .infinity)
    }
    return (offset == 0 && gain > 0 ? unit * gain : 0, bound * abs(gain) + abs(offset))
  }

  private func quantization(_ tensor: Int) throws(NodeFault) -> (scale: Double, zeroPoint: Int64, codes: ClosedRange<Int64>) {
    guard let quantization = tensors[tensor].quantization, let codes = tensors[tensor].type.codes else {
      throw NodeFault("its input is integers without scale", remedy: "put DequantizeLinear in front of it")
    }
    return (Double(quantization.scales[0]), quantization.zeroPoints[0], codes)
  }

  /// The largest magnitude that a tensor's codes stand for.
  private func farthest(_ tensor: Int) throws(NodeFault) -> Double {
    let (scale, zeroPoint, codes) = try quantization(tensor)
    return scale * Double(max(abs(codes.lowerBound - zeroPoint), abs(codes.upperBound - zeroPoint)))
  }
}

extension ONNXPending {
  var isUnclamped: Bool { clamp == -.infinity ... .infinity }
  var isRectified: Bool { clamp == 0 ... .infinity }

  /// Whether it is sums of products with at most a bias, and perhaps a ReLU, which can be returned as they are.
  var isPlainSum: Bool {
    guard case .affine = base, isUnclamped || isRectified, pools.isEmpty, crop == nil, stages.count <= 1 else {
      return false
    }
    switch stages.first {
    case nil, .added: return true
    default: return false
    }
  }
}

extension RealFunction {
  private static func bound(_ functions: [RealFunction], _ x: Double) -> Double? {
    functions.reduce(Optional(x)) { $0.flatMap($1.bound) }
  }

  private func bound(_ joining: Joining, _ a: Double?, _ b: Double?) -> Double? {
    if case .compared = joining { return 1 }
    guard let a, let b else { return nil }
    switch joining {
    case .sum, .difference: return a + b
    case .product: return a * b
    case .maximum, .minimum: return max(a, b)
    case .quotient, .compared: return nil
    }
  }

  /// What its magnitude does not pass where that of its argument does not pass `x`; nil where there is no such bound.
  fileprivate func bound(_ x: Double) -> Double? {
    switch self {
    case .logistic, .tanh, .hardSigmoid, .errorFunction, .sine, .cosine: 1
    case .absolute, .negated, .hardSwish, .gelu, .mish: x
    case .leakyRelu(let alpha): x * max(1, Double(abs(alpha)))
    case .elu(let alpha): x * max(1, Double(abs(alpha)))
    case .softplus, .floor, .ceiling, .rounded: x + 1
    case .scaled(let gain, let offset): abs(gain) * x + abs(offset)
    case .divided(let divisor): x / abs(divisor)
    case .clamp(let low, let high): max(abs(min(max(-x, low), high)), abs(min(max(x, low), high)))
    case .squareRoot: x.squareRoot()
    case .square: x * x
    case .joined(let joining, let left, let right): bound(joining, Self.bound(left, x), Self.bound(right, x))
    case .chosen(_, let some, let other): bound(.maximum, Self.bound(some, x), Self.bound(other, x))
    default: nil
    }
  }
}
