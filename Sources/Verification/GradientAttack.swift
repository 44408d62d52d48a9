import Certificates
import IntegerProgram

/// Projected gradient ascent (Madry et al., 2018) on the program itself, for networks of any steps: the prices of a bound
/// whose lines follow the staircases at a point are the gradient there.
struct GradientAttack {
  private let bounded: BoundedProgram
  private let goal: Goal
  private let box: [ClosedRange<Int32>]

  init(_ bounded: BoundedProgram, goal: Goal, in box: [ClosedRange<Int32>]) {
    self.bounded = bounded
    self.goal = goal
    self.box = box
  }

  /// Climbs from `start` for so many steps, the last ones a code long. Returns the first point that meets the goal, or
  /// else the one that came closest.
  func run(from start: [Int32], steps: Int, seed: inout UInt64, isOver: () -> Bool) -> (point: [Int32], isMet: Bool) {
    let radius = box.reduce(0) { max($0, Int64($1.upperBound) - Int64($1.lowerBound)) } / 2
    var random = Xorshift(seed: seed)
    defer { seed = random.next() }
    var (point, best) = (start, (point: start, distance: Int128.min))
    for step in 0..<steps {
      let ranges = bounded.ranges(over: point.map { $0...$0 })
      guard let (distance, worst) = furthest(ranges) else { return (point, false) }
      if distance > best.distance { best = (point, distance) }
      if distance >= 0, bounded.isMet(goal, over: ranges) { return (point, true) }
      if isOver() { break }
      guard let gradient = gradient(worst, at: ranges, isOver) else { break }
      let length = Int32(clamping: max(1, radius * Int64(steps - step) / Int64(steps)))
      // A part of the inputs at a time: all of them at once, by a code each, go to and fro.
      let share = UInt64.max / 8 * UInt64(2 + 6 * (steps - step) / steps)
      // Each time from the best point so far, once steps are short.
      if step > steps / 2 { point = best.point }
      var place = 0
      for prices in gradient {
        for price in prices {
          if price != 0, random.next() < share {
            let moved = price > 0 ? point[place] &+ length : point[place] &- length
            point[place] = min(max(moved, box[place].lowerBound), box[place].upperBound)
          }
          place += 1
        }
      }
    }
    return (best.point, false)
  }

  /// The constraint that is missed by most, and by how much: below 0 where it is not met.
  private func furthest(_ ranges: Ranges) -> (distance: Int128, constraint: Int)? {
    goal.constraints.indices.map { (goal.constraints[$0].most(over: ranges), $0) }.min { $0.0 < $1.0 }
  }

  /// Nil where it is 0, or so steep that no scale fits it, or there is no time.
  private func gradient(_ constraint: Int, at point: Ranges, _ isOver: () -> Bool) -> [[Int64]]? {
    var found: LagrangianBound?
    // As fine as the integers hold: flat slopes are rounded to nothing at a coarse scale.
    for exponent in stride(from: 28, through: 8, by: -4) where found == nil && !isOver() {
      var slopes = SlopeMultipliers(bounded, gradientAt: point)
      var weights = [Int32](repeating: 0, count: goal.constraints.count)
      weights[constraint] = 1 << Int32(exponent)
      guard let functional = try? goal.combination(weights) else { return nil }
      found = try? bounded.bound(of: functional, over: bounded.everything, multipliers: &slopes)
    }
    guard let bound = found, bound.inputPrices.contains(where: { $0.contains { $0 != 0 } }) else { return nil }
    return zip(bound.inputPrices, bounded.program.inputs).map { prices, input in
      prices.isEmpty ? Array(repeating: 0, count: bounded.program.values[input].count) : prices
    }
  }
}
