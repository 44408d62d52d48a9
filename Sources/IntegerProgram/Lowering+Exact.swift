import Arithmetic
import Network

// Sums with a file's constants behind them → steps that give the codes of the file's own formula, reckoned exactly.
extension Lowering {
  /// An affine layer with a quantiser (ONNX).
  ///
  /// Sums of codes with integer biases alone are ONNX Runtime's: the multiplier is the float32 quotient of the scales,
  /// an exact 32-bit one. Whatever else the file does to a sum, real biases, gains and offsets, and QONNX's scales, are
  /// reckoned exactly: shifts where all ratios are powers of two, else what `ExactStep` finds and proves.
  mutating func quantizedAffine(
    _ operation: Operation, _ quantizer: Quantizer, _ x: Int, _ sums: WeightedSums, _ weightScales: [Float],
    _ bias: Bias, _ output: Value
  ) throws(LayerFault) {
    let inputScale = values[x].scale
    let channels = sums.channels
    if let stage = operation.stages.first(where: { !$0.fits(channels: channels) }) {
      throw LayerFault("its constants are for \(stage.channels) channels, and it has \(channels)")
    }
    func functions() throws(LayerFault) -> [ChannelFunction] {
      var functions: [ChannelFunction] = []
      for channel in 0..<channels {
        let unit =
          ExactNumber(Double(inputScale)) * ExactNumber(Double(weightScales[weightScales.count == 1 ? 0 : channel]))
        var map: RealMap
        switch bias {
        case .codes(let codes): map = RealMap(gain: unit, offset: unit * ExactNumber(codes[channel]))
        case .exact(let reals): map = RealMap(gain: unit, offset: reals[channel])
        }
        for stage in operation.stages { try map.apply(stage, channel: channel) }
        functions.append(try function(map, quantizer, output))
      }
      return functions
    }
    if case .codes(let codes) = bias, operation.stages.isEmpty {
      let scales = weightScales.map { inputScale * $0 }
      let clamp = try self.codes(quantizer, output)
      let isExact =
        (quantizer.roundsZeroPoint || ![.halfEven, .halfUp].contains(quantizer.rounding))
        && !scales.allSatisfy { ($0 / output.scale).significand == 1 }
      if isExact {
        let all = try functions()
        // The thousands of thresholds of wide codes are seldom met by any step; those of bytes are.
        if output.type.bits <= 8 { return try emitExact(operation, x, sums, all, output) }
        if let found = try search(all, sums, output) { return try emitAffine(operation, x, sums, found, output) }
      }
      var sum = try quantizedSum(
        quantizer, output, clamp: clamp, bias: bias, channels: channels, inputScales: scales)
      // What overflows may still be a code: where the bias outweighs all products, or only ever saturates.
      let overflowing = (0..<channels).filter { channel in
        let (range, bias) = (sums.range(channel: channel), codes[channel])
        return range.lowerBound + bias < Int64(Int32.min) || range.upperBound + bias > Int64(Int32.max)
      }
      if !overflowing.isEmpty, sum.requantization.rounding == .halfEven {
        let all = try functions()
        var requantization = sum.requantization
        requantization.multipliers = (0..<channels).map { sum.requantization.multiplier(channel: $0) }
        sum.factors = (0..<channels).map { sum.factor(channel: $0) }
        for channel in overflowing {
          guard let (step, sign) = try search(all[channel], sums, channel, requantization) else { continue }
          sum.factors[channel] = sign * step.factor
          sum.offsets[channel] = step.offset
          requantization.multipliers[channel] = step.multiplier
        }
        sum.requantization = requantization
      }
      let (affine, range) = try affine(sums, held(sum, of: sums))
      return emit(.affine(affine), operation, inputs: [x], output: output, range: range)
    }
    let all = try functions()
    if let made = try shifted(operation, quantizer, sums, all, output) {
      return emit(.affine(made.affine), operation, inputs: [x], output: output, range: made.codes)
    }
    try emitExact(operation, x, sums, all, output)
  }

  /// The step of a layer whose ratios are all powers of two; nil for others.
  private func shifted(
    _ operation: Operation, _ quantizer: Quantizer, _ sums: WeightedSums, _ functions: [ChannelFunction],
    _ output: Value
  ) throws(LayerFault) -> (affine: Affine, codes: ClosedRange<Int64>)? {
    guard let clamp = functions.first?.codes, functions.allSatisfy({ $0.codes == clamp }) else { return nil }
    var scales: [Float] = []
    var biases: [ExactNumber] = []
    var sums = sums
    for (channel, function) in functions.enumerated() {
      guard let power = function.gainLogarithm, (-60...29).contains(power), let bias = function.exactShift else {
        return nil
      }
      scales.append(Float(sign: .plus, exponent: power, significand: 1) * output.scale)
      biases.append(function.gainSign < 0 ? -bias : bias)
      guard function.gainSign < 0 else { continue }
      // The sign goes to the weights.
      for index in channel * sums.length..<(channel + 1) * sums.length { sums.weights[index].negate() }
    }
    if scales.allSatisfy({ $0 == scales[0] }) { scales = [scales[0]] }
    do throws(LayerFault) {
      let sum = try quantizedSum(
        quantizer, output, clamp: clamp, bias: .exact(biases), channels: functions.count, inputScales: scales)
      return try affine(sums, sum)
    } catch {
      return nil
    }
  }

  // MARK: One step, or several

  /// Emits the steps that give the functions' codes of the sums, one function a channel: one affine step; or, where ties
  /// of both kinds lie at places that no dyadic multiplier meets, two and their mean; or, of single codes, tables; or,
  /// where nothing of 32 bits does, accumulators of 64, and steps for parts of the codes alone.
  mutating func emitExact(
    _ operation: Operation, _ x: Int, _ sums: WeightedSums, _ functions: [ChannelFunction], _ output: Value
  ) throws(LayerFault) {
    if let found = try search(functions, sums, output) { return try emitAffine(operation, x, sums, found, output) }
    let bounds = Self.bounds(of: functions)
    if functions.allSatisfy({ $0.codes == bounds }), let mean = try meanPiece(functions, sums, output, isLong: false) {
      return try emitPieces([mean], operation, x, sums, functions, output)
    }
    if try emitTables(operation, x, sums, functions, output) { return }
    // Rounding never decreases, so that it makes no difference whether the bounds of all channels come first.
    if let pieces = try pieces(functions, within: bounds, sums, output, most: Self.mostPieces) {
      return try emitPieces(pieces, operation, x, sums, functions, output)
    }
    if let quantizer = operation.quantizer {
      // What depends on the sign is said first.
      _ = try directed(quantizer.rounding, bounds, isExact: false)
    }
    var place = ""
    for (channel, function) in functions.enumerated() where place.isEmpty {
      let function = function.held(to: bounds)
      guard
        try search(
          function, sums, channel, requantization(output, bounds), longMantissaBits: Multiplier.mantissaBits) == nil
      else { continue }
      place = " (channel \(channel): a factor of \(function.slope) behind sums in \(sums.range(channel: channel)))"
    }
    throw LayerFault(
      "no integer step gives the codes of its formula, reckoned exactly\(place)",
      remedy: "quantise what its constants are added to or multiplied with, or give its output fewer bits, or a scale that "
        + "is a power of two times its input's scale and weights' scales")
  }

  private func requantization(_ output: Value, _ clamp: ClosedRange<Int64>) -> Requantization {
    Requantization(multipliers: [], rounding: .halfEven, zeroPoint: output.zeroPoint, clamp: clamp)
  }

  /// The exact step of one channel, and the sign of its weights; nil where there is none. Where `longMantissaBits` says how
  /// long the multiplier's mantissa may be, accumulators of 64 bits are allowed where those of 32 do not do.
  private func search(
    _ function: ChannelFunction, _ sums: WeightedSums, _ channel: Int, _ requantization: Requantization,
    longMantissaBits: Int? = nil
  ) throws(LayerFault) -> (step: ExactStep, sign: Int64)? {
    let range = sums.range(channel: channel)
    let isNegative = function.gainSign < 0
    let rising = isNegative ? function.reversed : function
    let reach = isNegative ? -range.upperBound ... -range.lowerBound : range
    let largest = sums.weights(channel: channel).reduce(1) { max($0, abs($1)) }
    var room = ExactStep.Room(
      largestFactor: Int64(Int16.max) / largest, smallFactor: Int64(Int8.max) / largest, accumulator: reach,
      zeroPoint: Int64(requantization.zeroPoint), clamp: requantization.clamp)
    if let longMantissaBits { room.mantissaBits = longMantissaBits }
    let staircase = try rising.staircase(over: reach)
    for bits in [QuantizedSum.shortBits] + (longMantissaBits == nil ? [] : [QuantizedSum.longBits]) {
      room.accumulatorBits = bits
      if let step = ExactStep.search(staircase, rising, room) { return (step, isNegative ? -1 : 1) }
    }
    return nil
  }

  /// The exact steps of all channels; nil where one has none.
  func search(
    _ functions: [ChannelFunction], _ sums: WeightedSums, _ output: Value, isLong: Bool = false
  ) throws(LayerFault) -> QuantizedSum? {
    guard isLong else { return try search(functions, sums, output, longMantissaBits: nil) }
    // The longest accumulator of all leaves mantissas so many bits: shorter mantissas are tried until they fit.
    var bits = Multiplier.mantissaBits
    while let found = try search(functions, sums, output, longMantissaBits: bits) {
      let reach = (0..<functions.count).reduce(nil) { union($0, accumulator(sums, found, channel: $1)) } ?? 0...0
      if found.requantization.requantizesLong(reach) { return found }
      let length = max(reach.lowerBound.magnitude, reach.upperBound.magnitude).bitWidth
        - max(reach.lowerBound.magnitude, reach.upperBound.magnitude).leadingZeroBitCount
      bits = min(bits - 1, Requantization.productBits - length)
    }
    return nil
  }

  private func search(
    _ functions: [ChannelFunction], _ sums: WeightedSums, _ output: Value, longMantissaBits: Int?
  ) throws(LayerFault) -> QuantizedSum? {
    var result = QuantizedSum(
      requantization: requantization(output, Self.bounds(of: functions)), offsets: [], factors: [],
      isLong: longMantissaBits != nil)
    for (channel, function) in functions.enumerated() {
      // Channels that are alike, as those of a function of codes, are reckoned once.
      if channel > 0, function.isSame(as: functions[channel - 1]),
        sums.weights(channel: channel).elementsEqual(sums.weights(channel: channel - 1))
      {
        result.factors.append(result.factors[channel - 1])
        result.offsets.append(result.offsets[channel - 1])
        result.requantization.multipliers.append(result.requantization.multipliers[channel - 1])
        continue
      }
      guard
        let (step, sign) = try search(
          function, sums, channel, result.requantization, longMantissaBits: longMantissaBits)
      else { return nil }
      result.factors.append(sign * step.factor)
      result.offsets.append(step.offset)
      result.requantization.multipliers.append(step.multiplier)
    }
    return result
  }

  private mutating func emitAffine(
    _ operation: Operation, _ x: Int, _ sums: WeightedSums, _ sum: QuantizedSum, _ output: Value
  ) throws(LayerFault) {
    let (affine, range) = try affine(sums, sum)
    emit(.affine(affine), operation, inputs: [x], output: output, range: range)
  }

  // MARK: Pieces

  /// More copies of a layer than this are not worth their weights, and would not do for more codes than this.
  private static let mostPieces = 8
  private static let mostCodes: Int64 = 4096

  /// What gives a layer's codes within bounds: one step, or two whose mean it is.
  private struct Piece {
    var bounds: ClosedRange<Int64>
    var steps: [QuantizedSum]
  }

  /// The functions' codes within bounds as those of one piece, or as the sum of several, each for a part of the codes: with
  /// fewer places where codes change, a step has more room. Nil where more than `most` would be needed.
  private func pieces(
    _ functions: [ChannelFunction], within bounds: ClosedRange<Int64>, _ sums: WeightedSums, _ output: Value, most: Int
  ) throws(LayerFault) -> [Piece]? {
    let held = functions.map { $0.held(to: bounds) }
    for isLong in [false, true] {
      if let step = try search(held, sums, output, isLong: isLong) { return [Piece(bounds: bounds, steps: [step])] }
      if let mean = try meanPiece(held, sums, output, isLong: isLong) { return [mean] }
    }
    let middle = bounds.lowerBound + (bounds.upperBound - bounds.lowerBound) / 2
    guard most > 1, middle > bounds.lowerBound, bounds.upperBound - bounds.lowerBound <= Self.mostCodes,
      let low = try pieces(functions, within: bounds.lowerBound...middle, sums, output, most: most / 2),
      let high = try pieces(functions, within: middle...bounds.upperBound, sums, output, most: most / 2)
    else { return nil }
    return low + high
  }

  /// Ties to even, where the sum's multiplier cannot be met exactly: rounding every tie up, and every tie down, can. The
  /// two codes are one but at ties, where their mean is the tie again, and a power of two: its ties go to even.
  private func meanPiece(
    _ functions: [ChannelFunction], _ sums: WeightedSums, _ output: Value, isLong: Bool
  ) throws(LayerFault) -> Piece? {
    guard functions.allSatisfy({ $0.mode == .file(.halfEven) }),
      let up = try search(functions.map { $0.with(.halvesUp) }, sums, output, isLong: isLong),
      let down = try search(functions.map { $0.with(.halvesDown) }, sums, output, isLong: isLong)
    else { return nil }
    return Piece(bounds: Self.bounds(of: functions), steps: [up, down])
  }

  /// Emits the sum of the pieces' codes, each counted from its least one, and behind it the bounds of channels.
  private mutating func emitPieces(
    _ pieces: [Piece], _ operation: Operation, _ x: Int, _ sums: WeightedSums, _ functions: [ChannelFunction],
    _ output: Value
  ) throws(LayerFault) {
    let bounds = Self.bounds(of: functions)
    var affines: [[(affine: Affine, codes: ClosedRange<Int64>)]] = []
    var codes = pieces[0].bounds.lowerBound...pieces[0].bounds.lowerBound
    for piece in pieces {
      var made: [(Affine, ClosedRange<Int64>)] = []
      for step in piece.steps { made.append(try affine(sums, step)) }
      affines.append(made)
      let own = made.reduce(nil) { union($0, $1.1) } ?? piece.bounds
      codes =
        codes.lowerBound + own.lowerBound - piece.bounds.lowerBound ... codes.upperBound + own.upperBound
        - piece.bounds.lowerBound
    }
    let isCut = functions.contains { $0.codes.lowerBound > codes.lowerBound || $0.codes.upperBound < codes.upperBound }
    var sum: Int?
    for (index, piece) in pieces.enumerated() {
      // The last step makes the output itself, if no bounds follow.
      let target = index == pieces.count - 1 && !isCut ? output : intermediate(output, bounds)
      let own = pieces.count == 1 ? target : intermediate(output, piece.bounds)
      var parts: [Int] = []
      for (affine, range) in affines[index] {
        let value = piece.steps.count == 1 ? own : intermediate(output, range)
        parts.append(make(value, .affine(affine), from: [x], range: range))
      }
      let made = parts.count == 1 ? parts[0] : try emitMean(operation, parts[0], parts[1], own)
      guard let before = sum else {
        sum = made
        continue
      }
      sum = try makeExact(
        target, .sum, before, made, plus: Int32(-piece.bounds.lowerBound),
        clamp: bounds.lowerBound...piece.bounds.upperBound)
    }
    if isCut, let sum { try emitBounds(of: functions, sum, output) }
  }

  private func intermediate(_ output: Value, _ range: ClosedRange<Int64>) -> Value {
    var value = output
    (value.tensor, value.range) = (nil, range)
    return value
  }

  /// The mean of two tensors of codes, ties to even as the operation's quantiser takes them.
  @discardableResult
  mutating func emitMean(_ operation: Operation, _ a: Int, _ b: Int, _ output: Value) throws(LayerFault) -> Int {
    // An even distance from the zero point, or an even code.
    let point = operation.quantizer?.roundsZeroPoint == true ? 0 : output.zeroPoint
    let operand = Combine.Operand(zeroPoint: point, multiplier: .powerOfTwo(0), strides: [1])
    let mean = Combine(
      kind: .sum, shape: [output.count], left: operand, right: operand, leftShift: 0,
      requantization: Requantization(
        multipliers: [.powerOfTwo(-1)], rounding: .halfEven, zeroPoint: point, clamp: output.type.range))
    let code = mean.code(Interval<Int32>(values[a].range), Interval<Int32>(values[b].range))
    guard code.holds else { throw LayerFault("its mean of two codes could overflow 32 bits") }
    return make(output, .combine(mean), from: [a, b], range: code.range)
  }

  // MARK: Bounds of channels

  private static func bounds(of functions: [ChannelFunction]) -> ClosedRange<Int64> {
    functions.reduce(nil) { union($0, $1.codes) } ?? 0...0
  }

  /// Holds the codes of each channel to its own bounds.
  private mutating func emitBounds(
    of functions: [ChannelFunction], _ codesOfAll: Int, _ output: Value
  ) throws(LayerFault) {
    var made = codesOfAll
    let range = values[made].range
    let least = functions.map(\.codes.lowerBound)
    let most = functions.map(\.codes.upperBound)
    let isCutBelow = least.contains { $0 > range.lowerBound }
    let isCutAbove = most.contains { $0 < range.upperBound }
    let channels = functions.count
    let (codes, ofChannels) = ([output.count / channels, channels], [channels])
    func distances(_ limits: [Int64]) -> ClosedRange<Int64> {
      let all = limits.reduce(range) { union($0, $1...$1) }
      return 0...all.upperBound - all.lowerBound
    }
    // max(y, low) = max(y − low, 0) + low, and min(y, high) = high − max(high − y, 0).
    if isCutBelow {
      let (low, above) = (constant(least, shape: ofChannels, like: output), distances(least))
      let part = try makeExact(
        integers(output.shape, above, like: output), .difference, made, low, shapes: (codes, ofChannels), clamp: above)
      made = try makeExact(
        isCutAbove ? intermediate(output, range) : output, .sum, part, low, shapes: (codes, ofChannels),
        clamp: output.type.range)
    }
    if isCutAbove {
      let (high, below) = (constant(most, shape: ofChannels, like: output), distances(most))
      let part = try makeExact(
        integers(output.shape, below, like: output), .difference, high, made, shapes: (ofChannels, codes), clamp: below)
      _ = try makeExact(
        output, .difference, high, part, shapes: (ofChannels, codes), clamp: output.type.range)
    }
  }

  // MARK: Tables

  /// Tables of more channels than this would be most of a network.
  private static let mostTables = 64

  /// Where each sum is of one code of few bits, a table for each function: whatever it is, it is exact.
  private mutating func emitTables(
    _ operation: Operation, _ x: Int, _ sums: WeightedSums, _ functions: [ChannelFunction], _ output: Value
  ) throws(LayerFault) -> Bool {
    let input = values[x]
    let geometry = sums.geometry
    guard sums.length == 1, geometry.isPointwise, input.type.bits <= Self.mostTableBits else { return false }
    let codes = input.type.range
    // Channels by their tables.
    var tables: [(table: [Int32], channels: [Int])] = []
    for channel in functions.indices {
      var table: [Int32] = []
      for code in codes {
        table.append(
          Int32(try functions[channel].code(sums.weights[channel] * (code - Int64(input.zeroPoint)))))
      }
      if let place = tables.firstIndex(where: { $0.table == table }) {
        tables[place].channels.append(channel)
      } else {
        tables.append((table, [channel]))
      }
      guard tables.count <= Self.mostTables else { return false }
    }
    func range(_ table: [Int32]) -> ClosedRange<Int64> {
      let part = table[Int(input.range.lowerBound - codes.lowerBound)...Int(input.range.upperBound - codes.lowerBound)]
      return Int64(part.min() ?? 0)...Int64(part.max() ?? 0)
    }
    func lookup(_ table: [Int32]) -> Step.Operation { .lookup(Lookup(lowest: Int32(codes.lowerBound), table: table)) }
    if tables.count == 1, geometry.inputChannels == geometry.outputChannels {
      emit(lookup(tables[0].table), operation, inputs: [x], output: output, range: range(tables[0].table))
      return true
    }
    let pixels = geometry.batch * geometry.outputPixels
    let perInput = geometry.outputChannels / geometry.inputChannels
    var parts: [Int] = []
    var copies: [Move.Copy] = []
    var all: ClosedRange<Int64>?
    for (table, channels) in tables {
      var gathered = input
      (gathered.tensor, gathered.constant, gathered.shape) = (nil, nil, [channels.count, pixels])
      let source = emitIntermediate(
        .move(
          Move(
            copies: channels.enumerated().map { place, channel in
              Move.Copy(
                operand: 0, sizes: [pixels], sourceStart: channel / perInput, sourceStrides: [geometry.inputChannels],
                targetStart: place * pixels, targetStrides: [1])
            })), inputs: [x], output: gathered)
      var made = intermediate(output, range(table))
      made.shape = gathered.shape
      for (place, channel) in channels.enumerated() {
        copies.append(
          Move.Copy(
            operand: parts.count, sizes: [pixels], sourceStart: place * pixels, sourceStrides: [1],
            targetStart: channel, targetStrides: [geometry.outputChannels]))
      }
      parts.append(emitIntermediate(lookup(table), inputs: [source], output: made))
      all = union(all, range(table))
    }
    emit(.move(Move(copies: copies)), operation, inputs: parts, output: output, range: all)
    return true
  }
}
