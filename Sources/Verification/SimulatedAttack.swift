import Certificates
import IntegerProgram
import Simulation
import Synchronization

/// Random search on the program itself, for networks of any steps: some inputs at a time go to other ends of their ranges,
/// fewer as the search goes on, and what does not lessen the goal's distance stays (after Andriushchenko et al., "Square
/// attack", 2020).
struct SimulatedAttack {
  private let goal: Goal
  /// Of the program up to the value that the goal speaks of, which is its output.
  private let simulator: Simulator
  private var program: IntegerProgram { simulator.program }

  /// Nil where the goal names more than one value that is not an input.
  init?(_ beginnings: SimulatedBeginnings, goal: Goal) {
    var named: Set<Int> = []
    for constraint in goal.constraints {
      for part in constraint.parts {
        guard case .code(let value, _) = part.variable else { return nil }
        if !beginnings.program.inputs.contains(value) { named.insert(value) }
      }
    }
    guard named.count == 1, let value = named.first, let simulator = beginnings.simulator(of: value) else { return nil }
    self.simulator = simulator
    self.goal = goal
  }

  /// The best input after so many runs, from `start`.
  func run(
    from start: [Int32], in box: [ClosedRange<Int32>], runs: Int, seed: inout UInt64, isOver: () -> Bool
  ) -> [Int32]? {
    let open = box.indices.filter { box[$0].lowerBound < box[$0].upperBound }
    guard !open.isEmpty, runs > 0 else { return nil }
    var generator = Xorshift(seed: seed)
    defer { seed = generator.next() }
    func random(_ count: Int) -> Int { Int(generator.next() >> 33) % count }
    var best = start
    var value = worst(best)
    for run in 0..<runs {
      if value >= 0 { return best }
      // Each runs the network.
      if isOver() { return nil }
      var trial = best
      let share = 0.2 * Double(runs - run) / Double(runs)
      for _ in 0..<max(1, Int(Double(open.count) * share)) {
        let element = open[random(open.count)]
        switch random(8) {
        case 0:
          trial[element] =
            box[element].lowerBound + Int32(random(Int(box[element].upperBound - box[element].lowerBound) + 1))
        case 1, 2, 3: trial[element] = box[element].lowerBound
        default: trial[element] = box[element].upperBound
        }
      }
      let reached = worst(trial)
      if reached >= value { (best, value) = (trial, reached) }
    }
    return value >= 0 ? best : nil
  }

  /// The least of the goal's constraints: below 0 where it is not met.
  private func worst(_ inputs: [Int32]) -> Int64 {
    guard let outputs = try? simulator.run(program.inputs(flat: inputs)).first else { return .min }
    var starts: [Int: Int] = [:]
    var start = 0
    for input in program.inputs {
      starts[input] = start
      start += program.values[input].count
    }
    var least = Int64.max
    for constraint in goal.constraints {
      var value = constraint.constant
      for part in constraint.parts {
        guard case .code(let of, let element) = part.variable else { continue }
        value += part.coefficient * Int64(starts[of].map { inputs[$0 + element] } ?? outputs[element])
      }
      least = min(least, value)
    }
    return least
  }
}

/// Simulators of a program's steps up to one value, each made when it is first asked for: goals by the hundred speak of the
/// same.
final class SimulatedBeginnings: Sendable {
  let program: IntegerProgram
  private let made = Mutex<[Int: Simulator]>([:])

  init(_ program: IntegerProgram) { self.program = program }

  /// Nil where no step computes `value`.
  func simulator(of value: Int) -> Simulator? {
    guard let last = program.steps.firstIndex(where: { $0.output == value }) else { return nil }
    return made.withLock { made in
      if let simulator = made[value] { return simulator }
      var part = program
      // Steps that lead elsewhere stay: they do no harm.
      part.steps = Array(program.steps[...last])
      part.outputs = [value]
      let simulator = Simulator(part)
      made[value] = simulator
      return simulator
    }
  }
}
