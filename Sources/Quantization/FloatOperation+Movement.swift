import IntegerProgram
import Network

// What only moves elements: joined, taken apart, turned, repeated, padded.
extension FloatOperation {
  /// Several tensors, one after another along an axis of theirs or along one that is new.
  func joined(axis: Int, isNewAxis: Bool) throws(LayerFault) -> FloatLayer {
    var (parts, inputs): ([(shape: [Int], constant: FloatConstant?)], [Int]) = ([], [])
    for position in operation.inputs.indices {
      if isConstant(position) {
        let found = try reals(position, "operand")
        parts.append((found.shape, FloatConstant(numbers: found.numbers, shape: found.shape, isLeft: false)))
      } else {
        let found = try reckoned(position)
        parts.append((found.tensor.shape, nil))
        inputs.append(found.index)
      }
    }
    let made = try made.shape
    let axis = axis < 0 ? axis + made.count : axis
    let shapes = parts.map { part in
      var shape = part.shape
      if isNewAxis, shape.count + 1 == made.count, (0..<made.count).contains(axis) { shape.insert(1, at: axis) }
      return shape
    }
    guard !inputs.isEmpty, made.indices.contains(axis),
      shapes.allSatisfy({ shape in
        shape.count == made.count && made.indices.allSatisfy { $0 == axis || shape[$0] == made[$0] }
      }), shapes.reduce(0, { $0 + $1[axis] }) == made[axis]
    else { throw LayerFault("its inputs' shapes, \(parts.map(\.shape)), do not join to \(made)") }
    let inner = made[(axis + 1)...].reduce(1, *)
    return try layer(
      .concatenation(
        turns: made[..<axis].reduce(1, *),
        parts: zip(shapes, parts).map { FloatPart(size: $0[axis] * inner, constant: $1.constant) }), inputs)
  }

  /// GATHER and EMBEDDING_LOOKUP of a constant table by whole numbers that are reckoned.
  func rows(axis: Int, batchDimensions: Int) throws(LayerFault) -> FloatLayer {
    let indices = try reckoned(1, .int32, orOf: Self.integers)
    guard isConstant(0) else {
      throw LayerFault(
        "it chooses among what is reckoned by indices that are reckoned",
        remedy: "gather from a constant table, as an embedding, or by constant indices")
    }
    let table = try reals(0, "table")
    let rank = table.shape.count
    guard batchDimensions == 0, (-rank..<rank).contains(axis) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank), or it has batch dimensions")
    }
    let along = axis < 0 ? axis + rank : axis
    guard table.shape[along] > 0 else { throw LayerFault("its table has the shape \(table.shape): it is empty") }
    try require(table.shape[..<along] + indices.tensor.shape + table.shape[(along + 1)...])
    return try layer(
      .rows(
        outer: table.shape[..<along].reduce(1, *), count: table.shape[along],
        inner: table.shape[(along + 1)...].reduce(1, *), table: table.numbers), [indices.index])
  }

  /// The layers of an operation that puts elements of one input elsewhere; nil where it is none. Where they go is what
  /// lowering the same operation on codes says.
  func moved() throws(LayerFault) -> [FloatLayer]? {
    let reckoned = operation.inputs.indices.filter { !isConstant($0) && operation.inputs[$0] != nil }
    guard isMove, reckoned.count == 1 else { return nil }
    let x = try self.reckoned(reckoned[0], orOf: [.int32, .int64, .boolean])
    var fill: Float = 0
    if case .pad = operation.kind, isConstant(2) {
      let value = try reals(2, "padding value").numbers
      guard value.count == 1 else { throw LayerFault("it pads with \(value.count) numbers") }
      fill = value[0]
    }
    let places = try self.places(of: x)
    return zip(operation.outputs, places).enumerated().map { part, made in
      FloatLayer(
        index: index, kind: .move(places: made.1, fill: fill), activation: .none, inputs: [x.index], output: made.0,
        part: part)
    }
  }

  var isMove: Bool {
    switch operation.kind {
    case .reshape, .squeeze, .expandDimensions, .pad, .transpose, .stridedSlice, .unpack, .slice, .gather, .broadcastTo,
      .split, .splitSizes, .tile, .gatherND, .reverse, .mirrorPad, .depthToSpace, .spaceToDepth, .spaceToBatch,
      .batchToSpace, .resizeNearest, .indexed:
      true
    default: false
    }
  }

  /// For each output the elements of the input that its elements are, −1 for zero.
  private func places(of x: (index: Int, tensor: Tensor)) throws(LayerFault) -> [[Int32]] {
    // The operation alone, on codes.
    var twin = Network(name: "", tensors: [], operations: [], inputs: [], outputs: [])
    let codes = Quantization(scales: [1], zeroPoints: [0])
    func add(_ tensor: Tensor) -> Int {
      twin.tensors.append(tensor)
      return twin.tensors.count - 1
    }
    func addCodes(_ tensor: Tensor) -> Int {
      add(Tensor(name: tensor.name, shape: tensor.shape, type: .int8, quantization: codes))
    }
    var inputs: [Int?] = []
    for (position, input) in operation.inputs.enumerated() {
      guard let input else {
        inputs.append(nil)
        continue
      }
      // Zero, where it pads with that, is the zero point.
      if case .pad = operation.kind, position == 2 { continue }
      inputs.append(input == x.index ? addCodes(network.tensors[input]) : add(network.tensors[input]))
      if input == x.index { twin.inputs = [inputs[position] ?? 0] }
    }
    twin.outputs = operation.outputs.map { addCodes(network.tensors[$0]) }
    twin.operations = [
      Operation(operation.kind, typeName: operation.typeName, inputs: inputs, outputs: twin.outputs)
    ]
    let program: IntegerProgram
    do {
      program = try IntegerProgram(lowering: twin)
    } catch let error as NetworkError {
      throw LayerFault(error.issues.first?.reason ?? "\(error)", remedy: error.issues.first?.remedy)
    } catch {
      throw LayerFault("\(error)")
    }
    var places = [[Int32]?](repeating: nil, count: program.values.count)
    places[program.inputs[0]] = (0..<Int32(x.tensor.count)).map { $0 }
    for step in program.steps {
      guard case .move(let move) = step.operation else { throw LayerFault("it does more than move elements") }
      var made = [Int32](repeating: -1, count: program.values[step.output].count)
      for copy in move.copies {
        guard let source = places[step.inputs[copy.operand]] else { throw LayerFault("it reads what is not made") }
        copy.forEachElement { from, to in made[to] = source[from] }
      }
      places[step.output] = made
    }
    return try program.outputs.map { output throws(LayerFault) in
      guard let found = places[output] else { throw LayerFault("it makes no output") }
      return found
    }
  }
}

extension Move.Copy {
  /// Calls `body` with the places of each element in the operand and in the output.
  fileprivate func forEachElement(_ body: (_ source: Int, _ target: Int) -> Void) {
    var index = [Int](repeating: 0, count: sizes.count)
    var (source, target) = (sourceStart, targetStart)
    for _ in 0..<count {
      body(source, target)
      var axis = sizes.count - 1
      while axis >= 0 {
        index[axis] += 1
        source += sourceStrides[axis]
        target += targetStrides[axis]
        if index[axis] < sizes[axis] { break }
        source -= index[axis] * sourceStrides[axis]
        target -= index[axis] * targetStrides[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }
}
