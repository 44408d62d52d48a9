import Arithmetic
import IntegerProgram

extension KernelWriter {
  mutating func product(_ product: MatrixProduct, _ step: Step, _ index: Int, _ text: inout CText) {
    let requantize = requantization(product.requantization, accumulators: [product.accumulator], step, index)
    input("a", step.inputs[0])
    input("b", step.inputs[1])
    output("y", step.output)
    let types = step.inputs.map { program.values[$0].cType }
    let ranges = step.inputs.map { Interval<Int64>(program.values[$0].range) }
    let one = product.product(ranges[0], ranges[1]).range
    text.line("int32_t at = 0;")
    nest(product.batch, &text) { text, indices in
      text.loop("row", product.rows) { text in
        let left = Self.place(indices + ["row"], product.left.batchStrides + [product.left.lineStride])
        text.line("const \(types[0]) *const line = &a[\(left)];")
        text.loop("column", product.columns) { text in
          let right = Self.place(indices + ["column"], product.right.batchStrides + [product.right.lineStride])
          text.line("const \(types[1]) *const other = &b[\(right)];")
          text.line("\(product.accumulator.sumType) sum = \(CExpressionPrinter.literal(Int64(product.bias)));")
          text.loop("k", product.depth) { text in
            let factors = [("line", product.left), ("other", product.right)].map { name, operand in
              Self.centred("\(name)[\(Self.place(["k"], [operand.depthStride]))]", operand.zeroPoint)
            }
            // Products of expressions beside longer sums go by variables: MISRA C's rules 10.7 and 10.8.
            if product.accumulator.fits32 {
              text.line("sum += \(factors[0]) * \(factors[1]);")
            } else if one.fits32 {
              text.line("const int32_t term = \(factors[0]) * \(factors[1]);")
              text.line("sum += term;")
            } else {
              text.line("const int64_t left = \(factors[0]);")
              text.line("const int64_t right = \(factors[1]);")
              text.line("sum += left * right;")
            }
          }
          text.line("y[at] = \(requantize("sum", "0"));")
          text.line("at++;")
        }
      }
    }
  }

  /// A code less its zero point.
  private static func centred(_ code: String, _ zeroPoint: Int32) -> String {
    switch zeroPoint {
    case 0: "(int32_t)\(code)"
    case ..<0: "((int32_t)\(code) + \(-Int64(zeroPoint)))"
    default: "((int32_t)\(code) - \(zeroPoint))"
    }
  }
}
