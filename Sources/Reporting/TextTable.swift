/// Rows of text in columns as wide as their widest cell.
public struct TextTable {
  public enum Alignment: Sendable { case left, right }

  public let alignments: [Alignment]
  /// The titles, then what was added.
  public private(set) var rows: [[String]]

  public init(_ columns: [(title: String, alignment: Alignment)]) {
    alignments = columns.map(\.alignment)
    rows = [columns.map(\.title)]
  }

  /// Adds a row; there must be a cell for each column.
  public mutating func add(_ cells: [String]) {
    precondition(cells.count == alignments.count, "a cell for each column")
    rows.append(cells)
  }

  public var text: String {
    let widths = alignments.indices.map { column in rows.reduce(0) { max($0, $1[column].count) } }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let space = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (alignments[column] == .left ? cell + space : space + cell)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}

extension TextTable {
  /// The same with cells broken between words into lines of so many characters, a column's longest words apart.
  public func wrapped(at widths: [Int]) -> String {
    var table = TextTable(zip(rows[0], alignments).map { ($0, $1) })
    for row in rows.dropFirst() {
      let cells = zip(row, widths).map(Self.lines)
      for line in 0..<(cells.map(\.count).max() ?? 1) {
        table.add(cells.map { line < $0.count ? $0[line] : "" })
      }
    }
    return table.text
  }

  private static func lines(of text: String, width: Int) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        // What goes on is set in.
        lines.append("  " + word)
      }
    }
    return lines
  }
}

extension BinaryInteger {
  /// The number with its digits in groups of three: 1,234,567.
  public var grouped: String {
    let digits = String(magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return (self < 0 ? "−" : "") + text
  }
}

/// "1 vector", "2 vectors".
public func counted(_ count: Int, _ noun: String) -> String { "\(count.grouped) \(noun)\(count == 1 ? "" : "s")" }

/// A number with so many digits after the point; what is below 0 is 0.
public func decimal(_ number: Double, _ digits: Int) -> String {
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((min(max(number, 0), 1e12) * Double(scale)).rounded())
  guard digits > 0 else { return "\(scaled)" }
  let fraction = String(scaled % scale)
  return "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
}
