import ArgumentParser
import BigInt
import Evaluation
import IntegerProgram
import Properties
import Reporting
import Simulation

/// The questions that the options of `verify` ask, for a report to be held against.
struct AskedQuestions: Sendable {
  private enum Kind {
    case batch([VerificationQuery])
    /// With the largest ε that is of interest.
    case radii(SampleQuestions, limit: Int)
    case ranges([RangeQuery])
  }
  private let kind: Kind
  private let program: IntegerProgram
  /// Where the question of a name stands in its list; for radii, where the sample of a number does.
  private let places: [String: Int]

  /// Nil where the options ask nothing.
  init?(_ arguments: SearchArguments, _ simulator: Simulator) throws {
    guard arguments.isGiven else { return nil }
    program = simulator.program
    let names: [String]
    if arguments.outputRange {
      let queries = try arguments.rangeQueries(simulator)
      (kind, names) = (.ranges(queries), queries.map(\.id))
    } else if arguments.maxRadius, let questions = try arguments.sampleQuestions(simulator) {
      kind = .radii(questions, limit: try arguments.radiusLimit(questions))
      names = questions.set.samples.map { "\($0)" }
    } else {
      let queries = try arguments.queries(simulator)
      (kind, names) = (.batch(queries), queries.map(\.id))
    }
    places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
  }

  /// The questions of a batch that have been made already; nil where there are none.
  init?(_ queries: [VerificationQuery], of program: IntegerProgram) {
    guard !queries.isEmpty else { return nil }
    self.program = program
    kind = .batch(queries)
    places = Dictionary(uniqueKeysWithValues: zip(queries.map(\.id), queries.indices))
  }

  /// The questions that have one property each; none for radii and ranges.
  var queries: [VerificationQuery] { if case .batch(let queries) = kind { queries } else { [] } }

  /// The question that a line of a report says it answers; nil where it was not asked.
  func query(of record: VerificationRecord) throws -> VerificationQuery? {
    switch kind {
    case .batch(let queries): return places[record.query].map { queries[$0] }
    case .ranges(let queries):
      guard let query = places[record.query].map({ queries[$0] }) else { return nil }
      return (record.range?.proved ?? query.only.map { $0...$0 }).map { query.query($0, of: program) }
    case .radii(let questions, let limit):
      guard let index = record.sample.flatMap({ places["\($0)"] }), let epsilon = record.epsilon.flatMap({ Int($0) }),
        (min(1, limit)...max(1, limit)).contains(epsilon)
      else { return nil }
      let query = try questions.query(index, epsilon: epsilon)
      return query.id == record.query ? query : nil
    }
  }

  /// The names of questions that `records` leave open.
  func missing(from records: [VerificationRecord]) throws -> [String] {
    let answers = Dictionary(records.map { ($0.query, $0) }) { first, _ in first }
    switch kind {
    case .batch(let queries): return queries.map(\.id).filter { answers[$0] == nil }
    case .ranges(let queries): return queries.map(\.id).filter { answers[$0] == nil }
    case .radii(let questions, let limit):
      // The search goes the way that the answers lead it, until one is not there.
      return try questions.set.samples.indices.compactMap { index in
        var missing: String?
        func answer(_ epsilon: Int) throws -> VerificationRecord? {
          let id = try questions.query(index, epsilon: epsilon).id
          if answers[id] == nil { missing = id }
          return answers[id]
        }
        if questions.isMisclassified(index) {
          _ = try answer(min(1, limit))
        } else {
          _ = try RadiusSearch(limit: limit).run(answer)
        }
        return missing
      }
    }
  }
}

extension SampleQuestions {
  /// The question about an ε in codes.
  func query(_ index: Int, epsilon: Int) throws -> VerificationQuery {
    query(index, try Perturbation(epsilon: Epsilon(codes: epsilon), isReal: false, mask: mask, program: program))
  }

  /// Whether the network makes a sample's label wrong.
  func isMisclassified(_ index: Int) -> Bool { !set.isRight[index] }
}

extension SearchArguments {
  /// The largest ε, in codes, that --max-radius looks at: no element is further from another than the input's codes are.
  func radiusLimit(_ questions: SampleQuestions) throws -> Int {
    let type = questions.program.inputRanges.first ?? 0...0
    let widest = Int(
      (questions.clip?.upperBound).map { Int64($0) } ?? type.upperBound)
      - Int((questions.clip?.lowerBound).map { Int64($0) } ?? type.lowerBound)
    guard let epsilon = self.epsilon?.epsilons.first else { return widest }
    guard let codes = epsilon.codes else {
      throw ValidationError("--epsilon \(epsilon.text) limits no search for radii in codes; give a whole number.")
    }
    return Int(min(codes, BigInt(widest)))
  }
}
