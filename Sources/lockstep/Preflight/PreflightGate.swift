import ArgumentParser
import CodeGeneration
import DifferentialTesting
import Evaluation
import Foundation
import Importers
import IntegerProgram
import Profiling
import Reporting
import Simulation
import Verification

/// What is looked at before a network is flashed: what the command names, read whole, and the checks of it.
struct PreflightGate {
  private let command: PreflightCommand
  private let target: Target
  private let device: Target.Device
  private let build: BuildConfiguration
  private let model: ModelFile
  private let simulator: Simulator
  /// The command that makes the C.
  private let compile: CompileCommand
  private let generator: CodeGenerator
  private let vectors: TestVectors
  private let questions: SampleQuestions?
  private let queries: [VerificationQuery]
  private let interruption: Interruption

  private var program: IntegerProgram { simulator.program }
  private var jobs: Int { command.jobs ?? processorCount }
  private var prefix: String { generator.options.names.prefix }

  /// Of the samples asked about, so many are run on the device.
  private static let mostSamples = 64
  /// A check names so many of what it finds.
  private static let mostDetails = 20

  init(_ command: PreflightCommand, _ target: Target, _ interruption: Interruption) throws {
    guard let path = command.model, let device = target.device else {
      throw ValidationError("A gate needs a model and a target with a device.")
    }
    self.command = command
    self.target = target
    self.device = device
    self.interruption = interruption
    build = try lockstep.build(of: target, called: command.configuration)
    model = try ModelFile(path: path, signature: command.lowering.signature)
    let program = try model.program(command.lowering.options)
    try command.questions.expectMeaning(of: program)
    simulator = Simulator(program)
    compile = try command.compile
    generator = try compile.generator(of: program, in: model, for: target)
    let given =
      command.input.isEmpty
      ? nil : try InputVectors(paths: command.input, program: program, meaning: command.questions.inputs.meaning)
    questions = try command.questions.sampleQuestions(simulator, beside: given)
    queries = try command.questions.queries(simulator, samples: questions)
    // A question that cannot be asked is known before anything is done.
    for query in queries { _ = try query.property() }
    // Of a network that keeps state, samples are what a first call gets, and files hold calls in a row.
    let samples = questions.map { questions in
      questions.set.samples.prefix(Self.mostSamples).map { [questions.set.codes($0)] + program.states.map(\.initial) }
    }
    let inputs =
      try given.map { try TestVectors(calls: $0.all, of: program) }
      ?? TestVectors.random(for: program, count: command.random, seed: command.seed)
    vectors = TestVectors(inputs.vectors + (samples ?? []))
  }

  /// What came of the checks.
  struct Findings {
    var results: PreflightResults
    /// Evidence that comes out the same each time: the C, the image, the profile.
    var files: [(name: String, bytes: [UInt8])] = []
    var arena: String?
    /// The answers to what is asked, in the order of the questions.
    var records: [VerificationRecord] = []
  }

  /// The names of the checks, in their order.
  static let checks = ["memory", "differential test", "stack", "properties", "certificates", "counterexamples"]
  /// Those of them that need the target's compiler or its emulator.
  static let deviceChecks: Set = ["memory", "differential test", "stack", "counterexamples"]

  /// The files beside the model that hold a part of it, by their paths from its folder.
  var siblings: [String] { model.siblings }

  static let report = "report.jsonl"
  static let proofs = "proofs"
  private static let counterexamples = "counterexamples"

  // MARK: Evidence

  /// Does all checks and writes what they leave into the working folder.
  func writeEvidence(
    arguments: [String], said: (PreflightResults.Check) -> Void
  ) throws -> PreflightResults {
    let findings = try findings(arguments: arguments, answers: search, said: said)
    for folder in [Self.proofs, Self.counterexamples] {
      // Only where it is empty.
      rmdir(folder)
    }
    for (name, bytes) in findings.files + (try documents(of: findings)) {
      if let slash = name.lastIndex(of: "/") { try OutputFiles.makeFolder(String(name[..<slash])) }
      try OutputFiles.whole { try $0.add(bytes, at: name) }
    }
    return findings.results
  }

  /// The results, for programs and for people.
  func documents(of findings: Findings) throws -> [(name: String, bytes: [UInt8])] {
    let summary = PreflightSummary(results: findings.results, records: findings.records)
    let page = PreflightPage(
      summary: summary, arena: findings.arena,
      verification: findings.records.isEmpty
        ? nil
        : VerificationPage(
          summary: VerificationSummary(records: findings.records), program: program, modelPath: model.path,
          questions: questions
        ).sections)
    return [
      ("results.json", try findings.results.fileBytes()), ("summary.txt", Array(summary.text.utf8)),
      ("summary.html", Array(page.html.utf8)), ("junit.xml", Array(summary.junit.utf8)),
    ]
  }

  /// Answers the questions; report, certificates and counterexamples go into the working folder.
  private func search() throws {
    var engine = try VerificationEngine(simulator)
    engine.options.timeout = command.timeout
    engine.options.seed = command.seed
    let report = try ReportFile(path: Self.report, resume: false, programDigest: program.digest) { _ in true }
    for folder in [Self.proofs, Self.counterexamples] { try OutputFiles.makeFolder(folder) }
    let session = VerificationSession(
      program,
      evidence: EvidenceFiles(certificates: Self.proofs, counterexamples: Self.counterexamples, program: program),
      isInterrupted: { [interruption] in interruption.signalNumber != nil }, report: { try report.append($0) },
      decide: { [engine] in engine.decide($0, threads: $1, within: $2, isCancelled: $3) })
    let progress = Progress("verifying", total: queries.count)
    let done = Counter()
    _ = try session.answers(queries, jobs: jobs) { _ in progress.report(done.add(1)) }
    progress.end()
  }

  // MARK: Checks

  /// Does the checks, and tells each as it ends. `answers` leaves the report of the questions in the working folder.
  /// Without the device, those are left out that need its compiler or its emulator.
  func findings(
    arguments: [String], answers: () throws -> Void, withDevice: Bool = true,
    said: (PreflightResults.Check) -> Void
  ) throws -> Findings {
    var findings = Findings(
      results: PreflightResults(
        version: Lockstep.version, network: program.name,
        model: .init(path: model.path.hasPrefix("./") ? String(model.path.dropFirst(2)) : model.path, sha256: model.sha256),
        program: program.digest, device: try deviceUsed(),
        compiler: .init(
          command: build.compiler, version: try withDevice ? build.compilerVersion() ?? "" : "",
          configuration: build.configuration.name,
          flags: build.configuration.flags + (build.configuration.generatedCodeFlags ?? [])),
        arguments: arguments))
    findings.files = try compile.files(of: generator).map { ("c/\($0.name)", Array($0.text.utf8)) }
    func check(_ name: String, _ body: () throws -> PreflightResults.Check) throws {
      try expectNoInterruption()
      let start = ContinuousClock.now
      var check = try body()
      check.name = name
      check.seconds = (start.secondsAgo * 1000).rounded() / 1000
      try expectNoInterruption()
      findings.results.checks.append(check)
      said(check)
    }
    if withDevice {
      try check("memory") { try memory(&findings) }
      guard findings.results.verdict != .refused else {
        for name in Self.checks.dropFirst() {
          try check(name) { .init(.notRun, "since the network does not fit") }
        }
        return findings
      }
      try check("differential test") { try differentialTest(&findings) }
      try check("stack") { try stack(&findings) }
    }
    try check("properties") {
      if queries.isEmpty { return .init(.empty, "none was asked; proved is only that no accumulator overflows") }
      try answers()
      try expectNoInterruption()
      guard InputFile.exists(Self.report) else { return .init(.notRun, "there is no report") }
      findings.records = try records()
      return properties(findings.records)
    }
    var inputs: [[Int32]] = []
    try check("certificates") { try certificates(findings.records, &inputs) }
    if withDevice { try check("counterexamples") { try replay(inputs) } }
    return findings
  }

  private func expectNoInterruption() throws {
    guard let number = interruption.signalNumber else { return }
    StandardError.write("interrupted: no evidence is written\n")
    throw ExitCode(128 + number)
  }

  private func memory(_ findings: inout Findings) throws -> PreflightResults.Check {
    // Compilers refuse what is far too large in their own words.
    if let shortfall = target.shortfall(tableBytes: generator.tableBytes, arenaBytes: generator.plan.arenaSize) {
      return .init(.failed, shortfall)
    }
    let sizes: [CompiledSize]
    do {
      sizes = try CompiledSize.all(of: generator, for: target, builds: [build])
    } catch let error as TargetError {
      throw FileError(path: "--target \(target.name)", reason: error.description)
    }
    guard let size = sizes.first else {
      throw FileError(path: "--target \(target.name)", reason: "\(build.compiler) is not installed")
    }
    let memory = PreflightResults.Memory(
      codeBytes: size.codeBytes, constantBytes: size.constantBytes, arenaBytes: generator.plan.arenaSize,
      constantBytesInRAM: device.constantsInRAM == true ? size.constantBytes : 0)
    findings.results.memory = memory
    if let shortfall = CompiledSize.shortfall(sizes, of: target) { return .init(.failed, shortfall) }
    let ram = memory.arenaBytes + memory.constantBytesInRAM + device.stackBytes
    return .init(
      .held,
      "flash \((memory.codeBytes + memory.constantBytes).grouped) of \(device.flash.bytes.grouped) bytes (code "
        + "\(memory.codeBytes.grouped), constants \(memory.constantBytes.grouped)), RAM \(ram.grouped) of "
        + "\(device.ram.bytes.grouped) (arena \(memory.arenaBytes.grouped), "
        + (memory.constantBytesInRAM > 0 ? "constants \(memory.constantBytesInRAM.grouped), " : "")
        + "stack \(device.stackBytes.grouped))")
  }

  private func differentialTest(_ findings: inout Findings) throws -> PreflightResults.Check {
    let report = try DifferentialTest(generator).run(vectors, builds: [build], jobs: jobs)
    guard report.isEqual, let image = report.images.first?.bytes else {
      return .init(
        .failed, report.shortfall.map { "the image that tests it does not fit: \($0)" } ?? "it is not equal",
        details: report.problems)
    }
    let digest = Array(program.digest.utf8)
    guard Data(image).range(of: Data(digest)) != nil else {
      return .init(.failed, "the image does not hold the program's digest, \(program.digest)")
    }
    findings.files.append((imageName, image))
    findings.results.image = .init(path: imageName, sha256: image.sha256)
    return .init(
      .held,
      "\(counted(report.vectors, "vector")), \(counted(program.steps.count, "step")): \(report.comparedBytes.grouped) bytes "
        + "compared on \(target.name), 0 differ"
        + (program.states.isEmpty ? "" : "; nor do \(counted(report.vectors, "call")) in a row from \(prefix)_reset on"))
  }

  private func stack(_ findings: inout Findings) throws -> PreflightResults.Check {
    let profile: Profile
    do {
      profile = try Profiler(generator, for: target, build: build).run(vectors.vectors[0])
    } catch let error as ProfileError {
      switch error {
      case .missing(let reason): throw FileError(path: "--target \(target.name)", reason: reason)
      case .doesNotFit(let reason), .failure(let reason): return .init(.failed, reason)
      }
    }
    let report = ProfileReport(profile)
    findings.files += [
      ("profile.json", Array((report.json.text + "\n").utf8)), ("arena.svg", Array(report.picture.svg.utf8)),
    ]
    findings.arena = report.picture.svg
    findings.results.layers = .init(
      rows: report.table.rows, isText: report.table.alignments.map { $0 == .left })
    findings.results.inference = .init(
      instructions: profile.total?.instructions, cycles: profile.total?.cycles,
      estimatedCycles: profile.total?.estimatedCycles, timing: profile.timing?.source)
    findings.results.memory?.measuredStackBytes = profile.measuredStackBytes
    findings.results.memory?.stackBound = profile.stackBound
    let kept = device.stackBytes.grouped
    let measured =
      "\(profile.measuredStackBytes.grouped) bytes" + (profile.isStackExhausted ? " or more" : "") + " measured"
    guard let bound = profile.stackBound else {
      return .init(.open, "\(measured), but there is no bound: \(profile.stackObstacle ?? "")")
    }
    let path = profile.deepestCalls.joined(separator: " → ")
    // Start-up and main are under it.
    let isWithin = bound + Profiler.callersBytes <= device.stackBytes
    return .init(
      isWithin ? .held : .failed,
      "at most \(bound.grouped) bytes under its caller's \(Profiler.callersBytes), \(measured), "
        + "\(isWithin ? "of" : "but there are only") \(kept)", details: [path])
  }

  private static func certificate(of record: VerificationRecord) -> String { "\(proofs)/\(record.query).cert" }

  /// The files of the evidence besides those of `findings` and its documents: the report, and what it names.
  func answerFiles(of findings: Findings) throws -> [(name: String, bytes: [UInt8]?)] {
    // Where nothing was asked there is no place for answers.
    guard !findings.records.isEmpty else { return [] }
    var files: [(name: String, bytes: [UInt8]?)] = []
    // Its lines in their own order, as they are written.
    let lines = try ReportFile.complete(path: Self.report).map { $0.line + "\n" }
    files.append((Self.report, Array(lines.joined().utf8)))
    for record in findings.records {
      if record.verdict == .proved { files.append((Self.certificate(of: record), nil)) }
      if record.verdict == .violated, let codes = record.counterexample, codes.count == program.inputElements.count {
        let counterexample = Counterexample(inputs: codes.map { Int32(clamping: $0) }, outputs: [], violation: 0)
        files.append(
          ("\(Self.counterexamples)/\(record.query).npy", counterexample.array(of: program).fileBytes))
      }
    }
    return files
  }

  var imageName: String { "\(prefix).elf" }

  /// The arena's picture, which needs no device.
  var arenaPicture: String { ArenaPicture(program, generator.plan).svg }

  /// The report in the working folder, in the order of the questions.
  private func records() throws -> [VerificationRecord] {
    let places = Dictionary(uniqueKeysWithValues: zip(queries.map(\.id), queries.indices))
    return try ReportFile.complete(path: Self.report).sorted {
      (places[$0.query] ?? .max, $0.query) < (places[$1.query] ?? .max, $1.query)
    }
  }

  private func properties(_ records: [VerificationRecord]) -> PreflightResults.Check {
    func count(_ verdict: VerificationRecord.Verdict) -> Int { records.count { $0.verdict == verdict } }
    let counts = VerificationRecord.Verdict.allCases.filter { count($0) > 0 }.map { "\(count($0).grouped) \($0.rawValue)" }
    let others = records.filter { $0.verdict != .proved }
    let worst = VerificationSummary(records: records).worst(
      allowsMisclassified: command.questions.allowMisclassified)
    var details = others.prefix(Self.mostDetails).flatMap { record -> [String] in
      let kept = "\(Self.counterexamples)/\(record.query.printable(80)).npy has them"
      let witness = VerificationSummary.witness(record, of: program, kept: kept)
      return [VerificationSummary.line(record)] + (witness?.split(separator: "\n").map(String.init) ?? [])
    }
    if others.count > Self.mostDetails { details.append("and \((others.count - Self.mostDetails).grouped) more") }
    let outcome: PreflightResults.Check.Outcome =
      switch worst {
      case .violated, .misclassified: .failed
      case .unknown, .vacuous: .open
      case .proved: .held
      }
    return .init(outcome, "\(counts.joined(separator: ", ")) of \(queries.count.grouped)", details: details)
  }

  /// The independent check of all answers; `inputs` receives those that were replayed on the simulator.
  private func certificates(
    _ records: [VerificationRecord], _ inputs: inout [[Int32]]
  ) throws -> PreflightResults.Check {
    if records.isEmpty { return .init(.empty, "nothing is proved") }
    let check = try EvidenceCheck(
      simulator, asked: AskedQuestions(queries, of: program), certificates: Self.proofs)
    let found = try check.report(records, jobs: jobs)
    inputs = found.flatMap { $0.outcome == .accepted ? $0.replayed : [] }
    // A finding for each record, then one for each question without an answer. Only unknowns need no evidence.
    var wrong = found.enumerated().filter { index, finding in
      finding.outcome != .accepted && !(finding.outcome == .none && index < records.count && records[index].verdict == .unknown)
    }.map { "\($0.element.name.printable()): \($0.element.text.printable(400))" }
    for record in records where record.verdict == .proved && record.certificates != [Self.certificate(of: record)] {
      wrong.append("\(record.query.printable()): its certificate is not \(Self.certificate(of: record).printable())")
    }
    if !wrong.isEmpty {
      return .init(
        .failed, "\(counted(wrong.count, "answer")) without evidence that holds", details: Array(wrong.prefix(Self.mostDetails)))
    }
    let proved = zip(records, found).count { $0.verdict == .proved && $1.outcome == .accepted }
    if proved == 0 { return .init(.empty, "nothing is proved") }
    return .init(.held, "\(counted(proved, "proof")) accepted by the independent checker")
  }

  private func replay(_ inputs: [[Int32]]) throws -> PreflightResults.Check {
    if inputs.isEmpty { return .init(.empty, "nothing is violated") }
    let report = try DifferentialTest(generator).run(
      TestVectors(inputs.map { program.inputs(flat: $0) }), builds: [build], jobs: jobs)
    guard report.isEqual else {
      return .init(.failed, "the target's own code does not give what the simulator gives", details: report.problems)
    }
    return .init(
      .held, "\(counted(inputs.count, "input")) replayed on \(target.name): its own code violates what is violated")
  }

  private func deviceUsed() throws -> PreflightResults.Device {
    // What the compiler may include is named with the rest.
    let included = (device.includes ?? []).flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".h") }
        .map { "\(folder)/\($0)" }
    }
    let paths = Set(device.sources + (device.linkerScript.map { [$0] } ?? []) + included)
    let files = try paths.map { path in
      PreflightResults.File(
        path: URL(fileURLWithPath: path).lastPathComponent,
        sha256: try InputFile.bytes(path: path, limit: Self.largestTargetFile).sha256)
    }
    return .init(
      target: target.name, description: target.description, flashBytes: device.flash.bytes, ramBytes: device.ram.bytes,
      stackBytes: device.stackBytes, files: files.sorted { ($0.path, $0.sha256) < ($1.path, $1.sha256) })
  }

  private static let largestTargetFile = 64 << 20
}

extension PreflightResults.Check {
  /// A check that is named and timed later.
  init(_ outcome: Outcome, _ text: String, details: [String] = []) {
    self.init(name: "", outcome: outcome, text: text, details: details)
  }
}
