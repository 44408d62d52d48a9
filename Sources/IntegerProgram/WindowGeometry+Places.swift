extension WindowGeometry {
  /// Every output pixel in memory order: image, row, column.
  package var outputPlaces: [(image: Int, row: Int, column: Int)] {
    (0..<batch * outputPixels).map { ($0 / outputPixels, $0 % outputPixels / outputWidth, $0 % outputWidth) }
  }

  /// The input pixel that tap `tap` of an output pixel reads; nil outside the image.
  package func inputPixel(_ image: Int, _ row: Int, _ column: Int, tap: Int) -> Int? {
    let (y, x) = (inputRow(row, tap: tap / kernelWidth), inputColumn(column, tap: tap % kernelWidth))
    guard (0..<inputHeight).contains(y), (0..<inputWidth).contains(x) else { return nil }
    return (image * inputHeight + y) * inputWidth + x
  }
}
