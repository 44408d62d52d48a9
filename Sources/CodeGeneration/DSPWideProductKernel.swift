import IntegerProgram

/// Convolutions and dense layers of 16-bit codes with 8-bit weights on Armv7E-M: two products an instruction, four sums
/// at a time, of two pixels and two output channels, or of one pixel and four.
///
/// Sums are formed in 32 bits. Where accumulators are proved to fit them, they begin with the bias; where they are not,
/// windows are cut into stretches whose sums are proved to fit, and those are added up in 64 bits. That takes less than
/// SMLALD does, with which half as many sums have room in registers.
struct DSPWideProductKernel: StepKernel {
  var need: ProcessorNeed? { .dsp }
  private let affine: Affine
  private let requantization: WideRequantization?
  /// Four codes each of a window; what is missing has weights of zero.
  private let groups: Int
  /// How many of them make a stretch, where accumulators take 64 bits.
  private let stretch: Int?
  private let usesPatch: Bool
  let scratch: (bytes: Int, alignment: Int)
  /// Words are loaded.
  let operandAlignment = 4

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .affine(let affine) = step.operation, affine.groups == 1, affine.weightsPerOutput >= 4,
      program.values[step.inputs[0]].type == .int16, affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    let input = program.values[step.inputs[0]]
    self.affine = affine
    groups = (affine.weightsPerOutput + 3) / 4
    stretch = affine.isLong ? Self.stretch(affine, input.range) : nil
    requantization =
      program.values[step.output].type == .int16
      ? WideRequantization(affine.requantization, accumulators: affine.accumulators, isLong: affine.isLong) : nil
    // Codes are read as words, four at a time.
    usesPatch = affine.usesPatch || affine.weightsPerOutput % 4 != 0 || input.constant != nil
    let g = affine.geometry
    let atOnce = g.batch * g.outputPixels == 1 ? 1 : 2
    let sums = requantization == nil ? (affine.isLong ? 8 : 4) * atOnce * g.outputChannels : 0
    scratch = (sums + (usesPatch ? 8 * groups * atOnce : 0), affine.isLong ? 8 : 4)
  }

  /// The most groups whose products' sum fits 32 bits, wherever in a window they begin at a multiple of their number.
  private static func stretch(_ affine: Affine, _ range: ClosedRange<Int64>) -> Int {
    let depth = affine.weightsPerOutput
    let padding = Int64(affine.paddingCode)
    let codes = min(range.lowerBound, padding)...max(range.upperBound, padding)
    let all = (depth + 3) / 4
    func fits(_ groups: Int) -> Bool {
      affine.accumulators.indices.allSatisfy { output in
        Swift.stride(from: 0, to: depth, by: 4 * groups).allSatisfy { start in
          var (low, high) = (Int64(0), Int64(0))
          for place in start..<min(start + 4 * groups, depth) {
            let ends = [codes.lowerBound, codes.upperBound].map { $0 * Int64(affine.weights[output * depth + place]) }
            low += min(ends[0], ends[1])
            high += max(ends[0], ends[1])
          }
          return (low...high).fits32
        }
      }
    }
    // Products of four codes always fit.
    return (1...all).lazy.map { (all + $0 - 1) / $0 }.first(where: fits) ?? 1
  }

  private var isDense: Bool { affine.geometry.batch * affine.geometry.outputPixels == 1 }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let g = affine.geometry
    let label = "\(step.source.type) of step \(index)"
    let (channels, lanes) = (g.outputChannels, isDense ? 4 : 2)
    let isLong = stretch != nil
    writer.addTable(
      "stream_\(index)", "int32_t",
      Swift.stride(from: 0, to: channels, by: lanes).flatMap { stream($0..<$0 + lanes) },
      comment: "\(label), for every \(isDense ? "four" : "two") output channels: the biases"
        + (isLong ? " in two words each" : "")
        + "; for every four codes of a window the weights, in bytes the first, third, second and fourth of each channel"
        + (requantization == nil ? "" : "; the factors"))
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    let products = products(&writer)
    let finish: ((_ pixels: Int, _ place: String, inout CText) -> Void)?
    let target: String
    if requantization == nil {
      let requantize = writer.requantization(affine.requantization, accumulators: affine.accumulators, step, index)
      let sums = isLong ? "int64_t" : "int32_t"
      writer.scratch("sums", sums, index)
      target = "sums"
      finish = { pixels, place, text in
        func pixel(_ first: String, _ text: inout CText) {
          text.loop("output", channels) {
            $0.line("y[\(place)\(first)output] = \(requantize("sums[\(first)output]", "output"));")
          }
        }
        if pixels == 1 { return pixel("", &text) }
        text.loop("half", pixels) { pixel("\(times("half", channels)) + ", &$0) }
      }
    } else {
      if usesPatch { writer.scratch("patches", "int16_t", index) }
      target = ""
      finish = nil
    }
    let table = writer.tableName("stream_\(index)")
    let codeBytes = requantization != nil ? 2 : isLong ? 8 : 4
    /// Pixels whose codes are `distance` codes apart; where they are one and the same, it is computed twice.
    func outputs(_ pixels: Int, _ source: String, _ distance: Int, _ place: String, _ text: inout CText) {
      let to = requantization == nil ? target : place.isEmpty ? "y" : "&y[\(place)]"
      let steps = isDense ? "" : ", \(pixels == 2 ? 2 * distance : 0), \(pixels == 2 ? codeBytes * channels : 0)"
      let last = stretch.map { ", \($0)" } ?? ""
      text.line("\(products)(\(source), \(table), \(to), \(groups), \(channels)\(steps)\(last));")
      finish?(pixels, place.isEmpty ? "" : "\(place) + ", &text)
    }
    func patches(_ text: inout CText) {
      let atOnce = isDense ? 1 : 2
      if requantization == nil {
        text.line("int16_t *const patches = (int16_t *)(void *)&sums[\(atOnce * channels)];")
      }
      for patch in 0..<atOnce {
        for place in affine.weightsPerOutput..<4 * groups { text.line("patches[\(4 * groups * patch + place)] = 0;") }
      }
    }
    let pixels = g.batch * g.outputPixels
    if usesPatch { patches(&text) }
    if !affine.usesPatch {
      let copy = usesPatch ? copyFunction(&writer) : ""
      func some(_ count: Int, _ row: String, _ place: String, _ text: inout CText) {
        if usesPatch {
          for patch in 0..<count {
            let from = patch == 0 ? row : "&\(row)[\(patch * g.inputChannels)]"
            text.line("\(copy)(\(patch == 0 ? "patches" : "&patches[\(4 * groups)]"), \(from), \(g.inputChannels));")
          }
        }
        outputs(count, usesPatch ? "patches" : row, usesPatch ? 4 * groups : g.inputChannels, place, &text)
      }
      if pixels == 1 { return some(1, "x", "", &text) }
      text.loop("pair", pixels / 2) { text in
        text.line("const int16_t *const row = &x[\(times("pair", 2 * g.inputChannels))];")
        some(2, "row", times("pair", 2 * channels), &text)
      }
      if pixels % 2 == 1 {
        text.line("const int16_t *const last = &x[\((pixels - 1) * g.inputChannels)];")
        some(1, "last", "\((pixels - 1) * channels)", &text)
      }
      return
    }
    let copy = copyFunction(&writer)
    if pixels == 1 {
      text.line("int16_t *const patch = patches;")
      writer.pixels(g, &text) { writer, text in
        writer.gather(affine, "int16_t", firstChannel: "0", copier: copy, &text)
      }
      return outputs(1, "patches", 0, "", &text)
    }
    text.line("int32_t at = 0;")
    text.line("int32_t waiting = 0;")
    writer.pixels(g, &text) { writer, text in
      text.line("int16_t *const patch = &patches[\(times("waiting", 4 * groups))];")
      writer.gather(affine, "int16_t", firstChannel: "0", copier: copy, &text)
      text.line("waiting++;")
      text.block("if (waiting == 2)") { text in
        outputs(2, "patches", 4 * groups, "at", &text)
        text.line("at += \(2 * channels);")
        text.line("waiting = 0;")
      }
    }
    if pixels % 2 == 1 { outputs(1, "patches", 0, "at", &text) }
  }

  /// Biases, weights and factors of channels; those beyond the last have none.
  private func stream(_ channels: Range<Int>) -> [Int64] {
    let depth = affine.weightsPerOutput
    func weight(_ output: Int, _ place: Int) -> Int64 {
      output < affine.geometry.outputChannels && place < depth ? Int64(affine.weights[output * depth + place]) : 0
    }
    func word(_ bits: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: bits)) }
    func at(_ values: [Int64], _ output: Int) -> Int64 { output < values.count ? values[output] : 0 }
    let biases = channels.flatMap { output -> [Int64] in
      let bias = at(affine.bias, output)
      return stretch == nil ? [bias] : [word(bias), bias >> 32]
    }
    var weights: [Int64] = []
    for group in 0..<groups {
      for output in channels {
        var bits = Int64(0)
        for (place, tap) in [0, 2, 1, 3].enumerated() {
          bits |= (weight(output, 4 * group + tap) & 0xFF) << Int64(8 * place)
        }
        weights.append(word(bits))
      }
    }
    return biases + weights + (requantization.map { r in channels.map { at(r.factors, $0) } } ?? [])
  }

  private func copyFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_halfwords") { name in
      var text = CText()
      text.comment("Copies 16-bit codes, four at a time while there are so many.")
      text.assembly(
        "void \(name)(int16_t *to, const int16_t *from, int32_t count)",
        [
          "subs r2, r2, #4", "blt 2f", "1:", "ldr r3, [r1], #4", "ldr r12, [r1], #4", "subs r2, r2, #4",
          "str r3, [r0], #4", "str r12, [r0], #4", "bge 1b", "2:", "adds r2, r2, #4", "beq 4f", "3:",
          "ldrh r3, [r1], #2", "subs r2, r2, #1", "strh r3, [r0], #2", "bne 3b", "4:", "bx lr",
        ])
      return text
    }
  }

  // MARK: The products

  /// The codes, or the sums, of all output channels: of two pixels, or of one where that is all there is.
  ///
  /// r0 and r3 walk over the codes of the two pixels, r1 over the stream; r2 counts groups. Sums are in r4 to r7: of
  /// the first pixel's two channels, then the second's; or of four channels.
  private func products(_ writer: inout KernelWriter) -> String {
    let isLong = stretch != nil
    let ending = requantization?.variant ?? "sums"
    return writer.sharedFunction("wide_\(isDense ? "row" : "pair")\(isLong ? "_long" : "")_\(ending)") { name in
      // The stack: (sums of 64 bits, the groups that are left, a gap,) x, the stream, y, the groups, nine registers, then
      // the arguments: channels, (distances in bytes of the pixels' codes and outputs,) (the groups of a stretch).
      let base = isLong ? 40 : 0
      let (x, y, groups, channels) = (base, base + 8, base + 12, base + 52)
      let (inputStep, outputStep) = (base + 56, base + 60)
      let most = isDense ? base + 56 : base + 64
      let sums = ["r4", "r5", "r6", "r7"]
      let body = isDense ? Self.fourChannels : Self.twoByTwo
      // Two groups at a time, after the odd one.
      var products = ["lsrs r2, r2, #1", "bcc 2f"] + body
      products += ["beq 3f", "2:"] + body + body
      products += ["subs r2, r2, #1", "bne 2b", "3:"]
      var starts = ["ldr r0, [sp, #\(x)]"]
      if !isDense { starts += ["ldr r3, [sp, #\(inputStep)]", "add r3, r0, r3"] }

      var lines = ["push {r0-r11, lr}"]
      if isLong { lines.append("sub sp, sp, #40") }
      lines.append("1:")
      if isLong {
        lines += isDense ? ["ldmia r1!, {r4-r11}", "stmia sp, {r4-r11}"]
          : ["ldmia r1!, {r4-r7}", "add r12, sp, #16", "stmia sp, {r4-r7}", "stmia r12, {r4-r7}"]
        lines += starts
        lines += [
          "ldr r12, [sp, #\(groups)]", "4:", "ldr r2, [sp, #\(most)]", "cmp r2, r12", "it gt", "movgt r2, r12",
          "sub r12, r12, r2", "str r12, [sp, #32]",
        ]
        for sum in sums { lines.append("mov \(sum), #0") }
        lines += products
        for (place, sum) in sums.enumerated() {
          lines += [
            "ldrd r8, r9, [sp, #\(8 * place)]", "adds r8, r8, \(sum)", "adc r9, r9, \(sum), asr #31",
            "strd r8, r9, [sp, #\(8 * place)]",
          ]
        }
        lines += ["ldr r12, [sp, #32]", "cmp r12, #0", "bne 4b"]
      } else {
        lines += isDense ? ["ldmia r1!, {r4-r7}"] : ["ldmia r1!, {r4, r5}", "mov r6, r4", "mov r7, r5"]
        lines += starts
        lines.append("ldr r2, [sp, #\(groups)]")
        lines += products
      }
      if let requantization {
        lines += ["ldmia r1!, {\(isDense ? "r8-r11" : "r8, r9")}"]
        for (place, sum) in sums.enumerated() {
          let factor = "r\(8 + (isDense ? place : place % 2))"
          if isLong {
            lines += ["ldrd r2, r3, [sp, #\(8 * place)]", "umull r12, lr, r2, \(factor)", "mla lr, r3, \(factor), lr"]
            lines += requantization.code(sum, of: "lr")
          } else {
            lines += requantization.code(sum, product: factor, free: "r12", isFirst: place == 0)
          }
        }
      }
      lines += ["ldr r0, [sp, #\(y)]", "ldr r2, [sp, #\(channels)]"]
      if !isDense { lines.append("ldr r3, [sp, #\(outputStep)]") }
      func store(_ place: Int) -> [String] {
        let (sum, second) = (sums[place], sums[(place + 2) % 4])
        if requantization == nil, isLong {
          let first = ["ldrd r8, r9, [sp, #\(8 * place)]", "strd r8, r9, [r0], #8"]
          if isDense { return first }
          return ["ldrd r8, r9, [sp, #\(8 * place + 16)]", "add r12, r0, r3", "strd r8, r9, [r12]"] + first
        }
        let (store, bytes) = requantization == nil ? ("str", 4) : ("strh", 2)
        return (isDense ? [] : ["\(store) \(second), [r0, r3]"]) + ["\(store) \(sum), [r0], #\(bytes)"]
      }
      for place in 0..<(isDense ? 4 : 2) { lines += store(place) + ["subs r2, r2, #1", "beq 5f"] }
      lines += [
        "str r0, [sp, #\(y)]", "str r2, [sp, #\(channels)]", "b 1b", "5:", "add sp, sp, #\(base + 16)",
        "pop {r4-r11, pc}",
      ]
      var text = CText()
      text.comment(
        "Of all output channels, the \(requantization == nil ? "sums" : "codes") of "
          + (isDense ? "one pixel, four channels" : "two pixels, so many bytes apart, two channels") + " at a time."
          + (isLong ? " Sums of 32 bits of so many groups are added up in 64." : ""))
      let result = requantization != nil ? "int16_t" : isLong ? "int64_t" : "int32_t"
      text.assembly(
        "void \(name)(\n  const int16_t *x, const int32_t *stream, \(result) *y, int32_t groups, int32_t channels"
          + (isDense ? "" : ", int32_t x_step, int32_t y_step") + (isLong ? ", int32_t stretch" : "") + ")", lines)
      return text
    }
  }

  /// Four codes each of two pixels times the weights of two channels.
  private static let twoByTwo: [String] =
    ["ldmia r0!, {r8, r9}", "ldmia r3!, {r10, r11}"]
    + [("r4", "r6"), ("r5", "r7")].flatMap { first, second -> [String] in
      [
        "ldr r12, [r1], #4", "sxtb16 lr, r12", "sxtb16 r12, r12, ror #8", "smlad \(first), r8, lr, \(first)",
        "smlad \(second), r10, lr, \(second)", "smlad \(first), r9, r12, \(first)",
        "smlad \(second), r11, r12, \(second)",
      ]
    }

  /// Four codes times the weights of four channels.
  private static let fourChannels: [String] =
    ["ldmia r0!, {r3, r8}", "ldmia r1!, {r9-r12}"]
    + [("r4", "r9"), ("r5", "r10"), ("r6", "r11"), ("r7", "r12")].flatMap { sum, weights -> [String] in
      [
        "sxtb16 lr, \(weights)", "sxtb16 \(weights), \(weights), ror #8", "smlad \(sum), r3, lr, \(sum)",
        "smlad \(sum), r8, \(weights), \(sum)",
      ]
    }
}
