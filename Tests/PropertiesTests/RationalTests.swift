import BigInt
import Testing

@testable import Properties

@Suite struct RationalTests {
  @Test(
    "numbers are read exactly",
    arguments: [
      ("12", 12, 1), ("-0.5", -1, 2), ("+1.50", 3, 2), ("1e3", 1000, 1), ("2.5E-3", 1, 400), ("1/3", 1, 3),
      ("0.1/0.3", 1, 3), (".5", 1, 2), ("5.", 5, 1), ("-0", 0, 1), ("1e+2", 100, 1),
    ])
  func reading(text: String, numerator: Int, denominator: Int) throws {
    let number = try #require(Rational(text))
    #expect(number.numerator == BigInt(numerator) && number.denominator == BigInt(denominator))
  }

  @Test(
    "what is no number is none",
    arguments: [
      "", "-", ".", "e5", "1e", "1e5.5", "0x10", "1/0", "1/2/3", "--1", "1_000", "١", "nan", "inf", "1e401",
      "1e-99999999999",
      String(repeating: "9", count: 401),
    ])
  func refusal(text: String) { #expect(Rational(text) == nil) }

  @Test("a floating-point number is a fraction, denormals and the largest included")
  func floats() throws {
    #expect(Rational(exactly: 0.1 as Float) == Rational(BigInt(13_421_773), over: BigInt(1) << 27))
    #expect(Rational(exactly: 0.1 as Double) == Rational(BigInt(3_602_879_701_896_397), over: BigInt(1) << 55))
    #expect(Rational(exactly: -1.5 as Float) == Rational(-3, over: 2))
    #expect(Rational(exactly: -1.5 as Double) == Rational(-3, over: 2))
    #expect(Rational(exactly: 0 as Float) == Rational(0))
    #expect(Rational(exactly: Float.leastNonzeroMagnitude) == Rational(1, over: BigInt(1) << 149))
    #expect(Rational(exactly: Double.leastNonzeroMagnitude) == Rational(1, over: BigInt(1) << 1074))
    #expect(Rational(exactly: Float.greatestFiniteMagnitude) == Rational(((BigInt(1) << 24) - 1) << 104))
    #expect(Rational(exactly: Double.greatestFiniteMagnitude) == Rational(((BigInt(1) << 53) - 1) << 971))
    #expect(Rational(exactly: Float.nan) == nil && Rational(exactly: Double.infinity) == nil)
  }

  @Test("floor and ceiling go down and up on both sides of 0")
  func rounding() throws {
    for (text, floor, ceiling) in [("7/2", 3, 4), ("-7/2", -4, -3), ("6/2", 3, 3), ("-6/2", -3, -3), ("-1/9", -1, 0)] {
      let number = try #require(Rational(text))
      #expect(number.floor == BigInt(floor) && number.ceiling == BigInt(ceiling))
    }
  }
}
