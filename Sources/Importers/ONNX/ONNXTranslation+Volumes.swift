import Network

// Conv and pools of volumes, [batch, channels, depth, height, width]: what a window has under it along the depth comes to lie
// beside each other, and the rest are images.
extension ONNXTranslation {
  /// Codes as slices: batch, depth, height, width, channels in memory.
  private struct Volume {
    var tensor: Int
    var batch: Int
    /// Depth, height, width.
    var sizes: [Int]
    var channels: Int
  }

  static func isVolume(_ shape: [Int]) -> Bool { shape.count == 5 }

  private mutating func volume(_ codes: ONNXCodes) -> Volume {
    let shape = codes.view.shape
    return Volume(
      tensor: arranged(codes, [0, 2, 3, 4, 1]), batch: shape[0], sizes: Array(shape[2...]), channels: shape[1])
  }

  /// The file's view of what lies as slices do.
  private func view(_ batch: Int, _ sizes: [Int], _ channels: Int) -> StridedView {
    StridedView(shape: [batch, channels] + sizes, inMemory: [0, 2, 3, 4, 1])
  }

  private mutating func reshapedInMemory(_ tensor: Int, _ shape: [Int]) -> Int {
    tensors[tensor].shape == shape ? tensor : move(.reshape(shape: nil), "Reshape", [tensor], shape: shape)
  }

  /// Elements of a tensor in memory by index along each axis.
  private mutating func gathered(_ tensor: Int, _ maps: [[Int]], _ typeName: String) throws(NodeFault) -> Int {
    guard elementCount(maps.map(\.count)) != nil else { throw NodeFault("its windows cover \(maps.map(\.count)) elements") }
    let isWhole = zip(maps, tensors[tensor].shape).allSatisfy { $0 == Array(0..<$1) }
    return isWhole ? tensor : move(.indexed(maps), typeName, [tensor], shape: maps.map(\.count))
  }

  /// With zeros around it along some of depth, height and width.
  private mutating func grown(_ volume: Volume, before: [Int], after: [Int]) throws(NodeFault) -> Volume {
    guard (before + after).contains(where: { $0 > 0 }) else { return volume }
    var made = volume
    made.sizes = (0..<3).map { volume.sizes[$0] + before[$0] + after[$0] }
    let shape = [volume.batch] + made.sizes + [volume.channels]
    guard elementCount(shape) != nil else { throw NodeFault("it makes \(shape)") }
    made.tensor = padded(
      volume.tensor, [0, 0] + (0..<3).flatMap { [before[$0], after[$0]] } + [0, 0], shape: shape)
    return made
  }

  /// The elements of an axis under each window, one window's behind another's.
  private func places(_ slides: Slides, _ axis: Int, _ kernel: Int) -> [Int] {
    (0..<slides.sizes[axis]).flatMap { window in
      (0..<kernel).map { window * slides.strides[axis] + $0 * slides.dilations[axis] }
    }
  }

  // MARK: Conv

  /// The slices under a window along the depth are channels of one image, in groups where the channels are.
  mutating func volumePending(
    _ node: ONNXNode, _ x: ONNXCodes, _ weights: QuantizedConstant, shape: [Int]
  ) throws(NodeFault) -> ONNXPending {
    let (outputs, inputs, groups) = (shape[0], shape[1], node.int("group", default: 1))
    let kernel = Array(shape[2...])
    let slides = try slides(node, kernel: kernel, input: Array(x.view.shape[2...]), dilates: true)
    let volume = try grown(volume(x), before: [slides.before[0], 0, 0], after: [slides.after[0], 0, 0])
    let (batch, depth, height, width) = (volume.batch, slides.sizes[0], volume.sizes[1], volume.sizes[2])
    var tensor = try gathered(
      volume.tensor,
      [Array(0..<batch), places(slides, 0, kernel[0]), Array(0..<height), Array(0..<width), Array(0..<volume.channels)],
      node.type)
    if kernel[0] > 1 {
      let parts = StridedView(rowMajor: [batch * depth, kernel[0], height, width, groups, inputs])
      tensor = arranged(ONNXCodes(tensor: tensor, view: parts, isReal: true), [0, 2, 3, 4, 1, 5])
    }
    let image = reshapedInMemory(tensor, [batch * depth, height, width, kernel[0] * volume.channels])
    // [out, in, slice, row, column] → [out, row, column, slice, in].
    let plane = kernel[1] * kernel[2]
    var codes: [Int64] = []
    codes.reserveCapacity(weights.codes.count)
    for output in 0..<outputs {
      for tap in 0..<plane {
        for slice in 0..<kernel[0] {
          for input in 0..<inputs {
            codes.append(weights.codes[((output * inputs + input) * kernel[0] + slice) * plane + tap])
          }
        }
      }
    }
    let window = Window(
      padding: .explicit(
        top: slides.before[1], left: slides.before[2], bottom: slides.after[1], right: slides.after[2]),
      strideHeight: slides.strides[1], strideWidth: slides.strides[2], dilationHeight: slides.dilations[1],
      dilationWidth: slides.dilations[2])
    let affine = ONNXAffine(
      kind: .conv2D(window, .none), input: image, weights: codes,
      weightShape: [outputs, kernel[1], kernel[2], kernel[0] * inputs], weightType: weights.type,
      scales: weights.quantization.scales, zeroPoints: weights.quantization.zeroPoints)
    return ONNXPending(
      .affine(affine), typeName: node.type, view: view(batch, slides.sizes, outputs),
      shape: [batch * depth, slides.sizes[1], slides.sizes[2], outputs])
  }

  // MARK: Pools

  private func kernel(_ node: ONNXNode, _ sizes: [Int], isGlobal: Bool) throws(NodeFault) -> [Int] {
    if isGlobal { return sizes }
    guard node.has("kernel_shape") else { throw NodeFault("its kernel_shape is missing") }
    return try node.window("kernel_shape", rank: 3, default: 1)
  }

  /// The largest of each slice's window, and then of the slices.
  mutating func volumeMaximum(_ node: ONNXNode, _ codes: ONNXCodes, isGlobal: Bool) throws(NodeFault) -> ONNXCodes {
    let volume = volume(codes)
    let kernel = try kernel(node, volume.sizes, isGlobal: isGlobal)
    let slides = try slides(node, kernel: kernel, input: volume.sizes, dilates: false)
    let (batch, channels) = (volume.batch, volume.channels)
    let (height, width) = (slides.sizes[1], slides.sizes[2])
    let slices = reshapedInMemory(
      volume.tensor, [batch * volume.sizes[0], volume.sizes[1], volume.sizes[2], channels])
    func window(_ axes: [Int]) -> Window {
      func at(_ numbers: [Int], _ place: Int, _ other: Int) -> Int { place < axes.count ? numbers[axes[place]] : other }
      return Window(
        padding: .explicit(
          top: at(slides.before, 0, 0), left: at(slides.before, 1, 0), bottom: at(slides.after, 0, 0),
          right: at(slides.after, 1, 0)), strideHeight: at(slides.strides, 0, 1), strideWidth: at(slides.strides, 1, 1))
    }
    let flat = move(
      .maxPool2D(window([1, 2]), height: kernel[1], width: kernel[2], .none), node.type, [slices],
      shape: [batch * volume.sizes[0], height, width, channels])
    let columns = reshapedInMemory(flat, [batch, volume.sizes[0], height * width, channels])
    let made = move(
      .maxPool2D(window([0]), height: kernel[0], width: 1, .none), node.type, [columns],
      shape: [batch, slides.sizes[0], height * width, channels], name: node.outputs.first)
    return ONNXCodes(tensor: made, view: view(batch, slides.sizes, channels), isReal: codes.isReal)
  }

  /// Each window is a column of what it has under it.
  mutating func volumeAverage(_ node: ONNXNode, _ codes: ONNXCodes, isGlobal: Bool) throws(NodeFault) -> ONNXPending {
    var volume = volume(codes)
    let kernel = try kernel(node, volume.sizes, isGlobal: isGlobal)
    let slides = try slides(node, kernel: kernel, input: volume.sizes, dilates: false)
    if (slides.before + slides.after).contains(where: { $0 > 0 }) {
      let pads = try node.window("pads", rank: 6, default: 0)
      guard node.int("count_include_pad", default: 0) != 0, node.string("auto_pad", default: "NOTSET") == "NOTSET",
        slides.after == Array(pads[3...])
      else {
        throw NodeFault(
          "it averages windows of a volume that differ in size at its ends",
          remedy: "let padding count (count_include_pad = 1), or pad with zeros in front of it; and leave out ceil_mode",
          isOfOperator: true)
      }
      volume = try grown(volume, before: slides.before, after: slides.after)
    }
    let (batch, channels, sizes) = (volume.batch, volume.channels, slides.sizes)
    let taps = try gathered(
      volume.tensor, [Array(0..<batch)] + (0..<3).map { places(slides, $0, kernel[$0]) } + [Array(0..<channels)], node.type)
    let parts = StridedView(
      rowMajor: [batch, sizes[0], kernel[0], sizes[1], kernel[1], sizes[2], kernel[2], channels])
    let columns = arranged(ONNXCodes(tensor: taps, view: parts, isReal: true), [2, 4, 6, 0, 1, 3, 5, 7])
    let (count, windows) = (kernel.reduce(1, *), batch * sizes.reduce(1, *))
    return ONNXPending(
      .average(
        reshapedInMemory(columns, [1, count, windows, channels]), Window(padding: .valid), height: count, width: 1),
      typeName: node.type, view: view(batch, sizes, channels), shape: [1, 1, windows, channels])
  }
}
