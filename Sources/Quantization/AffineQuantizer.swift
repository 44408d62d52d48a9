import Network

/// A float network → TensorFlow Lite's int8, by its specification of 8-bit quantisation: `real = scale · (code − zero
/// point)`; weights symmetric in −127 … 127, a scale for each output channel; biases int32 in units of input scale times
/// weight scale.
struct AffineQuantizer {
  let network: FloatNetwork
  let calibration: Calibration
  let input: InputCodes
  let rule: RangeRule
  private let shared: SharedCodes
  private var builder: QuantizedNetworkBuilder
  private var quantizations: [Int: Quantization] = [:]

  init(network: FloatNetwork, calibration: Calibration, input: InputCodes, rule: RangeRule) {
    self.network = network
    self.calibration = calibration
    self.input = input
    self.rule = rule
    let functions = network.layers.filter { Self.ownCodes(of: $0) != nil }.map(\.output)
    // RELU6 clamps codes as they are, and does not rescale.
    shared = SharedCodes(network, fixed: Set(functions + (input == .reals ? [] : [network.input]))) { $0 == [.clamp(0, 6)] }
    builder = QuantizedNetworkBuilder(network.network)
  }

  mutating func quantized() throws -> Network {
    var issues: [LayerIssue] = []
    let source: Int
    do throws(LayerFault) { source = try addActivation(network.input) } catch {
      throw NetworkError([LayerIssue(reason: "the network's input: \(error.reason)", remedy: error.remedy)])
    }
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
        _ = try? addActivation(layer.output)
      }
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    return Network(
      name: network.network.name, tensors: builder.tensors, operations: builder.operations, inputs: [source],
      outputs: [try builder.place(network.output)])
  }

  // MARK: Activations

  private mutating func addActivation(_ tensor: Int) throws(LayerFault) -> Int {
    builder.add(tensor, .int8, try quantization(of: tensor))
  }

  private mutating func quantization(of tensor: Int) throws(LayerFault) -> Quantization {
    let representative = shared.representative(tensor)
    if let known = quantizations[representative] { return known }
    let found = try choose(shared.members(of: representative))
    quantizations[representative] = found
    return found
  }

  /// The codes of functions that TensorFlow Lite has tables for.
  private static func ownCodes(of layer: FloatLayer) -> Quantization? {
    switch layer.kind {
    case .softmax, .unary([.logistic]): Quantization(scales: [1.0 / 256], zeroPoints: [-128])
    case .unary(let functions):
      switch functions {
      case [.tanh]: Quantization(scales: [1.0 / 128], zeroPoints: [0])
      // From 0 to 1, and nothing beyond.
      case let functions where functions.count == 1 && functions[0].isHardSigmoid:
        Quantization(scales: [1.0 / 255], zeroPoints: [-128])
      default: nil
      }
    default: nil
    }
  }

  private func choose(_ members: [Int]) throws(LayerFault) -> Quantization {
    for layer in network.layers where members.contains(layer.output) {
      if let own = Self.ownCodes(of: layer) { return own }
    }
    var range = rule.range(members.compactMap { calibration.tensors[$0] })
    if members.contains(network.input), case .pixels(let low, let high) = input { range = low...high }
    // Zero must have a code: padding and ReLU need it.
    let (low, high) = (min(range.lowerBound, 0), max(range.upperBound, 0))
    let scale = (high - low) / 255
    guard scale.isFinite else { throw LayerFault("its range \(low) … \(high) passes single precision") }
    guard scale > 0 else { return Quantization(scales: [1], zeroPoints: [0]) }
    return Quantization(scales: [scale], zeroPoints: [min(max(Int64((-128 - low / scale).rounded()), -128), 127)])
  }

  // MARK: Layers

  private mutating func add(_ layer: FloatLayer, _ operation: Operation) throws(LayerFault) {
    var inputs: [Int] = []
    for input in layer.inputs { inputs.append(try builder.place(input)) }
    let activation = layer.activation
    switch layer.kind {
    case .affine(let affine): try add(affine, layer, operation, inputs[0])
    case .combine(let combination, _, _):
      let kind: Operation.Kind
      switch combination {
      case .sum: kind = .add(activation)
      case .difference: kind = .subtract(activation)
      case .product: kind = .multiply(activation)
      case .maximum, .minimum:
        try rescale(&inputs, of: layer)
        kind = operation.kind
      }
      builder.emit(kind, operation.typeName, inputs, try addActivation(layer.output))
    case .average(let window):
      let made = try addActivation(layer.output)
      guard case .averagePool2D(let file, let height, let width, _) = operation.kind else { return }
      let scheme = try self.scheme(file, window, rows: height, columns: width)
      guard let scheme else {
        throw LayerFault(
          "its windows reach outside the image unevenly, which AVERAGE_POOL_2D cannot say",
          remedy: "average without padding, or with a window and stride whose padding is TensorFlow's SAME")
      }
      builder.emit(
        .averagePool2D(scheme, height: height, width: width, activation), operation.typeName, inputs, made)
    case .maximum(let window):
      let codes = try quantization(of: layer.output)
      guard case .maxPool2D(let file, let height, let width, _) = operation.kind else { return }
      var scheme = try self.scheme(file, window, rows: height, columns: width)
      if scheme == nil {
        // Padding with the code of 0 is padding with the least where nothing is below.
        guard codes.zeroPoints == [-128] else {
          throw LayerFault("it pads its input unevenly, and that can be negative", remedy: "put a ReLU in front of it")
        }
        inputs[0] = pad(inputs[0], window, codes)
        scheme = valid(file)
      }
      let made = try addActivation(layer.output)
      builder.emit(
        .maxPool2D(scheme ?? file, height: height, width: width, activation), operation.typeName, inputs, made)
    case .mean(let axes, _, _, _):
      let listed = builder.constant("axes", axes.map(Int64.init), [axes.count], .int32)
      guard case .mean(let keepsDimensions) = operation.kind else { return }
      builder.emit(
        .mean(keepsDimensions: keepsDimensions), operation.typeName, inputs + [listed], try addActivation(layer.output))
    case .softmax(let beta, _):
      builder.emit(.softmax(beta: beta), operation.typeName, inputs, try addActivation(layer.output))
    case .move:
      if case .indexed(let maps) = operation.kind { return try add(maps, layer, inputs[0]) }
      if case .stridedSlice = operation.kind {
        for case let constant? in operation.inputs.dropFirst() { inputs.append(try builder.place(constant)) }
        return builder.emit(operation.kind, operation.typeName, inputs, try addActivation(layer.output))
      }
      // Shapes, permutations and amounts are the file's; zero is what PAD fills with by itself.
      for case let constant? in operation.inputs.dropFirst().prefix(1) { inputs.append(try builder.place(constant)) }
      builder.emit(operation.kind, operation.typeName, inputs, try addActivation(layer.output))
    case .concatenation:
      try rescale(&inputs, of: layer)
      builder.emit(operation.kind, operation.typeName, inputs, try addActivation(layer.output))
    case .unary(let functions):
      let function: UnaryFunction
      switch functions {
      case [.logistic]: function = .logistic
      case [.tanh]: function = .tanh
      case [.hardSwish]: function = .hardSwish
      case [.clamp(0, .infinity)]: function = .relu
      case [.clamp(0, 6)]: function = .relu6
      default:
        guard functions.count == 1 else { throw Self.noOperator }
        switch functions[0] {
        case .leakyRelu(let alpha): function = .leakyRelu(alpha: alpha)
        case .hardSigmoid(let alpha, let beta): return try addHardSigmoid(layer, inputs[0], alpha: alpha, beta: beta)
        case .elu(alpha: 1): function = .real(functions[0])
        case .exponential, .absolute: function = .real(functions[0])
        case .scaled(by: -1, plus: 0): function = .real(.negated)
        default: throw Self.noOperator
        }
      }
      builder.emit(.unary(function), operation.typeName, inputs, try addActivation(layer.output))
    }
  }

  private mutating func add(
    _ affine: FloatAffine, _ layer: FloatLayer, _ operation: Operation, _ x: Int
  ) throws(LayerFault) {
    let inputCodes = try quantization(of: layer.inputs[0])
    let inputScale = Double(inputCodes.scales[0])
    let (outputs, length) = (affine.outputs, affine.length)
    var scales: [Float] = []
    var codes: [Int64] = []
    var biases: [Int64] = []
    for output in 0..<outputs {
      let weights = affine.weights[output * length..<(output + 1) * length]
      let largest = weights.reduce(0) { max($0, abs($1)) }
      // No bias takes more than half of the accumulator.
      let least = Float(abs(Double(affine.bias[output])) / (inputScale * 0x1p30))
      var scale = max(largest / 127, least)
      if !(scale > 0) { scale = 1 }
      guard scale.isFinite else { throw LayerFault("the weights of channel \(output) pass single precision") }
      scales.append(scale)
      for weight in weights { codes.append(Int64(min(max((weight / scale).rounded(), -127), 127))) }
      biases.append(Int64((Double(affine.bias[output]) / (inputScale * Double(scale))).rounded()))
    }
    let name = network.network.tensors[layer.output].name
    let bias = builder.constant(
      "\(name)/bias", biases, [outputs], .int32,
      Quantization(
        scales: scales.map { Float(inputScale * Double($0)) }, zeroPoints: Array(repeating: 0, count: outputs)))
    func perChannel(_ axis: Int) -> Quantization {
      Quantization(scales: scales, zeroPoints: Array(repeating: 0, count: outputs), axis: axis)
    }
    if affine.isDense {
      let weights = builder.constant("\(name)/weights", codes, [outputs, length], .int8, perChannel(0))
      let (from, to) = (network.network.tensors[layer.inputs[0]].shape, network.network.tensors[layer.output].shape)
      builder.emit(
        .fullyConnected(
          keepsDimensions: to.count != 2 && to.dropLast() == from.dropLast(), layer.activation), operation.typeName,
        [x, weights, bias], try addActivation(layer.output))
      return
    }
    guard let file = affine.fileWindow else { return }
    let geometry = affine.window
    var source = x
    var scheme = try self.scheme(file, geometry, rows: geometry.rows, columns: geometry.columns)
    if scheme == nil {
      source = pad(x, geometry, inputCodes)
      scheme = valid(file)
    }
    let made = try addActivation(layer.output)
    if affine.groups == geometry.channels, affine.groups > 1 {
      // [out, row, column] → [row, column, out].
      let taps = geometry.rows * geometry.columns
      let laid = (0..<taps).flatMap { tap in (0..<outputs).map { codes[$0 * taps + tap] } }
      let weights = builder.constant(
        "\(name)/weights", laid, [1, geometry.rows, geometry.columns, outputs], .int8, perChannel(3))
      builder.emit(
        .depthwiseConv2D(scheme ?? file, depthMultiplier: outputs / affine.groups, layer.activation),
        operation.typeName, [source, weights, bias], made)
    } else {
      let weights = builder.constant(
        "\(name)/weights", codes, [outputs, geometry.rows, geometry.columns, geometry.channels / affine.groups], .int8,
        perChannel(0))
      builder.emit(.conv2D(scheme ?? file, layer.activation), operation.typeName, [source, weights, bias], made)
    }
  }

  /// Brings inputs to the codes of a layer's output that must share them.
  private mutating func rescale(_ inputs: inout [Int], of layer: FloatLayer) throws(LayerFault) {
    let codes = try quantization(of: layer.output)
    for (place, input) in layer.inputs.enumerated() where !shared.areJoined(input, layer.output) {
      let rescaled = builder.addRescaled(inputs[place], .int8, codes)
      builder.emit(.quantize, "QUANTIZE", [inputs[place]], rescaled)
      inputs[place] = rescaled
    }
  }

  private static let noOperator = LayerFault(
    "it is a function that is no operator of TensorFlow Lite",
    remedy: "put Relu, LeakyRelu, HardSwish, HardSigmoid, Sigmoid, Tanh or Elu in its place, or quantise to fixed-point")

  /// clamp(α · x + β, 0, 1): a product and a sum with constants, whose codes end at 0 and 1.
  private mutating func addHardSigmoid(
    _ layer: FloatLayer, _ x: Int, alpha: Float, beta: Float
  ) throws(LayerFault) {
    let codes = try quantization(of: layer.inputs[0])
    guard alpha > 0, beta > 0, alpha.isFinite, beta.isFinite, codes.scales.count == 1 else { throw Self.noOperator }
    let name = network.network.tensors[layer.output].name
    func constant(_ value: Float, _ role: String) -> Int {
      builder.constant(
        "\(name)/\(role)", [127], [1], .int8, Quantization(scales: [value / 127], zeroPoints: [0]))
    }
    let slope = constant(alpha, "slope")
    let product = builder.add(
      Tensor(
        name: "\(name)/product", shape: builder.tensors[x].shape, type: .int8,
        quantization: Quantization(scales: [codes.scales[0] * alpha], zeroPoints: codes.zeroPoints)))
    builder.emit(.multiply(.none), "MUL", [x, slope], product)
    builder.emit(.add(.none), "ADD", [product, constant(beta, "offset")], try addActivation(layer.output))
  }

  /// Elements taken by index: GATHER along each axis that is not taken whole.
  private mutating func add(_ maps: [[Int]], _ layer: FloatLayer, _ x: Int) throws(LayerFault) {
    let made = try addActivation(layer.output)
    var source = x
    let changed = maps.indices.filter { maps[$0] != Array(0..<builder.tensors[x].shape[$0]) }
    for axis in changed {
      var tensor = builder.tensors[source]
      tensor.shape[axis] = maps[axis].count
      tensor.name = "\(builder.tensors[made].name)/axis\(axis)"
      let target = axis == changed.last ? made : builder.add(tensor)
      let indices = builder.constant("indices", maps[axis].map(Int64.init), [maps[axis].count], .int32)
      builder.emit(.gather(axis: axis, batchDimensions: 0), "GATHER", [source, indices], target)
      source = target
    }
    if changed.isEmpty { builder.alias(layer.output, x) }
  }

  // MARK: Padding

  /// The window with the padding scheme SAME or VALID; nil where it pads otherwise.
  private func scheme(
    _ file: Window, _ geometry: FloatWindow, rows: Int, columns: Int
  ) throws(LayerFault) -> Window? {
    if !geometry.isPadded { return valid(file) }
    var same = file
    same.padding = .same
    let shape = [geometry.batch, geometry.height, geometry.width, geometry.channels]
    let padded = try FloatWindow(same, shape: shape, rows: rows, columns: columns)
    let isSame =
      (padded.top, padded.left, padded.bottom, padded.right)
      == (geometry.top, geometry.left, geometry.bottom, geometry.right)
    return isSame ? same : nil
  }

  private func valid(_ window: Window) -> Window {
    var window = window
    window.padding = .valid
    return window
  }

  /// A PAD in front of a window.
  private mutating func pad(_ x: Int, _ geometry: FloatWindow, _ codes: Quantization) -> Int {
    let amounts = [0, 0, geometry.top, geometry.bottom, geometry.left, geometry.right, 0, 0].map(Int64.init)
    let constant = builder.constant("pads", amounts, [4, 2], .int32)
    let made = builder.add(
      Tensor(
        name: "\(builder.tensors[x].name)/padded",
        shape: [
          geometry.batch, geometry.height + geometry.top + geometry.bottom,
          geometry.width + geometry.left + geometry.right, geometry.channels,
        ], type: .int8, quantization: codes))
    builder.emit(.pad, "PAD", [x, constant], made)
    return made
  }
}

extension RealFunction {
  fileprivate var isHardSigmoid: Bool { if case .hardSigmoid = self { true } else { false } }
}
