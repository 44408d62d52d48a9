import IntegerProgram
import Network

/// How a pool makes one code of a window's.
enum RandomPool { case average, maximum }

extension RandomNetworkBuilder {
  // MARK: Pools

  /// Pools keep their input's quantisation. Now and then a PAD stands in front, which may become their own padding.
  mutating func addPool(_ pool: RandomPool, to value: Int) -> Int? {
    guard shape(of: value).count == 4 else { return nil }
    let value = random.chance(0.2) ? addPad(to: value, isSpatial: true) ?? value : value
    let image = shape(of: value)
    let window = randomWindow(height: image[1], width: image[2], dilates: false)
    guard let geometry = window.geometry(on: image, outputChannels: image[3]),
      geometry.outputCount <= limits.elements,
      geometry.outputCount * geometry.taps <= limits.multiplyAccumulates
    else { return nil }
    let activation = randomActivation()
    let quantization = quantization(of: value)
    let pooled = reals(of: value).map { self.pooled($0, pool, geometry) }
    return append(
      pool == .average
        ? .averagePool2D(window.window, height: window.height, width: window.width, activation)
        : .maxPool2D(window.window, height: window.height, width: window.width, activation),
      pool == .average ? "AVERAGE_POOL_2D" : "MAX_POOL_2D", [value],
      shape: [image[0], geometry.outputHeight, geometry.outputWidth, image[3]], quantization,
      codes(pooled, quantization, activation: activation))
  }

  private func pooled(_ reals: [Double], _ pool: RandomPool, _ geometry: WindowGeometry) -> [Double] {
    var results: [Double] = []
    forEachWindow(of: geometry) { taps in
      for channel in 0..<geometry.inputChannels {
        let inside = taps.map { reals[$0.pixel + channel] }
        let (sum, most) = inside.reduce((0, -Double.infinity)) { ($0.0 + $1, max($0.1, $1)) }
        results.append(pool == .average ? sum / Double(inside.count) : most)
      }
    }
    return results
  }

  // MARK: Means

  mutating func addMean(to value: Int) -> Int? {
    let rank = shape(of: value).count
    guard rank > 0 else { return nil }
    let isSpatial = rank == 4 && random.chance(0.5)
    let count = random.integer(in: 1...max(1, min(rank, random.element(of: [1, 2, 2, 4]))))
    let axes = isSpatial ? [1, 2] : Array(random.shuffled(Array(0..<rank)).prefix(count))
    return addMean(of: value, axes: random.shuffled(axes), keepsDimensions: random.chance(0.5))
  }

  mutating func addMean(of value: Int, axes: [Int], keepsDimensions: Bool) -> Int? {
    let input = shape(of: value)
    let kept = input.indices.map { axes.contains($0) ? 1 : input[$0] }
    let targets = mapIndices(of: input) { indices in
      flatIndex(indices.enumerated().map { axes.contains($0.offset) ? 0 : $0.element }, in: kept)
    }
    let size = kept.reduce(1, *)
    let count = Double(input.reduce(1, *) / size)
    let means = reals(of: value).map { sample in
      var sums = [Double](repeating: 0, count: size)
      for (target, real) in zip(targets, sample) { sums[target] += real / count }
      return sums
    }
    let output =
      random.chance(0.3) ? quantization(of: value) : fitted(means, base: scale(of: value))
    let written = axes.map { random.chance(0.2) ? $0 - input.count : $0 }
    // One axis may stand as a scalar, and the same one twice counts once.
    let repeated = random.chance(0.04) ? written + [written[0]] : written
    let constant = integerConstant(
      repeated, shape: repeated.count == 1 && random.chance(0.3) ? [] : [repeated.count])
    return append(
      .mean(keepsDimensions: keepsDimensions), "MEAN", [value, constant],
      shape: keepsDimensions ? kept : input.indices.filter { !axes.contains($0) }.map { input[$0] },
      output, codes(means, output))
  }

  // MARK: Softmax

  /// Rows that the fixed-point sum can hold.
  private static let longestRow = 511

  mutating func addSoftmax(to value: Int) -> Int? {
    guard let depth = shape(of: value).last, depth <= Self.longestRow, depth > 1 || random.chance(0.1)
    else { return nil }
    let deviation = moments(reals(of: value).joined()).deviation
    // With the usual factor 1 where the logits have a usual spread, else with one that brings them to it.
    let hasUsualSpread = (0.1...10).contains(deviation)
    let beta: Double =
      hasUsualSpread && random.chance(0.7)
      ? 1 : (random.magnitude(exponents: -1...1) / max(deviation, 0x1p-20))
    guard beta * scale(of: value) > 0x1p-24, beta * scale(of: value) < 64 else { return nil }
    let shares = reals(of: value).map { sample in
      stride(from: 0, to: sample.count, by: depth).flatMap { row in
        softmax(sample[row..<row + depth], beta: beta)
      }
    }
    let output = Quantization(scales: [1 / 256], zeroPoints: [-128])
    return append(
      .softmax(beta: Float(beta)), "SOFTMAX", [value], shape: shape(of: value), output, codes(shares, output))
  }

  private func softmax(_ row: ArraySlice<Double>, beta: Double) -> [Double] {
    let largest = row.max() ?? 0
    let exponentials = row.map { approximateExponential(beta * ($0 - largest)) }
    let sum = exponentials.reduce(0, +)
    return exponentials.map { $0 / sum }
  }
}
