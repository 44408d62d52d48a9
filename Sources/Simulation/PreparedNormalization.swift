import Arithmetic
import IntegerProgram

/// Rows brought to length 1.
struct PreparedNormalization: PreparedStep {
  let normalization: Normalization
  let from, to: Place

  func run(in memory: UnsafeMutableRawPointer) {
    let depth = normalization.depth
    for row in 0..<normalization.rows {
      var sum: Int32 = 0
      for index in row * depth..<(row + 1) * depth { sum &+= normalization.square(from.code(index, in: memory)) }
      let root = InverseSquareRoot(of: sum)
      for index in row * depth..<(row + 1) * depth {
        to.store(normalization.code(from.code(index, in: memory), root), at: index, in: memory)
      }
    }
  }
}
