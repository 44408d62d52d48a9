import Arithmetic
import IntegerProgram

/// A layer's requantisation with Arm's vector extension: four accumulators a vector, each scaled by a power of two and
/// multiplied by its factor so that the high word stays, added to, and narrowed with saturation to 16 and to 8 bits.
struct MVERequantization {
  let constants: FusedRequantization
  /// 2^scaling · bias, which the scaled sum is added to; without what is part of the addend.
  let starts: [Int32]
  /// The addends for a shift that rounds.
  let addends: [Int32]

  /// `drop` is 32 where the high word of the product stays (VMULH), 31 where that of its double does (VQDMULH).
  init?(_ affine: Affine, drop: Int) {
    let rule = affine.requantization
    let changing = affine.accumulators.indices.filter {
      rule.code(affine.accumulators[$0].lowerBound, channel: $0) < rule.code(affine.accumulators[$0].upperBound, channel: $0)
    }
    let largest = changing.map { rule.multiplier(channel: $0).real }.max() ?? 0.001
    // Mostly the first will do: few different shifts let layers share code.
    for shift in (8...16).reversed() {
      var scaling = 0
      while scaling < 16, largest * Double(1 << (drop + shift)) / Double(1 << scaling) >= Double(1 << 31) { scaling += 1 }
      let offsets = affine.accumulators.indices.map { channel -> Int32 in
        let range = affine.accumulators[channel]
        let fits = max(abs(range.lowerBound), abs(range.upperBound)) << Int64(scaling) <= Int64(Int32.max)
        return fits ? 0 : Int32(truncatingIfNeeded: affine.bias[channel])
      }
      guard
        let constants = FusedRequantization(
          rule, accumulators: affine.accumulators, scaling: scaling, drop: drop, saturation: -128...127,
          offsets: offsets, shift: shift)
      else { continue }
      // The narrowing shift rounds, which half a unit less undoes; that must not leave 32 bits either.
      let half = Int64(1) << Int64(shift - 1)
      let addends = affine.accumulators.indices.map { channel -> Int32? in
        let least = (affine.accumulators[channel].lowerBound - Int64(offsets[channel])) << Int64(scaling)
        let product = constants.isConstant[channel] ? 0 : (least * Int64(constants.factors[channel])) >> Int64(drop)
        let addend = Int64(constants.addends[channel]) - half
        let end = product + addend - abs(Int64(constants.corrections[channel]))
        return end >= Int64(Int32.min) ? Int32(exactly: addend) : nil
      }
      guard addends.allSatisfy({ $0 != nil }) else { continue }
      self.addends = addends.compactMap { $0 }
      self.constants = constants
      starts = affine.bias.indices.map { channel in
        constants.isConstant[channel] || offsets[channel] != 0 ? 0 : Int32(truncatingIfNeeded: affine.bias[channel] << Int64(scaling))
      }
      return
    }
    return nil
  }

  var hasCorrections: Bool { constants.hasCorrections }
  func start(_ channel: Int) -> Int32 { starts[channel] }
  func factor(_ channel: Int) -> Int32 { constants.factors[channel] }
  func addend(_ channel: Int) -> Int32 { addends[channel] }
  /// What a negative accumulator adds to the addend.
  func change(_ channel: Int) -> Int32 { -constants.corrections[channel] }

  /// What of the requantisation is part of a function's name, since it is part of its text.
  var name: String {
    let clamp = constants.clamp.map {
      "_\(UInt8(truncatingIfNeeded: $0.lowerBound))_\(UInt8(truncatingIfNeeded: $0.upperBound))"
    }
    return "\(constants.shift)" + (hasCorrections ? "s" : "") + (clamp ?? "")
  }

  /// Narrows the words of `first` to the even halfwords of q0, of `second` to the odd ones, and those to the bytes below.
  /// r0 and q2 are lost where codes are clamped. The shift is one that rounds: GNU's assembler 2.40 makes those of all.
  func narrow(_ first: String, _ second: String?) -> [String] {
    var lines = ["vqrshrnb.s32 q0, \(first), #\(constants.shift)"]
    if let second { lines.append("vqrshrnt.s32 q0, \(second), #\(constants.shift)") }
    lines.append("vqmovnb.s16 q0, q0")
    if let clamp = constants.clamp {
      if clamp.lowerBound > -128 {
        lines += ["mov r0, #\(clamp.lowerBound)", "vdup.8 q2, r0", "vmax.s8 q0, q0, q2"]
      }
      if clamp.upperBound < 127 {
        lines += ["mov r0, #\(clamp.upperBound)", "vdup.8 q2, r0", "vmin.s8 q0, q0, q2"]
      }
    }
    return lines
  }
}

/// Pieces of Thumb code.
enum MVECode {
  /// `to = from + value`, by way of `spare` where no instruction holds the value.
  static func add(_ to: String, _ from: String, _ value: Int, spare: String) -> [String] {
    switch value {
    case 0: to == from ? [] : ["mov \(to), \(from)"]
    case 1...4095: ["add \(to), \(from), #\(value)"]
    case -4095 ... -1: ["sub \(to), \(from), #\(-value)"]
    default: set(spare, value) + ["add \(to), \(from), \(spare)"]
    }
  }

  static func set(_ register: String, _ value: Int) -> [String] {
    let bits = UInt32(truncatingIfNeeded: value)
    return ["movw \(register), #\(bits & 0xFFFF)"] + (bits >> 16 == 0 ? [] : ["movt \(register), #\(bits >> 16)"])
  }

  /// Bytes as little-endian words.
  static func words(_ bytes: [Int16]) -> [Int64] {
    stride(from: 0, to: bytes.count, by: 4).map { first in
      let word = (0..<4).reduce(UInt32(0)) { word, place in
        first + place < bytes.count
          ? word | UInt32(UInt8(truncatingIfNeeded: bytes[first + place])) << UInt32(8 * place) : word
      }
      return Int64(Int32(bitPattern: word))
    }
  }
}
