extension IntegerProgram {
  /// The program with what it takes of states taken at once: where a move reads nothing but what another move has made of
  /// a state, and nobody else reads that, the second reads the state itself. A ring buffer then moves on where it lies,
  /// without a copy in between; states are kept for the whole run, so nothing lives longer for it.
  func fusingMovesOfStates() -> IntegerProgram {
    let kept = Set(states.map(\.read))
    guard !kept.isEmpty else { return self }
    var program = self
    let counts = readCounts
    var makers: [Int: Int] = [:]
    for (index, step) in steps.enumerated() { makers[step.output] = index }
    var gone = Set<Int>()
    for (index, step) in steps.enumerated() {
      guard case .move(var move) = step.operation, !move.isIdentity else { continue }
      var inputs = step.inputs
      for (position, value) in step.inputs.enumerated() {
        guard counts[value] == 1, let maker = makers[value], case .move(let first) = steps[maker].operation,
          !first.isIdentity, first.fill == nil, first.copies.count == 1, let copy = first.copies.first,
          kept.contains(steps[maker].inputs[copy.operand]), values[value].count == copy.count,
          copy.targetStart == 0, copy.targetStrides == rowMajorStrides(copy.sizes)
        else { continue }
        let joined = move.copies.map { $0.operand == position ? $0.reading(through: copy) : $0 }
        guard joined.allSatisfy({ $0 != nil }) else { continue }
        move.copies = joined.compactMap { $0 }
        inputs[position] = steps[maker].inputs[copy.operand]
        gone.insert(maker)
      }
      program.steps[index].operation = .move(move)
      program.steps[index].inputs = inputs
    }
    guard !gone.isEmpty else { return self }
    let removed = Set(gone.map { steps[$0].output })
    program.steps = program.steps.indices.filter { !gone.contains($0) }.map { program.steps[$0] }
    return program.without(removed)
  }

  /// The program without values that nothing makes or reads.
  private func without(_ removed: Set<Int>) -> IntegerProgram {
    var program = self
    let left = values.indices.filter { !removed.contains($0) }
    let places = Dictionary(uniqueKeysWithValues: zip(left, left.indices))
    func place(_ value: Int) -> Int { places[value] ?? value }
    program.values = left.map { values[$0] }
    program.inputs = inputs.map(place)
    program.outputs = outputs.map(place)
    for index in program.steps.indices {
      program.steps[index].inputs = program.steps[index].inputs.map(place)
      program.steps[index].output = place(program.steps[index].output)
    }
    for index in program.states.indices {
      program.states[index].read = place(program.states[index].read)
      program.states[index].written = place(program.states[index].written)
    }
    return program
  }
}

extension Move.Copy {
  /// The same copy of what `first`, which writes all of its target in order, reads; nil where that is no such copy.
  fileprivate func reading(through first: Move.Copy) -> Move.Copy? {
    if first.sizes.count == 1 {
      let step = first.sourceStrides[0]
      return Move.Copy(
        operand: operand, sizes: sizes, sourceStart: first.sourceStart + sourceStart * step,
        sourceStrides: sourceStrides.map { $0 * step }, targetStart: targetStart, targetStrides: targetStrides)
    }
    guard sizes == [first.count], sourceStart == 0, sourceStrides == [1] else { return nil }
    return Move.Copy(
      operand: operand, sizes: first.sizes, sourceStart: first.sourceStart, sourceStrides: first.sourceStrides,
      targetStart: targetStart, targetStrides: first.targetStrides.map { $0 * targetStrides[0] }
    ).merged()
  }
}
