import ArgumentParser
import CodeGeneration
import DifferentialTesting
import Importers
import IntegerProgram
import Reporting
import Simulation
import Synchronization

/// `lockstep check`: the evidence of `verify`, checked without it.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check certificates and counterexamples independently of how they were found.",
    discussion: """
      The checker reads a certificate, sees that it is about this network's arithmetic (the program's SHA-256), and \
      follows it in exact integer arithmetic; it shares no code with the search. What it prints is made from the \
      property that the certificate proves, so compare that with what you meant, or name what you meant by the options \
      of verify: then a certificate about anything else is rejected.

        lockstep check proofs/*.cert --model model.tflite
        lockstep check p.cert --model model.tflite --property p.vnnlib

      A counterexample (.npy, codes) is run on the simulator, and with --target also on the generated C, built by each \
      compiler of the target: every byte of every layer must be the simulator's.

        lockstep check p.npy --model model.tflite --property p.vnnlib --target host

      A report is checked line by line: each proof's certificate, each counterexample, both ends of each range. Give the \
      options of verify to hold it against what was asked: then lines about anything else, questions that no line \
      answers, inputs outside their boxes and samples that are not misclassified are rejected as well.

        lockstep check --report out.jsonl --certificates proofs --model model.tflite \\
            --images x.npy --labels y.npy --samples 0-99 --epsilon 1,2,3

      Lines that are unknown or on a solver's word have no evidence; they are counted, and not rejected.

      Exit status: 0 none rejected, 1 some rejected, 65 none rejected, but some file unreadable.
      """)

  @Argument(help: ArgumentHelp("Certificates, and counterexamples (.npy).", valueName: "evidence"))
  var evidence: [String] = []

  @Option(help: ArgumentHelp("The network.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("A report of verify, all of whose lines are checked.", valueName: "out.jsonl"))
  var report: String?

  @Option(help: ArgumentHelp("Where the report's certificates are; its own paths unless given.", valueName: "folder"))
  var certificates: String?

  @Option(
    help: ArgumentHelp(
      "Run counterexamples, and inputs that attain the ends of ranges, on the C generated for this target, too.",
      valueName: "name"))
  var target: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Threads; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  @OptionGroup(title: "What was asked") var questions: SearchArguments

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1 … 1024.") }
    if evidence.isEmpty && report == nil { throw ValidationError("Name certificates, counterexamples or a --report.") }
    if certificates != nil && report == nil { throw ValidationError("--certificates goes with --report.") }
    try questions.inputs.expectFiles([questions.images].compactMap { $0 })
    if !evidence.isEmpty && (questions.maxRadius || questions.outputRange) {
      throw ValidationError("--max-radius and --output-range go with a --report alone.")
    }
  }

  func run() throws {
    let target = try target.map { try readTarget($0) }
    if let target { try expectPrograms(of: target) }
    let program = try questions.program(asking: ModelFile(path: model, signature: lowering.signature).program(lowering.options))
    let simulator = Simulator(program)
    let check = try EvidenceCheck(
      simulator, asked: try AskedQuestions(questions, simulator), certificates: certificates)
    let lines = try report.map { try ReportFile.complete(path: $0) } ?? []
    let jobs = jobs ?? processorCount
    var findings = try concurrentMap(evidence, jobs: jobs) { path in
      try EvidenceCheck.Finding.reading(path) {
        path.hasSuffix(".npy") ? try check.counterexamples(at: path) : [try check.certificate(at: path)]
      }
    }.flatMap { $0 }
    for finding in findings { print("\(finding.name.printable()): \(Self.word(finding)) \(finding.text)") }

    let ofLines = report == nil ? [] : try check.report(lines, jobs: jobs)
    for finding in ofLines where finding.outcome == .rejected || finding.outcome == .unreadable {
      print("\(finding.name.printable()): \(Self.word(finding)) \(finding.text)")
    }
    if !lines.isEmpty {
      let trusted = "trusted"
      let verdicts = (VerificationRecord.Verdict.allCases.map(\.rawValue) + [trusted]).compactMap { verdict in
        let count = lines.count { ($0.trusted == nil ? $0.verdict.rawValue : trusted) == verdict }
        return count == 0 ? nil : "\(count) \(verdict)"
      }
      let outcomes: [(EvidenceCheck.Finding.Outcome, String)] = [
        (.accepted, "accepted"), (.none, "without evidence"), (.rejected, "rejected"), (.unreadable, "unreadable"),
      ]
      print(
        "\(counted(lines.count, "line")), \(verdicts.joined(separator: ", ")): "
          + outcomes.map { outcome, name in "\(ofLines.count { $0.outcome == outcome }) \(name)" }
          .joined(separator: ", "))
    }
    findings += ofLines
    print("program \(program.digest)")
    var isAccepted = !findings.contains { $0.outcome == .rejected }
    let inputs = findings.flatMap { $0.outcome == .accepted ? $0.replayed : [] }
    if let target, try !runC(inputs, of: program, for: target, jobs: jobs) { isAccepted = false }
    if !isAccepted { throw ExitCode.mismatch }
    if findings.contains(where: { $0.outcome == .unreadable }) { throw ExitCode.badFile }
  }

  private static func word(_ finding: EvidenceCheck.Finding) -> String {
    switch finding.outcome {
    case .accepted: "accepted:"
    case .rejected: "REJECTED:"
    case .unreadable: "UNREADABLE:"
    case .none: "no evidence:"
    }
  }

  /// Whether the generated C returns for `inputs` what the simulator does.
  private func runC(_ inputs: [[Int32]], of program: IntegerProgram, for target: Target, jobs: Int) throws -> Bool {
    guard !inputs.isEmpty else {
      print("no input to run on generated C")
      return true
    }
    // One build a compiler, as a device would have it; difftest compares all of them.
    let builds = BuildConfiguration.all(of: target).filter { $0.configuration.name == "O2" }
    let test = DifferentialTest(program, for: target)
    if let shortfall = test.shortfall(of: target) { throw FileError(path: model, reason: shortfall) }
    let result = try test.run(
      TestVectors(inputs.map { program.inputs(flat: $0) }), builds: builds, jobs: jobs)
    for problem in result.problems { print("DIFFERS \(problem)") }
    print(
      "\(counted(inputs.count, "input")) on generated C: \(result.agreed) of \(builds.count) builds equal, "
        + "\(result.comparedBytes) bytes compared")
    if result.problems.isEmpty && result.comparedBytes == 0 {
      throw FileError(
        path: "--target \(target.name)", reason: "no build could be made on this machine; install gcc or clang")
    }
    return result.isEqual
  }
}

/// `transform` of every element, on up to `jobs` threads; the first error in their order is thrown.
func concurrentMap<Element: Sendable, Result: Sendable>(
  _ elements: [Element], jobs: Int, _ transform: @Sendable (Element) throws -> Result
) throws -> [Result] {
  let results = Mutex([Swift.Result<Result, any Error>?](repeating: nil, count: elements.count))
  concurrently(elements.count, jobs: jobs) { index in
    let result = Swift.Result { try transform(elements[index]) }
    results.withLock { $0[index] = result }
  }
  return try results.withLock { $0 }.compactMap { try $0?.get() }
}
