import IntegerProgram
import Network

/// A float network → fixed point: every scale is a power of two, so that accumulators become codes by a shift that rounds
/// half up, as in "Scalable Verification of Quantized Neural Networks" (Henzinger, Lechner, Žikelić, AAAI 2021) and in
/// quantisation-aware interval bound propagation. Scales are those with the least squared error, of the weights, and of
/// what calibration has seen of the activations.
struct FixedPointQuantizer {
  let network: FloatNetwork
  let calibration: Calibration
  /// What the codes of each input tensor are.
  let inputs: [Int: InputCodes]
  let weightBits, activationBits: Int
  private let shared: SharedCodes
  private var builder: QuantizedNetworkBuilder
  private var formats: [Int: Format] = [:]
  private var nonNegative: [Int: Bool] = [:]
  /// What the codes of an input's class stand for, over what the network takes them for: the weights of its readers make up
  /// for it.
  private var inputFactors: [Int: Double] = [:]
  /// The network's outputs, less a softmax at the end, which keeps the order.
  private let lasts: [Int]

  /// How codes of one class of tensors are read.
  struct Format: Equatable {
    var bits: Int
    var isSigned: Bool
    var scale: Float
    var zeroPoint: Int64 = 0

    var type: ElementType { .integer(bits: bits, signed: isSigned) }
    var quantization: Quantization { Quantization(scales: [scale], zeroPoints: [zeroPoint]) }
  }

  /// Bits of the outputs: enough to keep the order of what 8-bit layers reckon.
  static let outputBits = 16

  init(
    network: FloatNetwork, calibration: Calibration, inputs: [Int: InputCodes], weightBits: Int, activationBits: Int
  ) {
    self.network = network
    self.calibration = calibration
    self.inputs = inputs
    self.weightBits = weightBits
    self.activationBits = activationBits
    shared = SharedCodes(
      network, fixed: Set(network.inputs.filter { if case .pixels? = inputs[$0] { true } else { false } }))
    builder = QuantizedNetworkBuilder(network.network)
    lasts = network.outputs.map { network.softmaxInput(of: $0) ?? $0 }
  }

  mutating func quantized() throws -> Network {
    var issues: [LayerIssue] = []
    for input in network.inputs { nonNegative[input] = (calibration.tensors[input]?.least ?? 0) >= 0 }
    for layer in network.layers { nonNegative[layer.output] = isNonNegative(layer) }
    let sources = network.inputs.map { addActivation($0) }
    for layer in network.layers {
      let operation = network.network.operations[layer.index]
      do throws(LayerFault) {
        try add(layer, operation)
      } catch {
        issues.append(
          LayerIssue(
            index: network.network.place(ofOperation: layer.index), type: operation.typeName,
            name: network.network.name(ofOperation: layer.index),
            reason: error.reason, remedy: error.remedy))
        _ = addActivation(layer.output)
      }
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    return Network(
      name: network.network.name, tensors: builder.tensors, operations: builder.operations, inputs: sources,
      outputs: try lasts.map { try builder.place($0) }, format: .onnx)
  }

  // MARK: Formats

  /// Whether a layer never makes what is below zero.
  private func isNonNegative(_ layer: FloatLayer) -> Bool {
    if [.relu, .relu6].contains(layer.activation) { return true }
    let inputs = layer.inputs.allSatisfy { nonNegative[$0] == true }
    switch layer.kind {
    case .affine, .transposed: return false
    case .combine(.squaredDifference, _, _): return true
    case .combine(.difference, _, _): return false
    case .combine: return inputs && layer.constant.map { $0.numbers.allSatisfy { $0 >= 0 } } ?? true
    case .average, .maximum, .reduce, .bilinear, .product, .select, .move, .concatenation, .cumulative, .normalized:
      return inputs
    case .softmax, .denied: return true
    case .logarithmicSoftmax, .rows, .cast: return false
    case .unary(let functions):
      switch functions.last {
      case .clamp(let low, _): return low >= 0
      case .logistic, .exponential, .squareRoot, .absolute, .softplus, .hardSigmoid: return true
      default: return false
      }
    }
  }

  private mutating func addActivation(_ tensor: Int, leastScale: Float = 0) -> Int {
    let format = format(of: tensor, leastScale: leastScale)
    return builder.add(tensor, format.type, format.quantization)
  }

  private mutating func format(of tensor: Int, leastScale: Float = 0) -> Format {
    let representative = shared.representative(tensor)
    if let known = formats[representative] { return known }
    let found = choose(shared.members(of: representative), leastScale: leastScale)
    formats[representative] = found
    return found
  }

  private mutating func choose(_ members: [Int], leastScale: Float) -> Format {
    for member in members {
      guard case .pixels(let low, let high)? = inputs[member] else { continue }
      let scale = (high - low) / 255
      let zeroPoint = Int64((-low / scale).rounded())
      // The nearest power of two, where weights can make up for the rest.
      let near = Float(sign: .plus, exponent: Int(nearestExponent(scale)), significand: 1)
      guard canScaleInput(members) else {
        return Format(bits: 8, isSigned: false, scale: scale, zeroPoint: zeroPoint)
      }
      inputFactors[shared.representative(member)] = Double(scale) / Double(near)
      return Format(bits: 8, isSigned: false, scale: near, zeroPoint: zeroPoint)
    }
    let isSigned = !members.allSatisfy { nonNegative[$0] == true }
    let found = members.compactMap { calibration.tensors[$0] }
    let largest = largest(of: found)
    if members.contains(where: lasts.contains), !members.contains(where: network.inputs.contains) {
      // Room for four times what was seen, and no finer than the sum itself.
      let top = Float((1 << (Self.outputBits - 1)) - 1)
      return Format(
        bits: Self.outputBits, isSigned: true, scale: max(Self.powerOfTwo(above: 4 * largest / top), leastScale))
    }
    return Format(
      bits: activationBits, isSigned: isSigned,
      scale: Self.bestScale(found.flatMap(\.elements), largest: largest, bits: activationBits, isSigned: isSigned))
  }

  private func largest(of found: [Calibration.Tensor]) -> Float {
    found.reduce(0) { max($0, abs($1.least), abs($1.largest)) }
  }

  /// Of all that holds codes of the same meaning, in magnitude.
  private func largest(ofClassOf tensor: Int) -> Float {
    largest(of: shared.members(of: shared.representative(tensor)).compactMap { calibration.tensors[$0] })
  }

  private func nearestExponent(_ scale: Float) -> Float.Exponent {
    scale.significand > 1.4142135 ? scale.exponent + 1 : scale.exponent
  }

  /// Whether all that reads the input, or moves of it, are sums with weights.
  private func canScaleInput(_ members: [Int]) -> Bool {
    guard !members.contains(where: lasts.contains) else { return false }
    return network.layers.allSatisfy { layer in
      let reads = layer.inputs.contains(where: members.contains)
      if members.contains(layer.output) {
        // Made of the input alone, without bounds in real values.
        return layer.inputs.allSatisfy(members.contains) && [.none, .relu].contains(layer.activation)
      }
      guard reads else { return true }
      if case .affine = layer.kind { return true }
      return false
    }
  }

  /// The least power of two that is not below `x`; 2^-24 for 0.
  private static func powerOfTwo(above x: Float) -> Float {
    guard x > 0x1p-24, x.isFinite else { return 0x1p-24 }
    return Float(sign: .plus, exponent: x.exponent + (x.significand > 1 ? 1 : 0), significand: 1)
  }

  /// The power of two with the least squared error, among that which cuts nothing off and the next finer ones.
  static func bestScale(_ elements: [Float], largest: Float, bits: Int, isSigned: Bool) -> Float {
    let top = Float((1 << (isSigned ? bits - 1 : bits)) - 1)
    let bottom = isSigned ? -top - 1 : 0
    var scale = powerOfTwo(above: largest / top)
    var best = (error: Double.infinity, scale: scale)
    for _ in 0..<6 {
      let error = elements.reduce(0.0) { sum, element in
        let difference = Double(min(max((element / scale).rounded(), bottom), top) * scale - element)
        return sum + difference * difference
      }
      if error < best.error { best = (error, scale) }
      scale /= 2
    }
    return best.scale
  }

  // MARK: Layers

  /// The rule by which a layer's real results become codes.
  private func rule(_ layer: FloatLayer, _ format: Format, _ signed: Quantizer.Rounding = .halfEven) -> Quantizer {
    let clamp: ClosedRange<Double>
    switch layer.activation {
    case .none: clamp = -.infinity ... .infinity
    case .relu: clamp = 0 ... .infinity
    case .relu6: clamp = 0...6
    case .reluN1To1: clamp = -1...1
    }
    return Quantizer(
      rounding: format.isSigned ? signed : .halfUp, roundsZeroPoint: true, clamp: clamp,
      codes: format.type.codes ?? 0...0)
  }

  private mutating func add(_ layer: FloatLayer, _ operation: Operation) throws(LayerFault) {
    var inputs: [Int] = []
    for input in layer.inputs { inputs.append(try builder.place(input)) }
    let type = operation.typeName
    switch layer.kind {
    case .affine(let affine): try add(affine, layer, type, inputs[0])
    case .combine(let combination, _, _):
      let kind: Operation.Kind
      switch combination {
      case .sum: kind = .add(.none)
      case .difference: kind = .subtract(.none)
      case .product, .quotient: kind = .multiply(.none)
      case .maximum, .minimum, .squaredDifference, .slope, .compared, .both, .either: throw Self.noForm
      }
      // A constant would be rounded to codes of its own: it becomes weights and biases.
      if let constant = layer.constant { return try add(combination, constant, layer, type, inputs[0]) }
      let made = addActivation(layer.output)
      builder.emit(kind, type, inputs, made, rule(layer, format(of: layer.output)))
    case .average:
      guard case .averagePool2D(let window, let height, let width, _) = operation.kind else { return }
      let made = addActivation(layer.output)
      builder.emit(
        .averagePool2D(window, height: height, width: width, .none), type, inputs, made,
        rule(layer, format(of: layer.output)))
    case .maximum:
      guard case .maxPool2D(let window, let height, let width, _) = operation.kind else { return }
      guard layer.activation == .none || layer.activation == .relu && nonNegative[layer.inputs[0]] == true else {
        throw LayerFault(
          "it has the fused activation \(layer.activation.rawValue)", remedy: "put it in front of the pool")
      }
      builder.emit(
        .maxPool2D(window, height: height, width: width, .none), type, inputs, addActivation(layer.output))
    case .transposed, .select, .product, .bilinear, .logarithmicSoftmax, .normalized, .cumulative, .rows, .cast, .denied:
      throw Self.noForm
    case .reduce(let reduction, let axes, _, _):
      // An average or a sum over the one axis that neighbouring ones come to.
      let shape = network.network.tensors[layer.inputs[0]].shape
      guard [.mean, .sum].contains(reduction), let first = axes.first, let end = axes.last, end - first + 1 == axes.count
      else { throw Self.noForm }
      let (outer, count) = (shape[..<first].reduce(1, *), axes.reduce(1) { $0 * shape[$1] })
      let inner = shape[(end + 1)...].reduce(1, *)
      let (from, to) = (format(of: layer.inputs[0]), format(of: layer.output))
      let x = reshaped(inputs[0], to: [outer, count, 1, inner], from)
      let name = network.network.tensors[layer.output].name
      let pooled = builder.add(
        Tensor(name: "\(name)/mean", shape: [outer, 1, 1, inner], type: to.type, quantization: to.quantization))
      if reduction == .mean {
        builder.emit(
          .averagePool2D(Window(padding: .valid), height: count, width: 1, .none), type, [x], pooled, rule(layer, to))
      } else {
        let window = Window(padding: .valid)
        let ones = FloatAffine(
          window: try FloatWindow(window, shape: [outer, count, 1, inner], rows: count, columns: 1), groups: inner,
          outputs: inner, weights: Array(repeating: 1, count: count * inner), bias: Array(repeating: 0, count: inner),
          isDense: false, fileWindow: window)
        try add(ones, layer, type, x, to: pooled)
      }
      let made = addActivation(layer.output)
      if builder.tensors[made].shape == builder.tensors[pooled].shape {
        builder.alias(layer.output, pooled)
      } else {
        builder.emit(.reshape(shape: nil), "Reshape", [pooled], made)
      }
    case .softmax:
      guard network.outputs.contains(layer.output), lasts.contains(layer.inputs[0]) else {
        throw LayerFault("inside the network it needs floating point", remedy: "end the network with it")
      }
    case .move(let places, let fill):
      guard fill == 0 || !places.contains(-1), network.network.tensors[layer.output].type == .float32
      else { throw Self.noForm }
      guard Self.isWritten(operation.kind) else { return try addIndexed(places, layer, type, inputs[0]) }
      for case let constant? in operation.inputs.dropFirst().prefix(1) { inputs.append(try builder.place(constant)) }
      if case .pad = operation.kind {
        let format = format(of: layer.inputs[0])
        inputs.append(
          builder.constant("padding value", [format.zeroPoint], [1], format.type, format.quantization))
      }
      builder.emit(operation.kind, type, inputs, addActivation(layer.output))
    case .concatenation(_, let parts):
      guard case .concatenation = operation.kind, parts.allSatisfy({ $0.constant == nil }) else { throw Self.noForm }
      let format = format(of: layer.output)
      for (place, input) in layer.inputs.enumerated() where !shared.areJoined(input, layer.output) {
        let rescaled = builder.addRescaled(inputs[place], format.type, format.quantization)
        builder.emit(.unary(.composed([])), "Quant", [inputs[place]], rescaled, rule(layer, format))
        inputs[place] = rescaled
      }
      builder.emit(operation.kind, type, inputs, addActivation(layer.output))
    case .unary(let functions):
      guard !functions.contains(where: \.isJoined) else { throw Self.noForm }
      let made = addActivation(layer.output)
      builder.emit(.unary(.composed(functions)), type, inputs, made, rule(layer, format(of: layer.output)))
    }
  }

  /// A sum, difference or product with one number, or one a channel: a depthwise window of one element.
  private mutating func add(
    _ combination: FloatLayer.Combination, _ constant: FloatConstant, _ layer: FloatLayer, _ type: String, _ x: Int
  ) throws(LayerFault) {
    let shape = network.network.tensors[layer.inputs[0]].shape
    guard shape == network.network.tensors[layer.output].shape, constant.shape.dropLast().allSatisfy({ $0 == 1 }),
      let inner = shape.last, constant.numbers.count == 1 || constant.numbers.count == inner
    else { throw Self.noForm }
    let numbers = constant.numbers.count == inner ? constant.numbers : Array(repeating: constant.numbers[0], count: inner)
    let (ones, zeros) = ([Float](repeating: 1, count: inner), [Float](repeating: 0, count: inner))
    let (gains, offsets): ([Float], [Float])
    switch combination {
    case .sum: (gains, offsets) = (ones, numbers)
    case .difference: (gains, offsets) = constant.isLeft ? (ones.map { -$0 }, numbers) : (ones, numbers.map { -$0 })
    default: (gains, offsets) = (numbers, zeros)
    }
    let image = [shape.dropLast().reduce(1, *), 1, 1, inner]
    let window = Window(padding: .valid)
    let affine = FloatAffine(
      window: try FloatWindow(window, shape: image, rows: 1, columns: 1), groups: inner, outputs: inner, weights: gains,
      bias: offsets, isDense: false, fileWindow: window)
    let source = reshaped(x, to: image, format(of: layer.inputs[0]))
    let to = format(of: layer.output)
    let made = builder.add(
      Tensor(
        name: "\(network.network.tensors[layer.output].name)/image", shape: image, type: to.type,
        quantization: to.quantization))
    try add(affine, layer, type, source, to: made)
    builder.emit(.reshape(shape: nil), "Reshape", [made], addActivation(layer.output))
  }

  private static let noForm = LayerFault(
    "it has no exact form in fixed point, with scales that are powers of two", remedy: "quantise to int8 (--to int8)")

  /// Moves that QONNX says as they are.
  private static func isWritten(_ kind: Operation.Kind) -> Bool {
    switch kind {
    case .reshape, .squeeze, .expandDimensions, .transpose, .pad: true
    default: false
    }
  }

  /// Other moves take elements by their places along each axis.
  private mutating func addIndexed(
    _ places: [Int32], _ layer: FloatLayer, _ type: String, _ x: Int
  ) throws(LayerFault) {
    let (from, to) = (builder.tensors[x].shape, network.network.tensors[layer.output].shape)
    guard from.count == to.count, let maps = Self.maps(of: places, from: from, to: to) else { throw Self.noForm }
    let made = addActivation(layer.output)
    var source = x
    let changed = maps.indices.filter { maps[$0] != Array(0..<from[$0]) }
    for axis in changed {
      var tensor = builder.tensors[source]
      tensor.shape[axis] = maps[axis].count
      tensor.name = "\(builder.tensors[made].name)/axis\(axis)"
      let target = axis == changed.last ? made : builder.add(tensor)
      let whole = tensor.shape.indices.map { $0 == axis ? maps[axis] : Array(0..<tensor.shape[$0]) }
      builder.emit(.indexed(whole), type, [source], target)
      source = target
    }
    if changed.isEmpty { builder.alias(layer.output, x) }
  }

  /// The places along each axis of the source that elements are taken from; nil where these depend on other axes.
  private static func maps(of places: [Int32], from: [Int], to: [Int]) -> [[Int]]? {
    let (sources, targets) = (rowMajorStrides(from), rowMajorStrides(to))
    guard !places.isEmpty, places.allSatisfy({ $0 >= 0 }) else { return nil }
    let maps = to.indices.map { axis in
      (0..<to[axis]).map { Int(places[$0 * targets[axis]]) / sources[axis] % from[axis] }
    }
    for (element, place) in places.enumerated() {
      let expected = to.indices.reduce(0) { $0 + maps[$1][element / targets[$1] % to[$1]] * sources[$1] }
      guard expected == Int(place) else { return nil }
    }
    return maps
  }

  private mutating func reshaped(_ x: Int, to shape: [Int], _ format: Format) -> Int {
    guard builder.tensors[x].shape != shape else { return x }
    let made = builder.add(
      Tensor(
        name: "\(builder.tensors[x].name)/reshaped", shape: shape, type: format.type, quantization: format.quantization)
    )
    builder.emit(.reshape(shape: nil), "Reshape", [x], made)
    return made
  }

  private mutating func add(
    _ affine: FloatAffine, _ layer: FloatLayer, _ type: String, _ x: Int, to part: Int? = nil
  ) throws(LayerFault) {
    let source = format(of: layer.inputs[0])
    let factor = Float(inputFactors[shared.representative(layer.inputs[0])] ?? 1)
    let reals = affine.weights.map { $0 * factor }
    let largest = reals.reduce(0) { max($0, abs($1)) }
    guard largest.isFinite else { throw LayerFault("its weights pass single precision") }
    var weightScale = Self.bestScale(reals, largest: largest, bits: weightBits, isSigned: true)
    // No bias, with the half code for rounding, takes more than half of the accumulator, however small the weights.
    let most = affine.bias.reduce(0) { max($0, abs($1)) } + self.largest(ofClassOf: layer.output)
    while weightScale < 1, most / (source.scale * weightScale) >= 0x1p30 { weightScale *= 2 }
    let top = Float((1 << (weightBits - 1)) - 1)
    let codes = reals.map { Int64(min(max(($0 / weightScale).rounded(), -top - 1), top)) }
    let weightType = ElementType.integer(bits: weightBits, signed: true)
    let unit = source.scale * weightScale
    let target = format(of: layer.output, leastScale: unit.significand == 1 ? unit : 0)

    // Rounding half up is ⌊x + ½⌋: half a code goes into the bias. Unsigned codes have a mode for it.
    let isShift = unit.significand == 1
    let rounding: Quantizer.Rounding = isShift ? .floor : .halfEven
    let half = target.isSigned && isShift && target.scale > unit ? Double(target.scale / unit) / 2 : 0
    var biases: [Int64] = []
    for (channel, bias) in affine.bias.enumerated() {
      // To single precision, in which files hold it.
      let code = Float((Double(bias) / Double(unit)).rounded() + half)
      guard abs(code) < 0x1p31 else {
        throw LayerFault("the bias of channel \(channel), \(bias), is over 2^31 units of \(unit)")
      }
      biases.append(Int64(code))
    }
    let name = network.network.tensors[layer.output].name
    let outputs = affine.outputs
    let bias = builder.constant("\(name)/bias", biases, [outputs], .int32)
    let quantization = Quantization(scales: [weightScale], zeroPoints: [0])
    let quantizer = rule(layer, target, rounding)
    let made = part ?? addActivation(layer.output)
    if affine.isDense {
      let weights = builder.constant("\(name)/weights", codes, [outputs, affine.length], weightType, quantization)
      let (from, to) = (builder.tensors[x].shape, builder.tensors[made].shape)
      if from.last == affine.length, to == Array(from.dropLast()) + [outputs] {
        builder.emit(.fullyConnected(keepsDimensions: true, .none), type, [x, weights, bias], made, quantizer)
        return
      }
      let flat = reshaped(x, to: [affine.window.batch, affine.length], source)
      guard to != [affine.window.batch, outputs] else {
        builder.emit(.fullyConnected(keepsDimensions: true, .none), type, [flat, weights, bias], made, quantizer)
        return
      }
      let dense = builder.add(
        Tensor(
          name: "\(name)/dense", shape: [affine.window.batch, outputs], type: target.type,
          quantization: target.quantization))
      builder.emit(.fullyConnected(keepsDimensions: true, .none), type, [flat, weights, bias], dense, quantizer)
      builder.emit(.reshape(shape: nil), "Reshape", [dense], made)
      return
    }
    guard let window = affine.fileWindow else { return }
    let geometry = affine.window
    let weights = builder.constant(
      "\(name)/weights", codes, [outputs, geometry.rows, geometry.columns, geometry.channels / affine.groups],
      weightType, quantization)
    builder.emit(.conv2D(window, .none), type, [x, weights, bias], made, quantizer)
  }
}
