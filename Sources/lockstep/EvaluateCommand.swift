import ArgumentParser
import Evaluation
import Importers
import IntegerProgram
import Network
import Properties
import Quantization
import Reporting
import Synchronization

/// `lockstep evaluate`: how right a network is, and how far from another.
struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a network on labelled samples: accuracy, confusion matrix, and how it differs from another.",
    discussion: """
      Runs every sample through the network, bit for bit as the generated C does, and counts how often its class is the \
      label. Samples are read as by simulate, labels are a list of whole numbers, one a sample.

        lockstep evaluate model.tflite --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz
        lockstep evaluate model.tflite --images x.npy --labels y.npy --top-k 1,3,5 --html page.html
        lockstep evaluate model.tflite --images x.npy --labels y.npy --against float.onnx

      --against runs a second network on the same samples: an integer one, or the float network that this one was made \
      of. It says how often both are right, where their classes differ, and by how much the outputs do, in real values \
      (scale · (code − zero point)) and in steps between this network's output codes. A float network is given what \
      the file holds where that are real values, and else the real values that the codes stand for. Without --labels only \
      the two are compared.

      A network of one output element is class 1 from the code of --threshold on (for a float network: from its real \
      value on), class 0 below; behind a sigmoid that is the code of 0.5 unless given. Where one of two networks ends in a \
      softmax and the other does not, a float network is compared by what stands in front of its own.

      The JSON is an object: format ("lockstep-evaluation-1"), network, program, samples; accuracy with correct and share; \
      top with an object for each k; classes with name, support, precision and recall; confusion, a list for each label of \
      how many were given each class; against with network, accuracy, changed (a list of sample, label, first, second), \
      outputs with mean, largest, meanSteps, mostSteps, worstSample and signalToNoise in decibels. What is not known is \
      null.
      """)

  @Argument(help: ArgumentHelp("The network: integer, or a float one.", valueName: "model"))
  var path: String

  @Option(help: ArgumentHelp("Samples: .npy, .npz, IDX, PNG or CSV, or a folder of PNG.", valueName: "file"))
  var images: String

  @Option(help: ArgumentHelp("Their classes.", valueName: "file"))
  var labels: String?

  @OptionGroup var inputs: InputArguments

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Which samples; all unless given.", valueName: "0-99,120"),
    transform: IndexList.init)
  var samples: IndexList?

  @Option(
    name: .customLong("top-k"),
    help: ArgumentHelp("Count labels among so many of the largest outputs, too.", valueName: "1,5"),
    transform: IndexList.init)
  var topK: IndexList?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of a single output: class 1 from this code on.", valueName: "code"))
  var threshold: Int32?

  @Option(help: ArgumentHelp("The classes' names, one a line.", valueName: "names.txt"))
  var names: String?

  @Option(help: ArgumentHelp("Compare with this network, integer or float.", valueName: "model"))
  var against: String?

  @Option(
    help: ArgumentHelp("Write all figures as JSON; - is the standard output, in place of the text.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write a page with the confusion matrix as a picture.", valueName: "page.html"))
  var html: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Threads; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  @OptionGroup var lowering: LoweringArguments

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1 … 1024.") }
    if labels == nil && against == nil {
      throw ValidationError("Give the samples' --labels, or a network to compare with by --against.")
    }
    if labels == nil && (names != nil || topK != nil) { throw ValidationError("--names and --top-k go with --labels.") }
    if topK?.indices.first == 0 { throw ValidationError("--top-k counts from 1.") }
    if let json, json == html, json != "-" { throw ValidationError("--json and --html name one file.") }
  }

  func run() throws {
    let first = try network(path)
    let second = try against.map { try network($0) }
    let rule = try classRule(of: first)
    let vectors = try InputArray(path: images, for: first.input(beside: second), bytes: inputs.bytes)
    InputArguments.tell(vectors.note, of: images)
    let others = try second.map { second in
      try InputArray(path: images, for: second.input(beside: first), bytes: inputs.bytes)
    }
    if let second, let against, first.outputs != second.outputs {
      throw FileError(
        path: against, reason: "has \(second.outputs) output elements, and \(path.printable()) \(first.outputs)")
    }
    let chosen = samples?.indices ?? Array(0..<vectors.count)
    if let stray = chosen.first(where: { $0 >= vectors.count }) {
      throw ValidationError("--samples names sample \(stray); \(images) has \(counted(vectors.count, "sample")).")
    }
    let classes = rule?.classes(outputs: first.outputs) ?? 0
    let given = try labels.map {
      try Labels.read(path: $0, chosen: chosen, count: vectors.items, images: images, classes: classes)
    }
    let names = try classNames(classes)

    // A softmax that one of them leaves to the caller is left out of the other.
    let beforeSoftmax = second.map { $0.hasSoftmax != first.hasSoftmax } ?? false

    let progress = Progress("evaluating", total: chosen.count)
    let done = Counter()
    let answers = try concurrentMap(Array(chosen.enumerated()), jobs: jobs ?? processorCount) { place, sample in
      let label = given?[place]
      let real = try realThreshold(of: first, rule)
      let one = try first.answer(
        sample, of: vectors, label: label, rule: rule, realThreshold: real, beforeSoftmax: beforeSoftmax)
      let other = try zipped(second, others).map {
        try $0.answer(
          sample, of: $1, label: label, rule: ownRule(of: $0, beside: rule), realThreshold: real,
          beforeSoftmax: beforeSoftmax)
      }
      progress.report(done.add(1))
      return (one: one, other: other)
    }
    progress.end()

    var report = EvaluationReport(network: ModelFile.stem(of: path), samples: chosen.count, names: names)
    if case .integer(let simulator) = first { report.program = simulator.program.digest }
    report.step = beforeSoftmax ? nil : first.step
    if second != nil {
      report.against = .init(network: against.map { ModelFile.stem(of: $0) } ?? "", isBeforeSoftmax: beforeSoftmax)
    }
    if given != nil {
      report.matrix = ConfusionMatrix(classes: classes)
      report.best = topK?.indices.filter { $0 < classes } ?? (classes > 5 ? [1, 5] : [1])
      if second != nil { report.against?.matrix = ConfusionMatrix(classes: classes) }
    }
    for (place, answer) in answers.enumerated() {
      let label = given?[place]
      if let label, let predicted = answer.one.predicted, let rank = answer.one.rank {
        report.matrix?.add(label: label, predicted: predicted, rank: rank)
      }
      guard let other = answer.other else { continue }
      report.against?.outputs.add(sample: chosen[place], first: answer.one.reals, second: other.reals)
      guard let predicted = answer.one.predicted, let theirs = other.predicted else { continue }
      if let label, let rank = other.rank { report.against?.matrix?.add(label: label, predicted: theirs, rank: rank) }
      if predicted != theirs {
        report.against?.outputs.add(.init(sample: chosen[place], label: label, first: predicted, second: theirs))
      }
    }
    try OutputFiles.whole { files in
      if let json, json != "-" { try files.add(Array((report.json.text + "\n").utf8), at: json) }
      if let html { try files.add(Array(report.page.utf8), at: html) }
    }
    print(json == "-" ? report.json.text : report.text)
  }

  private func zipped(
    _ network: EvaluatedNetwork?, _ vectors: InputArray?
  ) -> (EvaluatedNetwork, InputArray)? {
    if let network, let vectors { (network, vectors) } else { nil }
  }

  /// An integer network, or a float one: the message is about the one that the file is more like.
  private func network(_ path: String) throws -> EvaluatedNetwork {
    do {
      return try EvaluatedNetwork(ModelFile(path: path).program(lowering.options))
    } catch let error as NetworkError {
      throw FileError(path: path, reason: "\(error)")
    } catch let error as FileError {
      // What is no network at all is told once.
      guard let float = try? FloatModelFile(path: path) else { throw error }
      return .float(float.network)
    }
  }

  private func classRule(of network: EvaluatedNetwork) throws -> ClassRule? {
    switch network {
    case .integer(let simulator):
      if labels == nil && threshold == nil { return ClassRule.usual(for: simulator.program) }
      return try ClassRule.asked(threshold: threshold, topK: nil, of: simulator.program)
    case .float:
      if network.outputs > 1 { return .largest }
      if threshold != nil {
        throw ValidationError(
          "--threshold is a code; \(path.printable()) is a float network. Its class is 1 from 0.5 on.")
      }
      return .threshold(0)
    }
  }

  /// A network is asked by its own threshold, which stands for the same real value as the first one's.
  private func ownRule(of network: EvaluatedNetwork, beside rule: ClassRule?) -> ClassRule? {
    guard case .threshold = rule, case .integer(let simulator) = network, let output = simulator.program.outputs.first,
      threshold == nil
    else { return rule }
    let value = simulator.program.values[output]
    return ClassRule.usual(for: simulator.program)
      ?? .threshold(Int32(clamping: Int((0.5 / value.scale).rounded(.up)) + Int(value.zeroPoint)))
  }

  /// The real value that a threshold's code stands for.
  private func realThreshold(of network: EvaluatedNetwork, _ rule: ClassRule?) throws -> Float {
    guard case .threshold(let code)? = rule, threshold != nil, case .integer(let simulator) = network,
      let output = simulator.program.outputs.first
    else { return 0.5 }
    let value = simulator.program.values[output]
    return value.scale * Float(code - value.zeroPoint)
  }

  private func classNames(_ classes: Int) throws -> [String] {
    guard let names else { return (0..<classes).map { "\($0)" } }
    let bytes = try InputFile.bytes(path: names, limit: 16 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(path: names, reason: "is no text")
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      String($0.hasSuffix("\r") ? $0.dropLast() : $0).printable(80)
    }
    if lines.last == "" { lines.removeLast() }
    guard lines.count == classes else {
      throw FileError(
        path: names, reason: "has \(counted(lines.count, "line")); the network has \(classes) classes, a name each")
    }
    return lines
  }
}
