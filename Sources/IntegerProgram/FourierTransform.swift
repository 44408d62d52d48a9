import Arithmetic
import Foundation

/// The lower half of the discrete Fourier transform of real samples, on int16 as kissfft computes it for TensorFlow
/// Lite Micro's signal library: the even and the odd samples are the real and imaginary parts of half as many complex
/// points, which go through stages of radix 4 (and a first one of radix 2 where their number asks for it), and the two
/// spectra are then taken apart. Every stage divides by its radix, and every product and quotient is rounded to int16;
/// a sum may wrap around, which is part of it.
///
/// The inverse transform goes the same way back: it joins two spectra to one of complex points, and their transform the
/// other way round is the samples, divided by as much again.
public struct FourierTransform: Sendable, Hashable {
  /// A power of two.
  public let length: Int
  public let isInverse: Bool
  /// Radices of the stages, the last stage's first.
  public let factors: [Int]
  /// The complex point that each place holds before the first stage.
  public let order: [Int]
  /// Points of the unit circle in units of 1/32767: those of a stage, and those that take the two spectra apart.
  public let turns, halfTurns: [Turn]

  /// A point of the unit circle; each part in units of 1/32767, rounded half up.
  public struct Turn: Sendable, Hashable {
    public var real, imaginary: Int32

    init(angle: Double) {
      real = Int32((32_767 * cos(angle) + 0.5).rounded(.down))
      imaginary = Int32((32_767 * sin(angle) + 0.5).rounded(.down))
    }
  }

  public static let lengths = 4...1 << 13

  /// Nil where the length is no power of two, or not among `lengths`.
  public init?(length: Int, isInverse: Bool = false) {
    guard Self.lengths.contains(length), length & (length - 1) == 0 else { return nil }
    self.length = length
    self.isInverse = isInverse
    let circle = isInverse ? 2 * Double.pi : -2 * Double.pi
    let points = length / 2
    var factors: [Int] = []
    var rest = points
    while rest > 1 {
      factors.append(rest % 4 == 0 ? 4 : 2)
      rest /= factors[factors.count - 1]
    }
    self.factors = factors
    order = factors.reversed().reduce([0]) { order, factor in
      (0..<factor).flatMap { part in order.map { part + factor * $0 } }
    }
    turns = (0..<points).map { Turn(angle: circle * Double($0) / Double(points)) }
    halfTurns = (0..<points / 2).map { Turn(angle: circle / 2 * ((Double($0) + 1) / Double(points) + 0.5)) }
  }

  public var points: Int { length / 2 }
  /// Codes of the result: the real and the imaginary part of each bin.
  public var outputCount: Int { length + 2 }

  /// The spectrum of samples, behind which zeros stand.
  public func spectrum<W: Word>(_ samples: [W]) -> [W] {
    func sample(_ index: Int) -> W { index < samples.count ? samples[index] : W(0) }
    return split(transformed { Complex(real: sample(2 * $0), imaginary: sample(2 * $0 + 1)) })
  }

  /// The samples by the real and imaginary parts of their spectrum's bins (kissfft: `kiss_fftri`).
  public func samples<W: Word>(_ bins: [W]) -> [W] {
    func bin(_ index: Int) -> Complex<W> { Complex(real: bins[2 * index], imaginary: bins[2 * index + 1]) }
    var joined = Array(repeating: bin(0), count: points)
    let last = bin(points).real
    joined[0] = Complex(real: low16(bins[0] +% last), imaginary: low16(bins[0] -% last)).divided(by: 2)
    for index in 1...max(1, points / 2) {
      let mirror = points - index
      let (sum, difference) = parts(bin(index), bin(mirror), turn: index)
      // The point in the middle is its own mirror.
      joined[index] = (sum + difference).wrapped
      joined[mirror] = (sum - difference).wrapped.conjugate
    }
    return transformed { joined[$0] }.flatMap { [$0.real, $0.imaginary] }
  }

  /// Half of the sum of a point and its mirror's conjugate, and half of their difference, turned.
  private func parts<W: Word>(
    _ point: Complex<W>, _ mirror: Complex<W>, turn: Int
  ) -> (sum: Complex<W>, difference: Complex<W>) {
    let (a, b) = (point.divided(by: 2), mirror.conjugate.divided(by: 2))
    return ((a + b).wrapped, (a - b).wrapped.turned(by: halfTurns[turn - 1]))
  }

  /// The transform of complex points, all stages after each other.
  private func transformed<W: Word>(_ point: (Int) -> Complex<W>) -> [Complex<W>] {
    var points = order.map(point)
    var width = 1
    for factor in factors.reversed() {
      let step = points.count / (width * factor)
      for start in Swift.stride(from: 0, to: points.count, by: width * factor) {
        for place in start..<start + width {
          let parts = (0..<factor).map { part in
            let point = points[place + part * width].divided(by: factor)
            return part == 0 ? point : point.turned(by: turns[part * (place - start) * step])
          }
          for (part, sum) in Complex.sums(parts, isInverse: isInverse).enumerated() {
            points[place + part * width] = sum
          }
        }
      }
      width *= factor
    }
    return points
  }

  /// The spectrum of the samples by that of the points (kissfft: `kiss_fftr`).
  private func split<W: Word>(_ points: [Complex<W>]) -> [W] {
    var bins = Array(repeating: Complex(real: W(0), imaginary: W(0)), count: points.count + 1)
    let first = points[0].divided(by: 2)
    bins[0].real = low16(first.real +% first.imaginary)
    bins[points.count].real = low16(first.real -% first.imaginary)
    for bin in 1...max(1, points.count / 2) {
      let mirror = points.count - bin
      let (sum, difference) = parts(points[bin], points[mirror], turn: bin)
      bins[bin] = Complex(
        real: (sum.real +% difference.real) >>% 1, imaginary: (sum.imaginary +% difference.imaginary) >>% 1)
      bins[mirror] = Complex(
        real: (sum.real -% difference.real) >>% 1, imaginary: (difference.imaginary -% sum.imaginary) >>% 1)
    }
    return bins.flatMap { [$0.real, $0.imaginary] }
  }
}

/// The 16 lowest bits, as a signed number.
private func low16<W: Word>(_ x: W) -> W { (x +% W(32_768)).lowest(bits: 16) -% W(32_768) }

/// 2^-15 of it, rounded, of which int16 keeps 16 bits.
private func rounded<W: Word>(_ x: W) -> W { low16((x +% W(1 << 14)) >>% 15) }

private struct Complex<W: Word> {
  var real, imaginary: W

  static func + (a: Complex, b: Complex) -> Complex {
    Complex(real: a.real +% b.real, imaginary: a.imaginary +% b.imaginary)
  }
  static func - (a: Complex, b: Complex) -> Complex {
    Complex(real: a.real -% b.real, imaginary: a.imaginary -% b.imaginary)
  }
  /// Turned by a quarter, clockwise.
  private var quarter: Complex { Complex(real: imaginary, imaginary: W(0) -% real) }

  var conjugate: Complex { Complex(real: real, imaginary: low16(W(0) -% imaginary)) }

  var wrapped: Complex {
    Complex(real: low16(real), imaginary: low16(imaginary))
  }

  func divided(by factor: Int) -> Complex {
    let share = W(Int64(32_767 / factor))
    return Complex(real: rounded(real *% share), imaginary: rounded(imaginary *% share))
  }

  func turned(by turn: FourierTransform.Turn) -> Complex {
    let (x, y) = (W(Int64(turn.real)), W(Int64(turn.imaginary)))
    return Complex(real: rounded(real *% x -% imaginary *% y), imaginary: rounded(real *% y +% imaginary *% x))
  }

  /// The transform of two or four points.
  static func sums(_ p: [Complex], isInverse: Bool) -> [Complex] {
    if p.count == 2 { return [(p[0] + p[1]).wrapped, (p[0] - p[1]).wrapped] }
    let (even, odd) = ((p[0] + p[2], p[0] - p[2]), (p[1] + p[3], p[1] - p[3]))
    let (second, last) = ((even.1 + odd.1.quarter).wrapped, (even.1 - odd.1.quarter).wrapped)
    return [
      (even.0 + odd.0).wrapped, isInverse ? last : second, (even.0 - odd.0).wrapped, isInverse ? second : last,
    ]
  }
}
