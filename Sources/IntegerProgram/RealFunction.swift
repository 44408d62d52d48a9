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
    case .joined(let joining, let left, let right): joining(left.single(x), right.single(x))
    case .chosen(let condition, let some, let other): condition.single(x) != 0 ? some.single(x) : other.single(x)
    }
  }
}

extension RealFunction {
  /// In double precision throughout.
  func precise(_ x: Double) -> Double {
    switch self {
    case .joined(let joining, let left, let right): joining(left.precise(x), right.precise(x))
    case .chosen(let condition, let some, let other): condition.precise(x) != 0 ? some.precise(x) : other.precise(x)
    default: self(x)
    }
  }

  /// Whether it jumps, so that the least error of its argument may count.
  var hasSteps: Bool {
    switch self {
    case .floor, .ceiling, .rounded, .chosen, .joined(.compared, _, _): true
    case .joined(_, let left, let right): (left + right).contains(where: \.hasSteps)
    default: false
    }
  }
}

extension [RealFunction] {
  /// One behind the other, each result held in single precision.
  func single(_ x: Double) -> Double { reduce(x) { Double(Float($1($0))) } }

  /// The same in double precision.
  func precise(_ x: Double) -> Double { reduce(x) { $1.precise($0) } }

  /// The value where all of them are fractions.
  func exact(_ x: ExactNumber) -> ExactNumber? { reduce(Optional(x)) { $0.flatMap($1.exact) } }
}

extension RealFunction.Joining {
  package func callAsFunction(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .sum: a + b
    case .difference: a - b
    case .product: a * b
    case .quotient: a / b
    case .maximum: Swift.max(a, b)
    case .minimum: Swift.min(a, b)
    case .compared(let comparison): comparison.holds(a, b) ? 1 : 0
    }
  }

  /// The fraction that two make; nil where they are divided by 0.
  func exact(_ a: ExactNumber, _ b: ExactNumber) -> ExactNumber? {
    let sign = (a - b).signum
    switch self {
    case .sum: return a + b
    case .difference: return a - b
    case .product: return a * b
    case .quotient: return b.isZero ? nil : a / b
    case .maximum: return sign < 0 ? b : a
    case .minimum: return sign < 0 ? a : b
    case .compared(let comparison): return ExactNumber(comparison.holds(sign, 0) ? 1 : 0)
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
    case .reciprocal: return x.isZero ? nil : .one / x
    case .hardSwish: return x * held(x / ExactNumber(6) + ExactNumber(0.5), 0, 1)
    case .floor: return ExactNumber(x.floor.integer)
    case .ceiling: return -ExactNumber((-x).floor.integer)
    case .rounded:
      let (above, isTie) = (x + ExactNumber(0.5)).floor
      return ExactNumber(isTie && !above.isMultiple(of: 2) ? above - 1 : above)
    case .leakyRelu(let alpha) where alpha.isFinite: return x.signum < 0 ? ExactNumber(Double(alpha)) * x : x
    case .hardSigmoid(let alpha, let beta) where alpha.isFinite && beta.isFinite:
      return held(ExactNumber(Double(alpha)) * x + ExactNumber(Double(beta)), 0, 1)
    case .scaled(let gain, let offset) where gain.isFinite && offset.isFinite:
      return ExactNumber(gain) * x + ExactNumber(offset)
    case .divided(let divisor) where divisor.isFinite && divisor != 0: return x / ExactNumber(divisor)
    case .clamp(let low, let high) where low <= high: return held(x, low, high)
    case .joined(let joining, let left, let right):
      guard let a = left.exact(x), let b = right.exact(x) else { return nil }
      return joining.exact(a, b)
    case .chosen(let condition, let some, let other):
      guard let holds = condition.exact(x) else { return nil }
      return (holds.isZero ? other : some).exact(x)
    default: return nil
    }
  }
}

/// Within the enumeration, `tanh` names the case.
private func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
