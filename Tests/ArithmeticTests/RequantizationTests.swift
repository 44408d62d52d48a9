import Testing

@testable import Arithmetic

/// The machine reading, Int32, against TensorFlow Lite's code and against exact rational arithmetic.
@Suite struct RequantizationTests {
  @Test(arguments: Rounding.allCases)
  func every16BitAccumulatorIsRequantizedAsDefined(_ rounding: Rounding) {
    sweep { sweep in
      for exponent in exponents {
        for mantissa in notableMantissas where admissible(mantissa, rounding) == mantissa {
          for x in stride(from: -32768 as Int32, through: 32767, by: exhaustiveStride) {
            compare(x, mantissa, exponent, rounding, in: &sweep)
          }
        }
      }
    }
  }

  @Test(arguments: Rounding.allCases)
  func accumulatorsOfEveryMagnitudeAreRequantizedAsDefined(_ rounding: Rounding) {
    var random = SplitMix64(seed: 1)
    sweep { sweep in
      for exponent in exponents {
        for _ in 0..<points(160_000) {
          compare(
            random.accumulator(), admissible(random.mantissa(), rounding), exponent, rounding, in: &sweep)
        }
      }
    }
  }

  /// MEAN divides a multiplier by a count, so mantissas below 2^30 occur; zero stands for a vanishing factor.
  @Test(arguments: [Rounding.double, .single, .halfEven])
  func mantissasNeedNotBeNormalized(_ rounding: Rounding) {
    var random = SplitMix64(seed: 2)
    sweep { sweep in
      for exponent in exponents {
        for bits in 0..<31 {
          for _ in 0..<points(500) {
            let mantissa = Int32(random.integer(0...(1 << Int64(bits)) - 1))
            compare(random.accumulator(), mantissa, exponent, rounding, in: &sweep)
          }
        }
      }
    }
  }

  @Test(arguments: Rounding.allCases)
  func theEndsOfTheRegisterAreRequantizedAsDefined(_ rounding: Rounding) {
    let ends: [Int32] = [
      .min, .min + 1, .min + 2, -(1 << 30), -2, -1, 0, 1, 2, 1 << 30, .max - 2, .max - 1, .max,
    ]
    sweep { sweep in
      for exponent in exponents {
        for mantissa in notableMantissas + [0, 1] where admissible(mantissa, rounding) == mantissa {
          for x in ends { compare(x, mantissa, exponent, rounding, in: &sweep) }
        }
      }
    }
  }

  /// Accumulators whose exact result lies at, or just beside, the middle between two integers.
  @Test(arguments: Rounding.allCases)
  func neighboursOfTiesAreRequantizedAsDefined(_ rounding: Rounding) {
    var random = SplitMix64(seed: 3)
    var ties = 0
    sweep { sweep in
      for exponent in exponents {
        for _ in 0..<points(20_000) {
          let mantissa = admissible(random.mantissa(), rounding)
          // The result's magnitude must be one that accumulators reach.
          let limit = max(Int128(Int32.max) * Int128(mantissa) >> Int128(31 - exponent), 1)
          let whole = random.integer(-Int64(min(limit, 1 << 31))...Int64(min(limit, 1 << 31)))
          let middle = (2 * Int128(whole) + 1) << Int128(30 - exponent)
          let around = middle / Int128(mantissa)
          for step in -1...1 {
            guard let x = Int32(exactly: around + Int128(step)) else { continue }
            let shift = Int128(31 - exponent)
            if (Int128(x) * Int128(mantissa)) & ((1 << shift) - 1) == 1 << (shift - 1) { ties += 1 }
            compare(x, mantissa, exponent, rounding, in: &sweep)
          }
        }
      }
    }
    #expect(ties > points(10_000), "the sweep must meet real ties")
  }

  struct Tie: CustomTestStringConvertible, Sendable {
    /// `x · 2^exponent`
    let x: Int32
    let exponent: Int
    let double, single, halfEven: Int32
    var testDescription: String { "\(x) · 2^\(exponent)" }
  }
  /// By hand, as text books have them. A half-up shift is the single rounding of a power of two.
  @Test(arguments: [
    Tie(x: 1, exponent: -1, double: 1, single: 1, halfEven: 0),
    Tie(x: 3, exponent: -1, double: 2, single: 2, halfEven: 2),
    Tie(x: -1, exponent: -1, double: 0, single: 0, halfEven: 0),
    Tie(x: -3, exponent: -1, double: -1, single: -1, halfEven: -2),
    Tie(x: 2, exponent: -2, double: 1, single: 1, halfEven: 0),
    Tie(x: -2, exponent: -2, double: -1, single: 0, halfEven: 0),
    Tie(x: 6, exponent: -2, double: 2, single: 2, halfEven: 2),
    Tie(x: -6, exponent: -2, double: -2, single: -1, halfEven: -2),
    // A quarter is no tie, but half of it, rounded up, is one: the two roundings add up.
    Tie(x: 1, exponent: -2, double: 1, single: 0, halfEven: 0),
    Tie(x: -1, exponent: -2, double: 0, single: 0, halfEven: 0),
    Tie(x: 5, exponent: 3, double: 40, single: 40, halfEven: 40),
    Tie(x: 7, exponent: 0, double: 7, single: 7, halfEven: 7),
  ])
  func tiesGoWhereTheRoundingSays(_ tie: Tie) {
    let multiplier = Multiplier.powerOfTwo(tie.exponent)
    #expect(requantize(tie.x, by: multiplier, rounding: .double) == tie.double)
    #expect(requantize(tie.x, by: multiplier, rounding: .single) == tie.single)
    #expect(requantize(tie.x, by: multiplier, rounding: .halfUpShift) == tie.single)
    #expect(requantize(tie.x, by: multiplier, rounding: .halfEven) == tie.halfEven)
  }

  @inline(__always)
  private func compare(
    _ x: Int32, _ mantissa: Int32, _ exponent: Int, _ rounding: Rounding, in sweep: inout Sweep
  ) {
    let found = requantize(x, by: Multiplier(mantissa: mantissa, exponent: exponent), rounding: rounding)
    if let expected = tensorFlowLiteRequantized(x, mantissa, exponent, rounding) {
      sweep.expect(found, expected, "\(x) by \(mantissa), \(exponent)")
    }
    let exact = exactlyRequantized(Int64(x), Int64(mantissa), exponent, rounding)
    if rounding != .double || requantizationFits(Int64(x), exponent, rounding, exact: exact) {
      // The register shows the number itself, or its lowest 32 bits.
      sweep.expect(found, Int32(truncatingIfNeeded: exact), "\(x) by \(mantissa), \(exponent), exactly")
    }
  }
}
