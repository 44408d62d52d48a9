import Foundation
import Importers
import Testing

/// `check --report` on reports of `verify` in which something was changed.
@Suite struct ReportCheckTests {
  private static let model: Result<String, any Error> = OperatorCorpus.unpacked.map {
    $0.folder.path("converted_fully_connected_act_none.tflite")
  }

  /// A report, its options, and the folder of its files.
  private struct Report {
    let folder: TemporaryFolder
    let ask: [String]
    let lines: [String]

    /// Three samples, the second with a wrong label.
    init(_ ask: [String], labels: Bool = true) throws {
      folder = try TemporaryFolder()
      let stem = try model.get().dropLast(".tflite".count)
      let (input, output) = (try NumPyArray(path: stem + ".input0.npy"), try NumPyArray(path: stem + ".output0.npy"))
      let (inputs, outputs) = (try #require(input.integers), try #require(output.integers))
      let (width, classes) = (input.count / input.shape[0], output.count / output.shape[0])
      let images = NumPyArray(inputs.prefix(3 * width).map { Int8($0) }, shape: [3, width])
      let found = (0..<3).map { row in
        (0..<classes).max { outputs[row * classes + $0] < outputs[row * classes + $1] } ?? 0
      }
      let wrong = [found[0], (found[1] + 1) % classes, found[2]].map { Int64($0) }
      self.ask =
        try ["--images", folder.write(images.fileBytes, "x.npy")]
        + (labels ? ["--labels", folder.write(NumPyArray(wrong, shape: [3]).fileBytes, "y.npy")] : []) + ask
      let run = try CommandRun(
        ["verify", model.get()] + self.ask
          + ["--report", folder.path("r.jsonl"), "--certificates", folder.path("c"), "--jobs", "1"])
      #expect([0, 1].contains(run.status), "\(run.error)")
      lines = String(decoding: try folder.read("r.jsonl"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Checks lines in place of the report's.
    func check(_ lines: [String], asked: Bool = true) throws -> CommandRun {
      try check(text: lines.map { $0 + "\n" }.joined(), asked: asked)
    }
    func check(text: String, asked: Bool = true) throws -> CommandRun {
      try CommandRun(
        ["check", "--model", model.get(), "--report", folder.write(text.utf8, "\(UUID()).jsonl")] + (asked ? ask : []))
    }

    /// Checks the report with one line changed by replacing all that the pattern matches.
    func check(
      _ query: String, _ pattern: String, _ replacement: String, asked: Bool = true
    ) throws -> CommandRun {
      let index = try #require(lines.firstIndex { $0.contains("\"query\":\"\(query)\"") })
      var changed = lines
      changed[index] = try changed[index].replacing(Regex(pattern)) { _ in replacement }
      #expect(changed != lines, "\(pattern)")
      return try check(changed, asked: asked)
    }
  }

  private static let batch = Result { try Report(["--epsilon", "1,60"]) }
  private static let ranges = Result {
    try Report(["--epsilon", "3", "--output-range", "--outputs", "0-2"], labels: false)
  }
  private static let radii = Result { try Report(["--max-radius"]) }

  @Test("honest reports are accepted, with the questions and without")
  func honest() throws {
    for (report, summary) in [
      (try Self.batch.get(), "6 lines, 2 proved, 2 violated, 2 misclassified: 6 accepted"),
      (try Self.ranges.get(), "9 lines, 9 proved: 9 accepted"), (try Self.radii.get(), "1 misclassified"),
    ] {
      for asked in [false, true] {
        let run = try report.check(report.lines, asked: asked)
        #expect(run.status == 0, "\(run.output)\(run.error)")
        if asked { #expect(run.output.contains(summary), "\(run.output)") }
      }
    }
  }

  @Test(
    "a line that says something else than was asked or found is rejected",
    arguments: [
      ("s0-e1", #""sample":0"#, #""sample":2"#, "its sample is not that of the question"),
      ("s0-e1", #""label":\d"#, #""label":0"#, "its label is not"),
      ("s0-e1", #""epsilon":1"#, #""epsilon":2"#, "its epsilon is not"),
      ("s0-e1", #""query":"s0-e1""#, #""query":"s0-e1","file":"p.vnnlib""#, "its file is not"),
      ("s0-e1", #""query":"s0-e1""#, #""query":"s9-e1""#, "the options ask no such question"),
      ("s0-e1", #""query":"s0-e1""#, #""query":"s2-e1""#, "s2-e1: REJECTED: is answered twice"),
      ("s0-e1", #""query":"s0-e1""#, #""query":"s9-e1""#, "s0-e1: REJECTED: is asked, and no line answers it"),
      ("s0-e1", #""verdict":"proved""#, #""verdict":"proved","counterexample":[1]"#, "has a counterexample"),
      ("s0-e1", #""certificate":"[^"]*""#, #""certificate":null"#, "proved without a certificate"),
      ("s0-e1", "s0-e1.cert", "s2-e1.cert", "proves another property"),
      ("s0-e1", #""verdict":"proved""#, #""verdict":"misclassified""#, "misclassified, and has a proof"),
      ("s0-e60", #""verdict":"violated""#, #""verdict":"unknown""#, "unknown, and has a counterexample"),
      ("s0-e60", #""verdict":"violated""#, #""verdict":"misclassified""#, "misclassified, and has a counterexample"),
      ("s0-e60", #""verdict":"violated""#, #""verdict":"proved","trusted":"Z3""#, "proved, and has a counterexample"),
      (
        "s0-e60", #""verdict":"violated".*"distance":\d+"#, #""verdict":"misclassified","seconds":0"#,
        "the network gives the sample its label"
      ),
      ("s0-e60", #""counterexample":\["#, #""counterexample":[99999999999,"#, "of another size"),
      ("s0-e60", #""counterexample":\[[^,]*"#, #""counterexample":[99999999999"#, "of another size"),
      ("s0-e60", #""class":\d"#, #""class":1"#, "class or distance"),
      ("s0-e60", #""distance":60"#, #""distance":3"#, "class or distance"),
    ])
  func forgery(query: String, pattern: String, replacement: String, reason: String) throws {
    let run = try Self.batch.get().check(query, pattern, replacement)
    #expect(run.status == 1 && run.output.contains(reason), "\(run.output)\(run.error)")
  }

  @Test("lines that are missing or doubled are named")
  func count() throws {
    let report = try Self.batch.get()
    let missing = try report.check(Array(report.lines.dropFirst()))
    #expect(missing.status == 1 && missing.output.contains("s0-e1: REJECTED: is asked, and no line answers it"))
    let doubled = try report.check(report.lines + [report.lines[0]], asked: false)
    #expect(doubled.status == 1 && doubled.output.contains("s0-e1: REJECTED: is answered twice"))
    let radii = try Self.radii.get()
    let violated = try #require(radii.lines.lastIndex { $0.contains("\"violated\"") })
    var open = radii.lines
    open.remove(at: violated)
    #expect(try radii.check(open).status == 1)
  }

  @Test("what is no whole report is a file error", arguments: ["", "\n", "{\"query\":\"s0"])
  func torn(text: String) throws {
    let report = try Self.batch.get()
    #expect(try report.check(text: text).status == 65)
    #expect(try report.check(text: text, asked: false).status == 65)
    let torn = try report.check(text: report.lines.map { $0 + "\n" }.joined() + "{\"query\":\"s0")
    #expect(torn.status == 65 && torn.error.contains("torn"), "\(torn.error)")
  }

  @Test(
    "a range that is not what its certificates prove and its inputs attain is rejected, asked about or not",
    arguments: [
      (#""proved":\[[^\]]*\]"#, #""proved":[12,20]"#, "it is proved; its range is unknown"),
      (
        #""verdict":"proved".*"proved":\[[^\]]*\]"#,
        #""verdict":"unknown","seconds":0,"certificates":[],"proved":[12,20]"#, "REJECTED"
      ),
      (#""(proved|attained)":\[[^\]]*\]"#, "BOTH", "another property"),
      (#""attained":\[[^\]]*\]"#, #""attained":[12,20]"#, "its range is unknown"),
      (#""output":0"#, #""output":1"#, "REJECTED"), (#""output":0"#, #""output":99"#, "output"),
      (#""verdict":"proved""#, #""verdict":"unknown""#, "it is unknown; its range is proved"),
      (#""attaining":\[\[-?\d+"#, #""attaining":[[-128"#, "outside the box"),
      (#""attaining":\[\[-?\d+"#, #""attaining":[[99999999999"#, "outside the box"),
      (#","attaining":\[\[.*\]\]"#, "", "do not come together"),
      (#""certificates":\[[^\]]*\]"#, #""certificates":[]"#, "do not prove the range"),
      ("-lowest.cert", "-highest.cert", "do not prove the range"),
    ])
  func falseRange(pattern: String, replacement: String, reason: String) throws {
    for asked in [false, true] {
      let report = try Self.ranges.get()
      let run: CommandRun
      if replacement == "BOTH" {
        run = try report.check(
          "s0-e3-y0", #""proved":\[[^\]]*\],"attained":\[[^\]]*\]"#, #""proved":[-5,5],"attained":[-5,5]"#,
          asked: asked)
      } else {
        run = try report.check("s0-e3-y0", pattern, replacement, asked: asked)
      }
      // Without certificates, and without what was asked, nothing says what the line is about: it counts for nothing.
      if replacement == #""certificates":[]"# && !asked {
        #expect(run.output.contains("8 accepted, 1 without evidence"), "\(run.output)")
      } else {
        #expect(run.status == 1 && run.output.contains(reason), "\(run.output)\(run.error)")
      }
    }
  }

  @Test("an attained code that the simulator does not return is rejected")
  func unattained() throws {
    let report = try Self.ranges.get()
    // The inputs of the two ends change places.
    let line = try #require(report.lines.first { $0.contains("\"query\":\"s0-e3-y0\"") })
    let match = try #require(line.firstMatch(of: #/"attaining":\[(\[[^\]]*\]),(\[[^\]]*\])\]/#))
    let swapped = line.replacing(match.0, with: "\"attaining\":[\(match.2),\(match.1)]")
    let run = try report.check(report.lines.map { $0 == line ? swapped : $0 })
    #expect(run.status == 1 && run.output.contains("the simulator returns"), "\(run.output)")
  }

  @Test("a resumed run asks again for a range that is called proved and is not")
  func resumedRange() throws {
    let report = try Self.ranges.get()
    let line = try #require(report.lines.first { $0.contains("\"query\":\"s0-e3-y0\"") })
    let open = line.replacing(#/"attained":\[[^\]]*\]/#) { _ in #""attained":[13,13]"# }
    let path = try report.folder.write((open + "\n").utf8, "resumed.jsonl")
    let run = try CommandRun(
      ["verify", Self.model.get()] + report.ask
        + ["--samples", "0", "--outputs", "0", "--report", path, "--resume", "--certificates", report.folder.path("c")])
    #expect(run.status == 0, "\(run.error)")
    let text = String(decoding: try report.folder.read("resumed.jsonl"), as: UTF8.self)
    #expect(!text.contains("[13,13]") && text.split(separator: "\n").count == 1)
  }
}
