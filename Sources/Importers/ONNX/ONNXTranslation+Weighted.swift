import Network

// MatMul, Gemm, Conv, BatchNormalization; QLinearMatMul, QLinearConv, QGemm.
extension ONNXTranslation {
  /// The codes of constant weights.
  func weights(_ constant: ONNXConstant, _ role: String = "weights") throws(NodeFault) -> QuantizedConstant {
    if isFloat { return realWeights(constant) }
    guard let quantized = constant.quantized else {
      throw NodeFault(
        "its \(role) are real numbers, not quantised",
        remedy: "put Quant behind them, or quantise the model (onnxruntime.quantization.quantize_static, with "
          + "QuantFormat.QDQ: QOperator leaves some operators as they are)")
    }
    return quantized
  }

  mutating func matrixProduct(_ node: ONNXNode) throws(NodeFault) {
    if case .constant(let factor) = try meaning(node, 1, "second factor"), factor.shape.count == 2 {
      let x = try realCodes(node, 0, "first factor")
      return try dense(node, x, weights(factor), shape: factor.shape, isTransposed: false, bias: nil)
    }
    func factor(_ position: Int, _ role: String) throws(NodeFault) -> ONNXCodes {
      guard case .constant(let constant) = try meaning(node, position, role) else {
        return try realCodes(node, position, role)
      }
      return try constantMatrix(weights(constant, role), shape: constant.shape, name: node.inputs[position])
    }
    let pending = try matrixPending(factor(0, "first factor"), factor(1, "second factor"), typeName: node.type)
    try set(node, .pending(pending))
  }

  mutating func gemm(_ node: ONNXNode) throws(NodeFault) {
    let (alpha, beta) = (node.float("alpha", default: 1), node.float("beta", default: 1))
    func factor(_ position: Int, _ role: String, _ attribute: String) throws(NodeFault) -> ONNXCodes {
      var codes: ONNXCodes
      if case .constant(let constant) = try meaning(node, position, role) {
        codes = try constantMatrix(weights(constant, role), shape: constant.shape, name: node.inputs[position])
      } else {
        codes = try realCodes(node, position, role)
      }
      guard node.int(attribute, default: 0) != 0 else { return codes }
      guard codes.view.axes.count == 2 else { throw NodeFault("it transposes an input of shape \(codes.view.shape)") }
      codes.view = codes.view.transposed([1, 0])
      return codes
    }
    let x = try factor(0, "input", "transA")
    guard case .constant(let factor) = try meaning(node, 1, "weights") else {
      guard alpha == 1, !node.hasInput(2) else {
        throw NodeFault(
          "it scales or shifts a product of two tensors (alpha, C)",
          remedy: "write it as MatMul, with a quantiser behind, and Mul or Add")
      }
      return try set(node, .pending(matrixPending(x, factor(1, "weights", "transB"), typeName: node.type)))
    }
    var pending = try densePending(
      node, x, weights(factor), shape: factor.shape, isTransposed: node.int("transB", default: 0) != 0)
    if alpha != 1 { try pending.append(.multiplied(by: [Double(alpha)])) }
    if node.hasInput(2) { try addBias(constant(node, 2, "bias"), times: Double(beta), to: &pending) }
    try set(node, .pending(pending))
  }

  private mutating func dense(
    _ node: ONNXNode, _ x: ONNXCodes, _ weights: QuantizedConstant, shape: [Int], isTransposed: Bool, bias: [Int64]?
  ) throws(NodeFault) {
    var pending = try densePending(node, x, weights, shape: shape, isTransposed: isTransposed)
    if case .affine(var affine) = pending.base {
      affine.bias = bias
      pending.base = .affine(affine)
    }
    try set(node, .pending(pending))
  }

  /// `x · weights`, along the last axis of x; weights are [in, out], transposed [out, in].
  mutating func densePending(
    _ node: ONNXNode, _ x: ONNXCodes, _ weights: QuantizedConstant, shape: [Int], isTransposed: Bool
  ) throws(NodeFault) -> ONNXPending {
    let xShape = x.view.shape
    guard shape.count == 2, let inputs = xShape.last else {
      throw NodeFault("its weights have the shape \(shape) and its input \(xShape); matrices are supported")
    }
    let (rows, outputs) = isTransposed ? (shape[1], shape[0]) : (shape[0], shape[1])
    guard rows == inputs, outputs > 0 else {
      throw NodeFault("its input has the shape \(xShape) and its weights \(shape), which do not fit")
    }
    let channelAxis = isTransposed ? 0 : 1
    let quantization = weights.quantization
    guard quantization.scales.count == 1 && quantization.zeroPoints.count == 1 || quantization.axis == channelAxis
    else {
      throw NodeFault(
        "its weights' scales run along axis \(quantization.axis); the output channels are axis \(channelAxis)")
    }
    // What each vector holds may lie in memory in another order than the file's: the weights follow.
    let last = xShape.count - 1
    let batch = xShape.dropLast().reduce(1, *)
    let offsets = x.view.offsets(along: last)
    let isFolded = batch == 1 || x.view.walksBlocks(of: inputs, axes: 0..<last)
    var source = ONNXCodes(tensor: x.tensor, view: x.view, isReal: true)
    var columns = Array(0..<inputs)
    if isFolded {
      columns = offsets
      source.view = StridedView(rowMajor: xShape)
    }
    var codes = [Int64](repeating: 0, count: outputs * inputs)
    for output in 0..<outputs {
      for input in 0..<inputs {
        codes[output * inputs + columns[input]] =
          weights.codes[isTransposed ? output * inputs + input : input * outputs + output]
      }
    }
    let affine = ONNXAffine(
      kind: .fullyConnected(keepsDimensions: true, .none), input: rowMajor(source), weights: codes,
      weightShape: [outputs, inputs], weightType: weights.type, scales: quantization.scales,
      zeroPoints: quantization.zeroPoints)
    let output = Array(xShape.dropLast()) + [outputs]
    return ONNXPending(
      .affine(affine), typeName: node.type, view: StridedView(rowMajor: output), shape: output)
  }

  mutating func convolution(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    let kernel = try constant(node, 1, "weights")
    var pending = try convolutionPending(node, x, weights(kernel), shape: kernel.shape)
    if node.hasInput(2) { try addBias(constant(node, 2, "bias"), times: 1, to: &pending) }
    try set(node, .pending(pending))
  }

  private mutating func convolutionPending(
    _ node: ONNXNode, _ x: ONNXCodes, _ weights: QuantizedConstant, shape: [Int]
  ) throws(NodeFault) -> ONNXPending {
    let isVolume = Self.isVolume(x.view.shape)
    guard isVolume || x.view.shape.count <= 4, shape.count == x.view.shape.count, shape.count > 2 else {
      throw NodeFault(
        "its weights have the shape \(shape) for an input of shape \(x.view.shape)",
        remedy: "Conv along 1, 2 or 3 axes is supported: batch, channels, and these")
    }
    let quantization = weights.quantization
    guard quantization.scales.count == 1 && quantization.zeroPoints.count == 1 || quantization.axis == 0 else {
      throw NodeFault("its weights' scales run along axis \(quantization.axis); the output channels are axis 0")
    }
    if let kernel = node.ints("kernel_shape"), kernel != Array(shape.dropFirst(2)) {
      throw NodeFault("its kernel_shape \(kernel) is not that of its weights, \(shape)")
    }
    let (outputs, inputs, groups) = (shape[0], shape[1], node.int("group", default: 1))
    let (channels, overflow) = inputs.multipliedReportingOverflow(by: groups)
    guard groups > 0, !overflow, outputs > 0, channels == x.view.shape[1], outputs % groups == 0 else {
      throw NodeFault("its weights \(shape) and its \(groups) groups do not fit an input of \(x.view.shape[1]) channels")
    }
    if isVolume { return try volumePending(node, x, weights, shape: shape) }
    let image = try image(x)
    let spatial = image.rank == 1 ? [1, shape[2]] : [shape[2], shape[3]]
    let (window, height, width) = try window(
      node, rank: image.rank, kernel: spatial, input: [image.height, image.width], dilates: true)
    // [out, in, row, column] → [out, row, column, in].
    let taps = spatial[0] * spatial[1]
    var codes: [Int64] = []
    codes.reserveCapacity(weights.codes.count)
    for output in 0..<outputs {
      for tap in 0..<taps {
        for input in 0..<inputs { codes.append(weights.codes[(output * inputs + input) * taps + tap]) }
      }
    }
    let affine = ONNXAffine(
      kind: .conv2D(window, .none), input: image.tensor, weights: codes, weightShape: [outputs] + spatial + [inputs],
      weightType: weights.type, scales: quantization.scales, zeroPoints: quantization.zeroPoints)
    return ONNXPending(
      .affine(affine), typeName: node.type,
      view: image.view(channels: outputs, height: height, width: width),
      shape: [image.batch, height, width, outputs])
  }

  /// Adds `factor · bias`, one number a channel. Integers in the accumulator's own unit stay integers.
  func addBias(_ bias: ONNXConstant, times factor: Double, to pending: inout ONNXPending) throws(NodeFault) {
    guard case .affine(var affine) = pending.base else { return }
    let channels = affine.channels / affine.repeats
    guard bias.count == channels || bias.count == 1, bias.reals.allSatisfy({ $0.isFinite }) else {
      throw NodeFault("its bias has the shape \(bias.shape) for \(channels) output channels, or is not finite")
    }
    guard !isFloat, let quantized = bias.quantized else { return try pending.add(bias.reals, times: factor) }
    let (points, scales) = (quantized.quantization.zeroPoints, quantized.quantization.scales)
    func scale(_ channel: Int) -> Float { scales[scales.count == 1 ? 0 : channel] }
    let centred = quantized.codes.indices.map { quantized.codes[$0] - points[points.count == 1 ? 0 : $0] }
    if bias.count == channels, factor == 1, pending.stages.isEmpty {
      let inputScale = tensors[affine.input].quantization?.scales[0] ?? 1
      let isUnit = (0..<channels).allSatisfy { channel in
        let weightScale = affine.scales[affine.scales.count == 1 ? 0 : channel]
        if quantized.isReal { return Double(scale(channel)) == Double(inputScale) * Double(weightScale) }
        // The product of two scales in single precision, or what a rounding more makes of it.
        let unit = inputScale * weightScale
        return abs(scale(channel) - unit) <= unit.ulp
      }
      if isUnit {
        affine.bias = (0..<affine.repeats).flatMap { _ in centred }
        pending.base = .affine(affine)
        return
      }
    }
    if centred.allSatisfy({ abs($0) < 1 << 29 }) {
      return try pending.add(centred.indices.map { Double(scale($0)) * Double(centred[$0]) }, times: factor)
    }
    // A code's 32 bits times a scale's 24 are more than a double holds: both halves of the code are added.
    let exact = centred.indices.map { Double(scale($0)) * Double(centred[$0] & ~0xFFFF) }
    try pending.add(exact, times: factor)
    let rest = centred.indices.map { Double(scale($0)) * Double(centred[$0] & 0xFFFF) }
    if rest.contains(where: { $0 != 0 }) { try pending.add(rest, times: factor) }
  }

  mutating func batchNormalization(_ node: ONNXNode) throws(NodeFault) {
    guard node.int("training_mode", default: 0) == 0 else {
      throw NodeFault(
        "it is in training mode", remedy: "export the network for inference (in PyTorch: model.eval())",
        isOfOperator: true)
    }
    var parameters: [[Double]] = []
    for (position, role) in ["scale", "bias", "mean", "variance"].enumerated() {
      parameters.append(try constant(node, position + 1, role).reals)
    }
    let count = parameters[0].count
    guard count > 0, parameters.allSatisfy({ $0.count == count }) else {
      throw NodeFault("its parameters have \(parameters.map(\.count)) elements, not one a channel")
    }
    let epsilon = Double(node.float("epsilon", default: 1e-5))
    guard parameters[3].allSatisfy({ $0 + epsilon > 0 }) else {
      throw NodeFault("its variance is not positive", remedy: "see whether training has diverged")
    }
    let stage = ConstantStage.normalized(
      scale: parameters[0], bias: parameters[1], mean: parameters[2], variance: parameters[3], epsilon: epsilon)
    try set(node, staged(node, [stage], axes: [1]))
  }

  /// What constants do to the node's input, with one number for each index along `axes` in the file's order, or one for all.
  /// Codes whose channels differ need weights for that: a pointwise product with ones.
  mutating func staged(
    _ node: ONNXNode, _ stages: [ConstantStage], axes: [Int]
  ) throws(NodeFault) -> ONNXMeaning {
    try staged(node, meaning(node, 0, "input"), stages, axes: axes)
  }

  mutating func staged(
    _ node: ONNXNode, _ x: ONNXMeaning, _ stages: [ConstantStage], axes: [Int]
  ) throws(NodeFault) -> ONNXMeaning {
    let isUniform = stages.allSatisfy {
      if case .normalized = $0 { false } else { $0.channels == 1 }
    }
    if isUniform {
      var made = x
      for stage in stages {
        switch stage {
        case .multiplied(let factors): made = try applied(.scaled(by: factors[0], plus: 0), to: made)
        case .divided(let divisors): made = try applied(.divided(by: divisors[0]), to: made)
        case .added(let summands): made = try applied(.scaled(by: 1, plus: summands[0]), to: made)
        case .clamped(let low, let high): made = try applied(.clamp(low, high), to: made)
        case .normalized: break
        }
      }
      return made
    }
    guard let view = x.view, axes.allSatisfy({ view.axes.indices.contains($0) }) else { throw unknown(node) }
    let size = axes.reduce(1) { $0 * view.shape[$1] }
    guard stages.allSatisfy({ $0.fits(channels: size) }) else {
      throw NodeFault(
        "it has \(stages.map(\.channels).max() ?? 1) constants for the \(size) elements of the axes \(axes) of \(view.shape)")
    }
    var functions: [RealFunction] = []
    var codes: ONNXCodes
    switch x {
    case .pending(var pending):
      if case .codes(let base) = pending.base, pending.pools.isEmpty {
        // Straight lines in front of it are constants too; a ReLU alone is made codes of.
        let isRectified = !pending.functions.isEmpty && pending.functions.allSatisfy { $0 == .clamp(0, .infinity) }
        if isRectified || !pending.functions.allSatisfy(\.isLinear) {
          codes = try realCodes(node, 0, "input")
        } else {
          (codes, functions) = (base, pending.functions)
        }
      } else {
        guard axes.count == 1, view.innermostAxis == axes[0] || size == 1 else {
          throw NodeFault(
            "it scales along the axes \(axes), which are not the channels of \(pending.typeName)",
            remedy: "put a quantiser between \(pending.typeName) and it")
        }
        for stage in stages { try pending.append(stage) }
        return .pending(pending)
      }
    case .codes(let made) where made.isReal: codes = made
    case .codes, .input, .constant, .failed: codes = try realCodes(node, 0, "input")
    }
    // As they lie in memory, so that nothing need be moved where they are innermost; what does not vary comes first.
    let inMemory = axes.sorted { (codes.view.axes[$0].first?.stride ?? 0) > (codes.view.axes[$1].first?.stride ?? 0) }
    let numbers = StridedView(rowMajor: axes.map { view.shape[$0] })
    let places = inMemory.reduce([0]) { starts, axis in
      let offsets = numbers.offsets(along: axes.firstIndex(of: axis) ?? 0)
      return starts.flatMap { start in offsets.map { start + $0 } }
    }
    let order = codes.view.axes.indices.filter { !axes.contains($0) } + inMemory
    let tensor = arranged(codes, order)
    let flat = [1, 1, view.count / size, size]
    let input = move(.reshape(shape: nil), "Reshape", [tensor], shape: flat)
    let affine = ONNXAffine(
      kind: .conv2D(Window(padding: .valid), .none), input: input,
      weights: Array(repeating: isFloat ? Self.one : 1, count: size), weightShape: [size, 1, 1, 1], weightType: .int8,
      scales: [1], zeroPoints: [0])
    var pending = ONNXPending(
      .affine(affine), typeName: node.type, view: StridedView(shape: view.shape, inMemory: order), shape: flat)
    for function in functions { try pending.apply(function) }
    for stage in stages { try pending.append(stage.permuted(places)) }
    return .pending(pending)
  }

  // MARK: QLinear

  mutating func qLinearMatrixProduct(_ node: ONNXNode) throws(NodeFault) {
    let x = try operand(node, 0)
    if case .codes = try meaning(node, 3, "second factor") {
      let pending = try matrixPending(x, operand(node, 3), typeName: node.type)
      return try setInteger(node, .pending(pending), linearQuantizer(node, 6))
    }
    let factor = try qLinearWeights(node, 3, axis: 1)
    let pending = try densePending(node, x, weights(factor), shape: factor.shape, isTransposed: false)
    try setInteger(node, .pending(pending), linearQuantizer(node, 6))
  }

  mutating func qLinearConvolution(_ node: ONNXNode) throws(NodeFault) {
    let x = try operand(node, 0)
    let kernel = try qLinearWeights(node, 3, axis: 0)
    var pending = try convolutionPending(node, x, weights(kernel), shape: kernel.shape)
    try addIntegerBias(node, 8, to: &pending)
    try setInteger(node, .pending(pending), linearQuantizer(node, 6))
  }

  /// ONNX Runtime's QGemm.
  mutating func qGemm(_ node: ONNXNode) throws(NodeFault) {
    guard node.float("alpha", default: 1) == 1 else {
      throw NodeFault(
        "it has an alpha other than 1", remedy: "put alpha into the weights' scale", isOfOperator: true)
    }
    guard node.hasInput(7) else {
      throw NodeFault("its output is float32", remedy: "quantise its output (inputs y_scale and y_zero_point)")
    }
    var x = try operand(node, 0)
    if node.int("transA", default: 0) != 0 {
      guard x.view.axes.count == 2 else { throw NodeFault("it transposes an input of shape \(x.view.shape)") }
      x.view = x.view.transposed([1, 0])
    }
    let isTransposed = node.int("transB", default: 0) != 0
    let factor = try qLinearWeights(node, 3, axis: isTransposed ? 0 : 1)
    var pending = try densePending(node, x, weights(factor), shape: factor.shape, isTransposed: isTransposed)
    try addIntegerBias(node, 6, to: &pending)
    try setInteger(node, .pending(pending), linearQuantizer(node, 7))
  }

  private func addIntegerBias(_ node: ONNXNode, _ position: Int, to pending: inout ONNXPending) throws(NodeFault) {
    guard node.hasInput(position), case .affine(var affine) = pending.base else { return }
    let bias = try constant(node, position, "bias")
    guard bias.count == affine.channels, bias.dataType == 6 else {
      throw NodeFault("its bias has \(bias.count) elements for \(affine.channels) output channels, or is not int32")
    }
    affine.bias = bias.integers.map(Int64.init)
    pending.base = .affine(affine)
  }

  /// Integer weights with the scale and zero point after them.
  private func qLinearWeights(_ node: ONNXNode, _ position: Int, axis: Int) throws(NodeFault) -> ONNXConstant {
    let constant = try constant(node, position, "weights")
    let (scales, points, type) = try linearQuantization(
      node, position + 1, shape: constant.shape, axis: axis, type: ONNXElement.codes(constant.dataType))
    return quantizedConstant(constant.shape, constant.integers.map(Int64.init), type, scales, points)
  }

  /// An activation of a QLinear operator, with the scale and zero point after it.
  mutating func operand(_ node: ONNXNode, _ position: Int) throws(NodeFault) -> ONNXCodes {
    guard case .codes(let codes) = try meaning(node, position, "input"), !codes.isReal else {
      throw NodeFault("its input \(position) is no tensor of integers")
    }
    let quantizer = try linearQuantizer(node, position + 1, type: tensors[codes.tensor].type)
    return try interpreted(codes, quantizer, node.inputs[position])
  }

  /// The real values of a constant that stands where activations do, with the scale and zero point after it; nil where it
  /// is none.
  func constantOperand(_ node: ONNXNode, _ position: Int) throws(NodeFault) -> ONNXConstant? {
    guard case .constant(let constant) = try meaning(node, position, "input") else { return nil }
    guard let type = ONNXElement.codes(constant.dataType) else {
      throw NodeFault("its input \(position) is a constant of \(ONNXElement.name(constant.dataType)), which are no codes")
    }
    let (scales, points, _) = try linearQuantization(node, position + 1, shape: constant.shape, axis: 0, type: type)
    return quantizedConstant(constant.shape, constant.integers.map(Int64.init), type, scales, points)
  }

  /// Quantises `meaning`; the node's value is the codes.
  mutating func setInteger(_ node: ONNXNode, _ meaning: ONNXMeaning, _ quantizer: ONNXQuantizer) throws(NodeFault) {
    var codes = try quantized(meaning, quantizer, name: node.outputs.first ?? "")
    codes.isReal = false
    try set(node, .codes(codes))
  }
}
