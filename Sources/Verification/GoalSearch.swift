import Certificates
import IntegerProgram
import Properties
import Foundation

/// The search for a proof that one goal cannot be met: bounds first, then cases, depth first.
///
/// Floating point guides it: which multipliers, which case next. What closes a case is the checker's own exact bound.
nonisolated(unsafe) var debug = ProcessInfo.processInfo.environment["DBG"] != nil
nonisolated(unsafe) var debugDepth = 0
struct GoalSearch {
  let bounded: BoundedProgram
  let goal: Goal
  let stages: Set<Stage>
  /// Whether to give up.
  let isOver: () -> Bool
  /// Tries an input in the box, and others near it with so much effort (moves); true where one meets a violation, and
  /// then the search ends.
  let tries: (_ point: [Int32], _ effort: Int) -> Bool

  /// The most numbers that a linear program may hold.
  static let largestLinearProgram = 1_500_000

  enum Outcome {
    case proved(Proof, Stage)
    case violated(Stage)
    /// The best upper bound of the goal's first constraint, and the share of the tree that is open.
    case unknown(bound: Int64, openFraction: Double, Stage)
  }

  private(set) var nodes = 0
  private var stage = Stage.intervals
  private var program: LinearRelaxation?
  private var natural: Ranges
  /// The proof so far, in preorder.
  private var proof: [Proof.Node] = []

  init(
    _ bounded: BoundedProgram, goal: Goal, over natural: Ranges, stages: Set<Stage>, isOver: @escaping () -> Bool,
    tries: @escaping (_ point: [Int32], _ effort: Int) -> Bool
  ) {
    self.bounded = bounded
    self.goal = goal
    self.natural = natural
    self.stages = stages
    self.isOver = isOver
    self.tries = tries
  }

  private struct OpenCase {
    var ranges: Ranges
    var depth: Int
  }

  /// Decides the goal over the ranges it was made for.
  mutating func run() -> Outcome {
    var open = [OpenCase(ranges: natural, depth: 0)]
    var fraction = 1.0
    var bound: Int64?
    while let current = open.popLast() {
      if nodes > 0 && isOver() {
        return .unknown(bound: bound ?? upperBound(current.ranges), openFraction: fraction, stage)
      }
      nodes += 1
      switch close(current) {
      case .closed:
        fraction -= share(current.depth)
      case .violated:
        return .violated(stage)
      case .split(let variable, let at, let ranges, let highFirst, let rootBound):
        if current.depth == 0 { bound = rootBound }
        guard stages.contains(.branchAndBound), current.depth < 1000 else {
          return .unknown(bound: rootBound, openFraction: fraction, stage)
        }
        stage = .branchAndBound
        // Preorder has the lower case first, whichever is looked at first.
        _ = highFirst
        let range = ranges.range(of: variable)
        var (low, high) = (ranges, ranges)
        bounded.narrow(&low, variable, to: Int64(range.lowerBound)...Int64(at))
        bounded.narrow(&high, variable, to: Int64(at) + 1...Int64(range.upperBound))
        open.append(OpenCase(ranges: high, depth: current.depth + 1))
        open.append(OpenCase(ranges: low, depth: current.depth + 1))
      case .stuck(let rootBound):
        return .unknown(bound: bound ?? rootBound, openFraction: fraction, stage)
      }
    }
    return .proved(Proof(proof), stage)
  }

  private func share(_ depth: Int) -> Double {
    var share = 1.0
    for _ in 0..<depth { share /= 2 }
    return share
  }

  private enum Closing {
    case closed
    case violated
    case split(Variable, at: Int32, Ranges, highFirst: Bool, bound: Int64)
    case stuck(bound: Int64)
  }

  /// The first constraint's largest value over the ranges of its codes.
  private func upperBound(_ ranges: Ranges) -> Int64 {
    guard let constraint = goal.constraints.first else { return 0 }
    return constraint.parts.reduce(constraint.constant) { sum, part in
      let range = ranges.range(of: part.variable)
      return sum
        + max(part.coefficient * Int64(range.lowerBound), part.coefficient * Int64(range.upperBound))
    }
  }

  /// Closes a case, or says how to go on; what belongs to the proof is appended to it.
  private mutating func close(_ current: OpenCase) -> Closing {
    debugDepth = current.depth
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
      LinearRelaxation.size(bounded, ranges) <= Self.largestLinearProgram
    {
      if stage != .branchAndBound { stage = .linearProgram }
      return closeByLinearProgram(current, &ranges, &node, best)
    }
    return splitInputs(ranges, best)
  }

  /// One pass of slopes, and some more with lines that touch at the last bound's own maximiser.
  private mutating func closeBySlopes(_ ranges: Ranges) -> Closing {
    var best = Int64.max
    var reference: Ranges?
    for _ in 0..<(stage == .branchAndBound ? 1 : 3) {
      let scale: Int32 = 1 << 20
      var slopes = SlopeMultipliers(bounded, reference: reference)
      let weights = goal.constraints.map { _ in scale }
      guard let functional = try? goal.combination(weights),
        let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &slopes)
      else { return .stuck(bound: .max) }
      if bound.value < 0 {
        proof.append(Proof.Node(end: .contradiction(.init(constraints: weights, steps: slopes.chosen))))
        return .closed
      }
      best = min(best, bound.value >> 20)
      let point = maximiser(bound, ranges)
      if stages.contains(.attack) {
        if tries(point, stage == .branchAndBound ? 200 : 3000) { return .violated }
      }
      if isOver() { break }
      reference = bounded.ranges(over: point.map { $0...$0 })
    }
    return .stuck(bound: best)
  }

  /// The input that a bound's prices favour.
  private func maximiser(_ bound: LagrangianBound, _ ranges: Ranges) -> [Int32] {
    var point: [Int32] = []
    for (input, prices) in zip(bounded.program.inputs, bound.inputPrices) {
      for element in ranges.low[input].indices {
        let (low, high) = (ranges.low[input][element], ranges.high[input][element])
        let price = prices.isEmpty ? 0 : prices[element]
        point.append(price > 0 ? high : price < 0 ? low : (low + high) / 2)
      }
    }
    return point
  }

  private mutating func closeByLinearProgram(
    _ current: OpenCase, _ ranges: inout Ranges, _ node: inout Proof.Node, _ best: Int64
  ) -> Closing {
    if let program { program.update(ranges) } else { program = LinearRelaxation(bounded, goal: goal, ranges: ranges, natural: natural) }
    guard let program else { return .stuck(bound: best) }
    var best = best
    var solution = program.maximizeGoal()
    if let end = contradiction(solution, ranges) {
      proof.append(Proof.Node(end: end))
      return .closed
    }
    if stages.contains(.attack), solution.status == .optimal, tryRounded(program, ranges, current.depth == 0 ? 30_000 : 2000) { return .violated }

    // Bounds of the hidden accumulators where the goal is met: they tighten the hulls.
    if solution.status == .optimal, current.depth == 0 || current.depth % 8 == 0 {
      for _ in 0..<2 {
        guard !isOver() else { break }
        let tightened = tighten(program, &ranges, &node)
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
        solution = program.maximizeGoal()
        if let end = contradiction(solution, ranges) {
          node.end = end
          proof.append(node)
          return .closed
        }
        if stages.contains(.attack), solution.status == .optimal, tryRounded(program, ranges, 10_000) { return .violated }
      }
    }
    if solution.status == .optimal, solution.value.isFinite, abs(solution.value) < 1e15 {
      best = min(best, Int64(solution.value.rounded(.down)))
    }
    return split(program, solution, ranges, node, best)
  }

  /// The end of a case that a solution closes by the exact bound; nil where it does not.
  private func contradiction(_ solution: LinearRelaxation.Solution, _ ranges: Ranges) -> Proof.End? {
    guard solution.status != .failed, solution.value < 1e-3 || solution.status == .infeasible else { return nil }
    var candidates = [solution.multipliers]
    if solution.status == .infeasible {
      // The solver does not say which way its ray points.
      candidates.append(
        Proof.Multipliers(
          constraints: solution.multipliers.constraints, steps: solution.multipliers.steps.mapValues { $0.map { -$0 } }))
    }
    for multipliers in candidates {
      var source = GivenMultipliers(steps: multipliers.steps)
      guard let functional = try? goal.combination(multipliers.constraints),
        let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &source)
      else { continue }
      if bound.value < 0 { return .contradiction(multipliers) }
      if debug { print("   exact", Double(bound.value)/Double(solution.scale), "lp", solution.value, solution.status, solution.scale, multipliers.constraints, multipliers.steps[1]?.filter { $0 != 0 }) }
    }
    return nil
  }

  private func tryRounded(_ program: LinearRelaxation, _ ranges: Ranges, _ effort: Int) -> Bool {
    var point: [Int32] = []
    for input in bounded.program.inputs {
      let solution = program.solution(value: input)
      for (element, x) in solution.enumerated() {
        let rounded = Int32(max(-1e6, min(1e6, x.rounded())))
        point.append(min(max(rounded, ranges.low[input][element]), ranges.high[input][element]))
      }
    }
    return tries(point, effort)
  }

  /// Bounds every open hidden accumulator by linear programs with the goal's constraints. Returns whether much was won.
  private mutating func tighten(
    _ program: LinearRelaxation, _ ranges: inout Ranges, _ node: inout Proof.Node
  ) -> Bool {
    var won = 0.0
    for neuron in program.neurons {
      let output = bounded.program.steps[neuron.step].output
      guard ranges.low[output][neuron.element] < ranges.high[output][neuron.element] else { continue }
      let variable = Variable.accumulator(step: neuron.step, element: neuron.element)
      for isUpper in [true, false] {
        if isOver() { return won > 0 }
        let before = ranges.range(of: variable)
        let levels = ranges.high[output][neuron.element] - ranges.low[output][neuron.element]
        let solution = program.boundAccumulator(neuron, isUpper: isUpper)
        guard solution.status == .optimal else { continue }
        let lemma = Proof.Lemma(
          variable: variable, isUpper: isUpper, scale: solution.scale, multipliers: solution.multipliers)
        guard (try? bounded.apply(lemma, goal, &ranges)) != nil else { continue }
        if ranges.isEmpty {
          node.lemmas.append(lemma)
          return true
        }
        let after = ranges.range(of: variable)
        guard after != before else { continue }
        let levelsNow = ranges.high[output][neuron.element] - ranges.low[output][neuron.element]
        node.lemmas.append(lemma)
        won += Double(levels - levelsNow)
      }
    }
    return won >= 1
  }

  /// Splits the neuron whose code the relaxation mistakes most, at the step nearest to its solution.
  private mutating func split(
    _ program: LinearRelaxation, _ solution: LinearRelaxation.Solution, _ ranges: Ranges, _ node: Proof.Node,
    _ best: Int64
  ) -> Closing {
    var choice: (neuron: LinearRelaxation.Neuron, at: Int32, score: Double)?
    if solution.status == .optimal {
      for neuron in program.neurons {
        let output = bounded.program.steps[neuron.step].output
        let (lowest, highest) = (ranges.low[output][neuron.element], ranges.high[output][neuron.element])
        guard lowest < highest else { continue }
        let step = bounded.steps[neuron.step]
        let staircase = step.staircases[step.staircases.count == 1 ? 0 : step.staircaseOf(neuron.element)]
        let (low, high) = (
          ranges.accumulatorLow[neuron.step][neuron.element], ranges.accumulatorHigh[neuron.step][neuron.element]
        )
        let (accumulator, code) = program.solution(neuron)
        let place = Int32(max(Double(low), min(Double(high), accumulator.rounded())))
        let level = staircase(place)
        let gap = abs(code - Double(level)) * (abs(program.price(neuron, solution.multipliers)) + 1e-6)
        // The nearer end of the level the solution lies in, if it is inside the ranges.
        var ats: [Int32] = []
        if level > lowest { ats.append(Int32(clamping: staircase.first(reaching: level) - 1)) }
        if level < highest { ats.append(Int32(clamping: staircase.first(reaching: level + 1) - 1)) }
        guard let at = ats.filter({ low <= $0 && $0 < high }).min(by: {
          abs(Double($0) - accumulator) < abs(Double($1) - accumulator)
        }) else { continue }
        if gap > choice?.score ?? 1e-5 { choice = (neuron, at, gap) }
      }
    }
    if let choice {
      var node = node
      let variable = Variable.accumulator(step: choice.neuron.step, element: choice.neuron.element)
      if debug { print("depth", debugDepth, "lp", solution.value, "split", choice.neuron.step, choice.neuron.element, ranges.range(of: variable), "at", choice.at, "gap", choice.score, program.solution(choice.neuron)) }
      node.end = .split(variable, at: choice.at)
      proof.append(node)
      return .split(variable, at: choice.at, ranges, highFirst: false, bound: best)
    }
    return splitInputs(ranges, best, node, program)
  }

  /// Halves the widest input, or the one whose value in the relaxation is furthest from an integer.
  private mutating func splitInputs(
    _ ranges: Ranges, _ best: Int64, _ node: Proof.Node = Proof.Node(end: .next), _ program: LinearRelaxation? = nil
  ) -> Closing {
    if let count = bounded.pointCount(of: ranges), count <= 64 {
      var node = node
      var isViolated = false
      try? bounded.forEachPoint(of: bounded.box(of: ranges)) { point in
        if !isViolated && tries(point, 0) { isViolated = true }
      }
      if isViolated { return .violated }
      node.end = .points
      proof.append(node)
      return .closed
    }
    var choice: (variable: Variable, at: Int32, score: Double)?
    for input in bounded.program.inputs {
      let solution = program?.solution(value: input)
      for element in ranges.low[input].indices {
        let (low, high) = (ranges.low[input][element], ranges.high[input][element])
        guard low < high else { continue }
        var at = low + (high - low) / 2
        var score = Double(high - low)
        if let x = solution?[element] {
          let part = x - x.rounded(.down)
          if min(part, 1 - part) > 1e-6 {
            at = Int32(max(Double(low), min(Double(high - 1), x.rounded(.down))))
            score = 1e6 + min(part, 1 - part)
          }
        }
        if score > choice?.score ?? 0 { choice = (.code(value: input, element: element), at, score) }
      }
    }
    guard let choice, stages.contains(.branchAndBound) else { return .stuck(bound: best) }
    var node = node
    node.end = .split(choice.variable, at: choice.at)
    proof.append(node)
    return .split(choice.variable, at: choice.at, ranges, highFirst: false, bound: best)
  }
}
