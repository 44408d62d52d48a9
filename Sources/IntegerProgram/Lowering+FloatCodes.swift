import Arithmetic
import Network

// DEQUANTIZE, elementwise functions of real values, QUANTIZE inside a network → lookup: whatever is reckoned of one
// code alone is a table of that code, and what is reckoned of two is a table of their pairs. Single precision, in the
// order of TensorFlow Lite's float kernels.

/// A tensor of real values that are each a function of one code, or of the number of a pair of codes.
struct FloatCodes {
  /// The codes.
  var value: Int
  /// The real value of every code of the value's type, the lowest first.
  var reals: [Float]
  /// Whether the codes are numbers of pairs.
  var isOfPairs = false
}

extension Lowering {
  /// Whether an operation reckons with real values of codes; if so, its output's are noted, and no step is made.
  mutating func lowerFloat(_ operation: Operation) throws(LayerFault) -> Bool {
    let inputs = operation.inputs.compactMap { $0.flatMap { floatsOfTensor[$0] } }
    guard let first = inputs.first, operation.outputs.count == 1 else { return false }
    if case .quantize = operation.kind { return false }
    let tensor = network.tensors[operation.outputs[0]]
    var isTruth = false
    if case .compare = operation.kind { isTruth = true }
    guard tensor.type == (isTruth ? .boolean : .float32) else { throw LayerFault("it makes \(tensor.type) of float32") }
    var known = floatsOfTensor
    var result = first
    if let other = inputs.first(where: { $0.value != first.value }) {
      guard inputs.count == 2, operation.inputs.count == 2, let a = operation.inputs[0], let b = operation.inputs[1],
        operation.kind.joinsTwo
      else {
        throw LayerFault(
          "it reckons in floating point with the codes of several tensors",
          remedy: "convert with full integer quantisation")
      }
      let numbers = try numberPairs(first.value, other.value)
      let lowest = (values[first.value].type.range.lowerBound, values[other.value].type.range.lowerBound)
      let pairs = values[numbers.value].type.range.map { numbers.pair($0) }
      result = FloatCodes(value: numbers.value, reals: [], isOfPairs: true)
      for (tensor, reals) in [
        (a, pairs.map { $0.map { first.reals[Int($0.0 - lowest.0)] } ?? 0 }),
        (b, pairs.map { $0.map { other.reals[Int($0.1 - lowest.1)] } ?? 0 }),
      ] {
        known[tensor] = FloatCodes(value: numbers.value, reals: reals, isOfPairs: true)
      }
    }
    switch operation.kind {
    case .unary(let function):
      guard let function = function.real else { throw LayerFault("it has no real function") }
      result.reals = first.reals.map { function.single($0) }
    case .add(let activation): result.reals = try floats(operation, known, activation, +)
    case .subtract(let activation): result.reals = try floats(operation, known, activation, -)
    case .multiply(let activation): result.reals = try floats(operation, known, activation, *)
    case .divide(let activation): result.reals = try floats(operation, known, activation, /)
    case .maximum: result.reals = try floats(operation, known, .none) { max($0, $1) }
    case .minimum: result.reals = try floats(operation, known, .none) { min($0, $1) }
    case .squaredDifference: result.reals = try floats(operation, known, .none) { ($0 - $1) * ($0 - $1) }
    // Truth values are 1 and 0.
    case .compare(let comparison): result.reals = try floats(operation, known, .none) { comparison.holds($0, $1) ? 1 : 0 }
    case .select:
      let lists = try operands(operation, known, count: 3)
      result.reals = lists[0].indices.map { lists[0][$0] != 0 ? lists[1][$0] : lists[2][$0] }
    case .parametricRelu: result.reals = try floats(operation, known, .none) { $0 >= 0 ? $0 : $0 * $1 }
    case .reshape, .squeeze, .expandDimensions:
      guard tensor.count == values[first.value].count else {
        throw LayerFault("it makes \(tensor.shape) of \(values[first.value].shape): the number of elements changes")
      }
      result.value = reshaped(first.value, tensor)
    default:
      throw LayerFault(
        "it reckons in floating point",
        remedy: Self.integerRemedy)
    }
    guard tensor.shape == values[result.value].shape else {
      throw LayerFault(
        "its output has the shape \(tensor.shape) in the file, but its inputs make \(values[result.value].shape)")
    }
    floatsOfTensor[operation.outputs[0]] = result
    return true
  }

  /// The codes of a value in another shape.
  private mutating func reshaped(_ x: Int, _ tensor: Tensor) -> Int {
    if values[x].shape == tensor.shape { return x }
    var value = values[x]
    (value.shape, value.tensor, value.constant) = (tensor.shape, nil, nil)
    return emitIntermediate(.move(.identity(count: value.count)), inputs: [x], output: value)
  }

  /// A function of two operands, each of which is a function of the code or one constant.
  private func floats(
    _ operation: Operation, _ known: [Int: FloatCodes], _ activation: Activation, _ function: (Float, Float) -> Float
  ) throws(LayerFault) -> [Float] {
    let operands = try operands(operation, known, count: 2)
    return zip(operands[0], operands[1]).map { a, b in
      let real = function(a, b)
      switch activation {
      case .none: return real
      case .relu: return max(0, real)
      case .relu6: return min(6, max(0, real))
      case .reluN1To1: return min(1, max(-1, real))
      }
    }
  }

  /// The real values of so many operands for each code.
  private func operands(
    _ operation: Operation, _ known: [Int: FloatCodes], count inputs: Int
  ) throws(LayerFault) -> [[Float]] {
    guard operation.inputs.count == inputs else {
      throw LayerFault("it has \(operation.inputs.count) inputs, not \(inputs)")
    }
    let count = operation.inputs.compactMap { $0.flatMap { known[$0]?.reals.count } }.first ?? 0
    var operands: [[Float]] = []
    for input in operation.inputs {
      guard let input else { throw LayerFault("an input of it is missing") }
      if let codes = known[input] {
        operands.append(codes.reals)
      } else if let constants = network.tensors[input].floats, let constant = constants.first,
        constants.allSatisfy({ $0 == constant })
      {
        operands.append(Array(repeating: constant, count: count))
      } else {
        throw LayerFault(
          "it reckons in floating point with \"\(network.tensors[input].name.printable())\", which is not one constant",
          remedy: "convert with full integer quantisation")
      }
    }
    return operands
  }

  /// QUANTIZE of real values: to the nearest, ties away from zero, saturated; the division in single precision
  /// (TensorFlow Lite: `AffineQuantize`). What leaves 32 bits is undefined there; it saturates on an Arm, and here.
  mutating func quantize(_ operation: Operation, _ codes: FloatCodes) throws(LayerFault) {
    let output = try output(operation)
    let input = values[codes.value]
    try require(shape: input.shape, of: output)
    for code in input.range where codes.reals[Int(code - input.type.range.lowerBound)].isNaN {
      if codes.isOfPairs {
        notices.append(
          "layer \(source.index) \(source.type) quantises what is no number for some of the codes that it is "
            + "reckoned of, such as 0 / 0: the code of 0 then, as on an Arm")
        break
      }
      throw LayerFault(
        "it quantises what is no number: what is reckoned of the code \(code), which is "
          + "\(input.scale * Float(code - Int64(input.zeroPoint)))",
        remedy: "keep the function's argument inside its domain")
    }
    lookup(operation, codes.value, output) { d in
      let real = codes.reals[Int(Int64(d) + Int64(input.zeroPoint) - input.type.range.lowerBound)]
      let scaled = (real / output.scale).rounded(.toNearestOrAwayFromZero)
      return output.zeroPoint + (scaled.isNaN ? 0 : Int32(max(-0x1p20, min(0x1p20, scaled))))
    }
  }
}

extension Operation.Kind {
  /// Whether it makes an element of one of each of two tensors.
  fileprivate var joinsTwo: Bool {
    switch self {
    case .add, .subtract, .multiply, .divide, .maximum, .minimum, .squaredDifference: true
    default: false
    }
  }
}

extension UnaryFunction {
  /// The function of a real value that an operator is where its tensors are real.
  fileprivate var real: RealFunction? {
    switch self {
    case .logistic: .logistic
    case .tanh: .tanh
    case .hardSwish: .hardSwish
    case .relu: .clamp(0, .infinity)
    case .relu6: .clamp(0, 6)
    case .reluN1To1: .clamp(-1, 1)
    case .leakyRelu(let alpha): .leakyRelu(alpha: alpha)
    case .real(let function): function
    case .composed: nil
    }
  }
}

extension Lowering {
  /// Converters leave operators float that have no integer kernel, whatever they are asked for.
  static var integerRemedy: String {
    "convert with full integer quantisation, so that only the boundary is float; what the converter leaves float all the "
      + "same has no integer arithmetic in this file: take it out of the network, or let `lockstep quantize` quantise the "
      + "float model"
  }
}
