import IntegerProgram

/// A kernel whose functions have the shift of its requantisation in them.
protocol DSPKernel: StepKernel {
  var requantization: FusedRequantization { get }
  /// Takes constants for a smaller shift where there are some; says whether it has.
  mutating func use(shift: Int) -> Bool
}

extension DSPKernel {
  var need: ProcessorNeed? { .dsp }
}

extension FusedRequantization {
  /// Whether a channel has a third constant, a correction or a shift of its own.
  var hasMore: Bool { hasCorrections || ownShifts != nil }
  /// A channel's constants, as functions in assembly load them: factor and addend, and the third.
  func constants(_ channel: Int) -> [Int64] {
    let two: [Int64] = [Int64(factors[channel]), Int64(addends[channel])]
    guard hasMore else { return two }
    return two + [ownShifts.map { Int64($0[channel]) } ?? Int64(corrections[channel])]
  }

  /// Takes a layer's constants for a smaller shift, where these are of the same form; says whether it has.
  mutating func use(shift: Int, _ affine: Affine, offsets: [Int32]? = nil) -> Bool {
    guard ownShifts == nil, shift < self.shift,
      let other = FusedRequantization(
        affine.requantization, accumulators: affine.accumulators, scaling: scaling, saturation: -128...127,
        offsets: offsets, shift: shift, furthest: 500),
      other.hasCorrections == hasCorrections, other.clamp == clamp, other.isConstant == isConstant
    else { return false }
    self = other
    return true
  }
}

extension DSPAssembly {
  /// Brings layers to few shifts, since each takes functions of its own. A smaller shift costs no instruction: it goes
  /// with smaller factors, as long as these give the same codes.
  static func shareShifts(_ kernels: inout [(any StepKernel)?]) {
    var shifts: [String: [Int]] = [:]
    let order = kernels.enumerated().compactMap { index, kernel in (kernel as? any DSPKernel).map { (index, $0) } }
      .filter { $0.1.requantization.ownShifts == nil }.sorted { $0.1.requantization.shift < $1.1.requantization.shift }
    for (index, kernel) in order {
      var kernel = kernel
      let requantization = kernel.requantization
      let form = "\(type(of: kernel)) \(requantization.scaling) \(requantization.hasCorrections) \(String(describing: requantization.clamp))"
      let known = shifts[form, default: []]
      // The largest that will do leaves factors most of their bits.
      if known.contains(requantization.shift) { continue }
      if known.reversed().contains(where: { kernel.use(shift: $0) }) {
        kernels[index] = kernel
      } else {
        shifts[form] = known + [requantization.shift]
      }
    }
  }
}

enum DSPAssembly {
  /// The sum in register `r` becomes a code; the constants are in the registers named, those that the layer has.
  static func requantize(
    _ r: String, _ requantization: FusedRequantization, factor: String, addend: String, correction: String, free: String,
    shift: String
  ) -> [String] {
    var lines: [String] = []
    if requantization.hasCorrections {
      lines += ["and \(free), \(correction), \(r), asr #31", "sub \(free), \(addend), \(free)"]
    }
    lines.append("smmla \(r), \(r), \(factor), \(requantization.hasCorrections ? free : addend)")
    if requantization.ownShifts != nil {
      lines += ["asr \(r), \(r), \(shift)", "ssat \(r), #8, \(r)"]
    } else {
      lines.append("ssat \(r), #8, \(r), asr #\(requantization.shift)")
    }
    return lines + clamping(r, requantization.clamp)
  }

  /// What of a requantisation is part of a function's text, as a part of its name.
  static func variant(_ requantization: FusedRequantization) -> String {
    (requantization.ownShifts != nil ? "any" : "\(requantization.shift)") + (requantization.hasCorrections ? "s" : "")
      + (requantization.clamp.map {
        "_\(UInt8(truncatingIfNeeded: $0.lowerBound))_\(UInt8(truncatingIfNeeded: $0.upperBound))"
      } ?? "")
  }

  /// Brings a code in register `r` to what a layer's clamp allows, beyond the saturation to 8 bits.
  static func clamping(_ r: String, _ clamp: ClosedRange<Int64>?) -> [String] {
    guard let clamp else { return [] }
    var lines: [String] = []
    if clamp.lowerBound > -128 {
      lines += ["cmp \(r), #\(clamp.lowerBound)", "it lt", "movlt \(r), #\(clamp.lowerBound)"]
    }
    if clamp.upperBound < 127 {
      lines += ["cmp \(r), #\(clamp.upperBound)", "it gt", "movgt \(r), #\(clamp.upperBound)"]
    }
    return lines
  }
}

extension CText {
  /// A function in assembly alone, that keeps the procedure call standard: arguments in r0 to r3 and on the stack. Its
  /// callers must not conclude anything from what seems an empty body that ignores its parameters.
  mutating func assembly(_ head: String, _ lines: [String]) {
    let unused = " __attribute__((unused))"
    let parameters = head.replacing("(\n  ", with: "(").replacing(")", with: "\(unused))")
      .replacing(", ", with: "\(unused), ")
    self.lines(["#if defined(__clang__)", "__attribute__((naked, noinline))", "#else", "__attribute__((naked, noipa))", "#endif"])
    line("static \(parameters) {")
    line("  __asm__ volatile(")
    line("    \".syntax unified\\n\"")
    for line in lines { self.line("    \"\(line)\\n\"") }
    line("  );")
    line("}")
  }
}
