import Arithmetic
import Network

// AVERAGE_POOL_2D, MAX_POOL_2D, MEAN → pool.
extension Lowering {
  mutating func pool(
    _ operation: Operation, _ kind: Pool.Kind, _ window: Window, height: Int, width: Int, _ activation: Activation
  ) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireBytes(x, "input")
    let output = try output(operation)
    let input = values[x]
    guard input.shape.count == 4 else { throw LayerFault("its input has the shape \(input.shape), not 4-D") }
    if operation.quantizer == nil { try requireSameQuantization(input, output, "its input and output") }
    guard window.dilationHeight == 1, window.dilationWidth == 1 else {
      throw LayerFault("its window is dilated, and might hold no element of the image")
    }
    if case .explicit(let top, let left, let bottom, let right) = window.padding {
      guard max(top, bottom) < height, max(left, right) < width else {
        throw LayerFault("its padding is as large as its window, which might then hold no element of the image")
      }
    }
    var fill: Int32?
    if let code = window.fill {
      guard let code = Int32(exactly: code), input.type.range.contains(Int64(code)) else {
        throw LayerFault("its padding \(code) is no code of its input")
      }
      fill = code
    }
    let geometry = try geometry(
      window, input: input.shape, kernelHeight: height, kernelWidth: width, outputChannels: input.shape[3],
      output: output, keepsTaps: fill != nil
    ).geometry
    if let quantizer = operation.quantizer {
      return try average(operation, quantizer, x, geometry, output, paddingCode: fill)
    }
    let pool = Pool(kind: kind, geometry: geometry, clamp: clamp(activation, output), paddingCode: fill)
    let held = pool.range(of: input.range)
    let taps = Int64(pool.count(inside: min(height, input.shape[1]) * min(width, input.shape[2])))
    let sum = Interval<Int64>(min(taps * held.lowerBound, 0), max(taps * held.upperBound, 0))
    guard kind == .maximum || pool.averageCode(sum: Interval<Int32>(narrowing: sum), count: Interval(1, taps)).holds else {
      throw LayerFault("its sum of up to \(taps) codes could overflow 32 bits", remedy: "average over a smaller window")
    }
    // Neither the largest nor the average of codes leaves their range.
    let range = Interval<Int32>(held).clamped(pool.clamp.lowerBound, pool.clamp.upperBound).range
    emit(.pool(pool), operation, inputs: [x], output: output, range: range)
  }

  /// An average with a scale of its own: the sum, requantised; or (`isSum`) the sum itself. Padding that counts has the
  /// input's zero point as its code.
  mutating func average(
    _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ geometry: WindowGeometry, _ output: Value,
    isSum: Bool = false, paddingCode: Int32? = nil
  ) throws(LayerFault) {
    guard !geometry.hasPadding || paddingCode == values[x].zeroPoint else {
      throw LayerFault(
        "its windows reach outside the image, where fewer elements are averaged",
        remedy: "average without padding, or with count_include_pad=1")
    }
    let channels = geometry.outputChannels
    if let stage = operation.stages.first(where: { !$0.fits(channels: channels) }) {
      throw LayerFault("its constants are for \(stage.channels) channels, and it has \(channels)")
    }
    var functions: [ChannelFunction] = []
    for channel in 0..<(operation.stages.allSatisfy { $0.channels == 1 } ? 1 : channels) {
      var map = RealMap(gain: ExactNumber(Double(values[x].scale)) / ExactNumber(isSum ? 1 : geometry.taps))
      for stage in operation.stages { try map.apply(stage, channel: channel) }
      functions.append(try function(map, quantizer, output))
    }
    try emitSum(
      operation, quantizer, x, geometry, output, functions: functions, isPlain: operation.stages.isEmpty)
  }

  /// Emits the codes that `functions`, one or one a channel, make of `Σ (x − zero point)` over windows, to which taps
  /// outside the image add nothing. Sums without constants (`isPlain`) whose codes are too many for an exact step take the nearest
  /// multiplier.
  mutating func emitSum(
    _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ geometry: WindowGeometry, _ output: Value,
    functions: [ChannelFunction], isPlain: Bool
  ) throws(LayerFault) {
    let input = values[x]
    let count = Int64(geometry.taps)
    let centre = -count * Int64(input.zeroPoint)
    let held = Pool(kind: .average, geometry: geometry, clamp: output.type.range, paddingCode: input.zeroPoint)
      .range(of: input.range)
    let range = (centre + count * min(held.lowerBound, 0))...(centre + count * max(held.upperBound, 0))
    guard range.lowerBound >= Int64(Int32.min), range.upperBound <= Int64(Int32.max) else {
      throw LayerFault("its sum of \(count) elements could overflow 32 bits")
    }
    func pool(_ sum: QuantizedSum) throws(LayerFault) -> (pool: Pool, codes: ClosedRange<Int64>) {
      let reach = (range.lowerBound + sum.offsets[0])...(range.upperBound + sum.offsets[0])
      guard let bias = Int32(exactly: centre + sum.offsets[0]), reach.lowerBound >= Int64(Int32.min),
        reach.upperBound <= Int64(Int32.max)
      else { throw LayerFault("its sum of \(count) elements could overflow 32 bits") }
      let codes = try codes(of: sum.requantization, channel: 0, from: reach)
      let kind = Pool.Kind.sum(bias: bias, sum.requantization, accumulator: reach)
      return (
        Pool(kind: kind, geometry: geometry, clamp: output.type.range, paddingCode: input.zeroPoint), codes
      )
    }
    func exact(_ mode: ChannelFunction.Mode) throws(LayerFault) -> QuantizedSum? {
      let function = functions[0].with(mode)
      guard function.gainSign >= 0 else { return nil }
      let room = ExactStep.Room(
        largestFactor: 1, smallFactor: 1, accumulator: range, zeroPoint: Int64(output.zeroPoint), clamp: function.codes)
      guard let step = ExactStep.search(try function.staircase(over: range), function, room), step.factor == 1 else {
        return nil
      }
      return QuantizedSum(
        requantization: Requantization(
          multipliers: [step.multiplier], rounding: .halfEven, zeroPoint: output.zeroPoint, clamp: function.codes),
        offsets: [step.offset])
    }
    if functions.count == 1 {
      let function = functions[0]
      if let power = function.gainLogarithm, (-60...29).contains(power), function.gainSign > 0,
        let bias = function.exactShift, bias.floor.isWhole,
        let sum = try? quantizedSum(
          quantizer, output, clamp: function.codes, bias: .exact([bias]), channels: 1,
          inputScales: [Float(sign: .plus, exponent: power, significand: 1) * output.scale]),
        let (pool, codes) = try? pool(sum)
      {
        return emit(.pool(pool), operation, inputs: [x], output: output, range: codes)
      }
      if let sum = try exact(function.mode) {
        let (pool, codes) = try pool(sum)
        return emit(.pool(pool), operation, inputs: [x], output: output, range: codes)
      }
      if function.mode == .file(.halfEven), let up = try exact(.halvesUp), let down = try exact(.halvesDown) {
        var parts: [Int] = []
        for sum in [up, down] {
          let (pool, codes) = try pool(sum)
          var part = output
          (part.tensor, part.range) = (nil, codes)
          parts.append(emitIntermediate(.pool(pool), inputs: [x], output: part))
        }
        try emitMean(operation, parts[0], parts[1], output)
        return
      }
    }
    let before = (values.count, steps.count)
    do throws(LayerFault) {
      try emitWeighted(operation, x, geometry, output, functions, sums: range)
    } catch {
      guard isPlain, functions.count == 1, functions[0].mode == .file(.halfEven) else { throw error }
      values.removeSubrange(before.0...)
      steps.removeSubrange(before.1...)
      let multiplier = try multiplier(functions[0].slope, "input scale / (elements · output scale)")
      let (pool, codes) = try pool(
        QuantizedSum(
          requantization: Requantization(
            multipliers: [multiplier], rounding: .halfEven, zeroPoint: output.zeroPoint, clamp: functions[0].codes),
          offsets: [0]))
      emit(.pool(pool), operation, inputs: [x], output: output, range: codes)
    }
  }

  /// The same as weighted sums, whose weights make offsets finer: of the sums themselves where those have 16 bits, else
  /// of the codes.
  private mutating func emitWeighted(
    _ operation: Operation, _ x: Int, _ geometry: WindowGeometry, _ output: Value, _ functions: [ChannelFunction],
    sums range: ClosedRange<Int64>
  ) throws(LayerFault) {
    let input = values[x]
    let channels = geometry.outputChannels
    let type = CodeType(bits: 16, isSigned: true)
    let all = functions.count == 1 ? Array(repeating: functions[0], count: channels) : functions
    guard geometry.taps > 1 || functions.count == 1 else {
      let sums = WeightedSums(
        geometry: geometry, groups: channels, weights: Array(repeating: 1, count: channels), inputRange: input.range,
        inputZeroPoint: input.zeroPoint)
      return try emitExact(operation, x, sums, all, output)
    }
    func flat(_ zeroPoint: Int32, _ range: ClosedRange<Int64>) -> WeightedSums {
      let width = functions.count == 1 ? output.count : output.count / channels
      let depth = functions.count == 1 ? 1 : channels
      return WeightedSums(
        geometry: WindowGeometry(
          batch: 1, inputHeight: 1, inputWidth: width, inputChannels: depth, outputHeight: 1, outputWidth: width,
          outputChannels: depth, kernelHeight: 1, kernelWidth: 1), groups: depth,
        weights: Array(repeating: 1, count: depth), inputRange: range, inputZeroPoint: zeroPoint)
    }
    if geometry.taps == 1 { return try emitExact(operation, x, flat(input.zeroPoint, input.range), functions, output) }
    guard type.range.contains(range.lowerBound), type.range.contains(range.upperBound) else {
      let sums = WeightedSums(
        geometry: geometry, groups: channels, weights: Array(repeating: 1, count: geometry.taps * channels),
        inputRange: input.range, inputZeroPoint: input.zeroPoint)
      return try emitExact(operation, x, sums, all, output)
    }
    var sum = output
    (sum.tensor, sum.type, sum.range, sum.zeroPoint) = (nil, type, range, 0)
    sum.scale = input.scale / Float(geometry.taps)
    let whole = Requantization(
      multipliers: [.powerOfTwo(0)], rounding: .halfUpShift, zeroPoint: 0, clamp: type.range)
    let centre = -Int64(geometry.taps) * Int64(input.zeroPoint)
    guard let bias = Int32(exactly: centre) else { throw LayerFault("its sum could overflow 32 bits") }
    let codes = try self.codes(of: whole, channel: 0, from: range)
    sum.range = codes
    let pool = Pool(
      kind: .sum(bias: bias, whole, accumulator: range), geometry: geometry, clamp: type.range,
      paddingCode: input.zeroPoint)
    let made = emitIntermediate(.pool(pool), inputs: [x], output: sum)
    try emitExact(operation, made, flat(0, codes), functions, output)
  }

  mutating func mean(_ operation: Operation, keepsDimensions: Bool) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireBytes(x, "input")
    let output = try output(operation)
    try requireBytes(output, "output", beside: x)
    let collapsed = try collapsed(operation, x, keepsDimensions: keepsDimensions, output: output)
    let count = collapsed.count
    if let quantizer = operation.quantizer {
      return try average(operation, quantizer, collapsed.value, collapsed.geometry, output)
    }
    // TensorFlow Lite, `QuantizedMeanOrSum`: the division by the count is taken into the multiplier.
    let whole = try multiplier(Double(values[x].scale) / Double(output.scale), "input scale / output scale")
    let shift = min(count.bitWidth - 1 - count.leadingZeroBitCount, 32, 31 + whole.exponent)
    try requantisedSum(
      collapsed, output,
      Multiplier(
        mantissa: Int32((Int64(whole.mantissa) << Int64(shift)) / Int64(count)), exponent: whole.exponent - shift))
  }

  /// Axes counted from the front, each once.
  func axes(_ axes: [Int], rank: Int) throws(LayerFault) -> Set<Int> {
    var result: Set<Int> = []
    for axis in axes {
      guard (-rank..<rank).contains(axis) else { throw LayerFault("its axis \(axis) does not exist in rank \(rank)") }
      result.insert(axis < 0 ? axis + rank : axis)
    }
    return result
  }
}
