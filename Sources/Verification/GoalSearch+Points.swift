import Certificates
import IntegerProgram
import Properties

// Cases of few inputs, tried one by one.
extension GoalSearch {
  /// Ends a case by trying all its inputs.
  func closeByPoints(_ ranges: Ranges, _ best: Int64, _ node: Proof.Node) -> Closing {
    var isViolated = false
    do {
      try bounded.forEachPoint(of: bounded.box(of: ranges)) { point throws(CertificateError) in
        isViolated = tries(point, 0)
        // Without the attack nothing is tried.
        if isViolated || !stages.contains(.attack) && bounded.isMet(goal, at: point) || isOver() {
          throw CertificateError("not every input is excluded")
        }
      }
    } catch {
      return isViolated ? .violated : .stuck(bound: best)
    }
    var node = node
    node.end = .points
    proof.append(node)
    return .closed
  }

  /// Ends the whole search by trying all inputs, in place of the proof so far.
  func tryEverything() {
    var root = natural
    bounded.settle(&root, for: goal)
    proof.removeAll()
    switch closeByPoints(root, bound, Proof.Node(end: .next)) {
    case .closed: outcome = .proved(proof.proof)
    case .violated: outcome = .violated
    case .split, .stuck: outcome = .stuck
    }
  }
}
