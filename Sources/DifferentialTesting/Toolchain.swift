import CodeGeneration
import Foundation
import Synchronization

/// One compiler with one set of flags.
public struct BuildConfiguration: Sendable {
  public var compiler: String
  public var configuration: Target.Configuration
  public var warnings: [String]
  /// What the program runs on; nil for this machine.
  public var device: Target.Device?

  public var name: String { "\(compiler) \(configuration.name)" }

  /// All builds of a target, those that have no meaning on this machine left out.
  public static func all(of target: Target) -> [BuildConfiguration] {
    target.compilers.flatMap { compiler in
      target.configurations.filter(\.isForThisMachine).map { configuration in
        var configuration = configuration
        configuration.flags = (target.flags ?? []) + configuration.flags
        return BuildConfiguration(
          compiler: compiler, configuration: configuration, warnings: target.warnings, device: target.device)
      }
    }
  }

  /// The first line of what the compiler says of its version; nil where it says nothing.
  public func compilerVersion() throws -> String? {
    let folder = FileManager.default.temporaryDirectory
    let file = folder.appendingPathComponent("lockstep-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    _ = try Command.run(compiler, ["--version"], in: folder, output: file)
    let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    return text.split(separator: "\n").first.map(String.init)
  }

  package var deviceBuild: DeviceBuild? {
    device.map { DeviceBuild(device: $0, build: self) }
  }

  /// The generated sources of a network, and the objects of a program made of them.
  private func sources(prefix: String) -> [String] { ["\(prefix).c", "\(prefix)_weights.c"] }
  package func objects(prefix: String, of program: String) -> [String] { sources(prefix: prefix).map { "\(program)-\($0).o" } }

  /// Compiles the generated sources in `folder` to the objects of `program` there. Returns the compiler's words where
  /// it refuses, be it for a warning.
  package func compile(prefix: String, in folder: URL, for program: String) throws -> String? {
    let flags = warnings + configuration.flags + (configuration.generatedCodeFlags ?? [])
    for (file, object) in zip(sources(prefix: prefix), objects(prefix: prefix, of: program)) {
      let result = try Command.run(compiler, flags + ["-c", file, "-o", object], in: folder)
      if result.status != 0 { return result.error }
    }
    return nil
  }

  /// Compiles the generated sources and the driver in `folder` to the executable `program` there.
  func build(prefix: String, in folder: URL, to program: String) throws -> DifferentialTest.Outcome {
    func failure(_ error: String) -> DifferentialTest.Outcome {
      .failure("the generated code does not compile:\n\(error)")
    }
    if let error = try compile(prefix: prefix, in: folder, for: program) { return failure(error) }
    let objects = objects(prefix: prefix, of: program)
    if let deviceBuild {
      if deviceBuild.device.transport == .serial { try deviceBuild.writeInputs([0, 0, 0, 0], in: folder) }
      switch try deviceBuild.link(objects, in: folder, to: program) {
      case .linked: return .equal
      case .doesNotFit(let words): return .doesNotFit("\(words); the device has \(deviceBuild.device.memoryText)")
      case .failed(let error): return .failure("the program does not link:\n\(error)")
      }
    }
    let driver = "\(program)-driver.c.o"
    for arguments in [["-std=c99"] + configuration.flags + ["-c", "driver.c", "-o", driver],
      configuration.flags + objects + [driver, "-o", program]]
    {
      let result = try Command.run(compiler, arguments, in: folder)
      if result.status != 0 { return failure(result.error) }
    }
    return .equal
  }

  /// Why this machine cannot build so at all: the compiler is missing, or lacks an optional feature. Nil where it can.
  /// A program called `probe` is made to find out.
  func obstacle(in folder: URL, probe: String) throws -> String? {
    guard Command.exists(compiler) else { return "\(compiler) is not installed" }
    if let runner = device?.run.first, !Command.exists(runner) { return "\(runner) is not installed" }
    guard configuration.optional == true, device == nil else { return nil }
    let source = folder.appendingPathComponent("\(probe).c")
    try Data("int main(void) { return 0; }\n".utf8).write(to: source)
    let result = try Command.run(compiler, configuration.flags + ["\(probe).c", "-o", probe], in: folder)
    guard result.status == 0 else { return "\(compiler) lacks \(configuration.name)" }
    let run = try Command.run("./\(probe)", [], in: folder)
    return run.status == 0 ? nil : "\(compiler)'s \(configuration.name) programs do not start here"
  }
}

extension Target {
  /// The programs that testing on the target's device takes and this machine lacks. None for a target without a device:
  /// of its compilers one is enough.
  public var missingPrograms: [String] {
    guard let device else { return [] }
    return (compilers + device.run.prefix(1)).filter { !Command.exists($0) }
  }
}

/// Runs other programs.
package enum Command {
  package struct Result {
    package var status: Int32
    package var error: String
    package var isTimedOut = false
  }

  package static func exists(_ name: String) -> Bool {
    if name.contains("/") { return FileManager.default.isExecutableFile(atPath: name) }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
  }

  /// Starts a process with no signal blocked. The threads of a pool block theirs, a program inherits that, and some, CMake
  /// among them, then wait for ever for the ends of their own.
  private static func start(_ process: Process) throws {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
  }

  /// Runs `program` in `folder`; its standard input and output are files there, or nothing. What it says on standard
  /// error is in the result, or with `errorsToOutput` in the output. After `secondsLimit` it is killed.
  package static func run(
    _ program: String, _ arguments: [String], in folder: URL, input: URL? = nil, output: URL? = nil,
    errorsToOutput: Bool = false, secondsLimit: Int? = nil
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = folder
    // Some of what compilers say is read.
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
    if let output {
      guard FileManager.default.createFile(atPath: output.path, contents: nil) else {
        throw CocoaError(.fileWriteUnknown)
      }
      process.standardOutput = try FileHandle(forWritingTo: output)
    } else {
      process.standardOutput = FileHandle.nullDevice
    }
    let errors = errorsToOutput ? nil : Pipe()
    process.standardError = errors ?? process.standardOutput
    try start(process)
    let isTimedOut = Mutex(false)
    let end = DispatchWorkItem {
      isTimedOut.withLock { $0 = true }
      // Emulators end with status 0 where they are asked to end.
      kill(process.processIdentifier, SIGKILL)
    }
    if let secondsLimit { DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(secondsLimit), execute: end) }
    defer { end.cancel() }
    let error = errors?.fileHandleForReading.readDataToEndOfFile() ?? Data()
    process.waitUntilExit()
    return Result(
      status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
      error: String(decoding: error.prefix(4000), as: UTF8.self), isTimedOut: isTimedOut.withLock { $0 })
  }
}
