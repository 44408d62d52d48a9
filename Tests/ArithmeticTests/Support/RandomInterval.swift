@testable import Arithmetic

extension SplitMix64 {
  /// An interval of a register: around any value, often at an end or across zero, of every width.
  mutating func interval<Register: MachineWord>(_: Register.Type = Register.self) -> Interval<Register> {
    let least = Int64(Register.min)
    let greatest = Int64(Register.max)
    let bits = next()
    // A shift of the width or more leaves a small number.
    let value =
      Int64(bitPattern: next()) >> Int64(64 - Register.bitWidth + Int(bits & 63) % Register.bitWidth)
    let width = Int64(next() >> (65 - UInt64(1 + (bits >> 8) % UInt64(Register.bitWidth))))
    switch (bits >> 16) & 3 {
    case 0: return Interval(least, least.addingReportingOverflow(min(width, greatest)).partialValue)
    case 1: return Interval(greatest - min(width, greatest), greatest)
    default:
      let (end, overflow) = value.addingReportingOverflow(width)
      return Interval(value, overflow ? greatest : min(end, greatest))
    }
  }

  /// A small interval, all of whose members can be tried.
  mutating func shortInterval<Register: MachineWord>(
    _: Register.Type = Register.self, length: Int64 = 6
  ) -> Interval<Register> {
    let whole: Interval<Register> = interval()
    let (span, overflow) = whole.high.subtractingReportingOverflow(whole.low)
    let width = min(overflow ? length : span, integer(0...length - 1))
    return next() & 1 == 0 ? Interval(whole.low, whole.low + width) : Interval(whole.high - width, whole.high)
  }

  /// A member of an interval; one in two is an end.
  mutating func member<Register: MachineWord>(of interval: Interval<Register>) -> Int64 {
    let bits = next()
    switch bits & 3 {
    case 0: return interval.low
    case 1: return interval.high
    default:
      let (width, overflow) = interval.high.subtractingReportingOverflow(interval.low)
      if overflow { return Int64(bitPattern: next()) }
      return interval.low + integer(0...width)
    }
  }
}
