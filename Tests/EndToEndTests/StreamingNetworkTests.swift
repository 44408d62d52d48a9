import Foundation
import Importers
import Testing

/// Networks that keep variables from one call to the next, as they are flashed: wake words.
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct StreamingNetworkTests {
  static let names = ["okay_nabu", "vad", "hey_jarvis_v1"]
  private static func model(_ name: String) -> String {
    Place.sharedData.appending(path: "stateful/\(name).tflite").path
  }
  private static func stream(_ name: String) -> String {
    Place.sharedData.appending(path: "stateful/streams/\(name).npz").path
  }

  @Test("300 calls in a row give what TensorFlow Lite Micro gives", arguments: names)
  func calls(name: String) throws {
    let folder = try TemporaryFolder()
    let run = try CommandRun(
      ["simulate", Self.model(name), "--input", Self.stream(name) + ":input", "--output", folder.path("y.npy")])
    #expect(run.status == 0, "\(run.error)")
    let expected = try NumPyArray.read(path: Self.stream(name) + ":output")
    let made = try NumPyArray(path: folder.path("y.npy"))
    #expect(made.count == 300 && made.integers == expected.integers)
  }

  @Test(
    "20 calls of fused LSTMs, whose state the calls keep, give what TensorFlow Lite Micro gives",
    arguments: ["trained_lstm_int8", "micro_speech_lstm"])
  func recurrent(name: String) throws {
    let folder = try TemporaryFolder()
    let calls = Place.sharedData.appending(path: "stateful/sequences/\(name).npz").path
    let run = try CommandRun(
      ["simulate", Self.model(name), "--input", calls + ":input0", "--output", folder.path("y.npy")])
    #expect(run.status == 0, "\(run.error)")
    #expect(try NumPyArray(path: folder.path("y.npy")).integers == NumPyArray.read(path: calls + ":output0").integers)
  }

  @Test("with --reset every vector is a first call")
  func reset() throws {
    let folder = try TemporaryFolder()
    let stream = try NumPyArray.read(path: Self.stream("okay_nabu") + ":input")
    let codes = try #require(stream.integers)
    let size = codes.count / stream.shape[0]
    func outputs(_ vectors: [Int], _ options: [String]) throws -> [Int64] {
      let input = NumPyArray(
        vectors.flatMap { codes[$0 * size..<($0 + 1) * size].map { Int8($0) } }, shape: [vectors.count] + stream.shape.dropFirst())
      let run = try CommandRun(
        ["simulate", Self.model("okay_nabu"), "--input", folder.write(input.fileBytes, "x.npy"), "--output", folder.path("y.npy")]
          + options)
      #expect(run.status == 0, "\(run.error)")
      return try #require(try NumPyArray(path: folder.path("y.npy")).integers)
    }
    let vectors = [40, 80, 41]
    let apart = try outputs(vectors, ["--reset"])
    #expect(try apart == vectors.flatMap { try outputs([$0], []) })
  }

  @Test("the generated C, reset once, keeps its states as the simulator does", arguments: names)
  func generated(name: String) throws {
    let run = try CommandRun(["difftest", Self.model(name), "--random", "6"])
    #expect(run.status == 0 && run.output.contains(", 0 differ"), "\(run.output)\(run.error)")
  }

  @Test("the arena of a wake word is no larger than its states and its largest step")
  func arena() throws {
    let run = try CommandRun(["inspect", Self.model("okay_nabu")])
    #expect(run.status == 0 && run.output.contains("arena       5,008 bytes") && run.output.contains("state   int8"), "\(run.output)")
  }
}
