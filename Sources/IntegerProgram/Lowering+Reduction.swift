import Arithmetic
import Network

// SUM, REDUCE_MAX, REDUCE_MIN → pool; ARG_MAX, ARG_MIN → what is below.
extension Lowering {
  /// A tensor whose reduced elements are neighbours: `outer` blocks of `count` rows of `inner` elements.
  struct Collapsed {
    var value: Int
    var outer, count, inner: Int

    /// A window over each column of a block.
    var geometry: WindowGeometry {
      WindowGeometry(
        batch: outer, inputHeight: count, inputWidth: 1, inputChannels: inner, outputHeight: 1, outputWidth: 1,
        outputChannels: inner, kernelHeight: count, kernelWidth: 1)
    }
  }

  /// Brings the axes that an operation's second input names together, and checks the output's shape.
  mutating func collapsed(
    _ operation: Operation, _ x: Int, keepsDimensions: Bool, output: Value
  ) throws(LayerFault) -> Collapsed {
    let input = values[x]
    let rank = input.shape.count
    let axes = try axes(constantIntegers(operation, 1, "axes"), rank: rank)
    let kept = (0..<rank).filter { !axes.contains($0) }
    try require(
      shape: keepsDimensions
        ? (0..<rank).map { axes.contains($0) ? 1 : input.shape[$0] } : kept.map { input.shape[$0] }, of: output)
    // Neighbours are one axis already; others are brought together at the end.
    let sorted = axes.sorted()
    let count = sorted.reduce(1) { $0 * input.shape[$1] }
    var outer = input.shape.prefix(sorted.first ?? 0).reduce(1, *)
    var value = x
    if let first = sorted.first, let last = sorted.last, last - first + 1 != sorted.count {
      outer = kept.reduce(1) { $0 * input.shape[$1] }
      var gathered = intermediate((kept + sorted).map { input.shape[$0] }, like: input)
      gathered.range = input.range
      value = emitIntermediate(
        .move(Move(copies: [transposition(of: input.shape, by: kept + sorted)])), inputs: [x], output: gathered)
    }
    return Collapsed(value: value, outer: outer, count: count, inner: input.count / (outer * count))
  }

  mutating func reduce(
    _ operation: Operation, _ reduction: Reduction, keepsDimensions: Bool
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireCodes(x, "input")
    let output = try output(operation)
    try requireCodes(output, "output", like: x)
    let collapsed = try collapsed(operation, x, keepsDimensions: keepsDimensions, output: output)
    switch reduction {
    case .sum:
      if let quantizer = operation.quantizer {
        return try average(operation, quantizer, collapsed.value, collapsed.geometry, output, isSum: true)
      }
      // TensorFlow Lite, `QuantizedMeanOrSum`.
      let input = values[x]
      try requantisedSum(
        collapsed, output,
        multiplier(Double(input.scale) / Double(output.scale), "input scale / output scale"))
    case .maximum, .minimum:
      var made = output
      let isRequantised = operation.quantizer != nil && !isSameQuantization(values[x], output)
      if isRequantised { made = intermediate(output.shape, like: values[x]) }
      if !isRequantised { try requireSameQuantization(values[x], output, "its input and output") }
      let y = try extremum(of: collapsed, reduction == .maximum, made)
      if isRequantised, let quantizer = operation.quantizer {
        try composed([], operation, quantizer, y, output)
      }
    }
  }

  /// Emits the sum of each column less its zero points, rescaled.
  mutating func requantisedSum(
    _ collapsed: Collapsed, _ output: Value, _ multiplier: Multiplier
  ) throws(LayerFault) {
    let (input, count) = (values[collapsed.value], Int64(collapsed.count))
    let requantization = Requantization(
      multipliers: [multiplier], rounding: options.rounding, zeroPoint: output.zeroPoint, clamp: output.type.range)
    let bias = -count * Int64(input.zeroPoint)
    let range = (bias + count * min(input.range.lowerBound, 0))...(bias + count * max(input.range.upperBound, 0))
    guard range.lowerBound >= Int64(Int32.min), range.upperBound <= Int64(Int32.max) else {
      throw LayerFault("its sum of \(count) elements could overflow 32 bits")
    }
    let codes = try codes(of: requantization, channel: 0, from: range)
    _ = make(
      output,
      .pool(
        Pool(
          kind: .sum(bias: Int32(bias), requantization, accumulator: range), geometry: collapsed.geometry,
          clamp: output.type.range)), from: [collapsed.value], range: codes)
  }

  /// Emits the largest or smallest code of each column.
  mutating func extremum(
    of collapsed: Collapsed, _ isMaximum: Bool, _ output: Value
  ) throws(LayerFault) -> Int {
    func pool(_ geometry: WindowGeometry) -> Step.Operation {
      .pool(Pool(kind: .maximum, geometry: geometry, clamp: output.type.range))
    }
    let input = values[collapsed.value]
    if isMaximum { return make(output, pool(collapsed.geometry), from: [collapsed.value], range: input.range) }
    // The smallest is the largest of the codes in reverse.
    let mirrored = try makeReversed(intermediate(input.shape, like: input), of: collapsed.value)
    let largest = make(
      intermediate(output.shape, like: input), pool(collapsed.geometry), from: [mirrored],
      range: values[mirrored].range)
    return try makeReversed(output, of: largest)
  }

  /// The index of the first largest or smallest element along one axis: an element that equals its column's extremum
  /// counts n − 1 − index, every other one 0 or less; the largest of these gives the index.
  mutating func indexOfExtremum(_ operation: Operation, isMaximum: Bool) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireInt8(x, "input")
    let input = values[x]
    let rank = input.shape.count
    let axis = try constantIntegers(operation, 1, "axis")
    guard axis.count == 1, (-rank..<rank).contains(axis[0]) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank)")
    }
    let tensor = operation.outputs[0]
    guard network.tensors[tensor].type == .int32 || network.tensors[tensor].type == .int64 else {
      throw LayerFault("its output is \(network.tensors[tensor].type), not int32")
    }
    let along = axis[0] < 0 ? axis[0] + rank : axis[0]
    let count = input.shape[along]
    guard count <= 1 << 16 else {
      throw LayerFault("it chooses among \(count) elements; an index has at most 16 bits here")
    }
    let last = Int64(count - 1)
    var output = integers(network.tensors[tensor].shape, 0...last, like: input)
    output.name = network.tensors[tensor].name
    output.tensor = tensor
    var shape = input.shape
    shape.remove(at: along)
    guard output.count == shape.reduce(1, *), operation.outputs.count == 1 else {
      throw LayerFault("its output has the shape \(output.shape) in the file, but its input and axis make \(shape)")
    }

    let collapsed = Collapsed(
      value: x, outer: input.shape[..<along].reduce(1, *), count: count,
      inner: input.shape[(along + 1)...].reduce(1, *))
    let columns = [collapsed.outer, 1, collapsed.inner]
    let extremum = try extremum(of: collapsed, isMaximum, intermediate(columns, like: input))
    let elements = [collapsed.outer, count, collapsed.inner]
    let difference = try makeExact(
      integers(elements, -1...0, like: input), .difference, isMaximum ? x : extremum, isMaximum ? extremum : x,
      shapes: isMaximum ? (elements, columns) : (columns, elements), clamp: -1...0)
    let places = constant((0...last).map { last - $0 }, shape: [count, 1], like: input)
    let marked = try makeExact(
      integers(elements, 0...last, like: input), .sum, difference, places,
      gain: count, clamp: 0...last)
    let first = make(
      integers(columns, 0...last, like: input),
      .pool(Pool(kind: .maximum, geometry: collapsed.geometry, clamp: values[marked].type.range)), from: [marked],
      range: 0...last)
    let geometry = WindowGeometry.dense(batch: values[first].count, inputs: 1, outputs: 1)
    _ = make(
      output,
      .affine(
        Affine(
          geometry: geometry, groups: 1, paddingCode: 0, weights: [-1], bias: [last], accumulators: [0...last],
          requantization: Requantization(
            multipliers: [.powerOfTwo(0)], rounding: options.rounding, zeroPoint: 0, clamp: 0...last))),
      from: [first], range: 0...last)
  }
}
