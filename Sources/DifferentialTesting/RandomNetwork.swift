import Network

/// Random quantised networks: what a program generator like Csmith is to C compilers.
///
/// A network is grown operation by operation. While it grows, a few random inputs are carried along through
/// all its operations (in approximate real arithmetic), so that scales can be fitted to the values that occur
/// and operations whose results no longer depend on the input can be taken back: a network with a constant
/// output tests nothing. Extremes are drawn on purpose and often: zero points −128 and 127, multipliers with
/// the smallest and the largest mantissa, exponents from −31 to 3, accumulators near the ends of int32,
/// windows larger than the image, hostile names.
public enum RandomNetwork {
  /// The network of a seed: always valid, and within what TensorFlow Lite for Microcontrollers runs. The same
  /// seed and limits give the same network on every platform. With `keepingState`, what one run makes may be what the
  /// next reads instead of a second input.
  public static func make(seed: UInt64, limits: RandomNetworkLimits = .small, keepingState: Bool = false) -> Network {
    var builder = RandomNetworkBuilder(seed: seed, limits: limits)
    builder.grow()
    let network = builder.network(seed: seed)
    return keepingState ? network.keepingState(seed: seed) : network
  }
}

/// How large a random network may be.
public struct RandomNetworkLimits: Sendable, Hashable {
  /// How many operations are aimed at; a few more may be needed to align scales or to end the network.
  public var operations: ClosedRange<Int>
  /// The most elements of one tensor.
  public var elements: Int
  /// The most bytes of weights and biases in the whole network.
  public var weightBytes: Int
  /// The most multiply-accumulates of one operation.
  public var multiplyAccumulates: Int

  public init(operations: ClosedRange<Int>, elements: Int, weightBytes: Int, multiplyAccumulates: Int) {
    self.operations = operations
    self.elements = elements
    self.weightBytes = weightBytes
    self.multiplyAccumulates = multiplyAccumulates
  }

  /// Compiles and runs in a moment: for thousands of seeds.
  public static let small = RandomNetworkLimits(
    operations: 1...9, elements: 2_000, weightBytes: 20_000, multiplyAccumulates: 100_000)
  /// As large as a small model for a microcontroller.
  public static let medium = RandomNetworkLimits(
    operations: 6...24, elements: 20_000, weightBytes: 200_000, multiplyAccumulates: 2_000_000)
}
