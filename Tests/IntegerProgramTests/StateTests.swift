import Network
import Simulation
import Testing

@testable import IntegerProgram

/// What one run leaves for the next.
@Suite struct StateTests {
  private static func codes(_ name: String, _ shape: [Int], scale: Float = 0.1, zeroPoint: Int64 = -128) -> Tensor {
    Tensor(
      name: name, shape: shape, type: .int8, quantization: Quantization(scales: [scale], zeroPoints: [zeroPoint]))
  }
  private static func state(_ name: String, _ read: Int, _ written: Int, _ initial: [Int8]) -> NetworkState {
    NetworkState(name: name, read: read, written: written, initial: initial.map { UInt8(bitPattern: $0) })
  }

  /// A delay line of two places: y = a, a = b, b = x.
  private static let delay = Network(
    name: "delay", tensors: [codes("x", [2]), codes("a", [2]), codes("b", [2]), codes("y", [2])],
    operations: [Operation(.reshape(shape: [2]), typeName: "RESHAPE", inputs: [1], outputs: [3])],
    inputs: [0, 1, 2], outputs: [3, 2, 0], states: [state("a", 1, 2, [1, 2]), state("b", 2, 0, [3, 4])])

  /// y = s = max(s, x): a state that only grows.
  private static func largest(initial: Int8) -> Network {
    Network(
      name: "largest", tensors: [codes("x", [1]), codes("s", [1]), codes("y", [1])],
      operations: [Operation(.maximum, typeName: "MAXIMUM", inputs: [0, 1], outputs: [2])],
      inputs: [0, 1], outputs: [2, 2], states: [state("s", 1, 2, [initial])])
  }

  @Test("a delay line gives back what came two calls ago, and its initial codes before")
  func delayLine() throws {
    var calls = CallSequence(Simulator(try IntegerProgram(lowering: Self.delay)))
    let given: [[Int32]] = [[10, 11], [20, 21], [30, 31], [40, 41]]
    let made = try given.map { try calls.call([$0])[0] }
    #expect(made == [[1, 2], [3, 4], [10, 11], [20, 21]])
    #expect(calls.states == [[30, 31], [40, 41]])
    calls.reset()
    #expect(try calls.call([[0, 0]]) == [[1, 2]])
  }

  @Test("what a state was is returned as it was, though the run leaves something else where it lay")
  func oldContent() throws {
    var network = Self.delay
    network.operations = []
    network.tensors.removeLast()
    network.outputs = [1, 2, 2, 0]
    var calls = CallSequence(Simulator(try IntegerProgram(lowering: network)))
    #expect(try calls.call([[10, 11]]) == [[1, 2], [3, 4]])
    #expect(try calls.call([[20, 21]]) == [[3, 4], [10, 11]])
  }

  @Test("the proved range of a state is what it starts with and what runs leave, and no more")
  func invariant() throws {
    let program = try IntegerProgram(lowering: Self.delay)
    #expect(program.statesAreInvariant && program.callInputs.count == 1 && program.callOutputs.count == 1)
    // y = s = relu6(s + x), at a scale where 6 is code −98.
    let bounded = Network(
      name: "bounded",
      tensors: [
        Self.codes("x", [1]), Self.codes("s", [1], scale: 0.2), Self.codes("y", [1], scale: 0.2),
      ],
      operations: [Operation(.add(.relu6), typeName: "ADD", inputs: [0, 1], outputs: [2])], inputs: [0, 1],
      outputs: [2, 2], states: [Self.state("s", 1, 2, [-100])])
    let narrow = try IntegerProgram(lowering: bounded)
    #expect(narrow.values[narrow.states[0].read].range == -128...(-98))
    #expect(narrow.statesAreInvariant)
    var broken = narrow
    broken.states[0].initial = [5]
    #expect(!broken.statesAreInvariant)
  }

  @Test("what a state starts with is part of the program, and programs without states keep their digests")
  func digest() throws {
    let programs = try [3, 4].map { try IntegerProgram(lowering: Self.largest(initial: $0)) }
    #expect(programs[0].digest != programs[1].digest)
    var stateless = programs[0]
    stateless.states = []
    #expect(stateless.digest != programs[0].digest)
  }

  @Test("calls in a row are one program without states, whose output is the last call's")
  func unrolled() throws {
    let program = try IntegerProgram(lowering: Self.delay)
    var calls = CallSequence(Simulator(program))
    var given: [Int32] = []
    for count in 1...4 {
      let codes: [Int32] = [Int32(10 * count), Int32(10 * count + 1)]
      given += codes
      let expected = try calls.call([codes])
      let unrolled = program.unrolled(calls: count)
      #expect(unrolled.isWellFormed && unrolled.states.isEmpty && unrolled.values[unrolled.inputs[0]].shape == [count, 2])
      #expect(try Simulator(unrolled).run([given]) == expected)
      #expect(try ReferenceInterpreter(unrolled).run([given]) == expected)
    }
  }

  @Test("variables that make no sense are refused by name")
  func refused() {
    func reason(_ change: (inout Network) -> Void) -> String {
      var network = Self.largest(initial: 0)
      change(&network)
      do {
        _ = try network.validate()
        _ = try IntegerProgram(lowering: network)
        return "accepted"
      } catch {
        return "\(error)"
      }
    }
    #expect(reason { _ in } == "accepted")
    #expect(reason { $0.states[0].initial = [1, 2] }.contains("\"s\" starts with 2 bytes"))
    #expect(reason { $0.states[0].read = 0 }.contains("do not end with"))
    #expect(reason { $0.tensors[1].shape = [2] }.contains("\"s\" is read as int8 of shape [2]"))
    #expect(reason { $0.inputs = [1]; $0.operations[0].inputs = [1, 1] }.contains("no input"))
    #expect(reason { $0.tensors[1].type = .float32; $0.states[0].initial = [0, 0, 0, 0] }.contains("\"s\""))
  }
}
