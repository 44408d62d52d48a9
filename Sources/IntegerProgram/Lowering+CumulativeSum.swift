import Arithmetic
import Network

// CUMSUM → a depthwise affine step of ones.
extension Lowering {
  /// The sums of all elements up to each one along an axis: a depthwise window of ones over what lies before. The
  /// reference starts each sum at minus the input's zero point, as if one element more were the code 0 (TensorFlow
  /// Lite: `CumSum` with quantised parameters).
  mutating func cumulativeSum(_ operation: Operation, isExclusive: Bool, isReverse: Bool) throws(LayerFault) {
    let (x, output) = try elementwiseEnds(operation)
    let input = values[x]
    let rank = input.shape.count
    let axis = try constantIntegers(operation, 1, "axis")
    guard axis.count == 1, (-rank..<rank).contains(axis[0]) else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank)")
    }
    guard operation.quantizer == nil else { throw LayerFault("its quantiser has a rounding of its own") }
    let along = axis[0] < 0 ? axis[0] + rank : axis[0]
    let count = input.shape[along]
    let inner = input.shape[(along + 1)...].reduce(1, *)
    weightCount += count * inner
    guard weightCount <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
    }
    let geometry = WindowGeometry(
      batch: input.count / (count * inner), inputHeight: count, inputWidth: 1, inputChannels: inner,
      outputHeight: count, outputWidth: 1, outputChannels: inner, kernelHeight: count, kernelWidth: 1,
      paddingTop: isReverse ? 0 : count - 1)
    let total = Int64(isExclusive ? count - 1 : count)
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
        "its sums of \(count) elements leave the reference's 32 bits",
        remedy: "give its input and output one scale, and rescale behind it")
    }
    // The element itself is the window's last, or its first in reverse.
    var taps = [Int16](repeating: Int16(weight), count: count)
    if isExclusive { taps[isReverse ? 0 : count - 1] = 0 }
    let made = try self.codes(of: requantization, channel: 0, from: range)
    _ = make(
      output,
      .affine(
        Affine(
          geometry: geometry, groups: inner, paddingCode: zero,
          weights: Array(repeatElement(taps, count: inner).joined()),
          bias: Array(repeating: Int32(weight * start), count: inner),
          accumulators: Array(repeating: range, count: inner), requantization: requantization)),
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
