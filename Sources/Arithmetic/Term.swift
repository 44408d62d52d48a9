/// The symbolic reading of a register: an expression that generated C computes and that a solver reasons about.
///
/// Terms are hash-consed, so equal expressions are one node and a fold over the graph visits each once. Every node
/// carries the range of its values; comparisons that the ranges decide are folded away, which is why a clamp that never
/// acts or a shift that is always zero leaves no trace in the generated code.
public struct Term<Register: MachineWord>: Sendable, Hashable {
  public let node: TermNode

  init(_ node: TermNode) { self.node = node }

  /// A free variable of the expression, with the values it may take.
  public init(variable name: String, in range: ClosedRange<Int64>) {
    let interval = Interval<Register>(range)
    self.init(.variable(name), interval)
  }

  public var interval: Interval<Register> {
    Interval(node.range.lowerBound, node.range.upperBound, holds: node.holds)
  }

  /// The node of `operation`, whose values lie in `interval`; a literal where that leaves one value.
  init(_ operation: TermNode.Operation, _ interval: Interval<Register>) {
    let folds = interval.isSingle && interval.holds && !operation.isVariable
    node = TermTable.current.node(folds ? .literal(interval.low) : operation, interval.range, interval.holds)
  }
}

/// One node of the expression graph.
public final class TermNode: Sendable, Hashable {
  public enum Operation: Hashable, Sendable {
    case variable(String)
    case literal(Int64)
    case add(TermNode, TermNode)
    case subtract(TermNode, TermNode)
    case multiply(TermNode, TermNode)
    case shiftLeft(TermNode, TermNode)
    case shiftRight(TermNode, TermNode)
    case divide(TermNode, TermNode)
    case lowest(TermNode, bits: Int)
    /// The third where the first is less than the second, else the fourth.
    case select(TermNode, less: TermNode, TermNode, TermNode)

    var isVariable: Bool { if case .variable = self { true } else { false } }
  }

  public let operation: Operation
  /// Its place among its table's nodes, after those of its operands.
  public let index: Int
  /// The values this node takes for variables in their ranges.
  public let range: ClosedRange<Int64>
  /// Whether no operation at or below this node can leave its register.
  public let holds: Bool

  init(_ operation: Operation, index: Int, _ range: ClosedRange<Int64>, _ holds: Bool) {
    self.operation = operation
    self.index = index
    self.range = range
    self.holds = holds
  }

  public var operands: [TermNode] {
    switch operation {
    case .variable, .literal: []
    case .add(let a, let b), .subtract(let a, let b), .multiply(let a, let b), .shiftLeft(let a, let b),
      .shiftRight(let a, let b), .divide(let a, let b):
      [a, b]
    case .lowest(let a, _): [a]
    case .select(let a, let b, let c, let d): [a, b, c, d]
    }
  }

  // Hash-consing makes equality identity.
  public static func == (a: TermNode, b: TermNode) -> Bool { a === b }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
