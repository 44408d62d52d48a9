import IntegerProgram

/// 3 × 3 depthwise convolutions with Arm's DSP extension.
///
/// Four channels at a time are turned from interleaved to planar, as words that pair a code with the one below it: of
/// rows r and r + 1 for output row r (of rows 2 r and 2 r + 1 with stride 2). A pair row is made once and serves two output rows: the first two taps of each column are one SMLAD with the output row's own pairs,
/// the third is half a word of the next pair row. Weights come multiplied by 256, which the fused requantisation wants
/// of the sum. As many rows as the scratch holds are done for one channel before the next, so that its constants are
/// loaded seldom.
struct DSPDepthwiseKernel: StepKernel {
  private let requantization: FusedRequantization
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
      affine.weights.allSatisfy({ (-128...127).contains($0) }),
      let requantization = FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: 8, saturation: -128...127,
        allowsOwnShifts: true)
    else { return nil }
    let g = affine.geometry
    guard g.kernelHeight == 3, g.kernelWidth == 3, g.dilationHeight == 1, g.dilationWidth == 1,
      g.strideHeight == g.strideWidth, g.strideHeight <= 2, g.inputChannels % 4 == 0, g.inputChannels <= 2044,
      g.paddingLeft <= 2, g.paddingTop <= 2, g.paddingLeft < g.inputWidth,
      // There is room for one more constant.
      !(requantization.hasCorrections && requantization.ownShifts != nil)
    else { return nil }
    let words = g.strideWidth * (g.outputWidth - 1) + 3
    let most = (goal == .ram ? Self.mostScratch / 3 : Self.mostScratch) / (16 * words) - 1
    // A load's offset reaches the next pair row.
    guard most >= 1, 4 * words + 8 <= 1020 else { return nil }
    band = min(most, g.outputHeight)
    scratch = (16 * words * (band + 1), 4)
    self.affine = affine
    self.requantization = requantization
  }

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
      "stream_\(index)", "int32_t", (0..<g.inputChannels).flatMap { stream(affine, $0) },
      comment: "\(label), for every channel: 256 times the weights in halfwords, the upper two rows of each column, then "
        + "the lowest row; 256 times the bias; factor and addend")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    writer.scratch("pairs", "uint32_t", index)
    let pair = pairing(&writer)
    let rows = rowsFunction(&writer)
    let pad = UInt32(UInt16(truncatingIfNeeded: affine.paddingCode)) * 0x10001
    let right = words - g.paddingLeft - inside
    let channels = g.inputChannels
    if g.paddingLeft + right > 0 {
      text.block("for (uint32_t row = 0; row < \(4 * (band + 1))u; row++)") { text in
        for column in 0..<g.paddingLeft { text.line("pairs[row * \(words)u + \(column)u] = \(pad)u;") }
        for column in 0..<right { text.line("pairs[row * \(words)u + \(g.paddingLeft + inside + column)u] = \(pad)u;") }
      }
    }
    // Four channels that are all constant are not computed.
    let quads = (0..<channels / 4).map { quad in (0..<4).allSatisfy { requantization.isConstant[4 * quad + $0] } }
    let hasConstant = quads.contains(true)
    if hasConstant {
      writer.addTable(
        "constant_codes_\(index)", "int32_t",
        quads.enumerated().map { quad, isConstant in isConstant ? word(ofConstants: 4 * quad) : 0 },
        comment: "\(label), for every four channels whose codes are constant, those codes")
      writer.addTable(
        "is_constant_\(index)", "uint8_t", quads.map { $0 ? 1 : 0 }, comment: "\(label), whether they are")
    }
    func image(_ text: inout CText) {
      text.block("for (int32_t channel = 0; channel < \(channels); channel += 4)") { text in
        if hasConstant {
          let fill = fillFunction(&writer)
          let target = g.batch == 1 ? "" : "\(times("batch", g.outputPixels * channels)) + "
          text.block("if (\(writer.tableName("is_constant_\(index)"))[channel / 4] != 0u)") { text in
            text.line(
              "\(fill)(&y[\(target)channel], (uint32_t)\(writer.tableName("constant_codes_\(index)"))[channel / 4], \(g.outputPixels)u);")
            text.line("continue;")
          }
        }
        let base = g.batch == 1 ? "" : "\(times("batch", g.inputHeight * g.inputWidth * channels)) + "
        let target = g.batch == 1 ? "" : "\(times("batch", g.outputPixels * channels)) + "
        text.line("const int8_t *const image = &x[\(base)channel];")
        func make(_ place: String, _ row: String, _ text: inout CText) {
          text.line("\(pair)(\(place), image, \(row), \(pad)u);")
        }
        make("&pairs[\(g.paddingLeft)]", "\(-g.paddingTop)", &text)
        let full = g.outputHeight / band
        let rest = g.outputHeight % band
        func rowsOf(_ count: Int, _ first: String, _ text: inout CText) {
          text.loop("row", from: "1", below: "\(count + 1)") { text in
            make("&pairs[\(g.paddingLeft) + (row * \(words))]", "\(times("(\(first) + row)", g.strideHeight)) - \(g.paddingTop)", &text)
          }
          text.line(
            "\(rows)(pairs, &\(writer.tableName("stream_\(index)"))[channel * \(wordsPerChannel)], &y[\(target)(\(first) * \(g.outputWidth * channels)) + channel], \(count)u);")
        }
        func keepLast(_ text: inout CText) {
          text.block("for (uint32_t plane = 0; plane < \(4 * plane)u; plane += \(plane)u)") { text in
            text.block("for (uint32_t i = 0; i < \(words)u; i++)") {
              $0.line("pairs[plane + i] = pairs[plane + i + \(band * words)u];")
            }
          }
        }
        if full == 1 && rest == 0 {
          rowsOf(band, "0", &text)
        } else {
          text.block("for (int32_t first = 0; first < \(full * band); first += \(band))") { text in
            rowsOf(band, "first", &text)
            keepLast(&text)
          }
          if rest > 0 { rowsOf(rest, "\(full * band)", &text) }
        }
      }
    }
    if g.batch == 1 { image(&text) } else { text.loop("batch", g.batch) { image(&$0) } }
  }

  // MARK: Tables

  private var hasMore: Bool { requantization.hasCorrections || requantization.ownShifts != nil }
  private var wordsPerChannel: Int { hasMore ? 9 : 8 }

  private func stream(_ affine: Affine, _ channel: Int) -> [Int64] {
    let isConstant = requantization.isConstant[channel]
    func weight(_ row: Int, _ column: Int) -> Int64 {
      isConstant ? 0 : 256 * Int64(affine.weights[channel * 9 + row * 3 + column])
    }
    func pair(_ low: Int64, _ high: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: (high << 16) | (low & 0xFFFF))) }
    return (0..<3).map { pair(weight(0, $0), weight(1, $0)) }
      + [pair(weight(2, 0), weight(2, 1)), pair(weight(2, 2), 0), isConstant ? 0 : 256 * Int64(affine.bias[channel])]
      + [Int64(requantization.factors[channel]), Int64(requantization.addends[channel])]
      + (hasMore ? [Int64(requantization.ownShifts?[channel] ?? Int(requantization.corrections[channel]))] : [])
  }

  private func word(ofConstants first: Int) -> Int64 {
    let bytes = (0..<4).map { UInt32(UInt8(truncatingIfNeeded: affine.requantization.code(affine.accumulators[first + $0].lowerBound, channel: first + $0))) }
    return Int64(Int32(bitPattern: bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24))
  }

  // MARK: Functions

  /// Writes four constant codes for each pixel.
  private func fillFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("constant_codes_\(g.inputChannels)") { name in
      var text = CText()
      text.comment("Four codes, the same for each pixel.")
      text.assembly(
        "void \(name)(int8_t *y, uint32_t codes, uint32_t pixels)",
        ["1:", "str r1, [r0]", "add r0, r0, #\(g.inputChannels)", "subs r2, r2, #1", "bne 1b", "bx lr"])
      return text
    }
  }

  /// Makes a pair row of four channels.
  private func pairing(_ writer: inout KernelWriter) -> String {
    let (channels, bytes) = (g.inputChannels, 4 * plane)
    let spread = writer.sharedFunction("pairs_\(channels)_\(plane)") { name in
      func load(_ register: String, _ pointer: String) -> [String] {
        channels <= 255
          ? ["ldr \(register), [\(pointer)], #\(channels)"]
          : ["ldr \(register), [\(pointer)]", "add \(pointer), \(pointer), #\(channels)"]
      }
      var text = CText()
      text.comment(
        "Pairs the codes of four channels of one row with those of another, \(channels) bytes a column, in planes of \(plane) "
          + "words.")
      text.assembly(
        "void \(name)(uint32_t *to, const int8_t *upper, const int8_t *lower, uint32_t columns)",
        ["push {r4-r7, lr}", "1:"] + load("r4", "r1") + load("r5", "r2") + [
          "sxtb16 r6, r4", "sxtb16 r7, r5", "pkhbt r12, r6, r7, lsl #16", "pkhtb r6, r7, r6, asr #16",
          "sxtb16 r4, r4, ror #8", "sxtb16 r5, r5, ror #8", "pkhbt r7, r4, r5, lsl #16", "pkhtb r4, r5, r4, asr #16",
          "str r6, [r0, #\(2 * bytes)]", "str r7, [r0, #\(bytes)]", "str r4, [r0, #\(3 * bytes)]", "str r12, [r0], #4",
          "subs r3, r3, #1", "bne 1b", "pop {r4-r7, pc}",
        ])
      return text
    }
    let suffix = "pair_row_\(channels)_\(plane)_\(g.inputHeight)_\(g.inputWidth)_\(inside)"
    return writer.sharedFunction(suffix) { name in
      var text = CText()
      text.comment("Pairs a row with the next; where one of them is outside the image, `pad` stands for it.")
      text.block("static void \(name)(uint32_t *to, const int8_t *image, int32_t row, uint32_t pad)") { text in
        let row = g.inputWidth * channels
        text.line("const int32_t upper = ((row >= 0) && (row < \(g.inputHeight))) ? row : (row + 1);")
        text.line("const int32_t lower = ((row + 1) < \(g.inputHeight)) ? (row + 1) : upper;")
        text.block("if ((upper >= 0) && (upper < \(g.inputHeight)))") { text in
          text.line("\(spread)(to, &image[upper * \(row)], &image[lower * \(row)], \(inside)u);")
        }
        text.block("if ((upper != row) || (lower != (row + 1)))") { text in
          text.line("const uint32_t kept = (upper != row) ? ((upper < \(g.inputHeight)) ? 0xFFFF0000u : 0u) : 0x0000FFFFu;")
          text.block("for (uint32_t plane = 0; plane < \(4 * plane)u; plane += \(plane)u)") { text in
            text.block("for (uint32_t i = 0; i < \(inside)u; i++)") {
              $0.line("to[plane + i] = (to[plane + i] & kept) | (pad & ~kept);")
            }
          }
        }
      }
      return text
    }
  }

  /// Output rows of four channels.
  private func rowsFunction(_ writer: inout KernelWriter) -> String {
    let variant = DSPAssembly.variant(requantization)
    let channels = g.inputChannels
    let isStrided = g.strideWidth == 2
    let (pairs, isOdd) = (g.outputWidth / 2, g.outputWidth % 2 == 1)
    let next = 4 * words
    // The third tap is the lower row of the next pairs; with stride 2, its upper row.
    let half = isStrided ? "b" : "t"
    return writer.sharedFunction("depthwise_\(channels)_\(g.outputWidth)_\(g.strideWidth)_\(plane)_\(variant)") { name in
      func requantize(_ sums: [String]) -> [String] {
        var lines = ["ldrd r10, r11, [sp, #8]"]
        if hasMore { lines.append("ldr r12, [sp, #16]") }
        for sum in sums {
          lines += DSPAssembly.requantize(
            sum, requantization, factor: "r10", addend: "r11", correction: "r12", free: "lr", shift: "r12")
        }
        return lines
      }
      func third(_ sum: String, _ a: String, _ b: String, _ c: String) -> [String] {
        [
          "smla\(half)b \(sum), \(a), r7, \(sum)", "smla\(half)t \(sum), \(b), r7, \(sum)",
          "smla\(half)b \(sum), \(c), r8, \(sum)",
        ]
      }
      func upper(_ sum: String, _ a: String, _ b: String, _ c: String) -> [String] {
        zip([a, b, c], ["r4", "r5", "r6"]).map { "smlad \(sum), \($0), \($1), \(sum)" }
      }
      var lines = [
        "push {r4-r11, lr}", "sub sp, sp, #44", "str r1, [sp, #20]", "str r3, [sp, #24]", "mov r12, #4",
        "str r12, [sp, #28]", "str r0, [sp, #32]", "str r2, [sp, #36]", "1:", "ldr r1, [sp, #20]", "ldmia r1!, {r4-r8}",
        "ldmia r1!, {r9, r10, r11\(hasMore ? ", r12" : "")}", "str r1, [sp, #20]", "str r9, [sp]",
        "strd r9, r10, [sp, #4]", "str r11, [sp, #12]",
      ]
      if hasMore { lines.append("str r12, [sp, #16]") }
      lines += ["ldr r12, [sp, #24]", "str r12, [sp, #40]", "2:"]
      if pairs > 0 {
        lines += ["mov r1, #\(pairs)", "3:", "ldrd r3, r9, [sp]"]
        if isStrided {
          lines += ["ldrd r10, r11, [r0, #\(next)]", "ldrd r12, lr, [r0, #\(next + 8)]"]
          lines += third("r3", "r10", "r11", "r12") + third("r9", "r12", "lr", "r10").dropLast()
          lines += ["ldr r10, [r0, #\(next + 16)]"] + third("r9", "r12", "lr", "r10").suffix(1)
          lines += ["ldrd r10, r11, [r0], #8", "ldrd r12, lr, [r0], #8"]
          lines += upper("r3", "r10", "r11", "r12") + upper("r9", "r12", "lr", "r10").dropLast()
          lines += ["ldr r10, [r0]"] + upper("r9", "r12", "lr", "r10").suffix(1)
        } else {
          lines += ["ldrd r10, r11, [r0, #\(next)]", "ldrd r12, lr, [r0, #\(next + 8)]"]
          lines += third("r3", "r10", "r11", "r12") + third("r9", "r11", "r12", "lr")
          lines += ["ldrd r10, r11, [r0], #8", "ldrd r12, lr, [r0]"]
          lines += upper("r3", "r10", "r11", "r12") + upper("r9", "r11", "r12", "lr")
        }
        lines += requantize(["r3", "r9"]) + ["strb r9, [r2, #\(channels)]"]
        lines += 2 * channels <= 255 ? ["strb r3, [r2], #\(2 * channels)"] : ["strb r3, [r2]", "add r2, r2, #\(2 * channels)"]
        lines += ["subs r1, r1, #1", "bne 3b"]
      }
      if isOdd {
        lines += ["ldr r3, [sp]", "ldrd r10, r11, [r0, #\(next)]", "ldr r12, [r0, #\(next + 8)]"]
        lines += third("r3", "r10", "r11", "r12")
        lines += ["ldr r12, [r0, #8]", "ldrd r10, r11, [r0], #\(4 * g.strideWidth)"] + upper("r3", "r10", "r11", "r12")
        lines += requantize(["r3"]) + ["strb r3, [r2]", "add r2, r2, #\(channels)"]
      }
      lines += [
        "add r0, r0, #\(isStrided ? 4 : 8)", "ldr r1, [sp, #40]", "subs r1, r1, #1", "str r1, [sp, #40]", "bne 2b",
        "ldr r0, [sp, #32]", "add r0, r0, #\(4 * plane)", "str r0, [sp, #32]", "ldr r2, [sp, #36]", "add r2, r2, #1",
        "str r2, [sp, #36]", "ldr r12, [sp, #28]", "subs r12, r12, #1", "str r12, [sp, #28]", "bne 1b", "add sp, sp, #44",
        "pop {r4-r11, pc}",
      ]
      var text = CText()
      text.comment(
        "Rows of \(g.outputWidth) output pixels, \(channels) bytes apart, of four channels, from planes of \(plane) words.")
      text.assembly("void \(name)(const uint32_t *pairs, const int32_t *stream, int8_t *y, uint32_t rows)", lines)
      return text
    }
  }
}
