import Foundation
import Importers
import Network
import Testing

@testable import lockstep

/// What ONNX files hold beside nodes: elements in other files, open axes, and faults of many kinds at once.
@Suite struct ONNXFilesTests {
  private func copy(_ stem: String, into folder: TemporaryFolder, renaming place: String? = nil) throws -> String {
    let corpus = try OperatorCorpus.onnx.get().folder
    var bytes = try Data(contentsOf: corpus.url.appending(path: "\(stem).onnx"))
    if let place {
      let old = Data("\(stem).bin".utf8)
      #expect(place.utf8.count == old.count, "a name of the same length leaves the rest of the file as it is")
      while let range = bytes.range(of: old) { bytes.replaceSubrange(range, with: Data(place.utf8)) }
    }
    let path = folder.url.appending(path: "\(stem).onnx")
    try bytes.write(to: path)
    return path.path
  }

  private func reason(_ path: String) -> String {
    do {
      _ = try ModelFile(path: path)
      return "no error"
    } catch {
      return error.description
    }
  }

  @Test("elements in a file beside the model are read, and only there")
  func externalData() throws {
    let corpus = try OperatorCorpus.onnx.get().folder
    let data = try Data(contentsOf: corpus.url.appending(path: "external_data.bin"))
    let folder = try TemporaryFolder()
    let path = try copy("external_data", into: folder)
    let beside = folder.url.appending(path: "external_data.bin")
    #expect(reason(path).contains("there is no such file") && reason(path).contains("onnx.save(onnx.load("))
    try data.write(to: beside)
    #expect(reason(path) == "no error")
    try data.dropLast().write(to: beside)
    #expect(reason(path).contains("bytes, and"))
    for place in ["../ernal_data.bin", "/xternal_data.bin", "a/../al_data.bin1", "exte\\nal_data.bin"] {
      #expect(reason(try copy("external_data", into: folder, renaming: place)).contains("must not leave the model's folder"), "\(place)")
    }
  }

  @Test("an open batch is 1, and said to be")
  func openBatch() throws {
    let corpus = try OperatorCorpus.onnx.get().folder
    let model = try ModelFile(path: corpus.url.appending(path: "open_batch.onnx").path)
    #expect(model.network.notices.contains { $0.contains("taken as 1") })
  }

  @Test("all faults of a file are said at once, alike ones together, those of lowering too")
  func manyFaults() throws {
    let corpus = try OperatorCorpus.onnx.get().folder
    let text = reason(corpus.url.appending(path: "unsupported/many_faults.onnx").path)
    for part in ["layer 2 Atan", "likewise layers 5", "LogSoftmax", "Softmax", "MatMul", "LpNormalization"] {
      #expect(text.contains(part), "\(part) in \(text)")
    }
  }

  @Test(
    "operators, attributes and types behind what has no shape are said to be at fault, too, and what only follows is not",
    arguments: [
      ("hidden_faults", ["its mode is cubic", "in the mode other", "no quantiser reaches inside it"]),
      (
        "hidden_quant_faults",
        ["Atan", "its rounding mode is STOCHASTIC", "int24 activations", "general.Trunc", "the element type complex64"]
      ),
    ])
  func hiddenFaults(name: String, parts: [String]) throws {
    let corpus = try OperatorCorpus.onnx.get().folder
    let text = reason(corpus.url.appending(path: "unsupported/\(name).onnx").path)
    #expect(text.contains("\(parts.count) faults"), "\(text)")
    for part in parts { #expect(text.contains(part), "\(part) in \(text)") }
    #expect(text.components(separatedBy: "→").count == parts.count + 1, "each with its remedy: \(text)")
  }

  @Test("what is left to the caller is a notice", arguments: ["softmax_end_qdq", "softmax_end_qlinear", "input_mean_deviation"])
  func notices(stem: String) throws {
    let corpus = try OperatorCorpus.onnx.get().folder
    let model = try ModelFile(path: corpus.url.appending(path: "\(stem).onnx").path)
    #expect(model.network.notices.contains { $0.contains("left to the caller") })
  }

  @Test("faults that differ in names and numbers alone are one group")
  func groups() {
    func issue(_ index: Int, _ type: String, _ reason: String) -> LayerIssue {
      LayerIssue(index: index, type: type, name: "t\(index)", reason: reason, remedy: "mend it")
    }
    let error = NetworkError(
      (0..<30).map { issue($0, $0 % 2 == 0 ? "A" : "B", "its scale of \"t\($0)\" is \($0).5") } + [issue(30, "A", "it is old")])
    let lines = error.description.split(separator: "\n")
    #expect(lines.count == 9 && lines[0] == "31 faults:")
    #expect(lines[2].contains("likewise layers 2 \"t2\", 4 \"t4\"") && lines[2].hasSuffix("and 2 more"))
    #expect(lines[7] == "  layer 30 A \"t30\": it is old")
  }
}
