import Arithmetic
import IntegerProgram

/// Ranges of a quantised softmax, by its own arithmetic.
///
/// For a fixed maximum and sum, a larger logit never has a smaller code: differences, fixed-point exponentials and the
/// division are monotone. The exponentials' order is looked up; the rest are products and shifts by what is not negative.
/// An interpolated one's are, too: the tables' lines never turn, which is looked up, and where the sum passes a power of two
/// both ends count. A log-softmax's codes are differences less a logarithm, which falls by next to nothing where the sum grows.
package struct SoftmaxBounds: Sendable {
  let softmax: Softmax
  /// The exponential of a difference −d, in the kind's own unit; nil where it counts as nothing.
  let exponentials: [Int64?]

  /// For logits of `type`. Fails where the exponentials are not monotone.
  init(_ softmax: Softmax, logits type: CodeType) throws(CertificateError) {
    self.softmax = softmax
    let widest = Int32(type.range.upperBound - type.range.lowerBound)
    switch softmax.kind {
    case .shares(let scale), .logarithms(let scale):
      exponentials = (0...widest).map {
        -$0 < scale.leastDifference ? nil : Int64(softmaxExponential(-$0, scale))
      }
    case .interpolated(let scale):
      let entries = InterpolatedTable.reciprocal.entries
      guard zip(entries, entries.dropFirst()).allSatisfy({ $0 >= $1 }), entries.allSatisfy({ $0 >= 0 }),
        interpolatedPower(Interval<Int32>(-Int64(widest), 0), scale).holds, softmax.depth < 1 << 16
      else { throw CertificateError("a softmax's reciprocals are not monotone, or its sums leave their register") }
      exponentials = (0...widest).map { Int64(interpolatedExponential(-$0, scale)) }
    case .tabulated(let table):
      exponentials = (0...widest).map { table.exponential($0) }
      let most = Int64(1) << Int64(ExponentialTable.fractionBits)
      guard exponentials[0] == most, table.mantissa >= 1 << 30, table.mantissa < 1 << 31, softmax.depth <= 1 << 12,
        table.code(
          Interval<Int64>(0, most), table.factor(ofSum: Interval<Int64>(most, Int64(softmax.depth) * most))
        ).holds
      else { throw CertificateError("a softmax's table does not fit its arithmetic") }
    }
    var last = Int64.max
    for exponential in exponentials {
      guard exponential ?? 0 <= last, exponential ?? 0 >= 0 else {
        throw CertificateError("a softmax's exponentials are not monotone")
      }
      last = exponential ?? 0
    }
  }

  private func exponential(_ difference: Int32) -> Int64? {
    exponentials[Int(difference)]
  }

  /// The least and the largest code for logits in the given ranges.
  func codes(low: [Int32], high: [Int32]) -> (low: [Int32], high: [Int32]) {
    var lows: [Int32] = []
    var highs: [Int32] = []
    for row in 0..<softmax.rows {
      let part = row * softmax.depth..<(row + 1) * softmax.depth
      let greatest = high[part].max() ?? 0
      let least = low[part].max() ?? 0
      // The maximum lies in least … greatest; each exponential falls as it grows.
      var sumLow: Int64 = 0
      var sumHigh: Int64 = 0
      for element in part {
        sumLow += summand(greatest - min(low[element], greatest))
        sumHigh += summand(max(0, least - high[element]))
      }
      // At least the maximum's own exponential is there.
      sumLow = max(sumLow, summand(0))
      for element in part {
        lows.append(code(difference: greatest - low[element], sums: sumLow...max(sumLow, sumHigh)).low)
        highs.append(code(difference: max(0, least - high[element]), sums: sumLow...max(sumLow, sumHigh)).high)
      }
    }
    return (lows, highs)
  }

  private func summand(_ difference: Int32) -> Int64 {
    guard let exponential = exponential(difference) else { return 0 }
    switch softmax.kind {
    case .shares, .logarithms: return Int64(softmaxSummand(Int32(exponential)))
    case .interpolated, .tabulated: return exponential
    }
  }

  /// The codes of one exponential over a range of sums.
  private func code(difference: Int32, sums: ClosedRange<Int64>) -> (low: Int32, high: Int32) {
    guard let exponential = exponential(difference) else { return (-128, -128) }
    switch softmax.kind {
    case .interpolated:
      return codes(sums) { InterpolatedDivisor(ofSum: Int32($0)).code(Int32(exponential)) }
    case .tabulated(let table):
      return codes(sums) { Int32(table.code(exponential, table.factor(ofSum: $0))) }
    case .logarithms(let scale):
      let power = softmaxPower(-difference, scale)
      let fall = sums.lowerBound == sums.upperBound ? 0 : largestFallOfLogarithm
      let (least, most) = (logarithm(ofSum: Int32(sums.lowerBound)), logarithm(ofSum: Int32(sums.upperBound)))
      return (logSoftmaxCode(power, logarithm: most + fall), logSoftmaxCode(power, logarithm: least - fall))
    case .shares:
      let code = SoftmaxDivisor(ofSum: Interval<Int32>(sums)).code(Interval<Int32>(exponential, exponential))
      guard code.holds else { return (-128, 127) }
      return (Int32(code.low), Int32(code.high))
    }
  }

  /// Codes by sums: between two powers of two sums are shifted by the same number of places, and everything is monotone.
  private func codes(_ sums: ClosedRange<Int64>, _ code: (Int64) -> Int32) -> (low: Int32, high: Int32) {
    var (low, high) = (Int32.max, Int32.min)
    var first = max(sums.lowerBound, 1)
    while first <= sums.upperBound {
      let last = min(sums.upperBound, 1 << Int64(64 - first.leadingZeroBitCount) - 1)
      for sum in [first, last] {
        let code = code(sum)
        (low, high) = (min(low, code), max(high, code))
      }
      first = last + 1
    }
    return (low, high)
  }

  /// The largest d for which, at some sum of a row, a logit d below the maximum gets the maximum's own code: by how much
  /// logits may differ where the codes tie.
  func largestTie() -> Int32 {
    if case .logarithms(let scale) = softmax.kind {
      // What rounds to the same code is no more than one code apart, and the maximum's own is never the lowest.
      let tied = exponentials.indices.last { difference in
        exponentials[difference] != nil && softmaxPower(-Int32(difference), scale) >= -(1 << 22)
      }
      return Int32(tied ?? 0)
    }
    let sums = summand(0)...summand(0) * Int64(softmax.depth)
    // A tie at d is one at every smaller d, since codes fall with d.
    var (low, high): (Int32, Int32) = (0, Int32(exponentials.count))
    while high - low > 1 {
      let middle = (low + high) / 2
      if mayTie(middle, sums) { low = middle } else { high = middle }
    }
    return low
  }

  private func mayTie(_ difference: Int32, _ sums: ClosedRange<Int64>) -> Bool {
    guard exponential(difference) != nil else {
      // The lowest code: the maximum's own is above it where its share rounds to 1/256 or more.
      return code(difference: 0, sums: sums).low <= -128
    }
    var open = [sums]
    while let part = open.popLast() {
      if code(difference: difference, sums: part).high < code(difference: 0, sums: part).low { continue }
      // Undecided: halve; at single sums the codes are exact.
      if part.lowerBound == part.upperBound || open.count > 64 { return true }
      let middle = (part.lowerBound + part.upperBound) / 2
      open.append(middle + 1...part.upperBound)
      open.append(part.lowerBound...middle)
    }
    return false
  }
}
