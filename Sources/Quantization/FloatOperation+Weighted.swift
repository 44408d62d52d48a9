import IntegerProgram
import Network

// Convolutions, dense layers and products of matrices.
extension FloatOperation {
  func convolution(_ window: Window, _ fused: Activation) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    let weights = try reals(1, "weights")
    guard weights.shape.count == 4 else { throw LayerFault("its weights have the shape \(weights.shape), not 4-D") }
    let geometry = try FloatWindow(window, shape: x.tensor.shape, rows: weights.shape[1], columns: weights.shape[2])
    let outputs: Int
    let groups: Int
    var laid = weights.numbers
    if case .depthwiseConv2D(_, let multiplier, _) = operation.kind {
      (outputs, groups) = (weights.shape[3], geometry.channels)
      guard weights.shape[0] == 1, multiplier >= 1, multiplier <= outputs, multiplier * groups == outputs else {
        throw LayerFault("its weights have the shape \(weights.shape) for \(groups) input channels")
      }
      // [row, column, out] → [out, row, column].
      let taps = geometry.rows * geometry.columns
      for output in 0..<outputs {
        for tap in 0..<taps { laid[output * taps + tap] = weights.numbers[tap * outputs + output] }
      }
    } else {
      outputs = weights.shape[0]
      guard weights.shape[3] > 0, geometry.channels % weights.shape[3] == 0 else {
        throw LayerFault("its weights have the shape \(weights.shape) for \(geometry.channels) input channels")
      }
      groups = geometry.channels / weights.shape[3]
      guard outputs % groups == 0 else { throw LayerFault("its \(groups) groups do not divide \(outputs) channels") }
    }
    try require([geometry.batch, geometry.outputHeight, geometry.outputWidth, outputs])
    let affine = FloatAffine(
      window: geometry, groups: groups, outputs: outputs, weights: laid, bias: try bias(outputs), isDense: false,
      fileWindow: window)
    return try layer(.affine(affine), [x.index], fused)
  }

  /// A transposed convolution: each input pixel adds its share to a window of the output.
  func transposed(_ window: Window, _ fused: Activation) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    let weights = try reals(1, "weights")
    let made = try made.shape
    let shape = x.tensor.shape
    guard shape.count == 4, made.count == 4, weights.shape.count == 4, weights.shape[3] == shape[3],
      made[0] == shape[0], made[3] == weights.shape[0]
    else {
      throw LayerFault("its weights have the shape \(weights.shape) for an input of \(shape) and an output of \(made)")
    }
    let (rows, columns) = (weights.shape[1], weights.shape[2])
    // What it reads is what a convolution of the output would make: its padding is that one's.
    var forward = window
    if case .same = window.padding {} else { forward.padding = .valid }
    let reach = try FloatWindow(forward, shape: made, rows: rows, columns: columns)
    var (top, left) = (reach.top, reach.left)
    if case .explicit(let first, let before, _, _) = window.padding { (top, left) = (first, before) }
    return try layer(
      .transposed(
        FloatTransposed(
          input: shape, output: made, rows: rows, columns: columns, strideHeight: window.strideHeight,
          strideWidth: window.strideWidth, dilationHeight: window.dilationHeight, dilationWidth: window.dilationWidth,
          top: top, left: left, weights: weights.numbers, bias: try bias(made[3]), fileWindow: window)),
      [x.index], fused)
  }

  /// A dense layer; for every output its `length` weights lie together.
  func dense(
    _ weights: [Float], length: Int, bias: [Float], _ fused: Activation = .none
  ) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    guard length > 0, x.tensor.count % length == 0, bias.count * length == weights.count else {
      throw LayerFault("its weights have rows of \(length) for an input of \(x.tensor.shape)")
    }
    let (batch, outputs, made) = (x.tensor.count / length, bias.count, try made)
    guard made.count == batch * outputs, made.shape.last == outputs else {
      throw LayerFault("its output has the shape \(made.shape), not \(batch) × \(outputs) elements")
    }
    let geometry = try FloatWindow(Window(padding: .valid), shape: [batch, 1, 1, length], rows: 1, columns: 1)
    let affine = FloatAffine(
      window: geometry, groups: 1, outputs: outputs, weights: weights, bias: bias, isDense: true, fileWindow: nil)
    return try layer(.affine(affine), [x.index], fused)
  }

  func matrixProduct(transposesLeft: Bool, transposesRight: Bool) throws(LayerFault) -> FloatLayer {
    // A constant matrix on the right is a dense layer's, but where there are several, or the left one is transposed.
    let constant = isConstant(0) ? 0 : isConstant(1) ? 1 : nil
    let lists = try tensor(1, "right matrix").tensor.shape.dropLast(2)
    guard constant == 1, !transposesLeft, lists.allSatisfy({ $0 == 1 }) else {
      var (inputs, sizes, factor): ([Int], [[Int]], FloatConstant?) = ([], [], nil)
      for position in 0..<2 {
        if position == constant {
          let found = try reals(position, position == 0 ? "left matrix" : "right matrix")
          factor = FloatConstant(numbers: found.numbers, shape: found.shape, isLeft: position == 0)
          sizes.append(found.shape)
        } else {
          let found = try reckoned(position)
          inputs.append(found.index)
          sizes.append(found.tensor.shape)
        }
      }
      let shapes = MatrixShapes(
        left: sizes[0], transposesLeft: transposesLeft, right: sizes[1], transposesRight: transposesRight)
      guard let shapes else {
        throw LayerFault("its inputs' shapes, \(sizes[0]) and \(sizes[1]), are no matrices that can be multiplied")
      }
      try require(shapes.output)
      return try layer(
        .product(shapes.product(transposesLeft: transposesLeft, transposesRight: transposesRight)), inputs, constant: factor)
    }
    let x = try reckoned(0)
    let weights = try reals(1, "right matrix")
    let (count, shape) = (weights.numbers.count, weights.shape)
    guard shape.count >= 2, count == shape.suffix(2).reduce(1, *), let length = x.tensor.shape.last,
      length == shape[shape.count - (transposesRight ? 1 : 2)], length > 0
    else { throw LayerFault("its right matrix has the shape \(shape) for an input of \(x.tensor.shape)") }
    let outputs = count / length
    return try dense(
      transposesRight
        ? weights.numbers
        : (0..<outputs).flatMap { output in (0..<length).map { weights.numbers[$0 * outputs + output] } },
      length: length, bias: Array(repeating: 0, count: outputs))
  }
}
