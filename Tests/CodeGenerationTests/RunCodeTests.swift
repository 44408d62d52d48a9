import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting

/// Functions that move whole runs move what moving byte after byte does, wherever the runs lie.
@Suite struct RunCodeTests {
  private static let codes: [(target: String, code: RunCode)] = [
    ("cortex-m0plus", .armv6), ("cortex-m3", .armv7), ("cortex-m4", .armv7), ("cortex-m55", .mve), ("rv32imac", .c),
  ]

  /// A program of any step, whose writer makes the functions.
  private static func functions(_ code: RunCode) throws -> (text: String, copy: String, fill: String) {
    let program = try Place.program(Place.digits)
    let kernels = KernelSelection(program)
    var writer = KernelWriter(
      program: program, plan: MemoryPlan(program, kernels: kernels), names: CNames(modelName: "net"), kernels: kernels)
    let (copy, fill) = (code.copyFunction(&writer), code.fillFunction(&writer))
    return (writer.shared.map(\.text.text).joined(separator: "\n"), copy, fill)
  }

  /// Copies 0 to 70 bytes to where they lie, to 1 to 40 places below, and apart, from every alignment to every other; sets
  /// as many. Ends with how many ways there were, or with the first that went wrong.
  private static func main(_ code: RunCode) throws -> String {
    let (text, copy, fill) = try functions(code)
    return """
      #include <stdint.h>
      #define NET_KERNEL __attribute__((noinline))
      \(text)
      enum { SIZE = 256, BASE = 128 };
      static int8_t found[SIZE] __attribute__((aligned(8)));
      static int8_t expected[SIZE];
      static int32_t ways;
      static void prepare(void) {
        for (int32_t i = 0; i < SIZE; i++) {
          found[i] = (int8_t)((i * 37) % 251 - 125);
          expected[i] = found[i];
        }
      }
      static int differ(void) {
        ways++;
        for (int32_t i = 0; i < SIZE; i++) {
          if (found[i] != expected[i]) return 1;
        }
        return 0;
      }
      static int32_t test(void) {
        for (int32_t length = 0; length <= 70; length++) {
          for (int32_t start = 0; start < 8; start++) {
            for (int32_t shift = 0; shift <= 80; shift++) {
              /* Beyond 40 places the runs are apart, or the target lies above. */
              const int32_t from = BASE - (shift > 70 ? 80 : 0) + start;
              const int32_t to = shift > 70 ? from + shift : from - shift;
              prepare();
              for (int32_t i = 0; i < length; i++) expected[to + i] = expected[from + i];
              \(copy)(&found[to], &found[from], length);
              if (differ()) return -((length * 10000) + (start * 1000) + shift);
            }
            prepare();
            for (int32_t i = 0; i < length; i++) expected[BASE + start + i] = (int8_t)((i % 2) != 0 ? -2 : 91);
            if ((length % 2) == 0) {
              \(fill)(&found[BASE + start], 0xFE5BFE5Bu, length);
              if (differ()) return -(2000000 + (length * 10) + start);
            }
            prepare();
            for (int32_t i = 0; i < length; i++) expected[BASE + start + i] = -7;
            \(fill)(&found[BASE + start], 0xF9F9F9F9u, length);
            if (differ()) return -(1000000 + (length * 10) + start);
          }
        }
        return ways;
      }

      """
  }
  /// For each of 71 lengths and 8 places 81 copies and a filling, and one of halfwords for every other length.
  private static let ways = 71 * 8 * 82 + 36 * 8

  @Test("on the devices, as their emulators execute them", arguments: codes.indices)
  func devices(_ index: Int) throws {
    let (name, code) = Self.codes[index]
    let target = try Target.named(Place.package.appending(path: "Targets/\(name)").path)
    let device = try #require(target.device)
    let builds = BuildConfiguration.all(of: target)
    for build in builds where Tool.exists(build.compiler) && Tool.exists(device.run[0]) {
      let folder = try TemporaryFolder()
      let end = """
        #include "runner.h"
        int main(void) {
          const int32_t result = test();
          runner_exit(runner_write(&result, 4) ? 0 : 1);
        }

        """
      try folder.write(try Self.main(code) + end, "main.c")
      let run = DeviceBuild(device: device, build: build, driver: "main.c")
      guard case .linked = try run.link([], in: folder.url, to: "test") else {
        Issue.record("\(name): does not link")
        continue
      }
      let output = folder.url.appending(path: "result")
      let failure = try run.run("test", objects: [], inputs: [], in: folder.url, output: output)
      #expect(failure == nil)
      let bytes = try Data(contentsOf: output)
      #expect(bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) } == Int32(Self.ways), "\(name), \(build.configuration.name)")
    }
  }

  @Test("in C on this machine, under sanitisers", .enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"))
  func words() throws {
    for compiler in Tool.compilers {
      let folder = try TemporaryFolder()
      let end = "#include <stdio.h>\nint main(void) { printf(\"%d\", (int)test()); return 0; }\n"
      try folder.write(try Self.main(.c) + end, "main.c")
      for flags in [["-O2"], ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]] {
        try Tool.check(compiler, GeneratedProject.strict + flags + ["main.c", "-o", "test"], in: folder)
        #expect(try Tool.run("./test", [], in: folder).text == "\(Self.ways)", "\(compiler) \(flags)")
      }
    }
  }

  // MARK: Which moves

  private static func program(_ move: Move, type: CodeType = .int8, counts: [Int], output: Int) -> IntegerProgram {
    func value(_ count: Int) -> Value {
      Value(name: "v", tensor: nil, shape: [count], type: type, scale: 1, zeroPoint: 0)
    }
    let step = Step(
      .move(move), source: Step.Source(index: 0, type: "MOVE", name: ""), inputs: Array(counts.indices),
      output: counts.count)
    return IntegerProgram(
      name: "move", values: counts.map(value) + [value(output)], steps: [step], inputs: Array(counts.indices),
      outputs: [counts.count])
  }
  private static func code(_ program: IntegerProgram, _ features: [String]) -> String {
    let kernels = KernelSelection(program, features: features)
    return CodeGenerator(
      program, plan: MemoryPlan(program, kernels: kernels), kernels: kernels,
      options: CodeOptions(names: CNames(modelName: "net"), commandLine: "", modelFile: "", modelDigest: "")
    ).code().map(\.text).joined()
  }

  @Test("rows of several codes are one call each, neighbouring axes one run")
  func runs() {
    // Three rows of 2 × 8 codes, of which all lie together in the target.
    let rows = Move(copies: [
      Move.Copy(operand: 0, sizes: [3, 2, 8], sourceStart: 4, sourceStrides: [32, 8, 1], targetStart: 0, targetStrides: [16, 8, 1])
    ])
    let program = Self.program(rows, counts: [96], output: 48)
    for features in [["armv6m"], ["armv7m"], ["dsp"], ["dsp", "mve"], ["mul32"]] {
      let code = Self.code(program, features)
      #expect(code.contains("net_copy_run(&y[(i0 * 16)], &x0[4 + (i0 * 32)], 16);"), "\(features): \(code)")
    }
    #expect(!Self.code(program, []).contains("copy_run"))
    let wide = Self.program(rows, type: CodeType(bits: 16, isSigned: true), counts: [96], output: 48)
    #expect(Self.code(wide, ["dsp"]).contains("net_copy_run(&y[(i0 * 16)], &x0[4 + (i0 * 32)], 32);"))
  }

  @Test("what has no runs stays portable, and so do the shortest")
  func noRuns() {
    let transposed = Move(copies: [
      Move.Copy(operand: 0, sizes: [8, 16], sourceStart: 0, sourceStrides: [1, 8], targetStart: 0, targetStrides: [16, 1])
    ])
    let short = Move(copies: [
      Move.Copy(operand: 0, sizes: [8, 7], sourceStart: 0, sourceStrides: [16, 1], targetStart: 0, targetStrides: [7, 1])
    ])
    for (move, output) in [(transposed, 128), (short, 56)] {
      let program = Self.program(move, counts: [128], output: output)
      #expect(KernelSelection(program, features: ["dsp"]).kernels[0] is PortableKernel)
    }
  }

  @Test("constants beside what is copied are set by words of their codes")
  func fills() {
    func code(_ type: CodeType, _ fill: Int32) -> String {
      let move = Move(
        fill: fill,
        copies: [Move.Copy(operand: 0, sizes: [16], sourceStart: 0, sourceStrides: [1], targetStart: 8, targetStrides: [1])])
      return Self.code(Self.program(move, type: type, counts: [16], output: 32), ["dsp"])
    }
    #expect(code(.int8, -2).contains("net_fill_run(y, \(0xFEFE_FEFE as UInt32)u, 32);"))
    #expect(code(CodeType(bits: 16, isSigned: true), -2).contains("net_fill_run(y, \(0xFFFE_FFFE as UInt32)u, 64);"))
  }
}
