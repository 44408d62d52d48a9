import IntegerProgram

/// How a network's output codes say a class, and when a label counts as right.
public enum ClassRule: Sendable, Hashable {
  /// Each output element is a class; a label is right that is among so many of the largest codes, the lowest index first
  /// among equals.
  case best(Int)
  /// One output element, two classes: 1 from this code on, 0 below.
  case threshold(Int32)

  /// The largest code alone.
  public static let largest = ClassRule.best(1)

  /// The classes of a network with so many output elements.
  public func classes(outputs: Int) -> Int {
    switch self {
    case .best: outputs
    case .threshold: 2
    }
  }

  /// The class that outputs say.
  public func predicted(_ outputs: [Int32]) -> Int {
    switch self {
    case .best: Property.predictedClass(outputs)
    case .threshold(let code): outputs.first ?? .min >= code ? 1 : 0
    }
  }

  /// Whether outputs make `label` right.
  public func accepts(_ label: Int, _ outputs: [Int32]) -> Bool {
    switch self {
    case .best(let count): Self.rank(of: label, in: outputs) < count
    case .threshold: predicted(outputs) == label
    }
  }

  /// How many classes come before `label`.
  public static func rank(of label: Int, in outputs: [Int32]) -> Int {
    outputs.indices.count { outputs[$0] > outputs[label] || outputs[$0] == outputs[label] && $0 < label }
  }

  /// More violations than this are no question that a search comes to an end with.
  public static let mostViolations = 20_000

  /// What makes `label` wrong among outputs of so many elements.
  func violations(label: Int, outputs: Int) throws(PropertyError) -> [Violation] {
    switch self {
    case .best(1): return Property.classViolations(label: label, classes: outputs)
    case .best(let count):
      // So many rivals come before the label, whichever they are.
      let rivals = (0..<outputs).filter { $0 != label }
      guard count <= rivals.count else { return [] }
      var sets: [[Int]] = [[]]
      for rival in rivals {
        sets += sets.filter { $0.count < count }.map { $0 + [rival] }
        guard sets.count <= 4 * Self.mostViolations else {
          throw PropertyError(
            "that the label stays among the \(count) best of \(outputs) classes has over \(Self.mostViolations) cases; take "
              + "fewer of the best")
        }
      }
      return sets.filter { $0.count == count }.map { set in
        Violation(set.map { Property.overtaking(rival: $0, label: label) })
      }
    case .threshold(let code):
      return [
        Violation([
          label == 0
            ? LinearConstraint(outputs: [.init(0, 1)], atLeast: Int64(code))
            : LinearConstraint(outputs: [.init(0, -1)], atLeast: 1 - Int64(code))
        ])
      ]
    }
  }

  /// The rule where nothing else is asked: the largest of several elements; of a single one behind a sigmoid, whether it
  /// stands for 0.5 or more. Nil where there is one element without a sigmoid, which has no threshold of its own.
  public static func usual(for program: IntegerProgram) -> ClassRule? {
    guard program.callOutputElements.count == 1, let output = program.callOutputs.first else { return .largest }
    guard program.isSigmoid(output) else { return nil }
    let value = program.values[output]
    // The first code that stands for 0.5 or more: scale · (code − zero point) ≥ 0.5.
    let code = (0.5 / Double(value.scale)).rounded(.up) + Double(value.zeroPoint)
    guard code.magnitude < 0x1p30 else { return nil }
    return .threshold(Int32(code))
  }
}

extension IntegerProgram {
  /// Whether a value comes out of a sigmoid, moved or rescaled perhaps.
  fileprivate func isSigmoid(_ value: Int) -> Bool {
    guard let step = steps.first(where: { $0.output == value }) else { return false }
    let type = step.source.type.lowercased()
    if type.contains("logistic") || type.contains("sigmoid") { return !type.contains("hard") }
    if case .move = step.operation, step.inputs.count == 1 { return isSigmoid(step.inputs[0]) }
    return type == "quantize" && isSigmoid(step.inputs[0])
  }
}
