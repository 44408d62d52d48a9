import Arithmetic
import IntegerProgram

extension Normalization {
  /// Fails where a sum could leave its register.
  func check(_ type: CodeType, count: Int) throws(CertificateError) {
    func fail() -> CertificateError { CertificateError("a normalisation's shapes or constants do not fit") }
    guard rows > 0, depth > 0, rows * depth == count, type.range.contains(Int64(zeroPoint)) else { throw fail() }
    switch kind {
    case .length(let rounding):
      guard depth <= Self.longestRow, type.bits <= 8, rounding != .halfUpShift else { throw fail() }
    case .scores(let scores):
      guard depth <= 1 << 24, type.bits <= 16, scores.run > 0, depth % scores.run == 0, !scores.gains.isEmpty,
        scores.gains.count == scores.offsets.count, (1...62).contains(scores.codeShift),
        (0...60).contains(scores.fractionBits), scores.fractionBits % 2 == 0, (0...30).contains(scores.scoreBits),
        scores.largestSpread >= 0, scores.largestScore >= 0, anyCode(scores, type.range).holds
      else { throw fail() }
    }
  }

  /// The least and the largest code for codes in the given ranges.
  func codes(low: [Int32], high: [Int32]) -> (low: [Int32], high: [Int32]) {
    switch kind {
    case .length(let rounding): codes(low, high, rounding)
    case .scores(let scores): codes(low, high, scores)
    }
  }

  /// x/√(x² + rest) rises with x, and comes closer to 0 as the other elements' squares grow. A code is within 0.8 of
  /// 128 times it: the root is off by at most 2 parts in a million (all 2^29 − 1 sums have been tried), the two
  /// roundings by 3/4 at most. So the code of another x and rest, at which the real number is no larger, is at most one
  /// above.
  private func codes(_ low: [Int32], _ high: [Int32], _ rounding: Rounding) -> (low: [Int32], high: [Int32]) {
    var lows: [Int32] = []
    var highs: [Int32] = []
    let zero = Int64(zeroPoint)
    func squares(_ element: Int) -> ClosedRange<Int64> {
      let (a, b) = (Int64(low[element]) - zero, Int64(high[element]) - zero)
      return (a <= 0 && b >= 0 ? 0 : min(a * a, b * b))...max(a * a, b * b)
    }
    for row in 0..<rows {
      let part = row * depth..<(row + 1) * depth
      let (least, most) = part.reduce((Int64(0), Int64(0))) {
        ($0.0 + squares($1).lowerBound, $0.1 + squares($1).upperBound)
      }
      for element in part {
        let own = squares(element)
        let rest = (least - own.lowerBound, most - own.upperBound)
        let isExact = low[element] == high[element] && rest.0 == rest.1
        func code(_ x: Int32, away: Bool) -> Int32 {
          let sum = Int32((Int64(x) - zero) * (Int64(x) - zero) + (away ? rest.0 : rest.1))
          return self.code(x, InverseSquareRoot(of: sum), rounding: rounding)
        }
        let (a, b) = (low[element], high[element])
        lows.append(max(-128, code(a, away: Int64(a) < zero) - (isExact ? 0 : 1)))
        highs.append(min(127, code(b, away: Int64(b) >= zero) + (isExact ? 0 : 1)))
      }
    }
    return (lows, highs)
  }

  /// An element's score rises with u; with V it comes closer to 0. Both hold of the integers too, since roots and quotients
  /// are rounded to the nearest and shifts keep the order, and a code rises or falls with its score as its gain says. u and V are
  /// bounded alone, but that V is at least u²/(n − 1), for what one element deviates by the others do together.
  private func codes(_ low: [Int32], _ high: [Int32], _ scores: StandardScores) -> (low: [Int32], high: [Int32]) {
    var lows: [Int32] = []
    var highs: [Int32] = []
    let count = Int64(depth)
    func squares(_ range: ClosedRange<Int64>) -> ClosedRange<Int64> {
      let (a, b) = (range.lowerBound * range.lowerBound, range.upperBound * range.upperBound)
      return (range.contains(0) ? 0 : min(a, b))...max(a, b)
    }
    for row in 0..<rows {
      let part = row * depth..<(row + 1) * depth
      let sums = part.reduce((Int64(0), Int64(0))) { ($0.0 + Int64(low[$1]), $0.1 + Int64(high[$1])) }
      // V does not depend on what codes are counted from: around their middle least is lost.
      let middle = scores.isCentred ? (sums.0 + sums.1) / (2 * count) : Int64(zeroPoint)
      var (least, most) = (Int64(0), Int64(0))
      for element in part {
        let own = squares(Int64(low[element]) - middle...Int64(high[element]) - middle)
        least += own.lowerBound
        most += own.upperBound
      }
      (least, most) = (least * count, most * count)
      if scores.isCentred {
        let square = squares(sums.0 - count * middle...sums.1 - count * middle)
        (least, most) = (max(0, least - square.upperBound), max(0, most - square.lowerBound))
      }
      let wide = WideInverseSquareRoot(of: scores.padded(most))
      let common = WideInverseSquareRoot(of: scores.padded(least))
      for element in part {
        let (a, b) = (Int64(low[element]), Int64(high[element]))
        let zero = Int64(zeroPoint)
        let deviations =
          scores.isCentred
          ? count * a - (sums.1 - b + a)...count * b - (sums.0 - a + b) : count * (a - zero)...count * (b - zero)
        let own = scores.isCentred && count > 1 ? squares(deviations).lowerBound / (count - 1) : 0
        let near = own > least ? WideInverseSquareRoot(of: scores.padded(own)) : common
        let (lowest, highest) = (deviations.lowerBound, deviations.upperBound)
        let place = parameter(scores, row: row, element: element - part.lowerBound)
        let ends = [
          scores.score(lowest, lowest < 0 ? near : wide), scores.score(highest, highest < 0 ? wide : near),
        ].map { scores.code(score: $0, gain: scores.gains[place], offset: scores.offsets[place]) }
        lows.append(Int32(min(ends[0], ends[1])))
        highs.append(Int32(max(ends[0], ends[1])))
      }
    }
    return (lows, highs)
  }
}
