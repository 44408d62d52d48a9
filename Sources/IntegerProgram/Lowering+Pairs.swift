import Arithmetic
import Network

// MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, DIV, comparisons, LOGICAL_*, SELECT → tables, pools, sums and products.
extension Lowering {
  /// The larger or smaller of two codes: both tensors, stacked, under a maximum pool of two rows. The reference
  /// compares codes, whatever they stand for.
  mutating func elementwiseExtremum(_ operation: Operation, isMaximum: Bool) throws(LayerFault) {
    let (a, b, output) = try pair(operation, takesWide: true)
    let (left, right) = (values[a], values[b])
    guard left.type == right.type else {
      throw LayerFault("its inputs are \(left.type) and \(right.type)")
    }
    var made = output
    let quantizer = operation.quantizer
    let isRequantised = quantizer != nil && (output.scale != left.scale || output.zeroPoint != left.zeroPoint)
    if quantizer != nil { try requireSameQuantization(left, right, "its inputs") }
    if isRequantised { made = intermediate(output.shape, like: left) }
    guard made.type == left.type else {
      throw LayerFault("its inputs are \(left.type) and its output \(made.type)")
    }
    let y: Int
    if let (x, code) = codeAndConstant(a, b) {
      let codes = made.type.range
      y = makeClamped(made, of: x, to: isMaximum ? code...codes.upperBound : codes.lowerBound...code)
    } else {
      let broadcast = try broadcast(a, b)
      let strides = rowMajorStrides(broadcast.shape)
      let copies = [(0, broadcast.left), (1, broadcast.right)].map { operand, source in
        Move.Copy(
          operand: operand, sizes: broadcast.shape, sourceStart: 0, sourceStrides: source,
          targetStart: operand * output.count, targetStrides: strides
        ).merged()
      }
      let stack = make(
        intermediate([2, output.count], like: left), .move(Move(copies: copies)), from: [a, b],
        range: union(left.range, right.range))
      y = try extremum(of: Collapsed(value: stack, outer: 1, count: 2, inner: output.count), isMaximum, made)
    }
    if isRequantised, let quantizer { try composed([], operation, quantizer, y, output) }
  }

  /// The operand that is computed, and the one code of the other, where that is a constant.
  private func codeAndConstant(_ a: Int, _ b: Int) -> (Int, Int64)? {
    func single(_ value: Int) -> Int64? { values[value].constant.flatMap { $0.count == 1 ? Int64($0[0]) : nil } }
    if let code = single(b), values[a].constant == nil, values[a].count >= values[b].count { return (a, code) }
    if let code = single(a), values[b].constant == nil { return (b, code) }
    return nil
  }

  /// (a − b)²: the difference on twice the larger scale, with seven bits below int8 codes and none below int16, is a code
  /// of 16 bits (TensorFlow Lite Micro: `SquaredDifference`).
  mutating func squaredDifference(_ operation: Operation) throws(LayerFault) {
    let (a, b, output) = try pair(operation, takesWide: true)
    try refuseUInt8(a, "first input")
    let (left, right) = (values[a], values[b])
    let isWide = left.type == .int16 && isTensorFlowLite
    guard operation.quantizer == nil, isWide || left.type.bits <= 8 && right.type.bits <= 8 else {
      throw LayerFault("its arithmetic is that of int8 codes; its inputs are \(left.type) and \(right.type)")
    }
    let broadcast = try broadcast(a, b)
    let merged = broadcast.merged()
    let shift = isWide ? 0 : 7
    let twiceLargest = 2 * Double(max(left.scale, right.scale))
    func operand(_ value: Value, _ strides: [Int]) throws(LayerFault) -> Combine.Operand {
      Combine.Operand(
        zeroPoint: value.zeroPoint, multiplier: try multiplier(Double(value.scale) / twiceLargest, "a scale ratio"),
        strides: strides)
    }
    // Of int16 the difference may be 2^15, which a signed code is not: its magnitude, in two parts, serves as well.
    let type = CodeType(bits: 16, isSigned: !isWide)
    let exact = Requantization(
      multipliers: [.powerOfTwo(0)], rounding: options.rounding, zeroPoint: 0, clamp: type.range)
    let made = Value(
      name: output.name, tensor: nil, shape: broadcast.shape, type: type,
      scale: Float(twiceLargest / Double(1 << shift)), zeroPoint: 0)
    let (minuend, subtrahend) = (try operand(left, merged.left), try operand(right, merged.right))
    var difference = try make(
      made,
      Combine(
        kind: .difference, shape: merged.shape, left: minuend, right: subtrahend, leftShift: shift, requantization: exact),
      a, b)
    if isWide {
      let opposite = try make(
        made,
        Combine(
          kind: .difference, shape: merged.shape, left: subtrahend, right: minuend, leftShift: shift,
          requantization: exact), b, a)
      // One of them is zero.
      let most = max(values[difference].range.upperBound, values[opposite].range.upperBound)
      difference = try makeExact(made, .sum, difference, opposite, clamp: 0...most)
    }
    let one = Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(0), strides: [1])
    var requantization = exact
    requantization.multipliers = [
      try multiplier(
        twiceLargest * twiceLargest / (Double(1 << (2 * shift)) * Double(output.scale)), "the output's scale ratio")
    ]
    requantization.zeroPoint = output.zeroPoint
    requantization.clamp = output.type.range
    _ = try make(
      output,
      Combine(
        kind: .product, shape: [output.count], left: one, right: one, leftShift: 0, requantization: requantization),
      difference, difference)
  }

  /// A comparison: a difference held to 0 and 1. Both sides are rescaled to units of 2^-8 first, as the reference does
  /// (TensorFlow Lite: `ComparisonWithScaling`); truth values are compared as they are.
  mutating func compare(_ operation: Operation, _ comparison: Comparison) throws(LayerFault) {
    let (a, b, output) = try truths(operation)
    let (left, right) = (values[a], values[b])
    guard left.type == right.type else { throw LayerFault("its inputs are \(left.type) and \(right.type)") }
    if operation.quantizer != nil { try requireSameQuantization(left, right, "its inputs") }
    let isScaled = left.type == .int8 && operation.quantizer == nil && isTensorFlowLite
    guard isScaled || !isTensorFlowLite || left.type.bits == 1 && [.equal, .notEqual].contains(comparison) else {
      throw LayerFault("it compares \(left.type)", remedy: "compare int8 codes")
    }
    let merged = try broadcast(a, b).merged()
    func operand(_ value: Value, _ strides: [Int]) throws(LayerFault) -> Combine.Operand {
      guard isScaled else {
        return Combine.Operand(zeroPoint: 0, multiplier: .powerOfTwo(0), strides: strides)
      }
      guard value.scale < 1 else {
        throw LayerFault("an input's scale, \(value.scale), is 1 or more, which the reference refuses")
      }
      return Combine.Operand(
        zeroPoint: value.zeroPoint, multiplier: try multiplier(Double(value.scale), "an input's scale"),
        strides: strides)
    }
    // a < b is b − a held to 0 … 1, a ≤ b is b − a + 1.
    let isSwapped = [.less, .lessOrEqual].contains(comparison)
    let isTable = [.equal, .notEqual].contains(comparison)
    let includesEqual = [.lessOrEqual, .greaterOrEqual].contains(comparison)
    let (first, second) = isSwapped ? (b, a) : (a, b)
    let (firstStrides, secondStrides) = isSwapped ? (merged.right, merged.left) : (merged.left, merged.right)
    let combine = Combine(
      kind: .difference, shape: merged.shape, left: try operand(values[first], firstStrides),
      right: try operand(values[second], secondStrides), leftShift: isScaled ? 8 : 0,
      requantization: Requantization(
        multipliers: [.powerOfTwo(0)], rounding: options.rounding, zeroPoint: includesEqual ? 1 : 0,
        clamp: isTable ? -1...1 : 0...1))
    guard isTable else {
      _ = try make(output, combine, first, second)
      return
    }
    let sign = try make(integers(output.shape, -1...1, like: output), combine, first, second)
    _ = makeTable(output, of: sign) { ($0 == 0) == (comparison == .equal) ? 1 : 0 }
  }

  mutating func logical(_ operation: Operation, _ logical: Logical) throws(LayerFault) {
    guard logical != .not else {
      let x = try input(operation, 0, "input")
      let output = try output(operation)
      try requireTruth(values[x], "input")
      try requireTruth(output, "output")
      try require(shape: values[x].shape, of: output)
      _ = makeTable(output, of: x) { 1 - $0 }
      return
    }
    let (a, b, output) = try truths(operation)
    try requireTruth(values[a], "first input")
    try requireTruth(values[b], "second input")
    _ = try makeExact(output, logical == .and ? .product : .sum, a, b, clamp: 0...1)
  }

  /// b + c · (a − b), with 0 and 1 for the condition c: codes are chosen, not rescaled.
  mutating func select(_ operation: Operation) throws(LayerFault) {
    let condition = try input(operation, 0, "condition")
    try requireTruth(values[condition], "condition")
    let a = try input(operation, 1, "first choice")
    let b = try input(operation, 2, "second choice")
    let output = try output(operation)
    let (left, right) = (values[a], values[b])
    guard left.type == right.type, left.type == output.type else {
      throw LayerFault("it chooses between \(left.type) and \(right.type), and makes \(output.type)")
    }
    if operation.quantizer != nil {
      try requireSameQuantization(left, output, "its first choice and output")
      try requireSameQuantization(right, output, "its second choice and output")
    }
    let choices = try broadcast(a, b).shape
    guard let shape = Broadcast(values[condition].shape, choices)?.shape else {
      throw LayerFault("its condition's shape, \(values[condition].shape), does not broadcast with \(choices)")
    }
    try require(shape: shape, of: output)
    if left.type.bits <= 15 {
      let wide = CodeType(bits: left.type.bits + 1, isSigned: true).range
      let difference = try makeExact(integers(choices, wide, like: output), .difference, a, b, clamp: wide)
      let chosen = try makeExact(integers(shape, wide, like: output), .product, condition, difference, clamp: wide)
      _ = try makeExact(output, .sum, chosen, b, clamp: output.type.range)
    } else {
      // Differences would take more than 16 bits: c · a + (1 − c) · b.
      let (codes, other) = (left.type.range, makeTable(integers(values[condition].shape, 0...1, like: output), of: condition) { 1 - $0 })
      let first = try makeExact(intermediate(shape, like: output), .product, condition, a, clamp: codes)
      let second = try makeExact(intermediate(shape, like: output), .product, other, b, clamp: codes)
      _ = try makeExact(output, .sum, first, second, clamp: codes)
    }
    // The sum's own range knows nothing of what its parts have in common.
    values[values.count - 1].range = union(left.range, right.range)
  }

  /// A quotient: a table, of one code where the divisor is one constant, else of both (TensorFlow Lite:
  /// `reference_ops::DivElementwise`).
  mutating func quotient(_ operation: Operation, _ activation: Activation) throws(LayerFault) {
    let (a, b, output) = try pair(operation)
    try refuseUInt8(a, "dividend")
    let (left, right) = (values[a], values[b])
    let zero = Int64(right.zeroPoint)
    if let quantizer = operation.quantizer { return try exactQuotient(quantizer, a, b, output) }
    let divisors = right.constant.map { Set($0.map { Int64($0) }) } ?? Set(right.range)
    guard !divisors.contains(zero) else {
      throw LayerFault(
        right.constant == nil
          ? "its divisor may be zero, by which the reference does not divide" : "it divides by zero",
        remedy: right.constant == nil
          ? "keep it above zero (MAXIMUM with a constant), or let the division be float between DEQUANTIZE and QUANTIZE"
          : nil)
    }
    let factor = try multiplier(
      Double(left.scale) / (Double(right.scale) * Double(output.scale)), "the scales' quotient")
    var reciprocals: [Int64: DivisorReciprocal] = [:]
    for code in divisors { reciprocals[code] = DivisorReciprocal(Int32(abs(code - zero))) }
    let headrooms = left.range.map { DivisorReciprocal.headroom(Int32($0) - left.zeroPoint) }
    let spread = (headrooms.min() ?? 0)...max(headrooms.max() ?? 0, headrooms.min() ?? 0)
    guard reciprocals.values.allSatisfy({ $0.takes(factor, headrooms: spread) }) else {
      throw LayerFault(
        "in units of the output's scale, \(output.scale), its quotients are too large or too small for the reference's "
          + "shifts, whose results are undefined then",
        remedy: "let the division be float between DEQUANTIZE and QUANTIZE, or multiply by the reciprocal")
    }
    let clamp = clamp(activation, output)
    func quotient(_ dividend: Int64, _ divisor: Int64) -> Int64 {
      // No divisor has other codes.
      guard let reciprocal = reciprocals[divisor] else { return Int64(output.zeroPoint) }
      let centred = (Int32(dividend) - left.zeroPoint) * (divisor < zero ? -1 : 1)
      let quotient = Int64(output.zeroPoint) + Int64(reciprocal.quotient(of: centred, times: factor))
      return min(max(quotient, clamp.lowerBound), clamp.upperBound)
    }
    if divisors.count == 1, let divisor = divisors.first, right.count <= left.count {
      _ = makeTable(output, of: a) { quotient($0, divisor) }
    } else {
      _ = try makeTable(output, of: a, b, quotient)
    }
  }

  /// A quotient with a quantiser (ONNX): the codes of the file's formula, reckoned in fractions.
  private mutating func exactQuotient(
    _ quantizer: Quantizer, _ a: Int, _ b: Int, _ output: Value
  ) throws(LayerFault) {
    let (left, right) = (values[a], values[b])
    guard left.range.count * right.range.count <= 1 << 16 else {
      throw LayerFault(
        "its operands have \(left.range.count) and \(right.range.count) codes; a table holds 65,536 pairs",
        remedy: "quantise them to 8 bits")
    }
    guard !right.range.contains(Int64(right.zeroPoint)) else {
      throw LayerFault(
        "its divisor may be zero",
        remedy: "keep it above zero: Clip or Max with a positive constant in front of its quantiser, or add one")
    }
    let unit = ExactNumber(Double(left.scale)) / ExactNumber(Double(right.scale))
    var codes: [Int64] = []
    codes.reserveCapacity(left.range.count * right.range.count)
    for dividend in left.range {
      for divisor in right.range {
        let (dividend, divisor) = (dividend - Int64(left.zeroPoint), divisor - Int64(right.zeroPoint))
        // Double precision tells most quotients, which lie far from where codes change.
        let real = Double(dividend) * Double(left.scale) / (Double(divisor) * Double(right.scale))
        if quantizer.distanceToStep(real, scale: output.scale) > 0x1p-16 {
          codes.append(quantizer.preciseCode(real, scale: output.scale, zeroPoint: Int64(output.zeroPoint)))
        } else {
          let exact = unit * ExactNumber(dividend) / ExactNumber(divisor)
          codes.append(Int64(try function(RealMap(gain: .zero, offset: exact), quantizer, output).code(0)))
        }
      }
    }
    let (first, second) = (left.range, right.range)
    _ = try makeTable(output, of: a, b) { dividend, divisor in
      codes[Int(dividend - first.lowerBound) * second.count + Int(divisor - second.lowerBound)]
    }
  }

  /// Two operands and the output, whose shape is theirs by NumPy's rules.
  private mutating func pair(
    _ operation: Operation, takesWide: Bool = false
  ) throws(LayerFault) -> (Int, Int, Value) {
    let (a, b, output) = try operands(operation, takesWide: takesWide)
    try require(shape: broadcast(a, b).shape, of: output)
    return (a, b, output)
  }

  /// Two operands and an output of truth values.
  private mutating func truths(_ operation: Operation) throws(LayerFault) -> (Int, Int, Value) {
    let a = try input(operation, 0, "first input")
    let b = try input(operation, 1, "second input")
    let output = try output(operation)
    try requireTruth(output, "output")
    try require(shape: broadcast(a, b).shape, of: output)
    return (a, b, output)
  }

  private func requireTruth(_ value: Value, _ role: String) throws(LayerFault) {
    guard value.type == CodeType(bits: 1, isSigned: false) else {
      throw LayerFault("its \(role) is \(value.type), not bool")
    }
  }
}

/// The reciprocal of a positive integer in fixed point (TensorFlow Lite: `GetReciprocal` with 31 integer digits), and
/// quotients by it.
struct DivisorReciprocal {
  /// 2^31 over the normalised divisor, as Q0.31.
  private let reciprocal: Int32
  private let shift: Int

  init(_ divisor: Int32) {
    let leadingZeros = divisor.leadingZeroBitCount
    shift = 31 - leadingZeros
    reciprocal = reciprocalOfOnePlus(Int32(truncatingIfNeeded: (Int64(divisor) << Int64(leadingZeros)) - 1 << 31))
  }

  /// How many places a dividend can be shifted left.
  static func headroom(_ dividend: Int32) -> Int { (dividend < 0 ? ~dividend : dividend).leadingZeroBitCount - 1 }

  /// Whether the last shift is to the right, by at most 31 places, for dividends with such headrooms and their
  /// opposites, whose own differ by one at most.
  func takes(_ factor: Multiplier, headrooms: ClosedRange<Int>) -> Bool {
    factor.exponent - shift - (headrooms.lowerBound - 1) <= 0
      && factor.exponent - shift - min(headrooms.upperBound + 1, 31) >= -31
  }

  func quotient(of dividend: Int32, times factor: Multiplier) -> Int32 {
    let headroom = Self.headroom(dividend)
    let unscaled = doublingHighProduct(dividend << Int32(headroom), reciprocal)
    let exponent = factor.exponent - shift - headroom
    let product = doublingHighProduct(unscaled, factor.mantissa)
    return roundingShiftRight(product, by: Int32(-exponent))
  }
}
