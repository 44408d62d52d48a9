import Foundation
import Testing

/// The command, copied to where nothing of its source is near.
@Suite struct CopiedCommandTests {
  private struct Copy {
    let folder: TemporaryFolder
    init() throws {
      folder = try TemporaryFolder()
      try FileManager.default.copyItem(atPath: Place.command.path, toPath: folder.path("lockstep"))
    }

    func run(_ arguments: [String], home: String) throws -> (status: Int32, error: String) {
      let process = Process()
      process.executableURL = URL(filePath: folder.path("lockstep"))
      process.arguments = arguments
      process.currentDirectoryURL = folder.url
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      process.environment = ["PATH": path, "HOME": home, "TMPDIR": folder.url.path]
      let pipe = Pipe()
      process.standardError = pipe
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      let error = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return (process.terminationStatus, String(decoding: error, as: UTF8.self))
    }
  }

  @Test("it knows every target of its own, and makes the same C for it")
  func targets() throws {
    let copy = try Copy()
    let home = copy.folder.path("home")
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    let names = try FileManager.default.contentsOfDirectory(atPath: Place.package.appending(path: "Targets").path).filter {
      FileManager.default.fileExists(atPath: Place.package.appending(path: "Targets/\($0)/target.json").path)
    }
    #expect(names.count >= 10)
    let unknown = try copy.run(["compile", Place.digits.path, "--target", "none", "--output", "c"], home: home)
    #expect(unknown.status == 65)
    for name in names { #expect(unknown.error.contains(name), "\(unknown.error)") }
    for target in ["host", "cortex-m4"] {
      let run = try copy.run(["compile", Place.digits.path, "--target", target, "--output", target], home: home)
      #expect(run.status == 0, "\(run.error)")
      let usual = try TemporaryFolder()
      let expected = try CommandRun("compile", Place.digits.path, "--target", target, "--output", usual.path("c"))
      #expect(expected.status == 0)
      for name in try FileManager.default.contentsOfDirectory(atPath: usual.path("c")) {
        #expect(try usual.read("c/" + name) == copy.folder.read("\(target)/\(name)"), "\(name)")
      }
    }
  }

  @Test("unpacked files that were changed are put right; without a home they go where only this user writes")
  func unpacking() throws {
    let copy = try Copy()
    let home = copy.folder.path("home")
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    let compile = ["compile", Place.digits.path, "--target", "cortex-m4", "--output"]
    #expect(try copy.run(compile + ["a"], home: home).status == 0)
    let cache = home + "/.cache/lockstep"
    let folder = try #require(try FileManager.default.contentsOfDirectory(atPath: cache).first)
    let file = "\(cache)/\(folder)/cortex-m4/target.json"
    let original = try Data(contentsOf: URL(filePath: file))
    #expect(try original == Data(contentsOf: Place.package.appending(path: "Targets/cortex-m4/target.json")))
    try Data("{}".utf8).write(to: URL(filePath: file))
    #expect(try copy.run(compile + ["b"], home: home).status == 0)
    #expect(try Data(contentsOf: URL(filePath: file)) == original)

    let homeless = try copy.run(compile + ["c"], home: "nowhere")
    #expect(homeless.status == 0, "\(homeless.error)")
    let shared = copy.folder.path("lockstep-\(getuid())")
    #expect(try FileManager.default.attributesOfItem(atPath: shared)[.posixPermissions] as? Int == 0o700)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: shared)
    let open = try copy.run(compile + ["d"], home: "nowhere")
    #expect(open.status == 65 && open.error.contains("not this user's alone"), "\(open.error)")
  }
}
