/// A confusion matrix drawn as SVG: a row for each label, a column for each class given, darker the larger the share of
/// the row.
public struct ConfusionPicture: Sendable {
  public var title: String
  /// For each label, how many samples were given each class.
  public var counts: [[Int]]
  public var names: [String]

  public init(title: String, counts: [[Int]], names: [String]) {
    precondition(counts.count == names.count && counts.allSatisfy { $0.count == names.count }, "a name for each class")
    self.title = title
    self.counts = counts
    self.names = names
  }

  /// Numbers are written into cells of this size or more.
  private static let smallestWithNumbers = 26

  public var svg: String {
    let classes = counts.count
    let cell = max(3, min(44, 880 / max(1, classes)))
    // Names of every class only where they do not run into each other.
    let every = max(1, (classes * 12 + classes * cell - 1) / max(1, classes * cell))
    let longest = names.map(\.count).max() ?? 0
    let margin = 40 + 7 * min(longest, 24)
    let side = classes * cell
    let (width, height) = (margin + side + 20, 60 + side + margin)
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" role="img" width="\(width)" height="\(height)" \
      viewBox="0 0 \(width) \(height)" font-family="system-ui, sans-serif" font-size="11" fill="#222">
      <title>\(escaped(title))</title>
      <rect width="100%" height="100%" fill="#fff"/>
      <text x="\(margin)" y="24" font-size="15">\(escaped(title))</text>
      <text x="\(margin)" y="44" fill="#666">rows: label, columns: class given</text>

      """
    for (label, row) in counts.enumerated() {
      let total = max(1, row.reduce(0, +))
      let y = 56 + label * cell
      for (given, count) in row.enumerated() {
        let x = margin + given * cell
        let share = Double(count) / Double(total)
        let colour = count == 0 ? "#f7f7f7" : Self.colour(share, isRight: label == given)
        svg += "<g><title>\(escaped(names[label])) as \(escaped(names[given])): \(count)</title>"
        svg += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(cell)\" height=\"\(cell)\" fill=\"\(colour)\" stroke=\"#fff\" "
        svg += "stroke-width=\"\(cell > 8 ? 1 : 0)\"/>"
        if count > 0 && cell >= Self.smallestWithNumbers {
          svg += "<text x=\"\(x + cell / 2)\" y=\"\(y + cell / 2 + 4)\" text-anchor=\"middle\" "
          svg += "fill=\"\(share > 0.5 ? "#fff" : "#222")\">\(count)</text>"
        }
        svg += "</g>"
      }
      svg += "\n"
      if label % every == 0 {
        let name = escaped(Self.shortened(names[label]))
        svg += "<text x=\"\(margin - 6)\" y=\"\(y + cell / 2 + 4)\" text-anchor=\"end\">\(name)</text>"
        let x = margin + label * cell + cell / 2 + 4
        svg += "<text transform=\"translate(\(x) \(64 + side)) rotate(-90)\" text-anchor=\"end\">\(name)</text>\n"
      }
    }
    return svg + "</svg>\n"
  }

  /// From white to blue for what is right, to red for what is not.
  private static func colour(_ share: Double, isRight: Bool) -> String {
    func mixed(_ full: Int) -> Int { Int(255 - Double(255 - full) * (0.1 + 0.9 * share)) }
    let (red, green, blue) = isRight ? (0x30, 0x60, 0x98) : (0xB8, 0x38, 0x2C)
    return "rgb(\(mixed(red)),\(mixed(green)),\(mixed(blue)))"
  }

  private static func shortened(_ text: String) -> String { text.count <= 24 ? text : text.prefix(23) + "…" }
}
