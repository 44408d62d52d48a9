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
    // Below zero the code −1, from zero on the code 0, in units of the accumulator; then a table.
    let unit: Float
    switch pending.base {
    case .codes:
      var made = ONNXMeaning.pending(pending)
      for function in Self.sign(quantizer.scale) { made = try applied(function, to: made) }
      return try quantized(made, quantizer, name: name)
    case .affine(let affine):
      (pending.base, unit) = (.affine(try signed(affine, pending.tiled)), tensors[affine.input].quantization?.scales[0] ?? 1)
      pending.gain = [1]
      pending.offset = [0]
    case .average(let tensor, _, let height, let width) where pending.gain == [1] && pending.offset == [0]:
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

  /// Accumulators of the sign that gain, offset and bias give the real values: with the gain's sign in the weights, and of
  /// offset / |gain|, in units of the accumulator, the floor: an integer plus it is negative where it is so with the whole.
  private func signed(_ affine: ONNXAffine, _ pending: ONNXPending) throws(NodeFault) -> ONNXAffine {
    var affine = affine
    let channels = affine.channels
    func each<T>(_ list: [T]) -> [T] { list.count == 1 ? Array(repeating: list[0], count: channels) : list }
    let (gains, offsets, scales) = (each(pending.gain), each(pending.offset), each(affine.scales))
    var biases = affine.bias ?? Array(repeating: 0, count: channels)
    guard [gains.count, offsets.count, scales.count, biases.count].allSatisfy({ $0 == channels }) else {
      throw NodeFault("it scales \(max(gains.count, offsets.count)) channels of what \(pending.typeName) makes")
    }
    var points = each(affine.zeroPoints)
    let inputScale = Double(tensors[affine.input].quantization?.scales[0] ?? 1)
    let length = affine.weights.count / channels
    // No code lies further from its zero point.
    let span = tensors[affine.input].type.codes.map { $0.upperBound - $0.lowerBound } ?? 0
    for channel in 0..<channels {
      if gains[channel] < 0 {
        for index in channel * length..<(channel + 1) * length { affine.weights[index].negate() }
        points[channel].negate()
        biases[channel].negate()
      }
      let unit = inputScale * Double(scales[channel]) * abs(gains[channel])
      var whole = (offsets[channel] / unit).rounded(.down)
      // A division rounds; a fused product and sum has the sign of the exact one.
      if whole.isFinite {
        if offsets[channel].addingProduct(-whole, unit) < 0 { whole -= 1 }
        if offsets[channel].addingProduct(-(whole + 1), unit) >= 0 { whole += 1 }
      }
      guard unit > 0, whole.isFinite else {
        throw NodeFault("the threshold of channel \(channel) is \(offsets[channel] / unit) units of its accumulator")
      }
      // Beyond what the accumulator reaches, the sign stays the same.
      let reach = affine.weights[channel * length..<(channel + 1) * length].reduce(abs(biases[channel]) + 1) {
        $0 + abs($1 - points[channel]) * span
      }
      biases[channel] += Int64(whole.clamped(to: -Double(reach)...Double(reach)))
    }
    if gains.contains(where: { $0 < 0 }) { affine.weightType = .int16 }
    affine.bias = biases
    (affine.scales, affine.zeroPoints) = ([1], points)
    if Set(points).count == 1 { affine.zeroPoints = [points[0]] } else { affine.scales = Array(repeating: 1, count: channels) }
    return affine
  }
}
