import IntegerProgram
import Network
import Testing

@testable import CodeGeneration

/// A state that moves on by some places at each call.
@Suite struct RingBufferTests {
  /// ring = ring[dropped...] and x behind it; y = max(ring, 0).
  private func program(rows: Int, dropped: Int) throws -> IntegerProgram {
    let codes = Quantization(scales: [0.1], zeroPoints: [3])
    func tensor(_ name: String, _ rows: Int) -> Tensor {
      Tensor(name: name, shape: [1, rows, 4], type: .int8, quantization: codes)
    }
    func numbers(_ name: String, _ numbers: [Int]) -> Tensor {
      Tensor(
        name: name, shape: [numbers.count], type: .int32,
        constant: numbers.flatMap { [UInt8($0), 0, 0, 0] })
    }
    let network = Network(
      name: "ring",
      tensors: [
        tensor("x", dropped), tensor("ring", rows), numbers("begin", [0, dropped, 0]), numbers("end", [1, rows, 4]),
        numbers("step", [1, 1, 1]), tensor("rest", rows - dropped), tensor("new", rows), tensor("y", rows),
      ],
      operations: [
        Operation(
          .stridedSlice(SliceMasks(begin: 0, end: 0, ellipsis: 0, newAxis: 0, shrinkAxis: 0, isOffset: false)),
          typeName: "STRIDED_SLICE", inputs: [1, 2, 3, 4], outputs: [5]),
        Operation(.concatenation(axis: 1, .none), typeName: "CONCATENATION", inputs: [5, 0], outputs: [6]),
        Operation(.unary(.relu), typeName: "RELU", inputs: [6], outputs: [7]),
      ], inputs: [0, 1], outputs: [7, 6],
      states: [NetworkState(name: "ring", read: 1, written: 6, initial: Array(repeating: 3, count: 4 * rows))])
    return try IntegerProgram(lowering: network)
  }

  @Test("moves on where it lies, with no copy in between", arguments: [(8, 1), (8, 3), (5, 4)])
  func inPlace(rows: Int, dropped: Int) throws {
    let program = try program(rows: rows, dropped: dropped)
    #expect(program.steps.count == 2)
    let plan = MemoryPlan(program)
    let state = program.states[0]
    #expect(plan.offset(ofValue: state.read) == plan.offset(ofValue: state.written))
    #expect(plan.blocks.map(\.size).sorted() == [4 * dropped, 4 * rows, 4 * rows].sorted())
  }

  /// Which distances are safe, by writing and reading place by place.
  @Test("a move may reach as far into its input as no place is lost")
  func distances() throws {
    func move(_ sizes: [Int], from source: Int, _ sourceStrides: [Int], to target: Int, _ targetStrides: [Int]) -> Move.Copy {
      Move.Copy(
        operand: 0, sizes: sizes, sourceStart: source, sourceStrides: sourceStrides, targetStart: target,
        targetStrides: targetStrides)
    }
    let moves = [
      [move([6], from: 2, [1], to: 0, [1])], [move([6], from: 0, [1], to: 2, [1])],
      [move([2, 3], from: 0, [1, 2], to: 0, [3, 1])], [move([4], from: 3, [-1], to: 0, [1])],
      [move([3], from: 5, [1], to: 0, [1]), move([3], from: 0, [1], to: 3, [1])],
    ]
    for copies in moves {
      let type = CodeType.int8
      func value(_ count: Int) -> Value { Value(name: "v", tensor: nil, shape: [count], type: type, scale: 1, zeroPoint: 0) }
      let (inputCount, outputCount) = (8, 8)
      let step = Step(
        .move(Move(copies: copies)), source: Step.Source(index: 0, type: "MOVE", name: ""), inputs: [0], output: 1)
      let program = IntegerProgram(
        name: "move", values: [value(inputCount), value(outputCount)], steps: [step], inputs: [0], outputs: [1])
      let least = try #require(StepOverlap.distance(of: step, input: 0, in: program))
      func isRight(_ distance: Int) -> Bool {
        // Both lie in one memory, the output so far below the input.
        let base = 64
        var memory = [Int](repeating: -1, count: 256)
        for place in 0..<inputCount { memory[base + place] = place }
        var expected = [Int: Int]()
        for copy in copies { visit(copy) { expected[$1] = $0 } }
        for copy in copies { visit(copy) { memory[base - distance + $1] = memory[base + $0] } }
        return expected.allSatisfy { memory[base - distance + $0.key] == $0.value }
      }
      for distance in least..<least + 20 { #expect(isRight(distance), "\(copies), \(distance)") }
    }
  }

  private func visit(_ copy: Move.Copy, _ body: (_ source: Int, _ target: Int) -> Void) {
    for number in 0..<copy.count {
      var (rest, source, target) = (number, copy.sourceStart, copy.targetStart)
      for axis in copy.sizes.indices.reversed() {
        let index = rest % copy.sizes[axis]
        rest /= copy.sizes[axis]
        source += index * copy.sourceStrides[axis]
        target += index * copy.targetStrides[axis]
      }
      body(source, target)
    }
  }
}
