import Exporters
import Foundation
import Importers
import IntegerProgram
import Network
import Testing

/// Whatever is exported is imported again as the same program.
@Suite struct ExporterTests {
  static let tflite =
    [Place.package.appending(path: "Examples/digits/digits.tflite")] + Place.files(in: Place.shared, ending: ".tflite")
  static let onnx =
    Place.files(in: Place.package.appending(path: "Tests/Networks"), ending: ".onnx")
    + Place.files(in: Place.shared, ending: ".onnx")

  static func bytes(_ network: Network) throws -> [UInt8] {
    try network.format == .onnx ? ONNX.bytes(of: network) : TFLite.bytes(of: network)
  }

  /// Exports, imports, and holds the digests to each other; and what is exported of the import, to the first bytes.
  static func requireRoundTrip(_ network: Network) throws {
    let bytes = try bytes(network)
    let back =
      try network.format == .onnx
      ? ONNX.network(from: bytes, name: network.name) : TFLite.network(from: bytes, name: network.name)
    #expect(try IntegerProgram(lowering: back).digest == IntegerProgram(lowering: network).digest, "\(network.name)")
    if network.format == .tensorFlowLite { #expect(try self.bytes(back) == bytes, "\(network.name)") }
    #expect(try self.bytes(network) == bytes, "equal networks give equal bytes")
  }

  @Test(arguments: tflite + onnx)
  func `a network as deployed comes back as the same program`(file: URL) throws {
    try Self.requireRoundTrip(Place.network(file))
  }

  @Test func `every file of the operator corpus comes back as the same program`() throws {
    let corpus = try Place.corpus("Tests/Operators/operators.tar.gz", ending: ".tflite")
    #expect(corpus.count >= 1000)
    for (name, network) in corpus {
      do { try Self.requireRoundTrip(network) } catch { Issue.record("\(name): \(error)") }
    }
  }

  @Test func `all QONNX files of the corpus come back, and of others those that QONNX can say`() throws {
    let corpus = try Place.corpus("Tests/ONNX/models.tar.gz", ending: ".onnx")
    var exported = 0
    for (name, network) in corpus {
      do {
        try Self.requireRoundTrip(network)
        exported += 1
      } catch let error as NetworkError {
        // A layer is named; or the file could not be what it is to say: QONNX is reckoned exactly, and the multipliers of
        // QDQ are single precision's.
        #expect(
          error.issues.allSatisfy { $0.index != nil || $0.reason.contains("would not be read again") }
            && !name.hasPrefix("qonnx_"), "\(name): \(error)")
      }
    }
    #expect(exported >= 85, "\(exported) of \(corpus.count)")
  }

  @Test func `a convolutional fixed-point network comes back, its tensors under their names`() throws {
    let network = FixedPoint.convolutional()
    try Self.requireRoundTrip(network)
    let back = try ONNX.network(from: ONNX.bytes(of: network), name: "made")
    #expect(back.tensors[back.inputs[0]].name == "pixels" && back.tensors[back.inputs[0]].shape == [1, 12, 12, 3])
    #expect(["first", "second", "average", "scores"].allSatisfy { name in back.tensors.contains { $0.name == name } })
  }

  @Test(arguments: [
    FixedPoint.dense(), FixedPoint.dense(bias: [3, -70_000]), FixedPoint.dense(reals: [0.125, -1.0 / 3]),
    FixedPoint.dense(scales: [0.3, 0.07]), FixedPoint.dense(bias: [5, 6], scales: [0.1, 0.2]),
    FixedPoint.dense(quantizer: FixedPoint.signed(8, .ceiling), outputZeroPoint: 3),
    FixedPoint.dense(quantizer: FixedPoint.signed(8, .halfEven), outputZeroPoint: -5),
    FixedPoint.dense(
      quantizer: Quantizer(rounding: .floor, roundsZeroPoint: true, clamp: -1...1.5, codes: -127...127)),
  ])
  func `dense layers with every bias, rounding and bound come back`(network: Network) throws {
    try Self.requireRoundTrip(network)
  }

  private func fault(_ network: Network) -> String {
    do {
      _ = try Self.bytes(network)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func `what QONNX cannot say is refused, and the layer named`() {
    var plain = FixedPoint.signed(8, .halfEven)
    plain.roundsZeroPoint = false
    var odd = FixedPoint.signed(8, .halfEven)
    odd.codes = -100...100
    for (network, reason) in [
      (FixedPoint.dense(quantizer: plain, outputZeroPoint: 3), "rounds (ROUND) before it adds the zero point 3"),
      (FixedPoint.dense(inputs: [1, 2, 3, 1]), "put a reshape to [batch, 6] in front of it"),
      (FixedPoint.dense(activation: .relu), "fused activation relu"),
      (FixedPoint.dense(quantizer: odd), "neither all of int8 nor the narrow range"),
      (FixedPoint.dense(bias: [1 << 24 + 1, 0]), "up to 24 bits are exact"),
      (FixedPoint.dense(scales: [0.5, 0.5]), "equal scales"),
    ] {
      let message = fault(network)
      #expect(message.contains("layer 0 Gemm \"y\"") && message.contains(reason), "\(message)")
    }
  }

  @Test func `what .tflite cannot say is refused, and the layer named`() throws {
    var network = FixedPoint.dense()
    #expect(throws: NetworkError.self) { try TFLite.bytes(of: network) }
    network.format = .tensorFlowLite
    #expect(fault(network).contains("layer 0 Gemm \"y\": it has a quantiser of its own"))
    #expect(throws: NetworkError.self) { try ONNX.bytes(of: network) }

    var digits = try Place.network(Self.tflite[0])
    guard case .conv2D(var window, let activation) = digits.operations[0].kind else { return }
    window.padding = .explicit(top: 2, left: 0, bottom: 0, right: 0)
    digits.operations[0].kind = .conv2D(window, activation)
    #expect(fault(digits).contains("layer 0 CONV_2D") && fault(digits).contains("put a PAD in front of it"))
  }

  @Test func `names of classes are kept in the metadata, and change nothing else`() throws {
    let names = (0..<10).map { "class \($0)" } + []
    let odd = ["a \"quoted\"", "back\\slash", "tab\tulated", "Größe", "", "x", "y", "z", "0", "last"]
    for file in [Self.tflite[0], Self.onnx[0]] {
      let network = try Place.network(file)
      for list in [names, odd] {
        let bytes =
          try network.format == .onnx
          ? ONNX.bytes(of: network, classNames: list) : TFLite.bytes(of: network, classNames: list)
        #expect(ModelClassNames(of: bytes).lists.map(\.names) == [list], "\(file.lastPathComponent)")
        let back =
          try network.format == .onnx
          ? ONNX.network(from: bytes, name: "x") : TFLite.network(from: bytes, name: "x")
        #expect(try IntegerProgram(lowering: back).digest == IntegerProgram(lowering: network).digest)
      }
      #expect(ModelClassNames(of: try Self.bytes(network)).lists.isEmpty)
    }
    // Of no output's number of classes: they are no output's.
    let digits = try Place.network(Self.tflite[0])
    #expect(try TFLite.bytes(of: digits, classNames: ["one", "two"]) == TFLite.bytes(of: digits))
  }

  @Test func `explicit padding that comes to SAME is written so, and biases get their scales`() throws {
    var digits = try Place.network(Self.tflite[0])
    let digest = try IntegerProgram(lowering: digits).digest
    guard case .conv2D(var window, let activation) = digits.operations[0].kind else { return }
    #expect(window.padding == .same)
    // 28 rows by strides of 2 with a window of 3: one row at the bottom.
    window.padding = .explicit(top: 0, left: 0, bottom: 1, right: 1)
    digits.operations[0].kind = .conv2D(window, activation)
    let bias = try #require(digits.operations[0].inputs[2])
    digits.tensors[bias].quantization = nil
    let back = try TFLite.network(from: TFLite.bytes(of: digits), name: "digits")
    #expect(try IntegerProgram(lowering: back).digest == digest)
    let input = try #require(digits.tensors[digits.inputs[0]].quantization).scales[0]
    let weights = try #require(digits.operations[0].inputs[1].flatMap { digits.tensors[$0].quantization }).scales
    #expect(back.tensors[bias].quantization?.scales == weights.map { input * $0 })
  }
}
