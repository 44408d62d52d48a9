import Certificates
import IntegerProgram

extension BoundedProgram {
  /// Multiply-accumulates that the bounds of one layer may take.
  private static let mostWork = 400_000_000

  /// Bounds the loose accumulators behind the first requantised layer by slopes, layer by layer: intervals forget what
  /// the accumulators before them have in common. They hold for the whole box, so all goals share them. Returns the
  /// rounds of lemmas, and the ranges they lead to.
  func deepBounds(over root: Ranges, isOver: () -> Bool) -> (nodes: [Proof.Node], ranges: Ranges) {
    var ranges = root
    var nodes: [Proof.Node] = []
    let requantised = program.steps.indices.filter { !root.accumulatorLow[$0].isEmpty }
    let nothing = Goal(constraints: [])
    // A bound takes one pass through all the layers before it.
    var work = requantised.first.map { program.steps[$0].multiplyAccumulates } ?? 0
    for step in requantised.dropFirst() {
      let own = work
      work += program.steps[step].multiplyAccumulates
      guard own * root.accumulatorLow[step].count <= Self.mostWork else { continue }
      let output = program.steps[step].output
      var node = Proof.Node(end: .next)
      for element in root.accumulatorLow[step].indices
      where ranges.low[output][element] < ranges.high[output][element] {
        for isUpper in [true, false] where !ranges.isEmpty && !isOver() {
          let variable = Variable.accumulator(step: step, element: element)
          let before = ranges.range(of: variable)
          var slopes = SlopeMultipliers(self)
          guard
            (try? apply(
              variable, isUpper: isUpper, scale: 1 << 18, constraints: [], nothing, &ranges, multipliers: &slopes))
              != nil, ranges.isEmpty || ranges.range(of: variable) != before
          else { continue }
          node.lemmas.append(
            .bound(variable, isUpper: isUpper, scale: 1 << 18, .init(constraints: [], steps: slopes.chosen)))
        }
      }
      guard !node.lemmas.isEmpty else { continue }
      settle(&ranges, for: nothing)
      nodes.append(node)
    }
    return (nodes, ranges)
  }

  /// A proof of one goal by intervals or by one pass of slopes; without one, the input that the slopes favour.
  func quickProof(of goal: Goal, over root: Ranges, slopes usesSlopes: Bool) -> (
    proof: Proof?, stage: Stage, point: [Int32]
  ) {
    var ranges = root
    settle(&ranges, for: goal)
    if ranges.isEmpty { return (Proof([Proof.Node(end: .empty)]), .intervals, []) }
    guard usesSlopes else { return (nil, .intervals, box(of: ranges).map { ($0.lowerBound + $0.upperBound) / 2 }) }
    let weights = goal.slopeWeights
    var slopes = SlopeMultipliers(self)
    guard let functional = try? goal.combination(weights),
      let bound = try? bound(of: functional, over: ranges, multipliers: &slopes)
    else { return (nil, .lagrangian, box(of: ranges).map { ($0.lowerBound + $0.upperBound) / 2 }) }
    if bound.value < 0 {
      return (
        Proof([Proof.Node(end: .contradiction(.init(constraints: weights, steps: slopes.chosen)))]), .lagrangian, []
      )
    }
    return (nil, .lagrangian, maximiser(of: bound, over: ranges))
  }

  /// The input that a bound's prices favour.
  func maximiser(of bound: LagrangianBound, over ranges: Ranges) -> [Int32] {
    var point: [Int32] = []
    for (input, prices) in zip(program.inputs, bound.inputPrices) {
      for element in ranges.low[input].indices {
        let (low, high) = (ranges.low[input][element], ranges.high[input][element])
        let price = prices.isEmpty ? 0 : prices[element]
        point.append(price > 0 ? high : price < 0 ? low : Int32((Int64(low) + Int64(high)) / 2))
      }
    }
    return point
  }
}
