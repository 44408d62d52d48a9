import Foundation
import Network

/// Reckons nodes whose inputs are all known, before anything is translated: shapes, indices, masks, and arithmetic on
/// weights. Results are held to the precision of their type, as the file says it.
struct ONNXEvaluator {
  let node: ONNXNode
  let inputs: [ONNXConstant?]

  /// What the node makes; nil where its operator is not among these.
  func outputs() throws(NodeFault) -> [ONNXConstant]? {
    guard let first = inputs.first ?? nil else {
      return nil
    }
    switch node.type {
    case "Not", "Neg", "Abs", "Sign", "Sqrt", "Floor", "Ceil", "Round", "Exp", "Log", "Reciprocal", "Erf", "Sin", "Cos",
      "Relu", "Sigmoid", "Tanh":
      return [mapped(first)]
    case "Add", "Sub", "Mul", "Div", "Mod", "Pow", "Min", "Max", "Sum", "Equal", "Less", "LessOrEqual", "Greater",
      "GreaterOrEqual", "And", "Or", "Xor":
      return try folded()
    case "Clip": return [try clipped(first)]
    case "Where": return [try chosen()]
    case "Size":
      return [ONNXConstant(shape: [], reals: [Double(first.count)], dataType: 7)]
    case "Range": return [try range()]
    case "NonZero": return [nonZero(first)]
    case "Concat": return [try joined()]
    case "Gather": return [try gathered(first)]
    case "Slice": return [try sliced(first)]
    case "Split": return try split(first)
    case "Expand", "Tile": return [try repeated(first)]
    case "Pad": return try padded(first).map { [$0] }
    case "ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceMean": return [try reduced(first)]
    default: return nil
    }
  }

  // MARK: What it reads

  private func input(_ position: Int) -> ONNXConstant? { position < inputs.count ? inputs[position] : nil }

  private func required(_ position: Int, _ role: String) throws(NodeFault) -> ONNXConstant {
    guard let constant = input(position) else { throw NodeFault("its \(role) (input \(position)) is missing") }
    return constant
  }

  /// Integers that newer versions of ONNX take as an input, older ones as an attribute.
  private func integers(_ position: Int, _ attribute: String) -> [Int]? {
    input(position)?.integers ?? (node.has(attribute) ? node.ints(attribute) : nil)
  }

  private func axis(_ axis: Int, _ rank: Int) throws(NodeFault) -> Int {
    let place = axis < 0 ? axis + rank : axis
    guard (0..<max(rank, 1)).contains(place) else { throw NodeFault("its axis \(axis) does not exist in rank \(rank)") }
    return place
  }

  // MARK: Element by element

  private func mapped(_ x: ONNXConstant) -> ONNXConstant {
    let function: (Double) -> Double
    switch node.type {
    case "Not": function = { $0 == 0 ? 1 : 0 }
    case "Neg": function = { -$0 }
    case "Abs": function = { abs($0) }
    case "Sign": function = { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
    case "Sqrt": function = { $0.squareRoot() }
    case "Floor": function = { $0.rounded(.down) }
    case "Ceil": function = { $0.rounded(.up) }
    case "Round": function = { $0.rounded(.toNearestOrEven) }
    case "Exp": function = { exp($0) }
    case "Log": function = { log($0) }
    case "Reciprocal": function = { 1 / $0 }
    case "Erf": function = { erf($0) }
    case "Sin": function = { sin($0) }
    case "Cos": function = { cos($0) }
    case "Relu": function = { max($0, 0) }
    case "Sigmoid": function = { 1 / (1 + exp(-$0)) }
    default: function = { tanh($0) }
    }
    return ONNXConstant(shape: x.shape, reals: x.reals.map(function), dataType: x.dataType).held()
  }

  /// Integers are kept in double precision, which holds those up to 2^53: what is reckoned with larger ones is refused.
  private func requireExact(_ constants: [ONNXConstant]) throws(NodeFault) {
    let most = 0x1p53
    for constant in constants where !constant.isFloat {
      guard let integer = constant.reals.first(where: { abs($0) >= most }) else { continue }
      throw NodeFault(
        "it computes with the integer \(integer): integers of up to 53 bits are supported",
        remedy: "fold constants when exporting (onnxsim, or onnxruntime's offline optimisation)")
    }
  }

  /// Two operands or more, from the left, by NumPy's rules of broadcasting.
  private func folded() throws(NodeFault) -> [ONNXConstant]? {
    let operands = inputs.compactMap { $0 }
    let takesAny = ["Min", "Max", "Sum"].contains(node.type)
    guard operands.count == inputs.count, operands.count == 2 || takesAny, var result = operands.first else { return nil }
    let isInteger = !result.isFloat
    let isModuloOfC = node.int("fmod", default: 0) != 0
    let function: (Double, Double) -> Double
    switch node.type {
    case "Add", "Sum": function = { $0 + $1 }
    case "Sub": function = { $0 - $1 }
    case "Mul": function = { $0 * $1 }
    case "Div":
      if isInteger, operands[1].reals.contains(0) { throw NodeFault("it divides integers by zero") }
      function = isInteger ? { ($0 / $1).rounded(.towardZero) } : { $0 / $1 }
    case "Mod":
      if operands[1].reals.contains(0) { throw NodeFault("it divides by zero") }
      function =
        isModuloOfC
        ? { $0.truncatingRemainder(dividingBy: $1) } : { $0 - ($0 / $1).rounded(.down) * $1 }
    case "Pow": function = { pow($0, $1) }
    case "Min": function = { min($0, $1) }
    case "Max": function = { max($0, $1) }
    case "Equal": function = { $0 == $1 ? 1 : 0 }
    case "Less": function = { $0 < $1 ? 1 : 0 }
    case "LessOrEqual": function = { $0 <= $1 ? 1 : 0 }
    case "Greater": function = { $0 > $1 ? 1 : 0 }
    case "GreaterOrEqual": function = { $0 >= $1 ? 1 : 0 }
    case "And": function = { $0 != 0 && $1 != 0 ? 1 : 0 }
    case "Or": function = { $0 != 0 || $1 != 0 ? 1 : 0 }
    default: function = { ($0 != 0) != ($1 != 0) ? 1 : 0 }
    }
    let compares = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor"]
    let isReckoned = ["Add", "Sum", "Sub", "Mul", "Div", "Mod", "Pow"].contains(node.type)
    if isReckoned { try requireExact(operands) }
    for operand in operands.dropFirst() {
      let shape = try broadcast([result.shape, operand.shape])
      let (a, b) = (places(of: result.shape, in: shape), places(of: operand.shape, in: shape))
      result = ONNXConstant(
        shape: shape, reals: a.indices.map { function(result.reals[a[$0]], operand.reals[b[$0]]) },
        dataType: compares.contains(node.type) ? 9 : result.dataType
      ).held()
    }
    if isReckoned { try requireExact([result]) }
    return [result]
  }

  private func clipped(_ x: ONNXConstant) throws(NodeFault) -> ONNXConstant {
    func bound(_ position: Int, _ attribute: String, _ value: Double) -> Double {
      input(position)?.scalar ?? (node.has(attribute) ? Double(node.float(attribute, default: 0)) : value)
    }
    let (low, high) = (bound(1, "min", -.infinity), bound(2, "max", .infinity))
    guard low <= high else { throw NodeFault("it clips to \(low) … \(high)") }
    var made = x
    made.reals = x.reals.map { min(max($0, low), high) }
    // What no bound has changed means what it meant.
    if made.reals != x.reals { made.quantized = nil }
    return made
  }

  private func chosen() throws(NodeFault) -> ONNXConstant {
    let (condition, a, b) = (try required(0, "condition"), try required(1, "input"), try required(2, "input"))
    let shape = try broadcast([condition.shape, a.shape, b.shape])
    let maps = [condition.shape, a.shape, b.shape].map { places(of: $0, in: shape) }
    return ONNXConstant(
      shape: shape,
      reals: maps[0].indices.map {
        condition.reals[maps[0][$0]] != 0 ? a.reals[maps[1][$0]] : b.reals[maps[2][$0]]
      }, dataType: a.dataType)
  }

  private func range() throws(NodeFault) -> ONNXConstant {
    let ends = [try required(0, "start"), try required(1, "limit"), try required(2, "step")]
    guard let start = ends[0].scalar, let limit = ends[1].scalar, let step = ends[2].scalar, step != 0,
      (limit - start) / step < Double(Network.largestTensor)
    else { throw NodeFault("its range has no end, or too far a one") }
    let count = max(0, Int(((limit - start) / step).rounded(.up)))
    return ONNXConstant(
      shape: [count], reals: (0..<count).map { start + Double($0) * step }, dataType: ends[0].dataType
    ).held()
  }

  private func nonZero(_ x: ONNXConstant) -> ONNXConstant {
    let found = x.reals.indices.filter { x.reals[$0] != 0 }
    let strides = Self.strides(x.shape)
    let reals = x.shape.indices.flatMap { axis in
      found.map { Double($0 / strides[axis] % x.shape[axis]) }
    }
    return ONNXConstant(shape: [x.shape.count, found.count], reals: reals, dataType: 7)
  }

  // MARK: Moving elements

  private func joined() throws(NodeFault) -> ONNXConstant {
    let parts = inputs.compactMap { $0 }
    guard let first = parts.first, !first.shape.isEmpty else { throw NodeFault("it joins what has no axes") }
    let axis = try axis(node.int("axis", default: 0), first.shape.count)
    guard
      parts.allSatisfy({ part in
        part.shape.count == first.shape.count
          && part.shape.indices.allSatisfy { $0 == axis || part.shape[$0] == first.shape[$0] }
      })
    else { throw NodeFault("its inputs' shapes, \(parts.map(\.shape)), do not join along axis \(axis)") }
    var shape = first.shape
    shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    guard elementCount(shape) != nil else { throw NodeFault("it makes \(shape)") }
    let turns = shape[..<axis].reduce(1, *)
    var made = ONNXConstant(shape: shape, reals: [], dataType: first.dataType)
    let lengths = parts.map { turns == 0 ? 0 : $0.count / turns }
    for turn in 0..<turns {
      for (part, length) in zip(parts, lengths) { made.reals += part.reals[turn * length..<(turn + 1) * length] }
    }
    return made
  }

  private func gathered(_ x: ONNXConstant) throws(NodeFault) -> ONNXConstant {
    let indices = try required(1, "indices")
    guard !x.shape.isEmpty else { throw NodeFault("it gathers from what has no axes") }
    let axis = try axis(node.int("axis", default: 0), x.shape.count)
    let size = x.shape[axis]
    let places = indices.integers.map { $0 < 0 ? $0 + size : $0 }
    guard places.allSatisfy({ (0..<size).contains($0) }) else {
      throw NodeFault("it gathers elements that do not exist")
    }
    let inner = x.shape[(axis + 1)...].reduce(1, *)
    let shape = Array(x.shape[..<axis]) + indices.shape + Array(x.shape[(axis + 1)...])
    guard elementCount(shape) != nil else { throw NodeFault("it makes \(shape)") }
    let taken = (0..<x.shape[..<axis].reduce(1, *)).flatMap { turn in
      places.flatMap { place in (0..<inner).map { (turn * size + place) * inner + $0 } }
    }
    return x.moved(to: shape, taken)
  }

  private func sliced(_ x: ONNXConstant) throws(NodeFault) -> ONNXConstant {
    guard let starts = integers(1, "starts"), let ends = integers(2, "ends") else {
      throw NodeFault("its starts or ends are missing")
    }
    var axes: [Int] = []
    for listed in integers(3, "axes") ?? Array(starts.indices) { axes.append(try axis(listed, x.shape.count)) }
    let steps = integers(4, "steps") ?? Array(repeating: 1, count: starts.count)
    guard starts.count == ends.count, axes.count == starts.count, steps.count == starts.count, !steps.contains(0),
      Set(axes).count == axes.count, axes.allSatisfy({ x.shape.indices.contains($0) })
    else { throw NodeFault("its starts \(starts), ends \(ends) and steps \(steps) do not fit \(x.shape)") }
    var kept = x.shape.map { Array(0..<$0) }
    for (index, axis) in axes.enumerated() {
      kept[axis] = ONNXEvaluator.slice(x.shape[axis], starts[index], ends[index], steps[index])
    }
    return x.moved(to: kept.map(\.count), Self.places(x.shape, kept))
  }

  /// The indices that a slice takes of an axis, by ONNX's and NumPy's rules.
  static func slice(_ size: Int, _ start: Int, _ end: Int, _ step: Int) -> [Int] {
    // Of steps beyond the axis' ends nothing depends on how far they go.
    let step = min(max(step, -size - 1), size + 1)
    func bounded(_ place: Int) -> Int {
      let place = place < 0 ? place + size : place
      return step > 0 ? min(max(place, 0), size) : min(max(place, -1), size - 1)
    }
    return Array(stride(from: bounded(start), to: bounded(end), by: step))
  }

  private func split(_ x: ONNXConstant) throws(NodeFault) -> [ONNXConstant] {
    let axis = try axis(node.int("axis", default: 0), x.shape.count)
    guard !x.shape.isEmpty, !node.outputs.isEmpty else { throw NodeFault("it splits what has no axes") }
    let size = x.shape[axis]
    let part = (size + node.outputs.count - 1) / node.outputs.count
    let sizes = integers(1, "split") ?? node.outputs.indices.map { min(part, max(size - $0 * part, 0)) }
    guard sizes.count == node.outputs.count, sizes.allSatisfy({ $0 >= 0 && $0 <= size }), sizes.reduce(0, +) == size else {
      throw NodeFault("it splits \(size) elements into \(sizes)")
    }
    var start = 0
    return sizes.map { length in
      var kept = x.shape.map { Array(0..<$0) }
      kept[axis] = Array(start..<start + length)
      start += length
      return x.moved(to: kept.map(\.count), Self.places(x.shape, kept))
    }
  }

  private func repeated(_ x: ONNXConstant) throws(NodeFault) -> ONNXConstant {
    let wanted = try required(1, node.type == "Tile" ? "repeats" : "shape").integers
    if node.type == "Expand" {
      guard elementCount(wanted) != nil else { throw NodeFault("it makes \(wanted)") }
      let shape = try broadcast([x.shape, wanted])
      return x.moved(to: shape, places(of: x.shape, in: shape))
    }
    guard wanted.count == x.shape.count, wanted.allSatisfy({ (0...Network.largestTensor).contains($0) }),
      elementCount(zip(x.shape, wanted).map { $0 * $1 }) != nil
    else { throw NodeFault("it repeats \(x.shape) \(wanted) times") }
    let kept = zip(x.shape, wanted).map { size, times in (0..<size * times).map { $0 % max(size, 1) } }
    return x.moved(to: kept.map(\.count), Self.places(x.shape, kept))
  }

  /// With one value; other modes are not reckoned here.
  private func padded(_ x: ONNXConstant) throws(NodeFault) -> ONNXConstant? {
    guard node.string("mode", default: "constant") == "constant", input(3) == nil, let pads = integers(1, "pads") else {
      return nil
    }
    let rank = x.shape.count
    guard pads.count == 2 * rank, pads.allSatisfy({ (-1 << 16...1 << 16).contains($0) }) else {
      throw NodeFault("its padding amounts \(pads) do not fit \(x.shape)")
    }
    let kept = (0..<rank).map { axis in
      Array(min(-pads[axis], x.shape[axis] + pads[rank + axis])..<x.shape[axis] + pads[rank + axis])
    }
    guard elementCount(kept.map(\.count)) != nil else { throw NodeFault("it makes \(kept.map(\.count))") }
    let value = input(2)?.scalar ?? Double(node.float("value", default: 0))
    let strides = Self.strides(x.shape)
    var places = [0]
    for axis in 0..<rank {
      places = places.flatMap { start in
        kept[axis].map { start < 0 || $0 < 0 || $0 >= x.shape[axis] ? -1 : start + $0 * strides[axis] }
      }
    }
    return ONNXConstant(
      shape: kept.map(\.count), reals: places.map { $0 < 0 ? value : x.reals[$0] }, dataType: x.dataType)
  }

  private func reduced(_ x: ONNXConstant) throws(NodeFault) -> ONNXConstant {
    var listed = integers(1, "axes") ?? []
    if listed.isEmpty {
      guard node.int("noop_with_empty_axes", default: 0) == 0 else { return x }
      listed = Array(x.shape.indices)
    }
    var axes = Set<Int>()
    for place in listed { axes.insert(try axis(place, x.shape.count)) }
    let kept = x.shape.indices.map { axes.contains($0) ? 1 : x.shape[$0] }
    let strides = Self.strides(kept)
    let all = Self.strides(x.shape)
    var made = [Double?](repeating: nil, count: kept.reduce(1, *))
    let isReckoned = !["ReduceMax", "ReduceMin"].contains(node.type)
    if isReckoned { try requireExact([x]) }
    for element in x.reals.indices {
      let place = x.shape.indices.reduce(0) { sum, axis in
        axes.contains(axis) ? sum : sum + element / all[axis] % x.shape[axis] * strides[axis]
      }
      let value = x.reals[element]
      guard let before = made[place] else {
        made[place] = value
        continue
      }
      switch node.type {
      case "ReduceProd": made[place] = before * value
      case "ReduceMax": made[place] = max(before, value)
      case "ReduceMin": made[place] = min(before, value)
      default: made[place] = before + value
      }
      if isReckoned, !x.isFloat, let sum = made[place], abs(sum) >= 0x1p53 {
        try requireExact([ONNXConstant(shape: [], reals: [sum], dataType: x.dataType)])
      }
    }
    let count = Double(axes.reduce(1) { $0 * x.shape[$1] })
    let empty = node.type == "ReduceProd" ? 1.0 : 0
    let reals = made.map { total in
      guard node.type == "ReduceMean" else { return total ?? empty }
      let mean = (total ?? 0) / count
      return x.isFloat ? mean : mean.rounded(.towardZero)
    }
    let shape =
      node.int("keepdims", default: 1) != 0
      ? kept : x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] }
    return ONNXConstant(shape: shape, reals: reals, dataType: x.dataType).held()
  }

  // MARK: Shapes

  private func broadcast(_ shapes: [[Int]]) throws(NodeFault) -> [Int] {
    let rank = shapes.map(\.count).max() ?? 0
    var result = [Int](repeating: 1, count: rank)
    for shape in shapes {
      for (index, size) in shape.enumerated() {
        let axis = rank - shape.count + index
        guard size == 1 || result[axis] == 1 || result[axis] == size else {
          throw NodeFault("its inputs' shapes, \(shapes), do not broadcast")
        }
        if size != 1 { result[axis] = size }
      }
    }
    guard elementCount(result) != nil else { throw NodeFault("it makes \(result)") }
    return result
  }

  /// Which element of a tensor of `shape` stands at each place of one it is broadcast to.
  private func places(of shape: [Int], in result: [Int]) -> [Int] {
    if result.contains(0) { return [] }
    let padded = Array(repeating: 1, count: result.count - shape.count) + shape
    return Self.places(padded, result.indices.map { axis in (0..<result[axis]).map { padded[axis] == 1 ? 0 : $0 } })
  }

  /// The elements of a row-major tensor at the given indices of each axis.
  static func places(_ shape: [Int], _ indices: [[Int]]) -> [Int] {
    if indices.contains(where: \.isEmpty) { return [] }
    let strides = strides(shape)
    return shape.indices.reduce([0]) { starts, axis in
      starts.flatMap { start in indices[axis].map { start + $0 * strides[axis] } }
    }
  }

  private static func strides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1) }
    return strides
  }
}

extension ONNXConstant {
  var isFloat: Bool { [1, 10, 11, 16].contains(dataType) }

  /// Held to the precision of single-precision types.
  func held() -> ONNXConstant {
    guard dataType == 1 || dataType == 10 else { return self }
    var held = self
    held.reals = reals.map { Double(Float($0)) }
    return held
  }

  /// The elements `places` in another shape. Codes move along, where they have one scale.
  func moved(to shape: [Int], _ places: [Int]) -> ONNXConstant {
    var moved = ONNXConstant(shape: shape, reals: places.map { reals[$0] }, dataType: dataType)
    if var quantized, quantized.quantization.scales.count == 1, quantized.quantization.zeroPoints.count == 1 {
      quantized.codes = places.map { quantized.codes[$0] }
      moved.quantized = quantized
    }
    return moved
  }
}
