import IntegerProgram

/// Taps of depthwise windows with Arm's vector extension: eight channels, whose products VMULLB and VMULLT make, of every
/// other channel each.
struct MVEWideTaps: WideTaps {
  let need = ProcessorNeed.mve
  let affine: Affine
  let requantization: WideRequantization
  let lanes = 8
  let operandAlignment = 1
  let note = "for every eight channels: the biases, of every other one; for every tap the weights; the factors likewise"
  private var g: WindowGeometry { affine.geometry }
  /// The farthest that a load may move on by itself.
  private var movesOn: Bool { columnStep <= 254 }

  func stream(_ first: Int) -> [Int64] {
    let order = [0, 1].flatMap { stride(from: first + $0, to: first + lanes, by: 2) }
    let weights = (0..<g.taps).flatMap { tap in
      (first..<first + lanes).map { affine.weights[$0 * g.taps + tap] }
    }
    return order.map { affine.bias[$0] } + MVECode.words(weights) + order.map { requantization.factors[$0] }
  }

  /// The products of a tap, from whose codes r0 goes on as `move` says.
  private func tap(_ move: String) -> [String] {
    [
      "vldrh.u16 q0, [r0]\(move)", "vldrb.s16 q1, [r1], #8", "vmullb.s16 q2, q0, q1", "vmullt.s16 q3, q0, q1",
      "vadd.i32 q4, q4, q2", "vadd.i32 q5, q5, q3",
    ]
  }
  /// The sums begin with the biases, and end as codes.
  private let biases = ["vldrw.u32 q4, [r1], #16", "vldrw.u32 q5, [r1], #16"]
  private var codes: [String] {
    let product = requantization.vectorProduct
    return ["vldrw.u32 q0, [r1], #16", "vldrw.u32 q1, [r1], #16", "\(product) q4, q4, q0", "\(product) q5, q5, q1"]
      + requantization.narrow("q4", "q4", isUpper: false) + requantization.narrow("q4", "q5", isUpper: true)
      + requantization.rectify(["q4"], zero: "q0") + ["vstrh.16 q4, [r2], #16"]
  }

  func wholeFunction(_ writer: inout KernelWriter) -> String {
    let (rows, columns) = (g.kernelHeight, g.kernelWidth)
    return writer.sharedFunction(
      "wide_vector_taps_\(rows)_\(columns)_\(movesOn ? columnStep : 0)_\(requantization.variant)"
    ) { name, text in
      // Behind two registers and two vectors are the steps: of a tap, a row, the window.
      var lines = ["push {r4, lr}", "vpush {d8-d11}", "ldrd r12, r4, [sp, #40]", "dls lr, r3", "ldr r3, [sp, #48]", "1:"]
      lines += biases
      for row in 0..<rows {
        for column in 0..<columns {
          let isLast = column == columns - 1
          lines += tap(!isLast && movesOn ? ", #\(columnStep)" : "")
          if !isLast, !movesOn { lines.append("add r0, r0, r12") }
          if isLast, row < rows - 1 { lines.append("add r0, r0, r4") }
        }
      }
      lines += codes + ["add r0, r0, r3", "le lr, 1b", "vpop {d8-d11}", "pop {r4, pc}"]
      text.comment(wholeComment("eight"))
      text.assembly(wholeHead(name, "eights"), lines)
    }
  }

  func partFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("wide_vector_some_taps_\(requantization.variant)") { name, text in
      // r4 to r11 are the shape; r12 counts rows, lr columns.
      let lines =
        ["push {r4-r11, lr}", "vpush {d8-d11}", "ldr r12, [sp, #68]", "ldmia r12, {r4-r11}", "1:"] + biases
        + ["add r1, r1, r8", "mov r12, r4", "2:", "dls lr, r5", "3:"] + tap("")
        + [
          "add r0, r0, r6", "le lr, 3b", "add r0, r0, r7", "add r1, r1, r9", "subs r12, r12, #1", "bne 2b",
          "add r1, r1, r10", "add r0, r0, r11",
        ] + codes + ["subs r3, r3, #1", "bne 1b", "vpop {d8-d11}", "pop {r4-r11, pc}"]
      text.comment(partComment("eight"))
      text.assembly(partHead(name, "eights"), lines)
    }
  }
}
