import IntegerProgram
import Properties

/// How the classes of a network, and of another that it is compared with, are told.
public struct ClassDecision: Sendable {
  /// Nil where no class is asked for.
  public let rule: ClassRule?
  /// The threshold that was asked for, in codes of the first network.
  private let threshold: Int32?
  /// The real value that a single output is class 1 from.
  private let realThreshold: Float

  /// `threshold` is a code of `network`. Without labels a network whose class is a matter of a threshold has none.
  public init(_ network: EvaluatedNetwork, threshold: Int32?, hasLabels: Bool) throws(UsageError) {
    self.threshold = threshold
    switch network {
    case .integer(let simulator):
      let program = simulator.program
      rule =
        hasLabels || threshold != nil
        ? try ClassRule.asked(threshold: threshold, topK: nil, of: program) : ClassRule.usual(for: program)
      let value = program.values[program.outputs[0]]
      realThreshold = threshold.map { value.scale * Float($0 - value.zeroPoint) } ?? 0.5
    case .float:
      if threshold != nil {
        throw UsageError("--threshold is a code, and the network is a float one. Its class is 1 from 0.5 on.")
      }
      rule = network.outputs > 1 ? .largest : .threshold(0)
      realThreshold = 0.5
    }
  }

  /// How many classes a network of so many output elements tells apart: 2 where one element is held to a threshold, 0
  /// where no class is asked for.
  public func classes(outputs: Int) -> Int { rule?.classes(outputs: outputs) ?? 0 }

  /// The k for which labels among the best k are counted: those asked for, or the usual ones.
  public func best(_ asked: [Int]?, outputs: Int) throws(UsageError) -> [Int] {
    let classes = classes(outputs: outputs)
    guard let asked else { return classes > 5 ? [1, 5] : [1] }
    if let stray = asked.first(where: { $0 < 1 || $0 >= classes && $0 > 1 }) {
      throw UsageError(
        stray < 1
          ? "--top-k counts from 1."
          : "--top-k is \(stray) of \(classes) classes, so that any label is right; take fewer.")
    }
    return asked
  }

  /// The answer to vector `index` of `samples`.
  public func answer(
    of network: EvaluatedNetwork, _ index: Int, of samples: InputArray, label: Int?, beforeSoftmax: Bool, isFirst: Bool = true
  ) throws -> EvaluatedNetwork.Answer {
    try network.answer(
      index, of: samples, label: label, rule: isFirst ? rule : ownRule(of: network), realThreshold: realThreshold,
      beforeSoftmax: beforeSoftmax)
  }

  /// A second network is asked by its own threshold, which stands for the same real value as the first one's.
  private func ownRule(of network: EvaluatedNetwork) -> ClassRule? {
    guard case .threshold = rule, case .integer(let simulator) = network, let output = simulator.program.outputs.first
    else { return rule }
    if threshold == nil, let usual = ClassRule.usual(for: simulator.program) { return usual }
    let value = simulator.program.values[output]
    return .threshold(Int32(clamping: Int((realThreshold / value.scale).rounded(.up)) + Int(value.zeroPoint)))
  }
}
