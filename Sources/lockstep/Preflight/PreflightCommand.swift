import ArgumentParser
import CodeGeneration
import Foundation
import Importers

/// `lockstep preflight`: the gate before flashing.
struct PreflightCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preflight",
    abstract: "Decide whether a network may be flashed, and write down why.",
    discussion: """
      The gate compiles the network for the target, sees that it fits, compares every byte of every layer on the target \
      with the simulator, bounds its stack, verifies the properties asked, has the certificates checked, replays each \
      counterexample on the target's own code, and writes one folder of evidence. It is cleared only if everything \
      holds; a folder is written either way.

        lockstep preflight model.tflite --target cortex-m4 --output evidence
        lockstep preflight model.tflite --target cortex-m4 --property p.vnnlib \\
            --images x.npy --labels y.npy --samples 0-9 --epsilon 1 --output evidence
        lockstep preflight --recheck evidence

      What holds:

        memory             code and constants are within the flash; arena, stack
                           and what start-up copies are within the RAM
        differential test  every byte of every layer, on --input or random
                           inputs and on the samples asked about
        stack              the deepest path of calls is within the stack that
                           the target keeps
        properties         each is proved; one that is violated, undecided or
                           vacuous (it says nothing of the network) is not
                           cleared, nor, without --allow-misclassified, is a
                           sample whose label the network makes wrong
        certificates       the independent checker accepts each
        counterexamples    on the target's own code they give what the
                           simulator gives: a refusal is real

      That no accumulator overflows is proved before, for every input: a network where it fails is refused.

      The folder has

        summary.txt, summary.html, junit.xml    for people, and for a CI
        results.json         all of it; "verdict" is cleared, refused or open
        profile.json, arena.svg    as of lockstep profile
        c/                   the generated C
        NAME.elf             the image that ran, with the program's digest in it
        report.jsonl, proofs/, counterexamples/    as of lockstep verify
        model/, inputs/      copies of what was given
        manifest.sha256      the digest of each file, for sha256sum --check

      The last line is the digest of the manifest, which stands for the whole folder: keep it where the folder is not.

      --recheck goes through such a folder again, on this machine: no byte may have changed, the C must come out of the \
      model as it is there, the image out of the C (with the same compiler), device and simulator must agree, the \
      checker must accept the certificates, the counterexamples must be ones, and the results must be those. It searches \
      for nothing. Where this machine's compiler is of another version, the image cannot come out the same, and with \
      --without-device nothing is run: then the status is 3 at best. A target that is not one of Lockstep's own has to be named again, since it says what programs \
      run. What is the same for whoever makes such a folder anew cannot be told from the first one: for that there is \
      --digest.

      Exit status: 0 cleared; 1 refused, or changed; 3 some of it open: a property undecided or vacuous, no bound of the \
      stack; 65 a file that cannot be used, nothing is \
      written.
      """)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var model: String?

  @Option(help: "A folder of Targets, or (with a slash) the path of one of your own; it must have a device.")
  var target: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The folder of evidence to write. It appears whole or not at all.", valueName: "folder"))
  var output: String?

  @Option(help: ArgumentHelp("Check this folder of evidence again.", valueName: "folder"))
  var recheck: String?

  @Option(
    help: ArgumentHelp("With --recheck: the digest that was printed when the folder was made.", valueName: "sha256"))
  var digest: String?

  @Flag(help: "With --recheck: leave out what takes the target's compiler and emulator.")
  var withoutDevice = false

  @Option(help: "What kernels made for the target go for, as for compile.")
  var optimize = KernelSelection.Goal.speed

  @Option(help: "How weights that 4 bits hold lie in flash, as for compile.")
  var weights = WeightStorage.automatic

  @Option(help: ArgumentHelp("One of the target's ways to build, such as Os; by default its first.", valueName: "name"))
  var configuration: String?

  @Option(help: ArgumentHelp("Codes or reals to run on the device, as for simulate; once for each input.", valueName: "x.npy"))
  var input: [String] = []

  @Option(help: ArgumentHelp("Without --input: how many random and extreme inputs to run on.", valueName: "count"))
  var random = Self.usualRandom

  @Option(parsing: .unconditional, help: "The seed of random inputs, and of the search.")
  var seed: UInt64 = 1

  @OptionGroup(title: "What is asked") var questions: QuestionArguments

  @Option(parsing: .unconditional, help: "Seconds for each question.")
  var timeout = Self.usualTimeout

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Threads; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  @OptionGroup var lowering: LoweringArguments

  private static let usualRandom = 16
  private static let usualTimeout = 60.0

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1 … 1024.") }
    if recheck != nil {
      if model != nil { throw ValidationError("--recheck takes the model from the folder; name none.") }
      if output != nil { throw ValidationError("--recheck writes nothing; leave out --output.") }
      if questions.isGiven || questions.inputs.bytes != nil || !input.isEmpty || configuration != nil
        || optimize != .speed || weights != .automatic || random != Self.usualRandom
        || seed != 1 || timeout != Self.usualTimeout || lowering.rounding != .tfliteDouble
        || lowering.scaleProduct != .double || lowering.signature != nil
      {
        throw ValidationError(
          "--recheck asks what was asked then, and says it; beside it go --target, --digest, --without-device and --jobs."
        )
      }
      return
    }
    if digest != nil || withoutDevice { throw ValidationError("--digest and --without-device go with --recheck.") }
    if model == nil { throw ValidationError("Name a model, or a folder to --recheck.") }
    if target == nil { throw ValidationError("Name the --target that is flashed.") }
    if output == nil { throw ValidationError("Name the folder for the evidence: --output.") }
    if !(1...100_000).contains(random) { throw ValidationError("--random must be in 1 … 100000.") }
    try TimeLimit.expect(timeout)
    try questions.inputs.expectFiles(input + [questions.images].compactMap { $0 })
    try questions.expectSense()
  }

  func run() throws {
    let interruption = Interruption()
    // Where nobody listens any longer, the evidence is written all the same.
    signal(SIGPIPE, SIG_IGN)
    if let recheck {
      return try PreflightRecheck(self, folder: EvidenceFolder(path: recheck), interruption: interruption).run()
    }
    guard let target, let output else { return }
    let device = try readTarget(target)
    try expectDevice(of: device)
    // Read where it is given first, so that messages name the user's files.
    let given = try PreflightGate(self, device, interruption)
    var results: PreflightResults?
    let copies = InputCopies(self, siblings: given.siblings)
    let folder = try EvidenceFolder.whole(at: output) {
      // The copies are what counts from here on; their paths are relative to the folder.
      let command = try copies.command()
      let gate = try PreflightGate(command, device, interruption)
      results = try gate.writeEvidence(arguments: copies.arguments) { print(PreflightSummary.line($0)) }
    }
    guard let results else { return }
    print("")
    print(PreflightSummary(results: results, records: []).headline)
    print("\(output)/summary.html")
    print("program \(results.program)")
    if let image = results.image { print("image \(image.sha256)") }
    print("evidence \(try folder.digest())")
    try Self.end(results.verdict)
  }

  /// Ends with the exit status of a verdict.
  static func end(_ verdict: PreflightResults.Verdict) throws {
    switch verdict {
    case .cleared: break
    case .refused: throw ExitCode.mismatch
    case .open: throw ExitCode.undecided
    }
  }
}

extension PreflightCommand {
  /// The command of recorded arguments, which name no folder to write.
  static func about(_ arguments: [String]) throws -> PreflightCommand {
    try parse(arguments + ["--output", "."])
  }

  /// The command of arguments that anyone may have recorded: just such as `preflight` writes. Throws a `FileError` where
  /// they are others, requests for help among them.
  static func recorded(_ arguments: [String], in path: String) throws -> PreflightCommand {
    let fault = FileError(path: path, reason: "\"arguments\" are not such as preflight records")
    guard let command = try? about(arguments) else { throw fault }
    let same = InputCopies(command).arguments
    guard same.count == arguments.count, zip(same, arguments).allSatisfy({ $0.utf8.elementsEqual($1.utf8) }) else {
      throw fault
    }
    return command
  }

  /// The command that makes the C for the same network and target.
  var compile: CompileCommand {
    get throws {
      var compile = try CompileCommand.parse(["--target", target ?? "", "--output", ".", "--", model ?? ""])
      compile.optimize = optimize
      compile.weights = weights
      compile.lowering = lowering
      return compile
    }
  }

  func with(jobs: Int?) -> PreflightCommand {
    var command = self
    command.jobs = jobs
    return command
  }
}
