import Arithmetic
import Network

// SVDF → what every filter finds in the newest input, the memory moved on by it, and sums over the memory of each unit.
extension Lowering {
  mutating func svdf(_ operation: Operation, rank: Int) throws(LayerFault) {
    let x = try input(operation, 0, "input")
    try requireInt8(x, "input")
    guard operation.inputs.count == 5, operation.outputs.count == 2,
      let state = operation.inputs[4].flatMap({ valueOfTensor[$0] })
    else { throw LayerFault("its state is no variable") }
    let output = try output(operation)
    try requireInt8(output, "output")
    let features = try weights(operation, rank: 2, channelAxis: 0)
    let (filters, memory) = try timeShape(operation)
    guard values[x].shape == [1, features.shape[1]], features.shape[0] == filters, rank > 0, filters % rank == 0,
      values[state].count == filters * memory, features.scales.count == 1, features.zeroPoints == [0],
      values[state].zeroPoint == 0
    else {
      throw LayerFault(
        "its input \(values[x].shape), weights \(features.shape) and [\(filters), \(memory)], rank \(rank) and state of "
          + "\(values[state].count) codes with zero point \(values[state].zeroPoint) do not fit, or are not symmetric")
    }
    let units = filters / rank
    try require(shape: [1, units], of: output)
    func sum(
      _ geometry: WindowGeometry, groups: Int, _ weights: [Int64], of value: Int, _ offsets: [Int64], _ factor: Float,
      _ made: Value
    ) throws(LayerFault) -> (Affine, ClosedRange<Int64>) {
      try affine(
        WeightedSums(
          geometry: geometry, groups: groups, weights: weights, inputRange: values[value].range,
          inputZeroPoint: values[value].zeroPoint),
        QuantizedSum(
          requantization: Requantization(
            multipliers: [try multiplier(Double(factor), "its scales' product over its output's")],
            rounding: options.rounding, zeroPoint: made.zeroPoint, clamp: made.type.range),
          offsets: offsets))
    }
    // TensorFlow Lite forms both factors in single precision.
    let newest = intermediate([filters], like: values[state])
    let (feature, found) = try sum(
      .dense(batch: 1, inputs: features.shape[1], outputs: filters), groups: 1, features.codes, of: x,
      Array(repeating: 0, count: filters), values[x].scale * features.scales[0] / values[state].scale, newest)
    let new = make(newest, .affine(feature), from: [x], range: found)
    let old = values[state].range
    // A memory of one moment is the newest one.
    let moved =
      memory == 1
      ? new
      : make(
        intermediate(values[state].shape, like: values[state]),
        .move(
          Move(copies: [
            Move.Copy(
              operand: 0, sizes: [filters, memory - 1], sourceStart: 1, sourceStrides: [memory, 1], targetStart: 0,
              targetStrides: [memory, 1]),
            Move.Copy(
              operand: 1, sizes: [filters], sourceStart: 0, sourceStrides: [1], targetStart: memory - 1,
              targetStrides: [memory]),
          ])), from: [state, new],
        range: min(old.lowerBound, found.lowerBound)...max(old.upperBound, found.upperBound))
    let times = try timeWeights(operation)
    guard case .codes(let bias) = try bias(operation, at: 3, channels: units) else { throw LayerFault("its bias is real") }
    let (time, codes) = try sum(
      .dense(batch: 1, inputs: filters * memory, outputs: units), groups: units, times.codes, of: moved, bias,
      values[state].scale * times.scale / output.scale, output)
    emit(.affine(time), operation, inputs: [moved], output: output, range: codes)
    valueOfTensor[operation.outputs[1]] = moved
  }

  private func timeShape(_ operation: Operation) throws(LayerFault) -> (filters: Int, memory: Int) {
    guard let tensor = operation.inputs[2], network.tensors[tensor].shape.count == 2 else {
      throw LayerFault("its weights of time (input 2) are missing, or have no rows and columns")
    }
    return (network.tensors[tensor].shape[0], network.tensors[tensor].shape[1])
  }

  /// The weights over time, 8 or 16 bits as the state has.
  private func timeWeights(_ operation: Operation) throws(LayerFault) -> (codes: [Int64], scale: Float) {
    guard let index = operation.inputs[2], let codes = network.tensors[index].integers,
      network.tensors[index].type == .int8 || network.tensors[index].type == .int16,
      let quantization = network.tensors[index].quantization, quantization.scales.count == 1,
      quantization.zeroPoints.allSatisfy({ $0 == 0 })
    else { throw LayerFault("its weights of time are no constant codes of one scale and zero point 0") }
    return (codes, quantization.scales[0])
  }
}
