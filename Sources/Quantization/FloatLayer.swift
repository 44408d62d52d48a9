import Network

extension FloatLayer {
  /// The layer that an operation of a float network is, with all its shapes checked.
  init(_ operation: Operation, index: Int, in network: Network) throws(LayerFault) {
    guard operation.outputs.count == 1 else { throw LayerFault("it has \(operation.outputs.count) outputs, not one") }
    self.index = index
    output = operation.outputs[0]
    activation = .none
    inputs = []
    let made = network.tensors[output]
    guard made.type == .float32 else {
      throw LayerFault(
        "it makes \(made.type), and layers of real numbers are quantised",
        remedy: "end the network in front of it")
    }
    func tensor(_ position: Int, _ role: String) throws(LayerFault) -> (index: Int, tensor: Tensor) {
      guard position < operation.inputs.count, let index = operation.inputs[position] else {
        throw LayerFault("its \(role) (input \(position)) is missing")
      }
      return (index, network.tensors[index])
    }
    /// An input that is reckoned.
    func reckoned(_ position: Int) throws(LayerFault) -> (index: Int, tensor: Tensor) {
      let found = try tensor(position, "input")
      guard found.tensor.type == .float32, found.tensor.constant == nil else {
        throw LayerFault(
          "its input \(position), \"\(found.tensor.name.printable())\", is \(found.tensor.constant == nil ? "" : "a constant, ")"
            + "\(found.tensor.type); layers of reckoned float32 tensors are quantised")
      }
      return found
    }
    func reals(_ position: Int, _ role: String) throws(LayerFault) -> (numbers: [Float], shape: [Int]) {
      let found = try tensor(position, role)
      // Weights alone may be codes, beside real activations: a file of dynamic range.
      guard let numbers = found.tensor.floats ?? (role == "weights" ? found.tensor.dequantized : nil) else {
        throw LayerFault(
          "its \(role) is \(found.tensor.type)\(found.tensor.constant == nil ? ", computed at run time" : ""); constant "
            + "float32 numbers are quantised", remedy: "convert without quantisation (no optimizations, no float16)")
      }
      guard numbers.allSatisfy({ $0.isFinite }) else { throw LayerFault("its \(role) holds what is no finite number") }
      return (numbers, found.tensor.shape)
    }
    func integers(_ position: Int, _ role: String) throws(LayerFault) -> [Int] {
      guard let integers = try tensor(position, role).tensor.integers else {
        throw LayerFault("its \(role) is computed at run time", remedy: "convert with fixed shapes")
      }
      return integers.map { Int($0) }
    }
    func bias(_ outputs: Int) throws(LayerFault) -> [Float] {
      guard operation.inputs.count > 2, operation.inputs[2] != nil else { return Array(repeating: 0, count: outputs) }
      let numbers = try reals(2, "bias").numbers
      guard numbers.count == outputs else {
        throw LayerFault("its bias has \(numbers.count) elements for \(outputs) output channels")
      }
      return numbers
    }
    func require(_ shape: [Int]) throws(LayerFault) {
      guard made.shape == shape else {
        throw LayerFault("its output has the shape \(made.shape) in the file, but its inputs and options make \(shape)")
      }
    }
    /// A move of one input, by where each of its elements goes.
    func moved(_ x: (index: Int, tensor: Tensor), _ shape: [Int], _ places: [Int32]) throws(LayerFault) {
      try require(shape)
      guard places.count == made.count else { throw LayerFault("it makes \(made.count) elements of \(places.count)") }
      inputs = [x.index]
      kind = .move(places: places)
    }

    /// Two tensors that broadcast, element by element.
    func combined(_ combination: Combination) throws(LayerFault) {
      let (a, b) = (try reckoned(0), try reckoned(1))
      let rank = max(a.tensor.shape.count, b.tensor.shape.count)
      let shapes = [a, b].map { Array(repeating: 1, count: rank - $0.tensor.shape.count) + $0.tensor.shape }
      guard (0..<rank).allSatisfy({ shapes[0][$0] == shapes[1][$0] || shapes[0][$0] == 1 || shapes[1][$0] == 1 }) else {
        throw LayerFault("its inputs' shapes, \(a.tensor.shape) and \(b.tensor.shape), do not broadcast")
      }
      let shape = (0..<rank).map { max(shapes[0][$0], shapes[1][$0]) }
      try require(shape)
      let strides = shapes.map { sizes in
        let dense = rowMajorStrides(sizes)
        return sizes.indices.map { sizes[$0] == 1 ? 0 : dense[$0] }
      }
      inputs = [a.index, b.index]
      kind = .combine(
        combination, strides: Array(zip(strides[0], strides[1])).map { (left: $0.0, right: $0.1) }, shape: shape)
    }

    kind = .unary([])
    switch operation.kind {
    case .conv2D(let window, let fused), .depthwiseConv2D(let window, _, let fused):
      self.activation = fused
      let x = try reckoned(0)
      let weights = try reals(1, "weights")
      guard weights.shape.count == 4 else { throw LayerFault("its weights have the shape \(weights.shape), not 4-D") }
      let geometry = try FloatWindow(window, shape: x.tensor.shape, rows: weights.shape[1], columns: weights.shape[2])
      let outputs: Int
      let groups: Int
      var laid = weights.numbers
      if case .depthwiseConv2D(_, let multiplier, _) = operation.kind {
        (outputs, groups) = (weights.shape[3], geometry.channels)
        guard weights.shape[0] == 1, multiplier >= 1, multiplier <= outputs, multiplier * groups == outputs else {
          throw LayerFault("its weights have the shape \(weights.shape) for \(groups) input channels")
        }
        // [row, column, out] → [out, row, column].
        let taps = geometry.rows * geometry.columns
        for output in 0..<outputs {
          for tap in 0..<taps { laid[output * taps + tap] = weights.numbers[tap * outputs + output] }
        }
      } else {
        outputs = weights.shape[0]
        guard geometry.channels % weights.shape[3] == 0 else {
          throw LayerFault("its weights have the shape \(weights.shape) for \(geometry.channels) input channels")
        }
        groups = geometry.channels / weights.shape[3]
        guard outputs % groups == 0 else { throw LayerFault("its \(groups) groups do not divide \(outputs) channels") }
      }
      try require([geometry.batch, geometry.outputHeight, geometry.outputWidth, outputs])
      inputs = [x.index]
      kind = .affine(
        FloatAffine(
          window: geometry, groups: groups, outputs: outputs, weights: laid, bias: try bias(outputs), isDense: false,
          fileWindow: window))
    case .fullyConnected(_, let fused):
      self.activation = fused
      let x = try reckoned(0)
      let weights = try reals(1, "weights")
      guard weights.shape.count == 2, x.tensor.count % weights.shape[1] == 0 else {
        throw LayerFault("its weights have the shape \(weights.shape) for an input of \(x.tensor.shape)")
      }
      let (outputs, length) = (weights.shape[0], weights.shape[1])
      let batch = x.tensor.count / length
      guard made.count == batch * outputs, made.shape.last == outputs else {
        throw LayerFault("its output has the shape \(made.shape), not \(batch) × \(outputs) elements")
      }
      let geometry = try FloatWindow(
        Window(padding: .valid), shape: [batch, 1, 1, length], rows: 1, columns: 1)
      inputs = [x.index]
      kind = .affine(
        FloatAffine(
          window: geometry, groups: 1, outputs: outputs, weights: weights.numbers, bias: try bias(outputs),
          isDense: true, fileWindow: nil))
    case .add(let fused):
      activation = fused
      try combined(.sum)
    case .subtract(let fused):
      activation = fused
      try combined(.difference)
    case .multiply(let fused):
      activation = fused
      try combined(.product)
    case .maximum: try combined(.maximum)
    case .minimum: try combined(.minimum)
    case .batchMatMul(let transposesLeft, let transposesRight):
      // A constant matrix on the right is a dense layer's.
      guard !transposesLeft, operation.inputs.count == 2, let right = operation.inputs[1],
        network.tensors[right].constant != nil
      else {
        throw LayerFault(
          "it multiplies two tensors that are both reckoned",
          remedy: "where one is constant, put it on the right; else quantise with the framework's own converter")
      }
      let x = try reckoned(0)
      let weights = try reals(1, "right matrix")
      let (count, shape) = (weights.numbers.count, weights.shape)
      guard shape.count >= 2, count == shape.suffix(2).reduce(1, *), let length = x.tensor.shape.last,
        length == shape[shape.count - (transposesRight ? 1 : 2)], length > 0
      else { throw LayerFault("its right matrix has the shape \(shape) for an input of \(x.tensor.shape)") }
      let outputs = count / length
      let batch = x.tensor.count / length
      guard made.count == batch * outputs, made.shape.last == outputs else {
        throw LayerFault("its output has the shape \(made.shape), not \(batch) × \(outputs) elements")
      }
      let geometry = try FloatWindow(
        Window(padding: .valid), shape: [batch, 1, 1, length], rows: 1, columns: 1)
      inputs = [x.index]
      kind = .affine(
        FloatAffine(
          window: geometry, groups: 1, outputs: outputs,
          weights: transposesRight
            ? weights.numbers
            : (0..<outputs).flatMap { output in (0..<length).map { weights.numbers[$0 * outputs + output] } },
          bias: Array(repeating: 0, count: outputs), isDense: true, fileWindow: nil))
    case .averagePool2D(let window, let rows, let columns, let fused),
      .maxPool2D(let window, let rows, let columns, let fused):
      self.activation = fused
      let x = try reckoned(0)
      guard window.dilationHeight == 1, window.dilationWidth == 1 else { throw LayerFault("its window is dilated") }
      let geometry = try FloatWindow(window, shape: x.tensor.shape, rows: rows, columns: columns)
      guard max(geometry.top, geometry.bottom) < rows, max(geometry.left, geometry.right) < columns else {
        throw LayerFault("its padding is as large as its window")
      }
      try require([geometry.batch, geometry.outputHeight, geometry.outputWidth, geometry.channels])
      inputs = [x.index]
      if case .averagePool2D = operation.kind { kind = .average(geometry) } else { kind = .maximum(geometry) }
    case .mean(let keepsDimensions):
      let x = try reckoned(0)
      let shape = x.tensor.shape
      let axes = Set(try integers(1, "axes").map { $0 < 0 ? $0 + shape.count : $0 }).sorted()
      guard let first = axes.first, let last = axes.last, first >= 0, last < shape.count, last - first + 1 == axes.count
      else { throw LayerFault("it averages the axes \(axes) of \(shape); neighbouring ones are supported") }
      try require(
        keepsDimensions
          ? shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
          : shape.indices.filter { !axes.contains($0) }.map { shape[$0] })
      inputs = [x.index]
      kind = .mean(
        axes: axes, outer: shape[..<first].reduce(1, *), count: axes.reduce(1) { $0 * shape[$1] },
        inner: shape[(last + 1)...].reduce(1, *))
    case .softmax(let beta):
      let x = try reckoned(0)
      guard let depth = x.tensor.shape.last, beta.isFinite else { throw LayerFault("its input has no axes") }
      try require(x.tensor.shape)
      inputs = [x.index]
      kind = .softmax(beta: beta, depth: depth)
    case .reshape, .squeeze, .expandDimensions:
      let x = try reckoned(0)
      guard x.tensor.count == made.count else {
        throw LayerFault("it makes \(made.shape) of \(x.tensor.shape): the number of elements changes")
      }
      try moved(x, made.shape, (0..<Int32(made.count)).map { $0 })
    case .transpose:
      let x = try reckoned(0)
      let shape = x.tensor.shape
      let permutation = try integers(1, "permutation").map { $0 < 0 ? $0 + shape.count : $0 }
      guard permutation.sorted() == Array(shape.indices) else {
        throw LayerFault("its permutation \(permutation) does not name each axis of \(shape) once")
      }
      let strides = rowMajorStrides(shape)
      var places: [Int32] = [0]
      for axis in permutation {
        let (size, stride) = (shape[axis], strides[axis])
        places = places.flatMap { (start: Int32) -> [Int32] in (0..<size).map { start + Int32($0 * stride) } }
      }
      try moved(x, permutation.map { shape[$0] }, places)
    case .pad:
      let x = try reckoned(0)
      let shape = x.tensor.shape
      let amounts = try integers(1, "padding amounts")
      guard amounts.count == 2 * shape.count, amounts.allSatisfy({ (0...1 << 16).contains($0) }) else {
        throw LayerFault("its padding amounts \(amounts) do not fit \(shape)")
      }
      if operation.inputs.count > 2, operation.inputs[2] != nil {
        guard try reals(2, "padding value").numbers == [0] else { throw LayerFault("it pads with what is not 0") }
      }
      try require(shape.indices.map { shape[$0] + amounts[2 * $0] + amounts[2 * $0 + 1] })
      let strides = rowMajorStrides(shape)
      var places: [Int32] = [0]
      for axis in shape.indices {
        let (size, stride) = (shape[axis], strides[axis])
        let range = -amounts[2 * axis]..<size + amounts[2 * axis + 1]
        places = places.flatMap { (start: Int32) -> [Int32] in
          range.map { place in start < 0 || place < 0 || place >= size ? -1 : start + Int32(place * stride) }
        }
      }
      try moved(x, made.shape, places)
    case .concatenation(let axis, let fused):
      guard fused == .none else { throw LayerFault("it has the fused activation \(fused.rawValue)") }
      var parts: [(index: Int, tensor: Tensor)] = []
      for position in operation.inputs.indices { parts.append(try reckoned(position)) }
      let rank = made.shape.count
      let axis = axis < 0 ? axis + rank : axis
      guard !parts.isEmpty, (0..<rank).contains(axis),
        parts.allSatisfy({ part in
          part.tensor.shape.count == rank
            && (0..<rank).allSatisfy { $0 == axis || part.tensor.shape[$0] == made.shape[$0] }
        }), parts.reduce(0, { $0 + $1.tensor.shape[axis] }) == made.shape[axis]
      else { throw LayerFault("its inputs' shapes, \(parts.map(\.tensor.shape)), do not join to \(made.shape)") }
      let inner = made.shape[(axis + 1)...].reduce(1, *)
      inputs = parts.map(\.index)
      kind = .concatenation(
        turns: made.shape[..<axis].reduce(1, *), sizes: parts.map { $0.tensor.shape[axis] * inner })
    case .unary(let function):
      let x = try reckoned(0)
      try require(x.tensor.shape)
      inputs = [x.index]
      kind = .unary(function.reals)
    case .stridedSlice(let masks):
      let x = try reckoned(0)
      let shape = x.tensor.shape
      let lists = (try integers(1, "begins"), try integers(2, "ends"), try integers(3, "strides"))
      guard masks.ellipsis == 0, masks.newAxis == 0, masks.shrinkAxis == 0, !masks.isOffset,
        [lists.0.count, lists.1.count, lists.2.count].allSatisfy({ $0 == shape.count }), lists.2.allSatisfy({ $0 > 0 })
      else { throw LayerFault("it slices with an ellipsis, a new axis or a step that is not positive") }
      func bounded(_ place: Int, _ size: Int) -> Int { min(max(place < 0 ? place + size : place, 0), size) }
      let kept = shape.indices.map { axis in
        let size = shape[axis]
        let first = masks.begin >> axis & 1 == 1 ? 0 : bounded(lists.0[axis], size)
        let end = masks.end >> axis & 1 == 1 ? size : bounded(lists.1[axis], size)
        return Array(stride(from: first, to: end, by: lists.2[axis]))
      }
      try moved(x, kept.map(\.count), places(of: kept, in: shape))
    case .indexed(let maps):
      let x = try reckoned(0)
      guard maps.count == x.tensor.shape.count,
        zip(maps, x.tensor.shape).allSatisfy({ map, size in map.allSatisfy { (0..<size).contains($0) } })
      else { throw LayerFault("its indices do not fit \(x.tensor.shape)") }
      try moved(x, maps.map(\.count), places(of: maps, in: x.tensor.shape))
    case .unsupported(let reason): throw LayerFault(reason)
    default:
      throw LayerFault(
        "the operator is not supported in float networks", remedy: "quantise with the tool that made the file")
    }
  }
}

/// The elements of a tensor at the given indices of each axis.
private func places(of indices: [[Int]], in shape: [Int]) -> [Int32] {
  let strides = rowMajorStrides(shape)
  return shape.indices.reduce([0]) { starts, axis in
    starts.flatMap { start in indices[axis].map { start + Int32($0 * strides[axis]) } }
  }
}

extension UnaryFunction {
  var reals: [RealFunction] {
    switch self {
    case .logistic: [.logistic]
    case .tanh: [.tanh]
    case .hardSwish: [.hardSwish]
    case .relu: [.clamp(0, .infinity)]
    case .relu6: [.clamp(0, 6)]
    case .reluN1To1: [.clamp(-1, 1)]
    case .real(let function): [function]
    case .leakyRelu(let alpha): [.leakyRelu(alpha: alpha)]
    case .composed(let functions): functions
    }
  }
}

/// The distance between neighbours along each axis of a row-major tensor.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}
