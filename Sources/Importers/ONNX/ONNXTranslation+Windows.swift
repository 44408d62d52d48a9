import Network

// MaxPool, AveragePool, GlobalAveragePool, and the windows of Conv.
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
        remedy: "images of 1 or 2 dimensions are supported: batch, channels, [height,] width; Conv and pools take 3")
    }
    let rank = shape.count - 2
    let tensor = arranged(codes, rank == 1 ? [0, 2, 1] : [0, 2, 3, 1])
    let (height, width) = rank == 1 ? (1, shape[2]) : (shape[2], shape[3])
    let flat = [shape[0], height, width, shape[1]]
    return Image(
      tensor: tensors[tensor].shape == flat ? tensor : move(.reshape(shape: nil), "Reshape", [tensor], shape: flat),
      batch: shape[0], height: height, width: width, channels: shape[1], rank: rank)
  }

  /// How windows slide along axes: one number an axis.
  struct Slides {
    var strides, dilations, before, after: [Int]
    /// How many windows there are.
    var sizes: [Int]
  }

  /// The window that a node's attributes give, and the size of what it makes, along one axis of an image or two.
  func window(
    _ node: ONNXNode, rank: Int, kernel: [Int], input: [Int], dilates: Bool
  ) throws(NodeFault) -> (Window, height: Int, width: Int) {
    let slides = try slides(node, kernel: kernel.suffix(rank), input: input.suffix(rank), dilates: dilates)
    func both(_ numbers: [Int], _ value: Int) -> [Int] { rank == 1 ? [value] + numbers : numbers }
    let (before, after) = (both(slides.before, 0), both(slides.after, 0))
    let (strides, dilations) = (both(slides.strides, 1), both(slides.dilations, 1))
    let window = Window(
      padding: .explicit(top: before[0], left: before[1], bottom: after[0], right: after[1]),
      strideHeight: strides[0], strideWidth: strides[1], dilationHeight: dilations[0], dilationWidth: dilations[1])
    let sizes = both(slides.sizes, 1)
    return (window, sizes[0], sizes[1])
  }

  /// Where `ceil_mode` adds a window, the padding behind reaches to its end.
  func slides(
    _ node: ONNXNode, kernel: some Collection<Int>, input: some Collection<Int>, dilates: Bool
  ) throws(NodeFault) -> Slides {
    let (kernel, input, rank) = (Array(kernel), Array(input), kernel.count)
    let strides = try node.window("strides", rank: rank, default: 1)
    let dilations = try node.window("dilations", rank: rank, default: 1)
    let pads = try node.window("pads", rank: 2 * rank, default: 0)
    var (before, after) = (Array(pads[..<rank]), Array(pads[rank...]))
    guard strides.allSatisfy({ $0 > 0 }), dilations.allSatisfy({ $0 > 0 }), kernel.allSatisfy({ $0 > 0 }) else {
      throw NodeFault("its strides \(strides), dilations \(dilations) and window \(kernel) must be positive")
    }
    guard dilates || dilations.allSatisfy({ $0 == 1 }) else {
      throw NodeFault(
        "its window is dilated: \(dilations)", remedy: "pool over windows without gaps; Conv may have them",
        isOfOperator: true)
    }
    let reach = (0..<rank).map { (kernel[$0] - 1) * dilations[$0] + 1 }
    switch node.string("auto_pad", default: "NOTSET") {
    case "NOTSET": break
    case "VALID": (before, after) = (Array(repeating: 0, count: rank), Array(repeating: 0, count: rank))
    case "SAME_UPPER", "SAME_LOWER":
      for axis in 0..<rank {
        let size = (input[axis] + strides[axis] - 1) / strides[axis]
        let total = max((size - 1) * strides[axis] + reach[axis] - input[axis], 0)
        // The odd one comes last, or first.
        before[axis] = node.string("auto_pad", default: "") == "SAME_UPPER" ? total / 2 : total - total / 2
        after[axis] = total - before[axis]
      }
    case let other: throw NodeFault("its auto_pad is \(other.printable(40))", isOfOperator: true)
    }
    var sizes = [Int](repeating: 0, count: rank)
    for axis in 0..<rank {
      let room = input[axis] + before[axis] + after[axis] - reach[axis]
      guard room >= 0 else {
        throw NodeFault(
          "its window reaches over \(reach[axis]) elements of \(input[axis]), padded by \(before[axis]) and \(after[axis])"
        )
      }
      sizes[axis] = room / strides[axis] + 1
      // One more window, if it begins in the image or the padding in front of it.
      if node.int("ceil_mode", default: 0) != 0, room % strides[axis] != 0,
        sizes[axis] * strides[axis] < input[axis] + before[axis]
      {
        after[axis] += strides[axis] - room % strides[axis]
        sizes[axis] += 1
      }
    }
    return Slides(strides: strides, dilations: dilations, before: before, after: after, sizes: sizes)
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
        node, rank: image.rank, kernel: kernel, input: [image.height, image.width], dilates: true)
      var pool = ONNXPending.MaximumPool(
        window: window, height: kernel[0], width: kernel[1], shape: [image.batch, height, width, image.channels])
      if window.dilationHeight > 1 || window.dilationWidth > 1, case .explicit(let top, let left, _, _) = window.padding {
        pool.gathered = (
          try places(height, kernel[0], window.strideHeight, window.dilationHeight, before: top, size: image.height),
          try places(width, kernel[1], window.strideWidth, window.dilationWidth, before: left, size: image.width)
        )
        guard elementCount([image.batch, height * kernel[0], width * kernel[1], image.channels]) != nil else {
          throw NodeFault("its dilated window is too large")
        }
        pool.window = Window(padding: .valid, strideHeight: kernel[0], strideWidth: kernel[1])
      }
      return (pool, image.view(channels: image.channels, height: height, width: width))
    }
    // Behind what is not quantised yet, the pool follows the quantiser.
    if case .pending(var pending) = x {
      let shape = pending.view.shape
      let order = shape.count == 3 ? [0, 2, 1] : [0, 2, 3, 1]
      guard shape.count == 3 || shape.count == 4, pending.view == StridedView(shape: shape, inMemory: order) else {
        throw Self.notQuantised(pending)
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
    if Self.isVolume(codes.view.shape) { return try set(node, .codes(volumeMaximum(node, codes, isGlobal: isGlobal))) }
    let image = try image(codes)
    let (made, view) = try pool(image)
    codes.tensor = pooled(image.tensor, made, node.type, name: node.outputs.first)
    codes.view = view
    try set(node, .codes(codes))
  }

  /// Adds a maximum pool of an image in memory.
  mutating func pooled(
    _ image: Int, _ pool: ONNXPending.MaximumPool, _ typeName: String = "MaxPool", name: String?
  ) -> Int {
    var image = image
    if let (rows, columns) = pool.gathered {
      let shape = tensors[image].shape
      image = move(
        .indexed([Array(0..<shape[0]), rows, columns, Array(0..<shape[3])]), typeName, [image],
        shape: [shape[0], rows.count, columns.count, shape[3]])
    }
    return move(
      .maxPool2D(pool.window, height: pool.height, width: pool.width, .none), typeName, [image], shape: pool.shape,
      name: name)
  }

  /// The elements of an axis under each window with gaps. Beside the image stands one that is under the window as well:
  /// the largest is the same.
  private func places(
    _ count: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, before: Int, size: Int
  ) throws(NodeFault) -> [Int] {
    var places: [Int] = []
    for window in 0..<count {
      let taps = (0..<kernel).map { window * stride - before + $0 * dilation }
      guard let inside = taps.first(where: { (0..<size).contains($0) }) else {
        throw NodeFault("a window of its lies outside the image, and has no largest element")
      }
      places += taps.map { (0..<size).contains($0) ? $0 : inside }
    }
    return places
  }

  mutating func averagePool(_ node: ONNXNode) throws(NodeFault) {
    try set(
      node,
      .pending(averagePending(node, realCodes(node, 0, "input"), isGlobal: node.type == "GlobalAveragePool")))
  }

  mutating func averagePending(_ node: ONNXNode, _ codes: ONNXCodes, isGlobal: Bool) throws(NodeFault) -> ONNXPending {
    if Self.isVolume(codes.view.shape) { return try volumeAverage(node, codes, isGlobal: isGlobal) }
    var image = try image(codes)
    let kernel = try kernel(node, image, isGlobal: isGlobal)
    let (window, height, width) = try window(
      node, rank: image.rank, kernel: kernel, input: [image.height, image.width], dilates: false)
    let view = image.view(channels: image.channels, height: height, width: width)
    let shape = [image.batch, height, width, image.channels]
    guard case .explicit(var top, var left, let bottom, let right) = window.padding, top + left + bottom + right > 0 else {
      return ONNXPending(
        .average(image.tensor, window, height: kernel[0], width: kernel[1]), typeName: node.type, view: view, shape: shape)
    }
    if node.int("count_include_pad", default: 0) != 0 {
      // Padding counts; what ceil_mode adds behind it does not, but for ONNX Runtime's own operator, which divides by the
      // whole window always.
      let pads = try node.window("pads", rank: 2 * image.rank, default: 0)
      let ends = node.string("auto_pad", default: "NOTSET") == "NOTSET" && node.type != "QLinearAveragePool"
        ? [image.rank == 1 ? 0 : pads[2], pads[2 * image.rank - 1]] : [bottom, right]
      image.tensor = padded(
        image.tensor, [0, 0, top, ends[0], left, ends[1], 0, 0],
        shape: [image.batch, image.height + top + ends[0], image.width + left + ends[1], image.channels])
      (image.height, image.width) = (image.height + top + ends[0], image.width + left + ends[1])
      (top, left) = (0, 0)
    } else if isFloat, isSame(window, kernel, image) {
      return ONNXPending(
        .average(image.tensor, window, height: kernel[0], width: kernel[1]), typeName: node.type, view: view, shape: shape)
    }
    let rows = try runs(height, kernel[0], window.strideHeight, before: top, size: image.height)
    let columns = try runs(width, kernel[1], window.strideWidth, before: left, size: image.width)
    func isWhole(_ runs: [ONNXWindowRun], _ kernel: Int) -> Bool {
      runs.count == 1 && runs[0].start == 0 && runs[0].size == kernel
    }
    if isWhole(rows, kernel[0]), isWhole(columns, kernel[1]) {
      var plain = window
      plain.padding = .valid
      return ONNXPending(
        .average(image.tensor, plain, height: kernel[0], width: kernel[1]), typeName: node.type, view: view, shape: shape)
    }
    return ONNXPending(
      .averages(image.tensor, rows: rows, columns: columns), typeName: node.type, view: view, shape: shape)
  }

  /// Whether a window's padding is that of TensorFlow's scheme SAME, which one operator says.
  private func isSame(_ window: Window, _ kernel: [Int], _ image: Image) -> Bool {
    guard case .explicit(let top, let left, let bottom, let right) = window.padding else { return false }
    func isSame(_ size: Int, _ kernel: Int, _ stride: Int, _ before: Int, _ after: Int) -> Bool {
      let total = max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0)
      return before == total / 2 && after == total - total / 2
    }
    return isSame(image.height, kernel[0], window.strideHeight, top, bottom)
      && isSame(image.width, kernel[1], window.strideWidth, left, right)
  }

  /// Windows along an axis, cut off at the image's ends, in runs of one size.
  private func runs(
    _ count: Int, _ kernel: Int, _ stride: Int, before: Int, size: Int
  ) throws(NodeFault) -> [ONNXWindowRun] {
    var runs: [ONNXWindowRun] = []
    for window in 0..<count {
      let start = window * stride - before
      let (first, end) = (max(start, 0), min(start + kernel, size))
      guard first < end else { throw NodeFault("a window of its lies outside the image, and has nothing to average") }
      if let last = runs.last, last.size == end - first, first == last.start + last.count * stride {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(ONNXWindowRun(start: first, size: end - first, stride: stride, count: 1))
      }
    }
    guard runs.count <= 64 else { throw NodeFault("its windows have \(runs.count) different sizes along one axis") }
    return runs
  }

  /// The averages of each run of rows and columns, joined to one image; real ones where there is no quantiser.
  mutating func averages(
    _ tensor: Int, rows: [ONNXWindowRun], columns: [ONNXWindowRun], _ typeName: String, _ quantizer: ONNXQuantizer? = nil,
    _ rule: Quantizer? = nil, name: String
  ) -> Int {
    let image = tensors[tensor].shape
    let (batch, channels) = (image[0], image[3])
    var stripes: [Int] = []
    for (row, vertical) in rows.enumerated() {
      var parts: [Int] = []
      for (column, horizontal) in columns.enumerated() {
        let part = sliced(
          tensor,
          [
            (0, batch, 1), (vertical.start, vertical.start + vertical.reach, 1),
            (horizontal.start, horizontal.start + horizontal.reach, 1), (0, channels, 1),
          ], "Slice", name: nil)
        let made = addTensor(
          Tensor(
            name: "\(name)/\(row).\(column)", shape: [batch, vertical.count, horizontal.count, channels],
            type: quantizer?.type ?? .float32, quantization: quantizer?.quantization))
        let window = Window(padding: .valid, strideHeight: vertical.stride, strideWidth: horizontal.stride)
        operations.append(
          Operation(
            .averagePool2D(window, height: vertical.size, width: horizontal.size, .none), typeName: typeName,
            inputs: [part], outputs: [made], quantizer: rule))
        parts.append(made)
      }
      stripes.append(
        parts.count == 1
          ? parts[0]
          : move(
            .concatenation(axis: 2, .none), "Concat", parts,
            shape: [batch, vertical.count, columns.reduce(0) { $0 + $1.count }, channels], name: "\(name)/\(row)"))
    }
    guard stripes.count > 1 else { return stripes[0] }
    return move(
      .concatenation(axis: 1, .none), "Concat", stripes,
      shape: [batch, rows.reduce(0) { $0 + $1.count }, columns.reduce(0) { $0 + $1.count }, channels], name: name)
  }

  /// Adds a Pad of a tensor in memory; amounts are before and after each axis.
  mutating func padded(_ tensor: Int, _ amounts: [Int], shape: [Int], fill: Int? = nil, name: String? = nil) -> Int {
    let constant = addConstant("pads", amounts.map(Int64.init), [shape.count, 2], .int32)
    return move(.pad, "Pad", [tensor, constant] + (fill.map { [$0] } ?? []), shape: shape, name: name)
  }
}
