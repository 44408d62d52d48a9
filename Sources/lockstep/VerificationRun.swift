import ArgumentParser
import Evaluation
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
    let (program, trustsSolver) = (simulator.program, command.trustSolver)
    let report = try command.report.map { path in
      try ReportFile(path: path, resume: command.resume, programDigest: digest) { record in
        (record.range?.verdict ?? record.verdict) != .unknown
          // What was trusted then need not be now.
          && (record.trusted == nil || trustsSolver)
          && (!hasCertificates || record.verdict != .proved || record.trusted != nil
            || record.hasCertificateFiles(of: program))
      }
    }
    let evidence = EvidenceFiles(
      certificates: command.certificates, counterexamples: command.counterexamples, program: program)
    session = VerificationSession(
      program, programDigest: digest, known: report?.known ?? [:], evidence: evidence,
      isInterrupted: { [interruption] in interruption.signalNumber != nil }, report: { try report?.append($0) },
      decide: { [engine] in engine.decide($0, threads: $1, within: $2, isCancelled: $3) })
  }

  /// Every question once.
  func batch() throws {
    let questions = try command.questions.sampleQuestions(simulator)
    let queries = try command.questions.queries(simulator, samples: questions)
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
    if questions == nil || records.count <= 16 {
      for record in records {
        say(VerificationSummary.line(record))
        if let witness = VerificationSummary.witness(record, of: program) { say(witness) }
      }
    }
    if questions != nil { say(summary.table) }
    if command.summary {
      say(
        "\n" + RobustAccuracy.text(
          summary, hasCertificates: command.certificates != nil, reused: session.reused.withLock { $0 }))
    }
    try writePage(summary, questions)
    try end(
      unanswered: queries.count - records.count,
      worst: summary.worst(allowsMisclassified: command.questions.allowMisclassified))
  }

  /// The largest proved and the smallest refuted ε of each sample.
  func radii() throws {
    guard let questions = try command.questions.sampleQuestions(simulator) else { return }
    let limit = try command.questions.radiusLimit(questions)
    let search = RadiusSearch(limit: limit)
    let count = questions.set.samples.count
    let found = Mutex([RadiusSearch.Result?](repeating: nil, count: count))
    let records = Mutex<[VerificationRecord]>([])
    let tally = Mutex(VerificationTally(total: count))
    try session.forEach(count, jobs: jobs) { index in
      func ask(_ epsilon: Int) throws -> VerificationRecord? {
        let query = try questions.query(index, epsilon: epsilon)
        guard let record = try session.answer(query, threads: max(1, jobs / count)) else { return nil }
        records.withLock { $0.append(record) }
        tally.withLock { $0.add(record) }
        progress.show(tally.withLock { $0.text })
        return record
      }
      // Of a misclassified sample one line says all.
      let result =
        questions.isMisclassified(index)
        ? try ask(min(1, limit)).map { _ in RadiusSearch.Result(refuted: 0) }
        : try search.run(ask)
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
        isMisclassified ? "–" : result.isVacuous ? "vacuous" : "\(result.proved)",
        isMisclassified ? "misclassified" : result.isVacuous ? "nothing may change" : result.refuted.map { "\($0)" } ?? "none up to \(limit)",
      ])
    }
    say(table.text)
    let exact = results.count { $0.map { $0.refuted == 0 || $0.isExact(limit: limit) } ?? false }
    say("\(exact) of \(count) exact")
    try writePage(VerificationSummary(records: records.withLock { $0 }), questions)
    let open = results.count { $0 == nil }
    // Of misclassified samples the same is asked as by `batch`.
    let misclassified = results.count { $0?.refuted == 0 }
    let isRefused =
      misclassified > 0 && (!command.questions.allowMisclassified || misclassified + open == count)
    try end(unanswered: open, worst: isRefused ? .misclassified : exact + open == count ? .proved : .unknown)
  }

  /// The range of each output element over each domain.
  func ranges() throws {
    let queries = try command.questions.rangeQueries(simulator)
    let count = queries.count
    let found = Mutex([VerificationRecord?](repeating: nil, count: count))
    let tally = Mutex(VerificationTally(total: count))
    try session.forEach(count, jobs: jobs) { index in
      guard let record = try range(queries[index], threads: max(1, jobs / count)) else { return }
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
      guard let element = record.output else { continue }
      func text(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) … \(range.upperBound)" }
      table.add([
        record.file ?? record.sample.map { "sample \($0)" + (record.epsilon.map { ", ε \($0)" } ?? "") }
          ?? "all inputs",
        "\(element)", record.range.map { text($0.proved) } ?? "vacuous",
        record.range.map { text($0.attained) } ?? "one input alone", record.verdict == .proved ? "exact" : "",
        decimal(record.seconds, 3),
      ])
    }
    say(table.text)
    let exact = records.count { $0.verdict == .proved }
    say("\(exact) of \(count) exact")
    try end(unanswered: count - records.count, worst: exact == records.count ? .proved : .unknown)
  }

  private func range(_ asked: RangeQuery, threads: Int) throws -> VerificationRecord? {
    let (domain, element) = (asked.domain, asked.element)
    func property(_ range: ClosedRange<Int>) throws -> Property { try asked.property(range, of: program) }
    if let only = asked.only { return try session.answer(asked.query(only...only, of: program), threads: threads) }
    let all = program.outputElements[element].range
    if let known = try session.known(
      asked.id, about: { try property($0.range?.proved ?? Int(all.lowerBound)...Int(all.upperBound)) })
    {
      return known
    }
    func attained(_ outputs: [Int32], by inputs: [Int32]) -> OutputRangeSearch.Attained {
      .init(code: Int(outputs[element]), inputs: inputs.map { Int($0) })
    }
    let start = try simulator.run(program.inputs(flat: domain.inside)).flatMap { $0 }
    let began = ContinuousClock.now
    let search = OutputRangeSearch(program: program, box: domain.box, element: element, start: attained(start, by: domain.inside))
    let result = try search.run(
      attack: { property in
        // It takes a part of the time, however many codes it finds.
        guard !session.isCancelled, began.secondsAgo < command.timeout / 4 else { return nil }
        return engine.attacked(property, timeout: command.timeout / 16).map { attained($0.outputs, by: $0.inputs) }
      },
      { end, property in
        // Half of what is left goes to a question, so that one sought in vain leaves time for easier ones; a quarter to
        // the end that comes first.
        let left = command.timeout - began.secondsAgo
        guard !session.isCancelled, left > 0.01 else { return nil }
        let share = ContinuousClock.now + .seconds(left / (end == .lowest ? 4 : 2))
        let query = VerificationQuery(id: "\(asked.id)-\(end.rawValue)", property: { property })
        return try session.decided(query, property, threads: threads, deadline: share, isOfSearch: true)
      })
    if session.isCancelled { return nil }
    let range = result.range
    var record = asked.query(range.proved, of: program).record(
      range.verdict, seconds: began.secondsAgo, program: session.programDigest, property: try property(range.proved))
    record.range = range
    record.attaining = result.attaining
    record.certificates = result.certificates
    record.trusted = result.trusted
    if range.verdict == .unknown { record.reason = "no proof that the attained range is all" }
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
    case .unknown, .vacuous: throw ExitCode.undecided
    case .proved: break
    }
  }
}

extension VerificationRecord {
  /// Whether the record names its certificates, and they are there: one, or one for each end of a range that is not that
  /// of the output's type.
  func hasCertificateFiles(of program: IntegerProgram) -> Bool {
    var needed = 1
    if let output, let range, program.outputElements.indices.contains(output) {
      let type = program.outputElements[output].range
      needed =
        (range.proved.lowerBound > type.lowerBound ? 1 : 0) + (range.proved.upperBound < type.upperBound ? 1 : 0)
    }
    return certificates.count == needed && certificates.allSatisfy { InputFile.exists($0) }
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
