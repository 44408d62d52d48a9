/// A normalisation of rows as ONNX's operators define it: `(x − mean) / √(variance + epsilon) · gain + offset`, or, where rows
/// are not centred, `x / √(mean square + epsilon) · gain + offset`.
public struct RowScores: Sendable, Hashable {
  /// How many elements that lie one behind the other make a row.
  public var depth: Int
  public var isCentred: Bool
  public var epsilon: Double
  /// As many of either: each holds for `run` elements, row after row, and then they begin again.
  public var gains, offsets: [Double]
  public var run: Int

  public init(depth: Int, isCentred: Bool, epsilon: Double, gains: [Double], offsets: [Double], run: Int) {
    self.depth = depth
    self.isCentred = isCentred
    self.epsilon = epsilon
    self.gains = gains
    self.offsets = offsets
    self.run = run
  }
}
