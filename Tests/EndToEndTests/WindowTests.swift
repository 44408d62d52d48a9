import Arithmetic
import IntegerProgram
import Network
import Simulation
import Testing

/// Convolutions whose windows reach far past the image, held to the definition: taps outside add nothing.
@Suite struct WindowTests {
  struct Shape {
    var image, kernel, stride, dilation: (height: Int, width: Int)
    var channels, outputs: Int
    var isDepthwise: Bool
  }

  @Test("a SAME window of any reach, stride and dilation sums what lies inside the image, in simulator and reference")
  func windowsOfAnyReach() throws {
    var state: UInt64 = 7
    func random(_ range: ClosedRange<Int>) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return range.lowerBound + Int((state >> 33) % UInt64(range.count))
    }
    let dilations = [1, 1, 2, 3, 5, 8, 20, 30_000]
    for _ in 0..<3_000 {
      let channels = [1, 2, 3, 16, 20][random(0...4)]
      let isDepthwise = random(0...1) == 0
      let shape = Shape(
        image: (random(1...9), random(1...9)), kernel: (random(1...5), random(1...5)),
        stride: (random(1...5), random(1...5)), dilation: (dilations[random(0...7)], dilations[random(0...7)]),
        channels: channels, outputs: isDepthwise ? channels : 3, isDepthwise: isDepthwise)
      let zeroPoint = [-128, -3, 0, 127][random(0...3)]
      let weightCount = shape.kernel.height * shape.kernel.width * channels * (isDepthwise ? 1 : shape.outputs)
      let weights = (0..<weightCount).map { _ in random(-127...127) }
      let input = (0..<shape.image.height * shape.image.width * channels).map { _ in Int32(random(-128...127)) }

      let network = network(shape, weights, zeroPoint)
      let program = try IntegerProgram(lowering: network)
      let expected = expected(shape, weights, zeroPoint, input, program)
      #expect(try Simulator(program).run([input])[0] == expected, "\(shape), zero point \(zeroPoint)")
      #expect(try ReferenceInterpreter(program).run([input])[0] == expected, "\(shape), zero point \(zeroPoint)")
    }
  }

  private func outputSize(_ shape: Shape) -> (height: Int, width: Int) {
    (
      (shape.image.height + shape.stride.height - 1) / shape.stride.height,
      (shape.image.width + shape.stride.width - 1) / shape.stride.width
    )
  }

  private func network(_ shape: Shape, _ weights: [Int], _ zeroPoint: Int) -> Network {
    let size = outputSize(shape)
    let window = Window(
      padding: .same, strideHeight: shape.stride.height, strideWidth: shape.stride.width,
      dilationHeight: shape.dilation.height, dilationWidth: shape.dilation.width)
    return Network(
      name: "window",
      tensors: [
        Tensor(
          name: "x", shape: [1, shape.image.height, shape.image.width, shape.channels], type: .int8,
          quantization: Quantization(scales: [0.5], zeroPoints: [Int64(zeroPoint)])),
        Tensor(
          name: "w",
          shape: [
            shape.isDepthwise ? 1 : shape.outputs, shape.kernel.height, shape.kernel.width, shape.channels,
          ], type: .int8, quantization: Quantization(scales: [0.25], zeroPoints: [0], axis: shape.isDepthwise ? 3 : 0),
          constant: weights.map { UInt8(truncatingIfNeeded: $0) }),
        Tensor(
          name: "y", shape: [1, size.height, size.width, shape.outputs], type: .int8,
          quantization: Quantization(scales: [40], zeroPoints: [5])),
      ],
      operations: [
        Operation(
          shape.isDepthwise
            ? .depthwiseConv2D(window, depthMultiplier: 1, .none) : .conv2D(window, .none),
          typeName: shape.isDepthwise ? "DEPTHWISE_CONV_2D" : "CONV_2D", inputs: [0, 1], outputs: [2])
      ], inputs: [0], outputs: [2])
  }

  /// Straight from TensorFlow Lite's definition of CONV_2D and DEPTHWISE_CONV_2D.
  private func expected(
    _ shape: Shape, _ weights: [Int], _ zeroPoint: Int, _ input: [Int32], _ program: IntegerProgram
  ) -> [Int32] {
    let size = outputSize(shape)
    func before(_ out: Int, _ stride: Int, _ kernel: Int, _ dilation: Int, _ input: Int) -> Int {
      max(0, (out - 1) * stride + (kernel - 1) * dilation + 1 - input) / 2
    }
    let top = before(size.height, shape.stride.height, shape.kernel.height, shape.dilation.height, shape.image.height)
    let left = before(size.width, shape.stride.width, shape.kernel.width, shape.dilation.width, shape.image.width)
    let multiplier = Multiplier(0.5 * 0.25 / 40) ?? .powerOfTwo(0)
    var result: [Int32] = []
    for row in 0..<size.height {
      for column in 0..<size.width {
        for output in 0..<shape.outputs {
          var sum = 0
          for tapRow in 0..<shape.kernel.height {
            for tapColumn in 0..<shape.kernel.width {
              let y = row * shape.stride.height - top + tapRow * shape.dilation.height
              let x = column * shape.stride.width - left + tapColumn * shape.dilation.width
              guard (0..<shape.image.height).contains(y), (0..<shape.image.width).contains(x) else { continue }
              let pixel = (y * shape.image.width + x) * shape.channels
              let tap = (tapRow * shape.kernel.width + tapColumn) * shape.channels
              if shape.isDepthwise {
                sum += weights[tap + output] * (Int(input[pixel + output]) - zeroPoint)
              } else {
                let filter = output * shape.kernel.height * shape.kernel.width * shape.channels
                for channel in 0..<shape.channels {
                  sum += weights[filter + tap + channel] * (Int(input[pixel + channel]) - zeroPoint)
                }
              }
            }
          }
          result.append((requantize(Int32(sum), by: multiplier, rounding: .double) + 5).clamped(-128, 127))
        }
      }
    }
    return result
  }
}
