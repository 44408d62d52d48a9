import Network

// Arithmetic on numbers that mean themselves. Integers must stay in their type (`bytes(as:)`): the references overflow.
extension ConstantArray {
  enum Combination { case sum, difference, product, quotient, floorDivide, floorModulo, maximum, minimum }

  /// What all elements along some axes are folded into.
  enum Fold {
    case sum, product, maximum, minimum

    init(_ reduction: Reduction) {
      switch reduction {
      case .sum: self = .sum
      case .maximum: self = .maximum
      case .minimum: self = .minimum
      }
    }
  }

  /// Element by element, by NumPy's rules of broadcasting.
  func combined(_ other: ConstantArray, _ combination: Combination) throws(EvaluationFault) -> ConstantArray {
    let (shape, places) = try broadcast([self, other])
    switch (elements, other.elements) {
    case (.integers(let a), .integers(let b)):
      var made: [Int64] = []
      for (left, right) in zip(places[0], places[1]) { made.append(try Self.combine(a[left], b[right], combination)) }
      return ConstantArray(shape: shape, .integers(made))
    case (.reals(let a), .reals(let b)):
      let pairs = zip(places[0], places[1]).map { (a[$0], b[$1]) }
      switch combination {
      case .sum: return ConstantArray(shape: shape, .reals(pairs.map { $0 + $1 }))
      case .difference: return ConstantArray(shape: shape, .reals(pairs.map { $0 - $1 }))
      case .product: return ConstantArray(shape: shape, .reals(pairs.map { $0 * $1 }))
      case .quotient: return ConstantArray(shape: shape, .reals(pairs.map { $0 / $1 }))
      case .maximum: return ConstantArray(shape: shape, .reals(pairs.map { max($0, $1) }))
      case .minimum: return ConstantArray(shape: shape, .reals(pairs.map { min($0, $1) }))
      case .floorDivide, .floorModulo:
        throw EvaluationFault("it divides real constants and rounds, which is not supported", remedy: .store)
      }
    default: throw EvaluationFault("its inputs are of different types")
    }
  }

  /// Of numbers with at most 64 bits, without wrapping.
  private static func combine(_ a: Int64, _ b: Int64, _ combination: Combination) throws(EvaluationFault) -> Int64 {
    let result: (partialValue: Int64, overflow: Bool)
    switch combination {
    case .sum: result = a.addingReportingOverflow(b)
    case .difference: result = a.subtractingReportingOverflow(b)
    case .product: result = a.multipliedReportingOverflow(by: b)
    case .maximum: return max(a, b)
    case .minimum: return min(a, b)
    case .quotient, .floorDivide, .floorModulo:
      guard b != 0 else { throw EvaluationFault("it divides \(a) by 0") }
      let quotient = a.dividedReportingOverflow(by: b)
      guard !quotient.overflow else { throw EvaluationFault("\(a) by \(b) passes 64 bits") }
      // Toward zero, which floors where the signs agree.
      let rest = a % b
      let isLower = rest != 0 && (rest < 0) != (b < 0)
      switch combination {
      case .quotient: return quotient.partialValue
      case .floorDivide: return quotient.partialValue - (isLower ? 1 : 0)
      default: return isLower ? rest + b : rest
      }
    }
    guard !result.overflow else { throw EvaluationFault("its result of \(a) and \(b) passes 64 bits") }
    return result.partialValue
  }

  func compared(_ other: ConstantArray, _ comparison: Comparison) throws(EvaluationFault) -> ConstantArray {
    let (shape, places) = try broadcast([self, other])
    func holds<Number: Comparable>(_ a: Number, _ b: Number) -> Int64 { comparison.holds(a, b) ? 1 : 0 }
    switch (elements, other.elements) {
    case (.integers(let a), .integers(let b)):
      return ConstantArray(shape: shape, .integers(zip(places[0], places[1]).map { holds(a[$0], b[$1]) }))
    case (.reals(let a), .reals(let b)):
      return ConstantArray(shape: shape, .integers(zip(places[0], places[1]).map { holds(a[$0], b[$1]) }))
    default: throw EvaluationFault("its inputs are of different types")
    }
  }

  /// `a` where this holds, `b` elsewhere.
  func selecting(_ a: ConstantArray, _ b: ConstantArray) throws(EvaluationFault) -> ConstantArray {
    let condition = try integers()
    let (shape, places) = try broadcast([self, a, b])
    switch (a.elements, b.elements) {
    case (.integers(let a), .integers(let b)):
      return ConstantArray(
        shape: shape,
        .integers(places[0].indices.map { condition[places[0][$0]] != 0 ? a[places[1][$0]] : b[places[2][$0]] }))
    case (.reals(let a), .reals(let b)):
      return ConstantArray(
        shape: shape,
        .reals(places[0].indices.map { condition[places[0][$0]] != 0 ? a[places[1][$0]] : b[places[2][$0]] }))
    default: throw EvaluationFault("its inputs are of different types")
    }
  }

  /// What a dense layer with weights [out, in] makes of real vectors, as `shape`.
  func weighted(
    by weights: [Float], rows: [Int], plus bias: ConstantArray?, shape made: [Int]
  ) throws(EvaluationFault) -> ConstantArray {
    guard case .reals(let x) = elements, rows.count == 2, rows[1] > 0, x.count % rows[1] == 0,
      weights.count == rows[0] * rows[1], try elementCount(made) == x.count / rows[1] * rows[0]
    else { throw EvaluationFault("its input of shape \(shape) and its weights of shape \(rows) do not make \(made)") }
    var offsets = [Float](repeating: 0, count: rows[0])
    if let bias {
      guard case .reals(let reals) = bias.elements, reals.count == rows[0] else {
        throw EvaluationFault("its bias does not fit its weights of shape \(rows)")
      }
      offsets = reals
    }
    let length = rows[1]
    let sums = (0..<x.count / length).flatMap { vector in
      (0..<rows[0]).map { row in
        (0..<length).reduce(offsets[row]) { $0 + x[vector * length + $1] * weights[row * length + $1] }
      }
    }
    return ConstantArray(shape: made, .reals(sums))
  }

  func clamped(_ activation: Activation) throws(EvaluationFault) -> ConstantArray {
    let bounds: (low: Int64, high: Int64?)
    switch activation {
    case .none: return self
    case .relu: bounds = (0, nil)
    case .relu6: bounds = (0, 6)
    case .reluN1To1: bounds = (-1, 1)
    }
    switch elements {
    case .integers(let integers):
      return ConstantArray(shape: shape, .integers(integers.map { min(max($0, bounds.low), bounds.high ?? .max) }))
    case .reals(let reals):
      let high = bounds.high.map { Float($0) } ?? .infinity
      return ConstantArray(shape: shape, .reals(reals.map { min(max($0, Float(bounds.low)), high) }))
    }
  }

  /// Everything along `axes` in one.
  func reduced(_ fold: Fold, axes: [Int], keepsDimensions: Bool) throws(EvaluationFault) -> ConstantArray {
    var isFolded = Array(repeating: false, count: shape.count)
    for axis in axes { isFolded[try self.axis(axis)] = true }
    let kept = shape.indices.filter { !isFolded[$0] }
    let made = keepsDimensions ? shape.indices.map { isFolded[$0] ? 1 : shape[$0] } : kept.map { shape[$0] }
    let strides = rowMajorStrides(shape)
    let starts = stridedPlaces(kept.map { shape[$0] }, strides: kept.map { strides[$0] })
    let folded = shape.indices.filter { isFolded[$0] }
    let offsets = stridedPlaces(folded.map { shape[$0] }, strides: folded.map { strides[$0] })
    switch elements {
    case .integers(let integers):
      var results: [Int64] = []
      for start in starts {
        let found = offsets.map { integers[start + $0] }
        switch fold {
        case .sum:
          var sum: Int64 = 0
          for number in found { sum = try Self.combine(sum, number, .sum) }
          results.append(sum)
        case .product:
          var product: Int64 = 1
          for number in found { product = try Self.combine(product, number, .product) }
          results.append(product)
        case .maximum, .minimum:
          guard let best = fold == .maximum ? found.max() : found.min() else {
            throw EvaluationFault("it takes the largest or least of nothing")
          }
          results.append(best)
        }
      }
      return ConstantArray(shape: made, .integers(results))
    case .reals: throw EvaluationFault("it folds real constants, whose sum depends on the order", remedy: .store)
    }
  }

  func cast(to type: ElementType) throws(EvaluationFault) -> ConstantArray {
    switch (elements, type) {
    case (.integers, .integer): return self
    case (.integers(let integers), .float32): return ConstantArray(shape: shape, .reals(integers.map { Float($0) }))
    case (.integers(let integers), .boolean):
      return ConstantArray(shape: shape, .integers(integers.map { $0 == 0 ? 0 : 1 }))
    case (.reals, .float32): return self
    case (.reals(let reals), .integer):
      var integers: [Int64] = []
      for real in reals {
        guard let integer = Int64(exactly: real.rounded(.towardZero)) else {
          throw EvaluationFault("it casts \(real) to \(type)", remedy: .store)
        }
        integers.append(integer)
      }
      return ConstantArray(shape: shape, .integers(integers))
    default: throw EvaluationFault("it casts to \(type), which is not supported", remedy: .store)
    }
  }

  /// The codes of real values (TensorFlow Lite: `AffineQuantize`).
  func quantized(as tensor: Tensor) throws(EvaluationFault) -> ConstantArray {
    guard case .reals(let reals) = elements, let codes = tensor.type.codes, let quantization = tensor.quantization,
      quantization.scales.count == 1, let scale = quantization.scales.first, scale > 0, scale.isFinite
    else { throw EvaluationFault("it quantises a constant to \(tensor.type) without one scale") }
    let zeroPoint = quantization.zeroPoints.first ?? 0
    var made: [Int64] = []
    for real in reals {
      let code = Double((real / scale).rounded(.toNearestOrAwayFromZero)) + Double(zeroPoint)
      guard !code.isNaN else { throw EvaluationFault("it quantises what is no number") }
      made.append(Int64(min(max(code, Double(codes.lowerBound)), Double(codes.upperBound))))
    }
    return ConstantArray(shape: shape, .integers(made))
  }

  /// Start, start + step, … up to the limit.
  static func range(
    _ start: ConstantArray, _ limit: ConstantArray, _ step: ConstantArray
  ) throws(EvaluationFault) -> ConstantArray {
    let (start, limit, step) = (try start.size(), try limit.size(), try step.size())
    guard step != 0 else { throw EvaluationFault("its step is 0") }
    let count = max(0, (limit - start + step + (step > 0 ? -1 : 1)) / step)
    _ = try elementCount([count])
    return ConstantArray(vector: (0..<count).map { start + $0 * step })
  }

  /// The shape that arrays broadcast to, and where each one's elements stand for it.
  private func broadcast(_ arrays: [ConstantArray]) throws(EvaluationFault) -> (shape: [Int], places: [[Int]]) {
    guard let shape = broadcastShape(arrays.map(\.shape)) else {
      throw EvaluationFault("its inputs' shapes, \(arrays.map(\.shape)), do not broadcast")
    }
    _ = try elementCount(shape)
    return (shape, arrays.map { broadcastPlaces($0.shape, to: shape) })
  }
}
