import Network

// TILE, BROADCAST_TO, REVERSE_V2, MIRROR_PAD, RESIZE_NEAREST_NEIGHBOR, GATHER, GATHER_ND → moves whose source strides
// may be 0 or negative.
extension Lowering {
  /// More copies than this in a move, and axes are moved one after the other.
  private static let mostJointCopies = 16
  /// More copies than this, and the generated code would be mostly loops over a few elements.
  private static let mostCopies = 2048

  /// Emits the moves whose output takes, along each axis, the input's elements that `maps` names.
  mutating func indexed(_ operation: Operation, _ maps: [[Int]]) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    guard maps.count == shape.count else {
      throw LayerFault("it has indices for \(maps.count) axes, its input \(shape.count)")
    }
    for (axis, map) in maps.enumerated() {
      if let index = map.first(where: { !(0..<shape[axis]).contains($0) }) {
        throw LayerFault("its index \(index) along axis \(axis) is outside 0 … \(shape[axis] - 1)")
      }
    }
    try require(shape: maps.map(\.count), of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    var runs: [[IndexRun]] = []
    for map in maps { try runs.append(self.runs(of: map)) }
    try emitIndexed(operation, x, output, runs)
  }

  private func runs(of map: [Int]) throws(LayerFault) -> [IndexRun] {
    guard let runs = IndexMap.runs(of: map, atMost: Self.mostCopies) else {
      throw LayerFault(
        "its \(map.count) indices fall into more than \(Self.mostCopies) runs of evenly spaced elements",
        remedy: "order what it reads so that more of it lies evenly apart")
    }
    return runs
  }

  /// One move, where that has few copies; else one for each axis that counts unevenly, those that shrink first.
  private mutating func emitIndexed(
    _ operation: Operation, _ x: Int, _ output: Value, _ runs: [[IndexRun]]
  ) throws(LayerFault) {
    let input = values[x]
    func length(_ axis: Int) -> Int { runs[axis].reduce(0) { $0 + $1.sizes.reduce(1, *) } }
    let uneven = runs.indices.filter { runs[$0].count > 1 }
    if uneven.count <= 1 || runs.reduce(1, { min($0 * $1.count, Self.mostCopies) }) <= Self.mostJointCopies {
      return try move(operation, x, output, Move(copies: Move.copies(of: runs, from: input.shape)))
    }
    let order = uneven.sorted { length($0) * input.shape[$1] < length($1) * input.shape[$0] }
    // Axes that count evenly go with the first move where they shrink, with the last where they grow.
    var groups = order.map { [$0] }
    for axis in runs.indices where runs[axis].count == 1 {
      groups[length(axis) < input.shape[axis] ? 0 : groups.count - 1].append(axis)
    }
    var from = x
    for (place, group) in groups.enumerated() {
      let source = values[from]
      let maps = source.shape.indices.map { axis in
        group.contains(axis)
          ? runs[axis]
          : [IndexRun(sizes: [source.shape[axis]], target: 0, targetStrides: [1], source: 0, sourceStrides: [1])]
      }
      let step = Move(copies: Move.copies(of: maps, from: source.shape))
      if place == groups.count - 1 { return try move(operation, from, output, step) }
      var partly = source
      (partly.tensor, partly.constant) = (nil, nil)
      for axis in group { partly.shape[axis] = length(axis) }
      from = emitIntermediate(.move(step), inputs: [from], output: partly)
    }
  }

  /// Emits the move whose output is blocks of `length` elements, from the places of the input that `offsets` names.
  private mutating func blocks(
    _ operation: Operation, _ x: Int, _ output: Value, _ offsets: [Int], length: Int
  ) throws(LayerFault) {
    let copies = try runs(of: offsets).map { run in
      Move.Copy(
        operand: 0, sizes: run.sizes + [length], sourceStart: run.source * length,
        sourceStrides: run.sourceStrides.map { $0 * length } + [1], targetStart: run.target * length,
        targetStrides: run.targetStrides.map { $0 * length } + [1]
      ).merged()
    }
    try move(operation, x, output, Move(copies: copies))
  }

  mutating func tile(_ operation: Operation) throws(LayerFault) {
    let shape = values[try input(operation, 0, "input")].shape
    let counts = try constantIntegers(operation, 1, "multiples")
    guard counts.count == shape.count else {
      throw LayerFault("it has \(counts.count) multiples for rank \(shape.count)")
    }
    for (axis, count) in counts.enumerated() {
      guard count > 0, count <= Network.largestTensor / max(1, shape[axis]) else {
        throw LayerFault("it repeats axis \(axis) \(count) times")
      }
    }
    try requireBounded(zip(shape, counts).map { $0 * $1 })
    try indexed(operation, zip(shape, counts).map { size, count in (0..<size * count).map { $0 % size } })
  }

  /// A shape from the file before anything is built for it.
  private func requireBounded(_ shape: [Int]) throws(LayerFault) {
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard size > 0, !overflow, product <= Network.largestTensor else {
        throw LayerFault("it would make the shape \(shape), more than \(Network.largestTensor) elements or none")
      }
      count = product
    }
  }

  mutating func broadcastTo(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let input = values[x]
    let shape = try constantIntegers(operation, 1, "shape")
    try requireBounded(shape)
    guard let broadcast = Broadcast(input.shape, shape), broadcast.shape == shape else {
      throw LayerFault("its input's shape, \(input.shape), does not broadcast to \(shape)")
    }
    try require(shape: shape, of: output)
    try requireSameQuantization(input, output, "its input and output")
    let copy = Move.Copy(
      operand: 0, sizes: shape, sourceStart: 0, sourceStrides: broadcast.left, targetStart: 0,
      targetStrides: rowMajorStrides(shape))
    try move(operation, x, output, Move(copies: [copy.merged()]))
  }

  mutating func reverse(_ operation: Operation) throws(LayerFault) {
    let shape = values[try input(operation, 0, "input")].shape
    let turned = try axes(constantIntegers(operation, 1, "axes"), rank: shape.count)
    try indexed(
      operation,
      shape.enumerated().map { axis, size in turned.contains(axis) ? (0..<size).reversed() : Array(0..<size) })
  }

  mutating func mirrorPad(_ operation: Operation, repeatsEdge: Bool) throws(LayerFault) {
    let shape = values[try input(operation, 0, "input")].shape
    let amounts = try constantIntegers(operation, 1, "padding amounts")
    guard amounts.count == 2 * shape.count else {
      throw LayerFault("it has \(amounts.count) padding amounts for rank \(shape.count), not 2 an axis")
    }
    var maps: [[Int]] = []
    for (axis, size) in shape.enumerated() {
      let (before, after) = (amounts[2 * axis], amounts[2 * axis + 1])
      let most = repeatsEdge ? size : size - 1
      guard (0...most).contains(before), (0...most).contains(after) else {
        throw LayerFault(
          "it adds \(before) and \(after) elements to the \(size) of axis \(axis); there are \(most) to mirror")
      }
      let edge = repeatsEdge ? 1 : 0
      maps.append(
        (-before..<size + after).map { $0 < 0 ? -$0 - edge : $0 < size ? $0 : 2 * size - 2 - $0 + edge })
    }
    try indexed(operation, maps)
  }

  mutating func gather(_ operation: Operation, axis: Int, batchDimensions: Int) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    let (indices, indexShape) = try indices(operation)
    let rank = shape.count
    guard (-rank..<rank).contains(axis) else { throw LayerFault("its axis \(axis) does not exist in rank \(rank)") }
    let axis = axis < 0 ? axis + rank : axis
    let batchDimensions = batchDimensions < 0 ? batchDimensions + indexShape.count : batchDimensions
    guard (0...min(axis, indexShape.count)).contains(batchDimensions),
      shape[..<batchDimensions] == indexShape[..<batchDimensions]
    else {
      throw LayerFault("its first \(batchDimensions) axes are no batch of both \(shape) and its indices, \(indexShape)")
    }
    for index in indices where !(0..<shape[axis]).contains(index) {
      throw LayerFault("its index \(index) is outside 0 … \(shape[axis] - 1)")
    }
    let made: [[Int]] = [Array(shape[..<axis]), Array(indexShape[batchDimensions...]), Array(shape[(axis + 1)...])]
    try require(shape: made.flatMap { $0 }, of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    let batch = shape[..<batchDimensions].reduce(1, *)
    let outer = shape[batchDimensions..<axis].reduce(1, *)
    let count = indices.count / max(1, batch)
    var offsets: [Int] = []
    for place in 0..<batch * outer {
      let row = place / outer * count
      for index in indices[row..<row + count] { offsets.append(place * shape[axis] + index) }
    }
    try blocks(operation, x, output, offsets, length: shape[(axis + 1)...].reduce(1, *))
  }

  mutating func gatherND(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    let (indices, indexShape) = try indices(operation)
    guard let depth = indexShape.last, (1...max(1, shape.count)).contains(depth), depth <= shape.count else {
      throw LayerFault("its indices, of shape \(indexShape), name no places in a tensor of shape \(shape)")
    }
    try require(shape: Array(indexShape.dropLast()) + Array(shape[depth...]), of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    let strides = rowMajorStrides(Array(shape[..<depth]))
    var offsets: [Int] = []
    for start in stride(from: 0, to: indices.count, by: depth) {
      for axis in 0..<depth where !(0..<shape[axis]).contains(indices[start + axis]) {
        throw LayerFault("its index \(indices[start + axis]) along axis \(axis) is outside 0 … \(shape[axis] - 1)")
      }
      var offset = 0
      for axis in 0..<depth { offset += indices[start + axis] * strides[axis] }
      offsets.append(offset)
    }
    try blocks(operation, x, output, offsets, length: shape[depth...].reduce(1, *))
  }

  /// The constant second input of a gather, and its shape.
  private func indices(_ operation: Operation) throws(LayerFault) -> ([Int], shape: [Int]) {
    let indices = try constantIntegers(operation, 1, "indices")
    return (indices, operation.inputs[1].map { network.tensors[$0].shape } ?? [])
  }

  mutating func resizeNearest(_ operation: Operation, _ rule: NearestNeighbor) throws(LayerFault) {
    let shape = values[try input(operation, 0, "input")].shape
    let size = try constantIntegers(operation, 1, "size")
    guard shape.count == 4, size.count == 2 else {
      throw LayerFault("it resizes \(shape) to \(size); images have 4 axes and sizes 2 numbers")
    }
    try requireBounded([shape[0]] + size + [shape[3]])
    try indexed(
      operation,
      [
        Array(0..<shape[0]), rule.sources(of: size[0], from: shape[1]), rule.sources(of: size[1], from: shape[2]),
        Array(0..<shape[3]),
      ])
  }
}

extension NearestNeighbor {
  /// For each of `count` elements, which of `size` it is taken from, reckoned in single precision as the reference does.
  func sources(of count: Int, from size: Int) -> [Int] {
    let scale =
      alignsCorners && count > 1 ? Float(size - 1) / Float(count - 1) : Float(size) / Float(count)
    return (0..<count).map { index in
      let place = (Float(index) + (hasHalfPixelCenters ? 0.5 : 0)) * scale
      return max(0, min(Int(place.rounded(alignsCorners ? .toNearestOrAwayFromZero : .down)), size - 1))
    }
  }
}
