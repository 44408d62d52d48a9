import Arithmetic

/// One code for each window and channel: the largest, the rounded average of those inside the image, or a requantised
/// sum (the mean over a whole axis).
public struct Pool: Sendable {
  public enum Kind: Sendable, Hashable {
    case maximum
    /// Rounded to nearest, ties away from zero.
    case average
    /// `requantize(bias + Σ x)` over windows that lie inside the image. The range is proved for the sum and its parts.
    case sum(bias: Int32, Requantization, accumulator: ClosedRange<Int64>)
  }

  public var kind: Kind
  /// Input and output channels are equal.
  public var geometry: WindowGeometry
  /// The fused activation, in codes. A sum's clamp stands in its requantisation.
  public var clamp: ClosedRange<Int64>

  public init(kind: Kind, geometry: WindowGeometry, clamp: ClosedRange<Int64>) {
    self.kind = kind
    self.geometry = geometry
    self.clamp = clamp
  }

  /// The output code of an average pool's window: the sum of the codes inside the image, and how many they are.
  @inlinable public func averageCode<W: Word>(sum: W, count: W) -> W {
    roundingQuotient(sum, count).clamped(clamp.lowerBound, clamp.upperBound)
  }
}
