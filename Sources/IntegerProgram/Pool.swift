import Arithmetic

/// One code for each window and channel: the largest, the rounded average, or a requantised sum (the mean over a whole
/// axis). A window holds what lies inside the image; with a padding code also one such code for each tap outside.
public struct Pool: Sendable {
  public enum Kind: Sendable, Hashable {
    case maximum
    /// Rounded to nearest, ties away from zero.
    case average
    /// `requantize(bias + Σ x)` over windows without taps that are not counted. The range is proved for the sum and its
    /// parts.
    case sum(bias: Int32, Requantization, accumulator: ClosedRange<Int64>)
  }

  public var kind: Kind
  /// Input and output channels are equal.
  public var geometry: WindowGeometry
  /// The fused activation, in codes. A sum's clamp stands in its requantisation.
  public var clamp: ClosedRange<Int64>
  /// What taps outside the image read; nil where they do not count, and where there are none.
  public var paddingCode: Int32?

  /// A padding code is dropped where no window reaches over the image.
  public init(kind: Kind, geometry: WindowGeometry, clamp: ClosedRange<Int64>, paddingCode: Int32? = nil) {
    self.kind = kind
    self.geometry = geometry
    self.clamp = clamp
    self.paddingCode = geometry.hasPadding ? paddingCode : nil
  }

  /// How many codes a window holds of which `inside` taps lie inside the image.
  public func count(inside: Int) -> Int { paddingCode == nil ? inside : geometry.taps }

  /// The range of what windows hold, of an image's codes.
  public func range(of codes: ClosedRange<Int64>) -> ClosedRange<Int64> {
    guard let code = paddingCode.map(Int64.init) else { return codes }
    return min(codes.lowerBound, code)...max(codes.upperBound, code)
  }

  /// The output code of an average pool's window: the sum of the codes it holds, and how many they are.
  @inlinable public func averageCode<W: Word>(sum: W, count: W) -> W {
    roundingQuotient(sum, count).clamped(clamp.lowerBound, clamp.upperBound)
  }
}
