import IntegerProgram

@testable import CodeGeneration

/// One run of the generated C under a memory plan, replayed byte by byte: for each byte of the arena, which byte of which
/// value it holds. Every read must find the value that it means.
struct ArenaReplay {
  /// The first thing that goes wrong.
  struct Fault: Equatable, CustomStringConvertible {
    var step: Int
    var reason: String
    var description: String { "step \(step): \(reason)" }
  }

  private let program: IntegerProgram
  private let plan: MemoryPlan
  /// For each value, the one whose bytes it is: itself, but where a step only renames its operand.
  private var origin: [Int]
  private var offsets: [Int]
  private let widths: [Int]
  private var arena: [UInt64]
  private var step = -1
  private var scratch = 0..<0
  private(set) var fault: Fault?

  private static let nothing: UInt64 = 0
  private static func tag(_ owner: Int, _ byte: Int) -> UInt64 { UInt64(owner + 1) << 32 | UInt64(byte) }

  /// What goes wrong when the program runs under the plan; nil where nothing does.
  static func fault(of plan: MemoryPlan, for program: IntegerProgram) -> Fault? {
    var replay = ArenaReplay(program, plan)
    replay.run()
    return replay.fault
  }

  private init(_ program: IntegerProgram, _ plan: MemoryPlan) {
    self.program = program
    self.plan = plan
    origin = Array(program.values.indices)
    widths = program.values.map { $0.type.bits <= 8 ? 1 : $0.type.bits <= 16 ? 2 : 4 }
    offsets = program.values.indices.map { plan.offset(ofValue: $0) ?? -1 }
    arena = Array(repeating: Self.nothing, count: plan.arenaSize)
  }

  private mutating func run() {
    for input in program.inputs { writeWhole(input) }
    for input in program.inputs { readWhole(input) }
    let accesses = KernelAccesses(program: program)
    for index in program.steps.indices where fault == nil {
      step = index
      let current = program.steps[index]
      if program.isAlias(current) {
        rename(current)
      } else {
        scratch = 0..<0
        if let block = plan.scratchOfStep[index] {
          scratch = plan.blocks[block].offset..<plan.blocks[block].offset + plan.blocks[block].size
        }
        accesses.visit(step: index, &self)
      }
      // An observer is shown it now.
      readWhole(current.output)
    }
    step = program.steps.count
    for output in program.outputs { readWhole(output) }
  }

  /// A step for which nothing runs: its output must be its operand, element for element, and lie where that lies.
  private mutating func rename(_ current: Step) {
    let (from, to) = (current.inputs[0], current.output)
    guard case .move(let move) = current.operation, program.values[from].constant == nil else {
      return fail("nothing runs, though it computes something")
    }
    var source = [Int?](repeating: nil, count: program.values[to].count)
    for copy in move.copies where copy.sizes.count == 1 {
      for index in 0..<copy.sizes[0] {
        let place = copy.targetStart + index * copy.targetStrides[0]
        if source.indices.contains(place) { source[place] = copy.sourceStart + index * copy.sourceStrides[0] }
      }
    }
    guard move.fill == nil, source == source.indices.map(Optional.init), widths[from] == widths[to] else {
      return fail("nothing runs, though its output is not its operand")
    }
    guard offsets[from] == offsets[to] else { return fail("nothing runs, but the output lies elsewhere") }
    origin[to] = origin[from]
  }

  private mutating func writeWhole(_ value: Int) {
    for element in 0..<program.values[value].count { write(value, element) }
  }
  private mutating func readWhole(_ value: Int) {
    for element in 0..<program.values[value].count { read(value, element) }
  }

  private mutating func fail(_ reason: String) {
    if fault == nil { fault = Fault(step: step, reason: reason) }
  }

  private func name(_ tag: UInt64) -> String {
    if tag == Self.nothing { return "nothing" }
    let owner = Int(tag >> 32) - 1
    let holder = owner < program.values.count ? "value \(owner)" : "scratch of step \(owner - program.values.count)"
    return "byte \(tag & 0xFFFF_FFFF) of \(holder)"
  }
}

extension ArenaReplay: AccessVisitor {
  mutating func read(_ value: Int, _ element: Int) {
    if offsets[value] < 0 {
      if program.values[value].constant == nil { fail("value \(value) is read and has no place") }
      return
    }
    let width = widths[value]
    for byte in element * width..<(element + 1) * width {
      check(offsets[value] + byte, Self.tag(origin[value], byte))
    }
  }

  mutating func write(_ value: Int, _ element: Int) {
    guard offsets[value] >= 0 else { return fail("value \(value) is written and has no place") }
    let width = widths[value]
    for byte in element * width..<(element + 1) * width {
      put(offsets[value] + byte, Self.tag(origin[value], byte))
    }
  }

  mutating func readScratch(_ element: Int) {
    check(scratch.lowerBound + element, Self.tag(program.values.count + step, element))
  }

  mutating func writeScratch(_ element: Int) {
    guard element < scratch.count else { return fail("element \(element) of the scratch is beyond its end") }
    put(scratch.lowerBound + element, Self.tag(program.values.count + step, element))
  }

  private mutating func check(_ address: Int, _ tag: UInt64) {
    guard arena.indices.contains(address) else { return fail("reads byte \(address), outside the arena") }
    if arena[address] != tag { fail("reads \(name(tag)) at \(address) and finds \(name(arena[address]))") }
  }

  private mutating func put(_ address: Int, _ tag: UInt64) {
    guard arena.indices.contains(address) else { return fail("writes byte \(address), outside the arena") }
    arena[address] = tag
  }
}
