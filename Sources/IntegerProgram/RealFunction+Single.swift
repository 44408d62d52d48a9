import Network

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension RealFunction {
  /// The function as TensorFlow Lite's kernels reckon it in single precision: in the kernels' order, each operation
  /// rounded; the C library's functions rounded from double precision, so that every machine makes one table.
  func single(_ x: Float) -> Float {
    switch self {
    case .logistic:
      // The kernel's cut-offs: beyond them the sum in the divisor rounds to one of its terms.
      x > 16.619047 ? 1 : x < -9 ? rounded(x, exp) : 1 / (1 + rounded(-x, exp))
    case .tanh: rounded(x, hyperbolicTangent)
    case .exponential: rounded(x, exp)
    case .squareRoot: x.squareRoot()
    case .absolute: abs(x)
    case .reciprocal: 1 / x
    case .leakyRelu(let alpha): x > 0 ? x : x * alpha
    case .elu(let alpha): x < 0 ? alpha * (rounded(x, exp) - 1) : x
    case .hardSwish: x * min(6, max(0, x + 3)) / 6
    case .clamp(let low, let high): min(max(x, Float(low)), Float(high))
    case .logarithm: rounded(x, log)
    case .reciprocalSquareRoot: 1 / x.squareRoot()
    case .square: x * x
    case .negated: -x
    case .sine: rounded(x, sin)
    case .cosine: rounded(x, cos)
    case .floor: x.rounded(.down)
    case .ceiling: x.rounded(.up)
    case .rounded: x.rounded(.toNearestOrEven)
    case .gelu(isApproximate: true):
      0.5 * x * (1 + rounded(0.7978846 * (x + 0.044715 * x * x * x), hyperbolicTangent))
    case .gelu(isApproximate: false): 0.5 * x * rounded(x * -0.70710677, erfc)
    case .softplus, .hardSigmoid, .scaled, .divided, .errorFunction, .mish, .joined, .chosen: Float(self(Double(x)))
    }
  }

  private func rounded(_ x: Float, _ function: (Double) -> Double) -> Float { Float(function(Double(x))) }
}

/// Within the enumeration, `tanh` names the case.
private func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
