/// TensorFlow Lite's ADD, SUB, MUL and the requantisation they share, restated as they stand, for one
/// element. Written apart from the product's code, which they judge.
enum TensorFlowLiteElementwise {
  struct Parameters {
    var offset1, offset2, outputOffset: Int32
    var leftShift: Int32 = 20
    var multiplier1, multiplier2, outputMultiplier: (mantissa: Int32, shift: Int)
    var activationMin, activationMax: Int32
  }

  /// `AddElementwise` from int8 to int8; `isDifference` turns it into SUB.
  static func add(_ a: Int8, _ b: Int8, isDifference: Bool, _ parameters: Parameters) -> Int8 {
    let value1 = parameters.offset1 + Int32(a)
    let value2 = parameters.offset2 + Int32(b)
    let shifted1 = value1 * (1 << parameters.leftShift)
    let shifted2 = value2 * (1 << parameters.leftShift)
    let scaled1 = multiplyByQuantizedMultiplier(shifted1, parameters.multiplier1)
    let scaled2 = multiplyByQuantizedMultiplier(shifted2, parameters.multiplier2)
    let raw = isDifference ? scaled1 - scaled2 : scaled1 + scaled2
    let rawOutput = multiplyByQuantizedMultiplier(raw, parameters.outputMultiplier) + parameters.outputOffset
    return Int8(min(parameters.activationMax, max(parameters.activationMin, rawOutput)))
  }

  /// `MulElementwise` from int8 to int8.
  static func multiply(_ a: Int8, _ b: Int8, _ parameters: Parameters) -> Int8 {
    let product = (parameters.offset1 + Int32(a)) * (parameters.offset2 + Int32(b))
    let unclamped =
      parameters.outputOffset + multiplyByQuantizedMultiplier(product, parameters.outputMultiplier)
    return Int8(min(parameters.activationMax, max(parameters.activationMin, unclamped)))
  }

  /// `AveragePool` from int8 to int8 for one window.
  static func average(_ window: [Int8], activationMin: Int32, activationMax: Int32) -> Int8 {
    var sum: Int32 = 0
    var count: Int32 = 0
    for code in window {
      sum += Int32(code)
      count += 1
    }
    sum = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count
    return Int8(min(max(sum, activationMin), activationMax))
  }

  /// `MultiplyByQuantizedMultiplier` with double rounding.
  static func multiplyByQuantizedMultiplier(_ x: Int32, _ multiplier: (mantissa: Int32, shift: Int)) -> Int32
  {
    let leftShift = multiplier.shift > 0 ? multiplier.shift : 0
    let rightShift = multiplier.shift > 0 ? 0 : -multiplier.shift
    let high = saturatingRoundingDoublingHighMul(x &* (1 << leftShift), multiplier.mantissa)
    return roundingDivideByPOT(high, rightShift)
  }

  private static func saturatingRoundingDoublingHighMul(_ a: Int32, _ b: Int32) -> Int32 {
    if a == b && a == Int32.min { return Int32.max }
    let product = Int64(a) * Int64(b)
    let nudge: Int64 = product >= 0 ? 1 << 30 : 1 - (1 << 30)
    return Int32((product + nudge) / (1 << 31))
  }

  private static func roundingDivideByPOT(_ x: Int32, _ exponent: Int) -> Int32 {
    let mask = Int32(truncatingIfNeeded: (Int64(1) << Int64(exponent)) - 1)
    let remainder = x & mask
    let threshold = (mask >> 1) + (x < 0 ? 1 : 0)
    return (x >> Int32(exponent)) + (remainder > threshold ? 1 : 0)
  }
}
