import Network

// Elements and rows of real numbers that indices choose, constant ones or such as the network is given.
extension ONNXTranslation {
  /// Rows of a constant table by indices that are reckoned; elements by constant indices go the way of quantised graphs.
  mutating func realGather(_ node: ONNXNode) throws(NodeFault) -> Bool {
    guard case .codes(let indices) = try part(node, 1, "indices") else { return false }
    guard case .constant(let table) = try part(node, 0, "table") else {
      throw NodeFault(
        "it chooses among what is reckoned by indices that are reckoned",
        remedy: "gather from a constant table, as an embedding, or by constant indices")
    }
    try chooseRows(node, table, indices, axis: try axis(node.int("axis", default: 0), table.shape))
    return true
  }

  private mutating func chooseRows(
    _ node: ONNXNode, _ table: ONNXConstant, _ indices: ONNXCodes, axis: Int, to place: Int? = nil
  ) throws(NodeFault) {
    guard !indices.isReal, tensors[indices.tensor].type == .int32 else {
      throw NodeFault(
        "its indices are made of real numbers", remedy: "give the network the indices, as an input of whole numbers")
    }
    let rows = indices.view.shape
    let shape = table.shape[..<axis] + rows + table.shape[(axis + 1)...]
    guard elementCount(Array(shape)) != nil, table.shape[axis] > 0 else { throw NodeFault("it makes \(Array(shape))") }
    let reals = addReals(node.inputs[0], try Self.finite(table), table.shape)
    let made = emit(.gather(axis: axis, batchDimensions: 0), node, [reals, rowMajor(indices)], Array(shape))
    try set(node, .codes(ONNXCodes(tensor: made, view: StridedView(rowMajor: Array(shape)), isReal: true)))
  }

  /// Elements of `codes` by their places in the file's order.
  private mutating func chosen(_ node: ONNXNode, _ codes: ONNXCodes, _ places: [Int], _ shape: [Int]) throws(NodeFault)
  {
    let count = codes.view.count
    guard places.allSatisfy({ (0..<count).contains($0) }), !places.isEmpty else {
      throw NodeFault("it takes elements that do not exist in \(codes.view.shape), or none")
    }
    let flat = move(.reshape(shape: nil), "Reshape", [rowMajor(codes)], shape: [count])
    let made =
      isFloat
      ? emit(.gather(axis: 0, batchDimensions: 0), node, [flat, addIntegers("places", places)], [places.count])
      : move(.indexed([places]), node.type, [flat], shape: [places.count], name: node.outputs.first)
    try set(node, .codes(ONNXCodes(tensor: made, view: StridedView(rowMajor: shape), isReal: codes.isReal)))
  }

  private func strides(_ shape: [Int]) -> [Int] {
    shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
  }

  mutating func gatherElements(_ node: ONNXNode) throws(NodeFault) {
    let x = isFloat ? try real(node, 0, "input") : try movable(node)
    let indices = try constant(node, 1, "indices")
    let shape = x.view.shape
    let axis = try axis(node.int("axis", default: 0), shape)
    guard indices.shape.count == shape.count,
      (0..<shape.count).allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] })
    else { throw NodeFault("its indices have the shape \(indices.shape), its input \(shape)") }
    let (outer, inner) = (strides(shape), strides(indices.shape))
    let numbers = indices.integers
    let places = numbers.indices.map { element -> Int in
      shape.indices.reduce(0) { place, along in
        let own = along == axis ? numbers[element] : element / inner[along] % indices.shape[along]
        return place + (own < 0 ? own + shape[along] : own) * outer[along]
      }
    }
    guard numbers.allSatisfy({ (-shape[axis]..<shape[axis]).contains($0) }) else {
      throw NodeFault("it takes elements that do not exist along axis \(axis) of \(shape)")
    }
    try chosen(node, x, places, indices.shape)
  }

  /// GatherND: indices name places along the first axes behind those of the batch.
  mutating func gatherByPlaces(_ node: ONNXNode) throws(NodeFault) {
    let x = isFloat ? try real(node, 0, "input") : try movable(node)
    let indices = try constant(node, 1, "indices")
    let (shape, batch) = (x.view.shape, node.int("batch_dims", default: 0))
    guard let length = indices.shape.last, length > 0, batch >= 0, batch + length <= shape.count,
      batch < indices.shape.count,
      Array(indices.shape.prefix(batch)) == Array(shape.prefix(batch)), shape.allSatisfy({ $0 > 0 })
    else { throw NodeFault("its indices have the shape \(indices.shape), its input \(shape)") }
    let outer = strides(shape)
    let width = shape[(batch + length)...].reduce(1, *)
    let numbers = indices.integers
    let perBatch = max(1, indices.shape[batch...].reduce(1, *) / length)
    var places: [Int] = []
    guard elementCount([numbers.count / length, width]) != nil else { throw NodeFault("it takes too much") }
    for tuple in 0..<numbers.count / length {
      var start = batch == 0 ? 0 : tuple / perBatch * outer[batch - 1]
      for place in 0..<length {
        let (number, size) = (numbers[tuple * length + place], shape[batch + place])
        guard (-size..<size).contains(number) else {
          throw NodeFault("it takes element \(number) of \(size) along axis \(batch + place)")
        }
        start += (number < 0 ? number + size : number) * outer[batch + place]
      }
      places += start..<start + width
    }
    try chosen(node, x, places, Array(indices.shape.dropLast()) + shape[(batch + length)...])
  }

  mutating func reverseSequences(_ node: ONNXNode) throws(NodeFault) {
    let x = try real(node, 0, "input")
    let lengths = try constant(node, 1, "lengths").integers
    let shape = x.view.shape
    let (batch, time) = (
      try axis(node.int("batch_axis", default: 1), shape), try axis(node.int("time_axis", default: 0), shape)
    )
    guard batch != time, lengths.count == shape[batch], lengths.allSatisfy({ (0...shape[time]).contains($0) }) else {
      throw NodeFault("its lengths \(lengths) do not fit \(shape)")
    }
    let outer = strides(shape)
    let places = (0..<x.view.count).map { element -> Int in
      let (moment, length) = (element / outer[time] % shape[time], lengths[element / outer[batch] % shape[batch]])
      return moment < length ? element + (length - 1 - 2 * moment) * outer[time] : element
    }
    try chosen(node, x, places, shape)
  }

  /// Rows of a table that is 1 along its diagonal.
  mutating func oneHot(_ node: ONNXNode) throws(NodeFault) {
    guard case .codes(let indices) = try part(node, 0, "indices") else { throw unknown(node) }
    let depth = Int(try scalar(node, 1, "depth").clamped(to: 0...0x1p20))
    let values = try constant(node, 2, "values").reals
    guard values.count == 2, depth > 0, let count = elementCount([depth, depth]), count <= 1 << 16 else {
      throw NodeFault("its depth is \(depth)", remedy: "up to 256 classes are supported: embed more in a table")
    }
    let table = ONNXConstant(
      shape: [depth, depth], reals: (0..<count).map { $0 / depth == $0 % depth ? values[1] : values[0] }, dataType: 1)
    let rank = indices.view.axes.count + 1
    let axis = node.int("axis", default: -1) < 0 ? node.int("axis", default: -1) + rank : node.int("axis", default: -1)
    guard (0..<rank).contains(axis) else { throw NodeFault("its axis \(axis) does not exist in rank \(rank)") }
    try chooseRows(node, table, indices, axis: 0)
    guard axis != rank - 1, let output = node.outputs.first, case .codes(var made)? = meanings[output] else { return }
    var permutation = Array(0..<rank - 1)
    permutation.insert(rank - 1, at: axis)
    made.view = made.view.transposed(permutation)
    meanings[output] = .codes(made)
  }

  /// Trilu: what is kept of the last two axes, and 0 elsewhere.
  mutating func triangle(_ node: ONNXNode) throws(NodeFault) {
    let x = isFloat ? .codes(try real(node, 0, "input")) : try meaning(node, 0, "input")
    let shape = x.view?.shape ?? []
    guard shape.count >= 2 else { throw NodeFault("its input has the shape \(shape)") }
    let k = node.hasInput(1) ? Int(try scalar(node, 1, "diagonal").clamped(to: -0x1p20...0x1p20)) : 0
    let isUpper = node.int("upper", default: 1) != 0
    let sizes = Array(shape.suffix(2))
    let kept = (0..<sizes[0] * sizes[1]).map { element -> Double in
      let offset = element % sizes[1] - element / sizes[1]
      return (isUpper ? offset >= k : offset <= k) ? 1 : 0
    }
    let zero = ONNXMeaning.constant(ONNXConstant(shape: [1], reals: [0], dataType: 1))
    let condition = ONNXMeaning.constant(ONNXConstant(shape: sizes, reals: kept, dataType: 9))
    if isFloat { return try set(node, .codes(combined(node, .select, [condition, x, zero]))) }
    let pending = try chosen(node, by: condition, x, zero)
    // Zero is a code of whatever has codes.
    guard case .codes(let codes) = x, codes.isReal, let quantizer = quantizer(of: codes),
      quantizer.codes.contains(quantizer.zeroPoint)
    else { return try set(node, .pending(pending)) }
    try set(node, .codes(quantized(pending, quantizer, name: node.outputs.first ?? "")))
  }

  // MARK: Windows

  /// The largest of the elements that lie a dilation apart: of slices, one a tap of the window. False where nothing is
  /// dilated.
  mutating func dilatedPool(_ node: ONNXNode) throws(NodeFault) -> Bool {
    guard let dilations = node.ints("dilations"), dilations.contains(where: { $0 > 1 }) else { return false }
    let image = try image(real(node, 0, "input"))
    let listed = try node.window("kernel_shape", rank: image.rank, default: 1)
    let kernel = image.rank == 1 ? [1] + listed : listed
    let (window, height, width) = try window(
      node, rank: image.rank, kernel: kernel, input: [image.height, image.width], dilates: true)
    guard case .explicit(let top, let left, let bottom, let right) = window.padding, kernel[0] * kernel[1] <= 256,
      elementCount([image.batch, image.height + top + bottom, image.width + left + right, image.channels]) != nil
    else { throw NodeFault("its window \(kernel) is too large to be dilated") }
    var source = image.tensor
    if top + left + bottom + right > 0 {
      source = padded(
        source, [0, 0, top, bottom, left, right, 0, 0],
        shape: [image.batch, image.height + top + bottom, image.width + left + right, image.channels],
        fill: addReals("least", [-0x1p126], [1]))
    }
    var largest: Int?
    for tap in 0..<kernel[0] * kernel[1] {
      let (y, x) = (tap / kernel[1] * window.dilationHeight, tap % kernel[1] * window.dilationWidth)
      let part = sliced(
        source,
        [
          (0, image.batch, 1), (y, y + (height - 1) * window.strideHeight + 1, window.strideHeight),
          (x, x + (width - 1) * window.strideWidth + 1, window.strideWidth), (0, image.channels, 1),
        ], node.type, name: "\(node.outputs.first ?? "")/tap\(tap)")
      largest =
        largest.map {
          emit(
            .maximum, node, [$0, part], tensors[part].shape, tap == kernel[0] * kernel[1] - 1 ? nil : "largest\(tap)")
        } ?? part
    }
    guard let largest else { throw unknown(node) }
    let view = image.view(channels: image.channels, height: height, width: width)
    try set(node, .codes(ONNXCodes(tensor: largest, view: view, isReal: true)))
    return true
  }

  // MARK: Resize

  /// To sizes that no exact form is known for every place is a sum of the axis's elements: a dense layer along it. Linear
  /// resizing of images is an operator of TensorFlow Lite where that has the file's rule.
  mutating func realResize(_ node: ONNXNode) throws(NodeFault) -> Bool {
    let mode = node.string("mode", default: "nearest")
    guard ["linear", "bilinear", "cubic"].contains(mode) else { return false }
    let isCubic = mode == "cubic"
    var codes = try real(node, 0, "input")
    let shape = codes.view.shape
    let axes = try resizedAxes(node, shape).filter { $0.size != shape[$0.axis] || $0.scale != 1 }
    guard axes.allSatisfy({ $0.size > 0 }) else { throw NodeFault("it makes \(axes.map(\.size)) of \(shape)") }
    let coordinates =
      version < 11 || node.type == "Upsample"
      ? "asymmetric" : node.string("coordinate_transformation_mode", default: "half_pixel")
    let isWhole = axes.allSatisfy { $0.scale * Double(shape[$0.axis]) == Double($0.size) }
    if !isCubic, isWhole,
      axes.allSatisfy({ [2, 4, 8].contains($0.size / shape[$0.axis]) && $0.size % shape[$0.axis] == 0 }),
      shape.count == 3 || shape.count == 4, axes.allSatisfy({ $0.axis >= 2 }), coordinates != "align_corners"
    {
      return false
    }
    let rules: [String: (alignsCorners: Bool, centresHalfPixels: Bool)] = [
      "half_pixel": (false, true), "half_pixel_symmetric": (false, true), "align_corners": (true, false),
    ]
    if !isCubic, isWhole || coordinates == "align_corners", shape.count == 4,
      axes.allSatisfy({ $0.axis >= 2 && $0.size > 1 }),
      let rule = rules[coordinates]
    {
      let image = try image(codes)
      func size(_ axis: Int) -> Int { axes.first { $0.axis == axis }?.size ?? shape[axis] }
      let made = emit(
        .resizeBilinear(alignsCorners: rule.alignsCorners, centresHalfPixels: rule.centresHalfPixels), node,
        [image.tensor, addIntegers("size", [size(2), size(3)])], [image.batch, size(2), size(3), image.channels])
      let view = image.view(channels: image.channels, height: size(2), width: size(3))
      try set(node, .codes(ONNXCodes(tensor: made, view: view, isReal: true)))
      return true
    }
    for (index, axis) in axes.enumerated() {
      let size = shape[axis.axis]
      guard let count = elementCount([size, axis.size]) else { throw NodeFault("it makes too much") }
      try spend(count)
      var weights = [Double](repeating: 0, count: count)
      for place in 0..<axis.size {
        for (element, weight) in try shares(node, place, axis, size, coordinates, isCubic: isCubic) {
          weights[place * size + element] += weight
        }
      }
      let order = shape.indices.filter { $0 != axis.axis } + [axis.axis]
      let tensor = arranged(codes, order)
      var made = codes.view.shape
      made[axis.axis] = axis.size
      guard elementCount(made) != nil else { throw NodeFault("it makes \(made)") }
      let resized = emit(
        .fullyConnected(keepsDimensions: true, .none), node,
        [tensor, addReals("weights", weights.map { Float($0) }, [axis.size, size])], order.map { made[$0] },
        index == axes.count - 1 ? nil : "axis\(axis.axis)")
      codes = ONNXCodes(tensor: resized, view: StridedView(shape: made, inMemory: order), isReal: true)
    }
    try set(node, .codes(codes))
    return true
  }

  /// The elements of an axis that a place of the resized one is made of, and their shares (ONNX: Resize).
  private func shares(
    _ node: ONNXNode, _ place: Int, _ axis: ResizedAxis, _ size: Int, _ coordinates: String, isCubic: Bool
  ) throws(NodeFault) -> [(element: Int, weight: Double)] {
    let x = try Self.coordinate(Double(place), coordinates, axis, size)
    func element(_ place: Double) -> Int { Int(place.clamped(to: 0...Double(size - 1))) }
    guard isCubic else {
      let held = x.clamped(to: 0...Double(size - 1))
      let low = held.rounded(.down)
      return [(element(low), 1 - (held - low)), (element(low + 1), held - low)]
    }
    let a = Double(node.float("cubic_coeff_a", default: -0.75))
    let (low, t) = (x.rounded(.down), x - x.rounded(.down))
    var shares: [(element: Int, weight: Double)] = []
    for offset in [-1.0, 0, 1, 2] {
      let distance = abs(t - offset)
      let weight =
        distance <= 1
        ? ((a + 2) * distance - (a + 3)) * distance * distance + 1
        : ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
      let isOutside = low + offset < 0 || low + offset > Double(size - 1)
      if isOutside, node.int("exclude_outside", default: 0) != 0 { continue }
      shares.append((element(low + offset), weight))
    }
    let sum = shares.reduce(0) { $0 + $1.weight }
    return node.int("exclude_outside", default: 0) != 0 && sum != 0
      ? shares.map { ($0.element, $0.weight / sum) } : shares
  }
}
