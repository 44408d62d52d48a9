import Arithmetic
import IntegerProgram
import Properties

/// The `Term` reading of a program's steps: the codes of a step's output as expressions over those of its inputs.
///
/// Each step's definition is `Simulation.ReferenceInterpreter`'s. Sums are built in the 64-bit register and must fit
/// the device's, whatever the order of their summands.
struct ProgramTerms {
  typealias Code = Term<Int32>

  let program: IntegerProgram
  let sums: SumShape
  let mostNodes: Int
  /// Asked with every element.
  let isCancelled: () -> Bool
  /// The formula's variables count from the low end of an input's range, so that they have few bits and the constant
  /// part of a sum joins the bias.
  private var variables: [TermNode: (offset: Term<Int64>, low: Int64)] = [:]

  init(_ program: IntegerProgram, sums: SumShape, mostNodes: Int, isCancelled: @escaping () -> Bool = { false }) {
    self.isCancelled = isCancelled
    self.program = program
    self.sums = sums
    self.mostNodes = mostNodes
  }

  /// The flat codes of a property's box and of the outputs they lead to.
  mutating func codes(over box: [ClosedRange<Int32>]) throws(EncodingError) -> (inputs: [Code], outputs: [Code]) {
    let inputs = box.enumerated().map { element, range in input(element, range) }
    var values = program.values.map { value in (value.constant ?? []).map { Code(Int64($0)) } }
    var start = 0
    for input in program.inputs {
      let count = program.values[input].count
      values[input] = Array(inputs[start..<start + count])
      start += count
    }
    for step in program.steps {
      values[step.output] = try codes(of: step, step.inputs.map { values[$0] })
      guard let code = values[step.output].first(where: { !$0.node.holds }) else { continue }
      throw EncodingError(
        "layer \(step.source.name) (\(step.source.type)): some operation cannot be proved to stay inside 32 bits; "
          + "its code is \(code.interval)")
    }
    return (inputs, program.outputs.flatMap { values[$0] })
  }

  /// The code of an input element: a constant, or a variable counted from `range`'s low end.
  private mutating func input(_ element: Int, _ range: ClosedRange<Int32>) -> Code {
    let low = Int64(range.lowerBound)
    guard range.count > 1 else { return Code(low) }
    let offset = Term<Int64>(variable: "x\(element)", in: 0...Int64(range.upperBound) - low)
    let code = Code(narrowing: offset +% Term(low))
    variables[code.node] = (offset, low)
    return code
  }

  private func codes(of step: Step, _ operands: [[Code]]) throws(EncodingError) -> [Code] {
    switch step.operation {
    case .affine(let affine): return try codes(of: affine, operands[0])
    case .lookup(let lookup):
      return try each(operands[0]) { code in
        tabulated(code) { Int64(lookup.table[Int($0) - Int(lookup.lowest)]) }
      }
    case .combine(let combine):
      let places = Places.of(combine.shape, [combine.left.strides, combine.right.strides])
      return try each(places) { combine.code(operands[0][$0[0]], operands[1][$0[1]]) }
    case .product(let product): return try codes(of: product, operands[0], operands[1])
    case .pool(let pool): return try codes(of: pool, operands[0])
    case .softmax(let softmax) where softmax.isInterpolated:
      throw EncodingError(
        "layer \(step.source.name) (\(step.source.type)): exponentials of 16-bit codes are too many for a bit-vector solver")
    case .softmax(let softmax):
      let rows = try each(0..<softmax.rows) { row in
        codes(of: softmax, row: operands[0][row * softmax.depth..<(row + 1) * softmax.depth])
      }
      return rows.flatMap { $0 }
    case .normalize(let normalization):
      let rows = try each(0..<normalization.rows) { row in
        codes(of: normalization, row, operands[0][row * normalization.depth..<(row + 1) * normalization.depth])
      }
      return rows.flatMap { $0 }
    case .signal:
      throw EncodingError(
        "layer \(step.source.name) (\(step.source.type)): no formula of 32 bits holds what becomes of a "
          + "signal; ask without a solver")
    case .move(let move):
      var output = [Code](repeating: Code(Int64(move.fill ?? 0)), count: program.values[step.output].count)
      for copy in move.copies {
        let starts = [copy.sourceStart, copy.targetStart]
        for place in Places.of(copy.sizes, [copy.sourceStrides, copy.targetStrides], from: starts) {
          output[place[1]] = operands[copy.operand][place[0]]
        }
      }
      return output
    }
  }

  /// `transform` of each element, as long as the formula stays of a size that a solver could take.
  private func each<Elements: Collection, Result>(
    _ elements: Elements, _ transform: (Elements.Element) -> Result
  ) throws(EncodingError) -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(elements.count)
    for element in elements {
      results.append(transform(element))
      if isCancelled() { throw EncodingError("there was no time to make the formula") }
      guard TermTable.current.nodes.count <= mostNodes else {
        throw EncodingError(
          "the formula passes \(mostNodes) operations, too many for a bit-vector solver; "
            + "ask about fewer varying inputs or a smaller network")
      }
    }
    return results
  }

  private func codes(of affine: Affine, _ input: [Code]) throws(EncodingError) -> [Code] {
    let geometry = affine.geometry
    let operands = input.map { split($0) }
    let isLong = affine.isLong
    return try each(Places.outputs(of: geometry)) { image, row, column, channel in
      let first = channel / affine.outputsPerGroup * affine.channelsPerGroup
      var constant = affine.bias[channel]
      var summands: [(weight: Int64, term: Term<Int64>)] = []
      for tap in 0..<geometry.taps {
        let pixel = geometry.inputPixel(image, row, column, tap: tap)
        let start = channel * affine.weightsPerOutput + tap * affine.channelsPerGroup
        for i in 0..<affine.channelsPerGroup {
          let weight = Int64(affine.weights[start + i])
          guard let pixel else {
            constant += weight * Int64(affine.paddingCode)
            continue
          }
          let operand = operands[pixel * geometry.inputChannels + first + i]
          constant += weight * operand.constant
          if let term = operand.term { summands.append((weight, term)) }
        }
      }
      return code(affine.requantization, sums.sum(summands, plus: constant), channel: channel, isLong: isLong)
    }
  }

  private func codes(of product: MatrixProduct, _ left: [Code], _ right: [Code]) throws(EncodingError) -> [Code] {
    let (lefts, rights) = (left.map { split($0) }, right.map { split($0) })
    return try each(product.outputStarts) { start in
      var constant = Int64(product.bias)
      var summands: [(weight: Int64, term: Term<Int64>)] = []
      for k in 0..<product.depth {
        let a = lefts[start.left + k * product.left.depthStride]
        let b = rights[start.right + k * product.right.depthStride]
        let x = a.constant - Int64(product.left.zeroPoint)
        let y = b.constant - Int64(product.right.zeroPoint)
        switch (a.term, b.term) {
        case (nil, nil): constant += x * y
        case (let term?, nil):
          constant += x * y
          summands.append((y, term))
        case (nil, let term?):
          constant += x * y
          summands.append((x, term))
        case (let a?, let b?): summands.append((1, (a +% Term(x)) *% (b +% Term(y))))
        }
      }
      return code(product.requantization, sums.sum(summands, plus: constant), channel: 0, isLong: product.isLong)
    }
  }

  /// The code of a sum, whose register has 64 bits (`isLong`) or 32.
  private func code(_ requantization: Requantization, _ sum: Term<Int64>, channel: Int, isLong: Bool) -> Code {
    isLong
      ? Code(narrowing: requantization.code(sum, channel: channel))
      : requantization.code(Code(narrowing: sum), channel: channel)
  }

  /// A code as a constant and what varies.
  private func split(_ code: Code) -> (constant: Int64, term: Term<Int64>?) {
    if case .literal(let value) = code.node.operation { return (value, nil) }
    if let variable = variables[code.node] { return (variable.low, variable.offset) }
    return (0, code.wide)
  }

  private func codes(of pool: Pool, _ input: [Code]) throws(EncodingError) -> [Code] {
    let geometry = pool.geometry
    return try each(Places.outputs(of: geometry)) { image, row, column, channel in
      let window = (0..<geometry.taps).compactMap { tap in
        geometry.inputPixel(image, row, column, tap: tap).map { input[$0 * geometry.inputChannels + channel] }
          ?? pool.paddingCode.map { Code(Int64($0)) }
      }
      switch pool.kind {
      case .maximum:
        return (sums.fold(window[...], Code.larger) ?? Code(Int64(Int32.min)))
          .clamped(pool.clamp.lowerBound, pool.clamp.upperBound)
      case .average:
        return pool.averageCode(sum: sum(window), count: Code(Int64(window.count)))
      case .sum(let bias, let requantization, _):
        return requantization.code(sum(window, plus: bias), channel: channel)
      }
    }
  }

  private func codes(of softmax: Softmax, row: ArraySlice<Code>) -> [Code] {
    guard let largest = sums.fold(row, Code.larger) else { return [] }
    switch softmax.kind {
    case .shares(let scale): return codes(ofRow: row, largest, scale, isLogarithmic: false)
    case .logarithms(let scale): return codes(ofRow: row, largest, scale, isLogarithmic: true)
    // Refused before.
    case .interpolated: return []
    case .tabulated(let table):
      let exponentials = row.map { code in
        tabulated((largest -% code).wide) { table.exponential(Int32(max($0, 0))) }
      }
      let most = Int64(1) << Int64(ExponentialTable.fractionBits)
      let total = sums.sum(exponentials.map { (1, $0) }, plus: 0).clamped(most, Int64(softmax.depth) * most)
      let factor = table.factor(ofSum: total)
      return exponentials.map { Code(narrowing: table.code($0, factor)) }
    }
  }

  private func codes(
    ofRow row: ArraySlice<Code>, _ largest: Code, _ scale: SoftmaxScale, isLogarithmic: Bool
  ) -> [Code] {
    // A difference that counts as e^−∞ has an exponential of zero: it adds nothing and yields the lowest code. None
    // is positive, though the ranges allow for it.
    let exponentials = row.map { code in
      tabulated(code -% largest) { difference in
        difference < scale.leastDifference ? 0 : Int64(softmaxExponential(Int32(min(difference, 0)), scale))
      }
    }
    // The largest code adds 2^19 itself, every other at most as much: said here, the ranges know it too.
    let total = sum(exponentials.map { softmaxSummand($0) }).clamped(1 << 19, Int64(row.count) << 19)
    if isLogarithmic {
      let logarithm = logarithm(ofSum: total)
      return row.map { code in
        let power = tabulated(code -% largest) { difference in
          difference < scale.leastDifference
            ? -(1 << 30) : max(-(1 << 30), Int64(softmaxPower(Int32(min(difference, 0)), scale)))
        }
        return logSoftmaxCode(power, logarithm: logarithm)
      }
    }
    let divisor = SoftmaxDivisor(ofSum: total)
    return exponentials.map { divisor.code($0) }
  }

  private func codes(of normalization: Normalization, _ index: Int, _ row: ArraySlice<Code>) -> [Code] {
    switch normalization.kind {
    case .length(let rounding):
      let squares = row.map { code in tabulated(code) { Int64(normalization.square(Int32($0))) } }
      let root = InverseSquareRoot(of: sum(squares))
      return row.map { normalization.code($0, root, rounding: rounding) }
    case .scores(let scores):
      let made: [Term<Int64>] = normalization.codes(ofRow: index, row.map { $0.wide }, scores)
      return made.map { Code(narrowing: $0) }
    }
  }

  private func sum(_ codes: [Code], plus constant: Int32 = 0) -> Code {
    let operands = codes.map { split($0) }
    return Code(
      narrowing: sums.sum(
        operands.compactMap { operand in operand.term.map { (1, $0) } },
        plus: operands.reduce(Int64(constant)) { $0 + $1.constant }))
  }

  /// A function of a code's range, as choices between the stretches on which it is constant or adds a constant.
  private func tabulated<Register>(_ code: Term<Register>, _ function: (Int64) -> Int64) -> Term<Register> {
    typealias Code = Term<Register>
    let domain = code.interval.range
    let values = domain.map(function)
    var stretches: [(first: Int64, code: Code)] = []
    var start = 0
    while start < values.count {
      func end(slope: Int64) -> Int {
        var end = start + 1
        while end < values.count, values[end] == values[start] + slope * Int64(end - start) { end += 1 }
        return end
      }
      let first = domain.lowerBound + Int64(start)
      let (constantEnd, risingEnd) = (end(slope: 0), end(slope: 1))
      let isConstant = constantEnd >= risingEnd
      stretches.append((first, isConstant ? Code(values[start]) : code +% Code(values[start] - first)))
      start = isConstant ? constantEnd : risingEnd
    }
    func choice(_ stretches: ArraySlice<(first: Int64, code: Code)>) -> Code {
      guard stretches.count > 1 else { return stretches[stretches.startIndex].code }
      let middle = stretches.startIndex + stretches.count / 2
      return Code.select(
        Code.less(code, Code(stretches[middle].first)), choice(stretches[..<middle]), choice(stretches[middle...]))
    }
    // A rising stretch's range is that of all codes; the clamp brings the table's own back.
    return choice(stretches[...]).clamped(values.min() ?? 0, values.max() ?? 0)
  }
}

/// Walks over tensors.
private enum Places {
  /// For every index below `sizes`, in memory order, `starts + Σ index · strides` for each list of strides.
  static func of(_ sizes: [Int], _ strides: [[Int]], from starts: [Int]? = nil) -> [[Int]] {
    var places = [starts ?? strides.map { _ in 0 }]
    for (dimension, size) in sizes.enumerated() {
      places = places.flatMap { place in
        (0..<size).map { index in zip(place, strides).map { $0 + index * $1[dimension] } }
      }
    }
    return places
  }

  /// Every output element in memory order.
  static func outputs(of geometry: WindowGeometry) -> [(image: Int, row: Int, column: Int, channel: Int)] {
    geometry.outputPlaces.flatMap { place in
      (0..<geometry.outputChannels).map { (place.image, place.row, place.column, $0) }
    }
  }
}
