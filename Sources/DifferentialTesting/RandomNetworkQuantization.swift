import Network

extension RandomNetworkBuilder {
  /// A zero point: often an end of the codes.
  mutating func randomZeroPoint() -> Int64 {
    random.choice(of: [(3, -128), (2, 127), (2, 0), (6, Int64(random.integer(in: -128...127)))])
  }

  /// Some scale and zero point, fitted to nothing.
  mutating func randomQuantization() -> Quantization {
    let scale: Double = random.choice(of: [
      (10, random.magnitude(exponents: -8 ... -3)),
      (3, Double(sign: .plus, exponent: random.integer(in: -9...1), significand: 1)),
      (1, 1 / 255), (1, 1), (1, random.magnitude(exponents: -14...4)),
      // A few units below 1: with such a factor products come closest to the next power of two.
      (1, 1 - 181 * 0x1p-23),
    ])
    return Quantization(scales: [Float(scale)], zeroPoints: [randomZeroPoint()])
  }

  /// A scale and zero point under which `reals` spread over the codes: mostly without much saturation, at
  /// times coarsely or with most of them clipped. Now and then the scale is a power of two times `base`, so
  /// that the multiplier's mantissa is exactly 2^30.
  mutating func fitted(_ reals: [[Double]], activation: Activation = .none, base: Double) -> Quantization {
    let (mean, deviation) = moments(reals.joined().lazy.map { activation.applied(to: $0) })
    let codesADeviation: Double = random.choice(of: [
      (14, random.real(in: 18...60)), (3, random.real(in: 60...300)), (2, random.real(in: 1.5...18)),
    ])
    // A mean far from zero must stay within the codes' reach, and a product times its multiplier within int32.
    var scale = max(deviation / codesADeviation, mean.magnitude / 220, base * 0x1p-13)
    let style = random.unit()
    if style < 0.2 {
      scale = base * powerOfTwo(near: scale / base)
    } else if style < 0.25 {
      scale = powerOfTwo(near: scale)
    }
    // The code of the mean, were the zero point 0.
    let centre = Int((mean / scale).rounded())
    let central = (random.integer(in: -30...30) - centre).limited(to: -128...127)
    let zeroPoint: Int
    switch random.unit() {
    case ..<(activation == .none ? 0.12 : 0.6) where (-20..<230).contains(centre): zeroPoint = -128
    case ..<0.24 where activation == .none && (-230..<20).contains(centre): zeroPoint = 127
    default: zeroPoint = central
    }
    return Quantization(scales: [Float(scale)], zeroPoints: [Int64(zeroPoint)])
  }

  /// The int8 codes of real values.
  func codes(_ reals: [[Double]], _ quantization: Quantization, activation: Activation = .none)
    -> SampledCodes
  {
    let scale = Double(quantization.scales[0])
    let zeroPoint = Double(quantization.zeroPoints[0])
    return reals.map { sample in
      sample.map { real in
        let code = (activation.applied(to: real) / scale).rounded(.toNearestOrAwayFromZero) + zeroPoint
        return Int32(min(max(code, -128), 127))
      }
    }
  }

  /// A fused activation: mostly none.
  mutating func randomActivation() -> Activation {
    random.choice(of: [(10, .none), (5, .relu), (3, .relu6), (1, .reluN1To1)])
  }
}

extension Activation {
  func applied(to real: Double) -> Double {
    switch self {
    case .none: real
    case .relu: max(real, 0)
    case .relu6: min(max(real, 0), 6)
    case .reluN1To1: min(max(real, -1), 1)
    }
  }
}

extension Int {
  /// The nearest integer within bounds.
  func limited(to bounds: ClosedRange<Int>) -> Int {
    Swift.min(Swift.max(self, bounds.lowerBound), bounds.upperBound)
  }
}

/// A power of two within a factor of √2, about, of a positive number.
func powerOfTwo(near value: Double) -> Double {
  guard value > 0, value.isFinite else { return 1 }
  return Double(
    sign: .plus, exponent: Int(value.exponent) + (value.significand > 1.4 ? 1 : 0), significand: 1)
}

/// The mean and the standard deviation; 0 and 0 for no values.
func moments(_ values: some Sequence<Double>) -> (mean: Double, deviation: Double) {
  var (count, sum, squares) = (0.0, 0.0, 0.0)
  for value in values {
    count += 1
    sum += value
    squares += value * value
  }
  guard count > 0 else { return (0, 0) }
  let mean = sum / count
  return (mean, max(squares / count - mean * mean, 0).squareRoot())
}
