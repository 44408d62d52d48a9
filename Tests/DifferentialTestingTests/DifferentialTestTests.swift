import Foundation
import IntegerProgram
import Network
import Simulation
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting

/// The differential test says equal where both sides are, names the first difference where they are not, and takes nothing
/// that went wrong for a success.
@Suite(.enabled(if: CompilerScript.compiler != nil, "skipped: no C compiler is installed"))
struct DifferentialTestTests {
  private func build(flags: [String] = ["-O1"]) throws -> BuildConfiguration {
    .named("O1", compiler: try #require(CompilerScript.compiler), flags: flags)
  }

  private func failure(_ outcome: DifferentialTest.Outcome) -> String? {
    if case .failure(let reason) = outcome { reason } else { nil }
  }
  private func skipped(_ outcome: DifferentialTest.Outcome) -> String? {
    if case .skipped(let reason) = outcome { reason } else { nil }
  }

  // MARK: Equal

  @Test func theBundledNetworkIsEqualInEveryBuildOfTheTarget() throws {
    let program = try Place.digitsProgram()
    let target = try Target.named(Place.package.appending(path: "Targets/host").path)
    let builds = BuildConfiguration.all(of: target)
    let vectors = TestVectors.random(for: program, count: 6, seed: 1)
    let report = try DifferentialTest(program).run(vectors, builds: builds, jobs: 2)
    #expect(report.isEqual && report.problems.isEmpty, "\(report.problems)")
    #expect(report.outcomes.map(\.build) == builds.map(\.name))
    for (build, outcome) in report.outcomes {
      switch outcome {
      case .equal, .skipped: break
      default: Issue.record("\(build): \(outcome)")
      }
    }
    #expect(report.agreed >= 4 && report.vectors == 6)
    // Every step's output, and the network's once more.
    let codes = program.steps.reduce(0) { $0 + program.values[$1.output].count } + 10
    #expect(report.bytesPerVector == codes)
    #expect(report.comparedBytes == report.agreed * 6 * codes)
  }

  @Test func aNetworkThatComputesNothingIsComparedToo() throws {
    let quantization = Quantization(scales: [0.5], zeroPoints: [0])
    let network = Network(
      name: "empty",
      tensors: [
        Tensor(name: "x", shape: [1, 4], type: .int8, quantization: quantization),
        Tensor(name: "y", shape: [1, 4], type: .float32),
      ], operations: [Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [0], outputs: [1])], inputs: [0],
      outputs: [1])
    let program = try IntegerProgram(lowering: network)
    let report = try DifferentialTest(program).run(
      TestVectors.random(for: program, count: 5, seed: 1), builds: [build()])
    #expect(report.isEqual && report.comparedBytes >= 5 * 4, "\(report.problems)")
  }

  @Test func whereNothingIsComparedNothingIsEqual() throws {
    let program = try Place.digitsProgram()
    let test = DifferentialTest(program)
    #expect(try !test.run(TestVectors([]), builds: [build()]).isEqual)
    #expect(try !test.run(TestVectors.random(for: program, count: 1, seed: 1), builds: []).isEqual)
    let missing = BuildConfiguration.named("O1", compiler: "no-such-compiler", flags: [])
    #expect(try !test.run(TestVectors.random(for: program, count: 1, seed: 1), builds: [missing]).isEqual)
  }

  // MARK: Planted faults

  /// The first difference between two programs, found by simulating both.
  private func firstDifference(
    _ expected: IntegerProgram, _ actual: IntegerProgram, _ vectors: TestVectors
  ) throws -> (vector: Int, step: Int, element: Int, expected: Int32, actual: Int32)? {
    let simulators = (Simulator(expected), Simulator(actual))
    for (number, vector) in vectors.vectors.enumerated() {
      var traces: ([[Int32]], [[Int32]]) = ([], [])
      _ = try simulators.0.run(vector) { _, _, codes in traces.0.append(codes) }
      _ = try simulators.1.run(vector) { _, _, codes in traces.1.append(codes) }
      for (step, (right, wrong)) in zip(traces.0, traces.1).enumerated() {
        if let element = right.indices.first(where: { right[$0] != wrong[$0] }) {
          return (number, step, element, right[element], wrong[element])
        }
      }
    }
    return nil
  }

  private func expectMismatch(
    _ program: IntegerProgram, _ mutant: IntegerProgram, _ vectors: TestVectors, _ place: Comment
  ) throws -> Bool {
    guard let expected = try firstDifference(program, mutant, vectors) else { return false }
    // Where the fault's own reads and writes meet nothing else, what is found first is what simulation finds first.
    let report = try DifferentialTest(program, generating: mutant, plan: MemoryPlan(mutant))
      .run(vectors, builds: [build()])
    #expect(!report.isEqual && report.agreed == 0 && report.comparedBytes == 0, place)
    guard case .mismatch(let found) = try #require(report.outcomes.first).outcome else {
      Issue.record("no mismatch but \(report.outcomes): \(place)")
      return true
    }
    #expect(found.vector == expected.vector && found.step == expected.step, place)
    #expect(found.element == expected.element, place)
    #expect(found.expected == expected.expected && found.actual == expected.actual, place)
    let source = program.steps[expected.step].source
    #expect(found.layer == source.index && found.layerType == source.type && found.layerName == source.name, place)
    let text = try #require(report.problems.first)
    for part in [
      "vector \(expected.vector)", "step \(expected.step)", "layer \(source.index) \(source.type)",
      "element \(expected.element)", "expected \(expected.expected)", "got \(expected.actual)",
    ] { #expect(text.contains(part), "\(text) does not tell \(part)") }
    return true
  }

  /// Whether some output is joined of several blocks, or is all of an operand: where one is moved, a place is left as it
  /// was.
  private func joinsBlocks(_ program: IntegerProgram) -> Bool {
    program.steps.contains { step in
      guard case .move(let move) = step.operation else { return false }
      return move.isIdentity || move.fill == nil && move.copies.count > 1
    }
  }

  /// Whether all that is moved lies in the operands.
  private func movesStayInside(_ program: IntegerProgram) -> Bool {
    program.steps.allSatisfy { step in
      guard case .move(let move) = step.operation else { return true }
      return move.copies.allSatisfy { copy in
        let reach = zip(copy.sizes, copy.sourceStrides).map { ($0 - 1) * $1 }
        let least = copy.sourceStart + reach.reduce(0) { $0 + min($1, 0) }
        let most = copy.sourceStart + reach.reduce(0) { $0 + max($1, 0) }
        return least >= 0 && most < program.values[step.inputs[copy.operand]].count
      }
    }
  }

  /// One bias of one channel, in each weighted layer by turns.
  @Test func theFirstDifferenceIsNamedByLayerElementAndCodes() throws {
    let program = try Place.digitsProgram()
    let vectors = TestVectors.random(for: program, count: 6, seed: 2)
    var tested = 0
    for (index, step) in program.steps.enumerated() {
      guard case .affine(var affine) = step.operation else { continue }
      let channel = affine.bias.count - 1 - index % 3
      affine.bias[channel] += 700
      let range = affine.accumulators[channel]
      affine.accumulators[channel] = range.lowerBound...range.upperBound + 700
      var mutant = program
      mutant.steps[index].operation = .affine(affine)
      if try expectMismatch(program, mutant, vectors, "bias of step \(index)") { tested += 1 }
    }
    #expect(tested >= 5)
  }

  @Test func faultsOfManyKindsAreNamedInRandomNetworks() throws {
    var tested = 0
    for (index, mutation) in Mutation.allCases.enumerated() {
      for seed in UInt64(50 * index)...UInt64(50 * index + 49) {
        guard let program = RandomProgram.make(seed: seed), let mutant = mutation.apply(to: program),
          mutation != .arenaOverlap, mutation != .overlapTooFar, mutation != .droppedSaturation,
          movesStayInside(mutant.program), mutation != .moveOff || !joinsBlocks(program)
        else { continue }
        let vectors = TestVectors.random(for: program, count: 6, seed: seed)
        if try expectMismatch(program, mutant.program, vectors, "\(mutation.rawValue), seed \(seed)") {
          tested += 1
          break
        }
      }
    }
    #expect(tested >= 15)
  }

  /// The script of a program that turns one bit of what the program writes.
  private static func withWrongByte(at offset: Int) -> String {
    """
    "$0.real" > "$0.bytes" || exit
    old=$(od -An -tu1 -j\(offset) -N1 "$0.bytes")
    printf "\\\\$(printf %o $((old ^ 128)))" | dd of="$0.bytes" bs=1 seek=\(offset) conv=notrunc 2>/dev/null
    cat "$0.bytes"
    """
  }

  /// A wrong byte in what the program writes, wherever it is: in any step, and in the outputs of the run without an
  /// observer.
  @Test func aWrongByteIsNamedWhereverItIs() throws {
    let program = try Place.digitsProgram()
    let vectors = TestVectors.random(for: program, count: 3, seed: 1)
    var starts: [(step: Int?, value: Int, start: Int)] = []
    var bytes = 0
    for (index, step) in program.steps.enumerated() {
      starts.append((index, step.output, bytes))
      bytes += program.values[step.output].count
    }
    starts.append((nil, program.outputs[0], bytes))
    bytes += program.values[program.outputs[0]].count
    for (index, part) in starts.enumerated() where index % 5 == 0 || part.step == nil {
      let vector = index % 3
      let element = (index * 7 + 3) % program.values[part.value].count
      let offset = vector * bytes + part.start + element
      let report = try CompilerScript.with(program: Self.withWrongByte(at: offset)) { build in
        try DifferentialTest(program).run(vectors, builds: [build])
      }
      guard case .mismatch(let found) = try #require(report.outcomes.first).outcome else {
        Issue.record("byte \(offset): \(report.outcomes)")
        continue
      }
      #expect(found.vector == vector && found.step == part.step && found.element == element)
      #expect(UInt8(truncatingIfNeeded: found.expected) == UInt8(truncatingIfNeeded: found.actual) ^ 128)
      #expect(Int8(exactly: found.expected) != nil && Int8(exactly: found.actual) != nil)
      let text = try #require(report.problems.first)
      #expect(text.contains(part.step.map { "step \($0)," } ?? "without an observer"), "\(text)")
    }
  }

  /// Vectors that are too many to hold run piece by piece; a vector keeps its number.
  @Test func aWrongByteInALaterPieceOfTheVectorsIsNamed() throws {
    let quantization = Quantization(scales: [0.5], zeroPoints: [3])
    let image = [1, 1000, 1000, 1]
    let network = Network(
      name: "large",
      tensors: ["x", "y"].map { Tensor(name: $0, shape: image, type: .int8, quantization: quantization) },
      operations: [Operation(.unary(.relu), typeName: "RELU", inputs: [0], outputs: [1])], inputs: [0], outputs: [1])
    let program = try IntegerProgram(lowering: network)
    let codes = (0..<1_000_000).map { Int32($0 % 256) - 128 }
    let vectors = TestVectors([[[Int32]]](repeating: [codes], count: 40))
    // The program runs once for each piece; in the second, its third vector is wrong.
    let offset = 2 * 2_000_000 + 1234
    let report = try CompilerScript.with(
      program: "if [ -e second ]; then\n\(Self.withWrongByte(at: offset))\nelse touch second; exec \"$0.real\"; fi"
    ) { build in
      try DifferentialTest(program).run(vectors, builds: [build])
    }
    guard case .mismatch(let found) = try #require(report.outcomes.first).outcome else {
      Issue.record("\(report.outcomes)")
      return
    }
    // Pieces hold up to 64 MiB.
    #expect(found.vector == (64 << 20) / 2_000_000 + 2 && found.step == 0 && found.element == 1234)
  }

  // MARK: What goes wrong otherwise

  @Test func codeThatDoesNotCompileIsAFailureWithTheCompilersWords() throws {
    let program = try Place.digitsProgram()
    let vectors = TestVectors.random(for: program, count: 1, seed: 1)
    let builds = [try build(flags: ["-include", "no-such-file.h"]), try build(), try build(flags: ["-fno-such-flag"])]
    let report = try DifferentialTest(program).run(vectors, builds: builds)
    #expect(failure(report.outcomes[0].outcome)?.contains("no-such-file.h") == true)
    #expect(failure(report.outcomes[2].outcome)?.contains("no-such-flag") == true)
    if case .equal = report.outcomes[1].outcome {} else { Issue.record("\(report.outcomes[1])") }
    #expect(!report.isEqual && report.agreed == 1 && report.problems.count == 2)
  }

  @Test func aWarningIsAFailure() throws {
    let program = try Place.digitsProgram()
    let report = try CompilerScript.with(
      compile: "case \" $* \" in *\" digits.c \"*) sed -i 's/^typedef char/static int unused(void) { int32_t i; return 0; }\\n&/' digits.c;; esac"
    ) { build in
      try DifferentialTest(program).run(TestVectors.random(for: program, count: 1, seed: 1), builds: [build])
    }
    #expect(failure(report.outcomes[0].outcome)?.contains("unused") == true, "\(report.outcomes)")
  }

  struct Misbehaviour: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let program: String
    /// What the failure tells.
    let words: String
  }
  static let misbehaviours = [
    Misbehaviour(testDescription: "stops with a status", program: "\"$0.real\"; echo oh >&2; exit 7", words: "status 7\noh"),
    Misbehaviour(testDescription: "crashes", program: "\"$0.real\"; kill -SEGV $$", words: "status 139"),
    Misbehaviour(testDescription: "writes nothing", program: "exit 0", words: "wrote 0 bytes"),
    Misbehaviour(testDescription: "stops halfway", program: "\"$0.real\" | head -c 40", words: "wrote 40 bytes"),
    Misbehaviour(testDescription: "leaves out a byte", program: "\"$0.real\" | head -c -1", words: "bytes, not"),
    Misbehaviour(testDescription: "writes on", program: "\"$0.real\"; echo", words: "bytes, not"),
  ]
  @Test(arguments: misbehaviours) func aProgramThatMisbehavesIsAFailure(_ misbehaviour: Misbehaviour) throws {
    let program = try #require(RandomProgram.make(seed: 1))
    let report = try CompilerScript.with(program: misbehaviour.program) { build in
      try DifferentialTest(program).run(TestVectors.random(for: program, count: 3, seed: 1), builds: [build])
    }
    let reason = failure(report.outcomes[0].outcome)
    #expect(reason?.contains(misbehaviour.words) == true, "\(report.outcomes)")
    #expect(!report.isEqual && report.problems.count == 1)
  }

  @Test func aBuildThatCannotBeMadeIsSkippedAndNeverEqual() throws {
    let program = try Place.digitsProgram()
    let lacking = "-fsanitize=no-such-sanitizer"
    let builds = [
      .named("O1", compiler: "no-such-compiler", flags: []), try build(),
      .named("lacking", compiler: try #require(CompilerScript.compiler), flags: [lacking], optional: true),
    ]
    let report = try DifferentialTest(program).run(TestVectors.random(for: program, count: 2, seed: 1), builds: builds)
    #expect(skipped(report.outcomes[0].outcome) == "no-such-compiler is not installed")
    #expect(skipped(report.outcomes[2].outcome)?.hasSuffix("lacks lacking") == true)
    #expect(report.agreed == 1 && report.isEqual && report.problems.isEmpty)
    #expect(report.comparedBytes == 2 * report.bytesPerVector)
  }

  @Test func anOptionalFeatureWhoseProgramsDoNotStartIsSkipped() throws {
    let program = try Place.digitsProgram()
    let vectors = TestVectors.random(for: program, count: 1, seed: 1)
    let optional = try CompilerScript.with(program: "exit 1", optional: true) { build in
      try DifferentialTest(program).run(vectors, builds: [build])
    }
    #expect(skipped(optional.outcomes[0].outcome)?.contains("do not start") == true)
    // What is not optional fails.
    let needed = try CompilerScript.with(program: "exit 1") { build in
      try DifferentialTest(program).run(vectors, builds: [build])
    }
    #expect(failure(needed.outcomes[0].outcome)?.contains("status 1") == true)
  }

  // MARK: The command

  private func difftest(_ arguments: [String], path: String? = nil) throws -> (status: Int32, output: String, error: String) {
    let process = Process()
    process.executableURL = Place.command
    process.arguments = ["difftest"] + arguments
    process.currentDirectoryURL = Place.package
    if let path {
      process.environment = ProcessInfo.processInfo.environment.merging(["PATH": path]) { $1 }
    }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let words = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: text, as: UTF8.self), String(decoding: words, as: UTF8.self))
  }

  @Test(arguments: [[Place.digits.path, "--random", "2"], ["--networks", "2"]])
  func theCommandFailsWhereNoBuildCanBeMade(_ arguments: [String]) throws {
    let run = try difftest(arguments, path: "/nonexistent")
    #expect(run.status == 1, "\(run)")
    #expect(run.error.contains("nothing was compared"), "\(run.error)")
  }

  @Test func theCommandTellsWhatItComparedOnRandomNetworks() throws {
    let run = try difftest(["--networks", "4", "--seed", "11"])
    #expect(run.status == 0, "\(run)")
    let summary = try #require(run.output.split(separator: "\n").first { $0.contains("random networks") })
    #expect(summary.contains("4 random networks (seeds from 11)") && summary.contains(": 0 differ"), "\(summary)")
    #expect(!summary.contains(" 0 bytes"))
  }
}
