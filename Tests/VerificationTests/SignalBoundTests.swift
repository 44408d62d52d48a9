import DifferentialTesting
import IntegerProgram
import Network
import Testing

@testable import Certificates

/// The ranges of what stands between samples and features, against codes inside their operands' ranges.
@Suite struct SignalBoundTests {
  private static let subtraction = SpectralSubtraction(
    smoothing: [410, 983], oneMinusSmoothing: [15_974, 15_401], least: 819, smoothingBits: 10, bits: 14,
    isClamped: false)

  /// Steps, and how many words or codes their operands have.
  private static func steps() throws -> [(signal: Signal, counts: [Int])] {
    var clamped = subtraction
    clamped.isClamped = true
    // Words that wrap around: shares of more than the whole, estimates of coarse units.
    var (wrapping, wide) = (subtraction, subtraction)
    (wrapping.least, wrapping.bits, wrapping.smoothingBits) = (9_000, 13, 0)
    (wide.least, wide.bits, wide.smoothingBits) = (1 << 16, 3, 12)
    let bank = Signal.FilterBank(
      bins: [0..<2, 1..<4, 4..<4, 2..<5], weights: [4096, 0, 7, 32_767, 1, 9, 8, 7],
      nextWeights: [0, 4096, 32_767, 3, 2, 1, 0, 5])
    let gains = (0..<125).map { Int16(truncatingIfNeeded: 20_000 - 150 * $0) }
    // Parabolas that pass int16, too.
    let steep = (0..<125).map { Int16(truncatingIfNeeded: $0 * 9_973) }
    return [
      (.room, [4]), (.shifted, [4, 1]), (.energy(1..<3), [8]), (.filterBank(bank), [6]), (.root, [3, 1]),
      (.noise(subtraction), [4, 4]), (.noise(clamped), [4, 4]), (.remainder(subtraction), [4, 4]),
      (.remainder(wrapping), [4, 4]), (.remainder(wide), [4, 4]), (.noise(wide), [4, 4]),
      (.gain(table: gains, shift: 6), [4, 4]), (.gain(table: steep, shift: 0), [4, 4]),
      (.logarithm(scale: 64, correctionBits: 3), [4]), (.logarithm(scale: 1600, correctionBits: 0), [4]),
      (.spectrum(try #require(FourierTransform(length: 16))), [16]),
      (.spectrum(try #require(FourierTransform(length: 8))), [5]),
      (.samples(try #require(FourierTransform(length: 16, isInverse: true))), [18]),
      (.samples(try #require(FourierTransform(length: 4, isInverse: true))), [6]),
    ]
  }

  /// A word of up to so many bits, small ones as often as large ones.
  private func word(bits: Int, _ random: inout SeededGenerator) -> UInt64 {
    let size = random.integer(in: 0...bits)
    return (0..<size).reduce(0) { word, _ in word << 1 | UInt64(random.integer(in: 0...1)) }
  }

  /// Two operands' worth of codes between which others are drawn.
  private func ends(_ codes: Int, count: Int, isRoom: Bool, _ random: inout SeededGenerator) -> (
    low: [UInt64], high: [UInt64]
  ) {
    var (lows, highs): ([UInt64], [UInt64]) = ([], [])
    let isExact = random.chance(0.1)
    for _ in 0..<count {
      if codes == 1 {
        let size = Int(word(bits: 15, &random))
        let low = isRoom ? random.integer(in: 0...15) : random.chance(0.5) ? size : -1 - size
        let width = isExact ? 0 : random.element(of: [0, 1, 40, 3_000])
        let high = min(low + random.integer(in: 0...width), isRoom ? 15 : 32_767)
        lows.append(UInt64(bitPattern: Int64(low)))
        highs.append(UInt64(bitPattern: Int64(high)))
      } else {
        let bits = 16 * codes - (codes == 4 ? 2 : 0)
        let low = word(bits: bits, &random)
        let width = isExact ? 0 : word(bits: bits - 1, &random)
        lows.append(low)
        highs.append(min(low &+ width, (1 << UInt64(bits)) - 1))
      }
    }
    return (lows, highs)
  }

  @Test func `codes of signals lie in their ranges, and those of single operands are exact`() throws {
    var random = SeededGenerator(seed: 11)
    for (signal, counts) in try Self.steps() {
      var narrowed = 0
      for _ in 0..<150 {
        var (low, high): ([[Int32]], [[Int32]]) = ([], [])
        var words: [(low: [UInt64], high: [UInt64])] = []
        for (place, count) in counts.enumerated() {
          let codes = signal.operandCodes[place]
          let isRoom = place == 1 && codes == 1
          let pair = ends(codes, count: count, isRoom: isRoom, &random)
          words.append(pair)
          // The ranges of words' codes: all, below the first that differs.
          var (lows, highs): ([Int32], [Int32]) = ([], [])
          for (a, b) in zip(pair.low, pair.high) {
            if codes == 1 {
              lows.append(Int32(Int64(bitPattern: a)))
              highs.append(Int32(Int64(bitPattern: b)))
              continue
            }
            for limb in 0..<codes {
              let isShared = limb == codes - 1 || a >> UInt64(16 * limb + 16) == b >> UInt64(16 * limb + 16)
              lows.append(isShared ? Int32(a >> UInt64(16 * limb) & 0xFFFF) : 0)
              highs.append(isShared ? Int32(b >> UInt64(16 * limb) & 0xFFFF) : 0xFFFF)
            }
          }
          low.append(lows)
          high.append(highs)
        }
        let ranges = signal.codes(low: low, high: high)
        #expect(ranges.low.count == signal.outputCount(of: low[0].count))
        for _ in 0..<12 {
          let operands = words.enumerated().map { place, pair in
            let codes = signal.operandCodes[place]
            let drawn = zip(pair.low, pair.high).map { a, b -> UInt64 in
              switch random.integer(in: 0...3) {
              case 0: a
              case 1: b
              default:
                codes == 1
                  ? UInt64(bitPattern: Int64(random.integer(in: Int(Int64(bitPattern: a))...Int(Int64(bitPattern: b)))))
                  : a + word(bits: 62, &random) % (b - a + 1)
              }
            }
            return codes == 1 ? drawn.map { Int32(Int64(bitPattern: $0)) } : Signal.codes(ofWords: drawn, codes: codes)
          }
          let codes = signal.codes(operands)
          for element in codes.indices {
            #expect(
              ranges.low[element] <= codes[element] && codes[element] <= ranges.high[element],
              "\(signal), element \(element): \(codes[element]) of \(operands)")
          }
          if low == high { #expect(ranges.low == codes && ranges.high == codes) }
        }
        if zip(ranges.low, ranges.high).contains(where: {
          Int64($0) > signal.outputRange.lowerBound || Int64($1) < signal.outputRange.upperBound
        }) {
          narrowed += 1
        }
      }
      #expect(narrowed > 20, "\(signal) says nothing")
    }
  }

  @Test func `a signal whose shapes or tables do not fit is refused`() throws {
    func value(_ count: Int, _ type: CodeType) -> Value {
      Value(name: "x", tensor: nil, shape: [count], type: type, scale: 1, zeroPoint: 0)
    }
    let (limb, code) = (CodeType(bits: 16, isSigned: false), CodeType(bits: 16, isSigned: true))
    let transform = try #require(FourierTransform(length: 8))
    #expect(FourierTransform(length: 12) == nil && FourierTransform(length: 2) == nil)
    try Signal.spectrum(transform).check([value(8, code)], value(10, code))
    try Signal.energy(0..<3).check([value(6, code)], value(6, limb))
    let inverse = try #require(FourierTransform(length: 8, isInverse: true))
    try Signal.samples(inverse).check([value(10, code)], value(8, code))
    let faults: [(Signal, [Value], Value)] = [
      (.spectrum(transform), [value(9, code)], value(10, code)),
      (.spectrum(inverse), [value(8, code)], value(10, code)), (.samples(transform), [value(10, code)], value(8, code)),
      (.samples(inverse), [value(8, code)], value(8, code)), (.samples(inverse), [value(10, limb)], value(8, code)),
      (.samples(inverse), [value(10, code)], value(10, code)),
      (.spectrum(transform), [value(8, limb)], value(10, code)),
      (.spectrum(transform), [value(8, code)], value(9, code)), (.energy(0..<4), [value(6, code)], value(6, limb)),
      (.energy(0..<3), [value(7, code)], value(7, limb)),
      (.logarithm(scale: 64, correctionBits: 0), [value(4, code)], value(2, code)),
      (.logarithm(scale: 1 << 20, correctionBits: 0), [value(4, limb)], value(2, code)),
      (.gain(table: [1, 2, 3], shift: 0), [value(4, limb), value(4, limb)], value(4, limb)),
      (.noise(Self.subtraction), [value(4, limb), value(2, limb)], value(4, limb)),
      (
        .filterBank(Signal.FilterBank(bins: [0..<1, 0..<3], weights: [1, 1, 1, 1], nextWeights: [1, 1, 1, 1])),
        [value(4, limb)], value(4, limb)
      ),
      (
        .filterBank(Signal.FilterBank(bins: [0..<1, 0..<1], weights: [1, -1], nextWeights: [1, 1])), [value(4, limb)],
        value(4, limb)
      ),
    ]
    for (signal, operands, output) in faults {
      #expect(throws: CertificateError.self, "\(signal)") { try signal.check(operands, output) }
    }
  }
}
