import DifferentialTesting
import MachineCode

/// Instructions of RV32IMAC with random registers and memory. QEMU starts each with MRET and ends it with ECALL; any
/// other trap is a result as well.
struct RISCVTrials {
  struct State: Equatable {
    /// Registers 1 … 31 behind why it ended: 11 for ECALL.
    var cause: UInt32
    var registers: [UInt32]
    var memory: [UInt8]
  }
  struct Trial {
    var body: [UInt16]
    var registers: [UInt32]
    var memory: [UInt8]
  }

  static let memoryBytes = 128
  static let bodyBytes = 32
  private static let (bodies, ram): (UInt32, UInt32) = (0x8000_1000, 0x8400_0000)
  private static let environmentCall = 11

  static let bench = QEMUBench(
    tools: "riscv64-unknown-elf", assemblerOptions: ["-march=rv32imac_zicsr", "-mabi=ilp32"],
    linkerOptions: ["-m", "elf32lriscv", "-Ttext=0x80000000"], emulator: "qemu-system-riscv32",
    machine: ["-M", "virt", "-bios", "none"])

  static func memory(ofTrial index: Int) -> UInt32 { ram + UInt32(index * memoryBytes) }
  static func place(ofTrial index: Int) -> UInt32 { bodies + UInt32(index * bodyBytes) }

  /// Registers wander through mscratch, so that all of them are the trial's.
  private static func source(_ count: Int) -> String {
    func all(_ registers: ClosedRange<Int>, _ operation: String) -> String {
      registers.map { "\(operation) x\($0), \(4 * $0)(x31)\n" }.joined()
    }
    let semihosting = "slli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7"
    let results = ram + UInt32(count * memoryBytes)
    return """
      .option norvc
      .option norelax
      reset: la t0, trap
      csrw mtvec, t0
      li t0, 0x1800
      csrs mstatus, t0
      la t0, memory
      li t1, \(ram)
      li t2, \(results)
      1: lw t3, 0(t0)
      sw t3, 0(t1)
      addi t0, t0, 4
      addi t1, t1, 4
      bltu t1, t2, 1b
      j next
      .balign 4
      trap: csrw mscratch, x31
      la x31, result
      lw x31, 0(x31)
      \(all(1...30, "sw"))
      csrr x1, mscratch
      sw x1, 124(x31)
      csrr x1, mcause
      sw x1, 0(x31)
      la x1, result
      addi x31, x31, 128
      sw x31, 0(x1)
      next: la x1, left
      lw x2, 0(x1)
      beqz x2, done
      addi x2, x2, -1
      sw x2, 0(x1)
      la x1, state
      lw x31, 0(x1)
      addi x2, x31, 128
      sw x2, 0(x1)
      la x1, body
      lw x2, 0(x1)
      csrw mepc, x2
      addi x2, x2, \(bodyBytes)
      sw x2, 0(x1)
      \(all(1...31, "lw"))
      mret
      done: la a1, open
      li a0, 1
      call semihost
      la a1, write
      sw a0, 0(a1)
      li a0, 5
      call semihost
      la a1, exit
      li a0, 0x20
      call semihost
      .balign 16
      semihost: \(semihosting)
      ret
      .balign 4
      result: .word \(results)
      left: .word \(count)
      state: .word states
      body: .word \(bodies)
      open: .word name, 5, 3
      write: .word 0, \(ram), \(count * (memoryBytes + 128))
      exit: .word 0x20026, 0
      name: .asciz "out"
      .org \(bodies - 0x8000_0000)
      .incbin "bodies"
      .balign 16
      states: .incbin "states"
      memory: .incbin "memory"

      """
  }

  /// What QEMU makes of each trial.
  static func run(_ trials: [Trial]) throws -> [State] {
    let call: [UInt16] = [0x0073, 0]
    var bodies: [UInt8] = []
    for trial in trials {
      let halves = trial.body + call
      bodies +=
        halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } + Array(repeating: 0, count: bodyBytes - 2 * halves.count)
    }
    let output = try bench.output(
      source(trials.count),
      files: [
        "bodies": bodies, "states": [UInt8](words: trials.flatMap { $0.registers }),
        "memory": trials.flatMap { $0.memory },
      ])
    return trials.indices.map { index in
      let at = trials.count * memoryBytes + 128 * index
      return State(
        cause: output.word(at), registers: (1..<32).map { output.word(at + 4 * $0) },
        memory: Array(output[index * memoryBytes..<(index + 1) * memoryBytes]))
    }
  }

  // MARK: Trials to make

  var random: SeededGenerator
  /// How often each operation was tried.
  var tried: [String: Int] = [:]
  private let decoder = RISCVDecoder()

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private static let opcodes: [UInt32] = [0x37, 0x17, 0x6F, 0x67, 0x63, 0x03, 0x23, 0x13, 0x33, 0x33, 0x33, 0x0F, 0x2F]

  private mutating func instruction() -> [UInt16] {
    while true {
      let halves: [UInt16]
      if Bool.random(using: &random) {
        halves = [UInt16.random(in: 0...0xFFFF, using: &random)]
      } else {
        var word =
          UInt32(truncatingIfNeeded: random.next()) & ~0x7F | (Self.opcodes.randomElement(using: &random) ?? 0x33)
        // Bits that most instructions have so.
        if word & 0x7F == 0x33 { word = word & 0x01FF_FFFF | (UInt32.random(in: 0...2, using: &random) % 2) << 25 }
        if word & 0x7F == 0x33, Int.random(in: 0..<4, using: &random) == 0 { word = word & 0x01FF_FFFF | 0x4000_0000 }
        if word & 0x707F == 0x1013 || word & 0x707F == 0x5013 { word &= 0x41FF_FFFF }
        if word & 0x7F == 0x2F { word = word & ~0x7000 | 0x2000 }
        halves = [UInt16(word & 0xFFFF), UInt16(word >> 16)]
      }
      if let found = decoder.decode(halves[0], halves.count > 1 ? halves[1] : nil), found.operation != .breakpoint {
        return halves
      }
    }
  }

  /// A trial, and what the emulator makes of it: a single instruction, or behind a branch or jump four that it may pass
  /// over in part.
  mutating func next(_ index: Int) -> (Trial, State) {
    while true {
      var body = instruction()
      guard let first = decoder.decode(body[0], body.count > 1 ? body[1] : nil) else { continue }
      switch first.operation {
      case .branch, .jump, .jumpTo:
        for value in 1...4 as ClosedRange<UInt16> { body.append(0x4281 | value << 2 | value << 7) }
      default: break
      }
      for _ in 0..<8 {
        var registers = (0..<32).map { _ in random.machineWord() }
        aim(first, &registers, index)
        registers[0] = 0
        let bytes = (0..<Self.memoryBytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        let trial = Trial(body: body, registers: registers, memory: bytes)
        guard let after = run(trial, index) else { continue }
        tried[String("\(first.operation)".prefix { $0 != "(" }), default: 0] += 1
        if case .arithmetic(let kind, _, _, _) = first.operation { tried["\(kind)", default: 0] += 1 }
        return (trial, after)
      }
    }
  }

  /// Makes an instruction's address one of the trial's own, mostly.
  private mutating func aim(_ instruction: RISCVInstruction, _ registers: inout [UInt32], _ index: Int) {
    let memory = Self.memory(ofTrial: index)
    func goal(_ bytes: UInt32, _ offset: Int) -> UInt32 {
      memory + bytes * UInt32.random(in: 0..<128 / bytes, using: &random) &- UInt32(truncatingIfNeeded: offset)
    }
    switch instruction.operation {
    case .load(_, let base, let offset, let bytes, _), .store(_, let base, let offset, let bytes):
      registers[base] = goal(UInt32(bytes), offset)
    case .atomic(_, _, let base, _): registers[base] = goal(4, 0)
    case .jumpTo(_, let base, let offset):
      let target = UInt32(instruction.bytes) + 2 * UInt32.random(in: 0...4, using: &random)
      registers[base] = Self.place(ofTrial: index) + target &- UInt32(truncatingIfNeeded: offset)
    case .branch(_, _, let a, let b): if Bool.random(using: &random) { registers[a] = registers[b] }
    default: break
    }
  }

  private func run(_ trial: Trial, _ index: Int) -> State? {
    let (place, start) = (Self.place(ofTrial: index), Self.memory(ofTrial: index))
    var machine = ConcreteMachine(
      MachineMemory([.init(start: start, bytes: trial.memory, isWritable: true)]),
      allowsUnaligned: InstructionSet.riscV.allowsUnaligned)
    for register in 1..<32 { machine[register] = trial.registers[register] }
    machine.programCounter = place
    let end = place + UInt32(2 * trial.body.count)
    var steps = 0
    while machine.programCounter != end {
      let half = (Int(machine.programCounter) - Int(place)) / 2
      guard steps < 8, machine.programCounter >= place, trial.body.indices.contains(half),
        let instruction = decoder.decode(trial.body[half], half + 1 < trial.body.count ? trial.body[half + 1] : nil),
        (try? instruction.execute(on: &machine)) != nil
      else { return nil }
      steps += 1
    }
    guard let memory = try? machine.memory.bytes(start, Self.memoryBytes) else { return nil }
    return State(cause: UInt32(Self.environmentCall), registers: (1..<32).map { machine[$0] }, memory: memory)
  }

  /// Trials of which QEMU makes something else than the emulator, in words.
  mutating func disagreements(count: Int) throws -> [String] {
    let made = (0..<count).map { next($0) }
    var words: [String] = []
    for ((trial, ours), theirs) in zip(made, try Self.run(made.map(\.0))) where ours != theirs {
      let body = trial.body.map { hexadecimal(UInt32($0), digits: 4) }.joined(separator: " ")
      let operation =
        decoder.decode(trial.body[0], trial.body.count > 1 ? trial.body[1] : nil).map { "\($0.operation)" } ?? "?"
      var differences = (1..<32).filter { ours.registers[$0 - 1] != theirs.registers[$0 - 1] }.map {
        "x\($0) is \(hexadecimal(theirs.registers[$0 - 1])), not \(hexadecimal(ours.registers[$0 - 1]))"
      }
      if theirs.cause != ours.cause { differences.append("the trap \(theirs.cause) is taken") }
      if theirs.memory != ours.memory { differences.append("memory differs") }
      words.append("\(body) \(operation): " + differences.joined(separator: ", "))
    }
    return words
  }
}
