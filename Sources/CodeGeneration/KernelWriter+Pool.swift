import Arithmetic
import IntegerProgram

extension KernelWriter {
  mutating func pool(_ pool: Pool, _ step: Step, _ index: Int, _ text: inout CText) {
    let g = pool.geometry
    let input = program.values[step.inputs[0]]
    let held = pool.range(of: input.range)
    let result: String
    switch pool.kind {
    case .maximum:
      let largest = Term<Int64>(variable: "largest", in: held)
      result = functions.function(
        "clamp", comment: "The clamp of a fused activation.", result: program.values[step.output].cType,
        parameters: [("largest", "int32_t")],
        value: largest.clamped(pool.clamp.lowerBound, pool.clamp.upperBound).node)
    case .average:
      let most = Int64(g.taps)
      let count = pool.paddingCode == nil ? Term<Int64>(variable: "count", in: 1...most) : Term<Int64>(most)
      let sum = Term<Int64>(
        variable: "sum", in: min(0, most * held.lowerBound)...max(0, most * held.upperBound))
      result = functions.function(
        "average", comment: "The average of \(pool.paddingCode == nil ? "up to " : "")\(most) codes, to the nearest, halves away from zero.",
        result: program.values[step.output].cType,
        parameters: [("sum", "int32_t")] + (pool.paddingCode == nil ? [("count", "int32_t")] : []),
        value: pool.averageCode(sum: sum, count: count).node)
    case .sum: result = ""
    }
    self.input("x", step.inputs[0])
    output("y", step.output)
    text.line("int32_t at = 0;")
    let channels = g.inputChannels
    let requantize: ((String, String) -> String)?
    if case .sum(_, let requantization, let range) = pool.kind {
      requantize = self.requantization(requantization, accumulators: [range], step, index)
    } else {
      requantize = nil
    }
    pixels(g, &text) { writer, text in
      // The taps inside the image, found before the channels' loops.
      let rows = Self.clip(
        "row", stride: g.strideHeight, padding: g.paddingTop, kernel: g.kernelHeight, size: g.inputHeight,
        dilation: g.dilationHeight, outputs: g.outputHeight, names: ("top", "first_row", "end_row"), &text)
      let columns = Self.clip(
        "column", stride: g.strideWidth, padding: g.paddingLeft, kernel: g.kernelWidth, size: g.inputWidth,
        dilation: g.dilationWidth, outputs: g.outputWidth, names: ("left", "first_column", "end_column"), &text)
      let inside = rows.count.product(columns.count)
      if pool.kind == .average, pool.paddingCode == nil { text.line("const int32_t count = \(inside.text);") }
      let start = Self.start(of: pool, input.type, inside: inside, &text)
      text.loop("channel", channels) { text in
        text.line("int32_t \(pool.kind == .maximum ? "largest" : "sum") = \(start);")
        text.loop("from_row", from: rows.first, below: rows.end) { text in
          let line = g.batch == 1 ? "from_row" : "(\(times("batch", g.inputHeight)) + from_row)"
          text.loop("from_column", from: columns.first, below: columns.end) { text in
            let code = "(int32_t)x[\(times("(\(times(line, g.inputWidth)) + from_column)", channels)) + channel]"
            if pool.kind == .maximum {
              text.line("const int32_t code = \(code);")
              text.line("largest = (code > largest) ? code : largest;")
            } else {
              text.line("sum += \(code);")
            }
          }
        }
        switch pool.kind {
        case .maximum: text.line("y[at + channel] = \(result)(largest);")
        case .average: text.line("y[at + channel] = \(result)(sum\(pool.paddingCode == nil ? ", count" : ""));")
        case .sum: text.line("y[at + channel] = \(requantize?("sum", "0") ?? "");")
        }
      }
      text.line("at += \(channels);")
    }
  }

  /// What a window's largest code or sum starts with: what its taps outside the image make of it, of which it declares
  /// what the channels share.
  private static func start(of pool: Pool, _ type: CodeType, inside: Clip.Count, _ text: inout CText) -> String {
    let own: Int64
    switch pool.kind {
    case .maximum: own = type.range.lowerBound
    case .average: own = 0
    case .sum(let bias, _, _): own = Int64(bias)
    }
    let taps = pool.geometry.taps
    guard let code = pool.paddingCode.map(Int64.init) else { return CExpressionPrinter.literal(own) }
    if pool.kind == .maximum {
      if case .constant(let count) = inside { return CExpressionPrinter.literal(count < taps ? code : own) }
      text.line(
        "const int32_t least = ((\(inside.text)) < \(taps)) ? \(CExpressionPrinter.literal(code)) : "
          + "\(CExpressionPrinter.literal(own));")
      return "least"
    }
    if case .constant(let count) = inside { return CExpressionPrinter.literal(own + Int64(taps - count) * code) }
    guard code != 0 else { return CExpressionPrinter.literal(own) }
    let padding = "(\(taps) - (\(inside.text))) * \(CExpressionPrinter.literal(code))"
    text.line("const int32_t padding = \(own == 0 ? padding : "\(CExpressionPrinter.literal(own)) + (\(padding))");")
    return "padding"
  }

  /// The taps `first ..< end` inside the image along one axis.
  private struct Clip {
    enum Count {
      case constant(Int)
      case expression(String)

      var text: String {
        switch self {
        case .constant(let count): "\(count)"
        case .expression(let text): text
        }
      }

      func product(_ other: Count) -> Count {
        switch (self, other) {
        case (.constant(let a), .constant(let b)): .constant(a * b)
        case (.expression(let a), .expression(let b)): .expression("\(a) * \(b)")
        case (.expression(let a), .constant(let b)), (.constant(let b), .expression(let a)): .expression(times(a, b))
        }
      }
    }
    var first, end: String
    var count: Count
  }

  /// Declares the range of input rows (or columns) inside the image that a window covers, `first ..< end`. Pools are
  /// not dilated.
  private static func clip(
    _ index: String, stride: Int, padding: Int, kernel: Int, size: Int, dilation: Int, outputs: Int,
    names: (start: String, first: String, end: String), _ text: inout CText
  ) -> Clip {
    if outputs == 1 {
      let (first, end) = (max(0, -padding), min(size, kernel - padding))
      return Clip(first: "\(first)", end: "\(end)", count: .constant(end - first))
    }
    text.line("const int32_t \(names.start) = \(origin(index, stride, padding));")
    if padding == 0 && (outputs - 1) * stride + kernel <= size {
      return Clip(first: names.start, end: "(\(names.start) + \(kernel))", count: .constant(kernel))
    }
    text.line("const int32_t \(names.first) = (\(names.start) > 0) ? \(names.start) : 0;")
    text.line("const int32_t \(names.start)_end = \(names.start) + \(kernel);")
    text.line("const int32_t \(names.end) = (\(names.start)_end < \(size)) ? \(names.start)_end : \(size);")
    return Clip(first: names.first, end: names.end, count: .expression("(\(names.end) - \(names.first))"))
  }
}
