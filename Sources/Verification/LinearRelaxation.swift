import CClp
import Certificates
import IntegerProgram

/// A goal's relaxation as a linear program: the sums as they are, each requantisation as the convex hull of its
/// staircase over the accumulator's range. Clp solves it in floating point; what comes out, the multipliers, proves
/// nothing before the exact bound has been computed with them.
///
/// Steps that are neither affine nor sums nor moves leave their outputs free in their ranges. Not to be used from two
/// threads at once.
final class LinearRelaxation {
  let bounded: BoundedProgram
  let goal: Goal
  /// Clp's own object; loaded at the end of `init`.
  private var model: OpaquePointer!
  /// By value and element: its column, or -1 where its code was fixed when the program was made.
  private var columnOf: [[Int32]]
  /// The requantised elements that have a row.
  private(set) var neurons: [Neuron] = []
  /// The neurons whose codes the goal's constraints name.
  private(set) var goalNeurons: [Int] = []
  private var neuronOf: [[Int32]]
  /// The ranges that the program holds now.
  private(set) var ranges: Ranges
  private var goalRows = 0..<0
  /// For each of them, whether z stands in it.
  private var goalActs: [Bool] = []
  /// The basis in which the goal was last maximised: where its next maximisation starts. Empty at first.
  var goalBasis: [UInt8] = []
  /// Rows that keep the goal's own accumulators a margin z inside the ends that hold them back from it: the lower end
  /// of one that the goal wants large, the upper end of one that it wants small.
  private var marginRows: [(neuron: Int, row: Int32, isLower: Bool)] = []
  /// What the inputs alone allow, before the goal's constraints and any case.
  private let natural: Ranges
  private var slack: Int32 = 0
  private var columns: Int32 = 0
  private(set) var solves = 0
  private(set) var iterations = 0

  /// One requantised sum.
  struct Neuron {
    let step, element: Int
    let row: Int32
    /// Columns of the accumulator, in codes, and of the code.
    let accumulator, code: Int32
    /// Codes per accumulator, about.
    let scale: Double
    /// Its six hull rows: three above, three below.
    let hull: Int32
  }

  /// What z weighs in a constraint on codes. They end where they saturate, and a bound that has reached that end is blind
  /// to everything before it; accumulators go on. So little that their margins decide.
  private static let codesPerMargin = 1.0 / 4

  struct Solution {
    enum Status { case optimal, infeasible, failed }
    var status: Status
    /// The maximum of the objective, in floating point.
    var value: Double
    var multipliers: Proof.Multipliers
    /// Of an infeasible program: these, or those above, show it.
    var opposite: Proof.Multipliers?
    /// What the multiplier of the bounded variable stands for.
    var scale: Int32

    static let failed = Solution(
      status: .failed, value: .infinity, multipliers: Proof.Multipliers(constraints: [], steps: [:]), scale: 1)
  }

  /// Larger ones take the solver too long for each case of a search.
  private static let largest = (entries: 600_000, neurons: 2500)

  /// Whether the linear program of `bounded` over `ranges` is small enough to be worth its time.
  static func isWorthwhile(_ bounded: BoundedProgram, _ ranges: Ranges) -> Bool {
    var (size, neurons) = (0, 0)
    for (index, step) in bounded.program.steps.enumerated() {
      guard case .affine(let affine, _, _) = bounded.steps[index].form else { continue }
      let open = zip(ranges.low[step.output], ranges.high[step.output]).count { $0 < $1 }
      size += open * affine.weightsPerOutput
      neurons += open
    }
    return size <= largest.entries && neurons <= largest.neurons
  }

  /// For the ranges of the inputs' box; `update` narrows them.
  init(_ bounded: BoundedProgram, goal: Goal, natural: Ranges) {
    let ranges = natural
    self.bounded = bounded
    self.goal = goal
    self.natural = natural
    self.ranges = ranges
    let program = bounded.program
    var builder = Builder()
    columnOf = program.values.map { Array(repeating: -1, count: $0.count) }
    neuronOf = program.steps.map { Array(repeating: -1, count: program.values[$0.output].count) }

    func free(_ value: Int, _ columnOf: inout [[Int32]]) {
      for element in columnOf[value].indices where ranges.low[value][element] < ranges.high[value][element] {
        columnOf[value][element] = builder.column(
          Double(ranges.low[value][element]), Double(ranges.high[value][element]))
      }
    }
    for input in program.inputs { free(input, &columnOf) }
    for (index, step) in program.steps.enumerated() {
      switch bounded.steps[index].form {
      case .move(let sources):
        for (element, source) in sources.enumerated() where source.operand >= 0 {
          columnOf[step.output][element] = columnOf[step.inputs[Int(source.operand)]][Int(source.element)]
        }
      case .affine(let affine, let window, _):
        let input = step.inputs[0]
        let (channels, inputs) = (affine.geometry.outputChannels, affine.geometry.inputChannels)
        for element in 0..<program.values[step.output].count {
          guard matters(index, element) else { continue }
          let (pixel, channel) = (element / channels, element % channels)
          let first = channel / affine.outputsPerGroup * affine.channelsPerGroup
          var terms: [(column: Int32, weight: Double)] = []
          var constant = Double(affine.bias[channel])
          for tap in 0..<window.taps {
            let source = Int(window.pixels[pixel * window.taps + tap])
            let row = channel * affine.weightsPerOutput + tap * affine.channelsPerGroup
            for i in 0..<affine.channelsPerGroup {
              let weight = Double(affine.weights[row + i])
              if weight == 0 { continue }
              guard source >= 0 else {
                constant += weight * Double(affine.paddingCode)
                continue
              }
              let place = source * inputs + first + i
              if columnOf[input][place] >= 0 {
                terms.append((columnOf[input][place], weight))
              } else {
                constant += weight * Double(ranges.low[input][place])
              }
            }
          }
          addNeuron(index, element, terms, constant, &builder)
        }
      case .sum(let pool, let window, let bias):
        let input = step.inputs[0]
        let channels = pool.geometry.outputChannels
        for element in 0..<program.values[step.output].count {
          guard matters(index, element) else { continue }
          var terms: [(column: Int32, weight: Double)] = []
          var constant = Double(bias)
          for tap in 0..<window.taps {
            let source = Int(window.pixels[element / channels * window.taps + tap])
            guard source >= 0 else {
              constant += Double(pool.paddingCode ?? 0)
              continue
            }
            let place = source * channels + element % channels
            if columnOf[input][place] >= 0 {
              terms.append((columnOf[input][place], 1))
            } else {
              constant += Double(ranges.low[input][place])
            }
          }
          addNeuron(index, element, terms, constant, &builder)
        }
      default:
        free(step.output, &columnOf)
      }
    }

    // The goal: each constraint at least z, and z as large as can be. Where codes saturate, the constraint cannot grow
    // and says nothing about how far from it the inputs are: there its accumulators keep a margin z in their ranges.
    slack = builder.column(-1e9, 1e9)
    let firstRow = builder.rows
    for constraint in goal.constraints {
      var constant = Double(constraint.constant)
      let row = builder.row(0, .infinity)
      for part in constraint.parts {
        guard case .code(let value, let element) = part.variable else { continue }
        if columnOf[value][element] >= 0 {
          builder.add(row, columnOf[value][element], Double(part.coefficient))
        } else {
          constant += Double(part.coefficient) * Double(ranges.low[value][element])
        }
      }
      builder.add(row, slack, -1)
      builder.rowLower[Int(row)] = -constant
    }
    goalRows = Int(firstRow)..<Int(builder.rows)
    goalNeurons = findGoalNeurons()
    for place in goalNeurons {
      let isLower = goal.constraints.contains { constraint in
        constraint.parts.contains {
          if case .code(let value, let element) = $0.variable {
            columnOf[value][element] == neurons[place].code && $0.coefficient > 0
          } else {
            false
          }
        }
      }
      let row = builder.row(-.infinity, .infinity)
      builder.add(row, neurons[place].accumulator, 1)
      builder.add(row, slack, isLower ? -1 : 1)
      marginRows.append((place, row, isLower))
    }
    columns = builder.columns
    model = builder.load()
    for index in neurons.indices { updateHull(neurons[index]) }
    updateMargins()
    startFromSlopes()
  }

  /// Starts from the basis that one pass of slopes amounts to: each code on the line of its hull that its price calls for,
  /// inputs at their ends. It is dual feasible, so the solver improves on that bound from the first step.
  private func startFromSlopes() {
    var slopes = SlopeMultipliers(bounded)
    guard let functional = try? goal.combination(goal.slopeWeights),
      (try? bounded.bound(of: functional, over: ranges, multipliers: &slopes)) != nil
    else { return }
    let (basic, upper, lower) = (Int32(1), Int32(2), Int32(3))
    for neuron in neurons {
      Clp_setRowStatus(pointer, neuron.row, lower)
      Clp_setColumnStatus(pointer, neuron.accumulator, basic)
      Clp_setColumnStatus(pointer, neuron.code, basic)
      let above = (slopes.prices[neuron.step]?[neuron.element] ?? 0) > 0
      let output = bounded.program.steps[neuron.step].output
      let (low, high) = (
        ranges.accumulatorLow[neuron.step][neuron.element], ranges.accumulatorHigh[neuron.step][neuron.element]
      )
      let corners = staircase(neuron.step, neuron.element).hull(
        above: above, low: low, high: high, lowestCode: ranges.low[output][neuron.element],
        highestCode: ranges.high[output][neuron.element])
      let middle = (Double(low) + Double(high)) / 2
      let segment = corners.indices.dropFirst().first { middle < corners[$0].accumulator } ?? corners.count - 1
      for row in 0..<6 {
        let isActive = corners.count > 1 && row == (above ? segment - 1 : 3 + segment - 1)
        Clp_setRowStatus(pointer, neuron.hull + Int32(row), isActive ? (above ? upper : lower) : basic)
      }
      // A code without a hull is fixed.
      if corners.count < 2 { Clp_setColumnStatus(pointer, neuron.code, lower) }
    }
    // z is held by one row in which it stands.
    var isHeld = false
    for (row, acts) in zip(goalRows, goalActs) {
      Clp_setRowStatus(pointer, Int32(row), acts && !isHeld ? lower : basic)
      isHeld = isHeld || acts
    }
    let rowLower = Clp_rowLower(pointer)!
    let rowUpper = Clp_rowUpper(pointer)!
    for margin in marginRows {
      let acts = margin.isLower ? rowLower[Int(margin.row)] > -1e300 : rowUpper[Int(margin.row)] < 1e300
      Clp_setRowStatus(pointer, margin.row, acts && !isHeld ? (margin.isLower ? lower : upper) : basic)
      isHeld = isHeld || acts
    }
    Clp_setColumnStatus(pointer, slack, isHeld ? basic : upper)
  }

  /// Whether an element needs a row: its code is open, or its accumulator is held tighter than its inputs hold it.
  private func matters(_ step: Int, _ element: Int) -> Bool {
    let output = bounded.program.steps[step].output
    return ranges.low[output][element] < ranges.high[output][element] || isHeld(step, element).low
      || isHeld(step, element).high
  }

  private func isHeld(_ step: Int, _ element: Int) -> (low: Bool, high: Bool) {
    (
      ranges.accumulatorLow[step][element] > natural.accumulatorLow[step][element],
      ranges.accumulatorHigh[step][element] < natural.accumulatorHigh[step][element]
    )
  }

  private func findGoalNeurons() -> [Int] {
    var columns: Set<Int32> = []
    for constraint in goal.constraints {
      for part in constraint.parts {
        if case .code(let value, let element) = part.variable, columnOf[value][element] >= 0 {
          columns.insert(columnOf[value][element])
        }
      }
    }
    return neurons.indices.filter { columns.contains(neurons[$0].code) }
  }

  /// Lets z act where it can: on constraints that are not saturated, and on accumulators that are held.
  private func updateMargins() {
    let (rowLower, rowUpper) = (Clp_rowLower(pointer)!, Clp_rowUpper(pointer)!)
    goalActs = []
    for (constraint, row) in zip(goal.constraints, goalRows) {
      let most = constraint.parts.reduce(constraint.constant) { sum, part in
        let range = ranges.range(of: part.variable)
        return sum + max(part.coefficient * Int64(range.lowerBound), part.coefficient * Int64(range.upperBound))
      }
      goalActs.append(most > 0)
      Clp_modifyCoefficient(pointer, Int32(row), slack, most > 0 ? -Self.codesPerMargin : 0, true)
    }
    for (index, row, isLower) in marginRows {
      let neuron = neurons[index]
      let held = isHeld(neuron.step, neuron.element)
      if isLower {
        rowLower[Int(row)] =
          held.low
          ? Double(ranges.accumulatorLow[neuron.step][neuron.element]) * neuron.scale : -Double.greatestFiniteMagnitude
      } else {
        rowUpper[Int(row)] =
          held.high
          ? Double(ranges.accumulatorHigh[neuron.step][neuron.element]) * neuron.scale : Double.greatestFiniteMagnitude
      }
    }
  }

  deinit { Clp_deleteModel(UnsafeMutableRawPointer(model)) }

  private var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(model) }

  private func addNeuron(
    _ step: Int, _ element: Int, _ terms: [(column: Int32, weight: Double)], _ constant: Double,
    _ builder: inout Builder
  ) {
    let output = bounded.program.steps[step].output
    let (low, high) = (Double(ranges.accumulatorLow[step][element]), Double(ranges.accumulatorHigh[step][element]))
    let (lowest, highest) = (ranges.low[output][element], ranges.high[output][element])
    let staircase = self.staircase(step, element)
    let span =
      highest - lowest > 1
      ? Double(staircase.first(reaching: highest) - staircase.first(reaching: lowest + 1))
        / Double(highest - lowest - 1)
      : high - low
    let scale = 1 / max(1, span)
    let row = builder.row(-constant * scale, -constant * scale)
    for term in terms { builder.add(row, term.column, term.weight * scale) }
    let accumulator = builder.column(low * scale, high * scale)
    builder.add(row, accumulator, -1)
    let code = builder.column(Double(lowest), Double(highest))
    var hull: Int32 = -1
    for _ in 0..<6 {
      let row = builder.row(-.infinity, .infinity)
      if hull < 0 { hull = row }
      builder.add(row, accumulator, 1)
      builder.add(row, code, 1)
    }
    columnOf[output][element] = code
    neuronOf[step][element] = Int32(neurons.count)
    neurons.append(
      Neuron(
        step: step, element: element, row: row, accumulator: accumulator, code: code, scale: scale, hull: hull))
  }

  private func staircase(_ step: Int, _ element: Int) -> Staircase {
    let bounded = bounded.steps[step]
    return bounded.staircases[bounded.staircases.count == 1 ? 0 : bounded.staircaseOf(element)]
  }

  /// Enters a neuron's hull for its present ranges.
  private func updateHull(_ neuron: Neuron) {
    let output = bounded.program.steps[neuron.step].output
    let (rowLower, rowUpper) = (Clp_rowLower(pointer)!, Clp_rowUpper(pointer)!)
    for above in [true, false] {
      let corners = staircase(neuron.step, neuron.element).hull(
        above: above, low: ranges.accumulatorLow[neuron.step][neuron.element],
        high: ranges.accumulatorHigh[neuron.step][neuron.element],
        lowestCode: ranges.low[output][neuron.element], highestCode: ranges.high[output][neuron.element])
      for segment in 0..<3 {
        let row = neuron.hull + Int32(above ? segment : 3 + segment)
        guard segment + 1 < corners.count else {
          rowLower[Int(row)] = -Double.greatestFiniteMagnitude
          rowUpper[Int(row)] = Double.greatestFiniteMagnitude
          continue
        }
        let (from, to) = (corners[segment], corners[segment + 1])
        let slope = (to.code - from.code) / (to.accumulator - from.accumulator)
        Clp_modifyCoefficient(pointer, row, neuron.accumulator, -slope / neuron.scale, true)
        let level = from.code - slope * from.accumulator
        rowLower[Int(row)] = above ? -Double.greatestFiniteMagnitude : level
        rowUpper[Int(row)] = above ? level : Double.greatestFiniteMagnitude
      }
    }
  }

  /// Takes other ranges, within those it was made for.
  func update(_ new: Ranges) {
    let old = ranges
    ranges = new
    let (lower, upper) = (Clp_columnLower(pointer)!, Clp_columnUpper(pointer)!)
    for (value, columns) in columnOf.enumerated()
    where old.low[value] != new.low[value] || old.high[value] != new.high[value] {
      for (element, column) in columns.enumerated() where column >= 0 {
        lower[Int(column)] = Double(new.low[value][element])
        upper[Int(column)] = Double(new.high[value][element])
      }
    }
    for neuron in neurons {
      let (step, element) = (neuron.step, neuron.element)
      let (low, high) = (new.accumulatorLow[step][element], new.accumulatorHigh[step][element])
      let output = bounded.program.steps[step].output
      guard
        low != old.accumulatorLow[step][element] || high != old.accumulatorHigh[step][element]
          || new.low[output][element] != old.low[output][element]
          || new.high[output][element] != old.high[output][element]
      else { continue }
      lower[Int(neuron.accumulator)] = Double(low) * neuron.scale
      upper[Int(neuron.accumulator)] = Double(high) * neuron.scale
      updateHull(neuron)
    }
    updateMargins()
  }

  /// Maximises the least of the goal's constraints. Stops early once the maximum is known to be below 0.
  func maximizeGoal(within seconds: Double = .infinity) -> Solution {
    setObjective(slack, -1)
    let (lower, upper) = (Clp_columnLower(pointer)!, Clp_columnUpper(pointer)!)
    (lower[Int(slack)], upper[Int(slack)]) = (-1e9, 1e9)
    if !goalBasis.isEmpty { Clp_copyinStatus(pointer, goalBasis) }
    var solution = solve(within: seconds)
    solution.value *= Self.codesPerMargin
    if Clp_statusExists(pointer) != 0 {
      // The status alone: the other bits belong to that run, and lead the solver astray in another.
      goalBasis = UnsafeBufferPointer(start: Clp_statusArray(pointer), count: Int(columns + Clp_numberRows(pointer)))
        .map { $0 & 7 }
    }
    return solution
  }

  /// About the most that the goal's margin can be: what the dual simplex has come down to after a few iterations, from
  /// the basis of the last `maximizeGoal`; −∞ where nothing meets the goal.
  func estimateGoal(iterations limit: Int32) -> Double {
    setObjective(slack, -1)
    let (lower, upper) = (Clp_columnLower(pointer)!, Clp_columnUpper(pointer)!)
    (lower[Int(slack)], upper[Int(slack)]) = (-1e9, 1e9)
    if !goalBasis.isEmpty { Clp_copyinStatus(pointer, goalBasis) }
    Clp_setMaximumIterations(pointer, limit)
    defer { Clp_setMaximumIterations(pointer, .max) }
    Clp_setDualObjectiveLimit(pointer, 1e-2)
    Clp_dual(pointer, 0)
    solves += 1
    iterations += Int(Clp_numberIterations(pointer))
    return Clp_status(pointer) == 1 ? -.infinity : -Clp_objectiveValue(pointer) * Self.codesPerMargin
  }

  private func setObjective(_ column: Int32, _ coefficient: Double) {
    let objective = Clp_objective(pointer)!
    for index in 0..<Int(columns) { objective[index] = 0 }
    objective[Int(column)] = coefficient
  }

  /// The dual simplex, on from the basis at hand, in parts that are made to fit into the time: Clp's own limit counts the
  /// process's seconds, which under load or with several threads are others than the clock's.
  private func dual(within seconds: Double) {
    let clock = ContinuousClock()
    let start = clock.now
    defer { Clp_setMaximumIterations(pointer, .max) }
    var left = seconds
    repeat {
      // A quarter of what is left, so that an estimate that is out by much passes the end by little.
      let part = secondsPerIteration.map { max(10, min(left / 4 / max($0, 1e-9), Double(Int32.max))) }
      Clp_setMaximumIterations(pointer, Int32(min(part ?? Self.firstIterations, Double(Int32.max - 1))))
      let before = clock.now
      Clp_dual(pointer, 0)
      let done = Int(Clp_numberIterations(pointer))
      iterations += done
      if done >= 20 { secondsPerIteration = (clock.now - before) / .seconds(1) / Double(done) }
      left = seconds - (clock.now - start) / .seconds(1)
      if done == 0 { return }
    } while Clp_status(pointer) == 3 && left > 0
  }

  /// Wall-clock, of the last solve that says something of it.
  private var secondsPerIteration: Double?
  /// So many are tried before anything is known: few, since in a large program each takes long.
  private static let firstIterations = 20.0

  private func solve(within seconds: Double) -> Solution {
    // Minimising the negative: done once that is above the limit.
    Clp_setDualObjectiveLimit(pointer, 1e-2)
    solves += 1
    dual(within: seconds)
    let status = Clp_status(pointer)
    let duals: [Double]
    var value = -Clp_objectiveValue(pointer)
    let rows = Int(Clp_numberRows(pointer))
    let result: Solution.Status
    var weight = 1.0
    if status == 1 && Clp_secondaryStatus(pointer) != 1, let ray = Clp_infeasibilityRay(pointer) {
      // No point satisfies the rows: a combination of them shows it, without any objective.
      duals = Array(UnsafeBufferPointer(start: ray, count: rows))
      Clp_freeRay(pointer, ray)
      result = .infeasible
      value = -.infinity
      weight = 0
    } else if status == 0 || status == 1 {
      duals = Array(UnsafeBufferPointer(start: Clp_dualRowSolution(pointer), count: rows))
      result = .optimal
    } else {
      return .failed
    }
    guard let (multipliers, scale) = multipliers(duals, weight) else { return .failed }
    // The solver does not say which way its ray points.
    let opposite = result == .infeasible ? self.multipliers(duals.map { -$0 }, weight)?.multipliers : nil
    return Solution(status: result, value: value, multipliers: multipliers, opposite: opposite, scale: scale)
  }

  /// The multipliers that the rows' duals stand for, in a common unit `scale`.
  private func multipliers(_ duals: [Double], _ weight: Double) -> (multipliers: Proof.Multipliers, scale: Int32)? {
    var multipliers: [Int: [Double]] = [:]
    var largest = weight
    for neuron in neurons where duals[Int(neuron.row)] != 0 {
      let multiplier = duals[Int(neuron.row)] * neuron.scale
      multipliers[
        neuron.step,
        default: Array(repeating: 0, count: bounded.program.values[bounded.program.steps[neuron.step].output].count)][
          neuron.element] = multiplier
      largest = max(largest, abs(multiplier))
    }
    let constraints = duals[goalRows].map { max(0, $0) }
    largest = max(largest, constraints.max() ?? 0)
    guard largest > 0, largest.isFinite else { return nil }
    // As fine as the checker's limits allow: a bound close to 0 is decided by the rounding.
    let scale = min(0x1p30, 0x1p28 / largest)
    func rounded(_ x: Double) -> Int32 { Int32(max(-0x1p29, min(0x1p29, (x * scale).rounded()))) }
    return (
      Proof.Multipliers(
        constraints: constraints.map(rounded), steps: multipliers.mapValues { $0.map(rounded) }),
      Int32(max(1, min(0x1p30, scale)))
    )
  }

  /// The value of each of a program value's elements in the present solution.
  func solution(value: Int) -> [Double] {
    let solution = Clp_primalColumnSolution(pointer)!
    return columnOf[value].enumerated().map { element, column in
      column >= 0 ? solution[Int(column)] : Double(ranges.low[value][element])
    }
  }

  /// Accumulator and code of an element that has a row.
  func solution(step: Int, element: Int) -> (accumulator: Double, code: Double)? {
    let index = neuronOf[step][element]
    return index < 0 ? nil : solution(neurons[Int(index)])
  }

  /// Accumulator and code of a neuron in the present solution.
  func solution(_ neuron: Neuron) -> (accumulator: Double, code: Double) {
    let solution = Clp_primalColumnSolution(pointer)!
    return (solution[Int(neuron.accumulator)] / neuron.scale, solution[Int(neuron.code)])
  }
}

/// A linear program under construction.
private struct Builder {
  private var entries: [[(row: Int32, value: Double)]] = []
  private var lower: [Double] = []
  private var upper: [Double] = []
  var rowLower: [Double] = []
  var rowUpper: [Double] = []

  var columns: Int32 { Int32(entries.count) }
  var rows: Int32 { Int32(rowLower.count) }

  mutating func column(_ low: Double, _ high: Double) -> Int32 {
    entries.append([])
    lower.append(low)
    upper.append(high)
    return Int32(entries.count - 1)
  }
  mutating func row(_ low: Double, _ high: Double) -> Int32 {
    rowLower.append(low)
    rowUpper.append(high)
    return Int32(rowLower.count - 1)
  }
  mutating func add(_ row: Int32, _ column: Int32, _ value: Double) { entries[Int(column)].append((row, value)) }

  func load() -> OpaquePointer {
    let model = Clp_newModel()!
    Clp_setLogLevel(model, 0)
    var starts: [Int32] = [0]
    var indices: [Int32] = []
    var values: [Double] = []
    for column in entries {
      for entry in column {
        indices.append(entry.row)
        values.append(entry.value)
      }
      starts.append(Int32(indices.count))
    }
    let objective = [Double](repeating: 0, count: entries.count)
    func bounded(_ x: Double) -> Double {
      x.isInfinite ? (x < 0 ? -Double.greatestFiniteMagnitude : Double.greatestFiniteMagnitude) : x
    }
    Clp_loadProblem(
      model, columns, rows, starts, indices, values, lower, upper, objective, rowLower.map(bounded),
      rowUpper.map(bounded))
    Clp_setOptimizationDirection(model, 1)
    // The rows are in codes already.
    Clp_scaling(model, 0)
    return OpaquePointer(model)
  }
}
