import Arithmetic
import IntegerProgram

/// Sums and differences of two 8-bit tensors element by element, fused, in C for any processor of 32 bits.
struct SumKernel: StepKernel {
  var need: ProcessorNeed? { nil }
  private let sum: FusedSum
  private let count: Int

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .combine(let combine) = step.operation, combine.isElementwise, program.values[step.output].type == .int8,
      step.inputs.allSatisfy({ program.values[$0].type == .int8 }),
      let sum = FusedSum(
        combine, program.values[step.inputs[0]].range, program.values[step.inputs[1]].range,
        saturation: Int64(Int32.min)...Int64(Int32.max))
    else { return nil }
    self.sum = sum
    count = combine.shape[0]
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.input("a", step.inputs[0])
    writer.input("b", step.inputs[1])
    writer.output("y", step.output)
    let literal = CExpressionPrinter.literal
    text.loop("i", count) { text in
      text.line(
        "int32_t sum = ((int32_t)a[i] * \(literal(Int64(sum.left)))) + ((int32_t)b[i] * \(literal(Int64(sum.right)))) + \(literal(Int64(sum.addend)));")
      text.line("sum = \(writer.names.prefix)_floor_shift_32(sum, \(sum.shift));")
      if let clamp = sum.clamp {
        text.block("if ((sum < \(literal(clamp.lowerBound))) || (sum > \(literal(clamp.upperBound))))") {
          $0.line("sum = (sum < \(literal(clamp.lowerBound))) ? \(literal(clamp.lowerBound)) : \(literal(clamp.upperBound));")
        }
      }
      text.line("y[i] = (int8_t)sum;")
    }
  }
}
