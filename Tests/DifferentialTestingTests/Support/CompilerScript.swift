import CodeGeneration
import Foundation

@testable import DifferentialTesting

/// A C compiler whose programs misbehave in a known way: a script around a real one. It goes with the last reference.
final class CompilerScript {
  /// The compiler behind it; nil where none is installed.
  static let compiler = ["gcc", "clang", "cc"].first { Command.exists($0) }

  private let folder: URL

  /// `program` is the shell script that stands in place of each linked program, which it can call as `"$0.real"`; nil
  /// leaves programs as they are. `compile` runs before each compilation.
  init(compile: String = "", program: String? = nil) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "lockstep-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
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
    try Data(text.utf8).write(to: folder.appending(path: "compiler"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.appending(path: "compiler").path)
  }
  deinit { try? FileManager.default.removeItem(at: folder) }

  /// A build with it.
  func build(flags: [String] = [], optional: Bool? = nil) -> BuildConfiguration {
    .named("script", compiler: folder.appending(path: "compiler").path, flags: flags, optional: optional)
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
