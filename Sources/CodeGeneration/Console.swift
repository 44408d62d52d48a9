/// Where a generated program's words go.
enum Console {
  /// C's standard output.
  case printf
  /// The serial port of an Arduino sketch.
  case serial

  enum Piece {
    case text(String)
    /// C expressions: a string, and whole numbers of up to 32 bits.
    case string(String)
    case unsigned(String)
    case signed(String)
  }

  /// Statements that print a line of text.
  func print(_ pieces: [Piece]) -> [String] {
    switch self {
    case .printf:
      var format = ""
      var values = ""
      for piece in pieces {
        switch piece {
        case .text(let text): format += text
        case .string(let value):
          format += "%s"
          values += ", \(value)"
        case .unsigned(let value):
          format += "%lu"
          values += ", (unsigned long)\(value)"
        case .signed(let value):
          format += "%ld"
          values += ", (long)\(value)"
        }
      }
      return ["(void)printf(\"\(format)\\n\"\(values));"]
    case .serial:
      return pieces.enumerated().map { index, piece in
        let value =
          switch piece {
          // Left in flash where RAM is scarce.
          case .text(let text): "F(\"\(text)\")"
          case .string(let value): value
          case .unsigned(let value): "(unsigned long)\(value)"
          case .signed(let value): "(long)\(value)"
          }
        return "Serial.\(index == pieces.count - 1 ? "println" : "print")(\(value));"
      }
    }
  }
}
