import Network

extension Network {
  /// What a file is that has not been quantised, as a whole: one thing to say, not one a layer. Nil
  /// where some layer makes codes that lowering knows.
  var unquantized: LayerIssue? {
    guard format == .tensorFlowLite else { return nil }
    // Whatever is computed, or comes from outside.
    let made = (inputs + operations.flatMap(\.outputs)).map { tensors[$0] }
    let types = Set(made.filter { $0.constant == nil }.map(\.type))
    guard types.contains(.float32), types.isDisjoint(with: [.int8, .uint8, .int16]) else { return nil }
    let constants = operations.flatMap { $0.inputs.compactMap { $0 } }.map { tensors[$0] }.filter { $0.constant != nil }
    let kind: String
    if tensors.contains(where: { $0.type == .float16 }) {
      kind = "a float network with float16 weights"
    } else if constants.contains(where: { $0.type == .int8 && $0.quantization != nil }) {
      kind = "a float network with int8 weights (dynamic range quantisation)"
    } else {
      kind = "a float network"
    }
    let unknown = operations.filter { if case .unsupported = $0.kind { true } else { false } }.map(\.typeName)
    let reason = "this is \(kind): its layers are computed in floating point"
    guard unknown.isEmpty else {
      let names = Set(unknown).sorted().map { $0.printable(40) }.joined(separator: ", ")
      return LayerIssue(
        reason: reason + ", some by operators that have no integer form here: \(names)",
        remedy: "build it of others, or end it in front of them, and then quantise it (`lockstep quantize`)")
    }
    return LayerIssue(
      reason: reason,
      remedy: "`lockstep quantize` makes an int8 network of it, with some typical inputs; or convert with full integer "
        + "quantisation (optimizations, a representative data set, TFLITE_BUILTINS_INT8)")
  }
}
