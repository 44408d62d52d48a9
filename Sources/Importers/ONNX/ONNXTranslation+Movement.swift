import Network

// Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Concat, Pad, Slice, Split, Cast.
extension ONNXTranslation {
  mutating func reshape(_ node: ONNXNode) throws(NodeFault) {
    let x = try meaning(node, 0, "input")
    guard let view = x.view else { throw unknown(node) }
    let shape = try newShape(node, view.shape)
    guard let count = elementCount(shape), count == view.count else {
      throw NodeFault("it makes \(shape) of \(view.shape): the number of elements changes")
    }
    if case .constant(var constant) = x {
      // The axis of scales moves with the sizes around it.
      if var quantized = constant.quantized, quantized.quantization.scales.count > 1 {
        let old = quantized.quantization.axis
        let before = constant.shape[..<old].reduce(1, *)
        guard
          let axis = shape.indices.first(where: {
            shape[..<$0].reduce(1, *) == before && shape[$0] == constant.shape[old]
          })
        else { throw NodeFault("it reshapes the channels of a quantised constant") }
        quantized.quantization.axis = axis
        constant.quantized = quantized
      }
      constant.shape = shape
      return try set(node, .constant(constant))
    }
    if let reshaped = view.reshaped(to: shape) { return try set(node, x.with(reshaped)) }
    if isFloat { try settle(node.inputs[0]) }
    guard case .codes(var codes) = try meaning(node, 0, "input") else {
      throw NodeFault("it reorders what is not quantised yet", remedy: "put a quantiser in front of it")
    }
    codes.tensor = rowMajor(codes)
    codes.view = StridedView(rowMajor: shape)
    try set(node, .codes(codes))
  }

  private func newShape(_ node: ONNXNode, _ old: [Int]) throws(NodeFault) -> [Int] {
    func axes() throws(NodeFault) -> [Int] {
      try node.hasInput(1) ? constant(node, 1, "axes").integers : node.ints("axes") ?? []
    }
    switch node.type {
    case "Flatten":
      let axis = node.int("axis", default: 1)
      let place = axis < 0 ? axis + old.count : axis
      guard (0...old.count).contains(place) else { throw NodeFault("its axis \(axis) does not exist in \(old)") }
      return [old[..<place].reduce(1, *), old[place...].reduce(1, *)]
    case "Squeeze":
      let removed = try axes().map { $0 < 0 ? $0 + old.count : $0 }
      guard removed.allSatisfy({ old.indices.contains($0) && old[$0] == 1 }) else {
        throw NodeFault("it removes the axes \(removed) of \(old), which must be of size 1")
      }
      return old.indices.filter { removed.isEmpty ? old[$0] != 1 : !removed.contains($0) }.map { old[$0] }
    case "Unsqueeze":
      let listed = try axes()
      let rank = old.count + listed.count
      let added = Set(listed.map { $0 < 0 ? $0 + rank : $0 })
      guard added.count == listed.count, rank <= 16, added.allSatisfy({ (0..<rank).contains($0) }) else {
        throw NodeFault("its axes \(listed) do not exist in rank \(rank)")
      }
      var rest = old[...]
      return (0..<rank).map { added.contains($0) ? 1 : rest.removeFirst() }
    default:
      var shape = try node.hasInput(1) ? constant(node, 1, "shape").integers : node.ints("shape") ?? []
      guard shape.count <= 16, shape.count(where: { $0 == -1 }) <= 1, shape.allSatisfy({ $0 >= -1 }) else {
        throw NodeFault("its shape is \(shape)")
      }
      if node.int("allowzero", default: 0) == 0 {
        for axis in shape.indices where shape[axis] == 0 {
          guard axis < old.count else { throw NodeFault("its shape \(shape) keeps an axis that \(old) has not") }
          shape[axis] = old[axis]
        }
      }
      if let open = shape.firstIndex(of: -1) {
        shape[open] = 1
        guard let known = elementCount(shape), known > 0 else { throw NodeFault("its shape is \(shape)") }
        shape[open] = old.reduce(1, *) / known
      }
      return shape
    }
  }

  mutating func transpose(_ node: ONNXNode) throws(NodeFault) {
    let x = try meaning(node, 0, "input")
    guard let view = x.view else { throw unknown(node) }
    let permutation = node.ints("perm") ?? Array(view.axes.indices.reversed())
    guard permutation.sorted() == Array(view.axes.indices) else {
      throw NodeFault("its permutation \(permutation) does not name each axis of \(view.shape) once")
    }
    guard case .constant(let constant) = x else { return try set(node, x.with(view.transposed(permutation))) }
    let offsets = (0..<view.axes.count).map { view.offsets(along: $0) }
    let order = permutation.reduce([0]) { starts, axis in starts.flatMap { start in offsets[axis].map { start + $0 } } }
    var made = constant
    made.shape = permutation.map { constant.shape[$0] }
    made.reals = order.map { constant.reals[$0] }
    if var quantized = constant.quantized {
      quantized.codes = order.map { quantized.codes[$0] }
      quantized.quantization.axis = permutation.firstIndex(of: quantized.quantization.axis) ?? 0
      made.quantized = quantized
    }
    try set(node, .constant(made))
  }

  mutating func cast(_ node: ONNXNode) throws(NodeFault) {
    let x = try meaning(node, 0, "input")
    let type = Int32(truncatingIfNeeded: node.int("to", default: 1))
    switch x {
    case .constant(var constant):
      if ![1, 10, 11].contains(type) { constant.reals = constant.reals.map { $0.rounded(.towardZero) } }
      constant.dataType = type
      constant.quantized = nil
      try set(node, .constant(constant))
    case .codes(let codes) where codes.isReal == [1, 10, 11].contains(type): try set(node, x)
    case .codes(let codes) where [1, 10, 11].contains(type) && !codes.isReal:
      // Integers as the real numbers that they are.
      guard let range = tensors[codes.tensor].type.codes, range.contains(0) else { throw unknown(node) }
      let itself = ONNXQuantizer(scale: 1, zeroPoint: 0, type: tensors[codes.tensor].type, codes: range)
      try set(node, .codes(interpreted(codes, itself, node.inputs[0])))
    case .pending where [1, 10, 11].contains(type): try set(node, x)
    case .input where [1, 10, 11].contains(type): try set(node, x)
    default:
      throw NodeFault("it casts codes to \(ONNXElement.name(type))", remedy: "use DequantizeLinear or QuantizeLinear")
    }
  }

  // MARK: Concat

  mutating func concatenation(_ node: ONNXNode) throws(NodeFault) {
    var parts: [ONNXMeaning] = []
    for position in node.inputs.indices {
      let part = try meaning(node, position, "input")
      switch part {
      case .codes, .pending, .constant: parts.append(part)
      default:
        throw NodeFault(
          "its input \(position) is the network's float input, not quantised",
          remedy: "put a quantiser (Quant or QuantizeLinear) behind the input")
      }
    }
    shareCodes(&parts)
    let pending = try joined(node, parts, axis: node.int("axis", default: 0))
    // Codes that mean the same are joined as they are.
    var codes: [ONNXCodes] = []
    for case .codes(let part) in parts { codes.append(part) }
    if codes.count == parts.count, let first = codes.first,
      codes.allSatisfy({
        tensors[$0.tensor].quantization == tensors[first.tensor].quantization
          && tensors[$0.tensor].type == tensors[first.tensor].type && $0.isReal == first.isReal
      }), case .concatenation(_, let axis, let order) = pending.base
    {
      let tensor = try concatenated(codes, axis: axis, order: order, name: node.outputs.first ?? "")
      return try set(node, .codes(ONNXCodes(tensor: tensor, view: pending.view, isReal: first.isReal)))
    }
    try set(node, .pending(pending))
  }

  /// Constants whose codes mean the same as those of the activations beside them are such codes.
  private mutating func shareCodes(_ parts: inout [ONNXMeaning]) {
    var found: (type: ElementType, quantization: Quantization?, isReal: Bool)?
    for case .codes(let codes) in parts { found = (tensors[codes.tensor].type, tensors[codes.tensor].quantization, codes.isReal) }
    guard let found else { return }
    for (place, part) in parts.enumerated() {
      guard case .constant(let constant) = part else { continue }
      var integers: [Int64]?
      if found.isReal, let quantized = constant.quantized, quantized.type == found.type,
        quantized.quantization.scales == found.quantization?.scales,
        quantized.quantization.zeroPoints == found.quantization?.zeroPoints
      {
        integers = quantized.codes
      } else if !found.isReal, ONNXElement.codes(constant.dataType) == found.type {
        integers = constant.integers.map(Int64.init)
      }
      guard let integers else { continue }
      let tensor = addConstant("Concat constant", integers, constant.shape, found.type, found.quantization)
      parts[place] = .codes(
        ONNXCodes(tensor: tensor, view: StridedView(rowMajor: constant.shape), isReal: found.isReal))
    }
  }

  /// The parts along an axis, to be quantised one by one.
  func joined(_ node: ONNXNode, _ parts: [ONNXMeaning], axis: Int) throws(NodeFault) -> ONNXPending {
    let views = parts.compactMap(\.view)
    guard let first = views.first, views.count == parts.count else { throw NodeFault("it has no input") }
    let rank = first.axes.count
    let axis = axis < 0 ? axis + rank : axis
    guard (0..<rank).contains(axis), views.allSatisfy({ $0.axes.count == rank }),
      views.allSatisfy({ view in (0..<rank).allSatisfy { $0 == axis || view.shape[$0] == first.shape[$0] } })
    else { throw NodeFault("its inputs' shapes, \(views.map(\.shape)), do not join along axis \(axis)") }
    for case .pending(let part) in parts {
      if case .concatenation = part.base {
        throw NodeFault("it joins what Concat has joined already", remedy: "put a quantiser behind the first Concat")
      }
    }
    var shape = first.shape
    shape[axis] = views.reduce(0) { $0 + $1.shape[axis] }
    guard elementCount(shape) != nil else { throw NodeFault("it makes \(shape)") }
    // Images stay batch, height, width, channels in memory.
    let images = [0, 2, 3, 1]
    let order = rank == 4 && views.allSatisfy { $0.lies(inMemory: images) } ? images : Array(0..<rank)
    return ONNXPending(
      .concatenation(parts, axis: axis, order: order), typeName: node.type,
      view: StridedView(shape: shape, inMemory: order), shape: order.map { shape[$0] })
  }

  mutating func concatenated(
    _ parts: [ONNXCodes], axis: Int, order: [Int], name: String
  ) throws(NodeFault) -> Int {
    let tensors = parts.map { arranged($0, order) }
    guard let place = order.firstIndex(of: axis), let first = tensors.first else { throw NodeFault("it joins nothing") }
    var shape = self.tensors[first].shape
    shape[place] = tensors.reduce(0) { $0 + self.tensors[$1].shape[place] }
    return move(.concatenation(axis: place, .none), "Concat", tensors, shape: shape, name: name)
  }

  // MARK: Pad, Slice, Split

  /// The input's codes, the order in which its axes lie in memory, and a tensor of that shape.
  static func notQuantised(_ pending: ONNXPending) -> NodeFault {
    NodeFault(
      "its input is the real result of \(pending.typeName), which no quantiser makes codes of",
      remedy: "put a quantiser between \(pending.typeName) and it (quantize_static: name \(pending.typeName) among "
        + "op_types_to_quantize)")
  }

  /// What only moves elements may as well move the codes that functions, which are taken of each alone, follow.
  mutating func behindMovement(
    _ node: ONNXNode, _ translate: (inout ONNXTranslation) throws(NodeFault) -> Void
  ) throws(NodeFault) {
    guard !isFloat, node.hasInput(0), case .pending(let pending)? = meanings[node.inputs[0]],
      case .codes(let codes) = pending.base, pending.pools.isEmpty, pending.stages.isEmpty, pending.crop == nil
    else { return try translate(&self) }
    meanings[node.inputs[0]] = .codes(codes)
    defer { meanings[node.inputs[0]] = .pending(pending) }
    try translate(&self)
    for output in node.outputs {
      guard case .codes(let made)? = meanings[output] else { continue }
      var moved = pending
      moved.base = .codes(made)
      (moved.view, moved.shape) = (made.view, tensors[made.tensor].shape)
      meanings[output] = .pending(moved)
    }
  }

  mutating func inMemory(_ node: ONNXNode) throws(NodeFault) -> (codes: ONNXCodes, order: [Int], tensor: Int) {
    let codes = try movable(node)
    let images = [0, 2, 3, 1]
    let rank = codes.view.axes.count
    let order = rank == 4 && codes.view.lies(inMemory: images) ? images : Array(0..<rank)
    return (codes, order, arranged(codes, order))
  }

  /// The codes that a node moves.
  mutating func movable(_ node: ONNXNode) throws(NodeFault) -> ONNXCodes {
    if isFloat { try settle(node.inputs[0]) }
    switch try meaning(node, 0, "input") {
    case .codes(let codes): return codes
    case .input(let index, let view):
      // What only moves elements may as well move those that the quantiser behind it makes.
      guard let quantizer = quantizerBehind(node) else {
        throw NodeFault(
          "its input is the network's float input, not quantised",
          remedy: "put QuantizeLinear and DequantizeLinear behind the input: quantize_static does with QuantFormat.QDQ")
      }
      return try inputCodes(index, view, quantizer)
    case .pending(let pending):
      guard let quantizer = quantizerBehind(node) else { throw ONNXTranslation.notQuantised(pending) }
      return try quantized(pending, quantizer, name: node.inputs[0])
    default: throw NodeFault("its input is not quantised", remedy: "put a quantiser in front of it")
    }
  }

  mutating func pad(_ node: ONNXNode) throws(NodeFault) {
    let mode = node.string("mode", default: "constant")
    if ["reflect", "edge", "wrap"].contains(mode) { return try padByImage(node, mode: mode) }
    guard mode == "constant" else {
      throw NodeFault(
        "it pads in the mode \(mode.printable(40))", remedy: "pad with a constant, or in the mode reflect, edge or wrap",
        isOfOperator: true)
    }
    var (codes, order, tensor) = try inMemory(node)
    let shape = codes.view.shape
    let listed = try node.hasInput(1) ? constant(node, 1, "padding amounts").integers : node.ints("pads") ?? []
    let axes =
      try node.hasInput(3)
      ? constant(node, 3, "axes").integers.map { $0 < 0 ? $0 + shape.count : $0 }
      : Array(shape.indices)
    guard listed.count == 2 * axes.count, axes.allSatisfy({ shape.indices.contains($0) }),
      listed.allSatisfy({ (0...1 << 16).contains($0) })
    else { throw NodeFault("its padding amounts \(listed) do not fit \(shape), or are negative") }
    let value = node.hasInput(2) ? try scalar(node, 2, "padding value") : Double(node.float("value", default: 0))
    var filling = fillingCode(value, codes)
    if filling == nil, codes.isReal, let quantizer = quantizerBehind(node), !value.isNaN {
      // It is a code behind the quantiser that follows: what is padded is quantised first.
      codes = try quantized(.codes(codes), quantizer, name: "\(node.outputs.first ?? "")/unpadded")
      tensor = arranged(codes, order)
      filling = Quantizer(
        rounding: quantizer.rounding, roundsZeroPoint: quantizer.roundsZeroPoint, codes: quantizer.codes
      ).codeOfConstant(value, scale: quantizer.scale, zeroPoint: quantizer.zeroPoint)
    }
    guard let code = filling else {
      throw NodeFault(
        "its padding value \(value) is no code of its input", remedy: "put a quantiser behind it as well, or pad with 0")
    }
    let quantization = tensors[codes.tensor].quantization
    var amounts = [Int](repeating: 0, count: 2 * shape.count)
    for (index, axis) in axes.enumerated() {
      let place = order.firstIndex(of: axis) ?? 0
      amounts[2 * place] = listed[index]
      amounts[2 * place + 1] = listed[axes.count + index]
    }
    let padded = order.indices.map { tensors[tensor].shape[$0] + amounts[2 * $0] + amounts[2 * $0 + 1] }
    guard elementCount(padded) != nil else { throw NodeFault("it makes \(padded)") }
    // Real values are padded with zero where no more is said.
    let filler = isFloat
      ? value == 0 ? nil : addReals("padding value", [Float(value)], [1])
      : addConstant("padding value", [code], [1], tensors[tensor].type, quantization)
    let made = self.padded(tensor, amounts, shape: padded, fill: filler, name: node.outputs.first)
    try set(node, .codes(lying(made, order, like: codes)))
  }

  /// The code of a padding value; nil where it is none. Real values of float networks have none, and need none.
  private func fillingCode(_ value: Double, _ codes: ONNXCodes) -> Int64? {
    if isFloat { return value.isNaN ? nil : 0 }
    let quantization = tensors[codes.tensor].quantization
    let fill =
      codes.isReal ? value / Double(quantization?.scales[0] ?? 1) + Double(quantization?.zeroPoints[0] ?? 0) : value
    guard abs(fill - fill.rounded()) < 1e-4, let code = Int64(exactly: fill.rounded()),
      tensors[codes.tensor].type.codes?.contains(code) == true
    else { return nil }
    return code
  }

  /// Operators that only move elements, whose quantisers might as well stand in front of them.
  private static let movements: Set<String> = [
    "Pad", "Slice", "Gather", "GatherElements", "GatherND", "Tile", "Expand", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity",
    "DepthToSpace", "SpaceToDepth",
  ]

  /// The one quantiser that all go through that read what a node makes, movement aside; nil where there is none.
  func quantizerBehind(_ node: ONNXNode) -> ONNXQuantizer? {
    guard !isFloat, node.outputs.count == 1, let output = node.outputs.first, !outputNames.contains(output) else { return nil }
    var names = [output]
    var found: Set<ONNXQuantizer> = []
    while let name = names.popLast() {
      guard let places = readers[name], !outputNames.contains(name) else { return nil }
      for place in places {
        let reader = nodes[place]
        guard reader.inputs.first == name else { return nil }
        if reader.type == "QuantizeLinear" {
          let wanted = ONNXElement.codes(Int32(truncatingIfNeeded: reader.int("output_dtype", default: 0)))
          guard let quantizer = try? linearQuantizer(reader, 1, type: wanted) else { return nil }
          found.insert(quantizer)
        } else if Self.movements.contains(reader.type), names.count < 1 << 10 {
          names += reader.outputs.prefix(1)
        } else {
          return nil
        }
      }
    }
    return found.count == 1 ? found.first : nil
  }

  /// A tensor whose shape is that of the axes in memory order, seen in the file's order.
  func lying(_ tensor: Int, _ order: [Int], like codes: ONNXCodes) -> ONNXCodes {
    var shape = [Int](repeating: 1, count: order.count)
    for (place, axis) in order.enumerated() { shape[axis] = tensors[tensor].shape[place] }
    return ONNXCodes(tensor: tensor, view: StridedView(shape: shape, inMemory: order), isReal: codes.isReal)
  }

  mutating func slice(_ node: ONNXNode) throws(NodeFault) {
    let (codes, order, tensor) = try inMemory(node)
    let shape = codes.view.shape
    func numbers(_ position: Int, _ attribute: String) throws(NodeFault) -> [Int]? {
      try node.hasInput(position) ? constant(node, position, attribute).integers : node.ints(attribute)
    }
    guard let starts = try numbers(1, "starts"), let ends = try numbers(2, "ends") else {
      throw NodeFault("its starts or ends are missing")
    }
    let axes = (try numbers(3, "axes") ?? Array(starts.indices)).map { $0 < 0 ? $0 + shape.count : $0 }
    let steps = try numbers(4, "steps") ?? Array(repeating: 1, count: starts.count)
    guard starts.count == ends.count, starts.count == axes.count, starts.count == steps.count,
      Set(axes).count == axes.count, axes.allSatisfy({ shape.indices.contains($0) }), !steps.contains(0)
    else { throw NodeFault("its starts \(starts), ends \(ends), axes \(axes) and steps \(steps) do not fit \(shape)") }
    if steps.contains(where: { $0 < 0 }) {
      // Backwards.
      var maps: [Int: [Int]] = [:]
      for (index, axis) in axes.enumerated() {
        let places = ONNXEvaluator.slice(shape[axis], starts[index], ends[index], steps[index])
        guard !places.isEmpty else { throw NodeFault("its slice of axis \(axis) is empty") }
        maps[axis] = places
      }
      return try set(node, .codes(taken(node, from: (codes, order, tensor), along: maps)))
    }
    var bounds = shape.map { (start: 0, end: $0, step: 1) }
    for (index, axis) in axes.enumerated() {
      func bounded(_ place: Int) -> Int { min(max(place < 0 ? place + shape[axis] : place, 0), shape[axis]) }
      bounds[axis] = (bounded(starts[index]), bounded(ends[index]), min(steps[index], shape[axis]))
      guard bounds[axis].start < bounds[axis].end else { throw NodeFault("its slice of axis \(axis) is empty") }
    }
    let made = sliced(tensor, order.map { bounds[$0] }, node.type, name: node.outputs.first)
    try set(node, .codes(lying(made, order, like: codes)))
  }

  mutating func sliced(
    _ tensor: Int, _ bounds: [(start: Int, end: Int, step: Int)], _ typeName: String, name: String?
  ) -> Int {
    let lists = [bounds.map(\.start), bounds.map(\.end), bounds.map(\.step)].map {
      addConstant("bounds", $0.map(Int64.init), [bounds.count], .int32)
    }
    let masks = SliceMasks(begin: 0, end: 0, ellipsis: 0, newAxis: 0, shrinkAxis: 0, isOffset: false)
    return move(
      .stridedSlice(masks), typeName, [tensor] + lists,
      shape: bounds.map { ($0.end - $0.start + $0.step - 1) / $0.step },
      name: name)
  }

  mutating func split(_ node: ONNXNode) throws(NodeFault) {
    let (codes, order, tensor) = try inMemory(node)
    let shape = codes.view.shape
    let axis =
      node.int("axis", default: 0) < 0 ? node.int("axis", default: 0) + shape.count : node.int("axis", default: 0)
    guard shape.indices.contains(axis), !node.outputs.isEmpty else {
      throw NodeFault("its axis \(axis) does not exist")
    }
    let part = (shape[axis] + node.outputs.count - 1) / node.outputs.count
    let listed = try node.hasInput(1) ? constant(node, 1, "sizes").integers : node.ints("split")
    let sizes = listed ?? node.outputs.indices.map { min(part, shape[axis] - $0 * part) }
    guard sizes.count == node.outputs.count, sizes.allSatisfy({ (1...shape[axis]).contains($0) }),
      sizes.reduce(0, +) == shape[axis]
    else { throw NodeFault("it splits \(shape[axis]) elements into \(sizes)") }
    var start = 0
    for (output, size) in zip(node.outputs, sizes) {
      var bounds = shape.map { (start: 0, end: $0, step: 1) }
      bounds[axis] = (start, start + size, 1)
      let made = sliced(tensor, order.map { bounds[$0] }, node.type, name: output)
      meanings[output] = .codes(lying(made, order, like: codes))
      start += size
    }
  }
}
