import CodeGeneration
import IntegerProgram
import Simulation

extension SelfTest {
  /// The self-test of a program: its vectors run through the simulator.
  public init(simulating program: IntegerProgram) throws {
    var calls = CallSequence(Simulator(program))
    var outputs: [[[Int32]]] = []
    var hashes = [UInt32](repeating: 0, count: program.steps.count)
    for vector in 0..<SelfTest.vectorCount {
      let inputs = SelfTest.inputs(of: program, vector: vector)
      outputs.append(
        try calls.call(inputs) { step, value, codes in
          guard vector == SelfTest.hashedVector else { return }
          hashes[step] = SelfTest.hash(codes, bytesPerCode: program.values[value].bytesPerCode)
        })
    }
    self.init(outputs: outputs, stepHashes: hashes)
  }
}
