import ArgumentParser
import Importers
import IntegerProgram
import Properties
import Reporting
import Simulation
import Synchronization
import Verification

/// One run of `verify`: the session, and what is shown of it.
struct VerificationRun {
  private let command: VerifyCommand
  private let simulator: Simulator
  private let interruption = Interruption()
  private let engine: VerificationEngine
  private let session: VerificationSession
  private let jobs: Int
  private let progress = Progress("verifying", total: 0)

  private var program: IntegerProgram { simulator.program }

  init(_ command: VerifyCommand, _ simulator: Simulator) throws {
    self.command = command
    self.simulator = simulator
    jobs = command.jobs ?? processorCount
    var engine = try VerificationEngine(simulator)
    engine.kind = command.engine
    engine.sums = command.sums
    engine.trustsSolver = command.trustSolver
    engine.options.timeout = command.timeout
    engine.options.seed = command.seed
    if let stages = command.stages { engine.options.stages = stages.stages }
    self.engine = engine
    for folder in [command.certificates, command.counterexamples] {
      if let folder { try OutputFiles.makeFolder(folder) }
    }
    let digest = simulator.program.digest
    let hasCertificates = command.certificates != nil
    let report = try command.report.map { path in
      try ReportFile(path: path, resume: command.resume, programDigest: digest) { record in
        record.verdict != .unknown
          && (!hasCertificates || record.verdict != .proved || record.trusted != nil || record.hasCertificateFiles)
      }
    }
    let program = simulator.program
    let evidence = EvidenceFiles(
      certificates: command.certificates, counterexamples: command.counterexamples,
      counterexampleArray: { Self.array($0, program) })
    session = VerificationSession(
      programDigest: digest, known: report?.known ?? [:], evidence: evidence,
      isInterrupted: { [interruption] in interruption.signalNumber != nil }, report: { try report?.append($0) },
      decide: { [engine] in engine.decide($0, threads: $1, isCancelled: $2) })
  }

  /// A network of one input has its shape; the inputs of others stand one after another.
  private static func array(_ counterexample: Counterexample, _ program: IntegerProgram) -> NumPyArray {
    guard program.inputs.count == 1 else {
      return NumPyArray(counterexample.inputs, shape: [counterexample.inputs.count])
    }
    var column = CodeColumn(program.values[program.inputs[0]])
    column.append(counterexample.inputs)
    return column.array(vectors: 1)
  }

  /// Every question once.
  func batch() throws {
    let questions = try command.questions.sampleQuestions(simulator)
    let queries = try command.questions.queries(simulator)
    let tally = Mutex(VerificationTally(total: queries.count))
    let answers = try session.answers(queries, jobs: jobs) { record in
      let text = tally.withLock { tally in
        tally.add(record)
        tally.finish()
        return tally.text
      }
      progress.show(text)
    }
    progress.end()
    let records = answers.compactMap { $0 }
    let summary = VerificationSummary(records: records)
    if questions == nil || records.count <= 16 { for record in records { say(VerificationSummary.line(record)) } }
    if questions != nil { say(summary.table) }
    try writePage(summary, questions)
    try end(unanswered: queries.count - records.count, worst: summary.worst)
  }

  /// The largest proved and the smallest refuted ε of each sample.
  func radii() throws {
    guard let questions = try command.questions.sampleQuestions(simulator) else { return }
    let type = program.inputElements.first?.range ?? 0...0
    let widest =
      Int((questions.clip?.upperBound).map { Int64($0) } ?? type.upperBound)
      - Int((questions.clip?.lowerBound).map { Int64($0) } ?? type.lowerBound)
    let limit =
      try command.questions.epsilon?.epsilons.first.map { epsilon in
        guard let codes = Int(epsilon.text), codes >= 1 else {
          throw ValidationError(
            "--epsilon \(epsilon.text) limits no search for radii in codes; give a whole number from 1 on.")
        }
        return min(codes, widest)
      } ?? widest
    let search = RadiusSearch(limit: limit)
    let count = questions.set.samples.count
    let found = Mutex([RadiusSearch.Result?](repeating: nil, count: count))
    let records = Mutex<[VerificationRecord]>([])
    let tally = Mutex(VerificationTally(total: count))
    try session.forEach(count, jobs: jobs) { index in
      func ask(_ epsilon: Int) throws -> VerificationRecord? {
        let perturbation = try Perturbation(
          epsilon: Epsilon(codes: epsilon), isReal: false, mask: questions.mask, program: program)
        let query = questions.query(index, perturbation)
        guard let record = try session.answer(query, threads: max(1, jobs / count)) else { return nil }
        records.withLock { $0.append(record) }
        tally.withLock { $0.add(record) }
        progress.show(tally.withLock { $0.text })
        return record
      }
      // Of a misclassified sample one line says all.
      let isMisclassified = questions.set.classes[index] != questions.set.labels[index]
      let result = isMisclassified ? try ask(1).map { _ in RadiusSearch.Result(refuted: 0) } : try search.run(ask)
      found.withLock { $0[index] = result }
      tally.withLock { $0.finish() }
    }
    progress.end()
    let results = found.withLock { $0 }
    var table = TextTable([("sample", .right), ("label", .right), ("proved", .right), ("refuted", .right)])
    for (index, result) in results.enumerated() {
      guard let result else { continue }
      let isMisclassified = result.refuted == 0
      table.add([
        "\(questions.set.samples[index])", "\(questions.set.labels[index])",
        isMisclassified ? "–" : "\(result.proved)",
        isMisclassified ? "misclassified" : result.refuted.map { "\($0)" } ?? "none up to \(limit)",
      ])
    }
    say(table.text)
    let exact = results.count { $0.map { $0.refuted == 0 || $0.isExact(limit: limit) } ?? false }
    say("\(exact) of \(count) exact")
    try writePage(VerificationSummary(records: records.withLock { $0 }), questions)
    let open = results.count { $0 == nil }
    try end(unanswered: open, worst: exact + open == count ? .proved : .unknown)
  }

  /// A box whose outputs' ranges are asked for.
  private struct Domain {
    var name: String
    var sample: Int?
    var epsilon, file: String?
    var box: [ClosedRange<Int32>]
    /// An input of the box.
    var inside: [Int32]
  }

  private func domains() throws -> [Domain] {
    if let questions = try command.questions.sampleQuestions(simulator) {
      return try command.questions.perturbations(questions).flatMap { perturbation in
        try questions.set.samples.enumerated().map { index, sample in
          Domain(
            name: "s\(sample)-\(perturbation.name)-", sample: sample, epsilon: perturbation.epsilon,
            box: try questions.box(index, perturbation), inside: questions.set.codes(sample))
        }
      }
    }
    let files = try command.questions.propertyFiles(for: program).map {
      Domain(name: $0.name + "-", file: $0.path, box: $0.property.box, inside: [])
    }
    let all = program.inputElements.map { Int32($0.range.lowerBound)...Int32($0.range.upperBound) }
    return (files.isEmpty ? [Domain(name: "", box: all, inside: [])] : files).map { domain in
      var domain = domain
      if domain.inside.isEmpty {
        domain.inside = domain.box.map { Int32((Int64($0.lowerBound) + Int64($0.upperBound)) / 2) }
      }
      return domain
    }
  }

  /// The range of each output element over each domain.
  func ranges() throws {
    let domains = try domains()
    let types = program.outputElements
    let elements = command.outputs?.indices ?? Array(types.indices)
    if let stray = elements.first(where: { !types.indices.contains($0) }) {
      throw ValidationError(
        "--outputs names element \(stray); the network has \(counted(types.count, "output element")).")
    }
    let starts = try domains.map { try simulator.run(program.inputs(flat: $0.inside)).flatMap { $0 } }
    let count = domains.count * elements.count
    let found = Mutex([VerificationRecord?](repeating: nil, count: count))
    let tally = Mutex(VerificationTally(total: count))
    try session.forEach(count, jobs: jobs) { index in
      let (domain, element) = (domains[index / elements.count], elements[index % elements.count])
      let record = try range(
        element, over: domain, start: Int(starts[index / elements.count][element]), threads: max(1, jobs / count))
      guard let record else { return }
      found.withLock { $0[index] = record }
      let text = tally.withLock { tally in
        tally.add(record)
        tally.finish()
        return tally.text
      }
      progress.show(text)
    }
    progress.end()
    let records = found.withLock { $0 }.compactMap { $0 }
    var table = TextTable([
      ("domain", .left), ("output", .right), ("proved", .left), ("attained", .left), ("", .left), ("seconds", .right),
    ])
    for record in records {
      guard let range = record.range, let element = record.output else { continue }
      func text(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) … \(range.upperBound)" }
      table.add([
        record.file ?? record.sample.map { "sample \($0)" + (record.epsilon.map { ", ε \($0)" } ?? "") }
          ?? "all inputs",
        "\(element)", text(range.proved), text(range.attained), range.proved == range.attained ? "exact" : "",
        decimal(record.seconds, 3),
      ])
    }
    say(table.text)
    let exact = records.count { $0.verdict == .proved }
    say("\(exact) of \(count) exact")
    try end(unanswered: count - records.count, worst: exact == records.count ? .proved : .unknown)
  }

  private func range(_ element: Int, over domain: Domain, start: Int, threads: Int) throws -> VerificationRecord? {
    let id = "\(domain.name)y\(element)"
    func property(_ range: ClosedRange<Int>) throws -> Property {
      try Property.outputRange(
        of: program, box: domain.box, element: element, range: Int64(range.lowerBound)...Int64(range.upperBound),
        statement: "output \(element) is in \(range.lowerBound) … \(range.upperBound)")
    }
    let all = program.outputElements[element].range
    if let known = try session.known(
      id, about: { try property($0.range?.proved ?? Int(all.lowerBound)...Int(all.upperBound)) })
    {
      return known
    }
    let began = ContinuousClock.now
    let search = OutputRangeSearch(program: program, box: domain.box, element: element, start: start)
    let (range, certificates) = try search.run(
      attack: { property in
        // It takes a part of the time, however many codes it finds.
        guard !session.isCancelled, began.secondsAgo < command.timeout / 4 else { return nil }
        return engine.attacked(property, timeout: command.timeout / 16).map { Int($0.outputs[element]) }
      },
      { end, property in
        // Half of what is left goes to a question, so that one sought in vain leaves time for easier ones; a quarter to
        // the end that comes first.
        let left = command.timeout - began.secondsAgo
        guard !session.isCancelled, left > 0.01 else { return nil }
        let share = ContinuousClock.now + .seconds(left / (end == .lowest ? 4 : 2))
        let query = VerificationQuery(id: "\(id)-\(end.rawValue)", property: { property })
        return try session.decided(query, property, threads: threads, deadline: share)
      })
    if session.isCancelled { return nil }
    let isExact = range.proved == range.attained
    var record = VerificationRecord(
      query: id, verdict: isExact ? .proved : .unknown, seconds: began.secondsAgo, program: session.programDigest,
      property: try property(range.proved).digest)
    (record.sample, record.epsilon, record.file) = (domain.sample, domain.epsilon, domain.file)
    record.output = element
    record.range = range
    record.certificates = certificates
    if !isExact { record.reason = "no proof that the attained range is all" }
    try session.publish(record)
    return record
  }

  /// Results go to stdout, where the report does not.
  private func say(_ text: String) { command.report == "-" ? writeError(text) : print(text) }

  private func writePage(_ summary: VerificationSummary, _ questions: SampleQuestions?) throws {
    guard let path = command.html else { return }
    let page = VerificationPage(
      summary: summary, program: program, modelPath: command.path, questions: questions)
    try OutputFiles.whole { try $0.add(Array(page.html.utf8), at: path) }
  }

  /// Ends with the exit status that goes with the worst verdict.
  private func end(unanswered: Int, worst: VerificationRecord.Verdict) throws {
    if let number = interruption.signalNumber {
      let remedy = command.report == nil ? "" : "; go on with --resume"
      StandardError.write("interrupted: \(counted(unanswered, "question")) open\(remedy)\n")
      throw ExitCode(128 + number)
    }
    switch worst {
    case .violated, .misclassified: throw ExitCode.mismatch
    case .unknown: throw ExitCode.undecided
    case .proved: break
    }
  }
}

extension VerificationRecord {
  /// Whether the certificates that the record names are there.
  var hasCertificateFiles: Bool {
    (!certificates.isEmpty || range != nil) && certificates.allSatisfy { InputFile.exists($0) }
  }
}

extension VerificationPage {
  /// More pictures than this are not looked at.
  private static let mostFigures = 60

  init(summary: VerificationSummary, program: IntegerProgram, modelPath: String, questions: SampleQuestions?) {
    let groups = summary.groups
    var figures: [Figure] = []
    if let questions, let shape = questions.set.picture {
      let type = program.inputElements[0].range
      func pixels(_ codes: [Int]) -> [UInt8] {
        codes.map { UInt8(clamping: ($0 - Int(type.lowerBound)) * 255 / Int(type.upperBound - type.lowerBound)) }
      }
      for record in summary.records where figures.count < Self.mostFigures {
        guard let sample = record.sample, let counterexample = record.counterexample, let found = record.outputClass,
          counterexample.count == shape.count
        else { continue }
        let original = questions.set.codes(sample).map { Int($0) }
        let changed = zip(original, counterexample).count { $0 != $1 }
        figures.append(
          Figure(
            title: "Sample \(sample): class \(record.label ?? 0) becomes \(found)",
            caption:
              "\(counted(changed, "element")) of \(shape.count) changed, by at most \(record.distance ?? 0) codes; "
              + "\(record.epsilon.map { "ε \($0)" } ?? "radii from a file"). Output codes "
              + "\((record.outputs ?? []).map(String.init).joined(separator: ", ")).",
            shape: shape, original: pixels(original), perturbed: pixels(counterexample)))
      }
    }
    self.init(
      title: "Verification of \(program.name)",
      facts: ["model \(modelPath)", "program \(program.digest)"],
      rows: groups.map { Row(epsilon: $0.epsilon, counts: $0.counts, seconds: $0.seconds) }, figures: figures)
  }
}
