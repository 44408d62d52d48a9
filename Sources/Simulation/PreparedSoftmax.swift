import Arithmetic
import IntegerProgram

/// A softmax in fixed point with the exponentials of all differences of codes in a table, where 8-bit codes allow it.
struct PreparedSoftmax: PreparedStep {
  private let softmax: Softmax
  private let scale: SoftmaxScale
  private let from, to: Place
  /// The exponential of −0, −1 … and its part of a row's sum, for the differences that count.
  private let exponentials, summands: [Int32]

  init(_ softmax: Softmax, _ scale: SoftmaxScale, from: Place, to: Place) {
    self.softmax = softmax
    self.scale = scale
    self.from = from
    self.to = to
    let widest = from.storage.isWide ? 0 : min(255, -Int(scale.leastDifference))
    exponentials = (0...max(0, widest)).map { softmaxExponential(-Int32($0), scale) }
    summands = exponentials.map { softmaxSummand($0) }
  }

  func run(in memory: UnsafeMutableRawPointer) {
    for row in 0..<softmax.rows {
      let elements = row * softmax.depth..<(row + 1) * softmax.depth
      var maximum = Int32.min
      for index in elements { maximum = max(maximum, from.code(index, in: memory)) }
      if softmax.isInterpolated {
        let exponentials = elements.map { interpolatedExponential(from.code($0, in: memory) &- maximum, scale) }
        let divisor = InterpolatedDivisor(ofSum: exponentials.reduce(0, &+))
        for (index, exponential) in zip(elements, exponentials) {
          to.store(divisor.code(exponential), at: index, in: memory)
        }
        continue
      }
      var sum: Int32 = 0
      for index in elements {
        if let share = exponential(from.code(index, in: memory) &- maximum) { sum &+= share.summand }
      }
      if softmax.isLogarithmic {
        let logarithm = logarithm(ofSum: sum)
        for index in elements {
          let difference = from.code(index, in: memory) &- maximum
          let isCounted = difference >= scale.leastDifference
          to.store(
            isCounted ? logSoftmaxCode(softmaxPower(difference, scale), logarithm: logarithm) : -128, at: index,
            in: memory)
        }
        continue
      }
      let divisor = SoftmaxDivisor(ofSum: sum)
      for index in elements {
        let share = exponential(from.code(index, in: memory) &- maximum)
        to.store(share.map { divisor.code($0.exponential) } ?? -128, at: index, in: memory)
      }
    }
  }

  /// Of a difference from the row's maximum; nil where it counts as e^−∞.
  private func exponential(_ difference: Int32) -> (exponential: Int32, summand: Int32)? {
    if difference < scale.leastDifference { return nil }
    let index = -Int(difference)
    if index < exponentials.count { return (exponentials[index], summands[index]) }
    let exponential = softmaxExponential(difference, scale)
    return (exponential, softmaxSummand(exponential))
  }
}

/// A softmax whose exponentials are its own table.
struct PreparedTabulatedSoftmax: PreparedStep {
  let softmax: Softmax
  let table: ExponentialTable
  let from, to: Place

  func run(in memory: UnsafeMutableRawPointer) {
    for row in 0..<softmax.rows {
      let elements = row * softmax.depth..<(row + 1) * softmax.depth
      var maximum = Int32.min
      for index in elements { maximum = max(maximum, from.code(index, in: memory)) }
      var sum: Int64 = 0
      for index in elements { sum &+= table.exponential(maximum &- from.code(index, in: memory)) }
      let factor = table.factor(ofSum: sum)
      for index in elements {
        let code = table.code(table.exponential(maximum &- from.code(index, in: memory)), factor)
        to.store(Int32(truncatingIfNeeded: code), at: index, in: memory)
      }
    }
  }
}
