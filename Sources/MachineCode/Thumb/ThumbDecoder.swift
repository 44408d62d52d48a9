/// What decodes instructions of a core.
public struct ThumbDecoder: Hashable, Sendable {
  public enum Core: Int, Comparable, Sendable {
    /// Cortex-M0, M0+ and M1.
    case armv6M
    /// Cortex-M3; M4 and M7 have the DSP extension besides.
    case armv7M, armv7EM
    /// Cortex-M55: Armv8.1-M with its vector extension.
    case armv81M

    public static func < (a: Core, b: Core) -> Bool { a.rawValue < b.rawValue }
  }

  public let core: Core
  public init(_ core: Core) { self.core = core }

  static let sp = 13, lr = 14, pc = 15

  /// The instruction of two halfwords; the second is looked at where the first says that there is one. Nil for what is
  /// not known, or undefined.
  public func decode(_ first: UInt16, _ second: UInt16?) -> ThumbInstruction? {
    let first = Int(first)
    guard first >= 0xE800 else { return narrow(first).map { ThumbInstruction($0, bytes: 2) } }
    guard let second else { return nil }
    let later = core >= .armv81M ? extended(first, Int(second)) : nil
    return (later ?? wide(first, Int(second))).map { ThumbInstruction($0, bytes: 4) }
  }

  private typealias Operation = ThumbInstruction.Operation

  /// Of 16 bits (A5.2).
  private func narrow(_ code: Int) -> Operation? {
    let (low, middle, high, eight) = (code & 7, code >> 3 & 7, code >> 6 & 7, code & 0xFF)
    let flags = ThumbInstruction.FlagSetting.outsideConditions
    let five = code >> 6 & 31
    switch code >> 11 {
    case 0b00000, 0b00001, 0b00010:
      let kind: Shift.Kind = [.left, .right, .arithmeticRight][code >> 11]
      let amount = kind != .left && five == 0 ? 32 : five
      return .arithmetic(.move, d: low, n: 0, .register(middle, Shift(kind, amount)), flags)
    case 0b00011:
      let operand: ThumbInstruction.Operand =
        code & 0x400 != 0 ? .immediate(UInt32(high), carry: nil) : .register(high, .none)
      return .arithmetic(code & 0x200 != 0 ? .subtract : .add, d: low, n: middle, operand, flags)
    case 0b00100, 0b00101, 0b00110, 0b00111:
      let kind: ThumbInstruction.Arithmetic = [.move, .compare, .add, .subtract][code >> 11 & 3]
      let register = code >> 8 & 7
      return .arithmetic(
        kind, d: register, n: register, .immediate(UInt32(eight), carry: nil), kind == .compare ? .always : flags)
    case 0b01000 where code & 0x0400 == 0: return dataProcessing(code >> 6 & 15, low, middle)
    case 0b01000:
      let (d, m) = (code >> 4 & 8 | low, code >> 3 & 15)
      switch code >> 8 & 3 {
      case 0:
        guard !(d == Self.pc && m == Self.pc) else { return nil }
        return .arithmetic(.add, d: d, n: d, .register(m, .none), .never)
      case 1:
        guard d != Self.pc, m != Self.pc, d >= 8 || m >= 8 else { return nil }
        return .arithmetic(.compare, d: d, n: d, .register(m, .none), .always)
      case 2: return .arithmetic(.move, d: d, n: 0, .register(m, .none), .never)
      default:
        guard code & 7 == 0, m != Self.pc else { return nil }
        return .branchTo(m: m, isLinked: code & 0x80 != 0)
      }
    case 0b01001: return .loadLiteral(t: code >> 8 & 7, offset: 4 * eight, bytes: 4, isSigned: false)
    case 0b01010, 0b01011:
      let address = ThumbInstruction.Address(base: middle, offset: .register(high, 0))
      switch code >> 9 & 7 {
      case 0: return .store(t: low, address, bytes: 4)
      case 1: return .store(t: low, address, bytes: 2)
      case 2: return .store(t: low, address, bytes: 1)
      case 3: return .load(t: low, address, bytes: 1, isSigned: true)
      case 4: return .load(t: low, address, bytes: 4, isSigned: false)
      case 5: return .load(t: low, address, bytes: 2, isSigned: false)
      case 6: return .load(t: low, address, bytes: 1, isSigned: false)
      default: return .load(t: low, address, bytes: 2, isSigned: true)
      }
    case 0b01100...0b10001:
      let bytes = [4, 1, 2][(code >> 12) - 6]
      let address = ThumbInstruction.Address(base: middle, offset: .immediate(bytes * five))
      return code & 0x800 != 0
        ? .load(t: low, address, bytes: bytes, isSigned: false) : .store(t: low, address, bytes: bytes)
    case 0b10010, 0b10011:
      let address = ThumbInstruction.Address(base: Self.sp, offset: .immediate(4 * eight))
      let t = code >> 8 & 7
      return code & 0x800 != 0 ? .load(t: t, address, bytes: 4, isSigned: false) : .store(t: t, address, bytes: 4)
    case 0b10100: return .address(d: code >> 8 & 7, offset: 4 * eight)
    case 0b10101:
      return .arithmetic(.add, d: code >> 8 & 7, n: Self.sp, .immediate(UInt32(4 * eight), carry: nil), .never)
    case 0b10110, 0b10111: return miscellaneous(code)
    case 0b11000, 0b11001:
      let (base, registers) = (code >> 8 & 7, UInt16(eight))
      guard registers != 0 else { return nil }
      if code & 0x800 == 0 {
        // A base that is stored, but not first, is stored with an unknown value.
        guard registers >> UInt16(base) & 1 == 0 || registers.trailingZeroBitCount == base else { return nil }
        return .storeMultiple(base: base, registers: registers, isDown: false, isWrittenBack: true)
      }
      return .loadMultiple(
        base: base, registers: registers, isDown: false, isWrittenBack: registers >> UInt16(base) & 1 == 0)
    case 0b11010, 0b11011:
      guard let condition = Condition(rawValue: UInt8(code >> 8 & 15)), condition != .always else { return nil }
      return .branch(offset: 2 * signed(eight, bits: 8), condition)
    case 0b11100: return .branch(offset: 2 * signed(code & 0x7FF, bits: 11), .always)
    default: return nil
    }
  }

  /// A5.2.2.
  private func dataProcessing(_ kind: Int, _ low: Int, _ middle: Int) -> Operation {
    let flags = ThumbInstruction.FlagSetting.outsideConditions
    func plain(_ kind: ThumbInstruction.Arithmetic) -> Operation {
      .arithmetic(kind, d: low, n: low, .register(middle, .none), kind.hasResult ? flags : .always)
    }
    func shift(_ kind: Shift.Kind) -> Operation { .shift(kind, d: low, n: low, m: middle, flags) }
    switch kind {
    case 0: return plain(.and)
    case 1: return plain(.exclusiveOr)
    case 2: return shift(.left)
    case 3: return shift(.right)
    case 4: return shift(.arithmeticRight)
    case 5: return plain(.addWithCarry)
    case 6: return plain(.subtractWithCarry)
    case 7: return shift(.rotate)
    case 8: return plain(.test)
    case 9: return .arithmetic(.reverseSubtract, d: low, n: middle, .immediate(0, carry: nil), flags)
    case 10: return plain(.compare)
    case 11: return plain(.compareNegative)
    case 12: return plain(.or)
    case 13: return .multiply(d: low, n: middle, m: low, flags)
    case 14: return plain(.bitClear)
    default: return .arithmetic(.moveNot, d: low, n: 0, .register(middle, .none), flags)
    }
  }

  /// A5.2.5.
  private func miscellaneous(_ code: Int) -> Operation? {
    let (low, middle) = (code & 7, code >> 3 & 7)
    switch code >> 8 & 15 {
    case 0b0000:
      let operand = ThumbInstruction.Operand.immediate(UInt32(4 * (code & 0x7F)), carry: nil)
      return .arithmetic(code & 0x80 != 0 ? .subtract : .add, d: Self.sp, n: Self.sp, operand, .never)
    case 0b0001, 0b0011, 0b1001, 0b1011:
      guard core >= .armv7M else { return nil }
      return .compareAndBranch(
        n: low, offset: 2 * (code >> 4 & 0x20 | code >> 3 & 31), isNonzero: code & 0x800 != 0)
    case 0b0010:
      let kind = code >> 6 & 3
      return .extend(d: low, n: nil, m: middle, rotation: 0, width: kind & 1 == 0 ? 16 : 8, isSigned: kind < 2)
    case 0b0100, 0b0101:
      let registers = UInt16(code & 0xFF) | (code & 0x100 != 0 ? 1 << UInt16(Self.lr) : 0)
      guard registers != 0 else { return nil }
      return .storeMultiple(base: Self.sp, registers: registers, isDown: true, isWrittenBack: true)
    case 0b1100, 0b1101:
      let registers = UInt16(code & 0xFF) | (code & 0x100 != 0 ? 1 << UInt16(Self.pc) : 0)
      guard registers != 0 else { return nil }
      return .loadMultiple(base: Self.sp, registers: registers, isDown: false, isWrittenBack: true)
    case 0b1010:
      switch code >> 6 & 3 {
      case 0: return .reverseBytes(d: low, m: middle)
      case 1: return .reverseHalfBytes(d: low, m: middle)
      case 3: return .reverseSignedHalf(d: low, m: middle)
      default: return nil
      }
    case 0b1110: return .breakpoint(code & 0xFF)
    case 0b1111:
      if code & 15 != 0 {
        let (condition, mask) = (UInt8(code >> 4 & 15), UInt8(code & 15))
        guard core >= .armv7M, condition != 15, condition != 14 || mask.nonzeroBitCount == 1 else { return nil }
        return .ifThen(firstCondition: condition, mask: mask)
      }
      let hint = code >> 4 & 15
      // Those that wait are not known: what they wait for is not.
      guard hint < 2 else { return nil }
      return .nothing(["nop", "yield"][hint])
    default: return nil
    }
  }
}

/// The two's complement reading of the lowest `bits` of a number.
func signed(_ number: Int, bits: Int) -> Int {
  let shift = Int.bitWidth - bits
  return (number << shift) >> shift
}
