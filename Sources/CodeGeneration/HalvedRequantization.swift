import Arithmetic
import IntegerProgram

/// What `requantize` gives with the single rounding, for a mantissa of at most 15 bits and 17 to 46 places to shift, in
/// registers of 32 bits: with x = 2^16 · h + l,
///
///     ⌊(x · m + 2^(s − 1)) / 2^s⌋ = ⌊(h · m + ⌊l · m / 2^16⌋ + 2^(s − 17)) / 2^(s − 16)⌋
///
/// since 2^(s − 1) is a multiple of 2^16, and floors of floors are one floor. Processors without a product of 64 bits take
/// a fraction of the time so.
func requantizeHalves<W: Word>(_ x: W, mantissa: W, shifts: Shifts<W>) -> W {
  let places = W(15) -% shifts.left +% shifts.right
  let low = (x.lowest(bits: 16) *% mantissa) >>% 16
  let sum = (x >>% 16) *% mantissa +% low +% (W(1) <<% (places -% W(1)))
  return sum >>% places
}

extension Requantization {
  /// Whether `requantizeHalves` takes it, for accumulators of 32 bits: the reference's multipliers of sums in 64.
  var allowsHalves: Bool {
    rounding == .single && multipliers.allSatisfy { $0.mantissa < 1 << 15 && (-15...14).contains($0.exponent) }
  }
}
