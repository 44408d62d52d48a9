import Network
import Reporting

/// The results of the gate as a page: the verdict, the checks, what the network takes, the arena, and the answers.
struct PreflightPage {
  let summary: PreflightSummary
  /// The arena as SVG; nil where there was no device to fit it.
  let arena: String?
  /// The answers as tables and pictures.
  let verification: String?

  var html: String { HTMLPage(title: "Preflight: \(summary.headline)", body: body).html }

  private var results: PreflightResults { summary.results }

  private var body: String {
    let kind =
      switch results.verdict {
      case .cleared: "good"
      case .refused: "bad"
      case .open: "open"
      }
    var parts = ["<h1 class=\"verdict \(kind)\">\(escaped(summary.headline))</h1>", checks]
    parts += summary.facts.map { "<p class=\"fact\">\(escaped($0.name)): \(escaped($0.text))</p>" }
    if let memory = results.memory { parts.append(bars(memory)) }
    if let layers = results.layers { parts += ["<h2>Layers</h2>", table(layers)] }
    if let arena { parts += ["<h2>The arena over the layers</h2>", "<div class=\"wide\">\(arena)</div>"] }
    if let verification { parts.append(verification) }
    return parts.joined(separator: "\n")
  }

  private var checks: String {
    let rows = results.checks.map { check in
      let colour =
        switch check.outcome {
        case .held: "#2a7f4f"
        case .failed: "#c0392b"
        case .open: "#b07818"
        case .empty, .notRun: "#777"
        }
      let details = check.details.map { "<br>\(escaped($0))" }.joined()
      return "<tr><td class=\"left\" style=\"color: \(colour)\"><b>\(check.outcome.rawValue)</b></td>"
        + "<td class=\"left\">\(escaped(check.name))</td><td class=\"left\">\(escaped(check.text))\(details)</td></tr>"
    }
    return "<table>\n\(rows.joined(separator: "\n"))\n</table>"
  }

  /// How full flash and RAM are.
  private func bars(_ memory: PreflightResults.Memory) -> String {
    let device = results.device
    let rows = [
      ("flash", memory.codeBytes + memory.constantBytes, device.flashBytes),
      ("RAM", memory.arenaBytes + memory.constantBytesInRAM + device.stackBytes, device.ramBytes),
    ].map { name, used, all in
      let share = Double(used) / Double(max(1, all))
      return "<tr><td class=\"left\">\(name)</td>"
        + "<td><div class=\"bar\"><div style=\"width: \(decimal(100 * min(1, share), 1))%\"></div></div></td>"
        + "<td>\(used.grouped) of \(all.grouped) bytes</td><td>\(decimal(100 * share, 1)) %</td></tr>"
    }
    return "<h2>Memory</h2>\n<table>\n\(rows.joined(separator: "\n"))\n</table>"
  }

  private func table(_ table: PreflightResults.Table) -> String {
    let rows = table.rows.enumerated().map { index, row in
      let tag = index == 0 ? "th" : "td"
      let cells = zip(row, table.isText).map { cell, isText in
        "<\(tag)\(isText ? " class=\"left\"" : "")>\(escaped(cell))</\(tag)>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return "<div class=\"wide\"><table>\n\(rows.joined(separator: "\n"))\n</table></div>"
  }
}
