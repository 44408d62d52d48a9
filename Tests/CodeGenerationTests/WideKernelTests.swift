import Arithmetic
import IntegerProgram
import Testing

@testable import CodeGeneration

/// Products of 16-bit codes with 8-bit weights: as few of their sums as ranges allow take 64 bits.
@Suite struct WideKernelTests {
  /// A dense layer of 16-bit codes; every other weight is `weight`, the rest its negative.
  private static func dense(_ inputs: Int, _ outputs: Int, weight: Int16, code: Int64 = 32_767) throws -> IntegerProgram {
    let weights = (0..<inputs * outputs).map { $0 % 2 == 0 ? weight : -weight }
    let most = Int64(inputs) * Int64(weight) * (code + 1)
    let multiplier = try #require(Multiplier(20_000 / Double(most))).reduced
    let affine = Affine(
      geometry: .dense(batch: 1, inputs: inputs, outputs: outputs), groups: 1, paddingCode: 0, weights: weights,
      bias: [Int64](repeating: 0, count: outputs), accumulators: Array(repeating: -most...most, count: outputs),
      requantization: Requantization(multipliers: [multiplier], rounding: .single, zeroPoint: 0, clamp: -32_768...32_767))
    func value(_ name: String, _ count: Int) -> Value {
      Value(name: name, tensor: nil, shape: [1, count], type: CodeType(bits: 16, isSigned: true), scale: 1, zeroPoint: 0)
    }
    let source = Step.Source(index: 0, type: "FULLY_CONNECTED", name: "dense")
    return IntegerProgram(
      name: "dense", values: [value("x", inputs), value("y", outputs)],
      steps: [Step(.affine(affine), source: source, inputs: [0], output: 1)], inputs: [0], outputs: [1])
  }

  private static func affine(_ program: IntegerProgram) throws -> Affine {
    guard case .affine(let affine) = program.steps[0].operation else { throw NoAffineStep() }
    return affine
  }
  private struct NoAffineStep: Error {}

  private static func code(_ program: IntegerProgram, _ features: [String]) -> String {
    let kernels = KernelSelection(program, features: features)
    return CodeGenerator(
      program, plan: MemoryPlan(program, kernels: kernels), kernels: kernels,
      options: CodeOptions(names: CNames(modelName: "dense"), commandLine: "", modelFile: "", modelDigest: "")
    ).code().map(\.text).joined()
  }

  @Test("stretches are as long as their sums are proved to fit, and about equal")
  func stretches() throws {
    let codes: ClosedRange<Int64> = -32_768...32_767
    // 516 products of 127 and −32768 fit, 517 do not; 1,200 in three parts have 400 each, in units of 16 as well.
    let long = try Self.affine(Self.dense(1_200, 2, weight: 127))
    #expect(long.isLong && long.stretch(of: codes, unit: 1) == 400 && long.stretch(of: codes, unit: 16) == 25)
    #expect(long.stretch(of: -100...100, unit: 1) == 1_200)
    let short = try Self.affine(Self.dense(500, 2, weight: 127))
    #expect(!short.isLong && short.stretch(of: codes, unit: 4) == 125)
    let edge = try Self.affine(Self.dense(517, 1, weight: 127))
    #expect(edge.isLong && edge.stretch(of: codes, unit: 1) == 259)
  }

  @Test("registers of 64 bits are added to where 32 may not do, and only there", arguments: [64, 500, 1_200])
  func registers(inputs: Int) throws {
    let program = try Self.dense(inputs, 5, weight: 127)
    let isLong = try Self.affine(program).isLong
    let vectors = Self.code(program, ["dsp", "mve"])
    #expect(vectors.contains("vmlaldava") == isLong && vectors.contains("vmladav") == !isLong)
    let portable = Self.code(program, [])
    #expect(portable.contains("int64_t sum") == isLong && portable.contains("int32_t part") == isLong)
    let dsp = Self.code(program, ["dsp"])
    #expect(dsp.contains("smlad") && !dsp.contains("smlald") && dsp.contains("stretch") == isLong)
  }
}
