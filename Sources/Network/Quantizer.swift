/// How real values become codes: `code = round(clamp(real) / scale) + zeroPoint`, held to `codes`. Scale and zero point
/// are those of the operation's output.
public struct Quantizer: Sendable, Hashable {
  /// QONNX's names for rounding modes, as its reference implementation (`resolve_rounding_mode`) defines them.
  public enum Rounding: String, Sendable, Hashable, CaseIterable {
    /// To the nearest, ties to the even neighbour; ONNX's QuantizeLinear knows only this.
    case halfEven = "ROUND"
    case floor = "FLOOR"
    case ceiling = "CEIL"
    /// Away from zero.
    case up = "UP"
    /// Toward zero.
    case down = "DOWN"
    /// To the nearest, ties away from zero.
    case halfUp = "HALF_UP"
    /// To the nearest, ties toward zero.
    case halfDown = "HALF_DOWN"

    /// The mode of a name in a file, in any case.
    public init?(name: String) {
      switch name.uppercased() {
      case "HALF_EVEN": self = .halfEven
      case "ROUND_TO_ZERO": self = .down
      case let name: self.init(rawValue: name)
      }
    }

    public func round(_ x: Double) -> Double {
      switch self {
      case .halfEven: x.rounded(.toNearestOrEven)
      case .floor: x.rounded(.down)
      case .ceiling: x.rounded(.up)
      case .up: x.rounded(.awayFromZero)
      case .down: x.rounded(.towardZero)
      case .halfUp: x.rounded(.toNearestOrAwayFromZero)
      case .halfDown:
        // Exact: a half is subtracted of the magnitude, and ceiling rounds what is left.
        x < 0 ? (x + 0.5).rounded(.down) : (x - 0.5).rounded(.up)
      }
    }
  }

  public var rounding: Rounding
  /// Whether the zero point is added before the rounding, as in QONNX, and not after it, as in QuantizeLinear.
  public var roundsZeroPoint: Bool
  /// Bounds of the real value, as ReLU and Clip set them.
  public var clamp: ClosedRange<Double>
  /// The codes it makes: narrower than the type where a file says so.
  public var codes: ClosedRange<Int64>

  public init(
    rounding: Rounding, roundsZeroPoint: Bool = false, clamp: ClosedRange<Double> = -.infinity ... .infinity,
    codes: ClosedRange<Int64>
  ) {
    self.roundsZeroPoint = roundsZeroPoint
    self.rounding = rounding
    self.clamp = clamp
    self.codes = codes
  }

  /// The code of one real value in double precision, for codes of more bits than single precision tells apart.
  public func preciseCode(_ real: Double, scale: Float, zeroPoint: Int64) -> Int64 {
    let scaled = scaled(real, scale)
    let code =
      roundsZeroPoint
      ? rounding.round(scaled + Double(zeroPoint)) : rounding.round(scaled) + Double(zeroPoint)
    return Int64(max(Double(codes.lowerBound), min(Double(codes.upperBound), code)))
  }

  /// How far a real value is from where codes change, in codes; not a number beyond all of them.
  public func distanceToStep(_ real: Double, scale: Float) -> Double {
    let scaled = scaled(real, scale)
    switch rounding {
    case .halfEven, .halfUp, .halfDown: return abs(scaled - scaled.rounded(.down) - 0.5)
    case .floor, .ceiling, .up, .down: return abs(scaled - scaled.rounded())
    }
  }

  /// In this order, what is not a number becomes a bound.
  private func scaled(_ real: Double, _ scale: Float) -> Double {
    max(clamp.lowerBound, min(clamp.upperBound, real)) / Double(scale)
  }

  /// The code of one real value, reckoned in single precision as ONNX's references do.
  public func code(_ real: Double, scale: Float, zeroPoint: Int64) -> Int64 {
    // In this order, what is not a number becomes a bound.
    let scaled = Float(max(clamp.lowerBound, min(clamp.upperBound, real))) / scale
    let code =
      roundsZeroPoint
      ? rounding.round(Double(scaled + Float(zeroPoint))) : rounding.round(Double(scaled)) + Double(zeroPoint)
    return Int64(max(Double(codes.lowerBound), min(Double(codes.upperBound), code)))
  }
}
