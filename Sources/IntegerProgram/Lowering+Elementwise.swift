import Arithmetic
import Network

// ADD, SUB, MUL → combine.
extension Lowering {
  mutating func sum(
    _ operation: Operation, _ kind: Combine.Kind, _ activation: Activation
  ) throws(LayerFault) {
    let (a, b, output) = try operands(operation, takesWide: true)
    // TensorFlow Lite, `CalculateOpDataAdd`: a common scale of twice the larger one, 20 bits above int8, 15 above int16.
    // Wider codes leave less room above them.
    let reach = [a, b].map { max(abs(values[$0].type.range.lowerBound), values[$0].type.range.upperBound) * 2 }.max() ?? 0
    let leftShift = values[a].type == .int16 && isTensorFlowLite ? 15 : min(20, reach.leadingZeroBitCount - 35)
    let twiceLargest = 2 * Double(max(values[a].scale, values[b].scale))
    // Of the two, only SUB's ratios were single precision once; a power of two times a scale is exact either way.
    func ratio(_ numerator: Double, _ denominator: Double) -> Double {
      kind == .difference ? self.ratio(numerator, denominator) : numerator / denominator
    }
    let toOutput = ratio(twiceLargest, Double(1 << leftShift) * Double(output.scale))
    guard toOutput < 1 else {
      throw LayerFault(
        "its output scale, \(output.scale), is over 2^\(leftShift - 1) times smaller than an input's, which the reference refuses",
        remedy: "quantise again with representative data")
    }
    try combine(
      operation, kind, a, b, output, activation, leftShift: leftShift,
      leftMultiplier: multiplier(ratio(Double(values[a].scale), twiceLargest), "the first input's scale ratio"),
      rightMultiplier: multiplier(ratio(Double(values[b].scale), twiceLargest), "the second input's scale ratio"),
      outputMultiplier: multiplier(toOutput, "the output's scale ratio"))
  }

  mutating func product(_ operation: Operation, _ activation: Activation) throws(LayerFault) {
    let (a, b, output) = try operands(operation, takesWide: true)
    let one = Multiplier.powerOfTwo(0)
    let (left, right) = (values[a].scale, values[b].scale)
    // LiteRT forms it in single precision.
    let factor =
      isAsymmetric(output)
      ? Double(left * right / output.scale) : Double(left) * Double(right) / Double(output.scale)
    try combine(
      operation, .product, a, b, output, activation, leftShift: 0, leftMultiplier: one, rightMultiplier: one,
      outputMultiplier: multiplier(factor, "input scale · input scale / output scale"))
  }

  /// Two operands of codes, and the output; of int16, too, where `takesWide`.
  mutating func operands(_ operation: Operation, takesWide: Bool = false) throws(LayerFault) -> (Int, Int, Value) {
    let a = try input(operation, 0, "first input")
    let b = try input(operation, 1, "second input")
    let output = try output(operation)
    if takesWide || isAsymmetric(values[a]) {
      try requireBytes(a, "first input")
    } else {
      try requireInt8(a, "first input")
    }
    try requireBytes(values[b], "second input", beside: a)
    try requireBytes(output, "output", beside: a)
    return (a, b, output)
  }

  private mutating func combine(
    _ operation: Operation, _ kind: Combine.Kind, _ a: Int, _ b: Int, _ output: Value, _ activation: Activation,
    leftShift: Int, leftMultiplier: Multiplier, rightMultiplier: Multiplier, outputMultiplier: Multiplier
  ) throws(LayerFault) {
    let (left, right) = (values[a], values[b])
    guard let broadcast = Broadcast(left.shape, right.shape) else {
      throw LayerFault("its inputs' shapes, \(left.shape) and \(right.shape), do not broadcast")
    }
    try require(shape: broadcast.shape, of: output)
    let merged = broadcast.merged()
    var requantization = Requantization(
      multipliers: [outputMultiplier], rounding: options.rounding, zeroPoint: output.zeroPoint,
      clamp: clamp(activation, output))
    if let quantizer = operation.quantizer {
      // The core's sum has no offset: only those modes that need none.
      let clamp = try codes(quantizer, output)
      let isShift = [leftMultiplier, rightMultiplier, outputMultiplier].allSatisfy { $0.mantissa == 1 << 30 }
      switch try directed(quantizer.rounding, clamp, isExact: false) {
      case .halfEven where !quantizer.roundsZeroPoint || output.zeroPoint % 2 == 0: requantization.rounding = .halfEven
      case .halfUpward: requantization.rounding = isShift ? .halfUpShift : .single
      default:
        throw LayerFault(
          "its quantiser's rounding mode is \(quantizer.rounding.rawValue) with zero point \(output.zeroPoint)",
          remedy: "quantise elementwise sums and products with ROUND and zero point 0")
      }
      requantization.clamp = clamp
    }
    let combine = Combine(
      kind: kind, shape: merged.shape,
      left: Combine.Operand(zeroPoint: left.zeroPoint, multiplier: leftMultiplier, strides: merged.left),
      right: Combine.Operand(zeroPoint: right.zeroPoint, multiplier: rightMultiplier, strides: merged.right),
      leftShift: leftShift, requantization: requantization)
    let code = combine.code(Interval<Int32>(left.range), Interval<Int32>(right.range))
    guard code.holds else {
      if kind == .product, !isTensorFlowLite { return try longProduct(combine, operation, a, b, output) }
      throw LayerFault(
        "its arithmetic could overflow 32 bits: input scales \(left.scale), \(right.scale), output scale \(output.scale)",
        remedy: max(left.type.bits, right.type.bits) > 8
          ? "operands of more than 8 bits leave no room in 32: quantise activations to 8 bits"
          : "the scales are out of proportion: quantise again with representative data")
    }
    emit(.combine(combine), operation, inputs: [a, b], output: output, range: code.range)
  }

  /// Products of codes of 16 bits, which 32 may not hold: of matrices of one element, whose accumulators may have 64.
  private mutating func longProduct(
    _ combine: Combine, _ operation: Operation, _ a: Int, _ b: Int, _ output: Value
  ) throws(LayerFault) {
    func operand(_ operand: Combine.Operand) -> MatrixProduct.Operand {
      MatrixProduct.Operand(zeroPoint: operand.zeroPoint, batchStrides: operand.strides, lineStride: 0, depthStride: 0)
    }
    var step = MatrixProduct(
      batch: combine.shape, rows: 1, columns: 1, depth: 1, left: operand(combine.left), right: operand(combine.right),
      accumulator: 0...0, requantization: combine.requantization)
    let one = step.product(Interval<Int64>(values[a].range), Interval<Int64>(values[b].range))
    step.accumulator = MatrixProduct.accumulator(ofProducts: one.range, depth: 1, bias: 0)
    let range = try codes(of: step.requantization, channel: 0, from: step.accumulator)
    emit(.product(step), operation, inputs: [a, b], output: output, range: range)
  }
}

/// Two shapes brought together by numpy's rules, and the distance between neighbours of each along each dimension.
struct Broadcast {
  var shape: [Int] = []
  var left: [Int] = []
  var right: [Int] = []

  init?(_ a: [Int], _ b: [Int]) {
    let rank = max(a.count, b.count)
    let a = Array(repeating: 1, count: rank - a.count) + a
    let b = Array(repeating: 1, count: rank - b.count) + b
    var (leftStride, rightStride) = (1, 1)
    for axis in (0..<rank).reversed() {
      guard a[axis] == b[axis] || a[axis] == 1 || b[axis] == 1 else { return nil }
      shape.insert(max(a[axis], b[axis]), at: 0)
      left.insert(a[axis] == 1 ? 0 : leftStride, at: 0)
      right.insert(b[axis] == 1 ? 0 : rightStride, at: 0)
      leftStride *= a[axis]
      rightStride *= b[axis]
    }
  }

  /// Dimensions of size 1 dropped, and neighbours merged that both operands walk through in one stride.
  func merged() -> Broadcast {
    var result = self
    (result.shape, result.left, result.right) = ([], [], [])
    for axis in shape.indices where shape[axis] != 1 {
      if let last = result.shape.indices.last, result.left[last] == left[axis] * shape[axis],
        result.right[last] == right[axis] * shape[axis]
      {
        result.shape[last] *= shape[axis]
        result.left[last] = left[axis]
        result.right[last] = right[axis]
      } else {
        result.shape.append(shape[axis])
        result.left.append(left[axis])
        result.right.append(right[axis])
      }
    }
    if result.shape.isEmpty { (result.shape, result.left, result.right) = ([1], [1], [1]) }
    return result
  }
}
