import IntegerProgram

/// Sums of products of 16-bit codes with 8-bit weights with Arm's vector extension: eight products an instruction, for
/// which a load widens the weights.
///
/// Where accumulators are proved to fit 32 bits, VMLADAVA adds to a register of even number, of which there are eight:
/// sums of two pixels and four output channels, or of one pixel and eight, that are requantised as vectors. Where they are
/// not, VMLALDAVA adds to two registers: sums of two pixels and two channels, or of one pixel and four.
struct MVEWideProducts: WideProducts {
  let need = ProcessorNeed.mve
  let affine: Affine
  let requantization: WideRequantization?
  let groupSize = 8
  let operandAlignment = 1
  private let goal: KernelSelection.Goal

  init(_ affine: Affine, _ requantization: WideRequantization?, _ goal: KernelSelection.Goal) {
    self.affine = affine
    self.requantization = requantization
    self.goal = goal
  }

  private var isDense: Bool { affine.isOfOnePixel }
  private var isLong: Bool { affine.isLong }
  var lanes: Int { (isDense ? 2 : 1) * (isLong ? 2 : 4) }
  var counts: String { "\(affine.geometry.outputChannels)" }
  var note: String {
    let constants = requantization == nil ? ["the biases"] : ["the biases", "the factors"]
    let weights = "for every eight codes of a window the weights of each channel"
    return "for every \(lanes) output channels: "
      + (isLong ? ["the biases in two words each", weights] + constants.dropFirst() : [weights] + constants)
      .joined(separator: "; ")
  }

  func stream(_ channels: Range<Int>) -> [Int64] {
    var weights: [Int64] = []
    for group in 0..<groups {
      for output in channels {
        for first in [8 * group, 8 * group + 4] {
          weights.append(Self.word((0..<4).reduce(0) { $0 | weight(output, first + $1) << Int64(8 * $1) }))
        }
      }
    }
    if isLong { return biases(channels) + weights + factors(channels) }
    let order = order(channels)
    return weights + biases(order) + factors(order)
  }

  /// The channels in the order in which vectors hold their sums. Of eight codes the narrowing instructions take every
  /// other one.
  private func order(_ channels: Range<Int>) -> [Int] {
    guard isDense, requantization != nil else { return Array(channels) }
    return [0, 1].flatMap { odd in channels.filter { ($0 - channels.lowerBound) % 2 == odd } }
  }

  func copyFunction(_ writer: inout KernelWriter) -> String {
    writer.sharedFunction("copy_halfword_vectors") { name, text in
      text.comment("Copies 16-bit codes, eight at a time.")
      text.assembly(
        "void \(name)(int16_t *to, const int16_t *from, int32_t count)",
        [
          "push {lr}", "wlstp.16 lr, r2, 2f", "1:", "vldrh.u16 q0, [r1], #16", "vstrh.16 q0, [r0], #16", "letp lr, 1b",
          "2:", "pop {pc}",
        ])
    }
  }

  func function(_ writer: inout KernelWriter) -> String {
    let suffix =
      "wide_vector_\(isDense ? "row" : "pair")\(isLong ? "_long" : "")_\(groups)_\(requantization?.variant ?? "sums")"
    return writer.sharedFunction(suffix) { name, text in
      text.comment(
        "Of all output channels, the \(made) of \(isDense ? "one pixel" : "two pixels, so many bytes apart"), \(lanes) channels "
          + "at a time: sums of \(codes) products\(isLong ? " in 64 bits" : "").")
      text.assembly(
        "void \(name)(\n  const int16_t *x, const int32_t *stream, \(madeType) *y, int32_t channels"
          + (isDense ? "" : ", int32_t x_step, int32_t y_step") + ")", isLong ? longBody : shortBody)
    }
  }

  /// Groups that are written out where all are not.
  private var unrolled: Int { goal == .size ? 2 : 8 }

  // MARK: Sums of 32 bits

  /// r1 is the place in the stream; r3 and r9 in the codes, r5 and r7 in the outputs of the two pixels; r11 counts the
  /// channels that are left. The stack: x, y, the rounds' place for r11, nine registers, then the distances.
  private var shortBody: [String] {
    let pixels = isDense ? 1 : 2
    let channels = lanes
    let even = ["r0", "r2", "r4", "r6", "r8", "r10", "r12", "lr"]
    func sum(_ channel: Int, _ pixel: Int) -> String { even[channel * pixels + pixel] }
    // As far as an offset reaches, all groups are written out.
    let isWritten = groups <= (goal == .size ? 2 : 16)
    let rounds = isWritten ? 0 : groups / unrolled
    let starts = ["ldr r3, [sp]"] + (isDense ? [] : ["ldr r9, [sp, #48]", "add r9, r9, r3"])

    var isStarted = !isWritten
    func group(_ place: Int) -> [String] {
      var lines: [String] = []
      for pixel in (0..<pixels).reversed() {
        let register = pixel == 0 ? "r3" : "r9"
        lines.append("vldrh.u16 q\(pixel), [\(register)\(isWritten ? ", #\(16 * place)]" : "], #16")")
      }
      for channel in 0..<channels {
        let weights = "q\(2 + channel % 2)"
        lines.append("vldrb.s16 \(weights), [r1], #8")
        for pixel in 0..<pixels {
          lines.append("vmladav\(isStarted ? "a" : "").s16 \(sum(channel, pixel)), \(weights), q\(pixel)")
        }
      }
      isStarted = true
      return lines
    }

    var lines = ["push {r0, r2-r11, lr}", "mov r5, r2", "mov r11, r3"]
    if !isDense { lines += ["ldr r7, [sp, #52]", "add r7, r7, r5"] }
    if isWritten { lines += starts }
    lines.append("1:")
    if isWritten {
      for place in 0..<groups { lines += group(place) }
    } else {
      lines += starts + ["str r11, [sp, #8]", "mov r11, #\(rounds)"] + even.map { "mov \($0), #0" } + ["2:"]
      for place in 0..<unrolled { lines += group(place) }
      lines += ["subs r11, r11, #1", "bne 2b"]
      for place in 0..<groups % unrolled { lines += group(place) }
      lines.append("ldr r11, [sp, #8]")
    }
    // Vectors of the pixels' sums, or of every other channel's, or of the first four and the last.
    let order = order(0..<channels)
    for vector in 0..<2 {
      let sums = (0..<4).map { isDense ? sum(order[4 * vector + $0], 0) : sum($0, vector) }
      for low in 0..<2 {
        lines.append("vmov q\(vector)[\(low + 2)], q\(vector)[\(low)], \(sums[low]), \(sums[low + 2])")
      }
    }
    /// Loads a constant of each channel, and does something with both vectors and theirs.
    func constants(_ instruction: String) -> [String] {
      ["vldrw.u32 q2, [r1], #16"] + (isDense ? ["vldrw.u32 q3, [r1], #16"] : [])
        + [0, 1].map { "\(instruction) q\($0), q\($0), q\(isDense ? 2 + $0 : 2)" }
    }
    lines += constants("vadd.i32")
    let more: [String]
    if let requantization {
      lines += constants(requantization.vectorProduct)
      lines += requantization.narrow("q0", "q0", isUpper: false)
      lines += isDense ? requantization.narrow("q0", "q1", isUpper: true) : requantization.narrow("q1", "q1", isUpper: false)
      lines += requantization.rectify(isDense ? ["q0"] : ["q0", "q1"], zero: "q2")
      more =
        isDense
        ? ["vctp.16 r11", "vpst", "vstrht.16 q0, [r5], #16", "subs r11, r11, #8"]
        : ["vctp.32 r11", "vpstt", "vstrht.32 q0, [r5], #8", "vstrht.32 q1, [r7], #8", "subs r11, r11, #4"]
    } else if isDense {
      more = [
        "vctp.32 r11", "vpst", "vstrwt.32 q0, [r5], #16", "subs r11, r11, #4", "ble 3f", "vctp.32 r11", "vpst",
        "vstrwt.32 q1, [r5], #16", "subs r11, r11, #4",
      ]
    } else {
      more = ["vctp.32 r11", "vpstt", "vstrwt.32 q0, [r5], #16", "vstrwt.32 q1, [r7], #16", "subs r11, r11, #4"]
    }
    return lines + more + ["bgt 1b", "3:", "pop {r0, r2-r11, pc}"]
  }

  // MARK: Sums of 64 bits

  /// r0 and r3 walk over the codes of the pixels, r1 over the stream, r2 over the outputs. The stack: x, y, the channels
  /// that are left, nine registers, then the distances.
  private var longBody: [String] {
    let pairs = [("r4", "r5"), ("r6", "r7"), ("r8", "r9"), ("r10", "r11")]
    // Of two pixels, the first pair is the first channel's of the first pixel, the second that of the second pixel.
    var group = ["vldrh.u16 q0, [r0], #16"] + (isDense ? [] : ["vldrh.u16 q1, [r3], #16"])
    for (place, pair) in pairs.enumerated() {
      let weights = "q\(2 + (isDense ? place : place / 2) % 2)"
      if isDense || place % 2 == 0 { group.append("vldrb.s16 \(weights), [r1], #8") }
      group.append("vmlaldava.s16 \(pair.0), \(pair.1), \(weights), q\(isDense ? 0 : place % 2)")
    }
    let atOnce = min(groups, unrolled / 2)
    let rounds = groups / atOnce
    var lines = ["push {r0, r2-r11, lr}", "1:"]
    lines += isDense ? ["ldmia r1!, {r4-r11}"]
      : ["ldrd r4, r5, [r1], #8", "ldrd r8, r9, [r1], #8", "mov r6, r4", "mov r7, r5", "mov r10, r8", "mov r11, r9"]
    lines.append("ldr r0, [sp]")
    if !isDense { lines += ["ldr r3, [sp, #48]", "add r3, r3, r0"] }
    if rounds > 1 { lines += ["mov r12, #\(rounds)", "dls lr, r12", "2:"] }
    for _ in 0..<atOnce { lines += group }
    if rounds > 1 { lines.append("le lr, 2b") }
    for _ in 0..<groups % atOnce { lines += group }
    for (place, pair) in pairs.enumerated() {
      guard let requantization else { break }
      // The factors of two channels at a time.
      if place % 4 == 0 || isDense && place == 2 { lines.append("ldrd r0, r3, [r1], #8") }
      let factor = (isDense ? place : place / 2) % 2 == 0 ? "r0" : "r3"
      lines += ["umull r12, lr, \(pair.0), \(factor)", "mla lr, \(pair.1), \(factor), lr"]
      lines += requantization.code(pair.0, of: "lr")
    }
    lines.append("ldr r0, [sp, #8]")
    if !isDense { lines.append("ldr r12, [sp, #52]") }
    func store(_ pair: (String, String)) -> String {
      requantization == nil ? "strd \(pair.0), \(pair.1), [r2], #8" : "strh \(pair.0), [r2], #2"
    }
    func storeSecond(_ pair: (String, String)) -> [String] {
      requantization == nil ? ["add r3, r2, r12", "strd \(pair.0), \(pair.1), [r3]"] : ["strh \(pair.0), [r2, r12]"]
    }
    for place in stride(from: 0, to: 4, by: isDense ? 1 : 2) {
      if !isDense { lines += storeSecond(pairs[place + 1]) }
      lines += [store(pairs[place]), "subs r0, r0, #1"]
      if place + (isDense ? 1 : 2) < 4 { lines.append("beq 3f") }
    }
    return lines + ["str r0, [sp, #8]", "bne 1b", "3:", "pop {r0, r2-r11, pc}"]
  }
}
