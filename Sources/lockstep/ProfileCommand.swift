import ArgumentParser
import CodeGeneration
import DifferentialTesting
import Evaluation
import Importers
import IntegerProgram
import Profiling

/// `lockstep profile`: what a network takes on a device.
struct ProfileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Show a network's instructions, cycles, code, memory and stack on a device, layer by layer.",
    discussion: """
      The code is compiled as the target's first configuration says, linked with a small program that runs it on one \
      input, and run in the target's emulator. The outputs are compared with the simulator's; the same command gives \
      the same figures.

        lockstep profile model.tflite --target cortex-m4
        lockstep profile model.tflite --target cortex-m0plus --configuration Os
        lockstep profile model.tflite --target cortex-m4 --json profile.json --svg arena.svg

      Counted: the instructions executed, each one, by a plugin of QEMU that is compiled when it is needed. An \
      instruction is counted for the layer whose function was entered last, so that what several layers call is counted \
      for each; "between" is the function that calls the layers. Instructions of an IT block that are passed over \
      count as executed. There is no scale to set: a loop of 2,000,000 instructions counts as 2,000,000, which the tests \
      show. On AVR, cycles: simavr keeps to the data sheet's, and a timer of the device reads them. The handler of its \
      overflow and the reading itself are measured at the start, against a delay of 600,000 cycles, and taken off.

      Estimated: cycles, where the core's manual has a table of instruction timings (Cortex-M0, M0+, M3 and M4), by the \
      kinds of the executed instructions: an LDM of N registers is 1 + N, a branch costs more where it is taken, a load \
      behind a load is pipelined on M3 and M4. Flash without wait states and no stalls of the pipeline are assumed. For \
      other cores there is no such table, and nothing is estimated. QEMU itself knows nothing of cycles.

      Measured and bounded: the stack. The program paints what is below its own and looks what has changed. The bound \
      is the deepest path of calls in the linked code, each function taking what the compiler says (-fstack-usage), \
      functions in assembly and of libraries what their instructions do.

      The JSON is an object with these fields; more may be added under the same format. What is not known is null.

        format      "lockstep-profile-1"
        name, program, target, configuration
                    the network, the program's sha256, the target's name, the compiler and its configuration
        method      "qemu-plugin", "clock" or null: how was counted
        layers      a list of steps in order, each with
          step, index, operator, name, shape, multiplyAccumulates,
          codeBytes (of its own function), liveBytes (of the arena, while it runs),
          and the counts
        between     the counts of the function that calls the layers
        total       the counts of all: the sum of the above
        counts are  instructions, cycles, estimatedCycles, and kinds, how
                    often each kind of the timing table was executed
        timing      where the estimate's figures are from
        code        bytes, constants, library: the functions of libraries
                    that are called, with their bytes
        arena       bytes, and blocks: label, offset, size, firstStep,
                    lastStep, isScratch
        stack       measured, isExhausted (it may have been more),
                    bound, obstacle (why there is no bound), path
      """)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var path: String

  @Option(help: "A folder of Targets, or (with a slash) the path of one of your own; it must have a device.")
  var target: String

  @Option(help: "What kernels made for the target go for, as for compile.")
  var optimize = KernelSelection.Goal.speed

  @Option(help: "How weights that 4 bits hold lie in flash, as for compile.")
  var weights = WeightStorage.automatic

  @Option(help: ArgumentHelp("One of the target's ways to build, such as Os; by default its first.", valueName: "name"))
  var configuration: String?

  @Option(help: ArgumentHelp("Codes or reals, as for simulate; the first vector is run, or, where the network keeps state, the last of all in a row.", valueName: "x.npy"))
  var input: [String] = []

  @OptionGroup var inputs: InputArguments

  @Option(parsing: .unconditional, help: "The seed of the random input that is run without --input.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Write the profile as JSON; - is the standard output, in place of the table.", valueName: "file")
  )
  var json: String?

  @Option(
    help: ArgumentHelp(
      "Draw the arena over the steps; - is the standard output, in place of the table.", valueName: "file"))
  var svg: String?

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let json, json == svg, json != "-" { throw ValidationError("--json and --svg name one file.") }
    try inputs.expectFiles(input)
    if json == "-" && svg == "-" { throw ValidationError("--json and --svg cannot both be the standard output.") }
  }

  /// What is measured: the first vector; of a network that keeps state, the last of the calls in a row.
  private func vector(_ inputs: InputVectors, of program: IntegerProgram) throws -> [[Int32]] {
    guard !program.states.isEmpty else { return inputs.codes(0) }
    return try TestVectors(calls: inputs.all, of: program).vectors.last ?? []
  }

  func run() throws {
    let target = try readTarget(target)
    try expectDevice(of: target)
    let build = try build(of: target, called: configuration)
    let program = try ModelFile(path: path, signature: lowering.signature).program(lowering.options)
    let vector =
      input.isEmpty
      ? TestVectors.noise(for: program, seed: seed)
      : try vector(inputs.vectors(input, of: program), of: program)
    let profile: Profile
    do {
      profile = try Profiler(
        CodeGenerator(program, for: target, goal: optimize, weights: weights, commandLine: "lockstep profile"),
        for: target, build: build
      ).run(vector)
    } catch let error as ProfileError {
      switch error {
      case .doesNotFit(let reason): throw FileError(path: path, reason: reason)
      case .missing(let reason): throw FileError(path: "--target \(self.target)", reason: reason)
      case .failure(let reason):
        StandardError.write("error: \(path) on \(target.name): \(reason)\n")
        throw ExitCode.mismatch
      }
    }
    let report = ProfileReport(profile)
    try OutputFiles.whole { files in
      for (name, text) in [(json, report.json.text + "\n"), (svg, report.picture.svg)] {
        if let name, name != "-" { try files.add(Array(text.utf8), at: name) }
      }
    }
    print(json == "-" ? report.json.text : svg == "-" ? report.picture.svg : report.text)
  }
}
