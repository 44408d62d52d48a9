import Arithmetic
import CodeGeneration
import Foundation
import IntegerProgram
import Testing

@testable import DifferentialTesting

/// Depthwise windows of any size, and rows of few outputs, on the devices whose kernels are made for them.
@Suite struct DepthwiseWindowTests {
  struct Layer: Sendable, CustomTestStringConvertible {
    var kernel: (height: Int, width: Int)
    var channels: Int
    var image: (height: Int, width: Int)
    var stride = 1
    var dilation = 1
    var padding = (top: 0, left: 0)
    /// Rows and columns of the output; by default what lies in the image.
    var output: (height: Int, width: Int)?
    var batch = 1

    var testDescription: String {
      "\(kernel.height) x \(kernel.width), \(channels) channels, \(image.height) x \(image.width), stride \(stride), "
        + "dilation \(dilation), padding \(padding.top) \(padding.left), batch \(batch)"
    }

    var geometry: WindowGeometry {
      func size(_ image: Int, _ kernel: Int) -> Int { (image - (kernel - 1) * dilation - 1) / stride + 1 }
      return WindowGeometry(
        batch: batch, inputHeight: image.height, inputWidth: image.width, inputChannels: channels,
        outputHeight: output?.height ?? size(image.height, kernel.height),
        outputWidth: output?.width ?? size(image.width, kernel.width), outputChannels: channels,
        kernelHeight: kernel.height, kernelWidth: kernel.width, strideHeight: stride, strideWidth: stride,
        dilationHeight: dilation, dilationWidth: dilation, paddingTop: padding.top, paddingLeft: padding.left)
    }
  }

  /// One column, as over a buffer of what was heard; several; windows that leave the image; channels that are no multiple of
  /// four or eight; more taps than a round of a loop takes.
  static let layers = [
    Layer(kernel: (23, 1), channels: 16, image: (23, 1)), Layer(kernel: (5, 1), channels: 12, image: (9, 1)),
    Layer(kernel: (3, 1), channels: 8, image: (5, 4), stride: 2), Layer(kernel: (1, 6), channels: 10, image: (3, 8)),
    Layer(kernel: (5, 5), channels: 9, image: (6, 7)), Layer(kernel: (4, 2), channels: 20, image: (7, 6), dilation: 2),
    Layer(kernel: (5, 5), channels: 8, image: (4, 4), padding: (2, 2), output: (4, 4)),
    Layer(kernel: (7, 1), channels: 11, image: (5, 2), padding: (3, 0), output: (5, 2), batch: 2),
    Layer(kernel: (5, 2), channels: 5, image: (3, 3), stride: 2, padding: (2, 1), output: (2, 2)),
    Layer(kernel: (2, 5), channels: 4, image: (2, 3), padding: (1, 2), output: (2, 3)),
  ]

  private static func step(
    _ geometry: WindowGeometry, groups: Int, bound: ClosedRange<Int64>, rounding: Rounding, seed: UInt64
  ) throws -> IntegerProgram {
    var random = SeededGenerator(seed: seed)
    let perOutput = geometry.taps * geometry.inputChannels / groups
    let outputs = geometry.outputChannels
    let weights = (0..<outputs * perOutput).map { _ in Int16.random(in: -128...127, using: &random) }
    let bias = (0..<outputs).map { _ in Int64.random(in: -5_000...5_000, using: &random) }
    let accumulators = (0..<outputs).map { output -> ClosedRange<Int64> in
      let reach = weights[output * perOutput..<(output + 1) * perOutput].reduce(Int64(0)) { $0 + 128 * Int64($1.magnitude) }
      return bias[output] - reach...bias[output] + reach
    }
    let multipliers = try accumulators.map { range in
      try #require(Multiplier(Double.random(in: 150...500, using: &random) / Double(range.upperBound - range.lowerBound)))
    }
    let affine = Affine(
      geometry: geometry, groups: groups, paddingCode: -7, weights: weights, bias: bias, accumulators: accumulators,
      requantization: Requantization(multipliers: multipliers, rounding: rounding, zeroPoint: 11, clamp: bound))
    func value(_ name: String, _ shape: [Int]) -> Value {
      Value(name: name, tensor: nil, shape: shape, type: .int8, scale: 1, zeroPoint: 0)
    }
    let (input, output) = (
      [geometry.batch, geometry.inputHeight, geometry.inputWidth, geometry.inputChannels],
      [geometry.batch, geometry.outputHeight, geometry.outputWidth, geometry.outputChannels]
    )
    let source = Step.Source(index: 0, type: groups == 1 ? "FULLY_CONNECTED" : "DEPTHWISE_CONV_2D", name: "layer")
    return IntegerProgram(
      name: "layer", values: [value("x", input), value("y", output)],
      steps: [Step(.affine(affine), source: source, inputs: [0], output: 1)], inputs: [0], outputs: [1])
  }

  /// Every code on the devices against the simulator's.
  private func expectEqual(_ program: IntegerProgram, on names: [String], by kernel: String) throws {
    for name in names {
      let target = try Target.named(Place.package.appending(path: "Targets/\(name)").path)
      let device = try #require(target.device)
      let generator = CodeGenerator(program, for: target, commandLine: "")
      #expect(generator.code().contains { $0.text.contains(kernel) }, "\(name) has no \(kernel)")
      let builds = BuildConfiguration.all(of: target).filter { Command.exists($0.compiler) && Command.exists(device.run[0]) }
      guard !builds.isEmpty else { continue }
      let vectors = TestVectors.random(for: program, count: 8, seed: 3)
      let report = try DifferentialTest(generator).run(vectors, builds: builds)
      #expect(report.isEqual && report.comparedBytes > 0, "\(name): \(report.problems)")
    }
  }

  @Test(arguments: layers) func windows(_ layer: Layer) throws {
    for (seed, rounding) in [Rounding.single, .double].enumerated() {
      let program = try Self.step(
        layer.geometry, groups: layer.channels, bound: seed == 0 ? -128...127 : -100...90, rounding: rounding,
        seed: UInt64(seed + 1))
      try expectEqual(program, on: ["cortex-m4"], by: "_byte_taps_")
      if layer.channels >= 8, layer.kernel.height > 4 || layer.kernel.width > 4 {
        try expectEqual(program, on: ["cortex-m55"], by: "_byte_vector_taps_")
      }
    }
  }

  @Test("rows of one or two outputs", arguments: [(4, 1), (16, 2), (52, 1), (76, 2), (1_000, 1), (8_000, 1)])
  func rows(inputs: Int, outputs: Int) throws {
    let geometry = WindowGeometry.dense(batch: 1, inputs: inputs, outputs: outputs)
    for (seed, rounding) in [Rounding.single, .double].enumerated() {
      let program = try Self.step(
        geometry, groups: 1, bound: seed == 0 ? -128...127 : -128...30, rounding: rounding, seed: UInt64(inputs + seed))
      try expectEqual(program, on: ["cortex-m4"], by: "_row_")
    }
  }
}
