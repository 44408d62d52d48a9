import Dispatch

extension Simulator {
  /// The outputs of `count` inferences on up to `jobs` threads. Each array of `inputs` holds one network input's codes, the
  /// inferences' one after another; so do the arrays of the result.
  public func runBatch(_ inputs: [[Int32]], count: Int, jobs: Int = 1) throws(SimulationError) -> [[Int32]] {
    guard inputs.count == program.inputs.count else {
      throw .inputs(expected: program.inputs.count, found: inputs.count)
    }
    for (input, codes) in inputs.enumerated() {
      let value = program.values[program.inputs[input]]
      guard codes.count == count * value.count else {
        throw .count(input: input, name: value.name, expected: count * value.count, found: codes.count)
      }
      try codes.withUnsafeBufferPointer { codes throws(SimulationError) in try program.check(codes, input: input) }
    }
    let outputs = program.outputs.map { value in
      let outputs = UnsafeMutableBufferPointer<Int32>.allocate(capacity: count * program.values[value].count)
      outputs.initialize(repeating: 0)
      return outputs
    }
    defer { for output in outputs { output.deallocate() } }

    let jobs = max(1, min(jobs, count))
    if jobs == 1 {
      run(inputs, 0..<count, into: outputs)
    } else {
      // Each job writes a part of its own.
      nonisolated(unsafe) let outputs = outputs
      DispatchQueue.concurrentPerform(iterations: jobs) { job in
        run(inputs, job * count / jobs..<(job + 1) * count / jobs, into: outputs)
      }
    }
    return outputs.map { Array($0) }
  }

  /// Inferences `range` of a batch whose codes have been checked.
  private func run(_ inputs: [[Int32]], _ range: Range<Int>, into outputs: [UnsafeMutableBufferPointer<Int32>]) {
    prepared.withMemory { memory in
      for inference in range {
        for (value, codes) in zip(program.inputs, inputs) {
          let place = prepared.places[value]
          codes.withUnsafeBufferPointer { codes in
            let part = inference * place.count..<(inference + 1) * place.count
            place.store(UnsafeBufferPointer(rebasing: codes[part]), in: memory)
          }
        }
        for step in prepared.steps { step.run(in: memory) }
        for (value, output) in zip(program.outputs, outputs) {
          let place = prepared.places[value]
          let part = inference * place.count..<(inference + 1) * place.count
          place.load(into: UnsafeMutableBufferPointer(rebasing: output[part]), from: memory)
        }
      }
    }
  }
}
