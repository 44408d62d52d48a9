import Arithmetic
import CSimulationKernels
import IntegerProgram

/// A product of matrices. The lines that a sum runs along are brought together as 16-bit words, once for each matrix; a
/// sum is one dot product of stored codes then, and the zero points follow from the lines' own sums:
///
///     Σ (x − u)(y − v) = Σ x·y − v · Σ x − u · Σ y + depth · u · v
///
/// All of it in 64 bits, where nothing overflows.
struct PreparedMatrixProduct: PreparedStep {
  private let product: MatrixProduct
  private let left, right, to: Place
  private let starts: [(left: Int, right: Int)]
  /// In stored codes.
  private let leftZero, rightZero: Int64
  private let isLong: Bool
  private let scratch: Int

  init(_ product: MatrixProduct, left: Place, right: Place, to: Place, scratch: Int) {
    self.product = product
    self.left = left
    self.right = right
    self.to = to
    self.scratch = scratch
    starts = product.matrixStarts
    leftZero = Int64(left.storage.stored(product.left.zeroPoint))
    rightZero = Int64(right.storage.stored(product.right.zeroPoint))
    isLong = product.isLong
  }

  private var lines: Int { product.rows + product.columns }
  /// A sum of 64 bits a column, one of 32 a line; then the lines.
  var scratchByteCount: Int { product.columns * 8 + lines * 4 + lines * product.depth * 2 }

  func run(in memory: UnsafeMutableRawPointer) {
    let (rows, columns, depth) = (product.rows, product.columns, product.depth)
    let sums = (memory + scratch).assumingMemoryBound(to: Int64.self)
    let rowSums = (memory + scratch + columns * 8).assumingMemoryBound(to: Int32.self)
    let columnSums = rowSums + rows
    let rowLines = (memory + scratch + columns * 8 + lines * 4).assumingMemoryBound(to: Int16.self)
    let columnLines = rowLines + rows * depth
    let constant = Int64(product.bias) + Int64(depth) * leftZero * rightZero
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
        let rest = constant - rightZero * Int64(rowSums[row])
        for column in 0..<columns {
          let sum = sums[column] + rest - leftZero * Int64(columnSums[column])
          to.store(product.requantization.code(ofSum: sum, channel: 0, isLong: isLong), at: output, in: memory)
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
