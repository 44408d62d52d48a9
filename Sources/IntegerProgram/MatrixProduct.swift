import Arithmetic

/// Products of matrices that are both reckoned, and their requantisation: what attention multiplies.
///
/// For each pair of matrices, output row i and column j is
/// `requantize(bias + Σ (x[i, k] − zeroPoint) · (y[k, j] − zeroPoint))` over k below `depth`. The outputs of one pair lie
/// row by row, those of the pairs one after another. How the operands lie is in their strides: a transposed one has
/// those of its rows and columns exchanged, and one that is broadcast stays where it is.
public struct MatrixProduct: Sendable, Hashable {
  public struct Operand: Sendable, Hashable {
    public var zeroPoint: Int32
    /// For each of `batch`'s dimensions, the distance between matrices: 0 where they are broadcast.
    public var batchStrides: [Int]
    /// Between rows of the left operand, or columns of the right one.
    public var lineStride: Int
    /// Between the factors of one sum.
    public var depthStride: Int

    public init(zeroPoint: Int32, batchStrides: [Int], lineStride: Int, depthStride: Int) {
      self.zeroPoint = zeroPoint
      self.batchStrides = batchStrides
      self.lineStride = lineStride
      self.depthStride = depthStride
    }
  }

  /// How many pairs of matrices, along each dimension of the output in front of its last two.
  public var batch: [Int]
  public var rows, columns: Int
  /// Products in each sum.
  public var depth: Int
  public var left, right: Operand
  /// Added to every sum: what of a rounding an offset can express.
  public var bias: Int32
  /// The proved range of the accumulator and of every partial sum on the way to it.
  public var accumulator: ClosedRange<Int64>
  /// One multiplier.
  public var requantization: Requantization

  public init(
    batch: [Int], rows: Int, columns: Int, depth: Int, left: Operand, right: Operand, bias: Int32 = 0,
    accumulator: ClosedRange<Int64>, requantization: Requantization
  ) {
    self.batch = batch
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.left = left
    self.right = right
    self.bias = bias
    self.accumulator = accumulator
    self.requantization = requantization
  }

  /// Whether the accumulator takes a register of 64 bits.
  public var isLong: Bool { !accumulator.fits32 }
  public var outputCount: Int { batch.reduce(rows * columns, *) }
  public var multiplyAccumulates: Int { outputCount * depth }

  /// One product of a sum.
  @inlinable public func product<W: Word>(_ a: W, _ b: W) -> W {
    (a -% W(Int64(left.zeroPoint))) *% (b -% W(Int64(right.zeroPoint)))
  }

  /// For each pair of matrices, the element of each operand that it starts with.
  public var matrixStarts: [(left: Int, right: Int)] {
    var starts = [(left: 0, right: 0)]
    for (dimension, size) in batch.enumerated() {
      let (a, b) = (left.batchStrides[dimension], right.batchStrides[dimension])
      starts = starts.flatMap { start in (0..<size).map { (start.left + $0 * a, start.right + $0 * b) } }
    }
    return starts
  }

  /// For each output in memory order, the elements of its first product.
  public var outputStarts: [(left: Int, right: Int)] {
    matrixStarts.flatMap { start in
      (0..<rows * columns).map {
        (start.left + $0 / columns * left.lineStride, start.right + $0 % columns * right.lineStride)
      }
    }
  }

  /// The range of an accumulator and of all its partial sums, in whatever order, where one product has this range.
  public static func accumulator(ofProducts range: ClosedRange<Int64>, depth: Int, bias: Int64) -> ClosedRange<Int64> {
    (min(0, bias) + Int64(depth) * min(0, range.lowerBound))...(max(0, bias) + Int64(depth) * max(0, range.upperBound))
  }
}
