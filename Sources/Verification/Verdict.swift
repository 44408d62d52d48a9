import Certificates
import Properties

/// What a verification found out.
public enum Verdict: Sendable {
  /// The property holds; the checker has accepted the certificate.
  case proved(Certificate)
  /// It does not: an input that the simulator has replayed.
  case violated(Counterexample)
  case unknown(Unknown)
}

/// An input in the property's box that meets one of its violations.
public struct Counterexample: Sendable, Hashable {
  /// Codes, all network inputs one after another.
  public var inputs: [Int32]
  /// What the simulator returns for them, all outputs one after another.
  public var outputs: [Int32]
  /// Which of the property's violations is met.
  public var violation: Int

  public init(inputs: [Int32], outputs: [Int32], violation: Int) {
    self.inputs = inputs
    self.outputs = outputs
    self.violation = violation
  }
}

/// Why a verification ended undecided, and how far it came.
public struct Unknown: Sendable {
  /// As "timeout after 60 s".
  public var reason: String
  /// For each violation: nil where it is excluded, else a proved upper bound of `value − least` of its first constraint
  /// wherever it is met (below 0 would exclude it); of logits, where these are compared in place of a softmax's codes.
  public var bounds: [Int64?]
  /// The share of the search that is open: 1 at the start, halved by every split on the way down.
  public var openFraction: Double

  public init(reason: String, bounds: [Int64?], openFraction: Double) {
    self.reason = reason
    self.bounds = bounds
    self.openFraction = openFraction
  }
}

/// What decides a property, cheapest first.
public enum Stage: String, Sendable, Hashable, Codable, CaseIterable {
  /// Integer search for a counterexample on the exact program.
  case attack
  /// Exact ranges of every code, layer by layer.
  case intervals
  /// Lagrangian bounds over the exact staircase of each requantisation.
  case lagrangian
  /// The same relaxation solved to its optimum as a linear program, with bounds of hidden values tightened.
  case linearProgram = "linear-program"
  /// Cases over pre-activations, and over inputs where they are few.
  case branchAndBound = "branch-and-bound"
  /// Bit-vectors, decided by Z3.
  case smt
}

public struct VerificationResult: Sendable {
  public var verdict: Verdict
  /// The stage that decided, or the last one that ran.
  public var stage: Stage
  public var seconds: Double
  /// Nodes of the search tree, over all violations.
  public var nodes: Int

  public init(verdict: Verdict, stage: Stage, seconds: Double, nodes: Int) {
    self.verdict = verdict
    self.stage = stage
    self.seconds = seconds
    self.nodes = nodes
  }
}

public struct VerificationOptions: Sendable {
  /// Wall-clock seconds for one property.
  public var timeout = 60.0
  /// Threads for one property.
  public var jobs = 1
  /// Which stages run.
  public var stages = Set(Stage.allCases)
  public var seed: UInt64 = 1

  public init() {}
}
