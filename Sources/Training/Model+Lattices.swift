import CTrainingKernels

extension Model {
  /// Chooses the codes of weights and activations from the weights at hand and from the largest outputs of each layer,
  /// halved so many times. From here on forward passes compute as the integer program will.
  func quantize(weightBits: Int, activationBits: Int, largestOutputs: [Float], halvings: [Int]) {
    var scale = inputScale
    for (index, plan) in plans.enumerated() {
      if plan.isAffine {
        let weights = weightLattices(of: plan, bits: weightBits)
        weightLattices[index] = weights
        // A bias is a whole number of the accumulator's units.
        biasLattices[index] = weights.map { lockstep_lattice(scale: $0.scale * scale, Self.biasEnds) }
      }
      if index < plans.count - 1 {
        let ends = Self.activationEnds(bits: activationBits)
        // Finer codes than the sums' own units say nothing more; a layer that nothing has come through yet has no others.
        let finest: Float =
          switch plan.kind {
          case .affine: biasLattices[index].reduce(0) { max($0, $1.scale) }
          // A sum is at least as large as what is added, whose scales may be twice what they need to be.
          case .add(let earlier): max(scale, activationLattices[earlier].scale) / 2
          case .averagePool: 0
          }
        let halved = Float(sign: .plus, exponent: -halvings[index], significand: 1)
        let exact = max(largestOutputs[index] / ends.upperBound, finest)
        let chosen = max(
          finest, halved * (arithmetic == .fixedPoint ? Self.powerOfTwo(atLeast: exact * 0.85) : exact))
        var lattice = lockstep_lattice(scale: chosen, ends)
        // TensorFlow Lite's pools keep the codes' meaning, and round means half-way to the code further from 0.
        if case .averagePool(let window) = plan.kind {
          lattice = index == 0 ? lockstep_lattice(scale: inputScale, Self.activationEnds(bits: 8)) : activationLattices[index - 1]
          lattice.parts = Float(window.kernel_height * window.kernel_width)
          lattice.pivot = arithmetic == .int8 ? 128 : 0
        }
        activationLattices[index] = lattice
        scale = lattice.scale
      }
    }
    largestLogit = largestOutputs.last ?? 1
    setFirstRoundings()
    refresh()
  }

  /// The least and the largest code.
  static func weightEnds(bits: Int) -> ClosedRange<Float> {
    let highest = Float((1 << (bits - 1)) - 1)
    return -highest...highest
  }
  static func activationEnds(bits: Int) -> ClosedRange<Float> { 0...Float((1 << bits) - 1) }
  /// Single precision holds every whole number up to there.
  static let biasEnds: ClosedRange<Float> = -0x1p24...0x1p24

  /// TensorFlow Lite multiplies accumulators by M = m · 2^e, m in ½ ..< 1: first they are multiplied by m and rounded, which
  /// leaves whole numbers of 2^e codes. Sums of codes are multiplied so finely that single precision does not hold it; but
  /// where scales are multiples of each other many lie half-way between two codes, and they are not to fall below.
  func setFirstRoundings() {
    guard arithmetic == .int8, isQuantized else { return firstRoundings = [] }
    firstRoundings = plans.indices.map { index in
      if case .add = plans[index].kind { return Array(repeating: 0x1p-13, count: plans[index].shape.last ?? 1) }
      let isLast = index == plans.count - 1
      let output = isLast ? outputLattice.scale : activationLattices[index].scale
      // Biases are in the accumulator's units.
      return biasLattices[index].map {
        let multiplier = $0.scale / output
        return multiplier < 0.5 ? Float(sign: .plus, exponent: multiplier.exponent + 1, significand: 1) : 0
      }
    }
  }

  /// Fixed-point: one power of two for the layer, of those that reach the largest weight or half of it the one with the
  /// smaller error. int8: for each column what reaches its largest weight.
  private func weightLattices(of plan: LayerPlan, bits: Int) -> [lockstep_lattice] {
    let start = parameters.start + plan.weightOffset
    let ends = Self.weightEnds(bits: bits)
    let highest = ends.upperBound
    func lattice(_ scale: Float) -> lockstep_lattice { lockstep_lattice(scale: scale, ends) }
    switch arithmetic {
    case .int8 where plan.isDense:
      let most = max(lockstep_largest(start, plan.weightCount), 1e-6)
      return Array(repeating: lattice(most / highest), count: plan.columns)
    case .int8:
      return (0..<plan.columns).map { column in
        let most = (0..<plan.inner).reduce(Float(0)) { max($0, abs(start[$1 * plan.columns + column])) }
        return lattice(max(most, 1e-6) / highest)
      }
    case .fixedPoint:
      let most = lockstep_largest(start, plan.weightCount)
      let first = Self.powerOfTwo(atLeast: max(most, 1e-6) / highest)
      func error(_ scale: Float) -> Double {
        (0..<plan.weightCount).reduce(0.0) { sum, index in
          let x = start[index]
          let code = min(max((x / scale + 0.5).rounded(.down), -highest), highest)
          return sum + Double((x - code * scale) * (x - code * scale))
        }
      }
      let candidates = [first, first / 2, first / 4]
      let best = candidates.min { error($0) < error($1) } ?? first
      return Array(repeating: lattice(best), count: plan.columns)
    }
  }

  private static func powerOfTwo(atLeast x: Float) -> Float {
    let power = Float(sign: .plus, exponent: x.exponent, significand: 1)
    return power >= x ? power : 2 * power
  }
}
