import Arithmetic
import Network

// A weighted sum that no quantiser follows, at a network's end → codes that are its accumulators.
extension Lowering {
  /// The sum whose codes are its accumulators, in the unit that the output's scale says, with an integer bias or a real one;
  /// perhaps behind a ReLU.
  func accumulatorSum(
    _ operation: Operation, _ input: Value, weightScales: [Float], bias: [Int64], _ activation: Activation, output: Value
  ) throws(LayerFault) -> QuantizedSum {
    let given: AccumulatorUnit.Bias
    switch operation.stages.first {
    case nil: given = .codes(bias)
    case .added(let reals) where operation.stages.count == 1 && bias.allSatisfy({ $0 == 0 }):
      given = .reals(reals.count == 1 ? Array(repeating: reals[0], count: bias.count) : reals)
    default: throw LayerFault("its result is computed with, and no quantiser makes codes of it")
    }
    guard activation == .none || activation == .relu else {
      throw LayerFault("its accumulators are clamped from above, and no quantiser follows", remedy: "put one behind it")
    }
    do throws(AccumulatorUnit.Fault) {
      let unit = try AccumulatorUnit(
        inputScale: input.scale, weightScales: weightScales, bias: given, scale: output.scale)
      var sum = QuantizedSum(requantization: activation == .relu ? .rectifier : .identity, offsets: unit.offsets)
      sum.factors = unit.factors
      return sum
    } catch {
      throw LayerFault(error.reason, remedy: error.remedy)
    }
  }
}
