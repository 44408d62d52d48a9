import Foundation
import Importers
import Testing

/// What users brought about inputs and single outputs.
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct ReportedInputsTests {
  private static func file(_ name: String) -> String { Place.sharedData.appending(path: "reports/flows/\(name)").path }

  @Test("a network with one output behind a sigmoid is asked about its threshold, and never cleared about nothing")
  func oneOutput() throws {
    let (model, images) = (Self.file("mlp_bin.int8.tflite"), Self.file("mlpx.npy"))
    let folder = try TemporaryFolder()
    let ask = ["--images", images, "--epsilon", "255"]
    let run = try CommandRun(["verify", model] + ask + ["--report", folder.path("r.jsonl"), "--certificates", folder.path("c")])
    // The output is 0 … 26 over all inputs, 0 being the code of 0.5: class 1 everywhere, which is a statement.
    #expect(run.status == 0, "\(run.output)\(run.error)")
    let text = String(decoding: try folder.read("r.jsonl"), as: UTF8.self)
    #expect(text.contains("\"threshold\":0") && !text.contains("vacuous"))
    let check = try CommandRun(["check", "--model", model, "--report", folder.path("r.jsonl")] + ask)
    #expect(check.status == 0 && check.output.contains("5 proved: 5 accepted"), "\(check.output)")
    // At 20 the answer is another.
    let other = try CommandRun(["verify", model] + ask + ["--threshold", "20"])
    #expect(other.status == 1 && other.output.contains("violated, class"), "\(other.output)")
    let high = try CommandRun(["verify", model] + ask + ["--threshold", "-128"])
    #expect(high.status == 64 && high.error.contains("from -127 to 127 alone"), "\(high.error)")
  }

  @Test("a file of bytes means the same to every command, which say what they take it for")
  func bytes() throws {
    let folder = try TemporaryFolder()
    let (pixels, model) = (Self.file("pix.npy"), Place.digits.path)
    let array = try NumPyArray(path: pixels)
    let codes = NumPyArray(try #require(array.integers).map { Int8($0 - 128) }, shape: array.shape)
    let same = try folder.write(codes.fileBytes, "codes.npy")
    func outputs(_ input: String, _ options: [String] = []) throws -> (outputs: NumPyArray, said: String) {
      let run = try CommandRun(["simulate", model, "--input", input, "--output", folder.path("y.npy")] + options)
      #expect(run.status == 0, "\(run.error)")
      return (try NumPyArray(path: folder.path("y.npy")), run.error)
    }
    let (usual, said) = try outputs(pixels)
    #expect(try usual == outputs(same).outputs && said.contains("taken for pixels"), "\(said)")
    #expect(try outputs(pixels, ["--bytes", "pixels"]).said == "" && outputs(same).said == "")
    let taken = try outputs(pixels, ["--bytes", "codes"])
    #expect(taken.outputs != usual && taken.said == "")

    // What verify proves of a sample is about the same codes: within 0 of it nothing but its outputs.
    let meanings: [([String], NumPyArray)] = [([], usual), (["--bytes", "codes"], taken.outputs)]
    for (option, expected) in meanings {
      let integers = try #require(expected.integers)
      let classes = (0..<6).map { row -> Int64 in
        let scores = Array(integers[10 * row..<10 * row + 10])
        let largest = scores.max() ?? 0
        return Int64(scores.firstIndex(of: largest) ?? 0)
      }
      let labels = try folder.write(NumPyArray(classes, shape: [6]).fileBytes, "labels.npy")
      let run = try CommandRun(
        ["verify", model, "--images", pixels, "--labels", labels, "--epsilon", "0", "--stages", "attack,intervals"] + option)
      #expect(run.status == 3 && !run.output.contains(": misclassified"), "\(run.output)\(run.error)")
      #expect(run.error.contains("taken for pixels") == option.isEmpty)
    }
  }
}
