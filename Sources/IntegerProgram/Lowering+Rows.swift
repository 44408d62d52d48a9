import Arithmetic
import Network

// SOFTMAX, LOG_SOFTMAX → softmax; L2_NORMALIZATION → normalize.
extension Lowering {
  mutating func softmax(_ operation: Operation, beta: Float) throws(LayerFault) {
    if let first = operation.inputs.first ?? nil, network.tensors[first].type == .int16, isTensorFlowLite {
      return try interpolatedSoftmax(operation, beta: beta)
    }
    if let x = operation.inputs.first ?? nil, isTensorFlowLite, network.tensors[x].type == .uint8 {
      throw LayerFault(
        "its uint8 kernel reckons in floating point",
        remedy: "end the network in front of it: the largest logit is the largest probability")
    }
    let (x, output) = try rows(operation, scale: "1/256", 1.0 / 256, zeroPoint: -128)
    let (depth, scale) = try softmaxRows(x, beta: beta)
    // All the fixed-point arithmetic between code and code, over every difference and every sum it can meet.
    let exponential = softmaxExponential(differences(x, scale), scale)
    let divisor = SoftmaxDivisor(ofSum: Interval<Int32>(1 << 19, Int64(depth) << 19))
    guard exponential.holds, divisor.code(Interval(0, Int64(Int32.max))).holds, softmaxSummand(exponential).holds else {
      throw LayerFault(
        "its fixed-point arithmetic could overflow 32 bits: input scale \(values[x].scale), beta \(beta)")
    }
    emit(
      .softmax(Softmax(rows: values[x].count / depth, depth: depth, scale: scale)), operation, inputs: [x],
      output: output)
  }

  /// Of int16 codes. Sums of exponentials of at most 2^15 must stay inside 32 bits.
  private mutating func interpolatedSoftmax(_ operation: Operation, beta: Float) throws(LayerFault) {
    let (x, output) = try elementwiseEnds(operation, takesWide: true)
    let input = values[x]
    guard output.scale == 0x1p-15 else {
      throw LayerFault("its output's scale is \(output.scale), not 2^-15, which the reference demands of int16")
    }
    guard let depth = input.shape.last, depth < 1 << 16 else {
      throw LayerFault("its rows have \(input.shape.last ?? 0) elements; the reference's sum leaves its register past 65,535")
    }
    guard let scale = SoftmaxScale(interpolatedFor: input.scale, beta: beta),
      interpolatedPower(Interval<Int32>(-65_535, 0), scale).holds
    else { throw LayerFault("beta \(beta) times the input scale \(input.scale) is not a scale its fixed point can hold") }
    emit(
      .softmax(Softmax(rows: input.count / depth, depth: depth, kind: .interpolated(scale))), operation,
      inputs: [x], output: output, range: 0...output.type.range.upperBound)
  }

  mutating func logSoftmax(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try rows(operation, scale: "1/16", 1.0 / 16, zeroPoint: 127)
    let (depth, scale) = try softmaxRows(x, beta: 1)
    let (differences, sums) = (differences(x, scale), Interval<Int32>(1 << 19, Int64(depth) << 19))
    let code = logSoftmaxCode(softmaxPower(differences, scale), logarithm: logarithm(ofSum: sums))
    guard code.holds, softmaxSummand(softmaxExponential(differences, scale)).holds else {
      throw LayerFault("its fixed-point arithmetic could overflow 32 bits: input scale \(values[x].scale)")
    }
    guard scale.agreesWithLogSoftmaxThreshold(rounding: options.rounding) else {
      throw LayerFault(
        "for its input scale \(values[x].scale) the reference cuts off differences that have codes of their own",
        remedy: "quantise again with representative data")
    }
    // No code is above that of 0 less the logarithm of 1.
    emit(
      .softmax(Softmax(rows: values[x].count / depth, depth: depth, kind: .logarithms(scale))), operation, inputs: [x],
      output: output)
  }

  mutating func normalize(_ operation: Operation) throws(LayerFault) {
    let (x, output) = try rows(operation, scale: "1/128", 1.0 / 128, zeroPoint: 0)
    let input = values[x]
    guard let depth = input.shape.last, depth <= Normalization.longestRow else {
      throw LayerFault(
        "its rows have \(input.shape.last ?? 0) elements; the squares of more than \(Normalization.longestRow) leave "
          + "the reference's fixed point",
        remedy: "end the network in front of it: directions do not depend on length")
    }
    guard options.rounding != .halfUpShift else {
      throw LayerFault(
        "it multiplies by no powers of two, and the rounding \(options.rounding.rawValue) takes these alone")
    }
    let normalization = Normalization(
      rows: input.count / depth, depth: depth, zeroPoint: input.zeroPoint, rounding: options.rounding)
    let codes = Interval<Int32>(input.range)
    let sum = Interval<Int32>(0, Int64(depth) * normalization.square(codes).range.upperBound)
    let code = normalization.code(codes, InverseSquareRoot(of: sum), rounding: options.rounding)
    guard code.holds else { throw LayerFault("its fixed-point arithmetic could overflow 32 bits") }
    emit(.normalize(normalization), operation, inputs: [x], output: output)
  }

  /// The input of int8 codes and the output, whose quantisation the reference fixes.
  private mutating func rows(
    _ operation: Operation, scale name: String, _ scale: Float, zeroPoint: Int32
  ) throws(LayerFault) -> (Int, Value) {
    let x = try input(operation, 0, "input")
    try requireInt8(x, "input")
    let output = try output(operation)
    try require(shape: values[x].shape, of: output)
    guard output.type == .int8, output.scale == scale, output.zeroPoint == zeroPoint else {
      throw LayerFault(
        "its output must be int8 with scale \(name) and zero point \(zeroPoint); the file has \(output.type), "
          + "\(output.scale), \(output.zeroPoint)")
    }
    return (x, output)
  }

  /// How long the rows of a softmax are, and its constants.
  private func softmaxRows(_ x: Int, beta: Float) throws(LayerFault) -> (depth: Int, scale: SoftmaxScale) {
    let input = values[x]
    guard let depth = input.shape.last, depth <= longestSoftmaxRow else {
      throw LayerFault(
        "its rows have \(input.shape.last ?? 0) elements; the reference's sum leaves its register past "
          + "\(longestSoftmaxRow)",
        remedy: "end the network before the softmax: the largest logit is the largest probability")
    }
    guard let scale = SoftmaxScale(scale: input.scale, beta: beta) else {
      throw LayerFault("beta \(beta) times the input scale \(input.scale) is not a scale its fixed point can hold")
    }
    return (depth, scale)
  }

  /// The differences from a row's maximum that count.
  private func differences(_ x: Int, _ scale: SoftmaxScale) -> Interval<Int32> {
    let codes = values[x].range
    return Interval(max(Int64(scale.leastDifference), codes.lowerBound - codes.upperBound), 0)
  }
}
