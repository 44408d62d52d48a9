import Foundation
import IntegerProgram
import Simulation
import Testing

@testable import lockstep

/// The robustness benchmark of the AAAI 2021 paper, and the trained networks of `Tests/Networks`, through the command line.
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct RobustnessBenchmarkTests {
  private struct Line: Decodable {
    var sample: Int
    var verdict: String
    var certificate: String?
    var counterexample: [Int]?
  }

  private static let sets = [
    ("mnist", 1, 0...99), ("mnist", 2, 100...199), ("mnist", 3, 200...299), ("mnist", 4, 300...399),
    ("fashion-mnist", 1, 0...99), ("fashion-mnist", 2, 100...199), ("fashion-mnist", 3, 200...249),
    ("fashion-mnist", 4, 300...349),
  ]

  @Test(
    "all questions are decided, none against the published verdicts; certificates and counterexamples stand the check",
    arguments: sets)
  func benchmark(set: String, epsilon: Int, samples: ClosedRange<Int>) throws {
    let folder = try TemporaryFolder()
    let model = Place.sharedData.appending(path: "models/\(set.replacing("-", with: "_"))_mlp_6bit.onnx").path
    let data = Place.sharedData.appending(path: set)
    let verify = try CommandRun(
      Place.command,
      [
        "verify", model, "--images", data.appending(path: "t10k-images-idx3-ubyte.gz").path,
        "--labels", data.appending(path: "t10k-labels-idx1-ubyte.gz").path,
        "--samples", "\(samples.lowerBound)-\(samples.upperBound)", "--epsilon", "\(epsilon)", "--timeout", "300",
        "--report", folder.path("report.jsonl"), "--certificates", folder.path("proofs"),
      ])
    #expect([0, 1].contains(verify.status), "\(verify.error)")
    let lines = try folder.read("report.jsonl").split(separator: UInt8(ascii: "\n")).map {
      try JSONDecoder().decode(Line.self, from: Data($0))
    }
    #expect(lines.map(\.sample).sorted() == Array(samples))

    var published: [Int: String] = [:]
    let table = Place.sharedData.appending(path: "models/aaai21_published_verdicts.csv")
    for row in try String(contentsOf: table, encoding: .utf8).split(whereSeparator: \.isNewline).dropFirst() {
      let cells = row.split(separator: ",")
      guard cells[0] == set, Int(cells[2]) == epsilon, let sample = Int(cells[1]) else { continue }
      published[sample] = ["robust": "proved", "vulnerable": "violated", "misclassified": "misclassified"][cells[3]]
    }
    #expect(!published.isEmpty)
    for line in lines {
      #expect(["proved", "violated", "misclassified"].contains(line.verdict), "sample \(line.sample)")
      if let verdict = published[line.sample] { #expect(line.verdict == verdict, "sample \(line.sample)") }
      #expect((line.certificate != nil) == (line.verdict == "proved"))
      #expect((line.counterexample != nil) == (line.verdict == "violated"))
    }

    let check = try CommandRun(Place.command, ["check", "--report", folder.path("report.jsonl"), "--model", model])
    #expect(check.status == 0, "\(check.error)")
  }

  private struct Expected: Decodable {
    var first_correct: [Int]
    var first_correct_outputs: [[Int32]]
    var misclassified_below_400: [Int]
  }

  @Test("the trained networks compute what their trainer computed")
  func trainedNetworks() throws {
    let networks = Place.package.appending(path: "Tests/Networks")
    let expected = try JSONDecoder().decode(
      [String: Expected].self, from: Data(contentsOf: networks.appending(path: "expected.json")))
    #expect(expected.count == 4)
    let data = Place.sharedData.appending(path: "mnist")
    let images = try FixedPointNetworkTests.idx(data.appending(path: "t10k-images-idx3-ubyte.gz"), header: 16)
    let labels = try FixedPointNetworkTests.idx(data.appending(path: "t10k-labels-idx1-ubyte.gz"), header: 8)
    for (name, expected) in expected {
      let program = try ModelFile(path: networks.appending(path: "\(name).onnx").path).program(LoweringOptions())
      let simulator = Simulator(program)
      func outputs(_ sample: Int) throws -> [Int32] {
        let first = images.startIndex + sample * 784
        return try simulator.run([images[first..<first + 784].map { Int32($0) }])[0]
      }
      for (sample, codes) in zip(expected.first_correct, expected.first_correct_outputs) {
        #expect(try outputs(sample) == codes, "\(name), sample \(sample)")
      }
      var wrong: [Int] = []
      for sample in 0..<400 {
        let scores = try outputs(sample)
        if scores.firstIndex(of: scores.max() ?? 0) != Int(labels[labels.startIndex + sample]) { wrong.append(sample) }
      }
      #expect(wrong == expected.misclassified_below_400, "\(name)")
    }
  }
}
