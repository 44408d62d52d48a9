import Arithmetic
import Network

// A weighted sum that no quantiser follows, at a network's end → codes that are its accumulators.
extension Lowering {
  /// The sum whose codes are its accumulators, and what one of them stands for.
  func accumulatorSum(
    _ input: Value, weightScales: [Float], bias: Bias
  ) throws(LayerFault) -> (sum: QuantizedSum, scale: Float) {
    let given: AccumulatorUnit.Bias =
      switch bias {
      case .codes(let codes): .codes(codes)
      case .reals(let reals): .reals(reals)
      }
    do throws(AccumulatorUnit.Fault) {
      let unit = try AccumulatorUnit(inputScale: input.scale, weightScales: weightScales, bias: given)
      var sum = QuantizedSum(requantization: .identity, offsets: unit.offsets)
      sum.factors = unit.factors
      return (sum, Float(unit.real))
    } catch {
      throw LayerFault(error.reason, remedy: error.remedy)
    }
  }
}
