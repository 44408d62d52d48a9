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
    func property(_ assertion: String, radius: Int64 = 0, free: Int64 = 1) throws -> String {
      var text = ""
      for index in 0..<inputCount { text += "(declare-const X_\(index) Real)\n" }
      for index in 0..<outputCount { text += "(declare-const Y_\(index) Real)\n" }
      for index in 0..<inputCount {
        // One element may always move a little: about a single input a property says nothing.
        let more = radius + (index == 0 ? free : 0)
        text += "(assert (<= X_\(index) \(inputs[index] + more)))(assert (>= X_\(index) \(inputs[index] - radius)))\n"
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
    let property = try network.property("(assert (>= Y_0 \(network.outputs[0] + 9)))")
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
    #expect(accepted.output.contains("accepted: proved \(network.inputCount) inputs, 1 free, over at most 2 codes each; nowhere Y_0 ≥ "))
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

  /// Images of three samples, and labels of which the second is wrong; those of the network unless `rows` of them.
  private func samples(_ network: Network, labels count: Int = 3) throws -> [String] {
    let rows = 3
    let classes = (0..<rows).map { row in
      let outputs = network.outputs[row * network.outputCount..<(row + 1) * network.outputCount]
      return outputs.firstIndex(of: outputs.max() ?? 0).map { $0 - outputs.startIndex } ?? 0
    }
    let images = NumPyArray(
      network.inputs.prefix(rows * network.inputCount).map { Int8($0) }, shape: [rows, network.inputCount])
    let labels = (0..<count).map { Int64($0 == 1 ? (classes[1] + 1) % network.outputCount : classes[$0 % rows]) }
    let folder = try network.folder.get()
    return try [
      "--images", folder.write(images.fileBytes, "x.npy"), "--labels",
      folder.write(NumPyArray(labels, shape: [count]).fileBytes, "y.npy"),
    ]
  }

  @Test("a misclassified sample counts as a violation unless it is allowed; a resumed run asks nothing")
  func samples() throws {
    let network = try Network()
    let folder = try network.folder.get()
    let arguments = try ["verify", network.model] + samples(network) + ["--epsilon", "1", "--report", network.path("r.jsonl")]
    let run = try CommandRun(arguments)
    #expect(run.status == 1, "\(run.error)")
    let verdicts = try records(network.path("r.jsonl")).sorted {
      ($0["sample"] as? Int ?? 0) < ($1["sample"] as? Int ?? 0)
    }
    .map { $0["verdict"] as? String }
    #expect(verdicts == ["proved", "misclassified", "proved"])
    #expect(try CommandRun(arguments).status == 64, "an existing report is not overwritten")
    let before = try folder.read("r.jsonl")
    #expect(try CommandRun(arguments + ["--resume", "--allow-misclassified"]).status == 0)
    #expect(try folder.read("r.jsonl") == before)
    #expect(try CommandRun(arguments + ["--resume", "--samples", "3"]).status == 64)
  }

  @Test("questions that say nothing are named so in every place, count for nothing, and are checked again")
  func vacuous() throws {
    let network = try Network()
    let ask = try samples(network) + ["--allow-misclassified", "--epsilon", "0,1"]
    let files = try ["--report", network.path("r.jsonl"), "--html", network.path("p.html"), "--summary"]
    let run = try CommandRun(["verify", network.model] + ask + files + ["--certificates", network.path("c")])
    #expect(run.status == 3, "\(run.error)")
    #expect(run.output.contains("s0-e0: vacuous: it leaves one input"), "\(run.output)")
    #expect(run.output.contains("2 proofs accepted"), "\(run.output)")
    let lines = try records(network.path("r.jsonl"))
    let vacuous = lines.filter { $0["verdict"] as? String == "vacuous" }
    #expect(vacuous.count == 2 && vacuous.allSatisfy { $0["vacuous"] as? String == "one-point" })
    let page = String(decoding: try network.folder.get().read("p.html"), as: UTF8.self)
    #expect(page.contains("<th>vacuous</th>"))

    let check = try ["check", "--model", network.model, "--certificates", network.path("c")]
    let honest = try CommandRun(check + ask + ["--report", network.path("r.jsonl")])
    #expect(honest.status == 0 && honest.output.contains("2 vacuous: 6 accepted"), "\(honest.output)")
    let text = try String(contentsOfFile: network.path("r.jsonl"), encoding: .utf8)
    for (old, new, reason) in [
      ("\"verdict\":\"vacuous\",\"vacuous\":\"one-point\"", "\"verdict\":\"proved\"", "it is vacuous, not proved"),
      ("\"vacuous\":\"one-point\"", "\"vacuous\":\"no-cases\"", "for another reason"),
      (",\"vacuous\":\"one-point\"", "", "its field \"vacuous\" says otherwise"),
      ("\"verdict\":\"proved\"", "\"verdict\":\"vacuous\",\"vacuous\":\"one-point\"", "its question is not vacuous"),
    ] {
      // Without its certificate, which is told first.
      let forged = text.replacing(old, with: new).replacing(#/"certificate":"[^"]*",/#, with: new.contains("vacuous") ? "" : "\"certificate\":null,")
      #expect(forged != text)
      let path = try network.folder.get().write(forged.utf8, "forged.jsonl")
      let run = try CommandRun(check + ask + ["--report", path])
      #expect(run.status == 1 && run.output.contains(reason), "\(reason): \(run.output)")
    }

    let sum = "(+ " + (0..<network.inputCount).map { "X_\($0)" }.joined(separator: " ") + ")"
    let least = network.inputs.prefix(network.inputCount).reduce(0) { $0 + $1 - 2 }
    for (assertion, vacuity) in [
      ("(assert (>= Y_0 200))", "no-cases"), ("(assert (and (> Y_0 Y_1) (> Y_1 Y_0)))", "contradiction"),
      ("(assert (or (> Y_0 Y_1) (<= Y_0 Y_1)))", "certainty"), ("(assert (or))", "no-cases"),
      // All inputs at their least, by their sum alone.
      ("(assert (<= \(sum) \(least)))(assert (> Y_0 120))", "one-point"),
      ("(assert (< \(sum) \(least)))(assert (> Y_0 120))", "no-cases"),
    ] {
      let run = try CommandRun(
        ["verify", network.model, "--property", network.property(assertion, radius: 2), "--report", "-"])
      #expect(run.status == 3 && run.output.contains("\"vacuous\":\"\(vacuity)\""), "\(assertion): \(run.output)")
    }
    let frozen = try network.folder.get().write(
      NumPyArray([Int8](repeating: 0, count: network.inputCount), shape: [network.inputCount]).fileBytes, "m.npy")
    let masked = try CommandRun(["verify", network.model] + samples(network) + ["--max-radius", "--mask", frozen, "--allow-misclassified"])
    #expect(masked.status == 3 && masked.output.contains("nothing may change"), "\(masked.output)")
  }

  @Test("a violation shows its input and outputs")
  func witness() throws {
    let network = try Network()
    let run = try CommandRun(["verify", network.model, "--property", network.property("(assert (>= Y_0 \(network.outputs[0])))")])
    #expect(run.status == 1)
    let inputs = network.inputs.prefix(min(32, network.inputCount)).map { "\($0)" }.joined(separator: ", ")
    #expect(run.output.contains("  X_0 … X_\(network.inputCount - 1) ") && run.output.contains(": " + inputs), "\(run.output)")
    #expect(run.output.contains("  Y_0 … Y_\(network.outputCount - 1) ") && run.output.contains(": \(network.outputs[0]), "))
  }

  @Test("labels of another set, and a radius of 0")
  func rough() throws {
    let network = try Network()
    for count in [2, 4] {
      let run = try CommandRun(["verify", network.model] + samples(network, labels: count) + ["--epsilon", "1", "--samples", "0"])
      #expect(run.status == 65 && run.error.contains("has \(count) labels") && run.error.contains("3 samples"), "\(run.error)")
    }
    let radius = try CommandRun(["verify", network.model] + samples(network) + ["--max-radius", "--epsilon", "0", "--allow-misclassified"])
    #expect(
      radius.status == 3 && radius.output.contains("vacuous  nothing may change") && radius.output.contains("exact"),
      "\(radius.output)\(radius.error)")
    for (option, value, reason) in [
      ("--epsilon", "-1", "-1 is below 0"), ("--epsilon", "1,1", "1 is given twice"), ("--samples", "5-3", "runs backwards"),
      ("--timeout", "-1", "--timeout is -1.0; give a number of seconds above 0"),
      ("--timeout", "inf", "--timeout is inf; give a number of seconds"), ("--timeout", "nan", "--timeout is nan"),
      ("--epsilon", "1,01", "1 is given twice"), ("--engine", "luck", "'search' and 'smt'"),
      ("--stages", "luck", "attack, intervals, lagrangian"),
    ] {
      let run = try CommandRun(
        ["verify", network.model] + samples(network) + (option == "--epsilon" ? [] : ["--epsilon", "1"]) + [option, value])
      #expect(run.status == 64 && run.error.contains(reason), "\(run.error)")
    }
  }

  @Test("the range of outputs over one input is about nothing, and so says its report")
  func rangeOfOne() throws {
    let network = try Network()
    let folder = try network.folder.get()
    let images = NumPyArray(network.inputs.prefix(network.inputCount).map { Int8($0) }, shape: [1, network.inputCount])
    let ask = ["--images", try folder.write(images.fileBytes, "x.npy"), "--output-range", "--epsilon", "0", "--outputs", "0,1"]
    let report = ["--report", try folder.path("r.jsonl")]
    let run = try CommandRun(["verify", network.model] + ask + report)
    #expect(run.status == 3 && run.output.contains("0 of 2 exact") && run.output.contains("one input alone"), "\(run.output)")
    let lines = try records(folder.path("r.jsonl"))
    #expect(lines.map { $0["vacuous"] as? String } == ["one-point", "one-point"])
    #expect(try CommandRun(["verify", network.model] + ask + report + ["--resume"]).status == 3)
    let check = try CommandRun(["check", "--model", network.model] + report + ask)
    #expect(check.status == 0 && check.output.contains("2 vacuous"), "\(check.output)\(check.error)")
    // A line that tells a range is no answer to such a question.
    let text = try String(contentsOfFile: folder.path("r.jsonl"), encoding: .utf8)
    let code = network.outputs[0]
    let input = network.inputs.prefix(network.inputCount).map { "\($0)" }.joined(separator: ",")
    let forged = text.replacing(
      "\"output\":0,\"verdict\":\"vacuous\",\"vacuous\":\"one-point\"",
      with: "\"output\":0,\"verdict\":\"proved\",\"proved\":[\(code),\(code)],\"attained\":[\(code),\(code)],"
        + "\"attaining\":[[\(input)],[\(input)]]")
    #expect(forged != text)
    let other = try CommandRun(
      ["check", "--model", network.model, "--report", folder.write(forged.utf8, "forged.jsonl")] + ask)
    #expect(other.status == 1 && other.output.contains("vacuous, not proved"), "\(other.output)")
  }

  @Test("an epsilon that reaches over all codes is said to mean every input")
  func everything() throws {
    let network = try Network()
    for (epsilon, isSaid) in [("255", true), ("1000000", true), ("254", false)] {
      let run = try CommandRun(
        ["verify", network.model] + samples(network) + ["--samples", "0", "--epsilon", epsilon, "--timeout", "0.05"])
      #expect(run.error.contains("--epsilon \(epsilon): no code is further from another") == isSaid, "\(run.error)")
    }
  }

  @Test("what a command finds wrong once it runs is told with its own usage")
  func lateUsage() throws {
    let network = try Network()
    let run = try CommandRun(["verify", network.model] + samples(network) + ["--epsilon", "0.5"])
    #expect(run.status == 64 && run.error.contains("Error: --epsilon 0.5 is no whole number of codes"), "\(run.error)")
    #expect(
      run.error.contains("Usage: lockstep verify ") && run.error.contains("  See 'lockstep verify --help'"), "\(run.error)")
  }

  @Test("among the two best classes a label stays where it is not the largest; a proof of that is checked as that")
  func best() throws {
    let network = try Network()
    // The label of the second sample is wrong by one: it may be the second best.
    let outputs = Array(network.outputs[network.outputCount..<2 * network.outputCount])
    let order = outputs.indices.sorted { outputs[$0] > outputs[$1] || outputs[$0] == outputs[$1] && $0 < $1 }
    let images = NumPyArray(
      network.inputs[network.inputCount..<2 * network.inputCount].map { Int8($0) }, shape: [1, network.inputCount])
    let folder = try network.folder.get()
    let ask = try [
      "--images", folder.write(images.fileBytes, "x.npy"), "--labels",
      folder.write(NumPyArray([Int64(order[1])], shape: [1]).fileBytes, "y.npy"), "--epsilon", "1",
    ]
    #expect(try CommandRun(["verify", network.model] + ask).status == 1, "misclassified")
    let report = ["--report", folder.path("r.jsonl"), "--certificates", folder.path("c")]
    let run = try CommandRun(["verify", network.model] + ask + ["--top-k", "2"] + report)
    let record = try #require(try records(folder.path("r.jsonl")).first)
    #expect(record["top_k"] as? Int == 2)
    #expect(["proved", "violated"].contains(record["verdict"] as? String), "\(run.output)")
    let check = ["check", "--model", network.model, "--report", folder.path("r.jsonl")] + ask
    #expect(try CommandRun(check + ["--top-k", "2"]).status == 0)
    let other = try CommandRun(check)
    #expect(other.status == 1 && other.output.contains("another property"), "\(other.output)")
    let all = try CommandRun(["verify", network.model] + ask + ["--top-k", "\(network.outputCount)"])
    #expect(all.status == 64 && all.error.contains("any label is right"), "\(all.error)")
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
        atPath: network.property("(assert (>= Y_0 \(network.outputs[0] + 9 + Int64(index))))"), toPath: path)
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
    let property = try network.property("(assert (>= Y_0 \(network.outputs[0] + 9)))")
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
      ["--images", "x.npy", "--epsilon", "1", "--clip", "9-1"], ["--images", "x.npy", "--epsilon", "1", "--top-k", "0"],
      ["--property", "p", "--threshold", "1"], ["--images", "x.npy", "--epsilon", "1", "--top-k", "2", "--threshold", "1"],
    ])
  func usage(arguments: [String]) throws {
    let run = try CommandRun(["verify", Place.digits.path] + arguments)
    #expect(run.status == 64, "\(run.error)")
  }
}
