import Network

/// A VNN-LIB 1.0 file (https://www.vnnlib.org): constants `X_i` for inputs and `Y_j` for outputs, and assertions about
/// them. What is asserted is the violation: the property holds where no input meets it all.
///
/// Read are `declare-const` (and `declare-fun` without arguments) of Real or Int; `assert` of `<=`, `<`, `>=`, `>`, `=`
/// and `distinct` between terms, joined by `and`, `or`, `not` and `=>`; terms of `+`, `-`, `*` and `/` with at most one
/// factor that is no number, and of `max` and `min`. Numbers are exact, however they are written.
public struct VNNLIB: Sendable {
  public enum Variable: Sendable, Hashable {
    case input(Int)
    case output(Int)
  }

  /// The elements that are declared: `X_0` … `X_(inputs − 1)`, and so for `Y`.
  public let inputs, outputs: Int
  /// The first line that declares an integer.
  let firstInteger: Int?
  /// Hold together.
  let assertions: [Formula]

  public init(_ text: String) throws(VNNLIBError) {
    var reader = Reader()
    for expression in try SExpression.parse(text) { try reader.command(expression) }
    inputs = try reader.count("X") { if case .input = $0 { true } else { false } }
    outputs = try reader.count("Y") { if case .output = $0 { true } else { false } }
    firstInteger = reader.firstInteger
    assertions = reader.assertions
    guard !assertions.isEmpty else { throw VNNLIBError(nil, "asserts nothing: a property has (assert …)") }
  }

  /// Conditions without negation.
  indirect enum Formula: Sendable {
    case comparison(Comparison)
    case all([Formula])
    case any([Formula])
  }

  /// `sum > 0` where strict, else `sum ≥ 0`.
  struct Comparison: Sendable {
    var sum: LinearSum
    var isStrict: Bool
    var line: Int
  }

  struct LinearSum: Sendable {
    private(set) var coefficients: [Variable: Rational] = [:]
    private(set) var constant = Rational(0)
    /// Multiples of the largest of several sums; the smallest is the largest of the negated ones, negated.
    private(set) var maxima: [(factor: Rational, operands: [LinearSum])] = []
    /// The bits of the longest number on the way here.
    private(set) var longest = 0

    init(constant: Rational) { self.constant = constant }
    init(variable: Variable) { coefficients = [variable: Rational(1)] }

    init(largestOf operands: [LinearSum]) {
      maxima = [(Rational(1), operands)]
      longest = operands.map(\.longest).max() ?? 0
    }

    /// Without its last maximum, and that one.
    var parted: (rest: LinearSum, maximum: (factor: Rational, operands: [LinearSum]))? {
      var rest = self
      return rest.maxima.popLast().map { (rest, $0) }
    }

    static func - (a: LinearSum, b: LinearSum) -> LinearSum {
      var difference = a
      difference.add(b, times: Rational(-1))
      return difference
    }

    mutating func add(_ other: LinearSum, times factor: Rational = Rational(1)) {
      constant = noting(constant + factor * other.constant)
      for (variable, coefficient) in other.coefficients {
        coefficients[variable] = noting((coefficients[variable] ?? Rational(0)) + factor * coefficient)
      }
      for maximum in other.maxima { maxima.append((noting(factor * maximum.factor), maximum.operands)) }
    }
    mutating func scale(by factor: Rational) {
      constant = noting(constant * factor)
      for (variable, coefficient) in coefficients { coefficients[variable] = noting(coefficient * factor) }
      for index in maxima.indices { maxima[index].factor = noting(maxima[index].factor * factor) }
    }
    private mutating func noting(_ number: Rational) -> Rational {
      longest = max(longest, number.numerator.bitWidth, number.denominator.bitWidth)
      return number
    }
    /// The number that it is where no variable is in it.
    var number: Rational? { coefficients.isEmpty && maxima.isEmpty ? constant : nil }
  }
}

/// Turns expressions into formulas.
private struct Reader {
  var variables: [Substring: VNNLIB.Variable] = [:]
  var firstInteger: Int?
  var assertions: [VNNLIB.Formula] = []
  /// After (exit) no command, and after (check-sat) no assertion, is one that a solver would take into account.
  private var isOver = false
  private var isChecked = false

  /// Networks for devices have far fewer inputs.
  private static let mostElements = 1 << 26
  private static let mostBits = 1 << 14
  /// In one sum: each has two operands or more, so that more of them have more cases than are taken.
  private static let mostMaxima = 14

  /// How many elements of a kind are declared; all from 0 on must be.
  func count(_ name: String, _ isOfKind: (VNNLIB.Variable) -> Bool) throws(VNNLIBError) -> Int {
    let declared = variables.values.filter(isOfKind)
    for index in 0..<declared.count where variables["\(name)_\(index)"] == nil {
      throw VNNLIBError(nil, "\(declared.count) constants \(name)_… are declared, but not \(name)_\(index)")
    }
    return declared.count
  }

  mutating func command(_ expression: SExpression) throws(VNNLIBError) {
    let line = expression.line
    guard case .list(let items, _) = expression, case .word(let name, _)? = items.first else {
      throw VNNLIBError(line, "is no command; (declare-const …) and (assert …) are")
    }
    guard !isOver else { throw VNNLIBError(line, "stands after (exit)") }
    switch name {
    case "declare-const" where items.count == 3: try declare(items[1], type: items[2])
    case "declare-fun" where items.count == 4:
      guard case .list(let arguments, _) = items[2], arguments.isEmpty else {
        throw VNNLIBError(line, "declares a function with arguments; inputs and outputs are constants")
      }
      try declare(items[1], type: items[3])
    case "assert" where items.count == 2:
      guard !isChecked else { throw VNNLIBError(line, "asserts something after (check-sat)") }
      assertions.append(try formula(items[1], isNegated: false))
    case "check-sat": isChecked = true
    case "exit": isOver = true
    case "set-logic", "set-info", "set-option", "get-model": break
    case "declare-const", "declare-fun", "assert":
      throw VNNLIBError(line, "(\(name) …) has \(items.count - 1) parts")
    default:
      throw VNNLIBError(
        line, "'\(name.text)' is no command that is read: declare-const, declare-fun and assert are (VNN-LIB 1.0)")
    }
  }

  private mutating func declare(_ name: SExpression, type: SExpression) throws(VNNLIBError) {
    guard case .word(let name, let line) = name, case .word(let type, _) = type else {
      throw VNNLIBError(name.line, "a declaration is (declare-const X_0 Real)")
    }
    guard type == "Real" || type == "Int" else {
      throw VNNLIBError(line, "'\(name.text)' is of type '\(type.text)'; Real and Int are read")
    }
    guard let index = Int(name.dropFirst(2)), (0..<Self.mostElements).contains(index), name.hasSuffix("_\(index)")
    else {
      throw VNNLIBError(line, "'\(name.text)' is no name of an input (X_0 …) or output (Y_0 …)")
    }
    let variable: VNNLIB.Variable
    switch name.prefix(2) {
    case "X_": variable = .input(index)
    case "Y_": variable = .output(index)
    default: throw VNNLIBError(line, "'\(name.text)' is no name of an input (X_0 …) or output (Y_0 …)")
    }
    guard variables.updateValue(variable, forKey: name) == nil else {
      throw VNNLIBError(line, "'\(name)' is declared twice")
    }
    if type == "Int" { firstInteger = firstInteger ?? line }
  }

  private func formula(_ expression: SExpression, isNegated: Bool) throws(VNNLIBError) -> VNNLIB.Formula {
    let line = expression.line
    guard case .list(let items, _) = expression, case .word(let name, _)? = items.first else {
      if case .word("true", _) = expression { return isNegated ? .any([]) : .all([]) }
      if case .word("false", _) = expression { return isNegated ? .all([]) : .any([]) }
      throw VNNLIBError(line, "a condition is expected, as (<= X_0 1)")
    }
    let operands = items.dropFirst()
    switch name {
    case "and", "or":
      let parts = try list(operands) { operand throws(VNNLIBError) in try formula(operand, isNegated: isNegated) }
      return (name == "and") != isNegated ? .all(parts) : .any(parts)
    case "not" where operands.count == 1: return try formula(items[1], isNegated: !isNegated)
    case "=>" where operands.count == 2:
      let parts = [
        try formula(items[1], isNegated: !isNegated), try formula(items[2], isNegated: isNegated),
      ]
      return isNegated ? .all(parts) : .any(parts)
    case "<=", "<", ">=", ">", "=":
      guard operands.count >= 2 else { throw VNNLIBError(line, "(\(name) …) compares two terms or more") }
      let sums = try list(operands) { operand throws(VNNLIBError) in try sum(operand) }
      var parts: [VNNLIB.Formula] = []
      for (left, right) in zip(sums, sums.dropFirst()) {
        parts.append(try comparison(left, name, right, isNegated: isNegated, line: line))
      }
      return parts.count == 1 ? parts[0] : isNegated ? .any(parts) : .all(parts)
    case "distinct":
      guard operands.count >= 2 else { throw VNNLIBError(line, "(distinct …) compares two terms or more") }
      let sums = try list(operands) { operand throws(VNNLIBError) in try sum(operand) }
      guard sums.count * (sums.count - 1) / 2 <= VNNLIB.mostCases else {
        throw VNNLIBError(line, "(distinct …) has over \(VNNLIB.mostCases) pairs")
      }
      // No two are equal.
      var parts: [VNNLIB.Formula] = []
      for left in sums.indices {
        for right in sums.indices where right > left {
          parts.append(try comparison(sums[left], "=", sums[right], isNegated: !isNegated, line: line))
        }
      }
      return isNegated ? .any(parts) : .all(parts)
    default:
      throw VNNLIBError(
        line, "'\(name.text)' is no condition that is read: <=, <, >=, >, =, distinct, and, or, not and => are")
    }
  }

  private func comparison(
    _ left: VNNLIB.LinearSum, _ name: Substring, _ right: VNNLIB.LinearSum, isNegated: Bool, line: Int
  ) throws(VNNLIBError) -> VNNLIB.Formula {
    var cases = 0
    let tooMany = VNNLIBError(
      line, "has over \(VNNLIB.mostCases) cases once its 'max' and 'min' are written out; split it into several files")
    func positive(_ sum: VNNLIB.LinearSum, strict: Bool) throws(VNNLIBError) -> VNNLIB.Formula {
      guard let (rest, maximum) = sum.parted else {
        cases += 1
        guard cases <= VNNLIB.mostCases else { throw tooMany }
        return .comparison(.init(sum: sum, isStrict: strict, line: line))
      }
      guard sum.maxima.count <= Self.mostMaxima else { throw tooMany }
      // c · max(a, b) + rest is above 0 where it is for one of them, or with a negative c for all.
      var parts: [VNNLIB.Formula] = []
      for operand in maximum.operands {
        var chosen = rest
        chosen.add(operand, times: maximum.factor)
        guard chosen.longest <= Self.mostBits else { throw VNNLIBError(line, "makes a number of over \(Self.mostBits) bits") }
        parts.append(try positive(chosen, strict: strict))
      }
      return maximum.factor > Rational(0) ? .any(parts) : .all(parts)
    }
    switch name {
    case "=":
      let parts = [
        try positive(left - right, strict: isNegated), try positive(right - left, strict: isNegated),
      ]
      return isNegated ? .any(parts) : .all(parts)
    case "<=", "<":
      return try isNegated ? positive(left - right, strict: name == "<=") : positive(right - left, strict: name == "<")
    default:
      return try isNegated ? positive(right - left, strict: name == ">=") : positive(left - right, strict: name == ">")
    }
  }

  private func sum(_ expression: SExpression) throws(VNNLIBError) -> VNNLIB.LinearSum {
    switch expression {
    case .word(let word, let line):
      if let variable = variables[word] { return VNNLIB.LinearSum(variable: variable) }
      if let number = Rational(word) { return VNNLIB.LinearSum(constant: number) }
      let isName = word.hasPrefix("X_") || word.hasPrefix("Y_")
      throw VNNLIBError(
        line,
        "'\(word.text)' is "
          + (isName ? "not declared" : "neither a declared constant nor a number (of at most 400 digits)"))
    case .list(let items, let line):
      guard case .word(let name, _)? = items.first, items.count > 1 else {
        throw VNNLIBError(line, "a term is expected, as (+ X_0 (* 2.5 X_1))")
      }
      if name == "max" || name == "min" {
        var operands = try list(items.dropFirst()) { item throws(VNNLIBError) in try sum(item) }
        guard operands.count > 1 else { return operands[0] }
        if name == "min" { for index in operands.indices { operands[index].scale(by: Rational(-1)) } }
        var largest = VNNLIB.LinearSum(largestOf: operands)
        if name == "min" { largest.scale(by: Rational(-1)) }
        return largest
      }
      guard ["+", "-", "*", "/"].contains(name) else {
        throw VNNLIBError(line, "'\(name.text)' is no term that is read: +, -, *, /, max and min are")
      }
      guard items.count > 2 || name == "+" || name == "-" else {
        throw VNNLIBError(line, "(\(name) …) takes two terms or more")
      }
      var result = try sum(items[1])
      if name == "-" && items.count == 2 { result.scale(by: Rational(-1)) }
      for item in items.dropFirst(2) {
        var operand = try sum(item)
        switch name {
        case "+": result.add(operand)
        case "-": result.add(operand, times: Rational(-1))
        case "*":
          if result.number != nil { swap(&result, &operand) }
          guard let number = operand.number else {
            throw VNNLIBError(line, "multiplies two terms that are no numbers; terms are linear")
          }
          result.scale(by: number)
        case "/":
          guard let divisor = operand.number, divisor != Rational(0) else {
            throw VNNLIBError(line, "divides by what is no number, or by 0")
          }
          result.scale(by: Rational(1) / divisor)
        default: break
        }
        // Numbers that grow with every operation would take the machine's memory.
        guard result.longest <= Self.mostBits else {
          throw VNNLIBError(line, "makes a number of over \(Self.mostBits) bits")
        }
      }
      return result
    }
  }

  private func list<Result>(
    _ expressions: ArraySlice<SExpression>, _ transform: (SExpression) throws(VNNLIBError) -> Result
  ) throws(VNNLIBError) -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(expressions.count)
    for expression in expressions { results.append(try transform(expression)) }
    return results
  }
}

extension Substring {
  /// Fit for a message.
  fileprivate var text: String { String(self).printable(40) }
}
