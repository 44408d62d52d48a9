import Foundation

// The scalar functions of TensorFlow Lite Micro's signal library, on words of 32 and 64 bits.

/// The square root, rounded; those that the reference takes for 32 or 16 bits do not pass them (`Sqrt64`, `Sqrt32`).
public func roundedRoot(_ word: UInt64) -> UInt64 {
  var (rest, root): (UInt64, UInt64) = (word, 0)
  var bit: UInt64 = 1 << 62
  while bit > word { bit >>= 2 }
  while bit != 0 {
    let trial = root + bit
    root >>= 1
    if rest >= trial {
      rest -= trial
      root += bit
    }
    bit >>= 2
  }
  let most: UInt64 = word >> 32 == 0 ? 0xFFFF : 0xFFFF_FFFF
  return rest > root && root != most ? root + 1 : root
}

/// 2^16 times the natural logarithm of 1 or more (`Log32` before it is scaled): the fraction of the binary logarithm is
/// a straight line and a table's correction, of which the reference takes but a 128th of the way between two entries.
public func scaledLogarithm(_ word: UInt32) -> UInt64 {
  let exponent = 31 - word.leadingZeroBitCount
  let rest = Int64(word) - (1 << Int64(exponent))
  let fraction = exponent < 16 ? rest << Int64(16 - exponent) : rest >> Int64(exponent - 16)
  let segment = fraction >> 9
  let (low, high) = (logarithmCorrections[Int(segment)], logarithmCorrections[Int(segment) + 1])
  let way = ((high - low) * (fraction - (segment << 9))) >> 16
  let binary = (Int64(exponent) << 16) + fraction + low + way
  return UInt64((binary * logarithmOfTwo + (1 << 15)) >> 16)
}

/// 2^16 times the natural logarithm of 2.
public let logarithmOfTwo: Int64 = 45_426

/// By how much the binary logarithm of 1 + i/128 passes i/128, in units of 2^-16; the last one ends the last segment.
public let logarithmCorrections: [Int64] = (0...128).map { i in
  let part = Double(i) / 128
  return Int64((65_536 * (log2(1 + part) - part) + 0.5).rounded(.down))
}

/// The segments in each of which `scaledLogarithm` never falls (between them it may), as ranges of numbers, in order.
public let logarithmSegments: [ClosedRange<UInt32>] = (0..<32).flatMap { exponent in
  (Int64(0)..<128).compactMap { segment -> ClosedRange<UInt32>? in
    /// The least distance from the power of two whose fraction is so large.
    func first(_ fraction: Int64) -> Int64 {
      let shift = Int64(16 - exponent)
      return shift > 0 ? (fraction + (1 << shift) - 1) >> shift : fraction << -shift
    }
    let power = Int64(1) << Int64(exponent)
    let (low, high) = (power + first(segment << 9), power + first((segment + 1) << 9) - 1)
    return low <= high ? UInt32(low)...UInt32(high) : nil
  }
}

/// How many elements the table of `pieceParabola` has.
public let pieceCount = 125

/// The parabola of a word's power of two at its place between that and the next (`WideDynamicFunction`): of each there
/// are a constant, and factors in units of 2^-10 and 2^-15 of one 1,024th of the way; the result is 16 bits of it.
public func pieceParabola(_ word: UInt32, _ table: [Int16]) -> Int64 {
  if word <= 2 { return Int64(table[Int(word)]) }
  let bits = 32 - word.leadingZeroBitCount
  let piece = table[(4 * bits - 6)...]
  let way = Int64((bits < 11 ? word << UInt32(11 - bits) : word >> UInt32(bits - 11)) & 0x3FF)
  return Int64(Int16(truncatingIfNeeded: parabola(piece, way)))
}

/// The same before it is brought to 16 bits, at the 1,024ths `way`.
public func parabola(_ piece: ArraySlice<Int16>, _ way: Int64) -> Int64 {
  let first = piece.startIndex
  let slope = ((Int64(piece[first + 2]) * way) >> 5) + (Int64(piece[first + 1]) << 5)
  return ((slope * way + (1 << 14)) >> 15) + Int64(piece[first])
}

/// A ratio of signal to noise, in units of 2^-12, as the reference compresses it: a square at first, then a line; in
/// units of 2^-6 (`PcanShrink`).
public func compressed(ratio: UInt32) -> UInt32 {
  ratio < 2 << 12 ? (ratio * ratio) >> 20 : (ratio >> 6) - (1 << 6)
}
