import Network

/// An operation of a float network, read as layers.
struct FloatOperation {
  let operation: Operation
  /// Its place among the network's operations.
  let index: Int
  let network: Network

  // MARK: What it reads and makes

  /// Its only output.
  var output: Int {
    get throws(LayerFault) {
      guard operation.outputs.count == 1 else { throw LayerFault("it has \(operation.outputs.count) outputs, not one") }
      return operation.outputs[0]
    }
  }

  var made: Tensor { get throws(LayerFault) { network.tensors[try output] } }

  func tensor(_ position: Int, _ role: String) throws(LayerFault) -> (index: Int, tensor: Tensor) {
    guard position < operation.inputs.count, let index = operation.inputs[position] else {
      throw LayerFault("its \(role) (input \(position)) is missing")
    }
    return (index, network.tensors[index])
  }

  func isConstant(_ position: Int) -> Bool {
    position < operation.inputs.count && operation.inputs[position].map { network.tensors[$0].constant != nil } == true
  }

  static let integers: Set<ElementType> = [.int32, .int64]

  /// An input that is reckoned.
  func reckoned(
    _ position: Int, _ type: ElementType = .float32, orOf others: Set<ElementType> = []
  ) throws(LayerFault) -> (index: Int, tensor: Tensor) {
    let found = try tensor(position, "input")
    guard found.tensor.type == type || others.contains(found.tensor.type), found.tensor.constant == nil else {
      throw LayerFault(
        "its input \(position), \"\(found.tensor.name.printable())\", is \(found.tensor.constant == nil ? "" : "a constant, ")"
          + "\(found.tensor.type); layers of reckoned \(type) tensors are quantised")
    }
    return found
  }

  func reals(_ position: Int, _ role: String) throws(LayerFault) -> (numbers: [Float], shape: [Int]) {
    let found = try tensor(position, role)
    // Weights alone may be codes, beside real activations: a file of dynamic range.
    let truth = found.tensor.type == .boolean ? found.tensor.integers?.map { Float($0) } : nil
    guard let numbers = found.tensor.floats ?? (["weights", "table"].contains(role) ? found.tensor.dequantized : truth) else {
      throw LayerFault(
        "its \(role) is \(found.tensor.type)\(found.tensor.constant == nil ? ", computed at run time" : ""); constant "
          + "float32 numbers are quantised", remedy: "train with fixed weights, and convert without quantisation")
    }
    guard Self.masks.contains(role) else {
      guard numbers.allSatisfy({ $0.isFinite }) else { throw LayerFault("its \(role) holds what is no finite number") }
      return (numbers, found.tensor.shape)
    }
    guard !numbers.contains(where: \.isNaN) else { throw LayerFault("its \(role) holds what is no number") }
    return (numbers.map { min(max($0, -0x1p126), 0x1p126) }, found.tensor.shape)
  }

  /// What masks are made of: where it is infinite, it is as far as sums with it stay finite.
  private static let masks: Set<String> = ["first operand", "second operand", "operand", "padding value"]

  func integers(_ position: Int, _ role: String) throws(LayerFault) -> [Int] {
    guard let integers = try tensor(position, role).tensor.integers else {
      throw LayerFault("its \(role) is computed at run time", remedy: "convert with fixed shapes")
    }
    return integers.map { Int($0) }
  }

  func bias(_ outputs: Int) throws(LayerFault) -> [Float] {
    guard operation.inputs.count > 2, operation.inputs[2] != nil else { return Array(repeating: 0, count: outputs) }
    let numbers = try reals(2, "bias").numbers
    guard numbers.count == outputs else {
      throw LayerFault("its bias has \(numbers.count) elements for \(outputs) output channels")
    }
    return numbers
  }

  func require(_ shape: [Int]) throws(LayerFault) {
    let made = try made
    guard made.shape == shape else {
      throw LayerFault("its output has the shape \(made.shape) in the file, but its inputs and options make \(shape)")
    }
  }

  /// A layer that makes the operation's only output of `inputs`.
  func layer(
    _ kind: FloatLayer.Kind, _ inputs: [Int], _ activation: Activation = .none, constant: FloatConstant? = nil
  ) throws(LayerFault) -> FloatLayer {
    FloatLayer(
      index: index, kind: kind, activation: activation, inputs: inputs, output: try output, constant: constant)
  }

  /// The axes that a constant input names, in order.
  func axes(_ position: Int, rank: Int) throws(LayerFault) -> [Int] {
    let axes = Set(try integers(position, "axes").map { $0 < 0 ? $0 + rank : $0 }).sorted()
    guard axes.allSatisfy({ (0..<rank).contains($0) }) else {
      throw LayerFault("its axes \(axes) do not exist in rank \(rank)")
    }
    return axes
  }

  // MARK: Layers

  /// The layers that the operation is, one for each output, with all shapes checked.
  func layers() throws(LayerFault) -> [FloatLayer] {
    if let stray = operation.outputs.lazy.map({ network.tensors[$0] }).first(where: { !isMade($0.type) }) {
      throw LayerFault(
        "it makes \(stray.type), and layers of real numbers are quantised",
        remedy: Self.integers.contains(stray.type)
          ? "reckon whole numbers in front of the network, and give it what comes of them (indices of a table) as an input"
          : "end the network in front of it, or quantise with the tool that made the file")
    }
    switch operation.kind {
    case .conv2D(let window, let fused), .depthwiseConv2D(let window, _, let fused):
      return [try convolution(window, fused)]
    case .transposeConv(let window, let fused): return [try transposed(window, fused)]
    case .fullyConnected(_, let fused):
      let weights = try reals(1, "weights")
      guard weights.shape.count == 2 else { throw LayerFault("its weights have the shape \(weights.shape), not 2-D") }
      return [try dense(weights.numbers, length: weights.shape[1], bias: bias(weights.shape[0]), fused)]
    case .batchMatMul(let transposesLeft, let transposesRight):
      return [try matrixProduct(transposesLeft: transposesLeft, transposesRight: transposesRight)]
    case .add(let fused): return [try combined(.sum, fused)]
    case .subtract(let fused): return [try combined(.difference, fused)]
    case .multiply(let fused): return [try combined(.product, fused)]
    case .divide(let fused): return [try combined(.quotient, fused)]
    case .maximum: return [try combined(.maximum)]
    case .minimum: return [try combined(.minimum)]
    case .squaredDifference: return [try combined(.squaredDifference)]
    case .parametricRelu: return [try combined(.slope)]
    case .compare(let comparison): return [try combined(.compared(comparison))]
    case .logical(.and): return [try combined(.both, type: .boolean)]
    case .logical(.or): return [try combined(.either, type: .boolean)]
    case .logical(.not):
      let x = try reckoned(0, .boolean)
      try require(x.tensor.shape)
      return [try layer(.denied, [x.index])]
    case .constant(.cast):
      let x = try reckoned(0, .int32, orOf: [.int64, .boolean])
      try require(x.tensor.shape)
      guard x.tensor.type == .boolean else { return [try layer(.cast, [x.index])] }
      let constants = [Float(1), 0].map { number in
        FloatOperand(
          strides: x.tensor.shape.map { _ in 0 }, constant: FloatConstant(numbers: [number], shape: [1], isLeft: false))
      }
      return [
        try layer(
          .select([FloatOperand(strides: rowMajorStrides(x.tensor.shape))] + constants, shape: x.tensor.shape), [x.index])
      ]
    case .select: return [try selected()]
    case .averagePool2D(let window, let rows, let columns, let fused),
      .maxPool2D(let window, let rows, let columns, let fused):
      return [try pool(window, rows: rows, columns: columns, fused)]
    case .mean(let keepsDimensions): return [try reduced(.mean, keepsDimensions)]
    case .reduce(let reduction, let keepsDimensions):
      let reductions: [Reduction: FloatReduction] = [.sum: .sum, .maximum: .maximum, .minimum: .minimum]
      guard let kind = reductions[reduction] else { break }
      return [try reduced(kind, keepsDimensions)]
    case .resizeBilinear(let alignsCorners, let centresHalfPixels):
      return [try bilinear(alignsCorners: alignsCorners, centresHalfPixels: centresHalfPixels)]
    case .softmax(let beta):
      let x = try reckoned(0)
      guard let depth = x.tensor.shape.last, beta.isFinite else { throw LayerFault("its input has no axes") }
      try require(x.tensor.shape)
      return [try layer(.softmax(beta: beta, depth: depth), [x.index])]
    case .logSoftmax:
      let x = try reckoned(0)
      guard let depth = x.tensor.shape.last, depth > 0 else { throw LayerFault("its input has no axes") }
      try require(x.tensor.shape)
      return [try layer(.logarithmicSoftmax(depth: depth), [x.index])]
    case .normalize:
      let x = try reckoned(0)
      guard let depth = x.tensor.shape.last, depth > 0 else { throw LayerFault("its input has no axes") }
      try require(x.tensor.shape)
      return [try layer(.normalized(depth: depth), [x.index])]
    case .cumulativeSum(let isExclusive, let isReverse):
      return [try runningSum(isExclusive: isExclusive, isReverse: isReverse)]
    case .gather(let axis, let batchDimensions) where !isConstant(1):
      return [try rows(axis: axis, batchDimensions: batchDimensions)]
    case .unary(let function):
      let x = try reckoned(0)
      try require(x.tensor.shape)
      return [try layer(.unary(function.reals), [x.index])]
    case .concatenation(let axis, let fused):
      guard fused == .none else { throw LayerFault("it has the fused activation \(fused.rawValue)") }
      return [try joined(axis: axis, isNewAxis: false)]
    case .pack(let axis): return [try joined(axis: axis, isNewAxis: true)]
    case .unsupported(let reason): throw LayerFault(reason, remedy: operation.remedy ?? Self.remedy)
    default:
      if let moved = try moved() { return moved }
    }
    throw LayerFault("the operator is not among those that are quantised from float", remedy: Self.remedy)
  }

  /// Whether the operation is one that may make this type.
  private func isMade(_ type: ElementType) -> Bool {
    switch operation.kind {
    case .compare, .logical: type == .boolean
    default:
      // What only moves elements moves those of other types as well.
      type == .float32 || isMove && (type == .boolean || Self.integers.contains(type))
    }
  }

  private static let remedy =
    "quantise with the tool that made the file, if `lockstep inspect --operators` lists the operator, or build the layer of "
    + "others"
}
