import BigInt
import IntegerProgram

/// What the numbers of a question are.
public enum PropertyUnits: Sendable, Hashable {
  /// Codes, as the network takes and returns them.
  case codes
  /// What codes stand for: `scale · (code − zeroPoint)`, exactly.
  case reals
}

extension VNNLIB {
  /// The question about the codes of `program`, exactly: no number is rounded but to the code that satisfies the same
  /// conditions. Fails where the file is about another network, or has more cases than `mostCases` once written as
  /// a list of conjunctions.
  public func property(
    of program: IntegerProgram, units: PropertyUnits, statement: String
  ) throws(VNNLIBError) -> Property {
    guard inputs == program.inputElements.count, outputs == program.outputElements.count else {
      throw VNNLIBError(
        nil,
        "is about \(inputs) inputs and \(outputs) outputs; the network has \(program.inputElements.count) and "
          + "\(program.outputElements.count)")
    }
    if units == .reals, let firstInteger {
      throw VNNLIBError(firstInteger, "declares an Int; in real values all constants are Real")
    }
    let codes = try CodeConditions(of: program, units: units)
    var cases = Cases(inputs: program.inputRanges, outputs: program.outputElements.map(\.range))
    // Those that every case shares come first, once.
    let conditions = try flattened(assertions, codes)
    for case .comparison(let condition) in conditions { cases.require(condition) }
    let alternatives = conditions.filter { if case .any = $0 { true } else { false } }
    var all: [Cases.Case] = []
    var visited = 0
    for conjunction in try Self.conjunctions(alternatives) {
      visited += conjunction.count + cases.shared.count
      guard visited <= Self.mostConditions else { throw Self.tooMany }
      if let found = cases.case(conjunction) { all.append(found) }
    }
    do {
      return try cases.property(all, of: program, statement: statement)
    } catch {
      throw VNNLIBError(nil, error.reason)
    }
  }

  /// Cases of a disjunction of conjunctions.
  public static let mostCases = 20_000
  /// Conditions in all of them together.
  private static let mostConditions = 4_000_000

  private static var tooMany: VNNLIBError {
    VNNLIBError(nil, "has over \(mostCases) cases once its 'or's are multiplied out; split it into several files")
  }

  /// Conditions over codes.
  indirect enum CodeFormula {
    case comparison(LinearConstraint)
    case all([CodeFormula])
    case any([CodeFormula])
  }

  /// The formulas over codes that hold together, conjunctions among them opened.
  private func flattened(_ formulas: [Formula], _ codes: CodeConditions) throws(VNNLIBError) -> [CodeFormula] {
    var result: [CodeFormula] = []
    for formula in formulas {
      switch formula {
      case .comparison(let comparison): result.append(.comparison(try codes.condition(comparison)))
      case .all(let parts): result += try flattened(parts, codes)
      case .any(let parts):
        var alternatives: [CodeFormula] = []
        for part in parts { alternatives.append(.all(try flattened([part], codes))) }
        result.append(.any(alternatives))
      }
    }
    return result
  }

  /// The conjunctions whose disjunction is the conjunction of `formulas`.
  private static func conjunctions(_ formulas: [CodeFormula]) throws(VNNLIBError) -> [[LinearConstraint]] {
    var result: [[LinearConstraint]] = [[]]
    for formula in formulas {
      var options: [[LinearConstraint]] = []
      switch formula {
      case .comparison(let condition): options = [[condition]]
      case .all(let parts): options = try conjunctions(parts)
      case .any(let parts): for part in parts { options += try conjunctions([part]) }
      }
      if options.count == 1 {
        for index in result.indices { result[index] += options[0] }
      } else {
        let lengths = [result, options].map { $0.reduce(0) { $0 + $1.count } }
        guard result.count * options.count <= mostCases,
          lengths[0] * options.count + lengths[1] * result.count <= mostConditions
        else { throw tooMany }
        result = result.flatMap { left in options.map { left + $0 } }
      }
    }
    return result
  }
}

/// Turns comparisons of numbers into comparisons of integers.
private struct CodeConditions {
  /// `real = scale · (code − zeroPoint)`, for each element.
  private let inputs, outputs: [(scale: Rational, zeroPoint: Rational)]
  private let inputTypes, outputTypes: [CodeType]

  init(of program: IntegerProgram, units: PropertyUnits) throws(VNNLIBError) {
    func meanings(_ values: [Int]) throws(VNNLIBError) -> [(scale: Rational, zeroPoint: Rational)] {
      var result: [(scale: Rational, zeroPoint: Rational)] = []
      for index in values {
        let value = program.values[index]
        guard units == .reals else {
          result += Array(repeating: (Rational(1), Rational(0)), count: value.count)
          continue
        }
        guard let scale = Rational(exactly: value.scale), scale > Rational(0) else {
          throw VNNLIBError(
            nil, "real values need a scale; that of \"\(value.name.printable(60))\" is \(value.scale): write codes")
        }
        result += Array(repeating: (scale, Rational(value.zeroPoint)), count: value.count)
      }
      return result
    }
    inputs = try meanings(program.inputs)
    outputs = try meanings(program.outputs)
    (inputTypes, outputTypes) = (program.inputElements, program.outputElements)
  }

  /// The same condition over codes: `Σ a·real + c ≥ 0` becomes `Σ k·code ≥ ⌈b⌉` for integers k without a common
  /// divisor, and with `>` the least integer above b. What all codes meet, or none, becomes `0 ≥ 0` or `0 ≥ 1`.
  func condition(_ comparison: VNNLIB.Comparison) throws(VNNLIBError) -> LinearConstraint {
    var constant = comparison.sum.constant
    var terms: [(variable: VNNLIB.Variable, type: CodeType, coefficient: Rational)] = []
    for (variable, coefficient) in comparison.sum.coefficients where coefficient != Rational(0) {
      let ((scale, zeroPoint), type) =
        switch variable {
        case .input(let index): (inputs[index], inputTypes[index])
        case .output(let index): (outputs[index], outputTypes[index])
        }
      let scaled = coefficient * scale
      constant = constant - scaled * zeroPoint
      terms.append((variable, type, scaled))
    }
    var denominator = BigInt(1)
    for (_, _, coefficient) in terms {
      denominator *= coefficient.denominator / denominator.greatestCommonDivisor(with: coefficient.denominator)
      guard denominator.bitWidth < Self.mostBits else {
        throw VNNLIBError(
          comparison.line,
          "has coefficients whose common denominator passes \(Self.mostBits) bits; give them fewer digits")
      }
    }
    let integers = terms.map { $0.coefficient.numerator * (denominator / $0.coefficient.denominator) }
    let divisor = max(1, integers.reduce(BigInt(0)) { $0.greatestCommonDivisor(with: $1) })
    let bound = -constant * Rational(denominator, over: divisor)
    let least = comparison.isStrict ? bound.floor + 1 : bound.ceiling
    var (low, high) = (BigInt(0), BigInt(0))
    for (term, integer) in zip(terms, integers) {
      let ends = [term.type.range.lowerBound, term.type.range.upperBound].map { integer / divisor * BigInt($0) }
      low += min(ends[0], ends[1])
      high += max(ends[0], ends[1])
    }
    if least <= low { return LinearConstraint(atLeast: 0) }
    if least > high { return LinearConstraint(atLeast: 1) }
    let tooLong = VNNLIBError(
      comparison.line,
      "compares terms that, in whole numbers over codes, could pass 2^62; give their coefficients fewer digits")
    guard let least = Int64(exactly: least) else { throw tooLong }
    var result = LinearConstraint(atLeast: least)
    for (term, integer) in zip(terms, integers) {
      guard let coefficient = Int64(exactly: integer / divisor) else { throw tooLong }
      switch term.variable {
      case .input(let element): result.inputs.append(.init(element, coefficient))
      case .output(let element): result.outputs.append(.init(element, coefficient))
      }
    }
    result.inputs.sort { $0.element < $1.element }
    result.outputs.sort { $0.element < $1.element }
    do {
      try result.check(inputs: inputTypes, outputs: outputTypes)
    } catch {
      throw tooLong
    }
    return result
  }

  /// Of a common denominator; more digits are no one's measurement.
  private static let mostBits = 1 << 12
}

/// The cases of a question: conjunctions with boxes of their own, in one box that holds them all.
private struct Cases {
  struct Case {
    /// The inputs that this case narrows further than all cases do.
    var box: [Int: ClosedRange<Int64>] = [:]
    var constraints: [LinearConstraint] = []
  }

  private let outputs: [ClosedRange<Int64>]
  private var box: [ClosedRange<Int64>]
  /// What all cases share.
  private(set) var shared: [LinearConstraint] = []
  private var isImpossible = false

  init(inputs: [ClosedRange<Int64>], outputs: [ClosedRange<Int64>]) {
    box = inputs
    self.outputs = outputs
  }

  /// Makes a condition part of every case.
  mutating func require(_ condition: LinearConstraint) {
    if let (element, range) = Self.bound(condition) {
      if let meet = Self.intersection(box[element], range) { box[element] = meet } else { isImpossible = true }
    } else {
      shared.append(condition)
    }
  }

  /// The case of these conditions and the shared ones; nil where nothing meets them.
  func `case`(_ conditions: [LinearConstraint]) -> Case? {
    guard !isImpossible else { return nil }
    var result = Case()
    var known: Set<LinearConstraint> = []
    for condition in conditions {
      guard let (element, range) = Self.bound(condition) else { continue }
      guard let meet = Self.intersection(result.box[element] ?? box[element], range) else { return nil }
      result.box[element] = meet
    }
    for condition in conditions + shared where Self.bound(condition) == nil {
      let range = self.range(condition, result.box)
      // Never met, or always.
      if range.upperBound < Int128(condition.least) { return nil }
      if range.lowerBound >= Int128(condition.least) { continue }
      if known.insert(condition).inserted { result.constraints.append(condition) }
    }
    return result
  }

  /// The values that the left side can have.
  private func range(_ condition: LinearConstraint, _ box: [Int: ClosedRange<Int64>]) -> ClosedRange<Int128> {
    var (low, high) = (Int128(0), Int128(0))
    func add(_ term: LinearConstraint.Term, _ range: ClosedRange<Int64>) {
      let ends = [range.lowerBound, range.upperBound].map { Int128(term.coefficient) * Int128($0) }
      low += min(ends[0], ends[1])
      high += max(ends[0], ends[1])
    }
    for term in condition.inputs { add(term, box[term.element] ?? self.box[term.element]) }
    for term in condition.outputs { add(term, outputs[term.element]) }
    return low...high
  }

  /// The codes that a condition on a single input leaves it.
  private static func bound(_ condition: LinearConstraint) -> (element: Int, range: ClosedRange<Int64>)? {
    // Without a common divisor a single coefficient is 1 or −1.
    guard condition.outputs.isEmpty, condition.inputs.count == 1 else { return nil }
    let term = condition.inputs[0]
    return (term.element, term.coefficient > 0 ? condition.least...(.max) : (.min)...(-condition.least))
  }

  private static func intersection(_ a: ClosedRange<Int64>, _ b: ClosedRange<Int64>) -> ClosedRange<Int64>? {
    let (low, high) = (max(a.lowerBound, b.lowerBound), min(a.upperBound, b.upperBound))
    return low <= high ? low...high : nil
  }

  func property(
    _ cases: [Case], of program: IntegerProgram, statement: String
  ) throws(PropertyError) -> Property {
    // The hull: an element that every case narrows can be narrowed for all.
    var hull = box
    var narrowed: [Int: (cases: Int, hull: ClosedRange<Int64>)] = [:]
    for item in cases {
      for (element, range) in item.box {
        let (count, so) = narrowed[element] ?? (0, range)
        let union = min(so.lowerBound, range.lowerBound)...max(so.upperBound, range.upperBound)
        narrowed[element] = (count + 1, union)
      }
    }
    for (element, (count, union)) in narrowed where count == cases.count { hull[element] = union }
    var violations: [Violation] = []
    var known: Set<Violation> = []
    for item in cases {
      var constraints = item.constraints
      // Those on outputs come first: they are what a search is about.
      let onOutputs = constraints.filter { !$0.outputs.isEmpty }
      constraints = onOutputs + constraints.filter { $0.outputs.isEmpty }
      for (element, range) in item.box.sorted(by: { $0.key < $1.key }) {
        if range.lowerBound > hull[element].lowerBound {
          constraints.append(LinearConstraint(inputs: [.init(element, 1)], atLeast: range.lowerBound))
        }
        if range.upperBound < hull[element].upperBound {
          constraints.append(LinearConstraint(inputs: [.init(element, -1)], atLeast: -range.upperBound))
        }
      }
      // Where nothing is asked, every input of the box is a violation.
      if constraints.isEmpty { constraints = [LinearConstraint(atLeast: 0)] }
      let violation = Violation(constraints)
      if known.insert(violation).inserted { violations.append(violation) }
    }
    return try Property(
      box: hull.map { Int32($0.lowerBound)...Int32($0.upperBound) }, violations: violations, statement: statement,
      of: program)
  }
}
