import Network

/// Fixed-point networks, built a layer at a time. Weights and biases come from a small generator.
struct FixedPoint {
  private(set) var tensors: [Tensor] = []
  private(set) var operations: [Operation] = []
  private var state: UInt64

  init(seed: UInt64 = 1) { state = seed }

  mutating func random(_ range: ClosedRange<Int64>) -> Int64 {
    // Knuth's MMIX generator.
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int64((state >> 33) % UInt64(range.count))
  }

  mutating func add(
    _ name: String, _ shape: [Int], _ type: ElementType, scale: Float, zeroPoint: Int64 = 0
  ) -> Int {
    tensors.append(
      Tensor(name: name, shape: shape, type: type, quantization: Quantization(scales: [scale], zeroPoints: [zeroPoint]))
    )
    return tensors.count - 1
  }

  mutating func constant(
    _ name: String, _ shape: [Int], _ type: ElementType, _ quantization: Quantization?, _ codes: [Int64]
  ) -> Int {
    let width = type.byteCount ?? 1
    tensors.append(
      Tensor(
        name: name, shape: shape, type: type, quantization: quantization,
        constant: codes.flatMap { code in (0..<width).map { UInt8(truncatingIfNeeded: code >> Int64(8 * $0)) } }))
    return tensors.count - 1
  }

  mutating func weights(_ shape: [Int], bits: Int, scales: [Float], axis: Int = 0) -> Int {
    let type = ElementType.integer(bits: bits, signed: true)
    let range = type.codes ?? 0...0
    let codes = (0..<shape.reduce(1, *)).map { _ in random(range) }
    return constant(
      "weights", shape, type, Quantization(scales: scales, zeroPoints: scales.map { _ in 0 }, axis: axis), codes)
  }

  mutating func bias(_ count: Int, _ range: ClosedRange<Int64> = -500...500) -> Int {
    constant("bias", [count], .int32, nil, (0..<count).map { _ in random(range) })
  }

  mutating func emit(
    _ kind: Operation.Kind, _ type: String, _ inputs: [Int?], _ output: Int, _ quantizer: Quantizer? = nil
  ) {
    operations.append(Operation(kind, typeName: type, inputs: inputs, outputs: [output], quantizer: quantizer))
  }

  func network(_ input: Int, _ output: Int) -> Network {
    Network(
      name: "made", tensors: tensors, operations: operations, inputs: [input], outputs: [output], format: .onnx)
  }

  /// Unsigned codes behind a ReLU, rounded half up.
  static func relu(_ bits: Int) -> Quantizer {
    Quantizer(
      rounding: .halfUp, roundsZeroPoint: true, clamp: 0 ... .infinity, codes: 0...(1 << Int64(bits)) - 1)
  }
  static func signed(_ bits: Int, _ rounding: Quantizer.Rounding) -> Quantizer {
    Quantizer(
      rounding: rounding, roundsZeroPoint: true, codes: -(1 << Int64(bits - 1))...(1 << Int64(bits - 1)) - 1)
  }

  /// Images of 12 × 12: a convolution, a depthwise one with a scale a channel, a residual sum, pools, a dense layer.
  static func convolutional() -> Network {
    var made = FixedPoint(seed: 7)
    let uint6 = ElementType.integer(bits: 6, signed: false)
    let x = made.add("pixels", [1, 12, 12, 3], .uint8, scale: 0x1p-8)
    let first = made.add("first", [1, 6, 6, 8], uint6, scale: 0x1p-4)
    let filters = made.weights([8, 3, 3, 3], bits: 5, scales: [0x1p-5])
    made.emit(
      .conv2D(Window(padding: .same, strideHeight: 2, strideWidth: 2), .none), "Conv", [x, filters, made.bias(8)],
      first,
      relu(6))
    let second = made.add("second", [1, 6, 6, 8], uint6, scale: 0x1p-4)
    let scales = (0..<8).map { Float(sign: .plus, exponent: -5 - $0 % 2, significand: 1) }
    let depthwise = made.weights([1, 3, 3, 8], bits: 6, scales: scales, axis: 3)
    made.emit(
      .depthwiseConv2D(
        Window(padding: .explicit(top: 1, left: 1, bottom: 1, right: 1)), depthMultiplier: 1, .none), "Conv",
      [first, depthwise, made.bias(8)], second, relu(6))
    let sum = made.add("sum", [1, 6, 6, 8], uint6, scale: 0x1p-3)
    var bounded = relu(6)
    bounded.clamp = 0...6
    made.emit(.add(.none), "Add", [first, second], sum, bounded)
    let largest = made.add("largest", [1, 3, 3, 8], uint6, scale: 0x1p-3)
    made.emit(
      .maxPool2D(Window(padding: .valid, strideHeight: 2, strideWidth: 2), height: 2, width: 2, .none), "MaxPool",
      [sum], largest)
    let average = made.add("average", [1, 2, 2, 8], uint6, scale: 0x1p-3)
    made.emit(
      .averagePool2D(Window(padding: .valid), height: 2, width: 2, .none), "AveragePool", [largest], average, relu(6))
    let flat = made.add("flat", [1, 32], uint6, scale: 0x1p-3)
    made.emit(.reshape(shape: nil), "Reshape", [average], flat)
    let scores = made.add("scores", [1, 10], .int16, scale: 0x1p-8)
    let dense = made.weights([10, 32], bits: 6, scales: [0x1p-7])
    made.emit(
      .fullyConnected(keepsDimensions: true, .none), "Gemm", [flat, dense, made.bias(10)], scores, signed(16, .floor))
    return made.network(x, scores)
  }

  /// A dense layer of `inputs` codes, as a base for what differs.
  static func dense(
    inputs: [Int] = [1, 6], bias: [Int64]? = nil, reals: [Double]? = nil, quantizer: Quantizer = signed(8, .halfEven),
    outputZeroPoint: Int64 = 0, activation: Activation = .none, scales: [Float] = [0x1p-4]
  ) -> Network {
    var made = FixedPoint(seed: 3)
    let x = made.add("x", inputs, .integer(bits: 5, signed: true), scale: 0x1p-3)
    let count = inputs.reduce(1, *)
    let weights = made.weights([2, count], bits: 4, scales: scales)
    var operands: [Int?] = [x, weights]
    if let bias { operands.append(made.constant("bias", [2], .int32, nil, bias)) }
    if let reals {
      operands.append(made.constant("bias", [2], .float64, nil, reals.map { Int64(bitPattern: $0.bitPattern) }))
    }
    let y = made.add("y", [1, 2], .int8, scale: 0x1p-3, zeroPoint: outputZeroPoint)
    made.emit(.fullyConnected(keepsDimensions: true, activation), "Gemm", operands, y, quantizer)
    return made.network(x, y)
  }
}
