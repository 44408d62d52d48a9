/// All values that a register may hold: the integers `low … high`.
///
/// Every operation of the interval reading is sound: it contains the result of the machine reading for all members of
/// its operands, provided that `holds`. `holds` is false as soon as some operation, for some members, might leave the
/// register; then the range is the whole register and says nothing but "unproved".
public struct Interval<Register: MachineWord>: Sendable, Hashable {
  public let low, high: Int64
  /// Whether no operation that led here can overflow its register.
  public let holds: Bool

  /// The integers `low … high`; needs `low ≤ high`, both inside the register.
  @inlinable public init(_ low: Int64, _ high: Int64) {
    self.init(low, high, holds: true)
  }

  @inlinable init(_ low: Int64, _ high: Int64, holds: Bool) {
    precondition(low <= high, "an interval's ends are in order")
    let fits = low >= Int64(Register.min) && high <= Int64(Register.max)
    self.low = fits ? low : Int64(Register.min)
    self.high = fits ? high : Int64(Register.max)
    self.holds = holds && fits
  }

  /// The whole register, reached by an operation that may have overflowed.
  @inlinable static var unproved: Self { Self(Int64(Register.min), Int64(Register.max), holds: false) }

  @inlinable public init(_ range: ClosedRange<Int64>) { self.init(range.lowerBound, range.upperBound) }
  @inlinable public var range: ClosedRange<Int64> { low...high }
  @inlinable public var isSingle: Bool { low == high }
  @inlinable public func contains(_ value: Int64) -> Bool { low <= value && value <= high }
  @inlinable public func contains(_ other: Self) -> Bool { low <= other.low && other.high <= high }
  @inlinable public func union(_ other: Self) -> Self {
    Self(min(low, other.low), max(high, other.high), holds: holds && other.holds)
  }
}

extension Interval: CustomStringConvertible {
  public var description: String { "[\(low), \(high)]" + (holds ? "" : " (may overflow)") }
}
