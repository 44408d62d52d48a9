import Arithmetic

/// The softmax of each row of codes, in fixed point; output codes have scale 1/256 and zero point −128. Or its
/// logarithm; output codes have scale 1/16 and zero point 127 then. Of 16-bit codes exponentials and reciprocals are
/// interpolated; output codes have scale 2^-15.
public struct Softmax: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable { case shares, logarithms, interpolated }

  public var rows, depth: Int
  public var scale: SoftmaxScale
  public var kind: Kind

  public init(rows: Int, depth: Int, scale: SoftmaxScale, kind: Kind = .shares) {
    self.rows = rows
    self.depth = depth
    self.scale = scale
    self.kind = kind
  }
}
