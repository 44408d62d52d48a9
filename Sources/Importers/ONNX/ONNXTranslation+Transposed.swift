import Network

// ConvTranspose: one convolution whose output channels are all places inside a block of strides, and the blocks laid out.
extension ONNXTranslation {
  /// One axis of a transposed convolution with stride s. Output o + before = s · q + r is the sum over taps t ≡ r (mod s)
  /// of weight t times input q − (t − r) / s: for every r a convolution over q, with ⌈kernel / s⌉ taps in the order turned
  /// round, of which those behind the kernel's end are zero.
  private struct Axis {
    var stride, kernel, dilation: Int
    /// Taps of each phase.
    var taps: Int
    /// Padding of the convolution.
    var before, after: Int
    /// What is cut off in front, and the size that is left.
    var cut, size: Int
    /// Places that the convolution makes.
    var places: Int

    init(
      input: Int, kernel: Int, stride: Int, dilation: Int, before: Int, after: Int, outputPadding: Int
    ) throws(NodeFault) {
      (self.stride, self.kernel, self.dilation) = (stride, kernel, dilation)
      let reach = (kernel - 1) * dilation + 1
      taps = (reach + stride - 1) / stride
      size = stride * (input - 1) + outputPadding + reach - before - after
      guard size > 0, size <= Network.largestTensor else { throw NodeFault("it makes \(size) elements along an axis") }
      // The first and the last place that is needed; in front no padding can be negative.
      let first = min(before / stride, taps - 1)
      let last = (before + size + stride - 1) / stride
      self.before = taps - 1 - first
      self.after = max(last - input, 0)
      cut = before - first * stride
      places = input + self.before + self.after - taps + 1
    }

    /// The tap of the file's kernel at `place` of the convolution for the phase; nil where there is none.
    func tap(_ place: Int, phase: Int) -> Int? {
      let tap = phase + stride * (taps - 1 - place)
      return tap % dilation == 0 && tap / dilation < kernel ? tap / dilation : nil
    }
  }

  mutating func transposedConvolution(_ node: ONNXNode) throws(NodeFault) {
    let x = try realCodes(node, 0, "input")
    let image = try image(x)
    let kernel = try constant(node, 1, "weights")
    let weights = try self.weights(kernel)
    let shape = kernel.shape
    let groups = node.int("group", default: 1)
    guard shape.count == image.rank + 2, shape[0] == image.channels, groups > 0, shape[0] % groups == 0, shape[1] > 0 else {
      throw NodeFault("its weights have the shape \(shape), its input \(x.view.shape), and it has \(groups) groups")
    }
    guard shape[1] <= Network.largestTensor / groups else { throw NodeFault("it has \(groups) groups of \(shape[1]) channels") }
    let outputs = shape[1] * groups
    let quantization = weights.quantization
    guard quantization.scales.count == 1 && quantization.zeroPoints.count == 1 || quantization.axis == 1 && groups == 1 else {
      throw NodeFault(
        "its weights' scales run along axis \(quantization.axis) of \(shape) in \(groups) groups",
        remedy: "quantise its weights per tensor, or per output channel (axis 1) without groups")
    }
    let (rows, columns) = try axes(node, image, kernel: Array(shape.dropFirst(2)))
    // [block row, block column, out][row, column, in], groups written out with weights of zero.
    let (height, width) = image.rank == 1 ? (1, shape[2]) : (shape[2], shape[3])
    let perGroup = (inputs: image.channels / groups, outputs: shape[1])
    let block = rows.stride * columns.stride
    guard block <= 1 << 12, let count = elementCount([block, outputs, rows.taps, columns.taps, image.channels]) else {
      throw NodeFault("its strides make a convolution of more than \(Network.largestTensor) weights")
    }
    try spend(count)
    var codes: [Int64] = []
    codes.reserveCapacity(count)
    for phase in 0..<block {
      for output in 0..<outputs {
        let zero = quantization.zeroPoints[quantization.zeroPoints.count == 1 ? 0 : output]
        for row in 0..<rows.taps {
          for column in 0..<columns.taps {
            let taps = (rows.tap(row, phase: phase / columns.stride), columns.tap(column, phase: phase % columns.stride))
            for input in 0..<image.channels {
              guard case (let y?, let x?) = taps, input / perGroup.inputs == output / perGroup.outputs else {
                codes.append(isFloat ? 0 : zero)
                continue
              }
              codes.append(weights.codes[((input * perGroup.outputs + output % perGroup.outputs) * height + y) * width + x])
            }
          }
        }
      }
    }
    func all<T>(_ list: [T]) -> [T] { list.count == 1 ? list : (0..<block).flatMap { _ in list } }
    var affine = ONNXAffine(
      kind: .conv2D(
        Window(
          padding: .explicit(top: rows.before, left: columns.before, bottom: rows.after, right: columns.after)), .none),
      input: image.tensor, weights: codes,
      weightShape: [block * outputs, rows.taps, columns.taps, image.channels], weightType: weights.type,
      scales: all(quantization.scales), zeroPoints: all(quantization.zeroPoints))
    affine.repeats = block
    // The blocks as they lie: batch, places, places, block row, block column, channel.
    let sizes = [image.batch, rows.places, columns.places, rows.stride, columns.stride, outputs]
    let places = StridedView(rowMajor: sizes).transposed([0, 5, 1, 3, 2, 4])
    let whole = [image.batch, outputs, rows.places * rows.stride, columns.places * columns.stride]
    guard var view = places.reshaped(to: whole) else { throw unknown(node) }
    let made = [image.batch, outputs, rows.size, columns.size]
    var pending = ONNXPending(
      .affine(affine), typeName: node.type, view: view,
      shape: [image.batch, rows.places, columns.places, block * outputs])
    if made != whole {
      pending.crop = ONNXPending.Crop(view: view, starts: [0, 0, rows.cut, columns.cut], shape: made)
      view = StridedView(shape: made, inMemory: [0, 2, 3, 1])
    }
    if image.rank == 1 {
      guard let line = view.reshaped(to: [image.batch, outputs, columns.size]) else { throw unknown(node) }
      view = line
    }
    pending.view = view
    if node.hasInput(2) {
      let bias = try constant(node, 2, "bias")
      guard bias.count == outputs else { throw NodeFault("its bias has \(bias.count) elements for \(outputs) channels") }
      try addBias(bias, times: 1, to: &pending)
    }
    try set(node, .pending(pending))
  }

  private func axes(_ node: ONNXNode, _ image: Image, kernel: [Int]) throws(NodeFault) -> (Axis, Axis) {
    let rank = image.rank
    if let stated = node.ints("kernel_shape"), !stated.isEmpty, stated != kernel {
      throw NodeFault("its kernel_shape \(stated) is not that of its weights, \(kernel)")
    }
    let strides = try node.window("strides", rank: rank, default: 1)
    let dilations = try node.window("dilations", rank: rank, default: 1)
    let extra = try node.window("output_padding", rank: rank, default: 0)
    let pads = try node.window("pads", rank: 2 * rank, default: 0)
    guard (strides + dilations + kernel).allSatisfy({ (1...1 << 12).contains($0) }) else {
      throw NodeFault("its strides \(strides), dilations \(dilations) and window \(kernel) must be positive")
    }
    let inputs = rank == 1 ? [image.width] : [image.height, image.width]
    var axes: [Axis] = []
    for axis in 0..<rank {
      let reach = (kernel[axis] - 1) * dilations[axis] + 1
      var (before, after) = (pads[axis], pads[rank + axis])
      // Where the size is given, the padding follows from it (ONNX: ConvTranspose).
      var wanted: Int?
      if let sizes = node.ints("output_shape"), sizes.count >= rank { wanted = sizes[sizes.count - rank + axis] }
      let scheme = node.string("auto_pad", default: "NOTSET")
      switch scheme {
      case "NOTSET": break
      case "VALID": (before, after) = (0, 0)
      case "SAME_UPPER", "SAME_LOWER": wanted = wanted ?? inputs[axis] * strides[axis]
      default: throw NodeFault("its auto_pad is \(scheme.printable(40))", isOfOperator: true)
      }
      if let wanted {
        guard (1...1 << 20).contains(wanted) else { throw NodeFault("its output_shape is \(wanted)") }
        let total = strides[axis] * (inputs[axis] - 1) + extra[axis] + reach - wanted
        guard total >= 0 else {
          throw NodeFault("its output_shape \(wanted) is larger than what its windows make")
        }
        before = scheme == "SAME_UPPER" ? total / 2 : total - total / 2
        after = total - before
      }
      axes.append(
        try Axis(
          input: inputs[axis], kernel: kernel[axis], stride: strides[axis], dilation: dilations[axis], before: before,
          after: after, outputPadding: extra[axis]))
    }
    if rank == 1 {
      axes.insert(
        try Axis(input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, outputPadding: 0), at: 0)
    }
    return (axes[0], axes[1])
  }

  /// What is left of a tensor of codes when its edges are cut off.
  mutating func cropped(_ codes: ONNXCodes, _ crop: ONNXPending.Crop, view: StridedView, name: String) -> ONNXCodes {
    let order = [0, 2, 3, 1]
    var whole = codes
    whole.view = crop.view
    let tensor = arranged(whole, order)
    let made = sliced(
      tensor, order.map { (crop.starts[$0], crop.starts[$0] + crop.shape[$0], 1) }, "Slice", name: name)
    return ONNXCodes(tensor: made, view: view, isReal: codes.isReal)
  }
}
