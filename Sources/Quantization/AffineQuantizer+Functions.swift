import IntegerProgram
import Network

// Functions of one element, and of two.
extension AffineQuantizer {
  // MARK: Of one

  mutating func add(
    _ functions: [RealFunction], _ layer: FloatLayer, _ operation: Operation, _ x: Int
  ) throws(LayerFault) {
    var function: UnaryFunction?
    switch functions {
    case [.logistic]: function = .logistic
    case [.tanh]: function = .tanh
    case [.hardSwish]: function = .hardSwish
    case [.clamp(0, .infinity)]: function = .relu
    case [.clamp(0, 6)]: function = .relu6
    case [.elu(alpha: 1)], [.exponential], [.absolute]: function = .real(functions[0])
    default:
      guard functions.count == 1 else { break }
      if case .leakyRelu(let alpha) = functions[0] { function = .leakyRelu(alpha: alpha) }
      if case .hardSigmoid(let alpha, let beta) = functions[0], alpha > 0, beta > 0 {
        return try addHardSigmoid(layer, x, alpha: alpha, beta: beta)
      }
    }
    let made = try addActivation(layer.output)
    if let function { return builder.emit(.unary(function), operation.typeName, [x], made) }
    // What has no operator on int8 is reckoned in real values, of each code alone.
    var island = FloatIsland(builder, x)
    // Codes below zero stand for nothing that calibration has seen, but need a value all the same.
    if let first = functions.first, [.logarithm, .squareRoot, .reciprocalSquareRoot].contains(first),
      try quantization(of: layer.inputs[0]).zeroPoints[0] > -128
    {
      island.apply(.clamp(0, .infinity))
    }
    for function in functions { island.apply(function) }
    builder = island.ended(made)
  }

  /// clamp(α · x + β, 0, 1): a product and a sum with constants, whose codes end at 0 and 1.
  private mutating func addHardSigmoid(
    _ layer: FloatLayer, _ x: Int, alpha: Float, beta: Float
  ) throws(LayerFault) {
    let codes = try quantization(of: layer.inputs[0])
    let name = network.network.tensors[layer.output].name
    let slope = try constant("\(name)/slope", [alpha], [1])
    let product = builder.add(
      Tensor(
        name: "\(name)/product", shape: builder.tensors[x].shape, type: .int8,
        quantization: Quantization(scales: [codes.scales[0] * alpha], zeroPoints: codes.zeroPoints)))
    builder.emit(.multiply(.none), "MUL", [x, slope], product)
    builder.emit(
      .add(.none), "ADD", [product, try constant("\(name)/offset", [beta], [1])], try addActivation(layer.output))
  }

  // MARK: Of two

  mutating func add(
    _ combination: FloatLayer.Combination, _ layer: FloatLayer, _ operation: Operation, _ inputs: [Int]
  ) throws(LayerFault) {
    var inputs = inputs
    let sharesCodes = [.maximum, .minimum].contains(combination)
    if sharesCodes { try rescale(&inputs, of: layer) }
    if var constant = layer.constant {
      if combination == .sum {
        // Whatever it is added to, such a sum is far below what counts.
        let floor = floors[layer.output] - (calibration.tensors[layer.inputs[0]]?.largest ?? .infinity)
        constant.numbers = constant.numbers.map { max($0, floor) }
      }
      var codes: Quantization?
      if sharesCodes { codes = try quantization(of: layer.output) }
      if case .compared = combination {
        // Codes that meet the other operand's: the nearest of them, where there is one.
        let other = try quantization(of: layer.inputs[0])
        let (scale, zero) = (other.scales[0], Float(other.zeroPoints[0]))
        if constant.numbers.allSatisfy({ (-128...127).contains(($0 / scale).rounded() + zero) }) { codes = other }
      }
      let name = network.network.tensors[layer.output].name
      let isTruth = [.both, .either].contains(combination)
      let tensor = isTruth
        ? builder.constant("\(name)/constant", constant.numbers.map { Int64($0) }, constant.shape, .boolean)
        : try self.constant("\(name)/constant", constant.numbers, constant.shape, codes)
      inputs.insert(tensor, at: constant.isLeft ? 0 : inputs.count)
    }
    let made = try addActivation(layer.output)
    switch combination {
    case .sum: builder.emit(.add(layer.activation), "ADD", inputs, made)
    case .difference: builder.emit(.subtract(layer.activation), "SUB", inputs, made)
    // A quotient by a constant has become a product.
    case .product, .quotient: builder.emit(.multiply(layer.activation), "MUL", inputs, made)
    case .maximum, .minimum, .squaredDifference, .slope, .compared, .both, .either:
      builder.emit(operation.kind, operation.typeName, inputs, made)
    }
  }

  /// What SELECT chooses from has the codes of what it makes.
  mutating func add(
    _ operands: [FloatOperand], _ layer: FloatLayer, _ operation: Operation, _ inputs: [Int]
  ) throws(LayerFault) {
    var inputs = inputs
    try rescale(&inputs, of: layer)
    let (codes, name) = (try quantization(of: layer.output), network.network.tensors[layer.output].name)
    let listed = try listed(operands.map(\.constant), inputs) { (constant, place) throws(LayerFault) in
      place == 0
        ? builder.constant("\(name)/condition", constant.numbers.map { Int64($0) }, constant.shape, .boolean)
        : try self.constant("\(name)/constant\(place)", constant.numbers, constant.shape, codes)
    }
    builder.emit(.select, operation.typeName, listed, [try addActivation(layer.output)])
  }

  /// Real numbers as codes: by `codes`, or by such as cover them.
  mutating func constant(
    _ name: String, _ numbers: [Float], _ shape: [Int], _ codes: Quantization? = nil
  ) throws(LayerFault) -> Int {
    let covering = try Self.quantization(covering: (numbers.min() ?? 0)...(numbers.max() ?? 0))
    let quantization = codes ?? covering
    let (scale, zero) = (quantization.scales[0], Float(quantization.zeroPoints[0]))
    let integers = numbers.map { Int64(min(max(($0 / scale).rounded() + zero, -128), 127)) }
    return builder.constant(name, integers, shape, .int8, quantization)
  }
}

/// Operators on real values between DEQUANTIZE and QUANTIZE, which reckon with one tensor's codes alone: a table of its
/// codes to who reads the file.
private struct FloatIsland {
  private var builder: QuantizedNetworkBuilder
  private let shape: [Int]
  private let name: String
  /// The tensor of what has been reckoned.
  private var x: Int

  init(_ builder: QuantizedNetworkBuilder, _ codes: Int) {
    self.builder = builder
    (shape, name) = (builder.tensors[codes].shape, builder.tensors[codes].name)
    x = codes
    x = emitted(.dequantize, "DEQUANTIZE", [codes])
  }

  /// Makes `output` the codes of what has been reckoned.
  mutating func ended(_ output: Int) -> QuantizedNetworkBuilder {
    builder.emit(.quantize, "QUANTIZE", [x], output)
    return builder
  }

  mutating func apply(_ function: RealFunction) {
    switch function {
    case .scaled(let gain, let offset):
      if gain != 1 { multiply(by: Float(gain)) }
      if offset != 0 { add(Float(offset)) }
    case .divided(let divisor): x = emitted(.divide(.none), "DIV", [x, constant(Float(divisor))])
    case .reciprocal: x = emitted(.divide(.none), "DIV", [constant(1), x])
    case .clamp(0, .infinity): unary(.relu)
    case .clamp(0, 6): unary(.relu6)
    case .clamp(-1, 1): unary(.reluN1To1)
    case .clamp(let low, let high):
      if low > -.infinity { x = emitted(.maximum, "MAXIMUM", [x, constant(Float(low))]) }
      if high < .infinity { x = emitted(.minimum, "MINIMUM", [x, constant(Float(high))]) }
    case .hardSigmoid(let alpha, let beta):
      multiply(by: alpha)
      add(beta)
      apply(.clamp(0, 1))
    case .softplus:
      unary(.real(.exponential))
      add(1)
      unary(.real(.logarithm))
    case .mish:
      let whole = x
      apply(.softplus)
      unary(.tanh)
      x = emitted(.multiply(.none), "MUL", [whole, x])
    case .elu(let alpha) where alpha != 1:
      let whole = x
      apply(.clamp(-.infinity, 0))
      unary(.real(.exponential))
      add(-1)
      multiply(by: alpha)
      let below = x
      x = whole
      unary(.relu)
      x = emitted(.add(.none), "ADD", [x, below])
    case .errorFunction:
      // erf(x) = 2 · gelu(y) / y − 1 for y = √2 · x; what is added leaves every y but 0 as it is.
      multiply(by: Float(2).squareRoot())
      add(0x1p-70)
      let y = x
      unary(.real(.gelu(isApproximate: false)))
      x = emitted(.divide(.none), "DIV", [x, y])
      multiply(by: 2)
      add(-1)
    case .joined(.compared, _, _):
      // As a number.
      let holds = truth([function])
      x = emitted(.select, "SELECT_V2", [holds, constant(1), constant(0)])
    case .joined(let joining, let left, let right):
      let (a, b) = (applied(left), applied(right))
      switch joining {
      case .sum: x = emitted(.add(.none), "ADD", [a, b])
      case .difference: x = emitted(.subtract(.none), "SUB", [a, b])
      case .product: x = emitted(.multiply(.none), "MUL", [a, b])
      case .quotient: x = emitted(.divide(.none), "DIV", [a, b])
      case .maximum: x = emitted(.maximum, "MAXIMUM", [a, b])
      case .minimum: x = emitted(.minimum, "MINIMUM", [a, b])
      case .compared: break
      }
    case .chosen(let condition, let some, let other):
      let operands = [truth(condition), applied(some), applied(other)]
      x = emitted(.select, "SELECT_V2", operands)
    case .leakyRelu(let alpha): unary(.leakyRelu(alpha: alpha))
    case .logistic: unary(.logistic)
    case .tanh: unary(.tanh)
    case .hardSwish: unary(.hardSwish)
    case .elu, .exponential, .squareRoot, .absolute, .logarithm, .reciprocalSquareRoot, .square, .negated, .sine, .cosine,
      .floor, .ceiling, .rounded, .gelu:
      unary(.real(function))
    }
  }

  /// What functions make of what has been reckoned, which stays as it is.
  private mutating func applied(_ functions: [RealFunction]) -> Int {
    let whole = x
    defer { x = whole }
    for function in functions { apply(function) }
    return x
  }

  /// Whether functions make anything but 0 of what has been reckoned.
  private mutating func truth(_ functions: [RealFunction]) -> Int {
    if functions.count == 1, case .joined(.compared(let comparison), let left, let right) = functions[0] {
      let operands = [applied(left), applied(right)]
      return emitted(.compare(comparison), "\(comparison)", operands, type: .boolean)
    }
    return emitted(.compare(.notEqual), "NOT_EQUAL", [applied(functions), constant(0)], type: .boolean)
  }

  private mutating func multiply(by factor: Float) { x = emitted(.multiply(.none), "MUL", [x, constant(factor)]) }
  private mutating func add(_ summand: Float) { x = emitted(.add(.none), "ADD", [x, constant(summand)]) }
  private mutating func unary(_ function: UnaryFunction) { x = emitted(.unary(function), "\(function)", [x]) }

  private mutating func constant(_ number: Float) -> Int {
    builder.add(
      Tensor(
        name: "\(name)/number\(builder.tensors.count)", shape: [1], type: .float32,
        constant: [UInt8](littleEndian: [number])))
  }

  private mutating func emitted(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int], type: ElementType = .float32
  ) -> Int {
    let made = builder.add(Tensor(name: "\(name)/real\(builder.tensors.count)", shape: shape, type: type))
    builder.emit(kind, typeName, inputs, made)
    return made
  }
}

extension RealFunction {
  var isHardSigmoid: Bool {
    if case .hardSigmoid(let alpha, let beta) = self { alpha > 0 && beta > 0 } else { false }
  }
}
