import Arithmetic
import IntegerProgram
import Network
import Testing

/// A network of one fully connected layer, [1, inputs] → [1, outputs], with all weights and biases alike.
private func dense(
  inputs: Int, outputs: Int, weight: Int8, bias: Int32, inputScale: Float = 0.5, weightScale: Float = 0.25,
  outputScale: Float = 1, zeroPoint: Int64 = 0
) -> Network {
  let bytes = { (value: Int32) in (0..<4).map { UInt8(truncatingIfNeeded: value >> Int32(8 * $0)) } }
  return Network(
    name: "dense",
    tensors: [
      Tensor(name: "x", shape: [1, inputs], type: .int8, quantization: Quantization(scales: [inputScale], zeroPoints: [zeroPoint])),
      Tensor(
        name: "w", shape: [outputs, inputs], type: .int8, quantization: Quantization(scales: [weightScale], zeroPoints: [0]),
        constant: Array(repeating: UInt8(bitPattern: weight), count: inputs * outputs)),
      Tensor(
        name: "b", shape: [outputs], type: .int32,
        constant: (0..<outputs).flatMap { bytes($0 == outputs - 1 ? bias : 0) }),
      Tensor(name: "y", shape: [1, outputs], type: .int8, quantization: Quantization(scales: [outputScale], zeroPoints: [0])),
    ],
    operations: [
      Operation(
        .fullyConnected(keepsDimensions: false, .none), typeName: "FULLY_CONNECTED", inputs: [0, 1, 2], outputs: [3])
    ], inputs: [0], outputs: [3])
}

private func fault(_ network: Network) -> String {
  do {
    _ = try IntegerProgram(lowering: network)
    return "no error"
  } catch {
    return "\(error)"
  }
}

@Suite struct LoweringTests {
  @Test func `the proved range of an accumulator is the least and the most it can be`() throws {
    let program = try IntegerProgram(lowering: dense(inputs: 3, outputs: 2, weight: 10, bias: 7, zeroPoint: 5))
    guard case .affine(let affine) = program.steps[0].operation else {
      Issue.record("a dense layer is an affine step")
      return
    }
    // 10 · Σ (x − 5) over x in −128 … 127, and the bias of the last channel.
    #expect(affine.bias == [-150, -143])
    let expected: [ClosedRange<Int64>] = [-3990...3660, -3983...3667]
    #expect(affine.accumulators == expected)
  }

  @Test func `an accumulator that could overflow is refused with its channel`() {
    let message = fault(dense(inputs: 4, outputs: 3, weight: 127, bias: Int32.max - 1000))
    #expect(message.contains("layer 0 FULLY_CONNECTED \"y\""))
    #expect(message.contains("channel 2 could overflow 32 bits"))
    #expect(message.contains("\(Int32.max - 1000)"))
  }

  @Test func `an accumulator that just fits is accepted`() throws {
    let most = 4 * 127 * 128
    _ = try IntegerProgram(
      lowering: dense(inputs: 4, outputs: 3, weight: 127, bias: Int32.max - Int32(most), outputScale: 1e6))
    #expect(
      fault(dense(inputs: 4, outputs: 3, weight: -127, bias: Int32.max - Int32(most) + 1, outputScale: 1e6))
        .contains("channel 2"))
  }

  @Test func `a requantisation whose left shift could overflow is refused with its channel`() {
    let message = fault(
      dense(inputs: 4, outputs: 1, weight: 127, bias: 1 << 20, inputScale: 1, weightScale: 1, outputScale: 0x1p-12))
    #expect(message.contains("requantisation of channel 0 could overflow 32 bits"))
    #expect(message.contains("→"))
  }

  @Test func `every layer at fault is listed at once, with what would help`() {
    var network = dense(inputs: 2, outputs: 2, weight: 1, bias: 0)
    network.operations[0].kind = .unsupported(reason: "the operator is not supported")
    network.operations[0].typeName = "PRELU"
    network.operations[0].remedy = "use LEAKY_RELU, whose slope is one number"
    network.tensors.append(network.tensors[3])
    network.tensors[4].name = "z"
    network.operations.append(Operation(.softmax(beta: 1), typeName: "SOFTMAX", inputs: [3], outputs: [4]))
    network.outputs = [4]
    let message = fault(network)
    #expect(message.contains("2 faults"))
    #expect(message.contains("layer 0 PRELU \"y\": the operator is not supported"))
    #expect(message.contains("use LEAKY_RELU"))
    #expect(message.contains("layer 1 SOFTMAX \"z\": its output must be int8 with scale 1/256"))
  }

  @Test func `the range of a value holds every code the layer can make, and no needless one`() throws {
    // Weights of one and a power-of-two scale: the output is the input, quartered.
    let program = try IntegerProgram(
      lowering: dense(inputs: 1, outputs: 1, weight: 1, bias: 0, inputScale: 1, weightScale: 1, outputScale: 4))
    #expect(program.values[program.outputs[0]].range == -32...32)
  }

  @Test(arguments: [LoweringOptions.ScaleProduct.double, .float32])
  func `the precision of scale products is the one asked for`(_ product: LoweringOptions.ScaleProduct) throws {
    let (x, w): (Float, Float) = (0.1, 0.3)
    let program = try IntegerProgram(
      lowering: dense(inputs: 1, outputs: 1, weight: 1, bias: 0, inputScale: x, weightScale: w, outputScale: 0.7),
      options: LoweringOptions(scaleProduct: product))
    guard case .affine(let affine) = program.steps[0].operation else { return }
    let exact = Multiplier(Double(x) * Double(w) / Double(Float(0.7)))
    let rounded = Multiplier(Double(x * w) / Double(Float(0.7)))
    #expect(exact != rounded)
    #expect(affine.requantization.multipliers == [product == .double ? exact : rounded])
  }

  @Test func `a network whose output is a constant or its input gets a step that makes it`() throws {
    var network = dense(inputs: 2, outputs: 2, weight: 1, bias: 0)
    network.outputs = [3, 0]
    let program = try IntegerProgram(lowering: network)
    #expect(program.steps.count == 2)
    #expect(program.outputs.allSatisfy { output in program.steps.contains { $0.output == output } })
  }
}
