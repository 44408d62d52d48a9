/// A non-negative real factor as an integer mantissa and a power of two: `mantissa · 2^(exponent − 31)`.
public struct Multiplier: Sendable, Hashable {
  /// 0 or more; 2^30 … 2^31 − 1 where a real factor was quantised, less where that was `reduced` or `shortened`.
  public let mantissa: Int32
  /// −31 … 30; positive exponents shift left before the product.
  public let exponent: Int

  public init(mantissa: Int32, exponent: Int) {
    self.mantissa = mantissa
    self.exponent = exponent
  }

  /// Bits of the longest mantissa.
  public static let mantissaBits = 31

  /// 2^exponent, exactly.
  public static func powerOfTwo(_ exponent: Int) -> Multiplier {
    Multiplier(mantissa: 1 << 30, exponent: exponent + 1)
  }

  /// The nearest representable factor: TensorFlow Lite's `QuantizeMultiplier`. Returns nil for a negative, infinite or
  /// undefined factor, and for one of 2^30 or more, which no requantisation can apply to a 32-bit register.
  public init?(_ real: Double) {
    guard real.isFinite, real >= 0 else { return nil }
    guard real > 0 else {
      self.init(mantissa: 0, exponent: 0)
      return
    }
    // Swift's significand lies in 1 ..< 2, frexp's in 0.5 ..< 1.
    var exponent = Int(real.exponent) + 1
    var mantissa = Int64((real.significand * 0x1p30).rounded(.toNearestOrAwayFromZero))
    if mantissa == 1 << 31 {
      mantissa = 1 << 30
      exponent += 1
    }
    if exponent < -31 {
      self.init(mantissa: 0, exponent: 0)
      return
    }
    guard exponent <= 30 else { return nil }
    self.init(mantissa: Int32(mantissa), exponent: exponent)
  }

  /// The factor with a mantissa of 15 bits, as the reference applies it to accumulators of 64: then products stay inside
  /// the register as long as accumulators have no more than 47 (TensorFlow Lite: `MultiplyByQuantizedMultiplier` of
  /// `int64_t`, which rounds once, ties upward).
  public var reduced: Multiplier {
    Multiplier(mantissa: mantissa < 0x7FFF_0000 ? (mantissa + 1 << 15) >> 16 : 0x7FFF, exponent: exponent + 16)
  }

  /// The same factor with as short a mantissa as it takes, which leaves products with accumulators of 64 bits most room:
  /// single precision has 24 bits.
  public var shortened: Multiplier {
    let zeros = min(mantissa == 0 ? 0 : mantissa.trailingZeroBitCount, 30 - exponent)
    return Multiplier(mantissa: mantissa >> Int32(zeros), exponent: exponent + zeros)
  }

  /// The factor this stands for, exactly.
  public var real: Double { Double(mantissa) * Double(sign: .plus, exponent: exponent - 31, significand: 1) }
}
