import ArgumentParser
import Evaluation
import Exporters
import Importers
import IntegerProgram
import Network
import Quantization
import Reporting
import Simulation

/// `lockstep quantize`: a network of real numbers in integers.
struct QuantizeCommand: ParsableCommand {
  enum Target: String, CaseIterable, ExpressibleByArgument {
    case fixedPoint = "fixed-point"
    case int8

    /// How the file's name ends.
    var ending: String { self == .int8 ? ".tflite" : ".onnx" }
  }

  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Turn a trained float network into an integer one, without training it again.",
    discussion: """
      Reads a float network (ONNX, or TensorFlow Lite without optimizations, with float16 weights or of dynamic range, \
      whose int8 weights it takes for what they stand for), with the operators that `lockstep inspect --operators` lists, but \
      integers inside the network beyond indices and what is cast to real numbers; batch normalisation is folded, recurrent \
      layers, other normalisations and what else has no operator on int8 are written out. Calibration runs some hundred \
      typical inputs through it, no labels needed, and so finds the ranges that codes have to cover.

        fixed-point  every scale is a power of two, so that a shift requantises: the
                     networks of the verification literature. Weights are signed,
                     activations behind a ReLU unsigned, both of --bits; outputs
                     have 16 bits. Rounding is half up. Written as QONNX.
        int8         TensorFlow Lite's: a scale and a zero point a tensor, a scale a
                     channel for weights, int32 biases; functions without an int8
                     operator stay between DEQUANTIZE and QUANTIZE, a table here.
                     Written as .tflite, and runs in TensorFlow Lite too.

      A network with several inputs takes --calibration once for each, in its order, or one .npz with an array of each \
      input's name. Inputs of integers take arrays of integers: indices of an embedding stay int32, numbers that the network \
      casts to real ones become int8.

        lockstep quantize float.onnx --to fixed-point --bits 6 \\
            --calibration train-images-idx3-ubyte.gz --samples 0-499 \\
            --images t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz \\
            --output network.onnx
        lockstep quantize float.tflite --to int8 --calibration x.npy \\
            --output network.tflite
        lockstep verify network.onnx --images t10k-images-idx3-ubyte.gz --epsilon 1

      Samples are read as by simulate: [samples, …the network's input shape…]. Bytes (uint8) are pixels; \
      --pixels says which real values the float network takes for them, 0:1 unless given. The integer network then takes \
      the pixels themselves (fixed-point), or pixels less 128 (int8), as `lockstep verify --images` gives them. \
      Floating-point numbers are the float network's inputs as they are, and the scale of the input is found like all \
      others.

      What is printed says how far each layer and the outputs are from the float network's on the first samples of \
      calibration: the ratio of signal to quantisation noise in decibels, and the mean and largest error in steps between \
      codes. With --images and --labels the accuracy before and after stands in front.

      The file is written whole or not at all, has been read again, and lowers to the same integer program.
      """)

  @Argument(help: ArgumentHelp("The float network: ONNX or TensorFlow Lite.", valueName: "model"))
  var path: String

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp("What the network is turned into: fixed-point or int8.", valueName: "target"))
  var target: Target

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Bits of fixed-point weights and activations, 2 to 16.", valueName: "n")
  )
  var bits: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Bits of the weights alone.", valueName: "n"))
  var weightBits: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("Bits of the activations alone.", valueName: "n"))
  var activationBits: Int?

  @Option(
    help: ArgumentHelp(
      "Typical inputs: .npy, .npz, IDX, PNG or CSV, or a folder of PNG.",
      discussion: "For a network with several inputs once for each, or one .npz with an array of each input's name.",
      valueName: "file"))
  var calibration: [String]

  @OptionGroup var inputs: InputArguments

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Which of them; the first 500 unless given.", valueName: "0-499"),
    transform: IndexList.init)
  var samples: IndexList?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The real values that pixels 0 and 255 stand for; 0:1 unless given.", valueName: "low:high"))
  var pixels: PixelRange?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "int8: cover this many hundredths of what calibration sees; all of it unless given.", valueName: "99.9"))
  var percentile: Double?

  @Option(help: ArgumentHelp("Samples to measure the accuracy on, before and after.", valueName: "file"))
  var images: String?

  @Option(help: ArgumentHelp("Their classes.", valueName: "file"))
  var labels: String?

  @Option(
    help: ArgumentHelp("Where the integer network goes: .onnx for fixed-point, .tflite for int8.", valueName: "file"))
  var output: String

  @OptionGroup var function: SignatureArgument

  /// So many samples tell how far layers are from the float network's.
  private static let measured = 64

  func validate() throws {
    guard output.hasSuffix(target.ending) else {
      throw ValidationError("--to \(target.rawValue) is written as *\(target.ending); --output is \(output).")
    }
    for (option, value) in [("--bits", bits), ("--weight-bits", weightBits), ("--activation-bits", activationBits)] {
      guard let value else { continue }
      if target == .int8 { throw ValidationError("\(option) goes with --to fixed-point; int8 has 8.") }
      guard (2...16).contains(value) else { throw ValidationError("\(option) is \(value); 2 to 16 are supported.") }
    }
    if let percentile {
      if target != .int8 {
        throw ValidationError("--percentile goes with --to int8; fixed-point takes the least error.")
      }
      guard percentile > 50, percentile <= 100 else {
        throw ValidationError("--percentile is \(percentile); it lies above 50 and at most at 100.")
      }
    }
    if calibration.isEmpty { throw ValidationError("Give typical inputs: --calibration.") }
    guard (images == nil) == (labels == nil) else { throw ValidationError("--images and --labels go together.") }
  }

  func run() throws {
    try OutputFiles.expect([output], apartFrom: [path] + calibration + [images].compactMap { $0 })
    let float = try FloatModelFile(path: path, signature: function.signature)
    let (quantized, bytes, codes, errors) = try quantize(float)
    // The program of the very bytes that are written.
    let program = try ModelFile(bytes: bytes, path: output).program(LoweringOptions())
    let weights = program.steps.reduce(0) { sum, step in
      if case .affine(let affine) = step.operation { sum + affine.weights.count } else { sum }
    }
    func types(_ values: [Int]) -> String { values.map { "\(program.values[$0].type)" }.joined(separator: ", ") }
    var lines = [
      "\(quantized.name): \(counted(program.steps.count, "step")), \(weights.grouped) weights, input "
        + "\(types(program.inputs)), output \(types(program.outputs))"
    ]
    if let images, let labels {
      lines += try accuracy(float, program, codes, images: images, labels: labels)
    }
    lines += Self.text(errors)
    try OutputFiles.whole { files in try files.add(bytes, at: output) }
    print(lines.joined(separator: "\n"))
    for notice in float.network.notices { print("notice: \(notice)") }
  }

  /// How far the layers are from the float network's, and last the outputs.
  private static func text(_ errors: LayerErrors) -> [String] {
    guard let last = errors.layers.last else { return [] }
    var table = TextTable([
      ("layer", .left), ("", .left), ("signal to noise", .right), ("mean error in steps", .right), ("at most", .right),
    ])
    for layer in errors.layers {
      table.add([
        layer.type, layer.name.printable(40),
        layer.signalToNoise.map { ($0 < 0 ? "−" : "") + decimal(abs($0), 1) + " dB" } ?? "exact",
        decimal(layer.meanSteps, 2), decimal(layer.mostSteps, 1),
      ])
    }
    return [
      table.text,
      "outputs are \(decimal(last.meanSteps, 2)) steps between codes from the float network's on average, at most "
        + "\(decimal(last.mostSteps, 1)); a step is \(last.scale)",
    ]
  }

  private var meaning: InputMeaning { InputMeaning(bytes: inputs.bytes, pixels: pixels) }

  /// The integer network, the file that holds it, what its inputs' codes are, and how far its layers are from the float
  /// network's on the first samples of calibration.
  private func quantize(_ float: FloatModelFile) throws -> (Network, [UInt8], [InputCodes], LayerErrors) {
    let items = samples?.indices.last.map { $0 + 1 }
    let given = try FloatSamples(paths: calibration, for: float.network, meaning: meaning, items: items)
    try InputArguments.take(given.files, meaning)
    let chosen = try SampleSet.chosen(samples?.indices, of: given.count, in: calibration[0], most: 500)
    var seen = Calibration(samples: chosen.count)
    let progress = Progress("calibrating", total: chosen.count)
    for (number, sample) in chosen.enumerated() {
      let vectors = try given.calibrating(sample)
      do {
        try seen.add(vectors, sample: sample, to: float.network)
      } catch {
        throw FileError(path: calibration[0], reason: "\(error)")
      }
      progress.report(number + 1)
    }
    progress.end()
    let to: QuantizationTarget =
      target == .int8
      ? .int8
      : .fixedPoint(weightBits: weightBits ?? bits ?? 8, activationBits: activationBits ?? bits ?? 8)
    var network: Network
    var errors: LayerErrors
    do {
      network = try float.network.quantized(
        to: to, calibration: seen, inputs: given.inputs, range: percentile.map { .percentile($0) } ?? .minimumMaximum)
      let program = try IntegerProgram(lowering: network)
      errors = LayerErrors(float.network, program)
      let codes = try given.codes(for: program, items: items)
      for sample in chosen.prefix(Self.measured) {
        try errors.add(reals: given.reals(sample), codes: codes.map { $0.codes(sample) })
      }
      if target == .fixedPoint {
        network = try normalForm(of: network, chosen.prefix(16).map { sample in codes.map { $0.codes(sample) } })
      }
    } catch let error as FileError {
      throw error
    } catch {
      throw FileError(path: path, reason: "cannot be quantised: \(error)")
    }
    let counts = try ClassNames.counts(of: IntegerProgram(lowering: network))
    let (names, warning) = ClassNames.of(float.classNames, counts: counts)
    if let warning { writeError("warning: \(path.printable()): \(warning)") }
    return (network, try ModelFile.exported(network, of: path, classNames: names), given.inputs, errors)
  }

  /// The network as its file will say it, held to `network` on some inputs where its steps are others.
  private func normalForm(of network: Network, _ inputs: [[[Int32]]]) throws -> Network {
    let normal = try ONNX.normalForm(of: network)
    let programs = try [network, normal].map { try IntegerProgram(lowering: $0) }
    guard programs[0].digest != programs[1].digest else { return network }
    let simulators = programs.map { Simulator($0) }
    for codes in inputs {
      guard try simulators[0].run(codes) == simulators[1].run(codes) else {
        throw NetworkError("its layers have no exact form in QONNX")
      }
    }
    return normal
  }

  /// How right the network is before and after, on samples of one input.
  private func accuracy(
    _ float: FloatModelFile, _ program: IntegerProgram, _ codes: [InputCodes], images: String, labels: String
  ) throws -> [String] {
    let (before, after) = (try EvaluatedNetwork(float.network), try EvaluatedNetwork(program))
    let samples = try FloatSamples(paths: [images], for: float.network, meaning: meaning)
    guard samples.inputs == codes else {
      throw FileError(
        path: images,
        reason: "and \(calibration[0]) are not of one kind: both must be pixels (uint8), or both real values")
    }
    let decision = try ClassDecision(after, threshold: nil, hasLabels: true)
    let vectors = try samples.codes(for: program)[0]
    let given = try Labels.read(
      path: labels, chosen: Array(0..<samples.count), count: vectors.items, images: images,
      classes: decision.classes(outputs: after.outputs))
    let progress = Progress("comparing classes", total: samples.count)
    let done = Counter()
    let pairs = try concurrentMap(Array(0..<samples.count), jobs: processorCount) { sample in
      let classes = (
        try decision.answer(of: before, sample, of: samples.files[0].array, label: nil, beforeSoftmax: false).predicted,
        try decision.answer(of: after, sample, of: vectors, label: nil, beforeSoftmax: false).predicted
      )
      progress.report(done.add(1))
      return classes
    }
    progress.end()
    func line(_ name: String, _ right: Int) -> String {
      let text = decimal(100 * Double(right) / Double(samples.count), 2) + " %"
      return name.padded(to: 14) + String(repeating: " ", count: max(0, 9 - text.count)) + text
        + "   \(right.grouped) of \(samples.count.grouped)"
    }
    return [
      line("float", zip(pairs, given).count { $0.0 == $1 }), line(target.rawValue, zip(pairs, given).count { $0.1 == $1 }),
      line("same class", pairs.count { $0 == $1 }),
    ]
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// A float network in a file.
struct FloatModelFile {
  let network: FloatNetwork
  /// The names that its metadata has for classes.
  let classNames: ModelClassNames

  /// `signature` names one of the functions that a file of TensorFlow Lite offers.
  init(path: String, signature: String? = nil) throws(FileError) {
    let bytes = try InputFile.bytes(path: path, limit: ModelFile.largest)
    classNames = ModelClassNames(of: bytes)
    do {
      guard !bytes.isEmpty else { throw NetworkError("the file is empty") }
      if let issue = ForeignFile.issue(of: bytes) { throw NetworkError([issue]) }
      let name = ModelFile.stem(of: path)
      guard ONNX.recognises(bytes) || path.hasSuffix(".onnx") && !TFLite.recognises(bytes) else {
        network = try FloatNetwork(TFLite.network(from: bytes, name: name, signature: signature))
        return
      }
      try SignatureArgument.requireNone(signature)
      do {
        network = try FloatNetwork(
          ONNX.floatNetwork(
            from: bytes, name: name, siblings: InputFile.siblings(of: path, limit: ModelFile.largest)))
      } catch let error as NetworkError {
        throw error.joined { _ = try FloatNetwork($0) }
      }
    } catch {
      throw FileError(path: path, reason: "\(error)")
    }
  }
}
