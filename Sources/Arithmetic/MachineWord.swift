/// A two's-complement machine register: a `Word` itself (the wrapping reading), and the register that `Interval` and
/// `Term` speak about.
public protocol MachineWord: Word, FixedWidthInteger, SignedInteger, Sendable
where Wide: MachineWord, Truth == Bool {}

extension MachineWord {
  @inlinable public static func +% (a: Self, b: Self) -> Self { a &+ b }
  @inlinable public static func -% (a: Self, b: Self) -> Self { a &- b }
  @inlinable public static func *% (a: Self, b: Self) -> Self { a &* b }
  @inlinable public static func <<% (a: Self, n: Self) -> Self { a &<< n }
  @inlinable public static func >>% (a: Self, n: Self) -> Self { a &>> n }
  @inlinable public static func less(_ a: Self, _ b: Self) -> Bool { a < b }
  @inlinable public static func select(_ truth: Bool, _ a: Self, _ b: Self) -> Self { truth ? a : b }
}

extension Int32: MachineWord {
  public typealias Wide = Int64
  public typealias Truth = Bool
  /// Traps where `literal` does not fit, as Swift's own conversion does.
  @inlinable public init(_ literal: Int64) {
    precondition(literal >= Int64(truncatingIfNeeded: Self.min) && literal <= Int64(truncatingIfNeeded: Self.max))
    self.init(truncatingIfNeeded: literal)
  }
  @inlinable public init(narrowing wide: Int64) { self.init(truncatingIfNeeded: wide) }
  @inlinable public var wide: Int64 { Int64(truncatingIfNeeded: self) }
}

extension Int64: MachineWord {
  public typealias Wide = Int64
  public typealias Truth = Bool
  @inlinable public init(narrowing wide: Int64) { self = wide }
  @inlinable public var wide: Int64 { self }
}
