import IntegerProgram

/// 3 × 3 depthwise convolutions.
///
/// For one channel at a time, a band of rows is spread into a plane of words with the padding around them; then three
/// loads of three words each fetch a window, and nothing is left to decide within.
struct PlaneDepthwiseKernel: StepKernel {
  var need: ProcessorNeed? { language.need }
  private let requantization: SplitRequantization
  private let language: KernelLanguage
  private let g: WindowGeometry
  /// Output rows of a band.
  private let band: Int
  let scratch: (bytes: Int, alignment: Int)
  /// A channel is written while others are still to be read: that does no harm as long as its outputs lie upon its own
  /// inputs.
  var operandSpacing: Int { g.inputChannels }

  /// The scratch that is thought worth its speed.
  private static let mostScratch = 3072

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal, _ language: KernelLanguage) {
    self.language = language
    guard goal != .size, case .affine(let affine) = step.operation, affine.isDepthwise,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    g = affine.geometry
    guard g.kernelHeight == 3, g.kernelWidth == 3, g.dilationHeight == 1, g.dilationWidth == 1,
      g.strideHeight == g.strideWidth, g.paddingLeft <= 2, g.paddingTop <= 2,
      let requantization = SplitRequantization(affine.requantization, accumulators: affine.accumulators)
    else { return nil }
    self.requantization = requantization
    let width = max(g.paddingLeft + g.inputWidth, g.strideWidth * (g.outputWidth - 1) + 3)
    let rows = (goal == .ram ? Self.mostScratch / 3 : Self.mostScratch) / (4 * width)
    guard rows >= 3 else { return nil }
    band = min((rows - 3) / g.strideHeight + 1, g.outputHeight)
    scratch = (4 * width * (g.strideHeight * (band - 1) + 3), 4)
  }

  /// Words of a row.
  private var width: Int { max(g.paddingLeft + g.inputWidth, g.strideWidth * (g.outputWidth - 1) + 3) }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    guard g.batch == 1 else { return nil }
    var distance: Int?
    for end in Swift.stride(from: band, to: g.outputHeight, by: band) {
      let least = (end * g.outputWidth - max(0, g.inputRow(end, tap: 0)) * g.inputWidth) * g.inputChannels
      distance = max(distance ?? least, least)
    }
    return distance ?? 0
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .affine(let affine) = step.operation else { return }
    let (stride, channels) = (g.strideHeight, g.inputChannels)
    let streamWords = requantization.hasCorrections ? 10 : 8
    writer.addTable(
      "stream_\(index)", "int32_t", (0..<channels).flatMap { stream(affine, $0) },
      comment: "\(step.source.type) of step \(index), for every channel: weights (or bit 8 of the third word and, above it, "
        + "the channel's only code), factor, start of the sum, span and addend")
    // From a window's last row to its first, a pixel on; the bytes of a row's windows; from there to the next row; channels.
    writer.addTable(
      "shape_\(index)", "int32_t",
      [4 * width - 12, -8 * width - 12 + 4 * stride, 4 * stride * g.outputWidth, 4 * stride * (width - g.outputWidth), channels].map(Int64.init),
      comment: "Distances of step \(index)")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    writer.scratch("plane", "int32_t", index)
    let spread = spread(&writer)
    let rows = rows(&writer)
    let table = writer.tableName("stream_\(index)")
    let pad = affine.paddingCode
    func image(_ text: inout CText) {
      text.block("for (int32_t first = 0; first < \(g.outputHeight); first += \(band))") { text in
        let count: String
        if g.outputHeight % band == 0 {
          count = "\(band)"
        } else {
          text.line("const int32_t left = \(g.outputHeight) - first;")
          text.line("const int32_t count = (left < \(band)) ? left : \(band);")
          count = "count"
        }
        text.line("const int32_t top = \(origin("first", stride, g.paddingTop));")
        text.line("const int32_t bottom = top + \(times("(\(count) - 1)", stride)) + 3;")
        text.line("const int32_t from = (top > 0) ? top : 0;")
        text.line("const int32_t end = (bottom < \(g.inputHeight)) ? bottom : \(g.inputHeight);")
        // Whatever is not overwritten with codes for every channel is padding for all.
        text.block("for (int32_t i = 0; i < ((bottom - top) * \(width)); i++)") { $0.line("plane[i] = \(CExpressionPrinter.literal(Int64(pad)));") }
        text.block("for (int32_t channel = 0; channel < \(channels); channel++)") { text in
          text.line("const int32_t *const constants = &\(table)[channel * \(streamWords)];")
          text.line("int8_t *const to = &y[(first * \(g.outputWidth * channels)) + channel];")
          text.block("if (((uint32_t)constants[2] & 0x100u) != 0u)") { text in
            text.block("for (int32_t i = 0; i < (\(count) * \(g.outputWidth)); i++)") {
              $0.line("to[i * \(channels)] = (int8_t)\(writer.names.prefix)_floor_shift_32(constants[2], 16);")
            }
          }
          text.block("else") { text in
            text.line(
              "\(spread)(&plane[((from - top) * \(width)) + \(g.paddingLeft)], &x[(from * \(g.inputWidth * channels)) + channel], \(channels), end - from, \(g.inputWidth), \(4 * (width - g.inputWidth)));")
            text.line("\(rows)(constants, plane, to, \(writer.tableName("shape_\(index)")), \(count));")
          }
        }
      }
    }
    if g.batch == 1 {
      image(&text)
    } else {
      text.block("for (uint32_t batch = \(g.batch)u; batch > 0u; batch--)") { text in
        image(&text)
        text.line("x = &x[\(g.inputHeight * g.inputWidth * channels)];")
        text.line("y = &y[\(g.outputCount / g.batch)];")
      }
    }
  }

  private func stream(_ affine: Affine, _ channel: Int) -> [Int64] {
    let c = requantization.channels[channel]
    var words = (0..<3).map { word in
      (0..<4).reduce(Int64(0)) { bits, byte in
        let tap = 4 * word + byte
        return tap < 9 ? bits | (Int64(affine.weights[channel * 9 + tap]) & 0xFF) << Int64(8 * byte) : bits
      }
    }
    if let code = c.constant { words[2] = code << 16 | 0x100 }
    return (words + requantization.factors(channel) + [requantization.start(affine, channel), c.span, c.addend]).map(SplitRequantization.word)
      + requantization.signs(channel)
  }

  /// Spreads rows of one channel's codes into words.
  private func spread(_ writer: inout KernelWriter) -> String {
    if language == .c {
      return writer.sharedFunction("spread_rows") { name, text in
        text.comment("Rows of one of `channels` channels as words; `width` words are followed by `gap` bytes.")
        text.block(
          "static void \(name)(int32_t *to, const int8_t *from, int32_t channels, int32_t rows, int32_t width, int32_t gap)"
        ) { text in
          text.block("for (; rows > 0; rows--)") { text in
            text.block("for (int32_t i = 0; i < width; i++)") { text in
              text.line("to[i] = (int32_t)*from;")
              text.line("from = &from[channels];")
            }
            text.line("to = &to[width + (gap / 4)];")
          }
        }
      }
    }
    let unrolled = (1...8).last { g.inputWidth % $0 == 0 } ?? 1
    return writer.sharedFunction("spread_rows_\(unrolled)") { name, text in
      var lines = [
        "push {r4-r7, lr}", "mov r4, r8", "push {r4}", "ldr r4, [sp, #28]", "mov r8, r4", "ldr r4, [sp, #24]", "mov r12, r4",
        "movs r4, #0", "1:", "mov lr, r3", "mov r3, r12", "2:",
      ]
      for start in stride(from: 0, to: unrolled, by: 3) {
        let registers = ["r5", "r6", "r7"].prefix(unrolled - start)
        lines += registers.flatMap { ["ldrsb \($0), [r1, r4]", "adds r1, r1, r2"] } + ["stmia r0!, {\(registers.joined(separator: ", "))}"]
      }
      lines += [
        "subs r3, r3, #\(unrolled)", "bne 2b", "add r0, r8", "mov r3, lr", "subs r3, r3, #1", "bne 1b", "pop {r4}", "mov r8, r4",
        "pop {r4-r7, pc}",
      ]
      text.comment(
        "Rows of one of `channels` channels as words; `width`, a multiple of \(unrolled), is followed by `gap` bytes.")
      text.assembly(
        "void \(name)(\n  int32_t *to, const int8_t *from, int32_t channels, int32_t rows, int32_t width, int32_t gap)", lines)
    }
  }

  private func cRows(_ writer: inout KernelWriter) -> String {
    let requantize = requantization.function(&writer)
    let signs = requantization.hasCorrections ? ", stream[8], stream[9]" : ""
    let (stride, width) = (g.strideHeight, width)
    return writer.sharedFunction("depthwise_\(stride)_\(width)_\(requantization.variant)") { name, text in
      text.comment("Output rows of one channel from its plane of words.")
      text.block("static void \(name)(const int32_t *stream, const int32_t *plane, int8_t *y, const int32_t *shape, int32_t rows)") { text in
        text.line("const int8_t *const bytes = (const int8_t *)stream;")
        for tap in 0..<9 { text.line("const int32_t w\(tap) = (int32_t)bytes[\(tap)];") }
        text.block("for (; rows > 0; rows--)") { text in
          text.line("const int32_t *const end = &plane[shape[2] / 4];")
          text.block("for (const int32_t *at = plane; at != end; at = &at[\(stride)])") { text in
            text.line("int32_t sum = stream[5];")
            for tap in 0..<9 { text.line("sum += w\(tap) * at[\(tap / 3 * width + tap % 3)];") }
            text.line("*y = \(requantize)((uint32_t)sum, (uint32_t)stream[6], (uint32_t)stream[3], (uint32_t)stream[4], (uint32_t)stream[7]\(signs));")
            text.line("y = &y[shape[4]];")
          }
          text.line("plane = &plane[\(stride * width)];")
        }
      }
    }
  }

  /// Output rows of one channel.
  private func rows(_ writer: inout KernelWriter) -> String {
    let requantization = requantization
    if language == .c { return cRows(&writer) }
    return writer.sharedFunction("depthwise_\(requantization.variant)") { name, text in
      // On the stack: step back, end of a row, its bytes, the way to the next, rows, threshold, correction, weights,
      // factor, start.
      let weights = 28
      let frame = weights + 48
      var lines = [
        "push {r4-r7, lr}", "mov r4, r8", "mov r5, r9", "mov r6, r10", "mov r7, r11", "push {r4-r7}", "sub sp, #\(frame)",
        "mov lr, r2", "ldmia r3!, {r4-r7}", "mov r11, r4", "str r5, [sp]", "str r6, [sp, #8]", "str r7, [sp, #12]", "ldr r4, [r3]",
        "mov r12, r4", "ldr r4, [sp, #\(frame + 36)]", "str r4, [sp, #16]", "add r2, sp, #\(weights)", "movs r3, #0", "1:",
        "ldrsb r4, [r0, r3]", "stmia r2!, {r4}", "adds r3, r3, #1", "cmp r3, #9", "bne 1b", "adds r0, r0, #12",
        "ldmia r0!, {r3, r4, r5, r6, r7}", "stmia r2!, {r3, r4, r5}", "mov r8, r6", "mov r9, r7",
      ]
      if requantization.hasCorrections { lines += ["ldmia r0!, {r3, r4}", "str r3, [sp, #20]", "str r4, [sp, #24]"] }
      lines += ["mov r0, r1", "add r1, sp, #\(weights)", "10:", "ldr r5, [sp, #8]", "adds r5, r5, r0", "str r5, [sp, #4]", "11:"]
      for row in 0..<3 where language == .armv7 {
        lines += ["ldmia r0!, {r2-r4}", "ldmia r1!, {r5-r7}", row == 0 ? "mul r10, r2, r5" : "mla r10, r2, r5, r10", "mla r10, r3, r6, r10"]
        lines += row < 2 ? ["mla r10, r4, r7, r10", "add r0, r11"] : ["mla r4, r4, r7, r10", "ldr r5, [sp]", "adds r0, r0, r5"]
      }
      for row in 0..<3 where language == .armv6 {
        lines += ["ldmia r0!, {r2-r4}", "ldmia r1!, {r5-r7}", "muls r2, r5, r2", "muls r3, r6, r3", "muls r4, r7, r4"]
        lines += [
          ["adds r2, r2, r3", "adds r2, r2, r4", "mov r10, r2", "add r0, r11"],
          ["add r10, r2", "add r10, r3", "add r10, r4", "add r0, r11"],
          ["adds r4, r4, r2", "adds r4, r4, r3", "add r4, r10", "ldr r5, [sp]", "adds r0, r0, r5"],
        ][row]
      }
      lines += ["ldmia r1!, {r2, r3, r5}", "subs r1, r1, #48", "adds r4, r4, r5"]
      lines += requantization.assembly("r4", spare: "r5", signs: 20)
      lines += [
        "mov r5, lr", "strb r4, [r5]", "add lr, r12", "ldr r5, [sp, #4]", "cmp r0, r5", "bne 11b", "ldr r5, [sp, #12]",
        "adds r0, r0, r5", "ldr r5, [sp, #16]", "subs r5, r5, #1", "str r5, [sp, #16]", "bne 10b", "add sp, #\(frame)", "pop {r4-r7}",
        "mov r8, r4", "mov r9, r5", "mov r10, r6", "mov r11, r7", "pop {r4-r7, pc}",
      ]
      text.comment("Output rows of one channel from its plane of words.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const int32_t *plane, int8_t *y, const int32_t *shape, int32_t rows)", lines)
    }
  }
}
