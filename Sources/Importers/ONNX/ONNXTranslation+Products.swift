import Network

// MatMul and QLinearMatMul of two tensors of codes.
extension ONNXTranslation {
  /// Matrices multiplied pair by pair, whose real result a quantiser behind them makes codes of. One that lies transposed
  /// in memory stays so.
  mutating func matrixPending(_ left: ONNXCodes, _ right: ONNXCodes, typeName: String) throws(NodeFault) -> ONNXPending {
    let (a, b) = (left.view.shape, right.view.shape)
    guard a.count >= 2, b.count >= 2, a[a.count - 1] == b[b.count - 2] else {
      throw NodeFault(
        "it multiplies \(a) by \(b)",
        remedy: "give both factors two dimensions or more, the columns of the first as many as the rows of the second")
    }
    let rank = max(a.count, b.count) - 2
    let batches = [a, b].map { Array(repeating: 1, count: rank + 2 - $0.count) + $0.dropLast(2) }
    guard (0..<rank).allSatisfy({ batches[0][$0] == batches[1][$0] || batches[0][$0] == 1 || batches[1][$0] == 1 })
    else { throw NodeFault("its factors' shapes, \(a) and \(b), do not broadcast") }
    let shape = (0..<rank).map { max(batches[0][$0], batches[1][$0]) } + [a[a.count - 2], b[b.count - 1]]
    let (x, y) = (matrices(left), matrices(right))
    return ONNXPending(
      .combine(
        .batchMatMul(transposesLeft: x.isTransposed, transposesRight: y.isTransposed), x.tensor, y.tensor),
      typeName: typeName, view: StridedView(rowMajor: shape), shape: shape)
  }

  private mutating func matrices(_ codes: ONNXCodes) -> (tensor: Int, isTransposed: Bool) {
    let order = Array(codes.view.axes.indices)
    let exchanged = Array(order.dropLast(2)) + [order[order.count - 1], order[order.count - 2]]
    let isTransposed = !codes.view.lies(inMemory: order) && codes.view.lies(inMemory: exchanged)
    return (arranged(codes, isTransposed ? exchanged : order), isTransposed)
  }

  /// A factor that the file holds, as a tensor of codes.
  mutating func constantMatrix(_ constant: QuantizedConstant, shape: [Int], name: String) throws(NodeFault) -> ONNXCodes {
    guard constant.quantization.scales.count == 1, constant.quantization.zeroPoints.count == 1 else {
      throw NodeFault(
        "its constant factor has \(constant.quantization.scales.count) scales",
        remedy: "quantise it per tensor, or put it on the right as one matrix")
    }
    let tensor = addConstant(name, constant.codes, shape, constant.type, constant.quantization)
    return ONNXCodes(tensor: tensor, view: StridedView(rowMajor: shape), isReal: true)
  }
}
