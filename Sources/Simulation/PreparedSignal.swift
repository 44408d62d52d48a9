import IntegerProgram

/// What stands between samples and a network's codes: as it is defined, which is work for one frame.
struct PreparedSignal: PreparedStep {
  let signal: Signal
  let from: [Place]
  let to: Place

  func run(in memory: UnsafeMutableRawPointer) {
    signal.codes(from.map { $0.codes(in: memory) }).withUnsafeBufferPointer { to.store($0, in: memory) }
  }
}
