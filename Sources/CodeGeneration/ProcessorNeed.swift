/// What a kernel takes for granted of the processor and the compiler. The compiler's own macros tell whether it is there.
enum ProcessorNeed: CaseIterable, Sendable {
  /// Assembly with the instructions of Armv6-M.
  case armv6m
  /// The same with those of Armv7-M.
  case armv7m
  /// Assembly with Arm's DSP extension.
  case dsp
  /// Arm's vector extension (Helium): assembly, and the intrinsics of `arm_mve.h`.
  case mve

  /// As a message says it.
  var words: String {
    switch self {
    case .armv6m: "Thumb instructions as of Armv6-M"
    case .armv7m: "Thumb instructions as of Armv7-M"
    case .dsp: "Arm's DSP extension"
    case .mve: "Arm's vector extension (MVE)"
    }
  }

  /// What must hold of macros of the Arm C Language Extensions (Arm's IHI 0073), and of GCC's, whose assembly it is.
  private var conditions: [String] {
    // Words of codes are loaded and taken apart.
    let common = ["defined(__GNUC__)", "defined(__thumb__)", "!defined(__ARM_BIG_ENDIAN)"]
    return switch self {
    case .armv6m: common + ["defined(__ARM_ARCH)", "(__ARM_ARCH >= 6)"]
    case .armv7m: common + ["defined(__thumb2__)", "defined(__ARM_ARCH)", "(__ARM_ARCH >= 7)"]
    case .dsp: common + ["defined(__thumb2__)", "defined(__ARM_FEATURE_DSP)"]
    case .mve: common + ["defined(__thumb2__)", "defined(__ARM_FEATURE_MVE)", "((__ARM_FEATURE_MVE & 1) != 0)"]
    }
  }

  /// The needs as messages list them.
  static func words(_ needs: Set<ProcessorNeed>) -> String {
    (ordered(needs).map(\.words) + ["GCC or Clang, little-endian"]).joined(separator: ", ")
  }

  /// The expression of an #if that holds where all are met.
  static func condition(_ needs: Set<ProcessorNeed>) -> String {
    var all: [String] = []
    for condition in ordered(needs).flatMap(\.conditions) where !all.contains(condition) { all.append(condition) }
    return all.joined(separator: " && ")
  }

  private static func ordered(_ needs: Set<ProcessorNeed>) -> [ProcessorNeed] { allCases.filter(needs.contains) }
}

extension KernelLanguage {
  var need: ProcessorNeed? {
    switch self {
    case .c: nil
    case .armv6: .armv6m
    case .armv7: .armv7m
    }
  }
}
