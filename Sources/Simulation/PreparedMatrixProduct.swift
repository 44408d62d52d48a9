import Arithmetic
import CSimulationKernels
import IntegerProgram

/// A product of matrices. The lines that a sum runs along are brought together as 16-bit words, once for each matrix; a
/// sum is one dot product of stored codes then, and the zero points follow from the lines' own sums:
///
///     Σ (x − u)(y − v) = Σ x·y − v · Σ x − u · Σ y + depth · u · v
///
/// All of it wraps, and is exact because the sum on the left is proved to fit.
struct PreparedMatrixProduct: PreparedStep {
  private let product: MatrixProduct
  private let left, right, to: Place
  private let starts: [(left: Int, right: Int)]
  /// In stored codes.
  private let leftZero, rightZero: Int32
  private let scratch: Int

  init(_ product: MatrixProduct, left: Place, right: Place, to: Place, scratch: Int) {
    self.product = product
    self.left = left
    self.right = right
    self.to = to
    self.scratch = scratch
    starts = product.matrixStarts
    leftZero = left.storage.stored(product.left.zeroPoint)
    rightZero = right.storage.stored(product.right.zeroPoint)
  }

  private var lines: Int { product.rows + product.columns }
  /// One sum a line and one a column; then the lines.
  var scratchByteCount: Int { (lines + product.columns) * 4 + lines * product.depth * 2 }

  func run(in memory: UnsafeMutableRawPointer) {
    let (rows, columns, depth) = (product.rows, product.columns, product.depth)
    let rowSums = (memory + scratch).assumingMemoryBound(to: Int32.self)
    let columnSums = rowSums + rows
    let sums = columnSums + columns
    let rowLines = (memory + scratch + (lines + columns) * 4).assumingMemoryBound(to: Int16.self)
    let columnLines = rowLines + rows * depth
    let constant = product.bias &+ Int32(truncatingIfNeeded: depth) &* leftZero &* rightZero
    var last: (left: Int, right: Int)?
    var output = 0
    for start in starts {
      if start.left != last?.left {
        pack(left, from: start.left, product.left, lines: rows, to: rowLines, rowSums, in: memory)
      }
      if start.right != last?.right {
        pack(right, from: start.right, product.right, lines: columns, to: columnLines, columnSums, in: memory)
      }
      last = start
      for row in 0..<rows {
        lockstep_line_products(rowLines + row * depth, columnLines, columns, depth, sums)
        let rest = constant &- rightZero &* rowSums[row]
        for column in 0..<columns {
          let sum = sums[column] &+ rest &- leftZero &* columnSums[column]
          to.store(product.requantization.code(sum, channel: 0), at: output, in: memory)
          output += 1
        }
      }
    }
  }

  private func pack(
    _ place: Place, from start: Int, _ operand: MatrixProduct.Operand, lines: Int, to target: UnsafeMutablePointer<Int16>,
    _ sums: UnsafeMutablePointer<Int32>, in memory: UnsafeMutableRawPointer
  ) {
    lockstep_pack_lines(
      place.storage.isWide, place.address(in: memory) + start * place.storage.bytesPerCode, operand.lineStride,
      operand.depthStride, lines, product.depth, target, sums)
  }
}
