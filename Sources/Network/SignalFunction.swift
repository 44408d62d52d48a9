/// The operators of TensorFlow Lite Micro's signal library that stand in front of a network of speech: custom
/// operators, whose arithmetic on integers is that library's. Their tensors hold integers without scale and zero point.
public enum SignalFunction: Sendable, Hashable {
  /// Inputs: samples [channels…, n]; those that the run before left. Outputs: frames [channels…, n / step, size], each a
  /// step behind the one before; what is left. Where a frame is no longer than a step, nothing is left.
  case framer(size: Int, step: Int)
  /// Samples [channels…, n], so many later; what is left as for frames.
  case delay(by: Int)
  /// Frames [channels…, frames, size], each a step behind the one before, which are added: samples [channels…,
  /// frames · step]; what is left as for frames.
  case overlapAdd(step: Int)
  /// Inputs: samples [frames…, n], weights [n], both int16: `⌊x · weight / 2^shift⌋`, saturated.
  case window(shift: Int)
  /// Samples, shifted left as far as the largest leaves room for; how far (int32).
  case autoScale
  /// Samples, with zeros behind them as many as `length` → the lower half of their discrete Fourier transform over
  /// `length`: real and imaginary parts of `length / 2 + 1` bins, int16.
  case fourier(length: Int)
  /// Of each bin `real² + imaginary²`, uint32; those outside the range are not made.
  case energy(Range<Int>)
  /// Inputs: energies; by bin of all channels, weights in the channel and weights in the one behind it; by channel, its
  /// first bin, the first of its weights and how many they are, all int16. A channel stands in front that is not
  /// output.
  case filterBank(channels: Int)
  /// Inputs: uint64; how far the samples had been shifted. Their roots, rounded, shifted right as far; uint32.
  case squareRoot
  /// Inputs: uint32; the noise, as the run before left it. Outputs: what is left when the noise is subtracted; the
  /// noise.
  case subtraction(SpectralSubtraction)
  /// Inputs: uint32; the noise; a table of gains, int16: parts of a piecewise parabola over the noise. Output: uint32.
  case gainControl(shift: Int)
  /// The natural logarithm of `x · 2^correctionBits` times `scale`, int16.
  case logarithm(scale: Int, correctionBits: Int)
}

extension SignalFunction {
  /// The shape of the samples that a run leaves for the next, of an input's shape; no axis where it leaves none.
  public func samplesLeft(of shape: [Int]) -> [Int] {
    switch self {
    case .framer(let size, let step): shape.dropLast() + [size - step]
    case .delay(let length): shape.dropLast() + [length]
    case .overlapAdd(let step): shape.dropLast(2) + [max(0, (shape.last ?? 0) - step)]
    default: []
    }
  }
}

/// How noise is estimated and subtracted, in units of 2^-bits. Odd channels may be smoothed in another way than even
/// ones.
public struct SpectralSubtraction: Sendable, Hashable {
  /// The share of a new energy in the estimate, and of the old estimate, for even and odd channels.
  public var smoothing, oneMinusSmoothing: [Int]
  /// Of an energy, what is always left.
  public var least: Int
  /// How many bits more the estimate has than energies.
  public var smoothingBits: Int
  /// Of `smoothing` and `least`.
  public var bits: Int
  /// Whether the estimate is held to the energy.
  public var isClamped: Bool

  public init(
    smoothing: [Int], oneMinusSmoothing: [Int], least: Int, smoothingBits: Int, bits: Int, isClamped: Bool
  ) {
    self.smoothing = smoothing
    self.oneMinusSmoothing = oneMinusSmoothing
    self.least = least
    self.smoothingBits = smoothingBits
    self.bits = bits
    self.isClamped = isClamped
  }
}
