import IntegerProgram

/// Depthwise convolutions of windows up to 3 × 3 (4 × 4 for one output a tile) with Arm's vector extension.
///
/// Four rows of the image are interleaved byte by byte, so that a word holds a column of four codes of one channel and a
/// vector, gathered from four columns, a tile of 4 × 4 codes. Weights stand in the same order, zeros where the window does
/// not reach; then one VMLADAV is one output. With stride 1 a tile serves 2 × 2 outputs: the weights for the one to the
/// right lie four bytes on in the vector, those for the one below one byte, so all four are loads from the same bytes.
struct MVEDepthwiseKernel: StepKernel {
  var need: ProcessorNeed? { .mve }
  private let requantization: MVERequantization
  /// Outputs of a tile: rows and columns.
  private let tileRows, tileColumns: Int
  /// Vectors of four sums that are requantised together.
  private let vectors: Int
  /// Columns of the interleaved rows.
  private let columns: Int
  private let hasPaddingRow: Bool
  let scratch: (bytes: Int, alignment: Int)

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .affine(let affine) = step.operation, affine.isDepthwise,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    let g = affine.geometry
    let channels = g.inputChannels
    guard g.kernelHeight <= 4, g.kernelWidth <= 4, g.dilationHeight == 1, g.dilationWidth == 1,
      g.inputWidth * channels >= 16, g.outputWidth * channels * 2 < 65536, g.outputChannels * g.strideWidth <= 512,
      let requantization = MVERequantization(affine, drop: 31)
    else { return nil }
    self.requantization = requantization
    let hasTwoRows = g.kernelHeight + g.strideHeight <= 4 && g.outputHeight > 1
    tileRows = hasTwoRows ? 2 : 1
    tileColumns = hasTwoRows && g.kernelWidth + g.strideWidth <= 4 ? 2 : 1
    // A vector is two rows of two columns, or one of four.
    let width = 4 / tileRows
    func cost(_ vectors: Int) -> Int { (g.outputWidth + width * vectors - 1) / (width * vectors) * (11 * vectors + 4) }
    vectors = g.outputWidth >= 2 * width && cost(2) < cost(1) ? 2 : 1
    let reached = max(g.outputWidth, width * vectors)
    columns = max((reached - tileColumns) * g.strideWidth + 4, g.paddingLeft + g.inputWidth)
    hasPaddingRow =
      g.paddingTop > 0 || (g.outputHeight - 1) * g.strideHeight - g.paddingTop + g.kernelHeight > g.inputHeight
    scratch = (4 * columns * channels + (hasPaddingRow ? (g.inputWidth * channels + 15) / 16 * 16 : 0), 4)
  }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    guard case .affine(let affine) = step.operation else { return nil }
    let g = affine.geometry
    // The copied rows reach as far down as the window's.
    return StepOverlap.distance(
      g, blocks: strips(g).map { $0 * g.outputWidth..<($0 + tileRows) * g.outputWidth }, areCopied: true)
  }

  /// The first rows of the strips of output rows; the last two may overlap.
  private func strips(_ g: WindowGeometry) -> [Int] {
    stride(from: 0, to: g.outputHeight, by: tileRows).map { min($0, g.outputHeight - tileRows) }
  }

  // MARK: The step's function

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .affine(let affine) = step.operation else { return }
    let g = affine.geometry
    let channels = g.inputChannels
    let line = g.inputWidth * channels
    let label = "\(step.source.type) of step \(index)"
    writer.addTable(
      "weights_\(index)", "int32_t", weights(affine),
      comment: "Weights of \(label): zeros; for each channel the columns of its window, four bytes each")
    writer.addTable(
      "constants_\(index)", "int32_t", constants(affine),
      comment: "Of each channel of \(label): the scaled bias, the factor, the addend")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    writer.scratch("tiles", "uint32_t", index)
    writer.include("arm_mve.h")
    let (interleave, product) = (interleave(&writer), product(g, &writer))
    let pad = CExpressionPrinter.literal(Int64(affine.paddingCode))

    let right = columns - g.paddingLeft - g.inputWidth
    if g.paddingLeft > 0 || right > 0 {
      let word = CExpressionPrinter.literal(Int64(UInt32(UInt8(truncatingIfNeeded: affine.paddingCode)) * 0x0101_0101))
      let fill = fillWords(&writer)
      if g.paddingLeft > 0 { text.line("\(fill)(tiles, \(word)u, \(g.paddingLeft * channels)u);") }
      if right > 0 {
        text.line("\(fill)(&tiles[\((g.paddingLeft + g.inputWidth) * channels)], \(word)u, \(right * channels)u);")
      }
    }
    if hasPaddingRow {
      text.line("int8_t *const padding = (int8_t *)&tiles[\(columns * channels)];")
      text.block("for (uint32_t i = 0; i < \(line)u; i++)") { $0.line("padding[i] = \(pad);") }
    }
    let strips = strips(g)
    let needed = (tileRows - 1) * g.strideHeight + g.kernelHeight
    func image(_ writer: inout KernelWriter, _ text: inout CText) {
      text.loop("strip", strips.count) { text in
        if g.outputHeight % tileRows == 0 {
          text.line("const int32_t row = \(times("strip", tileRows));")
        } else {
          text.line("const int32_t row = (strip < \(strips.count - 1)) ? \(times("strip", tileRows)) : \(g.outputHeight - tileRows);")
        }
        text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
        // One by one: where GCC 12 makes vectors of a loop over them, it may not assemble.
        for i in 0..<4 {
          // Rows past the window meet weights of zero.
          let row = min(i, needed - 1)
          text.line("const int32_t from_\(i) = top\(row == 0 ? "" : " + \(row)");")
          let from = "&x[from_\(i) * \(line)]"
          let choice = "((from_\(i) >= 0) && (from_\(i) < \(g.inputHeight))) ? \(from) : padding"
          text.line("const int8_t *const row_\(i) = \(hasPaddingRow ? choice : from);")
        }
        let place = g.paddingLeft > 0 ? "&tiles[\(g.paddingLeft * channels)]" : "tiles"
        text.line("\(interleave)(\(place), row_0, row_1, row_2, row_3, \(line / 16)u);")
        if line % 16 != 0 {
          let rows = (0..<4).map { "&row_\($0)[\(line - 16)]" }.joined(separator: ", ")
          text.line("\(interleave)(&tiles[\(g.paddingLeft * channels + line - 16)], \(rows), 1u);")
        }
        text.line(
          "\(product)(\(writer.tableName("weights_\(index)")), tiles, &y[row * \(g.outputWidth * channels)], \(writer.tableName("constants_\(index)")));")
      }
    }
    if g.batch == 1 {
      image(&writer, &text)
    } else {
      text.loop("batch", g.batch) { text in
        image(&writer, &text)
        text.line("x = &x[\(g.inputHeight * line)];")
        text.line("y = &y[\(g.outputPixels * channels)];")
      }
    }
  }

  // MARK: Tables

  /// Sixteen bytes of zeros and sixteen for each channel: a byte for each row of each column.
  private func weights(_ affine: Affine) -> [Int64] {
    let g = affine.geometry
    var bytes = [Int16](repeating: 0, count: 16)
    for channel in 0..<g.inputChannels {
      for column in 0..<4 {
        for row in 0..<4 {
          let isInside = row < g.kernelHeight && column < g.kernelWidth
          bytes.append(isInside ? affine.weights[channel * g.taps + row * g.kernelWidth + column] : 0)
        }
      }
    }
    // The last channel's own, loaded one to the left and one above, ends here; the others end in the next one's.
    return MVECode.words(bytes)
  }

  private func constants(_ affine: Affine) -> [Int64] {
    (0..<affine.geometry.outputChannels).flatMap { channel -> [Int64] in
      [Int64(requantization.start(channel)), Int64(requantization.factor(channel)), Int64(requantization.addend(channel))]
        + (requantization.hasCorrections ? [Int64(requantization.change(channel))] : [])
    }
  }

  // MARK: Shared functions

  private func fillWords(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("fill_words") { name, text in
      text.comment("Sets words.")
      text.block("static void \(name)(uint32_t *to, uint32_t word, uint32_t count)") { text in
        text.block("for (uint32_t i = 0; i < count; i++)") { $0.line("to[i] = word;") }
      }
    }
  }

  private func interleave(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("interleave") { name, text in
      text.comment("Makes four rows of codes one of words, sixteen at a time.")
      text.assembly(
        "void \(name)(\n  uint32_t *to, const int8_t *a, const int8_t *b, const int8_t *c, const int8_t *d, uint32_t vectors)",
        [
          "push {r4, lr}", "ldrd r4, r12, [sp, #8]", "dls lr, r12", "1:", "vldrb.u8 q0, [r1], #16",
          "vldrb.u8 q1, [r2], #16", "vldrb.u8 q2, [r3], #16", "vldrb.u8 q3, [r4], #16",
          "vst40.8 {q0, q1, q2, q3}, [r0]", "vst41.8 {q0, q1, q2, q3}, [r0]", "vst42.8 {q0, q1, q2, q3}, [r0]",
          "vst43.8 {q0, q1, q2, q3}, [r0]!", "le lr, 1b", "pop {r4, pc}",
        ])
    }
  }

  /// One or two rows of outputs, channel by channel: q4 to q7 are the channel's weights for the outputs of a tile, q3 the
  /// offsets of a tile's columns; those of a vector's outputs are on the stack.
  private func product(_ g: WindowGeometry, _ writer: inout KernelWriter) -> String {
    let channels = g.inputChannels
    let width = 4 / tileRows * vectors
    let suffix =
      "mve_depthwise_\(g.outputWidth)_\(channels)_\(g.strideHeight)_\(g.strideWidth)_\(tileRows)_\(tileColumns)_\(requantization.constants.scaling)_\(requantization.name)"
    return writer.sharedFunction(suffix) { name, text in
      // Lanes run over the rows of a tile before its columns.
      let lanes = (0..<4).map { (row: $0 % tileRows, column: $0 / tileRows) }
      let isShort = g.outputWidth < width
      func offset(_ vector: Int, _ lane: Int) -> Int {
        (lanes[lane].row * g.outputWidth + vector * (4 / tileRows) + lanes[lane].column) * channels
      }
      // The halfwords of both vectors alternate.
      let offsets = (0..<8).map { $0 % 2 < vectors ? offset($0 % 2, $0 / 2) : 0 }
      var lines = ["push {r4-r11, lr}", "vpush {d8-d15}", "sub sp, sp, #16"]
      if vectors == 2 {
        for place in 0..<4 {
          lines += MVECode.set("r4", offsets[2 * place] | offsets[2 * place + 1] << 16) + ["str r4, [sp, #\(4 * place)]"]
        }
      } else {
        for lane in 0..<4 { lines += MVECode.set("r4", offset(0, lane)) + ["str r4, [sp, #\(4 * lane)]"] }
      }
      // 0, 1, 2, 3 columns.
      lines += ["mov r4, #0", "vidup.u32 q3, r4, #1"] + MVECode.set("r4", 4 * channels) + ["vmul.i32 q3, q3, r4"]
      // r0 weights, r1 tiles, r2 outputs, r3 constants become r8, r1, r3, r10.
      lines += ["add r8, r0, #16", "mov r10, r3", "mov r3, r2"] + MVECode.set("r11", channels)
      if isShort, !requantization.hasCorrections { lines += ["mov r0, #\(g.outputWidth * tileRows)", "vctp.32 r0"] }
      let hasChange = requantization.hasCorrections
      lines += ["3:"]
      let shifts = tileColumns == 2 ? [0, g.strideHeight, 4 * g.strideWidth, 4 * g.strideWidth + g.strideHeight] : (0..<tileRows).map { $0 * g.strideHeight }
      for (place, shift) in shifts.enumerated() { lines.append("vldrb.u8 q\(4 + place), [r8, #\(-shift)]") }
      lines += ["add r8, r8, #16", hasChange ? "ldmia r10!, {r5, r7, r9, r12}" : "ldmia r10!, {r5, r7, r9}"]

      let step = 4 * channels * g.strideWidth
      let sums = ["r0", "r2", "r4", "r6"]
      func block() -> [String] {
        var lines: [String] = []
        for vector in 0..<vectors {
          var made = 0
          while made < 4 {
            lines.append("vldrw.u32 q0, [r1, q3]")
            for place in 0..<shifts.count {
              lines.append("vmladav.s8 \(sums[made]), q0, q\(4 + place)")
              made += 1
            }
            let move = step * tileColumns
            if move <= 4095 {
              lines.append("add r1, r1, #\(move)")
            } else {
              lines += ["add r1, r1, #\(move / 2)", "add r1, r1, #\(move - move / 2)"]
            }
          }
          lines += [
            "vmov q\(1 + vector)[2], q\(1 + vector)[0], r0, r4", "vmov q\(1 + vector)[3], q\(1 + vector)[1], r2, r6",
          ]
        }
        let sources = (0..<vectors).map { "q\(1 + $0)" }
        // Scale and add the bias.
        for q in sources {
          lines += ["vshl.i32 \(q), \(q), #\(requantization.constants.scaling)", "vadd.i32 \(q), \(q), r5"]
        }
        if hasChange {
          // The sign of the scaled accumulator, taken before the product replaces it.
          for q in sources {
            lines += ["vqdmulh.s32 q0, \(q), r7", "vadd.i32 q0, q0, r9", "vpt.s32 lt, \(q), zr", "vaddt.i32 q0, q0, r12", "vmov \(q), q0"]
          }
        } else {
          lines += sources.map { "vqdmulh.s32 \($0), \($0), r7" } + sources.map { "vadd.i32 \($0), \($0), r9" }
        }
        lines += requantization.narrow("q1", vectors == 2 ? "q2" : nil)
        if isShort, hasChange { lines += ["mov r0, #\(g.outputWidth * tileRows)", "vctp.32 r0"] }
        lines.append("vldrw.u32 q1, [sp]")
        if isShort { lines.append("vpst") }
        lines.append("vstrb\(isShort ? "t" : "").\(vectors == 2 ? 16 : 32) q0, [r3, q1]")
        return lines
      }
      let (whole, rest) = (g.outputWidth / width, isShort ? 0 : g.outputWidth % width)
      let count = max(1, whole)
      if count > 1 { lines += ["mov lr, #\(count)", "dls lr, lr", "2:"] }
      lines += block()
      if count > 1 || rest > 0 { lines += MVECode.add("r3", "r3", width * channels, spare: "r0") }
      if count > 1 { lines.append("le lr, 2b") }
      var done = count * width
      var moved = count > 1 || rest > 0 ? done : 0
      if rest > 0 {
        // The last block ends with the row.
        let back = width - rest
        lines += MVECode.add("r1", "r1", -back * step, spare: "r0") + MVECode.add("r3", "r3", -back * channels, spare: "r0")
        lines += block()
        done += width - back
        moved -= back
      }
      lines += MVECode.add("r1", "r1", 4 - done * step, spare: "r0") + MVECode.add("r3", "r3", 1 - moved * channels, spare: "r0")
      lines += ["subs r11, r11, #1", "bne 3b", "add sp, sp, #16", "vpop {d8-d15}", "pop {r4-r11, pc}"]
      text.comment("The codes of \(tileRows) output rows, channel by channel.")
      text.assembly(
        "void \(name)(\n  const int32_t *weights, const uint32_t *tiles, int8_t *y, const int32_t *constants)", lines)
    }
  }
}
