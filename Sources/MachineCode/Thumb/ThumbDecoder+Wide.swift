extension ThumbDecoder {
  private typealias Operation = ThumbInstruction.Operation

  /// Of 32 bits (A5.3). Registers for which the architecture promises nothing are refused.
  func wide(_ first: Int, _ second: Int) -> ThumbInstruction.Operation? {
    let (op1, op2) = (first >> 11 & 3, first >> 4 & 0x7F)
    if op1 == 0b10, second & 0x8000 != 0 { return branches(first, second) }
    guard core >= .armv7M else { return nil }
    switch op1 {
    case 0b01:
      if op2 & 0x64 == 0 { return multiple(first, second) }
      if op2 & 0x64 == 4 { return pairs(first, second) }
      return op2 & 0x60 == 0x20 ? shiftedRegister(first, second) : nil
    case 0b10: return op2 & 0x20 == 0 ? modifiedImmediate(first, second) : plainImmediate(first, second)
    default:
      if op2 & 0x71 == 0 { return storeSingle(first, second) }
      if op2 & 0x61 == 1 { return loadSingle(first, second) }
      if op2 & 0x70 == 0x20 { return registers(first, second) }
      if op2 & 0x78 == 0x30 { return multiplies(first, second) }
      return op2 & 0x78 == 0x38 ? longMultiplies(first, second) : nil
    }
  }

  /// A register that is neither the stack pointer nor the program counter.
  private func isPlain(_ registers: Int...) -> Bool { registers.allSatisfy { $0 != Self.sp && $0 != Self.pc } }

  /// A5.3.4.
  private func branches(_ first: Int, _ second: Int) -> Operation? {
    let sign = first >> 10 & 1
    if second & 0x1000 == 0, second & 0x4000 == 0 {
      let condition = first >> 6 & 15
      if condition < 14 {
        guard core >= .armv7M, let condition = Condition(rawValue: UInt8(condition)) else { return nil }
        let offset =
          sign << 20 | (second >> 11 & 1) << 19 | (second >> 13 & 1) << 18 | (first & 0x3F) << 12 | (second & 0x7FF) << 1
        return .branch(offset: signed(offset, bits: 21), condition)
      }
      // Barriers.
      if first == 0xF3BF, second & 0xFF00 == 0x8F00, let name = [4: "dsb", 5: "dmb", 6: "isb"][second >> 4 & 15] {
        return .nothing(name)
      }
      if core >= .armv7M, first == 0xF3AF, second == 0x8000 { return .nothing("nop.w") }
      return nil
    }
    let j1 = ~(second >> 13 ^ sign) & 1
    let j2 = ~(second >> 11 ^ sign) & 1
    let offset = signed(
      sign << 24 | j1 << 23 | j2 << 22 | (first & 0x3FF) << 12 | (second & 0x7FF) << 1, bits: 25)
    switch (second & 0x4000 != 0, second & 0x1000 != 0) {
    case (false, true): return core >= .armv7M ? .branch(offset: offset, .always) : nil
    case (true, true): return .branchWithLink(offset: offset)
    default: return nil
    }
  }

  /// A5.3.5.
  private func multiple(_ first: Int, _ second: Int) -> Operation? {
    let (kind, isLoad) = (first >> 7 & 3, first & 0x10 != 0)
    let (base, registers, isWrittenBack) = (first & 15, UInt16(second), first & 0x20 != 0)
    guard kind == 1 || kind == 2, registers & (1 << UInt16(Self.sp)) == 0, base != Self.pc,
      registers.nonzeroBitCount >= 2, !isWrittenBack || registers >> UInt16(base) & 1 == 0
    else { return nil }
    if isLoad {
      guard registers >> 14 != 3 else { return nil }
      return .loadMultiple(base: base, registers: registers, isDown: kind == 2, isWrittenBack: isWrittenBack)
    }
    guard registers >> 15 == 0 else { return nil }
    return .storeMultiple(base: base, registers: registers, isDown: kind == 2, isWrittenBack: isWrittenBack)
  }

  /// A5.3.6: pairs of words, and table branches; exclusive accesses are not known.
  private func pairs(_ first: Int, _ second: Int) -> Operation? {
    let base = first & 15
    let (isBefore, isUp, isWrittenBack, isLoad) = (
      first & 0x100 != 0, first & 0x80 != 0, first & 0x20 != 0, first & 0x10 != 0
    )
    guard isBefore || isWrittenBack else {
      guard first & 0xFFF0 == 0xE8D0, second & 0xFFE0 == 0xF000 else { return nil }
      let m = second & 15
      guard base != Self.sp, isPlain(m) else { return nil }
      return .tableBranch(n: base, m: m, isHalf: second & 0x10 != 0)
    }
    let (t, t2) = (second >> 12, second >> 8 & 15)
    let offset = 4 * (second & 0xFF) * (isUp ? 1 : -1)
    guard isPlain(t, t2), !isLoad || t != t2 else { return nil }
    if base == Self.pc {
      guard isLoad, !isWrittenBack else { return nil }
      return .loadPairLiteral(t: t, t2: t2, offset: offset)
    }
    guard !isWrittenBack || (base != t && base != t2) else { return nil }
    let address = ThumbInstruction.Address(
      base: base, offset: .immediate(offset), isBefore: isBefore, isWrittenBack: isWrittenBack)
    return isLoad ? .loadPair(t: t, t2: t2, address) : .storePair(t: t, t2: t2, address)
  }

  /// The shift that two bits and five say (A7.4.2).
  private func shift(_ kind: Int, _ amount: Int) -> Shift {
    switch (kind, amount) {
    case (0, _): Shift(.left, amount)
    case (1, 0): Shift(.right, 32)
    case (1, _): Shift(.right, amount)
    case (2, 0): Shift(.arithmeticRight, 32)
    case (2, _): Shift(.arithmeticRight, amount)
    case (_, 0): Shift(.rotateWithCarry, 1)
    default: Shift(.rotate, amount)
    }
  }

  /// What four bits say, for d and n that may say otherwise (A5.3.1, A5.3.11).
  private func arithmetic(_ kind: Int, d: Int, n: Int, _ operand: ThumbInstruction.Operand, setsFlags: Bool) -> Operation? {
    let flags: ThumbInstruction.FlagSetting = setsFlags ? .always : .never
    func with(_ kind: ThumbInstruction.Arithmetic, _ n: Int, allowsStack: Bool = false) -> Operation? {
      if allowsStack {
        guard n != Self.pc, d != Self.pc, d != Self.sp || n == Self.sp else { return nil }
      } else {
        guard isPlain(d), kind.isMove || isPlain(n) else { return nil }
      }
      return .arithmetic(kind, d: d, n: n, operand, flags)
    }
    func comparison(_ kind: ThumbInstruction.Arithmetic, allowsStack: Bool = false) -> Operation? {
      guard n != Self.pc, allowsStack || n != Self.sp else { return nil }
      return .arithmetic(kind, d: n, n: n, operand, .always)
    }
    let isComparison = d == Self.pc && setsFlags
    switch kind {
    case 0: return isComparison ? comparison(.test) : with(.and, n)
    case 1: return with(.bitClear, n)
    case 2: return n == Self.pc ? with(.move, 0) : with(.or, n)
    case 3: return n == Self.pc ? with(.moveNot, 0) : with(.orNot, n)
    case 4: return isComparison ? comparison(.testEqual) : with(.exclusiveOr, n)
    case 8: return isComparison ? comparison(.compareNegative, allowsStack: true) : with(.add, n, allowsStack: true)
    case 10: return with(.addWithCarry, n)
    case 11: return with(.subtractWithCarry, n)
    case 13: return isComparison ? comparison(.compare, allowsStack: true) : with(.subtract, n, allowsStack: true)
    case 14: return with(.reverseSubtract, n)
    default: return nil
    }
  }

  /// A5.3.11.
  private func shiftedRegister(_ first: Int, _ second: Int) -> Operation? {
    let (n, d, m) = (first & 15, second >> 8 & 15, second & 15)
    let shift = shift(second >> 4 & 3, second >> 10 & 0x1C | second >> 6 & 3)
    guard second & 0x8000 == 0 else { return nil }
    let (kind, setsFlags) = (first >> 5 & 15, first & 0x10 != 0)
    if kind == 6 {
      guard core >= .armv7EM, !setsFlags, second & 0x10 == 0, isPlain(d, n, m) else { return nil }
      return .pack(d: d, n: n, m: m, shift, isTop: second & 0x20 != 0)
    }
    // MOV without a shift takes the stack pointer, too.
    if kind == 2, n == Self.pc, shift == .none, !setsFlags {
      guard d != Self.pc, m != Self.pc, d != Self.sp || m != Self.sp else { return nil }
      return .arithmetic(.move, d: d, n: 0, .register(m, shift), .never)
    }
    guard isPlain(m) else { return nil }
    if d == Self.sp, shift.kind != .left || shift.amount > 3 { return nil }
    return arithmetic(kind, d: d, n: n, .register(m, shift), setsFlags: setsFlags)
  }

  /// A5.3.1, with the constants of A5.3.2.
  private func modifiedImmediate(_ first: Int, _ second: Int) -> Operation? {
    let (n, d) = (first & 15, second >> 8 & 15)
    let code = first >> 10 & 1
    let coded = code << 11 | (second >> 12 & 7) << 8 | second & 0xFF
    let byte = UInt32(coded & 0xFF)
    let value: UInt32
    var carry: Bool?
    switch coded >> 8 {
    case 0: value = byte
    case 1, 2, 3:
      guard byte != 0 else { return nil }
      value = [0x0001_0001, 0x0100_0100, 0x0101_0101][coded >> 8 - 1] * byte
    default:
      let unrotated = UInt32(0x80 | coded & 0x7F)
      let places = UInt32(coded >> 7)
      value = unrotated >> places | unrotated << (32 - places)
      carry = value >> 31 != 0
    }
    return arithmetic(
      first >> 5 & 15, d: d, n: n, .immediate(value, carry: carry), setsFlags: first & 0x10 != 0)
  }

  /// A5.3.3.
  private func plainImmediate(_ first: Int, _ second: Int) -> Operation? {
    let (n, d) = (first & 15, second >> 8 & 15)
    let twelve = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
    let low = second >> 10 & 0x1C | second >> 6 & 3
    let last = second & 31
    let kind = first >> 4 & 31
    switch kind {
    case 0b00000, 0b01010:
      let isSubtracted = kind != 0
      guard d != Self.pc else { return nil }
      if n == Self.pc {
        guard isPlain(d) else { return nil }
        return .address(d: d, offset: isSubtracted ? -twelve : twelve)
      }
      guard d != Self.sp || n == Self.sp else { return nil }
      return .arithmetic(
        isSubtracted ? .subtract : .add, d: d, n: n, .immediate(UInt32(twelve), carry: nil), .never)
    case 0b00100, 0b01100:
      guard isPlain(d) else { return nil }
      let sixteen = n << 12 | twelve
      return kind == 0b00100
        ? .arithmetic(.move, d: d, n: 0, .immediate(UInt32(sixteen), carry: nil), .never) : .moveTop(d: d, sixteen)
    case 0b10000, 0b10010, 0b11000, 0b11010:
      guard isPlain(d, n), second & 0x20 == 0, first & 0x400 == 0 else { return nil }
      let isSigned = kind < 0b11000
      if kind & 2 != 0, low == 0 {
        guard core >= .armv7EM, last & 16 == 0 else { return nil }
        return .saturatePair(d: d, n: n, bits: (last & 15) + (isSigned ? 1 : 0), isSigned: isSigned)
      }
      return .saturate(
        d: d, n: n, shift(kind & 2, low), bits: last + (isSigned ? 1 : 0), isSigned: isSigned)
    case 0b10100, 0b11100:
      guard isPlain(d, n), second & 0x20 == 0, first & 0x400 == 0, low + last < 32 else { return nil }
      return .extract(d: d, n: n, low: low, width: last + 1, isSigned: kind == 0b10100)
    case 0b10110:
      guard isPlain(d), n != Self.sp, second & 0x20 == 0, first & 0x400 == 0, last >= low else { return nil }
      return .insert(d: d, n: n == Self.pc ? nil : n, low: low, width: last - low + 1)
    default: return nil
    }
  }

  /// How single loads and stores address memory (A5.3.7 to A5.3.10); nil where they do so in no known way.
  private func address(_ first: Int, _ second: Int) -> ThumbInstruction.Address? {
    let base = first & 15
    if first & 0x80 != 0 {
      return ThumbInstruction.Address(base: base, offset: .immediate(second & 0xFFF))
    }
    if second & 0x800 != 0 {
      let (isBefore, isUp, isWrittenBack) = (second & 0x400 != 0, second & 0x200 != 0, second & 0x100 != 0)
      // Unprivileged accesses are not known.
      guard isBefore || isWrittenBack, !(isBefore && isUp && !isWrittenBack) else { return nil }
      return ThumbInstruction.Address(
        base: base, offset: .immediate(isUp ? second & 0xFF : -(second & 0xFF)), isBefore: isBefore,
        isWrittenBack: isWrittenBack)
    }
    guard second & 0xFC0 == 0, isPlain(second & 15) else { return nil }
    return ThumbInstruction.Address(base: base, offset: .register(second & 15, second >> 4 & 3))
  }

  private func storeSingle(_ first: Int, _ second: Int) -> Operation? {
    let size = first >> 5 & 3
    let t = second >> 12
    guard size < 3, first & 15 != Self.pc, t != Self.pc, size == 2 || t != Self.sp,
      let address = address(first, second), !address.isWrittenBack || address.base != t
    else { return nil }
    return .store(t: t, address, bytes: 1 << size)
  }

  private func loadSingle(_ first: Int, _ second: Int) -> Operation? {
    let (size, isSigned) = (first >> 5 & 3, first & 0x100 != 0)
    let t = second >> 12
    guard size < 3, !(isSigned && size == 2) else { return nil }
    // Of bytes and halves these are hints to the memory; the stack pointer takes no such.
    guard size == 2 || isPlain(t) else { return nil }
    if first & 15 == Self.pc {
      let offset = second & 0xFFF
      return .loadLiteral(t: t, offset: first & 0x80 != 0 ? offset : -offset, bytes: 1 << size, isSigned: isSigned)
    }
    guard let address = address(first, second), !address.isWrittenBack || address.base != t else { return nil }
    return .load(t: t, address, bytes: 1 << size, isSigned: isSigned)
  }

  /// A5.3.12 to A5.3.15.
  private func registers(_ first: Int, _ second: Int) -> Operation? {
    let (n, d, m) = (first & 15, second >> 8 & 15, second & 15)
    guard second >> 12 == 15, isPlain(d, m) else { return nil }
    let op = second >> 4 & 15
    switch first >> 4 & 15 {
    case let kind where kind < 8 && op == 0:
      guard isPlain(n) else { return nil }
      let flags: ThumbInstruction.FlagSetting = kind & 1 != 0 ? .always : .never
      return .shift([.left, .right, .arithmeticRight, .rotate][kind >> 1], d: d, n: n, m: m, flags)
    case let kind where kind < 6 && op & 8 != 0:
      guard n != Self.sp, op & 4 == 0 else { return nil }
      let (added, rotation) = (n == Self.pc ? nil : n, 8 * (op & 3))
      let isPair = kind & 6 == 2
      guard core >= .armv7EM || added == nil && !isPair else { return nil }
      return isPair
        ? .extendPair(d: d, n: added, m: m, rotation: rotation, isSigned: kind & 1 == 0)
        : .extend(d: d, n: added, m: m, rotation: rotation, width: kind < 2 ? 16 : 8, isSigned: kind & 1 == 0)
    case let kind where kind >= 8 && op < 8:
      guard core >= .armv7EM, isPlain(n), op & 3 != 3,
        let operation: ThumbInstruction.LaneOperation =
          [0: .add8, 1: .add16, 2: .crossedAddSubtract, 4: .subtract8, 5: .subtract16, 6: .crossedSubtractAdd][kind & 7]
      else { return nil }
      let lanes: ThumbInstruction.Lanes =
        op & 4 == 0
        ? [.signed, .saturatingSigned, .halvingSigned][op & 3] : [.unsigned, .saturatingUnsigned, .halvingUnsigned][op & 3]
      return .lanes(lanes, operation, d: d, n: n, m: m)
    case 8 where op >= 8 && op < 12:
      guard core >= .armv7EM, isPlain(n) else { return nil }
      return .saturatingSum(d: d, n: n, m: m, isDoubled: op & 1 != 0, isSubtracted: op & 2 != 0)
    case 9 where op >= 8 && op < 12:
      guard n == m else { return nil }
      switch op & 3 {
      case 0: return .reverseBytes(d: d, m: m)
      case 1: return .reverseHalfBytes(d: d, m: m)
      case 2: return .reverseBits(d: d, m: m)
      default: return .reverseSignedHalf(d: d, m: m)
      }
    case 10 where op == 8:
      guard core >= .armv7EM, isPlain(n) else { return nil }
      return .select(d: d, n: n, m: m)
    case 11 where op == 8: return n == m ? .leadingZeros(d: d, m: m) : nil
    default: return nil
    }
  }

  /// A5.3.16.
  private func multiplies(_ first: Int, _ second: Int) -> Operation? {
    let (n, a, d, m) = (first & 15, second >> 12, second >> 8 & 15, second & 15)
    let op = second >> 4 & 3
    guard second & 0xC0 == 0, isPlain(n, d, m), a != Self.sp else { return nil }
    let added = a == Self.pc ? nil : a
    let kind = first >> 4 & 7
    func half(_ bit: Int) -> ThumbInstruction.Half { bit != 0 ? .top : .bottom }
    if kind == 0 {
      switch (op, added) {
      case (0, nil): return .multiply(d: d, n: n, m: m, .never)
      case (0, let a?): return .multiplyAdd(d: d, n: n, m: m, a: a, isSubtracted: false)
      case (1, let a?): return .multiplyAdd(d: d, n: n, m: m, a: a, isSubtracted: true)
      default: return nil
      }
    }
    guard core >= .armv7EM else { return nil }
    switch kind {
    case 1: return .multiplyHalves(d: d, n: n, m: m, a: added, half(op & 2), half(op & 1))
    case 2, 4:
      guard op < 2 else { return nil }
      return .multiplyDual(d: d, n: n, m: m, a: added, isCrossed: op == 1, isSubtracted: kind == 4)
    case 3: return op < 2 ? .multiplyWordHalf(d: d, n: n, m: m, a: added, half(op)) : nil
    case 5, 6:
      guard op < 2, kind == 5 || added != nil else { return nil }
      return .multiplyHigh(d: d, n: n, m: m, a: added, isSubtracted: kind == 6, isRounded: op == 1)
    default: return op == 0 ? .absoluteDifferences(d: d, n: n, m: m, a: added) : nil
    }
  }

  /// A5.3.17.
  private func longMultiplies(_ first: Int, _ second: Int) -> Operation? {
    let (n, low, high, m) = (first & 15, second >> 12, second >> 8 & 15, second & 15)
    let op = second >> 4 & 15
    let kind = first >> 4 & 7
    if kind == 1 || kind == 3 {
      guard op == 15, low == 15, isPlain(n, high, m) else { return nil }
      return .divide(d: high, n: n, m: m, isSigned: kind == 1)
    }
    guard isPlain(n, low, high, m), low != high else { return nil }
    func half(_ bit: Int) -> ThumbInstruction.Half { bit != 0 ? .top : .bottom }
    switch (kind, op) {
    case (0, 0), (2, 0), (4, 0), (6, 0):
      return .multiplyLong(low: low, high: high, n: n, m: m, isSigned: kind & 2 == 0, accumulates: kind >= 4)
    case (4, 8...11) where core >= .armv7EM:
      return .multiplyHalvesLong(low: low, high: high, n: n, m: m, half(op & 2), half(op & 1))
    case (4, 12...13) where core >= .armv7EM, (5, 12...13) where core >= .armv7EM:
      return .multiplyDualLong(low: low, high: high, n: n, m: m, isCrossed: op & 1 != 0, isSubtracted: kind == 5)
    case (6, 6) where core >= .armv7EM: return .multiplyLongAddBoth(low: low, high: high, n: n, m: m)
    default: return nil
    }
  }
}
