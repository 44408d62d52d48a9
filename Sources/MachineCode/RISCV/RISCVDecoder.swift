/// What decodes instructions of RV32IMAC.
public struct RISCVDecoder: Hashable, Sendable {
  public init() {}

  private typealias Operation = RISCVInstruction.Operation
  private static let ra = 1, sp = 2

  /// The instruction of two halfwords; the second is looked at where the first says that there is one. Nil for what is
  /// not known, or reserved.
  public func decode(_ first: UInt16, _ second: UInt16?) -> RISCVInstruction? {
    guard first & 3 == 3 else { return compressed(Int(first)).map { RISCVInstruction($0, bytes: 2) } }
    guard let second, first & 0x1C != 0x1C else { return nil }
    return full(Int(second) << 16 | Int(first)).map { RISCVInstruction($0, bytes: 4) }
  }

  /// Of 32 bits (chapters 2, 7 and 8; listings in chapter 24).
  private func full(_ word: Int) -> Operation? {
    let (d, kind, a, b, top) = (word >> 7 & 31, word >> 12 & 7, word >> 15 & 31, word >> 20 & 31, word >> 25)
    let immediate = signed(word >> 20, bits: 12)
    switch word & 0x7F {
    case 0x37: return .loadUpper(d: d, UInt32(word & ~0xFFF))
    case 0x17: return .address(d: d, offset: signed(word & ~0xFFF, bits: 32))
    case 0x6F:
      let offset =
        (word >> 31 & 1) << 20 | (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
      return .jump(d: d, offset: signed(offset, bits: 21))
    case 0x67: return kind == 0 ? .jumpTo(d: d, base: a, offset: immediate) : nil
    case 0x63:
      guard
        let condition = [0: Condition.equal, 1: .notEqual, 4: .less, 5: .greaterOrEqual, 6: .carryClear, 7: .carrySet][
          kind]
      else { return nil }
      let offset =
        (word >> 31 & 1) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 15) << 1
      return .branch(offset: signed(offset, bits: 13), condition, a: a, b: b)
    case 0x03:
      guard kind < 6, kind != 3 else { return nil }
      return .load(d: d, base: a, offset: immediate, bytes: 1 << (kind & 3), isSigned: kind < 2)
    case 0x23:
      guard kind < 3 else { return nil }
      return .store(source: b, base: a, offset: signed(top << 5 | d, bits: 12), bytes: 1 << kind)
    case 0x13:
      let shift: RISCVInstruction.Arithmetic
      switch (kind, top) {
      case (1, 0): shift = .left
      case (5, 0): shift = .right
      case (5, 0x20): shift = .arithmeticRight
      case (1, _), (5, _): return nil
      default:
        let kinds: [RISCVInstruction.Arithmetic] = [.add, .add, .less, .lessUnsigned, .exclusiveOr, .add, .or, .and]
        return .arithmetic(kinds[kind], d: d, a: a, .immediate(UInt32(truncatingIfNeeded: immediate)))
      }
      return .arithmetic(shift, d: d, a: a, .immediate(UInt32(b)))
    case 0x33:
      let operation: RISCVInstruction.Arithmetic
      switch (top, kind) {
      case (0, _): operation = [.add, .left, .less, .lessUnsigned, .exclusiveOr, .right, .or, .and][kind]
      case (0x20, 0): operation = .subtract
      case (0x20, 5): operation = .arithmeticRight
      case (1, _):
        operation =
          [
            .multiply, .multiplyHigh, .multiplyHighMixed, .multiplyHighUnsigned, .divide, .divideUnsigned, .remainder,
            .remainderUnsigned,
          ][kind]
      default: return nil
      }
      return .arithmetic(operation, d: d, a: a, .register(b))
    case 0x0F: return kind == 0 ? .nothing("fence") : nil
    case 0x2F:
      let kinds: [Int: RISCVInstruction.Atomic] = [
        0: .add, 1: .exchange, 4: .exclusiveOr, 8: .or, 12: .and, 16: .least, 20: .greatest, 24: .leastUnsigned,
        28: .greatestUnsigned,
      ]
      guard kind == 2, let operation = kinds[top >> 2] else { return nil }
      return .atomic(operation, d: d, base: a, source: b)
    case 0x73: return word == 0x0010_0073 ? .breakpoint : nil
    default: return nil
    }
  }

  /// Of 16 bits (chapter 16): short forms of some of the others. Those for numbers with fractions are not known.
  private func compressed(_ half: Int) -> Operation? {
    let (d, b) = (half >> 7 & 31, half >> 2 & 31)
    // Registers of three bits are 8 … 15.
    let (high, low) = (8 + (half >> 7 & 7), 8 + (half >> 2 & 7))
    func bit(_ from: Int, _ to: Int) -> Int { (half >> from & 1) << to }
    func bits(_ from: Int, _ width: Int, _ to: Int) -> Int { (half >> from & (1 << width - 1)) << to }
    func add(_ d: Int, _ a: Int, _ number: Int) -> Operation {
      .arithmetic(.add, d: d, a: a, .immediate(UInt32(truncatingIfNeeded: number)))
    }
    let immediate = signed(bit(12, 5) | b, bits: 6)
    let wordOffset = bits(10, 3, 3) | bit(6, 2) | bit(5, 6)
    let jumpOffset = signed(
      bit(12, 11) | bit(8, 10) | bits(9, 2, 8) | bit(6, 7) | bit(7, 6) | bit(2, 5) | bit(11, 4) | bits(3, 3, 1),
      bits: 12)
    switch (half & 3, half >> 13) {
    case (0, 0):
      let offset = bits(11, 2, 4) | bits(7, 4, 6) | bit(6, 2) | bit(5, 3)
      return offset == 0 ? nil : add(low, Self.sp, offset)
    case (0, 2): return .load(d: low, base: high, offset: wordOffset, bytes: 4, isSigned: false)
    case (0, 6): return .store(source: low, base: high, offset: wordOffset, bytes: 4)
    case (1, 0): return add(d, d, immediate)
    case (1, 1): return .jump(d: Self.ra, offset: jumpOffset)
    case (1, 2): return add(d, 0, immediate)
    case (1, 3) where d == Self.sp:
      let offset = bit(12, 9) | bit(6, 4) | bit(5, 6) | bits(3, 2, 7) | bit(2, 5)
      return offset == 0 ? nil : add(Self.sp, Self.sp, signed(offset, bits: 10))
    case (1, 3): return immediate == 0 ? nil : .loadUpper(d: d, UInt32(truncatingIfNeeded: immediate << 12))
    case (1, 4): return short(half, high, low, immediate)
    case (1, 5): return .jump(d: 0, offset: jumpOffset)
    case (1, 6), (1, 7):
      let offset = bit(12, 8) | bits(10, 2, 3) | bits(5, 2, 6) | bits(3, 2, 1) | bit(2, 5)
      return .branch(offset: signed(offset, bits: 9), half >> 13 == 6 ? .equal : .notEqual, a: high, b: 0)
    case (2, 0): return half & 0x1000 != 0 ? nil : .arithmetic(.left, d: d, a: d, .immediate(UInt32(b)))
    case (2, 2):
      let offset = bit(12, 5) | bits(4, 3, 2) | bits(2, 2, 6)
      return d == 0 ? nil : .load(d: d, base: Self.sp, offset: offset, bytes: 4, isSigned: false)
    case (2, 4):
      switch (half & 0x1000 != 0, d, b) {
      case (false, 0, 0): return nil
      case (true, 0, 0): return .breakpoint
      case (let isLinked, _, 0): return .jumpTo(d: isLinked ? Self.ra : 0, base: d, offset: 0)
      case (let isSum, _, _): return .arithmetic(.add, d: d, a: isSum ? d : 0, .register(b))
      }
    case (2, 6):
      return .store(source: b, base: Self.sp, offset: bits(9, 4, 2) | bits(7, 2, 6), bytes: 4)
    default: return nil
    }
  }

  /// Operations of a register of eight with a constant or another such.
  private func short(_ half: Int, _ d: Int, _ b: Int, _ immediate: Int) -> Operation? {
    let isHigh = half & 0x1000 != 0
    switch half >> 10 & 3 {
    case 0, 1:
      let kind: RISCVInstruction.Arithmetic = half & 0x400 == 0 ? .right : .arithmeticRight
      return isHigh ? nil : .arithmetic(kind, d: d, a: d, .immediate(UInt32(half >> 2 & 31)))
    case 2: return .arithmetic(.and, d: d, a: d, .immediate(UInt32(truncatingIfNeeded: immediate)))
    default:
      let kinds: [RISCVInstruction.Arithmetic] = [.subtract, .exclusiveOr, .or, .and]
      return isHigh ? nil : .arithmetic(kinds[half >> 5 & 3], d: d, a: d, .register(b))
    }
  }
}
