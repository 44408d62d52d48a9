import Network

// PAD in front of a window → the window's own padding, so that nothing is copied.
extension Network {
  /// The network without those PADs that only prepare convolutions or pools, whose windows are padded by as much more. No
  /// code changes: a convolution reads the input's zero point beside the image, which is what PAD fills with; a pool
  /// reads and counts the code that PAD fills with, but a max pool need not read the least of all codes.
  func foldingPadding() -> Network {
    var network = self
    var readers = [[Int]](repeating: [], count: tensors.count)
    for (index, operation) in operations.enumerated() {
      for tensor in Set(operation.inputs.compactMap { $0 }) { readers[tensor].append(index) }
    }
    var isFolded = Array(repeating: false, count: operations.count)
    // From the last on, so that of two in a row the first meets a window, too.
    for (index, operation) in operations.enumerated().reversed() {
      guard let pad = FoldedPadding(operation, in: self), !outputs.contains(pad.output), !readers[pad.output].isEmpty
      else { continue }
      let kinds = readers[pad.output].map { reader in
        let window = network.operations[reader]
        return window.inputs.dropFirst().contains(pad.output) ? nil : pad.joined(window, in: self)
      }
      guard !kinds.contains(where: { $0 == nil }) else { continue }
      for (reader, kind) in zip(readers[pad.output], kinds) {
        guard let kind else { continue }
        network.operations[reader].kind = kind
        network.operations[reader].inputs[0] = pad.input
      }
      isFolded[index] = true
      readers[pad.input].removeAll { $0 == index }
      readers[pad.input] += readers[pad.output]
    }
    // What remains says where in the file it stands.
    network.operations = network.operations.indices.filter { !isFolded[$0] }.map { index in
      var operation = network.operations[index]
      operation.place = place(ofOperation: index)
      return operation
    }
    return network
  }
}

/// A PAD of the height and width of images, of codes that keep their meaning.
private struct FoldedPadding {
  let input, output: Int
  let code, zeroPoint: Int64
  let top, left, bottom, right: Int
  /// [batch, height, width, channels], padded.
  let shape: [Int]

  init?(_ operation: Operation, in network: Network) {
    guard case .pad = operation.kind, operation.quantizer == nil, operation.outputs.count == 1,
      operation.inputs.count >= 2, let input = operation.inputs[0], let amounts = operation.inputs[1]
    else { return nil }
    (self.input, output) = (input, operation.outputs[0])
    let (image, padded) = (network.tensors[input], network.tensors[output])
    guard let quantization = image.quantization, quantization == padded.quantization, image.type == padded.type,
      quantization.scales.count == 1, image.shape.count == 4, let sides = network.tensors[amounts].integers,
      sides.count == 8, sides.allSatisfy({ (0...1 << 16).contains($0) }), [0, 1, 6, 7].allSatisfy({ sides[$0] == 0 })
    else { return nil }
    zeroPoint = quantization.zeroPoints.first ?? 0
    if operation.inputs.count > 2, let given = operation.inputs[2] {
      let fill = network.tensors[given]
      guard let codes = fill.integers, codes.count == 1, fill.type == image.type, fill.quantization == quantization
      else { return nil }
      code = codes[0]
    } else {
      code = zeroPoint
    }
    (top, bottom, left, right) = (Int(sides[2]), Int(sides[3]), Int(sides[4]), Int(sides[5]))
    shape = [image.shape[0], image.shape[1] + top + bottom, image.shape[2] + left + right, image.shape[3]]
    guard padded.shape == shape else { return nil }
  }

  /// The kind of an operation that reads the image itself; nil where padding it is not the same.
  func joined(_ operation: Operation, in network: Network) -> Operation.Kind? {
    switch operation.kind {
    case .conv2D(let window, let activation):
      guard code == zeroPoint, let (rows, columns) = kernel(of: operation, in: network) else { return nil }
      return joined(window, rows, columns).map { .conv2D($0, activation) }
    case .depthwiseConv2D(let window, let multiplier, let activation):
      guard code == zeroPoint, let (rows, columns) = kernel(of: operation, in: network) else { return nil }
      return joined(window, rows, columns).map { .depthwiseConv2D($0, depthMultiplier: multiplier, activation) }
    case .maxPool2D(let window, let rows, let columns, let activation):
      // Where the code loses against every other, windows need not read it.
      let isLeast = network.tensors[input].type.codes?.lowerBound == code && window.fill == nil
      return pooled(window, rows, columns, counts: !isLeast).map {
        .maxPool2D($0, height: rows, width: columns, activation)
      }
    case .averagePool2D(let window, let rows, let columns, let activation):
      // A requantised average is one of differences to the zero point.
      guard operation.quantizer == nil || code == zeroPoint else { return nil }
      return pooled(window, rows, columns, counts: true).map {
        .averagePool2D($0, height: rows, width: columns, activation)
      }
    default: return nil
    }
  }

  /// A pool's window over the image itself, where padding counts, or does not.
  private func pooled(_ window: Window, _ rows: Int, _ columns: Int, counts: Bool) -> Window? {
    guard var padded = joined(window, rows, columns), window.dilationHeight == 1, window.dilationWidth == 1,
      case .explicit(let top, let left, let bottom, let right) = padded.padding,
      // Every window must hold a code of the image.
      max(top, bottom) < rows, max(left, right) < columns
    else { return nil }
    guard counts else { return padded }
    if let fill = window.fill {
      guard fill == code else { return nil }
    } else {
      // What the window reaches over by itself does not count.
      guard padded.padding == .explicit(top: self.top, left: self.left, bottom: self.bottom, right: self.right) else {
        return nil
      }
    }
    padded.fill = code
    return padded
  }

  private func kernel(of operation: Operation, in network: Network) -> (rows: Int, columns: Int)? {
    guard operation.inputs.count >= 2, let weights = operation.inputs[1], network.tensors[weights].shape.count == 4
    else { return nil }
    return (network.tensors[weights].shape[1], network.tensors[weights].shape[2])
  }

  private func joined(_ window: Window, _ rows: Int, _ columns: Int) -> Window? {
    let sizes = [
      rows, columns, window.strideHeight, window.strideWidth, window.dilationHeight, window.dilationWidth,
    ]
    guard sizes.allSatisfy({ (1...1 << 16).contains($0) }) else { return nil }
    let vertical = own(
      window.padding, size: shape[1], reach: (rows - 1) * window.dilationHeight + 1, stride: window.strideHeight)
    let horizontal = own(
      window.padding, size: shape[2], reach: (columns - 1) * window.dilationWidth + 1, stride: window.strideWidth)
    var (before, after) = ((vertical.before, horizontal.before), (vertical.after, horizontal.after))
    if case .explicit(let top, let left, let bottom, let right) = window.padding {
      (before, after) = ((top, left), (bottom, right))
    }
    var joined = window
    joined.padding = .explicit(
      top: before.0 + top, left: before.1 + left, bottom: after.0 + bottom, right: after.1 + right)
    return joined
  }

  /// What the scheme pads along one axis (TensorFlow Lite: `ComputePaddingHeightWidth`).
  private func own(_ padding: Padding, size: Int, reach: Int, stride: Int) -> (before: Int, after: Int) {
    guard case .same = padding else { return (0, 0) }
    let total = max(((size + stride - 1) / stride - 1) * stride + reach - size, 0)
    return (total / 2, total - total / 2)
  }
}
