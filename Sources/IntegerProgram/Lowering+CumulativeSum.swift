import Arithmetic
import Network

// CUMSUM and ADD_N → an affine step of ones.
extension Lowering {
  /// The sums of all elements up to each one along an axis: a depthwise window of ones over what lies before. The
  /// reference starts each sum at minus the input's zero point, as if one element more were the code 0 (TensorFlow
  /// Lite: `CumSum` with quantised parameters).
  mutating func cumulativeSum(_ operation: Operation, isExclusive: Bool, isReverse: Bool) throws(LayerFault) {
    let (x, output) = try elementwiseEnds(operation)
    guard operation.quantizer == nil else { throw LayerFault("its quantiser has a rounding of its own") }
    let window = try cumulativeWindow(
      operation, shape: values[x].shape, isExclusive: isExclusive, isReverse: isReverse)
    try emitSums(of: x, window, output, most: "\(window.taps.count) elements")
  }

  /// The window that adds all elements of an axis up to each one.
  func cumulativeWindow(
    _ operation: Operation, shape: [Int], isExclusive: Bool, isReverse: Bool
  ) throws(LayerFault) -> SumWindow {
    let rank = shape.count
    let axis = try constantIntegers(operation, 1, "axis")
    guard axis.count == 1, (-rank..<rank).contains(axis[0]) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank)")
    }
    let along = axis[0] < 0 ? axis[0] + rank : axis[0]
    let count = shape[along]
    let inner = shape[(along + 1)...].reduce(1, *)
    // The element itself is the window's last, or its first in reverse.
    var window = SumWindow(
      geometry: WindowGeometry(
        batch: shape[..<along].reduce(1, *), inputHeight: count, inputWidth: 1, inputChannels: inner,
        outputHeight: count, outputWidth: 1, outputChannels: inner, kernelHeight: count, kernelWidth: 1,
        paddingTop: isReverse ? 0 : count - 1),
      groups: inner, taps: Array(repeating: true, count: count))
    if isExclusive { window.taps[isReverse ? 0 : count - 1] = false }
    return window
  }

  /// ADD_N: the tensors' codes, side by side, under a window of ones (TensorFlow Lite: `AddN`). It starts at minus the
  /// inputs' zero point, too.
  mutating func addAll(_ operation: Operation) throws(LayerFault) {
    let output = try output(operation)
    var terms: [Int] = []
    for position in operation.inputs.indices { terms.append(try input(operation, position, "input \(position)")) }
    guard terms.count > 1, let first = terms.first else {
      throw LayerFault("it adds \(terms.count) tensors; the reference adds two or more")
    }
    for term in terms {
      try requireInt8(term, "input")
      try require(shape: values[term].shape, of: output)
      try requireSameQuantization(values[first], values[term], "its inputs", remedy: "add them with ADD, which rescales")
    }
    try requireInt8(output, "output")
    guard operation.quantizer == nil else { throw LayerFault("its quantiser has a rounding of its own") }
    let (sources, window) = stacked(terms)
    try emitSums(of: sources, window, output, most: "\(terms.count) tensors")
  }

  /// Tensors of one shape and quantisation with their elements side by side, and the window that adds those.
  mutating func stacked(_ terms: [Int]) -> (Int, SumWindow) {
    let (first, count) = (values[terms[0]], terms.count)
    let copies = terms.indices.map { term in
      Move.Copy(
        operand: term, sizes: [first.count], sourceStart: 0, sourceStrides: [1], targetStart: term,
        targetStrides: [count])
    }
    let range = terms.reduce(nil) { union($0, values[$1].range) } ?? first.range
    let stack = make(intermediate([first.count, count], like: first), .move(Move(copies: copies)), from: terms, range: range)
    let window = SumWindow(
      geometry: WindowGeometry(
        batch: 1, inputHeight: 1, inputWidth: first.count, inputChannels: count, outputHeight: 1,
        outputWidth: first.count, outputChannels: 1, kernelHeight: 1, kernelWidth: 1),
      groups: 1, taps: Array(repeating: true, count: count))
    return (stack, window)
  }

  /// A window of ones that adds codes.
  struct SumWindow {
    var geometry: WindowGeometry
    var groups: Int
    /// Which of the elements under it count.
    var taps: [Bool]

    var total: Int64 { Int64(taps.count(where: \.self)) }

    func weights(_ weight: Int64) -> [Int16] {
      Array(repeatElement(taps.map { $0 ? Int16(weight) : 0 }, count: geometry.outputChannels).joined())
    }
  }

  /// Counts a window's weights.
  private mutating func count(_ window: SumWindow) throws(LayerFault) {
    weightCount += window.taps.count * window.geometry.outputChannels
    guard weightCount <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
    }
  }

  /// Emits the sums of centred codes themselves, as integers.
  mutating func makeSums(of x: Int, _ window: SumWindow, shape: [Int]) throws(LayerFault) -> Int {
    try count(window)
    let (input, total) = (values[x], window.total)
    let (low, high) = (input.range.lowerBound - Int64(input.zeroPoint), input.range.upperBound - Int64(input.zeroPoint))
    let range = total * min(low, 0)...total * max(high, 0)
    guard range.count <= 1 << 16 else {
      throw LayerFault("its sums of \(total) codes need more than 16 bits")
    }
    return make(
      integers(shape, range, like: input),
      .affine(
        Affine(
          geometry: window.geometry, groups: window.groups, paddingCode: input.zeroPoint, weights: window.weights(1),
          bias: Array(repeating: Int32(-Int64(input.zeroPoint) * total), count: window.geometry.outputChannels),
          accumulators: Array(repeating: range, count: window.geometry.outputChannels),
          requantization: Requantization(
            multipliers: [.powerOfTwo(0)], rounding: options.rounding, zeroPoint: 0, clamp: range))),
      from: [x], range: range)
  }

  /// Emits codes of sums of codes, as the reference reckons them: each begins at minus the input's zero point.
  private mutating func emitSums(
    of x: Int, _ window: SumWindow, _ output: Value, most: String
  ) throws(LayerFault) {
    try count(window)
    let (input, total) = (values[x], window.total)
    let zeroPoint = Int64(input.zeroPoint)
    let codes = union(input.range, zeroPoint...zeroPoint)
    let bias = -zeroPoint * (total + 1)
    let sums = (bias + total * min(codes.lowerBound, 0))...(bias + total * max(codes.upperBound, 0))

    let rescaling = try SumRescaling(
      multiplier(
        2 * Double(input.scale) / (Double(1 << 20) * Double(output.scale)), "2 · input scale / (2^20 · output scale)"),
      output, rounding: options.rounding)
    let summed: Int
    var weight: Int64
    var (zero, start) = (input.zeroPoint, bias)
    let requantization: Requantization
    if let found = rescaling.plain(over: sums) {
      summed = x
      (weight, requantization) = found
    } else {
      // The reference's own 19 bits below a unit: 5 in a table, 14 in the weights.
      weight = 1 << 14
      requantization = rescaling.requantization
      let centred = (codes.lowerBound - zeroPoint) << 5...(codes.upperBound - zeroPoint) << 5
      summed = makeTable(integers(input.shape, centred, like: input), of: x) { ($0 - zeroPoint) << 5 }
      zero = 0
      start = -zeroPoint << 5
    }
    let read = union(values[summed].range, Int64(zero)...Int64(zero))
    let range = weight * (start + total * min(read.lowerBound, 0))...weight * (start + total * max(read.upperBound, 0))
    guard range.lowerBound >= Int64(Int32.min), range.upperBound <= Int64(Int32.max) else {
      throw LayerFault(
        "its sums of \(most) leave the reference's 32 bits",
        remedy: "give its input and output one scale, and rescale behind it")
    }
    let made = try self.codes(of: requantization, channel: 0, from: range)
    let channels = window.geometry.outputChannels
    _ = make(
      output,
      .affine(
        Affine(
          geometry: window.geometry, groups: window.groups, paddingCode: zero, weights: window.weights(weight),
          bias: Array(repeating: Int32(weight * start), count: channels),
          accumulators: Array(repeating: range, count: channels), requantization: requantization)),
      from: [summed], range: made)
  }
}

/// How the reference makes codes of sums of centred codes: it takes them 2^19 times (20 bits to the left, then half),
/// and multiplies with its usual roundings.
private struct SumRescaling {
  /// Of sums taken 2^19 times.
  let requantization: Requantization
  private static let bits = 19

  init(_ multiplier: Multiplier, _ output: Value, rounding: Rounding) throws(LayerFault) {
    guard multiplier.exponent <= 0 else {
      throw LayerFault(
        "its scales are out of proportion: the reference multiplies by less than 1, not \(multiplier.real)")
    }
    requantization = Requantization(
      multipliers: [multiplier], rounding: rounding, zeroPoint: output.zeroPoint, clamp: output.type.range)
  }

  /// A weight and a requantisation that give the same codes of all `sums`. Nil where none does (its two roundings, 19 bits
  /// apart, seldom differ from one), or where the reference's 32 bits do not hold the sums.
  func plain(over sums: ClosedRange<Int64>) -> (weight: Int64, Requantization)? {
    let most = Int64(Int32.max) >> Int64(Self.bits)
    // Beyond, the reference's sums wrap around.
    guard sums.lowerBound >= -most, sums.upperBound <= most else { return nil }
    let held = sums
    let codes = held.map { requantization.code(Int32($0 << Int64(Self.bits)), channel: 0) }
    let multiplier = requantization.multipliers[0]
    for bits in 0..<15 {
      let exponent = multiplier.exponent + Self.bits - bits
      let reach = Interval<Int32>(sums.lowerBound << Int64(bits), sums.upperBound << Int64(bits))
      guard (-31...30).contains(exponent), reach.range.lowerBound >= Int64(Int32.min),
        reach.range.upperBound <= Int64(Int32.max)
      else { continue }
      var candidate = requantization
      candidate.multipliers = [Multiplier(mantissa: multiplier.mantissa, exponent: exponent)]
      for rounding in [requantization.rounding, .single] {
        candidate.rounding = rounding
        if candidate.code(reach, channel: 0).holds,
          zip(held, codes).allSatisfy({ candidate.code(Int32($0 << Int64(bits)), channel: 0) == $1 })
        {
          return (1 << Int64(bits), candidate)
        }
      }
    }
    return nil
  }
}
