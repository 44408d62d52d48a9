/// An instruction of RV32IMAC, decoded (The RISC-V Instruction Set Manual, volume I, version 20191213). Of the
/// extension A there are the operations on memory; pairs of LR and SC are not known, nor are special registers.
public struct RISCVInstruction: Hashable, Sendable {
  public var operation: Operation
  /// 2 or 4.
  public var bytes: Int

  public init(_ operation: Operation, bytes: Int) {
    self.operation = operation
    self.bytes = bytes
  }

  public enum Arithmetic: UInt8, Hashable, Sendable {
    case add, subtract, and, or, exclusiveOr, left, right, arithmeticRight
    /// 1 where a is less than b, else 0.
    case less, lessUnsigned
    case multiply
    /// The high half of 64 bits; in the mixed one a alone is signed.
    case multiplyHigh, multiplyHighMixed, multiplyHighUnsigned
    case divide, divideUnsigned, remainder, remainderUnsigned
  }

  public enum Operand: Hashable, Sendable {
    case immediate(UInt32)
    case register(Int)
  }

  /// What memory becomes, of what it holds and a register.
  public enum Atomic: UInt8, Hashable, Sendable {
    case exchange, add, and, or, exclusiveOr, least, greatest, leastUnsigned, greatestUnsigned
  }

  /// Registers are 0 … 31; 0 holds zero, and what is written into it is lost.
  public enum Operation: Hashable, Sendable {
    case arithmetic(Arithmetic, d: Int, a: Int, Operand)
    /// A constant for the higher 20 bits.
    case loadUpper(d: Int, UInt32)
    /// The instruction's address and an offset.
    case address(d: Int, offset: Int)
    case load(d: Int, base: Int, offset: Int, bytes: Int, isSigned: Bool)
    case store(source: Int, base: Int, offset: Int, bytes: Int)
    case atomic(Atomic, d: Int, base: Int, source: Int)
    /// Where the condition holds of a and b.
    case branch(offset: Int, Condition, a: Int, b: Int)
    /// The address of what follows goes to d.
    case jump(d: Int, offset: Int)
    case jumpTo(d: Int, base: Int, offset: Int)
    case breakpoint
    /// Fences, which compute nothing.
    case nothing(String)
  }
}
