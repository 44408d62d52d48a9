import ArgumentParser
import Certificates
import DifferentialTesting
import Importers
import IntegerProgram
import Properties
import Reporting
import Synchronization
import Verification

/// Answers the questions of one run of `verify`: those that an earlier run has answered are taken from its report, the
/// others are decided and reported as they come. It may be used from several threads.
final class VerificationSession: Sendable {
  /// In at most `seconds`, which may be infinite: an engine has a limit of its own.
  typealias Decide =
    @Sendable (
      _ property: Property, _ threads: Int, _ seconds: Double, _ isCancelled: @escaping @Sendable () -> Bool
    ) -> Decision

  let programDigest: String
  private let program: IntegerProgram
  private let decide: Decide
  private let evidence: EvidenceFiles
  private let report: @Sendable (VerificationRecord) throws -> Void
  private let known: [String: VerificationRecord]
  /// What earlier runs have answered, as their report says.
  let reused = Mutex<[VerificationRecord]>([])
  private let isInterrupted: @Sendable () -> Bool
  private let fault = Mutex<(any Error)?>(nil)

  /// `programDigest` is that of `program`, reckoned unless given. `known` are the answers of an earlier run, by question; `report` gets every new one.
  init(
    _ program: IntegerProgram, programDigest: String? = nil, known: [String: VerificationRecord] = [:], evidence: EvidenceFiles = EvidenceFiles(),
    isInterrupted: @escaping @Sendable () -> Bool = { false },
    report: @escaping @Sendable (VerificationRecord) throws -> Void = { _ in }, decide: @escaping Decide
  ) {
    self.program = program
    self.programDigest = programDigest ?? program.digest
    self.known = known
    self.evidence = evidence
    self.isInterrupted = isInterrupted
    self.report = report
    self.decide = decide
  }

  /// Whether no more questions are to be answered.
  var isCancelled: Bool { isInterrupted() || fault.withLock { $0 != nil } }

  /// The answer to `query`, decided on `threads` threads where it is not known; nil where the run was interrupted first.
  func answer(_ query: VerificationQuery, threads: Int) throws -> VerificationRecord? {
    guard !isCancelled else { return nil }
    let property = try query.property()
    if var known = try known(query.id, about: { _ in property }) {
      // A report's number need not be written as the command's.
      known.epsilon = query.epsilon
      // What says nothing is nobody's proof, whatever an earlier version wrote.
      guard !query.isMisclassified, known.verdict == .proved, property.vacuity(of: program) != nil else {
        reused.withLock { $0.append(known) }
        return known
      }
      throw ValidationError(
        "the report has a proof of \(query.id), which says nothing of the network; start another --report.")
    }
    guard let record = try decided(query, property, threads: threads) else { return nil }
    try report(record)
    return record
  }

  /// A question's answer of an earlier run, where it has one: it must be about the property that is asked about now.
  func known(
    _ id: String, about property: (VerificationRecord) throws -> Property
  ) throws -> VerificationRecord? {
    guard var record = known[id] else { return nil }
    guard record.property == (try property(record)).digest else {
      throw ValidationError(
        "the report answers \(id), but for another property: images, labels, mask, radii, clipping or property file have "
          + "changed. Use another --report, or the options of the earlier run.")
    }
    if let range = record.range { record.verdict = range.verdict }
    return record
  }

  /// Adds a line that `answer` did not make.
  func publish(_ record: VerificationRecord) throws { try report(record) }

  /// As `answer`, without the report, and unknown once it is `deadline`. In a search for figures a question may say
  /// nothing by itself.
  func decided(
    _ query: VerificationQuery, _ property: Property, threads: Int, deadline: ContinuousClock.Instant? = nil,
    isOfSearch: Bool = false
  ) throws -> VerificationRecord? {
    if query.isMisclassified {
      return query.record(.misclassified, seconds: 0, program: programDigest, property: property)
    }
    let vacuity = isOfSearch ? nil : property.vacuity(of: program)
    if let vacuity, vacuity != .onePoint { return query.record(vacuity, program: programDigest, property: property) }
    let seconds = deadline.map { -$0.secondsAgo } ?? .infinity
    // One input is a run, however conditions hide it.
    let only = vacuity == nil ? nil : property.onlyInput(of: program)
    let asked = try only.map { try property.asked(of: $0, program) } ?? property
    let decision = decide(asked, threads, seconds) { [weak self] in self?.isCancelled ?? true }
    var record: VerificationRecord
    switch decision.answer {
    case .proved where vacuity != nil: return query.record(.onePoint, program: programDigest, property: property)
    case .proved(let certificate):
      record = query.record(.proved, seconds: decision.seconds, program: programDigest, property: property)
      record.trusted = decision.trusted
      if let certificate, let path = try evidence.write(certificate, of: query.id) { record.certificates = [path] }
    case .violated(let counterexample):
      record = query.record(
        violatedBy: counterexample, seconds: decision.seconds, program: programDigest, property: property)
      try evidence.write(counterexample, of: query.id)
    case .unknown(let unknown):
      // An interruption is no answer: the next run asks again.
      if isCancelled { return nil }
      record = query.record(.unknown, seconds: decision.seconds, program: programDigest, property: property)
      record.reason = unknown.reason
      // Where nothing is bounded there is nothing to say.
      if unknown.bounds.contains(where: { $0 != .max }) { record.bounds = unknown.bounds.map { $0.map { Int($0) } } }
      record.openFraction = unknown.openFraction
    }
    record.stage = decision.stage.rawValue
    return record
  }

  /// Calls `body` with 0 ..< count on up to `jobs` threads. The first error stops the rest and is thrown.
  func forEach(_ count: Int, jobs: Int, _ body: @Sendable (Int) throws -> Void) throws {
    concurrently(count, jobs: jobs) { index in
      if isCancelled { return }
      do { try body(index) } catch { fault.withLock { $0 = $0 ?? error } }
    }
    if let error = fault.withLock({ $0 }) { throw error }
  }

  /// All answers, in the order of the questions; nil for those that an interruption left open.
  func answers(
    _ queries: [VerificationQuery], jobs: Int, progress: @escaping @Sendable (VerificationRecord) -> Void = { _ in }
  ) throws -> [VerificationRecord?] {
    let records = Mutex([VerificationRecord?](repeating: nil, count: queries.count))
    // Many questions are spread over the threads; few get several each.
    let threads = max(1, jobs / max(1, queries.count))
    try forEach(queries.count, jobs: jobs) { index in
      guard let record = try answer(queries[index], threads: threads) else { return }
      records.withLock { $0[index] = record }
      progress(record)
    }
    return records.withLock { $0 }
  }
}

/// Where certificates and counterexamples go: folders, or nowhere.
struct EvidenceFiles: Sendable {
  var certificates, counterexamples: String?
  /// Whose inputs counterexamples are.
  var program: IntegerProgram?

  /// Writes a certificate whole; returns its path.
  func write(_ certificate: Certificate, of id: String) throws -> String? {
    guard let certificates else { return nil }
    let path = "\(certificates)/\(id).cert"
    try OutputFiles.whole { try $0.add(certificate.fileBytes, at: path) }
    return path
  }

  func write(_ counterexample: Counterexample, of id: String) throws {
    guard let counterexamples, let program else { return }
    let bytes = counterexample.array(of: program).fileBytes
    try OutputFiles.whole { try $0.add(bytes, at: "\(counterexamples)/\(id).npy") }
  }
}

extension Counterexample {
  /// The input as an array: of the shape that a network's only input has; several inputs stand one after another.
  func array(of program: IntegerProgram) -> NumPyArray {
    guard program.inputs.count == 1 else { return NumPyArray(inputs, shape: [inputs.count]) }
    var column = CodeColumn(program.values[program.inputs[0]])
    column.append(inputs)
    return column.array(vectors: 1)
  }
}
