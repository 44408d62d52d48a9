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
    }
  }
}

/// Within the enumeration, `tanh` names the case.
private func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
