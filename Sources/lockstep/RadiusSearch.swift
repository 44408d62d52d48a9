import Reporting

/// The largest ε that is proved for a sample and the smallest that is refuted, found by doubling and then halving. What
/// is proved holds for smaller ε, and a counterexample refutes every ε down to its own distance.
struct RadiusSearch: Sendable {
  struct Result: Sendable, Equatable {
    /// 0: the sample itself.
    var proved = 0
    /// Nil where nothing up to the limit is refuted.
    var refuted: Int?
    /// Those that were tried in vain.
    var unknown: Set<Int> = []
    /// Whether the questions say nothing of the network, as where no element may move.
    var isVacuous = false

    /// Whether nothing is left between.
    func isExact(limit: Int) -> Bool { !isVacuous && (refuted.map { $0 == proved + 1 } ?? (proved == limit)) }
  }

  /// The largest ε that is of interest.
  let limit: Int

  /// Asks by `ask`, which is given an ε and returns its record; nil, after an interruption, ends the search.
  func run(_ ask: (Int) throws -> VerificationRecord?) rethrows -> Result? {
    var result = Result()
    // An ε of 0 is the sample alone.
    guard limit > 0 else {
      result.isVacuous = true
      return result
    }
    var step = 1
    while let epsilon = next(result, &step) {
      guard let record = try ask(epsilon) else { return nil }
      switch record.verdict {
      case .proved: result.proved = max(result.proved, epsilon)
      case .violated: result.refuted = min(result.refuted ?? .max, epsilon, max(1, record.distance ?? epsilon))
      case .misclassified, .unknown: result.unknown.insert(epsilon)
      case .vacuous:
        result.isVacuous = true
        return result
      }
      result.unknown = result.unknown.filter { $0 > result.proved && $0 < result.refuted ?? .max }
    }
    return result
  }

  /// The next ε to ask for: those that are unknown leave a gap, below which the largest proof is sought, and above which
  /// the smallest refutation.
  private func next(_ result: Result, _ step: inout Int) -> Int? {
    let ceiling = result.refuted ?? limit + 1
    guard result.proved + 1 < ceiling else { return nil }
    if let lowest = result.unknown.min(), let highest = result.unknown.max() {
      if result.proved + 1 < lowest { return (result.proved + lowest) / 2 }
      guard highest + 1 < ceiling else { return nil }
      return result.refuted == nil ? min(2 * highest, limit) : (highest + ceiling) / 2
    }
    guard result.refuted == nil else { return (result.proved + ceiling) / 2 }
    defer { step *= 2 }
    return min(max(step, result.proved + 1), limit)
  }
}
