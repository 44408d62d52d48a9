import Importers
import IntegerProgram
import Network
import Properties
import Quantization
import Simulation

/// A network whose outputs are looked at in real values: an integer one on the simulator, or a float one.
public enum EvaluatedNetwork: Sendable {
  case integer(Simulator)
  case float(FloatNetwork)

  /// Whether a softmax at the end is part of the network: where it is not, its classes are compared by what stands in front.
  public var hasSoftmax: Bool {
    switch self {
    case .integer(let simulator):
      let program = simulator.program
      guard let step = program.steps.last(where: { $0.output == program.outputs[0] }) else { return false }
      if case .softmax = step.operation { return true } else { return false }
    case .float(let network): return network.softmaxInput(of: network.network.outputs[0]) != nil
    }
  }

  /// Whether its inputs' codes stand for what the caller makes of the file's inputs.
  public var preparesInputs: Bool {
    switch self {
    case .integer(let simulator): simulator.program.preparesInputs
    case .float: false
    }
  }

  /// What is asked of the network: one input and one output. One with states says of each sample what it says in its first
  /// call.
  public init(_ program: IntegerProgram) throws(NetworkError) {
    guard program.callInputs.count == 1, program.callOutputs.count == 1 else {
      throw NetworkError(
        "it has \(program.callInputs.count) inputs and \(program.callOutputs.count) outputs; networks with one each are "
          + "evaluated")
    }
    self = .integer(Simulator(program))
  }

  /// The same of a float network.
  public init(_ network: FloatNetwork) throws(NetworkError) {
    guard network.inputTensors.count == 1, network.outputTensors.count == 1 else {
      throw NetworkError(
        "it has \(network.inputTensors.count) inputs and \(network.outputTensors.count) outputs; networks with one each are "
          + "evaluated")
    }
    self = .float(network)
  }

  /// The samples of a file. Codes, and bytes that stand for some, are given to a float network as the real values that they
  /// stand for in `other`, the integer network that it is compared with; on its own it has no codes.
  public func samples(
    path: String, beside other: EvaluatedNetwork?, meaning: InputMeaning
  ) throws(FileError) -> InputArray {
    switch (self, other) {
    case (.integer(let simulator), _):
      return try InputArray(path: path, for: simulator.program.values[simulator.program.inputs[0]], meaning: meaning)
    case (.float(let network), .integer(let simulator)?):
      var value = simulator.program.values[simulator.program.inputs[0]]
      value.shape = network.inputTensors[0].shape
      return try InputArray(path: path, for: value, meaning: meaning)
    case (.float(let network), _):
      return try InputArray(path: path, forInput: 0, of: network, meaning: meaning)
    }
  }

  private var isInteger: Bool { if case .integer = self { true } else { false } }

  /// Throws where `meaning` says what pixels stand for, and an integer network says so itself.
  public static func expectMeaning(_ meaning: InputMeaning, of networks: [EvaluatedNetwork]) throws(UsageError) {
    guard meaning.pixels != nil, networks.contains(where: \.isInteger) else { return }
    throw UsageError("--pixels is about float networks alone; an integer network says itself what its codes stand for.")
  }

  public var outputs: Int {
    switch self {
    case .integer(let simulator): simulator.program.callOutputElements.count
    case .float(let network): network.outputTensors[0].count
    }
  }

  /// The real value of one step between output codes; nil for a float network.
  public var step: Float? {
    guard case .integer(let simulator) = self else { return nil }
    return simulator.program.values[simulator.program.outputs[0]].scale
  }

  /// What came of one sample.
  public struct Answer: Sendable {
    /// In real values.
    public var reals: [Float]
    /// The class, and how many come before the label; nil where no class is asked for.
    public var predicted: Int?
    public var rank: Int?
  }

  /// The answer to vector `index` of `samples`. Classes of an integer network are those of its codes by `rule`; of a float
  /// one the same in real values, where a threshold is `realThreshold`; with `beforeSoftmax` its outputs are those in front
  /// of its last softmax.
  public func answer(
    _ index: Int, of samples: InputArray, label: Int?, rule: ClassRule?, realThreshold: Float = 0.5,
    beforeSoftmax: Bool = false
  ) throws -> Answer {
    switch self {
    case .integer(let simulator):
      let codes = try simulator.firstCall([samples.codes(index)])[0]
      let output = simulator.program.values[simulator.program.outputs[0]]
      let reals = codes.map { output.scale * Float($0 - output.zeroPoint) }
      guard let rule else { return Answer(reals: reals) }
      let predicted = rule.predicted(codes)
      if case .threshold = rule {
        return Answer(reals: reals, predicted: predicted, rank: label.map { $0 == predicted ? 0 : 1 })
      }
      return Answer(reals: reals, predicted: predicted, rank: label.map { ClassRule.rank(of: $0, in: codes) })
    case .float(let network):
      var reals: [Float] = []
      let front = beforeSoftmax ? network.softmaxInput(of: network.network.outputs[0]) : nil
      let outputs = network.run([samples.reals(index)]) { tensor, elements in if tensor == front { reals = elements } }
      if front == nil { reals = outputs[0] }
      guard let rule else { return Answer(reals: reals) }
      if case .threshold = rule {
        let predicted = reals[0] >= realThreshold ? 1 : 0
        return Answer(reals: reals, predicted: predicted, rank: label.map { $0 == predicted ? 0 : 1 })
      }
      func rank(_ label: Int) -> Int {
        reals.indices.count { reals[$0] > reals[label] || reals[$0] == reals[label] && $0 < label }
      }
      let predicted = reals.indices.max { reals[$0] < reals[$1] || reals[$0] == reals[$1] && $0 > $1 } ?? 0
      return Answer(reals: reals, predicted: predicted, rank: label.map(rank))
    }
  }
}
