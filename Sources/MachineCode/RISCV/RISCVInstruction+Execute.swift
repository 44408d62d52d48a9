/// The meaning of each instruction, once for all readings.
extension RISCVInstruction {
  /// Executes the instruction at the machine's program counter, which is left where the next one stands.
  @inlinable
  public func execute<M: Machine>(on machine: inout M) throws(MachineFault) {
    let place = machine.programCounter
    let next = place &+ UInt32(bytes)
    machine.programCounter = next
    func target(_ offset: Int) -> UInt32 { place &+ UInt32(truncatingIfNeeded: offset) }
    switch operation {
    case .arithmetic(let kind, let d, let a, let operand):
      let x = read(a, machine)
      switch operand {
      case .immediate(let number):
        write(try arithmetic(kind, x, machine.constant(number), operand, &machine), d, &machine)
      case .register(let b): write(try arithmetic(kind, x, read(b, machine), operand, &machine), d, &machine)
      }
    case .loadUpper(let d, let number): write(machine.constant(number), d, &machine)
    case .address(let d, let offset): write(machine.constant(target(offset)), d, &machine)
    case .load(let d, let base, let offset, let bytes, let isSigned):
      let at = machine.sum(read(base, machine), machine.constant(UInt32(truncatingIfNeeded: offset)))
      write(try machine.load(at, bytes: bytes, isSigned: isSigned), d, &machine)
    case .store(let source, let base, let offset, let bytes):
      let at = machine.sum(read(base, machine), machine.constant(UInt32(truncatingIfNeeded: offset)))
      try machine.store(read(source, machine), at, bytes: bytes)
    case .atomic(let kind, let d, let base, let source):
      let at = read(base, machine)
      let (old, operand) = (try machine.loadAligned(at), read(source, machine))
      try machine.storeAligned(atomic(kind, old, operand, &machine), at)
      write(old, d, &machine)
    case .branch(let offset, let condition, let a, let b):
      let truth = machine.comparison(read(a, machine), condition, read(b, machine))
      if try machine.known(truth) { machine.programCounter = target(offset) }
    case .jump(let d, let offset):
      write(machine.constant(next), d, &machine)
      machine.programCounter = target(offset)
    case .jumpTo(let d, let base, let offset):
      let address = try machine.known(read(base, machine)) &+ UInt32(truncatingIfNeeded: offset)
      write(machine.constant(next), d, &machine)
      machine.programCounter = address & ~1
    case .breakpoint: try machine.breakpoint(0)
    case .nothing: break
    }
  }

  @inlinable
  func read<M: Machine>(_ register: Int, _ machine: M) -> M.Word {
    register == 0 ? machine.constant(0) : machine[register]
  }

  @inlinable
  func write<M: Machine>(_ word: M.Word, _ register: Int, _ machine: inout M) {
    if register != 0 { machine[register] = word }
  }

  @inlinable
  func arithmetic<M: Machine>(
    _ kind: Arithmetic, _ a: M.Word, _ b: M.Word, _ operand: Operand, _ machine: inout M
  ) throws(MachineFault) -> M.Word {
    /// By the lowest five bits of a register, or by a constant.
    func shift(_ shift: Shift.Kind) throws(MachineFault) -> M.Word {
      if case .immediate(let places) = operand { return machine.shifted(a, Shift(shift, Int(places))) }
      let places = machine.field(b, low: 0, width: 5, isSigned: false)
      return try machine.shifted(a, shift, by: places, carry: machine.truth(false)).0
    }
    /// Toward zero; by zero it is all ones.
    func quotient(isSigned: Bool) throws(MachineFault) -> M.Word {
      let quotient = try machine.quotient(a, b, isSigned: isSigned)
      let isZero = machine.number(machine.isZero(b))
      return machine.disjunction(quotient, machine.difference(machine.constant(0), isZero))
    }
    /// What is left of a; by zero it is a.
    func remainder(isSigned: Bool) throws(MachineFault) -> M.Word {
      let quotient = try machine.quotient(a, b, isSigned: isSigned)
      return machine.difference(a, machine.product(quotient, b))
    }
    switch kind {
    case .add: return machine.sum(a, b)
    case .subtract: return machine.difference(a, b)
    case .and: return machine.conjunction(a, b)
    case .or: return machine.disjunction(a, b)
    case .exclusiveOr: return machine.exclusiveDisjunction(a, b)
    case .left: return try shift(.left)
    case .right: return try shift(.right)
    case .arithmeticRight: return try shift(.arithmeticRight)
    case .less: return machine.number(machine.comparison(a, .less, b))
    case .lessUnsigned: return machine.number(machine.comparison(a, .carryClear, b))
    case .multiply: return machine.product(a, b)
    case .multiplyHigh: return machine.longProduct(a, b, isSigned: true).high
    case .multiplyHighUnsigned: return machine.longProduct(a, b, isSigned: false).high
    case .multiplyHighMixed:
      // Read without its sign, a negative a is 2^32 more.
      let sign = machine.shifted(a, Shift(.arithmeticRight, 31))
      return machine.difference(machine.longProduct(a, b, isSigned: false).high, machine.conjunction(sign, b))
    case .divide: return try quotient(isSigned: true)
    case .divideUnsigned: return try quotient(isSigned: false)
    case .remainder: return try remainder(isSigned: true)
    case .remainderUnsigned: return try remainder(isSigned: false)
    }
  }

  @inlinable
  func atomic<M: Machine>(_ kind: Atomic, _ a: M.Word, _ b: M.Word, _ machine: inout M) -> M.Word {
    /// The first where the condition holds of both, else the second.
    func choice(_ condition: Condition) -> M.Word {
      let isFirst = machine.number(machine.comparison(a, condition, b))
      let mask = machine.difference(machine.constant(0), isFirst)
      let kept = machine.conjunction(a, mask)
      return machine.disjunction(kept, machine.conjunction(b, machine.complement(mask)))
    }
    switch kind {
    case .exchange: return b
    case .add: return machine.sum(a, b)
    case .and: return machine.conjunction(a, b)
    case .or: return machine.disjunction(a, b)
    case .exclusiveOr: return machine.exclusiveDisjunction(a, b)
    case .least: return choice(.less)
    case .greatest: return choice(.greaterOrEqual)
    case .leastUnsigned: return choice(.carryClear)
    case .greatestUnsigned: return choice(.carrySet)
    }
  }
}

extension Machine {
  /// Whether a condition holds of two words, for processors that keep no flags: the machine's serve as scratch.
  @inlinable
  mutating func comparison(_ a: Word, _ condition: Condition, _ b: Word) -> Truth {
    _ = differenceSettingFlags(a, b, carry: truth(true))
    return holds(condition)
  }

  /// 1 where it holds, else 0.
  @inlinable
  mutating func number(_ truth: Truth) -> Word { sum(constant(0), constant(0), carry: truth) }
}
