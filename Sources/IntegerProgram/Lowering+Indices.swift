import Network

// GATHER and EMBEDDING_LOOKUP by an integer input → a sum that numbers the table's elements, and a table.
extension Lowering {
  /// A tensor of integers that depends, element by element, on one input of indices.
  struct IndexFunction {
    /// The value that holds the input's codes.
    var value: Int
    /// What it makes of each of them, from the lowest on.
    var integers: [Int64]
  }

  /// The type of an input of integers that chooses among rows: as many bits as the shortest table that it is used with
  /// needs. Nil where it chooses nothing.
  private func indexType(ofInput tensor: Int) -> (type: CodeType, rows: Int)? {
    guard [.int32, .int64].contains(network.tensors[tensor].type) else { return nil }
    var reached: Set<Int> = [tensor]
    var shortest: Int?
    for operation in network.operations {
      if case .gather(let axis, _) = operation.kind, operation.inputs.count > 1, let table = operation.inputs[0],
        let index = operation.inputs[1], reached.contains(index)
      {
        let shape = network.tensors[table].shape
        let along = axis < 0 ? axis + shape.count : axis
        if shape.indices.contains(along) { shortest = min(shortest ?? shape[along], shape[along]) }
      } else if Self.keepsIndices(operation.kind),
        operation.inputs.contains(where: { $0.map(reached.contains) ?? false })
      {
        reached.formUnion(operation.outputs)
      }
    }
    guard let shortest, shortest <= 1 << 16 else { return nil }
    return (.narrowest(for: 0...Int64(shortest - 1)), shortest)
  }

  /// The value of an input of indices; nil where the tensor is none.
  mutating func lowerIndexInput(_ tensor: Int) -> Int? {
    guard let (type, rows) = indexType(ofInput: tensor) else { return nil }
    let name = network.tensors[tensor].name
    let value = Value(
      name: name, tensor: tensor, shape: network.tensors[tensor].shape, type: type, range: 0...Int64(rows - 1),
      scale: 1, zeroPoint: 0)
    let index = add(value, tensor: tensor)
    indexFunctions[tensor] = IndexFunction(value: index, integers: Array(type.range))
    notices.append("the input \"\(name.printable())\" holds indices of \(rows) rows, 0 to \(rows - 1)")
    return index
  }

  private static func keepsIndices(_ kind: Operation.Kind) -> Bool {
    switch kind {
    case .add(.none), .subtract(.none), .multiply(.none), .divide(.none), .maximum, .minimum, .compare, .select,
      .constant(.cast), .reshape, .squeeze, .expandDimensions:
      true
    default: false
    }
  }

  /// Lowers an operation that reads integers made of an input of indices: arithmetic is done on every index at once, so
  /// that no step is left of it. False where the operation reads none.
  mutating func lowerIndices(_ operation: Operation) throws(LayerFault) -> Bool {
    guard operation.inputs.contains(where: { $0.map { indexFunctions[$0] != nil } ?? false }) else { return false }
    if case .gather(let axis, let batchDimensions) = operation.kind, operation.inputs.count > 1,
      let index = operation.inputs[1], let function = indexFunctions[index]
    {
      try gather(operation, function, axis: axis, batchDimensions: batchDimensions)
      return true
    }
    guard Self.keepsIndices(operation.kind), let output = operation.outputs.first else {
      throw LayerFault(
        "it computes with integers that are no codes",
        remedy: "an input of integers may choose rows of a constant table, after arithmetic with constants")
    }
    var source: Int?
    var operands: [(isIndex: Bool, integers: [Int64]?)] = []
    for case let input? in operation.inputs {
      if let function = indexFunctions[input] {
        guard source == nil || source == function.value, network.tensors[input].count == network.tensors[output].count
        else { throw LayerFault("it joins integers of several inputs, or of several shapes") }
        source = function.value
        operands.append((true, function.integers))
      } else {
        operands.append((false, network.tensors[input].integers))
      }
    }
    guard let source else { return false }
    let size = values[source].type.range.count
    /// An operand's integer for the input's nth code: constants are one number.
    func operand(_ position: Int, _ n: Int) throws(LayerFault) -> Int64 {
      guard operands.indices.contains(position), let integers = operands[position].integers, let first = integers.first
      else { throw LayerFault("its input \(position) is neither an index nor a constant") }
      if operands[position].isIndex { return integers[n] }
      guard integers.allSatisfy({ $0 == first }) else {
        throw LayerFault("its input \(position) holds several constants", remedy: "add one number to all indices")
      }
      return first
    }
    var result: [Int64] = []
    result.reserveCapacity(size)
    for n in 0..<size {
      let made: Int64
      switch operation.kind {
      case .add: made = try operand(0, n) &+ operand(1, n)
      case .subtract: made = try operand(0, n) &- operand(1, n)
      case .multiply: made = try operand(0, n) &* operand(1, n)
      case .divide:
        let divisor = try operand(1, n)
        guard divisor != 0 else { throw LayerFault("it divides by 0") }
        made = try operand(0, n) / divisor
      case .maximum: made = try max(operand(0, n), operand(1, n))
      case .minimum: made = try min(operand(0, n), operand(1, n))
      case .select: made = try operand(0, n) != 0 ? operand(1, n) : operand(2, n)
      case .compare(let comparison):
        made = try comparison.holds(operand(0, n), operand(1, n)) ? 1 : 0
      default: made = try operand(0, n)
      }
      guard Int32(exactly: made) != nil else { throw LayerFault("its integers pass 32 bits") }
      result.append(made)
    }
    if case .constant(.cast) = operation.kind, network.tensors[output].type == .float32 {
      floatsOfTensor[output] = FloatCodes(value: source, reals: result.map { Float($0) })
      return true
    }
    if case .constant(.cast) = operation.kind, let codes = plainCodes(ofTensor: output) {
      try emitCodes(of: result, from: source, codes)
      return true
    }
    indexFunctions[output] = IndexFunction(value: source, integers: result)
    return true
  }

  /// The rows of a constant table that indices choose. An index past the last row, which neither the reference nor the
  /// simulator takes, would choose the last: whatever a device is given, nothing outside the table is read.
  private mutating func gather(
    _ operation: Operation, _ function: IndexFunction, axis: Int, batchDimensions: Int
  ) throws(LayerFault) {
    let table = values[try input(operation, 0, "table")]
    let output = try output(operation)
    guard let codes = table.constant else {
      throw LayerFault(
        "an input of indices chooses among computed elements", remedy: "gather from a constant table, as an embedding")
    }
    try requireSameQuantization(table, output, "its table and output")
    let rank = table.shape.count
    guard batchDimensions == 0, (-rank..<rank).contains(axis), let index = operation.inputs[1] else {
      throw LayerFault("its axis \(axis) does not exist in rank \(rank), or it has batch dimensions")
    }
    let along = axis < 0 ? axis + rank : axis
    let (outer, count) = (table.shape[..<along].reduce(1, *), table.shape[along])
    let inner = table.shape[(along + 1)...].reduce(1, *)
    try require(
      shape: table.shape[..<along] + network.tensors[index].shape + table.shape[(along + 1)...], of: output)
    let (places, width) = (network.tensors[index].count, outer * inner)
    weightCount += table.count
    guard weightCount <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
    }

    // Indices that are not yet those of rows become so.
    var rows = function.value
    let last = Int64(count - 1)
    let chosen = function.integers.map { min(max($0, 0), last) }
    let domain = values[rows].type.range
    if chosen != Array(domain) {
      rows = makeTable(integers([places], 0...last, like: output), of: rows) {
        chosen[Int($0 - domain.lowerBound)]
      }
    }
    // Element d of row i has the number i · n + d, in as many columns n at a time as 16 bits number.
    let columns = min(width, (1 << 16) / count)
    var parts: [Int] = []
    var copies: [Move.Copy] = []
    for start in stride(from: 0, to: width, by: columns) {
      let number = min(columns, width - start)
      let range = 0...Int64(count * number - 1)
      let elements = constant((0..<Int64(number)).map { $0 }, shape: [1, number], like: output)
      let numbered = try makeExact(
        integers([places, number], range, like: output), .sum, rows, elements, shapes: ([places, 1], [1, number]),
        gain: number, clamp: range)
      let isWhole = number == width && outer == 1
      parts.append(
        makeTable(isWhole ? output : intermediate([places, number], like: output), of: numbered) { element in
          let (row, column) = (min(Int(element), count * number - 1) / number, start + Int(element) % number)
          return Int64(codes[((column / inner) * count + row) * inner + column % inner])
        })
      if isWhole { return }
      for block in start / inner...(start + number - 1) / inner {
        let from = max(start, block * inner)
        let to = min(start + number, (block + 1) * inner)
        copies.append(
          Move.Copy(
            operand: parts.count - 1, sizes: [places, to - from], sourceStart: from - start,
            sourceStrides: [number, 1], targetStart: block * places * inner + from - block * inner,
            targetStrides: [inner, 1]
          ).merged())
      }
    }
    let range = parts.reduce(nil) { union($0, values[$1].range) }
    emit(.move(Move(copies: copies)), operation, inputs: parts, output: output, range: range)
  }
}
