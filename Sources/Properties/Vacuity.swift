import BigInt
import IntegerProgram

/// Why a property says nothing of the network that it is asked of.
public enum Vacuity: String, Sendable, Hashable, CaseIterable {
  /// No input and no codes are excluded by it: one class, an empty box, an assertion without cases.
  case noCases = "no-cases"
  /// What it excludes contradicts itself, its box or the codes that outputs can have: it holds of any network.
  case contradiction
  /// What it excludes cannot be avoided: no network has it.
  case certainty
  /// Its box and its conditions leave one input: that is a run of the network, and says nothing of other inputs.
  case onePoint = "one-point"

  /// For people, as what the property is.
  public var text: String {
    switch self {
    case .noCases: "it excludes nothing, so that it holds of any network"
    case .contradiction: "what it excludes contradicts itself or the codes there are, so that it holds of any network"
    case .certainty: "what it excludes cannot be avoided, whatever the network computes"
    case .onePoint: "it leaves one input, whose class or outputs simulate shows: nothing is said of other inputs"
    }
  }
}

extension Property {
  /// Whether, and why, the property is decided whatever `program` computes, or is about one input alone. Nil may be said
  /// where conditions contradict each other, or leave one input, in ways that take a long search to see.
  public func vacuity(of program: IntegerProgram) -> Vacuity? {
    if violations.isEmpty { return .noCases }
    var conditions = Conditions(self, program)
    // An input that is excluded with all outputs.
    for violation in violations where conditions.isCertain(violation) { return .certainty }
    if !violations.contains(where: { !conditions.contradict($0.constraints) }) { return .contradiction }
    if conditions.cannotAllFail(violations) { return .certainty }
    switch conditions.inputs(of: violations) {
    case .none: return .contradiction
    case .one: return .onePoint
    case .several: return box.allSatisfy { $0.lowerBound == $0.upperBound } ? .onePoint : nil
    }
  }

  /// The input that box and conditions leave where they leave one.
  public func onlyInput(of program: IntegerProgram) -> [Int32]? {
    if box.allSatisfy({ $0.lowerBound == $0.upperBound }) { return box.map(\.lowerBound) }
    guard case .one(let input) = Conditions(self, program).inputs(of: violations) else { return nil }
    return input
  }

  /// The same question about one input of the box.
  public func asked(of input: [Int32], _ program: IntegerProgram) throws(PropertyError) -> Property {
    try Property(box: input.map { $0...$0 }, violations: violations, statement: statement, of: program)
  }
}

/// Conditions on inputs and outputs of which nothing is known but their codes.
private struct Conditions {
  private let inputs: [ClosedRange<Int64>]
  private let outputs: [ClosedRange<Int64>]
  /// How many more systems are looked at in a search.
  private var effort = 2_000

  init(_ property: Property, _ program: IntegerProgram) {
    inputs = property.box.map { Int64($0.lowerBound)...Int64($0.upperBound) }
    outputs = program.outputElements.map(\.range)
  }

  /// Elements of inputs, then of outputs.
  private func terms(_ constraint: LinearConstraint) -> [(variable: Int, coefficient: Int128)] {
    constraint.inputs.map { ($0.element, Int128($0.coefficient)) }
      + constraint.outputs.map { (inputs.count + $0.element, Int128($0.coefficient)) }
  }
  private func codes(_ variable: Int) -> ClosedRange<Int128> {
    let range = variable < inputs.count ? inputs[variable] : outputs[variable - inputs.count]
    return Int128(range.lowerBound)...Int128(range.upperBound)
  }

  private func least(_ constraint: LinearConstraint) -> Int128 {
    terms(constraint).reduce(0) { sum, term in
      let range = codes(term.variable)
      return sum + min(term.coefficient * range.lowerBound, term.coefficient * range.upperBound)
    }
  }

  /// Whether some input of the box meets a violation whatever the outputs are.
  func isCertain(_ violation: Violation) -> Bool {
    let left = violation.constraints.filter { least($0) < Int128($0.least) }
    guard left.allSatisfy({ $0.outputs.isEmpty }) else { return false }
    // What bounds of single inputs leave; sums are met at a corner of it.
    var box: [Int: ClosedRange<Int64>] = [:]
    for constraint in left where constraint.inputs.count == 1 {
      let term = constraint.inputs[0]
      let range = box[term.element] ?? inputs[term.element]
      guard term.coefficient.magnitude == 1 else { continue }
      let (low, high) =
        term.coefficient > 0
        ? (max(range.lowerBound, constraint.least), range.upperBound)
        : (range.lowerBound, min(range.upperBound, -constraint.least))
      guard low <= high else { return false }
      box[term.element] = low...high
    }
    var corner: [Int: Int64] = [:]
    for constraint in left {
      for term in constraint.inputs where term.coefficient != 0 {
        let range = box[term.element] ?? inputs[term.element]
        corner[term.element] = corner[term.element] ?? (term.coefficient > 0 ? range.upperBound : range.lowerBound)
      }
    }
    return left.allSatisfy { constraint in
      constraint.inputs.reduce(Int128(0)) {
        $0 + Int128($1.coefficient) * Int128(corner[$1.element] ?? inputs[$1.element].lowerBound)
      } >= Int128(constraint.least)
    }
  }

  /// Which inputs meet violations with some outputs.
  enum Inputs {
    case none
    case one([Int32])
    /// Or it would take too long to say.
    case several
  }

  func inputs(of violations: [Violation]) -> Inputs {
    var only: [Int32]?
    var effort = Self.mostMultiplications
    for violation in violations {
      switch inputs(violation.constraints, &effort) {
      case .none: continue
      case .several: return .several
      case .one(let input):
        if let only, only != input { return .several }
        only = input
      }
    }
    return only.map { .one($0) } ?? .none
  }

  private func inputs(_ constraints: [LinearConstraint], _ effort: inout Int) -> Inputs {
    var variables: [Int] = []
    var places: [Int: Int] = [:]
    let systems = constraints.map { constraint in
      var coefficients: [Int: BigInt] = [:]
      for term in terms(constraint) {
        let place = places[term.variable] ?? variables.count
        if place == variables.count {
          places[term.variable] = place
          variables.append(term.variable)
        }
        coefficients[place, default: 0] += BigInt(term.coefficient)
      }
      return (coefficients: coefficients, least: BigInt(constraint.least))
    }
    let ranges = variables.map { BigInt(codes($0).lowerBound)...BigInt(codes($0).upperBound) }
    var points = IntegerPoints(ranges, systems, effort: effort)
    defer { effort = points.effort }
    let point: [BigInt]
    switch points.answer() {
    case .none: return .none
    case .unknown: return .several
    case .point(let found): point = found
    }
    guard !inputs.indices.contains(where: { places[$0] == nil && inputs[$0].lowerBound < inputs[$0].upperBound }),
      points.other(than: point, in: variables.indices.filter { variables[$0] < inputs.count }) == .none
    else { return .several }
    return .one(inputs.indices.map { Int32(places[$0].map { Int64(point[$0]) } ?? inputs[$0].lowerBound) })
  }

  /// Of fractions, for all violations together.
  private static let mostMultiplications = 200_000

  /// Whether no codes meet all of `constraints`; true is always right.
  func contradict(_ constraints: [LinearConstraint]) -> Bool {
    var ranges: [Int: ClosedRange<Int128>] = [:]
    for constraint in constraints { for term in terms(constraint) { ranges[term.variable] = codes(term.variable) } }
    // What the constraints leave each variable; a few rounds, since differences are looked at apart.
    for _ in 0..<8 {
      var isNarrower = false
      for constraint in constraints {
        let terms = terms(constraint)
        let most = terms.reduce(Int128(0)) { sum, term in
          sum + Self.most(term.coefficient, ranges[term.variable] ?? codes(term.variable))
        }
        if most < Int128(constraint.least) { return true }
        for term in terms where term.coefficient != 0 {
          guard let range = ranges[term.variable] else { continue }
          // The others at their most leave this much to do.
          let rest = Int128(constraint.least) - (most - Self.most(term.coefficient, range))
          let end = Self.quotient(rest, term.coefficient)
          let narrowed =
            term.coefficient > 0
            ? (low: max(range.lowerBound, end), high: range.upperBound) : (low: range.lowerBound, high: min(range.upperBound, end))
          if narrowed.low > narrowed.high { return true }
          if narrowed.low...narrowed.high != range {
            ranges[term.variable] = narrowed.low...narrowed.high
            isNarrower = true
            break
          }
        }
      }
      if !isNarrower { break }
    }
    return hasCircle(constraints, ranges) || sumsContradict(constraints, ranges)
  }

  /// Whether two constraints add up to what no codes meet, as x + y ≥ 10 and −x − y ≥ −9 do.
  private func sumsContradict(_ constraints: [LinearConstraint], _ ranges: [Int: ClosedRange<Int128>]) -> Bool {
    guard constraints.count <= 16 else { return false }
    for (index, first) in constraints.enumerated() {
      for second in constraints[(index + 1)...] {
        var sum: [Int: Int128] = [:]
        for term in terms(first) + terms(second) { sum[term.variable, default: 0] += term.coefficient }
        let most = sum.reduce(Int128(0)) { $0 + Self.most($1.value, ranges[$1.key] ?? codes($1.key)) }
        if most < Int128(first.least) + Int128(second.least) { return true }
      }
    }
    return false
  }

  private static func most(_ coefficient: Int128, _ range: ClosedRange<Int128>) -> Int128 {
    max(coefficient * range.lowerBound, coefficient * range.upperBound)
  }

  /// The bound of x that `coefficient · x ≥ rest` gives, rounded inwards: a lower one for a positive coefficient.
  private static func quotient(_ rest: Int128, _ coefficient: Int128) -> Int128 {
    let quotient = rest / coefficient
    let isExact = quotient * coefficient == rest
    if isExact { return quotient }
    let isBelow = (rest < 0) != (coefficient < 0)
    return coefficient > 0 ? (isBelow ? quotient : quotient + 1) : (isBelow ? quotient - 1 : quotient)
  }

  /// Whether differences `x − y ≥ c` and ranges contradict each other: then their graph has a circle along which the sum
  /// of the c is above 0 (Bellman and Ford; integers meet them otherwise).
  private func hasCircle(_ constraints: [LinearConstraint], _ ranges: [Int: ClosedRange<Int128>]) -> Bool {
    var number: [Int: Int] = [:]
    for variable in ranges.keys.sorted() { number[variable] = number.count + 1 }
    var edges: [(from: Int, to: Int, length: Int128)] = []
    for constraint in constraints {
      let terms = terms(constraint).filter { $0.coefficient != 0 }
      guard terms.count == 2, let up = terms.first(where: { $0.coefficient == 1 }),
        let down = terms.first(where: { $0.coefficient == -1 }), let from = number[down.variable],
        let to = number[up.variable]
      else { continue }
      edges.append((from, to, Int128(constraint.least)))
    }
    guard !edges.isEmpty else { return false }
    for (variable, range) in ranges {
      guard let place = number[variable] else { continue }
      edges.append((0, place, range.lowerBound))
      edges.append((place, 0, -range.upperBound))
    }
    var distances = [Int128](repeating: 0, count: number.count + 1)
    for _ in 0...number.count {
      var isLonger = false
      for edge in edges where distances[edge.from] + edge.length > distances[edge.to] {
        distances[edge.to] = distances[edge.from] + edge.length
        isLonger = true
      }
      if !isLonger { return false }
    }
    return true
  }

  /// Whether no codes avoid all violations.
  mutating func cannotAllFail(_ violations: [Violation]) -> Bool {
    guard violations.reduce(0, { $0 + $1.constraints.count }) <= 50_000 else { return false }
    // Those that leave one way to avoid them first.
    let ordered = violations.sorted { $0.constraints.count < $1.constraints.count }
    let single = ordered.prefix { $0.constraints.count == 1 }.map { Self.negated($0.constraints[0]) }
    return cannotHold(single, avoiding: ordered.dropFirst(single.count))
  }

  private mutating func cannotHold(_ constraints: [LinearConstraint], avoiding violations: ArraySlice<Violation>) -> Bool {
    effort -= 1
    guard effort > 0 else { return false }
    if contradict(constraints) { return true }
    guard let next = violations.first else { return false }
    return next.constraints.allSatisfy {
      cannotHold(constraints + [Self.negated($0)], avoiding: violations.dropFirst())
    }
  }

  /// a ≥ b fails where −a ≥ 1 − b.
  private static func negated(_ constraint: LinearConstraint) -> LinearConstraint {
    func opposite(_ terms: [LinearConstraint.Term]) -> [LinearConstraint.Term] {
      terms.map { .init($0.element, -$0.coefficient) }
    }
    return LinearConstraint(
      inputs: opposite(constraint.inputs), outputs: opposite(constraint.outputs), atLeast: 1 - constraint.least)
  }
}
