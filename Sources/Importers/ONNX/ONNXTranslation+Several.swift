import Network

// Sum and Mean of any number of tensors; ReduceL1, ReduceSumSquare, ReduceL2 and ReduceProd, written out in steps that lose
// nothing.
extension ONNXTranslation {
  /// Sum and Mean. Codes of one scale are a dense layer of ones; two others are added as by Add.
  mutating func severalSum(_ node: ONNXNode) throws(NodeFault) {
    let isMean = node.type == "Mean"
    var parts: [ONNXCodes] = []
    var constants: [ONNXConstant] = []
    for position in node.inputs.indices {
      if case .constant(let constant) = try meaning(node, position, "input \(position)") {
        constants.append(constant)
      } else {
        parts.append(try realCodes(node, position, "input \(position)"))
      }
    }
    guard let first = parts.first else { throw NodeFault("it has no input that is reckoned") }
    var made = ONNXMeaning.codes(first)
    if parts.count > 1 { made = .pending(try sum(node, of: parts)) }
    for constant in constants { made = try staged(node, made, constant, isFirst: false) }
    try set(node, isMean ? applied(.divided(by: Double(node.inputs.count)), to: made) : made)
  }

  private mutating func sum(_ node: ONNXNode, of parts: [ONNXCodes]) throws(NodeFault) -> ONNXPending {
    let first = parts[0]
    let isOne = parts.allSatisfy {
      tensors[$0.tensor].quantization == tensors[first.tensor].quantization
        && tensors[$0.tensor].type == tensors[first.tensor].type && $0.view.shape == first.view.shape
    }
    guard isOne else {
      if parts.count == 2, node.inputs.count == 2, node.type == "Sum" {
        return try combined(.add(.none), node.type, parts[0], parts[1])
      }
      throw NodeFault(
        "it adds up tensors of several scales or shapes",
        remedy: "write it as Adds of two, with a quantiser behind each\(node.type == "Mean" ? ", and a Div" : "")")
    }
    let shape = first.view.shape
    let order = sharedOrder(parts.map { .codes($0) }, rank: shape.count)
    let sizes = order.map { shape[$0] }
    // The summands of each element come to lie beside each other.
    var columns: [Int] = []
    for part in parts {
      columns.append(move(.reshape(shape: nil), "Reshape", [arranged(part, order)], shape: sizes + [1]))
    }
    let joined = move(
      .concatenation(axis: sizes.count, .none), node.type, columns, shape: sizes + [parts.count])
    let affine = ONNXAffine(
      kind: .fullyConnected(keepsDimensions: true, .none), input: joined,
      weights: Array(repeating: 1, count: parts.count), weightShape: [1, parts.count], weightType: .int8, scales: [1],
      zeroPoints: [0])
    return ONNXPending(
      .affine(affine), typeName: node.type, view: StridedView(shape: shape, inMemory: order), shape: sizes + [1])
  }

  /// ReduceL1 and ReduceSumSquare, and ReduceL2 where 16 bits hold the sum of squares: magnitudes and squares of codes are
  /// whole numbers, and so are their sums.
  mutating func reduceMagnitudes(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    guard let quantization = tensors[x.tensor].quantization, let range = tensors[x.tensor].type.codes else {
      throw unknown(node)
    }
    let (scale, zeroPoint) = (Double(quantization.scales[0]), quantization.zeroPoints[0])
    let isSquare = node.type != "ReduceL1"
    let farthest = max(range.upperBound - zeroPoint, zeroPoint - range.lowerBound)
    let most = isSquare ? farthest * farthest : farthest
    let remedy =
      "write it as \(node.type == "ReduceL1" ? "Abs" : "Mul"), ReduceSum\(node.type == "ReduceL2" ? " and Sqrt" : ""), with a "
      + "quantiser behind each"
    guard most <= 65_535 else {
      throw NodeFault("\(isSquare ? "squares" : "magnitudes") of \(tensors[x.tensor].type) codes need over 16 bits", remedy: remedy)
    }
    let itself = ONNXQuantizer(scale: 1, zeroPoint: 0, type: .integer(bits: 16, signed: false), codes: 0...65_535)
    var parts = whole(x)
    var function = ONNXPending(
      .codes(parts), typeName: node.type, view: parts.view, shape: tensors[parts.tensor].shape)
    try function.apply(isSquare ? .square : .absolute)
    parts = try quantized(function, itself, name: "\(node.outputs.first ?? "")/\(isSquare ? "squares" : "magnitudes")")
    var sum = try sum(node, parts)
    // The product of two scales is exact in double precision.
    let unit = isSquare ? scale * scale : scale
    guard node.type == "ReduceL2" else {
      if unit != 1 { try sum.append(.multiplied(by: [unit])) }
      return try set(node, .pending(sum))
    }
    let count = x.view.count / max(sum.view.count, 1)
    guard most.multipliedReportingOverflow(by: Int64(count)).partialValue <= 65_535, count <= 65_535 else {
      throw NodeFault("16 bits do not hold the sum of \(count) squares of \(tensors[x.tensor].type) codes", remedy: remedy)
    }
    let length = try quantized(sum, itself, name: "\(node.outputs.first ?? "")/sum")
    var root = ONNXPending(
      .codes(length), typeName: node.type, view: length.view, shape: tensors[length.tensor].shape)
    try root.apply(.squareRoot)
    if scale != 1 { try root.apply(.scaled(by: scale, plus: 0)) }
    try set(node, .pending(root))
  }

  /// Codes as the whole numbers that they are, above their zero point.
  private mutating func whole(_ codes: ONNXCodes) -> ONNXCodes {
    let tensor = tensors[codes.tensor]
    var made = codes
    made.tensor = move(.reshape(shape: nil), "DequantizeLinear", [codes.tensor], shape: tensor.shape)
    tensors[made.tensor].quantization = Quantization(scales: [1], zeroPoints: tensor.quantization?.zeroPoints ?? [0])
    return made
  }

  /// ReduceProd of one element or two along its axes; of a network of real numbers, of any few.
  mutating func reduceProduct(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    let (axes, kept) = try reducedAxes(node, x.view.shape)
    let (tensor, count, width) = columns(x, axes)
    let view = left(node, kept, axes)
    func part(_ index: Int) -> Int {
      sliced(tensor, [(0, 1, 1), (index, index + 1, 1), (0, 1, 1), (0, width, 1)], node.type, name: nil)
    }
    if count == 1 { return try set(node, .codes(ONNXCodes(tensor: tensor, view: view, isReal: true))) }
    guard count == 2 || isFloat && count <= 64 else {
      throw NodeFault(
        "it multiplies \(count) elements, and no 16 bits hold what stands between",
        remedy: "write it as Muls of two, with a quantiser behind each" + (isFloat ? "" : ": ReduceProd takes two"))
    }
    if isFloat {
      var product = part(0)
      for index in 1..<count {
        product = emit(
          .multiply(.none), node, [product, part(index)], [1, 1, 1, width],
          index == count - 1 ? nil : "product\(index)")
      }
      return try set(node, .codes(ONNXCodes(tensor: product, view: view, isReal: true)))
    }
    try set(
      node,
      .pending(
        ONNXPending(
          .combine(.multiply(.none), part(0), part(1)), typeName: node.type, view: view, shape: [1, 1, 1, width])))
  }
}
