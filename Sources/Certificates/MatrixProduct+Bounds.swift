import IntegerProgram

/// The elements of both operands that an output's first product reads.
package struct ProductStart: Sendable {
  package var left, right: Int32
}

extension BoundedStep {
  /// Where each output of a product starts. Fails where it would read past an operand's end, or where its numbers are
  /// too large for 64 bits.
  static func starts(
    of product: MatrixProduct, _ program: IntegerProgram, _ step: Step
  ) throws(CertificateError) -> [ProductStart] {
    let most = Int64(1) << 20
    guard product.outputCount == program.values[step.output].count, product.depth >= 1, product.depth < most,
      product.left.zeroPoint.magnitude < most, product.right.zeroPoint.magnitude < most
    else { throw CertificateError("a product's shapes do not fit") }
    let starts = product.outputStarts
    for (operand, value, places) in [
      (product.left, step.inputs[0], starts.map(\.left)), (product.right, step.inputs[1], starts.map(\.right)),
    ] {
      let reach = (product.depth - 1) * operand.depthStride
      guard let first = places.min(), let last = places.max(), min(first, first + reach) >= 0,
        max(last, last + reach) < program.values[value].count
      else { throw CertificateError("a product passes its operand's end") }
    }
    return starts.map { ProductStart(left: Int32($0.left), right: Int32($0.right)) }
  }
}

extension MatrixProduct {
  /// The ranges of the sums: each product is largest and smallest at the corners of its factors' ranges, and products
  /// count as independent of each other. Fails where a sum or a part of it could leave its register.
  func accumulators<Sum: FixedWidthInteger>(
    _ starts: [ProductStart], left: (low: [Int32], high: [Int32]), right: (low: [Int32], high: [Int32]),
    in register: Sum.Type = Int32.self
  ) throws(CertificateError) -> (low: [Sum], high: [Sum]) {
    let (zx, zy) = (Int64(self.left.zeroPoint), Int64(self.right.zeroPoint))
    var lows: [Sum] = []
    var highs: [Sum] = []
    lows.reserveCapacity(starts.count)
    highs.reserveCapacity(starts.count)
    for start in starts {
      var (low, high) = (Int64(bias), Int64(bias))
      var (least, most) = (min(0, low), max(0, high))
      for k in 0..<depth {
        let (i, j) = (Int(start.left) + k * self.left.depthStride, Int(start.right) + k * self.right.depthStride)
        let (a, b) = (Int64(left.low[i]) - zx, Int64(left.high[i]) - zx)
        let (c, d) = (Int64(right.low[j]) - zy, Int64(right.high[j]) - zy)
        let smallest = min(min(a * c, a * d), min(b * c, b * d))
        let largest = max(max(a * c, a * d), max(b * c, b * d))
        low += smallest
        high += largest
        least += min(0, smallest)
        most += max(0, largest)
      }
      guard least >= Int64(Sum.min), most <= Int64(Sum.max) else {
        throw CertificateError("a sum of products could overflow \(Sum.bitWidth) bits")
      }
      lows.append(Sum(low))
      highs.append(Sum(high))
    }
    return (lows, highs)
  }
}

/// The largest value of `multiplier · (x − zero point) · (y − zero point) − leftSlope · x − rightSlope · y`, for x and y
/// in ranges of their own: linear in each, it lies at a corner. With slopes that McCormick's planes have (1976), these
/// planes' bounds are special cases.
struct BilinearBound {
  var multiplier, leftSlope, rightSlope: Int64

  var isZero: Bool { multiplier == 0 && leftSlope == 0 && rightSlope == 0 }

  func maximum(_ x: ClosedRange<Int64>, _ y: ClosedRange<Int64>, zeroPoints: (Int64, Int64)) -> Int64 {
    var best = Int64.min
    for a in [x.lowerBound, x.upperBound] {
      for b in [y.lowerBound, y.upperBound] {
        let product = (a - zeroPoints.0) &* (b - zeroPoints.1)
        best = max(best, multiplier &* product &- leftSlope &* a &- rightSlope &* b)
      }
    }
    return best
  }
}
