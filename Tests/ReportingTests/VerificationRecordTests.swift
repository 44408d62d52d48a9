import Reporting
import Testing

@Suite struct VerificationRecordTests {
  private func record(_ verdict: VerificationRecord.Verdict) -> VerificationRecord {
    var record = VerificationRecord(query: "s3-e1", verdict: verdict, seconds: 0.25, program: "aa", property: "bb")
    (record.sample, record.label, record.epsilon, record.stage) = (3, 7, "1", "attack")
    return record
  }

  @Test("a line has the documented fields in their order")
  func lines() {
    var proved = record(.proved)
    #expect(
      proved.line
        == #"{"query":"s3-e1","sample":3,"label":7,"epsilon":1,"verdict":"proved","stage":"attack","seconds":0.250,"certificate":null,"program":"aa","property":"bb"}"#
    )
    proved.certificates = ["c/s3-e1.cert"]
    #expect(proved.line.contains(#""certificate":"c/s3-e1.cert""#))
    var violated = record(.violated)
    (violated.counterexample, violated.outputs, violated.outputClass, violated.distance) = ([1, -2], [3], 0, 2)
    #expect(violated.line.contains(#""counterexample":[1,-2],"outputs":[3],"class":0,"distance":2"#))
    var unknown = record(.unknown)
    (unknown.reason, unknown.bounds, unknown.openFraction) = ("timeout", [nil, 5], 0.5)
    #expect(unknown.line.contains(#""reason":"timeout","bounds":[null,5],"open":0.5"#))
  }

  @Test("a record comes back from its line")
  func roundTrip() throws {
    var records = VerificationRecord.Verdict.allCases.map { record($0) }
    records[0].certificates = ["a.cert"]
    (records[1].counterexample, records[1].outputs, records[1].outputClass) = ([1, -2], [3], 0)
    (records[3].reason, records[3].bounds, records[3].openFraction) = ("a \"reason\"\n", [nil, -5], 0.25)
    var range = record(.unknown)
    range.output = 4
    range.range = .init(proved: -128...5, attained: 0...4)
    range.certificates = ["l.cert", "h.cert"]
    range.attaining = [[1, -2], [3, 4]]
    range.epsilon = "0.05"
    for record in records + [range] { #expect(VerificationRecord(line: Array(record.line.utf8)) == record) }
  }

  @Test(
    "what is no line of a report is none",
    arguments: ["", "{", "[]", "{}", #"{"query":"a","verdict":"maybe","seconds":1,"program":"a","property":"b"}"#])
  func refusals(line: String) { #expect(VerificationRecord(line: Array(line.utf8)) == nil) }
}
