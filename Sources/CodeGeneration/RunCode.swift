import IntegerProgram

/// Functions that copy and set whole runs of bytes, as a processor's instructions do it best.
///
/// Both runs may lie in one memory as far as `StepOverlap` lets them: what a move writes never lies above what it still
/// has to read, so a run of several codes that meets its own source lies at it or below, by any distance. Forward copying
/// is right for that whatever the block, as long as a block is loaded before it is stored: all later loads lie above.
/// Runs that lie above their source never meet it.
enum RunCode: Sendable {
  /// C, which reads and writes words where the compiler lets a type alias any other.
  case c
  case armv6
  /// Assembly of Armv7-M, whose loads and stores of one word need no alignment; those of several do.
  case armv7
  case mve

  init(_ language: KernelLanguage) {
    self =
      switch language {
      case .c: .c
      case .armv6: .armv6
      case .armv7: .armv7
      }
  }

  var need: ProcessorNeed? {
    switch self {
    case .c: nil
    case .armv6: .armv6m
    case .armv7: .armv7m
    case .mve: .mve
    }
  }
  /// What lets whole words be moved at once, or several.
  var alignment: Int { self == .mve ? 1 : 4 }
  /// Shorter runs are moved code by code.
  static let leastBytes = 8

  // MARK: Copying

  /// The function that copies a run: of the places to and from which, and the number of bytes.
  func copyFunction(_ writer: inout KernelWriter) -> String {
    let kernel = "\(writer.names.macro)_KERNEL static"
    return writer.sharedFunction("copy_run") { name, text in
      text.comment("Copies a run of bytes. Where both lie in one memory, `to` is `from` or lies below, or neither meets the other.")
      let head = "void \(name)(void *to, const void *from, int32_t bytes)"
      switch self {
      case .c: Self.words("\(kernel) \(head)", pointers: "const int8_t *x = (const int8_t *)from;", isCopy: true, &text)
      case .armv6: text.assembly(head, Self.armv6Copy)
      case .armv7: text.assembly(head, Self.armv7Copy)
      case .mve: text.assembly(head, Self.vectors(["vldrb.u8 q0, [r1], #16"]))
      }
    }
  }

  private static let armv7Copy: [String] = [
    // Eight words at a time where both places are aligned.
    "orr r3, r0, r1", "lsls r3, r3, #30", "bne 3f", "subs r2, r2, #32", "blt 2f", "push {r4-r10}", "1:",
    "ldmia r1!, {r3-r10}", "subs r2, r2, #32", "stmia r0!, {r3-r10}", "bge 1b", "pop {r4-r10}",
    "2:", "adds r2, r2, #32", "beq 8f",
    // Four words at a time, two of them loaded before they are stored; then one.
    "3:", "subs r2, r2, #16", "blt 5f", "4:",
    "ldr r3, [r1], #4", "ldr r12, [r1], #4", "str r3, [r0], #4", "str r12, [r0], #4",
    "ldr r3, [r1], #4", "ldr r12, [r1], #4", "str r3, [r0], #4", "str r12, [r0], #4",
    "subs r2, r2, #16", "bge 4b", "5:", "adds r2, r2, #12", "blt 7f",
    "6:", "ldr r3, [r1], #4", "subs r2, r2, #4", "str r3, [r0], #4", "bge 6b",
    // What is left, as the count's lowest bits: the carry and the sign.
    "7:", "lsls r2, r2, #31", "itt cs", "ldrhcs r3, [r1], #2", "strhcs r3, [r0], #2",
    "itt mi", "ldrbmi r3, [r1]", "strbmi r3, [r0]", "8:", "bx lr",
  ]

  private static let armv6Copy: [String] = [
    "push {r4-r6, lr}", "movs r3, r0", "orrs r3, r1", "lsls r4, r3, #30", "bne 4f",
    // Four words at a time, then one.
    "subs r2, #16", "blt 2f", "1:", "ldmia r1!, {r3-r6}", "stmia r0!, {r3-r6}", "subs r2, #16", "bge 1b",
    "2:", "adds r2, #12", "blt 3f", "6:", "ldmia r1!, {r3}", "stmia r0!, {r3}", "subs r2, #4", "bge 6b",
    "3:", "adds r2, #4", "b 5f",
    // Halfwords, where both places are even.
    "4:", "lsls r4, r3, #31", "bne 5f", "lsrs r4, r2, #1", "lsls r4, r4, #1", "beq 5f", "subs r2, r2, r4",
    "adds r0, r0, r4", "adds r1, r1, r4", "rsbs r4, r4, #0",
    "7:", "ldrh r3, [r1, r4]", "strh r3, [r0, r4]", "adds r4, #2", "bne 7b",
    // Bytes.
    "5:", "cmp r2, #0", "beq 9f", "adds r0, r0, r2", "adds r1, r1, r2", "rsbs r2, r2, #0",
    "8:", "ldrb r3, [r1, r2]", "strb r3, [r0, r2]", "adds r2, #1", "bne 8b", "9:", "pop {r4-r6, pc}",
  ]

  /// Sixteen bytes at a time, the last ones under a predicate.
  private static func vectors(_ load: [String]) -> [String] {
    let head: [String] = ["push {lr}", "wlstp.8 lr, r2, 2f", "1:"]
    return head + load + ["vstrb.8 q0, [r0], #16", "letp lr, 1b", "2:", "pop {pc}"]
  }

  // MARK: Setting

  /// The function that sets a run: of the place, a word of codes, and the number of bytes.
  func fillFunction(_ writer: inout KernelWriter) -> String {
    let kernel = "\(writer.names.macro)_KERNEL static"
    return writer.sharedFunction("fill_run") { name, text in
      text.comment("Sets a run of bytes to those of a word, over and over.")
      let head = "void \(name)(void *to, uint32_t codes, int32_t bytes)"
      switch self {
      case .c: Self.words("\(kernel) \(head)", pointers: "uint32_t next = codes;", isCopy: false, &text)
      case .armv6: text.assembly(head, Self.armv6Fill)
      case .armv7: text.assembly(head, Self.armv7Fill)
      case .mve: text.assembly(head, ["vdup.32 q0, r1"] + Self.vectors([]))
      }
    }
  }

  private static let armv7Fill: [String] = [
    "subs r2, r2, #16", "blt 2f", "1:", "str r1, [r0], #4", "str r1, [r0], #4", "str r1, [r0], #4", "str r1, [r0], #4",
    "subs r2, r2, #16", "bge 1b", "2:", "adds r2, r2, #12", "blt 4f",
    "3:", "str r1, [r0], #4", "subs r2, r2, #4", "bge 3b",
    "4:", "lsls r2, r2, #31", "it cs", "strhcs r1, [r0], #2", "it mi", "strbmi r1, [r0]", "bx lr",
  ]

  private static let armv6Fill: [String] = [
    "push {r4, r5, lr}", "lsls r3, r0, #30", "bne 3f", "movs r3, r1", "movs r4, r1", "movs r5, r1",
    "subs r2, #16", "blt 2f", "1:", "stmia r0!, {r1, r3, r4, r5}", "subs r2, #16", "bge 1b", "2:", "adds r2, #16",
    // Byte after byte of the word.
    "3:", "cmp r2, #0", "beq 5f", "movs r3, #8",
    "4:", "strb r1, [r0]", "adds r0, #1", "rors r1, r3", "subs r2, #1", "bne 4b", "5:", "pop {r4, r5, pc}",
  ]

  // MARK: C

  /// Copies, or sets, words where that is allowed, and then bytes.
  private static func words(_ head: String, pointers: String, isCopy: Bool, _ text: inout CText) {
    text.block(head) { text in
      text.line("int8_t *y = (int8_t *)to;")
      text.line(pointers)
      text.line("int32_t rest = bytes;")
      text.line("#if defined(__GNUC__)")
      text.line("/* Words that may lie where codes do. */")
      text.line("typedef uint32_t __attribute__((may_alias)) word;")
      text.block("if ((((uintptr_t)to\(isCopy ? " | (uintptr_t)from" : "")) % 4u) == 0u)") { text in
        for words in [4, 1] {
          text.block("for (; rest >= \(4 * words); rest -= \(4 * words))") { text in
            text.line("word *const to_words = (word *)(void *)y;")
            if isCopy {
              text.line("const word *const words = (const word *)(const void *)x;")
              for place in 0..<words { text.line("const uint32_t word_\(place) = words[\(place)];") }
            }
            for place in 0..<words { text.line("to_words[\(place)] = \(isCopy ? "word_\(place)" : "codes");") }
            text.line("y = &y[\(4 * words)];")
            if isCopy { text.line("x = &x[\(4 * words)];") }
          }
        }
      }
      text.line("#endif")
      text.block("for (int32_t i = 0; i < rest; i++)") { text in
        if isCopy {
          text.line("y[i] = x[i];")
        } else {
          text.line("y[i] = (int8_t)(uint8_t)(next & 0xFFu);")
          text.line("next = (next >> 8) | (next << 24);")
        }
      }
    }
  }
}

/// Moves that copy whole runs with functions made for a processor.
struct MoveKernel: StepKernel {
  let code: RunCode
  private let move: Move
  let operandAlignment: Int
  var need: ProcessorNeed? { code.need }

  /// Nil where there is no run worth a call.
  init?(_ step: Step, _ program: IntegerProgram, _ code: RunCode) {
    guard case .move(let move) = step.operation else { return nil }
    let (width, count) = (program.values[step.output].bytesPerCode, program.values[step.output].count)
    let copies = move.copies.map { $0.merged() }
    let runs = copies.filter { Self.run(of: $0, bytesPerCode: width) != nil }
    let isFilled = move.fill != nil && width * count >= RunCode.leastBytes
    guard !runs.isEmpty || isFilled else { return nil }
    self.move = Move(fill: move.fill, copies: copies)
    self.code = code
    // Where the places of runs allow it, they are kept aligned.
    let places = runs.flatMap {
      [$0.sourceStart, $0.targetStart] + $0.sourceStrides.dropLast() + $0.targetStrides.dropLast()
    }
    operandAlignment = places.allSatisfy { $0 * width % code.alignment == 0 } ? code.alignment : 1
  }

  /// The codes of the runs that a copy has; nil where they are few, or none lie side by side.
  static func run(of copy: Move.Copy, bytesPerCode: Int) -> Int? {
    guard let count = copy.sizes.last, copy.sourceStrides.last == 1, copy.targetStrides.last == 1,
      count * bytesPerCode >= RunCode.leastBytes
    else { return nil }
    return count
  }

  func write(_ writer: inout KernelWriter, _ step: Step, _ index: Int, _ text: inout CText) {
    writer.move(move, step, by: code, &text)
  }
}
