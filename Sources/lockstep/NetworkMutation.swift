import DifferentialTesting
import Network

/// A seeded damage to what a file means: shapes, quantisation, attributes and connections that no converter
/// writes, but that a file can hold. Damage to a file's bytes seldom gets past the checks of the container;
/// this starts behind them.
struct NetworkMutation {
  let network: Network
  /// What was done, in words.
  let description: String

  init(of network: Network, random: SeededGenerator) {
    var editor = NetworkEditor(network: network, random: random)
    let rounds = editor.random.integer(in: 1...3)
    description = (0..<rounds).map { _ in editor.damage() }.joined(separator: ", ")
    self.network = editor.network
  }
}

private struct NetworkEditor {
  var network: Network
  var random: SeededGenerator

  private enum Damage {
    case shape, sharedShape, type, quantization, constant, attribute, kind, connection, boundary
  }

  private static let weights: [(weight: Int, value: Damage)] = [
    (8, .shape), (12, .sharedShape), (6, .type), (24, .quantization), (14, .constant), (20, .attribute),
    (5, .kind),
    (8, .connection), (3, .boundary),
  ]
  private static let sizes = [
    0, -1, 1, 2, 3, 5, 7, 16, 255, 256, 511, 512, 1 << 10, 1 << 16, 1 << 20, 1 << 27, 1 << 28, (1 << 31) - 1,
    -1 << 31,
  ]
  private static let scales: [Float] = [
    0, -0.0, -1, 1, .leastNonzeroMagnitude, 1e-38, 1e-30, 1e-20, 1e-9, 1e-6, 0.003, 1.0 / 256, 1.0 / 128, 0.5,
    3, 1e3, 1e6, 1e9,
    1e20, 3.4e38, .infinity, -.infinity, .nan, 0x1p-31, 0x1p-27, 0x1p-20, 0x1p20, 0x1p30,
  ]
  private static let zeroPoints: [Int64] = [
    0, 1, -1, 127, -128, 128, -129, 255, 256, 1 << 31, -1 << 31, 1 << 32, .max, .min,
  ]
  private static let types: [ElementType] = [
    .int8, .uint8, .int16, .int32, .int64, .float32, .float64, .integer(bits: 4, signed: false),
    .integer(bits: 16, signed: false), .int4, .uint32, .uint64, .boolean, .other("bool"),
  ]

  private mutating func size() -> Int { random.element(of: Self.sizes) }

  mutating func damage() -> String {
    guard !network.tensors.isEmpty, !network.operations.isEmpty else { return "nothing left" }
    let tensor = random.integer(in: 0...network.tensors.count - 1)
    let operation = random.integer(in: 0...network.operations.count - 1)
    switch random.choice(of: Self.weights) {
    case .shape:
      network.tensors[tensor].shape = changed(network.tensors[tensor].shape)
      refit(tensor)
      return "tensor \(tensor) of shape \(network.tensors[tensor].shape)"
    case .sharedShape:
      // All tensors of one shape together, so that what moves elements one by one still fits.
      let old = network.tensors[tensor].shape
      let new = changed(old)
      for index in network.tensors.indices where network.tensors[index].shape == old {
        network.tensors[index].shape = new
        refit(index)
      }
      return "tensors of shape \(old) now \(new)"
    case .type:
      network.tensors[tensor].type = random.element(of: Self.types)
      refit(tensor)
      return "tensor \(tensor) \(network.tensors[tensor].type)"
    case .quantization:
      network.tensors[tensor].quantization = changed(network.tensors[tensor].quantization)
      return
        "tensor \(tensor) quantised by \(network.tensors[tensor].quantization.map { "\($0)" } ?? "nothing")"
    case .constant: return changeConstant(tensor)
    case .attribute:
      if network.operations[operation].quantizer != nil, random.chance(0.4) {
        network.operations[operation].quantizer = changed(network.operations[operation].quantizer)
      } else {
        network.operations[operation].kind = changed(network.operations[operation].kind)
      }
      return "operation \(operation) \(network.operations[operation].kind)"
    case .kind:
      // Another operation on the same tensors.
      network.operations[operation].kind =
        network.operations[
          random.integer(in: 0...network.operations.count - 1)
        ].kind
      return "operation \(operation) made \(network.operations[operation].kind)"
    case .connection:
      changeConnection(operation)
      return
        "operation \(operation) on \(network.operations[operation].inputs) → \(network.operations[operation].outputs)"
    case .boundary:
      if !network.states.isEmpty, random.chance(0.6) { return changeState() }
      if random.chance(0.5) { network.inputs = [tensor] } else { network.outputs = [tensor] }
      return "inputs \(network.inputs), outputs \(network.outputs)"
    }
  }

  private mutating func changed(_ shape: [Int]) -> [Int] {
    var shape = shape
    switch random.integer(in: 0...7) {
    case 0: shape.insert(random.element(of: [1, 1, 2, size()]), at: random.integer(in: 0...shape.count))
    case 1 where !shape.isEmpty: shape.remove(at: random.integer(in: 0...shape.count - 1))
    case 2: shape = []
    case 3: shape.reverse()
    default:
      guard !shape.isEmpty else { break }
      let axis = random.integer(in: 0...shape.count - 1)
      shape[axis] = random.chance(0.5) ? size() : shape[axis] + random.integer(in: -2...2)
    }
    return shape
  }

  /// Gives a constant the bytes that its type and shape ask for, where that is not too many.
  private mutating func refit(_ tensor: Int) {
    guard let old = network.tensors[tensor].constant, random.chance(0.9) else { return }
    var count = network.tensors[tensor].type.byteCount ?? 1
    for dimension in network.tensors[tensor].shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: max(dimension, 0))
      guard !overflow, product <= 1 << 20 else { return }
      count = product
    }
    network.tensors[tensor].constant = (0..<count).map { old.isEmpty ? 0 : old[$0 % old.count] }
  }

  private mutating func changed(_ quantization: Quantization?) -> Quantization? {
    guard var quantization, !quantization.scales.isEmpty else {
      return Quantization(scales: [random.element(of: Self.scales)], zeroPoints: [0])
    }
    switch random.integer(in: 0...9) {
    case 0: return nil
    case 1: quantization.axis = size()
    case 2: quantization.scales.removeLast()
    case 3: quantization.scales += [random.element(of: Self.scales)]
    case 4: quantization.zeroPoints = random.chance(0.5) ? [] : quantization.zeroPoints + [0]
    case 5, 6: quantization.zeroPoints = [random.element(of: Self.zeroPoints)]
    default:
      let index = random.integer(in: 0...quantization.scales.count - 1)
      quantization.scales[index] =
        random.chance(0.3) ? quantization.scales[index] * 0x1p12 : random.element(of: Self.scales)
    }
    return quantization
  }

  /// Damage to what a run leaves for the next.
  private mutating func changeState() -> String {
    let index = random.integer(in: 0...network.states.count - 1)
    let tensor = random.integer(in: 0...network.tensors.count - 1)
    switch random.integer(in: 0...4) {
    case 0: network.states[index].read = tensor
    case 1: network.states[index].written = tensor
    case 2:
      // What is read, and stands among the inputs, is another tensor.
      if let place = network.inputs.lastIndex(of: network.states[index].read) { network.inputs[place] = tensor }
      network.states[index].read = tensor
    case 3:
      if let place = network.outputs.lastIndex(of: network.states[index].written) { network.outputs[place] = tensor }
      network.states[index].written = tensor
    default: network.states[index].initial = Array(network.states[index].initial.dropLast(random.integer(in: 0...2)))
    }
    return "state \(index) \(network.states[index].read) to \(network.states[index].written)"
  }

  private mutating func changeConstant(_ tensor: Int) -> String {
    let constants = network.tensors.indices.filter { network.tensors[$0].constant != nil }
    let tensor = constants.isEmpty ? tensor : random.element(of: constants)
    guard var bytes = network.tensors[tensor].constant, !bytes.isEmpty else {
      network.tensors[tensor].constant = [0]
      return "tensor \(tensor) given a byte"
    }
    switch random.integer(in: 0...5) {
    case 0: network.tensors[tensor].constant = nil
    case 1: network.tensors[tensor].constant?.removeLast()
    case 2: network.tensors[tensor].constant = bytes.map { _ in random.element(of: [0, 0x7F, 0x80, 0xFF]) }
    default:
      // A whole element, as axes, sizes and biases are read.
      let width = network.tensors[tensor].type.byteCount ?? 1
      let start = random.integer(in: 0...bytes.count / width) * width
      let value = random.chance(0.5) ? size() : random.integer(in: -6...6)
      for byte in 0..<width where start + byte < bytes.count {
        bytes[start + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
      }
      network.tensors[tensor].constant = bytes
    }
    return "tensor \(tensor) given other elements"
  }

  private mutating func changeConnection(_ operation: Int) {
    let tensor = random.integer(in: -2...network.tensors.count)
    let inputs = network.operations[operation].inputs
    switch random.integer(in: 0...5) {
    case 0: network.operations[operation].outputs = [tensor]
    case 1: network.operations[operation].outputs += [tensor]
    case 2: network.operations[operation].inputs += [tensor]
    case 3 where !inputs.isEmpty: network.operations[operation].inputs.removeLast()
    default:
      guard !inputs.isEmpty else { return }
      network.operations[operation].inputs[random.integer(in: 0...inputs.count - 1)] =
        tensor == -1 ? nil : tensor
    }
  }

  private mutating func changed(_ kind: Operation.Kind) -> Operation.Kind {
    let activation: Activation = random.element(of: [.none, .relu, .relu6, .reluN1To1])
    switch kind {
    case .conv2D(let window, _): return .conv2D(changed(window), activation)
    case .transposeConv(let window, _): return .transposeConv(changed(window), activation)
    case .resizeBilinear:
      return .resizeBilinear(alignsCorners: random.chance(0.5), centresHalfPixels: random.chance(0.5))
    case .indexOf: return .indexOf(random.chance(0.8) ? .maximum : random.element(of: Reduction.allCases))
    case .logical: return .logical(random.element(of: Logical.allCases))
    case .cumulativeSum: return .cumulativeSum(isExclusive: random.chance(0.5), isReverse: random.chance(0.5))
    case .squaredDifference: return .multiply(activation)
    case .depthwiseConv2D(let window, let multiplier, _):
      return .depthwiseConv2D(
        changed(window), depthMultiplier: random.chance(0.3) ? size() : multiplier, activation)
    case .fullyConnected: return .fullyConnected(keepsDimensions: random.chance(0.5), activation)
    case .add: return .add(activation)
    case .subtract: return .subtract(activation)
    case .multiply: return .multiply(activation)
    case .batchMatMul:
      return .batchMatMul(transposesLeft: random.chance(0.5), transposesRight: random.chance(0.5))
    case .averagePool2D(let window, let height, let width, _):
      return .averagePool2D(
        changed(window), height: random.chance(0.3) ? size() : height,
        width: random.chance(0.3) ? size() : width,
        activation)
    case .maxPool2D(let window, let height, let width, _):
      return .maxPool2D(
        changed(window), height: random.chance(0.3) ? size() : height,
        width: random.chance(0.3) ? size() : width,
        activation)
    case .mean: return .mean(keepsDimensions: random.chance(0.5))
    case .softmax: return .softmax(beta: random.element(of: Self.scales))
    case .standardize(var rows):
      switch random.integer(in: 0...4) {
      case 0: rows.depth = size()
      case 1: rows.run = size()
      case 2: rows.epsilon = Double(random.element(of: Self.scales))
      case 3: rows.gains.append(Double(random.element(of: Self.scales)))
      default: rows.offsets = rows.offsets.map { _ in Double(random.element(of: Self.scales)) }
      }
      return .standardize(rows)
    case .reshape: return .reshape(shape: random.chance(0.3) ? nil : [size(), size()])
    case .squeeze: return .squeeze(axes: [random.integer(in: -6...6), size()])
    case .concatenation:
      return .concatenation(axis: random.chance(0.5) ? random.integer(in: -6...6) : size(), .none)
    case .stridedSlice:
      return .stridedSlice(
        SliceMasks(
          begin: random.integer(in: -1...31), end: random.integer(in: -1...31), ellipsis: 0, newAxis: 0,
          shrinkAxis: random.chance(0.5) ? 0 : random.integer(in: -1...31), isOffset: random.chance(0.1)))
    case .pack: return .pack(axis: random.chance(0.5) ? random.integer(in: -6...6) : size())
    case .unpack: return .unpack(axis: random.chance(0.5) ? random.integer(in: -6...6) : size())
    case .gather:
      return .gather(axis: random.integer(in: -6...6), batchDimensions: random.chance(0.5) ? 0 : size())
    case .reduce:
      return .reduce(random.element(of: Reduction.allCases), keepsDimensions: random.chance(0.5))
    case .compare: return .compare(random.element(of: Comparison.allCases))
    case .divide: return .divide(activation)
    case .constant:
      let functions: [ConstantFunction] = [
        .shape, .rank, .zeros, .cast, .fill, .range, .broadcastArguments, .floorDivide, .floorModulo,
        .product(keepsDimensions: random.chance(0.5)),
      ]
      return .constant(random.element(of: functions))
    case .unary:
      let functions: [UnaryFunction] = [
        .logistic, .tanh, .hardSwish, .relu, .relu6, .reluN1To1, .leakyRelu(alpha: random.element(of: Self.scales)),
        .composed([.scaled(by: Double(random.element(of: Self.scales)), plus: Double(random.element(of: Self.scales)))]),
        .composed([.logistic, .squareRoot]), .real(.absolute), .real(.reciprocalSquareRoot), .real(.exponential),
        .real(.logarithm), .real(.gelu(isApproximate: random.chance(0.5))), .real(.square),
      ]
      return .unary(random.element(of: functions))
    case .lstm: return .lstm(cellClip: random.element(of: Self.scales))
    case .svdf: return .svdf(rank: random.chance(0.5) ? random.integer(in: -1...5) : size())
    case .signal(let function): return .signal(changed(function))
    case .mirrorPad: return .mirrorPad(repeatsEdge: random.chance(0.5))
    case .depthToSpace, .spaceToDepth:
      let block = random.chance(0.5) ? random.integer(in: 0...4) : size()
      return random.chance(0.5) ? .depthToSpace(block: block) : .spaceToDepth(block: block)
    case .resizeNearest:
      return .resizeNearest(
        NearestNeighbor(alignsCorners: random.chance(0.5), hasHalfPixelCenters: random.chance(0.5)))
    case .indexed(var maps):
      guard !maps.isEmpty else { return .indexed([[size()]]) }
      let axis = random.integer(in: 0...maps.count - 1)
      if maps[axis].isEmpty || random.chance(0.3) {
        maps.insert([size()], at: axis)
      } else {
        maps[axis][random.integer(in: 0...maps[axis].count - 1)] = size()
      }
      return .indexed(maps)
    default:
      let kinds: [Operation.Kind] = [
        .expandDimensions, .pad, .transpose, .quantize, .dequantize, .mean(keepsDimensions: true), .slice, .split,
        .splitSizes, .tile, .broadcastTo, .maximum, .minimum, .select, .gatherND, .reverse, .spaceToBatch, .batchToSpace,
        .parametricRelu, .logSoftmax, .normalize,
        .unsupported(reason: "none"),
      ]
      return random.element(of: kinds)
    }
  }

  /// One of its numbers another one.
  private mutating func changed(_ function: SignalFunction) -> SignalFunction {
    let number = random.chance(0.5) ? random.integer(in: -1...40) : size()
    let isFirst = random.chance(0.5)
    switch function {
    case .framer(let size, let step, let isPrefilled):
      if random.chance(0.3) { return .framer(size: size, step: step, isPrefilled: !isPrefilled) }
      return .framer(size: isFirst ? number : size, step: isFirst ? step : number, isPrefilled: isPrefilled)
    case .stacker(let channels, let left, let right, let step):
      switch random.integer(in: 0...3) {
      case 0: return .stacker(channels: number, left: left, right: right, step: step)
      case 1: return .stacker(channels: channels, left: number, right: right, step: step)
      case 2: return .stacker(channels: channels, left: left, right: number, step: step)
      default: return .stacker(channels: channels, left: left, right: right, step: number)
      }
    case .delay: return .delay(by: number)
    case .overlapAdd: return .overlapAdd(step: number)
    case .window: return .window(shift: number)
    case .autoScale: return .squareRoot
    case .squareRoot: return .autoScale
    case .fourier: return isFirst ? .fourier(length: number) : .inverseFourier(length: number)
    case .inverseFourier: return isFirst ? .inverseFourier(length: number) : .fourier(length: number)
    case .energy(let bins):
      return .energy(isFirst ? min(number, bins.upperBound)..<bins.upperBound : bins.lowerBound..<max(number, bins.lowerBound))
    case .filterBank: return .filterBank(channels: number)
    case .subtraction(var subtraction):
      switch random.integer(in: 0...5) {
      case 0: subtraction.smoothing[0] = number
      case 1: subtraction.oneMinusSmoothing[1] = number
      case 2: subtraction.least = number
      case 3: subtraction.smoothingBits = number
      case 4: subtraction.bits = number
      default: subtraction.isClamped.toggle()
      }
      return .subtraction(subtraction)
    case .gainControl: return .gainControl(shift: number)
    case .logarithm(let scale, let bits):
      return .logarithm(scale: isFirst ? number : scale, correctionBits: isFirst ? bits : number)
    }
  }

  private mutating func changed(_ quantizer: Quantizer?) -> Quantizer? {
    guard var quantizer else { return nil }
    switch random.integer(in: 0...4) {
    case 0: return nil
    case 1, 2: quantizer.rounding = random.element(of: Quantizer.Rounding.allCases)
    case 3: quantizer.roundsZeroPoint.toggle()
    default:
      let (a, b) = (Double(random.element(of: Self.scales)), Double(random.element(of: Self.scales)))
      if a <= b { quantizer.clamp = a...b }
    }
    return quantizer
  }

  private mutating func changed(_ window: Window) -> Window {
    var window = window
    switch random.integer(in: 0...4) {
    case 0:
      window.padding =
        window.padding == .same || random.chance(0.5)
        ? .valid : .explicit(top: size(), left: size(), bottom: size(), right: size())
    case 1: window.strideHeight = size()
    case 2: window.strideWidth = size()
    case 3: window.dilationHeight = size()
    default: window.dilationWidth = size()
    }
    return window
  }
}
