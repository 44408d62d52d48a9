import IntegerProgram

extension Simulator {
  /// The time of one inference on one thread in nanoseconds, with its input codes set and its output codes
  /// copied: the least mean of `rounds` rounds of at least `seconds` each. The input is fixed and arbitrary.
  public func nanosecondsPerInference(rounds: Int = 50, seconds: Double = 0.01) -> Double {
    // 8-bit codes are given and taken as bytes, as an application would.
    let isInBytes = (program.inputs + program.outputs).allSatisfy {
      let type = program.values[$0].type
      return type.isSigned && type.bits <= 8
    }
    return if isInBytes {
      measure(
        Int8.self, rounds, seconds, set: { try? $0.setInput($1, to: $2) }, copy: { $0.copyOutput($1, to: $2) }
      )
    } else {
      measure(
        Int32.self, rounds, seconds, set: { try? $0.setInput($1, to: $2) },
        copy: { $0.copyOutput($1, to: $2) })
    }
  }

  private func measure<Code: FixedWidthInteger>(
    _ type: Code.Type, _ rounds: Int, _ seconds: Double, set: (State, Int, UnsafeBufferPointer<Code>) -> Void,
    copy: (State, Int, UnsafeMutableBufferPointer<Code>) -> Void
  ) -> Double {
    let state = State(self)
    let inputs = program.inputs.map {
      arbitraryCodes(of: program.values[$0]).map { Code(truncatingIfNeeded: $0) }
    }
    var outputs = program.outputs.map { [Code](repeating: 0, count: program.values[$0].count) }
    func infer(_ count: Int) {
      for _ in 0..<count {
        for (index, codes) in inputs.enumerated() { codes.withUnsafeBufferPointer { set(state, index, $0) } }
        state.run()
        for index in outputs.indices {
          outputs[index].withUnsafeMutableBufferPointer { copy(state, index, $0) }
        }
      }
    }
    let clock = ContinuousClock()
    infer(3)
    // So many that looking at the clock costs nothing.
    let one = clock.measure { infer(10) } / 10
    let count = max(1, Int(seconds * 1e9 / max(1, one.nanoseconds)))
    var best = Double.infinity
    for _ in 0..<rounds { best = min(best, clock.measure { infer(count) }.nanoseconds / Double(count)) }
    return best
  }

  private func arbitraryCodes(of value: Value) -> [Int32] {
    let range = value.range
    var state: UInt64 = 1
    return (0..<value.count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int32(range.lowerBound + Int64(state >> 40) % Int64(range.count))
    }
  }
}

extension Duration {
  fileprivate var nanoseconds: Double {
    Double(components.seconds) * 1e9 + Double(components.attoseconds) * 1e-9
  }
}
