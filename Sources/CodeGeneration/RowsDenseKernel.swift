import IntegerProgram

/// Dense layers, four output channels at a time: one offset finds a code and the weights of four rows.
struct RowsDenseKernel: StepKernel {
  var need: ProcessorNeed? { language.need }
  private let requantization: SplitRequantization
  private let language: KernelLanguage

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal, _ language: KernelLanguage) {
    self.language = language
    guard goal != .size, case .affine(let affine) = step.operation, affine.groups == 1, affine.geometry.isPointwise,
      affine.geometry.batch * affine.geometry.outputPixels == 1, affine.geometry.outputChannels >= 4,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) }),
      let requantization = SplitRequantization(affine.requantization, accumulators: affine.accumulators)
    else { return nil }
    self.requantization = requantization
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .affine(let affine) = step.operation else { return }
    let label = "\(step.source.type) of step \(index)"
    let (outputs, depth) = (affine.geometry.outputChannels, affine.weightsPerOutput)
    writer.addTable(
      "weights_\(index)", "int8_t", affine.weights.map(Int64.init), comment: "Weights of \(label): output channel, input")
    writer.addTable(
      "channels_\(index)", "int32_t",
      (0..<outputs).flatMap { channel -> [Int64] in
        let c = requantization.channels[channel]
        // A channel of one code is never out of its span, whatever the sum.
        let (span, addend) = c.constant.map { (-1, $0 << SplitRequantization.shift) } ?? (c.span, c.addend)
        return [requantization.start(affine, channel)].map(SplitRequantization.word) + requantization.factors(channel)
          + [span, addend].map(SplitRequantization.word) + requantization.signs(channel)
      },
      comment: "Start of the sum, factor, span and addend of every output channel, \(label)")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let unrolled = (1...4).last { depth % $0 == 0 } ?? 1
    let function = function(unrolled, &writer)
    func call(_ channel: Int, _ fours: Int, _ text: inout CText) {
      text.line(
        "\(function)(&\(writer.tableName("weights_\(index)"))[\(channel * depth)], x, &y[\(channel)], &\(writer.tableName("channels_\(index)"))[\(channel * (requantization.hasCorrections ? 7 : 5))], \(depth)u, \(fours)u);")
    }
    call(0, outputs / 4, &text)
    // The last four again, of which some are done.
    if outputs % 4 > 0 { call(outputs - 4, 1, &text) }
  }

  private func cFunction(_ writer: inout KernelWriter) -> String {
    let requantize = requantization.function(&writer)
    let words = requantization.hasCorrections ? 7 : 5
    let signs = requantization.hasCorrections ? ", channels[5], channels[6]" : ""
    return writer.sharedFunction("dense_\(requantization.variant)") { name, text in
      text.comment("Four output channels of a dense layer at a time.")
      text.block(
        "static void \(name)(const int8_t *weights, const int8_t *x, int8_t *y, const int32_t *channels, uint32_t depth, uint32_t fours)"
      ) { text in
        text.block("for (; fours > 0u; fours--)") { text in
          text.line("uint32_t sums[4] = { 0u, 0u, 0u, 0u };")
          text.block("for (uint32_t i = 0; i < depth; i++)") { text in
            text.line("const int32_t code = (int32_t)x[i];")
            for row in 0..<4 {
              let place = ["i", "depth + i", "(2u * depth) + i", "(3u * depth) + i"][row]
              text.line("sums[\(row)] += (uint32_t)((int32_t)weights[\(place)] * code);")
            }
          }
          text.line("weights = &weights[4u * depth];")
          text.block("for (uint32_t i = 0; i < 4u; i++)") { text in
            text.line(
              "y[i] = \(requantize)(sums[i] + (uint32_t)channels[0], (uint32_t)channels[3], (uint32_t)channels[1], (uint32_t)channels[2], (uint32_t)channels[4]\(signs));")
            text.line("channels = &channels[\(words)];")
          }
          text.line("y = &y[4];")
        }
      }
    }
  }

  private func function(_ unrolled: Int, _ writer: inout KernelWriter) -> String {
    let requantization = requantization
    if language == .c { return cFunction(&writer) }
    return writer.sharedFunction("dense_\(unrolled)_\(requantization.variant)") { name, text in
      let rows = ["r0", "r2", "r3", "r4"]
      let sums = ["r8", "r9", "r10", "r11"]
      var lines = [
        "push {r4-r7, lr}", "mov r4, r8", "mov r5, r9", "mov r6, r10", "mov r7, r11", "push {r4-r7}", "push {r2, r3}", "sub sp, #8",
        "10:", "ldr r5, [sp, #52]", "mov r12, r5", "adds r2, r0, r5", "adds r3, r2, r5", "adds r4, r3, r5", "movs r5, #0",
      ]
      lines += sums.map { "mov \($0), r5" } + ["11:"]
      for _ in 0..<unrolled {
        lines.append("ldrsb r6, [r1, r5]")
        lines += zip(rows, sums).flatMap {
          ["ldrsb r7, [\($0), r5]"] + (language == .armv7 ? ["mla \($1), r7, r6, \($1)"] : ["muls r7, r6, r7", "add \($1), r7"])
        }
        lines.append("adds r5, r5, #1")
      }
      // The next rows' weights follow the last row's.
      lines += [
        "cmp r5, r12", "bne 11b", "adds r4, r4, r5", "mov r12, r4", "mov lr, r1", "mov r4, r8", "mov r5, r9", "mov r6, r10", "mov r7, r11", "mov r10, r12",
        "ldr r0, [sp, #12]",
      ]
      for value in ["r4", "r5", "r6", "r7"] {
        lines += ["ldmia r0!, {r1, r2, r3}", "adds \(value), \(value), r1", "ldmia r0!, {r1}", "mov r8, r1", "ldmia r0!, {r1}", "mov r9, r1"]
        if requantization.hasCorrections { lines += ["ldmia r0!, {r1}", "str r1, [sp]", "ldmia r0!, {r1}", "str r1, [sp, #4]"] }
        lines += requantization.assembly(value, spare: "r1", signs: 0)
      }
      lines += [
        "str r0, [sp, #12]", "ldr r1, [sp, #8]", "strb r4, [r1]", "strb r5, [r1, #1]", "strb r6, [r1, #2]", "strb r7, [r1, #3]",
        "adds r1, r1, #4", "str r1, [sp, #8]", "mov r0, r10", "mov r1, lr", "ldr r2, [sp, #56]", "subs r2, r2, #1", "str r2, [sp, #56]",
        "beq 12f", "b 10b", "12:", "add sp, #16", "pop {r4-r7}", "mov r8, r4", "mov r9, r5", "mov r10, r6", "mov r11, r7", "pop {r4-r7, pc}",
      ]
      text.comment("Four output channels of a dense layer at a time; `depth` is a multiple of \(unrolled).")
      text.assembly(
        "void \(name)(\n  const int8_t *weights, const int8_t *x, int8_t *y, const int32_t *channels, uint32_t depth, uint32_t fours)",
        lines)
    }
  }
}
