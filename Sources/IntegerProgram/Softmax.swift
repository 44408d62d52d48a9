import Arithmetic

/// The softmax of each row of codes, or its logarithm.
public struct Softmax: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// In TensorFlow Lite's fixed point; output codes have scale 1/256 and zero point −128.
    case shares(SoftmaxScale)
    /// The logarithms of shares, likewise; output codes have scale 1/16 and zero point 127.
    case logarithms(SoftmaxScale)
    /// Of 16-bit codes: exponentials and reciprocals are interpolated; output codes have scale 2^-15.
    case interpolated(SoftmaxScale)
    /// As real numbers define it, for output codes of any scale.
    case tabulated(ExponentialTable)
  }

  public var rows, depth: Int
  public var kind: Kind

  public init(rows: Int, depth: Int, kind: Kind) {
    self.rows = rows
    self.depth = depth
    self.kind = kind
  }
  public init(rows: Int, depth: Int, scale: SoftmaxScale) { self.init(rows: rows, depth: depth, kind: .shares(scale)) }

  public var isLogarithmic: Bool { if case .logarithms = kind { true } else { false } }
  public var isInterpolated: Bool { if case .interpolated = kind { true } else { false } }
}
