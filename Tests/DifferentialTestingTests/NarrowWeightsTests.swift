import IntegerProgram
import Network
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting

/// Weights of 4 bits, two a byte, and uint8 weights with a zero point: the C's codes are the simulator's.
@Suite struct NarrowWeightsTests {
  /// Networks of the seeds, lowered, of which `isMeant` holds.
  private static func programs(
    _ seeds: ClosedRange<UInt64>, most: Int, _ network: (UInt64) -> Network?, where isMeant: (Affine) -> Bool
  ) -> [IntegerProgram] {
    var found: [IntegerProgram] = []
    for seed in seeds where found.count < most {
      guard let network = network(seed), let program = try? IntegerProgram(lowering: network),
        program.steps.contains(where: { if case .affine(let affine) = $0.operation { isMeant(affine) } else { false } })
      else { continue }
      found.append(program)
    }
    return found
  }

  private static let names = CNames(modelName: "narrow")
  private static let narrow = programs(
    1...80, most: 8, { RandomNetwork.make(seed: $0).withNarrowWeights(seed: $0) }, where: { $0.hasNibbles && $0.weights.count > 8 })
  private static let asymmetric = programs(
    1...600, most: 6, { RandomNetwork.make(seed: $0).asymmetric(seed: $0) },
    where: { $0.weights.contains { $0 < -128 || $0 > 127 } })

  @Test("packed weights take half the bytes, and the program is the same")
  func bytes() throws {
    #expect(Self.narrow.count == 8)
    for program in Self.narrow {
      func tables(_ weights: WeightStorage) -> [String: KernelWriter.Table] {
        let generator = CodeGenerator(
          program, plan: MemoryPlan(program), kernels: KernelSelection(program, weights: weights),
          options: CodeOptions(
            names: Self.names, commandLine: "", modelFile: "", modelDigest: ""))
        return Dictionary(uniqueKeysWithValues: generator.tables.map { ($0.name, $0) })
      }
      let (packed, bytes) = (tables(.packed), tables(.bytes))
      for (index, step) in program.steps.enumerated() {
        guard case .affine(let affine) = step.operation, let table = packed["\(Self.names.prefix)_weights_\(index)"],
          let whole = bytes["\(Self.names.prefix)_weights_\(index)"]
        else { continue }
        let run = affine.isDepthwise ? affine.geometry.outputChannels : affine.weightsPerOutput
        #expect(table.bytes == (affine.hasNibbles ? whole.bytes / run * ((run + 1) / 2) : whole.bytes))
      }
    }
  }

  @Test(
    "kernels of the DSP and the vector extension read packed weights, which take less flash, unless they are told not to",
    arguments: [["dsp"], ["dsp", "mve"]])
  func packedOnDevices(features: [String]) {
    func isPacked(_ kernel: any StepKernel) -> Bool {
      (kernel as? DSPProductKernel)?.isPacked == true || (kernel as? MVEProductKernel)?.isPacked == true
    }
    var (packed, whole) = (0, 0)
    for program in Self.narrow {
      let selections = [WeightStorage.automatic, .bytes].map {
        KernelSelection(program, features: features, weights: $0)
      }
      #expect(!selections[1].kernels.contains(where: isPacked))
      let tables = selections.map {
        CodeGenerator(
          program, plan: MemoryPlan(program, kernels: $0), kernels: $0,
          options: CodeOptions(names: Self.names, commandLine: "", modelFile: "", modelDigest: "")
        ).tables
      }
      for (index, kernel) in selections[0].kernels.enumerated() where isPacked(kernel) {
        let bytes = tables.map { $0.filter { $0.name.hasSuffix("_\(index)") }.reduce(0) { $0 + $1.bytes } }
        packed += bytes[0]
        whole += bytes[1]
      }
    }
    #expect(packed > 0 && packed < whole, "\(packed), \(whole)")
  }

  @Test("weights of a span of 256 take a byte each wherever they lie, but beside biases that leave no room")
  func offsets() {
    #expect(Self.asymmetric.count == 6)
    var moved = 0
    for program in Self.asymmetric {
      let generator = CodeGenerator(
        program, plan: MemoryPlan(program),
        options: CodeOptions(names: Self.names, commandLine: "", modelFile: "", modelDigest: ""))
      for (index, step) in program.steps.enumerated() {
        guard case .affine(let affine) = step.operation else { continue }
        let table = generator.tables.first { $0.name == "\(Self.names.prefix)_weights_\(index)" }
        guard let bytes = table?.bytes, affine.weights.contains(where: { $0 < -128 || $0 > 127 }) else { continue }
        let reach = (affine.bias.map { abs(Int64($0)) }.max() ?? 0) + Int64(affine.weightsPerOutput) * 256 * 512
        #expect(bytes == affine.weights.count || reach > Int64(Int32.max))
        if bytes == affine.weights.count { moved += 1 }
      }
    }
    #expect(moved > 2)
  }

  @Test(
    "the C gives the simulator's codes", .enabled(if: CompilerScript.compiler != nil, "skipped: no C compiler is installed"),
    arguments: [true, false])
  func equal(isNarrow: Bool) throws {
    for (seed, program) in (isNarrow ? Self.narrow : Self.asymmetric).enumerated() {
      let report = try CompilerScript.with { build in
        try DifferentialTest(program).run(
          TestVectors.random(for: program, count: 8, seed: UInt64(seed)), builds: [build])
      }
      #expect(report.isEqual, "\(report.problems)")
    }
  }

  @Test("of networks that are widened or narrowed every one is valid and the same each time")
  func valid() throws {
    for seed in 1...60 as ClosedRange<UInt64> {
      let network = RandomNetwork.makeOfAnyKind(seed: seed)
      try network.validate()
      let again = RandomNetwork.makeOfAnyKind(seed: seed)
      #expect(network.tensors.map(\.constant) == again.tensors.map(\.constant))
    }
  }
}
