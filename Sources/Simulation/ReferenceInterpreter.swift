import Arithmetic
import IntegerProgram

/// The definitions of the steps, one loop nest each: slow, and plain enough to be read against them. The
/// simulator is held to it by the tests.
public struct ReferenceInterpreter: Sendable {
  public let program: IntegerProgram

  public init(_ program: IntegerProgram) { self.program = program }

  /// The outputs' codes for the inputs' codes, both in the program's order.
  public func run(_ inputs: [[Int32]]) throws(SimulationError) -> [[Int32]] {
    try program.inputContracts.check(inputs)
    var values = program.values.map { $0.constant ?? [] }
    for (index, codes) in zip(program.inputs, inputs) { values[index] = codes }
    for step in program.steps {
      values[step.output] = codes(of: step, operands: step.inputs.map { values[$0] })
    }
    return program.outputs.map { values[$0] }
  }

  /// The codes that `step` makes of its operands' codes.
  public func codes(of step: Step, operands: [[Int32]]) -> [Int32] {
    switch step.operation {
    case .affine(let affine): codes(of: affine, operands[0])
    case .lookup(let lookup): operands[0].map { lookup.table[Int($0 &- lookup.lowest)] }
    case .combine(let combine): codes(of: combine, operands[0], operands[1])
    case .product(let product): codes(of: product, operands[0], operands[1])
    case .pool(let pool): codes(of: pool, operands[0])
    case .softmax(let softmax): codes(of: softmax, operands[0])
    case .normalize(let normalization): codes(of: normalization, operands[0])
    case .signal(let signal): signal.codes(operands)
    case .move(let move): codes(of: move, operands, count: program.values[step.output].count)
    }
  }

  private func codes(of affine: Affine, _ input: [Int32]) -> [Int32] {
    let geometry = affine.geometry
    let isLong = affine.isLong
    var output: [Int32] = []
    output.reserveCapacity(geometry.outputCount)
    for (image, row, column) in geometry.outputPlaces {
      for channel in 0..<geometry.outputChannels {
        let first = channel / affine.outputsPerGroup * affine.channelsPerGroup
        var accumulator = affine.bias[channel]
        for tap in 0..<geometry.taps {
          let place = geometry.inputPixel(image, row, column, tap: tap)
          for i in 0..<affine.channelsPerGroup {
            let code = place.map { input[$0 * geometry.inputChannels + first + i] } ?? affine.paddingCode
            let weight = affine.weights[channel * affine.weightsPerOutput + tap * affine.channelsPerGroup + i]
            accumulator &+= Int64(Int32(weight) &* code)
          }
        }
        output.append(affine.requantization.code(ofSum: accumulator, channel: channel, isLong: isLong))
      }
    }
    return output
  }

  private func codes(of combine: Combine, _ left: [Int32], _ right: [Int32]) -> [Int32] {
    var output: [Int32] = []
    func fill(_ dimension: Int, _ i: Int, _ j: Int) {
      guard dimension < combine.shape.count else { return output.append(combine.code(left[i], right[j])) }
      for index in 0..<combine.shape[dimension] {
        fill(
          dimension + 1, i + index * combine.left.strides[dimension],
          j + index * combine.right.strides[dimension])
      }
    }
    fill(0, 0, 0)
    return output
  }

  private func codes(of product: MatrixProduct, _ left: [Int32], _ right: [Int32]) -> [Int32] {
    product.outputStarts.map { start in
      var accumulator = Int64(product.bias)
      for k in 0..<product.depth {
        let factors = (
          left[start.left + k * product.left.depthStride], right[start.right + k * product.right.depthStride]
        )
        accumulator &+= product.product(Int64(factors.0), Int64(factors.1))
      }
      return product.requantization.code(ofSum: accumulator, channel: 0, isLong: product.isLong)
    }
  }

  private func codes(of pool: Pool, _ input: [Int32]) -> [Int32] {
    let geometry = pool.geometry
    var output: [Int32] = []
    for (image, row, column) in geometry.outputPlaces {
      let places = (0..<geometry.taps).map { geometry.inputPixel(image, row, column, tap: $0) }
      for channel in 0..<geometry.outputChannels {
        let window = places.compactMap { place in
          place.map { input[$0 * geometry.inputChannels + channel] } ?? pool.paddingCode
        }
        switch pool.kind {
        case .maximum:
          output.append((window.max() ?? Int32.min).clamped(pool.clamp.lowerBound, pool.clamp.upperBound))
        case .average:
          output.append(pool.averageCode(sum: window.reduce(0, &+), count: Int32(window.count)))
        case .sum(let bias, let requantization, _):
          output.append(requantization.code(window.reduce(bias, &+), channel: channel))
        }
      }
    }
    return output
  }

  private func codes(of softmax: Softmax, _ input: [Int32]) -> [Int32] {
    (0..<softmax.rows).flatMap { row -> [Int32] in
      let codes = input[row * softmax.depth..<(row + 1) * softmax.depth]
      return switch softmax.kind {
      case .shares(let scale): self.codes(ofRow: codes, scale, isLogarithmic: false)
      case .logarithms(let scale): self.codes(ofRow: codes, scale, isLogarithmic: true)
      case .interpolated(let scale): self.codes(ofInterpolatedRow: codes, scale)
      case .tabulated(let table): self.codes(ofRow: codes, table)
      }
    }
  }

  private func codes(ofRow codes: ArraySlice<Int32>, _ scale: SoftmaxScale, isLogarithmic: Bool) -> [Int32] {
    let maximum = codes.max() ?? 0
    let exponentials = codes.map { code in
      code &- maximum < scale.leastDifference ? nil : softmaxExponential(code &- maximum, scale)
    }
    let sum = exponentials.reduce(0) { $0 &+ ($1.map { softmaxSummand($0) } ?? 0) }
    if isLogarithmic {
      let logarithm = logarithm(ofSum: sum)
      return codes.map { code in
        code &- maximum < scale.leastDifference
          ? -128 : logSoftmaxCode(softmaxPower(code &- maximum, scale), logarithm: logarithm)
      }
    }
    let divisor = SoftmaxDivisor(ofSum: sum)
    return exponentials.map { $0.map { divisor.code($0) } ?? -128 }
  }

  private func codes(ofInterpolatedRow codes: ArraySlice<Int32>, _ scale: SoftmaxScale) -> [Int32] {
    let maximum = codes.max() ?? 0
    let exponentials = codes.map { interpolatedExponential($0 &- maximum, scale) }
    let divisor = InterpolatedDivisor(ofSum: exponentials.reduce(0, &+))
    return exponentials.map { divisor.code($0) }
  }

  private func codes(ofRow codes: ArraySlice<Int32>, _ table: ExponentialTable) -> [Int32] {
    let maximum = codes.max() ?? 0
    let exponentials = codes.map { table.exponential(maximum &- $0) }
    let factor = table.factor(ofSum: exponentials.reduce(0, &+))
    return exponentials.map { Int32(truncatingIfNeeded: table.code($0, factor)) }
  }

  private func codes(of normalization: Normalization, _ input: [Int32]) -> [Int32] {
    (0..<normalization.rows).flatMap { row -> [Int32] in
      let codes = input[row * normalization.depth..<(row + 1) * normalization.depth]
      switch normalization.kind {
      case .length(let rounding):
        let root = InverseSquareRoot(of: codes.reduce(0) { $0 &+ normalization.square($1) })
        return codes.map { normalization.code($0, root, rounding: rounding) }
      case .scores(let scores):
        let made: [Int64] = normalization.codes(ofRow: row, codes.map { Int64($0) }, scores)
        return made.map { Int32(truncatingIfNeeded: $0) }
      }
    }
  }

  private func codes(of move: Move, _ operands: [[Int32]], count: Int) -> [Int32] {
    var output = [Int32](repeating: move.fill ?? 0, count: count)
    for copy in move.copies {
      func fill(_ dimension: Int, _ source: Int, _ target: Int) {
        guard dimension < copy.sizes.count else { return output[target] = operands[copy.operand][source] }
        for index in 0..<copy.sizes[dimension] {
          fill(
            dimension + 1, source + index * copy.sourceStrides[dimension],
            target + index * copy.targetStrides[dimension])
        }
      }
      fill(0, copy.sourceStart, copy.targetStart)
    }
    return output
  }
}
