/// Runs an image, instruction by instruction.
public struct Emulator: Sendable {
  public var machine: ConcreteMachine
  public let instructionSet: InstructionSet
  /// Instructions executed; those of an IT block that are passed over count, as they do on the processor.
  public private(set) var instructions = 0

  /// Code, decoded once: an entry for each halfword of the stretches that are executed.
  private struct Code: Sendable {
    var start: UInt32
    var instructions: [MachineInstruction?]
  }
  private var code: [Code]

  /// The code of `image`, which must not change, as its segments have it that can be executed.
  public init(_ image: ELFImage, instructionSet: InstructionSet, memory: MachineMemory) {
    self.instructionSet = instructionSet
    machine = ConcreteMachine(memory, allowsUnaligned: instructionSet.allowsUnaligned)
    code = image.segments.filter(\.isExecutable).map { segment in
      func half(_ index: Int) -> UInt16? {
        2 * index + 1 < segment.bytes.count
          ? UInt16(segment.bytes[2 * index]) | UInt16(segment.bytes[2 * index + 1]) << 8 : nil
      }
      return Code(
        start: segment.address,
        instructions: (0..<segment.bytes.count / 2).map { index in
          half(index).flatMap { instructionSet.decode($0, half(index + 1)) }
        })
    }
  }

  /// The instruction at an address.
  public func instruction(at address: UInt32) throws(MachineFault) -> MachineInstruction {
    for stretch in code where address >= stretch.start {
      let offset = Int(address - stretch.start)
      guard offset / 2 < stretch.instructions.count else { continue }
      guard offset % 2 == 0, let instruction = stretch.instructions[offset / 2] else {
        throw .unknownInstruction(bytes: (try? machine.memory.bytes(address, 4)) ?? [])
      }
      return instruction
    }
    throw .outside(address: address, bytes: 2, .executed)
  }

  /// Executes one instruction.
  public mutating func step() throws(MachineFault) {
    let instruction = try instruction(at: machine.programCounter)
    instructions += 1
    try instruction.execute(on: &machine)
  }

  /// Runs until the program counter is `end`, or at a breakpoint, whose number is returned.
  public mutating func run(until end: UInt32, atMost most: Int) throws(MachineFault) -> Int? {
    machine.breakpoint = nil
    while machine.programCounter != end {
      guard instructions < most else { throw .tooManyInstructions(most) }
      try step()
      if let number = machine.breakpoint { return number }
    }
    return nil
  }

  /// Calls a function with words as its first arguments, at most four: what it returns.
  public mutating func call(
    _ function: UInt32, _ arguments: [UInt32], stackTop: UInt32, atMost most: Int
  ) throws(MachineFault) -> UInt32 {
    let convention = instructionSet.convention
    for (register, argument) in zip(convention.arguments, arguments.prefix(4)) { machine[register] = argument }
    machine[convention.stackPointer] = stackTop & ~(convention.stackAlignment - 1)
    // An address that nothing lies at.
    let end: UInt32 = 0xFFFF_FFFE
    machine[convention.link] = end | convention.returnBit
    machine.programCounter = function
    machine.conditions = 0
    if let number = try run(until: end, atMost: most) { throw .breakpoint(number) }
    return machine[convention.arguments.lowerBound]
  }
}
