import Testing

@testable import Arithmetic

/// A real factor as mantissa and exponent, against TensorFlow Lite's `QuantizeMultiplier`.
@Suite struct MultiplierTests {
  @Test func everyFactorIsQuantizedAsInTensorFlowLite() {
    var random = SplitMix64(seed: 81)
    var (zeros, carries) = (0, 0)
    sweep { sweep in
      for index in 0..<points(3_000_000) {
        var real = random.magnitude(exponents: index & 1 == 0 ? -40...32 : -1074...1023)
        // Just below a power of two the mantissa may round up to 2^31.
        if index & 3 == 0 {
          real = Double(sign: .plus, exponent: real.exponent, significand: 2 - random.unit() * 0x1p-29)
        }
        let expected = TensorFlowLite.quantizeMultiplier(real)
        let found = Multiplier(real)
        zeros += expected.mantissa == 0 ? 1 : 0
        carries += expected.mantissa == 1 << 30 && real.significand > 1.5 ? 1 : 0
        sweep.expect(
          found,
          expected.shift > 30 ? nil : Multiplier(mantissa: expected.mantissa, exponent: expected.shift),
          "\(real)")
      }
    }
    #expect(zeros > 0 && carries > 0)
  }

  @Test func itIsTheNearestFactorOf31Bits() {
    var random = SplitMix64(seed: 82)
    sweep { sweep in
      for _ in 0..<points(1_000_000) {
        let real = random.magnitude(exponents: -32...28)
        guard let found = Multiplier(real) else {
          sweep.expect(false, "\(real) is refused")
          continue
        }
        sweep.expect(found.mantissa >= 1 << 30 && exponents.contains(found.exponent), "\(real): \(found)")
        sweep.expect(abs(found.real - real) <= real * 0x1p-31, "\(real): \(found.real)")
      }
    }
  }

  struct Edge: CustomTestStringConvertible, Sendable {
    let real: Double
    /// Nil where the factor is refused.
    let expected: Multiplier?
    var testDescription: String { "\(real)" }

    init(_ real: Double, _ mantissa: Int32, _ exponent: Int) {
      self.real = real
      expected = Multiplier(mantissa: mantissa, exponent: exponent)
    }
    init(refused real: Double) {
      self.real = real
      expected = nil
    }
  }
  @Test(arguments: [
    Edge(0, 0, 0), Edge(-0.0, 0, 0), Edge(1, 1 << 30, 1), Edge(0.5, 1 << 30, 0), Edge(0.75, 3 << 29, 0),
    // 1 less a little is 2^31 / 2^31, hence 2^30 and the next exponent.
    Edge(1 - 0x1p-33, 1 << 30, 1), Edge(1 - 0x1p-32, 1 << 30, 1), Edge(1 - 0x1.8p-32, Int32.max, 0),
    Edge(1 - 0x1p-31, Int32.max, 0),
    // A tie of the mantissa rounds up.
    Edge(0.5 + 0x1p-32, (1 << 30) + 1, 0), Edge(0.5 + 0x1.fp-33, 1 << 30, 0),
    // The least exponent is −31; what is less than 2^-32 vanishes, unless it rounds up to it.
    Edge(0x1p-32, 1 << 30, -31), Edge(0x1.fffffffp-33, 0, 0), Edge(0x1.fffffffffp-33, 1 << 30, -31),
    Edge(0x1p-33, 0, 0), Edge(.leastNonzeroMagnitude, 0, 0), Edge(.leastNormalMagnitude, 0, 0),
    // The greatest exponent is 30.
    Edge(0x1p29, 1 << 30, 30), Edge(0x1p30 - 1, Int32.max - 1, 30), Edge(0x1p30 - 0.5, Int32.max, 30),
    Edge(refused: (0x1p30 as Double).nextDown), Edge(refused: 0x1p30),
    Edge(refused: .greatestFiniteMagnitude),
    Edge(refused: .infinity), Edge(refused: -.infinity), Edge(refused: .nan), Edge(refused: -1),
    Edge(refused: -.leastNonzeroMagnitude),
  ])
  func edgesAreAsComputedByHand(_ edge: Edge) {
    #expect(Multiplier(edge.real) == edge.expected)
  }

  @Test(arguments: -32...29)
  func powersOfTwoAreExact(_ exponent: Int) {
    let power = Double(sign: .plus, exponent: exponent, significand: 1)
    #expect(Multiplier.powerOfTwo(exponent).real == power)
    #expect(Multiplier(power) == .powerOfTwo(exponent))
  }
}
