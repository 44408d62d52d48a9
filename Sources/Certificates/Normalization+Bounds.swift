import Arithmetic
import IntegerProgram

extension Normalization {
  /// Fails where a sum of squares could leave what the root takes.
  func check(_ type: CodeType, count: Int) throws(CertificateError) {
    guard rows > 0, depth > 0, depth <= Self.longestRow, rows * depth == count, type.bits <= 8,
      type.range.contains(Int64(zeroPoint)), rounding != .halfUpShift
    else { throw CertificateError("a normalisation's shapes do not fit") }
  }

  /// The least and the largest code for codes in the given ranges.
  ///
  /// x/√(x² + rest) rises with x, and comes closer to 0 as the other elements' squares grow. A code is within 0.8 of
  /// 128 times it: the root is off by at most 2 parts in a million (all 2^29 − 1 sums have been tried), the two
  /// roundings by 3/4 at most. So the code of another x and rest, at which the real number is no larger, is at most one
  /// above.
  func codes(low: [Int32], high: [Int32]) -> (low: [Int32], high: [Int32]) {
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
          return self.code(x, InverseSquareRoot(of: sum))
        }
        let (a, b) = (low[element], high[element])
        lows.append(max(-128, code(a, away: Int64(a) < zero) - (isExact ? 0 : 1)))
        highs.append(min(127, code(b, away: Int64(b) >= zero) + (isExact ? 0 : 1)))
      }
    }
    return (lows, highs)
  }
}
