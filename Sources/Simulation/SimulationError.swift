import IntegerProgram

/// Input that a program cannot take.
public enum SimulationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One array of codes for each network input.
  case inputs(expected: Int, found: Int)
  /// An input with too many codes or too few.
  case count(input: Int, name: String, expected: Int, found: Int)
  /// A code that the input's type cannot hold.
  case code(input: Int, name: String, element: Int, type: CodeType, found: Int)
  /// A code of the input's type that is none of its own: an index past the table that it chooses from.
  case stray(input: Int, name: String, element: Int, range: ClosedRange<Int64>, found: Int)

  public var description: String {
    switch self {
    case .inputs(let expected, let found):
      "the network has \(expected) inputs, codes were given for \(found)"
    case .count(let input, let name, let expected, let found):
      "input \(input) \"\(name)\" takes \(expected) codes, found \(found)"
    case .code(let input, let name, let element, let type, let found):
      "input \(input) \"\(name)\" is \(type), \(type.range.lowerBound) to \(type.range.upperBound): its element "
        + "\(element) is \(found)"
    case .stray(let input, let name, let element, let range, let found):
      "input \(input) \"\(name)\" takes \(range.lowerBound) to \(range.upperBound): its element \(element) is \(found)"
    }
  }
}
