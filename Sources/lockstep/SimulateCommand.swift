import ArgumentParser
import Evaluation
import Importers
import IntegerProgram
import Network
import Properties
import Reporting
import Simulation

/// `lockstep simulate`: what a device returns.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run inputs through a network, bit for bit as the generated C does on a device.",
    discussion: """
      Inputs are files of NumPy (.npy; .npz, with the array's name behind a colon where there are several), IDX (either \
      gzipped or not), CSV (a vector a line) and PNG (or a folder of them), for every command. An array is \
      [vectors, …shape…]: a leading 1 of the network's shape, the batch, may be left out, and so may the vectors' axis \
      where there is one vector; flat vectors fit as well. Integers (int8 … int64) are codes as the network's input holds \
      them. Floating-point numbers are real values, quantised with the input's own scale: divided by it, rounded half \
      away from zero, the zero point added, saturated. Bytes (uint8, PNG) are pixels: where the input is int8, 0 … 255 \
      stand for −128 … 127, which is told; --bytes codes takes them for codes. Whole numbers in CSV are codes, others \
      real values.

      Outputs are written as .npy, or as CSV where the file's name ends so (.csv, .tsv, .txt), a vector a line. They are \
      codes, int8 as a rule, [vectors, …shape without a leading 1…]; `lockstep inspect` says what they \
      stand for. With --real they are what the codes stand for, as float32, scale · (code − zero point), and all numbers \
      of a CSV file are taken for real values. A network with several inputs or outputs takes --input or --output as \
      often, in the order in which inspect lists them.

        lockstep simulate model.tflite --input x.npy --output y.npy
        lockstep simulate model.tflite --input digit.png --real --output y.npy
        lockstep simulate model.tflite --input x.npy --output y.csv \\
            --layers layers --layer-vectors 0,1,64-66

      The vectors of a network with variables (a streaming one) are calls in a row: [calls, …shape…]. --reset makes each \
      of them a first call.

      With --layers, the folder gets tN.npy for every tensor N of the file that a step makes, and for the inputs; and \
      vectors.npy, the vectors they are for.
      """)

  @Argument(help: ArgumentHelp("The network: an int8 TensorFlow Lite or quantised ONNX file.", valueName: "model"))
  var path: String

  @Option(
    name: .customLong("input"),
    help: ArgumentHelp("Read an input's vectors from this file.", valueName: "x.npy"))
  var inputPaths: [String]

  @Option(
    name: .customLong("output"),
    help: ArgumentHelp("Write an output's codes to this file.", valueName: "y.npy"))
  var outputPaths: [String]

  @OptionGroup var inputs: InputArguments

  @Option(
    help: ArgumentHelp(
      "A text file with the names of the classes, one a line; the model's own unless given.", valueName: "labels.txt"))
  var classNames: String?

  @Flag(help: "Outputs are real values, and so are all numbers of CSV files.")
  var real = false

  @Flag(help: "Give a network's variables their initial values before every vector, not only the first.")
  var reset = false

  @Option(help: ArgumentHelp("Write every layer's codes into this folder.", valueName: "folder"))
  var layers: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The vectors whose layers are written; all unless given.", valueName: "0,1,4-7"),
    transform: IndexList.init)
  var layerVectors: IndexList?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads to run on; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); at least 1 is needed.") }
    if layerVectors != nil && layers == nil { throw ValidationError("--layer-vectors needs --layers.") }
    let paths = Set(outputPaths)
    if let other = outputPaths.first(where: { !ArrayFile.isWritten(to: $0) }) {
      throw ValidationError("--output \(other): outputs are written as .npy or as CSV (.csv, .tsv, .txt).")
    }
    guard paths.count == outputPaths.count else { throw ValidationError("--output names one file twice.") }
  }

  func run() async throws {
    try OutputFiles.expect(outputPaths, apartFrom: [path] + inputPaths)
    let model = try ModelFile(path: path, signature: lowering.signature)
    let program = try model.program(lowering.options)
    try program.expect(outputPaths.count, "--output", Array(program.callOutputs))
    if reset, program.states.isEmpty {
      throw ValidationError(
        "--reset is about networks that keep variables from one call to the next; this one keeps none.")
    }
    let meaning = InputMeaning(bytes: inputs.bytes, isReal: real)
    let inputs = try InputVectors(paths: inputPaths, program: program, meaning: meaning)
    try InputArguments.take(inputs.files, meaning)
    let count = inputs.count
    let observed = layers == nil ? [] : layerVectors?.indices ?? Array(0..<count)
    if let stray = observed.first(where: { $0 >= count }) {
      throw ValidationError(
        "--layer-vectors names vector \(stray); the input has \(counted(count, "vector")).")
    }

    let (names, warning) = try ClassNames.chosen(
      file: classNames, own: model.classNames, counts: ClassNames.counts(of: program))
    if let warning { writeError("warning: \(path.printable()): \(warning)") }

    // Real values are looked at as results, which these may not be yet.
    if real { writeNotices(program.notices) }

    let run = VectorRun(simulator: Simulator(program), inputs: inputs, observed: Set(observed), resetsStates: reset)
    let progress = Progress("simulating", total: count)
    let result = try await run.run(jobs: jobs ?? processorCount) { progress.report($0) }
    progress.end()

    try OutputFiles.whole { files in
      for (column, path) in zip(result.outputs, outputPaths) {
        let array = real ? try column.reals(vectors: count, path: path) : column.array(vectors: count)
        try files.add(ArrayFile.bytes(of: array, for: path), at: path)
      }
      guard let layers else { return }
      try OutputFiles.makeFolder(layers)
      for column in result.layers.values {
        guard let tensor = column.value.tensor else { continue }
        try files.add(column.array(vectors: observed.count).fileBytes, at: "\(layers)/t\(tensor).npy")
      }
      try files.add(
        NumPyArray(observed.map { Int64($0) }, shape: [observed.count]).fileBytes, at: "\(layers)/vectors.npy"
      )
    }
    if let names { tellClasses(of: result, names) }
  }

  /// So many vectors' classes are told.
  private static let mostTold = 20

  /// The class of each vector by its name, where names are known.
  private func tellClasses(of result: VectorRun.Part, _ names: [String]) {
    guard
      let column = result.outputs.first(where: { $0.value.count == names.count && $0.value.shape.last == names.count }),
      let codes = column.array(vectors: column.bytes.count / column.bytesOfVector).integers
    else { return }
    let vectors = codes.count / names.count
    for vector in 0..<min(vectors, Self.mostTold) {
      let outputs = codes[vector * names.count..<(vector + 1) * names.count].map { Int32(truncatingIfNeeded: $0) }
      let found = ClassRule.largest.predicted(outputs)
      print("vector \(vector): class \(found), \(names[found].printable(80))")
    }
    if vectors > Self.mostTold { print("and \(vectors - Self.mostTold) more") }
  }
}
