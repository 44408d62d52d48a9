import Foundation
import Testing

@Suite struct InspectCommandTests {
  /// The documented part of the JSON.
  private struct Report: Decodable {
    struct Tensor: Decodable {
      var name: String
      var tensor: Int?
      var shape: [Int]
      var type: String
      var scale: Double
      var zeroPoint: Int
      var range: [String: Int]
    }
    struct Accumulator: Decodable { var lowest, highest, bits: Int }
    struct Requantization: Decodable {
      var rounding: String
      var multipliers, lowestExponent, highestExponent: Int
    }
    struct Layer: Decodable {
      var index: Int
      var `operator`: String
      var name: String
      var step: String?
      var output: Tensor?
      var multiplyAccumulates, weights, parameterBytes: Int
      var accumulator: Accumulator?
      var requantization: Requantization?
    }
    struct Total: Decodable { var layers, multiplyAccumulates, weights, parameterBytes, arena: Int }
    var format, name: String
    var inputs, outputs: [Tensor]
    var layers: [Layer]
    var total: Total
  }

  private func report(_ model: URL) throws -> Report {
    let run = try CommandRun("inspect", model.path, "--json")
    #expect(run.status == 0)
    #expect(run.error == "")
    return try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
  }

  @Test("the JSON of the bundled network says what its walk-through says")
  func json() throws {
    let report = try report(Place.digits)
    #expect(report.format == "lockstep-inspect-1")
    #expect(report.name == "digits")
    #expect(report.inputs.map(\.shape) == [[1, 28, 28, 1]])
    #expect(report.inputs.map(\.zeroPoint) == [-128])
    #expect(report.outputs.map(\.shape) == [[1, 10]])
    #expect(report.outputs.map(\.scale) == [1.0 / 256])
    #expect(report.layers.map(\.operator).first == "CONV_2D")
    #expect(report.layers.count == 14)
    #expect(report.total.multiplyAccumulates == 197_584)
    #expect(report.total.weights == 4912)
    #expect(report.total.parameterBytes == 4912 + 4 * 138)
    #expect(report.total.arena > 784)
    let stem = try #require(report.layers.first)
    #expect(stem.output?.shape == [1, 14, 14, 8])
    #expect(stem.requantization?.multipliers == 8)
    #expect(stem.requantization?.rounding == "tflite-double")
    let accumulator = try #require(stem.accumulator)
    #expect(accumulator.lowest >= -1 << (accumulator.bits - 1))
    #expect(accumulator.highest < 1 << (accumulator.bits - 1))
    #expect(
      max(-accumulator.lowest - 1, accumulator.highest) >= 1 << (accumulator.bits - 2), "no bit too many")
  }

  @Test("totals are the sums of the layers", arguments: [Place.digits] + Place.sharedModels)
  func totals(model: URL) throws {
    let report = try report(model)
    #expect(report.total.layers == report.layers.count)
    #expect(report.total.multiplyAccumulates == report.layers.reduce(0) { $0 + $1.multiplyAccumulates })
    #expect(report.total.weights == report.layers.reduce(0) { $0 + $1.weights })
    #expect(report.total.parameterBytes == report.layers.reduce(0) { $0 + $1.parameterBytes })
  }

  @Test("every model of the corpus is inspected, operations outside the program included")
  func boundary() throws {
    let corpus = try OperatorCorpus.unpacked.get()
    let model = try #require(corpus.models.first { $0.stem == "quantize_dequantize_round_trip" })
    let report = try report(model)
    #expect(report.layers.contains { $0.step == nil && $0.operator == "DEQUANTIZE" })
    #expect(try CommandRun("inspect", model.path).output.contains("outside the program"))
  }

  @Test("the table and the list of operators print")
  func text() throws {
    let table = try CommandRun("inspect", Place.digits.path)
    #expect(table.status == 0)
    #expect(table.output.contains("197,584 multiply-accumulates"))
    #expect(table.output.contains("DEPTHWISE_CONV_2D"))
    let operators = try CommandRun("inspect", "--operators")
    #expect(operators.status == 0)
    #expect(operators.output.contains("HARD_SWISH"))
  }

  @Test("a Softmax or ArgMax that is left to the caller is said wherever the network is shown")
  func notices() throws {
    let corpus = try OperatorCorpus.onnx.get()
    for (stem, type) in [("softmax_8", "Softmax"), ("argmax_10", "ArgMax")] {
      let model = try #require(corpus.models.first { $0.stem == stem })
      struct Report: Decodable { var notices: [String] }
      let json = try CommandRun("inspect", model.path, "--json").output
      let notice = try #require(JSONDecoder().decode(Report.self, from: Data(json.utf8)).notices.first)
      #expect(notice.hasPrefix("the \(type) in front of the output \"") && notice.contains("left to the caller"))
      #expect(try CommandRun("inspect", model.path).output.contains("\nnotice  \(notice)\n"))
      let folder = try TemporaryFolder()
      let compiled = try CommandRun("compile", model.path, "--output", folder.url.appending(path: "c").path)
      #expect(compiled.output.contains("\nnotice: \(notice)\n"))
      let header = try String(contentsOf: folder.url.appending(path: "c/\(stem).h"), encoding: .utf8)
      #expect(header.replacing("\n * ", with: " ").contains("/* Notice: \(notice)."))
    }
    let json = try CommandRun("inspect", Place.digits.path, "--json").output
    #expect(json.contains("\"notices\": []"))
  }
}
