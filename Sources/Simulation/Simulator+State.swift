import IntegerProgram

extension Simulator {
  /// The memory of one simulation, for running it many times without allocating: set the inputs, run, copy the outputs.
  /// Inputs stay set only until the run, which may reuse their memory.
  public final class State {
    public let simulator: Simulator
    private let memory: Memory

    public init(_ simulator: Simulator) {
      self.simulator = simulator
      memory = simulator.prepared.makeMemory()
    }

    private var program: IntegerProgram { simulator.program }

    /// Sets network input `input`. Throws where the count is wrong or a code is not of the input's type.
    public func setInput(_ input: Int, to codes: UnsafeBufferPointer<Int8>) throws(SimulationError) {
      try set(input, to: codes)
    }
    public func setInput(_ input: Int, to codes: UnsafeBufferPointer<UInt8>) throws(SimulationError) {
      try set(input, to: codes)
    }
    public func setInput(_ input: Int, to codes: UnsafeBufferPointer<Int16>) throws(SimulationError) {
      try set(input, to: codes)
    }
    public func setInput(_ input: Int, to codes: UnsafeBufferPointer<Int32>) throws(SimulationError) {
      try set(input, to: codes)
    }

    public func run() {
      for step in simulator.prepared.steps { step.run(in: memory.start) }
    }

    /// The codes of network output `output` after a run.
    public func output(_ output: Int) -> [Int32] { place(ofOutput: output).codes(in: memory.start) }

    /// Copies the codes of network output `output`, which must be of a type that the buffer's elements hold, to a buffer
    /// with room for all of them.
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<Int8>) { copy(output, to: codes) }
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<UInt8>) { copy(output, to: codes) }
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<Int16>) { copy(output, to: codes) }
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<Int32>) { copy(output, to: codes) }

    @inline(__always)
    private func set<Code: FixedWidthInteger>(
      _ input: Int, to codes: UnsafeBufferPointer<Code>
    ) throws(SimulationError) {
      guard program.inputs.indices.contains(input) else {
        throw .inputs(expected: program.inputs.count, found: input + 1)
      }
      try program.checkCount(codes.count, input: input)
      try program.check(codes, input: input)
      simulator.prepared.places[program.inputs[input]].store(codes, in: memory.start)
    }

    @inline(__always)
    private func copy<Code: FixedWidthInteger>(_ output: Int, to codes: UnsafeMutableBufferPointer<Code>) {
      let type = program.values[program.outputs[output]].type
      precondition(
        Int64(Code.min) <= type.range.lowerBound && type.range.upperBound <= Int64(Code.max), "\(Code.self) holds \(type)")
      let place = place(ofOutput: output)
      precondition(codes.count >= place.count, "the buffer has room for \(place.count) codes")
      place.load(into: codes, from: memory.start)
    }

    private func place(ofOutput output: Int) -> Place { simulator.prepared.places[program.outputs[output]] }
  }
}
