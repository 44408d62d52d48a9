import Arithmetic
import IntegerProgram

/// A layer's requantisation for processors that multiply 32 bits by 32 into 32: two products instead of a wide one.
///
/// Each channel's accumulators start at an origin, so that a = accumulator − origin runs from 0 to `span` where the code
/// changes; below lies the layer's lowest code and above its highest, told apart by one unsigned comparison. Between
///
///     code = (⌊a · factor / 2^drop⌋ + addend) >> 23,   ⌊a · factor / 2^drop⌋ = a · high + (a · low >> drop)
///
/// with factor = high · 2^drop + low. Where a rule's ties go away from zero, accumulators that are not negative may need a
/// `correction` added; those are told by the sum, which is then `threshold` or more. Sums wrap modulo 2^32 and end in range, only a · low must fit. Equal to the layer's
/// own rule for each accumulator of the channel's proved range: both sides never fall as `a` grows, and they are compared
/// at both ends of each stretch of equal codes, which bounds the addend from below and above.
struct SplitRequantization: Sendable {
  struct Channel: Sendable, Hashable {
    var origin: Int64 = 0
    var span: Int64 = 0
    var factor: Int64 = 0
    var addend: Int64 = 0
    var threshold: Int64 = 0
    var correction: Int64 = 0
    /// The code where it is the same for all accumulators: then there is nothing to compute.
    var constant: Int64?
  }

  static let shift: Int64 = 23
  var drop: Int
  var channels: [Channel]
  var lowest, highest: Int64
  var hasCorrections: Bool { channels.contains { $0.correction != 0 } }

  /// Nil where a channel has no such constants.
  init?(_ requantization: Requantization, accumulators: [ClosedRange<Int64>]) {
    lowest = requantization.clamp.lowerBound
    highest = requantization.clamp.upperBound
    guard lowest >= -128, highest <= 127 else { return nil }
    var stretches: [[Stretch]] = []
    var origins: [Int64] = []
    for (channel, range) in accumulators.enumerated() {
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
      if !steps.isEmpty {
        let (low, high) = (range.lowerBound - all[0].first, range.upperBound - all[0].first)
        guard Int32(exactly: low) != nil, Int32(exactly: high) != nil else { return nil }
      }
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
      // Stretches of one sign, so that either sign's addend answers for its own.
      let signed = all.flatMap { $0.first < 0 && $0.last >= 0 ? [Stretch(first: $0.first, last: -1, code: $0.code), Stretch(first: 0, last: $0.last, code: $0.code)] : [$0] }
      var found: Channel?
      for distance in 0...Self.furthest where found == nil {
        for factor in [Int64(nominal) - distance, Int64(nominal) + distance] where factor >= 1 << Int64(drop) && found == nil {
          func product(_ accumulator: Int64) -> Int64 { ((accumulator - origin) * factor) >> Int64(drop) }
          func addends(_ stretches: [Stretch]) -> (low: Int64, high: Int64) {
            var (low, high) = (-Int64(1) << 40, Int64(1) << 40)
            for stretch in stretches {
              low = max(low, stretch.code << Self.shift - product(stretch.first))
              high = min(high, (stretch.code + 1) << Self.shift - 1 - product(stretch.last))
            }
            return (low, high)
          }
          let (negative, positive) = (addends(signed.filter { $0.first < 0 }), addends(signed.filter { $0.first >= 0 }))
          guard negative.low <= negative.high, positive.low <= positive.high else { continue }
          var channel = Channel(origin: origin, span: last.last - first.first, factor: factor)
          let (low, high) = (max(negative.low, positive.low), min(negative.high, positive.high))
          if low <= high {
            channel.addend = low + (high - low) / 2
          } else {
            channel.addend = negative.low + (negative.high - negative.low) / 2
            channel.correction = positive.low + (positive.high - positive.low) / 2 - channel.addend
            channel.threshold = product(0) + channel.addend
            // The comparison is of signed words.
            guard [channel.threshold, product(last.last) + channel.addend].allSatisfy({ Int32(exactly: $0) != nil }) else {
              continue
            }
          }
          found = channel
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

  /// High and low part of the factor.
  func factors(_ channel: Int) -> [Int64] {
    let factor = channels[channel].factor
    return [factor >> Int64(drop), factor & (1 << Int64(drop) - 1)].map(Self.word)
  }

  /// Threshold and correction, where the layer has any.
  func signs(_ channel: Int) -> [Int64] {
    hasCorrections ? [channels[channel].threshold, channels[channel].correction].map(Self.word) : []
  }

  /// The accumulator's start.
  func start(_ affine: Affine, _ channel: Int) -> Int64 { affine.bias[channel] - channels[channel].origin }

  /// The low 32 bits, as tables hold them.
  static func word(_ value: Int64) -> Int64 { Int64(Int32(truncatingIfNeeded: value)) }

  /// Code in `value` from the accumulator in it: the span in r8, the addend in r9, the factor's parts in r2 and r3, the
  /// threshold and the correction, if any, on the stack at `signs` and after; `spare` is overwritten.
  func assembly(_ value: String, spare: String, signs: Int) -> [String] {
    [
      "cmp \(value), r8", "bls 1f", "asrs \(value), \(value), #31", "movs \(spare), #\(highest - lowest)",
      "ands \(value), \(value), \(spare)", "movs \(spare), #\(UInt8(truncatingIfNeeded: highest))",
      "subs \(value), \(spare), \(value)", "b 2f", "1:", "movs \(spare), \(value)", "muls \(value), r2, \(value)",
      "muls \(spare), r3, \(spare)", "lsrs \(spare), \(spare), #\(drop)", "adds \(value), \(value), \(spare)",
      "add \(value), r9",
    ]
      + (hasCorrections
        ? [
          "ldr \(spare), [sp, #\(signs)]", "cmp \(value), \(spare)", "blt 1f", "ldr \(spare), [sp, #\(signs + 4)]",
          "adds \(value), \(value), \(spare)", "1:",
        ] : []) + ["asrs \(value), \(value), #\(Self.shift)", "2:"]
  }

  /// The same as a C function of the accumulator, the span, the factor's parts and the addend; and, if there are any, the
  /// threshold and the correction.
  func function(_ writer: inout KernelWriter) -> String {
    let shiftDown = "\(writer.names.prefix)_floor_shift_32"
    return writer.sharedFunction("split_\(variant)") { name, text in
      text.comment("The code of an accumulator: (a factor / 2^\(drop) + addend) / 2^\(Self.shift) up to its span, else the end of the codes it is beyond.")
      let signs = hasCorrections ? ", int32_t threshold, int32_t correction" : ""
      text.block(
        "static inline int8_t \(name)(uint32_t a, uint32_t span, uint32_t high, uint32_t low, uint32_t addend\(signs))"
      ) { text in
        text.block("if (a > span)") { $0.line("return (a > 0x7FFFFFFFu) ? (int8_t)(\(lowest)) : (int8_t)(\(highest));") }
        text.line("\(hasCorrections ? "" : "const ")int32_t sum = (int32_t)((a * high) + ((a * low) >> \(drop)) + addend);")
        if hasCorrections { text.block("if (sum >= threshold)") { $0.line("sum += correction;") } }
        text.line("return (int8_t)\(shiftDown)(sum, \(Self.shift));")
      }
    }
  }

  /// What of it is part of a function's text, as part of the function's name.
  var variant: String {
    "\(drop)" + (hasCorrections ? "s" : "") + (lowest == -128 && highest == 127 ? "" : "_\(UInt8(truncatingIfNeeded: lowest))_\(UInt8(truncatingIfNeeded: highest))")
  }
}
