import Arithmetic
import DifferentialTesting
import IntegerProgram

/// Random programs so small that all their inputs in a box can be tried: every kind of step and rounding, codes of 1 to
/// 16 bits, ties, saturations, codes that are jumped over, several inputs and outputs, constants.
struct RandomProgram {
  private var random: SeededGenerator
  private var values: [Value] = []
  private var steps: [Step] = []
  private var inputs: [Int] = []
  /// By value, [height, width, channels].
  private var shapes: [[Int]] = []
  /// By value, the codes it may have, coarsely.
  private var reach: [ClosedRange<Int64>] = []

  /// Whether codes mostly have 16 bits and weights are large, so that many accumulators take 64.
  private let isWide: Bool

  /// The program of a seed. A requantisation may not fit its register: then `BoundedProgram` refuses it.
  static func make(_ random: SeededGenerator, isWide: Bool = false) -> IntegerProgram {
    var program = RandomProgram(random: random, isWide: isWide)
    return program.build()
  }

  private init(random: SeededGenerator, isWide: Bool) { (self.random, self.isWide) = (random, isWide) }

  private mutating func build() -> IntegerProgram {
    for _ in 0..<(random.chance(0.2) ? 2 : 1) {
      let shape = random.chance(0.5) ? [1, 1, pick(1...5)] : [pick(1...3), pick(1...3), pick(1...2)]
      inputs.append(emptyValue(shape, type()))
    }
    for _ in 0..<pick(1...5) { step() }
    // The last steps join what the others made.
    var last = values.count - 1
    if inputs.contains(last) || random.chance(0.3) { last = dense(last, outputs: pick(1...5), type()) }
    if random.chance(0.15) {
      last = accumulators(last, outputs: pick(1...5))
    } else if random.chance(0.2) {
      last = softmax(values[last].type == .int8 && random.chance(0.5) ? last : dense(last, outputs: pick(2...5), .int8))
    }
    var outputs = [last]
    let others = steps.map(\.output).filter { $0 != last }
    if random.chance(0.15), let other = others.first { outputs.append(other) }
    return IntegerProgram(name: "random", values: values, steps: steps, inputs: inputs, outputs: outputs)
  }

  // MARK: Draws

  private mutating func pick(_ range: ClosedRange<Int>) -> Int { random.integer(in: range) }
  private mutating func type() -> CodeType {
    if isWide, random.chance(0.8) { return .int16 }
    let bits = random.choice(of: [(1, 1), (6, pick(2...4)), (6, pick(5...7)), (4, 8), (1, pick(9...16))])
    return CodeType(bits: bits, isSigned: random.chance(0.5))
  }
  private mutating func code(of type: CodeType) -> Int32 {
    Int32(pick(Int(type.range.lowerBound)...Int(type.range.upperBound)))
  }

  private mutating func emptyValue(_ shape: [Int], _ type: CodeType, constant: [Int32]? = nil) -> Int {
    values.append(
      Value(
        name: "v\(values.count)", tensor: nil, shape: [1] + shape, type: type, scale: 1, zeroPoint: 0,
        constant: constant))
    shapes.append(shape)
    reach.append(type.range)
    return values.count - 1
  }

  private mutating func emit(
    _ operation: Step.Operation, _ operands: [Int], _ shape: [Int], _ type: CodeType
  ) -> Int {
    let output = emptyValue(shape, type)
    let source = Step.Source(index: steps.count, type: "STEP", name: "s\(steps.count)")
    steps.append(Step(operation, source: source, inputs: operands, output: output))
    return output
  }

  /// A value to go on from: mostly the last.
  private mutating func operand() -> Int {
    random.chance(0.7) ? values.count - 1 : pick(0...values.count - 1)
  }

  /// Brings `accumulators` about to codes of `type`; now and then too few, too many, or jumping over some.
  private mutating func requantization(
    _ accumulators: ClosedRange<Int64>, channels: Int, to type: CodeType
  ) -> Requantization {
    // As TensorFlow Lite requantises sums of 64 bits.
    let isLong = !accumulators.fits32
    let rounding = isLong ? .single : random.element(of: Rounding.allCases)
    let isPowerOfTwo = rounding == .halfUpShift || random.chance(0.3)
    let width = Double(accumulators.upperBound - accumulators.lowerBound + 1)
    let codes = Double(type.range.upperBound - type.range.lowerBound + 1)
    let spread = random.element(of: [0.3, 0.7, 1, 1, 1.5, 3, 20])
    var real = 0.0
    let multipliers = (0..<(random.chance(0.4) ? channels : 1)).map { _ -> Multiplier in
      if random.chance(0.03) { return Multiplier(mantissa: rounding == .halfUpShift ? 1 << 30 : 0, exponent: 0) }
      real = max(codes / width * spread * random.real(in: 0.5...1.5), 0x1p-29)
      let exponent = Int(real.exponent)
      if isLong, let multiplier = Multiplier(real) { return multiplier.reduced }
      return isPowerOfTwo
        ? .powerOfTwo(max(-30, exponent)) : Multiplier(real) ?? .powerOfTwo(max(-30, exponent))
    }
    // The middle of the accumulators comes to lie somewhere in the codes.
    let middle = Double(accumulators.lowerBound / 2 + accumulators.upperBound / 2) * real
    let target = random.chance(0.7) ? Double(type.range.lowerBound) + codes / 2 : Double(code(of: type))
    let zeroPoint = Int32(max(-70_000, min(70_000, (target - middle).rounded())))
    let isClamped = random.chance(0.2)
    let low = isClamped ? Int64(code(of: type)) : type.range.lowerBound
    let high = isClamped ? Int64(pick(Int(low)...Int(type.range.upperBound))) : type.range.upperBound
    return Requantization(multipliers: multipliers, rounding: rounding, zeroPoint: zeroPoint, clamp: low...high)
  }

  // MARK: Steps

  private mutating func step() {
    let x = operand()
    let isSmall = values[x].count <= 24
    switch pick(0...15) {
    case 0...2: _ = dense(x, outputs: pick(1...4), type())
    case 3...5: _ = isSmall ? convolution(x) : dense(x, outputs: 2, type())
    case 6...7: _ = pool(x)
    case 8: _ = values[x].type.bits <= 10 ? lookup(x) : dense(x, outputs: 2, type())
    case 9...11: _ = combine(x)
    case 12...13: _ = values[x].count <= 12 ? product(x) : pool(x)
    default: _ = isSmall ? move(x) : pool(x)
    }
  }

  private mutating func weights(_ count: Int) -> [Int16] {
    let largest = random.choice(of: isWide ? [(1, 127), (2, 32_767)] : [(4, 1), (6, 3), (4, 15), (2, 127), (1, 1000)])
    return (0..<count).map { _ in random.chance(0.1) ? 0 : Int16(pick(-largest...largest)) }
  }

  private mutating func dense(_ x: Int, outputs: Int, _ type: CodeType) -> Int {
    affine(x, .dense(batch: 1, inputs: values[x].count, outputs: outputs), groups: 1, type)
  }

  /// A dense layer whose codes are its accumulators, perhaps behind a ReLU.
  private mutating func accumulators(_ x: Int, outputs: Int) -> Int {
    let last = dense(x, outputs: outputs, .int32)
    guard case .affine(var affine) = steps[steps.count - 1].operation else { return last }
    affine.requantization = random.chance(0.5) ? .identity : .rectifier
    steps[steps.count - 1].operation = .affine(affine)
    return last
  }

  private mutating func convolution(_ x: Int) -> Int {
    let shape = shapes[x]
    let groups = random.chance(0.4) ? shape[2] : 1
    let (kernelHeight, kernelWidth) = (pick(1...3), pick(1...3))
    let (dilationHeight, dilationWidth) = (pick(1...2), random.chance(0.8) ? 1 : 2)
    let (spanHeight, spanWidth) = ((kernelHeight - 1) * dilationHeight + 1, (kernelWidth - 1) * dilationWidth + 1)
    let (top, left) = (pick(0...spanHeight - 1), pick(0...spanWidth - 1))
    let (strideHeight, strideWidth) = (pick(1...2), pick(1...2))
    // At least one window; the last may reach past the end.
    let height = max(0, shape[0] + top + pick(0...1) - spanHeight) / strideHeight + 1
    let width = max(0, shape[1] + left + pick(0...1) - spanWidth) / strideWidth + 1
    let geometry = WindowGeometry(
      batch: 1, inputHeight: shape[0], inputWidth: shape[1], inputChannels: shape[2], outputHeight: height,
      outputWidth: width, outputChannels: groups * pick(1...2), kernelHeight: kernelHeight, kernelWidth: kernelWidth,
      strideHeight: strideHeight, strideWidth: strideWidth, dilationHeight: dilationHeight,
      dilationWidth: dilationWidth, paddingTop: top, paddingLeft: left)
    return affine(x, geometry, groups: groups, type())
  }

  private mutating func affine(_ x: Int, _ geometry: WindowGeometry, groups: Int, _ type: CodeType) -> Int {
    let count = geometry.taps * geometry.inputChannels / groups
    let weights = weights(count * geometry.outputChannels)
    let codes = reach[x]
    let padding = Int64(code(of: values[x].type))
    var bias: [Int64] = []
    var accumulators: [ClosedRange<Int64>] = []
    for channel in 0..<geometry.outputChannels {
      var (low, high) = (Int64(0), Int64(0))
      for weight in weights[channel * count..<(channel + 1) * count] {
        let ends = [codes.lowerBound, codes.upperBound, padding].map { $0 * Int64(weight) } + [0]
        low += ends.min() ?? 0
        high += ends.max() ?? 0
      }
      let b = random.chance(0.5) ? -(low + high) / 2 : Int64(pick(-20...20))
      bias.append(b)
      // Every partial sum as well.
      accumulators.append(min(0, b) + low...max(0, b) + high)
    }
    let whole = (accumulators.map(\.lowerBound).min() ?? 0)...(accumulators.map(\.upperBound).max() ?? 0)
    let affine = Affine(
      geometry: geometry, groups: groups, paddingCode: Int32(padding), weights: weights, bias: bias,
      accumulators: accumulators, requantization: requantization(whole, channels: geometry.outputChannels, to: type))
    return emit(
      .affine(affine), [x], [geometry.outputHeight, geometry.outputWidth, geometry.outputChannels], type)
  }

  private mutating func lookup(_ x: Int) -> Int {
    let type = type()
    let codes = values[x].type.range
    let kind = pick(0...3)
    let special = pick(0...codes.count - 1)
    let flat = code(of: type)
    let table = (0..<codes.count).map { index -> Int32 in
      switch kind {
      case 0: return code(of: type)
      // A needle.
      case 1: return index == special ? code(of: type) : flat
      // A hill.
      case 2:
        return Int32(max(type.range.lowerBound, type.range.upperBound - Int64(abs(index - special))))
      default:
        let share = Double(index) / Double(codes.count)
        return Int32(type.range.lowerBound + Int64(share * Double(type.range.count - 1)))
      }
    }
    return emit(.lookup(Lookup(lowest: Int32(codes.lowerBound), table: table)), [x], shapes[x], type)
  }

  private mutating func combine(_ x: Int) -> Int {
    let shape = shapes[x]
    let (pixels, channels) = (shape[0] * shape[1], shape[2])
    // An operand of the same shape (it may be itself), a constant, or one code for all.
    var (y, strides) = (x, [channels, 1])
    switch pick(0...3) {
    case 0:
      y = values.indices.filter { shapes[$0] == shape }.randomElement(using: &random) ?? x
    case 1:
      let type = type()
      y = emptyValue([1, 1, channels], type, constant: (0..<channels).map { _ in code(of: type) })
      strides = [0, 1]
    case 2:
      if let scalar = values.indices.filter({ values[$0].count == 1 }).randomElement(using: &random) {
        (y, strides) = (scalar, [0, 0])
      }
    default: break
    }
    let (a, b) = (values[x].type.range, values[y].type.range)
    let widest = Double(max(a.upperBound - a.lowerBound, b.upperBound - b.lowerBound))
    // Products beyond 32 bits are refused.
    let kind = random.element(
      of: widest > 40_000 ? [Combine.Kind.sum, .difference] : [.sum, .difference, .product, .product])
    let isEven = random.chance(0.3)
    func operand(_ type: CodeType, _ strides: [Int]) -> Combine.Operand {
      Combine.Operand(
        zeroPoint: code(of: type),
        multiplier: isEven
          ? .powerOfTwo(-pick(0...2))
          : Multiplier(mantissa: Int32(pick(1 << 30...(1 << 31) - 1)), exponent: -pick(0...2)),
        strides: strides)
    }
    let (left, right) = (operand(values[x].type, [channels, 1]), operand(values[y].type, strides))
    let leftShift = values[x].type.bits > 8 || values[y].type.bits > 8 ? pick(0...4) : pick(0...10)
    let large =
      kind == .product
      ? Double(a.upperBound - a.lowerBound + 1) * Double(b.upperBound - b.lowerBound + 1)
      : 2 * (widest + 1) * Double(1 << leftShift)
    let type = type()
    let combine = Combine(
      kind: kind, shape: [pixels, channels], left: left, right: right, leftShift: leftShift,
      requantization: requantization(-Int64(large / 2)...Int64(large / 2), channels: 1, to: type))
    return emit(.combine(combine), [x, y], shape, type)
  }

  /// A value times itself, another or a constant, as matrices.
  private mutating func product(_ x: Int) -> Int {
    let depth = pick(1...3)
    let rows = pick(1...2)
    let columns = pick(1...2)
    func isLarge(_ value: Int, _ lines: Int) -> Bool { values[value].count >= lines * depth }
    let mostBits = isWide ? 16 : 10
    guard isLarge(x, rows), values[x].type.bits <= mostBits else { return pool(x) }
    let others = values.indices.filter { isLarge($0, columns) && values[$0].type.bits <= mostBits }
    let y: Int
    if random.chance(0.2) || others.isEmpty {
      let type = type().bits > 8 ? CodeType.int8 : self.type()
      let narrow = type.bits > 10 ? CodeType.int8 : type
      y = emptyValue([1, columns, depth], narrow, constant: (0..<columns * depth).map { _ in code(of: narrow) })
    } else {
      y = others.randomElement(using: &random) ?? x
    }
    func operand(_ value: Int, _ lines: Int) -> MatrixProduct.Operand {
      let isTransposed = random.chance(0.5)
      return MatrixProduct.Operand(
        zeroPoint: code(of: values[value].type), batchStrides: [], lineStride: isTransposed ? 1 : depth,
        depthStride: isTransposed ? lines : 1)
    }
    let type = type()
    var product = MatrixProduct(
      batch: [], rows: rows, columns: columns, depth: depth, left: operand(x, rows), right: operand(y, columns),
      bias: Int32(pick(-20...20)), accumulator: 0...0,
      requantization: Requantization(multipliers: [], rounding: .double, zeroPoint: 0, clamp: 0...0))
    let one = product.product(Interval<Int64>(values[x].type.range), Interval<Int64>(values[y].type.range))
    product.accumulator = MatrixProduct.accumulator(ofProducts: one.range, depth: depth, bias: Int64(product.bias))
    product.requantization = requantization(product.accumulator, channels: 1, to: type)
    return emit(.product(product), [x, y], [1, rows, columns], type)
  }

  private mutating func pool(_ x: Int) -> Int {
    let (shape, type) = (shapes[x], values[x].type)
    let (height, width) = (pick(1...min(3, shape[0])), pick(1...min(3, shape[1])))
    let kind = pick(0...3)
    // What lies outside the image counts as a code, or does not, which sums have no way to say.
    let paddingCode = random.chance(0.5) ? code(of: type) : nil
    let (top, left) = (kind < 3 || paddingCode != nil) && random.chance(0.4) ? (height - 1, width - 1) : (0, 0)
    let (strideHeight, strideWidth) = (pick(1...2), pick(1...2))
    let geometry = WindowGeometry(
      batch: 1, inputHeight: shape[0], inputWidth: shape[1], inputChannels: shape[2],
      outputHeight: (shape[0] + top - height) / strideHeight + 1,
      outputWidth: (shape[1] + left - width) / strideWidth + 1, outputChannels: shape[2], kernelHeight: height,
      kernelWidth: width, strideHeight: strideHeight, strideWidth: strideWidth, paddingTop: top, paddingLeft: left)
    let isClamped = random.chance(0.3)
    let low = isClamped ? Int64(code(of: type)) : type.range.lowerBound
    let high = isClamped ? Int64(pick(Int(low)...Int(type.range.upperBound))) : type.range.upperBound
    var output = type
    let operation: Pool.Kind
    switch kind {
    case 0, 1: operation = .maximum
    case 2: operation = .average
    default:
      output = self.type()
      let bias = Int64(pick(-20...20))
      let taps = Int64(geometry.taps)
      let whole =
        min(0, bias) + min(0, taps * type.range.lowerBound)...max(0, bias) + max(0, taps * type.range.upperBound)
      operation = .sum(bias: Int32(bias), requantization(whole, channels: shape[2], to: output), accumulator: whole)
    }
    return emit(
      .pool(
        Pool(
          kind: operation, geometry: geometry, clamp: kind < 3 ? low...high : output.range, paddingCode: paddingCode)),
      [x],
      [geometry.outputHeight, geometry.outputWidth, shape[2]], output)
  }

  private mutating func softmax(_ x: Int) -> Int {
    let shape = shapes[x]
    guard let scale = SoftmaxScale(scale: random.element(of: [0.003, 0.02, 0.1, 0.5]), beta: 1) else { return x }
    let rows = shape[0] * shape[1]
    // Nothing is drawn for it: the other programs stay what they are.
    switch values.count % 6 {
    case 0:
      return emit(.softmax(Softmax(rows: rows, depth: shape[2], kind: .logarithms(scale))), [x], shape, .int8)
    case 1:
      let normalization = Normalization(
        rows: rows, depth: shape[2], zeroPoint: Int32(values.count * 37 % 256) - 128, rounding: .double)
      return emit(.normalize(normalization), [x], shape, .int8)
    case 2:
      let table = Rows.table(values.count)
      return emit(.softmax(Softmax(rows: rows, depth: shape[2], kind: .tabulated(table))), [x], shape, .int8)
    case 3:
      let scores = Rows.scores(values.count, depth: shape[2], range: values[x].type.range)
      let normalization = Normalization(rows: rows, depth: shape[2], zeroPoint: 3, kind: .scores(scores))
      return emit(.normalize(normalization), [x], shape, .int8)
    default: return emit(.softmax(Softmax(rows: rows, depth: shape[2], scale: scale)), [x], shape, .int8)
    }
  }

  /// Transposed, sliced, framed by a code, or joined to another of the same type.
  private mutating func move(_ x: Int) -> Int {
    let (type, shape) = (values[x].type, shapes[x])
    let (height, width, channels) = (shape[0], shape[1], shape[2])
    switch pick(0...5) {
    case 4 where values[x].count <= 12:
      // Every row twice.
      let copy = Move.Copy(
        operand: 0, sizes: [height, 2, width * channels], sourceStart: 0, sourceStrides: [width * channels, 0, 1],
        targetStart: 0, targetStrides: [2 * width * channels, width * channels, 1])
      return emit(.move(Move(copies: [copy])), [x], [2 * height, width, channels], type)
    case 5:
      // Columns turned round.
      let copy = Move.Copy(
        operand: 0, sizes: [height, width, channels], sourceStart: (width - 1) * channels,
        sourceStrides: [width * channels, -channels, 1], targetStart: 0,
        targetStrides: [width * channels, channels, 1])
      return emit(.move(Move(copies: [copy])), [x], [height, width, channels], type)
    case 0:
      let copy = Move.Copy(
        operand: 0, sizes: [height, width, channels], sourceStart: 0, sourceStrides: [width * channels, channels, 1],
        targetStart: 0, targetStrides: [channels, height * channels, 1])
      return emit(.move(Move(copies: [copy])), [x], [width, height, channels], type)
    case 1:
      let (first, count) = (pick(0...height - 1), pick(1...width))
      let copy = Move.Copy(
        operand: 0, sizes: [height - first, count, channels], sourceStart: first * width * channels,
        sourceStrides: [width * channels, channels, 1], targetStart: 0,
        targetStrides: [count * channels, channels, 1])
      return emit(.move(Move(copies: [copy])), [x], [height - first, count, channels], type)
    case 2:
      let copy = Move.Copy(
        operand: 0, sizes: [height, width, channels], sourceStart: 0, sourceStrides: [width * channels, channels, 1],
        targetStart: (width + 1) * channels, targetStrides: [(width + 1) * channels, channels, 1])
      return emit(.move(Move(fill: code(of: type), copies: [copy])), [x], [height + 1, width + 1, channels], type)
    default:
      let y =
        values.indices.filter { values[$0].type == type && values[$0].count <= 12 }.randomElement(using: &random) ?? x
      let copies = [(0, x, 0), (1, y, values[x].count)].map { operand, value, start in
        Move.Copy(
          operand: operand, sizes: [values[value].count], sourceStart: 0, sourceStrides: [1], targetStart: start,
          targetStrides: [1])
      }
      return emit(.move(Move(copies: copies)), [x, y], [1, 1, values[x].count + values[y].count], type)
    }
  }
}
