extension Network {
  /// Custom operators that turn a detector's results into lists of boxes or poses, outside a network's arithmetic.
  private static let heads: Set<String> = [
    "CUSTOM TFLite_Detection_PostProcess", "CUSTOM PosenetDecoderOp", "CUSTOM PosenetDecoder",
  ]

  /// The network without what its results pass through outside integers: detection heads, functions of floating-point
  /// numbers behind the last DEQUANTIZE, and SOFTMAX of uint8, whose kernels reckon in floating point. What those read
  /// becomes the network's output, and a notice says so.
  public func leavingTailToCaller() -> Network {
    var isFloat = Set<Int>()
    for operation in operations {
      if case .dequantize = operation.kind { isFloat.formUnion(operation.outputs) }
    }
    // Tensors whose values somebody needs inside: the readers of every tensor, from the last operation to the first.
    var readers = [Int](repeating: 0, count: tensors.count)
    for operation in operations { for case let input? in operation.inputs { readers[input] += 1 } }
    for state in states { readers[state.written] += 1 }
    var candidates = Set<Int>()
    var probabilities = Set<Int>()
    for (index, operation) in operations.enumerated() {
      if case .softmax = operation.kind, format == .tensorFlowLite, operation.quantizer == nil,
        operation.outputs.allSatisfy({ tensors[$0].type == .uint8 })
      {
        probabilities.formUnion(operation.outputs)
        candidates.insert(index)
      }
      if case .dequantize = operation.kind {
        if operation.inputs.contains(where: { $0.map(probabilities.contains) ?? false }) { candidates.insert(index) }
        continue
      }
      if case .quantize = operation.kind { continue }
      let computed = operation.inputs.compactMap { $0 }.filter { tensors[$0].constant == nil }
      let isOnFloats = !computed.isEmpty && computed.allSatisfy { isFloat.contains($0) }
      if isOnFloats { isFloat.formUnion(operation.outputs) }
      if isOnFloats || Self.heads.contains(operation.typeName) { candidates.insert(index) }
    }
    let wasRead = readers.map { $0 > 0 }
    var cut = Set<Int>()
    for (index, operation) in operations.enumerated().reversed() where candidates.contains(index) {
      guard operation.outputs.allSatisfy({ readers[$0] == 0 }),
        operation.outputs.contains(where: { outputs.contains($0) || wasRead[$0] })
      else { continue }
      cut.insert(index)
      for case let input? in operation.inputs { readers[input] -= 1 }
    }
    return cut.isEmpty ? self : leaving(cut)
  }

  /// The network without the operations at its end that name the index of the largest or smallest element: what they read
  /// becomes the output, and a notice says so.
  public func leavingIndicesToCaller() -> Network {
    var isRead = Set<Int>()
    for operation in operations { isRead.formUnion(operation.inputs.compactMap { $0 }) }
    let cut = operations.indices.filter { index in
      guard case .indexOf = operations[index].kind else { return false }
      return operations[index].outputs.allSatisfy { outputs.contains($0) && !isRead.contains($0) }
    }
    return cut.isEmpty ? self : leaving(Set(cut))
  }

  /// The network without the operations in `cut`, which nothing else reads.
  private func leaving(_ cut: Set<Int>) -> Network {
    var result = self
    let made = Set(cut.flatMap { operations[$0].outputs })
    var newOutputs = outputs.dropLast(states.count).filter { !made.contains($0) }
    for index in cut.sorted() {
      for case let input? in operations[index].inputs
      where tensors[input].constant == nil && !made.contains(input) && !newOutputs.contains(input) {
        newOutputs.append(input)
      }
    }
    result.outputs = newOutputs + states.map(\.written)
    result.operations = operations.indices.filter { !cut.contains($0) }.map { index in
      var operation = operations[index]
      operation.place = place(ofOperation: index)
      return operation
    }
    var names: [String] = []
    for index in cut.sorted() where !names.contains(operations[index].typeName) {
      names.append(operations[index].typeName)
    }
    result.notices.append(
      "\(names.joined(separator: ", ").printable()) at the end of the network \(names.count == 1 ? "is" : "are") left to "
        + "the caller: what \(names.count == 1 ? "it reads is" : "they read is") the network's output")
    return result
  }
}
