import IntegerProgram
import Network
import Simulation
import Testing

/// PAD in front of a convolution or a pool of [1, 4, 5, 2].
private struct PaddedNetwork {
  enum Window { case convolution, depthwise, maximum, average }

  var amounts: [Int64] = [0, 0, 1, 0, 0, 2, 0, 0]
  var zeroPoint: Int64 = -7
  /// The code of a PADV2.
  var fill: Int64?
  var window = Window.convolution
  var padding = Padding.valid
  var stride = 2
  /// Whether the padded image is an output, too, and so has to be there.
  var showsPadded = false

  var network: Network {
    let codes = Quantization(scales: [0.5], zeroPoints: [zeroPoint])
    let bytes = amounts.flatMap { amount in (0..<4).map { UInt8(truncatingIfNeeded: amount >> Int64(8 * $0)) } }
    let size = [4, 5].enumerated().map { $1 + Int(amounts[2 * $0 + 2] + amounts[2 * $0 + 3]) }
    let count = size.map { padding == .valid ? ($0 - 3) / stride + 1 : ($0 + stride - 1) / stride }
    let channels = 2 + Int(amounts[6] + amounts[7])
    let outputs = window == .convolution ? 3 : channels
    let shape = window == .convolution ? [outputs, 3, 3, channels] : [1, 3, 3, channels]
    let weights = (0..<shape.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
    let geometry = Network.window(padding, stride)
    let isPool = window == .maximum || window == .average
    let kind: Operation.Kind
    switch window {
    case .convolution: kind = .conv2D(geometry, .relu)
    case .depthwise: kind = .depthwiseConv2D(geometry, depthMultiplier: 1, .none)
    case .maximum: kind = .maxPool2D(geometry, height: 3, width: 3, .none)
    case .average: kind = .averagePool2D(geometry, height: 3, width: 3, .none)
    }
    var network = Network(
      name: "padded",
      tensors: [
        Tensor(name: "x", shape: [1, 4, 5, 2], type: .int8, quantization: codes),
        Tensor(name: "amounts", shape: [4, 2], type: .int32, constant: bytes),
        Tensor(name: "padded", shape: [1, size[0], size[1], channels], type: .int8, quantization: codes),
        Tensor(
          name: "w", shape: shape, type: .int8, quantization: Quantization(scales: [0.01], zeroPoints: [0]),
          constant: weights),
        Tensor(
          name: "y", shape: [1, count[0], count[1], outputs], type: .int8,
          quantization: isPool ? codes : Quantization(scales: [1], zeroPoints: [3])),
      ],
      operations: [
        Operation(.pad, typeName: "PAD", inputs: [0, 1], outputs: [2]),
        Operation(kind, typeName: "WINDOW", inputs: isPool ? [2] : [2, 3], outputs: [4]),
      ], inputs: [0], outputs: showsPadded ? [4, 2] : [4])
    if let fill {
      network.tensors.append(
        Tensor(
          name: "fill", shape: [1], type: .int8, quantization: codes, constant: [UInt8(truncatingIfNeeded: fill)]))
      network.operations[0].inputs.append(5)
    }
    return network
  }
}

extension Network {
  fileprivate static func window(_ padding: Padding, _ stride: Int) -> Window {
    Window(padding: padding, strideHeight: stride, strideWidth: stride)
  }
}

@Suite struct FoldedPaddingTests {
  private func program(_ network: PaddedNetwork) throws -> IntegerProgram {
    try IntegerProgram(lowering: network.network)
  }

  @Test(arguments: [[1, 0, 0, 2], [0, 1, 0, 1], [1, 1, 1, 1], [5, 0, 3, 4]], [1, 2])
  func `PAD in front of a convolution is no step, and no code changes`(_ sides: [Int64], stride: Int) throws {
    for window in [PaddedNetwork.Window.convolution, .depthwise] {
      for padding in [Padding.valid, .same] {
        var network = PaddedNetwork(
          amounts: [0, 0] + sides + [0, 0], window: window, padding: padding, stride: stride)
        let folded = try program(network)
        #expect(folded.steps.map(\.source.index) == [1], "the convolution's place in the file")
        #expect(folded.steps[0].inputs == folded.inputs)
        network.showsPadded = true
        let copied = try program(network)
        #expect(copied.steps.count == 2)
        for seed in 0..<3 {
          let input = (0..<40).map { Int32(truncatingIfNeeded: ($0 * 91 + seed * 57) % 256 - 128) }
          #expect(try Simulator(folded).run([input])[0] == Simulator(copied).run([input])[0])
        }
      }
    }
  }

  @Test(arguments: [[1, 0, 0, 2], [0, 1, 0, 1], [1, 1, 1, 1], [2, 2, 2, 2]], [1, 2])
  func `PAD in front of a pool is no step, and no code changes`(_ sides: [Int64], stride: Int) throws {
    for window in [PaddedNetwork.Window.maximum, .average] {
      for (zeroPoint, fill) in [(Int64(-128), nil), (-7, nil), (-7, Int64(-128)), (-7, 0), (20, 127)] {
        var network = PaddedNetwork(
          amounts: [0, 0] + sides + [0, 0], zeroPoint: zeroPoint, fill: fill, window: window, stride: stride)
        let folded = try program(network)
        #expect(folded.steps.map(\.source.index) == [1], "the pool's place in the file")
        #expect(folded.steps[0].inputs == folded.inputs)
        guard case .pool(let pool) = folded.steps[0].operation else {
          Issue.record("no pool")
          continue
        }
        // The least of all codes need not be read.
        let code = fill ?? zeroPoint
        let counts = pool.geometry.hasPadding && !(window == .maximum && code == -128)
        #expect(pool.paddingCode == (counts ? Int32(code) : nil))
        network.showsPadded = true
        let copied = try program(network)
        #expect(copied.steps.count == 2)
        for seed in 0..<3 {
          let input = (0..<40).map { Int32(truncatingIfNeeded: ($0 * 91 + seed * 57) % 256 - 128) }
          let codes = try Simulator(folded).run([input])[0]
          #expect(codes == (try Simulator(copied).run([input])[0]))
          #expect(codes == (try ReferenceInterpreter(folded).run([input])[0]))
        }
      }
    }
  }

  @Test func `taps that lie beside the image wherever the window stands count`() throws {
    // One window of 3 × 3 over 1 × 1 pixels of the image, and 8 of padding.
    var network = PaddedNetwork(amounts: [0, 0, 1, 1, 1, 1, 0, 0], zeroPoint: -7, window: .average, stride: 1).network
    network.tensors[0].shape = [1, 1, 1, 2]
    network.tensors[2].shape = [1, 3, 3, 2]
    network.tensors[4].shape = [1, 1, 1, 2]
    let program = try IntegerProgram(lowering: network)
    #expect(program.steps.count == 1)
    #expect(try Simulator(program).run([[100, -128]])[0] == [5, -20], "(100 − 8 · 7) / 9, (−128 − 8 · 7) / 9")
  }

  @Test func `what a pool reaches over by itself does not count, so that the PAD keeps its copy`() throws {
    for window in [PaddedNetwork.Window.maximum, .average] {
      let network = PaddedNetwork(amounts: [0, 0, 1, 1, 1, 1, 0, 0], window: window, padding: .same, stride: 1)
      #expect(try program(network).steps.count == 2)
    }
    // But for the least of all codes, which no maximum needs.
    let network = PaddedNetwork(
      amounts: [0, 0, 1, 1, 1, 1, 0, 0], zeroPoint: -128, window: .maximum, padding: .same, stride: 1)
    #expect(try program(network).steps.count == 1)
  }

  @Test func `windows beside the image altogether, padded channels and a convolution's other codes keep their copy`()
    throws
  {
    for window in [PaddedNetwork.Window.maximum, .average] {
      let network = PaddedNetwork(amounts: [0, 0, 3, 0, 0, 0, 0, 0], zeroPoint: -128, window: window)
      #expect(try program(network).steps.count == 2)
    }
    #expect(try program(PaddedNetwork(amounts: [0, 0, 1, 1, 1, 1, 0, 1])).steps.count == 2)
    #expect(try program(PaddedNetwork(fill: 3)).steps.count == 2)
  }

  @Test func `of two PADs in a row neither is a step`() throws {
    var network = PaddedNetwork().network
    var second = network.tensors[2]
    second.shape = [1, 4, 5, 2]
    network.tensors.append(second)
    let nothing = Tensor(name: "nothing", shape: [4, 2], type: .int32, constant: Array(repeating: 0, count: 32))
    network.tensors.append(nothing)
    network.operations[0].inputs[0] = 5
    network.operations.insert(Operation(.pad, typeName: "PAD", inputs: [0, 6], outputs: [5]), at: 0)
    let program = try IntegerProgram(lowering: network)
    #expect(program.steps.map(\.source.index) == [2])
  }
}
