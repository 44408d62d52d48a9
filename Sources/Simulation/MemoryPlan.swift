import IntegerProgram

/// Where each value lies while it is needed. Values that are not needed at the same time share memory, which
/// keeps the working set in the processor's cache.
struct MemoryPlan: Sendable {
  private(set) var places: [Place] = []
  /// Bytes of all values.
  private(set) var byteCount = 0

  init(_ program: IntegerProgram) {
    let storages = program.values.map { Storage($0.type) }
    // A move that moves nothing shares its operand's place.
    var roots = Array(program.values.indices)
    for step in program.steps where step.isIdentity && storages[step.inputs[0]] == storages[step.output] {
      roots[step.output] = roots[step.inputs[0]]
    }
    // A value lives from the step that makes it to the last that reads it; inputs from before the first step,
    // outputs to after the last. Constants live always.
    let end = program.steps.count
    var first = [Int](repeating: end, count: program.values.count)
    var last = [Int](repeating: -1, count: program.values.count)
    func use(_ value: Int, at step: Int) {
      let root = roots[value]
      first[root] = min(first[root], step)
      last[root] = max(last[root], step)
    }
    for input in program.inputs { use(input, at: -1) }
    for output in program.outputs { use(output, at: end) }
    for (index, step) in program.steps.enumerated() {
      for input in step.inputs { use(input, at: index) }
      use(step.output, at: index)
    }
    for (index, value) in program.values.enumerated() where value.constant != nil {
      (first[index], last[index]) = (-1, end)
    }

    // First fit, in the order in which values appear.
    var offsets = [Int](repeating: 0, count: program.values.count)
    var placed: [(value: Int, bytes: Range<Int>)] = []
    let order = program.values.indices.filter { roots[$0] == $0 && last[$0] >= first[$0] }
      .sorted { (first[$0], $0) < (first[$1], $1) }
    for value in order {
      let size = (program.values[value].count * storages[value].bytesPerCode + Memory.slack + 63) / 64 * 64
      let others = placed.filter { first[$0.value] <= last[value] && last[$0.value] >= first[value] }
        .map(\.bytes).sorted { $0.lowerBound < $1.lowerBound }
      var offset = 0
      for other in others {
        if offset + size <= other.lowerBound { break }
        offset = max(offset, other.upperBound)
      }
      offsets[value] = offset
      placed.append((value, offset..<offset + size))
      byteCount = max(byteCount, offset + size)
    }
    places = program.values.indices.map {
      Place(offset: offsets[roots[$0]], storage: storages[$0], count: program.values[$0].count)
    }
  }
}

extension Step {
  var isIdentity: Bool { if case .move(let move) = operation { move.isIdentity } else { false } }
}
