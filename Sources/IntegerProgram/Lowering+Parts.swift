import Network

// SPLIT, SPLIT_V, UNPACK → a move for each output that is read; PACK, SLICE → one move.
extension Lowering {
  mutating func split(_ operation: Operation) throws(LayerFault) {
    let axis = try constantIntegers(operation, 0, "axis")
    let x = try input(operation, 1, "input")
    let (parts, position) = (operation.outputs.count, try self.axis(axis, of: values[x]))
    let size = values[x].shape[position]
    guard size % parts == 0 else {
      throw LayerFault("it makes \(parts) equal parts of the \(size) elements of axis \(position)")
    }
    try split(operation, x, axis: position, sizes: Array(repeating: size / parts, count: parts))
  }

  mutating func splitSizes(_ operation: Operation) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    var sizes = try constantIntegers(operation, 1, "sizes")
    let position = try self.axis(constantIntegers(operation, 2, "axis"), of: values[x])
    let size = values[x].shape[position]
    let given = sizes.filter { $0 != -1 }
    guard given.allSatisfy({ (0...size).contains($0) }), sizes.count - given.count <= 1 else {
      throw LayerFault("its sizes \(sizes) are no parts of the \(size) elements of axis \(position)")
    }
    sizes = sizes.map { $0 == -1 ? size - given.reduce(0, +) : $0 }
    guard sizes.count == operation.outputs.count, sizes.reduce(0, +) == size else {
      throw LayerFault(
        "its \(sizes.count) sizes \(sizes) make \(operation.outputs.count) outputs of \(size) elements along axis "
          + "\(position)")
    }
    try split(operation, x, axis: position, sizes: sizes)
  }

  private mutating func split(_ operation: Operation, _ x: Int, axis: Int, sizes: [Int]) throws(LayerFault) {
    var start = 0
    for (tensor, size) in zip(operation.outputs, sizes) {
      var shape = values[x].shape
      shape[axis] = size
      try part(tensor, of: x, axis: axis, start: start, sizes: shape, shape: shape)
      start += size
    }
  }

  mutating func unpack(_ operation: Operation, axis: Int) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    let position = try self.axis([axis], of: values[x])
    guard values[x].shape[position] == operation.outputs.count else {
      throw LayerFault(
        "it has \(operation.outputs.count) outputs for the \(values[x].shape[position]) elements of axis \(position)")
    }
    var (sizes, shape) = (values[x].shape, values[x].shape)
    sizes[position] = 1
    shape.remove(at: position)
    for (start, tensor) in operation.outputs.enumerated() {
      try part(tensor, of: x, axis: position, start: start, sizes: sizes, shape: shape)
    }
  }

  /// Emits one output of several: `sizes` elements of a value, from `start` along `axis`. Outputs that nothing reads are
  /// left out.
  private mutating func part(
    _ tensor: Int, of x: Int, axis: Int, start: Int, sizes: [Int], shape: [Int]
  ) throws(LayerFault) {
    let output = try makeValue(ofTensor: tensor).get()
    try require(shape: shape, of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    guard network.outputs.contains(tensor) || network.operations.contains(where: { $0.inputs.contains(tensor) }) else {
      return
    }
    let strides = rowMajorStrides(values[x].shape)
    let copy = Move.Copy(
      operand: 0, sizes: sizes, sourceStart: start * strides[axis], sourceStrides: strides, targetStart: 0,
      targetStrides: rowMajorStrides(sizes)
    ).merged()
    source.name = output.name
    var part = output
    part.range = values[x].range
    let index = add(part, tensor: tensor)
    steps.append(Step(.move(Move(copies: [copy])), source: source, inputs: [x], output: index))
  }

  mutating func pack(_ operation: Operation, axis: Int) throws(LayerFault) {
    let output = try output(operation)
    let count = operation.inputs.count
    let position = try self.axis([axis], of: output)
    guard count > 0, output.shape[position] == count else {
      throw LayerFault("its \(count) inputs make no axis \(position) of \(output.shape)")
    }
    var shape = output.shape
    shape.remove(at: position)
    let strides = rowMajorStrides(output.shape)
    var targetStrides = strides
    targetStrides.remove(at: position)
    var inputs: [Int] = []
    var copies: [Move.Copy] = []
    var range: ClosedRange<Int64>?
    for place in 0..<count {
      let x = try input(operation, place, "input \(place)")
      guard values[x].shape == shape else {
        throw LayerFault("its input \(place) has the shape \(values[x].shape), not \(shape)")
      }
      try requireSameQuantization(values[x], output, "its input \(place) and output")
      inputs.append(x)
      copies.append(
        Move.Copy(
          operand: place, sizes: shape, sourceStart: 0, sourceStrides: rowMajorStrides(shape),
          targetStart: place * strides[position], targetStrides: targetStrides
        ).merged())
      range = union(range, values[x].range)
    }
    emit(.move(Move(copies: copies)), operation, inputs: inputs, output: output, range: range)
  }

  mutating func slice(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    let begins = try constantIntegers(operation, 1, "begins")
    var sizes = try constantIntegers(operation, 2, "sizes")
    guard begins.count == shape.count, sizes.count == shape.count else {
      throw LayerFault("it has \(begins.count) begins and \(sizes.count) sizes for rank \(shape.count)")
    }
    for axis in shape.indices {
      guard (0..<shape[axis]).contains(begins[axis]) else {
        throw LayerFault("it begins at \(begins[axis]) of the \(shape[axis]) elements of axis \(axis)")
      }
      if sizes[axis] == -1 { sizes[axis] = shape[axis] - begins[axis] }
      guard (1...shape[axis] - begins[axis]).contains(sizes[axis]) else {
        throw LayerFault("it takes \(sizes[axis]) of \(shape[axis]) elements from \(begins[axis]) along axis \(axis)")
      }
    }
    try require(shape: sizes, of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    let strides = rowMajorStrides(shape)
    let copy = Move.Copy(
      operand: 0, sizes: sizes, sourceStart: zip(begins, strides).reduce(0) { $0 + $1.0 * $1.1 },
      sourceStrides: strides, targetStart: 0, targetStrides: rowMajorStrides(sizes))
    try move(operation, x, output, Move(copies: [copy.merged()]))
  }

  /// The one axis that a constant names, counted from the last where it is negative.
  private func axis(_ axis: [Int], of value: Value) throws(LayerFault) -> Int {
    let rank = value.shape.count
    guard axis.count == 1, (-rank..<rank).contains(axis[0]) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank)")
    }
    return axis[0] < 0 ? axis[0] + rank : axis[0]
  }
}
