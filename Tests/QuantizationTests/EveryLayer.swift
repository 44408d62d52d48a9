import Network

/// A float network with a layer of every kind, hand-built: images of 9 × 8, two channels.
enum EveryLayer {
  /// Foundation has an `Operation` too.
  typealias Kind = Operation.Kind

  static func network() -> Network {
    var state: UInt64 = 11
    func random() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / 0x1p23 - 1
    }
    var tensors: [Tensor] = []
    var operations: [Operation] = []
    func add(_ name: String, _ shape: [Int]) -> Int {
      tensors.append(Tensor(name: name, shape: shape, type: .float32))
      return tensors.count - 1
    }
    func bytes(_ numbers: [UInt32]) -> [UInt8] {
      numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    }
    func weights(_ shape: [Int], _ factor: Float) -> Int {
      let numbers = (0..<shape.reduce(1, *)).map { _ in (random() * factor).bitPattern }
      tensors.append(Tensor(name: "weights", shape: shape, type: .float32, constant: bytes(numbers)))
      return tensors.count - 1
    }
    func integers(_ numbers: [Int32], _ shape: [Int]) -> Int {
      tensors.append(
        Tensor(name: "integers", shape: shape, type: .int32, constant: bytes(numbers.map { UInt32(bitPattern: $0) })))
      return tensors.count - 1
    }
    func emit(_ kind: Operation.Kind, _ type: String, _ inputs: [Int], _ output: Int) -> Int {
      operations.append(Operation(kind, typeName: type, inputs: inputs, outputs: [output]))
      return output
    }

    let image = add("image", [1, 9, 8, 2])
    let uneven = Window(
      padding: .explicit(top: 1, left: 0, bottom: 0, right: 2), strideHeight: 2, strideWidth: 1)
    let first = emit(
      .conv2D(uneven, .relu), "CONV_2D", [image, weights([6, 3, 3, 2], 0.4), weights([6], 0.2)],
      add("first", [1, 4, 8, 6]))
    let second = emit(
      .depthwiseConv2D(Window(padding: .same), depthMultiplier: 2, .none), "DEPTHWISE_CONV_2D",
      [first, weights([1, 3, 3, 12], 0.5), weights([12], 0.2)], add("second", [1, 4, 8, 12]))
    let leaky = emit(.unary(.leakyRelu(alpha: 0.1)), "LEAKY_RELU", [second], add("leaky", [1, 4, 8, 12]))
    let pointwise = emit(
      .conv2D(Window(padding: .valid), .relu6), "CONV_2D", [leaky, weights([6, 1, 1, 12], 0.4), weights([6], 0.2)],
      add("pointwise", [1, 4, 8, 6]))
    let joined = emit(
      .concatenation(axis: 3, .none), "CONCATENATION", [first, pointwise], add("joined", [1, 4, 8, 12]))
    let pooled = emit(
      .maxPool2D(Window(padding: .valid, strideHeight: 2, strideWidth: 2), height: 2, width: 2, .none), "MAX_POOL_2D",
      [joined], add("pooled", [1, 2, 4, 12]))
    let padded = emit(
      .pad, "PAD", [pooled, integers([0, 0, 0, 1, 1, 0, 0, 0], [4, 2])], add("padded", [1, 3, 5, 12]))
    let turned = emit(.transpose, "TRANSPOSE", [padded, integers([0, 2, 1, 3], [4])], add("turned", [1, 5, 3, 12]))
    let averaged = emit(
      .averagePool2D(Window(padding: .valid), height: 2, width: 2, .none), "AVERAGE_POOL_2D", [turned],
      add("averaged", [1, 4, 2, 12]))
    let grouped = emit(
      .conv2D(Window(padding: .valid), .none), "CONV_2D", [averaged, weights([12, 1, 1, 4], 0.5), weights([12], 0.2)],
      add("grouped", [1, 4, 2, 12]))
    let less = emit(.subtract(.none), "SUB", [averaged, grouped], add("less", [1, 4, 2, 12]))
    let times = emit(.multiply(.none), "MUL", [less, averaged], add("times", [1, 4, 2, 12]))
    let sum = emit(.add(.relu), "ADD", [times, less], add("sum", [1, 4, 2, 12]))
    let mean = emit(.mean(keepsDimensions: true), "MEAN", [sum, integers([1, 2], [2])], add("mean", [1, 1, 1, 12]))
    let scores = emit(
      .fullyConnected(keepsDimensions: false, .none), "FULLY_CONNECTED",
      [mean, weights([5, 12], 0.8), weights([5], 0.2)],
      add("scores", [1, 5]))
    let likely = emit(.softmax(beta: 1), "SOFTMAX", [scores], add("likely", [1, 5]))
    return Network(name: "every", tensors: tensors, operations: operations, inputs: [image], outputs: [likely])
  }
}
