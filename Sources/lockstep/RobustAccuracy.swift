import Reporting

/// What a batch of robustness questions says of a network's accuracy.
struct RobustAccuracy {
  let epsilon: String
  let samples, proved, violated, misclassified, unknown, vacuous: Int

  init(_ group: VerificationSummary.Group) {
    epsilon = group.epsilon
    samples = group.records.count
    func count(_ verdict: VerificationRecord.Verdict) -> Int { group.counts[verdict] ?? 0 }
    (proved, violated) = (count(.proved), count(.violated))
    (misclassified, unknown, vacuous) = (count(.misclassified), count(.unknown), count(.vacuous))
  }

  /// A table with a row for each ε, and what stands behind it. The answers `reused` are those of a report.
  static func text(_ summary: VerificationSummary, hasCertificates: Bool, reused: [VerificationRecord]) -> String {
    let rows = summary.groups.map(RobustAccuracy.init)
    // What says nothing of the network is certified for nobody.
    let hasVacuous = rows.contains { $0.vacuous > 0 }
    var table = TextTable(
      [
        ("epsilon", .right), ("samples", .right), ("clean", .right), ("95 %", .left), ("certified", .right),
        ("95 %", .left), ("falsified", .right), ("unknown", .right),
      ] + (hasVacuous ? [("vacuous", .right)] : []))
    for row in rows {
      table.add([
        row.epsilon, row.samples.grouped, row.percent(row.samples - row.misclassified),
        row.interval(row.samples - row.misclassified), row.percent(row.proved), row.interval(row.proved),
        row.percent(row.violated + row.misclassified), row.percent(row.unknown),
      ] + (hasVacuous ? [row.percent(row.vacuous)] : []))
    }
    let trusted = summary.records.count { $0.verdict == .proved && $0.trusted != nil }
    func early(_ verdict: VerificationRecord.Verdict) -> Int {
      reused.count { $0.verdict == verdict && $0.trusted == nil }
    }
    let proved = rows.reduce(0) { $0 + $1.proved } - trusted - early(.proved)
    var lines = [
      table.text, "",
      "\(counted(proved, "proof")) accepted by the independent checker"
        + (hasCertificates ? ", certificates written" : "; --certificates keeps the certificates"),
      "\(counted(rows.reduce(0) { $0 + $1.violated } - early(.violated), "counterexample")) replayed on the simulator",
    ]
    if trusted > 0 { lines.append("\(counted(trusted, "proof")) on a solver's word, without certificates") }
    if !reused.isEmpty {
      lines.append(
        "\(counted(reused.count, "answer")) of an earlier run, \(early(.proved).grouped) of them proofs, as the report has them"
          + (hasCertificates ? ": lockstep check --report goes through it" : ", certificates not kept"))
    }
    return lines.joined(separator: "\n")
  }

  private func percent(_ count: Int) -> String { decimal(100 * Double(count) / Double(max(1, samples)), 2) + " %" }

  /// Wilson's score interval for the share of which `count` of the samples are an example, at 95 %.
  private func interval(_ count: Int) -> String {
    let (low, high) = Self.wilson(count, of: samples)
    return "\(decimal(100 * low, 2)) … \(decimal(100 * high, 2))"
  }

  /// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), with z = 1.96 (Wilson, 1927).
  static func wilson(_ count: Int, of samples: Int) -> (low: Double, high: Double) {
    let (n, z) = (Double(max(1, samples)), 1.959964)
    let p = Double(count) / n
    let center = p + z * z / (2 * n)
    let reach = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return (max(0, (center - reach) / (1 + z * z / n)), min(1, (center + reach) / (1 + z * z / n)))
  }
}
