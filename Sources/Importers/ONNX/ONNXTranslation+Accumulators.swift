import Network

// A network's outputs that no quantiser makes codes of.
extension ONNXTranslation {
  /// The codes of a dense layer or convolution whose real result the network returns, perhaps behind a ReLU: its
  /// accumulators themselves.
  mutating func accumulators(_ pending: ONNXPending, name: String) throws(NodeFault) -> ONNXCodes {
    let what = "is the real result of \(pending.typeName), which no quantiser makes codes of"
    guard case .affine(let affine) = pending.base else {
      throw NodeFault(what, remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
    }
    let channels = affine.channels
    let pending = pending.tiled
    var bias = AccumulatorUnit.Bias.codes(affine.bias ?? Array(repeating: 0, count: channels))
    var isPlain = (pending.isUnclamped || pending.isRectified) && pending.pools.isEmpty && pending.crop == nil
    switch pending.stages.first {
    case nil: break
    case .added(let reals) where pending.stages.count == 1 && affine.bias?.contains { $0 != 0 } != true:
      bias = .reals(reals.count == 1 ? Array(repeating: reals[0], count: channels) : reals)
    default: isPlain = false
    }
    guard isPlain else {
      throw NodeFault(
        what + "; it is scaled, clamped or pooled, and accumulators alone can be returned as they are",
        remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
    }
    let inputs = try operands(of: affine, pending.typeName)
    let input = tensors[affine.input]
    // What weights and input codes can reach, coarsely: an accumulator has 32 bits.
    let length = affine.weights.count / channels
    func largest(_ channel: Int) -> (weight: Int64, sum: Int64) {
      let zeroPoint = affine.zeroPoints[affine.zeroPoints.count == 1 ? 0 : channel]
      return affine.weights[channel * length..<(channel + 1) * length].reduce((weight: 0, sum: 0)) {
        (weight: max($0.weight, abs($1 - zeroPoint)), sum: $0.sum + abs($1 - zeroPoint))
      }
    }
    let reach = (0..<channels).map(largest)
    let zeroPoint = input.quantization?.zeroPoints[0] ?? 0
    let codes = input.type.codes ?? 0...0
    let distance = max(abs(codes.lowerBound), abs(codes.upperBound)) + abs(zeroPoint)
    var kind = affine.kind
    switch kind {
    case .conv2D(let window, _) where pending.isRectified: kind = .conv2D(window, .relu)
    case .fullyConnected(let keeps, _) where pending.isRectified: kind = .fullyConnected(keepsDimensions: keeps, .relu)
    case _ where !pending.isRectified: break
    default: throw NodeFault(what, remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
    }
    do throws(AccumulatorUnit.Fault) {
      let unit = try AccumulatorUnit(
        inputScale: input.quantization?.scales[0] ?? 1, weightScales: affine.scales, bias: bias,
        isRectified: pending.isRectified
      ) { factors, offsets in
        (0..<channels).allSatisfy { channel in
          let factor = factors[factors.count == 1 ? 0 : channel]
          let (sum, overflow) = (reach[channel].sum * factor).multipliedReportingOverflow(by: distance)
          return reach[channel].weight * factor <= Int64(Int16.max) && !overflow
            && sum + abs(offsets[channel]) <= Int64(Int32.max)
        }
      }
      if !unit.isExact {
        notices.append(
          "the output \"\(name.printable())\" is returned as accumulators, to which its real bias is added in units of "
            + "\(Float(unit.real)), rounded; "
            + (unit.keepsOrder
              ? "the order of its elements is that of the file's exact values"
              : "elements that differ by less than that may stand in another order than the file's exact values"))
      }
      let made = addTensor(
        Tensor(
          name: name, shape: pending.shape, type: .int32,
          quantization: Quantization(scales: [Float(unit.real)], zeroPoints: [0])))
      var operation = Operation(kind, typeName: pending.typeName, inputs: inputs, outputs: [made])
      operation.stages = pending.stages
      operations.append(operation)
      return ONNXCodes(tensor: made, view: pending.view, isReal: true)
    } catch {
      throw NodeFault("\(what), so that its accumulators are the codes; but \(error.reason)", remedy: error.remedy)
    }
  }
}
