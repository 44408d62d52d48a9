import Network

// Sums of real values of several codes: ADD_N and CUMSUM between DEQUANTIZE and QUANTIZE. They are reckoned of the sum of
// the codes, as far as the roundings of single precision on the way leave the result's code the same whatever was added.

/// The least and the largest number that single precision may make of reals added one after the other, for each sum of
/// their codes. Additions never decrease in either operand, so these are reached.
private struct FloatSums {
  var codes: ClosedRange<Int64>
  var least, largest: [Float]

  /// Of nothing.
  init() { (codes, least, largest) = (0...0, [0], [0]) }

  /// With one number more, of which `reals` holds the value for each code of `added`.
  func adding(_ reals: [Float], _ added: ClosedRange<Int64>) -> FloatSums {
    var sums = FloatSums()
    sums.codes = codes.lowerBound + added.lowerBound...codes.upperBound + added.upperBound
    sums.least = Array(repeating: .infinity, count: sums.codes.count)
    sums.largest = Array(repeating: -.infinity, count: sums.codes.count)
    for (n, (low, high)) in zip(least, largest).enumerated() {
      for (m, real) in reals.enumerated() {
        sums.least[n + m] = min(sums.least[n + m], low + real)
        sums.largest[n + m] = max(sums.largest[n + m], high + real)
      }
    }
    return sums
  }

  /// What either may be.
  func joined(_ other: FloatSums) -> FloatSums {
    var sums = self
    sums.codes = union(codes, other.codes)
    sums.least = sums.codes.map { min(self[$0]?.least ?? .infinity, other[$0]?.least ?? .infinity) }
    sums.largest = sums.codes.map { max(self[$0]?.largest ?? -.infinity, other[$0]?.largest ?? -.infinity) }
    return sums
  }

  subscript(code: Int64) -> (least: Float, largest: Float)? {
    guard codes.contains(code) else { return nil }
    return (least[Int(code - codes.lowerBound)], largest[Int(code - codes.lowerBound)])
  }
}

extension Lowering {
  /// More steps of `FloatSums` than this would take too long.
  private static let mostFloatSums = 1 << 24

  /// ADD_N of real values.
  mutating func floatSum(_ operation: Operation, _ terms: [FloatCodes]) throws(LayerFault) -> FloatCodes {
    let remedy = "write it as sums of two (x + y + z): those are converted to ADD of int8 codes"
    guard let first = terms.first else { throw LayerFault("it adds nothing") }
    for term in terms {
      let (a, b) = (values[first.value], values[term.value])
      guard a.type == b.type, a.scale == b.scale, a.zeroPoint == b.zeroPoint, a.shape == b.shape else {
        throw LayerFault(
          "it adds real values of codes with several scales, which are no function of one sum of codes", remedy: remedy)
      }
    }
    var sums = FloatSums()
    var work = 0
    for term in terms {
      sums = try adding(term, to: sums, &work, remedy)
    }
    let (stack, window) = stacked(terms.map(\.value))
    return FloatCodes(
      try makeSums(of: stack, window, shape: values[first.value].shape), sums, remedy: remedy, lowering: self)
  }

  /// CUMSUM of real values.
  mutating func floatCumulativeSum(
    _ operation: Operation, _ term: FloatCodes, isExclusive: Bool, isReverse: Bool
  ) throws(LayerFault) -> FloatCodes {
    let remedy =
      "write it as a product with a constant triangular matrix of ones (tf.linalg.matmul), which is converted to int8"
    let shape = values[term.value].shape
    let window = try cumulativeWindow(operation, shape: shape, isExclusive: isExclusive, isReverse: isReverse)
    var running = FloatSums()
    var all: FloatSums? = isExclusive ? running : nil
    var work = 0
    for _ in 0..<window.total {
      running = try adding(term, to: running, &work, remedy)
      all = all.map { $0.joined(running) } ?? running
    }
    return FloatCodes(
      try makeSums(of: term.value, window, shape: shape), all ?? running, remedy: remedy, lowering: self)
  }

  private func adding(
    _ term: FloatCodes, to sums: FloatSums, _ work: inout Int, _ remedy: String
  ) throws(LayerFault) -> FloatSums {
    let value = values[term.value]
    let start = Int(value.range.lowerBound - value.type.range.lowerBound)
    let reals = Array(term.reals[start..<start + value.range.count])
    guard term.spread == nil, !term.isOfSeveral else {
      throw LayerFault("it adds what is reckoned of several codes already", remedy: remedy)
    }
    guard reals.allSatisfy(\.isFinite) else { throw LayerFault("it adds what is no finite number", remedy: remedy) }
    work += sums.codes.count * reals.count
    guard work <= Self.mostFloatSums else {
      throw LayerFault("it adds so many real values that their roundings are not followed", remedy: remedy)
    }
    let zero = Int64(value.zeroPoint)
    return sums.adding(reals, value.range.lowerBound - zero...value.range.upperBound - zero)
  }
}

extension FloatCodes {
  /// What is reckoned of sums of codes, which `value` holds.
  fileprivate init(_ value: Int, _ sums: FloatSums, remedy: String, lowering: Lowering) {
    // Sums that are never reached are no one's.
    let bounds = lowering.values[value].type.range.map { sums[$0] ?? (0, 0) }
    self.init(value: value, reals: bounds.map(\.least), isOfSeveral: true)
    let largest = bounds.map(\.largest)
    if largest != reals { spread = Spread(largest: largest, remedy: remedy) }
  }
}
