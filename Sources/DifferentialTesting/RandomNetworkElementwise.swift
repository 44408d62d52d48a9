import Network

/// An operation on two tensors, element by element.
enum RandomBinary {
  case add, subtract, multiply

  func kind(_ activation: Activation) -> Operation.Kind {
    switch self {
    case .add: .add(activation)
    case .subtract: .subtract(activation)
    case .multiply: .multiply(activation)
    }
  }

  var typeName: String {
    switch self {
    case .add: "ADD"
    case .subtract: "SUB"
    case .multiply: "MUL"
    }
  }

  func applied(_ left: Double, _ right: Double) -> Double {
    switch self {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    }
  }
}

// MARK: Binary operations

extension RandomNetworkBuilder {
  mutating func addBinary(_ operation: RandomBinary, to value: Int) -> Int? {
    let partner = randomPartner(of: value)
    let (left, right) = random.chance(0.5) ? (value, partner) : (partner, value)
    guard let shape = broadcastShape(shape(of: left), shape(of: right)), shape.reduce(1, *) <= limits.elements
    else { return nil }
    let leftIndices = broadcastIndices(of: self.shape(of: left), to: shape)
    let rightIndices = broadcastIndices(of: self.shape(of: right), to: shape)
    let results = zip(reals(of: left), reals(of: right)).map { a, b in
      zip(leftIndices, rightIndices).map { operation.applied(a[$0], b[$1]) }
    }
    let activation = randomActivation()
    let scales = (scale(of: left), scale(of: right))
    let base = operation == .multiply ? scales.0 * scales.1 : max(scales.0, scales.1)
    let output = fitted(results, activation: activation, base: base)
    return append(
      operation.kind(activation), operation.typeName, [left, right], shape: shape, output,
      codes(results, output, activation: activation))
  }

  /// A second operand: another value of a shape that fits, a constant, new or used before, a new input, or
  /// the same value.
  private mutating func randomPartner(of value: Int) -> Int {
    let shape = shape(of: value)
    let style = random.unit()
    if style < 0.55 {
      let fitting = values.filter { $0 != value && broadcastShape(self.shape(of: $0), shape) != nil }
      let equal = fitting.filter { self.shape(of: $0) == shape }
      if !fitting.isEmpty {
        return random.element(of: random.chance(0.8) && !equal.isEmpty ? equal : fitting)
      }
    }
    if style < 0.65 { return value }
    if style < 0.72, inputs.count < 3 { return addInput(shape: randomPartnerShape(shape)) }
    let constants = tensors.indices.filter {
      isOperandConstant($0) && broadcastShape(self.shape(of: $0), shape) != nil
    }
    if style < 0.76, !constants.isEmpty { return random.element(of: constants) }
    return randomCodeConstant(shape: randomPartnerShape(shape), partnerScale: scale(of: value))
  }

  private func isOperandConstant(_ tensor: Int) -> Bool {
    tensors[tensor].constant != nil && !samples[tensor].isEmpty
  }

  /// Equal to `shape`, or to be broadcast: without its first dimensions, with some of them 1, or, where
  /// `shape` has dimensions of 1 itself, larger.
  private mutating func randomPartnerShape(_ shape: [Int]) -> [Int] {
    let style = random.unit()
    if style < 0.45 { return shape }
    if style < 0.55 { return random.element(of: [[], [1], shape.map { _ in 1 }]) }
    if style < 0.7 { return Array(shape.suffix(1)) }
    if style < 0.85 { return shape.map { random.chance(0.5) ? 1 : $0 } }
    if style < 0.93 { return Array(shape.suffix(random.integer(in: 0...shape.count))) }
    let room = limits.elements / max(shape.reduce(1, *), 1)
    guard let dimension = shape.firstIndex(of: 1), room >= 2 else { return shape }
    var larger = shape
    larger[dimension] = random.integer(in: 2...min(room, 5))
    return larger
  }

  /// A constant with a scale near that of its partner, or of its own.
  private mutating func randomCodeConstant(shape: [Int], partnerScale: Double) -> Int {
    var quantization = randomQuantization()
    if random.chance(0.6) {
      quantization.scales = [Float(partnerScale * random.magnitude(exponents: -2...1))]
    }
    return codeConstant(randomCodes(count: shape.reduce(1, *)), shape: shape, quantization)
  }

  mutating func randomCodes(count: Int) -> [Int32] {
    let isExtreme = random.chance(0.15)
    return (0..<count).map { _ in
      isExtreme ? random.element(of: [-128, 127]) : Int32(random.integer(in: -128...127))
    }
  }
}

// MARK: Unary functions

extension RandomNetworkBuilder {
  mutating func addLogistic(to value: Int) -> Int? {
    guard hasFunctionScale(value) else { return nil }
    return addUnary(.logistic, "LOGISTIC", to: value, Quantization(scales: [1 / 256], zeroPoints: [-128])) {
      1 / (1 + approximateExponential(-$0))
    }
  }

  mutating func addTanh(to value: Int) -> Int? {
    guard hasFunctionScale(value) else { return nil }
    return addUnary(.tanh, "TANH", to: value, Quantization(scales: [1 / 128], zeroPoints: [0])) {
      2 / (1 + approximateExponential(-2 * $0)) - 1
    }
  }

  /// The fixed-point functions take inputs with a scale of 2^−27 and more; far above 1 they are steps.
  private func hasFunctionScale(_ value: Int) -> Bool { (0x1p-20...64).contains(scale(of: value)) }

  mutating func addHardSwish(to value: Int) -> Int? {
    func hardSwish(_ x: Double) -> Double { x * min(max(x + 3, 0), 6) / 6 }
    let input = scale(of: value)
    guard (0x1p-12...8).contains(input) else { return nil }
    var output = fitted(
      reals(of: value).map { $0.map(hardSwish) }, activation: .none, base: input)
    // The reference's multiplier, input scale / (128 · output scale), has no left shift.
    output.scales = output.scales.map { min(max($0, Float(input) / 64), Float(input) * 8) }
    return addUnary(.hardSwish, "HARD_SWISH", to: value, output, hardSwish)
  }

  mutating func addRelu(to value: Int) -> Int? {
    let output = rescaled(value) { max($0, 0) }
    return addUnary(.relu, "RELU", to: value, output) { max($0, 0) }
  }

  /// RELU6 clamps codes without rescaling them.
  mutating func addRelu6(to value: Int) -> Int? {
    addUnary(.relu6, "RELU6", to: value, quantization(of: value)) { min(max($0, 0), 6) }
  }

  mutating func addLeakyRelu(to value: Int) -> Int? {
    let alpha: Float = random.choice(of: [
      (4, Float(random.real(in: 0...1))), (2, 0.1), (2, 0.5), (1, 0), (1, 1),
      (2, Float(random.real(in: -2.5...0))),
      (1, -1), (1, Float(random.real(in: 1...4))),
    ])
    func leakyRelu(_ x: Double) -> Double { x < 0 ? Double(alpha) * x : x }
    let output = rescaled(value, leakyRelu)
    return addUnary(.leakyRelu(alpha: alpha), "LEAKY_RELU", to: value, output, leakyRelu)
  }

  mutating func addQuantize(to value: Int) -> Int? {
    let output = fitted(reals(of: value), base: scale(of: value))
    return addQuantize(to: value, output)
  }

  /// The same real values with another scale and zero point.
  mutating func addQuantize(to value: Int, _ output: Quantization) -> Int? {
    append(
      .quantize, "QUANTIZE", [value], shape: shape(of: value), output, codes(reals(of: value), output))
  }

  /// Turns the newest value into unsigned codes, as the last operation of a network does.
  mutating func addUnsignedOutput() -> Int? {
    let value = values[values.count - 1]
    let signed = quantization(of: value)
    let output = appendTensor(
      shape: shape(of: value), type: .uint8,
      Quantization(
        scales: random.chance(0.7) ? signed.scales : signed.scales.map { $0 * 1.3 },
        zeroPoints: signed.zeroPoints.map { $0 + 128 }))
    operations.append(Operation(.quantize, typeName: "QUANTIZE", inputs: [value], outputs: [output]))
    return output
  }

  /// The input's own quantisation at times, else one fitted to the function's results.
  mutating func rescaled(_ value: Int, _ function: (Double) -> Double) -> Quantization {
    if random.chance(0.35) { return quantization(of: value) }
    return fitted(reals(of: value).map { $0.map(function) }, base: scale(of: value))
  }

  mutating func addUnary(
    _ function: UnaryFunction, _ typeName: String, to value: Int, _ output: Quantization,
    _ body: (Double) -> Double
  ) -> Int? {
    append(
      .unary(function), typeName, [value], shape: shape(of: value), output,
      codes(reals(of: value).map { $0.map(body) }, output))
  }
}
