/// What a file's constants do to an operation's real result before it is quantised: one number for all of it, or one
/// for each channel, the innermost axis in memory. They stand here as the file gives them, so that a lowering can reckon
/// with them exactly: a product or quotient of two would be rounded.
public enum ConstantStage: Sendable, Hashable {
  case multiplied(by: [Double])
  case divided(by: [Double])
  case added([Double])
  /// ONNX's BatchNormalization: `(x − mean) / √(variance + epsilon) · scale + bias`.
  case normalized(scale: [Double], bias: [Double], mean: [Double], variance: [Double], epsilon: Double)
  case clamped(Double, Double)

  /// For how many channels it has numbers: one where all are alike.
  public var channels: Int {
    switch self {
    case .multiplied(let numbers), .divided(let numbers), .added(let numbers): numbers.count
    case .normalized(let scale, let bias, let mean, let variance, _):
      max(scale.count, bias.count, mean.count, variance.count)
    case .clamped: 1
    }
  }

  /// Whether every list has one number, or one for each of `channels`.
  public func fits(channels: Int) -> Bool {
    lists.allSatisfy { $0.count == 1 || $0.count == channels }
  }

  public var isFinite: Bool { lists.allSatisfy { $0.allSatisfy(\.isFinite) } }

  /// Whether it never decreases, for any channel.
  public var isIncreasing: Bool {
    switch self {
    case .multiplied(let numbers), .divided(let numbers): numbers.allSatisfy { $0 > 0 }
    case .normalized(let scale, _, _, _, _): scale.allSatisfy { $0 > 0 }
    case .added, .clamped: true
    }
  }

  private var lists: [[Double]] {
    switch self {
    case .multiplied(let numbers), .divided(let numbers), .added(let numbers): [numbers]
    case .normalized(let scale, let bias, let mean, let variance, let epsilon): [scale, bias, mean, variance, [epsilon]]
    case .clamped: []
    }
  }

  /// The same with the channels in another order: number i is the one that stood at `places[i]`.
  public func permuted(_ places: [Int]) -> ConstantStage {
    func moved(_ numbers: [Double]) -> [Double] { numbers.count == 1 ? numbers : places.map { numbers[$0] } }
    switch self {
    case .multiplied(let numbers): return .multiplied(by: moved(numbers))
    case .divided(let numbers): return .divided(by: moved(numbers))
    case .added(let numbers): return .added(moved(numbers))
    case .normalized(let scale, let bias, let mean, let variance, let epsilon):
      return .normalized(
        scale: moved(scale), bias: moved(bias), mean: moved(mean), variance: moved(variance), epsilon: epsilon)
    case .clamped: return self
    }
  }

  /// `gain · x + offset` in double precision; nil for a clamp.
  public func linear(channel: Int) -> (gain: Double, offset: Double)? {
    func at(_ numbers: [Double]) -> Double { numbers[numbers.count == 1 ? 0 : channel] }
    switch self {
    case .multiplied(let numbers): return (at(numbers), 0)
    case .divided(let numbers): return (1 / at(numbers), 0)
    case .added(let numbers): return (1, at(numbers))
    case .normalized(let scale, let bias, let mean, let variance, let epsilon):
      let gain = at(scale) / (at(variance) + epsilon).squareRoot()
      return (gain, at(bias) - gain * at(mean))
    case .clamped: return nil
    }
  }
}
