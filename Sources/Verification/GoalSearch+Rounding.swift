import Certificates
import IntegerProgram
import Properties

// Counterexamples near the solutions of the relaxation.
extension GoalSearch {
  /// Looks for a counterexample by deciding one mistaken neuron after another as the solution suggests, and then rounding
  /// the inputs: accumulators are kept well inside the step they are on, since rounding moves them a little.
  func dive(_ program: LinearRelaxation, _ root: Ranges, _ solution: LinearRelaxation.Solution) -> Bool {
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
  func roundInside(_ program: LinearRelaxation, _ root: Ranges) -> Bool {
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
  func fixRounded(_ program: LinearRelaxation, _ root: Ranges) -> Bool {
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
  func flat(_ input: Int, _ element: Int) -> Int {
    var start = 0
    for other in bounded.program.inputs {
      if other == input { return start + element }
      start += bounded.program.values[other].count
    }
    return start
  }

  func tryRounded(_ program: LinearRelaxation, _ ranges: Ranges, _ effort: Int) -> Bool {
    tries(rounded(program, ranges), effort)
  }

  /// The solution's inputs, rounded.
  func rounded(_ program: LinearRelaxation, _ ranges: Ranges) -> [Int32] {
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
}
