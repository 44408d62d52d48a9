/// Curves over the epochs of a training, drawn as SVG.
public struct CurvePicture: Sendable {
  public struct Curve: Sendable {
    public var name: String
    /// A value for each epoch; nil where there is none.
    public var values: [Double?]

    public init(name: String, values: [Double?]) {
      self.name = name
      self.values = values
    }
  }

  public var title: String
  /// In percent.
  public var curves: [Curve]
  /// Values are quantised from this epoch on.
  public var firstQuantized: Int?

  public init(title: String, curves: [Curve], firstQuantized: Int? = nil) {
    self.title = title
    self.curves = curves
    self.firstQuantized = firstQuantized
  }

  private static let left = 60, top = 44, width = 640, height = 320, below = 70, right = 24
  private static let colours = ["#4878a8", "#2a7f4f", "#c0392b", "#8068a8"]

  public var svg: String {
    let epochs = max(1, curves.map(\.values.count).max() ?? 1)
    let values = curves.flatMap { $0.values.compactMap { $0 } }
    // From a round number below the values, the first epochs' aside, to 100.
    let sorted = values.sorted()
    let low = sorted.isEmpty ? 0 : max(0, (Int(sorted[sorted.count / 8]) / 10) * 10)
    let (fullWidth, floor) = (Self.left + Self.width + Self.right, Self.top + Self.height)
    func x(_ epoch: Int) -> Int { Self.left + (epochs == 1 ? 0 : epoch * Self.width / (epochs - 1)) }
    func y(_ value: Double) -> Int {
      floor - Int((min(max(value, Double(low)), 100) - Double(low)) * Double(Self.height) / Double(100 - low))
    }
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" role="img" width="\(fullWidth)" height="\(floor + Self.below)" \
      viewBox="0 0 \(fullWidth) \(floor + Self.below)" font-family="system-ui, sans-serif" font-size="11" fill="#222">
      <title>\(escaped(title))</title>
      <rect width="100%" height="100%" fill="#fff"/>
      <text x="\(Self.left)" y="24" font-size="15">\(escaped(title))</text>

      """
    let step = max(1, (100 - low) / 5)
    for tick in stride(from: low, through: 100, by: step) {
      svg += "<line x1=\"\(Self.left)\" x2=\"\(fullWidth - Self.right)\" y1=\"\(y(Double(tick)))\" y2=\"\(y(Double(tick)))\" stroke=\"#ddd\"/>"
      svg += "<text x=\"\(Self.left - 8)\" y=\"\(y(Double(tick)) + 4)\" text-anchor=\"end\">\(tick) %</text>\n"
    }
    for epoch in stride(from: 0, to: epochs, by: max(1, (epochs + 9) / 10)) {
      svg += "<text x=\"\(x(epoch))\" y=\"\(floor + 16)\" text-anchor=\"middle\">\(epoch + 1)</text>\n"
    }
    svg += "<text x=\"\(Self.left + Self.width / 2)\" y=\"\(floor + 32)\" text-anchor=\"middle\">epoch</text>\n"
    if let first = firstQuantized, first > 0, first < epochs {
      svg += "<line x1=\"\(x(first))\" x2=\"\(x(first))\" y1=\"\(Self.top)\" y2=\"\(floor)\" stroke=\"#888\" stroke-dasharray=\"4 3\"/>"
      svg += "<text x=\"\(x(first) + 4)\" y=\"\(Self.top + 12)\" fill=\"#666\">quantised</text>\n"
    }
    for (index, curve) in curves.enumerated() {
      let colour = Self.colours[index % Self.colours.count]
      let points = curve.values.enumerated().compactMap { epoch, value in value.map { "\(x(epoch)),\(y($0))" } }
      svg += "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" points=\"\(points.joined(separator: " "))\"/>\n"
      let left = Self.left + index * 150
      svg += "<rect x=\"\(left)\" y=\"\(floor + 46)\" width=\"12\" height=\"4\" fill=\"\(colour)\"/>"
      svg += "<text x=\"\(left + 18)\" y=\"\(floor + 52)\">\(escaped(curve.name))</text>\n"
    }
    return svg + "</svg>\n"
  }
}
