import Certificates
import Dispatch
import IntegerProgram
import Properties
import Simulation
import Synchronization

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
      verifier: self, property: property, options: options, isOver: { isCancelled() || clock.now > deadline },
      secondsLeft: { max(0, (deadline - clock.now) / .seconds(1)) })
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
  let secondsLeft: @Sendable () -> Double
  var nodes = 0

  init(
    verifier: Verifier, property: Property, options: VerificationOptions, isOver: @escaping @Sendable () -> Bool,
    secondsLeft: @escaping @Sendable () -> Double
  ) {
    self.secondsLeft = secondsLeft
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
    let found = Mutex<Counterexample?>(nil)
    let isOver = isOver
    let run = self
    let searches = goals.enumerated().map { index, goal in
      var seed = (options.seed &+ UInt64(index)) &* 0x9E37_79B9_7F4A_7C15 | 1
      let dense = bounded.attack(on: goal, verifier.denseAttack)
      let general = dense == nil ? SimulatedAttack(verifier.program, goal: goal) : nil
      return GoalSearch(
        bounded, goal: goal, over: ranges, stages: options.stages,
        isOver: { isOver() || found.withLock { $0 != nil } }, secondsLeft: run.secondsLeft,
        tries: { inputs, effort in
          guard run.options.stages.contains(.attack) else { return false }
          var example = run.counterexample(inputs)
          if example == nil, effort > 0, dense == nil, let general {
            example = general.run(goal, from: inputs, in: run.property.box, runs: effort / 10, seed: &seed, isOver: isOver)
              .flatMap(run.counterexample)
          }
          if example == nil, effort > 0, let dense {
            let best = dense.run(
              goal, low: run.property.box.map(\.lowerBound), high: run.property.box.map(\.upperBound), from: inputs,
              moves: effort, hot: 0.3, seed: &seed)
            if best.distance <= 0 { example = run.counterexample(best.point) }
          }
          if let example { found.withLock { $0 = $0 ?? example } }
          return example != nil
        })
    }
    advance(searches, jobs: options.jobs, isOver: { isOver() || found.withLock { $0 != nil } })
    nodes = searches.reduce(0) { $0 + $1.nodes }
    let last = searches.map(\.stage).max { $0.order < $1.order } ?? .intervals
    if let example = found.withLock({ $0 }) {
      let stage = searches.first { if case .violated = $0.outcome { true } else { false } }?.stage ?? last
      return (.violated(example), stage == .intervals ? .attack : stage)
    }
    var proofs: [Proof] = []
    for search in searches { if case .proved(let proof) = search.outcome { proofs.append(proof) } }
    guard proofs.count == searches.count else {
      let bounds = searches.map { search -> Int64? in
        if case .proved = search.outcome { nil } else { search.bound }
      }
      let fraction = searches.reduce(0) { sum, search in
        if case .proved = search.outcome { sum } else { sum + search.openFraction }
      }
      return (
        .unknown(
          Unknown(
            reason: "the stages chosen do not decide it", bounds: bounds,
            openFraction: fraction / Double(max(1, searches.count)))), last
      )
    }
    let certificate = Certificate(program: verifier.checker.digest, property: property, proofs: proofs)
    do {
      try verifier.checker.check(certificate)
    } catch {
      return (
        .unknown(Unknown(reason: "the checker refuses the proof: \(error)", bounds: searches.map(\.bound), openFraction: 1)), last
      )
    }
    return (.proved(certificate), last)
  }
}

/// Advances all searches in turn, in slices that grow, on so many threads; whichever finds a counterexample ends them all.
private func advance(_ searches: [GoalSearch], jobs: Int, isOver: @escaping () -> Bool) {
  let clock = ContinuousClock()
  var slice = Duration.zero
  while !isOver() {
    let open = searches.filter { if case .open = $0.outcome { true } else { false } }
    if open.isEmpty { return }
    let length = slice
    let next = Mutex(0)
    // Each search is advanced by one thread at a time: rounds end together.
    nonisolated(unsafe) let shared = (open: open, isOver: isOver)
    DispatchQueue.concurrentPerform(iterations: max(1, min(jobs, open.count))) { _ in
      while true {
        let index = next.withLock { next in
          defer { next += 1 }
          return next
        }
        guard index < shared.open.count, !shared.isOver() else { return }
        let end = clock.now + length
        shared.open[index].advance { clock.now >= end || shared.isOver() }
      }
    }
    slice = slice == .zero ? .milliseconds(20) : slice * 2
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
