import Arithmetic
import DifferentialTesting
import IntegerProgram

/// Random programs of a few steps over a few codes: every kind of step, rounding and width of codes, also those that
/// no importer makes yet.
struct TinyProgram {
  private var random: SeededGenerator
  private var values: [Value] = []
  private var steps: [Step] = []

  static func make(seed: UInt64) -> IntegerProgram {
    var tiny = TinyProgram(random: SeededGenerator(seed: seed))
    let input = tiny.value(shape: [1, tiny.pick(1...3), tiny.pick(1...3), tiny.pick(1...2)], tiny.type())
    var last = input
    for _ in 0..<tiny.pick(1...3) { last = tiny.step(from: last) }
    if tiny.random.chance(0.15), tiny.values[last].shape.count == 4 { last = tiny.accumulators(last) }
    return IntegerProgram(
      name: "tiny \(seed)", values: tiny.values, steps: tiny.steps, inputs: [input], outputs: [last])
  }

  // MARK: Draws

  private mutating func pick(_ range: ClosedRange<Int>) -> Int { random.integer(in: range) }
  private mutating func type() -> CodeType {
    random.chance(0.5)
      ? random.element(of: [.int8, .uint8])
      : CodeType(bits: pick(1...16), isSigned: random.chance(0.5))
  }
  private mutating func code(of type: CodeType) -> Int32 {
    Int32(pick(Int(type.range.lowerBound)...Int(type.range.upperBound)))
  }
  private mutating func value(shape: [Int], _ type: CodeType, constant: [Int32]? = nil) -> Int {
    values.append(
      Value(
        name: "v\(values.count)", tensor: nil, shape: shape, type: type, scale: 1, zeroPoint: 0, constant: constant))
    return values.count - 1
  }
  private mutating func emit(_ operation: Step.Operation, _ inputs: [Int], shape: [Int], _ type: CodeType) -> Int {
    let output = value(shape: shape, type)
    let source = Step.Source(index: steps.count, type: "STEP", name: "s\(steps.count)")
    steps.append(Step(operation, source: source, inputs: inputs, output: output))
    return output
  }

  /// What brings numbers up to `magnitude` to codes of `type`, now and then too many or too few.
  private mutating func requantization(channels: Int, magnitude: Int64, to type: CodeType) -> Requantization {
    let width = type.range.upperBound - type.range.lowerBound
    let rounding = random.element(of: Rounding.allCases)
    let multipliers = (0..<(random.chance(0.5) ? channels : 1)).map { _ in
      var exponent = pick(0...1)
      while exponent > -31, magnitude >> Int64(-min(exponent, 0)) > width { exponent -= 1 }
      let mantissa = rounding == .halfUpShift ? 1 << 30 : pick(1 << 30...(1 << 31) - 1)
      return Multiplier(mantissa: Int32(mantissa), exponent: max(-31, exponent + pick(-1...1)))
    }
    let clamped = random.chance(0.3)
    let low = clamped ? Int64(code(of: type)) : type.range.lowerBound
    let high = clamped ? Int64(pick(Int(low)...Int(type.range.upperBound))) : type.range.upperBound
    return Requantization(multipliers: multipliers, rounding: rounding, zeroPoint: code(of: type), clamp: low...high)
  }

  private func magnitude(_ value: Int) -> Int64 {
    let range = values[value].type.range
    return max(-range.lowerBound, range.upperBound)
  }

  // MARK: Steps

  private mutating func step(from x: Int) -> Int {
    switch pick(0...8) {
    case 0, 1: affine(x)
    case 2: lookup(x)
    case 3, 4: combine(x)
    case 5: pool(x)
    case 6 where values[x].type == .int8: softmax(x)
    case 7 where values[x].type.bits <= 12: product(x)
    default: move(x)
    }
  }

  private mutating func affine(_ x: Int) -> Int {
    let shape = values[x].shape
    let groups = random.chance(0.3) ? shape[3] : 1
    let outputs = groups * pick(1...2)
    let (height, width) = (pick(1...2), pick(1...2))
    let (top, left) = (pick(0...height - 1), pick(0...width - 1))
    let (strideHeight, strideWidth) = (pick(1...2), pick(1...2))
    let geometry = WindowGeometry(
      batch: 1, inputHeight: shape[1], inputWidth: shape[2], inputChannels: shape[3],
      outputHeight: (shape[1] + top - 1) / strideHeight + 1, outputWidth: (shape[2] + left - 1) / strideWidth + 1,
      outputChannels: outputs, kernelHeight: height, kernelWidth: width, strideHeight: strideHeight,
      strideWidth: strideWidth, paddingTop: top, paddingLeft: left)
    let largest = random.element(of: [1, 7, 127, 255])
    let count = geometry.taps * shape[3] / groups
    let weights = (0..<count * outputs).map { _ in Int16(pick(-largest...largest)) }
    let bias = (0..<outputs).map { _ in Int32(pick(-1000...1000)) }
    let reach = Int64(count * largest) * magnitude(x)
    let type = type()
    let affine = Affine(
      geometry: geometry, groups: groups, paddingCode: code(of: values[x].type), weights: weights, bias: bias,
      accumulators: bias.map { Int64($0) - reach...Int64($0) + reach },
      requantization: requantization(channels: outputs, magnitude: reach, to: type))
    return emit(
      .affine(affine), [x], shape: [1, geometry.outputHeight, geometry.outputWidth, outputs], type)
  }

  /// An affine step whose codes are its accumulators, perhaps behind a ReLU.
  private mutating func accumulators(_ x: Int) -> Int {
    let last = affine(x)
    guard case .affine(var affine) = steps[steps.count - 1].operation else { return last }
    affine.requantization = random.chance(0.5) ? .identity : .rectifier
    steps[steps.count - 1].operation = .affine(affine)
    values[last].type = .int32
    return last
  }

  private mutating func lookup(_ x: Int) -> Int {
    let type = type()
    let codes = values[x].type.range
    var table: [Int32] = []
    // Stretches of constants, of slopes and of noise.
    while table.count < codes.count {
      let (start, kind) = (code(of: type), pick(0...2))
      for i in 0..<pick(1...1 + codes.count / 2) {
        let next = kind == 0 ? start : kind == 1 ? start + Int32(i) : code(of: type)
        table.append(Int32(min(max(Int64(next), type.range.lowerBound), type.range.upperBound)))
      }
    }
    let lookup = Lookup(lowest: Int32(codes.lowerBound), table: Array(table.prefix(codes.count)))
    return emit(.lookup(lookup), [x], shape: values[x].shape, type)
  }

  private mutating func combine(_ x: Int) -> Int {
    let (shape, xType) = (values[x].shape, values[x].type)
    let channels = shape[3]
    // With itself, or with a constant for each channel.
    let other =
      random.chance(0.4)
      ? x : value(shape: [channels], xType, constant: (0..<channels).map { _ in code(of: xType) })
    let kind = xType.bits > 12 ? .sum : random.element(of: [Combine.Kind.sum, .difference, .product])
    func operand(_ strides: [Int]) -> Combine.Operand {
      Combine.Operand(
        zeroPoint: code(of: xType),
        multiplier: Multiplier(mantissa: Int32(pick(1 << 30...(1 << 31) - 1)), exponent: pick(-3...0)),
        strides: strides)
    }
    let pixels = shape[1] * shape[2]
    let (left, right) = (operand([channels, 1]), operand(other == x ? [channels, 1] : [0, 1]))
    let leftShift = xType.bits > 8 ? 8 : 18
    let type = type()
    let reach = 2 * magnitude(x) + 1
    var requantization = requantization(
      channels: 1, magnitude: kind == .product ? reach * reach : reach << Int64(leftShift), to: type)
    // A power of two for the result alone: the operands have mantissas of their own.
    if requantization.rounding == .halfUpShift { requantization.rounding = .halfEven }
    return emit(
      .combine(
        Combine(
          kind: kind, shape: [pixels, channels], left: left, right: right, leftShift: leftShift,
          requantization: requantization)), [x, other], shape: shape, type)
  }

  /// Pixels as rows, times themselves or a constant.
  private mutating func product(_ x: Int) -> Int {
    let (shape, xType) = (values[x].shape, values[x].type)
    let (rows, depth) = (shape[1] * shape[2], shape[3])
    let isOwn = random.chance(0.6)
    let columns = isOwn ? rows : pick(1...2)
    let other =
      isOwn
      ? x : value(shape: [depth, columns], xType, constant: (0..<depth * columns).map { _ in code(of: xType) })
    let type = type()
    var product = MatrixProduct(
      batch: [], rows: rows, columns: columns, depth: depth,
      left: MatrixProduct.Operand(zeroPoint: code(of: xType), batchStrides: [], lineStride: depth, depthStride: 1),
      right: MatrixProduct.Operand(
        zeroPoint: code(of: xType), batchStrides: [], lineStride: isOwn ? depth : 1, depthStride: isOwn ? 1 : columns),
      bias: Int32(pick(-100...100)), accumulator: 0...0,
      requantization: requantization(
        channels: 1, magnitude: Int64(depth) * (2 * magnitude(x) + 1) * (2 * magnitude(x) + 1), to: type))
    let one = product.product(Interval<Int64>(xType.range), Interval<Int64>(xType.range))
    product.accumulator = MatrixProduct.accumulator(ofProducts: one.range, depth: depth, bias: Int64(product.bias))
    return emit(.product(product), [x, other], shape: [1, 1, rows, columns], type)
  }

  private mutating func pool(_ x: Int) -> Int {
    let (shape, type) = (values[x].shape, values[x].type)
    let (height, width) = (pick(1...shape[1]), pick(1...shape[2]))
    let kind = pick(0...2)
    // What lies outside the image counts as a code, or does not, which sums have no way to say.
    let paddingCode = random.chance(0.5) ? code(of: type) : nil
    let pads = (kind < 2 || paddingCode != nil) && random.chance(0.5)
    let (top, left) = pads ? (height - 1, width - 1) : (0, 0)
    let geometry = WindowGeometry(
      batch: 1, inputHeight: shape[1], inputWidth: shape[2], inputChannels: shape[3],
      outputHeight: shape[1] + top - height + 1, outputWidth: shape[2] + left - width + 1, outputChannels: shape[3],
      kernelHeight: height, kernelWidth: width, paddingTop: top, paddingLeft: left)
    let low = random.chance(0.5) ? type.range.lowerBound : Int64(code(of: type))
    let output = kind < 2 ? type : self.type()
    let reach = Int64(geometry.taps) * magnitude(x)
    let bias = Int32(pick(-100...100))
    let operation: Pool.Kind =
      kind == 0
      ? .maximum
      : kind == 1
        ? .average
        : .sum(
          bias: bias, requantization(channels: 1, magnitude: reach, to: output),
          accumulator: Int64(bias) - reach...Int64(bias) + reach)
    return emit(
      .pool(
        Pool(kind: operation, geometry: geometry, clamp: low...type.range.upperBound, paddingCode: paddingCode)), [x],
      shape: [1, geometry.outputHeight, geometry.outputWidth, shape[3]], output)
  }

  private mutating func softmax(_ x: Int) -> Int {
    let shape = values[x].shape
    let scale = random.element(of: [Float(0.003), 0.02, 0.1, 0.3, 1])
    guard let softmax = SoftmaxScale(scale: scale, beta: 1) else { return x }
    let (rows, depth) = random.chance(0.5) ? (1, values[x].count) : (values[x].count / shape[3], shape[3])
    // Nothing is drawn for it: the other programs stay what they are.
    if values.count % 4 == 0 {
      let normalization = Normalization(
        rows: rows, depth: depth, zeroPoint: Int32(values.count * 37 % 256) - 128,
        rounding: depth % 2 == 0 ? .double : .single)
      return emit(.normalize(normalization), [x], shape: shape, .int8)
    }
    let kind: Softmax.Kind =
      switch values.count % 4 {
      case 1: .logarithms(softmax)
      case 2 where values.count % 8 == 2: .tabulated(Rows.table(values.count))
      default: .shares(softmax)
      }
    if case .shares = kind, values.count % 8 == 3 {
      let scores = Rows.scores(values.count, depth: depth, range: values[x].type.range)
      let normalization = Normalization(rows: rows, depth: depth, zeroPoint: 3, kind: .scores(scores))
      return emit(.normalize(normalization), [x], shape: shape, .int8)
    }
    return emit(.softmax(Softmax(rows: rows, depth: depth, kind: kind)), [x], shape: shape, .int8)
  }

  /// Transposed, and sometimes framed by a code.
  private mutating func move(_ x: Int) -> Int {
    let (shape, type) = (values[x].shape, values[x].type)
    let (height, width, channels) = (shape[1], shape[2], shape[3])
    let frame = pick(0...1)
    let output = [1, width + frame, height, channels]
    let copy = Move.Copy(
      operand: 0, sizes: [height, width, channels], sourceStart: 0, sourceStrides: [width * channels, channels, 1],
      targetStart: frame * height * channels, targetStrides: [channels, height * channels, 1])
    return emit(.move(Move(fill: frame == 1 ? code(of: type) : nil, copies: [copy])), [x], shape: output, type)
  }
}
