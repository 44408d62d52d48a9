import Certificates

/// A proof as it grows, its cases looked at in any order.
struct ProofTree {
  private struct Case {
    var nodes: [Proof.Node] = []
    /// The two cases that the last node splits it into; the high one follows.
    var low: Int?
  }
  private var cases = [Case()]
  /// The case that `append` goes on with.
  var current = 0

  mutating func append(_ node: Proof.Node) { cases[current].nodes.append(node) }

  /// The two cases that the current one, whose last node is a split, falls into.
  mutating func split() -> (low: Int, high: Int) {
    let low = cases.count
    cases[current].low = low
    cases.append(Case())
    cases.append(Case())
    return (low, low + 1)
  }

  mutating func removeAll() { self = ProofTree() }

  /// The proof, in preorder; to be asked for once every case is closed.
  var proof: Proof {
    var nodes: [Proof.Node] = []
    var stack = [0]
    while let index = stack.popLast() {
      nodes += cases[index].nodes
      if let low = cases[index].low { stack += [low + 1, low] }
    }
    return Proof(nodes)
  }
}
