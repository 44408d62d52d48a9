import Arithmetic
import Network

// RELU, RELU6, LEAKY_RELU, ABS, LOGISTIC, TANH, QUANTIZE of codes with so many bits that tables of them would be large →
// clamped and requantised parts, and their sum. TensorFlow Lite Micro has these for int16.
extension Lowering {
  /// Whether a function of a value's codes is better made of arithmetic than a table.
  func isLarge(_ x: Int) -> Bool { values[x].type.bits > Self.mostTableBits }

  mutating func wideUnary(
    _ operation: Operation, _ function: UnaryFunction, _ x: Int, _ output: Value
  ) throws(LayerFault) {
    let (input, codes) = (values[x], output.type.range)
    switch function {
    case .logistic, .tanh:
      let scale: Float = 0x1p-15
      guard output.scale == scale else {
        throw LayerFault("its output's scale is \(output.scale), not 2^-15, which the reference demands of int16")
      }
      guard let sigmoid = InterpolatedSigmoid(function == .tanh ? .tanh : .logistic, inputScale: input.scale) else {
        throw LayerFault(
          "its input's scale, \(input.scale), leaves the reference's 32 bits",
          remedy: "quantise again with representative data")
      }
      _ = lookedUp(x, Lookup(sigmoid), output)
    case .relu:
      _ = try makeRescaled(output, of: x, by: rescale(input, output, ratio), clamp: 0...codes.upperBound)
    case .relu6:
      // As for int8: six is quantised by the input, and nothing is rescaled.
      _ = makeClamped(output, of: x, to: clamp(.relu6, input))
    case .leakyRelu(let alpha):
      guard alpha.isFinite else { throw LayerFault("its slope is \(alpha)") }
      let slope = try multiplier(
        abs(ratio(product(input.scale, alpha), Double(output.scale))), "input scale · slope / output scale")
      try provesFit(input, slope)
      let positive = try makeRescaled(
        part(like: output), of: x, by: rescale(input, output, ratio), clamp: 0...codes.upperBound)
      let negative = try makeRescaled(part(like: output), of: x, by: slope, clamp: codes.lowerBound...0)
      // One of the parts is zero.
      _ = try makeExact(output, alpha < 0 ? .difference : .sum, positive, negative, clamp: codes)
    case .real(.absolute):
      let multiplier = try rescale(input, output, ratio)
      let positive = try makeRescaled(part(like: output), of: x, by: multiplier, clamp: 0...codes.upperBound)
      let negative = try makeRescaled(
        part(like: output), of: x, by: multiplier, isNegated: true, clamp: 0...codes.upperBound)
      _ = try makeExact(output, .sum, positive, negative, clamp: codes)
    default:
      throw LayerFault(
        "no reference has it for \(input.type)",
        remedy: "convert with TensorFlow's converter, which leaves it float between DEQUANTIZE and QUANTIZE, or with int8")
    }
  }

  private func part(like output: Value) -> Value { intermediate(output.shape, like: output) }

  /// Emits `clamp(zero point + (x − x's zero point) · multiplier)`, or the same of the opposite of x.
  mutating func makeRescaled(
    _ output: Value, of x: Int, by multiplier: Multiplier, isNegated: Bool = false, clamp: ClosedRange<Int64>
  ) throws(LayerFault) -> Int {
    let input = values[x]
    let requantization = Requantization(
      multipliers: [multiplier], rounding: options.rounding, zeroPoint: output.zeroPoint, clamp: clamp)
    guard isNegated else {
      let geometry = WindowGeometry(
        batch: 1, inputHeight: 1, inputWidth: 1, inputChannels: input.count, outputHeight: 1, outputWidth: 1,
        outputChannels: input.count, kernelHeight: 1, kernelWidth: 1)
      let bias = -Int64(input.zeroPoint)
      let range = (bias + min(0, input.range.lowerBound))...(bias + max(0, input.range.upperBound))
      let codes = try self.codes(of: requantization, channel: 0, from: range)
      return make(
        output,
        .pool(
          Pool(
            kind: .sum(bias: Int32(bias), requantization, accumulator: range), geometry: geometry, clamp: output.type.range)),
        from: [x], range: codes)
    }
    let sums = WeightedSums(
      geometry: .dense(batch: input.count, inputs: 1, outputs: 1), groups: 1, weights: [-1], inputRange: input.range,
      inputZeroPoint: input.zeroPoint)
    let (affine, codes) = try affine(sums, QuantizedSum(requantization: requantization, offsets: [0]))
    return make(output, .affine(affine), from: [x], range: codes)
  }

  /// Emits the codes of `x` held to `range`, which are codes of `output`.
  mutating func makeClamped(_ output: Value, of x: Int, to range: ClosedRange<Int64>) -> Int {
    guard isLarge(x) else { return makeTable(output, of: x) { min(max($0, range.lowerBound), range.upperBound) } }
    let count = values[x].count
    let geometry = WindowGeometry(
      batch: 1, inputHeight: 1, inputWidth: 1, inputChannels: count, outputHeight: 1, outputWidth: 1,
      outputChannels: count, kernelHeight: 1, kernelWidth: 1)
    let codes = Interval<Int32>(values[x].range).clamped(range.lowerBound, range.upperBound).range
    return make(output, .pool(Pool(kind: .maximum, geometry: geometry, clamp: range)), from: [x], range: codes)
  }

  /// Emits the codes of `x`'s type in reverse order: its lowest code becomes the highest.
  mutating func makeReversed(_ output: Value, of x: Int) throws(LayerFault) -> Int {
    let codes = values[x].type.range
    let ends = codes.lowerBound + codes.upperBound
    guard isLarge(x) else { return makeTable(output, of: x) { ends - $0 } }
    return try makeExact(
      output, .difference, constant([ends], shape: [1], like: output), x, clamp: codes)
  }

  /// Emits what a table of 16-bit codes makes of those of `x`.
  mutating func lookedUp(_ x: Int, _ table: Lookup, _ output: Value) -> Int {
    let entries = values[x].range.map { table.table[Int($0) + 32_768] }
    return make(output, .lookup(table), from: [x], range: Int64(entries.min() ?? 0)...Int64(entries.max() ?? 0))
  }
}
