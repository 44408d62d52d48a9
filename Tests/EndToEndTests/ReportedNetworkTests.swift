import Foundation
import Importers
import Testing

@testable import lockstep

/// Networks that people brought, held to what their own tools return (`Tests/Reports/make_references.py`).
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct ReportedNetworkTests {
  /// The archive of references, unpacked once.
  private static let references = Result {
    let folder = try TemporaryFolder()
    for name in ["tflite", "sixteen"] { try folder.unpack(Place.package.appending(path: "Tests/Reports/\(name).tar.gz")) }
    return folder
  }

  private static let models =
    Place.files(in: Place.sharedData.appending(path: "reports"), ending: ".tflite")
    + Place.files(in: Place.sharedData.appending(path: "reports/flows"), ending: ".tflite")

  /// What is told of the files that are no int8 networks, which `RefusedFileTests` looks at.
  private static let others: Set = [
    "cnn.dynamic", "cnn.float16", "dscnn.float",
  ]

  private static func files(_ stem: String, _ part: String) throws -> [String] {
    let folder = try references.get().url
    return (0..<8).map { folder.appending(path: "\(stem).\(part)\($0).npy").path }
      .filter { FileManager.default.fileExists(atPath: $0) }
  }

  @Test("every reported int8 network gives its own tool's codes", arguments: models)
  func codes(model: URL) throws {
    let stem = model.deletingPathExtension().lastPathComponent
    guard !Self.others.contains(stem) else { return }
    let folder = try TemporaryFolder()
    let (inputs, outputs) = (try Self.files(stem, "input"), try Self.files(stem, "output"))
    try #require(!inputs.isEmpty && !outputs.isEmpty)
    let made = outputs.indices.map { folder.path("y\($0).npy") }
    let run = try CommandRun(
      ["simulate", model.path] + inputs.flatMap { ["--input", $0] } + made.flatMap { ["--output", $0] })
    #expect(run.status == 0, "\(run.error)")
    for (made, expected) in zip(made, outputs) {
      let codes = try #require(try NumPyArray(path: made).integers)
      let reference = try #require(try NumPyArray(path: expected).integers)
      #expect(!codes.isEmpty && codes.count == reference.count)
      // LiteRT, asked since TFLM lacks GELU, rounds dense layers once: what each comes to is a unit or two.
      let slack: Int64 = stem == "transformer.b1.int8" ? 2 : 0
      let apart = zip(codes, reference).map { abs($0 - $1) }.max() ?? 0
      #expect(apart <= slack, "\(stem)")
    }
  }

  @Test("noise suppression with gated recurrent units written out: 20 calls in a row, five outputs, no code differs")
  func noiseSuppression() throws {
    let model = Place.sharedData.appending(path: "stateful/rnnoise_int8.tflite").path
    let calls = Place.sharedData.appending(path: "stateful/sequences/rnnoise_int8.npz").path
    let folder = try TemporaryFolder()
    let made = (0..<5).map { folder.path("y\($0).npy") }
    let run = try CommandRun(
      ["simulate", model] + (0..<4).flatMap { ["--input", "\(calls):input\($0)"] } + made.flatMap { ["--output", $0] })
    #expect(run.status == 0, "\(run.error)")
    for (index, path) in made.enumerated() {
      let reference = try ArrayFile.read(path: "\(calls):output\(index)").array
      #expect(try NumPyArray(path: path).integers == reference.integers)
    }
  }
}
