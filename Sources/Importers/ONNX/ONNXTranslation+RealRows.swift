import Network

// Reductions, normalisations and softmax of real numbers, along any axes.
extension ONNXTranslation {
  // MARK: Reductions

  /// One number for all elements along some axes of what `codes` hold. The axes stay, with one element each, where
  /// `keepsDimensions` says so.
  mutating func reduced(
    _ node: ONNXNode, _ kind: (_ keepsDimensions: Bool) -> Operation.Kind, _ codes: ONNXCodes, _ axes: Set<Int>,
    keepsDimensions: Bool = true, _ role: String? = nil
  ) -> ONNXCodes {
    let shape = codes.view.shape
    // As they lie, where the axes are neighbours there; else in front.
    let images = [0, 2, 3, 1]
    var order = shape.count == 4 && codes.view.lies(inMemory: images) ? images : Array(shape.indices)
    let places = order.indices.filter { axes.contains(order[$0]) }
    if let first = places.first, let last = places.last, last - first + 1 != places.count {
      order = axes.sorted() + shape.indices.filter { !axes.contains($0) }
    }
    let tensor = arranged(codes, order)
    let listed = addIntegers("axes", order.indices.filter { axes.contains(order[$0]) })
    let left = order.map { axes.contains($0) ? 1 : shape[$0] }
    let made = emit(kind(true), node, [tensor, listed], left, role)
    let view = StridedView(shape: shape.indices.map { axes.contains($0) ? 1 : shape[$0] }, inMemory: order)
    let kept = shape.indices.filter { keepsDimensions || !axes.contains($0) }
    return ONNXCodes(
      tensor: made, view: view.reshaped(to: kept.map { axes.contains($0) ? 1 : shape[$0] }) ?? view, isReal: true)
  }

  mutating func realReduction(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let (axes, _) = try reducedAxes(node, x.view.shape)
    guard !axes.isEmpty else { return try set(node, .codes(x)) }
    let keeps = node.int("keepdims", default: 1) != 0
    let sum: (Bool) -> Operation.Kind = { .reduce(.sum, keepsDimensions: $0) }
    func made(
      _ functions: [RealFunction], _ kind: (Bool) -> Operation.Kind, _ behind: [RealFunction]
    ) throws(NodeFault) {
      let source = functions.isEmpty ? x : function(node, functions, of: x, "in front")
      let result = reduced(node, kind, source, axes, keepsDimensions: keeps, behind.isEmpty ? nil : "sum")
      try set(node, .codes(behind.isEmpty ? result : function(node, behind, of: result)))
    }
    switch node.type {
    case "ReduceMean": try made([], { .mean(keepsDimensions: $0) }, [])
    case "ReduceMax": try made([], { .reduce(.maximum, keepsDimensions: $0) }, [])
    case "ReduceMin": try made([], { .reduce(.minimum, keepsDimensions: $0) }, [])
    case "ReduceL1": try made([.absolute], sum, [])
    case "ReduceL2": try made([.square], sum, [.squareRoot])
    case "ReduceSumSquare": try made([.square], sum, [])
    case "ReduceLogSum": try made([], sum, [.logarithm])
    case "ReduceLogSumExp":
      // Less the largest, of which no power is above 1.
      let largest = reduced(node, { .reduce(.maximum, keepsDimensions: $0) }, x, axes, "largest")
      let less = try combined(node, .subtract(.none), [.codes(x), .codes(largest)], "less")
      let total = reduced(node, sum, function(node, [.exponential], of: less, "powers"), axes, "sum")
      var result = try combined(
        node, .add(.none), [.codes(largest), .codes(function(node, [.logarithm], of: total, "logarithm"))])
      let shape = x.view.shape
      let kept = shape.indices.filter { keeps || !axes.contains($0) }.map { axes.contains($0) ? 1 : shape[$0] }
      if let view = result.view.reshaped(to: kept) { result.view = view }
      try set(node, .codes(result))
    default: try made([], sum, [])
    }
  }

  /// Sums up to each element of an axis.
  mutating func realRunningSum(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let axis = try axis(Int(scalar(node, 1, "axis").clamped(to: -64...64)), x.view.shape)
    let tensor = rowMajor(x)
    let kind = Operation.Kind.cumulativeSum(
      isExclusive: node.int("exclusive", default: 0) != 0, isReverse: node.int("reverse", default: 0) != 0)
    let made = emit(kind, node, [tensor, addIntegers("axis", [axis])], x.view.shape)
    try set(node, .codes(ONNXCodes(tensor: made, view: StridedView(rowMajor: x.view.shape), isReal: true)))
  }

  func axis(_ axis: Int, _ shape: [Int]) throws(NodeFault) -> Int {
    let place = axis < 0 ? axis + shape.count : axis
    guard shape.indices.contains(place) else { throw NodeFault("its axis \(axis) does not exist in \(shape)") }
    return place
  }

  // MARK: Normalisation

  /// (x − mean) / √(variance + ε) along some axes; without the mean x / √(mean of squares + ε).
  private mutating func standardised(
    _ node: ONNXNode, _ x: ONNXCodes, _ axes: Set<Int>, epsilon: Double, isCentred: Bool = true
  ) throws(NodeFault) -> ONNXCodes {
    guard epsilon >= 0, epsilon.isFinite, !axes.isEmpty else {
      throw NodeFault("its epsilon is \(epsilon), and it runs over \(axes.count) axes of \(x.view.shape)")
    }
    var centred = x
    if isCentred {
      let mean = reduced(node, { .mean(keepsDimensions: $0) }, x, axes, "mean")
      centred = try combined(node, .subtract(.none), [.codes(x), .codes(mean)], "centred")
    }
    let squares = function(node, [.square], of: centred, "squares")
    let variance = reduced(node, { .mean(keepsDimensions: $0) }, squares, axes, "variance")
    let factor = function(node, [.scaled(by: 1, plus: epsilon), .reciprocalSquareRoot], of: variance, "factor")
    return try combined(node, .multiply(.none), [.codes(centred), .codes(factor)], "standardised")
  }

  /// `x` with a gain and an offset, numbers for each index along `axes`; nil where there is none.
  private mutating func scaled(
    _ node: ONNXNode, _ x: ONNXCodes, gain: ONNXConstant?, offset: ONNXConstant?, axes: [Int]
  ) throws(NodeFault) -> ONNXMeaning {
    let size = axes.reduce(1) { $0 * x.view.shape[$1] }
    var stages: [ConstantStage] = []
    for (constant, stage) in [(gain, { .multiplied(by: $0) }), (offset, { .added($0) })]
      as [(ONNXConstant?, ([Double]) -> ConstantStage)]
    {
      guard let constant else { continue }
      guard constant.count == size || constant.count == 1, constant.reals.allSatisfy(\.isFinite) else {
        throw NodeFault(
          "its gain or offset has \(constant.count) elements for \(size), or holds what is no finite number")
      }
      stages.append(stage(constant.reals))
    }
    if case .multiplied(let factors)? = stages.first, factors.allSatisfy({ $0 == 1 }) { stages.removeFirst() }
    if case .added(let summands)? = stages.last, summands.allSatisfy({ $0 == 0 }) { stages.removeLast() }
    return stages.isEmpty ? .codes(x) : try staged(node, .codes(x), stages, axes: axes)
  }

  private func optionalConstant(_ node: ONNXNode, _ position: Int, _ role: String) throws(NodeFault) -> ONNXConstant? {
    node.hasInput(position) ? try constant(node, position, role) : nil
  }

  /// LayerNormalization and its kind, from an axis to the last.
  mutating func layerNormalization(_ node: ONNXNode) throws(NodeFault) {
    var x = try real(node, 0, "input")
    var next = 1
    if node.type.hasPrefix("Skip") {
      x = try combined(node, .add(.none), [.codes(x), .codes(real(node, 1, "skipped input"))], "sum")
      next = 2
    }
    let shape = x.view.shape
    let axis = try axis(node.int("axis", default: -1), shape)
    let isPlain = node.type.contains("RMS") || node.type.contains("Simplified")
    let gain = try optionalConstant(node, next, "scale")
    let offset = isPlain ? nil : try optionalConstant(node, next + 1, "bias")
    if node.type.hasPrefix("Skip"), node.hasInput(isPlain ? 3 : 4) {
      let bias = try constant(node, isPlain ? 3 : 4, "bias")
      x = try combined(node, .add(.none), [.codes(x), .constant(bias)], "biased")
    }
    // Where the sum itself is read, too, it is the fourth output.
    if node.type.hasPrefix("Skip"), node.outputs.count > 3, !node.outputs[3].isEmpty {
      meanings[node.outputs[3]] = .codes(x)
    }
    let axes = Array(axis..<shape.count)
    let standardised = try standardised(
      node, x, Set(axes), epsilon: Double(node.float("epsilon", default: 1e-5)), isCentred: !isPlain)
    try setFirst(node, scaled(node, standardised, gain: gain, offset: offset, axes: axes))
  }

  /// As `set`; other outputs may be read where they have a meaning.
  private mutating func setFirst(_ node: ONNXNode, _ meaning: ONNXMeaning) throws(NodeFault) {
    guard let output = node.outputs.first,
      node.outputs.dropFirst().allSatisfy({ $0.isEmpty || readers[$0] == nil || meanings[$0] != nil })
    else { throw NodeFault("its mean or deviation is read, too; one output is supported") }
    meanings[output] = meaning
    try settle(output)
  }

  /// Channels in groups, each with all places of the image: one channel a group in InstanceNormalization.
  mutating func groupNormalization(_ node: ONNXNode, groups: Int?) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let shape = x.view.shape
    guard shape.count >= 2, groups ?? 1 > 0, shape[1] % (groups ?? 1) == 0 else {
      throw NodeFault("its input has the shape \(shape), for \(groups ?? 1) groups")
    }
    let epsilon = Double(node.float("epsilon", default: 1e-5))
    var (gain, offset) = (try constant(node, 1, "scale"), try constant(node, 2, "bias"))
    var made: ONNXCodes
    if let groups, groups != shape[1] {
      let size = shape[1] / groups
      let split = [shape[0], groups, size] + shape.dropFirst(2)
      var source = x
      if let view = x.view.reshaped(to: split) {
        source.view = view
      } else {
        source = ONNXCodes(tensor: rowMajor(x), view: StridedView(rowMajor: split), isReal: true)
      }
      made = try standardised(node, source, Set(2..<split.count), epsilon: epsilon)
      if let view = made.view.reshaped(to: shape) {
        made.view = view
      } else {
        made = ONNXCodes(tensor: rowMajor(made), view: StridedView(rowMajor: shape), isReal: true)
      }
      // Until version 20 there is one gain a group.
      if gain.count == groups, version < 21 {
        gain.reals = gain.reals.flatMap { Array(repeating: $0, count: size) }
        offset.reals = offset.reals.flatMap { Array(repeating: $0, count: size) }
      }
    } else {
      made = try standardised(node, x, Set(2..<shape.count), epsilon: epsilon)
    }
    try set(node, scaled(node, made, gain: gain, offset: offset, axes: [1]))
  }

  mutating func meanVarianceNormalization(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    var axes: Set<Int> = []
    for listed in node.ints("axes") ?? [0, 2, 3] { axes.insert(try axis(listed, x.view.shape)) }
    try set(node, .codes(standardised(node, x, axes, epsilon: 1e-9)))
  }

  /// Each row divided by its length: by an operator of TensorFlow Lite where the rows are short, for its codes are of 1/128.
  mutating func lengthNormalization(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let shape = x.view.shape
    let axis = try axis(node.int("axis", default: -1), shape)
    let isLinear = node.int("p", default: 2) == 1
    if !isLinear, shape[axis] <= 64 {
      let order = shape.indices.filter { $0 != axis } + [axis]
      let made = emit(.normalize, node, [arranged(x, order)], order.map { shape[$0] })
      return try set(
        node, .codes(ONNXCodes(tensor: made, view: StridedView(shape: shape, inMemory: order), isReal: true)))
    }
    let parts = function(node, [isLinear ? .absolute : .square], of: x, "parts")
    let sum = reduced(node, { .reduce(.sum, keepsDimensions: $0) }, parts, [axis], "sum")
    let factor = function(node, [isLinear ? .reciprocal : .reciprocalSquareRoot], of: sum, "factor")
    try set(node, .codes(combined(node, .multiply(.none), [.codes(x), .codes(factor)])))
  }

  /// LRN: x / (bias + alpha / size · sum of squares of neighbouring channels)^beta, the sums a dense layer over channels.
  mutating func responseNormalization(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let shape = x.view.shape
    let size = node.int("size", default: 0)
    guard shape.count >= 2, (1...1 << 12).contains(size), let count = elementCount([shape[1], shape[1]]) else {
      throw NodeFault("its size is \(size), its input \(shape)")
    }
    try spend(count)
    let (alpha, beta) = (node.float("alpha", default: 1e-4), Double(node.float("beta", default: 0.75)))
    let bias = node.float("bias", default: 1)
    let order = [0] + Array(2..<shape.count) + [1]
    let squares = function(node, [.square], of: x, "squares")
    let channels = shape[1]
    var weights = [Float](repeating: 0, count: count)
    for channel in 0..<channels {
      let (first, last) = (max(0, channel - (size - 1) / 2), min(channels - 1, channel + size / 2))
      for other in first...last { weights[channel * channels + other] = alpha / Float(size) }
    }
    let sums = emit(
      .fullyConnected(keepsDimensions: true, .none), node,
      [
        arranged(squares, order), addReals("weights", weights, [channels, channels]),
        addReals("bias", Array(repeating: bias, count: channels), [channels]),
      ], order.map { shape[$0] }, "sums")
    let view = StridedView(shape: shape, inMemory: order)
    let factor = function(
      node, [.logarithm, .scaled(by: -beta, plus: 0), .exponential],
      of: ONNXCodes(tensor: sums, view: view, isReal: true), "factor")
    try set(node, .codes(combined(node, .multiply(.none), [.codes(x), .codes(factor)])))
  }

  // MARK: Softmax

  /// Along any axis, which comes to lie innermost; until version 12 along all from the axis on.
  mutating func realSoftmax(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let shape = x.view.shape
    let axis = try axis(node.int("axis", default: version < 13 ? 1 : -1), shape)
    let kind: Operation.Kind = node.type == "Softmax" ? .softmax(beta: 1) : .logSoftmax
    if version < 13, axis < shape.count - 1 {
      let rows = [shape[..<axis].reduce(1, *), shape[axis...].reduce(1, *)]
      let flat = move(.reshape(shape: nil), "Reshape", [rowMajor(x)], shape: rows)
      let made = emit(kind, node, [flat], rows)
      return try set(node, .codes(ONNXCodes(tensor: made, view: StridedView(rowMajor: shape), isReal: true)))
    }
    let order = shape.indices.filter { $0 != axis } + [axis]
    let made = emit(kind, node, [arranged(x, order)], order.map { shape[$0] })
    try set(node, .codes(ONNXCodes(tensor: made, view: StridedView(shape: shape, inMemory: order), isReal: true)))
  }
}
