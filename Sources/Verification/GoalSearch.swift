import Certificates
import IntegerProgram
import Properties

/// The search for a proof that one goal cannot be met: bounds first, then cases, depth first. It goes on in slices, so
/// that several goals share the time.
///
/// Floating point guides it: which multipliers, which case next. What closes a case is the checker's own exact bound.
/// Not to be used from two threads at once.
final class GoalSearch {
  let bounded: BoundedProgram
  let goal: Goal
  let stages: Set<Stage>
  /// Whether to give up.
  let isOver: () -> Bool
  /// Tries an input in the box, and others near it with so much effort (moves); true where one meets a violation, and
  /// then the search ends.
  let tries: (_ point: [Int32], _ effort: Int) -> Bool

  /// Wall-clock seconds that are left.
  let secondsLeft: () -> Double
  /// Hidden accumulators are tightened anew where the relaxation's value has come down to this share.
  private static let tightensBelow = 0.9
  private static let deepest = 1000
  /// What slopes' prices count for beside the solver's.
  private static let shareOfSlopes = 0.2
  /// In programs of more neurons the most mistaken one is split, untried.
  private static let mostForStrongBranching = 400
  private static let nodesPerPlunge = 8
  /// So many points are tried sooner than bounded.
  static let fewPoints = 1024

  enum Outcome {
    case open
    case proved(Proof)
    case violated
    /// Nothing is left to try.
    case stuck
  }

  private(set) var outcome = Outcome.open
  private(set) var nodes = 0
  /// The furthest stage so far.
  private(set) var stage = Stage.intervals
  /// A proved upper bound of the goal's first constraint.
  private(set) var bound: Int64
  /// The share of the tree that is open.
  private(set) var openFraction = 1.0
  private var program: LinearRelaxation?
  private let natural: Ranges
  private var open: [OpenCase]
  /// Cases of many inputs, split one by one: they come last, since they hardly ever come to an end.
  private var postponed: [OpenCase] = []
  /// How many inputs there are, where so few that all of them may be tried.
  private let everyInput: Int?
  /// How many more inputs the proof may try one by one.
  private var pointsLeft: Int
  /// The prices of the steps' codes in the last pass of slopes.
  private var lastPrices: [Int: [Int64]] = [:]
  private var random = Xorshift(seed: 1)
  private var iterationsOfDives = 0
  private var proof = ProofTree()
  /// Whether the case at hand was not next to the last one.
  private var isElsewhere = false

  /// `natural` are the ranges of the inputs' box; the proof may try up to `mostPoints` inputs.
  init(
    _ bounded: BoundedProgram, goal: Goal, over natural: Ranges, stages: Set<Stage>, mostPoints: Int,
    isOver: @escaping () -> Bool, secondsLeft: @escaping () -> Double,
    tries: @escaping (_ point: [Int32], _ effort: Int) -> Bool
  ) {
    self.bounded = bounded
    self.goal = goal
    self.natural = natural
    self.stages = stages
    pointsLeft = mostPoints
    self.isOver = isOver
    self.secondsLeft = secondsLeft
    self.tries = tries
    open = [OpenCase(ranges: natural, depth: 0, place: 0)]
    let count = bounded.pointCount(of: natural) ?? .max
    everyInput = stages.contains(.branchAndBound) && count <= min(1 << 16, mostPoints) ? count : nil
    bound = 0
    bound = upperBound(natural)
  }

  private struct OpenCase {
    var ranges: Ranges
    var depth: Int
    /// In the proof's tree.
    var place: Int
    /// The relaxation's value when hidden accumulators were last tightened, for it or a case it is part of.
    var tightenedAt = Double.infinity
    /// Where the linear program starts.
    var basis: [UInt8] = []
  }

  /// Looks at one case at least, and at more until `slice` says that it is over or the goal is decided.
  func advance(_ slice: () -> Bool) {
    guard case .open = outcome else { return }
    repeat {
      if isOver() { return }
      if open.isEmpty { swap(&open, &postponed) }
      if open.isEmpty {
        outcome = .proved(proof.proof)
        return
      }
      // Depth first, but now and then the oldest case: a counterexample may be far from where the search is deep.
      isElsewhere = nodes % Self.nodesPerPlunge == Self.nodesPerPlunge - 1
      let current = isElsewhere ? open.removeFirst() : open.removeLast()
      proof.current = current.place
      // Splits of hidden accumulators may go on for long where inputs are few, and each bound costs more than many inputs.
      if let everyInput, everyInput <= max(Self.fewPoints, nodes > 200 ? 32 * nodes : 0) { return tryEverything() }
      nodes += 1
      switch close(current) {
      case .closed:
        openFraction -= share(current.depth)
      case .violated:
        outcome = .violated
        return
      case .split(let variable, let at, let ranges, let tightenedAt, let best):
        if current.depth == 0 { bound = min(bound, best) }
        guard stages.contains(.branchAndBound), current.depth < Self.deepest else {
          guard everyInput == nil else { return tryEverything() }
          outcome = .stuck
          return
        }
        stage = .branchAndBound
        let range = ranges.range(of: variable)
        var (low, high) = (ranges, ranges)
        bounded.narrow(&low, variable, to: Int64(range.lowerBound)...Int64(at))
        bounded.narrow(&high, variable, to: Int64(at) + 1...Int64(range.upperBound))
        let places = proof.split()
        let basis = program?.goalBasis ?? []
        var cases = [
          OpenCase(ranges: high, depth: current.depth + 1, place: places.high, tightenedAt: tightenedAt, basis: basis),
          OpenCase(ranges: low, depth: current.depth + 1, place: places.low, tightenedAt: tightenedAt, basis: basis),
        ]
        // First the case that the relaxation's solution is in.
        if case .accumulator(let step, let element) = variable,
          let solution = program?.solution(step: step, element: element), solution.accumulator > Double(at)
        {
          cases.swapAt(0, 1)
        }
        if case .code = variable, openInputs(ranges) > Self.fewInputs { postponed += cases } else { open += cases }
      case .stuck(let best):
        if current.depth == 0 { bound = min(bound, best) }
        guard everyInput == nil else { return tryEverything() }
        outcome = .stuck
        return
      }
      if open.isEmpty && postponed.isEmpty {
        outcome = .proved(proof.proof)
        return
      }
    } while !slice()
  }

  private func share(_ depth: Int) -> Double {
    var share = 1.0
    for _ in 0..<depth { share /= 2 }
    return share
  }

  private enum Closing {
    case closed
    case violated
    case split(Variable, at: Int32, Ranges, tightenedAt: Double, bound: Int64)
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
  private func close(_ current: OpenCase) -> Closing {
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

  private func openInputs(_ ranges: Ranges) -> Int {
    bounded.program.inputs.reduce(0) { sum, input in
      sum + zip(ranges.low[input], ranges.high[input]).count { $0 < $1 }
    }
  }

  /// So many inputs are few: halving them comes to an end.
  private static let fewInputs = 24

  private func loosest(_ ranges: Ranges) -> Choice? {
    var choice: Choice?
    for (step, prices) in lastPrices where !ranges.accumulatorLow[step].isEmpty {
      for (element, price) in prices.enumerated() where price != 0 {
        for kink in kinks(step, element, ranges) {
          let score = abs(Double(price)) * kink.looseness
          if score > choice?.score ?? 0 { choice = Choice(step: step, element: element, at: kink.at, score: score) }
        }
      }
    }
    return choice
  }

  /// One pass of slopes, and some more with lines that touch at the last bound's own maximiser.
  private func closeBySlopes(_ ranges: Ranges) -> Closing {
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

  private func closeByLinearProgram(
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

  /// Of the most promising splits, the one that lowers the bounds of its cases most (strong branching).
  private func strongest(
    _ candidates: [Choice], _ program: LinearRelaxation, _ ranges: Ranges, _ value: Double, depth: Int
  ) -> Choice? {
    // In a large program so few iterations say little, and mislead.
    let tried = candidates.prefix(
      program.neurons.count > Self.mostForStrongBranching || depth >= 16 ? 1 : depth < 6 ? 6 : 3)
    guard tried.count > 1 else { return candidates.first }
    var best: (choice: Choice, score: Double)?
    for candidate in tried {
      if isOver() { break }
      let variable = candidate.variable
      let range = ranges.range(of: variable)
      var drops: [Double] = []
      for part in [Int64(range.lowerBound)...Int64(candidate.at), Int64(candidate.at) + 1...Int64(range.upperBound)] {
        var child = ranges
        bounded.narrow(&child, variable, to: part)
        bounded.settle(&child, for: goal)
        guard !child.isEmpty else {
          drops.append(1e6)
          continue
        }
        program.update(child)
        let estimate = program.estimateGoal(iterations: 30)
        drops.append(estimate < 0 ? 1e6 : max(1e-6, value - estimate))
      }
      // Both cases count; the worse of them more than once.
      let score = min(drops[0], drops[1]) * max(drops[0], drops[1]).squareRoot()
      if score > best?.score ?? -1 { best = (candidate, score) }
    }
    return best?.choice ?? candidates.first
  }

  /// Looks for a counterexample by deciding one mistaken neuron after another as the solution suggests, and then rounding
  /// the inputs: accumulators are kept well inside the step they are on, since rounding moves them a little.
  private func dive(_ program: LinearRelaxation, _ root: Ranges, _ solution: LinearRelaxation.Solution) -> Bool {
    var (ranges, solution) = (root, solution)
    for _ in 0..<200 {
      if isOver() { return false }
      let mistaken = mistaken(program, solution, ranges)
      guard mistaken.gap > 0.05, let choice = mistaken.candidates.first, choice.score > 1e-3 else {
        return roundInside(program, ranges)
      }
      let variable = choice.variable
      let range = ranges.range(of: variable)
      let accumulator = program.solution(step: choice.step, element: choice.element)?.accumulator ?? 0
      let sides = [Int64(range.lowerBound)...Int64(choice.at), Int64(choice.at) + 1...Int64(range.upperBound)]
      var isDecided = false
      for side in accumulator <= Double(choice.at) ? sides : sides.reversed() {
        var narrowed = ranges
        bounded.narrow(&narrowed, variable, to: side)
        bounded.settle(&narrowed, for: goal)
        if narrowed.isEmpty { continue }
        program.update(narrowed)
        let next = program.maximizeGoal(within: secondsLeft())
        guard next.status == .optimal, next.value >= 0 else { continue }
        (ranges, solution, isDecided) = (narrowed, next, true)
        break
      }
      guard isDecided else { return false }
      if nodes % 8 == 0, tryRounded(program, ranges, 300) { return true }
    }
    return false
  }

  /// Keeps every accumulator a margin inside its step, layer by layer, and rounds.
  private func roundInside(_ program: LinearRelaxation, _ root: Ranges) -> Bool {
    if tryRounded(program, root, 3000) { return true }
    var steps: [Int] = []
    for neuron in program.neurons where steps.last != neuron.step { steps.append(neuron.step) }
    for margin in [0.1, 0.03, 0.012, 0.004, 0] {
      if isOver() { return false }
      program.update(root)
      guard program.maximizeGoal(within: secondsLeft()).status == .optimal else { return false }
      var ranges = root
      for step in steps {
        if isOver() { return false }
        for neuron in program.neurons where neuron.step == step {
          let output = bounded.program.steps[step].output
          let (lowest, highest) = (ranges.low[output][neuron.element], ranges.high[output][neuron.element])
          let (low, high) = (
            ranges.accumulatorLow[step][neuron.element], ranges.accumulatorHigh[step][neuron.element]
          )
          guard low < high else { continue }
          let staircase = staircase(neuron)
          let (accumulator, _) = program.solution(neuron)
          let place = Int32(max(Double(low), min(Double(high), accumulator.rounded())))
          let level = min(max(staircase(place), lowest), highest)
          let first = max(Int64(natural.accumulatorLow[step][neuron.element]), staircase.first(reaching: level))
          let last = min(
            Int64(natural.accumulatorHigh[step][neuron.element]), staircase.first(reaching: level + 1) - 1)
          let inset = Int64(Double(min(last - first, Int64(1 / neuron.scale))) * margin)
          // The ends of what the inputs allow are no steps to stay away from.
          let from = first > Int64(natural.accumulatorLow[step][neuron.element]) ? first + inset : first
          let to = last < Int64(natural.accumulatorHigh[step][neuron.element]) ? last - inset : last
          guard max(from, Int64(low)) <= min(to, Int64(high)) else { continue }
          bounded.narrow(&ranges, .accumulator(step: step, element: neuron.element), to: from...to)
        }
        bounded.settle(&ranges, for: goal)
        guard !ranges.isEmpty else { break }
        program.update(ranges)
        let solution = program.maximizeGoal(within: secondsLeft())
        guard solution.status == .optimal, solution.value >= 0 else { break }
        if tryRounded(program, ranges, 3000) { return true }
        if step == steps.last, fixRounded(program, ranges) { return true }
      }
    }
    return false
  }

  /// Rounds a few inputs at a time, those nearest to integers first, and solves anew for the others, which make up for it.
  private func fixRounded(_ program: LinearRelaxation, _ root: Ranges) -> Bool {
    var ranges = root
    for _ in 0..<400 {
      if isOver() { return false }
      var fractional: [(input: Int, element: Int, value: Double, part: Double)] = []
      for input in bounded.program.inputs {
        for (element, x) in program.solution(value: input).enumerated() {
          let part = abs(x - x.rounded())
          // In another order each time: what one order of rounding misses another may find.
          if part > 1e-6 { fractional.append((input, element, x, part + 0.3 * Double(random.next() >> 40) * 0x1p-24)) }
        }
      }
      if fractional.count <= 8 {
        // Every way of rounding what is left.
        let nearest = rounded(program, ranges)
        for choice in 0..<(1 << fractional.count) {
          var point = nearest
          for (bit, place) in fractional.enumerated() {
            point[flat(place.input, place.element)] = Int32(place.value.rounded(.down)) + Int32((choice >> bit) & 1)
          }
          if tries(point, 0) { return true }
        }
        if tries(nearest, 5000) { return true }
        if fractional.isEmpty { return false }
      }
      fractional.sort { $0.part < $1.part }
      var isFixed = false
      for count in fractional.count > 8 ? [fractional.count / 8, 1] : [1] {
        for flips in [false, true] {
          var narrowed = ranges
          for fixed in fractional.prefix(count) {
            let nearest = Int64(fixed.value.rounded())
            let other = Double(nearest) < fixed.value ? nearest + 1 : nearest - 1
            let value = flips ? other : nearest
            bounded.narrow(&narrowed, .code(value: fixed.input, element: fixed.element), to: value...value)
          }
          bounded.settle(&narrowed, for: goal)
          if narrowed.isEmpty { continue }
          program.update(narrowed)
          let solution = program.maximizeGoal(within: secondsLeft())
          guard solution.status == .optimal, solution.value >= 0 else { continue }
          ranges = narrowed
          isFixed = true
          break
        }
        if isFixed { break }
      }
      guard isFixed else { return tries(rounded(program, ranges), 5000) }
    }
    return false
  }

  /// Where an input's element stands among all inputs.
  private func flat(_ input: Int, _ element: Int) -> Int {
    var start = 0
    for other in bounded.program.inputs {
      if other == input { return start + element }
      start += bounded.program.values[other].count
    }
    return start
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
    }
    return nil
  }

  private func tryRounded(_ program: LinearRelaxation, _ ranges: Ranges, _ effort: Int) -> Bool {
    tries(rounded(program, ranges), effort)
  }

  /// The solution's inputs, rounded.
  private func rounded(_ program: LinearRelaxation, _ ranges: Ranges) -> [Int32] {
    var point: [Int32] = []
    for input in bounded.program.inputs {
      let solution = program.solution(value: input)
      for (element, x) in solution.enumerated() {
        let rounded = Int32(max(-1e6, min(1e6, x.rounded())))
        point.append(min(max(rounded, ranges.low[input][element]), ranges.high[input][element]))
      }
    }
    return point
  }

  /// Narrows inputs to what a solution's bound allows them (reduced-cost fixing). Returns whether the ranges shrank by
  /// much; then the node ends here and another follows.
  private func fixInputs(
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
  private func tighten(
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
    var step, element: Int
    var at: Int32
    var score: Double
    var variable: Variable { .accumulator(step: step, element: element) }
  }

  private func staircase(_ neuron: LinearRelaxation.Neuron) -> Staircase { staircase(neuron.step, neuron.element) }

  private func staircase(_ step: Int, _ element: Int) -> Staircase {
    let step = bounded.steps[step]
    return step.staircases[step.staircases.count == 1 ? 0 : step.staircaseOf(element)]
  }

  /// The ends of a neuron's flat parts that are longer than its steps: where the hull is loose. Each as the last
  /// accumulator before the bend, with how far the hull is from the staircase there, in codes.
  private func kinks(_ neuron: LinearRelaxation.Neuron, _ ranges: Ranges) -> [(at: Int32, looseness: Double)] {
    kinks(neuron.step, neuron.element, ranges)
  }

  private func kinks(_ step: Int, _ element: Int, _ ranges: Ranges) -> [(at: Int32, looseness: Double)] {
    let output = bounded.program.steps[step].output
    let (lowest, highest) = (ranges.low[output][element], ranges.high[output][element])
    guard lowest < highest else { return [] }
    let (low, high) = (
      Double(ranges.accumulatorLow[step][element]), Double(ranges.accumulatorHigh[step][element])
    )
    let staircase = staircase(step, element)
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
        choice = Choice(step: neuron.step, element: neuron.element, at: kink.at, score: kink.looseness)
      }
    }
    return choice
  }

  /// The neuron whose code the relaxation's solution mistakes most, weighed by what a code is worth there; split at a
  /// kink, or else at the step nearest to the solution.
  private func mistaken(
    _ program: LinearRelaxation, _ solution: LinearRelaxation.Solution, _ ranges: Ranges
  ) -> (candidates: [Choice], gap: Double) {
    var recorded = RecordedMultipliers(steps: solution.multipliers.steps)
    guard let functional = try? goal.combination(solution.multipliers.constraints),
      (try? bounded.bound(of: functional, over: ranges, multipliers: &recorded)) != nil
    else { return ([], .infinity) }
    var choices: [Choice] = []
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
      // Where the solver's price is 0, as that of everything before codes which are at their ends is, slopes have one.
      let price = max(
        abs(Double(recorded.prices[neuron.step]?[neuron.element] ?? 0)) / Double(solution.scale),
        Self.shareOfSlopes * abs(Double(lastPrices[neuron.step]?[neuron.element] ?? 0)) / Double(Goal.slopeUnit))
      let kink = kinks(neuron, ranges).max { $0.looseness < $1.looseness }
      let gap = abs(code - Double(level))
      total += price * gap
      // Where nothing is mistaken, the steps that are left have to be told apart all the same.
      let score = price * (gap + 0.1 * (kink?.looseness ?? 0)) + 1e-6 * Double(highest - lowest)
      if let kink {
        choices.append(Choice(step: neuron.step, element: neuron.element, at: kink.at, score: score))
        continue
      }
      var ats: [Int32] = []
      if level > lowest { ats.append(Int32(clamping: staircase.first(reaching: level) - 1)) }
      if level < highest { ats.append(Int32(clamping: staircase.first(reaching: level + 1) - 1)) }
      if let at = ats.filter({ low <= $0 && $0 < high }).min(by: {
        abs(Double($0) - accumulator) < abs(Double($1) - accumulator)
      }) {
        choices.append(Choice(step: neuron.step, element: neuron.element, at: at, score: score))
      }
    }
    return (choices.sorted { $0.score > $1.score }, total)
  }

  private func split(
    _ choice: Choice, _ ranges: Ranges, _ node: Proof.Node, _ best: Int64, _ tightenedAt: Double
  ) -> Closing {
    var node = node
    let variable = choice.variable
    node.end = .split(variable, at: choice.at)
    proof.append(node)
    return .split(variable, at: choice.at, ranges, tightenedAt: tightenedAt, bound: best)
  }

  /// An upper bound of the goal's first constraint where the goal is met, since the others are at least 0 there; exact,
  /// as it is reported.
  private func provedBound(_ multipliers: Proof.Multipliers, _ ranges: Ranges) -> Int64? {
    var source = GivenMultipliers(steps: multipliers.steps)
    guard let first = multipliers.constraints.first, first > 0,
      let functional = try? goal.combination(multipliers.constraints),
      let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &source)
    else { return nil }
    return bound.value / Int64(first)
  }

  /// Ends a case by trying all its inputs.
  private func closeByPoints(_ ranges: Ranges, _ best: Int64, _ node: Proof.Node) -> Closing {
    var isViolated = false
    do {
      try bounded.forEachPoint(of: bounded.box(of: ranges)) { point throws(CertificateError) in
        isViolated = tries(point, 0)
        // Without the attack nothing is tried.
        if isViolated || !stages.contains(.attack) && bounded.isMet(goal, at: point) || isOver() {
          throw CertificateError("not every input is excluded")
        }
      }
    } catch {
      return isViolated ? .violated : .stuck(bound: best)
    }
    var node = node
    node.end = .points
    proof.append(node)
    return .closed
  }

  /// Ends the whole search by trying all inputs, in place of the proof so far.
  private func tryEverything() {
    var root = natural
    bounded.settle(&root, for: goal)
    proof.removeAll()
    switch closeByPoints(root, bound, Proof.Node(end: .next)) {
    case .closed: outcome = .proved(proof.proof)
    case .violated: outcome = .violated
    case .split, .stuck: outcome = .stuck
    }
  }

  /// Halves the widest input, or the one whose value in the relaxation is furthest from an integer.
  private func splitInputs(
    _ ranges: Ranges, _ best: Int64, _ node: Proof.Node = Proof.Node(end: .next), _ program: LinearRelaxation? = nil,
    _ tightenedAt: Double = .infinity
  ) -> Closing {
    if let count = bounded.pointCount(of: ranges), count <= min(64, pointsLeft) {
      pointsLeft -= count
      return closeByPoints(ranges, best, node)
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
    return .split(choice.variable, at: choice.at, ranges, tightenedAt: tightenedAt, bound: best)
  }
}

/// A small generator of random numbers: xorshift64*.
struct Xorshift {
  private var state: UInt64
  init(seed: UInt64) { state = seed | 1 }
  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }
}
