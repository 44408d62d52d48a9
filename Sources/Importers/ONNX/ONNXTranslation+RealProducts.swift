import Network

// Products of matrices of real numbers, whichever of them are constants.
extension ONNXTranslation {
  /// MatMul with a constant matrix behind goes the way of quantised graphs.
  mutating func realProduct(_ node: ONNXNode) throws(NodeFault) -> Bool {
    var operands = try realParts(node, [0, 1])
    if node.type == "MatMul", case .codes = operands[0], case .constant(let factor) = operands[1],
      factor.shape.count == 2
    {
      return false
    }
    for (position, name) in ["transA", "transB"].enumerated() where node.int(name, default: 0) != 0 {
      operands[position] = try transposedMatrix(operands[position])
    }
    // A vector is a row in front, a column behind.
    let shapes = operands.map { $0.view?.shape ?? [] }
    guard shapes.allSatisfy({ !$0.isEmpty }) else { throw NodeFault("it multiplies \(shapes[0]) by \(shapes[1])") }
    if shapes[0].count == 1 { operands[0] = try reshapedPart(operands[0], [1] + shapes[0]) }
    if shapes[1].count == 1 { operands[1] = try reshapedPart(operands[1], shapes[1] + [1]) }
    var made = try product(node, operands[0], operands[1])
    var shape = made.view.shape
    if shapes[1].count == 1 { shape.removeLast() }
    if shapes[0].count == 1 { shape.remove(at: shape.count - (shapes[1].count == 1 ? 1 : 2)) }
    if let view = made.view.reshaped(to: shape) { made.view = view }
    let alpha = Double(node.float("alpha", default: 1))
    try set(node, alpha == 1 ? .codes(made) : applied(.scaled(by: alpha, plus: 0), to: .codes(made)))
    return true
  }

  /// Gemm with constant weights and bias goes the way of quantised graphs.
  mutating func realGemm(_ node: ONNXNode) throws(NodeFault) -> Bool {
    let parts = try realParts(node, node.hasInput(2) ? [0, 1, 2] : [0, 1])
    let isTransposed = node.int("transA", default: 0) != 0
    if !isTransposed, case .codes = parts[0], case .constant(let weights) = parts[1] {
      if parts.count < 3 { return false }
      if case .constant(let bias) = parts[2], bias.count == 1 || bias.shape.last == bias.count,
        bias.count == 1
          || bias.count == (node.int("transB", default: 0) != 0 ? weights.shape.first : weights.shape.last)
      {
        return false
      }
    }
    let left = isTransposed ? try transposedMatrix(parts[0]) : parts[0]
    let right = node.int("transB", default: 0) != 0 ? try transposedMatrix(parts[1]) : parts[1]
    let (alpha, beta) = (Double(node.float("alpha", default: 1)), Double(node.float("beta", default: 1)))
    var made: ONNXCodes = try product(node, left, right, parts.count > 2 || alpha != 1 ? "product" : nil)
    if alpha != 1 { made = function(node, [.scaled(by: alpha, plus: 0)], of: made, parts.count > 2 ? "scaled" : nil) }
    if parts.count > 2, beta != 0 {
      var summand = parts[2]
      if beta != 1 {
        switch summand {
        case .constant(var constant):
          constant.reals = constant.reals.map { $0 * beta }
          summand = .constant(constant)
        case .codes(let codes): summand = .codes(function(node, [.scaled(by: beta, plus: 0)], of: codes, "summand"))
        default: break
        }
      }
      made = try combined(node, .add(.none), [.codes(made), summand])
    }
    try set(node, .codes(made))
    return true
  }

  /// Matrices pair by pair, of two dimensions or more. One that is constant, alike for all pairs, is the weights of a dense
  /// layer: A · x is the transposed of xᵀ · Aᵀ.
  mutating func product(
    _ node: ONNXNode, _ left: ONNXMeaning, _ right: ONNXMeaning, _ role: String? = nil
  ) throws(NodeFault) -> ONNXCodes {
    let name = (node.outputs.first ?? "") + (role.map { "/\($0)" } ?? "")
    func matrix(_ part: ONNXMeaning, beside other: ONNXMeaning) -> ONNXConstant? {
      guard case .constant(var constant) = part, constant.shape.dropLast(2).allSatisfy({ $0 == 1 }),
        constant.shape.count <= other.view?.axes.count ?? 0
      else { return nil }
      constant.shape = Array(constant.shape.suffix(2))
      return constant
    }
    if let constant = matrix(right, beside: left), case .codes(let x) = left {
      return try settled(
        densePending(node, x, realWeights(constant), shape: constant.shape, isTransposed: false), name: name)
    }
    if let constant = matrix(left, beside: right), case .codes = right, case .codes(let x) = try transposedMatrix(right)
    {
      let made = try settled(
        densePending(node, x, realWeights(constant), shape: constant.shape, isTransposed: true), name: name)
      guard case .codes(let turned) = try transposedMatrix(.codes(made)) else { return made }
      return turned
    }
    func factor(_ part: ONNXMeaning) throws(NodeFault) -> ONNXCodes {
      switch part {
      case .codes(let codes): return codes
      case .constant(let constant):
        let tensor = addReals("factor", try Self.finite(constant), constant.shape)
        return ONNXCodes(tensor: tensor, view: StridedView(rowMajor: constant.shape), isReal: true)
      default: throw NodeFault("a factor of it cannot be made")
      }
    }
    return try settled(matrixPending(factor(left), factor(right), typeName: node.type), name: name)
  }

  /// With the last two dimensions exchanged.
  private func transposedMatrix(_ part: ONNXMeaning) throws(NodeFault) -> ONNXMeaning {
    let rank = part.view?.axes.count ?? 0
    guard rank >= 2 else { throw NodeFault("it transposes what has \(rank) dimensions") }
    return try permutedPart(part, Array(0..<rank - 2) + [rank - 1, rank - 2])
  }

  private func permutedPart(_ part: ONNXMeaning, _ permutation: [Int]) throws(NodeFault) -> ONNXMeaning {
    guard let view = part.view?.transposed(permutation) else { throw NodeFault("an input of it cannot be made") }
    guard case .constant(var constant) = part else { return part.with(view) }
    let places = permutation.indices.reduce([0]) { starts, axis in
      starts.flatMap { start in view.offsets(along: axis).map { start + $0 } }
    }
    constant.reals = places.map { constant.reals[$0] }
    constant.shape = view.shape
    return .constant(constant)
  }

  /// In another shape of as many elements.
  private mutating func reshapedPart(_ part: ONNXMeaning, _ shape: [Int]) throws(NodeFault) -> ONNXMeaning {
    switch part {
    case .constant(var constant):
      constant.shape = shape
      return .constant(constant)
    case .codes(var codes):
      if let view = codes.view.reshaped(to: shape) {
        codes.view = view
      } else {
        codes = ONNXCodes(tensor: rowMajor(codes), view: StridedView(rowMajor: shape), isReal: codes.isReal)
      }
      return .codes(codes)
    case .pending(let pending): return pending.view.reshaped(to: shape).map { part.with($0) } ?? part
    default: return part
    }
  }

  // MARK: Einsum

  /// Of one tensor a transposition and sums, of two a product of matrices between both.
  mutating func einsum(_ node: ONNXNode) throws(NodeFault) {
    let equation = node.string("equation", default: "").filter { $0 != " " }
    let sides = equation.split(separator: "-", omittingEmptySubsequences: false).map { $0.filter { $0 != ">" } }
    var terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
    let all = terms.flatMap { $0 }
    let output =
      sides.count > 1 ? Array(sides[1]) : Set(all).filter { letter in all.count { $0 == letter } == 1 }.sorted()
    guard sides.count <= 2, terms.count == node.inputs.count, (1...2).contains(terms.count),
      (all + output).allSatisfy({ $0.isLetter && $0.isASCII }), terms.allSatisfy({ Set($0).count == $0.count }),
      Set(output).count == output.count, output.allSatisfy(all.contains)
    else {
      throw NodeFault(
        "its equation is \"\(equation.printable(60))\"",
        remedy: "write it with one or two factors, without dots and without an index twice in one of them; or as MatMul"
      )
    }
    var parts = isFloat ? try realParts(node, Array(terms.indices)) : []
    if !isFloat {
      for position in terms.indices { parts.append(try factor(node, position)) }
      // What is constant comes second, as weights do.
      if case .constant = parts[0], terms.count == 2 {
        parts.swapAt(0, 1)
        terms.swapAt(0, 1)
      }
    }
    var sizes: [Character: Int] = [:]
    for (term, part) in zip(terms, parts) {
      let shape = part.view?.shape ?? []
      guard shape.count == term.count else {
        throw NodeFault("its input of shape \(shape) has not the indices \(String(term))")
      }
      for (letter, size) in zip(term, shape) where sizes.updateValue(size, forKey: letter) ?? size != size {
        throw NodeFault("its index \(letter) has two sizes")
      }
    }
    // What one factor alone has is summed up before.
    for index in terms.indices {
      let others = Set(output + terms.indices.filter { $0 != index }.flatMap { terms[$0] })
      let alone = Set(terms[index].indices.filter { !others.contains(terms[index][$0]) })
      guard !alone.isEmpty else { continue }
      guard isFloat else {
        throw NodeFault(
          "it sums up one factor alone", remedy: "put ReduceSum with a quantiser behind it in front of a product")
      }
      let x: ONNXCodes
      switch parts[index] {
      case .codes(let codes): x = codes
      default: x = try real(node, index, "input \(index)")
      }
      parts[index] = .codes(
        reduced(
          node, { .reduce(.sum, keepsDimensions: $0) }, x, alone, keepsDimensions: false,
          terms.count == 1 ? nil : "sum\(index)"))
      terms[index] = terms[index].indices.filter { !alone.contains($0) }.map { terms[index][$0] }
    }
    func permuted(_ part: ONNXMeaning, _ letters: [Character], _ wanted: [Character]) throws(NodeFault) -> ONNXMeaning {
      try permutedPart(part, wanted.map { letter in letters.firstIndex(of: letter) ?? 0 })
    }
    guard terms.count == 2 else { return try set(node, permuted(parts[0], terms[0], output)) }
    let (a, b) = (Set(terms[0]), Set(terms[1]))
    let batch = output.filter { a.contains($0) && b.contains($0) }
    let summed = terms[0].filter { b.contains($0) && !output.contains($0) }
    let (rows, columns) = (output.filter { !b.contains($0) }, output.filter { !a.contains($0) })
    func size(_ letters: [Character]) -> Int { letters.reduce(1) { $0 * (sizes[$1] ?? 1) } }
    let lists = batch.map { sizes[$0] ?? 1 }
    let left = try reshapedPart(
      permuted(parts[0], terms[0], batch + rows + summed), lists + [size(rows), size(summed)])
    let made: ONNXMeaning
    if !isFloat, case .codes(let x) = left, case .constant(let constant) = parts[1], batch.isEmpty {
      let matrix = try permutedWeights(
        weights(constant, "factor"), constant.shape, (summed + columns).map { terms[1].firstIndex(of: $0) ?? 0 },
        columns: columns.count)
      made = .pending(
        try densePending(node, x, matrix, shape: [size(summed), size(columns)], isTransposed: false))
    } else {
      if !isFloat, case .constant(let constant) = parts[1] {
        parts[1] = .codes(
          try constantMatrix(weights(constant, "factor"), shape: constant.shape, name: node.inputs[1]))
      }
      let right = try reshapedPart(
        permuted(parts[1], terms[1], batch + summed + columns), lists + [size(summed), size(columns)])
      if !isFloat, case .codes(let x) = left, case .codes(let y) = right {
        made = .pending(try matrixPending(x, y, typeName: node.type))
      } else {
        made = .codes(try product(node, left, right))
      }
    }
    let whole = try reshapedPart(made, (batch + rows + columns).map { sizes[$0] ?? 1 })
    try set(node, permuted(whole, batch + rows + columns, output))
  }

  /// A factor of codes, or a constant.
  private mutating func factor(_ node: ONNXNode, _ position: Int) throws(NodeFault) -> ONNXMeaning {
    let meaning = try meaning(node, position, "input \(position)")
    if case .constant = meaning { return meaning }
    return .codes(try realCodes(node, position, "input \(position)"))
  }

  /// Weights with their axes in another order, the last `columns` of which become the output channels.
  private func permutedWeights(
    _ weights: QuantizedConstant, _ shape: [Int], _ permutation: [Int], columns: Int
  ) throws(NodeFault) -> QuantizedConstant {
    let view = StridedView(rowMajor: shape)
    let places = permutation.reduce([0]) { starts, axis in
      starts.flatMap { start in view.offsets(along: axis).map { start + $0 } }
    }
    var made = weights
    made.codes = places.map { weights.codes[$0] }
    if weights.quantization.scales.count > 1 || weights.quantization.zeroPoints.count > 1 {
      guard columns == 1, permutation.last == weights.quantization.axis else {
        throw NodeFault(
          "its constant factor has scales along axis \(weights.quantization.axis), which are not its output channels",
          remedy: "quantise it per tensor")
      }
      made.quantization.axis = 1
    }
    return made
  }
}
