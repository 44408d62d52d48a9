import Arithmetic
import Network

// QUANTIZE to and from int32 → sums of rescaled codes and nothing. Of 32 bits the core has a network's outputs alone: codes
// that stand between two QUANTIZE are left to the second one, and those of an input are two codes of 16 bits each.
extension Lowering {
  /// Codes of int32 less their zero point.
  enum Codes32 {
    /// Codes of a value, less their zero point, rescaled.
    case rescaled(value: Int, by: Multiplier)
    /// An input's, whose halves lie beside each other in a value, the lower first.
    case halves(value: Int)
  }

  /// Whether a tensor holds codes of int32, and not numbers that stand for themselves.
  private func isOfCodes32(_ tensor: Int) -> Bool {
    let tensor = network.tensors[tensor]
    return isTensorFlowLite && tensor.type == .int32 && tensor.constant == nil && tensor.quantization?.scales.count == 1
  }

  private func scale32(_ tensor: Int) throws(LayerFault) -> Double {
    let scale = network.tensors[tensor].quantization?.scales.first ?? 0
    guard scale.isFinite, scale > 0 else {
      throw LayerFault("the scale of \"\(network.tensors[tensor].name.printable())\" is \(scale), which must be positive")
    }
    return Double(scale)
  }

  /// The value of an input of int32 codes; nil where the tensor is none.
  mutating func lowerInput32(_ tensor: Int) -> Int? {
    guard isOfCodes32(tensor), network.tensors[tensor].shape.allSatisfy({ $0 > 0 }) else { return nil }
    let (name, shape) = (network.tensors[tensor].name, network.tensors[tensor].shape)
    let value = Value(
      name: name, tensor: tensor, shape: shape + [2], type: CodeType(bits: 16, isSigned: false), scale: 1, zeroPoint: 0)
    let index = add(value, tensor: nil)
    codes32[tensor] = .halves(value: index)
    noteWords("input", name, codes: 2)
    return index
  }

  /// Lowers a QUANTIZE of which one side is int32; false of others.
  mutating func quantize32(_ operation: Operation) throws(LayerFault) -> Bool {
    let made = operation.outputs[0]
    guard let source = operation.inputs.first ?? nil else { return false }
    guard isOfCodes32(source) || isOfCodes32(made) else { return false }
    guard network.tensors[source].shape == network.tensors[made].shape else {
      throw LayerFault("it turns the shape \(network.tensors[source].shape) into \(network.tensors[made].shape)")
    }
    let (from, to) = (network.tensors[source].type, network.tensors[made].type)
    guard [from, to].contains(.int8) || [from, to].contains(.int16) else {
      throw LayerFault("it turns \(from) into \(to): the reference turns int32 into int8 and int16, and these into int32")
    }
    if isOfCodes32(made) {
      try widen(operation, to: made)
    } else if let codes = codes32[source] {
      try narrow(codes, of: source, try output(operation))
    } else {
      throw LayerFault("its input is int32, and neither an input of the network nor made by a QUANTIZE")
    }
    return true
  }

  private mutating func widen(_ operation: Operation, to made: Int) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    let tensor = network.tensors[made]
    let multiplier = try multiplier(Double(values[x].scale) / scale32(made), "input scale / output scale")
    // A program's output of 32 bits; inside, it says whether they hold the codes.
    let zeroPoint = tensor.quantization?.zeroPoints.first ?? 0
    guard CodeType.int16.range.contains(zeroPoint) else {
      throw LayerFault("the zero point of its int32 output is \(zeroPoint), which int16 does not hold")
    }
    let offset = constant([zeroPoint], shape: [1], like: values[x])
    let codes = rescaled(x, by: multiplier, plus: offset, .identity)
    guard codes.code(Interval<Int32>(values[x].range), Interval<Int32>(values[offset].range)).holds else {
      throw LayerFault(
        "codes of scale \(values[x].scale) could overflow 32 bits of scale \(tensor.quantization?.scales.first ?? 0)",
        remedy: "a coarser int32 scale, as the reference's own arithmetic needs it")
    }
    codes32[made] = .rescaled(value: x, by: multiplier)
    guard network.outputs.contains(made) else { return }
    let output = Value(
      name: tensor.name, tensor: made, shape: tensor.shape, type: .int32, scale: Float(try scale32(made)),
      zeroPoint: Int32(zeroPoint))
    _ = try make(output, codes, x, offset)
  }

  /// `requantize(rescale(x − zero point) + offset)`, where an offset of one code is added to all.
  private func rescaled(
    _ x: Int, by multiplier: Multiplier, plus offset: Int, _ requantization: Requantization
  ) -> Combine {
    var requantization = requantization
    requantization.rounding = options.rounding
    return Combine(
      kind: .sum, shape: [values[x].count],
      left: Combine.Operand(zeroPoint: values[x].zeroPoint, multiplier: multiplier, strides: [1]),
      right: Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(0), strides: [0]), leftShift: 0,
      requantization: requantization)
  }

  private mutating func narrow(_ codes: Codes32, of source: Int, _ output: Value) throws(LayerFault) {
    let requantization = Requantization(
      multipliers: [try multiplier(scale32(source) / Double(output.scale), "input scale / output scale")],
      rounding: options.rounding, zeroPoint: output.zeroPoint, clamp: output.type.range)
    switch codes {
    case .rescaled(let x, let multiplier):
      let none = constant([0], shape: [1], like: values[x])
      _ = try make(output, rescaled(x, by: multiplier, plus: none, requantization), x, none)
    case .halves(let x):
      if let zeroPoint = network.tensors[source].quantization?.zeroPoints.first, zeroPoint != 0 {
        throw LayerFault(
          "its int32 input has the zero point \(zeroPoint): less it, codes could leave 32 bits",
          remedy: "zero point 0, as all of int32 have")
      }
      try narrow(halves: x, output, requantization)
    }
  }

  /// A code of 32 bits is its lower half, less 2^15, and 2^16 times its higher half, signed: a weighted sum, since 2^16 is
  /// four times a weight of 16 bits. With the 2^15 as its bias, it is the code and stays inside 32 bits.
  private mutating func narrow(halves x: Int, _ output: Value, _ requantization: Requantization) throws(LayerFault) {
    let count = output.count
    let words = Value(name: values[x].name, tensor: nil, shape: [count], type: .int16, scale: 1, zeroPoint: 0)
    func half(_ start: Int) -> Int {
      let copy = Move.Copy(
        operand: 0, sizes: [count], sourceStart: start, sourceStrides: [2], targetStart: 0, targetStrides: [1])
      return make(
        intermediate([count], like: values[x]), .move(Move(copies: [copy])), from: [x], range: values[x].range)
    }
    let (low, high) = (half(0), half(1))
    let centred = try makeExact(
      words, .difference, low, constant([1 << 15], shape: [1], like: words), clamp: words.type.range)
    let isNegative = try makeExact(
      integers([count], 0...1, like: words), .difference, high, constant([(1 << 15) - 1], shape: [1], like: words),
      clamp: 0...1)
    let signed = try make(
      words,
      Combine(
        kind: .difference, shape: [count],
        left: Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(0), strides: [1]),
        right: Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(16), strides: [1]), leftShift: 0,
        requantization: Requantization(
          multipliers: [.powerOfTwo(0)], rounding: options.rounding, zeroPoint: 0, clamp: words.type.range)),
      high, isNegative)
    let weights: [Int64] = [1, 1 << 14, 1 << 14, 1 << 14, 1 << 14]
    var joined = words
    joined.shape = [count, weights.count]
    let terms = make(
      joined,
      .move(
        Move(copies: [
          Move.Copy(
            operand: 0, sizes: [count], sourceStart: 0, sourceStrides: [1], targetStart: 0,
            targetStrides: [weights.count]),
          Move.Copy(
            operand: 1, sizes: [count, weights.count - 1], sourceStart: 0, sourceStrides: [1, 0], targetStart: 1,
            targetStrides: [weights.count, 1]),
        ])), from: [centred, signed], range: words.type.range)
    let (affine, codes) = try affine(
      WeightedSums(
        geometry: .dense(batch: count, inputs: weights.count, outputs: 1), groups: 1, weights: weights,
        inputRange: words.type.range, inputZeroPoint: 0),
      QuantizedSum(requantization: requantization, offsets: [1 << 15]))
    _ = make(output, .affine(affine), from: [terms], range: codes)
  }
}
