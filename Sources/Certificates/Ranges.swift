import Arithmetic
import IntegerProgram

/// For every code and every accumulator of a program, integers that enclose what it can be for a set of inputs.
///
/// Sets of inputs arise from a box by proved bounds and by cases; ranges only ever shrink.
public struct Ranges: Sendable {
  /// By value, then element.
  public internal(set) var low, high: [[Int32]]
  /// By step, then output element; empty where a step has no accumulators.
  public internal(set) var accumulatorLow, accumulatorHigh: [[Int32]]
  /// Whether some range has become empty: then so is the set of inputs.
  public package(set) var isEmpty = false
  /// Values whose ranges shrank since they were last propagated.
  var changed: Set<Int> = []
  /// Whether nothing has shrunk since the ranges were last carried on.
  public var isPropagated: Bool { changed.isEmpty }

  /// The codes that types and constants allow, and any numbers for what steps make; no accumulators yet.
  init(_ program: IntegerProgram) {
    let made = Set(program.steps.map(\.output))
    // Inputs hold what they take alone: all codes of their type, rows of a table, or a state's invariant, which
    // `BoundedProgram` proves.
    func codes(_ value: Int, _ end: KeyPath<ClosedRange<Int64>, Int64>, _ any: Int32) -> [Int32] {
      let tensor = program.values[value]
      return tensor.constant
        ?? Array(repeating: made.contains(value) ? any : Int32(tensor.range[keyPath: end]), count: tensor.count)
    }
    low = program.values.indices.map { codes($0, \.lowerBound, .min) }
    high = program.values.indices.map { codes($0, \.upperBound, .max) }
    accumulatorLow = Array(repeating: [], count: program.steps.count)
    accumulatorHigh = accumulatorLow
    changed = Set(program.values.indices)
  }

  /// Narrows codes to `range`.
  mutating func narrow(value: Int, element: Int, to range: ClosedRange<Int64>) {
    let newLow = max(Int64(low[value][element]), range.lowerBound)
    let newHigh = min(Int64(high[value][element]), range.upperBound)
    guard newLow <= newHigh else { return isEmpty = true }
    guard newLow > Int64(low[value][element]) || newHigh < Int64(high[value][element]) else { return }
    low[value][element] = Int32(newLow)
    high[value][element] = Int32(newHigh)
    changed.insert(value)
  }

  /// Narrows every element of a value.
  mutating func narrow(value: Int, low newLow: [Int32], high newHigh: [Int32]) {
    var shrank = false
    var isEmpty = false
    for element in newLow.indices {
      if newLow[element] > low[value][element] {
        low[value][element] = newLow[element]
        shrank = true
      }
      if newHigh[element] < high[value][element] {
        high[value][element] = newHigh[element]
        shrank = true
      }
      if low[value][element] > high[value][element] { isEmpty = true }
    }
    if shrank { changed.insert(value) }
    if isEmpty { self.isEmpty = true }
  }
}

/// What a proof reasons about: a code, or an accumulator.
public enum Variable: Sendable, Hashable {
  case code(value: Int, element: Int)
  case accumulator(step: Int, element: Int)
}

extension Ranges {
  public func range(of variable: Variable) -> ClosedRange<Int32> {
    switch variable {
    case .code(let value, let element): low[value][element]...high[value][element]
    case .accumulator(let step, let element): accumulatorLow[step][element]...accumulatorHigh[step][element]
    }
  }
}

extension BoundedProgram {
  /// The ranges over a box of inputs, flat as in a property.
  public func ranges(over box: [ClosedRange<Int32>]) -> Ranges {
    var ranges = everything
    var element = 0
    for input in program.inputs {
      let part = box[element..<element + program.values[input].count]
      ranges.narrow(value: input, low: part.map(\.lowerBound), high: part.map(\.upperBound))
      element += part.count
    }
    propagate(&ranges)
    return ranges
  }

  /// Carries what has shrunk on to the outputs.
  public func propagate(_ ranges: inout Ranges) {
    guard !ranges.changed.isEmpty else { return }
    for (index, step) in program.steps.enumerated() {
      if ranges.isEmpty { return }
      guard step.inputs.contains(where: ranges.changed.contains) else { continue }
      do {
        try steps[index].propagate(program, index, &ranges)
      } catch {
        // Ranges within those of all inputs cannot overflow where those did not.
        preconditionFailure("\(error)")
      }
    }
    ranges.changed = []
  }

  /// Narrows a variable, and what follows backwards without search: an accumulator's code, a code's accumulator, a moved
  /// code's source.
  public func narrow(_ ranges: inout Ranges, _ variable: Variable, to range: ClosedRange<Int64>) {
    switch variable {
    case .accumulator(let step, let element):
      let low = max(Int64(ranges.accumulatorLow[step][element]), range.lowerBound)
      let high = min(Int64(ranges.accumulatorHigh[step][element]), range.upperBound)
      guard low <= high else { return ranges.isEmpty = true }
      ranges.accumulatorLow[step][element] = Int32(low)
      ranges.accumulatorHigh[step][element] = Int32(high)
      let staircase = steps[step].staircases[steps[step].staircaseOf(element)]
      ranges.narrow(
        value: program.steps[step].output, element: element,
        to: Int64(staircase(Int32(low)))...Int64(staircase(Int32(high))))
    case .code(let value, let element):
      ranges.narrow(value: value, element: element, to: range)
      guard !ranges.isEmpty, let step = producer[value] else { return }
      let codes = Int64(ranges.low[value][element])...Int64(ranges.high[value][element])
      if case .move(let sources) = steps[step].form {
        let source = sources[element]
        guard source.operand >= 0 else { return }
        narrow(
          &ranges, .code(value: program.steps[step].inputs[Int(source.operand)], element: Int(source.element)),
          to: codes)
      } else if !ranges.accumulatorLow[step].isEmpty {
        let staircase = steps[step].staircases[steps[step].staircaseOf(element)]
        let low = max(Int64(ranges.accumulatorLow[step][element]), staircase.first(reaching: Int32(codes.lowerBound)))
        let high = min(
          Int64(ranges.accumulatorHigh[step][element]),
          staircase.first(reaching: Int32(clamping: codes.upperBound + 1)) &- 1)
        guard low <= high else { return ranges.isEmpty = true }
        ranges.accumulatorLow[step][element] = Int32(low)
        ranges.accumulatorHigh[step][element] = Int32(high)
        // A level that the staircase jumps over is no code.
        ranges.narrow(
          value: value, element: element, to: Int64(staircase(Int32(low)))...Int64(staircase(Int32(high))))
      }
    }
  }
}

// MARK: Forward, step by step

extension BoundedStep {
  /// Narrows the output's ranges to what the operands' allow.
  func propagate(_ program: IntegerProgram, _ index: Int, _ ranges: inout Ranges) throws(CertificateError) {
    let step = program.steps[index]
    let (low, high) = (ranges.low[step.inputs[0]], ranges.high[step.inputs[0]])
    switch form {
    case .affine(let affine, let window, _):
      // The input may be a part that did not change at all: the sums are the same then, and nothing shrinks.
      if let channelWeights {
        requantize(program, index, channelWeights.sums(window, low: low, high: high), &ranges)
      } else {
        requantize(program, index, try Self.accumulators(affine, window, low: low, high: high), &ranges)
      }
    case .longSums(let affine, let window):
      let sums = try Self.accumulators(affine, window, low: low, high: high, in: Int64.self)
      narrow(step.output, affine.requantization, channels: affine.geometry.outputChannels, sums, &ranges)
    case .longProduct(let product, let starts):
      let sums = try product.accumulators(
        starts, left: (low, high), right: (ranges.low[step.inputs[1]], ranges.high[step.inputs[1]]), in: Int64.self)
      narrow(step.output, product.requantization, channels: 1, sums, &ranges)
    case .lookup(let lookup):
      var newLow: [Int32] = []
      var newHigh: [Int32] = []
      for element in low.indices {
        let part = lookup.table[Int(low[element] - lookup.lowest)...Int(high[element] - lookup.lowest)]
        newLow.append(part.min() ?? 0)
        newHigh.append(part.max() ?? 0)
      }
      ranges.narrow(value: step.output, low: newLow, high: newHigh)
    case .combine(let combine, let left, let right, let leftTable, let rightTable):
      let sums = try Self.accumulators(combine, left, right, leftTable, rightTable, program, step, ranges)
      requantize(program, index, sums, &ranges)
    case .product(let product, let starts):
      let sums = try product.accumulators(
        starts, left: (low, high), right: (ranges.low[step.inputs[1]], ranges.high[step.inputs[1]]))
      requantize(program, index, sums, &ranges)
    case .sum(let pool, let window, let bias):
      requantize(
        program, index, try Self.accumulators(pool, window, bias: bias, low: low, high: high), &ranges)
    case .maximum(let pool, let window):
      let channels = pool.geometry.outputChannels
      let (least, most) = (Int32(pool.clamp.lowerBound), Int32(pool.clamp.upperBound))
      var newLow: [Int32] = []
      var newHigh: [Int32] = []
      for pixel in 0..<window.outputPixels {
        for channel in 0..<channels {
          var (a, b) = (Int32.min, Int32.min)
          for tap in 0..<window.taps {
            let source = Int(window.pixels[pixel * window.taps + tap])
            guard source >= 0 else {
              if let code = pool.paddingCode { (a, b) = (max(a, code), max(b, code)) }
              continue
            }
            a = max(a, low[source * channels + channel])
            b = max(b, high[source * channels + channel])
          }
          newLow.append(min(max(a, least), most))
          newHigh.append(min(max(b, least), most))
        }
      }
      ranges.narrow(value: step.output, low: newLow, high: newHigh)
    case .softmax(let softmax):
      let codes = softmax.codes(low: low, high: high)
      ranges.narrow(value: step.output, low: codes.low, high: codes.high)
    case .normalize(let normalization):
      let codes = normalization.codes(low: low, high: high)
      ranges.narrow(value: step.output, low: codes.low, high: codes.high)
    case .signal(let signal):
      let codes = signal.codes(low: step.inputs.map { ranges.low[$0] }, high: step.inputs.map { ranges.high[$0] })
      ranges.narrow(value: step.output, low: codes.low, high: codes.high)
    case .move(let sources):
      var newLow: [Int32] = []
      var newHigh: [Int32] = []
      newLow.reserveCapacity(sources.count)
      newHigh.reserveCapacity(sources.count)
      for source in sources {
        if source.operand < 0 {
          newLow.append(source.element)
          newHigh.append(source.element)
        } else {
          let value = step.inputs[Int(source.operand)]
          newLow.append(ranges.low[value][Int(source.element)])
          newHigh.append(ranges.high[value][Int(source.element)])
        }
      }
      ranges.narrow(value: step.output, low: newLow, high: newHigh)
    }
  }

  /// Narrows codes to what sums in 64 bits are requantised to: larger sums never have smaller codes.
  private func narrow(
    _ value: Int, _ requantization: Requantization, channels: Int, _ sums: (low: [Int64], high: [Int64]),
    _ ranges: inout Ranges
  ) {
    func codes(_ sums: [Int64]) -> [Int32] {
      sums.enumerated().map { requantization.code(ofSum: $1, channel: $0 % channels, isLong: true) }
    }
    ranges.narrow(value: value, low: codes(sums.low), high: codes(sums.high))
  }

  /// Narrows a step's accumulators to `sums`, and its codes with them.
  private func requantize(
    _ program: IntegerProgram, _ index: Int, _ sums: (low: [Int32], high: [Int32]), _ ranges: inout Ranges
  ) {
    var (newLow, newHigh) = (sums.low, sums.high)
    // Out of the ranges while they change, so that nothing is copied.
    var (lows, highs): ([Int32], [Int32]) = ([], [])
    swap(&lows, &ranges.accumulatorLow[index])
    swap(&highs, &ranges.accumulatorHigh[index])
    defer {
      swap(&lows, &ranges.accumulatorLow[index])
      swap(&highs, &ranges.accumulatorHigh[index])
    }
    let shared = staircases.count == 1 ? staircases[0] : nil
    for element in newLow.indices {
      let low = max(lows[element], newLow[element])
      let high = min(highs[element], newHigh[element])
      guard low <= high else { return ranges.isEmpty = true }
      lows[element] = low
      highs[element] = high
      let staircase = shared ?? staircases[staircaseOf(element)]
      newLow[element] = staircase(low)
      newHigh[element] = staircase(high)
    }
    ranges.narrow(value: program.steps[index].output, low: newLow, high: newHigh)
  }

  /// Exact ranges of an affine step's sums. With s = low + high and r = high − low, twice the ends are
  /// 2·bias + Σ w·s ∓ |w|·r.
  static func accumulators<Sum: FixedWidthInteger>(
    _ affine: Affine, _ window: WindowTable, low: [Int32], high: [Int32], in register: Sum.Type = Int32.self
  ) throws(CertificateError) -> (low: [Sum], high: [Sum]) {
    let geometry = affine.geometry
    let (channels, inputs) = (geometry.outputChannels, geometry.inputChannels)
    let (perGroup, outputsPerGroup) = (affine.channelsPerGroup, affine.outputsPerGroup)
    let length = affine.weightsPerOutput
    var lows = [Sum](repeating: 0, count: geometry.outputCount)
    var highs = lows
    var overflows = false
    let sums = zip(low, high).map { $0 &+ $1 }
    let widths = zip(low, high).map { $1 &- $0 }
    let padding = Int64(affine.paddingCode) * 2
    affine.weights.withUnsafeBufferPointer { weights in
      sums.withUnsafeBufferPointer { sums in
        widths.withUnsafeBufferPointer { widths in
          for pixel in 0..<window.outputPixels {
            for channel in 0..<channels {
              var center = 2 * affine.bias[channel]
              var radius: Int64 = 0
              let first = channel / outputsPerGroup * perGroup
              for tap in 0..<window.taps {
                let source = Int(window.pixels[pixel &* window.taps &+ tap])
                let row = channel &* length &+ tap &* perGroup
                if source < 0 {
                  for i in 0..<perGroup { center &+= Int64(weights[row &+ i]) &* padding }
                  continue
                }
                let place = source &* inputs &+ first
                for i in 0..<perGroup {
                  let weight = Int64(weights[row &+ i])
                  center &+= weight &* Int64(sums[place &+ i])
                  radius &+= abs(weight) &* Int64(widths[place &+ i])
                }
              }
              let (a, b) = ((center &- radius) >> 1, (center &+ radius) >> 1)
              overflows = overflows || a < Int64(Sum.min) || b > Int64(Sum.max)
              lows[pixel &* channels &+ channel] = Sum(truncatingIfNeeded: a)
              highs[pixel &* channels &+ channel] = Sum(truncatingIfNeeded: b)
            }
          }
        }
      }
    }
    if overflows { throw CertificateError("an accumulator could overflow \(Sum.bitWidth) bits") }
    return (lows, highs)
  }

  static func accumulators(
    _ pool: Pool, _ window: WindowTable, bias: Int32, low: [Int32], high: [Int32]
  ) throws(CertificateError) -> (low: [Int32], high: [Int32]) {
    let channels = pool.geometry.outputChannels
    var lows: [Int32] = []
    var highs: [Int32] = []
    for pixel in 0..<window.outputPixels {
      for channel in 0..<channels {
        var (a, b) = (Int64(bias), Int64(bias))
        for tap in 0..<window.taps {
          let source = Int(window.pixels[pixel * window.taps + tap])
          guard source >= 0 else {
            let code = Int64(pool.paddingCode ?? 0)
            (a, b) = (a + code, b + code)
            continue
          }
          a += Int64(low[source * channels + channel])
          b += Int64(high[source * channels + channel])
        }
        guard let a = Int32(exactly: a), let b = Int32(exactly: b) else {
          throw CertificateError("a pool's sum could overflow 32 bits")
        }
        lows.append(a)
        highs.append(b)
      }
    }
    return (lows, highs)
  }

  static func accumulators(
    _ combine: Combine, _ left: [Int32], _ right: [Int32], _ leftTable: [Int32], _ rightTable: [Int32],
    _ program: IntegerProgram, _ step: Step, _ ranges: Ranges
  ) throws(CertificateError) -> (low: [Int32], high: [Int32]) {
    let (x, y) = (step.inputs[0], step.inputs[1])
    let (leftBase, rightBase) = (
      program.values[x].type.range.lowerBound, program.values[y].type.range.lowerBound
    )
    var lows: [Int32] = []
    var highs: [Int32] = []
    for element in left.indices {
      let (i, j) = (Int(left[element]), Int(right[element]))
      let (a, b) = (Int64(ranges.low[x][i]), Int64(ranges.high[x][i]))
      let (c, d) = (Int64(ranges.low[y][j]), Int64(ranges.high[y][j]))
      let ends: [Int64]
      switch combine.kind {
      case .product:
        let (p, q) = (a - Int64(combine.left.zeroPoint), b - Int64(combine.left.zeroPoint))
        let (r, s) = (c - Int64(combine.right.zeroPoint), d - Int64(combine.right.zeroPoint))
        ends = [p * r, p * s, q * r, q * s]
      case .sum, .difference:
        let (p, q) = (Int64(leftTable[Int(a - leftBase)]), Int64(leftTable[Int(b - leftBase)]))
        let (r, s) = (Int64(rightTable[Int(c - rightBase)]), Int64(rightTable[Int(d - rightBase)]))
        ends = combine.kind == .sum ? [p + r, q + s] : [p - s, q - r]
      }
      guard let low = Int32(exactly: ends.min() ?? 0), let high = Int32(exactly: ends.max() ?? 0) else {
        throw CertificateError("the accumulator of element \(element) could overflow 32 bits")
      }
      lows.append(low)
      highs.append(high)
    }
    return (lows, highs)
  }
}
