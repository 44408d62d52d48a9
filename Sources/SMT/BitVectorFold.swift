import Arithmetic

/// The fewest bits that hold a range: unsigned where nothing is negative, else two's complement.
struct BitVectorFormat {
  let bits: Int
  let isSigned: Bool

  init(holding range: ClosedRange<Int64>) {
    isSigned = range.lowerBound < 0
    // Of a number and its complement, the one that is not negative tells the bits.
    let low = Self.length(range.lowerBound < 0 ? ~range.lowerBound : range.lowerBound)
    let high = Self.length(range.upperBound < 0 ? ~range.upperBound : range.upperBound)
    bits = max(1, max(low, high) + (isSigned ? 1 : 0))
  }

  private static func length(_ value: Int64) -> Int { Int64.bitWidth - value.leadingZeroBitCount }

  /// The bits of the same numbers in two's complement.
  var signedBits: Int { isSigned ? bits : bits + 1 }
}

/// Writes nodes in order, each with the fewest bits that hold its range.
///
/// Sums, differences, products and left shifts are computed at the result's own width: modulo 2^width they do not
/// depend on higher bits, and the result is known to fit.
struct BitVectorFold<Writer: BitVectorWriter> {
  var writer: Writer
  private(set) var variables: [BitVectorFormula.Variable<Writer.Expression>] = []
  private var expressions: [Writer.Expression?]

  init(writer: Writer, nodeCount: Int) {
    self.writer = writer
    expressions = Array(repeating: nil, count: nodeCount)
  }

  /// Writes a node whose operands have been written.
  mutating func add(_ node: TermNode) {
    let bits = BitVectorFormat(holding: node.range).bits
    switch node.operation {
    case .literal: return
    case .variable(let name):
      precondition(node.range.lowerBound == 0, "variables count from zero")
      let variable = writer.variable(name, bits: bits, most: UInt64(node.range.upperBound))
      variables.append(.init(name: name, expression: variable))
      expressions[node.index] = variable
    default:
      expressions[node.index] = writer.shared(value(of: node, bits), index: node.index, bits: bits)
    }
  }

  mutating func assert(anyOf goals: [TermNode]) { writer.assert(anyOf: goals.map { operand($0, 1) }) }

  private func value(of node: TermNode, _ bits: Int) -> Writer.Expression {
    switch node.operation {
    case .variable, .literal: return operand(node, bits)
    case .add(let a, let b): return writer.operation(.add, operand(a, bits), operand(b, bits))
    case .subtract(let a, let b): return writer.operation(.subtract, operand(a, bits), operand(b, bits))
    case .multiply(let a, let b): return writer.operation(.multiply, operand(a, bits), operand(b, bits))
    case .shiftLeft(let a, let n):
      let working = max(bits, BitVectorFormat(holding: n.range).bits)
      return resized(
        writer.operation(.shiftLeft, operand(a, working), operand(n, working)), from: working, isSigned: false,
        to: bits)
    case .shiftRight(let a, let n):
      let format = BitVectorFormat(holding: a.range)
      if case .literal(let shift) = n.operation, shift < format.bits {
        let shifted = writer.extracted(operand(a, format.bits), bits: Int(shift)...format.bits - 1)
        return resized(shifted, from: format.bits - Int(shift), isSigned: format.isSigned, to: bits)
      }
      let working = max(format.bits, BitVectorFormat(holding: n.range).bits)
      let operation: BitVectorOperation = format.isSigned ? .arithmeticShiftRight : .logicalShiftRight
      return resized(
        writer.operation(operation, operand(a, working), operand(n, working)), from: working,
        isSigned: format.isSigned, to: bits)
    case .divide(let a, let divisor):
      let (format, other) = (BitVectorFormat(holding: a.range), BitVectorFormat(holding: divisor.range))
      let working = format.isSigned ? max(format.bits, other.signedBits) : max(format.bits, other.bits)
      let operation: BitVectorOperation = format.isSigned ? .signedDivide : .unsignedDivide
      return resized(
        writer.operation(operation, operand(a, working), operand(divisor, working)), from: working,
        isSigned: format.isSigned, to: bits)
    case .lowest(let a, let low):
      return resized(operand(a, low), from: low, isSigned: false, to: bits)
    case .select(let lesser, let greater, let a, let b):
      let (left, right) = (BitVectorFormat(holding: lesser.range), BitVectorFormat(holding: greater.range))
      let isSigned = left.isSigned || right.isSigned
      let working = isSigned ? max(left.signedBits, right.signedBits) : max(left.bits, right.bits)
      // The branch that is not chosen may not fit; its bits do not matter.
      return writer.choice(
        operand(lesser, working), less: operand(greater, working), isSigned: isSigned, operand(a, bits),
        operand(b, bits))
    }
  }

  /// A node's value modulo 2^bits, which is all of it where that many bits hold its range.
  private func operand(_ node: TermNode, _ bits: Int) -> Writer.Expression {
    let format = BitVectorFormat(holding: node.range)
    if case .literal(let value) = node.operation { return writer.literal(UInt64(bitPattern: value), bits: bits) }
    guard let expression = expressions[node.index] else { preconditionFailure("operands are written first") }
    return resized(expression, from: format.bits, isSigned: format.isSigned, to: bits)
  }

  private func resized(
    _ expression: Writer.Expression, from bits: Int, isSigned: Bool, to target: Int
  ) -> Writer.Expression {
    if bits < target { return writer.extended(expression, by: target - bits, isSigned: isSigned) }
    return bits > target ? writer.extracted(expression, bits: 0...target - 1) : expression
  }
}
