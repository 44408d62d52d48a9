import Testing

@testable import Arithmetic

/// The fixed-point softmax against TensorFlow Lite's, part by part and whole rows at a time.
@Suite struct SoftmaxTests {
  @Test func theScaleIsTensorFlowLites() {
    var random = SplitMix64(seed: 61)
    var refused = 0
    sweep { sweep in
      for index in 0..<points(400_000) {
        let scale = Float(random.magnitude(exponents: -40...40))
        let beta = index & 1 == 0 ? 1 : Float(random.magnitude(exponents: -20...20))
        let expected = TensorFlowLite.softmaxScale(scale: scale, beta: beta)
        let found = SoftmaxScale(scale: scale, beta: beta)
        refused += expected == nil ? 1 : 0
        sweep.expect(
          found,
          expected.map {
            SoftmaxScale(mantissa: $0.mantissa, leftShift: $0.leftShift, leastDifference: $0.diffMin)
          },
          "scale \(scale), beta \(beta)")
      }
    }
    #expect(refused > 0)
  }

  struct Scale: CustomTestStringConvertible, Sendable {
    let scale, beta: Float
    let expected: SoftmaxScale?
    var testDescription: String { "\(scale) · \(beta)" }
  }
  @Test(arguments: [
    // 2^-26 turns into a factor of 1, which the reference does not take; the next number is.
    Scale(scale: 0x1p-26, beta: 1, expected: nil),
    Scale(
      scale: 0x1.000002p-26, beta: 1,
      expected: SoftmaxScale(mantissa: (1 << 30) + (1 << 7), leftShift: 1, leastDifference: -1_040_187_392)),
    Scale(scale: 1, beta: 1, expected: SoftmaxScale(mantissa: 1 << 30, leftShift: 27, leastDifference: -15)),
    Scale(
      scale: 0.5, beta: 2, expected: SoftmaxScale(mantissa: 1 << 30, leftShift: 27, leastDifference: -15)),
    // The largest factor is 2^31 − 1.
    Scale(scale: 32, beta: 1, expected: SoftmaxScale(mantissa: Int32.max, leftShift: 31, leastDifference: 0)),
    Scale(
      scale: 1e30, beta: 1e8, expected: SoftmaxScale(mantissa: Int32.max, leftShift: 31, leastDifference: 0)),
    Scale(scale: 1, beta: 0, expected: nil),
    Scale(scale: 1, beta: -1, expected: nil),
    Scale(scale: .nan, beta: 1, expected: nil),
  ])
  func theScaleOfNotableFactorsIsAsComputedByHand(_ test: Scale) {
    #expect(SoftmaxScale(scale: test.scale, beta: test.beta) == test.expected)
  }

  @Test func everyDifferenceOfCodesIsExponentiatedAsInTensorFlowLite() throws {
    var random = SplitMix64(seed: 62)
    try sweep { sweep in
      for _ in 0..<points(12_000) {
        let scale = try #require(
          SoftmaxScale(scale: Float(random.magnitude(exponents: -20...4)), beta: 1))
        for difference in max(-255, scale.leastDifference)...0 {
          let shifted = difference &* Int32(truncatingIfNeeded: Int64(1) << Int64(scale.leftShift))
          let rescaled = Gemmlowp.saturatingRoundingDoublingHighMul(shifted, scale.mantissa)
          let expected = Gemmlowp.expOnNegativeValues(rescaled, integerBits: 5)
          let found = softmaxExponential(difference, scale)
          sweep.expect(found, expected, "\(difference), \(scale)")
          sweep.expect(
            softmaxSummand(found), Gemmlowp.roundingDivideByPOT(expected, 12), "\(difference), \(scale)")
        }
      }
    }
  }

  @Test(arguments: 4...31)
  func theDivisorOfSumsWithAnyLeadingZerosIsTensorFlowLites(_ leadingZeros: Int) {
    var random = SplitMix64(seed: 63)
    let low = Int64(1) << Int64(31 - leadingZeros)
    let high = 2 * low - 1
    sweep { sweep in
      func compare(_ sum: Int64) {
        let (scale, bitsOverUnit) = TensorFlowLite.reciprocal(ofSum: Int32(sum))
        let found = SoftmaxDivisor(ofSum: Int32(sum))
        sweep.expect(found.reciprocal, scale, "the reciprocal of \(sum)")
        sweep.expect(found.shift, Int32(bitsOverUnit + 31 - 8), "the shift of \(sum)")
        for exponential in [0, 1, Int32.max, random.accumulator() & Int32.max, random.int32() & Int32.max] {
          let share = Gemmlowp.roundingDivideByPOT(
            Gemmlowp.saturatingRoundingDoublingHighMul(scale, exponential), bitsOverUnit + 31 - 8)
          sweep.expect(
            found.code(exponential), Int32(Int8(clamping: share - 128)), "\(exponential) over \(sum)")
        }
      }
      for sum in low...min(high, low + 2000) { compare(sum) }
      for sum in max(low, high - 2000)...high { compare(sum) }
      for _ in 0..<points(60_000) { compare(random.integer(low...high)) }
    }
  }

  @Test func rowsOfRandomCodesAreTensorFlowLites() throws {
    var random = SplitMix64(seed: 64)
    try sweep { sweep in
      for index in 0..<points(30_000) {
        let (scale, beta) = (Float(random.magnitude(exponents: -12...3)), Float(index % 3 == 0 ? 0.7 : 1))
        let reference = try #require(TensorFlowLite.softmaxScale(scale: scale, beta: beta))
        let depth = index % 50 == 0 ? Int64(511) : 1 << random.integer(0...8)
        // From all equal to all over the place
        let spread = Int64(1) << random.integer(0...7)
        let centre = random.integer(-128...127)
        let row = (0..<random.integer(max(1, depth - 5)...depth)).map { _ in
          Int8(clamping: centre + random.integer(-spread...spread - 1))
        }
        let expected = TensorFlowLite.softmax(
          row, mantissa: reference.mantissa, leftShift: reference.leftShift, diffMin: reference.diffMin)
        let found = softmax(row, try #require(SoftmaxScale(scale: scale, beta: beta)))
        sweep.expect(found, expected.map(Int32.init), "\(row), scale \(scale), beta \(beta)")
      }
    }
  }

  /// The reference's shift reaches 31 with sums just below 512; past that its shares would need more bits than it has.
  @Test func sumsThatPassTheReferencesShiftGiveTheLowestCode() {
    let largest = softmaxSummand(Int32.max)
    #expect(largest == 1 << 19)
    #expect(TensorFlowLite.reciprocal(ofSum: 511 << 19).bitsOverUnit + 23 == 31)
    let flat = SoftmaxScale(mantissa: 1 << 30, leftShift: 22, leastDifference: -400)
    #expect(softmax([Int8](repeating: 5, count: 511), flat) == [Int32](repeating: -127, count: 511))
    var random = SplitMix64(seed: 67)
    sweep { sweep in
      for leadingZeros in 1...3 {
        let low = Int64(1) << Int64(31 - leadingZeros)
        for sum in [low, low + 1, 2 * low - 1] + (0..<points(20_000)).map({ _ in random.integer(low...2 * low - 1) }) {
          // The real quotient: 256 · e / sum, in Q0.31 and Q12.19, of at most half.
          sweep.expect(Double(Int32.max) / 0x1p31 / (Double(sum) / 0x1p19) * 256 <= 0.5, true, "\(sum)")
          for exponential in [0, 1, Int32.max, random.int32() & Int32.max] {
            sweep.expect(SoftmaxDivisor(ofSum: Int32(sum)).code(exponential), -128, "\(exponential) over \(sum)")
          }
        }
      }
    }
  }

  @Test func theLongestRowIsTheLongestThatTheRegisterHolds() {
    #expect(Int64(longestSoftmaxRow) << 19 <= Int64(Int32.max))
    #expect(Int64(longestSoftmaxRow + 1) << 19 > Int64(Int32.max))
    let flat = SoftmaxScale(mantissa: 1 << 30, leftShift: 22, leastDifference: -400)
    let row = [Int8](repeating: 5, count: longestSoftmaxRow)
    #expect(softmax(row, flat) == row.map { _ in -128 })
    // One class far above a thousand others, as a classifier of that many has it.
    let steep = SoftmaxScale(mantissa: 1 << 30, leftShift: 24, leastDifference: -124)
    #expect(softmax([127] + [Int8](repeating: -128, count: 1000), steep).first == 127)
  }

  /// The row's parts put together as the operator does.
  private func softmax(_ row: [Int8], _ scale: SoftmaxScale) -> [Int32] {
    let maximum = Int32(row.max() ?? -128)
    let exponentials = row.map { code in
      Int32(code) - maximum < scale.leastDifference ? nil : softmaxExponential(Int32(code) - maximum, scale)
    }
    let sum = exponentials.reduce(0) { $0 + ($1.map { softmaxSummand($0) } ?? 0) }
    let divisor = SoftmaxDivisor(ofSum: sum)
    return exponentials.map { $0.map { divisor.code($0) } ?? -128 }
  }

  @Test func itsIntervalsAreProvedAndHoldEveryMember() throws {
    let sums = Interval<Int32>(1, Int64(Int32.max))
    let whole = SoftmaxDivisor(ofSum: sums)
    #expect(whole.reciprocal.holds && whole.shift.holds)
    #expect(whole.code(Interval(0, Int64(Int32.max))).holds)
    #expect(whole.code(Interval(0, Int64(Int32.max))).range == -128...127)
    var random = SplitMix64(seed: 65)
    try sweep { sweep in
      for _ in 0..<points(20_000) {
        let scale = try #require(SoftmaxScale(scale: Float(random.magnitude(exponents: -20...4)), beta: 1))
        let a = random.integer(Int64(max(-255, scale.leastDifference))...0)
        let differences = Interval<Int32>(a, random.integer(a...0))
        let exponentials = softmaxExponential(differences, scale)
        let summands = softmaxSummand(exponentials)
        sweep.expect(summands.holds, "\(differences), \(scale)")
        let low = Int64(1) << random.integer(0...30)
        let sums = Interval<Int32>(low, min(Int64(Int32.max), low + random.integer(0...2 * low)))
        let divisor = SoftmaxDivisor(ofSum: sums)
        let codes = divisor.code(exponentials)
        sweep.expect(codes.holds, "\(sums), \(exponentials)")
        for _ in 0..<4 {
          let e = softmaxExponential(Int32(random.member(of: differences)), scale)
          sweep.expect(exponentials.contains(Int64(e)), "\(differences), \(scale)")
          sweep.expect(summands.contains(Int64(softmaxSummand(e))), "\(differences), \(scale)")
          let sum = random.member(of: sums)
          let member = SoftmaxDivisor(ofSum: Int32(sum))
          sweep.expect(divisor.reciprocal.contains(Int64(member.reciprocal)), "\(sum) of \(sums)")
          sweep.expect(divisor.shift.contains(Int64(member.shift)), "\(sum) of \(sums)")
          sweep.expect(codes.contains(Int64(member.code(e))), "\(e) over \(sum)")
          let exact = SoftmaxDivisor(ofSum: Exact<Int32>(sum)).code(Exact(Int64(e)))
          sweep.expect(exact.fits && exact.value == Int128(member.code(e)), "\(e) over \(sum) overflows")
        }
      }
    }
  }

  @Test func itsTermsAreProvedAndComputeTheSame() throws {
    try TermTable.$current.withValue(TermTable()) {
      var random = SplitMix64(seed: 66)
      let sum = Term<Int32>(variable: "sum", in: 1...Int64(Int32.max))
      let e = Term<Int32>(variable: "exponential", in: 0...Int64(Int32.max))
      let divisor = SoftmaxDivisor(ofSum: sum)
      var reciprocal = TermEvaluator(divisor.reciprocal.node, variables: [sum.node])
      var shift = TermEvaluator(divisor.shift.node, variables: [sum.node])
      var code = TermEvaluator(divisor.code(e).node, variables: [sum.node, e.node])
      sweep { sweep in
        for _ in 0..<points(60_000) {
          let s = Int64(1 + random.integer(0...1 << random.integer(0...31))) & Int64(Int32.max) | 1
          let x = Int64(random.accumulator() & Int32.max)
          let machine = SoftmaxDivisor(ofSum: Int32(s))
          sweep.expect(reciprocal(s), Int64(machine.reciprocal), "\(s)")
          sweep.expect(shift(s), Int64(machine.shift), "\(s)")
          sweep.expect(code(s, x), Int64(machine.code(Int32(x))), "\(x) over \(s)")
        }
      }
      for fault in [reciprocal.fault, shift.fault, code.fault] { #expect(fault == nil) }

      try sweep { sweep in
        for _ in 0..<points(300) {
          let scale = try #require(SoftmaxScale(scale: Float(random.magnitude(exponents: -16...2)), beta: 1))
          let least = Int64(max(-255, scale.leastDifference))
          let difference = Term<Int32>(variable: "difference", in: least...0)
          var summand = TermEvaluator(
            softmaxSummand(softmaxExponential(difference, scale)).node, variables: [difference.node])
          for d in least...0 {
            sweep.expect(
              summand(d), Int64(softmaxSummand(softmaxExponential(Int32(d), scale))), "\(d), \(scale)")
          }
          sweep.expect(summand.fault == nil, summand.fault ?? "")
        }
      }
    }
  }
}
