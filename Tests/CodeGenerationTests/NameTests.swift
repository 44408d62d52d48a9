import DifferentialTesting
import IntegerProgram
import Testing

@testable import CodeGeneration

/// All names in the C of a network start with a prefix that is made from its file's name or given by the user.
@Suite struct NameTests {
  static let hostileNames = [
    "", "_", "____", "-", "0", "123", "7segment", "int", "INT", "float", "main", "class", "Operator", "errno", "std",
    "auto", "_Bool", "__x", "a-b.c", "a b", "a__b", "größe", "重み", "🦔", "\u{10FFFF}", "x\0y", "line\nbreak", "*/", "\\",
    "Model (final) v2.1 copy", String(repeating: "long_name_", count: 100), String(repeating: "é", count: 500),
    "NULL", "int8_t", "arena", "x", "y", "t0", "sum", "run", "status", "abcdefghijklmnopqrs_tuvw", "aaaaaaaaaaaaaaaaaaa_b",
  ]

  /// C99's keywords, and what would take a standard library's place.
  private static let taken: Set<String> = [
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof", "static",
    "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "main", "errno", "class", "operator",
  ]

  private func isIdentifier(_ text: String) -> Bool {
    guard let first = text.utf8.first else { return false }
    let isLetter = { (byte: UInt8) in (97...122).contains(byte) }
    return isLetter(first) && text.utf8.allSatisfy { isLetter($0) || (48...57).contains($0) || $0 == 95 }
  }

  @Test(arguments: hostileNames) func anyFileNameGivesAUsablePrefix(_ name: String) {
    let prefix = CNames(modelName: name).prefix
    #expect(isIdentifier(prefix))
    #expect(!Self.taken.contains(prefix))
    // Two underscores in a row are the C++ library's.
    #expect(!prefix.contains("__") && !prefix.hasSuffix("_"))
    #expect(CNames(modelName: name).macro == prefix.uppercased())
  }

  @Test(arguments: [
    ("digits", "digits"), ("My Model-v2", "my_model_v2"), ("7segment", "net_7segment"), ("", "net"), ("___", "net"),
    ("größe", "gr_e_cd38f49a"), ("int", "int_net"), ("a--b", "a_b"), ("UPPER", "upper"),
  ]) func prefixesReadLikeTheFilesName(_ name: String, _ prefix: String) {
    #expect(CNames(modelName: name).prefix == prefix)
  }

  /// The header of a network must not be found where a program asks for one of C's own, or for Arduino.h.
  @Test(arguments: [
    "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math", "setjmp",
    "signal", "stdarg", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string", "tgmath", "time", "wchar", "wctype",
    "arduino",
  ]) func noHeaderHidesOneOfTheStandardLibrary(_ name: String) {
    #expect(CNames(modelName: name).prefix != name)
    #expect(CNames(modelName: name.uppercased()).prefix != name)
    #expect(CNames(prefix: name) == nil)
  }

  @Test func thePrefixOfTheUsersChoiceIsTakenAsItIsOrRefused() {
    for prefix in ["a", "net", "Net7", "my_net_2", String(repeating: "n", count: 40)] {
      #expect(CNames(prefix: prefix)?.prefix == prefix)
    }
    for prefix in [
      "", "_net", "7net", "my net", "my-net", "größe", "net\n", "a.b", "int", "main", "*/", String(repeating: "n", count: 41),
    ] { #expect(CNames(prefix: prefix) == nil, "\(prefix.debugDescription)") }
  }

  @Test func aFilesNameIsTakenWhole() {
    for name in ["keyword_spotting_small", "keyword_spotting_large", "pretrainedresnet_quant", String(repeating: "n", count: 40)] {
      #expect(CNames(modelName: name).prefix == name)
    }
  }

  /// A name that is too long keeps its beginning, and differs from others that begin alike.
  @Test func longNamesDifferWhereverTheyDiffer() {
    let stem = String(repeating: "person_detection_", count: 6)
    let prefixes = (0..<200).map { CNames(modelName: stem + "\($0)").prefix }
    #expect(Set(prefixes).count == 200)
    #expect(prefixes.allSatisfy { $0.count <= 40 && $0.hasPrefix("person_detection_person") && CNames(prefix: $0) != nil })
  }

  /// C99 promises that 31 characters of an external name count, and MISRA C:2012 rule 5.1 asks that they be enough.
  @Test func aWarningNamesTwoNamesThatAreEqualInTheirFirst31Characters() throws {
    var warned = 0
    for program in RandomProgram.first(40, from: 1) {
      for length in [8, 16, 20, 24, 28, 40] {
        let names = try #require(CNames(prefix: String(repeating: "n", count: length)))
        let generator = CodeGenerator(
          program, plan: MemoryPlan(program),
          options: CodeOptions(names: names, commandLine: "", modelFile: "", modelDigest: ""))
        let external =
          generator.tables.map(\.name)
          + ["run", "run_observed", "program_digest", "selftest"].map { "\(names.prefix)_\($0)" }
        let areApart = Set(external.map { $0.prefix(31) }).count == external.count
        let warning = generator.nameWarning
        #expect((warning == nil) == areApart, "\(length): \(external)")
        if length <= 16 { #expect(areApart) }
        guard let warning else { continue }
        warned += 1
        let named = warning.split { $0 == " " || $0 == ";" }.map(String.init).filter(external.contains)
        #expect(Set(named).count == 2 && Set(named.map { $0.prefix(31) }).count == 1, "\(warning)")
      }
    }
    #expect(warned > 20)
  }

  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"))
  func codeUnderAnyNameCompiles() throws {
    let folder = try TemporaryFolder()
    let program = try #require(RandomProgram.first(1, from: 3).first)
    var prefixes: Set<String> = []
    var files: [String] = []
    for name in Self.hostileNames {
      let names = CNames(modelName: name)
      guard prefixes.insert(names.prefix).inserted else { continue }
      files += try GeneratedProject(program, names: names, in: folder).allSources
    }
    for compiler in Tool.compilers {
      try Tool.check(compiler, GeneratedProject.strict + ["-fsyntax-only"] + files, in: folder)
    }
    #expect(prefixes.count > 20)
  }

  /// Among them prefixes that are parts of each other.
  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"))
  func severalNetworksLinkIntoOneProgram() throws {
    let long = ["keyword_spotting_front_door", "keyword_spotting_back_door"].map { CNames(modelName: $0).prefix }
    let prefixes = ["net", "net_run", "net_weights", "net_step", "Net2", "first", "n"] + long
    let folder = try TemporaryFolder()
    var projects: [GeneratedProject] = []
    for (program, prefix) in zip(RandomProgram.first(prefixes.count, from: 20), prefixes) {
      // The files of one may be called as another's.
      let place = try TemporaryFolder()
      let project = try GeneratedProject(program, names: #require(CNames(prefix: prefix)), in: place)
      try Tool.check("cp", ["\(prefix).h", "\(prefix)_io.h", folder.url.path], in: place)
      for (index, file) in project.allSources.enumerated() {
        try Tool.check(
          Tool.compilers[index % Tool.compilers.count],
          GeneratedProject.strict + ["-c", file, "-o", folder.url.appending(path: "\(projects.count)_\(index).o").path],
          in: place)
      }
      projects.append(project)
    }
    var text = projects.map { "#include \"\($0.prefix)_io.h\"\n" }.joined()
    text += "int main(void) {\n  uint32_t step = 0u;\n"
    for project in projects {
      text += """
          {
            static union { int8_t codes[\(project.macro)_ARENA_SIZE]; int64_t aligned; } arena;
            if (\(project.prefix)_selftest(arena.codes, \(project.macro)_ARENA_SIZE, &step) != 0u) return 1;
          }

        """
    }
    try folder.write(text + "  return 0;\n}\n", "main.c")
    let objects = projects.indices.flatMap { project in (0..<3).map { "\(project)_\($0).o" } }
    try Tool.check(Tool.compilers[0], GeneratedProject.strict + ["main.c"] + objects + ["-o", "program"], in: folder)
    #expect(try Tool.run("./program", [], in: folder).status == 0)
  }

  @Test func theCommandTakesAPrefixAndRefusesOneThatIsNone() throws {
    let folder = try TemporaryFolder()
    let arguments = ["compile", Place.digits.path, "--output", "out"]
    try Tool.check(Place.command.path, arguments + ["--prefix", "Reader_2"], in: folder)
    #expect(try folder.read("out/Reader_2.h").contains("Reader_2_status Reader_2_run(int8_t *arena"))
    #expect(try folder.read("out/Reader_2.h").contains("#define READER_2_ARENA_SIZE"))
    #expect(try folder.read("out/Reader_2.h").contains("--prefix Reader_2"))
    let refused = try Tool.run(Place.command.path, arguments + ["--prefix", "2nd"], in: folder)
    #expect(refused.status == 64 && refused.error.contains("2nd"))
  }
}
