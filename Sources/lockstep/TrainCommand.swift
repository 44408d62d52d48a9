import ArgumentParser
import Exporters
import Foundation
import Importers
import IntegerProgram
import Network
import Properties
import Reporting
import Simulation
import Training

/// `lockstep train`: networks whose integer program is certifiably robust.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a quantised network, against whole neighbourhoods if you like, and write it as QONNX or .tflite.",
    discussion: """
      A network is described in a small file: its input, and a line for each layer. Behind each layer but the last there \
      is a ReLU; the last is dense, with a unit for each class.

        input 28 28 1                            height, width, channels
        conv 16 kernel 5 stride 2                padding valid, or: padding same
        average-pool 2                           stride as the size, or: stride 1
        add 1                                    adds the output of layer 1
        dense 64
        dense 10

      Training starts in real numbers. After --float-share of the epochs the scales are chosen: codes reach each layer's \
      largest output, or half of it or less where finer codes lessen the loss (for intervals, with rounding as wide as a \
      proof has to take it) and hardly lose accuracy. From there on weights, biases and \
      activations are fake-quantised, so that a forward pass computes what the integer program will. What rounding alone \
      comes to is shown too.

        lockstep train net.txt --images x.idx.gz --labels y.idx.gz \\
            --test-images xt.idx.gz --test-labels yt.idx.gz \\
            --method intervals --epsilon 1 --bits 8 --epochs 30 \\
            --output model.onnx --curve curve.svg

      Methods: standard; adversarial (projected gradient ascent within epsilon); intervals (QA-IBP: bounds of all inputs \
      within epsilon go through the quantised layers, and the worst case is trained). Of each epoch are shown the loss, \
      and on pictures held out the accuracy, and the share that is certified by intervals within --epsilon pixel levels. \
      The quantised parameters that do best there are the result: certified accuracy counts three quarters and clean accuracy \
      one; where training is not against intervals, clean accuracy alone.

      model.onnx is fixed-point (power-of-two scales; --bits, --weight-bits, --activation-bits); model.tflite is \
      TensorFlow Lite's int8. Both are read by compile and verify. At the end the integer program runs on the test \
      pictures, and says where it gives another class than training did.

      --checkpoint is written behind each epoch and on Ctrl-C; with --resume the run goes on there, as if it had not been \
      interrupted. The same options, data and seed give the same network on one machine, on any number of threads.

      The epochs in real numbers are the same for all bits. --float-checkpoint keeps what they end with, and --start goes on \
      from there, with other --bits, another --float-share, or for the other kind of file:

        lockstep train net.txt … --output eight.onnx --float-checkpoint real.ck
        lockstep train net.txt … --bits 6 --output six.onnx --start real.ck
        lockstep train net.txt … --output int8.tflite --start real.ck
      """)

  @Argument(help: ArgumentHelp("The network's description.", valueName: "net.txt"))
  var network: String

  @Option(help: ArgumentHelp("Pictures to train on: uint8, IDX or .npy, gzipped or not.", valueName: "file"))
  var images: String?

  @Option(help: ArgumentHelp("Their classes.", valueName: "file"))
  var labels: String?

  @Option(help: ArgumentHelp("In place of both, lines of a label and the pixels, with commas.", valueName: "file"))
  var csv: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many of them, the last, are held out to choose by; a twelfth unless given.", valueName: "n")
  )
  var heldOut: Int?

  @Option(help: ArgumentHelp("Pictures to test on at the end.", valueName: "file"))
  var testImages: String?

  @Option(help: ArgumentHelp("Their classes.", valueName: "file"))
  var testLabels: String?

  @Option(help: ArgumentHelp("In place of both.", valueName: "file"))
  var testCsv: String?

  @Option(help: "What is trained against: standard, adversarial, intervals.")
  var method = TrainingOptions.Method.standard

  @Option(
    help:
      "cross-entropy of the worst case; or hinge: clean cross-entropy, a hinge on certified leads and the widths of intervals, as in QA-IBP."
  )
  var objective = TrainingOptions.Objective.crossEntropy

  @Option(help: "The radius of neighbourhoods, in pixel levels.")
  var epsilon: Float = 0

  @Option(help: ArgumentHelp("The radius that is trained for; epsilon + 1 unless given.", valueName: "e"))
  var trainingEpsilon: Float?

  @Option(parsing: .unconditional, help: ArgumentHelp("Bits of weights and activations.", valueName: "n"))
  var bits = 8

  @Option(parsing: .unconditional, help: ArgumentHelp("Bits of weights alone.", valueName: "n"))
  var weightBits: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Bits of activations alone.", valueName: "n"))
  var activationBits: Int?

  @Option(parsing: .unconditional, help: "Epochs.")
  var epochs = 20

  @Option(parsing: .unconditional, help: "Pictures in a batch.")
  var batch = 128

  @Option(help: "The largest learning rate; it falls as a cosine.")
  var rate: Float = 0.002

  @Option(help: "The decay of weights (AdamW).")
  var decay: Float = 0.01

  @Option(help: "The share of training over which the radius rises from 0.")
  var rise: Float = 0.5

  @Option(help: "The share of epochs in real numbers; 1 rounds at the very end, 0 is quantised throughout.")
  var floatShare: Float = 0.8

  @Option(help: "The share of clean cross-entropy beside that of the worst case.")
  var cleanShare: Float = 0

  @Option(parsing: .unconditional, help: "Pictures are moved by up to so many pixels.")
  var shift = 0

  @Flag(help: "Every other picture is mirrored.")
  var flip = false

  @Option(parsing: .unconditional, help: "The side of a square that is blotted out.")
  var cutout = 0

  @Option(parsing: .unconditional, help: "Ends when so many quantised epochs have brought nothing; 0 for never.")
  var patience = 0

  @Option(parsing: .unconditional, help: "The seed of weights, order and changes.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: ArgumentHelp("The network: a .onnx or .tflite file.", valueName: "file"))
  var output: String

  @Option(help: ArgumentHelp("Where the run's state is kept.", valueName: "file"))
  var checkpoint: String?

  @Flag(help: "Go on with the checkpoint, where there is one.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Where the state is kept as it is before anything is rounded: a --start for other bits.", valueName: "file"))
  var floatCheckpoint: String?

  @Option(help: ArgumentHelp("Go on with this checkpoint, and leave it as it is.", valueName: "file"))
  var start: String?

  @Option(help: ArgumentHelp("Draw accuracy over the epochs.", valueName: "curve.svg"))
  var curve: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Threads; as many as the machine has unless given.", valueName: "n"))
  var jobs: Int?

  func validate() throws {
    if (csv == nil) == (images == nil) || (images == nil) != (labels == nil) {
      throw ValidationError("Give --images with --labels, or --csv.")
    }
    if (testImages == nil) != (testLabels == nil) {
      throw ValidationError("--test-images and --test-labels go together.")
    }
    if testCsv != nil && testImages != nil {
      throw ValidationError("Give --test-images with --test-labels, or --test-csv.")
    }
    if !output.hasSuffix(".onnx") && !output.hasSuffix(".tflite") {
      throw ValidationError("--output must end in .onnx (fixed-point) or .tflite (int8).")
    }
    if resume && start != nil { throw ValidationError("--resume and --start both say where to go on: give one.") }
    if resume && checkpoint == nil { throw ValidationError("--resume needs the --checkpoint to go on with.") }
    for (name, value) in [
      ("--bits", bits), ("--weight-bits", weightBits ?? bits), ("--activation-bits", activationBits ?? bits),
    ]
    where !(2...8).contains(value) { throw ValidationError("\(name) must be in 2 … 8.") }
    if output.hasSuffix(".tflite") && (bits, weightBits ?? bits, activationBits ?? bits) != (8, 8, 8) {
      throw ValidationError("A .tflite file has 8 bits; write .onnx for others.")
    }
    for (name, value, range) in [
      ("--epochs", epochs, 1...1_000_000), ("--batch", batch, 1...65_536), ("--shift", shift, 0...1024),
      ("--cutout", cutout, 0...1024), ("--patience", patience, 0...1_000_000), ("--jobs", jobs ?? 1, 1...1024),
      ("--held-out", heldOut ?? 1, 1...100_000_000),
    ] where !range.contains(value) {
      throw ValidationError("\(name) must be in \(range.lowerBound) … \(range.upperBound).")
    }
    for (name, value, most) in [
      ("--epsilon", epsilon, Float(255)), ("--training-epsilon", trainingEpsilon ?? 0, 255), ("--rate", rate, 100),
      ("--decay", decay, 100), ("--rise", rise, 1), ("--float-share", floatShare, 1), ("--clean-share", cleanShare, 1),
    ] where !(value >= 0 && value <= most) { throw ValidationError("\(name) must be in 0 … \(Int(most)).") }
    if method != .standard && epsilon == 0 && trainingEpsilon == nil {
      throw ValidationError("--method \(method.rawValue) needs the --epsilon that is trained against.")
    }
  }

  private var options: TrainingOptions {
    var options = TrainingOptions()
    options.method = method
    options.arithmetic = output.hasSuffix(".tflite") ? .int8 : .fixedPoint
    options.objective = objective
    (options.weightBits, options.activationBits) = (weightBits ?? bits, activationBits ?? bits)
    (options.epochs, options.batch, options.rate, options.decay) = (epochs, batch, rate, decay)
    (options.epsilon, options.trainingEpsilon) = (epsilon, method == .standard ? 0 : trainingEpsilon ?? epsilon + 1)
    (options.rise, options.floatShare, options.cleanShare) = (rise, floatShare, cleanShare)
    options.augmentation = Augmentation(shift: shift, flip: flip, cutout: cutout)
    (options.seed, options.patience) = (seed, patience)
    return options
  }

  func run() throws {
    let architecture = try readArchitecture()
    let all: ImageSet
    if let csv {
      all = try TrainingData.read(csv: csv, like: architecture)
    } else {
      all = try TrainingData.read(images: images ?? "", labels: labels ?? "", like: architecture)
    }
    let tests =
      try testImages.map { try TrainingData.read(images: $0, labels: testLabels ?? "", like: architecture) }
      ?? testCsv.map { try TrainingData.read(csv: $0, like: architecture) }
    let held = heldOut ?? max(1, all.count / 12)
    guard held < all.count else {
      throw ValidationError("--held-out \(held) leaves nothing of \(counted(all.count, "picture")) to train on.")
    }
    try checkOutputs()
    let interruption = Interruption()
    let split = all.count - held
    let trainer: Trainer
    do {
      trainer = try Trainer(
        architecture, options: options, training: all[0..<split], heldOut: all[split..<all.count],
        jobs: jobs ?? processorCount)
    } catch let error as TrainingError {
      throw FileError(path: network, reason: error.description)
    }
    let interrupted = resume ? checkpoint.flatMap { InputFile.exists($0) ? $0 : nil } : nil
    if let checkpoint = start ?? interrupted {
      do {
        try trainer.restore(InputFile.bytes(path: checkpoint, limit: 16 << 30))
      } catch let error as TrainingError {
        throw FileError(path: checkpoint, reason: error.description)
      }
      for epoch in trainer.history { say(epoch) }
    }
    // What is past its epochs in real numbers has written it.
    let hasWritten = interrupted != nil && trainer.epochsDone >= Double(trainer.floatEpochs)
    if let floatCheckpoint, !hasWritten, InputFile.exists(floatCheckpoint) {
      throw FileError(path: floatCheckpoint, reason: "exists: go on with it by --start, or name another file")
    }
    do {
      try train(trainer, interruption)
    } catch let error as TrainingError {
      throw FileError(path: "training", reason: error.description)
    }
    try draw(trainer)

    let network = try trainer.model.network(name: ModelFile.stem(of: output))
    let bytes = try ModelFile.exported(network, of: output)
    try OutputFiles.whole { try $0.add(bytes, at: output) }
    // What is in the file, as any reader has it.
    let program = try ModelFile(bytes: bytes, path: output).program(LoweringOptions())
    print("\(output): \(bytes.count.grouped) bytes, program \(program.digest)")
    try compare(trainer, program, on: tests ?? all[split..<all.count], name: tests == nil ? "held-out" : "test")
  }

  /// Hours of training are not to end in a folder that is missing, nor to overwrite other hours.
  private func checkOutputs() throws {
    let paths = [output, checkpoint, floatCheckpoint, curve].compactMap { $0 }
    func place(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().standardized.path }
    let inputs = [network, images, labels, csv, testImages, testLabels, testCsv, start].compactMap { $0.map(place) }
    for (index, path) in paths.map(place).enumerated() {
      guard !inputs.contains(path), paths.map(place).firstIndex(of: path) == index else {
        throw ValidationError("\(paths[index]) is named twice, and would be overwritten.")
      }
    }
    if let checkpoint, !resume, InputFile.exists(checkpoint) {
      throw FileError(path: checkpoint, reason: "exists: go on with it by --resume, or name another file")
    }
    for path in paths { try OutputFiles.tryToWrite(path) }
  }

  private func readArchitecture() throws -> Architecture {
    let bytes = try InputFile.bytes(path: network, limit: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FileError(path: network, reason: "is no text: a description is a line for each layer (lockstep help train)")
    }
    do {
      return try Architecture(parsing: text)
    } catch {
      throw FileError(path: network, reason: "\(error)")
    }
  }

  private func train(_ trainer: Trainer, _ interruption: Interruption) throws {
    let progress = Progress("training", total: epochs)
    let start = ContinuousClock.now
    let before = trainer.epochsDone
    var failure: (any Error)?
    func keep(at path: String?) throws {
      guard let path else { return }
      let bytes = try trainer.checkpoint()
      try OutputFiles.whole { try $0.add(bytes, at: path) }
    }
    try trainer.run(
      { epoch in
        progress.end()
        say(epoch)
        try keep(at: checkpoint)
        try draw(trainer)
        return interruption.signalNumber == nil
      },
      progress: { epoch, share in
        let done = Double(epoch) + Double(share) - before
        let left = start.secondsAgo / max(done, 1e-9) * (Double(epochs) - before - done)
        progress.show(
          "epoch \(epoch + 1) of \(epochs), \(Int(100 * share)) %; \(Int(left.rounded(.up))) s left")
        guard interruption.signalNumber != nil else { return true }
        do { try keep(at: checkpoint) } catch { failure = error }
        return false
      },
      beforeRounding: {
        try keep(at: floatCheckpoint)
        progress.show("choosing scales")
      },
      rounded: { found in
        progress.end()
        print("rounded: \(text(found.clean, found.certified))")
      })
    progress.end()
    if let failure { throw failure }
    if let number = interruption.signalNumber {
      StandardError.write("interrupted" + (checkpoint == nil ? "" : "; go on with --resume") + "\n")
      throw ExitCode(128 + number)
    }
  }

  private func say(_ epoch: Trainer.Epoch) {
    print(
      "epoch \(epoch.epoch + 1)\(epoch.isQuantized ? ", quantised" : ""): loss \(decimal(epoch.loss, 4)), "
        + text(epoch.clean, epoch.certified) + ", \(decimal(epoch.seconds, 2)) s")
    // A log that someone follows is a file.
    fflush(nil)
  }

  private func text(_ clean: Double, _ certified: Double?) -> String {
    func percent(_ share: Double) -> String { decimal(100 * share, 2) + " %" }
    return "clean " + percent(clean) + (certified.map { ", certified \(percent($0))" } ?? "")
  }

  private func draw(_ trainer: Trainer) throws {
    guard let curve else { return }
    try OutputFiles.whole { try $0.add(Array(picture(trainer).svg.utf8), at: curve) }
  }

  private func picture(_ trainer: Trainer) -> CurvePicture {
    let history = trainer.history
    var curves = [CurvePicture.Curve(name: "clean, held out", values: history.map { 100 * $0.clean })]
    if history.contains(where: { $0.certified != nil }) {
      curves.append(.init(name: "certified", values: history.map { $0.certified.map { 100 * $0 } }))
    }
    return CurvePicture(
      title: "Training of \(output.split(separator: "/").last.map(String.init) ?? "")", curves: curves,
      firstQuantized: history.firstIndex { $0.isQuantized })
  }

  /// Says how accurate the integer program is, and on how many pictures it gives another class than training did.
  private func compare(_ trainer: Trainer, _ program: IntegerProgram, on set: ImageSet, name: String) throws {
    let simulator = Simulator(program)
    let trained = trainer.classes(of: set)
    let offset: Int32 = options.arithmetic == .int8 ? -128 : 0
    let (jobs, size) = (jobs ?? processorCount, set.size)
    let chunks = Array(stride(from: 0, to: set.count, by: 256))
    let counts = try concurrentMap(chunks, jobs: jobs) { start in
      var (right, others) = (0, 0)
      for index in start..<min(start + 256, set.count) {
        let codes = set.pixels[index * size..<(index + 1) * size].map { Int32($0) + offset }
        let found = Property.predictedClass(try simulator.run([codes])[0])
        if found == Int(set.labels[index]) { right += 1 }
        if found != trained[index] { others += 1 }
      }
      return (right, others)
    }
    let (right, others) = counts.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
    print(
      "integer program: \(decimal(100 * Double(right) / Double(set.count), 2)) % of \(set.count.grouped) \(name) pictures right; "
        + "\(others.grouped) of another class than in training")
    let commonest = Dictionary(grouping: set.labels) { $0 }.values.map(\.count).max() ?? 0
    if right <= commonest, commonest < set.count {
      StandardError.write(
        "warning: that is no better than to name the commonest class every time, which "
          + "\(counted(commonest, "picture")) have: too large a --rate"
          + (method == .standard ? "" : " or --training-epsilon")
          + ", too few --bits or --epochs?\n")
    }
    if method == .intervals, epsilon > 0 {
      let found = try trainer.evaluate(set, epsilon: epsilon)
      print(
        "certified by intervals within \(decimal(Double(epsilon), epsilon.rounded() == epsilon ? 0 : 2)): \(decimal(100 * (found.certified ?? 0), 2)) % "
          + "(lockstep verify --summary decides the rest)")
    }
  }
}

extension TrainingOptions.Method: ExpressibleByArgument {}
extension TrainingOptions.Objective: ExpressibleByArgument {}
