import Evaluation
import Exporters
import Foundation
import Importers
import IntegerProgram
import Network
import Quantization
import Simulation
import Testing

@testable import lockstep

/// Float networks of `Tests/FloatNetworks`: what they make of samples against ONNX Runtime or TensorFlow Lite, and how far
/// the same networks in int8 are from that. `Tests/FloatNetworks/README.md` says how they are made.
@Suite struct FloatCorpusTests {
  /// How a network in int8 compares with the reference, over all samples and outputs.
  struct Closeness {
    /// Of the float network, in single precision: largest difference over the largest value of the output.
    var float = 0.0
    /// The ratio of signal to quantisation noise, in decibels.
    var signalToNoise = Double.infinity
    /// The share of elements within four 255ths of what the output spans.
    var share = 1.0
    /// The share of samples whose largest output is the reference's.
    var sameClass = 1.0
  }

  /// At these the smallest rounding of an input moves some results by much.
  private static let jumps = [
    "ceil", "floor", "round", "where", "xor", "logical", "sign", "shrink", "threshold", "condition", "truth",
  ]

  @Test(arguments: ["onnx", "tflite"])
  func `an operator of real numbers comes within a few codes of its reference`(format: String) throws {
    let folder = try unpacked("\(format).tar.gz")
    let models = Place.files(in: folder.url, ending: ".\(format)")
    #expect(models.count >= (format == "onnx" ? 250 : 35))
    for model in models {
      do {
        let found = try closeness(model)
        #expect(found.float < 1e-4, "\(model.stem): the float network differs by \(found.float)")
        #expect(found.share > 0.93, "\(model.stem): \(found.share) of the elements are near")
        guard !Self.jumps.contains(where: { model.stem.contains($0) }) else { continue }
        #expect(found.signalToNoise > 28, "\(model.stem): \(found.signalToNoise) dB")
      } catch {
        Issue.record("\(model.stem): \(error)")
      }
    }
  }

  /// Transformers, a vision transformer, convolutional networks of all kinds, embeddings.
  @Test func `networks as PyTorch exports them keep their answers in int8`() throws {
    let folder = try unpacked("torch.tar.gz")
    let models = Place.files(in: folder.url, ending: ".onnx")
    #expect(models.count >= 15)
    for model in models {
      do {
        let found = try closeness(model)
        #expect(found.float < 1e-4, "\(model.stem): the float network differs by \(found.float)")
        #expect(found.signalToNoise > 20, "\(model.stem): \(found.signalToNoise) dB")
        #expect(found.sameClass > 0.8, "\(model.stem): \(found.sameClass) of the classes are the same")
      } catch {
        Issue.record("\(model.stem): \(error)")
      }
    }
  }

  /// LSTM, GRU and RNN of ONNX; those of Keras, one operator with state or a loop.
  @Test func `recurrent layers are written out moment by moment, and keep near what they make`() throws {
    let folder = try unpacked("recurrent.tar.gz")
    let models = Place.files(in: folder.url, ending: ".onnx") + Place.files(in: folder.url, ending: ".tflite")
    #expect(models.count >= 80)
    for (number, model) in models.enumerated() {
      do {
        let found = try closeness(model)
        #expect(found.float < 1e-4, "\(model.stem): the float network differs by \(found.float)")
        #expect(found.signalToNoise > 26, "\(model.stem): \(found.signalToNoise) dB")
        // Of fixed point a part of them, in turn.
        guard number % 4 == 0, model.pathExtension == "onnx", !Self.apart.contains(model.stem) else { continue }
        for (bits, least) in [(8, 24.0), (14, 55)] {
          let target = QuantizationTarget.fixedPoint(weightBits: bits, activationBits: bits)
          let found = try closeness(model, target)
          #expect(found.signalToNoise > least, "\(model.stem): \(found.signalToNoise) dB in \(bits) bits")
        }
      } catch {
        Issue.record("\(model.stem): \(error)")
      }
    }
  }

  /// Indices that are cast, or looked up in a list first, choose the same rows.
  @Test func `indices that are cast or looked up, and sums of several tensors`() throws {
    let folder = try unpacked("indices.tar.gz")
    let models = Place.files(in: folder.url, ending: ".tflite")
    #expect(models.count >= 7)
    for model in models {
      do {
        let found = try closeness(model)
        #expect(found.float < 1e-4, "\(model.stem): the float network differs by \(found.float)")
        #expect(found.signalToNoise > 26, "\(model.stem): \(found.signalToNoise) dB")
      } catch {
        Issue.record("\(model.stem): \(error)")
      }
    }
  }

  /// Functions that are no formulas of QONNX.
  private static let apart = ["lstm_functions"]

  private func unpacked(_ archive: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.unpack(Place.package.appending(path: "Tests/FloatNetworks/\(archive)"))
    return folder
  }

  private func closeness(_ model: URL, _ target: QuantizationTarget = .int8) throws -> Closeness {
    let float = try FloatModelFile(path: model.path).network
    func path(_ role: String, _ index: Int) -> String {
      model.deletingPathExtension().path + ".\(role)\(index).npy"
    }
    let samples = try FloatSamples(paths: float.inputTensors.indices.map { path("input", $0) }, for: float)
    let references = try float.outputTensors.indices.map { index -> [Float] in
      let array = try NumPyArray(path: path("output", index))
      return try #require(array.elements(0..<array.count, as: Float.self))
    }
    var seen = Calibration(samples: samples.count)
    var found = Closeness()
    let spans = references.map { Double(max($0.max() ?? 0, 0) - min($0.min() ?? 0, 0)) }
    for sample in 0..<samples.count {
      for (output, made) in try seen.add(samples.reals(sample), to: float).enumerated() {
        for (place, real) in made.enumerated() {
          let difference = abs(Double(real - references[output][sample * made.count + place]))
          found.float = max(found.float, difference / max(spans[output], 1e-9))
        }
      }
    }
    let quantized = try float.quantized(to: target, calibration: seen, inputs: samples.inputs)
    // What is written is what is meant.
    let program = try IntegerProgram(
      lowering: target == .int8
        ? TFLite.network(from: TFLite.bytes(of: quantized), name: quantized.name)
        : ONNX.network(from: ONNX.bytes(of: ONNX.normalForm(of: quantized)), name: quantized.name))
    let simulator = Simulator(program)
    let codes = try samples.codes(for: program)
    var (signal, noise, near, elements, same) = (0.0, 0.0, 0, 0, 0)
    for sample in 0..<samples.count {
      for (output, made) in try simulator.run(codes.map { $0.codes(sample) }).enumerated() {
        let value = program.values[program.outputs[output]]
        let expected = references[output][sample * made.count..<(sample + 1) * made.count].map { Double($0) }
        let reals = made.map { Double(value.scale) * Double($0 - value.zeroPoint) }
        for (real, wanted) in zip(reals, expected) {
          signal += wanted * wanted
          noise += (real - wanted) * (real - wanted)
          if abs(real - wanted) <= 4 * spans[output] / 255 { near += 1 }
          elements += 1
        }
        if output == 0, Self.largest(reals) == Self.largest(expected) { same += 1 }
      }
    }
    found.signalToNoise = noise == 0 ? .infinity : 10 * log10(signal / noise)
    found.share = Double(near) / Double(max(elements, 1))
    found.sameClass = Double(same) / Double(max(samples.count, 1))
    return found
  }

  private static func largest(_ list: [Double]) -> Int { list.indices.max { list[$0] < list[$1] } ?? -1 }
}
