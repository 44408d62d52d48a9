import IntegerProgram

/// Depthwise convolutions of 16-bit codes with 8-bit weights on Armv7E-M: four channels of a pixel at a time, whose
/// codes and weights lie in two words each, so that nothing is unpacked. Weights take two bytes.
struct DSPWideDepthwiseKernel: StepKernel {
  var need: ProcessorNeed? { .dsp }
  private let affine: Affine
  private var g: WindowGeometry { affine.geometry }
  private let requantization: WideRequantization
  /// Codes of two channels are loaded as words, and of four where those lie at multiples of four bytes.
  let operandAlignment = 4

  /// Windows of so many taps are written out.
  private static let mostTaps = 12

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal) {
    guard case .affine(let affine) = step.operation, affine.isDepthwise, !affine.isLong, goal != .size,
      affine.geometry.inputChannels >= 4, affine.weights.allSatisfy({ (-128...127).contains($0) }),
      program.values[step.inputs[0]].type == .int16, program.values[step.output].type == .int16,
      program.values[step.inputs[0]].constant == nil,
      let requantization = WideRequantization(affine.requantization, accumulators: affine.accumulators)
    else { return nil }
    let g = affine.geometry
    // Taps outside the image are left out, and every window has some inside.
    func hasRow(_ row: Int) -> Bool {
      (0..<g.kernelHeight).contains { (0..<g.inputHeight).contains(g.inputRow(row, tap: $0)) }
    }
    func hasColumn(_ column: Int) -> Bool {
      (0..<g.kernelWidth).contains { (0..<g.inputWidth).contains(g.inputColumn(column, tap: $0)) }
    }
    guard affine.paddingCode == 0 || !g.hasPadding, (0..<g.outputHeight).allSatisfy(hasRow),
      (0..<g.outputWidth).allSatisfy(hasColumn)
    else { return nil }
    self.affine = affine
    self.requantization = requantization
  }

  private var channels: Int { g.inputChannels }
  /// The first channels of the fours; the last ends with the last channel, and may have some of the one before.
  private var fours: [Int] {
    Array(stride(from: 0, through: channels - 4, by: 4)) + (channels % 4 == 0 ? [] : [channels - 4])
  }
  private var isAligned: Bool { channels % 2 == 0 }
  private var columnStep: Int { 2 * g.dilationWidth * channels }
  private var rowStep: Int { 2 * g.dilationHeight * g.inputWidth * channels }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.addTable(
      "stream_\(index)", "int32_t", fours.flatMap { stream($0) },
      comment: "\(step.source.type) of step \(index), for every four channels: the biases; for every tap the weights, "
        + "two a word; the factors")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let table = writer.tableName("stream_\(index)")
    let whole = g.taps <= Self.mostTaps ? wholeFunction(&writer) : nil
    let part = g.hasPadding || whole == nil ? partFunction(&writer) : nil
    let full = channels / 4
    /// Calls for the fours side by side, and for the one that overlaps another.
    func calls(_ text: inout CText, _ call: (_ x: String, _ stream: String, _ y: String, _ fours: Int) -> String) {
      text.line(call("from", table, "to", full))
      if full < fours.count {
        let (first, words) = (channels - 4, fours.count - 1)
        text.line(call("&from[\(first)]", "&\(table)[\(words * (8 + 2 * g.taps))]", "&to[\(first)]", 1))
      }
    }
    /// Calls of a function for windows inside the image.
    func wholeWindow(_ whole: String, _ text: inout CText) {
      text.line("const int16_t *const from = &x[\(times("(\(times("(\(top(g)))", g.inputWidth)) + left)", channels))];")
      let back = (g.kernelHeight - 1) * rowStep + (g.kernelWidth - 1) * columnStep
      let steps = "\(columnStep), \(rowStep - (g.kernelWidth - 1) * columnStep), \(8 - back)"
      calls(&text) { "\(whole)(\($0), \($1), \($2), \($3), \(steps));" }
    }
    text.line("int16_t *to = y;")
    writer.pixels(g, &text) { writer, text in
      text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
      text.line("const int32_t left = \(origin("column", g.strideWidth, g.paddingLeft));")
      let lastTop = g.inputHeight - 1 - (g.kernelHeight - 1) * g.dilationHeight
      let lastLeft = g.inputWidth - 1 - (g.kernelWidth - 1) * g.dilationWidth
      if let part {
        func partWindow(_ text: inout CText) {
          range("row", "top", g.dilationHeight, g.kernelHeight, g.inputHeight, &text)
          range("column", "left", g.dilationWidth, g.kernelWidth, g.inputWidth, &text)
          let row = "(\(top(g)) + \(times("first_row", g.dilationHeight)))"
          let column = "(left + \(times("first_column", g.dilationWidth)))"
          text.line("const int16_t *const from = &x[\(times("(\(times(row, g.inputWidth)) + \(column))", channels))];")
          // What the loads of a row leave to go to the next, and those of a window to the next four channels.
          text.line("const int32_t shape[8] = {")
          text.line("  rows, columns, \(columnStep), \(rowStep) - (columns * \(columnStep)),")
          text.line("  ((first_row * \(g.kernelWidth)) + first_column) * 8, (\(g.kernelWidth) - columns) * 8,")
          text.line("  ((\(g.kernelHeight) - first_row - rows) * \(8 * g.kernelWidth)) - (first_column * 8),")
          text.line("  8 - (rows * \(rowStep))")
          text.line("};")
          calls(&text) { "\(part)(\($0), \($1), \($2), \($3), shape);" }
        }
        if let whole, lastTop >= 0, lastLeft >= 0 {
          text.block("if ((top >= 0) && (top <= \(lastTop)) && (left >= 0) && (left <= \(lastLeft)))") {
            wholeWindow(whole, &$0)
          }
          text.block("else", partWindow)
        } else {
          partWindow(&text)
        }
      } else if let whole {
        wholeWindow(whole, &text)
      }
      text.line("to = &to[\(channels)];")
    }
  }

  /// The window's first row, as an index of the rows of all images.
  private func top(_ g: WindowGeometry) -> String {
    g.batch == 1 ? "top" : "\(times("batch", g.inputHeight)) + top"
  }

  /// The taps inside the image along an axis: `first_NAME` and how many, `NAMEs`.
  private func range(
    _ name: String, _ start: String, _ dilation: Int, _ kernel: Int, _ size: Int, _ text: inout CText
  ) {
    let before = dilation == 1 ? "-\(start)" : "((\(dilation - 1) - \(start)) / \(dilation))"
    text.line("const int32_t first_\(name) = (\(start) < 0) ? \(before) : 0;")
    let count = dilation == 1 ? "\(size) - \(start)" : "((\(size - 1) - \(start)) / \(dilation)) + 1"
    text.line("const int32_t end_of_\(name)s = \(count);")
    text.line("const int32_t \(name)s = ((end_of_\(name)s < \(kernel)) ? end_of_\(name)s : \(kernel)) - first_\(name);")
  }

  private func stream(_ first: Int) -> [Int64] {
    let four = first..<first + 4
    let taps = (0..<g.taps).flatMap { tap in
      [first, first + 2].map { channel -> Int64 in
        let (low, high) = (affine.weights[channel * g.taps + tap], affine.weights[(channel + 1) * g.taps + tap])
        return Int64(Int32(high) << 16 | Int32(low) & 0xFFFF)
      }
    }
    return four.map { affine.bias[$0] } + taps + four.map { requantization.factors[$0] }
  }

  // MARK: Functions

  /// The products of a tap, from whose codes r0 goes on by `step`.
  private func tap(_ step: String?) -> [String] {
    var lines = isAligned ? ["ldrd r8, r9, [r0]"] : ["ldr r8, [r0]", "ldr r9, [r0, #4]"]
    if let step { lines.append("add r0, r0, \(step)") }
    return lines + [
      "ldmia r1!, {r10, r11}", "smlabb r4, r8, r10, r4", "smlatt r5, r8, r10, r5", "smlabb r6, r9, r11, r6",
      "smlatt r7, r9, r11, r7",
    ]
  }
  /// Requantises and stores four codes; where something is added, register `free` holds it.
  private func codes(free: String) -> [String] {
    var lines = ["ldmia r1!, {r8-r11}"]
    for (place, sum) in ["r4", "r5", "r6", "r7"].enumerated() {
      lines += requantization.code(sum, product: "r\(8 + place)", free: free, isFirst: place == 0)
      lines.append("strh \(sum), [r2], #2")
    }
    return lines
  }

  /// Windows inside the image, tap after tap.
  private func wholeFunction(_ writer: inout KernelWriter) -> String {
    let (rows, columns) = (g.kernelHeight, g.kernelWidth)
    return writer.sharedFunction(
      "wide_taps_\(rows)_\(columns)_\(requantization.variant)\(isAligned ? "" : "_odd")"
    ) { name in
      // Behind nine registers are the steps from a tap to the next of its row, from the last to the first of the next
      // row, and from the last of all to the next four channels.
      var lines = ["push {r4-r11, lr}", "ldrd r12, lr, [sp, #36]", "1:", "ldmia r1!, {r4-r7}"]
      for row in 0..<rows {
        for column in 0..<columns {
          lines += tap(column < columns - 1 ? "r12" : row < rows - 1 ? "lr" : nil)
        }
      }
      lines += codes(free: "lr")
      if requantization.shift > 0 { lines.append("ldr lr, [sp, #40]") }
      lines += ["ldr r8, [sp, #44]", "add r0, r0, r8", "subs r3, r3, #1", "bne 1b", "pop {r4-r11, pc}"]
      var text = CText()
      text.comment(
        "The codes of a pixel, four channels at a time, whose windows of \(rows) x \(columns) lie in the image.")
      text.assembly(
        "void \(name)(\n  const int16_t *x, const int32_t *stream, int16_t *y, int32_t fours, int32_t column_step, "
          + "int32_t row_step, int32_t back)", lines)
      return text
    }
  }

  /// What of windows lies in the image.
  private func partFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("wide_some_taps_\(requantization.variant)\(isAligned ? "" : "_odd")") { name in
      // The stack: the fours that are left, nine registers, the shape.
      var lines = [
        "push {r3-r11, lr}", "1:", "ldr r12, [sp, #40]", "ldr lr, [r12, #8]", "ldr r8, [r12, #16]", "ldmia r1!, {r4-r7}",
        "add r1, r1, r8", "ldr r12, [r12]", "2:", "ldr r3, [sp, #40]", "ldr r3, [r3, #4]", "3:",
      ]
      lines += tap("lr")
      lines += [
        "subs r3, r3, #1", "bne 3b", "ldr r3, [sp, #40]", "ldr r8, [r3, #12]", "add r0, r0, r8", "ldr r8, [r3, #20]",
        "add r1, r1, r8", "subs r12, r12, #1", "bne 2b", "ldrd r8, r9, [r3, #24]", "add r1, r1, r8", "add r0, r0, r9",
      ]
      lines += codes(free: "lr")
      lines += [
        "ldr r3, [sp]", "subs r3, r3, #1", "str r3, [sp]", "bne 1b", "add sp, sp, #4", "pop {r4-r11, pc}",
      ]
      var text = CText()
      text.comment(
        "The codes of a pixel, four channels at a time, from the taps of their windows that lie in the image. The shape: "
          + "rows and columns of them; bytes from a tap to the next, from behind a row's last to the next row, of weights "
          + "before the first, between two rows, behind the last; from behind the last row to the next four channels.")
      text.assembly(
        "void \(name)(\n  const int16_t *x, const int32_t *stream, int16_t *y, int32_t fours, const int32_t *shape)", lines)
      return text
    }
  }
}
