import CSimulationKernels
import IntegerProgram

/// The bit-exact simulation of a program: what the device computes, code for code.
///
/// A simulator may be used from several threads at once.
public struct Simulator: Sendable {
  let prepared: PreparedProgram

  /// Packs weights and plans memory; do it once for many runs.
  public init(_ program: IntegerProgram) { prepared = PreparedProgram(program) }

  /// With kernels that a test wants to see.
  init(_ program: IntegerProgram, instructions: lockstep_instructions) {
    prepared = PreparedProgram(program, instructions: instructions)
  }

  public var program: IntegerProgram { prepared.program }

  /// The codes of the network's outputs for one inference; `inputs` has one array of codes for each network
  /// input, in the order of `program.inputs`.
  public func run(_ inputs: [[Int32]]) throws(SimulationError) -> [[Int32]] {
    try run(inputs, observer: nil)
  }

  /// As `run`, and calls `observe` with each step's index, its output's index among the program's values and
  /// the codes.
  public func run(
    _ inputs: [[Int32]], observing observe: (_ step: Int, _ value: Int, _ codes: [Int32]) -> Void
  ) throws(SimulationError) -> [[Int32]] {
    try withoutActuallyEscaping(observe) { observe throws(SimulationError) in
      try run(inputs, observer: observe)
    }
  }

  private func run(
    _ inputs: [[Int32]], observer observe: ((_ step: Int, _ value: Int, _ codes: [Int32]) -> Void)?
  ) throws(SimulationError) -> [[Int32]] {
    try prepared.inputs.map(\.contract).check(inputs)
    return prepared.withMemory { memory in
      for (input, codes) in zip(prepared.inputs, inputs) {
        codes.withUnsafeBufferPointer { input.place.store($0, in: memory) }
      }
      if let observe {
        for (index, step) in prepared.steps.enumerated() {
          step.run(in: memory)
          let value = prepared.program.steps[index].output
          observe(index, value, prepared.places[value].codes(in: memory))
        }
      } else {
        prepared.run(in: memory)
      }
      return prepared.outputs.map { $0.place.codes(in: memory) }
    }
  }
}
