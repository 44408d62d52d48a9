import IntegerProgram

/// Sums over the taps of depthwise windows of 8-bit codes, as a processor's instructions form them: of some channels of a
/// pixel at a time, tap after tap.
protocol ByteTaps: StepKernel {
  var affine: Affine { get }
  var walk: TapWalk { get }
  /// Weights and constants of the channels from one on, in the order they are read.
  func stream(_ first: Int) -> [Int64]
  /// What a table's comment says of them.
  var note: String { get }
  /// The function that makes the codes of a pixel: of its codes, the stream, the outputs, how often so many channels, the
  /// steps in bytes from a tap to the next of its row and from behind the last of all to the next channels, and the taps of
  /// a row; where windows have rows, how many, and the step from behind a row's last tap to the next.
  func function(_ writer: inout KernelWriter, hasRows: Bool) -> String
}

/// The windows of a depthwise layer, and how a kernel walks over their taps. Those that leave the image are copied, and
/// the padding code with them, to a patch, whose taps lie in one row; so do those of windows of one row or one column.
struct TapWalk {
  let geometry: WindowGeometry
  /// Channels at a time.
  let lanes: Int
  private var g: WindowGeometry { geometry }
  private var channels: Int { g.inputChannels }

  var scratch: (bytes: Int, alignment: Int) { g.hasPadding ? (g.taps * channels, 4) : (0, 1) }

  /// Taps in a row, rows, and the distances of both in codes.
  struct Taps {
    var columns, rows, columnStep, rowStep: Int
  }
  var patch: Taps { Taps(columns: g.taps, rows: 1, columnStep: channels, rowStep: 0) }
  var inside: Taps {
    let (column, row) = (g.dilationWidth * channels, g.dilationHeight * g.inputWidth * channels)
    if g.kernelWidth == 1 { return Taps(columns: g.kernelHeight, rows: 1, columnStep: row, rowStep: 0) }
    return Taps(columns: g.kernelWidth, rows: g.kernelHeight, columnStep: column, rowStep: row)
  }

  /// The first channels of those at a time; the last end with the last channel, and may have some of the ones before.
  var firsts: [Int] {
    Array(stride(from: 0, through: channels - lanes, by: lanes)) + (channels % lanes == 0 ? [] : [channels - lanes])
  }

  /// Where windows lie in the image: the first and the last place of their first row and column; nil where none does.
  private var places: (rows: ClosedRange<Int>, columns: ClosedRange<Int>)? {
    let lastTop = g.inputHeight - 1 - (g.kernelHeight - 1) * g.dilationHeight
    let lastLeft = g.inputWidth - 1 - (g.kernelWidth - 1) * g.dilationWidth
    return lastTop >= 0 && lastLeft >= 0 ? (0...lastTop, 0...lastLeft) : nil
  }

  /// Writes the body of a step's function.
  func write(
    _ kernel: some ByteTaps, _ writer: inout KernelWriter, _ step: Step, _ index: Int, copier: String?, _ text: inout CText
  ) {
    writer.addTable(
      "stream_\(index)", "int32_t", firsts.flatMap { kernel.stream($0) },
      comment: "\(step.source.type) of step \(index), \(kernel.note)")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    if g.hasPadding { writer.scratch("patch", "int8_t", index) }
    let table = writer.tableName("stream_\(index)")
    let words = kernel.stream(0).count
    let full = channels / lanes
    func calls(_ taps: Taps, _ writer: inout KernelWriter, _ text: inout CText) {
      let hasRows = taps.rows > 1
      let function = kernel.function(&writer, hasRows: hasRows)
      let rest = taps.rowStep - taps.columns * taps.columnStep
      let back = lanes - (hasRows ? taps.rows * taps.rowStep : taps.columns * taps.columnStep)
      let shape = "\(taps.columnStep), \(back), \(taps.columns)\(hasRows ? ", \(taps.rows), \(rest)" : "")"
      text.line("\(function)(from, \(table), codes, \(full), \(shape));")
      if full < firsts.count {
        let first = channels - lanes
        text.line("\(function)(&from[\(first)], &\(table)[\(full * words)], &codes[\(first)], 1, \(shape));")
      }
    }
    func whole(_ writer: inout KernelWriter, _ text: inout CText) {
      let row = g.batch == 1 ? "top" : "(\(times("batch", g.inputHeight)) + top)"
      text.line("const int8_t *const from = &x[\(times("(\(times(row, g.inputWidth)) + left)", channels))];")
      calls(inside, &writer, &text)
    }
    func copied(_ writer: inout KernelWriter, _ text: inout CText) {
      // All channels of a tap lie together, as those of a layer with one group.
      var window = kernel.affine
      window.groups = 1
      text.line("const int8_t *const from = patch;")
      writer.gather(window, "int8_t", firstChannel: "0", copier: copier, &text)
      calls(patch, &writer, &text)
    }
    text.line("int8_t *codes = y;")
    writer.pixels(g, &text) { writer, text in
      if !g.hasPadding || places != nil {
        let (top, left) = g.hasPadding ? ("first_row", "first_column") : ("top", "left")
        text.line("const int32_t \(top) = \(origin("row", g.strideHeight, g.paddingTop));")
        text.line("const int32_t \(left) = \(origin("column", g.strideWidth, g.paddingLeft));")
      }
      if !g.hasPadding {
        whole(&writer, &text)
      } else if let places {
        let isInside = [("first_row", places.rows), ("first_column", places.columns)]
          .map { "(\($0) >= 0) && (\($0) <= \($1.upperBound))" }.joined(separator: " && ")
        text.block("if (\(isInside))") { text in
          text.line("const int32_t top = first_row;")
          text.line("const int32_t left = first_column;")
          whole(&writer, &text)
        }
        text.block("else") { copied(&writer, &$0) }
      } else {
        copied(&writer, &text)
      }
      text.line("codes = &codes[\(channels)];")
    }
  }

  /// The declaration of a function, of which `times` says how often.
  static func head(_ name: String, _ times: String, hasRows: Bool) -> String {
    "void \(name)(\n  const int8_t *x, const int32_t *stream, int8_t *y, int32_t \(times), int32_t step, int32_t back, int32_t taps"
      + (hasRows ? ", int32_t rows, int32_t row_step)" : ")")
  }
  /// What the comment of one says.
  static func comment(_ channels: String, hasRows: Bool) -> String {
    "The codes of a pixel, \(channels) channels at a time, from taps \(hasRows ? "in rows" : "of one row") that lie so many bytes apart."
  }
}
