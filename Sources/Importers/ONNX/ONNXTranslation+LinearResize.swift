import Network

// Resize, linear, to any size: along each axis every place is a mean of two neighbours, whose weights are fractions.
extension ONNXTranslation {
  /// An axis that is resized: its size then, and what its places are multiplied by, a fraction.
  struct ResizedAxis {
    var axis, size: Int
    var scale: Double
    /// Whether `scale` follows from the sizes.
    var isOfSizes: Bool
  }

  /// The elements between which a resized axis's places lie, and their weights in units of 1 / `unit`.
  private struct Neighbours {
    var axis: Int
    /// The element in front of each place.
    var first: [Int]
    /// How far behind it the place lies, in units.
    var offsets: [Int]
    var unit: Int
  }

  /// The mean of what one axis has made, as codes of 16 bits, is taken along the next: exactly, in units as fine as both
  /// axes' weights ask for. The whole is quantised once.
  mutating func resizedBetweenNeighbours(
    _ node: ONNXNode, _ codes: ONNXCodes, _ axes: [ResizedAxis], _ mode: String
  ) throws(NodeFault) -> ONNXPending {
    var codes = codes
    let shape = codes.view.shape
    var resized: [Neighbours] = []
    for axis in axes where axis.size != shape[axis.axis] || axis.scale != 1 {
      resized.append(try neighbours(axis, shape[axis.axis], mode))
    }
    // The finest weights come last, where 32 bits hold what comes of them.
    resized.sort { $0.unit < $1.unit }
    let remedy = "resize height and width linearly by 2, 4 or 8, or to the nearest element"
    guard let scale = tensors[codes.tensor].quantization?.scales[0], let type = tensors[codes.tensor].type.codes,
      var zeroPoint = tensors[codes.tensor].quantization?.zeroPoints[0], !isFloat, !resized.isEmpty
    else { throw NodeFault("it resizes linearly to a size that float networks are not read with", remedy: remedy) }
    var reach = max(type.upperBound - zeroPoint, zeroPoint - type.lowerBound)
    var unit = 1
    for (index, axis) in resized.enumerated() {
      let isLast = index == resized.count - 1
      let (growth, overflow) = reach.multipliedReportingOverflow(by: Int64(axis.unit))
      guard axis.unit <= Int(Int16.max), !overflow, growth <= (isLast ? Int64(Int32.max) : Int64(Int16.max)) else {
        throw NodeFault(
          "its weights along axis \(axis.axis), from \(shape[axis.axis]) to \(axis.first.count) elements, are multiples of "
            + "1 / \(axis.unit)\(index > 0 ? " of 1 / \(unit)" : ""): no sums of 16-bit codes give them exactly",
          remedy: remedy)
      }
      reach = growth
      unit *= axis.unit
      var pending = try means(node, codes, axis, scale: scale)
      if isLast {
        if unit > 1 { try pending.append(.divided(by: [Double(unit)])) }
        return pending
      }
      let whole = ONNXQuantizer(scale: scale, zeroPoint: 0, type: .int16, codes: -32768...32767)
      codes = try quantized(pending, whole, name: "\(node.outputs.first ?? "")/axis \(axis.axis)")
      zeroPoint = 0
    }
    throw unknown(node)
  }

  /// The sums of neighbours along one axis, each place's two beside each other: a convolution of that many groups.
  private mutating func means(
    _ node: ONNXNode, _ codes: ONNXCodes, _ axis: Neighbours, scale: Float
  ) throws(NodeFault) -> ONNXPending {
    let shape = codes.view.shape
    let rank = shape.count
    let (places, last) = (axis.first.count, shape[axis.axis] - 1)
    let others = (0..<rank).filter { $0 != axis.axis }
    guard let count = elementCount(others.map { shape[$0] } + [2 * places]) else { throw NodeFault("it makes too much") }
    let pairs = axis.first.flatMap { [$0, min($0 + 1, last)] }
    let tensor = arranged(codes, others + [axis.axis])
    let pixels = count / (2 * places)
    let gathered = move(
      .indexed(others.map { Array(0..<shape[$0]) } + [pairs]), node.type, [tensor],
      shape: others.map { shape[$0] } + [2 * places])
    let image = move(.reshape(shape: nil), "Reshape", [gathered], shape: [1, 1, pixels, 2 * places])
    try spend(2 * places)
    let affine = ONNXAffine(
      kind: .conv2D(Window(padding: .valid), .none), input: image,
      weights: axis.offsets.flatMap { [Int64(axis.unit - $0), Int64($0)] }, weightShape: [places, 1, 1, 2],
      weightType: .int16, scales: [1], zeroPoints: [0])
    var made = shape
    made[axis.axis] = places
    return ONNXPending(
      .affine(affine), typeName: node.type, view: StridedView(shape: made, inMemory: others + [axis.axis]),
      shape: [1, 1, pixels, places])
  }

  /// Where places lie among the elements, as fractions (ONNX: Resize); outside, the first and last go on.
  private func neighbours(_ axis: ResizedAxis, _ size: Int, _ mode: String) throws(NodeFault) -> Neighbours {
    // The scale as a fraction.
    var (numerator, denominator) = (axis.size, size)
    if !axis.isOfSizes {
      let single = Float(axis.scale)
      let bits = max(0, 23 - Int(single.exponent))
      guard bits <= 30, single < 0x1p16 else { throw NodeFault("its scale is \(single)") }
      (numerator, denominator) = (Int(Double(single) * Double(1 << bits)), 1 << bits)
    }
    let shared = Self.commonDivisor(numerator, denominator)
    numerator /= shared
    denominator /= shared
    guard numerator < 1 << 31 else { throw NodeFault("its scale is \(axis.scale)") }
    // Twice the place is `part` over `whole`.
    let whole: Int
    let part: (Int) -> Int
    switch mode {
    case "half_pixel", "pytorch_half_pixel":
      whole = numerator
      part = { mode != "half_pixel" && axis.size == 1 ? 0 : (2 * $0 + 1) * denominator - numerator }
    case "half_pixel_symmetric":
      whole = numerator
      part = { size * numerator - axis.size * denominator + (2 * $0 + 1) * denominator - numerator }
    case "asymmetric":
      whole = numerator
      part = { 2 * $0 * denominator }
    case "align_corners":
      whole = max(axis.size - 1, 1)
      part = { axis.size == 1 ? 0 : 2 * $0 * (size - 1) }
    default:
      throw NodeFault(
        "its coordinate_transformation_mode is \(mode.printable(40))", remedy: "export with half_pixel or align_corners",
        isOfOperator: true)
    }
    var made = Neighbours(axis: axis.axis, first: [], offsets: [], unit: 2 * whole)
    for place in 0..<axis.size {
      let clamped = min(max(part(place), 0), 2 * (size - 1) * whole)
      made.first.append(clamped / made.unit)
      made.offsets.append(clamped % made.unit)
    }
    let divisor = made.offsets.reduce(made.unit) { Self.commonDivisor($0, $1) }
    made.offsets = made.offsets.map { $0 / divisor }
    made.unit /= divisor
    return made
  }

  private static func commonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : commonDivisor(b, a % b) }
}
