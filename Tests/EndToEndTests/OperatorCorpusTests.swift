import Evaluation
import Foundation
import Importers
import IntegerProgram
import Network
import Simulation
import Testing

@testable import lockstep

/// Models of single operators, with many shapes and quantisations, against what TensorFlow Lite Micro's
/// reference kernels return for them. `Tests/Operators/README.md` says how they are made.
@Suite struct OperatorCorpusTests {
  @Test("every operator gives TensorFlow Lite Micro's codes, with all its shapes and quantisations")
  func supported() throws {
    let corpus = try OperatorCorpus.unpacked.get()
    #expect(corpus.models.count > 1000)
    for model in corpus.models {
      do {
        if let difference = try difference(model) { Issue.record("\(model.stem): \(difference)") }
      } catch {
        Issue.record("\(model.stem): \(error)")
      }
    }
  }

  /// Where the simulation of a model's vectors first differs from the reference; nil where it nowhere does.
  private func difference(_ model: URL) throws -> String? {
    let program = try ModelFile(path: model.path).program(LoweringOptions())
    func path(_ role: String, _ index: Int) -> String {
      model.deletingPathExtension().path + ".\(role)\(index).npy"
    }
    let inputs = try InputVectors(paths: program.callInputs.indices.map { path("input", $0) }, program: program)
    let references = try program.callOutputs.indices.map { try NumPyArray(path: path("output", $0)) }
    // The vectors of a network that keeps state are calls in a row.
    var calls = CallSequence(Simulator(program))
    for vector in 0..<inputs.count {
      for (output, codes) in try calls.call(inputs.codes(vector)).enumerated() {
        let value = program.values[program.outputs[output]]
        let part = vector * value.count..<(vector + 1) * value.count
        let expected = try #require(
          Self.codes(references[output], part, value), "the reference is of another type")
        guard let element = codes.indices.first(where: { Int64(codes[$0]) != expected[$0] }) else { continue }
        return
          "vector \(vector), output \(output), element \(element) is \(codes[element]), not \(expected[element])"
      }
    }
    for (reference, output) in zip(references, program.callOutputs) {
      let count = inputs.count * program.values[output].count
      if reference.count != count { return "the reference has \(reference.count) elements, not \(count)" }
    }
    return nil
  }

  /// The reference's elements as codes. Dequantised outputs are brought back: each float is that of just one
  /// code, or is given as one that no code has.
  private static func codes(_ reference: NumPyArray, _ part: Range<Int>, _ value: Value) -> [Int64]? {
    if let integers = reference.integers(part) { return integers }
    return reference.elements(part, as: Float.self)?.map { real in
      let code = Int64((real / value.scale).rounded()) + Int64(value.zeroPoint)
      return value.scale * Float(code - Int64(value.zeroPoint)) == real ? code : Int64.max
    }
  }

  @Test(
    "what is not supported is refused, with the reason",
    arguments: [
      ("conv_2d_float32", "lockstep quantize"),
      ("custom_operator", "CUSTOM ExampleOp"), ("dynamic_shape", "[1, -1, 4]"),
      ("file_cut_short", "cut short"),
      ("fully_connected_hybrid", "int8 weights"), ("fully_connected_sparse_weights", "sparse"),
      ("if_branches", "control flow"),
      ("variable_tensor", "variable"),
      ("weights_shorter_than_their_shape", "17 bytes"), ("while_loop", "control flow"),
    ])
  func unsupported(name: String, reason: String) throws {
    let model = try #require(try OperatorCorpus.unpacked.get().unsupported.first { $0.stem == name })
    let bytes = try InputFile.bytes(path: model.path, limit: 1 << 20)
    let error = #expect(throws: NetworkError.self) {
      _ = try IntegerProgram(lowering: TFLite.network(from: bytes, name: name))
    }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "no error")")
  }

  @Test("inspect --operators lists just the operators of the corpus")
  func operatorList() throws {
    let corpus = try OperatorCorpus.unpacked.get()
    let used = try Set(
      corpus.models.flatMap { model in
        try TFLite.network(from: InputFile.bytes(path: model.path, limit: 1 << 20), name: model.stem).operations
          .map(\.typeName)
      })
    #expect(used == Set((SupportedOperator.all + SupportedOperator.onConstants).map(\.name)).subtracting(["SELECT"]))
    #expect(corpus.unsupported.count == 17, "each has a reason above, or is supported by now")
  }
}
