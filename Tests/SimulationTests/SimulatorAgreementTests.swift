import Arithmetic
import CSimulationKernels
import IntegerProgram
import Testing

@testable import Simulation

/// The instructions that this machine can be asked for.
private let instructionSets: [lockstep_instructions] =
  lockstep_best_instructions() == LOCKSTEP_PORTABLE
  ? [LOCKSTEP_PORTABLE] : [LOCKSTEP_PORTABLE, lockstep_best_instructions()]

/// Runs `program` on random inputs, twice in the same memory, and holds every instruction set to the
/// definitions.
private func expectAgreement(_ program: IntegerProgram, _ generator: inout SeededGenerator) throws {
  let inputs = (0..<2).map { _ in
    program.inputs.map { generator.codes(program.values[$0].count, of: program.values[$0].type) }
  }
  let expected = try inputs.map { try ReferenceInterpreter(program).run($0) }
  for instructions in instructionSets {
    let simulator = Simulator(program, instructions: instructions)
    for (input, output) in zip(inputs, expected) {
      let found = try simulator.run(input)
      guard found != output else { continue }
      let place = zip(found[0], output[0]).enumerated().first { $0.element.0 != $0.element.1 }
      Issue.record(
        "instructions \(instructions.rawValue), place \(String(describing: place)): \(program.steps)")
      return
    }
  }
}

@Suite struct SimulatorAgreement {
  @Test(arguments: 0..<400) func convolutionsAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let groups = generator.pick([1, 1, 1, 2, 3])
    let geometry = generator.geometry(
      inputChannels: groups * generator.int(1...9),
      outputChannels: groups * generator.pick([1, 3, 8, 16, 17, 40]))
    let (input, output) = (generator.type(), generator.type())
    let affine = generator.affine(geometry, groups: groups, input: input, output: output)
    try expectAgreement(
      program(
        .affine(affine), operands: [(geometry.inputCount, input, nil)], output: (geometry.outputCount, output)
      ),
      &generator)
  }

  @Test(arguments: 0..<400) func depthwiseConvolutionsAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let channels = generator.pick([2, 3, 8, 10, 16, 24, 64, 65, 128])
    let geometry = generator.geometry(
      inputChannels: channels, outputChannels: channels * generator.pick([1, 1, 1, 2, 3]))
    let (input, output) = (generator.type(), generator.type())
    let affine = generator.affine(geometry, groups: channels, input: input, output: output)
    try expectAgreement(
      program(
        .affine(affine), operands: [(geometry.inputCount, input, nil)], output: (geometry.outputCount, output)
      ),
      &generator)
  }

  @Test(arguments: 0..<200) func denseLayersAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let geometry = WindowGeometry.dense(
      batch: generator.int(1...19), inputs: generator.int(1...200),
      outputs: generator.pick([1, 10, 16, 33, 129, 300]))
    let (input, output) = (generator.type(), generator.type())
    let affine = generator.affine(geometry, groups: 1, input: input, output: output)
    try expectAgreement(
      program(
        .affine(affine), operands: [(geometry.inputCount, input, nil)], output: (geometry.outputCount, output)
      ),
      &generator)
  }

  @Test(arguments: 0..<200) func accumulatorsThatAreCodesAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let groups = generator.pick([1, 1, 2, 3])
    let geometry = generator.geometry(
      inputChannels: groups * generator.int(1...5), outputChannels: groups * generator.pick([1, 3, 17]))
    let input = generator.type()
    var affine = generator.affine(geometry, groups: groups, input: input, output: .int8)
    affine.requantization = seed % 2 == 0 ? .identity : .rectifier
    try expectAgreement(
      program(
        .affine(affine), operands: [(geometry.inputCount, input, nil)], output: (geometry.outputCount, .int32)),
      &generator)
  }

  @Test(arguments: 0..<200) func lookupsAreTheirTable(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let (input, output) = (generator.type(), generator.type())
    let lookup = Lookup(
      lowest: Int32(input.range.lowerBound), table: input.range.map { _ in generator.code(of: output) })
    let count = generator.int(1...200)
    try expectAgreement(
      program(.lookup(lookup), operands: [(count, input, nil)], output: (count, output)), &generator)
  }

  @Test(arguments: 0..<400) func combinesAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let kind = generator.pick([Combine.Kind.sum, .difference, .product])
    let types = (0..<3).map { _ in generator.type() }
    let shape = generator.pick([[100], [64], [3, 17], [2, 3, 20], [1]])
    // An operand may be broadcast along some dimension.
    func strides(_ generator: inout SeededGenerator) -> (strides: [Int], count: Int) {
      let broadcast = generator.bool() ? nil : generator.int(0...shape.count - 1)
      var count = 1
      var strides = [Int](repeating: 0, count: shape.count)
      for dimension in shape.indices.reversed() where dimension != broadcast {
        strides[dimension] = count
        count *= shape[dimension]
      }
      return (strides, count)
    }
    let (left, right) = (strides(&generator), strides(&generator))
    let leftShift = types[0].bits > 8 || types[1].bits > 8 ? 12 : 20
    func operand(_ strides: [Int], _ type: CodeType, _ generator: inout SeededGenerator) -> Combine.Operand {
      Combine.Operand(
        zeroPoint: generator.code(of: type),
        multiplier: Multiplier(
          mantissa: Int32(generator.int(1 << 30...(1 << 31) - 1)), exponent: generator.int(-3...0)),
        strides: strides)
    }
    let magnitude =
      kind == .product
      ? 1 << (types[0].bits + types[1].bits) : 1 << (max(types[0].bits, types[1].bits) + leftShift)
    var combine = Combine(
      kind: kind, shape: shape, left: operand(left.strides, types[0], &generator),
      right: operand(right.strides, types[1], &generator), leftShift: leftShift,
      requantization: generator.requantization(channels: 1, magnitude: magnitude, to: types[2]))
    if combine.requantization.rounding == .halfUpShift { combine.leftShift = 3 }
    let constant = generator.bool() ? generator.codes(right.count, of: types[1]) : nil
    try expectAgreement(
      program(
        .combine(combine), operands: [(left.count, types[0], nil), (right.count, types[1], constant)],
        output: (shape.reduce(1, *), types[2])),
      &generator)
  }

  @Test(arguments: 0..<300) func matrixProductsAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let types = (0..<3).map { _ in generator.type() }
    let (rows, columns, depth) = (generator.int(1...9), generator.int(1...9), generator.pick([1, 2, 7, 16, 33]))
    let batch = generator.pick([[], [2], [3], [2, 3]])
    /// Where an operand lies: transposed or not, and along some dimension the same for all.
    func operand(_ lines: Int, _ type: CodeType) -> (operand: MatrixProduct.Operand, count: Int) {
      let (isTransposed, broadcast) = (generator.bool(), generator.int(-1...2))
      var count = lines * depth
      var strides = [Int](repeating: 0, count: batch.count)
      for dimension in batch.indices.reversed() where dimension != broadcast {
        strides[dimension] = count
        count *= batch[dimension]
      }
      return (
        MatrixProduct.Operand(
          zeroPoint: generator.code(of: type), batchStrides: strides, lineStride: isTransposed ? 1 : depth,
          depthStride: isTransposed ? lines : 1), count
      )
    }
    let (left, right) = (operand(rows, types[0]), operand(columns, types[1]))
    // Products of two 16-bit codes leave no room for sums.
    guard types[0].bits + types[1].bits + 6 < 31 else { return }
    let product = MatrixProduct(
      batch: batch, rows: rows, columns: columns, depth: depth, left: left.operand, right: right.operand,
      bias: Int32(generator.int(-1000...1000)), accumulator: 0...0,
      requantization: generator.requantization(
        channels: 1, magnitude: depth << (types[0].bits + types[1].bits), to: types[2]))
    let constant = generator.bool() ? generator.codes(right.count, of: types[1]) : nil
    try expectAgreement(
      program(
        .product(product), operands: [(left.count, types[0], nil), (right.count, types[1], constant)],
        output: (product.outputCount, types[2])),
      &generator)
  }

  @Test(arguments: 0..<300) func poolsAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let channels = generator.int(1...70)
    var geometry = generator.geometry(inputChannels: channels, outputChannels: channels)
    let type = generator.type()
    var kind = generator.pick([Pool.Kind.maximum, .average])
    var output = type
    if seed % 3 == 0 {
      // A mean: the window is the image.
      geometry = WindowGeometry(
        batch: geometry.batch, inputHeight: geometry.inputHeight, inputWidth: geometry.inputWidth,
        inputChannels: channels, outputHeight: 1, outputWidth: 1, outputChannels: channels,
        kernelHeight: geometry.inputHeight, kernelWidth: geometry.inputWidth)
      output = generator.type()
      let requantization = generator.requantization(
        channels: 1, magnitude: geometry.taps << type.bits, to: output)
      kind = .sum(bias: Int32(generator.int(-1000...1000)), requantization, accumulator: 0...0)
    }
    // A window that lies wholly in the padding has no average.
    guard geometry.paddingTop < 2, geometry.paddingLeft < 2, !geometry.hasEmptyWindow else { return }
    let pool = Pool(
      kind: kind, geometry: geometry, clamp: output.range, paddingCode: seed % 2 == 0 ? nil : generator.code(of: type))
    try expectAgreement(
      program(
        .pool(pool), operands: [(geometry.inputCount, type, nil)], output: (geometry.outputCount, output)),
      &generator)
  }

  @Test(arguments: 0..<100) func softmaxIsItsDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let type = generator.pick([CodeType.int8, .uint8, CodeType(bits: 16, isSigned: true)])
    let (rows, depth) = (generator.int(1...4), generator.int(1...40))
    let scale = SoftmaxScale(scale: Float(generator.int(1...400)) / 1000, beta: 1)
    let fixed = try #require(scale)
    let softmax = Softmax(rows: rows, depth: depth, kind: generator.bool() ? .shares(fixed) : .logarithms(fixed))
    try expectAgreement(
      program(.softmax(softmax), operands: [(rows * depth, type, nil)], output: (rows * depth, .int8)),
      &generator)
    let entries = (0..<generator.int(1...300)).map { max(1, (Int64(1) << 40) >> Int64($0 / 8)) }
    let table = ExponentialTable(
      entries: entries, mantissa: 1 << 30 + Int64(generator.int(0...1 << 29)), exponent: generator.int(-24 ... -20),
      zeroPoint: Int32(generator.int(-128...127)), codes: -128...127)
    try expectAgreement(
      program(
        .softmax(Softmax(rows: rows, depth: depth, kind: .tabulated(table))), operands: [(rows * depth, type, nil)],
        output: (rows * depth, .int8)),
      &generator)
  }

  @Test(arguments: 0..<100) func normalizationIsItsDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let type = generator.pick([CodeType.int8, .uint8, CodeType(bits: 5, isSigned: true)])
    let (rows, depth) = (generator.int(1...4), generator.int(1...40))
    let zeroPoint = Int32(generator.int(Int(type.range.lowerBound)...Int(type.range.upperBound)))
    let normalization = Normalization(
      rows: rows, depth: depth, zeroPoint: zeroPoint, rounding: generator.pick([.double, .single, .halfEven]))
    try expectAgreement(
      program(.normalize(normalization), operands: [(rows * depth, type, nil)], output: (rows * depth, .int8)),
      &generator)
    let scores = StandardScores(
      isCentred: generator.bool(), epsilon: Int64(generator.int(0...1 << 30)), fractionBits: 20,
      largestSpread: Int64(depth * depth) << 16, scoreBits: 27, largestScore: 7 << 27,
      gains: (0..<depth).map { _ in Int64(generator.int(-1 << 30 ... 1 << 30)) },
      offsets: (0..<depth).map { _ in Int64(generator.int(-1 << 50 ... 1 << 50)) }, run: 1, codeShift: 51,
      zeroPoint: Int32(generator.int(-128...127)), codes: -128...127)
    try expectAgreement(
      program(
        .normalize(Normalization(rows: rows, depth: depth, zeroPoint: zeroPoint, kind: .scores(scores))),
        operands: [(rows * depth, type, nil)], output: (rows * depth, .int8)),
      &generator)
  }

  @Test(arguments: 0..<200) func movesAreTheirDefinition(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let (input, output) = (generator.type(), CodeType(bits: 16, isSigned: true))
    let sameType = generator.bool()
    let sizes = (0..<generator.int(1...3)).map { _ in generator.int(1...9) }
    // The target is a transposed, padded image of the source.
    let order = sizes.indices.shuffled(using: &generator)
    var target = [Int](repeating: 0, count: sizes.count)
    var count = 1
    for dimension in order {
      target[dimension] = count
      count *= sizes[dimension] + generator.int(0...1)
    }
    var source = [Int](repeating: 0, count: sizes.count)
    var sourceCount = 1
    for dimension in sizes.indices.reversed() {
      source[dimension] = sourceCount
      sourceCount *= sizes[dimension]
    }
    guard input != CodeType(bits: 16, isSigned: false) || sameType else { return }
    let move = Move(
      fill: generator.code(of: sameType ? input : output),
      copies: [
        Move.Copy(
          operand: 0, sizes: sizes, sourceStart: 0, sourceStrides: source, targetStart: 2,
          targetStrides: target)
      ])
    try expectAgreement(
      program(
        .move(move), operands: [(sourceCount, input, nil)], output: (count + 5, sameType ? input : output)),
      &generator)
  }
}

extension WindowGeometry {
  fileprivate var hasEmptyWindow: Bool {
    outputPlaces.contains { place in
      (0..<taps).allSatisfy { inputPixel(place.image, place.row, place.column, tap: $0) == nil }
    }
  }
}
