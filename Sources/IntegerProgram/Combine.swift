import Arithmetic

/// Sum, difference or product of two tensors element by element, each rescaled.
///
/// Sums and differences (TensorFlow Lite's ADD and SUB) bring both operands to a common scale in the accumulator:
/// `rescale((x − zeroPoint) · 2^leftShift)`. A product takes `x − zeroPoint` as it is.
public struct Combine: Sendable {
  public enum Kind: String, Sendable, Hashable { case sum, difference, product }

  public struct Operand: Sendable, Hashable {
    public var zeroPoint: Int32
    /// To the common scale; not used by products.
    public var multiplier: Multiplier
    /// For each of `shape`'s dimensions, the distance between elements in this operand: 0 where it is broadcast.
    public var strides: [Int]

    public init(zeroPoint: Int32, multiplier: Multiplier, strides: [Int]) {
      self.zeroPoint = zeroPoint
      self.multiplier = multiplier
      self.strides = strides
    }
  }

  public var kind: Kind
  /// The output's shape, neighbouring dimensions merged where both operands allow it.
  public var shape: [Int]
  public var left, right: Operand
  public var leftShift: Int
  /// From the common scale to the output; one multiplier.
  public var requantization: Requantization

  public init(
    kind: Kind, shape: [Int], left: Operand, right: Operand, leftShift: Int, requantization: Requantization
  ) {
    self.kind = kind
    self.shape = shape
    self.left = left
    self.right = right
    self.leftShift = leftShift
    self.requantization = requantization
  }

  /// Whether both operands have the output's shape.
  public var isElementwise: Bool { shape.count == 1 && left.strides == [1] && right.strides == [1] }

  /// The output code of two operands' codes.
  @inlinable public func code<W: Word>(_ a: W, _ b: W) -> W {
    requantization.code(accumulator(a, b), channel: 0)
  }

  @inlinable public func accumulator<W: Word>(_ a: W, _ b: W) -> W {
    switch kind {
    case .sum: scaled(a, left) +% scaled(b, right)
    case .difference: scaled(a, left) -% scaled(b, right)
    case .product: centred(a, left) *% centred(b, right)
    }
  }

  /// An operand of a sum on the common scale.
  @inlinable public func scaled<W: Word>(_ x: W, _ operand: Operand) -> W {
    requantize(centred(x, operand) <<% leftShift, by: operand.multiplier, rounding: requantization.rounding)
  }
  @inlinable func centred<W: Word>(_ x: W, _ operand: Operand) -> W { x -% W(Int64(operand.zeroPoint)) }
}
