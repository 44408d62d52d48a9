import IntegerProgram

/// Sums and differences of two 8-bit tensors element by element on Armv7E-M: four codes are loaded at a time. Where no
/// pair of factors gives every code, the rescaled operands come from tables.
struct DSPSumKernel: StepKernel {
  var need: ProcessorNeed? { .dsp }
  private enum Form {
    case factors(FusedSum)
    /// 2^scaling times each operand on the common scale, from the lowest code on.
    case tables([Int32], [Int32], FusedRequantization)
  }
  private let form: Form
  private let ranges: [ClosedRange<Int64>]
  private let count: Int

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .combine(let combine) = step.operation, combine.isElementwise, program.values[step.output].type == .int8,
      step.inputs.allSatisfy({ program.values[$0].type == .int8 })
    else { return nil }
    count = combine.shape[0]
    ranges = step.inputs.map { program.values[$0].range }
    if let sum = FusedSum(combine, ranges[0], ranges[1], saturation: -128...127) {
      form = .factors(sum)
    } else if let tables = Self.tables(combine, ranges) {
      form = tables
    } else {
      return nil
    }
  }

  private static func tables(_ combine: Combine, _ ranges: [ClosedRange<Int64>]) -> Form? {
    // A table starts at its lowest code, which must not lie above 0: the code's place is reached from that of 0.
    guard ranges.allSatisfy({ $0.contains(0) }),
      let sum = TabulatedSum(combine, ranges, saturation: -128...127)
    else { return nil }
    return .tables(sum.left.map { Int32($0) }, sum.right.map { Int32($0) }, sum.requantization)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.input("a", step.inputs[0])
    writer.input("b", step.inputs[1])
    writer.output("y", step.output)
    let (function, comment): (String, String)
    var setUp: [String] = []
    func set(_ register: String, _ value: Int32) {
      let bits = UInt32(bitPattern: value)
      setUp += ["movw \(register), #\(bits & 0xFFFF)", "movt \(register), #\(bits >> 16)"]
    }
    var end: [String]
    switch form {
    case .factors(let sum):
      for (register, value) in [("r4", sum.left), ("r5", sum.right), ("r6", sum.addend)] { set(register, value) }
      end = [
        "mla r9, r9, r4, r6", "mla r9, r10, r5, r9", "ssat r9, #8, r9, asr #\(sum.shift)",
      ] + DSPAssembly.clamping("r9", sum.clamp)
      comment =
        "(a \(sum.left) + b \(sum.right) + \(sum.addend)) / 2^\(sum.shift), rounded down and saturated, of every two codes."
    case .tables(_, _, let requantization):
      // Ten registers lie above the arguments.
      setUp = ["ldr r4, [sp, #40]", "ldr r5, [sp, #44]"]
      for (register, value) in [
        ("r6", requantization.factors[0]), ("r11", requantization.addends[0]), ("r12", requantization.corrections[0]),
      ] { set(register, value) }
      end = ["ldr r9, [r4, r9, lsl #2]", "ldr r10, [r5, r10, lsl #2]", "add r9, r9, r10"]
        + DSPAssembly.requantize(
          "r9", requantization, factor: "r6", addend: "r11", correction: "r12", free: "r10", shift: "")
      comment = "Of every two codes, what the tables have for them, added and requantised."
    }
    end.append("strb r9, [r2], #1")
    let four = (0..<4).flatMap { place in
      zip(["r9", "r10"], ["r7", "r8"]).map { "sxtb \($0), \($1)" + (place == 0 ? "" : ", ror #\(8 * place)") } + end
    }
    var lines = ["push {r4-r12, lr}"] + setUp
    if count >= 4 { lines += ["1:", "ldr r7, [r0], #4", "ldr r8, [r1], #4"] + four + ["subs r3, r3, #1", "bne 1b"] }
    for _ in 0..<count % 4 { lines += ["ldrsb r9, [r0], #1", "ldrsb r10, [r1], #1"] + end }
    lines.append("pop {r4-r12, pc}")
    var arguments = "a, b, y, \(count / 4)u"
    var parameters = "const int8_t *a, const int8_t *b, int8_t *y, uint32_t fours"
    if case .tables(let left, let right, _) = form {
      let label = "\(step.source.type) of step \(index)"
      for (name, table, range) in [("left", left, ranges[0]), ("right", right, ranges[1])] {
        writer.addTable(
          "\(name)_\(index)", "int32_t", table.map { Int64($0) },
          comment: "\(label): its \(name) operand on the common scale, for codes \(range.lowerBound) to \(range.upperBound)")
        arguments += ", &\(writer.tableName("\(name)_\(index)"))[\(-range.lowerBound)]"
        parameters += ", const int32_t *\(name)"
      }
    }
    function = writer.sharedFunction("sum_\(index)") { name, text in
      text.comment(comment)
      text.assembly("void \(name)(\(parameters))", lines)
    }
    text.line("\(function)(\(arguments));")
  }
}
