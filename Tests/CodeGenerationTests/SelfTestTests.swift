import DifferentialTesting
import IntegerProgram
import Simulation
import Testing

@testable import CodeGeneration

/// The generated self-test passes where the code is right, and says what is wrong where it is not.
@Suite(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed")) struct SelfTestTests {
  @Test func itPassesOnTheBundledNetwork() throws {
    let program = try Place.program(Place.digits)
    let run = try GeneratedProject(program).runSelfTest()
    #expect(run.status == 0 && run.text == "PASS digits: 6 vectors, program \(program.digest)\n", "\(run.report)")
  }

  @Test func itPassesOnRandomNetworks() throws {
    for (index, program) in RandomProgram.first(12, from: 300).enumerated() {
      let run = try GeneratedProject(program, names: #require(CNames(prefix: "net\(index)"))).runSelfTest()
      #expect(run.status == 0 && run.text.hasPrefix("PASS net\(index): "), "\(run.report)")
    }
  }

  /// What the self-test must say of a program that computes `actual` in place of `expected`: the first vector whose
  /// outputs differ, and the first step that differs on the vector of the hashes.
  private func verdict(_ expected: IntegerProgram, _ actual: IntegerProgram) throws -> (vector: Int?, step: Int) {
    let simulators = (Simulator(expected), Simulator(actual))
    var vector: Int?
    var step = expected.steps.count
    for index in 0..<SelfTest.vectorCount {
      let inputs = SelfTest.inputs(of: expected, vector: index)
      var traces: ([[Int32]], [[Int32]]) = ([], [])
      let right = try simulators.0.run(inputs) { _, _, codes in traces.0.append(codes) }
      let wrong = try simulators.1.run(inputs) { _, _, codes in traces.1.append(codes) }
      if vector == nil, right != wrong { vector = index }
      if index == SelfTest.hashedVector {
        step = zip(traces.0, traces.1).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? step
      }
    }
    return (vector, step)
  }

  /// Every weighted layer in turn, with one weight changed in the text of its table.
  @Test func itNamesTheStepWhoseWeightIsChanged() throws {
    let program = try Place.program(Place.digits)
    var (tested, early) = (0, 0)
    for (index, step) in program.steps.enumerated() {
      guard case .affine(let affine) = step.operation, !affine.isDepthwise else { continue }
      // The first of a few weights that makes a difference there on the vector of the hashes.
      var choice: (weight: Int, code: Int16, vector: Int)?
      for weight in stride(from: 0, to: affine.weights.count, by: max(1, affine.weights.count / 8)) where choice == nil {
        var mutant = affine
        mutant.weights[weight] = affine.weights[weight] > 0 ? -127 : 127
        var changed = program
        changed.steps[index].operation = .affine(mutant)
        let expected = try verdict(program, changed)
        if let vector = expected.vector, expected.step == index { choice = (weight, mutant.weights[weight], vector) }
      }
      let (weight, code, vector) = try #require(choice)

      let project = try GeneratedProject(program)
      let file = "\(project.prefix)_weights.c"
      try project.folder.write(
        try replacing(
          element: weight, of: "\(project.prefix)_weights_\(index)[", by: code, in: project.text(file)),
        file)
      let run = try project.runSelfTest()
      #expect(run.status == 1)
      #expect(run.text == "FAIL digits: vector \(vector), first wrong step \(index)\n", "weight of step \(index)")
      tested += 1
      if vector < SelfTest.hashedVector { early += 1 }
    }
    // Also where a vector before the hashed one fails already.
    #expect(tested >= 4 && early >= 1)
  }

  /// The text with one element of a table replaced.
  private func replacing(element: Int, of table: String, by value: Int16, in text: String) throws -> String {
    let parts = text.components(separatedBy: "const int8_t \(table)")
    try #require(parts.count == 2)
    let start = try #require(parts[1].range(of: "{"))
    let end = try #require(parts[1].range(of: "}"))
    var elements = parts[1][start.upperBound..<end.lowerBound].split(separator: ",").map(String.init)
    let old = try #require(Int16(elements[element].filter { $0 != " " && $0 != "\n" }))
    #expect(old != value)
    elements[element] = " \(value)"
    return parts[0] + "const int8_t \(table)" + parts[1][..<start.upperBound] + elements.joined(separator: ",")
      + parts[1][end.lowerBound...]
  }

  @Test func itFailsWhereTheArenaIsNoGood() throws {
    let project = try GeneratedProject(Place.program(Place.digits))
    try project.folder.write(
      """
      #include "digits.h"
      static union { int8_t codes[DIGITS_ARENA_SIZE + 8u]; int64_t aligned; } arena;
      int main(void) {
        uint32_t step = 99u;
        if (digits_selftest((int8_t *)0, DIGITS_ARENA_SIZE, &step) != 1u) return 1;
        if (step != DIGITS_STEP_COUNT) return 2;
        if (digits_selftest(&arena.codes[1], DIGITS_ARENA_SIZE, &step) != 1u) return 3;
        if (digits_selftest(arena.codes, DIGITS_ARENA_SIZE - 1u, &step) != 1u) return 4;
        if (digits_selftest(arena.codes, DIGITS_ARENA_SIZE, &step) != 0u) return 5;
        return (step == DIGITS_STEP_COUNT) ? 0 : 6;
      }

      """, "main.c")
    try project.build(
      project.allSources + ["main.c"],
      flags: GeneratedProject.strict + ["-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"])
    #expect(try Tool.run("./program", [], in: project.folder).status == 0)
  }

  /// The inputs that both sides make from nothing are the same: else a self-test could not pass, and here they are looked
  /// at themselves.
  @Test func itsVectorsAreExtremesZeroPointsAndNoise() throws {
    for program in RandomProgram.first(20, from: 400) {
      var noise: Set<[[Int32]]> = []
      for vector in 0..<SelfTest.vectorCount {
        let inputs = SelfTest.inputs(of: program, vector: vector)
        #expect(inputs.map(\.count) == program.inputs.map { program.values[$0].count })
        for (codes, input) in zip(inputs, program.inputs) {
          let value = program.values[input]
          let range = Int32(value.type.range.lowerBound)...Int32(value.type.range.upperBound)
          switch vector {
          case 0: #expect(codes.allSatisfy { $0 == range.lowerBound })
          case 1: #expect(codes.allSatisfy { $0 == range.upperBound })
          case 2: #expect(codes.allSatisfy { $0 == value.zeroPoint })
          default:
            #expect(codes.allSatisfy(range.contains))
            #expect(codes.count < 64 || Set(codes).count > 16)
          }
        }
        if vector > 2 { noise.insert(inputs) }
      }
      let codes = program.inputs.reduce(0) { $0 + program.values[$1].count }
      #expect(codes < 8 || noise.count == SelfTest.vectorCount - 3)
    }
  }

  @Test func itsHashIsFNV1a() {
    // Test vectors of the authors: "", "a", "foobar".
    #expect(SelfTest.hash([], bytesPerCode: 1) == 0x811C_9DC5)
    #expect(SelfTest.hash([0x61], bytesPerCode: 1) == 0xE40C_292C)
    #expect(SelfTest.hash("foobar".utf8.map { Int32($0) }, bytesPerCode: 1) == 0xBF9C_F968)
    #expect(SelfTest.hash([0x6F66, 0x626F, 0x7261], bytesPerCode: 2) == 0xBF9C_F968)
    #expect(SelfTest.hash([-1], bytesPerCode: 1) == SelfTest.hash([255], bytesPerCode: 1))
  }
}
