import Arithmetic
import CSimulationKernels
import IntegerProgram

/// One multiplier and rounding rule as the kernels apply them:
/// `⌊((a · 2^left) · mantissa + addend − [a < 0] · nudge) / 2^shift⌋`, and one more for an odd floor where
/// ties go to even.
///
/// Nested floor divisions are one, so the double rounding has this form as well: the first rounding adds
/// 2^30, the second half of 2^R, and ties of negative numbers, which fall, lack one unit of the first result.
///
/// Equal to `requantize` wherever its obligations hold, that is where nothing overflows.
struct RequantizationConstants: Sendable, Hashable {
  var mantissa: Int32
  var left: Int32 = 0
  var addend: Int64
  var shift: Int64
  var nudge: Int64 = 0

  init(_ multiplier: Multiplier, _ rounding: Rounding) {
    let left = max(multiplier.exponent, 0)
    let right = max(-multiplier.exponent, 0)
    mantissa = multiplier.mantissa
    switch rounding {
    case .double:
      self.left = Int32(left)
      shift = Int64(31 + right)
      addend = (1 << 30) + (right > 0 ? 1 << Int64(30 + right) : 0)
      nudge = right > 0 ? 1 << 31 : 0
    case .single:
      shift = Int64(31 - left + right)
      addend = 1 << (shift - 1)
    case .halfUpShift:
      // The rule's mantissa is 2^30, half of 2^31.
      mantissa = 1 << Int32(left)
      shift = Int64(right + 1)
      addend = 1 << Int64(right)
    case .halfEven:
      shift = Int64(31 - left + right)
      addend = (1 << (shift - 1)) - 1
    }
  }
}

/// The constants of a kernel's lanes, and the clamp.
struct PackedRequantization: Sendable {
  private let mantissa, left: Constants<Int32>
  private let addend, shift, nudge: Constants<Int64>
  private let shiftsLeft, hasNudge, tiesToEven: Bool
  private let zero, low, high: Int32

  /// `channels` names the output channel of each lane, nil for lanes that make nothing; there are whole
  /// blocks of 16. `alwaysShifts` and `alwaysNudges` are for kernels that have no loop without.
  init(
    _ requantization: Requantization, channels: [Int?], output: Storage, instructions: lockstep_instructions,
    alwaysShifts: Bool = false, alwaysNudges: Bool = false
  ) {
    var constants = channels.map {
      RequantizationConstants(requantization.multiplier(channel: $0 ?? 0), requantization.rounding)
    }
    // Where a clamp cuts off everything below zero, no negative tie is seen.
    let cutsNegatives = requantization.clamp.lowerBound >= Int64(requantization.zeroPoint)
    // 64-bit products are made of a block's even lanes, then of the odd ones.
    func ordered(_ numbers: [Int64]) -> Constants<Int64> {
      Constants(
        instructions == LOCKSTEP_PORTABLE
          ? numbers : numbers.indices.map { numbers[$0 & ~15 | ($0 & 7) << 1 | ($0 & 8) >> 3] })
    }
    // The zero point may as well be added before the shift, where 64 bits have room for it.
    let storedZero = requantization.zeroPoint &- output.origin
    let foldsZero = constants.allSatisfy { abs(Int64(storedZero)) < 1 << (61 - $0.shift) }
    if foldsZero {
      for lane in constants.indices { constants[lane].addend += Int64(storedZero) << constants[lane].shift }
    }
    zero = foldsZero ? 0 : storedZero
    mantissa = Constants(constants.map(\.mantissa))
    left = Constants(constants.map(\.left))
    addend = ordered(constants.map(\.addend))
    shift = ordered(constants.map(\.shift))
    nudge = ordered(constants.map(\.nudge))
    shiftsLeft = alwaysShifts || constants.contains { $0.left != 0 }
    hasNudge = alwaysNudges || (!cutsNegatives && constants.contains { $0.nudge != 0 })
    tiesToEven = requantization.rounding == .halfEven
    low = output.stored(bound: requantization.clamp.lowerBound)
    high = output.stored(bound: requantization.clamp.upperBound)
  }

  /// For the kernels; points into this value's constants, which must outlive it.
  var pointers: lockstep_requantization {
    lockstep_requantization(
      mantissa: mantissa.pointer, left: shiftsLeft ? left.pointer : nil, addend: addend.pointer,
      shift: shift.pointer,
      nudge: hasNudge ? nudge.pointer : nil, ties_to_even: tiesToEven, zero: zero, low: low, high: high)
  }
}
