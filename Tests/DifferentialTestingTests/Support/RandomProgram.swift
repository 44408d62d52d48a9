import DifferentialTesting
import IntegerProgram

/// Programs of random networks.
enum RandomProgram {
  /// The program of a seed; nil where the lowering refuses the network, as it may.
  static func make(seed: UInt64) -> IntegerProgram? {
    try? IntegerProgram(lowering: RandomNetwork.make(seed: seed))
  }
}
