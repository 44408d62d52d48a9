import Evaluation
import Foundation
import Importers
import IntegerProgram
import Network
import Simulation
import Testing

@testable import lockstep

/// ONNX models against what ONNX Runtime (QDQ, QLinear) and QONNX's own executor return for them. `Tests/ONNX/README.md`
/// says how they are made.
@Suite struct ONNXCorpusTests {
  @Test("QONNX's codes, and ONNX Runtime's but beside ties")
  func supported() throws {
    let corpus = try OperatorCorpus.onnx.get()
    #expect(corpus.models.count >= 1_259)
    var (elements, differing) = (0, 0)
    for model in corpus.models {
      do {
        let result = try compare(model)
        elements += result.elements
        differing += result.differing
      } catch {
        Issue.record("\(model.stem): \(error)")
      }
    }
    print("\(elements) codes of ONNX models compared, \(differing) differ, all beside ties")
    #expect(differing * 1000 < elements)
  }

  /// Holds every code to the reference. A code may differ where the model has a file of ties, by no more than that says: by
  /// one where the real value lies beside a tie and the reference rounds in single precision, and behind such values by
  /// what comes of that.
  private func compare(_ model: URL) throws -> (elements: Int, differing: Int) {
    let stem = model.deletingPathExtension().path
    let program = try ModelFile(path: model.path).program(LoweringOptions())
    let inputs = try InputVectors(paths: program.inputs.indices.map { "\(stem).input\($0).npy" }, program: program)
    let reference = try NumPyArray(path: "\(stem).output0.npy")
    if let reals = reference.elements(0..<reference.count, as: Double.self) { return try compare(program, inputs, reals, stem) }
    let ties = try? NumPyArray(path: "\(stem).ties0.npy")
    let count = program.values[program.outputs[0]].count
    #expect(program.outputs.count == 1 && reference.count == inputs.count * count, "\(model.stem)")
    let simulator = Simulator(program)
    var differing = 0
    for vector in 0..<inputs.count {
      let part = vector * count..<(vector + 1) * count
      let codes = try simulator.run(inputs.codes(vector))[0]
      let expected = try #require(reference.integers(part))
      let isTie = ties.flatMap { $0.integers(part) }
      for element in 0..<count where Int64(codes[element]) != expected[element] {
        differing += 1
        let isExplained = abs(Int64(codes[element]) - expected[element]) <= isTie?[element] ?? 0
        #expect(
          isExplained,
          "\(model.stem): vector \(vector), element \(element) is \(codes[element]), not \(expected[element])")
        if !isExplained { return (part.upperBound, differing) }
      }
    }
    return (reference.count, differing)
  }

  /// Real outputs, of networks that end without a quantiser: no code is more than half of one off, but for the last bit
  /// of its scale.
  private func compare(
    _ program: IntegerProgram, _ inputs: InputVectors, _ reals: [Double], _ stem: String
  ) throws -> (elements: Int, differing: Int) {
    let output = program.values[program.outputs[0]]
    #expect(program.outputs.count == 1 && reals.count == inputs.count * output.count, "\(stem)")
    if stem.contains("/accumulators_") { #expect(output.type == .int32, "\(stem)") }
    let simulator = Simulator(program)
    for vector in 0..<inputs.count {
      for (element, code) in try simulator.run(inputs.codes(vector))[0].enumerated() {
        let expected = reals[vector * output.count + element] / Double(output.scale) + Double(output.zeroPoint)
        let isNear = abs(Double(code) - expected) <= 0.501 + abs(expected) * 0x1p-23
        #expect(isNear, "\(stem): vector \(vector), element \(element) is \(code), not \(expected)")
        if !isNear { return (vector * output.count, 1) }
      }
    }
    return (reals.count, 0)
  }

  @Test(
    "what is not supported is refused, with the reason and the remedy",
    arguments: [
      ("bits_17", "16 bits are the most"),
      ("bits_2_5", "bit width is 2.5"),
      ("blocks", "blocks"), ("concat_bomb", "behind the first Concat"), ("constant_bomb", "nodes read and make"),
      ("huge_shape", "more than"), ("cut_short", "cut short"),
      ("divided_by_codes", "its divisor may be zero"), ("dynamic", "quantize_static"),
      ("external_data", "another file"), ("float_function", "put a quantiser between MatMul and it"),
      ("float_input", "behind the input"),
      ("float_weights", "put Quant behind"),
      ("half_up_of_signed", "depends on the sign"),
      ("old_opset", "opset 13 to 21"), ("open_shape", "only the batch, axis 0, may be open"),
      ("recurrent", "lockstep quantize"), ("scale_zero", "must be positive"),
      ("scales_per_channel", "only weights"),
      ("unknown_domain", "example.custom"),
      ("unknown_operator", "--operators"), ("unknown_rounding", "STOCHASTIC"),
      ("zero_point_outside", "no code of int4"), ("all_float", "lockstep quantize"),
      ("sixteen_conv_real_bias_int16_int16", "no integer step gives the codes"), ("sixteen_softmax_int16_int16", "over 4096 entries"),
      ("torch16_corners_old_qdq_open", "no sums of 16-bit codes"), ("torch16_corners_new_qdq_fixed", "no sums of 16-bit codes"),
      ("torch16_transformer_old_qdq_open", "over 4096 entries"), ("torch16_transformer_new_qdq_fixed", "over 4096 entries"),
      ("torch16_lstm_old_qdq_open", "lockstep quantize"),
      ("resize_cubic", "its mode is cubic"), ("resize_too_fine", "no sums of 16-bit codes"),
      ("resize_behind_function", "between Elu and it"), ("large_integers", "up to 53 bits"),
      ("compared_tensors", "no function of one tensor"),
      ("torch_lstm_old_qdq_fixed", "lockstep quantize"),
      ("torch_lstm_old_qlinear_open", "lockstep quantize"), ("input_twice", "in a second way"),
      ("many_faults", "7 faults"), ("hidden_faults", "3 faults"), ("hidden_quant_faults", "5 faults"),
    ])
  func unsupported(name: String, reason: String) throws {
    let corpus = try OperatorCorpus.onnx.get()
    #expect(corpus.unsupported.count == 43, "each has a reason here")
    let model = try #require(corpus.unsupported.first { $0.stem == name })
    let error = #expect(throws: FileError.self) {
      _ = try ModelFile(path: model.path).program(LoweringOptions())
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "no error")")
  }

  @Test("a mode that rounds down takes any scale, exactly")
  func floorOfGeneralScale() throws {
    let corpus = try OperatorCorpus.onnx.get()
    let model = try #require(corpus.unsupported.first { $0.stem == "floor_of_general_scale" })
    let simulator = Simulator(try ModelFile(path: model.path).program(LoweringOptions()))
    for code in Int32(-128)...127 {
      // The weights are the identity: the quotient of two scales, which no code brings within 2^-20 of an integer but 0.
      let expected = Int32((Double(code) * 0.25 / Double(Float(0.3))).rounded(.down))
      #expect(try simulator.run([[code, code, code, code]])[0] == Array(repeating: max(-128, expected), count: 4))
    }
  }

  @Test(
    "the C of models of every kind gives the simulator's codes",
    arguments: [
      ("qonnx", 9), ("qdq", 9), ("network", 9), ("wide", 9), ("exact", 30), ("torch", 13), ("brevitas", 4), ("accumulators", 2),
      ("resizebetween", 5), ("where", 2), ("row", 9),
      ("sixteen", 15),
    ])
  func generatedCode(kind: String, each: Int) throws {
    let models = try OperatorCorpus.onnx.get().models.filter { $0.stem.hasPrefix(kind) }
    for model in models.enumerated().filter({ $0.offset % each == 0 }).map(\.element) {
      let run = try CommandRun("difftest", model.path, "--random", "8")
      #expect(run.status == 0, "\(model.stem): \(run.output)\(run.error)")
    }
  }
}
