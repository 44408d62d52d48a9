import IntegerProgram
import Properties
import Reporting

/// The proved and the attained range of an output element over a box: each end is sought by halving between the best
/// proof and the best input.
struct OutputRangeSearch: Sendable {
  enum End: String, CaseIterable, Sendable {
    case lowest, highest
  }

  let program: IntegerProgram
  let box: [ClosedRange<Int32>]
  let element: Int
  /// What an input of the box gives.
  let start: Int

  /// Asks by `ask` whether the element stays in a range, until both ends are exact or `ask` gives no more answers (nil).
  /// `attack` gives what an input that leaves the range reaches, if it soon finds one; it goes first, since every code
  /// attained spares a proof sought in vain. Returns the range and the certificates of its ends.
  func run(
    attack: (Property) throws -> Int? = { _ in nil }, _ ask: (End, Property) throws -> VerificationRecord?
  ) throws -> (range: VerificationRecord.Range, certificates: [String]) {
    let type = program.outputElements[element].range
    var low = try search(.lowest, limit: -Int(type.lowerBound), attack, ask)
    let high = try search(.highest, limit: Int(type.upperBound), attack, ask)
    (low.proved, low.attained) = (-low.proved, -low.attained)
    return (
      .init(proved: low.proved...high.proved, attained: low.attained...high.attained),
      low.certificates + high.certificates
    )
  }

  /// The end upwards, where the lowest end is the highest of the negated element. `limit` is what the type allows, which
  /// needs no proof.
  private func search(
    _ end: End, limit: Int, _ attack: (Property) throws -> Int?,
    _ ask: (End, Property) throws -> VerificationRecord?
  ) throws -> (proved: Int, attained: Int, certificates: [String]) {
    let sign = end == .highest ? 1 : -1
    func atMost(_ bound: Int) throws -> Property {
      try Property.outputRange(
        of: program, box: box, element: element,
        range: sign > 0 ? Int64.min + 1...Int64(bound) : Int64(-bound)...Int64.max,
        statement: "output \(element) is at \(sign > 0 ? "most" : "least") \(sign * bound)")
    }
    var (proved, attained) = (limit, sign * start)
    var step = 1
    while step > 0, attained < limit {
      if let reached = try attack(atMost(min(limit, attained + step) - 1)) {
        attained = max(attained, sign * reached)
        step *= 2
      } else {
        step /= 2
      }
    }
    var certificates: [String] = []
    /// Where a proof was sought in vain.
    var unknown = attained - 1
    /// What the last search in vain could have proved.
    var provable: Int?
    while max(attained, unknown + 1) < proved {
      let middle = provable ?? (max(attained, unknown + 1) + proved) >> 1
      provable = nil
      guard let record = try ask(end, atMost(middle)) else { break }
      switch record.verdict {
      case .proved: (proved, certificates) = (middle, record.certificates)
      case .violated: attained = max(attained, sign * (record.outputs?[element] ?? sign * attained))
      case .unknown, .misclassified:
        unknown = middle
        // It showed that the element is at most `middle + 1 + bound`.
        if let bound = record.bounds?.first ?? nil, bound >= 0, bound < proved - middle - 1 {
          unknown = middle + bound
          provable = unknown + 1
        }
      }
    }
    return (proved, attained, certificates)
  }
}
