import IntegerProgram

// Sums of products, and their codes.
extension DSPProductKernel {
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
  var variant: String { DSPAssembly.variant(requantization) }

  /// The same, with what else a product's text depends on.
  var fullVariant: String {
    variant + (isWhole ? "" : "_some") + form.suffix
  }

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
  func product(_ block: Int, _ writer: inout KernelWriter) -> String {
    let unrolled = goal == .size ? 1 : 4
    let isWhole = isWhole
    return writer.sharedFunction("product_\(block)_\(fullVariant)") { name, text in
      let sums = (0..<block).map { "r\(4 + $0)" }
      let loads = ["r10", "r11", "r12", "lr"]
      let group = form.product(block, sums: sums, loads: loads)
      // The stack: columns, rounds, where to start; y, the distance of pixels, the last channel's end.
      var lines = ["push {r4-r11, lr}", "ldrd r9, r7, [sp, #36]"]
      lines += form.rounds
      // Each instruction of a group takes four bytes.
      lines += Self.entry(unrolled, bytes: 4 * group.count)
      lines += ["mov r6, r2", "add r8, r2, r3", "push {r1, r4-r8}"]
      lines += form.mask("r8")
      lines += ["1:", "ldr r4, [r0], #4"]
      lines += sums.dropFirst().map { "mov \($0), r4" }
      lines += ["ldmia sp, {r1, r3, pc}", ".p2align 2", "2:"]
      for _ in 0..<unrolled { lines += group }
      lines += ["subs r3, r3, #1", "bne 2b", "ldmia r0!, {\(constantRegisters("r10", "r11"))\(isWhole ? "" : ", lr")}"]
      lines += sums.flatMap(form.scaled)
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
      text.comment(
        "The codes of \(block) pixels, `stride` apart, for the output channels up to y + span: sums of 4 `groups` products, "
          + "requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const uint32_t *columns, int8_t *y, uint32_t span, uint32_t groups, uint32_t stride)",
        lines)
    }
  }

  /// Four output channels at a time of one pixel.
  func fourfold(_ writer: inout KernelWriter) -> String {
    // A round of many words pays where there are many products, and then serves the other layers, too.
    let isLong = writer.selection.kernels.contains { ($0 as? DSPProductKernel)?.isLongDense ?? false }
    let unrolled = goal == .size ? 1 : isDirect || isPacked ? 4 : isLong ? 11 : 4
    let suffix = (isDirect ? "four_" : "fourfold_") + variant + form.suffix
    return writer.sharedFunction(suffix) { name, text in
      let (sums, weights) = (["r4", "r5", "r6", "r7"], ["r8", "r9", "r10", "r11"])
      let group = isDirect ? form.direct(sums, weights) : form.fourfold(sums, weights)
      // The stack: codes, rounds, where to start; y and its end.
      var lines = ["push {r4-r11, lr}", "ldr r9, [sp, #36]"]
      lines += form.rounds
      lines += Self.entry(unrolled, bytes: 4 * group.count)
      lines += ["mov r6, r2", "add r7, r2, r3", "push {r1, r4-r7}"]
      lines += form.mask("lr")
      lines.append("1:")
      if isDirect && !form.isPlain { lines.append("mov r2, #0x007F007F") }
      lines += ["ldmia r0!, {r4-r7}", "ldmia sp, {r1, r3, pc}", ".p2align 2", "2:"]
      for _ in 0..<unrolled { lines += group }
      lines += ["subs r3, r3, #1", "bne 2b"]
      lines += sums.flatMap(form.scaled)
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
      text.comment(
        "The codes of one pixel for four output channels at a time, so many in all: sums of 4 `groups` products, requantised.")
      text.assembly(
        "void \(name)(\n  const int32_t *stream, const \(isDirect ? "int8_t *x" : "uint32_t *columns"), int8_t *y, uint32_t outputs, uint32_t groups)",
        lines)
    }
  }

  /// A dense layer's output channels, four at a time.
  func dense(_ writer: inout KernelWriter) -> String {
    let (spread, fourfold) = (spread(&writer), fourfold(&writer))
    let kernel = "\(writer.names.macro)_KERNEL"
    return writer.sharedFunction("dense_\(variant)\(isPacked ? "_packed" : "")") { name, text in
      text.comment("A dense layer: the codes are spread and multiplied by the weights of every output channel.")
      text.block("\(kernel) static void \(name)(const int8_t *x, int8_t *y, uint32_t *columns, const int32_t *stream)") { text in
        text.line("(void)\(spread)(columns, x, stream[0], 1u, 1u, 0, 0);")
        text.line("\(fourfold)(&stream[2], columns, y, (uint32_t)stream[1], (uint32_t)stream[0]);")
      }
    }
  }
}
