import FoundationEssentials

/// A page that shows what a verification came to, in one HTML file that needs nothing else: verdicts by ε as a table and
/// a plot, and counterexamples as pictures.
public struct VerificationPage: Sendable {
  public struct Row: Sendable {
    public var epsilon: String
    public var counts: [VerificationRecord.Verdict: Int]
    public var seconds: Double

    public init(epsilon: String, counts: [VerificationRecord.Verdict: Int], seconds: Double) {
      self.epsilon = epsilon
      self.counts = counts
      self.seconds = seconds
    }
  }

  /// A sample and the counterexample found beside it.
  public struct Figure: Sendable {
    public var title, caption: String
    public var shape: PictureShape
    /// As many as the shape has, 0 … 255.
    public var original, perturbed: [UInt8]

    public init(title: String, caption: String, shape: PictureShape, original: [UInt8], perturbed: [UInt8]) {
      precondition(original.count == shape.count && perturbed.count == shape.count, "pixels fill the shape")
      self.title = title
      self.caption = caption
      self.shape = shape
      self.original = original
      self.perturbed = perturbed
    }
  }

  public var title: String
  /// Lines under the title.
  public var facts: [String]
  public var rows: [Row]
  public var figures: [Figure]

  public init(title: String, facts: [String], rows: [Row], figures: [Figure]) {
    self.title = title
    self.facts = facts
    self.rows = rows
    self.figures = figures
  }

  private static let colours: [VerificationRecord.Verdict: String] = [
    .proved: "#2a7f4f", .violated: "#c0392b", .misclassified: "#8e8e8e", .unknown: "#e0a030", .vacuous: "#b8b0d0",
  ]

  /// Vacuous questions have a column where there are any.
  private var verdicts: [VerificationRecord.Verdict] {
    VerificationRecord.Verdict.allCases.filter { verdict in
      verdict != .vacuous || rows.contains { $0.counts[verdict] ?? 0 > 0 }
    }
  }

  public var html: String {
    HTMLPage(
      title: title,
      body: """
        <h1>\(escaped(title))</h1>
        \(facts.map { "<p class=\"fact\">\(escaped($0))</p>" }.joined(separator: "\n"))
        \(sections)
        """
    ).html
  }

  /// What stands under the title and the facts.
  public var sections: String { ([table, plot] + figures.map(Self.html)).joined(separator: "\n") }

  private var table: String {
    var html = "<h2>Verdicts</h2>\n<table>\n<tr><th>ε</th>"
    html += verdicts.map { "<th>\($0.rawValue)</th>" }.joined() + "<th>seconds</th></tr>\n"
    for row in rows {
      html += "<tr><td>\(escaped(row.epsilon))</td>"
      html += verdicts.map { "<td>\(row.counts[$0] ?? 0)</td>" }.joined()
      html += "<td>\(JSON.seconds(row.seconds).line)</td></tr>\n"
    }
    return html + "</table>"
  }

  /// A bar for each ε, with the shares of the verdicts.
  private var plot: String {
    let (bar, gap, height) = (44, 20, 160)
    let width = max(rows.count * (bar + gap) + gap, 20 + 85 * verdicts.count)
    var svg = "<svg role=\"img\" aria-label=\"Verdicts by epsilon\" width=\"\(width)\" height=\"\(height + 50)\""
    svg += " viewBox=\"0 0 \(width) \(height + 50)\" font-size=\"12\" font-family=\"system-ui, sans-serif\">\n"
    for (index, row) in rows.enumerated() {
      let total = max(1, row.counts.values.reduce(0, +))
      let left = gap + index * (bar + gap)
      // Ends are rounded, not heights, so that nothing gapes.
      var below = 0
      for verdict in verdicts {
        let count = row.counts[verdict] ?? 0
        let (low, high) = (height * below / total, height * (below + count) / total)
        below += count
        guard high > low, let colour = Self.colours[verdict] else { continue }
        svg +=
          "<rect x=\"\(left)\" y=\"\(height - high)\" width=\"\(bar)\" height=\"\(high - low)\" fill=\"\(colour)\">"
        svg += "<title>\(count) \(verdict.rawValue)</title></rect>\n"
      }
      svg +=
        "<text x=\"\(left + bar / 2)\" y=\"\(height + 16)\" text-anchor=\"middle\">ε \(escaped(row.epsilon))</text>\n"
    }
    for (index, verdict) in verdicts.enumerated() {
      let left = gap + index * 85
      svg +=
        "<rect x=\"\(left)\" y=\"\(height + 32)\" width=\"10\" height=\"10\" fill=\"\(Self.colours[verdict] ?? "#000")\"/>"
      svg += "<text x=\"\(left + 14)\" y=\"\(height + 41)\">\(verdict.rawValue)</text>\n"
    }
    return svg + "</svg>"
  }

  private static func html(_ figure: Figure) -> String {
    let differences = zip(figure.original, figure.perturbed).map { Int($1) - Int($0) }
    let largest = differences.reduce(0) { max($0, abs($1)) }
    // Grey is no change; the largest change is black or white.
    let amplified = differences.map { UInt8(128 + $0 * 127 / max(largest, 1)) }
    let pictures = [
      ("original", figure.original), ("perturbed", figure.perturbed), ("difference, amplified", amplified),
    ]
    let html = pictures.map { name, pixels in
      let png = PNG.encode(
        pixels, width: figure.shape.width, height: figure.shape.height, channels: figure.shape.channels)
      let data = Data(png).base64EncodedString()
      return
        "<div><img alt=\"\(escaped("\(figure.title): \(name)"))\" src=\"data:image/png;base64,\(data)\">\(name)</div>"
    }
    return """
      <figure>
      <h2>\(escaped(figure.title))</h2>
      <div class="pictures">\(html.joined())</div>
      <figcaption>\(escaped(figure.caption))</figcaption>
      </figure>
      """
  }
}
