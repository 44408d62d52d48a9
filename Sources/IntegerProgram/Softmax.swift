import Arithmetic

/// The softmax of each row of codes, in fixed point; output codes have scale 1/256 and zero point −128.
public struct Softmax: Sendable {
  public var rows, depth: Int
  public var scale: SoftmaxScale

  public init(rows: Int, depth: Int, scale: SoftmaxScale) {
    self.rows = rows
    self.depth = depth
    self.scale = scale
  }
}
