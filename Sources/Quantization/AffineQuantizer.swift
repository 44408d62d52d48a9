import Network

/// A float network → TensorFlow Lite's int8, by its specification of 8-bit quantisation: `real = scale · (code − zero
/// point)`; weights symmetric in −127 … 127, a scale for each output channel; biases int32 in units of input scale times
/// weight scale.
struct AffineQuantizer {
  let network: FloatNetwork
  let calibration: Calibration
  /// What the codes of each input tensor are.
  let inputs: [Int: InputCodes]
  let rule: RangeRule
  private let shared: SharedCodes
  /// Below what nothing counts, for each tensor.
  let floors: [Float]
  /// The elements of an input that tensors of indices are.
  private var indexPlaces: [Int: (input: Int, places: [Int32])] = [:]
  var builder: QuantizedNetworkBuilder
  private var quantizations: [Int: Quantization] = [:]

  init(network: FloatNetwork, calibration: Calibration, inputs: [Int: InputCodes], rule: RangeRule) {
    let network = network.joiningFunctions()
    self.network = network
    floors = network.floors(calibration)
    self.calibration = calibration
    self.inputs = inputs
    self.rule = rule
    let functions = network.layers.filter { Self.ownCodes(of: $0) != nil }.map(\.output)
    // RELU6 clamps codes as they are, and does not rescale.
    let pixels = network.inputs.filter { if case .pixels? = inputs[$0] { true } else { false } }
    shared = SharedCodes(network, fixed: Set(functions + pixels), separatesMeans: true) { $0 == [.clamp(0, 6)] }
    builder = QuantizedNetworkBuilder(network.network)
  }

  mutating func quantized() throws -> Network {
    var issues: [LayerIssue] = []
    var sources: [Int] = []
    for input in network.inputs {
      do throws(LayerFault) { sources.append(try addActivation(input)) } catch {
        let name = network.network.tensors[input].name.printable()
        throw NetworkError([LayerIssue(reason: "the network's input \"\(name)\": \(error.reason)", remedy: error.remedy)])
      }
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
      name: network.network.name, tensors: builder.tensors, operations: builder.operations, inputs: sources,
      outputs: try network.outputs.map { try builder.place($0) })
  }

  // MARK: Activations

  mutating func addActivation(_ tensor: Int) throws(LayerFault) -> Int {
    if network.indices[tensor] != nil {
      indexPlaces[tensor] = (tensor, (0..<Int32(network.network.tensors[tensor].count)).map { $0 })
      return builder.addIndices(tensor)
    }
    return network.network.tensors[tensor].type == .boolean
      ? builder.addTruth(tensor) : builder.add(tensor, .int8, try quantization(of: tensor))
  }

  mutating func quantization(of tensor: Int) throws(LayerFault) -> Quantization {
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
    case .logarithmicSoftmax: Quantization(scales: [1.0 / 16], zeroPoints: [127])
    case .normalized: Quantization(scales: [1.0 / 128], zeroPoints: [0])
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
    let floor = members.reduce(Float.infinity) { min($0, floors[$1]) }
    // What stands for −∞ has the floor's code, where there is a floor, else the lowest.
    if floor.isFinite, floor > range.lowerBound || members.contains(where: { calibration.tensors[$0]?.reachesDown == true }) {
      range = min(floor, range.upperBound)...range.upperBound
    }
    // Whatever constants are joined has codes, too; what is infinite saturates.
    for layer in network.layers where members.contains(layer.output) {
      for number in layer.joinedConstants where abs(number) < Calibration.infinite && number > floor {
        range = min(range.lowerBound, number)...max(range.upperBound, number)
      }
    }
    for member in members { if case .pixels(let low, let high)? = inputs[member] { range = low...high } }
    return try Self.quantization(covering: range)
  }

  /// The codes of a range.
  static func quantization(covering range: ClosedRange<Float>) throws(LayerFault) -> Quantization {
    // Zero must have a code: padding and ReLU need it.
    let (low, high) = (min(range.lowerBound, 0), max(range.upperBound, 0))
    let scale = (high - low) / 255
    guard scale.isFinite else { throw LayerFault("its range \(low) … \(high) passes single precision") }
    guard scale > 0 else { return Quantization(scales: [1], zeroPoints: [0]) }
    return Quantization(scales: [scale], zeroPoints: [min(max(Int64((-128 - low / scale).rounded()), -128), 127)])
  }

  // MARK: Layers

  private mutating func add(_ layer: FloatLayer, _ operation: Operation) throws(LayerFault) {
    if network.indices[layer.output] != nil { return addIndices(layer) }
    var inputs: [Int] = []
    for input in layer.inputs { inputs.append(try builder.place(input)) }
    let activation = layer.activation
    switch layer.kind {
    case .affine(let affine): try add(affine, layer, operation, inputs[0])
    case .transposed(let transposed): try add(transposed, layer, operation, inputs[0])
    case .combine(let combination, _, _): try add(combination, layer, operation, inputs)
    case .select(let operands, _): try add(operands, layer, operation, inputs)
    case .product:
      if let factor = layer.constant {
        let name = network.network.tensors[layer.output].name
        inputs.insert(try constant("\(name)/factor", factor.numbers, factor.shape), at: factor.isLeft ? 0 : 1)
      }
      builder.emit(operation.kind, operation.typeName, inputs, try addActivation(layer.output))
    case .average(let window):
      let made = try addActivation(layer.output)
      if window.isWhole, activation == .none {
        let axes = builder.constant("axes", [1, 2], [2], .int32)
        return builder.emit(.mean(keepsDimensions: true), "MEAN", [inputs[0], axes], made)
      }
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
        // Where 0 is not the least, padding has the lowest code.
        let lowest = codes.zeroPoints == [-128] ? nil : builder.constant("lowest", [-128], [1], .int8, codes)
        inputs[0] = pad(inputs[0], window, codes, with: lowest)
        scheme = valid(file)
      }
      let made = try addActivation(layer.output)
      builder.emit(
        .maxPool2D(scheme ?? file, height: height, width: width, activation), operation.typeName, inputs, made)
    case .reduce(_, let axes, _, _):
      let listed = builder.constant("axes", axes.map(Int64.init), [axes.count], .int32)
      builder.emit(operation.kind, operation.typeName, inputs + [listed], try addActivation(layer.output))
    case .bilinear:
      builder.emit(
        operation.kind, operation.typeName, try builder.operands(of: operation, inputs), [try addActivation(layer.output)])
    case .softmax(let beta, _):
      builder.emit(.softmax(beta: beta), operation.typeName, inputs, try addActivation(layer.output))
    case .move:
      if case .indexed(let maps) = operation.kind { return try add(maps, layer, inputs[0]) }
      // One operation makes all its parts.
      guard layer.part == 0 else { return }
      // Shapes, permutations and amounts are the file's; zero is what PAD fills with by itself.
      var moved = operation
      var operands: [Int?] = []
      if case .pad = operation.kind, case .move(_, let fill) = layer.kind {
        moved.inputs = Array(moved.inputs.prefix(2))
        operands = try builder.operands(of: moved, inputs)
        if fill != 0 { operands.append(try constant("padding value", [fill], [1], quantization(of: layer.output))) }
      } else {
        operands = try builder.operands(of: moved, inputs)
      }
      var made: [Int] = []
      for output in operation.outputs { made.append(try addActivation(output)) }
      let isFilled = operands.count > 2 && moved.inputs.count == 2
      builder.emit(operation.kind, isFilled ? "PADV2" : operation.typeName, operands, made)
    case .concatenation(_, let parts):
      try rescale(&inputs, of: layer)
      let (codes, name) = (try quantization(of: layer.output), network.network.tensors[layer.output].name)
      let operands = try listed(parts.map(\.constant), inputs) { (constant, place) throws(LayerFault) in
        try self.constant("\(name)/constant\(place)", constant.numbers, constant.shape, codes)
      }
      builder.emit(operation.kind, operation.typeName, operands, [try addActivation(layer.output)])
    case .unary(let functions): try add(functions, layer, operation, inputs[0])
    case .logarithmicSoftmax: builder.emit(.logSoftmax, operation.typeName, inputs, try addActivation(layer.output))
    case .normalized: builder.emit(.normalize, operation.typeName, inputs, try addActivation(layer.output))
    case .cumulative(let axes, let isExclusive, let isReverse):
      try addRunningSum(axes, layer, inputs[0], isExclusive: isExclusive, isReverse: isReverse)
    case .rows(let outer, let count, let inner, let table):
      try addRows(layer, operation, table, [outer, count, inner])
    // The codes of whole numbers stand for real ones already.
    case .cast: builder.alias(layer.output, inputs[0])
    case .denied: builder.emit(.logical(.not), operation.typeName, inputs, try addActivation(layer.output))
    }
  }

  private mutating func add(
    _ affine: FloatAffine, _ layer: FloatLayer, _ operation: Operation, _ x: Int
  ) throws(LayerFault) {
    let inputCodes = try quantization(of: layer.inputs[0])
    let (outputs, length) = (affine.outputs, affine.length)
    let (codes, bias, perChannel) = try parameters(affine.weights, affine.bias, layer)
    let name = network.network.tensors[layer.output].name
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

  /// Weights as codes, for each output channel in a row, with a scale each; the tensor of the biases; and how an axis of
  /// the weights is quantised that counts the output channels.
  mutating func parameters(
    _ weights: [Float], _ bias: [Float], _ layer: FloatLayer
  ) throws(LayerFault) -> (codes: [Int64], bias: Int, perChannel: (_ axis: Int) -> Quantization) {
    let inputScale = Double(try quantization(of: layer.inputs[0]).scales[0])
    let (outputs, length) = (bias.count, weights.count / max(1, bias.count))
    var scales: [Float] = []
    var codes: [Int64] = []
    var biases: [Int64] = []
    for output in 0..<outputs {
      let row = weights[output * length..<(output + 1) * length]
      let largest = row.reduce(0) { max($0, abs($1)) }
      // No bias takes more than half of the accumulator.
      let least = Float(abs(Double(bias[output])) / (inputScale * 0x1p30))
      var scale = max(largest / 127, least)
      if !(scale > 0) { scale = 1 }
      guard scale.isFinite else { throw LayerFault("the weights of channel \(output) pass single precision") }
      scales.append(scale)
      for weight in row { codes.append(Int64(min(max((weight / scale).rounded(), -127), 127))) }
      biases.append(Int64((Double(bias[output]) / (inputScale * Double(scale))).rounded()))
    }
    let zeros = [Int64](repeating: 0, count: outputs)
    let tensor = builder.constant(
      "\(network.network.tensors[layer.output].name)/bias", biases, [outputs], .int32,
      Quantization(scales: scales.map { Float(inputScale * Double($0)) }, zeroPoints: zeros))
    return (codes, tensor, { [scales] in Quantization(scales: scales, zeroPoints: zeros, axis: $0) })
  }

  /// Brings inputs to the codes of a layer's output that must share them.
  mutating func rescale(_ inputs: inout [Int], of layer: FloatLayer) throws(LayerFault) {
    let codes = try quantization(of: layer.output)
    for (place, input) in layer.inputs.enumerated()
    where network.network.tensors[input].type != .boolean && !shared.areJoined(input, layer.output) {
      let rescaled = builder.addRescaled(inputs[place], .int8, codes)
      builder.emit(.quantize, "QUANTIZE", [inputs[place]], rescaled)
      inputs[place] = rescaled
    }
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

  // MARK: Indices

  /// Indices that have moved are still an input's: who chooses rows by them moves the rows.
  private mutating func addIndices(_ layer: FloatLayer) {
    guard case .move(let places, _) = layer.kind, let known = indexPlaces[layer.inputs[0]],
      let input = try? builder.place(known.input)
    else { return }
    indexPlaces[layer.output] = (known.input, places.map { $0 < 0 ? $0 : known.places[Int($0)] })
    builder.alias(layer.output, input)
  }

  /// Rows of a table that an input's indices choose, along the middle one of three axes.
  private mutating func addRows(
    _ layer: FloatLayer, _ operation: Operation, _ table: [Float], _ axes: [Int]
  ) throws(LayerFault) {
    guard let indices = indexPlaces[layer.inputs[0]], indices.places.allSatisfy({ $0 >= 0 }) else {
      throw LayerFault("its indices are padded, or no input's", remedy: "pad the input itself")
    }
    let codes = try quantization(of: layer.output)
    let (outer, inner) = (axes[0], axes[2])
    let name = network.network.tensors[layer.output].name
    let rows = try constant("\(name)/table", table, axes, codes)
    let input = try builder.place(indices.input)
    let count = builder.tensors[input].count
    func emitted(_ role: String, _ shape: [Int], _ indices: Int, _ source: Int) -> Int {
      let made = builder.add(Tensor(name: "\(name)/\(role)", shape: shape, type: .int8, quantization: codes))
      builder.emit(.gather(axis: 1, batchDimensions: 0), "GATHER", [source, indices], made)
      return made
    }
    let shape = [outer] + builder.tensors[input].shape + [inner]
    var chosen = emitted("rows", shape, input, rows)
    if indices.places != (0..<Int32(count)).map({ $0 }) {
      let flat = builder.add(Tensor(name: "\(name)/flat", shape: [outer, count, inner], type: .int8, quantization: codes))
      builder.emit(.reshape(shape: nil), "RESHAPE", [chosen], flat)
      let places = builder.constant("places", indices.places.map(Int64.init), [indices.places.count], .int32)
      chosen = emitted("moved", [outer, indices.places.count, inner], places, flat)
    }
    builder.emit(.reshape(shape: nil), "RESHAPE", [chosen], try addActivation(layer.output))
  }

  /// CUMSUM is of no int8 in TensorFlow Lite: a depthwise window of ones over all that lies before, or behind.
  private mutating func addRunningSum(
    _ axes: [Int], _ layer: FloatLayer, _ x: Int, isExclusive: Bool, isReverse: Bool
  ) throws(LayerFault) {
    let (count, inner) = (axes[1], axes[2])
    let (codes, name) = (try quantization(of: layer.inputs[0]), network.network.tensors[layer.output].name)
    let reach = count - 1
    func added(_ role: String, _ height: Int, _ quantization: Quantization) -> Int {
      builder.add(
        Tensor(name: "\(name)/\(role)", shape: [axes[0], height, 1, inner], type: .int8, quantization: quantization))
    }
    let image = added("image", count, codes)
    builder.emit(.reshape(shape: nil), "RESHAPE", [x], image)
    let padded = added("padded", count + reach, codes)
    let amounts = [0, 0, isReverse ? 0 : reach, isReverse ? reach : 0, 0, 0, 0, 0]
    builder.emit(.pad, "PAD", [image, builder.constant("pads", amounts.map(Int64.init), [4, 2], .int32)], padded)
    var ones = [Float](repeating: 1, count: (reach + 1) * inner)
    // Each channel's taps in a row; the element itself is the last, or the first, and no part of an exclusive sum.
    if isExclusive { for channel in 0..<inner { ones[channel * (reach + 1) + (isReverse ? 0 : reach)] = 0 } }
    let (weights, bias, perChannel) = try parameters(ones, Array(repeating: 0, count: inner), layer)
    let laid = (0...reach).flatMap { tap in (0..<inner).map { weights[$0 * (reach + 1) + tap] } }
    let kernel = builder.constant("\(name)/ones", laid, [1, reach + 1, 1, inner], .int8, perChannel(3))
    let sums = added("sums", count, try quantization(of: layer.output))
    builder.emit(
      .depthwiseConv2D(Window(padding: .valid), depthMultiplier: 1, .none), "DEPTHWISE_CONV_2D",
      [padded, kernel, bias], sums)
    builder.emit(.reshape(shape: nil), "RESHAPE", [sums], try addActivation(layer.output))
  }

  /// Constants, which `make` makes of their numbers and places, in between `inputs`, which stand where there is none.
  func listed(
    _ constants: [FloatConstant?], _ inputs: [Int], _ make: (FloatConstant, Int) throws(LayerFault) -> Int
  ) throws(LayerFault) -> [Int?] {
    var next = inputs[...]
    var listed: [Int?] = []
    for constant in constants {
      if let constant { listed.append(try make(constant, listed.count)) } else { listed.append(next.popFirst()) }
    }
    return listed
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

  func valid(_ window: Window) -> Window {
    var window = window
    window.padding = .valid
    return window
  }

  /// A PAD in front of a window.
  private mutating func pad(_ x: Int, _ geometry: FloatWindow, _ codes: Quantization, with code: Int? = nil) -> Int {
    let amounts = [0, 0, geometry.top, geometry.bottom, geometry.left, geometry.right, 0, 0].map(Int64.init)
    let constant = builder.constant("pads", amounts, [4, 2], .int32)
    let made = builder.add(
      Tensor(
        name: "\(builder.tensors[x].name)/padded",
        shape: [
          geometry.batch, geometry.height + geometry.top + geometry.bottom,
          geometry.width + geometry.left + geometry.right, geometry.channels,
        ], type: .int8, quantization: codes))
    builder.emit(.pad, code == nil ? "PAD" : "PADV2", [x, constant] + (code.map { [$0] } ?? []), made)
    return made
  }
}
