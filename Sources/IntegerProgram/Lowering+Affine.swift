import Arithmetic
import Network

// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED → affine.
extension Lowering {
  /// The constant weights of an affine layer, and their scales: one, or one for each output channel.
  struct Weights {
    var codes: [Int64]
    var shape: [Int]
    var scales: [Float]
    /// One, or one for each output channel.
    var zeroPoints: [Int64]
  }

  mutating func weights(
    _ operation: Operation, at position: Int = 1, rank: Int, channelAxis: Int, types: [ElementType] = [.int8]
  ) throws(LayerFault) -> Weights {
    guard operation.inputs.count > position, let index = operation.inputs[position] else {
      throw LayerFault("its weights (input \(position)) are missing")
    }
    let tensor = network.tensors[index]
    guard isTensorFlowLite ? types.contains(tensor.type) : (tensor.type.codes.map { $0.upperBound < 1 << 16 } ?? false)
    else {
      throw LayerFault(
        "its weights are \(tensor.type), not \(types[0])",
        remedy: tensor.type == .float32
          ? "this layer is not quantised: convert with full integer quantisation" : "convert with \(types[0]) weights")
    }
    guard tensor.shape.count == rank else {
      throw LayerFault("its weights have the shape \(tensor.shape); rank \(rank) is expected")
    }
    guard weightCount + tensor.count <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount + tensor.count), more than \(Self.mostWeights)")
    }
    weightCount += tensor.count
    guard let codes = tensor.integers else {
      throw LayerFault(
        "its weights are computed at run time", remedy: "only constant weights are supported; train with fixed weights")
    }
    guard let quantization = tensor.quantization else {
      throw LayerFault("its weights have no scale", remedy: "convert with full integer quantisation")
    }
    let channels = tensor.shape[channelAxis]
    let scales = quantization.scales
    guard scales.count == 1 || scales.count == channels else {
      throw LayerFault("its weights have \(scales.count) scales for \(channels) output channels")
    }
    guard scales.count == 1 || quantization.axis == channelAxis else {
      throw LayerFault(
        "its weights' scales run along axis \(quantization.axis); the output channels are axis \(channelAxis)")
    }
    if let channel = scales.firstIndex(where: { !($0.isFinite && $0 > 0) }) {
      // A channel whose weights are all zero may carry a zero scale.
      guard scales[channel] == 0 else {
        throw LayerFault("the weight scale of channel \(channel) is \(scales[channel]), which must be positive")
      }
    }
    var zeroPoints = quantization.zeroPoints.isEmpty ? [0] : quantization.zeroPoints
    if zeroPoints.allSatisfy({ $0 == zeroPoints[0] }) { zeroPoints = [zeroPoints[0]] }
    guard zeroPoints.count == 1 || zeroPoints.count == channels, !isTensorFlowLite || zeroPoints == [0] || scales.count == 1,
      tensor.type != .uint8 || !isTensorFlowLite || scales.count == 1
    else {
      throw LayerFault("its weights have several zero points, or one beside scales per channel; they must be symmetric")
    }
    if let zeroPoint = zeroPoints.first(where: { tensor.type.codes?.contains($0) != true }) {
      throw LayerFault("its weights have the zero point \(zeroPoint), outside \(tensor.type)")
    }
    return Weights(codes: codes, shape: tensor.shape, scales: scales, zeroPoints: zeroPoints)
  }

  /// Integers in units of the accumulator, or real values. Beside codes of 16 bits (`isWide`) they may have 64 bits.
  func bias(
    _ operation: Operation, at position: Int = 2, channels: Int, isWide: Bool = false
  ) throws(LayerFault) -> Bias {
    guard operation.inputs.count > position, let index = operation.inputs[position] else {
      return .codes(Array(repeating: 0, count: channels))
    }
    // Its quantisation is not read: converters leave axes there that do not exist, and the scale is fixed by theory.
    let tensor = network.tensors[index]
    if let reals = tensor.reals, reals.count == channels, !isTensorFlowLite, reals.allSatisfy(\.isFinite) {
      return .exact(reals.map { ExactNumber($0) })
    }
    guard tensor.type == .int32 || isWide && tensor.type == .int64 else {
      throw LayerFault(
        "its bias is \(tensor.type), not int32\(isWide ? " or int64" : "")",
        remedy: "convert with full integer quantisation")
    }
    guard let codes = tensor.integers else { throw LayerFault("its bias is computed at run time") }
    guard codes.count == channels else {
      throw LayerFault("its bias has \(codes.count) elements for \(channels) output channels")
    }
    if let code = codes.first(where: { $0.magnitude >= 1 << 47 }) {
      throw LayerFault("its bias of \(code) leaves the 48 bits that the reference requantises")
    }
    return .codes(codes)
  }

  mutating func fullyConnected(_ operation: Operation, _ activation: Activation) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireBytes(x, "input")
    let weights = try weights(operation, rank: 2, channelAxis: 0, types: weightTypes(beside: x))
    let output = try output(operation)
    let (outputs, inputs) = (weights.shape[0], weights.shape[1])
    guard values[x].count % inputs == 0 else {
      throw LayerFault("its input has \(values[x].count) elements, not a multiple of the weights' \(inputs)")
    }
    let batch = values[x].count / inputs
    guard output.count == batch * outputs else {
      throw LayerFault("its output has the shape \(output.shape), not \(batch) × \(outputs) elements")
    }
    let geometry = WindowGeometry.dense(batch: batch, inputs: inputs, outputs: outputs)
    try affine(operation, x, geometry, groups: 1, weights, weights.codes, output, activation, isDense: true)
  }

  mutating func convolution(
    _ operation: Operation, _ window: Window, _ activation: Activation
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireBytes(x, "input")
    let weights = try weights(operation, rank: 4, channelAxis: 0, types: weightTypes(beside: x))
    try requireSymmetric(weights, beside: x)
    let output = try output(operation)
    guard values[x].shape.count == 4 else { throw LayerFault("its input has the shape \(values[x].shape), not 4-D") }
    let inputChannels = values[x].shape[3]
    guard inputChannels % weights.shape[3] == 0, weights.shape[0] % (inputChannels / weights.shape[3]) == 0 else {
      throw LayerFault(
        "its weights take \(weights.shape[3]) input channels and make \(weights.shape[0]), which does not divide the "
          + "input's \(inputChannels) channels into groups")
    }
    let clipped = try geometry(
      window, input: values[x].shape, kernelHeight: weights.shape[1], kernelWidth: weights.shape[2],
      outputChannels: weights.shape[0], output: output)
    let codes = clipped.taps(
      of: weights.codes, kernelWidth: weights.shape[2], outer: weights.shape[0], inner: weights.shape[3])
    try affine(
      operation, x, clipped.geometry, groups: inputChannels / weights.shape[3], weights, codes, output, activation)
  }

  mutating func depthwiseConvolution(
    _ operation: Operation, _ window: Window, _ depthMultiplier: Int, _ activation: Activation
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireBytes(x, "input")
    let weights = try weights(operation, rank: 4, channelAxis: 3, types: weightTypes(beside: x))
    try requireSymmetric(weights, beside: x)
    let output = try output(operation)
    guard values[x].shape.count == 4 else { throw LayerFault("its input has the shape \(values[x].shape), not 4-D") }
    let (inputChannels, outputChannels) = (values[x].shape[3], weights.shape[3])
    guard weights.shape[0] == 1, depthMultiplier >= 1,
      inputChannels.multipliedReportingOverflow(by: depthMultiplier) == (outputChannels, false)
    else {
      throw LayerFault(
        "its weights have the shape \(weights.shape), which does not fit \(inputChannels) input channels with depth "
          + "multiplier \(depthMultiplier)")
    }
    let clipped = try geometry(
      window, input: values[x].shape, kernelHeight: weights.shape[1], kernelWidth: weights.shape[2],
      outputChannels: outputChannels, output: output)
    let kept = clipped.taps(of: weights.codes, kernelWidth: weights.shape[2], outer: 1, inner: outputChannels)
    // The file has taps outside and output channels inside; the core has each output channel's taps together.
    let taps = clipped.geometry.taps
    var codes: [Int64] = []
    codes.reserveCapacity(kept.count)
    for channel in 0..<outputChannels {
      for tap in 0..<taps { codes.append(kept[tap * outputChannels + channel]) }
    }
    try affine(operation, x, clipped.geometry, groups: inputChannels, weights, codes, output, activation)
  }

  mutating func affine(
    _ operation: Operation, _ x: Int, _ geometry: WindowGeometry, groups: Int, _ weights: Weights, _ codes: [Int64],
    _ output: Value, _ activation: Activation, isDense: Bool = false
  ) throws(LayerFault) {
    try requireBytes(output, "output", beside: x)
    let input = values[x]
    let isWide = input.type == .int16 && isTensorFlowLite
    if isWide { try requireSymmetric(weights, beside: x) }
    let isAsymmetric = isAsymmetric(input)
    let channels = geometry.outputChannels
    let length = codes.count / channels
    var centred: [Int64] = []
    centred.reserveCapacity(codes.count)
    for (index, code) in codes.enumerated() {
      let zeroPoint = weights.zeroPoints.count == 1 ? weights.zeroPoints[0] : weights.zeroPoints[index / length]
      guard Int16(exactly: code - zeroPoint) != nil else {
        throw LayerFault("its weight \(code) with zero point \(zeroPoint) needs more than 16 bits")
      }
      centred.append(code - zeroPoint)
    }
    let sums = WeightedSums(
      geometry: geometry, groups: groups, weights: centred, inputRange: input.range, inputZeroPoint: input.zeroPoint)
    let bias = try bias(operation, channels: channels, isWide: isWide)
    if output.type == .int32 {
      guard case .codes(let codes) = bias else { throw LayerFault("its bias is real, and no quantiser follows") }
      let sum = try accumulatorSum(
        operation, input, weightScales: weights.scales, bias: codes, activation, output: output)
      let (affine, range) = try affine(sums, sum)
      return emit(.affine(affine), operation, inputs: [x], output: output, range: range)
    }
    if let quantizer = operation.quantizer {
      return try quantizedAffine(operation, quantizer, x, sums, weights.scales, bias, output)
    }
    var multipliers: [Multiplier] = []
    for scale in weights.scales {
      if isAsymmetric {
        multipliers.append(try asymmetricMultiplier(input, scale, output))
        continue
      }
      // The product alone is rounded; the quotient is double in every release.
      let product =
        isDense && weights.scales.count == 1 ? product(input.scale, scale) : Double(input.scale) * Double(scale)
      multipliers.append(try multiplier(product / Double(output.scale), "input scale · weight scale / output scale"))
    }
    guard case .codes(let biasCodes) = bias else {
      throw LayerFault("its bias is real, and no quantiser says how it becomes a code")
    }
    let accumulates64 = isWide ? try hasLongAccumulators(operation) : false
    if accumulates64 { for index in multipliers.indices { multipliers[index] = try reduced(multipliers[index]) } }
    var sum = QuantizedSum(
      requantization: Requantization(
        multipliers: multipliers, rounding: accumulates64 ? .single : options.rounding, zeroPoint: output.zeroPoint,
        clamp: clamp(activation, output)),
      offsets: biasCodes)
    sum.isLong = accumulates64
    if isAsymmetric, isDense, options.rounding == .double {
      let ranges = (0..<channels).map { sums.range(channel: $0) }
      let lowest = zip(ranges, biasCodes).map { $0.lowerBound + $1 }.min() ?? 0
      let highest = zip(ranges, biasCodes).map { $0.upperBound + $1 }.max() ?? 0
      sum.requantization.rounding = .single
      sum.requantization.multipliers = [
        try multiplierRoundingOnce(
          Double(input.scale) * Double(weights.scales[0]) / Double(output.scale), over: lowest...highest,
          clamp: sum.requantization.clamp, output)
      ]
    }
    let (affine, range) = try affine(sums, sum)
    emit(.affine(affine), operation, inputs: [x], output: output, range: range)
  }

  /// Whether the reference accumulates in 64 bits and requantises by the multiplier's upper half: so it does beside codes
  /// of 16 bits, but where the bias has 32 (TensorFlow Lite Micro: `ConvEval`, `FullyConnectedEval`).
  private func hasLongAccumulators(_ operation: Operation) throws(LayerFault) -> Bool {
    guard operation.inputs.count > 2, let bias = operation.inputs[2], network.tensors[bias].type == .int32 else { return true }
    switch operation.kind {
    case .conv2D, .fullyConnected: return false
    default:
      throw LayerFault(
        "its bias is int32 beside int16 codes, and the reference would read it as int64",
        remedy: "convert with TensorFlow's converter, which writes int64 biases for 16x8")
    }
  }

  /// A multiplier as it is applied to accumulators of 64 bits.
  func reduced(_ multiplier: Multiplier) throws(LayerFault) -> Multiplier {
    guard multiplier.exponent < 8 else {
      throw LayerFault(
        "its output's scale is \(multiplier.real) times finer than its accumulators', which the reference refuses",
        remedy: "the scales in the file are out of proportion: quantise again with representative data")
    }
    return multiplier.reduced
  }

  /// Outside the image a window's kernel adds nothing, whatever the weights' zero point; TensorFlow Lite has none there
  /// beside int8.
  func requireSymmetric(_ weights: Weights, beside x: Int) throws(LayerFault) {
    guard !isTensorFlowLite || weights.zeroPoints == [0] || isAsymmetric(values[x]) else {
      throw LayerFault("its weights have the zero point \(weights.zeroPoints[0]), not 0")
    }
  }

  /// The geometry of a window over an image, its padding resolved, held to the output's shape in the file (TensorFlow
  /// Lite: `ComputePaddingHeightWidth`). `keepsTaps` where those that always lie outside the image count.
  func geometry(
    _ window: Window, input: [Int], kernelHeight: Int, kernelWidth: Int, outputChannels: Int, output: Value,
    keepsTaps: Bool = false
  ) throws(LayerFault) -> ClippedWindow {
    let rows = try WindowExtent(
      window.padding, input: input[1], kernel: kernelHeight, stride: window.strideHeight,
      dilation: window.dilationHeight, axis: .height, keepsTaps: keepsTaps)
    let columns = try WindowExtent(
      window.padding, input: input[2], kernel: kernelWidth, stride: window.strideWidth,
      dilation: window.dilationWidth, axis: .width, keepsTaps: keepsTaps)
    try require(shape: [input[0], rows.size, columns.size, outputChannels], of: output)
    return ClippedWindow(
      geometry: WindowGeometry(
        batch: input[0], inputHeight: input[1], inputWidth: input[2], inputChannels: input[3],
        outputHeight: rows.size, outputWidth: columns.size, outputChannels: outputChannels,
        kernelHeight: rows.taps.count, kernelWidth: columns.taps.count, strideHeight: rows.stride,
        strideWidth: columns.stride, dilationHeight: rows.dilation, dilationWidth: columns.dilation,
        paddingTop: rows.before, paddingLeft: columns.before),
      rows: rows.taps, columns: columns.taps)
  }
}

/// A window without the tap rows and columns that lie outside the image wherever it stands: those add nothing. What is
/// left is never much larger than the image, whatever sizes a file gives.
struct ClippedWindow {
  var geometry: WindowGeometry
  /// Along each axis, which taps of the file's window the clipped one holds; nil for a tap of zeros.
  var rows, columns: [Int?]

  /// The weights of the clipped window, of those laid out as [outer, kernel row, kernel column, inner].
  func taps(of weights: [Int64], kernelWidth: Int, outer: Int, inner: Int) -> [Int64] {
    let kernelHeight = weights.count / (outer * kernelWidth * inner)
    guard rows != Array(0..<kernelHeight) || columns != Array(0..<kernelWidth) else { return weights }
    var kept: [Int64] = []
    kept.reserveCapacity(outer * rows.count * columns.count * inner)
    for block in 0..<outer {
      for row in rows {
        for column in columns {
          if let row, let column {
            let start = ((block * kernelHeight + row) * kernelWidth + column) * inner
            kept += weights[start..<start + inner]
          } else {
            kept += repeatElement(0, count: inner)
          }
        }
      }
    }
    return kept
  }
}

/// How a window slides along one axis.
struct WindowExtent {
  enum Axis: String { case height, width }

  var size: Int
  var stride, dilation: Int
  /// How far before the image the first tap of the first window lies; never negative.
  var before: Int
  /// The taps of the file's window that are kept; nil for a tap of zeros put in.
  var taps: [Int?]

  init(
    _ padding: Padding, input: Int, kernel: Int, stride: Int, dilation: Int, axis: Axis, keepsTaps: Bool = false
  ) throws(LayerFault) {
    let most = 1 << 16
    guard (1...most).contains(kernel), (1...most).contains(stride), (1...most).contains(dilation) else {
      throw LayerFault("its window's \(axis.rawValue) \(kernel), stride \(stride), dilation \(dilation) must be in 1 … \(most)")
    }
    let reach = (kernel - 1) * dilation + 1
    let start: Int
    switch padding {
    case .valid:
      guard reach <= input else {
        throw LayerFault("its window's \(axis.rawValue), \(reach), passes the input's, \(input), and the padding is VALID")
      }
      size = (input - reach) / stride + 1
      start = 0
    case .same:
      size = (input + stride - 1) / stride
      start = max((size - 1) * stride + reach - input, 0) / 2
    case .explicit(let top, let left, let bottom, let right):
      let (before, after) = axis == .height ? (top, bottom) : (left, right)
      guard (0...most).contains(before), (0...most).contains(after), reach <= input + before + after else {
        throw LayerFault(
          "its window's \(axis.rawValue), \(reach), does not fit the input's, \(input), padded by \(before) and \(after)")
      }
      size = (input + before + after - reach) / stride + 1
      start = before
    }
    // A single window makes no step.
    self.stride = size == 1 ? 1 : stride
    self.dilation = dilation
    if keepsTaps {
      (taps, before) = (Array(0..<kernel), start)
      return
    }
    // Tap t of window w reads w · stride + t · dilation − start.
    let last = (size - 1) * stride
    let inside = (0..<kernel).filter { tap in
      let place = tap * dilation - start
      return place < input && place + last >= 0
    }
    guard let first = inside.first, let final = inside.last else {
      // No tap ever touches the image: keep one, just before it for the last window too.
      taps = [0]
      before = last + 1
      return
    }
    if first < final {
      // Starting no later than the image: at most one tap more than those inside.
      let kept = min(first, start / dilation)
      taps = Array(kept...final)
      before = start - kept * dilation
    } else {
      // Where only one tap matters, what leads up to it from the image's edge is zeros.
      let place = first * dilation - start
      taps = Array(repeating: nil, count: max(place, 0)) + [first]
      before = max(-place, 0)
      self.dilation = 1
    }
  }
}
