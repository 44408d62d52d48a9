import Arithmetic
import IntegerProgram

/// A monotone function from accumulators to codes, as the accumulators at which it steps up: any requantisation,
/// whatever its rounding, with its saturation.
///
/// Built by evaluating the program's own arithmetic, so it is that arithmetic and no model of it.
package struct Staircase: Sendable {
  /// The lowest code, and the highest.
  package let lowest, highest: Int32
  /// For each code above `lowest`, the least accumulator that reaches it.
  private let thresholds: [Int32]
  /// Whether all steps between the first and the last are equally long: then only the outermost count.
  private let isUniform: Bool
  private let code: @Sendable (Int32) -> Int32
  /// Whether each accumulator from `floor` on is its own code, and each below it `floor`: then no threshold need be kept.
  let isIdentity: Bool
  let floor: Int32

  /// The staircase of `code`, which must not fall anywhere in `range`. Fails where it does at its steps.
  init(over range: ClosedRange<Int32>, code: @escaping @Sendable (Int32) -> Int32) throws(CertificateError) {
    self.code = code
    isIdentity = false
    floor = .min
    lowest = code(range.lowerBound)
    highest = code(range.upperBound)
    guard lowest <= highest else { throw CertificateError("a requantisation falls where it must rise") }
    var thresholds: [Int32] = []
    thresholds.reserveCapacity(Int(highest - lowest))
    var start = Int64(range.lowerBound)
    var stride: Int64 = 1
    while lowest + Int32(thresholds.count) < highest {
      let next = lowest + Int32(thresholds.count) + 1
      // A code that is jumped over shares the threshold of the next.
      if code(Int32(start)) >= next {
        thresholds.append(Int32(start))
        continue
      }
      // Steps are about equally long: look around the next one's place, then halve.
      var below = start
      var above = min(start + stride, Int64(range.upperBound))
      while code(Int32(above)) < next {
        below = above
        stride *= 2
        above = min(above + stride, Int64(range.upperBound))
      }
      while above - below > 1 {
        let middle = (below + above) >> 1
        if code(Int32(middle)) < next { below = middle } else { above = middle }
      }
      stride = max(1, above - start)
      start = above
      thresholds.append(Int32(above))
    }
    self.thresholds = thresholds
    isUniform =
      thresholds.count > 3
      && thresholds.indices.dropFirst().allSatisfy {
        Int64(thresholds[$0]) - Int64(thresholds[$0 - 1]) == Int64(thresholds[1]) - Int64(thresholds[0])
      }
  }

  /// The staircase of accumulators that are codes, where they are not below `floor`, which is the code then.
  init(identityOver range: ClosedRange<Int32>, from floor: Int32 = .min) {
    (lowest, highest) = (max(range.lowerBound, floor), max(range.upperBound, floor))
    thresholds = []
    isUniform = true
    isIdentity = true
    self.floor = floor
    code = { max($0, floor) }
  }

  package func callAsFunction(_ accumulator: Int32) -> Int32 { code(accumulator) }

  /// The least accumulator whose code is `level` or more; `Int64.min` below the lowest, `Int64.max` above the highest.
  @inline(__always) package func first(reaching level: Int32) -> Int64 {
    if level <= lowest { return .min }
    if level > highest { return .max }
    if isIdentity { return Int64(level) }
    return Int64(thresholds[Int(level - lowest) - 1])
  }

  /// The maximum of `price · code(a) − slope · a` over accumulators `low … high` whose codes lie in
  /// `lowestCode … highestCode`. Exact, by the corners of the staircase. Magnitudes: price below 2^44, of accumulators that are codes
  /// below 2^29; slope below 2^30.
  package func maximum(
    price: Int64, slope: Int64, low: Int32, high: Int32, lowestCode: Int32, highestCode: Int32
  ) -> Int64 {
    let (low, high) = (Int64(low), Int64(high))
    if isIdentity {
      // Codes at the floor are those of all accumulators below it, too.
      let floor = Int64(self.floor)
      let least = lowestCode > self.floor ? max(low, Int64(lowestCode)) : low
      let most = min(high, max(Int64(highestCode), floor))
      func value(_ a: Int64) -> Int64 { price &* max(a, floor) &- slope &* a }
      let ends = max(value(least), value(most))
      return least < floor && floor < most ? max(ends, value(floor)) : ends
    }
    if slope == 0 { return price &* Int64(price > 0 ? highestCode : lowestCode) }
    @inline(__always) func value(_ level: Int32) -> Int64 {
      // Within a level the code is the same: the end that the slope favours.
      let a = slope > 0 ? max(low, first(reaching: level)) : min(high, first(reaching: level &+ 1) &- 1)
      return price &* Int64(level) &- slope &* a
    }
    var best = max(value(lowestCode), value(highestCode))
    guard highestCode &- lowestCode > 1 else { return best }
    if price > 0 ? slope < 0 : slope > 0 {
      // Both parts favour one end.
      return best
    }
    if isUniform {
      // Linear from one inner level to the next.
      best = max(best, max(value(lowestCode &+ 1), value(highestCode &- 1)))
    } else {
      var level = lowestCode &+ 1
      while level < highestCode {
        best = max(best, value(level))
        level &+= 1
      }
    }
    return best
  }
}
