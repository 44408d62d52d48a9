import IntegerProgram
import Network
import Testing

/// Sums of 16-bit codes times 16-bit weights (ONNX) stand in 64 bits, of which 48 are requantised.
@Suite struct WideAccumulatorTests {
  /// A dense layer of two channels: one of zeros, and one whose weights are all as large as 16 bits have them.
  private func network(inputs: Int) -> Network {
    let one = Quantization(scales: [1], zeroPoints: [0])
    let codes = Array(repeating: Int16(0), count: inputs) + Array(repeating: Int16.max, count: inputs)
    let bytes = codes.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    let wide = Quantization(scales: [0x1p30], zeroPoints: [0])
    return Network(
      name: "wide",
      tensors: [
        Tensor(name: "x", shape: [1, inputs], type: .int16, quantization: one),
        Tensor(name: "w", shape: [2, inputs], type: .int16, quantization: one, constant: bytes),
        Tensor(name: "y", shape: [1, 2], type: .int16, quantization: wide),
      ],
      operations: [
        Operation(
          .fullyConnected(keepsDimensions: true, .none), typeName: "MatMul", inputs: [0, 1], outputs: [2],
          quantizer: Quantizer(rounding: .halfEven, codes: -32_768...32_767))
      ], inputs: [0], outputs: [2], format: .onnx)
  }

  @Test func `sums that 48 bits may not hold are refused with their channel, and a remedy`() throws {
    // 32,768 · 32,767 · 131,080 is above 2^47.
    let error = #expect(throws: NetworkError.self) { try IntegerProgram(lowering: self.network(inputs: 131_080)) }
    let message = "\(try #require(error))"
    #expect(message.contains("channel 1 could overflow 48 bits"), "\(message)")
    #expect(message.contains("fewer inputs to this layer"), "\(message)")
  }

  @Test func `sums that 48 bits just hold are reckoned in 64`() throws {
    // 32,768 · 32,767 · 131,072 is 2^32 below 2^47.
    let program = try IntegerProgram(lowering: network(inputs: 131_072))
    guard case .affine(let affine)? = program.steps.last?.operation else {
      Issue.record("its step is no weighted sum")
      return
    }
    #expect(affine.isLong)
    #expect(affine.accumulators[1].lowerBound == -32_768 * 32_767 * 131_072)
  }
}
