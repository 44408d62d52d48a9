import Foundation
import Importers
import IntegerProgram
import Testing

@testable import lockstep

@Suite struct QuantizeCommandTests {
  static let floats = Place.package.appending(path: "Tests/FloatNetworks")
  static func path(_ name: String) -> String { floats.appending(path: name).path }

  @Test(arguments: ["dense.onnx", "conv.onnx", "conv.tflite"], ["fixed-point", "int8"])
  func `a float network becomes one that simulates, compiles and agrees with its C`(model: String, target: String)
    throws
  {
    let folder = try TemporaryFolder()
    let output = folder.path(target == "int8" ? "network.tflite" : "network.onnx")
    let run = try CommandRun(
      "quantize", Self.path(model), "--to", target, "--calibration", Self.path("images.npy"), "--images",
      Self.path("images.npy"), "--labels", Self.path("labels.npy"), "--output", output)
    #expect(run.status == 0, "\(run.error)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.count > 6 && lines[1].hasPrefix("float ") && lines[2].hasPrefix(target))
    #expect(lines[3].hasSuffix("8 of 8"), "\(run.output)")
    #expect(lines[4].hasPrefix("layer") && lines[4].contains("signal to noise"), "\(run.output)")
    #expect(lines.last?.hasPrefix("outputs are ") == true, "\(run.output)")
    let difftest = try CommandRun("difftest", output, "--random", "4")
    #expect(difftest.status == 0, "\(difftest.error)")
    let verified = try CommandRun(
      "verify", output, "--images", Self.path("images.npy"), "--labels", Self.path("labels.npy"), "--samples", "0",
      "--epsilon", "0")
    // One input says nothing of others: it is named so, and is no misclassification.
    #expect(verified.status == 3 && verified.output.contains("s0-e0: vacuous"), "\(verified.output)\(verified.error)")
  }

  @Test func `what cannot be quantised is said with file and layer, and nothing is written`() throws {
    let folder = try TemporaryFolder()
    let (fixed, int8) = (folder.path("y.onnx"), folder.path("y.tflite"))
    let images = Self.path("images.npy")
    for (arguments, status, reason) in [
      ([Place.digits.path, "--to", "int8", "--calibration", images, "--output", int8], Int32(65), "quantised already"),
      (
        [Self.path("dense.onnx"), "--to", "fixed-point", "--calibration", Self.path("labels.npy"), "--output", fixed],
        65,
        "labels.npy: has the shape [8]"
      ),
      (
        [
          Self.path("dense.onnx"), "--to", "fixed-point", "--calibration", images, "--samples", "0-8", "--output",
          fixed,
        ], 64, "sample 8"
      ),
      ([Self.path("dense.onnx"), "--to", "int8", "--calibration", images, "--output", fixed], 64, "*.tflite"),
      (
        [Self.path("dense.onnx"), "--to", "int8", "--bits", "4", "--calibration", images, "--output", int8], 64,
        "--bits goes with"
      ),
      (
        [Self.path("dense.onnx"), "--to", "int8", "--pixels", "1:2", "--calibration", images, "--output", int8], 64,
        "1:2"
      ),
    ] {
      let run = try CommandRun(["quantize"] + arguments)
      #expect(run.status == status && run.error.contains(reason), "\(run.status): \(run.error)")
    }
    #expect(try folder.names == [])
  }

  @Test func `numbers that are none to choose scales by are named with their file, sample and element`() throws {
    let folder = try TemporaryFolder()
    let images = try NumPyArray(path: Self.path("images.npy"))
    let count = images.count / images.shape[0]
    for (number, reason) in [
      (Float(1e33), "sample 5, element 3 is 1e+33"), (-0x1p100, "sample 5, element 3 is -1.2676506e+30"),
      (.infinity, "vector 5, element 3 is infinite"), (.nan, "vector 5, element 3 is not a number"),
    ] {
      var reals = [Float](repeating: 0.5, count: 8 * count)
      reals[5 * count + 3] = number
      let path = try folder.write(NumPyArray(reals, shape: [8, count]).fileBytes, "x.npy")
      let run = try CommandRun([
        "quantize", Self.path("dense.onnx"), "--to", "int8", "--calibration", path, "--output", folder.path("y.tflite"),
      ])
      #expect(run.status == 65 && run.error.contains("x.npy: \(reason)"), "\(run.status): \(run.error)")
    }
    #expect(try folder.names == ["x.npy"])
  }

  @Test func `sixteen bits have sums in 64`() throws {
    let folder = try TemporaryFolder()
    let fixed = folder.path("y.onnx")
    let run = try CommandRun([
      "quantize", Self.path("dense.onnx"), "--to", "fixed-point", "--bits", "16", "--calibration", Self.path("images.npy"),
      "--output", fixed,
    ])
    #expect(run.status == 0, "\(run.error)")
    let test = try CommandRun(["difftest", fixed, "--random", "8"])
    #expect(test.status == 0, "\(test.error)")
  }

  @Test func `an exported network is the same program`() throws {
    let folder = try TemporaryFolder()
    let output = folder.path("digits.tflite")
    #expect(try CommandRun("export", Place.digits.path, "--output", output).status == 0)
    let programs = try [Place.digits.path, output].map { try ModelFile(path: $0).program(LoweringOptions()).digest }
    #expect(programs[0] == programs[1])
  }
}
