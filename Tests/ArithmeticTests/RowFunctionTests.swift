import Foundation
import Testing

@testable import Arithmetic

/// The logarithm of log-softmax and the inverse square root of L2 normalisation: against TensorFlow Lite's formulas and
/// against the real numbers.
@Suite struct RowFunctionTests {
  /// Sums as a softmax has them, all sizes alike, and the two sides of powers of two.
  private static func sums(_ random: inout SplitMix64) -> [Int32] {
    var sums: [Int32] = []
    for bits in Int64(19)...30 {
      let low = Int64(1) << bits
      sums += [low, low + 1, 2 * low - 2, 2 * low - 1].map { Int32($0) }
      sums += (0..<points(40_000)).map { _ in Int32(random.integer(low...2 * low - 1)) }
    }
    return sums.sorted()
  }

  @Test func theLogarithmIsTensorFlowLites() {
    var random = SplitMix64(seed: 81)
    sweep { sweep in
      for sum in Self.sums(&random) {
        sweep.expect(logarithm(ofSum: sum), TensorFlowLite.logarithm(ofSum: sum), "ln \(sum)")
      }
    }
  }

  @Test func theLogarithmRisesAndIsThatOfTheRealNumber() {
    var random = SplitMix64(seed: 82)
    var largest: Int32 = 0
    sweep { sweep in
      for sum in Self.sums(&random) {
        let found = logarithm(ofSum: sum)
        sweep.expect(found >= largest - largestFallOfLogarithm, true, "ln \(sum) is \(found), before it \(largest)")
        largest = max(largest, found)
        let real = log(Double(sum) / 0x1p19) * 0x1p26
        sweep.expect(abs(Double(found) - real) < 8, true, "ln \(sum): \(found), not \(real)")
      }
    }
    #expect(logarithm(ofSum: Int32(1 << 19)) == 0)
    #expect(logarithm(ofSum: Int32.max) == 558_195_838)
  }

  @Test func theLogarithmOfAllSumsFitsItsRegister() {
    let whole = logarithm(ofSum: Interval<Int32>(1 << 19, Int64(Int32.max)))
    #expect(whole.holds)
    #expect(whole.range.contains(0) && whole.range.contains(558_195_838))
    let code = logSoftmaxCode(Interval<Int32>(-(31 << 26), 0), logarithm: whole)
    #expect(code.holds)
    #expect(code.range == -128...127)
  }

  /// Squares' sums: the small ones, the two sides of powers of four, and random ones.
  private static func squares(_ random: inout SplitMix64) -> [Int32] {
    var sums = (0..<Int32(points(70_000))).map { $0 }
    for bits in stride(from: Int64(2), to: 29, by: 2) {
      let low = Int64(1) << bits
      sums += [low - 1, low, low + 1].map { Int32($0) }
      sums += (0..<points(40_000)).map { _ in Int32(random.integer(low...min(4 * low, 1 << 29) - 1)) }
    }
    return sums
  }

  @Test func theInverseSquareRootIsTensorFlowLites() {
    var random = SplitMix64(seed: 83)
    sweep { sweep in
      for sum in Self.squares(&random) {
        let (found, expected) = (InverseSquareRoot(of: sum), TensorFlowLite.inverseSquareRoot(sum))
        sweep.expect(found.mantissa, expected.mantissa, "1/√\(sum)")
        sweep.expect(-found.rightShift, Int32(expected.exponent), "1/√\(sum)")
        if sum > 0 {
          let real = Double(found.mantissa) / 0x1p31 / Double(Int32(1) << found.rightShift) * Double(sum).squareRoot()
          sweep.expect(abs(real - 1) < 2e-6, true, "1/√\(sum) is off by \(real - 1)")
        }
      }
    }
  }

  @Test func theInverseSquareRootOfAllSumsFitsItsRegister() {
    let root = InverseSquareRoot(of: Interval<Int32>(0, (1 << 29) - 1))
    for rounding in [Rounding.double, .single, .halfEven] {
      let code = root.share(of: Interval<Int32>(-255, 255), rounding: rounding)
      #expect(code.holds)
      #expect(code.range == -128...127)
    }
  }
}
