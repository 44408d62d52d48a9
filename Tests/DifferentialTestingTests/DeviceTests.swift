import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration
@testable import DifferentialTesting

/// Devices are what a target's folder says. Here this machine plays one: its runner writes files, or prints.
@Suite(.enabled(if: CompilerScript.compiler != nil, "skipped: no C compiler is installed"))
struct DeviceTests {
  private static let files = """
    #include <stdio.h>
    #include <stdlib.h>
    #include "runner.h"
    static FILE *in, *out;
    int runner_read(void *to, uint32_t bytes) {
      if (!in) in = fopen("inputs", "rb");
      return fread(to, 1, bytes, in) == bytes;
    }
    int runner_write(const void *from, uint32_t bytes) {
      if (!out) out = fopen("outputs", "wb");
      return fwrite(from, 1, bytes, out) == bytes;
    }
    void runner_exit(int status) { exit(status); }
    """
  private static let lines = """
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include "runner.h"
    static const unsigned char inputs[] = {
    #include "inputs.inc"
    };
    int runner_read(void *to, uint32_t bytes) {
      static uint32_t position;
      if (sizeof inputs - position < bytes) return 0;
      memcpy(to, inputs + position, bytes);
      position += bytes;
      return 1;
    }
    int runner_write(const void *from, uint32_t bytes) {
      putchar(':');
      for (uint32_t i = 0; i < bytes; i++) printf("%02x", ((const unsigned char *)from)[i]);
      putchar('\\n');
      return 1;
    }
    void runner_exit(int status) { printf("end %02x\\n", status); exit(0); }
    """

  /// The report of a test of the bundled network on such a device; `run` is the shell script that runs "$0".
  private func report(
    transport: Target.Device.Transport, runner: String? = nil, run: String = "exec \"$0\"", linkFlags: [String] = [],
    vectors: Int = 3
  ) throws -> DifferentialTest.Report {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = runner ?? (transport == .serial ? Self.lines : Self.files)
    try Data(text.utf8).write(to: folder.appending(path: "runner.c"))
    let object: [String: Any] = [
      "name": "desk", "description": "This machine", "alignment": 4, "compilers": [CompilerScript.compiler ?? "cc"],
      "warnings": ["-std=c99", "-Wall", "-Werror"], "configurations": [["name": "O1", "flags": ["-O1"]]],
      "device": [
        "flash": ["origin": "0", "bytes": 1 << 20], "ram": ["origin": "0", "bytes": 1 << 20], "stackBytes": 1 << 10,
        "sources": ["runner.c"], "includes": [Place.package.appending(path: "Targets/bare-metal").path],
        "linkFlags": linkFlags, "transport": transport.rawValue, "run": ["sh", "-c", run, "{program}"],
      ] as [String: Any],
    ]
    try JSONSerialization.data(withJSONObject: object).write(to: folder.appending(path: "target.json"))
    let target = try Target.named(folder.path)
    let program = try Place.digitsProgram()
    return try DifferentialTest(program).run(
      TestVectors.random(for: program, count: vectors, seed: 1), builds: BuildConfiguration.all(of: target))
  }

  private func failure(_ report: DifferentialTest.Report) -> String? {
    if case .failure(let reason) = report.outcomes[0].outcome { reason } else { nil }
  }

  @Test(arguments: Target.Device.Transport.allCases)
  func aTargetOfTheUsersOwnRunsAndIsEqual(_ transport: Target.Device.Transport) throws {
    // More vectors than an image holds at a time.
    let report = try report(transport: transport, vectors: 20)
    #expect(report.isEqual && report.agreed == 1, "\(report.problems)")
    #expect(report.comparedBytes == 20 * report.bytesPerVector)
  }

  @Test func aWrongByteIsAMismatch() throws {
    let report = try report(
      transport: .semihosting,
      run: "\"$0\" && printf '\\125' | dd of=outputs bs=1 seek=7 conv=notrunc 2>/dev/null")
    guard case .mismatch(let found) = report.outcomes[0].outcome else {
      Issue.record("\(report.outcomes)")
      return
    }
    #expect(found.vector == 0 && found.step == 0 && found.element == 7 && found.actual == 0o125)
  }

  struct Misbehaviour: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let transport: Target.Device.Transport
    let run: String
    /// What the failure tells.
    let words: String
  }
  static let misbehaviours = [
    Misbehaviour(testDescription: "a fault", transport: .semihosting, run: "exit 100", words: "took a fault"),
    Misbehaviour(testDescription: "an overrun", transport: .semihosting, run: "exit 6", words: "past the arena's ends"),
    Misbehaviour(testDescription: "silence", transport: .semihosting, run: "exit 0", words: "wrote 0 bytes"),
    Misbehaviour(
      testDescription: "an emulator's words", transport: .semihosting, run: "echo no board >&2; exit 1",
      words: "no board"),
    Misbehaviour(testDescription: "a fault, by serial", transport: .serial, run: "echo end 64", words: "took a fault"),
    Misbehaviour(
      testDescription: "no end, by serial", transport: .serial, run: "\"$0\" | grep -v end",
      words: "never said that it ended"),
    Misbehaviour(
      testDescription: "an emulator's words, by serial", transport: .serial, run: "echo no board >&2; exit 1",
      words: "no board"),
  ]
  @Test(arguments: misbehaviours) func aDeviceThatMisbehavesIsAFailure(_ misbehaviour: Misbehaviour) throws {
    let report = try report(transport: misbehaviour.transport, run: misbehaviour.run)
    #expect(failure(report)?.contains(misbehaviour.words) == true, "\(report.outcomes)")
    #expect(!report.isEqual)
  }

  @Test func aProgramThatDoesNotLinkIsAFailureWithTheLinkersWords() throws {
    let report = try report(transport: .semihosting, linkFlags: ["-lno-such-library"])
    #expect(failure(report)?.contains("no-such-library") == true, "\(report.outcomes)")
  }

  @Test func whatTheLinkerHasNoRoomForDoesNotFit() throws {
    let words = "ld: region `RAM' overflowed by 20 bytes"
    let report = try CompilerScript.with(
      compile: "case \" $* \" in *\" -c \"*) ;; *) echo \"\(words.replacing("`", with: "\\`"))\" >&2; exit 1;; esac"
    ) { build in
      var build = build
      build.device = try Target.named(Place.package.appending(path: "Targets/cortex-m4").path).device
      build.device?.run = ["true", "{program}"]
      let program = try Place.digitsProgram()
      return try DifferentialTest(program).run(TestVectors.random(for: program, count: 1, seed: 1), builds: [build])
    }
    let shortfall = try #require(report.shortfall)
    #expect(shortfall.contains("region `RAM' overflowed by 20 bytes") && shortfall.contains("1048576"), "\(shortfall)")
    #expect(!report.isEqual)
  }

  @Test func aProgramThatHangsIsEnded() throws {
    let folder = FileManager.default.temporaryDirectory
    let start = Date()
    let result = try Command.run("sleep", ["60"], in: folder, secondsLimit: 1)
    #expect(result.isTimedOut && Date().timeIntervalSince(start) < 30)
    #expect(try !Command.run("true", [], in: folder, secondsLimit: 30).isTimedOut)
  }

  // MARK: Sizes

  @Test func theSizesOfAnObjectAreItsLoadedSections() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let source =
      "const char table[1000] = {1}; char written[300] = {1}, zeroed[70]; int f(int x) { return x + 1; }\n"
    try Data(source.utf8).write(to: folder.appending(path: "a.c"))
    let arguments = ["-O1", "-g", "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-c", "a.c", "-o", "a.o"]
    let compiler = try #require(CompilerScript.compiler)
    try #require(try Command.run(compiler, arguments, in: folder).status == 0)
    let object = try #require(ObjectFile(folder.appending(path: "a.o")))
    // A compiler may add a note.
    #expect((1000..<1100).contains(object.constantBytes) && object.variableBytes == 370)
    #expect((1..<100).contains(object.codeBytes))
    #expect(object.sections.contains { $0.name == ".text.f" && $0.isCode })
  }

  @Test func whatIsNoObjectHasNoSizes() throws {
    #expect(ObjectFile([]) == nil && ObjectFile([UInt8](repeating: 0x7F, count: 200)) == nil)
    #expect(ObjectFile([0x7F, 0x45, 0x4C, 0x46] + [UInt8](repeating: 0xFF, count: 200)) == nil)
    #expect(ObjectFile([0x7F, 0x45, 0x4C, 0x46, 1, 1] + [UInt8](repeating: 0, count: 200)) == nil)
  }
}
