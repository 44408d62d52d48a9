import Network

// Where a file leaves sizes open, its shapes have 1: true of a batch, but not of what is computed of it, as the images
// that SPACE_TO_BATCH_ND makes or the rows that a dense layer sees. Those sizes follow from the inputs, in order.
extension ConstantEvaluation {
  /// Gives the open axes of an operation's outputs the sizes that its inputs and options make, where they say.
  mutating func settleShapes(_ operation: Operation) throws(EvaluationFault) {
    guard operation.outputs.contains(where: { tensor($0).map { !$0.openAxes.isEmpty } ?? false }),
      let shapes = try shapes(madeBy: operation), shapes.count == operation.outputs.count
    else { return }
    for (output, shape) in zip(operation.outputs, shapes) {
      guard let tensor = tensor(output), shape.count == tensor.shape.count,
        shape.allSatisfy({ $0 > 0 }) || operation.kind.movesElements && shape.allSatisfy({ $0 >= 0 })
      else { continue }
      try spend(shape)
      for axis in tensor.openAxes where shape.indices.contains(axis) {
        network.tensors[output].shape[axis] = shape[axis]
      }
      if network.tensors[output].shape.contains(0) { network.tensors[output].constant = [] }
    }
  }

  private func tensor(_ index: Int) -> Tensor? {
    network.tensors.indices.contains(index) ? network.tensors[index] : nil
  }

  /// The shapes of an operation's outputs; nil where they depend on what is no constant, or are left to the file.
  private mutating func shapes(madeBy operation: Operation) throws(EvaluationFault) -> [[Int]]? {
    let inputs = operation.inputs.map { $0.flatMap { tensor($0) } }
    guard let first = inputs.first, let x = first?.shape else { return nil }
    func shape(_ position: Int) -> [Int]? { position < inputs.count ? inputs[position]?.shape : nil }
    func constants(_ position: Int) -> [Int]? {
      guard position < inputs.count else { return nil }
      return inputs[position]?.integers?.map { Int($0) }
    }
    func broadcast(_ count: Int) -> [[Int]]? {
      let shapes = (0..<count).compactMap { shape($0) }
      return shapes.count == count ? broadcastShape(shapes).map { [$0] } : nil
    }
    func windowed(_ window: Window, _ height: Int, _ width: Int, channels: Int) -> [[Int]]? {
      guard x.count == 4, let rows = window.rows(of: x[1], kernel: height),
        let columns = window.columns(of: x[2], kernel: width)
      else { return nil }
      return [[x[0], rows, columns, channels]]
    }
    func reduced(_ axes: [Int]?, keepsDimensions: Bool) -> [[Int]]? {
      guard let axes, axes.allSatisfy({ (-x.count..<x.count).contains($0) }) else { return nil }
      let folded = Set(axes.map { $0 < 0 ? $0 + x.count : $0 })
      return [x.indices.compactMap { folded.contains($0) ? keepsDimensions ? 1 : nil : x[$0] }]
    }

    switch operation.kind {
    case .conv2D(let window, _):
      guard let weights = shape(1), weights.count == 4 else { return nil }
      return windowed(window, weights[1], weights[2], channels: weights[0])
    case .depthwiseConv2D(let window, _, _):
      guard let weights = shape(1), weights.count == 4 else { return nil }
      return windowed(window, weights[1], weights[2], channels: weights[3])
    case .averagePool2D(let window, let height, let width, _), .maxPool2D(let window, let height, let width, _):
      return x.count == 4 ? windowed(window, height, width, channels: x[3]) : nil
    case .transposeConv: return constants(3).map { [$0] }
    case .fullyConnected(let keepsDimensions, _):
      guard let weights = shape(1), weights.count == 2, weights[1] > 0, !x.isEmpty else { return nil }
      return [keepsDimensions ? x.dropLast() + [weights[0]] : [x.reduce(1, *) / weights[1], weights[0]]]
    case .batchMatMul(let transposesLeft, let transposesRight):
      guard let y = shape(1), x.count >= 2, y.count >= 2,
        let batch = broadcastShape([Array(x.dropLast(2)), Array(y.dropLast(2))])
      else { return nil }
      return [
        batch + [x[x.count - (transposesLeft ? 1 : 2)], y[y.count - (transposesRight ? 2 : 1)]]
      ]
    case .add, .subtract, .multiply, .divide, .maximum, .minimum, .compare, .squaredDifference: return broadcast(2)
    case .addAll: return broadcast(operation.inputs.count)
    case .logical(let join): return broadcast(join == .not ? 1 : 2)
    case .select: return broadcast(3)
    case .mean(let keepsDimensions), .reduce(_, let keepsDimensions):
      return reduced(constants(1), keepsDimensions: keepsDimensions)
    case .indexOf: return reduced(constants(1), keepsDimensions: false)
    case .softmax, .logSoftmax, .normalize, .standardize, .unary, .quantize, .dequantize, .parametricRelu, .cumulativeSum: return [x]
    case .mirrorPad:
      guard let amounts = constants(1), amounts.count == 2 * x.count else { return nil }
      return [x.indices.map { x[$0] &+ amounts[2 * $0] &+ amounts[2 * $0 + 1] }]
    case .resizeBilinear, .resizeNearest:
      guard let size = constants(1), size.count == 2, x.count == 4 else { return nil }
      return [[x[0], size[0], size[1], x[3]]]
    case .depthToSpace(let block):
      guard x.count == 4, (1...1 << 12).contains(block) else { return nil }
      return [[x[0], x[1] * block, x[2] * block, x[3] / (block * block)]]
    case .spaceToDepth(let block):
      guard x.count == 4, (1...1 << 12).contains(block) else { return nil }
      return [[x[0], x[1] / block, x[2] / block, x[3] * block * block]]
    case .spaceToBatch, .batchToSpace:
      guard let blocks = constants(1), let amounts = constants(2), amounts.count == 2 * blocks.count,
        blocks.count < x.count, blocks.allSatisfy({ (1...1 << 12).contains($0) }), blocks.count <= 3
      else { return nil }
      let block = blocks.reduce(1, *)
      var made = x
      if case .spaceToBatch = operation.kind {
        made[0] = x[0] &* block
        for axis in blocks.indices {
          made[axis + 1] = (x[axis + 1] &+ amounts[2 * axis] &+ amounts[2 * axis + 1]) / blocks[axis]
        }
      } else {
        made[0] = x[0] / block
        for axis in blocks.indices {
          made[axis + 1] = x[axis + 1] &* blocks[axis] &- amounts[2 * axis] &- amounts[2 * axis + 1]
        }
      }
      return [made]
    default:
      guard operation.kind.movesElements else { return nil }
      // What moves elements is asked where it would move zeros.
      var arrays: [ConstantArray] = []
      for (position, input) in inputs.enumerated() {
        guard let input else { continue }
        try spend(input.shape)
        if operation.movedInputs.contains(operation.inputs[position]) {
          arrays.append(ConstantArray(shape: input.shape, .integers(Array(repeating: 0, count: input.count))))
        } else if let array = ConstantArray(input) {
          arrays.append(array)
        } else {
          return nil
        }
      }
      return try? moved(operation, arrays, fill: 0).map(\.shape)
    }
  }
}

extension Window {
  /// How many windows of a height stand over so many rows; nil where none does.
  fileprivate func rows(of input: Int, kernel: Int) -> Int? {
    if case .explicit(let top, _, let bottom, _) = padding {
      return size(of: input, kernel: kernel, stride: strideHeight, dilation: dilationHeight, padding: [top, bottom])
    }
    return size(of: input, kernel: kernel, stride: strideHeight, dilation: dilationHeight, padding: [])
  }
  fileprivate func columns(of input: Int, kernel: Int) -> Int? {
    if case .explicit(_, let left, _, let right) = padding {
      return size(of: input, kernel: kernel, stride: strideWidth, dilation: dilationWidth, padding: [left, right])
    }
    return size(of: input, kernel: kernel, stride: strideWidth, dilation: dilationWidth, padding: [])
  }

  private func size(of input: Int, kernel: Int, stride: Int, dilation: Int, padding added: [Int]) -> Int? {
    let most = 1...(1 << 16)
    guard most.contains(kernel), most.contains(stride), most.contains(dilation),
      added.allSatisfy({ $0 == 0 || most.contains($0) })
    else { return nil }
    if padding == .same { return (input + stride - 1) / stride }
    let reach = (kernel - 1) * dilation + 1
    let padded = added.reduce(input, +)
    return padded < reach ? nil : (padded - reach) / stride + 1
  }
}
