import Testing

@testable import Arithmetic

/// HARD_SWISH against TensorFlow Lite's, whose registers are 16 bits wide throughout.
@Suite struct HardSwishTests {
  @Test func everyCodeOfManyScalesIsTensorFlowLites() {
    var random = SplitMix64(seed: 71)
    var (taken, refused) = (0, 0)
    var (left, right) = (0, 0)
    var saturated = (output: 0, relu: 0)
    sweep { sweep in
      for index in 0..<points(60_000) {
        // Just below a power of two a mantissa does not round up to 2^15, which 16 bits do not hold.
        let below = 1 - Float(random.integer(1...1023)) * 0x1p-24
        let power = Float(random.magnitude(exponents: -14...4).binade)
        let inputScale =
          switch index & 31 {
          case 0: power * below
          case 1: 3 * power * below
          default: Float(random.magnitude(exponents: -14...4))
          }
        // Where output codes are of the inputs' order, as in networks, and far off.
        let outputScale =
          index & 31 == 0
          ? power / 64 : inputScale * Float(random.magnitude(exponents: index & 1 == 0 ? -3...3 : -12...18))
        let expected = TensorFlowLite.hardSwishParameters(inputScale: inputScale, outputScale: outputScale)
        guard let scale = HardSwishScale(inputScale: inputScale, outputScale: outputScale) else {
          refused += 1
          // What TensorFlow Lite takes and its 16-bit shifts can do must not be refused.
          let isFar =
            expected.map { $0.outputExponent < -15 || !(-15...16).contains($0.reluishExponent) } ?? true
          sweep.expect(isFar, "scales \(inputScale), \(outputScale)")
          continue
        }
        taken += 1
        guard let expected else {
          sweep.expect(false, "scales \(inputScale), \(outputScale), which the reference refuses")
          continue
        }
        saturated.output += scale.output.mantissa > Int32.max - (1 << 15) ? 1 : 0
        saturated.relu += scale.relu.mantissa > Int32.max - (1 << 15) ? 1 : 0
        left += expected.reluishExponent > 0 ? 1 : 0
        right += expected.reluishExponent < 0 ? 1 : 0
        let inputZeroPoint = [0, -128, 127, Int16(random.integer(-128...127))][index & 3]
        let outputZeroPoint = Int16(random.integer(-128...127))
        for code in Int8.min...Int8.max {
          let found = hardSwish(Int32(code) - Int32(inputZeroPoint), scale)
          sweep.expect(
            Int8(clamping: found + Int32(outputZeroPoint)),
            TensorFlowLite.hardSwish(
              code, inputZeroPoint: inputZeroPoint, outputZeroPoint: outputZeroPoint, expected),
            "code \(code) at \(inputZeroPoint), \(outputZeroPoint), scales \(inputScale), \(outputScale)"
          )
        }
      }
    }
    #expect(taken > refused && refused > 0)
    #expect(saturated.output > 0 && saturated.relu > 0, "mantissas that saturate must occur")
    #expect(left > taken / 20 && right > taken / 20, "both directions of the inner shift must occur")
  }

  /// Before October 2026 TensorFlow Lite Micro formed the two quotients in single precision.
  @Test func theQuotientsAreFormedAsAsked() {
    var random = SplitMix64(seed: 72)
    var differences = 0
    sweep { sweep in
      for _ in 0..<points(100_000) {
        let inputScale = Float(random.magnitude(exponents: -10...2))
        let outputScale = inputScale * Float(random.magnitude(exponents: -3...3))
        let fine = inputScale / 128
        let found = HardSwishScale(inputScale: inputScale, outputScale: outputScale) {
          Double(Float($0) / Float($1))
        }
        let expected = [fine / outputScale, fine / (3 / 32768)].map {
          TensorFlowLite.quantizeMultiplier(Double($0))
        }
        guard let found else { continue }
        sweep.expect(
          [found.output, found.relu], expected.map { Multiplier(mantissa: $0.mantissa, exponent: $0.shift) },
          "scales \(inputScale), \(outputScale)")
        differences += found == HardSwishScale(inputScale: inputScale, outputScale: outputScale) ? 0 : 1
      }
    }
    #expect(differences > 0, "the two precisions must differ somewhere")
  }

  /// Far from zero the function is nothing, or its argument; between, a parabola.
  @Test func itIsTheFunctionOfAnalysisUpToItsRounding() throws {
    for scales in [(0.05, 0.05), (0.1, 0.05), (0.02, 0.03), (0.03, 0.015)] as [(Float, Float)] {
      let scale = try #require(HardSwishScale(inputScale: scales.0, outputScale: scales.1))
      for code in -255...255 as ClosedRange<Int32> {
        let x = Double(code) * Double(scales.0)
        let y = x * min(max(x + 3, 0), 6) / 6 / Double(scales.1)
        #expect(abs(Double(hardSwish(code, scale)) - y) < 1, "\(code) at \(scales)")
      }
    }
  }

  @Test(
    arguments: [
      (1, 0.0078125, false), (1, 0.00782, true), (1, 1, true), (1, 0x1p9, true), (1, 0x1p10, false),
      (0x1p10, 0x1p10, false), (0x1p9, 0x1p9, true), (0x1p-22, 0x1p-22, true), (0x1p-24, 0x1p-24, false),
      (1, .nan, false), (-1, 1, false),
      (1, 0, false),
    ] as [(Float, Float, Bool)])
  func scalesThat16BitsCannotTakeAreRefused(_ input: Float, _ output: Float, _ isTaken: Bool) {
    #expect((HardSwishScale(inputScale: input, outputScale: output) != nil) == isTaken)
  }
}
