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
    var constants: [ONNXConstant] = []
    for input in node.inputs where !input.isEmpty {
      guard case .constant(let constant)? = meanings[input] else { return false }
      constants.append(constant)
    }
    guard let first = constants.first else { return false }
    switch node.type {
    case "Add", "Sub", "Mul", "Div":
      guard constants.count == 2 else { return false }
      let (a, b) = (constants[0], constants[1])
      guard a.shape == b.shape || a.count == 1 || b.count == 1 else { return false }
      let count = max(a.count, b.count)
      let isInteger = a.dataType != 1 && a.dataType != 11
      let reals = (0..<count).map { index -> Double in
        let (x, y) = (a.reals[a.count == 1 ? 0 : index], b.reals[b.count == 1 ? 0 : index])
        switch node.type {
        case "Add": return x + y
        case "Sub": return x - y
        case "Mul": return x * y
        default: return isInteger ? (x / y).rounded(.towardZero) : x / y
        }
      }
      try set(
        node, .constant(ONNXConstant(shape: a.count >= b.count ? a.shape : b.shape, reals: reals, dataType: a.dataType))
      )
    case "Concat":
      guard constants.allSatisfy({ $0.shape.count == 1 }) else { return false }
      let reals = constants.flatMap(\.reals)
      try set(node, .constant(ONNXConstant(shape: [reals.count], reals: reals, dataType: first.dataType)))
    case "Gather":
      guard constants.count == 2, first.shape.count == 1, constants[1].shape.count <= 1 else { return false }
      let places = constants[1].integers.map { $0 < 0 ? $0 + first.count : $0 }
      guard places.allSatisfy({ first.reals.indices.contains($0) }) else {
        throw NodeFault("it gathers elements that do not exist")
      }
      try set(
        node,
        .constant(
          ONNXConstant(shape: constants[1].shape, reals: places.map { first.reals[$0] }, dataType: first.dataType)))
    case "Slice":
      guard first.shape.count == 1, constants.count >= 3, constants.dropFirst().allSatisfy({ $0.count == 1 }),
        constants.count < 5 || constants[4].integers == [1]
      else { return false }
      func bounded(_ place: Int) -> Int { min(max(place < 0 ? place + first.count : place, 0), first.count) }
      let (start, end) = (bounded(constants[1].integers[0]), bounded(constants[2].integers[0]))
      let kept = start < end ? Array(first.reals[start..<end]) : []
      try set(node, .constant(ONNXConstant(shape: [kept.count], reals: kept, dataType: first.dataType)))
    case "ConstantOfShape":
      let shape = first.integers
      guard let count = elementCount(shape) else { throw NodeFault("it makes a constant of shape \(shape)") }
      let value = try node.tensor("value").map { tensor throws(NodeFault) in try ONNXConstant(tensor) }
      try set(
        node,
        .constant(
          ONNXConstant(
            shape: shape, reals: Array(repeating: value?.reals.first ?? 0, count: count), dataType: value?.dataType ?? 1
          )))
    default: return false
    }
    return true
  }
}
