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
    /// Whether the bounds of hidden accumulators have been tightened for it or a case it is part of.
    var isTightened = false
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
      case .split(let variable, let at, let ranges, let isTightened, let rootBound):
        if current.depth == 0 { bound = rootBound }
        guard stages.contains(.branchAndBound), current.depth < 1000 else {
          return .unknown(bound: rootBound, openFraction: fraction, stage)
        }
        stage = .branchAndBound
        let range = ranges.range(of: variable)
        var (low, high) = (ranges, ranges)
        bounded.narrow(&low, variable, to: Int64(range.lowerBound)...Int64(at))
        bounded.narrow(&high, variable, to: Int64(at) + 1...Int64(range.upperBound))
        open.append(OpenCase(ranges: high, depth: current.depth + 1, isTightened: isTightened))
        open.append(OpenCase(ranges: low, depth: current.depth + 1, isTightened: isTightened))
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
    case split(Variable, at: Int32, Ranges, isTightened: Bool, bound: Int64)
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
    guard var program else { return .stuck(bound: best) }
    var best = best
    var solution = program.maximizeGoal()
    if let end = contradiction(solution, ranges) {
      proof.append(Proof.Node(end: end))
      return .closed
    }
    if solution.status != .optimal {
      // From far away the solver may end with a ray that shows nothing: start anew.
      program = LinearRelaxation(bounded, goal: goal, ranges: ranges, natural: natural)
      self.program = program
      solution = program.maximizeGoal()
      if let end = contradiction(solution, ranges) {
        proof.append(Proof.Node(end: end))
        return .closed
      }
    }
    if stages.contains(.attack), solution.status == .optimal, tryRounded(program, ranges, current.depth == 0 ? 30_000 : 2000) { return .violated }

    if solution.status == .optimal, solution.value.isFinite, abs(solution.value) < 1e15 {
      best = min(best, Int64(solution.value.rounded(.down)))
    }
    // What the bound forbids the inputs, and once more with what that brings.
    for _ in 0..<3 {
      guard fixInputs(solution, &ranges, &node) else { break }
      if ranges.isEmpty {
        node.end = .empty
        proof.append(node)
        return .closed
      }
      program.update(ranges)
      solution = program.maximizeGoal()
      if let end = contradiction(solution, ranges) {
        node.end = end
        proof.append(node)
        return .closed
      }
    }
    guard solution.status == .optimal else { return splitInputs(ranges, best, node, nil, current.isTightened) }

    // First the goal's own accumulators: a saturated one hides how far the others are from the goal.
    if let choice = kink(program, ranges, among: program.goalNeurons) {
      return split(choice, ranges, node, best, current.isTightened)
    }
    // Bounds of the hidden accumulators where the goal is met: they tighten the hulls.
    var isTightened = current.isTightened
    if !isTightened {
      isTightened = true
      for _ in 0..<2 {
        guard !isOver() else { break }
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
        solution = program.maximizeGoal()
        if let end = contradiction(solution, ranges) {
          node.end = end
          proof.append(node)
          return .closed
        }
        if stages.contains(.attack), solution.status == .optimal, tryRounded(program, ranges, 10_000) { return .violated }
      }
    }
    guard solution.status == .optimal else { return splitInputs(ranges, best, node, nil, isTightened) }
    let choice = mistaken(program, solution, ranges)
    if stages.contains(.attack), choice.gap < 0.5 || nodes % 16 == 0 {
      if debug { print("DIVES", choice.gap, solution.value) }
      if dive(program, ranges) { return .violated }
      program.update(ranges)
      solution = program.maximizeGoal()
    }
    if let choice = choice.choice { return split(choice, ranges, node, best, isTightened) }
    return splitInputs(ranges, best, node, program, isTightened)
  }

  /// Keeps every accumulator well inside the step it is on in the solution, so that a point of the relaxation survives
  /// being rounded to integers, which moves accumulators a little; layer by layer, since later ones follow earlier ones.
  private func dive(_ program: LinearRelaxation, _ ranges: Ranges) -> Bool {
    var steps: [Int] = []
    for neuron in program.neurons where steps.last != neuron.step { steps.append(neuron.step) }
    for margin in [0.25, 0.08] {
      var ranges = ranges
      for step in steps {
        for neuron in program.neurons where neuron.step == step {
          let output = bounded.program.steps[step].output
          let (lowest, highest) = (ranges.low[output][neuron.element], ranges.high[output][neuron.element])
          guard lowest < highest else { continue }
          let staircase = staircase(neuron)
          let (low, high) = (
            ranges.accumulatorLow[step][neuron.element], ranges.accumulatorHigh[step][neuron.element]
          )
          let (accumulator, _) = program.solution(neuron)
          let place = Int32(max(Double(low), min(Double(high), accumulator.rounded())))
          let level = min(max(staircase(place), lowest), highest)
          let first = max(Int64(low), staircase.first(reaching: level))
          let last = min(Int64(high), staircase.first(reaching: level + 1) - 1)
          let inset = Int64(Double(min(last - first, Int64(1 / neuron.scale))) * margin)
          // A flat end has no further step to stay away from.
          let from = first > Int64(low) ? first + inset : first
          let to = last < Int64(high) ? last - inset : last
          guard from <= to else { continue }
          bounded.narrow(&ranges, .accumulator(step: step, element: neuron.element), to: from...to)
        }
        bounded.settle(&ranges, for: goal)
        guard !ranges.isEmpty else { break }
        program.update(ranges)
        let solution = program.maximizeGoal()
        if debug { print("DIVE", margin, step, solution.status, solution.value) }
        guard solution.status == .optimal, solution.value >= 0 else {
          ranges.isEmpty = true
          break
        }
        if tryRounded(program, ranges, 500) { return true }
      }
    }
    return false
  }

  /// The end of a case that a solution closes by the exact bound; nil where it does not.
  private func contradiction(_ solution: LinearRelaxation.Solution, _ ranges: Ranges) -> Proof.End? {
    guard solution.status != .failed, solution.value < 1e-3 || solution.status == .infeasible else { return nil }
    for multipliers in [solution.multipliers, solution.opposite].compactMap({ $0 }) {
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

  /// Narrows inputs to what a solution's bound allows them (reduced-cost fixing). Returns whether the ranges shrank by
  /// much; then the node ends here and another follows.
  private mutating func fixInputs(
    _ solution: LinearRelaxation.Solution, _ ranges: inout Ranges, _ node: inout Proof.Node
  ) -> Bool {
    guard solution.status != .failed else { return false }
    for multipliers in [solution.multipliers, solution.opposite].compactMap({ $0 }) {
      let lemma = Proof.Lemma.reducedCosts(multipliers)
      let before = width(ranges)
      guard (try? bounded.apply(lemma, goal, &ranges)) != nil, ranges.isEmpty || !ranges.isPropagated else { continue }
      node.lemmas.append(lemma)
      bounded.settle(&ranges, for: goal)
      if ranges.isEmpty { return true }
      proof.append(node)
      node = Proof.Node(end: .next)
      if width(ranges) < before * 0.9 { return true }
    }
    return false
  }

  /// The widths of the inputs' ranges, added up.
  private func width(_ ranges: Ranges) -> Double {
    var width = 0.0
    for input in bounded.program.inputs {
      for element in ranges.low[input].indices {
        width += Double(ranges.high[input][element] - ranges.low[input][element])
      }
    }
    return width
  }

  /// Tightens the loose hidden accumulators by bounds that the goal's constraints help. Returns whether much was won.
  private mutating func tighten(
    _ program: LinearRelaxation, _ solution: LinearRelaxation.Solution, _ ranges: inout Ranges,
    _ node: inout Proof.Node
  ) -> Bool {
    guard let cuts = CutBounds(bounded, goal: goal, program: program, solution: solution, ranges: ranges) else {
      return false
    }
    var won = 0.0
    for index in program.neurons.indices {
      let neuron = program.neurons[index]
      guard !kinks(neuron, ranges).isEmpty else { continue }
      let output = bounded.program.steps[neuron.step].output
      for isUpper in [true, false] {
        if isOver() { return false }
        let levels = ranges.high[output][neuron.element] - ranges.low[output][neuron.element]
        guard let lemma = cuts.lemma(neuron: index, isUpper: isUpper) else { continue }
        let old = ranges.range(of: .accumulator(step: neuron.step, element: neuron.element))
        guard (try? bounded.apply(lemma, goal, &ranges)) != nil else { continue }
        if ranges.isEmpty {
          node.lemmas.append(lemma)
          return true
        }
        guard ranges.range(of: .accumulator(step: neuron.step, element: neuron.element)) != old else { continue }
        node.lemmas.append(lemma)
        won += Double(levels - (ranges.high[output][neuron.element] - ranges.low[output][neuron.element]))
      }
    }
    return won >= 1 || !node.lemmas.isEmpty
  }

  private struct Choice {
    var neuron: LinearRelaxation.Neuron
    var at: Int32
    var score: Double
  }

  private func staircase(_ neuron: LinearRelaxation.Neuron) -> Staircase {
    let step = bounded.steps[neuron.step]
    return step.staircases[step.staircases.count == 1 ? 0 : step.staircaseOf(neuron.element)]
  }

  /// The ends of a neuron's flat parts that are longer than its steps: where the hull is loose. Each as the last
  /// accumulator before the bend, with how far the hull is from the staircase there, in codes.
  private func kinks(_ neuron: LinearRelaxation.Neuron, _ ranges: Ranges) -> [(at: Int32, looseness: Double)] {
    let output = bounded.program.steps[neuron.step].output
    let (lowest, highest) = (ranges.low[output][neuron.element], ranges.high[output][neuron.element])
    guard lowest < highest else { return [] }
    let (low, high) = (
      Double(ranges.accumulatorLow[neuron.step][neuron.element]),
      Double(ranges.accumulatorHigh[neuron.step][neuron.element])
    )
    let staircase = staircase(neuron)
    let (first, last) = (staircase.first(reaching: lowest + 1), staircase.first(reaching: highest))
    let codes = Double(highest - lowest)
    var result: [(at: Int32, looseness: Double)] = []
    // Above the low flat part, the chord to the last corner.
    let rise = codes * (Double(first) - low) / max(1, Double(last) - low)
    if rise > 1.5 { result.append((Int32(first - 1), rise)) }
    // Below the high flat part, the chord from the first corner.
    let fall = codes * (high - Double(last)) / max(1, high - Double(first))
    if fall > 1.5 { result.append((Int32(last - 1), fall)) }
    return result
  }

  /// The loosest kink among the given neurons.
  private func kink(_ program: LinearRelaxation, _ ranges: Ranges, among neurons: [Int]) -> Choice? {
    var choice: Choice?
    for neuron in neurons.map({ program.neurons[$0] }) {
      for kink in kinks(neuron, ranges) where kink.looseness > choice?.score ?? 0 {
        choice = Choice(neuron: neuron, at: kink.at, score: kink.looseness)
      }
    }
    return choice
  }

  /// The neuron whose code the relaxation's solution mistakes most, weighed by what a code is worth there; split at a
  /// kink, or else at the step nearest to the solution.
  private func mistaken(
    _ program: LinearRelaxation, _ solution: LinearRelaxation.Solution, _ ranges: Ranges
  ) -> (choice: Choice?, gap: Double) {
    var recorded = RecordedMultipliers(steps: solution.multipliers.steps)
    guard let functional = try? goal.combination(solution.multipliers.constraints),
      (try? bounded.bound(of: functional, over: ranges, multipliers: &recorded)) != nil
    else { return (nil, .infinity) }
    var choice: Choice?
    var total = 0.0
    for neuron in program.neurons {
      let output = bounded.program.steps[neuron.step].output
      let (lowest, highest) = (ranges.low[output][neuron.element], ranges.high[output][neuron.element])
      guard lowest < highest else { continue }
      let staircase = staircase(neuron)
      let (low, high) = (
        ranges.accumulatorLow[neuron.step][neuron.element], ranges.accumulatorHigh[neuron.step][neuron.element]
      )
      let (accumulator, code) = program.solution(neuron)
      let place = Int32(max(Double(low), min(Double(high), accumulator.rounded())))
      let level = min(max(staircase(place), lowest), highest)
      let price = abs(Double(recorded.prices[neuron.step]?[neuron.element] ?? 0)) / Double(solution.scale)
      let kink = kinks(neuron, ranges).max { $0.looseness < $1.looseness }
      let gap = abs(code - Double(level))
      total += price * gap
      // Where nothing is mistaken, the steps that are left have to be told apart all the same.
      let score = price * (gap + 0.1 * (kink?.looseness ?? 0)) + 1e-6 * Double(highest - lowest)
      guard score > choice?.score ?? 0 else { continue }
      if let kink {
        choice = Choice(neuron: neuron, at: kink.at, score: score)
        continue
      }
      var ats: [Int32] = []
      if level > lowest { ats.append(Int32(clamping: staircase.first(reaching: level) - 1)) }
      if level < highest { ats.append(Int32(clamping: staircase.first(reaching: level + 1) - 1)) }
      if let at = ats.filter({ low <= $0 && $0 < high }).min(by: {
        abs(Double($0) - accumulator) < abs(Double($1) - accumulator)
      }) {
        choice = Choice(neuron: neuron, at: at, score: score)
      }
    }
    return (choice, total)
  }

  private mutating func split(
    _ choice: Choice, _ ranges: Ranges, _ node: Proof.Node, _ best: Int64, _ isTightened: Bool
  ) -> Closing {
    var node = node
    let variable = Variable.accumulator(step: choice.neuron.step, element: choice.neuron.element)
    if debug { print("depth", debugDepth, "bound", best, "split", choice.neuron.step, choice.neuron.element, ranges.range(of: variable), "at", choice.at, "score", choice.score) }
    node.end = .split(variable, at: choice.at)
    proof.append(node)
    return .split(variable, at: choice.at, ranges, isTightened: isTightened, bound: best)
  }

  /// Halves the widest input, or the one whose value in the relaxation is furthest from an integer.
  private mutating func splitInputs(
    _ ranges: Ranges, _ best: Int64, _ node: Proof.Node = Proof.Node(end: .next), _ program: LinearRelaxation? = nil,
    _ isTightened: Bool = false
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
    return .split(choice.variable, at: choice.at, ranges, isTightened: isTightened, bound: best)
  }
}
