/// The operators of TensorFlow Lite Micro's signal library that stand in front of a network of speech: custom
/// operators, whose arithmetic on integers is that library's. Their tensors hold integers without scale and zero point.
public enum SignalFunction: Sendable, Hashable {
  /// Inputs: samples [channels…, n]; those that the run before left. Outputs: frames [channels…, n / step, size], each a
  /// step behind the one before; what is left. Where a frame is no longer than a step, nothing is left. Unless zeros
  /// stand in front of the first samples (`isPrefilled`), frames begin with the first sample, and first runs make none:
  /// then there are a count (int16), as the run before left it, and outputs whether there is a frame, and the new count.
  case framer(size: Int, step: Int, isPrefilled: Bool)
  /// A frame of `channels` numbers a call → so many of those in front of one, it, and so many of those behind it, beside
  /// each other; the first one stands in front of itself, too. Inputs and outputs as those of a framer that is not
  /// prefilled. There is a stack every `step` calls.
  case stacker(channels: Int, left: Int, right: Int, step: Int)
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
  /// The samples, as many as `length`, whose spectrum is given as `fourier` makes it.
  case inverseFourier(length: Int)
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
    case .framer(let size, let step, let isPrefilled):
      // As many steps as a frame takes, but for the one that completes it.
      shape.dropLast() + [isPrefilled ? size - step : (size - 1) / step * step]
    case .stacker(let channels, let left, let right, _): [channels * (left + right)]
    case .delay(let length): shape.dropLast() + [length]
    case .overlapAdd(let step): shape.dropLast(2) + [max(0, (shape.last ?? 0) - step)]
    default: []
    }
  }

  /// Whether its numbers are such as kernels take, so that none computed of them leaves its register.
  public var isSound: Bool {
    let (counts, shifts) = (1...1 << 16, 0...31)
    switch self {
    case .framer(let size, let step, _): return counts.contains(size) && (1...size).contains(step)
    case .stacker(let channels, let left, let right, let step):
      let contexts = 0...1 << 13
      return counts.contains(channels) && contexts.contains(left) && contexts.contains(right)
        && (1...left + right + 1).contains(step)
    case .delay(let length): return length == 0 || counts.contains(length)
    case .overlapAdd(let count), .fourier(let count), .inverseFourier(let count), .filterBank(let count):
      return counts.contains(count)
    case .window(let shift), .gainControl(let shift): return shifts.contains(shift)
    case .autoScale, .squareRoot: return true
    case .energy(let bins): return bins.lowerBound >= 0 && counts.contains(bins.upperBound) && !bins.isEmpty
    case .subtraction(let s):
      return s.smoothing.count == 2 && s.oneMinusSmoothing.count == 2
        && (s.smoothing + s.oneMinusSmoothing + [s.least]).allSatisfy { $0 == 0 || counts.contains($0) }
        && shifts.contains(s.smoothingBits) && shifts.contains(s.bits)
    case .logarithm(let scale, let bits): return (0...1 << 20).contains(scale) && shifts.contains(bits)
    }
  }

  /// Whether it says beside what it makes whether that is anything.
  public var saysWhetherValid: Bool {
    switch self {
    case .framer, .stacker: true
    default: false
    }
  }

  /// What its count of samples begins with; nil where every run makes what it makes.
  public var firstCount: Int16? {
    switch self {
    case .framer(let size, let step, let isPrefilled): isPrefilled || size == step ? nil : 0
    case .stacker(_, let left, let right, _): left + right == 0 ? nil : -1
    default: nil
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
