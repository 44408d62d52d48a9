import ArgumentParser
import CodeGeneration
import DifferentialTesting
import Importers
import IntegerProgram
import Network

/// `lockstep difftest`: the generated C against the simulator.
struct DifftestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "difftest",
    abstract: "Build the generated C in many ways and compare every byte of every layer with the simulator.",
    discussion: """
      The code is built by each compiler of the target at each of its optimisation levels, with sanitizers, and once \
      without any floating-point register; all builds run on the same inputs. A mismatch names the first layer and \
      element that differ, with the expected and the actual code. Exit status 1 means that some build differs.

        lockstep difftest Examples/digits/digits.tflite --input Examples/digits/images.npy
        lockstep difftest model.tflite --random 64 --seed 1
        lockstep difftest --networks 300 --seed 1     random networks in place of a model
        lockstep difftest model.tflite --target cortex-m4     cross-compiled, and run in an emulator
      """)

  @Argument(
    help: ArgumentHelp(
      "The network: an int8 TensorFlow Lite or quantised ONNX file; none with --networks.", valueName: "model"))
  var path: String?

  @Option(help: "A folder of Targets, or (with a slash) the path of one of your own.")
  var target = "host"

  @Option(help: "What kernels made for the target go for, as for compile.")
  var optimize = KernelSelection.Goal.speed

  @Option(help: "How weights that 4 bits hold lie in flash, as for compile.")
  var weights = WeightStorage.automatic

  @Option(help: ArgumentHelp("Codes or reals to run on, as for simulate; once for each input.", valueName: "x.npy"))
  var input: [String] = []

  @OptionGroup var inputs: InputArguments

  @Option(
    parsing: .unconditional, help: ArgumentHelp("How many random and extreme inputs to run on.", valueName: "count"))
  var random: Int?

  @Option(parsing: .unconditional, help: "The seed of random inputs and networks.")
  var seed: UInt64 = 1

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Test this many random networks instead of a model.", valueName: "count"))
  var networks: Int?

  @Option(parsing: .unconditional, help: "How many builds or networks to work on at once.")
  var jobs = 2

  @Flag(help: "With --networks: change the generator in known ways, and show that each change is caught.")
  var mutants = false

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if (path == nil) == (networks == nil) { throw ValidationError("Name a model, or a number of --networks.") }
    if let networks, networks < 1 { throw ValidationError("--networks must be at least 1.") }
    if let random, !(1...1_000_000).contains(random) { throw ValidationError("--random must be in 1 … 1000000.") }
    if !(1...256).contains(jobs) { throw ValidationError("--jobs must be in 1 … 256.") }
    try inputs.expectFiles(input)
    if mutants && networks == nil { throw ValidationError("--mutants goes with --networks.") }
  }

  func run() throws {
    let target = try readTarget(target)
    try expectPrograms(of: target)
    let builds = BuildConfiguration.all(of: target)
    if let networks {
      try mutants ? runMutants(networks, builds) : runNetworks(networks, target)
    } else if let path {
      try runModel(path, target, builds)
    }
  }

  private func runModel(_ path: String, _ target: Target, _ builds: [BuildConfiguration]) throws {
    let model = try ModelFile(path: path, signature: lowering.signature)
    let program = try model.program(lowering.options)
    let vectors =
      input.isEmpty
      ? TestVectors.random(for: program, count: random ?? 16, seed: seed)
      : try TestVectors(calls: inputs.vectors(input, of: program).all, of: program)
    let test = DifferentialTest(program, for: target, goal: optimize, weights: weights)
    if let shortfall = test.shortfall(of: target) { throw FileError(path: path, reason: shortfall) }
    let progress = Progress("building", total: builds.count)
    let report = try test.run(vectors, builds: builds, jobs: jobs) { progress.report($0) }
    progress.end()
    for (build, outcome) in report.outcomes {
      switch outcome {
      case .equal: print("\(padded(build))equal")
      case .skipped(let reason): print("\(padded(build))skipped: \(reason)")
      case .mismatch(let mismatch): print("\(padded(build))DIFFERS \(mismatch)")
      case .failure(let reason): print("\(padded(build))FAILED \(reason)")
      case .doesNotFit(let reason): print("\(padded(build))does not fit: \(reason)")
      }
    }
    print(
      "\(report.agreed) of \(report.outcomes.count) builds equal: \(report.vectors) vectors, "
        + "\(program.steps.count) steps, \(report.comparedBytes) bytes compared, "
        + "\(report.isEqual ? "0 differ" : "differences found")")
    print("program \(program.digest)")
    if let reason = report.shortfall {
      throw FileError(path: path, reason: "the network does not fit the target \(target.name): \(reason)")
    }
    if report.problems.isEmpty { try expectComparison(report.comparedBytes) }
    if !report.isEqual { throw ExitCode.mismatch }
  }

  private func runNetworks(_ count: Int, _ target: Target) throws {
    let campaign = RandomCampaign(target: target, goal: optimize, weights: weights, options: lowering.options)
    let progress = Progress("testing random networks:", total: count)
    let result = try campaign.run(count: count, firstSeed: seed, jobs: jobs) { progress.report($0) }
    progress.end()
    for problem in result.problems { print(problem) }
    print(
      "\(result.tested) random networks (seeds from \(seed)), \(result.steps) steps, \(result.builds) builds, "
        + "\(result.bytes) bytes compared: \(result.problems.isEmpty ? "0 differ" : "\(result.problems.count) DIFFER"); "
        + "\(result.refused) refused by the lowering"
        + (target.device == nil ? "" : ", \(result.tooLarge) too large for \(target.name)"))
    for (kind, uses) in result.kinds.sorted(by: { $0.key < $1.key }) { print("  \(padded(kind))\(uses)") }
    if !result.problems.isEmpty { throw ExitCode.mismatch }
    guard result.tested > 0 else {
      StandardError.write(
        "error: nothing was compared: each of these networks was refused\(target.device == nil ? "" : " or too large"); "
          + "try more (--networks) or others (--seed)\n")
      throw ExitCode.mismatch
    }
    try expectComparison(result.bytes)
  }

  /// Nothing compared is nothing shown.
  private func expectComparison(_ bytes: Int) throws {
    guard bytes == 0 else { return }
    StandardError.write(
      "error: no build could be made on this machine, so nothing was compared; install gcc or clang\n")
    throw ExitCode.mismatch
  }

  private func runMutants(_ count: Int, _ builds: [BuildConfiguration]) throws {
    guard let build = builds.first(where: { $0.configuration.name == "O2" }) ?? builds.first else { return }
    let progress = Progress("trying mutants on random networks:", total: count)
    let verdicts = try MutationCampaign(build: build).run(count: count, firstSeed: seed, jobs: jobs) {
      progress.report($0)
    }
    progress.end()
    for verdict in verdicts {
      print("\(verdict.isCaught ? "caught  " : "MISSED  ")\(padded(verdict.mutation.rawValue, 34))\(verdict.summary)")
    }
    let missed = verdicts.count { !$0.isCaught }
    print("\(verdicts.count - missed) of \(verdicts.count) mutants of the generator caught")
    if missed > 0 { throw ExitCode.mismatch }
  }

  private func padded(_ text: String, _ width: Int = 20) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
