import Network

/// The state of translating one graph: the network so far, and what each value of the graph stands for.
struct ONNXTranslation {
  let name: String
  /// The version of ONNX's operators.
  let version: Int
  /// Whether the graph is of real numbers and stays so: see `ONNXTranslation+Float.swift`.
  let isFloat: Bool
  var tensors: [Tensor] = []
  var operations: [Operation] = []
  var meanings: [String: ONNXMeaning] = [:]
  var inputs: [ONNXInput] = []
  var outputNames: Set<String> = []
  private(set) var nodes: [ONNXNode] = []
  /// The tensors of real numbers that whole numbers and truth values have become.
  var realsOfIntegers: [Int: Int] = [:]
  /// What the caller reckons of the network's last codes: see `atTheEnd`.
  var callersValues: Set<String> = []
  /// The nodes that read each value, of those that the outputs depend on.
  private(set) var readers: [String: [Int]] = [:]
  /// Shapes of values at fault, as far as they are known.
  private var shapes: [String: [Int]] = [:]
  /// Where they are not, those of what such values are made of: with them an operator's own limits can be looked at.
  private var guesses: [String: [Int]] = [:]
  /// Values that depend on the network's inputs.
  private var varying: Set<String> = []
  /// What the caller must know: see `Network.notices`.
  var notices: [String] = []
  /// See `Network.preparesInputs`.
  var preparesInputs = false
  var finish = Network.Finish.nothing
  private var issues: [LayerIssue] = []
  /// Elements of constants read and made so far: a small file that works on one constant again and again must not keep a
  /// reader busy. Each weight is read two or three times.
  private var constantElements = 0
  private static let mostConstantElements = 1 << 26

  init(name: String, version: Int, isFloat: Bool = false) {
    self.name = name
    self.version = version
    self.isFloat = isFloat
  }

  mutating func network(of graph: Lockstep_Onnx_GraphProto) throws -> Network {
    guard graph.node.count <= Network.mostOperations else {
      throw NetworkError("the graph has \(graph.node.count) nodes, more than \(Network.mostOperations)")
    }
    let nodes = graph.node.map { ONNXNode($0) }
    outputNames = Set(graph.output.map(\.name))
    let isLive = Self.liveNodes(nodes, outputs: outputNames)
    for (index, node) in nodes.enumerated() where isLive[index] {
      for input in node.inputs { readers[input, default: []].append(index) }
    }
    self.nodes = nodes
    varying = Set(graph.input.map(\.name)).subtracting(graph.initializer.map(\.name))
    for node in nodes where node.inputs.contains(where: varying.contains) { varying.formUnion(node.outputs) }
    let recurrent = nodes.first { ["LSTM", "GRU", "RNN"].contains($0.type) }
    if let recurrent, !isFloat, !Self.isQuantised(graph, nodes) {
      throw NetworkError(
        [
          LayerIssue(
            reason: "nothing in it is quantised: quantize_static leaves \(recurrent.type) real, and what stands around it",
            remedy: Self.recurrentRemedy)
        ])
    }
    guard isFloat || nodes.isEmpty || Self.isQuantised(graph, nodes) else {
      throw NetworkError(
        [
          LayerIssue(
            reason: "it is a network of real numbers: nothing in it is quantised",
            remedy: "quantise it: lockstep quantize MODEL --to int8 --calibration FILE --output network.tflite, or "
              + "onnxruntime.quantization.quantize_static")
        ])
    }
    for value in graph.valueInfo + graph.output { shapes[value.name] = Self.fixedShape(of: value) }
    // What nothing reads is not looked at, whatever it holds.
    for tensor in graph.initializer where readers[tensor.name] != nil || outputNames.contains(tensor.name) {
      do throws(NodeFault) {
        meanings[tensor.name] = .constant(try ONNXConstant(tensor))
      } catch {
        issues.append(LayerIssue(reason: error.reason, remedy: error.remedy))
        meanings[tensor.name] = .failed
      }
    }
    for input in graph.input where meanings[input.name] == nil { addInput(input) }
    for (index, node) in nodes.enumerated() where isLive[index] {
      let first = operations.count
      translate(node, index: index)
      for place in first..<operations.count { operations[place].place = index }
    }
    let outputs = graph.output.compactMap { makeOutput($0.name) }
    for (index, input) in inputs.enumerated() where input.origin == index && issues.isEmpty {
      guard !inputs.contains(where: { $0.origin == index && $0.tensor != nil }) else { continue }
      issues.append(
        LayerIssue(
          reason: "the network's input \"\(input.name.printable())\" is never quantised",
          remedy: "put a quantiser (Quant or QuantizeLinear) behind the input"))
    }
    guard issues.isEmpty else { throw NetworkError(issues, rest: rest(outputs)) }
    var network = Network(
      name: name, tensors: tensors, operations: operations, inputs: inputTensors, outputs: outputs,
      format: .onnx, notices: notices)
    (network.preparesInputs, network.finish) = (preparesInputs, finish)
    try network.validate()
    return network
  }

  /// Whether any node quantises, or an input holds codes.
  private static func isQuantised(_ graph: Lockstep_Onnx_GraphProto, _ nodes: [ONNXNode]) -> Bool {
    nodes.contains { node in
      ["Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"]
        .contains(node.type) || node.type.hasPrefix("QLinear") || node.type.hasSuffix("Integer") || node.type == "QGemm"
        || !["", "ai.onnx"].contains(node.domain)
    } || graph.input.contains { ONNXElement.codes($0.type.tensorType.elemType) != nil }
  }

  /// The inputs in the file's order.
  private var inputTensors: [Int] {
    inputs.indices.sorted { (inputs[$0].origin, $0) < (inputs[$1].origin, $1) }.compactMap { inputs[$0].tensor }
  }

  /// What was translated, for readers that look for more faults in it: what a layer at fault would have read counts as
  /// an output, since nobody looks at what leads nowhere.
  private func rest(_ outputs: [Int]) -> Network? {
    let read = Set(operations.flatMap(\.inputs).compactMap { $0 } + outputs)
    let unread = operations.flatMap(\.outputs).filter { !read.contains($0) }
    guard !operations.isEmpty else { return nil }
    let network = Network(
      name: name, tensors: tensors, operations: operations, inputs: inputTensors, outputs: outputs + unread,
      format: .onnx)
    return (try? network.validate()).map { network }
  }

  /// Which nodes the outputs depend on.
  private static func liveNodes(_ nodes: [ONNXNode], outputs: Set<String>) -> [Bool] {
    var isLive = [Bool](repeating: false, count: nodes.count)
    var wanted = outputs
    for (index, node) in nodes.enumerated().reversed() where node.outputs.contains(where: wanted.contains) {
      isLive[index] = true
      wanted.formUnion(node.inputs.filter { !$0.isEmpty })
    }
    return isLive
  }

  /// The shape that the file tells of a value, an open batch being 1; nil where it tells none.
  private static func fixedShape(of value: Lockstep_Onnx_ValueInfoProto) -> [Int]? {
    guard value.type.tensorType.hasShape else { return nil }
    var shape: [Int] = []
    for (axis, dimension) in value.type.tensorType.shape.dim.enumerated() {
      if case .dimValue(let size)? = dimension.value, size > 0 {
        shape.append(Int(size))
      } else if axis == 0 {
        shape.append(1)
      } else {
        return nil
      }
    }
    return elementCount(shape) == nil ? nil : shape
  }

  private mutating func translate(_ node: ONNXNode, index: Int) {
    // A node may become many operations: a small file must not fill the memory. The network's own check tells of it.
    guard operations.count <= Network.mostOperations else { return fail(node) }
    // What a node at fault would have made is at fault no more.
    if node.inputs.contains(where: { if case .failed = meanings[$0] { true } else { false } }) {
      return goOn(behind: node, index: index)
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
      report(error, node, index)
    }
  }

  private mutating func report(_ fault: NodeFault, _ node: ONNXNode, _ index: Int) {
    issues.append(
      LayerIssue(
        index: index, type: Self.typeName(of: node), name: node.outputs.first ?? "", reason: fault.reason,
        remedy: fault.remedy))
    fail(node)
  }

  /// What a node would have made is at fault no more; its shape may be known all the same.
  private mutating func fail(_ node: ONNXNode) {
    for output in node.outputs where !output.isEmpty {
      meanings[output] = .failed
      guesses[output] = node.inputs.compactMap { shape(of: $0) }.first
      guard shapes[output] == nil, Self.keepsShape.contains(node.type) || Self.broadcasts.contains(node.type) else { continue }
      let read = Self.broadcasts.contains(node.type) ? node.inputs.filter { !$0.isEmpty } : Array(node.inputs.prefix(1))
      let known = read.compactMap { input in meanings[input]?.view?.shape ?? shapes[input] }
      // One that is not known may be the larger.
      if known.count == read.count { shapes[output] = known.max { $0.reduce(1, *) < $1.reduce(1, *) } }
    }
  }

  /// Operators whose result has the shape of their largest input.
  private static let broadcasts: Set<String> = ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "PRelu"]

  /// Operators whose result has the shape of their first input.
  private static let keepsShape: Set<String> = [
    "Relu", "Clip", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Gelu",
    "Erf", "HardSigmoid", "HardSwish", "Mish", "Selu", "Softplus", "Exp", "Log", "Sqrt", "Abs", "Neg", "Reciprocal", "Cast",
    "BatchNormalization", "LayerNormalization", "InstanceNormalization", "GroupNormalization", "LpNormalization",
    "Softmax", "LogSoftmax", "Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "DequantizeLinear", "Identity",
    "Dropout", "CumSum", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Floor", "Ceil", "Round", "Sign",
  ]

  /// All faults are told at once: behind a node at fault a quantiser makes codes of its own, as an input would bring them,
  /// and operators that are not supported are said to be so wherever they stand.
  private mutating func goOn(behind node: ONNXNode, index: Int) {
    let before = self
    let isQuantizer = ["QuantizeLinear", "Quant", "IntQuant"].contains(node.type)
    if isQuantizer, let first = node.inputs.first, case .failed = meanings[first],
      let shape = shapes[first] ?? node.outputs.first.flatMap({ shapes[$0] })
    {
      meanings[first] = .input(index: inputs.count, StridedView(rowMajor: shape))
      inputs.append(ONNXInput(name: first, shape: shape, tensor: nil, origin: inputs.count))
      do throws(NodeFault) {
        try translate(node)
        meanings[first] = .failed
        return
      } catch {
        self = before
        return report(error, node, index)
      }
    }
    // With codes in the place of what is at fault, an operator says what it never takes, whatever it reads.
    for input in node.inputs where varying.contains(input) {
      if case .failed = meanings[input], let shape = shape(of: input) { meanings[input] = standIn(shape, for: node) }
    }
    do throws(NodeFault) {
      try translate(node)
      self = before
    } catch {
      self = before
      if error.isOfOperator { return report(error, node, index) }
    }
    fail(node)
  }

  private func shape(of value: String) -> [Int]? { meanings[value]?.view?.shape ?? shapes[value] ?? guesses[value] }

  private mutating func standIn(_ shape: [Int], for node: ONNXNode) -> ONNXMeaning {
    let tensor = addTensor(
      Tensor(name: "", shape: shape, type: .int8, quantization: Quantization(scales: [1], zeroPoints: [0])))
    let readsIntegers = node.type.hasPrefix("QLinear") || ["DequantizeLinear", "QGemm"].contains(node.type)
    return .codes(ONNXCodes(tensor: tensor, view: StridedView(rowMajor: shape), isReal: !readsIntegers))
  }

  private static func typeName(of node: ONNXNode) -> String {
    ["", "ai.onnx"].contains(node.domain)
      ? node.type.printable(60) : "\(node.domain.printable(60)).\(node.type.printable(60))"
  }

  // MARK: Inputs and outputs

  private mutating func addInput(_ input: Lockstep_Onnx_ValueInfoProto) {
    let place = "the network's input \"\(input.name.printable())\""
    guard readers[input.name] != nil || outputNames.contains(input.name) else {
      notices.append("the input \"\(input.name.printable())\" is read by no layer that the outputs depend on: it is left out")
      return
    }
    func fault(_ reason: String, _ remedy: String? = nil) {
      issues.append(LayerIssue(reason: "\(place) \(reason)", remedy: remedy))
      meanings[input.name] = .failed
    }
    let type = input.type.tensorType
    let fixing =
      "give it fixed sizes: python -m onnxruntime.tools.make_dynamic_shape_fixed --input_name NAME --input_shape 1,… "
      + "model.onnx fixed.onnx"
    guard type.hasShape else { return fault("has no shape", fixing) }
    var shape: [Int] = []
    for (axis, dimension) in type.shape.dim.enumerated() {
      // The open first axis is the batch: one sample.
      if case .dimValue(let size)? = dimension.value, size > 0 {
        shape.append(Int(size))
      } else if axis == 0 {
        shape.append(1)
        notices.append("the first axis of the input \"\(input.name.printable())\", the batch, is open in the file: it is taken as 1")
      } else {
        return fault("leaves the size of axis \(axis) open; only the batch, axis 0, may be open", fixing)
      }
    }
    guard elementCount(shape) != nil else {
      return fault("has the shape \(shape), more than \(Network.largestTensor) elements", fixing)
    }
    let view = StridedView(rowMajor: shape)
    var made = ONNXInput(name: input.name, shape: shape, tensor: nil, origin: inputs.count)
    if isFloat, ONNXElement.isInteger(type.elemType) {
      // Indices, or numbers that are cast to real ones.
      let tensor = addTensor(Tensor(name: input.name, shape: shape, type: .int32))
      made.tensor = tensor
      meanings[input.name] = .codes(ONNXCodes(tensor: tensor, view: view, isReal: false))
    } else if [6, 7].contains(type.elemType), choosesRows(input.name) {
      let tensor = addTensor(Tensor(name: input.name, shape: shape, type: .int32))
      made.tensor = tensor
      meanings[input.name] = .codes(ONNXCodes(tensor: tensor, view: view, isReal: false))
    } else if let codes = ONNXElement.codes(type.elemType) {
      // What the codes mean is told by whoever reads them.
      let tensor = addTensor(Tensor(name: input.name, shape: shape, type: codes))
      made.tensor = tensor
      meanings[input.name] = .codes(ONNXCodes(tensor: tensor, view: view, isReal: false))
    } else if isFloat, [1, 10, 11].contains(type.elemType) {
      let tensor = addTensor(Tensor(name: input.name, shape: shape, type: .float32))
      made.tensor = tensor
      meanings[input.name] = .codes(ONNXCodes(tensor: tensor, view: view, isReal: true))
    } else if [1, 10, 11].contains(type.elemType) {
      meanings[input.name] = .input(index: inputs.count, view)
    } else {
      return fault(
        "is \(ONNXElement.name(type.elemType)); real numbers, codes, and indices of a quantised table's rows (Gather) are "
          + "supported", "give the network real numbers, and cast in front of it")
    }
    inputs.append(made)
  }

  /// Whether an input of integers does nothing but choose rows: perhaps in another shape.
  private func choosesRows(_ name: String) -> Bool {
    guard let places = readers[name], !outputNames.contains(name) else { return false }
    return places.allSatisfy { place in
      let node = nodes[place]
      switch node.type {
      case "Gather": return node.inputs.firstIndex(of: name) == 1
      case "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity":
        return node.inputs.first == name && node.outputs.first.map(choosesRows) == true
      default: return false
      }
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
      do throws(NodeFault) {
        // Accumulators as they are, where nothing is done to them.
        if pending.isPlainSum {
          do throws(NodeFault) {
            return rowMajor(try accumulators(pending, name: output))
          } catch {
            // Behind a ReLU there may be no unit in which all keep their side of 0.
            guard pending.isRectified else { throw error }
          }
        }
        return rowMajor(try codes(ofReal: pending, name: output))
      } catch {
        return fault(
          pending.isPlainSum ? error.reason : "is the real result of \(pending.typeName), and \(error.reason)", error.remedy)
      }
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
    let bytes = [UInt8](littleEndian: integers, width: type.byteCount ?? 8)
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
    if let bytes = tensors[tensor].constant, let width = tensors[tensor].type.byteCount {
      // Constants are written down as they come to lie.
      let places = order.reduce([0]) { starts, axis in
        starts.flatMap { start in codes.view.offsets(along: axis).map { start + $0 } }
      }
      guard places != Array(0..<tensors[tensor].count) || tensors[tensor].shape != order.map({ shape[$0] }) else {
        return tensor
      }
      var lying = tensors[tensor]
      lying.shape = order.map { shape[$0] }
      lying.constant = places.flatMap { bytes[$0 * width..<($0 + 1) * width] }
      return addTensor(lying)
    }
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
        remedy: "make it a constant: here it depends on the network's input")
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
    if isFloat { return try real(node, position, role) }
    switch try meaning(node, position, role) {
    case .codes(let codes) where codes.isReal: return codes
    case .codes:
      throw NodeFault(
        "its \(role) is integers without scale",
        remedy: "put DequantizeLinear in front of it: quantize_static does with QuantFormat.QDQ")
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
        remedy: "put a quantiser (Quant or QuantizeLinear) behind the input: quantize_static does with QuantFormat.QDQ")
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
    var meaning = meaning
    if case .constant(let constant) = meaning { try spend(constant.count) }
    // A function of codes is called by the name of the last node that had a part in it.
    if case .pending(var pending) = meaning, case .codes = pending.base, !pending.functions.isEmpty {
      pending.typeName = Self.typeName(of: node)
      meaning = .pending(pending)
    }
    meanings[output] = meaning
    // What several nodes read is reckoned once.
    if isFloat, (readers[output]?.count ?? 0) + (outputNames.contains(output) ? 1 : 0) > 1 { try settle(output) }
  }

  mutating func spend(_ elements: Int) throws(NodeFault) {
    constantElements += elements
    guard constantElements <= Self.mostConstantElements else {
      throw NodeFault("it brings the constants' elements that nodes read and make to over \(Self.mostConstantElements)")
    }
  }

  // MARK: Nodes

  private mutating func translate(_ node: ONNXNode) throws(NodeFault) {
    if isFloat { try prepareFloat(node) }
    if try isLeftToTheCaller(node) { return }
    switch node.domain {
    case "", "ai.onnx":
      if try foldConstants(node) { return }
      if isFloat, try translateReal(node) { return }
      try translateStandard(node)
    case "qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general":
      try translateQONNX(node)
    case "com.microsoft":
      if isFloat, try translateReal(node) { return }
      try translateMicrosoft(node)
    default:
      throw NodeFault(
        "the operator domain \"\(node.domain.printable())\" is unknown",
        remedy: "export with ONNX's own operators, QONNX's Quant or ONNX Runtime's QLinear operators", isOfOperator: true)
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
    case "Gelu": try unary(node, .gelu(isApproximate: node.string("approximate", default: "none") == "tanh"))
    case "Erf": try unary(node, .errorFunction)
    case "Mish": try unary(node, .mish)
    case "Log": try unary(node, .logarithm)
    case "Sin": try unary(node, .sine)
    case "Cos": try unary(node, .cosine)
    case "Floor": try unary(node, .floor)
    case "Ceil": try unary(node, .ceiling)
    case "Round": try unary(node, .rounded)
    case "Pow": try power(node)
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
    case "ReduceMax": try reduceExtremum(node, isMaximum: true)
    case "ReduceMin": try reduceExtremum(node, isMaximum: false)
    case "ReduceSum": try reduceSum(node)
    case "ReduceProd": try reduceProduct(node)
    case "ReduceL1", "ReduceL2", "ReduceSumSquare": try reduceMagnitudes(node)
    case "ReduceLogSum", "ReduceLogSumExp":
      throw NodeFault(
        "the operator is not supported in quantised networks",
        remedy: "write it as \(node.type == "ReduceLogSum" ? "" : "Exp, ")ReduceSum and Log, with a quantiser behind each",
        isOfOperator: true)
    case "Sum", "Mean": try severalSum(node)
    case "Einsum": try einsum(node)
    case "GatherElements": try behindMovement(node) { translation throws(NodeFault) in try translation.gatherElements(node) }
    case "GatherND": try behindMovement(node) { translation throws(NodeFault) in try translation.gatherByPlaces(node) }
    case "Trilu": try triangle(node)
    case "CumSum": try cumulativeSum(node)
    case "Greater": try comparison(node, .greater)
    case "GreaterOrEqual": try comparison(node, .greaterOrEqual)
    case "Less": try comparison(node, .less)
    case "LessOrEqual": try comparison(node, .lessOrEqual)
    case "Where": try choice(node)
    case "Sign":
      try unary(
        node,
        .joined(
          .difference, [.joined(.compared(.greater), [], [.constant(0)])],
          [.joined(.compared(.less), [], [.constant(0)])]))
    case "Softsign": try unary(node, .joined(.quotient, [], [.absolute, .scaled(by: 1, plus: 1)]))
    case "ThresholdedRelu":
      let alpha = Double(node.float("alpha", default: 1))
      try unary(node, .chosen([.joined(.compared(.greater), [], [.constant(alpha)])], [], [.constant(0)]))
    case "Max": try extremum(node, isMaximum: true)
    case "Min": try extremum(node, isMaximum: false)
    case "PRelu": try parametricRelu(node)
    case "Selu":
      try unary(
        node, .elu(alpha: node.float("alpha", default: 1.67326)), .scaled(by: Double(node.float("gamma", default: 1.0507)), plus: 0))
    case "Celu":
      let alpha = Double(node.float("alpha", default: 1))
      try unary(node, .scaled(by: 1 / alpha, plus: 0), .elu(alpha: 1), .scaled(by: alpha, plus: 0))
    case "ConvTranspose": try transposedConvolution(node)
    case "Gather": try behindMovement(node) { translation throws(NodeFault) in try translation.gather(node) }
    case "Tile": try behindMovement(node) { translation throws(NodeFault) in try translation.tile(node) }
    case "Expand": try behindMovement(node) { translation throws(NodeFault) in try translation.expand(node) }
    case "Resize", "Upsample": try resize(node)
    case "DepthToSpace": try behindMovement(node) { translation throws(NodeFault) in try translation.depthToSpace(node) }
    case "SpaceToDepth": try behindMovement(node) { translation throws(NodeFault) in try translation.spaceToDepth(node) }
    case "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "LpNormalization",
      "SimplifiedLayerNormalization":
      try normalization(node)
    case "Identity", "Dropout": try set(node, meaning(node, 0, "input"))
    case "Cast": try cast(node)
    case "Flatten", "Reshape", "Squeeze", "Unsqueeze": try reshape(node)
    case "Transpose": try transpose(node)
    case "Concat": try concatenation(node)
    case "Pad": try pad(node)
    case "Slice": try behindMovement(node) { translation throws(NodeFault) in try translation.slice(node) }
    case "Split": try behindMovement(node) { translation throws(NodeFault) in try translation.split(node) }
    case "Softmax": try softmax(node)
    case "LogSoftmax", "ArgMax", "Hardmax", "TopK": try atTheEnd(node)
    case "QLinearConv": try qLinearConvolution(node)
    case "QLinearMatMul": try qLinearMatrixProduct(node)
    case "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger":
      throw NodeFault(
        "dynamic quantisation measures scales at run time, in floating point",
        remedy: "quantise statically (onnxruntime.quantization.quantize_static)", isOfOperator: true)
    case "LSTM", "GRU", "RNN":
      throw NodeFault(
        "it is real: no quantiser reaches inside it, and quantize_static quantises what stands around it alone",
        remedy: Self.recurrentRemedy, isOfOperator: true)
    case "If", "Loop", "Scan":
      throw NodeFault("control flow is not supported", remedy: "export one straight graph", isOfOperator: true)
    case "Constant": throw NodeFault("its value is of a kind that no operator here reads (text, or sparse)")
    default: throw unknown(node, isOfOperator: true)
    }
  }

  static let recurrentRemedy =
    "quantise the float model: lockstep quantize MODEL --to int8 --calibration FILE --output network.tflite"

  func unknown(_ node: ONNXNode, isOfOperator: Bool = false) -> NodeFault {
    NodeFault(
      "the operator is not supported", remedy: "the supported operators are listed by `lockstep inspect --operators`",
      isOfOperator: isOfOperator)
  }
}
