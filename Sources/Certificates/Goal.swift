import IntegerProgram
import Properties

/// What one proof excludes: that all of these constraints hold at some input of the box.
public struct Goal: Sendable, Hashable {
  /// `functional ≥ 0`, each.
  public var constraints: [Functional]
  /// Where the goals enclose more than the property's violations: these, the constraints of each. An input that meets
  /// none of them need not be excluded.
  public var violations: [[Functional]]

  public init(constraints: [Functional], violations: [[Functional]] = []) {
    self.constraints = constraints
    self.violations = violations
  }
}

extension BoundedProgram {
  /// The goals whose exclusion proves `property`: its violations, as constraints on the program's codes.
  ///
  /// Where the class is decided after a softmax, it is decided on the logits instead. Let l be the label. If some
  /// logit is larger than l's, that is a goal; if none is, l's code is the largest, so another class can only win by a
  /// tie at a lower index, and then its logit is at most `SoftmaxBounds.largestTie` below. Together the goals contain
  /// every violation; the converse need not hold.
  public func goals(of property: Property) -> [Goal] {
    let violations = property.violations.map { violation in
      violation.constraints.map { constraint in
        let inputs = constraint.inputs.map { term in
          let place = inputPlace(term.element)
          return Functional.Part(.code(value: place.value, element: place.element), term.coefficient)
        }
        let outputs = constraint.outputs.map { term in
          let place = outputPlace(term.element)
          return Functional.Part(.code(value: place.value, element: place.element), term.coefficient)
        }
        return Functional(inputs + outputs, constant: -constraint.least)
      }
    }
    return goalsBeforeSoftmax(property, violations) ?? violations.map { Goal(constraints: $0) }
  }

  private func goalsBeforeSoftmax(_ property: Property, _ violations: [[Functional]]) -> [Goal]? {
    guard let first = property.violations.first?.constraints.first,
      let label = first.outputs.first(where: { $0.coefficient == -1 })?.element
    else { return nil }
    let place = unmoved(outputPlace(label))
    guard let step = producer[place.value], case .softmax(let bounds) = steps[step].form else { return nil }
    let row = place.element / bounds.softmax.depth
    let logits = program.steps[step].inputs[0]
    func logit(_ element: Int, _ coefficient: Int64) -> Functional.Part {
      Functional.Part(.code(value: logits, element: element), coefficient)
    }

    let tie = Int64(bounds.largestTie())
    var rivals: Set<Int> = []
    var goals: [Goal] = []
    for violation in property.violations {
      guard violation.constraints.count == 1, violation.constraints[0].inputs.isEmpty,
        violation.constraints[0].outputs.count == 2, (0...1).contains(violation.constraints[0].least),
        violation.constraints[0].outputs.contains(.init(label, -1)),
        let rival = violation.constraints[0].outputs.first(where: { $0.coefficient == 1 })
      else { return nil }
      let source = unmoved(outputPlace(rival.element))
      guard source.value == place.value, source.element / bounds.softmax.depth == row,
        source.element != place.element
      else { return nil }
      rivals.insert(source.element)
      // x_rival − x_label ≥ 1, or ≥ −tie.
      goals.append(
        Goal(
          constraints: [
            Functional(
              [logit(source.element, 1), logit(place.element, -1)],
              constant: violation.constraints[0].least == 0 ? tie : -1)
          ], violations: violations))
    }
    // With a class left out, the largest logit could be its.
    guard rivals.count == bounds.softmax.depth - 1 else { return nil }
    return goals
  }

  /// Whether an input meets `goal` and, where that encloses more than the property's violations, one of these.
  package func isMet(_ goal: Goal, at point: [Int32]) -> Bool {
    isMet(goal, over: ranges(over: point.map { $0...$0 }))
  }

  /// The same of the ranges that one input leads to.
  package func isMet(_ goal: Goal, over ranges: Ranges) -> Bool {
    func hold(_ constraints: [Functional]) -> Bool { constraints.allSatisfy { $0.most(over: ranges) >= 0 } }
    return hold(goal.constraints) && (goal.violations.isEmpty || goal.violations.contains(where: hold))
  }

  /// Where a code comes from that moves have only carried.
  private func unmoved(_ place: (value: Int, element: Int)) -> (value: Int, element: Int) {
    guard let step = producer[place.value], case .move(let sources) = steps[step].form,
      sources[place.element].operand >= 0
    else { return place }
    return unmoved((program.steps[step].inputs[Int(sources[place.element].operand)], Int(sources[place.element].element)))
  }

  /// Narrows ranges to what a goal's constraints leave of each of their codes, and carries it on, until nothing
  /// changes or some rounds have passed. Both the search and the checker reason from here, so the same ranges arise.
  public func settle(_ ranges: inout Ranges, for goal: Goal) {
    for _ in 0..<4 {
      propagate(&ranges)
      if ranges.isEmpty { return }
      for constraint in goal.constraints { narrow(&ranges, by: constraint) }
      if ranges.isEmpty || ranges.changed.isEmpty { return }
    }
    propagate(&ranges)
  }

  /// Narrows each code of `constraint ≥ 0` to what the others allow.
  private func narrow(_ ranges: inout Ranges, by constraint: Functional) {
    let total = constraint.most(over: ranges)
    guard total >= 0 else { return ranges.isEmpty = true }
    for part in constraint.parts where part.coefficient != 0 && !ranges.isEmpty {
      let range = ranges.range(of: part.variable)
      // coefficient · x ≥ most − total.
      let slack = total / Int128(part.coefficient.magnitude)
      guard slack < Int128(range.upperBound) - Int128(range.lowerBound) else { continue }
      let allowed =
        part.coefficient > 0
        ? (Int64(range.upperBound) - Int64(slack))...Int64(range.upperBound)
        : Int64(range.lowerBound)...(Int64(range.lowerBound) + Int64(slack))
      narrow(&ranges, part.variable, to: allowed)
    }
  }
}

extension Functional {
  /// The largest value that the ranges of its variables allow, each for itself.
  package func most(over ranges: Ranges) -> Int128 {
    parts.reduce(Int128(constant)) { sum, part in
      let range = ranges.range(of: part.variable)
      let coefficient = Int128(part.coefficient)
      return sum + max(coefficient * Int128(range.lowerBound), coefficient * Int128(range.upperBound))
    }
  }
}
