import Foundation

extension CodeGenerator {
  private struct Manifest: Encodable {
    struct Author: Encodable { var name: String }
    struct Example: Encodable {
      var name, base: String
      var files: [String]
    }
    var name, version, description: String
    var keywords: [String]
    var authors: [Author]
    var headers, frameworks, platforms: String
    var examples: [Example]
  }

  /// The files of a PlatformIO library beside its code.
  func platformIOFiles(hasSelfTest: Bool) -> [GeneratedFile] {
    let library = options.names.library
    let examples = examples(hasSelfTest: hasSelfTest)
    let manifest = Manifest(
      name: library, version: libraryVersion, description: "\(sentence) \(figures)",
      keywords: ["neural network", "machine learning", "inference"], authors: [Manifest.Author(name: "Lockstep")],
      headers: "\(options.names.prefix).h", frameworks: "*", platforms: "*",
      examples: examples.map {
        Manifest.Example(name: $0.title, base: "examples/\($0.folder)", files: ["platformio.ini", "src/main.c"])
      })
    let project = """
      ; Runs on this machine: pio run --target exec
      ; For a board, put its platform, board and framework here.
      [env:native]
      platform = native
      lib_deps = symlink://../..

      """
    let readme = readme(steps: [
      "Put this folder into the `lib` folder of your project as `\(library)`, or name it in platformio.ini: "
        + "`lib_deps = symlink://../\(library)`.",
      "Include `\(options.names.prefix).h`; PlatformIO then builds the library for whatever board and framework the "
        + "project has.",
      "`pio run --target exec` in examples/\(examples[0].folder) tries it on this machine.",
    ])
    var files = [GeneratedFile(name: "library.json", text: prettyJSON(manifest)), readme]
    for example in examples {
      files.append(GeneratedFile(name: "examples/\(example.folder)/platformio.ini", text: project))
      files.append(GeneratedFile(name: "examples/\(example.folder)/src/main.c", text: program(example)))
    }
    return files
  }
}
