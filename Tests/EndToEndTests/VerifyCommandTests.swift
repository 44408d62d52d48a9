import Foundation
import Importers
import Testing

/// The commands `verify` and `check`, whole, on a small fully connected network.
@Suite struct VerifyCommandTests {
  private struct Network {
    let folder = Result { try TemporaryFolder() }
    let model: String
    let inputs: [Int64]
    let outputs: [Int64]
    let inputCount, outputCount: Int

    init() throws {
      let corpus = try OperatorCorpus.unpacked.get()
      let stem = corpus.folder.path("converted_fully_connected_act_none")
      model = stem + ".tflite"
      let input = try NumPyArray(path: stem + ".input0.npy")
      let output = try NumPyArray(path: stem + ".output0.npy")
      inputs = try #require(input.integers)
      outputs = try #require(output.integers)
      inputCount = input.count / input.shape[0]
      outputCount = output.count / output.shape[0]
    }

    /// A property file: the first vector's neighbourhood, and what must not come of it.
    func property(_ assertion: String, radius: Int64 = 0) throws -> String {
      var text = ""
      for index in 0..<inputCount { text += "(declare-const X_\(index) Real)\n" }
      for index in 0..<outputCount { text += "(declare-const Y_\(index) Real)\n" }
      for index in 0..<inputCount {
        text += "(assert (<= X_\(index) \(inputs[index] + radius)))(assert (>= X_\(index) \(inputs[index] - radius)))\n"
      }
      return try folder.get().write((text + assertion + "\n").utf8, "p\(assertion.filter(\.isNumber))-\(radius).vnnlib")
    }
    func path(_ name: String) throws -> String { try folder.get().path(name) }
  }

  private func records(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test(
    "a proof: status 0, a line in the report, a certificate that check accepts, for this property of this network alone"
  )
  func proof() throws {
    let network = try Network()
    let property = try network.property("(assert (>= Y_0 \(network.outputs[0] + 1)))")
    let run = try CommandRun([
      "verify", network.model, "--property", property, "--certificates", network.path("c"), "--report",
      network.path("r.jsonl"),
    ])
    #expect(run.status == 0, "\(run.error)")
    let record = try #require(try records(network.path("r.jsonl")).first)
    #expect(record["verdict"] as? String == "proved")
    let certificate = try #require(record["certificate"] as? String)
    #expect(FileManager.default.fileExists(atPath: certificate))

    let accepted = try CommandRun(["check", certificate, "--model", network.model, "--property", property])
    #expect(accepted.status == 0 && accepted.output.contains("accepted"), "\(accepted.output)")
    // What is proved comes first; the certificate's own words are told as such.
    #expect(accepted.output.contains("accepted: proved \(network.inputCount) inputs, all fixed; nowhere Y_0 ≥ "))
    #expect(accepted.output.contains("; calls itself \"p"))
    let other = try network.property("(assert (>= Y_0 \(network.outputs[0] + 1)))(assert (>= Y_0 0))")
    #expect(try CommandRun(["check", certificate, "--model", network.model, "--property", other]).status == 1)
    #expect(try CommandRun(["check", certificate, "--model", Place.digits.path]).status == 1)
    #expect(try CommandRun(["check", network.model, "--model", network.model]).status == 65)
    #expect(try CommandRun(["check", network.path("none.cert"), "--model", network.model]).status == 65)
    let bytes = try Array(Data(contentsOf: URL(filePath: certificate)))
    let cut = try network.folder.get().write(bytes.dropLast(), "cut.cert")
    #expect(try CommandRun(["check", cut, "--model", network.model]).status == 65)
    #expect(try CommandRun(["check", "--report", network.path("r.jsonl"), "--model", network.model]).status == 0)
  }

  @Test("a counterexample: status 1, replayed by check on the simulator and on generated C; a false one is rejected")
  func counterexample() throws {
    let network = try Network()
    let property = try network.property("(assert (>= Y_0 \(network.outputs[0])))")
    let run = try CommandRun([
      "verify", network.model, "--property", property, "--counterexamples", network.path("x"), "--report",
      network.path("r.jsonl"),
    ])
    #expect(run.status == 1, "\(run.error)")
    let record = try #require(try records(network.path("r.jsonl")).first)
    #expect(record["verdict"] as? String == "violated")
    #expect((record["counterexample"] as? [Int])?.map { Int64($0) } == Array(network.inputs.prefix(network.inputCount)))
    #expect((record["outputs"] as? [Int])?.first == Int(network.outputs[0]))

    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: network.path("x")).first)
    let file = try network.path("x") + "/" + name
    let check = ["check", file, "--model", network.model, "--property"]
    let accepted = try CommandRun(check + [property, "--target", "host"])
    #expect(accepted.status == 0, "\(accepted.output)\(accepted.error)")
    #expect(accepted.output.contains("builds equal"))
    #expect(try CommandRun(check + [network.property("(assert (>= Y_0 \(network.outputs[0] + 1)))")]).status == 1)
    #expect(try CommandRun(["check", file, "--model", network.model]).status == 64)

    let report = ["check", "--model", network.model, "--report"]
    #expect(try CommandRun(report + [network.path("r.jsonl"), "--property", property]).status == 0)
    let text = try String(contentsOfFile: network.path("r.jsonl"), encoding: .utf8)
    let forged = text.replacing("\"outputs\":[\(network.outputs[0])", with: "\"outputs\":[\(network.outputs[0] - 1)")
    #expect(forged != text)
    #expect(try CommandRun(report + [network.folder.get().write(forged.utf8, "forged.jsonl")]).status == 1)
  }

  @Test("what is not decided in time is unknown, with status 3")
  func unknown() throws {
    let network = try Network()
    let property = try network.property("(assert (>= Y_0 \(network.outputs[0] + 1)))", radius: 3)
    let run = try CommandRun([
      "verify", network.model, "--property", property, "--engine", "smt", "--timeout", "0.000001", "--report", "-",
    ])
    #expect(run.status == 3, "\(run.error)")
    #expect(run.output.contains("\"verdict\":\"unknown\"") && run.output.contains("\"reason\""))
  }

  @Test("samples with ε 0 are proved, or misclassified where their label is another; a resumed run asks nothing")
  func samples() throws {
    let network = try Network()
    let rows = 3
    let classes = (0..<rows).map { row in
      let outputs = network.outputs[row * network.outputCount..<(row + 1) * network.outputCount]
      return outputs.firstIndex(of: outputs.max() ?? 0).map { $0 - outputs.startIndex } ?? 0
    }
    let images = NumPyArray(
      network.inputs.prefix(rows * network.inputCount).map { Int8($0) }, shape: [rows, network.inputCount])
    let labels = NumPyArray(
      classes.enumerated().map { Int64($0 == 1 ? ($1 + 1) % network.outputCount : $1) }, shape: [rows])
    let folder = try network.folder.get()
    let arguments = try [
      "verify", network.model, "--images", folder.write(images.fileBytes, "x.npy"), "--labels",
      folder.write(labels.fileBytes, "y.npy"), "--epsilon", "0", "--report", network.path("r.jsonl"),
    ]
    let run = try CommandRun(arguments)
    #expect(run.status == 0, "\(run.error)")
    let verdicts = try records(network.path("r.jsonl")).sorted {
      ($0["sample"] as? Int ?? 0) < ($1["sample"] as? Int ?? 0)
    }
    .map { $0["verdict"] as? String }
    #expect(verdicts == ["proved", "misclassified", "proved"])
    #expect(try CommandRun(arguments).status == 64, "an existing report is not overwritten")
    let before = try folder.read("r.jsonl")
    #expect(try CommandRun(arguments + ["--resume"]).status == 0)
    #expect(try folder.read("r.jsonl") == before)
    #expect(try CommandRun(arguments + ["--resume", "--samples", "3"]).status == 64)
  }

  @Test("each question has certificates of its own, whatever the files are called")
  func names() throws {
    let network = try Network()
    let folder = try network.folder.get()
    var paths: [String] = []
    for (index, name) in ["x/p", "y/p", "p-2"].enumerated() {
      let path = folder.path(name + ".vnnlib")
      try FileManager.default.createDirectory(
        at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.moveItem(
        atPath: network.property("(assert (>= Y_0 \(network.outputs[0] + 1 + Int64(index))))"), toPath: path)
      paths.append(path)
    }
    let ask = paths.flatMap { ["--property", $0] }
    let run = try CommandRun(
      ["verify", network.model] + ask
        + ["--certificates", folder.path("c"), "--report", folder.path("r.jsonl"), "--jobs", "1"])
    #expect(run.status == 0, "\(run.error)")
    #expect(try records(folder.path("r.jsonl")).compactMap { $0["query"] as? String } == ["p", "p-2", "p-2-2"])
    let check = try CommandRun(["check", "--report", folder.path("r.jsonl"), "--model", network.model] + ask)
    #expect(check.status == 0, "\(check.output)")
  }

  @Test("a proof on a solver's word stands no longer than that word is asked for")
  func trusted() throws {
    let network = try Network()
    let property = try network.property("(assert (>= Y_0 \(network.outputs[0] + 1)))")
    let arguments = try ["verify", network.model, "--property", property, "--report", network.path("r.jsonl")]
    let trusting = ["--engine", "smt", "--trust-solver"]
    #expect(try CommandRun(arguments + trusting).status == 0)
    #expect(try records(network.path("r.jsonl")).first?["trusted"] != nil)
    let check = try CommandRun(["check", "--report", network.path("r.jsonl"), "--model", network.model])
    #expect(check.status == 0 && check.output.contains("1 trusted: 0 accepted, 1 without evidence"), "\(check.output)")
    let before = try network.folder.get().read("r.jsonl")
    #expect(try CommandRun(arguments + trusting + ["--resume"]).status == 0)
    #expect(try network.folder.get().read("r.jsonl") == before)
    #expect(try CommandRun(arguments + ["--resume"]).status == 0)
    #expect(try records(network.path("r.jsonl")).map { $0["trusted"] == nil } == [true])
  }

  @Test("a clip range may start below 0, and an ε of any length is one")
  func clip() throws {
    let network = try Network()
    let images = try network.folder.get().write(
      NumPyArray(network.inputs.prefix(network.inputCount).map { Int8($0) }, shape: [1, network.inputCount]).fileBytes,
      "x.npy")
    for epsilon in ["0", "1" + String(repeating: "0", count: 25)] {
      let run = try CommandRun([
        "verify", network.model, "--images", images, "--epsilon", epsilon, "--clip", "-128-127", "--stages", "attack",
      ])
      #expect(run.status != 64 && run.status != 65, "\(run.error)")
    }
  }

  @Test("an interrupt ends a batch with status 130 and a report of whole lines", .timeLimit(.minutes(2)))
  func interruption() throws {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = Place.command
    // Formulas of a convolutional network: none is decided in this time, so the batch would take a minute.
    process.arguments = [
      "verify", Place.digits.path, "--images", Place.package.appending(path: "Examples/digits/images.npy").path,
      "--epsilon", "1,2,3,4", "--engine", "smt", "--timeout", "0.5", "--jobs", "1", "--report", folder.path("r.jsonl"),
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning && ((try? folder.read("r.jsonl"))?.isEmpty ?? true) { Thread.sleep(forTimeInterval: 0.02) }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 130)
    let text = String(decoding: try folder.read("r.jsonl"), as: UTF8.self)
    #expect(text.hasSuffix("\n"))
    let count = try records(folder.path("r.jsonl")).count
    #expect((1..<128).contains(count))
  }

  @Test("files that are no properties, images or reports: status 65 and a message that names them")
  func badFiles() throws {
    let network = try Network()
    let folder = try network.folder.get()
    let junk = try folder.write([0xFF, 0xFE, 0x00], "junk")
    let images = try folder.write(
      NumPyArray([Int8](repeating: 0, count: network.inputCount), shape: [1, network.inputCount]).fileBytes, "x.npy")
    for arguments in [
      ["--property", junk], ["--images", junk, "--epsilon", "1"],
      ["--images", images, "--labels", junk, "--epsilon", "1"],
      ["--images", images, "--radii", junk], ["--images", images, "--mask", junk, "--epsilon", "1"],
      ["--images", images, "--epsilon", "1", "--report", junk + "/x"],
      ["--property", try folder.write("(assert (<= X_0 1))".utf8, "undeclared.vnnlib")],
    ] {
      let run = try CommandRun(["verify", network.model] + arguments)
      #expect(run.status == 65, "\(arguments): \(run.error)")
      #expect(run.error.hasPrefix("error: ") && run.output == "")
    }
  }

  @Test(
    "wrong usage: status 64",
    arguments: [
      [], ["--epsilon", "1"], ["--images", "x.npy"], ["--images", "x.npy", "--epsilon", "1,,2"],
      ["--images", "x.npy", "--epsilon", "-1"], ["--images", "x.npy", "--property", "p"],
      ["--property", "p", "--resume"],
      ["--property", "p", "--trust-solver"], ["--property", "p", "--timeout", "0"],
      ["--property", "p", "--stages", "luck"],
      ["--property", "p", "--max-radius"], ["--output-range", "--max-radius"], ["--property", "p", "--outputs", "1"],
      ["--images", "x.npy", "--epsilon", "1", "--clip", "9-1"],
    ])
  func usage(arguments: [String]) throws {
    let run = try CommandRun(["verify", Place.digits.path] + arguments)
    #expect(run.status == 64, "\(run.error)")
  }
}
