import Arithmetic

/// Terms that are to be non-zero, any one of them; and the nodes they are made of, each after its operands.
struct BitVectorFormula: Sendable {
  /// It holds the nodes, and lets them go in order.
  private let table: TermTable
  private let goals: [Int]

  init(_ table: TermTable, goals: [TermNode]) {
    precondition(goals.allSatisfy(\.holds), "every operation of a formula is proved to stay in its register")
    self.table = table
    self.goals = goals.map(\.index)
  }

  var nodes: [TermNode] { table.nodes }

  /// What is known without a solver of the goals in question.
  enum Outcome {
    case decided(Bool)
    /// The goals left, one bit each.
    case open([TermNode])
  }
  func outcome(_ selection: [Int]?) -> Outcome {
    let nodes = table.nodes
    var open: [TermNode] = []
    for goal in selection ?? Array(goals.indices) {
      switch nodes[goals[goal]].operation {
      case .literal(0): continue
      case .literal: return .decided(true)
      default: open.append(nodes[goals[goal]])
      }
    }
    return open.isEmpty ? .decided(false) : .open(open)
  }

  /// Writes that one of `goals` is met; the result is the variables in the order of their making. Stops, with what was
  /// written so far, once `isCancelled` says true.
  func write<Writer: BitVectorWriter>(
    _ goals: [TermNode], to writer: inout Writer, isCancelled: () -> Bool = { false }
  ) -> [Variable<Writer.Expression>] {
    let nodes = table.nodes
    var isNeeded = [Bool](repeating: false, count: nodes.count)
    for goal in goals { isNeeded[goal.index] = true }
    for node in nodes.reversed() where isNeeded[node.index] {
      for operand in node.operands { isNeeded[operand.index] = true }
    }
    var fold = BitVectorFold(writer: writer, nodeCount: nodes.count)
    for node in nodes where isNeeded[node.index] {
      if isCancelled() { return [] }
      fold.add(node)
    }
    fold.assert(anyOf: goals)
    writer = fold.writer
    return fold.variables
  }

  struct Variable<Expression> {
    var name: String
    var expression: Expression
  }
}
