import IntegerProgram

/// Input that a program cannot take.
public enum SimulationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One array of codes for each network input.
  case inputs(expected: Int, found: Int)
  /// An input with too many codes or too few.
  case count(input: Int, name: String, expected: Int, found: Int)
  /// A code that the input's type cannot hold.
  case code(input: Int, name: String, element: Int, type: CodeType, found: Int)

  public var description: String {
    switch self {
    case .inputs(let expected, let found):
      "the network has \(expected) inputs, codes were given for \(found)"
    case .count(let input, let name, let expected, let found):
      "input \(input) \"\(name)\" takes \(expected) codes, found \(found)"
    case .code(let input, let name, let element, let type, let found):
      "input \(input) \"\(name)\" is \(type), \(type.range.lowerBound) to \(type.range.upperBound): its element "
        + "\(element) is \(found)"
    }
  }
}

extension IntegerProgram {
  /// Checks that there is one array for each network input, of its count and with codes of its type.
  func check(_ inputs: [[Int32]]) throws(SimulationError) {
    guard inputs.count == self.inputs.count else {
      throw .inputs(expected: self.inputs.count, found: inputs.count)
    }
    for (input, codes) in inputs.enumerated() {
      try checkCount(codes.count, input: input)
      try codes.withUnsafeBufferPointer { codes throws(SimulationError) in try check(codes, input: input) }
    }
  }

  func checkCount(_ found: Int, input: Int) throws(SimulationError) {
    let value = values[inputs[input]]
    guard found == value.count else {
      throw .count(input: input, name: value.name, expected: value.count, found: found)
    }
  }

  /// Checks that all codes are of the type of network input `input`.
  func check<Code: FixedWidthInteger>(
    _ codes: UnsafeBufferPointer<Code>, input: Int
  ) throws(SimulationError) {
    let value = values[inputs[input]]
    let (low, high) = (value.type.range.lowerBound, value.type.range.upperBound)
    if Int64(Code.min) >= low, Int64(Code.max) <= high { return }
    // Counting instead of leaving early keeps the loop vectorised.
    let (least, greatest) = (Code(clamping: low), Code(clamping: high))
    var strays = 0
    for code in codes { strays &+= code < least || code > greatest ? 1 : 0 }
    guard strays > 0, let element = codes.firstIndex(where: { $0 < least || $0 > greatest }) else { return }
    throw .code(input: input, name: value.name, element: element, type: value.type, found: Int(codes[element]))
  }
}
