/// What a formula can be written in: Z3's expressions, or SMT-LIB text. Both operands of an operation have equal width.
protocol BitVectorWriter {
  associatedtype Expression

  /// A new variable with the values `0 … most`.
  mutating func variable(_ name: String, bits: Int, most: UInt64) -> Expression
  /// The `bits` lowest bits of `pattern`.
  func literal(_ pattern: UInt64, bits: Int) -> Expression
  func operation(_ operation: BitVectorOperation, _ a: Expression, _ b: Expression) -> Expression
  func extended(_ a: Expression, by bits: Int, isSigned: Bool) -> Expression
  func extracted(_ a: Expression, bits: ClosedRange<Int>) -> Expression
  /// `c` where `a` is less than `b`, else `d`.
  func choice(_ a: Expression, less b: Expression, isSigned: Bool, _ c: Expression, _ d: Expression) -> Expression
  /// A name for the value of node `index`, where the writer wants one.
  mutating func shared(_ value: Expression, index: Int, bits: Int) -> Expression
  /// Demands that one of some single bits be 1.
  mutating func assert(anyOf bits: [Expression])
}

/// By SMT-LIB's name.
enum BitVectorOperation: String {
  case add = "bvadd"
  case subtract = "bvsub"
  case multiply = "bvmul"
  case shiftLeft = "bvshl"
  case arithmeticShiftRight = "bvashr"
  case logicalShiftRight = "bvlshr"
  case unsignedDivide = "bvudiv"
  case signedDivide = "bvsdiv"
}
