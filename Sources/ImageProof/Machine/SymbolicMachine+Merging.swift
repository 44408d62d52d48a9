import MachineCode

/// What depends on a condition that is known only once the inputs are.
extension SymbolicMachine {
  /// Executes an instruction of an IT block whose condition is `truth`, 0 or 1: each register that it writes is what it
  /// was, or what the instruction makes of it.
  mutating func executeConditionally(_ instruction: ThumbInstruction, _ truth: LinearForm) throws(MachineFault) {
    switch instruction.operation {
    case .store, .storePair, .storeMultiple: throw .dependsOnData("whether memory is written")
    case .arithmetic(let kind, let d, _, _, _) where !kind.hasResult || d == 15 || d == 13:
      throw .dependsOnData(d == 15 ? "what runs next" : "a comparison")
    case .arithmetic(_, _, _, _, .always), .shift(_, _, _, _, .always): throw .dependsOnData("a comparison")
    case .lanes: throw .dependsOnData("which lanes carry")
    default: break
    }
    // Executed in any case, on a machine of its own, by the condition that always holds.
    var other = self
    other.conditions = 0xE0 | conditions & 0x0F
    try instruction.execute(on: &other)
    let next = programCounter &+ UInt32(instruction.bytes)
    guard other.programCounter == next else { throw .dependsOnData("what runs next") }
    conditions = conditions & 7 == 0 ? 0 : conditions & 0xE0 | conditions << 1 & 0x1F
    programCounter = next
    // Bytes of which nothing was known have names now.
    memory = other.memory
    if let words = other.obstacle { obstacle = obstacle ?? words }
    for register in 0..<15 {
      let merged = try select(truth, other.registers[register], registers[register])
      if let merged { registers[register] = merged }
    }
  }

  /// The word that two words come to; nil where they are one.
  func select(_ truth: LinearForm, _ yes: SymbolicWord, _ no: SymbolicWord) throws(MachineFault) -> SymbolicWord? {
    if case .known(let a) = yes, case .known(let b) = no, a == b { return nil }
    guard let a = atoms.form(yes), let b = atoms.form(no) else { throw .unsupported("a sum that passes 64 bits") }
    if a.normalized == b.normalized { return nil }
    guard let merged = atoms.select(truth, a, b) else { throw .unsupported("a sum that passes 64 bits") }
    return SymbolicWord(merged)
  }

  /// Becomes what this machine is where `truth`, 0 or 1, is 0, and what `other` is where it is 1: both have run from one
  /// state on and stand at one place.
  mutating func merge(_ truth: LinearForm, _ other: SymbolicMachine) throws(MachineFault) {
    guard programCounter == other.programCounter, conditions == 0, other.conditions == 0 else {
      throw .dependsOnData("what runs next")
    }
    for register in 0..<15 {
      if let merged = try select(truth, other.registers[register], registers[register]) { registers[register] = merged }
    }
    let places = Set(memory.journal).union(other.memory.journal)
    for place in places {
      let (yes, no) = (other.memory.regions[place.region].content[place.offset], memory.regions[place.region].content[place.offset])
      memory.regions[place.region].content[place.offset] = try select(truth, yes, no)
    }
    memory.journal = Array(places)
    obstacle = obstacle ?? other.obstacle
    lowestStack = min(lowestStack, other.lowestStack)
    forgetFlags()
  }

  /// A byte of one of two memories.
  private func select(
    _ truth: LinearForm, _ yes: SymbolicMemory.Content, _ no: SymbolicMemory.Content
  ) throws(MachineFault) -> SymbolicMemory.Content {
    func form(_ content: SymbolicMemory.Content) throws(MachineFault) -> LinearForm? {
      switch content {
      case .undefined: return nil
      case .known(let byte): return LinearForm(Int32(Int8(bitPattern: byte)))
      case .part(let stored, let index):
        guard let bits = atoms.cut(atoms.fields(stored.word), low: 8 * index, width: 8),
          let number = atoms.number(bits, isSigned: true)
        else { throw .unsupported("a part of a word") }
        return number
      }
    }
    if case .part(let a, let i) = yes, case .part(let b, let j) = no, a === b, i == j { return no }
    guard let a = try form(yes), let b = try form(no) else { return .undefined }
    guard let merged = atoms.select(truth, a, b) else { throw .unsupported("a sum that passes 64 bits") }
    if merged.terms.isEmpty { return .known(UInt8(truncatingIfNeeded: merged.constant)) }
    return .part(.init(.form(merged)), 0)
  }
}
