import Arithmetic
import Foundation
import Importers
import IntegerProgram
import Simulation
import Testing

@testable import lockstep

/// The two 6-bit networks of a published verification benchmark, as QONNX.
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct FixedPointNetworkTests {

  @Test(
    "two layers of integers, shifts and clamps, just as their description in words has them",
    arguments: ["mnist", "fashion_mnist"])
  func integerSemantics(name: String) throws {
    let model = Place.sharedData.appending(path: "models/\(name)_mlp_6bit.onnx")
    let program = try ModelFile(path: model.path).program(LoweringOptions())
    #expect(program.steps.count == 2 && program.inputs == [0])
    #expect(program.values[program.inputs[0]].type == .uint8)
    for (step, (shift, codes)) in zip(program.steps, [(9, Int64(0)...63), (5, -32...31)]) {
      guard case .affine(let affine) = step.operation else {
        Issue.record("\(step.operation) is no affine step")
        continue
      }
      #expect(
        affine.requantization
          == Requantization(multipliers: [.powerOfTwo(-shift)], rounding: .halfUpShift, zeroPoint: 0, clamp: codes))
      #expect(affine.weights.allSatisfy { (-32...31).contains($0) })
      #expect(affine.bias.allSatisfy { $0 % (1 << Int32(shift)) == 0 && (-32...31).contains($0 >> Int32(shift)) })
      #expect(program.values[step.output].type.bits == 6)
    }
  }

  @Test("9,708 of MNIST's 10,000 test images are classified right, and the published samples wrong")
  func accuracy() throws {
    let model = Place.sharedData.appending(path: "models/mnist_mlp_6bit.onnx")
    let program = try ModelFile(path: model.path).program(LoweringOptions())
    let data = Place.sharedData.appending(path: "mnist")
    let images = try Self.idx(data.appending(path: "t10k-images-idx3-ubyte.gz"), header: 16)
    let labels = try Self.idx(data.appending(path: "t10k-labels-idx1-ubyte.gz"), header: 8)
    let simulator = Simulator(program)
    var wrong: [Int] = []
    for (sample, label) in labels.enumerated() {
      let codes = images[sample * 784..<(sample + 1) * 784].map { Int32($0) }
      let scores = try simulator.run([codes])[0]
      if scores.firstIndex(of: scores.max() ?? 0) != Int(label) { wrong.append(sample) }
    }
    #expect(labels.count == 10_000 && wrong.count == 292)
    #expect(wrong.filter { $0 < 400 } == [18, 149, 217, 241, 247, 259, 321, 340, 381])
  }

  static func idx(_ file: URL, header: Int) throws -> ArraySlice<UInt8> {
    let folder = try TemporaryFolder()
    let raw = folder.url.appending(path: "raw")
    let run = try CommandRun(
      URL(filePath: "/bin/sh"), ["-c", "gzip -dc \"$0\" > \"$1\"", file.path, raw.path])
    #expect(run.status == 0)
    let bytes = try InputFile.bytes(path: raw.path, limit: 1 << 26)
    return ArraySlice(Array(bytes.dropFirst(header)))
  }
}
