import IntegerProgram

/// Depthwise convolutions of 8-bit codes with Arm's vector extension, for windows of any size: eight channels, whose
/// products VMULLB and VMULLT make, of every other channel each.
struct MVEByteTaps: ByteTaps {
  var need: ProcessorNeed? { .mve }
  let affine: Affine
  private let requantization: MVERequantization
  let walk: TapWalk
  var scratch: (bytes: Int, alignment: Int) { walk.scratch }

  init?(_ step: Step, _ program: IntegerProgram, _ goal: KernelSelection.Goal) {
    guard case .affine(let affine) = step.operation, affine.isDepthwise, goal != .size, affine.geometry.inputChannels >= 8,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      program.values[step.inputs[0]].constant == nil, affine.weights.allSatisfy({ (-128...127).contains($0) }),
      let requantization = MVERequantization(affine, drop: 31)
    else { return nil }
    self.affine = affine
    self.requantization = requantization
    walk = TapWalk(geometry: affine.geometry, lanes: 8)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    let copier = walk.geometry.hasPadding ? RunCode.mve.copyFunction(&writer) : nil
    walk.write(self, &writer, step, index, copier: copier, &text)
  }

  var note: String {
    "for every eight channels: for every tap the weights; scaled biases, factors, addends"
      + (requantization.hasCorrections ? ", what negative sums add to these" : "") + ", of every other channel first"
  }

  func stream(_ first: Int) -> [Int64] {
    let taps = affine.geometry.taps
    let order = [0, 1].flatMap { stride(from: first + $0, to: first + 8, by: 2) }
    let weights = (0..<taps).flatMap { tap -> [Int16] in
      (first..<first + 8).map { requantization.constants.isConstant[$0] ? 0 : affine.weights[$0 * taps + tap] }
    }
    var words = MVECode.words(weights)
    words += order.map { Int64(requantization.start($0)) }
    words += order.map { Int64(requantization.factor($0)) }
    words += order.map { Int64(requantization.addend($0)) }
    if requantization.hasCorrections { words += order.map { Int64(requantization.change($0)) } }
    return words
  }

  func function(_ writer: inout KernelWriter, hasRows: Bool) -> String {
    let scaling = requantization.constants.scaling
    return writer.sharedFunction("byte_vector_taps_\(hasRows ? "rows_" : "")\(scaling)_\(requantization.name)") { name, text in
      // r4 and r1 walk over codes and stream, q4 and q5 are sums, r5 to r9 the arguments on the stack, r10 counts rows.
      let arguments = hasRows ? "r5-r9" : "r5-r7"
      var lines: [String] = [
        "push {r4-r10, lr}", "vpush {d8-d11}", "mov r4, r0", "add r0, sp, #64", "ldmia r0, {\(arguments)}", "1:",
        "vmov.i32 q4, #0", "vmov.i32 q5, #0",
      ]
      if hasRows { lines += ["mov r10, r8", "2:"] }
      lines += [
        "dls lr, r7", "3:", "vldrb.s16 q0, [r4]", "vldrb.s16 q1, [r1], #8", "add r4, r4, r5", "vmullb.s16 q2, q0, q1",
        "vmullt.s16 q3, q0, q1", "vadd.i32 q4, q4, q2", "vadd.i32 q5, q5, q3", "le lr, 3b",
      ]
      if hasRows { lines += ["add r4, r4, r9", "subs r10, r10, #1", "bne 2b"] }
      if scaling > 0 { lines += ["vshl.i32 q4, q4, #\(scaling)", "vshl.i32 q5, q5, #\(scaling)"] }
      let constants: [String] = ["vldrw.u32 q0, [r1], #16", "vldrw.u32 q1, [r1], #16"]
      lines += constants + ["vadd.i32 q4, q4, q0", "vadd.i32 q5, q5, q1"] + constants
      if requantization.hasCorrections {
        // The products go beside the sums, whose signs are still asked for.
        lines += ["vqdmulh.s32 q2, q4, q0", "vqdmulh.s32 q3, q5, q1"] + constants
        lines += ["vadd.i32 q2, q2, q0", "vadd.i32 q3, q3, q1"] + constants
        lines += ["vpt.s32 lt, q4, zr", "vaddt.i32 q2, q2, q0", "vpt.s32 lt, q5, zr", "vaddt.i32 q3, q3, q1"]
        lines += ["vmov q4, q2", "vmov q5, q3"]
      } else {
        lines += ["vqdmulh.s32 q4, q4, q0", "vqdmulh.s32 q5, q5, q1"] + constants
        lines += ["vadd.i32 q4, q4, q0", "vadd.i32 q5, q5, q1"]
      }
      lines += requantization.narrow("q4", "q5")
      lines += ["vstrb.16 q0, [r2], #8", "add r4, r4, r6", "subs r3, r3, #1", "bne 1b", "vpop {d8-d11}", "pop {r4-r10, pc}"]
      text.comment(TapWalk.comment("eight", hasRows: hasRows))
      text.assembly(TapWalk.head(name, "eights", hasRows: hasRows), lines)
    }
  }
}
