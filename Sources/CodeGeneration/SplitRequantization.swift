import Arithmetic
import IntegerProgram

/// A layer's requantisation for processors that multiply 32 bits by 32 into 32: two products instead of a wide one.
///
/// Each channel's accumulators start at an origin, so that a = accumulator − origin runs from 0 to `span` where the code
/// changes; below lies the layer's lowest code and above its highest, told apart by one unsigned comparison. Between
///
///     code = (⌊a · factor / 2^drop⌋ + addend) >> 23,   ⌊a · factor / 2^drop⌋ = a · high + (a · low >> drop)
///
/// with factor = high · 2^drop + low. Sums wrap modulo 2^32 and end in range, only a · low must fit. Equal to the layer's
/// own rule for each accumulator of the channel's proved range: both sides never fall as `a` grows, and they are compared
/// at both ends of each stretch of equal codes, which bounds the addend from below and above.
struct SplitRequantization: Sendable {
  struct Channel: Sendable, Hashable {
    var origin: Int64 = 0
    var span: Int64 = 0
    var factor: Int64 = 0
    var addend: Int64 = 0
    /// The code where it is the same for all accumulators: then there is nothing to compute.
    var constant: Int64?
  }

  static let shift: Int64 = 23
  var drop: Int
  var channels: [Channel]
  var lowest, highest: Int64

  /// Nil where a channel has no such constants.
  init?(_ requantization: Requantization, accumulators: [ClosedRange<Int64>]) {
    lowest = requantization.clamp.lowerBound
    highest = requantization.clamp.upperBound
    guard lowest >= -128, highest <= 127 else { return nil }
    var stretches: [[Stretch]] = []
    var origins: [Int64] = []
    for (channel, range) in accumulators.enumerated() {
      guard range.lowerBound >= -1 << 30, range.upperBound <= 1 << 30 else { return nil }
      let steps = FusedRequantization.thresholds(requantization, channel: channel, range)
      var all: [Stretch] = []
      var first = range.lowerBound
      for step in steps {
        all.append(Stretch(first: first, last: step.accumulator - 1, code: step.before))
        first = step.accumulator
      }
      all.append(Stretch(first: first, last: range.upperBound, code: steps.last?.code ?? requantization.code(first, channel: channel)))
      // What saturates is left to the comparison; one stretch must stay.
      if all.count > 1, all[0].code == lowest { all.removeFirst() }
      if all.count > 1, all[all.count - 1].code == highest { all.removeLast() }
      origins.append(all[0].first)
      stretches.append(steps.isEmpty ? [] : all)
    }
    let widest = stretches.compactMap { stretches in stretches.first.map { stretches[stretches.count - 1].last - $0.first } }.max() ?? 0
    // Few drops, so that layers share functions.
    guard let drop = [15, 12, 9].first(where: { widest < 1 << (32 - Int64($0)) }) else { return nil }
    self.drop = drop
    channels = []
    for (channel, all) in stretches.enumerated() {
      guard let first = all.first, let last = all.last else {
        channels.append(
          Channel(constant: requantization.code(accumulators[channel].lowerBound, channel: channel)))
        continue
      }
      let real = requantization.multiplier(channel: channel).real
      let nominal = (real * Double(1 << (Self.shift + Int64(drop)))).rounded()
      guard nominal >= 1, nominal < Double(1 << 46) else { return nil }
      let origin = origins[channel]
      var found: Channel?
      for distance in 0...Self.furthest where found == nil {
        for factor in [Int64(nominal) - distance, Int64(nominal) + distance] where factor > 0 && found == nil {
          var (low, high) = (Int64.min, Int64.max)
          for stretch in all {
            low = max(low, stretch.code << Self.shift - ((stretch.first - origin) * factor) >> Int64(drop))
            high = min(high, (stretch.code + 1) << Self.shift - 1 - ((stretch.last - origin) * factor) >> Int64(drop))
          }
          guard low <= high else { continue }
          found = Channel(origin: first.first, span: last.last - first.first, factor: factor, addend: low + (high - low) / 2)
        }
      }
      guard let found else { return nil }
      channels.append(found)
    }
  }

  /// How far from the multiplier's own a factor is sought.
  private static let furthest: Int64 = 64

  /// Accumulators of one code.
  private struct Stretch { var first, last, code: Int64 }

  /// The constants in the order in which kernels load them: span, high and low part of the factor, addend.
  func constants(_ channel: Int) -> [Int64] {
    let c = channels[channel]
    return [c.span, c.factor >> Int64(drop), c.factor & (1 << Int64(drop) - 1), c.addend].map(Self.word)
  }

  /// The low 32 bits, as tables hold them.
  static func word(_ value: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: value)) }

  /// Code in `value` from the accumulator in it: the span in r8, the factor's parts in r2 and r3, the addend in r9; uses
  /// r1.
  func assembly(_ value: String) -> [String] {
    [
      "cmp \(value), r8", "bls 1f", "asrs \(value), \(value), #31", "movs r1, #\(highest - lowest)", "ands \(value), \(value), r1",
      "movs r1, #\(UInt8(truncatingIfNeeded: highest))", "subs \(value), r1, \(value)", "b 2f", "1:", "movs r1, \(value)",
      "muls \(value), r2, \(value)", "muls r1, r3, r1", "lsrs r1, r1, #\(drop)", "adds \(value), \(value), r1",
      "add \(value), r9", "asrs \(value), \(value), #\(Self.shift)", "2:",
    ]
  }

  /// What of it is part of a function's text, as part of the function's name.
  var variant: String {
    "\(drop)" + (lowest == -128 && highest == 127 ? "" : "_\(UInt8(truncatingIfNeeded: lowest))_\(UInt8(truncatingIfNeeded: highest))")
  }
}
