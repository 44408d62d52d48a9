import Network

/// `clamp(gain · x + offset)`, exactly: what a file's constants come to for one channel.
struct RealMap {
  private(set) var gain, offset: ExactNumber
  /// Nil where there is no bound.
  private(set) var low: ExactNumber?
  private(set) var high: ExactNumber?

  init(gain: ExactNumber, offset: ExactNumber = .zero) {
    (self.gain, self.offset) = (gain, offset)
  }

  mutating func apply(_ stage: ConstantStage, channel: Int) throws(LayerFault) {
    func at(_ numbers: [Double]) throws(LayerFault) -> ExactNumber {
      let number = numbers[numbers.count == 1 ? 0 : channel]
      guard number.isFinite else { throw LayerFault("a constant that it is scaled or shifted by is \(number)") }
      return ExactNumber(number)
    }
    switch stage {
    case .multiplied(let numbers): multiply(try at(numbers))
    case .divided(let numbers): try divide(at(numbers))
    case .added(let numbers): add(try at(numbers))
    case .normalized(let scale, let bias, let mean, let variance, let epsilon):
      let spread = try at(variance) + at([epsilon])
      guard spread.signum > 0 else {
        throw LayerFault(
          "its variance of channel \(channel) is not positive", remedy: "see whether training has diverged")
      }
      add(-(try at(mean)))
      multiply(try at(scale) / spread.squareRoot)
      add(try at(bias))
    case .clamped(let least, let most): clamp(least, most)
    }
  }

  /// What functions do that are made of straight lines and bounds; nil for others.
  init?(_ functions: [RealFunction], gain: ExactNumber) {
    self.init(gain: gain)
    for function in functions {
      switch function {
      case .scaled(let factor, let summand):
        guard factor.isFinite, summand.isFinite else { return nil }
        multiply(ExactNumber(factor))
        add(ExactNumber(summand))
      case .divided(let divisor):
        guard divisor.isFinite, divisor != 0 else { return nil }
        multiply(.one / ExactNumber(divisor))
      case .clamp(let least, let most): clamp(least, most)
      default: return nil
      }
    }
  }

  private mutating func divide(_ divisor: ExactNumber) throws(LayerFault) {
    guard !divisor.isZero else { throw LayerFault("it divides by zero", remedy: "see which constant is zero") }
    multiply(.one / divisor)
  }

  private mutating func multiply(_ factor: ExactNumber) {
    gain = gain * factor
    offset = offset * factor
    if factor.isZero {
      (low, high) = (nil, nil)
      return
    }
    let (a, b) = (low.map { $0 * factor }, high.map { $0 * factor })
    (low, high) = factor.signum < 0 ? (b, a) : (a, b)
  }

  private mutating func add(_ summand: ExactNumber) {
    offset = offset + summand
    low = low.map { $0 + summand }
    high = high.map { $0 + summand }
  }

  private mutating func clamp(_ least: Double, _ most: Double) {
    func held(_ bound: ExactNumber) -> ExactNumber {
      if least.isFinite, (bound - ExactNumber(least)).signum < 0 { return ExactNumber(least) }
      if most.isFinite, (ExactNumber(most) - bound).signum < 0 { return ExactNumber(most) }
      return bound
    }
    low = low.map(held) ?? (least.isFinite ? ExactNumber(least) : nil)
    high = high.map(held) ?? (most.isFinite ? ExactNumber(most) : nil)
  }
}

extension Lowering {
  /// The code of what `map` makes of an integer, by the file's quantiser.
  func function(
    _ map: RealMap, _ quantizer: Quantizer, _ output: Value
  ) throws(LayerFault) -> ChannelFunction {
    var map = map
    try map.apply(.clamped(quantizer.clamp.lowerBound, quantizer.clamp.upperBound), channel: 0)
    let scale = ExactNumber(Double(output.scale))
    let point = Int64(output.zeroPoint)
    func function(_ gain: ExactNumber, _ offset: ExactNumber, _ codes: ClosedRange<Int64>) -> ChannelFunction {
      ChannelFunction(
        gain: gain / scale, offset: offset / scale, mode: .file(quantizer.rounding),
        before: quantizer.roundsZeroPoint ? point : 0, after: quantizer.roundsZeroPoint ? 0 : point, codes: codes)
    }
    // Rounding never decreases: a bound of real values is a bound of codes.
    var codes = quantizer.codes
    guard output.type.range.contains(codes.lowerBound), output.type.range.contains(codes.upperBound) else {
      throw LayerFault("its quantiser makes the codes \(codes.lowerBound) … \(codes.upperBound), outside \(output.type)")
    }
    func code(_ bound: ExactNumber?) throws(LayerFault) -> Int64? {
      guard let bound else { return nil }
      return try function(.zero, bound, quantizer.codes).code(0)
    }
    let (least, most) = (try code(map.low) ?? codes.lowerBound, try code(map.high) ?? codes.upperBound)
    codes = least...most
    return function(map.gain, map.offset, codes)
  }
}
