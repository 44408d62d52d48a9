import Certificates
import IntegerProgram
import Properties

// Where a case is split: at the bends of a staircase that the relaxation mistakes, or in halves of an input.
extension GoalSearch {
  func openInputs(_ ranges: Ranges) -> Int {
    bounded.program.inputs.reduce(0) { sum, input in
      sum + zip(ranges.low[input], ranges.high[input]).count { $0 < $1 }
    }
  }

  /// So many inputs are few: halving them comes to an end.
  static let fewInputs = 24

  func loosest(_ ranges: Ranges) -> Choice? {
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

  /// Of the most promising splits, the one that lowers the bounds of its cases most (strong branching).
  func strongest(
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

  struct Choice {
    var step, element: Int
    var at: Int32
    var score: Double
    var variable: Variable { .accumulator(step: step, element: element) }
  }

  func staircase(_ neuron: LinearRelaxation.Neuron) -> Staircase { staircase(neuron.step, neuron.element) }

  func staircase(_ step: Int, _ element: Int) -> Staircase {
    let step = bounded.steps[step]
    return step.staircases[step.staircases.count == 1 ? 0 : step.staircaseOf(element)]
  }

  /// The ends of a neuron's flat parts that are longer than its steps: where the hull is loose. Each as the last
  /// accumulator before the bend, with how far the hull is from the staircase there, in codes.
  func kinks(_ neuron: LinearRelaxation.Neuron, _ ranges: Ranges) -> [(at: Int32, looseness: Double)] {
    kinks(neuron.step, neuron.element, ranges)
  }

  func kinks(_ step: Int, _ element: Int, _ ranges: Ranges) -> [(at: Int32, looseness: Double)] {
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
  func kink(_ program: LinearRelaxation, _ ranges: Ranges, among neurons: [Int]) -> Choice? {
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
  func mistaken(
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

  func split(
    _ choice: Choice, _ ranges: Ranges, _ node: Proof.Node, _ best: Int64, _ tightenedAt: Double
  ) -> Closing {
    var node = node
    let variable = choice.variable
    node.end = .split(variable, at: choice.at)
    proof.append(node)
    return .split(variable, at: choice.at, ranges, tightenedAt: tightenedAt, bound: best)
  }

  /// Halves the widest input, or the one whose value in the relaxation is furthest from an integer.
  func splitInputs(
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
