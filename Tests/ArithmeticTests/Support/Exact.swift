import Arithmetic

/// One more reading of a register, for the tests: a mathematical integer, and whether it and all that led to
/// it fit their registers. It says member by member what `Interval.holds` promises for all members at once.
struct Exact<Register: MachineWord>: Word {
  typealias Wide = Exact<Register.Wide>
  struct Truth {
    let isTrue: Bool
    let fits: Bool
  }

  let value: Int128
  let fits: Bool

  @inline(__always)
  private init(_ value: Int128, _ fits: Bool) {
    self.value = value
    self.fits = fits && value >= Int128(Register.min) && value <= Int128(Register.max)
  }
  init(_ literal: Int64) { self.init(Int128(literal), true) }
  init(narrowing wide: Wide) { self.init(wide.value, wide.fits) }
  var wide: Wide { Wide(value, fits) }

  static func +% (a: Self, b: Self) -> Self { Self(a.value &+ b.value, a.fits && b.fits) }
  static func -% (a: Self, b: Self) -> Self { Self(a.value &- b.value, a.fits && b.fits) }
  static func *% (a: Self, b: Self) -> Self { Self(a.value &* b.value, a.fits && b.fits) }
  static func <<% (a: Self, n: Self) -> Self {
    let isShift = n.value >= 0 && n.value < Int128(Register.bitWidth)
    return Self(isShift ? a.value &<< n.value : 0, isShift && a.fits && n.fits)
  }
  static func >>% (a: Self, n: Self) -> Self {
    let isShift = n.value >= 0 && n.value < Int128(Register.bitWidth)
    return Self(isShift ? a.value &>> n.value : 0, isShift && a.fits && n.fits)
  }
  static func / (a: Self, divisor: Self) -> Self {
    guard divisor.value > 0 else { return Self(0, false) }
    // Sixty-four bits divide faster, and hold every register.
    guard a.fits, divisor.fits else { return Self(a.value / divisor.value, false) }
    return Self(Int128(Int64(truncatingIfNeeded: a.value) / Int64(truncatingIfNeeded: divisor.value)), true)
  }
  static func less(_ a: Self, _ b: Self) -> Truth {
    Truth(isTrue: a.value < b.value, fits: a.fits && b.fits)
  }
  static func select(_ truth: Truth, _ a: Self, _ b: Self) -> Self {
    Self(truth.isTrue ? a.value : b.value, truth.fits && (truth.isTrue ? a.fits : b.fits))
  }
}
