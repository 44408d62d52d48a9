import Arithmetic
import IntegerProgram

/// The sum or difference of two 8-bit tensors with its three rescalings as two multiplications, one addition and one
/// shift:
///
///     code = clamp((a · left + b · right + addend) >> shift)
///
/// equal to the layer's own rule for every pair of codes: each of the at most 65,536 pairs bounds the addend from below
/// and above, and any addend that meets all bounds will do.
struct FusedSum: Sendable {
  var left, right, addend: Int32
  var shift: Int
  /// As `FusedRequantization.clamp`.
  var clamp: ClosedRange<Int64>?

  /// Finds the constants for codes in the given ranges; nil where there are none of this form in 32 bits.
  init?(_ combine: Combine, _ a: ClosedRange<Int64>, _ b: ClosedRange<Int64>, saturation: ClosedRange<Int64>) {
    guard combine.kind != .product, a.count <= 256, b.count <= 256 else { return nil }
    let codes = a.map { x in b.map { combine.code(x, $0) } }
    let common = combine.requantization.multiplier(channel: 0).real * Double(1 << combine.leftShift)
    let (p, q) = (
      common * combine.left.multiplier.real, common * combine.right.multiplier.real * (combine.kind == .difference ? -1 : 1)
    )
    let widest =
      Double(max(abs(a.lowerBound), abs(a.upperBound))) * abs(p) + Double(max(abs(b.lowerBound), abs(b.upperBound))) * abs(q)
      // The addend takes the zero points along, which are codes of 8 bits.
      + 256 + 128 * (abs(p) + abs(q))
    var shift = 1
    while shift < 24, widest * Double(1 << (shift + 1)) < Double(Int32.max) { shift += 1 }
    self.shift = shift
    let clamp = combine.requantization.clamp
    let (left, right) = (Int64((p * Double(1 << shift)).rounded()), Int64((q * Double(1 << shift)).rounded()))
    for (dl, dr) in Self.neighbours {
      let (left, right) = (left + dl, right + dr)
      var (low, high) = (Int64.min, Int64.max)
      for (x, row) in zip(a, codes) where low <= high {
        for (y, code) in zip(b, row) {
          let sum = x * left + y * right
          // Saturated codes may be overshot.
          if code > clamp.lowerBound { low = max(low, code << Int64(shift) - sum) }
          if code < clamp.upperBound { high = min(high, (code + 1) << Int64(shift) - 1 - sum) }
        }
      }
      guard low <= high, low > .min, high < .max, let addend = Int32(exactly: low + (high - low) / 2),
        let p = Int32(exactly: left), let q = Int32(exactly: right)
      else { continue }
      let ends = [a.lowerBound, a.upperBound].flatMap { x in [b.lowerBound, b.upperBound].map { x * left + $0 * right } }
      let sums = ends + ends.map { $0 + Int64(addend) } + [a.lowerBound, a.upperBound].map { $0 * left + Int64(addend) }
      guard sums.allSatisfy({ Int32(exactly: $0) != nil }) else { continue }
      (self.left, self.right, self.addend) = (p, q, addend)
      let reached = ends.map { ($0 + Int64(addend)) >> Int64(shift) }
      let needsClamp =
        max(reached.min() ?? 0, saturation.lowerBound) < clamp.lowerBound
        || min(reached.max() ?? 0, saturation.upperBound) > clamp.upperBound
      self.clamp = needsClamp ? clamp : nil
      return
    }
    return nil
  }

  /// How far from the real factors the integers are sought, nearest first.
  private static let neighbours: [(Int64, Int64)] = (-2...2).flatMap { x in (-2...2).map { (x, $0) } }
    .sorted { abs($0.0) + abs($0.1) < abs($1.0) + abs($1.1) }
}

/// A sum or difference of two tensors whose rescaled operands come from tables, where no pair of factors gives every code.
struct TabulatedSum: Sendable {
  /// 2^scaling times each operand on the common scale, from the lowest code on; those of a difference's right one negated.
  let left, right: [Int64]
  let requantization: FusedRequantization

  /// Nil for products, and where the sums leave 32 bits or no fused requantisation gives every code.
  init?(_ combine: Combine, _ ranges: [ClosedRange<Int64>], saturation: ClosedRange<Int64>) {
    guard combine.kind != .product, ranges.allSatisfy({ $0.count <= 256 }) else { return nil }
    let left = ranges[0].map { combine.scaled($0, combine.left) }
    let right = ranges[1].map { (combine.kind == .difference ? -1 : 1) * combine.scaled($0, combine.right) }
    guard let low = left.min(), let high = left.max(), let least = right.min(), let most = right.max() else { return nil }
    let sums = low + least...high + most
    let largest = [low, high, least, most, sums.lowerBound, sums.upperBound].map { abs($0) }.max() ?? 0
    guard let scaling = (0...8).last(where: { largest << Int64($0) < 1 << 30 }),
      let requantization = FusedRequantization(
        combine.requantization, accumulators: [sums], scaling: scaling, saturation: saturation)
    else { return nil }
    self.left = left.map { $0 << Int64(scaling) }
    self.right = right.map { $0 << Int64(scaling) }
    self.requantization = requantization
  }
}
