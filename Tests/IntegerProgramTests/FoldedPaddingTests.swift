import IntegerProgram
import Network
import Simulation
import Testing

/// PAD in front of a convolution or a pool of [1, 4, 5, 2].
private struct PaddedNetwork {
  enum Window { case convolution, depthwise, maximum, average }

  var amounts: [Int64] = [0, 0, 1, 0, 0, 2, 0, 0]
  var zeroPoint: Int64 = -7
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
    return Network(
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

  @Test func `a max pool's padding is its own where no code is below the zero point, and else a copy`() throws {
    for (zeroPoint, steps) in [(Int64(-128), 1), (-7, 2)] {
      let network = PaddedNetwork(zeroPoint: zeroPoint, window: .maximum)
      #expect(try program(network).steps.count == steps)
    }
    // A window that lies beside the image altogether has nothing to take the largest of.
    #expect(
      try program(PaddedNetwork(amounts: [0, 0, 3, 0, 0, 0, 0, 0], zeroPoint: -128, window: .maximum)).steps.count == 2)
  }

  @Test func `an average, which counts what is padded, and padded channels keep their copy`() throws {
    #expect(try program(PaddedNetwork(zeroPoint: -128, window: .average)).steps.count == 2)
    #expect(try program(PaddedNetwork(amounts: [0, 0, 1, 1, 1, 1, 0, 1])).steps.count == 2)
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
