import Network

// Functions of one value, sums and products of two, with constants or codes; ONNX Runtime's QLinear operators.
extension ONNXTranslation {
  mutating func unary(_ node: ONNXNode, _ functions: RealFunction...) throws(NodeFault) {
    var made = try meaning(node, 0, "input")
    if isFloat, case .codes(let codes) = made { made = .codes(try real(codes, node)) }
    for function in functions { made = try applied(function, to: made) }
    try set(node, made)
  }

  /// `function` of each element of `meaning`.
  func applied(_ function: RealFunction, to meaning: ONNXMeaning) throws(NodeFault) -> ONNXMeaning {
    switch meaning {
    case .codes(let codes):
      guard codes.isReal else {
        throw NodeFault("its input is integers without scale", remedy: "put DequantizeLinear in front of it")
      }
      var pending = ONNXPending(
        .codes(codes), typeName: "Quant", view: codes.view, shape: tensors[codes.tensor].shape)
      try pending.apply(function)
      return .pending(pending)
    case .pending(var pending):
      if case .concatenation(let parts, let axis, let order) = pending.base, pending.pools.isEmpty {
        var applied: [ONNXMeaning] = []
        for part in parts { applied.append(try self.applied(function, to: part)) }
        pending.base = .concatenation(applied, axis: axis, order: order)
      } else {
        try pending.apply(function)
      }
      return .pending(pending)
    case .input:
      throw NodeFault(
        "it works on the network's float input, which is not quantised yet",
        remedy: "put a quantiser behind the input, and leave what is in front of it to the caller")
    case .constant, .failed: throw NodeFault("its input is a constant", remedy: "fold constants when exporting")
    }
  }

  /// With the exponents that exporters write.
  mutating func power(_ node: ONNXNode) throws(NodeFault) {
    guard case .constant = try meaning(node, 1, "exponent") else {
      throw NodeFault(
        "its exponent, \"\(node.inputs[1].printable())\", is computed at run time",
        remedy: "for bases above 0, write it as Exp of the exponent times Log of the base, with a quantiser behind each of "
          + "the three")
    }
    let exponent = try scalar(node, 1, "exponent")
    switch exponent {
    case 1: try set(node, meaning(node, 0, "input"))
    case 2: try unary(node, .square)
    case 4: try unary(node, .square, .square)
    case 0.5: try unary(node, .squareRoot)
    case -0.5: try unary(node, .reciprocalSquareRoot)
    case -1: try unary(node, .reciprocal)
    default:
      throw NodeFault(
        "its exponent is \(exponent)", remedy: "use 2, 4, 0.5, -0.5 or -1, or products of the input with itself",
        isOfOperator: true)
    }
  }

  mutating func clip(_ node: ONNXNode) throws(NodeFault) {
    // Attributes until opset 10, inputs since.
    func bound(_ position: Int, _ attribute: String, _ value: Double) throws(NodeFault) -> Double {
      if node.hasInput(position) { return try scalar(node, position, "bound") }
      return node.has(attribute) ? Double(node.float(attribute, default: 0)) : value
    }
    let (low, high) = (try bound(1, "min", -.infinity), try bound(2, "max", .infinity))
    guard low <= high else { throw NodeFault("it clips to \(low) … \(high)") }
    if case .codes(let codes) = try meaning(node, 0, "input"), !codes.isReal {
      return try clipCodes(node, codes, low, high)
    }
    try unary(node, .clamp(low, high))
  }

  /// Add, Sub, Mul, Div.
  mutating func elementwise(_ node: ONNXNode) throws(NodeFault) {
    let (a, b) = (try meaning(node, 0, "first input"), try meaning(node, 1, "second input"))
    switch (a, b) {
    case (.constant(let constant), _): try elementwise(node, constant, isFirst: true)
    case (_, .constant(let constant)): try elementwise(node, constant, isFirst: false)
    default:
      if let joined = try functionOfOne(node, a, b) { return try set(node, joined) }
      let kinds: [String: Operation.Kind] = [
        "Add": .add(.none), "Sub": .subtract(.none), "Mul": .multiply(.none), "Div": .divide(.none),
      ]
      guard let kind = kinds[node.type] else { throw unknown(node) }
      let (left, right) = (try realCodes(node, 0, "first input"), try realCodes(node, 1, "second input"))
      try set(node, .pending(combined(kind, node.type, left, right)))
    }
  }

  /// With a constant: a gain or an offset for all elements, or one for each index along some axes.
  private mutating func elementwise(_ node: ONNXNode, _ constant: ONNXConstant, isFirst: Bool) throws(NodeFault) {
    var node = node
    if isFirst {
      guard node.type != "Div" else { throw NodeFault("it divides a constant by what is computed at run time") }
      node = node.swappingInputs()
    }
    try set(node, staged(node, meaning(node, 0, "input"), constant, isFirst: isFirst))
  }

  /// `x` with a constant, which stands first or second.
  mutating func staged(
    _ node: ONNXNode, _ x: ONNXMeaning, _ constant: ONNXConstant, isFirst: Bool
  ) throws(NodeFault) -> ONNXMeaning {
    guard var view = x.view else { throw unknown(node) }
    var x = x
    // A constant of more axes gives the result as many.
    let more = constant.shape.count - view.axes.count
    if more > 0, constant.shape.prefix(more).allSatisfy({ $0 == 1 }),
      let wider = view.reshaped(to: Array(repeating: 1, count: more) + view.shape)
    {
      (view, x) = (wider, x.with(wider))
    }
    var axes: [Int] = []
    var numbers = constant.reals
    if let scalar = constant.scalar, constant.shape.count <= view.axes.count {
      numbers = [scalar]
    } else {
      let wide = constant.shape.indices.filter { constant.shape[$0] != 1 }
      axes = wide.map { $0 + view.axes.count - constant.shape.count }
      let fits = zip(axes, wide).allSatisfy { view.axes.indices.contains($0) && view.shape[$0] == constant.shape[$1] }
      guard !axes.isEmpty, fits else {
        throw NodeFault(
          "its constant has the shape \(constant.shape), its other input \(view.shape)",
          remedy: "constants of one number, or of the other input's size along some axes, are supported")
      }
    }
    let stages: [ConstantStage]
    switch node.type {
    case "Add", "QLinearAdd", "Sum", "Mean": stages = [.added(numbers)]
    case "Sub": stages = isFirst ? [.multiplied(by: [-1]), .added(numbers)] : [.added(numbers.map { -$0 })]
    case "Mul", "QLinearMul": stages = [.multiplied(by: numbers)]
    default: stages = [.divided(by: numbers)]
    }
    guard stages.allSatisfy(\.isFinite) else { throw NodeFault("its constant holds what is no finite number") }
    if case .divided(let divisors) = stages[0], divisors.contains(0) { throw NodeFault("it divides by zero") }
    return try staged(node, x, stages, axes: axes)
  }

  /// A sum, difference or product of two tensors of codes, which come to lie alike in memory.
  mutating func combined(
    _ kind: Operation.Kind, _ typeName: String, _ left: ONNXCodes, _ right: ONNXCodes
  ) throws(NodeFault) -> ONNXPending {
    if left.view == right.view, tensors[left.tensor].shape == tensors[right.tensor].shape {
      return ONNXPending(
        .combine(kind, left.tensor, right.tensor), typeName: typeName, view: left.view,
        shape: tensors[left.tensor].shape)
    }
    let (a, b) = (left.view.shape, right.view.shape)
    let rank = max(a.count, b.count)
    let padded = [a, b].map { Array(repeating: 1, count: rank - $0.count) + $0 }
    guard (0..<rank).allSatisfy({ padded[0][$0] == padded[1][$0] || padded[0][$0] == 1 || padded[1][$0] == 1 }) else {
      throw NodeFault("its inputs' shapes, \(a) and \(b), do not broadcast")
    }
    let shape = (0..<rank).map { max(padded[0][$0], padded[1][$0]) }
    // Images stay as they are in memory; all else comes into the file's order.
    let images = [0, 2, 3, 1]
    let order =
      rank == 4
        && (a.count == 4 && left.view.lies(inMemory: images) || b.count == 4 && right.view.lies(inMemory: images))
      ? images : Array(0..<rank)
    func lying(_ codes: ONNXCodes, _ shape: [Int]) throws(NodeFault) -> Int {
      var codes = codes
      guard let view = codes.view.reshaped(to: shape) else { throw NodeFault("its inputs' shapes do not broadcast") }
      codes.view = view
      return arranged(codes, order)
    }
    return ONNXPending(
      .combine(kind, try lying(left, padded[0]), try lying(right, padded[1])), typeName: typeName,
      view: StridedView(shape: shape, inMemory: order), shape: order.map { shape[$0] })
  }

  // MARK: ONNX Runtime's QLinear operators

  mutating func translateMicrosoft(_ node: ONNXNode) throws(NodeFault) {
    switch node.type {
    case "QuantizeLinear": try quantizeLinear(node)
    case "DequantizeLinear": try dequantizeLinear(node)
    case "QLinearAdd", "QLinearMul":
      let kind: Operation.Kind = node.type == "QLinearAdd" ? .add(.none) : .multiply(.none)
      let made: ONNXMeaning
      if let constant = try constantOperand(node, 3) {
        made = try staged(node, .codes(operand(node, 0)), constant, isFirst: false)
      } else if let constant = try constantOperand(node, 0) {
        made = try staged(node, .codes(operand(node, 3)), constant, isFirst: true)
      } else {
        made = .pending(try combined(kind, node.type, operand(node, 0), operand(node, 3)))
      }
      try setInteger(node, made, linearQuantizer(node, 6))
    case "QGemm": try qGemm(node)
    case "QLinearSoftmax": try qLinearSoftmax(node)
    case "QLinearSigmoid": try qLinearUnary(node, .logistic)
    case "QLinearLeakyRelu": try qLinearUnary(node, .leakyRelu(alpha: node.float("alpha", default: 0.01)))
    case "QLinearGlobalAveragePool", "QLinearAveragePool":
      guard node.int("channels_last", default: 0) == 0 else {
        throw NodeFault(
          "its channels come last (channels_last)", remedy: "quantise without channels_last", isOfOperator: true)
      }
      let isGlobal = node.type == "QLinearGlobalAveragePool"
      try setInteger(
        node, .pending(averagePending(node, operand(node, 0), isGlobal: isGlobal)), linearQuantizer(node, 3))
    case "QLinearConcat":
      let quantizer = try linearQuantizer(node, 0)
      var parts: [ONNXMeaning] = []
      for position in stride(from: 2, to: node.inputs.count, by: 3) {
        if let constant = try constantOperand(node, position) {
          parts.append(.constant(constant))
        } else {
          parts.append(.codes(try operand(node, position)))
        }
      }
      try setInteger(node, .pending(joined(node, parts, axis: node.int("axis", default: 0))), quantizer)
    case "DynamicQuantizeLSTM":
      throw NodeFault(
        "dynamic quantisation measures scales at run time, in floating point", remedy: Self.recurrentRemedy,
        isOfOperator: true)
    case "DynamicQuantizeMatMul", "MatMulIntegerToFloat":
      throw NodeFault(
        "dynamic quantisation measures scales at run time, in floating point",
        remedy: "quantise statically (onnxruntime.quantization.quantize_static)", isOfOperator: true)
    default: throw unknown(node, isOfOperator: true)
    }
  }

  private mutating func qLinearUnary(_ node: ONNXNode, _ function: RealFunction) throws(NodeFault) {
    // By itself, since it may add the tensor that the function looks at.
    let input = try operand(node, 0)
    try setInteger(node, applied(function, to: .codes(input)), linearQuantizer(node, 3))
  }
}
