import Arithmetic
import IntegerProgram
import Properties

/// The question whether some input in a property's box meets a violation, as a formula over bit-vectors (SMT-LIB's
/// QF_BV). It is encoded once and may be asked whole, violation by violation, and from several threads at once.
///
/// The formula says exactly what the program computes. Each operation has the fewest bits that hold the range proved
/// for it over the box; an input element with one code is a constant, and so is all that follows from it.
public struct BitVectorQuery: Sendable {
  /// Larger formulas are refused: no solver would finish, and encoding must end soon.
  static let mostNodes = 2_000_000

  let program: IntegerProgram
  let property: Property
  let formula: BitVectorFormula

  /// `property` must fit `program`. Fails where the formula would pass two million operations, and where an
  /// operation of the program cannot be proved to stay inside its register; and once `isCancelled`, which is asked all the
  /// time, says true.
  public init(
    _ program: IntegerProgram, _ property: Property, sums: SumShape = .balanced,
    isCancelled: @escaping () -> Bool = { false }
  ) throws(EncodingError) {
    try self.init(program, property, sums: sums, mostNodes: Self.mostNodes, isCancelled: isCancelled)
  }

  init(
    _ program: IntegerProgram, _ property: Property, sums: SumShape, mostNodes: Int,
    isCancelled: @escaping () -> Bool = { false }
  ) throws(EncodingError) {
    self.program = program
    self.property = property
    let table = TermTable()
    let goals = TermTable.$current.withValue(table) {
      Result { () throws(EncodingError) in
        try Self.goals(program, property, ProgramTerms(program, sums: sums, mostNodes: mostNodes, isCancelled: isCancelled))
      }
    }
    formula = BitVectorFormula(table, goals: try goals.get())
  }

  /// How many operations, constants and variables the formula has.
  public var nodeCount: Int { formula.nodes.count }

  /// For each violation, 1 where it is met and 0 where not.
  private static func goals(
    _ program: IntegerProgram, _ property: Property, _ terms: ProgramTerms
  ) throws(EncodingError) -> [TermNode] {
    var terms = terms
    let sums = terms.sums
    let (inputs, outputs) = try terms.codes(over: property.box)
    func met(_ constraint: LinearConstraint, _ rest: Term<Int64>) -> Term<Int64> {
      let summands =
        constraint.inputs.map { ($0.coefficient, inputs[$0.element].wide) }
        + constraint.outputs.map { ($0.coefficient, outputs[$0.element].wide) }
      let isLess = Term.less(sums.sum(summands, plus: 0), Term(constraint.least))
      return Term.select(isLess, Term(0), rest)
    }
    return try property.violations.enumerated().map { index, violation throws(EncodingError) in
      let isMet = violation.constraints.reduce(Term<Int64>(1)) { met($1, $0) }.node
      // The property's own check bounds its sums to 2^62.
      guard isMet.holds else { throw EncodingError("violation \(index): its sums do not fit 64 bits") }
      return isMet
    }
  }
}

/// Why a program has no bit-vector formula.
public struct EncodingError: Error, Sendable, CustomStringConvertible {
  public var reason: String
  init(_ reason: String) { self.reason = reason }
  public var description: String { reason }
}
