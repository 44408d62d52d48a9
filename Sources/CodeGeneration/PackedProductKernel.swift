import IntegerProgram

/// Convolutions where one multiplication serves two pixels.
///
/// A word holds the codes of two pixels at the same place of their windows, X = xa + 65536 · xb. Products with a weight
/// add up to Σ w·xa + 65536 · Σ w·xb, and as long as either sum stays in 16 bits, whatever the codes, both can be told
/// apart. Weights fall into groups of which that is sure; a group ends with the sum S = Σ w·xa + 32768 + 65536 · Σ w·xb
/// taken apart: H += S >> 16 gives the upper pixel's sum, U += S the lower one's, as U − 65536 · H modulo 2^32. Three
/// such words make a block of six pixels: weights stay bytes in flash, are unpacked once for six pixels, and need no
/// copies, since a product may overwrite the codes that are loaded anew for each weight.
struct PackedProductKernel: StepKernel {
  var need: ProcessorNeed? { language.need }
  private let requantization: SplitRequantization
  private let language: KernelLanguage
  private let g: WindowGeometry
  /// Weights of an output channel, in words of four.
  private let quads: Int
  /// Least and greatest code of the input.
  private let codes: ClosedRange<Int64>
  let scratch: (bytes: Int, alignment: Int)

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal, _ language: KernelLanguage) {
    self.language = language
    guard goal != .size, case .affine(let affine) = step.operation, affine.groups == 1,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) }), affine.weightsPerOutput >= 4
    else { return nil }
    g = affine.geometry
    guard Self.pixels(g) > 1, g.dilationWidth == 1, g.outputChannels < 1 << 16,
      let requantization = SplitRequantization(affine.requantization, accumulators: affine.accumulators)
    else { return nil }
    self.requantization = requantization
    let range = program.values[step.inputs[0]].range
    codes = min(Int64(range.lowerBound), Int64(affine.paddingCode))...max(Int64(range.upperBound), Int64(affine.paddingCode))
    quads = (affine.weightsPerOutput + 3) / 4
    // Two weights must always make a group.
    for channel in 0..<affine.geometry.outputChannels where !Self.isAlwaysSafe(affine, channel, codes) { return nil }
    let pairs = min(3, (Self.pixels(g) + 1) / 2)
    scratch = (16 * quads * pairs + (g.isPointwise ? 0 : 2 * g.kernelWidth * g.inputChannels), 4)
  }

  /// Pixels of an image; of all images where no window spans several places.
  private static func pixels(_ g: WindowGeometry) -> Int { g.isPointwise ? g.batch * g.outputPixels : g.outputPixels }

  private static let block = 6

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    StepOverlap.distance(g, pixelsReadFirst: Self.block)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .affine(let affine) = step.operation else { return }
    writer.addTable(
      "stream_\(index)", "int32_t", (0..<g.outputChannels).flatMap { stream(affine, $0) },
      comment: "\(step.source.type) of step \(index), for every output channel: where groups end, starts of the sums, words "
        + "of weights, and the requantisation's span, factor and addend; or 0 and the channel's only code")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    writer.scratch("columns", "int32_t", index)
    let pixels = Self.pixels(g)
    if !g.isPointwise {
      text.line("int8_t *const runs = (int8_t *)&columns[\(4 * quads * min(3, (pixels + 1) / 2))];")
    }
    func image(_ writer: inout KernelWriter, _ text: inout CText) {
      if g.isPointwise {
        text.line("const int8_t *from = x;")
      } else {
        text.line("int32_t row = 0;")
        text.line("int32_t column = 0;")
      }
      let full = pixels / Self.block
      if full > 0 {
        text.block("for (uint32_t blocks = \(full)u; blocks > 0u; blocks--)") { block(affine, Self.block, index, &writer, &$0) }
      }
      if pixels % Self.block > 0 { block(affine, pixels % Self.block, index, &writer, &text) }
    }
    if g.batch == 1 || g.isPointwise {
      image(&writer, &text)
    } else {
      text.block("for (uint32_t batch = \(g.batch)u; batch > 0u; batch--)") { text in
        image(&writer, &text)
        text.line("x = &x[\(g.inputHeight * g.inputWidth * g.inputChannels)];")
      }
    }
  }

  // MARK: Windows

  /// Gathers the windows of `size` pixels and computes their codes.
  private func block(_ affine: Affine, _ size: Int, _ index: Int, _ writer: inout KernelWriter, _ text: inout CText) {
    let pairs = (size + 1) / 2
    let channels = g.inputChannels
    if g.isPointwise {
      let spread = spread(pairs, channels, &writer)
      for pair in 0..<pairs {
        let upper = min(2 * pair + 1, size - 1)
        text.line(
          "(void)\(spread)(&columns[\(pair)], &from[\(2 * pair * channels)], &from[\(upper * channels)], \(channels));")
      }
      text.line("from = &from[\(size * channels)];")
    } else {
      let spread = spread(pairs, g.kernelWidth * channels, &writer)
      let window = window(affine, &writer)
      let run = g.kernelWidth * channels
      let (width, height) = (g.inputWidth, g.inputHeight)
      // Of an odd number of pixels, the last word's upper half is of the padding beyond the image.
      text.block("for (uint32_t pair = 0; pair < \(pairs)u; pair++)") { text in
        text.line("int32_t *to = &columns[pair];")
        let least = CExpressionPrinter.literal(Int64(width - g.kernelWidth))
        for name in ["a", "b"] {
          text.line("int32_t row_\(name) = \(origin("row", g.strideHeight, g.paddingTop));")
          text.line("const int32_t column_\(name) = \(origin("column", g.strideWidth, g.paddingLeft));")
          // Windows between the left and the right border need only their rows looked at.
          text.line("const uint32_t rows_\(name) = ((column_\(name) >= 0) && (column_\(name) <= \(least))) ? \(height)u : 0u;")
          text.line("int32_t at_\(name) = ((row_\(name) * \(width)) + column_\(name)) * \(channels);")
          text.line("column++;")
          text.block("if (column == \(g.outputWidth))") { text in
            text.line("column = 0;")
            text.line("row++;")
          }
        }
        text.block("for (uint32_t taps = \(g.kernelHeight)u; taps > 0u; taps--)") { text in
          for (name, buffer) in [("a", "runs"), ("b", "&runs[\(run)]")] {
            text.line("const int8_t *const run_\(name) =")
            text.line("  ((uint32_t)row_\(name) < rows_\(name)) ? &x[at_\(name)] : \(window)(x, row_\(name), column_\(name), \(buffer));")
          }
          text.line("to = \(spread)(to, run_a, run_b, \(run));")
          for name in ["a", "b"] {
            text.line("row_\(name) += \(g.dilationHeight);")
            text.line("at_\(name) += \(g.dilationHeight * width * channels);")
          }
        }
      }
    }
    let function = product(size, &writer)
    text.line(
      "\(function)(\(writer.tableName("stream_\(index)")), columns, y, \(g.outputChannels)u, \((quads + 15) / 16)u, \(g.outputChannels)u);")
    text.line("y = &y[\(size * g.outputChannels)];")
  }

  /// Copies one row of a window, parts of which lie outside the image.
  private func window(_ affine: Affine, _ writer: inout KernelWriter) -> String {
    let (channels, width, height) = (g.inputChannels, g.inputWidth, g.inputHeight)
    let run = g.kernelWidth * channels
    let code = UInt8(truncatingIfNeeded: affine.paddingCode)
    return writer.sharedFunction("window_\(channels)_\(width)_\(height)_\(g.kernelWidth)_\(code)") { name, text in
      text.comment("Copies what the image has of \(g.kernelWidth) pixels of a row from `column` on, and the padding code for the others.")
      text.block("static const int8_t *\(name)(const int8_t *x, int32_t row, int32_t column, int8_t *to)") { text in
        text.loop("i", run) { $0.line("to[i] = (int8_t)(\(affine.paddingCode));") }
        text.block("if ((row >= 0) && (row < \(height)))") { text in
          text.line("const int32_t start = ((row * \(width)) + column) * \(channels);")
          text.line("const int32_t end = (column > \(CExpressionPrinter.literal(Int64(width - g.kernelWidth)))) ? ((\(width) - column) * \(channels)) : \(run);")
          text.block("for (int32_t i = (column < 0) ? (-column * \(channels)) : 0; i < end; i++)") {
            $0.line("to[i] = x[start + i];")
          }
        }
        text.line("return to;")
      }
    }
  }

  /// Spreads two windows' codes into words.
  private func spread(_ pairs: Int, _ count: Int, _ writer: inout KernelWriter) -> String {
    if language == .c {
      return writer.sharedFunction("spread_\(pairs)") { name, text in
        text.comment("Words of a + 65536 b, one of every \(pairs), of the codes at a and b. Returns the place after the last.")
        text.block("static int32_t *\(name)(int32_t *to, const int8_t *a, const int8_t *b, int32_t count)") { text in
          text.block("for (int32_t i = 0; i < count; i++)") { text in
            text.line("*to = (int32_t)a[i] + ((int32_t)b[i] * 65536);")
            text.line("to = &to[\(pairs)];")
          }
          text.line("return to;")
        }
      }
    }
    let unrolled = (1...8).last { count % $0 == 0 } ?? 1
    return writer.sharedFunction("spread_\(pairs)_\(unrolled)") { name, text in
      var lines = ["push {r4-r6, lr}", "movs r4, #0", "1:"]
      for place in 0..<unrolled {
        lines += [
          "ldrsb r5, [r1, r4]", "ldrsb r6, [r2, r4]", "lsls r6, r6, #16", "adds r5, r5, r6", "str r5, [r0, #\(4 * pairs * place)]",
          "adds r4, r4, #1",
        ]
      }
      lines += ["adds r0, r0, #\(4 * pairs * unrolled)", "cmp r4, r3", "bne 1b", "pop {r4-r6, pc}"]
      text.comment(
        "Words of a + 65536 b, one of every \(pairs), of the codes at a and b, a multiple of \(unrolled). Returns the place after the last.")
      text.assembly("int32_t *\(name)(int32_t *to, const int8_t *a, const int8_t *b, int32_t count)", lines)
    }
  }

  // MARK: Tables

  /// Whether two weights that stand together always make a group.
  private static func isAlwaysSafe(_ affine: Affine, _ channel: Int, _ codes: ClosedRange<Int64>) -> Bool {
    let depth = affine.weightsPerOutput
    return stride(from: 0, to: depth, by: 2).allSatisfy { first in
      var sum = Group()
      for place in first..<min(first + 2, depth) { sum.add(Int64(affine.weights[channel * depth + place]), codes) }
      return sum.isSafe
    }
  }

  /// What the products of some weights may add up to.
  private struct Group {
    var low: Int64 = 0
    var high: Int64 = 0
    var isSafe: Bool { low >= -32768 && high <= 32767 }

    mutating func add(_ weight: Int64, _ codes: ClosedRange<Int64>) {
      low += min(weight * codes.lowerBound, weight * codes.upperBound)
      high += max(weight * codes.lowerBound, weight * codes.upperBound)
    }
  }

  private func stream(_ affine: Affine, _ channel: Int) -> [Int64] {
    if let code = requantization.channels[channel].constant { return [0, code] }
    let depth = affine.weightsPerOutput
    let weights = (0..<4 * quads).map { $0 < depth ? Int64(affine.weights[channel * depth + $0]) : 0 }
    // Whether a group ends after each two weights.
    var ends = [Bool](repeating: false, count: 2 * quads)
    var group = Group()
    for half in ends.indices {
      var longer = group
      for place in 2 * half..<2 * half + 2 { longer.add(weights[place], codes) }
      if !longer.isSafe {
        ends[half - 1] = true
        longer = Group()
        for place in 2 * half..<2 * half + 2 { longer.add(weights[place], codes) }
      }
      group = longer
      // A mask is used up.
      if half % 32 == 31 || half == ends.count - 1 {
        ends[half] = true
        group = Group()
      }
    }
    let start = requantization.start(affine, channel)
    let groups = Int64(ends.count { $0 })
    var words: [Int64] = []
    for first in stride(from: 0, to: quads, by: 16) {
      let end = min(first + 16, quads)
      var mask: Int64 = 0
      for half in 2 * first..<2 * end where ends[half] { mask |= 1 << Int64(31 - (half - 2 * first)) }
      words.append(mask)
      if first == 0 { words += [start, 65537 * start - 32768 * groups] }
      for quad in first..<end {
        words.append((0..<4).reduce(0) { $0 | (weights[4 * quad + $1] & 0xFF) << Int64(8 * $1) })
      }
    }
    return words.map(SplitRequantization.word) + [requantization.channels[channel].span].map(SplitRequantization.word)
      + requantization.factors(channel) + [requantization.channels[channel].addend].map(SplitRequantization.word)
      + requantization.signs(channel)
  }

  // MARK: Products

  private func cProduct(_ pixels: Int, _ writer: inout KernelWriter) -> String {
    let requantize = requantization.function(&writer)
    let constants = requantization.hasCorrections ? 6 : 4
    let signs = requantization.hasCorrections ? ", stream[4], stream[5]" : ""
    let shift = "\(writer.names.prefix)_floor_shift_32"
    let pairs = (pixels + 1) / 2
    return writer.sharedFunction("product_\(pixels)_\(requantization.variant)") { name, text in
      text.comment("The codes of \(pixels) pixels, `stride` apart, for each output channel.")
      text.block(
        "static void \(name)(const int32_t *stream, const int32_t *columns, int8_t *y, uint32_t outputs, uint32_t masks, uint32_t stride)"
      ) { text in
        func flush(_ text: inout CText) {
          for pair in 0..<pairs {
            text.line("u\(pair) += s\(pair);")
            text.line("h\(pair) += \(shift)((int32_t)s\(pair), 16);")
            text.line("s\(pair) = 32768u;")
          }
        }
        func weight(_ place: Int, _ text: inout CText) {
          text.line("weight = (uint32_t)(int32_t)weights[\(place)];")
          for pair in 0..<pairs { text.line("s\(pair) += weight * (uint32_t)x[\(place * pairs + pair)];") }
        }
        text.block("for (; outputs > 0u; outputs--)") { text in
          text.line("uint32_t mask = (uint32_t)stream[0];")
          text.block("if (mask == 0u)") { text in
            for pixel in 0..<pixels { text.line("y[\(pixel)u * stride] = (int8_t)stream[1];") }
            text.line("stream = &stream[2];")
          }
          text.block("else") { text in
            for pair in 0..<pairs {
              text.line("int32_t h\(pair) = stream[1];")
              text.line("uint32_t u\(pair) = (uint32_t)stream[2];")
              text.line("uint32_t s\(pair) = 32768u;")
            }
            text.line("const int32_t *x = columns;")
            text.line("uint32_t left = masks;")
            text.line("stream = &stream[3];")
            text.block("for (;;)") { text in
              text.block("while (mask != 0u)") { text in
                text.line("const int8_t *const weights = (const int8_t *)stream;")
                text.line("uint32_t weight;")
                weight(0, &text)
                weight(1, &text)
                text.block("if ((mask & 0x80000000u) != 0u)", flush)
                weight(2, &text)
                weight(3, &text)
                text.block("if ((mask & 0x40000000u) != 0u)", flush)
                text.line("mask <<= 2;")
                text.line("stream = &stream[1];")
                text.line("x = &x[\(4 * pairs)];")
              }
              text.line("left--;")
              text.block("if (left == 0u)") { $0.line("break;") }
              text.line("mask = (uint32_t)stream[0];")
              text.line("stream = &stream[1];")
            }
            for pixel in 0..<pixels {
              let sum = pixel % 2 == 0 ? "u\(pixel / 2) - ((uint32_t)h\(pixel / 2) << 16)" : "(uint32_t)h\(pixel / 2)"
              text.line(
                "y[\(pixel)u * stride] = \(requantize)(\(sum), (uint32_t)stream[0], (uint32_t)stream[1], (uint32_t)stream[2], (uint32_t)stream[3]\(signs));")
            }
            text.line("stream = &stream[\(constants)];")
          }
          text.line("y = &y[1];")
        }
      }
    }
  }

  /// All output channels of a block of pixels.
  private func product(_ pixels: Int, _ writer: inout KernelWriter) -> String {
    let requantization = requantization
    if language == .c { return cProduct(pixels, &writer) }
    return writer.sharedFunction("product_\(pixels)_\(requantization.variant)") { name, text in
      let pairs = (pixels + 1) / 2
      let sums = ["r8", "r9", "r10"].prefix(pairs)
      let uppers = ["r11", "r12", "lr"].prefix(pairs)
      let words = ["r4", "r5", "r6"].prefix(pairs)
      let last = words[pairs - 1]
      let list = pairs == 1 ? "r4" : "r4-\(last)"
      let frame = 4 * (pairs + 1)
      /// One weight, which is in `register`.
      func weight(_ register: String) -> [String] {
        ["ldmia r1!, {\(list)}"]
          + zip(words, sums).flatMap { language == .armv7 ? ["mla \($1), \($0), \(register), \($1)"] : ["muls \($0), \(register), \($0)", "add \($1), \($0)"] }
      }
      /// The end of a group.
      let flush =
        ["pop {r3-\(last)}"] + zip(words, sums).map { "add \($0), \($1)" } + ["push {r3-\(last)}"]
        + zip(words, zip(sums, uppers)).flatMap { word, sum in
          language == .armv7
            ? ["add \(sum.1), \(sum.1), \(sum.0), asr #16", "mov \(sum.0), r3"]
            : ["mov \(word), \(sum.0)", "asrs \(word), \(word), #16", "add \(sum.1), \(word)", "mov \(sum.0), r3"]
        }
      var lines = [
        "push {r4-r7, lr}", "mov r4, r8", "mov r5, r9", "mov r6, r10", "mov r7, r11", "push {r4-r7}", "sub sp, #12",
        "push {r1-r3}",
        // A channel: masks left, places of codes, starts of the sums.
        "10:", "ldmia r0!, {r7}", "cmp r7, #0", "bne 11f", "b 20f", "11:", "ldr r2, [sp, #60]", "str r2, [sp, #12]",
        "ldr r1, [sp]", "ldmia r0!, {r2, r4}",
      ]
      lines += uppers.map { "mov \($0), r2" } + words.dropFirst().map { "movs \($0), r4" }
      lines += ["movs r3, #128", "lsls r3, r3, #8", "push {r3-\(last)}"] + sums.map { "mov \($0), r3" }
      // Four weights.
      if language == .armv7 {
        let loaded = ["ldrsb r3, [r0], #1"] + weight("r3")
        lines += ["12:"] + loaded + loaded + ["lsls r7, r7, #1", "bcs 15f", "13:"] + loaded + loaded
      } else {
        lines += ["12:", "ldmia r0!, {r2}", "sxtb r3, r2"] + weight("r3") + ["asrs r2, r2, #8", "sxtb r3, r2"] + weight("r3")
        lines += ["lsls r7, r7, #1", "bcs 15f", "13:", "asrs r2, r2, #8", "sxtb r3, r2"] + weight("r3")
        lines += ["asrs r2, r2, #8"] + weight("r2")
      }
      lines += ["lsls r7, r7, #1", "bcc 12b"] + flush + ["cmp r7, #0", "bne 12b"]
      lines += ["ldr r2, [sp, #\(12 + frame)]", "subs r2, r2, #1", "beq 16f", "str r2, [sp, #\(12 + frame)]", "ldmia r0!, {r7}", "b 12b"]
      lines += ["15:"] + flush + ["b 13b"]
      // The sums, then the codes.
      lines += ["16:", "pop {r3-\(last)}"]
      lines += zip(words, uppers).flatMap { ["mov r2, \($1)", "lsls r2, r2, #16", "subs \($0), \($0), r2"] }
      lines += ["ldmia r0!, {r1, r2, r3, r7}", "mov r8, r1", "mov r9, r7", "ldr r1, [sp, #64]", "mov r10, r1", "ldr r7, [sp, #4]"]
      if requantization.hasCorrections { lines += ["ldmia r0!, {r1}", "str r1, [sp, #16]", "ldmia r0!, {r1}", "str r1, [sp, #20]"] }
      for pixel in 0..<pixels {
        let word = words[pixel / 2]
        if pixel % 2 == 1 { lines.append("mov \(word), \(uppers[uppers.startIndex + pixel / 2])") }
        lines += requantization.assembly(word, spare: "r1", signs: 16) + ["strb \(word), [r7]"]
        if pixel < pixels - 1 { lines.append("add r7, r10") }
      }
      lines += [
        "17:", "ldr r7, [sp, #4]", "adds r7, r7, #1", "str r7, [sp, #4]", "ldr r1, [sp, #8]", "subs r1, r1, #1", "str r1, [sp, #8]",
        "beq 18f", "b 10b", "18:", "add sp, #24", "pop {r4-r7}", "mov r8, r4", "mov r9, r5", "mov r10, r6", "mov r11, r7",
        "pop {r4-r7, pc}",
        // A channel of one code.
        "20:", "ldmia r0!, {r4}", "ldr r7, [sp, #4]", "ldr r1, [sp, #64]",
      ]
      for pixel in 0..<pixels { lines += ["strb r4, [r7]"] + (pixel < pixels - 1 ? ["adds r7, r7, r1"] : []) }
      lines.append("b 17b")
      text.comment("The codes of \(pixels) pixels, `stride` apart, for each output channel.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const int32_t *columns, int8_t *y, uint32_t outputs, uint32_t masks, uint32_t stride)",
        lines)
    }
  }
}
