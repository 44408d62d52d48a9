import Exporters
import Foundation
import Importers
import IntegerProgram
import Network
import Simulation
import Testing

@testable import Quantization

@Suite struct FloatNetworkTests {
  @Test(arguments: FloatFile.names)
  func `scores are the reference's, but for rounding in single precision`(name: String) throws {
    let file = try FloatFile(name)
    for (input, expected) in zip(file.inputs, file.scores) {
      let scores = file.network.run([input])[0]
      for (a, b) in zip(scores, expected) { #expect(abs(a - b) < 1e-4, "\(scores), not \(expected)") }
    }
  }

  @Test(arguments: FloatFile.names)
  func `what compiles networks refuses float ones as before`(name: String) throws {
    let bytes = try FloatFile.bytes(name)
    #expect(throws: NetworkError.self) {
      _ = try IntegerProgram(
        lowering: name.hasSuffix(".onnx")
          ? ONNX.network(from: bytes, name: name) : TFLite.network(from: bytes, name: name))
    }
  }

  @Test func `ReLU and normalisation are taken into the layers in front of them`() throws {
    let layers = try FloatFile("conv.onnx").network.layers
    let activations = layers.compactMap { layer in
      if case .affine = layer.kind { layer.activation } else { nil }
    }
    #expect(activations == [.relu, .relu6, .none, .none, .none])
    #expect(layers.contains { if case .combine(.sum, _, _) = $0.kind { $0.activation == .relu } else { false } })
    #expect(!layers.contains { if case .unary = $0.kind { true } else { false } })
  }

  @Test func `what is quantised already is refused`() throws {
    let folder = FloatFile.folder.deletingLastPathComponent()
    let bytes = try InputFile.bytes(
      path: folder.appending(path: "Networks/mnist_784-100-10_4bit.onnx").path, limit: 1 << 26)
    let error = #expect(throws: NetworkError.self) { try ONNX.floatNetwork(from: bytes, name: "x") }
    #expect(error?.description.contains("the network is quantised already") == true)
    let digits = try InputFile.bytes(
      path: folder.deletingLastPathComponent().appending(path: "Examples/digits/digits.tflite").path, limit: 1 << 26)
    let other = #expect(throws: NetworkError.self) { try FloatNetwork(TFLite.network(from: digits, name: "x")) }
    #expect(other?.description.contains("the network is quantised already: its layers make int8 codes") == true)
  }
}

@Suite struct QuantizationTests {
  static func simulate(_ network: Network, _ input: [Int32]) throws -> [Int32] {
    try Simulator(IntegerProgram(lowering: network)).run([input])[0]
  }

  @Test(arguments: FloatFile.names, [4, 6, 8])
  func `fixed point has powers of two for scales, takes pixels as they are, and keeps the class`(
    name: String, bits: Int
  ) throws {
    let file = try FloatFile(name)
    let network = try file.network.quantized(
      to: .fixedPoint(weightBits: bits, activationBits: bits), calibration: file.calibration(),
      inputs: [.pixels(low: 0, high: 1)])
    for tensor in network.tensors {
      for scale in tensor.quantization?.scales ?? [] { #expect(scale.significand == 1, "\(tensor.name)") }
    }
    let input = network.tensors[network.inputs[0]]
    #expect(input.type == .uint8 && input.quantization == Quantization(scales: [1.0 / 256], zeroPoints: [0]))
    #expect(network.tensors[network.outputs[0]].type == .int16)
    for operation in network.operations where operation.quantizer?.rounding == .halfUp {
      #expect(network.tensors[operation.outputs[0]].type == .integer(bits: bits, signed: false))
    }
    var same = 0
    for (pixels, scores) in zip(file.pixels, file.scores) {
      if try largest(Self.simulate(network, pixels.map { Int32($0) })) == largest(scores) { same += 1 }
    }
    #expect(same >= (bits == 8 ? 8 : bits == 6 ? 7 : 4), "\(same) of 8")
    let back = try ONNX.network(from: ONNX.bytes(of: network), name: network.name)
    #expect(try IntegerProgram(lowering: back).digest == IntegerProgram(lowering: network).digest)
  }

  @Test(arguments: FloatFile.names)
  func `int8 takes pixels less 128, has a scale a channel, and keeps the class`(name: String) throws {
    let file = try FloatFile(name)
    let network = try file.network.quantized(
      to: .int8, calibration: file.calibration(), inputs: [.pixels(low: 0, high: 1)])
    let input = network.tensors[network.inputs[0]]
    #expect(input.quantization == Quantization(scales: [Float(1) / 255], zeroPoints: [-128]))
    for operation in network.operations {
      guard let weights = operation.inputs.dropFirst().first.flatMap({ $0 }).map({ network.tensors[$0] }),
        weights.type == .int8, let codes = weights.integers
      else { continue }
      #expect(weights.quantization?.scales.count == weights.shape[weights.quantization?.axis ?? 0])
      #expect(codes.min() ?? 0 >= -127 && max(codes.max() ?? 0, -(codes.min() ?? 0)) == 127)
    }
    for (pixels, scores) in zip(file.pixels, file.scores) {
      let codes = try Self.simulate(network, pixels.map { Int32($0) - 128 })
      #expect(largest(codes) == largest(scores))
      // A softmax of 8 bits: 1/256 a code.
      for (code, score) in zip(codes, scores) { #expect(abs(Float(code + 128) / 256 - score) < 0.1) }
    }
    #expect(try TFLite.network(from: TFLite.bytes(of: network), name: "x").operations.count == network.operations.count)
  }

  @Test(arguments: [QuantizationTarget.int8, .fixedPoint(weightBits: 8, activationBits: 8)])
  func `a layer of every kind comes close to its real values`(target: QuantizationTarget) throws {
    var network = EveryLayer.network()
    // The scores themselves: a softmax hides what is small.
    network.operations.removeLast()
    network.outputs = [network.operations[network.operations.count - 1].outputs[0]]
    let float = try FloatNetwork(network)
    let samples = (0..<64).map { sample in (0..<144).map { Float(sin(Double(1 + sample * 144 + $0) * 12.9898) * 0.999) }
    }
    var seen = Calibration(samples: samples.count)
    for sample in samples { try seen.add([sample], to: float) }
    let quantized = try float.quantized(to: target, calibration: seen, inputs: [.reals])
    let program = try IntegerProgram(lowering: quantized)
    let simulator = Simulator(program)
    let (input, output) = (program.values[program.inputs[0]], program.values[program.outputs[0]])
    var (error, size) = (0.0, 0.0)
    for sample in samples {
      let codes = sample.map { real in
        let code = Int64((real / input.scale).rounded()) + Int64(input.zeroPoint)
        return Int32(min(max(code, input.type.range.lowerBound), input.type.range.upperBound))
      }
      for (code, real) in zip(try simulator.run([codes])[0], float.run([sample])[0]) {
        let difference = Double(Float(code - output.zeroPoint) * output.scale - real)
        error += difference * difference
        size += Double(real * real)
      }
    }
    #expect((error / size).squareRoot() < 0.06, "\((error / size).squareRoot())")
    if target == .int8 {
      #expect(try !TFLite.bytes(of: quantized).isEmpty)
    } else {
      // Transpositions are not said as they stand, but come to the same.
      #expect(throws: NetworkError.self) { try ONNX.bytes(of: quantized) }
      let normal = try ONNX.normalForm(of: quantized)
      let other = Simulator(try IntegerProgram(lowering: normal))
      for sample in samples.prefix(8) {
        let codes = sample.map { Int32(min(max(($0 / input.scale).rounded(), -128), 127)) }
        #expect(try other.run([codes]) == simulator.run([codes]))
      }
      #expect(try !ONNX.bytes(of: normal).isEmpty)
    }
  }

  /// Pixels and TANH have codes that end at 1; what they are joined with reaches 8.
  @Test(arguments: [QuantizationTarget.int8, .fixedPoint(weightBits: 8, activationBits: 8)])
  func `what is joined keeps its range`(target: QuantizationTarget) throws {
    var network = Network(name: "joined", tensors: [], operations: [], inputs: [], outputs: [])
    func add(_ channels: Int) -> Int {
      network.tensors.append(Tensor(name: "t\(network.tensors.count)", shape: [1, 2, 2, channels], type: .float32))
      return network.tensors.count - 1
    }
    func constant(_ shape: [Int], _ number: (Int) -> Float) -> Int {
      let bytes = (0..<shape.reduce(1, *)).flatMap { index in
        (0..<4).map { UInt8(truncatingIfNeeded: number(index).bitPattern >> (8 * $0)) }
      }
      network.tensors.append(Tensor(name: "c\(network.tensors.count)", shape: shape, type: .float32, constant: bytes))
      return network.tensors.count - 1
    }
    func emit(_ kind: EveryLayer.Kind, _ type: String, _ inputs: [Int], _ channels: Int) -> Int {
      network.operations.append(.init(kind, typeName: type, inputs: inputs, outputs: [add(channels)]))
      return network.tensors.count - 1
    }
    let image = add(2)
    func convolution(_ input: Int, _ inputs: Int, _ outputs: Int, _ number: (Int) -> Float) -> Int {
      emit(
        .conv2D(Window(padding: .valid), .none), "CONV_2D",
        [input, constant([outputs, 1, 1, inputs], number), constant([outputs]) { _ in 0 }], outputs)
    }
    let wide = convolution(image, 2, 3) { [8, -2, 3, 3, -1, 6][$0] }
    let squashed = emit(.unary(.tanh), "TANH", [convolution(image, 2, 2) { [2, -2, -1, 3][$0] }], 2)
    let joined = emit(.concatenation(axis: 3, .none), "CONCATENATION", [image, wide, squashed], 7)
    let scores = convolution(joined, 7, 2) { [0.5, 0, 1, -1, 0.5, 1, 0, 0, 1, -0.5, 1, 1, 0, -1][$0] }
    (network.inputs, network.outputs) = ([image], [scores])
    let float = try FloatNetwork(network)
    let samples = (0..<64).map { sample in (0..<8).map { Int32((sample * 8 + $0) * 89 % 256) } }
    var seen = Calibration(samples: samples.count)
    for sample in samples { try seen.add([sample.map { Float($0) / 255 }], to: float) }
    let program = try IntegerProgram(
      lowering: float.quantized(to: target, calibration: seen, inputs: [.pixels(low: 0, high: 1)]))
    let (simulator, output) = (Simulator(program), program.values[program.outputs[0]])
    var (error, size) = (0.0, 0.0)
    for sample in samples {
      let codes = sample.map { $0 - (target == .int8 ? 128 : 0) }
      for (code, real) in zip(try simulator.run([codes])[0], float.run([sample.map { Float($0) / 255 }])[0]) {
        let difference = Double(Float(code - output.zeroPoint) * output.scale - real)
        error += difference * difference
        size += Double(real * real)
      }
    }
    #expect((error / size).squareRoot() < 0.03, "\((error / size).squareRoot())")
  }

  @Test func `pixels that stand for other ranges keep zero a code`() throws {
    let file = try FloatFile("conv.tflite")
    let calibration = try file.calibration()
    let fixed = try file.network.quantized(
      to: .fixedPoint(weightBits: 8, activationBits: 8), calibration: calibration, inputs: [.pixels(low: -1, high: 1)])
    let input = fixed.tensors[fixed.inputs[0]]
    // Zero lies half-way between two pixels.
    let zeroPoint = try #require(input.quantization?.zeroPoints.first)
    #expect(input.type == .uint8 && (127...128).contains(zeroPoint) && input.quantization?.scales == [1.0 / 128])
    let int8 = try file.network.quantized(to: .int8, calibration: calibration, inputs: [.pixels(low: -1, high: 1)])
    let other = try #require(int8.tensors[int8.inputs[0]].quantization?.zeroPoints.first)
    #expect((-1...0).contains(other))
  }

  @Test func `a percentile cuts off both ends alike`() {
    let tensor = Calibration.Tensor(least: 0, largest: 1000, elements: (0...1000).map { Float($0) })
    #expect(RangeRule.minimumMaximum.range([tensor]) == 0...1000)
    #expect(RangeRule.percentile(99).range([tensor]) == 5...995)
    #expect(RangeRule.percentile(100).range([tensor]) == 0...1000)
  }

  @Test func `of the powers of two the one with the least error is taken`() {
    // Up to 1 in 4 unsigned bits: a sixteenth cuts off the sixteenth sixteenth, an eighth is coarser.
    #expect(FixedPointQuantizer.bestScale([0.25, 0.5, 0.9375], largest: 0.9375, bits: 4, isSigned: false) == 1.0 / 16)
    #expect(FixedPointQuantizer.bestScale([1, 1, 1, 1], largest: 1, bits: 4, isSigned: true) == 1.0 / 4)
    // One outlier does not make all the others coarse.
    #expect(
      FixedPointQuantizer.bestScale(
        Array(repeating: 0.03, count: 10_000) + [1], largest: 1, bits: 4, isSigned: false) < 1.0 / 16)
  }

  @Test func `a softmax inside the network cannot be fixed-point, and is named`() throws {
    var network = EveryLayer.network()
    let end = network.tensors.count
    network.tensors.append(Tensor(name: "end", shape: [1, 5], type: .float32))
    network.operations.append(
      Operation(.unary(.relu), typeName: "RELU", inputs: [network.outputs[0]], outputs: [end]))
    network.outputs = [end]
    let float = try FloatNetwork(network)
    var seen = Calibration(samples: 1)
    try seen.add([Array(repeating: 0.5, count: 144)], to: float)
    let error = #expect(throws: NetworkError.self) {
      try float.quantized(to: .fixedPoint(weightBits: 8, activationBits: 8), calibration: seen, inputs: [.reals])
    }
    #expect(error?.description.contains("SOFTMAX \"likely\": inside the network it needs floating point") == true)
  }

  @Test func `a layer whose shapes do not fit is named`() {
    var network = EveryLayer.network()
    network.tensors[network.operations[0].outputs[0]].shape = [1, 5, 8, 6]
    let error = #expect(throws: NetworkError.self) { try FloatNetwork(network) }
    #expect(error?.description.contains("layer 0 CONV_2D \"first\": its output has the shape [1, 5, 8, 6]") == true)
  }
}
