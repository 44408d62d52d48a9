/// Codes put elsewhere, without arithmetic: reshape, pad, concatenate, slice, transpose. The output is filled with
/// `fill`, where that is given, and then each copy overwrites its part.
public struct Move: Sendable {
  /// A block of codes: for every index below `sizes`, from `sourceStart + Σ index · sourceStrides` of one operand to
  /// `targetStart + Σ index · targetStrides` of the output. The innermost dimension comes last.
  public struct Copy: Sendable, Hashable {
    /// Which of the step's inputs.
    public var operand: Int
    public var sizes: [Int]
    public var sourceStart: Int
    public var sourceStrides: [Int]
    public var targetStart: Int
    public var targetStrides: [Int]

    public init(
      operand: Int, sizes: [Int], sourceStart: Int, sourceStrides: [Int], targetStart: Int, targetStrides: [Int]
    ) {
      self.operand = operand
      self.sizes = sizes
      self.sourceStart = sourceStart
      self.sourceStrides = sourceStrides
      self.targetStart = targetStart
      self.targetStrides = targetStrides
    }

    public var count: Int { sizes.reduce(1, *) }

    /// The same copy with dimensions of size 1 dropped and neighbours merged that lie in one run on both sides.
    public func merged() -> Copy {
      var sizes: [Int] = []
      var source: [Int] = []
      var target: [Int] = []
      for (index, size) in self.sizes.enumerated() where size != 1 {
        let (step, leap) = (sourceStrides[index], targetStrides[index])
        if let last = sizes.indices.last, source[last] == step * size, target[last] == leap * size {
          sizes[last] *= size
          source[last] = step
          target[last] = leap
        } else {
          sizes.append(size)
          source.append(step)
          target.append(leap)
        }
      }
      if sizes.isEmpty { (sizes, source, target) = ([1], [1], [1]) }
      return Copy(
        operand: operand, sizes: sizes, sourceStart: sourceStart, sourceStrides: source, targetStart: targetStart,
        targetStrides: target)
    }
  }

  public var fill: Int32?
  public var copies: [Copy]

  public init(fill: Int32? = nil, copies: [Copy]) {
    self.fill = fill
    self.copies = copies
  }

  /// All `count` codes of one operand, in their order: nothing need be moved.
  public static func identity(count: Int) -> Move {
    Move(copies: [
      Copy(operand: 0, sizes: [count], sourceStart: 0, sourceStrides: [1], targetStart: 0, targetStrides: [1])
    ])
  }

  /// Whether the output is the first operand, code for code.
  public var isIdentity: Bool {
    guard fill == nil, copies.count == 1, copies[0].sizes.count == 1 else { return false }
    let copy = copies[0]
    return copy.operand == 0 && copy.sourceStart == 0 && copy.targetStart == 0 && copy.targetStrides == [1]
      && (copy.sourceStrides == [1] || copy.sizes == [1])
  }
}
