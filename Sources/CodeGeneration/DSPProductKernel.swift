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
///
/// Weights of 4 bits stand eight in a word, four to a halfword. An AND leaves two of them, each at the top of its
/// halfword, where it is 4096 times itself with its sign: a shift of the operand brings the next two there.
struct DSPProductKernel: DSPKernel {
  private let affine: Affine
  /// Whether activations stand as X = (x1, x3) and Y = (x0, x2): 256 times an accumulator would leave 32 bits, or weights
  /// are packed.
  private let isWide: Bool
  /// Whether weights stand eight in a word.
  let isPacked: Bool
  private(set) var requantization: FusedRequantization
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
  /// Whether the layer is computed by a function that others share.
  private let runsPixels: Bool
  /// Whether so few outputs are computed that codes are spread out in registers, four outputs at a time.
  private let isDirect: Bool
  let scratch: (bytes: Int, alignment: Int)

  init?(
    _ step: Step, _ program: IntegerProgram, _ constants: ChannelConstants, _ goal: KernelSelection.Goal,
    _ weights: WeightStorage
  ) {
    guard case .affine(let affine) = step.operation, affine.groups == 1,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) }), affine.weightsPerOutput >= 4
    else { return nil }
    func fused(_ scaling: Int) -> FusedRequantization? {
      FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: scaling, saturation: -128...127,
        allowsOwnShifts: true)
    }
    // Two words of codes at a time.
    let packed = weights != .bytes && affine.hasNibbles && (affine.weightsPerOutput + 3) / 4 % 2 == 0 ? fused(12) : nil
    let scaled = packed ?? fused(8)
    isPacked = packed != nil
    isWide = isPacked || scaled == nil
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
    // Picking codes one by one must be made up for by the words of weights that fall away.
    let saved = (codes.count + 3) / 4 - (read.count + 3) / 4
    if g.isPointwise, codes.count == g.inputChannels, saved * outputs.count > 2 * read.count, !read.isEmpty,
      !isPacked || (read.count + 3) / 4 % 2 == 0
    {
      inputs = read
      biases = (0..<g.outputChannels).map { output in
        codes.enumerated().reduce(affine.bias[output]) { sum, input in
          sum + Int64(input.element ?? 0) * Int64(affine.weights[output * depth + input.offset])
        }
      }
    } else {
      inputs = nil
      biases = affine.bias
    }
    let places = inputs ?? Array(0..<depth)
    groups = (places.count + 3) / 4
    let isDilated = g.dilationHeight != 1 || g.dilationWidth != 1
    usesPatch = inputs != nil || g.inputChannels % 4 != 0 || !g.isPointwise && (isDense || isDilated)
    runsPixels = !isDense && !isDilated && !outputs.isEmpty
    isDirect = isDense && g.isPointwise && places.count == depth && depth % 4 == 0 && g.outputChannels == 4
      && outputs.count == 4 && !isPacked
    block = isDense ? 1
      : Self.block(
        pixels: g.outputPixels, outputs: outputs.count, groups: groups, goal, isWide: isWide, isPacked: isPacked)
    scratch = isDirect ? (0, 1) : (8 * groups * block + (usesPatch ? 4 * groups : 0), 4)
    for output in outputs where !isWide && !requantization.isConstant[output] {
      for place in Swift.stride(from: 1, to: places.count, by: 2) {
        // The one pair that leaves 16 bits: −128 above a negative byte.
        if affine.weights[output * depth + places[place]] == -128, affine.weights[output * depth + places[place - 1]] < 0 {
          return nil
        }
      }
    }
  }

  mutating func use(shift: Int) -> Bool { requantization.use(shift: shift, affine) }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    StepOverlap.distance(affine.geometry, pixelsReadFirst: block)
  }

  /// The block that takes the fewest instructions for all pixels.
  private static func block(
    pixels: Int, outputs: Int, groups: Int, _ goal: KernelSelection.Goal, isWide: Bool, isPacked: Bool
  ) -> Int {
    func cost(_ block: Int) -> Int {
      let word = isPacked
        ? (1 + 4 * (2 + block)) / 2 : 2 * block + (isWide ? 3 : 2) + (2 * block + 3) / 4
      return block == 0 ? 0 : outputs * (groups * word + 4 * block + 9)
    }
    func total(_ block: Int) -> Int { pixels / block * cost(block) + cost(pixels % block) }
    let sizes =
      switch goal {
      // A register or two go to parts of the weights.
      case .speed: 1...(isWide ? 4 : 6)
      case .size: 4...4
      case .ram: 1...2
      }
    // Of equals the largest, which more layers have, so that they share a function.
    return sizes.reversed().min { total($0) < total($1) } ?? 1
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let g = affine.geometry
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    if !isDirect { writer.scratch("columns", "uint32_t", index) }
    let label = "\(step.source.type) of step \(index)"
    let isDense = g.batch * g.outputPixels == 1
    let isWhole = outputs.count == g.outputChannels
    let byFour = isDirect ? 1 : isDense && isWhole && (!isWide || isPacked) ? g.outputChannels / 4 : 0
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
        "quads_\(index)", "int32_t", (runsDense ? [Int64(groups), Int64(4 * byFour)] : []) + fourfoldStream(0..<4 * byFour),
        comment: "\(label)\(runsDense ? ": the words of codes, the output channels; then" : ",") for every four output channels: \(timesScale)the biases; words of weights; "
          + "factors and addends")
    }
    if 4 * byFour < outputs.count {
      writer.addTable(
        "stream_\(index)", "int32_t", (runsPixels ? pixelShape : []) + stream(Array(outputs[(4 * byFour)...])),
        comment: "\(label)" + (runsPixels ? ": the shape; then" : ",") + " for every output channel: "
          + timesScale + "the bias; words of weights; factor and addend"
          + (isWhole ? "" : "; how far the next channel is"))
    }
    guard !runsPixels else {
      let arguments = (isWhole ? "" : ", \(writer.tableName("constant_codes_\(index)"))")
        + (inputs == nil ? "" : ", \(writer.tableName("inputs_\(index)"))")
      let stream = writer.tableName("stream_\(index)")
      let function = pixels(&writer)
      if g.batch == 1 {
        text.line("\(function)(x, y, columns, \(stream)\(arguments));")
      } else {
        text.loop("batch", g.batch) { text in
          let (x, y) = (times("batch", g.inputHeight * g.inputWidth * g.inputChannels), times("batch", g.outputPixels * g.outputChannels))
          text.line("\(function)(&x[\(x)], &y[\(y)], columns, \(stream)\(arguments));")
        }
      }
      return
    }
    if runsDense {
      text.line("\(dense(&writer))(x, y, columns, \(writer.tableName("quads_\(index)")));")
      return
    }
    if isDirect {
      text.line("\(fourfold(&writer))(\(writer.tableName("quads_\(index)")), x, y, 4u, \(groups)u);")
      return
    }

    func copyPixel(_ writer: inout KernelWriter, _ text: inout CText) {
      text.block("for (uint32_t i = 0; i < \(inputs?.count ?? g.inputChannels)u; i++)") { text in
        text.line("patch[i] = x[\(inputs == nil ? "i" : "\(writer.tableName("inputs_\(index)"))[i]")];")
      }
    }
    func gather(_ place: String, _ blockSize: Int, _ writer: inout KernelWriter, _ text: inout CText) {
      writer.gather(affine, "int8_t", firstChannel: "0", copier: copyFunction(&writer), &text)
      text.line("(void)\(spread(&writer))(\(place), patch, \(groups), \(blockSize)u, 1u, 0, 0);")
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
    if usesPatch { text.line("int8_t *const patch = (int8_t *)&columns[\(2 * groups * block)];") }
    if isDense {
      if g.isPointwise {
        if usesPatch { copyPixel(&writer, &text) }
        text.line("(void)\(spread(&writer))(columns, \(usesPatch ? "patch" : "x"), \(groups), 1u, 1u, 0, 0);")
      } else {
        text.line("const int32_t row = 0;")
        text.line("const int32_t column = 0;")
        gather("columns", 1, &writer, &text)
      }
      if byFour > 0 {
        text.line("\(fourfold(&writer))(\(writer.tableName("quads_\(index)")), columns, y, \(4 * byFour)u, \(groups)u);")
      }
      if 4 * byFour < outputs.count {
        let function = product(1, &writer)
        if !isWhole { copyConstants(1, &writer, &text) }
        let first = isWhole ? 4 * byFour : outputs[0]
        text.line(
          "\(function)(\(writer.tableName("stream_\(index)")), columns, &y[\(first)], \(isWhole ? outputs.count - 4 * byFour : span)u, \(groups)u, 1u);")
      }
      return
    }
    let table = writer.tableName("stream_\(index)")
    let full = g.outputPixels / block * block
    let rest = g.outputPixels - full
    func blockOf(_ size: Int, _ writer: inout KernelWriter, _ text: inout CText) {
      text.block("for (uint32_t place = 0; place < \(size)u; place++)") { text in
        gather("&columns[place]", size, &writer, &text)
        text.line("column++;")
        text.block("if (column == \(g.outputWidth))") { text in
          text.line("column = 0;")
          text.line("row++;")
        }
      }
      if !isWhole { copyConstants(size, &writer, &text) }
      let function = product(size, &writer)
      text.line(
        "\(function)(\(table), columns, \(outputs[0] == 0 ? "y" : "&y[\(outputs[0])]"), \(span)u, \(groups)u, \(g.outputChannels)u);")
      text.line("y = &y[\(size * g.outputChannels)];")
    }
    func image(_ writer: inout KernelWriter, _ text: inout CText) {
      text.line("int32_t row = 0;")
      text.line("int32_t column = 0;")
      if full > 0 {
        text.block("for (uint32_t blocks = \(full / block)u; blocks > 0u; blocks--)") { blockOf(block, &writer, &$0) }
      }
      if rest > 0 { blockOf(rest, &writer, &text) }
    }
    if g.batch == 1 {
      image(&writer, &text)
    } else {
      text.loop("batch", g.batch) { image(&writer, &$0) }
    }
  }

  // MARK: Tables

  /// The weights of an output channel for the inputs that are read.
  private func weights(_ channel: Int) -> [Int64] {
    let depth = affine.weightsPerOutput
    return (inputs ?? Array(0..<depth)).map { Int64(affine.weights[channel * depth + $0]) }
  }

  /// What a comment says of the biases.
  private var timesScale: String { isPacked ? "4096 times " : isWide ? "" : "256 times " }

  private func weightWords(_ channel: Int) -> [Int64] {
    let weights = requantization.isConstant[channel] ? [] : weights(channel)
    guard !isPacked else {
      return (0..<groups / 2).map { pair in
        // In the order of X, Y, X and Y, from the highest bits of each halfword down.
        var bits = Int64(0)
        for (part, place) in [1, 0, 5, 4].enumerated() {
          for (half, place) in [place, place + 2].enumerated() where 8 * pair + place < weights.count {
            bits |= (weights[8 * pair + place] & 15) << Int64(16 * half + 12 - 4 * part)
          }
        }
        return Int64(Int32(truncatingIfNeeded: bits))
      }
    }
    return (0..<groups).map { group in
      let w = (0..<4).map { 4 * group + $0 < weights.count ? weights[4 * group + $0] : 0 }
      if isWide { return Int64(Int32(truncatingIfNeeded: (0..<4).reduce(0) { $0 | (w[$1] & 0xFF) << Int64(8 * $1) })) }
      let (low, high) = (256 * w[1] + w[0], 256 * w[3] + w[2])
      return Int64(Int32(truncatingIfNeeded: (high << 16) | (low & 0xFFFF)))
    }
  }

  /// 256 · bias, less what the 127s add; 4096 · bias; or the bias.
  private func start(_ channel: Int) -> Int64 {
    if requantization.isConstant[channel] { return 0 }
    if isPacked { return Int64(Int32(truncatingIfNeeded: biases[channel] << 12)) }
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
      return four.map { start($0) } + words[0].indices.flatMap { word in words.map { $0[word] } } + four.flatMap(constants)
    }
  }

  // MARK: Shared functions

  /// Spreads words of four codes at every `block`-th place of `to`, X before Y.
  private func spread(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction(isWide ? "widen" : "spread") { name in
      // X goes from r0 on and Y from r8 on, 8 · block bytes a word, which is r6; r7 is three times that.
      func word(_ place: String) -> [String] {
        let spread =
          isWide
          ? ["sxtb16 r12, r4", "sxtb16 r4, r4, ror #8"]
          : ["uxtb16 r12, r4", "sxtb16 r4, r4, ror #8", "orr r12, r5, r12, lsl #8", "ssub16 r12, r12, r4"]
        return ["ldr r4, [r1], #4"] + spread + ["str r4, [r0\(place)]", "str r12, [r8\(place)]"]
      }
      let four = ["", ", r6", ", r6, lsl #1", ", r7"].flatMap(word)
      let atOnce =
        ["subs r9, r2, #4", "blt 3f", "2:"] + four
        + ["add r0, r0, r6, lsl #2", "add r8, r8, r6, lsl #2", "subs r9, r9, #4", "bge 2b", "3:"]
        // The count's lowest bits, as the carry and the sign.
        + ["lsls r9, r2, #31", "bcc 4f"] + word("") + word(", r6")
        + ["add r0, r0, r6, lsl #1", "add r8, r8, r6, lsl #1", "4:", "bpl 5f"] + word("") + ["add r0, r0, r6", "5:"]
      let oneByOne = ["mov r9, r2", "2:"] + word("") + ["add r0, r0, r6", "add r8, r8, r6", "subs r9, r9, #1", "bne 2b"]
      var text = CText()
      text.comment(
        "Spreads `runs` times `words` words of four codes x0 to x3 as X = (x1, x3) and Y = "
          + (isWide ? "(x0, x2)" : "(256 x0 + 127 - x1, 256 x2 + 127 - x3)")
          + ", for a block of so many pixels; after each run, `from` and `to` go on by so many bytes. Returns the place after "
          + "the last.")
      text.assembly(
        "uint32_t *\(name)(\n  uint32_t *to, const int8_t *from, int32_t words, uint32_t block, uint32_t runs, int32_t from_step, int32_t to_step)",
        ["push {r4-r11, lr}"] + (isWide ? [] : ["mov r5, #0x007F007F"])
          + ["lsl r6, r3, #3", "add r7, r6, r6, lsl #1", "ldr lr, [sp, #36]", "ldrd r10, r11, [sp, #40]", "1:"]
          + ["add r8, r0, r3, lsl #2"] + (goal == .size ? oneByOne : atOnce)
          + ["add r0, r0, r11", "add r1, r1, r10", "subs lr, lr, #1", "bne 1b", "pop {r4-r11, pc}"])
      return text
    }
  }

  /// All pixels of a layer: its blocks, and the pixels that are left.
  private func pixels(_ writer: inout KernelWriter) -> String {
    let (isWhole, isPointwise) = (isWhole, affine.geometry.isPointwise)
    // A layer without pixels left over shares the function of one that has some.
    let rest = restOfBlock > 0 ? restOfBlock : writer.selection.kernels.lazy.compactMap { other -> Int? in
      guard let other = other as? DSPProductKernel, other.runsPixels, other.pixelsName == pixelsName else { return nil }
      return other.restOfBlock > 0 ? other.restOfBlock : nil
    }.first ?? 0
    let spread = spread(&writer)
    let gather = isPointwise ? "" : windows(&writer)
    let products = ([block] + (rest > 0 ? [rest] : [])).map { (size: $0, function: product($0, &writer)) }
    let copy = isWhole ? "" : copyFunction(&writer)
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction(pixelsName + (rest > 0 ? "_\(rest)" : "")) { name in
      var text = CText()
      text.comment(
        "All pixels of a layer: for each block, the codes of its windows are spread and multiplied by the weights of every "
          + "output channel. The stream starts with the words of a window, the output channels, the blocks, the pixels left over"
          + (isWhole ? "" : ", the first channel that is computed, how many lie from it to the last")
          + (!isPointwise ? ", the pixels of a row, the first and the last column and row where windows lie in the image, and the windows' shape" : usesPatch ? ", the input channels, how many are read" : "")
          + ".")
      var parameters = "const int8_t *x, int8_t *y, uint32_t *columns, const int32_t *stream"
      if !isWhole { parameters += ", const int8_t *constants" }
      if let inputType { parameters += ", const \(inputType) *inputs" }
      text.block("\(kernel) static void \(name)(\n  \(parameters))") { text in
        let more = isWhole ? 4 : 6
        text.line("const uint32_t words = (uint32_t)stream[0];")
        text.line("const uint32_t channels = (uint32_t)stream[1];")
        if isPointwise && usesPatch { text.line("const int32_t count = stream[\(more + 1)];") }
        if usesPatch {
          let type = isPointwise ? "int8_t" : "uint32_t"
          text.line("\(type) *const patch = \(isPointwise ? "(int8_t *)" : "")&columns[words * \(2 * block)u];")
        }
        if !isPointwise {
          text.line("int32_t place[2] = { 0, 0 };")
        }
        func blockOf(_ size: Int, _ function: String, _ text: inout CText) {
          if !isPointwise {
            text.line("\(gather)(columns, x, &stream[\(more)], \(size)u, place\(usesPatch ? ", patch" : ""));")
          } else if usesPatch {
            text.block("for (uint32_t pixel = 0; pixel < \(size)u; pixel++)") { text in
              text.block("for (int32_t i = 0; i < count; i++)") {
                $0.line("patch[i] = x[\(inputs == nil ? "i" : "inputs[i]")];")
              }
              text.line("(void)\(spread)(&columns[pixel], patch, (int32_t)words, \(size)u, 1u, 0, 0);")
              text.line("x = &x[stream[\(more)]];")
            }
          }
          if isPointwise && !usesPatch {
            text.line(
              "(void)\(spread)(columns, x, (int32_t)words, \(size)u, \(size)u, 0, 4 - (\(8 * size) * (int32_t)words));")
            text.line("x = &x[words * \(4 * size)u];")
          }
          // Only what has been read may be written over.
          if !isWhole {
            text.block("for (uint32_t pixel = 0; pixel < \(size)u; pixel++)") { text in
              text.line("\(copy)(&y[pixel * channels], constants, (int32_t)channels);")
            }
          }
          text.line(
            "\(function)(&stream[\(pixelShape.count)], columns, \(isWhole ? "y, channels" : "&y[stream[4]], (uint32_t)stream[5]"), words, channels);")
        }
        text.block("for (int32_t blocks = stream[2]; blocks > 0; blocks--)") { text in
          blockOf(block, products[0].function, &text)
          text.line("y = &y[channels * \(block)u];")
        }
        if rest > 0 { text.block("if (stream[3] > 0)") { blockOf(rest, products[1].function, &$0) } }
      }
      return text
    }
  }

  private var isWhole: Bool { outputs.count == affine.geometry.outputChannels }
  /// Channels from the first that is computed to the last.
  private var span: Int { (outputs.last ?? 0) + 1 - (outputs.first ?? 0) }
  /// Pixels of an image that make no whole block.
  private var restOfBlock: Int { affine.geometry.outputPixels % block }
  /// What comes before the constants of the first channel.
  private var pixelShape: [Int64] {
    let g = affine.geometry
    var shape = [groups, g.outputChannels, g.outputPixels / block, restOfBlock] + (isWhole ? [] : [outputs.first ?? 0, span])
    if !g.isPointwise {
      let code = affine.paddingCode
      func both(_ code: Int32) -> Int { Int(Int32(bitPattern: UInt32(UInt16(truncatingIfNeeded: code)) * 0x10001)) }
      // The last place where a window lies in the image, and of which pixel it is the window.
      let (down, right) = (g.inputHeight - g.kernelHeight, g.inputWidth - g.kernelWidth)
      func last(_ place: Int, _ padding: Int, _ stride: Int, _ count: Int) -> Int {
        place < 0 ? -1 : min((place + padding) / stride, count - 1)
      }
      shape += [
        g.outputWidth, (g.paddingLeft + g.strideWidth - 1) / g.strideWidth,
        last(right, g.paddingLeft, g.strideWidth, g.outputWidth), (g.paddingTop + g.strideHeight - 1) / g.strideHeight,
        last(down, g.paddingTop, g.strideHeight, g.outputHeight), g.kernelHeight, g.kernelWidth,
        g.kernelWidth * g.inputChannels, g.inputWidth * g.inputChannels, g.inputChannels, g.strideHeight, g.strideWidth,
        g.paddingTop, g.paddingLeft, down, right, both(code), both(isWide ? code : 255 * code + 127),
        Int(Int32(bitPattern: UInt32(UInt8(truncatingIfNeeded: code)) * 0x0101_0101)),
      ]
    } else if usesPatch {
      shape += [g.inputChannels, inputs?.count ?? g.inputChannels]
    }
    return shape.map { Int64($0) }
  }
  private var inputType: String? { inputs.map { $0.last ?? 0 < 256 ? "uint8_t" : "uint16_t" } }
  private var pixelsName: String {
    let inputs = inputType.map { "_of_\($0 == "uint8_t" ? 8 : 16)" } ?? (usesPatch ? "_bytes" : "")
    return "\(affine.geometry.isPointwise ? "pixels" : "windows")_\(fullVariant)\(inputs)_\(block)"
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

  /// Copies the rows of a window as bytes.
  private func copyRowsFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_rows") { name in
      var text = CText()
      text.comment("Copies rows of `count` codes, which start so many bytes apart.")
      text.assembly(
        "void \(name)(\n  int8_t *to, const int8_t *from, int32_t count, int32_t rows, int32_t to_step, int32_t from_step)",
        [
          "push {r4-r7, lr}", "ldrd r6, r7, [sp, #20]", "sub r6, r6, r2", "sub r7, r7, r2", "1:", "subs r4, r2, #4", "blt 3f",
          "2:", "ldr r5, [r1], #4", "subs r4, r4, #4", "str r5, [r0], #4", "bge 2b", "3:", "adds r4, r4, #4", "beq 5f", "4:",
          "ldrb r5, [r1], #1", "subs r4, r4, #1", "strb r5, [r0], #1", "bne 4b", "5:", "add r0, r0, r6", "add r1, r1, r7",
          "subs r3, r3, #1", "bne 1b", "pop {r4-r7, pc}",
        ])
      return text
    }
  }

  /// Spreads a window.
  private func window(_ writer: inout KernelWriter) -> String {
    let spread = spread(&writer)
    let copy = usesPatch ? copyRowsFunction(&writer) : ""
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction((usesPatch ? "byte_window" : "window") + (isWide ? "_wide" : "")) { name in
      var text = CText()
      text.comment(
        "Spreads the window of the pixel at `row` and `column`"
          + (usesPatch ? ", by way of a copy where its rows, or what the image has of them, are no whole words" : "")
          + ". The shape: its rows, taps of a row, codes of a row; the codes of a row of the image, the channels; the steps down and "
          + "to the right; the padding above and on the left; the last places down and to the right where it lies in the image; "
          + "the padding spread as X and Y, and as four codes.")
      let patch = usesPatch ? ", uint32_t *patch" : ""
      text.block(
        "\(kernel) static void \(name)(\n  uint32_t *to, const int8_t *x, const int32_t *shape, int32_t row, int32_t column, uint32_t block\(patch))"
      ) { text in
        text.line("const int32_t top = (row * shape[5]) - shape[7];")
        text.line("const int32_t left = (column * shape[6]) - shape[8];")
        text.line("const int32_t width = shape[2];")
        text.line("const int32_t line = shape[3];")
        text.line("int32_t rows = shape[0];")
        text.line("int32_t count = width;")
        text.line("int32_t start = 0;")
        text.line("int32_t from = (top * line) + (left * shape[4]);")
        text.block("if ((top < 0) || (top > shape[9]) || (left < 0) || (left > shape[10]))") { text in
          text.line("/* What lies outside the image keeps the padding. */")
          text.line("const int32_t above = (top < 0) ? -top : 0;")
          text.line("const int32_t below = (top > shape[9]) ? (top - shape[9]) : 0;")
          text.line("const int32_t before = (left < 0) ? -left : 0;")
          text.line("const int32_t beyond = (left > shape[10]) ? (left - shape[10]) : 0;")
          text.line("rows -= above + below;")
          text.line("count -= (before + beyond) * shape[4];")
          text.line("start = (above * width) + (before * shape[4]);")
          text.line("from += (above * line) + (before * shape[4]);")
          func pad(_ text: inout CText) {
            text.line("uint32_t *end = to;")
            text.block("for (int32_t i = shape[0] * width; i > 0; i -= 4)") { text in
              text.line("end[0] = (uint32_t)shape[11];")
              text.line("end[block] = (uint32_t)shape[12];")
              text.line("end = &end[2u * block];")
            }
          }
          if usesPatch {
            text.block("if ((count < width) || ((width % 4) != 0))") { text in
              text.block("for (int32_t i = 0; i < (shape[0] * width); i += 4)") { $0.line("patch[i / 4] = (uint32_t)shape[13];") }
            }
            text.block("else", pad)
          } else {
            pad(&text)
          }
        }
        func words(_ text: inout CText) {
          text.block("if ((rows > 0) && (count > 0))") { text in
            text.line("(void)\(spread)(")
            text.line("  &to[((uint32_t)start / 2u) * block], &x[from], count / 4, block, (uint32_t)rows, line - count,")
            text.line("  (width - count) * 2 * (int32_t)block);")
          }
        }
        guard usesPatch else { return words(&text) }
        text.block("if ((count < width) || ((width % 4) != 0))") { text in
          text.block("if ((rows > 0) && (count > 0))") {
            $0.line("\(copy)(&((int8_t *)patch)[start], &x[from], count, rows, width, line);")
          }
          text.line("(void)\(spread)(to, (const int8_t *)patch, ((shape[0] * width) + 3) / 4, block, 1u, 0, 0);")
        }
        text.block("else", words)
      }
      return text
    }
  }

  /// Spreads the windows of a block.
  private func windows(_ writer: inout KernelWriter) -> String {
    let spread = spread(&writer)
    let window = window(&writer)
    let copyRows = usesPatch ? copyRowsFunction(&writer) : ""
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction((usesPatch ? "byte_windows" : "windows") + (isWide ? "_wide" : "")) { name in
      var text = CText()
      text.comment(
        "Spreads the windows of a block, from the pixel at `place`, a row and a column, on. The shape: the pixels of a row, the "
          + "first and the last column and row where windows lie in the image, and the windows' own.")
      let patch = usesPatch ? ", uint32_t *patch" : ""
      text.block(
        "\(kernel) static void \(name)(\n  uint32_t *to, const int8_t *x, const int32_t *shape, uint32_t block, int32_t *place\(patch))"
      ) { text in
        text.line("const int32_t width = shape[7];")
        text.line("const int32_t line = shape[8];")
        text.line("const int32_t step = shape[11] * shape[9];")
        text.line("int32_t row = place[0];")
        text.line("int32_t column = place[1];")
        text.block("for (uint32_t pixel = 0; pixel < block;)") { text in
          text.line("/* Pixels of the row whose windows lie in the image, or one whose window does not. */")
          text.line("int32_t inside = (shape[2] + 1) - column;")
          text.line("inside = (inside < (int32_t)(block - pixel)) ? inside : (int32_t)(block - pixel);")
          text.block("if ((inside > 0) && (column >= shape[1]) && (row >= shape[3]) && (row <= shape[4]))") { text in
            text.line("const int8_t *from =")
            text.line("  &x[(((row * shape[10]) - shape[12]) * line) + (column * step) - (shape[13] * shape[9])];")
            text.line("column += inside;")
            text.block("for (; inside > 0; inside--)") { text in
              let runs = "(void)\(spread)(&to[pixel], from, width / 4, block, (uint32_t)shape[5], line - width, 0);"
              if usesPatch {
                text.block("if ((width % 4) == 0)") { $0.line(runs) }
                text.block("else") { text in
                  text.line("\(copyRows)((int8_t *)patch, from, width, shape[5], width, line);")
                  text.line("(void)\(spread)(&to[pixel], (const int8_t *)patch, ((shape[5] * width) + 3) / 4, block, 1u, 0, 0);")
                }
              } else {
                text.line(runs)
              }
              text.line("from = &from[step];")
              text.line("pixel++;")
            }
          }
          text.block("else") { text in
            text.line("\(window)(&to[pixel], x, &shape[5], row, column, block\(usesPatch ? ", patch" : ""));")
            text.line("column++;")
            text.line("pixel++;")
          }
          text.block("if (column == shape[0])") { text in
            text.line("column = 0;")
            text.line("row++;")
          }
        }
        text.line("place[0] = row;")
        text.line("place[1] = column;")
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

  /// The same, with what else a product's text depends on.
  private var fullVariant: String {
    variant + (isWhole ? "" : "_some") + formSuffix
  }
  private var formSuffix: String { isPacked ? "_packed" : isWide ? "_wide_\(requantization.scaling)" : "" }

  /// How a loop over `groups` words is entered, so that they need not be a multiple of those that a round takes: r4 gets
  /// the rounds and r5 the address in the first where to start. Uses r9 and r10; the groups are in r9.
  private static func entry(_ unrolled: Int, bytes: Int) -> [String] {
    // The loop's body starts at label 2; the lowest bit of an address to go to says Thumb.
    let start = ["adr.w r5, 2f", "orr r5, r5, #1"]
    guard unrolled > 1 else { return ["mov r4, r9"] + start }
    return [
      "mov r10, #\(unrolled)", "add r4, r9, #\(unrolled - 1)", "udiv r4, r4, r10", "mul r10, r4, r10", "sub r9, r10, r9",
    ] + start + ["mov r10, #\(bytes)", "mla r5, r9, r10, r5"]
  }

  /// All output channels of a block of pixels.
  private func product(_ block: Int, _ writer: inout KernelWriter) -> String {
    let unrolled = goal == .size ? 1 : 4
    let isWhole = isWhole
    return writer.sharedFunction("product_\(block)_\(fullVariant)") { name in
      let sums = (0..<block).map { "r\(4 + $0)" }
      let loads = ["r10", "r11", "r12", "lr"]
      var group = ["ldr r2, [r0], #4"]
      if isWide, !isPacked { group.append("sxtb16 r9, r2, ror #8") }
      for part in 0..<(isPacked ? 4 : 0) {
        // The mask is in r8.
        group.append("and r9, r8, r2" + (part > 0 ? ", lsl #\(4 * part)" : ""))
        let registers = loads.prefix(block)
        group.append(block == 1 ? "ldr r10, [r1], #4" : "ldmia r1!, {\(registers.joined(separator: ", "))}")
        group += zip(sums, registers).map { "smlad \($0), r9, \($1), \($0)" }
      }
      for start in isPacked ? [] : Array(Swift.stride(from: 0, to: 2 * block, by: 4)) {
        let places = start..<min(start + 4, 2 * block)
        let registers = loads.prefix(places.count)
        group.append("ldmia r1!, {\(registers.joined(separator: ", "))}")
        for (place, register) in zip(places, registers) {
          if place == block { group.append("sxtb16 r2, r2") }
          let sum = sums[place % block]
          group.append("smlad \(sum), \(isWide && place < block ? "r9" : "r2"), \(register), \(sum)")
        }
      }
      // The stack: columns, rounds, where to start; y, the distance of pixels, the last channel's end.
      var lines = ["push {r4-r11, lr}", "ldrd r9, r7, [sp, #36]"]
      if isPacked { lines.append("lsr r9, r9, #1") }
      // Each instruction of a group takes four bytes.
      lines += Self.entry(unrolled, bytes: 4 * group.count)
      lines += ["mov r6, r2", "add r8, r2, r3", "push {r1, r4-r8}"]
      if isPacked { lines.append("mov r8, #0xF000F000") }
      lines += ["1:", "ldr r4, [r0], #4"]
      lines += sums.dropFirst().map { "mov \($0), r4" }
      lines += ["ldmia sp, {r1, r3, pc}", ".p2align 2", "2:"]
      for _ in 0..<unrolled { lines += group }
      lines += ["subs r3, r3, #1", "bne 2b", "ldmia r0!, {\(constantRegisters("r10", "r11"))\(isWhole ? "" : ", lr")}"]
      if isWide, !isPacked { lines += sums.map { "lsl \($0), \($0), #\(requantization.scaling)" } }
      lines += requantize(sums, "r10", "r11")
      lines.append("ldrd r2, r3, [sp, #12]")
      if block > 3 { lines.append("add r1, r2, r3") }
      let places = ["", ", r3", ", r3, lsl #1", ", r3, lsl #1", ", r3, lsl #2", ", r3, lsl #2"]
      for (place, sum) in sums.enumerated().reversed() {
        lines.append(
          place == 0 && isWhole ? "strb \(sum), [r2], #1" : "strb \(sum), [\(place % 2 == 1 && place > 1 ? "r1" : "r2")\(places[place])]")
      }
      if !isWhole { lines.append("add r2, r2, lr") }
      lines += ["str r2, [sp, #12]", "ldr r3, [sp, #20]", "cmp r2, r3", "bne 1b", "add sp, sp, #24", "pop {r4-r11, pc}"]
      var text = CText()
      text.comment(
        "The codes of \(block) pixels, `stride` apart, for the output channels up to y + span: sums of 4 `groups` products, "
          + "requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const uint32_t *columns, int8_t *y, uint32_t span, uint32_t groups, uint32_t stride)",
        lines)
      return text
    }
  }

  /// Four output channels at a time of one pixel.
  private func fourfold(_ writer: inout KernelWriter) -> String {
    // A round of many words pays where there are many products, and then serves the other layers, too.
    let isLong = writer.selection.kernels.contains { ($0 as? DSPProductKernel)?.isLongDense ?? false }
    let unrolled = goal == .size ? 1 : isDirect || isPacked ? 4 : isLong ? 11 : 4
    let suffix = (isDirect ? "four_" : "fourfold_") + variant + formSuffix
    return writer.sharedFunction(suffix) { name in
      let (sums, weights) = (["r4", "r5", "r6", "r7"], ["r8", "r9", "r10", "r11"])
      var group: [String]
      if isDirect {
        group = ["ldr.w lr, [r1], #4", "\(isWide ? "s" : "u")xtb16 r12, lr", "sxtb16 lr, lr, ror #8"]
        if !isWide { group += ["orr r12, r2, r12, lsl #8", "ssub16 r12, r12, lr"] }
        group.append("ldmia r0!, {r8-r11}")
      } else {
        group = ["ldmia r1!, {r12, lr}", "ldmia r0!, {r8-r11}"]
      }
      // X and Y: of codes that were spread before, X comes first.
      let (x, y) = isDirect ? ("lr", "r12") : ("r12", "lr")
      if isPacked {
        // The mask is in lr.
        group = ["ldmia r0!, {r8-r11}"]
        for part in 0..<4 {
          group.append("ldr r12, [r1], #4")
          for (sum, weight) in zip(sums, weights) {
            group += ["and r2, lr, \(weight)" + (part > 0 ? ", lsl #\(4 * part)" : ""), "smlad \(sum), r2, r12, \(sum)"]
          }
        }
      } else if isWide {
        for (sum, weight) in zip(sums, weights) {
          group += ["sxtb16 r2, \(weight), ror #8", "smlad \(sum), r2, \(x), \(sum)"]
        }
      } else {
        group += zip(sums, weights).map { "smlad \($0), \($1), \(x), \($0)" }
      }
      if !isPacked {
        group += weights.map { "sxtb16 \($0), \($0)" }
        group += zip(sums, weights).map { "smlad \($0), \($1), \(y), \($0)" }
      }
      // The stack: codes, rounds, where to start; y and its end.
      var lines = ["push {r4-r11, lr}", "ldr r9, [sp, #36]"]
      if isPacked { lines.append("lsr r9, r9, #1") }
      lines += Self.entry(unrolled, bytes: 4 * group.count)
      lines += ["mov r6, r2", "add r7, r2, r3", "push {r1, r4-r7}"]
      if isPacked { lines.append("mov lr, #0xF000F000") }
      lines.append("1:")
      if isDirect && !isWide { lines.append("mov r2, #0x007F007F") }
      lines += ["ldmia r0!, {r4-r7}", "ldmia sp, {r1, r3, pc}", ".p2align 2", "2:"]
      for _ in 0..<unrolled { lines += group }
      lines += ["subs r3, r3, #1", "bne 2b"]
      if isWide, !isPacked { lines += sums.map { "lsl \($0), \($0), #\(requantization.scaling)" } }
      let isPlain = requantization.ownShifts == nil && !requantization.hasCorrections
      for sum in sums where !isPlain {
        lines += ["ldmia r0!, {\(constantRegisters("r8", "r9"))}"] + requantize([sum], "r8", "r9")
      }
      for pair in isPlain ? [(0, 1), (2, 3)] : [] {
        lines.append("ldmia r0!, {r8-r11}")
        lines += requantize([sums[pair.0]], "r8", "r9") + requantize([sums[pair.1]], "r10", "r11")
      }
      lines += ["ldrd r2, r3, [sp, #12]"] + sums.map { "strb \($0), [r2], #1" }
      lines += ["str r2, [sp, #12]", "cmp r2, r3", "bne 1b", "add sp, sp, #20", "pop {r4-r11, pc}"]
      var text = CText()
      text.comment(
        "The codes of one pixel for four output channels at a time, so many in all: sums of 4 `groups` products, requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const \(isDirect ? "int8_t *x" : "uint32_t *columns"), int8_t *y, uint32_t outputs, uint32_t groups)",
        lines)
      return text
    }
  }

  /// A dense layer's output channels, four at a time.
  private func dense(_ writer: inout KernelWriter) -> String {
    let (spread, fourfold) = (spread(&writer), fourfold(&writer))
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction("dense_\(variant)\(isPacked ? "_packed" : "")") { name in
      var text = CText()
      text.comment("A dense layer: the codes are spread and multiplied by the weights of every output channel.")
      text.block("\(kernel) static void \(name)(const int8_t *x, int8_t *y, uint32_t *columns, const int32_t *stream)") { text in
        text.line("(void)\(spread)(columns, x, stream[0], 1u, 1u, 0, 0);")
        text.line("\(fourfold)(&stream[2], columns, y, (uint32_t)stream[1], (uint32_t)stream[0]);")
      }
      return text
    }
  }

  /// Whether the layer is a dense one of whole words and fours, which is computed by a function that others share.
  private var runsDense: Bool {
    let g = affine.geometry
    return g.batch * g.outputPixels == 1 && g.isPointwise && !usesPatch && (!isWide || isPacked) && !isDirect && isWhole
      && g.outputChannels % 4 == 0
  }

  /// Whether the layer is a dense one of many products.
  private var isLongDense: Bool {
    !isWide && block == 1 && groups * outputs.count >= 1 << 14
  }
}

/// A kernel whose functions have the shift of its requantisation in them.
protocol DSPKernel: StepKernel {
  var requantization: FusedRequantization { get }
  /// Takes constants for a smaller shift where there are some; says whether it has.
  mutating func use(shift: Int) -> Bool
}

extension DSPKernel {
  var need: ProcessorNeed? { .dsp }
}

extension FusedRequantization {
  /// Takes a layer's constants for a smaller shift, where these are of the same form; says whether it has.
  mutating func use(shift: Int, _ affine: Affine, offsets: [Int32]? = nil) -> Bool {
    guard ownShifts == nil, shift < self.shift,
      let other = FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: scaling, saturation: -128...127,
        offsets: offsets, shift: shift, furthest: 500),
      other.hasCorrections == hasCorrections, other.clamp == clamp, other.isConstant == isConstant
    else { return false }
    self = other
    return true
  }
}

extension DSPAssembly {
  /// Brings layers to few shifts, since each takes functions of its own. A smaller shift costs no instruction: it goes
  /// with smaller factors, as long as these give the same codes.
  static func shareShifts(_ kernels: inout [(any StepKernel)?]) {
    var shifts: [String: [Int]] = [:]
    let order = kernels.enumerated().compactMap { index, kernel in (kernel as? any DSPKernel).map { (index, $0) } }
      .filter { $0.1.requantization.ownShifts == nil }.sorted { $0.1.requantization.shift < $1.1.requantization.shift }
    for (index, kernel) in order {
      var kernel = kernel
      let requantization = kernel.requantization
      let form = "\(type(of: kernel)) \(requantization.scaling) \(requantization.hasCorrections) \(String(describing: requantization.clamp))"
      let known = shifts[form, default: []]
      // The largest that will do leaves factors most of their bits.
      if known.contains(requantization.shift) { continue }
      if known.reversed().contains(where: { kernel.use(shift: $0) }) {
        kernels[index] = kernel
      } else {
        shifts[form] = known + [requantization.shift]
      }
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
