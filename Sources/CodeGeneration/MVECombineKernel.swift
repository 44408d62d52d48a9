import IntegerProgram

/// Sums and differences of two tensors of the same shape with Arm's vector extension.
///
/// With both operands' zero points and scales in three constants, a code is
///
///     clamp((a · first + b · second + addend) >> shift)
///
/// The operation's own rule rounds three times; the constants are sought so that both agree for every pair of codes,
/// which are few enough to be tried one by one. Where none are found, the portable kernel serves.
struct MVECombineKernel: StepKernel {
  private let first, second, addend: Int32
  private let shift: Int
  private let clamp: ClosedRange<Int64>
  private let count: Int

  init?(_ step: Step, _ program: IntegerProgram) {
    guard case .combine(let combine) = step.operation, combine.kind != .product, combine.isElementwise,
      combine.shape[0] % 8 == 0, step.inputs.allSatisfy({ program.values[$0].type == .int8 }),
      program.values[step.output].type == .int8
    else { return nil }
    let (left, right) = (program.values[step.inputs[0]].range, program.values[step.inputs[1]].range)
    guard left.lowerBound < left.upperBound, right.lowerBound < right.upperBound else { return nil }
    count = combine.shape[0]
    clamp = combine.requantization.clamp

    // The real factors: what both scalings make of a step of one code.
    let scale = combine.requantization.multiplier(channel: 0).real * Double(1 << combine.leftShift)
    let (a, b) = (scale * combine.left.multiplier.real, scale * combine.right.multiplier.real * (combine.kind == .sum ? 1 : -1))
    let most = 128 * (abs(a) + abs(b)) + 512
    var shift = 23
    while shift > 16, most * Double(1 << shift) >= Double(1 << 30) { shift -= 1 }
    guard shift > 16 else { return nil }
    self.shift = shift

    // The codes of one left code rise, or fall, with the right code: only their changes bound the constants.
    var bounds: [(a: Int64, b: Int64, code: Int64, isLeast: Bool)] = []
    for x in left {
      var last: Int64?
      for y in right {
        let code = combine.code(x, y)
        defer { last = code }
        guard let last, last != code else {
          if last == nil || y == right.upperBound { bounds.append((x, y, code, true)) ; bounds.append((x, y, code, false)) }
          continue
        }
        for (place, code) in [(y - 1, last), (y, code)] {
          bounds.append((x, place, code, true))
          bounds.append((x, place, code, false))
        }
      }
    }
    let unit = Double(1 << shift)
    var found: (Int64, Int64, Int64)?
    search: for reach in Int64(0)...24 {
      for i in -reach...reach {
        for j in -reach...reach where max(abs(i), abs(j)) == reach {
          let (f, s) = (Int64((a * unit).rounded()) + i, Int64((b * unit).rounded()) + j)
          var (low, high) = (Int64.min, Int64.max)
          for bound in bounds {
            let sum = bound.a * f + bound.b * s
            if bound.isLeast {
              if bound.code > clamp.lowerBound { low = max(low, bound.code << Int64(shift) - sum) }
            } else if bound.code < clamp.upperBound {
              high = min(high, (bound.code + 1) << Int64(shift) - 1 - sum)
            }
            if low > high { break }
          }
          if low <= high, low > Int64.min, high < Int64.max {
            found = (f, s, low + (high - low) / 2)
            break search
          }
        }
      }
    }
    // Half a unit less, since the narrowing shift rounds.
    guard let found, let first = Int32(exactly: found.0), let second = Int32(exactly: found.1),
      let addend = Int32(exactly: found.2 - Int64(1) << Int64(shift - 1)),
      abs(Int64(first)) * 128 + abs(Int64(second)) * 128 + abs(found.2) < Int64(1) << 31 - Int64(1) << Int64(shift)
    else { return nil }
    (self.first, self.second, self.addend) = (first, second, addend)
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.input("a", step.inputs[0])
    writer.input("b", step.inputs[1])
    writer.output("y", step.output)
    writer.addTable(
      "factors_\(index)", "int32_t", [Int64(first), Int64(second), Int64(addend)],
      comment: "\(step.source.type) of step \(index): the factors of both operands, the addend")
    let limits = "_\(UInt8(truncatingIfNeeded: clamp.lowerBound))_\(UInt8(truncatingIfNeeded: clamp.upperBound))"
    let isClamped = clamp != -128...127
    let function = writer.sharedFunction("mve_combine_\(shift)\(isClamped ? limits : "")") { name in
      var lines = ["push {r4-r7, lr}", "vpush {d8-d11}", "ldr r4, [sp, #52]", "ldmia r3, {r5, r6, r7}", "vdup.32 q4, r5"]
      if isClamped {
        lines += ["mov r3, #\(clamp.lowerBound)", "vdup.8 q5, r3", "mov r3, #\(clamp.upperBound)", "vdup.8 q3, r3"]
      }
      lines += ["dls lr, r4", "1:"]
      for _ in 0..<2 {
        lines += [
          "vldrb.s32 q0, [r0], #4", "vldrb.s32 q1, [r1], #4", "vmlas.s32 q0, q4, r7", "vmla.s32 q0, q1, r6",
          "vrshr.s32 q0, q0, #\(shift)", "vqmovnb.s32 q0, q0", "vqmovnb.s16 q0, q0",
        ]
        if isClamped { lines += ["vmax.s8 q0, q0, q5", "vmin.s8 q0, q0, q3"] }
        lines.append("vstrb.32 q0, [r2], #4")
      }
      lines += ["le lr, 1b", "vpop {d8-d11}", "pop {r4-r7, pc}"]
      var text = CText()
      text.comment("Eight codes at a time of two operands, times a factor each.")
      text.assembly(
        "void \(name)(\n  const int8_t *a, const int8_t *b, int8_t *y, const int32_t *factors, uint32_t eights)", lines)
      return text
    }
    text.line("\(function)(a, b, y, \(writer.tableName("factors_\(index)")), \(count / 8)u);")
  }
}
