import Network

extension Network {
  /// The network with the sizes that the file leaves open settled, and all that constants and shapes determine computed:
  /// what such an operation makes is a constant then, and the operation is gone; so is what no output depends on. The
  /// operations that remain keep their places in the file (`Operation.place`), all tensors their indices.
  ///
  /// An operation on constants whose result cannot be computed stays, as one that is not supported, with the reason.
  public func evaluatingConstants() -> Network {
    var evaluation = ConstantEvaluation(network: self)
    evaluation.run()
    return evaluation.network
  }
}

/// Why the result of an operation on constants cannot be computed.
struct EvaluationFault: Error {
  /// What the user can do.
  enum Remedy: String {
    /// Shapes and numbers that do not go together come out of conversion, or of a damaged file.
    case convertAgain = "the file contradicts itself there: convert the network again, with fixed shapes (a batch of 1)"
    case store = "reckon it in Python before the network is converted, so that the file holds the result as a constant"
  }

  var reason: String
  var remedy: Remedy
  init(_ reason: String, remedy: Remedy = .convertAgain) {
    self.reason = reason
    self.remedy = remedy
  }
}

/// The state of evaluating one network.
struct ConstantEvaluation {
  var network: Network
  /// Elements read and made so far: a small file that works on one constant again and again must not keep a reader busy.
  private var elements = 0
  private static let mostElements = 1 << 27

  init(network: Network) { self.network = network }

  mutating func run() {
    var remaining: [Operation] = []
    for (index, operation) in network.operations.enumerated() {
      var operation = operation
      operation.place = operation.place ?? index
      operation = operation.withoutEmptyParts(network.tensors)
      do throws(EvaluationFault) {
        if try evaluate(operation) { continue }
        try settleShapes(operation)
        if isEmpty(operation) { continue }
      } catch {
        operation.kind = .unsupported(reason: error.reason)
        operation.remedy = error.remedy.rawValue
      }
      remaining.append(operation)
    }
    network.operations = needed(remaining)
  }

  /// Those operations that an output depends on, and those that make nothing, but may change what the network keeps.
  private func needed(_ operations: [Operation]) -> [Operation] {
    var isNeeded = Set(network.outputs)
    var kept: [Operation] = []
    for operation in operations.reversed()
    where operation.outputs.isEmpty || operation.outputs.contains(where: isNeeded.contains) {
      isNeeded.formUnion(operation.inputs.compactMap { $0 })
      kept.append(operation)
    }
    return kept.reversed()
  }

  /// Makes an operation's outputs constants; false where that is not for it.
  private mutating func evaluate(_ operation: Operation) throws(EvaluationFault) -> Bool {
    let tensors = network.tensors
    let indices = operation.outputs + operation.inputs.compactMap { $0 }
    guard !operation.outputs.isEmpty, operation.quantizer == nil, indices.allSatisfy(tensors.indices.contains),
      operation.outputs.allSatisfy({ tensors[$0].constant == nil })
    else { return false }
    // What stands at the network's end stays: DEQUANTIZE there is no step, but says what codes mean.
    if case .dequantize = operation.kind, operation.outputs.contains(where: network.outputs.contains) { return false }
    var inputs: [ConstantArray?] = []
    if !operation.kind.readsShapeAlone {
      guard operation.kind.canBeEvaluated,
        operation.inputs.allSatisfy({ $0.map { tensors[$0].constant != nil } ?? true })
      else { return false }
      for input in operation.inputs {
        guard let input else {
          inputs.append(nil)
          continue
        }
        try spend(tensors[input].shape)
        guard let array = ConstantArray(tensors[input]) else { return false }
        inputs.append(array)
      }
    }
    guard let made = try results(of: operation, inputs) else { return false }
    guard made.count == operation.outputs.count else {
      throw EvaluationFault("it has \(operation.outputs.count) outputs in the file, but makes \(made.count)")
    }
    for (output, array) in zip(operation.outputs, made) {
      try spend(array.shape)
      let tensor = tensors[output]
      guard array.shape == tensor.shape || !tensor.openAxes.isEmpty && array.shape.count == tensor.shape.count else {
        throw EvaluationFault(
          "its output has the shape \(tensor.shape) in the file, but its inputs and options make \(array.shape)")
      }
      network.tensors[output].shape = array.shape
      network.tensors[output].constant = try array.bytes(as: tensor.type)
    }
    return true
  }

  /// Whether an operation that moves elements moves none; what it makes is a constant then.
  private func isEmpty(_ operation: Operation) -> Bool {
    operation.kind.movesElements && !operation.outputs.isEmpty
      && operation.outputs.allSatisfy { network.tensors.indices.contains($0) && network.tensors[$0].constant == [] }
  }

  mutating func spend(_ shape: [Int]) throws(EvaluationFault) {
    elements += try elementCount(shape)
    guard elements <= Self.mostElements else {
      throw EvaluationFault(
        "it brings the elements computed from constants to over \(Self.mostElements)", remedy: .store)
    }
  }

  /// What an operation makes of constants; nil where that is left to lowering.
  private func results(
    of operation: Operation, _ inputs: [ConstantArray?]
  ) throws(EvaluationFault) -> [ConstantArray]? {
    let tensors = network.tensors
    func input(_ position: Int) throws(EvaluationFault) -> ConstantArray {
      guard position < inputs.count, let array = inputs[position] else {
        throw EvaluationFault("its input \(position) is missing")
      }
      return array
    }
    func type(_ position: Int) -> ElementType? {
      position < operation.inputs.count ? operation.inputs[position].map { tensors[$0].type } : nil
    }
    func optional(_ position: Int) -> ConstantArray? { position < inputs.count ? inputs[position] : nil }
    let made = tensors[operation.outputs[0]]

    if operation.kind.movesElements {
      // Codes are moved as they are: they must mean the same on both sides.
      for case let moved? in operation.movedInputs {
        for output in operation.outputs where !tensors[moved].hasCodes(like: tensors[output]) {
          throw EvaluationFault(
            "a constant that it moves and its output differ in type or quantisation; the reference moves codes without "
              + "rescaling")
        }
      }
      return try moved(
        operation, inputs.compactMap { $0 }, fill: made.isQuantized ? made.quantization?.zeroPoints.first : nil)
    }
    switch operation.kind {
    case .constant(let function):
      guard let source = operation.inputs.first ?? nil else { throw EvaluationFault("its input 0 is missing") }
      let shape = tensors[source].shape
      switch function {
      case .shape: return [ConstantArray(vector: shape)]
      case .rank: return [ConstantArray(shape: [], .integers([Int64(shape.count)]))]
      case .zeros: return try [ConstantArray(zeros: shape, of: made.type)]
      case .cast: return [try input(0).cast(to: made.type)]
      case .fill: return [try input(1).filling(input(0).sizes())]
      case .range: return [try ConstantArray.range(input(0), input(1), input(2))]
      case .broadcastArguments:
        let (a, b) = (try input(0).sizes(), try input(1).sizes())
        guard let shape = broadcastShape([a, b]) else {
          throw EvaluationFault("the shapes \(a) and \(b) do not broadcast")
        }
        return [ConstantArray(vector: shape)]
      case .floorDivide: return [try input(0).combined(input(1), .floorDivide)]
      case .floorModulo: return [try input(0).combined(input(1), .floorModulo)]
      case .product(let keepsDimensions):
        return [try input(0).reduced(.product, axes: input(1).sizes(negative: true), keepsDimensions: keepsDimensions)]
      }
    case .quantize:
      guard type(0) == .float32 else { return nil }
      return [try input(0).quantized(as: made)]
    case .dequantize:
      guard made.type == .float32, let source = operation.inputs.first ?? nil else { return nil }
      if type(0) == .float16 { return [try input(0)] }
      guard let reals = tensors[source].dequantized else { return nil }
      return [ConstantArray(shape: tensors[source].shape, .reals(reals))]
    default: break
    }

    if case .fullyConnected(_, let activation) = operation.kind {
      // Weights may be codes, beside real activations: a file of dynamic range.
      guard type(0) == .float32, made.type == .float32, operation.inputs.count > 1, let index = operation.inputs[1],
        let weights = tensors[index].floats ?? tensors[index].dequantized
      else { return nil }
      return [
        try input(0).weighted(by: weights, rows: tensors[index].shape, plus: optional(2), shape: made.shape)
          .clamped(activation)
      ]
    }
    // Arithmetic on codes is lowering's; here it is on numbers that mean themselves.
    guard operation.inputs.allSatisfy({ $0.map { tensors[$0].isNumber } ?? false }), made.isNumber else { return nil }
    switch operation.kind {
    case .add(let activation): return [try input(0).combined(input(1), .sum).clamped(activation)]
    case .addAll:
      var sum = try input(0)
      for position in operation.inputs.indices.dropFirst() { sum = try sum.combined(input(position), .sum) }
      return [sum]
    case .subtract(let activation): return [try input(0).combined(input(1), .difference).clamped(activation)]
    case .multiply(let activation): return [try input(0).combined(input(1), .product).clamped(activation)]
    case .divide(let activation): return [try input(0).combined(input(1), .quotient).clamped(activation)]
    case .maximum: return [try input(0).combined(input(1), .maximum)]
    case .minimum: return [try input(0).combined(input(1), .minimum)]
    case .compare(let comparison): return [try input(0).compared(input(1), comparison)]
    case .logical(.and): return [try input(0).combined(input(1), .minimum)]
    case .logical(.or): return [try input(0).combined(input(1), .maximum)]
    case .logical(.not): return [try input(0).compared(ConstantArray(shape: [], .integers([0])), .equal)]
    case .select:
      let condition = try input(0)
      if operation.typeName == "SELECT", condition.shape.count == 1, try input(1).shape.count > 1 {
        throw EvaluationFault("it selects whole rows, which is not supported", remedy: .store)
      }
      return [try condition.selecting(input(1), input(2))]
    case .reduce(let reduction, let keepsDimensions):
      return [
        try input(0).reduced(
          ConstantArray.Fold(reduction), axes: input(1).sizes(negative: true), keepsDimensions: keepsDimensions)
      ]
    default: return nil
    }
  }
}

extension Tensor {
  /// Whether its elements are codes, which stand for something else.
  var isQuantized: Bool {
    if case .integer(let bits, _) = type { bits <= 16 && quantization != nil } else { false }
  }
  /// Whether its elements mean themselves.
  var isNumber: Bool {
    switch type {
    case .int32, .int64, .float32, .boolean: true
    default: false
    }
  }
  fileprivate func hasCodes(like other: Tensor) -> Bool {
    guard type == other.type else { return false }
    return !isQuantized && !other.isQuantized
      || quantization?.scales == other.quantization?.scales
        && quantization?.zeroPoints == other.quantization?.zeroPoints
  }
}

extension Operation {
  /// What is joined without the parts that hold nothing, which some rounds of a loop have.
  public func withoutEmptyParts(_ tensors: [Tensor]) -> Operation {
    guard case .concatenation = kind else { return self }
    var whole = self
    whole.inputs.removeAll { $0.map { tensors.indices.contains($0) && tensors[$0].shape.contains(0) } ?? false }
    return whole.inputs.isEmpty ? self : whole
  }

  /// The inputs whose elements it moves; the others say where to.
  var movedInputs: [Int?] {
    switch kind {
    case .concatenation, .pack: inputs
    case .split: Array(inputs.dropFirst().prefix(1))
    default: Array(inputs.prefix(1))
    }
  }
}

extension Operation.Kind {
  /// Whether the shape of the input says all.
  fileprivate var readsShapeAlone: Bool {
    switch self {
    case .constant(.shape), .constant(.rank), .constant(.zeros): true
    default: false
    }
  }
  fileprivate var canBeEvaluated: Bool {
    switch self {
    case .constant, .quantize, .dequantize, .add, .addAll, .subtract, .multiply, .divide, .maximum, .minimum, .compare,
      .logical, .select, .reduce, .fullyConnected:
      true
    default: movesElements
    }
  }
  /// Whether its output's elements are its input's, elsewhere.
  var movesElements: Bool {
    switch self {
    case .reshape, .squeeze, .expandDimensions, .transpose, .concatenation, .pack, .unpack, .stridedSlice, .slice,
      .gather, .broadcastTo, .pad, .split, .splitSizes, .tile, .reverse:
      true
    default: false
    }
  }
}

/// The number of elements of a shape, which must be one that a tensor can have.
func elementCount(_ shape: [Int]) throws(EvaluationFault) -> Int {
  // Without sizes of 0 too: strides and places are reckoned of them before anything is found to be empty.
  var count = 1
  for size in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: max(size, 1))
    guard size >= 0, !overflow, product <= Network.largestTensor else {
      throw EvaluationFault("it makes the shape \(shape), which no tensor can have")
    }
    count = product
  }
  return shape.contains(0) ? 0 : count
}

/// The shape that all broadcast to by NumPy's rules; nil where they do not.
func broadcastShape(_ shapes: [[Int]]) -> [Int]? {
  let rank = shapes.map(\.count).max() ?? 0
  var result: [Int] = []
  for axis in 0..<rank {
    let sizes = Set(shapes.map { axis < rank - $0.count ? 1 : $0[axis - (rank - $0.count)] }).subtracting([1])
    guard sizes.count <= 1 else { return nil }
    result.append(sizes.first ?? 1)
  }
  return result
}
