/// An instruction of Armv6-M to Armv8.1-M, as the Armv7-M Architecture Reference Manual (DDI 0403, chapters A5 and A7)
/// encodes it: what is needed to bound the stack and to estimate cycles.
struct ThumbInstruction {
  let first: Int
  /// The second halfword of those that have one.
  let second: Int?

  init(_ first: Int, _ second: Int?) {
    self.first = first
    self.second = second
  }

  static func isWide(_ first: Int) -> Bool { first >= 0xE800 }

  /// What the timing tables of the cores tell apart.
  enum Kind: Equatable {
    /// Data processing in registers.
    case simple
    case multiply, multiplyAccumulate, multiplyLong, multiplyLongAccumulate, divide
    /// One word, halfword or byte; the registers are those that its address is made of.
    case load(to: Int, from: Set<Int>)
    case store(from: Set<Int>)
    case storeRegisterOffset(from: Set<Int>)
    case loadDouble, storeDouble
    /// LDM, STM, PUSH and POP of so many registers; a return where the program counter is among those loaded.
    case multiple(Int, isReturn: Bool)
    case branch, call, tableBranch
    /// Special registers and barriers.
    case system
    /// The floating-point and the vector unit.
    case coprocessor
  }

  private static let sp = 13, lr = 14, pc = 15

  var kind: Kind { second.map { wideKind($0) } ?? narrowKind }

  private var narrowKind: Kind {
    let (low, middle, high) = (first & 7, first >> 3 & 7, first >> 6 & 7)
    switch first >> 11 {
    case 0b01000:
      if first & 0xFFC0 == 0x4340 { return .multiply }
      if first & 0xFF00 == 0x4700 { return .branch }
      // ADD and MOV to the program counter.
      let isHigh = first & 0xFC00 == 0x4400 && first & 0x0300 != 0x0100
      return isHigh && first & 0x87 == 0x87 ? .branch : .simple
    case 0b01001: return .load(to: first >> 8 & 7, from: [Self.pc])
    case 0b01010, 0b01011:
      // STR, STRH and STRB are the first three of eight.
      return first >> 9 & 7 < 3 ? .storeRegisterOffset(from: [middle, high]) : .load(to: low, from: [middle, high])
    case 0b01100, 0b01110, 0b10000: return .store(from: [middle])
    case 0b01101, 0b01111, 0b10001: return .load(to: low, from: [middle])
    case 0b10010: return .store(from: [Self.sp])
    case 0b10011: return .load(to: first >> 8 & 7, from: [Self.sp])
    case 0b10110, 0b10111:
      if first & 0xF500 == 0xB100 { return .branch }
      if first & 0xF600 == 0xB400 {
        let count = (first & 0x1FF).nonzeroBitCount
        return .multiple(count, isReturn: first & 0x0900 == 0x0900)
      }
      return .simple
    case 0b11000, 0b11001: return .multiple((first & 0xFF).nonzeroBitCount, isReturn: false)
    case 0b11010, 0b11011, 0b11100: return first & 0xFE00 == 0xDE00 ? .system : .branch
    default: return .simple
    }
  }

  private func wideKind(_ second: Int) -> Kind {
    let (base, target) = (first & 15, second >> 12)
    if first & 0xEC00 == 0xEC00 { return .coprocessor }
    if first & 0xFE00 == 0xE800 {
      let isLoad = first & 0x10 != 0
      guard first & 0x40 != 0 else {
        return .multiple(second.nonzeroBitCount, isReturn: isLoad && second & 0x8000 != 0)
      }
      if first & 0x120 != 0 { return isLoad ? .loadDouble : .storeDouble }
      if first & 0xFFF0 == 0xE8D0 && second & 0xE0 == 0 { return .tableBranch }
      // Exclusive loads and stores, and those that order memory.
      return isLoad ? .load(to: target, from: [base]) : .store(from: [base])
    }
    if first & 0xF800 == 0xF000 && second & 0x8000 != 0 {
      switch second & 0x5000 {
      case 0x5000: return .call
      case 0x1000, 0x4000: return .branch
      default: return first & 0x0380 == 0x0380 ? .system : .branch
      }
    }
    if first & 0xFE00 == 0xF800 {
      let hasRegister = first & 0x80 == 0 && second & 0xFC0 == 0 && base != Self.pc
      let registers: Set = hasRegister ? [base, second & 15] : [base]
      guard first & 0x10 != 0 else {
        return hasRegister ? .storeRegisterOffset(from: registers) : .store(from: registers)
      }
      // Hints about memory are loads of bytes and halfwords to the program counter.
      return target == Self.pc && first & 0x60 != 0x40 ? .simple : .load(to: target, from: registers)
    }
    if first & 0xFF80 == 0xFB00 { return second & 0xF000 == 0xF000 ? .multiply : .multiplyAccumulate }
    if first & 0xFF80 == 0xFB80 {
      switch first >> 4 & 7 {
      case 0, 2: return .multiplyLong
      case 1, 3: return .divide
      default: return .multiplyLongAccumulate
      }
    }
    return .simple
  }

  /// What it does to the course of the program and to the stack.
  func instruction(at address: Int) -> Instruction {
    var result = Instruction(bytes: second == nil ? 2 : 4)
    if let second { describeWide(second, address, &result) } else { describeNarrow(address, &result) }
    return result
  }

  private func describeNarrow(_ address: Int, _ result: inout Instruction) {
    switch first >> 8 {
    case 0x44, 0x46:
      switch first >> 4 & 8 | first & 7 {
      case Self.sp: result.stack = .unknown
      case Self.pc: result.flow = first == 0x46F7 ? .leave : .unknownJump
      default: break
      }
    case 0x47:
      let register = first >> 3 & 15
      result.flow = first & 0x80 != 0 ? .unknownCall : register == Self.lr ? .leave : .unknownJump
    case 0xB0: result.stack = .lowered((first & 0x80 != 0 ? 4 : -4) * (first & 0x7F))
    case 0xB4, 0xB5: result.stack = .lowered(4 * (first & 0x1FF).nonzeroBitCount)
    case 0xBC, 0xBD:
      result.stack = .lowered(-4 * (first & 0x1FF).nonzeroBitCount)
      if first & 0x100 != 0 { result.flow = .leave }
    // IT, whose mask ends with the lowest bit that is set.
    case 0xBF where first & 15 != 0: result.conditions = 4 - (first & 15).trailingZeroBitCount
    case 0xB1, 0xB3, 0xB9, 0xBB: result.flow = .branch(address + 4 + (first >> 3 & 0x40 | first >> 2 & 0x3E))
    case 0xD0...0xDD: result.flow = .branch(address + 4 + 2 * signed(first, bits: 8))
    case 0xE0...0xE7: result.flow = .jump(address + 4 + 2 * signed(first, bits: 11))
    default: break
    }
  }

  private func describeWide(_ second: Int, _ address: Int, _ result: inout Instruction) {
    let (base, target) = (first & 15, second >> 12)
    if first & 0xFE40 == 0xE800 {
      let bytes = 4 * second.nonzeroBitCount
      let (isLoad, isWrittenBack) = (first & 0x10 != 0, first & 0x20 != 0)
      if base == Self.sp && isWrittenBack { result.stack = .lowered(isLoad ? -bytes : bytes) }
      if isLoad && second & 0x8000 != 0 { result.flow = base == Self.sp ? .leave : .unknownJump }
    } else if first & 0xFE40 == 0xE840 {
      if kind == .tableBranch { result.flow = .unknownJump }
      // LDRD and STRD with write-back.
      if first & 0x2F == 0x2D {
        result.stack = .lowered((first & 0x80 != 0 ? -4 : 4) * (second & 0xFF))
      }
    } else if first & 0xFE2F == 0xEC2D {
      // VPUSH and VPOP, in words; what else writes the stack pointer back is of the vector extension.
      let isFloatingPoint = second & 0x0E00 == 0x0A00
      result.stack = isFloatingPoint ? .lowered((first & 0x80 != 0 ? -4 : 4) * (second & 0xFF)) : .unknown
    } else if first & 0xF800 == 0xF000 && second & 0x8000 != 0 {
      describeWideBranch(second, address, &result)
    } else if first & 0xFBFF == 0xF1AD && second & 0x0F00 == 0x0D00 {
      result.stack = .lowered(Self.expanded(first, second))
    } else if first & 0xFBFF == 0xF10D && second & 0x0F00 == 0x0D00 {
      result.stack = .lowered(-Self.expanded(first, second))
    } else if first & 0xFBFF == 0xF2AD && second & 0x0F00 == 0x0D00 {
      result.stack = .lowered(first << 1 & 0x800 | second >> 4 & 0x700 | second & 0xFF)
    } else if first & 0xFBFF == 0xF20D && second & 0x0F00 == 0x0D00 {
      result.stack = .lowered(-(first << 1 & 0x800 | second >> 4 & 0x700 | second & 0xFF))
    } else if first & 0xF800 == 0xF000 || first & 0xFE00 == 0xEA00 {
      // Comparisons name the program counter.
      if second >> 8 & 15 == Self.sp { result.stack = .unknown }
    } else if first & 0xFE00 == 0xF800 {
      let isSingle = first & 0x80 == 0 && second & 0x900 == 0x900
      if base == Self.sp && isSingle {
        result.stack = .lowered((second & 0x200 != 0 ? -1 : 1) * (second & 0xFF))
      }
      if first & 0x70 == 0x50 && target == Self.pc { result.flow = base == Self.sp ? .leave : .unknownJump }
    }
  }

  private func describeWideBranch(_ second: Int, _ address: Int, _ result: inout Instruction) {
    let sign = first >> 10 & 1
    if second & 0x5000 == 0 {
      guard first & 0x0380 != 0x0380 else { return }
      let offset = sign << 20 | (second >> 11 & 1) << 19 | (second >> 13 & 1) << 18 | (first & 0x3F) << 12 | (second & 0x7FF) << 1
      result.flow = .branch(address + 4 + signed(offset, bits: 21))
    } else if second & 0x5000 != 0x4000 {
      let (i1, i2) = (~(second >> 13 ^ sign) & 1, ~(second >> 11 ^ sign) & 1)
      let offset = sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
      let target = address + 4 + signed(offset, bits: 25)
      result.flow = second & 0x4000 != 0 ? .call(target) : .jump(target)
    }
    // What is left are the loops of Armv8.1-M. Their bodies keep the stack pointer where it is, or the compiler and the
    // assembler would have to know the number of rounds.
  }

  /// A constant as Thumb packs it into 12 bits (ThumbExpandImm).
  private static func expanded(_ first: Int, _ second: Int) -> Int {
    let (byte, control) = (second & 0xFF, first >> 7 & 8 | second >> 12 & 7)
    switch control {
    case 0: return byte
    case 1: return byte << 16 | byte
    case 2: return byte << 24 | byte << 8
    case 3: return byte << 24 | byte << 16 | byte << 8 | byte
    default:
      let rotation = control << 1 | byte >> 7
      let value = UInt32(0x80 | byte & 0x7F)
      return Int(value >> UInt32(rotation) | value << UInt32(32 - rotation))
    }
  }
}
