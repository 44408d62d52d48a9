import IntegerProgram

/// Dense layers and convolutions with Arm's vector extension: sixteen multiply-accumulates an instruction.
///
/// VMLADAVA adds the products of sixteen pairs of codes to a register of even number, of which there are eight: sums of
/// four output channels for two pixels, which share the loads of weights and of codes, or of eight channels where there
/// is but one pixel. Weights and constants lie in flash in the order they are read.
///
/// Weights of 4 bits stand two a byte, those of sixteen codes in the low halves and of the next sixteen in the high ones. A
/// shift and an AND leave each at the top of its byte, where it is 16 times itself with its sign; so are the sums, which the
/// requantisation scales by so much less.
struct MVEProductKernel: StepKernel {
  var need: ProcessorNeed? { .mve }
  /// Where the codes of a window come from.
  private enum Source {
    /// Straight from the image, in which they lie together.
    case image
    /// Row by row of the window from the image, or from a copy of the rows of two windows where these leave the image.
    case rows
    /// From a patch to which each window is copied.
    case patches(count: Int)
  }

  private let requantization: MVERequantization
  private let source: Source
  /// Whether weights stand two a byte.
  let isPacked: Bool
  let scratch: (bytes: Int, alignment: Int)
  let operandAlignment: Int

  init?(_ step: Step, _ program: IntegerProgram, _ weights: WeightStorage) {
    guard case .affine(let affine) = step.operation, affine.groups == 1,
      program.values[step.inputs[0]].type == .int8, program.values[step.inputs[0]].constant == nil,
      program.values[step.output].type == .int8,
      affine.weights.allSatisfy({ (-128...127).contains($0) }), affine.weightsPerOutput >= 2,
      let requantization = MVERequantization(affine, drop: 32)
    else { return nil }
    self.requantization = requantization
    let g = affine.geometry
    var groups = (affine.weightsPerOutput + 15) / 16
    let rowGroups = g.kernelWidth * g.inputChannels / 16
    let pitch = g.strideWidth * g.inputChannels
    if g.isPointwise || g.taps * g.inputChannels * g.batch == g.inputCount && g.outputPixels == 1 && !g.hasPadding {
      source = .image
      scratch = (0, 1)
      operandAlignment = affine.weightsPerOutput % 4 == 0 ? 4 : 1
    } else if g.inputChannels % 16 == 0, g.dilationWidth == 1, g.dilationHeight == 1, g.outputWidth > 1, rowGroups <= 16,
      pitch + 16 * (rowGroups - 1) <= 508
    {
      source = .rows
      groups = rowGroups
      scratch = (g.kernelHeight * (g.kernelWidth + g.strideWidth) * g.inputChannels, 4)
      operandAlignment = 4
    } else {
      let depth = (affine.weightsPerOutput + 15) / 16 * 16
      let pixels = g.outputPixels
      let count = pixels == 1 ? 1 : min(depth <= 64 ? 8 : depth <= 160 ? 4 : 2, pixels / 2 * 2)
      source = .patches(count: count)
      // The copy of a row may write sixteen codes where it has fewer.
      scratch = (count * depth + 16, 4)
      operandAlignment = 1
    }
    isPacked = weights != .bytes && affine.hasNibbles && groups > 1 && requantization.constants.scaling >= 4
  }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    guard case .affine(let affine) = step.operation else { return nil }
    let g = affine.geometry
    // The last one to three channels are computed after all others, which would have been written over the input.
    let hasPasses = g.outputChannels % 4 != 0 && g.batch * g.outputPixels > 1
    switch source {
    case .image where hasPasses, .rows where hasPasses: return nil
    case .image:
      // All pixels of the batch in pairs; what a pair reads must outlast what it writes.
      let pixels = g.batch * g.outputPixels
      let depth = affine.weightsPerOutput
      if pixels == 1 { return g.outputChannels }
      return Self.pairs(pixels).map { ($0 + 2) * g.outputChannels - $0 * depth }.max()
    case .rows:
      let blocks = (0..<g.outputHeight).flatMap { row in Self.pairs(g.outputWidth).map { row * g.outputWidth + $0 } }
      return StepOverlap.distance(g, blocks: blocks.map { $0..<$0 + 2 }, areCopied: false)
    case .patches(let count):
      return StepOverlap.distance(g, blocks: Self.blocks(g.outputPixels, count), areCopied: true)
    }
  }

  /// Whether pixels are computed one at a time, since there is but one, or one in a patch of each image.
  private func isSingle(_ g: WindowGeometry) -> Bool {
    if case .patches = source { return g.outputPixels == 1 }
    return g.batch * g.outputPixels == 1
  }

  /// Where pairs of consecutive pixels start; the last two overlap where pixels are odd in number.
  private static func pairs(_ pixels: Int) -> [Int] { stride(from: 0, to: pixels, by: 2).map { min($0, pixels - 2) } }

  /// Blocks of pixels, the last of an even number of them.
  private static func blocks(_ pixels: Int, _ count: Int) -> [Range<Int>] {
    if pixels == 1 { return [0..<1] }
    return stride(from: 0, to: pixels, by: count).map { first in
      let rest = pixels - first
      return rest >= count ? first..<first + count : first - rest % 2..<pixels
    }
  }

  // MARK: The step's function

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    guard case .affine(let affine) = step.operation else { return }
    let g = affine.geometry
    writer.include("arm_mve.h")
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let label = "\(step.source.type) of step \(index)"
    let isSingle = isSingle(g)
    let channels = isSingle ? 8 : 4

    /// The passes over the output channels: as many whole blocks of channels as there are, and one of the rest.
    var passes: [(table: String, first: Int, block: Block, count: Int)] = []
    func plan(_ block: Block, _ writer: inout KernelWriter) {
      let whole = g.outputChannels / channels
      for (name, first, count, size) in [
        ("stream", 0, whole, channels), ("rest", whole * channels, 1, g.outputChannels % channels),
      ] where count > 0 && size > 0 {
        var block = block
        block.channels = size
        let table = "\(name)_\(index)"
        writer.addTable(
          table, "int32_t",
          (0..<count).flatMap { stream(affine, block, first + $0 * channels..<first + $0 * channels + size) },
          comment: "\(label), for every \(size) output channels: weights\(isPacked ? ", two a byte" : ""); factors and addends")
        passes.append((writer.tableName(table), first, block, count))
      }
    }
    func multiply(
      _ x: String, _ y: String, _ pairs: String, _ line: String?, _ writer: inout KernelWriter, _ text: inout CText
    ) {
      for pass in passes {
        let function = product(pass.block, pass.count, g.outputChannels, &writer)
        let to = pass.first == 0 ? y : y.hasPrefix("&") ? "\(y.dropLast()) + \(pass.first)]" : "&\(y)[\(pass.first)]"
        text.line("\(function)(\(pass.table), \(x), \(to), \(pairs), \(line ?? "\(scale)u"));")
      }
    }

    switch source {
    case .image:
      let pixels = g.batch * g.outputPixels
      let depth = affine.weightsPerOutput
      plan(Block(pixels: isSingle ? 1 : 2, depth: depth, rows: 1, pitch: depth), &writer)
      if isSingle {
        multiply("x", "y", "1u", nil, &writer, &text)
      } else {
        multiply("x", "y", "\(pixels / 2)u", nil, &writer, &text)
        if pixels % 2 == 1 {
          multiply(
            "&x[\((pixels - 2) * depth)]", "&y[\((pixels - 2) * g.outputChannels)]", "1u", nil, &writer, &text)
        }
      }
    case .rows:
      writer.scratch("columns", "int8_t", index)
      plan(
        Block(
          pixels: 2, depth: g.kernelWidth * g.inputChannels, rows: g.kernelHeight, pitch: g.strideWidth * g.inputChannels),
        &writer)
      rows(affine, multiply, &writer, &text)
    case .patches(let count):
      writer.scratch("patches", "int8_t", index)
      let depth = (affine.weightsPerOutput + 15) / 16 * 16
      plan(Block(pixels: isSingle ? 1 : 2, depth: depth, rows: 1, pitch: depth), &writer)
      patches(affine, count, depth, multiply, &writer, &text)
    }
  }

  private typealias Multiply = (String, String, String, String?, inout KernelWriter, inout CText) -> Void

  /// Pairs of pixels of one output row: those whose windows lie in the image take their codes from it, together.
  private func rows(_ affine: Affine, _ multiply: Multiply, _ writer: inout KernelWriter, _ text: inout CText) {
    let g = affine.geometry
    let starts = Self.pairs(g.outputWidth)
    let span = g.kernelWidth + g.strideWidth
    func isInside(_ start: Int) -> Bool {
      start % 2 == 0 && g.inputColumn(start, tap: 0) >= 0 && g.inputColumn(start, tap: 0) + span <= g.inputWidth
    }
    let first = starts.firstIndex(where: isInside) ?? 0
    let end = starts.lastIndex(where: isInside).map { $0 + 1 } ?? first
    let line = g.inputWidth * g.inputChannels
    let batch = g.batch == 1 ? "" : "(batch * \(g.inputHeight * line)) + "
    func image(_ writer: inout KernelWriter, _ text: inout CText) {
      text.loop("row", g.outputHeight) { text in
        text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
        text.line("int32_t pair = 0;")
        text.block("while (pair < \(starts.count))") { text in
          let column = "pair * 2"
          if g.outputWidth % 2 == 1 {
            text.line("const int32_t column = (pair < \(starts.count - 1)) ? \(column) : \(g.outputWidth - 2);")
          } else {
            text.line("const int32_t column = \(column);")
          }
          text.line("const int32_t left = \(origin("column", g.strideWidth, g.paddingLeft));")
          let y = "&y[column * \(g.outputChannels)]"
          func copied(_ text: inout CText) {
            window(affine, span, batch, &writer, &text)
            multiply("columns", y, "1u", g.kernelHeight > 1 ? "\(span * g.inputChannels)u" : nil, &writer, &text)
            text.line("pair++;")
          }
          if end > first {
            text.block("if ((pair == \(first)) && (top >= 0) && (top <= \(g.inputHeight - g.kernelHeight)))") { text in
              multiply(
                "&x[\(batch)(((top * \(g.inputWidth)) + left) * \(g.inputChannels))]", y, "\(end - first)u",
                g.kernelHeight > 1 ? "\(line)u" : nil, &writer, &text)
              text.line("pair = \(end);")
            }
            text.block("else", copied)
          } else {
            copied(&text)
          }
        }
        text.line("y = &y[\(g.outputWidth * g.outputChannels)];")
      }
    }
    if g.batch == 1 { image(&writer, &text) } else { text.loop("batch", g.batch) { image(&writer, &$0) } }
  }

  /// Copies the rows of two neighbouring windows, the padding code where they leave the image.
  private func window(_ affine: Affine, _ span: Int, _ batch: String, _ writer: inout KernelWriter, _ text: inout CText) {
    let g = affine.geometry
    let (copy, fill) = (Self.copy(&writer), Self.fill(&writer))
    let pad = CExpressionPrinter.literal(Int64(affine.paddingCode))
    text.line("int8_t *to = columns;")
    text.line("const int32_t before = (left < 0) ? -left : 0;")
    text.line("const int32_t beyond = left - \(CExpressionPrinter.literal(Int64(g.inputWidth - span)));")
    text.line("const int32_t after = (beyond > 0) ? beyond : 0;")
    text.line("const int32_t skipped = (before < \(span)) ? before : \(span);")
    text.line("const int32_t rest = \(span) - skipped;")
    text.line("const int32_t missing = (after < rest) ? after : rest;")
    text.line("const int32_t inside = rest - missing;")
    text.loop("tap_row", g.kernelHeight) { text in
      text.line("const int32_t from_row = top + tap_row;")
      text.block("if ((from_row >= 0) && (from_row < \(g.inputHeight)) && (inside > 0))") { text in
        text.line("to = \(fill)(to, \(pad), skipped * \(g.inputChannels));")
        text.line(
          "to = \(copy)(to, &x[\(batch)(((from_row * \(g.inputWidth)) + left + skipped) * \(g.inputChannels))], inside * \(g.inputChannels));")
        text.line("to = \(fill)(to, \(pad), missing * \(g.inputChannels));")
      }
      text.block("else") { $0.line("to = \(fill)(to, \(pad), \(span * g.inputChannels));") }
    }
  }

  /// Blocks of pixels whose windows are copied to patches one after the other.
  private func patches(
    _ affine: Affine, _ count: Int, _ depth: Int, _ multiply: Multiply, _ writer: inout KernelWriter, _ text: inout CText
  ) {
    let g = affine.geometry
    let rowCodes = g.kernelWidth * g.inputChannels
    let isShort = rowCodes <= 16 && g.dilationWidth == 1 && g.inputWidth >= g.kernelWidth
    let pad = CExpressionPrinter.literal(Int64(affine.paddingCode))
    if isShort {
      text.line("const mve_pred16_t whole = \((1 << rowCodes) - 1);")
      if g.hasPadding { text.line("const int8x16_t padding = vdupq_n_s8(\(pad));") }
    }
    func gather(_ writer: inout KernelWriter, _ text: inout CText) {
      if isShort {
        shortRows(affine, &text)
      } else {
        writer.gather(affine, "int8_t", firstChannel: "0", copier: RunCode.mve.copyFunction(&writer), &text)
      }
      text.line("patch = &patch[\(depth)];")
      text.line("column++;")
      text.block("if (column == \(g.outputWidth))") { text in
        text.line("column = 0;")
        text.line("row++;")
      }
    }
    func image(_ writer: inout KernelWriter, _ text: inout CText) {
      text.line("int32_t row = 0;")
      text.line("int32_t column = 0;")
      // One loop for all blocks: the last may start earlier than the one before ends, and be shorter.
      let blocks = Self.blocks(g.outputPixels, count)
      let last = blocks[blocks.count - 1]
      let isRegular = g.outputPixels % count == 0
      text.loop("block", blocks.count) { text in
        if !isRegular {
          text.block("if (block == \(blocks.count - 1))") { text in
            text.line("row = \(last.lowerBound / g.outputWidth);")
            text.line("column = \(last.lowerBound % g.outputWidth);")
          }
          text.line("const uint32_t pixels = (block == \(blocks.count - 1)) ? \(last.count)u : \(count)u;")
        }
        text.line("int8_t *const to_y = &y[(\(times("row", g.outputWidth)) + column) * \(g.outputChannels)];")
        text.line("int8_t *patch = patches;")
        if count == 1 {
          gather(&writer, &text)
        } else {
          text.block("for (uint32_t place = 0; place < \(isRegular ? "\(count)u" : "pixels"); place++)") { gather(&writer, &$0) }
        }
        let pairs = isRegular ? "\(max(1, count / 2))u" : "pixels / 2u"
        multiply("patches", "to_y", pairs, nil, &writer, &text)
      }
    }
    if g.batch == 1 {
      image(&writer, &text)
    } else {
      text.loop("batch", g.batch) { text in
        image(&writer, &text)
        text.line("y = &y[\(g.outputPixels * g.outputChannels)];")
      }
    }
  }

  /// Copies a window whose rows are no longer than a vector. Each row is stored as sixteen codes, of which the next
  /// overwrites those too many.
  private func shortRows(_ affine: Affine, _ text: inout CText) {
    let g = affine.geometry
    let channels = g.inputChannels
    let rowCodes = g.kernelWidth * channels
    let line = g.inputWidth * channels
    text.line("const int32_t top = \(origin("row", g.strideHeight, g.paddingTop));")
    text.line("const int32_t left = \(origin("column", g.strideWidth, g.paddingLeft));")
    let batch = g.batch == 1 ? "" : "(batch * \(g.inputHeight * line)) + "
    func inside(_ text: inout CText) {
      text.line("const int8_t *const from = &x[\(batch)(((top * \(g.inputWidth)) + left) * \(channels))];")
      for row in 0..<g.kernelHeight {
        text.line("vstrbq_s8(&patch[\(row * rowCodes)], vldrbq_z_s8(&from[\(row * g.dilationHeight * line)], whole));")
      }
    }
    guard g.hasPadding else { return inside(&text) }
    let (height, width) = (g.inputHeight - (g.kernelHeight - 1) * g.dilationHeight, g.inputWidth - g.kernelWidth + 1)
    text.block("if ((top >= 0) && (top < \(height)) && (left >= 0) && (left < \(width)))", inside)
    text.block("else") { text in
      text.line("const int32_t skipped = (left < 0) ? -left : 0;")
      text.line("const int32_t missing = (left < \(width)) ? 0 : (left - \(width - 1));")
      // Codes below `skipped` and from `rowCodes − missing` on are padding. A window outside the image has no others.
      text.line("const uint32_t upper = (missing < \(g.kernelWidth)) ? (\((1 << rowCodes) - 1)u >> (uint32_t)(missing * \(channels))) : 0u;")
      text.line("const uint32_t lower = (skipped < \(g.kernelWidth)) ? (0xFFFFFFFFu << (uint32_t)(skipped * \(channels))) : 0u;")
      text.line("const mve_pred16_t codes = (mve_pred16_t)(upper & lower);")
      text.line("int8_t *to = patch;")
      text.loop("tap_row", g.kernelHeight) { text in
        text.line("const int32_t from_row = top + \(times("tap_row", g.dilationHeight));")
        text.line("int8x16_t row_codes = padding;")
        text.block("if ((from_row >= 0) && (from_row < \(g.inputHeight)) && (codes != 0u))") { text in
          text.line(
            "row_codes = vpselq_s8(vldrbq_z_s8(&x[\(batch)(((from_row * \(g.inputWidth)) + left) * \(channels))], codes), padding, codes);")
        }
        text.line("vstrbq_s8(to, row_codes);")
        text.line("to = &to[\(rowCodes)];")
      }
    }
  }

  // MARK: Tables

  /// What sums are multiplied by.
  private var scale: Int { 1 << (requantization.constants.scaling - (isPacked ? 4 : 0)) }

  /// Weights of a block of channels, sixteen of each at a time, or thirty-two where they are packed, and its constants.
  private func stream(_ affine: Affine, _ block: Block, _ channels: Range<Int>) -> [Int64] {
    let depth = affine.weightsPerOutput
    var words: [Int64] = []
    func sixteen(_ row: Int, _ group: Int, _ channel: Int) -> [Int16] {
      let start = row * block.depth + 16 * group
      let end = min(start + 16, (row + 1) * block.depth, depth)
      let weights = start < end ? Array(affine.weights[channel * depth + start..<channel * depth + end]) : []
      return weights + [Int16](repeating: 0, count: 16 - weights.count)
    }
    for row in 0..<block.rows {
      for group in Swift.stride(from: 0, to: block.groups, by: isPacked ? 2 : 1) {
        for channel in channels {
          let weights = sixteen(row, group, channel)
          let packed = isPacked ? zip(weights, sixteen(row, group + 1, channel)).map { $0 & 15 | $1 << 4 } : weights
          words += MVECode.words(packed)
        }
      }
    }
    func vector(_ constant: (Int) -> Int32, _ lanes: [Int]) -> [Int64] {
      (0..<4).map { $0 < lanes.count ? Int64(constant(lanes[$0])) : 0 }
    }
    // One pixel's channels lie in two vectors, two pixels' in one for each.
    let lanes = block.pixels == 2 ? [Array(channels)] : [0, 1].map { odd in channels.filter { ($0 - channels.lowerBound) % 2 == odd } }
    let constants =
      [requantization.start, requantization.factor, requantization.addend]
      + (requantization.hasCorrections ? [requantization.change] : [])
    for constant in constants {
      for lanes in lanes { words += vector(constant, lanes) }
    }
    return words
  }

  // MARK: Shared functions

  /// What two windows, or one, multiply with the weights of up to eight channels.
  private struct Block {
    var channels = 0
    var pixels: Int
    /// Codes that lie together, in each of so many rows.
    var depth, rows: Int
    /// How far the second pixel's codes lie from the first's, and the next first pixel's from the second's.
    var pitch: Int

    init(pixels: Int, depth: Int, rows: Int, pitch: Int) {
      (self.pixels, self.depth, self.rows, self.pitch) = (pixels, depth, rows, pitch)
    }

    var groups: Int { (depth + 15) / 16 }
    /// Codes of the last group where it is not whole.
    var tail: Int { depth % 16 }
  }

  /// The codes of pairs of pixels, or of one, for `count` blocks of channels.
  ///
  /// Sums take the registers of even number. Of the others, r1 is the place in the stream and r3 in the codes; r5 and r7
  /// are the pixels' outputs; r11 counts; r9 is the scale, the distance of two rows, or the second pixel's codes where these
  /// lie too far from the first's.
  private func product(_ block: Block, _ count: Int, _ outputs: Int, _ writer: inout KernelWriter) -> String {
    let isRows = block.rows > 1
    let reach = block.pitch + 16 * (min(block.groups, 16) - 1)
    let isFar = !isRows && block.pixels == 2 && reach > (block.pitch % 4 == 0 && block.tail == 0 ? 508 : 127)
    let suffix =
      "mve_\(block.channels)x\(block.pixels)_\(count)_\(block.depth)"
      + (isRows ? "_\(block.rows)" : "") + (block.pitch != block.depth ? "_\(block.pitch)" : "") + "_\(outputs)_"
      + (isRows || isFar ? "\(requantization.constants.scaling)_" : "") + requantization.name + (isPacked ? "_packed" : "")
    return writer.sharedFunction(suffix) { name, text in
      text.comment(
        "The codes of \(block.pixels == 2 ? "pairs of pixels" : "a pixel") for \(count) times \(block.channels) output "
          + "channels: sums of \(block.rows * block.depth) products, requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const int8_t *x, int8_t *y, uint32_t pairs, uint32_t \(isRows ? "line" : "scale"))",
        body(block, count, outputs, isRows: isRows, isFar: isFar))
    }
  }

  private func body(_ block: Block, _ count: Int, _ outputs: Int, isRows: Bool, isFar: Bool) -> [String] {
    let (k, p) = (block.channels, block.pixels)
    let even = ["r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr"]
    func sum(_ channel: Int, _ pixel: Int) -> String { even[channel * p + pixel] }
    // What is repeated: rows, or groups where they are many. The rest is written out.
    let full = block.depth / 16
    let isLong = full >= 16
    let unrolled = isRows || !isLong ? full : 8
    let loops = isRows ? (block.rows * full > 10 ? block.rows : 1) : isLong ? full / 8 : 1
    let written = isRows && loops == 1 ? block.rows : 1
    let after = !isRows && loops > 1 ? full % 8 : 0
    let isAligned = block.pitch % 4 == 0
    let moves = isRows || loops > 1 || 16 * (block.groups - 1) > (isAligned && block.tail == 0 ? 508 : 127)
    let isPartial = k < (p == 2 ? 4 : 8)
    let clobbersMask = requantization.hasCorrections || isPartial
    let saved = isPacked ? 64 : requantization.hasCorrections ? 32 : 0
    let savedRegisters = isPacked ? "d8-d15" : "d8-d11"

    var isStarted = loops > 1
    /// Loads sixteen codes of each pixel.
    func codes(_ place: Int, isTail: Bool, _ registers: [String]) -> [String] {
      var lines: [String] = []
      let load = isTail ? "vldrbt.u8" : isAligned ? "vldrw.u32" : "vldrb.u8"
      // The second pixel first: a load of the first may move on.
      func at(_ pixel: Int) -> String {
        if isRows { return "[r3, #\(16 * place + pixel * block.pitch)]" }
        if pixel == 1, !isFar { return moves ? "[r3, #\(block.pitch)]" : "[r3, #\(16 * place + block.pitch)]" }
        let register = pixel == 0 ? "r3" : "r9"
        return moves ? "[\(register)], #16" : "[\(register), #\(16 * place)]"
      }
      if isTail { lines.append(p == 2 ? "vpstt" : "vpst") }
      for pixel in (0..<p).reversed() { lines.append("\(load) \(registers[pixel]), \(at(pixel))") }
      return lines
    }
    func products(_ channel: Int, _ weights: String, _ registers: [String], isFirst: Bool) -> [String] {
      (0..<p).map { "vmladav\(isFirst ? "" : "a").s8 \(sum(channel, $0)), \(weights), \(registers[$0])" }
    }
    func group(_ place: Int, isTail: Bool) -> [String] {
      var lines = codes(place, isTail: isTail, ["q0", "q1"])
      for channel in 0..<k {
        let weights = "q\(2 + channel % 2)"
        lines.append("vldrw.u32 \(weights), [r1], #16")
        lines += products(channel, weights, ["q0", "q1"], isFirst: !isStarted)
      }
      isStarted = true
      return lines
    }
    /// One group or two, whose weights are packed; the mask is in q4.
    func packedGroups(_ places: ArraySlice<Int>) -> [String] {
      var lines: [String] = []
      let registers = [["q0", "q1"], ["q5", "q6"]]
      for (place, registers) in zip(places, registers) { lines += codes(place, isTail: place == full, registers) }
      for channel in 0..<k {
        lines += ["vldrw.u32 q2, [r1], #16", "vshl.i8 q3, q2, #4"]
        lines += products(channel, "q3", registers[0], isFirst: !isStarted)
        if places.count == 2 { lines += ["vand q2, q2, q4"] + products(channel, "q2", registers[1], isFirst: false) }
      }
      isStarted = true
      return lines
    }
    /// So many whole groups, and the one that is not.
    func groups(_ count: Int, hasTail: Bool = false) -> [String] {
      let places = Array(0..<count) + (hasTail ? [full] : [])
      if !isPacked { return places.flatMap { group($0, isTail: $0 == full) } }
      return Swift.stride(from: 0, to: places.count, by: 2).flatMap { packedGroups(places[$0..<min($0 + 2, places.count)]) }
    }

    var lines = ["push {r4-r11, lr}"]
    if saved > 0 { lines.append("vpush {\(savedRegisters)}") }
    if isPacked { lines.append("vmov.i8 q4, #0xF0") }
    lines += ["push {r0-r3}", "mov r5, r2", "mov r3, r1"]
    if !isFar { lines.append("ldr r9, [sp, #\(52 + saved)]") }
    if p == 2 { lines += MVECode.add("r7", "r5", outputs, spare: "r0") }
    if isFar { lines += MVECode.add("r9", "r3", block.pitch, spare: "r0") }
    if block.tail > 0, !clobbersMask { lines += ["mov r0, #\(block.tail)", "vctp.8 r0"] }
    let countsOnStack = loops > 1 && count > 1
    lines += ["4:", "ldr r1, [sp]"]
    if count > 1 {
      lines.append("mov r11, #\(count)")
      if countsOnStack { lines.append("str r11, [sp, #8]") }
    }
    lines.append("3:")
    if moves {
      lines.append("ldr r3, [sp, #4]")
      if isFar { lines += MVECode.add("r9", "r3", block.pitch, spare: "r0") }
    }
    if block.tail > 0, clobbersMask { lines += ["mov r0, #\(block.tail)", "vctp.8 r0"] }
    if loops > 1 { lines += even.prefix(k * p).map { "mov \($0), #0" } + ["mov r11, #\(loops)", "2:"] }
    let hasTail = block.tail > 0
    for row in 0..<written {
      lines += groups(unrolled, hasTail: hasTail && loops == 1)
      if isRows, loops > 1 || row + 1 < written { lines.append("add r3, r3, r9") }
    }
    if loops > 1 { lines += ["subs r11, r11, #1", "bne 2b"] + groups(after, hasTail: hasTail) }

    // Two vectors of sums, in q0 and q1: of the pixels, or of the even and the odd channels.
    let vectors = [0, 1].map { vector in (0..<4).map { p == 2 ? ($0, vector) : (2 * $0 + vector, 0) } }
    for (vector, lanes) in vectors.enumerated() {
      let registers = lanes.map { $0.0 < k ? sum($0.0, $0.1) : nil }
      for low in 0..<2 {
        guard let first = registers[low] else { continue }
        lines.append("vmov q\(vector)[\(low + 2)], q\(vector)[\(low)], \(first), \(registers[low + 2] ?? first)")
      }
    }
    var scale = "r9"
    if isRows || isFar {
      scale = "r0"
      lines.append("mov r0, #\(self.scale)")
    }
    /// Loads a constant of the channels to q0, and of the odd ones to q1; says where each vector finds its own.
    func constant() -> [String] {
      lines.append("vldrw.u32 q0, [r1], #16")
      if p == 1 { lines.append("vldrw.u32 q1, [r1], #16") }
      return p == 1 ? ["q0", "q1"] : ["q0", "q0"]
    }
    lines += ["vldrw.u32 q2, [r1]\(p == 1 ? ", #16" : "")", "vldrw.u32 q3, [r1], #16"]
    lines += ["vmla.s32 q2, q0, \(scale)", "vmla.s32 q3, q1, \(scale)"]
    let to = !requantization.hasCorrections ? ["q2", "q3"] : isPacked ? ["q5", "q6"] : ["q4", "q5"]
    let factors = constant()
    lines += [0, 1].map { "vmulh.s32 \(to[$0]), q\(2 + $0), \(factors[$0])" }
    let addends = constant()
    lines += [0, 1].map { "vadd.i32 \(to[$0]), \(to[$0]), \(addends[$0])" }
    if requantization.hasCorrections {
      let changes = constant()
      lines += [0, 1].flatMap { ["vpt.s32 lt, q\(2 + $0), zr", "vaddt.i32 \(to[$0]), \(to[$0]), \(changes[$0])"] }
    }
    lines += requantization.narrow(to[0], to[1])
    if isPartial { lines += ["mov r0, #\(k)", "vctp.\(p == 2 ? 32 : 16) r0"] }
    func store(_ size: Int, _ register: String, _ step: Int) {
      if isPartial { lines.append("vpst") }
      lines.append("vstrb\(isPartial ? "t" : "").\(size) q0, [\(register)], #\(step)")
    }
    if p == 2 {
      store(32, "r5", 4)
      lines.append("vshr.u32 q0, q0, #16")
      store(32, "r7", 4)
    } else {
      store(16, "r5", 8)
    }
    if countsOnStack {
      lines += ["ldr r11, [sp, #8]", "subs r11, r11, #1", "str r11, [sp, #8]", "bne 3b"]
    } else if count > 1 {
      lines += ["subs r11, r11, #1", "bne 3b"]
    }
    if p == 2 {
      lines += ["ldr r0, [sp, #12]", "subs r0, r0, #1", "str r0, [sp, #12]", "beq 5f"]
      // r7 stands where the channels of this pass end in the second pixel's outputs.
      lines += MVECode.add("r5", "r7", outputs - 4 * count, spare: "r0") + MVECode.add("r7", "r5", outputs, spare: "r0")
      if moves {
        lines += ["ldr r3, [sp, #4]"] + MVECode.add("r3", "r3", 2 * block.pitch, spare: "r0") + ["str r3, [sp, #4]"]
      } else {
        lines += MVECode.add("r3", "r3", 2 * block.pitch, spare: "r0")
        if isFar { lines += MVECode.add("r9", "r9", 2 * block.pitch, spare: "r0") }
      }
      lines += ["b 4b", "5:"]
    }
    lines.append("add sp, sp, #16")
    if saved > 0 { lines.append("vpop {\(savedRegisters)}") }
    lines.append("pop {r4-r11, pc}")
    return lines
  }

  /// Copies or sets codes whose number is a multiple of 16; both return the place after the last.
  private static func copy(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_vectors") { name, text in
      text.comment("Copies codes, sixteen at a time. Returns the place after the last.")
      text.block("static int8_t *\(name)(int8_t *to, const int8_t *from, int32_t count)") { text in
        text.block("for (; count > 0; count -= 16)") { text in
          text.line("vstrbq_s8(to, vldrbq_s8(from));")
          text.line("to = &to[16];")
          text.line("from = &from[16];")
        }
        text.line("return to;")
      }
    }
  }
  private static func fill(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("fill_vectors") { name, text in
      text.comment("Sets codes, sixteen at a time. Returns the place after the last.")
      text.block("static int8_t *\(name)(int8_t *to, int8_t code, int32_t count)") { text in
        text.line("const int8x16_t codes = vdupq_n_s8(code);")
        text.block("for (; count > 0; count -= 16)") { text in
          text.line("vstrbq_s8(to, codes);")
          text.line("to = &to[16];")
        }
        text.line("return to;")
      }
    }
  }
}
