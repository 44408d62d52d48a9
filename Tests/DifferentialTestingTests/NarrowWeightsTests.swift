import Arithmetic
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

  @Test("kernels of the DSP extension read packed weights, which take less flash, unless they are told not to")
  func packedOnDevices() {
    var (packed, whole) = (0, 0)
    for program in Self.narrow {
      let selections = [WeightStorage.automatic, .bytes].map {
        KernelSelection(program, features: ["dsp"], weights: $0)
      }
      #expect(selections[1].kernels.allSatisfy { ($0 as? DSPProductKernel)?.isPacked != true })
      let tables = selections.map {
        CodeGenerator(
          program, plan: MemoryPlan(program, kernels: $0), kernels: $0,
          options: CodeOptions(names: Self.names, commandLine: "", modelFile: "", modelDigest: "")
        ).tables
      }
      for (index, kernel) in selections[0].kernels.enumerated() where (kernel as? DSPProductKernel)?.isPacked == true {
        let bytes = tables.map { $0.filter { $0.name.hasSuffix("_\(index)") }.reduce(0) { $0 + $1.bytes } }
        packed += bytes[0]
        whole += bytes[1]
      }
    }
    #expect(packed > 0 && packed < whole, "\(packed), \(whole)")
  }

  @Test("so do those of the vector extension, for windows of more than sixteen codes", arguments: [16, 40, 64])
  func packedVectors(inputs: Int) throws {
    let outputs = 8
    let most = Int64(inputs) * 8 * 128
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: inputs, outputs: outputs), groups: 1, paddingCode: 0,
      weights: (0..<inputs * outputs).map { Int16($0 % 16) - 8 }, bias: [Int64](repeating: 0, count: outputs),
      accumulators: Array(repeating: -most...most, count: outputs),
      requantization: Requantization(
        multipliers: [try #require(Multiplier(0.003))], rounding: .double, zeroPoint: 0, clamp: -128...127))
    func value(_ name: String, _ count: Int) -> Value {
      Value(name: name, tensor: nil, shape: [1, count], type: .int8, scale: 1, zeroPoint: 0)
    }
    let source = Step.Source(index: 0, type: "FULLY_CONNECTED", name: "dense")
    let program = IntegerProgram(
      name: "dense", values: [value("x", inputs), value("y", outputs)],
      steps: [Step(.affine(affine), source: source, inputs: [0], output: 1)], inputs: [0], outputs: [1])
    let bytes = try [WeightStorage.automatic, .bytes].map { weights in
      let kernels = KernelSelection(program, features: ["dsp", "mve"], weights: weights)
      let kernel = try #require(kernels.kernels[0] as? MVEProductKernel)
      #expect(kernel.isPacked == (inputs > 16 && weights == .automatic))
      return CodeGenerator(
        program, plan: MemoryPlan(program, kernels: kernels), kernels: kernels,
        options: CodeOptions(names: Self.names, commandLine: "", modelFile: "", modelDigest: "")
      ).tableBytes
    }
    // Sixteen codes at a time, of which two share bytes.
    let groups = (inputs + 15) / 16
    #expect(bytes[1] - bytes[0] == (inputs > 16 ? outputs * 16 * (groups / 2) : 0))
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
