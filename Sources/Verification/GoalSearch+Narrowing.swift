import Certificates
import IntegerProgram
import Properties

// What a solution of the relaxation forbids: inputs fixed by reduced costs, hidden accumulators tightened.
extension GoalSearch {
  /// Narrows inputs to what a solution's bound allows them (reduced-cost fixing). Returns whether the ranges shrank by
  /// much; then the node ends here and another follows.
  func fixInputs(
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
  func width(_ ranges: Ranges) -> Double {
    var width = 0.0
    for input in bounded.program.inputs {
      for element in ranges.low[input].indices {
        width += Double(ranges.high[input][element] - ranges.low[input][element])
      }
    }
    return width
  }

  /// Tightens the loose hidden accumulators by bounds that the goal's constraints help. Returns whether much was won.
  func tighten(
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
}
