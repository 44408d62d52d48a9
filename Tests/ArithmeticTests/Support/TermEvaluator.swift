@testable import Arithmetic

/// Computes a term for given values of its variables, in 64 bits, and holds every node on the way to what it
/// claims: that it is proved to stay in its register and that its value lies in its range.
struct TermEvaluator {
  private struct Step {
    let node: TermNode
    let operands: [Int]
  }
  private let steps: [Step]
  private let low: [Int64]
  private let high: [Int64]
  private var values: [Int64]
  /// The first claim that was found broken.
  private(set) var fault: String?

  /// Of several roots, the last gives the result.
  init(_ root: TermNode, variables: [TermNode]) {
    var steps: [Step] = []
    var places: [ObjectIdentifier: Int] = [:]
    func place(_ node: TermNode) -> Int {
      if let place = places[ObjectIdentifier(node)] { return place }
      let operands = node.operands.map(place)
      steps.append(Step(node: node, operands: operands))
      places[ObjectIdentifier(node)] = steps.count - 1
      return steps.count - 1
    }
    // The variables come first, so that their values can be set by position.
    for variable in variables { _ = place(variable) }
    _ = place(root)
    self.steps = steps
    low = steps.map(\.node.range.lowerBound)
    high = steps.map(\.node.range.upperBound)
    values = Array(repeating: 0, count: steps.count)
    for (index, step) in steps.enumerated() {
      if !step.node.holds { note("a node is not proved: \(step.node.operation)") }
      if case .variable = step.node.operation, index >= variables.count {
        note("a free variable is not given")
      }
      if case .literal(let value) = step.node.operation { values[index] = value }
    }
  }

  var nodeCount: Int { steps.count }

  mutating func callAsFunction(_ arguments: Int64...) -> Int64 {
    for (index, argument) in arguments.enumerated() { values[index] = argument }
    for index in steps.indices {
      let operands = steps[index].operands
      var overflow = false
      switch steps[index].node.operation {
      case .variable, .literal: break
      case .add: (values[index], overflow) = values[operands[0]].addingReportingOverflow(values[operands[1]])
      case .subtract:
        (values[index], overflow) = values[operands[0]].subtractingReportingOverflow(values[operands[1]])
      case .multiply:
        (values[index], overflow) = values[operands[0]].multipliedReportingOverflow(by: values[operands[1]])
      case .shiftLeft:
        let power = Int64(1) &<< values[operands[1]]
        (values[index], overflow) = values[operands[0]].multipliedReportingOverflow(by: power)
        overflow = overflow || !(0...62).contains(values[operands[1]])
      case .shiftRight:
        values[index] = values[operands[0]] >> values[operands[1]]
        overflow = !(0...63).contains(values[operands[1]])
      case .divide:
        overflow = values[operands[1]] <= 0
        values[index] = overflow ? 0 : values[operands[0]] / values[operands[1]]
      case .lowest(_, let bits): values[index] = values[operands[0]] & ((1 << Int64(bits)) - 1)
      case .select:
        let isLess = values[operands[0]] < values[operands[1]]
        values[index] = values[operands[isLess ? 2 : 3]]
      }
      if overflow { note("an operation leaves 64 bits or its domain: \(steps[index].node.operation)") }
      if values[index] < low[index] || values[index] > high[index] {
        note("\(values[index]) is not in \(low[index]) … \(high[index]): \(steps[index].node.operation)")
      }
    }
    return values[steps.count - 1]
  }

  private mutating func note(_ text: String) {
    if fault == nil { fault = text }
  }
}
