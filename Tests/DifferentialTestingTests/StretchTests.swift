import IntegerProgram
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting

/// Functions of 16-bit codes that have few output codes, or lie on few straight lines: the C searches their stretches or
/// lines, where a table would have an entry for each code.
@Suite struct StretchTests {
  private static let names = CNames(modelName: "stretches")

  /// `functions` of all codes of a 16-bit type at once.
  private static func program(_ type: CodeType, _ functions: [(Int32) -> Int32], bits: Int = 8) -> IntegerProgram {
    let count = 1 << 16
    let lowest = Int32(type.range.lowerBound)
    var values = [Value(name: "x", tensor: 0, shape: [count], type: type, scale: 1, zeroPoint: 0)]
    var steps: [Step] = []
    for (index, function) in functions.enumerated() {
      values.append(Value(name: "y\(index)", tensor: index + 1, shape: [count], type: CodeType(bits: bits, isSigned: true), scale: 1, zeroPoint: 0))
      let table = (0..<Int32(count)).map { function(lowest + $0) }
      steps.append(
        Step(
          .lookup(Lookup(lowest: lowest, table: table)),
          source: Step.Source(index: index, type: "LOOKUP", name: "y\(index)"), inputs: [0], output: index + 1))
    }
    return IntegerProgram(
      name: "stretches", values: values, steps: steps, inputs: [0], outputs: Array(1...functions.count))
  }

  @Test(
    "every code is found, of signed and unsigned types", .enabled(if: CompilerScript.compiler != nil),
    arguments: [true, false])
  func equal(isSigned: Bool) throws {
    let program = Self.program(
      CodeType(bits: 16, isSigned: isSigned),
      [
        // Rising, falling and rising again, the ends alone, and one of as many stretches as codes.
        { $0 / 512 }, { 100 - abs($0 / 300 % 200) }, { $0 == -32_768 || $0 == 32_767 || $0 == 65_535 ? 7 : -7 }, { $0 % 3 },
      ])
    let generator = CodeGenerator(
      program, plan: MemoryPlan(program),
      options: CodeOptions(names: Self.names, commandLine: "", modelFile: "", modelDigest: ""))
    let tables = generator.tables.map { table in (table.name.hasSuffix("_3"), table.elements.count) }
    #expect(tables.count { $0.0 } == 1 && tables.allSatisfy { $0.0 == ($0.1 == 1 << 16) }, "\(tables)")
    try check(program, generator)
  }

  @Test(
    "every code on lines is the table's, of signed and unsigned types", .enabled(if: CompilerScript.compiler != nil),
    arguments: [true, false])
  func linesAreEqual(isSigned: Bool) throws {
    // A slope below 0, one that saturates, a step between two slopes.
    let program = Self.program(
      CodeType(bits: 16, isSigned: isSigned),
      [
        { Int32((Double($0) * ($0 < 0 ? 0.0103 : 0.497)).rounded()) },
        { min(max(Int32((Double($0) * 1.7).rounded()), -32_768), 32_767) },
        { ($0 < 12_345 ? -20_000 : 20_000) - $0 / 7 },
      ], bits: 16)
    let generator = CodeGenerator(
      program, plan: MemoryPlan(program),
      options: CodeOptions(names: Self.names, commandLine: "", modelFile: "", modelDigest: ""))
    let bytes = generator.tables.reduce(0) { $0 + $1.bytes }
    #expect(generator.tables.count == 9 && bytes < 1000, "\(generator.tables.map(\.name)), \(bytes)")
    try check(program, generator)
  }

  /// The C's codes of all codes, forwards and backwards.
  private func check(_ program: IntegerProgram, _ generator: CodeGenerator) throws {
    let codes = (0..<1 << 16).map { Int32($0) + Int32(program.values[0].type.range.lowerBound) }
    let report = try CompilerScript.with { build in
      try DifferentialTest(program).run(TestVectors([[codes], [codes.reversed()]]), builds: [build])
    }
    #expect(report.isEqual, "\(report.problems)")
  }
}
