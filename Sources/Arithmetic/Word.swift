infix operator +% : AdditionPrecedence
infix operator -% : AdditionPrecedence
infix operator *% : MultiplicationPrecedence
infix operator <<% : BitwiseShiftPrecedence
infix operator >>% : BitwiseShiftPrecedence

/// An integer register of the target, read some way: as a machine word (`Int32`, `Int64`), as a range of values
/// (`Interval`) or as an expression (`Term`).
///
/// All scalar arithmetic of a network is written once, as generic functions over this protocol, so the simulator, the
/// proved ranges, the generated C and the solver's formulas cannot drift apart.
///
/// A value is a mathematical integer as long as every operation stays inside its register. The machine words wrap
/// when one does not; `Interval` and `Term` notice it. Hence operators of their own: Swift's `+` traps, its `&+` wraps. That keeps the rule
/// "prove with intervals that nothing overflows, then run the wrapping reading".
public protocol Word {
  /// The register that holds the product of two of these.
  associatedtype Wide: Word where Wide.Wide == Wide
  /// The outcome of a comparison; see `select`.
  associatedtype Truth

  /// The constant `literal`, which must fit the register.
  init(_ literal: Int64)
  /// `wide`, moved to the narrower register. That it fits is an obligation: the machine reading truncates, the
  /// interval reading checks.
  init(narrowing wide: Wide)
  /// The same value in the wider register.
  var wide: Wide { get }

  static func +% (a: Self, b: Self) -> Self
  static func -% (a: Self, b: Self) -> Self
  static func *% (a: Self, b: Self) -> Self
  /// `a · 2ⁿ`, for `0 ≤ n <` the register's width.
  static func <<% (a: Self, n: Self) -> Self
  /// `⌊a / 2ⁿ⌋`, for `0 ≤ n <` the register's width.
  static func >>% (a: Self, n: Self) -> Self
  /// `a / divisor` rounded toward zero as in C, for a positive `divisor`.
  static func / (a: Self, divisor: Self) -> Self

  /// Whether `a < b`.
  static func less(_ a: Self, _ b: Self) -> Truth
  /// `a` where `truth` holds, else `b`.
  static func select(_ truth: Truth, _ a: Self, _ b: Self) -> Self

  // These follow from the operations above; a reading may know a tighter or shorter way.
  static func smaller(_ a: Self, _ b: Self) -> Self
  static func larger(_ a: Self, _ b: Self) -> Self
  /// The `bits` lowest bits, at most 62, read as an unsigned number: the remainder of the floor division by 2^bits.
  func lowest(bits: Int) -> Self
}

extension Word {
  @inlinable public static func <<% (a: Self, n: Int) -> Self { a <<% Self(Int64(n)) }
  @inlinable public static func >>% (a: Self, n: Int) -> Self { a >>% Self(Int64(n)) }

  @inlinable public static func smaller(_ a: Self, _ b: Self) -> Self { select(less(b, a), b, a) }
  @inlinable public static func larger(_ a: Self, _ b: Self) -> Self { select(less(a, b), b, a) }

  /// The value of `low … high` nearest to this one.
  @inlinable public func clamped(_ low: Int64, _ high: Int64) -> Self {
    Self.smaller(Self.larger(self, Self(low)), Self(high))
  }

  /// `a` where `value` is zero, else `b`.
  @inlinable public static func select(isZero value: Self, _ a: Self, _ b: Self) -> Self {
    select(less(value, Self(0)), b, select(less(Self(0), value), b, a))
  }

  @inlinable public func lowest(bits: Int) -> Self { self -% ((self >>% bits) <<% bits) }
}
