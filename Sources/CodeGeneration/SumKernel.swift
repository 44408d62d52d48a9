import Arithmetic
import IntegerProgram

/// Sums of two tensors, element by element, as
///
///     code = clamp((a · left + b · right + addend) >> shift)
///
/// in 32 bits, compared with the layer's own rule for every pair of codes.
struct SumKernel: StepKernel {
  private let left, right, addend: Int64
  private let shift: Int
  private let clamp: ClosedRange<Int64>

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .combine(let combine) = step.operation, combine.kind != .product, combine.isElementwise,
      step.inputs.allSatisfy({ program.values[$0].type == .int8 }), program.values[step.output].type == .int8
    else { return nil }
    let ranges = step.inputs.map { Int64(program.values[$0].range.lowerBound)...Int64(program.values[$0].range.upperBound) }
    clamp = combine.requantization.clamp
    let scale = combine.requantization.multiplier(channel: 0).real * Double(1 << combine.leftShift)
    let a = combine.left.multiplier.real * scale
    let b = combine.right.multiplier.real * scale * (combine.kind == .difference ? -1 : 1)
    // Codes that the sum stays below, with room for the addend.
    let extent = 256 * (a.magnitude + b.magnitude) + 256
    guard extent < Double(1 << 16) else { return nil }
    var shift = 24
    while extent * Double(1 << shift) >= Double(1 << 31) { shift -= 1 }
    self.shift = shift
    let codes = ranges[0].map { x in ranges[1].map { y in combine.code(x, y) } }
    let nominal = (Int64((a * Double(1 << shift)).rounded()), Int64((b * Double(1 << shift)).rounded()))
    let near: [Int64] = [0, -1, 1, -2, 2]
    for (left, right) in near.flatMap({ first in near.map { (nominal.0 + first, nominal.1 + $0) } }) {
      var (low, high) = (-Int64(1) << 30, Int64(1) << 30)
      for (x, row) in zip(ranges[0], codes) where low <= high {
        for (y, code) in zip(ranges[1], row) {
          let sum = x * left + y * right
          if code > clamp.lowerBound { low = max(low, code << Int64(shift) - sum) }
          if code < clamp.upperBound { high = min(high, (code + 1) << Int64(shift) - 1 - sum) }
        }
      }
      guard low <= high else { continue }
      (self.left, self.right, addend) = (left, right, low + (high - low) / 2)
      return
    }
    return nil
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .combine(let combine) = step.operation else { return }
    writer.input("a", step.inputs[0])
    writer.input("b", step.inputs[1])
    writer.output("y", step.output)
    let literal = CExpressionPrinter.literal
    text.loop("i", combine.shape[0]) { text in
      text.line("int32_t sum = ((int32_t)a[i] * \(literal(left))) + ((int32_t)b[i] * \(literal(right))) + \(literal(addend));")
      text.line("sum = \(writer.names.prefix)_floor_shift_32(sum, \(shift));")
      text.block("if ((sum < \(literal(clamp.lowerBound))) || (sum > \(literal(clamp.upperBound))))") {
        $0.line("sum = (sum < \(literal(clamp.lowerBound))) ? \(literal(clamp.lowerBound)) : \(literal(clamp.upperBound));")
      }
      text.line("y[i] = (int8_t)sum;")
    }
  }
}
