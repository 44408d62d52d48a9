/// A proof that no input meets a goal: a tree of cases in preorder, each child after its parent, the lower case first.
public struct Proof: Sendable, Hashable {
  public var nodes: [Node]

  public init(_ nodes: [Node] = []) { self.nodes = nodes }

  /// One set of inputs: some bounds of its variables are improved, one after another, and then it is brought to an end.
  public struct Node: Sendable, Hashable {
    public var lemmas: [Lemma]
    public var end: End

    public init(lemmas: [Lemma] = [], end: End) {
      self.lemmas = lemmas
      self.end = end
    }
  }

  public enum End: Sendable, Hashable {
    /// The ranges are empty.
    case empty
    /// Multiples of the constraints, all at least 0, add up to less than 0: a bound shows it.
    case contradiction(Multipliers)
    /// The variable is at most `at`, or more: two nodes follow.
    case split(Variable, at: Int32)
    /// One node follows, with the ranges that the lemmas led to.
    case next
    /// Every input is tried.
    case points
  }

  public enum Lemma: Sendable, Hashable {
    /// A bound of one variable: `scale` times it (or its negative), plus multiples of the goal's constraints, is bounded
    /// with these multipliers. What the bound is, the checker computes.
    case bound(Variable, isUpper: Bool, scale: Int32, Multipliers)
    /// Multiples of the constraints are at most D and, where the goal is met, at least 0: no input that would lessen the
    /// bound by more than D can be part of it (reduced-cost fixing). All inputs are narrowed to what that leaves.
    case reducedCosts(Multipliers)
  }

  /// One multiplier for each of the goal's constraints, and those of the steps; a step left out has all zero.
  public struct Multipliers: Sendable, Hashable {
    public var constraints: [Int32]
    public var steps: [Int: [Int32]]

    public init(constraints: [Int32], steps: [Int: [Int32]]) {
      self.constraints = constraints
      self.steps = steps
    }
  }
}

/// Multipliers that a certificate holds.
public struct GivenMultipliers: MultiplierSource {
  public let steps: [Int: [Int32]]
  public init(steps: [Int: [Int32]]) { self.steps = steps }
  public var unpricedSteps: Set<Int> { Set(steps.keys) }
  public mutating func multipliers(step: Int, prices: [Int64], accumulatorPrices: [Int64], ranges: Ranges) -> [Int32] {
    steps[step] ?? []
  }
}

extension Goal {
  /// Σ multiplier · constraint: at least 0 wherever the goal is met, since no multiplier is negative.
  public func combination(_ multipliers: [Int32]) throws(CertificateError) -> Functional {
    guard multipliers.count == constraints.count else {
      throw CertificateError("\(multipliers.count) multipliers for \(constraints.count) constraints")
    }
    var functional = Functional()
    for (multiplier, constraint) in zip(multipliers, constraints) where multiplier != 0 {
      guard multiplier > 0 else { throw CertificateError("a constraint's multiplier is negative") }
      for part in constraint.parts {
        let (product, overflow) = part.coefficient.multipliedReportingOverflow(by: Int64(multiplier))
        if overflow { throw CertificateError("a constraint's multiplier is too large") }
        functional.parts.append(Functional.Part(part.variable, product))
      }
      let (product, overflow) = constraint.constant.multipliedReportingOverflow(by: Int64(multiplier))
      let (sum, passes) = functional.constant.addingReportingOverflow(product)
      if overflow || passes { throw CertificateError("a constraint's multiplier is too large") }
      functional.constant = sum
    }
    return functional
  }
}

extension BoundedProgram {
  /// Narrows ranges to what a lemma's multipliers prove.
  public func apply(_ lemma: Proof.Lemma, _ goal: Goal, _ ranges: inout Ranges) throws(CertificateError) {
    switch lemma {
    case .bound(let variable, let isUpper, let scale, let multipliers):
      var source = GivenMultipliers(steps: multipliers.steps)
      try apply(
        variable, isUpper: isUpper, scale: scale, constraints: multipliers.constraints, goal, &ranges,
        multipliers: &source)
    case .reducedCosts(let multipliers):
      var source = GivenMultipliers(steps: multipliers.steps)
      let bound = try bound(of: try goal.combination(multipliers.constraints), over: ranges, multipliers: &source)
      guard bound.value >= 0 else { return ranges.isEmpty = true }
      for (input, prices) in zip(program.inputs, bound.inputPrices) {
        for (element, price) in prices.enumerated() where price != 0 {
          let (low, high) = (Int64(ranges.low[input][element]), Int64(ranges.high[input][element]))
          // Away from the end that the price favours, the bound falls by |price| a code.
          let reach = bound.value / Int64(price.magnitude)
          guard reach < high - low else { continue }
          ranges.narrow(value: input, element: element, to: price > 0 ? high - reach...high : low...low + reach)
        }
      }
    }
  }

  /// As above, with multipliers from elsewhere. Returns the bound.
  @discardableResult
  public func apply(
    _ variable: Variable, isUpper: Bool, scale: Int32, constraints: [Int32], _ goal: Goal, _ ranges: inout Ranges,
    multipliers source: inout some MultiplierSource
  ) throws(CertificateError) -> LagrangianBound {
    guard scale > 0 else { throw CertificateError("a lemma's scale is \(scale)") }
    try check(variable)
    var functional = try goal.combination(constraints)
    functional.parts.append(Functional.Part(variable, Int64(isUpper ? scale : -scale)))
    let bound = try bound(of: functional, over: ranges, multipliers: &source)
    // scale · (±variable) ≤ bound, wherever the goal is met.
    let most = floorQuotient(bound.value, Int64(scale))
    let range = ranges.range(of: variable)
    if isUpper {
      guard most >= Int64(range.lowerBound) else {
        ranges.isEmpty = true
        return bound
      }
      if most < Int64(range.upperBound) { narrow(&ranges, variable, to: Int64(range.lowerBound)...most) }
    } else {
      guard most >= -Int64(range.upperBound) else {
        ranges.isEmpty = true
        return bound
      }
      if most < -Int64(range.lowerBound) { narrow(&ranges, variable, to: -most...Int64(range.upperBound)) }
    }
    return bound
  }

  /// Whether a variable that a certificate names exists.
  func check(_ variable: Variable) throws(CertificateError) {
    switch variable {
    case .code(let value, let element):
      guard program.values.indices.contains(value), program.values[value].constant == nil,
        (0..<program.values[value].count).contains(element)
      else { throw CertificateError("there is no code \(element) of value \(value)") }
    case .accumulator(let step, let element):
      guard program.steps.indices.contains(step), everything.accumulatorLow[step].indices.contains(element) else {
        throw CertificateError("there is no accumulator \(element) of step \(step)")
      }
    }
  }
}

func floorQuotient(_ a: Int64, _ b: Int64) -> Int64 {
  let quotient = a / b
  return a % b < 0 ? quotient - 1 : quotient
}
