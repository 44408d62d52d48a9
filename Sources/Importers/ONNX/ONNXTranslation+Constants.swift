import Network

// What exporters leave in the graph though it is known: shapes, and arithmetic on constants.
extension ONNXTranslation {
  /// Whether the node makes a constant that needs no quantiser, which is then set.
  mutating func foldConstants(_ node: ONNXNode) throws(NodeFault) -> Bool {
    switch node.type {
    case "Constant":
      if let tensor = node.tensor("value") {
        try set(node, .constant(ONNXConstant(tensor)))
      } else if node.has("value_float") {
        try set(
          node, .constant(ONNXConstant(shape: [], reals: [Double(node.float("value_float", default: 0))], dataType: 1)))
      } else if node.has("value_int") {
        try set(
          node, .constant(ONNXConstant(shape: [], reals: [Double(node.int("value_int", default: 0))], dataType: 7)))
      } else if let numbers = node.floats("value_floats"), node.has("value_floats") {
        try set(node, .constant(ONNXConstant(shape: [numbers.count], reals: numbers.map { Double($0) }, dataType: 1)))
      } else if let numbers = node.ints("value_ints") {
        try set(node, .constant(ONNXConstant(shape: [numbers.count], reals: numbers.map { Double($0) }, dataType: 7)))
      } else {
        return false
      }
      return true
    case "Shape":
      guard let shape = try meaning(node, 0, "input").view?.shape else { return false }
      let start = node.int("start", default: 0)
      let end = node.int("end", default: shape.count)
      func bounded(_ place: Int) -> Int { min(max(place < 0 ? place + shape.count : place, 0), shape.count) }
      let kept = bounded(start) < bounded(end) ? Array(shape[bounded(start)..<bounded(end)]) : []
      try set(node, .constant(ONNXConstant(shape: [kept.count], reals: kept.map { Double($0) }, dataType: 7)))
      return true
    default: break
    }
    // The rest folds where all inputs are known.
    var inputs: [ONNXConstant?] = []
    for input in node.inputs {
      if input.isEmpty {
        inputs.append(nil)
      } else if case .constant(let constant)? = meanings[input] {
        inputs.append(constant)
      } else {
        return false
      }
    }
    if node.type == "ConstantOfShape" {
      guard let shape = inputs.first??.integers, let count = elementCount(shape) else {
        throw NodeFault("it makes a constant of shape \(inputs.first??.integers ?? [])")
      }
      let value = try node.tensor("value").map { tensor throws(NodeFault) in try ONNXConstant(tensor) }
      try set(
        node,
        .constant(
          ONNXConstant(
            shape: shape, reals: Array(repeating: value?.reals.first ?? 0, count: count), dataType: value?.dataType ?? 1
          )))
      return true
    }
    guard let made = try ONNXEvaluator(node: node, inputs: inputs).outputs() else { return false }
    guard made.count > 1 else {
      try set(node, .constant(made[0]))
      return true
    }
    for (output, constant) in zip(node.outputs, made) where !output.isEmpty {
      try spend(constant.count)
      meanings[output] = .constant(constant)
    }
    return true
  }
}
