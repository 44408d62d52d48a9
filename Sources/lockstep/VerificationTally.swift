import IntegerProgram
import Network
import Properties
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

/// The results of a run as people read them.
struct VerificationSummary {
  let records: [VerificationRecord]

  /// A row for each ε.
  var table: String {
    let verdicts = VerificationRecord.Verdict.told(in: records)
    var table = TextTable(
      [("epsilon", .right)] + verdicts.map { ($0.rawValue, .right) } + [("seconds", .right), ("slowest", .right)])
    for group in groups {
      let slowest = group.records.max { $0.seconds < $1.seconds }
      table.add(
        [group.epsilon] + verdicts.map { "\(group.counts[$0] ?? 0)" } + [
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
    case .misclassified:
      text += ": the network gives another class than the label \(record.label ?? 0)"
      if let count = record.topK { text += ", which is not among its \(count) best" }
    case .vacuous:
      text += ": \(record.vacuity.flatMap { Vacuity(rawValue: $0) }?.text ?? "it says nothing of the network")"
    case .unknown:
      text += ": \(record.reason?.printable() ?? "")"
      if let open = record.openFraction { text += ", \(decimal(100 * open, 1)) % open" }
    }
    return text + " (" + (record.stage.map { "\($0.printable(40)), " } ?? "") + "\(decimal(record.seconds, 3)) s)"
  }

  /// The worst of the verdicts: a violation before what is unknown or says nothing before a proof. A misclassified sample
  /// counts as a violation; where these are allowed they ask nothing of a neighbourhood, and count where there is nothing
  /// else.
  func worst(allowsMisclassified: Bool) -> VerificationRecord.Verdict {
    let verdicts = Set(records.map(\.verdict))
    if verdicts.contains(.violated) || verdicts == [.misclassified] { return .violated }
    if verdicts.contains(.misclassified) && !allowsMisclassified { return .violated }
    return verdicts.contains(.unknown) ? .unknown : verdicts.contains(.vacuous) ? .vacuous : .proved
  }

  /// The input and the outputs that a violation was found by, in lines of their own; nil for other verdicts.
  /// `kept` says where all codes are.
  static func witness(
    _ record: VerificationRecord, of program: IntegerProgram, kept: String = "--counterexamples keeps them"
  ) -> String? {
    guard record.verdict == .violated, let inputs = record.counterexample, let outputs = record.outputs else { return nil }
    func text(_ codes: [Int]) -> String {
      codes.prefix(mostCodes).map { "\($0)" }.joined(separator: ", ")
        + (codes.count > mostCodes ? ", … (\(codes.count) in all; \(kept))" : "")
    }
    func named(_ values: [Int], _ codes: [Int], _ letter: String) -> [String] {
      var start = 0
      return values.map { index in
        let value = program.values[index]
        defer { start += value.count }
        let part = Array(codes[min(start, codes.count)..<min(start + value.count, codes.count)])
        let last = start + value.count - 1
        return "  \(letter)_\(start)" + (value.count > 1 ? " … \(letter)_\(last)" : "")
          + " \"\(value.name.printable(60))\": \(text(part))"
      }
    }
    return (named(program.inputs, inputs, "X") + named(program.outputs, outputs, "Y")).joined(separator: "\n")
  }

  /// More codes than this are kept in files.
  private static let mostCodes = 32
}

extension VerificationRecord.Verdict {
  /// Those that a table has columns for: what is vacuous is hardly ever met.
  static func told(in records: [VerificationRecord]) -> [Self] {
    allCases.filter { verdict in verdict != .vacuous || records.contains { $0.verdict == .vacuous } }
  }
}
