import Certificates
import IntegerProgram
import Properties

/// Everything that is one step away from a proof or a property: each of their integers one more and one less, each list
/// with an entry dropped, doubled or swapped with the next.
extension Proof {
  var mutants: [Proof] {
    nodes.mutants { $0.mutants }.map { Proof($0) }
  }
}

extension Proof.Node {
  var mutants: [Proof.Node] {
    lemmas.mutants { $0.mutants }.map { Proof.Node(lemmas: $0, end: end) }
      + end.mutants.map { Proof.Node(lemmas: lemmas, end: $0) }
  }
}

extension Proof.End {
  var mutants: [Proof.End] {
    let others: [Proof.End] = [.empty, .next, .points, .contradiction(.init(constraints: [], steps: [:]))]
    switch self {
    case .empty, .next, .points: return others.filter { $0 != self }
    case .contradiction(let multipliers): return multipliers.mutants.map { .contradiction($0) } + others
    case .split(let variable, let at):
      return variable.mutants.map { .split($0, at: at) } + at.mutants.map { .split(variable, at: $0) } + others
    }
  }
}

extension Proof.Lemma {
  var mutants: [Proof.Lemma] {
    switch self {
    case .bound(let variable, let isUpper, let scale, let multipliers):
      return variable.mutants.map { .bound($0, isUpper: isUpper, scale: scale, multipliers) }
        + [.bound(variable, isUpper: !isUpper, scale: scale, multipliers), .reducedCosts(multipliers)]
        + scale.mutants.map { .bound(variable, isUpper: isUpper, scale: $0, multipliers) }
        + multipliers.mutants.map { .bound(variable, isUpper: isUpper, scale: scale, $0) }
    case .reducedCosts(let multipliers):
      return multipliers.mutants.map { .reducedCosts($0) }
    }
  }
}

extension Proof.Multipliers {
  var mutants: [Proof.Multipliers] {
    var mutants = constraints.mutants { $0.mutants }.map { Proof.Multipliers(constraints: $0, steps: steps) }
    for (step, list) in steps {
      var others = steps
      others[step] = nil
      mutants.append(Proof.Multipliers(constraints: constraints, steps: others))
      for moved in [step - 1, step + 1] where others[moved] == nil {
        var changed = others
        changed[moved] = list
        mutants.append(Proof.Multipliers(constraints: constraints, steps: changed))
      }
      // Long lists resemble one another: some entries of each.
      for index in stride(from: 0, to: list.count, by: max(1, list.count / 6)) {
        for value in list[index].mutants {
          var changed = steps
          changed[step]?[index] = value
          mutants.append(Proof.Multipliers(constraints: constraints, steps: changed))
        }
      }
    }
    return mutants
  }
}

extension Variable {
  var mutants: [Variable] {
    switch self {
    case .code(let value, let element):
      return [-1, 1].flatMap {
        [.code(value: value + $0, element: element), .code(value: value, element: element + $0)]
      } + [.accumulator(step: value, element: element)]
    case .accumulator(let step, let element):
      return [-1, 1].flatMap {
        [.accumulator(step: step + $0, element: element), .accumulator(step: step, element: element + $0)]
      } + [.code(value: step, element: element)]
    }
  }
}

extension Property {
  /// Those that make sense for `program`.
  func mutants(of program: IntegerProgram) -> [Property] {
    func property(_ box: [ClosedRange<Int32>], _ violations: [Violation]) -> Property? {
      try? Property(box: box, violations: violations, statement: statement, of: program)
    }
    var mutants: [Property?] = []
    for element in box.indices {
      for (low, high) in [(-1, 0), (1, 0), (0, -1), (0, 1)] as [(Int32, Int32)] {
        let (a, b) = (box[element].lowerBound + low, box[element].upperBound + high)
        guard a <= b else { continue }
        var changed = box
        changed[element] = a...b
        mutants.append(property(changed, violations))
      }
    }
    mutants += violations.mutants { $0.constraints.mutants { $0.mutants }.map { Violation($0) } }.map {
      property(box, $0)
    }
    return mutants.compactMap { $0 }
  }
}

extension LinearConstraint {
  var mutants: [LinearConstraint] {
    [-1, 1].map { LinearConstraint(inputs: inputs, outputs: outputs, atLeast: least + $0) }
      + inputs.mutants { $0.mutants }.map { LinearConstraint(inputs: $0, outputs: outputs, atLeast: least) }
      + outputs.mutants { $0.mutants }.map { LinearConstraint(inputs: inputs, outputs: $0, atLeast: least) }
  }
}

extension LinearConstraint.Term {
  var mutants: [LinearConstraint.Term] {
    [-1, 1].flatMap { [.init(element + $0, coefficient), .init(element, coefficient + Int64($0))] }
  }
}

extension Int32 {
  var mutants: [Int32] { [self &- 1, self &+ 1] }
}

extension Array {
  /// Each entry replaced by each of its mutants, dropped, doubled, swapped with the next.
  func mutants(_ entry: (Element) -> [Element]) -> [[Element]] {
    indices.flatMap { index -> [[Element]] in
      func changed(_ change: (inout [Element]) -> Void) -> [Element] {
        var copy = self
        change(&copy)
        return copy
      }
      var lists = entry(self[index]).map { mutant in changed { $0[index] = mutant } }
      lists.append(changed { $0.remove(at: index) })
      lists.append(changed { $0.insert(self[index], at: index) })
      if index + 1 < count { lists.append(changed { $0.swapAt(index, index + 1) }) }
      return lists
    }
  }
}
