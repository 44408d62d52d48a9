import IntegerProgram

/// Dense layers of one or two outputs with Arm's DSP extension: codes and weights, four a word, are unpacked side by side in
/// registers. To spread the codes over memory, as layers of more outputs do, would not pay, and takes twice their memory.
struct DSPRowKernel: DSPKernel {
  private let affine: Affine
  private(set) var requantization: FusedRequantization
  /// Words of codes are loaded several at once.
  var operandAlignment: Int { 4 }
  private var outputs: Int { affine.geometry.outputChannels }
  private var words: Int { affine.weightsPerOutput / 4 }

  private static let mostOutputs = 2

  init?(_ step: Step, _ program: IntegerProgram, _ weights: WeightStorage) {
    guard case .affine(let affine) = step.operation, affine.groups == 1, affine.isOfOnePixel, affine.geometry.isPointwise,
      affine.geometry.outputChannels <= Self.mostOutputs, affine.weightsPerOutput % 4 == 0,
      program.values[step.inputs[0]].type == .int8, program.values[step.output].type == .int8,
      weights == .bytes || !affine.hasNibbles, program.values[step.inputs[0]].constant == nil,
      affine.weights.allSatisfy({ (-128...127).contains($0) })
    else { return nil }
    // Sums of many products leave less room to scale them.
    let scaled = (0...8).reversed().lazy.compactMap { scaling in
      FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: scaling, saturation: -128...127,
        allowsOwnShifts: true)
    }
    guard let requantization = scaled.first,
      // There is room for one more constant.
      !(requantization.hasCorrections && requantization.ownShifts != nil)
    else { return nil }
    self.affine = affine
    self.requantization = requantization
  }

  mutating func use(shift: Int) -> Bool { requantization.use(shift: shift, affine) }

  func overlap(of step: Step, input position: Int, in program: IntegerProgram) -> Int? {
    // All codes are read again for a second output.
    outputs == 1 ? StepOverlap.distance(affine.geometry, pixelsReadFirst: 1) : nil
  }

  private var hasMore: Bool { requantization.hasMore }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.addTable(
      "stream_\(index)", "int32_t", (0..<outputs).flatMap(stream),
      comment: "\(step.source.type) of step \(index), for every output: the bias; words of four weights; factor and addend"
        + (hasMore ? ", and what goes with the addend" : ""))
    writer.input("x", step.inputs[0])
    writer.output("y", step.output)
    text.line("\(function(&writer))(x, \(writer.tableName("stream_\(index)")), y, \(outputs), \(words));")
  }

  private func stream(_ output: Int) -> [Int64] {
    let (depth, isConstant) = (affine.weightsPerOutput, requantization.isConstant[output])
    let weights = (0..<depth).map { place -> Int16 in isConstant ? 0 : affine.weights[output * depth + place] }
    let bias = isConstant ? 0 : affine.bias[output]
    return [bias] + MVECode.words(weights) + requantization.constants(output)
  }

  private func function(_ writer: inout KernelWriter) -> String {
    let scaling = requantization.scaling
    return writer.sharedFunction("row_\(scaling)_\(DSPAssembly.variant(requantization))") { name, text in
      /// The products of a word of codes and one of weights, which are lost, added to lr.
      func products(_ codes: String, _ weights: String) -> [String] {
        [
          "sxtb16 r2, \(codes), ror #8", "sxtb16 r3, \(weights), ror #8", "sxtb16 \(codes), \(codes)",
          "sxtb16 \(weights), \(weights)", "smlad lr, r2, r3, lr", "smlad lr, \(codes), \(weights), lr",
        ]
      }
      // The stack: the codes, y, the outputs that are left, nine registers, then the words.
      var lines: [String] = ["push {r0, r2-r11, lr}", "1:", "ldr r0, [sp]", "ldr r12, [sp, #48]", "ldr lr, [r1], #4"]
      // Four words at a time, then one.
      lines += ["subs r12, r12, #4", "blt 3f", "2:", "ldmia r0!, {r4-r7}", "ldmia r1!, {r8-r11}"]
      for place in 0..<4 { lines += products("r\(4 + place)", "r\(8 + place)") }
      lines += ["subs r12, r12, #4", "bge 2b", "3:", "adds r12, r12, #4", "beq 5f"]
      lines += ["4:", "ldr r4, [r0], #4", "ldr r8, [r1], #4"]
      lines += products("r4", "r8")
      lines += ["subs r12, r12, #1", "bne 4b", "5:", "ldmia r1!, {r8, r9\(hasMore ? ", r10" : "")}"]
      if scaling > 0 { lines.append("lsl lr, lr, #\(scaling)") }
      lines += DSPAssembly.requantize(
        "lr", requantization, factor: "r8", addend: "r9", correction: "r10", free: "r11", shift: "r10")
      lines += ["ldrd r2, r3, [sp, #4]", "strb lr, [r2], #1", "subs r3, r3, #1", "strd r2, r3, [sp, #4]", "bne 1b"]
      lines += ["add sp, sp, #12", "pop {r4-r11, pc}"]
      text.comment("The codes of `outputs` outputs: sums of products of so many words of codes, requantised.")
      text.assembly(
        "void \(name)(\n  const int8_t *x, const int32_t *stream, int8_t *y, int32_t outputs, int32_t words)", lines)
    }
  }
}
