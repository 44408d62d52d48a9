import Network
import Reporting

/// The results of the gate as text, and as JUnit's XML for continuous integration.
struct PreflightSummary {
  let results: PreflightResults
  /// The answers to what was asked.
  let records: [VerificationRecord]

  /// The verdict in one line.
  var headline: String {
    let word =
      switch results.verdict {
      case .cleared: "CLEARED"
      case .refused: "REFUSED"
      case .open: "NOT CLEARED, some of it is open"
      }
    return "\(results.network.printable()) on \(results.device.target.printable()): \(word)"
  }

  /// A check in a line, its details under it.
  static func line(_ check: PreflightResults.Check) -> String {
    let outcome = check.outcome == .failed ? "FAILED" : check.outcome.rawValue
    return ([padded(outcome, 11) + padded(check.name, 19) + check.text] + check.details.map { "           " + $0 })
      .joined(separator: "\n")
  }

  var text: String {
    var lines = [headline, ""] + results.checks.map(Self.line) + [""]
    lines += facts.map { Self.padded($0.name, 11) + $0.text }
    if let layers = results.layers {
      var table = TextTable(zip(layers.rows[0], layers.isText).map { ($0, $1 ? .left : .right) })
      for row in layers.rows.dropFirst() { table.add(row) }
      lines += ["", table.text]
    }
    if !records.isEmpty { lines += [""] + records.map { VerificationSummary.line($0) } }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What was looked at.
  var facts: [(name: String, text: String)] {
    let inference = results.inference.flatMap { inference -> String? in
      let parts = [
        inference.instructions.map { "\($0.grouped) instructions" }, inference.cycles.map { "\($0.grouped) cycles" },
        inference.estimatedCycles.map { "\($0.grouped) cycles estimated" },
      ].compactMap { $0 }
      return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
    let facts: [(String, String?)] = [
      ("target", "\(results.device.target.printable()): \(results.device.description.printable())"),
      ("inference", inference),
      ("compiler", "\(results.compiler.version.printable()), \(results.compiler.flags.joined(separator: " ").printable(400))"),
      ("model", "\(results.model.sha256)  \(results.model.path.printable())"), ("program", results.program),
      ("image", results.image.map { "\($0.sha256)  \($0.path.printable())" }), ("lockstep", results.version.printable()),
    ]
    return facts.compactMap { name, text in text.map { (name, $0) } }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  // MARK: JUnit

  /// A test case for each check and for each question.
  var junit: String {
    let isAllowed = results.arguments.contains("--allow-misclassified")
    let cases = results.checks.map(Self.testCase) + records.map { Self.testCase($0, allowsMisclassified: isAllowed) }
    let failures = cases.count { $0.contains("<failure") }
    let skipped = cases.count { $0.contains("<skipped") }
    let counts = "tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"0\""
    let seconds = JSON.seconds(results.seconds).line
    let name = Self.attribute("\(results.network) on \(results.device.target)")
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="lockstep preflight" \(counts) time="\(seconds)">
      <testsuite name="\(name)" \(counts) skipped="\(skipped)" time="\(seconds)">
      \(cases.joined(separator: "\n"))
      </testsuite>
      </testsuites>

      """
  }

  private static func testCase(_ check: PreflightResults.Check) -> String {
    let failure: String? =
      switch check.outcome {
      case .held: nil
      case .empty: "<skipped message=\"\(attribute(check.text))\"/>"
      case .failed, .open, .notRun:
        "<failure type=\"\(check.outcome.rawValue)\" message=\"\(attribute(check.text))\">"
          + "\(attribute(check.details.joined(separator: " | ")))</failure>"
      }
    return testCase("preflight", check.name, check.seconds, failure)
  }

  private static func testCase(_ record: VerificationRecord, allowsMisclassified: Bool) -> String {
    let failure =
      record.verdict == .proved
      ? nil
      : record.verdict == .misclassified && allowsMisclassified
      ? "<skipped message=\"\(attribute(VerificationSummary.line(record)))\"/>"
      : "<failure type=\"\(record.verdict.rawValue)\" message=\"\(attribute(VerificationSummary.line(record)))\"/>"
    return testCase("properties", record.query, record.seconds, failure)
  }

  private static func testCase(_ kind: String, _ name: String, _ seconds: Double, _ failure: String?) -> String {
    let start =
      "<testcase classname=\"lockstep.\(kind)\" name=\"\(attribute(name))\" time=\"\(JSON.seconds(seconds).line)\""
    return failure.map { "\(start)>\($0)</testcase>" } ?? "\(start)/>"
  }

  /// XML has no way to write most control characters.
  private static func attribute(_ text: String) -> String {
    escaped(text.split(whereSeparator: \.isNewline).joined(separator: " ").printable(2000))
  }
}
