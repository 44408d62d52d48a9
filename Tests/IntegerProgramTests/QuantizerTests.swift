import Arithmetic
import IntegerProgram
import Network
import Simulation
import Testing

/// A quantiser behind a dense layer with power-of-two scales is exact in every rounding mode, with real biases, odd zero
/// points and clamps: held to real arithmetic in double precision, which is exact for these numbers.
@Suite struct QuantizerTests {
  struct Case: Sendable, CustomStringConvertible {
    var rounding: Quantizer.Rounding
    var shift: Int
    var bias: Double
    var zeroPoint: Int64
    var isSigned: Bool
    var roundsZeroPoint: Bool
    var description: String {
      "\(rounding.rawValue), shift \(shift), bias \(bias), zero point \(zeroPoint), \(isSigned), \(roundsZeroPoint)"
    }
  }

  static let cases = Quantizer.Rounding.allCases.flatMap { rounding in
    [-1, 0, 1, 2, 5].flatMap { shift in
      [0, 3, -0.5, 0.25, 1.0 / 3, -7.75].flatMap { bias in
        [(Int64(0), true, true), (3, true, true), (-1, true, false), (0, false, true), (5, false, true)].compactMap {
          zero, signed, before in
          let isDirected = [.halfEven, .floor, .ceiling].contains(rounding)
          // Modes that look at the sign are QONNX's, and need codes of 0 and more.
          return isDirected || !signed && before
            ? Case(
              rounding: rounding, shift: shift, bias: bias, zeroPoint: zero, isSigned: signed, roundsZeroPoint: before)
            : nil
        }
      }
    }
  }

  @Test(arguments: cases)
  func powersOfTwoAreExact(_ c: Case) throws {
    let input = Tensor(
      name: "x", shape: [1, 2], type: .int8, quantization: Quantization(scales: [0.25], zeroPoints: [-5]))
    let weights = Tensor(
      name: "w", shape: [1, 2], type: .integer(bits: 4, signed: true),
      quantization: Quantization(scales: [0.5], zeroPoints: [0]), constant: [3, UInt8(bitPattern: -7)])
    let bits = (c.bias * 0.125).bitPattern
    let bias = Tensor(
      name: "b", shape: [1], type: .float64, constant: (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) })
    let type = ElementType.integer(bits: 10, signed: c.isSigned)
    let scale = Float(sign: .plus, exponent: c.shift - 3, significand: 1)
    let output = Tensor(
      name: "y", shape: [1, 1], type: type, quantization: Quantization(scales: [scale], zeroPoints: [c.zeroPoint]))
    let codes = try #require(type.codes)
    let quantizer = Quantizer(
      rounding: c.rounding, roundsZeroPoint: c.roundsZeroPoint, clamp: -60 ... .infinity,
      codes: codes.lowerBound...codes.upperBound - 1)
    let network = Network(
      name: "one", tensors: [input, weights, bias, output],
      operations: [
        Operation(
          .fullyConnected(keepsDimensions: true, .none), typeName: "MatMul", inputs: [0, 1, 2], outputs: [3],
          quantizer: quantizer)
      ], inputs: [0], outputs: [3], format: .onnx)
    let simulator = Simulator(try IntegerProgram(lowering: network))
    for a in Int32(-128)...127 {
      for b: Int32 in [-128, -64, -3, 0, 1, 2, 90, 127] {
        let real = 0.125 * (Double(3 * (a + 5) - 7 * (b + 5)) + c.bias)
        let y = max(real, -60) / Double(scale)
        let code =
          c.roundsZeroPoint
          ? c.rounding.round(y + Double(c.zeroPoint)) : c.rounding.round(y) + Double(c.zeroPoint)
        let expected = max(Double(codes.lowerBound), min(Double(codes.upperBound - 1), code))
        #expect(try simulator.run([[a, b]])[0] == [Int32(expected)], "\(a), \(b)")
      }
    }
  }

  @Test func namesOfModesAreReadInAnyCase() {
    for mode in [Quantizer.Rounding.up, .down, .halfUp, .halfDown] {
      #expect(Quantizer.Rounding(name: mode.rawValue.lowercased()) == mode)
    }
    #expect(Quantizer.Rounding(name: "ROUND_TO_ZERO") == .down)
    #expect(Quantizer.Rounding(name: "NEAREST") == nil)
  }

  /// numpy's results for QONNX's definitions.
  @Test(arguments: [
    (Quantizer.Rounding.halfEven, [-2, -2, -1, 0, 0, 0, 2, 2]), (.floor, [-3, -2, -1, -1, 0, 0, 1, 2]),
    (.ceiling, [-2, -1, -1, 0, 1, 1, 2, 3]), (.up, [-3, -2, -1, -1, 1, 1, 2, 3]), (.down, [-2, -1, -1, 0, 0, 0, 1, 2]),
    (.halfUp, [-3, -2, -1, -1, 0, 1, 2, 3]), (.halfDown, [-2, -1, -1, 0, 0, 0, 1, 2]),
  ])
  func rounds(rounding: Quantizer.Rounding, expected: [Double]) {
    #expect([-2.5, -1.5, -1, -0.5, 0.25, 0.5, 1.5, 2.5].map { rounding.round($0) } == expected)
  }
}
