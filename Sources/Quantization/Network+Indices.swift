import Network

// What reckons indices in front of tables, and ADD_N: as layers of real numbers have them.
extension Network {
  /// The network with inputs of whole numbers where it casts inputs of real ones to such, as an embedding behind an input of
  /// real numbers does. A notice says so.
  func takingWholeNumbers() -> Network {
    var network = self
    var isDropped = Array(repeating: false, count: operations.count)
    for input in inputs where tensors[input].type == .float32 && !outputs.contains(input) {
      let readers = operations.indices.filter { operations[$0].inputs.contains(input) }
      let casts = readers.filter { reader in
        guard case .constant(.cast) = operations[reader].kind, let made = operations[reader].outputs.first else {
          return false
        }
        return [.int32, .int64].contains(tensors[made].type) && !outputs.contains(made)
      }
      guard !readers.isEmpty, casts.count == readers.count else { continue }
      let made = Set(casts.flatMap { operations[$0].outputs })
      for index in network.operations.indices {
        network.operations[index].inputs = network.operations[index].inputs.map { read in
          read.map { made.contains($0) ? input : $0 }
        }
      }
      for cast in casts { isDropped[cast] = true }
      network.tensors[input].type = .int32
      network.notices.append(
        "the input \"\(tensors[input].name.printable())\" is cast to whole numbers in the file: it takes whole numbers")
    }
    network.keepOperations { !isDropped[$0] }
    return network
  }

  /// The network without lookups in constant lists of whole numbers that choose rows of tables: their tables hold the rows in
  /// that order.
  func composingTables() -> Network {
    var network = self
    var isDropped = Array(repeating: false, count: operations.count)
    for (index, operation) in operations.enumerated() {
      guard case .gather(0, 0) = operation.kind, operation.inputs.count == 2, operation.outputs.count == 1,
        let list = operation.inputs[0], let source = operation.inputs[1], tensors[list].shape.count == 1,
        [.int32, .int64].contains(tensors[list].type), let rows = tensors[list].integers, !rows.isEmpty,
        !outputs.contains(operation.outputs[0])
      else { continue }
      let made = operation.outputs[0]
      let readers = network.operations.indices.filter { network.operations[$0].inputs.contains(made) }
      let tables = readers.map { network.table(chosenBy: made, in: $0, rows) }
      guard !readers.isEmpty, tables.allSatisfy({ $0 != nil }) else { continue }
      for (reader, table) in zip(readers, tables) {
        guard let table else { continue }
        network.operations[reader].inputs = [network.tensors.count, source]
        network.tensors.append(table)
      }
      isDropped[index] = true
    }
    network.keepOperations { !isDropped[$0] }
    return network
  }

  /// The table that operation `reader` looks up in by the indices `indices`, with the rows `rows`; nil where it does not.
  private func table(chosenBy indices: Int, in reader: Int, _ rows: [Int64]) -> Tensor? {
    let operation = operations[reader]
    guard case .gather(let axis, 0) = operation.kind, operation.inputs.count == 2, operation.inputs[1] == indices,
      let place = operation.inputs[0], place != indices, tensors[place].shape.indices.contains(axis),
      let bytes = tensors[place].constant, let width = tensors[place].type.byteCount, tensors[place].quantization == nil
    else { return nil }
    var table = tensors[place]
    let count = table.shape[axis]
    guard rows.allSatisfy({ (0..<Int64(count)).contains($0) }) else { return nil }
    let inner = table.shape[(axis + 1)...].reduce(width, *)
    let outer = table.shape[..<axis].reduce(1, *)
    let (made, overflow) = (outer * inner).multipliedReportingOverflow(by: rows.count)
    guard !overflow, made <= Network.largestTensor else { return nil }
    table.shape[axis] = rows.count
    var chosen: [UInt8] = []
    chosen.reserveCapacity(made)
    for turn in 0..<outer {
      for row in rows {
        let start = (turn * count + Int(row)) * inner
        chosen += bytes[start..<start + inner]
      }
    }
    table.constant = chosen
    return table
  }

  /// The network with sums of several real tensors as sums of two.
  func writingSumsOut() -> Network {
    var written = self
    written.operations = []
    for (index, operation) in operations.enumerated() {
      var operation = operation
      operation.place = place(ofOperation: index)
      guard case .addAll = operation.kind, operation.outputs.count == 1, operation.inputs.count > 1,
        tensors[operation.outputs[0]].type == .float32, !operation.inputs.contains(nil)
      else {
        written.operations.append(operation)
        continue
      }
      let output = tensors[operation.outputs[0]]
      var sum = operation.inputs[0]
      for (place, input) in operation.inputs.enumerated().dropFirst() {
        var made = operation.outputs[0]
        if place < operation.inputs.count - 1 {
          made = written.tensors.count
          written.tensors.append(Tensor(name: "\(output.name)/sum\(place)", shape: output.shape, type: .float32))
        }
        var addition = operation
        addition.kind = .add(.none)
        (addition.inputs, addition.outputs) = ([sum, input], [made])
        written.operations.append(addition)
        sum = made
      }
    }
    return written
  }

  private mutating func keepOperations(_ isKept: (Int) -> Bool) {
    let all = self
    operations = operations.indices.filter(isKept).map { index in
      var operation = all.operations[index]
      operation.place = all.place(ofOperation: index)
      return operation
    }
  }
}
