import Arithmetic
import IntegerProgram
import Testing

@testable import Simulation

extension RequantizationConstants {
  /// What the kernels compute, in one lane, before zero point and clamp.
  fileprivate func rescaled(_ a: Int32, tiesToEven: Bool) -> Int32 {
    let product = Int64(a << left) * Int64(mantissa)
    let odd = tiesToEven ? product >> shift & 1 : 0
    return Int32((product + addend - (a < 0 ? nudge : 0) + odd) >> shift)
  }
}

@Test(arguments: Rounding.allCases)
func kernelConstantsRescaleAsTheRoundingRuleSays(rounding: Rounding) {
  var generator = SeededGenerator(seed: 7)
  for exponent in -31...30 {
    for round in 0..<2000 {
      let mantissa =
        rounding == .halfUpShift || round % 10 == 0 ? 1 << 30 : generator.int(1 << 30...(1 << 31) - 1)
      let multiplier = Multiplier(mantissa: Int32(mantissa), exponent: exponent)
      // As large as the result may be, and as the left shift leaves room for.
      let reach = 1 << generator.int(0...(30 - max(exponent, 0)))
      var a = Int32(generator.int(-reach...reach - 1))
      if round % 3 == 0, exponent < 0 {
        // Close to a tie of the exact product.
        let half = (Double(generator.int(-200...200)) + 0.5) / multiplier.real
        if abs(half) < 0x1p30 { a = Int32(half) + Int32(generator.int(-1...1)) }
      }
      let constants = RequantizationConstants(multiplier, rounding)
      let expected = requantize(a, by: multiplier, rounding: rounding)
      let found = constants.rescaled(a, tiesToEven: rounding == .halfEven)
      guard found != expected else { continue }
      Issue.record("\(a) by \(multiplier): \(found), not \(expected)")
      return
    }
  }
}

@Test(arguments: Rounding.allCases)
func aMultiplierOfZeroMakesZero(rounding: Rounding) {
  guard rounding != .halfUpShift else { return }
  let zero = Multiplier(mantissa: 0, exponent: 0)
  let constants = RequantizationConstants(zero, rounding)
  for a in [Int32.min, -1, 0, 1, Int32.max] {
    #expect(
      constants.rescaled(a, tiesToEven: rounding == .halfEven) == requantize(a, by: zero, rounding: rounding))
  }
}
