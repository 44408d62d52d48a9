import Properties
import Reporting
import Verification

/// A question of a batch.
struct VerificationQuery: Sendable {
  /// What reports and files call it, as "s12-e3".
  var id: String
  var sample, label: Int?
  var epsilon: String?
  var file: String?
  /// The output element that it is about, where it is about a range.
  var output: Int?
  /// What makes the label right.
  var rule = ClassRule.largest
  /// Whether the network makes the sample's label wrong.
  var isMisclassified = false
  /// The sample.
  var center: [Int32]?
  /// Made when the question's turn comes.
  var property: @Sendable () throws -> Property

  /// A line about this question, but for what came of it.
  func record(
    _ verdict: VerificationRecord.Verdict, seconds: Double, program: String, property: Property
  ) -> VerificationRecord {
    var record = VerificationRecord(
      query: id, verdict: verdict, seconds: seconds, program: program, property: property.digest)
    record.sample = sample
    record.label = label
    record.epsilon = epsilon
    record.file = file
    record.output = output
    switch rule {
    case .best(1): break
    case .best(let count): record.topK = count
    case .threshold(let code): record.threshold = Int(code)
    }
    return record
  }

  /// A line about this question, which says nothing of the network.
  func record(_ vacuity: Vacuity, program: String, property: Property) -> VerificationRecord {
    var record = record(.vacuous, seconds: 0, program: program, property: property)
    record.vacuity = vacuity.rawValue
    return record
  }

  /// A line about this question that an input answers.
  func record(
    violatedBy counterexample: Counterexample, seconds: Double, program: String, property: Property
  ) -> VerificationRecord {
    var record = record(.violated, seconds: seconds, program: program, property: property)
    record.counterexample = counterexample.inputs.map { Int($0) }
    record.outputs = counterexample.outputs.map { Int($0) }
    if label != nil || property.robustLabel(classes: counterexample.outputs.count) != nil {
      record.outputClass = rule.predicted(counterexample.outputs)
    }
    if let center {
      record.distance = zip(center, counterexample.inputs).reduce(0) { max($0, Int(abs($1.0 - $1.1))) }
    }
    return record
  }
}
