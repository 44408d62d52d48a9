import Arithmetic
import IntegerProgram

extension KernelWriter {
  mutating func lookup(_ lookup: Lookup, _ step: Step, _ index: Int, _ text: inout CText) {
    let output = program.values[step.output]
    if let formula = lookup.formula { return interpolated(formula, step, &text) }
    if lookup.table.count > 1 << 10 {
      let stretches = lookup.stretches
      // Where codes are many, and lines or stretches few, finding them takes less memory than all codes.
      let bytes = [
        lookup.table.count * output.bytesPerCode / 4,
        stretches.count * (program.values[step.inputs[0]].bytesPerCode + output.bytesPerCode),
      ]
      if let lines = LineSegments(lookup, most: (bytes.min() ?? 0) / LineSegments.bytesPerLine) {
        return straight(lines, lookup, step, index, &text)
      }
      if 4 * stretches.count < lookup.table.count { return searched(lookup, stretches, step, index, &text) }
    }
    addTable(
      "table_\(index)", output.cType, lookup.table.map(Int64.init),
      comment: "\(step.source.type) of step \(index): the output code of input codes \(lookup.lowest) to "
        + "\(Int(lookup.lowest) + lookup.table.count - 1)")
    input("x", step.inputs[0])
    self.output("y", step.output)
    text.loop("i", output.count) { text in
      let place = lookup.lowest == 0 ? "(int32_t)x[i]" : "(int32_t)x[i] + \(-lookup.lowest)"
      text.line("y[i] = \(tableName("table_\(index)"))[\(place)];")
    }
  }

  /// A function of many codes that is constant on few stretches of them: the stretch of a code is found by halving.
  private mutating func searched(
    _ lookup: Lookup, _ stretches: [(first: Int32, code: Int32)], _ step: Step, _ index: Int, _ text: inout CText
  ) {
    let input = program.values[step.inputs[0]]
    let output = program.values[step.output]
    let label = "\(step.source.type) of step \(index)"
    let codes = input.cType
    addTable(
      "stretches_\(index)", codes, stretches.map { Int64($0.first) },
      comment: "\(label): the first input code of each stretch")
    addTable(
      "table_\(index)", output.cType, stretches.map { Int64($0.code) },
      comment: "\(label): the output code of each stretch")
    let find = findFunction(codes)
    self.input("x", step.inputs[0])
    self.output("y", step.output)
    let (table, firsts) = (tableName("table_\(index)"), tableName("stretches_\(index)"))
    text.loop("i", output.count) {
      $0.line("y[i] = \(table)[\(find)(\(firsts), \(stretches.count), (int32_t)x[i])];")
    }
  }

  /// A function of many codes that lies on few straight lines, rounded down.
  private mutating func straight(
    _ lines: LineSegments, _ lookup: Lookup, _ step: Step, _ index: Int, _ text: inout CText
  ) {
    let (input, output) = (program.values[step.inputs[0]], program.values[step.output])
    let label = "\(step.source.type) of step \(index)"
    addTable(
      "lines_\(index)", input.cType, lines.segments.map { Int64(lookup.lowest) + Int64($0.start) },
      comment: "\(label): the first input code of each straight line")
    addTable(
      "slopes_\(index)", "int32_t", lines.segments.map { Int64($0.slope) },
      comment: "\(label): the slope of each line, in units of 2^-\(lines.fractionBits)")
    addTable(
      "heights_\(index)", "int64_t", lines.segments.map(\.base),
      comment: "\(label): the output code at the first input code of each line, likewise")
    let find = findFunction(input.cType)
    self.input("x", step.inputs[0])
    self.output("y", step.output)
    let (firsts, slopes, heights) = (tableName("lines_\(index)"), tableName("slopes_\(index)"), tableName("heights_\(index)"))
    text.loop("i", output.count) { text in
      text.line("const int32_t code = (int32_t)x[i];")
      text.line("const int32_t line = \(find)(\(firsts), \(lines.segments.count), code);")
      text.line("const int32_t distance = code - (int32_t)\(firsts)[line];")
      text.line("const int64_t height = \(heights)[line] + ((int64_t)\(slopes)[line] * distance);")
      text.line("y[i] = (\(output.cType))\(names.prefix)_floor_shift_64(height, \(lines.fractionBits));")
    }
  }

  /// The function that finds a stretch of codes by halving.
  private mutating func findFunction(_ codes: String) -> String {
    sharedFunction("stretch_\(codes)") { name, text in
      text.comment("The last of `count` stretches that begins at a code or below it; the first one does.")
      text.block("static int32_t \(name)(const \(codes) *firsts, int32_t count, int32_t code)") { text in
        text.line("int32_t low = 0;")
        text.line("int32_t high = count;")
        text.block("while ((high - low) > 1)") { text in
          text.line("const int32_t middle = (low + high) / 2;")
          text.block("if ((int32_t)firsts[middle] <= code)") { $0.line("low = middle;") }
          text.block("else") { $0.line("high = middle;") }
        }
        text.line("return low;")
      }
    }
  }

  /// A function that the sigmoid's table makes, interpolated (`InterpolatedSigmoid.code`).
  private mutating func interpolated(_ formula: InterpolatedSigmoid, _ step: Step, _ text: inout CText) {
    let suffix = "sigmoid"
    if !tables.contains(where: { $0.name == tableName(suffix) }) {
      addTable(
        suffix, "uint16_t", InterpolatedSigmoid.table.map(Int64.init),
        comment: "The sigmoid at multiples of 1/24, in units of 2^-16")
    }
    let table = tableName(suffix)
    let (isLogistic, bits) = (formula.function == .logistic, formula.function == .logistic ? 9 : 8)
    let function = sharedFunction("\(formula.function.rawValue)_\(formula.multiplier)_\(formula.shift)") { name, text in
      text.comment(
        "The \(isLogistic ? "sigmoid" : "hyperbolic tangent") of a 16-bit code, in units of 2^-15: straight lines between the "
          + "table's entries.")
      text.block("static int16_t \(name)(int16_t x)") { text in
        let scaled = "(int32_t)x * \(formula.multiplier)"
        text.line(
          "const int32_t place = \(formula.shift == 0 ? scaled : "((\(scaled)) + \(1 << (formula.shift - 1))) >> \(formula.shift)");")
        text.line("const int32_t distance = (place < 0) ? -place : place;")
        text.line("const int32_t index = distance >> \(bits);")
        text.line("int32_t height = \(isLogistic ? 0x7FFF << 10 : 0xFFFF << 8);")
        text.block("if (index < 255)") { text in
          text.line("const int32_t low = (int32_t)\(table)[index];")
          text.line("const int32_t high = (int32_t)\(table)[index + 1];")
          text.line("height = (low * \(1 << bits)) + ((distance - (index * \(1 << bits))) * (high - low));")
        }
        if isLogistic {
          text.line("height = (place < 0) ? (33554943 - height) : (height + 512);")
          text.line("return (int16_t)(height >> 10);")
        } else {
          text.line("height = (place < 0) ? (8388735 - height) : (height - 8388480);")
          text.line("return (int16_t)(height >> 8);")
        }
      }
    }
    input("x", step.inputs[0])
    self.output("y", step.output)
    text.loop("i", program.values[step.output].count) { $0.line("y[i] = \(function)(x[i]);") }
  }

  mutating func combine(_ combine: Combine, _ step: Step, _ index: Int, _ text: inout CText) {
    let (left, right) = (program.values[step.inputs[0]], program.values[step.inputs[1]])
    let a = Term<Int64>(variable: "a", in: left.range)
    let b = Term<Int64>(variable: "b", in: right.range)
    let function = functions.function(
      "combine",
      comment: "The \(combine.kind.rawValue) of codes a in [\(left.range.lowerBound), \(left.range.upperBound)] and "
        + "b in [\(right.range.lowerBound), \(right.range.upperBound)], rescaled; "
        + "\(combine.requantization.rounding.rawValue).",
      result: program.values[step.output].cType, parameters: [("a", "int32_t"), ("b", "int32_t")],
      value: combine.code(a, b).node)
    input("a", step.inputs[0])
    input("b", step.inputs[1])
    output("y", step.output)
    if combine.isElementwise {
      text.loop("i", combine.shape[0]) { $0.line("y[i] = \(function)((int32_t)a[i], (int32_t)b[i]);") }
      return
    }
    text.line("int32_t at = 0;")
    nest(combine.shape, &text) { text, indices in
      let places = [combine.left, combine.right].map { Self.place(indices, $0.strides) }
      text.line("y[at] = \(function)((int32_t)a[\(places[0])], (int32_t)b[\(places[1])]);")
      text.line("at++;")
    }
  }

  /// Copies, by functions for whole runs where `code` has them.
  mutating func move(_ move: Move, _ step: Step, by code: RunCode? = nil, _ text: inout CText) {
    let output = program.values[step.output]
    let width = output.bytesPerCode
    for operand in step.inputs.indices { input("x\(operand)", step.inputs[operand]) }
    self.output("y", step.output)
    if let fill = move.fill {
      if let code, output.count * width >= RunCode.leastBytes {
        let bits = UInt32(truncatingIfNeeded: fill)
        let word = width == 1 ? (bits & 0xFF) * 0x0101_0101 : width == 2 ? (bits & 0xFFFF) * 0x0001_0001 : bits
        text.line("\(code.fillFunction(&self))(y, \(word)u, \(output.count * width));")
      } else {
        text.loop("i", output.count) { $0.line("y[i] = \(CExpressionPrinter.literal(Int64(fill)));") }
      }
    }
    for copy in move.copies {
      let run = code == nil ? nil : MoveKernel.run(of: copy, bytesPerCode: width)
      let function = run == nil ? nil : code?.copyFunction(&self)
      nest(function == nil ? copy.sizes : copy.sizes.dropLast(), &text) { text, indices in
        let source = Self.place(indices, copy.sourceStrides, start: copy.sourceStart)
        let target = Self.place(indices, copy.targetStrides, start: copy.targetStart)
        if let function, let run {
          text.line("\(function)(&y[\(target)], &x\(copy.operand)[\(source)], \(run * width));")
        } else {
          text.line("y[\(target)] = x\(copy.operand)[\(source)];")
        }
      }
    }
  }

  /// Loops over all indices below `sizes`.
  func nest(_ sizes: [Int], _ text: inout CText, _ body: (inout CText, [String]) -> Void) {
    func nest(_ axis: Int, _ indices: [String], _ text: inout CText) {
      if axis == sizes.count {
        body(&text, indices)
      } else {
        text.loop("i\(axis)", sizes[axis]) { nest(axis + 1, indices + ["i\(axis)"], &$0) }
      }
    }
    nest(0, [], &text)
  }

  /// `start + Σ index · stride`.
  static func place(_ indices: [String], _ strides: [Int], start: Int = 0) -> String {
    var terms = start == 0 ? [] : ["\(start)"]
    for (index, stride) in zip(indices, strides) where stride != 0 {
      terms.append(times(index, stride))
    }
    return terms.isEmpty ? "0" : terms.joined(separator: " + ")
  }
}
