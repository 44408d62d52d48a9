import Network

// Brevitas' QuantLSTM, which QONNX files hold as one QuantLSTMCell: quantisers behind each sum, function and product of the
// cell say what codes these have, so that it is written out moment by moment, exactly. (Brevitas: `_QuantLSTMCell`; qonnx has
// no executor of it.)
extension ONNXTranslation {
  /// The cell's gates, in the order of its inputs.
  private enum Gate: Int, CaseIterable {
    case input, forget, cell, output
  }

  /// What a cell is made of that all moments have in common.
  private struct QuantCell {
    /// The quantisers, by the attributes' prefixes.
    var quantizers: [String: ONNXQuantizer] = [:]
    /// For each gate the weights of input and hidden state, as codes [out, in], and real biases, one or none a unit.
    var weights: [Gate: (input: ONNXConstant, hidden: ONNXConstant, bias: [Double])] = [:]
    /// The operation of a gate, once one has been made; with and without a hidden state.
    var gates: [Gate: [Bool: Operation]] = [:]
    var units = 0, batch = 0
    var couplesGates = false
    var typeName = "", name = ""

    func quantizer(_ prefix: String) throws(NodeFault) -> ONNXQuantizer {
      guard let found = quantizers[prefix] else { throw NodeFault("it lacks the quantiser \(prefix)") }
      return found
    }
  }

  /// The quantisers in the order of the inputs, three a quantiser, behind the tensors.
  private static let cellQuantizers = [
    "output", "cell_state", "input_acc", "forget_acc", "cell_acc", "output_acc", "input_sigmoid", "forget_sigmoid",
    "cell_tanh", "output_sigmoid", "hidden_state_tanh",
  ]

  mutating func quantLSTM(_ node: ONNXNode) throws(NodeFault) {
    var cell = QuantCell()
    (cell.typeName, cell.name) = (node.type, node.outputs.first { !$0.isEmpty } ?? "")
    cell.couplesGates = node.int("cifg", default: 0) != 0
    for (place, prefix) in Self.cellQuantizers.enumerated() {
      let position = 15 + 3 * place
      let (type, codes, rounding) = try quantizerCodes(node, bits: scalar(node, position + 2, "bit width"), "\(prefix)_")
      let (scale, point) = (try scalar(node, position, "scale"), try scalar(node, position + 1, "zero point"))
      guard let zeroPoint = Int64(exactly: point), type.codes?.contains(zeroPoint) == true, scale > 0, scale.isFinite else {
        throw NodeFault("its quantiser \(prefix) has the scale \(scale) and the zero point \(point)")
      }
      guard bits(type) <= 16 else { throw NodeFault("its quantiser \(prefix) has \(type); 16 bits are the most") }
      cell.quantizers[prefix] = ONNXQuantizer(
        scale: Float(scale), zeroPoint: zeroPoint, type: type, codes: codes, rounding: rounding, roundsZeroPoint: true)
    }
    var x = try realCodes(node, 0, "input")
    guard x.view.axes.count == 3 else { throw NodeFault("its input has the shape \(x.view.shape), not three axes") }
    let isBatchFirst = node.int("batch_first", default: 0) != 0
    if isBatchFirst { x.view = x.view.transposed([1, 0, 2]) }
    let (times, features) = (x.view.shape[0], x.view.shape[2])
    cell.batch = x.view.shape[1]
    for gate in Gate.allCases where !(cell.couplesGates && gate == .forget) {
      let (input, hidden) = (
        try constant(node, 3 + gate.rawValue, "input weights"), try constant(node, 7 + gate.rawValue, "hidden weights")
      )
      if cell.units == 0 { cell.units = hidden.shape.first ?? 0 }
      guard input.shape == [cell.units, features], hidden.shape == [cell.units, cell.units], cell.units > 0 else {
        throw NodeFault("its weights have the shapes \(input.shape) and \(hidden.shape) for \(features) features")
      }
      let bias = try constant(node, 11 + gate.rawValue, "bias")
      guard bias.count == 1 || bias.count == cell.units else { throw NodeFault("its bias has \(bias.count) elements") }
      cell.weights[gate] = (input, hidden, bias.reals)
    }
    // Beside each other a moment's input and the hidden state are one vector, where their codes mean the same.
    let given = tensors[x.tensor]
    let output = try cell.quantizer("output")
    guard given.type == output.type, given.quantization == output.quantization else {
      throw NodeFault(
        "its input has codes of scale \(given.quantization?.scales[0] ?? 1) (\(given.type)), and its hidden state of "
          + "\(output.scale) (\(output.type)): sums of both have no common unit",
        remedy: "let the layer quantise its input itself (io_quant), as it does unless an input quantiser is taken away")
    }
    let input = arranged(x, [0, 1, 2])
    var states = [try state(node, 1, "hidden state", cell, output), try state(node, 2, "cell", cell, cell.quantizer("cell_state"))]
    var made = [Int](repeating: 0, count: times)
    let isReverse = node.int("reverse_input", default: 0) != 0
    for step in 0..<times {
      let time = isReverse ? times - 1 - step : step
      guard operations.count <= Network.mostOperations else { throw NodeFault("written out, it has too many operations") }
      let slice = sliced(
        input, [(time, time + 1, 1), (0, cell.batch, 1), (0, features, 1)], node.type, name: "\(cell.name)/\(time)/input")
      let moment = move(.reshape(shape: nil), "Reshape", [slice], shape: [cell.batch, features])
      states = try self.step(&cell, moment, hidden: states[0], memory: states[1], time)
      made[time] = states[0] ?? 0
    }
    guard let hidden = states[0], let memory = states[1], node.outputs.count <= 3 else {
      throw NodeFault("it runs over no moment, or has \(node.outputs.count) outputs")
    }
    let shape = [times, cell.batch, cell.units]
    var parts: [Int] = []
    for state in made { parts.append(move(.reshape(shape: nil), "Reshape", [state], shape: [1] + shape.dropFirst())) }
    let sequence = parts.count == 1 ? parts[0] : move(.concatenation(axis: 0, .none), "Concat", parts, shape: shape)
    let view = StridedView(rowMajor: shape)
    let results = [
      ONNXCodes(tensor: sequence, view: isBatchFirst ? view.transposed([1, 0, 2]) : view, isReal: true),
      ONNXCodes(tensor: hidden, view: StridedView(rowMajor: Array(shape.dropFirst())), isReal: true),
      ONNXCodes(tensor: memory, view: StridedView(rowMajor: Array(shape.dropFirst())), isReal: true),
    ]
    for (output, codes) in zip(node.outputs, results) where !output.isEmpty { meanings[output] = .codes(codes) }
  }

  /// The hidden state or cell before the first moment [batch, units]; nil for zeros.
  private mutating func state(
    _ node: ONNXNode, _ position: Int, _ role: String, _ cell: QuantCell, _ quantizer: ONNXQuantizer
  ) throws(NodeFault) -> Int? {
    if case .constant(let constant) = try meaning(node, position, role) {
      guard !constant.reals.allSatisfy({ $0 == 0 }) else { return nil }
      throw NodeFault("its first \(role) is constant, and not zero", remedy: "start at zero, or give it as an input")
    }
    let codes = try realCodes(node, position, role)
    guard codes.view.shape == [cell.batch, cell.units], tensors[codes.tensor].quantization == quantizer.quantization,
      tensors[codes.tensor].type == quantizer.type
    else {
      throw NodeFault("its first \(role) has the shape \(codes.view.shape), or another scale than what the cell makes")
    }
    return rowMajor(codes)
  }

  /// What a moment makes of its input and of what the moment before has left: hidden state and cell.
  private mutating func step(
    _ cell: inout QuantCell, _ input: Int, hidden: Int?, memory: Int?, _ time: Int
  ) throws(NodeFault) -> [Int?] {
    var joined = input
    if let hidden {
      let shape = [cell.batch, tensors[input].shape[1] + cell.units]
      joined = move(.concatenation(axis: 1, .none), "Concat", [input, hidden], shape: shape)
    }
    let place = "\(cell.name)/\(time)"
    func name(_ role: String) -> String { "\(place)/\(role)" }
    var gates: [Gate: ONNXCodes] = [:]
    for gate in Gate.allCases where !(gate == .forget && (cell.couplesGates || memory == nil)) {
      let sum = try self.sum(&cell, gate, joined, hasHidden: hidden != nil, name: name("\(gate) sum"))
      let function = gate == .cell ? "cell_tanh" : "\(gate)_sigmoid"
      gates[gate] = try quantized(
        applied(gate == .cell ? .tanh : .logistic, to: .codes(sum)), cell.quantizer(function), name: name("\(gate) gate"))
    }
    guard let entryGate = gates[.input], let candidate = gates[.cell], let outputGate = gates[.output] else {
      throw NodeFault("it lacks gates")
    }
    let memoryQuantizer = try cell.quantizer("cell_state")
    func product(_ a: ONNXCodes, _ b: ONNXCodes, _ quantizer: ONNXQuantizer, _ role: String) throws(NodeFault) -> ONNXCodes {
      try quantized(combined(.multiply(.none), "Mul", a, b), quantizer, name: name(role))
    }
    var state = try product(entryGate, candidate, memoryQuantizer, "entry")
    if let memory {
      let before = ONNXCodes(tensor: memory, view: StridedView(rowMajor: [cell.batch, cell.units]), isReal: true)
      var forget = gates[.forget]
      if cell.couplesGates {
        // The code of 1, less the input gate: whole codes of the same scale.
        let quantizer = try cell.quantizer("input_sigmoid")
        let one = Quantizer(rounding: quantizer.rounding, roundsZeroPoint: true, codes: quantizer.codes)
          .codeOfConstant(1, scale: quantizer.scale, zeroPoint: quantizer.zeroPoint)
        let real = Double(quantizer.scale) * Double(one - quantizer.zeroPoint)
        let type = ElementType.integer(bits: min(16, bits(quantizer.type) + 2), signed: true)
        guard let codes = type.codes else { throw NodeFault("its gates have codes of \(quantizer.type)") }
        forget = try quantized(
          applied(.scaled(by: -1, plus: real), to: .codes(entryGate)),
          ONNXQuantizer(scale: quantizer.scale, zeroPoint: 0, type: type, codes: codes, roundsZeroPoint: true),
          name: name("forget gate"))
      }
      guard let forget else { throw NodeFault("it lacks gates") }
      let kept = try product(forget, before, memoryQuantizer, "memory")
      state = try quantized(.pending(combined(.add(.none), "Add", kept, state)), memoryQuantizer, name: name("cell"))
    }
    let seen = try quantized(
      applied(.tanh, to: .codes(state)), cell.quantizer("hidden_state_tanh"), name: name("seen cell"))
    let made = try product(outputGate, seen, cell.quantizer("output"), "hidden")
    return [rowMajor(made), rowMajor(state)]
  }

  private func bits(_ type: ElementType) -> Int {
    if case .integer(let bits, _) = type { bits } else { 16 }
  }

  /// The codes of what goes into a gate's function. In all moments the weights are the same tensors.
  private mutating func sum(
    _ cell: inout QuantCell, _ gate: Gate, _ input: Int, hasHidden: Bool, name: String
  ) throws(NodeFault) -> ONNXCodes {
    let quantizer = try cell.quantizer("\(gate)_acc")
    let shape = [cell.batch, cell.units]
    if var known = cell.gates[gate]?[hasHidden] {
      let made = addTensor(Tensor(name: name, shape: shape, type: quantizer.type, quantization: quantizer.quantization))
      known.inputs[0] = input
      known.outputs = [made]
      operations.append(known)
      return ONNXCodes(tensor: made, view: StridedView(rowMajor: shape), isReal: true)
    }
    guard let weights = cell.weights[gate] else { throw NodeFault("it lacks weights") }
    let parts = hasHidden ? [weights.input, weights.hidden] : [weights.input]
    var codes: [QuantizedConstant] = []
    for part in parts {
      guard let found = part.quantized, found.quantization.zeroPoints.allSatisfy({ $0 == 0 }) else {
        throw NodeFault(
          "its weights are not quantised, or not around zero", remedy: "train it with a weight_quant that is symmetric")
      }
      codes.append(found)
    }
    let scales = codes[0].quantization.scales
    guard codes.allSatisfy({ $0.quantization.scales == scales && $0.type == codes[0].type }),
      scales.count == 1 || codes[0].quantization.axis == 0
    else {
      throw NodeFault(
        "its weights of input and hidden state have different scales",
        remedy: "quantise both with one quantiser, as Brevitas does: their scale is that of all of a gate's weights")
    }
    let lengths = parts.map { $0.count / cell.units }
    let rows = (0..<cell.units).flatMap { unit in
      zip(codes, lengths).flatMap { $0.codes[unit * $1..<(unit + 1) * $1] }
    }
    let affine = ONNXAffine(
      kind: .fullyConnected(keepsDimensions: true, .none), input: input, weights: rows,
      weightShape: [cell.units, lengths.reduce(0, +)], weightType: codes[0].type, scales: scales, zeroPoints: [0])
    var pending = ONNXPending(.affine(affine), typeName: cell.typeName, view: StridedView(rowMajor: shape), shape: shape)
    if !weights.bias.allSatisfy({ $0 == 0 }) { try pending.append(.added(weights.bias)) }
    let made = try quantized(pending, quantizer, name: name)
    cell.gates[gate, default: [:]][hasHidden] = operations.last
    return made
  }
}
