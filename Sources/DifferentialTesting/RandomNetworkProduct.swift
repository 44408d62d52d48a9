import IntegerProgram
import Network

// MARK: Products of matrices

extension RandomNetworkBuilder {
  mutating func addBatchMatMul(to value: Int) -> Int? {
    let shape = shape(of: value)
    guard shape.count >= 2 else { return nil }
    let isLeft = random.chance(0.6)
    let transposesValue = random.chance(0.3)
    // What the partner's other dimension meets.
    let depth = shape[shape.count - (transposesValue == isLeft ? 2 : 1)]
    let partner = randomMatrix(partnerOf: value, depth: depth)
    let partnerShape = self.shape(of: partner)
    guard partnerShape.count >= 2 else { return nil }
    // As a right matrix its columns run over the depth where it is transposed, as a left one its rows.
    let (first, last) = (partnerShape[partnerShape.count - 2], partnerShape[partnerShape.count - 1])
    guard first == depth || last == depth else { return nil }
    let runsOverLast = last == depth && (first != depth || random.chance(0.5))
    let transposesPartner = isLeft == runsOverLast
    let (left, right) = isLeft ? (value, partner) : (partner, value)
    let (transposesLeft, transposesRight) =
      isLeft ? (transposesValue, transposesPartner) : (transposesPartner, transposesValue)
    let shapes = MatrixShapes(
      left: self.shape(of: left), transposesLeft: transposesLeft, right: self.shape(of: right),
      transposesRight: transposesRight)
    guard let shapes, shapes.output.count <= Self.highestRank, shapes.output.reduce(1, *) <= limits.elements,
      shapes.output.reduce(shapes.depth, *) <= limits.multiplyAccumulates
    else { return nil }
    let product = shapes.product(transposesLeft: transposesLeft, transposesRight: transposesRight)
    let results = zip(reals(of: left), reals(of: right)).map { a, b in
      product.outputStarts.map { start in
        (0..<product.depth).reduce(0.0) { sum, k in
          sum + a[start.left + k * product.left.depthStride] * b[start.right + k * product.right.depthStride]
        }
      }
    }
    let output = fitted(results, base: scale(of: left) * scale(of: right))
    return append(
      .batchMatMul(transposesLeft: transposesLeft, transposesRight: transposesRight), "BATCH_MATMUL", [left, right],
      shape: shapes.output, output, codes(results, output))
  }

  /// Another value with a dimension of `depth`, the same value, a new input, or a constant.
  private mutating func randomMatrix(partnerOf value: Int, depth: Int) -> Int {
    let batch = Array(shape(of: value).dropLast(2))
    let style = random.unit()
    if style < 0.45 {
      let fitting = values.filter {
        $0 != value && self.shape(of: $0).count >= 2 && self.shape(of: $0).suffix(2).contains(depth)
          && broadcastShape(Array(self.shape(of: $0).dropLast(2)), batch) != nil
      }
      if !fitting.isEmpty { return random.element(of: fitting) }
    }
    if style < 0.6 { return value }
    let other = random.integer(in: 1...8)
    let matrix = random.chance(0.5) ? [depth, other] : [other, depth]
    let batches = random.choice(of: [(3, batch), (1, []), (1, batch.map { random.chance(0.5) ? 1 : $0 })])
    let shape = batches + matrix
    if style < 0.75, inputs.count < 3 { return addInput(shape: shape) }
    return codeConstant(randomCodes(count: shape.reduce(1, *)), shape: shape, randomQuantization())
  }
}
