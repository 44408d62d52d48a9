import Arithmetic
import Network

// Softmax and normalisations of rows as real numbers define them, between quantisers (ONNX) → softmax, normalize.
extension Lowering {
  /// Codes may differ from the exact formula's where its value lies so close to a tie, in codes.
  static let largestScoreError = 0x1p-10

  mutating func tabulatedSoftmax(_ operation: Operation, _ quantizer: Quantizer, beta: Float) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    let output = try output(operation)
    try require(shape: values[x].shape, of: output)
    let (input, depth) = (values[x], values[x].shape.last ?? 1)
    guard depth <= ExponentialTable.longestRow else {
      throw LayerFault(
        "its rows have \(depth) elements; \(ExponentialTable.longestRow) are the most",
        remedy: "end the network before the softmax: the largest logit is the largest probability")
    }
    let table = ExponentialTable(
      scale: Double(input.scale) * Double(beta), widest: input.range.upperBound - input.range.lowerBound,
      outputScale: Double(output.scale), zeroPoint: output.zeroPoint, codes: try codesToNearest(quantizer, output))
    guard let table else {
      throw LayerFault(
        "its exponentials of \(input.type) codes of scale \(input.scale), quantised with scale \(output.scale), need a table of "
          + "over \(ExponentialTable.mostEntries) entries, or have none",
        remedy: "quantise its input to 8 bits, and its output with a scale of 1/2 or less")
    }
    let largest = Int64(1) << Int64(ExponentialTable.fractionBits)
    let factor = table.factor(ofSum: Interval<Int64>(largest, Int64(depth) * largest))
    let code = table.code(Interval<Int64>(0, largest), factor)
    guard code.holds else { throw LayerFault("its arithmetic could overflow 64 bits") }
    emit(
      .softmax(Softmax(rows: input.count / depth, depth: depth, kind: .tabulated(table))), operation, inputs: [x],
      output: output, range: code.range)
  }

  mutating func standardize(_ operation: Operation, _ rows: RowScores) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    let output = try output(operation)
    try require(shape: values[x].shape, of: output)
    guard let quantizer = operation.quantizer else { throw LayerFault("no quantiser makes codes of it") }
    let input = values[x]
    guard rows.depth > 0, input.count % rows.depth == 0, rows.run > 0, rows.depth % rows.run == 0,
      rows.gains.count == rows.offsets.count, !rows.gains.isEmpty, (rows.gains + rows.offsets).allSatisfy(\.isFinite)
    else { throw LayerFault("its gains and offsets do not fit the shape \(input.shape)") }
    let scores = try scores(rows, of: input, output, try codesToNearest(quantizer, output))
    let normalization = Normalization(
      rows: input.count / rows.depth, depth: rows.depth, zeroPoint: input.zeroPoint, kind: .scores(scores))
    let code = normalization.anyCode(scores, input.range)
    guard code.holds else { throw tooLong(rows.depth, input) }
    emit(.normalize(normalization), operation, inputs: [x], output: output, range: code.range)
  }

  /// The codes that a quantiser to the nearest leaves.
  private func codesToNearest(_ quantizer: Quantizer, _ output: Value) throws(LayerFault) -> ClosedRange<Int64> {
    guard quantizer.rounding == .halfEven, !quantizer.roundsZeroPoint || output.zeroPoint % 2 == 0 else {
      throw LayerFault(
        "its quantiser rounds by \(quantizer.rounding.rawValue)"
          + (quantizer.roundsZeroPoint ? " and adds an odd zero point first" : ""),
        remedy: "quantise it with rounding to the nearest (ROUND) and zero point 0")
    }
    func code(_ real: Double) -> Int64 {
      quantizer.code(real, scale: output.scale, zeroPoint: Int64(output.zeroPoint))
    }
    return code(-.infinity)...code(.infinity)
  }

  private func tooLong(_ depth: Int, _ input: Value) -> LayerFault {
    LayerFault(
      "it normalises rows of \(depth) elements of \(input.type) codes: their sums of squares could pass 64 bits",
      remedy: "quantise its input to 8 bits")
  }

  private func scores(
    _ rows: RowScores, of input: Value, _ output: Value, _ codes: ClosedRange<Int64>
  ) throws(LayerFault) -> StandardScores {
    let (depth, scale) = (Int64(rows.depth), Double(input.scale))
    let zero = Int64(input.zeroPoint)
    let width =
      rows.isCentred
      ? input.range.upperBound - input.range.lowerBound
      : 2 * max(abs(input.range.lowerBound - zero), abs(input.range.upperBound - zero))
    let (reach, overflow) = depth.multipliedReportingOverflow(by: width)
    guard !overflow, reach < 1 << 31 else { throw tooLong(rows.depth, input) }
    let largest = reach * reach / 4
    let padding = rows.epsilon * Double(depth * depth) / (scale * scale)
    guard padding >= 0, padding < 0x1p60 else {
      throw LayerFault("its epsilon \(rows.epsilon) outweighs all variances of codes of scale \(input.scale)")
    }
    let bits = 64 - (largest + Int64(padding.rounded(.up)) + 1).leadingZeroBitCount
    let fractionBits = min(40, max(0, (61 - bits) / 2 * 2))
    let largestScore = Double(depth).squareRoot()
    let scoreBits = 30 - Int(largestScore.rounded(.up).exponent)

    func largestMagnitude(_ reals: [Double]) -> Double { reals.reduce(0) { max($0, abs($1)) } / Double(output.scale) }
    let (gain, offset) = (largestMagnitude(rows.gains), largestMagnitude(rows.offsets))
    guard gain.isFinite, offset.isFinite, offset < 0x1p40 else {
      throw LayerFault("its gains or offsets over the output's scale \(output.scale) are beyond all codes")
    }
    // As many bits as gains of 31 and sums of 62 leave.
    var gainBits = 60 - scoreBits
    if gain > 0 { gainBits = min(gainBits, 29 - Int(gain.exponent)) }
    if offset > 0 { gainBits = min(gainBits, 59 - scoreBits - Int(offset.exponent) - 1) }
    let codeShift = scoreBits + gainBits
    func whole(_ reals: [Double], _ bits: Int) -> [Int64] {
      reals.map { real in
        let scaled = real / Double(output.scale) * Double(sign: .plus, exponent: bits, significand: 1)
        return Int64(scaled.rounded(.toNearestOrEven))
      }
    }
    let error =
      gain * exp2(-scoreBits - 1) + largestScore * exp2(-gainBits - 1) + exp2(-codeShift - 1)
      + Double(codes.count) * (exp2(-29) + exp2(-fractionBits - 1) / Double(max(1, depth - 1)))
    guard codeShift >= 1, error < Self.largestScoreError else {
      throw LayerFault(
        "its codes could be off by \(error) beside the exact formula's: gains reach \(gain) codes, and offsets \(offset)",
        remedy: "quantise its output with representative data: its scale \(output.scale) is too fine")
    }
    var (gains, offsets, run) = (whole(rows.gains, gainBits), whole(rows.offsets, codeShift), rows.run)
    if Set(gains).count == 1, Set(offsets).count == 1 {
      (gains, offsets, run) = ([gains[0]], [offsets[0]], rows.depth)
    }
    return StandardScores(
      isCentred: rows.isCentred,
      epsilon: Int64((padding * exp2(fractionBits)).rounded(.toNearestOrEven)), fractionBits: fractionBits,
      largestSpread: largest, scoreBits: scoreBits,
      largestScore: min((1 << 31) - 1, Int64(largestScore.rounded(.up)) << Int64(scoreBits)), gains: gains,
      offsets: offsets, run: run, codeShift: codeShift, zeroPoint: output.zeroPoint, codes: codes)
  }

  private func exp2(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
}
