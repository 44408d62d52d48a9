import Network

// Operators of real numbers, as graphs have them before they are quantised. Whatever quantises such a graph chooses the
// arithmetic, so that an operator may be written out as several.
extension ONNXTranslation {
  /// Operators of ONNX Runtime that its optimiser leaves in graphs of real numbers.
  static let runtimeOperators: Set<String> = [
    "Gelu", "FastGelu", "QuickGelu", "BiasGelu", "FusedMatMul", "SkipLayerNormalization",
    "SimplifiedLayerNormalization",
    "SkipSimplifiedLayerNormalization", "LayerNormalization",
  ]

  /// Translates what graphs of real numbers are read in otherwise than quantised ones; false for all else.
  mutating func translateReal(_ node: ONNXNode) throws(NodeFault) -> Bool {
    switch node.type {
    case "Add", "Sub", "Mul", "Div": return try realElementwise(node)
    case "Sum", "Mean": try realSum(node)
    case "Max", "Min": try realExtremum(node)
    case "PRelu": return try realParametricRelu(node)
    case "Pow": return try realPower(node)
    case "Shrink":
      let (lambda, bias) = (Double(node.float("lambd", default: 0.5)), Double(node.float("bias", default: 0)))
      try unary(
        node,
        .chosen(
          [.joined(.compared(.less), [], [.constant(-lambda)])], [.scaled(by: 1, plus: bias)],
          [
            .chosen(
              [.joined(.compared(.greater), [], [.constant(lambda)])], [.scaled(by: 1, plus: -bias)], [.constant(0)])
          ]))
    case "Swish", "QuickGelu":
      let alpha = Double(node.float("alpha", default: node.type == "Swish" ? 1 : 1.702))
      try unary(node, .joined(.product, [], [.scaled(by: alpha, plus: 0), .logistic]))
    case "Gelu" where node.domain == "com.microsoft": try unary(node, .gelu(isApproximate: false))
    case "FastGelu", "BiasGelu":
      let isFast = node.type == "FastGelu"
      let sum = node.hasInput(1) ? try combined(node, .add(.none), parts(node, [0, 1])) : try real(node, 0, "input")
      try set(node, applied(.gelu(isApproximate: isFast), to: .codes(sum)))
    case "Greater": try realComparison(node, .greater)
    case "GreaterOrEqual": try realComparison(node, .greaterOrEqual)
    case "Less": try realComparison(node, .less)
    case "LessOrEqual": try realComparison(node, .lessOrEqual)
    case "Equal": try realComparison(node, .equal)
    case "And": try set(node, .codes(joined(node, .and, truth(node, 0), truth(node, 1))))
    case "Or": try set(node, .codes(joined(node, .or, truth(node, 0), truth(node, 1))))
    case "Xor":
      let (a, b) = (try truth(node, 0), try truth(node, 1))
      let (one, both) = (try joined(node, .or, a, b), try joined(node, .and, a, b))
      try set(node, .codes(joined(node, .and, .codes(one), .codes(denied(node, .codes(both))))))
    case "Not": try set(node, .codes(denied(node, truth(node, 0))))
    case "Where": try realChoice(node)
    case "Cast": return try realCast(node)
    case "CumSum": try realRunningSum(node)
    case "LayerNormalization", "SkipLayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization",
      "SkipSimplifiedLayerNormalization":
      try layerNormalization(node)
    case "InstanceNormalization": try groupNormalization(node, groups: nil)
    case "GroupNormalization": try groupNormalization(node, groups: node.int("num_groups", default: 1))
    case "MeanVarianceNormalization": try meanVarianceNormalization(node)
    case "LpNormalization": try lengthNormalization(node)
    case "LRN": try responseNormalization(node)
    case "Softmax", "LogSoftmax": try realSoftmax(node)
    case "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum",
      "ReduceLogSumExp":
      try realReduction(node)
    case "MatMul", "FusedMatMul": return try realProduct(node)
    case "Gemm": return try realGemm(node)
    case "Einsum": try einsum(node)
    case "Gather": return try realGather(node)
    case "GatherElements": try gatherElements(node)
    case "GatherND": try gatherByPlaces(node)
    case "ReverseSequence": try reverseSequences(node)
    case "OneHot": try oneHot(node)
    case "Trilu": try triangle(node)
    case "Concat": return try realConcatenation(node)
    case "Resize", "Upsample": return try realResize(node)
    case "MaxPool": return try dilatedPool(node)
    case "LSTM", "GRU", "RNN": try recurrent(node)
    default: return false
    }
    return true
  }

  // MARK: What nodes read and make

  /// An input that is reckoned, as real numbers; a constant as a tensor of its own.
  mutating func real(_ node: ONNXNode, _ position: Int, _ role: String) throws(NodeFault) -> ONNXCodes {
    switch try part(node, position, role) {
    case .codes(let codes): return try real(codes, node)
    case .constant(let constant):
      let tensor = addReals(node.inputs[position], try Self.finite(constant), constant.shape)
      return ONNXCodes(tensor: tensor, view: StridedView(rowMajor: constant.shape), isReal: true)
    default: throw NodeFault("its \(role) cannot be made")
    }
  }

  /// Whole numbers and truth values as real numbers.
  mutating func real(_ codes: ONNXCodes, _ node: ONNXNode) throws(NodeFault) -> ONNXCodes {
    guard !codes.isReal else { return codes }
    let tensor = tensors[codes.tensor]
    if let cast = realsOfIntegers[codes.tensor] { return ONNXCodes(tensor: cast, view: codes.view, isReal: true) }
    let made = addTensor(Tensor(name: "\(tensor.name)/real", shape: tensor.shape, type: .float32))
    if tensor.type == .boolean {
      let (one, zero) = (addReals("one", [1], [1]), addReals("zero", [0], [1]))
      operations.append(Operation(.select, typeName: node.type, inputs: [codes.tensor, one, zero], outputs: [made]))
    } else {
      operations.append(Operation(.constant(.cast), typeName: node.type, inputs: [codes.tensor], outputs: [made]))
    }
    realsOfIntegers[codes.tensor] = made
    return ONNXCodes(tensor: made, view: codes.view, isReal: true)
  }

  /// An input with nothing pending.
  mutating func part(_ node: ONNXNode, _ position: Int, _ role: String = "input") throws(NodeFault) -> ONNXMeaning {
    if node.hasInput(position) { try settle(node.inputs[position]) }
    let meaning = try meaning(node, position, role)
    switch meaning {
    case .codes, .constant: return meaning
    default: throw NodeFault("its \(role), \"\(node.inputs[position].printable())\", cannot be made")
    }
  }

  mutating func parts(_ node: ONNXNode, _ positions: [Int]) throws(NodeFault) -> [ONNXMeaning] {
    var parts: [ONNXMeaning] = []
    for position in positions { parts.append(try part(node, position, "input \(position)")) }
    return parts
  }

  /// The numbers of a constant in single precision. What is infinite, as masks are, is as far as sums with it stay finite.
  static func finite(_ constant: ONNXConstant) throws(NodeFault) -> [Float] {
    guard !constant.reals.contains(where: \.isNaN) else { throw NodeFault("its constant holds what is no number") }
    return constant.reals.map { Float($0.clamped(to: -0x1p126...0x1p126)) }
  }

  /// Adds an operation on real numbers, and the tensor it makes.
  mutating func emit(
    _ kind: Operation.Kind, _ node: ONNXNode, _ inputs: [Int?], _ shape: [Int], _ role: String? = nil,
    type: ElementType = .float32
  ) -> Int {
    let name = node.outputs.first ?? ""
    let made = addTensor(Tensor(name: role.map { "\(name)/\($0)" } ?? name, shape: shape, type: type))
    operations.append(Operation(kind, typeName: node.type, inputs: inputs, outputs: [made]))
    return made
  }

  mutating func addIntegers(_ name: String, _ integers: [Int]) -> Int {
    addConstant(name, integers.map(Int64.init), [integers.count], .int32)
  }

  /// The order of axes in memory in which tensors come to lie alike: images stay as they are.
  func sharedOrder(_ parts: [ONNXMeaning], rank: Int) -> [Int] {
    let images = [0, 2, 3, 1]
    let hasImage = parts.contains { part in
      if case .codes(let codes) = part {
        codes.view.axes.count == 4 && codes.view.lies(inMemory: images)
      } else {
        false
      }
    }
    return rank == 4 && hasImage ? images : Array(0..<rank)
  }

  /// Tensors, constants among them, with axes in one order in memory, by NumPy's rules of broadcasting; the shape they come
  /// to, in the file's order.
  mutating func alike(_ parts: [ONNXMeaning]) throws(NodeFault) -> (tensors: [Int], shape: [Int], order: [Int]) {
    let shapes = parts.map { $0.view?.shape ?? [] }
    let rank = shapes.map(\.count).max() ?? 0
    let padded = shapes.map { Array(repeating: 1, count: rank - $0.count) + $0 }
    let shape = (0..<rank).map { axis in padded.map { $0[axis] }.max() ?? 1 }
    guard padded.allSatisfy({ zip($0, shape).allSatisfy { $0 == $1 || $0 == 1 } }), elementCount(shape) != nil else {
      throw NodeFault("its inputs' shapes, \(shapes), do not broadcast")
    }
    let order = sharedOrder(parts, rank: rank)
    var tensors: [Int] = []
    for (part, shape) in zip(parts, padded) { tensors.append(try lying(part, shape, order)) }
    return (tensors, shape, order)
  }

  /// A tensor or constant as one of `shape`, its axes in the order `order` in memory.
  mutating func lying(_ part: ONNXMeaning, _ shape: [Int], _ order: [Int]) throws(NodeFault) -> Int {
    switch part {
    case .codes(var codes):
      guard let view = codes.view.reshaped(to: shape) else { throw NodeFault("its inputs' shapes do not broadcast") }
      codes.view = view
      return arranged(codes, order)
    case .constant(let constant):
      let view = StridedView(rowMajor: shape)
      let places = order.reduce([0]) { starts, axis in
        starts.flatMap { start in view.offsets(along: axis).map { start + $0 } }
      }
      if constant.dataType == 9 {
        return addConstant(
          "condition", places.map { constant.reals[$0] == 0 ? 0 : 1 }, order.map { shape[$0] }, .boolean)
      }
      let reals = try Self.finite(constant)
      return addReals("constant", places.map { reals[$0] }, order.map { shape[$0] })
    default: throw NodeFault("an input of it cannot be made")
    }
  }

  /// An operation of several tensors, element by element.
  mutating func combined(
    _ node: ONNXNode, _ kind: Operation.Kind, _ parts: [ONNXMeaning], _ role: String? = nil,
    type: ElementType = .float32
  ) throws(NodeFault) -> ONNXCodes {
    let (operands, shape, order) = try alike(parts)
    let made = emit(kind, node, operands, order.map { shape[$0] }, role, type: type)
    return ONNXCodes(tensor: made, view: StridedView(shape: shape, inMemory: order), isReal: type == .float32)
  }

  /// Functions of each element, one after the other, as one operation.
  mutating func function(
    _ node: ONNXNode, _ functions: [RealFunction], of codes: ONNXCodes, _ role: String? = nil
  ) -> ONNXCodes {
    var made = codes
    made.tensor = emit(.unary(.composed(functions)), node, [codes.tensor], tensors[codes.tensor].shape, role)
    return made
  }

  // MARK: Two operands

  /// Sums and the like with one constant number, or one a channel, go the way of quantised graphs, into weights.
  private mutating func realElementwise(_ node: ONNXNode) throws(NodeFault) -> Bool {
    let meanings = [try meaning(node, 0, "first input"), try meaning(node, 1, "second input")]
    for (position, meaning) in meanings.enumerated() {
      guard case .constant(let constant) = meaning, let view = meanings[1 - position].view else { continue }
      let isDivided = node.type == "Div" && position == 0
      let wide = constant.shape.indices.filter { constant.shape[$0] != 1 }
      let fits =
        constant.shape.count <= view.axes.count
        && wide.allSatisfy {
          view.shape[$0 + view.axes.count - constant.shape.count] == constant.shape[$0]
        }
      let axis = wide.first.map { $0 + view.axes.count - constant.shape.count }
      switch meanings[1 - position] {
      case .codes(let codes) where codes.isReal: if fits, wide.count <= 1, !isDivided { return false }
      // Weights have one gain a channel, and channels are innermost.
      case .pending where axis == nil || view.innermostAxis == axis:
        if fits, wide.count <= 1, !isDivided { return false }
      default: break
      }
      if isDivided, let scalar = constant.scalar, fits {
        let divisor = try real(node, 1, "second input")
        try set(node, applied(.scaled(by: scalar, plus: 0), to: applied(.reciprocal, to: .codes(divisor))))
        return true
      }
    }
    let kinds: [String: Operation.Kind] = [
      "Add": .add(.none), "Sub": .subtract(.none), "Mul": .multiply(.none), "Div": .divide(.none),
    ]
    guard let kind = kinds[node.type] else { throw unknown(node) }
    let operands = try realParts(node, [0, 1])
    // Sums of two tensors wait for the clamp behind them.
    if node.type != "Div", case .codes = operands[0], case .codes = operands[1] {
      let (tensors, shape, order) = try alike(operands)
      try set(
        node,
        .pending(
          ONNXPending(
            .combine(kind, tensors[0], tensors[1]), typeName: node.type,
            view: StridedView(shape: shape, inMemory: order),
            shape: order.map { shape[$0] })))
      return true
    }
    try set(node, .codes(combined(node, kind, operands)))
    return true
  }

  /// Inputs as real numbers, constants as they are.
  mutating func realParts(_ node: ONNXNode, _ positions: [Int]) throws(NodeFault) -> [ONNXMeaning] {
    var made: [ONNXMeaning] = []
    for part in try parts(node, positions) {
      if case .codes(let codes) = part { made.append(.codes(try real(codes, node))) } else { made.append(part) }
    }
    return made
  }

  private mutating func realSum(_ node: ONNXNode) throws(NodeFault) {
    let parts = try realParts(node, Array(node.inputs.indices))
    guard var sum = parts.first else { throw unknown(node) }
    for (index, part) in parts.dropFirst().enumerated() {
      let isLast = index == parts.count - 2 && node.type == "Sum"
      sum = .codes(try combined(node, .add(.none), [sum, part], isLast ? nil : "sum\(index)"))
    }
    if node.type == "Mean" { sum = try applied(.divided(by: Double(parts.count)), to: sum) }
    try set(node, sum)
  }

  /// One constant number is a clamp.
  private mutating func realExtremum(_ node: ONNXNode) throws(NodeFault) {
    let isMaximum = node.type == "Max"
    var made: ONNXMeaning?
    for part in try realParts(node, Array(node.inputs.indices)) {
      guard let known = made else {
        made = part
        continue
      }
      let parts = [known, part]
      if let (constant, other) = Self.constantFirst(parts), let scalar = constant.scalar,
        constant.shape.count <= other.view?.axes.count ?? 0
      {
        made = try applied(isMaximum ? .clamp(scalar, .infinity) : .clamp(-.infinity, scalar), to: other)
        if node.inputs.count > 2, case .pending(let pending)? = made {
          made = .codes(try settled(pending, name: "\(node.outputs.first ?? "")/part"))
        }
      } else {
        made = .codes(
          try combined(
            node, isMaximum ? .maximum : .minimum, parts, node.inputs.count > 2 ? "part\(tensors.count)" : nil))
      }
    }
    guard let made else { throw unknown(node) }
    try set(node, made)
  }

  private static func constantFirst(_ parts: [ONNXMeaning]) -> (ONNXConstant, ONNXMeaning)? {
    switch (parts[0], parts[1]) {
    case (.constant(let constant), let other), (let other, .constant(let constant)): (constant, other)
    default: nil
    }
  }

  /// One slope for all goes the way of quantised graphs.
  private mutating func realParametricRelu(_ node: ONNXNode) throws(NodeFault) -> Bool {
    let parts = try realParts(node, [0, 1])
    if case .constant(let slope) = parts[1] {
      if slope.scalar != nil { return false }
      try set(node, .codes(combined(node, .parametricRelu, parts)))
      return true
    }
    // Slopes that are reckoned: of what is below zero the product with them.
    guard case .codes(let x) = parts[0] else { throw unknown(node) }
    let above = function(node, [.clamp(0, .infinity)], of: x, "above")
    let below = function(node, [.clamp(-.infinity, 0)], of: x, "below")
    let sloped = try combined(node, .multiply(.none), [.codes(below), parts[1]], "sloped")
    try set(node, .codes(combined(node, .add(.none), [.codes(above), .codes(sloped)])))
    return true
  }

  /// Powers that are no single function: whole ones are products, others e^(y · ln x).
  private mutating func realPower(_ node: ONNXNode) throws(NodeFault) -> Bool {
    guard case .constant(let constant) = try meaning(node, 1, "exponent"), let exponent = constant.scalar else {
      throw NodeFault("its exponent is computed at run time, or differs from element to element")
    }
    if [1, 2, 4, 0.5, -0.5, -1].contains(exponent) { return false }
    guard exponent.isFinite, abs(exponent) <= 64 else { throw NodeFault("its exponent is \(exponent)") }
    if exponent == 0 {
      try unary(node, .constant(1))
      return true
    }
    guard exponent == exponent.rounded() else {
      try unary(node, .logarithm, .scaled(by: exponent, plus: 0), .exponential)
      return true
    }
    // The bits of the exponent from the highest on: a square, and perhaps a product with the input itself.
    let whole = Int(abs(exponent))
    var functions: [RealFunction] = []
    for bit in (0..<Int.bitWidth - 1 - whole.leadingZeroBitCount).reversed() {
      functions.append(.square)
      if whole >> bit & 1 == 1 { functions = [.joined(.product, [], functions)] }
    }
    if exponent < 0 { functions.append(.reciprocal) }
    var made = try meaning(node, 0, "input")
    for function in functions { made = try applied(function, to: made) }
    try set(node, made)
    return true
  }

  // MARK: Truth values

  /// An input that is true or false; numbers are true where they are not 0.
  private mutating func truth(_ node: ONNXNode, _ position: Int) throws(NodeFault) -> ONNXMeaning {
    let part = try part(node, position, "input \(position)")
    switch part {
    case .constant(var constant):
      constant.reals = constant.reals.map { $0 == 0 ? 0 : 1 }
      constant.dataType = 9
      return .constant(constant)
    case .codes(let codes) where tensors[codes.tensor].type == .boolean: return part
    case .codes(let codes):
      let zero = ONNXConstant(shape: [], reals: [0], dataType: 1)
      return .codes(
        try combined(
          node, .compare(.notEqual), [.codes(real(codes, node)), .constant(zero)], "truth\(tensors.count)",
          type: .boolean))
    default: return part
    }
  }

  private mutating func joined(
    _ node: ONNXNode, _ logical: Logical, _ a: ONNXMeaning, _ b: ONNXMeaning
  ) throws(NodeFault) -> ONNXCodes {
    try combined(node, .logical(logical), [a, b], "\(logical)\(tensors.count)", type: .boolean)
  }

  private mutating func denied(_ node: ONNXNode, _ a: ONNXMeaning) throws(NodeFault) -> ONNXCodes {
    try combined(node, .logical(.not), [a], "not\(tensors.count)", type: .boolean)
  }

  private mutating func realComparison(_ node: ONNXNode, _ comparison: Comparison) throws(NodeFault) {
    // Of what is compared with one number the order does not matter.
    try set(node, .codes(combined(node, .compare(comparison), realParts(node, [0, 1]), type: .boolean)))
  }

  private mutating func realChoice(_ node: ONNXNode) throws(NodeFault) {
    let choices = try realParts(node, [1, 2])
    try set(node, .codes(combined(node, .select, [truth(node, 0)] + choices)))
  }

  /// Between whole numbers, real numbers and truth values; false where nothing is to be done but to go on.
  private mutating func realCast(_ node: ONNXNode) throws(NodeFault) -> Bool {
    guard case .codes(let codes) = try part(node, 0) else { return false }
    let type = Int32(truncatingIfNeeded: node.int("to", default: 1))
    switch type {
    case 1, 10, 11, 16: try set(node, .codes(real(codes, node)))
    case 9: try set(node, truth(node, 0))
    case _ where !codes.isReal && tensors[codes.tensor].type != .boolean: try set(node, .codes(codes))
    case _ where !codes.isReal: try set(node, .codes(real(codes, node)))
    case _ where ONNXElement.isInteger(type):
      // Towards zero; what is made of it are real numbers that are whole.
      let truncated = RealFunction.chosen([.joined(.compared(.less), [], [.constant(0)])], [.ceiling], [.floor])
      try set(node, applied(truncated, to: .codes(codes)))
    default: throw NodeFault("it casts to \(ONNXElement.name(type))")
    }
    return true
  }

  // MARK: Joining

  /// Constants among the parts; parts that are reckoned alone go the way of quantised graphs.
  private mutating func realConcatenation(_ node: ONNXNode) throws(NodeFault) -> Bool {
    let parts = try realParts(node, Array(node.inputs.indices))
    let shapes = parts.map { $0.view?.shape ?? [] }
    let rank = shapes.first?.count ?? 0
    let axis = node.int("axis", default: 0) < 0 ? node.int("axis", default: 0) + rank : node.int("axis", default: 0)
    guard (0..<rank).contains(axis), shapes.allSatisfy({ $0.count == rank }),
      shapes.allSatisfy({ shape in (0..<rank).allSatisfy { $0 == axis || shape[$0] == shapes[0][$0] } })
    else { throw NodeFault("its inputs' shapes, \(shapes), do not join along axis \(axis)") }
    var shape = shapes[0]
    shape[axis] = shapes.reduce(0) { $0 + $1[axis] }
    guard elementCount(shape) != nil else { throw NodeFault("it makes \(shape)") }
    let order = sharedOrder(parts, rank: rank)
    var operands: [Int] = []
    for (part, shape) in zip(parts, shapes) { operands.append(try lying(part, shape, order)) }
    let made = emit(
      .concatenation(axis: order.firstIndex(of: axis) ?? 0, .none), node, operands, order.map { shape[$0] })
    try set(node, .codes(ONNXCodes(tensor: made, view: StridedView(shape: shape, inMemory: order), isReal: true)))
    return true
  }
}
