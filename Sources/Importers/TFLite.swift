import CTFLite
import Network

/// Reads TensorFlow Lite files. It only translates: what an operation's numbers mean for the arithmetic is decided when
/// the network is lowered.
public enum TFLite {
  /// Whether `bytes` carry TensorFlow Lite's identifier.
  public static func recognises(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 8 && bytes[4..<8].elementsEqual("TFL3".utf8)
  }

  /// The network in `bytes`; `name` is what people call the file. `signature` is that of the file's functions which is
  /// meant; without it that is the file's first subgraph.
  public static func network(from bytes: [UInt8], name: String, signature: String? = nil) throws -> Network {
    try bytes.withUnsafeBufferPointer { buffer in
      var reason: UnsafePointer<CChar>?
      guard let model = ctflite_open(buffer.baseAddress, buffer.count, &reason) else {
        throw NetworkError(reason.map { String(cString: $0) } ?? "the file cannot be read")
      }
      defer { ctflite_close(model) }
      let signatures = TFLiteSignature.all(of: model)
      guard let signature else { return try TFLiteReader(model: model).network(name: name, signatures, nil) }
      let chosen = try TFLiteSignature.named(signature, of: signatures)
      guard let subgraph = ctflite_subgraph(model, chosen.subgraph) else {
        throw NetworkError(
          "its signature \"\(chosen.key.printable(60))\" is of subgraph \(chosen.subgraph), which does not exist")
      }
      defer { ctflite_close(subgraph) }
      return try TFLiteReader(model: subgraph).network(name: name, signatures, chosen)
    }
  }
}

private struct TFLiteReader {
  let model: OpaquePointer

  /// The network of the subgraph that `chosen` names, or else of the first.
  func network(name: String, _ signatures: [TFLiteSignature], _ chosen: TFLiteSignature?) throws -> Network {
    let version = ctflite_version(model)
    guard version == 3 else {
      throw NetworkError("the file has schema version \(version); TensorFlow Lite's converter writes version 3")
    }
    var graph = try graph()
    try chosen?.apply(to: &graph)
    let loops = TFLiteLoops.unroll(&graph) { index in
      guard let subgraph = ctflite_subgraph(model, index) else {
        throw NetworkError("it runs subgraph \(index), which does not exist")
      }
      defer { ctflite_close(subgraph) }
      return try TFLiteReader(model: subgraph).graph()
    }
    let inputs = graph.inputs
    var (tensors, operations, outputs) = (graph.tensors, graph.operations, graph.outputs)
    for index in operations.indices { refuseState(&operations[index], tensors) }
    var states: [NetworkState] = []
    for index in operations.indices {
      if keptTensors(of: operations[index]).contains(where: { kept in states.contains { $0.read == kept } }) {
        operations[index].kind = .unsupported(reason: "another operator keeps its state in the same variable")
        continue
      }
      let taken = takeState(&operations[index], &tensors)
      // Whoever reads the variable later reads what the operator left in it.
      for state in taken {
        for later in operations.indices where later > index {
          operations[later].inputs = operations[later].inputs.map { $0 == state.read ? state.written : $0 }
        }
        outputs = outputs.map { $0 == state.read ? state.written : $0 }
      }
      states += taken
    }
    var notices = inputs.compactMap { tensors.indices.contains($0) ? notice(ofInput: tensors[$0]) : nil }
    var variables = TFLiteVariables(initial: { try initialValues(inSubgraph: $0) })
    variables.resolve(&operations, graph.accesses, &tensors, &outputs)
    // Some subgraphs only initialise, others are loops' parts; else they are functions of their own.
    let own = chosen?.subgraph ?? 0
    var others = Set(0..<ctflite_subgraph_count(model)).subtracting([own])
    others.subtract(variables.subgraphs.union(loops))
    let read = chosen ?? signatures.first { $0.subgraph == own }
    if signatures.count > 1 {
      others.subtract(signatures.map(\.subgraph))
      let names = signatures.map { "\"\($0.key.printable(60))\"" }.joined(separator: ", ")
      notices.append(
        chosen == nil
          ? "the file has the signatures \(names), of which none was asked for: its first subgraph is read"
            + (read.map { ", that of \"\($0.key.printable(60))\"" } ?? "")
          : "the file has the signatures \(names), of which \"\(chosen?.key.printable(60) ?? "")\" is read")
    }
    if !others.isEmpty {
      notices.append("the file holds \(others.count + 1) subgraphs that compute, of which the first is read")
    }
    let network = Network(
      name: name, tensors: tensors, operations: operations, inputs: inputs + (variables.states + states).map(\.read),
      outputs: outputs + (variables.states + states).map(\.written), states: variables.states + states, notices: notices,
      signatures: signatures.map { $0.told(isRead: $0.key == read?.key) })
    try network.validate()
    return network
  }

  /// The subgraph that the handle is for, as the file has it.
  private func graph() throws -> TFLiteGraph {
    let operations = try (0..<ctflite_operator_count(model)).map(operation)
    let inputs = [Int](ctflite_inputs(model))
    let outputs = [Int](ctflite_outputs(model))
    let made = Set(inputs + operations.flatMap(\.outputs))
    let used = made.union(outputs + operations.flatMap { $0.inputs.compactMap { $0 } })
    let kept = Set(operations.flatMap(keptTensors))
    let tensors = try (0..<ctflite_tensor_count(model)).map { index in
      // What nothing reads or makes may be of any shape and type.
      used.contains(index)
        ? try tensor(index, isMade: made.contains(index), isKept: kept.contains(index))
        : Tensor(name: "", shape: [], type: .other("unused"))
    }
    return TFLiteGraph(
      tensors: tensors, operations: operations, accesses: operations.indices.map(variableAccess),
      loops: operations.indices.map(loop), keepsTensors: !kept.isEmpty, inputs: inputs, outputs: outputs)
  }

  /// The subgraphs that an operation runs again and again.
  private func loop(_ index: Int) -> TFLiteLoop? {
    var raw = ctflite_operator()
    guard ctflite_get_operator(model, index, &raw), TFLiteBuiltin(rawValue: Int(raw.builtin_code)) == .whileLoop,
      raw.options.present
    else { return nil }
    return TFLiteLoop(condition: Int(raw.options.condition_subgraph), body: Int(raw.options.body_subgraph))
  }

  /// What another subgraph, which runs once, leaves in variables: their elements by the variables' names.
  private func initialValues(inSubgraph index: Int) throws -> [Variable: [UInt8]] {
    guard index > 0, let subgraph = ctflite_subgraph(model, index) else {
      throw NetworkError("it runs subgraph \(index), which does not exist")
    }
    defer { ctflite_close(subgraph) }
    let reader = TFLiteReader(model: subgraph)
    var names: [Int: Variable] = [:]
    var values: [Variable: [UInt8]] = [:]
    for index in 0..<ctflite_operator_count(subgraph) {
      let operation = try reader.operation(index)
      switch reader.variableAccess(index) {
      case .handle(let name): for output in operation.outputs { names[output] = name }
      case .assign where operation.inputs.count == 2:
        guard let name = operation.inputs[0].flatMap({ names[$0] }), let source = operation.inputs[1],
          let elements = try reader.tensor(source, isMade: false).constant
        else { fallthrough }
        values[name] = elements
      default:
        throw NetworkError("it runs subgraph \(index), which does more than to assign constants: \(operation.typeName)")
      }
    }
    return values
  }

  /// What is to be said of an input whose shape the file leaves open.
  private func notice(ofInput tensor: Tensor) -> String? {
    let name = "\"\(tensor.name.printable())\""
    switch tensor.openAxes {
    case []: return nil
    case [0]: return "the file leaves the batch of its input \(name) open; it is \(tensor.shape[0])"
    default:
      return "the file leaves sizes of its input \(name) open; its shape is \(tensor.shape), as the file gives it beside"
    }
  }

  /// A tensor; one that nothing makes is a constant.
  private func tensor(_ index: Int, isMade: Bool, isKept: Bool = false) throws -> Tensor {
    var raw = ctflite_tensor()
    let place = "tensor \(index)"
    guard ctflite_get_tensor(model, index, &raw) else {
      throw NetworkError("\(place) is missing or names buffer \(raw.buffer), which does not exist")
    }
    let name = String(raw.name)
    if raw.lies_outside {
      throw NetworkError("\(place) \"\(name.printable())\" keeps its data behind the file's end: the file is cut short")
    }
    var quantization: Quantization?
    if raw.scales.count > 0 && !raw.has_custom_quantization {
      quantization = Quantization(
        scales: [Float](raw.scales), zeroPoints: [Int64](raw.zero_points), axis: Int(raw.quantized_dimension))
    }
    // A dimension open in the file's shape signature is the batch; its shape gives 1 for it, and so do we.
    let (shape, signature) = ([Int](raw.shape), [Int](raw.shape_signature))
    var constant: [UInt8]?
    if raw.data.count > 0 {
      constant = [UInt8](UnsafeBufferPointer(start: raw.data.bytes, count: raw.data.count))
    } else if !isMade, shape.contains(0) {
      constant = []
    }
    let type = elementType(raw.type)
    if type == .int4, let packed = constant {
      // What is wrong with the shape itself is told by all who read it.
      let count = shape.reduce(1) { $1 < 0 || $0 > Network.largestTensor ? 0 : $0 * min($1, Network.largestTensor + 1) }
      guard let codes = type.unpacked(packed, count: count) else {
        throw NetworkError(
          "\(place) \"\(name.printable())\" of shape \(shape) and type int4, two elements a byte, holds \(packed.count) "
            + "bytes of data, not \((count + 1) / 2)")
      }
      constant = codes
    }
    return Tensor(
      name: name, shape: shape,
      type: raw.is_variable && !isKept ? .other(Self.variable) : raw.is_sparse ? .other(Self.sparse) : type,
      quantization: quantization, constant: raw.is_variable ? nil : constant,
      openAxes: signature.count == shape.count ? signature.indices.filter { signature[$0] == -1 } : [])
  }

  private static let variable = "a variable"
  private static let sparse = "stored sparse"

  /// The inputs of an operation that it leaves changed for the next run.
  private func keptTensors(of operation: Operation) -> [Int] {
    switch operation.kind {
    case .lstm: operation.inputs.count == 24 ? operation.inputs[18...19].compactMap { $0 } : []
    case .svdf: operation.inputs.count == 5 ? operation.inputs[4...4].compactMap { $0 } : []
    default: []
    }
  }

  /// Gives a recurrent operation outputs for what it leaves in its variables, and returns those as states. The inputs of
  /// an LSTM that say something become those of `Operation.Kind.lstm`.
  private func takeState(_ operation: inout Operation, _ tensors: inout [Tensor]) -> [NetworkState] {
    if case .signal(let function) = operation.kind { return takeSignal(function, &operation, &tensors) }
    let kept = keptTensors(of: operation)
    guard !kept.isEmpty, kept.allSatisfy(tensors.indices.contains) else { return [] }
    if case .lstm = operation.kind {
      let unknown = [(9...11, "peepholes"), (16...17, "a projection"), (20...23, "layer normalisation")]
      if let (_, name) = unknown.first(where: { operation.inputs[$0.0].contains { $0 != nil } }) {
        operation.kind = .unsupported(reason: "it has \(name)")
        operation.inputs = [operation.inputs[0]]
        return []
      }
      operation.inputs = Array(operation.inputs[...8] + operation.inputs[12...15] + operation.inputs[18...19])
    }
    return kept.map { index in
      let tensor = tensors[index]
      operation.outputs.append(tensors.count)
      tensors.append(Tensor(name: tensor.name, shape: tensor.shape, type: tensor.type, quantization: tensor.quantization))
      return NetworkState(
        name: tensor.name, read: index, written: tensors.count - 1, initial: TFLiteVariables.zeros(of: tensor))
    }
  }

  /// Gives an operation that estimates noise the estimate of the run before as an input, and one that keeps samples
  /// those, and an output of those that it leaves, and where its first runs make nothing a count; returns them as states.
  private func takeSignal(
    _ function: SignalFunction, _ operation: inout Operation, _ tensors: inout [Tensor]
  ) -> [NetworkState] {
    guard operation.inputs.count == 1, let input = operation.inputs[0], tensors.indices.contains(input),
      operation.outputs.allSatisfy(tensors.indices.contains), let output = operation.outputs.first
    else { return [] }
    func state(_ kept: Tensor, written: Int, initial: [UInt8]) -> NetworkState {
      let read = tensors.count
      operation.inputs.append(read)
      tensors.append(Tensor(name: kept.name, shape: kept.shape, type: kept.type))
      return NetworkState(name: kept.name, read: read, written: written, initial: initial)
    }
    func state(left kept: Tensor, initial: [UInt8]) -> NetworkState {
      operation.outputs.append(tensors.count)
      tensors.append(kept)
      return state(kept, written: tensors.count - 1, initial: initial)
    }
    switch function {
    case .subtraction:
      guard operation.outputs.count == 2 else { return [] }
      let kept = tensors[operation.outputs[1]]
      return [state(kept, written: operation.outputs[1], initial: TFLiteVariables.zeros(of: kept))]
    case .framer, .stacker, .delay, .overlapAdd:
      var valid: Int?
      if function.saysWhetherValid, operation.outputs.count == 2, tensors[operation.outputs[1]].type == .boolean {
        valid = operation.outputs.removeLast()
      }
      let left = function.samplesLeft(of: tensors[input].shape)
      guard operation.outputs.count == 1 else { return [] }
      if function.firstCount == nil, let valid { tensors[valid].constant = [1] }
      guard left.last ?? 0 > 0 else { return [] }
      let past = Tensor(name: "\(tensors[output].name) past", shape: left, type: tensors[input].type)
      let samples = state(left: past, initial: TFLiteVariables.zeros(of: past))
      guard let first = function.firstCount, let valid else { return [samples] }
      operation.outputs.append(valid)
      let count = Tensor(name: "\(tensors[output].name) count", shape: [1], type: .int16)
      return [
        samples, state(left: count, initial: withUnsafeBytes(of: first.littleEndian) { Array($0) }),
      ]
    default: return []
    }
  }

  /// Says of an operation that reads state, or weights stored sparse, that it does, and lets it read nothing of the kind.
  private func refuseState(_ operation: inout Operation, _ tensors: [Tensor]) {
    for (position, input) in operation.inputs.enumerated() {
      guard let input, tensors.indices.contains(input), case .other(let type) = tensors[input].type,
        type == Self.variable || type == Self.sparse
      else { continue }
      operation.inputs[position] = nil
      // What its kind is refused for says more.
      if operation.remedy != nil { continue }
      let name = "its input \(position), \"\(tensors[input].name.printable(60))\", is \(type)"
      if type == Self.variable {
        operation.kind = .unsupported(reason: "\(name): it keeps state from one run to the next")
        operation.remedy = "export the network with its state as inputs and outputs, and hand it from run to run"
      } else {
        operation.kind = .unsupported(reason: name)
        operation.remedy = "convert without sparsity (without EXPERIMENTAL_SPARSITY among the optimizations)"
      }
    }
  }

  private func operation(_ index: Int) throws -> Operation {
    var raw = ctflite_operator()
    guard ctflite_get_operator(model, index, &raw) else {
      throw NetworkError("operation \(index) is missing or names an operator code that does not exist")
    }
    let code = TFLiteBuiltin(rawValue: Int(raw.builtin_code))
    let custom = String(raw.custom_code)
    let typeName =
      code == .custom ? "CUSTOM \(custom.printable(60))" : code?.name ?? "builtin operator \(raw.builtin_code)"
    let kind = kind(of: code, raw.options, custom: custom, raw.custom_options)
    var inputs: [Int?] = [Int](raw.inputs).map { $0 == -1 ? nil : $0 }
    if code == .transposeConv, inputs.count >= 3 {
      // The file has the output's shape first, then the weights, then the image.
      inputs = [inputs[2], inputs[1], inputs.count > 3 ? inputs[3] : nil, inputs[0]]
    }
    // An embedding's rows are gathered from a table that the file has second.
    if code == .embeddingLookup, inputs.count == 2 { inputs.swapAt(0, 1) }
    var operation = Operation(kind, typeName: typeName, inputs: inputs, outputs: [Int](raw.outputs))
    if code == .custom, TFLiteSignal(rawValue: custom) == nil {
      let refusal = TFLiteBuiltin.refusal(ofCustom: custom)
      operation.kind = .unsupported(reason: refusal.reason)
      operation.remedy = refusal.remedy
    } else if let refusal = code?.refusal {
      if case .unsupported = kind { operation.kind = .unsupported(reason: refusal.reason) }
      operation.remedy = refusal.remedy
    }
    return operation
  }

  /// What an operation does with variables; nil where it has nothing to do with them.
  private func variableAccess(_ index: Int) -> VariableAccess? {
    var raw = ctflite_operator()
    guard ctflite_get_operator(model, index, &raw) else { return nil }
    switch TFLiteBuiltin(rawValue: Int(raw.builtin_code)) {
    case .callOnce?: return .callOnce(subgraph: Int(raw.options.subgraph))
    case .varHandle?: return .handle(Variable(container: String(raw.options.container), name: String(raw.options.shared_name)))
    case .readVariable?: return .read
    case .assignVariable?: return .assign
    default: return nil
    }
  }

  private func kind(
    of code: TFLiteBuiltin?, _ options: ctflite_options, custom: String, _ customOptions: ctflite_bytes
  ) -> Operation.Kind {
    guard let code else {
      return .unsupported(reason: "this builtin operator is unknown to Lockstep")
    }
    // FlatBuffers leaves out options that are all default only where the writer says so; a convolution without a stride
    // is damaged.
    if code.needsOptions && !options.present {
      return .unsupported(reason: "its options are missing from the file")
    }
    switch code {
    // Its gates' own function, which is no clamp.
    case .unidirectionalSequenceLSTM:
      if options.activation != 4 { return .unsupported(reason: "its function is \(options.activation), not TANH (4)") }
      if options.time_major { return .unsupported(reason: "time is its first axis, in front of the batch") }
      return .lstm(cellClip: options.cell_clip)
    // TensorFlow Lite Micro applies no activation but the clamp to int8.
    case .svdf: return .svdf(rank: Int(options.rank))
    default: break
    }
    guard let activation = activation(options.activation) else {
      return .unsupported(reason: "it has the fused activation function \(options.activation) (TANH or unknown)")
    }
    func windowed(_ make: (Window) -> Operation.Kind) -> Operation.Kind {
      guard let padding: Padding = [0: .same, 1: .valid][options.padding] else {
        return .unsupported(reason: "it has the padding scheme \(options.padding); SAME (0) and VALID (1) are known")
      }
      return make(
        Window(
          padding: padding, strideHeight: Int(options.stride_height), strideWidth: Int(options.stride_width),
          dilationHeight: Int(options.dilation_height), dilationWidth: Int(options.dilation_width)))
    }
    switch code {
    case .conv2D: return windowed { .conv2D($0, activation) }
    case .depthwiseConv2D:
      return windowed { .depthwiseConv2D($0, depthMultiplier: Int(options.depth_multiplier), activation) }
    case .transposeConv: return windowed { .transposeConv($0, activation) }
    case .averagePool2D, .maxPool2D:
      let (height, width) = (Int(options.filter_height), Int(options.filter_width))
      return windowed {
        code == .maxPool2D
          ? .maxPool2D($0, height: height, width: width, activation)
          : .averagePool2D($0, height: height, width: width, activation)
      }
    case .fullyConnected:
      return options.weights_format == 0
        ? .fullyConnected(keepsDimensions: options.keep_dimensions, activation)
        : .unsupported(reason: "its weights are stored in the shuffled format \(options.weights_format)")
    case .add: return .add(activation)
    case .addN: return .addAll
    case .sub: return .subtract(activation)
    case .mul: return .multiply(activation)
    case .batchMatMul:
      return .batchMatMul(transposesLeft: options.adjoint_left, transposesRight: options.adjoint_right)
    case .mean: return .mean(keepsDimensions: options.keep_dimensions)
    case .softmax: return .softmax(beta: options.beta)
    case .logSoftmax: return .logSoftmax
    case .l2Normalization:
      guard activation == .none else {
        return .unsupported(reason: "it clamps rows of length 1, which the reference refuses")
      }
      return .normalize
    case .reshape: return .reshape(shape: options.new_shape.elements == nil ? nil : [Int](options.new_shape))
    case .squeeze: return .squeeze(axes: [Int](options.squeeze_dimensions))
    case .expandDims: return .expandDimensions
    case .pad, .padV2: return .pad
    case .transpose: return .transpose
    case .concatenation: return .concatenation(axis: Int(options.axis), activation)
    case .stridedSlice:
      return .stridedSlice(
        SliceMasks(
          begin: Int(options.begin_mask), end: Int(options.end_mask), ellipsis: Int(options.ellipsis_mask),
          newAxis: Int(options.new_axis_mask), shrinkAxis: Int(options.shrink_axis_mask), isOffset: options.offset))
    case .pack: return .pack(axis: Int(options.axis))
    case .unpack: return .unpack(axis: Int(options.axis))
    case .slice: return .slice
    case .gather:
      return .gather(axis: Int(options.axis), batchDimensions: Int(options.batch_dimensions))
    case .broadcastTo: return .broadcastTo
    case .embeddingLookup: return .gather(axis: 0, batchDimensions: 0)
    case .resizeBilinear:
      return .resizeBilinear(
        alignsCorners: options.aligns_corners, centresHalfPixels: options.has_half_pixel_centers)
    case .argMax: return .indexOf(.maximum)
    case .argMin: return .indexOf(.minimum)
    case .cumsum: return .cumulativeSum(isExclusive: options.exclusive, isReverse: options.reverse)
    case .squaredDifference: return .squaredDifference
    case .logicalAnd: return .logical(.and)
    case .logicalOr: return .logical(.or)
    case .logicalNot: return .logical(.not)
    case .div: return .divide(activation)
    case .maximum: return .maximum
    case .minimum: return .minimum
    case .less: return .compare(.less)
    case .lessEqual: return .compare(.lessOrEqual)
    case .greater: return .compare(.greater)
    case .greaterEqual: return .compare(.greaterOrEqual)
    case .equal: return .compare(.equal)
    case .notEqual: return .compare(.notEqual)
    case .select, .selectV2: return .select
    case .sum: return .reduce(.sum, keepsDimensions: options.keep_dimensions)
    case .reduceMax: return .reduce(.maximum, keepsDimensions: options.keep_dimensions)
    case .reduceMin: return .reduce(.minimum, keepsDimensions: options.keep_dimensions)
    case .reduceProd: return .constant(.product(keepsDimensions: options.keep_dimensions))
    case .shape: return .constant(.shape)
    case .rank: return .constant(.rank)
    case .zerosLike: return .constant(.zeros)
    case .cast: return .constant(.cast)
    case .fill: return .constant(.fill)
    case .range: return .constant(.range)
    case .broadcastArgs: return .constant(.broadcastArguments)
    case .floorDiv: return .constant(.floorDivide)
    case .floorMod: return .constant(.floorModulo)
    case .split: return .split
    case .splitV: return .splitSizes
    case .tile: return .tile
    case .gatherND: return .gatherND
    case .reverseV2: return .reverse
    case .mirrorPad:
      return [0: .mirrorPad(repeatsEdge: false), 1: .mirrorPad(repeatsEdge: true)][options.mirror_mode]
        ?? .unsupported(reason: "it mirrors by the mode \(options.mirror_mode); REFLECT (0) and SYMMETRIC (1) are known")
    case .depthToSpace: return .depthToSpace(block: Int(options.block))
    case .spaceToDepth: return .spaceToDepth(block: Int(options.block))
    case .spaceToBatchND: return .spaceToBatch
    case .batchToSpaceND: return .batchToSpace
    case .resizeNearestNeighbor:
      return .resizeNearest(
        NearestNeighbor(
          alignsCorners: options.aligns_corners, hasHalfPixelCenters: options.has_half_pixel_centers))
    case .prelu: return .parametricRelu
    case .abs, .neg, .elu, .exp, .log, .sqrt, .rsqrt, .square, .gelu, .sin, .cos, .floor, .ceil, .round:
      return realFunction(of: code, options).map { .unary(.real($0)) } ?? .unsupported(reason: "it has no function")
    case .reluN1To1: return .unary(.reluN1To1)
    case .logistic: return .unary(.logistic)
    case .tanh: return .unary(.tanh)
    case .leakyRelu: return .unary(.leakyRelu(alpha: options.alpha))
    case .hardSwish: return .unary(.hardSwish)
    case .relu: return .unary(.relu)
    case .relu6: return .unary(.relu6)
    case .quantize: return .quantize
    case .dequantize: return .dequantize
    case .custom:
      guard let signal = TFLiteSignal(rawValue: custom) else {
        return .unsupported(reason: "custom operators have no arithmetic that the file defines")
      }
      return signal.kind(options: [UInt8](UnsafeBufferPointer(start: customOptions.bytes, count: customOptions.count)))
    default:
      return .unsupported(reason: "the operator is not supported")
    }
  }

  private func realFunction(of code: TFLiteBuiltin, _ options: ctflite_options) -> RealFunction? {
    let functions: [TFLiteBuiltin: RealFunction] = [
      .abs: .absolute, .neg: .negated, .elu: .elu(alpha: 1), .exp: .exponential, .log: .logarithm, .sqrt: .squareRoot,
      .rsqrt: .reciprocalSquareRoot, .square: .square, .gelu: .gelu(isApproximate: options.is_approximate), .sin: .sine,
      .cos: .cosine, .floor: .floor, .ceil: .ceiling, .round: .rounded,
    ]
    return functions[code]
  }

  private func activation(_ code: Int32) -> Activation? {
    [0: .none, 1: .relu, 2: .reluN1To1, 3: .relu6][code]
  }

  private func elementType(_ code: Int32) -> ElementType {
    switch code {
    case 0: .float32
    case 1: .float16
    case 2: .int32
    case 3: .uint8
    case 4: .int64
    case 6: .boolean
    case 7: .int16
    case 9: .int8
    case 12: .uint64
    case 15: .uint32
    case 17: .int4
    default: .other(TFLiteBuiltin.typeNames[Int(code)] ?? "type \(code)")
    }
  }
}

extension String {
  init(_ string: ctflite_string) {
    self = string.bytes.map {
      String(decoding: UnsafeRawBufferPointer(start: $0, count: string.count), as: UTF8.self)
    } ?? ""
  }
}
extension [Int] {
  fileprivate init(_ ints: ctflite_ints) {
    self = UnsafeBufferPointer(start: ints.elements, count: ints.count).map(Int.init)
  }
}
extension [Int64] {
  fileprivate init(_ longs: ctflite_longs) {
    self.init(UnsafeBufferPointer(start: longs.elements, count: longs.count))
  }
}
extension [Float] {
  fileprivate init(_ floats: ctflite_floats) {
    self.init(UnsafeBufferPointer(start: floats.elements, count: floats.count))
  }
}
