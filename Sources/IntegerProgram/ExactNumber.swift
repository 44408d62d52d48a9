import BigInt

/// `numerator · 2^exponent / denominator`, exactly: what a file's constants, fractions with powers of two below, come to
/// by sums, products and quotients. Integers of any size, since a scale has 24 bits, three of them 72, and a remainder
/// may have to be looked at whole to see on which side of a tie a result falls. Never brought to lowest terms, which
/// would take longer than all else.
struct ExactNumber: Sendable {
  private(set) var numerator: BigInt
  private(set) var exponent: Int
  /// Positive.
  private(set) var denominator: BigInt
  /// Whether it is what is meant, and not a root rounded to some 2^-160 of itself.
  private(set) var isExact = true

  static let zero = ExactNumber(0)
  static let one = ExactNumber(1)

  init(_ integer: some BinaryInteger) {
    (numerator, exponent, denominator) = (BigInt(integer), 0, 1)
  }

  /// A finite number.
  init(_ number: Double) {
    precondition(number.isFinite, "constants are finite")
    guard number != 0 else {
      self = .zero
      return
    }
    // A significand in 1 ..< 2 with 52 bits after the point.
    var magnitude = Int64(number.magnitude.significand * 0x1p52)
    let zeros = magnitude.trailingZeroBitCount
    magnitude >>= Int64(zeros)
    numerator = BigInt(number < 0 ? -magnitude : magnitude)
    exponent = Int(number.exponent) - 52 + zeros
    denominator = 1
  }

  private init(_ numerator: BigInt, _ exponent: Int, _ denominator: BigInt, isExact: Bool) {
    (self.numerator, self.exponent, self.denominator) = (numerator, exponent, denominator)
    self.isExact = isExact
  }

  var isZero: Bool { numerator.isZero }
  var signum: Int { Int(numerator.signum()) }

  static prefix func - (a: ExactNumber) -> ExactNumber {
    ExactNumber(-a.numerator, a.exponent, a.denominator, isExact: a.isExact)
  }

  static func * (a: ExactNumber, b: ExactNumber) -> ExactNumber {
    if a.isZero || b.isZero { return .zero }
    return ExactNumber(
      a.numerator * b.numerator, a.exponent + b.exponent, a.denominator * b.denominator,
      isExact: a.isExact && b.isExact)
  }

  /// `b` must not be 0.
  static func / (a: ExactNumber, b: ExactNumber) -> ExactNumber {
    precondition(!b.isZero, "divisors are not zero")
    if a.isZero { return .zero }
    let divisor = b.numerator < 0 ? -b.numerator : b.numerator
    let dividend = b.numerator < 0 ? -a.numerator : a.numerator
    return ExactNumber(
      dividend * b.denominator, a.exponent - b.exponent, a.denominator * divisor, isExact: a.isExact && b.isExact)
  }

  static func + (a: ExactNumber, b: ExactNumber) -> ExactNumber {
    if a.isZero { return b }
    if b.isZero { return a }
    let exponent = min(a.exponent, b.exponent)
    let (x, y) = (a.numerator << (a.exponent - exponent), b.numerator << (b.exponent - exponent))
    let isExact = a.isExact && b.isExact
    if a.denominator == b.denominator { return ExactNumber(x + y, exponent, a.denominator, isExact: isExact) }
    return ExactNumber(
      x * b.denominator + y * a.denominator, exponent, a.denominator * b.denominator, isExact: isExact)
  }

  static func - (a: ExactNumber, b: ExactNumber) -> ExactNumber { a + -b }

  /// Of a positive number: exact where it is a square, else rounded down to some 2^-160 of it.
  var squareRoot: ExactNumber {
    precondition(signum > 0, "roots are of positive numbers")
    // √(n · 2^e / d) = √(n · d · 2^k) · 2^((e − k) / 2) / d, where e − k is even and n · d · 2^k has 330 bits or more.
    let product = numerator * denominator
    var shift = max(0, 330 - product.bitWidth)
    if (exponent - shift) % 2 != 0 { shift += 1 }
    let radicand = product << shift
    let root = radicand.squareRoot()
    return ExactNumber(root, (exponent - shift) / 2, denominator, isExact: isExact && root * root == radicand)
  }

  /// The exponent of a power of two, positive or negative; nil where the magnitude is none.
  var binaryLogarithm: Int? {
    guard isExact, !isZero else { return nil }
    let (quotient, remainder) = (numerator < 0 ? -numerator : numerator).quotientAndRemainder(dividingBy: denominator)
    if remainder.isZero {
      let zeros = quotient.trailingZeroBitCount
      return quotient >> zeros == 1 ? exponent + zeros : nil
    }
    let (inverse, rest) = denominator.quotientAndRemainder(dividingBy: numerator < 0 ? -numerator : numerator)
    guard rest.isZero else { return nil }
    let zeros = inverse.trailingZeroBitCount
    return inverse >> zeros == 1 ? exponent - zeros : nil
  }

  /// The largest integer that is not above, and whether that is the number itself.
  var floor: (integer: BigInt, isWhole: Bool) {
    let below = exponent < 0 ? denominator << -exponent : denominator
    let (quotient, remainder) = Self.floorDivision(exponent > 0 ? numerator << exponent : numerator, below)
    return (quotient, remainder.isZero)
  }

  /// The number to some 2^-51 of it; infinite beyond double precision.
  var approximate: Double { Self.quotient(numerator, denominator, exponent: exponent) }

  /// `a · 2^exponent / b` to some 2^-51 of it.
  static func quotient(_ a: BigInt, _ b: BigInt, exponent: Int = 0) -> Double {
    func leading(_ number: BigInt) -> (Double, Int) {
      let shift = max(0, number.magnitude.bitWidth - 62)
      return (Double(UInt64(truncatingIfNeeded: number.magnitude >> shift)), shift)
    }
    let ((x, i), (y, j)) = (leading(a), leading(b))
    let quotient = Double(sign: .plus, exponent: min(max(exponent + i - j, -4000), 4000), significand: x / y)
    return (a.signum() < 0) != (b.signum() < 0) ? -quotient : quotient
  }

  /// Quotient rounded down, and a remainder of 0 or more; `b` is positive.
  static func floorDivision(_ a: BigInt, _ b: BigInt) -> (quotient: BigInt, remainder: BigInt) {
    let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
    return remainder.signum() < 0 ? (quotient - 1, remainder + b) : (quotient, remainder)
  }

  /// Both numbers as integers over one positive denominator.
  static func overOneDenominator(_ a: ExactNumber, _ b: ExactNumber) -> (a: BigInt, b: BigInt, denominator: BigInt) {
    let exponent = min(a.isZero ? 0 : a.exponent, b.isZero ? 0 : b.exponent, 0)
    let (x, y) = (
      a.numerator << (a.isZero ? 0 : a.exponent - exponent), b.numerator << (b.isZero ? 0 : b.exponent - exponent)
    )
    if a.denominator == b.denominator { return (x, y, a.denominator << -exponent) }
    return (x * b.denominator, y * a.denominator, (a.denominator * b.denominator) << -exponent)
  }
}
