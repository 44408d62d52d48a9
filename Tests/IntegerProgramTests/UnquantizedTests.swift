import IntegerProgram
import Network
import Testing

/// What is said of networks that are not quantised.
@Suite struct UnquantizedTests {
  private func message(_ operators: [(name: String, kind: Operation.Kind)]) -> String {
    let network = Network(
      name: "float",
      tensors: (0...operators.count).map { Tensor(name: "t\($0)", shape: [1, 4], type: .float32) },
      operations: operators.enumerated().map { index, made in
        Operation(made.kind, typeName: made.name, inputs: [index], outputs: [index + 1])
      }, inputs: [0], outputs: [operators.count])
    do {
      _ = try IntegerProgram(lowering: network)
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test func `a float network is sent to quantize, but not with operators that nothing makes integers of`() {
    let some = message([("RELU", .unary(.relu)), ("CUSTOM FlexErf", .unsupported(reason: "it is TensorFlow's own"))])
    #expect(some.contains("by operators that have no integer form here: CUSTOM FlexErf"), "\(some)")
    #expect(some.contains("end it in front of them, and then quantise it"), "\(some)")
    let none = message([("RELU", .unary(.relu))])
    #expect(none.contains("→ `lockstep quantize` makes an int8 network of it"), "\(none)")
  }
}
