import Evaluation
import Foundation
import Importers
import IntegerProgram
import Simulation
import Testing

@testable import lockstep

/// Networks as deployed on microcontrollers, against what TensorFlow Lite Micro's reference kernels return
/// for them.
@Suite(.enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent))
struct GoldenNetworkTests {
  static let names = [
    "ad01_int8", "hello_world_int8", "kws_ref_model", "micro_speech_quantized", "person_detect",
    "pretrainedResnet_quant", "vww_96_int8",
  ]

  private struct Golden {
    let program: IntegerProgram
    let input: InputVectors
    let folder: URL

    init(_ name: String, _ options: LoweringOptions = LoweringOptions()) throws {
      let model = Place.sharedData.appending(path: "models/\(name).tflite")
      program = try ModelFile(path: model.path).program(options)
      folder = Place.sharedData.appending(path: "golden/\(name)")
      input = try InputVectors(paths: [folder.appending(path: "input.npy").path], program: program)
    }
    func array(_ name: String) throws -> NumPyArray {
      try NumPyArray(path: folder.appending(path: name).path)
    }

    /// The network's outputs for all vectors, and every layer for the observed ones.
    func simulate(observing vectors: Set<Int> = []) async throws -> VectorRun.Part {
      try await VectorRun(simulator: Simulator(program), inputs: input, observed: vectors)
        .run(jobs: processorCount) { _ in }
    }
  }

  @Test("every output and every layer is TensorFlow Lite Micro's, byte for byte", arguments: names)
  func outputsAndLayers(name: String) async throws {
    let golden = try Golden(name)
    let vectors = try #require(golden.array("layers/vectors.npy").integers).map { Int($0) }
    let result = try await golden.simulate(observing: Set(vectors))
    #expect(try result.outputs[0].array(vectors: golden.input.count) == golden.array("output.npy"))

    var simulated: [Int: NumPyArray] = [:]
    for column in result.layers.values {
      if let tensor = column.value.tensor { simulated[tensor] = column.array(vectors: vectors.count) }
    }
    let files = Place.files(in: golden.folder.appending(path: "layers"), ending: ".npy").filter {
      $0.stem.hasPrefix("t")
    }
    #expect(files.count > golden.program.steps.count, "a file for the input and for each step")
    for file in files {
      let tensor = try #require(Int(file.stem.dropFirst()))
      let array = try #require(simulated[tensor], "tensor \(tensor) is made by a step")
      #expect(try array == NumPyArray(path: file.path), "tensor \(tensor)")
    }
  }

  @Test("scale products in single precision give what earlier releases of TensorFlow Lite Micro returned")
  func singlePrecisionScaleProduct() async throws {
    let golden = try Golden("ad01_int8", LoweringOptions(scaleProduct: .float32))
    let result = try await golden.simulate()
    #expect(
      try result.outputs[0].array(vectors: golden.input.count)
        == golden.array("output_float32_scale_product.npy"))
  }
}
