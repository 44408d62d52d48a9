import Arithmetic
import Network

// AVERAGE_POOL_2D, MAX_POOL_2D, MEAN → pool.
extension Lowering {
  mutating func pool(
    _ operation: Operation, _ kind: Pool.Kind, _ window: Window, height: Int, width: Int, _ activation: Activation
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireInt8(x, "input")
    let output = try output(operation)
    let input = values[x]
    guard input.shape.count == 4 else { throw LayerFault("its input has the shape \(input.shape), not 4-D") }
    if operation.quantizer == nil { try requireSameQuantization(input, output, "its input and output") }
    guard window.dilationHeight == 1, window.dilationWidth == 1 else {
      throw LayerFault("its window is dilated, and might hold no element of the image")
    }
    if case .explicit(let top, let left, let bottom, let right) = window.padding {
      guard max(top, bottom) < height, max(left, right) < width else {
        throw LayerFault("its padding is as large as its window, which might then hold no element of the image")
      }
    }
    let geometry = try geometry(
      window, input: input.shape, kernelHeight: height, kernelWidth: width, outputChannels: input.shape[3],
      output: output
    ).geometry
    if let quantizer = operation.quantizer {
      return try average(operation, quantizer, x, geometry, output)
    }
    let pool = Pool(kind: kind, geometry: geometry, clamp: clamp(activation, output))
    let taps = Int64(min(height, input.shape[1])) * Int64(min(width, input.shape[2]))
    let sum = Interval<Int64>(min(taps * input.range.lowerBound, 0), max(taps * input.range.upperBound, 0))
    guard kind == .maximum || pool.averageCode(sum: Interval<Int32>(narrowing: sum), count: Interval(1, taps)).holds else {
      throw LayerFault("its sum of up to \(taps) codes could overflow 32 bits", remedy: "average over a smaller window")
    }
    // Neither the largest nor the average of codes leaves their range.
    let range = Interval<Int32>(input.range).clamped(pool.clamp.lowerBound, pool.clamp.upperBound).range
    emit(.pool(pool), operation, inputs: [x], output: output, range: range)
  }

  /// An average with a scale of its own: the sum, requantised.
  private mutating func average(
    _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ geometry: WindowGeometry, _ output: Value
  ) throws(LayerFault) {
    guard !geometry.hasPadding else {
      throw LayerFault(
        "its windows reach outside the image, where fewer elements are averaged",
        remedy: "average without padding, or with count_include_pad=1")
    }
    try emitSum(operation, quantizer, x, geometry, output, bias: .codes([0]), gain: 1 / Double(geometry.taps))
  }

  /// Emits `quantise(gain · scale · Σ (x − zero point) + bias)` over windows that lie inside the image.
  mutating func emitSum(
    _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ geometry: WindowGeometry, _ output: Value, bias: Bias,
    gain: Double
  ) throws(LayerFault) {
    let input = values[x]
    let exact = Double(input.scale) * gain
    let sum = try quantizedSum(
      quantizer, output, bias: bias, channels: 1, inputScales: [(exact, Float(exact))])
    guard sum.factor == 1 else {
      throw LayerFault("its offset is finer than its input's scale, \(input.scale)", remedy: "quantise the offset")
    }
    let count = Int64(geometry.taps)
    let offset = sum.offsets[0] - count * Int64(input.zeroPoint)
    let range =
      (offset + count * min(input.range.lowerBound, 0))...(offset + count * max(input.range.upperBound, 0))
    guard range.lowerBound >= Int64(Int32.min), range.upperBound <= Int64(Int32.max) else {
      throw LayerFault("its sum of \(count) elements could overflow 32 bits")
    }
    let codes = try codes(of: sum.requantization, channel: 0, from: range)
    let kind = Pool.Kind.sum(bias: Int32(offset), sum.requantization, accumulator: range)
    emit(
      .pool(Pool(kind: kind, geometry: geometry, clamp: output.type.range)), operation, inputs: [x], output: output,
      range: codes)
  }

  mutating func mean(_ operation: Operation, keepsDimensions: Bool) throws(LayerFault) {
    var x = try input(operation, 0, "input")
    try requireInt8(x, "input")
    let output = try output(operation)
    try requireInt8(output, "output")
    let input = values[x]
    let rank = input.shape.count
    let axes = try axes(constantIntegers(operation, 1, "axes"), rank: rank)
    let kept = (0..<rank).filter { !axes.contains($0) }
    try require(
      shape: keepsDimensions
        ? (0..<rank).map { axes.contains($0) ? 1 : input.shape[$0] } : kept.map { input.shape[$0] }, of: output)

    // The averaged axes as one: neighbours are one axis already; others are brought together at the end.
    let sorted = axes.sorted()
    let count = sorted.reduce(1) { $0 * input.shape[$1] }
    var outer = input.shape.prefix(sorted.first ?? 0).reduce(1, *)
    if let first = sorted.first, let last = sorted.last, last - first + 1 != sorted.count {
      outer = kept.reduce(1) { $0 * input.shape[$1] }
      var gathered = input
      gathered.tensor = nil
      gathered.shape = (kept + sorted).map { input.shape[$0] }
      gathered.constant = nil
      x = emitIntermediate(
        .move(Move(copies: [transposition(of: input.shape, by: kept + sorted)])), inputs: [x], output: gathered)
    }
    let inner = input.count / (outer * count)

    // TensorFlow Lite, `QuantizedMeanOrSum`: the division by the count is taken into the multiplier.
    let whole = try multiplier(Double(input.scale) / Double(output.scale), "input scale / output scale")
    let shift = min(count.bitWidth - 1 - count.leadingZeroBitCount, 32, 31 + whole.exponent)
    let mean = Multiplier(
      mantissa: Int32((Int64(whole.mantissa) << Int64(shift)) / Int64(count)), exponent: whole.exponent - shift)
    let requantization = Requantization(
      multipliers: [mean], rounding: options.rounding, zeroPoint: output.zeroPoint, clamp: output.type.range)
    let bias = -Int64(count) * Int64(input.zeroPoint)
    let range =
      (bias + Int64(count) * min(input.range.lowerBound, 0))...(bias + Int64(count) * max(input.range.upperBound, 0))
    guard range.lowerBound >= Int64(Int32.min), range.upperBound <= Int64(Int32.max) else {
      throw LayerFault("its sum of \(count) elements could overflow 32 bits")
    }
    let codes = try codes(of: requantization, channel: 0, from: range)
    let geometry = WindowGeometry(
      batch: outer, inputHeight: count, inputWidth: 1, inputChannels: inner, outputHeight: 1, outputWidth: 1,
      outputChannels: inner, kernelHeight: count, kernelWidth: 1)
    emit(
      .pool(
        Pool(
          kind: .sum(bias: Int32(bias), requantization, accumulator: range), geometry: geometry,
          clamp: output.type.range)), operation, inputs: [x], output: output, range: codes)
  }

  /// Axes counted from the front, each once.
  func axes(_ axes: [Int], rank: Int) throws(LayerFault) -> Set<Int> {
    var result: Set<Int> = []
    for axis in axes {
      guard (-rank..<rank).contains(axis) else { throw LayerFault("its axis \(axis) does not exist in rank \(rank)") }
      result.insert(axis < 0 ? axis + rank : axis)
    }
    return result
  }
}
