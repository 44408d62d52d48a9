import Network

/// The codes of one tensor on each of the sampled inputs.
typealias SampledCodes = [[Int32]]

/// A random network under construction, with the codes that its tensors take on a few random inputs.
struct RandomNetworkBuilder {
  var random: SeededGenerator
  let limits: RandomNetworkLimits
  var names = RandomNames()
  var tensors: [Tensor] = []
  var operations: [Operation] = []
  var inputs: [Int] = []
  /// The int8 tensors that depend on the network's input, in the order in which they were made.
  var values: [Int] = []
  /// For each tensor; empty for those that are never operands of arithmetic.
  var samples: [SampledCodes] = []
  var weightBytes = 0

  /// How many random inputs are carried along.
  static let sampleCount = 4
  /// Higher ranks are refused by most of TensorFlow Lite Micro's kernels.
  static let highestRank = 5

  init(seed: UInt64, limits: RandomNetworkLimits) {
    random = SeededGenerator(seed: seed)
    self.limits = limits
  }

  // MARK: Growth

  /// Makes the inputs and the operations.
  mutating func grow() {
    addInput(shape: randomInputShape())
    if random.chance(0.08) { addInput(shape: randomInputShape()) }
    let count = random.integer(in: limits.operations)
    var attempts = 0
    while operations.count < count, attempts < 30 * count {
      attempts += 1
      let value = pickValue()
      let kind = random.choice(of: RandomOperation.weights(rank: shape(of: value).count))
      attempt { $0.add(kind, to: value) }
    }
    if random.chance(0.3) { addClassifier() }
    if operations.isEmpty { _ = addQuantize(to: values[values.count - 1]) }
    if random.chance(0.05) { _ = addUnsignedOutput() }
  }

  /// The finished network. Its outputs are the values that nothing reads, at times also one that is read, and
  /// rarely an input. A few dead ends are left.
  func network(seed: UInt64) -> Network {
    var random = SeededGenerator(seed: ~seed)
    let made = tensors.indices.filter { index in operations.contains { $0.outputs.contains(index) } }
    let unread = made.filter { isUnread($0) }
    var outputs = Array(unread.suffix(1))
    for value in unread.dropLast() where random.chance(0.9) { outputs.append(value) }
    if random.chance(0.06), let read = made.first(where: { !isUnread($0) }) { outputs.append(read) }
    if random.chance(0.01) { outputs.append(inputs[0]) }
    return Network(
      name: RandomNames.networkName(seed: seed, using: &random), tensors: tensors, operations: operations,
      inputs: inputs, outputs: random.chance(0.5) ? outputs : outputs.reversed())
  }

  /// Lets `change` add operations to a copy, and keeps them if it succeeds and its result varies with the
  /// network's input: almost always, since now and then a constant result is a test as well.
  @discardableResult
  mutating func attempt(_ change: (inout RandomNetworkBuilder) -> Int?) -> Int? {
    var trial = self
    let result = change(&trial)
    random = trial.random
    guard let result, trial.varies(result) || random.chance(0.03) else { return nil }
    trial.random = random
    self = trial
    return result
  }

  /// Whether at least a quarter of a tensor's elements differ between the sampled inputs.
  private func varies(_ tensor: Int) -> Bool {
    guard let first = samples[tensor].first else { return false }
    let varying = first.indices.count { element in
      samples[tensor].contains { $0[element] != first[element] }
    }
    return varying * 4 >= first.count
  }

  /// Mostly the newest value, so that chains grow; at times an earlier one, so that they branch.
  private mutating func pickValue() -> Int {
    if random.chance(0.7) { return values[values.count - 1] }
    let unread = values.filter { isUnread($0) }
    return random.element(of: random.chance(0.5) && !unread.isEmpty ? unread : values)
  }

  private func isUnread(_ tensor: Int) -> Bool { !operations.contains { $0.inputs.contains(tensor) } }

  // MARK: Tensors

  func shape(of tensor: Int) -> [Int] { tensors[tensor].shape }
  func scale(of tensor: Int) -> Double { Double(tensors[tensor].quantization?.scales.first ?? 1) }
  func zeroPoint(of tensor: Int) -> Int { Int(tensors[tensor].quantization?.zeroPoints.first ?? 0) }
  /// The quantisation of a value, which has one scale and one zero point.
  func quantization(of tensor: Int) -> Quantization {
    tensors[tensor].quantization ?? Quantization(scales: [1], zeroPoints: [0])
  }

  /// What a tensor's elements stand for on each sampled input.
  func reals(of tensor: Int) -> [[Double]] {
    let (scale, zeroPoint) = (scale(of: tensor), zeroPoint(of: tensor))
    return samples[tensor].map { $0.map { scale * Double(Int($0) - zeroPoint) } }
  }

  /// Appends an operation and its int8 output; nil, with nothing appended, where the output breaks a limit or
  /// has a scale so extreme that no network would hold it.
  mutating func append(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int?], shape: [Int], _ quantization: Quantization,
    _ codes: SampledCodes
  ) -> Int? {
    guard shape.count <= Self.highestRank, shape.reduce(1, *) <= limits.elements,
      quantization.scales.allSatisfy({ $0 > 0x1p-40 && $0 < 0x1p40 })
    else { return nil }
    let output = appendTensor(shape: shape, type: .int8, quantization, codes)
    operations.append(Operation(kind, typeName: typeName, inputs: inputs, outputs: [output]))
    values.append(output)
    return output
  }

  mutating func appendTensor(
    shape: [Int], type: ElementType, _ quantization: Quantization? = nil, constant: [UInt8]? = nil,
    _ codes: SampledCodes = []
  ) -> Int {
    let name = names.next(using: &random)
    tensors.append(
      Tensor(name: name, shape: shape, type: type, quantization: quantization, constant: constant))
    samples.append(codes)
    return tensors.count - 1
  }

  /// A constant of int32 elements: axes, shapes, paddings, biases.
  mutating func integerConstant(_ elements: [Int], shape: [Int], _ quantization: Quantization? = nil) -> Int {
    let bytes = elements.flatMap { element in
      [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: Int32(element) >> $0) }
    }
    return appendTensor(shape: shape, type: .int32, quantization, constant: bytes)
  }

  /// A constant of int8 codes that can be an operand of arithmetic.
  mutating func codeConstant(_ codes: [Int32], shape: [Int], _ quantization: Quantization) -> Int {
    appendTensor(
      shape: shape, type: .int8, quantization, constant: codes.map { UInt8(truncatingIfNeeded: $0) },
      SampledCodes(repeating: codes, count: Self.sampleCount))
  }

  // MARK: Inputs

  /// A new input of the network. A few hold unsigned codes, which an operation turns into signed ones at once.
  @discardableResult
  mutating func addInput(shape: [Int], _ quantization: Quantization? = nil) -> Int {
    let quantization = quantization ?? randomQuantization()
    let isUnsigned = random.chance(0.06)
    let codes = (0..<Self.sampleCount).map { sample in
      let isExtreme = sample == Self.sampleCount - 1
      return (0..<shape.reduce(1, *)).map { _ in
        isExtreme && random.chance(0.5)
          ? random.element(of: [-128, 127]) : Int32(random.integer(in: -128...127))
      }
    }
    guard isUnsigned else {
      let input = appendTensor(shape: shape, type: .int8, quantization, codes)
      inputs.append(input)
      values.append(input)
      return input
    }
    let unsigned = Quantization(
      scales: quantization.scales, zeroPoints: quantization.zeroPoints.map { $0 + 128 })
    let input = appendTensor(shape: shape, type: .uint8, unsigned, codes.map { $0.map { $0 + 128 } })
    inputs.append(input)
    let signed = appendTensor(shape: shape, type: .int8, quantization, codes)
    operations.append(Operation(.quantize, typeName: "QUANTIZE", inputs: [input], outputs: [signed]))
    values.append(signed)
    return signed
  }

  private mutating func randomInputShape() -> [Int] {
    let batch = random.choice(of: [(8, 1), (1, 2), (1, 3)])
    let most = max(1, limits.elements / batch)
    let rank = random.choice(of: [(16, 4), (4, 2), (2, 3), (1, 1), (1, 5)])
    var shape = [batch]
    while shape.count < rank {
      let room = most * batch / shape.reduce(1, *)
      let usual = shape.count == rank - 1 && rank > 2 ? 1...6 : rank == 2 ? 1...64 : 1...12
      shape.append(min(random.integer(in: usual), room))
    }
    return rank == 1 ? [random.integer(in: 1...min(most, 40))] : shape
  }
}
