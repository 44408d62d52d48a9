import IntegerProgram
import Simulation

/// Inputs to run both sides on: for each vector, the codes of each network input.
public struct TestVectors: Sendable {
  public var vectors: [[[Int32]]]

  public init(_ vectors: [[[Int32]]]) { self.vectors = vectors }

  /// What the caller gives in calls in a row, beside the states that the calls before leave.
  public init(calls: [[[Int32]]], of program: IntegerProgram) throws {
    var sequence = CallSequence(Simulator(program))
    vectors = try calls.map { inputs in
      let vector = inputs + sequence.states
      _ = try sequence.call(inputs)
      return vector
    }
  }

  /// `count` seeded vectors for a program: first the extremes (all lowest, all highest, all zero points, a mix of lowest
  /// and highest), then by turns uniform noise, noise near the zero point, and sparse extremes.
  public static func random(for program: IntegerProgram, count: Int, seed: UInt64) -> TestVectors {
    var generator = SeededGenerator(seed: seed)
    return TestVectors(
      (0..<count).map { index in
        program.inputs.map { input in
          let value = program.values[input]
          return (0..<value.count).map { _ in code(value, vector: index, &generator) }
        }
      })
  }

  /// One seeded vector of uniform noise: for each input, its codes.
  public static func noise(for program: IntegerProgram, seed: UInt64) -> [[Int32]] {
    var generator = SeededGenerator(seed: seed)
    return program.inputs.map { input in
      let value = program.values[input]
      return (0..<value.count).map { _ in code(value, vector: 6, &generator) }
    }
  }

  private static func code(_ value: Value, vector: Int, _ generator: inout SeededGenerator) -> Int32 {
    let (low, high) = (Int(value.range.lowerBound), Int(value.range.upperBound))
    switch vector {
    case 0: return Int32(low)
    case 1: return Int32(high)
    case 2: return min(max(value.zeroPoint, Int32(low)), Int32(high))
    case 3: return Int32(generator.chance(0.5) ? low : high)
    default:
      switch vector % 3 {
      case 0: return Int32(generator.integer(in: low...high))
      case 1:
        let near = Int(value.zeroPoint) + generator.integer(in: -9...9)
        return Int32(min(max(near, low), high))
      default:
        return generator.chance(0.1)
          ? Int32(generator.chance(0.5) ? low : high) : min(max(value.zeroPoint, Int32(low)), Int32(high))
      }
    }
  }
}
