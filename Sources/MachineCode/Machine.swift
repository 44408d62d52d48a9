/// A reading of machine code: what the words in registers and memory are, and what the processors' operations make of
/// them. The meaning of each instruction is written once over this protocol. Read with words of 32 bits it runs an image (`ConcreteMachine`); read with
/// expressions over a network's inputs it says what an image computes for every input.
///
/// Arithmetic is modulo 2^32 throughout, as registers are.
public protocol Machine {
  /// What 32 bits hold.
  associatedtype Word
  /// The outcome of a comparison.
  associatedtype Truth

  /// The address of the instruction that is executed, and what the processor must be able to do.
  var programCounter: UInt32 { get set }
  /// Registers but the program counter.
  subscript(register: Int) -> Word { get set }
  /// A register's content where the register is written next: whoever holds it may then change it in place.
  mutating func take(_ register: Int) -> Word

  func constant(_ number: UInt32) -> Word
  func truth(_ truth: Bool) -> Truth

  mutating func sum(_ a: Word, _ b: Word) -> Word
  mutating func difference(_ a: Word, _ b: Word) -> Word
  /// `a + b + carry`, the carry 1 where it holds.
  mutating func sum(_ a: Word, _ b: Word, carry: Truth) -> Word
  /// `a − b − 1 + carry`.
  mutating func difference(_ a: Word, _ b: Word, carry: Truth) -> Word
  mutating func product(_ a: Word, _ b: Word) -> Word
  mutating func conjunction(_ a: Word, _ b: Word) -> Word
  mutating func disjunction(_ a: Word, _ b: Word) -> Word
  mutating func exclusiveDisjunction(_ a: Word, _ b: Word) -> Word
  mutating func complement(_ a: Word) -> Word

  /// A shift by a constant, 0 … 32.
  mutating func shifted(_ a: Word, _ shift: Shift) -> Word
  /// The last bit that leaves the word where it is shifted by 1 … 32 places (for `rotateWithCarry` by one); its highest
  /// bit where it is rotated.
  mutating func carry(of a: Word, _ shift: Shift) -> Truth
  /// A shift by the lowest byte of `amount`, which may say more than 32; what leaves it last, or `carry` where nothing is
  /// shifted.
  mutating func shifted(_ a: Word, _ kind: Shift.Kind, by amount: Word, carry: Truth) throws(MachineFault) -> (Word, Truth)

  /// `width` bits from bit `low` on, as an unsigned or a signed number.
  mutating func field(_ a: Word, low: Int, width: Int, isSigned: Bool) -> Word
  /// `a`, its bits from `low` on replaced by the lowest `width` bits of `bits`.
  mutating func replacing(_ a: Word, low: Int, width: Int, by bits: Word) -> Word

  /// `a · b` as 64 bits.
  mutating func longProduct(_ a: Word, _ b: Word, isSigned: Bool) -> (low: Word, high: Word)
  /// The sum of two numbers of 64 bits.
  mutating func longSum(_ a: (low: Word, high: Word), _ b: (low: Word, high: Word)) -> (low: Word, high: Word)
  /// The high half of `2^32 · accumulator ± a · b + rounding`: the factors are signed, the rounding a constant.
  mutating func highProduct(
    _ a: Word, _ b: Word, accumulator: Word, isSubtracted: Bool, rounding: UInt32
  ) -> Word
  /// Toward zero; a division by zero gives zero, as Arm's processors do unless told to trap.
  mutating func quotient(_ a: Word, _ b: Word, isSigned: Bool) throws(MachineFault) -> Word

  /// The nearest number of `bits` bits to a signed one.
  mutating func saturated(_ a: Word, bits: Int, isSigned: Bool) -> Word
  /// The nearest signed word to `a ± b`.
  mutating func saturatingSum(_ a: Word, _ b: Word, isSubtracted: Bool) -> Word
  mutating func leadingZeros(_ a: Word) -> Word
  mutating func reversedBits(_ a: Word) -> Word

  /// All ones where `a` is at least `bound`, both signed; else zero.
  mutating func mask(of a: Word, atLeast bound: Int32) -> Word

  /// Reads `bytes` bytes, lowest first, as an unsigned or a signed number.
  mutating func load(_ address: Word, bytes: Int, isSigned: Bool) throws(MachineFault) -> Word
  mutating func store(_ word: Word, _ address: Word, bytes: Int) throws(MachineFault)
  /// As `load` and `store`, but for instructions that take whole words alone, wherever single ones may lie.
  mutating func loadAligned(_ address: Word) throws(MachineFault) -> Word
  mutating func storeAligned(_ word: Word, _ address: Word) throws(MachineFault)

  /// A word that decides what runs next.
  func known(_ word: Word) throws(MachineFault) -> UInt32
  /// A comparison that decides what runs next.
  func known(_ truth: Truth) throws(MachineFault) -> Bool
  func isZero(_ word: Word) -> Truth

  // What comparisons leave for instructions with conditions.

  /// Sets whether the result is negative and whether it is zero.
  mutating func setFlags(_ result: Word)
  /// The same, and the carry.
  mutating func setFlags(_ result: Word, carry: Truth)
  /// `a + b + carry`, which sets all flags.
  mutating func sumSettingFlags(_ a: Word, _ b: Word, carry: Truth) -> Word
  /// `a − b − 1 + carry`, which sets all flags.
  mutating func differenceSettingFlags(_ a: Word, _ b: Word, carry: Truth) -> Word
  var carry: Truth { get }
  func holds(_ condition: Condition) -> Truth

  /// The conditions of the instructions that follow (Arm's ITSTATE); 0 where they have none.
  var conditions: UInt8 { get set }
  /// All ones in the bytes where the last addition of lanes was not negative, or carried (Arm's APSR.GE).
  var laneMask: Word { get set }

  /// Environment: a breakpoint with a number, which may stand for a service.
  mutating func breakpoint(_ number: Int) throws(MachineFault)
}

/// How bits move.
public struct Shift: Hashable, Sendable {
  public enum Kind: UInt8, Hashable, Sendable {
    case left, right, arithmeticRight, rotate
    /// One place to the right, the carry becomes the highest bit.
    case rotateWithCarry
  }
  public var kind: Kind
  /// 0 … 32.
  public var amount: Int

  public init(_ kind: Kind, _ amount: Int) {
    self.kind = kind
    self.amount = amount
  }
  public static let none = Shift(.left, 0)
}

/// When an instruction with a condition is executed (Armv7-M Architecture Reference Manual, DDI 0403, A7.3).
public enum Condition: UInt8, Hashable, Sendable {
  case equal, notEqual, carrySet, carryClear, negative, positive, overflow, noOverflow
  case higher, lowerOrSame, greaterOrEqual, less, greater, lessOrEqual, always
}
