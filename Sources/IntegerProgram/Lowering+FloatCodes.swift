import Arithmetic
import Network

// DEQUANTIZE, elementwise functions of real values, QUANTIZE inside a network → lookup: whatever is reckoned of one
// code alone is a table of that code, and what is reckoned of two is a table of their pairs. Single precision, in the
// order of TensorFlow Lite's float kernels.

/// A tensor of real values that are each a function of one code, of the number of a pair of codes, or of a sum of codes.
struct FloatCodes {
  /// The codes.
  var value: Int
  /// The real value of every code of the value's type, the lowest first.
  var reals: [Float]
  /// Whether the codes are numbers of pairs, or sums.
  var isOfSeveral = false
  /// Where the real values of a code differ by roundings: `reals` are the least then.
  var spread: Spread?

  struct Spread {
    var largest: [Float]
    /// What to do where that makes a difference.
    var remedy: String
  }
}

extension Lowering {
  /// Whether an operation reckons with real values of codes; if so, its output's are noted, and no step is made.
  mutating func lowerFloat(_ operation: Operation) throws(LayerFault) -> Bool {
    if case .quantize = operation.kind { return false }
    guard operation.outputs.count == 1 else { return false }
    let tensor = network.tensors[operation.outputs[0]]
    if tensor.type != .float32, tensor.type != .boolean {
      for input in operation.inputs { if let input { makeTruth(input) } }
    }
    var known = floatsOfTensor
    if tensor.type == .float32 || operation.inputs.contains(where: { $0.map { known[$0] != nil } ?? false }) {
      for case let input? in operation.inputs { known[input] = known[input] ?? truth(input) }
    }
    if tensor.type == .float32, case .constant(.cast) = operation.kind { return try castToFloat(operation, known) }
    let inputs = operation.inputs.compactMap { $0.flatMap { known[$0] } }
    guard let first = inputs.first else { return false }
    guard tensor.type == (operation.kind.makesTruth ? .boolean : .float32) else {
      throw LayerFault("it makes \(tensor.type) of float32")
    }
    if case .addAll = operation.kind, try lowerFloatSum(operation, inputs) { return true }
    if case .cumulativeSum(let isExclusive, let isReverse) = operation.kind {
      floatsOfTensor[operation.outputs[0]] = try floatCumulativeSum(
        operation, first, isExclusive: isExclusive, isReverse: isReverse)
      return true
    }
    if let spread = inputs.lazy.compactMap(\.spread).first, !operation.kind.keepsElements {
      throw LayerFault("it reckons with sums whose roundings in single precision differ", remedy: spread.remedy)
    }
    var result = first
    if let other = inputs.first(where: { $0.value != first.value }) {
      guard operation.kind.joinsTwo, inputs.allSatisfy({ [first.value, other.value].contains($0.value) }) else {
        throw LayerFault(
          "it reckons in floating point with the codes of several tensors",
          remedy: "build it of operators that read two tensors each, with a QUANTIZE between them")
      }
      let numbers = try numberPairs(first.value, other.value)
      let lowest = (values[first.value].type.range.lowerBound, values[other.value].type.range.lowerBound)
      let pairs = values[numbers.value].type.range.map { numbers.pair($0) }
      result = FloatCodes(value: numbers.value, reals: [], isOfSeveral: true)
      for case let input? in operation.inputs {
        guard let codes = known[input] else { continue }
        let isFirst = codes.value == first.value
        let reals = pairs.map { pair in
          pair.map { codes.reals[Int(isFirst ? $0.0 - lowest.0 : $0.1 - lowest.1)] } ?? 0
        }
        known[input] = FloatCodes(value: numbers.value, reals: reals, isOfSeveral: true)
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
    case .addAll:
      let lists = try operands(operation, known, count: operation.inputs.count)
      result.reals = lists.dropFirst().reduce(lists[0]) { sums, terms in zip(sums, terms).map { $0 + $1 } }
    case .constant(.floorDivide):
      let divisors = try operands(operation, known, count: 2)[1]
      let codes = values[result.value]
      guard codes.range.allSatisfy({ divisors[Int($0 - codes.type.range.lowerBound)] != 0 }) else {
        throw LayerFault(
          "its divisor may be zero, at which the reference stops",
          remedy: "keep it above zero (tf.maximum with a constant)")
      }
      result.reals = try floats(operation, known, .none) { ($0 / $1).rounded(.down) }
    // The remainder has the divisor's sign (TensorFlow Lite: `FloorMod`).
    case .constant(.floorModulo):
      result.reals = try floats(operation, known, .none) { dividend, divisor in
        let rest = dividend.truncatingRemainder(dividingBy: divisor)
        return rest != 0 && (divisor < 0) != (rest < 0) ? rest + divisor : rest
      }
    case .maximum: result.reals = try floats(operation, known, .none) { max($0, $1) }
    case .minimum: result.reals = try floats(operation, known, .none) { min($0, $1) }
    case .squaredDifference: result.reals = try floats(operation, known, .none) { ($0 - $1) * ($0 - $1) }
    // Truth values are 1 and 0.
    case .compare(let comparison): result.reals = try floats(operation, known, .none) { comparison.holds($0, $1) ? 1 : 0 }
    case .logical(.and): result.reals = try floats(operation, known, .none) { min($0, $1) }
    case .logical(.or): result.reals = try floats(operation, known, .none) { max($0, $1) }
    case .logical(.not): result.reals = first.reals.map { 1 - $0 }
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

  /// ADD_N of the real values of several tensors; false where a table of codes or of pairs does.
  private mutating func lowerFloatSum(_ operation: Operation, _ terms: [FloatCodes]) throws(LayerFault) -> Bool {
    let (values, output) = (Set(terms.map(\.value)).count, operation.outputs[0])
    guard terms.count == operation.inputs.count, values > 1 else { return false }
    // A table of sums is far smaller than one of pairs.
    let before = self
    do throws(LayerFault) {
      let sum = try floatSum(operation, terms)
      floatsOfTensor[output] = sum
      if values > 2 || isDetermined(sum, output) { return true }
    } catch {
      if values > 2 { throw error }
    }
    self = before
    return false
  }

  /// Whether those that read real values read the same of all that single precision may have rounded otherwise.
  private func isDetermined(_ codes: FloatCodes, _ tensor: Int) -> Bool {
    guard let spread = codes.spread else { return true }
    return network.operations.filter { $0.inputs.contains(tensor) }.allSatisfy { reader in
      guard case .quantize = reader.kind, case .success(let output) = makeValue(ofTensor: reader.outputs[0]) else {
        return false
      }
      return zip(codes.reals, spread.largest).allSatisfy { output.held($0) == output.held($1) }
    }
  }

  /// CAST to real values: of codes and truth values, whatever codes stand for.
  private mutating func castToFloat(
    _ operation: Operation, _ known: [Int: FloatCodes]
  ) throws(LayerFault) -> Bool {
    guard let input = operation.inputs.first ?? nil, network.tensors[input].constant == nil else { return false }
    if let codes = known[input] {
      floatsOfTensor[operation.outputs[0]] = codes
      return true
    }
    guard [.int8, .int16].contains(network.tensors[input].type), let value = valueOfTensor[input] else { return false }
    floatsOfTensor[operation.outputs[0]] = FloatCodes(value: value, reals: values[value].type.range.map { Float($0) })
    return true
  }

  /// The truth values of a tensor as real ones; nil where it holds none.
  private func truth(_ tensor: Int) -> FloatCodes? {
    guard network.tensors[tensor].type == .boolean, let value = valueOfTensor[tensor], values[value].constant == nil
    else { return nil }
    return FloatCodes(value: value, reals: [0, 1])
  }

  /// Makes codes of truth values that are reckoned of real ones, for operations on codes.
  mutating func makeTruth(_ tensor: Int) {
    guard network.tensors[tensor].type == .boolean, valueOfTensor[tensor] == nil, let codes = floatsOfTensor[tensor],
      codes.spread == nil, case .success(let output) = makeValue(ofTensor: tensor)
    else { return }
    let lowest = values[codes.value].type.range.lowerBound
    _ = makeTable(output, of: codes.value) { codes.reals[Int($0 - lowest)] != 0 ? 1 : 0 }
    floatsOfTensor[tensor] = nil
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
          remedy: Self.integerRemedy)
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
    if let spread = codes.spread {
      for (low, high) in zip(codes.reals, spread.largest) where output.held(low) != output.held(high) {
        throw LayerFault(
          "it quantises sums of real values whose roundings in single precision make a difference: what adds up to "
            + "\(low) or \(high) is the code \(output.held(low)) or \(output.held(high))", remedy: spread.remedy)
      }
    }
    for code in input.range where codes.reals[Int(code - input.type.range.lowerBound)].isNaN {
      if codes.isOfSeveral {
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
      output.code(ofReal: codes.reals[Int(Int64(d) + Int64(input.zeroPoint) - input.type.range.lowerBound)])
    }
  }
}

extension Value {
  /// What QUANTIZE makes of a real value, before it saturates.
  fileprivate func code(ofReal real: Float) -> Int32 {
    let scaled = (real / scale).rounded(.toNearestOrAwayFromZero)
    return zeroPoint + (scaled.isNaN ? 0 : Int32(max(-0x1p20, min(0x1p20, scaled))))
  }

  fileprivate func held(_ real: Float) -> Int64 {
    min(max(Int64(code(ofReal: real)), type.range.lowerBound), type.range.upperBound)
  }
}

extension Operation.Kind {
  /// Whether it makes an element of one of each of two tensors, or of three that are two.
  fileprivate var joinsTwo: Bool {
    switch self {
    case .add, .addAll, .subtract, .multiply, .divide, .maximum, .minimum, .squaredDifference, .compare, .logical,
      .select, .constant(.floorDivide), .constant(.floorModulo):
      true
    default: false
    }
  }

  fileprivate var makesTruth: Bool {
    switch self {
    case .compare, .logical: true
    default: false
    }
  }

  fileprivate var keepsElements: Bool {
    switch self {
    case .reshape, .squeeze, .expandDimensions: true
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
