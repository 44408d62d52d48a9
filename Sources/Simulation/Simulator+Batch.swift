import Dispatch

extension Simulator {
  /// The outputs of `count` inferences on up to `jobs` threads. Each array of `inputs` holds one network
  /// input's codes, the inferences' one after another; so do the arrays of the result.
  public func runBatch(_ inputs: [[Int32]], count: Int, jobs: Int = 1) throws(SimulationError) -> [[Int32]] {
    try prepared.inputs.map(\.contract).check(inputs, inferences: count)
    let outputs = prepared.outputs.map { output in
      let outputs = UnsafeMutableBufferPointer<Int32>.allocate(capacity: count * output.place.count)
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
  private func run(
    _ inputs: [[Int32]], _ range: Range<Int>, into outputs: [UnsafeMutableBufferPointer<Int32>]
  ) {
    prepared.withMemory { memory in
      for inference in range {
        for (input, codes) in zip(prepared.inputs, inputs) {
          let part = inference * input.place.count..<(inference + 1) * input.place.count
          codes.withUnsafeBufferPointer {
            input.place.store(UnsafeBufferPointer(rebasing: $0[part]), in: memory)
          }
        }
        prepared.run(in: memory)
        for (output, codes) in zip(prepared.outputs, outputs) {
          let part = inference * output.place.count..<(inference + 1) * output.place.count
          output.place.load(into: UnsafeMutableBufferPointer(rebasing: codes[part]), from: memory)
        }
      }
    }
  }
}
