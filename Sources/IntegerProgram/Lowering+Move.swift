import Network

// RESHAPE, SQUEEZE, EXPAND_DIMS, PAD, PADV2, TRANSPOSE, CONCATENATION, STRIDED_SLICE → move.
extension Lowering {
  mutating func ends(_ operation: Operation) throws(LayerFault) -> (Int, Value) {
    (try input(operation, 0, "input"), try output(operation))
  }

  /// Emits a move of one input, whose codes keep their type.
  mutating func move(_ operation: Operation, _ x: Int, _ output: Value, _ move: Move) throws(LayerFault) {
    guard values[x].type == output.type else {
      throw LayerFault("its input is \(values[x].type) and its output \(output.type); codes cannot be moved across types")
    }
    var range = values[x].range
    if let fill = move.fill { range = union(range, Int64(fill)...Int64(fill)) }
    emit(.move(move), operation, inputs: [x], output: output, range: range)
  }

  mutating func reshape(_ operation: Operation, requested: [Int]?) throws(LayerFault) {
    let (x, output) = try ends(operation)
    // The shape stands in a second input or, without one, in the options; where the input is computed, the file's own
    // output shape is all there is.
    var shape = requested
    if operation.inputs.count > 1, let index = operation.inputs[1] {
      shape = network.tensors[index].integers.map { $0.map { Int($0) } }
    }
    // [0] stands for no dimensions, as [] does (TensorFlow Lite: `Reshape`).
    if shape == [0] { shape = [] }
    guard output.count == values[x].count else {
      throw LayerFault("it makes \(output.shape) of \(values[x].shape): the number of elements changes")
    }
    if let shape {
      let fits =
        shape.count == output.shape.count && zip(shape, output.shape).allSatisfy { $0 == -1 || $0 == $1 }
        && shape.count(where: { $0 == -1 }) <= 1
      guard fits else {
        throw LayerFault("its requested shape \(shape) is not its output's shape in the file, \(output.shape)")
      }
    }
    try move(operation, x, output, .identity(count: output.count))
  }

  mutating func squeeze(_ operation: Operation, axes: [Int]) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    let removed =
      axes.isEmpty ? Set(shape.indices.filter { shape[$0] == 1 }) : try self.axes(axes, rank: shape.count)
    for axis in removed where shape[axis] != 1 {
      throw LayerFault("it removes axis \(axis), whose size is \(shape[axis]), not 1")
    }
    try require(shape: shape.indices.filter { !removed.contains($0) }.map { shape[$0] }, of: output)
    try move(operation, x, output, .identity(count: output.count))
  }

  mutating func expandDimensions(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try ends(operation)
    var shape = values[x].shape
    let axis = try constantIntegers(operation, 1, "axis")
    guard axis.count == 1, (-shape.count - 1...shape.count).contains(axis[0]) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(shape.count + 1)")
    }
    shape.insert(1, at: axis[0] < 0 ? axis[0] + shape.count + 1 : axis[0])
    try require(shape: shape, of: output)
    try move(operation, x, output, .identity(count: output.count))
  }

  mutating func pad(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let input = values[x]
    let amounts = try constantIntegers(operation, 1, "padding amounts")
    guard amounts.count == 2 * input.shape.count else {
      throw LayerFault("it has \(amounts.count) padding amounts for rank \(input.shape.count), not 2 an axis")
    }
    for amount in amounts where !(0...(1 << 20)).contains(amount) {
      throw LayerFault("its padding amount \(amount) is outside 0 … 2^20")
    }
    try requireSameQuantization(input, output, "its input and output")
    var fill = output.zeroPoint
    if operation.inputs.count > 2, operation.inputs[2] != nil {
      let constant = values[try self.input(operation, 2, "padding value")]
      guard let codes = constant.constant, codes.count == 1 else {
        throw LayerFault("its padding value is not one constant")
      }
      try requireSameQuantization(constant, output, "its padding value and output")
      fill = codes[0]
    }
    try require(
      shape: input.shape.indices.map { input.shape[$0] + amounts[2 * $0] + amounts[2 * $0 + 1] }, of: output)
    let strides = rowMajorStrides(output.shape)
    let copy = Move.Copy(
      operand: 0, sizes: input.shape, sourceStart: 0, sourceStrides: rowMajorStrides(input.shape),
      targetStart: strides.indices.reduce(0) { $0 + amounts[2 * $1] * strides[$1] }, targetStrides: strides)
    try move(operation, x, output, Move(fill: output.count == input.count ? nil : fill, copies: [copy.merged()]))
  }

  mutating func transpose(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let input = values[x]
    let permutation = try constantIntegers(operation, 1, "permutation").map { $0 < 0 ? $0 + input.shape.count : $0 }
    guard permutation.sorted() == Array(input.shape.indices) else {
      throw LayerFault("its permutation \(permutation) does not name each of \(input.shape.count) axes once")
    }
    try require(shape: permutation.map { input.shape[$0] }, of: output)
    try requireSameQuantization(input, output, "its input and output")
    try move(operation, x, output, Move(copies: [transposition(of: input.shape, by: permutation)]))
  }

  /// The copy whose output axis i is the input's axis `permutation[i]`.
  func transposition(of shape: [Int], by permutation: [Int]) -> Move.Copy {
    let strides = rowMajorStrides(shape)
    let sizes = permutation.map { shape[$0] }
    return Move.Copy(
      operand: 0, sizes: sizes, sourceStart: 0, sourceStrides: permutation.map { strides[$0] }, targetStart: 0,
      targetStrides: rowMajorStrides(sizes)
    ).merged()
  }

  mutating func concatenation(
    _ operation: Operation, axis: Int, _ activation: Activation
  ) throws(LayerFault) {
    let output = try output(operation)
    guard activation == .none else { throw LayerFault("it has the fused activation \(activation.rawValue)") }
    var inputs: [Int] = []
    for position in operation.inputs.indices {
      var x = try input(operation, position, "input \(position)")
      if isAsymmetric(values[x]), isAsymmetric(output) { x = rescaled(x, to: output) }
      try requireSameQuantization(values[x], output, "its input \(position) and output")
      inputs.append(x)
    }
    let rank = output.shape.count
    guard !inputs.isEmpty, (-rank..<rank).contains(axis) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank)")
    }
    let axis = axis < 0 ? axis + rank : axis
    let strides = rowMajorStrides(output.shape)
    var copies: [Move.Copy] = []
    var start = 0
    var range: ClosedRange<Int64>?
    for (position, x) in inputs.enumerated() {
      let shape = values[x].shape
      guard shape.count == rank, (0..<rank).allSatisfy({ $0 == axis || shape[$0] == output.shape[$0] }) else {
        throw LayerFault("its input \(position) has the shape \(shape), its output \(output.shape)")
      }
      copies.append(
        Move.Copy(
          operand: position, sizes: shape, sourceStart: 0, sourceStrides: rowMajorStrides(shape),
          targetStart: start * strides[axis], targetStrides: strides
        ).merged())
      start += shape[axis]
      range = union(range, values[x].range)
    }
    guard start == output.shape[axis] else {
      throw LayerFault("its inputs have \(start) elements along axis \(axis), its output \(output.shape[axis])")
    }
    emit(.move(Move(copies: copies)), operation, inputs: inputs, output: output, range: range)
  }

  mutating func stridedSlice(_ operation: Operation, _ masks: SliceMasks) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let input = values[x]
    let rank = input.shape.count
    guard masks.ellipsis == 0, masks.newAxis == 0, !masks.isOffset else {
      throw LayerFault(
        "it uses an ellipsis, a new axis or ends that count from the begins, which the reference ignores",
        remedy: "slice with explicit bounds for every axis")
    }
    let begins = try constantIntegers(operation, 1, "begins")
    let ends = try constantIntegers(operation, 2, "ends")
    let steps = try constantIntegers(operation, 3, "strides")
    guard begins.count == rank, ends.count == rank, steps.count == rank else {
      throw LayerFault("it has \(begins.count) begins, \(ends.count) ends and \(steps.count) strides for rank \(rank)")
    }
    let inputStrides = rowMajorStrides(input.shape)
    var (sizes, starts, shape) = ([Int](), 0, [Int]())
    for axis in 0..<rank {
      let (size, step) = (input.shape[axis], steps[axis])
      guard step != 0, abs(step) <= Network.largestTensor else { throw LayerFault("its stride along axis \(axis) is \(step)") }
      let bounds = step > 0 ? 0...size : -1...(size - 1)
      func bounded(_ index: Int) -> Int {
        min(max(index < 0 ? index + size : index, bounds.lowerBound), bounds.upperBound)
      }
      let isMasked = { (mask: Int) in mask >> axis & 1 == 1 }
      let begin = isMasked(masks.begin) ? (step > 0 ? 0 : size - 1) : bounded(begins[axis])
      let end: Int
      if isMasked(masks.shrinkAxis) {
        guard step > 0 else { throw LayerFault("it removes axis \(axis) with the negative stride \(step)") }
        end = begin + 1
      } else if isMasked(masks.end) {
        end = step > 0 ? size : -1
      } else {
        end = bounded(ends[axis])
      }
      let count = isMasked(masks.shrinkAxis) ? 1 : (end - begin + step + (step > 0 ? -1 : 1)) / step
      guard count > 0, (0..<size).contains(begin) else {
        throw LayerFault("its slice of axis \(axis), \(begin) to \(end) by \(step), is empty")
      }
      sizes.append(count)
      starts += begin * inputStrides[axis]
      if !isMasked(masks.shrinkAxis) { shape.append(count) }
    }
    try require(shape: shape, of: output)
    try requireSameQuantization(input, output, "its input and output")
    let copy = Move.Copy(
      operand: 0, sizes: sizes, sourceStart: starts, sourceStrides: zip(inputStrides, steps).map { $0 * $1 },
      targetStart: 0, targetStrides: rowMajorStrides(sizes))
    try move(operation, x, output, Move(copies: [copy.merged()]))
  }
}

/// The distance between neighbours along each axis of a row-major tensor.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}
