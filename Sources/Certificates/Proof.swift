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

  /// A bound of one variable: `scale` times it, plus multiples of the goal's constraints, is bounded with these
  /// multipliers. What the bound is, the checker computes.
  public struct Lemma: Sendable, Hashable {
    public var variable: Variable
    public var isUpper: Bool
    public var scale: Int32
    public var multipliers: Multipliers

    public init(variable: Variable, isUpper: Bool, scale: Int32, multipliers: Multipliers) {
      self.variable = variable
      self.isUpper = isUpper
      self.scale = scale
      self.multipliers = multipliers
    }
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
  /// Narrows a lemma's variable to what its multipliers prove.
  public func apply(
    _ lemma: Proof.Lemma, _ goal: Goal, _ ranges: inout Ranges
  ) throws(CertificateError) {
    var source = GivenMultipliers(steps: lemma.multipliers.steps)
    try apply(
      lemma.variable, isUpper: lemma.isUpper, scale: lemma.scale, constraints: lemma.multipliers.constraints, goal,
      &ranges, multipliers: &source)
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
