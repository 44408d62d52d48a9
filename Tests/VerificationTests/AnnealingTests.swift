import DifferentialTesting
import Properties
import Testing

@testable import Certificates
@testable import Verification

/// Annealing on chains of layers against every point of small boxes.
@Suite struct AnnealingTests {
  private struct Count: Sendable {
    var met = 0
    var reached = 0
    var wrong = 0
    var outside = 0
  }

  @Test func findsWhatThereIsInDenseAndConvolutionLayers() {
    let counts = inParallel(6000) { index -> [Bool: Count] in
      var counts: [Bool: Count] = [:]
      let instance = Instance(seed: 7_000_000 + UInt64(index), largest: 200)
      guard let attack = AnnealingAttack(instance.bounded) else { return [:] }
      var random = SeededGenerator(seed: UInt64(index))
      for goal in instance.bounded.goals(of: instance.property(&random)) where attack.applies(to: goal) {
        let isReachable = instance.points.contains { instance.bounded.isMet(goal, at: $0) }
        var seed = random.next()
        let found = attack.run(
          goal, low: instance.box.map(\.lowerBound), high: instance.box.map(\.upperBound), from: instance.points[0],
          moves: 3000, hot: 0.3, seed: &seed, isOver: { false })
        var count = counts[attack.isDense] ?? Count()
        if isReachable { count.met += 1 }
        if let found {
          if !zip(found, instance.box).allSatisfy({ $1.contains($0) }) { count.outside += 1 }
          // Codes are computed in single precision, and rounded half up.
          if instance.bounded.isMet(goal, at: found) { count.reached += 1 } else { count.wrong += 1 }
        }
        counts[attack.isDense] = count
      }
      return counts
    }
    for isDense in [true, false] {
      let all = counts.compactMap { $0[isDense] }
      let (met, reached) = (all.reduce(0) { $0 + $1.met }, all.reduce(0) { $0 + $1.reached })
      let wrong = all.reduce(0) { $0 + $1.wrong }
      print("annealing, \(isDense ? "dense" : "convolutions"): \(reached) of \(met) found, \(wrong) wrongly")
      #expect(all.allSatisfy { $0.outside == 0 })
      #expect(met > 15)
      #expect(Double(reached) > 0.9 * Double(met))
      #expect(Double(wrong) < 0.1 * Double(reached))
    }
  }

  @Test func endsWhenItIsOver() throws {
    let instance = try #require((0..<200).lazy.map { Instance(seed: $0) }.first {
        AnnealingAttack($0.bounded) != nil && $0.points.count > 1
      })
    let attack = try #require(AnnealingAttack(instance.bounded))
    let never = Goal(constraints: [
      Functional([.init(.code(value: instance.program.steps.last!.output, element: 0), 1)], constant: -1_000_000)
    ])
    var (seed, asked) = (UInt64(1), 0)
    _ = attack.run(
      never, low: instance.box.map(\.lowerBound), high: instance.box.map(\.upperBound), from: instance.points[0],
      moves: 1_000_000, hot: 0.3, seed: &seed,
      isOver: {
        asked += 1
        return asked > 2
      })
    #expect(asked == 3)
  }
}
