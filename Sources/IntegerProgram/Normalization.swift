import Arithmetic

/// Rows of codes brought to length 1, each by the inverse square root of the sum of its squares, in fixed point; output
/// codes have scale 1/128 and zero point 0.
public struct Normalization: Sendable, Hashable {
  public var rows, depth: Int
  /// Of the input's codes.
  public var zeroPoint: Int32
  public var rounding: Rounding

  public init(rows: Int, depth: Int, zeroPoint: Int32, rounding: Rounding) {
    self.rows = rows
    self.depth = depth
    self.zeroPoint = zeroPoint
    self.rounding = rounding
  }

  /// Longer rows' sums of squares could pass 2^29 − 1, which the root takes.
  public static let longestRow = ((1 << 29) - 1) / (255 * 255)

  @inlinable public func square<W: Word>(_ code: W) -> W { centred(code) *% centred(code) }

  /// The code of an element by its row's root.
  @inlinable public func code<W: Word>(_ code: W, _ root: InverseSquareRoot<W>) -> W {
    root.share(of: centred(code), rounding: rounding)
  }

  @inlinable func centred<W: Word>(_ code: W) -> W { code -% W(Int64(zeroPoint)) }
}
