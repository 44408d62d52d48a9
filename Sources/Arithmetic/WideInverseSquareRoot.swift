/// 1/√x of a 64-bit integer: `mantissa · 2^(pairs − 61)`, off by at most 2^−30 of itself.
///
/// The root is exact, to the nearest integer of 31 bits, and a quotient makes the mantissa of it. So a larger x never has a
/// larger inverse: bounds rely on that.
public struct WideInverseSquareRoot<W: Word> where W.Wide == W {
  /// 2^30 … 2^31 − 1.
  public let mantissa: W
  /// How often x was multiplied by 4 until it reached 2^60: 0 … 30.
  public let pairs: W

  /// Of parts that are known already.
  @inlinable public init(mantissa: W, pairs: W) {
    self.mantissa = mantissa
    self.pairs = pairs
  }

  /// For x of 1 … 2^62 − 1.
  @inlinable public init(of x: W) {
    let (normal, pairs) = Self.normal(of: x)
    self.init(root: squareRoot(ofNormal: normal), pairs: pairs)
  }

  /// x multiplied by 4 until it reaches 2^60, and how often that was.
  @inlinable public static func normal(of x: W) -> (normal: W, pairs: W) {
    var normal = x
    var pairs = W(0)
    for bits in [32, 16, 8, 4, 2] {
      let isShort = W.less(normal, W(1 << Int64(62 - bits)))
      let longer = normal.clamped(0, (1 << Int64(62 - bits)) - 1) <<% bits
      normal = W.select(isShort, longer, normal)
      pairs = pairs +% W.select(isShort, W(Int64(bits / 2)), W(0))
    }
    return (normal.clamped(1 << 60, (1 << 62) - 1), pairs.clamped(0, 30))
  }

  /// From the root, 2^30 … 2^31, of what x was multiplied to.
  @inlinable public init(root: W, pairs: W) {
    let quotient = (W(1 << 61) +% (root >>% 1)) / root
    // 2^31 becomes one less, so that 32 bits hold it.
    self.init(mantissa: quotient.clamped(1 << 30, (1 << 31) - 1), pairs: pairs)
  }
}

/// √x to the nearest integer, for x of 2^60 … 2^62 − 1: one bit after the other, each kept where the square does not pass x.
@inlinable public func squareRoot<W: Word>(ofNormal x: W) -> W where W.Wide == W {
  var root = W(1 << 30)
  // x − root².
  var rest = x -% W(1 << 60)
  for bit in (0..<30).reversed() {
    // (root + 2^bit)² − root².
    let step = (root <<% (bit + 1)) +% W(1 << Int64(2 * bit))
    let passes = W.less(rest, step)
    let larger = root +% W(1 << Int64(bit))
    rest = W.select(passes, rest, rest -% step)
    root = W.select(passes, root, larger)
  }
  // (root + ½)² is no integer.
  return W.select(W.less(root, rest), root +% W(1), root)
}
