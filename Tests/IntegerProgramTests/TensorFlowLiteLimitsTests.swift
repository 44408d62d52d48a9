import IntegerProgram
import Network
import Simulation
import Testing

/// What TensorFlow Lite's operators take beyond their usual use, and what they do not.
@Suite struct TensorFlowLiteLimitsTests {
  private func codes(
    _ shape: [Int], scale: Float = 0.1, zeroPoint: Int64 = 3, _ constant: [Int8]? = nil
  ) -> Tensor {
    Tensor(
      name: "x", shape: shape, type: .int8, quantization: Quantization(scales: [scale], zeroPoints: [zeroPoint]),
      constant: constant?.map { UInt8(bitPattern: $0) })
  }
  private func integers(_ shape: [Int], _ numbers: [Int32]?) -> Tensor {
    Tensor(
      name: "k", shape: shape, type: .int32,
      constant: numbers?.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> Int32(8 * $0)) } })
  }
  private func reals(_ shape: [Int]) -> Tensor { Tensor(name: "r", shape: shape, type: .float32) }

  /// The program of one operation; the tensors without constants are inputs.
  private func program(
    _ type: String, _ kind: Operation.Kind, _ inputs: [Tensor], _ output: Tensor,
    _ change: (inout Operation) -> Void = { _ in }
  ) throws -> IntegerProgram {
    var operation = Operation(kind, typeName: type, inputs: inputs.indices.map { $0 }, outputs: [inputs.count])
    change(&operation)
    return try IntegerProgram(
      lowering: Network(
        name: "one", tensors: inputs + [output], operations: [operation],
        inputs: inputs.indices.filter { inputs[$0].constant == nil }, outputs: [inputs.count]))
  }

  @Test func `an input of indices takes the rows of its table and no other code`() throws {
    let table = (0..<10).map { Int8($0 * 23 - 110) }
    let program = try program(
      "GATHER", .gather(axis: 0, batchDimensions: 0), [codes([5, 2], table), integers([2], nil)], codes([2, 2]))
    #expect(program.values[program.inputs[0]].range == 0...4)
    #expect(program.values[program.inputs[0]].type.range == 0...7)
    #expect(program.notices.contains { $0.contains("0 to 4") })
    let simulator = Simulator(program)
    #expect(try simulator.run([[4, 1]]) == [[Int32(table[8]), Int32(table[9]), Int32(table[2]), Int32(table[3])]])
    #expect(throws: SimulationError.stray(input: 0, name: "k", element: 1, range: 0...4, found: 5)) {
      _ = try simulator.run([[4, 5]])
    }
    #expect(throws: (any Error).self) { _ = try ReferenceInterpreter(program).run([[4, 5]]) }
  }

  @Test(arguments: [[Int](), [0]]) func `a RESHAPE to no dimensions makes one element alone`(shape: [Int]) throws {
    #expect(throws: Never.self) {
      _ = try self.program("RESHAPE", .reshape(shape: shape), [self.codes([1, 1])], self.codes([]))
    }
    let error = #expect(throws: NetworkError.self) {
      _ = try self.program("RESHAPE", .reshape(shape: shape), [self.codes([2, 3])], self.codes([6]))
    }
    #expect(error?.description.contains("its requested shape [] is not its output's") == true)
  }

  @Test func `PRELU with a quantiser of its own is refused`() {
    let error = #expect(throws: NetworkError.self) {
      _ = try self.program(
        "PRELU", .parametricRelu, [self.codes([1, 2]), self.codes([2], [5, 9])], self.codes([1, 2])
      ) { $0.quantizer = Quantizer(rounding: .halfEven, clamp: -1...1, codes: -128...127) }
    }
    #expect(error?.description.contains("quantiser") == true)
  }

  @Test func `what may be zero is no divisor`() throws {
    let error = #expect(throws: NetworkError.self) {
      _ = try self.program("DIV", .divide(.none), [self.codes([2]), self.codes([2])], self.codes([2]))
    }
    #expect(error?.description.contains("its divisor may be zero") == true)
    let several = try program("DIV", .divide(.none), [codes([2, 2]), codes([2], [9, -40])], codes([2, 2], scale: 0.02))
    #expect(several.steps.count == 2)
    // 0.1 / 4.3 is less than half a tenth: the reference would shift by more than 31 places.
    let small = #expect(throws: NetworkError.self) {
      _ = try self.program("DIV", .divide(.none), [self.codes([2, 2]), self.codes([2], [9, -40])], self.codes([2, 2]))
    }
    #expect(small?.description.contains("undefined") == true)
  }

  @Test func `a quotient of real numbers is a table of pairs of codes`() throws {
    let operations = [
      Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [0], outputs: [2]),
      Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [1], outputs: [3]),
      Operation(.divide(.none), typeName: "DIV", inputs: [2, 3], outputs: [4]),
      Operation(.quantize, typeName: "QUANTIZE", inputs: [4], outputs: [5]),
    ]
    let program = try IntegerProgram(
      lowering: Network(
        name: "quotient", tensors: [codes([3]), codes([1]), reals([3]), reals([1]), reals([3]), codes([3], scale: 0.5)],
        operations: operations, inputs: [0, 1], outputs: [5]))
    #expect(program.steps.count == 2)
    #expect(program.notices.contains { $0.contains("0 / 0") })
    guard case .lookup(let lookup) = program.steps[1].operation else {
      Issue.record("the second step is no table")
      return
    }
    #expect(lookup.table.count == 1 << 16)
    // 1.7 / 0.8, in halves: codes 20 and 11.
    #expect(lookup.table[(20 + 128) * 256 + 11 + 128] == 3 + 4)
  }
}
