import DifferentialTesting
import Foundation
import IntegerProgram

@testable import CodeGeneration

/// The generated C of a program, in a folder of its own or with others'.
struct GeneratedProject {
  /// What the generated code is promised to compile under.
  static let strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]

  let program: IntegerProgram
  let names: CNames
  let generator: CodeGenerator
  let folder: TemporaryFolder

  var prefix: String { names.prefix }
  var macro: String { names.macro }
  /// The files that are linked into a user's program.
  var sources: [String] { ["\(prefix).c", "\(prefix)_weights.c"] }
  var selfTest: String { "\(prefix)_selftest.c" }
  var allSources: [String] { sources + [selfTest] }

  init(
    _ program: IntegerProgram, names: CNames? = nil, plan: MemoryPlan? = nil, alignment: Int = 4,
    packaging: Packaging = .cmake, in folder: TemporaryFolder? = nil
  ) throws {
    self.program = program
    self.names = names ?? CNames(modelName: program.name)
    self.folder = try folder ?? TemporaryFolder()
    generator = CodeGenerator(
      program, plan: plan ?? MemoryPlan(program),
      options: CodeOptions(
        names: self.names, commandLine: "lockstep compile", modelFile: program.name, modelDigest: "",
        alignment: alignment, packaging: packaging))
    for file in generator.files(selfTest: try SelfTest(simulating: program)) {
      try self.folder.write(file.text, file.name)
    }
  }

  func text(_ file: String) throws -> String { try folder.read(file) }

  /// Replaces a piece of text that must stand in a generated file exactly once.
  func edit(_ file: String, _ old: String, _ new: String) throws {
    let parts = try text(file).components(separatedBy: old)
    guard parts.count == 2 else { throw Tool.Failure(description: "\(file) has \(parts.count - 1) times \(old)") }
    try folder.write(parts.joined(separator: new), file)
  }

  /// Compiles and links files of the folder.
  func build(
    _ files: [String], to executable: String = "program", compiler: String = Tool.compilers.first ?? "cc",
    flags: [String] = strict + ["-O1"]
  ) throws {
    try Tool.check(compiler, flags + files + ["-o", executable], in: folder)
  }

  /// Builds and runs the self-test as a program of its own.
  func runSelfTest() throws -> Tool.Run {
    try build(allSources, to: "selftest", flags: Self.strict + ["-O1", "-D\(macro)_SELFTEST_MAIN"])
    return try Tool.run("./selftest", [], in: folder)
  }
}
