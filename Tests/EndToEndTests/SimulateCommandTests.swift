import Foundation
import Importers
import Testing

@Suite struct SimulateCommandTests {
  private static let images = Place.package.appending(path: "Examples/digits/images.npy").path
  private static let expected = Place.package.appending(path: "Examples/digits/expected.npy").path

  private func simulate(_ input: String, _ folder: TemporaryFolder, _ options: [String] = []) throws
    -> CommandRun
  {
    try CommandRun(
      ["simulate", Place.digits.path, "--input", input, "--output", folder.path("y.npy")] + options)
  }
  private func bytes(_ path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: path))) }

  @Test(
    "the bundled network's outputs are the reference's, and the file is what NumPy writes", arguments: [1, 3])
  func bundled(jobs: Int) throws {
    let folder = try TemporaryFolder()
    let run = try simulate(Self.images, folder, ["--jobs", "\(jobs)"])
    #expect(run.status == 0)
    #expect(run.output == "" && run.error == "")
    #expect(try folder.read("y.npy") == bytes(Self.expected))
    #expect(try folder.names == ["y.npy"], "no partial file is left")
  }

  @Test("reals, wider integers and other byte orders of the same inputs give the same outputs")
  func inputForms() throws {
    let folder = try TemporaryFolder()
    let codes = try #require(try NumPyArray(path: Self.images).integers)
    let shape = try NumPyArray(path: Self.images).shape
    // The digits' input has scale 1/255 as single precision rounds it, and zero point −128.
    let reals = codes.map { Float($0 + 128) * 0.003921569 }
    let forms: [(String, NumPyArray)] = [
      ("int64", NumPyArray(codes, shape: shape)),
      ("int16", NumPyArray(codes.map { Int16($0) }, shape: shape)),
      ("float32", NumPyArray(reals, shape: shape)),
      ("float64", NumPyArray(reals.map { Double($0) }, shape: shape)),
      ("batch kept", NumPyArray(codes, shape: [shape[0], 1] + shape.dropFirst())),
    ]
    for (name, array) in forms {
      let run = try simulate(folder.write(array.fileBytes, "x.npy"), folder)
      #expect(run.status == 0, "\(name): \(run.error)")
      #expect(try folder.read("y.npy") == bytes(Self.expected), "\(name)")
    }
  }

  @Test("one input without the vectors' axis is one vector", arguments: [[28, 28, 1], [1, 28, 28, 1]])
  func oneVector(shape: [Int]) throws {
    let folder = try TemporaryFolder()
    let images = try NumPyArray(path: Self.images)
    let first = NumPyArray(try #require(images.elements(0..<784, as: Int8.self)), shape: shape)
    #expect(try simulate(folder.write(first.fileBytes, "x.npy"), folder).status == 0)
    let output = try NumPyArray(path: folder.path("y.npy"))
    #expect(output.shape == [1, 10])
    #expect(try output.integers == NumPyArray(path: Self.expected).integers(0..<10))
  }

  @Test("bad inputs end with status 65, say where, and leave an earlier output alone")
  func badInputs() throws {
    let folder = try TemporaryFolder()
    try folder.write("earlier".utf8, "y.npy")
    var codes = [Int32](repeating: 0, count: 2 * 784)
    codes[784 + 5] = 128
    var reals = [Float](repeating: 0, count: 784)
    reals[3] = .nan
    let cases: [(reason: String, bytes: [UInt8])] = [
      (
        "vector 1, element 5 is 128, outside int8, -128 … 127",
        NumPyArray(codes, shape: [2, 28, 28, 1]).fileBytes
      ),
      ("vector 0, element 3 is not a number", NumPyArray(reals, shape: [28, 28, 1]).fileBytes),
      ("[vectors, 28, 28, 1] is expected", NumPyArray(reals, shape: [28, 28]).fileBytes),
      ("holds no vectors", NumPyArray([Int8](), shape: [0, 28, 28, 1]).fileBytes),
      ("magic string", Array("not an array".utf8)),
    ]
    for (reason, bytes) in cases {
      let path = try folder.write(bytes, "x.npy")
      let run = try simulate(path, folder)
      #expect(run.status == 65)
      #expect(run.error.hasPrefix("error: \(path): ") && run.error.contains(reason), "\(run.error)")
    }
    #expect(try folder.read("y.npy") == Array("earlier".utf8))
    #expect(try folder.names == ["x.npy", "y.npy"])
  }

  @Test("an output that cannot be written is an error that names it")
  func unwritable() throws {
    let folder = try TemporaryFolder()
    for output in [folder.path("missing/y.npy"), folder.url.path] {
      let run = try CommandRun("simulate", Place.digits.path, "--input", Self.images, "--output", output)
      #expect(run.status == 65)
      #expect(run.error.hasPrefix("error: \(output): "), "\(run.error)")
    }
    #expect(try folder.names.isEmpty)
  }

  @Test("--layers writes every tensor of the chosen vectors")
  func layers() throws {
    let folder = try TemporaryFolder()
    let run = try simulate(
      Self.images, folder, ["--layers", folder.path("layers"), "--layer-vectors", "0,4-5"])
    #expect(run.status == 0, "\(run.error)")
    func layer(_ name: String) throws -> NumPyArray {
      try NumPyArray(path: folder.path("layers/\(name).npy"))
    }
    #expect(try layer("vectors") == NumPyArray([Int64(0), 4, 5], shape: [3]))
    // The input, tensor 0, and the output of each of 14 operations.
    #expect(Place.files(in: folder.url.appending(path: "layers"), ending: ".npy").count == 1 + 14 + 1)
    let images = try NumPyArray(path: Self.images)
    #expect(try layer("t0").shape == [3, 28, 28, 1])
    #expect(try layer("t0").integers(784..<1568) == images.integers(4 * 784..<5 * 784))
    let expected = try NumPyArray(path: Self.expected)
    #expect(try layer("t33").integers(20..<30) == expected.integers(50..<60))
  }

  @Test("several inputs are given in order, and their numbers of vectors must agree")
  func severalInputs() throws {
    let folder = try TemporaryFolder()
    let corpus = try OperatorCorpus.unpacked.get().folder
    let model = "sub_broadcast_channel"
    let inputs = [
      "--input", corpus.path("\(model).input0.npy"), "--input", corpus.path("\(model).input1.npy"),
    ]
    let output = ["--output", folder.path("y.npy")]
    let run = try CommandRun(["simulate", corpus.path("\(model).tflite")] + inputs + output)
    #expect(run.status == 0, "\(run.error)")
    #expect(
      try NumPyArray(path: folder.path("y.npy")).integers
        == NumPyArray(path: corpus.path("\(model).output0.npy")).integers)

    let one = try CommandRun(["simulate", corpus.path("\(model).tflite")] + inputs.prefix(2) + output)
    #expect(one.status == 64)
    #expect(one.error.contains("--input is given 1 time; the network needs it 2 times"), "\(one.error)")
  }

  @Test("what is read is not written over, by whatever name; --reset is refused where nothing is kept")
  func outputsApart() throws {
    let folder = try TemporaryFolder()
    let corpus = try OperatorCorpus.unpacked.get().folder
    let model = corpus.path("sub_broadcast_channel.tflite")
    let given = try (0..<2).map { index in
      try folder.write(try Data(contentsOf: corpus.url.appending(path: "sub_broadcast_channel.input\(index).npy")), "x\(index).npy")
    }
    try FileManager.default.createSymbolicLink(atPath: folder.path("link.npy"), withDestinationPath: given[0])
    let before = try folder.read("x0.npy")
    let ask = ["simulate", model] + given.flatMap { ["--input", $0] }
    for output in [given[0], folder.path("link.npy")] {
      let run = try CommandRun(ask + ["--output", output])
      #expect(run.status == 65 && run.error.contains("\(output): is read by this very command"), "\(run.error)")
      #expect(try folder.read("x0.npy") == before)
    }
    let reset = try CommandRun(ask + ["--output", folder.path("y.npy"), "--reset"])
    #expect(reset.status == 64 && reset.error.contains("--reset is about networks that keep variables"), "\(reset.error)")
  }
}
