import Network

// Graphs of real numbers. They are translated as quantised ones are, but that every tensor is float32 and needs no
// quantiser: what is pending becomes an operation where it is read (`settle`). Weights go through the same code, which
// moves them and does not look at them: in place of codes it moves the bits of their real values.
extension ONNXTranslation {
  /// The bits of 1, as a weight.
  static var one: Int64 { Int64(bitPattern: 1.0.bitPattern) }

  /// A constant's real values as weights.
  func realWeights(_ constant: ONNXConstant) -> QuantizedConstant {
    QuantizedConstant(
      codes: constant.reals.map { Int64(bitPattern: $0.bitPattern) }, type: .float32,
      quantization: Quantization(scales: [1], zeroPoints: [0]))
  }

  /// What has to be done in front of a node that quantised graphs would refuse.
  mutating func prepareFloat(_ node: ONNXNode) throws(NodeFault) {
    let quantizers = [
      "Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul",
      "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger",
    ]
    guard !quantizers.contains(node.type), node.domain != "com.microsoft" || Self.runtimeOperators.contains(node.type)
    else {
      throw NodeFault(
        "it is a quantiser, or works on integers: the network is quantised already",
        remedy: "compile it as it is, or export the network before it was quantised")
    }
    guard node.hasInput(0) else { return }
    switch node.type {
    case "Relu", "Clip":
      // Fused into the layer in front, where it has no bounds yet.
      if case .pending(let pending)? = meanings[node.inputs[0]], pending.clamp != -.infinity ... .infinity {
        try settle(node.inputs[0])
      }
    case "BatchNormalization", "Add", "Sub", "Mul", "Div":
      // Gains and offsets go into weights, and nowhere else.
      for input in node.inputs {
        guard case .pending(let pending)? = meanings[input] else { continue }
        if case .affine = pending.base, pending.pools.isEmpty, pending.clamp == -.infinity ... .infinity { continue }
        try settle(input)
      }
    case "MaxPool", "GlobalMaxPool", "Concat", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity",
      "Dropout", "Cast", "Shape", "Constant":
      break
    default: for input in node.inputs { try settle(input) }
    }
  }

  /// Makes what is pending under a name a tensor of the network.
  mutating func settle(_ name: String) throws(NodeFault) {
    guard case .pending(let pending)? = meanings[name] else { return }
    meanings[name] = .codes(try settled(pending, name: name))
  }

  /// The operations that reckon `pending`.
  mutating func settled(_ pending: ONNXPending, name: String) throws(NodeFault) -> ONNXCodes {
    var functions = pending.functions
    var activation = Activation.none
    switch (pending.clamp.lowerBound, pending.clamp.upperBound) {
    case (-.infinity, .infinity): break
    case (0, .infinity): activation = .relu
    case (0, 6): activation = .relu6
    case (-1, 1): activation = .reluN1To1
    default: functions.append(.clamp(pending.clamp.lowerBound, pending.clamp.upperBound))
    }
    var kind: Operation.Kind?
    var inputs: [Int?] = []
    var tensor = -1
    switch pending.base {
    case .codes(let codes): tensor = codes.tensor
    case .affine(let affine):
      kind = affine.kind
      if case .conv2D(let window, _) = affine.kind { kind = .conv2D(window, activation) }
      if case .fullyConnected(let keeps, _) = affine.kind { kind = .fullyConnected(keepsDimensions: keeps, activation) }
      inputs = try realOperands(of: affine, pending.tiled, name)
    case .combine(let operation, let left, let right):
      switch operation {
      case .add: kind = .add(activation)
      case .subtract: kind = .subtract(activation)
      case .multiply: kind = .multiply(activation)
      default:
        kind = operation
        if activation != .none { functions.append(.clamp(pending.clamp.lowerBound, pending.clamp.upperBound)) }
      }
      inputs = [left, right]
    case .average(let image, let window, let height, let width):
      kind = .averagePool2D(window, height: height, width: width, activation)
      inputs = [image]
    case .choice: throw NodeFault("float networks are not read with such a choice")
    case .rows: throw NodeFault("float networks are not read with such rows")
    case .averages(let image, let rows, let columns):
      tensor = averages(image, rows: rows, columns: columns, pending.typeName, name: name)
      if activation != .none { functions.append(.clamp(pending.clamp.lowerBound, pending.clamp.upperBound)) }
    case .extremum(let parts, let isMaximum, let order):
      var made: [Int] = []
      for (index, part) in parts.enumerated() {
        let codes = try settledPart(part, name: "\(name)/\(index)")
        made.append(arranged(codes, order))
      }
      kind = isMaximum ? .maximum : .minimum
      inputs = made
      if activation != .none { functions.append(.clamp(pending.clamp.lowerBound, pending.clamp.upperBound)) }
    case .concatenation(let parts, let axis, let order):
      var codes: [ONNXCodes] = []
      for (index, part) in parts.enumerated() {
        codes.append(try settledPart(part, name: "\(name)/\(index)"))
      }
      tensor = try concatenated(codes, axis: axis, order: order, name: name)
      if activation != .none {
        functions.append(.clamp(pending.clamp.lowerBound, pending.clamp.upperBound))
      }
    }
    if case .affine = pending.base {
    } else if !pending.stages.isEmpty {
      throw NodeFault("it scales or shifts what \(pending.typeName) makes", remedy: "scale its inputs instead")
    }
    if let kind {
      tensor = addTensor(Tensor(name: name, shape: pending.shape, type: .float32))
      operations.append(Operation(kind, typeName: pending.typeName, inputs: inputs, outputs: [tensor]))
    }
    if !functions.isEmpty {
      let made = addTensor(Tensor(name: name, shape: tensors[tensor].shape, type: .float32))
      let function: UnaryFunction = functions == [.clamp(0, .infinity)] ? .relu : .composed(functions)
      operations.append(
        Operation(.unary(function), typeName: pending.typeName, inputs: [tensor], outputs: [made]))
      tensor = made
    }
    return try finished(tensor, pending, name: name)
  }

  private mutating func settledPart(_ part: ONNXMeaning, name: String) throws(NodeFault) -> ONNXCodes {
    switch part {
    case .codes(let made): return made
    case .pending(let part): return try settled(part, name: name)
    default: throw NodeFault("it joins what is no activation")
    }
  }

  /// Input, weights and bias as float32, gain and offset taken in.
  private mutating func realOperands(of affine: ONNXAffine, _ pending: ONNXPending, _ name: String) throws(NodeFault) -> [Int?] {
    let channels = affine.channels
    let length = affine.weights.count / channels
    if let stage = pending.stages.first(where: { !$0.fits(channels: channels) }) {
      throw NodeFault("it scales \(stage.channels) channels of \(channels)")
    }
    let maps = (0..<channels).map { pending.linear(channel: $0) }
    let weights = affine.weights.indices.map { index in
      Float(Double(bitPattern: UInt64(bitPattern: affine.weights[index])) * maps[index / length].gain)
    }
    let biases = maps.map { Float($0.offset) }
    guard (weights + biases).allSatisfy({ $0.isFinite }) else {
      throw NodeFault(
        "a weight or bias of the \(pending.typeName) that leads to \"\(name.printable())\" is no finite single-precision number",
        remedy: "see whether training has diverged, and export it again")
    }
    return [
      affine.input, addReals("\(pending.typeName) weights", weights, affine.weightShape),
      addReals("\(pending.typeName) bias", biases, [channels]),
    ]
  }

  mutating func addReals(_ name: String, _ reals: [Float], _ shape: [Int]) -> Int {
    addTensor(Tensor(name: name, shape: shape, type: .float32, constant: [UInt8](littleEndian: reals)))
  }

  /// What only names the largest is left to the caller.
  mutating func endFloat(_ node: ONNXNode, _ tensor: Int, _ shape: [Int]) {
    for output in node.outputs where !output.isEmpty {
      meanings[output] = .codes(ONNXCodes(tensor: tensor, view: StridedView(rowMajor: shape), isReal: true))
    }
  }
}
