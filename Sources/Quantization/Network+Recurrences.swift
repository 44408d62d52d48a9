import IntegerProgram
import Network

extension Network {
  /// The network with recurrent layers written out, moment by moment, and the tensors that play one part in all moments,
  /// list by list: codes of one meaning do for them, so that all moments are reckoned alike.
  func writingRecurrencesOut() -> (network: Network, alike: [[Int]]) {
    var writer = RecurrenceWriter(self)
    writer.run()
    return (writer.network, Array(writer.alike.values))
  }
}

/// The state of writing one network's recurrent layers out.
private struct RecurrenceWriter {
  /// A part that a tensor plays in each moment of a layer.
  struct Part: Hashable {
    var layer: Int
    var role: String
  }

  let source: Network
  var network: Network
  var alike: [Part: [Int]] = [:]
  /// What layers of TensorFlow Lite would leave for the next call.
  private var forgotten: Set<Int> = []
  /// The tensors that stand for a layer's outputs.
  private var replaced: [Int: Int] = [:]
  /// The layer that is being written out: its place among the operations, in the file, its type, and its name.
  private var layer = 0, place = 0, typeName = "", name = ""

  init(_ network: Network) {
    (source, self.network) = (network, network)
  }

  mutating func run() {
    network.operations = []
    for (index, operation) in source.operations.enumerated() {
      var operation = operation
      operation.place = source.place(ofOperation: index)
      operation.inputs = operation.inputs.map { input in input.map { replaced[$0] ?? $0 } }
      let before = self
      do throws(LayerFault) {
        (layer, place, typeName, name) = (index, operation.place ?? index, operation.typeName, source.name(ofOperation: index))
        switch operation.kind {
        case .recurrent(let recurrence): try write(recurrence, operation)
        case .lstm(let cellClip) where isReal(operation): try write(operation, cellClip: Double(cellClip))
        default: network.operations.append(operation)
        }
      } catch {
        self = before
        operation.kind = .unsupported(reason: error.reason)
        operation.remedy = error.remedy
        network.operations.append(operation)
      }
    }
    let dropped = network.states.filter { forgotten.contains($0.written) }
    network.states.removeAll { forgotten.contains($0.written) }
    network.inputs.removeAll { input in dropped.contains { $0.read == input } }
    network.outputs.removeAll { forgotten.contains($0) }
    network.outputs = network.outputs.map { replaced[$0] ?? $0 }
  }

  private func isReal(_ operation: Operation) -> Bool {
    (operation.inputs.first ?? nil).map { network.tensors[$0].type == .float32 } ?? false
  }

  // MARK: Parts of the network

  private mutating func add(_ role: String, _ shape: [Int], _ numbers: [Float]? = nil) -> Int {
    let bytes = numbers.map { [UInt8](littleEndian: $0) }
    network.tensors.append(Tensor(name: "\(name)/\(role)", shape: shape, type: .float32, constant: bytes))
    return network.tensors.count - 1
  }

  private mutating func addIntegers(_ role: String, _ integers: [Int]) -> Int {
    let bytes = [UInt8](littleEndian: integers, width: 4)
    network.tensors.append(Tensor(name: "\(name)/\(role)", shape: [integers.count], type: .int32, constant: bytes))
    return network.tensors.count - 1
  }

  private mutating func emit(_ kind: Operation.Kind, _ inputs: [Int?], _ outputs: [Int]) {
    var operation = Operation(kind, typeName: typeName, inputs: inputs, outputs: outputs)
    operation.place = place
    network.operations.append(operation)
  }

  /// Emits what makes a tensor of `shape`, which plays the part `role` in a moment.
  private mutating func made(_ kind: Operation.Kind, _ inputs: [Int?], _ shape: [Int], _ role: String, _ time: Int) -> Int {
    let output = add("\(time)/\(role)", shape)
    emit(kind, inputs, [output])
    alike[Part(layer: layer, role: role), default: []].append(output)
    return output
  }

  private func isConstant(_ tensor: Int) -> Bool { network.tensors[tensor].constant != nil }

  private func reals(_ tensor: Int?, _ role: String, count: Int) throws(LayerFault) -> [Float]? {
    guard let tensor else { return nil }
    guard let numbers = network.tensors[tensor].floats ?? network.tensors[tensor].dequantized, numbers.count == count,
      numbers.allSatisfy(\.isFinite)
    else {
      throw LayerFault(
        "its \(role), \"\(network.tensors[tensor].name.printable())\", are not \(count) constant finite numbers")
    }
    return numbers
  }

  // MARK: Layers

  /// TensorFlow Lite's: the batch comes first, gates are input, forget, cell and output, and its state starts at zero.
  private mutating func write(_ operation: Operation, cellClip: Double) throws(LayerFault) {
    guard operation.inputs.count == 15, let x = operation.inputs[0], let output = operation.outputs.first else {
      throw LayerFault("it lacks weights or biases")
    }
    let (shape, made) = (network.tensors[x].shape, network.tensors[output].shape)
    guard shape.count == 3, made.count == 3, made[0] == shape[0], made[1] == shape[1] else {
      throw LayerFault("its input has the shape \(shape) and its output \(made), not [batch, time, …]")
    }
    guard shape[1] > 1 else {
      throw LayerFault(
        "it reads one moment a call: what it remembers passes from call to call, which is not quantised from float",
        remedy: "convert the network for a whole sequence a call, or quantise it with TensorFlow Lite's converter")
    }
    let (batch, times, features, units) = (shape[0], shape[1], shape[2], made[2])
    // [out, in] and biases, input, output, forget and cell.
    let order = [0, 3, 1, 2]
    func gates(_ first: Int, _ role: String, _ inputs: Int) throws(LayerFault) -> [Float] {
      var numbers: [Float] = []
      for gate in order {
        numbers +=
          try reals(operation.inputs[first + gate], role, count: units * inputs) ?? Array(repeating: 0, count: units * inputs)
      }
      return numbers
    }
    let weights = add("weights", [4 * units, features], try gates(1, "weights", features))
    let recurrence = add("recurrence weights", [4 * units, units], try gates(5, "recurrence weights", units))
    let bias = add("biases", [4 * units], try gates(9, "biases", 1))
    let input = turned(x, [times, batch, features], "input")
    let sequence = add("sequence", [times, batch, units])
    let last = add("last", [1, batch, units])
    let cell = add("cell", [1, batch, units])
    let clip = cellClip > 0 ? cellClip : nil
    let recurrent = RecurrentLayer(cell: .lstm(couplesGates: false), cellClip: clip)
    let written = Operation(
      .recurrent(recurrent), typeName: typeName,
      inputs: [input, weights, recurrence, bias, nil, nil, nil, nil], outputs: [sequence, last, cell])
    try write(recurrent, written, isRead: true)
    forgotten.formUnion(operation.outputs.dropFirst())
    network.notices.append(
      "\(typeName) \"\(name.printable(60))\" begins each call with a state of zeros, as in training: the quantised network "
        + "remembers nothing from call to call")
    replaced[output] = turned(replaced[sequence] ?? sequence, made, "output")
    network.tensors[replaced[output] ?? output].name = network.tensors[output].name
  }

  /// With the first two axes exchanged.
  private mutating func turned(_ x: Int, _ shape: [Int], _ role: String) -> Int {
    let output = add(role, shape)
    if shape[0] == 1 || shape[1] == 1 {
      emit(.reshape(shape: shape), [x], [output])
    } else {
      emit(.transpose, [x, addIntegers("axes", [1, 0, 2])], [output])
    }
    return output
  }

  private mutating func write(
    _ recurrent: RecurrentLayer, _ operation: Operation, isRead: Bool? = nil
  ) throws(LayerFault) {
    guard operation.inputs.count == 8, operation.outputs.count >= 2, let x = operation.inputs[0] else {
      throw LayerFault("it lacks inputs or outputs")
    }
    let (shape, made) = (network.tensors[x].shape, network.tensors[operation.outputs[0]].shape)
    guard shape.count == 3, made.count == 3, Array(made.prefix(2)) == Array(shape.prefix(2)), made[2] > 0 else {
      throw LayerFault("its input has the shape \(shape) and its output \(made), not [time, batch, …]")
    }
    let gates = recurrent.cell.gates
    let (times, units) = (shape[0], made[2])
    // The most operations that a moment takes are those of an LSTM with peepholes and bounds.
    guard times * 40 <= Network.mostOperations else {
      throw LayerFault("it runs over \(times) moments in time; \(Network.mostOperations / 40) are written out at most")
    }
    guard let weights = try reals(operation.inputs[1], "weights", count: gates * units * shape[2]),
      let recurrence = try reals(operation.inputs[2], "recurrence weights", count: gates * units * units)
    else { throw LayerFault("it lacks weights") }
    let bias = try reals(operation.inputs[3], "biases", count: gates * units)
    let resetBias = try reals(operation.inputs[4], "reset bias", count: units)
    let peepholes = try reals(operation.inputs[5], "peepholes", count: 3 * units)
    for state in operation.inputs[6...7] {
      guard let state, network.tensors[state].shape != [1, shape[1], units] else { continue }
      throw LayerFault("its first state has the shape \(network.tensors[state].shape), not \([1, shape[1], units])")
    }

    var cell = CellWriter(recurrent: recurrent, shape: [1, shape[1], units])
    for gate in 0..<gates {
      func rows(_ numbers: [Float], _ length: Int) -> [Float] {
        Array(numbers[gate * units * length..<(gate + 1) * units * length])
      }
      let own = add("weights \(gate)", [units, shape[2]], rows(weights, shape[2]))
      let offset = bias.map { add("biases \(gate)", [units], rows($0, 1)) }
      cell.recurrence.append(add("recurrence weights \(gate)", [units, units], rows(recurrence, units)))
      // Of all moments at once.
      let products = add("products \(gate)", [times, shape[1], units])
      emit(.fullyConnected(keepsDimensions: true, .none), [x, own, offset], [products])
      guard times > 1 else {
        cell.products.append([products])
        continue
      }
      let parts = (0..<times).map { add("\($0)/products \(gate)", cell.shape) }
      emit(.split, [addIntegers("axis", [0]), products], parts)
      cell.products.append(parts)
    }
    cell.resetBias = resetBias.map { add("reset bias", [units], $0) }
    if let peepholes {
      for gate in 0..<3 {
        cell.peepholes.append(add("peepholes \(gate)", [units], Array(peepholes[gate * units..<(gate + 1) * units])))
      }
    }
    var (hidden, memory) = (operation.inputs[6], operation.inputs[7])
    var states = [Int](repeating: 0, count: times)
    for step in 0..<times {
      let time = recurrent.isReverse ? times - 1 - step : step
      switch recurrent.cell {
      case .lstm(let couplesGates): (hidden, memory) = try lstm(cell, time, hidden, memory, couplesGates: couplesGates)
      case .gru(let resetsProduct): hidden = try gru(cell, time, hidden, resetsProduct: resetsProduct)
      case .simple: hidden = try function(recurrent.candidate, sum(cell, 0, time, hidden), cell, "hidden", time)
      }
      states[time] = hidden ?? 0
    }
    let isSequenceRead = isRead ?? isUsed(operation.outputs[0])
    if isSequenceRead, times > 1 {
      emit(.concatenation(axis: 0, .none), states, [operation.outputs[0]])
    } else if isSequenceRead {
      replace(operation.outputs[0], states[0])
    }
    if let hidden { replace(operation.outputs[1], hidden) }
    if operation.outputs.count > 2, let memory { replace(operation.outputs[2], memory) }
  }

  private func isUsed(_ tensor: Int) -> Bool {
    source.outputs.contains(tensor) || source.operations.contains { $0.inputs.contains(tensor) }
  }

  private mutating func replace(_ output: Int, _ tensor: Int) {
    replaced[output] = tensor
    if source.outputs.contains(output) { network.tensors[tensor].name = network.tensors[output].name }
  }

  // MARK: Cells

  /// What the moments of a layer have in common.
  private struct CellWriter {
    let recurrent: RecurrentLayer
    /// Of one moment: [1, batch, units].
    let shape: [Int]
    /// For each gate what the weights make of each moment's input, and the weights of the hidden state.
    var products: [[Int]] = []
    var recurrence: [Int] = []
    var resetBias: Int?
    var peepholes: [Int] = []
  }

  /// The weights' product with a state, which may be constant, or zero (nil).
  private mutating func product(
    _ cell: CellWriter, _ gate: Int, _ time: Int, _ state: Int?, bias: Int? = nil
  ) throws(LayerFault) -> Int? {
    guard let state else { return bias }
    guard isConstant(state) else {
      return made(
        .fullyConnected(keepsDimensions: true, .none), [state, cell.recurrence[gate], bias], cell.shape,
        "state products \(gate)", time)
    }
    let units = cell.shape[2]
    guard let weights = network.tensors[cell.recurrence[gate]].floats,
      let numbers = try reals(state, "first state", count: cell.shape[1] * units)
    else { return nil }
    let offsets = try reals(bias, "reset bias", count: units) ?? Array(repeating: 0, count: units)
    let products = (0..<cell.shape[1] * units).map { place in
      (0..<units).reduce(offsets[place % units]) {
        $0 + weights[place % units * units + $1] * numbers[place / units * units + $1]
      }
    }
    return add("first products \(gate)", cell.shape, products)
  }

  private mutating func add(_ a: Int, _ b: Int?, _ cell: CellWriter, _ role: String, _ time: Int) -> Int {
    guard let b else { return a }
    return made(.add(.none), [a, b], cell.shape, role, time)
  }

  /// What goes into a gate's function.
  private mutating func sum(
    _ cell: CellWriter, _ gate: Int, _ time: Int, _ hidden: Int?, peephole: (weights: Int, memory: Int?)? = nil
  ) throws(LayerFault) -> Int {
    var sum = add(
      cell.products[gate][time], try product(cell, gate, time, hidden), cell, "sums \(gate)", time)
    if let peephole, let memory = peephole.memory {
      let seen = made(.multiply(.none), [memory, peephole.weights], cell.shape, "seen \(gate)", time)
      sum = add(sum, seen, cell, "peephole sums \(gate)", time)
    }
    return held(sum, cell.recurrent.clip, cell, "held \(gate)", time)
  }

  private mutating func held(_ x: Int, _ bound: Double?, _ cell: CellWriter, _ role: String, _ time: Int) -> Int {
    guard let bound else { return x }
    return made(.unary(.composed([.clamp(-bound, bound)])), [x], cell.shape, role, time)
  }

  private mutating func function(
    _ functions: [RealFunction], _ x: Int, _ cell: CellWriter, _ role: String, _ time: Int
  ) -> Int {
    made(.unary(.composed(functions)), [x], cell.shape, role, time)
  }

  /// 1 less a gate, which is a function of what goes into the gate: 1 − σ(x) = σ(−x).
  private static func opposite(_ gate: [RealFunction]) -> [RealFunction] {
    gate == [.logistic] ? [.scaled(by: -1, plus: 0), .logistic] : gate + [.scaled(by: -1, plus: 1)]
  }

  /// c′ = f ∘ c + i ∘ g, h′ = o ∘ φ(c′); peepholes of input and forget gate see the cell before, those of the output gate the
  /// new one.
  private mutating func lstm(
    _ cell: CellWriter, _ time: Int, _ hidden: Int?, _ memory: Int?, couplesGates: Bool
  ) throws(LayerFault) -> (hidden: Int, memory: Int) {
    let recurrent = cell.recurrent
    func peephole(_ place: Int, _ memory: Int?) -> (weights: Int, memory: Int?)? {
      cell.peepholes.isEmpty ? nil : (cell.peepholes[place], memory)
    }
    let entry = try sum(cell, 0, time, hidden, peephole: peephole(0, memory))
    let input = function(recurrent.gate, entry, cell, "input gate", time)
    let candidate = try function(recurrent.candidate, sum(cell, 3, time, hidden), cell, "candidate", time)
    var state = made(.multiply(.none), [input, candidate], cell.shape, "entry", time)
    if let memory {
      let forget: Int
      if couplesGates {
        forget = function(Self.opposite(recurrent.gate), entry, cell, "forget gate", time)
      } else {
        // ONNX has peepholes of input, output and forget gate.
        forget = try function(
          recurrent.gate, sum(cell, 2, time, hidden, peephole: peephole(2, memory)), cell, "forget gate", time)
      }
      state = add(state, made(.multiply(.none), [forget, memory], cell.shape, "memory", time), cell, "cell", time)
    }
    state = held(state, recurrent.cellClip, cell, "held cell", time)
    let output = try function(
      recurrent.gate, sum(cell, 1, time, hidden, peephole: peephole(1, state)), cell, "output gate", time)
    let seen = function(recurrent.output, state, cell, "seen cell", time)
    return (made(.multiply(.none), [output, seen], cell.shape, "hidden", time), state)
  }

  /// h′ = (1 − z) ∘ n + z ∘ h.
  private mutating func gru(
    _ cell: CellWriter, _ time: Int, _ hidden: Int?, resetsProduct: Bool
  ) throws(LayerFault) -> Int {
    let recurrent = cell.recurrent
    let entry = try sum(cell, 0, time, hidden)
    let fresh = function(Self.opposite(recurrent.gate), entry, cell, "fresh gate", time)
    var sum = cell.products[2][time]
    let kept = resetsProduct ? try product(cell, 2, time, hidden, bias: cell.resetBias) : hidden
    if let kept {
      let reset = try function(recurrent.gate, self.sum(cell, 1, time, hidden), cell, "reset gate", time)
      let seen = made(.multiply(.none), [reset, kept], cell.shape, "reset", time)
      sum = add(sum, resetsProduct ? seen : try product(cell, 2, time, seen), cell, "sums 2", time)
    }
    sum = held(sum, recurrent.clip, cell, "held 2", time)
    let candidate = function(recurrent.candidate, sum, cell, "candidate", time)
    let state = made(.multiply(.none), [fresh, candidate], cell.shape, "entry", time)
    guard let hidden else { return state }
    let update = function(recurrent.gate, entry, cell, "update gate", time)
    return add(state, made(.multiply(.none), [update, hidden], cell.shape, "memory", time), cell, "hidden", time)
  }
}
