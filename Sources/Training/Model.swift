import CTrainingKernels

/// A network in training: its parameters in single precision, and the codes that weights and activations may take.
///
/// While a lattice's scale is 0 the values are real (an activation is a ReLU); else they are fake-quantised as the
/// integer program will have them.
public final class Model: @unchecked Sendable {
  public let architecture: Architecture
  /// What the integer program will compute with.
  public let arithmetic: TrainingOptions.Arithmetic
  let plans: [LayerPlan]
  /// Weights and biases of all layers, as the plans say.
  let parameters: FloatBuffer
  /// What forward passes use: the parameters on their lattices; and their absolute values.
  let quantized, magnitude: FloatBuffer

  /// For each layer, a lattice for each column of its weights, and of its bias; none for layers without.
  var weightLattices, biasLattices: [[lockstep_lattice]]
  /// For each layer, of its outputs; the last is not quantised in training.
  var activationLattices: [lockstep_lattice]
  /// Pixels p become codes p or p − 128, and stand for p times this.
  var inputScale: Float
  /// In magnitude, of the pictures that scales are chosen by: what the codes of logits reach.
  var largestLogit: Float = 1
  /// For each layer and column, what share of a code a sum is rounded to before it is rounded to codes: int8's
  /// requantisation rounds behind its multiplication, and again behind its shift. Empty for averages, for fixed-point, and
  /// before scales are chosen.
  var firstRoundings: [[Float]] = []

  static let reals = lockstep_lattice(scale: 0, low: -.infinity, high: .infinity)
  static let positiveReals = lockstep_lattice(scale: 0, low: 0, high: .infinity)

  /// Random weights: normal, with a variance of 2 / inputs (He et al., 2015), biases 0.
  public init(
    _ architecture: Architecture, arithmetic: TrainingOptions.Arithmetic, seed: UInt64
  ) throws {
    self.architecture = architecture
    self.arithmetic = arithmetic
    do { plans = try LayerPlan.plans(of: architecture) } catch { throw TrainingError("\(error.reason)") }
    let count = plans.reduce(0) { $0 + $1.weightCount + $1.columns }
    parameters = FloatBuffer(count)
    quantized = FloatBuffer(count)
    magnitude = FloatBuffer(count)
    weightLattices = plans.map { Array(repeating: Self.reals, count: $0.columns) }
    biasLattices = weightLattices
    activationLattices = Array(repeating: Self.positiveReals, count: plans.count)
    activationLattices[plans.count - 1] = Self.reals
    inputScale = 1 / 256
    var random = RandomNumbers(seed: seed)
    for plan in plans where plan.isAffine {
      let deviation = (2 / Float(plan.inner)).squareRoot()
      for index in 0..<plan.weightCount { parameters.start[plan.weightOffset + index] = deviation * random.normal() }
    }
    refresh()
  }

  public var parameterCount: Int { parameters.count }
  public var inputCount: Int { architecture.height * architecture.width * architecture.channels }
  public var isQuantized: Bool { weightLattices[plans.count - 1][0].scale != 0 }

  /// Makes what forward passes use from the parameters.
  func refresh() {
    for (index, plan) in plans.enumerated() where plan.isAffine {
      let (weights, bias) = (plan.weightOffset, plan.biasOffset)
      lockstep_quantize_weights(
        parameters.start + weights, plan.inner, plan.columns, weightLattices[index], quantized.start + weights,
        magnitude.start + weights)
      lockstep_quantize_weights(
        parameters.start + bias, 1, plan.columns, biasLattices[index], quantized.start + bias, magnitude.start + bias)
    }
  }
}

/// Why a network cannot be trained so.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same numbers from the same seed on every machine.
struct RandomNumbers: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// In 0 ..< 1.
  mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  mutating func integer(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// Of mean 0 and deviation 1: the sum of twelve uniform numbers, which needs no logarithm and so rounds everywhere
  /// the same.
  mutating func normal() -> Float { (0..<12).reduce(Float(-6)) { sum, _ in sum + uniform() } }
}
