/// A JSON value whose objects keep the order of their keys, so that the same report is the same text.
public enum JSON: Sendable {
  case object([(key: String, value: JSON)])
  case array([JSON])
  case string(String)
  case integer(Int)
  /// Written with as many digits as single precision needs to come back; `null` where it is not finite.
  case real(Float)
  /// Written with three decimals: seconds.
  case seconds(Double)
  /// A decimal number, as it stands.
  case decimal(String)
  case truth(Bool)
  case null

  public static func integers(_ list: [Int]) -> JSON { .array(list.map { .integer($0) }) }
  public static func range(_ range: ClosedRange<Int64>) -> JSON {
    .object([("lowest", .integer(Int(range.lowerBound))), ("highest", .integer(Int(range.upperBound)))])
  }

  /// The value as text, a member or element a line; lists of numbers and short objects of them take one line.
  public var text: String { text(indent: "") }

  /// The value on one line, as JSON Lines has it.
  public var line: String {
    switch self {
    case .object(let members):
      "{" + members.map { "\(Self.quoted($0.key)):\($0.value.line)" }.joined(separator: ",") + "}"
    case .array(let elements): "[" + elements.map(\.line).joined(separator: ",") + "]"
    default: text
    }
  }

  private var isScalar: Bool {
    switch self {
    case .object, .array: false
    default: true
    }
  }

  private func text(indent: String) -> String {
    let inner = indent + "  "
    func block(_ items: [String], _ open: String, _ close: String, inline: Bool) -> String {
      if items.isEmpty { return open + close }
      return inline
        ? open + items.joined(separator: ", ") + close
        : open + "\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n" + indent + close
    }
    switch self {
    case .object(let members):
      let items = members.map { "\(Self.quoted($0.key)): \($0.value.text(indent: inner))" }
      return block(items, "{", "}", inline: members.count <= 2 && members.allSatisfy { $0.value.isScalar })
    case .array(let elements):
      return block(
        elements.map { $0.text(indent: inner) }, "[", "]", inline: elements.allSatisfy { $0.isScalar })
    case .string(let string): return Self.quoted(string)
    case .integer(let integer): return String(integer)
    case .real(let real): return real.isFinite ? "\(real)" : "null"
    case .seconds(let seconds):
      let thousandths = Int((min(max(seconds, 0), 1e9) * 1000).rounded())
      let fraction = String(thousandths % 1000)
      return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    case .decimal(let digits): return digits
    case .truth(let truth): return truth ? "true" : "false"
    case .null: return "null"
    }
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
