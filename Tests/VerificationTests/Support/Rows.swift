import IntegerProgram

/// Constants of softmaxes and normalisations that real numbers define, a set for each seed.
enum Rows {
  static func table(_ seed: Int) -> ExponentialTable {
    // e to the power of −1/8, −1/4, −1/2 and −1, and halves from there on.
    let first: [Double] = [0.8825, 0.7788, 0.6065, 0.3679]
    let entries = (0...60 + 90 * (seed % 3)).map { distance -> Int64 in
      var power = 1.0
      for _ in 0..<distance { power *= first[seed % 4] }
      return Int64(power * 0x1p40)
    }
    return ExponentialTable(
      entries: entries.filter { $0 > 0 }, mantissa: 1 << 30 + Int64(seed % 5) << 27, exponent: -23 - seed % 2,
      zeroPoint: Int32(-128 + seed % 4), codes: -128...127)
  }

  static func scores(_ seed: Int, depth: Int, range: ClosedRange<Int64>) -> StandardScores {
    let reach = Int64(depth) * (range.upperBound - range.lowerBound + 6)
    let numbers = (0..<depth).map { Int64(($0 * 37 + seed * 11) % 64 - 16) }
    return StandardScores(
      isCentred: seed % 5 != 0, epsilon: Int64(seed % 4) << 18, fractionBits: 20, largestSpread: reach * reach / 2,
      scoreBits: 26, largestScore: 16 << 26, gains: numbers.map { $0 << 20 }, offsets: numbers.map { $0 << 43 }, run: 1,
      codeShift: 45, zeroPoint: Int32(seed % 9), codes: -128...127)
  }
}
