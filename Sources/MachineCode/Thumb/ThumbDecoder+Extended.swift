extension ThumbDecoder {
  /// What Armv8.1-M has besides (DDI 0553, chapter C2): vectors, loops, shifts of 64 bits and selections.
  func extended(_ first: Int, _ second: Int) -> ThumbInstruction.Operation? {
    if let operation = vector(UInt32(first << 16 | second)) { return .vector(operation) }
    if first & 0xFFF0 == 0xEA50 {
      // Where Armv7-M has ORRS with registers for which it promises nothing.
      return selection(first, second) ?? longShift(first, second)
    }
    let n = first & 15
    let offset = 2 * ((second >> 1 & 0x3FF) << 1 | second >> 11 & 1)
    switch (first & 0xFFF0, second & 0xF001) {
    case (0xF040, 0xC001): return n == Self.sp || n == Self.pc ? nil : .loopStart(n: n, skip: offset)
    case (0xF040, 0xE001):
      return second != 0xE001 || n == Self.sp || n == Self.pc ? nil : .loopStart(n: n, skip: nil)
    case (0xF000, 0xC001): return n == 15 ? .loopEnd(offset: -offset, isCounted: true) : nil
    case (0xF020, 0xC001): return n == 15 ? .loopEnd(offset: -offset, isCounted: false) : nil
    default: return nil
    }
  }

  private func selection(_ first: Int, _ second: Int) -> ThumbInstruction.Operation? {
    let (n, d, m) = (first & 15, second >> 8 & 15, second & 15)
    guard second & 0xC000 == 0x8000, n != Self.sp, m != Self.sp, d != Self.sp, d != Self.pc,
      let condition = Condition(rawValue: UInt8(second >> 4 & 15)), condition != .always,
      let selection = ThumbInstruction.Selection(rawValue: UInt8(second >> 12 & 3))
    else { return nil }
    return .conditionalSelect(selection, d: d, n: n, m: m, condition)
  }

  private func longShift(_ first: Int, _ second: Int) -> ThumbInstruction.Operation? {
    let (low, high) = (first & 14, second >> 8 & 14 | 1)
    guard first & 1 == 0, second & 0x100 != 0, high != Self.sp, high != Self.pc else { return nil }
    if second & 0xF == 0xF {
      let kinds: [Int: Shift.Kind] = [0: .left, 1: .right, 2: .arithmeticRight]
      guard second & 0x8000 == 0, let kind = kinds[second >> 4 & 3] else { return nil }
      let amount = second >> 10 & 0x1C | second >> 6 & 3
      return .longShift(kind, low: low, high: high, by: .immediate(amount == 0 ? 32 : amount))
    }
    let kinds: [Int: Shift.Kind] = [0x0D: .left, 0x2D: .arithmeticRight]
    let m = second >> 12
    guard let kind = kinds[second & 0xFF], m != Self.sp, m != Self.pc, m != low, m != high else { return nil }
    return .longShift(kind, low: low, high: high, by: .register(m))
  }
}
