import Arithmetic
import Network

// What compositions of core steps are put together from: integers as codes, tables of codes, exact sums.
extension Lowering {
  /// A value that holds plain integers (scale 1, zero point 0), in the narrowest type for `range`.
  func integers(_ shape: [Int], _ range: ClosedRange<Int64>, like value: Value) -> Value {
    Value(
      name: value.name, tensor: nil, shape: shape, type: .narrowest(for: range), range: range, scale: 1, zeroPoint: 0)
  }

  /// A value that lowering makes besides those of the file, like `value` in type and meaning.
  func intermediate(_ shape: [Int], like value: Value) -> Value {
    Value(
      name: value.name, tensor: nil, shape: shape, type: value.type, scale: value.scale, zeroPoint: value.zeroPoint)
  }

  /// Emits the step that makes `output`, and returns where it lies.
  mutating func make(
    _ output: Value, _ core: Step.Operation, from inputs: [Int], range: ClosedRange<Int64>
  ) -> Int {
    var output = output
    output.range = range
    let index = add(output, tensor: output.tensor)
    steps.append(Step(core, source: source, inputs: inputs, output: index))
    return index
  }

  /// Emits the table that maps each code of `x` to `code` of it, held to the output's type.
  mutating func makeTable(_ output: Value, of x: Int, _ code: (Int64) -> Int64) -> Int {
    let (codes, limits) = (values[x].type.range, output.type.range)
    let table = codes.map { min(max(code($0), limits.lowerBound), limits.upperBound) }
    var range: ClosedRange<Int64>?
    for x in values[x].range {
      let y = table[Int(x - codes.lowerBound)]
      range = union(range, y...y)
    }
    return make(
      output, .lookup(Lookup(lowest: Int32(codes.lowerBound), table: table.map { Int32($0) })), from: [x],
      range: range ?? limits)
  }

  /// Emits sum, difference or product of two values by NumPy's rules, in integers: `offset` is added, and the result held
  /// to `clamp`. A sum's or difference's left operand counts `gain` times. `shapes` are the operands' where they are not
  /// those of their values.
  mutating func makeExact(
    _ output: Value, _ kind: Combine.Kind, _ a: Int, _ b: Int, shapes: ([Int], [Int])? = nil, gain: Int = 1,
    plus offset: Int32 = 0, clamp: ClosedRange<Int64>
  ) throws(LayerFault) -> Int {
    let (left, right) = shapes ?? (values[a].shape, values[b].shape)
    guard let broadcast = Broadcast(left, right)?.merged() else {
      throw LayerFault("its inputs' shapes, \(left) and \(right), do not broadcast")
    }
    // Exact in every rounding: the mantissa is a power of two, or times one an integer.
    let one = Multiplier.powerOfTwo(0)
    let combine = Combine(
      kind: kind, shape: broadcast.shape,
      left: Combine.Operand(
        zeroPoint: 0, multiplier: try multiplier(Double(gain), "the left operand's gain"), strides: broadcast.left),
      right: Combine.Operand(zeroPoint: 0, multiplier: one, strides: broadcast.right), leftShift: 0,
      requantization: Requantization(
        multipliers: [one], rounding: options.rounding, zeroPoint: offset, clamp: clamp))
    return try make(output, combine, a, b)
  }

  mutating func make(_ output: Value, _ combine: Combine, _ a: Int, _ b: Int) throws(LayerFault) -> Int {
    let code = combine.code(Interval<Int32>(values[a].range), Interval<Int32>(values[b].range))
    guard code.holds else {
      throw LayerFault(
        "its arithmetic could overflow 32 bits: input scales \(values[a].scale), \(values[b].scale), output scale "
          + "\(output.scale)", remedy: "the scales are out of proportion: quantise again with representative data")
    }
    return make(output, .combine(combine), from: [a, b], range: code.range)
  }

  /// Adds a constant that the file does not hold.
  mutating func constant(_ codes: [Int64], shape: [Int], like value: Value) -> Int {
    let range = (codes.min() ?? 0)...(codes.max() ?? 0)
    var constant = integers(shape, range, like: value)
    constant.constant = codes.map { Int32($0) }
    return add(constant, tensor: nil)
  }

  func broadcast(_ a: Int, _ b: Int) throws(LayerFault) -> Broadcast {
    guard let broadcast = Broadcast(values[a].shape, values[b].shape) else {
      throw LayerFault("its inputs' shapes, \(values[a].shape) and \(values[b].shape), do not broadcast")
    }
    return broadcast
  }
}

extension CodeType {
  /// The type with the fewest bits that holds all of `range`, unsigned where nothing is negative.
  package static func narrowest(for range: ClosedRange<Int64>) -> CodeType {
    let magnitude = UInt64(max(range.upperBound, -1 - range.lowerBound, 0))
    let bits = 64 - magnitude.leadingZeroBitCount
    return range.lowerBound < 0
      ? CodeType(bits: bits + 1, isSigned: true) : CodeType(bits: max(bits, 1), isSigned: false)
  }
}
