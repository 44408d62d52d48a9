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
  /// A code of the element, and an input that leads to it.
  struct Attained: Sendable, Equatable {
    var code: Int
    var inputs: [Int]
  }
  /// What an input of the box gives.
  let start: Attained

  struct Result: Sendable {
    var range: VerificationRecord.Range
    /// Inputs that lead to the lowest and to the highest code attained.
    var attaining: [[Int]]
    /// Those of the ends that are proved.
    var certificates: [String]
    /// Whose word a proof is.
    var trusted: String?
  }

  /// Asks by `ask` whether the element stays in a range, until both ends are exact or `ask` gives no more answers (nil).
  /// `attack` gives what an input that leaves the range reaches, if it soon finds one; it goes first, since every code
  /// attained spares a proof sought in vain.
  func run(
    attack: (Property) throws -> Attained? = { _ in nil }, _ ask: (End, Property) throws -> VerificationRecord?
  ) throws -> Result {
    let type = program.outputElements[element].range
    let low = try search(.lowest, limit: -Int(type.lowerBound), attack, ask)
    let high = try search(.highest, limit: Int(type.upperBound), attack, ask)
    return Result(
      range: .init(proved: -low.proved...high.proved, attained: low.attained.code...high.attained.code),
      attaining: [low.attained.inputs, high.attained.inputs], certificates: low.certificates + high.certificates,
      trusted: low.trusted ?? high.trusted)
  }

  /// The end upwards, where the lowest end is the highest of the negated element. `limit` is what the type allows, which
  /// needs no proof.
  private func search(
    _ end: End, limit: Int, _ attack: (Property) throws -> Attained?,
    _ ask: (End, Property) throws -> VerificationRecord?
  ) throws -> (proved: Int, attained: Attained, certificates: [String], trusted: String?) {
    let sign = end == .highest ? 1 : -1
    func atMost(_ bound: Int) throws -> Property {
      try Property.outputRange(
        of: program, box: box, element: element,
        range: sign > 0 ? Int64.min + 1...Int64(bound) : Int64(-bound)...Int64.max,
        statement: "output \(element) is at \(sign > 0 ? "most" : "least") \(sign * bound)")
    }
    var (proved, best) = (limit, start)
    var attained: Int { sign * best.code }
    func reach(_ new: Attained) { if sign * new.code > attained { best = new } }
    var step = 1
    while step > 0, attained < limit {
      if let reached = try attack(atMost(min(limit, attained + step) - 1)) {
        reach(reached)
        step *= 2
      } else {
        step /= 2
      }
    }
    var certificates: [String] = []
    var trusted: String?
    /// Where a proof was sought in vain.
    var unknown = attained - 1
    /// What the last search in vain could have proved.
    var provable: Int?
    while max(attained, unknown + 1) < proved {
      let middle = provable ?? (max(attained, unknown + 1) + proved) >> 1
      provable = nil
      guard let record = try ask(end, atMost(middle)) else { break }
      switch record.verdict {
      case .proved: (proved, certificates, trusted) = (middle, record.certificates, record.trusted)
      case .violated:
        if let code = record.outputs?[element], let inputs = record.counterexample {
          reach(Attained(code: code, inputs: inputs))
        }
      case .unknown, .misclassified, .vacuous:
        unknown = middle
        // It showed that the element is at most `middle + 1 + bound`.
        if let bound = record.bounds?.first ?? nil, bound >= 0, bound < proved - middle - 1 {
          unknown = middle + bound
          provable = unknown + 1
        }
      }
    }
    return (proved, best, certificates, trusted)
  }
}
