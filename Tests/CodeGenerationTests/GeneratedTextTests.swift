import DifferentialTesting
import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration

/// What every generated file is promised to be: the same each time, integer, without heap, variables or recursion, and
/// self-contained.
@Suite struct GeneratedTextTests {
  private static func projects() throws -> [GeneratedProject] {
    try (RandomProgram.first(12, from: 100) + [Place.program(Place.digits)]).enumerated().map { index, program in
      try GeneratedProject(program, names: #require(CNames(prefix: "net\(index)")))
    }
  }

  // MARK: The same each time

  @Test func theSameProgramGivesTheSameFiles() throws {
    for program in RandomProgram.first(40, from: 200) {
      let texts = try (0..<2).map { _ in
        let options = CodeOptions(
          names: CNames(modelName: program.name), commandLine: "lockstep compile", modelFile: "m", modelDigest: "d")
        return try CodeGenerator(program, plan: MemoryPlan(program), options: options)
          .files(selfTest: SelfTest(simulating: program)).map { "\($0.name)\n\($0.text)" }
      }
      #expect(texts[0] == texts[1])
    }
  }

  @Test func twoRunsOfTheCommandGiveTheSameBytes() throws {
    let folder = try TemporaryFolder()
    for output in ["one", "deeper/two"] {
      try Tool.check(Place.command.path, ["compile", Place.digits.path, "--output", output], in: folder)
    }
    let same = try Tool.run("diff", ["-r", "one", "deeper/two"], in: folder)
    #expect(same.status == 0, "\(same.report)")
    #expect(try folder.read("one/digits.c").count > 10_000)
  }

  // MARK: What the text holds

  /// The text without comments, string literals and preprocessor lines.
  private func code(_ text: String) -> String {
    var code = ""
    var rest = text[...]
    while let start = rest.range(of: "/*") {
      code += rest[..<start.lowerBound]
      rest = rest[(rest.range(of: "*/", range: start.upperBound..<rest.endIndex)?.upperBound ?? rest.endIndex)...]
    }
    code += rest
    return code.split(separator: "\n").filter { !$0.hasPrefix("#") }
      .map { $0.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 0 }
        .map(\.element).joined() }.joined(separator: "\n")
  }

  private func words(_ text: String) -> Set<Substring> {
    Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") })
  }

  @Test func theCodeNamesNoFloatingPointNoHeapAndNoUnboundedWork() throws {
    for project in try Self.projects() {
      for file in project.sources + ["\(project.prefix).h", "\(project.prefix)_weights.h"] {
        let words = words(code(try project.text(file)))
        let banned: Set<Substring> = [
          "float", "double", "malloc", "calloc", "realloc", "free", "alloca", "goto", "setjmp", "while", "volatile",
          "register", "auto", "union", "memcpy", "memset", "printf", "int", "long", "short", "unsigned", "signed", "size_t",
        ]
        #expect(words.isDisjoint(with: banned), "\(file): \(words.intersection(banned))")
        // The comments are gone, and the code is not.
        let own = file.contains("_weights.") ? "\(project.prefix)_program_digest" : "\(project.prefix)_run"
        #expect(words.contains(Substring(own)) || file.hasSuffix("_weights.h"), "\(file)")
      }
    }
  }

  @Test func onlyStdintAndOwnHeadersAreIncluded() throws {
    for project in try Self.projects() {
      let own = ["\"\(project.prefix).h\"", "\"\(project.prefix)_weights.h\""]
      for file in project.sources + [project.selfTest, "\(project.prefix).h", "\(project.prefix)_weights.h"] {
        let text = try project.text(file)
        // A program of its own may print.
        let library = text.components(separatedBy: "_SELFTEST_MAIN")[0]
        let included = library.split(separator: "\n").filter { $0.hasPrefix("#include") }.map { $0.dropFirst(9) }
        #expect(!included.isEmpty || file.hasSuffix("_weights.c"))
        for header in included where header != "<stdint.h>" && !own.contains(String(header)) {
          Issue.record("\(file) includes \(header)")
        }
      }
    }
  }

  // MARK: What compilers make of it

  @Test(.enabled(if: Tool.exists("nm") && !Tool.compilers.isEmpty, "skipped: no C compiler and nm are installed"))
  func theObjectsHoldConstantsAndCodeAndNeedNothing() throws {
    for (index, project) in try Self.projects().enumerated() {
      let compiler = Tool.compilers[index % Tool.compilers.count]
      for level in ["-O0", "-O2", "-Os"] {
        try Tool.check(
          compiler,
          GeneratedProject.strict + [level, "-ffreestanding", "-fno-stack-protector", "-fno-pic", "-c"] + project.sources,
          in: project.folder)
        let tables = Set(project.generator.tables.map(\.name))
        for (file, needed) in [("\(project.prefix).o", tables), ("\(project.prefix)_weights.o", [])] {
          let symbols = try Tool.check("nm", ["-P", file], in: project.folder).text.split(separator: "\n")
            .map { $0.split(separator: " ") }
          // Compilers may call these four on their own, even in freestanding code.
          let free: Set<String> = level == "-O0" ? [] : ["memcpy", "memset", "memmove", "memcmp"]
          var seen: Set<String> = []
          for symbol in symbols where symbol.count > 1 {
            let (name, kind) = (String(symbol[0]), symbol[1])
            if kind == "U" {
              #expect(needed.contains(name) || free.contains(name), "\(compiler) \(level) \(file) needs \(name)")
            } else {
              #expect(["T", "t", "R", "r"].contains(kind), "\(compiler) \(level) \(file): \(name) is of kind \(kind)")
            }
            seen.insert(name)
          }
          if file.hasSuffix("_weights.o") {
            #expect(seen == tables.union(["\(project.prefix)_program_digest"]))
          } else {
            #expect(seen.isSuperset(of: ["\(project.prefix)_run", "\(project.prefix)_run_observed"]))
          }
        }
      }
    }
  }

  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"), arguments: Tool.compilers)
  func theCodeNeedsNoFloatingPointRegister(_ compiler: String) throws {
    // The flag must mean something, or this shows nothing.
    let folder = try TemporaryFolder()
    try folder.write("double half(double x) { return x / 2; }\n", "float.c")
    guard try Tool.run(compiler, ["-mgeneral-regs-only", "-c", "float.c"], in: folder).status != 0 else {
      return  // No such registers on this machine.
    }
    for project in try Self.projects() {
      for level in ["-O0", "-O3"] {
        try Tool.check(
          compiler, GeneratedProject.strict + [level, "-mgeneral-regs-only", "-c"] + project.sources, in: project.folder)
      }
    }
  }

  /// Function calls as GCC sees them, and each function's stack.
  private struct CallGraph {
    var stacks: [String: Int] = [:]
    var calls: [String: Set<String>] = [:]

    /// Reads the text of `-fcallgraph-info=su`.
    init(_ text: String) {
      func field(_ name: String, _ line: Substring) -> String? {
        guard let start = line.range(of: "\(name): \"") else { return nil }
        // Names of static functions come with their file.
        return line[start.upperBound...].split(separator: "\"", maxSplits: 1)[0].split(separator: ":").last.map(String.init)
      }
      for line in text.split(separator: "\n") {
        if line.hasPrefix("node:"), let title = field("title", line) {
          guard let end = line.range(of: " bytes (") else { continue }
          let isBounded = ["static)", "dynamic,bounded)"].contains { line[end.upperBound...].hasPrefix($0) }
          #expect(isBounded, "the stack of \(title) has no bound: \(line)")
          let digits = line[..<end.lowerBound].reversed().prefix { $0.isNumber }.reversed()
          stacks[title] = Int(String(digits))
        } else if line.hasPrefix("edge:"), let from = field("sourcename", line), let to = field("targetname", line) {
          calls[from, default: []].insert(to)
        }
      }
    }

    /// The stack of the deepest chain of calls from a function; nil where some chain has no end.
    func depth(_ function: String, above: Set<String> = []) -> Int? {
      if above.contains(function) { return nil }
      var deepest = 0
      for callee in calls[function] ?? [] {
        guard let depth = depth(callee, above: above.union([function])) else { return nil }
        deepest = max(deepest, depth)
      }
      return deepest + (stacks[function] ?? 0)
    }
  }

  @Test(.enabled(if: Tool.exists("gcc"), "skipped: gcc, which tells stack use, is not installed"))
  func noFunctionRecursesAndTheStackStaysSmall() throws {
    for project in try Self.projects() {
      for level in ["-O0", "-O2"] {
        try Tool.check(
          "gcc", GeneratedProject.strict + [level, "-fcallgraph-info=su", "-c", "\(project.prefix).c"], in: project.folder)
        let graph = CallGraph(try project.text("\(project.prefix).ci"))
        let own = graph.stacks.filter { $0.key.hasPrefix(project.prefix) }
        #expect(own.count >= 3)
        for (function, stack) in own where stack > 512 { Issue.record("\(function) takes \(stack) bytes of stack") }
        for function in ["run", "run_observed"].map({ "\(project.prefix)_\($0)" }) {
          let depth = try #require(graph.depth(function), "\(function) can call itself")
          #expect(depth > 0 && depth <= 1_024, "\(project.program.name) \(level): \(function) takes \(depth) bytes of stack")
        }
      }
    }
  }

  // MARK: Headers

  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"))
  func everyHeaderStandsAlone() throws {
    for project in try Self.projects().suffix(3) {
      for header in ["\(project.prefix).h", "\(project.prefix)_weights.h", "\(project.prefix)_io.h"] {
        try project.folder.write("#include \"\(header)\"\n#include \"\(header)\"\nextern int nothing;\n", "alone.c")
        for compiler in Tool.compilers {
          try Tool.check(compiler, GeneratedProject.strict + ["-fsyntax-only", "alone.c"], in: project.folder)
        }
      }
    }
  }

  @Test(.enabled(if: Tool.cppCompiler != nil, "skipped: no C++ compiler is installed"))
  func aCppProgramCanIncludeTheHeaderAndCallTheNetwork() throws {
    let cpp = try #require(Tool.cppCompiler)
    let project = try GeneratedProject(Place.program(Place.digits))
    try project.folder.write(
      """
      #include "digits.h"
      #include "digits.h"
      static union { int8_t codes[DIGITS_ARENA_SIZE]; int32_t aligned; } arena;
      static_assert(DIGITS_ARENA_SIZE % 1 == 0 && DIGITS_INPUT_COUNT == 784u && DIGITS_INPUT_SCALE > 0, "");
      static void observe(void *count, uint32_t, const int8_t *, uint32_t) { ++*static_cast<uint32_t *>(count); }
      int main() {
        uint32_t step = 0, count = 0;
        if (digits_selftest(arena.codes, sizeof arena.codes, &step) != 0) return 1;
        const digits_status status = digits_run_observed(arena.codes, sizeof arena.codes, observe, &count);
        return status == DIGITS_OK && count == DIGITS_STEP_COUNT && digits_program_digest[64] == 0 ? 0 : 2;
      }

      """, "main.cpp")
    let strict = ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    try Tool.check(cpp, strict + ["-fno-exceptions", "-fno-rtti", "-c", "main.cpp"], in: project.folder)
    try project.build(project.allSources + ["main.o"])
    #expect(try Tool.run("./program", [], in: project.folder).status == 0)
  }

  @Test func theHeaderTellsPlacesMeaningsDigestsAndSteps() throws {
    for project in try Self.projects() {
      let (program, macro) = (project.program, project.macro)
      let header = try project.text("\(project.prefix).h")
      var expected = [
        "#define \(macro)_ARENA_SIZE \(max(project.generator.plan.arenaSize, 1))u", "#define \(macro)_ARENA_ALIGNMENT 4u",
        "#define \(macro)_STEP_COUNT \(program.steps.count)u",
      ]
      for (role, values) in [("INPUT", program.inputs), ("OUTPUT", program.outputs)] {
        for (index, number) in values.enumerated() {
          let value = program.values[number]
          let port = "\(macro)_\(role)" + (values.count == 1 ? "" : "_\(index)")
          let zero = value.zeroPoint < 0 ? "(\(value.zeroPoint))" : "\(value.zeroPoint)"
          expected += [
            "#define \(port)_OFFSET \(try #require(project.generator.plan.offset(ofValue: number)))u",
            "#define \(port)_COUNT \(value.count)u", "#define \(port)_ZERO_POINT \(zero)",
          ]
          let scale = try #require(header.components(separatedBy: "#define \(port)_SCALE ").last)
          #expect(Float(scale.prefix { $0 != "f" }) == value.scale)
        }
      }
      let lines = Set(header.split(separator: "\n"))
      for line in expected { #expect(lines.contains(Substring(line)), "\(line)") }
      for file in project.allSources + ["\(project.prefix).h"] {
        #expect(try project.text(file).contains("SHA-256 \(program.digest)"))
      }
      #expect(try project.text("\(project.prefix)_weights.c").contains("\"\(program.digest)\""))
      for (index, step) in program.steps.enumerated() {
        #expect(header.contains(" \(index) layer \(step.source.index) \(step.source.type) "))
      }
    }
  }

  // MARK: Tables

  @Test(.enabled(if: Tool.exists("objdump") && !Tool.compilers.isEmpty, "skipped: no C compiler and objdump"))
  func aMacroPlacesTheTablesInASectionOfTheUsers() throws {
    let project = try GeneratedProject(Place.program(Place.digits))
    let place = "-DDIGITS_WEIGHTS=__attribute__((section(\".flash_tables\")))"
    for compiler in Tool.compilers {
      try Tool.check(compiler, GeneratedProject.strict + [place, "-c", "digits_weights.c"], in: project.folder)
      let symbols = try Tool.check("objdump", ["-t", "digits_weights.o"], in: project.folder).text.split(separator: "\n")
      for table in project.generator.tables {
        let line = symbols.first { $0.hasSuffix(" \(table.name)") }
        #expect(line?.contains(".flash_tables") == true, "\(compiler): \(line ?? "no \(table.name)")")
      }
    }
  }

  @Test func tableBytesAreThoseOfTheTables() throws {
    for project in try Self.projects() {
      var bytes = 0
      for line in try project.text("\(project.prefix)_weights.h").split(separator: "\n") where line.hasPrefix("extern const") {
        let type = line.split(separator: " ")[2]
        let bits = try #require(Int(type.filter(\.isNumber)))
        let count = try #require(Int(line.split { $0 == "[" || $0 == "]" }[1]))
        bytes += bits / 8 * count
      }
      #expect(bytes == project.generator.tableBytes)
    }
  }
}
