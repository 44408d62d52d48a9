/// Machine code read with words of 32 bits: an emulator.
public struct ConcreteMachine: Machine, Sendable {
  public var programCounter: UInt32 = 0
  public var memory: MachineMemory
  /// Of RISC-V 32; of Arm 16, and behind them those of vectors.
  @usableFromInline var registers = [UInt32](repeating: 0, count: VectorRegister.end)
  public var isNegative = false, isZero = false, carry = false, overflow = false
  public var conditions: UInt8 = 0
  public var laneMask: UInt32 = 0
  /// Whether words and halves may lie anywhere, as Armv7-M lets single loads and stores have them.
  public var allowsUnaligned: Bool
  /// The last breakpoint, which whoever runs the machine answers.
  public var breakpoint: Int?

  public init(_ memory: MachineMemory, allowsUnaligned: Bool) {
    self.memory = memory
    self.allowsUnaligned = allowsUnaligned
  }

  @inlinable public subscript(register: Int) -> UInt32 {
    get { registers[register] }
    set { registers[register] = newValue }
  }
  @inlinable public mutating func take(_ register: Int) -> UInt32 { registers[register] }
  @inlinable public func constant(_ number: UInt32) -> UInt32 { number }
  @inlinable public func truth(_ truth: Bool) -> Bool { truth }

  @inlinable public func sum(_ a: UInt32, _ b: UInt32) -> UInt32 { a &+ b }
  @inlinable public func difference(_ a: UInt32, _ b: UInt32) -> UInt32 { a &- b }
  @inlinable public func sum(_ a: UInt32, _ b: UInt32, carry: Bool) -> UInt32 { a &+ b &+ (carry ? 1 : 0) }
  @inlinable public func difference(_ a: UInt32, _ b: UInt32, carry: Bool) -> UInt32 { a &- b &- (carry ? 0 : 1) }
  @inlinable public func product(_ a: UInt32, _ b: UInt32) -> UInt32 { a &* b }
  @inlinable public func conjunction(_ a: UInt32, _ b: UInt32) -> UInt32 { a & b }
  @inlinable public func disjunction(_ a: UInt32, _ b: UInt32) -> UInt32 { a | b }
  @inlinable public func exclusiveDisjunction(_ a: UInt32, _ b: UInt32) -> UInt32 { a ^ b }
  @inlinable public func complement(_ a: UInt32) -> UInt32 { ~a }

  @inlinable public func shifted(_ a: UInt32, _ shift: Shift) -> UInt32 {
    let amount = UInt32(shift.amount)
    switch shift.kind {
    case .left: return a << amount
    case .right: return a >> amount
    case .arithmeticRight: return UInt32(bitPattern: Int32(bitPattern: a) >> Int32(shift.amount))
    case .rotate: return a &>> amount | a &<< (32 &- amount)
    case .rotateWithCarry: return a >> 1 | (carry ? 1 << 31 : 0)
    }
  }

  @inlinable public func carry(of a: UInt32, _ shift: Shift) -> Bool {
    switch shift.kind {
    case .left: a >> UInt32(32 - shift.amount) & 1 != 0
    case .right, .arithmeticRight, .rotate: a >> UInt32(shift.amount - 1) & 1 != 0
    case .rotateWithCarry: a & 1 != 0
    }
  }

  @inlinable public func shifted(
    _ a: UInt32, _ kind: Shift.Kind, by amount: UInt32, carry: Bool
  ) throws(MachineFault) -> (UInt32, Bool) {
    let places = Int(amount & 0xFF)
    guard places > 0 else { return (a, carry) }
    switch kind {
    case .left: return (a << UInt32(places), places <= 32 && a >> UInt32(32 - places) & 1 != 0)
    case .right: return (a >> UInt32(places), places <= 32 && a >> UInt32(places - 1) & 1 != 0)
    case .arithmeticRight:
      let number = Int32(bitPattern: a)
      return (UInt32(bitPattern: number >> Int32(places)), (number >> Int32(places - 1)) & 1 != 0)
    case .rotate, .rotateWithCarry:
      let result = shifted(a, Shift(.rotate, places & 31))
      return (result, result >> 31 != 0)
    }
  }

  @inlinable public func field(_ a: UInt32, low: Int, width: Int, isSigned: Bool) -> UInt32 {
    let raised = a &<< UInt32(32 - low - width)
    return isSigned
      ? UInt32(bitPattern: Int32(bitPattern: raised) &>> Int32(32 - width)) : raised &>> UInt32(32 - width)
  }

  @inlinable public func replacing(_ a: UInt32, low: Int, width: Int, by bits: UInt32) -> UInt32 {
    let mask = (UInt32.max >> UInt32(32 - width)) << UInt32(low)
    return a & ~mask | bits << UInt32(low) & mask
  }

  @inlinable public func longProduct(_ a: UInt32, _ b: UInt32, isSigned: Bool) -> (low: UInt32, high: UInt32) {
    let product =
      isSigned
      ? UInt64(bitPattern: Int64(Int32(bitPattern: a)) &* Int64(Int32(bitPattern: b))) : UInt64(a) &* UInt64(b)
    return (UInt32(truncatingIfNeeded: product), UInt32(truncatingIfNeeded: product >> 32))
  }

  @inlinable public func longSum(
    _ a: (low: UInt32, high: UInt32), _ b: (low: UInt32, high: UInt32)
  ) -> (low: UInt32, high: UInt32) {
    let sum = (UInt64(a.high) << 32 | UInt64(a.low)) &+ (UInt64(b.high) << 32 | UInt64(b.low))
    return (UInt32(truncatingIfNeeded: sum), UInt32(truncatingIfNeeded: sum >> 32))
  }

  @inlinable public func highProduct(
    _ a: UInt32, _ b: UInt32, accumulator: UInt32, isSubtracted: Bool, rounding: UInt32
  ) -> UInt32 {
    let product = Int64(Int32(bitPattern: a)) &* Int64(Int32(bitPattern: b))
    let start = Int64(Int32(bitPattern: accumulator)) &<< 32
    let sum = (isSubtracted ? start &- product : start &+ product) &+ Int64(rounding)
    return UInt32(truncatingIfNeeded: sum &>> 32)
  }

  @inlinable public func quotient(_ a: UInt32, _ b: UInt32, isSigned: Bool) -> UInt32 {
    guard b != 0 else { return 0 }
    guard isSigned else { return a / b }
    let (quotient, _) = Int32(bitPattern: a).dividedReportingOverflow(by: Int32(bitPattern: b))
    return UInt32(bitPattern: quotient)
  }

  @inlinable public func saturated(_ a: UInt32, bits: Int, isSigned: Bool) -> UInt32 {
    let number = Int64(Int32(bitPattern: a))
    let low: Int64 = isSigned ? -1 << Int64(bits - 1) : 0
    let high: Int64 = isSigned ? ~low : 1 << Int64(bits) - 1
    return UInt32(truncatingIfNeeded: min(max(number, low), high))
  }

  @inlinable public func saturatingSum(_ a: UInt32, _ b: UInt32, isSubtracted: Bool) -> UInt32 {
    let (x, y) = (Int64(Int32(bitPattern: a)), Int64(Int32(bitPattern: b)))
    return UInt32(bitPattern: Int32(clamping: isSubtracted ? x - y : x + y))
  }

  @inlinable public func leadingZeros(_ a: UInt32) -> UInt32 { UInt32(a.leadingZeroBitCount) }

  @inlinable public func reversedBits(_ a: UInt32) -> UInt32 {
    (0..<32).reduce(0) { $0 | (a >> UInt32($1) & 1) << UInt32(31 - $1) }
  }

  @inlinable public func mask(of a: UInt32, atLeast bound: Int32) -> UInt32 { Int32(bitPattern: a) >= bound ? .max : 0 }

  @inlinable public func load(_ address: UInt32, bytes: Int, isSigned: Bool) throws(MachineFault) -> UInt32 {
    guard allowsUnaligned || Int(address) % bytes == 0 else { throw .unaligned(address: address, bytes: bytes) }
    let word = try memory.load(address, bytes: bytes)
    return bytes == 4 ? word : field(word, low: 0, width: 8 * bytes, isSigned: isSigned)
  }

  @inlinable public mutating func store(_ word: UInt32, _ address: UInt32, bytes: Int) throws(MachineFault) {
    guard allowsUnaligned || Int(address) % bytes == 0 else { throw .unaligned(address: address, bytes: bytes) }
    try memory.store(word, address, bytes: bytes)
  }

  @inlinable public func loadAligned(_ address: UInt32) throws(MachineFault) -> UInt32 {
    guard address & 3 == 0 else { throw .unaligned(address: address, bytes: 4) }
    return try memory.load(address, bytes: 4)
  }

  @inlinable public mutating func storeAligned(_ word: UInt32, _ address: UInt32) throws(MachineFault) {
    guard address & 3 == 0 else { throw .unaligned(address: address, bytes: 4) }
    try memory.store(word, address, bytes: 4)
  }

  @inlinable public func known(_ word: UInt32) -> UInt32 { word }
  @inlinable public func known(_ truth: Bool) -> Bool { truth }
  @inlinable public func isZero(_ word: UInt32) -> Bool { word == 0 }

  @inlinable public mutating func setFlags(_ result: UInt32) {
    isNegative = result >> 31 != 0
    isZero = result == 0
  }
  @inlinable public mutating func setFlags(_ result: UInt32, carry: Bool) {
    setFlags(result)
    self.carry = carry
  }
  /// AddWithCarry of the manual (A2.2.1).
  @inlinable public mutating func sumSettingFlags(_ a: UInt32, _ b: UInt32, carry bit: Bool) -> UInt32 {
    let result = a &+ b &+ (bit ? 1 : 0)
    setFlags(result, carry: UInt64(a) + UInt64(b) + (bit ? 1 : 0) > UInt64(UInt32.max))
    overflow = ((a ^ result) & (b ^ result)) >> 31 != 0
    return result
  }
  @inlinable public mutating func differenceSettingFlags(_ a: UInt32, _ b: UInt32, carry bit: Bool) -> UInt32 {
    sumSettingFlags(a, ~b, carry: bit)
  }

  @inlinable public func holds(_ condition: Condition) -> Bool {
    switch condition {
    case .equal: isZero
    case .notEqual: !isZero
    case .carrySet: carry
    case .carryClear: !carry
    case .negative: isNegative
    case .positive: !isNegative
    case .overflow: overflow
    case .noOverflow: !overflow
    case .higher: carry && !isZero
    case .lowerOrSame: !carry || isZero
    case .greaterOrEqual: isNegative == overflow
    case .less: isNegative != overflow
    case .greater: !isZero && isNegative == overflow
    case .lessOrEqual: isZero || isNegative != overflow
    case .always: true
    }
  }

  @inlinable public mutating func breakpoint(_ number: Int) { breakpoint = number }
}
