import IntegerProgram
import Network
import Quantization
import Simulation

/// How far the layers of a quantised network are from those of the float network that it was made of, over the samples that
/// both have run. Layers are told by their tensors' names, which quantising keeps.
public struct LayerErrors: Sendable {
  /// The errors of one layer, in real values of its output.
  public struct Layer: Sendable {
    public var name: String
    /// The operator, as the integer network's file calls it.
    public var type: String
    /// The real value of one step between codes.
    public var scale: Float
    public fileprivate(set) var elements = 0
    /// Of |float − integer|, in real values.
    public fileprivate(set) var sum = 0.0
    public fileprivate(set) var largest = 0.0
    fileprivate var signal = 0.0
    fileprivate var noise = 0.0

    /// Of |float − integer|, in steps between codes; below half of one where only the last rounding differs.
    public var meanSteps: Double { sum / Double(max(1, elements)) / Double(scale) }
    public var mostSteps: Double { largest / Double(scale) }
    /// The ratio of signal to quantisation noise, 10 · log10 (Σ float² / Σ (float − integer)²), in decibels; nil where
    /// nothing differs.
    public var signalToNoise: Double? { noise == 0 ? nil : decibels(signal / noise) }
  }

  /// In the order of the integer network's steps, the input first.
  public private(set) var layers: [Layer] = []
  private let float: FloatNetwork
  private let simulator: Simulator
  /// Where the layer of a value, and of a float tensor, stands.
  private var ofValue: [Int: Int] = [:]
  private var ofTensor: [Int: Int] = [:]

  /// `program` is `float` in integers, tensor by tensor of the same shape.
  public init(_ float: FloatNetwork, _ program: IntegerProgram) {
    self.float = float
    simulator = Simulator(program)
    let tensors = Dictionary(
      float.network.tensors.enumerated().filter { $1.constant == nil }.map { ($1.name, $0) }) { first, _ in first }
    let types = Dictionary(program.steps.map { ($0.output, $0.source.type) }) { first, _ in first }
    for value in program.inputs + program.steps.map(\.output) {
      let made = program.values[value]
      guard made.tensor != nil, made.scale > 0, let tensor = tensors[made.name], ofTensor[tensor] == nil,
        float.network.tensors[tensor].count == made.count
      else { continue }
      ofValue[value] = layers.count
      ofTensor[tensor] = layers.count
      layers.append(Layer(name: made.name, type: types[value] ?? "input", scale: made.scale))
    }
  }

  /// Runs a sample, a vector for each input, through both.
  public mutating func add(reals: [[Float]], codes vectors: [[Int32]]) throws {
    var expected: [Int: [Float]] = [:]
    _ = float.run(reals) { tensor, elements in
      if let layer = ofTensor[tensor] { expected[layer] = elements }
    }
    let program = simulator.program
    var found: [(layer: Int, value: Int, codes: [Int32])] = []
    for (input, codes) in zip(program.inputs, vectors) {
      if let layer = ofValue[input] { found.append((layer, input, codes)) }
    }
    _ = try simulator.run(vectors) { _, value, codes in
      if let layer = ofValue[value] { found.append((layer, value, codes)) }
    }
    for (layer, value, codes) in found {
      guard let reals = expected[layer] else { continue }
      let zeroPoint = program.values[value].zeroPoint
      let scale = Double(layers[layer].scale)
      for (real, code) in zip(reals, codes) {
        let difference = abs(Double(real) - scale * Double(code - zeroPoint))
        layers[layer].elements += 1
        layers[layer].sum += difference
        layers[layer].largest = max(layers[layer].largest, difference)
        layers[layer].signal += Double(real) * Double(real)
        layers[layer].noise += difference * difference
      }
    }
  }
}
