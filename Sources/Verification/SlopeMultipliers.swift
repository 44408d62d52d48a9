import Certificates
import IntegerProgram

/// Multipliers thought up on the way back: each requantisation is replaced by the line of its hull that passes over (or
/// under) a place of reference, each maximum by its largest operand. One pass, as in CROWN, in the certificate's own
/// integers, so that what it finds is proved at once.
struct SlopeMultipliers: MultiplierSource {
  let bounded: BoundedProgram
  /// Accumulators at which lines touch; the middle of their ranges unless given.
  var reference: Ranges?
  /// Whether lines follow the staircases at the reference, and not their hulls: then prices are gradients there.
  var isGradient = false
  /// The multipliers handed out: what a certificate must hold.
  private(set) var chosen: [Int: [Int32]] = [:]
  /// The prices that steps' codes had.
  private(set) var prices: [Int: [Int64]] = [:]

  init(_ bounded: BoundedProgram, reference: Ranges? = nil) {
    self.bounded = bounded
    self.reference = reference
  }

  /// What leads to the gradient at a point, given as the ranges it leads to.
  init(_ bounded: BoundedProgram, gradientAt point: Ranges) {
    self.init(bounded, reference: point)
    isGradient = true
  }

  var unpricedSteps: Set<Int> { [] }

  mutating func multipliers(step index: Int, prices: [Int64], accumulatorPrices: [Int64], ranges: Ranges) -> [Int32] {
    self.prices[index] = prices
    let multipliers = choose(index, prices, accumulatorPrices, ranges)
    if multipliers.contains(where: { $0 != 0 }) {
      chosen[index] = multipliers
      return multipliers
    }
    return []
  }

  private func choose(_ index: Int, _ prices: [Int64], _ direct: [Int64], _ ranges: Ranges) -> [Int32] {
    let step = bounded.program.steps[index]
    let count = bounded.program.values[step.output].count
    switch bounded.steps[index].form {
    case .affine, .sum:
      let step = bounded.steps[index]
      return (0..<count).map { Int32(clamping: accumulatorSlope(step, index, $0, prices, direct, ranges)) }

    case .combine(let combine, let left, let right, let leftTable, let rightTable):
      var multipliers = [Int32](repeating: 0, count: 3 * count)
      let (x, y) = (step.inputs[0], step.inputs[1])
      for element in 0..<count {
        let m = accumulatorSlope(bounded.steps[index], index, element, prices, direct, ranges)
        guard m != 0 else { continue }
        let (i, j) = (Int(left[element]), Int(right[element]))
        multipliers[element] = Int32(clamping: m)
        switch combine.kind {
        case .sum, .difference:
          let slope = (Self.steepness(leftTable), Self.steepness(rightTable))
          multipliers[count + element] = Int32(clamping: Int64((Double(m) * slope.0).rounded()))
          multipliers[2 * count + element] = Int32(
            clamping: Int64((Double(combine.kind == .sum ? m : -m) * slope.1).rounded()))
        case .product:
          // One side of McCormick's envelope: m·(a − za)·(b − zb) ≤ … with slopes at opposite corners.
          // A gradient takes both from the point.
          let point = isGradient ? reference : nil
          let (a, b) = (
            Int64(point?.low[x][i] ?? (m > 0 ? ranges.high[x][i] : ranges.low[x][i])) - Int64(combine.left.zeroPoint),
            Int64((point ?? ranges).low[y][j]) - Int64(combine.right.zeroPoint)
          )
          multipliers[count + element] = Int32(clamping: m &* b)
          multipliers[2 * count + element] = Int32(clamping: m &* a)
        }
      }
      return multipliers

    case .product(let product, let starts):
      var multipliers = [Int32](repeating: 0, count: count * (1 + 2 * product.depth))
      let (x, y) = (step.inputs[0], step.inputs[1])
      // Where the planes over each product touch: a gradient's point, or the middle.
      let place = isGradient ? reference ?? ranges : ranges
      for element in 0..<count {
        let m = accumulatorSlope(bounded.steps[index], index, element, prices, direct, ranges)
        guard m != 0 else { continue }
        multipliers[element] = Int32(clamping: m)
        for k in 0..<product.depth {
          let i = Int(starts[element].left) + k * product.left.depthStride
          let j = Int(starts[element].right) + k * product.right.depthStride
          let a = (Int64(place.low[x][i]) + Int64(place.high[x][i])) / 2 - Int64(product.left.zeroPoint)
          let b = (Int64(place.low[y][j]) + Int64(place.high[y][j])) / 2 - Int64(product.right.zeroPoint)
          multipliers[count + 2 * (element * product.depth + k)] = Int32(clamping: m &* b)
          multipliers[count + 2 * (element * product.depth + k) + 1] = Int32(clamping: m &* a)
        }
      }
      return multipliers

    case .lookup(let lookup):
      let value = step.inputs[0]
      return (0..<count).map { element in
        let (low, high) = (ranges.low[value][element], ranges.high[value][element])
        guard prices[element] != 0, low < high else { return 0 }
        if isGradient, let code = reference?.low[value][element] {
          let (before, behind) = (max(low, code - 1), min(high, code + 1))
          let rise = lookup.table[Int(behind - lookup.lowest)] - lookup.table[Int(before - lookup.lowest)]
          return Int32(clamping: prices[element] * Int64(rise) / Int64(behind - before))
        }
        // The chord.
        let rise = lookup.table[Int(high - lookup.lowest)] - lookup.table[Int(low - lookup.lowest)]
        return Int32(clamping: Int64((Double(prices[element]) * Double(rise) / Double(high - low)).rounded()))
      }

    case .maximum(let pool, let window):
      let value = step.inputs[0]
      let channels = pool.geometry.outputChannels
      var multipliers = [Int32](repeating: 0, count: count * window.taps)
      for element in 0..<count where prices[element] != 0 {
        // The tap with the highest end, or, where the price is negative, with the highest low end.
        var best: (tap: Int, end: Int32)?
        for tap in 0..<window.taps {
          let source = Int(window.pixels[element / channels * window.taps + tap])
          guard source >= 0 else { continue }
          let place = source * channels + element % channels
          let end =
            reference?.low[value][place] ?? (prices[element] > 0 ? ranges.high[value][place] : ranges.low[value][place])
          if best.map({ end > $0.end }) ?? true { best = (tap, end) }
        }
        if let best { multipliers[element * window.taps + best.tap] = Int32(clamping: prices[element]) }
      }
      return multipliers

    case .longSums, .longProduct, .softmax, .normalize, .signal, .move:
      return []
    }
  }

  private func accumulatorSlope(
    _ step: borrowing BoundedStep, _ index: Int, _ element: Int, _ prices: [Int64], _ direct: [Int64], _ ranges: Ranges
  ) -> Int64 {
    let own = direct.isEmpty ? 0 : direct[element]
    guard prices[element] != 0 else { return own }
    let price = prices[element]
    let output = bounded.program.steps[index].output
    let (lowestCode, highestCode) = (ranges.low[output][element], ranges.high[output][element])
    guard lowestCode < highestCode else { return own }
    let (low, high) = (ranges.accumulatorLow[index][element], ranges.accumulatorHigh[index][element])
    let place = reference.map { Double($0.accumulatorLow[index][element]) } ?? (Double(low) + Double(high)) / 2
    let staircase = step.staircases[step.staircases.count == 1 ? 0 : step.staircaseOf(element)]
    let slope =
      isGradient
      ? staircase.slope(at: place)
      : staircase.hullSlope(
        above: price > 0, low: low, high: high, lowestCode: lowestCode, highestCode: highestCode, at: place)
    return own + Int64((Double(price) * slope).rounded())
  }

  /// How much a table rises from one code to the next, on average.
  private static func steepness(_ table: [Int32]) -> Double {
    guard let first = table.first, let last = table.last, table.count > 1 else { return 0 }
    return (Double(last) - Double(first)) / Double(table.count - 1)
  }
}

extension Goal {
  /// What bounds by slopes count each constraint as: fine enough for slopes that are rounded to whole numbers.
  static let slopeBits = 20
  static let slopeUnit: Int32 = 1 << slopeBits
  var slopeWeights: [Int32] { constraints.map { _ in Self.slopeUnit } }
}
