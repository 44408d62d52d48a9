import DifferentialTesting
import IntegerProgram
import Properties
import Testing

@testable import Certificates
@testable import Verification

/// Ranges and bounds against every point of small boxes.
@Suite struct RangeTests {
  /// What was compared, and what failed.
  struct Count: Sendable {
    var compared = 0
    var exact = 0
    var faults: [String] = []
    init() {}
    init(_ counts: [Count]) {
      for count in counts {
        compared += count.compared
        exact += count.exact
        faults += count.faults
      }
    }
  }

  @Test("sums of many channels at a time are the sums") func channelsSideBySide() {
    let counts = inParallel(3000) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 8_000_000 + UInt64(index), largest: 2)
      var random = SeededGenerator(seed: UInt64(index))
      for (step, bounded) in zip(instance.program.steps, instance.bounded.steps) {
        guard case .affine(let affine, let window, _) = bounded.form else { continue }
        if affine.groups > 1 && bounded.channelWeights != nil { count.faults.append("seed \(instance.seed): groups") }
        guard let channelWeights = bounded.channelWeights else { continue }
        let everything = instance.bounded.everything
        var (low, high) = (everything.low[step.inputs[0]], everything.high[step.inputs[0]])
        for element in low.indices where random.chance(0.7) {
          low[element] = Int32(random.integer(in: Int(low[element])...Int(high[element])))
          if random.chance(0.7) { high[element] = Int32(random.integer(in: Int(low[element])...Int(high[element]))) }
        }
        let sums = channelWeights.sums(window, low: low, high: high)
        let reference = try? BoundedStep.accumulators(affine, window, low: low, high: high)
        count.compared += 1
        if sums.low != reference?.low || sums.high != reference?.high { count.faults.append("seed \(instance.seed)") }
      }
      return count
    }
    let all = Count(counts)
    #expect(all.faults.isEmpty, "\(all.faults.prefix(10))")
    #expect(all.compared > 2000)
  }

  @Test func rangesContainEveryCodeAndAccumulatorHoweverTheyAreNarrowed() {
    let counts = inParallel(2000) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 2_000_000 + UInt64(index), largest: 100)
      var random = SeededGenerator(seed: UInt64(index))
      var ranges = instance.bounded.ranges(over: instance.box)
      var traces = instance.points.map { Trace(instance.program, $0) }
      for round in 0...4 {
        if ranges.isEmpty {
          if !traces.isEmpty { count.faults.append("seed \(instance.seed): empty, with \(traces.count) points inside") }
          break
        }
        for trace in traces {
          count.compared += 1
          if let stray = trace.stray(from: ranges) {
            count.faults.append("seed \(instance.seed), round \(round): \(stray) is \(trace.value(of: stray))")
          }
        }
        // A case: some variable lies in a part of its range.
        let variable = instance.variable(&random, in: ranges)
        let range = ranges.range(of: variable)
        let low = random.integer(in: Int(range.lowerBound)...Int(range.upperBound))
        let part = random.chance(0.5) ? Int64(low)...Int64(range.upperBound) : Int64(range.lowerBound)...Int64(low)
        instance.bounded.narrow(&ranges, variable, to: part)
        if random.chance(0.8) { instance.bounded.propagate(&ranges) }
        traces = traces.filter { part.contains(Int64($0.value(of: variable))) }
      }
      return count
    }
    let all = Count(counts)
    print("ranges: \(all.compared) points")
    #expect(all.faults.isEmpty, "\(all.faults.count): \(all.faults.prefix(10))")
    #expect(all.compared > 50_000)
  }

  @Test func rangesOfSinglePointsAreExact() {
    let counts = inParallel(1000) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 2_500_000 + UInt64(index), largest: 20)
      for point in instance.points {
        count.compared += 1
        let ranges = instance.bounded.ranges(over: point.map { $0...$0 })
        let trace = Trace(instance.program, point)
        let isExact = instance.program.steps.allSatisfy {
          ranges.low[$0.output] == trace.codes[$0.output] && ranges.high[$0.output] == trace.codes[$0.output]
        }
        if !isExact || ranges.accumulatorLow != trace.accumulators || ranges.accumulatorHigh != trace.accumulators {
          count.faults.append("seed \(instance.seed), \(point)")
        }
      }
      return count
    }
    let all = Count(counts)
    #expect(all.faults.isEmpty, "\(all.faults.count): \(all.faults.prefix(10))")
    #expect(all.compared > 5000)
  }

  @Test func aBoundWithAnyMultipliersIsAtLeastEveryPointsValue() {
    let counts = inParallel(3000) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 3_000_000 + UInt64(index), largest: 60)
      var random = SeededGenerator(seed: UInt64(index))
      var ranges = instance.bounded.ranges(over: instance.box)
      var traces = instance.points.map { Trace(instance.program, $0) }
      // Often of a case.
      if random.chance(0.5) {
        let goal = instance.goal(&random)
        instance.bounded.settle(&ranges, for: goal)
        traces = traces.filter { $0.meets(goal) }
      }
      guard !ranges.isEmpty else { return count }
      for _ in 0..<8 {
        let functional = instance.functional(&random, in: ranges)
        var source = RandomMultipliers(instance.bounded, random)
        _ = random.next()
        guard let bound = try? instance.bounded.bound(of: functional, over: ranges, multipliers: &source) else {
          continue
        }
        let most = traces.map { $0.value(of: functional) }.max()
        guard let most else { continue }
        count.compared += 1
        if most == Int128(bound.value) { count.exact += 1 }
        if most > Int128(bound.value) {
          count.faults.append("seed \(instance.seed): bound \(bound.value), but a point has \(most)")
        }
      }
      return count
    }
    let all = Count(counts)
    print("bounds: \(all.compared), \(all.exact) of them attained")
    #expect(all.faults.isEmpty, "\(all.faults.count): \(all.faults.prefix(10))")
    #expect(all.compared > 10_000)
    // Else nothing would notice a bound that is one too low.
    #expect(all.exact > 1000)
  }

  @Test func noLemmaCutsOffAPointThatMeetsTheGoal() {
    let counts = inParallel(3000) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 4_000_000 + UInt64(index), largest: 80)
      var random = SeededGenerator(seed: UInt64(index))
      let goal = instance.goal(&random)
      var ranges = instance.bounded.ranges(over: instance.box)
      let met = instance.points.map { Trace(instance.program, $0) }.filter { $0.meets(goal) }
      func hold(_ what: String) {
        count.compared += met.count
        if ranges.isEmpty {
          if !met.isEmpty {
            count.faults.append("seed \(instance.seed): \(what) leaves nothing; \(met.count) points meet the goal")
          }
          return
        }
        for trace in met {
          if let stray = trace.stray(from: ranges) {
            count.faults.append("seed \(instance.seed): \(what) cuts off \(stray)")
          }
        }
      }
      instance.bounded.settle(&ranges, for: goal)
      hold("settling")
      for _ in 0..<12 where !ranges.isEmpty {
        let multipliers = instance.multipliers(&random, for: goal, in: ranges)
        let lemma: Proof.Lemma =
          random.chance(0.4)
          ? .reducedCosts(multipliers)
          : .bound(
            instance.variable(&random, in: ranges), isUpper: random.chance(0.5),
            scale: Int32(random.element(of: [1, 1, 2, 3, 64, 1 << 20])), multipliers)
        let before = ranges
        guard (try? instance.bounded.apply(lemma, goal, &ranges)) != nil else {
          ranges = before
          continue
        }
        if ranges.low != before.low || ranges.high != before.high || ranges.isEmpty { count.exact += 1 }
        hold("\(lemma)".prefix(60) + "…")
        if random.chance(0.5) && !ranges.isEmpty {
          instance.bounded.settle(&ranges, for: goal)
          hold("settling again")
        }
      }
      return count
    }
    let all = Count(counts)
    print("lemmas: \(all.compared) points that meet their goal, \(all.exact) lemmas that cut something off")
    #expect(all.faults.isEmpty, "\(all.faults.count): \(all.faults.prefix(10))")
    #expect(all.exact > 500)
  }

  @Test func everyViolationMeetsOneOfThePropertysGoals() {
    let counts = inParallel(3000) { index -> Count in
      var count = Count()
      let instance = Instance(seed: 5_000_000 + UInt64(index), largest: 60)
      var random = SeededGenerator(seed: UInt64(index))
      let property = instance.property(&random)
      let goals = instance.bounded.goals(of: property)
      for (point, outputs) in zip(instance.points, instance.outputs)
      where property.violation(inputs: point, outputs: outputs) != nil {
        count.compared += 1
        let trace = Trace(instance.program, point)
        if !goals.contains(where: trace.meets) { count.faults.append("seed \(instance.seed): \(point) meets no goal") }
      }
      return count
    }
    let all = Count(counts)
    #expect(all.faults.isEmpty, "\(all.faults.count): \(all.faults.prefix(10))")
    #expect(all.compared > 2000)
  }
}

/// Multipliers that mean nothing: none, small, huge, or near what the prices suggest.
struct RandomMultipliers: MultiplierSource {
  let bounded: BoundedProgram
  var random: SeededGenerator
  let unpricedSteps: Set<Int>

  init(_ bounded: BoundedProgram, _ random: SeededGenerator) {
    self.bounded = bounded
    var random = random
    unpricedSteps =
      random.chance(0.7) ? [] : [random.integer(in: 0...bounded.program.steps.count - 1)]
    self.random = random
  }

  mutating func multipliers(step: Int, prices: [Int64], accumulatorPrices: [Int64], ranges: Ranges) -> [Int32] {
    let count = bounded.multiplierCount(step: step)
    let kind = random.integer(in: 0...9)
    if kind == 0 { return [] }
    return (0..<count).map { element in
      switch kind {
      case 1: return 0
      case 2: return Int32(random.integer(in: -(1 << 29)...1 << 29))
      case 3, 4: return Int32(random.integer(in: -3...3))
      // As if a code were worth a few accumulators.
      default:
        let price = element < prices.count ? prices[element] : prices.isEmpty ? 0 : prices[element % prices.count]
        let own = element < accumulatorPrices.count ? accumulatorPrices[element] : 0
        return Int32(clamping: own &+ price / Int64(random.element(of: [1, 1, 2, 4, 16, -2])))
      }
    }.map { max(-(1 << 30) + 1, min((1 << 30) - 1, $0)) }
  }
}

extension Instance {
  /// Some code or accumulator that the program makes or takes.
  func variable(_ random: inout SeededGenerator, in ranges: Ranges) -> Variable {
    let steps = ranges.accumulatorLow.indices.filter { !ranges.accumulatorLow[$0].isEmpty }
    if random.chance(0.5), !steps.isEmpty {
      let step = random.element(of: steps)
      return .accumulator(step: step, element: random.integer(in: 0...ranges.accumulatorLow[step].count - 1))
    }
    let value = random.element(of: program.inputs + program.steps.map(\.output))
    return .code(value: value, element: random.integer(in: 0...program.values[value].count - 1))
  }

  func functional(_ random: inout SeededGenerator, in ranges: Ranges) -> Functional {
    let scale = random.element(of: [1, 1, 1, 1 << 10, 1 << 20])
    return Functional(
      (0..<random.integer(in: 1...4)).map { _ in
        Functional.Part(variable(&random, in: ranges), Int64(random.integer(in: -5...5) * scale))
      }, constant: Int64(random.integer(in: -100...100)))
  }

  /// Constraints on the program's codes and accumulators that some points meet, if any do.
  func goal(_ random: inout SeededGenerator) -> Goal {
    if random.chance(0.5) {
      // A network of one class has none.
      let goals = bounded.goals(of: property(&random))
      if !goals.isEmpty { return random.element(of: goals) }
    }
    let ranges = bounded.ranges(over: box)
    let trace = Trace(program, random.element(of: points))
    return Goal(
      constraints: (0..<random.integer(in: 1...3)).map { _ in
        var functional = functional(&random, in: ranges)
        // Just met by one point.
        functional.constant -= Int64(trace.value(of: functional)) - Int64(random.element(of: [0, 0, 1, 10]))
        return functional
      })
  }

  func multipliers(_ random: inout SeededGenerator, for goal: Goal, in ranges: Ranges) -> Proof.Multipliers {
    var steps: [Int: [Int32]] = [:]
    let constraints = goal.constraints.map { _ in Int32(random.element(of: [0, 1, 1, 1, 2, 5, 1 << 20])) }
    // Those that a search would take, now and then moved a little.
    var slopes = SlopeMultipliers(bounded)
    if random.chance(0.6), let functional = try? goal.combination(constraints),
      (try? bounded.bound(of: functional, over: ranges, multipliers: &slopes)) != nil
    {
      let isMoved = random.chance(0.5)
      steps = slopes.chosen.mapValues { list in
        list.map { isMoved && random.chance(0.3) ? $0 + Int32(random.integer(in: -2...2)) : $0 }
      }
      return Proof.Multipliers(constraints: constraints, steps: steps)
    }
    var source = RandomMultipliers(bounded, random)
    _ = random.next()
    for step in program.steps.indices where random.chance(0.6) {
      let list = source.multipliers(
        step: step, prices: [random.chance(0.5) ? 1 : -2], accumulatorPrices: [], ranges: ranges)
      if !list.isEmpty { steps[step] = list }
    }
    return Proof.Multipliers(constraints: constraints, steps: steps)
  }
}
