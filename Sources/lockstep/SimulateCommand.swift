import ArgumentParser
import Importers
import IntegerProgram
import Simulation

/// `lockstep simulate`: what a device returns.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run inputs through a network, bit for bit as the generated C does on a device.",
    discussion: """
      Arrays are NumPy's .npy files. An input is [vectors, …shape…]: a leading 1 of the network's shape, the batch, may \
      be left out, and so may the vectors' axis where there is one vector. Integers (int8 … int64) are codes as the \
      network's input holds them. Floating-point numbers are real values, quantised with the input's own scale: divided \
      by it, rounded half away from zero, the zero point added, saturated.

      Outputs are codes, int8 as a rule, [vectors, …shape without a leading 1…]; `lockstep inspect` says what they \
      stand for. A network with several inputs or outputs takes --input or --output as often, in the order in which \
      inspect lists them.

        lockstep simulate model.tflite --input x.npy --output y.npy
        lockstep simulate model.tflite --input x.npy --output y.npy \\
            --layers layers --layer-vectors 0,1,64-66

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

  @Option(help: ArgumentHelp("Write every layer's codes into this folder.", valueName: "folder"))
  var layers: String?

  @Option(help: ArgumentHelp("The vectors whose layers are written; all unless given.", valueName: "0,1,4-7"))
  var layerVectors: IndexList?

  @Option(help: ArgumentHelp("Threads to run on; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); at least 1 is needed.") }
    if layerVectors != nil && layers == nil { throw ValidationError("--layer-vectors needs --layers.") }
    let paths = Set(outputPaths)
    guard paths.count == outputPaths.count else { throw ValidationError("--output names one file twice.") }
  }

  func run() async throws {
    let program = try ModelFile(path: path).program(lowering.options)
    try expect(outputPaths.count, "--output", program.outputs, in: program)
    let inputs = try InputVectors(paths: inputPaths, program: program)
    let count = inputs.count
    let observed = layers == nil ? [] : layerVectors?.indices ?? Array(0..<count)
    if let stray = observed.first(where: { $0 >= count }) {
      throw ValidationError(
        "--layer-vectors names vector \(stray); the input has \(counted(count, "vector")).")
    }

    let run = VectorRun(simulator: Simulator(program), inputs: inputs, observed: Set(observed))
    let progress = Progress("simulating", total: count)
    let result = try await run.run(jobs: jobs ?? processorCount) { progress.report($0) }
    progress.end()

    try OutputFiles.whole { files in
      for (column, path) in zip(result.outputs, outputPaths) {
        try files.add(column.array(vectors: count).fileBytes, at: path)
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
  }
}

/// A list of indices as people write it: 0,1,4-7. Sorted, each once.
struct IndexList: ExpressibleByArgument {
  let indices: [Int]
  /// As it was written.
  let text: String

  /// More than this are a slip of the keyboard.
  private static let longest = 1 << 20

  init?(argument: String) {
    var indices: Set<Int> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, first >= 0, last >= first,
        last < 1 << 40, last - first < Self.longest
      else { return nil }
      indices.formUnion(first...last)
    }
    self.indices = indices.sorted()
    text = argument
  }
}
