import DifferentialTesting
import Foundation
import IntegerProgram
import Testing

@testable import CodeGeneration

/// Packages for build systems: their files, what may stand in them, and their example programs. `Tests/packages.sh` builds
/// them with the tools they are for.
@Suite struct PackagingTests {
  private static func files(
    _ packaging: Packaging, prefix: String = "net", modelFile: String = "m.tflite", hasSelfTest: Bool = true
  ) throws -> [String: String] {
    let program = try #require(RandomProgram.first(1, from: 3).first)
    let options = CodeOptions(
      names: try #require(CNames(prefix: prefix)), commandLine: "lockstep compile \(modelFile)", modelFile: modelFile,
      modelDigest: modelFile, packaging: packaging)
    let generator = CodeGenerator(program, plan: MemoryPlan(program), options: options)
    let files = generator.files(selfTest: hasSelfTest ? try SelfTest(simulating: program) : nil)
    return Dictionary(uniqueKeysWithValues: files.map { ($0.name, $0.text) })
  }

  private static let code = ["net.h", "net.c", "net_weights.h", "net_weights.c", "net_io.h", "net_selftest.c"]
  private static let beside: [Packaging: Set<String>] = [
    .plain: [], .cmake: ["CMakeLists.txt"],
    .arduino: [
      "library.properties", "README.md", "examples/SelfTest/SelfTest.ino", "examples/Inference/Inference.ino",
    ],
    .platformio: [
      "library.json", "README.md", "examples/selftest/platformio.ini", "examples/selftest/src/main.c",
      "examples/inference/platformio.ini", "examples/inference/src/main.c",
    ],
    .zephyr: [
      "zephyr/module.yml", "zephyr/CMakeLists.txt", "zephyr/Kconfig", "README.md", "samples/selftest/CMakeLists.txt",
      "samples/selftest/prj.conf", "samples/selftest/src/main.c", "samples/inference/CMakeLists.txt",
      "samples/inference/prj.conf", "samples/inference/src/main.c",
    ],
  ]

  @Test(arguments: Packaging.allCases) func aPackageHoldsTheSameCodeAndWhatItsBuildSystemAsksFor(_ packaging: Packaging) throws {
    let files = try Self.files(packaging)
    let plain = try Self.files(.plain)
    let folder = packaging == .plain || packaging == .cmake ? "" : "src/"
    for name in Self.code { #expect(files[folder + name] == plain[name], "\(name)") }
    let named = Set(Self.code.map { folder + $0 } + ["net_plan.txt", "net_plan.json"])
    #expect(Set(files.keys) == named.union(try #require(Self.beside[packaging])))
  }

  @Test(arguments: Packaging.allCases) func withoutASelfTestNothingSpeaksOfOne(_ packaging: Packaging) throws {
    for (name, text) in try Self.files(packaging, hasSelfTest: false) {
      #expect(!name.lowercased().contains("selftest") && !text.lowercased().contains("selftest"), "\(name)")
    }
  }

  /// A name of the user's changes comments, and the line that quotes the command, and nothing else.
  @Test(arguments: Packaging.allCases) func hostileNamesChangeCommentsAlone(_ packaging: Packaging) throws {
    func lines(_ name: String, _ text: String) -> [String] {
      var text = text
      if [".h", ".c", ".ino"].contains(where: name.hasSuffix) {
        text.replace(/\/\*(?s:.)*?\*\//, with: "/* */")
        return [text]
      }
      return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        line.hasPrefix("#") && name != "README.md" ? "#" : line.hasPrefix("    lockstep") && name == "README.md" ? "command" : String(line)
      }
    }
    let harmless = try Self.files(packaging)
    for name in CommentTests.hostile + ["x\n[env]\n", "a\nname=b", "`](x)<b>", "a\u{85}b", "]]", "$(shell x)", "${x}"] {
      let files = try Self.files(packaging, modelFile: name)
      #expect(Set(files.keys) == Set(harmless.keys))
      for (file, text) in files where !file.contains("_plan.") {
        #expect(lines(file, text) == lines(file, try #require(harmless[file])), "\(file) with \(name.debugDescription)")
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" || $0 == "\t" }, "\(file)")
      }
    }
  }

  /// Arduino's rules, which are the strictest: up to 63 letters, digits, spaces, underscores, dots and dashes, and only
  /// its own begin with its name.
  @Test func librariesHaveValidNames() throws {
    let longest = try #require(CNames(prefix: String(repeating: "n", count: 40)))
    for names in NameTests.hostileNames.map(CNames.init(modelName:)) + [longest] {
      let library = names.library
      #expect(try /[A-Za-z][A-Za-z0-9_]*/.wholeMatch(in: library) != nil && library.count <= 63, "\(library)")
      #expect(!library.lowercased().hasPrefix("arduino") && !library.contains("__"))
    }
  }

  @Test func anArduinoLibraryHasEveryPropertyThatIsRequired() throws {
    let text = try #require(try Self.files(.arduino)["library.properties"])
    let pairs = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      line.split(separator: "=", maxSplits: 1).map(String.init)
    }
    #expect(pairs.allSatisfy { $0.count == 2 && !$0[1].isEmpty })
    let properties = Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
    #expect(
      Set(properties.keys) == [
        "name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures", "includes",
      ])
    #expect(properties["name"] == "lockstep_net" && properties["includes"] == "net.h")
    #expect(properties["category"] == "Data Processing" && properties["architectures"] == "*")
  }

  @Test func aPlatformIOManifestNamesFilesThatAreThere() throws {
    let files = try Self.files(.platformio)
    let object = try JSONSerialization.jsonObject(with: Data(try #require(files["library.json"]).utf8))
    let manifest = try #require(object as? [String: Any])
    #expect(manifest["name"] as? String == "lockstep_net" && manifest["headers"] as? String == "net.h")
    let examples = try #require(manifest["examples"] as? [[String: Any]])
    #expect(examples.count == 2)
    for example in examples {
      for file in try #require(example["files"] as? [String]) {
        #expect(files["\(try #require(example["base"] as? String))/\(file)"] != nil)
      }
    }
  }

  @Test func aZephyrModuleIsSwitchedOnByItsName() throws {
    let files = try Self.files(.zephyr, prefix: "Reader2")
    #expect(files["zephyr/module.yml"]?.hasSuffix("name: lockstep_Reader2\nbuild:\n  cmake: zephyr\n  kconfig: zephyr/Kconfig\n") == true)
    #expect(files["zephyr/Kconfig"]?.contains("config LOCKSTEP_READER2\n\tbool ") == true)
    #expect(files["zephyr/CMakeLists.txt"]?.contains("if(CONFIG_LOCKSTEP_READER2)\n") == true)
    #expect(files["samples/inference/prj.conf"] == "CONFIG_LOCKSTEP_READER2=y\n")
  }

  // MARK: Examples

  /// Networks with several inputs and outputs among them.
  private static func programs() -> [IntegerProgram] {
    let pool = RandomProgram.first(80, from: 300)
    let programs =
      Array(pool.prefix(6)) + [pool.first { $0.inputs.count > 1 }, pool.first { $0.outputs.count > 1 }].compactMap { $0 }
    #expect(programs.contains { $0.inputs.count > 1 } && programs.contains { $0.outputs.count > 1 })
    return programs
  }

  @Test(.enabled(if: !Tool.compilers.isEmpty, "skipped: no C compiler is installed"), arguments: Tool.compilers)
  func exampleProgramsCompileAndRun(_ compiler: String) throws {
    for program in Self.programs() {
      let project = try GeneratedProject(program, names: #require(CNames(prefix: "net")), packaging: .zephyr)
      for example in Example.allCases {
        try project.build(
          ["samples/\(example.folder)/src/main.c"] + project.allSources.map { "src/\($0)" }, to: example.folder,
          compiler: compiler, flags: GeneratedProject.strict + ["-O1", "-Isrc", "-fsanitize=undefined,address"])
        let run = try Tool.run("./\(example.folder)", [], in: project.folder)
        #expect(run.status == 0, "\(run.report)")
        if example == .selfTest { #expect(run.text.hasPrefix("PASS net: 6 vectors, program \(program.digest)")) }
        if example == .inference {
          #expect(run.text.split(separator: "\n").count == program.outputs.reduce(0) { $0 + program.values[$1].count })
        }
      }
    }
  }

  /// A sketch is C++, ahead of which the IDE includes Arduino.h.
  @Test(.enabled(if: Tool.cppCompiler != nil, "skipped: no C++ compiler is installed"))
  func sketchesAreCpp() throws {
    let cpp = try #require(Tool.cppCompiler)
    for program in Self.programs() {
      let project = try GeneratedProject(program, names: #require(CNames(prefix: "net")), packaging: .arduino)
      try project.folder.write(
        """
        #define F(text) text
        struct SerialPort {
          void begin(unsigned long) {}
          explicit operator bool() const { return true; }
          template <class T> void print(T) {}
          template <class T> void println(T) {}
        };
        static SerialPort Serial;
        inline void delay(unsigned long) {}

        """, "Arduino.h")
      for example in Example.allCases {
        try Tool.check(
          cpp,
          ["-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-Isrc", "-include", "Arduino.h",
            "-Wno-unused-function", "-Wno-unused-variable", "-fsyntax-only", "examples/\(example.title)/\(example.title).ino"],
          in: project.folder)
      }
    }
  }

  // MARK: The command

  @Test(arguments: Packaging.allCases) func theCommandMakesEachPackageForAnyTarget(_ packaging: Packaging) throws {
    let folder = try TemporaryFolder()
    for target in ["host", "cortex-m4"] {
      try Tool.check(
        Place.command.path,
        ["compile", Place.digits.path, "--target", target, "--package", packaging.rawValue, "--output", "deep/\(target)"],
        in: folder)
      let source = packaging == .plain || packaging == .cmake ? "digits.h" : "src/digits.h"
      let words = "lockstep compile digits.tflite --target \(target)" + (packaging == .cmake ? "\n" : " --package \(packaging.rawValue)\n")
      #expect(try folder.read("deep/\(target)/\(source)").contains(words))
    }
  }

  @Test func anUnknownPackageIsRefused() throws {
    let folder = try TemporaryFolder()
    let run = try Tool.run(
      Place.command.path, ["compile", Place.digits.path, "--package", "cargo", "--output", "out"], in: folder)
    #expect(run.status == 64 && run.error.contains("cargo") && run.error.contains("platformio"))
    #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "out").path))
  }

  /// Everything in a folder, folders included.
  private func content(of folder: TemporaryFolder) -> [String] {
    (FileManager.default.enumerator(atPath: folder.url.path)?.allObjects as? [String] ?? []).sorted()
  }

  /// A file stands where a folder is to be: the last of several, so that others have been made when it is met.
  @Test func whereAFolderCannotBeMadeAllStaysAsItWas() throws {
    let folder = try TemporaryFolder()
    try folder.write("in the way", "out/examples")
    let before = content(of: folder)
    let run = try Tool.run(
      Place.command.path, ["compile", Place.digits.path, "--package", "arduino", "--output", "out"], in: folder)
    #expect(run.status == 65 && run.error.contains("out/examples: is a file, not a folder"), "\(run.report)")
    #expect(content(of: folder) == before)
    #expect(try folder.read("out/examples") == "in the way")
  }

  /// The folder's own path is short enough, and that of the files deepest in it is not: the system refuses those last.
  @Test func aNewFolderThatCannotBeWrittenWholeLeavesNothing() throws {
    let folder = try TemporaryFolder()
    // Of a path the system takes 4095 bytes. With .PID.partial/ behind it, this one leaves room for src/digits_weights.h
    // and not for examples/SelfTest/SelfTest.ino, be the process's number of three digits or of seven.
    let path = String(repeating: String(repeating: "n", count: 200) + "/", count: 20) + String(repeating: "t", count: 35)
    let arguments = ["compile", Place.digits.path, "--output", path, "--package"]
    #expect(try Tool.run(Place.command.path, arguments + ["plain"], in: TemporaryFolder()).status == 0)
    let run = try Tool.run(Place.command.path, arguments + ["arduino"], in: folder)
    #expect(run.status == 65 && run.error.contains("cannot be written: File name too long"))
    #expect(content(of: folder).isEmpty)
  }
}
