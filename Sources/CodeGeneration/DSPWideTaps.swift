import IntegerProgram

/// Taps of depthwise windows on Armv7E-M: four channels, whose codes and weights lie in two words each, so that nothing is
/// unpacked. Weights take two bytes.
struct DSPWideTaps: WideTaps {
  let need = ProcessorNeed.dsp
  let affine: Affine
  let requantization: WideRequantization
  let lanes = 4
  /// Codes of two channels are loaded as words, and of four where those lie at multiples of four bytes.
  let operandAlignment = 4
  let note = "for every four channels: the biases; for every tap the weights, two a word; the factors"
  private var g: WindowGeometry { affine.geometry }
  private var isAligned: Bool { g.inputChannels % 2 == 0 }

  func stream(_ first: Int) -> [Int64] {
    let four = first..<first + 4
    let taps = (0..<g.taps).flatMap { tap in
      [first, first + 2].map { channel -> Int64 in
        let (low, high) = (affine.weights[channel * g.taps + tap], affine.weights[(channel + 1) * g.taps + tap])
        return Int64(Int32(high) << 16 | Int32(low) & 0xFFFF)
      }
    }
    return four.map { affine.bias[$0] } + taps + four.map { requantization.factors[$0] }
  }

  // MARK: Functions

  /// The products of a tap, from whose codes r0 goes on by `step`.
  private func tap(_ step: String?) -> [String] {
    var lines = isAligned ? ["ldrd r8, r9, [r0]"] : ["ldr r8, [r0]", "ldr r9, [r0, #4]"]
    if let step { lines.append("add r0, r0, \(step)") }
    return lines + [
      "ldmia r1!, {r10, r11}", "smlabb r4, r8, r10, r4", "smlatt r5, r8, r10, r5", "smlabb r6, r9, r11, r6",
      "smlatt r7, r9, r11, r7",
    ]
  }
  /// Requantises and stores four codes; where something is added, register `free` holds it.
  private func codes(free: String) -> [String] {
    var lines = ["ldmia r1!, {r8-r11}"]
    for (place, sum) in ["r4", "r5", "r6", "r7"].enumerated() {
      lines += requantization.code(sum, product: "r\(8 + place)", free: free, isFirst: place == 0)
      lines.append("strh \(sum), [r2], #2")
    }
    return lines
  }

  /// Windows inside the image, tap after tap.
  func wholeFunction(_ writer: inout KernelWriter) -> String {
    let (rows, columns) = (g.kernelHeight, g.kernelWidth)
    return writer.sharedFunction(
      "wide_taps_\(rows)_\(columns)_\(requantization.variant)\(isAligned ? "" : "_odd")"
    ) { name, text in
      // Behind nine registers are the steps from a tap to the next of its row, from the last to the first of the next
      // row, and from the last of all to the next four channels.
      var lines = ["push {r4-r11, lr}", "ldrd r12, lr, [sp, #36]", "1:", "ldmia r1!, {r4-r7}"]
      for row in 0..<rows {
        for column in 0..<columns {
          lines += tap(column < columns - 1 ? "r12" : row < rows - 1 ? "lr" : nil)
        }
      }
      lines += codes(free: "lr")
      if requantization.shift > 0 { lines.append("ldr lr, [sp, #40]") }
      lines += ["ldr r8, [sp, #44]", "add r0, r0, r8", "subs r3, r3, #1", "bne 1b", "pop {r4-r11, pc}"]
      text.comment(wholeComment("four"))
      text.assembly(wholeHead(name, "fours"), lines)
    }
  }

  /// What of windows lies in the image.
  func partFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("wide_some_taps_\(requantization.variant)\(isAligned ? "" : "_odd")") { name, text in
      // The stack: the fours that are left, nine registers, the shape.
      var lines = [
        "push {r3-r11, lr}", "1:", "ldr r12, [sp, #40]", "ldr lr, [r12, #8]", "ldr r8, [r12, #16]", "ldmia r1!, {r4-r7}",
        "add r1, r1, r8", "ldr r12, [r12]", "2:", "ldr r3, [sp, #40]", "ldr r3, [r3, #4]", "3:",
      ]
      lines += tap("lr")
      lines += [
        "subs r3, r3, #1", "bne 3b", "ldr r3, [sp, #40]", "ldr r8, [r3, #12]", "add r0, r0, r8", "ldr r8, [r3, #20]",
        "add r1, r1, r8", "subs r12, r12, #1", "bne 2b", "ldrd r8, r9, [r3, #24]", "add r1, r1, r8", "add r0, r0, r9",
      ]
      lines += codes(free: "lr")
      lines += [
        "ldr r3, [sp]", "subs r3, r3, #1", "str r3, [sp]", "bne 1b", "add sp, sp, #4", "pop {r4-r11, pc}",
      ]
      text.comment(partComment("four"))
      text.assembly(partHead(name, "fours"), lines)
    }
  }
}
