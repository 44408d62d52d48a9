import Network

extension AffineQuantizer {
  /// TRANSPOSE_CONV, whose padding is SAME or VALID: where the float network's is another, the whole is made and a part cut
  /// out of it.
  mutating func add(
    _ transposed: FloatTransposed, _ layer: FloatLayer, _ operation: Operation, _ x: Int
  ) throws(LayerFault) {
    guard transposed.dilationHeight == 1, transposed.dilationWidth == 1 else {
      throw LayerFault("its window is dilated, which TRANSPOSE_CONV cannot say", remedy: "train it without dilation")
    }
    let (codes, bias, perChannel) = try parameters(transposed.weights, transposed.bias, layer)
    let name = network.network.tensors[layer.output].name
    let (output, depth) = (transposed.output, transposed.input[3])
    let weights = builder.constant(
      "\(name)/weights", codes, [output[3], transposed.rows, transposed.columns, depth], .int8, perChannel(0))
    let made = try addActivation(layer.output)
    let quantization = try quantization(of: layer.output)
    func intermediate(_ role: String, _ shape: [Int]) -> Int {
      builder.add(Tensor(name: "\(name)/\(role)", shape: shape, type: .int8, quantization: quantization))
    }
    let unfused = layer.activation == .none ? made : intermediate("unfused", output)
    var window = transposed.fileWindow
    var isWhole = true
    switch window.padding {
    case .same, .valid: break
    case .explicit:
      window.padding = .valid
      isWhole = transposed.top == 0 && transposed.left == 0
    }
    let whole = isWhole
      ? unfused
      : intermediate(
        "whole", [output[0], output[1] + transposed.top, output[2] + transposed.left, output[3]])
    let shape = builder.tensors[whole].shape
    let asked = builder.constant("\(name)/shape", shape.map(Int64.init), [4], .int32)
    builder.emit(.transposeConv(window, .none), "TRANSPOSE_CONV", [x, weights, bias, asked], whole)
    if !isWhole {
      let begins = builder.constant("\(name)/begins", [0, Int64(transposed.top), Int64(transposed.left), 0], [4], .int32)
      let sizes = builder.constant("\(name)/sizes", output.map(Int64.init), [4], .int32)
      builder.emit(.slice, "SLICE", [whole, begins, sizes], unfused)
    }
    let functions: [Activation: UnaryFunction] = [.relu: .relu, .relu6: .relu6, .reluN1To1: .reluN1To1]
    if let function = functions[layer.activation] {
      builder.emit(.unary(function), "RELU", [unfused], made)
    }
  }
}
