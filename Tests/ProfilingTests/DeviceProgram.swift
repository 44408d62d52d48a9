import CodeGeneration
import Foundation

@testable import DifferentialTesting
@testable import Profiling

/// A tiny program for one of the package's targets.
struct DeviceProgram {
  let folder: URL
  let build: BuildConfiguration
  let device: DeviceBuild

  /// What the tests need of this machine for a target; nil where all of it is there.
  static func missing(_ target: String) -> String? {
    guard let target = try? read(target) else { return "the target cannot be read" }
    return (target.missingPrograms + ["cc"].filter { !Command.exists($0) }).first
  }

  static func read(_ target: String) throws -> Target {
    try Target.named(Place.package.appending(path: "Targets/\(target)").path)
  }

  /// Calls `body` with a program of one C source, linked; `program` is its name in the folder.
  static func with<Result>(
    _ source: String, on name: String, flags: [String] = [], _ body: (DeviceProgram, ObjectFile) throws -> Result
  ) throws -> Result {
    let target = try read(name)
    var build = BuildConfiguration.all(of: target)[0]
    build.configuration.flags += flags
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    guard var device = build.deviceBuild else { throw ProfileError.failure("\(name) has no device") }
    device.driver = "main.c"
    device.extraSources = target.device?.profile?.sources ?? []
    try Data(source.utf8).write(to: folder.appending(path: "main.c"))
    if device.device.transport == .serial { try device.writeInputs([0], in: folder) }
    guard case .linked = try device.link([], in: folder, to: "program"),
      let linked = ObjectFile(folder.appending(path: "program"))
    else { throw ProfileError.failure("the program does not link") }
    return try body(DeviceProgram(folder: folder, build: build, device: device), linked)
  }

  /// Runs it; what it wrote.
  func run(_ arguments: [String] = []) throws -> [UInt8] {
    let output = folder.appending(path: "output")
    if let fault = try device.run("program", objects: [], inputs: [0], in: folder, output: output, extra: arguments) {
      throw ProfileError.failure(fault)
    }
    return Array(try Data(contentsOf: output))
  }

  /// Runs it under the plugin.
  func counts(of linked: ObjectFile, run: String, steps: [String]) throws -> [Profile.Count] {
    guard let source = device.device.profile?.plugin else { throw ProfileError.failure("the target has no plugin") }
    let plugin = try BlockPlugin(
      source: source, timing: device.device.timing, folder: folder, program: linked, run: run, steps: steps)
    _ = try self.run(plugin.arguments)
    return try plugin.counts()
  }
}
