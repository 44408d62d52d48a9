import Network

// Elements put elsewhere: each function says, for each element of the result, where it lies in the source.
extension ConstantArray {
  /// An axis counted from the front.
  func axis(_ axis: Int, rank: Int? = nil) throws(EvaluationFault) -> Int {
    let rank = rank ?? shape.count
    guard (-rank..<rank).contains(axis) else {
      throw EvaluationFault("its axis \(axis) does not exist in rank \(rank)")
    }
    return axis < 0 ? axis + rank : axis
  }

  func reshaped(to requested: [Int]) throws(EvaluationFault) -> ConstantArray {
    var made = requested
    if let open = made.firstIndex(of: -1) {
      made[open] = 1
      let rest = try elementCount(made)
      made[open] = rest == 0 ? 0 : elements.count / rest
    }
    guard try elementCount(made) == elements.count else {
      throw EvaluationFault("it makes \(requested) of \(shape): the number of elements changes")
    }
    return ConstantArray(shape: made, elements)
  }

  func transposed(by permutation: [Int]) throws(EvaluationFault) -> ConstantArray {
    let permutation = permutation.map { $0 < 0 ? $0 + shape.count : $0 }
    guard permutation.sorted() == Array(shape.indices) else {
      throw EvaluationFault("its permutation \(permutation) does not name each of \(shape.count) axes once")
    }
    let strides = rowMajorStrides(shape)
    let made = permutation.map { shape[$0] }
    return selecting(stridedPlaces(made, strides: permutation.map { strides[$0] }), shape: made)
  }

  /// The block of `sizes` from `begins` on, every `steps`th element.
  func sliced(begins: [Int], sizes: [Int], steps: [Int]) throws(EvaluationFault) -> ConstantArray {
    _ = try elementCount(sizes)
    for axis in shape.indices where sizes[axis] > 0 {
      let (reach, overflow) = (sizes[axis] - 1).multipliedReportingOverflow(by: steps[axis])
      let ends = [begins[axis], begins[axis] &+ reach]
      guard !overflow, ends.allSatisfy({ (0..<shape[axis]).contains($0) }) else {
        throw EvaluationFault("its slice of axis \(axis) leaves the \(shape[axis]) elements there")
      }
    }
    if sizes.contains(0) { return selecting([], shape: sizes) }
    let strides = rowMajorStrides(shape)
    let start = zip(begins, strides).reduce(0) { $0 + $1.0 * $1.1 }
    return selecting(
      stridedPlaces(sizes, start: start, strides: zip(strides, steps).map { $0 * $1 }), shape: sizes)
  }

  /// TensorFlow's strided slice, without ellipsis and new axes.
  func sliced(begins: [Int], ends: [Int], steps: [Int], _ masks: SliceMasks) throws(EvaluationFault) -> ConstantArray {
    guard masks.ellipsis == 0, masks.newAxis == 0, !masks.isOffset else {
      throw EvaluationFault("it uses an ellipsis, a new axis or ends that count from the begins", remedy: .store)
    }
    guard begins.count == ends.count, ends.count == steps.count, begins.count <= shape.count else {
      throw EvaluationFault(
        "it has \(begins.count) begins, \(ends.count) ends and \(steps.count) strides for rank \(shape.count)")
    }
    var (starts, sizes, strides, made) = ([Int](), [Int](), [Int](), [Int]())
    for (axis, size) in shape.enumerated() {
      func isSet(_ mask: Int) -> Bool { mask >> axis & 1 == 1 }
      let isGiven = axis < begins.count
      let step = isGiven ? steps[axis] : 1
      guard step != 0 else { throw EvaluationFault("its stride along axis \(axis) is 0") }
      let bounds = step > 0 ? 0...size : -1...(size - 1)
      func bounded(_ index: Int) -> Int {
        min(max(index < 0 ? index + size : index, bounds.lowerBound), bounds.upperBound)
      }
      let begin = isGiven && !isSet(masks.begin) ? bounded(begins[axis]) : step > 0 ? 0 : size - 1
      strides.append(step)
      starts.append(begin)
      if isGiven, isSet(masks.shrinkAxis) {
        sizes.append(1)
        continue
      }
      let end = isGiven && !isSet(masks.end) ? bounded(ends[axis]) : step > 0 ? size : -1
      sizes.append(max(0, (end - begin + step + (step > 0 ? -1 : 1)) / step))
      made.append(sizes[axis])
    }
    return try sliced(begins: starts, sizes: sizes, steps: strides).reshaped(to: made)
  }

  /// The elements at `indices` along an axis, those of each of the first `batch` axes' entries by its own indices.
  func gathered(_ indices: ConstantArray, axis: Int, batchDimensions: Int) throws(EvaluationFault) -> ConstantArray {
    let axis = try self.axis(axis)
    let batch = batchDimensions < 0 ? batchDimensions + indices.shape.count : batchDimensions
    guard (0...axis).contains(batch), batch <= indices.shape.count, shape[..<batch] == indices.shape[..<batch] else {
      throw EvaluationFault(
        "its \(batchDimensions) batch dimensions do not fit the shapes \(shape) and \(indices.shape)")
    }
    let made = Array(shape[..<axis]) + indices.shape[batch...] + shape[(axis + 1)...]
    let total = try elementCount(made)
    let wanted = try indices.sizes(negative: true)
    guard wanted.allSatisfy({ (0..<shape[axis]).contains($0) }) else {
      throw EvaluationFault("an index is outside axis \(axis), which has \(shape[axis]) elements")
    }
    let batches = shape[..<batch].reduce(1, *)
    let outer = shape[batch..<axis].reduce(1, *)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let perBatch = batches == 0 ? 0 : wanted.count / batches
    var places: [Int] = []
    places.reserveCapacity(total)
    for entry in 0..<batches {
      for block in 0..<outer {
        for index in wanted[entry * perBatch..<(entry + 1) * perBatch] {
          let start = ((entry * outer + block) * shape[axis] + index) * inner
          places += start..<start + inner
        }
      }
    }
    return selecting(places, shape: made)
  }

  func broadcast(to wanted: [Int]) throws(EvaluationFault) -> ConstantArray {
    guard broadcastShape([shape, wanted]) == wanted else {
      throw EvaluationFault("the shape \(shape) does not broadcast to \(wanted)")
    }
    _ = try elementCount(wanted)
    return selecting(broadcastPlaces(shape, to: wanted), shape: wanted)
  }

  /// Each axis repeated so many times.
  func tiled(_ counts: [Int]) throws(EvaluationFault) -> ConstantArray {
    guard counts.count == shape.count else {
      throw EvaluationFault("it repeats \(counts.count) axes of \(shape.count)")
    }
    var made: [Int] = []
    for (size, count) in zip(shape, counts) {
      let (product, overflow) = size.multipliedReportingOverflow(by: count)
      made.append(overflow ? -1 : product)
    }
    _ = try elementCount(made)
    var places = [0]
    for (axis, stride) in rowMajorStrides(shape).enumerated() {
      places = places.flatMap { place in
        (0..<counts[axis]).flatMap { _ in (0..<shape[axis]).map { place + $0 * stride } }
      }
    }
    return selecting(places, shape: made)
  }

  /// The order along some axes turned round.
  func reversed(_ axes: [Int]) throws(EvaluationFault) -> ConstantArray {
    var isTurned = Array(repeating: false, count: shape.count)
    for axis in axes { isTurned[try self.axis(axis)] = true }
    let strides = rowMajorStrides(shape)
    let start = shape.indices.reduce(0) { $0 + (isTurned[$1] ? max(shape[$1] - 1, 0) * strides[$1] : 0) }
    return selecting(
      stridedPlaces(shape, start: start, strides: strides.indices.map { isTurned[$0] ? -strides[$0] : strides[$0] }),
      shape: shape)
  }

  /// Parts of these sizes along an axis; one may be −1, for the rest.
  func parts(_ given: [Int], axis: Int) throws(EvaluationFault) -> [ConstantArray] {
    let axis = try self.axis(axis)
    let rest = shape[axis] - given.reduce(0) { $0 + max($1, 0) }
    let sizes = given.map { $0 == -1 ? rest : $0 }
    guard sizes.allSatisfy({ $0 >= 0 }), sizes.reduce(0, +) == shape[axis] else {
      throw EvaluationFault("its parts of \(given) are not the \(shape[axis]) elements of axis \(axis)")
    }
    var parts: [ConstantArray] = []
    var begins = Array(repeating: 0, count: shape.count)
    for size in sizes {
      var made = shape
      made[axis] = size
      parts.append(try sliced(begins: begins, sizes: made, steps: Array(repeating: 1, count: shape.count)))
      begins[axis] += size
    }
    return parts
  }

  /// One value over a whole shape.
  func filling(_ wanted: [Int]) throws(EvaluationFault) -> ConstantArray {
    guard elements.count == 1 else { throw EvaluationFault("it fills with \(elements.count) values, not one") }
    return selecting(Array(repeating: 0, count: try elementCount(wanted)), shape: wanted)
  }

  func padded(_ amounts: [Int], fill: ConstantArray?, code: Int64) throws(EvaluationFault) -> ConstantArray {
    guard amounts.count == 2 * shape.count else {
      throw EvaluationFault("it has \(amounts.count) padding amounts for rank \(shape.count)")
    }
    let made = shape.indices.map { shape[$0] + amounts[2 * $0] + amounts[2 * $0 + 1] }
    var places = Array(repeating: -1, count: try elementCount(made))
    let strides = rowMajorStrides(made)
    let start = shape.indices.reduce(0) { $0 + amounts[2 * $1] * strides[$1] }
    for (source, target) in stridedPlaces(shape, start: start, strides: strides).enumerated() {
      places[target] = source
    }
    guard let fill else { return selecting(places, shape: made, fill: code) }
    guard fill.elements.count == 1 else { throw EvaluationFault("it pads with \(fill.elements.count) values, not one") }
    // The value stands behind the elements.
    let extended = try ConstantArray.joined([self.reshaped(to: [-1]), fill.reshaped(to: [-1])], axis: 0)
    return extended.selecting(places.map { $0 < 0 ? elements.count : $0 }, shape: made)
  }

  static func joined(_ arrays: [ConstantArray], axis: Int) throws(EvaluationFault) -> ConstantArray {
    guard let first = arrays.first else { throw EvaluationFault("it has no inputs") }
    let axis = try first.axis(axis)
    var made = first.shape
    made[axis] = 0
    for array in arrays {
      var shape = array.shape
      guard shape.count == made.count else {
        throw EvaluationFault("its inputs have the shapes \(arrays.map(\.shape))")
      }
      made[axis] += shape[axis]
      shape[axis] = first.shape[axis]
      guard shape == first.shape else { throw EvaluationFault("its inputs have the shapes \(arrays.map(\.shape))") }
    }
    _ = try elementCount(made)
    let turns = made[..<axis].reduce(1, *)
    func interleaved<Number>(_ parts: [[Number]]) -> [Number] {
      (0..<turns).flatMap { turn in
        parts.flatMap { part in part[turn * part.count / turns..<(turn + 1) * part.count / turns] }
      }
    }
    if case .reals = first.elements {
      var parts: [[Float]] = []
      for array in arrays {
        guard case .reals(let reals) = array.elements else {
          throw EvaluationFault("its inputs are of different types")
        }
        parts.append(reals)
      }
      return ConstantArray(shape: made, .reals(interleaved(parts)))
    }
    var parts: [[Int64]] = []
    for array in arrays { parts.append(try array.integers()) }
    return ConstantArray(shape: made, .integers(interleaved(parts)))
  }
}

/// What an operation that moves elements makes of constants.
func moved(
  _ operation: Operation, _ inputs: [ConstantArray], fill: Int64?
) throws(EvaluationFault) -> [ConstantArray] {
  func input(_ position: Int) throws(EvaluationFault) -> ConstantArray {
    guard position < inputs.count else { throw EvaluationFault("its input \(position) is missing") }
    return inputs[position]
  }
  let x = try input(0)
  switch operation.kind {
  case .reshape(let requested):
    let given = inputs.count > 1 ? try inputs[1].sizes(negative: true) : requested
    guard let given else { throw EvaluationFault("no shape is requested") }
    return [try x.reshaped(to: given)]
  case .squeeze(let axes):
    var removed: Set<Int> = []
    for axis in axes { removed.insert(try x.axis(axis)) }
    return [
      try x.reshaped(
        to: x.shape.indices.filter { axes.isEmpty ? x.shape[$0] != 1 : !removed.contains($0) }.map { x.shape[$0] })
    ]
  case .expandDimensions:
    var made = x.shape
    made.insert(1, at: try x.axis(input(1).size(), rank: made.count + 1))
    return [try x.reshaped(to: made)]
  case .transpose: return [try x.transposed(by: input(1).sizes(negative: true))]
  case .concatenation(let axis, .none): return [try ConstantArray.joined(inputs, axis: axis)]
  case .concatenation: throw EvaluationFault("it joins constants and has a fused activation", remedy: .store)
  case .pack(let axis):
    let place = try x.axis(axis, rank: x.shape.count + 1)
    var layers: [ConstantArray] = []
    for input in inputs {
      var made = input.shape
      made.insert(1, at: min(place, made.count))
      layers.append(try input.reshaped(to: made))
    }
    return [try ConstantArray.joined(layers, axis: place)]
  case .unpack(let axis):
    let place = try x.axis(axis)
    var made = x.shape
    made.remove(at: place)
    var parts: [ConstantArray] = []
    for index in 0..<x.shape[place] {
      parts.append(
        try x.gathered(ConstantArray(shape: [], .integers([Int64(index)])), axis: place, batchDimensions: 0))
    }
    return parts
  case .stridedSlice(let masks):
    return [
      try x.sliced(
        begins: input(1).sizes(negative: true), ends: input(2).sizes(negative: true),
        steps: input(3).sizes(negative: true), masks)
    ]
  case .slice:
    let begins = try input(1).sizes(), sizes = try input(2).sizes(negative: true)
    guard begins.count == x.shape.count, sizes.count == x.shape.count else {
      throw EvaluationFault("it has \(begins.count) begins and \(sizes.count) sizes for rank \(x.shape.count)")
    }
    return [
      try x.sliced(
        begins: begins, sizes: sizes.indices.map { sizes[$0] == -1 ? x.shape[$0] - begins[$0] : sizes[$0] },
        steps: Array(repeating: 1, count: sizes.count))
    ]
  case .gather(let axis, let batch): return [try x.gathered(input(1), axis: axis, batchDimensions: batch)]
  case .broadcastTo: return [try x.broadcast(to: input(1).sizes())]
  case .tile: return [try x.tiled(input(1).sizes())]
  case .reverse: return [try x.reversed(input(1).sizes(negative: true))]
  case .split:
    let (axis, whole) = (try x.size(), try input(1))
    let count = operation.outputs.count
    let size = whole.shape[try whole.axis(axis)]
    guard size % count == 0 else { throw EvaluationFault("it makes \(count) equal parts of \(size) elements") }
    return try whole.parts(Array(repeating: size / count, count: count), axis: axis)
  case .splitSizes: return try x.parts(input(1).sizes(negative: true), axis: input(2).size())
  case .pad: return [try x.padded(input(1).sizes(), fill: inputs.count > 2 ? inputs[2] : nil, code: fill ?? 0)]
  default: throw EvaluationFault("it moves no elements")
  }
}

/// The distance between neighbours along each axis of a row-major array.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}

/// Where the elements of a block lie, in its row-major order.
func stridedPlaces(_ shape: [Int], start: Int = 0, strides: [Int]) -> [Int] {
  if shape.contains(0) { return [] }
  var places = [start]
  for (size, stride) in zip(shape, strides) {
    places = places.flatMap { place in (0..<size).map { place + $0 * stride } }
  }
  return places
}

/// For each element of `shape`, where the one lies that an array of the shape `own` gives it.
func broadcastPlaces(_ own: [Int], to shape: [Int]) -> [Int] {
  let sizes = Array(repeating: 1, count: shape.count - own.count) + own
  let strides = rowMajorStrides(sizes)
  return stridedPlaces(shape, strides: sizes.indices.map { sizes[$0] == 1 ? 0 : strides[$0] })
}
