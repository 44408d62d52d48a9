import IntegerProgram

/// 3 × 3 depthwise convolutions with Arm's DSP extension.
///
/// Four channels at a time are turned from interleaved to planar, as words that pair a code with the one below it: of
/// rows r and r + 1 for output row r (of rows 2 r and 2 r + 1 with stride 2). A pair row is made once and serves two output rows: the first two taps of each column are one SMLAD with the output row's own pairs,
/// the third is half a word of the next pair row. Weights come multiplied by 256, which the fused requantisation wants
/// of the sum; the bias is part of its addend, where that gives the same codes. As many rows as the scratch holds are done for one channel before the next, so that its constants are
/// loaded seldom.
struct DSPDepthwiseKernel: DSPKernel {
  private(set) var requantization: FusedRequantization
  /// The biases, where they are part of the addends.
  private let offsets: [Int32]?
  private let affine: Affine
  private var g: WindowGeometry { affine.geometry }
  /// Output rows of a band.
  private let band: Int
  let scratch: (bytes: Int, alignment: Int)
  /// Four channels are written while the others are still to be read: that does no harm as long as a channel's outputs
  /// lie upon its own inputs.
  var operandSpacing: Int { g.inputChannels }

  /// The scratch that is thought worth its speed.
  private static let mostScratch = 3072

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal) {
    guard case .affine(let affine) = step.operation, affine.isDepthwise, goal != .size,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    func fused(offsets: [Int32]?, allowsOwnShifts: Bool) -> FusedRequantization? {
      FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: 8, saturation: -128...127,
        allowsOwnShifts: allowsOwnShifts, offsets: offsets)
    }
    let biases = affine.bias.map { Int32(truncatingIfNeeded: $0) }
    let withBiases = fused(offsets: biases, allowsOwnShifts: false)
    guard let requantization = withBiases ?? fused(offsets: nil, allowsOwnShifts: true) else { return nil }
    offsets = withBiases == nil ? nil : biases
    let g = affine.geometry
    guard g.kernelHeight == 3, g.kernelWidth == 3, g.dilationHeight == 1, g.dilationWidth == 1,
      g.strideHeight == g.strideWidth, g.strideHeight <= 2, g.inputChannels % 4 == 0, g.inputChannels <= 2044,
      g.paddingLeft <= 2, g.paddingTop <= 2, g.paddingLeft < g.inputWidth,
      // There is room for one more constant.
      !(requantization.hasCorrections && requantization.ownShifts != nil)
    else { return nil }
    let words = g.strideWidth * (g.outputWidth - 1) + 3
    let most = (goal == .ram ? Self.mostScratch / 3 : Self.mostScratch) / (16 * words) - 1
    guard most >= 1 else { return nil }
    band = min(most, g.outputHeight)
    scratch = (16 * words * (band + 1), 4)
    self.affine = affine
    self.requantization = requantization
  }

  mutating func use(shift: Int) -> Bool { requantization.use(shift: shift, affine, offsets: offsets) }

  /// Words of a pair row of one channel.
  private var words: Int { g.strideWidth * (g.outputWidth - 1) + 3 }
  /// Words of a channel's pair rows.
  private var plane: Int { words * (band + 1) }
  /// Columns of the image that the windows touch.
  private var inside: Int { min(g.inputWidth, words - g.paddingLeft) }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    guard g.batch == 1 else { return nil }
    var distance: Int?
    for end in Swift.stride(from: band, to: g.outputHeight, by: band) {
      // The band's last pair row is kept: what follows starts with the next.
      let row = max(0, g.inputRow(end + 1, tap: 0))
      let least = (end * g.outputWidth - row * g.inputWidth) * g.inputChannels
      distance = max(distance ?? least, least)
    }
    return distance ?? 0
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let label = "\(step.source.type) of step \(index)"
    writer.addTable(
      "stream_\(index)", "int32_t",
      shape(Self.forms(writer).map(\.form)) + (0..<g.inputChannels).flatMap { stream(affine, $0) },
      comment: "\(label): the shape; then for every channel: 256 times the weights in halfwords, the upper two rows of "
        + "each column, then the lowest row; \(offsets == nil ? "256 times the bias; " : "")factor and addend")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    writer.scratch("pairs", "uint32_t", index)
    let arguments = "pairs, \(writer.tableName("stream_\(index)"))"
    let planes = planesFunction(&writer)
    if g.batch == 1 {
      text.line("\(planes)(x, y, \(arguments));")
    } else {
      text.loop("batch", g.batch) { text in
        let (x, y) = (times("batch", g.inputHeight * g.inputWidth * g.inputChannels), times("batch", g.outputPixels * g.inputChannels))
        text.line("\(planes)(&x[\(x)], &y[\(y)], \(arguments));")
      }
    }
  }

  // MARK: Tables

  /// What the functions must know of the layer, at the start of its stream; the rows' function is one of `forms`.
  private func shape(_ forms: [String]) -> [Int64] {
    let pad = UInt32(UInt16(truncatingIfNeeded: affine.paddingCode)) * 0x10001
    let line = g.inputWidth * g.inputChannels
    return [
      g.inputChannels, g.outputWidth, words, plane, g.inputHeight, line, inside, Int(Int32(bitPattern: pad)),
      g.strideHeight * line, g.outputHeight, band, g.paddingTop, g.paddingLeft, g.strideHeight, wordsPerChannel,
      forms.firstIndex(of: form) ?? 0,
    ].map { Int64($0) }
  }
  private static let shapeCount = 16
  /// The forms that functions are needed for, in the order of their layers.
  private static func forms(_ writer: KernelWriter) -> [DSPDepthwiseKernel] {
    writer.selection.kernels.compactMap { $0 as? DSPDepthwiseKernel }.reduce(into: []) { forms, kernel in
      if !forms.contains(where: { $0.form == kernel.form }) { forms.append(kernel) }
    }
  }
  /// Four channels whose codes are constant, which are not computed.
  private func isConstant(_ first: Int) -> Bool { (first..<first + 4).allSatisfy { requantization.isConstant[$0] } }
  private var hasMore: Bool { requantization.hasCorrections || requantization.ownShifts != nil }
  private var wordsPerChannel: Int { 7 + (offsets == nil ? 1 : 0) + (hasMore ? 1 : 0) }

  private func stream(_ affine: Affine, _ channel: Int) -> [Int64] {
    if channel % 4 == 0, isConstant(channel) {
      // In place of weights, with a mark that no weights have.
      return [word(ofConstants: channel), 0, 0, 0, Self.constantMark] + Array(repeating: 0, count: wordsPerChannel - 5)
    }
    let isConstant = requantization.isConstant[channel]
    func weight(_ row: Int, _ column: Int) -> Int64 {
      isConstant ? 0 : 256 * Int64(affine.weights[channel * 9 + row * 3 + column])
    }
    func pair(_ low: Int64, _ high: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: (high << 16) | (low & 0xFFFF))) }
    return (0..<3).map { pair(weight(0, $0), weight(1, $0)) }
      + [pair(weight(2, 0), weight(2, 1)), pair(weight(2, 2), 0)]
      + (offsets == nil ? [isConstant ? 0 : 256 * affine.bias[channel]] : [])
      + [Int64(requantization.factors[channel]), Int64(requantization.addends[channel])]
      + (hasMore ? [Int64(requantization.ownShifts?[channel] ?? Int(requantization.corrections[channel]))] : [])
  }

  /// The fifth word of four constant channels, whose upper half is 0 in all others.
  private static let constantMark: Int64 = 1 << 16

  private func word(ofConstants first: Int) -> Int64 {
    let bytes = (0..<4).map { UInt32(UInt8(truncatingIfNeeded: affine.requantization.code(affine.accumulators[first + $0].lowerBound, channel: first + $0))) }
    return Int64(Int32(bitPattern: bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24))
  }

  // MARK: Functions

  /// All channels of an image, four at a time.
  private func planesFunction(_ writer: inout KernelWriter) -> String {
    let (pairs, pair) = (pairsFunction(&writer), pairRowFunction(&writer))
    let rows = Self.forms(writer).map { $0.rowsFunction(&writer) }
    let hasConstants = writer.selection.kernels.contains { kernel in
      guard let kernel = kernel as? DSPDepthwiseKernel else { return false }
      return stride(from: 0, to: kernel.g.inputChannels, by: 4).contains { kernel.isConstant($0) }
    }
    let keep = keepFunction(&writer)
    let fill = hasConstants ? fillFunction(&writer) : ""
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction("planes") { name, text in
      text.comment(
        "A depthwise layer: for every four channels and band of rows, pairs of rows in planes, and from them the codes. The "
          + "stream starts with the shape: channels, output width, words of a pair row, words of a plane, input height, codes of "
          + "an input row, columns that are read, the padding's pair, codes from one pair of rows to the next, output height, rows "
          + "of a band, padding above and on the left, rows from one pair to the next, words for a channel, which function makes "
          + "the rows.")
      text.block("\(kernel) static void \(name)(const int8_t *x, int8_t *y, uint32_t *pairs, const int32_t *stream)") { text in
        text.line("const int32_t channels = stream[0];")
        text.line("const int32_t words = stream[2];")
        text.line("const int32_t plane = stream[3];")
        text.line("const int32_t height = stream[9];")
        text.line("const int32_t band = stream[10];")
        text.line("const int32_t stride = stream[13];")
        text.line("uint32_t *const first_pair = &pairs[stream[12]];")
        text.line("/* What lies in the image is written for every channel. */")
        text.block("for (int32_t row = 0; row < (4 * plane); row += words)") { text in
          text.block("for (int32_t column = 0; column < stream[12]; column++)") {
            $0.line("pairs[row + column] = (uint32_t)stream[7];")
          }
          text.block("for (int32_t column = stream[12] + stream[6]; column < words; column++)") {
            $0.line("pairs[row + column] = (uint32_t)stream[7];")
          }
        }
        text.block("for (int32_t channel = 0; channel < channels; channel += 4)") { text in
          text.line("const int8_t *const image = &x[channel];")
          text.line("const int32_t *const constants = &stream[\(Self.shapeCount) + (channel * stream[14])];")
          text.line("int8_t *to = &y[channel];")
          text.line("int32_t row = 0;")
          if hasConstants {
            text.block("if (constants[4] == \(Self.constantMark))") { text in
              text.line("\(fill)(to, (uint32_t)constants[0], height * stream[1], channels);")
              text.line("continue;")
            }
          }
          text.block("for (int32_t first = 0; first < height; first += band)") { text in
            text.line("const int32_t rows = (band < (height - first)) ? band : (height - first);")
            text.block("while (row <= rows)") { text in
              text.line("const int32_t from = ((first + row) * stride) - stream[11];")
              text.line("/* As many pairs as lie in the image, or one that does not. */")
              text.line("const int32_t below = stream[4] - 1 - from;")
              text.line("const int32_t most = (stride == 1) ? below : ((below + 1) / 2);")
              text.line("const int32_t inside = (most <= (rows - row)) ? most : ((rows - row) + 1);")
              text.block("if ((from >= 0) && (inside > 0))") { text in
                text.line("const int8_t *const upper = &image[from * stream[5]];")
                text.line("\(pairs)(&first_pair[row * words], upper, &upper[stream[5]], stream, inside);")
                text.line("row += inside;")
              }
              text.block("else") { text in
                text.line("\(pair)(&first_pair[row * words], image, from, stream);")
                text.line("row++;")
              }
            }
            for (place, function) in rows.enumerated() {
              let call = "\(function)(pairs, constants, to, rows, stream);"
              if rows.count == 1 {
                text.line(call)
              } else if place == rows.count - 1 {
                text.block("else") { $0.line(call) }
              } else {
                text.block("\(place > 0 ? "else " : "")if (stream[15] == \(place))") { $0.line(call) }
              }
            }
            text.line("to = &to[rows * stream[1] * channels];")
            text.block("if ((first + band) < height)") { text in
              text.line("/* The last pair row is the first of the next band. */")
              text.line("\(keep)(pairs, &pairs[band * words], words, plane - words);")
            }
            text.line("row = 1;")
          }
        }
      }
    }
  }

  /// Copies a pair row of four channels.
  private func keepFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("keep_pairs") { name, text in
      text.comment("Copies words of four planes, which start `rest` words after what is copied of the one before.")
      text.assembly(
        "void \(name)(uint32_t *to, const uint32_t *from, int32_t words, int32_t rest)",
        [
          "push {r4-r9, lr}", "mov lr, #4", "1:", "subs r4, r2, #4", "blt 3f", "2:", "ldmia r1!, {r5-r8}", "subs r4, r4, #4",
          "stmia r0!, {r5-r8}", "bge 2b", "3:", "adds r4, r4, #4", "beq 5f", "4:", "ldr r5, [r1], #4", "subs r4, r4, #1",
          "str r5, [r0], #4", "bne 4b", "5:", "add r0, r0, r3, lsl #2", "add r1, r1, r3, lsl #2", "subs lr, lr, #1", "bne 1b",
          "pop {r4-r9, pc}",
        ])
    }
  }

  /// Writes four constant codes for each pixel.
  private func fillFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("constant_codes") { name, text in
      text.comment("Four codes, the same for each pixel.")
      text.assembly(
        "void \(name)(int8_t *y, uint32_t codes, int32_t pixels, int32_t channels)",
        ["1:", "str r1, [r0]", "add r0, r0, r3", "subs r2, r2, #1", "bne 1b", "bx lr"])
    }
  }

  /// Makes pair rows of four channels that lie in the image.
  private func pairsFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("pairs") { name, text in
      text.comment("Pairs the codes of four channels of so many rows with those of others, in planes.")
      text.assembly(
        "void \(name)(\n  uint32_t *to, const int8_t *upper, const int8_t *lower, const int32_t *shape, int32_t rows)",
        [
          // Rows are read from their ends, at offsets that count up to 0: r11 is where they start. The stack has what is
          // left of a pair row, and the distance of rows.
          "push {r4-r11, lr}", "ldr lr, [sp, #36]", "ldr r8, [r3]", "ldr r4, [r3, #8]", "ldr r9, [r3, #12]",
          "ldr r6, [r3, #24]", "ldr r5, [r3, #32]", "lsl r9, r9, #2", "add r10, r9, r9, lsl #1", "sub r4, r4, r6",
          "lsl r4, r4, #2", "push {r4, r5}", "mul r11, r6, r8", "add r1, r1, r11", "add r2, r2, r11", "rsb r11, r11, #0", "1:",
          "mov r3, r11", "2:", "ldr r4, [r1, r3]", "ldr r5, [r2, r3]",
          "sxtb16 r6, r4", "sxtb16 r7, r5", "pkhbt r12, r6, r7, lsl #16", "pkhtb r6, r7, r6, asr #16",
          "sxtb16 r4, r4, ror #8", "sxtb16 r5, r5, ror #8", "pkhbt r7, r4, r5, lsl #16", "pkhtb r4, r5, r4, asr #16",
          "str r6, [r0, r9, lsl #1]", "str r7, [r0, r9]", "str r4, [r0, r10]", "str r12, [r0], #4", "adds r3, r3, r8",
          "bne 2b", "ldrd r4, r5, [sp]", "add r0, r0, r4", "add r1, r1, r5", "add r2, r2, r5", "subs lr, lr, #1", "bne 1b",
          "add sp, sp, #8", "pop {r4-r11, pc}",
        ])
    }
  }

  /// Makes a pair row of four channels, wherever it lies.
  private func pairRowFunction(_ writer: inout KernelWriter) -> String {
    let pairs = pairsFunction(&writer)
    let padding = writer.sharedFunction("pad_pairs") { name, text in
      text.comment("Makes one code of each pair of a pair row padding: the upper, or that 2 bytes on.")
      text.assembly(
        "void \(name)(uint32_t *to, const int32_t *shape, uint32_t half)",
        [
          "push {r4, r5, lr}", "add r0, r0, r2", "ldr r2, [r1, #24]", "ldr r3, [r1, #28]", "ldr r4, [r1, #12]",
          "lsl r4, r4, #2", "add r5, r4, r4, lsl #1", "1:", "strh r3, [r0, r4]", "strh r3, [r0, r4, lsl #1]",
          "strh r3, [r0, r5]", "strh r3, [r0], #4", "subs r2, r2, #1", "bne 1b", "pop {r4, r5, pc}",
        ])
    }
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction("pair_row") { name, text in
      text.comment("Pairs a row with the next; where one of them is outside the image, the padding stands for it.")
      text.block("\(kernel) static void \(name)(uint32_t *to, const int8_t *image, int32_t row, const int32_t *shape)") { text in
        text.line("const int32_t height = shape[4];")
        text.line("const int32_t upper = ((row >= 0) && (row < height)) ? row : (row + 1);")
        text.line("const int32_t lower = ((row + 1) < height) ? (row + 1) : upper;")
        text.block("if ((upper >= 0) && (upper < height))") { text in
          text.line("\(pairs)(to, &image[upper * shape[5]], &image[lower * shape[5]], shape, 1);")
        }
        text.block("if (upper != row)") { $0.line("\(padding)(to, shape, 0u);") }
        text.block("if (lower != (row + 1))") { $0.line("\(padding)(to, shape, 2u);") }
        text.line("/* A row above the image stands below one outside, too. */")
        text.block("if ((upper < 0) || (upper >= height))") { $0.line("\(padding)(to, shape, 2u);") }
      }
    }
  }

  /// What of the layer is part of its functions' text, and so of their names.
  private var form: String {
    "\(g.strideWidth)_\(g.outputWidth == 1 ? "one" : g.outputWidth % 2 == 1 ? "odd" : "even")_\(DSPAssembly.variant(requantization))"
      + (offsets == nil ? "_biased" : "")
  }

  /// Output rows of four channels.
  private func rowsFunction(_ writer: inout KernelWriter) -> String {
    let isStrided = g.strideWidth == 2
    let (hasPairs, isOdd) = (g.outputWidth > 1, g.outputWidth % 2 == 1)
    let hasBias = offsets == nil
    // The third tap is the lower row of the next pairs; with stride 2, its upper row.
    let half = isStrided ? "b" : "t"
    return writer.sharedFunction("depthwise_\(form)") { name, text in
      // The stack: factor, addend, (correction or shift,) where the row's last pair of codes ends, the distance of columns,
      // the distance of rows, where the last row's last pair ends, the bias, the stream, y, the pairs, from a row's start
      // to the end of its last pair, the same over all rows, from a pair row to the next, from a plane to the next, the
      // channels that are left. r12 and lr hold where the row's last pair ends and the distance of columns after a code.
      let end = hasMore ? 12 : 8
      let (distance, bias, stream, y, ends, below, left) = (end + 8, end + 16, end + 20, end + 24, end + 32, end + 40, end + 48)
      let frame = end + 52
      func requantize(_ sums: [String]) -> [String] {
        ["ldmia sp, {r10, r11, r12\(hasMore ? "" : ", lr")}"]
          + sums.flatMap {
            DSPAssembly.requantize(
              $0, requantization, factor: "r10", addend: "r11", correction: "r12", free: "lr", shift: "r12")
          } + (hasMore ? ["ldrd r12, lr, [sp, #\(end)]"] : [])
      }
      /// The lowest row's products, the first of them added to the bias in r3, if there is one.
      func third(_ sum: String, _ a: String, _ b: String, _ c: String) -> [String] {
        [
          hasBias ? "smla\(half)b \(sum), \(a), r7, r3" : "smul\(half)b \(sum), \(a), r7",
          "smla\(half)t \(sum), \(b), r7, \(sum)", "smla\(half)b \(sum), \(c), r8, \(sum)",
        ]
      }
      func upper(_ sum: String, _ a: String, _ b: String, _ c: String) -> [String] {
        zip([a, b, c], ["r4", "r5", "r6"]).map { "smlad \(sum), \($0), \($1), \(sum)" }
      }
      let loadBias = hasBias ? ["ldr r3, [sp, #\(bias)]"] : []
      var lines = [
        "push {r4-r11, lr}", "sub sp, sp, #\(frame)", "strd r2, r0, [sp, #\(y)]", "str r1, [sp, #\(stream)]",
        // The shape's first words.
        "ldr r12, [sp, #\(frame + 36)]", "ldmia r12, {r4-r7}", "str r4, [sp, #\(end + 4)]",
        "mul r8, r5, r4", "str r8, [sp, #\(distance)]", "bic r9, r5, #1", "mul r9, r9, r4", "mul r10, r3, r8",
        "strd r9, r10, [sp, #\(ends)]", "lsl r6, r6, #2", "lsl r7, r7, #2", "strd r6, r7, [sp, #\(below)]", "mov r12, #4",
        "str r12, [sp, #\(left)]", "1:", "ldr r1, [sp, #\(stream)]", "ldmia r1!, {r4-r8}",
        "ldmia r1!, {\(hasBias ? "r9, " : "")r10, r11\(hasMore ? ", r12" : "")}", "str r1, [sp, #\(stream)]",
        "strd r10, r11, [sp]",
      ]
      if hasBias { lines.append("str r9, [sp, #\(bias)]") }
      if hasMore { lines.append("str r12, [sp, #8]") }
      lines += [
        "ldrd r2, r0, [sp, #\(y)]", "ldrd r10, r11, [sp, #\(ends)]", "add r12, r2, r10", "add r11, r12, r11",
        "str r12, [sp, #\(end)]", "str r11, [sp, #\(end + 12)]", "ldr r1, [sp, #\(below)]", "add r1, r0, r1", "2:",
      ]
      if hasPairs {
        lines += ["3:"] + loadBias
        if isStrided {
          let second = third("r9", "r12", "lr", "r10")
          lines += ["ldrd r10, r11, [r1], #8", "ldrd r12, lr, [r1], #8"] + second.dropLast()
          lines += third("r3", "r10", "r11", "r12") + ["ldr r10, [r1]"] + second.suffix(1)
          lines += ["ldrd r10, r11, [r0], #8", "ldrd r12, lr, [r0], #8"]
          lines += upper("r3", "r10", "r11", "r12") + upper("r9", "r12", "lr", "r10").dropLast()
          lines += ["ldr r10, [r0]"] + upper("r9", "r12", "lr", "r10").suffix(1)
        } else {
          lines += ["ldrd r10, r11, [r1], #8", "ldrd r12, lr, [r1]"]
          lines += third("r9", "r11", "r12", "lr") + third("r3", "r10", "r11", "r12")
          lines += ["ldrd r10, r11, [r0], #8", "ldrd r12, lr, [r0]"]
          lines += upper("r3", "r10", "r11", "r12") + upper("r9", "r11", "r12", "lr")
        }
        lines += requantize(["r3", "r9"])
        lines += ["strb r9, [r2, lr]", "strb r3, [r2]", "add r2, r2, lr, lsl #1", "cmp r2, r12", "bne 3b"]
      }
      if isOdd {
        lines += loadBias + ["ldrd r10, r11, [r1]", "ldr r12, [r1, #8]"] + third("r3", "r10", "r11", "r12")
        lines += ["ldrd r10, r11, [r0]", "ldr r12, [r0, #8]"] + upper("r3", "r10", "r11", "r12")
        lines += requantize(["r3"]) + ["strb r3, [r2]", "add r2, r2, lr"]
      }
      let rest = isOdd ? 12 : isStrided ? 4 : 8
      lines += [
        "add r0, r0, #\(rest)", "add r1, r1, #\(rest)", "ldrd r10, r11, [sp, #\(distance)]",
        "add r12, r12, r10", "str r12, [sp, #\(end)]", "cmp r12, r11", "bne 2b", "ldrd r2, r0, [sp, #\(y)]",
        "ldr r12, [sp, #\(below + 4)]", "add r2, r2, #1", "add r0, r0, r12", "strd r2, r0, [sp, #\(y)]",
        "ldr r12, [sp, #\(left)]", "subs r12, r12, #1", "str r12, [sp, #\(left)]", "bne 1b", "add sp, sp, #\(frame)",
        "pop {r4-r11, pc}",
      ]
      text.comment("Rows of codes of four channels, `channels` bytes apart, from planes of pair rows.")
      text.assembly(
        "void \(name)(\n  const uint32_t *pairs, const int32_t *stream, int8_t *y, int32_t rows, const int32_t *shape)",
        lines)
    }
  }
}
