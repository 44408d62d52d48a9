import Network

/// Operations that put codes elsewhere; all keep their input's quantisation.
extension RandomNetworkBuilder {
  // MARK: Shapes

  mutating func addReshape(to value: Int) -> Int? {
    let input = shape(of: value)
    let target = randomShape(count: input.reduce(1, *), batch: input.first ?? 1, isFlat: input.count == 4)
    var written = target
    if random.chance(0.3), !target.isEmpty { written[random.integer(in: 0...target.count - 1)] = -1 }
    // The new shape stands in a tensor, in the options or in both.
    let place = random.unit()
    let operands = place < 0.7 ? [integerConstant(written, shape: [written.count])] : []
    return append(
      .reshape(shape: place > 0.4 ? written : nil), "RESHAPE", [value] + operands, shape: target,
      quantization(of: value), samples[value])
  }

  /// A shape of `count` elements: flat within each image of a batch, or of a random rank, mostly that of an
  /// image.
  private mutating func randomShape(count: Int, batch: Int, isFlat: Bool) -> [Int] {
    let keepsBatch = random.chance(0.8)
    var shape = keepsBatch ? [batch] : []
    var rest = keepsBatch ? count / batch : count
    let rank =
      isFlat && random.chance(0.5)
      ? shape.count + 1 : random.choice(of: [(8, 4), (2, 3), (2, 2), (1, 1), (1, 5)])
    while shape.count < rank - 1 {
      let divisors = (1...min(rest, 16)).filter { rest % $0 == 0 }
      shape.append(random.element(of: divisors))
      rest /= shape[shape.count - 1]
    }
    if shape.count < rank || rest > 1 { shape.append(rest) }
    return random.chance(0.3) && !keepsBatch ? random.shuffled(shape) : shape
  }

  mutating func addSqueeze(to value: Int) -> Int? {
    let input = shape(of: value)
    let single = input.indices.filter { input[$0] == 1 }
    guard !single.isEmpty else { return nil }
    let takesAll = random.chance(0.3)
    let axes = takesAll ? single : random.shuffled(single).dropLast(random.integer(in: 0...single.count - 1))
    guard axes.count < input.count || random.chance(0.1) else { return nil }
    let written = axes.map { random.chance(0.2) ? $0 - input.count : $0 }
    return append(
      .squeeze(axes: takesAll && random.chance(0.7) ? [] : written), "SQUEEZE", [value],
      shape: input.indices.filter { !axes.contains($0) }.map { input[$0] }, quantization(of: value),
      samples[value])
  }

  mutating func addExpandDimensions(to value: Int) -> Int? {
    let input = shape(of: value)
    guard input.count < Self.highestRank - 1 else { return nil }
    let axis = random.integer(in: 0...input.count)
    var shape = input
    shape.insert(1, at: axis)
    let written = random.chance(0.3) ? axis - shape.count : axis
    let constant = integerConstant([written], shape: random.chance(0.5) ? [1] : [])
    return append(
      .expandDimensions, "EXPAND_DIMS", [value, constant], shape: shape, quantization(of: value),
      samples[value])
  }

  // MARK: Pad, transpose

  mutating func addPad(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    return addPad(to: value, isSpatial: input.count == 4 && random.chance(0.6))
  }

  /// `isSpatial`: of an image's height and width.
  mutating func addPad(to value: Int, isSpatial: Bool) -> Int? {
    let input = shape(of: value)
    let amounts = input.indices.map { dimension -> (before: Int, after: Int) in
      let isPadded = isSpatial ? (1...2).contains(dimension) : random.chance(0.4)
      return isPadded ? (random.integer(in: 0...3), random.integer(in: 0...3)) : (0, 0)
    }
    let shape = zip(input, amounts).map { $0 + $1.before + $1.after }
    guard shape.reduce(1, *) <= limits.elements else { return nil }
    let source = mapIndices(of: shape) { indices -> Int? in
      let inside = zip(indices, amounts).map { $0 - $1.before }
      return zip(inside, input).allSatisfy { (0..<$1).contains($0) } ? flatIndex(inside, in: input) : nil
    }
    var operands = [integerConstant(amounts.flatMap { [$0.before, $0.after] }, shape: [input.count, 2])]
    var fill = Int32(zeroPoint(of: value))
    let hasCode = random.chance(0.4)
    if hasCode {
      fill = random.choice(of: [(1, -128), (1, 127), (1, fill), (3, Int32(random.integer(in: -128...127)))])
      operands.append(codeConstant([fill], shape: random.chance(0.7) ? [1] : [], quantization(of: value)))
    }
    return append(
      .pad, hasCode ? "PADV2" : "PAD", [value] + operands, shape: shape, quantization(of: value),
      moved(samples[value], source, fill: fill))
  }

  mutating func addTranspose(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let permutation = random.shuffled(Array(input.indices))
    let shape = permutation.map { input[$0] }
    let source = mapIndices(of: shape) { indices -> Int? in
      var origin = indices
      for (index, dimension) in zip(indices, permutation) { origin[dimension] = index }
      return flatIndex(origin, in: input)
    }
    let constant = integerConstant(permutation, shape: [permutation.count])
    return append(
      .transpose, "TRANSPOSE", [value, constant], shape: shape, quantization(of: value),
      moved(samples[value], source))
  }

  // MARK: Concatenation

  mutating func addConcatenation(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let axis = random.chance(0.5) ? input.count - 1 : random.integer(in: 0...input.count - 1)
    let count = random.choice(of: [(1, 1), (12, 2), (6, 3), (2, 4), (1, 8)])
    var pieces = [value]
    var room = limits.elements - input.reduce(1, *)
    while pieces.count < count {
      guard let piece = randomPiece(besides: value, axis: axis, room: room) else { return nil }
      room -= shape(of: piece).reduce(1, *)
      guard room >= 0 else { return nil }
      pieces.append(piece)
    }
    pieces = random.shuffled(pieces)
    var shape = input
    shape[axis] = pieces.reduce(0) { $0 + self.shape(of: $1)[axis] }
    return append(
      .concatenation(axis: random.chance(0.3) ? axis - input.count : axis, .none), "CONCATENATION", pieces,
      shape: shape, quantization(of: value), concatenated(pieces, axis: axis, shape: shape))
  }

  /// Something that can be concatenated with `value`: itself, another value (brought to its scale where need
  /// be), a constant, a new input.
  private mutating func randomPiece(besides value: Int, axis: Int, room: Int) -> Int? {
    let shape = shape(of: value)
    func outline(_ shape: [Int]) -> [Int] {
      shape.enumerated().map { $0.offset == axis ? 1 : $0.element }
    }
    let style = random.unit()
    let others = values.filter { other in
      other != value && self.shape(of: other).count == shape.count
        && outline(self.shape(of: other)) == outline(shape)
    }
    if style < 0.6, !others.isEmpty { return aligned(random.element(of: others), with: value) }
    if style < 0.7 { return value }
    let slice = outline(shape).reduce(1, *)
    guard room >= slice else { return nil }
    var piece = shape
    piece[axis] = random.integer(in: 1...min(room / slice, 5))
    if style > 0.93, inputs.count < 3 {
      return addInput(shape: piece, quantization(of: value))
    }
    return codeConstant(randomCodes(count: piece.reduce(1, *)), shape: piece, quantization(of: value))
  }

  /// `other` with the quantisation of `value`.
  private mutating func aligned(_ other: Int, with value: Int) -> Int? {
    if quantization(of: other) == quantization(of: value) { return other }
    // Beyond that every code saturates, or the multiplier leaves no room in int32.
    guard (0x1p-16...0x1p16).contains(scale(of: other) / scale(of: value)) else { return nil }
    return addQuantize(to: other, quantization(of: value))
  }

  private func concatenated(_ pieces: [Int], axis: Int, shape: [Int]) -> SampledCodes {
    let blocks = shape[..<axis].reduce(1, *)
    return (0..<Self.sampleCount).map { sample in
      (0..<blocks).flatMap { block in
        pieces.flatMap { piece in
          let codes = samples[piece][sample]
          let size = codes.count / blocks
          return codes[block * size..<(block + 1) * size]
        }
      }
    }
  }

  // MARK: Strided slice

  mutating func addStridedSlice(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let shrinksSome = random.chance(0.25)
    let slices = input.map { randomSlice(of: $0, shrinks: shrinksSome && random.chance(0.4)) }
    let sizes = slices.map(\.count)
    let source = mapIndices(of: sizes) { indices -> Int? in
      flatIndex(zip(slices, indices).map { $0.first + $1 * $0.stride }, in: input)
    }
    func mask(_ isSet: (RandomSlice) -> Bool) -> Int {
      slices.enumerated().reduce(0) { $0 | (isSet($1.element) ? 1 << $1.offset : 0) }
    }
    let constants = [slices.map(\.begin), slices.map(\.end), slices.map(\.stride)].map {
      integerConstant($0, shape: [input.count])
    }
    return append(
      .stridedSlice(
        SliceMasks(
          begin: mask(\.masksBegin), end: mask(\.masksEnd), ellipsis: 0, newAxis: 0,
          shrinkAxis: mask(\.shrinks), isOffset: false)),
      "STRIDED_SLICE", [value] + constants, shape: slices.filter { !$0.shrinks }.map(\.count),
      quantization(of: value), moved(samples[value], source))
  }

  /// A slice of one dimension, written in any of the ways that mean it: negative indices count from the end,
  /// those beyond an end are clamped to it, masked ones count for nothing.
  private mutating func randomSlice(of size: Int, shrinks: Bool) -> RandomSlice {
    if shrinks {
      let index = random.integer(in: 0...size - 1)
      let begin = random.chance(0.3) ? index - size : index
      return RandomSlice(first: index, count: 1, stride: 1, begin: begin, end: begin + 1, shrinks: true)
    }
    let isWhole = random.chance(0.4)
    let step = isWhole ? 1 : random.choice(of: [(6, 1), (3, 2), (1, 3), (3, -1), (1, -2)])
    let length = isWhole ? size : random.integer(in: (size + 1) / 2...size)
    let start = random.integer(in: 0...size - length)
    let (first, last) = step > 0 ? (start, start + length - 1) : (start + length - 1, start)
    let count = (length + abs(step) - 1) / abs(step)
    var slice = RandomSlice(first: first, count: count, stride: step, begin: first, end: last + step.signum())
    let beginsAtEdge = first == (step > 0 ? 0 : size - 1)
    let endsAtEdge = last == (step > 0 ? size - 1 : 0)

    if beginsAtEdge, random.chance(0.4) {
      slice.masksBegin = random.chance(0.7)
      slice.begin = slice.masksBegin ? random.integer(in: -size...size) : step > 0 ? -size - 3 : size + 5
    } else if random.chance(0.3) {
      slice.begin -= size
    }
    if endsAtEdge, random.chance(0.5) {
      slice.masksEnd = random.chance(0.6)
      slice.end = slice.masksEnd ? random.integer(in: -size...size) : step > 0 ? 99_999 : -size - 7
    } else if step < 0 && endsAtEdge {
      // Before the first element there is no index; −1 would mean the last.
      slice.end = -size - 1
    } else if slice.end < size, random.chance(0.3) {
      slice.end -= size
    }
    return slice
  }
}

/// A slice of one dimension, and how it is written.
private struct RandomSlice {
  var first, count, stride: Int
  var begin, end: Int
  var masksBegin = false
  var masksEnd = false
  var shrinks = false
}
