import Arithmetic
import IntegerProgram
import Testing

@testable import Simulation

/// An addition of two int8 tensors as TensorFlow Lite prepares it.
private func addition(
  _ kind: Combine.Kind, _ left: (scale: Double, zero: Int32), _ right: (scale: Double, zero: Int32),
  _ output: (scale: Double, zero: Int32), clamp: ClosedRange<Int64> = -128...127, count: Int = 1
) throws -> Combine {
  let twice = 2 * max(left.scale, right.scale)
  let leftShift = 20
  return try Combine(
    kind: kind, shape: [count],
    left: Combine.Operand(
      zeroPoint: left.zero, multiplier: #require(Multiplier(left.scale / twice)), strides: [1]),
    right: Combine.Operand(
      zeroPoint: right.zero, multiplier: #require(Multiplier(right.scale / twice)), strides: [1]),
    leftShift: leftShift,
    requantization: Requantization(
      multipliers: [#require(Multiplier(twice / (Double(1 << leftShift) * output.scale)))], rounding: .double,
      zeroPoint: output.zero, clamp: clamp))
}

@Suite struct LinearSums {
  @Test(arguments: 0..<20) func additionsOfAllPairsOfCodesAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    func quantization() -> (scale: Double, zero: Int32) {
      (Double(generator.int(10...3000)) / 10_000, Int32(generator.int(-128...127)))
    }
    let (left, right) = (quantization(), quantization())
    let output = (scale: left.scale + right.scale, zero: Int32(generator.int(-100...100)))
    let combine = try addition(generator.bool() ? .sum : .difference, left, right, output, count: 65536)
    let all = (0..<65536).map { Int32($0) }
    let inputs = [all.map { ($0 >> 8) - 128 }, all.map { ($0 & 255) - 128 }]
    let program = program(
      .combine(combine), operands: [(65536, .int8, nil), (65536, .int8, nil)], output: (65536, .int8))
    #expect(try Simulator(program).run(inputs) == ReferenceInterpreter(program).run(inputs))
  }

  @Test func additionsOfResidualNetworksHaveTheShortForm() throws {
    let combine = try addition(.sum, (0.0412, -128), (0.0397, 4), (0.0505, -128))
    let storage = Storage(.int8)
    #expect(LinearSum(combine, left: storage, right: storage, output: storage) != nil)
  }

  @Test func productsHaveNoShortForm() throws {
    let combine = try addition(.product, (0.04, 0), (0.04, 0), (0.05, 0))
    let storage = Storage(.int8)
    #expect(LinearSum(combine, left: storage, right: storage, output: storage) == nil)
  }
}
