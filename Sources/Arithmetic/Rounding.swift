/// How a requantisation rounds `x · multiplier · 2^(exponent − 31)` to an integer. It is a field of every step that
/// requantises, never a build flag.
public enum Rounding: String, Sendable, Hashable, Codable, CaseIterable {
  /// Twice, as TensorFlow Lite Micro and CMSIS-NN do by default: the product to the nearest multiple of 2^-R with
  /// ties upward, then the result of the right shift by R with ties away from zero (gemmlowp's
  /// `SaturatingRoundingDoublingHighMul` and `RoundingDivideByPOT`).
  case double = "tflite-double"
  /// Once, ties upward (TensorFlow Lite's `TFLITE_SINGLE_ROUNDING`).
  case single = "tflite-single"
  /// Once, by a shift alone, ties upward: fixed-point networks. The multiplier is a power of two: its
  /// mantissa is 2^30.
  case halfUpShift = "half-up-shift"
  /// Once, ties to the even neighbour (ONNX).
  case halfEven = "half-even"
}
