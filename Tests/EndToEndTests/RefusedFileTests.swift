import Foundation
import Importers
import IntegerProgram
import Network
import Testing

@testable import lockstep

/// What is said of files that hold no network to compile, and of networks as people bring them.
@Suite struct RefusedFileTests {
  private func message(_ bytes: [UInt8], _ path: String) -> String {
    do {
      _ = try ModelFile(bytes: bytes, path: path).program(LoweringOptions())
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test(
    "files of Keras and PyTorch are known by what they hold, whatever they are called",
    arguments: [
      ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A], "", "HDF5", "from_keras_model"),
      ([0x50, 0x4B, 0x03, 0x04], "metadata.json config.json model.weights.h5", ".keras", "from_keras_model"),
      ([0x50, 0x4B, 0x03, 0x04], "model/data.pkl model/version", "PyTorch", "torch.onnx.export"),
      ([0x50, 0x4B, 0x03, 0x04], "model.tflite", "ZIP archive", "unpack"),
      ([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46], "", "pickle", "torch.onnx.export"),
    ])
  func foreign(start: [UInt8], rest: String, what: String, remedy: String) {
    let bytes = start + Array(rest.utf8)
    for path in ["model.tflite", "model.onnx", "model.bin"] {
      let message = message(bytes, path)
      #expect(message.contains(what) && message.contains(remedy), "\(message)")
    }
  }

  @Test(
    "a file is told what it is once, and not layer by layer",
    .enabled(if: Place.hasSharedData, Place.sharedDataIsAbsent),
    arguments: [
      ("flows/cnn.float16", "float16 weights"), ("flows/cnn.dynamic", "dynamic range"),
      ("flows/dscnn.float", "this is a float network:"),
    ])
  func wholeFiles(name: String, what: String) throws {
    let path = Place.sharedData.appending(path: "reports/\(name).tflite").path
    let message = message(try InputFile.bytes(path: path, limit: 1 << 20), path)
    #expect(message.contains(what), "\(message)")
    #expect(message.components(separatedBy: "→").count == 2, "one remedy: \(message)")
  }

  @Test("what no output depends on may be of any shape and type, and weights may lie behind the tables")
  func reports() throws {
    guard Place.hasSharedData else { return }
    func program(_ name: String) throws -> IntegerProgram {
      try ModelFile(path: Place.sharedData.appending(path: "reports/\(name).tflite").path).program(LoweringOptions())
    }
    // The same network, its weights in the tables and behind them.
    #expect(try program("B2_weights_behind_tables").digest == program("B8_zero_size_unused").digest)
    for name in [
      "B1_keras_reshape_open_batch", "B1b_shape_pack_smallest", "flows/dscnn.int8", "flows/tutorial_seq.int8",
    ] {
      let program = try program(name)
      #expect(program.notices.contains { $0.contains("leaves the batch of its input") })
      #expect(!program.steps.contains { ["SHAPE", "STRIDED_SLICE", "PACK"].contains($0.source.type) })
    }
    #expect(try program("B9_transposed_constant_weights").steps.count == 1)
  }
}
