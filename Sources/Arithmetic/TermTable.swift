import Dispatch
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
  private struct Contents: Sendable {
    var byKey: [Key: TermNode] = [:]
    var inOrder: [TermNode] = []
  }
  private let contents = Mutex(Contents())

  public init() {}

  /// All nodes, each after its operands.
  public var nodes: [TermNode] { contents.withLock { $0.inOrder } }

  func node(_ operation: TermNode.Operation, _ range: ClosedRange<Int64>, _ holds: Bool) -> TermNode {
    contents.withLock { contents in
      let key = Key(operation: operation, range: range, holds: holds)
      if let node = contents.byKey[key] { return node }
      let node = TermNode(operation, index: contents.inOrder.count, range, holds)
      contents.byKey[key] = node
      contents.inOrder.append(node)
      return node
    }
  }

  deinit {
    let left = Leftovers(
      contents.withLock { contents in
        defer { contents = Contents() }
        return contents
      })
    // Millions of nodes take a second to let go, which whoever is out of time does not have.
    guard left.count > 1 << 16 else { return left.letGo() }
    DispatchQueue.global(qos: .utility).async { left.letGo() }
  }

  /// The nodes of a table that is no more, which one thread has.
  private final class Leftovers: @unchecked Sendable {
    private var contents: Contents

    init(_ contents: Contents) { self.contents = contents }

    var count: Int { contents.inOrder.count }

    /// Each node before its operands: the last holder of a long chain would release it by recursion.
    func letGo() {
      contents.byKey = [:]
      while contents.inOrder.popLast() != nil {}
    }
  }
}
