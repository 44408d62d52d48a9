/// What accumulators count where they are a network's outputs themselves: a real unit of which every channel's products
/// are whole multiples, so that the codes of all channels compare as their real values do.
///
/// Input scale times weight scale is the unit of one channel, exact in double precision. Channels whose units differ by
/// powers of two share the finest. A real bias asks for a unit finer yet, by a power of two; where none holds it exactly,
/// it is rounded to the finest there is room for, and told whether two channels' order can change by that.
public struct AccumulatorUnit: Sendable, Hashable {
  public enum Bias: Sendable, Hashable {
    /// In units of each channel.
    case codes([Int64])
    /// In real values.
    case reals([Double])
  }
  public struct Fault: Error {
    public var reason: String
    public var remedy: String
  }

  public var real: Double
  /// How many units one product of each channel is: one, or one a channel.
  public var factors: [Int64]
  /// The biases in units.
  public var offsets: [Int64]
  /// Whether they are the file's own, and not rounded.
  public var isExact: Bool
  /// Whether the order of channels is shown to be that of the exact values.
  public var keepsOrder: Bool

  /// Units are divided by at most this power of two: weights have 16 bits.
  private static let finest = 14

  /// The coarsest unit that is exact, else the finest that keeps the order of channels, else the finest: of those that
  /// `fits` says weights and accumulators keep their width with, given the factors and the offsets. Where a ReLU follows
  /// (`isRectified`), the order is that of 0, too.
  public init(
    inputScale: Float, weightScales: [Float], bias: Bias, isRectified: Bool = false, fits: ([Int64], [Int64]) -> Bool
  ) throws(Fault) {
    var rounded: AccumulatorUnit?
    var finest: AccumulatorUnit?
    for power in 0...Self.finest {
      let unit = try AccumulatorUnit(
        inputScale: inputScale, weightScales: weightScales, bias: bias, power: power, isRectified)
      guard fits(unit.factors, unit.offsets) else { continue }
      if unit.isExact {
        self = unit
        return
      }
      if unit.keepsOrder { rounded = unit }
      finest = unit
    }
    guard let chosen = rounded ?? finest else {
      throw Fault(
        reason: "its accumulators with their bias need more than 32 bits", remedy: "put a quantiser behind the layer")
    }
    self = chosen
  }

  /// The unit whose scale is `scale`: the finest channel's over some power of two.
  public init(inputScale: Float, weightScales: [Float], bias: Bias, scale: Float) throws(Fault) {
    let least = weightScales.map { Double(inputScale) * Double($0) }.min() ?? 0
    let ratio = least / Double(scale)
    guard ratio > 0.5, ratio < 0x1p20 else {
      throw Fault(
        reason: "its output scale is \(scale), which is not its accumulators' \(least)", remedy: "quantise anew")
    }
    try self.init(
      inputScale: inputScale, weightScales: weightScales, bias: bias, power: Int((ratio * 1.0009765625).exponent), false)
  }

  private init(
    inputScale: Float, weightScales: [Float], bias: Bias, power: Int, _ isRectified: Bool
  ) throws(Fault) {
    let units = weightScales.map { Double(inputScale) * Double($0) }
    guard let least = units.min(), least > 0x1p-900, least < 0x1p100 else {
      throw Fault(reason: "its accumulators' scale is \(units.min() ?? 0), which must be positive", remedy: "quantise anew")
    }
    var factors: [Int64] = []
    for unit in units {
      let ratio = unit / least
      guard unit.significand == least.significand, ratio <= 0x1p15 else {
        throw Fault(
          reason: "its channels' scales differ by factors that are no powers of two, such as \(ratio), so that no unit is "
            + "common to its accumulators",
          remedy: "quantise this layer's weights with one scale, or put a quantiser behind it")
      }
      factors.append(Int64(ratio) << Int64(power))
    }
    if factors.allSatisfy({ $0 == factors[0] }) { factors = [factors[0]] }
    self.factors = factors
    real = Double(sign: .plus, exponent: least.exponent - power, significand: least.significand)
    offsets = []
    isExact = true
    keepsOrder = true
    switch bias {
    case .codes(let codes):
      for (channel, code) in codes.enumerated() {
        let (offset, overflow) = code.multipliedReportingOverflow(by: factors[factors.count == 1 ? 0 : channel])
        guard !overflow else { throw Fault(reason: "its bias is \(code)", remedy: "quantise anew") }
        offsets.append(offset)
      }
    case .reals(let reals):
      for number in reals {
        let quotient = (number / real).rounded()
        guard abs(quotient) < 0x1p40 else { throw Fault(reason: "its bias is \(number)", remedy: "quantise anew") }
        offsets.append(Int64(quotient))
        // A remainder of a product and a number is one rounding, and zero only where nothing is left.
        if (-number).addingProduct(quotient, real) != 0 { isExact = false }
      }
      // Values keep their side of 0 as they do that of a channel that is always 0.
      if !isExact { keepsOrder = keepsOrder(isRectified ? reals + [0] : reals, step: Int64(1) << Int64(power)) }
    }
  }

  /// Accumulators without biases are multiples of `step`, so two channels' difference is one of them plus that of the
  /// biases, D, which rounding moves by at most 1. The signs agree where no multiple lies within 1 of D: shown by the
  /// rounded difference staying 2 away from each.
  private func keepsOrder(_ reals: [Double], step: Int64) -> Bool {
    for (i, a) in reals.enumerated() {
      for (j, b) in reals.enumerated().prefix(i) where a != b {
        let rest = ((i < offsets.count ? offsets[i] : 0) - offsets[j]) % step
        let place = rest < 0 ? rest + step : rest
        if place < 2 || place > step - 2 { return false }
      }
    }
    return true
  }
}
