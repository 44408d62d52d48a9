/// The meaning of each instruction, once for all readings (DDI 0403, A7.7). The saturation flag Q is left out: nothing
/// that is decoded reads it.
extension ThumbInstruction {
  /// Executes the instruction at the machine's program counter, which is left where the next one stands.
  @inlinable
  public func execute<M: Machine>(on machine: inout M) throws(MachineFault) {
    let place = machine.programCounter
    var conditions = machine.conditions
    let isConditional = conditions != 0
    if isConditional, case .ifThen = operation { throw .unpredictable("an IT instruction in an IT block") }
    var isExecuted = true
    if isConditional {
      guard let condition = Condition(rawValue: conditions >> 4) else { throw .unpredictable("the condition 15") }
      isExecuted = condition == .always ? true : try machine.known(machine.holds(condition))
      conditions = conditions & 7 == 0 ? 0 : conditions & 0xE0 | conditions << 1 & 0x1F
      machine.conditions = conditions
    }
    machine.programCounter = place &+ UInt32(bytes)
    guard isExecuted else { return }
    if isConditional, isOutsideConditionsOnly { throw .unpredictable("such an instruction in an IT block") }
    switch operation {
    case .arithmetic(let kind, let d, let n, let operand, let flags):
      try arithmetic(
        kind, d: d, n: n, operand, setsFlags: flags == .always || flags == .outsideConditions && !isConditional, place,
        &machine)
    case .load, .loadLiteral, .store, .loadPair, .loadPairLiteral, .storePair, .loadMultiple, .storeMultiple:
      try executeTransfer(place, on: &machine)
    case .branch, .branchWithLink, .branchTo, .compareAndBranch, .tableBranch, .ifThen, .loopStart,
      .loopEnd, .breakpoint, .nothing:
      try executeBranch(place, on: &machine)
    case .multiply, .multiplyAdd, .multiplyLong, .multiplyLongAddBoth, .multiplyHalves, .multiplyWordHalf,
      .multiplyHalvesLong, .multiplyDual, .multiplyDualLong, .multiplyHigh, .absoluteDifferences, .divide:
      try executeProduct(setsFlags: !isConditional, on: &machine)
    case .conditionalSelect, .longShift: try executeSelection(on: &machine)
    case .vector(let operation): try operation.execute(place, on: &machine)
    default: try executeBits(setsFlags: !isConditional, place, on: &machine)
    }
  }

  /// Whether the architecture promises nothing of the instruction where it has a condition.
  @inlinable
  var isOutsideConditionsOnly: Bool {
    switch operation {
    case .vector, .loopStart, .loopEnd, .conditionalSelect, .longShift, .compareAndBranch: true
    default: false
    }
  }

  /// A register's content, the program counter's being 4 more than the instruction's address.
  @inlinable
  func read<M: Machine>(_ register: Int, _ place: UInt32, _ machine: M) -> M.Word {
    register == 15 ? machine.constant(place &+ 4) : machine[register]
  }

  @inlinable
  func arithmetic<M: Machine>(
    _ kind: Arithmetic, d: Int, n: Int, _ operand: Operand, setsFlags: Bool, _ place: UInt32, _ machine: inout M
  ) throws(MachineFault) {
    // Sums and differences set all flags; other operations leave the last bit shifted out in the carry.
    let isSum: Bool
    switch kind {
    case .add, .addWithCarry, .subtract, .subtractWithCarry, .reverseSubtract, .compare, .compareNegative: isSum = true
    default: isSum = false
    }
    let b: M.Word
    var carry: M.Truth?
    switch operand {
    case .immediate(let number, let bit):
      b = machine.constant(number)
      if let bit, setsFlags, !isSum { carry = machine.truth(bit) }
    case .register(let m, let shift):
      let source = read(m, place, machine)
      if shift == .none {
        b = source
      } else {
        if setsFlags, !isSum { carry = machine.carry(of: source, shift) }
        b = machine.shifted(source, shift)
      }
    }
    let result: M.Word
    switch kind {
    case .add, .compareNegative:
      let a = read(n, place, machine)
      result = setsFlags ? machine.sumSettingFlags(a, b, carry: machine.truth(false)) : machine.sum(a, b)
    case .subtract, .compare:
      let a = read(n, place, machine)
      result = setsFlags ? machine.differenceSettingFlags(a, b, carry: machine.truth(true)) : machine.difference(a, b)
    case .reverseSubtract:
      let a = machine[n]
      result = setsFlags ? machine.differenceSettingFlags(b, a, carry: machine.truth(true)) : machine.difference(b, a)
    case .addWithCarry:
      let (a, bit) = (machine[n], machine.carry)
      result = setsFlags ? machine.sumSettingFlags(a, b, carry: bit) : machine.sum(a, b, carry: bit)
    case .subtractWithCarry:
      let (a, bit) = (machine[n], machine.carry)
      result = setsFlags ? machine.differenceSettingFlags(a, b, carry: bit) : machine.difference(a, b, carry: bit)
    case .and, .test: result = machine.conjunction(machine[n], b)
    case .bitClear: result = machine.conjunction(machine[n], machine.complement(b))
    case .or: result = machine.disjunction(machine[n], b)
    case .orNot: result = machine.disjunction(machine[n], machine.complement(b))
    case .exclusiveOr, .testEqual: result = machine.exclusiveDisjunction(machine[n], b)
    case .move: result = b
    case .moveNot: result = machine.complement(b)
    }
    if setsFlags, !isSum {
      if let carry { machine.setFlags(result, carry: carry) } else { machine.setFlags(result) }
    }
    guard kind.hasResult else { return }
    if d == 15 {
      // A jump that stays in Thumb whatever the lowest bit.
      machine.programCounter = try machine.known(result) & ~1
    } else if d == 13 {
      // The stack pointer is always a multiple of 4.
      machine[13] = machine.constant(try machine.known(result) & ~3)
    } else {
      machine[d] = result
    }
  }

  @inlinable
  func executeBits<M: Machine>(
    setsFlags: Bool, _ place: UInt32, on machine: inout M
  ) throws(MachineFault) {
    switch operation {
    case .shift(let kind, let d, let n, let m, let flags):
      let (result, carry) = try machine.shifted(machine[n], kind, by: machine[m], carry: machine.carry)
      if flags == .always || flags == .outsideConditions && setsFlags { machine.setFlags(result, carry: carry) }
      machine[d] = result
    case .address(let d, let offset):
      machine[d] = machine.constant((place &+ 4) & ~3 &+ UInt32(truncatingIfNeeded: offset))
    case .moveTop(let d, let half):
      machine[d] = machine.replacing(machine[d], low: 16, width: 16, by: machine.constant(UInt32(half)))
    case .extend(let d, let n, let m, let rotation, let width, let isSigned):
      let rotated = machine.shifted(machine[m], Shift(.rotate, rotation))
      let extended = machine.field(rotated, low: 0, width: width, isSigned: isSigned)
      machine[d] = n.map { machine.sum(machine[$0], extended) } ?? extended
    case .extendPair(let d, let n, let m, let rotation, let isSigned):
      let rotated = machine.shifted(machine[m], Shift(.rotate, rotation))
      var halves = (
        machine.field(rotated, low: 0, width: 8, isSigned: isSigned),
        machine.field(rotated, low: 16, width: 8, isSigned: isSigned)
      )
      if let n {
        let added = machine[n]
        halves.0 = machine.sum(halves.0, added)
        halves.1 = machine.sum(halves.1, machine.field(added, low: 16, width: 16, isSigned: false))
      }
      machine[d] = machine.replacing(halves.0, low: 16, width: 16, by: halves.1)
    case .reverseBytes(let d, let m): machine[d] = bytes([3, 2, 1, 0], of: machine[m], &machine)
    case .reverseHalfBytes(let d, let m): machine[d] = bytes([1, 0, 3, 2], of: machine[m], &machine)
    case .reverseSignedHalf(let d, let m):
      let swapped = bytes([1, 0, 3, 2], of: machine[m], &machine)
      machine[d] = machine.field(swapped, low: 0, width: 16, isSigned: true)
    case .reverseBits(let d, let m): machine[d] = machine.reversedBits(machine[m])
    case .leadingZeros(let d, let m): machine[d] = machine.leadingZeros(machine[m])
    case .saturate(let d, let n, let shift, let bits, let isSigned):
      let shifted = machine.shifted(machine[n], shift)
      machine[d] = machine.saturated(shifted, bits: bits, isSigned: isSigned)
    case .saturatePair(let d, let n, let bits, let isSigned):
      let source = machine[n]
      let low = machine.saturated(half(source, .bottom, &machine), bits: bits, isSigned: isSigned)
      let high = machine.saturated(half(source, .top, &machine), bits: bits, isSigned: isSigned)
      machine[d] = machine.replacing(low, low: 16, width: 16, by: high)
    case .saturatingSum(let d, let n, let m, let isDoubled, let isSubtracted):
      var b = machine[n]
      if isDoubled { b = machine.saturatingSum(b, b, isSubtracted: false) }
      machine[d] = machine.saturatingSum(machine[m], b, isSubtracted: isSubtracted)
    case .lanes(let kind, let operation, let d, let n, let m):
      machine[d] = lanes(kind, operation, machine[n], machine[m], &machine)
    case .select(let d, let n, let m):
      let mask = machine.laneMask
      let kept = machine.conjunction(machine[n], mask)
      machine[d] = machine.disjunction(kept, machine.conjunction(machine[m], machine.complement(mask)))
    case .pack(let d, let n, let m, let shift, let isTop):
      let shifted = machine.shifted(machine[m], shift)
      machine[d] =
        isTop
        ? machine.replacing(machine[n], low: 0, width: 16, by: shifted)
        : machine.replacing(shifted, low: 0, width: 16, by: machine[n])
    case .extract(let d, let n, let low, let width, let isSigned):
      machine[d] = machine.field(machine[n], low: low, width: width, isSigned: isSigned)
    case .insert(let d, let n, let low, let width):
      let bits = n.map { machine[$0] } ?? machine.constant(0)
      machine[d] = machine.replacing(machine[d], low: low, width: width, by: bits)
    default: throw .unsupported("an operation")
    }
  }

  @inlinable
  func half<M: Machine>(_ word: M.Word, _ half: Half, _ machine: inout M) -> M.Word {
    machine.field(word, low: half == .top ? 16 : 0, width: 16, isSigned: true)
  }

  /// The bytes of a word in another order, lowest first.
  @inlinable
  func bytes<M: Machine>(_ order: [Int], of word: M.Word, _ machine: inout M) -> M.Word {
    var result = machine.constant(0)
    for (place, byte) in order.enumerated() {
      let bits = machine.field(word, low: 8 * byte, width: 8, isSigned: false)
      result = machine.replacing(result, low: 8 * place, width: 8, by: bits)
    }
    return result
  }

  /// Sums and differences of lanes (A7.7.146 and others like it).
  @inlinable
  func lanes<M: Machine>(
    _ kind: Lanes, _ operation: LaneOperation, _ a: M.Word, _ b: M.Word, _ machine: inout M
  ) -> M.Word {
    let isSigned = kind == .signed || kind == .saturatingSigned || kind == .halvingSigned
    let width = operation == .add8 || operation == .subtract8 ? 8 : 16
    let isCrossed = operation == .crossedAddSubtract || operation == .crossedSubtractAdd
    var result = machine.constant(0)
    var mask = machine.constant(0)
    for lane in 0..<32 / width {
      let x = machine.field(a, low: width * lane, width: width, isSigned: isSigned)
      let y = machine.field(b, low: width * (isCrossed ? 1 - lane : lane), width: width, isSigned: isSigned)
      let isSubtracted: Bool
      switch operation {
      case .add16, .add8: isSubtracted = false
      case .subtract16, .subtract8: isSubtracted = true
      case .crossedAddSubtract: isSubtracted = lane == 0
      case .crossedSubtractAdd: isSubtracted = lane == 1
      }
      var lanesResult = isSubtracted ? machine.difference(x, y) : machine.sum(x, y)
      switch kind {
      case .signed, .unsigned:
        // Of unsigned sums the carry counts.
        let bound = isSigned || isSubtracted ? 0 : Int32(1) << Int32(width)
        let bits = machine.mask(of: lanesResult, atLeast: bound)
        mask = machine.replacing(mask, low: width * lane, width: width, by: bits)
      case .saturatingSigned, .saturatingUnsigned:
        lanesResult = machine.saturated(lanesResult, bits: width, isSigned: isSigned)
      case .halvingSigned, .halvingUnsigned: lanesResult = machine.shifted(lanesResult, Shift(.arithmeticRight, 1))
      }
      result = machine.replacing(result, low: width * lane, width: width, by: lanesResult)
    }
    if kind == .signed || kind == .unsigned { machine.laneMask = mask }
    return result
  }
}
