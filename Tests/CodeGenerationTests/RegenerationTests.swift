import Foundation
import Testing

/// The committed C of the bundled example is what the generator makes now.
@Suite struct RegenerationTests {
  @Test func theCommittedCodeOfTheExampleIsWhatTheCommandMakesNow() throws {
    let command = "lockstep compile Examples/digits/digits.tflite --target host --output Generated/digits"
    let folder = try TemporaryFolder()
    try Tool.check(
      Place.command.path, ["compile", Place.digits.path, "--target", "host", "--output", "digits"], in: folder)
    let committed = Place.package.appending(path: "Generated/digits")
    let compared = try Tool.run("diff", ["-r", "--brief", committed.path, "digits"], in: folder)
    #expect(
      compared.status == 0,
      "Generated/digits is not what the generator makes now; make it anew with\n  \(command)\n\(compared.report)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.appending(path: "digits").path).count == 10)
  }
}
