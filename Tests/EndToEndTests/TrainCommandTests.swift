import Foundation
import Importers
import Testing

/// `lockstep train`, on pictures of stripes, whose direction is their class.
@Suite struct TrainCommandTests {
  private static let description = "input 8 8 1\nconv 4 kernel 3 padding same\naverage-pool 2\ndense 2\n"

  /// The pictures as files: IDX, NumPy and CSV.
  private struct Data {
    let folder: TemporaryFolder
    init(_ count: Int = 600) throws {
      folder = try TemporaryFolder()
      var (pixels, labels): ([UInt8], [UInt8]) = ([], [])
      var state: UInt32 = 7
      func random(_ bound: UInt32) -> Int {
        state = state &* 1_664_525 &+ 1_013_904_223
        return Int((state >> 8) % bound)
      }
      for _ in 0..<count {
        let (label, phase) = (random(2), random(4))
        labels.append(UInt8(label))
        for y in 0..<8 {
          for x in 0..<8 { pixels.append(UInt8(((((label == 0 ? x : y) + phase) / 2) % 2 == 0 ? 180 : 40) + random(36))) }
        }
      }
      func big(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
      try folder.write([0, 0, 8, 3] + big(count) + big(8) + big(8) + pixels, "x.idx")
      try folder.write([0, 0, 8, 1] + big(count) + labels, "y.idx")
      try folder.write(NumPyArray(element: .uint8, shape: [count, 8, 8, 1], littleEndian: pixels).fileBytes, "x.npy")
      let lines = (0..<count).map { row in
        "\(labels[row])," + pixels[row * 64..<row * 64 + 64].map(String.init).joined(separator: ",")
      }
      try folder.write(Array((["label," + (0..<64).map(String.init).joined(separator: ",")] + lines).joined(separator: "\n").utf8), "d.csv")
      try folder.write(Array(TrainCommandTests.description.utf8), "net.txt")
    }
    func train(_ arguments: [String], output: String = "net.onnx", data: [String]? = nil) throws -> CommandRun {
      try CommandRun(
        ["train", folder.path("net.txt"), "--epochs", "4", "--batch", "32", "--epsilon", "4", "--output", folder.path(output)]
          + (data ?? ["--images", folder.path("x.idx"), "--labels", folder.path("y.idx")]) + arguments)
    }
  }

  @Test("a network is trained, proved robust and compiled", arguments: ["net.onnx", "net.tflite"])
  func aNetworkIsTrainedAndProved(_ output: String) throws {
    let data = try Data()
    let (folder, curve) = (data.folder, data.folder.path("curve.svg"))
    let run = try data.train(["--method", "intervals", "--curve", curve, "--jobs", "2"], output: output)
    #expect(run.status == 0, "\(run.error)")
    #expect(run.output.contains("; 0 of another class than in training"), "\(run.output)")
    #expect(String(decoding: try folder.read("curve.svg"), as: UTF8.self).contains("<polyline"))
    let proofs = try CommandRun(
      "verify", folder.path(output), "--images", folder.path("x.idx"), "--labels", folder.path("y.idx"), "--samples", "0-49",
      "--epsilon", "2", "--summary", "--timeout", "20")
    #expect([0, 1, 3].contains(proofs.status) && proofs.output.contains("accepted by the independent checker"))
    let certified = proofs.output.split(separator: "\n").first { $0.contains("certified") }
    #expect(certified != nil, "\(proofs.output)")
    #expect(try CommandRun("difftest", folder.path(output), "--random", "4").status == 0)
  }

  @Test func otherFilesGiveTheSameNetwork() throws {
    let data = try Data()
    let folder = data.folder
    let ways = [
      nil, ["--images", folder.path("x.npy"), "--labels", folder.path("y.idx")],
      ["--csv", folder.path("d.csv"), "--test-csv", folder.path("d.csv")],
    ]
    let networks = try ways.enumerated().map { index, way in
      let run = try data.train(["--method", "standard"], output: "n.onnx", data: way)
      #expect(run.status == 0, "\(index): \(run.error)")
      return try folder.read("n.onnx")
    }
    #expect(networks[0] == networks[1] && networks[0] == networks[2])
  }

  @Test("an interrupted run goes on as if nothing had been") func anInterruptedRunIsResumed() throws {
    let data = try Data(3000)
    let folder = data.folder
    // A network is called as its file is.
    let run = try data.train(["--method", "intervals"], output: "n.onnx")
    #expect(run.status == 0, "\(run.error)")
    let whole = try folder.read("n.onnx")
    try FileManager.default.removeItem(atPath: folder.path("n.onnx"))
    let process = Process()
    process.executableURL = Place.command
    process.arguments =
      ["train", folder.path("net.txt"), "--epochs", "4", "--batch", "32", "--epsilon", "4", "--method", "intervals",
        "--output", folder.path("n.onnx"), "--images", folder.path("x.idx"), "--labels", folder.path("y.idx")]
    process.arguments? += ["--checkpoint", folder.path("ck")]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    // Once something is kept, or has gone on for a while.
    for _ in 0..<400 where !FileManager.default.fileExists(atPath: folder.path("ck")) { usleep(10_000) }
    process.interrupt()
    process.waitUntilExit()
    if process.terminationStatus == 130 {
      #expect(try !folder.names.contains("n.onnx"))
      let resumed = try data.train(
        ["--method", "intervals", "--checkpoint", folder.path("ck"), "--resume"], output: "n.onnx")
      #expect(resumed.status == 0, "\(resumed.error)")
    }
    #expect(try folder.read("n.onnx") == whole)
    let other = try data.train(["--method", "standard", "--checkpoint", folder.path("ck"), "--resume"], output: "o.onnx")
    #expect(other.status == 65 && other.error.contains("other options"), "\(other.error)")
  }

  @Test("epochs in real numbers serve other bits, rounding alone and int8") func aFloatCheckpointServesOtherBits() throws {
    let data = try Data()
    let folder = data.folder
    let ways: [(options: [String], output: String)] = [
      (["--bits", "5"], "n.onnx"), (["--bits", "5", "--float-share", "1"], "n.onnx"), ([], "n.tflite"),
    ]
    let real = folder.path("real.ck")
    let first = try data.train(["--method", "intervals", "--float-share", "0.5", "--float-checkpoint", real])
    #expect(first.status == 0, "\(first.error)")
    let kept = try folder.read("real.ck")
    for (options, output) in ways {
      let options = ["--method", "intervals"] + (options.contains("--float-share") ? options : options + ["--float-share", "0.5"])
      let whole = try data.train(options, output: output)
      let network = try folder.read(output)
      let continued = try data.train(options + ["--start", real], output: output)
      #expect(whole.status == 0 && continued.status == 0, "\(whole.error) \(continued.error)")
      #expect(try folder.read(output) == network, "\(options)")
      #expect(continued.output.contains("; 0 of another class than in training"), "\(continued.output)")
    }
    #expect(try folder.read("real.ck") == kept)
    // There is nothing to go on with that would have written it.
    let again = try data.train(["--checkpoint", folder.path("none.ck"), "--resume", "--float-checkpoint", real])
    #expect(again.status == 65 && again.error.contains("real.ck: exists"), "\(again.error)")
    #expect(try folder.read("real.ck") == kept)
    let late = try data.train(["--method", "intervals", "--float-share", "0.25", "--start", real])
    #expect(late.status == 65 && late.error.contains("other options"), "\(late.error)")
    let damaged = kept.enumerated().map { $0.offset == kept.count / 2 ? $0.element ^ 1 : $0.element }
    try folder.write(damaged, "damaged.ck")
    for bytes in [damaged, Array(kept.dropLast(9)), Array(kept.prefix(30)), []] {
      try folder.write(bytes, "damaged.ck")
      let run = try data.train(["--method", "intervals", "--start", folder.path("damaged.ck")])
      #expect(run.status == 65 && run.error.contains("damaged.ck"), "\(run.error)")
    }
  }

  /// Noise of low contrast with labels at random: every margin is small, so that a code more or less shows.
  @Test("what training says holds of the integer program", arguments: [
    "conv.onnx", "conv.tflite", "one.onnx", "one.tflite", "add.onnx", "add.tflite",
  ])
  func trainingSaysWhatHolds(_ output: String) throws {
    let folder = try TemporaryFolder()
    var state: UInt32 = 11
    func random(_ bound: UInt32) -> UInt8 {
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8((state >> 8) % bound)
    }
    let count = 1200
    let pixels = (0..<count * 64).map { _ in 100 + random(12) }
    try folder.write(NumPyArray(element: .uint8, shape: [count, 8, 8, 1], littleEndian: pixels).fileBytes, "x.npy")
    let labels = (0..<count).map { _ in random(4) }
    try folder.write(NumPyArray(element: .uint8, shape: [count], littleEndian: labels).fileBytes, "y.npy")
    // Sums of a thing and itself lie half-way between two codes, or on one.
    let layers =
      output.hasPrefix("one")
      ? "" : output.hasPrefix("add")
        ? "conv 5 kernel 3 stride 2\nadd 1\nadd 2\nadd 1\ndense 16\nadd 5\nadd 6\n"
        : "conv 4 kernel 3\naverage-pool 2\nconv 6 kernel 2\n"
    try folder.write(Array("\u{FEFF}input 8 8 1\r\n\(layers)dense 4\r\n".utf8), "net.txt")
    let data = ["--images", folder.path("x.npy"), "--labels", folder.path("y.npy")]
    let run = try CommandRun(
      ["train", folder.path("net.txt"), "--epochs", "4", "--batch", "32", "--method", "intervals", "--epsilon", "1",
        "--held-out", "600", "--float-share", "0.5", "--output", folder.path(output)] + data)
    #expect(run.status == 0, "\(run.error)")
    let most = output.hasSuffix("onnx") ? 0 : 1
    #expect((0...most).contains { run.output.contains("; \($0) of another class") }, "\(run.output)")
    // Held out are the last pictures.
    let proofs = try CommandRun(
      ["verify", folder.path(output), "--samples", "600-1199", "--epsilon", "1", "--summary", "--timeout", "5"] + data)
    func percent(_ text: String, behind words: String) -> Double? {
      text.range(of: words).flatMap { Double(text[$0.upperBound...].drop { $0 == " " }.prefix { $0 != " " }) }
    }
    let certified = try #require(percent(run.output, behind: "certified by intervals within 1:"), "\(run.output)")
    let row = try #require(proofs.output.split(separator: "\n").last { $0.contains("…") }, "\(proofs.output)")
    let shares = row.split(separator: "%").compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
    // Clean, certified, falsified, unknown.
    try #require(shares.count == 4, "\(row)")
    #expect(certified <= shares[1] + 1e-9 && certified <= shares[0], "\(certified), \(row)")
  }

  @Test func badInputsAreNamed() throws {
    let data = try Data(40)
    let folder = data.folder
    try folder.write(Array("input 8 8 1\nconvolve 3\ndense 2\n".utf8), "bad.txt")
    try folder.write(Array("input 8 9 1\ndense 2\n".utf8), "other.txt")
    try folder.write(Array("0,1,2\n".utf8), "short.csv")
    try folder.write(Array(("0," + Array(repeating: "300", count: 64).joined(separator: ",") + "\n").utf8), "large.csv")
    try folder.write(Array(("?1" + String(repeating: ",3", count: 64) + "\n").utf8), "odd.csv")
    try folder.write([1, 2, 3], "noise")
    func run(_ arguments: [String]) throws -> CommandRun {
      try CommandRun(["train", "--output", folder.path("n.onnx"), "--epochs", "1"] + arguments)
    }
    let (x, y, net) = (folder.path("x.idx"), folder.path("y.idx"), folder.path("net.txt"))
    let cases: [(arguments: [String], status: Int32, words: String)] = [
      ([folder.path("bad.txt"), "--images", x, "--labels", y], 65, "line 2: \"convolve\""),
      ([folder.path("other.txt"), "--images", x, "--labels", y], 65, "x.idx"),
      ([net, "--images", x, "--labels", x], 65, "x.idx"), ([net, "--images", folder.path("noise"), "--labels", y], 65, "noise"),
      ([net, "--csv", folder.path("short.csv")], 65, "line 1 has 3 cells"),
      ([net, "--csv", folder.path("large.csv")], 65, "is \"300\""), ([net, "--csv", folder.path("absent")], 65, "absent"),
      ([net, "--csv", folder.path("odd.csv")], 65, "line 1 starts with no label"),
      ([net], 64, "--images"), ([net, "--csv", x, "--images", x, "--labels", y], 64, "--csv"),
      ([net, "--images", x, "--labels", y, "--method", "intervals"], 64, "--epsilon"),
      ([net, "--images", x, "--labels", y, "--bits", "9"], 64, "--bits"),
      ([net, "--images", x, "--labels", y, "--held-out", "40"], 64, "--held-out"),
      ([net, "--images", x, "--labels", y, "--resume"], 64, "--checkpoint"),
    ]
    for (arguments, status, words) in cases {
      let run = try run(arguments)
      #expect(run.status == status && run.error.contains(words), "\(arguments): \(run.status) \(run.error)")
    }
    #expect(try !folder.names.contains("n.onnx"))
  }
}
