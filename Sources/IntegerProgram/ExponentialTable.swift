import Arithmetic
import Network

/// The constants of a softmax that is defined by real numbers, `exp(s·x_i) / Σ exp(s·x_j)`, and that integers come so
/// close to that codes differ from it beside ties alone: exponentials of all distances from a row's maximum in a table.
///
/// A table's entry is off by at most 2^−41 of the largest, so the sum by n · 2^−41 of itself; divisor, factor and
/// exponential are rounded to 31 bits. For rows of up to 4,096 that is less than 2^−28 of a share: of 256 codes, 2^−20 of one.
public struct ExponentialTable: Sendable, Hashable {
  /// `2^40 · exp(−scale · distance)`, rounded, from the distance 0 on; behind the last, 0.
  public var entries: [Int64]
  /// 1 over the scale of the output's codes is `mantissa · 2^exponent`; the mantissa is 2^30 … 2^31 − 1.
  public var mantissa: Int64
  public var exponent: Int
  public var zeroPoint: Int32
  public var codes: ClosedRange<Int64>

  public static let fractionBits = 40
  /// Sums of longer rows' exponentials could pass 2^52.
  public static let longestRow = 1 << 12
  /// Longer tables are no use to a device.
  public static let mostEntries = 1 << 12
  /// With other exponents some shift leaves its register: scales of 1/2 … 2^−48.
  public static let exponents = -29...18

  /// Of parts that are known already.
  public init(entries: [Int64], mantissa: Int64, exponent: Int, zeroPoint: Int32, codes: ClosedRange<Int64>) {
    self.entries = entries
    self.mantissa = mantissa
    self.exponent = exponent
    self.zeroPoint = zeroPoint
    self.codes = codes
  }

  /// The exponential of a code's distance below its row's maximum.
  @inlinable public func exponential(_ distance: Int32) -> Int64 {
    Int(distance) < entries.count ? entries[Int(distance)] : 0
  }

  /// What makes codes of a row's exponentials.
  public struct Factor<W: Word> where W.Wide == W {
    /// 2^31 · mantissa over the sum's 31 leading bits.
    public let factor: W
    /// How many places the sum is longer than 31 bits: 10 … 22.
    public let shift: W

    /// Of parts that are known already.
    @inlinable public init(factor: W, shift: W) {
      self.factor = factor
      self.shift = shift
    }
  }

  /// For the sum of a row's exponentials: at least 2^40, as its maximum has it.
  @inlinable public func factor<W: Word>(ofSum sum: W) -> Factor<W> {
    var leading = sum >>% 10
    var shift = W(10)
    for bits in [8, 4, 2, 1] {
      let isShort = W.less(leading, W(1 << Int64(30 + bits)))
      leading = W.select(isShort, leading, leading >>% bits)
      shift = shift +% W.select(isShort, W(0), W(Int64(bits)))
    }
    let half = W(1) <<% (shift -% W(1))
    // Said here, the interval reading knows it too.
    let divisor = ((sum +% half) >>% shift).clamped(1 << 30, 1 << 31)
    return Factor(factor: W(mantissa << 31) / divisor, shift: shift)
  }

  /// The code of an exponential's share of its row's sum; ties to even.
  @inlinable public func code<W: Word>(_ exponential: W, _ factor: Factor<W>) -> W {
    // Twelve bits less leave room for every shift.
    let product = (((exponential +% W(1 << 9)) >>% 10) *% factor.factor) >>% 12
    let shift = factor.shift +% W(Int64(9 - exponent))
    let odd = (product >>% shift).lowest(bits: 1)
    let nudge = (W(1) <<% (shift -% W(1))) -% W(1) +% odd
    return (((product +% nudge) >>% shift) +% W(Int64(zeroPoint))).clamped(codes.lowerBound, codes.upperBound)
  }
}

extension ExponentialTable {
  /// For input codes of `scale`, whose distances reach `widest`, and output codes of `outputScale`; nil where one of them
  /// has no table.
  init?(
    scale: Double, widest: Int64, outputScale: Double, zeroPoint: Int32, codes: ClosedRange<Int64>
  ) {
    let inverse = 1 / outputScale
    guard inverse.isNormal, scale.isFinite, scale > 0 else { return nil }
    var entries: [Int64] = []
    for distance in 0...max(0, widest) {
      let exact = RealFunction.exponential(-scale * Double(distance)) * Double(1 << Int64(Self.fractionBits))
      let entry = Int64(exact.rounded(.toNearestOrEven))
      if entry == 0 { break }
      guard entries.count < Self.mostEntries else { return nil }
      entries.append(entry)
    }
    var exponent = Int(inverse.exponent) - 30
    var mantissa = Int64((inverse.significand * 0x1p30).rounded(.toNearestOrEven))
    if mantissa == 1 << 31 { (mantissa, exponent) = (1 << 30, exponent + 1) }
    guard Self.exponents.contains(exponent) else { return nil }
    self.init(entries: entries, mantissa: mantissa, exponent: exponent, zeroPoint: zeroPoint, codes: codes)
  }
}
