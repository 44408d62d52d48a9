import MachineCode

/// What a processor does with words that is no sum: on words as the emulator does it, and on ranges of words.
///
/// Ranges are sound: they hold what the operation makes of any words of its operands' ranges. Of single words they are
/// single, too.
enum WordOperation: Hashable {
  case product, and, or, exclusiveOr
  case field(low: Int, width: Int, isSigned: Bool)
  case saturated(bits: Int, isSigned: Bool)
  case saturatingSum(isSubtracted: Bool)
  /// Of two factors and an accumulator.
  case highProduct(isSubtracted: Bool, rounding: UInt32)
  /// The higher word of a product.
  case highWord(isSigned: Bool)
  /// The higher word of the sum of two numbers of 64 bits, each given as its lower and its higher word.
  case highWordOfSum
  case quotient(isSigned: Bool)
  case leadingZeros, reversedBits
  /// Of two words and a carry of 0 or 1: the sum's carry.
  case carry
  /// 1 where the first word is less than the second, else 0.
  case less(isSigned: Bool)
  /// All ones where a word is that large, else 0.
  case mask(atLeast: Int32)
  /// 1 where a word is 0, else 0.
  case isZero
  /// A shift by a word's lowest byte.
  case shift(Shift.Kind)
  /// The second word where the first, 0 or 1, is 1; else the third.
  case select
  /// The largest of signed words.
  case maximum

  private static let machine = ConcreteMachine(MachineMemory([]), allowsUnaligned: false)

  func word(_ operands: [Int32]) -> Int32 {
    func operand(_ place: Int) -> Int32 { place < operands.count ? operands[place] : 0 }
    if case .maximum = self { return operands.max() ?? 0 }
    return word(operand(0), operand(1), operand(2), operand(3))
  }

  /// Of at most four words; the rest says nothing.
  private func word(_ first: Int32, _ second: Int32, _ third: Int32, _ fourth: Int32) -> Int32 {
    let (a, b) = (UInt32(bitPattern: first), UInt32(bitPattern: second))
    let (c, d) = (UInt32(bitPattern: third), UInt32(bitPattern: fourth))
    let machine = Self.machine
    let result: UInt32
    switch self {
    case .product: result = machine.product(a, b)
    case .and: result = machine.conjunction(a, b)
    case .or: result = machine.disjunction(a, b)
    case .exclusiveOr: result = machine.exclusiveDisjunction(a, b)
    case .field(let low, let width, let isSigned):
      result = machine.field(a, low: low, width: width, isSigned: isSigned)
    case .saturated(let bits, let isSigned): result = machine.saturated(a, bits: bits, isSigned: isSigned)
    case .saturatingSum(let isSubtracted):
      result = machine.saturatingSum(a, b, isSubtracted: isSubtracted)
    case .highProduct(let isSubtracted, let rounding):
      result = machine.highProduct(
        a, b, accumulator: c, isSubtracted: isSubtracted, rounding: rounding)
    case .highWord(let isSigned): result = machine.longProduct(a, b, isSigned: isSigned).high
    case .highWordOfSum: result = machine.longSum((a, b), (c, d)).high
    case .quotient(let isSigned): result = machine.quotient(a, b, isSigned: isSigned)
    case .leadingZeros: result = machine.leadingZeros(a)
    case .reversedBits: result = machine.reversedBits(a)
    case .carry: result = UInt64(a) + UInt64(b) + UInt64(c & 1) > UInt64(UInt32.max) ? 1 : 0
    case .less(let isSigned): result = (isSigned ? first < second : a < b) ? 1 : 0
    case .mask(let bound): result = machine.mask(of: a, atLeast: bound)
    case .isZero: result = a == 0 ? 1 : 0
    case .shift(let kind): result = (try? machine.shifted(a, kind, by: b, carry: false))?.0 ?? 0
    case .select: result = a != 0 ? b : c
    case .maximum: return max(first, second)
    }
    return Int32(bitPattern: result)
  }

  /// The signed words that operands of these ranges, signed words themselves, can make.
  func span(_ operands: [Span]) -> Span {
    if case .maximum = self {
      return operands.dropFirst().reduce(operands[0]) { Span(max($0.low, $1.low), max($0.high, $1.high)) }
    }
    var isSingle = true
    for operand in operands where operand.low != operand.high { isSingle = false }
    if isSingle {
      func word(_ place: Int) -> Int32 { place < operands.count ? Int32(truncatingIfNeeded: operands[place].low) : 0 }
      return Span(Int64(self.word(word(0), word(1), word(2), word(3))))
    }
    let (a, b) = (operands[0], operands.count > 1 ? operands[1] : operands[0])
    switch self {
    case .product:
      return Self.corners(a, b).wrapped(width: 32, isSigned: true)
    case .and:
      // Clears bits alone: between 0 and whichever is not negative.
      if a.low >= 0 { return Span(0, b.low >= 0 ? min(a.high, b.high) : a.high) }
      return b.low >= 0 ? Span(0, b.high) : .word
    case .or, .exclusiveOr:
      guard a.low >= 0, b.low >= 0 else { return .word }
      let bits = Int64.bitWidth - max(a.high, b.high).leadingZeroBitCount
      return Span(0, (1 << Int64(bits)) - 1)
    case .field(let low, let width, let isSigned):
      return Span(a.low >> Int64(low), a.high >> Int64(low)).wrapped(width: width, isSigned: isSigned).asSigned
    case .saturated(let bits, let isSigned):
      let low: Int64 = isSigned ? -1 << Int64(bits - 1) : 0
      let high: Int64 = isSigned ? ~low : (1 << Int64(bits)) - 1
      return Span(min(max(a.low, low), high), min(max(a.high, low), high))
    case .saturatingSum(let isSubtracted):
      let (low, high) = isSubtracted ? (a.low - b.high, a.high - b.low) : (a.low + b.low, a.high + b.high)
      return Span(Int64(Int32(clamping: low)), Int64(Int32(clamping: high)))
    case .highProduct(let isSubtracted, let rounding):
      let product = Self.corners(a, b)
      let c = operands[2]
      func high(_ accumulator: Int64, _ product: Int64) -> Int64 {
        let start = Int128(accumulator) << 32 + Int128(rounding)
        return Int64((isSubtracted ? start - Int128(product) : start + Int128(product)) >> 32)
      }
      return Span(
        high(c.low, isSubtracted ? product.high : product.low), high(c.high, isSubtracted ? product.low : product.high)
      ).wrapped(width: 32, isSigned: true)
    case .highWord(let isSigned):
      if isSigned {
        let product = Self.corners(a, b)
        return Span(product.low >> 32, product.high >> 32)
      }
      guard let x = a.asUnsigned, let y = b.asUnsigned else { return .word }
      let (low, high) = ((UInt64(x.low) * UInt64(y.low)) >> 32, (UInt64(x.high) * UInt64(y.high)) >> 32)
      return Span(Int64(low), Int64(high)).wrapped(width: 32, isSigned: true)
    case .highWordOfSum:
      guard let lowA = a.asUnsigned, let lowB = operands[2].asUnsigned else { return .word }
      let (highA, highB) = (b, operands[3])
      return Span(
        highA.low + highB.low + (lowA.low + lowB.low) >> 32, highA.high + highB.high + (lowA.high + lowB.high) >> 32
      ).wrapped(width: 32, isSigned: true)
    case .quotient(let isSigned):
      guard isSigned, b.isSingle, b.low > 0 else { return .word }
      return Span(a.low / b.low, a.high / b.low)
    case .leadingZeros:
      guard let x = a.asUnsigned else { return Span(0, 32) }
      return Span(Int64(UInt32(x.high).leadingZeroBitCount), Int64(UInt32(x.low).leadingZeroBitCount))
    case .reversedBits: return .word
    case .carry:
      guard let x = a.asUnsigned, let y = b.asUnsigned else { return Span(0, 1) }
      let c = operands[2]
      guard c.low >= 0, c.high <= 1 else { return Span(0, 1) }
      return Span((x.low + y.low + c.low) >> 32, (x.high + y.high + c.high) >> 32)
    case .less(let isSigned):
      let ends = isSigned ? (a, b) : (a.asUnsigned, b.asUnsigned)
      guard let x = ends.0, let y = ends.1 else { return Span(0, 1) }
      return x.high < y.low ? Span(1) : x.low >= y.high ? Span(0) : Span(0, 1)
    case .mask(let bound): return a.low >= Int64(bound) ? Span(-1) : a.high < Int64(bound) ? Span(0) : Span(-1, 0)
    case .isZero: return a.low > 0 || a.high < 0 ? Span(0) : Span(0, 1)
    case .shift(let kind):
      // By one amount only.
      guard b.isSingle else { return .word }
      let places = b.low & 0xFF
      switch kind {
      case .left:
        guard places < 32 else { return Span(0) }
        return Span(a.low << places, a.high << places).wrapped(width: 32, isSigned: true)
      case .arithmeticRight: return Span(a.low >> min(places, 31), a.high >> min(places, 31))
      case .right:
        guard let x = a.asUnsigned else { return .word }
        return Span(x.low >> min(places, 63), x.high >> min(places, 63)).asSigned
      case .rotate, .rotateWithCarry: return .word
      }
    case .select:
      let (yes, no) = (operands[1], operands[2])
      if a.low > 0 || a.high < 0 { return yes }
      return a == Span(0) ? no : Span(min(yes.low, no.low), max(yes.high, no.high))
    case .maximum: return Span(max(a.low, b.low), max(a.high, b.high))
    }
  }

  /// The products of two ranges of signed words.
  private static func corners(_ a: Span, _ b: Span) -> Span {
    let products = (a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high)
    return Span(
      min(min(products.0, products.1), min(products.2, products.3)),
      max(max(products.0, products.1), max(products.2, products.3)))
  }
}

extension Span {
  /// Signed words read as unsigned ones: in order where all have the same sign.
  var asUnsigned: Span? {
    if low >= 0 { return self }
    return high < 0 ? Span(low + 1 << 32, high + 1 << 32) : nil
  }
  /// Unsigned words, or signed ones, read as signed ones.
  var asSigned: Span { wrapped(width: 32, isSigned: true) }
}
