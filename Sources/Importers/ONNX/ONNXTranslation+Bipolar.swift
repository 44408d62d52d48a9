import Network

// QONNX's BipolarQuant of activations: −scale below zero, else +scale.
extension ONNXTranslation {
  /// The sign of a real number that single precision holds, zero being positive, times `scale`.
  private static func sign(_ scale: Float) -> [RealFunction] {
    [.scaled(by: 0x1p150, plus: 1), .clamp(-1, 1), .scaled(by: Double(scale), plus: 0)]
  }

  private static func quantizer(_ scale: Float) -> ONNXQuantizer {
    ONNXQuantizer(scale: scale, zeroPoint: 0, type: .integer(bits: 2, signed: true), codes: -1...1)
  }

  /// The codes −1 and 1 that a bipolar quantiser makes.
  mutating func bipolar(_ meaning: ONNXMeaning, scale: Float, name: String) throws(NodeFault) -> ONNXCodes {
    let quantizer = Self.quantizer(scale)
    switch meaning {
    case .input(let index, let view): return try inputCodes(index, view, quantizer, Self.sign(scale))
    case .codes:
      var made = meaning
      for function in Self.sign(scale) { made = try applied(function, to: made) }
      return try quantized(made, quantizer, name: name)
    case .pending(let pending): return try bipolar(pending, quantizer, name: name)
    case .constant, .failed: throw NodeFault("its input is a constant")
    }
  }

  private mutating func bipolar(
    _ pending: ONNXPending, _ quantizer: ONNXQuantizer, name: String
  ) throws(NodeFault) -> ONNXCodes {
    guard pending.clamp.lowerBound < 0, pending.clamp.upperBound >= 0 else {
      throw NodeFault("what \(pending.typeName) makes is clamped to one sign", remedy: "leave the ReLU in front of it away")
    }
    var pending = pending
    pending.clamp = -Double.infinity ... .infinity
    // Below zero the code −1, from zero on the code 0, whatever the scale; then a table.
    let unit: Float
    switch pending.base {
    case .codes:
      var made = ONNXMeaning.pending(pending)
      for function in Self.sign(quantizer.scale) { made = try applied(function, to: made) }
      return try quantized(made, quantizer, name: name)
    case .affine(let affine): unit = tensors[affine.input].quantization?.scales[0] ?? 1
    case .average(let tensor, _, let height, let width):
      unit = Float(Double(tensors[tensor].quantization?.scales[0] ?? 1) / Double(height * width))
    case .concatenation(let parts, let axis, let order) where pending.pools.isEmpty:
      var codes: [ONNXCodes] = []
      for (index, part) in parts.enumerated() {
        codes.append(try bipolar(part, scale: quantizer.scale, name: "\(name)/\(index)"))
      }
      let tensor = try concatenated(codes, axis: axis, order: order, name: name)
      return ONNXCodes(tensor: tensor, view: pending.view, isReal: true)
    default:
      throw NodeFault(
        "it takes the sign of what \(pending.typeName) makes", remedy: "put Quant between \(pending.typeName) and it")
    }
    let below = ONNXQuantizer(
      scale: unit, zeroPoint: 0, type: .integer(bits: 2, signed: true), codes: -1...0, rounding: .floor)
    let codes = try quantized(pending, below, name: "\(name)/sign")
    var made = ONNXPending(.codes(codes), typeName: "BipolarQuant", view: codes.view, shape: tensors[codes.tensor].shape)
    try made.apply(
      .scaled(by: 2 * Double(quantizer.scale) / Double(unit), plus: Double(quantizer.scale)))
    return try quantized(made, quantizer, name: name)
  }
}
