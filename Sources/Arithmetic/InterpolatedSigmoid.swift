#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Sigmoid and hyperbolic tangent of 16-bit codes as TensorFlow Lite's integer kernels compute them
/// (`reference_integer_ops::Logistic` and `Tanh` for int16): a table of the sigmoid at multiples of 1/24, straight lines in
/// between. Results are codes of scale 2^-15.
public struct InterpolatedSigmoid: Sendable, Hashable {
  /// The two that the one table serves: tanh(x) = 2 · sigmoid(2x) − 1.
  public enum Function: String, Sendable, Hashable { case logistic, tanh }

  public var function: Function
  /// A code x is looked up at `(x · multiplier + 2^(shift − 1)) >> shift`, in units of 1/12288 (sigmoid) of what it stands
  /// for.
  public var multiplier: Int32
  public var shift: Int32

  /// Of codes that are scaled by `multiplier · 2^-shift`, with shift in 0 … 31.
  public init(_ function: Function, multiplier: Int32, shift: Int32) {
    self.function = function
    self.multiplier = multiplier
    self.shift = shift
  }

  /// Of codes of any scale, as TensorFlow Lite Micro prepares them (`LogisticPrepare`, `TanhPrepare`); nil where products
  /// would leave 32 bits. A scale within a thousandth of an octave of 2^-12 (for the tangent of 2^-11, too) counts as that.
  public init?(_ function: Function, inputScale: Float) {
    let octave = log2(inputScale).rounded()
    if abs(log2(inputScale) - octave) < 1e-3, octave == -12 || octave == -11 && function == .tanh {
      self.init(function, inputPower: Int(octave))
      return
    }
    var (multiplier, shift) = (Double(inputScale) * 4096 * 3, Int32(0))
    while multiplier <= 32_767 / 2, shift <= 30 {
      multiplier *= 2
      shift += 1
    }
    guard multiplier < 0x1p16 else { return nil }
    self.init(function, multiplier: Int32(multiplier), shift: shift)
  }

  /// Of codes of scale 2^power: three quarters of the scale 2^-12 or finer are whole units.
  public init?(_ function: Function, inputPower power: Int) {
    let left = 12 + power
    guard (-15...12).contains(left) else { return nil }
    self.init(function, multiplier: left >= 0 ? 3 << Int32(left) : 3, shift: left >= 0 ? 0 : Int32(-left))
  }

  /// The sigmoid s at i / 24 in units of 2^-16, raised by half of what a straight line to the next entry lies too low:
  /// s − s″ / (16 · 24²). The last one saturates.
  public static let table: [Int32] = (0..<255).map { place in
    let height = 1 / (1 + exp(-Double(place) / 24))
    return Int32((65_536 * (height - height * (1 - height) * (1 - 2 * height) / 9216)).rounded())
  } + [65_535]

  /// The code of a 16-bit code.
  public func code(_ x: Int32) -> Int32 {
    let half: Int64 = shift > 0 ? 1 << Int64(shift - 1) : 0
    let place = (Int64(x) * Int64(multiplier) + half) >> Int64(shift)
    let distance = Int(place.magnitude)
    // The tangent takes the argument twice, and so half as many bits between two entries.
    let bits = function == .logistic ? 9 : 8
    let (index, rest) = (distance >> bits, Int64(distance & ((1 << bits) - 1)))
    var height: Int64
    if index >= 255 {
      height = function == .logistic ? 0x7FFF << 10 : 0xFFFF << 8
    } else {
      let (low, high) = (Int64(Self.table[index]), Int64(Self.table[index + 1]))
      height = (low << Int64(bits)) + rest * (high - low)
    }
    switch function {
    case .logistic:
      height = place >= 0 ? height + (1 << 9) : (1 << 25) - height + (1 << 9) - 1
      return Int32(height >> 10)
    case .tanh:
      height = place >= 0 ? height - (1 << 23) + (1 << 7) : (1 << 23) - height + (1 << 7) - 1
      return Int32(height >> 8)
    }
  }

  /// The codes of −32768 … 32767.
  public var codes: [Int32] { (-32_768...32_767).map { code($0) } }
}
