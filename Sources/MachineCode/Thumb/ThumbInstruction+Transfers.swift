/// Loads, stores and branches.
extension ThumbInstruction {
  @inlinable
  func executeTransfer<M: Machine>(_ place: UInt32, on machine: inout M) throws(MachineFault) {
    let literals = (place &+ 4) & ~3
    switch operation {
    case .load(let t, let address, let bytes, let isSigned):
      let (at, moved) = address.locate(&machine)
      let word = try machine.load(at, bytes: bytes, isSigned: isSigned)
      if address.isWrittenBack { moveBase(address.base, moved, &machine) }
      try write(word, t, &machine)
    case .loadLiteral(let t, let offset, let bytes, let isSigned):
      let at = machine.constant(literals &+ UInt32(truncatingIfNeeded: offset))
      try write(try machine.load(at, bytes: bytes, isSigned: isSigned), t, &machine)
    case .store(let t, let address, let bytes):
      let (at, moved) = address.locate(&machine)
      try machine.store(machine[t], at, bytes: bytes)
      if address.isWrittenBack { moveBase(address.base, moved, &machine) }
    case .loadPair(let t, let t2, let address):
      let (at, moved) = address.locate(&machine)
      let first = try machine.loadAligned(at)
      let second = try machine.loadAligned(machine.sum(at, machine.constant(4)))
      if address.isWrittenBack { moveBase(address.base, moved, &machine) }
      (machine[t], machine[t2]) = (first, second)
    case .loadPairLiteral(let t, let t2, let offset):
      let at = literals &+ UInt32(truncatingIfNeeded: offset)
      let first = try machine.loadAligned(machine.constant(at))
      (machine[t], machine[t2]) = (first, try machine.loadAligned(machine.constant(at &+ 4)))
    case .storePair(let t, let t2, let address):
      let (at, moved) = address.locate(&machine)
      try machine.storeAligned(machine[t], at)
      try machine.storeAligned(machine[t2], machine.sum(at, machine.constant(4)))
      if address.isWrittenBack { moveBase(address.base, moved, &machine) }
    case .loadMultiple(let base, let registers, let isDown, let isWrittenBack):
      let size = UInt32(4 * registers.nonzeroBitCount)
      let start = try machine.known(machine[base])
      var at = isDown ? start &- size : start
      let end = isDown ? at : start &+ size
      var jump: M.Word?
      for register in 0..<16 where registers >> UInt16(register) & 1 != 0 {
        let word = try machine.loadAligned(machine.constant(at))
        if register == 15 { jump = word } else { machine[register] = word }
        at &+= 4
      }
      if isWrittenBack { machine[base] = machine.constant(end) }
      if let jump { try self.jump(jump, &machine) }
    case .storeMultiple(let base, let registers, let isDown, let isWrittenBack):
      let size = UInt32(4 * registers.nonzeroBitCount)
      let start = try machine.known(machine[base])
      var at = isDown ? start &- size : start
      let end = isDown ? at : start &+ size
      for register in 0..<15 where registers >> UInt16(register) & 1 != 0 {
        try machine.storeAligned(machine[register], machine.constant(at))
        at &+= 4
      }
      if isWrittenBack { machine[base] = machine.constant(end) }
    default: throw .unsupported("an operation")
    }
  }

  /// Writes a base register back; the stack pointer is always a multiple of 4.
  @inlinable
  func moveBase<M: Machine>(_ base: Int, _ moved: M.Word, _ machine: inout M) {
    machine[base] = base == 13 ? machine.conjunction(moved, machine.constant(~3)) : moved
  }

  /// Puts what was loaded into a register; into the program counter it is a jump.
  @inlinable
  func write<M: Machine>(_ word: M.Word, _ register: Int, _ machine: inout M) throws(MachineFault) {
    if register == 15 {
      try jump(word, &machine)
    } else if register == 13 {
      machine[13] = machine.constant(try machine.known(word) & ~3)
    } else {
      machine[register] = word
    }
  }

  /// A jump to an address whose lowest bit must say that Thumb goes on.
  @inlinable
  func jump<M: Machine>(_ target: M.Word, _ machine: inout M) throws(MachineFault) {
    let address = try machine.known(target)
    guard address & 1 != 0 else { throw .unpredictable("a jump to code that is not Thumb") }
    machine.programCounter = address & ~1
  }

  @inlinable
  func executeBranch<M: Machine>(_ place: UInt32, on machine: inout M) throws(MachineFault) {
    let next = machine.programCounter
    func target(_ offset: Int) -> UInt32 { place &+ 4 &+ UInt32(truncatingIfNeeded: offset) }
    switch operation {
    case .branch(let offset, let condition):
      if condition == .always ? true : try machine.known(machine.holds(condition)) {
        machine.programCounter = target(offset)
      }
    case .branchWithLink(let offset):
      machine[14] = machine.constant(next | 1)
      machine.programCounter = target(offset)
    case .branchTo(let m, let isLinked):
      let register = machine[m]
      if isLinked { machine[14] = machine.constant(next | 1) }
      try jump(register, &machine)
    case .compareAndBranch(let n, let offset, let isNonzero):
      if try machine.known(machine.isZero(machine[n])) != isNonzero { machine.programCounter = target(offset) }
    case .tableBranch(let n, let m, let isHalf):
      let index = machine.shifted(machine[m], Shift(.left, isHalf ? 1 : 0))
      let at = machine.sum(read(n, place, machine), index)
      let entry = try machine.known(machine.load(at, bytes: isHalf ? 2 : 1, isSigned: false))
      machine.programCounter = place &+ 4 &+ 2 &* entry
    case .loopStart(let n, let skip):
      let count = machine[n]
      if let skip, try machine.known(machine.isZero(count)) {
        machine.programCounter = target(skip)
      } else {
        machine[14] = count
      }
    case .loopEnd(let offset, let isCounted):
      if isCounted {
        let left = try machine.known(machine[14])
        guard left > 1 else { return }
        machine[14] = machine.constant(left - 1)
      }
      machine.programCounter = target(offset)
    case .ifThen(let condition, let mask): machine.conditions = condition << 4 | mask
    case .breakpoint(let number): try machine.breakpoint(number)
    case .nothing: break
    default: throw .unsupported("an operation")
    }
  }
}

extension ThumbInstruction.Address {
  /// Where memory is accessed, and what the base becomes where it is written back.
  @inlinable
  func locate<M: Machine>(_ machine: inout M) -> (M.Word, M.Word) {
    let base = machine[base]
    let moved: M.Word
    switch offset {
    case .immediate(let offset): moved = machine.sum(base, machine.constant(UInt32(truncatingIfNeeded: offset)))
    case .register(let m, let places):
      moved = machine.sum(base, machine.shifted(machine[m], Shift(.left, places)))
    }
    return (isBefore ? moved : base, moved)
  }
}
