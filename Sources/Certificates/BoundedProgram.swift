import Arithmetic
import IntegerProgram

/// A program made ready for bounds: the staircase of each requantisation, the pixels of each window, where each moved
/// code comes from. Made once, shared by all proofs; everything in it follows from the program alone.
public final class BoundedProgram: Sendable {
  public let program: IntegerProgram
  /// By step.
  package let steps: [BoundedStep]
  /// By value, the step that makes it.
  package let producer: [Int?]
  /// The ranges that any input leads to.
  public let everything: Ranges

  /// Fails where a sum could leave its 32-bit register, which a lowered program never does.
  public init(_ program: IntegerProgram) throws(CertificateError) {
    guard program.isWellFormed else { throw CertificateError("the program reads a value before it is made") }
    self.program = program
    var producer = [Int?](repeating: nil, count: program.values.count)
    for (index, step) in program.steps.enumerated() { producer[step.output] = index }
    self.producer = producer
    // Accumulators first, then the staircases over them.
    var ranges = Ranges(program)
    var steps: [BoundedStep] = []
    for index in program.steps.indices {
      let step = try BoundedStep(program, step: index, ranges: &ranges)
      steps.append(step)
      try step.propagate(program, index, &ranges)
      // Ranges and tables rely on it that codes are of their value's type.
      let (output, type) = (program.steps[index].output, program.values[program.steps[index].output].type)
      guard ranges.low[output].allSatisfy({ Int64($0) >= type.range.lowerBound }),
        ranges.high[output].allSatisfy({ Int64($0) <= type.range.upperBound })
      else {
        throw CertificateError("step \(index) (\(program.steps[index].source.type)) makes codes that are no \(type)")
      }
    }
    self.steps = steps
    ranges.changed = []
    everything = ranges
    for state in program.states {
      let invariant = program.values[state.read].range
      let (low, high) = (ranges.low[state.written], ranges.high[state.written])
      guard low.count == program.values[state.read].count, state.initial.count == low.count,
        (low + high + state.initial).allSatisfy({ invariant.contains(Int64($0)) })
      else {
        throw CertificateError("the state \"\(state.name)\" does not start, or does not stay, in \(invariant)")
      }
    }
  }

  /// The values of the network's inputs, flat: which value, and the element within it.
  func inputPlace(_ element: Int) -> (value: Int, element: Int) { Self.place(element, in: program.inputs, program) }
  func outputPlace(_ element: Int) -> (value: Int, element: Int) { Self.place(element, in: program.outputs, program) }

  private static func place(_ element: Int, in list: [Int], _ program: IntegerProgram) -> (value: Int, element: Int) {
    var element = element
    for value in list {
      if element < program.values[value].count { return (value, element) }
      element -= program.values[value].count
    }
    preconditionFailure("a property's elements were checked against the program")
  }
}

/// One step made ready.
package struct BoundedStep: Sendable {
  package enum Form: Sendable {
    case affine(Affine, window: WindowTable, largestWeight: Int64)
    /// Sums in registers of 64 bits, of which the codes alone are bounded: there are no variables for the accumulators.
    case longSums(Affine, window: WindowTable)
    case longProduct(MatrixProduct, starts: [ProductStart])
    case lookup(Lookup)
    case combine(Combine, left: [Int32], right: [Int32], leftTable: [Int32], rightTable: [Int32])
    /// By output element, the operands' elements of its first product.
    case product(MatrixProduct, starts: [ProductStart])
    /// Maximum.
    case maximum(Pool, window: WindowTable)
    /// Average, or a requantised sum with a bias.
    case sum(Pool, window: WindowTable, bias: Int32)
    case softmax(SoftmaxBounds)
    case normalize(Normalization)
    case signal(Signal)
    case move([MoveSource])
  }
  package let form: Form
  /// One, or one a channel, or for average pools one for each number of codes in a window, less one.
  package let staircases: [Staircase]
  /// Which of `staircases` an output element takes.
  package let staircaseOf: @Sendable (Int) -> Int
  /// Of affine steps, but for few.
  package private(set) var channelWeights: ChannelWeights?
}

/// Where an output element of a move comes from.
package struct MoveSource: Sendable {
  /// Among the step's inputs; -1 for the fill.
  package var operand: Int32
  /// The element, or the fill's code.
  package var element: Int32
}

/// For every output pixel and tap of a window, the input pixel it reads.
package struct WindowTable: Sendable {
  package let taps: Int
  /// [output pixel, tap]; -1 outside the image.
  package let pixels: [Int32]

  init(_ geometry: WindowGeometry) {
    taps = geometry.taps
    var pixels: [Int32] = []
    pixels.reserveCapacity(geometry.batch * geometry.outputPixels * taps)
    for image in 0..<geometry.batch {
      for row in 0..<geometry.outputHeight {
        for column in 0..<geometry.outputWidth {
          for tapRow in 0..<geometry.kernelHeight {
            for tapColumn in 0..<geometry.kernelWidth {
              let (y, x) = (geometry.inputRow(row, tap: tapRow), geometry.inputColumn(column, tap: tapColumn))
              let isInside =
                (0..<geometry.inputHeight).contains(y) && (0..<geometry.inputWidth).contains(x)
              pixels.append(
                isInside ? Int32((image * geometry.inputHeight + y) * geometry.inputWidth + x) : -1)
            }
          }
        }
      }
    }
    self.pixels = pixels
  }

  package var outputPixels: Int { pixels.count / taps }
}

extension BoundedStep {
  /// Prepares step `index`. Its accumulators' ranges over `ranges`, which hold its operands', are entered there.
  init(_ program: IntegerProgram, step index: Int, ranges: inout Ranges) throws(CertificateError) {
    let step = program.steps[index]
    let output = program.values[step.output]
    func failing(_ error: CertificateError) -> CertificateError {
      CertificateError("step \(index) (\(step.source.type)): \(error.reason)")
    }
    func staircases(
      _ requantization: Requantization, channels: Int, low: [Int32], high: [Int32]
    ) throws(CertificateError) -> [Staircase] {
      if requantization.isIdentity || requantization.isRectifier {
        return [
          Staircase(identityOver: (low.min() ?? 0)...(high.max() ?? 0), from: Int32(requantization.clamp.lowerBound))
        ]
      }
      let distinct = requantization.multipliers.count == 1 ? 1 : channels
      var lows = [Int32](repeating: .max, count: distinct)
      var highs = [Int32](repeating: .min, count: distinct)
      for element in low.indices {
        let channel = distinct == 1 ? 0 : element % channels
        lows[channel] = min(lows[channel], low[element])
        highs[channel] = max(highs[channel], high[element])
      }
      var result: [Staircase] = []
      for channel in 0..<distinct {
        guard requantization.multiplier(channel: channel).mantissa >= 0 else {
          throw failing(CertificateError("the multiplier of channel \(channel) is negative"))
        }
        let checked = requantization.code(
          Interval<Int32>(Int64(lows[channel]), Int64(highs[channel])), channel: channel)
        guard checked.holds else {
          throw failing(CertificateError("the requantisation of channel \(channel) could overflow"))
        }
        result.append(
          try Staircase(over: lows[channel]...highs[channel]) { requantization.code($0, channel: channel) })
      }
      return result
    }

    // What steps compute with has tables and products whose size they rely on; accumulators are only moved.
    let isMove = if case .move = step.operation { true } else { false }
    guard isMove || step.inputs.allSatisfy({ program.values[$0].type.isOperand }) else {
      throw failing(CertificateError("it computes with codes of more than 16 bits"))
    }
    switch step.operation {
    case .affine(let affine):
      let geometry = affine.geometry
      guard affine.weights.count == geometry.outputChannels * affine.weightsPerOutput,
        affine.bias.count == geometry.outputChannels, geometry.outputCount == output.count,
        geometry.inputCount == program.values[step.inputs[0]].count
      else { throw failing(CertificateError("its shapes do not fit")) }
      let window = WindowTable(geometry)
      let (inputLow, inputHigh) = (ranges.low[step.inputs[0]], ranges.high[step.inputs[0]])
      guard !affine.isLong else {
        let sums = try Self.accumulators(affine, window, low: inputLow, high: inputHigh, in: Int64.self)
        try Self.checkLong(affine.requantization, channels: geometry.outputChannels, sums)
        form = .longSums(affine, window: window)
        self.staircases = []
        staircaseOf = { _ in 0 }
        return
      }
      form = .affine(
        affine, window: window, largestWeight: affine.weights.reduce(0) { max($0, Int64($1.magnitude)) })
      let (low, high) = try Self.accumulators(affine, window, low: inputLow, high: inputHigh)
      (ranges.accumulatorLow[index], ranges.accumulatorHigh[index]) = (low, high)
      let channels = geometry.outputChannels
      self.staircases = try staircases(affine.requantization, channels: channels, low: low, high: high)
      let isShared = affine.requantization.multipliers.count == 1
      staircaseOf = { isShared ? 0 : $0 % channels }
      // The sums above have shown that none passes 32 bits where inputs are in these ranges.
      let (least, most) = (ranges.low[step.inputs[0]].min() ?? 0, ranges.high[step.inputs[0]].max() ?? 0)
      channelWeights = ChannelWeights(affine, window, codes: Int64(least)...Int64(most))

    case .lookup(let lookup):
      let codes = program.values[step.inputs[0]].type.range
      guard Int64(lookup.lowest) <= codes.lowerBound,
        codes.upperBound < Int64(lookup.lowest) + Int64(lookup.table.count),
        program.values[step.inputs[0]].count == output.count
      else { throw failing(CertificateError("its table does not fit")) }
      form = .lookup(lookup)
      self.staircases = []
      staircaseOf = { _ in 0 }

    case .combine(let combine):
      let (left, right) = Self.operandElements(combine)
      guard left.count == output.count else { throw failing(CertificateError("its shapes do not fit")) }
      var leftTable: [Int32] = []
      var rightTable: [Int32] = []
      if combine.kind != .product {
        leftTable = try Self.table(combine, combine.left, program.values[step.inputs[0]].type)
        rightTable = try Self.table(combine, combine.right, program.values[step.inputs[1]].type)
      }
      form = .combine(combine, left: left, right: right, leftTable: leftTable, rightTable: rightTable)
      let (low, high) = try Self.accumulators(
        combine, left, right, leftTable, rightTable, program, step, ranges)
      (ranges.accumulatorLow[index], ranges.accumulatorHigh[index]) = (low, high)
      self.staircases = try staircases(combine.requantization, channels: 1, low: low, high: high)
      staircaseOf = { _ in 0 }

    case .product(let product):
      let starts = try Self.starts(of: product, program, step)
      guard !product.isLong else {
        let sums = try product.accumulators(
          starts, left: (ranges.low[step.inputs[0]], ranges.high[step.inputs[0]]),
          right: (ranges.low[step.inputs[1]], ranges.high[step.inputs[1]]), in: Int64.self)
        try Self.checkLong(product.requantization, channels: 1, sums)
        form = .longProduct(product, starts: starts)
        self.staircases = []
        staircaseOf = { _ in 0 }
        return
      }
      form = .product(product, starts: starts)
      let (low, high) = try product.accumulators(
        starts, left: (ranges.low[step.inputs[0]], ranges.high[step.inputs[0]]),
        right: (ranges.low[step.inputs[1]], ranges.high[step.inputs[1]]))
      (ranges.accumulatorLow[index], ranges.accumulatorHigh[index]) = (low, high)
      self.staircases = try staircases(product.requantization, channels: 1, low: low, high: high)
      staircaseOf = { _ in 0 }

    case .pool(let pool):
      let window = WindowTable(pool.geometry)
      guard pool.geometry.outputCount == output.count, pool.geometry.inputChannels == pool.geometry.outputChannels,
        pool.geometry.inputCount == program.values[step.inputs[0]].count
      else { throw failing(CertificateError("its shapes do not fit")) }
      if case .maximum = pool.kind {
        form = .maximum(pool, window: window)
        self.staircases = []
        staircaseOf = { _ in 0 }
        return
      }
      var bias: Int32 = 0
      if case .sum(let value, _, _) = pool.kind { bias = value }
      form = .sum(pool, window: window, bias: bias)
      let (low, high) = try Self.accumulators(
        pool, window, bias: bias, low: ranges.low[step.inputs[0]], high: ranges.high[step.inputs[0]])
      (ranges.accumulatorLow[index], ranges.accumulatorHigh[index]) = (low, high)
      if case .sum(_, let requantization, _) = pool.kind {
        self.staircases = try staircases(
          requantization, channels: pool.geometry.outputChannels, low: low, high: high)
        let channels = pool.geometry.outputChannels
        let isShared = requantization.multipliers.count == 1
        staircaseOf = { isShared ? 0 : $0 % channels }
      } else {
        let least = low.min() ?? 0
        let most = high.max() ?? 0
        var byCount: [Staircase] = []
        for count in 1...max(1, pool.geometry.taps) {
          byCount.append(
            try Staircase(over: least...most) { pool.averageCode(sum: $0, count: Int32(count)) })
        }
        self.staircases = byCount
        let counts = (0..<window.outputPixels).map { pixel in
          let inside = window.pixels[pixel * window.taps..<(pixel + 1) * window.taps].count { $0 >= 0 }
          return max(1, pool.count(inside: inside)) - 1
        }
        let channels = pool.geometry.outputChannels
        staircaseOf = { counts[$0 / channels] }
      }

    case .softmax(let softmax):
      guard softmax.rows * softmax.depth == output.count else {
        throw failing(CertificateError("its shapes do not fit"))
      }
      form = .softmax(try SoftmaxBounds(softmax, logits: program.values[step.inputs[0]].type))
      self.staircases = []
      staircaseOf = { _ in 0 }

    case .normalize(let normalization):
      try normalization.check(program.values[step.inputs[0]].type, count: output.count)
      form = .normalize(normalization)
      self.staircases = []
      staircaseOf = { _ in 0 }

    case .signal(let signal):
      try signal.check(step.inputs.map { program.values[$0] }, output)
      form = .signal(signal)
      self.staircases = []
      staircaseOf = { _ in 0 }

    case .move(let move):
      form = .move(try Self.sources(of: move, program, step))
      self.staircases = []
      staircaseOf = { _ in 0 }
    }
  }

  /// Proves that sums in 64 bits are requantised without overflow, to what 32 bits hold, and that codes never fall where
  /// sums rise.
  private static func checkLong(
    _ requantization: Requantization, channels: Int, _ sums: (low: [Int64], high: [Int64])
  ) throws(CertificateError) {
    for (element, ends) in zip(sums.low, sums.high).enumerated() {
      let multiplier = requantization.multiplier(channel: element % channels)
      let scaled = requantize(Interval<Int64>(ends.0, ends.1), by: multiplier, rounding: requantization.rounding)
      guard multiplier.mantissa >= 0, !requantization.keepsAccumulators, scaled.holds, scaled.range.fits32,
        requantization.code(Interval<Int64>(ends.0, ends.1), channel: element % channels).holds
      else { throw CertificateError("the requantisation of 64-bit sums could overflow") }
    }
  }

  /// The scaled operand of a sum or difference for every code of its type; it must not fall.
  private static func table(
    _ combine: Combine, _ operand: Combine.Operand, _ type: CodeType
  ) throws(CertificateError) -> [Int32] {
    guard operand.multiplier.mantissa >= 0,
      combine.scaled(Interval<Int32>(type.range), operand).holds
    else { throw CertificateError("an operand's rescaling could overflow") }
    return type.range.map { combine.scaled(Int32($0), operand) }
  }

  /// For every output element, the elements of both operands.
  private static func operandElements(_ combine: Combine) -> (left: [Int32], right: [Int32]) {
    var left: [Int32] = [0]
    var right: [Int32] = [0]
    for (dimension, size) in combine.shape.enumerated() {
      let (a, b) = (combine.left.strides[dimension], combine.right.strides[dimension])
      left = left.flatMap { start in (0..<size).map { start + Int32($0 * a) } }
      right = right.flatMap { start in (0..<size).map { start + Int32($0 * b) } }
    }
    return (left, right)
  }

  private static func sources(
    of move: Move, _ program: IntegerProgram, _ step: Step
  ) throws(CertificateError) -> [MoveSource] {
    let count = program.values[step.output].count
    var sources = [MoveSource](repeating: MoveSource(operand: -1, element: move.fill ?? 0), count: count)
    var isMade = [Bool](repeating: move.fill != nil, count: count)
    for copy in move.copies {
      var places: [(source: Int, target: Int)] = [(copy.sourceStart, copy.targetStart)]
      for (dimension, size) in copy.sizes.enumerated() {
        places = places.flatMap { place in
          (0..<size).map {
            (place.source + $0 * copy.sourceStrides[dimension], place.target + $0 * copy.targetStrides[dimension])
          }
        }
      }
      guard step.inputs.indices.contains(copy.operand) else { throw CertificateError("a move reads no operand") }
      let operandCount = program.values[step.inputs[copy.operand]].count
      for place in places {
        guard sources.indices.contains(place.target), (0..<operandCount).contains(place.source) else {
          throw CertificateError("a move passes its tensor's end")
        }
        sources[place.target] = MoveSource(operand: Int32(copy.operand), element: Int32(place.source))
        isMade[place.target] = true
      }
    }
    guard isMade.allSatisfy({ $0 }) else { throw CertificateError("a move leaves elements unmade") }
    return sources
  }
}
