import IntegerProgram
import Testing

@testable import Simulation

/// A random network of steps between images of one shape, with branches, constants and moves that move
/// nothing.
private func randomNetwork(_ generator: inout SeededGenerator) -> IntegerProgram {
  let (side, channels) = (generator.int(3...7), generator.pick([2, 8, 16, 20]))
  let count = side * side * channels
  func value(_ type: CodeType, _ constant: [Int32]? = nil) -> Value {
    Value(
      name: "v", tensor: nil, shape: [side, side, channels], type: type, scale: 1, zeroPoint: 0,
      constant: constant)
  }
  var values = [value(.int8), value(generator.type())]
  values.append(value(.int8, generator.codes(count, of: .int8)))
  var steps: [Step] = []
  for index in 0..<generator.int(3...9) {
    let input = generator.int(0...values.count - 1)
    let type = values[input].type
    var output = generator.pick([CodeType.int8, .int8, generator.type()])
    var inputs = [input]
    var geometry = WindowGeometry(
      batch: 1, inputHeight: side, inputWidth: side, inputChannels: channels, outputHeight: side,
      outputWidth: side,
      outputChannels: channels, kernelHeight: 3, kernelWidth: 3, paddingTop: 1, paddingLeft: 1)
    let operation: Step.Operation
    switch generator.int(0...6) {
    case 0: operation = .affine(generator.affine(geometry, groups: 1, input: type, output: output))
    case 1: operation = .affine(generator.affine(geometry, groups: channels, input: type, output: output))
    case 2:
      (geometry.kernelHeight, geometry.kernelWidth, geometry.paddingTop, geometry.paddingLeft) = (1, 1, 0, 0)
      operation = .affine(generator.affine(geometry, groups: 1, input: type, output: output))
    case 3:
      operation = .lookup(
        Lookup(
          lowest: Int32(type.range.lowerBound), table: type.range.map { _ in generator.code(of: output) }))
    case 4:
      let other = generator.int(0...values.count - 1)
      inputs.append(other)
      let operand = Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(-1), strides: [1])
      operation = .combine(
        Combine(
          kind: .sum, shape: [count], left: operand, right: operand, leftShift: 4,
          requantization: generator.requantization(channels: 1, magnitude: 1 << (type.bits + 4), to: output)))
    case 5:
      output = type
      operation = .move(.identity(count: count))
    default:
      output = type
      operation = .pool(
        Pool(kind: generator.bool() ? .maximum : .average, geometry: geometry, clamp: output.range))
    }
    steps.append(
      Step(
        operation, source: Step.Source(index: index, type: "STEP", name: "v"), inputs: inputs,
        output: values.count))
    values.append(value(output))
  }
  return IntegerProgram(
    name: "network", values: values, steps: steps, inputs: [0, 1],
    outputs: [values.count - 1, generator.int(0...values.count - 1)])
}

@Suite struct SimulatorInterface {
  private func inputs(_ program: IntegerProgram, _ generator: inout SeededGenerator) -> [[Int32]] {
    program.inputs.map { generator.codes(program.values[$0].count, of: program.values[$0].type) }
  }

  @Test(arguments: 0..<200) func everyStepOfANetworkIsItsDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let program = randomNetwork(&generator)
    let inputs = inputs(program, &generator)
    let reference = ReferenceInterpreter(program)
    var expected = program.values.map { $0.constant ?? [] }
    for (value, codes) in zip(program.inputs, inputs) { expected[value] = codes }
    var observed: [Int] = []
    let outputs = try Simulator(program).run(inputs) { index, value, codes in
      observed.append(index)
      let step = program.steps[index]
      #expect(value == step.output)
      expected[value] = reference.codes(of: step, operands: step.inputs.map { expected[$0] })
      #expect(codes == expected[value], "step \(index)")
    }
    #expect(observed == Array(program.steps.indices))
    #expect(outputs == program.outputs.map { expected[$0] })
    #expect(try outputs == Simulator(program).run(inputs))
  }

  @Test(arguments: [1, 2, 5]) func aBatchIsItsInferences(jobs: Int) throws {
    var generator = SeededGenerator(seed: 11)
    let program = randomNetwork(&generator)
    let simulator = Simulator(program)
    let inferences = (0..<7).map { _ in inputs(program, &generator) }
    let outputs = try inferences.map { try simulator.run($0) }
    let batch = try simulator.runBatch(
      program.inputs.indices.map { input in inferences.flatMap { $0[input] } }, count: 7, jobs: jobs)
    #expect(batch == program.outputs.indices.map { output in outputs.flatMap { $0[output] } })
  }

  @Test func aBatchOfTheWrongSizeIsRefused() throws {
    var generator = SeededGenerator(seed: 11)
    let program = randomNetwork(&generator)
    let count = program.values[0].count
    #expect(throws: SimulationError.count(input: 0, name: "v", expected: 3 * count, found: 2 * count)) {
      let codes = [Int32](repeating: 0, count: 2 * count)
      _ = try Simulator(program).runBatch([codes, codes], count: 3)
    }
  }

  @Test func aStateTakesAndGivesBytes() throws {
    let lookup = Lookup(lowest: -128, table: (0..<256).map { 127 - $0 })
    let program = program(.lookup(lookup), operands: [(5, .int8, nil)], output: (5, .int8))
    let state = Simulator.State(Simulator(program))
    var codes: [Int8] = [-128, -1, 0, 1, 127]
    for _ in 0..<2 {
      try codes.withUnsafeBufferPointer { codes throws(SimulationError) in try state.setInput(0, to: codes) }
      state.run()
      codes.withUnsafeMutableBufferPointer { state.copyOutput(0, to: $0) }
    }
    // Twice mirrored is as before.
    #expect(codes == [-128, -1, 0, 1, 127])
    #expect(state.output(0) == [-128, -1, 0, 1, 127])
  }

  @Test func aStateRefusesCodesOutsideTheInputsType() {
    let type = CodeType(bits: 4, isSigned: false)
    let program = program(.move(.identity(count: 2)), operands: [(2, type, nil)], output: (2, type))
    let state = Simulator.State(Simulator(program))
    #expect(throws: SimulationError.code(input: 0, name: "x0", element: 1, type: type, found: -1)) {
      let codes: [Int8] = [15, -1]
      try codes.withUnsafeBufferPointer { codes throws(SimulationError) in try state.setInput(0, to: codes) }
    }
  }

  @Test func valuesNeededAtOneTimeShareNoMemory() {
    for seed in 0..<50 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let program = randomNetwork(&generator)
      let places = MemoryPlan(program).places
      for (index, step) in program.steps.enumerated() where !step.isIdentity {
        // What a later step reads, or the caller, is not overwritten.
        let later = program.steps[index...].flatMap(\.inputs) + program.outputs
        for value in later where value < step.output && places[value].isNeeded(program, value, after: index) {
          let (a, b) = (places[value], places[step.output])
          #expect(a.offset + a.byteCount <= b.offset || b.offset + b.byteCount <= a.offset)
        }
      }
    }
  }
}

extension Place {
  /// Whether a value exists before step `index`, which it is read by or after.
  fileprivate func isNeeded(_ program: IntegerProgram, _ value: Int, after index: Int) -> Bool {
    program.values[value].constant != nil || program.inputs.contains(value)
      || program.steps[..<index].contains { $0.output == value }
  }
}
