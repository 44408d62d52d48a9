/// The meaning of each instruction on vectors. Lanes of words are words; others are fields of words.
extension VectorOperation {
  @inlinable
  func execute<M: Machine>(_ place: UInt32, on machine: inout M) throws(MachineFault) {
    let conditions = try machine.known(machine[VectorRegister.conditions])
    let isPredicated = conditions != 0
    switch self {
    case .load, .store, .gather, .scatter: try transfer(isPredicated, &machine)
    case .storeInterleaved, .moveLanes, .moveWord, .transferWords, .movePredicate, .predicate:
      // These are not subject to the predicate, or have no meaning where there is one.
      guard !isPredicated else { throw .unpredictable("an instruction without predicate in a VPT block") }
      try move(place, &machine)
    case .compare, .invertPredicate, .predicateFirst: try setPredicate(isPredicated, &machine)
    default: compute(isPredicated, &machine)
    }
    guard isPredicated else { return }
    if conditions > 8 {
      for word in VectorRegister.predicate { machine[word] = machine.complement(machine[word]) }
    }
    machine[VectorRegister.conditions] = machine.constant(conditions << 1 & 15)
  }

  @inlinable
  func word(_ vector: Int, _ index: Int) -> Int { VectorRegister.words.lowerBound + 4 * vector + index }

  @inlinable
  func predicate(_ index: Int) -> Int { VectorRegister.predicate.lowerBound + index }

  /// Bits of a where the mask has ones, else of b.
  @inlinable
  func choice<M: Machine>(_ mask: M.Word, _ a: M.Word, _ b: M.Word, _ machine: inout M) -> M.Word {
    let kept = machine.conjunction(a, mask)
    return machine.disjunction(kept, machine.conjunction(b, machine.complement(mask)))
  }

  /// Writes a vector's words, of which bytes without predicate stay.
  @inlinable
  func write<M: Machine>(_ words: [M.Word], _ d: Int, _ isPredicated: Bool, _ machine: inout M) {
    for index in 0..<4 {
      let new = words[index]
      machine[word(d, index)] =
        isPredicated ? choice(machine[predicate(index)], new, machine[word(d, index)], &machine) : new
    }
  }

  @inlinable
  func read<M: Machine>(_ vector: Int, _ machine: M) -> [M.Word] { (0..<4).map { machine[word(vector, $0)] } }

  @inlinable
  func register<M: Machine>(_ register: Int, _ machine: M) -> M.Word {
    register == 15 ? machine.constant(0) : machine[register]
  }

  /// The words of an operand.
  @inlinable
  func read<M: Machine>(_ source: Source, bytes: Int, _ machine: inout M) -> [M.Word] {
    switch source {
    case .vector(let m): read(m, machine)
    case .register(let m): Array(repeating: replicated(register(m, machine), bytes: bytes, &machine), count: 4)
    }
  }

  /// The lowest bytes of a word in all lanes of one.
  @inlinable
  func replicated<M: Machine>(_ lane: M.Word, bytes: Int, _ machine: inout M) -> M.Word {
    guard bytes < 4 else { return lane }
    var result = lane
    for place in 1..<4 / bytes {
      result = machine.replacing(result, low: 8 * bytes * place, width: 8 * bytes, by: lane)
    }
    return result
  }

  /// A word made lane by lane of others, whose lanes are given as signed or unsigned numbers.
  @inlinable
  func lanes<M: Machine>(
    bytes: Int, isSigned: Bool, _ words: [M.Word], _ machine: inout M, _ make: ([M.Word], inout M) -> M.Word
  ) -> M.Word {
    guard bytes < 4 else { return make(words, &machine) }
    var result = machine.constant(0)
    for lane in 0..<4 / bytes {
      let (low, width) = (8 * bytes * lane, 8 * bytes)
      var numbers: [M.Word] = []
      for word in words { numbers.append(machine.field(word, low: low, width: width, isSigned: isSigned)) }
      result = machine.replacing(result, low: low, width: width, by: make(numbers, &machine))
    }
    return result
  }

  /// The predicate of each lane's lowest byte, for all of the lane.
  @inlinable
  func lanePredicate<M: Machine>(_ index: Int, bytes: Int, _ machine: inout M) -> M.Word {
    lanes(bytes: bytes, isSigned: true, [machine[predicate(index)]], &machine) { words, machine in
      machine.field(words[0], low: 0, width: 8, isSigned: true)
    }
  }

  @inlinable
  func compute<M: Machine>(_ isPredicated: Bool, _ machine: inout M) {
    var result: [M.Word] = []
    switch self {
    case .lanewise(let kind, let d, let n, let source, let bytes):
      let (a, b, old) = (read(n, machine), read(source, bytes: bytes, &machine), read(d, machine))
      for index in 0..<4 {
        result.append(
          lanes(bytes: bytes, isSigned: isSigned(kind), [a[index], b[index], old[index]], &machine) { words, machine in
            lanewise(kind, words[0], words[1], words[2], bytes: bytes, &machine)
          })
      }
      write(result, d, isPredicated, &machine)
    case .shift(let kind, let d, let m, let amount, let bytes):
      for word in read(m, machine) {
        result.append(
          lanes(bytes: bytes, isSigned: kind == .arithmeticRight, [word], &machine) { words, machine in
            machine.shifted(words[0], Shift(kind, amount))
          })
      }
      write(result, d, isPredicated, &machine)
    case .negate(let d, let m, let bytes), .absolute(let d, let m, let bytes):
      let isNegated = if case .negate = self { true } else { false }
      for word in read(m, machine) {
        result.append(
          lanes(bytes: bytes, isSigned: true, [word], &machine) { words, machine in
            if isNegated { return machine.difference(machine.constant(0), words[0]) }
            let sign = machine.shifted(words[0], Shift(.arithmeticRight, 31))
            return machine.difference(machine.exclusiveDisjunction(words[0], sign), sign)
          })
      }
      write(result, d, isPredicated, &machine)
    case .complement(let d, let m):
      for word in read(m, machine) { result.append(machine.complement(word)) }
      write(result, d, isPredicated, &machine)
    case .duplicate(let d, let t, let bytes):
      write(Array(repeating: replicated(machine[t], bytes: bytes, &machine), count: 4), d, isPredicated, &machine)
    case .constant(let d, let number):
      write(Array(repeating: machine.constant(number), count: 4), d, isPredicated, &machine)
    case .count(let d, let n, let step, let bytes):
      var next = machine[n]
      let step = machine.constant(UInt32(truncatingIfNeeded: step))
      for _ in 0..<4 {
        result.append(
          lanes(bytes: bytes, isSigned: false, [machine.constant(0)], &machine) { _, machine in
            let number = next
            next = machine.sum(next, step)
            return number
          })
      }
      machine[n] = next
      write(result, d, isPredicated, &machine)
    case .select(let d, let n, let m):
      let (a, b) = (read(n, machine), read(m, machine))
      for index in 0..<4 { result.append(choice(machine[predicate(index)], a[index], b[index], &machine)) }
      write(result, d, isPredicated, &machine)
    default: convert(isPredicated, &machine)
    }
  }

  @inlinable
  func isSigned(_ kind: Lanewise) -> Bool {
    switch kind {
    case .multiplyHighUnsigned, .greatestUnsigned, .leastUnsigned: false
    default: true
    }
  }

  @inlinable
  func lanewise<M: Machine>(
    _ kind: Lanewise, _ a: M.Word, _ b: M.Word, _ old: M.Word, bytes: Int, _ machine: inout M
  ) -> M.Word {
    switch kind {
    case .and: return machine.conjunction(a, b)
    case .bitClear: return machine.conjunction(a, machine.complement(b))
    case .or: return machine.disjunction(a, b)
    case .orNot: return machine.disjunction(a, machine.complement(b))
    case .exclusiveOr: return machine.exclusiveDisjunction(a, b)
    case .add: return machine.sum(a, b)
    case .subtract: return machine.difference(a, b)
    case .multiply: return machine.product(a, b)
    case .multiplyHigh, .multiplyHighUnsigned:
      if bytes == 4 { return machine.longProduct(a, b, isSigned: kind == .multiplyHigh).high }
      return machine.shifted(machine.product(a, b), Shift(.right, 8 * bytes))
    case .doublingMultiplyHigh:
      if bytes < 4 {
        let product = machine.product(a, b)
        let doubled = machine.saturatingSum(product, product, isSubtracted: false)
        let high = machine.shifted(doubled, Shift(.arithmeticRight, 8 * bytes))
        return machine.saturated(high, bits: 8 * bytes, isSigned: true)
      }
      // What does not fit is 2^63 alone, whose lower half is zero.
      let product = machine.longProduct(a, b, isSigned: true)
      let doubled = machine.saturatingSum(product.high, product.high, isSubtracted: false)
      return machine.sum(doubled, machine.shifted(product.low, Shift(.right, 31)))
    case .greatest, .greatestUnsigned, .least, .leastUnsigned:
      let isGreatest = kind == .greatest || kind == .greatestUnsigned
      if bytes < 4 {
        // The greater one is b + max(a − b, 0), the other a − max(a − b, 0).
        let excess = machine.saturated(machine.difference(a, b), bits: 16, isSigned: false)
        return isGreatest ? machine.sum(b, excess) : machine.difference(a, excess)
      }
      let isAtLeast = machine.mask(of: machine.saturatingSum(a, b, isSubtracted: true), atLeast: 0)
      return isGreatest ? choice(isAtLeast, a, b, &machine) : choice(isAtLeast, b, a, &machine)
    case .multiplyAdd: return machine.sum(old, machine.product(a, b))
    case .multiplyAddTo: return machine.sum(machine.product(old, a), b)
    }
  }

  /// Lanes of another width, and sums of all lanes.
  @inlinable
  func convert<M: Machine>(_ isPredicated: Bool, _ machine: inout M) {
    var result: [M.Word] = []
    switch self {
    case .widen(let d, let m, let bytes, let isTop, let isSigned):
      for word in read(m, machine) {
        result.append(
          lanes(bytes: 2 * bytes, isSigned: false, [word], &machine) { words, machine in
            machine.field(words[0], low: isTop ? 8 * bytes : 0, width: 8 * bytes, isSigned: isSigned)
          })
      }
      write(result, d, isPredicated, &machine)
    case .narrow(let d, let m, let bytes, let isTop, let shift, let isSaturated):
      let (source, old) = (read(m, machine), read(d, machine))
      let width = 8 * bytes
      for index in 0..<4 {
        let words = [source[index], old[index]]
        // With their sign, since what stays of the old lanes is theirs bit by bit.
        result.append(
          lanes(bytes: 2 * bytes, isSigned: true, words, &machine) { words, machine in
            var number = words[0]
            if shift > 0 {
              // The last bit that leaves rounds, half of it up.
              let last = machine.field(number, low: shift - 1, width: 1, isSigned: false)
              number = machine.sum(machine.shifted(number, Shift(.arithmeticRight, shift)), last)
            }
            if isSaturated { number = machine.saturated(number, bits: width, isSigned: true) }
            return machine.replacing(words[1], low: isTop ? width : 0, width: width, by: number)
          })
      }
      write(result, d, isPredicated, &machine)
    case .sumProducts(let t, let n, let m, let bytes, let isSigned, let accumulates):
      var sum = accumulates ? machine.take(t) : machine.constant(0)
      for index in 0..<4 {
        var a = machine[word(n, index)]
        let b = machine[word(m, index)]
        if isPredicated { a = machine.conjunction(a, lanePredicate(index, bytes: bytes, &machine)) }
        for lane in 0..<4 / bytes {
          let (low, width) = (8 * bytes * lane, 8 * bytes)
          let (x, y) = (
            machine.field(a, low: low, width: width, isSigned: isSigned),
            machine.field(b, low: low, width: width, isSigned: isSigned)
          )
          sum = machine.sum(sum, machine.product(x, y))
        }
      }
      machine[t] = sum
    case .sum(let t, let m, let bytes, let isSigned, let accumulates):
      var sum = accumulates ? machine.take(t) : machine.constant(0)
      for index in 0..<4 {
        var a = machine[word(m, index)]
        if isPredicated { a = machine.conjunction(a, lanePredicate(index, bytes: bytes, &machine)) }
        for lane in 0..<4 / bytes {
          sum = machine.sum(sum, machine.field(a, low: 8 * bytes * lane, width: 8 * bytes, isSigned: isSigned))
        }
      }
      machine[t] = sum
    default: break
    }
  }

  @inlinable
  func setPredicate<M: Machine>(_ isPredicated: Bool, _ machine: inout M) throws(MachineFault) {
    var truth: [M.Word] = []
    var block: UInt8 = 0
    switch self {
    case .compare(let condition, let n, let source, let bytes, let mask):
      let (a, b) = (read(n, machine), read(source, bytes: bytes, &machine))
      let isUnsigned = condition == .carrySet || condition == .higher
      for index in 0..<4 {
        truth.append(
          lanes(bytes: bytes, isSigned: !isUnsigned, [a[index], b[index]], &machine) { words, machine in
            comparison(condition, words[0], words[1], &machine)
          })
      }
      block = mask
    case .invertPredicate:
      for word in VectorRegister.predicate { truth.append(machine.complement(machine[word])) }
    case .predicateFirst(let n, let bytes):
      let lanes = try machine.known(machine[n])
      let count = min(UInt64(lanes) * UInt64(bytes), 16)
      for index in 0..<4 as Range<UInt64> {
        truth.append(machine.constant(UInt32.max >> UInt32(32 - 8 * min(max(count, 4 * index) - 4 * index, 4))))
      }
    default: break
    }
    guard block == 0 || !isPredicated else { throw .unpredictable("a VPT block in another") }
    for (index, word) in VectorRegister.predicate.enumerated() {
      machine[word] = isPredicated ? machine.conjunction(machine[word], truth[index]) : truth[index]
    }
    if block != 0 { machine[VectorRegister.conditions] = machine.constant(UInt32(block)) }
  }

  /// All ones where the condition holds of two numbers, which are not negative where it is for such.
  @inlinable
  func comparison<M: Machine>(_ condition: Condition, _ a: M.Word, _ b: M.Word, _ machine: inout M) -> M.Word {
    func isAtLeast(_ a: M.Word, _ b: M.Word) -> M.Word {
      machine.mask(of: machine.saturatingSum(a, b, isSubtracted: true), atLeast: 0)
    }
    func unsigned(_ a: M.Word) -> M.Word { machine.exclusiveDisjunction(a, machine.constant(1 << 31)) }
    switch condition {
    case .equal, .notEqual:
      let isEqual = machine.number(machine.isZero(machine.difference(a, b)))
      return condition == .equal
        ? machine.difference(machine.constant(0), isEqual) : machine.difference(isEqual, machine.constant(1))
    case .greaterOrEqual: return isAtLeast(a, b)
    case .less: return machine.complement(isAtLeast(a, b))
    case .greater: return machine.complement(isAtLeast(b, a))
    case .lessOrEqual: return isAtLeast(b, a)
    case .carrySet: return isAtLeast(unsigned(a), unsigned(b))
    default: return machine.complement(isAtLeast(unsigned(b), unsigned(a)))
    }
  }
}
