import IntegerProgram
import Network
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting

/// What campaigns run on is the same for a seed, and what they report is what happened.
@Suite struct RandomCampaignTests {
  @Test func theGeneratorIsSplitMix64() {
    // The first numbers of the authors' implementation for this seed.
    var generator = SeededGenerator(seed: 1_234_567)
    #expect((0..<5).map { _ in generator.next() } == [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ])
  }

  @Test func aSeedGivesOneNetworkAndAnotherSeedAnother() throws {
    var digests: Set<String> = []
    for seed in 1...150 as ClosedRange<UInt64> {
      let programs = try (0..<2).map { _ in try IntegerProgram(lowering: RandomNetwork.make(seed: seed)) }
      #expect(programs[0].digest == programs[1].digest && programs[0].name == programs[1].name)
      #expect(programs[0].values.map(\.name) == programs[1].values.map(\.name))
      digests.insert(programs[0].digest)
    }
    #expect(digests.count == 150)
  }

  @Test func everyRandomNetworkIsValidAndHasEveryKindOfStepAmongThem() throws {
    var kinds: Set<String> = []
    for seed in 500...900 as ClosedRange<UInt64> {
      let network = RandomNetwork.make(seed: seed)
      try network.validate()
      kinds.formUnion(network.operations.map(\.typeName))
    }
    #expect(kinds.isSuperset(of: [
      "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "FULLY_CONNECTED",
      "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "PADV2", "QUANTIZE", "RELU", "RELU6",
      "RESHAPE", "SOFTMAX", "SQUEEZE", "STRIDED_SLICE", "SUB", "TANH", "TRANSPOSE", "SPLIT", "UNPACK", "PACK", "SLICE",
      "TILE", "GATHER", "REVERSE_V2", "MIRROR_PAD", "SPACE_TO_DEPTH", "RESIZE_NEAREST_NEIGHBOR",
      "PRELU", "ABS", "ELU", "EXP", "GELU",
    ]), "\(kinds.sorted())")
  }

  @Test func vectorsAreExtremesThenNoiseWithinTheInputsCodes() throws {
    for seed in 1...40 as ClosedRange<UInt64> {
      guard let program = RandomProgram.make(seed: seed) else { continue }
      let vectors = TestVectors.random(for: program, count: 9, seed: seed).vectors
      #expect(vectors == TestVectors.random(for: program, count: 9, seed: seed).vectors)
      #expect(vectors.count == 9)
      for (index, vector) in vectors.enumerated() {
        #expect(vector.map(\.count) == program.inputs.map { program.values[$0].count })
        for (codes, input) in zip(vector, program.inputs) {
          let value = program.values[input]
          let (low, high) = (Int32(value.type.range.lowerBound), Int32(value.type.range.upperBound))
          #expect(codes.allSatisfy { (low...high).contains($0) })
          switch index {
          case 0: #expect(codes.allSatisfy { $0 == low })
          case 1: #expect(codes.allSatisfy { $0 == high })
          case 2: #expect(codes.allSatisfy { $0 == value.zeroPoint })
          case 3: #expect(codes.allSatisfy { $0 == low || $0 == high })
          default: break
          }
        }
      }
      let codes = program.inputs.reduce(0) { $0 + program.values[$1].count }
      #expect(codes < 16 || vectors != TestVectors.random(for: program, count: 9, seed: seed + 1).vectors)
    }
  }

  /// Which step, element and code each byte of a trace is, counted out here once more.
  @Test func aTraceKnowsWhereEachOfItsBytesBelongs() throws {
    for seed in 1...60 as ClosedRange<UInt64> {
      guard let program = RandomProgram.make(seed: seed) else { continue }
      let trace = Trace(of: program)
      var generator = SeededGenerator(seed: seed)
      var bytes: [UInt8] = []
      var places: [(step: Int?, value: Int, element: Int, code: Int32)] = []
      let parts = program.steps.enumerated().map { (Optional($0.offset), $0.element.output) }
        + program.outputs.map { (nil, $0) }
      for (step, index) in parts {
        let value = program.values[index]
        let codes = (0..<value.count).map { _ in
          Int32(generator.integer(in: Int(value.type.range.lowerBound)...Int(value.type.range.upperBound)))
        }
        trace.append(codes, index, &bytes)
        for (element, code) in codes.enumerated() {
          for _ in 0..<value.bytesPerCode { places.append((step, index, element, code)) }
        }
      }
      #expect(bytes.count == places.count && trace.byteCount == bytes.count)
      let wrong = bytes.withUnsafeBufferPointer { bytes in
        places.indices.filter { offset in
          guard offset % 7 == 0 || offset < 30 || offset > places.count - 30 else { return false }
          let (found, expected) = (trace.place(ofByte: offset), places[offset])
          return found.step != expected.step || found.value != expected.value || found.element != expected.element
            || trace.code(atByte: offset, in: bytes) != expected.code
        }
      }
      #expect(wrong.isEmpty, "seed \(seed), bytes \(wrong.prefix(5))")
    }
  }

  @Test(.enabled(if: CompilerScript.compiler != nil, "skipped: no C compiler is installed"))
  func aCampaignReportsWhatItDidAndNamesTheSeedsOfProblems() throws {
    let result = try CompilerScript.with { try RandomCampaign(builds: [$0]).run(count: 5, firstSeed: 40, jobs: 2) }
    #expect(result.tested + result.refused == 5 && result.problems.isEmpty, "\(result.problems)")
    #expect(result.builds == result.tested && result.bytes > 0 && !result.kinds.isEmpty)

    let failed = try CompilerScript.with(program: "exit 9") {
      try RandomCampaign(builds: [$0]).run(count: 3, firstSeed: 40, jobs: 2)
    }
    #expect(failed.problems.count == failed.tested && failed.builds == 0 && failed.bytes == 0)
    #expect(Set(failed.problems.map { $0.prefix(8) }).isSubset(of: ["seed 40:", "seed 41:", "seed 42:"]))
  }

  /// A mutant that is its original would be caught nowhere, or be caught for a wrong reason.
  @Test func everyMutationFindsAnOccasionAndChangesTheProgramOrThePlan() {
    var occasions: [Mutation: Int] = [:]
    for seed in 1...300 as ClosedRange<UInt64> {
      guard let program = try? IntegerProgram(lowering: RandomNetwork.make(seed: seed, keepingState: true)) else { continue }
      let (digest, plan) = (program.digest, MemoryPlan(program))
      for mutation in Mutation.allCases where occasions[mutation, default: 0] < 5 {
        guard let mutant = mutation.apply(to: program) else { continue }
        let isOther = mutant.program.digest != digest
        let isMoved = mutant.plan.blocks.map(\.offset) != plan.blocks.map(\.offset)
        // A state that is not kept needs no place to be made in.
        #expect(isOther != isMoved || isOther && mutation == .stateNotKept, "\(mutation.rawValue), seed \(seed)")
        #expect(mutant.program.steps.count == program.steps.count)
        occasions[mutation, default: 0] += 1
      }
    }
    for mutation in Mutation.allCases { #expect(occasions[mutation, default: 0] > 0, "\(mutation.rawValue)") }
  }
}
