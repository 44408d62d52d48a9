import Arithmetic
import IntegerProgram
import Simulation
import Testing

/// Every number here is worked out by hand: the reference has nothing else to be held to.
@Suite struct Reference {
  /// Leaves a sum as it is.
  private let plain = Requantization(
    multipliers: [.powerOfTwo(0)], rounding: .double, zeroPoint: 0, clamp: -128...127)

  private func run(_ program: IntegerProgram, _ inputs: [[Int32]]) throws -> [Int32] {
    try ReferenceInterpreter(program).run(inputs)[0]
  }

  @Test func aConvolutionReadsThePaddingCodeOutsideTheImage() throws {
    // 2 × 2 image, 2 × 2 kernel, one row and column of padding before the image.
    let geometry = WindowGeometry(
      batch: 1, inputHeight: 2, inputWidth: 2, inputChannels: 1, outputHeight: 2, outputWidth: 2,
      outputChannels: 1,
      kernelHeight: 2, kernelWidth: 2, paddingTop: 1, paddingLeft: 1)
    let affine = Affine(
      geometry: geometry, groups: 1, paddingCode: 3, weights: [1, 2, 3, 4], bias: [10],
      accumulators: [0...100],
      requantization: plain)
    let program = program(.affine(affine), operands: [(4, .int8, nil)], output: (4, .int8))
    // 3 + 6 + 9 + 4 · 5, 3 + 6 + 3 · 5 + 4 · 6, 3 + 2 · 5 + 9 + 4 · 7, 5 + 2 · 6 + 3 · 7 + 4 · 8
    #expect(try run(program, [[5, 6, 7, 8]]) == [48, 58, 60, 80])
  }

  @Test func groupsReadTheirOwnChannels() throws {
    var geometry = WindowGeometry.dense(batch: 1, inputs: 4, outputs: 4)
    geometry.batch = 1
    let affine = Affine(
      geometry: geometry, groups: 2, paddingCode: 0, weights: [1, 0, 0, 1, 1, 1, 2, -1], bias: [0, 0, 0, 0],
      accumulators: [0...9, 0...9, 0...9, 0...9], requantization: plain)
    let program = program(.affine(affine), operands: [(4, .int8, nil)], output: (4, .int8))
    #expect(try run(program, [[1, 2, 3, 4]]) == [1, 2, 7, 2])
  }

  @Test func anAverageCountsOnlyPixelsInsideTheImageAndRoundsAwayFromZero() throws {
    let geometry = WindowGeometry(
      batch: 1, inputHeight: 1, inputWidth: 3, inputChannels: 1, outputHeight: 1, outputWidth: 2,
      outputChannels: 1,
      kernelHeight: 1, kernelWidth: 2, strideWidth: 2)
    let pool = Pool(kind: .average, geometry: geometry, clamp: -128...127)
    let program = program(.pool(pool), operands: [(3, .int8, nil)], output: (2, .int8))
    // −3/2 and, with one pixel inside, 7/1
    #expect(try run(program, [[-1, -2, 7]]) == [-2, 7])
  }

  @Test func aMaximumIsClamped() throws {
    let geometry = WindowGeometry(
      batch: 1, inputHeight: 1, inputWidth: 4, inputChannels: 1, outputHeight: 1, outputWidth: 2,
      outputChannels: 1,
      kernelHeight: 1, kernelWidth: 2, strideWidth: 2)
    let pool = Pool(kind: .maximum, geometry: geometry, clamp: 0...6)
    let program = program(.pool(pool), operands: [(4, .int8, nil)], output: (2, .int8))
    #expect(try run(program, [[-5, -1, 3, 9]]) == [0, 6])
  }

  @Test func aBroadcastOperandIsReadAgain() throws {
    let operand = { (strides: [Int]) in
      Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(0), strides: strides)
    }
    let combine = Combine(
      kind: .product, shape: [2, 3], left: operand([3, 1]), right: operand([0, 1]), leftShift: 0,
      requantization: plain)
    let program = program(
      .combine(combine), operands: [(6, .int8, nil), (3, .int8, [1, 10, -1])], output: (6, .int8))
    #expect(try run(program, [[1, 2, 3, 4, 5, 6]]) == [1, 20, -3, 4, 50, -6])
  }

  @Test func aProductOfMatricesReadsATransposedOneByColumns() throws {
    let product = MatrixProduct(
      batch: [2], rows: 1, columns: 2, depth: 3,
      left: MatrixProduct.Operand(zeroPoint: 1, batchStrides: [3], lineStride: 3, depthStride: 1),
      // Broadcast: [column, k], as a transposed matrix lies.
      right: MatrixProduct.Operand(zeroPoint: -1, batchStrides: [0], lineStride: 3, depthStride: 1), bias: 5,
      accumulator: -1000...1000, requantization: plain)
    let program = program(
      .product(product), operands: [(6, .int8, nil), (6, .int8, [0, 1, 2, -1, -2, -3])], output: (4, .int8))
    // (1, 2, 3) and (0, −1, 4) times (1, 2, 3) and (0, −1, −2), and 5.
    #expect(try run(program, [[2, 3, 4, 1, 0, 5]]) == [19, -3, 15, -2])
  }

  @Test func equalLogitsShareTheProbabilityAndFarOnesHaveNone() throws {
    let scale = try #require(SoftmaxScale(scale: 1, beta: 1))
    let softmax = Softmax(rows: 1, depth: 3, scale: scale)
    let program = program(.softmax(softmax), operands: [(3, .int8, nil)], output: (3, .int8))
    // e^−100 is nothing; two halves are 128/256 each, stored from −128.
    #expect(try run(program, [[50, 50, -50]]) == [0, 0, -128])
  }

  @Test func aMoveFillsAndThenCopies() throws {
    let move = Move(
      fill: 9,
      copies: [
        Move.Copy(
          operand: 0, sizes: [2, 2], sourceStart: 0, sourceStrides: [2, 1], targetStart: 1,
          targetStrides: [1, 3])
      ])
    let program = program(.move(move), operands: [(4, .int8, nil)], output: (6, .int8))
    #expect(try run(program, [[1, 2, 3, 4]]) == [9, 1, 3, 9, 2, 4])
  }
}
