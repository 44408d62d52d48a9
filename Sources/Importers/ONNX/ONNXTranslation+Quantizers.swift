import Network

// Quant, BipolarQuant; QuantizeLinear, DequantizeLinear.
extension ONNXTranslation {
  mutating func translateQONNX(_ node: ONNXNode) throws(NodeFault) {
    switch node.type {
    case "Quant", "IntQuant": try quant(node)
    case "BipolarQuant": try bipolarQuant(node)
    case "QuantLSTMCell": try quantLSTM(node)
    default:
      throw NodeFault(
        "the operator is not supported", remedy: "of QONNX's operators, Quant, BipolarQuant and QuantLSTMCell are supported",
        isOfOperator: true)
    }
  }

  private static var severalScales: NodeFault {
    NodeFault(
      "it quantises activations with several scales", remedy: "only weights may have a scale a channel",
      isOfOperator: true)
  }

  /// −scale and scale.
  private mutating func bipolarQuant(_ node: ONNXNode) throws(NodeFault) {
    let x = try meaning(node, 0, "input")
    guard case .constant(let constant) = x else {
      guard let scale = try scales(node, 1, of: x.view?.shape ?? []).values.onlyOne else {
        throw Self.severalScales
      }
      return try set(node, .codes(bipolar(x, scale: scale, name: node.outputs.first ?? "")))
    }
    let scales = try scales(node, 1, of: constant.shape)
    let codes = constant.reals.map { $0 >= 0 ? Int64(1) : -1 }
    try set(node, .constant(quantizedConstant(constant.shape, codes, .integer(bits: 2, signed: true), scales, [0])))
  }

  /// Type, codes and rounding of a quantiser of so many bits, whose attributes' names begin with `prefix`.
  func quantizerCodes(
    _ node: ONNXNode, bits: Double, _ prefix: String = ""
  ) throws(NodeFault) -> (type: ElementType, codes: ClosedRange<Int64>, rounding: Quantizer.Rounding) {
    let isSigned = node.int("\(prefix)signed", default: 1) != 0
    let isNarrow = node.int("\(prefix)narrow", default: node.int("\(prefix)narrow_range", default: 0)) != 0
    let mode = node.string("\(prefix)rounding_mode", default: "ROUND")
    guard let rounding = Quantizer.Rounding(name: mode) else {
      throw NodeFault(
        "its rounding mode is \(mode.printable(40))",
        remedy: "known are \(Quantizer.Rounding.allCases.map(\.rawValue).joined(separator: ", "))", isOfOperator: true)
    }
    guard (1...32).contains(bits), bits == bits.rounded() else {
      throw NodeFault("its bit width is \(bits)", remedy: "use whole numbers of bits, 1 to 16", isOfOperator: true)
    }
    let type = ElementType.integer(bits: Int(bits), signed: isSigned)
    guard var codes = type.codes else { throw unknown(node) }
    if isNarrow { codes = isSigned ? -codes.upperBound...codes.upperBound : 0...codes.upperBound - 1 }
    guard codes.count > 1 else { throw NodeFault("its codes are \(codes): there is only one") }
    return (type, codes, rounding)
  }

  /// QONNX's Quant: `clamp(x / scale + zeropt)`, rounded, and back to real values.
  private mutating func quant(_ node: ONNXNode) throws(NodeFault) {
    let bits = try scalar(node, 3, "bit width")
    // QONNX's own executor takes it so.
    if bits == 1, node.int("signed", default: 1) != 0 { return try bipolarQuant(node) }
    let (type, codes, rounding) = try quantizerCodes(node, bits: bits)
    let x = try meaning(node, 0, "input")
    guard let shape = x.view?.shape else { throw unknown(node) }
    let scales = try scales(node, 1, of: shape)
    let zeroPoints = try axisNumbers(node, 2, of: shape)
    var points: [Int64] = []
    for real in zeroPoints.values {
      guard let point = Int64(exactly: real), type.codes?.contains(point) == true else {
        throw NodeFault("its zero point is \(real), no code of \(type)", remedy: "use whole zero points inside the codes")
      }
      points.append(point)
    }

    if case .constant(let constant) = x {
      guard scales.axis == zeroPoints.axis || zeroPoints.values.count == 1 else {
        throw NodeFault("its scales and zero points run along different axes")
      }
      let indices = axisIndices(constant.shape, scales.axis)
      let made = constant.reals.indices.map { element in
        let channel = indices(element)
        return Quantizer(rounding: rounding, roundsZeroPoint: true, codes: codes).codeOfConstant(
          constant.reals[element], scale: scales.values[scales.values.count == 1 ? 0 : channel],
          zeroPoint: points[points.count == 1 ? 0 : channel])
      }
      var quantized = quantizedConstant(constant.shape, made, type, scales, points)
      quantized.quantized?.isReal = true
      return try set(node, .constant(quantized))
    }
    guard scales.values.count == 1, zeroPoints.values.count == 1 else {
      throw Self.severalScales
    }
    guard bits <= 16 else {
      throw NodeFault(
        "it makes \(type) activations; 16 bits are the most", remedy: "use at most 16 bits here", isOfOperator: true)
    }
    let quantizer = ONNXQuantizer(
      scale: scales.values[0], zeroPoint: points[0], type: type, codes: codes, rounding: rounding,
      roundsZeroPoint: true)
    try set(node, .codes(quantized(x, quantizer, name: node.outputs.first ?? "")))
  }

  /// Scales or zero points: one, or one for each index along an axis of `shape`.
  struct AxisNumbers {
    var values: [Float]
    var axis: Int
  }

  /// The positive scales of a quantiser.
  func scales(_ node: ONNXNode, _ position: Int, of shape: [Int]) throws(NodeFault) -> AxisNumbers {
    let numbers = try axisNumbers(node, position, of: shape)
    if let scale = numbers.values.first(where: { !($0.isFinite && $0 > 0) }) {
      throw NodeFault("its scale is \(scale), which must be positive", isOfOperator: true)
    }
    return numbers
  }

  private func axisNumbers(_ node: ONNXNode, _ position: Int, of shape: [Int]) throws(NodeFault) -> AxisNumbers {
    let constant = try constant(node, position, position == 1 ? "scale" : "zero point")
    if let scalar = constant.scalar { return AxisNumbers(values: [Float(scalar)], axis: 0) }
    // NumPy's broadcasting: shapes are aligned at their ends.
    let wide = constant.shape.indices.filter { constant.shape[$0] != 1 }
    guard wide.count == 1 else {
      throw NodeFault(
        "its scales or zero points have the shape \(constant.shape); one a tensor or one a channel is supported")
    }
    let axis = wide[0] + shape.count - constant.shape.count
    guard shape.indices.contains(axis), shape[axis] == constant.count else {
      throw NodeFault("its scales or zero points have the shape \(constant.shape), which does not fit \(shape)")
    }
    return AxisNumbers(values: constant.reals.map { Float($0) }, axis: axis)
  }

  func quantizedConstant(
    _ shape: [Int], _ codes: [Int64], _ type: ElementType, _ scales: AxisNumbers, _ zeroPoints: [Int64]
  ) -> ONNXConstant {
    let index = axisIndices(shape, scales.axis)
    let reals = codes.indices.map { element -> Double in
      let channel = scales.values.count == 1 && zeroPoints.count == 1 ? 0 : index(element)
      let zeroPoint = zeroPoints[zeroPoints.count == 1 ? 0 : channel]
      return Double(codes[element] - zeroPoint) * Double(scales.values[scales.values.count == 1 ? 0 : channel])
    }
    return ONNXConstant(
      shape: shape, reals: reals, dataType: 1,
      quantized: QuantizedConstant(
        codes: codes, type: type,
        quantization: Quantization(scales: scales.values, zeroPoints: zeroPoints, axis: scales.axis)))
  }

  /// The index along `axis` of an element of a row-major tensor.
  private func axisIndices(_ shape: [Int], _ axis: Int) -> (Int) -> Int {
    guard shape.indices.contains(axis) else { return { _ in 0 } }
    let inner = shape[(axis + 1)...].reduce(1, *)
    let size = shape[axis]
    return { $0 / inner % size }
  }

  // MARK: QuantizeLinear and DequantizeLinear

  /// Scales and zero points as QuantizeLinear, DequantizeLinear and the QLinear operators give them, at `position` and
  /// after it; `type` is that of the zero point, or else of the codes.
  func linearQuantization(
    _ node: ONNXNode, _ position: Int, shape: [Int], axis: Int, type: ElementType?
  ) throws(NodeFault) -> (scales: AxisNumbers, zeroPoints: [Int64], type: ElementType) {
    let scales = try constant(node, position, "scale")
    var points = [Int64(0)]
    var type = type
    if node.hasInput(position + 1) {
      let zeroPoint = try constant(node, position + 1, "zero point")
      points = zeroPoint.integers.map { Int64($0) }
      if let codes = ONNXElement.codes(zeroPoint.dataType) { type = codes }
      guard points.count == scales.count || points.count == 1 else {
        throw NodeFault("it has \(scales.count) scales and \(points.count) zero points")
      }
    }
    guard node.int("block_size", default: 0) == 0 else {
      throw NodeFault("it is quantised in blocks", remedy: "quantise per tensor or per channel", isOfOperator: true)
    }
    let values = scales.reals.map { Float($0) }
    if let scale = values.first(where: { !($0.isFinite && $0 > 0) }) {
      throw NodeFault("its scale is \(scale), which must be positive", isOfOperator: true)
    }
    if Set(points).count == 1 { points = [points[0]] }
    let isOne = Set(values).count == 1
    let axis = axis < 0 ? axis + shape.count : axis
    guard isOne && points.count == 1 || shape.indices.contains(axis) && shape[axis] == values.count else {
      throw NodeFault("it has \(values.count) scales for axis \(axis) of the shape \(shape)")
    }
    let found = type ?? .uint8
    if let point = points.first(where: { found.codes?.contains($0) != true }) {
      throw NodeFault("its zero point \(point) is no code of \(found)")
    }
    return (
      AxisNumbers(values: isOne && points.count == 1 ? [values[0]] : values, axis: axis), points, found
    )
  }

  /// A quantiser of activations: one scale, ties to even.
  func linearQuantizer(
    _ node: ONNXNode, _ position: Int, type: ElementType? = nil
  ) throws(NodeFault) -> ONNXQuantizer {
    let (scales, points, type) = try linearQuantization(node, position, shape: [], axis: 0, type: type)
    guard scales.values.count == 1, let codes = type.codes else {
      throw Self.severalScales
    }
    return ONNXQuantizer(scale: scales.values[0], zeroPoint: points[0], type: type, codes: codes)
  }

  mutating func quantizeLinear(_ node: ONNXNode) throws(NodeFault) {
    let x = try meaning(node, 0, "input")
    let wanted = ONNXElement.codes(Int32(truncatingIfNeeded: node.int("output_dtype", default: 0)))
    if case .constant(let constant) = x {
      let (scales, points, type) = try linearQuantization(
        node, 1, shape: constant.shape, axis: node.int("axis", default: 1), type: wanted)
      let index = axisIndices(constant.shape, scales.axis)
      guard let range = type.codes else { throw unknown(node) }
      let quantizer = Quantizer(rounding: .halfEven, codes: range)
      let codes = constant.reals.indices.map { element in
        quantizer.codeOfConstant(
          constant.reals[element], scale: scales.values[scales.values.count == 1 ? 0 : index(element)],
          zeroPoint: points[points.count == 1 ? 0 : index(element)])
      }
      return try set(
        node,
        .constant(
          ONNXConstant(
            shape: constant.shape, reals: codes.map(Double.init), dataType: ONNXElement.dataType(of: type))))
    }
    var codes = try quantized(x, linearQuantizer(node, 1, type: wanted), name: node.outputs.first ?? "")
    codes.isReal = false
    try set(node, .codes(codes))
  }

  mutating func dequantizeLinear(_ node: ONNXNode) throws(NodeFault) {
    switch try meaning(node, 0, "input") {
    case .constant(let constant):
      let type = ONNXElement.codes(constant.dataType) ?? .int32
      guard constant.dataType != 1 else { throw NodeFault("its input is float32 already") }
      let (scales, points, _) = try linearQuantization(
        node, 1, shape: constant.shape, axis: node.int("axis", default: 1), type: type)
      try set(
        node, .constant(quantizedConstant(constant.shape, constant.integers.map(Int64.init), type, scales, points)))
    case .codes(let codes) where !codes.isReal:
      try set(
        node, .codes(interpreted(codes, linearQuantizer(node, 1, type: tensors[codes.tensor].type), node.inputs[0])))
    default: throw NodeFault("its input is no integers: only what a quantiser made can be dequantised")
    }
  }

  /// Integers as the real values that `quantizer` says they stand for.
  mutating func interpreted(
    _ codes: ONNXCodes, _ quantizer: ONNXQuantizer, _ name: String
  ) throws(NodeFault) -> ONNXCodes {
    var codes = codes
    codes.isReal = true
    let tensor = tensors[codes.tensor]
    guard tensor.type == quantizer.type else {
      throw NodeFault("it reads \(tensor.type) codes of \"\(name.printable())\" as \(quantizer.type)")
    }
    if tensor.quantization == nil {
      tensors[codes.tensor].quantization = quantizer.quantization
    } else if tensor.quantization != quantizer.quantization {
      // The same codes with another meaning.
      codes.tensor = move(.reshape(shape: nil), "DequantizeLinear", [codes.tensor], shape: tensor.shape, name: name)
      tensors[codes.tensor].quantization = quantizer.quantization
    }
    return codes
  }

  // MARK: Making codes

  /// The codes that `quantizer` makes of `meaning`.
  mutating func quantized(
    _ meaning: ONNXMeaning, _ quantizer: ONNXQuantizer, name: String
  ) throws(NodeFault) -> ONNXCodes {
    switch meaning {
    case .pending(let pending): return try quantized(pending, quantizer, name: name)
    case .codes(let codes):
      guard codes.isReal else {
        throw NodeFault("it quantises integers", remedy: "put DequantizeLinear in front of it")
      }
      // What is quantised so already stays as it is.
      if let made = self.quantizer(of: codes), made.scale == quantizer.scale, made.zeroPoint == quantizer.zeroPoint,
        made.type == quantizer.type, quantizer.codes == made.codes
      {
        return codes
      }
      let pending = ONNXPending(
        .codes(codes), typeName: quantizer.roundsZeroPoint ? "Quant" : "QuantizeLinear", view: codes.view,
        shape: tensors[codes.tensor].shape)
      return try quantized(pending, quantizer, name: name)
    case .input(let index, let view):
      return try inputCodes(index, view, quantizer)
    case .constant, .failed: throw NodeFault("its input is a constant")
    }
  }

  mutating func quantized(
    _ pending: ONNXPending, _ quantizer: ONNXQuantizer, name: String
  ) throws(NodeFault) -> ONNXCodes {
    if isFloat { return try settled(pending, name: name) }
    func output(_ shape: [Int]) -> Tensor {
      Tensor(name: name, shape: shape, type: quantizer.type, quantization: quantizer.quantization)
    }
    var rule = Quantizer(
      rounding: quantizer.rounding, roundsZeroPoint: quantizer.roundsZeroPoint, clamp: pending.clamp,
      codes: quantizer.codes)
    let kind: Operation.Kind
    var inputs: [Int?]
    switch pending.base {
    case .codes(let codes):
      kind = .unary(.composed(pending.functions))
      inputs = [codes.tensor]
      rule.clamp = -Double.infinity ... .infinity
    case .affine(let affine):
      kind = affine.kind
      inputs = try operands(of: affine, pending.typeName)
    case .combine(let operation, let left, let right):
      guard pending.stages.isEmpty else {
        throw NodeFault(
          "it scales or shifts what \(pending.typeName) makes of two tensors",
          remedy: "put a quantiser behind \(pending.typeName)")
      }
      kind = operation
      inputs = [left, right]
    case .rows(let operation, let tensor):
      kind = try pending.rowsKind(operation)
      inputs = [tensor]
    case .average(let tensor, let window, let height, let width):
      kind = .averagePool2D(window, height: height, width: width, .none)
      inputs = [tensor]
    case .averages(let tensor, let rows, let columns):
      let first = operations.count
      let made = averages(
        tensor, rows: rows, columns: columns, pending.typeName, quantizer, rule, name: name)
      for index in first..<operations.count {
        if case .averagePool2D = operations[index].kind { operations[index].stages = pending.stages }
      }
      return try finished(made, pending, name: name)
    case .choice(let condition, let parts, let order):
      let codes = try choice(condition, parts, order: order, pending, quantizer, name: name)
      return try pooled(codes, pending.pools, name: name)
    case .extremum(let parts, let isMaximum, let order):
      let codes = try extremum(parts, isMaximum: isMaximum, order: order, pending, quantizer, name: name)
      return try pooled(codes, pending.pools, name: name)
    case .concatenation(let parts, let axis, let order):
      // Quantising each part alone makes the same codes.
      var codes: [ONNXCodes] = []
      for (index, part) in parts.enumerated() {
        codes.append(try partCodes(part, clamp: pending.clamp, quantizer, name: "\(name)/\(index)"))
      }
      let tensor = try concatenated(codes, axis: axis, order: order, name: name)
      return try finished(tensor, pending, name: name)
    }
    let made = addTensor(output(pending.shape))
    var operation = Operation(kind, typeName: pending.typeName, inputs: inputs, outputs: [made], quantizer: rule)
    if case .rows = pending.base {} else { operation.stages = pending.tiled.stages }
    operations.append(operation)
    return try finished(made, pending, name: name)
  }

  /// What is done once codes are made: they are cut out, and pooled.
  mutating func finished(_ tensor: Int, _ pending: ONNXPending, name: String) throws(NodeFault) -> ONNXCodes {
    var codes = ONNXCodes(tensor: tensor, view: pending.view, isReal: true)
    if let crop = pending.crop {
      tensors[tensor].name += "/whole"
      codes = cropped(codes, crop, view: pending.view, name: name)
    }
    return try pooled(codes, pending.pools, name: name)
  }

  mutating func pooled(
    _ codes: ONNXCodes, _ pools: [ONNXPending.MaximumPool], name: String
  ) throws(NodeFault) -> ONNXCodes {
    var codes = codes
    for (index, pool) in pools.enumerated() {
      if index == 0 { tensors[codes.tensor].name += "/before MaxPool" }
      codes.tensor = pooled(codes.tensor, pool, name: index == pools.count - 1 ? name : nil)
    }
    return codes
  }

  /// Input, weights and integer bias of a dense layer or convolution.
  mutating func operands(of affine: ONNXAffine, _ name: String) throws(NodeFault) -> [Int?] {
    let weights = addConstant(
      "\(name) weights", affine.weights, affine.weightShape, affine.weightType,
      Quantization(scales: affine.scales, zeroPoints: affine.zeroPoints, axis: 0))
    guard let bias = affine.bias else { return [affine.input, weights] }
    guard bias.allSatisfy({ Int32(exactly: $0) != nil }) else { throw NodeFault("its bias needs more than 32 bits") }
    return [affine.input, weights, addConstant("\(name) bias", bias, [affine.channels], .int32)]
  }
}

extension Array {
  /// The element, where there is just one.
  fileprivate var onlyOne: Element? { count == 1 ? first : nil }
}
