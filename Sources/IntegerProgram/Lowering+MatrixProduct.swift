import Arithmetic
import Network

// BATCH_MATMUL → product, or affine where the right matrix is constant.
extension Lowering {
  mutating func batchMatMul(
    _ operation: Operation, transposesLeft: Bool, transposesRight: Bool
  ) throws(LayerFault) {
    let x = try input(operation, 0, "left matrix")
    let y = try input(operation, 1, "right matrix")
    try requireCodes(x, "left matrix")
    try requireCodes(values[y], "right matrix", like: x)
    let output = try output(operation)
    try requireCodes(output, "output", like: x)
    let shapes = MatrixShapes(
      left: values[x].shape, transposesLeft: transposesLeft, right: values[y].shape, transposesRight: transposesRight)
    guard let shapes else {
      throw LayerFault(
        "its inputs' shapes, \(values[x].shape)\(transposesLeft ? " transposed" : "") and \(values[y].shape)"
          + "\(transposesRight ? " transposed" : ""), are no matrices that can be multiplied")
    }
    try require(shape: shapes.output, of: output)

    if !transposesLeft, values[x].constant == nil, let codes = constantWeights(y, shapes, transposesRight) {
      return try dense(operation, x, y, shapes, codes, output)
    }
    let (left, right) = (values[x], values[y])
    var step = shapes.product(transposesLeft: transposesLeft, transposesRight: transposesRight)
    (step.left.zeroPoint, step.right.zeroPoint) = (left.zeroPoint, right.zeroPoint)
    let one = step.product(Interval<Int64>(left.range), Interval<Int64>(right.range))
    func reach(_ bias: Int64) -> ClosedRange<Int64> {
      MatrixProduct.accumulator(ofProducts: one.range, depth: shapes.depth, bias: bias)
    }
    var sum: QuantizedSum
    if let quantizer = operation.quantizer {
      sum = try quantizedProduct(operation, quantizer, left, right, output, sums: reach(0))
    } else {
      var factor = try multiplier(
        product(left.scale, right.scale) / Double(output.scale), "input scale · input scale / output scale")
      let isWide = left.type == .int16 && isTensorFlowLite
      if isWide { factor = try reduced(factor) }
      sum = QuantizedSum(
        requantization: Requantization(
          multipliers: [factor], rounding: isWide ? .single : options.rounding, zeroPoint: output.zeroPoint,
          clamp: clamp(.none, output)),
        offsets: [0])
      sum.isLong = isWide
    }
    let range = reach(sum.offsets[0])
    if operation.quantizer != nil, !range.fits32 { sum = sum.lengthened }
    step.requantization = sum.requantization
    guard sum.holds(range), let bias = Int32(exactly: sum.offsets[0]) else {
      throw LayerFault(
        "its accumulators could overflow \(sum.accumulatorBits) bits: \(shapes.depth) products in "
          + "\(one.range.lowerBound) … \(one.range.upperBound)",
        remedy: "fewer products in a sum, or codes of fewer bits")
    }
    (step.accumulator, step.bias) = (range, bias)
    let codes = try codes(of: step.requantization, channel: 0, from: range)
    emit(.product(step), operation, inputs: [x, y], output: output, range: codes)
  }

  /// How a quantiser makes codes of sums of products (ONNX): as of an affine layer's without constants.
  private func quantizedProduct(
    _ operation: Operation, _ quantizer: Quantizer, _ left: Value, _ right: Value, _ output: Value,
    sums: ClosedRange<Int64>
  ) throws(LayerFault) -> QuantizedSum {
    guard operation.stages.isEmpty else {
      throw LayerFault("constants scale or shift its result", remedy: "put a quantiser behind the product")
    }
    let scale = left.scale * right.scale
    let isOwnRule = !quantizer.roundsZeroPoint && [.halfEven, .halfUp].contains(quantizer.rounding)
    if isOwnRule || (scale / output.scale).significand == 1 {
      return try quantizedSum(
        quantizer, output, clamp: codes(quantizer, output), bias: .codes([0]), channels: 1, inputScales: [scale])
    }
    let unit = ExactNumber(Double(left.scale)) * ExactNumber(Double(right.scale))
    let function = try function(RealMap(gain: unit), quantizer, output)
    let room = ExactStep.Room(
      largestFactor: 1, smallFactor: 1, accumulator: sums, zeroPoint: Int64(output.zeroPoint), clamp: function.codes)
    guard let found = ExactStep.search(try function.staircase(over: sums), function, room), found.factor == 1 else {
      throw LayerFault(
        "no integer step of 32 bits gives the codes of its products, reckoned exactly",
        remedy: "give its output fewer bits, or scales that are powers of two")
    }
    return QuantizedSum(
      requantization: Requantization(
        multipliers: [found.multiplier], rounding: .halfEven, zeroPoint: output.zeroPoint, clamp: function.codes),
      offsets: [found.offset])
  }

  /// The codes of a constant right matrix as weights [out, in]; nil where it is none, or several.
  private func constantWeights(_ y: Int, _ shapes: MatrixShapes, _ transposesRight: Bool) -> [Int64]? {
    let value = values[y]
    guard let constant = value.constant, constant.count == shapes.depth * shapes.columns,
      constant.allSatisfy({ Int16(exactly: Int64($0) - Int64(value.zeroPoint)) != nil })
    else { return nil }
    if transposesRight { return constant.map { Int64($0) } }
    return (0..<shapes.columns).flatMap { column in
      (0..<shapes.depth).map { Int64(constant[$0 * shapes.columns + column]) }
    }
  }

  private mutating func dense(
    _ operation: Operation, _ x: Int, _ y: Int, _ shapes: MatrixShapes, _ codes: [Int64], _ output: Value
  ) throws(LayerFault) {
    weightCount += codes.count
    guard weightCount <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
    }
    let weights = Weights(
      codes: codes, shape: [shapes.columns, shapes.depth], scales: [values[y].scale],
      zeroPoints: [Int64(values[y].zeroPoint)])
    let batch = shapes.batch.shape.reduce(shapes.rows, *)
    try affine(
      operation, x, .dense(batch: batch, inputs: shapes.depth, outputs: shapes.columns), groups: 1, weights, codes,
      output, .none, isDense: true)
  }
}
