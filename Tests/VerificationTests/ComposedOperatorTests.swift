import Arithmetic
import DifferentialTesting
import IntegerProgram
import Network
import Testing

@testable import Certificates
@testable import Verification

/// Operators that are lowered to several steps, or to moves that repeat and turn round: ranges and bounds against every
/// point of small boxes.
@Suite struct ComposedOperatorTests {
  private static func tensor(
    _ name: String, _ shape: [Int], scale: Float = 0.5, zeroPoint: Int64 = 0, codes: [Int8]? = nil
  ) -> Tensor {
    Tensor(
      name: name, shape: shape, type: .int8, quantization: Quantization(scales: [scale], zeroPoints: [zeroPoint]),
      constant: codes?.map { UInt8(bitPattern: $0) })
  }

  private static func integers(_ name: String, _ integers: [Int32]) -> Tensor {
    Tensor(
      name: name, shape: [integers.count], type: .int32,
      constant: integers.flatMap { integer in (0..<4).map { UInt8(truncatingIfNeeded: integer >> Int32(8 * $0)) } })
  }

  /// A slope for each channel, one of them negative.
  private static let prelu = Network(
    name: "prelu",
    tensors: [
      tensor("x", [1, 1, 1, 3], zeroPoint: -2), tensor("slopes", [3], scale: 0.01, codes: [30, -90, 127]),
      tensor("y", [1, 1, 1, 3], scale: 0.4, zeroPoint: 5),
    ],
    operations: [Operation(.parametricRelu, typeName: "PRELU", inputs: [0, 1], outputs: [2])], inputs: [0], outputs: [2])

  /// What is enlarged, mirrored, taken apart, turned round and joined again.
  private static let movement = Network(
    name: "movement",
    tensors: [
      tensor("x", [1, 1, 3, 1]), integers("size", [2, 5]), tensor("large", [1, 2, 5, 1]),
      integers("amounts", [0, 0, 0, 1, 2, 2, 0, 0]),
      tensor("mirrored", [1, 3, 9, 1]), integers("axis", [2]), tensor("a", [1, 3, 3, 1]), tensor("b", [1, 3, 3, 1]),
      tensor("c", [1, 3, 3, 1]), integers("axes", [1]), tensor("turned", [1, 3, 3, 1]), tensor("sum", [1, 3, 3, 1]),
      tensor("packed", [2, 1, 3, 3, 1]),
    ],
    operations: [
      Operation(
        .resizeNearest(NearestNeighbor(alignsCorners: false, hasHalfPixelCenters: true)),
        typeName: "RESIZE_NEAREST_NEIGHBOR", inputs: [0, 1], outputs: [2]),
      Operation(.mirrorPad(repeatsEdge: false), typeName: "MIRROR_PAD", inputs: [2, 3], outputs: [4]),
      Operation(.split, typeName: "SPLIT", inputs: [5, 4], outputs: [6, 7, 8]),
      Operation(.reverse, typeName: "REVERSE_V2", inputs: [8, 9], outputs: [10]),
      Operation(.add(.none), typeName: "ADD", inputs: [6, 10], outputs: [11]),
      Operation(.pack(axis: 0), typeName: "PACK", inputs: [11, 7], outputs: [12]),
    ], inputs: [0], outputs: [12])

  /// A chain of functions of real values, which is one table.
  private static let island = Network(
    name: "island",
    tensors: [
      tensor("x", [1, 3], scale: 0.25), Tensor(name: "real", shape: [1, 3], type: .float32),
      Tensor(name: "square", shape: [1, 3], type: .float32), Tensor(name: "sine", shape: [1, 3], type: .float32),
      tensor("y", [1, 3], scale: 0.1),
    ],
    operations: [
      Operation(.dequantize, typeName: "DEQUANTIZE", inputs: [0], outputs: [1]),
      Operation(.unary(.real(.square)), typeName: "SQUARE", inputs: [1], outputs: [2]),
      Operation(.unary(.real(.sine)), typeName: "SIN", inputs: [2], outputs: [3]),
      Operation(.quantize, typeName: "QUANTIZE", inputs: [3], outputs: [4]),
    ], inputs: [0], outputs: [4])

  @Test(
    "ranges hold every code of every point, and no bound lies under a point's value",
    arguments: [(prelu, -6...3), (movement, -3...4), (island, -5...5)] as [(Network, ClosedRange<Int32>)])
  func enumerated(network: Network, range: ClosedRange<Int32>) throws {
    let program = try IntegerProgram(lowering: network)
    let bounded = try BoundedProgram(program)
    let box = Array(repeating: range, count: 3)
    let instance = Instance(bounded, box: box)
    let ranges = bounded.ranges(over: box)
    let traces = instance.points.map { Trace(program, $0) }
    #expect(traces.count == range.count * range.count * range.count)
    for trace in traces { #expect(trace.stray(from: ranges) == nil) }
    // The ranges of single codes are no wider than what the box leads to.
    for output in program.outputs {
      for element in 0..<program.values[output].count {
        let codes = traces.map { $0.codes[output][element] }
        #expect(ranges.low[output][element] <= codes.min() ?? 0 && ranges.high[output][element] >= codes.max() ?? 0)
      }
    }

    var random = SeededGenerator(seed: 7)
    var compared = 0
    for _ in 0..<200 {
      let functional = instance.functional(&random, in: ranges)
      var source = RandomMultipliers(bounded, random)
      _ = random.next()
      guard let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &source),
        let most = traces.map({ $0.value(of: functional) }).max()
      else { continue }
      compared += 1
      #expect(most <= Int128(bound.value))
    }
    #expect(compared > 50)
  }
}
