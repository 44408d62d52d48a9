import Arithmetic
import Network

// RESIZE_BILINEAR by ratios whose weights hardly repeat → two products of matrices with constants: along columns, then
// along rows.
extension Lowering {
  /// The reference sums four codes with weights of 20 bits, which are products of a row's and a column's of 10, and
  /// rounds once (TensorFlow Lite: `ResizeBilinearInteger`). So that nothing is rounded between the two products, and
  /// all of it fits 16 bits, a column's weight w is taken apart as 16 · ⌊w / 16⌋ + w mod 16: the first product makes
  /// the sums of both parts, each doubled, and the second one adds them up with a row's weights and 16 times these. Its
  /// sums are twice the reference's, of which the first of two roundings takes nothing; ties go away from zero,
  /// whatever the options say.
  mutating func interpolate(
    _ x: Int, _ rows: ResizedExtent, _ columns: ResizedExtent, _ output: Value
  ) throws(LayerFault) {
    let input = values[x]
    let (batch, height, width, channels) = (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
    let (newHeight, newWidth) = (output.shape[1], output.shape[2])
    weightCount += 2 * (newWidth * width + newHeight * height)
    guard weightCount <= Self.mostWeights else {
      throw LayerFault("it brings the network's weights to \(weightCount), more than \(Self.mostWeights)")
    }
    // Two neighbours' weights make 2^10: their parts at most 2^6 and 2^4.
    let codes = union(input.range, 0...0)
    let sums = 128 * codes.lowerBound...128 * codes.upperBound

    let weights = (0..<newWidth).map { columns.weights($0) }
    let coarse = weights.flatMap { $0.map { 2 * ($0 >> 4) } }
    let fine = weights.flatMap { $0.map { 2 * ($0 & 15) } }
    let across = constant(coarse + fine, shape: [2 * newWidth, width], like: output)
    let parts = make(
      integers([batch * height, 2 * newWidth, channels], sums, like: output),
      .product(
        MatrixProduct(
          batch: [batch * height], rows: 2 * newWidth, columns: channels, depth: width,
          left: MatrixProduct.Operand(zeroPoint: 0, batchStrides: [0], lineStride: width, depthStride: 1),
          right: MatrixProduct.Operand(
            zeroPoint: 0, batchStrides: [width * channels], lineStride: 1, depthStride: channels),
          accumulator: sums,
          requantization: Requantization(
            multipliers: [.powerOfTwo(0)], rounding: options.rounding, zeroPoint: 0, clamp: sums))),
      from: [across, x], range: sums)

    let line = newWidth * channels
    let along = constant(
      (0..<newHeight).flatMap { rows.weights($0).flatMap { [16 * $0, $0] } }, shape: [newHeight, 2 * height],
      like: output)
    // Of either part at most what it is of all weights: 16 times 2^10 and once 2^10 times its own sum's reach.
    let reach = (16 + 1) << 10 * sums.lowerBound...(16 + 1) << 10 * sums.upperBound
    _ = make(
      output,
      .product(
        MatrixProduct(
          batch: [batch], rows: newHeight, columns: line, depth: 2 * height,
          left: MatrixProduct.Operand(zeroPoint: 0, batchStrides: [0], lineStride: 2 * height, depthStride: 1),
          right: MatrixProduct.Operand(
            zeroPoint: 0, batchStrides: [2 * height * line], lineStride: 1, depthStride: line),
          accumulator: reach,
          requantization: Requantization(
            multipliers: [.powerOfTwo(-21)], rounding: .double, zeroPoint: 0, clamp: input.range))),
      from: [along, parts], range: input.range)
  }
}
