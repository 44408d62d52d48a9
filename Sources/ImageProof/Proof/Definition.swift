import Arithmetic
import IntegerProgram

/// What the program says one element of a step's output is, of integers that are looked at as a whole.
enum Definition: Hashable {
  /// The code of `constant + factor · leaf`.
  case affine(Requantization, constant: Int64, factor: Int64, isLong: Bool)
  /// The entry of that step's table at the leaf.
  case lookup(step: Int)
  /// The average of so many codes whose sum is `factor · leaf + constant`.
  case average(step: Int, count: Int32, constant: Int64, factor: Int64)
  /// The leaf, held to a step's range.
  case clamp(step: Int)
  /// Of two leaves, or of one and a constant: which of the operands is the first leaf, and the constants of others.
  case combine(CombineOperands)

  struct CombineOperands: Hashable {
    /// Identifies the step, of which it is the definition.
    var step: Int
    var left, right: Operand
    enum Operand: Hashable {
      case leaf(Int)
      case constant(Int32)
    }
  }

  /// The codes for leaves in these ranges; nil where the arithmetic does not show that they are within their registers.
  func span(_ leaves: [Span], _ program: IntegerProgram) -> Span? {
    switch self {
    case .affine(let requantization, let constant, let factor, let isLong):
      guard let sum = leaves[0].scaled(by: factor, plus: constant) else { return nil }
      if isLong {
        let code = requantization.code(Interval<Int64>(sum.low, sum.high), channel: 0)
        return code.holds ? Span(code.low, code.high) : nil
      }
      guard sum.low >= Int64(Int32.min), sum.high <= Int64(Int32.max) else { return nil }
      let code = requantization.code(Interval<Int32>(sum.low, sum.high), channel: 0)
      return code.holds ? Span(code.low, code.high) : nil
    case .lookup(let step):
      guard case .lookup(let lookup) = program.steps[step].operation else { return nil }
      let (first, last) = (leaves[0].low - Int64(lookup.lowest), leaves[0].high - Int64(lookup.lowest))
      guard first >= 0, last < Int64(lookup.table.count), last - first < 4096 else { return nil }
      let entries = lookup.table[Int(first)...Int(last)]
      guard let low = entries.min(), let high = entries.max() else { return nil }
      return Span(Int64(low), Int64(high))
    case .average(let step, let count, let constant, let factor):
      guard case .pool(let pool) = program.steps[step].operation else { return nil }
      guard let sum = leaves[0].scaled(by: factor, plus: constant), sum.low >= Int64(Int32.min), sum.high <= Int64(Int32.max)
      else { return nil }
      let number = Interval<Int32>(Int64(count), Int64(count))
      let code = pool.averageCode(sum: Interval<Int32>(sum.low, sum.high), count: number)
      return code.holds ? Span(code.low, code.high) : nil
    case .clamp(let step):
      guard case .pool(let pool) = program.steps[step].operation else { return nil }
      let (low, high) = (pool.clamp.lowerBound, pool.clamp.upperBound)
      return Span(min(max(leaves[0].low, low), high), min(max(leaves[0].high, low), high))
    case .combine(let operands):
      guard case .combine(let combine) = program.steps[operands.step].operation else { return nil }
      func interval(_ operand: CombineOperands.Operand) -> Interval<Int32> {
        switch operand {
        case .leaf(let place): Interval(leaves[place].low, leaves[place].high)
        case .constant(let code): Interval(Int64(code), Int64(code))
        }
      }
      let code = combine.code(interval(operands.left), interval(operands.right))
      return code.holds ? Span(code.low, code.high) : nil
    }
  }
}
