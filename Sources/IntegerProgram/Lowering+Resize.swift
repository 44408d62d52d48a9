import Arithmetic
import Network

// RESIZE_BILINEAR → the image with its edges repeated, one depthwise affine for each place within the period of the
// weights, and a move that interleaves them; where the period is long, two products of matrices.
extension Lowering {
  mutating func resizeBilinear(
    _ operation: Operation, alignsCorners: Bool, centresHalfPixels: Bool
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireBytes(x, "input")
    let output = try output(operation)
    try requireBytes(output, "output", beside: x)
    let (input, shape) = (values[x], output.shape)
    guard input.shape.count == 4 else { throw LayerFault("its input has the shape \(input.shape), not 4-D") }
    let size = try constantIntegers(operation, 1, "size")
    guard size.count == 2, size.allSatisfy({ $0 > 0 }) else { throw LayerFault("its size \(size) is not two numbers") }
    try require(shape: [input.shape[0], size[0], size[1], input.shape[3]], of: output)
    guard !(alignsCorners && centresHalfPixels) else {
      throw LayerFault("it aligns corners and has half-pixel centres at once, which the reference refuses")
    }
    // The reference moves codes, whatever they stand for.
    let isSame = operation.quantizer == nil || isSameQuantization(input, output)
    let rows = try ResizedExtent(
      input: input.shape[1], output: shape[1], alignsCorners: alignsCorners, centresHalfPixels: centresHalfPixels)
    let columns = try ResizedExtent(
      input: input.shape[2], output: shape[2], alignsCorners: alignsCorners, centresHalfPixels: centresHalfPixels)
    guard operation.quantizer == nil || rows.isExact && columns.isExact else {
      throw LayerFault(
        "from \(input.shape[1]) × \(input.shape[2]) to \(shape[1]) × \(shape[2]) its weights are no multiples of 2^-10",
        remedy: "resize by 2, 4 or 8, or to the nearest neighbour")
    }
    if isAsymmetric(input) {
      // LiteRT weighs uint8 codes in single precision, whose 24 bits must hold every sum; its halves go up, as those of
      // codes that are not negative do here.
      let bits = [rows, columns].reduce(8) { $0 + ($1.phases.map(\.bits).max() ?? 0) }
      guard rows.isExact, columns.isExact, bits <= 24, isSame else {
        throw LayerFault(
          "from \(input.shape[1]) × \(input.shape[2]) to \(shape[1]) × \(shape[2]) the reference's single precision "
            + "rounds its weights of uint8 codes",
          remedy: "resize by 2, 4 or 8, or to the nearest neighbour")
      }
    }
    let phases = rows.phases.count * columns.phases.count
    let largest = rows.phases.map(\.largest).max().map { $0 * (columns.phases.map(\.largest).max() ?? 1) } ?? 1
    let isLong = phases > Self.mostResizingPhases || 2 * largest > Int(Int16.max)
    if isLong, operation.quantizer == nil, input.type.bits <= 8 {
      return try interpolate(x, rows, columns, output)
    }
    guard phases <= Self.mostPhases, 2 * largest <= Int(Int16.max) else {
      throw LayerFault(
        "from \(input.shape[1]) × \(input.shape[2]) to \(shape[1]) × \(shape[2]) its weights repeat after "
          + "\(rows.phases.count) × \(columns.phases.count) pixels and need \(2 * largest) as their unit",
        remedy: "resize by 2, 4 or 8, or to the nearest neighbour")
    }

    // The image with a row or column repeated at each edge that some weight reaches beyond.
    let (height, width) = (rows.paddedInput, columns.paddedInput)
    let channels = shape[3]
    if isSame && rows.isIdentity && columns.isIdentity {
      _ = repeatingEdges(of: x, rows, columns, output)
      return
    }
    var image = x
    if [height, width] != [input.shape[1], input.shape[2]] {
      let shape = [shape[0], height, width, channels]
      image = repeatingEdges(of: x, rows, columns, intermediate(shape, like: input))
    }

    var parts: [Int] = []
    var copies: [Move.Copy] = []
    for row in rows.phases {
      for column in columns.phases {
        let bits = row.bits + column.bits
        let geometry = WindowGeometry(
          batch: shape[0], inputHeight: height, inputWidth: width, inputChannels: channels, outputHeight: row.count,
          outputWidth: column.count, outputChannels: channels, kernelHeight: row.weights.count,
          kernelWidth: column.weights.count, strideHeight: rows.stride, strideWidth: columns.stride)
        weightCount += geometry.taps * channels
        guard weightCount <= Self.mostWeights else {
          throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
        }
        let taps = row.weights.flatMap { a in column.weights.map { Int16(a * $0) } }
        var part = output
        if phases > 1 { part = intermediate([shape[0], row.count, column.count, channels], like: output) }
        let mean = try weightedMean(operation.quantizer, geometry, taps, bits: bits, input, output)
        // A mean of codes does not leave their range.
        let range =
          operation.quantizer == nil
          ? input.range : try codes(of: mean.requantization, channel: 0, from: mean.accumulators[0])
        parts.append(make(part, .affine(mean), from: [image], range: range))
        copies.append(
          interleaving(
            operand: copies.count, sizes: values[values.count - 1].shape, into: shape, row: row.first,
            column: column.first, every: rows.phases.count, columns.phases.count))
      }
    }
    guard phases > 1 else { return }
    let range = parts.reduce(nil) { union($0, values[$1].range) }
    emit(.move(Move(copies: copies)), operation, inputs: parts, output: output, range: range)
  }

  /// With more places in a period, products of matrices are less code.
  static let mostResizingPhases = 64

  /// Means with weights in units of 2^-bits. In the reference ties go away from zero, whatever the options say: the first
  /// of two roundings takes nothing of twice the weights.
  private func weightedMean(
    _ quantizer: Quantizer?, _ geometry: WindowGeometry, _ taps: [Int16], bits: Int, _ input: Value, _ output: Value
  ) throws(LayerFault) -> Affine {
    let channels = geometry.outputChannels
    var sum = QuantizedSum(
      requantization: Requantization(
        multipliers: [.powerOfTwo(-bits - 1)], rounding: .double, zeroPoint: 0, clamp: output.type.range),
      offsets: Array(repeating: 0, count: channels), factors: [2])
    if let quantizer {
      let unit = input.scale / Float(1 << bits)
      guard (unit / output.scale).significand == 1 else {
        throw LayerFault("its input's and output's scales, \(input.scale) and \(output.scale), are no power of two apart")
      }
      sum = try quantizedSum(
        quantizer, output, clamp: codes(quantizer, output), bias: .codes(sum.offsets), channels: channels,
        inputScales: [unit])
    }
    let factor = sum.factor(channel: 0)
    let total = Int64(taps.reduce(0) { $0 + Int($1) }) * factor
    guard Int64(taps.max() ?? 0) * factor <= Int64(Int16.max) else {
      throw LayerFault("its weights need more than 16 bits")
    }
    let offset = quantizer == nil ? 0 : -Int64(input.zeroPoint) * total
    let biases = sum.offsets.map { $0 + offset }
    let ranges = biases.map { bias in
      (bias + total * min(input.range.lowerBound, 0))...(bias + total * max(input.range.upperBound, 0))
    }
    guard ranges.allSatisfy({ $0.lowerBound >= Int64(Int32.min) && $0.upperBound <= Int64(Int32.max) }) else {
      throw LayerFault("its sums could overflow 32 bits")
    }
    return Affine(
      geometry: geometry, groups: channels, paddingCode: input.zeroPoint,
      weights: Array(repeatElement(taps.map { $0 * Int16(factor) }, count: channels).joined()),
      bias: biases, accumulators: ranges, requantization: sum.requantization)
  }

  func isSameQuantization(_ a: Value, _ b: Value) -> Bool {
    a.scale == b.scale && a.zeroPoint == b.zeroPoint && a.type == b.type
  }

  /// The copy of one phase's images to every so many rows and columns of a whole.
  func interleaving(
    operand: Int, sizes: [Int], into shape: [Int], row: Int, column: Int, every rows: Int, _ columns: Int
  ) -> Move.Copy {
    let strides = rowMajorStrides(shape)
    return Move.Copy(
      operand: operand, sizes: sizes, sourceStart: 0, sourceStrides: rowMajorStrides(sizes),
      targetStart: row * strides[1] + column * strides[2],
      targetStrides: [strides[0], rows * strides[1], columns * strides[2], 1]
    ).merged()
  }

  private mutating func repeatingEdges(
    of x: Int, _ rows: ResizedExtent, _ columns: ResizedExtent, _ output: Value
  ) -> Int {
    let input = values[x]
    let (batch, channels) = (input.shape[0], input.shape[3])
    let (from, to) = (rowMajorStrides(input.shape), rowMajorStrides(output.shape))
    var copies: [Move.Copy] = []
    for row in rows.runs {
      for column in columns.runs {
        copies.append(
          Move.Copy(
            operand: 0, sizes: [batch, row.count, column.count, channels],
            sourceStart: row.source * from[1] + column.source * from[2],
            sourceStrides: [from[0], row.step * from[1], column.step * from[2], 1],
            targetStart: row.target * to[1] + column.target * to[2],
            targetStrides: [to[0], to[1], to[2], 1]
          ).merged())
      }
    }
    return make(output, .move(Move(copies: copies)), from: [x], range: input.range)
  }
}

/// Bilinear resizing along one axis, as the int8 reference reckons it (TensorFlow Lite: `ResizeBilinearInteger`): places
/// in units of 2^-10 of an input pixel, from a scale rounded to that.
struct ResizedExtent {
  /// The output places first, first + period, …
  struct Phase {
    var first, count: Int
    /// Of neighbouring places of the padded input, in units of 2^-bits; zeros lead up to the first that counts.
    var weights: [Int]
    var bits: Int
    var largest: Int { weights.max() ?? 1 }
  }

  var phases: [Phase] = []
  /// How far the input moves on in a period.
  var stride: Int
  private var input: Int
  /// The first place that is read, −1 where the edge is repeated.
  private var start: Int
  /// How many places beyond the last are read, 0 or 1.
  private var after = 0
  /// How often the one place of the input is repeated; nil where it has several.
  private var repeated: Int?
  /// Whether the rounded scale is the ratio of the sizes.
  let isExact: Bool
  /// Of places of the output, in units of 2^-10 of the input's: the distance, and where the first lies.
  private let scale, origin: Int

  init(input: Int, output: Int, alignsCorners: Bool, centresHalfPixels: Bool) throws(LayerFault) {
    self.input = input
    let unit = 1 << 10
    start = 0
    let scale =
      alignsCorners && output > 1
      ? (unit * (input - 1) + (output - 1) / 2) / (output - 1) : (unit * input + output / 2) / output
    isExact =
      alignsCorners && output > 1 ? scale * (output - 1) == unit * (input - 1) : scale * output == unit * input
    let origin = centresHalfPixels ? scale / 2 - unit / 2 : 0
    (self.scale, self.origin) = (scale, origin)
    func place(_ index: Int) -> Int { index * scale + origin }
    // Twos that scale and unit have in common.
    let shared = min(scale == 0 ? 10 : scale.trailingZeroBitCount, 10)
    let period = unit >> shared
    stride = max(scale >> shared, 1)
    guard place(output - 1) >> 10 < input else {
      throw LayerFault(
        "from \(input) to \(output) its rounded scale leads beyond the image, where the reference reads on",
        remedy: "resize by 2, 4 or 8, or to the nearest neighbour")
    }
    guard input > 1 else {
      // All weights fall on the one place.
      stride = 1
      repeated = output
      phases = [Phase(first: 0, count: output, weights: [1], bits: 0)]
      return
    }
    start = place(0) >> 10
    if place(output - 1) & (unit - 1) != 0, place(output - 1) >> 10 + 1 >= input { after = 1 }
    for first in 0..<min(period, output) {
      let (least, fraction) = (place(first) >> 10, place(first) & (unit - 1))
      let zeros = fraction == 0 ? 10 : fraction.trailingZeroBitCount
      let weights = fraction == 0 ? [1] : [(unit - fraction) >> zeros, fraction >> zeros]
      phases.append(
        Phase(
          first: first, count: (output - first + period - 1) / period,
          weights: Array(repeating: 0, count: least - start) + weights, bits: 10 - zeros))
    }
  }

  /// The weights of all input places in one output place, in units of 2^-10.
  func weights(_ index: Int) -> [Int64] {
    let unit = 1 << 10
    let place = index * scale + origin
    let lower = max(place / unit, 0)
    let upper = min((place + unit - 1) / unit, input - 1)
    let fraction = place - unit * lower
    var weights = [Int64](repeating: 0, count: input)
    weights[lower] += Int64(unit - fraction)
    weights[upper] += Int64(fraction)
    return weights
  }

  var paddedInput: Int { repeated ?? (input - start + after) }

  /// Which places of the input the padded one holds: runs of neighbours, or (step 0) of one place.
  var runs: [(source: Int, target: Int, count: Int, step: Int)] {
    if let repeated { return [(0, 0, repeated, 0)] }
    return (start < 0 ? [(0, 0, 1, 1)] : []) + [(max(start, 0), max(-start, 0), input - max(start, 0), 1)]
      + (after == 1 ? [(input - 1, input - start, 1, 1)] : [])
  }

  /// Whether the output is the padded input.
  var isIdentity: Bool {
    phases.count == 1 && phases[0].weights == [1] && stride == 1 && phases[0].count == paddedInput
  }
}
