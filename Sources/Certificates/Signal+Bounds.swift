import Arithmetic
import IntegerProgram
import Network

extension Signal {
  /// Fails where a step's shapes or tables do not fit, or a word could pass its width.
  func check(_ operands: [Value], _ output: Value) throws(CertificateError) {
    guard operands.count == operandCodes.count, let count = operands.first?.count, count > 0,
      zip(operands, operandCodes).allSatisfy({ $0.count % $1 == 0 && ($1 == 1 || $0.type == Self.limb) }),
      output.count == outputCount(of: count), output.type == outputType
    else { throw CertificateError("a signal's shapes do not fit") }
    let fits: Bool
    switch self {
    case .room: fits = true
    case .shifted: fits = operands[1].count == 1 && operands[1].type == Self.room.outputType
    case .spectrum(let transform):
      fits =
        count <= transform.length && !transform.isInverse && operands[0].type == CodeType(bits: 16, isSigned: true)
    case .samples(let transform):
      fits =
        count == transform.length + 2 && transform.isInverse
        && operands[0].type == CodeType(bits: 16, isSigned: true)
    case .energy(let bins): fits = count % 2 == 0 && bins.lowerBound >= 0 && bins.upperBound <= count / 2
    case .filterBank(let bank):
      // Of no more bins than there are codes; so the sums of weights of 15 bits and words of 32 stay below 64.
      let width = bank.bins.reduce(0) { $0 + $1.count }
      fits =
        !bank.bins.isEmpty && bank.bins.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= count / 2 }
        && width < 1 << 16
        && bank.weights.count == width && bank.nextWeights.count == width
        && (bank.weights + bank.nextWeights).allSatisfy { $0 >= 0 }
    case .root: fits = operands[1].count == 1 && operands[1].type == Self.room.outputType
    case .noise(let subtraction), .remainder(let subtraction):
      fits = operands[1].count == count && subtraction.isBounded
    case .gain(let table, let shift):
      fits = operands[1].count == count && table.count == pieceCount && (0..<32).contains(shift)
    case .logarithm(let scale, let bits):
      fits = (0...1 << 20).contains(scale) && (0..<32).contains(bits) && Self.logarithmFits(scale: scale)
    }
    guard fits else { throw CertificateError("a signal's tables or operands do not fit") }
  }

  private static let limb = CodeType(bits: 16, isSigned: false)

  /// The least and the largest codes for operands' codes in the given ranges.
  func codes(low: [[Int32]], high: [[Int32]]) -> (low: [Int32], high: [Int32]) {
    if low == high {
      let codes = codes(low)
      return (codes, codes)
    }
    switch self {
    case .room: return room(low[0], high[0])
    case .shifted: return shifted(low, high)
    case .spectrum(let transform):
      let samples = zip(low[0], high[0]).map { Interval<Int32>(Int64($0), Int64($1)) }
      return ends(transform.spectrum(samples))
    case .samples(let transform):
      return ends(transform.samples(zip(low[0], high[0]).map { Interval<Int32>(Int64($0), Int64($1)) }))
    case .energy(let bins): return Self.limbs(energies(bins, low[0], high[0]), outputCodes)
    default:
      let words = zip(zip(low, high), operandCodes).map { ends, codes in
        zip(Self.words(ends.0, codes: codes), Self.words(ends.1, codes: codes)).map { $0...$1 }
      }
      return Self.limbs(self.words(words), outputCodes)
    }
  }

  private func ends(_ intervals: [Interval<Int32>]) -> (low: [Int32], high: [Int32]) {
    let codes = intervals.map { $0.holds ? $0.range : outputRange }
    return (codes.map { Int32($0.lowerBound) }, codes.map { Int32($0.upperBound) })
  }

  private func room(_ low: [Int32], _ high: [Int32]) -> (low: [Int32], high: [Int32]) {
    // The magnitude of −32768 begins the search again.
    if low.contains(where: { $0 <= -32_768 }) { return ([0], [15]) }
    let least = zip(low, high).map { $0 <= 0 && $1 >= 0 ? 0 : min(abs($0), abs($1)) }.max() ?? 0
    let most = zip(low, high).map { max(abs($0), abs($1)) }.max() ?? 0
    // Nothing but zeros has no room at all, and the quietest of other samples the most.
    let highest = most == 0 ? 0 : Self.room(ofLargest: max(least, 1))
    return ([least == 0 ? 0 : Int32(Self.room(ofLargest: most))], [Int32(highest)])
  }

  private func shifted(_ low: [[Int32]], _ high: [[Int32]]) -> (low: [Int32], high: [Int32]) {
    let (fewest, most) = (low[1][0], high[1][0])
    var (lows, highs): ([Int32], [Int32]) = ([], [])
    for (a, b) in zip(low[0], high[0]) {
      let (least, largest) = (min(a << fewest, a << most), max(b << fewest, b << most))
      let fits = least >= -32_768 && largest <= 32_767
      lows.append(fits ? least : -32_768)
      highs.append(fits ? largest : 32_767)
    }
    return (lows, highs)
  }

  private func energies(_ bins: Range<Int>, _ low: [Int32], _ high: [Int32]) -> [ClosedRange<UInt64>] {
    func square(_ place: Int) -> ClosedRange<Int64> {
      let (a, b) = (Int64(low[place]), Int64(high[place]))
      return (a <= 0 && b >= 0 ? 0 : min(a * a, b * b))...max(a * a, b * b)
    }
    return (0..<low.count / 2).map { bin in
      guard bins.contains(bin) else { return 0...0 }
      let (real, imaginary) = (square(2 * bin), square(2 * bin + 1))
      return UInt64(real.lowerBound + imaginary.lowerBound)...UInt64(real.upperBound + imaginary.upperBound)
    }
  }

  /// The ranges of words by the operands'. All are monotone but where 32 bits wrap around and where it is said.
  private func words(_ operands: [[ClosedRange<UInt64>]]) -> [ClosedRange<UInt64>] {
    func ends(_ transform: (UInt64, Int) -> UInt64) -> [ClosedRange<UInt64>] {
      operands[0].enumerated().map { transform($1.lowerBound, $0)...transform($1.upperBound, $0) }
    }
    switch self {
    case .room, .shifted, .spectrum, .samples, .energy: return []
    case .filterBank(let bank):
      return zip(bank.sums(operands[0].map(\.lowerBound)), bank.sums(operands[0].map(\.upperBound))).map { $0...$1 }
    case .root:
      let bits = operands[1][0]
      return operands[0].map {
        roundedRoot($0.lowerBound) >> bits.upperBound...roundedRoot($0.upperBound) >> bits.lowerBound
      }
    case .noise(let subtraction):
      return zip(operands[0], operands[1]).enumerated().map { subtraction.noise($1.0, $1.1, channel: $0) }
    case .remainder(let subtraction): return zip(operands[0], operands[1]).map { subtraction.remainder($0, $1) }
    case .gain(let table, let shift):
      return zip(operands[0], operands[1]).map { Self.gained($0, noise: $1, table, shift: shift) }
    case .logarithm(let scale, let bits):
      return operands[0].map { Self.logarithms($0, scale: scale, correctionBits: bits) }
    }
  }

  private static func gained(
    _ word: ClosedRange<UInt64>, noise: ClosedRange<UInt64>, _ table: [Int16], shift: Int
  ) -> ClosedRange<UInt64> {
    let all: ClosedRange<UInt64> = 0...UInt64(compressed(ratio: .max))
    var gain: ClosedRange<Int64>?
    for bits in 2...32 {
      // The words of a piece; those up to 2 have entries of their own.
      let (first, last): (UInt64, UInt64) = bits == 2 ? (0, 2) : (1 << UInt64(bits - 1), (1 << UInt64(bits)) - 1)
      let (a, b) = (max(first, noise.lowerBound), min(last, noise.upperBound))
      guard a <= b else { continue }
      guard bits > 2 else {
        for word in a...b { gain = union(gain, Int64(table[Int(word)])...Int64(table[Int(word)])) }
        continue
      }
      gain = union(gain, pieces(UInt32(a)...UInt32(b), bits, table))
    }
    // 3 has two bits, and is the last of its piece.
    if noise.contains(3) { gain = union(gain, pieces(3...3, 2, table)) }
    guard let gain, gain.lowerBound >= 0, gain.upperBound <= Int64(Int16.max) else { return all }
    let (low, high) = (word.lowerBound * UInt64(gain.lowerBound), word.upperBound * UInt64(gain.upperBound))
    guard high >> UInt64(shift) <= UInt64(UInt32.max) else { return all }
    return Self.gained(low, by: 1, shift: shift)...Self.gained(high, by: 1, shift: shift)
  }

  /// A range that holds the parabola's values on words with so many bits.
  private static func pieces(_ words: ClosedRange<UInt32>, _ bits: Int, _ table: [Int16]) -> ClosedRange<Int64> {
    func way(_ word: UInt32) -> Int64 {
      Int64((bits < 11 ? word << UInt32(11 - bits) : word >> UInt32(bits - 11)) & 0x3FF)
    }
    let first = 4 * bits - 6
    let ways = Interval<Int64>(way(words.lowerBound), way(words.upperBound))
    let slope =
      ((Interval(Int64(table[first + 2]), Int64(table[first + 2])) *% ways) >>% 5)
      +% Interval<Int64>(Int64(table[first + 1]) << 5, Int64(table[first + 1]) << 5)
    let height =
      ((slope *% ways +% Interval(1 << 14, 1 << 14)) >>% 15) +% Interval(Int64(table[first]), Int64(table[first]))
    return height.range
  }

  private static func logarithms(_ word: ClosedRange<UInt64>, scale: Int, correctionBits: Int) -> ClosedRange<UInt64> {
    func value(_ corrected: UInt32) -> UInt64 { logarithm(UInt64(corrected), scale: scale, correctionBits: 0) }
    guard let low = UInt32(exactly: word.lowerBound << UInt64(correctionBits)),
      let high = UInt32(exactly: word.upperBound << UInt64(correctionBits))
    else { return 0...32_767 }
    var range = value(low)...value(low)
    range = min(range.lowerBound, value(high))...max(range.upperBound, value(high))
    for segment in logarithmSegments where segment.upperBound >= low && segment.lowerBound <= high {
      let (a, b) = (value(max(segment.lowerBound, low)), value(min(segment.upperBound, high)))
      range = min(range.lowerBound, a)...max(range.upperBound, b)
    }
    return range
  }

  /// The ranges of words' codes, the lowest first: above a code that differs, all codes are possible.
  private static func limbs(_ words: [ClosedRange<UInt64>], _ count: Int) -> (low: [Int32], high: [Int32]) {
    if count == 1 { return (words.map { Int32($0.lowerBound) }, words.map { Int32($0.upperBound) }) }
    var (lows, highs): ([Int32], [Int32]) = ([], [])
    for word in words {
      for limb in 0..<count {
        let bits = UInt64(16 * limb)
        let (low, high) = (word.lowerBound >> bits, word.upperBound >> bits)
        let isShared = low >> 16 == high >> 16
        lows.append(isShared ? Int32(low & 0xFFFF) : 0)
        highs.append(isShared ? Int32(high & 0xFFFF) : 0xFFFF)
      }
    }
    return (lows, highs)
  }
}

private func union(_ a: ClosedRange<Int64>?, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
  a.map { min($0.lowerBound, b.lowerBound)...max($0.upperBound, b.upperBound) } ?? b
}

extension SpectralSubtraction {
  private static let words: ClosedRange<UInt64> = 0...UInt64(UInt32.max)

  /// Whether no word can pass 64 bits.
  fileprivate var isBounded: Bool {
    let shares = 0...1 << 16
    return smoothing.count == 2 && oneMinusSmoothing.count == 2
      && (smoothing + oneMinusSmoothing + [least]).allSatisfy(shares.contains) && (0..<32).contains(smoothingBits)
      && (0..<32).contains(bits)
  }

  /// An energy's range in the estimate's units; any word where 32 bits wrap around.
  private func scaled(_ energy: ClosedRange<UInt64>) -> ClosedRange<UInt64> {
    energy.upperBound << UInt64(smoothingBits) <= Self.words.upperBound
      ? scaled(energy.lowerBound)...scaled(energy.upperBound) : Self.words
  }

  fileprivate func noise(
    _ energy: ClosedRange<UInt64>, _ noise: ClosedRange<UInt64>, channel: Int
  ) -> ClosedRange<UInt64> {
    let scaled = scaled(energy)
    let low = estimate(scaled: scaled.lowerBound, noise.lowerBound, channel: channel)
    let high = estimate(scaled: scaled.upperBound, noise.upperBound, channel: channel)
    let estimate = high <= Self.words.upperBound ? low...high : Self.words
    guard isClamped else { return estimate }
    return min(estimate.lowerBound, scaled.lowerBound)...min(estimate.upperBound, scaled.upperBound)
  }

  fileprivate func remainder(_ energy: ClosedRange<UInt64>, _ noise: ClosedRange<UInt64>) -> ClosedRange<UInt64> {
    let scaled = scaled(energy)
    let floors =
      share(energy.upperBound) <= Self.words.upperBound
      ? floor(energy.lowerBound)...floor(energy.upperBound) : Self.words
    return max(
      floors.lowerBound, rest(scaled: scaled.lowerBound, noise.upperBound))...max(
        floors.upperBound, rest(scaled: scaled.upperBound, noise.lowerBound))
  }
}
