import Foundation

/// TensorFlow Lite's integer kernels, restated as they stand. Written apart from the product's code, which
/// they judge.
enum TensorFlowLite {
  /// `QuantizeMultiplier`; the shift has no upper bound here.
  static func quantizeMultiplier(_ real: Double) -> (mantissa: Int32, shift: Int) {
    if real == 0 { return (0, 0) }
    let (q, exponent) = frexp(real)
    var shift = exponent
    var fixed = Int64((q * Double(Int64(1) << 31)).rounded(.toNearestOrAwayFromZero))
    if fixed == Int64(1) << 31 {
      fixed /= 2
      shift += 1
    }
    if shift < -31 {
      shift = 0
      fixed = 0
    }
    return (Int32(truncatingIfNeeded: fixed), shift)
  }

  /// `MultiplyByQuantizedMultiplier` without `TFLITE_SINGLE_ROUNDING`; the left shift wraps.
  static func multiplyByQuantizedMultiplier(_ x: Int32, _ mantissa: Int32, _ shift: Int) -> Int32 {
    let leftShift = shift > 0 ? shift : 0
    let rightShift = shift > 0 ? 0 : -shift
    let shifted = x &* (1 &<< Int32(truncatingIfNeeded: leftShift))
    return Gemmlowp.roundingDivideByPOT(
      Gemmlowp.saturatingRoundingDoublingHighMul(shifted, mantissa), rightShift)
  }

  /// `MultiplyByQuantizedMultiplier` with `TFLITE_SINGLE_ROUNDING`.
  static func multiplyByQuantizedMultiplierSingleRounding(
    _ x: Int32, _ mantissa: Int32, _ shift: Int
  ) -> Int32 {
    let totalShift = Int64(31 - shift)
    let round = Int64(1) &<< (totalShift - 1)
    let result = Int64(x) &* Int64(mantissa) &+ round
    return Int32(truncatingIfNeeded: result &>> totalShift)
  }

  /// `reference_integer_ops::AveragePool` for one window.
  static func average(sum: Int32, count: Int32) -> Int32 {
    (sum > 0 ? sum + count / 2 : sum - count / 2) / count
  }

  /// `PreprocessSoftmaxScaling` and `CalculateInputRadius` for Q5.26; nil where the former aborts.
  static func softmaxScale(scale: Float, beta: Float) -> (mantissa: Int32, leftShift: Int, diffMin: Int32)? {
    let product = Double(beta) * Double(scale) * Double(1 << 26)
    let capped = product > 2_147_483_647 ? 2_147_483_647 : product
    guard capped > 1 else { return nil }
    let (mantissa, leftShift) = quantizeMultiplier(capped)
    let radius = floor(1.0 * 31 * Double(1 << 26) / Double(Int64(1) << Int64(leftShift)))
    return (mantissa, leftShift, -Int32(radius))
  }

  /// `GetReciprocal` for an accumulator with 12 integer bits.
  static func reciprocal(ofSum sum: Int32) -> (scale: Int32, bitsOverUnit: Int) {
    let headroomPlusOne = UInt32(bitPattern: sum).leadingZeroBitCount
    let shiftedSumMinusOne = (UInt32(bitPattern: sum) << UInt32(headroomPlusOne)) &- (1 << 31)
    return (Gemmlowp.oneOverOnePlusX(Int32(bitPattern: shiftedSumMinusOne)), 12 - headroomPlusOne)
  }

  /// `reference_ops::Softmax` from int8 to int8, for one row.
  static func softmax(_ row: [Int8], mantissa: Int32, leftShift: Int, diffMin: Int32) -> [Int8] {
    let maxInRow = row.max() ?? Int8.min
    func exponential(_ code: Int8) -> Int32? {
      let difference = Int32(code) - Int32(maxInRow)
      guard difference >= diffMin else { return nil }
      let shifted = difference &* Int32(truncatingIfNeeded: Int64(1) << Int64(leftShift))
      let rescaled = Gemmlowp.saturatingRoundingDoublingHighMul(shifted, mantissa)
      return Gemmlowp.expOnNegativeValues(rescaled, integerBits: 5)
    }
    var sumOfExps: Int32 = 0
    for code in row {
      if let value = exponential(code) { sumOfExps &+= Gemmlowp.roundingDivideByPOT(value, 12) }
    }
    let (shiftedScale, bitsOverUnit) = reciprocal(ofSum: sumOfExps)
    return row.map { code in
      guard let value = exponential(code) else { return Int8.min }
      let unsaturated = Gemmlowp.roundingDivideByPOT(
        Gemmlowp.saturatingRoundingDoublingHighMul(shiftedScale, value), bitsOverUnit + 31 - 8)
      return Int8(clamping: unsaturated + Int32(Int8.min))
    }
  }

  struct HardSwishParameters: Equatable {
    var outputMultiplier: Int16
    var outputExponent: Int
    var reluishMultiplier: Int16
    var reluishExponent: Int
  }

  /// `HardSwishPrepare`, with the quotients taken in double; nil where it fails.
  static func hardSwishParameters(inputScale: Float, outputScale: Float) -> HardSwishParameters? {
    let hiresInputScale = (1.0 / 128.0) * inputScale
    let reluishScale = 3.0 / 32768.0
    let output = quantizeMultiplier(Double(hiresInputScale) / Double(outputScale))
    let reluish = quantizeMultiplier(Double(hiresInputScale) / reluishScale)
    guard output.shift <= 0 else { return nil }
    return HardSwishParameters(
      outputMultiplier: downScaleInt32ToInt16Multiplier(output.mantissa), outputExponent: output.shift,
      reluishMultiplier: downScaleInt32ToInt16Multiplier(reluish.mantissa), reluishExponent: reluish.shift)
  }

  static func downScaleInt32ToInt16Multiplier(_ multiplier: Int32) -> Int16 {
    let rounding: Int32 = 1 << 15
    if multiplier >= Int32.max - rounding { return Int16.max }
    return Int16((multiplier + rounding) >> 16)
  }

  /// `reference_ops::HardSwish` from int8 to int8, for one code.
  static func hardSwish(
    _ code: Int8, inputZeroPoint: Int16, outputZeroPoint: Int16, _ parameters: HardSwishParameters
  ) -> Int8 {
    let inputValue = Int16(code) - inputZeroPoint
    let inputOnHiresScale = inputValue * (1 << 7)
    let inputOnPreshiftOutputScale = Gemmlowp.saturatingRoundingDoublingHighMul(
      inputOnHiresScale, parameters.outputMultiplier)
    var reluish = inputOnHiresScale
    if parameters.reluishExponent > 0 {
      reluish = saturatingLeftShift(reluish, parameters.reluishExponent - 1)
    }
    reluish = Gemmlowp.saturatingRoundingDoublingHighMul(reluish, parameters.reluishMultiplier)
    if parameters.reluishExponent > 0 { reluish = saturatingLeftShift(reluish, 1) }
    if parameters.reluishExponent < 0 {
      reluish = Gemmlowp.roundingDivideByPOT(reluish, -parameters.reluishExponent)
    }
    // Computed in int, then stored in 16 bits.
    reluish = Int16((Int32(reluish) + (1 << 15)) >> 1)
    let preshiftOutput = saturatingDoublingHighMul(reluish, inputOnPreshiftOutputScale)
    var output = Gemmlowp.roundingDivideByPOT(preshiftOutput, -parameters.outputExponent)
    output &+= outputZeroPoint
    return Int8(clamping: output)
  }

  private static func saturatingLeftShift(_ value: Int16, _ amount: Int) -> Int16 {
    Int16(clamping: Int64(value) * (Int64(1) << Int64(amount)))
  }

  private static func saturatingDoublingHighMul(_ a: Int16, _ b: Int16) -> Int16 {
    if a == b && a == Int16.min { return Int16.max }
    return Int16(Int32(a) * Int32(b) / (1 << 15))
  }
}
