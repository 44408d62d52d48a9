import Network

extension RandomNetwork {
  /// The network of a seed: of int8 codes, with states, as files of TensorFlow Lite have them, or of any other kind, or
  /// what stands in front of one.
  public static func makeOfAnyKind(seed: UInt64, limits: RandomNetworkLimits = .small) -> Network {
    // One of three has codes of other widths.
    if seed % 3 == 0 { return makeWithOtherCodes(seed: seed, limits: limits) }
    let network = make(seed: seed, limits: limits, keepingState: true)
    switch seed % 12 {
    case 1, 5: return network.withNarrowWeights(seed: seed)
    case 8 where seed % 24 == 8: return makeSignals(seed: seed)
    case 4, 8: return makeWithSixteenBits(seed: seed, limits: limits)
    case 7, 10: return network.asymmetric(seed: seed) ?? network
    default: return network
    }
  }
}

extension Network {
  /// The network with weights of 4 bits, where TensorFlow Lite's kernels take them, of a sixteenth of the others' size.
  public func withNarrowWeights(seed: UInt64) -> Network {
    var random = SeededGenerator(seed: seed ^ 0x4)
    var network = self
    for (index, bias) in weightTensors where random.chance(0.9) {
      guard let codes = tensors[index].integers, var quantization = tensors[index].quantization else { continue }
      quantization.scales = quantization.scales.map { $0 * 16 }
      quantization.zeroPoints = quantization.zeroPoints.map { $0 >> 4 }
      network.tensors[index].type = .int4
      network.tensors[index].quantization = quantization
      network.tensors[index].constant = codes.map { UInt8(truncatingIfNeeded: $0 >> 4) }
      // Biases count in units of the weights'.
      if let bias, let codes = tensors[bias].integers {
        network.tensors[bias].constant = codes.flatMap { code in
          (0..<4).map { UInt8(truncatingIfNeeded: code >> (4 + 8 * $0)) }
        }
      }
    }
    return network
  }

  /// The network as old converters wrote it: uint8 codes, and uint8 weights of one scale with a zero point of their own. Nil
  /// where it has an operation that was never for uint8.
  public func asymmetric(seed: UInt64) -> Network? {
    var random = SeededGenerator(seed: seed ^ 0x8)
    guard operations.allSatisfy(\.isForUInt8), tensors.allSatisfy({ $0.type != .uint8 }) else { return nil }
    var network = self
    let weights = Set(weightTensors.map(\.weights))
    for index in tensors.indices where tensors[index].type == .int8 {
      let tensor = tensors[index]
      guard var quantization = tensor.quantization else { return nil }
      let moved = weights.contains(index) ? Int64(random.integer(in: -60...60)) : 0
      quantization.scales = Array(quantization.scales.prefix(1))
      quantization.zeroPoints = [min(max((quantization.zeroPoints.first ?? 0) + 128 + moved, 0), 255)]
      network.tensors[index].type = .uint8
      network.tensors[index].quantization = quantization
      network.tensors[index].constant = tensor.constant?.map { $0 ^ 0x80 }
    }
    for index in states.indices { network.states[index].initial = states[index].initial.map { $0 ^ 0x80 } }
    return network
  }

  /// The weights that nothing but one layer with weights of any width reads, and its bias where nothing else reads that.
  private var weightTensors: [(weights: Int, bias: Int?)] {
    var readers: [Int: Int] = [:]
    for operation in operations { for case let input? in operation.inputs { readers[input, default: 0] += 1 } }
    return operations.compactMap { operation -> (weights: Int, bias: Int?)? in
      switch operation.kind {
      case .conv2D, .depthwiseConv2D, .fullyConnected:
        guard operation.inputs.count > 1, let weights = operation.inputs[1], readers[weights] == 1 else { return nil }
        guard tensors[weights].type == .int8 else { return nil }
        let bias = operation.inputs.count > 2 ? operation.inputs[2] : nil
        return (weights, bias.flatMap { readers[$0] == 1 && tensors[$0].type == .int32 ? $0 : nil })
      default: return nil
      }
    }
  }
}

extension Operation {
  /// Whether LiteRT's reference kernels have it for uint8, as integers.
  fileprivate var isForUInt8: Bool {
    switch kind {
    case .conv2D, .depthwiseConv2D, .fullyConnected, .add, .subtract, .multiply, .averagePool2D, .maxPool2D, .mean,
      .reshape, .squeeze, .expandDimensions, .pad, .transpose, .concatenation, .stridedSlice, .pack, .unpack, .slice,
      .maximum, .minimum, .split:
      true
    case .unary(let function):
      switch function {
      case .relu, .relu6, .reluN1To1, .leakyRelu, .hardSwish, .tanh: true
      case .logistic, .real, .composed: false
      }
    default: false
    }
  }
}
