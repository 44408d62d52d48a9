import BigInt

/// An exact fraction of integers of any size, in lowest terms.
public struct Rational: Sendable, Hashable, Comparable {
  public let numerator: BigInt
  /// Positive.
  public let denominator: BigInt

  /// `denominator` must not be 0.
  public init(_ numerator: BigInt, over denominator: BigInt = 1) {
    precondition(denominator != 0, "a fraction of something")
    let divisor = numerator.greatestCommonDivisor(with: denominator) * (denominator < 0 ? -1 : 1)
    self.numerator = numerator / divisor
    self.denominator = denominator / divisor
  }
  public init(_ integer: some BinaryInteger) { self.init(BigInt(integer)) }

  /// What the floating-point number is, which is a fraction with a power of two below; nil where it is not finite.
  public init?(exactly number: Double) {
    guard number.isFinite else { return nil }
    guard number != 0 else {
      self = Rational(0)
      return
    }
    // A significand in 1 ..< 2 with 52 bits after the point.
    let magnitude = BigInt(Int(number.magnitude.significand * 0x1p52))
    let exponent = Int(number.exponent) - 52
    let signed = number < 0 ? -magnitude : magnitude
    self = exponent >= 0 ? Rational(signed << exponent) : Rational(signed, over: BigInt(1) << -exponent)
  }
  public init?(exactly number: Float) { self.init(exactly: Double(number)) }

  /// More digits than this, or powers of ten, are no one's measurement.
  private static let mostDigits = 400

  /// A number as people and programs write it: 12, −0.5, 1.5e−3, 1/3. Nil for anything else, and beyond 400 digits.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    switch parts.count {
    case 1:
      guard let value = Self.decimal(parts[0]) else { return nil }
      self = value
    case 2:
      guard let above = Self.decimal(parts[0]), let below = Self.decimal(parts[1]), below.numerator != 0 else {
        return nil
      }
      self = above / below
    default: return nil
    }
  }

  private static func decimal(_ text: some StringProtocol) -> Rational? {
    var rest = Array(text.utf8)[...]
    guard rest.count <= mostDigits else { return nil }
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    let digits = rest.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
    let whole = digits.prefix { $0 != UInt8(ascii: ".") }
    let fraction = digits.dropFirst(whole.count + 1)
    let all = Array(whole) + Array(fraction)
    guard !all.isEmpty, all.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let magnitude = BigInt(String(decoding: all, as: UTF8.self), radix: 10)
    else { return nil }
    var exponent = -fraction.count
    if digits.count < rest.count {
      guard let power = Int(String(decoding: rest.dropFirst(digits.count + 1), as: UTF8.self)), abs(power) <= mostDigits
      else { return nil }
      exponent += power
    }
    let power = BigInt(10).power(abs(exponent))
    let value = exponent < 0 ? Rational(magnitude, over: power) : Rational(magnitude * power)
    return isNegative ? -value : value
  }

  public static func + (a: Rational, b: Rational) -> Rational {
    Rational(a.numerator * b.denominator + b.numerator * a.denominator, over: a.denominator * b.denominator)
  }
  public static func - (a: Rational, b: Rational) -> Rational { a + -b }
  public static prefix func - (a: Rational) -> Rational { Rational(-a.numerator, over: a.denominator) }
  public static func * (a: Rational, b: Rational) -> Rational {
    Rational(a.numerator * b.numerator, over: a.denominator * b.denominator)
  }
  /// `b` must not be 0.
  public static func / (a: Rational, b: Rational) -> Rational {
    Rational(a.numerator * b.denominator, over: a.denominator * b.numerator)
  }
  public static func < (a: Rational, b: Rational) -> Bool {
    a.numerator * b.denominator < b.numerator * a.denominator
  }

  /// The largest integer that is not above.
  public var floor: BigInt {
    let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
    return remainder < 0 ? quotient - 1 : quotient
  }
  /// The smallest integer that is not below.
  public var ceiling: BigInt { -(-self).floor }
}
