import IntegerProgram
import MachineCode

/// Proves that an image's machine code computes what a program defines, for every input: every element of every step.
///
/// The code is executed once, its inputs as variables. At the end of each step every element of its output is proved to
/// be what the program says, and becomes a variable of the range that the program proves for it; nothing else that
/// depends on the inputs is relied on from there on. Loops need no invariants: how often they run does not depend on the inputs, else the answer is `open`.
public struct ImageProof {
  /// What stands in the way of a proof.
  public struct Finding: Sendable, CustomStringConvertible {
    public var address: UInt32?
    /// The function that lies there.
    public var function: String?
    public var step: Int?
    public var layer: String?
    public var element: Int?
    public var words: String
    /// Whether the image computes something else there, rather than something that is not understood.
    public var isDifferent: Bool

    public var description: String {
      var place: [String] = []
      if let step { place.append("step \(step)") }
      if let layer { place.append(layer) }
      if let element { place.append("element \(element)") }
      if let address { place.append("at 0x\(hexadecimal(address))" + (function.map { " in \($0)" } ?? "")) }
      return place.joined(separator: ", ") + (place.isEmpty ? "" : ": ") + words
    }
  }

  public enum Verdict: String, Sendable { case proved, open, different }

  public struct StepResult: Sendable {
    public var step: Int
    public var elements, proved: Int
    /// What a run executes of it at most.
    public var instructions: Int
    /// How many functions of accumulators or codes were compared, and in how many ranges.
    public var questions, pieces: Int
  }

  public struct Report: Sendable {
    public var verdict: Verdict
    public var steps: [StepResult]
    /// Instructions that a run executes: the same number for every input, unless branches depend on it.
    public var instructions: ClosedRange<Int>
    public var stackBytes: Int
    public var findings: [Finding]
    /// Findings beyond those that are told one by one.
    public var moreFindings = 0

    public var elements: Int { steps.reduce(0) { $0 + $1.elements } }
    public var proved: Int { steps.reduce(0) { $0 + $1.proved } }
  }

  public let program: IntegerProgram
  public let image: ELFImage
  public let layout: ImageLayout
  public let decoder: ThumbDecoder

  /// A proof that runs the function in `image` for a core.
  public init(_ program: IntegerProgram, image: ELFImage, layout: ImageLayout, decoder: ThumbDecoder) {
    self.program = program
    self.image = image
    self.layout = layout
    self.decoder = decoder
  }

  /// Executions longer than this are given up: code that never ends would be followed for ever.
  public var mostInstructions = 1 << 30

  /// Runs the proof; `progress` is told of each step that is done.
  public func run(progress: (StepResult) -> Void = { _ in }) -> Report {
    var run = ImageRun(self)
    return run.report(progress)
  }
}

/// A proof under way.
struct ImageRun {
  let proof: ImageProof
  let table = AtomTable()
  var specification: Specification
  var elements: ElementProof
  var machine: SymbolicMachine
  var code: [UInt32: ThumbInstruction] = [:]
  /// Instructions executed here, and what a run on the device executes at least and at most.
  var instructions = 0, least = 0, most = 0
  /// Where calls under way return to, with what stack pointer.
  var calls: [Call] = []
  struct Call: Hashable { var place, stack: UInt32 }
  /// Where branches meet again.
  private var joins: [UInt32: UInt32?] = [:]
  private var depth = 0
  private static let mostDepth = 200
  /// Far more than any side of a branch on data takes.
  private static let longestSide = 1 << 20
  /// Called behind each instruction that is not on a side of a branch.
  var observe: ((ImageRun) -> Void)?
  var report: ImageProof.Report
  /// What callers expect to find unchanged: r4 to r11.
  var saved: [SymbolicWord] = []

  /// Where the run function returns to: nothing lies there.
  private static let end: UInt32 = 0xFFFF_FFFE
  private static let mostFindings = 20

  var program: IntegerProgram { proof.program }
  var layout: ImageLayout { proof.layout }

  init(_ proof: ImageProof) {
    self.proof = proof
    specification = Specification(proof.program, table)
    elements = ElementProof(proof.program)
    report = ImageProof.Report(verdict: .open, steps: [], instructions: 0...0, stackBytes: 0, findings: [])
    let layout = proof.layout
    var regions: [SymbolicMemory.Region] = [
      .init(
        start: layout.arena,
        content: Array(repeating: .undefined, count: layout.arenaBytes)),
      .init(
        start: layout.stackTop &- UInt32(layout.stackBytes),
        content: Array(repeating: .undefined, count: layout.stackBytes)),
    ]
    // What can be written may have changed since the image was loaded: it is no constant.
    for segment in proof.image.segments where !segment.isWritable && segment.memorySize > 0 {
      let zeros = Array(repeating: UInt8(0), count: segment.memorySize - segment.bytes.count)
      regions.append(.init(start: segment.address, constants: segment.bytes + zeros))
    }
    var registers = (0..<16).map { _ in SymbolicWord.form(LinearForm(0)) }
    for register in 0..<13 { registers[register] = .form(LinearForm(table.variable(.word))) }
    saved = Array(registers[4...11])
    registers[0] = .known(layout.arena)
    registers[1] = .known(UInt32(layout.arenaBytes))
    registers[13] = .known(layout.stackTop)
    registers[14] = .known(Self.end | 1)
    machine = SymbolicMachine(
      atoms: table, memory: SymbolicMemory(regions: regions), registers: registers,
      allowsUnaligned: proof.decoder.core >= .armv7M)
    machine.forgetFlags()
    for input in proof.program.inputs { place(input) }
    table.keep()
  }

  // MARK: Memory

  private func bytes(_ value: Int) -> Int { program.values[value].bytesPerCode }

  /// Puts a value's codes where the image keeps them.
  private mutating func place(_ value: Int) {
    guard let offset = layout.offsets[value] else { return }
    let size = bytes(value)
    for (element, code) in specification.codes[value].enumerated() {
      let start = offset + element * size
      if code.terms.isEmpty {
        for byte in 0..<size {
          machine.memory.regions[0].content[start + byte] = .known(
            UInt8(truncatingIfNeeded: code.constant >> Int32(8 * byte)))
        }
      } else {
        let stored = SymbolicMemory.Stored(.form(code))
        for byte in 0..<size { machine.memory.regions[0].content[start + byte] = .part(stored, byte) }
      }
    }
  }

  /// Forgets what memory holds that depends on more than codes of the network and what the caller left: on atoms that
  /// are let go next. Returns the registers that do.
  private mutating func forget() -> [Int] {
    func isKept(_ form: LinearForm) -> Bool { form.terms.allSatisfy { table.isKept($0.atom) } }
    func isKept(_ word: SymbolicWord) -> Bool {
      switch word {
      case .known: true
      case .form(let form): isKept(form)
      case .fields(let fields): fields.allSatisfy { isKept($0.form) }
      }
    }
    for region in machine.memory.regions.indices where machine.memory.regions[region].isWritable {
      for place in machine.memory.regions[region].content.indices {
        if case .part(let stored, _) = machine.memory.regions[region].content[place], !isKept(stored.word) {
          machine.memory.regions[region].content[place] = .undefined
        }
      }
    }
    return (0..<15).filter { !isKept(machine.registers[$0]) }
  }

  // MARK: Execution

  private mutating func step() throws(MachineFault) -> ThumbInstruction {
    defer { if depth == 0 { observe?(self) } }
    let address = machine.programCounter
    let instruction: ThumbInstruction
    if let known = code[address] {
      instruction = known
    } else {
      instruction = try decode(address)
      code[address] = instruction
    }
    instructions += 1
    (least, most) = (least + 1, most + 1)
    guard instructions <= proof.mostInstructions else { throw .tooManyInstructions(proof.mostInstructions) }
    if machine.conditions != 0 {
      if let condition = Condition(rawValue: machine.conditions >> 4), case .bit(let truth) = machine.holds(condition) {
        try machine.executeConditionally(instruction, truth)
        return instruction
      }
    } else if let (truth, offset) = branch(instruction) {
      try fork(
        truth, to: address &+ 4 &+ UInt32(truncatingIfNeeded: offset), or: address &+ UInt32(instruction.bytes), at: address)
      return instruction
    }
    let isConditional = machine.conditions != 0
    try instruction.execute(on: &machine)
    guard !isConditional || machine.conditions == 0 || machine.programCounter == address &+ UInt32(instruction.bytes) else {
      throw .unpredictable("a jump within an IT block")
    }
    switch instruction.operation {
    case .branchWithLink, .branchTo(m: _, isLinked: true):
      calls.append(Call(place: address &+ UInt32(instruction.bytes), stack: try machine.known(machine[13])))
    default:
      if let call = calls.last, call.place == machine.programCounter, case .known(call.stack) = machine[13] {
        calls.removeLast()
      }
    }
    return instruction
  }

  /// Of a branch that depends on data, the condition, 0 or 1, and where it leads.
  private mutating func branch(_ instruction: ThumbInstruction) -> (LinearForm, Int)? {
    switch instruction.operation {
    case .branch(let offset, let condition):
      guard case .bit(let truth) = machine.holds(condition) else { return nil }
      return (truth, offset)
    case .compareAndBranch(let n, let offset, let isNonzero):
      guard case .bit(var truth) = machine.isZero(machine[n]) else { return nil }
      if isNonzero {
        truth = truth.scaled(by: -1)
        truth.constant &+= 1
      }
      return (truth, offset)
    default: return nil
    }
  }

  /// Runs both sides of a branch to where they meet, and goes on there with what they come to.
  private mutating func fork(
    _ truth: LinearForm, to taken: UInt32, or next: UInt32, at address: UInt32
  ) throws(MachineFault) {
    guard depth < Self.mostDepth else { throw .dependsOnData("what runs next, in too many ways") }
    depth += 1
    defer { depth -= 1 }
    let join = try self.join(address)
    let (outer, keepsJournal) = (machine.memory.journal, machine.memory.keepsJournal)
    machine.memory.journal = []
    machine.memory.keepsJournal = true
    let (start, before, counts) = (machine, calls, (least, most))
    machine.programCounter = taken
    try runSide(to: join)
    let (yes, yesCounts, yesCalls) = (machine, (least, most), calls)
    (machine, calls, (least, most)) = (start, before, counts)
    machine.programCounter = next
    try runSide(to: join)
    guard calls == yesCalls else { throw .dependsOnData("what runs next") }
    (least, most) = (min(least, yesCounts.0), max(most, yesCounts.1))
    try machine.merge(truth, yes)
    machine.memory.keepsJournal = keepsJournal
    if keepsJournal { machine.memory.journal += outer } else { machine.memory.journal = [] }
  }

  /// Runs on to where a call, or a branch, goes on; nothing runs where that is at once.
  private mutating func runSide(to join: Call) throws(MachineFault) {
    let limit = instructions + Self.longestSide
    while true {
      if machine.programCounter == join.place, case .known(join.stack) = machine[13] { return }
      guard instructions < limit else { throw .tooManyInstructions(Self.longestSide) }
      _ = try step()
    }
  }

  /// Where the sides of a branch meet: in the same function, or where that returns to.
  private mutating func join(_ address: UInt32) throws(MachineFault) -> Call {
    let stack = try machine.known(machine[13])
    let known: UInt32?
    if let found = joins[address] {
      known = found
    } else {
      known = proof.image.function(at: address).flatMap { function in
        ControlFlow.join(of: address, in: function) { try? decode($0) }
      }
      joins[address] = .some(known)
    }
    if let known { return Call(place: known, stack: stack) }
    guard let call = calls.last else { throw .dependsOnData("what runs next") }
    return call
  }

  private func decode(_ address: UInt32) throws(MachineFault) -> ThumbInstruction {
    for segment in proof.image.segments where segment.isExecutable && !segment.isWritable {
      let offset = Int(address) - Int(segment.address)
      guard offset >= 0, offset + 2 <= segment.bytes.count else { continue }
      func half(_ place: Int) -> UInt16? {
        place + 2 <= segment.bytes.count ? UInt16(segment.bytes[place]) | UInt16(segment.bytes[place + 1]) << 8 : nil
      }
      guard offset % 2 == 0, let first = half(offset), let found = proof.decoder.decode(first, half(offset + 2)) else {
        throw .unknownInstruction(bytes: Array(segment.bytes[offset..<min(offset + 4, segment.bytes.count)]))
      }
      return found
    }
    throw .outside(address: address, bytes: 2, .executed)
  }

  private mutating func find(_ finding: ImageProof.Finding) {
    if report.findings.count < Self.mostFindings { report.findings.append(finding) } else { report.moreFindings += 1 }
  }

  private mutating func find(
    _ words: String, at address: UInt32? = nil, step: Int? = nil, element: Int? = nil, isDifferent: Bool = false
  ) {
    let source = step.map { program.steps[$0].source }
    find(
      ImageProof.Finding(
        address: address, function: address.flatMap { proof.image.function(at: $0)?.name }, step: step,
        layer: source.map { "layer \($0.index) \($0.type)" }, element: element, words: words, isDifferent: isDifferent))
  }

  mutating func report(_ progress: (ImageProof.StepResult) -> Void) -> ImageProof.Report {
    guard let function = proof.image.function(layout.runFunction) else {
      find("the image has no function \(layout.runFunction)")
      return report
    }
    guard isSeparate() else { return report }
    machine.programCounter = function.address
    let isComplete = runAll(function, progress)
    report.instructions = least...most
    report.stackBytes = Int(layout.stackTop) - Int(min(machine.lowestStack, layout.stackTop))
    if report.findings.contains(where: \.isDifferent) {
      report.verdict = .different
    } else if isComplete, report.findings.isEmpty, report.proved == report.elements {
      report.verdict = .proved
    }
    return report
  }

  /// Whether code and constants lie apart from what the function may write.
  private mutating func isSeparate() -> Bool {
    let written = machine.memory.regions.prefix(2)
    let arena = (Int(layout.arena), Int(layout.arena) + layout.arenaBytes)
    let stack = (Int(layout.stackTop) - layout.stackBytes, Int(layout.stackTop))
    if arena.0 < stack.1, stack.0 < arena.1 {
      find("arena and stack overlap")
      return false
    }
    for segment in proof.image.segments where !segment.isWritable {
      let end = Int(segment.address) + segment.memorySize
      if written.contains(where: { Int($0.start) < end && Int(segment.address) < $0.end }) {
        find("code and constants at 0x\(hexadecimal(segment.address)) overlap the arena or the stack")
        return false
      }
    }
    return true
  }

  /// Whether the function was followed to its end.
  private mutating func runAll(
    _ function: ELFImage.Symbol, _ progress: (ImageProof.StepResult) -> Void
  ) -> Bool {
    var pending = layout.steps[...]
    while machine.programCounter != Self.end {
      let address = machine.programCounter
      do {
        let instruction = try step()
        guard case .branchWithLink = instruction.operation, let next = pending.first,
          proof.image.function(at: machine.programCounter)?.name == next.function
        else { continue }
        pending = pending.dropFirst()
        finishRenamings(before: next.step)
        let before = most
        try runStep(returningTo: address &+ UInt32(instruction.bytes), next.step)
        let result = prove(next.step, instructions: most - before)
        report.steps.append(result)
        progress(result)
      } catch {
        find("\(error)", at: machine.programCounter == address ? address : machine.programCounter)
        return false
      }
    }
    finishRenamings(before: program.steps.count)
    for step in pending { find("\(step.function) is never called", step: step.step) }
    expectReturn()
    return pending.isEmpty
  }

  /// Steps without code of their own must be such as leave codes where they are.
  private mutating func finishRenamings(before limit: Int) {
    for index in 0..<limit where specification.codes[program.steps[index].output].isEmpty {
      let step = program.steps[index]
      guard case .move(let move) = step.operation, move.isIdentity,
        layout.offsets[step.output] == layout.offsets[step.inputs[0]],
        program.values[step.output].count == program.values[step.inputs[0]].count
      else {
        if program.values[step.output].count > 0 { find("the step has no function", step: index) }
        specification.make(step)
        continue
      }
      specification.rename(step)
    }
  }

  /// Runs a step's function to its end.
  private mutating func runStep(returningTo end: UInt32, _ step: Int) throws(MachineFault) {
    let stack = try machine.known(machine[13])
    while machine.programCounter != end {
      let address = machine.programCounter
      do {
        _ = try self.step()
      } catch {
        find("\(error)", at: address, step: step)
        throw error
      }
    }
    guard try machine.known(machine[13]) == stack else { throw .unpredictable("a return with another stack pointer") }
  }

  // MARK: Proof

  private mutating func prove(_ index: Int, instructions: Int) -> ImageProof.StepResult {
    let step = program.steps[index]
    let count = program.values[step.output].count
    let (questions, pieces) = (elements.questions, elements.pieces)
    var proved = 0
    if let obstacle = machine.obstacle {
      find("\(obstacle) could not be expressed", step: index)
      machine.obstacle = nil
    }
    if let offset = layout.offsets[step.output] {
      for (element, definition) in specification.definitions(index).enumerated() {
        if prove(definition, at: offset + element * bytes(step.output), index, element) { proved += 1 }
      }
    } else {
      find("the output has no place in the arena", step: index)
    }
    let lost = forget()
    table.release()
    specification.make(step)
    for register in lost { machine.registers[register] = .form(LinearForm(table.variable(.word))) }
    machine.forgetFlags()
    table.keep()
    place(step.output)
    return ImageProof.StepResult(
      step: index, elements: count, proved: proved, instructions: instructions,
      questions: elements.questions - questions, pieces: elements.pieces - pieces)
  }

  /// Whether the code at a place of the arena is what the program says.
  private mutating func prove(_ definition: ElementDefinition, at place: Int, _ index: Int, _ element: Int) -> Bool {
    let size = bytes(program.steps[index].output)
    let width = 8 * size
    func open(_ words: String, isDifferent: Bool = false) -> Bool {
      find(words, step: index, element: element, isDifferent: isDifferent)
      return false
    }
    let isSigned = program.values[program.steps[index].output].type.isSigned
    guard let word = try? machine.load(.known(layout.arena &+ UInt32(place)), bytes: size, isSigned: isSigned),
      let made = table.form(word)
    else { return open("the code cannot be read") }
    switch definition {
    case .unknown(let words): return open(words)
    case .form(let wanted):
      if made.reduced(width: width) == wanted.reduced(width: width) { return true }
      if made.normalized.terms.isEmpty, wanted.terms.isEmpty {
        return open("the image makes \(made.constant), the program \(wanted.constant)", isDifferent: true)
      }
      return open("the image's code is another function of the step's input than the program's")
    case .function(let definition, let leaves):
      let function: LeafFunction
      do {
        function = try LeafFunction(made, leaves: leaves, in: table)
      } catch .otherLeaf(let atom) {
        return open(difference(atom, leaves, index))
      } catch {
        return open("too many operations lead to the code")
      }
      switch elements.compare(function, definition, ranges: leaves.map(table.span), width: width) {
      case .equal: return true
      case .open(let words): return open(words)
      case .different(let leaves, let image, let program):
        let numbers = leaves.map(String.init).joined(separator: " and ")
        return open("of \(numbers) the image makes \(image), the program \(program)", isDifferent: true)
      }
    }
  }

  /// In what the sum that the image looks at differs from the program's.
  private func difference(_ atom: Atom, _ leaves: [Atom], _ index: Int) -> String {
    func terms(_ atom: Atom) -> [Atom: Int32] {
      guard case .sum(let terms) = table.kind(atom) else { return [atom: 1] }
      return Dictionary(uniqueKeysWithValues: terms.map { ($0.atom, $0.coefficient) })
    }
    let image = terms(atom)
    let program = leaves.map(terms).reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    for (position, input) in self.program.steps[index].inputs.enumerated() {
      for (element, code) in specification.codes[input].enumerated() {
        guard let atom = code.terms.first?.atom, image[atom] != program[atom] else { continue }
        return "input \(position), element \(element) counts \(image[atom] ?? 0) times in the image's sum, "
          + "\(program[atom] ?? 0) times in the program's"
      }
    }
    return "the code depends on something that is no input of the step"
  }

  /// Whether a value's codes lie at a place of the arena.
  private mutating func holds(_ value: Int, at offset: Int) -> Bool {
    let size = bytes(value)
    for (element, code) in specification.codes[value].enumerated() {
      let address = layout.arena &+ UInt32(offset + element * size)
      guard let word = try? machine.load(.known(address), bytes: size, isSigned: program.values[value].type.isSigned),
        let made = table.form(word),
        made.reduced(width: 8 * size) == code.reduced(width: 8 * size)
      else { return false }
    }
    return true
  }

  /// What the caller finds when the function returns.
  private mutating func expectReturn() {
    if case .known(0) = machine[0] {} else { find("the function does not return 0") }
    if case .known(layout.stackTop) = machine[13] {} else { find("the stack pointer is not what it was") }
    for register in 4...11 {
      guard let found = table.form(machine[register]), let expected = table.form(saved[register - 4]),
        found.normalized == expected.normalized
      else {
        find("r\(register) is not what it was")
        continue
      }
    }
    for output in program.outputs {
      guard let offset = layout.offsets[output], holds(output, at: offset) else {
        find("the output \(program.values[output].name) is not in its place when the function returns")
        continue
      }
    }
    // The next run finds what this one leaves.
    for state in program.states {
      guard let offset = layout.offsets[state.read], holds(state.written, at: offset) else {
        find("the state \(program.values[state.read].name) is not in its place when the function returns")
        continue
      }
    }
  }
}
