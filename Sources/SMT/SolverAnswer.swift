/// What a solver says of the question whether some input meets a violation.
public enum SolverAnswer: Sendable, Hashable {
  /// None does.
  case unsatisfiable
  /// These input codes do, all network inputs one after another.
  case satisfiable([Int32])
  /// Neither, with the solver's reason.
  case unknown(String)
}
