/// C source being written: lines, indented by the blocks around them.
struct CText {
  private(set) var text = ""
  private var depth = 0

  init() {}
  /// Lines that are there already.
  init(written text: String) { self.text = text }

  mutating func line(_ line: String = "") {
    text += line.isEmpty ? "\n" : String(repeating: "  ", count: depth) + line + "\n"
  }
  mutating func append(_ text: CText) { self.text += text.text }
  mutating func lines(_ lines: [String]) { for line in lines { self.line(line) } }

  /// `head {`, the body, `}`.
  mutating func block(_ head: String, end: String = "}", _ body: (inout CText) -> Void) {
    line(head + " {")
    depth += 1
    body(&self)
    depth -= 1
    line(end)
  }

  /// A loop of `variable` over 0 ..< count.
  mutating func loop(_ variable: String, _ count: Int, _ body: (inout CText) -> Void) {
    loop(variable, below: "\(count)", body)
  }
  mutating func loop(_ variable: String, from start: String = "0", below end: String, _ body: (inout CText) -> Void) {
    block("for (int32_t \(variable) = \(start); \(variable) < \(end); \(variable)++)", body)
  }

  /// A comment, wrapped; the words may come from a file and cannot end it.
  mutating func comment(_ paragraphs: String...) { comment(paragraphs) }
  mutating func comment(_ paragraphs: [String]) {
    let width = 106 - 2 * depth
    var lines: [String] = []
    for paragraph in paragraphs {
      // A paragraph may be set in by spaces.
      var current = String(paragraph.prefix { $0 == " " })
      let indented = current
      for word in Self.commentSafe(paragraph).split(separator: " ", omittingEmptySubsequences: true) {
        if current != indented, current.count + 1 + word.count > width {
          lines.append(current)
          current = indented + word
        } else {
          current += current == indented ? String(word) : " " + word
        }
      }
      lines.append(current)
    }
    if lines.count == 1 {
      line("/* \(lines[0]) */")
    } else {
      line("/* \(lines[0])")
      for rest in lines.dropFirst() { line(rest.isEmpty ? " *" : " * \(rest)") }
      line(" */")
    }
  }

  /// Text that neither ends a comment nor opens one, holds no trigraph and no line splice.
  static func commentSafe(_ text: String) -> String {
    var result = ""
    var last: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      var next = scalar
      switch scalar {
      case "/" where last == "*" || last == "/", "*" where last == "/": next = "."
      case "?" where last == "?": next = "."
      case "\\": next = "/"
      default:
        // Outside ASCII, C compilers differ in what a source file may hold.
        if !scalar.isASCII || scalar.value < 0x20 || scalar.value == 0x7F { next = "." }
      }
      if next == "/", last == "*" || last == "/" { next = "." }
      result.unicodeScalars.append(next)
      last = next
    }
    return result
  }

  /// A constant table.
  mutating func table<T: BinaryInteger>(_ declaration: String, _ elements: some Collection<T>) {
    line("\(declaration) = {")
    // Weights are most of what is written: bytes, since a String counts its characters one by one.
    let indent = [UInt8](repeating: UInt8(ascii: " "), count: 2 * depth + 2)
    var bytes = indent
    var column = 2
    for element in elements {
      let literal = CExpressionPrinter.tableLiteral(Int64(element)).utf8
      if column + literal.count + 2 > 108 {
        bytes.append(UInt8(ascii: "\n"))
        bytes += indent
        column = 2
      }
      if column > 2 {
        bytes.append(UInt8(ascii: " "))
        column += 1
      }
      bytes.append(contentsOf: literal)
      bytes.append(UInt8(ascii: ","))
      column += literal.count + 1
    }
    text += String(decoding: bytes, as: UTF8.self)
    line()
    line("};")
  }
}

extension CExpressionPrinter {
  /// An initialiser: as `literal`, without the parentheses that a negative operand needs.
  static func tableLiteral(_ value: Int64) -> String {
    value == Int64(Int32.min) ? literal(value) : "\(value)"
  }
}
