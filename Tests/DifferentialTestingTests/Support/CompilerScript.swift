import Foundation

@testable import CodeGeneration
@testable import DifferentialTesting

/// C compilers whose programs misbehave in a known way: scripts around a real one.
enum CompilerScript {
  /// The compiler behind them; nil where none is installed.
  static let compiler = ["gcc", "clang", "cc"].first { Command.exists($0) }

  /// Calls `body` with a build by such a compiler. `program` is the shell script that stands in place of each linked
  /// program, which it can call as `"$0.real"`; nil leaves programs as they are. `compile` runs before each compilation.
  static func with<Result>(
    compile: String = "", program: String? = nil, optional: Bool? = nil,
    _ body: (BuildConfiguration) throws -> Result
  ) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let compiler = Self.compiler ?? "cc"
    var text = """
      #!/bin/sh
      \(compile)
      case " $* " in *" -c "*) exec \(compiler) "$@";; esac
      \(compiler) "$@" || exit

      """
    if let program {
      try Data("#!/bin/sh\n\(program)\n".utf8).write(to: folder.appending(path: "program"))
      text += """
        for output; do :; done
        mv "$output" "$output.real" && cp '\(folder.path)/program' "$output" && chmod +x "$output"

        """
    }
    let script = folder.appending(path: "compiler")
    try Data(text.utf8).write(to: script)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
    return try body(.named("script", compiler: script.path, flags: [], optional: optional))
  }
}

extension BuildConfiguration {
  static func named(
    _ name: String, compiler: String, flags: [String], optional: Bool? = nil
  ) -> BuildConfiguration {
    BuildConfiguration(
      compiler: compiler,
      configuration: Target.Configuration(
        name: name, flags: flags, generatedCodeFlags: nil, architectures: nil, optional: optional),
      warnings: ["-std=c99", "-Wall", "-Werror"])
  }
}
