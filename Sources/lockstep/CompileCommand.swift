import ArgumentParser
import CodeGeneration
import DifferentialTesting
import Evaluation
import Importers
import IntegerProgram
import Network

/// `lockstep compile`: from a network to C.
struct CompileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compile",
    abstract: "Generate integer-only C99 for a network.",
    discussion: """
      The folder receives NAME.h (how to call it, and what is proved of it), NAME.c (a function a layer), \
      NAME_weights.c/.h (the constants), NAME_selftest.c (vectors with the simulator's outputs), NAME_plan.txt/.json \
      (where each tensor lives in the arena, and when), NAME_io.h (real values, argmax and names, for those who want \
      them) and what --package adds, by default a CMakeLists.txt. The code includes <stdint.h> alone; it \
      uses no floating point, no heap, no static variables and no recursion. The same command gives the same bytes.

      Code with kernels made for a target is refused by compilers for others, which are told why; but in packages it has \
      portable C beside it (NAME_portable.c), and the compiler's own macros choose.

      lockstep.sha256 lists the files. What an earlier run made in the folder, and this one does not, is removed; files of \
      yours stay, and none is written over.

        lockstep compile Examples/digits/digits.tflite --target host --output build/digits
        cc -std=c99 -O2 -DDIGITS_SELFTEST_MAIN build/digits/*.c -o selftest && ./selftest

        lockstep compile Examples/digits/digits.tflite --package arduino --output ~/Arduino/libraries/lockstep_digits
      """)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var path: String

  @Option(help: "A folder of Targets, or (with a slash) the path of one of your own.")
  var target = "host"

  @Option(
    help: ArgumentHelp(
      "What kernels made for the target go for.",
      discussion: """
        speed takes the fewest instructions, size little code, ram the least arena: kernels made for the processor only \
        where they do not enlarge it. All give the same codes. Targets without features have portable kernels.
        """))
  var optimize = KernelSelection.Goal.speed

  @Option(
    help: ArgumentHelp(
      "How weights that 4 bits hold lie in flash.",
      discussion: """
        packed puts two in a byte, wherever all of a layer's weights are -8 to 7, and bytes never does. automatic packs what \
        portable C reads, and convolutions and dense layers on the DSP extension; other kernels made for a processor read \
        bytes, and are several times as fast as portable C.
        """))
  var weights = WeightStorage.automatic

  @Option(
    help: ArgumentHelp(
      "What the folder is made up for.",
      discussion: """
        cmake adds a CMakeLists.txt that also builds and runs the self-test. arduino, platformio and zephyr make an \
        Arduino library, a PlatformIO library or a Zephyr module: the C goes into src, and example programs run the \
        self-test and one inference; a README.md says how to add it to a project. plain is the C alone.
        """))
  var package = Packaging.cmake

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The folder to write. It appears whole or not at all.", valueName: "folder"))
  var output: String

  @Option(help: "What all names in the C start with; by default made from the file's name.")
  var prefix: String?

  @Option(
    help: ArgumentHelp(
      "A text file with the names of the classes, one a line, for NAME_io.h; the model's own unless given.",
      valueName: "labels.txt"))
  var classNames: String?

  @Flag(inversion: .prefixedNo, help: "Write the self-test.")
  var selfTest = true

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let prefix, CNames(prefix: prefix) == nil {
      throw ValidationError(
        "--prefix '\(prefix)' cannot start names in C: a letter, then letters, digits and underscores, at most "
          + "\(CNames.longestPrefix) in all, and no word of C, C++ or their headers.")
    }
  }

  func run() throws {
    let target = try readTarget(target)
    let model = try ModelFile(path: path, signature: lowering.signature)
    let program = try model.program(lowering.options)
    let generator = try generator(of: program, in: model, for: target)
    if let shortfall = target.shortfall(tableBytes: generator.tableBytes, arenaBytes: generator.plan.arenaSize) {
      throw FileError(path: path, reason: shortfall)
    }
    let sizes = try compiledSizes(generator, target)
    let files = try files(of: generator)
    var folder = output
    while folder.count > 1 && folder.hasSuffix("/") { folder.removeLast() }
    var warnings = [generator.nameWarning, generator.fileWarning].compactMap { $0 }
    try OutputFiles.whole { warnings += try GeneratedFolder(path: folder).write(files, to: &$0) }

    print("\(output): \(files.map(\.name).joined(separator: ", "))")
    print(
      "arena \(generator.plan.arenaSize) bytes, tables \(generator.tableBytes) bytes, "
        + "\(program.multiplyAccumulates) multiply-accumulates")
    for size in sizes {
      print("code \(size.codeBytes) bytes, constants \(size.constantBytes) bytes with \(size.build.name)")
    }
    print("program \(program.digest)")
    for notice in program.notices { print("notice: \(notice)") }
    if prefix == nil, let notice = CNames.notice(ofModel: program.name) { print("notice: \(notice.printable(400))") }
    if let warning = try names(of: program, in: model).warning { warnings.append(warning) }
    for warning in warnings { writeError("warning: \(warning)") }
  }

  /// What makes the code that the command asks for.
  func generator(of program: IntegerProgram, in model: ModelFile, for target: Target) throws -> CodeGenerator {
    CodeGenerator(
      program, for: target, goal: optimize, weights: weights, names: prefix.flatMap { CNames(prefix: $0) }, commandLine: commandLine,
      modelFile: fileName, modelDigest: model.sha256, packaging: package,
      classNames: try names(of: program, in: model).names ?? [])
  }

  /// The names of the classes: those of the user's file, or the model's own.
  private func names(
    of program: IntegerProgram, in model: ModelFile
  ) throws(FileError) -> (names: [String]?, warning: String?) {
    try ClassNames.chosen(file: classNames, own: model.classNames, counts: ClassNames.counts(of: program))
  }

  /// All that the command writes.
  func files(of generator: CodeGenerator) throws -> [GeneratedFile] {
    let program = generator.program
    let outputs = program.callOutputs.reduce(0) { $0 + program.values[$1].count }
    let hasSelfTest = selfTest && program.work <= Self.mostSelfTestWork && outputs <= Self.mostSelfTestOutputs
    if selfTest && !hasSelfTest {
      StandardError.write(
        "no self-test: a run takes \(program.work) operations and gives \(outputs) codes, too many to embed\n")
    }
    let files = generator.files(selfTest: hasSelfTest ? try SelfTest(simulating: program) : nil)
    return files + [GeneratedFolder.list(of: files)]
  }

  /// The code's sizes on the target as far as this machine can compile for it; throws where the flash is too small.
  private func compiledSizes(_ generator: CodeGenerator, _ target: Target) throws -> [CompiledSize] {
    let sizes: [CompiledSize]
    do {
      sizes = try CompiledSize.all(of: generator, for: target)
    } catch let error as TargetError {
      throw FileError(path: "--target \(self.target)", reason: error.description)
    }
    if let shortfall = CompiledSize.shortfall(sizes, of: target) { throw FileError(path: path, reason: shortfall) }
    if target.device != nil && sizes.isEmpty {
      let compiler = target.compilers[0]
      StandardError.write(
        "the code's size is not checked: \(compiler) is not installed; \(target.remedy(forMissing: compiler))\n")
    }
    return sizes
  }

  /// A word as a shell takes it.
  private static func quoted(_ word: String) -> String {
    let plain = word.unicodeScalars.allSatisfy {
      $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_./=+:,@%".unicodeScalars.contains($0))
    }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  /// A run of more operations than this is no microcontroller's, and simulating its self-test would take minutes.
  private static let mostSelfTestWork = 2_000_000_000
  /// The outputs of every test vector stand in the self-test's source.
  private static let mostSelfTestOutputs = 1 << 18

  private var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The command as the generated files quote it: all that decides their content, so not where they go.
  private var commandLine: String {
    var words = ["lockstep", "compile", fileName, "--target", target]
    if optimize != .speed { words += ["--optimize", optimize.rawValue] }
    if weights != .automatic { words += ["--weights", weights.rawValue] }
    if package != .cmake { words += ["--package", package.rawValue] }
    if let prefix { words += ["--prefix", prefix] }
    if let classNames {
      words += ["--class-names", classNames.split(separator: "/").last.map(String.init) ?? classNames]
    }
    if lowering.rounding != .tfliteDouble { words += ["--rounding", lowering.rounding.rawValue] }
    if lowering.scaleProduct != .double { words += ["--scale-product", lowering.scaleProduct.rawValue] }
    if !selfTest { words.append("--no-self-test") }
    return words.map(Self.quoted).joined(separator: " ")
  }
}

extension KernelSelection.Goal: ExpressibleByArgument {}
extension WeightStorage: ExpressibleByArgument {}
extension Packaging: ExpressibleByArgument {}
