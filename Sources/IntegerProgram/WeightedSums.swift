import Arithmetic

/// The sums of an affine layer before anything is added to them or made of them.
struct WeightedSums {
  var geometry: WindowGeometry
  var groups: Int
  /// As in `Affine`, zero points subtracted.
  var weights: [Int64]
  /// Codes that it reads.
  let inputRange: ClosedRange<Int64>
  let inputZeroPoint: Int32

  init(
    geometry: WindowGeometry, groups: Int, weights: [Int64], inputRange: ClosedRange<Int64>, inputZeroPoint: Int32
  ) {
    (self.geometry, self.groups, self.weights) = (geometry, groups, weights)
    self.inputRange =
      geometry.hasPadding ? union(inputRange, Int64(inputZeroPoint)...Int64(inputZeroPoint)) : inputRange
    self.inputZeroPoint = inputZeroPoint
  }

  var channels: Int { geometry.outputChannels }
  /// Weights of a channel.
  var length: Int { weights.count / channels }

  func weights(channel: Int) -> ArraySlice<Int64> { weights[channel * length..<(channel + 1) * length] }

  /// `Σ weight · (code − zero point)` of a channel, and every partial sum on the way to it.
  func range(channel: Int) -> ClosedRange<Int64> {
    var (low, high, total) = (Int64(0), Int64(0), Int64(0))
    for weight in weights(channel: channel) {
      total += weight
      let (a, b) = (weight * inputRange.lowerBound, weight * inputRange.upperBound)
      // With zero included, the range holds every partial sum as well, in whatever order a kernel adds.
      low += min(a, b, 0)
      high += max(a, b, 0)
    }
    let centre = Int64(inputZeroPoint) * total
    return (low - centre)...(high - centre)
  }

  /// What is added for the input's zero point.
  func centre(channel: Int) -> Int64 { -Int64(inputZeroPoint) * weights(channel: channel).reduce(0, +) }
}

extension Lowering {
  func accumulator(_ sums: WeightedSums, _ sum: QuantizedSum, channel: Int) -> ClosedRange<Int64> {
    let (reach, factor, offset) = (sums.range(channel: channel), sum.factor(channel: channel), sum.offsets[channel])
    let (a, b) = (reach.lowerBound * factor, reach.upperBound * factor)
    return (offset + min(a, b))...(offset + max(a, b))
  }

  /// The same sums, in 64 bits where 32 may not hold them.
  func held(_ sum: QuantizedSum, of sums: WeightedSums) -> QuantizedSum {
    (0..<sums.channels).allSatisfy { sum.holds(accumulator(sums, sum, channel: $0)) } ? sum : sum.lengthened
  }

  /// The core's step for sums and what becomes of them, and the codes it makes; a fault where 32 bits could overflow.
  func affine(
    _ sums: WeightedSums, _ sum: QuantizedSum
  ) throws(LayerFault) -> (affine: Affine, codes: ClosedRange<Int64>) {
    var affine = Affine(
      geometry: sums.geometry, groups: sums.groups, paddingCode: sums.inputZeroPoint, weights: [], bias: [Int64](),
      accumulators: [], requantization: sum.requantization)
    affine.weights.reserveCapacity(sums.weights.count)
    var codeRange: ClosedRange<Int64>?
    for channel in 0..<sums.channels {
      let factor = sum.factor(channel: channel)
      for weight in sums.weights(channel: channel) {
        guard let weight = Int16(exactly: weight * factor) else {
          throw LayerFault("its weight \(weight) times \(factor) needs more than 16 bits")
        }
        affine.weights.append(weight)
      }
      let range = accumulator(sums, sum, channel: channel)
      guard sum.holds(range) else {
        throw LayerFault(
          "the accumulator of channel \(channel) could overflow \(sum.accumulatorBits) bits: bias "
            + "\(sum.offsets[channel]), range \(range.lowerBound) … \(range.upperBound)",
          remedy: "fewer inputs to this layer, or smaller biases")
      }
      affine.bias.append(sum.offsets[channel] + factor * sums.centre(channel: channel))
      affine.accumulators.append(range)
      codeRange = union(codeRange, try self.codes(of: affine.requantization, channel: channel, from: range))
    }
    guard let codeRange else { throw LayerFault("it has no output channels") }
    let all = affine.accumulators.reduce(nil) { union($0, $1) } ?? 0...0
    guard !affine.isLong || affine.requantization.requantizesLong(all) else {
      throw LayerFault(
        "the product of its accumulators, \(all.lowerBound) … \(all.upperBound), and multipliers could overflow 64 bits",
        remedy: "fewer inputs to this layer, or smaller biases")
    }
    return (affine, codeRange)
  }
}
