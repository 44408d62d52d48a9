import Arithmetic

/// Prints terms as C: every node shared by several others, once, as a constant of the narrowest of `int32_t` and
/// `int64_t` that holds its proved range.
///
/// The text has no undefined behaviour for variables inside their ranges: no operation leaves its type, nothing negative
/// is shifted left, and right shifts of negative numbers, which C leaves to the implementation, go through helpers whose
/// assumption is checked when the file is compiled.
struct CExpressionPrinter {
  /// The prefix of the file's helper functions, which stand in ``CHelpers``.
  let prefix: String
  private(set) var lines: [String] = []
  private var texts: [TermNode: String] = [:]
  private var uses: [TermNode: Int] = [:]

  init(prefix: String) { self.prefix = prefix }

  enum CType: String, Comparable {
    case int32 = "int32_t"
    case int64 = "int64_t"

    init(holding range: ClosedRange<Int64>) {
      self = Int32.min <= range.lowerBound && range.upperBound <= Int32.max ? .int32 : .int64
    }
    static func < (a: CType, b: CType) -> Bool { a == .int32 && b == .int64 }
    var bits: String { self == .int32 ? "32" : "64" }
  }

  /// The statements that compute `term`, and the expression that is its value.
  static func print(_ node: TermNode, prefix: String) -> (lines: [String], result: String) {
    precondition(node.holds, "every operation of a printed term is proved to stay in its register")
    var printer = CExpressionPrinter(prefix: prefix)
    printer.countUses(of: node)
    let result = printer.text(node)
    return (printer.lines, result)
  }

  private mutating func countUses(of node: TermNode) {
    uses[node, default: 0] += 1
    if uses[node] == 1 { for operand in node.operands { countUses(of: operand) } }
  }

  /// The node as an operand: a name, a literal or something in parentheses.
  private mutating func text(_ node: TermNode) -> String {
    if let text = texts[node] { return text }
    let text: String
    switch node.operation {
    case .variable(let name): text = name
    case .literal(let value): text = Self.literal(value)
    default:
      let expression = expression(node)
      if uses[node] == 1, expression.count < 40 {
        text = "(\(expression))"
      } else {
        text = "t\(lines.count)"
        lines.append("const \(type(node).rawValue) \(text) = \(expression);")
      }
    }
    texts[node] = text
    return text
  }

  private func type(_ node: TermNode) -> CType { CType(holding: node.range) }

  /// The node as an operand of the given type, cast where its own is narrower or wider.
  private mutating func text(_ node: TermNode, as type: CType) -> String {
    let own = self.type(node)
    if own == type { return text(node) }
    if case .literal(let value) = node.operation { return "(\(type.rawValue))\(Self.literal(value))" }
    // MISRA C:2012 rule 10.8: what is widened must be a name, not an expression.
    return "(\(type.rawValue))\(named(text(node), node, own))"
  }

  private mutating func expression(_ node: TermNode) -> String {
    let own = type(node)
    switch node.operation {
    case .variable, .literal:
      return text(node)
    case .add(let a, let b): return arithmetic("+", a, b, own)
    case .subtract(let a, let b): return arithmetic("-", a, b, own)
    case .multiply(let a, let b): return arithmetic("*", a, b, own)
    case .divide(let a, let b): return arithmetic("/", a, b, own)
    case .shiftLeft(let a, let n):
      // A product, since C does not define the left shift of a negative number.
      let working = max(own, type(a))
      let power: String
      if case .literal(let shift) = n.operation {
        power = Self.literal(1 << shift)
      } else {
        power = "\(prefix)_power_of_two_\(working.bits)(\(text(n)))"
      }
      if case .literal(1) = a.operation { return power }
      return "\(text(a, as: working)) * \(power)"
    case .shiftRight(let a, let n):
      let working = type(a)
      let shifted = "\(prefix)_floor_shift_\(working.bits)(\(text(a)), \(text(n)))"
      return own < working ? "(\(own.rawValue))\(shifted)" : shifted
    case .lowest(let a, let bits):
      let working = type(a)
      let low = "\(prefix)_low_bits_\(working.bits)(\(text(a)), \((UInt64(1) << UInt64(bits)) - 1)u)"
      return own < working ? "(\(own.rawValue))\(low)" : low
    case .select(let a, let b, let c, let d):
      let comparison = max(type(a), type(b))
      return "(\(text(a, as: comparison)) < \(text(b, as: comparison))) ? \(branch(c, own)) : \(branch(d, own))"
    }
  }

  /// What a selection chooses: a name, or a literal of the result's own type. Both branches are computed beforehand,
  /// which is safe: every node is proved for all inputs, chosen or not.
  private mutating func branch(_ node: TermNode, _ type: CType) -> String {
    if case .literal(let value) = node.operation { return "(\(type.rawValue))\(Self.literal(value))" }
    let own = self.type(node)
    let text = named(text(node), node, own)
    return own == type ? text : "(\(type.rawValue))\(text)"
  }

  /// `text` if it is a name, or the name of a new constant that holds it.
  private mutating func named(_ text: String, _ node: TermNode, _ type: CType) -> String {
    guard text.hasPrefix("(") else { return text }
    let name = "t\(lines.count)"
    lines.append("const \(type.rawValue) \(name) = \(text.dropFirst().dropLast());")
    texts[node] = name
    return name
  }

  /// A binary operation in a type that holds both operands and the result.
  private mutating func arithmetic(_ symbol: String, _ a: TermNode, _ b: TermNode, _ own: CType) -> String {
    let working = max(own, max(type(a), type(b)))
    let text = "\(text(a, as: working)) \(symbol) \(text(b, as: working))"
    return own < working ? "(\(own.rawValue))(\(text))" : text
  }

  /// An integer constant; C has no negative ones, and the least of a type cannot be written as a negation.
  static func literal(_ value: Int64) -> String {
    switch value {
    case Int64.min: "(-9223372036854775807 - 1)"
    case Int64(Int32.min): "(-2147483647 - 1)"
    case ..<0: "(\(value))"
    default: "\(value)"
    }
  }
}
