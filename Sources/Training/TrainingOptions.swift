/// How a network is trained.
public struct TrainingOptions: Sendable, Equatable, Codable {
  /// What the network is trained against.
  public enum Method: String, Sendable, Codable, CaseIterable {
    /// Nothing: the inputs as they are.
    case standard
    /// Inputs that projected gradient ascent finds within ε (Madry et al., 2018).
    case adversarial
    /// The whole neighbourhood, as intervals (Lechner et al., 2023).
    case intervals
  }
  /// What the integer program computes with.
  public enum Arithmetic: String, Sendable, Codable, CaseIterable {
    /// Power-of-two scales, one a layer; unsigned activations.
    case fixedPoint = "fixed-point"
    /// TensorFlow Lite's int8: a scale for each output channel of weights, any scale for activations.
    case int8
  }
  public enum Objective: String, Sendable, Codable, CaseIterable {
    /// Cross-entropy, of worst-case logits for intervals.
    case crossEntropy = "cross-entropy"
    /// QA-IBP's: clean cross-entropy, a hinge on certified leads, and the intervals' widths. Its authors count the hinge
    /// by the batch's accuracy, raise the factors in three runs, and let the rate fall in steps; here the hinge is of all
    /// pictures, the factors rise once with ε, and the rate falls as a cosine.
    case hinge
  }

  public var method = Method.standard
  public var arithmetic = Arithmetic.fixedPoint
  public var objective = Objective.crossEntropy
  public var weightBits = 8, activationBits = 8
  public var epochs = 20
  public var batch = 128
  /// The largest learning rate; it falls to 0 as a cosine, after a rise over the first 3 % of steps.
  public var rate: Float = 2e-3
  /// Of weights, in units of the learning rate.
  public var decay: Float = 0.01
  /// The radius that certified accuracy is about, in pixel levels.
  public var epsilon: Float = 0
  /// The radius that is trained for. A little more than that of the test makes more of it hold.
  public var trainingEpsilon: Float = 0
  /// The share of steps over which ε rises from 0, linearly; then it stays.
  public var rise: Float = 0.5
  /// The share of epochs in real numbers, before the scales are chosen and values are quantised.
  public var floatShare: Float = 0.8
  /// The share of clean cross-entropy beside that of worst-case logits.
  public var cleanShare: Float = 0
  public var margin: Float = 0.2, hingeFactor: Float = 5, widthFactor: Float = 0.01
  /// Steps of gradient ascent, where the method takes them.
  public var attackSteps = 7
  public var augmentation = Augmentation()
  public var seed: UInt64 = 1
  /// Training ends when so many epochs have brought nothing; 0 for never.
  public var patience = 0

  public init() {}

  func loss(_ progress: Float) -> Loss {
    switch (method, objective) {
    case (.standard, _), (.adversarial, _): return Loss(clean: 1)
    case (.intervals, .crossEntropy): return Loss(clean: cleanShare, worst: 1 - cleanShare)
    case (.intervals, .hinge):
      let factor = min(1, progress / max(rise, 1e-6))
      return Loss(clean: 1, hinge: hingeFactor * factor, margin: margin, width: widthFactor * factor)
    }
  }

  /// The radius at a point of training, in pixel levels.
  func radius(_ progress: Float) -> Float {
    method == .standard ? 0 : trainingEpsilon * min(1, progress / max(rise, 1e-6))
  }

  /// The learning rate there.
  func rate(_ progress: Float) -> Float {
    let warm: Float = 0.03
    if progress < warm { return rate * max(progress, 1e-4) / warm }
    let x = Double((progress - warm) / (1 - warm))
    // cos(π x), by its series in a range where that converges fast: the same on every machine.
    return rate * Float(0.5 * (1 + Self.cosine(x)))
  }

  /// cos(π x) for x in 0 … 1, by a polynomial in x − ½: −sin(π (x − ½)).
  private static func cosine(_ x: Double) -> Double {
    let y = Double.pi * (min(1, max(0, x)) - 0.5)
    let square = y * y
    return -y * (1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110)))))
  }
}
