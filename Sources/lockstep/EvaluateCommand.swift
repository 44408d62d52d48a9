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

  @OptionGroup var asked: SampleArguments

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Of a float network: the real values that pixels 0 and 255 stand for; 0:1 unless given.", valueName: "low:high"))
  var pixels: PixelRange?

  @Option(
    name: .customLong("top-k"),
    help: ArgumentHelp("Count labels among so many of the largest outputs, too.", valueName: "1,5"),
    transform: IndexList.init)
  var topK: IndexList?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of a single output: class 1 from this code on.", valueName: "code"))
  var threshold: Int32?

  @Option(
    name: [.customLong("class-names"), .customLong("names")],
    help: ArgumentHelp(
      "A text file with the names of the classes, one a line; the model's own unless given.", valueName: "labels.txt"))
  var classNames: String?

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

  private var labels: String? { asked.labels }

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1 … 1024.") }
    if asked.images == nil { throw ValidationError("Give the samples: --images.") }
    if labels == nil && against == nil {
      throw ValidationError("Give the samples' --labels, or a network to compare with by --against.")
    }
    if labels == nil && topK != nil { throw ValidationError("--top-k goes with --labels.") }
    if let json, json == html, json != "-" { throw ValidationError("--json and --html name one file.") }
  }

  func run() throws {
    guard let images = asked.images else { return }
    let (first, own) = try network(path)
    let second = try against.map { try network($0).network }
    if let second, let against, first.preparesInputs != second.preparesInputs {
      throw FileError(
        path: first.preparesInputs ? path : against,
        reason: "begins with sums or products that are left to the caller, and the other network does not: one sample would "
          + "be two different inputs; compare with a network that begins alike, or with the float network behind these")
    }
    let meaning = InputMeaning(bytes: asked.inputs.bytes, pixels: pixels)
    try EvaluatedNetwork.expectMeaning(meaning, of: [first] + (second.map { [$0] } ?? []))
    let decision = try ClassDecision(first, threshold: threshold, hasLabels: labels != nil)
    let vectors = try first.samples(path: images, beside: second, meaning: meaning)
    let others = try second.map { try $0.samples(path: images, beside: first, meaning: meaning) }
    try InputArguments.take([(images, vectors)], meaning)
    if let second, let against, first.outputs != second.outputs {
      throw FileError(
        path: against, reason: "has \(second.outputs) output elements, and \(path.printable()) \(first.outputs)")
    }
    let chosen = try SampleSet.chosen(asked.samples?.indices, of: vectors.count, in: images)
    let classes = decision.classes(outputs: first.outputs)
    let best = try decision.best(topK?.indices, outputs: first.outputs)
    let given = try labels.map {
      try Labels.read(path: $0, chosen: chosen, count: vectors.items, images: images, classes: classes)
    }
    let names = try classNames(own, classes)

    // A softmax that one of them leaves to the caller is left out of the other.
    let beforeSoftmax = second.map { $0.hasSoftmax != first.hasSoftmax } ?? false

    let progress = Progress("evaluating", total: chosen.count)
    let done = Counter()
    let answers = try concurrentMap(Array(chosen.enumerated()), jobs: jobs ?? processorCount) { place, sample in
      let label = given?[place]
      let one = try decision.answer(of: first, sample, of: vectors, label: label, beforeSoftmax: beforeSoftmax)
      var other: EvaluatedNetwork.Answer?
      if let second, let others {
        other = try decision.answer(
          of: second, sample, of: others, label: label, beforeSoftmax: beforeSoftmax, isFirst: false)
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
      report.best = best
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

  /// An integer network, or a float one, with the names that the file has for classes: the message is about the one that
  /// the file is more like.
  private func network(_ path: String) throws -> (network: EvaluatedNetwork, names: ModelClassNames) {
    do {
      let model = try ModelFile(path: path, signature: lowering.signature)
      let program = try model.program(lowering.options)
      if program.preparesInputs { writeNotices(program.notices) }
      return (try EvaluatedNetwork(program), model.classNames)
    } catch let error as NetworkError {
      throw FileError(path: path, reason: "\(error)")
    } catch let error as FileError {
      // What is no network at all is told once.
      guard let float = try? FloatModelFile(path: path, signature: lowering.signature) else { throw error }
      do {
        return (try EvaluatedNetwork(float.network), float.classNames)
      } catch {
        throw FileError(path: path, reason: "\(error)")
      }
    }
  }

  /// The names of a file of the user's, those of the model, or numbers.
  private func classNames(_ own: ModelClassNames, _ classes: Int) throws -> [String] {
    let found = try ClassNames.chosen(file: classNames, own: own, counts: [classes])
    if let warning = found.warning { writeError("warning: \(path.printable()): \(warning)") }
    return found.names.map { names in names.map { $0.printable(80) } } ?? (0..<classes).map { "\($0)" }
  }
}
