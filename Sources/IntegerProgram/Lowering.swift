import Arithmetic
import ConstantEvaluation
import Network

/// Which of the arithmetics in circulation for the same file a program follows.
public struct LoweringOptions: Sendable, Hashable {
  /// In which precision the reference forms the multipliers of FULLY_CONNECTED (with one weight scale), SUB, RELU,
  /// LEAKY_RELU and HARD_SWISH from the scales; those of all other operators are formed in double precision.
  public enum ScaleProduct: String, Sendable, Hashable, CaseIterable {
    /// Double: TensorFlow Lite Micro since 13 October 2026.
    case double
    /// Every product and quotient rounded to single precision: earlier releases.
    case float32
  }

  public var rounding: Rounding
  public var scaleProduct: ScaleProduct

  public init(rounding: Rounding = .double, scaleProduct: ScaleProduct = .double) {
    self.rounding = rounding
    self.scaleProduct = scaleProduct
  }
}

extension IntegerProgram {
  /// Lowers a network to the small core. Throws a `NetworkError` with every layer that cannot be lowered.
  public init(lowering network: Network, options: LoweringOptions = LoweringOptions()) throws {
    let evaluated = network.evaluatingConstants().leavingTailToCaller()
    let network = evaluated.foldingPadding()
    var lowering = Lowering(network: network, options: options)
    self = try lowering.program()
    // What states are, whatever they were, and what they start with: that holds for ever, and may be less than their type.
    for _ in 0..<Self.invariantRounds {
      guard let ranges = narrowedStates else { return }
      var lowering = Lowering(network: network, options: options, stateRanges: ranges)
      guard let narrowed = try? lowering.program() else { return }
      self = narrowed
    }
  }

  private static let invariantRounds = 3

  /// The ranges of what states start with and what runs leave in them; nil where they are no narrower than the proved ones.
  /// Runs that begin in narrower ranges end in ranges that are no wider, so these are an invariant, too.
  private var narrowedStates: [ClosedRange<Int64>]? {
    let ranges = states.map { state in
      let (low, high) = (state.initial.min() ?? 0, state.initial.max() ?? 0)
      let written = values[state.written].range
      return min(Int64(low), written.lowerBound)...max(Int64(high), written.upperBound)
    }
    return ranges == states.map { values[$0.read].range } ? nil : ranges
  }
}

/// Why one layer cannot be lowered.
struct LayerFault: Error {
  var reason: String
  var remedy: String?

  init(_ reason: String, remedy: String? = nil) {
    self.reason = reason
    self.remedy = remedy
  }
}

/// The state of lowering one network: the program so far, and where each tensor of the file ended up in it.
struct Lowering {
  let network: Network
  let options: LoweringOptions
  var values: [Value] = []
  var steps: [Step] = []
  /// The value that holds a tensor; nil while there is none.
  var valueOfTensor: [Int?]
  /// What is known of tensors of real values.
  var floatsOfTensor: [Int: FloatCodes] = [:]
  /// The operation being lowered.
  var source = Step.Source(index: 0, type: "", name: "")
  var issues: [LayerIssue] = []
  /// The network's notices, and those of lowering.
  var notices: [String]
  var finish: Network.Finish
  /// The invariant that states are read with; their types' ranges unless given.
  let stateRanges: [ClosedRange<Int64>]?
  /// Tensors of integers that choose rows of tables (`lowerIndices`).
  var indexFunctions: [Int: IndexFunction] = [:]
  /// Tensors of int32 codes (`quantize32`).
  var codes32: [Int: Codes32] = [:]
  /// Weights lowered so far. Layers may share a tensor of the file, but each holds its own copy.
  var weightCount = 0
  /// Above any microcontroller's flash: a small file that names one tensor in many layers must not fill the memory.
  static let mostWeights = 1 << 25

  init(network: Network, options: LoweringOptions, stateRanges: [ClosedRange<Int64>]? = nil) {
    self.stateRanges = stateRanges
    self.network = network
    self.options = options
    (notices, finish) = (network.notices, network.finish)
    valueOfTensor = Array(repeating: nil, count: network.tensors.count)
  }

  mutating func program() throws -> IntegerProgram {
    if let issue = network.unquantized { throw NetworkError([issue]) }
    let inputs =
      network.inputs.dropLast(network.states.count).map { lowerInput($0) }
      + network.states.indices.map { lowerState($0) }
    var unknown: Set<Int> = []
    for (index, operation) in network.operations.enumerated() {
      source = Step.Source(
        index: network.place(ofOperation: index), type: operation.typeName, name: network.name(ofOperation: index))
      do throws(LayerFault) {
        try lower(operation)
      } catch {
        // What reads what a layer at fault would have made of real values is at fault for that alone.
        if !operation.inputs.contains(where: { $0.map(unknown.contains) ?? false }) {
          issues.append(
            LayerIssue(
              index: source.index, type: operation.typeName, name: source.name, reason: error.reason, remedy: error.remedy))
        }
        // Go on as if the layer were there, so that the next faults are its neighbours' own.
        for output in operation.outputs where valueOfTensor[output] == nil {
          if let value = try? makeValue(ofTensor: output).get() {
            _ = add(value, tensor: output)
          } else {
            unknown.insert(output)
          }
        }
      }
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    let inputValues = inputs.compactMap { $0 }
    let outputs = try network.outputs.map { try lowerOutput($0, inputs: inputValues) }
    let states = zip(network.states, zip(inputValues.suffix(network.states.count), outputs.suffix(network.states.count)))
      .map { state, ends in
        State(name: state.name, read: ends.0, written: ends.1, initial: initialCodes(of: state))
      }
    spreadWords()
    var program = IntegerProgram(
      name: network.name, values: values, steps: steps, inputs: inputValues, outputs: outputs, states: states,
      inputNames: network.inputs.map { network.tensors[$0].name },
      outputNames: network.outputs.map { network.tensors[$0].name }, notices: notices
    ).fusingMovesOfStates()
    (program.preparesInputs, program.finish) = (network.preparesInputs, finish)
    precondition(program.isWellFormed, "every value that a step reads is an input, a constant or made before")
    if let state = program.stateWithoutInvariant {
      let (read, written) = (program.values[state.read], program.values[state.written])
      throw NetworkError(
        "no range of the variable \"\(state.name.printable(60))\" is kept by every run: it is read as "
          + "\(read.count) codes of \(read.range), and a run may leave \(written.count) of \(written.range)")
    }
    return program
  }

  /// The value of a network input. A float input that is only quantised is, to the device, what QUANTIZE makes of it.
  private mutating func lowerInput(_ tensor: Int) -> Int? {
    if let value = lowerIndexInput(tensor) ?? lowerInput32(tensor) { return value }
    var held = tensor
    if network.tensors[tensor].type == .float32 {
      let readers = network.operations.filter { $0.inputs.contains(tensor) }
      if readers.count == 1, case .quantize = readers[0].kind, let codes = readers[0].outputs.first {
        held = codes
      }
    }
    switch makeValue(ofTensor: held) {
    case .success(let value): return add(value, tensor: held)
    case .failure(let fault):
      issues.append(
        LayerIssue(
          reason: "the network's input \"\(network.tensors[tensor].name.printable())\": \(fault.reason)",
          remedy: fault.remedy))
      return nil
    }
  }

  /// The value that holds a state when a run begins.
  private mutating func lowerState(_ index: Int) -> Int? {
    let state = network.states[index]
    switch makeValue(ofTensor: state.read) {
    case .success(var value):
      if let stateRanges { value.range = stateRanges[index] }
      return add(value, tensor: state.read)
    case .failure(let fault):
      issues.append(
        LayerIssue(reason: "the variable \"\(state.name.printable(60))\": \(fault.reason)", remedy: fault.remedy))
      return nil
    }
  }

  private func initialCodes(of state: NetworkState) -> [Int32] {
    var constant = network.tensors[state.read]
    constant.constant = state.initial
    let integers = constant.integers ?? []
    if let codes = Self.codesOfWord(constant.type) { return Self.codes(ofWords: integers, codes) }
    return integers.map { Int32(truncatingIfNeeded: $0) }
  }

  private mutating func lowerOutput(_ tensor: Int, inputs: [Int]) throws -> Int {
    makeTruth(tensor)
    var held = valueOfTensor[tensor]
    if held == nil, let codes = floatsOfTensor[tensor], !codes.isOfSeveral {
      held = codes.value
      finish = .anything
      notices.append(
        "the output \"\(network.tensors[tensor].name.printable())\" is a function of real values: the program returns the "
          + "codes of \"\(values[codes.value].name.printable())\" that it is reckoned of, and the rest is left to the caller")
    }
    if held == nil, network.tensors[tensor].constant != nil, let value = try? makeValue(ofTensor: tensor).get() {
      held = add(value, tensor: tensor)
    }
    guard let value = held else {
      throw NetworkError(
        "the network's output \"\(network.tensors[tensor].name.printable())\" is \(network.tensors[tensor].type), "
          + "and no DEQUANTIZE makes it from codes")
    }
    guard values[value].constant != nil || inputs.contains(value) else { return value }
    // An output must be made by a step, so that a device finds it in memory.
    var copy = values[value]
    copy.constant = nil
    copy.tensor = nil
    values.append(copy)
    steps.append(
      Step(
        .move(.identity(count: copy.count)),
        source: Step.Source(
          index: 1 + (network.operations.indices.map(network.place(ofOperation:)).max() ?? -1), type: "OUTPUT", name: copy.name),
        inputs: [value],
        output: values.count - 1))
    return values.count - 1
  }

  private mutating func lower(_ operation: Operation) throws(LayerFault) {
    if case .unsupported(let reason) = operation.kind {
      throw LayerFault(reason, remedy: operation.remedy ?? Self.remedy(for: operation.typeName))
    }
    guard operation.outputs.count == 1 || operation.kind.mayHaveSeveralOutputs && !operation.outputs.isEmpty else {
      throw LayerFault("it has \(operation.outputs.count) outputs, not one")
    }
    if try lowerPlainIntegers(operation) { return }
    if try lowerIndices(operation) { return }
    if try lowerFloat(operation) { return }
    switch operation.kind {
    case .conv2D(let window, let activation): try convolution(operation, window, activation)
    case .depthwiseConv2D(let window, let multiplier, let activation):
      try depthwiseConvolution(operation, window, multiplier, activation)
    case .transposeConv(let window, let activation): try transposedConvolution(operation, window, activation)
    case .fullyConnected(_, let activation): try fullyConnected(operation, activation)
    case .add(let activation): try sum(operation, .sum, activation)
    case .addAll: try addAll(operation)
    case .subtract(let activation): try sum(operation, .difference, activation)
    case .multiply(let activation): try product(operation, activation)
    case .batchMatMul(let transposesLeft, let transposesRight):
      try batchMatMul(operation, transposesLeft: transposesLeft, transposesRight: transposesRight)
    case .averagePool2D(let window, let height, let width, let activation):
      try pool(operation, .average, window, height: height, width: width, activation)
    case .maxPool2D(let window, let height, let width, let activation):
      try pool(operation, .maximum, window, height: height, width: width, activation)
    case .mean(let keepsDimensions): try mean(operation, keepsDimensions: keepsDimensions)
    case .softmax(let beta):
      if let quantizer = operation.quantizer {
        try tabulatedSoftmax(operation, quantizer, beta: beta)
      } else {
        try softmax(operation, beta: beta)
      }
    case .logSoftmax: try logSoftmax(operation)
    case .normalize: try normalize(operation)
    case .standardize(let rows): try standardize(operation, rows)
    case .reshape(let shape): try reshape(operation, requested: shape)
    case .squeeze(let axes): try squeeze(operation, axes: axes)
    case .expandDimensions: try expandDimensions(operation)
    case .pad: try pad(operation)
    case .transpose: try transpose(operation)
    case .concatenation(let axis, let activation): try concatenation(operation, axis: axis, activation)
    case .stridedSlice(let masks): try stridedSlice(operation, masks)
    case .slice: try slice(operation)
    case .split: try split(operation)
    case .splitSizes: try splitSizes(operation)
    case .pack(let axis): try pack(operation, axis: axis)
    case .unpack(let axis): try unpack(operation, axis: axis)
    case .tile: try tile(operation)
    case .broadcastTo: try broadcastTo(operation)
    case .gather(let axis, let batchDimensions): try gather(operation, axis: axis, batchDimensions: batchDimensions)
    case .gatherND: try gatherND(operation)
    case .reverse: try reverse(operation)
    case .mirrorPad(let repeatsEdge): try mirrorPad(operation, repeatsEdge: repeatsEdge)
    case .depthToSpace(let block): try depthToSpace(operation, block: block)
    case .spaceToDepth(let block): try spaceToDepth(operation, block: block)
    case .spaceToBatch: try spaceToBatch(operation)
    case .batchToSpace: try batchToSpace(operation)
    case .resizeNearest(let rule): try resizeNearest(operation, rule)
    case .indexed(let maps): try indexed(operation, maps)
    case .parametricRelu: try parametricRelu(operation)
    case .unary(let function): try unary(operation, function)
    case .quantize: try quantize(operation)
    case .dequantize: try dequantize(operation)
    case .reduce(let reduction, let keeps): try reduce(operation, reduction, keepsDimensions: keeps)
    case .indexOf(let reduction): try indexOfExtremum(operation, isMaximum: reduction == .maximum)
    case .maximum: try elementwiseExtremum(operation, isMaximum: true)
    case .minimum: try elementwiseExtremum(operation, isMaximum: false)
    case .cumulativeSum(let isExclusive, let isReverse):
      try cumulativeSum(operation, isExclusive: isExclusive, isReverse: isReverse)
    case .squaredDifference: try squaredDifference(operation)
    case .compare(let comparison): try compare(operation, comparison)
    case .logical(let join): try logical(operation, join)
    case .select: try select(operation)
    case .divide(let activation): try quotient(operation, activation)
    case .resizeBilinear(let alignsCorners, let centresHalfPixels):
      try resizeBilinear(operation, alignsCorners: alignsCorners, centresHalfPixels: centresHalfPixels)
    case .lstm(let cellClip): try lstm(operation, cellClip: cellClip)
    case .svdf(let rank): try svdf(operation, rank: rank)
    case .signal(let function): try signal(operation, function)
    case .recurrent:
      throw LayerFault("it is a recurrent layer of real numbers", remedy: "quantise the network: lockstep quantize")
    case .constant:
      throw LayerFault(
        "it is supported where constants and fixed shapes determine it", remedy: Self.remedy(for: operation.typeName))
    case .unsupported: break
    }
  }

  private static func remedy(for type: String) -> String {
    switch type {
    default: "the supported operators are listed by `lockstep inspect --operators`"
    }
  }
}

// MARK: Values

extension Lowering {
  /// The value a tensor would be; fails where its type or quantisation has no meaning here.
  func makeValue(ofTensor index: Int) -> Result<Value, LayerFault> {
    let tensor = network.tensors[index]
    let place = "tensor \"\(tensor.name.printable())\""
    guard tensor.shape.allSatisfy({ $0 > 0 }) else {
      return .failure(LayerFault("\(place) has the shape \(tensor.shape): it is empty"))
    }
    if let value = plainInteger(ofTensor: index) { return .success(value) }
    let type: CodeType
    switch tensor.type {
    case .int8: type = .int8
    case .uint8: type = .uint8
    case .boolean:
      // The codes 0 and 1, which stand for themselves.
      var value = Value(
        name: tensor.name, tensor: index, shape: tensor.shape, type: CodeType(bits: 1, isSigned: false), scale: 1,
        zeroPoint: 0)
      if let codes = tensor.constant {
        value.constant = codes.map { $0 == 0 ? 0 : 1 }
        value.range = codes.contains(0) ? (codes.allSatisfy { $0 == 0 } ? 0...0 : 0...1) : 1...1
      }
      return .success(value)
    case .integer(let bits, let isSigned) where !isTensorFlowLite && bits <= 16:
      type = CodeType(bits: bits, isSigned: isSigned)
    case .int32 where !isTensorFlowLite && tensor.quantization != nil && tensor.constant == nil: type = .int32
    case .float32:
      return .failure(
        LayerFault(
          "\(place) is float32", remedy: "convert with full integer quantisation (a representative data set, int8)"))
    case .int16:
      type = .int16
      if let zeroPoint = tensor.quantization?.zeroPoints.first(where: { $0 != 0 }) {
        return .failure(LayerFault("\(place) is int16 with the zero point \(zeroPoint); the reference has none but 0"))
      }
    default: return .failure(LayerFault("\(place) is \(tensor.type), not int8 or int16"))
    }
    guard let quantization = tensor.quantization else {
      return .failure(
        LayerFault("\(place) is \(tensor.type) without scale and zero point", remedy: "convert with full quantisation"))
    }
    guard quantization.scales.count == 1 else {
      return .failure(LayerFault("\(place) has \(quantization.scales.count) scales; only weights may have several"))
    }
    let scale = quantization.scales[0]
    let zeroPoint = quantization.zeroPoints.first ?? 0
    // Constants of nothing but zeros may have a scale of zero: so converters write them for 16x8.
    let isNothing = scale == 0 && tensor.integers?.allSatisfy { $0 == zeroPoint } == true
    guard scale.isFinite, scale > 0 || isNothing else {
      return .failure(LayerFault("\(place) has the scale \(scale), which must be positive"))
    }
    guard type.range.contains(zeroPoint) else {
      return .failure(LayerFault("\(place) has the zero point \(zeroPoint), outside \(type)"))
    }
    var value = Value(
      name: tensor.name, tensor: index, shape: tensor.shape, type: type, scale: scale, zeroPoint: Int32(zeroPoint))
    if let codes = tensor.integers {
      value.constant = codes.map { Int32(truncatingIfNeeded: $0) }
      value.range = (codes.min() ?? 0)...(codes.max() ?? 0)
    }
    return .success(value)
  }

  mutating func add(_ value: Value, tensor: Int?) -> Int {
    values.append(value)
    if let tensor { valueOfTensor[tensor] = values.count - 1 }
    return values.count - 1
  }

  /// The value of an operation's input, which must be there and hold codes.
  mutating func input(_ operation: Operation, _ position: Int, _ role: String) throws(LayerFault) -> Int {
    guard position < operation.inputs.count, let tensor = operation.inputs[position] else {
      throw LayerFault("its \(role) (input \(position)) is missing")
    }
    if let value = valueOfTensor[tensor] {
      guard values[value].type.isOperand || operation.kind.isMovement else {
        throw LayerFault(
          "its \(role) is accumulators, which no quantiser has made codes of",
          remedy: "put a quantiser (Quant or QuantizeLinear) in front of it")
      }
      return value
    }
    return try add(makeValue(ofTensor: tensor).get(), tensor: tensor)
  }

  /// The one output of an operation, as a value with the type's range.
  func output(_ operation: Operation) throws(LayerFault) -> Value {
    try makeValue(ofTensor: operation.outputs[0]).get()
  }

  /// The integers of an input that must be a constant, such as axes and shapes.
  func constantIntegers(_ operation: Operation, _ position: Int, _ role: String) throws(LayerFault) -> [Int] {
    guard position < operation.inputs.count, let index = operation.inputs[position] else {
      throw LayerFault("its \(role) (input \(position)) is missing")
    }
    let tensor = network.tensors[index]
    guard tensor.type == .int32 || tensor.type == .int64 else {
      throw LayerFault("its \(role) is \(tensor.type), not int32 or int64")
    }
    guard let integers = tensor.integers else {
      throw LayerFault(
        "its \(role), tensor \"\(tensor.name.printable())\", is computed at run time",
        remedy: "convert with fixed input shapes, so that shapes and axes become constants")
    }
    return integers.map { Int($0) }
  }

  /// Adds the step that makes an operation's output.
  mutating func emit(
    _ core: Step.Operation, _ operation: Operation, inputs: [Int], output: Value, range: ClosedRange<Int64>? = nil
  ) {
    var output = output
    if let range { output.range = range }
    let index = add(output, tensor: output.tensor)
    steps.append(Step(core, source: source, inputs: inputs, output: index))
  }

  /// Adds an intermediate step, whose output is no tensor of the file.
  mutating func emitIntermediate(_ core: Step.Operation, inputs: [Int], output: Value) -> Int {
    let index = add(output, tensor: nil)
    steps.append(Step(core, source: source, inputs: inputs, output: index))
    return index
  }

  func require(shape: [Int], of output: Value) throws(LayerFault) {
    guard output.shape == shape else {
      throw LayerFault("its output has the shape \(output.shape) in the file, but its inputs and options make \(shape)")
    }
  }

  var isTensorFlowLite: Bool { network.format == .tensorFlowLite }

  /// TensorFlow Lite's kernels take int8, and some int16 (`requireCodes`); the core takes any codes.
  func requireInt8(_ value: Int, _ role: String) throws(LayerFault) {
    guard values[value].type == .int8 || !isTensorFlowLite else {
      throw LayerFault(
        "its \(role) is \(values[value].type)",
        remedy: values[value].type == .int16
          ? "no reference has this operator for int16; convert with int8 activations"
          : "only int8 and int16 are supported inside the network; convert with int8")
    }
  }
  /// As `requireInt8`, for the operators that TensorFlow Lite Micro has for int16 as well, with zero points of 0.
  func requireCodes(_ value: Int, _ role: String) throws(LayerFault) {
    if values[value].type != .int16 { try requireInt8(value, role) }
  }
  /// The same of the output, which has the type of the input.
  func requireCodes(_ output: Value, _ role: String, like value: Int) throws(LayerFault) {
    guard output.type == values[value].type || !isTensorFlowLite else {
      throw LayerFault("its input is \(values[value].type) and its \(role) \(output.type); the reference takes one type")
    }
  }
  func requireInt8(_ output: Value, _ role: String) throws(LayerFault) {
    guard output.type == .int8 || !isTensorFlowLite else { throw LayerFault("its \(role) is \(output.type), not int8") }
  }

  /// Whether two values' codes mean the same real numbers.
  func requireSameQuantization(
    _ a: Value, _ b: Value, _ what: String,
    remedy: String = "convert anew: TensorFlow's converter gives both sides one quantisation"
  ) throws(LayerFault) {
    guard a.scale == b.scale, a.zeroPoint == b.zeroPoint, a.type == b.type else {
      throw LayerFault(
        "\(what) differ in quantisation (scale \(a.scale), zero point \(a.zeroPoint) and \(b.scale), \(b.zeroPoint)); "
          + "the reference moves codes without rescaling", remedy: remedy)
    }
  }

  /// A ratio of scales in the precision of `scaleProduct`.
  func ratio(_ numerator: Double, _ denominator: Double) -> Double {
    options.scaleProduct == .double ? numerator / denominator : Double(Float(numerator) / Float(denominator))
  }
  /// A product of two single-precision numbers in the precision of `scaleProduct`.
  func product(_ a: Float, _ b: Float) -> Double {
    options.scaleProduct == .double ? Double(a) * Double(b) : Double(a * b)
  }

  /// `factor` as mantissa and exponent, or a fault that says what is wrong with the scales.
  func multiplier(_ factor: Double, _ what: String) throws(LayerFault) -> Multiplier {
    guard let multiplier = Multiplier(factor) else {
      throw LayerFault("\(what) is \(factor), outside 0 … 2^30", remedy: "the scales in the file are out of proportion")
    }
    return multiplier
  }

  /// The codes that saturation and a fused activation leave (TensorFlow Lite: `CalculateActivationRangeQuantized`).
  func clamp(_ activation: Activation, _ output: Value) -> ClosedRange<Int64> {
    let codes = output.type.range
    func code(_ real: Float) -> Int64 {
      let rounded = (real / output.scale).rounded(.toNearestOrAwayFromZero)
      let bounded = max(-1e9, min(1e9, Double(rounded)))
      return max(codes.lowerBound, min(codes.upperBound, Int64(output.zeroPoint) + Int64(bounded)))
    }
    switch activation {
    case .none: return codes
    case .relu: return code(0)...codes.upperBound
    case .relu6: return code(0)...code(6)
    case .reluN1To1: return code(-1)...code(1)
    }
  }

  /// The codes a requantisation makes of accumulators in `range`; a fault where a register could overflow.
  func codes(
    of requantization: Requantization, channel: Int, from range: ClosedRange<Int64>
  ) throws(LayerFault) -> ClosedRange<Int64> {
    guard let codes = requantization.codes(from: range, channel: channel) else {
      let multiplier = requantization.multiplier(channel: channel)
      throw LayerFault(
        "the requantisation of channel \(channel) could overflow 32 bits: accumulators \(range.lowerBound) … "
          + "\(range.upperBound), multiplier \(multiplier.mantissa) · 2^\(multiplier.exponent - 31)",
        remedy: "the scales are out of proportion: quantise again with representative data")
    }
    return codes
  }
}

func union(_ a: ClosedRange<Int64>?, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
  guard let a else { return b }
  return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
}
