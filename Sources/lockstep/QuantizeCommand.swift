import ArgumentParser
import Evaluation
import Exporters
import Importers
import IntegerProgram
import Network
import Properties
import Quantization
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
      whose int8 weights it takes for what they stand for): dense layers, convolutions, depthwise and grouped ones too, pools, sums, ReLU and ReLU6, reshapes, batch normalisation (folded), a softmax at the end. \
      Calibration runs some hundred typical inputs through it, no labels needed, and so finds the ranges that codes have \
      to cover.

        fixed-point  every scale is a power of two, so that a shift requantises: the
                     networks of the verification literature. Weights are signed,
                     activations behind a ReLU unsigned, both of --bits; outputs
                     have 16 bits. Rounding is half up. Written as QONNX.
        int8         TensorFlow Lite's: a scale and a zero point a tensor, a scale a
                     channel for weights, int32 biases. Written as .tflite, and runs
                     in TensorFlow Lite too.

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

  @Option(help: ArgumentHelp("Typical inputs: .npy, .npz, IDX, PNG or CSV.", valueName: "file"))
  var calibration: String

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
    guard (images == nil) == (labels == nil) else { throw ValidationError("--images and --labels go together.") }
  }

  func run() throws {
    let float = try FloatModelFile(path: path)
    let (quantized, bytes, input, errors) = try quantize(float)
    // The program of the very bytes that are written.
    let program = try ModelFile(bytes: bytes, path: output).program(LoweringOptions())
    let weights = program.steps.reduce(0) { sum, step in
      if case .affine(let affine) = step.operation { sum + affine.weights.count } else { sum }
    }
    var lines = [
      "\(quantized.name): \(counted(program.steps.count, "step")), \(weights.grouped) weights, input "
        + "\(program.values[program.inputs[0]].type), output \(program.values[program.outputs[0]].type)"
    ]
    if let images, let labels {
      lines += try accuracy(float, program, input, images: images, labels: labels)
    }
    lines += Self.text(errors)
    try OutputFiles.whole { files in try files.add(bytes, at: output) }
    print(lines.joined(separator: "\n"))
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

  /// The integer network, the file that holds it, what its input's codes are, and how far its layers are from the float
  /// network's on the first samples of calibration.
  private func quantize(_ float: FloatModelFile) throws -> (Network, [UInt8], InputCodes, LayerErrors) {
    let given = try RealSamples(path: calibration, for: float.network, pixels: pixels, items: samples?.indices.last)
    let chosen = samples?.indices ?? Array(0..<min(500, given.count))
    if let stray = chosen.first(where: { $0 >= given.count }) {
      throw ValidationError("--samples names sample \(stray); \(calibration) has \(counted(given.count, "sample")).")
    }
    var seen = Calibration(samples: chosen.count)
    let progress = Progress("calibrating", total: chosen.count)
    for (number, sample) in chosen.enumerated() {
      do {
        try seen.add(given.reals(sample), to: float.network)
      } catch {
        throw FileError(path: calibration, reason: "\(error)")
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
        to: to, calibration: seen, input: given.input, range: percentile.map { .percentile($0) } ?? .minimumMaximum)
      let program = try IntegerProgram(lowering: network)
      errors = LayerErrors(float.network, program)
      let input = program.values[program.inputs[0]]
      for sample in chosen.prefix(Self.measured) {
        let codes = given.codes(sample, scale: input.scale, zeroPoint: input.zeroPoint, range: input.type.range)
        try errors.add(reals: given.reals(sample), codes: codes)
      }
      if target == .fixedPoint { network = try normalForm(of: network, given, chosen) }
    } catch {
      throw FileError(path: path, reason: "cannot be quantised: \(error)")
    }
    return (network, try ModelFile.exported(network, of: path), given.input, errors)
  }

  /// The network as its file will say it, held to `network` on the first samples where its steps are others.
  private func normalForm(of network: Network, _ samples: RealSamples, _ chosen: [Int]) throws -> Network {
    let normal = try ONNX.normalForm(of: network)
    let programs = try [network, normal].map { try IntegerProgram(lowering: $0) }
    guard programs[0].digest != programs[1].digest else { return network }
    let input = programs[0].values[programs[0].inputs[0]]
    let simulators = programs.map { Simulator($0) }
    for sample in chosen.prefix(16) {
      let codes = samples.codes(sample, scale: input.scale, zeroPoint: input.zeroPoint, range: input.type.range)
      guard try simulators[0].run([codes]) == simulators[1].run([codes]) else {
        throw NetworkError("its layers have no exact form in QONNX")
      }
    }
    return normal
  }

  private func accuracy(
    _ float: FloatModelFile, _ program: IntegerProgram, _ input: InputCodes, images: String, labels: String
  ) throws -> [String] {
    let reals = try RealSamples(path: images, for: float.network, pixels: pixels, items: nil)
    guard reals.input == input else {
      throw FileError(
        path: images,
        reason: "and \(calibration) are not of one kind: both must be pixels (uint8), or both real values")
    }
    let rule = try ClassRule.asked(threshold: nil, topK: nil, of: program)
    let after = try SampleSet(
      images: images, labels: labels, samples: nil, bytes: .pixels, rule: rule, simulator: Simulator(program))
    let progress = Progress("running the float network", total: after.samples.count)
    var before: [Int] = []
    for sample in after.samples {
      let output = float.network.run(reals.reals(sample))
      if case .threshold = rule {
        before.append(output[0] >= 0.5 ? 1 : 0)
        progress.report(sample + 1)
        continue
      }
      var largest = 0
      for place in output.indices where output[place] > output[largest] { largest = place }
      before.append(largest)
      progress.report(sample + 1)
    }
    progress.end()
    func line(_ name: String, _ right: Int) -> String {
      let count = after.samples.count
      let hundredths = (10_000 * right + count / 2) / count
      let rest = hundredths % 100
      let text = "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) %"
      return name.padded(to: 14) + String(repeating: " ", count: max(0, 9 - text.count)) + text
        + "   \(right.grouped) of \(count.grouped)"
    }
    return [
      line("float", zip(before, after.labels).count { $0 == $1 }),
      line(target.rawValue, zip(after.classes, after.labels).count { $0 == $1 }),
      line("same class", zip(before, after.classes).count { $0 == $1 }),
    ]
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// The real values that the pixels 0 and 255 stand for, as people write them: 0:1, -1:1.
struct PixelRange: ExpressibleByArgument {
  let low, high: Float

  init(low: Float, high: Float) { (self.low, self.high) = (low, high) }

  init?(argument: String) {
    let ends = argument.split(separator: ":", omittingEmptySubsequences: false).map { Float($0) }
    // Zero must have a code.
    guard ends.count == 2, let low = ends[0], let high = ends[1], low.isFinite, high.isFinite, low < high, low <= 0,
      high >= 0, (high - low).isFinite, (high - low) / 255 > 0
    else { return nil }
    self.init(low: low, high: high)
  }
}

/// A float network in a file.
struct FloatModelFile {
  let network: FloatNetwork

  init(path: String) throws(FileError) {
    let bytes = try InputFile.bytes(path: path, limit: ModelFile.largest)
    do {
      guard !bytes.isEmpty else { throw NetworkError("the file is empty") }
      if let issue = ForeignFile.issue(of: bytes) { throw NetworkError([issue]) }
      let name = ModelFile.stem(of: path)
      guard ONNX.recognises(bytes) || path.hasSuffix(".onnx") && !TFLite.recognises(bytes) else {
        network = try FloatNetwork(TFLite.network(from: bytes, name: name))
        return
      }
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

/// Inputs of a float network: pixels, or real values.
struct RealSamples {
  let count: Int
  let input: InputCodes
  private let array: NumPyArray
  private let perSample: Int

  /// The first `items` + 1 samples of a file, or all.
  init(path: String, for network: FloatNetwork, pixels: PixelRange?, items: Int?) throws {
    let array = try NumPyArray.read(path: path, items: items.map { $0 + 1 })
    let wanted = network.inputShape
    let perSample = wanted.reduce(1, *)
    let found = array.shape.dropFirst().reduce(1, *)
    let sizes = (array.shape.dropFirst().filter { $0 > 1 }, wanted.filter { $0 > 1 })
    // As `verify` reads them: flat vectors and those with other axes of one fit as well.
    guard array.shape.count > 1, found == perSample,
      sizes.0.count <= 1 || sizes.1.count <= 1 || Array(sizes.0) == sizes.1
    else {
      throw FileError(
        path: path,
        reason:
          "has the shape \(array.shape); the network takes \(wanted) a sample, so [samples, …] of that is expected")
    }
    guard let count = array.shape.first, count > 0 else { throw FileError(path: path, reason: "holds no samples") }
    if array.element == .uint8 {
      let range = pixels ?? PixelRange(low: 0, high: 1)
      input = .pixels(low: range.low, high: range.high)
    } else if array.element.isFloat {
      guard pixels == nil else {
        throw ValidationError("--pixels goes with bytes; \(path) holds \(array.element).")
      }
      input = .reals
    } else {
      throw FileError(
        path: path, reason: "holds \(array.element); samples are pixels (uint8) or real values (float32, float64)")
    }
    self.count = count
    self.array = array
    self.perSample = perSample
  }

  /// The codes of one sample: pixels as they are, real values rounded.
  func codes(_ sample: Int, scale: Float, zeroPoint: Int32, range: ClosedRange<Int64>) -> [Int32] {
    let places = sample * perSample..<(sample + 1) * perSample
    if let bytes = array.elements(places, as: UInt8.self) {
      // Pixels as they are, or less 128 where codes start there.
      return bytes.map { Int32($0) + Int32(range.lowerBound == -128 ? -128 : 0) }
    }
    return reals(sample).map { real in
      let code = (real / scale).rounded() + Float(zeroPoint)
      return Int32(min(max(code, Float(range.lowerBound)), Float(range.upperBound)))
    }
  }

  /// The real values of one sample.
  func reals(_ sample: Int) -> [Float] {
    let range = sample * perSample..<(sample + 1) * perSample
    if case .pixels(let low, let high) = input, let bytes = array.elements(range, as: UInt8.self) {
      return bytes.map { low + (high - low) * Float($0) / 255 }
    }
    if let reals = array.elements(range, as: Float.self) { return reals }
    return (array.elements(range, as: Double.self) ?? []).map { Float($0) }
  }
}
