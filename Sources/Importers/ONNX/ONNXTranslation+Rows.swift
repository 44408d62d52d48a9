import Network

// What is made of whole rows: Softmax and normalisations between quantisers.
extension ONNXTranslation {
  /// Softmax inside the network; at its end it is left to the caller.
  mutating func softmax(_ node: ONNXNode) throws(NodeFault) {
    guard isInside(node) else { return try atTheEnd(node) }
    try set(node, .pending(softmaxPending(node, realCodes(node, 0, "input"), version: version)))
  }

  /// ONNX Runtime's softmax of integers.
  mutating func qLinearSoftmax(_ node: ONNXNode) throws(NodeFault) {
    let x = try operand(node, 0)
    guard isInside(node) else { return try atTheEnd(node, x) }
    let pending = try softmaxPending(node, x, version: node.int("opset", default: version))
    try setInteger(node, .pending(pending), linearQuantizer(node, 3))
  }

  private func isInside(_ node: ONNXNode) -> Bool {
    !isFloat && node.outputs.first.map { endOfNetwork($0) == nil } ?? false
  }

  private mutating func softmaxPending(
    _ node: ONNXNode, _ x: ONNXCodes, version: Int
  ) throws(NodeFault) -> ONNXPending {
    let shape = x.view.shape
    // Until opset 12 all axes from the named one on are a row.
    let first = try axis(node, default: version < 13 ? 1 : -1, of: shape)
    return rows(node, x, along: version < 13 ? Array(first..<shape.count) : [first]) { _ in .softmax(beta: 1) }
  }

  /// An axis of `shape`, counted from its end where negative.
  private func axis(_ node: ONNXNode, default value: Int, of shape: [Int]) throws(NodeFault) -> Int {
    let listed = node.int("axis", default: value)
    let axis = listed < 0 ? listed + shape.count : listed
    guard shape.indices.contains(axis) else { throw NodeFault("its axis \(listed) does not exist in \(shape)") }
    return axis
  }

  /// What an operation makes of the rows along `axes`, given how long they are. The other axes stay in memory as they lie.
  private mutating func rows(
    _ node: ONNXNode, _ x: ONNXCodes, along axes: [Int], _ kind: (_ depth: Int) -> Operation.Kind
  ) -> ONNXPending {
    let shape = x.view.shape
    let others = shape.indices.filter { !axes.contains($0) }.sorted { x.view.reach(of: $0) > x.view.reach(of: $1) }
    let depth = axes.reduce(1) { $0 * shape[$1] }
    let tensor = matrix(arranged(x, others + axes), depth: depth)
    return ONNXPending(
      .rows(kind(depth), tensor), typeName: node.type, view: StridedView(shape: shape, inMemory: others + axes),
      shape: tensors[tensor].shape)
  }

  /// The tensor as rows of `depth` elements.
  private mutating func matrix(_ tensor: Int, depth: Int) -> Int {
    let shape = [tensors[tensor].shape.reduce(1, *) / depth, depth]
    return tensors[tensor].shape == shape ? tensor : move(.reshape(shape: nil), "Reshape", [tensor], shape: shape)
  }

  // MARK: Normalisations

  mutating func normalization(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    let pending: ONNXPending
    switch node.type {
    case "InstanceNormalization": pending = try groupNormalization(node, x, groups: x.view.shape.dropFirst().first ?? 0)
    case "GroupNormalization": pending = try groupNormalization(node, x, groups: node.int("num_groups", default: 0))
    case "LpNormalization": pending = try lengthNormalization(node, x)
    default: pending = try layerNormalization(node, x, isCentred: node.type == "LayerNormalization")
    }
    try set(node, .pending(pending))
  }

  private func epsilon(_ node: ONNXNode) -> Double { Double(node.float("epsilon", default: 1e-5)) }

  /// Over the axes from the named one on, with a gain and an offset for each element of these.
  private mutating func layerNormalization(
    _ node: ONNXNode, _ x: ONNXCodes, isCentred: Bool
  ) throws(NodeFault) -> ONNXPending {
    let shape = x.view.shape
    let first = try axis(node, default: -1, of: shape)
    let sizes = Array(shape[first...])
    let gains = try broadcast(constant(node, 1, "scale"), to: sizes)
    let offsets =
      node.hasInput(2) ? try broadcast(constant(node, 2, "bias"), to: sizes) : Array(repeating: 0, count: gains.count)
    let epsilon = epsilon(node)
    return rows(node, x, along: Array(first..<shape.count)) { depth in
      .standardize(
        RowScores(depth: depth, isCentred: isCentred, epsilon: epsilon, gains: gains, offsets: offsets, run: 1))
    }
  }

  /// Over the elements of a group of channels, with a gain and an offset for each channel or for each group.
  private mutating func groupNormalization(
    _ node: ONNXNode, _ x: ONNXCodes, groups: Int
  ) throws(NodeFault) -> ONNXPending {
    let shape = x.view.shape
    guard shape.count >= 3, groups > 0, shape[1] % groups == 0 else {
      throw NodeFault("it makes \(groups) groups of the channels of \(shape)")
    }
    let (gain, offset) = (try constant(node, 1, "scale"), try constant(node, 2, "bias"))
    let depth = shape.dropFirst().reduce(1, *) / groups
    guard gain.count == offset.count, [groups, shape[1]].contains(gain.count) else {
      throw NodeFault("its scale and bias have \(gain.count) and \(offset.count) elements for \(shape[1]) channels")
    }
    let scores = RowScores(
      depth: depth, isCentred: true, epsilon: epsilon(node), gains: gain.reals, offsets: offset.reals,
      run: depth * groups / gain.count)
    let tensor = matrix(rowMajor(x), depth: depth)
    return ONNXPending(
      .rows(.standardize(scores), tensor), typeName: node.type, view: StridedView(rowMajor: shape),
      shape: tensors[tensor].shape)
  }

  /// Along an axis, to length 1: mean squares are n times less than sums.
  private mutating func lengthNormalization(_ node: ONNXNode, _ x: ONNXCodes) throws(NodeFault) -> ONNXPending {
    guard node.int("p", default: 2) == 2 else {
      throw NodeFault("its p is \(node.int("p", default: 2))", remedy: "use p = 2", isOfOperator: true)
    }
    let first = try axis(node, default: -1, of: x.view.shape)
    return rows(node, x, along: [first]) { depth in
      .standardize(
        RowScores(
          depth: depth, isCentred: false, epsilon: 0, gains: [1 / Double(depth).squareRoot()], offsets: [0], run: depth))
    }
  }

  /// A constant's reals for each element of `shape`, aligned at the ends.
  private func broadcast(_ constant: ONNXConstant, to shape: [Int]) throws(NodeFault) -> [Double] {
    let sizes = Array(constant.shape.drop { $0 == 1 })
    let aligned = Array(repeating: 1, count: max(0, shape.count - sizes.count)) + sizes
    guard aligned.count == shape.count, zip(aligned, shape).allSatisfy({ $0 == $1 || $0 == 1 }) else {
      throw NodeFault("its scale or bias has the shape \(constant.shape), for rows of \(shape)")
    }
    var strides = aligned.map { _ in 0 }
    var stride = 1
    for axis in aligned.indices.reversed() {
      strides[axis] = aligned[axis] == 1 ? 0 : stride
      stride *= aligned[axis]
    }
    let places = shape.indices.reduce([0]) { starts, axis in
      starts.flatMap { start in (0..<shape[axis]).map { start + $0 * strides[axis] } }
    }
    return places.map { constant.reals[$0] }
  }
}

extension ONNXPending {
  /// The operation on rows, gains and offsets of constants behind it taken in.
  func rowsKind(_ kind: Operation.Kind) throws(NodeFault) -> Operation.Kind {
    if stages.isEmpty { return kind }
    let isLinear = stages.allSatisfy { $0.channels == 1 && $0.linear(channel: 0) != nil }
    guard isLinear, case .standardize(var scores) = kind else {
      throw NodeFault(
        "it scales or shifts what \(typeName) makes of rows", remedy: "put a quantiser behind \(typeName)")
    }
    let (gain, offset) = linear(channel: 0)
    scores.gains = scores.gains.map { $0 * gain }
    scores.offsets = scores.offsets.map { $0 * gain + offset }
    return .standardize(scores)
  }
}
