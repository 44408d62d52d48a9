import IntegerProgram

extension KernelWriter {
  mutating func affine(_ affine: Affine, _ step: Step, _ index: Int, isPacked: Bool, _ text: inout CText) {
    let label = "\(step.source.type) of step \(index)"
    let g = affine.geometry
    let sumType = affine.isLong ? "int64_t" : "int32_t"
    let (order, weights, run) =
      affine.isDepthwise
      ? ("kernel row, kernel column, channel", affine.weightsByTap, g.outputChannels)
      : ("output channel, kernel row, kernel column, input channel", affine.weights, affine.weightsPerOutput)
    let pad = Int64(affine.paddingCode)
    let codes = program.values[step.inputs[0]].range
    let stored = StoredWeights(
      affine, weights, run: run, isPacked: isPacked,
      codes: min(codes.lowerBound, pad)...max(codes.upperBound, pad))
    addTable(
      "weights_\(index)", stored.cType, stored.elements, comment: "Weights of \(label): \(order)\(stored.note)")
    addTable(
      "bias_\(index)", sumType, affine.bias,
      comment: "Bias of each output channel, zero points folded in, \(label)")
    let requantize = requantization(
      affine.requantization, accumulators: affine.accumulators, step, index)

    input("x", step.inputs[0])
    output("y", step.output)
    let codeType = program.values[step.inputs[0]].cType
    if affine.usesPatch { scratch("patch", codeType, index) }
    let names = WeightNames(
      weights: tableName("weights_\(index)"), stored: stored, bias: tableName("bias_\(index)"), sumType: sumType,
      codeType: codeType,
      stretch: affine.isLong && stored.offset == 0 ? stored.unit * affine.stretch(of: codes, unit: stored.unit) : nil)
    if affine.isDepthwise {
      depthwise(affine, names, codeType, requantize, &text)
    } else if !affine.usesPatch {
      // Each pixel's channels lie together already; a dense layer has one pixel a vector.
      let pixels = g.batch * g.outputPixels
      if pixels == 1 {
        products(affine, names, source: "x", group: nil, target: "", requantize, &text)
      } else {
        text.loop("pixel", pixels) { text in
          text.line("const \(codeType) *const row = &x[\(times("pixel", g.inputChannels))];")
          products(
            affine, names, source: "row", group: nil, target: "\(times("pixel", g.outputChannels)) + ", requantize, &text)
        }
      }
    } else {
      text.line("int32_t at = 0;")
      pixels(g, &text) { writer, text in
        if affine.groups == 1 {
          writer.gather(affine, codeType, firstChannel: "0", &text)
          writer.products(affine, names, source: "patch", group: nil, target: "at + ", requantize, &text)
        } else {
          text.loop("group", affine.groups) { text in
            writer.gather(affine, codeType, firstChannel: times("group", affine.channelsPerGroup), &text)
            writer.products(affine, names, source: "patch", group: "group", target: "at + ", requantize, &text)
          }
        }
        text.line("at += \(g.outputChannels);")
      }
    }
  }

  struct WeightNames {
    var weights: String
    var stored: StoredWeights
    /// C types of sums and of the codes that are read.
    var bias, sumType, codeType: String
    /// Whether codes are wide, and weights so simple, that several channels are computed at once.
    var sharesCodes: Bool { codeType.hasSuffix("16_t") && stored.form != .nibbles && stored.offset == 0 }
    /// Products that are added up in 32 bits where sums take 64; nil where each is added by itself.
    var stretch: Int?

    /// Adds a product of 32 bits to a sum. Where that is longer, it goes by a variable: MISRA C's rule 10.7.
    func add(_ product: String, to sum: String, _ text: inout CText) {
      guard sumType == "int64_t" else { return text.line("\(sum) += \(product);") }
      text.lines(["{", "  const int32_t term = \(product);", "  \(sum) += term;", "}"])
    }
  }

  /// Loops over batch, output rows and columns; single iterations leave a constant in place of the loop.
  mutating func pixels(_ g: WindowGeometry, _ text: inout CText, _ body: (inout KernelWriter, inout CText) -> Void) {
    func nest(_ loops: ArraySlice<(String, Int)>, _ writer: inout KernelWriter, _ text: inout CText) {
      guard let (name, count) = loops.first else {
        body(&writer, &text)
        return
      }
      text.loop(name, count) { nest(loops.dropFirst(), &writer, &$0) }
    }
    let loops = [("batch", g.batch), ("row", g.outputHeight), ("column", g.outputWidth)]
    nest(loops[...].drop { $0.0 == "batch" && $0.1 == 1 }, &self, &text)
  }

  /// `batch · rows + row` of the input, as an index of its rows.
  private func inputRow(_ g: WindowGeometry, _ row: String) -> String {
    g.batch == 1 ? row : "(\(times("batch", g.inputHeight)) + \(row))"
  }

  /// Copies the window of the current pixel into `patch`, the padding code where it leaves the image; with a function of
  /// the target's own where `copier` names one.
  mutating func gather(
    _ affine: Affine, _ codeType: String, firstChannel: String, copier: String? = nil, _ text: inout CText
  ) {
    let g = affine.geometry
    let channels = affine.channelsPerGroup
    let copy = copier ?? "\(names.prefix)_\(CHelpers.copyName(of: codeType))"
    let fill = "\(names.prefix)_\(CHelpers.fillName(of: codeType))"
    // A window's columns are one run of codes unless it is dilated or its channels are one group of several.
    let isRun = g.dilationWidth == 1 && affine.groups == 1
    let leavesColumns =
      g.paddingLeft > 0 || g.inputColumn(g.outputWidth - 1, tap: g.kernelWidth - 1) >= g.inputWidth
    let leavesRows = g.paddingTop > 0 || g.inputRow(g.outputHeight - 1, tap: g.kernelHeight - 1) >= g.inputHeight

    text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
    text.line("const int32_t left = \(origin("column", g.strideWidth, g.paddingLeft));")
    if isRun && leavesColumns {
      text.line("const int32_t before = (left < 0) ? -left : 0;")
      text.line("const int32_t beyond = left - \(CExpressionPrinter.literal(Int64(g.inputWidth - g.kernelWidth)));")
      text.line("const int32_t after = (beyond > 0) ? beyond : 0;")
      // A window may lie outside the image altogether, on either side.
      text.line("const int32_t skipped = (before < \(g.kernelWidth)) ? before : \(g.kernelWidth);")
      text.line("const int32_t rest = \(g.kernelWidth) - skipped;")
      text.line("const int32_t missing = (after < rest) ? after : rest;")
      text.line("const int32_t inside = rest - missing;")
    }
    text.line("\(codeType) *to = patch;")
    let pad = CExpressionPrinter.literal(Int64(affine.paddingCode))
    let rowCodes = g.kernelWidth * channels
    text.loop("tap_row", g.kernelHeight) { text in
      text.line(
        "const int32_t from_row = top + \(times("tap_row", g.dilationHeight));")
      let copyRow: (inout KernelWriter, inout CText) -> Void = { writer, text in
        let line = times(writer.inputRow(g, "from_row"), g.inputWidth)
        if isRun && !leavesColumns {
          text.line("\(copy)(to, &x[\(times("(\(line) + left)", g.inputChannels))], \(rowCodes));")
        } else if isRun {
          text.line("\(fill)(to, \(pad), \(times("skipped", channels)));")
          text.block("if (inside > 0)") { text in
            text.line(
              "\(copy)(&to[\(times("skipped", channels))], &x[\(times("(\(line) + left + skipped)", g.inputChannels))], \(times("inside", channels)));")
          }
          text.line("\(fill)(&to[\(times("(skipped + inside)", channels))], \(pad), \(times("missing", channels)));")
        } else {
          text.loop("tap_column", g.kernelWidth) { text in
            text.line("const int32_t from_column = left + \(times("tap_column", g.dilationWidth));")
            let start = affine.groups == 1 ? "" : " + \(firstChannel)"
            let copyTap =
              "\(copy)(&to[\(times("tap_column", channels))], &x[\(times("(\(line) + from_column)", g.inputChannels))\(start)], \(channels));"
            if leavesColumns {
              text.block("if ((from_column >= 0) && (from_column < \(g.inputWidth)))") { $0.line(copyTap) }
              text.block("else") { $0.line("\(fill)(&to[\(times("tap_column", channels))], \(pad), \(channels));") }
            } else {
              text.line(copyTap)
            }
          }
        }
      }
      if leavesRows {
        text.block("if ((from_row >= 0) && (from_row < \(g.inputHeight)))") { copyRow(&self, &$0) }
        text.block("else") { $0.line("\(fill)(to, \(pad), \(rowCodes));") }
      } else {
        copyRow(&self, &text)
      }
      text.line("to = &to[\(rowCodes)];")
    }
  }

  /// The dot products of `source` with each output channel's weights, requantised into `y`.
  mutating func products(
    _ affine: Affine, _ names: WeightNames, source: String, group: String?, target: String,
    _ requantize: (String, String) -> String, _ text: inout CText
  ) {
    let length = affine.weightsPerOutput
    let stored = names.stored
    if stored.offset != 0 {
      text.line("int32_t codes = 0;")
      text.loop("i", length) { $0.line("codes += (int32_t)\(source)[i];") }
      text.line("codes *= \(CExpressionPrinter.literal(Int64(stored.offset)));")
    }
    // A code that is taken to a register serves several channels where it would be loaded for each.
    let atOnce = names.sharesCodes ? 4 : 1
    let together = affine.outputsPerGroup / atOnce * atOnce
    func outputs(_ count: Int, _ text: inout CText) {
      let places = (0..<count).map { $0 == 0 ? "output" : "output + \($0)" }
      let channels = group.map { group in places.map { "(\(times(group, affine.outputsPerGroup)) + \($0))" } } ?? places
      let sums = count == 1 ? ["sum"] : (0..<count).map { "sum_\($0)" }
      if let stretch = names.stretch, stretch > 1 {
        stretches(of: stretch, length, names, source: source, channels: channels, sums: sums, &text)
      } else {
        text.line("const \(stored.cType) *const w = &\(names.weights)[\(times(channels[0], stored.stride))];")
        for (sum, channel) in zip(sums, channels) {
          text.line("\(names.sumType) \(sum) = \(names.bias)[\(channel)]\(stored.offset != 0 ? " + codes" : "");")
        }
        addProducts("\(length)", isEven: length % 2 == 0, isOdd: length % 2 == 1, names, source: source, sums, &text)
      }
      for (sum, channel) in zip(sums, channels) { text.line("y[\(target)\(channel)] = \(requantize(sum, channel));") }
    }
    if atOnce > 1, together > 0 {
      text.block("for (int32_t output = 0; output < \(together); output += \(atOnce))") { outputs(atOnce, &$0) }
    }
    if atOnce == 1 || together < affine.outputsPerGroup {
      text.loop("output", from: atOnce == 1 ? "0" : "\(together)", below: "\(affine.outputsPerGroup)") { outputs(1, &$0) }
    }
  }

  /// Adds the products of codes of `source` and weights of one channel from `w` on, or of those that follow each other, to
  /// sums.
  private func addProducts(
    _ count: String, isEven: Bool, isOdd: Bool, _ names: WeightNames, source: String, _ sums: [String], _ text: inout CText
  ) {
    let stored = names.stored
    if sums.count == 1 {
      return stored.sum(count, isEven: isEven, isOdd: isOdd, &text) { text, weight, place in
        names.add("\(weight) * (int32_t)\(source)[\(place)]", to: sums[0], &text)
      }
    }
    text.loop("i", below: count) { text in
      text.line("const int32_t code = (int32_t)\(source)[i];")
      for (index, sum) in sums.enumerated() {
        let weight = index == 0 ? "w[i]" : "w[i + \(index * stored.stride)]"
        names.add("(int32_t)\(weight) * code", to: sum, &text)
      }
    }
  }

  /// Sums of channels' products in 64 bits, of stretches in 32.
  private func stretches(
    of stretch: Int, _ length: Int, _ names: WeightNames, source: String, channels: [String], sums: [String],
    _ text: inout CText
  ) {
    let stored = names.stored
    let parts = sums.map { $0.replacing("sum", with: "part") }
    var short = names
    short.sumType = "int32_t"
    let row = times(channels[0], stored.stride)
    func part(_ count: String, isEven: Bool, isOdd: Bool, _ place: String, _ source: String, _ text: inout CText) {
      text.line("const \(stored.cType) *const w = &\(names.weights)[\(place)];")
      for part in parts { text.line("int32_t \(part) = 0;") }
      addProducts(count, isEven: isEven, isOdd: isOdd, short, source: source, parts, &text)
    }
    if stretch >= length {
      part("\(length)", isEven: length % 2 == 0, isOdd: length % 2 == 1, row, source, &text)
      for (index, sum) in sums.enumerated() {
        text.line("const int64_t \(sum) = \(names.bias)[\(channels[index])] + (int64_t)\(parts[index]);")
      }
      return
    }
    for (sum, channel) in zip(sums, channels) { text.line("int64_t \(sum) = \(names.bias)[\(channel)];") }
    text.block("for (int32_t first = 0; first < \(length); first += \(stretch))") { text in
      var count = "\(stretch)"
      if length % stretch != 0 {
        text.line("const int32_t left_over = \(length) - first;")
        text.line("const int32_t count = (left_over < \(stretch)) ? left_over : \(stretch);")
        count = "count"
      }
      text.line("const \(names.codeType) *const from = &\(source)[first];")
      part(
        count, isEven: stretch % 2 == 0 && length % 2 == 0, isOdd: false,
        "\(row) + \(stored.form == .nibbles ? "(first / 2)" : "first")", "from", &text)
      for (sum, part) in zip(sums, parts) { text.line("\(sum) += \(part);") }
    }
  }

  /// Sums of a block of channels at a time, tap by tap; a tap outside the image adds its weights times the padding code.
  mutating func depthwise(
    _ affine: Affine, _ names: WeightNames, _ codeType: String, _ requantize: (String, String) -> String,
    _ text: inout CText
  ) {
    let g = affine.geometry
    let channels = g.outputChannels
    let block = min(channels, 32)
    let pad = CExpressionPrinter.literal(Int64(affine.paddingCode))
    let stored = names.stored
    // A block's channels start with a whole byte, since blocks of several are even.
    func sum(_ count: String, _ text: inout CText, _ factor: (String) -> String) {
      let isEven = channels % 2 == 0
      stored.sum(count, isEven: isEven, isOdd: !isEven && Int(count) != nil, &text) { text, weight, place in
        let whole = stored.offset == 0 ? weight : "(\(weight) + \(CExpressionPrinter.literal(Int64(stored.offset))))"
        names.add("\(whole) * \(factor(place))", to: "sums[\(place)]", &text)
      }
    }
    text.line("int32_t at = 0;")
    pixels(g, &text) { writer, text in
      text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
      text.line("const int32_t left = \(origin("column", g.strideWidth, g.paddingLeft));")
      text.block("for (int32_t first = 0; first < \(channels); first += \(block))") { text in
        text.line("\(names.sumType) sums[\(block)];")
        let count: String
        if channels % block == 0 {
          count = "\(block)"
        } else {
          text.line("const int32_t left_over = \(channels) - first;")
          text.line("const int32_t count = (left_over < \(block)) ? left_over : \(block);")
          count = "count"
        }
        text.loop("i", below: count) { $0.line("sums[i] = \(names.bias)[first + i];") }
        text.loop("tap_row", g.kernelHeight) { text in
          text.line("const int32_t from_row = top + \(times("tap_row", g.dilationHeight));")
          text.loop("tap_column", g.kernelWidth) { text in
            text.line("const int32_t from_column = left + \(times("tap_column", g.dilationWidth));")
            text.line(
              "const \(stored.cType) *const w = &\(names.weights)[\(times("(\(times("tap_row", g.kernelWidth)) + tap_column)", stored.stride)) + \(stored.form == .nibbles ? "(first / 2)" : "first")];")
            let line = writer.inputRow(g, "from_row")
            let inside: (inout CText) -> Void = { text in
              text.line(
                "const \(codeType) *const tap = &x[\(times("(\(times(line, g.inputWidth)) + from_column)", channels)) + first];")
              sum(count, &text) { "(int32_t)tap[\($0)]" }
            }
            if g.hasPadding {
              text.block(
                "if ((from_row >= 0) && (from_row < \(g.inputHeight)) && (from_column >= 0) && (from_column < \(g.inputWidth)))",
                inside)
              if affine.paddingCode != 0 {
                text.block("else") { text in sum(count, &text) { _ in pad } }
              }
            } else {
              inside(&text)
            }
          }
        }
        text.loop("i", below: count) { $0.line("y[at + first + i] = \(requantize("sums[i]", "first + i"));") }
      }
      text.line("at += \(channels);")
    }
  }
}

extension Affine {
  /// Depthwise weights as [kernel row, kernel column, channel].
  var weightsByTap: [Int16] {
    let (taps, channels) = (geometry.taps, geometry.outputChannels)
    return (0..<taps).flatMap { tap in (0..<channels).map { weights[$0 * taps + tap] } }
  }
}

/// `expression · factor`, without a product by one; `expression` is a name or stands in parentheses.
func times(_ expression: String, _ factor: Int) -> String {
  factor == 1 ? expression : "(\(expression) * \(CExpressionPrinter.literal(Int64(factor))))"
}

/// `index · stride − padding`: the first place a window covers along one axis.
func origin(_ index: String, _ stride: Int, _ padding: Int) -> String {
  padding == 0 ? times(index, stride) : "\(times(index, stride)) - \(padding)"
}
