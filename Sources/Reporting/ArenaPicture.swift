/// What an arena holds over the steps of a network, drawn as SVG: steps from left to right, bytes from below upwards.
/// Blocks are translucent, since a step may write over what it has read.
public struct ArenaPicture: Sendable {
  public struct Block: Sendable {
    public var label: String
    public var offset: Int
    public var size: Int
    /// The first step that it is there for; −1 for what is there before.
    public var firstStep: Int
    /// The last; the number of steps for what is there afterwards.
    public var lastStep: Int
    public var isScratch: Bool

    public init(label: String, offset: Int, size: Int, firstStep: Int, lastStep: Int, isScratch: Bool) {
      self.label = label
      self.offset = offset
      self.size = size
      self.firstStep = firstStep
      self.lastStep = lastStep
      self.isScratch = isScratch
    }
  }

  public var title: String
  public var arenaBytes: Int
  /// The kind of each step.
  public var steps: [String]
  public var blocks: [Block]

  public init(title: String, arenaBytes: Int, steps: [String], blocks: [Block]) {
    self.title = title
    self.arenaBytes = arenaBytes
    self.steps = steps
    self.blocks = blocks
  }

  private static let left = 76, top = 44, height = 420, below = 150, right = 16
  private static let colours = ["#4878a8", "#d08040", "#5a9a60", "#b05a6a", "#8068a8", "#a08848", "#4a9aa0", "#9a6a50"]

  /// Before the first step and after the last there is a column each.
  private var columns: Int { steps.count + 2 }
  private var columnWidth: Int { max(14, min(84, 1200 / columns)) }

  public var svg: String {
    let width = Self.left + columns * columnWidth + Self.right
    let floor = Self.top + Self.height
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" role="img" width="\(width)" height="\(floor + Self.below)" \
      viewBox="0 0 \(width) \(floor + Self.below)" font-family="system-ui, sans-serif" font-size="11" fill="#222">
      <title>\(escaped(title))</title>
      <rect width="100%" height="100%" fill="#fff"/>
      <text x="\(Self.left)" y="24" font-size="15">\(escaped(title))</text>

      """
    for bytes in ticks {
      let y = floor - scaled(bytes)
      svg += "<line x1=\"\(Self.left)\" x2=\"\(width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"#ddd\"/>"
      svg += "<text x=\"\(Self.left - 8)\" y=\"\(y + 4)\" text-anchor=\"end\">\(bytes)</text>\n"
    }
    for (column, name) in (["input"] + steps.enumerated().map { "\($0.offset) \($0.element)" } + ["output"]).enumerated() {
      let x = Self.left + column * columnWidth + columnWidth / 2 + 4
      let text = escaped(Self.shortened(name, 22))
      svg += "<text transform=\"translate(\(x) \(floor + 10)) rotate(-90)\" text-anchor=\"end\">\(text)</text>\n"
    }
    for (index, block) in blocks.enumerated() where block.size > 0 { svg += drawn(block, index, floor) }
    return svg + "</svg>\n"
  }

  private func drawn(_ block: Block, _ index: Int, _ floor: Int) -> String {
    let x = Self.left + (block.firstStep + 1) * columnWidth
    let width = (block.lastStep - block.firstStep + 1) * columnWidth
    // Ends are rounded, not heights, so that neighbours meet.
    let y = floor - scaled(block.offset + block.size)
    let height = max(1, floor - scaled(block.offset) - y)
    let colour = block.isScratch ? "#888" : Self.colours[index % Self.colours.count]
    let dashes = block.isScratch ? " stroke-dasharray=\"4 2\"" : ""
    let hint = "\(block.label): \(block.size) bytes at \(block.offset)"
    var svg = "<g><title>\(escaped(hint))</title><rect x=\"\(x + 1)\" y=\"\(y)\" width=\"\(width - 2)\""
    svg += " height=\"\(height)\" fill=\"\(colour)\" fill-opacity=\"0.45\" stroke=\"\(colour)\"\(dashes)/>"
    // A letter is some 6.5 wide; where there is no room the hint must do.
    let letters = ((nextStart(in: block) - block.firstStep) * columnWidth - 8) * 2 / 13
    if height >= 12 && letters >= 4 {
      let label = block.isScratch ? "scratch" : block.label
      svg += "<text x=\"\(x + 5)\" y=\"\(y + 11)\">\(escaped(Self.shortened(label, letters)))</text>"
      if height >= 25 && letters >= "\(block.size) bytes".count {
        svg += "<text x=\"\(x + 5)\" y=\"\(y + 23)\" fill=\"#444\">\(block.size) bytes</text>"
      }
    }
    return svg + "</g>\n"
  }

  /// The step at which another block is laid over some of this one's bytes, or that follows its last.
  private func nextStart(in block: Block) -> Int {
    blocks.filter {
      $0.firstStep > block.firstStep && $0.offset < block.offset + block.size && block.offset < $0.offset + $0.size
    }.reduce(block.lastStep + 1) { min($0, $1.firstStep) }
  }

  private func scaled(_ bytes: Int) -> Int {
    Int((Double(bytes) * Double(Self.height) / Double(max(1, arenaBytes))).rounded())
  }

  /// Round numbers of bytes, and the arena's size where it is not close to one.
  private var ticks: [Int] {
    var step = 1
    while arenaBytes / step > 8 { step *= 2 }
    let round = Array(stride(from: 0, through: arenaBytes, by: step))
    let isClose = round.last.map { arenaBytes - $0 < step / 2 && $0 != arenaBytes } ?? false
    return (isClose ? round.dropLast() : round[...]) + (round.last == arenaBytes ? [] : [arenaBytes])
  }

  /// The end of a long name says more than its start.
  private static func shortened(_ text: String, _ letters: Int) -> String {
    text.count <= letters ? text : "…" + text.suffix(max(0, letters - 1))
  }
}
