import Arithmetic
import IntegerProgram

/// Rows brought to length 1, or to mean 0 and variance 1.
struct PreparedNormalization: PreparedStep {
  let normalization: Normalization
  let from, to: Place

  func run(in memory: UnsafeMutableRawPointer) {
    let depth = normalization.depth
    for row in 0..<normalization.rows {
      let elements = row * depth..<(row + 1) * depth
      switch normalization.kind {
      case .length(let rounding):
        var sum: Int32 = 0
        for index in elements { sum &+= normalization.square(from.code(index, in: memory)) }
        let root = InverseSquareRoot(of: sum)
        for index in elements {
          let code = normalization.code(from.code(index, in: memory), root, rounding: rounding)
          to.store(code, at: index, in: memory)
        }
      case .scores(let scores):
        var (sum, squares) = (Int64(0), Int64(0))
        for index in elements {
          let code = Int64(from.code(index, in: memory))
          sum &+= normalization.centred(code)
          squares &+= normalization.square(code)
        }
        let root = WideInverseSquareRoot(of: normalization.padded(sum: sum, squares: squares, scores))
        for index in elements {
          let deviation = normalization.deviation(Int64(from.code(index, in: memory)), sum: sum, scores)
          let place = normalization.parameter(scores, row: row, element: index - elements.lowerBound)
          let code = scores.code(
            score: scores.score(deviation, root), gain: scores.gains[place], offset: scores.offsets[place])
          to.store(Int32(truncatingIfNeeded: code), at: index, in: memory)
        }
      }
    }
  }
}
