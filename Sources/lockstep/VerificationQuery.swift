import Properties
import Reporting

/// A question of a batch.
struct VerificationQuery: Sendable {
  /// What reports and files call it, as "s12-e3".
  var id: String
  var sample, label: Int?
  var epsilon: String?
  var file: String?
  /// Whether the network gives the sample another class than its label.
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
    return record
  }
}
