/// Text in brackets, as SMT-LIB and VNN-LIB have it. A string and a quoted symbol are words, quotes and all, so that they
/// name nothing that is read.
indirect enum SExpression: Sendable {
  case word(Substring, line: Int)
  case list([SExpression], line: Int)

  var line: Int {
    switch self {
    case .word(_, let line), .list(_, let line): line
    }
  }

  /// Deeper nesting is no one's property, and would exhaust the stack.
  static let deepest = 500

  /// All expressions of `text`; a semicolon starts a comment, which ends with the line.
  static func parse(_ text: String) throws(VNNLIBError) -> [SExpression] {
    var open: [(items: [SExpression], line: Int)] = [([], 0)]
    var line = 1
    let bytes = text.utf8
    var position = bytes.startIndex
    while position < bytes.endIndex {
      switch bytes[position] {
      case UInt8(ascii: "\n"): line += 1
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
      case UInt8(ascii: ";"):
        position = bytes[position...].firstIndex { "\r\n".utf8.contains($0) } ?? bytes.endIndex
        continue
      case let quote where quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "|"):
        guard let end = endOfQuotation(bytes, from: position) else {
          throw VNNLIBError(line, "a \(quote == UInt8(ascii: "|") ? "quoted symbol" : "string") is never closed")
        }
        open[open.count - 1].items.append(.word(text[position..<end], line: line))
        line += bytes[position..<end].count { $0 == UInt8(ascii: "\n") }
        position = end
        continue
      case UInt8(ascii: "("):
        guard open.count <= deepest else { throw VNNLIBError(line, "brackets are nested over \(deepest) deep") }
        open.append(([], line))
      case UInt8(ascii: ")"):
        guard open.count > 1, let (items, start) = open.popLast() else {
          throw VNNLIBError(line, "a ')' closes nothing")
        }
        open[open.count - 1].items.append(.list(items, line: start))
      default:
        let end =
          bytes[position...].firstIndex { $0 <= UInt8(ascii: " ") || "();\"|".utf8.contains($0) } ?? bytes.endIndex
        guard end > position else { throw VNNLIBError(line, "a control character stands in the text") }
        open[open.count - 1].items.append(.word(text[position..<end], line: line))
        position = end
        continue
      }
      position = bytes.index(after: position)
    }
    guard open.count == 1 else {
      throw VNNLIBError(open[open.count - 1].line, "a '(' is never closed: the file is cut short")
    }
    return open[0].items
  }

  /// Past the quote that closes the one at `start`; nil where none does. In a string two of them are one of its
  /// characters (SMT-LIB 2.6, 3.1).
  private static func endOfQuotation(_ bytes: String.UTF8View, from start: String.Index) -> String.Index? {
    let quote = bytes[start]
    var position = start
    repeat {
      guard let close = bytes[bytes.index(after: position)...].firstIndex(of: quote) else { return nil }
      position = bytes.index(after: close)
    } while quote == UInt8(ascii: "\"") && position < bytes.endIndex && bytes[position] == quote
    return position
  }
}

/// Why a text is no property of this network.
public struct VNNLIBError: Error, Sendable, Hashable, CustomStringConvertible {
  /// From 1; nil where no one line is at fault.
  public var line: Int?
  public var reason: String

  init(_ line: Int?, _ reason: String) {
    self.line = line
    self.reason = reason
  }
  public var description: String { (line.map { "line \($0): " } ?? "") + reason }
}
