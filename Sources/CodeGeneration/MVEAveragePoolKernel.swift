import IntegerProgram

/// Average pools over a whole image of at most 255 pixels with Arm's vector extension: eight channels a vector, whose sums
/// fit 16 bits.
///
/// The average of the magnitude, halves upward, is (magnitude · factor + addend) >> shift, tried for every sum; it gets
/// the sum's sign back.
struct MVEAveragePoolKernel: StepKernel {
  var need: ProcessorNeed? { .mve }
  private let factor, addend: Int64
  private let shift: Int

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .pool(let pool) = step.operation, pool.kind == .average, program.values[step.inputs[0]].type == .int8,
      program.values[step.output].type == .int8
    else { return nil }
    let g = pool.geometry
    guard g.outputPixels == 1, !g.hasPadding, g.taps * g.inputChannels * g.batch == g.inputCount, g.taps <= 255,
      g.inputChannels % 8 == 0
    else { return nil }
    let (count, most) = (Int64(g.taps), Int64(128 * g.taps))
    for shift in 8...24 {
      let factor = ((Int64(1) << Int64(shift)) + count - 1) / count
      let addend = count / 2 * factor
      guard most * factor + addend < Int64(1) << 31 else { break }
      if (0...most).allSatisfy({ ($0 * factor + addend) >> Int64(shift) == ($0 + count / 2) / count }) {
        (self.factor, self.addend, self.shift) = (factor, addend, shift)
        return
      }
    }
    return nil
  }

  /// The output may start where the input does: each image's channels are read before they are written, those of the
  /// next images lie further on.
  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? { 0 }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .pool(let pool) = step.operation else { return }
    let g = pool.geometry
    writer.include("arm_mve.h")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let range = pool.clamp
    let average = writer.sharedFunction("mve_average_\(g.taps)") { name, text in
      text.comment("Four sums of \(g.taps) codes divided by their number, to the nearest, halves away from zero.")
      text.block("static int32x4_t \(name)(int32x4_t sums)") { text in
        text.line("const int32x4_t products = vaddq_n_s32(vmulq_n_s32(vabsq_s32(sums), \(factor)), \(addend));")
        text.line("const int32x4_t averages = vshrq_n_s32(products, \(shift));")
        text.line("return vpselq_s32(vnegq_s32(averages), averages, vcmpltq_n_s32(sums, 0));")
      }
    }
    func image(_ text: inout CText) {
      text.block("for (int32_t channel = 0; channel < \(g.inputChannels); channel += 8)") { text in
        text.line("const int8_t *from = &x[channel];")
        text.line("int16x8_t sums = vdupq_n_s16(0);")
        text.loop("pixel", g.taps) { text in
          text.line("sums = vaddq_s16(sums, vldrbq_s16(from));")
          text.line("from = &from[\(g.inputChannels)];")
        }
        text.line("const int32x4_t even = \(average)(vmovlbq_s16(sums));")
        text.line("const int32x4_t odd = \(average)(vmovltq_s16(sums));")
        text.line("sums = vmovntq_s32(vmovnbq_s32(sums, even), odd);")
        if range.lowerBound > -128 {
          text.line("sums = vmaxq_s16(sums, vdupq_n_s16(\(CExpressionPrinter.literal(range.lowerBound))));")
        }
        if range.upperBound < 127 {
          text.line("sums = vminq_s16(sums, vdupq_n_s16(\(CExpressionPrinter.literal(range.upperBound))));")
        }
        text.line("vstrbq_s16(&y[channel], sums);")
      }
    }
    if g.batch == 1 {
      image(&text)
    } else {
      text.loop("batch", g.batch) { text in
        image(&text)
        text.line("x = &x[\(g.taps * g.inputChannels)];")
        text.line("y = &y[\(g.inputChannels)];")
      }
    }
  }
}
