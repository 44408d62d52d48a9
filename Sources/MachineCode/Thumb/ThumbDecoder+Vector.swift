extension ThumbDecoder {
  /// What the vector extension has at a word.
  func vector(_ word: UInt32) -> VectorOperation? {
    for (pattern, read) in VectorPattern.all where word & pattern.mask == pattern.value {
      if let operation = read(VectorFields(word)) { return operation }
    }
    return nil
  }
}

/// Fields of a vector instruction, by where they usually lie.
private struct VectorFields {
  let word: UInt32
  init(_ word: UInt32) { self.word = word }

  func bits(_ low: Int, _ width: Int) -> Int { Int(word >> UInt32(low)) & (1 << width - 1) }
  func isSet(_ bit: Int) -> Bool { bits(bit, 1) != 0 }

  /// Numbers of vectors; nil where there is none of that number.
  var d: Int? { isSet(22) ? nil : bits(13, 3) }
  var n: Int? { isSet(7) ? nil : bits(17, 3) }
  var m: Int? { isSet(5) ? nil : bits(1, 3) }
  var isUnsigned: Bool { isSet(28) }
  /// A register of all lanes; neither of those for which the architecture promises nothing.
  var scalar: Int? { bits(0, 4) == 13 || bits(0, 4) == 15 ? nil : bits(0, 4) }
  /// Bytes a lane; nil for the size that there is not.
  func bytes(_ low: Int) -> Int? { bits(low, 2) == 3 ? nil : 1 << bits(low, 2) }
  /// Bytes a lane, and the number under the highest bit that says so, of a shift by a constant.
  var shift: (bytes: Int, number: Int)? {
    if isSet(21) { return (4, bits(16, 5)) }
    if isSet(20) { return (2, bits(16, 4)) }
    return isSet(19) ? (1, bits(16, 3)) : nil
  }
}

/// How the bits of an instruction must be: 0, 1, or any; and what it is then.
private struct VectorPattern {
  let mask, value: UInt32
  typealias Read = @Sendable (VectorFields) -> VectorOperation?

  init(_ text: String) {
    var (mask, value): (UInt32, UInt32) = (0, 0)
    for character in text where character != " " {
      mask = mask << 1 | (character == "." ? 0 : 1)
      value = value << 1 | (character == "1" ? 1 : 0)
    }
    self.mask = mask
    self.value = value
  }

  static let all: [(VectorPattern, Read)] =
    (bitwise + lanewise + scalars + shifts + lanes + predicates + memory + moves)
    .map { (VectorPattern($0.0), $0.1) }

  private static func vectors(_ kind: VectorOperation.Lanewise, _ only: [Int] = [1, 2, 4], isBitwise: Bool = false)
    -> Read
  {
    { fields in
      guard let d = fields.d, let n = fields.n, let m = fields.m, let bytes = isBitwise ? 4 : fields.bytes(20),
        only.contains(bytes)
      else { return nil }
      return .lanewise(kind, d: d, n: n, .vector(m), bytes: bytes)
    }
  }

  private static let bitwise: [(String, Read)] = [
    ("1110 1111 0 . 00 ... 0 ... 0 0001 . 1 . 1 ... 0", vectors(.and, isBitwise: true)),
    ("1110 1111 0 . 01 ... 0 ... 0 0001 . 1 . 1 ... 0", vectors(.bitClear, isBitwise: true)),
    ("1110 1111 0 . 10 ... 0 ... 0 0001 . 1 . 1 ... 0", vectors(.or, isBitwise: true)),
    ("1110 1111 0 . 11 ... 0 ... 0 0001 . 1 . 1 ... 0", vectors(.orNot, isBitwise: true)),
    ("1111 1111 0 . 00 ... 0 ... 0 0001 . 1 . 1 ... 0", vectors(.exclusiveOr, isBitwise: true)),
  ]

  private static let lanewise: [(String, Read)] = [
    ("1110 1111 0 . .. ... 0 ... 0 1000 . 1 . 0 ... 0", vectors(.add)),
    ("1111 1111 0 . .. ... 0 ... 0 1000 . 1 . 0 ... 0", vectors(.subtract)),
    ("1110 1111 0 . .. ... 0 ... 0 1001 . 1 . 1 ... 0", vectors(.multiply)),
    ("1110 1110 0 . .. ... 1 ... 0 1110 . 0 . 0 ... 1", vectors(.multiplyHigh)),
    ("1111 1110 0 . .. ... 1 ... 0 1110 . 0 . 0 ... 1", vectors(.multiplyHighUnsigned)),
    ("1110 1111 0 . .. ... 0 ... 0 1011 . 1 . 0 ... 0", vectors(.doublingMultiplyHigh)),
    ("1110 1111 0 . .. ... 0 ... 0 0110 . 1 . 0 ... 0", vectors(.greatest)),
    ("1111 1111 0 . .. ... 0 ... 0 0110 . 1 . 0 ... 0", vectors(.greatestUnsigned, [1, 2])),
    ("1110 1111 0 . .. ... 0 ... 0 0110 . 1 . 1 ... 0", vectors(.least)),
    ("1111 1111 0 . .. ... 0 ... 0 0110 . 1 . 1 ... 0", vectors(.leastUnsigned, [1, 2])),
    (
      "1111 1111 1 . 11 .. 01 ... 0 0011 11 . 0 ... 0",
      { f in
        guard let d = f.d, let m = f.m, let bytes = f.bytes(18) else { return nil }
        return .negate(d: d, m: m, bytes: bytes)
      }
    ),
    (
      "1111 1111 1 . 11 .. 01 ... 0 0011 01 . 0 ... 0",
      { f in
        guard let d = f.d, let m = f.m, let bytes = f.bytes(18) else { return nil }
        return .absolute(d: d, m: m, bytes: bytes)
      }
    ),
    (
      "1111 1111 1 . 11 00 00 ... 0 0101 11 . 0 ... 0",
      { f in
        guard let d = f.d, let m = f.m else { return nil }
        return .complement(d: d, m: m)
      }
    ),
  ]

  private static func scalar(_ kind: VectorOperation.Lanewise) -> Read {
    { fields in
      guard let d = fields.d, let n = fields.n, let m = fields.scalar, let bytes = fields.bytes(20) else { return nil }
      return .lanewise(kind, d: d, n: n, .register(m), bytes: bytes)
    }
  }

  private static let scalars: [(String, Read)] = [
    ("1110 1110 0 . .. ... 1 ... 0 1111 . 100 ....", scalar(.add)),
    ("1110 1110 0 . .. ... 1 ... 1 1111 . 100 ....", scalar(.subtract)),
    ("1110 1110 0 . .. ... 1 ... 1 1110 . 110 ....", scalar(.multiply)),
    ("1110 1110 0 . .. ... 1 ... 0 1110 . 110 ....", scalar(.doublingMultiplyHigh)),
    // Bit 28 says nothing here: products modulo a lane have no sign.
    ("111. 1110 0 . .. ... 1 ... 0 1110 . 100 ....", scalar(.multiplyAdd)),
    ("111. 1110 0 . .. ... 1 ... 1 1110 . 100 ....", scalar(.multiplyAddTo)),
  ]

  private static func right(isSaturated: Bool) -> Read {
    { fields in
      guard let d = fields.d, let m = fields.m, let (bytes, number) = fields.shift, bytes < 4 else { return nil }
      return .narrow(
        d: d, m: m, bytes: bytes, isTop: fields.isSet(12), shift: 8 * bytes - number, isSaturated: isSaturated)
    }
  }

  private static let shifts: [(String, Read)] = [
    (
      "1110 1111 1 . ... ... ... 0 0101 0 1 . 1 ... 0",
      { f in
        guard let d = f.d, let m = f.m, let (bytes, number) = f.shift else { return nil }
        return .shift(.left, d: d, m: m, amount: number, bytes: bytes)
      }
    ),
    (
      "111. 1111 1 . ... ... ... 0 0000 0 1 . 1 ... 0",
      { f in
        guard let d = f.d, let m = f.m, let (bytes, number) = f.shift else { return nil }
        return .shift(f.isUnsigned ? .right : .arithmeticRight, d: d, m: m, amount: 8 * bytes - number, bytes: bytes)
      }
    ),
    // Rounded and saturated; by nothing, they narrow alone.
    ("1110 1110 1 . ... ... ... . 1111 0 1 . 0 ... 1", right(isSaturated: true)),
    (
      "1110 1110 0 . 11 .. 11 ... . 1110 0 0 . 0 ... 1",
      { f in
        guard let d = f.d, let m = f.m, f.bits(18, 2) < 2 else { return nil }
        return .narrow(d: d, m: m, bytes: 1 << f.bits(18, 2), isTop: f.isSet(12), shift: 0, isSaturated: true)
      }
    ),
    (
      "1111 1110 0 . 11 .. 01 ... . 1110 1 0 . 0 ... 1",
      { f in
        guard let d = f.d, let m = f.m, f.bits(18, 2) < 2 else { return nil }
        return .narrow(d: d, m: m, bytes: 1 << f.bits(18, 2), isTop: f.isSet(12), shift: 0, isSaturated: false)
      }
    ),
    (
      "111. 1110 1 . 1.. 000 ... . 1111 01 . 0 ... 0",
      { f in
        guard let d = f.d, let m = f.m, let bytes = [1: 1, 2: 2][f.bits(19, 2)] else { return nil }
        return .widen(d: d, m: m, bytes: bytes, isTop: f.isSet(12), isSigned: !f.isUnsigned)
      }
    ),
  ]

  /// VMOV and VMVN of constants.
  @Sendable private static func constant(_ f: VectorFields) -> VectorOperation? {
    guard let d = f.d else { return nil }
    let byte = UInt32(f.bits(28, 1) << 7 | f.bits(16, 3) << 4 | f.bits(0, 4))
    let number: UInt32
    switch f.bits(8, 4) {
    case let kind where kind < 8 && kind & 1 == 0: number = byte << UInt32(4 * kind)
    case 8, 10: number = 0x1_0001 * (byte << UInt32(4 * (f.bits(8, 4) & 2)))
    case 12: number = byte << 8 | 0xFF
    case 13: number = byte << 16 | 0xFFFF
    case 14 where !f.isSet(5): number = 0x0101_0101 * byte
    default: return nil
    }
    return .constant(d: d, f.isSet(5) ? ~number : number)
  }

  private static let lanes: [(String, Read)] = [
    ("111. 1111 1 . 00 0 ... ... 0 .... 0 1 . 1 ....", constant),
    (
      "1110 1110 1 . 10 ... 0 .... 1011 . 0 . 1 0000",
      { f in
        let t = f.bits(12, 4)
        guard !f.isSet(7), t != 13, t != 15, !(f.isSet(22) && f.isSet(5)) else { return nil }
        return .duplicate(d: f.bits(17, 3), t: t, bytes: f.isSet(22) ? 1 : f.isSet(5) ? 2 : 4)
      }
    ),
    (
      "1110 1110 0 . .. ... 1 ... . 1111 . 110 111 .",
      { f in
        guard let d = f.d, let bytes = f.bytes(20) else { return nil }
        let step = 1 << (f.bits(7, 1) << 1 | f.bits(0, 1))
        return .count(d: d, n: 2 * f.bits(17, 3), step: f.isSet(12) ? -step : step, bytes: bytes)
      }
    ),
    (
      "111. 1110 1111 ... . ... 0 111 . 0 0 . 0 ... 0",
      { f in
        guard !(f.isSet(8) && f.isSet(16)) else { return nil }
        let bytes = f.isSet(8) ? 1 : f.isSet(16) ? 4 : 2
        return .sumProducts(
          t: 2 * f.bits(13, 3), n: f.bits(17, 3), m: f.bits(1, 3), bytes: bytes, isSigned: !f.isUnsigned,
          accumulates: f.isSet(5))
      }
    ),
    (
      "111. 1110 1111 .. 01 ... 0 1111 0 0 . 0 ... 0",
      { f in
        guard let bytes = f.bytes(18) else { return nil }
        return .sum(
          t: 2 * f.bits(13, 3), m: f.bits(1, 3), bytes: bytes, isSigned: !f.isUnsigned, accumulates: f.isSet(5))
      }
    ),
  ]

  /// The condition that three bits, from that of the first operand's sign on, say.
  private static func condition(_ f: VectorFields, _ low: Int) -> Condition {
    let conditions: [Condition] = [
      .equal, .notEqual, .carrySet, .higher, .greaterOrEqual, .less, .greater, .lessOrEqual,
    ]
    return conditions[f.bits(12, 1) << 2 | f.bits(low, 1) << 1 | f.bits(7, 1)]
  }

  private static func mask(_ f: VectorFields) -> UInt8 { UInt8(f.bits(22, 1) << 3 | f.bits(13, 3)) }

  private static let predicates: [(String, Read)] = [
    (
      "1111 1110 0 . 11 000 1 ... 0 1111 0100 1101",
      { f in mask(f) == 0 ? .invertPredicate : .predicate(mask: mask(f)) }
    ),
    (
      "1111 1110 0 . 11 ... 1 ... 0 1111 . 0 . 0 ... 1",
      { f in
        guard let d = f.d, let n = f.n, let m = f.m else { return nil }
        return .select(d: d, n: n, m: m)
      }
    ),
    (
      "1111 1110 0 . .. ... 1 ... . 1111 . 1 . 0 ....",
      { f in
        guard let bytes = f.bytes(20), f.bits(0, 4) != 13 else { return nil }
        return .compare(condition(f, 5), n: f.bits(17, 3), .register(f.bits(0, 4)), bytes: bytes, mask: mask(f))
      }
    ),
    (
      "1111 1110 0 . .. ... 1 ... . 1111 . 0 . 0 ... .",
      { f in
        guard let m = f.m, let bytes = f.bytes(20) else { return nil }
        return .compare(condition(f, 0), n: f.bits(17, 3), .vector(m), bytes: bytes, mask: mask(f))
      }
    ),
    (
      "1111 0000 00 .. .... 1110 1000 0000 0001",
      { f in
        guard f.bits(16, 4) != 13, f.bits(16, 4) != 15, f.bits(20, 2) < 3 else { return nil }
        return .predicateFirst(n: f.bits(16, 4), bytes: 1 << f.bits(20, 2))
      }
    ),
    (
      "1110 1110 111. 1101 .... 1010 0001 0000",
      { f in
        let t = f.bits(12, 4)
        return t == 13 || t == 15 ? nil : .movePredicate(t: t, isToPredicate: !f.isSet(20))
      }
    ),
  ]

  /// Where a vector lies whose offset counts so many bytes.
  private static func address(_ f: VectorFields, base: Int, bytes: Int) -> ThumbInstruction.Address? {
    let (isBefore, isWrittenBack) = (f.isSet(24), f.isSet(21))
    guard isBefore || isWrittenBack, base != 15, !(base == 13 && isWrittenBack) else { return nil }
    let offset = bytes * f.bits(0, 7) * (f.isSet(23) ? 1 : -1)
    return .init(base: base, offset: .immediate(offset), isBefore: isBefore, isWrittenBack: isWrittenBack)
  }

  private static let memory: [(String, Read)] = [
    (
      "1110 110. ... . .... ... 1 111 .. .......",
      { f in
        guard let d = f.d, let bytes = f.bytes(7), let address = address(f, base: f.bits(16, 4), bytes: bytes) else {
          return nil
        }
        return f.isSet(20)
          ? .load(d: d, address, bytes: bytes, laneBytes: bytes, isSigned: false)
          : .store(d: d, address, bytes: bytes, laneBytes: bytes)
      }
    ),
    (
      "111. 110. ... . .... ... 0 111 .. .......",
      { f in
        if f.bits(24, 1) == 0, f.bits(21, 1) == 0 { return scattered(f) }
        let bytes = f.isSet(19) ? 2 : 1
        guard let d = f.d, let laneBytes = f.bytes(7), laneBytes > bytes,
          let address = address(f, base: f.bits(16, 3), bytes: bytes)
        else { return nil }
        if f.isSet(20) { return .load(d: d, address, bytes: bytes, laneBytes: laneBytes, isSigned: !f.isUnsigned) }
        return f.isUnsigned ? nil : .store(d: d, address, bytes: bytes, laneBytes: laneBytes)
      }
    ),
    (
      "1111 1100 1 . . 0 .... ... 1 111 00 .. 00001",
      { f in
        guard let d = f.d, d <= 4, f.bits(16, 4) != 15, !(f.bits(16, 4) == 13 && f.isSet(21)) else { return nil }
        return .storeInterleaved(d: d, base: f.bits(16, 4), pattern: f.bits(5, 2), isWrittenBack: f.isSet(21))
      }
    ),
    // VLDR and VSTR of one or two words, VPUSH and VPOP.
    (
      "1110 1101 . . 0 . .... .... 101 . ........",
      { f in
        let (base, offset) = (f.bits(16, 4), 4 * f.bits(0, 8) * (f.isSet(23) ? 1 : -1))
        guard base != 15 || f.isSet(20) else { return nil }
        let (first, count) = words(f)
        guard first + count <= 32 else { return nil }
        return .transferWords(
          first: first, count: count, .init(base: base, offset: .immediate(offset)), isLoad: f.isSet(20))
      }
    ),
    (
      "1110 110. . . 1 . 1101 .... 101 . ........",
      { f in
        // Upward behind the access, or downward before it.
        let isLoad = f.isSet(20)
        let (first, count) = (words(f).first, f.bits(0, 8))
        guard f.isSet(24) != isLoad, f.isSet(23) == isLoad, count > 0, first + count <= 32,
          !f.isSet(8) || count % 2 == 0
        else { return nil }
        let address = ThumbInstruction.Address(
          base: 13, offset: .immediate(4 * count * (isLoad ? 1 : -1)), isBefore: !isLoad, isWrittenBack: true)
        return .transferWords(first: first, count: count, address, isLoad: isLoad)
      }
    ),
  ]

  /// The first word that a register of 32 or 64 bits has, and how many it has.
  private static func words(_ f: VectorFields) -> (first: Int, count: Int) {
    // D16 to D31, which there are not, would begin at 32.
    f.isSet(8) ? (2 * (f.bits(22, 1) << 4 | f.bits(12, 4)), 2) : (f.bits(12, 4) << 1 | f.bits(22, 1), 1)
  }

  @Sendable private static func scattered(_ f: VectorFields) -> VectorOperation? {
    let memory = f.bits(6, 1) << 1 | f.bits(4, 1)
    let isScaled = f.isSet(0)
    guard let d = f.d, let m = f.m, let laneBytes = f.bytes(7), f.isSet(23), memory < 3, 1 << memory <= laneBytes,
      f.bits(16, 4) != 15, !(isScaled && memory == 0)
    else { return nil }
    let (base, bytes) = (f.bits(16, 4), 1 << memory)
    if f.isSet(20) {
      guard d != m, bytes < laneBytes || f.isUnsigned else { return nil }
      return .gather(
        d: d, base: base, m: m, bytes: bytes, laneBytes: laneBytes, isSigned: !f.isUnsigned, isScaled: isScaled)
    }
    return f.isUnsigned
      ? nil : .scatter(d: d, base: base, m: m, bytes: bytes, laneBytes: laneBytes, isScaled: isScaled)
  }

  private static let moves: [(String, Read)] = [
    (
      "1110 1100 0 . 0 . .... ... 0 1111 000 . ....",
      { f in
        let (t, t2, isToVector) = (f.bits(0, 4), f.bits(16, 4), f.isSet(20))
        guard let q = f.d, t != 13, t != 15, t2 != 13, t2 != 15, isToVector || t != t2 else { return nil }
        return .moveLanes(q: q, lane: f.bits(4, 1), t: t, t2: t2, isToVector: isToVector)
      }
    ),
    (
      "1110 1110 000 . .... .... 1010 . 00 1 0000",
      { f in
        let t = f.bits(12, 4)
        guard t != 13, t != 15 else { return nil }
        return .moveWord(word: f.bits(16, 4) << 1 | f.bits(7, 1), t: t, isToVector: !f.isSet(20))
      }
    ),
  ]
}

/// A word that one of the patterns of vector instructions has, its other bits as given: for tests.
package func vectorInstruction(_ pattern: Int, bits: UInt32) -> UInt32 {
  let (pattern, _) = VectorPattern.all[pattern % VectorPattern.all.count]
  return pattern.value | bits & ~pattern.mask
}
