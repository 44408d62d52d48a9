import Network

// ReduceMax, ReduceMin, ReduceMean and ReduceSum over any axes.
extension ONNXTranslation {
  /// The axes that a reduction runs over, and the shape it leaves.
  func reducedAxes(_ node: ONNXNode, _ shape: [Int]) throws(NodeFault) -> (axes: Set<Int>, kept: [Int]) {
    let listed = try node.hasInput(1) ? constant(node, 1, "axes").integers : node.ints("axes") ?? []
    if listed.isEmpty, node.int("noop_with_empty_axes", default: 0) != 0 { return ([], shape) }
    let axes = Set((listed.isEmpty ? Array(shape.indices) : listed).map { $0 < 0 ? $0 + shape.count : $0 })
    guard axes.allSatisfy({ shape.indices.contains($0) }) else {
      throw NodeFault("its axes \(listed) do not exist in \(shape)")
    }
    return (axes, shape.indices.map { axes.contains($0) ? 1 : shape[$0] })
  }

  /// The codes of `codes` as one column for each element that is left: an image [1, count, 1, kept].
  mutating func columns(_ codes: ONNXCodes, _ axes: Set<Int>) -> (tensor: Int, count: Int, kept: Int) {
    let shape = codes.view.shape
    let tensor = arranged(codes, axes.sorted() + shape.indices.filter { !axes.contains($0) })
    let count = axes.reduce(1) { $0 * shape[$1] }
    let kept = shape.reduce(1, *) / count
    return (move(.reshape(shape: nil), "Reshape", [tensor], shape: [1, count, 1, kept]), count, kept)
  }

  /// A view of what is left, in the shape that `keepdims` asks for.
  func left(_ node: ONNXNode, _ kept: [Int], _ axes: Set<Int>) -> StridedView {
    StridedView(
      rowMajor: node.int("keepdims", default: 1) != 0
        ? kept : kept.indices.filter { !axes.contains($0) }.map { kept[$0] })
  }

  mutating func reduceMean(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    let (axes, kept) = try reducedAxes(node, x.view.shape)
    let rank = x.view.axes.count
    if rank == 3 || rank == 4, axes == Set(2..<rank) {
      // Over all axes behind the channels: a global average.
      var pending = try averagePending(node, x, isGlobal: true)
      if node.int("keepdims", default: 1) == 0, let view = pending.view.reshaped(to: Array(x.view.shape.prefix(2))) {
        pending.view = view
      }
      return try set(node, .pending(pending))
    }
    let (tensor, count, width) = columns(x, axes)
    try set(
      node,
      .pending(
        ONNXPending(
          .average(tensor, Window(padding: .valid), height: count, width: 1), typeName: node.type,
          view: left(node, kept, axes), shape: [1, 1, 1, width])))
  }

  /// Sums up to each element of an axis: a dense layer of ones and zeros.
  mutating func cumulativeSum(_ node: ONNXNode) throws(NodeFault) {
    guard !isFloat else { throw unknown(node, isOfOperator: true) }
    let x = try realCodes(node, 0, "input")
    let shape = x.view.shape
    let listed = Int(try scalar(node, 1, "axis").clamped(to: -64...64))
    let axis = listed < 0 ? listed + shape.count : listed
    guard shape.indices.contains(axis) else { throw NodeFault("its axis \(listed) does not exist in \(shape)") }
    let size = shape[axis]
    let (isExclusive, isReverse) = (node.int("exclusive", default: 0) != 0, node.int("reverse", default: 0) != 0)
    guard let count = elementCount([size, size]), size <= 1 << 10 else {
      throw NodeFault("it sums up \(size) elements; 1,024 are the most")
    }
    try spend(count)
    let weights = (0..<count).map { place -> Int64 in
      let (to, from) = isReverse ? (place % size, place / size) : (place / size, place % size)
      return from < to || from == to && !isExclusive ? 1 : 0
    }
    let order = shape.indices.filter { $0 != axis } + [axis]
    let affine = ONNXAffine(
      kind: .fullyConnected(keepsDimensions: true, .none), input: arranged(x, order), weights: weights,
      weightShape: [size, size], weightType: .int8, scales: [1], zeroPoints: [0])
    try set(
      node,
      .pending(
        ONNXPending(
          .affine(affine), typeName: node.type, view: StridedView(shape: shape, inMemory: order),
          shape: order.map { shape[$0] })))
  }

  /// The largest or smallest code stands for the largest or smallest real value.
  mutating func reduceExtremum(_ node: ONNXNode, isMaximum: Bool) throws(NodeFault) {
    if isFloat { try settle(node.inputs[0]) }
    guard case .codes(var codes) = try meaning(node, 0, "input") else {
      throw NodeFault("its input is not quantised", remedy: "put a quantiser in front of it")
    }
    let (axes, kept) = try reducedAxes(node, codes.view.shape)
    if !isMaximum { codes.tensor = try reversed(codes.tensor, node.type) }
    let (tensor, count, width) = columns(codes, axes)
    codes.tensor = move(
      .maxPool2D(Window(padding: .valid), height: count, width: 1, .none), node.type, [tensor],
      shape: [1, 1, 1, width], name: node.outputs.first)
    if !isMaximum { codes.tensor = try reversed(codes.tensor, node.type) }
    codes.view = left(node, kept, axes)
    try set(node, .codes(codes))
  }

  /// Codes of the negated real values, in the order turned round: lowest + highest − code.
  mutating func reversed(_ tensor: Int, _ typeName: String) throws(NodeFault) -> Int {
    if isFloat {
      let made = addTensor(Tensor(name: tensors[tensor].name + "/negated", shape: tensors[tensor].shape, type: .float32))
      operations.append(
        Operation(.unary(.composed([.scaled(by: -1, plus: 0)])), typeName: typeName, inputs: [tensor], outputs: [made]))
      return made
    }
    guard let quantization = tensors[tensor].quantization, let codes = tensors[tensor].type.codes else {
      throw NodeFault("its input is integers without scale", remedy: "put DequantizeLinear in front of it")
    }
    var made = tensors[tensor]
    made.name += "/negated"
    made.quantization = Quantization(
      scales: quantization.scales, zeroPoints: quantization.zeroPoints.map { codes.lowerBound + codes.upperBound - $0 })
    let output = addTensor(made)
    operations.append(
      Operation(
        .unary(.composed([.scaled(by: -1, plus: 0)])), typeName: typeName, inputs: [tensor], outputs: [output],
        quantizer: Quantizer(rounding: .halfEven, codes: codes)))
    return output
  }

  /// The sum over axes, to be quantised.
  mutating func reduceSum(_ node: ONNXNode) throws(NodeFault) {
    try set(node, .pending(sum(node, realCodes(node, 0, "input"))))
  }

  mutating func sum(_ node: ONNXNode, _ x: ONNXCodes) throws(NodeFault) -> ONNXPending {
    let (axes, kept) = try reducedAxes(node, x.view.shape)
    let (tensor, count, width) = columns(x, axes)
    try spend(count * width)
    // A convolution with weights of one, for every column.
    let affine = ONNXAffine(
      kind: .conv2D(Window(padding: .valid), .none), input: tensor,
      weights: Array(repeating: isFloat ? Self.one : 1, count: count * width), weightShape: [width, count, 1, 1],
      weightType: .int8, scales: [1], zeroPoints: [0])
    return ONNXPending(.affine(affine), typeName: node.type, view: left(node, kept, axes), shape: [1, 1, 1, width])
  }
}
