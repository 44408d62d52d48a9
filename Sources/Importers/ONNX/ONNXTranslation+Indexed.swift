import Network

// Gather with constant indices, Tile, Expand, Resize to the nearest, Pad by what the image holds: along each axis, elements
// are taken by index.
extension ONNXTranslation {
  /// The elements at the given indices along axes of the file's shape, all along the others.
  mutating func taken(
    _ node: ONNXNode, from position: (codes: ONNXCodes, order: [Int], tensor: Int), along maps: [Int: [Int]]
  ) throws(NodeFault) -> ONNXCodes {
    let (codes, order, tensor) = position
    let shape = tensors[tensor].shape
    let inMemory = order.enumerated().map { place, axis in maps[axis] ?? Array(0..<shape[place]) }
    guard elementCount(inMemory.map(\.count)) != nil, inMemory.allSatisfy({ !$0.isEmpty }) else {
      throw NodeFault("it makes \(maps.mapValues(\.count)) elements along its axes")
    }
    guard inMemory.indices.contains(where: { inMemory[$0] != Array(0..<shape[$0]) }) else {
      return lying(tensor, order, like: codes)
    }
    let made = move(
      .indexed(inMemory), node.type, [tensor], shape: inMemory.map(\.count), name: node.outputs.first)
    return lying(made, order, like: codes)
  }

  mutating func gather(_ node: ONNXNode) throws(NodeFault) {
    if case .codes(let rows) = try meaning(node, 1, "indices"), !rows.isReal, tensors[rows.tensor].type == .int32 {
      return try chooseRows(node, rows)
    }
    guard case .constant(let indices) = try meaning(node, 1, "indices") else {
      throw NodeFault(
        "its indices are computed at run time", remedy: "gather with constant indices, or look the rows up before the network")
    }
    if case .constant = try meaning(node, 0, "input") { throw unknown(node) }
    let input = try inMemory(node)
    let shape = input.codes.view.shape
    let axis = node.int("axis", default: 0) < 0 ? node.int("axis", default: 0) + shape.count : node.int("axis", default: 0)
    guard shape.indices.contains(axis), indices.count > 0 else { throw NodeFault("its axis \(axis) does not exist in \(shape)") }
    let places = indices.integers.map { $0 < 0 ? $0 + shape[axis] : $0 }
    guard places.allSatisfy({ (0..<shape[axis]).contains($0) }) else {
      throw NodeFault("it gathers elements that do not exist along axis \(axis) of \(shape)")
    }
    var codes = try taken(node, from: input, along: [axis: places])
    // The axis becomes those of the indices.
    let made = Array(shape[..<axis]) + indices.shape + Array(shape[(axis + 1)...])
    if let view = codes.view.reshaped(to: made) {
      codes.view = view
    } else {
      codes.tensor = rowMajor(codes)
      codes.view = StridedView(rowMajor: made)
    }
    try set(node, .codes(codes))
  }

  /// The rows of a quantised table that an input of indices chooses.
  private mutating func chooseRows(_ node: ONNXNode, _ indices: ONNXCodes) throws(NodeFault) {
    let remedy = "quantise the table (quantize_static does), with one scale; or quantise the float model with lockstep quantize"
    guard case .constant(let table) = try meaning(node, 0, "table") else {
      throw NodeFault("indices that are no constants choose among what is reckoned", remedy: remedy)
    }
    let axis = node.int("axis", default: 0)
    let along = axis < 0 ? axis + table.shape.count : axis
    guard table.shape.indices.contains(along) else { throw NodeFault("its axis \(axis) does not exist in \(table.shape)") }
    let made = Array(table.shape[..<along]) + indices.view.shape + Array(table.shape[(along + 1)...])
    guard elementCount(made) != nil else { throw NodeFault("it makes \(made)") }
    // Codes without scale are told their meaning later.
    let isReal = table.quantized != nil
    let type = table.quantized?.type ?? ONNXElement.codes(table.dataType)
    let quantization = table.quantized?.quantization ?? Quantization(scales: [1], zeroPoints: [0])
    guard let type, quantization.scales.count == 1, quantization.zeroPoints.count == 1 else {
      throw NodeFault("its table is real, or has several scales", remedy: remedy)
    }
    let codes = table.quantized?.codes ?? table.integers.map(Int64.init)
    let rows = addConstant(node.inputs[0], codes, table.shape, type, quantization)
    let output = addTensor(
      Tensor(name: node.outputs.first ?? "", shape: made, type: type, quantization: quantization))
    operations.append(
      Operation(
        .gather(axis: along, batchDimensions: 0), typeName: node.type, inputs: [rows, rowMajor(indices)],
        outputs: [output]))
    try set(node, .codes(ONNXCodes(tensor: output, view: StridedView(rowMajor: made), isReal: isReal)))
  }

  mutating func tile(_ node: ONNXNode) throws(NodeFault) {
    let input = try inMemory(node)
    let shape = input.codes.view.shape
    let repeats = try constant(node, 1, "repeats").integers
    guard repeats.count == shape.count, repeats.allSatisfy({ (1...1 << 20).contains($0) }),
      elementCount(zip(shape, repeats).map { $0 * $1 }) != nil
    else { throw NodeFault("it repeats \(shape) \(repeats) times") }
    var maps: [Int: [Int]] = [:]
    for (axis, times) in repeats.enumerated() where times > 1 {
      maps[axis] = (0..<shape[axis] * times).map { $0 % shape[axis] }
    }
    try set(node, .codes(taken(node, from: input, along: maps)))
  }

  mutating func expand(_ node: ONNXNode) throws(NodeFault) {
    var x = try meaning(node, 0, "input")
    if isFloat { try settle(node.inputs[0]); x = try meaning(node, 0, "input") }
    guard case .codes(var codes) = x else {
      throw NodeFault("its input is not quantised", remedy: "put a quantiser in front of it")
    }
    let wanted = try constant(node, 1, "shape").integers
    let rank = max(wanted.count, codes.view.axes.count)
    let (old, new) = (
      Array(repeating: 1, count: rank - codes.view.axes.count) + codes.view.shape,
      Array(repeating: 1, count: rank - wanted.count) + wanted
    )
    guard let view = codes.view.reshaped(to: old), rank <= 16,
      (0..<rank).allSatisfy({ old[$0] == new[$0] || old[$0] == 1 || new[$0] == 1 }), elementCount(new) != nil
    else { throw NodeFault("it brings \(codes.view.shape) to \(wanted), which do not broadcast") }
    codes.view = view
    let images = [0, 2, 3, 1]
    let order = rank == 4 && view.lies(inMemory: images) ? images : Array(0..<rank)
    var maps: [Int: [Int]] = [:]
    for axis in 0..<rank where old[axis] == 1 && new[axis] > 1 { maps[axis] = Array(repeating: 0, count: new[axis]) }
    let input = (codes: codes, order: order, tensor: arranged(codes, order))
    try set(node, .codes(taken(node, from: input, along: maps)))
  }

  // MARK: Pad by what the image holds

  /// The modes reflect, edge and wrap; negative amounts cut off.
  mutating func padByImage(_ node: ONNXNode, mode: String) throws(NodeFault) {
    let input = try inMemory(node)
    let shape = input.codes.view.shape
    var maps: [Int: [Int]] = [:]
    for (axis, before, after) in try padding(node, shape) where before != 0 || after != 0 {
      let size = shape[axis]
      guard -before < size + after else { throw NodeFault("it cuts off all of axis \(axis) of \(shape)") }
      if mode == "reflect", max(before, after) >= size {
        throw NodeFault("it mirrors \(max(before, after)) elements of \(size) along axis \(axis)")
      }
      maps[axis] = (-before..<size + after).map { place in
        switch mode {
        case "edge": return min(max(place, 0), size - 1)
        case "wrap": return (place % size + size) % size
        default: return place < 0 ? -place : place < size ? place : 2 * (size - 1) - place
        }
      }
    }
    try set(node, .codes(taken(node, from: input, along: maps)))
  }

  /// Axes with what is added before and after them.
  func padding(_ node: ONNXNode, _ shape: [Int]) throws(NodeFault) -> [(axis: Int, before: Int, after: Int)] {
    let listed = try node.hasInput(1) ? constant(node, 1, "padding amounts").integers : node.ints("pads") ?? []
    let axes =
      try node.hasInput(3)
      ? constant(node, 3, "axes").integers.map { $0 < 0 ? $0 + shape.count : $0 } : Array(shape.indices)
    guard listed.count == 2 * axes.count, axes.allSatisfy({ shape.indices.contains($0) }), Set(axes).count == axes.count,
      listed.allSatisfy({ (-1 << 16...1 << 16).contains($0) })
    else { throw NodeFault("its padding amounts \(listed) do not fit \(shape)") }
    return axes.enumerated().map { ($1, listed[$0], listed[axes.count + $0]) }
  }

  // MARK: Resize

  mutating func resize(_ node: ONNXNode) throws(NodeFault) {
    let mode = node.string("mode", default: "nearest")
    guard mode == "nearest" else {
      guard ["linear", "bilinear"].contains(mode) else {
        throw NodeFault(
          "its mode is \(mode.printable(40))", remedy: "resize to the nearest, or linearly", isOfOperator: true)
      }
      if !isFloat, case .codes(let codes) = try meaning(node, 0, "input"), !codes.isReal {
        return try resizeIntegers(node, codes)
      }
      let codes = try realCodes(node, 0, "input")
      let axes = try resizedAxes(node, codes.view.shape)
      return try set(node, .pending(resizedLinearly(node, codes, axes)))
    }
    try behindMovement(node) { translation throws(NodeFault) in try translation.resizeToNearest(node) }
  }

  private mutating func resizeToNearest(_ node: ONNXNode) throws(NodeFault) {
    let input = try inMemory(node)
    let shape = input.codes.view.shape
    let axes = try resizedAxes(node, shape)
    var resized = shape
    for axis in axes { resized[axis.axis] = axis.size }
    guard elementCount(resized) != nil, !resized.contains(0) else { throw NodeFault("it makes \(resized) of \(shape)") }
    // Until opset 10 there is but one rule.
    let isOld = version < 11 || node.type == "Upsample"
    let coordinates = isOld ? "asymmetric" : node.string("coordinate_transformation_mode", default: "half_pixel")
    let rounding = isOld ? "floor" : node.string("nearest_mode", default: "round_prefer_floor")
    var maps: [Int: [Int]] = [:]
    for axis in axes where axis.size != shape[axis.axis] || axis.scale != 1 {
      let size = shape[axis.axis]
      var map: [Int] = []
      for place in 0..<axis.size {
        let x = try Self.coordinate(Double(place), coordinates, axis, size)
        let nearest: Double
        switch rounding {
        case "round_prefer_floor": nearest = (x - 0.5).rounded(.up)
        case "round_prefer_ceil": nearest = (x + 0.5).rounded(.down)
        case "floor": nearest = x.rounded(.down)
        case "ceil": nearest = x.rounded(.up)
        default:
          throw NodeFault(
            "its nearest_mode is \(rounding.printable(40))",
            remedy: "use round_prefer_floor, round_prefer_ceil, floor or ceil", isOfOperator: true)
        }
        map.append(Int(nearest.clamped(to: 0...Double(size - 1))))
      }
      maps[axis.axis] = map
    }
    try set(node, .codes(taken(node, from: input, along: maps)))
  }

  /// The place in the image of an element of the resized one (ONNX: Resize), in single precision, in which exporters'
  /// references reckon it.
  static func coordinate(
    _ x: Double, _ mode: String, _ axis: ResizedAxis, _ size: Int
  ) throws(NodeFault) -> Double {
    let (x, scale) = (Float(x), Float(axis.scale))
    let real: Float
    switch mode {
    case "half_pixel": real = (x + 0.5) / scale - 0.5
    case "pytorch_half_pixel": real = axis.size > 1 ? (x + 0.5) / scale - 0.5 : 0
    case "half_pixel_symmetric":
      let whole = Float(axis.scale * Double(size))
      let adjustment = Float(axis.size) / whole
      real = Float(size) / 2 * (1 - adjustment) + (x + 0.5) / scale - 0.5
    case "asymmetric": real = x / scale
    case "align_corners": real = axis.size == 1 ? 0 : x * Float(size - 1) / Float(axis.size - 1)
    default:
      throw NodeFault(
        "its coordinate_transformation_mode is \(mode.printable(40))", remedy: "export with half_pixel or asymmetric",
        isOfOperator: true)
    }
    return Double(real)
  }

  func resizedAxes(_ node: ONNXNode, _ shape: [Int]) throws(NodeFault) -> [ResizedAxis] {
    guard node.string("keep_aspect_ratio_policy", default: "stretch") == "stretch" else {
      throw NodeFault(
        "it keeps the aspect ratio", remedy: "export with sizes of their own for height and width", isOfOperator: true)
    }
    guard node.int("antialias", default: 0) == 0 else {
      throw NodeFault(
        "it smooths what it makes smaller (antialias)", remedy: "export without antialias", isOfOperator: true)
    }
    let axes = (node.ints("axes") ?? Array(shape.indices)).map { $0 < 0 ? $0 + shape.count : $0 }
    guard axes.allSatisfy({ shape.indices.contains($0) }), Set(axes).count == axes.count else {
      throw NodeFault("its axes \(axes) do not exist in \(shape)")
    }
    // Scales stand in the second input until opset 10, in the third since; in an attribute before.
    var scales: [Double]?
    let place = version < 11 || node.type == "Upsample" ? 1 : 2
    if node.hasInput(place) { scales = try constant(node, place, "scales").reals }
    if !node.hasInput(place), let listed = node.floats("scales"), node.has("scales") { scales = listed.map { Double($0) } }
    if let found = scales, !found.isEmpty {
      guard found.count == axes.count, found.allSatisfy({ $0.isFinite && $0 > 0 && $0 < 0x1p16 }) else {
        throw NodeFault("its scales \(found) do not fit \(shape)")
      }
      return zip(axes, found).map { axis, scale in
        ResizedAxis(
          axis: axis, size: Int((Double(shape[axis]) * scale).rounded(.down)), scale: scale, isOfSizes: false)
      }
    }
    guard node.hasInput(3), node.type == "Resize" else { throw NodeFault("its scales and sizes are missing") }
    let sizes = try constant(node, 3, "sizes").integers
    guard sizes.count == axes.count, sizes.allSatisfy({ (1...1 << 20).contains($0) }) else {
      throw NodeFault("its sizes \(sizes) do not fit \(shape)")
    }
    return zip(axes, sizes).map { axis, size in
      ResizedAxis(axis: axis, size: size, scale: Double(size) / Double(shape[axis]), isOfSizes: true)
    }
  }

  /// Codes themselves, as quantize_static leaves them with QuantFormat.QOperator: what comes out is cut off to an integer,
  /// which ONNX Runtime does in single precision. Where that is exact, so is this.
  private mutating func resizeIntegers(_ node: ONNXNode, _ codes: ONNXCodes) throws(NodeFault) {
    let tensor = tensors[codes.tensor]
    guard let range = tensor.type.codes else { throw unknown(node) }
    let axes = try resizedAxes(node, codes.view.shape)
    guard isByPowersOfTwo(axes, codes.view.shape, coordinates(node)) else {
      throw NodeFault(
        "it resizes integers linearly, but not images by 2, 4 or 8: what is cut off depends on single precision",
        remedy: "quantise with QuantFormat.QDQ, which resizes what codes stand for")
    }
    var numbers = codes
    numbers.tensor = move(.reshape(shape: nil), node.type, [codes.tensor], shape: tensor.shape)
    numbers.isReal = true
    tensors[numbers.tensor].quantization = Quantization(scales: [1], zeroPoints: [0])
    let name = node.outputs.first ?? ""
    let whole = try resizedLinearly(node, numbers, axes)
    func cut(_ rounding: Quantizer.Rounding, _ clamp: RealFunction, _ part: String) throws(NodeFault) -> ONNXCodes {
      let rule = ONNXQuantizer(scale: 1, zeroPoint: 0, type: tensor.type, codes: range, rounding: rounding)
      var pending = whole
      try pending.apply(clamp)
      return try quantized(pending, rule, name: "\(name)/\(part)")
    }
    var made = try cut(.floor, .clamp(0, .infinity), "integers")
    if range.lowerBound < 0 {
      // Towards zero from below, too: one of the two is 0.
      let below = try cut(.ceiling, .clamp(-.infinity, 0), "integers below 0")
      made = try quantized(
        combined(.add(.none), node.type, made, below),
        ONNXQuantizer(scale: 1, zeroPoint: 0, type: tensor.type, codes: range), name: "\(name)/sum")
    }
    // What the codes stand for is what it was.
    made.tensor = move(
      .reshape(shape: nil), node.type, [made.tensor], shape: tensors[made.tensor].shape, name: node.outputs.first)
    tensors[made.tensor].quantization = tensor.quantization
    made.isReal = false
    try set(node, .codes(made))
  }

  private func coordinates(_ node: ONNXNode) -> String {
    version < 11 ? "asymmetric" : node.string("coordinate_transformation_mode", default: "half_pixel")
  }

  /// Whether heights and widths of images alone are resized, by 2, 4 or 8, with half pixels or none.
  private func isByPowersOfTwo(_ axes: [ResizedAxis], _ shape: [Int], _ coordinates: String) -> Bool {
    axes.allSatisfy { axis in
      guard axis.size != shape[axis.axis] || axis.scale != 1 else { return true }
      let scale = axis.size / shape[axis.axis]
      return (shape.count == 4 || shape.count == 3) && axis.axis >= 2 && axis.size == scale * shape[axis.axis]
        && axis.scale == Double(scale) && [2, 4, 8].contains(scale)
        && ["half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "asymmetric"].contains(coordinates)
    }
  }

  /// Linearly by powers of two: every result is a mean of neighbours with weights that are multiples of 1 / (2 · scale),
  /// so that a convolution gives it exactly, for all places inside a block at once.
  private mutating func resizedLinearly(
    _ node: ONNXNode, _ codes: ONNXCodes, _ axes: [ResizedAxis]
  ) throws(NodeFault) -> ONNXPending {
    let shape = codes.view.shape
    guard axes.allSatisfy({ $0.size > 0 }), elementCount(axes.map(\.size)) != nil else {
      throw NodeFault("it makes \(axes.map(\.size)) of \(shape)")
    }
    let coordinates = coordinates(node)
    guard isByPowersOfTwo(axes, shape, coordinates) else {
      return try resizedBetweenNeighbours(node, codes, axes, coordinates)
    }
    var scales = [1, 1]
    for axis in axes where axis.size != shape[axis.axis] || axis.scale != 1 {
      scales[axis.axis - shape.count + 2] = axis.size / shape[axis.axis]
    }
    // Of each block's places along an axis: the weights of the element before, itself and the one behind, in 1 / (2 · scale).
    func weights(_ scale: Int) -> [[Int]] {
      (0..<scale).map { place in
        let offset = scale == 1 ? 0 : coordinates == "asymmetric" ? 2 * place : 2 * place + 1 - scale
        return [max(-offset, 0), 2 * scale - abs(offset), max(offset, 0)]
      }
    }
    let image = try image(codes)
    // Beyond the ends the last elements go on.
    func grown(_ size: Int) -> [Int] { (-1...size).map { min(max($0, 0), size - 1) } }
    let (rows, columns) = (grown(image.height), grown(image.width))
    let padded = move(
      .indexed([Array(0..<image.batch), rows, columns, Array(0..<image.channels)]), "Pad", [image.tensor],
      shape: [image.batch, rows.count, columns.count, image.channels])
    let (vertical, horizontal) = (weights(scales[0]), weights(scales[1]))
    let block = scales[0] * scales[1]
    guard let count = elementCount([image.channels, block, 9]) else { throw NodeFault("it makes too much") }
    try spend(count)
    var numbers: [Int64] = []
    for _ in 0..<image.channels {
      for row in vertical {
        for column in horizontal {
          for y in row { for x in column { numbers.append(isFloat ? Self.bits(Double(y * x)) : Int64(y * x)) } }
        }
      }
    }
    let affine = ONNXAffine(
      kind: .conv2D(Window(padding: .valid), .none), input: padded, weights: numbers,
      weightShape: [image.channels * block, 3, 3, 1], weightType: .int16, scales: [1 / Float(4 * block)], zeroPoints: [0])
    let sizes = [image.batch, image.height, image.width, image.channels, scales[0], scales[1]]
    let made = [image.batch, image.channels, image.height * scales[0], image.width * scales[1]]
    guard let whole = StridedView(rowMajor: sizes).transposed([0, 3, 1, 4, 2, 5]).reshaped(to: made),
      let view = whole.reshaped(to: image.rank == 1 ? [made[0], made[1], made[3]] : made)
    else { throw unknown(node) }
    var pending = ONNXPending(
      .affine(affine), typeName: node.type, view: view,
      shape: [image.batch, image.height, image.width, image.channels * block])
    if isFloat { try pending.append(.multiplied(by: [1 / Double(4 * block)])) }
    return pending
  }

  /// A real number as a weight of a float network.
  private static func bits(_ real: Double) -> Int64 { Int64(bitPattern: real.bitPattern) }
}
