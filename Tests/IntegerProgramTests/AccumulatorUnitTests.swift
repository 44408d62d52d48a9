import Network
import Testing

/// Accumulators that are a network's outputs are whole numbers of one unit, or stand in the order of the exact values.
@Suite struct AccumulatorUnitTests {
  private func unit(_ scales: [Float], _ bias: AccumulatorUnit.Bias, largest: Int64 = 1 << 14) throws -> AccumulatorUnit {
    try AccumulatorUnit(inputScale: 0.1, weightScales: scales, bias: bias) { factors, _ in
      factors.allSatisfy { $0 <= largest }
    }
  }

  @Test func oneScaleIsTheUnitAndBiasesAreCodes() throws {
    let unit = try unit([0.3], .codes([5, -7]))
    #expect(unit.real == Double(Float(0.1)) * Double(Float(0.3)))
    #expect(unit.factors == [1] && unit.offsets == [5, -7] && unit.isExact)
  }

  @Test func channelsWhoseScalesDifferByPowersOfTwoShareTheFinest() throws {
    let unit = try unit([0.3, 1.2, 0.6], .codes([1, 1, 1]))
    #expect(unit.factors == [1, 4, 2] && unit.offsets == [1, 4, 2])
    #expect(unit.real == Double(Float(0.1)) * Double(Float(0.3)))
  }

  @Test func aRealBiasMakesTheUnitAsFineAsItIs() throws {
    let unit = try AccumulatorUnit(
      inputScale: 0.5, weightScales: [0.25], bias: .reals([0.125, -0.03125]), fits: { _, _ in true })
    #expect(unit.real == 0.03125 && unit.factors == [4] && unit.offsets == [4, -1] && unit.isExact)
    let again = try AccumulatorUnit(
      inputScale: 0.5, weightScales: [0.25], bias: .reals([0.125, -0.03125]), scale: 0.03125)
    #expect(again == unit)
  }

  @Test func aRoundedBiasKeepsTheOrderOfAnyAccumulators() throws {
    let biases = [0.0731, -0.2219, 0.0117, 0.4]
    let unit = try unit([0.3], .reals(biases), largest: 256)
    #expect(!unit.isExact && unit.factors == [256])
    let exact = Double(Float(0.1)) * Double(Float(0.3))
    for i in biases.indices {
      for j in biases.indices where i != j {
        for difference in -40...40 as ClosedRange<Int64> {
          let real = Double(difference) * exact + (biases[i] - biases[j])
          let codes = difference * 256 + unit.offsets[i] - unit.offsets[j]
          #expect((real < 0) == (codes < 0) && (real > 0) == (codes > 0), "\(i), \(j), \(difference)")
        }
      }
    }
  }

  @Test func aReLUAsksThatValuesKeepTheirSideOfZero() throws {
    let unit = Double(Float(0.1)) * Double(Float(0.3))
    func made(_ isRectified: Bool) throws -> AccumulatorUnit {
      try AccumulatorUnit(
        inputScale: 0.1, weightScales: [0.3], bias: .reals([unit / 65536]), isRectified: isRectified
      ) { factors, _ in factors.allSatisfy { $0 <= 1 << 8 } }
    }
    #expect(try made(false).keepsOrder)
    #expect(try !made(true).keepsOrder)
  }

  @Test func whatHasNoCommonUnitIsRefusedAndWhatMayChangePlacesIsSaidTo() throws {
    let scales = #expect(throws: AccumulatorUnit.Fault.self) { _ = try self.unit([0.5, 0.3], .codes([0, 0])) }
    #expect(scales?.reason.contains("powers of two") == true)
    // A quarter of a fine unit apart: rounding moves them by about as much.
    let unit = Double(Float(0.1)) * Double(Float(0.3))
    let made = try self.unit([0.3], .reals([0.07, 0.07 + unit / 65536]))
    #expect(!made.isExact && !made.keepsOrder && made.factors == [1 << 14])
    #expect(abs(made.offsets[0] - made.offsets[1]) <= 1)
    let none = #expect(throws: AccumulatorUnit.Fault.self) { _ = try self.unit([0.3], .reals([0.07]), largest: 0) }
    #expect(none?.reason.contains("32 bits") == true)
  }
}
