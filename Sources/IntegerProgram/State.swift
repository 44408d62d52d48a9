/// Codes that a run reads and leaves for the next: a streaming network's ring buffers, a recurrent layer's cell.
///
/// A program with states is one step of a transition system. What it reads of them are inputs of the step, what it leaves
/// are outputs, so whatever holds of all inputs holds of every call of every history. The proved ranges of what is read
/// are an inductive invariant: the initial codes lie in them, and so does all that a run leaves when it began in them
/// (`IntegerProgram.statesAreInvariant`).
public struct State: Sendable, Hashable {
  /// Its name in the file.
  public var name: String
  /// The values, by index, that hold it before and after a run.
  public var read, written: Int
  /// Its codes before the first run.
  public var initial: [Int32]

  public init(name: String, read: Int, written: Int, initial: [Int32]) {
    self.name = name
    self.read = read
    self.written = written
    self.initial = initial
  }
}

extension IntegerProgram {
  /// The inputs that the caller gives.
  public var callInputs: ArraySlice<Int> { inputs.dropLast(states.count) }
  /// The outputs that the caller gets.
  public var callOutputs: ArraySlice<Int> { outputs.dropLast(states.count) }

  /// Whether the states stand at the ends of inputs and outputs, and the ranges of what is read of them hold before the
  /// first run and are kept by every run.
  public var statesAreInvariant: Bool {
    states.map(\.read) == Array(inputs.suffix(states.count))
      && states.map(\.written) == Array(outputs.suffix(states.count)) && stateWithoutInvariant == nil
  }

  /// The first state that a run may leave outside the range it is read with, or that starts there.
  var stateWithoutInvariant: State? {
    states.first { !keepsInvariant($0) }
  }

  private func keepsInvariant(_ state: State) -> Bool {
    let (read, written) = (values[state.read], values[state.written])
    return read.count == written.count && read.type == written.type && state.initial.count == read.count
      && state.initial.allSatisfy { read.range.contains(Int64($0)) }
      && read.range.lowerBound <= written.range.lowerBound && written.range.upperBound <= read.range.upperBound
  }
}
