import IntegerProgram
import Network
import Properties

extension ClassRule {
  /// The rule that options ask for, or the usual one of the network: the largest output, or the code of 0.5 behind a
  /// sigmoid. `otherwise` is what else can be asked of a network that has neither, for the message.
  ///
  /// Throws where a threshold goes with several outputs or decides nothing, where any label would be right, and where one
  /// output's threshold is nobody's to know.
  public static func asked(
    threshold: Int32?, topK: Int?, of program: IntegerProgram, otherwise: String? = nil
  ) throws(UsageError) -> ClassRule {
    let outputs = program.callOutputElements.count
    if let threshold {
      guard outputs == 1 else {
        throw UsageError(
          "--threshold is about a network with one output element; this one has \(outputs), whose largest is the class.")
      }
      let range = program.callOutputElements[0].range
      // Below and at the lowest code everything is class 1, above the highest nothing is.
      guard range.contains(Int64(threshold)), Int64(threshold) > range.lowerBound else {
        throw UsageError(
          "--threshold is \(threshold); the output is \(program.outputElements[0]), so that it decides something from "
            + "\(range.lowerBound + 1) to \(range.upperBound) alone.")
      }
      return .threshold(threshold)
    }
    if outputs > 1, let topK {
      guard topK < outputs else {
        throw UsageError("--top-k is \(topK) of \(outputs) classes, so that any label is right; take fewer.")
      }
      return .best(topK)
    }
    guard let usual = usual(for: program) else {
      let example = program.outputs.first.map { output in
        let (value, range) = (program.values[output], program.callOutputElements[0].range)
        // Zero, where it decides something.
        let zero = Int64(value.zeroPoint)
        let code = zero > range.lowerBound && zero <= range.upperBound ? zero : (range.lowerBound + range.upperBound + 1) / 2
        return ", for instance \(code), which stands for \(value.scale * Float(code - zero))"
      }
      throw UsageError(
        "The network has one output element and no sigmoid in front of it: which codes are class 1 is a matter of a "
          + "threshold. Name the first of them by --threshold\(example ?? "")\(otherwise.map { "; \($0)" } ?? "").")
    }
    if topK != nil { throw UsageError("--top-k is about several classes; this network has one output element.") }
    return usual
  }

  /// What is asked about a label, behind the sample's name: "sample 3 is class 7".
  public func text(of label: Int) -> String {
    switch self {
    case .best(1): "is class \(label)"
    case .best(let count): "has class \(label) among the \(count) best"
    case .threshold(let code): "is class \(label), which is \(label == 1 ? "from code \(code) on" : "below code \(code)"),"
    }
  }
}
