import ArgumentParser
import Certificates
import Evaluation
import DifferentialTesting
import Importers
import IntegerProgram
import Properties
import Reporting
import Simulation
import Verification

/// The independent check of what a verification left: certificates by the checker, counterexamples on the simulator.
struct EvidenceCheck: Sendable {
  /// What came of one piece of evidence.
  struct Finding: Sendable {
    enum Outcome: Sendable, Equatable {
      case accepted
      case rejected
      /// The file is missing, damaged or no evidence.
      case unreadable
      /// There was nothing to check, as for an unknown.
      case none
    }

    var name: String
    var outcome: Outcome
    /// What holds, or why it is not accepted.
    var text: String
    /// Input codes that were replayed on the simulator.
    var replayed: [[Int32]] = []
  }

  /// A certificate of this size is no proof but an attack.
  private static let largestCertificate = 1 << 30

  let program: IntegerProgram
  let simulator: Simulator
  private let checker: CertificateChecker
  /// What was asked; nil where the command does not say.
  private let asked: AskedQuestions?
  private let askedDigests: Set<String>
  /// The folder that certificates of a report are in; nil where the report's paths hold.
  private let folder: String?

  init(_ simulator: Simulator, asked: AskedQuestions?, certificates folder: String?) throws {
    self.simulator = simulator
    self.folder = folder
    program = simulator.program
    checker = try CertificateChecker(program)
    self.asked = asked
    askedDigests = Set(try (asked?.queries ?? []).map { try $0.property().digest })
  }

  /// A certificate's file. What is asked by options must be what it proves.
  func certificate(at path: String) throws -> Finding {
    var finding = Finding(name: path, outcome: .accepted, text: "")
    do {
      let certificate = try read(path)
      if !askedDigests.isEmpty, !askedDigests.contains(certificate.property.digest) {
        throw CertificateError("it is about another property than the options ask for")
      }
      try checker.check(certificate)
      // The statement is anyone's, and no part of what is proved.
      finding.text =
        "proved \(certificate.property.summary(for: program)); calls itself "
        + certificate.property.statement.printable(120).debugDescription
        + (certificate.property.vacuity(of: program).map { "; says nothing of the network: \($0.text)" } ?? "")
    } catch let error as CertificateError {
      finding.outcome = .rejected
      finding.text = error.reason
    }
    return finding
  }

  /// Throws `CertificateError` for a certificate of another program, `FileError` for what is no certificate.
  private func read(_ path: String) throws -> Certificate {
    let bytes = try InputFile.bytes(path: path, limit: Self.largestCertificate)
    do {
      return try Certificate(fileBytes: bytes, of: program)
    } catch {
      // The program's digest stands at the start, as text.
      let start = String(decoding: bytes.prefix(200), as: UTF8.self)
      if start.hasPrefix("lockstep certificate") && !start.contains(checker.digest) { throw error }
      throw FileError(path: path, reason: error.reason)
    }
  }

  /// Inputs in a file, each of which must violate one of the properties that are asked.
  func counterexamples(at path: String) throws -> [Finding] {
    guard let asked else {
      throw ValidationError("\(path.printable()) holds inputs; say by --property or --images what they violate.")
    }
    let value = program.values[program.inputs[0]]
    let inputs = try InputArray(path: path, for: flat(value))
    let properties = try asked.queries.map { (name: $0.id, property: try $0.property()) }
    return (0..<inputs.count).map { index in
      let codes = inputs.codes(index)
      let name = inputs.count == 1 ? path : "\(path), vector \(index)"
      for (id, property) in properties {
        guard let found = simulator.counterexample(codes, to: property) else { continue }
        return Finding(
          name: name, outcome: .accepted,
          text: "violates \(id): \(property.violations[found.violation]); outputs \(text(found.outputs))",
          replayed: [codes])
      }
      return Finding(name: name, outcome: .rejected, text: "is in no box, or meets no violation")
    }
  }

  /// All inputs of the network, one after another.
  private func flat(_ value: Value) -> Value {
    guard program.inputs.count > 1 else { return value }
    var flat = value
    flat.shape = [program.inputElements.count]
    return flat
  }

  /// The lines of a report, and the questions that none of them answers.
  func report(_ records: [VerificationRecord], jobs: Int) throws -> [Finding] {
    var known: Set<String> = []
    let isFirst = records.map { known.insert($0.query).inserted }
    let lines = try concurrentMap(Array(records.indices), jobs: jobs) { index in
      let name = records[index].query
      guard isFirst[index] else { return Finding(name: name, outcome: .rejected, text: "is answered twice") }
      return try Finding.reading(name) { [try record(records[index])] }[0]
    }
    let missing = try asked?.missing(from: records) ?? []
    return lines
      + missing.map { Finding(name: $0, outcome: .rejected, text: "is asked, and no line answers it") }
  }

  /// A line of a report.
  private func record(_ record: VerificationRecord) throws -> Finding {
    do {
      guard record.program == checker.digest else {
        throw CertificateError("it is about the program \(record.program.printable(64)), not \(checker.digest)")
      }
      try checkFields(record)
      guard let asked else { return try evidence(of: record, asked: nil, nil) }
      guard let query = try asked.query(of: record) else { throw CertificateError("the options ask no such question") }
      let property = try query.property()
      try checkQuestion(record, query, property)
      return try evidence(of: record, asked: query, property)
    } catch let error as CertificateError {
      return Finding(name: record.query, outcome: .rejected, text: error.reason)
    } catch let error as PropertyError {
      return Finding(name: record.query, outcome: .rejected, text: error.reason)
    }
  }

  /// A line has nothing that goes with another verdict than its own.
  private func checkFields(_ record: VerificationRecord) throws(CertificateError) {
    let hasInput =
      record.counterexample != nil || record.outputs != nil || record.outputClass != nil || record.distance != nil
    let hasProof = !record.certificates.isEmpty || record.trusted != nil
    if hasInput && record.verdict != .violated {
      throw CertificateError("it is \(record.verdict.rawValue), and has a counterexample")
    }
    if hasProof && record.range == nil && record.verdict != .proved {
      throw CertificateError("it is \(record.verdict.rawValue), and has a proof")
    }
    guard (record.vacuity != nil) == (record.verdict == .vacuous) else {
      throw CertificateError("it is \(record.verdict.rawValue), and its field \"vacuous\" says otherwise")
    }
    if let stage = record.stage, Stage(rawValue: stage) == nil {
      throw CertificateError("its stage is \(stage.printable(40).debugDescription), which is none")
    }
    if record.verdict != .unknown && (record.reason != nil || record.bounds != nil || record.openFraction != nil) {
      throw CertificateError("it is \(record.verdict.rawValue), and says why it is open")
    }
    // Of a single input no range is told.
    guard record.verdict == .vacuous && record.range == nil || (record.range == nil) == (record.output == nil),
      (record.range == nil) == (record.attaining == nil)
    else {
      throw CertificateError("its output, its range and the inputs that attain it do not come together")
    }
    if let range = record.range, range.verdict != record.verdict {
      throw CertificateError("it is \(record.verdict.rawValue); its range is \(range.verdict.rawValue)")
    }
  }

  /// A line says of its question what was asked.
  private func checkQuestion(
    _ record: VerificationRecord, _ query: VerificationQuery, _ property: Property
  ) throws(CertificateError) {
    guard property.digest == record.property else {
      throw CertificateError("it is about another property than the options ask for")
    }
    let asked = query.record(record.verdict, seconds: 0, program: record.program, property: property)
    // As numbers come back from a line: 0.50 as 0.5.
    let read = VerificationRecord(line: Array(asked.line.utf8)) ?? asked
    func fileName(_ path: String?) -> Substring? { path?.split(separator: "/").last }
    for (field, isSame) in [
      ("sample", record.sample == read.sample), ("label", record.label == read.label),
      ("epsilon", record.epsilon == read.epsilon), ("output", record.output == read.output),
      ("top_k", record.topK == read.topK), ("threshold", record.threshold == read.threshold),
      ("file", fileName(record.file) == fileName(read.file)),
    ] where !isSame { throw CertificateError("its \(field) is not that of the question") }
  }

  /// Checks what a line brings forward for its verdict.
  private func evidence(
    of record: VerificationRecord, asked query: VerificationQuery?, _ property: Property?
  ) throws -> Finding {
    var finding = Finding(name: record.query, outcome: .accepted, text: "")
    if record.range == nil, record.verdict != .vacuous, record.verdict != .misclassified,
      let vacuity = property?.vacuity(of: program), !(vacuity == .onePoint && record.verdict == .violated)
    {
      guard vacuity == .onePoint && record.verdict == .unknown else {
        throw CertificateError("it is vacuous, not \(record.verdict.rawValue): \(vacuity.text)")
      }
    }
    switch record.verdict {
    case .vacuous:
      guard let property else {
        (finding.outcome, finding.text) = (.none, "vacuous (give the options of verify to check it)")
        return finding
      }
      try checkVacuity(of: record, property)
      finding.text = "vacuous"
    case .proved where record.range != nil && property?.vacuity(of: program) == .onePoint:
      throw CertificateError("it is vacuous, not proved: \(Vacuity.onePoint.text)")
    case .proved, .unknown:
      if record.range != nil { return try range(record, asked: property) }
      guard record.verdict == .proved else {
        (finding.outcome, finding.text) = (.none, "unknown")
        return finding
      }
      if let trusted = record.trusted {
        (finding.outcome, finding.text) = (.none, "no certificate: the word of \(trusted.printable(40))")
        return finding
      }
      guard let proved = try certified(record) else {
        throw CertificateError("proved without a certificate: run verify with --certificates")
      }
      guard proved.digest == record.property else { throw CertificateError("its certificate proves another property") }
      if let vacuity = proved.vacuity(of: program) {
        throw CertificateError("it is vacuous, not proved: \(vacuity.text)")
      }
      finding.text = "proved"
    case .misclassified:
      guard let query else {
        (finding.outcome, finding.text) = (.none, "misclassified (give the options of verify to check it)")
        return finding
      }
      guard query.isMisclassified else { throw CertificateError("the network gives the sample its label") }
      finding.text = "misclassified"
    case .violated:
      guard let inputs = codes(record.counterexample), let outputs = record.outputs else {
        throw CertificateError("its counterexample is missing or of another size")
      }
      try violated(record, inputs, outputs, asked: query, property)
      finding.replayed = [inputs]
      finding.text =
        "violated: outputs \(text(outputs))"
        + (property == nil ? " (give the options of verify to check the input's box as well)" : "")
    }
    return finding
  }

  /// A line that calls its question vacuous says why, and it is so.
  private func checkVacuity(of record: VerificationRecord, _ property: Property) throws(CertificateError) {
    guard let vacuity = property.vacuity(of: program) else {
      throw CertificateError("its question is not vacuous")
    }
    guard record.vacuity == vacuity.rawValue else {
      throw CertificateError("it is vacuous for another reason: \(vacuity.rawValue)")
    }
    guard vacuity == .onePoint else { return }
    guard let point = property.onlyInput(of: program), let outputs = outputs(point), property.violation(inputs: point, outputs: outputs) == nil else {
      throw CertificateError("its one input violates the property")
    }
  }

  /// What the certificates of a line prove together, all about one box; nil where it names none.
  private func certified(_ record: VerificationRecord) throws -> Property? {
    let certificates = try record.certificates.map { path in
      let file = path.split(separator: "/").last.map(String.init) ?? path
      return try read(folder.map { "\($0)/\(file)" } ?? path)
    }
    for certificate in certificates { try checker.check(certificate) }
    guard let box = certificates.first?.property.box else { return nil }
    guard certificates.allSatisfy({ $0.property.box == box }) else {
      throw CertificateError("its certificates are about several boxes")
    }
    // The highest end stands first in a range's property, the lowest first in a line.
    return try Property(
      box: box, violations: certificates.reversed().flatMap(\.property.violations), statement: "", of: program)
  }

  /// The range of an output element: what is proved, by certificates but for the ends of the element's type, and what is
  /// attained, by the simulator.
  private func range(_ record: VerificationRecord, asked: Property?) throws -> Finding {
    guard let range = record.range, let element = record.output, let attaining = record.attaining?.map(codes),
      attaining.count == 2
    else { throw CertificateError("its attaining inputs are missing") }
    guard range.proved.lowerBound <= range.attained.lowerBound, range.attained.upperBound <= range.proved.upperBound
    else { throw CertificateError("it attains codes that are proved never to be") }
    let proved = try certified(record)
    // Without a certificate the box is the one asked about; else it may be that of all inputs.
    let box = proved?.box ?? asked?.box ?? program.everyInput
    let property = try Property.outputRange(
      of: program, box: box, element: element,
      range: Int64(range.proved.lowerBound)...Int64(range.proved.upperBound), statement: "")
    let isTrusted = record.trusted != nil
    var finding = Finding(name: record.query, outcome: .accepted, text: "")
    if proved == nil && asked == nil && property.digest != record.property {
      (finding.outcome, finding.text) = (.none, "no certificate says what box it is about: give the options of verify")
      return finding
    }
    guard property.digest == record.property else {
      throw CertificateError("its range over the certificates' box is another property")
    }
    guard isTrusted || (proved?.violations ?? []) == property.violations else {
      throw CertificateError("its certificates do not prove the range")
    }
    for (inputs, code) in zip(attaining, [range.attained.lowerBound, range.attained.upperBound]) {
      guard let inputs, property.contains(inputs), let outputs = outputs(inputs) else {
        throw CertificateError("an input that attains an end is outside the box")
      }
      guard Int(outputs[element]) == code else {
        throw CertificateError("an end is \(code); the simulator returns \(outputs[element]) for its input")
      }
      finding.replayed.append(inputs)
    }
    finding.text = "proved: in \(range.proved.lowerBound) … \(range.proved.upperBound)"
    if let trusted = record.trusted {
      (finding.outcome, finding.text) = (.none, "no certificate of an end: the word of \(trusted.printable(40))")
    }
    return finding
  }

  /// A counterexample is one on the simulator, and the line says of it what is so.
  private func violated(
    _ record: VerificationRecord, _ inputs: [Int32], _ outputs: [Int], asked query: VerificationQuery?,
    _ property: Property?
  ) throws(CertificateError) {
    guard let found = self.outputs(inputs) else { throw CertificateError("its input is outside the network's codes") }
    guard found.map({ Int($0) }) == outputs else {
      throw CertificateError("the simulator returns \(text(found)), not \(text(outputs))")
    }
    if let query, let property {
      guard let counterexample = simulator.counterexample(inputs, to: property) else {
        throw CertificateError("its input is outside the box, or meets no violation")
      }
      let line = query.record(
        violatedBy: counterexample, seconds: 0, program: record.program, property: property)
      guard (record.outputClass, record.distance) == (line.outputClass, line.distance) else {
        throw CertificateError("its class or distance is not that of its input")
      }
      return
    }
    let rule: ClassRule =
      record.threshold.map { .threshold(Int32(clamping: $0)) } ?? .best(max(1, record.topK ?? 1))
    let predicted = rule.predicted(found)
    if let label = record.label {
      guard (0..<rule.classes(outputs: found.count)).contains(label) else {
        throw CertificateError("its label \(label) is no class of the network")
      }
      if rule.accepts(label, found) { throw CertificateError("its input has the class \(label) after all") }
    }
    if let named = record.outputClass, named != predicted {
      throw CertificateError("its input has the class \(predicted), not \(named)")
    }
  }

  /// The inputs in a line as codes; nil where there are none, or they are no codes for the network.
  private func codes(_ inputs: [Int]?) -> [Int32]? {
    guard let inputs, inputs.count == program.inputElements.count else { return nil }
    let codes = inputs.compactMap { Int32(exactly: $0) }
    return codes.count == inputs.count ? codes : nil
  }

  /// What the simulator returns; nil where the inputs are no codes of their types.
  private func outputs(_ inputs: [Int32]) -> [Int32]? {
    (try? simulator.run(program.inputs(flat: inputs)))?.flatMap { $0 }
  }

  private func text(_ codes: [some BinaryInteger]) -> String {
    codes.prefix(16).map { "\($0)" }.joined(separator: ", ") + (codes.count > 16 ? ", …" : "")
  }
}

extension EvidenceCheck.Finding {
  /// The findings of `body`; one of them where a file cannot be read: the others are checked all the same.
  static func reading(_ name: String, _ body: () throws -> [Self]) throws -> [Self] {
    do {
      return try body()
    } catch let error as FileError {
      return [Self(name: name, outcome: .unreadable, text: "\(error)")]
    }
  }
}
