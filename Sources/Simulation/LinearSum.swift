import Arithmetic
import IntegerProgram

/// A sum or difference of two 8-bit tensors as one rounded linear function of the stored codes a and b,
///
///     clamp(⌊(a · left + b · right + addend) / 2^(15 + shift)⌋),
///
/// which takes a third of the work of three requantisations. Their roundings make the definition a little
/// crooked, so that such constants need not exist: they are accepted only where they give the definition's
/// code for every pair of codes, which is looked up, not estimated.
struct LinearSum: Sendable, Hashable {
  var left, right: Int32
  var addend: Int64
  var shift: Int
  /// Bounds of stored codes.
  var low, high: Int32

  init?(_ combine: Combine, left leftStorage: Storage, right rightStorage: Storage, output: Storage) {
    guard combine.kind != .product, !leftStorage.isWide, !rightStorage.isWide, !output.isWide else {
      return nil
    }
    let definition = PairTable(combine, leftStorage, rightStorage, output)
    low = output.stored(bound: combine.requantization.clamp.lowerBound)
    high = output.stored(bound: combine.requantization.clamp.upperBound)
    guard low < high else { return nil }

    // Output codes for one code of each operand.
    let common = Double(1 << combine.leftShift) * combine.requantization.multiplier(channel: 0).real
    let slopes = (
      left: combine.left.multiplier.real * common,
      right: combine.right.multiplier.real * common * (combine.kind == .sum ? 1 : -1)
    )
    // As many bits as the kernel's registers hold.
    let steepest = max(abs(slopes.left), abs(slopes.right))
    guard steepest > 0, steepest < 64 else { return nil }
    var shift = 20
    while steepest * Double(1 << (15 + shift)) >= 0x1.ffp29 { shift -= 1 }
    guard shift >= 0 else { return nil }
    self.shift = shift

    let unit = Double(1 << (15 + shift))
    // Neighbours of the slopes, in steps that move a sum by about as much as the definition's roundings do.
    let offsets = [0.0, 1, -1, 2, -2, 4, -4]
    for (i, j) in offsets.flatMap({ i in offsets.map { (i, $0) } }) {
      let wobble = unit * 0x1p-28
      left = Int32(((slopes.left * unit) + i * wobble).rounded())
      right = Int32(((slopes.right * unit) + j * wobble).rounded())
      if let addend = definition.addend(left: left, right: right, shift: 15 + shift, low: low, high: high) {
        self.addend = addend
        return
      }
    }
    return nil
  }
}

/// A combine's stored codes for all pairs of stored operands.
private struct PairTable {
  /// [a][b].
  let codes: [UInt8]

  init(_ combine: Combine, _ left: Storage, _ right: Storage, _ output: Storage) {
    let lefts = (0..<256).map { combine.scaled(Int32($0) + left.origin, combine.left) }
    let rights = (0..<256).map { combine.scaled(Int32($0) + right.origin, combine.right) }
    let multiplier = combine.requantization.multiplier(channel: 0)
    let shifts = Shifts<Int32>(exponent: multiplier.exponent)
    var codes: [UInt8] = []
    codes.reserveCapacity(65536)
    for a in lefts {
      for b in rights {
        let sum = combine.kind == .sum ? a &+ b : a &- b
        let code = combine.requantization.code(sum, mantissa: multiplier.mantissa, shifts: shifts)
        codes.append(UInt8(truncatingIfNeeded: output.stored(code)))
      }
    }
    self.codes = codes
  }

  /// An addend with which the linear function has all these codes; nil where there is none.
  ///
  /// Each pair allows an interval of addends, open to one side where its code is a bound of the clamp.
  func addend(left: Int32, right: Int32, shift: Int, low: Int32, high: Int32) -> Int64? {
    var least = Int64.min
    var greatest = Int64.max
    for a in 0..<256 {
      for b in 0..<256 {
        let code = Int64(codes[a &* 256 &+ b])
        let product = Int64(a) &* Int64(left) &+ Int64(b) &* Int64(right)
        let start = code &<< Int64(shift) &- product
        if code > Int64(low) { least = max(least, start) }
        if code < Int64(high) { greatest = min(greatest, start &+ (1 << Int64(shift)) &- 1) }
      }
      if least > greatest { return nil }
    }
    guard least > Int64.min, greatest < Int64.max else { return nil }
    return least + (greatest - least) / 2
  }
}
