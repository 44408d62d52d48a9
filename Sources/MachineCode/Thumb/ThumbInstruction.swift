/// An instruction of Armv6-M, of Armv7-M with its DSP extension (Armv7-M Architecture Reference Manual, DDI 0403,
/// chapters A5 and A7), or of Armv8.1-M with its loops and vectors (Armv8-M Architecture Reference Manual, DDI 0553),
/// decoded.
public struct ThumbInstruction: Hashable, Sendable {
  public var operation: Operation
  /// 2 or 4.
  public var bytes: Int

  public init(_ operation: Operation, bytes: Int) {
    self.operation = operation
    self.bytes = bytes
  }

  /// Operations of two operands that set flags as others of their kind do; those from `test` on have no result.
  public enum Arithmetic: UInt8, Hashable, Sendable {
    case and, bitClear, or, orNot, exclusiveOr, add, addWithCarry, subtract, subtractWithCarry, reverseSubtract
    case move, moveNot
    case test, testEqual, compare, compareNegative

    public var hasResult: Bool { rawValue < Arithmetic.test.rawValue }
    public var isMove: Bool { self == .move || self == .moveNot }
  }

  /// When an instruction sets flags: short ones do so outside an IT block alone.
  public enum FlagSetting: UInt8, Hashable, Sendable { case never, always, outsideConditions }

  public enum Operand: Hashable, Sendable {
    /// A constant, and the carry that its rotation leaves; nil where it leaves the carry alone.
    case immediate(UInt32, carry: Bool?)
    case register(Int, Shift)
  }

  public enum Offset: Hashable, Sendable {
    case immediate(Int)
    /// A register, shifted to the left.
    case register(Int, Int)
  }

  /// Where an instruction reads or writes memory: at the base register, moved before or after; written back where so
  /// said.
  public struct Address: Hashable, Sendable {
    public var base: Int
    public var offset: Offset
    public var isBefore = true
    public var isWrittenBack = false
  }

  /// Which halves of registers are multiplied.
  public enum Half: UInt8, Hashable, Sendable { case bottom, top }

  /// What becomes of the sums or differences of lanes.
  public enum Lanes: UInt8, Hashable, Sendable {
    case signed, saturatingSigned, halvingSigned, unsigned, saturatingUnsigned, halvingUnsigned
  }
  /// Which sums and differences of lanes are formed; `crossed` ones exchange the second operand's halves.
  public enum LaneOperation: UInt8, Hashable, Sendable {
    case add16, crossedAddSubtract, crossedSubtractAdd, subtract16, add8, subtract8
  }

  /// What becomes of the register that is selected where the condition does not hold.
  public enum Selection: UInt8, Hashable, Sendable { case same, increased, inverted, negated }

  public enum LongShiftAmount: Hashable, Sendable {
    case immediate(Int)
    case register(Int)
  }

  public enum Operation: Hashable, Sendable {
    case arithmetic(Arithmetic, d: Int, n: Int, Operand, FlagSetting)
    /// A shift by a register's lowest byte.
    case shift(Shift.Kind, d: Int, n: Int, m: Int, FlagSetting)
    /// The address `offset` from the program counter, which is taken at a multiple of 4.
    case address(d: Int, offset: Int)
    /// Puts 16 bits into the higher half.
    case moveTop(d: Int, Int)
    /// A byte or half of a rotated register, extended to a word, and added to another where there is one.
    case extend(d: Int, n: Int?, m: Int, rotation: Int, width: Int, isSigned: Bool)
    /// The same of bytes 0 and 2, each to a half.
    case extendPair(d: Int, n: Int?, m: Int, rotation: Int, isSigned: Bool)
    case reverseBytes(d: Int, m: Int)
    case reverseHalfBytes(d: Int, m: Int)
    case reverseSignedHalf(d: Int, m: Int)
    case reverseBits(d: Int, m: Int)
    case leadingZeros(d: Int, m: Int)
    /// n · m, added to a or taken from it.
    case multiply(d: Int, n: Int, m: Int, FlagSetting)
    case multiplyAdd(d: Int, n: Int, m: Int, a: Int, isSubtracted: Bool)
    case multiplyLong(low: Int, high: Int, n: Int, m: Int, isSigned: Bool, accumulates: Bool)
    /// n · m + low + high.
    case multiplyLongAddBoth(low: Int, high: Int, n: Int, m: Int)
    case multiplyHalves(d: Int, n: Int, m: Int, a: Int?, Half, Half)
    /// The higher 32 bits of 48 of a product with a half.
    case multiplyWordHalf(d: Int, n: Int, m: Int, a: Int?, Half)
    case multiplyHalvesLong(low: Int, high: Int, n: Int, m: Int, Half, Half)
    /// Both products of halves, added or subtracted; m's halves exchanged where crossed.
    case multiplyDual(d: Int, n: Int, m: Int, a: Int?, isCrossed: Bool, isSubtracted: Bool)
    case multiplyDualLong(low: Int, high: Int, n: Int, m: Int, isCrossed: Bool, isSubtracted: Bool)
    case multiplyHigh(d: Int, n: Int, m: Int, a: Int?, isSubtracted: Bool, isRounded: Bool)
    case absoluteDifferences(d: Int, n: Int, m: Int, a: Int?)
    case divide(d: Int, n: Int, m: Int, isSigned: Bool)
    case saturate(d: Int, n: Int, Shift, bits: Int, isSigned: Bool)
    case saturatePair(d: Int, n: Int, bits: Int, isSigned: Bool)
    /// Saturating sum or difference of m and n, n doubled first (and saturated) where so said.
    case saturatingSum(d: Int, n: Int, m: Int, isDoubled: Bool, isSubtracted: Bool)
    case lanes(Lanes, LaneOperation, d: Int, n: Int, m: Int)
    /// Bytes of n where the last addition of lanes set them, else of m.
    case select(d: Int, n: Int, m: Int)
    /// One half of n, and the other of m, shifted.
    case pack(d: Int, n: Int, m: Int, Shift, isTop: Bool)
    case extract(d: Int, n: Int, low: Int, width: Int, isSigned: Bool)
    /// Bits of n into d; zeros where n is nil.
    case insert(d: Int, n: Int?, low: Int, width: Int)

    /// n where the condition holds, else m, changed; 15 is zero.
    case conditionalSelect(Selection, d: Int, n: Int, m: Int, Condition)
    /// Of 64 bits, by 1 … 32 or a register's lowest byte, which is signed.
    case longShift(Shift.Kind, low: Int, high: Int, by: LongShiftAmount)
    case vector(VectorOperation)

    case load(t: Int, Address, bytes: Int, isSigned: Bool)
    case loadLiteral(t: Int, offset: Int, bytes: Int, isSigned: Bool)
    case store(t: Int, Address, bytes: Int)
    case loadPair(t: Int, t2: Int, Address)
    case loadPairLiteral(t: Int, t2: Int, offset: Int)
    case storePair(t: Int, t2: Int, Address)
    /// The registers whose bits are set, from the base on upward, or downward below it.
    case loadMultiple(base: Int, registers: UInt16, isDown: Bool, isWrittenBack: Bool)
    case storeMultiple(base: Int, registers: UInt16, isDown: Bool, isWrittenBack: Bool)

    case branch(offset: Int, Condition)
    case branchWithLink(offset: Int)
    case branchTo(m: Int, isLinked: Bool)
    case compareAndBranch(n: Int, offset: Int, isNonzero: Bool)
    /// A jump over as many halfwords as the table's entry says.
    case tableBranch(n: Int, m: Int, isHalf: Bool)
    case ifThen(firstCondition: UInt8, mask: UInt8)
    /// Starts a loop that runs n times; with an offset one that is passed over where n is 0.
    case loopStart(n: Int, skip: Int?)
    /// Goes back where the loop runs again: always, or as often as its start said.
    case loopEnd(offset: Int, isCounted: Bool)
    case breakpoint(Int)
    /// Hints and barriers, which compute nothing.
    case nothing(String)
  }
}
