import BigInt
import Network

/// The code that a file makes of one integer: `round(gain · a + offset)`, held to a range, where gain and offset are
/// what scales and constants come to, exactly. Of layers the integer is the sum of one channel, of functions the
/// input's code less its zero point.
struct ChannelFunction: Sendable {
  /// How it rounds. Besides the file's own modes, those that take every half up or down.
  enum Mode: Sendable, Hashable {
    case file(Quantizer.Rounding)
    case halvesUp, halvesDown
  }

  /// `(gain · a + offset) / denominator`, integers of any size.
  private var gain, offset: BigInt
  private var denominator: BigInt
  private var gainIsExact, offsetIsExact: Bool
  /// Thresholds in double precision: `first + step · threshold`.
  private var first, step: Double
  var mode: Mode
  /// What is added before the rounding, and after it.
  private let pointBefore, pointAfter: Int64
  /// Bounds of its codes.
  private(set) var codes: ClosedRange<Int64>

  init(gain: ExactNumber, offset: ExactNumber, mode: Mode, before: Int64, after: Int64, codes: ClosedRange<Int64>) {
    let (a, b, denominator) = ExactNumber.overOneDenominator(gain, offset)
    (self.gain, self.offset, self.denominator) = (a, b, denominator)
    (gainIsExact, offsetIsExact) = (gain.isExact, offset.isExact)
    self.mode = mode
    (pointBefore, pointAfter) = (before, after)
    self.codes = codes
    gainLogarithm = gain.binaryLogarithm
    exactShift = gainLogarithm == nil || !offset.isExact ? nil : offset / gain
    first = a.isZero ? 0 : -ExactNumber.quotient(b, a)
    step = a.isZero ? 0 : ExactNumber.quotient(denominator, a)
  }

  var gainSign: Int { Int(gain.signum()) }
  /// Where the offset stands on the integer's axis, roughly.
  var shift: Double { -first }
  /// The gain to some 2^-51 of it.
  var slope: Double { ExactNumber.quotient(gain, denominator) }

  /// The exponent where the gain's magnitude is a power of two.
  let gainLogarithm: Int?
  /// The offset in units of the gain, exactly; nil where a root is in it.
  let exactShift: ExactNumber?

  /// The function of `-a`.
  var reversed: ChannelFunction {
    var result = self
    result.gain.negate()
    (result.first, result.step) = (-first, -step)
    return result
  }

  /// The function with other bounds.
  func held(to codes: ClosedRange<Int64>) -> ChannelFunction {
    var result = self
    result.codes = codes
    return result
  }

  func with(_ mode: Mode) -> ChannelFunction {
    var result = self
    result.mode = mode
    return result
  }

  /// Whether it makes the same codes.
  func isSame(as other: ChannelFunction) -> Bool {
    gain == other.gain && offset == other.offset && denominator == other.denominator && mode == other.mode
      && codes == other.codes
  }

  /// A root is known to some 2^-120 of itself; nearer than this to a threshold it decides nothing.
  private static let roomBits = 60

  private func undecided() -> LayerFault {
    LayerFault(
      "a root in its constants (BatchNormalization's variance) lies too near to where a code changes to be told apart",
      remedy: "change the variance's last digit")
  }

  /// The code of an integer.
  func code(_ a: Int64) throws(LayerFault) -> Int64 {
    let sum = gain * BigInt(a) + offset
    let numerator = sum + denominator * BigInt(pointBefore)
    var (quotient, remainder) = ExactNumber.floorDivision(numerator, denominator)
    let twice = remainder << 1
    // Where it lies between two integers: at one, below the half, at it, or above it.
    let half = twice == denominator ? 0 : twice < denominator ? -1 : 1
    if (!gainIsExact && a != 0) || !offsetIsExact {
      let room = denominator >> Self.roomBits
      let distances = [remainder, denominator - remainder, half < 0 ? denominator - twice : twice - denominator]
      guard distances.allSatisfy({ $0 > room }) else { throw undecided() }
    }
    let isUp: Bool
    switch mode {
    case _ where remainder.isZero: isUp = false
    case .file(.floor): isUp = false
    case .file(.ceiling): isUp = true
    case .file(.up): isUp = numerator.signum() > 0
    case .file(.down): isUp = numerator.signum() < 0
    case _ where half != 0: isUp = half > 0
    case .halvesUp: isUp = true
    case .halvesDown: isUp = false
    case .file(.halfEven): isUp = quotient & 1 == 1
    case .file(.halfUp): isUp = numerator.signum() > 0
    case .file(.halfDown): isUp = numerator.signum() < 0
    }
    if isUp { quotient += 1 }
    let code = quotient + BigInt(pointAfter)
    if code < BigInt(codes.lowerBound) { return codes.lowerBound }
    return code > BigInt(codes.upperBound) ? codes.upperBound : Int64(code)
  }

  /// The real value, in halves, from which on the code is `code` or more, and whether the value itself counts.
  private func threshold(_ code: Int64) -> (halves: Int64, isIncluded: Bool) {
    let n = code - pointAfter
    let before = 2 * pointBefore
    switch mode {
    case .halvesUp: return (2 * n - 1 - before, true)
    case .halvesDown: return (2 * n - 1 - before, false)
    case .file(.halfEven): return (2 * n - 1 - before, n % 2 == 0)
    case .file(.floor): return (2 * n - before, true)
    case .file(.ceiling): return (2 * n - 2 - before, false)
    case .file(.up): return n >= 1 ? (2 * n - 2 - before, false) : (2 * n - before, true)
    case .file(.down): return n >= 1 ? (2 * n - before, true) : (2 * n - 2 - before, false)
    case .file(.halfUp): return (2 * n - 1 - before, n >= 1)
    case .file(.halfDown): return (2 * n - 1 - before, n < 1)
    }
  }

  /// The least integer whose code is `code` or more; the gain is positive.
  private func first(reaching code: Int64) throws(LayerFault) -> Int64 {
    let (halves, isIncluded) = threshold(code)
    let estimate = first + step * (Double(halves) / 2)
    let error = (abs(first) + abs(step * Double(halves))) * 0x1p-46 + 0x1p-40
    let below = estimate.rounded(.down)
    if estimate - below > error, below + 1 - estimate > error, abs(estimate) < 0x1p60 { return Int64(below) + 1 }
    // Too near to an integer for double precision.
    let numerator = BigInt(halves) * denominator - (offset << 1)
    let (quotient, remainder) = ExactNumber.floorDivision(numerator, gain << 1)
    if (!gainIsExact && !numerator.isZero) || !offsetIsExact {
      let room = (gain << 1) >> Self.roomBits
      guard remainder > room, (gain << 1) - remainder > room else { throw undecided() }
    }
    let place = remainder.isZero && isIncluded ? quotient : quotient + 1
    // Whoever asks holds the place to a range of 33 bits.
    return place.bitWidth > 62 ? (place.signum() < 0 ? -1 << 61 : 1 << 61) : Int64(place)
  }

  /// The codes over a range of integers: the first, and each place where the code grows.
  struct Staircase {
    struct Jump { var place, before, after: Int64 }
    var range: ClosedRange<Int64>
    var first, last: Int64
    var jumps: [Jump]
  }

  /// The gain must not be negative.
  func staircase(over range: ClosedRange<Int64>) throws(LayerFault) -> Staircase {
    let (low, high) = (try code(range.lowerBound), try code(range.upperBound))
    var result = Staircase(range: range, first: low, last: high, jumps: [])
    guard low < high else { return result }
    for code in low + 1...high {
      let place = min(max(try first(reaching: code), range.lowerBound + 1), range.upperBound)
      if let last = result.jumps.last, last.place >= place {
        result.jumps[result.jumps.count - 1].after = code
      } else {
        result.jumps.append(Staircase.Jump(place: place, before: code - 1, after: code))
      }
    }
    return result
  }
}
