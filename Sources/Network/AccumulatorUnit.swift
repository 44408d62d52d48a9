/// What accumulators count where they are a network's outputs themselves: a real unit of which every channel's products
/// and bias are whole multiples, so that the codes of all channels compare as their real values do.
///
/// Input scale times weight scale is the unit of one channel, exact in double precision. Channels whose units differ by
/// powers of two share the finest; a real bias may ask for a finer one yet. What has no common unit is refused: rounding
/// would make other outputs than the file's.
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

  /// Units are divided by at most this power of two for the sake of biases: accumulators have 32 bits.
  private static let finest = 14

  public init(inputScale: Float, weightScales: [Float], bias: Bias) throws(Fault) {
    let units = weightScales.map { Double(inputScale) * Double($0) }
    guard let least = units.min(), least > 0, least.isNormal else {
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
      factors.append(Int64(ratio))
    }
    if factors.allSatisfy({ $0 == 1 }) { factors = [1] }
    func factor(_ channel: Int) -> Int64 { factors[factors.count == 1 ? 0 : channel] }
    switch bias {
    case .codes(let codes):
      real = least
      offsets = []
      for (channel, code) in codes.enumerated() {
        let (offset, overflow) = code.multipliedReportingOverflow(by: factor(channel))
        guard !overflow else { throw Fault(reason: "its bias is \(code)", remedy: "quantise anew") }
        offsets.append(offset)
      }
      self.factors = factors
    case .reals(let reals):
      for power in 0...Self.finest {
        let unit = Double(sign: .plus, exponent: least.exponent - power, significand: least.significand)
        guard let whole = Self.multiples(reals, of: unit) else { continue }
        real = unit
        offsets = whole
        self.factors = factors.map { $0 << Int64(power) }
        return
      }
      throw Fault(
        reason: "its bias is no whole number of its accumulators' unit, \(least), nor of that over a power of two",
        remedy: "quantise the bias with input scale times weight scale (Brevitas: bias_quant=Int32Bias), or put a quantiser "
          + "behind the layer")
    }
  }

  /// Numbers as multiples of a unit; nil where one is none.
  private static func multiples(_ reals: [Double], of unit: Double) -> [Int64]? {
    var whole: [Int64] = []
    for real in reals {
      let quotient = (real / unit).rounded()
      // Exact: a remainder of a product and a number is one rounding, and zero only where nothing is left.
      guard abs(quotient) < 0x1p31, (-real).addingProduct(quotient, unit) == 0 else { return nil }
      whole.append(Int64(quotient))
    }
    return whole
  }
}
