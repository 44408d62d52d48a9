import Foundation
import Importers
import Testing

/// `lockstep evaluate`, whole, on the bundled network and on float networks and what they are quantised to.
@Suite struct EvaluateCommandTests {
  private static func digits(_ name: String) -> String {
    Place.digits.deletingLastPathComponent().appending(path: name).path
  }
  private func json(_ run: CommandRun) throws -> [String: Any] {
    #expect(run.status == 0, "\(run.error)")
    return try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
  }

  @Test("accuracy, best classes and confusion are what the network's outputs say")
  func figures() throws {
    let outputs = try #require(try NumPyArray(path: Self.digits("expected.npy")).integers)
    let labels = try #require(try NumPyArray(path: Self.digits("labels.npy")).integers).map { Int($0) }
    let (count, classes) = (labels.count, outputs.count / labels.count)
    var (confusion, best) = (Array(repeating: Array(repeating: 0, count: classes), count: classes), [0, 0, 0])
    for sample in 0..<count {
      let scores = Array(outputs[sample * classes..<(sample + 1) * classes])
      let order = scores.indices.sorted { scores[$0] > scores[$1] || scores[$0] == scores[$1] && $0 < $1 }
      confusion[labels[sample]][order[0]] += 1
      for (place, among) in [1, 2, 5].enumerated() where order.prefix(among).contains(labels[sample]) { best[place] += 1 }
    }
    let folder = try TemporaryFolder()
    let ask = [
      "evaluate", Place.digits.path, "--images", Self.digits("images.npy"), "--labels", Self.digits("labels.npy"), "--top-k",
      "1,2,5", "--jobs", "2",
    ]
    let report = try json(CommandRun(ask + ["--json", "-", "--html", folder.path("page.html")]))
    #expect(report["samples"] as? Int == count && report["confusion"] as? [[Int]] == confusion)
    #expect((report["accuracy"] as? [String: Any])?["correct"] as? Int == best[0])
    #expect((report["top"] as? [[String: Any]])?.map { $0["correct"] as? Int } == best)
    let text = try CommandRun(ask)
    #expect(text.status == 0 && text.output.contains("label among the best 5: "), "\(text.output)")
    #expect(text.output.contains("\(best[0]) of \(count)"))
    let page = String(decoding: try folder.read("page.html"), as: UTF8.self)
    #expect(page.contains("<svg") && page.contains("rows: label, columns: class given"))

    let names = try folder.write("zero\none\ntwo\n".utf8, "names.txt")
    let few = try CommandRun(ask + ["--names", names])
    #expect(few.status == 65 && few.error.contains("has 3 lines, one a class, but the network tells 10 classes apart"), "\(few.error)")
    #expect(try CommandRun(Array(ask.prefix(4))).status == 64)
  }

  @Test("a network against itself differs in nothing; against the float one it was made of by steps, and classes are named")
  func against() throws {
    let folder = try TemporaryFolder()
    let float = QuantizeCommandTests.path("dense.onnx")
    let (images, labels) = (QuantizeCommandTests.path("images.npy"), QuantizeCommandTests.path("labels.npy"))
    let network = folder.path("network.tflite")
    let quantized = try CommandRun("quantize", float, "--to", "int8", "--calibration", images, "--output", network)
    #expect(quantized.status == 0 && quantized.output.contains("signal to noise"), "\(quantized.error)")

    let ask = ["evaluate", network, "--images", images, "--json", "-", "--against"]
    let same = try json(CommandRun(ask + [network]))
    let nothing = try #require((same["against"] as? [String: Any])?["outputs"] as? [String: Any])
    #expect(nothing["largest"] as? Double == 0 && nothing["signalToNoise"] is NSNull)
    #expect(same["confusion"] == nil)

    let other = try json(CommandRun(ask + [float, "--labels", labels]))
    let against = try #require(other["against"] as? [String: Any])
    let outputs = try #require(against["outputs"] as? [String: Any])
    let steps = try #require(outputs["mostSteps"] as? Double)
    #expect(steps > 0 && steps < 20, "\(outputs)")
    #expect((outputs["signalToNoise"] as? Double ?? 0) > 10)
    #expect((against["accuracy"] as? [String: Any])?["correct"] as? Int == 8)
    // The float network by itself, of pixels 0 … 1.
    let alone = try json(CommandRun(["evaluate", float, "--images", images, "--labels", labels, "--json", "-"]))
    #expect((alone["accuracy"] as? [String: Any])?["correct"] as? Int == 8 && alone["program"] is NSNull)
  }

  @Test("simulate --real writes what codes stand for")
  func reals() throws {
    let folder = try TemporaryFolder()
    let run = try CommandRun(
      "simulate", Place.digits.path, "--input", Self.digits("images.npy"), "--real", "--output", folder.path("y.npy"))
    #expect(run.status == 0, "\(run.error)")
    let reals = try NumPyArray(path: folder.path("y.npy"))
    let codes = try NumPyArray(path: Self.digits("expected.npy"))
    // A softmax: 1/256 a code, from −128.
    let expected = try #require(codes.integers).map { Float($0 + 128) / 256 }
    #expect(reals.shape == codes.shape && reals.elements(0..<reals.count, as: Float.self) == expected)
  }
}
