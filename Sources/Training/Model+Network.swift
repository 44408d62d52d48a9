import CTrainingKernels
import Network

extension Model {
  /// The quantised model as a network, whose integer program computes what forward passes do: fixed-point as QONNX has
  /// it, with a 16-bit output; or TensorFlow Lite's int8.
  ///
  /// Inputs are pictures [1, height, width, channels] of pixels 0 … 255 (fixed-point), or of pixels − 128 (int8).
  public func network(name: String) throws -> Network {
    guard isQuantized else { throw TrainingError("the model is not quantised yet") }
    var builder = NetworkBuilder(model: self)
    let network = builder.network(name: name)
    try network.validate()
    return network
  }
}

extension Model {
  /// The codes of logits, which reach the largest logit that was seen; in fixed-point, which has 16 bits, a quarter more,
  /// of the accumulator's unit, doubled as often as it takes. A unit that fits whatever the weights allow would let classes
  /// tie that differ by many of the accumulator's units.
  var outputLattice: lockstep_lattice {
    guard arithmetic == .fixedPoint else { return lockstep_lattice(scale: max(largestLogit, 1e-6) / 127, low: -128, high: 127) }
    let inputScale = plans.count == 1 ? self.inputScale : activationLattices[plans.count - 2].scale
    var scale = weightLattices[plans.count - 1][0].scale * inputScale
    while Self.room * largestLogit > 32_767 * scale { scale *= 2 }
    return lockstep_lattice(scale: scale, low: -32_768, high: 32_767)
  }

  /// How far logits may grow before their codes are fitted to them anew.
  static let room: Float = 1.25
}

/// Tensors and operations as they come about.
private struct NetworkBuilder {
  let model: Model
  private var tensors: [Tensor] = []
  private var operations: [Operation] = []

  init(model: Model) { self.model = model }

  private var isFixedPoint: Bool { model.arithmetic == .fixedPoint }

  mutating func network(name: String) -> Network {
    let architecture = model.architecture
    let input = activation(
      "input", [1, architecture.height, architecture.width, architecture.channels], scale: model.inputScale, bits: 8)
    var current = input
    var outputs: [Int] = []
    for (index, plan) in model.plans.enumerated() {
      let isLast = index == model.plans.count - 1
      let label = "layer\(index + 1)"
      let lattice = model.activationLattices[index]
      // What becomes of real results: codes of the output's lattice; of logits, theirs.
      let outputScale = isLast ? model.outputLattice.scale : lattice.scale
      let bits = isLast ? (isFixedPoint ? 16 : 8) : Int((lattice.high + 1).exponent)
      let output: Int
      switch plan.kind {
      case .affine(let window):
        if window == nil && tensors[current].shape.count != 2 { current = reshaped(current, label, plan.inputCount) }
        let constants = [
          weights(label, index, plan, window), bias(label, index, plan),
        ]
        output = value(label, [1] + plan.shape, outputScale, bits, isLast)
        add(kind(window, isLast), [current] + constants, output, isLast, bits)
      case .averagePool(let window):
        output = value(label, [1] + plan.shape, outputScale, bits, isLast)
        let sliding = Window(
          padding: .valid, strideHeight: Int(window.stride_height), strideWidth: Int(window.stride_width))
        add(
          (.averagePool2D(sliding, height: Int(window.kernel_height), width: Int(window.kernel_width), .none), "AVERAGE_POOL_2D"),
          [current], output, isLast, bits)
      case .add(let earlier):
        output = value(label, [1] + plan.shape, outputScale, bits, isLast)
        add((.add(.none), "ADD"), [current, outputs[earlier]], output, isLast, bits)
      }
      outputs.append(output)
      current = output
    }
    return Network(
      name: name, tensors: tensors, operations: operations, inputs: [input], outputs: [current],
      format: isFixedPoint ? .onnx : .tensorFlowLite)
  }

  private func kind(_ window: lockstep_window?, _ isLast: Bool) -> (Operation.Kind, String) {
    // Fixed-point codes are unsigned: their lower end is the ReLU.
    let activation: Activation = isFixedPoint || isLast ? .none : .relu
    guard let window else { return (.fullyConnected(keepsDimensions: false, activation), "FULLY_CONNECTED") }
    let bottom = Int((window.output_height - 1) * window.stride_height + window.kernel_height - window.height - window.top)
    let right = Int((window.output_width - 1) * window.stride_width + window.kernel_width - window.width - window.left)
    let isPadded = window.top > 0 || window.left > 0 || bottom > 0 || right > 0
    let padding: Padding =
      !isPadded
      ? .valid
      : isFixedPoint
        ? .explicit(top: Int(window.top), left: Int(window.left), bottom: max(0, bottom), right: max(0, right)) : .same
    return (
      .conv2D(
        Window(padding: padding, strideHeight: Int(window.stride_height), strideWidth: Int(window.stride_width)),
        activation), "CONV_2D"
    )
  }

  private mutating func add(
    _ kind: (Operation.Kind, String), _ inputs: [Int], _ output: Int, _ isLast: Bool, _ bits: Int
  ) {
    let codes: ClosedRange<Int64> =
      isLast ? (-1 << Int64(bits - 1))...((1 << Int64(bits - 1)) - 1) : 0...((1 << Int64(bits)) - 1)
    operations.append(
      Operation(
        kind.0, typeName: kind.1, inputs: inputs, outputs: [output],
        // Behind a ReLU both round ⌊x + ½⌋; below 0 QONNX's HALF_UP rounds the other way.
        quantizer: isFixedPoint ? Quantizer(rounding: isLast ? .halfEven : .halfUp, codes: codes) : nil))
  }

  private mutating func reshaped(_ value: Int, _ label: String, _ count: Int) -> Int {
    var tensor = tensors[value]
    tensor.name = label + "_flat"
    tensor.shape = [1, count]
    tensors.append(tensor)
    operations.append(
      Operation(.reshape(shape: [1, count]), typeName: "RESHAPE", inputs: [value], outputs: [tensors.count - 1]))
    return tensors.count - 1
  }

  private mutating func value(_ label: String, _ shape: [Int], _ scale: Float, _ bits: Int, _ isLast: Bool) -> Int {
    isLast
      ? append(
        Tensor(
          name: label, shape: shape, type: .integer(bits: bits, signed: true),
          quantization: Quantization(scales: [scale], zeroPoints: [0]))) : activation(label, shape, scale: scale, bits: bits)
  }

  /// Codes for 0 … high · scale: unsigned; TensorFlow Lite's int8 puts 0 at −128.
  private mutating func activation(_ label: String, _ shape: [Int], scale: Float, bits: Int) -> Int {
    append(
      Tensor(
        name: label, shape: shape, type: isFixedPoint ? .integer(bits: bits, signed: false) : .int8,
        quantization: Quantization(scales: [scale], zeroPoints: [isFixedPoint ? 0 : -128])))
  }

  private mutating func append(_ tensor: Tensor) -> Int {
    tensors.append(tensor)
    return tensors.count - 1
  }

  /// [columns, kernel height, kernel width, channels] or [columns, inputs] of what training has as [inner × columns].
  private mutating func weights(_ label: String, _ index: Int, _ plan: LayerPlan, _ window: lockstep_window?) -> Int {
    let lattices = model.weightLattices[index]
    var codes: [UInt8] = []
    codes.reserveCapacity(plan.weightCount)
    for column in 0..<plan.columns {
      for row in 0..<plan.inner {
        let real = model.quantized.start[plan.weightOffset + row * plan.columns + column]
        codes.append(UInt8(bitPattern: Int8((real / lattices[column].scale).rounded())))
      }
    }
    let shape =
      window.map { [plan.columns, Int($0.kernel_height), Int($0.kernel_width), Int($0.channels)] }
      ?? [plan.columns, plan.inner]
    let isPerChannel = !isFixedPoint && window != nil
    let bits = isFixedPoint ? Int((lattices[0].high + 1).exponent) + 1 : 8
    return append(
      Tensor(
        name: label + "_weights", shape: shape, type: .integer(bits: bits, signed: true),
        quantization: Quantization(
          scales: isPerChannel ? lattices.map(\.scale) : [lattices[0].scale],
          zeroPoints: isPerChannel ? lattices.map { _ in 0 } : [0]), constant: codes))
  }

  private mutating func bias(_ label: String, _ index: Int, _ plan: LayerPlan) -> Int {
    let lattices = model.biasLattices[index]
    var bytes: [UInt8] = []
    for column in 0..<plan.columns {
      let code = Int32((model.quantized.start[plan.biasOffset + column] / lattices[column].scale).rounded())
      for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: code >> Int32(8 * shift))) }
    }
    let isUniform = isFixedPoint || lattices.allSatisfy { $0.scale == lattices[0].scale }
    return append(
      Tensor(
        name: label + "_bias", shape: [plan.columns], type: .int32,
        quantization: Quantization(
          scales: isUniform ? [lattices[0].scale] : lattices.map(\.scale),
          zeroPoints: isUniform ? [0] : lattices.map { _ in 0 }), constant: bytes))
  }
}
