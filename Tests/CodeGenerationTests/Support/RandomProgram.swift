import DifferentialTesting
import IntegerProgram

/// Programs of random networks.
enum RandomProgram {
  /// The program of a seed; nil where the lowering refuses the network, as it may.
  static func make(
    seed: UInt64, limits: RandomNetworkLimits = .small, keepingState: Bool = false
  ) -> IntegerProgram? {
    try? IntegerProgram(lowering: RandomNetwork.make(seed: seed, limits: limits, keepingState: keepingState))
  }

  /// One of 16-bit codes.
  static func makeWithSixteenBits(seed: UInt64) -> IntegerProgram? {
    try? IntegerProgram(lowering: RandomNetwork.makeWithSixteenBits(seed: seed))
  }

  /// The first `count` programs from a seed on.
  static func first(_ count: Int, from seed: UInt64) -> [IntegerProgram] {
    var programs: [IntegerProgram] = []
    var seed = seed
    while programs.count < count {
      if let program = make(seed: seed) { programs.append(program) }
      seed += 1
    }
    return programs
  }
}
