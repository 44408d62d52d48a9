import Arithmetic
import Network

// LOGISTIC, TANH, LEAKY_RELU, HARD_SWISH, RELU, RELU6, RELU_N1_TO_1, QUANTIZE of few bits → lookup; DEQUANTIZE at the
// boundary → nothing.
extension Lowering {
  /// Emits the table of `code`, which maps a code less the input's zero point to an output code, unclamped.
  mutating func lookup(
    _ operation: Operation, _ x: Int, _ output: Value, _ code: (Int32) -> Int32
  ) {
    let (table, range) = table(of: values[x], output, code)
    emit(.lookup(table), operation, inputs: [x], output: output, range: range)
  }

  /// The table of `code`, held to the output's type, and the range of what it makes of the input's codes.
  func table(
    of input: Value, _ output: Value, _ code: (Int32) -> Int32
  ) -> (Lookup, range: ClosedRange<Int64>?) {
    let codes = input.type.range
    let table = codes.map { x in
      Int32(clamping: min(max(Int64(code(Int32(x) - input.zeroPoint)), output.type.range.lowerBound), output.type.range.upperBound))
    }
    var range: ClosedRange<Int64>?
    for x in input.range {
      let y = Int64(table[Int(x - codes.lowerBound)])
      range = union(range, y...y)
    }
    return (Lookup(lowest: Int32(codes.lowerBound), table: table), range)
  }

  /// The input of codes and the output, of its shape; of int16 and uint8, too, where `takesWide` and `takesUInt8`.
  mutating func elementwiseEnds(
    _ operation: Operation, takesWide: Bool = false, takesUInt8: Bool = false
  ) throws(LayerFault) -> (Int, Value) {
    let x = try input(operation, 0, "input")
    if takesUInt8 && isAsymmetric(values[x]) {
      try requireBytes(x, "input")
    } else if takesWide {
      try requireCodes(x, "input")
    } else {
      try requireInt8(x, "input")
    }
    let output = try output(operation)
    try requireBytes(output, "output", beside: x)
    try require(shape: values[x].shape, of: output)
    return (x, output)
  }

  mutating func unary(_ operation: Operation, _ function: UnaryFunction) throws(LayerFault) {
    let (x, output) = try elementwiseEnds(operation, takesWide: true, takesUInt8: function.takesUInt8)
    if isTensorFlowLite, isLarge(x) { return try wideUnary(operation, function, x, output) }
    let input = values[x]
    let isAsymmetric = isAsymmetric(input)
    // LiteRT forms ratios of scales in single precision.
    func ratio(_ numerator: Double, _ denominator: Double) -> Double {
      isAsymmetric ? Double(Float(numerator) / Float(denominator)) : self.ratio(numerator, denominator)
    }
    if let quantizer = operation.quantizer {
      guard case .composed(let functions) = function else { throw LayerFault("it has no real function") }
      return try composed(functions, operation, quantizer, x, output)
    }
    let rounding = options.rounding
    let zeroPoint = output.zeroPoint
    switch function {
    case .logistic where isAsymmetric: try asymmetricSigmoid(operation, .logistic, x, output)
    case .tanh where isAsymmetric: try asymmetricSigmoid(operation, .tanh, x, output)
    case .relu6 where isAsymmetric, .reluN1To1:
      // LiteRT: the ratio of the scales in single precision.
      let multiplier = try rescale(input, output) { Double(Float($0) / Float($1)) }
      let bounds = clamp(function == .relu6 ? .relu6 : .reluN1To1, output)
      lookup(operation, x, output) { d in
        let code = Int64(zeroPoint + requantize(d, by: multiplier, rounding: rounding))
        return Int32(min(max(code, bounds.lowerBound), bounds.upperBound))
      }
    case .logistic:
      guard zeroPoint == -128 else {
        throw LayerFault("its output must have the zero point -128, not \(zeroPoint)")
      }
      noteFixedScale(output, scale: 1.0 / 256, zeroPoint: -128)
      let scale = try sigmoidScale(input)
      lookup(operation, x, output) { d in
        if d <= -scale.radius { return -128 }
        if d >= scale.radius { return 127 }
        let value = logistic(requantize(d, by: scale.multiplier, rounding: rounding), integerBits: 4)
        return roundingShiftRight(value, by: 23) - 128
      }
    case .tanh:
      noteFixedScale(output, scale: 1.0 / 128, zeroPoint: 0)
      let scale = try sigmoidScale(input)
      lookup(operation, x, output) { d in
        if d <= -scale.radius { return -128 }
        if d >= scale.radius { return 127 }
        let value = hyperbolicTangent(requantize(d, by: scale.multiplier, rounding: rounding), integerBits: 4)
        return roundingShiftRight(value, by: 24)
      }
    case .hardSwish:
      guard let scale = HardSwishScale(inputScale: input.scale, outputScale: output.scale, ratio: ratio) else {
        throw LayerFault(
          "its scales \(input.scale) and \(output.scale) are out of the reference's 16-bit fixed point",
          remedy: "quantise again with representative data")
      }
      lookup(operation, x, output) { hardSwish($0, scale) + zeroPoint }
    case .relu:
      let multiplier = try rescale(input, output, ratio)
      lookup(operation, x, output) { max(zeroPoint, zeroPoint + requantize($0, by: multiplier, rounding: rounding)) }
    case .relu6:
      // TensorFlow Lite Micro clamps the codes as they are: six is quantised by the input, nothing is rescaled, and the
      // output's own scale, which converters do write differently, is not looked at.
      let six = clamp(.relu6, input)
      lookup(operation, x, output) {
        Int32(min(max(Int64($0) + Int64(input.zeroPoint), six.lowerBound), six.upperBound))
      }
    case .composed: throw LayerFault("it has no quantiser")
    case .real(let function): try real(function, operation, x, output)
    case .leakyRelu(let alpha):
      guard alpha.isFinite else { throw LayerFault("its slope is \(alpha)") }
      let identity = try rescale(input, output, ratio)
      let slope = try multiplier(
        abs(ratio(isAsymmetric ? Double(input.scale * alpha) : product(input.scale, alpha), Double(output.scale))),
        "input scale · slope / output scale")
      try provesFit(input, slope)
      lookup(operation, x, output) { d in
        if d >= 0 { return zeroPoint + requantize(d, by: identity, rounding: rounding) }
        let scaled = requantize(d, by: slope, rounding: rounding)
        return alpha < 0 ? zeroPoint - scaled : zeroPoint + scaled
      }
    }
  }

  /// Codes with more bits than this are rescaled by arithmetic: tables of them would be large.
  static let mostTableBits = 10

  mutating func composed(
    _ functions: [RealFunction], _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ output: Value
  ) throws(LayerFault) {
    let input = values[x]
    _ = try codes(quantizer, output)
    let scale = ExactNumber(Double(input.scale))
    if input.type.bits <= Self.mostTableBits {
      var codes: [Int32] = []
      for centred in input.type.range.map({ $0 - Int64(input.zeroPoint) }) {
        if !isTensorFlowLite,
          let exact = functions.exact(scale * ExactNumber(centred))
        {
          // What is made of fractions is reckoned exactly.
          let map = RealMap(gain: .zero, offset: exact)
          codes.append(Int32(try function(map, quantizer, output).code(0)))
        } else {
          let real = functions.single(Double(Float(centred) * input.scale))
          codes.append(Int32(quantizer.code(real, scale: output.scale, zeroPoint: Int64(output.zeroPoint))))
        }
      }
      let lowest = Int32(input.type.range.lowerBound)
      return lookup(operation, x, output) { codes[Int($0 + input.zeroPoint - lowest)] }
    }
    guard let map = RealMap(functions, gain: scale) else {
      return try wideTable(functions, operation, quantizer, x, output)
    }
    let geometry = WindowGeometry(
      batch: 1, inputHeight: 1, inputWidth: input.count, inputChannels: 1, outputHeight: 1, outputWidth: input.count,
      outputChannels: 1, kernelHeight: 1, kernelWidth: 1)
    try emitSum(
      operation, quantizer, x, geometry, output, functions: [function(map, quantizer, output)],
      isPlain: functions.isEmpty)
  }

  /// A table of codes that have more bits. Double precision tells most of its values, which lie far from where codes
  /// change; beside that, and where a function jumps, what is made of fractions is reckoned exactly.
  private mutating func wideTable(
    _ functions: [RealFunction], _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ output: Value
  ) throws(LayerFault) {
    let input = values[x]
    let scale = ExactNumber(Double(input.scale))
    let hasSteps = functions.contains(where: \.hasSteps)
    var codes: [Int32] = []
    codes.reserveCapacity(input.type.range.count)
    for centred in input.type.range.map({ $0 - Int64(input.zeroPoint) }) {
      let real = functions.precise(Double(centred) * Double(input.scale))
      let distance = quantizer.distanceToStep(real, scale: output.scale)
      if hasSteps || !(distance > 0x1p-16), let exact = functions.exact(scale * ExactNumber(centred)) {
        let map = RealMap(gain: .zero, offset: exact)
        codes.append(Int32(try function(map, quantizer, output).code(0)))
      } else {
        codes.append(
          Int32(quantizer.preciseCode(real, scale: output.scale, zeroPoint: Int64(output.zeroPoint))))
      }
    }
    let lowest = Int32(input.type.range.lowerBound)
    lookup(operation, x, output) { codes[Int($0 + input.zeroPoint - lowest)] }
  }

  mutating func quantize(_ operation: Operation) throws(LayerFault) {
    let tensor = operation.outputs[0]
    if let source = operation.inputs.first ?? nil, network.tensors[source].type == .float32 {
      if let codes = floatsOfTensor[source] { return try quantize(operation, codes) }
      // At the boundary the program starts after this operation.
      guard network.inputs.contains(source), let value = valueOfTensor[tensor], values[value].tensor == tensor else {
        throw LayerFault(
          "it quantises a float32 tensor inside the network",
          remedy: Self.integerRemedy)
      }
      try require(shape: network.tensors[source].shape, of: values[value])
      return
    }
    if try quantize32(operation) { return }
    let x = try input(operation, 0, "input")
    let output = try output(operation)
    let input = values[x]
    try require(shape: input.shape, of: output)
    let types = [input.type, output.type]
    guard types.allSatisfy({ [.int8, .uint8, .int16].contains($0) }), types != [.int16, .uint8], types != [.uint8, .int16]
    else {
      throw LayerFault(
        "it turns \(input.type) into \(output.type); int8 and uint8, int8 and int16, and either of the last and int32 are "
          + "turned into each other")
    }
    let multiplier = try rescale(input, output, /)
    if isLarge(x) {
      _ = try makeRescaled(output, of: x, by: multiplier, clamp: output.type.range)
      return
    }
    let rounding = options.rounding
    lookup(operation, x, output) { output.zeroPoint + requantize($0, by: multiplier, rounding: rounding) }
  }

  mutating func dequantize(_ operation: Operation) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    let tensor = operation.outputs[0]
    guard network.tensors[tensor].type == .float32, network.tensors[tensor].shape == values[x].shape else {
      throw LayerFault(
        "its output is \(network.tensors[tensor].type) of shape \(network.tensors[tensor].shape), not float32 of its "
          + "input's shape, \(values[x].shape)")
    }
    let input = values[x]
    floatsOfTensor[tensor] = FloatCodes(
      value: x, reals: input.type.range.map { input.scale * Float($0 - Int64(input.zeroPoint)) })
    // The program's output is the codes; what they stand for is written beside them.
    if network.outputs.contains(tensor) { valueOfTensor[tensor] = x }
  }

  /// The multiplier between two scales, proved to keep every centred code inside 32 bits.
  func rescale(
    _ input: Value, _ output: Value, _ ratio: (Double, Double) -> Double
  ) throws(LayerFault) -> Multiplier {
    let multiplier = try multiplier(
      ratio(Double(input.scale), Double(output.scale)), "input scale / output scale")
    try provesFit(input, multiplier)
    return multiplier
  }

  /// Codes less their zero point, and such times an integer up to `factor`.
  func provesFit(_ input: Value, _ multiplier: Multiplier, times factor: Int64 = 1) throws(LayerFault) {
    let codes = (Interval<Int32>(input.type.range) -% Interval(Int64(input.zeroPoint))) *% Interval(-factor, factor)
    // Zero points add at most 8 bits and signs may flip: ask for one bit to spare.
    let result = requantize(codes, by: multiplier, rounding: options.rounding) *% Interval(-2, 2)
    guard result.holds else {
      throw LayerFault(
        "its scales are out of proportion: a factor of \(multiplier.real) overflows 32 bits",
        remedy: "quantise again with representative data")
    }
  }

  /// TensorFlow Lite Micro makes LOGISTIC's and TANH's codes for one scale, and looks at no other that the file gives.
  private mutating func noteFixedScale(_ output: Value, scale: Float, zeroPoint: Int32) {
    guard output.scale != scale || output.zeroPoint != zeroPoint else { return }
    notices.append(
      "layer \(source.index) \(source.type) makes codes of scale \(scale) and zero point \(zeroPoint), as TensorFlow "
        + "Lite Micro does; the file says \(output.scale) and \(output.zeroPoint)")
  }

  /// TensorFlow Lite's rescaling of LOGISTIC and TANH inputs to Q4.27, and the codes beyond which they saturate.
  private func sigmoidScale(_ input: Value) throws(LayerFault) -> (multiplier: Multiplier, radius: Int32) {
    let factor = Double(input.scale) * 0x1p27
    // From here on the radius is 0: every code saturates.
    if factor >= 0x1p30 { return (.powerOfTwo(0), 0) }
    let multiplier = try multiplier(factor, "input scale · 2^27")
    guard multiplier.exponent >= 0 else {
      throw LayerFault("its input scale \(input.scale) is under 2^-27, which the reference cannot rescale")
    }
    let radius = (15 * 0x1p27 / Double(1 << multiplier.exponent)).rounded(.down)
    return (multiplier, Int32(radius))
  }
}

extension UnaryFunction {
  /// Whether LiteRT's reference kernels have it for uint8.
  fileprivate var takesUInt8: Bool {
    switch self {
    case .logistic, .tanh, .hardSwish, .relu, .relu6, .reluN1To1, .leakyRelu: true
    case .real, .composed: false
    }
  }
}
