import IntegerProgram
import Properties

/// A proof of one property of one program, to be checked by `CertificateChecker`.
public struct Certificate: Sendable, Hashable {
  /// The program's digest.
  public var program: String
  public var property: Property

  public init(program: String, property: Property) {
    self.program = program
    self.property = property
  }
}
