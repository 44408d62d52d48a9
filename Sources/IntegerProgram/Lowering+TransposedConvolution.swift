import Network

// TRANSPOSE_CONV → one affine for each place of an output pixel within the stride, and a move that interleaves them.
extension Lowering {
  mutating func transposedConvolution(
    _ operation: Operation, _ window: Window, _ activation: Activation
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireCodes(x, "input")
    let weights = try weights(operation, rank: 4, channelAxis: 0)
    try requireSymmetric(weights, beside: x)
    let output = try output(operation)
    let (shape, kernel) = (values[x].shape, weights.shape)
    guard shape.count == 4 else { throw LayerFault("its input has the shape \(shape), not 4-D") }
    guard shape[3] % kernel[3] == 0, kernel[0] % (shape[3] / kernel[3]) == 0 else {
      throw LayerFault(
        "its weights take \(kernel[3]) input channels and make \(kernel[0]), which does not divide the input's "
          + "\(shape[3]) channels into groups")
    }
    guard output.shape.count == 4, output.shape[0] == shape[0], output.shape[3] == kernel[0] else {
      throw LayerFault("its output has the shape \(output.shape), not \(shape[0]) images of \(kernel[0]) channels")
    }
    if operation.inputs.count > 3, let index = operation.inputs[3], let asked = network.tensors[index].integers,
      asked != output.shape.map(Int64.init)
    {
      throw LayerFault("the shape that it asks for, \(asked), is not its output's in the file, \(output.shape)")
    }
    let rows = try TransposedExtent(
      window.padding, input: shape[1], output: output.shape[1], kernel: kernel[1], stride: window.strideHeight,
      dilation: window.dilationHeight, axis: .height)
    let columns = try TransposedExtent(
      window.padding, input: shape[2], output: output.shape[2], kernel: kernel[2], stride: window.strideWidth,
      dilation: window.dilationWidth, axis: .width)
    let phases = rows.phases.count * columns.phases.count
    guard phases <= Self.mostPhases else {
      throw LayerFault(
        "its strides divide its output into \(phases) convolutions, more than \(Self.mostPhases)",
        remedy: "use smaller strides, or enlarge the image by several layers")
    }

    var parts: [Int] = []
    var copies: [Move.Copy] = []
    let channels = output.shape[3]
    for row in rows.phases {
      for column in columns.phases {
        // Taps of zeros, put in for dilation and for places far from the image, count as weights.
        weightCount += max(0, (row.taps.count * column.taps.count - kernel[1] * kernel[2]) * kernel[0] * kernel[3])
        guard weightCount <= Self.mostWeights else {
          throw LayerFault("its window reaches so far that its weights, zeros included, pass \(Self.mostWeights)")
        }
        let clipped = ClippedWindow(
          geometry: WindowGeometry(
            batch: shape[0], inputHeight: shape[1], inputWidth: shape[2], inputChannels: shape[3],
            outputHeight: row.size, outputWidth: column.size, outputChannels: channels,
            kernelHeight: row.taps.count, kernelWidth: column.taps.count, paddingTop: row.before,
            paddingLeft: column.before),
          rows: row.taps, columns: column.taps)
        let codes = clipped.taps(of: weights.codes, kernelWidth: kernel[2], outer: kernel[0], inner: kernel[3])
        var part = output
        if phases > 1 {
          part.tensor = nil
          part.shape = [shape[0], row.size, column.size, channels]
        }
        try affine(
          operation, x, clipped.geometry, groups: shape[3] / kernel[3], weights, codes, part, activation)
        copies.append(
          interleaving(
            operand: parts.count, sizes: [shape[0], row.size, column.size, channels], into: output.shape,
            row: row.first, column: column.first, every: window.strideHeight, window.strideWidth))
        parts.append(steps.last?.output ?? values.count - 1)
      }
    }
    guard phases > 1 else { return }
    let range = parts.reduce(nil) { union($0, values[$1].range) }
    emit(.move(Move(copies: copies)), operation, inputs: parts, output: output, range: range)
  }

  /// Convolutions that one operation may be divided into.
  static let mostPhases = 1 << 10
}

/// How the windows of a transposed convolution lie along one axis of its output.
struct TransposedExtent {
  /// The output places first, first + stride, …: each reads the same taps, from input places one after the other.
  struct Phase {
    var first: Int
    var size: Int
    /// How far before the image the first tap of the first place lies; never negative.
    var before: Int
    /// The taps of the file's window in the order of the input places that they weigh; nil for a tap of zeros.
    var taps: [Int?]
  }

  var phases: [Phase] = []

  /// Input place i and tap t add to the output place i · stride + t · dilation − start (TensorFlow Lite:
  /// `reference_integer_ops::TransposeConv`).
  init(
    _ padding: Padding, input: Int, output: Int, kernel: Int, stride: Int, dilation: Int, axis: WindowExtent.Axis
  ) throws(LayerFault) {
    let most = 1 << 16
    guard (1...most).contains(kernel), (1...most).contains(stride), (1...most).contains(dilation) else {
      throw LayerFault(
        "its window's \(axis.rawValue) \(kernel), stride \(stride), dilation \(dilation) must be in 1 … \(most)")
    }
    let reach = (kernel - 1) * dilation + 1
    let start: Int
    switch padding {
    case .valid: start = 0
    case .same: start = max(((output + stride - 1) / stride - 1) * stride + reach - output, 0) / 2
    case .explicit(let top, let left, _, _):
      start = axis == .height ? top : left
      guard (0...most).contains(start) else {
        throw LayerFault("its padding of \(start) along its \(axis.rawValue) is outside 0 … \(most)")
      }
    }
    guard reach <= most else {
      throw LayerFault("its window's \(axis.rawValue), \(kernel) dilated by \(dilation), passes \(most)")
    }
    for first in 0..<min(stride, output) {
      // Place first + j · stride takes tap positions rest + s · stride from input places j + lead − s.
      let (lead, rest) = ((first + start) / stride, (first + start) % stride)
      let size = (output - first + stride - 1) / stride
      // A tap that no place of the phase can read from inside the image adds nothing.
      let least = max(0, lead - input + 1)
      let inside = least..<max(min((reach - rest + stride - 1) / stride, size + lead), least)
      func isTap(_ step: Int) -> Bool { (rest + step * stride) % dilation == 0 }
      guard let nearest = inside.first(where: isTap), let farthest = inside.last(where: isTap) else {
        phases.append(Phase(first: first, size: size, before: 0, taps: [nil]))
        continue
      }
      var taps = (nearest...farthest).reversed().map { isTap($0) ? (rest + $0 * stride) / dilation : nil }
      let before = farthest - lead
      if before < 0 { taps.insert(contentsOf: repeatElement(nil, count: -before), at: 0) }
      phases.append(Phase(first: first, size: size, before: max(before, 0), taps: taps))
    }
  }
}
