import Network

/// Operations that take tensors apart, repeat, mirror and enlarge them; all keep their input's quantisation.
extension RandomNetworkBuilder {
  // MARK: Parts

  mutating func addSplit(to value: Int) -> Int? {
    let input = shape(of: value)
    guard let axis = random.shuffled(input.indices.filter { input[$0] > 1 }).first else { return nil }
    let counts = (2...min(input[axis], 6)).filter { input[axis] % $0 == 0 }
    guard let parts = counts.isEmpty ? nil : random.element(of: counts) else { return nil }
    var shape = input
    shape[axis] /= parts
    let written = random.chance(0.3) ? axis - input.count : axis
    let constant = integerConstant([written], shape: random.chance(0.5) ? [] : [1])
    return append(.split, "SPLIT", [constant, value], of: value, count: parts, shape: shape) { part, indices in
      var place = indices
      place[axis] += part * shape[axis]
      return place
    }
  }

  mutating func addUnpack(to value: Int) -> Int? {
    let input = shape(of: value)
    guard input.count > 1, let axis = random.shuffled(input.indices.filter { input[$0] <= 6 }).first else { return nil }
    var shape = input
    shape.remove(at: axis)
    let written = random.chance(0.3) ? axis - input.count : axis
    return append(
      .unpack(axis: written), "UNPACK", [value], of: value, count: input[axis], shape: shape
    ) { part, indices in
      var place = indices
      place.insert(part, at: axis)
      return place
    }
  }

  /// Appends an operation of several outputs, element i of the part p being the input's at `place(p, i)`; it is gone on
  /// from one of them.
  private mutating func append(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int?], of value: Int, count: Int, shape: [Int],
    _ place: (Int, [Int]) -> [Int]
  ) -> Int? {
    let input = self.shape(of: value)
    let outputs = (0..<count).map { part in
      let source = mapIndices(of: shape) { indices -> Int? in flatIndex(place(part, indices), in: input) }
      return appendTensor(shape: shape, type: .int8, quantization(of: value), moved(samples[value], source))
    }
    operations.append(Operation(kind, typeName: typeName, inputs: inputs, outputs: outputs))
    values += outputs
    return random.element(of: outputs)
  }

  mutating func addPack(to value: Int) -> Int? {
    let input = shape(of: value)
    let others = values.filter {
      $0 != value && self.shape(of: $0) == input && quantization(of: $0) == quantization(of: value)
    }
    let count = random.integer(in: 1...3)
    let pieces = (0..<count).map { _ in
      others.isEmpty || random.chance(0.4) ? value : random.element(of: others)
    }
    let axis = random.integer(in: 0...input.count)
    var shape = input
    shape.insert(count, at: axis)
    guard shape.count <= Self.highestRank, shape.reduce(1, *) <= limits.elements else { return nil }
    let places = mapIndices(of: shape) { indices in
      var place = indices
      let piece = place.remove(at: axis)
      return (piece, flatIndex(place, in: input))
    }
    let codes = (0..<Self.sampleCount).map { sample in places.map { samples[pieces[$0.0]][sample][$0.1] } }
    let written = random.chance(0.3) ? axis - shape.count : axis
    return append(.pack(axis: written), "PACK", pieces, shape: shape, quantization(of: value), codes)
  }

  mutating func addSlice(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let ranges = input.map { size -> (begin: Int, count: Int) in
      let count = random.chance(0.5) ? size : random.integer(in: (size + 1) / 2...size)
      return (random.integer(in: 0...size - count), count)
    }
    let sizes = zip(ranges, input).map { $0.begin + $0.count == $1 && random.chance(0.5) ? -1 : $0.count }
    let constants = [ranges.map(\.begin), sizes].map { integerConstant($0, shape: [input.count]) }
    return appendMapped(
      .slice, "SLICE", [value] + constants, value, ranges.map { Array($0.begin..<$0.begin + $0.count) })
  }

  // MARK: Along each axis

  /// Appends an operation whose output takes, along each axis, the elements that `maps` names.
  private mutating func appendMapped(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int?], _ value: Int, _ maps: [[Int]]
  ) -> Int? {
    let shape = maps.map(\.count)
    guard shape.reduce(1, *) <= limits.elements else { return nil }
    let input = self.shape(of: value)
    let source = mapIndices(of: shape) { indices -> Int? in flatIndex(zip(maps, indices).map { $0[$1] }, in: input) }
    return append(kind, typeName, inputs, shape: shape, quantization(of: value), moved(samples[value], source))
  }

  mutating func addTile(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let counts = input.map { _ in random.choice(of: [(4, 1), (1, 2), (1, 3)]) }
    let constant = integerConstant(counts, shape: [counts.count])
    return appendMapped(
      .tile, "TILE", [value, constant], value,
      zip(input, counts).map { size, count in (0..<size * count).map { $0 % size } })
  }

  mutating func addGather(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let axis = random.integer(in: 0...input.count - 1)
    let count = random.integer(in: 1...min(8, input[axis] + 1))
    let indices = (0..<count).map { _ in random.integer(in: 0...input[axis] - 1) }
    var maps = input.map { Array(0..<$0) }
    maps[axis] = indices
    let constant = integerConstant(indices, shape: [indices.count])
    return appendMapped(
      .gather(axis: random.chance(0.3) ? axis - input.count : axis, batchDimensions: 0), "GATHER",
      [value, constant], value, maps)
  }

  mutating func addReverse(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let axis = random.integer(in: 0...input.count - 1)
    var maps = input.map { Array(0..<$0) }
    maps[axis].reverse()
    return appendMapped(.reverse, "REVERSE_V2", [value, integerConstant([axis], shape: [1])], value, maps)
  }

  mutating func addMirrorPad(to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let repeatsEdge = random.chance(0.5)
    let amounts = input.map { size -> (before: Int, after: Int) in
      let most = min(3, repeatsEdge ? size : size - 1)
      return random.chance(0.5) ? (random.integer(in: 0...most), random.integer(in: 0...most)) : (0, 0)
    }
    let maps = zip(input, amounts).map { size, amount in
      (-amount.before..<size + amount.after).map { index in
        // Mirrors stand between elements, or on the outermost ones.
        if index < 0 { return repeatsEdge ? -1 - index : -index }
        return index < size ? index : repeatsEdge ? 2 * size - 1 - index : 2 * size - 2 - index
      }
    }
    let constant = integerConstant(amounts.flatMap { [$0.before, $0.after] }, shape: [input.count, 2])
    return appendMapped(.mirrorPad(repeatsEdge: repeatsEdge), "MIRROR_PAD", [value, constant], value, maps)
  }

  mutating func addResizeNearest(to value: Int) -> Int? {
    let input = shape(of: value)
    guard input.count == 4 else { return nil }
    let size = [1, 2].map { axis in
      random.chance(0.6) ? 2 * input[axis] : random.integer(in: 1...max(2, 2 * input[axis]))
    }
    // Whole ratios and points at integers alone: here single precision cannot matter.
    let sizes = zip(size, input[1...]).map { $0 % $1 == 0 ? $0 : $1 }
    let hasHalfPixelCenters = random.chance(0.5)
    var maps = input.map { Array(0..<$0) }
    for axis in [1, 2] {
      let ratio = sizes[axis - 1] / input[axis]
      maps[axis] = (0..<sizes[axis - 1]).map { $0 / ratio }
    }
    return appendMapped(
      .resizeNearest(NearestNeighbor(alignsCorners: false, hasHalfPixelCenters: hasHalfPixelCenters)),
      "RESIZE_NEAREST_NEIGHBOR", [value, integerConstant(sizes, shape: [2])], value, maps)
  }

  // MARK: Blocks

  mutating func addBlocks(to value: Int) -> Int? {
    let input = shape(of: value)
    guard input.count == 4 else { return nil }
    let block = random.integer(in: 2...3)
    if input[3] % (block * block) == 0 {
      let shape = [input[0], input[1] * block, input[2] * block, input[3] / (block * block)]
      let source = mapIndices(of: shape) { i -> Int? in
        let place = i[1] % block * block + i[2] % block
        return flatIndex([i[0], i[1] / block, i[2] / block, place * shape[3] + i[3]], in: input)
      }
      return append(
        .depthToSpace(block: block), "DEPTH_TO_SPACE", [value], shape: shape, quantization(of: value),
        moved(samples[value], source))
    }
    guard input[1] % block == 0, input[2] % block == 0 else { return nil }
    let shape = [input[0], input[1] / block, input[2] / block, input[3] * block * block]
    let source = mapIndices(of: shape) { i -> Int? in
      let place = i[3] / input[3]
      return flatIndex(
        [i[0], i[1] * block + place / block, i[2] * block + place % block, i[3] % input[3]], in: input)
    }
    return append(
      .spaceToDepth(block: block), "SPACE_TO_DEPTH", [value], shape: shape, quantization(of: value),
      moved(samples[value], source))
  }

  // MARK: Functions of one code

  mutating func addReal(
    _ function: RealFunction, _ typeName: String, to value: Int, _ body: (Double) -> Double
  ) -> Int? {
    // Far out, exponentials would fix the scale alone.
    guard scale(of: value) < 0.1 else { return nil }
    return addUnary(.real(function), typeName, to: value, rescaled(value, body), body)
  }

  mutating func addParametricRelu(to value: Int) -> Int? {
    let input = shape(of: value)
    guard let depth = input.last else { return nil }
    let slopes = Quantization(
      scales: [Float(random.real(in: 0.001...0.02))],
      zeroPoints: [random.chance(0.6) ? 0 : Int64(random.integer(in: -99...99))])
    let count = random.chance(0.8) ? depth : 1
    let constant = codeConstant(randomCodes(count: count), shape: [count], slopes)
    let reals = self.reals(of: constant)[0]
    let results = self.reals(of: value).map { sample in
      sample.enumerated().map { $1 < 0 ? $1 * reals[$0 % count] : $1 }
    }
    let output = fitted(results, base: scale(of: value))
    return append(
      .parametricRelu, "PRELU", [value, constant], shape: input, output, codes(results, output))
  }

  /// eˣ to some ten digits, by its series behind halvings: samples need no more.
  static func exponential(_ x: Double) -> Double {
    var (term, sum, rest) = (1.0, 1.0, max(-80, min(80, x)))
    rest /= 1024
    for index in 1...6 {
      term *= rest / Double(index)
      sum += term
    }
    for _ in 0..<10 { sum *= sum }
    return sum
  }
}
