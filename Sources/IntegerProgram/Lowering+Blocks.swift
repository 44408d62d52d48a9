import Network

// DEPTH_TO_SPACE, SPACE_TO_DEPTH, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND → move.
extension Lowering {
  /// TensorFlow Lite: pixel (b · h + i, b · w + j) holds channels from (b · i + j) · depth on.
  mutating func depthToSpace(_ operation: Operation, block: Int) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    guard shape.count == 4, block > 0, block <= 1 << 10, shape[3] % (block * block) == 0 else {
      throw LayerFault("it makes blocks of \(block) × \(block) pixels of the shape \(shape)")
    }
    let depth = shape[3] / (block * block)
    try require(shape: [shape[0], shape[1] * block, shape[2] * block, depth], of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    try move(
      operation, x, output,
      Move(copies: [
        transposition(of: [shape[0], shape[1], shape[2], block, block, depth], by: [0, 1, 3, 2, 4, 5])
      ]))
  }

  mutating func spaceToDepth(_ operation: Operation, block: Int) throws(LayerFault) {
    let (x, output) = try ends(operation)
    let shape = values[x].shape
    guard shape.count == 4, block > 0, block <= 1 << 10, shape[1] % block == 0, shape[2] % block == 0 else {
      throw LayerFault("it takes blocks of \(block) × \(block) pixels from the shape \(shape)")
    }
    let (rows, columns, depth) = (shape[1] / block, shape[2] / block, shape[3])
    try require(shape: [shape[0], rows, columns, block * block * depth], of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    try move(
      operation, x, output,
      Move(copies: [transposition(of: [shape[0], rows, block, columns, block, depth], by: [0, 1, 3, 2, 4, 5])]))
  }

  /// More places in a block than this, and padding or cropping is a move of its own.
  private static let mostPlaces = 16

  /// TensorFlow Lite: place p of the block becomes the images from p · batch on. What is padded is the zero point, as in
  /// LiteRT; TensorFlow Lite Micro pads with a number that it never sets, so no model can mean what it returns there.
  mutating func spaceToBatch(_ operation: Operation) throws(LayerFault) {
    var (x, output) = try ends(operation)
    let fill = output.zeroPoint
    var blocks = try Blocks(
      values[x].shape, sizes: constantIntegers(operation, 1, "block sizes"),
      amounts: constantIntegers(operation, 2, "padding amounts"))
    let padded = zip(values[x].shape, blocks.amounts).map { $0 + $1.before + $1.after }
    try require(shape: blocks.small(of: padded), of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    if blocks.places.count > Self.mostPlaces, blocks.cuts {
      let strides = rowMajorStrides(padded)
      let copy = Move.Copy(
        operand: 0, sizes: values[x].shape, sourceStart: 0, sourceStrides: rowMajorStrides(values[x].shape),
        targetStart: zip(blocks.amounts, strides).reduce(0) { $0 + $1.0.before * $1.1 }, targetStrides: strides)
      var whole = values[x]
      (whole.shape, whole.tensor, whole.constant) = (padded, nil, nil)
      whole.range = union(values[x].range, Int64(fill)...Int64(fill))
      x = emitIntermediate(
        .move(Move(fill: fill, copies: [copy.merged()])), inputs: [x], output: whole)
      blocks.amounts = blocks.amounts.map { _ in (0, 0) }
    }
    let copies = blocks.copies(large: values[x].shape, small: output.shape)
    try move(
      operation, x, output,
      Move(
        fill: blocks.cuts ? fill : nil,
        copies: copies.map { large, small, sizes in
          Move.Copy(
            operand: 0, sizes: sizes, sourceStart: large.start, sourceStrides: large.strides, targetStart: small.start,
            targetStrides: small.strides
          ).merged()
        }))
  }

  mutating func batchToSpace(_ operation: Operation) throws(LayerFault) {
    var (x, output) = try ends(operation)
    var blocks = try Blocks(
      values[x].shape, sizes: constantIntegers(operation, 1, "block sizes"),
      amounts: constantIntegers(operation, 2, "cropped amounts"))
    let whole = blocks.large(of: values[x].shape)
    let cropped = zip(whole, blocks.amounts).map { $0 - $1.before - $1.after }
    try require(shape: cropped, of: output)
    try requireSameQuantization(values[x], output, "its input and output")
    func move(into shape: [Int]) -> Move {
      Move(
        copies: blocks.copies(large: shape, small: values[x].shape).map { large, small, sizes in
          Move.Copy(
            operand: 0, sizes: sizes, sourceStart: small.start, sourceStrides: small.strides, targetStart: large.start,
            targetStrides: large.strides
          ).merged()
        })
    }
    guard blocks.places.count > Self.mostPlaces, blocks.cuts else {
      return try self.move(operation, x, output, move(into: cropped))
    }
    let amounts = blocks.amounts
    blocks.amounts = amounts.map { _ in (0, 0) }
    var uncropped = values[x]
    (uncropped.shape, uncropped.tensor, uncropped.constant) = (whole, nil, nil)
    x = emitIntermediate(.move(move(into: whole)), inputs: [x], output: uncropped)
    let strides = rowMajorStrides(whole)
    let copy = Move.Copy(
      operand: 0, sizes: cropped, sourceStart: zip(amounts, strides).reduce(0) { $0 + $1.0.before * $1.1 },
      sourceStrides: strides, targetStart: 0, targetStrides: rowMajorStrides(cropped))
    try self.move(operation, x, output, Move(copies: [copy.merged()]))
  }
}

/// Images that are cut into blocks along the axes after the batch, and the images of equal places in all blocks.
private struct Blocks {
  /// For each axis, 1 where it is not cut.
  let sizes: [Int]
  /// For each axis, what the large images lack of whole blocks.
  var amounts: [(before: Int, after: Int)]

  init(_ shape: [Int], sizes: [Int], amounts: [Int]) throws(LayerFault) {
    let axes = sizes.count
    guard axes >= 1, axes < shape.count, amounts.count == 2 * axes else {
      throw LayerFault("it has \(axes) block sizes and \(amounts.count) amounts for rank \(shape.count)")
    }
    guard sizes.allSatisfy({ (1...1 << 10).contains($0) }), sizes.reduce(1, { min($0 * $1, 1 << 21) }) <= 1 << 20,
      amounts.allSatisfy({ (0...1 << 20).contains($0) })
    else {
      throw LayerFault("its block sizes are \(sizes) and its amounts \(amounts)")
    }
    let rest = shape.count - 1 - axes
    self.sizes = [1] + sizes + Array(repeating: 1, count: rest)
    self.amounts =
      [(0, 0)] + (0..<axes).map { (amounts[2 * $0], amounts[2 * $0 + 1]) } + Array(repeating: (0, 0), count: rest)
  }

  var places: Range<Int> { 0..<sizes.reduce(1, *) }
  /// Whether the large images are no whole blocks.
  var cuts: Bool { amounts.contains { $0.before + $0.after > 0 } }

  /// The shape of the small images of large ones without gaps; of no elements where blocks do not fit.
  func small(of shape: [Int]) -> [Int] {
    var small = zip(shape, sizes).map { $0 % $1 == 0 ? $0 / $1 : 0 }
    small[0] *= places.count
    return small
  }
  func large(of shape: [Int]) -> [Int] {
    var large = zip(shape, sizes).map { $0 * $1 }
    large[0] = shape[0] % places.count == 0 ? shape[0] / places.count : 0
    return large
  }

  typealias Side = (start: Int, strides: [Int])

  /// The blocks of elements that both sides have in common: all at once where nothing is cut, else one for each place.
  func copies(large: [Int], small: [Int]) -> [(large: Side, small: Side, sizes: [Int])] {
    let (leaps, steps) = (rowMajorStrides(large), rowMajorStrides(small))
    let places = rowMajorStrides(sizes)
    guard cuts else {
      // Places first: they are the outermost part of the small images' batch.
      return [
        (
          (0, leaps + zip(leaps, sizes).map { $0 * $1 }),
          (0, places.map { $0 * large[0] * steps[0] } + steps),
          sizes + [large[0]] + small.dropFirst()
        )
      ]
    }
    return self.places.compactMap { place in
      var (from, to, counts) = (0, place * large[0] * steps[0], [large[0]])
      for axis in large.indices.dropFirst() {
        let size = sizes[axis]
        let shift = place / places[axis] % size - amounts[axis].before
        // Rows r of the small image with 0 ≤ r · size + shift < large.
        let first = shift < 0 ? (-shift + size - 1) / size : 0
        let end = min(small[axis], (large[axis] - shift + size - 1) / size)
        guard first < end else { return nil }
        counts.append(end - first)
        from += (first * size + shift) * leaps[axis]
        to += first * steps[axis]
      }
      return ((from, zip(leaps, sizes).map { $0 * $1 }), (to, steps), counts)
    }
  }
}
