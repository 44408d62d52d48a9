import IntegerProgram
import Properties

/// A proof of one property of one program, to be checked by `CertificateChecker`.
public struct Certificate: Sendable, Hashable {
  /// The program's digest.
  public var program: String
  public var property: Property
  /// One for each of the goals that the property comes down to.
  public var proofs: [Proof]

  public init(program: String, property: Property, proofs: [Proof]) {
    self.program = program
    self.property = property
    self.proofs = proofs
  }

  /// Nodes of all proofs together.
  public var nodeCount: Int { proofs.reduce(0) { $0 + $1.nodes.count } }
}
