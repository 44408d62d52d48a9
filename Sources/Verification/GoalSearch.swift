import Certificates
import IntegerProgram
import Properties

/// The search for a proof that one goal cannot be met: bounds first, then cases, depth first. It goes on in slices, so
/// that several goals share the time.
///
/// Floating point guides it: which multipliers, which case next. What closes a case is the checker's own exact bound.
/// Not to be used from two threads at once.
final class GoalSearch {
  let bounded: BoundedProgram
  let goal: Goal
  let stages: Set<Stage>
  /// Whether to give up.
  let isOver: () -> Bool
  /// Tries an input in the box, and others near it with so much effort (moves); true where one meets a violation, and
  /// then the search ends.
  let tries: (_ point: [Int32], _ effort: Int) -> Bool

  /// Wall-clock seconds that are left.
  let secondsLeft: () -> Double
  /// Hidden accumulators are tightened anew where the relaxation's value has come down to this share.
  static let tightensBelow = 0.9
  static let deepest = 1000
  /// What slopes' prices count for beside the solver's.
  static let shareOfSlopes = 0.2
  /// In programs of more neurons the most mistaken one is split, untried.
  static let mostForStrongBranching = 400
  static let nodesPerPlunge = 8
  /// So many points are tried sooner than bounded.
  static let fewPoints = 1024

  enum Outcome {
    case open
    case proved(Proof)
    case violated
    /// Nothing is left to try.
    case stuck
  }

  var outcome = Outcome.open
  var nodes = 0
  /// The furthest stage so far.
  var stage = Stage.intervals
  /// A proved upper bound of the goal's first constraint.
  var bound: Int64
  /// The share of the tree that is open.
  var openFraction = 1.0
  var program: LinearRelaxation?
  let natural: Ranges
  var open: [OpenCase]
  /// Cases of many inputs, split one by one: they come last, since they hardly ever come to an end.
  var postponed: [OpenCase] = []
  /// How many inputs there are, where so few that all of them may be tried.
  let everyInput: Int?
  /// How many more inputs the proof may try one by one.
  var pointsLeft: Int
  /// The prices of the steps' codes in the last pass of slopes.
  var lastPrices: [Int: [Int64]] = [:]
  var random = Xorshift(seed: 1)
  var iterationsOfDives = 0
  var proof = ProofTree()
  /// Whether the case at hand was not next to the last one.
  var isElsewhere = false

  /// `natural` are the ranges of the inputs' box; the proof may try up to `mostPoints` inputs.
  init(
    _ bounded: BoundedProgram, goal: Goal, over natural: Ranges, stages: Set<Stage>, mostPoints: Int,
    isOver: @escaping () -> Bool, secondsLeft: @escaping () -> Double,
    tries: @escaping (_ point: [Int32], _ effort: Int) -> Bool
  ) {
    self.bounded = bounded
    self.goal = goal
    self.natural = natural
    self.stages = stages
    pointsLeft = mostPoints
    self.isOver = isOver
    self.secondsLeft = secondsLeft
    self.tries = tries
    open = [OpenCase(ranges: natural, depth: 0, place: 0)]
    let count = bounded.pointCount(of: natural) ?? .max
    everyInput = stages.contains(.branchAndBound) && count <= min(1 << 16, mostPoints) ? count : nil
    bound = 0
    bound = upperBound(natural)
  }

  struct OpenCase {
    var ranges: Ranges
    var depth: Int
    /// In the proof's tree.
    var place: Int
    /// The relaxation's value when hidden accumulators were last tightened, for it or a case it is part of.
    var tightenedAt = Double.infinity
    /// Where the linear program starts.
    var basis: [UInt8] = []
  }

  /// Looks at one case at least, and at more until `slice` says that it is over or the goal is decided.
  func advance(_ slice: () -> Bool) {
    guard case .open = outcome else { return }
    repeat {
      if isOver() { return }
      if open.isEmpty { swap(&open, &postponed) }
      if open.isEmpty {
        outcome = .proved(proof.proof)
        return
      }
      // Depth first, but now and then the oldest case: a counterexample may be far from where the search is deep.
      isElsewhere = nodes % Self.nodesPerPlunge == Self.nodesPerPlunge - 1
      let current = isElsewhere ? open.removeFirst() : open.removeLast()
      proof.current = current.place
      // Splits of hidden accumulators may go on for long where inputs are few, and each bound costs more than many inputs.
      if let everyInput, everyInput <= max(Self.fewPoints, nodes > 200 ? 32 * nodes : 0) { return tryEverything() }
      nodes += 1
      switch close(current) {
      case .closed:
        openFraction -= share(current.depth)
      case .violated:
        outcome = .violated
        return
      case .split(let variable, let at, let ranges, let tightenedAt, let best):
        if current.depth == 0 { bound = min(bound, best) }
        guard stages.contains(.branchAndBound), current.depth < Self.deepest else {
          guard everyInput == nil else { return tryEverything() }
          outcome = .stuck
          return
        }
        stage = .branchAndBound
        let range = ranges.range(of: variable)
        var (low, high) = (ranges, ranges)
        bounded.narrow(&low, variable, to: Int64(range.lowerBound)...Int64(at))
        bounded.narrow(&high, variable, to: Int64(at) + 1...Int64(range.upperBound))
        let places = proof.split()
        let basis = program?.goalBasis ?? []
        var cases = [
          OpenCase(ranges: high, depth: current.depth + 1, place: places.high, tightenedAt: tightenedAt, basis: basis),
          OpenCase(ranges: low, depth: current.depth + 1, place: places.low, tightenedAt: tightenedAt, basis: basis),
        ]
        // First the case that the relaxation's solution is in.
        if case .accumulator(let step, let element) = variable,
          let solution = program?.solution(step: step, element: element), solution.accumulator > Double(at)
        {
          cases.swapAt(0, 1)
        }
        if case .code = variable, openInputs(ranges) > Self.fewInputs { postponed += cases } else { open += cases }
      case .stuck(let best):
        if current.depth == 0 { bound = min(bound, best) }
        guard everyInput == nil else { return tryEverything() }
        outcome = .stuck
        return
      }
      if open.isEmpty && postponed.isEmpty {
        outcome = .proved(proof.proof)
        return
      }
    } while !slice()
  }

  func share(_ depth: Int) -> Double {
    var share = 1.0
    for _ in 0..<depth { share /= 2 }
    return share
  }
}
