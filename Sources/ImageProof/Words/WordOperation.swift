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
  /// The second word where the first, 0 or 1, is 1; else the third.
  case select
  /// The largest of signed words.
  case maximum

  private static let machine = ConcreteMachine(MachineMemory([]), allowsUnaligned: false)

  func word(_ operands: [Int32]) -> Int32 {
    let words = operands.map { UInt32(bitPattern: $0) }
    let machine = Self.machine
    let result: UInt32
    switch self {
    case .product: result = machine.product(words[0], words[1])
    case .and: result = machine.conjunction(words[0], words[1])
    case .or: result = machine.disjunction(words[0], words[1])
    case .exclusiveOr: result = machine.exclusiveDisjunction(words[0], words[1])
    case .field(let low, let width, let isSigned):
      result = machine.field(words[0], low: low, width: width, isSigned: isSigned)
    case .saturated(let bits, let isSigned): result = machine.saturated(words[0], bits: bits, isSigned: isSigned)
    case .saturatingSum(let isSubtracted):
      result = machine.saturatingSum(words[0], words[1], isSubtracted: isSubtracted)
    case .highProduct(let isSubtracted, let rounding):
      result = machine.highProduct(
        words[0], words[1], accumulator: words[2], isSubtracted: isSubtracted, rounding: rounding)
    case .highWord(let isSigned): result = machine.longProduct(words[0], words[1], isSigned: isSigned).high
    case .highWordOfSum: result = machine.longSum((words[0], words[1]), (words[2], words[3])).high
    case .quotient(let isSigned): result = machine.quotient(words[0], words[1], isSigned: isSigned)
    case .leadingZeros: result = machine.leadingZeros(words[0])
    case .reversedBits: result = machine.reversedBits(words[0])
    case .carry: result = UInt64(words[0]) + UInt64(words[1]) + UInt64(words[2] & 1) > UInt64(UInt32.max) ? 1 : 0
    case .less(let isSigned): result = (isSigned ? operands[0] < operands[1] : words[0] < words[1]) ? 1 : 0
    case .mask(let bound): result = machine.mask(of: words[0], atLeast: bound)
    case .isZero: result = words[0] == 0 ? 1 : 0
    case .select: result = words[0] != 0 ? words[1] : words[2]
    case .maximum: return operands.max() ?? 0
    }
    return Int32(bitPattern: result)
  }

  /// The signed words that operands of these ranges, signed words themselves, can make.
  func span(_ operands: [Span]) -> Span {
    if operands.allSatisfy(\.isSingle) {
      return Span(Int64(word(operands.map { Int32(truncatingIfNeeded: $0.low) })))
    }
    let (a, b) = (operands[0], operands.count > 1 ? operands[1] : operands[0])
    switch self {
    case .product:
      return Self.corners(a, b).wrapped(width: 32, isSigned: true)
    case .and:
      // Clears bits alone: between 0 and whichever is not negative.
      let bounds = [a, b].filter { $0.low >= 0 }.map(\.high)
      return bounds.min().map { Span(0, $0) } ?? .word
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
    case .select:
      let (yes, no) = (operands[1], operands[2])
      if a.low > 0 || a.high < 0 { return yes }
      return a == Span(0) ? no : Span(min(yes.low, no.low), max(yes.high, no.high))
    case .maximum:
      return operands.dropFirst().reduce(a) { Span(max($0.low, $1.low), max($0.high, $1.high)) }
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
