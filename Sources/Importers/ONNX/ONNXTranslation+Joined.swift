import Network

// Functions of one tensor of codes that come together again, as exporters write out softplus, silu and the like: each code
// has its value, whatever is done on the way.
extension ONNXTranslation {
  /// What a node reads, as functions of one tensor of codes.
  private enum Part {
    case functions(ONNXCodes, [RealFunction])
    case constant(Double)
  }

  private func part(_ meaning: ONNXMeaning) -> Part? {
    switch meaning {
    case .constant(let constant) where constant.count == 1: return constant.scalar.map { .constant($0) }
    case .codes(let codes) where codes.isReal: return .functions(codes, [])
    case .pending(let pending):
      guard case .codes(let codes) = pending.base, pending.pools.isEmpty, pending.stages.isEmpty, pending.crop == nil,
        pending.view == codes.view
      else { return nil }
      return .functions(codes, pending.functions)
    default: return nil
    }
  }

  /// The functions that each of `meanings` is of the same tensor; nil where they are of several, or of none.
  private func functions(_ meanings: [ONNXMeaning]) -> (codes: ONNXCodes, lists: [[RealFunction]])? {
    guard !isFloat else { return nil }
    var found: ONNXCodes?
    var lists: [[RealFunction]] = []
    for meaning in meanings {
      switch part(meaning) {
      case .functions(let codes, let functions):
        guard found == nil || found?.tensor == codes.tensor && found?.view == codes.view else { return nil }
        found = codes
        lists.append(functions)
      case .constant(let number): lists.append([.constant(number)])
      case nil: return nil
      }
    }
    return found.map { ($0, lists) }
  }

  private func pending(_ node: ONNXNode, _ codes: ONNXCodes, _ function: RealFunction) -> ONNXMeaning {
    var pending = ONNXPending(
      .codes(codes), typeName: node.type, view: codes.view, shape: tensors[codes.tensor].shape)
    pending.functions = [function]
    return .pending(pending)
  }

  /// The sum, difference, product or quotient of two functions of one tensor; nil where it is none, or where both are its
  /// codes themselves.
  func functionOfOne(_ node: ONNXNode, _ a: ONNXMeaning, _ b: ONNXMeaning) throws(NodeFault) -> ONNXMeaning? {
    let joinings: [String: RealFunction.Joining] = ["Add": .sum, "Sub": .difference, "Mul": .product, "Div": .quotient]
    guard let joining = joinings[node.type], let (codes, lists) = functions([a, b]),
      lists.contains(where: { !$0.isEmpty && $0 != [.clamp(0, .infinity)] })
    else { return nil }
    return pending(node, codes, .joined(joining, lists[0], lists[1]))
  }

  /// Greater, Less and their kind.
  mutating func comparison(_ node: ONNXNode, _ comparison: Comparison) throws(NodeFault) {
    guard !isFloat else { throw unknown(node, isOfOperator: true) }
    let operands = [try meaning(node, 0, "first input"), try meaning(node, 1, "second input")]
    guard let (codes, lists) = functions(operands) else {
      throw NodeFault(
        "it compares what is no function of one tensor of codes",
        remedy: "put a quantiser in front of what is compared; compare with constants of one number, or the difference of two "
          + "tensors, quantised, with 0")
    }
    try set(node, pending(node, codes, .joined(.compared(comparison), lists[0], lists[1])))
  }

  /// Where: one of two functions by a third.
  mutating func choice(_ node: ONNXNode) throws(NodeFault) {
    guard !isFloat else { throw unknown(node, isOfOperator: true) }
    let operands = [
      try meaning(node, 0, "condition"), try meaning(node, 1, "second input"), try meaning(node, 2, "third input"),
    ]
    if let (codes, lists) = functions(operands) {
      return try set(node, pending(node, codes, .chosen(lists[0], lists[1], lists[2])))
    }
    try set(node, .pending(chosen(node, by: operands[0], operands[1], operands[2])))
  }

  /// One of two by a condition, which is 0 or 1. Each choice is quantised alone: the codes are the same.
  func chosen(
    _ node: ONNXNode, by condition: ONNXMeaning, _ first: ONNXMeaning, _ second: ONNXMeaning
  ) throws(NodeFault) -> ONNXPending {
    guard let a = first.view, let b = second.view, let truths = condition.view else { throw unknown(node) }
    let choices = try broadcast(a, b)
    let (shape, order) = try broadcast(StridedView(shape: choices.shape, inMemory: choices.order), truths)
    return ONNXPending(
      .choice(condition, [first, second], order: order), typeName: node.type,
      view: StridedView(shape: shape, inMemory: order), shape: order.map { shape[$0] })
  }

  /// The codes of one of two parts, by a condition.
  mutating func choice(
    _ condition: ONNXMeaning, _ parts: [ONNXMeaning], order: [Int], _ pending: ONNXPending, _ quantizer: ONNXQuantizer,
    name: String
  ) throws(NodeFault) -> ONNXCodes {
    func lying(_ codes: ONNXCodes) throws(NodeFault) -> Int {
      var codes = codes
      let shape = Array(repeating: 1, count: order.count - codes.view.axes.count) + codes.view.shape
      guard let view = codes.view.reshaped(to: shape) else { throw NodeFault("its inputs' shapes do not broadcast") }
      codes.view = view
      return arranged(codes, order)
    }
    let truth = ONNXQuantizer(scale: 1, zeroPoint: 0, type: .integer(bits: 1, signed: false), codes: 0...1)
    var inputs = [
      try lying(partCodes(condition, clamp: -.infinity ... .infinity, truth, name: "\(name)/condition"))
    ]
    for (index, part) in parts.enumerated() {
      inputs.append(try lying(partCodes(part, clamp: pending.clamp, quantizer, name: "\(name)/\(index)")))
    }
    let made = addTensor(
      Tensor(name: name, shape: pending.shape, type: quantizer.type, quantization: quantizer.quantization))
    operations.append(Operation(.select, typeName: pending.typeName, inputs: inputs, outputs: [made]))
    return ONNXCodes(tensor: made, view: pending.view, isReal: true)
  }
}
