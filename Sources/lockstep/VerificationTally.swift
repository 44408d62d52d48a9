import Reporting

/// What a run has come to so far.
struct VerificationTally: Sendable {
  /// Questions, or samples, in all.
  var total: Int
  private(set) var done = 0
  private(set) var counts: [VerificationRecord.Verdict: Int] = [:]
  private let start = ContinuousClock.now

  init(total: Int) { self.total = total }

  mutating func add(_ record: VerificationRecord) { counts[record.verdict, default: 0] += 1 }
  mutating func finish(_ count: Int = 1) { done += count }

  /// As "37 of 100: 30 proved, 5 violated, 2 unknown; 12.3/s, 5 s left".
  var text: String {
    let seconds = start.secondsAgo
    let verdicts = VerificationRecord.Verdict.allCases.compactMap { verdict in
      counts[verdict].map { "\($0) \(verdict.rawValue)" }
    }
    let rate = Double(done) / max(seconds, 1e-9)
    var text = "\(done) of \(total)" + (verdicts.isEmpty ? "" : ": " + verdicts.joined(separator: ", "))
    if done > 0 && done < total {
      text += "; \(decimal(rate, 1))/s, \(Int((Double(total - done) / rate).rounded(.up))) s left"
    }
    return text
  }
}

/// A number with so many digits after the point.
func decimal(_ number: Double, _ digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((min(max(number, 0), 1e12) * Double(scale)).rounded())
  guard digits > 0 else { return "\(scaled)" }
  let fraction = String(scaled % scale)
  return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// The results of a run as people read them.
struct VerificationSummary {
  let records: [VerificationRecord]

  /// A row for each ε.
  var table: String {
    var table = TextTable([
      ("epsilon", .right), ("proved", .right), ("violated", .right), ("misclassified", .right), ("unknown", .right),
      ("seconds", .right), ("slowest", .right),
    ])
    for group in groups {
      let slowest = group.records.max { $0.seconds < $1.seconds }
      table.add(
        [group.epsilon] + VerificationRecord.Verdict.allCases.map { "\(group.counts[$0] ?? 0)" } + [
          decimal(group.seconds, 3),
          slowest.map { "\(decimal($0.seconds, 3))" + ($0.sample.map { " (sample \($0))" } ?? "") } ?? "",
        ])
    }
    return table.text
  }

  struct Group {
    var epsilon: String
    var records: [VerificationRecord]
    var counts: [VerificationRecord.Verdict: Int] {
      records.reduce(into: [:]) { $0[$1.verdict, default: 0] += 1 }
    }
    var seconds: Double { records.reduce(0) { $0 + $1.seconds } }
  }

  /// The records by ε, in the order in which these come first.
  var groups: [Group] {
    var groups: [Group] = []
    for record in records {
      let epsilon = record.epsilon ?? "–"
      if let index = groups.firstIndex(where: { $0.epsilon == epsilon }) {
        groups[index].records.append(record)
      } else {
        groups.append(Group(epsilon: epsilon, records: [record]))
      }
    }
    return groups
  }

  /// One answer in a line.
  static func line(_ record: VerificationRecord) -> String {
    var text = "\(record.query.printable(80)): \(record.verdict.rawValue)"
    switch record.verdict {
    case .proved:
      text += record.trusted.map { ", on the word of \($0.printable(40))" } ?? ""
      if let certificate = record.certificates.first { text += ", certificate \(certificate.printable())" }
    case .violated:
      if let label = record.label, let found = record.outputClass { text += ", class \(found) in place of \(label)" }
      if let distance = record.distance { text += ", by an input \(counted(distance, "code")) away" }
    case .misclassified: text += ": the network gives another class than the label \(record.label ?? 0)"
    case .unknown:
      text += ": \(record.reason?.printable() ?? "")"
      if let open = record.openFraction { text += ", \(decimal(100 * open, 1)) % open" }
    }
    return text + " (" + (record.stage.map { "\($0.printable(40)), " } ?? "") + "\(decimal(record.seconds, 3)) s)"
  }

  /// The worst of the verdicts: a violation before an unknown before a proof. Misclassified samples ask nothing of a
  /// neighbourhood: they count where there is nothing else.
  var worst: VerificationRecord.Verdict {
    let verdicts = Set(records.map(\.verdict))
    if verdicts.contains(.violated) || verdicts == [.misclassified] { return .violated }
    return verdicts.contains(.unknown) ? .unknown : .proved
  }
}
