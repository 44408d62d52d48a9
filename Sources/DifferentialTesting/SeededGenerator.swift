/// A small random number generator that gives the same sequence for a seed on every platform and with every
/// version of the standard library (SplitMix64; Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Draws whose outcome depends on the sequence alone. The standard library's own (`Int.random(in:using:)`,
/// `shuffled(using:)`) may consume it differently from one version to the next.
extension SeededGenerator {
  /// An integer of `range`, each as likely as the next but for a bias below 2^−32 in ranges of fewer than
  /// 2^32.
  public mutating func integer(in range: ClosedRange<Int>) -> Int {
    let width = UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound)) &+ 1
    guard width != 0 else { return Int(truncatingIfNeeded: next()) }
    return range.lowerBound &+ Int(truncatingIfNeeded: next().multipliedFullWidth(by: width).high)
  }

  /// A real number in 0 ..< 1, a multiple of 2^−53.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A real number in `range`.
  public mutating func real(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + unit() * (range.upperBound - range.lowerBound)
  }

  /// A positive number whose power of two is drawn evenly: about log-uniform over 2^lower … 2^(upper + 1).
  public mutating func magnitude(exponents: ClosedRange<Int>) -> Double {
    let exponent = integer(in: exponents)
    return Double(sign: .plus, exponent: exponent, significand: 1 + unit())
  }

  /// True with the given probability.
  public mutating func chance(_ probability: Double) -> Bool { unit() < probability }

  /// One of `elements`, of which there must be one.
  public mutating func element<T>(of elements: [T]) -> T {
    elements[integer(in: 0...elements.count - 1)]
  }

  /// One of the values, as often as its weight is great. The weights must not all be zero.
  public mutating func choice<T>(of options: [(weight: Int, value: T)]) -> T {
    var rest = integer(in: 1...options.reduce(0) { $0 + $1.weight })
    for option in options {
      rest -= option.weight
      if rest <= 0 { return option.value }
    }
    return options[options.count - 1].value
  }

  /// The elements in a random order (Fisher and Yates).
  public mutating func shuffled<T>(_ elements: [T]) -> [T] {
    var elements = elements
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, integer(in: 0...last))
    }
    return elements
  }
}
