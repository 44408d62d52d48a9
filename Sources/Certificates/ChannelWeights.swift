import CIntervalKernels
import IntegerProgram

/// An affine step's weights with the output channels side by side, so that many sums go on at once.
package struct ChannelWeights: Sendable {
  /// [tap][input channel][output channel].
  package let weights: [Int16]
  /// [output pixel][output channel], with what padding adds.
  package let bias: [Int32]
  private let inputCount: Int
  private let geometry: (outputPixels: Int, taps: Int, inputChannels: Int, outputChannels: Int)

  /// Nil for steps in groups, and for inputs in `codes` whose products with weights could pass 32 bits.
  init?(_ affine: Affine, _ window: WindowTable, codes: ClosedRange<Int64>) {
    guard affine.groups == 1, !affine.isLong, codes.lowerBound >= -0xFFFF, codes.upperBound <= 0xFFFF else { return nil }
    let (n, m, taps) = (affine.geometry.inputChannels, affine.geometry.outputChannels, window.taps)
    inputCount = affine.geometry.inputCount
    geometry = (window.outputPixels, taps, n, m)
    var weights = [Int16](repeating: 0, count: taps * n * m)
    for o in 0..<m {
      for i in 0..<taps * n { weights[i * m + o] = affine.weights[o * taps * n + i] }
    }
    var bias: [Int32] = []
    bias.reserveCapacity(window.outputPixels * m)
    for pixel in 0..<window.outputPixels {
      var sums = affine.bias.map { Int32(truncatingIfNeeded: $0) }
      for tap in 0..<taps where window.pixels[pixel * taps + tap] < 0 && affine.paddingCode != 0 {
        for i in tap * n..<(tap + 1) * n {
          for o in 0..<m { sums[o] &+= Int32(weights[i * m + o]) &* affine.paddingCode }
        }
      }
      bias += sums
    }
    self.weights = weights
    self.bias = bias
  }

  /// Exact ranges of the sums, where it is known that none of them passes 32 bits.
  func sums(_ window: WindowTable, low: [Int32], high: [Int32]) -> (low: [Int32], high: [Int32]) {
    precondition(low.count == inputCount && high.count == inputCount, "the ranges of other inputs")
    var lows = [Int32](repeating: 0, count: bias.count)
    var highs = lows
    lockstep_interval_sums(
      weights, bias, window.pixels, Int32(geometry.outputPixels), Int32(geometry.taps), Int32(geometry.inputChannels),
      Int32(geometry.outputChannels), low, high, &lows, &highs)
    return (lows, highs)
  }
}
