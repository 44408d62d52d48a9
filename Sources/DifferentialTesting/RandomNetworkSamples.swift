import IntegerProgram
import Network

// What operations do to the sampled inputs. Exact where that is as simple, else close: scales are fitted to
// the results and nothing more. All of it is plain IEEE arithmetic without a mathematics library, so that a
// seed gives the same network everywhere.

/// Σ (x − zero point) · weight for each output of a window's geometry, channels last; `weights` are
/// [output channel][kernel row, kernel column, input channel within the group].
func weightedSums(
  _ samples: SampledCodes, zeroPoint: Int, weights: [[Int32]], geometry: WindowGeometry, groups: Int
) -> [[Int]] {
  let perGroup = geometry.inputChannels / groups
  let outputsPerGroup = geometry.outputChannels / groups
  return samples.map { codes in
    let codes = codes.map { $0 - Int32(zeroPoint) }
    var sums: [Int] = []
    sums.reserveCapacity(geometry.outputCount)
    forEachWindow(of: geometry) { taps in
      for channel in 0..<geometry.outputChannels {
        let first = channel / outputsPerGroup * perGroup
        let filter = weights[channel]
        var sum: Int32 = 0
        for (tap, pixel) in taps {
          for index in 0..<perGroup {
            sum &+= codes[pixel + first + index] &* filter[tap * perGroup + index]
          }
        }
        sums.append(Int(sum))
      }
    }
    return sums
  }
}

/// As `weightedSums`, of a transposed convolution: every input pixel adds to the window of outputs that its place leads to.
func scatteredSums(
  _ samples: SampledCodes, zeroPoint: Int, weights: [[Int32]], geometry: WindowGeometry, groups: Int
) -> [[Int]] {
  let (height, width, channels) = (geometry.outputHeight, geometry.outputWidth, geometry.outputChannels)
  return samples.map { codes in
    var sums = [Int](repeating: 0, count: geometry.outputCount)
    for pixel in 0..<geometry.batch * geometry.inputHeight * geometry.inputWidth {
      let (image, place) = pixel.quotientAndRemainder(dividingBy: geometry.inputHeight * geometry.inputWidth)
      let (row, column) = place.quotientAndRemainder(dividingBy: geometry.inputWidth)
      for tap in 0..<geometry.taps {
        let y = row * geometry.strideHeight - geometry.paddingTop + tap / geometry.kernelWidth
        let x = column * geometry.strideWidth - geometry.paddingLeft + tap % geometry.kernelWidth
        guard (0..<height).contains(y), (0..<width).contains(x) else { continue }
        for channel in 0..<channels {
          for i in 0..<geometry.inputChannels {
            let code = Int(codes[pixel * geometry.inputChannels + i]) - zeroPoint
            sums[((image * height + y) * width + x) * channels + channel] +=
              code * Int(weights[channel][tap * geometry.inputChannels + i])
          }
        }
      }
    }
    return sums
  }
}

/// Calls `body` for every window, row by row, with the taps that lie inside the image: the tap's number and
/// the index of its pixel's first channel.
func forEachWindow(of geometry: WindowGeometry, _ body: ([(tap: Int, pixel: Int)]) -> Void) {
  for batch in 0..<geometry.batch {
    for row in 0..<geometry.outputHeight {
      for column in 0..<geometry.outputWidth {
        body(tapsInside(geometry, batch: batch, row: row, column: column))
      }
    }
  }
}

private func tapsInside(
  _ geometry: WindowGeometry, batch: Int, row: Int, column: Int
) -> [(tap: Int, pixel: Int)] {
  var taps: [(tap: Int, pixel: Int)] = []
  for tapRow in 0..<geometry.kernelHeight {
    let y = geometry.inputRow(row, tap: tapRow)
    guard (0..<geometry.inputHeight).contains(y) else { continue }
    for tapColumn in 0..<geometry.kernelWidth {
      let x = geometry.inputColumn(column, tap: tapColumn)
      guard (0..<geometry.inputWidth).contains(x) else { continue }
      let pixel = (batch * geometry.inputHeight + y) * geometry.inputWidth + x
      taps.append((tapRow * geometry.kernelWidth + tapColumn, pixel * geometry.inputChannels))
    }
  }
  return taps
}

/// The samples with their elements put elsewhere: `source` gives for each element of the result the index of
/// the operand's element, or nil for `fill`.
func moved(_ samples: SampledCodes, _ source: [Int?], fill: Int32 = 0) -> SampledCodes {
  samples.map { codes in source.map { index in index.map { codes[$0] } ?? fill } }
}

/// For each element of `shape`, in order, what `body` makes of its indices.
func mapIndices<T>(of shape: [Int], _ body: ([Int]) -> T) -> [T] {
  var indices = [Int](repeating: 0, count: shape.count)
  var results: [T] = []
  for _ in 0..<shape.reduce(1, *) {
    results.append(body(indices))
    for dimension in shape.indices.reversed() {
      indices[dimension] += 1
      if indices[dimension] < shape[dimension] { break }
      indices[dimension] = 0
    }
  }
  return results
}

/// The row-major index of an element.
func flatIndex(_ indices: [Int], in shape: [Int]) -> Int {
  zip(indices, shape).reduce(0) { $0 * $1.1 + $1.0 }
}

/// For each element of `shape` the index of the element of `operand` that broadcasting pairs with it.
func broadcastIndices(of operand: [Int], to shape: [Int]) -> [Int] {
  let skipped = shape.count - operand.count
  return mapIndices(of: shape) { indices in
    flatIndex(zip(indices.dropFirst(skipped), operand).map { $1 == 1 ? 0 : $0 }, in: operand)
  }
}

/// The shape of two operands broadcast against each other by numpy's rules; nil where they do not fit.
func broadcastShape(_ left: [Int], _ right: [Int]) -> [Int]? {
  let rank = max(left.count, right.count)
  let padded = [left, right].map { [Int](repeating: 1, count: rank - $0.count) + $0 }
  var shape: [Int] = []
  for (a, b) in zip(padded[0], padded[1]) {
    guard a == b || a == 1 || b == 1 else { return nil }
    shape.append(max(a, b))
  }
  return shape
}

/// e^x to about three digits.
func approximateExponential(_ x: Double) -> Double {
  var power = max(1 + min(x, 80) / 4096, 0)
  for _ in 0..<12 { power *= power }
  return power
}
