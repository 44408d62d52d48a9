/// What Armv8.1-M has besides vectors and loops: selections by a condition, shifts of 64 bits.
extension ThumbInstruction {
  @inlinable
  func executeSelection<M: Machine>(on machine: inout M) throws(MachineFault) {
    func read(_ register: Int) -> M.Word { register == 15 ? machine.constant(0) : machine[register] }
    switch operation {
    case .conditionalSelect(let selection, let d, let n, let m, let condition):
      let (a, unchanged) = (read(n), read(m))
      let b: M.Word
      switch selection {
      case .same: b = unchanged
      case .increased: b = machine.sum(unchanged, machine.constant(1))
      case .inverted: b = machine.complement(unchanged)
      case .negated: b = machine.difference(machine.constant(0), unchanged)
      }
      let truth = machine.holds(condition)
      if let isTrue = try? machine.known(truth) {
        machine[d] = isTrue ? a : b
      } else {
        let mask = machine.difference(machine.constant(0), machine.number(truth))
        let kept = machine.conjunction(a, mask)
        machine[d] = machine.disjunction(kept, machine.conjunction(b, machine.complement(mask)))
      }
    case .longShift(let kind, let low, let high, let amount):
      let word = (low: machine[low], high: machine[high])
      let result: (low: M.Word, high: M.Word)
      switch amount {
      case .immediate(let places): result = shifted(word, kind, places, &machine)
      case .register(let m):
        let places = Int(
          Int8(truncatingIfNeeded: try machine.known(machine.field(machine[m], low: 0, width: 8, isSigned: false))))
        // Backward where the number is negative.
        let isBackward = places < 0
        let back: Shift.Kind = kind == .left ? .right : .left
        result = shifted(word, isBackward ? back : kind, Int(places.magnitude), &machine)
      }
      (machine[low], machine[high]) = result
    default: throw .unsupported("an operation")
    }
  }

  /// 64 bits, shifted.
  @inlinable
  func shifted<M: Machine>(
    _ word: (low: M.Word, high: M.Word), _ kind: Shift.Kind, _ places: Int, _ machine: inout M
  ) -> (low: M.Word, high: M.Word) {
    guard places > 0 else { return word }
    let rest = kind == .arithmeticRight ? machine.shifted(word.high, Shift(kind, 31)) : machine.constant(0)
    let (whole, part) = (places / 32, places % 32)
    if whole > 1 { return (rest, rest) }
    if kind == .left {
      let (low, high) = whole == 1 ? (rest, word.low) : (word.low, word.high)
      guard part > 0 else { return (low, high) }
      let carried = machine.shifted(low, Shift(.right, 32 - part))
      return (
        machine.shifted(low, Shift(.left, part)),
        machine.disjunction(machine.shifted(high, Shift(.left, part)), carried)
      )
    }
    let (low, high) = whole == 1 ? (word.high, rest) : (word.low, word.high)
    guard part > 0 else { return (low, high) }
    let carried = machine.shifted(high, Shift(.left, 32 - part))
    return (
      machine.disjunction(machine.shifted(low, Shift(.right, part)), carried), machine.shifted(high, Shift(kind, part))
    )
  }
}
