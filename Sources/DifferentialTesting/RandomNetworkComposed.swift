import Network

// Operations that lowering puts together from several steps.
extension RandomNetworkBuilder {
  // MARK: Reductions

  mutating func addReduction(_ reduction: Reduction, to value: Int) -> Int? {
    let input = shape(of: value)
    guard !input.isEmpty else { return nil }
    let axes = Array(random.shuffled(Array(input.indices)).prefix(random.integer(in: 1...input.count)))
    let keepsDimensions = random.chance(0.5)
    let kept = input.indices.map { axes.contains($0) ? 1 : input[$0] }
    let targets = mapIndices(of: input) { indices in
      flatIndex(indices.enumerated().map { axes.contains($0.offset) ? 0 : $0.element }, in: kept)
    }
    let results = reals(of: value).map { sample in
      var made = [Double?](repeating: nil, count: kept.reduce(1, *))
      for (target, real) in zip(targets, sample) {
        guard let last = made[target] else {
          made[target] = real
          continue
        }
        made[target] =
          switch reduction {
          case .sum: last + real
          case .maximum: max(last, real)
          case .minimum: min(last, real)
          }
      }
      return made.map { $0 ?? 0 }
    }
    let output = reduction == .sum ? fitted(results, base: scale(of: value)) : quantization(of: value)
    let names: [Reduction: String] = [.sum: "SUM", .maximum: "REDUCE_MAX", .minimum: "REDUCE_MIN"]
    return append(
      .reduce(reduction, keepsDimensions: keepsDimensions), names[reduction] ?? "",
      [value, integerConstant(axes, shape: [axes.count])],
      shape: keepsDimensions ? kept : input.indices.filter { !axes.contains($0) }.map { input[$0] }, output,
      codes(results, output))
  }

  // MARK: Two operands

  /// The larger or smaller of two values with one quantisation: the second is moved, or rescaled to the first's.
  mutating func addExtremum(isMaximum: Bool, to value: Int) -> Int? {
    let quantization = quantization(of: value)
    let shape = shape(of: value)
    let partner: Int
    if let other = values.last(where: { $0 != value && self.shape(of: $0) == shape }), random.chance(0.6) {
      if self.quantization(of: other) == quantization {
        partner = other
      } else if let aligned = addQuantize(to: other, quantization) {
        partner = aligned
      } else {
        return nil
      }
    } else {
      // No operand has more dimensions than the value.
      let sizes = random.element(of: [shape, Array(shape.suffix(1)), shape.isEmpty ? [] : [1]])
      partner = codeConstant(randomCodes(count: sizes.reduce(1, *)), shape: sizes, quantization)
    }
    let indices = broadcastIndices(of: self.shape(of: partner), to: shape)
    let results = zip(reals(of: value), reals(of: partner)).map { a, b in
      zip(a, indices).map { isMaximum ? max($0, b[$1]) : min($0, b[$1]) }
    }
    return append(
      isMaximum ? .maximum : .minimum, isMaximum ? "MAXIMUM" : "MINIMUM",
      random.chance(0.5) ? [value, partner] : [partner, value], shape: shape, quantization,
      codes(results, quantization))
  }

  mutating func addSquaredDifference(to value: Int) -> Int? {
    let shape = shape(of: value)
    let partner =
      values.last { $0 != value && self.shape(of: $0) == shape }
      ?? codeConstant(randomCodes(count: shape.last ?? 1), shape: Array(shape.suffix(1)), self.quantization(of: value))
    let indices = broadcastIndices(of: self.shape(of: partner), to: shape)
    let results = zip(reals(of: value), reals(of: partner)).map { a, b in
      zip(a, indices).map { ($0 - b[$1]) * ($0 - b[$1]) }
    }
    let base = max(scale(of: value), scale(of: partner))
    let output = fitted(results, base: base * base)
    // The reference's last multiplier must not shift its 16-bit squares out of the register.
    guard base * base / Double(output.scales[0]) < 0x1p12 else { return nil }
    return append(
      .squaredDifference, "SQUARED_DIFFERENCE", [value, partner], shape: shape, output, codes(results, output))
  }

  // MARK: Larger images

  /// Twice or four times the size, or any other, by interpolation; approximate reals are the nearest pixels'.
  mutating func addResizeBilinear(to value: Int) -> Int? {
    let image = shape(of: value)
    guard image.count == 4 else { return nil }
    let factor = random.element(of: [1, 2, 2, 4])
    let across = random.element(of: [factor, 2])
    var shape = [image[0], image[1] * factor, image[2] * across, image[3]]
    if random.chance(0.4) { for axis in 1...2 { shape[axis] = random.integer(in: 1...3 * image[axis]) } }
    guard shape.reduce(1, *) <= limits.elements else { return nil }
    let places = mapIndices(of: shape) { indices in
      flatIndex(
        [indices[0], indices[1] * image[1] / shape[1], indices[2] * image[2] / shape[2], indices[3]], in: image)
    }
    let quantization = quantization(of: value)
    let results = reals(of: value).map { sample in places.map { sample[$0] } }
    return append(
      .resizeBilinear(alignsCorners: false, centresHalfPixels: random.chance(0.5)), "RESIZE_BILINEAR",
      [value, integerConstant([shape[1], shape[2]], shape: [2])], shape: shape, quantization,
      codes(results, quantization))
  }
}
