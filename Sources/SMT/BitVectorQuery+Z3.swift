import CZ3
import Dispatch
import Foundation
import Synchronization

extension BitVectorQuery {
  /// Of the time there is, what Z3 may take to hear that it is over; then it is not waited for.
  public static let shareToStop = 0.025

  /// Z3's answer to the question about the chosen violations, or all of them. It blocks; after `timeout` seconds, or
  /// once `isCancelled`, which is asked by the calling thread every few milliseconds, says true, the answer is unknown.
  ///
  /// Whoever reports a satisfiable question replays its codes on the simulator first.
  public func solve(
    violations: [Int]? = nil, timeout: Double = .infinity, isCancelled: () -> Bool = { false }
  ) -> SolverAnswer {
    switch formula.outcome(violations) {
    case .decided(false): return .unsatisfiable
    case .decided(true): return .satisfiable(property.box.map(\.lowerBound))
    case .open(let goals):
      let seconds = Duration.seconds(min(timeout, 1e9))
      let start = ContinuousClock.now
      let (stop, deadline) = (start + seconds * (1 - Self.shareToStop), start + seconds)
      let run = Z3Run { [formula] in formula.write(goals, to: &$0, isCancelled: $1) }
      while !run.isDone(within: 0.005) {
        let timedOut = ContinuousClock.now >= stop
        // Again and again: Z3 forgets an interruption that comes before it listens.
        if timedOut || isCancelled() { run.interrupt(timedOut ? "timeout after \(timeout) s" : "cancelled") }
        if ContinuousClock.now >= deadline { return .unknown(run.abandoned()) }
      }
      return answer(run.outcome)
    }
  }

  private func answer(_ outcome: Z3Run.Outcome) -> SolverAnswer {
    switch outcome {
    case .unsatisfiable: .unsatisfiable
    case .unknown(let reason): .unknown(reason)
    // A variable that the formula lacks may have any value.
    case .satisfiable(let values):
      .satisfiable(property.box.enumerated().map { $1.lowerBound + Int32(values["x\($0)"] ?? 0) })
    }
  }
}

/// One question to Z3, in a context and thread of its own. That thread alone uses the context, but for interruptions.
private final class Z3Run: @unchecked Sendable {
  enum Outcome {
    case unsatisfiable
    /// The variables by name.
    case satisfiable([String: UInt64])
    case unknown(String)
  }

  /// Megabytes that Z3 may take before it gives up.
  private static let mostMemory: UInt32 = 3_000

  private let context: Z3_context
  /// Whether the caller wants no answer any longer: Z3 hears of it while it solves alone.
  private let isStopped = Mutex(false)
  /// Whether the context is no longer to be touched by the caller.
  private let isOver = Mutex(false)
  private let done = DispatchSemaphore(value: 0)
  /// Written by the thread, read by the caller once it is done.
  private var result = Outcome.unknown("not asked")
  /// The caller's alone.
  private var interruption: String?

  /// Starts solving what `write` demands.
  init(_ write: @escaping @Sendable (inout Z3Writer, () -> Bool) -> [BitVectorFormula.Variable<Z3_ast>]) {
    let configuration = Z3_mk_config()
    // Expressions live as long as the context.
    context = Z3_mk_context(configuration)
    Z3_del_config(configuration)
    // Without one of ours, an error would end the process.
    Z3_set_error_handler(context) { _, _ in }
    // Z3 recurses over formulas; a thread's usual stack may be too small for it.
    LivingThreads.start(stack: 512 << 20) { [self] in
      result = check(write)
      isOver.withLock { $0 = true }
      done.signal()
      // The caller need not wait for this: letting go of gigabytes takes seconds.
      Z3_del_context(context)
    }
  }

  func isDone(within seconds: Double) -> Bool { done.wait(timeout: .now() + seconds) == .success }

  func interrupt(_ reason: String) {
    interruption = interruption ?? reason
    isStopped.withLock { $0 = true }
    isOver.withLock { if !$0 { Z3_interrupt(context) } }
  }

  /// Goes on telling it to stop, in a thread of its own; says why.
  func abandoned() -> String {
    Thread.detachNewThread { [self] in
      while !isDone(within: 0.005) { isOver.withLock { if !$0 { Z3_interrupt(context) } } }
    }
    return interruption ?? "abandoned"
  }

  /// What came of it; for when it is done.
  var outcome: Outcome {
    if case .unknown(let reason) = result { return .unknown(interruption ?? reason) }
    return result
  }

  private func check(_ write: (inout Z3Writer, () -> Bool) -> [BitVectorFormula.Variable<Z3_ast>]) -> Outcome {
    var writer = Z3Writer(context)
    let variables = write(&writer) { isStopped.withLock { $0 } }
    if isStopped.withLock({ $0 }) { return .unknown("there was no time to write the formula") }
    // Each object is retained before the next is made, which would release it.
    guard let tactic = Z3_mk_tactic(context, "qfbv") else { return failure }
    Z3_tactic_inc_ref(context, tactic)
    defer { Z3_tactic_dec_ref(context, tactic) }
    guard let solver = Z3_mk_solver_from_tactic(context, tactic) else { return failure }
    Z3_solver_inc_ref(context, solver)
    defer { Z3_solver_dec_ref(context, solver) }
    guard let parameters = Z3_mk_params(context) else { return failure }
    Z3_params_inc_ref(context, parameters)
    defer { Z3_params_dec_ref(context, parameters) }
    Z3_params_set_uint(context, parameters, Z3_mk_string_symbol(context, "max_memory"), Self.mostMemory)
    Z3_solver_set_params(context, solver, parameters)
    for assertion in writer.assertions { Z3_solver_assert(context, solver, assertion) }
    guard Z3_get_error_code(context) == Z3_OK else { return failure }

    switch Z3_solver_check(context, solver) {
    case Z3_L_FALSE: return .unsatisfiable
    case Z3_L_TRUE:
      guard let model = Z3_solver_get_model(context, solver) else { return failure }
      Z3_model_inc_ref(context, model)
      defer { Z3_model_dec_ref(context, model) }
      var values: [String: UInt64] = [:]
      for variable in variables {
        var value: Z3_ast?
        var number: UInt64 = 0
        guard Z3_model_eval(context, model, variable.expression, true, &value), let value,
          Z3_get_numeral_uint64(context, value, &number)
        else { return failure }
        values[variable.name] = number
      }
      return .satisfiable(values)
    default:
      return .unknown("Z3: " + String(cString: Z3_solver_get_reason_unknown(context, solver)))
    }
  }

  private var failure: Outcome {
    .unknown("Z3: " + String(cString: Z3_get_error_msg(context, Z3_get_error_code(context))))
  }
}
