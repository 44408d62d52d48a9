import Arithmetic

/// Rows of codes normalised, each by what it holds itself.
public struct Normalization: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// To length 1, by the inverse square root of the sum of squares in TensorFlow Lite's fixed point; output codes have
    /// scale 1/128 and zero point 0.
    case length(Rounding)
    /// To mean 0 and variance 1, or variance 1 alone, then scaled and shifted, as real numbers define it.
    case scores(StandardScores)
  }

  public var rows, depth: Int
  /// Of the input's codes.
  public var zeroPoint: Int32
  public var kind: Kind

  /// Of `rows` rows of `depth` codes each, whose zero point is `zeroPoint`.
  public init(rows: Int, depth: Int, zeroPoint: Int32, kind: Kind) {
    self.rows = rows
    self.depth = depth
    self.zeroPoint = zeroPoint
    self.kind = kind
  }
  /// Rows brought to length 1.
  public init(rows: Int, depth: Int, zeroPoint: Int32, rounding: Rounding) {
    self.init(rows: rows, depth: depth, zeroPoint: zeroPoint, kind: .length(rounding))
  }

  /// To length 1: longer rows' sums of squares could pass 2^29 − 1, which the root takes.
  public static let longestRow = ((1 << 29) - 1) / (255 * 255)

  @inlinable public func square<W: Word>(_ code: W) -> W { centred(code) *% centred(code) }

  /// The code of an element of length-1 rows by its row's root.
  @inlinable public func code<W: Word>(_ code: W, _ root: InverseSquareRoot<W>, rounding: Rounding) -> W {
    root.share(of: centred(code), rounding: rounding)
  }

  @inlinable public func centred<W: Word>(_ code: W) -> W { code -% W(Int64(zeroPoint)) }
}
