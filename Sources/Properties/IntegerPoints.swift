import BigInt

/// Integers, each in a range of its own, that meet linear constraints `Σ k·x ≥ c`: whether there are any.
///
/// Exact: simplex over fractions, with bounds on sums and on the integers themselves (Dutertre and de Moura, "A Fast
/// Linear-Arithmetic Solver for DPLL(T)", 2006; Bland's rule ends it), and two cases for a fraction in a solution.
struct IntegerPoints {
  enum Answer: Equatable {
    case none
    /// A point, in the order of the ranges.
    case point([BigInt])
    /// It would take too long to say.
    case unknown
  }

  /// `Σ coefficient · x ≥ least`, with the coefficient of each variable.
  typealias Constraint = (coefficients: [Int: BigInt], least: BigInt)

  /// Multiplications of fractions that may still be spent.
  private(set) var effort: Int
  /// How many of the variables are asked for; sums follow them.
  private let count: Int
  /// Bounds of variables, and lower ones of sums.
  private var least: [Rational]
  private var most: [Rational?]
  private var value: [Rational]
  /// For each row, the variable that it is about, as a sum of the variables that no row is about.
  private var basic: [Int]
  private var rows: [[Int: Rational]]
  private var isEmpty = false

  init(_ ranges: [ClosedRange<BigInt>], _ constraints: [Constraint], effort: Int) {
    self.effort = effort
    count = ranges.count
    least = ranges.map { Rational($0.lowerBound) }
    most = ranges.map { Rational($0.upperBound) }
    value = least
    basic = []
    rows = []
    for constraint in constraints {
      let coefficients = constraint.coefficients.filter { $0.value != 0 }
      // Sums of integers are multiples of the common divisor.
      let divisor = coefficients.values.reduce(BigInt(0)) { $0.greatestCommonDivisor(with: $1) }
      guard divisor != 0 else {
        if constraint.least > 0 { isEmpty = true }
        continue
      }
      let row = coefficients.mapValues { Rational($0 / divisor) }
      basic.append(least.count)
      rows.append(row)
      least.append(Rational(Rational(constraint.least, over: divisor).ceiling))
      most.append(nil)
      value.append(row.reduce(Rational(0)) { $0 + $1.value * value[$1.key] })
    }
  }

  /// A point that meets all of them. What is found serves the next question.
  mutating func answer() -> Answer {
    guard !isEmpty else { return .none }
    switch settle() {
    case nil: return .unknown
    case false:
      isEmpty = true
      return .none
    case true: break
    }
    guard let variable = (0..<count).first(where: { value[$0].denominator != 1 }) else {
      return .point(value[..<count].map(\.numerator))
    }
    var isUnknown = false
    for isAbove in [false, true] {
      var part = self
      let bound = isAbove ? value[variable].ceiling : value[variable].floor
      if isAbove { part.raise(variable, to: bound) } else { part.lower(variable, to: bound) }
      let answer = part.answer()
      effort = part.effort
      switch answer {
      case .point: return answer
      case .none: continue
      case .unknown: isUnknown = true
      }
    }
    return isUnknown ? .unknown : .none
  }

  /// A point that differs in one of `variables` from `point`, which is one.
  mutating func other(than point: [BigInt], in variables: some Sequence<Int>) -> Answer {
    for variable in variables where least[variable] != most[variable] {
      for isAbove in [true, false] {
        var part = self
        if isAbove {
          part.raise(variable, to: point[variable] + 1)
        } else {
          part.lower(variable, to: point[variable] - 1)
        }
        let answer = part.answer()
        effort = part.effort
        if answer != .none { return answer }
      }
    }
    return .none
  }

  /// From here on a variable is at least, or at most, so much.
  private mutating func raise(_ variable: Int, to bound: BigInt) {
    guard Rational(bound) > least[variable] else { return }
    least[variable] = Rational(bound)
    if let most = most[variable], most < least[variable] { isEmpty = true }
    keep(variable)
  }
  private mutating func lower(_ variable: Int, to bound: BigInt) {
    if let most = most[variable], most <= Rational(bound) { return }
    most[variable] = Rational(bound)
    if Rational(bound) < least[variable] { isEmpty = true }
    keep(variable)
  }

  /// A variable that no row is about stays within its bounds.
  private mutating func keep(_ variable: Int) {
    guard !isEmpty, !basic.contains(variable) else { return }
    if value[variable] < least[variable] { move(variable, to: least[variable]) }
    if let most = most[variable], value[variable] > most { move(variable, to: most) }
  }

  private mutating func move(_ variable: Int, to new: Rational) {
    let change = new - value[variable]
    for (row, coefficients) in rows.enumerated() {
      guard let coefficient = coefficients[variable] else { continue }
      value[basic[row]] = value[basic[row]] + coefficient * change
    }
    value[variable] = new
  }

  /// Whether fractions meet all bounds, which `value` then does; nil where that would take too long.
  private mutating func settle() -> Bool? {
    while true {
      let outside = rows.indices.filter { row in
        value[basic[row]] < least[basic[row]] || (most[basic[row]].map { value[basic[row]] > $0 } ?? false)
      }
      guard let row = outside.min(by: { basic[$0] < basic[$1] }) else { return true }
      let variable = basic[row]
      let isBelow = value[variable] < least[variable]
      let bound = isBelow ? least[variable] : most[variable] ?? value[variable]
      // What may still move the sum towards its bound, the first of them.
      let chosen = rows[row].filter { place, coefficient in
        (coefficient > Rational(0)) == isBelow
          ? most[place].map { value[place] < $0 } ?? true : value[place] > least[place]
      }.keys.min()
      guard let chosen, let coefficient = rows[row][chosen] else { return false }
      effort -= rows.reduce(0) { $0 + ($1[chosen] == nil ? 0 : rows[row].count) } + 1
      guard effort > 0 else { return nil }
      move(chosen, to: value[chosen] + (bound - value[variable]) / coefficient)
      exchange(row, chosen, coefficient)
    }
  }

  /// Makes a row about `new`, and what it was about one of the others.
  private mutating func exchange(_ row: Int, _ new: Int, _ coefficient: Rational) {
    var solved = rows[row].mapValues { -$0 / coefficient }
    solved[new] = nil
    solved[basic[row]] = Rational(1) / coefficient
    basic[row] = new
    rows[row] = solved
    for other in rows.indices where other != row {
      guard let factor = rows[other].removeValue(forKey: new) else { continue }
      for (place, part) in solved {
        let sum = (rows[other][place] ?? Rational(0)) + factor * part
        rows[other][place] = sum == Rational(0) ? nil : sum
      }
    }
  }
}
