import Certificates
import IntegerProgram
import Properties
import Simulation

/// Decides properties of one program; it may be used from several threads at once.
public struct Verifier: Sendable {
  public let program: IntegerProgram
  let simulator: Simulator

  /// Prepares what all properties share; do it once for many.
  public init(_ program: IntegerProgram) {
    self.program = program
    simulator = Simulator(program)
  }

  /// Decides `property`, which must fit the program. `isCancelled` is asked now and then, from any thread; once it
  /// says true, the verdict is unknown.
  public func verify(
    _ property: Property, options: VerificationOptions = VerificationOptions(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) -> VerificationResult {
    VerificationResult(
      verdict: .unknown(
        Unknown(reason: "not decided", bounds: property.violations.map { _ in .max }, openFraction: 1)),
      stage: .intervals, seconds: 0, nodes: 0)
  }
}
