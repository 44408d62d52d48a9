import Arithmetic
import Network

/// What stands between the samples of a microphone and a network's codes: TensorFlow Lite Micro's signal library, on
/// words of 16, 32 and 64 bits. Codes have 16 bits; a wider word is several codes, the lowest first, each an unsigned
/// number of 16 bits, as the word lies in a little-endian memory.
public enum Signal: Sendable, Hashable {
  /// By how many bits the samples can be shifted left: one code. The largest magnitude is kept in 16 bits, in which
  /// −32768 is its own, so that the search begins anew behind it.
  case room
  /// Samples; by how many bits to shift them left. 16 bits are kept.
  case shifted
  case spectrum(FourierTransform)
  /// Real and imaginary parts of bins → the samples whose spectrum they are.
  case samples(FourierTransform)
  /// Real and imaginary parts → `real² + imaginary²` of each bin, 32 bits; 0 outside the range.
  case energy(Range<Int>)
  /// Energies → weighted sums, 64 bits.
  case filterBank(FilterBank)
  /// 64 bits; by how many bits to shift right → 32 bits.
  case root
  /// Energies and noise → the new noise.
  case noise(SpectralSubtraction)
  /// Energies and the new noise → what is left of them.
  case remainder(SpectralSubtraction)
  /// What is left, and the noise → it, as loud as if the noise were always the same; in front of the logarithm.
  case gain(table: [Int16], shift: Int)
  /// Codes 0 … 32767.
  case logarithm(scale: Int, correctionBits: Int)

  /// Overlapping channels: each bin adds to a channel and, by another weight, to the one behind it.
  public struct FilterBank: Sendable, Hashable {
    /// Of channels one more than are output: the first one only adds to the second.
    public var bins: [Range<Int>]
    /// One a bin of each channel, in order; 0 or more.
    public var weights, nextWeights: [Int16]

    /// `bins` of each channel, and two weights for every bin of all channels, in the channels' order.
    public init(bins: [Range<Int>], weights: [Int16], nextWeights: [Int16]) {
      self.bins = bins
      self.weights = weights
      self.nextWeights = nextWeights
    }

    /// Channels that are output.
    public var channels: Int { bins.count - 1 }

    /// The sums of words, one a bin; they must fit.
    public func sums(_ energies: [UInt64]) -> [UInt64] {
      var sums: [UInt64] = []
      var (carried, place): (UInt64, Int) = (0, 0)
      for range in bins {
        var (sum, next) = (carried, UInt64(0))
        for bin in range {
          sum &+= UInt64(weights[place]) &* energies[bin]
          next &+= UInt64(nextWeights[place]) &* energies[bin]
          place += 1
        }
        sums.append(sum)
        carried = next
      }
      return Array(sums.dropFirst())
    }
  }

  /// Codes of a word of each operand.
  public var operandCodes: [Int] {
    switch self {
    case .room, .spectrum, .samples, .energy: [1]
    case .shifted: [1, 1]
    case .filterBank, .logarithm: [2]
    case .root: [4, 1]
    case .noise, .remainder, .gain: [2, 2]
    }
  }

  /// Codes of a word of the output.
  public var outputCodes: Int {
    switch self {
    case .room, .shifted, .spectrum, .samples, .logarithm: 1
    case .energy, .root, .noise, .remainder, .gain: 2
    case .filterBank: 4
    }
  }

  /// How many codes it makes of so many.
  public func outputCount(of count: Int) -> Int {
    switch self {
    case .room: 1
    case .shifted, .noise, .remainder, .gain: count
    case .spectrum(let transform): transform.outputCount
    case .samples(let transform): transform.length
    // Two parts of a bin are two limbs of its energy.
    case .energy: count
    case .filterBank(let bank): 4 * bank.channels
    case .root, .logarithm: count / 2
    }
  }

  /// Codes that it may make of any.
  public var outputType: CodeType {
    switch self {
    case .room: CodeType(bits: 4, isSigned: false)
    case .shifted, .spectrum, .samples, .logarithm: CodeType(bits: 16, isSigned: true)
    case .energy, .filterBank, .root, .noise, .remainder, .gain: CodeType(bits: 16, isSigned: false)
    }
  }

  public var outputRange: ClosedRange<Int64> {
    guard case .logarithm(let scale, _) = self else { return outputType.range }
    // It need not be largest at the largest word.
    let most = logarithmSegments.map { Self.logarithm(UInt64($0.upperBound), scale: scale, correctionBits: 0) }.max()
    return 0...Int64(most ?? 32_767)
  }

  /// Roughly how many elementary operations a run takes.
  func work(outputCount: Int) -> Int {
    switch self {
    case .spectrum(let transform), .samples(let transform): 16 * outputCount * (transform.factors.count + 1)
    case .filterBank(let bank): 4 * bank.weights.count
    case .root: 64 * outputCount
    default: 16 * outputCount
    }
  }

  /// The output codes of the operands' codes.
  public func codes(_ operands: [[Int32]]) -> [Int32] {
    switch self {
    case .room: return [Int32(Self.room(of: operands[0]))]
    case .shifted:
      let bits = operands[1][0]
      return operands[0].map { Int32(Int16(truncatingIfNeeded: $0 << bits)) }
    case .spectrum(let transform): return transform.spectrum(operands[0])
    case .samples(let transform): return transform.samples(operands[0])
    default:
      let words = zip(operands, operandCodes).map { Self.words($0, codes: $1) }
      return Self.codes(ofWords: self.words(words), codes: outputCodes)
    }
  }

  /// The output's words by the operands'.
  private func words(_ operands: [[UInt64]]) -> [UInt64] {
    switch self {
    case .room, .shifted, .spectrum, .samples: return []
    case .energy(let bins):
      let parts = operands[0].map { Int64(bitPattern: $0) }
      return (0..<parts.count / 2).map { bin -> UInt64 in
        let (real, imaginary) = (parts[2 * bin], parts[2 * bin + 1])
        return bins.contains(bin) ? UInt64(real * real + imaginary * imaginary) : 0
      }
    case .filterBank(let bank): return bank.sums(operands[0])
    case .root: return operands[0].map { roundedRoot($0) >> operands[1][0] }
    case .noise(let subtraction):
      return operands[0].indices.map { subtraction.noise(operands[0][$0], operands[1][$0], channel: $0) }
    case .remainder(let subtraction):
      return operands[0].indices.map { subtraction.remainder(operands[0][$0], operands[1][$0]) }
    case .gain(let table, let shift):
      return zip(operands[0], operands[1]).map { word, noise -> UInt64 in
        let gain = UInt32(truncatingIfNeeded: pieceParabola(UInt32(noise), table))
        return Self.gained(word, by: UInt64(gain), shift: shift)
      }
    case .logarithm(let scale, let bits):
      return operands[0].map { Self.logarithm($0, scale: scale, correctionBits: bits) }
    }
  }

  /// Codes as words. Signed codes are words of their own.
  public static func words(_ codes: [Int32], codes count: Int) -> [UInt64] {
    if count == 1 { return codes.map { UInt64(bitPattern: Int64($0)) } }
    return Swift.stride(from: 0, to: codes.count, by: count).map { start -> UInt64 in
      (0..<count).reduce(UInt64(0)) { word, place in
        let code = UInt64(UInt16(truncatingIfNeeded: codes[start + place]))
        return word | code << UInt64(16 * place)
      }
    }
  }

  /// Words as codes, `count` for each, the lowest first, each an unsigned number of 16 bits.
  public static func codes(ofWords words: [UInt64], codes count: Int) -> [Int32] {
    words.flatMap { word in
      (0..<count).map { place -> Int32 in Int32(UInt16(truncatingIfNeeded: word >> UInt64(16 * place))) }
    }
  }

  // MARK: Words

  /// By how many bits, 0 … 15, samples of 16 bits can be shifted left; 0 where all are 0 (`FftAutoScale`).
  public static func room(of samples: [Int32]) -> Int {
    var largest: Int16 = 0
    for sample in samples {
      if sample > Int32(largest) {
        largest = Int16(truncatingIfNeeded: sample)
      } else if -sample > Int32(largest) {
        largest = Int16(truncatingIfNeeded: -sample)
      }
    }
    return room(ofLargest: Int32(largest))
  }

  /// How many bits are free above a magnitude; none above 0, in which the reference finds 32 bits.
  public static func room(ofLargest magnitude: Int32) -> Int {
    magnitude == 0 ? 0 : max(0, magnitude.leadingZeroBitCount - 17)
  }

  /// Signal times gain, in units of 2^-shift, compressed.
  public static func gained(_ word: UInt64, by gain: UInt64, shift: Int) -> UInt64 {
    UInt64(compressed(ratio: UInt32(truncatingIfNeeded: (word &* gain) >> UInt64(shift))))
  }

  /// `scale` times the natural logarithm of a word of 32 bits shifted left by `correctionBits`, of which 32 bits are kept;
  /// 0 … 32767, and 0 of 0 and 1 (`FilterbankLog`).
  public static func logarithm(_ word: UInt64, scale: Int, correctionBits: Int) -> UInt64 {
    let corrected = UInt32(truncatingIfNeeded: word << UInt64(correctionBits))
    guard corrected > 1 else { return 0 }
    return min(32_767, (UInt64(scale) * scaledLogarithm(corrected) + 1 << 15) >> 16)
  }

  /// Whether the logarithm of a word of 32 bits, scaled, stays in 32 bits.
  public static func logarithmFits(scale: Int) -> Bool {
    UInt64(scale) * scaledLogarithm(.max) + 1 << 15 <= UInt64(UInt32.max)
  }
}

extension SpectralSubtraction {
  /// An energy in the estimate's units, of which 32 bits are kept.
  public func scaled(_ energy: UInt64) -> UInt64 { (energy << UInt64(smoothingBits)) & 0xFFFF_FFFF }

  /// The new estimate, before 32 bits of it are kept: the old one brought nearer to the energy, `scaled`.
  public func estimate(scaled: UInt64, _ noise: UInt64, channel: Int) -> UInt64 {
    (scaled &* UInt64(smoothing[channel & 1]) &+ noise &* UInt64(oneMinusSmoothing[channel & 1])) >> UInt64(bits)
  }

  /// The new estimate of the noise, of which 32 bits are kept, and no more than the energy where that is asked for.
  public func noise(_ energy: UInt64, _ noise: UInt64, channel: Int) -> UInt64 {
    let scaled = scaled(energy)
    let estimate = estimate(scaled: scaled, noise, channel: channel) & 0xFFFF_FFFF
    return isClamped ? min(estimate, scaled) : estimate
  }

  /// What is always left of an energy, before 32 bits of it are kept.
  public func share(_ energy: UInt64) -> UInt64 { (energy * UInt64(least)) >> UInt64(bits) }

  /// What is always left of an energy.
  public func floor(_ energy: UInt64) -> UInt64 { share(energy) & 0xFFFF_FFFF }

  /// The energy, `scaled`, less the noise.
  public func rest(scaled: UInt64, _ noise: UInt64) -> UInt64 {
    noise > scaled ? 0 : (scaled - noise) >> UInt64(smoothingBits)
  }

  /// What is left of an energy by the noise that it has been taken into.
  public func remainder(_ energy: UInt64, _ noise: UInt64) -> UInt64 {
    max(floor(energy), rest(scaled: scaled(energy), noise))
  }
}
