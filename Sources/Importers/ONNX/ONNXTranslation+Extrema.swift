import Network

// Max, Min and PRelu: of two real values the one that a quantiser, which never decreases, makes the larger code of.
extension ONNXTranslation {
  mutating func extremum(_ node: ONNXNode, isMaximum: Bool) throws(NodeFault) {
    var parts: [ONNXMeaning] = []
    var bound: Double?
    for position in node.inputs.indices {
      let part = try meaning(node, position, "input \(position)")
      if case .constant(let constant) = part, let scalar = constant.scalar, constant.count == 1 || position > 0 {
        bound = bound.map { isMaximum ? max($0, scalar) : min($0, scalar) } ?? scalar
      } else {
        parts.append(part)
      }
    }
    guard var made = parts.first else { throw unknown(node) }
    for part in parts.dropFirst() {
      made = .pending(try joined(node, made, part, isMaximum: isMaximum))
    }
    if let bound {
      made = try applied(isMaximum ? .clamp(bound, .infinity) : .clamp(-.infinity, bound), to: made)
    }
    try set(node, made)
  }

  /// The larger or smaller of two, to be quantised one by one.
  private mutating func joined(
    _ node: ONNXNode, _ left: ONNXMeaning, _ right: ONNXMeaning, isMaximum: Bool
  ) throws(NodeFault) -> ONNXPending {
    guard let a = left.view, let b = right.view else { throw unknown(node) }
    let (shape, order) = try broadcast(a, b)
    return ONNXPending(
      .extremum([left, right], isMaximum: isMaximum, order: order), typeName: node.type,
      view: StridedView(shape: shape, inMemory: order), shape: order.map { shape[$0] })
  }

  /// The shape that two come to by NumPy's rules, and the order of its axes in memory: images stay as they are.
  func broadcast(_ left: StridedView, _ right: StridedView) throws(NodeFault) -> (shape: [Int], order: [Int]) {
    let (a, b) = (left.shape, right.shape)
    let rank = max(a.count, b.count)
    let padded = [a, b].map { Array(repeating: 1, count: rank - $0.count) + $0 }
    guard (0..<rank).allSatisfy({ padded[0][$0] == padded[1][$0] || padded[0][$0] == 1 || padded[1][$0] == 1 }) else {
      throw NodeFault("its inputs' shapes, \(a) and \(b), do not broadcast")
    }
    let images = [0, 2, 3, 1]
    let isImage =
      rank == 4 && (a.count == 4 && left.lies(inMemory: images) || b.count == 4 && right.lies(inMemory: images))
    return ((0..<rank).map { max(padded[0][$0], padded[1][$0]) }, isImage ? images : Array(0..<rank))
  }

  /// The codes of the larger or smaller of `parts`, each quantised alone.
  mutating func extremum(
    _ parts: [ONNXMeaning], isMaximum: Bool, order: [Int], _ pending: ONNXPending, _ quantizer: ONNXQuantizer, name: String
  ) throws(NodeFault) -> ONNXCodes {
    var inputs: [Int] = []
    for (index, part) in parts.enumerated() {
      var codes = try partCodes(part, clamp: pending.clamp, quantizer, name: "\(name)/\(index)")
      let shape = Array(repeating: 1, count: order.count - codes.view.axes.count) + codes.view.shape
      guard let view = codes.view.reshaped(to: shape) else { throw NodeFault("its inputs' shapes do not broadcast") }
      codes.view = view
      inputs.append(arranged(codes, order))
    }
    let made = addTensor(
      Tensor(name: name, shape: pending.shape, type: quantizer.type, quantization: quantizer.quantization))
    operations.append(
      Operation(isMaximum ? .maximum : .minimum, typeName: pending.typeName, inputs: inputs, outputs: [made]))
    return ONNXCodes(tensor: made, view: pending.view, isReal: true)
  }

  /// The codes that `quantizer` makes of a part of something that is clamped: constants have some, too.
  mutating func partCodes(
    _ part: ONNXMeaning, clamp: ClosedRange<Double>, _ quantizer: ONNXQuantizer, name: String
  ) throws(NodeFault) -> ONNXCodes {
    guard case .constant(let constant) = part else {
      let isClamped = clamp.lowerBound.isFinite || clamp.upperBound.isFinite
      return try quantized(
        isClamped ? applied(.clamp(clamp.lowerBound, clamp.upperBound), to: part) : part, quantizer, name: name)
    }
    // What is infinite saturates, as masks do.
    guard !constant.reals.contains(where: \.isNaN) else { throw NodeFault("its constant holds what is no number") }
    let rule = Quantizer(
      rounding: quantizer.rounding, roundsZeroPoint: quantizer.roundsZeroPoint, clamp: clamp, codes: quantizer.codes)
    let codes = constant.reals.map { rule.codeOfConstant($0, scale: quantizer.scale, zeroPoint: quantizer.zeroPoint) }
    let tensor = addConstant(name, codes, constant.shape, quantizer.type, quantizer.quantization)
    return ONNXCodes(tensor: tensor, view: StridedView(rowMajor: constant.shape), isReal: true)
  }

  /// x above zero, slope · x below. With slopes of at most 1 that is the larger of both, of at least 1 the smaller; with
  /// slopes on both sides of 1 it is a choice by the sign.
  mutating func parametricRelu(_ node: ONNXNode) throws(NodeFault) {
    let slope = try constant(node, 1, "slope")
    if let scalar = slope.scalar { return try unary(node, .leakyRelu(alpha: Float(scalar))) }
    let x = try meaning(node, 0, "input")
    guard let view = x.view else { throw unknown(node) }
    let wide = slope.shape.indices.filter { slope.shape[$0] != 1 }
    let axes = wide.map { $0 + view.axes.count - slope.shape.count }
    guard zip(axes, wide).allSatisfy({ view.axes.indices.contains($0) && view.shape[$0] == slope.shape[$1] }) else {
      throw NodeFault(
        "its slopes have the shape \(slope.shape), its input \(view.shape)",
        remedy: "slopes of one number, or of the input's size along some axes, are supported")
    }
    let codes = try realCodes(node, 0, "input")
    let scaled = try staged(node, .codes(codes), [.multiplied(by: slope.reals)], axes: axes)
    let isMaximum = slope.reals.allSatisfy { $0 <= 1 }
    if isMaximum || slope.reals.allSatisfy({ $0 >= 1 }) {
      return try set(node, .pending(joined(node, .codes(codes), scaled, isMaximum: isMaximum)))
    }
    var sign = ONNXPending(
      .codes(codes), typeName: node.type, view: codes.view, shape: tensors[codes.tensor].shape)
    sign.functions = [.joined(.compared(.greater), [], [.constant(0)])]
    try set(node, .pending(chosen(node, by: .pending(sign), .codes(codes), scaled)))
  }
}
