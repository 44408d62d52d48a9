import Network

/// What a network is quantised to.
public enum QuantizationTarget: Sendable, Hashable {
  /// Scales that are powers of two, one for the weights of a layer and one for what it makes: activations behind a ReLU
  /// are unsigned, others signed; outputs have 16 bits, so that their order is kept.
  case fixedPoint(weightBits: Int, activationBits: Int)
  /// TensorFlow Lite's: int8 activations with a zero point, int8 weights with a scale for each output channel, int32
  /// biases (https://ai.google.dev/edge/litert/models/quantization_spec).
  case int8
}

/// What the codes of the network's input are.
public enum InputCodes: Sendable, Hashable {
  /// Pixels 0 … 255, which stand for real values from `low` to `high`. The device takes them as they are (fixed-point), or
  /// less 128 (int8).
  case pixels(low: Float, high: Float)
  /// Real values: their codes are chosen by calibration.
  case reals
  /// Whole numbers that choose rows of a table: the device takes them as they are.
  case integers
}

extension FloatNetwork {
  /// The network in integers, its scales chosen by what `calibration` has seen. Throws a `NetworkError` with every layer
  /// that cannot be quantised so. `inputs` says what the codes of each input are, in order.
  public func quantized(
    to target: QuantizationTarget, calibration: Calibration, inputs: [InputCodes], range: RangeRule = .minimumMaximum
  ) throws -> Network {
    precondition(inputs.count == self.inputs.count, "codes for each input")
    let codes = Dictionary(zip(self.inputs, inputs)) { first, _ in first }
    switch target {
    case .fixedPoint(let weightBits, let activationBits):
      var quantizer = FixedPointQuantizer(
        network: self, calibration: calibration, inputs: codes, weightBits: weightBits, activationBits: activationBits)
      return try quantizer.quantized()
    case .int8:
      var quantizer = AffineQuantizer(network: self, calibration: calibration, inputs: codes, rule: range)
      return try quantizer.quantized()
    }
  }
}

/// A quantised network in the making: tensors are copied as they are needed.
struct QuantizedNetworkBuilder {
  let source: Network
  private(set) var tensors: [Tensor] = []
  private(set) var operations: [Operation] = []
  /// Constants, which are held once: a recurrent layer has the same weights in each moment.
  private var constants: [Constant: Int] = [:]
  private struct Constant: Hashable {
    var bytes: [UInt8]
    var shape: [Int]
    var type: ElementType
    var quantization: Quantization?
  }
  /// Where the source's tensors are.
  private var places: [Int: Int] = [:]

  init(_ source: Network) { self.source = source }

  /// The new tensor that stands for a reckoned one of the source.
  mutating func add(_ tensor: Int, _ type: ElementType, _ quantization: Quantization) -> Int {
    let old = source.tensors[tensor]
    places[tensor] = add(Tensor(name: old.name, shape: old.shape, type: type, quantization: quantization))
    return tensors.count - 1
  }

  /// The new tensor that stands for one of indices.
  mutating func addIndices(_ tensor: Int) -> Int {
    places[tensor] = add(Tensor(name: source.tensors[tensor].name, shape: source.tensors[tensor].shape, type: .int32))
    return tensors.count - 1
  }

  /// The new tensor that stands for one of truth values.
  mutating func addTruth(_ tensor: Int) -> Int {
    places[tensor] = add(Tensor(name: source.tensors[tensor].name, shape: source.tensors[tensor].shape, type: .boolean))
    return tensors.count - 1
  }

  /// The same numbers as in a tensor that was made, in other codes.
  mutating func addRescaled(_ made: Int, _ type: ElementType, _ quantization: Quantization) -> Int {
    let old = tensors[made]
    return add(
      Tensor(name: "\(old.name)/rescaled\(tensors.count)", shape: old.shape, type: type, quantization: quantization))
  }

  mutating func add(_ tensor: Tensor) -> Int {
    tensors.append(tensor)
    return tensors.count - 1
  }

  /// A tensor of the source: reckoned ones must have been added, constants are copied.
  mutating func place(_ tensor: Int) throws(LayerFault) -> Int {
    if let place = places[tensor] { return place }
    guard source.tensors[tensor].constant != nil else { throw LayerFault("it reads what a layer at fault makes") }
    places[tensor] = add(source.tensors[tensor])
    return tensors.count - 1
  }

  /// Another tensor in a tensor's stead.
  mutating func alias(_ tensor: Int, _ place: Int) { places[tensor] = place }

  mutating func constant(
    _ name: String, _ integers: [Int64], _ shape: [Int], _ type: ElementType, _ quantization: Quantization? = nil
  ) -> Int {
    let bytes = [UInt8](littleEndian: integers, width: type.byteCount ?? 8)
    let constant = Constant(bytes: bytes, shape: shape, type: type, quantization: quantization)
    if let known = constants[constant] { return known }
    let made = add(Tensor(name: name, shape: shape, type: type, quantization: quantization, constant: bytes))
    constants[constant] = made
    return made
  }

  mutating func emit(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int], _ output: Int, _ quantizer: Quantizer? = nil
  ) {
    emit(kind, typeName, inputs, [output], quantizer)
  }

  mutating func emit(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int?], _ outputs: [Int], _ quantizer: Quantizer? = nil
  ) {
    operations.append(Operation(kind, typeName: typeName, inputs: inputs, outputs: outputs, quantizer: quantizer))
  }

  /// The inputs of an operation, constants as they are and `made` in the places of the others.
  mutating func operands(of operation: Operation, _ made: [Int]) throws(LayerFault) -> [Int?] {
    var next = made[...]
    var operands: [Int?] = []
    for input in operation.inputs {
      guard let input else {
        operands.append(nil)
        continue
      }
      operands.append(source.tensors[input].constant == nil ? next.popFirst() : try place(input))
    }
    return operands
  }
}
