import DifferentialTesting
import IntegerProgram
import Properties

extension Instance {
  /// A question about the instance that is close to being answered the other way: classes, ranges of an output, or
  /// linear constraints over inputs and outputs, several together.
  func property(_ random: inout SeededGenerator) -> Property {
    let count = program.outputElements.count
    do {
      switch random.integer(in: 0...9) {
      case 0...3 where program.outputs.count == 1 && count > 1:
        let point = random.integer(in: 0...points.count - 1)
        let label =
          random.chance(0.8) ? Property.predictedClass(outputs[point]) : random.integer(in: 0...count - 1)
        return try .classification(of: program, box: box, label: label, statement: "class \(label)")
      case 0...4:
        let element = random.integer(in: 0...count - 1)
        let codes = outputs.map { Int64($0[element]) }
        let low = (codes.min() ?? 0) + Int64(random.element(of: [-1, 0, 0, 1]))
        let high = (codes.max() ?? 0) + Int64(random.element(of: [-1, 0, 0, 1]))
        return try .outputRange(
          of: program, box: box, element: element, range: min(low, high)...max(low, high), statement: "range")
      default:
        let violations = (0..<random.integer(in: 1...3)).map { _ in violation(&random) }
        return try Property(box: box, violations: violations, statement: "linear", of: program)
      }
    } catch {
      preconditionFailure("\(error)")
    }
  }

  /// One to three constraints; the last is out of reach where the others hold, or just within it.
  private func violation(_ random: inout SeededGenerator) -> Violation {
    var constraints: [LinearConstraint] = []
    var open = Array(points.indices)
    for remaining in (0..<random.integer(in: 1...3)).reversed() {
      var constraint = LinearConstraint(atLeast: 0)
      for _ in 0..<random.integer(in: 1...3) {
        constraint.outputs.append(
          .init(random.integer(in: 0...program.outputElements.count - 1), coefficient(&random)))
      }
      for _ in 0..<random.element(of: [0, 0, 1, 2]) {
        constraint.inputs.append(.init(random.integer(in: 0...box.count - 1), coefficient(&random)))
      }
      let values = open.map { constraint.value(inputs: points[$0], outputs: outputs[$0]) }.sorted()
      if remaining == 0 {
        constraint.least = (values.last ?? 0) + Int64(random.element(of: [-1, 0, 1, 1, 1, 2]))
      } else {
        constraint.least = values.isEmpty ? 0 : values[random.integer(in: 0...values.count - 1)]
        open = open.filter { constraint.value(inputs: points[$0], outputs: outputs[$0]) >= constraint.least }
      }
      constraints.append(constraint)
    }
    return Violation(constraints)
  }

  private func coefficient(_ random: inout SeededGenerator) -> Int64 {
    Int64(random.element(of: [1, 1, -1, -1, 2, -3, 7, -1000]))
  }
}
