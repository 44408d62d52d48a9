import IntegerProgram

extension Affine {
  /// Where accumulators take 64 bits: the most products, in units of so many, whose sum is proved to fit 32 wherever in a
  /// window they begin at a multiple of their number. Stretches of them are added up in 64 bits.
  ///
  /// `codes` are those of the input. One unit must fit by itself.
  func stretch(of codes: ClosedRange<Int64>, unit: Int) -> Int {
    let depth = weightsPerOutput
    let padding = Int64(paddingCode)
    let codes = min(codes.lowerBound, padding)...max(codes.upperBound, padding)
    let all = (depth + unit - 1) / unit
    func fits(_ units: Int) -> Bool {
      accumulators.indices.allSatisfy { output in
        Swift.stride(from: 0, to: depth, by: unit * units).allSatisfy { start in
          var (low, high) = (Int64(0), Int64(0))
          for place in start..<min(start + unit * units, depth) {
            let ends = [codes.lowerBound, codes.upperBound].map { $0 * Int64(weights[output * depth + place]) }
            // With zero, the range holds every partial sum as well.
            low += min(ends[0], ends[1], 0)
            high += max(ends[0], ends[1], 0)
          }
          return (low...high).fits32
        }
      }
    }
    return (1...max(all, 1)).lazy.map { (all + $0 - 1) / $0 }.first(where: fits) ?? 1
  }
}
