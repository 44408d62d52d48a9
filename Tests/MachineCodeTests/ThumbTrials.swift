import DifferentialTesting
import MachineCode

/// Single instructions with random registers, flags and memory, executed by QEMU: many in one image, each a trial of its
/// own, whose results the image writes to a file.
struct ThumbTrials {
  /// Registers 0 … 12, then the stack pointer and the link register.
  struct State: Equatable {
    var registers: [UInt32]
    /// As the processor's APSR has them: N, Z, C, V in bits 31 … 28, those of lanes in bits 19 … 16.
    var flags: UInt32
    /// The words of the vectors, then the predicate; none where there are no vectors.
    var vectors: [UInt32]
    var memory: [UInt8]
  }
  struct Trial {
    /// The instruction; before it one that makes it conditional, or behind it one that it may pass over.
    var body: [UInt16]
    var before: State
    /// Whether what becomes of the stack pointer is looked at, in place of the link register.
    var showsStack: Bool
  }

  /// Where trials lie, and how much each of them takes.
  struct Layout {
    let core: ThumbDecoder.Core
    var hasVectors: Bool { core >= .armv81M }
    var trialBytes: Int { hasVectors ? 128 : 96 }
    var bodyOffset: Int { hasVectors ? 30 : 20 }
    var stateWords: Int { 15 + vectorWords }
    var vectorWords: Int { hasVectors ? 33 : 0 }
    /// The board with vectors has little memory where its vector table lies.
    var text: UInt32 { hasVectors ? 0x7000_0000 : 0x40 }
    var ram: UInt32 { hasVectors ? 0x7100_0000 : 0x2000_0000 }
    var options: String {
      hasVectors
        ? ".arch armv8.1-m.main\n.arch_extension mve\n.arch_extension fp\n"
        : ".cpu \(core == .armv7EM ? "cortex-m4" : "cortex-m3")\n"
    }

    static let memoryBytes = 128
    static let firstTrial = 1024
    func memory(ofTrial index: Int) -> UInt32 { ram + UInt32(index * Self.memoryBytes) }
    func place(ofTrial index: Int) -> UInt32 { text + UInt32(Self.firstTrial + index * trialBytes + bodyOffset) }
  }

  let layout: Layout
  var trials: [Trial] = []

  private var source: String {
    let count = trials.count
    let memoryBytes = Layout.memoryBytes
    let results = layout.ram + UInt32(count * memoryBytes)
    let size = count * (memoryBytes + 4 * layout.stateWords)
    var text = """
      .syntax unified
      \(layout.options)
      .thumb
      .section .vectors, "a"
      .word \(layout.ram + 0x3F_FF00), reset + 1, done + 1, done + 1, done + 1, done + 1, done + 1
      .word done + 1, done + 1, done + 1, done + 1, done + 1, done + 1, done + 1, done + 1, done + 1
      .text
      .thumb_func
      reset:
      \(layout.hasVectors ? "ldr r0, =0xE000ED88\nldr r1, [r0]\norr r1, #0xF00000\nstr r1, [r0]\ndsb\nisb" : "nop")
      ldr r0, =memory
      ldr r1, =\(layout.ram)
      ldr r2, =\(count * memoryBytes)
      1: ldr r3, [r0], #4
      str r3, [r1], #4
      subs r2, #4
      bne 1b
      b.w trial0
      trial\(count):
      done:
      adr r1, open
      movs r0, #1
      bkpt 0xAB
      adr r1, write
      str r0, [r1]
      movs r0, #5
      bkpt 0xAB
      adr r1, exit
      movs r0, #0x20
      bkpt 0xAB
      b .
      .balign 4
      open: .word name, 5, 3
      write: .word 0, \(layout.ram), \(size)
      exit: .word 0x20026, 0
      name: .asciz "out"
      .ltorg

      """
    let lanes = layout.core >= .armv7EM ? "g" : ""
    for (index, trial) in trials.enumerated() {
      text += """
        .org \(Layout.firstTrial + index * layout.trialBytes)
        trial\(index): ldr.w sp, 1f
        \(layout.hasVectors ? "vpop {d0-d15}\npop {r0}\nvmsr p0, r0" : "")
        pop {r0}
        msr APSR_nzcvq\(lanes), r0
        pop.w {r0-r12, lr}
        ldr.w sp, 2f
        nop
        .short \(trial.body.map(String.init).joined(separator: ","))
        \(trial.showsStack ? "mov lr, sp" : "nop")
        ldr.w sp, 3f
        push.w {r0-r12, lr}
        mrs r0, APSR
        push {r0}
        \(layout.hasVectors ? "vmrs r0, p0\npush {r0}\nvpush {d0-d15}" : "")
        b.w trial\(index + 1)
        .balign 4
        1: .word states + \(index * 4 * layout.stateWords)
        2: .word \(trial.before.registers[13])
        3: .word \(results + UInt32((index + 1) * 4 * layout.stateWords))

        """
    }
    text +=
      ".org \(Layout.firstTrial + count * layout.trialBytes)\nstates: .incbin \"states\"\nmemory: .incbin \"memory\"\n"
    return text
  }

  /// What QEMU makes of each trial; nil from one on that takes a fault.
  func run(_ board: String) throws -> [State?] {
    let start = layout.hasVectors ? "0x10000000" : "0"
    let bench = QEMUBench(
      tools: "arm-none-eabi",
      linkerOptions: ["--section-start=.vectors=\(start)", "-Ttext=0x\(hexadecimal(layout.text))"],
      emulator: "qemu-system-arm", machine: ["-M", board])
    let before = trials.flatMap {
      $0.before.vectors + [$0.before.flags] + $0.before.registers[..<13] + [$0.before.registers[14]]
    }
    let output = try bench.output(
      source, files: ["states": [UInt8](words: before), "memory": trials.flatMap { $0.before.memory }])
    let states = trials.count * Layout.memoryBytes
    return trials.indices.map { index in
      let words = (0..<layout.stateWords).map { output.word(states + 4 * (index * layout.stateWords + $0)) }
      guard words.contains(where: { $0 != 0 }) else { return nil }
      let memory = output[index * Layout.memoryBytes..<(index + 1) * Layout.memoryBytes]
      let rest = Array(words[layout.vectorWords...])
      return State(
        registers: Array(rest[1...13]) + [0, rest[14]], flags: rest[0], vectors: Array(words[..<layout.vectorWords]),
        memory: Array(memory))
    }
  }
}

/// What this package's emulator makes of a trial, and trials to make something of.
struct ThumbTrialMaker {
  let decoder: ThumbDecoder
  let layout: ThumbTrials.Layout
  var random: SeededGenerator
  /// How often each operation was tried.
  var tried: [String: Int] = [:]

  private static let skipped: [UInt16] = [0xF241, 0x2734]  // movw r7, #0x1234
  /// First halfwords of 32-bit instructions that random ones would seldom be.
  private static let classes: [ClosedRange<UInt16>] = [
    0xFA80...0xFAFF, 0xFB00...0xFBFF, 0xF300...0xF3FF, 0xF800...0xF99F, 0xE880...0xE9FF, 0xEA00...0xEBFF,
    0xF000...0xF1FF, 0xFA00...0xFA7F,
  ]

  init(_ core: ThumbDecoder.Core, seed: UInt64) {
    decoder = ThumbDecoder(core)
    layout = ThumbTrials.Layout(core: core)
    random = SeededGenerator(seed: seed)
  }

  private static func isStraight(_ instruction: ThumbInstruction) -> Bool {
    switch instruction.operation {
    case .branch, .branchWithLink, .branchTo, .compareAndBranch, .tableBranch, .ifThen, .breakpoint, .loopEnd: false
    case .loopStart(_, let skip): skip == nil
    case .arithmetic(let kind, let d, _, _, _): d != 15 || !kind.hasResult
    default: true
    }
  }

  /// An instruction that goes on to the one behind it.
  private mutating func straight(isNarrow: Bool) -> [UInt16] {
    while true {
      if decoder.core >= .armv81M, !isNarrow, Bool.random(using: &random) { return vector() }
      if isNarrow {
        let half = UInt16.random(in: 0..<0xE800, using: &random)
        if let found = decoder.decode(half, nil), Self.isStraight(found) { return [half] }
      } else {
        let range = Self.classes[Int.random(in: 0..<Self.classes.count, using: &random)]
        var halves = [UInt16.random(in: range, using: &random), UInt16.random(in: 0...0xFFFF, using: &random)]
        // Bits that most instructions have so.
        if Bool.random(using: &random), halves[0] >= 0xFA00, halves[0] < 0xFB00 { halves[1] |= 0xF000 }
        if Bool.random(using: &random), halves[0] >= 0xFB80 { halves[1] |= 0x00F0 }
        if let found = decoder.decode(halves[0], halves[1]), Self.isStraight(found) { return halves }
      }
    }
  }

  private mutating func vector() -> [UInt16] {
    while true {
      let bits = UInt32(truncatingIfNeeded: random.next())
      // Vectors are 0 … 7: their highest bits are 0.
      let word = vectorInstruction(
        Int.random(in: 0..<1000, using: &random), bits: Bool.random(using: &random) ? bits & ~0x40_00A0 : bits)
      let halves = [UInt16(word >> 16), UInt16(word & 0xFFFF)]
      if let found = decoder.decode(halves[0], halves[1]), case .vector(let operation) = found.operation {
        // What starts a block is tried in one.
        switch operation {
        case .predicate: continue
        case .compare(_, _, _, _, let mask) where mask != 0: continue
        default: return halves
        }
      }
    }
  }

  private mutating func vectorBody() -> [UInt16] {
    switch Int.random(in: 0..<8, using: &random) {
    case 0, 1:
      // A block of one to four instructions.
      let mask = UInt16.random(in: 1..<16, using: &random)
      var body = [0xFE31 | (mask & 8) << 3, 0x0F4D | (mask & 7) << 13]
      if Bool.random(using: &random) {
        body[0] = UInt16.random(in: 0...0xFFFF, using: &random) & 0x003E | 0xFE01 | (mask & 8) << 3
        body[1] = UInt16.random(in: 0...0xFFFF, using: &random) & 0x10EE | 0x0F00 | (mask & 7) << 13
        if Bool.random(using: &random) { body[1] = body[1] & ~0xF | 0x40 | UInt16.random(in: 0...15, using: &random) }
      }
      for _ in 0..<4 - mask.trailingZeroBitCount { body += vector() }
      return body
    case 2:
      // ADDS r0, r0, r1 as often as LR says.
      return [0x1840, 0xF00F, 0xC003]
    case 3:
      return [0xF040 | UInt16.random(in: 0..<13, using: &random), 0xC003] + Self.skipped
    case 4:
      // Shifts of 64 bits, selections.
      while true {
        let halves = [
          0xEA50 | UInt16.random(in: 0..<16, using: &random), UInt16.random(in: 0...0xFFFF, using: &random),
        ]
        if decoder.decode(halves[0], halves[1]) != nil { return halves }
      }
    default: return vector()
    }
  }

  private mutating func body() -> [UInt16] {
    if decoder.core >= .armv81M, Int.random(in: 0..<4, using: &random) > 0 { return vectorBody() }
    let isFirst = decoder.core == .armv6M
    switch Int.random(in: 0..<10, using: &random) {
    case 0:
      let condition = UInt16.random(in: 0..<14, using: &random)
      return [0xD001 | condition << 8] + (isFirst ? [0x2700, 0x43FF] : Self.skipped)
    case 1 where !isFirst:
      let register = UInt16.random(in: 0..<8, using: &random)
      return [0xB108 | register | (Bool.random(using: &random) ? 0x800 : 0)] + Self.skipped
    case 2 where !isFirst:
      let condition = UInt16.random(in: 0..<14, using: &random)
      return [0xF000 | condition << 6, 0x8002] + Self.skipped
    case 3, 4:
      guard !isFirst else { return straight(isNarrow: true) }
      // Up to four instructions of which each is executed on the condition, or on its opposite.
      let count = Int.random(in: 1...4, using: &random)
      let condition = UInt16.random(in: 0..<14, using: &random)
      let mask = (UInt16.random(in: 0..<16, using: &random) | 1) << UInt16(4 - count) & 15 | 1 << UInt16(4 - count)
      var body = [0xBF00 | condition << 4 | mask]
      for _ in 0..<count { body += straight(isNarrow: count > 1) }
      return body
    default: return straight(isNarrow: isFirst || Bool.random(using: &random))
    }
  }

  /// A trial, and what the emulator makes of it.
  mutating func next(_ index: Int) -> (ThumbTrials.Trial, ThumbTrials.State) {
    let memory = layout.memory(ofTrial: index)
    while true {
      let body = body()
      for _ in 0..<8 {
        var registers = (0..<15).map { _ in random.machineWord() }
        registers[13] = memory + 4 * UInt32.random(in: 0..<32, using: &random)
        var vectors = (0..<max(0, layout.vectorWords - 1)).map { _ in random.machineWord() }
        aim(body, &registers, &vectors, memory)
        if layout.hasVectors { vectors.append(UInt32.random(in: 0...0xFFFF, using: &random)) }
        var flags = random.machineWord() & 0xF000_0000
        if decoder.core >= .armv7EM { flags |= random.machineWord() & 0xF_0000 }
        let bytes = (0..<ThumbTrials.Layout.memoryBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        let trial = ThumbTrials.Trial(
          body: body, before: .init(registers: registers, flags: flags, vectors: vectors, memory: bytes),
          showsStack: Bool.random(using: &random))
        guard let after = run(trial, index) else { continue }
        if let first = decoder.decode(body[0], body.count > 1 ? body[1] : nil) {
          var name = String("\(first.operation)".prefix { $0 != "(" })
          if case .vector(let operation) = first.operation { name = String("\(operation)".prefix { $0 != "(" }) }
          tried[name, default: 0] += 1
          if case .vector(.lanewise(let kind, _, _, _, _)) = first.operation { tried["\(kind)", default: 0] += 1 }
        }
        return (trial, after)
      }
    }
  }

  /// Makes an instruction's address one of the trial's own memory, mostly.
  private mutating func aim(
    _ body: [UInt16], _ registers: inout [UInt32], _ vectors: inout [UInt32], _ memory: UInt32
  ) {
    var place = 0
    while place < body.count {
      guard let found = decoder.decode(body[place], place + 1 < body.count ? body[place + 1] : nil) else { return }
      place += found.bytes / 2
      var goal = memory + 4 * UInt32.random(in: 0..<32, using: &random)
      if Bool.random(using: &random) { goal += UInt32.random(in: 0..<4, using: &random) }
      switch found.operation {
      case .load(_, let address, _, _), .store(_, let address, _), .loadPair(_, _, let address),
        .storePair(_, _, let address):
        switch address.offset {
        case .immediate(let offset):
          registers[address.base] = address.isBefore ? goal &- UInt32(truncatingIfNeeded: offset) : goal
        case .register(let m, let places):
          registers[m] = UInt32.random(in: 0..<200, using: &random)
          registers[address.base] = goal &- registers[m] << UInt32(places)
        }
      case .loopEnd, .loopStart: registers[14] = UInt32.random(in: 0...5, using: &random)
      case .vector(let operation): aim(operation, &registers, &vectors, memory)
      case .loadMultiple(let base, _, _, _), .storeMultiple(let base, _, _, _): registers[base] = goal & ~3
      default: break
      }
    }
    registers[13] &= ~3
  }

  private mutating func aim(
    _ operation: VectorOperation, _ registers: inout [UInt32], _ vectors: inout [UInt32], _ memory: UInt32
  ) {
    switch operation {
    case .load(_, let address, let bytes, _, _), .store(_, let address, let bytes, _):
      guard case .immediate(let offset) = address.offset else { return }
      let goal = memory + UInt32(bytes) * UInt32.random(in: 0..<112 / UInt32(bytes), using: &random)
      registers[address.base] = address.isBefore ? goal &- UInt32(truncatingIfNeeded: offset) : goal
    case .transferWords(_, let count, let address, _):
      guard case .immediate(let offset) = address.offset, address.base < 15 else { return }
      let goal = memory + 4 * UInt32.random(in: 0...UInt32(32 - min(count, 32)), using: &random)
      registers[address.base] = address.isBefore ? goal &- UInt32(truncatingIfNeeded: offset) : goal
    case .storeInterleaved(_, let base, _, _):
      registers[base] = memory + 4 * UInt32.random(in: 0..<16, using: &random)
    case .gather(_, let base, let m, let bytes, let laneBytes, _, let isScaled),
      .scatter(_, let base, let m, let bytes, let laneBytes, let isScaled):
      registers[base] = memory
      for word in 0..<4 {
        vectors[4 * m + word] = (0..<4 / laneBytes).reduce(0) { sum, lane in
          let index = UInt32.random(in: 0..<128 / UInt32(bytes), using: &random)
          return sum | (isScaled ? index : index * UInt32(bytes)) << UInt32(8 * laneBytes * lane)
        }
      }
    case .predicateFirst(let n, _): registers[n] = UInt32.random(in: 0..<20, using: &random)
    default: break
    }
  }

  private func run(_ trial: ThumbTrials.Trial, _ index: Int) -> ThumbTrials.State? {
    let place = layout.place(ofTrial: index)
    let start = layout.memory(ofTrial: index)
    var machine = ConcreteMachine(
      MachineMemory([.init(start: start, bytes: trial.before.memory, isWritable: true)]),
      allowsUnaligned: decoder.core >= .armv7M)
    for register in 0..<15 { machine[register] = trial.before.registers[register] }
    let flags = trial.before.flags
    machine.isNegative = flags >> 31 & 1 != 0
    machine.isZero = flags >> 30 & 1 != 0
    machine.carry = flags >> 29 & 1 != 0
    machine.overflow = flags >> 28 & 1 != 0
    machine.laneMask = (0..<4).reduce(0) { $0 | (flags >> UInt32(16 + $1) & 1 != 0 ? 0xFF << UInt32(8 * $1) : 0) }
    for (word, number) in zip(VectorRegister.words, trial.before.vectors) { machine[word] = number }
    if let predicate = trial.before.vectors.last {
      for byte in 0..<16 where predicate >> UInt32(byte) & 1 != 0 {
        machine[VectorRegister.predicate.lowerBound + byte / 4] |= 0xFF << UInt32(8 * (byte % 4))
      }
    }
    machine.programCounter = place
    let end = place + UInt32(2 * trial.body.count)
    while machine.programCounter != end {
      let half = Int(machine.programCounter) - Int(place)
      guard half % 2 == 0, trial.body.indices.contains(half / 2),
        let instruction = decoder.decode(
          trial.body[half / 2], half / 2 + 1 < trial.body.count ? trial.body[half / 2 + 1] : nil),
        (try? instruction.execute(on: &machine)) != nil
      else { return nil }
    }
    guard machine.conditions == 0, machine[VectorRegister.conditions] == 0,
      let memory = try? machine.memory.bytes(start, ThumbTrials.Layout.memoryBytes)
    else { return nil }
    var after = (0..<15).map { machine[$0] }
    if trial.showsStack { after[14] = after[13] }
    after[13] = 0
    var result: UInt32 = (machine.isNegative ? 1 << 31 : 0) | (machine.isZero ? 1 << 30 : 0)
    result |= (machine.carry ? 1 << 29 : 0) | (machine.overflow ? 1 << 28 : 0)
    for lane in 0..<4 where machine.laneMask >> UInt32(8 * lane) & 1 != 0 { result |= 1 << UInt32(16 + lane) }
    var vectors = layout.hasVectors ? VectorRegister.words.map { machine[$0] } : []
    if layout.hasVectors {
      vectors.append(
        (0..<16).reduce(0) {
          $0 | (machine[VectorRegister.predicate.lowerBound + $1 / 4] >> UInt32(8 * ($1 % 4)) & 1) << UInt32($1)
        })
    }
    return ThumbTrials.State(registers: after, flags: result, vectors: vectors, memory: memory)
  }
}

extension ThumbTrialMaker {
  /// Trials of which QEMU makes something else than the emulator, in words; nothing is said of those behind a fault.
  mutating func disagreements(count: Int, board: String) throws -> (compared: Int, [String]) {
    var trials = ThumbTrials(layout: layout)
    var expected: [ThumbTrials.State] = []
    for index in 0..<count {
      let (trial, after) = next(index)
      trials.trials.append(trial)
      expected.append(after)
    }
    let mask: UInt32 = decoder.core >= .armv7EM ? 0xF00F_0000 : 0xF000_0000
    var words: [String] = []
    var compared = 0
    for (index, state) in try trials.run(board).enumerated() {
      let trial = trials.trials[index]
      func say(_ what: String) {
        let body = trial.body.map { hexadecimal(UInt32($0), digits: 4) }.joined(separator: " ")
        let operation = decoder.decode(trial.body[0], trial.body.count > 1 ? trial.body[1] : nil)
        words.append("\(body) \(operation.map { "\($0.operation)" } ?? "?"): \(what)")
      }
      guard var state else {
        say("QEMU takes a fault")
        break
      }
      compared += 1
      state.flags &= mask
      let ours = expected[index]
      if state == ours { continue }
      for register in 0..<15 where state.registers[register] != ours.registers[register] {
        say(
          "r\(register) is \(hexadecimal(state.registers[register])), not \(hexadecimal(ours.registers[register])); before: "
            + trial.before.registers.map { hexadecimal($0) }.joined(separator: " "))
      }
      if state.flags != ours.flags {
        say(
          "flags are \(hexadecimal(state.flags)), not \(hexadecimal(ours.flags)), before \(hexadecimal(trial.before.flags))"
        )
      }
      for (word, (theirs, mine)) in zip(state.vectors, ours.vectors).enumerated() where theirs != mine {
        let before = hexadecimal(trial.before.vectors[word])
        say("vectors' word \(word) is \(hexadecimal(theirs)), not \(hexadecimal(mine)), before \(before)")
      }
      if state.memory != ours.memory { say("memory differs") }
    }
    return (compared, words)
  }
}
