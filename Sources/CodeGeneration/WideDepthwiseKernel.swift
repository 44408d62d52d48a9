import IntegerProgram

/// Depthwise convolutions of 16-bit codes with 8-bit weights, made for a processor: some channels of a pixel at a time.
struct WideDepthwiseKernel: StepKernel {
  var need: ProcessorNeed? { taps.need }
  private let affine: Affine
  private let taps: any WideTaps
  private var g: WindowGeometry { affine.geometry }
  var operandAlignment: Int { taps.operandAlignment }

  /// Windows of so many taps are written out.
  private static let mostTaps = 12

  /// `isVector` says that the processor has Arm's vector extension, in place of the DSP extension.
  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal, isVector: Bool) {
    guard case .affine(let affine) = step.operation, affine.isDepthwise, !affine.isLong, goal != .size,
      affine.geometry.inputChannels >= (isVector ? 8 : 4), affine.weights.allSatisfy({ (-128...127).contains($0) }),
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
    taps =
      isVector
      ? MVEWideTaps(affine: affine, requantization: requantization)
      : DSPWideTaps(affine: affine, requantization: requantization)
  }

  private var channels: Int { g.inputChannels }
  private var lanes: Int { taps.lanes }
  /// The first channels of those at a time; the last end with the last channel, and may have some of the ones before.
  private var firsts: [Int] {
    Array(stride(from: 0, through: channels - lanes, by: lanes)) + (channels % lanes == 0 ? [] : [channels - lanes])
  }
  private var columnStep: Int { taps.columnStep }
  private var rowStep: Int { 2 * g.dilationHeight * g.inputWidth * channels }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.addTable(
      "stream_\(index)", "int32_t", firsts.flatMap { taps.stream($0) },
      comment: "\(step.source.type) of step \(index), \(taps.note)")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let table = writer.tableName("stream_\(index)")
    let whole = g.taps <= Self.mostTaps ? taps.wholeFunction(&writer) : nil
    let part = g.hasPadding || whole == nil ? taps.partFunction(&writer) : nil
    let full = channels / lanes
    /// Calls for the channels side by side, and for those at the end that overlap them.
    func calls(_ text: inout CText, _ call: (_ x: String, _ stream: String, _ y: String, _ times: Int) -> String) {
      text.line(call("from", table, "to", full))
      if full < firsts.count {
        let (first, words) = (channels - lanes, full * taps.words)
        text.line(call("&from[\(first)]", "&\(table)[\(words)]", "&to[\(first)]", 1))
      }
    }
    /// Calls of a function for windows inside the image.
    func wholeWindow(_ whole: String, _ text: inout CText) {
      text.line("const int16_t *const from = &x[\(times("(\(times("(\(top(g)))", g.inputWidth)) + left)", channels))];")
      let back = (g.kernelHeight - 1) * rowStep + (g.kernelWidth - 1) * columnStep
      let steps = "\(columnStep), \(rowStep - (g.kernelWidth - 1) * columnStep), \(2 * lanes - back)"
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
          // What the loads of a row leave to go to the next, and those of a window to the next channels.
          text.line("const int32_t shape[8] = {")
          text.line("  rows, columns, \(columnStep), \(rowStep) - (columns * \(columnStep)),")
          text.line("  ((first_row * \(g.kernelWidth)) + first_column) * 8, (\(g.kernelWidth) - columns) * 8,")
          text.line("  ((\(g.kernelHeight) - first_row - rows) * \(8 * g.kernelWidth)) - (first_column * 8),")
          text.line("  \(2 * lanes) - (rows * \(rowStep))")
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
}
