import IntegerProgram
import Simulation
import Testing

private let doubling = IntegerProgram(
  name: "doubling",
  values: [
    Value(name: "x", tensor: 0, shape: [3], type: CodeType(bits: 4, isSigned: true), scale: 1, zeroPoint: 0),
    Value(name: "y", tensor: 1, shape: [3], type: .int8, scale: 1, zeroPoint: 0),
  ],
  steps: [
    Step(
      .lookup(Lookup(lowest: -8, table: (-8..<8).map { 2 * $0 })),
      source: Step.Source(index: 0, type: "LOOKUP", name: "y"), inputs: [0], output: 1)
  ],
  inputs: [0], outputs: [1])

@Test func inputsOfTheRightShapeAndTypeAreTaken() throws {
  #expect(try Simulator(doubling).run([[-8, 0, 7]]) == [[-16, 0, 14]])
}

@Test func aWrongNumberOfInputsIsRefused() {
  #expect(throws: SimulationError.inputs(expected: 1, found: 2)) {
    try Simulator(doubling).run([[0, 0, 0], [0, 0, 0]])
  }
}

@Test func aWrongNumberOfCodesIsRefused() {
  #expect(throws: SimulationError.count(input: 0, name: "x", expected: 3, found: 2)) {
    try Simulator(doubling).run([[0, 0]])
  }
}

@Test func aCodeOutsideTheInputsTypeIsRefused() {
  let type = CodeType(bits: 4, isSigned: true)
  #expect(throws: SimulationError.code(input: 0, name: "x", element: 2, type: type, found: 8)) {
    try Simulator(doubling).run([[0, 7, 8]])
  }
}
