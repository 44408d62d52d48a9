import IntegerProgram
import Properties

/// Writes SMT-LIB 2.6: each operation is one `define-fun`, so that no line and no nesting grows with the network.
private struct SMTLIBWriter<Target: TextOutputStream>: BitVectorWriter {
  var target: Target

  mutating func line(_ text: String) { target.write(text + "\n") }

  mutating func variable(_ name: String, bits: Int, most: UInt64) -> String {
    line("(declare-const \(name) (_ BitVec \(bits)))")
    if most != UInt64.max >> UInt64(64 - bits) { line("(assert (bvule \(name) \(literal(most, bits: bits))))") }
    return name
  }
  func literal(_ pattern: UInt64, bits: Int) -> String {
    "(_ bv\(pattern & (UInt64.max >> UInt64(64 - min(bits, 64)))) \(bits))"
  }
  func operation(_ operation: BitVectorOperation, _ a: String, _ b: String) -> String {
    "(\(operation.rawValue) \(a) \(b))"
  }
  func extended(_ a: String, by bits: Int, isSigned: Bool) -> String {
    "((_ \(isSigned ? "sign" : "zero")_extend \(bits)) \(a))"
  }
  func extracted(_ a: String, bits: ClosedRange<Int>) -> String {
    "((_ extract \(bits.upperBound) \(bits.lowerBound)) \(a))"
  }
  func choice(_ a: String, less b: String, isSigned: Bool, _ c: String, _ d: String) -> String {
    "(ite (\(isSigned ? "bvslt" : "bvult") \(a) \(b)) \(c) \(d))"
  }
  mutating func shared(_ value: String, index: Int, bits: Int) -> String {
    line("(define-fun n\(index) () (_ BitVec \(bits)) \(value))")
    return "n\(index)"
  }
  mutating func assert(anyOf bits: [String]) {
    let equations = bits.map { "(= \($0) #b1)" }
    line("(assert \(equations.count == 1 ? equations[0] : "(or \(equations.joined(separator: " ")))"))")
  }
}

extension BitVectorQuery {
  /// The question as a complete script for any SMT-LIB 2 solver: `sat` means that an input in the box meets one of the
  /// chosen violations (any at all where `violations` is nil). The values that follow are its codes, each counted from
  /// the low end of its range; an element that the script does not name may have any code. After `unsat` there are no
  /// values, and solvers answer the last command with an error.
  public func smtLIB2Text(violations: [Int]? = nil) -> String {
    var text = ""
    writeSMTLIB2(violations: violations, to: &text)
    return text
  }

  /// Writes `smtLIB2Text` piece by piece.
  public func writeSMTLIB2<Target: TextOutputStream>(violations: [Int]? = nil, to target: inout Target) {
    var writer = SMTLIBWriter(target: target)
    defer { target = writer.target }
    writer.line("(set-info :smt-lib-version 2.6)")
    writer.line("(set-option :produce-models true)")
    writer.line("(set-logic QF_BV)")
    writer.line("(set-info :category \"industrial\")")
    writer.line(
      "(set-info :source |Lockstep: does an input in the box meet a violation?\n"
        + "program SHA-256 \(program.digest)\nproperty SHA-256 \(property.digest)|)")
    if let violations { writer.line("; violations \(violations.map { "\($0)" }.joined(separator: ", "))") }
    for (element, range) in property.box.enumerated() where range.count > 1 && range.lowerBound != 0 {
      writer.line("; input element \(element) = \(range.lowerBound) + x\(element)")
    }
    var names: [String] = []
    switch formula.outcome(violations) {
    case .decided(let isMet): writer.line("(assert \(isMet))")
    case .open(let goals): names = formula.write(goals, to: &writer).map(\.name)
    }
    writer.line("(check-sat)")
    if !names.isEmpty { writer.line("(get-value (\(names.joined(separator: " "))))") }
    writer.line("(exit)")
  }
}
