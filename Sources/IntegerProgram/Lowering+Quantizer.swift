import Arithmetic
import Network

/// What is added to an accumulator, one a channel, in its units.
enum Bias {
  case codes([Int64])
  case exact([ExactNumber])
}

/// How accumulators become codes.
struct QuantizedSum {
  var requantization: Requantization
  /// Added to the accumulators, one a channel: biases, and what of the rounding an offset can express.
  var offsets: [Int64]
  /// What the accumulators' weights are multiplied by: one, or one a channel.
  var factors: [Int64] = [1]
  /// Whether accumulators have 64 bits.
  var isLong = false

  /// How many bits of accumulators are requantised: of 64 the reference takes 48.
  static let (shortBits, longBits) = (32, 48)
  var accumulatorBits: Int { isLong ? Self.longBits : Self.shortBits }
  func holds(_ range: ClosedRange<Int64>) -> Bool { range.fits(bits: accumulatorBits) }

  func factor(channel: Int) -> Int64 { factors[factors.count == 1 ? 0 : channel] }

  /// With accumulators of 64 bits, which wide codes may take.
  var lengthened: QuantizedSum {
    var long = self
    long.isLong = true
    if requantization.rounding == .halfEven {
      long.requantization.multipliers = requantization.multipliers.map(\.shortened)
    }
    return long
  }
}

// A quantiser behind a sum → a requantisation of the core.
extension Lowering {
  /// The quantiser's exact integer form where all ratios of scales are powers of two: shifts by s with the file's own
  /// rounding, of which the core has ties-upward and half-even, and an offset gives the others
  /// (⌊a / 2^s⌋ = ⌊(a − 2^(s−1) + 2^(s−1)) / 2^s⌋, and so on). Other ratios become 32-bit multipliers, rounded once, and
  /// their biases are whole.
  ///
  /// `inputScales` gives the real value of one unit of the accumulator in single precision, in which ONNX Runtime forms
  /// its multipliers: one, or one a channel.
  func quantizedSum(
    _ quantizer: Quantizer, _ output: Value, clamp: ClosedRange<Int64>, bias: Bias, channels: Int, inputScales: [Float]
  ) throws(LayerFault) -> QuantizedSum {
    var multipliers: [Multiplier] = []
    for scale in inputScales {
      guard scale.isFinite, scale > 0 else {
        throw LayerFault("a scale of its accumulators is \(scale), which must be positive")
      }
      multipliers.append(
        try multiplier(Double(scale / output.scale), "input scale · weight scale / output scale"))
    }
    func index(_ channel: Int) -> Int { inputScales.count == 1 ? 0 : channel }
    let isShift = multipliers.allSatisfy { $0.mantissa == 1 << 30 }
    var result = QuantizedSum(
      requantization: Requantization(
        multipliers: multipliers, rounding: .halfEven, zeroPoint: output.zeroPoint, clamp: clamp),
      offsets: [])

    var shifts = multipliers.map { 1 - $0.exponent }
    switch bias {
    case .codes(let codes): result.offsets = codes
    case .exact(let biases):
      if let bias = biases.first(where: { !(abs($0.approximate) < 0x1p31) }) {
        throw LayerFault("its bias of \(bias.approximate) units of its accumulator is more than 32 bits hold")
      }
      let isWhole = biases.allSatisfy { $0.floor.isWhole }
      guard isShift || isWhole else { throw LayerFault("its bias is no whole number of its accumulator's units") }
      guard !isWhole, let least = shifts.min() else {
        result.offsets = biases.map { Int64($0.floor.integer) }
        break
      }
      // No code's threshold lies between two neighbouring multiples of half a code, so all biases between them round
      // alike: with weights multiplied until such multiples are even numbers, odd biases stand for what is between.
      let power = max(1, 2 - least)
      guard power <= 14, multipliers.allSatisfy({ $0.exponent - power >= -31 }) else {
        throw LayerFault(
          "its bias is real, and its output scale \(output.scale) out of proportion to its accumulator's")
      }
      result.factors = [1 << Int64(power)]
      let half = ExactNumber(1 << Int64(power - 1))
      result.offsets = biases.map { bias in
        let (below, isWhole) = (bias * half).floor
        return 2 * Int64(below) + (isWhole ? 0 : 1)
      }
      shifts = shifts.map { $0 + power }
      result.requantization.multipliers = multipliers.map {
        Multiplier(mantissa: $0.mantissa, exponent: $0.exponent - power)
      }
    }

    let rounding = try directed(quantizer.rounding, clamp, isExact: isShift && shifts.allSatisfy { $0 <= 0 })
    guard isShift else {
      switch rounding {
      case .halfEven: break
      case .halfUpward: result.requantization.rounding = .single
      default:
        throw LayerFault(
          "its quantiser's rounding mode \(quantizer.rounding.rawValue) needs scales that are powers of two; the factor "
            + "from accumulator to code is \(multipliers[0].real)",
          remedy: "train with power-of-two scales, or with the rounding mode ROUND")
      }
      return result
    }
    if rounding == .halfEven {
      // Ties are to even where the zero point is added; an odd one must be part of the sum.
      if quantizer.roundsZeroPoint, output.zeroPoint % 2 != 0, shifts.contains(where: { $0 > 0 }) {
        guard shifts.allSatisfy({ (0...31).contains($0) }) else {
          throw LayerFault("its odd zero point \(output.zeroPoint) is rounded beside channels that need no rounding")
        }
        result.requantization.zeroPoint = 0
        for channel in 0..<channels {
          result.offsets[channel] += Int64(output.zeroPoint) << Int64(shifts[index(channel)])
        }
      }
    } else {
      result.requantization.rounding = .halfUpShift
      for channel in 0..<channels {
        let shift = Int64(shifts[index(channel)])
        guard shift >= 1 else { continue }
        switch rounding {
        case .halfEven, .halfUpward: break
        case .halfDownward: result.offsets[channel] -= 1
        case .floor: result.offsets[channel] -= 1 << (shift - 1)
        case .ceiling: result.offsets[channel] += (1 << (shift - 1)) - 1
        }
      }
    }
    return result
  }

  /// A rounding that looks at no sign.
  enum DirectedRounding { case halfEven, halfUpward, halfDownward, floor, ceiling }

  /// The mode as one that looks at no sign: above zero, where `clamp` keeps the codes, modes that do are such ones.
  func directed(
    _ rounding: Quantizer.Rounding, _ clamp: ClosedRange<Int64>, isExact: Bool
  ) throws(LayerFault) -> DirectedRounding {
    switch rounding {
    case .halfEven: return .halfEven
    case .floor: return .floor
    case .ceiling: return .ceiling
    case _ where isExact: return .halfUpward
    case .up, .down, .halfUp, .halfDown:
      guard clamp.lowerBound >= 0 else {
        throw LayerFault(
          "its quantiser's rounding mode \(rounding.rawValue) depends on the sign, and its codes can be negative",
          remedy: "use ROUND, FLOOR or CEIL, or unsigned codes behind a ReLU")
      }
      return rounding == .up ? .ceiling : rounding == .down ? .floor : rounding == .halfUp ? .halfUpward : .halfDownward
    }
  }

  /// The codes that a quantiser's clamp and range leave.
  func codes(_ quantizer: Quantizer, _ output: Value) throws(LayerFault) -> ClosedRange<Int64> {
    try function(RealMap(gain: .zero), quantizer, output).codes
  }
}
