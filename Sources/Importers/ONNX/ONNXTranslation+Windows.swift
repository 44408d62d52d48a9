import Network

// MaxPool, AveragePool, GlobalAveragePool, ReduceMean, and the windows of Conv.
extension ONNXTranslation {
  /// A tensor of codes as images: batch, height, width, channels in memory.
  struct Image {
    var tensor: Int
    var batch, height, width, channels: Int
    /// 1 or 2 axes that windows slide along.
    var rank: Int

    /// The file's view of an image of other size.
    func view(channels: Int, height: Int, width: Int) -> StridedView {
      rank == 1
        ? StridedView(shape: [batch, channels, width], inMemory: [0, 2, 1])
        : StridedView(shape: [batch, channels, height, width], inMemory: [0, 2, 3, 1])
    }
  }

  mutating func image(_ codes: ONNXCodes) throws(NodeFault) -> Image {
    let shape = codes.view.shape
    guard shape.count == 3 || shape.count == 4 else {
      throw NodeFault(
        "its input has the shape \(shape)",
        remedy: "images of 1 or 2 dimensions are supported: batch, channels, [height,] width")
    }
    let rank = shape.count - 2
    let tensor = arranged(codes, rank == 1 ? [0, 2, 1] : [0, 2, 3, 1])
    let (height, width) = rank == 1 ? (1, shape[2]) : (shape[2], shape[3])
    let flat = [shape[0], height, width, shape[1]]
    return Image(
      tensor: tensors[tensor].shape == flat ? tensor : move(.reshape(shape: nil), "Reshape", [tensor], shape: flat),
      batch: shape[0], height: height, width: width, channels: shape[1], rank: rank)
  }

  /// The window that a node's attributes give, and the size of what it makes.
  func window(
    _ node: ONNXNode, rank: Int, kernel: [Int], input: [Int], dilates: Bool
  ) throws(NodeFault) -> (Window, height: Int, width: Int) {
    func both(_ numbers: [Int], _ value: Int) -> [Int] { rank == 1 ? [value] + numbers : numbers }
    let strides = both(try node.window("strides", rank: rank, default: 1), 1)
    let dilations = both(try node.window("dilations", rank: rank, default: 1), 1)
    let pads = try node.window("pads", rank: 2 * rank, default: 0)
    var (before, after) = (both(Array(pads[..<rank]), 0), both(Array(pads[rank...]), 0))
    guard strides.allSatisfy({ $0 > 0 }), dilations.allSatisfy({ $0 > 0 }), kernel.allSatisfy({ $0 > 0 }) else {
      throw NodeFault("its strides \(strides), dilations \(dilations) and window \(kernel) must be positive")
    }
    guard dilates || dilations == [1, 1] else { throw NodeFault("its window is dilated: \(dilations)") }
    let reach = (0..<2).map { (kernel[$0] - 1) * dilations[$0] + 1 }
    switch node.string("auto_pad", default: "NOTSET") {
    case "NOTSET": break
    case "VALID": (before, after) = ([0, 0], [0, 0])
    case "SAME_UPPER", "SAME_LOWER":
      for axis in 0..<2 {
        let size = (input[axis] + strides[axis] - 1) / strides[axis]
        let total = max((size - 1) * strides[axis] + reach[axis] - input[axis], 0)
        // The odd one comes last, or first.
        before[axis] = node.string("auto_pad", default: "") == "SAME_UPPER" ? total / 2 : total - total / 2
        after[axis] = total - before[axis]
      }
    case let other: throw NodeFault("its auto_pad is \(other.printable(40))")
    }
    var sizes = [0, 0]
    for axis in 0..<2 {
      let room = input[axis] + before[axis] + after[axis] - reach[axis]
      guard room >= 0 else {
        throw NodeFault(
          "its window reaches over \(reach[axis]) elements of \(input[axis]), padded by \(before[axis]) and \(after[axis])"
        )
      }
      sizes[axis] = room / strides[axis] + 1
      guard node.int("ceil_mode", default: 0) == 0 || room % strides[axis] == 0 else {
        throw NodeFault(
          "its ceil_mode adds a window that the image does not fill", remedy: "export with ceil_mode=False")
      }
    }
    let window = Window(
      padding: .explicit(top: before[0], left: before[1], bottom: after[0], right: after[1]),
      strideHeight: strides[0], strideWidth: strides[1], dilationHeight: dilations[0], dilationWidth: dilations[1])
    return (window, sizes[0], sizes[1])
  }

  /// The size of a pool's window: its attribute, or the whole image.
  private func kernel(_ node: ONNXNode, _ image: Image, isGlobal: Bool) throws(NodeFault) -> [Int] {
    if isGlobal { return [image.height, image.width] }
    guard node.has("kernel_shape") else { throw NodeFault("its kernel_shape is missing") }
    let kernel = try node.window("kernel_shape", rank: image.rank, default: 1)
    return image.rank == 1 ? [1] + kernel : kernel
  }

  mutating func maximumPool(_ node: ONNXNode) throws(NodeFault) {
    let isGlobal = node.type == "GlobalMaxPool"
    let x = try meaning(node, 0, "input")
    func pool(_ image: Image) throws(NodeFault) -> (ONNXPending.MaximumPool, StridedView) {
      let kernel = try kernel(node, image, isGlobal: isGlobal)
      let (window, height, width) = try window(
        node, rank: image.rank, kernel: kernel, input: [image.height, image.width], dilates: false)
      return (
        ONNXPending.MaximumPool(
          window: window, height: kernel[0], width: kernel[1], shape: [image.batch, height, width, image.channels]),
        image.view(channels: image.channels, height: height, width: width)
      )
    }
    // Behind what is not quantised yet, the pool follows the quantiser.
    if case .pending(var pending) = x {
      let shape = pending.view.shape
      let order = shape.count == 3 ? [0, 2, 1] : [0, 2, 3, 1]
      guard shape.count == 3 || shape.count == 4, pending.view == StridedView(shape: shape, inMemory: order) else {
        throw NodeFault("its input is not quantised", remedy: "put a quantiser in front of it")
      }
      let rank = shape.count - 2
      let (made, view) = try pool(
        Image(
          tensor: 0, batch: shape[0], height: rank == 1 ? 1 : shape[2], width: shape[rank + 1], channels: shape[1],
          rank: rank))
      pending.pools.append(made)
      pending.view = view
      return try set(node, .pending(pending))
    }
    guard case .codes(var codes) = x else { throw NodeFault("its input is not quantised") }
    let image = try image(codes)
    let (made, view) = try pool(image)
    codes.tensor = move(
      .maxPool2D(made.window, height: made.height, width: made.width, .none), node.type, [image.tensor],
      shape: made.shape, name: node.outputs.first)
    codes.view = view
    try set(node, .codes(codes))
  }

  mutating func averagePool(_ node: ONNXNode) throws(NodeFault) {
    try set(
      node,
      .pending(averagePending(node, realCodes(node, 0, "input"), isGlobal: node.type == "GlobalAveragePool")))
  }

  mutating func averagePending(_ node: ONNXNode, _ codes: ONNXCodes, isGlobal: Bool) throws(NodeFault) -> ONNXPending {
    var image = try image(codes)
    let kernel = try kernel(node, image, isGlobal: isGlobal)
    var (window, height, width) = try window(
      node, rank: image.rank, kernel: kernel, input: [image.height, image.width], dilates: false)
    if case .explicit(let top, let left, let bottom, let right) = window.padding, top + left + bottom + right > 0 {
      guard node.int("count_include_pad", default: 0) != 0 else {
        throw NodeFault(
          "its windows reach outside the image, where fewer elements are averaged",
          remedy: "average without padding, or with count_include_pad=1")
      }
      image.tensor = padded(
        image.tensor, [0, 0, top, bottom, left, right, 0, 0],
        shape: [image.batch, image.height + top + bottom, image.width + left + right, image.channels])
      window.padding = .valid
    }
    return ONNXPending(
      .average(image.tensor, window, height: kernel[0], width: kernel[1]), typeName: node.type,
      view: image.view(channels: image.channels, height: height, width: width),
      shape: [image.batch, height, width, image.channels])
  }

  /// Adds a Pad of a tensor in memory; amounts are before and after each axis.
  mutating func padded(_ tensor: Int, _ amounts: [Int], shape: [Int], fill: Int? = nil, name: String? = nil) -> Int {
    let constant = addConstant("pads", amounts.map(Int64.init), [shape.count, 2], .int32)
    return move(.pad, "Pad", [tensor, constant] + (fill.map { [$0] } ?? []), shape: shape, name: name)
  }

  /// Over all axes behind the channels: a global average.
  mutating func reduceMean(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    let rank = x.view.axes.count
    let listed = try node.hasInput(1) ? constant(node, 1, "axes").integers : node.ints("axes") ?? []
    let axes = Set(listed.map { $0 < 0 ? $0 + rank : $0 })
    guard rank == 3 || rank == 4, axes == Set(2..<rank) else {
      throw NodeFault(
        "it averages the axes \(listed) of \(x.view.shape)", remedy: "average an image's height and width")
    }
    var pending = try averagePending(node, x, isGlobal: true)
    if node.int("keepdims", default: 1) == 0, let view = pending.view.reshaped(to: Array(x.view.shape.prefix(2))) {
      pending.view = view
    }
    try set(node, .pending(pending))
  }
}
