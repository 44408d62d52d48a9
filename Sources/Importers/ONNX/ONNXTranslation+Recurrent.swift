import Network

// LSTM, GRU and RNN of real numbers. Quantised graphs hold them as real numbers too, as no quantiser makes codes of what
// they hand on; whoever quantises the network writes them out into cells.
extension ONNXTranslation {
  /// One operation for each direction.
  mutating func recurrent(_ node: ONNXNode) throws(NodeFault) {
    let cell: RecurrentLayer.Cell
    switch node.type {
    case "LSTM": cell = .lstm(couplesGates: node.int("input_forget", default: 0) != 0)
    case "GRU": cell = .gru(resetsProduct: node.int("linear_before_reset", default: 0) != 0)
    default: cell = .simple
    }
    let isBatchFirst = node.int("layout", default: 0) != 0
    var x = try real(node, 0, "input")
    guard x.view.axes.count == 3 else {
      throw NodeFault("its input has the shape \(x.view.shape), not time, batch and features")
    }
    if isBatchFirst { x.view = x.view.transposed([1, 0, 2]) }
    let (times, batch, features) = (x.view.shape[0], x.view.shape[1], x.view.shape[2])
    let weights = try constant(node, 1, "weights")
    let recurrence = try constant(node, 2, "recurrence weights")
    let directions = weights.shape.first ?? 0
    guard let units = recurrence.shape.last, units > 0, (1...2).contains(directions),
      weights.shape == [directions, cell.gates * units, features],
      recurrence.shape == [directions, cell.gates * units, units]
    else {
      throw NodeFault(
        "its weights have the shapes \(weights.shape) and \(recurrence.shape) for \(features) features")
    }
    let direction = node.string("direction", default: "forward")
    guard (direction == "bidirectional") == (directions == 2), ["forward", "reverse", "bidirectional"].contains(direction)
    else { throw NodeFault("its direction is \"\(direction.printable(20))\", and it has weights for \(directions)") }
    let biases = node.hasInput(3) ? try constant(node, 3, "biases") : nil
    let peepholes = node.hasInput(7) ? try constant(node, 7, "peepholes") : nil
    guard biases.map({ $0.shape == [directions, 2 * cell.gates * units] }) ?? true,
      peepholes.map({ node.type == "LSTM" && $0.shape == [directions, 3 * units] }) ?? true
    else { throw NodeFault("its biases or peepholes have the shape \(biases?.shape ?? peepholes?.shape ?? [])") }
    if node.hasInput(4) {
      let lengths = try constant(node, 4, "sequence lengths")
      guard lengths.integers.allSatisfy({ $0 == times }) else {
        throw NodeFault(
          "its sequences have lengths of their own, \(lengths.integers.prefix(4)), in \(times) moments",
          remedy: "export it for sequences of one length, without sequence_lens")
      }
    }
    var states: [[Int?]] = []
    for (position, role) in [(5, "first hidden state"), (6, "first cell")] {
      guard node.hasInput(position), position == 5 || node.type == "LSTM" else {
        states.append(Array(repeating: nil, count: directions))
        continue
      }
      states.append(
        try self.states(node, position, role, shape: [directions, batch, units], isBatchFirst: isBatchFirst))
    }
    let functions = try self.functions(node, cell, directions: directions)
    let input = arranged(x, [0, 1, 2])
    let base = node.outputs.first { !$0.isEmpty } ?? ""
    var made: [[Int]] = []
    for place in 0..<directions {
      func part(_ constant: ONNXConstant, _ role: String, _ shape: [Int]) throws(NodeFault) -> Int {
        let count = shape.reduce(1, *)
        var part = constant
        part.reals = Array(constant.reals[place * count..<(place + 1) * count])
        return addReals("\(base)/\(role)", try Self.finite(part), shape)
      }
      var layer = RecurrentLayer(cell: cell, isReverse: direction == "reverse" || place == 1)
      let own = functions[place]
      (layer.gate, layer.candidate, layer.output) = (own.gate, own.candidate, own.output)
      if node.has("clip") { layer.clip = Double(node.float("clip", default: 0)) }
      let (bias, resetBias) = try split(biases, cell, units, place, base)
      let inputs: [Int?] = [
        input, try part(weights, "weights", [cell.gates * units, features]),
        try part(recurrence, "recurrence weights", [cell.gates * units, units]), bias, resetBias,
        try peepholes.map { constant throws(NodeFault) in try part(constant, "peepholes", [3 * units]) },
        states[0][place], states[1][place],
      ]
      var outputs = [
        addTensor(Tensor(name: "\(base)/direction\(place)", shape: [times, batch, units], type: .float32)),
        addTensor(Tensor(name: "\(base)/last\(place)", shape: [1, batch, units], type: .float32)),
      ]
      if node.type == "LSTM" {
        outputs.append(addTensor(Tensor(name: "\(base)/cell\(place)", shape: [1, batch, units], type: .float32)))
      }
      operations.append(Operation(.recurrent(layer), typeName: node.type, inputs: inputs, outputs: outputs))
      made.append(outputs)
    }
    for (position, output) in node.outputs.enumerated() where !output.isEmpty {
      guard position < made[0].count else { throw NodeFault("it has \(node.outputs.count) outputs") }
      guard readers[output] != nil || outputNames.contains(output) else { continue }
      meanings[output] = .codes(
        try together(node, made.map { $0[position] }, isSequence: position == 0, isBatchFirst: isBatchFirst, name: output))
    }
  }

  /// What both directions make, side by side in memory where it is of a sequence: [time, directions, batch, units]; of what
  /// is left at the end [directions, batch, units].
  private mutating func together(
    _ node: ONNXNode, _ parts: [Int], isSequence: Bool, isBatchFirst: Bool, name: String
  ) throws(NodeFault) -> ONNXCodes {
    let (rows, batch, units) = (tensors[parts[0]].shape[0], tensors[parts[0]].shape[1], tensors[parts[0]].shape[2])
    var tensor = parts[0]
    if parts.count > 1 {
      let shape = isSequence ? [rows, batch, 2 * units] : [2, batch, units]
      tensor = addTensor(Tensor(name: name, shape: shape, type: .float32))
      operations.append(
        Operation(
          .concatenation(axis: isSequence ? 2 : 0, .none), typeName: node.type, inputs: parts, outputs: [tensor]))
    } else {
      tensors[tensor].name = name
    }
    let count = parts.count
    var view = isSequence
      ? StridedView(shape: [rows, count, batch, units], inMemory: [0, 2, 1, 3])
      : StridedView(rowMajor: [count, batch, units])
    if isBatchFirst { view = view.transposed(isSequence ? [2, 0, 1, 3] : [1, 0, 2]) }
    return ONNXCodes(tensor: tensor, view: view, isReal: true)
  }

  /// Both biases of a direction in one; where a GRU resets products, that of the hidden one's for itself.
  private mutating func split(
    _ biases: ONNXConstant?, _ cell: RecurrentLayer.Cell, _ units: Int, _ place: Int, _ base: String
  ) throws(NodeFault) -> (bias: Int?, resetBias: Int?) {
    guard let biases else { return (nil, nil) }
    let count = cell.gates * units
    let own = Array(biases.reals[2 * place * count..<2 * (place + 1) * count])
    var sums = zip(own[..<count], own[count...]).map { $0 + $1 }
    var resetBias: Int?
    if cell == .gru(resetsProduct: true) {
      for unit in 2 * units..<count { sums[unit] = own[unit] }
      resetBias = addReals("\(base)/reset bias", own[(count + 2 * units)...].map { Float($0) }, [units])
    }
    guard sums.allSatisfy({ Float($0).isFinite }) else { throw NodeFault("its biases hold what is no finite number") }
    return (addReals("\(base)/biases", sums.map { Float($0) }, [count]), resetBias)
  }

  /// The state of each direction before the first moment; nil for zeros.
  private mutating func states(
    _ node: ONNXNode, _ position: Int, _ role: String, shape: [Int], isBatchFirst: Bool
  ) throws(NodeFault) -> [Int?] {
    let own = [1, shape[1], shape[2]]
    let count = own.reduce(1, *)
    switch try realParts(node, [position])[0] {
    case .constant(let constant):
      guard constant.shape == (isBatchFirst ? [shape[1], shape[0], shape[2]] : shape) else {
        throw NodeFault("its \(role) has the shape \(constant.shape), not \(shape)")
      }
      let view = isBatchFirst
        ? StridedView(rowMajor: constant.shape).transposed([1, 0, 2]) : StridedView(rowMajor: shape)
      let places = shape.indices.reduce([0]) { starts, axis in
        starts.flatMap { start in view.offsets(along: axis).map { start + $0 } }
      }
      let reals = try Self.finite(constant)
      return (0..<shape[0]).map { direction in
        let part = places[direction * count..<(direction + 1) * count].map { reals[$0] }
        return part.allSatisfy { $0 == 0 } ? nil : addReals("\(node.outputs[0])/\(role)", part, own)
      }
    case .codes(var codes):
      if isBatchFirst, codes.view.axes.count == 3 { codes.view = codes.view.transposed([1, 0, 2]) }
      guard codes.view.shape == shape else { throw NodeFault("its \(role) has the shape \(codes.view.shape), not \(shape)") }
      let tensor = rowMajor(codes)
      guard shape[0] > 1 else { return [tensor] }
      return (0..<shape[0]).map { direction in
        let bounds = [addIntegers("begin", [direction, 0, 0]), addIntegers("size", own)]
        return emit(.slice, node, [tensor] + bounds, own, "\(role) \(direction)")
      }
    default: throw NodeFault("its \(role) cannot be made")
    }
  }

  // MARK: Functions

  private struct CellFunctions { var gate, candidate, output: [RealFunction] }

  /// The functions of each direction, as the node names them or leaves them out.
  private func functions(
    _ node: ONNXNode, _ cell: RecurrentLayer.Cell, directions: Int
  ) throws(NodeFault) -> [CellFunctions] {
    let usual: [String]
    switch cell {
    case .lstm: usual = ["Sigmoid", "Tanh", "Tanh"]
    case .gru: usual = ["Sigmoid", "Tanh"]
    case .simple: usual = ["Tanh"]
    }
    let names = node.strings("activations") ?? (0..<directions).flatMap { _ in usual }
    guard names.count == directions * usual.count else {
      throw NodeFault("its activations are \(names.map { $0.printable(20) }), not \(directions * usual.count)")
    }
    var (alphas, betas) = ((node.floats("activation_alpha") ?? [])[...], (node.floats("activation_beta") ?? [])[...])
    var made: [[RealFunction]] = []
    for name in names {
      func alpha(_ value: Float) -> Float { alphas.popFirst() ?? value }
      func beta(_ value: Float) -> Float { betas.popFirst() ?? value }
      switch name.lowercased() {
      case "sigmoid": made.append([.logistic])
      case "tanh": made.append([.tanh])
      case "relu": made.append([.clamp(0, .infinity)])
      case "affine": made.append([.scaled(by: Double(alpha(1)), plus: Double(beta(0)))])
      case "leakyrelu": made.append([.leakyRelu(alpha: alpha(0.01))])
      case "thresholdedrelu":
        let threshold = Double(alpha(1))
        made.append([.chosen([.joined(.compared(.greater), [], [.constant(threshold)])], [], [.constant(0)])])
      case "scaledtanh":
        let gain = Double(alpha(1))
        made.append([.scaled(by: Double(beta(1)), plus: 0), .tanh, .scaled(by: gain, plus: 0)])
      case "hardsigmoid": made.append([.hardSigmoid(alpha: alpha(0.2), beta: beta(0.5))])
      case "elu": made.append([.elu(alpha: alpha(1))])
      case "softsign": made.append([.joined(.quotient, [], [.absolute, .scaled(by: 1, plus: 1)])])
      case "softplus": made.append([.softplus])
      default: throw NodeFault("its activation \"\(name.printable(20))\" is unknown")
      }
    }
    return (0..<directions).map { place in
      let own = Array(made[place * usual.count..<(place + 1) * usual.count])
      // A simple cell has one, a GRU two, which make what it hands on.
      let candidate = own.count == 1 ? own[0] : own[1]
      return CellFunctions(gate: own[0], candidate: candidate, output: own.last ?? [])
    }
  }
}
