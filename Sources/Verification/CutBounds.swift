import Certificates
import IntegerProgram

/// Bounds of hidden accumulators where a goal is met: to ±a is added γ times the goal's own constraint with the multipliers
/// of its bound, γ ≥ 0 (an objective cut). The bound is convex in γ; which γ is best is looked for in floating point, and
/// the exact bound with that γ becomes a lemma.
///
/// The cut's prices are computed once; a bound then takes one pass of slopes of its own and a line search over γ.
struct CutBounds {
  private let bounded: BoundedProgram
  private let goal: Goal
  private let program: LinearRelaxation
  private let ranges: Ranges
  private let cut: Proof.Multipliers
  /// The cut per unit of `scale`: prices and multipliers by neuron, and the inputs' prices.
  private let cutCosts: [Cost]
  private let cutInputs: [Double]
  /// The inputs' ranges, flat.
  private let inputLow, inputHigh: [Double]
  private let hulls: [(above: [(accumulator: Double, code: Double)], below: [(accumulator: Double, code: Double)])]
  /// Codes without a row: their worth is part of the constant.
  private static let unit: Int32 = 1 << 18

  init?(
    _ bounded: BoundedProgram, goal: Goal, program: LinearRelaxation, solution: LinearRelaxation.Solution,
    ranges: Ranges
  ) {
    self.bounded = bounded
    self.goal = goal
    self.program = program
    self.ranges = ranges
    cut = solution.multipliers
    var source = RecordedMultipliers(steps: cut.steps)
    guard let functional = try? goal.combination(cut.constraints),
      let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &source)
    else { return nil }
    let unit = Double(solution.scale)
    cutCosts = Self.costs(program, source.prices, cut.steps, unit)
    cutInputs = Self.flat(bound.inputPrices, bounded, unit)
    inputLow = bounded.program.inputs.flatMap { ranges.low[$0].map(Double.init) }
    inputHigh = bounded.program.inputs.flatMap { ranges.high[$0].map(Double.init) }
    var hulls: [(above: [(accumulator: Double, code: Double)], below: [(accumulator: Double, code: Double)])] = []
    for neuron in program.neurons {
      let step = bounded.steps[neuron.step]
      let staircase = step.staircases[step.staircases.count == 1 ? 0 : step.staircaseOf(neuron.element)]
      let output = bounded.program.steps[neuron.step].output
      func hull(_ above: Bool) -> [(accumulator: Double, code: Double)] {
        staircase.hull(
          above: above, low: ranges.accumulatorLow[neuron.step][neuron.element],
          high: ranges.accumulatorHigh[neuron.step][neuron.element],
          lowestCode: ranges.low[output][neuron.element], highestCode: ranges.high[output][neuron.element])
      }
      hulls.append((hull(true), hull(false)))
    }
    self.hulls = hulls
    // What the line search computes for the cut alone differs from its bound by a constant.
    constantOfCut = 0
    scale = unit
    constantOfCut = Double(bound.value) / unit - worth(gamma: 1, own: nil)
  }

  private var constantOfCut: Double
  private let scale: Double

  /// What a neuron's code and accumulator cost.
  private struct Cost {
    var price, multiplier: Double
  }

  private static func costs(
    _ program: LinearRelaxation, _ prices: [Int: [Int64]], _ multipliers: [Int: [Int32]], _ unit: Double
  ) -> [Cost] {
    program.neurons.map {
      Cost(
        price: Double(prices[$0.step]?[$0.element] ?? 0) / unit,
        multiplier: Double(multipliers[$0.step]?[$0.element] ?? 0) / unit)
    }
  }

  private static func flat(_ prices: [[Int64]], _ bounded: BoundedProgram, _ unit: Double) -> [Double] {
    zip(prices, bounded.program.inputs).flatMap { prices, input in
      prices.isEmpty ? Array(repeating: 0, count: bounded.program.values[input].count) : prices.map { Double($0) / unit }
    }
  }

  /// One accumulator's own pass.
  private struct Own {
    var multipliers: [Int: [Int32]]
    var costs: [Cost]
    var inputs: [Double]
    var constant = 0.0
  }

  /// Σ of the staircases' maxima and of the inputs' worth for `own + γ · cut`, constants left out.
  private func worth(gamma: Double, own: Own?) -> Double {
    var total = 0.0
    for index in cutCosts.indices {
      let cut = cutCosts[index]
      var (price, multiplier) = (gamma * cut.price, gamma * cut.multiplier)
      if let own {
        price += own.costs[index].price
        multiplier += own.costs[index].multiplier
      }
      if price == 0 && multiplier == 0 { continue }
      var best = -Double.infinity
      for corner in price > 0 ? hulls[index].above : hulls[index].below {
        best = max(best, price * corner.code - multiplier * corner.accumulator)
      }
      total += best
    }
    for element in cutInputs.indices {
      let price = gamma * cutInputs[element] + (own?.inputs[element] ?? 0)
      total += price * (price > 0 ? inputHigh[element] : inputLow[element])
    }
    return total
  }

  /// The lemma for one neuron's accumulator, nil where the cut does not help.
  func lemma(neuron index: Int, isUpper: Bool) -> Proof.Lemma? {
    let neuron = program.neurons[index]
    let variable = Variable.accumulator(step: neuron.step, element: neuron.element)
    let sign: Double = isUpper ? 1 : -1
    var slopes = SlopeMultipliers(bounded)
    let functional = Functional([.init(variable, Int64(isUpper ? Self.unit : -Self.unit))])
    guard let bound = try? bounded.bound(of: functional, over: ranges, multipliers: &slopes) else { return nil }
    let ownUnit = Double(Self.unit)
    var own = Own(
      multipliers: slopes.chosen, costs: Self.costs(program, slopes.prices, slopes.chosen, ownUnit),
      inputs: Self.flat(bound.inputPrices, bounded, ownUnit))
    own.costs[index].multiplier -= sign
    own.constant = Double(bound.value) / ownUnit - worth(gamma: 0, own: own)
    func value(_ gamma: Double) -> Double { own.constant + gamma * constantOfCut + worth(gamma: gamma, own: own) }
    // Accumulators per code of the goal: where γ lies is about that.
    let unit = 1 / neuron.scale
    let present = value(0)
    var (bestGamma, best) = (0.0, present)
    var gamma = unit / 64
    while gamma < unit * 4096 {
      let reached = value(gamma)
      if reached < best { (bestGamma, best) = (gamma, reached) } else if bestGamma > 0 { break }
      gamma *= 2
    }
    // Convex: between its neighbours on the grid.
    var (low, high) = (bestGamma / 2, bestGamma * 2)
    for _ in 0..<(bestGamma > 0 ? 10 : 0) {
      let (a, b) = (low + (high - low) * 0.4, low + (high - low) * 0.6)
      let (x, y) = (value(a), value(b))
      if x < best { (bestGamma, best) = (a, x) }
      if y < best { (bestGamma, best) = (b, y) }
      if x < y { high = b } else { low = a }
    }
    let range = ranges.range(of: variable)
    let limit = isUpper ? Double(range.upperBound) : -Double(range.lowerBound)
    guard limit - best > 0.02 / neuron.scale else { return nil }

    // Everything in the multipliers' own unit, as large as fits.
    var largest = bestGamma * Double(cut.constraints.max() ?? 0) / scale
    for list in cut.steps.values { for m in list { largest = max(largest, bestGamma * abs(Double(m)) / scale) } }
    var scaled = Double(Self.unit)
    while largest * scaled > 0x1p28 { scaled /= 2 }
    guard scaled >= 1 else { return nil }
    let factor = bestGamma * scaled / scale
    let ownFactor = scaled / Double(Self.unit)
    var steps: [Int: [Int32]] = [:]
    for step in Set(cut.steps.keys).union(own.multipliers.keys) {
      let (a, b) = (cut.steps[step] ?? [], own.multipliers[step] ?? [])
      steps[step] = (0..<max(a.count, b.count)).map { element in
        Int32(
          max(
            -0x1p29,
            min(
              0x1p29,
              ((a.isEmpty ? 0 : Double(a[element]) * factor) + (b.isEmpty ? 0 : Double(b[element]) * ownFactor))
                .rounded()))
        )
      }
    }
    return .bound(
      variable, isUpper: isUpper, scale: Int32(scaled),
      Proof.Multipliers(constraints: cut.constraints.map { Int32((Double($0) * factor).rounded()) }, steps: steps))
  }
}

/// Multipliers that are given, and the prices they met.
struct RecordedMultipliers: MultiplierSource {
  let steps: [Int: [Int32]]
  var prices: [Int: [Int64]] = [:]

  init(steps: [Int: [Int32]]) { self.steps = steps }

  var unpricedSteps: Set<Int> { Set(steps.keys) }

  mutating func multipliers(step: Int, prices: [Int64], accumulatorPrices: [Int64], ranges: Ranges) -> [Int32] {
    self.prices[step] = prices
    return steps[step] ?? []
  }
}
