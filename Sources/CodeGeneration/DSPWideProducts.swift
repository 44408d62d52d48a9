import IntegerProgram

/// Sums of products of 16-bit codes with 8-bit weights on Armv7E-M: two products an instruction, four sums at a time, of
/// two pixels and two output channels, or of one pixel and four.
///
/// Sums are formed in 32 bits. Where accumulators are proved to fit them, they begin with the bias; where they are not,
/// windows are cut into stretches whose sums are proved to fit, and those are added up in 64 bits. That takes less than
/// SMLALD does, with which half as many sums have room in registers.
struct DSPWideProducts: WideProducts {
  let need = ProcessorNeed.dsp
  let affine: Affine
  let requantization: WideRequantization?
  let groupSize = 4
  /// Words are loaded.
  let operandAlignment = 4
  /// How many groups make a stretch, where accumulators take 64 bits.
  private let stretch: Int?

  /// `codes` are those of the input.
  init(_ affine: Affine, _ requantization: WideRequantization?, codes: ClosedRange<Int64>) {
    self.affine = affine
    self.requantization = requantization
    stretch = affine.isLong ? affine.stretch(of: codes, unit: 4) : nil
  }

  private var isDense: Bool { affine.isOfOnePixel }
  var lanes: Int { isDense ? 4 : 2 }
  var counts: String { "\(groups), \(affine.geometry.outputChannels)" }
  var lastArgument: String { stretch.map { ", \($0)" } ?? "" }
  var note: String {
    "for every \(isDense ? "four" : "two") output channels: the biases" + (affine.isLong ? " in two words each" : "")
      + "; for every four codes of a window the weights, in bytes the first, third, second and fourth of each channel"
      + (requantization == nil ? "" : "; the factors")
  }

  func stream(_ channels: Range<Int>) -> [Int64] {
    var weights: [Int64] = []
    for group in 0..<groups {
      for output in channels {
        var bits = Int64(0)
        for (place, tap) in [0, 2, 1, 3].enumerated() { bits |= weight(output, 4 * group + tap) << Int64(8 * place) }
        weights.append(Self.word(bits))
      }
    }
    return biases(channels) + weights + factors(channels)
  }

  func copyFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_halfwords") { name, text in
      text.comment("Copies 16-bit codes, four at a time while there are so many.")
      text.assembly(
        "void \(name)(int16_t *to, const int16_t *from, int32_t count)",
        [
          "subs r2, r2, #4", "blt 2f", "1:", "ldr r3, [r1], #4", "ldr r12, [r1], #4", "subs r2, r2, #4",
          "str r3, [r0], #4", "str r12, [r0], #4", "bge 1b", "2:", "adds r2, r2, #4", "beq 4f", "3:",
          "ldrh r3, [r1], #2", "subs r2, r2, #1", "strh r3, [r0], #2", "bne 3b", "4:", "bx lr",
        ])
    }
  }

  // MARK: The products

  /// r0 and r3 walk over the codes of the two pixels, r1 over the stream; r2 counts groups. Sums are in r4 to r7: of
  /// the first pixel's two channels, then the second's; or of four channels.
  func function(_ writer: inout KernelWriter) -> String {
    let isLong = stretch != nil
    let ending = requantization?.variant ?? "sums"
    return writer.sharedFunction("wide_\(isDense ? "row" : "pair")\(isLong ? "_long" : "")_\(ending)") { name, text in
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
      text.comment(
        "Of all output channels, the \(requantization == nil ? "sums" : "codes") of "
          + (isDense ? "one pixel, four channels" : "two pixels, so many bytes apart, two channels") + " at a time."
          + (isLong ? " Sums of 32 bits of so many groups are added up in 64." : ""))
      let result = requantization != nil ? "int16_t" : isLong ? "int64_t" : "int32_t"
      text.assembly(
        "void \(name)(\n  const int16_t *x, const int32_t *stream, \(result) *y, int32_t groups, int32_t channels"
          + (isDense ? "" : ", int32_t x_step, int32_t y_step") + (isLong ? ", int32_t stretch" : "") + ")", lines)
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
