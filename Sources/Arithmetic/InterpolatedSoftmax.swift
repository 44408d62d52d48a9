#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// 513 values of a function, as codes of scale 2^-15, at equal distances over all codes of 16 bits, with straight lines in
/// between (TensorFlow Lite: `LUTPopulate` and `LUTLookup` for int16).
public struct InterpolatedTable: Sendable, Hashable {
  public let entries: [Int32]

  /// Every entry is lowered by half of what the straight line to the next one lies too high in the middle.
  init(over range: ClosedRange<Float>, of function: (Float) -> Float) {
    let step = (range.upperBound - range.lowerBound) / 512
    func scaled(_ place: Float) -> Float { function(place) * 32_768 }
    func rounded(_ x: Float) -> Float { x.rounded(.toNearestOrAwayFromZero) }
    func code(_ x: Float) -> Int32 { Int32(max(-32_768, min(32_767, x))) }
    entries =
      (0..<512).map { index in
        let place = range.lowerBound + Float(index) * step
        let sample = rounded(scaled(place))
        let line = rounded((scaled(range.lowerBound + Float(index + 1) * step) + sample) / 2)
        let error = line - rounded(scaled(place + step / 2))
        return code(sample - rounded(error / 2))
      } + [code(rounded(scaled(range.upperBound)))]
  }

  /// e^x over −10 … 0.
  public static let exponential = InterpolatedTable(over: -10...0) { Float(exp(Double($0))) }
  /// 1 / (1 + x) over 0 … 1.
  public static let reciprocal = InterpolatedTable(over: 0...1) { 1 / (1 + $0) }

  /// The value at a code of 16 bits; what is beyond them counts as their end.
  public subscript(code: Int32) -> Int32 {
    let place = min(max(code, -32_768), 32_767) + 32_768
    let (index, rest) = (Int(place >> 7), place & 127)
    return entries[index] + (((entries[index + 1] - entries[index]) * rest + 64) >> 7)
  }
}

/// e^difference of a code's difference from its row's maximum, 0 or less, in Q0.15 (TensorFlow Lite: `SoftMaxCalculateExp`).
/// The scale brings differences to units of 10/65535.
public func interpolatedExponential(_ difference: Int32, _ scale: SoftmaxScale) -> Int32 {
  InterpolatedTable.exponential[interpolatedPower(difference, scale) + 32_767]
}

/// The difference in those units.
@inlinable public func interpolatedPower<W: Word>(_ difference: W, _ scale: SoftmaxScale) -> W {
  requantize(
    difference, by: Multiplier(mantissa: scale.mantissa, exponent: scale.leftShift), rounding: .double)
}

/// What divides a row's exponentials, in Q0.15, by their sum (TensorFlow Lite: `SoftmaxInt16`).
public struct InterpolatedDivisor: Sendable, Hashable {
  /// 2^15 over the sum, doubled until it is 2^15 … 2^16 − 1.
  public let reciprocal: Int32
  /// The right shift from exponential times reciprocal to codes of scale 2^-15.
  public let shift: Int32

  /// For a positive sum.
  public init(ofSum sum: Int32) {
    let doublings = Int32(sum.leadingZeroBitCount) - 1
    let normalized = ((Int64(sum) << Int64(doublings)) + 1 << 13) >> 14
    reciprocal = InterpolatedTable.reciprocal[Int32(normalized) - 3 << 15]
    shift = 30 - doublings
  }

  /// The code, of scale 2^-15, of a Q0.15 exponential of the row.
  public func code(_ exponential: Int32) -> Int32 {
    min(max((exponential * reciprocal + 1 << (shift - 1)) >> shift, 0), 32_767)
  }
}

extension SoftmaxScale {
  /// For int16 logits with `scale` and the operator's `beta`: differences in units of 10/65535, that exponentials of −10 … 0
  /// take all codes of 16 bits. Nil where the reference has no answer.
  public init?(interpolatedFor scale: Float, beta: Float) {
    guard let multiplier = Multiplier(Double(scale) * Double(beta) / (10.0 / 65_535)), multiplier.mantissa > 0 else {
      return nil
    }
    self.init(mantissa: multiplier.mantissa, leftShift: multiplier.exponent, leastDifference: -65_535)
  }
}
