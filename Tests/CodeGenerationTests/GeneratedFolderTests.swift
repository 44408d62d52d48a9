import Foundation
import Testing

@testable import CodeGeneration

/// What the command does to a folder that is there already: nothing of another network's stays, nothing of the user's goes.
@Suite struct GeneratedFolderTests {
  private func compile(_ prefix: String, _ package: String = "plain", in folder: TemporaryFolder) throws -> Tool.Run {
    try Tool.run(
      Place.command.path,
      ["compile", Place.digits.path, "--prefix", prefix, "--package", package, "--output", "out"], in: folder)
  }

  /// Every file and folder within.
  private func content(_ folder: TemporaryFolder) -> [String] {
    let place = folder.url.appending(path: "out").path
    return (FileManager.default.enumerator(atPath: place)?.allObjects as? [String] ?? []).sorted()
  }

  @Test func nothingOfAnotherNetworkOrPackageStays() throws {
    let folder = try TemporaryFolder()
    for (prefix, package) in [("one", "arduino"), ("two", "arduino"), ("two", "cmake"), ("one", "zephyr"), ("one", "plain")] {
      let run = try compile(prefix, package, in: folder)
      #expect(run.status == 0 && run.error.isEmpty, "\(run.report)")
      let alone = try TemporaryFolder()
      #expect(try compile(prefix, package, in: alone).status == 0)
      let difference = try Tool.run("diff", ["-r", folder.url.path + "/out", alone.url.path + "/out"], in: folder)
      #expect(difference.status == 0, "\(difference.report)")
      #expect(content(folder) == content(alone), "emptied folders go as well")
    }
    try Tool.check("sh", ["-c", "cd out && sha256sum --check --strict --quiet lockstep.sha256"], in: folder)
  }

  @Test func filesOfTheUsersStayAndSourcesAmongThemAreNamed() throws {
    let folder = try TemporaryFolder()
    try folder.write("int mine;\n", "out/src/mine.c")
    try folder.write("mine", "out/notes/notes.txt")
    let run = try compile("one", "arduino", in: folder)
    #expect(run.status == 0 && run.error.contains("warning: out/src/mine.c stays: it is not Lockstep's"), "\(run.report)")
    _ = try compile("two", "plain", in: folder)
    #expect(try folder.read("out/src/mine.c") == "int mine;\n" && folder.read("out/notes/notes.txt") == "mine")
    #expect(!content(folder).contains { $0.hasSuffix("one.c") || $0.contains("partial") || $0.hasPrefix("examples") })
  }

  @Test(arguments: ["CMakeLists.txt", "one.c", "one_io.h"]) func aFileOfTheUsersIsNotWrittenOver(_ name: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("mine", "out/\(name)")
    let run = try compile("one", "cmake", in: folder)
    #expect(run.status == 65 && run.error.contains("out/\(name): is not Lockstep's, and would be lost"), "\(run.report)")
    #expect(try content(folder) == [name] && folder.read("out/\(name)") == "mine")
  }

  @Test func whatWasChangedSinceIsNotLost() throws {
    let folder = try TemporaryFolder()
    _ = try compile("one", "zephyr", in: folder)
    #expect(try compile("one", "zephyr", in: folder).status == 0, "unchanged files are made anew")
    let example = "out/samples/inference/src/main.c"
    try folder.write(folder.read(example) + "\n/* mine */\n", example)
    let before = content(folder)
    let same = try compile("one", "zephyr", in: folder)
    #expect(same.status == 65 && same.error.contains("\(example): was changed since Lockstep made it"), "\(same.report)")
    #expect(content(folder) == before)
    let other = try compile("two", "plain", in: folder)
    #expect(other.status == 0 && other.error.contains("warning: \(example) stays: it was changed"), "\(other.report)")
    #expect(try folder.read(example).hasSuffix("/* mine */\n"))
    #expect(content(folder).filter { $0.hasPrefix("samples/") && $0.hasSuffix(".c") } == ["samples/inference/src/main.c"])
  }

  /// Releases that wrote no list of files are known by the first lines of their C.
  @Test func aFolderOfAnEarlierReleaseIsMadeAnewOrRefused() throws {
    let folder = try TemporaryFolder()
    _ = try compile("one", "cmake", in: folder)
    try FileManager.default.removeItem(at: folder.url.appending(path: "out/lockstep.sha256"))
    try folder.write("set by hand in an earlier release", "out/CMakeLists.txt")
    let before = content(folder)
    let other = try compile("two", "plain", in: folder)
    #expect(other.status == 65 && other.error.contains("is of another network that Lockstep compiled"), "\(other.report)")
    #expect(content(folder) == before)
    #expect(try compile("one", "cmake", in: folder).status == 0)
    #expect(try folder.read("out/CMakeLists.txt").contains("add_library(one"))
  }

  /// A list may come from anywhere: it must lead to no other file than those in the folder that are as it says.
  @Test func aListCannotHaveOtherFilesRemoved() throws {
    let folder = try TemporaryFolder()
    try folder.write("keep", "keep.txt")
    try folder.write("keep", "out/keep.txt")
    try folder.write("keep", "elsewhere/keep.txt")
    try FileManager.default.createSymbolicLink(
      atPath: folder.url.appending(path: "out/link").path, withDestinationPath: folder.url.appending(path: "elsewhere").path)
    let digest = try Tool.check("sha256sum", ["keep.txt"], in: folder).text.prefix(64)
    let wrong = String(repeating: "0", count: 64)
    try folder.write(
      "\(digest)  ../keep.txt\n\(digest)  \(folder.url.path)/keep.txt\n\(digest)  ./../out/../keep.txt\n\(wrong)  keep.txt\n"
        + "\(digest)  link/keep.txt\n",
      "out/lockstep.sha256")
    let run = try compile("one", in: folder)
    #expect(run.status == 0 && run.error.contains("out/keep.txt stays"), "\(run.report)")
    for file in ["keep.txt", "out/keep.txt", "elsewhere/keep.txt"] { #expect(try folder.read(file) == "keep") }
    try folder.write("no list\n", "out/lockstep.sha256")
    let damaged = try compile("one", in: folder)
    #expect(damaged.status == 65 && damaged.error.contains("out/lockstep.sha256: line 1 is no digest"), "\(damaged.report)")
  }
}
