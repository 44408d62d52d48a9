import IntegerProgram

/// Dense layers and convolutions with Arm's DSP extension: two multiply-accumulates an instruction.
///
/// Activations are spread as pairs of halfwords, X and Y of four each, in the order that the form of the weights
/// (`DSPWeights`) wants.
struct DSPProductKernel: DSPKernel {
  let affine: Affine
  let form: any DSPWeights
  /// Whether weights stand two a byte.
  var isPacked: Bool { form is DSPNibbleWeights }
  private(set) var requantization: FusedRequantization
  /// The output channels that are computed: those that are not constant.
  let outputs: [Int]
  /// The input channels that are read, where that is not all: the others are constant, and their share is in the bias.
  private let inputs: [Int]?
  /// The biases with what constant inputs add.
  private let biases: [Int64]
  let goal: KernelSelection.Goal
  /// Pixels that share the loads of weights.
  let block: Int
  /// Words of four activations in a window.
  let groups: Int
  /// Whether windows are copied as bytes before they are spread out, since their rows do not fall into words.
  let usesPatch: Bool
  /// Whether the layer is computed by a function that others share.
  private let runsPixels: Bool
  /// Whether so few outputs are computed that codes are spread out in registers, four outputs at a time.
  let isDirect: Bool
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
    guard let requantization = scaled ?? (4...7).reversed().lazy.compactMap(fused).first else { return nil }
    self.affine = affine
    self.goal = goal
    self.requantization = requantization
    let isPacked = packed != nil
    if isPacked {
      form = DSPNibbleWeights()
    } else if scaled != nil {
      form = DSPHalfwordWeights()
    } else {
      form = DSPByteWeights(scaling: requantization.scaling)
    }
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
      : Self.block(pixels: g.outputPixels, outputs: outputs.count, groups: groups, goal, form)
    scratch = isDirect ? (0, 1) : (8 * groups * block + (usesPatch ? 4 * groups : 0), 4)
    for output in outputs where !requantization.isConstant[output] {
      guard form.holds(self.weights(output)) else { return nil }
    }
  }

  mutating func use(shift: Int) -> Bool { requantization.use(shift: shift, affine) }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    StepOverlap.distance(affine.geometry, pixelsReadFirst: block)
  }

  /// The block that takes the fewest instructions for all pixels.
  private static func block(
    pixels: Int, outputs: Int, groups: Int, _ goal: KernelSelection.Goal, _ form: any DSPWeights
  ) -> Int {
    func cost(_ block: Int) -> Int {
      block == 0 ? 0 : outputs * (groups * form.instructions(block) + 4 * block + 9)
    }
    func total(_ block: Int) -> Int { pixels / block * cost(block) + cost(pixels % block) }
    let sizes =
      switch goal {
      case .speed: 1...form.mostPixels
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
    let byFour = isDirect ? 1 : isDense && isWhole && form.isFourfold ? g.outputChannels / 4 : 0
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
        comment: "\(label)\(runsDense ? ": the words of codes, the output channels; then" : ",") for every four output channels: \(form.timesScale)the biases; words of weights; "
          + "factors and addends")
    }
    if 4 * byFour < outputs.count {
      writer.addTable(
        "stream_\(index)", "int32_t", (runsPixels ? pixelShape : []) + stream(Array(outputs[(4 * byFour)...])),
        comment: "\(label)" + (runsPixels ? ": the shape; then" : ",") + " for every output channel: "
          + form.timesScale + "the bias; words of weights; factor and addend"
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

  private func weightWords(_ channel: Int) -> [Int64] {
    form.words(requantization.isConstant[channel] ? [] : weights(channel), groups: groups)
  }
  private func start(_ channel: Int) -> Int64 {
    requantization.isConstant[channel] ? 0 : form.start(biases[channel], weights(channel))
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
    return writer.sharedFunction(pixelsName + (rest > 0 ? "_\(rest)" : "")) { name, text in
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
    }
  }

  var isWhole: Bool { outputs.count == affine.geometry.outputChannels }
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
        g.paddingTop, g.paddingLeft, down, right, both(code), both(form.spreadPadding(code)),
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

  /// Whether the layer is a dense one of whole words and fours, which is computed by a function that others share.
  private var runsDense: Bool {
    let g = affine.geometry
    return g.batch * g.outputPixels == 1 && g.isPointwise && !usesPatch && form.isFourfold && !isDirect && isWhole
      && g.outputChannels % 4 == 0
  }

  /// Whether the layer is a dense one of many products.
  var isLongDense: Bool {
    !form.isPlain && block == 1 && groups * outputs.count >= 1 << 14
  }
}
