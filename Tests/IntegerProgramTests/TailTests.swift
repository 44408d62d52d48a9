import IntegerProgram
import Network
import Testing

/// What a network's results pass through outside integers is left to the caller.
@Suite struct TailTests {
  private func codes(_ name: String) -> Tensor {
    Tensor(name: name, shape: [1, 6], type: .int8, quantization: Quantization(scales: [0.1], zeroPoints: [2]))
  }
  private func reals(_ name: String, isConstant: Bool = false) -> Tensor {
    Tensor(
      name: name, shape: [1, 6], type: .float32,
      constant: isConstant ? Array(repeating: 0, count: 24) : nil)
  }
  private let relu = Operation(.unary(.relu), typeName: "RELU", inputs: [0], outputs: [1])

  @Test func `a detection head is cut off, and what it reads is the output`() throws {
    let head = Operation(
      .unsupported(reason: "custom"), typeName: "CUSTOM TFLite_Detection_PostProcess", inputs: [1, 0, 2],
      outputs: [3, 4])
    let network = Network(
      name: "detector",
      tensors: [codes("x"), codes("boxes"), reals("anchors", isConstant: true), reals("found"), reals("count")],
      operations: [relu, head], inputs: [0], outputs: [3, 4])
    let cut = network.leavingTailToCaller()
    #expect(cut.outputs == [1, 0])
    #expect(cut.operations.count == 1)
    let program = try IntegerProgram(lowering: network)
    #expect(program.outputs.count == 2)
    #expect(program.notices.count == 1)
    #expect(program.notices.first?.contains("TFLite_Detection_PostProcess") == true)
    #expect(program.notices.first?.contains("left to the caller") == true)
  }

  /// LiteRT's kernel reckons it in floating point; that of int8 is fixed-point arithmetic.
  @Test func `SOFTMAX of uint8 at the end is cut off, and DEQUANTIZE behind it, but not that of int8`() throws {
    func bytes(_ name: String, _ type: ElementType, _ scale: Float, _ zeroPoint: Int64) -> Tensor {
      Tensor(
        name: name, shape: [1, 6], type: type, quantization: Quantization(scales: [scale], zeroPoints: [zeroPoint]))
    }
    for isDequantized in [false, true] {
      var operations = [
        relu, Operation(.softmax(beta: 1), typeName: "SOFTMAX", inputs: [1], outputs: [2]),
        Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [2], outputs: [3]),
      ]
      if !isDequantized { operations.removeLast() }
      func program(_ type: ElementType, _ zeroPoint: Int64) throws -> IntegerProgram {
        try IntegerProgram(
          lowering: Network(
            name: "classes",
            tensors: [
              bytes("x", type, 0.1, zeroPoint + 130), bytes("logits", type, 0.1, zeroPoint + 128),
              bytes("p", type, 1.0 / 256, zeroPoint), reals("real"),
            ], operations: operations, inputs: [0], outputs: [isDequantized ? 3 : 2]))
      }
      let cut = try program(.uint8, 0)
      #expect(cut.values[cut.outputs[0]].name == "logits")
      #expect(cut.notices.contains { $0.contains("SOFTMAX") && $0.contains("left to the caller") })
      let whole = try program(.int8, -128)
      #expect(whole.values[whole.outputs[0]].name == "p")
    }
  }

  @Test func `functions of real numbers behind the last DEQUANTIZE are cut off, however many`() throws {
    let operations = [
      relu, Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [1], outputs: [2]),
      Operation(.unsupported(reason: "none"), typeName: "LOG_SOFTMAX", inputs: [2], outputs: [3]),
      Operation(.unsupported(reason: "none"), typeName: "NEG", inputs: [3], outputs: [4]),
    ]
    let network = Network(
      name: "tail", tensors: [codes("x"), codes("y"), reals("a"), reals("b"), reals("c")], operations: operations,
      inputs: [0], outputs: [4])
    let program = try IntegerProgram(lowering: network)
    #expect(program.values[program.outputs[0]].name == "y")
    #expect(program.notices == network.leavingTailToCaller().notices)
    #expect(program.notices.first?.contains("LOG_SOFTMAX, NEG") == true)
  }

  @Test func `what the network itself reads stays, and so does a network of real numbers alone`() {
    let inside = Network(
      name: "inside", tensors: [codes("x"), codes("y"), reals("a"), reals("b"), codes("z")],
      operations: [
        relu, Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [1], outputs: [2]),
        Operation(.unsupported(reason: "none"), typeName: "ERF", inputs: [2], outputs: [3]),
        Operation(.quantize, typeName: "QUANTIZE", inputs: [3], outputs: [4]),
      ], inputs: [0], outputs: [4])
    #expect(inside.leavingTailToCaller().operations.count == 4)
    let real = Network(
      name: "real", tensors: [reals("x"), reals("y")],
      operations: [Operation(.unary(.relu), typeName: "RELU", inputs: [0], outputs: [1])], inputs: [0], outputs: [1])
    #expect(real.leavingTailToCaller().operations.count == 1)
    #expect(real.leavingTailToCaller().notices.isEmpty)
  }

  @Test func `an input of indices has the bits that its table needs, and arithmetic on it leaves no step`() throws {
    func integers(_ name: String, _ shape: [Int], _ number: UInt8?) -> Tensor {
      Tensor(name: name, shape: shape, type: .int32, constant: number.map { [$0, 0, 0, 0] })
    }
    let table = Tensor(
      name: "table", shape: [5, 3], type: .int8, quantization: Quantization(scales: [0.1], zeroPoints: [0]),
      constant: (0..<15).map { UInt8($0 * 7) })
    var made = table
    (made.name, made.shape, made.constant) = ("rows", [2, 3], nil)
    // Negative indices count from the end, as exporters write it.
    let network = Network(
      name: "embedding",
      tensors: [
        integers("x", [2], nil), integers("zero", [], 0), integers("five", [], 5),
        Tensor(name: "isNegative", shape: [2], type: .boolean), integers("sum", [2], nil), integers("index", [2], nil),
        table, made,
      ],
      operations: [
        Operation(.compare(.less), typeName: "LESS", inputs: [0, 1], outputs: [3]),
        Operation(.add(.none), typeName: "ADD", inputs: [0, 2], outputs: [4]),
        Operation(.select, typeName: "SELECT", inputs: [3, 4, 0], outputs: [5]),
        Operation(.gather(axis: 0, batchDimensions: 0), typeName: "GATHER", inputs: [6, 5], outputs: [7]),
      ], inputs: [0], outputs: [7])
    let program = try IntegerProgram(lowering: network)
    #expect(program.values[program.inputs[0]].type == CodeType(bits: 3, isSigned: false))
    #expect(program.steps.allSatisfy { $0.source.type == "GATHER" })
    #expect(program.notices.first?.contains("0 to 4") == true)
  }
}
