extension Interval: Word {
  public typealias Wide = Interval<Register.Wide>
  public struct Truth: Sendable, Hashable {
    /// Nil where it depends on the members.
    public let decided: Bool?
    /// Whether both sides of the comparison hold.
    public let holds: Bool

    @inlinable init(decided: Bool?, holds: Bool) {
      self.decided = decided
      self.holds = holds
    }
  }

  @inlinable public init(_ literal: Int64) { self.init(literal, literal) }
  @inlinable public init(narrowing wide: Wide) { self.init(wide.low, wide.high, holds: wide.holds) }
  @inlinable public var wide: Wide { Wide(low, high, holds: holds) }

  @inlinable public static func +% (a: Self, b: Self) -> Self {
    corners(a, b, [a.low.addingReportingOverflow(b.low), a.high.addingReportingOverflow(b.high)])
  }
  @inlinable public static func -% (a: Self, b: Self) -> Self {
    corners(a, b, [a.low.subtractingReportingOverflow(b.high), a.high.subtractingReportingOverflow(b.low)])
  }
  @inlinable public static func *% (a: Self, b: Self) -> Self {
    corners(
      a, b,
      [
        a.low.multipliedReportingOverflow(by: b.low), a.low.multipliedReportingOverflow(by: b.high),
        a.high.multipliedReportingOverflow(by: b.low), a.high.multipliedReportingOverflow(by: b.high),
      ])
  }
  @inlinable public static func <<% (a: Self, n: Self) -> Self {
    // 2^62 is the largest power of two that an Int64 holds.
    guard n.low >= 0, n.high < min(63, Int64(Register.bitWidth)) else { return unproved }
    let (least, most): (Int64, Int64) = (1 << n.low, 1 << n.high)
    return corners(
      a, n,
      [
        a.low.multipliedReportingOverflow(by: a.low < 0 ? most : least),
        a.high.multipliedReportingOverflow(by: a.high < 0 ? least : most),
      ])
  }
  @inlinable public static func >>% (a: Self, n: Self) -> Self {
    guard n.low >= 0, n.high < Int64(Register.bitWidth) else { return unproved }
    // Monotone in a; in n rising for negative a, falling for the others.
    return Self(
      a.low >> (a.low < 0 ? n.low : n.high), a.high >> (a.high < 0 ? n.high : n.low), holds: a.holds && n.holds)
  }
  @inlinable public static func / (a: Self, divisor: Self) -> Self {
    guard divisor.low > 0 else { return unproved }
    return Self(
      a.low / (a.low < 0 ? divisor.low : divisor.high), a.high / (a.high < 0 ? divisor.high : divisor.low),
      holds: a.holds && divisor.holds)
  }
  @inlinable public static func less(_ a: Self, _ b: Self) -> Truth {
    Truth(decided: a.high < b.low ? true : a.low >= b.high ? false : nil, holds: a.holds && b.holds)
  }
  @inlinable public static func select(_ truth: Truth, _ a: Self, _ b: Self) -> Self {
    let chosen =
      switch truth.decided {
      case true?: a
      case false?: b
      case nil: a.union(b)
      }
    return Self(chosen.low, chosen.high, holds: chosen.holds && truth.holds)
  }

  // min and max keep both ends apart; through `select` they would only join the two ranges.
  @inlinable public static func smaller(_ a: Self, _ b: Self) -> Self {
    Self(min(a.low, b.low), min(a.high, b.high), holds: a.holds && b.holds)
  }
  @inlinable public static func larger(_ a: Self, _ b: Self) -> Self {
    Self(max(a.low, b.low), max(a.high, b.high), holds: a.holds && b.holds)
  }

  @inlinable public func lowest(bits: Int) -> Self {
    let mask: Int64 = (1 << Int64(bits)) - 1
    // Within one block of 2^bits the remainder is monotone.
    return low >> Int64(bits) == high >> Int64(bits)
      ? Self(low & mask, high & mask, holds: holds) : Self(0, mask, holds: holds)
  }

  /// The hull of an operation's results at the corners of its operands.
  @inlinable static func corners(_ a: Self, _ b: Self, _ results: [(partialValue: Int64, overflow: Bool)]) -> Self {
    var low = Int64.max
    var high = Int64.min
    for result in results {
      if result.overflow { return unproved }
      low = min(low, result.partialValue)
      high = max(high, result.partialValue)
    }
    return Self(low, high, holds: a.holds && b.holds)
  }
}
