import CodeGeneration
import Foundation

/// What generated code takes of a target's flash, as one of the target's builds compiles it.
public struct CompiledSize: Sendable {
  public let build: BuildConfiguration
  public let codeBytes: Int
  /// Tables, and constants that the compiler made.
  public let constantBytes: Int

  /// The sizes in each build of `target`, or of `builds`, whose compiler is on this machine; none for a target without a device, since
  /// programs of this machine are not short of room. Throws the compiler's words where it refuses the code.
  public static func all(
    of generator: CodeGenerator, for target: Target, builds: [BuildConfiguration]? = nil
  ) throws -> [CompiledSize] {
    guard target.device != nil, target.compilers.contains(where: Command.exists) else { return [] }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lockstep-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for file in generator.code() {
      try Data(file.text.utf8).write(to: folder.appendingPathComponent(file.name))
    }
    return try (builds ?? BuildConfiguration.all(of: target)).filter { Command.exists($0.compiler) }.map { build in
      let prefix = generator.options.names.prefix
      if let error = try build.compile(prefix: prefix, in: folder, for: "size") {
        throw TargetError(description: "\(build.name) does not compile the generated code:\n\(error)")
      }
      return CompiledSize(build: build, objects: build.objects(prefix: prefix, of: "size"), in: folder)
    }
  }

  package init(build: BuildConfiguration, objects: [String], in folder: URL) {
    self.build = build
    let files = objects.compactMap { ObjectFile(folder.appendingPathComponent($0)) }
    codeBytes = files.reduce(0) { $0 + $1.codeBytes }
    constantBytes = files.reduce(0) { $0 + $1.constantBytes }
  }

  /// Why the network cannot be on the target's device in any of these builds; nil where it may.
  public static func shortfall(_ sizes: [CompiledSize], of target: Target) -> String? {
    guard let device = target.device,
      let least = sizes.min(by: { $0.codeBytes + $0.constantBytes < $1.codeBytes + $1.constantBytes }),
      least.codeBytes + least.constantBytes > device.flash.bytes
    else { return nil }
    return target.shortfallText([
      "it takes \(least.codeBytes + least.constantBytes) bytes of flash (\(least.codeBytes) for code as "
        + "\(least.build.name) makes it, \(least.constantBytes) for constants)"
    ])
  }
}
