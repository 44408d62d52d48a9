import Network

// Layers as ONNX's operators, each with its quantiser behind it.
extension ONNXWriter {
  mutating func add(_ operation: Operation) throws(ONNXExportFault) {
    guard operation.outputs.count == 1 else {
      throw ONNXExportFault("it has \(operation.outputs.count) outputs, not one")
    }
    let fused: Activation
    switch operation.kind {
    case .conv2D(_, let activation), .depthwiseConv2D(_, _, let activation), .fullyConnected(_, let activation),
      .add(let activation), .subtract(let activation), .multiply(let activation),
      .averagePool2D(_, _, _, let activation), .maxPool2D(_, _, _, let activation), .concatenation(_, let activation):
      fused = activation
    default: fused = .none
    }
    guard fused == .none else {
      throw ONNXExportFault(
        "it has the fused activation \(fused.rawValue)", remedy: "say it as bounds (`clamp`) of the layer's quantiser")
    }
    switch operation.kind {
    case .conv2D(let window, _):
      let weights = try weights(operation, rank: 4)
      try convolution(
        operation, window, weights, rows: weights.shape[1], columns: weights.shape[2], outputs: weights.shape[0],
        inputs: weights.shape[3], channelAxis: 0)
    case .depthwiseConv2D(let window, _, _):
      let weights = try weights(operation, rank: 4)
      try convolution(
        operation, window, weights, rows: weights.shape[1], columns: weights.shape[2], outputs: weights.shape[3],
        inputs: 1, channelAxis: 3)
    case .fullyConnected: try dense(operation)
    case .add: try combine(operation, "Add")
    case .subtract: try combine(operation, "Sub")
    case .multiply: try combine(operation, "Mul")
    case .averagePool2D(let window, let height, let width, _):
      guard operation.quantizer != nil else {
        throw ONNXExportFault("it averages codes by TensorFlow Lite's rule", remedy: "give it a quantiser")
      }
      try pool(operation, "AveragePool", window, height, width)
    case .maxPool2D(let window, let height, let width, _):
      guard operation.quantizer == nil else { throw ONNXExportFault("it has a quantiser, and makes no new codes") }
      try requireSameCodes(operation)
      try pool(operation, "MaxPool", window, height, width)
    case .reshape, .squeeze, .expandDimensions:
      try requireSameCodes(operation)
      let shape = constant("\(name(operation))/shape", outputTensor(operation).shape)
      try move(operation, "Reshape", [shape])
    case .transpose:
      try requireSameCodes(operation)
      try move(operation, "Transpose", [], ["perm": .ints(integers(operation, 1, "permutation"))])
    case .pad: try pad(operation)
    case .indexed(let maps): try gather(operation, maps)
    case .concatenation(let axis, _):
      for position in operation.inputs.indices { try requireSameCodes(operation, position) }
      var values: [String] = []
      for position in operation.inputs.indices {
        values.append(try value(input(operation, position), channelsFirst: false))
      }
      let made = node("Concat", values, ["axis": .int(axis)], makes: name(operation), outputTensor(operation).shape)
      set(operation.outputs[0], made, channelsFirst: false)
    case .unary(.composed(let functions)): try unary(operation, functions)
    case .dequantize: try dequantize(operation)
    case .softmax:
      throw ONNXExportFault("inside integers it has no form in QONNX", remedy: "end the network in front of it")
    case .unsupported(let reason): throw ONNXExportFault(reason)
    default: throw ONNXExportFault("it has no form in QONNX that is read back exactly")
    }
  }

  // MARK: What an operation reads and makes

  private func input(_ operation: Operation, _ position: Int) throws(ONNXExportFault) -> Int {
    guard position < operation.inputs.count, let tensor = operation.inputs[position] else {
      throw ONNXExportFault("its input \(position) is missing")
    }
    return tensor
  }

  private func inputTensor(_ operation: Operation, _ position: Int = 0) throws(ONNXExportFault) -> Tensor {
    network.tensors[try input(operation, position)]
  }

  private func outputTensor(_ operation: Operation) -> Tensor { network.tensors[operation.outputs[0]] }
  private func name(_ operation: Operation) -> String {
    let name = outputTensor(operation).name
    return name.isEmpty ? operation.typeName : name
  }

  private func integers(_ operation: Operation, _ position: Int, _ role: String) throws(ONNXExportFault) -> [Int] {
    guard let integers = try inputTensor(operation, position).integers else {
      throw ONNXExportFault("its \(role) is computed at run time")
    }
    return integers.map { Int($0) }
  }

  /// What moves codes must not change their meaning.
  private func requireSameCodes(_ operation: Operation, _ position: Int = 0) throws(ONNXExportFault) {
    let (a, b) = (try inputTensor(operation, position), outputTensor(operation))
    guard a.type == b.type, try quantization(of: a) == quantization(of: b) else {
      throw ONNXExportFault(
        "its input and output have not the same type, scale and zero point, and it only moves codes")
    }
  }

  /// Bounds and `Quant` behind the real values `x`, which become the operation's output.
  private mutating func finish(
    _ operation: Operation, _ x: String, channelsFirst isFirst: Bool
  ) throws(ONNXExportFault) {
    guard let quantizer = operation.quantizer else {
      throw ONNXExportFault("it has no quantiser that says how its real result becomes a code")
    }
    let tensor = outputTensor(operation)
    let shape = isFirst ? Self.channelsFirst(tensor.shape) : tensor.shape
    let quantization = try quantization(of: tensor)
    guard let codes = tensor.type.codes, case .integer(_, let isSigned) = tensor.type else { return }
    let narrow = isSigned ? -codes.upperBound...codes.upperBound : 0...max(codes.upperBound - 1, 0)
    guard quantizer.codes == codes || quantizer.codes == narrow else {
      throw ONNXExportFault(
        "its quantiser makes the codes \(quantizer.codes), neither all of \(tensor.type) nor the narrow range",
        remedy: "bound the real values instead (`clamp`)")
    }
    // Quant adds the zero point and rounds then; only where that is the same is it said so.
    let zeroPoint = quantization.zeroPoints[0]
    if !quantizer.roundsZeroPoint && zeroPoint != 0 {
      switch quantizer.rounding {
      case .floor, .ceiling: break
      case .halfEven where zeroPoint % 2 == 0: break
      default:
        throw ONNXExportFault(
          "its quantiser rounds (\(quantizer.rounding.rawValue)) before it adds the zero point \(zeroPoint), which QONNX "
            + "does after", remedy: "use the zero point 0, or `roundsZeroPoint`")
      }
    }
    var made = try stages(operation, x, channelsFirst: isFirst, shape)
    let (low, high) = (quantizer.clamp.lowerBound, quantizer.clamp.upperBound)
    if low == 0 && high == .infinity {
      made = node("Relu", [made], makes: "\(name(operation))/Relu", shape)
    } else if low > -.infinity || high < .infinity {
      made = try clip(made, low, high, makes: "\(name(operation))/Clip", shape)
    }
    made = try quant(
      made, scales: quantization.scales, zeroPoints: quantization.zeroPoints, type: tensor.type,
      isNarrow: quantizer.codes != codes, rounding: quantizer.rounding, makes: name(operation), shape)
    set(operation.outputs[0], made, channelsFirst: isFirst)
  }

  /// What the operation's constants do to its real result, each as a node of its own.
  private mutating func stages(
    _ operation: Operation, _ x: String, channelsFirst isFirst: Bool, _ shape: [Int]
  ) throws(ONNXExportFault) -> String {
    var made = x
    for stage in operation.stages {
      let name = "\(name(operation))/constant"
      func numbers(_ numbers: [Double], isVector: Bool = false) throws(ONNXExportFault) -> String {
        if let number = numbers.first(where: { Double(Float($0)) != $0 }) {
          throw ONNXExportFault("its constant \(number) is no single-precision number")
        }
        var sizes = numbers.count == 1 ? [] : isFirst ? [numbers.count, 1, 1] : [numbers.count]
        if isVector { sizes = [numbers.count] }
        return constant("\(name)/value", numbers.map { Float($0) }, sizes)
      }
      switch stage {
      case .multiplied(let factors): made = node("Mul", [made, try numbers(factors)], makes: name, shape)
      case .divided(let divisors): made = node("Div", [made, try numbers(divisors)], makes: name, shape)
      case .added(let summands): made = node("Add", [made, try numbers(summands)], makes: name, shape)
      case .clamped(let low, let high): made = try clip(made, low, high, makes: name, shape)
      case .normalized(let scale, let bias, let mean, let variance, let epsilon):
        guard isFirst || shape.count == 2, Double(Float(epsilon)) == epsilon else {
          throw ONNXExportFault("it normalises the channels of \(shape), which BatchNormalization expects second")
        }
        var inputs = [made]
        for parameter in [scale, bias, mean, variance] { inputs.append(try numbers(parameter, isVector: true)) }
        made = node("BatchNormalization", inputs, ["epsilon": .float(Float(epsilon))], makes: name, shape)
      }
    }
    return made
  }

  private mutating func clip(
    _ x: String, _ low: Double, _ high: Double, makes name: String, _ shape: [Int]
  ) throws(ONNXExportFault) -> String {
    for bound in [low, high] where Double(Float(bound)) != bound {
      throw ONNXExportFault("its bound \(bound) is no single-precision number")
    }
    return node(
      "Clip",
      [
        x, low > -.infinity ? constant("\(name)/min", [Float(low)]) : "",
        high < .infinity ? constant("\(name)/max", [Float(high)]) : "",
      ], makes: name, shape)
  }

  // MARK: Weighted layers

  struct Weights {
    var codes: [Int64]
    var shape: [Int]
    var type: ElementType
    var scales: [Float]
    var zeroPoints: [Int64]
    var axis: Int
  }

  private func weights(_ operation: Operation, rank: Int) throws(ONNXExportFault) -> Weights {
    let tensor = try inputTensor(operation, 1)
    guard tensor.shape.count == rank, let codes = tensor.integers, let quantization = tensor.quantization,
      let range = tensor.type.codes, range.upperBound < 1 << 16
    else {
      throw ONNXExportFault(
        "its weights are no constant codes of 1 to 16 bits with a scale, in \(rank) dimensions")
    }
    var points = quantization.zeroPoints.isEmpty ? [0] : quantization.zeroPoints
    if Set(points).count == 1 { points = [points[0]] }
    guard quantization.scales.count == 1 || quantization.scales.count == tensor.shape[quantization.axis],
      points.count == 1 || points.count == tensor.shape[quantization.axis]
    else { throw ONNXExportFault("its weights have \(quantization.scales.count) scales") }
    return Weights(
      codes: codes, shape: tensor.shape, type: tensor.type, scales: quantization.scales, zeroPoints: points,
      axis: quantization.axis)
  }

  /// The weights as floats behind a Quant, their output channels along `axis`.
  private mutating func addWeights(
    _ operation: Operation, _ weights: Weights, codes: [Int64], shape: [Int], axis: Int
  ) throws(ONNXExportFault) -> String {
    let inner = shape[(axis + 1)...].reduce(1, *)
    var type = weights.type
    // One signed bit would mean −1 and 1.
    if type == .integer(bits: 1, signed: true) { type = .integer(bits: 2, signed: true) }
    let reals = codes.indices.map { index -> Float in
      let channel = index / inner % shape[axis]
      let zeroPoint = weights.zeroPoints[weights.zeroPoints.count == 1 ? 0 : channel]
      return Float(codes[index] - zeroPoint) * weights.scales[weights.scales.count == 1 ? 0 : channel]
    }
    let name = "\(name(operation))/weights"
    do throws(ONNXExportFault) {
      return try quant(
        constant("\(name)/reals", reals, shape), scales: weights.scales, zeroPoints: weights.zeroPoints, type: type,
        makes: name, shape, axis: axis)
    } catch {
      throw ONNXExportFault("its weight tensor \(error.reason)", remedy: error.remedy)
    }
  }

  /// The bias: integers in the accumulator's unit behind a Quant, real values as they are; nil where there is none.
  private mutating func addBias(_ operation: Operation, _ weights: Weights, channels: Int) throws(ONNXExportFault)
    -> String?
  {
    guard operation.inputs.count > 2, let index = operation.inputs[2] else { return nil }
    let tensor = network.tensors[index]
    guard tensor.count == channels else {
      throw ONNXExportFault("its bias has \(tensor.count) elements for \(channels) output channels")
    }
    let name = "\(name(operation))/bias"
    if let reals = tensor.reals { return constant(name, reals.map { Float($0) }, [channels]) }
    guard tensor.type == .int32, let codes = tensor.integers else {
      throw ONNXExportFault("its bias is \(tensor.type); constant int32 or float64 numbers are exported")
    }
    let inputScale = try quantization(of: inputTensor(operation)).scales[0]
    let units = weights.scales.map { Float(Double(inputScale) * Double($0)) }
    // The least width that holds all codes.
    let bits = max(2, codes.map { 65 - ($0 < 0 ? ~$0 : $0).leadingZeroBitCount }.max() ?? 2)
    let type = ElementType.integer(bits: bits, signed: true)
    let rule = Quantizer(rounding: .halfEven, roundsZeroPoint: true, codes: Int64(Int32.min)...Int64(Int32.max))
    var reals: [Float] = []
    for (channel, code) in codes.enumerated() {
      let unit = units[units.count == 1 ? 0 : channel]
      let real = Float(Double(code) * Double(unit))
      guard unit > 0, unit.isFinite, rule.code(Double(real), scale: unit, zeroPoint: 0) == code else {
        throw ONNXExportFault(
          "its bias of \(code) units (channel \(channel)) is no single-precision number times their scale \(unit)",
          remedy: "biases of up to 24 bits are exact")
      }
      reals.append(real)
    }
    do throws(ONNXExportFault) {
      return try quant(
        constant("\(name)/reals", reals, [channels]), scales: Set(units).count == 1 ? [units[0]] : units,
        zeroPoints: [0], type: type, makes: name, [channels])
    } catch {
      throw ONNXExportFault("its bias \(error.reason)", remedy: error.remedy)
    }
  }

  private mutating func convolution(
    _ operation: Operation, _ window: Window, _ weights: Weights, rows: Int, columns: Int, outputs: Int, inputs: Int,
    channelAxis: Int
  ) throws(ONNXExportFault) {
    let image = try inputTensor(operation)
    guard image.shape.count == 4, outputTensor(operation).shape.count == 4, image.shape[3] % inputs == 0 else {
      throw ONNXExportFault("its input has the shape \(image.shape) for weights of \(weights.shape)")
    }
    guard weights.scales.count == 1 && weights.zeroPoints.count == 1 || weights.axis == channelAxis else {
      throw ONNXExportFault("its weights' scales run along axis \(weights.axis), not the output channels")
    }
    // [out, row, column, in], or of depthwise layers [row, column, out], → [out, in, row, column].
    let taps = rows * columns
    var codes: [Int64] = []
    codes.reserveCapacity(weights.codes.count)
    for output in 0..<outputs {
      for input in 0..<inputs {
        for tap in 0..<taps {
          codes.append(
            weights.codes[channelAxis == 0 ? (output * taps + tap) * inputs + input : tap * outputs + output])
        }
      }
    }
    let x = try value(input(operation, 0), channelsFirst: true)
    var operands = [
      x, try addWeights(operation, weights, codes: codes, shape: [outputs, inputs, rows, columns], axis: 0),
    ]
    if let bias = try addBias(operation, weights, channels: outputs) { operands.append(bias) }
    let pads = try pads(window, image.shape, rows, columns)
    let made = node(
      "Conv", operands,
      [
        "dilations": .ints([window.dilationHeight, window.dilationWidth]), "group": .int(image.shape[3] / inputs),
        "kernel_shape": .ints([rows, columns]), "pads": .ints(pads),
        "strides": .ints([window.strideHeight, window.strideWidth]),
      ], makes: "\(name(operation))/Conv", Self.channelsFirst(outputTensor(operation).shape))
    try finish(operation, made, channelsFirst: true)
  }

  /// What a window pads above, left, below and right (TensorFlow Lite: `ComputePaddingHeightWidth`).
  private func pads(_ window: Window, _ shape: [Int], _ rows: Int, _ columns: Int) throws(ONNXExportFault) -> [Int] {
    let sizes = [
      rows, columns, window.strideHeight, window.strideWidth, window.dilationHeight, window.dilationWidth,
    ]
    guard sizes.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw ONNXExportFault("its window's sizes, strides and dilations \(sizes) must be in 1 … 65536")
    }
    func total(_ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Int {
      max(((input + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - input, 0)
    }
    switch window.padding {
    case .valid: return [0, 0, 0, 0]
    case .explicit(let top, let left, let bottom, let right): return [top, left, bottom, right]
    case .same:
      let height = total(shape[1], rows, window.strideHeight, window.dilationHeight)
      let width = total(shape[2], columns, window.strideWidth, window.dilationWidth)
      return [height / 2, width / 2, height - height / 2, width - width / 2]
    }
  }

  private mutating func dense(_ operation: Operation) throws(ONNXExportFault) {
    let weights = try weights(operation, rank: 2)
    let (outputs, inputs) = (weights.shape[0], weights.shape[1])
    let (x, y) = (try inputTensor(operation).shape, outputTensor(operation).shape)
    guard x.last == inputs, y == Array(x.dropLast()) + [outputs] else {
      throw ONNXExportFault(
        "it makes \(y) of \(x) with weights of \(weights.shape); ONNX multiplies along the last axis",
        remedy: "put a reshape to [batch, \(inputs)] in front of it")
    }
    guard weights.scales.count == 1 && weights.zeroPoints.count == 1 || weights.axis == 0 else {
      throw ONNXExportFault("its weights' scales run along axis \(weights.axis), not the output channels")
    }
    let source = try value(input(operation, 0), channelsFirst: false)
    var made: String
    if x.count == 2 {
      var operands = [
        source, try addWeights(operation, weights, codes: weights.codes, shape: [outputs, inputs], axis: 0),
      ]
      if let bias = try addBias(operation, weights, channels: outputs) { operands.append(bias) }
      made = node("Gemm", operands, ["transB": .int(1)], makes: "\(name(operation))/Gemm", y)
    } else {
      var codes: [Int64] = []
      codes.reserveCapacity(weights.codes.count)
      for input in 0..<inputs { for output in 0..<outputs { codes.append(weights.codes[output * inputs + input]) } }
      let factor = try addWeights(operation, weights, codes: codes, shape: [inputs, outputs], axis: 1)
      made = node("MatMul", [source, factor], makes: "\(name(operation))/MatMul", y)
      if let bias = try addBias(operation, weights, channels: outputs) {
        made = node("Add", [made, bias], makes: "\(name(operation))/Add", y)
      }
    }
    try finish(operation, made, channelsFirst: false)
  }

  // MARK: Other layers

  private mutating func combine(_ operation: Operation, _ type: String) throws(ONNXExportFault) {
    let (a, b) = (try input(operation, 0), try input(operation, 1))
    // Images of one channel order; that of smaller shapes, which broadcast, too.
    let isFirst =
      [a, b].allSatisfy { network.tensors[$0].shape.count == 4 } && (liesChannelsFirst(a) || liesChannelsFirst(b))
    let shape = outputTensor(operation).shape
    guard !isFirst || shape.count == 4 else { throw ONNXExportFault("its output has the shape \(shape)") }
    let values = [try value(a, channelsFirst: isFirst), try value(b, channelsFirst: isFirst)]
    let made = node(
      type, values, makes: "\(name(operation))/\(type)", isFirst ? Self.channelsFirst(shape) : shape)
    try finish(operation, made, channelsFirst: isFirst)
  }

  private mutating func pool(
    _ operation: Operation, _ type: String, _ window: Window, _ height: Int, _ width: Int
  ) throws(ONNXExportFault) {
    let (x, y) = (try inputTensor(operation).shape, outputTensor(operation).shape)
    guard x.count == 4, y.count == 4, window.dilationHeight == 1, window.dilationWidth == 1 else {
      throw ONNXExportFault("its input has the shape \(x), or its window is dilated")
    }
    let pads = try pads(window, x, height, width)
    guard type == "MaxPool" || pads == [0, 0, 0, 0] else {
      throw ONNXExportFault("its windows reach outside the image, where fewer elements are averaged")
    }
    let isMaximum = type == "MaxPool"
    let made = node(
      type, [try value(input(operation, 0), channelsFirst: true)],
      [
        "kernel_shape": .ints([height, width]), "pads": .ints(pads),
        "strides": .ints([window.strideHeight, window.strideWidth]),
      ], makes: isMaximum ? name(operation) : "\(name(operation))/\(type)", Self.channelsFirst(y))
    if isMaximum {
      set(operation.outputs[0], made, channelsFirst: true)
    } else {
      try finish(operation, made, channelsFirst: true)
    }
  }

  private mutating func move(
    _ operation: Operation, _ type: String, _ constants: [String], _ attributes: KeyValuePairs<String, Attribute> = [:]
  ) throws(ONNXExportFault) {
    let x = try value(input(operation, 0), channelsFirst: false)
    let made = node(type, [x] + constants, attributes, makes: name(operation), outputTensor(operation).shape)
    set(operation.outputs[0], made, channelsFirst: false)
  }

  private mutating func pad(_ operation: Operation) throws(ONNXExportFault) {
    try requireSameCodes(operation)
    let amounts = try integers(operation, 1, "padding amounts")
    let quantization = try quantization(of: outputTensor(operation))
    guard operation.inputs.count > 2, let fill = try inputTensor(operation, 2).integers, fill.count == 1,
      amounts.count == 2 * outputTensor(operation).shape.count
    else {
      throw ONNXExportFault(
        "it pads with the zero point, unsaid", remedy: "let convolutions and pools pad, or name the code to pad with")
    }
    let ends =
      stride(from: 0, to: amounts.count, by: 2).map { amounts[$0] }
      + stride(from: 1, to: amounts.count, by: 2).map { amounts[$0] }
    let name = name(operation)
    try move(
      operation, "Pad",
      [
        constant("\(name)/pads", ends),
        constant("\(name)/value", [Float(fill[0] - quantization.zeroPoints[0]) * quantization.scales[0]]),
      ])
  }

  /// Elements taken by their places along one axis.
  private mutating func gather(_ operation: Operation, _ maps: [[Int]]) throws(ONNXExportFault) {
    try requireSameCodes(operation)
    let shape = try inputTensor(operation).shape
    let changed = maps.indices.filter { maps[$0] != Array(0..<(shape.indices.contains($0) ? shape[$0] : 0)) }
    guard maps.count == shape.count, changed.count == 1 else {
      throw ONNXExportFault("it takes elements along \(changed.count) axes at once, which ONNX does in as many operators")
    }
    try move(
      operation, "Gather", [constant("\(name(operation))/indices", maps[changed[0]])], ["axis": .int(changed[0])])
  }

  private mutating func unary(_ operation: Operation, _ functions: [RealFunction]) throws(ONNXExportFault) {
    let shape = outputTensor(operation).shape
    let source = try input(operation, 0)
    let isFirst = shape.count == 4 && liesChannelsFirst(source)
    let made = isFirst ? Self.channelsFirst(shape) : shape
    var x = try value(source, channelsFirst: isFirst)
    for function in functions {
      let name = "\(name(operation))/function"
      switch function {
      case .logistic: x = node("Sigmoid", [x], makes: name, made)
      case .tanh: x = node("Tanh", [x], makes: name, made)
      case .exponential: x = node("Exp", [x], makes: name, made)
      case .squareRoot: x = node("Sqrt", [x], makes: name, made)
      case .absolute: x = node("Abs", [x], makes: name, made)
      case .reciprocal: x = node("Reciprocal", [x], makes: name, made)
      case .softplus: x = node("Softplus", [x], makes: name, made)
      case .leakyRelu(let alpha): x = node("LeakyRelu", [x], ["alpha": .float(alpha)], makes: name, made)
      case .elu(let alpha): x = node("Elu", [x], ["alpha": .float(alpha)], makes: name, made)
      case .hardSigmoid(let alpha, let beta):
        x = node("HardSigmoid", [x], ["alpha": .float(alpha), "beta": .float(beta)], makes: name, made)
      case .clamp(let low, let high):
        x =
          low == 0 && high == .infinity
          ? node("Relu", [x], makes: name, made) : try clip(x, low, high, makes: name, made)
      case .scaled(let gain, let offset) where Double(Float(gain)) == gain && Double(Float(offset)) == offset:
        if offset == 0 {
          x = node("Mul", [x, constant("\(name)/factor", [Float(gain)])], makes: name, made)
        } else if gain == 1 {
          x = node("Add", [x, constant("\(name)/summand", [Float(offset)])], makes: name, made)
        } else {
          throw ONNXExportFault("it scales and shifts in one, which ONNX does in two")
        }
      case .divided(let divisor) where Double(Float(divisor)) == divisor:
        x = node("Div", [x, constant("\(name)/divisor", [Float(divisor)])], makes: name, made)
      case .negated: x = node("Neg", [x], makes: name, made)
      case .floor: x = node("Floor", [x], makes: name, made)
      case .ceiling: x = node("Ceil", [x], makes: name, made)
      case .rounded: x = node("Round", [x], makes: name, made)
      case .logarithm: x = node("Log", [x], makes: name, made)
      case .sine: x = node("Sin", [x], makes: name, made)
      case .cosine: x = node("Cos", [x], makes: name, made)
      case .errorFunction: x = node("Erf", [x], makes: name, made)
      case .scaled, .divided, .hardSwish, .reciprocalSquareRoot, .square, .gelu, .mish, .joined, .chosen:
        throw ONNXExportFault(
          "it applies \(function), which has no operator of the ONNX version that is written (opset 13)",
          remedy: "write TensorFlow Lite's int8 instead (quantize --to int8)")
      }
    }
    try finish(operation, x, channelsFirst: isFirst)
  }

  /// At the end of the network: the real values, or what leaves their order as it is.
  private mutating func dequantize(_ operation: Operation) throws(ONNXExportFault) {
    guard network.outputs.contains(operation.outputs[0]) else {
      throw ONNXExportFault("it makes real values inside the network")
    }
    var made = try value(input(operation, 0), channelsFirst: false)
    if ["Softmax", "LogSoftmax", "Hardmax"].contains(operation.typeName) {
      made = node(operation.typeName, [made], ["axis": .int(-1)], makes: name(operation), outputTensor(operation).shape)
    }
    set(operation.outputs[0], made, channelsFirst: false)
  }
}
