import IntegerProgram
import Properties

/// A proof of one property of one program, to be checked by `CertificateChecker`.
public struct Certificate: Sendable, Hashable {
  /// The program's digest.
  public var program: String
  public var property: Property
  /// Bounds that hold for the whole box, whatever the goal: each round ends in `next`.
  public var shared: [Proof.Node]
  /// One for each of the goals that the property comes down to.
  public var proofs: [Proof]

  public init(program: String, property: Property, shared: [Proof.Node] = [], proofs: [Proof]) {
    self.program = program
    self.property = property
    self.shared = shared
    self.proofs = proofs
  }

  /// Nodes of all proofs together.
  public var nodeCount: Int { proofs.reduce(shared.count) { $0 + $1.nodes.count } }
}
