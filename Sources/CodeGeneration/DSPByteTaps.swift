import IntegerProgram

/// Depthwise convolutions of 8-bit codes with Arm's DSP extension, for windows of any size: four channels, whose codes are
/// one word, unpacked to two of halfwords; weights lie in halfwords in the same order, times 256, which the fused
/// requantisation wants of the sum.
struct DSPByteTaps: ByteTaps, DSPKernel {
  let affine: Affine
  private(set) var requantization: FusedRequantization
  /// The biases, where they are part of the addends.
  private let offsets: [Int32]?
  let walk: TapWalk
  var scratch: (bytes: Int, alignment: Int) { walk.scratch }
  var operandAlignment: Int { affine.geometry.inputChannels % 4 == 0 ? 4 : 1 }

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal) {
    guard case .affine(let affine) = step.operation, affine.isDepthwise, goal != .size, affine.geometry.inputChannels >= 4,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      program.values[step.inputs[0]].constant == nil, affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    func fused(offsets: [Int32]?, allowsOwnShifts: Bool) -> FusedRequantization? {
      FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: 8, saturation: -128...127,
        allowsOwnShifts: allowsOwnShifts, offsets: offsets)
    }
    let biases = affine.bias.map { Int32(truncatingIfNeeded: $0) }
    let withBiases = fused(offsets: biases, allowsOwnShifts: false)
    guard let requantization = withBiases ?? fused(offsets: nil, allowsOwnShifts: true),
      // There is room for one more constant.
      !(requantization.hasCorrections && requantization.ownShifts != nil)
    else { return nil }
    offsets = withBiases == nil ? nil : biases
    self.affine = affine
    self.requantization = requantization
    walk = TapWalk(geometry: affine.geometry, lanes: 4)
  }

  mutating func use(shift: Int) -> Bool { requantization.use(shift: shift, affine, offsets: offsets) }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let copier = walk.geometry.hasPadding ? RunCode.armv7.copyFunction(&writer) : nil
    walk.write(self, &writer, step, index, copier: copier, &text)
  }

  private var hasMore: Bool { requantization.hasMore }
  var note: String {
    "for every four channels: 256 times the biases that addends lack; for every tap the weights, likewise, as (w0, w2) and "
      + "(w1, w3); for every channel factor and addend\(hasMore ? ", and what goes with the addend" : "")"
  }

  func stream(_ first: Int) -> [Int64] {
    let taps = affine.geometry.taps
    let four = first..<first + 4
    func word(_ value: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: value)) }
    func weight(_ channel: Int, _ tap: Int) -> Int64 {
      requantization.isConstant[channel] ? 0 : 256 * Int64(affine.weights[channel * taps + tap])
    }
    func pair(_ channel: Int, _ tap: Int) -> Int64 { word(weight(channel + 2, tap) << 16 | weight(channel, tap) & 0xFFFF) }
    let starts = four.map { channel -> Int64 in
      offsets != nil || requantization.isConstant[channel] ? 0 : word(256 * affine.bias[channel])
    }
    let weights = (0..<taps).flatMap { tap -> [Int64] in [pair(first, tap), pair(first + 1, tap)] }
    let constants = four.flatMap { channel -> [Int64] in requantization.constants(channel) }
    return starts + weights + constants
  }

  func function(_ writer: inout KernelWriter, hasRows: Bool) -> String {
    writer.sharedFunction("byte_taps_\(hasRows ? "rows_" : "")\(DSPAssembly.variant(requantization))") { name, text in
      // r0 and r1 walk over codes and stream, r4 to r7 are sums, r12 and r3 one and three steps, lr counts taps. The stack:
      // (the rows that are left, a gap,) the fours that are left, nine registers, then the arguments.
      let base = hasRows ? 8 : 0
      func argument(_ place: Int) -> Int { base + 40 + 4 * place }
      func tap(_ address: String) -> [String] {
        [
          "ldr r8, [r0\(address)]", "ldmia r1!, {r10, r11}", "sxtb16 r9, r8, ror #8", "sxtb16 r8, r8",
          "smlabb r4, r8, r10, r4", "smlabb r5, r9, r11, r5", "smlatt r6, r8, r10, r6", "smlatt r7, r9, r11, r7",
        ]
      }
      var lines: [String] = ["push {r3-r11, lr}"]
      if hasRows { lines.append("sub sp, sp, #8") }
      lines += ["ldr r12, [sp, #\(argument(0))]", "add r3, r12, r12, lsl #1", "1:", "ldmia r1!, {r4-r7}"]
      if hasRows { lines += ["ldr r8, [sp, #\(argument(3))]", "2:", "str r8, [sp]"] }
      // Four taps at a time, then one.
      lines += ["ldr lr, [sp, #\(argument(2))]", "subs lr, lr, #4", "blt 4f", "3:"]
      for place in ["", ", r12", ", r12, lsl #1", ", r3"] { lines += tap(place) }
      lines += ["add r0, r0, r12, lsl #2", "subs lr, lr, #4", "bge 3b", "4:", "adds lr, lr, #4", "beq 6f", "5:"]
      lines += tap("")
      lines += ["add r0, r0, r12", "subs lr, lr, #1", "bne 5b", "6:"]
      if hasRows {
        lines += ["ldr r9, [sp, #\(argument(4))]", "ldr r8, [sp]", "add r0, r0, r9", "subs r8, r8, #1", "bne 2b"]
      }
      let sums = ["r4", "r5", "r6", "r7"]
      func code(_ sum: String, _ factor: String, _ addend: String) {
        lines += DSPAssembly.requantize(
          sum, requantization, factor: factor, addend: addend, correction: "r10", free: "r11", shift: "r10")
        lines.append("strb \(sum), [r2], #1")
      }
      if hasMore {
        for sum in sums {
          lines.append("ldmia r1!, {r8-r10}")
          code(sum, "r8", "r9")
        }
      } else {
        for pair in [0, 2] {
          lines.append("ldmia r1!, {r8-r11}")
          code(sums[pair], "r8", "r9")
          code(sums[pair + 1], "r10", "r11")
        }
      }
      lines += ["ldr r9, [sp, #\(argument(1))]", "ldr r8, [sp, #\(base)]", "add r0, r0, r9", "subs r8, r8, #1"]
      lines += ["str r8, [sp, #\(base)]", "bne 1b", "add sp, sp, #\(base + 4)", "pop {r4-r11, pc}"]
      text.comment(TapWalk.comment("four", hasRows: hasRows))
      text.assembly(TapWalk.head(name, "fours", hasRows: hasRows), lines)
    }
  }
}
