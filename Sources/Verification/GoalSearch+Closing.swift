import Certificates
import IntegerProgram
import Properties

// How a case is closed: by intervals, by slopes, by a linear program.
extension GoalSearch {
  enum Closing {
    case closed
    case violated
    case split(Variable, at: Int32, Ranges, tightenedAt: Double, bound: Int64)
    case stuck(bound: Int64)
  }

  /// The first constraint's largest value over the ranges of its codes.
  func upperBound(_ ranges: Ranges) -> Int64 {
    guard let constraint = goal.constraints.first else { return 0 }
    return constraint.parts.reduce(constraint.constant) { sum, part in
      let range = ranges.range(of: part.variable)
      return sum
        + max(part.coefficient * Int64(range.lowerBound), part.coefficient * Int64(range.upperBound))
    }
  }

  /// Closes a case, or says how to go on; what belongs to the proof is appended to it.
  func close(_ current: OpenCase) -> Closing {
    var ranges = current.ranges
    bounded.settle(&ranges, for: goal)
    if ranges.isEmpty {
      proof.append(Proof.Node(end: .empty))
      return .closed
    }
    var best = upperBound(ranges)

    if stages.contains(.lagrangian) {
      if stage == .intervals { stage = .lagrangian }
      switch closeBySlopes(ranges) {
      case .closed: return .closed
      case .violated: return .violated
      case .stuck(let bound): best = min(best, bound)
      case .split: break
      }
    }

    var node = Proof.Node(end: .next)
    if stages.contains(.linearProgram),
      LinearRelaxation.isWorthwhile(bounded, natural)
    {
      if stage != .branchAndBound { stage = .linearProgram }
      return closeByLinearProgram(current, &ranges, &node, best)
    }
    // Without a linear program: the loosest neuron, weighed by its price in the last pass of slopes.
    if openInputs(ranges) > Self.fewInputs, let choice = loosest(ranges) {
      return split(choice, ranges, node, best, current.tightenedAt)
    }
    return splitInputs(ranges, best)
  }

  /// One pass of slopes, and some more with lines that touch at the last bound's own maximiser.
  func closeBySlopes(_ ranges: Ranges) -> Closing {
    var best = Int64.max
    var reference: Ranges?
    for _ in 0..<(stage == .branchAndBound ? 1 : 3) {
      var slopes = SlopeMultipliers(bounded, reference: reference)
      let weights = goal.slopeWeights
      guard let functional = try? goal.combination(weights),
        let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &slopes)
      else { return .stuck(bound: .max) }
      if bound.value < 0 {
        proof.append(Proof.Node(end: .contradiction(.init(constraints: weights, steps: slopes.chosen))))
        return .closed
      }
      best = min(best, bound.value >> Goal.slopeBits)
      lastPrices = slopes.prices
      let point = bounded.maximiser(of: bound, over: ranges)
      if stages.contains(.attack) {
        if tries(point, stage == .branchAndBound ? 200 : 3000) { return .violated }
      }
      if isOver() { break }
      reference = bounded.ranges(over: point.map { $0...$0 })
    }
    return .stuck(bound: best)
  }

  func closeByLinearProgram(
    _ current: OpenCase, _ ranges: inout Ranges, _ node: inout Proof.Node, _ best: Int64
  ) -> Closing {
    if isOver() { return .stuck(bound: best) }
    var program = self.program ?? LinearRelaxation(bounded, goal: goal, natural: natural)
    self.program = program
    program.update(ranges)
    if !current.basis.isEmpty { program.goalBasis = current.basis }
    var best = best
    var solution = program.maximizeGoal(within: secondsLeft())
    if let end = contradiction(solution, ranges) {
      proof.append(Proof.Node(end: end))
      return .closed
    }
    if solution.status != .optimal {
      if isOver() { return .stuck(bound: best) }
      // From far away the solver may end with a ray that shows nothing: start anew.
      program = LinearRelaxation(bounded, goal: goal, natural: natural)
      self.program = program
      program.update(ranges)
      solution = program.maximizeGoal(within: secondsLeft())
      if let end = contradiction(solution, ranges) {
        proof.append(Proof.Node(end: end))
        return .closed
      }
    }
    // The solver ends with the time; what follows takes some as well.
    if isOver() { return .stuck(bound: best) }
    if stages.contains(.attack), solution.status == .optimal,
      tryRounded(program, ranges, current.depth == 0 ? 30_000 : 2000)
    {
      return .violated
    }

    if current.depth == 0, let proved = provedBound(solution.multipliers, ranges) { best = min(best, proved) }
    // What the bound forbids the inputs, and once more with what that brings.
    for _ in 0..<3 {
      if isOver() { return .stuck(bound: best) }
      guard fixInputs(solution, &ranges, &node) else { break }
      if ranges.isEmpty {
        node.end = .empty
        proof.append(node)
        return .closed
      }
      program.update(ranges)
      solution = program.maximizeGoal(within: secondsLeft())
      if let end = contradiction(solution, ranges) {
        node.end = end
        proof.append(node)
        return .closed
      }
    }
    guard solution.status == .optimal else { return splitInputs(ranges, best, node, nil, current.tightenedAt) }

    // First the goal's own accumulators: a saturated one hides how far the others are from the goal.
    if let choice = kink(program, ranges, among: program.goalNeurons) {
      return split(choice, ranges, node, best, current.tightenedAt)
    }
    // Bounds of the hidden accumulators where the goal is met: they tighten the hulls.
    var tightenedAt = current.tightenedAt
    if solution.value < Self.tightensBelow * tightenedAt {
      for _ in 0..<(tightenedAt.isInfinite ? 3 : 1) {
        guard !isOver(), solution.status == .optimal else { break }
        tightenedAt = solution.value
        let tightened = tighten(program, solution, &ranges, &node)
        bounded.settle(&ranges, for: goal)
        if ranges.isEmpty {
          node.end = .empty
          proof.append(node)
          return .closed
        }
        guard tightened else { break }
        // The next bounds build on these.
        proof.append(node)
        node = Proof.Node(end: .next)
        program.update(ranges)
        solution = program.maximizeGoal(within: secondsLeft())
        if let end = contradiction(solution, ranges) {
          node.end = end
          proof.append(node)
          return .closed
        }
        if stages.contains(.attack), solution.status == .optimal, tryRounded(program, ranges, 10_000) {
          return .violated
        }
      }
    }
    guard solution.status == .optimal else { return splitInputs(ranges, best, node, nil, tightenedAt) }
    if stages.contains(.attack),
      current.tightenedAt.isInfinite || isElsewhere && Double(iterationsOfDives) <= 0.3 * Double(program.iterations)
    {
      let (before, basis) = (program.iterations, program.goalBasis)
      if dive(program, ranges, solution) { return .violated }
      iterationsOfDives += program.iterations - before
      program.goalBasis = basis
      program.update(ranges)
      solution = program.maximizeGoal(within: secondsLeft())
    }
    let choice = mistaken(program, solution, ranges)
    if let choice = strongest(choice.candidates, program, ranges, solution.value, depth: current.depth) {
      return split(choice, ranges, node, best, tightenedAt)
    }
    return splitInputs(ranges, best, node, program, tightenedAt)
  }

  /// The end of a case that a solution closes by the exact bound; nil where it does not.
  func contradiction(_ solution: LinearRelaxation.Solution, _ ranges: Ranges) -> Proof.End? {
    guard solution.status != .failed, solution.value < 1e-3 || solution.status == .infeasible else { return nil }
    for multipliers in [solution.multipliers, solution.opposite].compactMap({ $0 }) {
      var source = GivenMultipliers(steps: multipliers.steps)
      guard let functional = try? goal.combination(multipliers.constraints),
        let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &source)
      else { continue }
      if bound.value < 0 { return .contradiction(multipliers) }
    }
    return nil
  }

  /// An upper bound of the goal's first constraint where the goal is met, since the others are at least 0 there; exact,
  /// as it is reported.
  func provedBound(_ multipliers: Proof.Multipliers, _ ranges: Ranges) -> Int64? {
    var source = GivenMultipliers(steps: multipliers.steps)
    guard let first = multipliers.constraints.first, first > 0,
      let functional = try? goal.combination(multipliers.constraints),
      let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &source)
    else { return nil }
    return bound.value / Int64(first)
  }
}
