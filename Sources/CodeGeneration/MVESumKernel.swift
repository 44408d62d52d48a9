import IntegerProgram

/// Sums and differences of two 8-bit tensors element by element with Arm's vector extension, four codes a vector. Where no
/// pair of factors gives every code, the rescaled operands are gathered from tables.
struct MVESumKernel: StepKernel {
  var need: ProcessorNeed? { .mve }
  private enum Form {
    case factors(FusedSum)
    /// 2^scaling times each operand on the common scale, for each code as a byte.
    case tables([Int64], [Int64], FusedRequantization)
  }
  private let form: Form
  private let count: Int

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .combine(let combine) = step.operation, combine.isElementwise, combine.kind != .product,
      combine.shape[0] % 8 == 0, program.values[step.output].type == .int8,
      step.inputs.allSatisfy({ program.values[$0].type == .int8 })
    else { return nil }
    count = combine.shape[0]
    let ranges = step.inputs.map { program.values[$0].range }
    if let sum = FusedSum(combine, ranges[0], ranges[1], saturation: -128...127) {
      form = .factors(sum)
    } else if let tables = Self.tables(combine, ranges) {
      form = tables
    } else {
      return nil
    }
  }

  private static func tables(_ combine: Combine, _ ranges: [ClosedRange<Int64>]) -> Form? {
    guard let sum = TabulatedSum(combine, ranges, saturation: -128...127) else { return nil }
    func table(_ values: [Int64], _ range: ClosedRange<Int64>) -> [Int64] {
      var table = [Int64](repeating: 0, count: 256)
      for (code, value) in zip(range, values) { table[Int(UInt8(truncatingIfNeeded: code))] = value }
      return table
    }
    return .tables(table(sum.left, ranges[0]), table(sum.right, ranges[1]), sum.requantization)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.input("a", step.inputs[0])
    writer.input("b", step.inputs[1])
    writer.output("y", step.output)
    let label = "\(step.source.type) of step \(index)"
    let (name, constants, clamp, lines): (String, [Int64], ClosedRange<Int64>?, [String])
    var parameters = "const int8_t *a, const int8_t *b, int8_t *y, const int32_t *constants, uint32_t eights"
    var tables = ""
    switch form {
    case .factors(let sum):
      (name, clamp) = ("factors_\(sum.shift)", sum.clamp)
      constants = [sum.left, sum.right, sum.addend].map { Int64($0) }
      lines = [
        "vldrb.s32 q0, [r0], #4", "vldrb.s32 q1, [r1], #4", "vmlas.s32 q0, q4, r7", "vmla.s32 q0, q1, r6",
        "vshr.s32 q0, q0, #\(sum.shift)",
      ]
    case .tables(let left, let right, let requantization):
      (name, clamp) = ("tables_\(requantization.shift)", requantization.clamp)
      constants = [requantization.factors[0], -requantization.corrections[0], requantization.addends[0]].map { Int64($0) }
      writer.addTable("left_\(index)", "int32_t", left, comment: "The first operand of \(label), rescaled, for each byte")
      writer.addTable("right_\(index)", "int32_t", right, comment: "The second operand of \(label), rescaled, for each byte")
      parameters += ", const int32_t *left, const int32_t *right"
      tables = ", \(writer.tableName("left_\(index)")), \(writer.tableName("right_\(index)"))"
      lines = [
        "vldrb.u32 q0, [r0], #4", "vldrb.u32 q1, [r1], #4", "vldrw.u32 q2, [r8, q0, uxtw #2]",
        "vldrw.u32 q3, [r9, q1, uxtw #2]", "vadd.i32 q2, q2, q3", "vmulh.s32 q0, q2, q4", "vadd.i32 q0, q0, r7",
        "vpt.s32 lt, q2, zr", "vaddt.i32 q0, q0, r6", "vshr.s32 q0, q0, #\(requantization.shift)",
      ]
    }
    writer.addTable("sum_\(index)", "int32_t", constants, comment: "Constants of \(label)")
    let suffix = clamp.map { "_\(UInt8(truncatingIfNeeded: $0.lowerBound))_\(UInt8(truncatingIfNeeded: $0.upperBound))" } ?? ""
    let function = writer.sharedFunction("mve_sum_\(name)\(suffix)") { name, text in
      var code = ["push {r4-r9, lr}", "vpush {d8-d13}", "ldrd r4, r8, [sp, #76]", "ldr r9, [sp, #84]"]
      code += ["ldrd r5, r6, [r3]", "ldr r7, [r3, #8]", "vdup.32 q4, r5"]
      var end = ["vqmovnb.s32 q0, q0", "vqmovnb.s16 q0, q0"]
      if let clamp {
        code += ["mov r3, #\(clamp.lowerBound)", "vdup.8 q5, r3", "mov r3, #\(clamp.upperBound)", "vdup.8 q6, r3"]
        end += ["vmax.s8 q0, q0, q5", "vmin.s8 q0, q0, q6"]
      }
      end.append("vstrb.32 q0, [r2], #4")
      code += ["dls lr, r4", "1:"] + lines + end + lines + end + ["le lr, 1b", "vpop {d8-d13}", "pop {r4-r9, pc}"]
      text.comment("Eight codes at a time of two operands, rescaled and added.")
      text.assembly("void \(name)(\n  \(parameters))", code)
    }
    text.line("\(function)(a, b, y, \(writer.tableName("sum_\(index)")), \(count / 8)u\(tables));")
  }
}
