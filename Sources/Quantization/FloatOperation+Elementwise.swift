import Network

// What is done element by element, in windows and along axes.
extension FloatOperation {
  /// Two tensors that broadcast, element by element; one of them may be a constant.
  func combined(
    _ combination: FloatLayer.Combination, _ fused: Activation = .none, type: ElementType = .float32
  ) throws(LayerFault) -> FloatLayer {
    var constant: FloatConstant?
    var inputs: [Int] = []
    var sizes: [[Int]] = []
    for position in 0..<2 {
      guard isConstant(position) else {
        let found = try reckoned(position, type)
        inputs.append(found.index)
        sizes.append(found.tensor.shape)
        continue
      }
      let found = try reals(position, position == 0 ? "first operand" : "second operand")
      constant = FloatConstant(numbers: found.numbers, shape: found.shape, isLeft: position == 0)
      sizes.append(found.shape)
    }
    var combination = combination
    if combination == .quotient {
      // By a constant it is a product.
      guard var divisor = constant, !divisor.isLeft, divisor.numbers.allSatisfy({ $0 != 0 && (1 / $0).isFinite }) else {
        throw LayerFault(
          "it divides by what is reckoned, or by zero", remedy: "divide by a constant: a quotient of codes has no int8 operator")
      }
      divisor.numbers = divisor.numbers.map { 1 / $0 }
      (constant, combination) = (divisor, .product)
    }
    if combination == .slope, constant?.isLeft != false {
      throw LayerFault("its slopes are computed at run time", remedy: "train with fixed slopes")
    }
    let rank = max(sizes[0].count, sizes[1].count)
    let shapes = sizes.map { Array(repeating: 1, count: rank - $0.count) + $0 }
    guard (0..<rank).allSatisfy({ shapes[0][$0] == shapes[1][$0] || shapes[0][$0] == 1 || shapes[1][$0] == 1 }) else {
      throw LayerFault("its inputs' shapes, \(sizes[0]) and \(sizes[1]), do not broadcast")
    }
    let shape = (0..<rank).map { max(shapes[0][$0], shapes[1][$0]) }
    try require(shape)
    let strides = shapes.map { sizes in
      let dense = rowMajorStrides(sizes)
      return sizes.indices.map { sizes[$0] == 1 ? 0 : dense[$0] }
    }
    return try layer(
      .combine(
        combination, strides: Array(zip(strides[0], strides[1])).map { (left: $0.0, right: $0.1) }, shape: shape),
      inputs, fused, constant: constant)
  }

  /// SELECT: a condition that is reckoned, and two operands that may be constants; all broadcast.
  func selected() throws(LayerFault) -> FloatLayer {
    var (inputs, sizes, constants): ([Int], [[Int]], [FloatConstant?]) = ([], [], [])
    for position in 0...2 {
      if isConstant(position) {
        let found = try reals(position, "operand")
        sizes.append(found.shape)
        constants.append(FloatConstant(numbers: found.numbers, shape: found.shape, isLeft: false))
      } else {
        let found = try reckoned(position, position == 0 ? .boolean : .float32)
        inputs.append(found.index)
        sizes.append(found.tensor.shape)
        constants.append(nil)
      }
    }
    guard !inputs.isEmpty else { throw LayerFault("all its inputs are constants") }
    let made = try made.shape
    let operands = try zip(sizes, constants).map { size, constant throws(LayerFault) in
      let shape = Array(repeating: 1, count: max(0, made.count - size.count)) + size
      guard shape.count == made.count, zip(shape, made).allSatisfy({ $0 == $1 || $0 == 1 }) else {
        throw LayerFault("its inputs' shapes, \(sizes), do not broadcast to \(made)")
      }
      let dense = rowMajorStrides(shape)
      return FloatOperand(strides: shape.indices.map { shape[$0] == 1 ? 0 : dense[$0] }, constant: constant)
    }
    return try layer(.select(operands, shape: made), inputs)
  }

  func pool(_ window: Window, rows: Int, columns: Int, _ fused: Activation) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    guard window.dilationHeight == 1, window.dilationWidth == 1 else { throw LayerFault("its window is dilated") }
    let geometry = try FloatWindow(window, shape: x.tensor.shape, rows: rows, columns: columns)
    guard max(geometry.top, geometry.bottom) < rows, max(geometry.left, geometry.right) < columns else {
      throw LayerFault("its padding is as large as its window")
    }
    try require([geometry.batch, geometry.outputHeight, geometry.outputWidth, geometry.channels])
    if case .averagePool2D = operation.kind { return try layer(.average(geometry), [x.index], fused) }
    return try layer(.maximum(geometry), [x.index], fused)
  }

  /// Sums up to each element of an axis.
  func runningSum(isExclusive: Bool, isReverse: Bool) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    let shape = x.tensor.shape
    let axes = try axes(1, rank: shape.count)
    guard axes.count == 1 else { throw LayerFault("its axes are \(axes), not one") }
    try require(shape)
    return try layer(
      .cumulative(
        axes: [shape[..<axes[0]].reduce(1, *), shape[axes[0]], shape[(axes[0] + 1)...].reduce(1, *)],
        isExclusive: isExclusive, isReverse: isReverse), [x.index])
  }

  /// One number for all elements along some axes.
  func reduced(_ reduction: FloatReduction, _ keepsDimensions: Bool) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    let shape = x.tensor.shape
    let axes = try axes(1, rank: shape.count)
    let kept = shape.indices.filter { !axes.contains($0) }
    try require(keepsDimensions ? shape.indices.map { axes.contains($0) ? 1 : shape[$0] } : kept.map { shape[$0] })
    // For each element that is made, those that it is made of.
    return try layer(
      .reduce(
        reduction, axes: axes, starts: offsets(kept, of: shape), steps: offsets(axes, of: shape)), [x.index])
  }

  /// Where the elements stand that differ in their places along `axes` alone.
  private func offsets(_ axes: [Int], of shape: [Int]) -> [Int] {
    let strides = rowMajorStrides(shape)
    return axes.reduce([0]) { starts, axis in
      starts.flatMap { start in (0..<shape[axis]).map { start + $0 * strides[axis] } }
    }
  }

  /// TensorFlow Lite: `ComputeInterpolationValues` and `ResizeBilinear`.
  func bilinear(alignsCorners: Bool, centresHalfPixels: Bool) throws(LayerFault) -> FloatLayer {
    let x = try reckoned(0)
    let shape = x.tensor.shape
    let size = try integers(1, "size")
    guard shape.count == 4, size.count == 2, size.allSatisfy({ (1...1 << 16).contains($0) }) else {
      throw LayerFault("its input has the shape \(shape), and its size is \(size)")
    }
    try require([shape[0], size[0], size[1], shape[3]])
    func taps(_ input: Int, _ output: Int) -> [FloatResize.Tap] {
      let scale =
        alignsCorners && output > 1 ? Float(input - 1) / Float(output - 1) : Float(input) / Float(output)
      return (0..<output).map { place in
        let real = centresHalfPixels ? (Float(place) + 0.5) * scale - 0.5 : Float(place) * scale
        let low = max(Int(real.rounded(.down)), 0)
        return .init(low: low, high: min(Int(real.rounded(.up)), input - 1), share: real - Float(low))
      }
    }
    let resize = FloatResize(shape: shape, rows: taps(shape[1], size[0]), columns: taps(shape[2], size[1]))
    return try layer(.bilinear(resize), [x.index])
  }
}

/// The distance between neighbours along each axis of a row-major tensor.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}
