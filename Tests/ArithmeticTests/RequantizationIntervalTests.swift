import Testing

@testable import Arithmetic

/// The interval reading of requantisation: sound, exact at its ends, and proved wherever nothing can
/// overflow.
@Suite struct RequantizationIntervalTests {
  @Test(arguments: Rounding.allCases)
  func theRangeIsThatOfItsEndsAndProvedIfTheyFit(_ rounding: Rounding) {
    var random = SplitMix64(seed: 11)
    var proved = 0
    sweep { sweep in
      for exponent in exponents {
        for _ in 0..<points(8_000) {
          let mantissa = admissible(random.mantissa(), rounding)
          let x: Interval<Int32> = random.interval()
          let found = requantize(
            x, by: Multiplier(mantissa: mantissa, exponent: exponent), rounding: rounding)
          let low = exactlyRequantized(x.low, Int64(mantissa), exponent, rounding)
          let high = exactlyRequantized(x.high, Int64(mantissa), exponent, rounding)
          let fits =
            requantizationFits(x.low, exponent, rounding, exact: low)
            && requantizationFits(x.high, exponent, rounding, exact: high)
          proved += found.holds ? 1 : 0
          // Half-even cannot see at the ends of a range whether a tie's floor is odd: there it may be one too
          // wide.
          let lowSlack: Int128 = rounding == .halfEven && isTie(x.low, mantissa, exponent) ? 1 : 0
          let highSlack: Int128 = rounding == .halfEven && isTie(x.high, mantissa, exponent) ? 1 : 0
          let operands = "\(x) by \(mantissa), \(exponent): \(found), expected \(low) … \(high)"
          if found.holds {
            sweep.expect(fits, operands)
            sweep.expect((low - lowSlack...low).contains(Int128(found.low)), operands)
            sweep.expect((high...high + highSlack).contains(Int128(found.high)), operands)
          } else {
            sweep.expect(!fits || lowSlack + highSlack > 0, operands)
          }
        }
      }
    }
    #expect(
      proved > points(8_000) * exponents.count / 10, "enough ranges must be proved for the claim to say much")
  }

  @Test(arguments: Rounding.allCases)
  func everyMemberOfAShortRangeLiesInTheResult(_ rounding: Rounding) {
    var random = SplitMix64(seed: 12)
    sweep { sweep in
      for exponent in exponents {
        for _ in 0..<points(6_000) {
          let mantissa = admissible(random.mantissa(), rounding)
          let x: Interval<Int32> = random.shortInterval()
          let multiplier = Multiplier(mantissa: mantissa, exponent: exponent)
          let found = requantize(x, by: multiplier, rounding: rounding)
          for member in x.range {
            let result = requantize(Int32(member), by: multiplier, rounding: rounding)
            sweep.expect(
              found.contains(Int64(result)), "\(member) of \(x) by \(multiplier): \(result), \(found)")
            if found.holds {
              sweep.expect(
                Int128(result), exactlyRequantized(member, Int64(mantissa), exponent, rounding),
                "\(member) of \(x) by \(multiplier) overflows, though \(found) is proved")
            }
          }
        }
      }
    }
  }

  /// One requantisation for channels whose mantissas and shifts differ: all three operands are ranges.
  @Test(arguments: Rounding.allCases)
  func rangesOfMultipliersAreSound(_ rounding: Rounding) {
    var random = SplitMix64(seed: 13)
    var proved = 0
    sweep { sweep in
      for _ in 0..<points(250_000) {
        let x: Interval<Int32> = random.interval()
        let mantissas = between(
          Int64(admissible(random.mantissa(), rounding)), Int64(admissible(random.mantissa(), rounding)))
        let shifts = Shifts<Interval<Int32>>(
          left: random.next() & 1 == 0 ? Interval(0) : between(random.integer(0...8), random.integer(0...30)),
          right: random.next() & 1 == 0
            ? Interval(0) : between(random.integer(0...31), random.integer(0...31)))
        let found = requantize(x, mantissa: mantissas, shifts: shifts, rounding: rounding)
        proved += found.holds ? 1 : 0
        for _ in 0..<12 {
          let member = random.member(of: x)
          let mantissa = random.member(of: mantissas)
          let (left, right) = (random.member(of: shifts.left), random.member(of: shifts.right))
          let result = requantize(
            Int32(member), mantissa: Int32(mantissa), shifts: Shifts(left: Int32(left), right: Int32(right)),
            rounding: rounding)
          let operands = "\(member) by \(mantissa) << \(left) >> \(right) of \(x): \(result), \(found)"
          if found.holds || left == 0 || right == 0 { sweep.expect(found.contains(Int64(result)), operands) }
          guard found.holds else { continue }
          let exact = requantize(
            Exact<Int32>(member), mantissa: Exact(mantissa),
            shifts: Shifts(left: Exact(left), right: Exact(right)),
            rounding: rounding)
          sweep.expect(exact.fits && exact.value == Int128(result), operands)
        }
      }
    }
    #expect(proved > points(250_000) / 20, "enough ranges must be proved for the claim to say much")
  }

  @Test(arguments: Rounding.allCases)
  func anOverflowOfOneMemberIsNoticed(_ rounding: Rounding) {
    // Twice 2^30 just leaves the register; twice 2^30 − 1 just stays.
    let two = Multiplier.powerOfTwo(1)
    #expect(
      requantize(Interval<Int32>(0, (1 << 30) - 1), by: two, rounding: rounding).holds
        == (rounding != .double))
    #expect(!requantize(Interval<Int32>(0, 1 << 30), by: two, rounding: rounding).holds)
    #expect(requantize(Interval<Int32>(-(1 << 29), (1 << 29) - 1), by: two, rounding: rounding).holds)
    #expect(!requantize(Interval<Int32>(-(1 << 30) - 1, 0), by: two, rounding: rounding).holds)
  }

  private func isTie(_ x: Int64, _ mantissa: Int32, _ exponent: Int) -> Bool {
    let shift = Int128(31 - exponent)
    return (Int128(x) * Int128(mantissa)) & ((1 << shift) - 1) == 1 << (shift - 1)
  }

  private func between(_ a: Int64, _ b: Int64) -> Interval<Int32> { Interval(min(a, b), max(a, b)) }
}
