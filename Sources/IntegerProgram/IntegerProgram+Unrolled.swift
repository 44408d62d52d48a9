extension IntegerProgram {
  /// The first `calls` calls of a program with states as one program without: its inputs are those of all calls, [calls,
  /// …shape…], its outputs those of the last. States are the initial codes in front of the first call, and what the call
  /// before left in front of every other.
  public func unrolled(calls: Int) -> IntegerProgram {
    precondition(calls > 0, "at least one call")
    var unrolled = IntegerProgram(
      name: name, values: [], steps: [], inputs: [], outputs: [], inputNames: Array(inputNames.prefix(callInputs.count)),
      outputNames: Array(outputNames.prefix(callOutputs.count)), notices: notices)
    (unrolled.preparesInputs, unrolled.finish) = (preparesInputs, finish)
    func add(_ value: Value) -> Int {
      unrolled.values.append(value)
      return unrolled.values.count - 1
    }
    unrolled.inputs = callInputs.map { input in
      var all = values[input]
      all.shape = [calls] + all.shape
      return add(all)
    }
    var states = self.states.map { state in
      var start = values[state.read]
      start.tensor = nil
      start.constant = state.initial
      start.range = Int64(state.initial.min() ?? 0)...Int64(state.initial.max() ?? 0)
      return add(start)
    }
    // Constants are the same in every call.
    var shared: [Int: Int] = [:]
    for (index, value) in values.enumerated() where value.constant != nil { shared[index] = add(value) }
    for call in 0..<calls {
      var places = shared
      for (state, held) in zip(self.states, states) { places[state.read] = held }
      for (all, input) in zip(unrolled.inputs, callInputs) {
        var value = values[input]
        value.tensor = nil
        let place = add(value)
        places[input] = place
        unrolled.steps.append(
          Step(
            .move(
              Move(copies: [
                Move.Copy(
                  operand: 0, sizes: [value.count], sourceStart: call * value.count, sourceStrides: [1], targetStart: 0,
                  targetStrides: [1])
              ])), source: Step.Source(index: 0, type: "CALL", name: "call \(call)"), inputs: [all], output: place))
      }
      for step in steps {
        var value = values[step.output]
        // Layers of the file are those of its last call.
        if call < calls - 1 { value.tensor = nil }
        let place = add(value)
        unrolled.steps.append(
          Step(step.operation, source: step.source, inputs: step.inputs.map { places[$0] ?? $0 }, output: place))
        places[step.output] = place
      }
      states = self.states.map { places[$0.written] ?? $0.written }
      unrolled.outputs = callOutputs.map { places[$0] ?? $0 }
    }
    return unrolled
  }
}
