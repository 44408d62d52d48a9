import Network

// A network's outputs that no quantiser makes codes of.
extension ONNXTranslation {
  /// The codes of a dense layer or convolution whose real result the network returns: its accumulators themselves.
  mutating func accumulators(_ pending: ONNXPending, name: String) throws(NodeFault) -> ONNXCodes {
    let what = "is the real result of \(pending.typeName), which no quantiser makes codes of"
    guard case .affine(let affine) = pending.base else {
      throw NodeFault(what, remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
    }
    guard pending.gain == [1], pending.clamp == -.infinity ... .infinity, pending.pools.isEmpty else {
      throw NodeFault(
        what + "; it is scaled, clamped or pooled, and accumulators alone can be returned as they are",
        remedy: "put a quantiser (Quant or QuantizeLinear) in front of the output")
    }
    let inputs = try operands(of: affine, pending)
    let inputScale = tensors[affine.input].quantization?.scales[0] ?? 1
    let channels = affine.channels
    let bias: AccumulatorUnit.Bias
    if let index = inputs.count > 2 ? inputs[2] : nil {
      let tensor = tensors[index]
      bias = tensor.reals.map { .reals($0) } ?? .codes(tensor.integers ?? [])
    } else {
      bias = .codes(Array(repeating: 0, count: channels))
    }
    do throws(AccumulatorUnit.Fault) {
      let unit = try AccumulatorUnit(inputScale: inputScale, weightScales: affine.scales, bias: bias)
      let made = addTensor(
        Tensor(
          name: name, shape: pending.shape, type: .int32,
          quantization: Quantization(scales: [Float(unit.real)], zeroPoints: [0])))
      operations.append(Operation(affine.kind, typeName: pending.typeName, inputs: inputs, outputs: [made]))
      return ONNXCodes(tensor: made, view: pending.view, isReal: true)
    } catch {
      throw NodeFault("\(what), so that its accumulators are the codes; but \(error.reason)", remedy: error.remedy)
    }
  }
}
