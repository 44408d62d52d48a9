import Testing

@testable import Arithmetic

/// Sigmoid and tangent of 16-bit codes, for all codes.
@Suite struct InterpolatedSigmoidTests {
  /// FNV-1a, 32 bits, over the codes' bytes, little-endian.
  private func hash(_ codes: [Int32]) -> UInt32 {
    var hash: UInt32 = 2_166_136_261
    for code in codes {
      for byte in 0..<2 { hash = (hash ^ (UInt32(bitPattern: code) >> UInt32(8 * byte) & 0xFF)) &* 16_777_619 }
    }
    return hash
  }

  @Test(
    "the codes of all 65,536 codes are those of TensorFlow Lite Micro's kernels",
    arguments: [
      (InterpolatedSigmoid.Function.logistic, -14, 3_123_945_935 as UInt32), (.logistic, -13, 256_721_177),
      (.logistic, -12, 2_869_497_237), (.logistic, -11, 3_509_000_017), (.tanh, -14, 1_789_501_993),
      (.tanh, -13, 3_679_811_956), (.tanh, -12, 2_532_624_421), (.tanh, -11, 3_164_572_257),
    ])
  func codes(function: InterpolatedSigmoid.Function, power: Int, expected: UInt32) throws {
    let sigmoid = try #require(InterpolatedSigmoid(function, inputPower: power))
    #expect(hash(sigmoid.codes) == expected)
  }

  @Test("it is near the function, never falls, and has the table's ends")
  func shape() throws {
    let sigmoid = try #require(InterpolatedSigmoid(.logistic, inputPower: -12))
    let codes = sigmoid.codes
    #expect(zip(codes, codes.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(codes[32_768] == 16_384 && codes[65_535] > 32_700)
    #expect(InterpolatedSigmoid.table.count == 256 && InterpolatedSigmoid.table[0] == 32_768)
    #expect(InterpolatedSigmoid(.tanh, inputPower: 1) == nil && InterpolatedSigmoid(.tanh, inputPower: -28) == nil)
  }
}
