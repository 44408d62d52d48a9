import Arithmetic
import CodeGeneration
import IntegerProgram
import Network

/// What there is to know about a network without running it. The table and the JSON are two forms of it.
struct NetworkReport {
  /// A value that a step makes, or the network takes.
  struct Tensor {
    var name: String
    /// Its index in the file; nil where lowering introduced it.
    var index: Int?
    var shape: [Int]
    var type: CodeType
    var scale: Float
    var zeroPoint: Int
    var range: ClosedRange<Int64>

    init(_ value: Value) {
      name = value.name
      index = value.tensor
      shape = value.shape
      type = value.type
      scale = value.scale
      zeroPoint = Int(value.zeroPoint)
      range = value.range
    }
  }

  /// One step of the program, with the operation of the file that it comes from.
  struct Layer {
    var source: Step.Source
    /// The kind of step; nil for an operation that no step is made of, such as DEQUANTIZE of an output.
    var kind: String?
    /// Whether no step is made of it because the next layer pads by as much more.
    var isFolded = false
    /// Whether no step is made of it because the next one reads a state through it.
    var isJoined = false
    var output: Tensor?
    var multiplyAccumulates = 0
    var weights = 0
    var parameterBytes = 0
    /// The proved range of the accumulators and their partial sums, over all channels.
    var accumulator: ClosedRange<Int64>?
    var rounding: Rounding?
    /// The exponents of the multipliers: a multiplier with exponent e is in 2^(e−1) ..< 2^e.
    var exponents: ClosedRange<Int>?
    var multipliers = 0
  }

  var name: String
  var fileBytes: Int
  var fileSHA256: String
  var programSHA256: String
  var scaleProduct: LoweringOptions.ScaleProduct
  /// The rule, or, where the file names rules of its own, all that occur.
  var rounding: String
  var inputs: [Tensor]
  var outputs: [Tensor]
  /// What runs leave for the next.
  var states: [Tensor]
  var layers: [Layer]
  /// What the caller must know of how the file was read.
  var notices: [String]
  /// The functions that the file offers by name.
  var signatures: [NetworkSignature]
  /// Bytes of working memory that the generated C needs.
  var arenaBytes: Int

  var multiplyAccumulates: Int { layers.reduce(0) { $0 + $1.multiplyAccumulates } }
  var weights: Int { layers.reduce(0) { $0 + $1.weights } }
  var parameterBytes: Int { layers.reduce(0) { $0 + $1.parameterBytes } }

  init(_ model: ModelFile, _ program: IntegerProgram, _ options: LoweringOptions) {
    name = program.name
    fileBytes = model.byteCount
    fileSHA256 = model.sha256
    programSHA256 = program.digest
    scaleProduct = model.network.format == .tensorFlowLite ? options.scaleProduct : .float32
    rounding =
      model.network.format == .tensorFlowLite
      ? options.rounding.rawValue : Set(program.steps.flatMap(\.roundings)).map(\.rawValue).sorted().joined(separator: ", ")
    inputs = program.callInputs.map { Tensor(program.values[$0]) }
    outputs = program.callOutputs.map { Tensor(program.values[$0]) }
    states = program.states.map { state in
      var tensor = Tensor(program.values[state.read])
      tensor.name = state.name
      return tensor
    }
    notices = program.notices
    signatures = model.network.signatures
    arenaBytes = MemoryPlan(program).arenaSize

    layers = program.steps.map { Layer($0, in: program) }
    let lowered = Set(program.steps.map(\.source.index))
    for (index, operation) in model.network.operations.enumerated() {
      let place = model.network.place(ofOperation: index)
      guard !lowered.contains(place) else { continue }
      layers.append(
        Layer(
          source: Step.Source(
            index: place, type: operation.typeName, name: model.network.name(ofOperation: index)),
          isFolded: operation.kind.isPadding, isJoined: !program.states.isEmpty && operation.kind.isMovement))
    }
    // A stable order: the steps of one operation keep theirs.
    layers = layers.enumerated().sorted {
      ($0.element.source.index, $0.offset) < ($1.element.source.index, $1.offset)
    }.map(\.element)
  }
}

extension Operation.Kind {
  fileprivate var isPadding: Bool { if case .pad = self { true } else { false } }
}

extension NetworkReport.Layer {
  init(_ step: Step, in program: IntegerProgram) {
    self.init(source: step.source)
    output = NetworkReport.Tensor(program.values[step.output])
    multiplyAccumulates = step.multiplyAccumulates
    switch step.operation {
    case .affine(let affine):
      kind =
        affine.isDepthwise
        ? "depthwise convolution"
        : affine.geometry.outputPixels == 1 && affine.geometry.taps == 1
          ? "dense" : "convolution"
      weights = affine.weights.count
      parameterBytes = affine.storedWeightBytes + (affine.isLong ? 8 : 4) * affine.bias.count
      accumulator = affine.accumulators.reduce(nil) { hull($0, $1) }
      describe(affine.requantization)
    case .lookup(let lookup):
      kind = "lookup"
      let entries = lookup.formula == nil ? lookup.table.count : InterpolatedSigmoid.table.count
      parameterBytes = entries * (program.values[step.output].type.bits <= 8 ? 1 : 2)
    case .combine(let combine):
      kind = combine.kind.rawValue
      let operands = step.inputs.map { Interval<Int32>(program.values[$0].range) }
      accumulator = combine.accumulator(operands[0], operands[1]).range
      describe(combine.requantization)
    case .product(let product):
      kind = "matrix product"
      accumulator = product.accumulator
      describe(product.requantization)
    case .pool(let pool):
      switch pool.kind {
      case .maximum: kind = "maximum pool"
      case .average: kind = "average pool"
      case .sum(_, let requantization, let range):
        kind = "mean"
        accumulator = range
        describe(requantization)
      }
    case .softmax(let softmax): kind = softmax.isLogarithmic ? "log-softmax" : "softmax"
    case .normalize: kind = "normalisation"
    case .signal: kind = "signal processing"
    case .move(let move): kind = move.isIdentity ? "reshape" : "move"
    }
  }

  private mutating func describe(_ requantization: Requantization) {
    rounding = requantization.rounding
    multipliers = requantization.multipliers.count
    // As of mantissas with 31 bits.
    let all = requantization.multipliers.map { $0.exponent - max(0, $0.mantissa.leadingZeroBitCount - 1) % 31 }
    if let least = all.min(), let greatest = all.max() { exponents = least...greatest }
  }

  /// Bits of a two's-complement register that holds every accumulator.
  var accumulatorBits: Int? {
    accumulator.map { range in
      let magnitude = max(range.upperBound, ~range.lowerBound, 0)
      return Int64.bitWidth - magnitude.leadingZeroBitCount + 1
    }
  }
}

private func hull(_ a: ClosedRange<Int64>?, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
  guard let a else { return b }
  return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
}
