import Certificates
import IntegerProgram
import Properties
import SMT
import Simulation
import Verification

/// What an engine says of a property.
struct Decision: Sendable {
  enum Answer: Sendable {
    /// Without a certificate only where someone's word is trusted.
    case proved(Certificate?)
    case violated(Counterexample)
    case unknown(Unknown)
  }

  var answer: Answer
  var stage: Stage
  var seconds: Double
  /// Whose word a proof without a certificate is.
  var trusted: String?

  init(_ answer: Answer, stage: Stage, seconds: Double, trusted: String? = nil) {
    self.answer = answer
    self.stage = stage
    self.seconds = seconds
    self.trusted = trusted
  }
  init(_ result: VerificationResult) {
    let answer: Answer =
      switch result.verdict {
      case .proved(let certificate): .proved(certificate)
      case .violated(let counterexample): .violated(counterexample)
      case .unknown(let unknown): .unknown(unknown)
      }
    self.init(answer, stage: result.stage, seconds: result.seconds)
  }
}

/// Decides properties of one program as the command line asks for.
struct VerificationEngine: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case search, smt
  }

  var kind = Kind.search
  var options = VerificationOptions()
  var sums = SumShape.balanced
  /// Whether Z3's word that there is no counterexample is a proof.
  var trustsSolver = false
  let verifier: Verifier
  let simulator: Simulator

  init(_ simulator: Simulator) throws {
    self.simulator = simulator
    verifier = try Verifier(simulator.program)
  }

  func decide(
    _ property: Property, threads: Int, within seconds: Double = .infinity,
    isCancelled: @escaping @Sendable () -> Bool
  ) -> Decision {
    var options = options
    options.timeout = min(options.timeout, max(0, seconds))
    options.jobs = threads
    switch kind {
    case .search: return Decision(verifier.verify(property, options: options, isCancelled: isCancelled))
    case .smt: return solve(property, options, isCancelled)
    }
  }

  /// A counterexample that the search's attack finds by itself, where that is among what may run.
  func attacked(_ property: Property, timeout: Double) -> Counterexample? {
    guard kind == .search, options.stages.contains(.attack) else { return nil }
    var options = options
    (options.stages, options.timeout) = ([.attack], timeout)
    guard case .violated(let found) = verifier.verify(property, options: options).verdict else { return nil }
    return found
  }

  private func solve(
    _ property: Property, _ options: VerificationOptions, _ isCancelled: @escaping @Sendable () -> Bool
  ) -> Decision {
    let start = ContinuousClock.now
    func decision(_ answer: Decision.Answer, _ stage: Stage = .smt, trusted: String? = nil) -> Decision {
      Decision(answer, stage: stage, seconds: start.secondsAgo, trusted: trusted)
    }
    func unknown(_ reason: String) -> Decision.Answer {
      .unknown(Unknown(reason: reason, bounds: property.violations.map { _ in .max }, openFraction: 1))
    }
    let asked = TimedWork.result(within: options.timeout) { [simulator, sums] () -> Result<SolverAnswer, EncodingError> in
      do throws(EncodingError) {
        let query = try BitVectorQuery(
          simulator.program, property, sums: sums,
          isCancelled: { isCancelled() || start.secondsAgo > options.timeout })
        return .success(query.solve(timeout: options.timeout - start.secondsAgo, isCancelled: isCancelled))
      } catch {
        return .failure(error)
      }
    }
    let answer: SolverAnswer
    switch asked {
    case .success(let given): answer = given
    case .failure(let error): return decision(unknown("the formula cannot be made: \(error.reason)"))
    case nil: answer = .unknown("")
    }
    switch answer {
    case .unknown(let reason):
      let isLate = start.secondsAgo >= options.timeout * (1 - BitVectorQuery.shareToStop)
      return decision(unknown(isLate ? "no decision within \(options.timeout) s" : reason))
    case .satisfiable(let inputs):
      guard let counterexample = simulator.counterexample(inputs, to: property) else {
        return decision(unknown("Z3's input is no counterexample on the simulator, which is a fault: please report it"))
      }
      return decision(.violated(counterexample))
    case .unsatisfiable where trustsSolver: return decision(.proved(nil), trusted: Self.solverName)
    case .unsatisfiable:
      // Z3's word is no certificate: the search is asked for one, in the time that is left.
      var options = options
      options.timeout = max(0, options.timeout - start.secondsAgo)
      options.stages.remove(.smt)
      let found = Decision(verifier.verify(property, options: options, isCancelled: isCancelled))
      switch found.answer {
      case .unknown(var unknown):
        unknown.reason = "Z3 finds no counterexample, but there is no certificate (\(unknown.reason))"
        return decision(.unknown(unknown))
      default: return decision(found.answer, found.stage)
      }
    }
  }

  private static var solverName: String { "Z3 \(SolverVersion.text)" }
}

extension Simulator {
  /// The counterexample that `inputs` are; nil where they are outside the property's box, or meet no violation.
  func counterexample(_ inputs: [Int32], to property: Property) -> Counterexample? {
    guard property.contains(inputs), let outputs = try? run(program.inputs(flat: inputs)).flatMap({ $0 }),
      let violation = property.violation(inputs: inputs, outputs: outputs)
    else { return nil }
    return Counterexample(inputs: inputs, outputs: outputs, violation: violation)
  }
}

extension ContinuousClock.Instant {
  /// Seconds since then.
  var secondsAgo: Double {
    let parts = (ContinuousClock.now - self).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }
}
