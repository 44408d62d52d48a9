import Arithmetic
import Testing

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What TensorFlow Lite's kernels of int16 codes have of their own.
@Suite struct SixteenBitTests {
  @Test("a reduced multiplier is the nearest of 15 bits, and applied to sums of 64 bits rounds once, ties upward")
  func reducedMultipliers() throws {
    for real in [0.3, 0.000_012_345, 0.999_999, 1.0, 5.7, 0x1p-20, 0.75, 127.9] {
      let reduced = try #require(Multiplier(real)).reduced
      #expect((0...0x7FFF).contains(reduced.mantissa))
      #expect(abs(reduced.real / real - 1) <= 0x1p-15)
      for sum in [0, 1, -1, 12_345_678, -987_654_321, 1 << 40, -(1 << 46), (1 << 46) + 12_345] as [Int64] {
        // ⌊sum · mantissa · 2^(exponent − 31) + 1/2⌋, in integers.
        let product = Int128(sum) * Int128(reduced.mantissa)
        let shift = 31 - reduced.exponent
        let expected = (product + (Int128(1) << (shift - 1))) >> shift
        #expect(Int128(requantize(sum, by: reduced, rounding: .single)) == expected)
        #expect(requantize(Interval<Int64>(sum, sum), by: reduced, rounding: .single).holds)
      }
    }
  }

  @Test("tables between whose entries lines are drawn follow their functions, and never turn")
  func tables() {
    let (exponential, reciprocal) = (InterpolatedTable.exponential, InterpolatedTable.reciprocal)
    #expect(exponential.entries.count == 513 && reciprocal.entries.count == 513)
    #expect(exponential.entries[512] == 32_767 && reciprocal.entries[512] == 16_384)
    for code in stride(from: -32_768, through: 32_767, by: 37) as StrideThrough<Int32> {
      let share = Double(code + 32_768) / 65_536
      #expect(abs(Double(exponential[code]) - 32_768 * exp(-10 + 10 * share)) < 2.5)
      #expect(abs(Double(reciprocal[code]) - 32_768 / (1 + share)) < 2)
      #expect(exponential[code] <= exponential[code + 1] && reciprocal[code] >= reciprocal[code + 1])
    }
  }

  @Test("an interpolated softmax comes close to the real one", arguments: [0.0002, 0.001, 0.01] as [Float])
  func softmax(scale: Float) throws {
    let units = try #require(SoftmaxScale(interpolatedFor: scale, beta: 1))
    var random = SplitMix64(seed: 3)
    for depth in [1, 2, 7, 40] {
      let codes = (0..<depth).map { _ in Int32(truncatingIfNeeded: random.next() % 6000) - 3000 }
      let largest = codes.max() ?? 0
      let exponentials = codes.map { interpolatedExponential($0 - largest, units) }
      let divisor = InterpolatedDivisor(ofSum: exponentials.reduce(0, +))
      let real = codes.map { exp(Double(scale) * Double($0 - largest)) }
      let sum = real.reduce(0, +)
      for (exponential, share) in zip(exponentials, real) {
        #expect(abs(Double(divisor.code(exponential)) - min(32_767, 32_768 * share / sum)) < 40)
      }
    }
  }
}
