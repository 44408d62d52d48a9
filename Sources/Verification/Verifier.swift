import Certificates
import IntegerProgram
import Properties
import Simulation
import Synchronization
import Foundation

/// Decides properties of one program; it may be used from several threads at once.
public struct Verifier: Sendable {
  public let program: IntegerProgram
  public let checker: CertificateChecker
  let bounded: BoundedProgram
  let simulator: Simulator
  let denseAttack: DenseAttack?

  /// Prepares what all properties share; do it once for many. Fails where a sum could overflow, which no lowered
  /// program's can.
  public init(_ program: IntegerProgram) throws(CertificateError) {
    self.program = program
    bounded = try BoundedProgram(program)
    checker = CertificateChecker(bounded)
    simulator = Simulator(program)
    denseAttack = DenseAttack(bounded)
  }

  /// Decides `property`, which must fit the program. `isCancelled` is asked now and then, from any thread; once it
  /// says true, the verdict is unknown.
  public func verify(
    _ property: Property, options: VerificationOptions = VerificationOptions(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) -> VerificationResult {
    let clock = ContinuousClock()
    let start = clock.now
    let deadline = start + .seconds(options.timeout)
    var run = Run(
      verifier: self, property: property, options: options, isOver: { isCancelled() || clock.now > deadline })
    let (verdict, stage) = run.decide()
    let seconds = (clock.now - start) / .seconds(1)
    var result = VerificationResult(verdict: verdict, stage: stage, seconds: seconds, nodes: run.nodes)
    if case .unknown(var unknown) = verdict {
      unknown.reason =
        isCancelled() ? "cancelled" : clock.now > deadline ? "no decision within \(options.timeout) s" : unknown.reason
      result.verdict = .unknown(unknown)
    }
    return result
  }

  /// The outputs of one inference, flat.
  func outputs(_ inputs: [Int32]) -> [Int32] {
    (try? simulator.run(program.inputs(flat: inputs)))?.flatMap { $0 } ?? []
  }
}

/// One verification.
private struct Run {
  let verifier: Verifier
  let property: Property
  let options: VerificationOptions
  let isOver: @Sendable () -> Bool
  var nodes = 0
  var found: Counterexample?

  init(
    verifier: Verifier, property: Property, options: VerificationOptions, isOver: @escaping @Sendable () -> Bool
  ) {
    self.verifier = verifier
    self.property = property
    self.options = options
    self.isOver = isOver
  }

  /// The counterexample that an input is, if it is one: replayed here, before anything is reported.
  func counterexample(_ inputs: [Int32]) -> Counterexample? {
    guard property.contains(inputs) else { return nil }
    let outputs = verifier.outputs(inputs)
    return property.violation(inputs: inputs, outputs: outputs).map {
      Counterexample(inputs: inputs, outputs: outputs, violation: $0)
    }
  }

  mutating func decide() -> (Verdict, Stage) {
    let bounded = verifier.bounded
    if options.stages.contains(.attack), let example = counterexample(property.box.map { ($0.lowerBound + $0.upperBound) / 2 })
    {
      return (.violated(example), .attack)
    }
    let ranges = bounded.ranges(over: property.box)
    let goals = bounded.goals(of: property)
    var proofs: [Proof] = []
    var bounds = [Int64?](repeating: nil, count: goals.count)
    var openFraction = 0.0
    var last = Stage.intervals
    var isOpen = false
    for (index, goal) in goals.enumerated() {
      var example: Counterexample?
      let run = self
      var seed = options.seed &* 0x9E37_79B9_7F4A_7C15 | 1
      let anneals = bounded.attack(on: goal, verifier.denseAttack)
      var search = GoalSearch(
        bounded, goal: goal, over: ranges, stages: options.stages, isOver: isOver,
        tries: { inputs, effort in
          guard run.options.stages.contains(.attack) else { return false }
          example = run.counterexample(inputs)
          if example == nil, effort > 0, let anneals {
            let found = anneals.run(
              goal, low: run.property.box.map(\.lowerBound), high: run.property.box.map(\.upperBound), from: inputs,
              moves: effort * (Int(ProcessInfo.processInfo.environment["EFF"] ?? "1")!), hot: Float(ProcessInfo.processInfo.environment["HOT"] ?? "1")!, seed: &seed)
            if debug { print("anneal", effort, "->", found.distance, "goal", index) }
            if found.distance <= 0 { example = run.counterexample(found.point) }
          }
          return example != nil
        })
      let outcome = search.run()
      nodes += search.nodes
      switch outcome {
      case .proved(let proof, let stage):
        proofs.append(proof)
        if stage.order > last.order { last = stage }
      case .violated(let stage):
        if let example { return (.violated(example), stage) }
      case .unknown(let bound, let fraction, let stage):
        bounds[index] = bound
        openFraction += fraction / Double(goals.count)
        isOpen = true
        if stage.order > last.order { last = stage }
      }
    }
    if isOpen {
      return (
        .unknown(Unknown(reason: "the stages chosen do not decide it", bounds: bounds, openFraction: openFraction)), last
      )
    }
    let certificate = Certificate(program: verifier.checker.digest, property: property, proofs: proofs)
    do {
      try verifier.checker.check(certificate)
    } catch {
      return (
        .unknown(Unknown(reason: "the checker refuses the proof: \(error)", bounds: bounds, openFraction: 1)), last
      )
    }
    return (.proved(certificate), last)
  }
}

extension BoundedProgram {
  /// The dense attack, where it can pursue `goal`.
  func attack(on goal: Goal, _ attack: DenseAttack?) -> DenseAttack? {
    attack.flatMap { $0.applies(to: goal) ? $0 : nil }
  }
}

extension Stage {
  /// Cheapest first.
  var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
