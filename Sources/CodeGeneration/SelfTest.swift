import IntegerProgram

/// What a generated self-test checks: a few inputs that both sides can make from nothing (calls in a row from the initial
/// states, where there are states), the outputs the simulator
/// gives for them, and for one of them a hash of every step's output, which names the first step that differs.
public struct SelfTest: Sendable {
  /// All lowest codes, all highest, all zero points, then seeded noise.
  public static let vectorCount = 6
  /// The vector whose steps are hashed: the first noise.
  public static let hashedVector = 3

  /// [vector][output][code]
  public var outputs: [[[Int32]]]
  /// One hash for each step of the program.
  public var stepHashes: [UInt32]

  public init(outputs: [[[Int32]]], stepHashes: [UInt32]) {
    self.outputs = outputs
    self.stepHashes = stepHashes
  }

  /// The codes of each network input in one of the vectors.
  public static func inputs(of program: IntegerProgram, vector: Int) -> [[Int32]] {
    var state = UInt32(2_463_534_242) &+ UInt32(vector)
    return program.callInputs.map { index in
      let value = program.values[index]
      let (low, high) = (Int32(value.range.lowerBound), Int32(value.range.upperBound))
      return (0..<value.count).map { _ in
        switch vector {
        case 0: return low
        case 1: return high
        case 2: return value.zeroPoint
        default:
          // Marsaglia's xorshift32
          state ^= state << 13
          state ^= state >> 17
          state ^= state << 5
          return low + Int32((state >> 8) % UInt32(high - low + 1))
        }
      }
    }
  }

  /// FNV-1a, 32 bits, over the bytes of codes as they lie in memory.
  public static func hash(_ codes: [Int32], bytesPerCode: Int) -> UInt32 {
    var hash: UInt32 = 2_166_136_261
    for code in codes {
      for byte in 0..<bytesPerCode {
        hash = (hash ^ (UInt32(bitPattern: code) >> UInt32(8 * byte) & 0xFF)) &* 16_777_619
      }
    }
    return hash
  }
}
