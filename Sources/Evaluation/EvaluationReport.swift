import Network
import Reporting

/// What `evaluate` found, as text, JSON and a page.
public struct EvaluationReport {
  /// What a second network was measured to be on the same samples.
  public struct Against {
    public var network: String
    /// Whether a softmax that only one of the two has was left out.
    public var isBeforeSoftmax: Bool
    public var matrix: ConfusionMatrix?
    public var outputs = OutputComparison()

    public init(network: String, isBeforeSoftmax: Bool = false) {
      self.network = network
      self.isBeforeSoftmax = isBeforeSoftmax
    }
  }

  public var network: String
  /// The digest of an integer network's program.
  public var program: String?
  public var samples: Int
  public var names: [String]
  /// Nil without labels.
  public var matrix: ConfusionMatrix?
  /// The k for which labels among the best k are counted.
  public var best: [Int] = []
  /// The real value of a step between output codes.
  public var step: Float?
  public var against: Against?

  /// About so many samples of a network; `names` are its classes'. The figures are set once they are known.
  public init(network: String, samples: Int, names: [String]) {
    self.network = network
    self.samples = samples
    self.names = names
  }

  /// More classes than this make a table that nobody reads.
  private static let mostInTable = 25
  private static let mostChanges = 20

  // MARK: Text

  public var text: String {
    var parts: [String] = []
    if let matrix {
      var lines = ["\(network.printable(80)): \(Self.share(matrix.correct, samples)) right"]
      for count in best where count > 1 {
        lines.append("label among the best \(count): \(Self.share(matrix.correct(amongBest: count), samples))")
      }
      parts.append(lines.joined(separator: "\n"))
      parts.append(classTable(matrix).text)
      if matrix.classes <= Self.mostInTable { parts.append("rows: label, columns: class given\n" + confusionTable(matrix).text) }
      let worst = confusions(matrix).prefix(5).map { "  \(names[$0.label]) as \(names[$0.given]): \($0.count)" }
      if !worst.isEmpty { parts.append("most often confused:\n" + worst.joined(separator: "\n")) }
    }
    if let against { parts.append(text(against)) }
    return parts.joined(separator: "\n\n")
  }

  private func text(_ against: Against) -> String {
    var lines = ["against \(against.network.printable(80)):"]
    if let matrix = against.matrix { lines.append("  \(Self.share(matrix.correct, samples)) right") }
    let outputs = against.outputs
    if !names.isEmpty { lines.append("  same class: \(Self.share(samples - outputs.changes.count, samples))") }
    lines.append("  outputs differ by \(Self.number(outputs.mean)) on average, at most \(Self.number(outputs.largest))"
      + (outputs.worst.map { " (sample \($0))" } ?? "")
      + (step.map { ", which is \(Self.number(outputs.mean / Double($0))) and \(Self.number(outputs.largest / Double($0))) steps between codes" } ?? ""))
    if against.isBeforeSoftmax { lines.append("  in front of the softmax that only one of them has") }
    if let decibels = outputs.signalToNoise { lines.append("  signal to noise \(decimalOrMinus(decibels)) dB") }
    for change in outputs.changes.prefix(Self.mostChanges) {
      lines.append(
        "  sample \(change.sample): \(names[change.first]) in place of \(names[change.second])"
          + (change.label.map { ", label \(names[$0])" } ?? ""))
    }
    if outputs.changes.count > Self.mostChanges {
      lines.append("  and \((outputs.changes.count - Self.mostChanges).grouped) more; --json has them all")
    }
    return lines.joined(separator: "\n")
  }

  private func classTable(_ matrix: ConfusionMatrix) -> TextTable {
    var table = TextTable([
      ("class", .left), ("samples", .right), ("recall", .right), ("precision", .right),
    ])
    func percent(_ share: Double?) -> String { share.map { decimal(100 * $0, 2) + " %" } ?? "–" }
    for label in 0..<matrix.classes where matrix.support(label) + matrix.predicted(label) > 0 {
      table.add([
        names[label], matrix.support(label).grouped, percent(matrix.recall(label)), percent(matrix.precision(label)),
      ])
    }
    return table
  }

  private func confusionTable(_ matrix: ConfusionMatrix) -> TextTable {
    var table = TextTable([("", .left)] + names.map { ($0, .right) })
    for (label, row) in matrix.counts.enumerated() { table.add([names[label]] + row.map { $0 == 0 ? "·" : $0.grouped }) }
    return table
  }

  private func confusions(_ matrix: ConfusionMatrix) -> [(label: Int, given: Int, count: Int)] {
    matrix.counts.enumerated().flatMap { label, row in
      row.enumerated().compactMap { given, count in given == label || count == 0 ? nil : (label, given, count) }
    }.sorted { ($1.count, $0.label, $0.given) < ($0.count, $1.label, $1.given) }
  }

  private static func share(_ count: Int, _ all: Int) -> String {
    decimal(100 * Double(count) / Double(max(1, all)), 2) + " %, \(count.grouped) of \(all.grouped)"
  }

  /// Four digits that matter.
  private static func number(_ value: Double) -> String {
    value >= 1000 ? decimal(value, 0) : value >= 1 ? decimal(value, 3) : value >= 1e-3 || value == 0 ? decimal(value, 5) : "\(Float(value))"
  }
  private func decimalOrMinus(_ value: Double) -> String { (value < 0 ? "−" : "") + decimal(abs(value), 1) }

  // MARK: JSON

  public var json: JSON {
    func real(_ value: Double?) -> JSON { value.map { .real(Float($0)) } ?? .null }
    func accuracy(_ matrix: ConfusionMatrix?) -> JSON {
      guard let matrix else { return .null }
      return .object([
        ("correct", .integer(matrix.correct)), ("share", real(Double(matrix.correct) / Double(max(1, samples)))),
      ])
    }
    var members: [(key: String, value: JSON)] = [
      ("format", .string("lockstep-evaluation-1")), ("network", .string(network)),
      ("program", program.map { .string($0) } ?? .null), ("samples", .integer(samples)), ("accuracy", accuracy(matrix)),
    ]
    if let matrix {
      members += [
        (
          "top",
          .array(
            best.map {
              .object([("k", .integer($0)), ("correct", .integer(matrix.correct(amongBest: $0)))])
            })
        ),
        (
          "classes",
          .array(
            names.indices.map { label in
              .object([
                ("name", .string(names[label])), ("support", .integer(matrix.support(label))),
                ("precision", real(matrix.precision(label))), ("recall", real(matrix.recall(label))),
              ])
            })
        ), ("confusion", .array(matrix.counts.map { .integers($0) })),
      ]
    }
    if let against {
      let outputs = against.outputs
      let steps = step.map { Double($0) }
      members.append(
        (
          "against",
          .object([
            ("network", .string(against.network)), ("accuracy", accuracy(against.matrix)),
            (
              "changed",
              .array(
                outputs.changes.map { change in
                  .object([
                    ("sample", .integer(change.sample)), ("label", change.label.map { .integer($0) } ?? .null),
                    ("first", .integer(change.first)), ("second", .integer(change.second)),
                  ])
                })
            ),
            (
              "outputs",
              .object([
                ("mean", real(outputs.mean)), ("largest", real(outputs.largest)),
                ("meanSteps", real(steps.map { outputs.mean / $0 })), ("mostSteps", real(steps.map { outputs.largest / $0 })),
                ("worstSample", outputs.worst.map { .integer($0) } ?? .null),
                ("signalToNoise", real(outputs.signalToNoise)),
              ])
            ),
          ])
        ))
    }
    return .object(members)
  }

  // MARK: Page

  public var page: String {
    func table(_ table: TextTable) -> String {
      let rows = table.rows.enumerated().map { index, row in
        let tag = index == 0 ? "th" : "td"
        return "<tr>"
          + zip(row, table.alignments).map { "<\(tag)\($1 == .left ? " class=\"left\"" : "")>\(escaped($0))</\(tag)>" }.joined()
          + "</tr>"
      }
      return "<table>\n\(rows.joined(separator: "\n"))\n</table>"
    }
    var parts = ["<h1>\(escaped("Evaluation of \(network)"))</h1>"]
    if let program { parts.append("<p class=\"fact\">program \(program)</p>") }
    if let matrix {
      parts.append("<p>\(escaped(Self.share(matrix.correct, samples))) right")
      parts += best.filter { $0 > 1 }.map {
        "; label among the best \($0): \(escaped(Self.share(matrix.correct(amongBest: $0), samples)))"
      }
      parts.append("</p>")
      parts.append(
        "<div class=\"wide\">\(ConfusionPicture(title: "Confusion matrix", counts: matrix.counts, names: names).svg)</div>")
      parts += ["<h2>Classes</h2>", table(classTable(matrix))]
    }
    if let against { parts += ["<h2>Another network</h2>", "<pre>\(escaped(text(against)))</pre>"] }
    return HTMLPage(title: "Evaluation of \(network)", body: parts.joined(separator: "\n")).html
  }
}
