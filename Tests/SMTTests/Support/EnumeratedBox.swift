import DifferentialTesting
import IntegerProgram
import Properties
import Simulation

/// A small box of inputs, and what the definitions make of every input in it.
struct EnumeratedBox {
  let program: IntegerProgram
  let box: [ClosedRange<Int32>]
  let runs: [(inputs: [Int32], outputs: [Int32])]

  /// Up to three elements vary over a few codes each; the others keep random ones.
  init(of program: IntegerProgram, _ random: inout SeededGenerator) throws {
    self.program = program
    var box: [ClosedRange<Int32>] = program.inputElements.map { type in
      let code = Int32(random.integer(in: Int(type.range.lowerBound)...Int(type.range.upperBound)))
      return code...code
    }
    for _ in 0..<random.integer(in: 1...3) {
      let element = random.integer(in: 0...box.count - 1)
      let reach = Int64(random.integer(in: 0...4))
      let high = min(program.inputElements[element].range.upperBound, Int64(box[element].lowerBound) + reach)
      box[element] = box[element].lowerBound...Int32(high)
    }
    self.box = box
    var inputs: [[Int32]] = [[]]
    for range in box { inputs = inputs.flatMap { prefix in range.map { prefix + [$0] } } }
    let interpreter = ReferenceInterpreter(program)
    runs = try inputs.map { ($0, try interpreter.run(program.inputs(flat: $0)).flatMap { $0 }) }
  }

  /// One to three violations, whose constraints are just met by some input, or just by none.
  func property(_ random: inout SeededGenerator) throws -> Property {
    let violations = (0..<random.integer(in: 1...3)).map { _ in
      Violation((0..<random.integer(in: 1...2)).map { _ in constraint(&random) })
    }
    return try Property(box: box, violations: violations, statement: "", of: program)
  }

  private func constraint(_ random: inout SeededGenerator) -> LinearConstraint {
    func terms(_ count: Int, of elements: Int) -> [LinearConstraint.Term] {
      (0..<count).map { _ in .init(random.integer(in: 0...elements - 1), Int64(random.integer(in: -3...3))) }
    }
    let outputs = terms(random.integer(in: 1...2), of: program.outputElements.count)
    let inputs = random.chance(0.3) ? terms(1, of: box.count) : []
    let constraint = LinearConstraint(inputs: inputs, outputs: outputs, atLeast: 0)
    let sums = runs.map { constraint.value(inputs: $0, outputs: $1) }
    let largest = sums.max() ?? 0
    return LinearConstraint(
      inputs: inputs, outputs: outputs,
      atLeast: random.element(of: [largest, largest, largest + 1, random.element(of: sums)]))
  }

  /// Whether some input meets one of the violations at `indices`.
  func meets(_ property: Property, _ indices: [Int]) -> Bool {
    runs.contains { run in
      indices.contains { property.violations[$0].isMet(inputs: run.inputs, outputs: run.outputs) }
    }
  }
}
