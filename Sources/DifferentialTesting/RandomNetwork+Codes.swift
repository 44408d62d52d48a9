import Network

extension RandomNetwork {
  /// The network of a seed with codes of 1 to 16 bits, signed and unsigned, weights of 2 to 12 bits, and a rounding mode
  /// an operation, as ONNX files have them. Half of these have power-of-two scales alone. Few of them are refused:
  /// where wide codes meet many weights, accumulators may overflow.
  public static func makeWithOtherCodes(seed: UInt64, limits: RandomNetworkLimits = .small) -> Network {
    var recoder = Recoder(network: make(seed: seed, limits: limits), random: SeededGenerator(seed: seed ^ 0xC0DE))
    recoder.recode()
    return recoder.network
  }
}

/// Gives an int8 network other codes, which stand for about the same real values.
private struct Recoder {
  var network: Network
  var random: SeededGenerator
  /// For each tensor, one that has the same codes because an operation moves them: the first of its group.
  private var group: [Int]
  private var hasPowersOfTwo: Bool

  init(network: Network, random: SeededGenerator) {
    self.network = network
    self.random = random
    group = Array(network.tensors.indices)
    hasPowersOfTwo = self.random.chance(0.5)
  }

  private func first(_ tensor: Int) -> Int { group[tensor] == tensor ? tensor : first(group[tensor]) }

  mutating func recode() {
    network.format = .onnx
    let old = network.tensors
    var weightTensors: Set<Int> = []
    // The most bits a group may have: functions of codes are tables, and log-softmax has int8 alone.
    var mostBits: [Int: Int] = [:]
    var isPinned: Set<Int> = []
    var narrow: [(Int, Int)] = []
    for index in network.operations.indices {
      let operation = network.operations[index]
      let inputs = operation.inputs.compactMap { $0 }
      let output = operation.outputs[0]
      switch operation.kind {
      case .conv2D, .depthwiseConv2D, .fullyConnected, .transposeConv: weightTensors.insert(inputs[1])
      case .reduce(.maximum, _), .reduce(.minimum, _): group[first(inputs[0])] = first(output)
      case .resizeBilinear:
        group[first(inputs[0])] = first(output)
        // Ratios that are no powers of two take 8 bits.
        let ratios = zip(old[inputs[0]].shape, old[output].shape)
        if ratios.contains(where: { $1 % $0 != 0 || ($1 / $0).nonzeroBitCount > 1 }) { narrow.append((inputs[0], 8)) }
      case .maximum, .minimum: for input in inputs { group[first(input)] = first(output) }
      case .squaredDifference: isPinned.formUnion(inputs + [output])
      case .averagePool2D(let window, _, _, _) where window.padding == .valid: break
      case .reshape, .squeeze, .expandDimensions, .transpose, .stridedSlice, .averagePool2D, .maxPool2D:
        group[first(inputs[0])] = first(output)
      case .pad:
        group[first(inputs[0])] = first(output)
        if inputs.count > 2 { group[first(inputs[2])] = first(output) }
      case .concatenation, .pack: for input in inputs { group[first(input)] = first(output) }
      case .split: for part in operation.outputs { group[first(part)] = first(inputs[1]) }
      case .unpack: for part in operation.outputs { group[first(part)] = first(inputs[0]) }
      case .slice, .tile, .gather, .reverse, .mirrorPad, .depthToSpace, .spaceToDepth, .resizeNearest:
        group[first(inputs[0])] = first(output)
      case .parametricRelu: narrow.append((inputs[0], 10))
      case .logSoftmax, .cumulativeSum: isPinned.formUnion([inputs[0], output])
      case .softmax: narrow.append((inputs[0], 10))
      case .unary: narrow.append((inputs[0], 10))
      default: break
      }
    }
    isPinned = Set(isPinned.map(first))
    for (tensor, bits) in narrow { mostBits[first(tensor)] = bits }

    var types: [Int: ElementType] = [:]
    for tensor in old.indices where old[tensor].type == .int8 || old[tensor].type == .uint8 {
      if weightTensors.contains(tensor) {
        recode(tensor, as: .integer(bits: random.element(of: [2, 3, 4, 6, 8, 8, 10, 12]), signed: true))
        continue
      }
      let key = first(tensor)
      if types[key] == nil {
        let bits = random.choice(of: [
          (6, 8), (4, 6), (3, 4), (3, 16), (2, 12), (1, 1), (1, 2), (1, 3), (1, 5), (1, 7), (2, 9), (2, 10), (1, 14),
        ])
        types[key] =
          isPinned.contains(key)
          ? .int8 : .integer(bits: min(bits, mostBits[key] ?? 16), signed: random.chance(0.5))
      }
      if let type = types[key], !isPinned.contains(key) { recode(tensor, as: type) }
    }
    for index in network.operations.indices { recodeOperation(index, old) }
    for index in network.operations.indices where random.chance(0.4) { keepAccumulators(index) }
  }

  /// A weighted operation at the network's end without quantiser, where its accumulators have a common unit.
  private mutating func keepAccumulators(_ index: Int) {
    var operation = network.operations[index]
    let output = operation.outputs[0]
    guard network.outputs.contains(output), !network.operations.contains(where: { $0.inputs.contains(output) }) else {
      return
    }
    switch operation.kind {
    case .conv2D(let window, let activation): operation.kind = .conv2D(window, activation == .relu ? .relu : .none)
    case .depthwiseConv2D(let window, let multiplier, let activation):
      operation.kind = .depthwiseConv2D(window, depthMultiplier: multiplier, activation == .relu ? .relu : .none)
    case .fullyConnected(let keepsDimensions, let activation):
      operation.kind = .fullyConnected(keepsDimensions: keepsDimensions, activation == .relu ? .relu : .none)
    default: return
    }
    guard let x = operation.inputs[0], let weights = operation.inputs[1],
      let inputScale = network.tensors[x].quantization?.scales[0],
      let scales = network.tensors[weights].quantization?.scales
    else { return }
    var bias: [Int64] = []
    if operation.inputs.count > 2, let tensor = operation.inputs[2].map({ network.tensors[$0] }) {
      guard tensor.type == .int32, let integers = tensor.integers else { return }
      bias = integers
    }
    let unit = try? AccumulatorUnit(inputScale: inputScale, weightScales: scales, bias: .codes(bias)) { factors, _ in
      factors.allSatisfy { $0 <= 8 }
    }
    guard let unit else { return }
    network.tensors[output].type = .int32
    network.tensors[output].quantization = Quantization(scales: [Float(unit.real)], zeroPoints: [0])
    operation.quantizer = nil
    network.operations[index] = operation
  }

  private mutating func recode(_ tensor: Int, as type: ElementType) {
    let old = network.tensors[tensor]
    guard var quantization = old.quantization, case .integer(let bits, _) = type, let codes = type.codes,
      let oldCodes = old.type.codes
    else { return }
    func code(_ code: Int64) -> Int64 { ((code - oldCodes.lowerBound) << Int64(bits)) >> 8 + codes.lowerBound }
    quantization.scales = quantization.scales.map { scale in
      let scaled = Double(scale) * Double(sign: .plus, exponent: 8 - bits, significand: 1)
      return Float(hasPowersOfTwo ? powerOfTwo(near: scaled) : scaled)
    }
    // Symmetric weights stay so.
    quantization.zeroPoints = quantization.zeroPoints.map { $0 == 0 && codes.contains(0) ? 0 : code($0) }
    if let integers = old.integers {
      let width = type.byteCount ?? 1
      network.tensors[tensor].constant = integers.flatMap { integer -> [UInt8] in
        var made = code(integer)
        // The low bits that wider codes have, and zeros that stay zeros.
        if integer == 0, codes.contains(0), quantization.zeroPoints == [0] { made = 0 }
        return (0..<width).map { UInt8(truncatingIfNeeded: made >> Int64(8 * $0)) }
      }
    }
    network.tensors[tensor].type = type
    network.tensors[tensor].quantization = quantization
  }

  private mutating func recodeOperation(_ index: Int, _ old: [Tensor]) {
    var operation = network.operations[index]
    let output = network.tensors[operation.outputs[0]]
    let isUnsigned = output.type.codes.map { $0.lowerBound >= 0 } ?? false
    func bounds(_ activation: Activation) -> ClosedRange<Double> {
      switch activation {
      case .none: -.infinity ... .infinity
      case .relu: 0 ... .infinity
      case .relu6: 0...6
      case .reluN1To1: -1...1
      }
    }
    switch operation.kind {
    case .conv2D(_, let activation), .depthwiseConv2D(_, _, let activation), .fullyConnected(_, let activation),
      .transposeConv(_, let activation):
      recodeBias(of: operation, old)
      var modes: [Quantizer.Rounding] = [.halfEven]
      if hasPowersOfTwo { modes += [.floor, .ceiling, .halfEven] }
      if isUnsigned { modes += hasPowersOfTwo ? [.up, .down, .halfUp, .halfDown] : [.halfUp] }
      operation.quantizer = quantizer(output, random.element(of: modes), bounds(activation))
      operation.quantizer?.roundsZeroPoint = random.chance(0.3)
    case .add(let activation), .subtract(let activation), .multiply(let activation):
      operation.quantizer = quantizer(
        output, isUnsigned && random.chance(0.3) ? .halfUp : .halfEven, bounds(activation))
    case .batchMatMul:
      operation.quantizer = quantizer(
        output, hasPowersOfTwo ? random.element(of: [.halfEven, .floor, .ceiling]) : .halfEven, bounds(.none))
    case .averagePool2D(let window, _, _, let activation) where window.padding == .valid:
      operation.quantizer = quantizer(output, .halfEven, bounds(activation))
    case .reduce(.sum, _): operation.quantizer = quantizer(output, .halfEven, bounds(.none))
    case .unary(let function):
      operation.kind = .unary(.composed(function.reals))
      operation.quantizer = quantizer(output, random.element(of: Quantizer.Rounding.allCases), bounds(.none))
    case .parametricRelu:
      operation.kind = .unary(.composed([.leakyRelu(alpha: 0.3)]))
      operation.inputs.removeLast()
      operation.quantizer = quantizer(output, .halfEven, bounds(.none))
    case .quantize:
      operation.kind = .unary(.composed([]))
      operation.quantizer = quantizer(output, .halfEven, bounds(.none))
    case .softmax: operation.quantizer = quantizer(output, .halfEven, bounds(.none))
    case .normalize:
      operation.kind = .standardize(scores(network.tensors[operation.inputs[0] ?? 0].shape))
      operation.quantizer = quantizer(output, .halfEven, bounds(random.element(of: [.none, .relu])))
    default: break
    }
    network.operations[index] = operation
  }

  /// A normalisation of the last axes; gains are small, so that codes of what had length 1 hold most of it.
  private mutating func scores(_ shape: [Int]) -> RowScores {
    let depth = shape.suffix(random.integer(in: 1...max(1, shape.count))).reduce(1, *)
    let rows = shape.reduce(1, *) / depth
    let (count, run) = random.element(of: [(1, depth), (depth, 1), (rows, depth)])
    func reals() -> [Double] { (0..<count).map { _ in Double(random.integer(in: -100...100)) / 256 } }
    return RowScores(
      depth: depth, isCentred: random.chance(0.7), epsilon: random.element(of: [1e-5, 0, 0.1]), gains: reals(),
      offsets: reals(), run: run)
  }

  private mutating func quantizer(
    _ output: Tensor, _ rounding: Quantizer.Rounding, _ clamp: ClosedRange<Double>
  ) -> Quantizer {
    let codes = output.type.codes ?? -128...127
    let isNarrow = codes.count > 2 && random.chance(0.2)
    return Quantizer(
      rounding: rounding, clamp: clamp, codes: isNarrow ? codes.lowerBound + 1...codes.upperBound : codes)
  }

  /// Biases keep the code that they add, in the accumulator's new unit: as integers, or as real values, which are seldom whole.
  private mutating func recodeBias(of operation: Operation, _ old: [Tensor]) {
    guard operation.inputs.count > 2, let bias = operation.inputs[2], let integers = old[bias].integers,
      let x = operation.inputs[0], let weights = operation.inputs[1]
    else { return }
    func unit(_ tensors: [Tensor], _ channel: Int) -> Double {
      let scales = tensors[weights].quantization?.scales ?? [1]
      return Double(tensors[x].quantization?.scales[0] ?? 1) * Double(scales[scales.count == 1 ? 0 : channel])
    }
    let isReal = random.chance(0.4)
    var bytes: [UInt8] = []
    for (channel, integer) in integers.enumerated() {
      let real = Double(integer) * unit(old, channel)
      let whole = min(max((real / unit(network.tensors, channel)).rounded(), -0x1p29), 0x1p29)
      let bits =
        isReal
        ? (whole * 1.0009765625 * unit(network.tensors, channel)).bitPattern : UInt64(bitPattern: Int64(whole))
      bytes += (0..<(isReal ? 8 : 4)).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
    }
    network.tensors[bias].type = isReal ? .float64 : .int32
    network.tensors[bias].constant = bytes
  }
}
