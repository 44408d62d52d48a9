import IntegerProgram

/// What a network input takes.
struct InputContract: Sendable {
  /// Among the network's inputs.
  let index: Int
  let name: String
  let count: Int
  let type: CodeType
  /// Fewer than the type's where the input chooses among rows of a table.
  let range: ClosedRange<Int64>

  func checkCount(_ found: Int) throws(SimulationError) {
    guard found == count else { throw .count(input: index, name: name, expected: count, found: found) }
  }

  /// Checks that the input takes all codes.
  @inline(__always)
  func checkCodes<Code: FixedWidthInteger>(_ codes: UnsafeBufferPointer<Code>) throws(SimulationError) {
    let (low, high) = (range.lowerBound, range.upperBound)
    if Int64(Code.min) >= low, Int64(Code.max) <= high { return }
    // Counting instead of leaving early keeps the loop vectorised.
    let (least, greatest) = (Code(clamping: low), Code(clamping: high))
    var strays: Int32 = 0
    for code in codes { strays |= code < least || code > greatest ? 1 : 0 }
    guard strays != 0, let element = codes.firstIndex(where: { $0 < least || $0 > greatest }) else { return }
    let found = Int(codes[element])
    guard type.range.contains(Int64(found)) else {
      throw .code(input: index, name: name, element: element, type: type, found: found)
    }
    throw .stray(input: index, name: name, element: element, range: range, found: found)
  }
}

extension IntegerProgram {
  var inputContracts: [InputContract] {
    inputs.enumerated().map { index, value in
      let value = values[value]
      return InputContract(index: index, name: value.name, count: value.count, type: value.type, range: value.range)
    }
  }
}

extension [InputContract] {
  /// Checks that there is one array for each network input, of `inferences` times its count and with codes of
  /// its type.
  func check(_ inputs: [[Int32]], inferences: Int = 1) throws(SimulationError) {
    guard inputs.count == count else { throw .inputs(expected: count, found: inputs.count) }
    for (contract, codes) in zip(self, inputs) {
      guard codes.count == inferences * contract.count else {
        throw .count(
          input: contract.index, name: contract.name, expected: inferences * contract.count,
          found: codes.count)
      }
      try codes.withUnsafeBufferPointer { codes throws(SimulationError) in try contract.checkCodes(codes) }
    }
  }
}
