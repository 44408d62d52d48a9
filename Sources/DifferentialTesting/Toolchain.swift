import CodeGeneration
import Foundation

/// One compiler with one set of flags.
public struct BuildConfiguration: Sendable {
  public var compiler: String
  public var configuration: Target.Configuration
  public var warnings: [String]

  public var name: String { "\(compiler) \(configuration.name)" }

  /// All builds of a target, those that have no meaning on this machine left out.
  public static func all(of target: Target) -> [BuildConfiguration] {
    target.compilers.flatMap { compiler in
      target.configurations.filter(\.isForThisMachine).map {
        BuildConfiguration(compiler: compiler, configuration: $0, warnings: target.warnings)
      }
    }
  }

  /// Compiles the generated sources and the driver in `folder` to the executable `program` there. Returns what the
  /// compiler said where it failed.
  func build(prefix: String, in folder: URL, to program: String) throws -> String? {
    let generated = configuration.generatedCodeFlags ?? []
    var objects: [String] = []
    for (file, flags) in [
      ("\(prefix).c", warnings + configuration.flags + generated),
      ("\(prefix)_weights.c", warnings + configuration.flags + generated),
      ("driver.c", ["-std=c99"] + configuration.flags),
    ] {
      let object = "\(program)-\(file).o"
      let result = try Command.run(compiler, flags + ["-c", file, "-o", object], in: folder)
      if result.status != 0 { return result.error }
      objects.append(object)
    }
    let result = try Command.run(compiler, configuration.flags + objects + ["-o", program], in: folder)
    return result.status == 0 ? nil : result.error
  }

  /// Why this machine cannot build so at all: the compiler is missing, or lacks an optional feature. Nil where it can.
  /// A program called `probe` is made to find out.
  func obstacle(in folder: URL, probe: String) throws -> String? {
    guard Command.exists(compiler) else { return "\(compiler) is not installed" }
    guard configuration.optional == true else { return nil }
    let source = folder.appendingPathComponent("\(probe).c")
    try Data("int main(void) { return 0; }\n".utf8).write(to: source)
    let result = try Command.run(compiler, configuration.flags + ["\(probe).c", "-o", probe], in: folder)
    guard result.status == 0 else { return "\(compiler) lacks \(configuration.name)" }
    let run = try Command.run("./\(probe)", [], in: folder)
    return run.status == 0 ? nil : "\(compiler)'s \(configuration.name) programs do not start here"
  }
}

/// Runs other programs.
enum Command {
  struct Result {
    var status: Int32
    var error: String
  }

  static func exists(_ name: String) -> Bool {
    if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  }

  /// Runs `program` in `folder`; its standard input and output are files there, or nothing.
  static func run(
    _ program: String, _ arguments: [String], in folder: URL, input: URL? = nil, output: URL? = nil
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = folder
    process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
    if let output {
      guard FileManager.default.createFile(atPath: output.path, contents: nil) else {
        throw CocoaError(.fileWriteUnknown)
      }
      process.standardOutput = try FileHandle(forWritingTo: output)
    } else {
      process.standardOutput = FileHandle.nullDevice
    }
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let error = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: error.prefix(4000), as: UTF8.self)
    return Result(
      status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
      error: text)
  }
}
