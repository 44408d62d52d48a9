/// The shapes of two lists of matrices that are multiplied pair by pair; lists are brought together by numpy's rules.
package struct MatrixShapes {
  /// Of the lists; strides count matrices.
  var batch: Broadcast
  package var rows, columns, depth: Int
  package var output: [Int]

  /// Nil where the matrices cannot be multiplied. The last two dimensions of a transposed operand are exchanged.
  package init?(left: [Int], transposesLeft: Bool, right: [Int], transposesRight: Bool) {
    guard left.count >= 2, right.count >= 2,
      let whole = Broadcast(Array(left.dropLast(2)), Array(right.dropLast(2)))
    else { return nil }
    let (a, b) = (Array(left.suffix(2)), Array(right.suffix(2)))
    (rows, depth) = transposesLeft ? (a[1], a[0]) : (a[0], a[1])
    columns = transposesRight ? b[0] : b[1]
    guard depth == (transposesRight ? b[1] : b[0]), rows > 0, columns > 0, depth > 0 else { return nil }
    output = whole.shape + [rows, columns]
    batch = whole.merged()
  }

  /// The product of operands that lie row by row, with zero points of 0 and nothing known of its sums yet.
  package func product(transposesLeft: Bool, transposesRight: Bool) -> MatrixProduct {
    MatrixProduct(
      batch: batch.shape, rows: rows, columns: columns, depth: depth,
      left: MatrixProduct.Operand(
        zeroPoint: 0, batchStrides: batch.left.map { $0 * rows * depth }, lineStride: transposesLeft ? 1 : depth,
        depthStride: transposesLeft ? rows : 1),
      right: MatrixProduct.Operand(
        zeroPoint: 0, batchStrides: batch.right.map { $0 * depth * columns }, lineStride: transposesRight ? depth : 1,
        depthStride: transposesRight ? 1 : columns),
      accumulator: 0...0,
      requantization: Requantization(multipliers: [.powerOfTwo(0)], rounding: .double, zeroPoint: 0, clamp: 0...0))
  }
}
