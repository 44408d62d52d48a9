import Arithmetic
import Network

// Functions of two codes that are neither sums nor products → a sum that numbers the pairs, and a table of them.
extension Lowering {
  /// The pairs of two values' codes, numbered.
  struct PairNumbers {
    /// The value that holds the numbers.
    var value: Int
    fileprivate let first, second: ClosedRange<Int64>

    fileprivate init(value: Int, _ first: ClosedRange<Int64>, _ second: ClosedRange<Int64>) {
      (self.value, self.first, self.second) = (value, first, second)
    }

    /// The codes with a number; nil for numbers that no pair has.
    func pair(_ number: Int64) -> (Int64, Int64)? {
      guard (0..<Int64(first.count * second.count)).contains(number) else { return nil }
      let (row, column) = number.quotientAndRemainder(dividingBy: Int64(second.count))
      return (first.lowerBound + row, second.lowerBound + column)
    }
  }

  /// Numbers the pairs of codes of two tensors, which are brought together by NumPy's rules.
  mutating func numberPairs(_ a: Int, _ b: Int) throws(LayerFault) -> PairNumbers {
    let (first, second) = (values[a].range, values[b].range)
    guard first.count <= 1 << 16, second.count <= 1 << 16, first.count * second.count <= 1 << 16 else {
      throw LayerFault(
        "its operands have \(first.count) and \(second.count) codes; a table holds 65,536 pairs",
        remedy: "quantise what is between two such operators")
    }
    let range = 0...Int64(first.count * second.count - 1)
    let offset = -first.lowerBound * Int64(second.count) - second.lowerBound
    guard let offset = Int32(exactly: offset) else { throw LayerFault("its operands' codes are out of proportion") }
    let shape = try broadcast(a, b).shape
    let numbers = try makeExact(
      integers(shape, range, like: values[a]), .sum, a, b, gain: second.count, plus: offset, clamp: range)
    return PairNumbers(value: numbers, first, second)
  }

  /// Emits the table of a function of two values' codes, held to the output's type.
  mutating func makeTable(
    _ output: Value, of a: Int, _ b: Int, _ code: (Int64, Int64) -> Int64
  ) throws(LayerFault) -> Int {
    let numbers = try numberPairs(a, b)
    return makeTable(output, of: numbers.value) { number in
      numbers.pair(number).map { code($0.0, $0.1) } ?? Int64(output.zeroPoint)
    }
  }
}
