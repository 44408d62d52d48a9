import Certificates
import Dispatch
import IntegerProgram
import Properties
import SMT
import Simulation
import Synchronization

/// Decides properties of one program; it may be used from several threads at once.
public struct Verifier: Sendable {
  public let program: IntegerProgram
  public let checker: CertificateChecker
  let bounded: BoundedProgram
  let simulator: Simulator
  let annealingAttack: AnnealingAttack?
  let beginnings: SimulatedBeginnings

  /// Prepares what all properties share; do it once for many. Fails where a sum could overflow, which no lowered
  /// program's can.
  public init(_ program: IntegerProgram) throws(CertificateError) {
    self.program = program
    bounded = try BoundedProgram(program)
    checker = CertificateChecker(bounded)
    simulator = Simulator(program)
    annealingAttack = AnnealingAttack(bounded)
    beginnings = SimulatedBeginnings(program)
  }

  /// Decides `property`, which must fit the program, within the time limit and its grace (`TimedWork`), but for a last
  /// replay. `isCancelled` is asked now and then, from any thread; once it says true, the verdict is unknown.
  public func verify(
    _ property: Property, options: VerificationOptions = VerificationOptions(),
    isCancelled: @escaping @Sendable () -> Bool = { false }
  ) -> VerificationResult {
    let clock = ContinuousClock()
    let start = clock.now
    let pace = Pace(seconds: options.timeout, isCancelled: isCancelled)
    let reached = Reached()
    let decided = TimedWork.result(within: options.timeout) {
      var run = Run(verifier: self, property: property, options: options, pace: pace, reached: reached)
      let (verdict, stage) = run.decide()
      return VerificationResult(verdict: verdict, stage: stage, seconds: 0, nodes: run.nodes)
    }
    var result = decided ?? reached.result(of: property)
    result.seconds = (clock.now - start) / .seconds(1)
    if case .unknown(var unknown) = result.verdict {
      unknown.reason =
        isCancelled() ? "cancelled" : pace.isOver ? "no decision within \(options.timeout) s" : unknown.reason
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
  let pace: Pace
  let reached: Reached
  var nodes = 0

  /// The counterexample that an input is, if it is one: replayed here, before anything is reported.
  func counterexample(_ inputs: [Int32]) -> Counterexample? {
    guard property.contains(inputs) else { return nil }
    let outputs = verifier.outputs(inputs)
    return property.violation(inputs: inputs, outputs: outputs).map {
      Counterexample(inputs: inputs, outputs: outputs, violation: $0)
    }
  }

  /// Tries an input, and others near it with so much effort; `reached` keeps the first counterexample of any attack.
  private func attack(
    on goal: Goal, number: Int
  ) -> (_ point: [Int32], _ effort: Int) -> Bool {
    guard options.stages.contains(.attack) else { return { _, _ in false } }
    let (run, pace, reached) = (self, pace, reached)
    let annealing = verifier.annealingAttack.flatMap { $0.applies(to: goal) ? $0 : nil }
    let gradient =
      annealing?.isDense ?? false ? nil : GradientAttack(verifier.bounded, goal: goal, in: property.box)
    let simulated = annealing == nil ? SimulatedAttack(verifier.beginnings, goal: goal) : nil
    let (low, high) = (property.box.map(\.lowerBound), property.box.map(\.upperBound))
    var seed = (options.seed &+ UInt64(number)) &* 0x9E37_79B9_7F4A_7C15 | 1
    return { inputs, effort in
      var example = run.counterexample(inputs)
      if example == nil, effort > 0 {
        var start = inputs
        if let gradient {
          let climbed = gradient.run(from: inputs, steps: effort / 300, seed: &seed, isOver: { pace.isOver })
          if climbed.isMet { example = run.counterexample(climbed.point) }
          start = climbed.point
        }
        // Chance does what the gradient cannot.
        if example == nil, let annealing {
          example = annealing.run(
            goal, low: low, high: high, from: start, moves: effort, hot: 0.3, seed: &seed, isOver: { pace.isOver }
          ).flatMap(run.counterexample)
        } else if example == nil {
          let runs = start == inputs ? effort / 10 : effort / 100
          example = simulated?.run(
            from: start, in: run.property.box, runs: runs, seed: &seed, isOver: { pace.isOver }
          ).flatMap(run.counterexample)
        }
      }
      guard let example else { return false }
      reached.keep(example)
      return true
    }
  }

  /// Where the search got stuck, Z3 may still find a counterexample. Its word that there is none is no certificate.
  private func askSolver(_ isOver: () -> Bool) -> Counterexample? {
    guard let query = try? withoutActuallyEscaping(isOver, do: { try BitVectorQuery(verifier.program, property, isCancelled: $0) }),
      case .satisfiable(let inputs) = query.solve(timeout: pace.secondsLeft, isCancelled: isOver)
    else { return nil }
    return counterexample(inputs)
  }

  mutating func decide() -> (Verdict, Stage) {
    let bounded = verifier.bounded
    if options.stages.contains(.attack),
      let example = counterexample(property.box.map { ($0.lowerBound + $0.upperBound) / 2 })
    {
      return (.violated(example), .attack)
    }
    let ranges = pace.pass { bounded.ranges(over: property.box) }
    let goals = bounded.goals(of: property)
    let isOver: @Sendable () -> Bool = { [pace, reached] in pace.isOver || reached.example != nil }
    let attacks = goals.indices.map { attack(on: goals[$0], number: $0) }

    // What takes one pass, for all goals, before what takes long for any.
    var proofs = [Proof?](repeating: nil, count: goals.count)
    var last = Stage.intervals { didSet { reached.stage = last } }
    nodes = goals.count
    let proves = !options.stages.isDisjoint(with: [.intervals, .lagrangian, .linearProgram, .branchAndBound])
    // Each takes a pass through all layers, and an attack, which looks at the clock itself.
    for (index, goal) in goals.enumerated() where index == 0 || !pace.isOver {
      let quick = pace.pass {
        bounded.quickProof(of: goal, over: ranges, slopes: options.stages.contains(.lagrangian))
      }
      if quick.stage.order > last.order { last = quick.stage }
      if proves { proofs[index] = quick.proof }
      if quick.proof == nil, attacks[index](quick.point, 3000), let example = reached.example {
        return (.violated(example), .attack)
      }
    }
    let open = goals.indices.filter { proofs[$0] == nil }
    var shared: [Proof.Node] = []
    if !open.isEmpty {
      var tightened = ranges
      let mostPoints = bounded.mostPoints / open.count
      let isFew =
        options.stages.contains(.branchAndBound)
        && (bounded.pointCount(of: ranges) ?? .max) <= min(GoalSearch.fewPoints, mostPoints)
      if options.stages.contains(.lagrangian), !isFew {
        (shared, tightened) = bounded.deepBounds(over: ranges, isOver: isOver)
      }
      let searches = open.map { index in
        GoalSearch(
          bounded, goal: goals[index], over: tightened, stages: options.stages, mostPoints: mostPoints, isOver: isOver,
          secondsLeft: { [pace] in pace.secondsLeft }, tries: attacks[index])
      }
      if proves { advance(searches, jobs: options.jobs, isOver: isOver) }
      nodes += searches.reduce(0) { $0 + $1.nodes }
      last = (searches.map(\.stage) + [last]).max { $0.order < $1.order } ?? last
      if let example = reached.example {
        return (
          .violated(example), searches.first { if case .violated = $0.outcome { true } else { false } }?.stage ?? last
        )
      }
      var bounds = [Int64?](repeating: nil, count: goals.count)
      var fraction = 0.0
      for (index, search) in zip(open, searches) {
        if case .proved(let proof) = search.outcome {
          proofs[index] = proof
        } else {
          bounds[index] = search.bound
          fraction += search.openFraction / Double(goals.count)
        }
      }
      guard proofs.allSatisfy({ $0 != nil }) else {
        if options.stages.contains(.smt), !isOver() {
          last = .smt
          if let example = askSolver(isOver) { return (.violated(example), .smt) }
        }
        let reason =
          "the stages \(options.stages.sorted { $0.order < $1.order }.map(\.rawValue).joined(separator: ", ")) do not decide it"
        return (.unknown(Unknown(reason: reason, bounds: bounds, openFraction: fraction)), last)
      }
    }
    let certificate = Certificate(
      program: verifier.checker.digest, property: property, shared: shared,
      proofs: proofs.compactMap { $0 })
    do {
      try verifier.checker.check(certificate, isCancelled: { pace.isLate })
    } catch {
      return (
        .unknown(
          Unknown(reason: "the checker refuses the proof: \(error)", bounds: goals.map { _ in .max }, openFraction: 1)),
        last
      )
    }
    return (.proved(certificate), last)
  }
}

/// How far a verification has come, for whoever looks at it from another thread.
private final class Reached: Sendable {
  private let state = Mutex<(example: Counterexample?, stage: Stage)>((nil, .intervals))

  /// The first counterexample that any thread finds.
  var example: Counterexample? { state.withLock { $0.example } }
  func keep(_ example: Counterexample) { state.withLock { $0.example = $0.example ?? example } }

  /// The most expensive stage so far.
  var stage: Stage {
    get { state.withLock { $0.stage } }
    set { state.withLock { $0.stage = newValue } }
  }

  /// What there is to say where a verification is left behind.
  func result(of property: Property) -> VerificationResult {
    let (example, stage) = state.withLock { $0 }
    let unknown = Unknown(reason: "", bounds: property.violations.map { _ in .max }, openFraction: 1)
    return VerificationResult(
      verdict: example.map { .violated($0) } ?? .unknown(unknown), stage: example == nil ? stage : .attack, seconds: 0,
      nodes: 0)
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

extension Stage {
  /// Cheapest first.
  var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
