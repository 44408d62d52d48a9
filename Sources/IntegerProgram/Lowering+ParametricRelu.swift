import Arithmetic
import Network

// PRELU → lookup, where all slopes are equal; else a sum of two parts, one of which is always zero: what is not negative by
// a table, what is negative by a depthwise affine step, whose weights are the slopes.
extension Lowering {
  /// TensorFlow Lite: z + M₁ · (x − z_x) where that is not negative, elsewhere z + M₂ · (x − z_x)(slope − z_slope).
  mutating func parametricRelu(_ operation: Operation) throws(LayerFault) {
    guard operation.quantizer == nil else { throw LayerFault("its quantiser has a rounding of its own") }
    let (x, output) = try elementwiseEnds(operation)
    let input = values[x]
    let slopes = values[try self.input(operation, 1, "slopes")]
    guard let codes = slopes.constant, Broadcast(input.shape, slopes.shape)?.shape == input.shape else {
      throw LayerFault(
        "its slopes, of shape \(slopes.shape), are computed at run time or do not broadcast to \(input.shape)")
    }
    let identity = try multiplier(Double(input.scale) / Double(output.scale), "input scale / output scale")
    let scaled = try multiplier(
      Double(input.scale) * Double(slopes.scale) / Double(output.scale), "input scale · slope scale / output scale")
    let weights = codes.map { Int64($0) - Int64(slopes.zeroPoint) }
    try provesFit(input, identity)
    try provesFit(input, scaled, times: weights.reduce(0) { max($0, abs($1)) })
    let rounding = options.rounding
    let zeroPoint = output.zeroPoint
    guard Set(weights).count > 1 else {
      let weight = Int32(weights[0])
      return lookup(operation, x, output) { d in
        zeroPoint + requantize(d < 0 ? d * weight : d, by: d < 0 ? scaled : identity, rounding: rounding)
      }
    }

    var part = input
    (part.tensor, part.constant) = (nil, nil)
    let negative = emitTable(x, part) { min($0, input.zeroPoint) }
    part = output
    part.tensor = nil
    let notNegative = emitTable(x, part) { code in
      zeroPoint + requantize(max(0, code - input.zeroPoint), by: identity, rounding: rounding)
    }
    let (channels, expanded) = Self.channelSlopes(weights, of: slopes.shape, in: input.shape)
    let requantization = Requantization(
      multipliers: [scaled], rounding: rounding, zeroPoint: zeroPoint, clamp: output.type.range)
    var affine = Affine(
      geometry: WindowGeometry(
        batch: 1, inputHeight: 1, inputWidth: input.count / channels, inputChannels: channels, outputHeight: 1,
        outputWidth: input.count / channels, outputChannels: channels, kernelHeight: 1, kernelWidth: 1),
      groups: channels, paddingCode: input.zeroPoint, weights: expanded.map { Int16($0) }, bias: [Int64](), accumulators: [],
      requantization: requantization)
    var range: ClosedRange<Int64>?
    for (channel, weight) in expanded.enumerated() {
      let bias = -Int64(input.zeroPoint) * weight
      let products = [0, weight * values[negative].range.lowerBound, weight * values[negative].range.upperBound]
      let (low, high) = (bias + (products.min() ?? 0), bias + (products.max() ?? 0))
      affine.bias.append(bias)
      affine.accumulators.append(low...high)
      range = union(range, try self.codes(of: requantization, channel: channel, from: low...high))
    }
    part.range = range ?? part.range
    let sloped = emitIntermediate(.affine(affine), inputs: [negative], output: part)

    // Both parts mean nothing by the zero point, and one of them is it: their sum is exact and needs no clamp.
    let one = Multiplier.powerOfTwo(0)
    let operand = Combine.Operand(zeroPoint: zeroPoint, multiplier: one, strides: [1])
    let combine = Combine(
      kind: .sum, shape: [input.count], left: operand, right: operand, leftShift: 0,
      requantization: Requantization(
        multipliers: [one], rounding: rounding, zeroPoint: zeroPoint, clamp: output.type.range))
    let code = combine.code(Interval<Int32>(values[notNegative].range), Interval<Int32>(values[sloped].range))
    emit(
      .combine(combine), operation, inputs: [notNegative, sloped], output: output,
      range: code.holds ? code.range : output.type.range)
  }

  /// The slopes repeated to whole trailing axes, which are the channels of a depthwise step.
  private static func channelSlopes(
    _ weights: [Int64], of shape: [Int], in whole: [Int]
  ) -> (channels: Int, weights: [Int64]) {
    let aligned = Array(repeating: 1, count: whole.count - shape.count) + shape
    let first = aligned.firstIndex { $0 > 1 } ?? whole.count - 1
    let strides = rowMajorStrides(aligned)
    let channels = whole[first...].reduce(1, *)
    let expanded = (0..<channels).map { place in
      var (rest, source) = (place, 0)
      for axis in (first..<whole.count).reversed() {
        if aligned[axis] > 1 { source += rest % whole[axis] * strides[axis] }
        rest /= whole[axis]
      }
      return weights[source]
    }
    return (channels, expanded)
  }

  /// Emits the table of a function of codes, held to the output's type.
  mutating func emitTable(_ x: Int, _ output: Value, _ code: (Int32) -> Int32) -> Int {
    let (table, range) = table(of: values[x], output) { code($0 + values[x].zeroPoint) }
    var output = output
    output.range = range ?? output.type.range
    return emitIntermediate(.lookup(table), inputs: [x], output: output)
  }
}
