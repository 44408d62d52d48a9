import Network

/// The state of translating one graph: the network so far, and what each value of the graph stands for.
struct ONNXTranslation {
  let name: String
  /// Whether the graph is of real numbers and stays so: see `ONNXTranslation+Float.swift`.
  let isFloat: Bool
  var tensors: [Tensor] = []
  var operations: [Operation] = []
  var meanings: [String: ONNXMeaning] = [:]
  /// For each input of the graph: its name, shape, and the tensor that takes its codes once a quantiser is met.
  var inputs: [(name: String, shape: [Int], tensor: Int?)] = []
  var outputNames: Set<String> = []
  var readers: [String: Int] = [:]
  /// What the caller must know: see `Network.notices`.
  var notices: [String] = []
  private var issues: [LayerIssue] = []
  /// Elements of constants read and made so far: a small file that works on one constant again and again must not keep a
  /// reader busy. Each weight is read two or three times.
  private var constantElements = 0
  private static let mostConstantElements = 1 << 26

  init(name: String, isFloat: Bool = false) {
    self.name = name
    self.isFloat = isFloat
  }

  mutating func network(of graph: Lockstep_Onnx_GraphProto) throws -> Network {
    guard graph.node.count <= Network.mostOperations else {
      throw NetworkError("the graph has \(graph.node.count) nodes, more than \(Network.mostOperations)")
    }
    for tensor in graph.initializer {
      do throws(NodeFault) {
        meanings[tensor.name] = .constant(try ONNXConstant(tensor))
      } catch {
        issues.append(LayerIssue(reason: error.reason, remedy: error.remedy))
        meanings[tensor.name] = .failed
      }
    }
    outputNames = Set(graph.output.map(\.name))
    for node in graph.node { for input in node.input { readers[input, default: 0] += 1 } }
    for input in graph.input where meanings[input.name] == nil { addInput(input) }
    for (index, node) in graph.node.enumerated() {
      let node = ONNXNode(node)
      // What a node at fault would have made is at fault no more.
      if node.inputs.contains(where: { if case .failed = meanings[$0] { true } else { false } }) {
        for output in node.outputs { meanings[output] = .failed }
        continue
      }
      do throws(NodeFault) {
        if let input = node.inputs.first(where: { !$0.isEmpty && meanings[$0] == nil }) {
          throw NodeFault("it reads \"\(input.printable())\", which nothing makes before it")
        }
        if let output = node.outputs.first(where: { meanings[$0] != nil && !$0.isEmpty }) {
          throw NodeFault("it makes \"\(output.printable())\", which is made already")
        }
        for case .constant(let constant)? in node.inputs.map({ meanings[$0] }) { try spend(constant.count) }
        try translate(node)
      } catch {
        issues.append(
          LayerIssue(
            index: index, type: Self.typeName(of: node), name: node.outputs.first ?? "", reason: error.reason,
            remedy: error.remedy))
        for output in node.outputs { meanings[output] = .failed }
      }
    }
    let outputs = graph.output.compactMap { makeOutput($0.name) }
    for input in inputs where input.tensor == nil && issues.isEmpty {
      issues.append(
        LayerIssue(
          reason: "the network's input \"\(input.name.printable())\" is never quantised",
          remedy: "put a quantiser (Quant or QuantizeLinear) behind the input"))
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    let network = Network(
      name: name, tensors: tensors, operations: operations, inputs: inputs.compactMap(\.tensor), outputs: outputs,
      format: .onnx, notices: notices)
    try network.validate()
    return network
  }

  private static func typeName(of node: ONNXNode) -> String {
    ["", "ai.onnx"].contains(node.domain)
      ? node.type.printable(60) : "\(node.domain.printable(60)).\(node.type.printable(60))"
  }

  // MARK: Inputs and outputs

  private mutating func addInput(_ input: Lockstep_Onnx_ValueInfoProto) {
    let place = "the network's input \"\(input.name.printable())\""
    let type = input.type.tensorType
    var shape: [Int] = []
    for (axis, dimension) in type.shape.dim.enumerated() {
      // The open first axis is the batch: one sample.
      if case .dimValue(let size)? = dimension.value, size > 0 {
        shape.append(Int(size))
      } else if axis == 0 {
        shape.append(1)
      } else {
        issues.append(
          LayerIssue(
            reason: "\(place) leaves the size of axis \(axis) open", remedy: "export with fixed input shapes"))
        meanings[input.name] = .failed
        return
      }
    }
    guard type.hasShape, elementCount(shape) != nil else {
      issues.append(
        LayerIssue(
          reason: type.hasShape
            ? "\(place) has the shape \(shape), more than \(Network.largestTensor) elements"
            : "\(place) has no shape", remedy: "export with fixed input shapes"))
      meanings[input.name] = .failed
      return
    }
    let view = StridedView(rowMajor: shape)
    if let codes = ONNXElement.codes(type.elemType) {
      // What the codes mean is told by whoever reads them.
      let tensor = addTensor(Tensor(name: input.name, shape: shape, type: codes))
      inputs.append((input.name, shape, tensor))
      meanings[input.name] = .codes(ONNXCodes(tensor: tensor, view: view, isReal: false))
    } else if isFloat, [1, 10, 11].contains(type.elemType) {
      let tensor = addTensor(Tensor(name: input.name, shape: shape, type: .float32))
      inputs.append((input.name, shape, tensor))
      meanings[input.name] = .codes(ONNXCodes(tensor: tensor, view: view, isReal: true))
    } else if [1, 10, 11].contains(type.elemType) {
      meanings[input.name] = .input(index: inputs.count, view)
      inputs.append((input.name, shape, nil))
    } else {
      issues.append(
        LayerIssue(reason: "\(place) is \(ONNXElement.name(type.elemType)); numbers or codes are supported"))
      meanings[input.name] = .failed
    }
  }

  /// The tensor of a network output, its elements in the file's order.
  private mutating func makeOutput(_ output: String) -> Int? {
    func fault(_ reason: String, _ remedy: String? = nil) -> Int? {
      issues.append(LayerIssue(reason: "the network's output \"\(output.printable())\" \(reason)", remedy: remedy))
      return nil
    }
    if isFloat {
      do throws(NodeFault) { try settle(output) } catch { return fault("cannot be made: \(error.reason)", error.remedy) }
    }
    switch meanings[output] {
    case .codes(let codes): return rowMajor(codes)
    case .pending(let pending):
      return fault(
        "is the real result of \(pending.typeName), which no quantiser makes codes of",
        "put a quantiser (Quant or QuantizeLinear) in front of the output")
    case .constant: return fault("is a constant")
    case .input: return fault("is an input that no quantiser makes codes of")
    case .failed: return nil
    case nil: return fault("is made by no node")
    }
  }

  // MARK: The network being made

  mutating func addTensor(_ tensor: Tensor) -> Int {
    tensors.append(tensor)
    return tensors.count - 1
  }

  mutating func addConstant(
    _ name: String, _ integers: [Int64], _ shape: [Int], _ type: ElementType, _ quantization: Quantization? = nil
  ) -> Int {
    let width = type.byteCount ?? 8
    var bytes: [UInt8] = []
    bytes.reserveCapacity(integers.count * width)
    for integer in integers {
      for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: integer >> Int64(8 * byte))) }
    }
    return addTensor(Tensor(name: name, shape: shape, type: type, quantization: quantization, constant: bytes))
  }

  /// Adds an operation that moves codes, and the tensor it makes.
  mutating func move(
    _ kind: Operation.Kind, _ typeName: String, _ inputs: [Int?], shape: [Int], name: String? = nil
  ) -> Int {
    var tensor = tensors[inputs[0] ?? 0]
    tensor.shape = shape
    tensor.constant = nil
    if let name { tensor.name = name }
    let output = addTensor(tensor)
    operations.append(Operation(kind, typeName: typeName, inputs: inputs, outputs: [output]))
    return output
  }

  /// The tensor with its axes in memory in the order `order`, outermost first, and of that shape; moves what must be.
  mutating func arranged(_ codes: ONNXCodes, _ order: [Int]) -> Int {
    let shape = codes.view.shape
    var tensor = codes.tensor
    if !codes.view.lies(inMemory: order) {
      let (sizes, permutation) = codes.view.transposition(to: order)
      tensor = reshaped(tensor, to: sizes)
      let axes = addConstant("permutation", permutation.map(Int64.init), [permutation.count], .int32)
      tensor = move(.transpose, "Transpose", [tensor, axes], shape: permutation.map { sizes[$0] })
    }
    return reshaped(tensor, to: order.map { shape[$0] })
  }

  mutating func rowMajor(_ codes: ONNXCodes) -> Int { arranged(codes, Array(codes.view.axes.indices)) }

  private mutating func reshaped(_ tensor: Int, to shape: [Int]) -> Int {
    tensors[tensor].shape == shape ? tensor : move(.reshape(shape: nil), "Reshape", [tensor], shape: shape)
  }

  // MARK: What a node reads

  func meaning(_ node: ONNXNode, _ position: Int, _ role: String) throws(NodeFault) -> ONNXMeaning {
    guard node.hasInput(position), let meaning = meanings[node.inputs[position]] else {
      throw NodeFault("its \(role) (input \(position)) is missing")
    }
    return meaning
  }

  func constant(_ node: ONNXNode, _ position: Int, _ role: String) throws(NodeFault) -> ONNXConstant {
    guard case .constant(let constant) = try meaning(node, position, role) else {
      throw NodeFault(
        "its \(role), \"\(node.inputs[position].printable())\", is computed at run time",
        remedy: "export with constants folded and fixed shapes")
    }
    return constant
  }

  func scalar(_ node: ONNXNode, _ position: Int, _ role: String) throws(NodeFault) -> Double {
    let constant = try constant(node, position, role)
    guard let scalar = constant.scalar else {
      throw NodeFault("its \(role) has \(constant.count) elements that differ; one is supported here")
    }
    return scalar
  }

  /// The codes of an input that must be quantised real values.
  mutating func realCodes(_ node: ONNXNode, _ position: Int, _ role: String) throws(NodeFault) -> ONNXCodes {
    if isFloat, node.hasInput(position) { try settle(node.inputs[position]) }
    switch try meaning(node, position, role) {
    case .codes(let codes) where codes.isReal: return codes
    case .codes:
      throw NodeFault("its \(role) is integers without scale", remedy: "put DequantizeLinear in front of it")
    case .pending(let pending):
      // A ReLU of codes is codes of the same scale.
      if case .codes(let codes) = pending.base, pending.pools.isEmpty,
        pending.functions.allSatisfy({ $0 == .clamp(0, .infinity) }), let quantizer = quantizer(of: codes)
      {
        return try quantized(pending, quantizer, name: node.inputs[position])
      }
      throw NodeFault(
        "its \(role) is the real result of \(pending.typeName), which no quantiser makes codes of",
        remedy: "put a quantiser (Quant or QuantizeLinear) between \(pending.typeName) and it")
    case .input:
      throw NodeFault(
        "its \(role) is the network's float input, not quantised",
        remedy: "put a quantiser (Quant or QuantizeLinear) behind the input")
    case .constant: throw NodeFault("its \(role) is a constant", remedy: "fold constants when exporting")
    case .failed: throw NodeFault("its \(role) cannot be made")
    }
  }

  /// The quantiser that would make a tensor's codes anew.
  func quantizer(of codes: ONNXCodes) -> ONNXQuantizer? {
    let tensor = tensors[codes.tensor]
    guard let quantization = tensor.quantization, let range = tensor.type.codes else { return nil }
    return ONNXQuantizer(
      scale: quantization.scales[0], zeroPoint: quantization.zeroPoints[0], type: tensor.type, codes: range)
  }

  /// Gives a node's first output its meaning.
  mutating func set(_ node: ONNXNode, _ meaning: ONNXMeaning) throws(NodeFault) {
    guard let output = node.outputs.first, node.outputs.dropFirst().allSatisfy({ $0.isEmpty || readers[$0] == nil })
    else { throw NodeFault("it has \(node.outputs.count) outputs that are read; one is supported") }
    if case .constant(let constant) = meaning { try spend(constant.count) }
    meanings[output] = meaning
    // What several nodes read is reckoned once.
    if isFloat, readers[output, default: 0] + (outputNames.contains(output) ? 1 : 0) > 1 { try settle(output) }
  }

  private mutating func spend(_ elements: Int) throws(NodeFault) {
    constantElements += elements
    guard constantElements <= Self.mostConstantElements else {
      throw NodeFault("it brings the constants' elements that nodes read and make to over \(Self.mostConstantElements)")
    }
  }

  // MARK: Nodes

  private mutating func translate(_ node: ONNXNode) throws(NodeFault) {
    if isFloat { try prepareFloat(node) }
    switch node.domain {
    case "", "ai.onnx":
      if try foldConstants(node) { return }
      try translateStandard(node)
    case "qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general":
      try translateQONNX(node)
    case "com.microsoft":
      try translateMicrosoft(node)
    default:
      throw NodeFault(
        "the operator domain \"\(node.domain.printable())\" is unknown",
        remedy: "export with ONNX's own operators, QONNX's Quant or ONNX Runtime's QLinear operators")
    }
  }

  private mutating func translateStandard(_ node: ONNXNode) throws(NodeFault) {
    switch node.type {
    case "QuantizeLinear": try quantizeLinear(node)
    case "DequantizeLinear": try dequantizeLinear(node)
    case "MatMul": try matrixProduct(node)
    case "Gemm": try gemm(node)
    case "Conv": try convolution(node)
    case "Add", "Sub", "Mul", "Div": try elementwise(node)
    case "BatchNormalization": try batchNormalization(node)
    case "Relu": try unary(node, .clamp(0, .infinity))
    case "Clip": try clip(node)
    case "Sigmoid": try unary(node, .logistic)
    case "Tanh": try unary(node, .tanh)
    case "LeakyRelu": try unary(node, .leakyRelu(alpha: node.float("alpha", default: 0.01)))
    case "Elu": try unary(node, .elu(alpha: node.float("alpha", default: 1)))
    case "HardSigmoid":
      try unary(
        node, .hardSigmoid(alpha: node.float("alpha", default: 0.2), beta: node.float("beta", default: 0.5)))
    case "HardSwish": try unary(node, .hardSwish)
    case "Softplus": try unary(node, .softplus)
    case "Exp": try unary(node, .exponential)
    case "Sqrt": try unary(node, .squareRoot)
    case "Abs": try unary(node, .absolute)
    case "Neg": try unary(node, .scaled(by: -1, plus: 0))
    case "Reciprocal": try unary(node, .reciprocal)
    case "MaxPool": try maximumPool(node)
    case "AveragePool", "GlobalAveragePool": try averagePool(node)
    case "GlobalMaxPool": try maximumPool(node)
    case "ReduceMean": try reduceMean(node)
    case "Identity", "Dropout": try set(node, meaning(node, 0, "input"))
    case "Cast": try cast(node)
    case "Flatten", "Reshape", "Squeeze", "Unsqueeze": try reshape(node)
    case "Transpose": try transpose(node)
    case "Concat": try concatenation(node)
    case "Pad": try pad(node)
    case "Slice": try slice(node)
    case "Split": try split(node)
    case "Softmax", "LogSoftmax", "ArgMax", "Hardmax": try atTheEnd(node)
    case "QLinearConv": try qLinearConvolution(node)
    case "QLinearMatMul": try qLinearMatrixProduct(node)
    case "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger":
      throw NodeFault(
        "dynamic quantisation measures scales at run time, in floating point",
        remedy: "quantise statically (onnxruntime.quantization.quantize_static)")
    case "LSTM", "GRU", "RNN": throw NodeFault("recurrent operators are not supported", remedy: "unroll the recurrence")
    case "If", "Loop", "Scan": throw NodeFault("control flow is not supported", remedy: "export one straight graph")
    case "Constant": throw NodeFault("its value is of a kind that no operator here reads (text, or sparse)")
    default: throw unknown(node)
    }
  }

  func unknown(_ node: ONNXNode) -> NodeFault {
    NodeFault(
      "the operator is not supported", remedy: "the supported operators are listed by `lockstep inspect --operators`")
  }
}
