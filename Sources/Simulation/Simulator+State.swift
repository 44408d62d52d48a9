import IntegerProgram

extension Simulator {
  /// The memory of one simulation, for running it many times without allocating: set the inputs, run, copy
  /// the outputs. Inputs stay set only until the run, which may reuse their memory.
  public final class State {
    public let simulator: Simulator
    private let prepared: PreparedProgram
    private let memory: Memory

    public init(_ simulator: Simulator) {
      self.simulator = simulator
      prepared = simulator.prepared
      memory = simulator.prepared.makeMemory()
    }

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

    public func run() { prepared.run(in: memory.start) }

    /// The codes of network output `output` after a run.
    public func output(_ output: Int) -> [Int32] { prepared.outputs[output].place.codes(in: memory.start) }

    /// Copies the codes of network output `output`, which must be of a type that the buffer's elements hold,
    /// to a buffer with room for all of them.
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<Int8>) {
      copy(output, to: codes)
    }
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<UInt8>) {
      copy(output, to: codes)
    }
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<Int16>) {
      copy(output, to: codes)
    }
    public func copyOutput(_ output: Int, to codes: UnsafeMutableBufferPointer<Int32>) {
      copy(output, to: codes)
    }

    @inline(__always)
    private func set<Code: FixedWidthInteger>(
      _ input: Int, to codes: UnsafeBufferPointer<Code>
    ) throws(SimulationError) {
      guard prepared.inputs.indices.contains(input) else {
        throw .inputs(expected: prepared.inputs.count, found: input + 1)
      }
      let (contract, place) = prepared.inputs[input]
      try contract.checkCount(codes.count)
      try contract.checkCodes(codes)
      place.store(codes, in: memory.start)
    }

    @inline(__always)
    private func copy<Code: FixedWidthInteger>(_ output: Int, to codes: UnsafeMutableBufferPointer<Code>) {
      let (type, place) = prepared.outputs[output]
      let range = type.range
      precondition(
        Int64(Code.min) <= range.lowerBound && range.upperBound <= Int64(Code.max),
        "\(Code.self) holds \(type)")
      precondition(codes.count >= place.count, "the buffer has room for \(place.count) codes")
      place.load(into: codes, from: memory.start)
    }
  }
}
