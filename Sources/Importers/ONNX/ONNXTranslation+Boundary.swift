import Network

// What the caller does: what stands in front of the first quantiser, and what follows the last codes. Narrow input codes.
extension ONNXTranslation {
  /// Whether the node is work that is left to the caller; then what it makes has been set, and a notice says so.
  mutating func isLeftToTheCaller(_ node: ONNXNode) throws(NodeFault) -> Bool {
    if isFloat { return false }
    if let input = node.inputs.first, let output = node.outputs.first, callersValues.contains(input) {
      callersValues.insert(output)
      try set(node, meaning(node, 0, "input"))
      return true
    }
    return try preparesInput(node)
  }

  /// Sums and products with constants in front of an input's first quantiser: whoever quantises does these too.
  private mutating func preparesInput(_ node: ONNXNode) throws(NodeFault) -> Bool {
    guard ["", "ai.onnx"].contains(node.domain), let output = node.outputs.first,
      ["Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization"].contains(node.type)
    else { return false }
    var found: (index: Int, view: StridedView)?
    var constants: [ONNXConstant] = []
    for input in node.inputs where !input.isEmpty {
      switch meanings[input] {
      case .constant(let constant): constants.append(constant)
      case .input(let index, let view) where found == nil: found = (index, view)
      default: return false
      }
    }
    guard let found else { return false }
    let shape = found.view.shape
    let fits = constants.allSatisfy { constant in
      node.type == "BatchNormalization"
        || constant.shape.count <= shape.count
          && zip(constant.shape.reversed(), shape.reversed()).allSatisfy { $0 == 1 || $0 == $1 }
    }
    guard fits else {
      throw NodeFault("its constants' shapes, \(constants.map(\.shape)), do not fit the input's, \(shape)")
    }
    let input = inputs[found.index]
    inputs.append(ONNXInput(name: input.name, shape: input.shape, tensor: nil, origin: input.origin))
    meanings[output] = .input(index: inputs.count - 1, found.view)
    preparesInputs = true
    notices.append(
      "the \(node.type) that makes \"\(output.printable())\", in front of the first quantiser of the input "
        + "\"\(input.name.printable())\", is left to the caller: the input's codes are those of its result")
    return true
  }

  /// The codes that a quantiser makes of an input. The caller quantises; where the quantiser does not make all codes of its
  /// type, or `functions` follow, a table makes of any code one that it may be.
  mutating func inputCodes(
    _ index: Int, _ view: StridedView, _ quantizer: ONNXQuantizer, _ functions: [RealFunction] = []
  ) throws(NodeFault) -> ONNXCodes {
    let input = inputs[index]
    let isMade = inputs.indices.contains { inputs[$0].origin == input.origin && inputs[$0].tensor != nil && $0 != index }
    if let tensor = input.tensor, let held = input.held {
      guard tensors[tensor].quantization == quantizer.quantization, tensors[tensor].type == quantizer.type,
        input.codes == quantizer.codes
      else { throw secondWay(input) }
      return ONNXCodes(tensor: held, view: view, isReal: true)
    }
    guard !isMade else { throw secondWay(input) }
    let tensor = addTensor(
      Tensor(name: input.name, shape: input.shape, type: quantizer.type, quantization: quantizer.quantization))
    var held = tensor
    if quantizer.codes != quantizer.type.codes || !functions.isEmpty {
      held = narrowed(tensor, to: quantizer, functions, "Quant", name: "\(input.name)/narrow")
    }
    inputs[index].tensor = tensor
    inputs[index].held = held
    inputs[index].codes = quantizer.codes
    return ONNXCodes(tensor: held, view: view, isReal: true)
  }

  private func secondWay(_ input: ONNXInput) -> NodeFault {
    NodeFault(
      "it quantises the network's input \"\(input.name.printable())\" in a second way",
      remedy: "quantise it once, and let all that read it read those codes")
  }

  /// The codes of `tensor` brought into the narrower range of `quantizer`, which means the same by them.
  mutating func narrowed(
    _ tensor: Int, to quantizer: ONNXQuantizer, _ functions: [RealFunction], _ typeName: String, name: String
  ) -> Int {
    var made = tensors[tensor]
    made.name = name
    made.constant = nil
    made.quantization = quantizer.quantization
    made.type = quantizer.type
    let output = addTensor(made)
    operations.append(
      Operation(
        .unary(.composed(functions)), typeName: typeName, inputs: [tensor], outputs: [output],
        quantizer: Quantizer(rounding: .halfEven, codes: quantizer.codes)))
    return output
  }

  /// Clip of codes, as Brevitas writes it between QuantizeLinear and DequantizeLinear.
  mutating func clipCodes(_ node: ONNXNode, _ codes: ONNXCodes, _ low: Double, _ high: Double) throws(NodeFault) {
    guard let type = tensors[codes.tensor].type.codes else { throw unknown(node) }
    let bounds = type.clamped(to: Int64(low.rounded(.up).clamped(to: -0x1p62...0x1p62))...Int64(high.rounded(.down).clamped(to: -0x1p62...0x1p62)))
    guard bounds.count > 1, Double(bounds.lowerBound) >= low, Double(bounds.upperBound) <= high else {
      throw NodeFault("it clips \(tensors[codes.tensor].type) codes to \(low) … \(high)")
    }
    // What has just been quantised, and is read by nothing else, is quantised to fewer codes.
    let input = node.inputs[0]
    if let last = operations.lastIndex(where: { $0.outputs == [codes.tensor] }), let made = operations[last].quantizer,
      readers[input]?.count == 1, !outputNames.contains(input), tensors[codes.tensor].name == input, made.codes.overlaps(bounds), operations[last].kind.isQuantised
    {
      operations[last].quantizer?.codes = made.codes.clamped(to: bounds)
      return try set(node, .codes(codes))
    }
    if tensors[codes.tensor].quantization == nil {
      // What the codes mean is told later.
      tensors[codes.tensor].quantization = Quantization(scales: [1], zeroPoints: [0])
    }
    guard var quantizer = quantizer(of: codes) else { throw unknown(node) }
    quantizer.codes = bounds
    var made = codes
    made.tensor = narrowed(codes.tensor, to: quantizer, [], node.type, name: node.outputs.first ?? "")
    try set(node, .codes(made))
  }

  // MARK: At the end

  /// The name of the network's output that `name` goes into through quantisers alone; nil where anything else reads it.
  func endOfNetwork(_ name: String) -> String? {
    var name = name
    for _ in 0..<8 {
      if outputNames.contains(name) { return readers[name] == nil ? name : nil }
      guard let reader = readers[name], reader.count == 1, let node = reader.first.map({ nodes[$0] }),
        ["QuantizeLinear", "DequantizeLinear", "Quant", "IntQuant", "Identity", "Cast"].contains(node.type),
        node.inputs.first == name, let output = node.outputs.first
      else { return nil }
      name = output
    }
    return nil
  }

  /// Softmax, LogSoftmax, Hardmax, ArgMax and TopK of the last codes keep their order: they are left to the caller, who
  /// gets the codes in front of them. Quantisers behind them, too.
  mutating func atTheEnd(_ node: ONNXNode, _ made: ONNXCodes? = nil) throws(NodeFault) {
    // TopK makes values and indices.
    let read = node.outputs.filter { readers[$0] != nil || outputNames.contains($0) }
    guard let output = read.first, let end = endOfNetwork(output), read.allSatisfy({ endOfNetwork($0) != nil }) else {
      throw NodeFault(
        "it is supported at the end of the network, where it is left to the caller, and not inside",
        remedy: "end the network in front of it; in place of LogSoftmax, Softmax and Log with a quantiser behind each",
        isOfOperator: true)
    }
    let codes: ONNXCodes
    if let made {
      codes = made
    } else if case .codes(let integers) = try meaning(node, 0, "input"), !integers.isReal,
      tensors[integers.tensor].quantization != nil, ["ArgMax", "TopK", "Hardmax"].contains(node.type)
    {
      // Of codes that stand for numbers the order is theirs.
      codes = integers
    } else {
      codes = try realCodes(node, 0, "input")
    }
    let tensor = rowMajor(codes)
    let shape = tensors[tensor].shape
    finish = .monotone
    if isFloat {
      notices.append(
        "the \(node.type) in front of the output \"\(end.printable())\" is left to the caller: the output is what goes into it")
      return endFloat(node, tensor, shape)
    }
    notices.append(
      "the \(node.type) in front of the output \"\(end.printable())\" is left to the caller: the output's codes are "
        + "those that go into it, whose order is the result's")
    let real = addTensor(Tensor(name: end, shape: shape, type: .float32))
    operations.append(Operation(.dequantize, typeName: node.type, inputs: [tensor], outputs: [real]))
    for output in read {
      meanings[output] = .codes(ONNXCodes(tensor: real, view: StridedView(rowMajor: shape), isReal: true))
      callersValues.insert(output)
    }
  }
}

extension Operation.Kind {
  /// Whether its codes are what its own quantiser makes, each alone.
  fileprivate var isQuantised: Bool {
    switch self {
    case .conv2D, .fullyConnected, .add, .subtract, .multiply, .averagePool2D, .unary: true
    default: false
    }
  }
}
