import Arithmetic
import IntegerProgram

/// The requantisation of 16-bit codes as one multiplication and one shift for all channels:
///
///     code = saturate((a · factor + 2^(31 + shift)) >> (32 + shift))
///
/// where factor / 2^(32 + shift) is the channel's multiplier, exactly: a rule that rounds once, ties upward. The
/// reference's multipliers of accumulators with 64 bits have mantissas of 15 bits, which leaves room for one shift that
/// suits all channels, and mostly for none. With one, what the upper half of the product leaves out does not matter:
/// floors of floors are one floor.
struct WideRequantization {
  let factors: [Int64]
  let shift: Int
  /// Whether codes begin at 0.
  private let isRectified: Bool

  /// Nil where there are no such factors. `isLong` says that accumulators have two registers: then there is a shift.
  init?(_ requantization: Requantization, accumulators: [ClosedRange<Int64>], isLong: Bool = false) {
    guard requantization.rounding == .single || requantization.rounding == .halfUpShift, requantization.zeroPoint == 0,
      requantization.clamp.upperBound == 32_767, [-32_768, 0].contains(requantization.clamp.lowerBound)
    else { return nil }
    isRectified = requantization.clamp.lowerBound == 0
    for shift in (isLong ? 1 : 0)...15 {
      let factors = accumulators.indices.map {
        Self.factor(requantization.multiplier(channel: $0), shift, accumulators[$0])
      }
      guard factors.allSatisfy({ $0 != nil }) else { continue }
      self.factors = factors.compactMap { $0 }
      self.shift = shift
      return
    }
    return nil
  }

  /// Nil where none is exact, or where the upper half of a product, and what is added to it, would leave 32 bits.
  private static func factor(_ multiplier: Multiplier, _ shift: Int, _ accumulators: ClosedRange<Int64>) -> Int64? {
    if multiplier.mantissa == 0 { return 0 }
    // mantissa · 2^(exponent − 31) = factor / 2^(32 + shift).
    let left = 1 + shift + multiplier.exponent
    guard left < 31, left >= -multiplier.mantissa.trailingZeroBitCount else { return nil }
    let factor = left >= 0 ? Int64(multiplier.mantissa) << Int64(left) : Int64(multiplier.mantissa) >> Int64(-left)
    let largest = max(accumulators.upperBound.magnitude, accumulators.lowerBound.magnitude)
    let (product, overflow) = largest.multipliedReportingOverflow(by: UInt64(factor))
    return factor <= Int64(Int32.max) && !overflow && product < 1 << 62 ? factor : nil
  }

  /// What is part of a function's text, as part of its name.
  var variant: String { "\(shift)\(isRectified ? "_rectified" : "")" }

  private func saturate(_ code: String, _ high: String) -> String {
    "\(isRectified ? "usat \(code), #15" : "ssat \(code), #16"), \(high)" + (shift > 0 ? ", asr #\(shift)" : "")
  }

  /// The code of the sum in register `sum`, in its place. Where there is a shift, register `free` keeps half a unit from
  /// the first on.
  func code(_ sum: String, product factor: String, free: String, isFirst: Bool) -> [String] {
    guard shift > 0 else { return ["smmulr \(sum), \(sum), \(factor)", saturate(sum, sum)] }
    return (isFirst ? ["mov \(free), #\(1 << (shift - 1))"] : [])
      + ["smmla \(sum), \(sum), \(factor), \(free)", saturate(sum, sum)]
  }

  /// The code of which register `high` has the upper half of the product.
  func code(_ code: String, of high: String) -> [String] {
    ["add \(high), \(high), #\(1 << (shift - 1))", saturate(code, high)]
  }

  // MARK: Vectors

  /// The instruction that makes the high words of the products of sums and factors; where there is no shift, rounded.
  var vectorProduct: String { shift > 0 ? "vmulh.s32" : "vrmulh.s32" }

  /// Narrows the high words in `from` to the lower or the upper halfwords of `to`. The shift is one that rounds: GNU's
  /// assembler 2.40 makes those of all.
  func narrow(_ to: String, _ from: String, isUpper: Bool) -> [String] {
    let half = isUpper ? "t" : "b"
    return [shift > 0 ? "vqrshrn\(half).s32 \(to), \(from), #\(shift)" : "vqmovn\(half).s32 \(to), \(from)"]
  }

  /// Ends vectors of codes at 0 below, where codes begin there.
  func rectify(_ vectors: [String], zero: String) -> [String] {
    isRectified ? ["vmov.i32 \(zero), #0"] + vectors.map { "vmax.s16 \($0), \($0), \(zero)" } : []
  }
}
