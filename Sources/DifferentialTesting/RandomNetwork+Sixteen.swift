import Network

extension RandomNetwork {
  /// The network of a seed with int16 activations beside int8 weights, and int64 biases, some of which bring accumulators
  /// past 32 bits. What has no kernel for int16 is replaced by what has.
  public static func makeWithSixteenBits(seed: UInt64, limits: RandomNetworkLimits = .small) -> Network {
    var widening = Widening(
      network: make(seed: seed, limits: limits), random: SeededGenerator(seed: seed ^ 0x16))
    widening.widen()
    return widening.network
  }
}

/// Gives an int8 network int16 codes for about the same real values.
private struct Widening {
  var network: Network
  var random: SeededGenerator

  mutating func widen() {
    let old = network.tensors
    for index in network.operations.indices { replaceOperation(index, old) }
    var weights: Set<Int> = []
    for operation in network.operations where operation.kind.hasWeights {
      weights.formUnion(operation.inputs.dropFirst().prefix(1).compactMap { $0 })
    }
    for tensor in old.indices where !weights.contains(tensor) { widen(tensor) }
    for index in network.operations.indices where network.operations[index].kind.hasWeights { widenBias(index, old) }
    // Between 8 and 16 bits at the ends, as converters leave them.
    if random.chance(0.2) { narrowOutput() }
  }

  /// The scale that int16 codes have for the values of int8 codes: equal quantisations stay equal. Functions whose
  /// outputs' scales the reference fixes have another at 16 bits.
  private func scale(_ quantization: Quantization) -> Float {
    let (scale, zeroPoint) = (quantization.scales[0], quantization.zeroPoints.first ?? 0)
    if scale == 1.0 / 256, zeroPoint == -128 { return 0x1p-15 }
    if scale == 1.0 / 128, zeroPoint == 0 { return 0x1p-15 }
    return scale * Float(max(128 + zeroPoint, 127 - zeroPoint)) / 32_767
  }

  private mutating func widen(_ tensor: Int) {
    var made = network.tensors[tensor]
    guard made.type == .int8 || made.type == .uint8, var quantization = made.quantization,
      quantization.scales.count == 1
    else { return }
    let zeroPoint = quantization.zeroPoints.first ?? 0
    // What is unsigned lies 128 higher.
    let raised: Int64 = made.type == .uint8 ? 128 : 0
    quantization.zeroPoints = [zeroPoint - raised]
    let scale = scale(quantization)
    if let codes = made.integers {
      made.constant = codes.flatMap { code -> [UInt8] in
        let real = Float(code - zeroPoint) * quantization.scales[0]
        let wide = Int16(max(-32_768, min(32_767, (real / scale).rounded())))
        return [UInt8(truncatingIfNeeded: wide), UInt8(truncatingIfNeeded: wide >> 8)]
      }
    }
    made.type = .int16
    made.quantization = Quantization(scales: [scale], zeroPoints: [0])
    network.tensors[tensor] = made
  }

  private mutating func replaceOperation(_ index: Int, _ old: [Tensor]) {
    var operation = network.operations[index]
    let slope = UnaryFunction.leakyRelu(alpha: random.element(of: [0.3, -0.5, 1.5]))
    switch operation.kind {
    case .unary(.logistic), .unary(.tanh), .unary(.relu), .unary(.relu6), .unary(.leakyRelu), .unary(.real(.absolute)):
      return
    case .unary:
      (operation.kind, operation.typeName) = (.unary(slope), "LEAKY_RELU")
    case .logSoftmax, .normalize, .cumulativeSum, .parametricRelu:
      (operation.kind, operation.typeName) = (.unary(slope), "LEAKY_RELU")
      operation.inputs.removeSubrange(1...)
    case .resizeBilinear(let alignsCorners, let centresHalfPixels):
      operation.kind = .resizeNearest(
        NearestNeighbor(alignsCorners: alignsCorners, hasHalfPixelCenters: centresHalfPixels))
      operation.typeName = "RESIZE_NEAREST_NEIGHBOR"
    default: return
    }
    network.operations[index] = operation
  }

  /// Biases keep about the value that they add.
  private mutating func widenBias(_ index: Int, _ old: [Tensor]) {
    let operation = network.operations[index]
    guard operation.inputs.count > 2, let bias = operation.inputs[2], let x = operation.inputs[0],
      let codes = old[bias].integers, let before = old[x].quantization?.scales.first,
      let behind = network.tensors[x].quantization?.scales.first
    else { return }
    let isLong = random.chance(0.3)
    network.tensors[bias].constant = codes.flatMap { code -> [UInt8] in
      var wide = Int64(max(-0x1p40, min(0x1p40, (Double(code) * Double(before) / Double(behind)).rounded())))
      if isLong { wide = wide << 6 + Int64(random.integer(in: 0...63)) }
      return (0..<8).map { UInt8(truncatingIfNeeded: wide >> Int64(8 * $0)) }
    }
    network.tensors[bias].type = .int64
  }

  private mutating func narrowOutput() {
    let value = network.outputs[0]
    guard network.tensors[value].type == .int16, network.tensors[value].constant == nil else { return }
    var made = network.tensors[value]
    made.name += " of 8 bits"
    made.type = .int8
    made.quantization = Quantization(
      scales: [(made.quantization?.scales[0] ?? 1) * Float(random.element(of: [256, 300, 100]))],
      zeroPoints: [Int64(random.element(of: [-128, 0, 5, 127]))])
    network.tensors.append(made)
    network.operations.append(
      Operation(.quantize, typeName: "QUANTIZE", inputs: [value], outputs: [network.tensors.count - 1]))
    network.outputs[0] = network.tensors.count - 1
  }
}

extension Operation.Kind {
  fileprivate var hasWeights: Bool {
    switch self {
    case .conv2D, .depthwiseConv2D, .fullyConnected, .transposeConv: true
    default: false
    }
  }
}
