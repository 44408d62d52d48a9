import ArgumentParser
import Importers
import IntegerProgram
import Network
import Properties
import Reporting
import SMT
import Simulation
import Synchronization
import Verification

/// `lockstep verify`: proofs and counterexamples.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove properties of a network, or find inputs that violate them.",
    discussion: """
      Verdicts are about the codes that a device takes and returns, saturated and rounded. "proved" comes with a \
      certificate that an independent checker has accepted; "violated" with an input that the simulator has replayed; \
      "unknown" with the reason and the best bound. Classification is the largest output code, the lowest index among \
      equals; --top-k K asks that the label stay among the K largest. A single output is class 1 from the code of \
      --threshold on and class 0 below; behind a sigmoid that is the code of 0.5 unless given. "vacuous" is a question \
      that says nothing of the network: the answer is the same whatever it computes, or box and conditions leave one input.

      A property file (VNN-LIB 1.0) asserts what must not happen, about inputs X_i and outputs Y_j in codes, or in real \
      values with --real:

        lockstep verify model.tflite --property p.vnnlib
        lockstep verify model.tflite --property p.vnnlib --real --timeout 10

      Robustness: every input whose elements are at most epsilon from a sample's, and within the input's codes, is \
      classified as the label, or without --labels as the sample is. Samples are read as by simulate: bytes (uint8) are pixels, which for an int8 input stand \
      for −128 … 127 (--bytes codes takes them for codes). A sample that the network gives another class than its label \
      is "misclassified", which counts as a violation unless --allow-misclassified is given.

        lockstep verify model.tflite --images t10k-images-idx3-ubyte.gz \\
            --labels t10k-labels-idx1-ubyte.gz --samples 0-99 --epsilon 1,2,3 \\
            --jobs 8 --timeout 60 --report out.jsonl --certificates proofs
        lockstep verify model.tflite … --resume     goes on after an interruption
        lockstep verify model.tflite --images x.npy --max-radius
            the largest epsilon that is proved, the smallest that is refuted
        lockstep verify model.tflite --images x.npy --epsilon 1 --output-range
            each output's proved bounds and attained codes

      A report has a line of JSON for each question, written as it is answered:

        query        its name, as "s12-e3"; certificates are called so too
        file         the property's file
        sample, label, epsilon
        output       the output element, with --output-range
        top_k, threshold    what makes the label right, where asked otherwise
        verdict      proved, violated, misclassified, unknown, vacuous
        vacuous      why the question says nothing of the network: no-cases
                     (it excludes nothing), contradiction (what it excludes
                     contradicts itself or the codes there are), certainty
                     (what it excludes cannot be avoided), one-point
        stage        attack, intervals, lagrangian, linear-program,
                     branch-and-bound or smt: what decided, or came last
        seconds
        certificate  its path; null without --certificates
        certificates with --output-range: those of both ends
        trusted      whose word the proof is, with --trust-solver
        counterexample, outputs, class, distance
                     input codes, output codes, their class, and the most that
                     an element differs from the sample
        proved, attained
                     with --output-range: lowest and highest code
        attaining    two inputs, which lead to the codes attained
        reason, bounds, open
                     for unknown: why; for each violation a proved bound of
                     what stays below 0 (null: excluded); the share left open
        program, property
                     SHA-256 of what was proved, and of what of it

      --summary turns a batch into figures to be quoted, for each epsilon: clean accuracy; certified accuracy, the share \
      of samples that are proved; falsified, those that are violated or misclassified; unknown. Beside them stand 95 % \
      confidence intervals (Wilson, 1927) for samples of the same kind. Every proof was accepted by the checker, every \
      counterexample replayed; with --certificates and --report anyone can check them again.

        lockstep verify model.onnx --images x.idx.gz --labels y.idx.gz \\
            --epsilon 1,4 --summary --certificates proofs --report out.jsonl

      --resume keeps the lines of a report that belong to this network, drops a torn last one, asks the unknown again, \
      and the trusted without --trust-solver, and then the rest. Ctrl-C leaves a report that can be resumed.

      Exit status: 0 all proved, 1 some violated or misclassified (with --allow-misclassified: some violated, or all \
      samples misclassified), 3 otherwise: some unknown or vacuous. With --max-radius and --output-range: 0 where all \
      results are exact, 3 where some are not, or are vacuous; 1 where --max-radius finds samples misclassified, as above. \
      130 after an interruption.
      """)

  @Argument(help: ArgumentHelp("The network.", valueName: "model"))
  var path: String

  @OptionGroup(title: "What is asked") var questions: SearchArguments

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Threads; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  @Option(parsing: .unconditional, help: "Seconds for each question; with --output-range for each output.")
  var timeout = 60.0

  @Option(help: "search: bounds and branch and bound; smt: Z3 on bit-vectors.")
  var engine = VerificationEngine.Kind.search

  @Option(
    help: ArgumentHelp(
      "The stages of the search that run; all unless given.",
      discussion: Stage.allCases.map(\.rawValue).joined(separator: ", "), valueName: "attack,intervals"),
    transform: StageList.init)
  var stages: StageList?

  @Option(parsing: .unconditional, help: "The seed of the search for counterexamples.")
  var seed: UInt64 = 1

  @Option(help: "The shape of sums in formulas.")
  var sums = SumShape.balanced

  @Flag(help: "With --engine smt: take Z3's word for a proof. The report says so.")
  var trustSolver = false

  @Option(
    help: ArgumentHelp(
      "Write the questions as SMT-LIB 2 to a file, or several to a folder, and stop.", valueName: "path"))
  var emitSmt2: String?

  @Option(help: ArgumentHelp("Write a certificate for each proof into this folder.", valueName: "folder"))
  var certificates: String?

  @Option(help: ArgumentHelp("Write each counterexample as .npy into this folder.", valueName: "folder"))
  var counterexamples: String?

  @Option(help: ArgumentHelp("Write a line of JSON for each question; - is stdout.", valueName: "out.jsonl"))
  var report: String?

  @Flag(help: "Go on with the report.")
  var resume = false

  @Option(
    help: ArgumentHelp("Write a page with the verdicts and the counterexamples as pictures.", valueName: "page.html"))
  var html: String?

  @Flag(
    help: "Show clean accuracy and certified robust accuracy for each epsilon, with what they say of other samples.")
  var summary = false

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1 … 1024.") }
    try TimeLimit.expect(timeout)
    if !questions.isGiven { throw ValidationError("Ask something: --property, --images or --output-range.") }
    try questions.inputs.expectFiles([questions.images].compactMap { $0 })
    if resume && report == nil { throw ValidationError("--resume needs the --report to go on with.") }
    if resume && report == "-" { throw ValidationError("--resume needs a report in a file.") }
    if summary && (questions.images == nil || questions.labels == nil || questions.maxRadius || questions.outputRange) {
      throw ValidationError("--summary is about --images with --labels, and an --epsilon or more.")
    }
    if trustSolver && engine != .smt { throw ValidationError("--trust-solver goes with --engine smt.") }
    if emitSmt2 != nil && (questions.maxRadius || questions.outputRange) {
      throw ValidationError("--emit-smt2 writes questions with an answer.")
    }
  }

  func run() throws {
    let program = try questions.program(asking: ModelFile(path: path, signature: lowering.signature).program(lowering.options))
    let simulator = Simulator(program)
    if let emitSmt2 { return try emit(try questions.queries(simulator), of: program, to: emitSmt2) }
    let run = try VerificationRun(self, simulator)
    if questions.maxRadius {
      try run.radii()
    } else if questions.outputRange {
      try run.ranges()
    } else {
      try run.batch()
    }
  }

  private func emit(_ queries: [VerificationQuery], of program: IntegerProgram, to path: String) throws {
    func bytes(_ query: VerificationQuery) throws -> [UInt8] {
      do {
        return Array(try BitVectorQuery(program, try query.property(), sums: sums).smtLIB2Text().utf8)
      } catch let error as EncodingError {
        throw FileError(path: self.path, reason: "\(query.id): \(error)")
      }
    }
    if queries.count == 1, !path.hasSuffix("/") {
      try OutputFiles.whole { try $0.add(try bytes(queries[0]), at: path) }
    } else {
      try OutputFiles.makeFolder(path)
      for query in queries { try OutputFiles.whole { try $0.add(try bytes(query), at: "\(path)/\(query.id).smt2") } }
    }
    print("\(path): \(counted(queries.count, "question")) as SMT-LIB 2")
  }
}

extension VerificationEngine.Kind: ExpressibleByArgument {}
extension SumShape: ExpressibleByArgument {}

/// Stages as people write them: attack,intervals.
struct StageList: Sendable {
  let stages: Set<Stage>

  init(_ argument: String) throws {
    stages = Set(
      try argument.split(separator: ",", omittingEmptySubsequences: false).map { part in
        guard let stage = Stage(rawValue: String(part)) else {
          throw ValidationError(
            "\"\(String(part).printable(40))\" is no stage; these are: "
              + "\(Stage.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return stage
      })
  }
}
