import Arithmetic
import Network

// UNIDIRECTIONAL_SEQUENCE_LSTM of int8 or int16, whose gates and cell are int16 → a composition for every moment in time.
extension Lowering {
  /// The order in which gates lie side by side: those with a sigmoid first. The file has input, forget, cell, output.
  private enum Gate: Int, CaseIterable {
    case input, forget, output, cell
    var place: Int { self == .output ? 3 : self == .cell ? 2 : rawValue }
  }
  /// What gates are in front of their functions, and behind them (TensorFlow Lite Micro: `LstmPrepare`).
  private static let gateScale: Float = 0x1p-12
  private static let functionScale: Float = 0x1p-15

  /// Every moment brings steps of its own.
  private static let mostTimes = 1000

  private func wide(_ name: String, _ shape: [Int], scale: Float) -> Value {
    Value(
      name: name, tensor: nil, shape: shape, type: .int16, scale: scale, zeroPoint: 0)
  }

  mutating func lstm(_ operation: Operation, cellClip: Float) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireCodes(x, "input")
    guard operation.inputs.count == 15, operation.outputs.count == 3 else {
      throw LayerFault("it lacks weights, biases or states")
    }
    guard let hidden = operation.inputs[13].flatMap({ valueOfTensor[$0] }),
      let cell = operation.inputs[14].flatMap({ valueOfTensor[$0] })
    else { throw LayerFault("its hidden state or its cell is no variable") }
    let shape = values[x].shape
    guard shape.count == 3, shape[0] == 1 else {
      throw LayerFault("its input has the shape \(shape), not [1, time, features]")
    }
    let output = try output(operation)
    let (times, features, units) = (shape[1], shape[2], values[hidden].count)
    guard times <= Self.mostTimes else {
      throw LayerFault("it runs over \(times) moments in time; \(Self.mostTimes) are the most")
    }
    try require(shape: [1, times, units], of: output)
    try requireCodes(values[hidden], "hidden state", like: x)
    // The converter does that where what follows, as the concatenation of a bidirectional layer, has a scale of its own.
    try requireSameQuantization(
      values[hidden], output, "its hidden state and output",
      remedy: "build the layer with unroll=True: its steps are then written out, each with a quantisation of its own")
    guard values[cell].count == units, values[cell].type.bits == 16, values[cell].zeroPoint == 0 else {
      throw LayerFault("its cell is \(values[cell].count) codes of \(values[cell].type), not \(units) of int16")
    }
    let cellScale = values[cell].scale
    guard cellScale == Float(sign: .plus, exponent: cellScale.exponent, significand: 1),
      let tangent = InterpolatedSigmoid(.tanh, inputPower: Int(cellScale.exponent)),
      let gateTangent = InterpolatedSigmoid(.tanh, inputPower: -12),
      let sigmoid = InterpolatedSigmoid(.logistic, inputPower: -12)
    else { throw LayerFault("its cell has the scale \(cellScale), which must be a power of two from 2^-15 to 2^-1") }
    let tables = (sigmoid: Lookup(sigmoid), gate: Lookup(gateTangent), cell: Lookup(tangent))

    let (fromInput, ofInput) = try gates(operation, first: 1, x, inputs: features, rows: times, hasBias: true)
    let (fromHidden, _) = try gates(operation, first: 5, hidden, inputs: units, rows: 1, hasBias: false)
    let all = make(
      wide("gates of the input", [times, 4 * units], scale: Self.gateScale), .affine(fromInput), from: [x], range: ofInput)
    let clip = cellClip > 0 ? Int64(min(max(Double(cellClip) / Double(cellScale), -32_768), 32_767)) : 32_768
    let limits = max(-32_768, -clip)...min(32_767, clip)

    var (h, c) = (hidden, cell)
    var made: [Int] = []
    for time in 0..<times {
      func part(of value: Int, _ start: Int, _ count: Int) -> Int {
        if start == 0, values[value].count == count { return value }
        return make(
          wide(values[value].name, [count], scale: values[value].scale),
          .move(
            Move(copies: [
              Move.Copy(
                operand: 0, sizes: [count], sourceStart: start, sourceStrides: [1], targetStart: 0, targetStrides: [1])
            ])), from: [value], range: values[value].range)
      }
      let (ofHidden, codes) = (fromHidden, try self.codes(of: fromHidden))
      let recurrent = make(
        wide("gates of the hidden state", [4 * units], scale: Self.gateScale), .affine(ofHidden), from: [h], range: codes)
      let sum = try makeExact(
        wide("gates", [4 * units], scale: Self.gateScale), .sum, part(of: all, 4 * units * time, 4 * units), recurrent,
        clamp: -32_768...32_767)
      let opened = lookedUp(part(of: sum, 0, 3 * units), tables.sigmoid, "opened gates")
      let candidate = lookedUp(part(of: sum, 3 * units, units), tables.gate, "cell gate")
      func gate(_ gate: Gate) -> Int { part(of: opened, gate.rawValue * units, units) }
      let kept = try product(
        wide("kept", [units], scale: cellScale), gate(.forget), c, Self.functionScale * cellScale)
      let taken = try product(
        wide("taken", [units], scale: cellScale), gate(.input), candidate, Self.functionScale * Self.functionScale)
      c = try makeExact(wide("cell", [units], scale: cellScale), .sum, kept, taken, clamp: limits)
      let shown = lookedUp(c, tables.cell, "tanh of the cell")
      h = try product(
        intermediate([units], like: output), gate(.output), shown, Self.functionScale * Self.functionScale)
      made.append(h)
    }
    // Every hidden state is output, in order.
    let copies = made.indices.map { time in
      Move.Copy(
        operand: time, sizes: [units], sourceStart: 0, sourceStrides: [1], targetStart: units * time, targetStrides: [1])
    }
    var range: ClosedRange<Int64>?
    for value in made { range = union(range, values[value].range) }
    emit(.move(Move(copies: copies)), operation, inputs: made, output: output, range: range)
    valueOfTensor[operation.outputs[1]] = h
    valueOfTensor[operation.outputs[2]] = c
  }

  private mutating func lookedUp(_ x: Int, _ table: Lookup, _ name: String) -> Int {
    lookedUp(x, table, wide(name, values[x].shape, scale: Self.functionScale))
  }

  /// Codes of a product of codes, whose own unit is `unit`.
  private mutating func product(_ output: Value, _ a: Int, _ b: Int, _ unit: Float) throws(LayerFault) -> Int {
    let one = Multiplier.powerOfTwo(0)
    let operand = Combine.Operand(zeroPoint: 0, multiplier: one, strides: [1])
    return try make(
      output,
      Combine(
        kind: .product, shape: [values[a].count], left: operand, right: operand, leftShift: 0,
        requantization: Requantization(
          multipliers: [try multiplier(Double(unit) / Double(output.scale), "the gates' scales / output scale")],
          rounding: options.rounding, zeroPoint: output.zeroPoint, clamp: output.type.range)), a, b)
  }

  /// The codes of an affine step over all its accumulators.
  private func codes(of affine: Affine) throws(LayerFault) -> ClosedRange<Int64> {
    var range: ClosedRange<Int64>?
    for (channel, reach) in affine.accumulators.enumerated() {
      range = union(range, try codes(of: affine.requantization, channel: channel, from: reach))
    }
    return range ?? 0...0
  }

  /// What an operand brings to all gates: weights and biases side by side, in the order of `Gate`. Beside codes of 16 bits
  /// sums have 64 and biases as many (TensorFlow Lite Micro: `LstmEval`, whose input of int16 takes `int64_t` biases).
  private mutating func gates(
    _ operation: Operation, first: Int, _ x: Int, inputs: Int, rows: Int, hasBias: Bool
  ) throws(LayerFault) -> (Affine, ClosedRange<Int64>) {
    let isWide = values[x].type == .int16
    var (codes, offsets, multipliers): ([Int64], [Int64], [Multiplier]) = ([], [], [])
    for gate in Gate.allCases {
      let weights = try weights(operation, at: first + gate.place, rank: 2, channelAxis: 0)
      guard weights.scales.count == 1, weights.zeroPoints == [0], weights.shape[1] == inputs else {
        throw LayerFault("its weights of shape \(weights.shape) are not \(inputs) a row, with one scale and zero point 0")
      }
      let units = weights.shape[0]
      guard codes.count == gate.rawValue * units * inputs else { throw LayerFault("its gates have different sizes") }
      codes += weights.codes
      let multiplier = try multiplier(
        Double(values[x].scale) * Double(weights.scales[0]) / Double(Self.gateScale), "input scale · weight scale / 2^-12")
      multipliers += Array(repeating: isWide ? try reduced(multiplier) : multiplier, count: units)
      let place = hasBias ? 9 + gate.place : operation.inputs.count
      if isWide, hasBias, let tensor = operation.inputs[place], network.tensors[tensor].type == .int32 {
        throw LayerFault(
          "its bias is int32 beside int16 codes, and the reference would read it as int64",
          remedy: "write int64 biases, as 16x8 has them")
      }
      guard case .codes(let bias) = try bias(operation, at: place, channels: units, isWide: isWide) else {
        throw LayerFault("its bias is real")
      }
      offsets += bias
    }
    let channels = multipliers.count
    var sum = QuantizedSum(
      requantization: Requantization(
        multipliers: multipliers, rounding: isWide ? .single : options.rounding, zeroPoint: 0, clamp: -32_768...32_767),
      offsets: offsets)
    sum.isLong = isWide
    return try affine(
      WeightedSums(
        geometry: .dense(batch: rows, inputs: inputs, outputs: channels), groups: 1, weights: codes,
        inputRange: values[x].range, inputZeroPoint: values[x].zeroPoint),
      sum)
  }
}
