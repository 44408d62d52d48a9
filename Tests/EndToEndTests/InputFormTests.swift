import Foundation
import Importers
import Reporting
import Testing

/// Inputs in every form, and what bytes are, for every command alike.
@Suite struct InputFormTests {
  private static func digits(_ name: String) -> String {
    Place.digits.deletingLastPathComponent().appending(path: name).path
  }
  private static let hasDevice = ["arm-none-eabi-gcc", "qemu-system-arm"].allSatisfy(Place.hasProgram)

  /// The first images as a folder of PNG, an array of pixels, and their labels.
  private func pictures(_ folder: TemporaryFolder, _ count: Int) throws -> (pictures: String, pixels: String, labels: String) {
    let images = try NumPyArray(path: Self.digits("images.npy"))
    let pixels = try #require(images.elements(0..<count * 784, as: Int8.self)).map { UInt8(bitPattern: $0) ^ 0x80 }
    let place = folder.path("pictures")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    for index in 0..<count {
      let picture = PNG.encode(Array(pixels[index * 784..<(index + 1) * 784]), width: 28, height: 28, channels: 1)
      try Data(picture).write(to: URL(filePath: "\(place)/\(index).png"))
    }
    let labels = try #require(try NumPyArray(path: Self.digits("labels.npy")).integers).prefix(count)
    return (
      place, try folder.write(NumPyArray(pixels, shape: [count, 28, 28, 1]).fileBytes, "x.npy"),
      try folder.write(Array(labels.map { "\($0)\n" }.joined().utf8), "labels.csv")
    )
  }

  @Test("the gate keeps what it is given in every form, and goes through it again", .enabled(if: hasDevice))
  func preflight() throws {
    let folder = try TemporaryFolder()
    let (pictures, _, labels) = try pictures(folder, 3)
    let evidence = folder.path("evidence")
    let run = try CommandRun(
      "preflight", Place.digits.path, "--target", "cortex-m4", "--input", pictures, "--images", pictures, "--labels", labels,
      "--samples", "0", "--epsilon", "1", "--mask", Self.digits("patch.npy"), "--output", evidence)
    #expect(run.status == 0, "\(run.output)\(run.error)")
    let names = String(decoding: try folder.read("evidence/manifest.sha256"), as: UTF8.self)
    for name in ["inputs/pictures/0.png", "inputs/pictures/2.png", "inputs/labels.csv", "inputs/patch.npy"] {
      #expect(names.contains("  \(name)\n"), "\(names)")
    }
    #expect(try CommandRun("preflight", "--recheck", evidence).status == 0)
    // A picture more is no part of it.
    try FileManager.default.copyItem(atPath: "\(pictures)/0.png", toPath: "\(evidence)/inputs/pictures/3.png")
    let more = try CommandRun("preflight", "--recheck", evidence, "--without-device")
    #expect(more.status == 1 && more.output.contains("inputs/pictures/3.png: is not in the manifest"), "\(more.output)")
  }

  @Test("a property that is violated shows its input at the gate, too", .enabled(if: hasDevice))
  func witness() throws {
    let folder = try TemporaryFolder()
    let run = try CommandRun(
      "preflight", Place.digits.path, "--target", "cortex-m4", "--random", "1", "--images", Self.digits("images.npy"),
      "--labels", Self.digits("labels.npy"), "--samples", "1", "--epsilon", "24", "--output", folder.path("evidence"))
    #expect(run.status == 1 && run.output.contains(" X_0 … X_783 "), "\(run.output)\(run.error)")
    #expect(run.output.contains("784 in all; counterexamples/s1-e24.npy has them"))
    let help = try CommandRun("preflight", "--help").output
    #expect(!help.contains("--max-radius") && !help.contains("--output-range") && help.contains("vacuous"))
  }

  @Test("--bytes is an error with what it says nothing of, in every command")
  func bytes() throws {
    let folder = try TemporaryFolder()
    let float = try folder.write(NumPyArray([Float](repeating: 0, count: 784), shape: [1, 28, 28, 1]).fileBytes, "f.npy")
    let label = try folder.write(Array("0\n".utf8), "y.csv")
    let model = Place.digits.path
    for arguments in [
      ["simulate", model, "--input", float, "--output", folder.path("y.npy")], ["difftest", model, "--input", float],
      ["evaluate", model, "--images", float, "--labels", label],
      ["evaluate", QuantizeCommandTests.path("dense.onnx"), "--images", float, "--labels", label],
      ["verify", model, "--images", float, "--epsilon", "1", "--stages", "intervals"],
      ["quantize", QuantizeCommandTests.path("dense.onnx"), "--to", "int8", "--calibration", float, "--output", folder.path("y.tflite")],
    ] {
      for meaning in ["pixels", "codes"] {
        let run = try CommandRun(arguments + ["--bytes", meaning])
        #expect(run.status == 65 && run.error.contains("holds float32, of which --bytes \(meaning) says nothing"), "\(arguments): \(run.error)")
      }
    }
    for arguments in [["difftest", model], ["verify", model, "--property", "p.vnnlib"]] {
      let run = try CommandRun(arguments + ["--bytes", "codes"])
      #expect(run.status == 64 && run.error.contains("--bytes says what the bytes of an input file are"), "\(run.error)")
    }
  }

  @Test("pixels of a float network alone are said, and an option says what they stand for")
  func floatPixels() throws {
    let (model, images) = (QuantizeCommandTests.path("dense.onnx"), QuantizeCommandTests.path("images.npy"))
    let ask = ["evaluate", model, "--images", images, "--labels", QuantizeCommandTests.path("labels.npy")]
    let usual = try CommandRun(ask)
    #expect(usual.status == 0 && usual.error.contains("which stand for 0 … 1 (--pixels low:high"), "\(usual.error)")
    let same = try CommandRun(ask + ["--pixels", "0:1"])
    #expect(same.error == "" && same.output == usual.output)
    #expect(try CommandRun(ask + ["--pixels", "-1:1"]).output != usual.output)
    let integer = try CommandRun(
      "evaluate", Place.digits.path, "--images", Self.digits("images.npy"), "--labels", Self.digits("labels.npy"), "--pixels",
      "0:1")
    #expect(integer.status == 64 && integer.error.contains("--pixels is about float networks alone"))
  }

  @Test("outputs are CSV where their file is called so, and refused where it is called otherwise")
  func csv() throws {
    let folder = try TemporaryFolder()
    let ask = ["simulate", Place.digits.path, "--input", Self.digits("images.npy"), "--output"]
    #expect(try CommandRun(ask + [folder.path("y.csv")]).status == 0)
    let expected = try NumPyArray(path: Self.digits("expected.npy"))
    let read = try NumPyArray.read(path: folder.path("y.csv"))
    #expect(read.shape == expected.shape && read.integers == expected.integers)
    let other = try CommandRun(ask + [folder.path("y.png")])
    #expect(other.status == 64 && other.error.contains("outputs are written as .npy or as CSV"), "\(other.error)")
  }

  @Test("more of the best than there are classes is said, not dropped")
  func topK() throws {
    let run = try CommandRun(
      "evaluate", Place.digits.path, "--images", Self.digits("images.npy"), "--labels", Self.digits("labels.npy"), "--top-k",
      "1,12")
    #expect(run.status == 64 && run.error.contains("--top-k is 12 of 10 classes"), "\(run.error)")
  }

  @Test("samples that are all misclassified end a search for radii as they end verify")
  func misclassified() throws {
    let folder = try TemporaryFolder()
    let wrong = try #require(try NumPyArray(path: Self.digits("labels.npy")).integers).map { ($0 + 1) % 10 }
    let labels = try folder.write(NumPyArray(wrong, shape: [wrong.count]).fileBytes, "y.npy")
    let ask = ["verify", Place.digits.path, "--images", Self.digits("images.npy"), "--labels", labels, "--samples", "0-1"]
    for question in [["--max-radius"], ["--epsilon", "1"]] {
      for options in [[], ["--allow-misclassified"]] {
        let run = try CommandRun(ask + question + options)
        #expect(run.status == 1, "\(question) \(options): \(run.output)\(run.error)")
      }
    }
  }

  @Test("names of classes come with the model, and a file of the user's goes before them")
  func classNames() throws {
    let folder = try TemporaryFolder()
    let model = Place.package.appending(path: "Tests/Networks/labelled.tflite").path
    #expect(try CommandRun("compile", model, "--output", folder.path("c")).status == 0)
    #expect(String(decoding: try folder.read("c/labelled_io.h"), as: UTF8.self).contains("\"seven\""))
    let ask = ["--images", Self.digits("images.npy"), "--labels", Self.digits("labels.npy")]
    let own = try CommandRun(["evaluate", model] + ask)
    #expect(own.status == 0 && own.output.contains("\nseven ") && own.error == "", "\(own.output)\(own.error)")
    let simulated = try CommandRun(
      "simulate", model, "--input", Self.digits("images.npy"), "--output", folder.path("y.npy"))
    #expect(simulated.output.hasPrefix("vector 0: class 7, seven\n"), "\(simulated.output)")

    let names = try folder.write(Array((0..<10).map { "n\($0)\n" }.joined().utf8), "names.txt")
    #expect(try CommandRun(["evaluate", model, "--class-names", names] + ask).output.contains("\nn7 "))
    // An archive that is cut short costs the names alone, and is said.
    let bytes = try Data(contentsOf: URL(filePath: model))
    let cut = try folder.write(Array(bytes.dropLast(40)), "cut.tflite")
    let run = try CommandRun("compile", cut, "--output", folder.path("d"))
    #expect(run.status == 0 && run.error.contains("warning: its metadata names the classes in \"labels.txt\", but"), "\(run.error)")
    #expect(!String(decoding: try folder.read("d/cut_io.h"), as: UTF8.self).contains("seven"))
  }

  @Test("names in the C that files of other names would give are said")
  func prefixes() throws {
    let folder = try TemporaryFolder()
    let bytes = Array(try Data(contentsOf: Place.digits))
    for (name, isTold) in [("a-b.tflite", true), ("a_b.tflite", false), ("größe.tflite", false)] {
      let run = try CommandRun("compile", try folder.write(bytes, name), "--output", folder.path("\(name).c"))
      #expect(run.status == 0 && run.output.contains("notice: names in the C start with a_b; ") == isTold, "\(run.output)")
    }
    let run = try CommandRun("compile", folder.path("a-b.tflite"), "--prefix", "p", "--output", folder.path("p"))
    #expect(!run.output.contains("names in the C"))
  }

  @Test("more files of samples than a network has inputs are wrong usage")
  func files() throws {
    let folder = try TemporaryFolder()
    let one = try CommandRun(
      "quantize", QuantizeCommandTests.path("dense.onnx"), "--to", "int8", "--calibration",
      QuantizeCommandTests.path("images.npy"), "--calibration", QuantizeCommandTests.path("images.npy"), "--output",
      folder.path("y.tflite"))
    #expect(one.status == 64 && one.error.contains("2 files of samples for 1 input"), "\(one.error)")
  }
}
