import Network

/// The kinds of operations that random networks are made of.
enum RandomOperation: CaseIterable {
  case conv2D, depthwiseConv2D, fullyConnected
  case add, subtract, multiply, batchMatMul
  case averagePool2D, maxPool2D, mean, softmax
  case reshape, squeeze, expandDimensions, pad, transpose, concatenation, stridedSlice
  case sum, reduceMax, reduceMin, maximum, minimum, squaredDifference, resizeBilinear, transposeConv
  case split, unpack, pack, slice, tile, gather, reverse, mirrorPad, blocks, resizeNearest
  case logistic, tanh, hardSwish, relu, relu6, leakyRelu, parametricRelu, quantize
  case absolute, elu, exponential, gelu
  case logSoftmax, normalization, cumulativeSum

  /// How often each kind is tried on a value of a rank.
  static func weights(rank: Int) -> [(weight: Int, value: RandomOperation)] {
    allCases.map { (rank == 4 ? $0.weightOnImages : $0.weightElsewhere, $0) }
  }

  private var weightOnImages: Int {
    switch self {
    case .conv2D: 34
    case .depthwiseConv2D: 20
    case .add: 9
    case .averagePool2D, .maxPool2D, .pad, .concatenation, .stridedSlice, .transposeConv: 5
    case .subtract, .multiply, .mean, .fullyConnected, .transpose: 4
    case .reshape, .leakyRelu, .quantize, .hardSwish, .parametricRelu, .split: 3
    case .tile, .gather, .absolute, .elu, .exponential, .gelu: 1
    case .logSoftmax, .normalization, .cumulativeSum: 1
    default: 2
    }
  }

  private var weightElsewhere: Int {
    switch self {
    case .fullyConnected: 20
    case .reshape: 18
    case .add, .expandDimensions: 6
    case .concatenation, .stridedSlice, .subtract, .multiply, .batchMatMul: 5
    case .squeeze, .pad, .transpose, .mean: 4
    case .softmax: 3
    case .conv2D, .depthwiseConv2D, .averagePool2D, .maxPool2D, .resizeBilinear, .transposeConv, .blocks,
      .resizeNearest:
      0
    case .tile, .gather, .mirrorPad, .absolute, .elu, .exponential, .gelu: 1
    default: 2
    }
  }
}

extension RandomNetworkBuilder {
  /// Adds an operation of a kind that reads `value`; nil where it does not suit that value.
  mutating func add(_ kind: RandomOperation, to value: Int) -> Int? {
    switch kind {
    case .conv2D: addConv2D(to: value)
    case .depthwiseConv2D: addDepthwiseConv2D(to: value)
    case .fullyConnected: addFullyConnected(to: value)
    case .add: addBinary(.add, to: value)
    case .subtract: addBinary(.subtract, to: value)
    case .multiply: addBinary(.multiply, to: value)
    case .batchMatMul: addBatchMatMul(to: value)
    case .averagePool2D: addPool(.average, to: value)
    case .maxPool2D: addPool(.maximum, to: value)
    case .mean: addMean(to: value)
    case .softmax: addSoftmax(to: value)
    case .reshape: addReshape(to: value)
    case .squeeze: addSqueeze(to: value)
    case .expandDimensions: addExpandDimensions(to: value)
    case .pad: addPad(to: value)
    case .transpose: addTranspose(to: value)
    case .concatenation: addConcatenation(to: value)
    case .stridedSlice: addStridedSlice(to: value)
    case .logistic: addLogistic(to: value)
    case .tanh: addTanh(to: value)
    case .hardSwish: addHardSwish(to: value)
    case .relu: addRelu(to: value)
    case .relu6: addRelu6(to: value)
    case .leakyRelu: addLeakyRelu(to: value)
    case .quantize: addQuantize(to: value)
    case .sum: addReduction(.sum, to: value)
    case .reduceMax: addReduction(.maximum, to: value)
    case .reduceMin: addReduction(.minimum, to: value)
    case .maximum: addExtremum(isMaximum: true, to: value)
    case .minimum: addExtremum(isMaximum: false, to: value)
    case .squaredDifference: addSquaredDifference(to: value)
    case .resizeBilinear: addResizeBilinear(to: value)
    case .transposeConv: addTransposeConv(to: value)
    case .split: addSplit(to: value)
    case .unpack: addUnpack(to: value)
    case .pack: addPack(to: value)
    case .slice: addSlice(to: value)
    case .tile: addTile(to: value)
    case .gather: addGather(to: value)
    case .reverse: addReverse(to: value)
    case .mirrorPad: addMirrorPad(to: value)
    case .blocks: addBlocks(to: value)
    case .resizeNearest: addResizeNearest(to: value)
    case .parametricRelu: addParametricRelu(to: value)
    case .logSoftmax: addLogSoftmax(to: value)
    case .normalization: addNormalization(to: value)
    case .cumulativeSum: addCumulativeSum(to: value)
    case .absolute: addReal(.absolute, "ABS", to: value) { abs($0) }
    case .elu: addReal(.elu(alpha: 1), "ELU", to: value) { $0 < 0 ? Self.exponential($0) - 1 : $0 }
    case .exponential: addReal(.exponential, "EXP", to: value) { Self.exponential($0) }
    case .gelu:
      addReal(.gelu(isApproximate: random.chance(0.5)), "GELU", to: value) { $0 / (1 + Self.exponential(-1.702 * $0)) }
    }
  }

  /// Ends the network as classifiers end: flattened or averaged, a dense layer, a softmax.
  mutating func addClassifier() {
    var value = values[values.count - 1]
    if shape(of: value).count == 4, random.chance(0.5) {
      let axes = [1, 2]
      if let mean = attempt({ $0.addMean(of: value, axes: axes, keepsDimensions: false) }) { value = mean }
    }
    guard let logits = attempt({ $0.addFullyConnected(to: value) }) else { return }
    attempt { $0.addSoftmax(to: logits) }
  }
}
