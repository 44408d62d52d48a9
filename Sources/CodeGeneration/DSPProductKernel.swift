import IntegerProgram

/// Dense layers and convolutions with Arm's DSP extension: two multiply-accumulates an instruction.
///
/// Four weights stand in a word as two halfwords, 256 · w1 + w0 and 256 · w3 + w2, and four activations in two words,
/// X = (x1, x3) and Y = (256 · x0 + 127 − x1, 256 · x2 + 127 − x3). Then SMLAD of the weights' word with X, and of its low
/// bytes (w0, w2) with Y, add up to 256 · (w0·x0 + w1·x1 + w2·x2 + w3·x3) + 127 · (w0 + w2): the weights take no more
/// flash than bytes do, one SXTB16 unpacks four of them for all pixels of a block, and the sum comes as the fused
/// requantisation's high product wants it. The 127, which keeps Y in 16 bits, is taken off the bias. Sums wrap modulo
/// 2^32 on the way and end in range, since 256 times the proved accumulator is. Where that is too much, weights stand as
/// bytes, activations as X = (x1, x3) and Y = (x0, x2), and two SXTB16 unpack four weights.
struct DSPProductKernel: StepKernel {
  private let affine: Affine
  /// Whether 256 times an accumulator would leave 32 bits.
  private let isWide: Bool
  private let requantization: FusedRequantization
  /// The output channels that are computed: those that are not constant.
  private let outputs: [Int]
  /// The input channels that are read, where that is not all: the others are constant, and their share is in the bias.
  private let inputs: [Int]?
  /// The biases with what constant inputs add.
  private let biases: [Int64]
  private let goal: KernelSelection.Goal
  /// Pixels that share the loads of weights.
  private let block: Int
  /// Words of four activations in a window.
  private let groups: Int
  /// Whether windows are copied as bytes before they are spread out, since their rows do not fall into words.
  private let usesPatch: Bool
  let scratch: (bytes: Int, alignment: Int)

  init?(_ step: Step, _ program: IntegerProgram, _ constants: ChannelConstants, _ goal: KernelSelection.Goal) {
    guard case .affine(let affine) = step.operation, affine.groups == 1,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) }), affine.weightsPerOutput >= 4
    else { return nil }
    func fused(_ scaling: Int) -> FusedRequantization? {
      FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: scaling, saturation: -128...127,
        allowsOwnShifts: true)
    }
    let scaled = fused(8)
    isWide = scaled == nil
    guard let requantization = scaled ?? (4...7).reversed().lazy.compactMap(fused).first else { return nil }
    self.affine = affine
    self.goal = goal
    self.requantization = requantization
    let g = affine.geometry
    let isDense = g.batch * g.outputPixels == 1
    let varying = (0..<g.outputChannels).filter { !requantization.isConstant[$0] }
    // Leaving few out is not worth its trouble.
    outputs = varying.count * 8 <= g.outputChannels * 7 ? varying : Array(0..<g.outputChannels)
    let codes = constants.codes(of: step.inputs[0])
    let read = codes.indices.filter { codes[$0] == nil }
    let depth = affine.weightsPerOutput
    if g.isPointwise, codes.count == g.inputChannels, read.count * 8 <= codes.count * 7, !read.isEmpty {
      inputs = read
      biases = (0..<g.outputChannels).map { output in
        codes.enumerated().reduce(Int64(affine.bias[output])) { sum, input in
          sum + Int64(input.element ?? 0) * Int64(affine.weights[output * depth + input.offset])
        }
      }
    } else {
      inputs = nil
      biases = affine.bias.map { Int64($0) }
    }
    let places = inputs ?? Array(0..<depth)
    groups = (places.count + 3) / 4
    usesPatch = inputs != nil || !g.isPointwise && (g.inputChannels % 4 != 0 || g.dilationWidth != 1)
      || g.isPointwise && g.inputChannels % 4 != 0
    block = isDense ? 1 : Self.block(pixels: g.outputPixels, outputs: outputs.count, groups: groups, goal, isWide)
    scratch = (8 * groups * block + (usesPatch ? 4 * groups : 0), 4)
    for output in outputs where !isWide && !requantization.isConstant[output] {
      for place in Swift.stride(from: 1, to: places.count, by: 2) {
        // The one pair that leaves 16 bits: −128 above a negative byte.
        if affine.weights[output * depth + places[place]] == -128, affine.weights[output * depth + places[place - 1]] < 0 {
          return nil
        }
      }
    }
  }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    StepOverlap.distance(affine.geometry, pixelsReadFirst: block)
  }

  /// The block that takes the fewest instructions for all pixels.
  private static func block(
    pixels: Int, outputs: Int, groups: Int, _ goal: KernelSelection.Goal, _ isWide: Bool
  ) -> Int {
    func cost(_ block: Int) -> Int {
      block == 0 ? 0 : outputs * (groups * (2 * block + (isWide ? 3 : 2) + (2 * block + 3) / 4) + 4 * block + 9)
    }
    func total(_ block: Int) -> Int { pixels / block * cost(block) + cost(pixels % block) }
    let sizes =
      switch goal {
      // A register goes to the other half of the weights.
      case .speed: 1...(isWide ? 4 : 6)
      case .size: 4...4
      case .ram: 1...2
      }
    return sizes.min { total($0) < total($1) } ?? 1
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let g = affine.geometry
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    writer.scratch("columns", "uint32_t", index)
    let label = "\(step.source.type) of step \(index)"
    let isDense = g.batch * g.outputPixels == 1
    let isWhole = outputs.count == g.outputChannels
    let byFour = isDense && isWhole && !isWide ? g.outputChannels / 4 : 0
    if !isWhole {
      writer.addTable(
        "constant_codes_\(index)", "int8_t",
        (0..<g.outputChannels).map {
          requantization.isConstant[$0] ? affine.requantization.code(affine.accumulators[$0].lowerBound, channel: $0) : 0
        }, comment: "\(label), the codes of the channels that are constant, 0 for the others")
    }
    if let inputs {
      writer.addTable(
        "inputs_\(index)", inputs.last ?? 0 < 256 ? "uint8_t" : "uint16_t", inputs.map { Int64($0) },
        comment: "\(label), the input channels that are not constant")
    }
    if byFour > 0 {
      writer.addTable(
        "quads_\(index)", "int32_t", fourfoldStream(0..<4 * byFour),
        comment: "\(label), for every four output channels: 256 times the biases; words of weights; factors and addends")
    }
    if 4 * byFour < outputs.count {
      writer.addTable(
        "stream_\(index)", "int32_t", stream(Array(outputs[(4 * byFour)...])),
        comment: "\(label), for every output channel: 256 times the bias; words of weights; factor and addend"
          + (isWhole ? "" : "; how far the next channel is"))
    }
    // Runs of words to spread come whole or by pixels.
    let hasWordRows = usesPatch && !g.isPointwise && g.dilationWidth == 1 && g.kernelWidth * g.inputChannels % 4 == 0
    let run = hasWordRows ? g.kernelWidth * g.inputChannels / 4 : usesPatch || g.isPointwise ? groups : g.inputChannels / 4
    let spreadAtOnce = goal == .size ? 1 : run % 4 == 0 ? 4 : run % 2 == 0 ? 2 : 1
    let unrolled = goal == .size ? 1 : groups == 7 ? 7 : (1...4).last { groups % $0 == 0 } ?? 1
    if usesPatch { text.line("int8_t *const patch = (int8_t *)&columns[\(2 * groups * block)];") }

    func copyPixel(_ place: String, _ writer: inout KernelWriter, _ text: inout CText) {
      text.block("for (uint32_t i = 0; i < \(inputs?.count ?? g.inputChannels)u; i++)") { text in
        text.line("patch[i] = x[\(place) + \(inputs == nil ? "i" : "\(writer.tableName("inputs_\(index)"))[i]")];")
      }
    }
    func gather(_ place: String, _ blockSize: Int, _ writer: inout KernelWriter, _ text: inout CText) {
      let spread = spread(blockSize, spreadAtOnce, &writer)
      if g.isPointwise && !usesPatch {
        text.line("(void)\(spread)(\(place), &x[pixel * \(g.inputChannels)u], \(groups));")
      } else if usesPatch {
        if g.isPointwise {
          copyPixel("(pixel * \(g.inputChannels)u)", &writer, &text)
          text.line("(void)\(spread)(\(place), patch, \(groups));")
          return
        }
        func fromPatch(_ text: inout CText) {
          writer.gather(affine, "int8_t", firstChannel: "0", copier: copyFunction(&writer), &text)
          text.line("(void)\(spread)(\(place), patch, \(groups));")
        }
        guard hasWordRows else { return fromPatch(&text) }
        // Rows of whole words need no patch where the window lies between the image's sides.
        text.line("const int32_t first_column = \(origin("column", g.strideWidth, g.paddingLeft));")
        text.block("if ((first_column >= 0) && (first_column <= \(g.inputWidth - g.kernelWidth)))") {
          window(affine, place, blockSize, spread, &writer, &$0, isInside: true)
        }
        text.block("else", fromPatch)
      } else {
        window(affine, place, blockSize, spread, &writer, &text)
      }
    }
    func copyConstants(_ pixels: Int, _ writer: inout KernelWriter, _ text: inout CText) {
      let copy = copyFunction(&writer)
      let call = "\(copy)(&y[pixel_of_block * \(g.outputChannels)u], \(writer.tableName("constant_codes_\(index)")), \(g.outputChannels));"
      text.block("for (uint32_t pixel_of_block = 0; pixel_of_block < \(pixels)u; pixel_of_block++)") { $0.line(call) }
    }
    guard !outputs.isEmpty else {
      text.line("(void)x;")
      text.line("(void)columns;")
      copyConstants(g.batch * g.outputPixels, &writer, &text)
      return
    }
    if isDense {
      if g.isPointwise {
        let spread = spread(1, spreadAtOnce, &writer)
        if usesPatch {
          copyPixel("0u", &writer, &text)
          text.line("(void)\(spread)(columns, patch, \(groups));")
        } else {
          text.line("(void)\(spread)(columns, x, \(groups));")
        }
      } else {
        text.line("const int32_t row = 0;")
        text.line("const int32_t column = 0;")
        gather("columns", 1, &writer, &text)
      }
      if byFour > 0 {
        let function = fourfold(unrolled, &writer)
        text.line("\(function)(\(writer.tableName("quads_\(index)")), columns, y, \(byFour)u, \(groups / unrolled)u);")
      }
      if 4 * byFour < outputs.count {
        let function = product(1, unrolled, 1, &writer)
        if !isWhole { copyConstants(1, &writer, &text) }
        let first = isWhole ? 4 * byFour : outputs[0]
        text.line(
          "\(function)(\(writer.tableName("stream_\(index)")), columns, &y[\(first)], \(outputs.count - 4 * byFour)u, \(groups / unrolled)u);")
      }
      return
    }
    let table = writer.tableName("stream_\(index)")
    let full = g.outputPixels / block * block
    let rest = g.outputPixels - full
    func blockOf(_ size: Int, _ writer: inout KernelWriter, _ text: inout CText) {
      text.block("for (uint32_t place = 0; place < \(size)u; place++)") { text in
        gather("&columns[place]", size, &writer, &text)
        if g.isPointwise {
          text.line("pixel++;")
        } else {
          text.line("column++;")
          text.block("if (column == \(g.outputWidth))") { text in
            text.line("column = 0;")
            text.line("row++;")
          }
        }
      }
      if !isWhole { copyConstants(size, &writer, &text) }
      let function = product(size, unrolled, g.outputChannels, &writer)
      text.line(
        "\(function)(\(table), columns, \(outputs[0] == 0 ? "y" : "&y[\(outputs[0])]"), \(outputs.count)u, \(groups / unrolled)u);")
      text.line("y = &y[\(size * g.outputChannels)];")
    }
    func image(_ writer: inout KernelWriter, _ text: inout CText) {
      if !g.isPointwise {
        text.line("int32_t row = 0;")
        text.line("int32_t column = 0;")
      }
      if full > 0 {
        text.block("for (uint32_t blocks = \(full / block)u; blocks > 0u; blocks--)") { blockOf(block, &writer, &$0) }
      }
      if rest > 0 { blockOf(rest, &writer, &text) }
    }
    if g.isPointwise { text.line("uint32_t pixel = 0;") }
    if g.batch == 1 {
      image(&writer, &text)
    } else {
      text.loop("batch", g.batch) { image(&writer, &$0) }
    }
  }

  // MARK: Windows

  /// Spreads a window's rows, or what of them lies in the image, at `place`.
  private func window(
    _ affine: Affine, _ place: String, _ block: Int, _ spread: String, _ writer: inout KernelWriter, _ text: inout CText,
    isInside: Bool = false
  ) {
    let g = affine.geometry
    let words = g.inputChannels / 4
    let rowWords = g.kernelWidth * g.inputChannels / 4
    text.line("uint32_t *to = \(place);")
    text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
    text.line("const int32_t left = \(origin("column", g.strideWidth, g.paddingLeft));")
    let leavesColumns =
      !isInside && (g.paddingLeft > 0 || g.inputColumn(g.outputWidth - 1, tap: g.kernelWidth - 1) >= g.inputWidth)
    let leavesRows = g.paddingTop > 0 || g.inputRow(g.outputHeight - 1, tap: g.kernelHeight - 1) >= g.inputHeight
    let pad = leavesColumns || leavesRows ? padding(block, affine.paddingCode, &writer) : ""
    if leavesColumns {
      text.line("const int32_t before = (left < 0) ? -left : 0;")
      text.line("const int32_t beyond = left - \(CExpressionPrinter.literal(Int64(g.inputWidth - g.kernelWidth)));")
      text.line("const int32_t after = (beyond > 0) ? beyond : 0;")
      text.line("const int32_t skipped = (before < \(g.kernelWidth)) ? before : \(g.kernelWidth);")
      text.line("const int32_t rest = \(g.kernelWidth) - skipped;")
      text.line("const int32_t missing = (after < rest) ? after : rest;")
      text.line("const int32_t inside = rest - missing;")
    }
    text.loop("tap_row", g.kernelHeight) { text in
      text.line("const int32_t from_row = top + \(times("tap_row", g.dilationHeight));")
      let line = times(g.batch == 1 ? "from_row" : "(\(times("batch", g.inputHeight)) + from_row)", g.inputWidth)
      func copyRow(_ text: inout CText) {
        if leavesColumns {
          text.block("if (skipped > 0)") { $0.line("to = \(pad)(to, \(times("skipped", words)));") }
          text.block("if (inside > 0)") { text in
            text.line("to = \(spread)(to, &x[\(times("(\(line) + left + skipped)", g.inputChannels))], \(times("inside", words)));")
          }
          text.block("if (missing > 0)") { $0.line("to = \(pad)(to, \(times("missing", words)));") }
        } else {
          text.line("to = \(spread)(to, &x[\(times("(\(line) + left)", g.inputChannels))], \(rowWords));")
        }
      }
      if leavesRows {
        text.block("if ((from_row >= 0) && (from_row < \(g.inputHeight)))", copyRow)
        text.block("else") { $0.line("to = \(pad)(to, \(rowWords));") }
      } else {
        copyRow(&text)
      }
    }
  }

  // MARK: Tables

  /// The weights of an output channel for the inputs that are read.
  private func weights(_ channel: Int) -> [Int64] {
    let depth = affine.weightsPerOutput
    return (inputs ?? Array(0..<depth)).map { Int64(affine.weights[channel * depth + $0]) }
  }

  private func weightWords(_ channel: Int) -> [Int64] {
    let weights = requantization.isConstant[channel] ? [] : weights(channel)
    return (0..<groups).map { group in
      let w = (0..<4).map { 4 * group + $0 < weights.count ? weights[4 * group + $0] : 0 }
      if isWide { return Int64(Int32(truncatingIfNeeded: (0..<4).reduce(0) { $0 | (w[$1] & 0xFF) << Int64(8 * $1) })) }
      let (low, high) = (256 * w[1] + w[0], 256 * w[3] + w[2])
      return Int64(Int32(truncatingIfNeeded: (high << 16) | (low & 0xFFFF)))
    }
  }

  /// 256 · bias, less what the 127s add.
  private func start(_ channel: Int) -> Int64 {
    if requantization.isConstant[channel] { return 0 }
    if isWide { return biases[channel] }
    let weights = weights(channel)
    let even = stride(from: 0, to: weights.count, by: 2).reduce(Int64(0)) { $0 + weights[$1] }
    return Int64(Int32(truncatingIfNeeded: 256 * biases[channel] - 127 * even))
  }

  private func constants(_ channel: Int) -> [Int64] {
    (requantization.ownShifts.map { [Int64($0[channel])] } ?? [])
      + (requantization.hasCorrections ? [Int64(requantization.corrections[channel])] : [])
      + [Int64(requantization.factors[channel]), Int64(requantization.addends[channel])]
  }

  private func stream(_ channels: [Int]) -> [Int64] {
    let isWhole = outputs.count == affine.geometry.outputChannels
    return channels.enumerated().flatMap { place, channel in
      let next = place + 1 < channels.count ? channels[place + 1] - channel : 1
      return [start(channel)] + weightWords(channel) + constants(channel) + (isWhole ? [] : [Int64(next)])
    }
  }

  private func fourfoldStream(_ channels: Range<Int>) -> [Int64] {
    stride(from: channels.lowerBound, to: channels.upperBound, by: 4).flatMap { first -> [Int64] in
      let four = first..<first + 4
      let words = four.map { weightWords($0) }
      return four.map { start($0) } + (0..<groups).flatMap { group in words.map { $0[group] } } + four.flatMap(constants)
    }
  }

  // MARK: Shared functions

  /// Spreads `groups` words of four codes at every `block`-th place of `to`, X before Y; returns where it ended.
  private func spread(_ block: Int, _ unrolled: Int, _ writer: inout KernelWriter) -> String {
    writer.sharedFunction((isWide ? "widen_\(block)" : "spread_\(block)") + (unrolled > 1 ? "_\(unrolled)" : "")) { name in
      var one = ["ldr r3, [r1], #4", "sxtb16 r4, r3, ror #8"]
      one += isWide ? ["sxtb16 r12, r3"] : ["uxtb16 r12, r3", "orr r12, r5, r12, lsl #8", "ssub16 r12, r12, r4"]
      one += ["str r12, [r0, #\(4 * block)]", "str r4, [r0], #\(8 * block)"]
      var lines = ["push {r4, r5, lr}", "mov r5, #0x007F007F", "1:"]
      for _ in 0..<unrolled { lines += one }
      lines += ["subs r2, r2, #\(unrolled)", "bne 1b", "pop {r4, r5, pc}"]
      var text = CText()
      text.comment(
        "Spreads words of four codes x0 to x3 as X = (x1, x3) and Y = "
          + (isWide ? "(x0, x2)" : "(256 x0 + 127 - x1, 256 x2 + 127 - x3)")
          + ", for a block of \(block). Returns the place after the last.")
      text.assembly(
        "uint32_t *\(name)(uint32_t *to, const int8_t *from, int32_t words)",
        lines)
      return text
    }
  }

  /// Copies bytes, a word at a time as long as there are so many.
  private func copyFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_words") { name in
      var text = CText()
      text.comment("Copies codes, four at a time while there are so many.")
      text.assembly(
        "void \(name)(int8_t *to, const int8_t *from, int32_t count)",
        [
          "subs r2, r2, #4", "blt 2f", "1:", "ldr r3, [r1], #4", "subs r2, r2, #4", "str r3, [r0], #4", "bge 1b", "2:",
          "adds r2, r2, #4", "beq 4f", "3:", "ldrb r3, [r1], #1", "subs r2, r2, #1", "strb r3, [r0], #1", "bne 3b", "4:",
          "bx lr",
        ])
      return text
    }
  }

  private func padding(_ block: Int, _ code: Int32, _ writer: inout KernelWriter) -> String {
    let x = UInt32(UInt16(truncatingIfNeeded: code)) * 0x10001
    let y = isWide ? x : UInt32(UInt16(truncatingIfNeeded: 255 * code + 127)) * 0x10001
    return writer.sharedFunction("\(isWide ? "pad_wide" : "pad")_\(block)_\(UInt8(truncatingIfNeeded: code))") { name in
      var text = CText()
      text.comment("Words of the padding code \(code), spread for a block of \(block). Returns the place after the last.")
      text.block("static uint32_t *\(name)(uint32_t *to, int32_t words)") { text in
        text.block("for (; words > 0; words--)") { text in
          text.line("to[0] = \(x)u;")
          text.line("to[\(block)] = \(y)u;")
          text.line("to = &to[\(2 * block)];")
        }
        text.line("return to;")
      }
      return text
    }
  }

  /// Requantises the sums in `registers`; the factor and the addend are in the registers of those names, a
  /// correction in r3, a shift in r1; r12 is free.
  private func requantize(_ registers: [String], _ factor: String, _ addend: String) -> [String] {
    registers.flatMap { r in
      DSPAssembly.requantize(r, requantization, factor: factor, addend: addend, correction: "r3", free: "r12", shift: "r1")
    }
  }

  /// The registers that a channel's constants are loaded into, in their order in memory.
  private func constantRegisters(_ factor: String, _ addend: String) -> String {
    ((requantization.ownShifts != nil ? ["r1"] : []) + (requantization.hasCorrections ? ["r3"] : []) + [factor, addend])
      .joined(separator: ", ")
  }

  /// What of the requantisation is part of a function's name, since it is part of its text.
  private var variant: String { DSPAssembly.variant(requantization) }

  /// All output channels of a block of pixels.
  private func product(_ block: Int, _ unrolled: Int, _ stride: Int, _ writer: inout KernelWriter) -> String {
    let isWhole = outputs.count == affine.geometry.outputChannels
    let suffix = "product_\(block)_\(unrolled)_\(stride)_\(variant)" + (isWhole ? "" : "_some")
      + (isWide ? "_wide_\(requantization.scaling)" : "")
    return writer.sharedFunction(suffix) { name in
      let sums = (0..<block).map { "r\(4 + $0)" }
      let loads = ["r10", "r11", "r12", "lr"]
      var lines = [
        "push {r4-r11, lr}", "push {r1-r3}", "1:", "ldr r1, [sp]", "ldr r3, [sp, #48]", "ldr r4, [r0], #4",
      ]
      lines += sums.dropFirst().map { "mov \($0), r4" }
      lines.append("2:")
      for _ in 0..<unrolled {
        lines.append("ldr r2, [r0], #4")
        if isWide { lines.append("sxtb16 r9, r2, ror #8") }
        for start in Swift.stride(from: 0, to: 2 * block, by: 4) {
          let places = start..<min(start + 4, 2 * block)
          let registers = loads.prefix(places.count)
          lines.append("ldmia r1!, {\(registers.joined(separator: ", "))}")
          for (place, register) in zip(places, registers) {
            if place == block { lines.append("sxtb16 r2, r2") }
            let sum = sums[place % block]
            lines.append("smlad \(sum), \(isWide && place < block ? "r9" : "r2"), \(register), \(sum)")
          }
        }
      }
      lines += ["subs r3, r3, #1", "bne 2b", "ldmia r0!, {\(constantRegisters("r10", "r11"))\(isWhole ? "" : ", lr")}"]
      if isWide { lines += sums.map { "lsl \($0), \($0), #\(requantization.scaling)" } }
      lines += requantize(sums, "r10", "r11")
      lines.append("ldr r2, [sp, #4]")
      for (place, sum) in sums.enumerated().reversed() {
        lines.append(place == 0 && isWhole ? "strb \(sum), [r2], #1" : "strb \(sum), [r2, #\(place * stride)]")
      }
      if !isWhole { lines.append("add r2, r2, lr") }
      lines += [
        "str r2, [sp, #4]", "ldr r3, [sp, #8]", "subs r3, r3, #1", "str r3, [sp, #8]", "bne 1b", "add sp, sp, #12",
        "pop {r4-r11, pc}",
      ]
      var text = CText()
      text.comment(
        "The codes of \(block) pixels, \(stride) apart, for each output channel: sums of 4 \(unrolled) `loops` products, "
          + "requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const uint32_t *columns, int8_t *y, uint32_t outputs, uint32_t loops)", lines)
      return text
    }
  }

  /// Four output channels at a time of one pixel.
  private func fourfold(_ unrolled: Int, _ writer: inout KernelWriter) -> String {
    let suffix = "fourfold_\(unrolled)_\(variant)"
    return writer.sharedFunction(suffix) { name in
      let (sums, weights) = (["r4", "r5", "r6", "r7"], ["r8", "r9", "r10", "r11"])
      var lines = [
        "push {r4-r11, lr}", "push {r1, r3}", "1:", "ldr r1, [sp]", "ldr r3, [sp, #44]", "ldmia r0!, {r4-r7}", "2:",
      ]
      for _ in 0..<unrolled {
        lines += ["ldmia r1!, {r12, lr}", "ldmia r0!, {r8-r11}"]
        lines += zip(sums, weights).map { "smlad \($0), \($1), r12, \($0)" }
        lines += weights.map { "sxtb16 \($0), \($0)" }
        lines += zip(sums, weights).map { "smlad \($0), \($1), lr, \($0)" }
      }
      lines += ["subs r3, r3, #1", "bne 2b"]
      let isPlain = requantization.ownShifts == nil && !requantization.hasCorrections
      for sum in sums where !isPlain {
        lines += ["ldmia r0!, {\(constantRegisters("r8", "r9"))}"] + requantize([sum], "r8", "r9")
      }
      for pair in isPlain ? [(0, 1), (2, 3)] : [] {
        lines.append("ldmia r0!, {r8-r11}")
        lines += requantize([sums[pair.0]], "r8", "r9") + requantize([sums[pair.1]], "r10", "r11")
      }
      lines += sums.map { "strb \($0), [r2], #1" }
      lines += [
        "ldr r3, [sp, #4]", "subs r3, r3, #1", "str r3, [sp, #4]", "bne 1b", "add sp, sp, #8", "pop {r4-r11, pc}",
      ]
      var text = CText()
      text.comment("The codes of one pixel for four output channels at a time: sums of 4 \(unrolled) `loops` products, requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const uint32_t *columns, int8_t *y, uint32_t fours, uint32_t loops)", lines)
      return text
    }
  }
}

enum DSPAssembly {
  /// The sum in register `r` becomes a code; the constants are in the registers named, those that the layer has.
  static func requantize(
    _ r: String, _ requantization: FusedRequantization, factor: String, addend: String, correction: String, free: String,
    shift: String
  ) -> [String] {
    var lines: [String] = []
    if requantization.hasCorrections {
      lines += ["and \(free), \(correction), \(r), asr #31", "sub \(free), \(addend), \(free)"]
    }
    lines.append("smmla \(r), \(r), \(factor), \(requantization.hasCorrections ? free : addend)")
    if requantization.ownShifts != nil {
      lines += ["asr \(r), \(r), \(shift)", "ssat \(r), #8, \(r)"]
    } else {
      lines.append("ssat \(r), #8, \(r), asr #\(requantization.shift)")
    }
    return lines + clamping(r, requantization.clamp)
  }

  /// What of a requantisation is part of a function's text, as a part of its name.
  static func variant(_ requantization: FusedRequantization) -> String {
    (requantization.ownShifts != nil ? "any" : "\(requantization.shift)") + (requantization.hasCorrections ? "s" : "")
      + (requantization.clamp.map {
        "_\(UInt8(truncatingIfNeeded: $0.lowerBound))_\(UInt8(truncatingIfNeeded: $0.upperBound))"
      } ?? "")
  }

  /// Brings a code in register `r` to what a layer's clamp allows, beyond the saturation to 8 bits.
  static func clamping(_ r: String, _ clamp: ClosedRange<Int64>?) -> [String] {
    guard let clamp else { return [] }
    var lines: [String] = []
    if clamp.lowerBound > -128 {
      lines += ["cmp \(r), #\(clamp.lowerBound)", "it lt", "movlt \(r), #\(clamp.lowerBound)"]
    }
    if clamp.upperBound < 127 {
      lines += ["cmp \(r), #\(clamp.upperBound)", "it gt", "movgt \(r), #\(clamp.upperBound)"]
    }
    return lines
  }
}

extension CText {
  /// A function in assembly alone, that keeps the procedure call standard: arguments in r0 to r3 and on the stack. Its
  /// callers must not conclude anything from what seems an empty body that ignores its parameters.
  mutating func assembly(_ head: String, _ lines: [String]) {
    let unused = " __attribute__((unused))"
    let parameters = head.replacing("(\n  ", with: "(").replacing(")", with: "\(unused))")
      .replacing(", ", with: "\(unused), ")
    self.lines(["#if defined(__clang__)", "__attribute__((naked, noinline))", "#else", "__attribute__((naked, noipa))", "#endif"])
    line("static \(parameters) {")
    line("  __asm__ volatile(")
    line("    \".syntax unified\\n\"")
    for line in lines { self.line("    \"\(line)\\n\"") }
    line("  );")
    line("}")
  }
}
