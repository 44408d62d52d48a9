import IntegerProgram

/// Sums and differences of two 8-bit tensors element by element on Armv7E-M: four codes are loaded at a time.
struct DSPSumKernel: StepKernel {
  private let sum: FusedSum
  private let count: Int

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .combine(let combine) = step.operation, combine.isElementwise, program.values[step.output].type == .int8,
      step.inputs.allSatisfy({ program.values[$0].type == .int8 }),
      let sum = FusedSum(
        combine, program.values[step.inputs[0]].range, program.values[step.inputs[1]].range, saturation: -128...127)
    else { return nil }
    self.sum = sum
    count = combine.shape[0]
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.input("a", step.inputs[0])
    writer.input("b", step.inputs[1])
    writer.output("y", step.output)
    let codes = ["r9", "r10"]
    func one(_ loads: [String]) -> [String] {
      loads + [
        "mla r9, r9, r4, r6", "mla r9, r10, r5, r9", "ssat r9, #8, r9, asr #\(sum.shift)",
      ] + DSPAssembly.clamping("r9", sum.clamp) + ["strb r9, [r2], #1"]
    }
    let four = (0..<4).flatMap { place in
      one(zip(codes, ["r7", "r8"]).map { "sxtb \($0), \($1)" + (place == 0 ? "" : ", ror #\(8 * place)") })
    }
    var lines = ["push {r4-r10, lr}"]
    for (register, value) in [("r4", sum.left), ("r5", sum.right), ("r6", sum.addend)] {
      let bits = UInt32(bitPattern: value)
      lines += ["movw \(register), #\(bits & 0xFFFF)", "movt \(register), #\(bits >> 16)"]
    }
    if count >= 4 {
      lines += ["1:", "ldr r7, [r0], #4", "ldr r8, [r1], #4"] + four + ["subs r3, r3, #1", "bne 1b"]
    }
    for _ in 0..<count % 4 { lines += one(["ldrsb r9, [r0], #1", "ldrsb r10, [r1], #1"]) }
    lines.append("pop {r4-r10, pc}")
    let function = writer.sharedFunction("sum_\(index)") { name in
      var text = CText()
      text.comment("(a \(sum.left) + b \(sum.right) + \(sum.addend)) / 2^\(sum.shift), rounded down and saturated, of every two codes.")
      text.assembly("void \(name)(const int8_t *a, const int8_t *b, int8_t *y, uint32_t fours)", lines)
      return text
    }
    text.line("\(function)(a, b, y, \(count / 4)u);")
  }
}
