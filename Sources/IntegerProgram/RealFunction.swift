import Network

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension RealFunction {
  package func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .logistic: 1 / (1 + exp(-x))
    case .tanh: hyperbolicTangent(x)
    case .exponential: exp(x)
    case .squareRoot: x.squareRoot()
    case .absolute: abs(x)
    case .reciprocal: 1 / x
    case .softplus: log1p(exp(-abs(x))) + max(x, 0)
    case .leakyRelu(let alpha): x < 0 ? Double(alpha) * x : x
    case .elu(let alpha): x < 0 ? Double(alpha) * expm1(x) : x
    case .hardSigmoid(let alpha, let beta): max(0, min(1, Double(alpha) * x + Double(beta)))
    case .hardSwish: x * max(0, min(1, x / 6 + 0.5))
    case .scaled(let gain, let offset): gain * x + offset
    case .divided(let divisor): x / divisor
    case .clamp(let low, let high): min(max(x, low), high)
    case .logarithm: log(x)
    case .reciprocalSquareRoot: 1 / x.squareRoot()
    case .square: x * x
    case .negated: -x
    case .sine: sin(x)
    case .cosine: cos(x)
    case .floor: x.rounded(.down)
    case .ceiling: x.rounded(.up)
    case .rounded: x.rounded(.toNearestOrEven)
    case .gelu(let isApproximate):
      isApproximate
        ? 0.5 * x * (1 + hyperbolicTangent((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        : 0.5 * x * erfc(-x * 0.5.squareRoot())
    case .errorFunction: erf(x)
    case .mish: x * hyperbolicTangent(log1p(exp(-abs(x))) + max(x, 0))
    }
  }
}

extension RealFunction {
  /// Its value where that is a fraction like `x`; nil for roots and exponentials.
  func exact(_ x: ExactNumber) -> ExactNumber? {
    func held(_ x: ExactNumber, _ low: Double, _ high: Double) -> ExactNumber {
      if low.isFinite, (x - ExactNumber(low)).signum < 0 { return ExactNumber(low) }
      if high.isFinite, (ExactNumber(high) - x).signum < 0 { return ExactNumber(high) }
      return x
    }
    switch self {
    case .absolute: return x.signum < 0 ? -x : x
    case .negated: return -x
    case .square: return x * x
    case .leakyRelu(let alpha) where alpha.isFinite: return x.signum < 0 ? ExactNumber(Double(alpha)) * x : x
    case .hardSigmoid(let alpha, let beta) where alpha.isFinite && beta.isFinite:
      return held(ExactNumber(Double(alpha)) * x + ExactNumber(Double(beta)), 0, 1)
    case .scaled(let gain, let offset) where gain.isFinite && offset.isFinite:
      return ExactNumber(gain) * x + ExactNumber(offset)
    case .divided(let divisor) where divisor.isFinite && divisor != 0: return x / ExactNumber(divisor)
    case .clamp(let low, let high) where low <= high: return held(x, low, high)
    default: return nil
    }
  }
}

/// Within the enumeration, `tanh` names the case.
private func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
