import IntegerProgram

/// Calls in a row: each begins with the states that the one before left, the first with the initial ones.
public struct CallSequence: Sendable {
  public let simulator: Simulator
  /// The codes of each state, in the order of `program.states`.
  public private(set) var states: [[Int32]]

  public init(_ simulator: Simulator) {
    self.simulator = simulator
    states = simulator.program.states.map(\.initial)
  }

  /// Gives the states their initial codes.
  public mutating func reset() { states = simulator.program.states.map(\.initial) }

  /// The codes of the outputs that the caller gets (`program.callOutputs`) for those of the inputs that it gives.
  public mutating func call(_ inputs: [[Int32]]) throws(SimulationError) -> [[Int32]] {
    keep(try simulator.run(inputs + states))
  }

  /// As `call`, and calls `observe` after every step, as `Simulator.run` does.
  public mutating func call(
    _ inputs: [[Int32]], observing observe: (_ step: Int, _ value: Int, _ codes: [Int32]) -> Void
  ) throws(SimulationError) -> [[Int32]] {
    keep(try simulator.run(inputs + states, observing: observe))
  }

  private mutating func keep(_ outputs: [[Int32]]) -> [[Int32]] {
    states = Array(outputs.suffix(states.count))
    return Array(outputs.dropLast(states.count))
  }
}

extension Simulator {
  /// The outputs that the caller gets of a first call, whose states are the initial ones.
  public func firstCall(_ inputs: [[Int32]]) throws(SimulationError) -> [[Int32]] {
    var calls = CallSequence(self)
    return try calls.call(inputs)
  }
}
