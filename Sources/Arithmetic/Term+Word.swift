extension Term: Word {
  public typealias Wide = Term<Register.Wide>

  public struct Truth: Sendable {
    let lesser, greater: TermNode
    let interval: Interval<Register>.Truth
  }

  public init(_ literal: Int64) { self.init(.literal(literal), Interval(literal)) }
  // Moving between registers changes what must be proved of a value, not the value.
  public init(narrowing wide: Wide) { self.init(wide.node.operation, Interval(narrowing: wide.interval)) }
  public var wide: Wide { Wide(node.operation, interval.wide) }

  public static func +% (a: Self, b: Self) -> Self {
    if b.isLiteral(0) { return a }
    if a.isLiteral(0) { return b }
    return Self(.add(a.node, b.node), a.interval +% b.interval)
  }
  public static func -% (a: Self, b: Self) -> Self {
    b.isLiteral(0) ? a : Self(.subtract(a.node, b.node), a.interval -% b.interval)
  }
  public static func *% (a: Self, b: Self) -> Self {
    if b.isLiteral(1) { return a }
    if a.isLiteral(1) { return b }
    return Self(.multiply(a.node, b.node), a.interval *% b.interval)
  }
  public static func <<% (a: Self, n: Self) -> Self {
    n.isLiteral(0) ? a : Self(.shiftLeft(a.node, n.node), a.interval <<% n.interval)
  }
  public static func >>% (a: Self, n: Self) -> Self {
    n.isLiteral(0) ? a : Self(.shiftRight(a.node, n.node), a.interval >>% n.interval)
  }
  public static func / (a: Self, divisor: Self) -> Self {
    divisor.isLiteral(1) ? a : Self(.divide(a.node, divisor.node), a.interval / divisor.interval)
  }
  public static func less(_ a: Self, _ b: Self) -> Truth {
    Truth(lesser: a.node, greater: b.node, interval: Interval.less(a.interval, b.interval))
  }
  public static func select(_ truth: Truth, _ a: Self, _ b: Self) -> Self {
    select(truth, a, b, in: Interval.select(truth.interval, a.interval, b.interval))
  }
  public static func smaller(_ a: Self, _ b: Self) -> Self {
    select(less(b, a), b, a, in: Interval.smaller(a.interval, b.interval))
  }
  public static func larger(_ a: Self, _ b: Self) -> Self {
    select(less(a, b), b, a, in: Interval.larger(a.interval, b.interval))
  }
  public func lowest(bits: Int) -> Self {
    Self(.lowest(node, bits: bits), interval.lowest(bits: bits))
  }

  private static func select(_ truth: Truth, _ a: Self, _ b: Self, in interval: Interval<Register>) -> Self {
    // A comparison whose sides may overflow stays in the expression, however it would be decided.
    if truth.interval.holds {
      if let decided = truth.interval.decided { return decided ? a : b }
      if a == b { return a }
    }
    return Self(.select(truth.lesser, less: truth.greater, a.node, b.node), interval)
  }

  private func isLiteral(_ value: Int64) -> Bool { node.operation == .literal(value) }
}
