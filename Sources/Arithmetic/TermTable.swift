import Synchronization

/// The table that keeps equal nodes one. It holds its nodes for as long as it lives: give each large encoding a table
/// of its own with `TermTable.$current.withValue(TermTable()) { … }`.
public final class TermTable: Sendable {
  @TaskLocal public static var current = TermTable()

  private struct Key: Hashable {
    let operation: TermNode.Operation
    let range: ClosedRange<Int64>
    let holds: Bool
  }
  private let nodes = Mutex<[Key: TermNode]>([:])

  public init() {}

  func node(_ operation: TermNode.Operation, _ range: ClosedRange<Int64>, _ holds: Bool) -> TermNode {
    nodes.withLock { nodes in
      let key = Key(operation: operation, range: range, holds: holds)
      if let node = nodes[key] { return node }
      let node = TermNode(operation, range, holds)
      nodes[key] = node
      return node
    }
  }
}
