import DifferentialTesting
import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration

/// C made for one target is told from portable C by every compiler: alone it is refused, in a package it has portable C
/// beside it, and both do the same.
@Suite(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed")) struct TargetCodeTests {
  private static let features = [["armv6m"], ["armv7m"], ["dsp"], ["dsp", "mve"]]

  private static func generator(
    _ features: [String], _ packaging: Packaging, prefix: String = "net"
  ) throws -> CodeGenerator {
    let program = try Place.program(Place.digits)
    let kernels = KernelSelection(program, features: features)
    return CodeGenerator(
      program, plan: MemoryPlan(program, kernels: kernels), kernels: kernels,
      options: CodeOptions(
        names: try #require(CNames(prefix: prefix)), commandLine: "lockstep compile", modelFile: "digits", modelDigest: "",
        target: "my-board", packaging: packaging))
  }

  /// Writes the files; returns the C files among them.
  private static func write(_ files: [GeneratedFile], in folder: TemporaryFolder) throws -> [String] {
    for file in files { try folder.write(file.text, file.name) }
    return files.map(\.name).filter { $0.hasSuffix(".c") && !$0.hasSuffix("main.c") }
  }

  @Test(arguments: features) func aloneItIsRefusedByNameAndReason(_ features: [String]) throws {
    let generator = try Self.generator(features, .plain)
    #expect(!generator.isPortable)
    let folder = try TemporaryFolder()
    _ = try Self.write(generator.files(selfTest: nil), in: folder)
    for compiler in Tool.compilers {
      let run = try Tool.run(compiler, ["-std=c99", "-c", "net.c"], in: folder)
      let first = try #require(run.error.split(separator: "\n").first { $0.contains("error:") })
      #expect(run.status != 0 && first.contains("#error") || first.contains("net.c is made for"), "\(first)")
      #expect(first.contains("net.c is made for the target my-board") && first.contains("--target host"), "\(first)")
    }
  }

  @Test func portableCodeHasNoConditions() throws {
    for features in [[], ["mul32"]] {
      let generator = try Self.generator(features, .zephyr)
      #expect(generator.isPortable)
      for file in generator.files(selfTest: nil) {
        #expect(!file.name.contains("portable") && !file.text.contains("TARGET_CODE") && !file.text.contains("made for"))
      }
    }
  }

  /// Every package of every kind of kernels, on the machine at hand: what native_sim, ctest and PlatformIO's native do.
  @Test(arguments: features) func packagesWorkOnThisMachine(_ features: [String]) throws {
    let test = try SelfTest(simulating: Place.program(Place.digits))
    for packaging in Packaging.allCases where packaging != .plain {
      let folder = try TemporaryFolder()
      let sources = try Self.write(Self.generator(features, packaging).files(selfTest: test), in: folder)
      #expect(sources.count == 5)
      for compiler in Tool.compilers {
        try Tool.check(
          compiler, GeneratedProject.strict + ["-Wundef", "-O1", "-DNET_SELFTEST_MAIN"] + sources + ["-o", "selftest"],
          in: folder)
        let run = try Tool.run("./selftest", [], in: folder)
        #expect(run.status == 0 && run.text.hasPrefix("PASS net: 6 vectors"), "\(run.report)")
      }
    }
  }

  /// On this machine, the code beside a target's is that of `--target host`.
  @Test func theCodeBesideIsThatOfNoTarget() throws {
    func functions(_ text: String) -> [Substring] {
      text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.hasPrefix("/*") && !$0.hasPrefix(" *") }
    }
    let portable = try Self.generator([], .cmake).files(selfTest: nil)
    let both = try Self.generator(["dsp"], .cmake).files(selfTest: nil)
    for file in ["net.c", "net_weights.c", "net_weights.h"] {
      let beside = try #require(both.first { $0.name == file.replacing("net", with: "net_portable") })
      let own = try #require(portable.first { $0.name == file })
      #expect(functions(beside.text) == functions(own.text), "\(file)")
    }
  }

  /// What the compiler's macros choose, by processor: the instructions that its architecture manual gives it.
  private static let processors: [(flags: [String], has: Set<String>)] = [
    (["-mcpu=cortex-m0"], ["armv6m"]), (["-mcpu=cortex-m0plus"], ["armv6m"]), (["-mcpu=cortex-m23"], ["armv6m"]),
    (["-mcpu=cortex-m3"], ["armv6m", "armv7m"]), (["-mcpu=cortex-m4"], ["armv6m", "armv7m", "dsp"]),
    (["-mcpu=cortex-m7"], ["armv6m", "armv7m", "dsp"]), (["-mcpu=cortex-m33"], ["armv6m", "armv7m", "dsp"]),
    (["-mcpu=cortex-m33+nodsp"], ["armv6m", "armv7m"]),
    (["-mcpu=cortex-m55", "-mfloat-abi=hard"], ["armv6m", "armv7m", "dsp", "mve"]),
    // Without vector registers.
    (["-mcpu=cortex-m55+nomve+nofp"], ["armv6m", "armv7m", "dsp"]), (["-mcpu=cortex-m4", "-mbig-endian"], []),
  ]

  @Test(.enabled(if: Tool.exists("arm-none-eabi-gcc"), "skipped: arm-none-eabi-gcc is not installed"), arguments: features)
  func theCompilersMacrosChoose(_ features: [String]) throws {
    let folder = try TemporaryFolder()
    let sources = try Self.write(Self.generator(features, .cmake).files(selfTest: nil), in: folder)
    #expect(sources.count == 4)
    func holdsRun(_ object: String) throws -> Bool {
      try Tool.check("arm-none-eabi-nm", [object], in: folder).text.contains(" T net_run\n")
    }
    for (flags, has) in Self.processors {
      // Assembly that a processor lacks does not get through the assembler.
      try Tool.check(
        "arm-none-eabi-gcc",
        GeneratedProject.strict + ["-Wundef", "-mthumb", "-ffreestanding", "-O2", "-c"] + flags + sources, in: folder)
      let isOwn = has.isSuperset(of: features)
      #expect(try holdsRun("net.o") == isOwn && holdsRun("net_portable.o") == !isOwn, "\(features) on \(flags)")
      try Tool.check(
        "arm-none-eabi-gcc",
        GeneratedProject.strict + ["-DNET_PORTABLE", "-mthumb", "-ffreestanding", "-c"] + flags + sources, in: folder)
      #expect(try !holdsRun("net.o") && holdsRun("net_portable.o"))
    }
  }
}
