import Network

// What is made of whole rows: LOG_SOFTMAX, L2_NORMALIZATION, CUMSUM.
extension RandomNetworkBuilder {
  private static let longestRow = 511

  /// The input's reals, row by row along the last axis, each turned into another row.
  private func rows(of value: Int, depth: Int, _ transform: (ArraySlice<Double>) -> [Double]) -> [[Double]] {
    reals(of: value).map { sample in
      stride(from: 0, to: sample.count, by: depth).flatMap { transform(sample[$0..<$0 + depth]) }
    }
  }

  mutating func addLogSoftmax(to value: Int) -> Int? {
    guard let depth = shape(of: value).last, depth <= Self.longestRow, depth > 1 || random.chance(0.1),
      (0x1p-20...20).contains(scale(of: value))
    else { return nil }
    let shares = rows(of: value, depth: depth) { row in
      let largest = row.max() ?? 0
      let sum = row.reduce(0) { $0 + Self.exponential($1 - largest) }
      // Near enough: straight between powers of two.
      let logarithm = 0.693 * (Double(sum.exponent) + sum.significand - 1)
      return row.map { $0 - largest - logarithm }
    }
    let output = Quantization(scales: [1 / 16], zeroPoints: [127])
    return append(.logSoftmax, "LOG_SOFTMAX", [value], shape: shape(of: value), output, codes(shares, output))
  }

  mutating func addNormalization(to value: Int) -> Int? {
    guard let depth = shape(of: value).last, depth > 1 || random.chance(0.1) else { return nil }
    let normal = rows(of: value, depth: depth) { row in
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { length == 0 ? 0 : $0 / length }
    }
    let output = Quantization(scales: [1 / 128], zeroPoints: [0])
    return append(.normalize, "L2_NORMALIZATION", [value], shape: shape(of: value), output, codes(normal, output))
  }

  mutating func addCumulativeSum(to value: Int) -> Int? {
    let shape = shape(of: value)
    guard !shape.isEmpty else { return nil }
    let axis = random.integer(in: 0...shape.count - 1)
    // Longer sums leave the reference's register where scales differ.
    guard shape[axis] <= 15 else { return nil }
    let (isExclusive, isReverse) = (random.chance(0.3), random.chance(0.3))
    let inner = shape[(axis + 1)...].reduce(1, *)
    let sums = reals(of: value).map { sample in
      sample.indices.map { index in
        let (place, first) = (index / inner % shape[axis], index - index / inner % shape[axis] * inner)
        let part = isReverse ? place + (isExclusive ? 1 : 0)..<shape[axis] : 0..<place + (isExclusive ? 0 : 1)
        return part.reduce(0) { $0 + sample[first + $1 * inner] }
      }
    }
    let output = random.chance(0.2) ? quantization(of: value) : fitted(sums, base: scale(of: value))
    // The reference multiplies by less than 1.
    guard scale(of: value) / Double(output.scales[0]) < 0x1p18 else { return nil }
    let written = random.chance(0.2) ? axis - shape.count : axis
    return append(
      .cumulativeSum(isExclusive: isExclusive, isReverse: isReverse), "CUMSUM",
      [value, integerConstant([written], shape: random.chance(0.5) ? [] : [1])], shape: shape, output,
      codes(sums, output))
  }
}
