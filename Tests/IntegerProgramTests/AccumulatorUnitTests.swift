import Network
import Testing

/// Accumulators that are a network's outputs are whole numbers of one unit, or are refused.
@Suite struct AccumulatorUnitTests {
  @Test func oneScaleIsTheUnitAndBiasesAreCodes() throws {
    let unit = try AccumulatorUnit(inputScale: 0.1, weightScales: [0.3], bias: .codes([5, -7]))
    #expect(unit.real == Double(Float(0.1)) * Double(Float(0.3)))
    #expect(unit.factors == [1] && unit.offsets == [5, -7])
  }

  @Test func channelsWhoseScalesDifferByPowersOfTwoShareTheFinest() throws {
    let unit = try AccumulatorUnit(inputScale: 0.1, weightScales: [0.3, 1.2, 0.6], bias: .codes([1, 1, 1]))
    #expect(unit.factors == [1, 4, 2] && unit.offsets == [1, 4, 2])
    #expect(unit.real == Double(Float(0.1)) * Double(Float(0.3)))
  }

  @Test func aRealBiasMakesTheUnitFinerWhereThatIsExact() throws {
    let unit = try AccumulatorUnit(inputScale: 0.5, weightScales: [0.25], bias: .reals([0.125, -0.03125]))
    #expect(unit.real == 0.03125 && unit.factors == [4] && unit.offsets == [4, -1])
  }

  @Test func whatHasNoCommonUnitIsRefused() {
    let scales = #expect(throws: AccumulatorUnit.Fault.self) {
      _ = try AccumulatorUnit(inputScale: 1, weightScales: [0.5, 0.3], bias: .codes([0, 0]))
    }
    #expect(scales?.reason.contains("powers of two") == true)
    let bias = #expect(throws: AccumulatorUnit.Fault.self) {
      _ = try AccumulatorUnit(inputScale: 0.1, weightScales: [0.3], bias: .reals([0.07]))
    }
    #expect(bias?.reason.contains("bias") == true)
  }
}
