import CTFLite
import Importers
import Network

extension TFLite {
  /// The bytes of a TensorFlow Lite file (schema version 3) that holds `network`: the same tensors and operations, in the
  /// same order, with the versions of operators that TensorFlow Lite's interpreter asks of int8. Equal networks give equal
  /// bytes.
  ///
  /// `classNames` become metadata of the first output with so many elements along its last axis, as
  /// `ModelClassNames` reads them: a list in an archive behind the model.
  ///
  /// Throws a `NetworkError` that names each layer which the format cannot hold. What is written has been read again, and
  /// lowers to the program that `network` lowers to.
  public static func bytes(of network: Network, classNames: [String]? = nil) throws -> [UInt8] {
    try network.validate()
    guard network.format == .tensorFlowLite else {
      throw NetworkError(
        "the network is a fixed-point one, whose layers' rounding .tflite cannot say: export it as .onnx")
    }
    guard network.states.isEmpty else {
      throw NetworkError("the network keeps variables from one run to the next, which are not written")
    }
    var writer = TFLiteWriter(network: network)
    let named = classNames.flatMap { names in
      network.outputs.firstIndex { network.tensors[$0].shape.last == names.count }.map { (output: $0, names: names) }
    }
    var bytes = try writer.bytes(namesOutput: named?.output)
    if let named {
      let text = named.names.map { $0.replacing("\n", with: " ") + "\n" }.joined()
      bytes += ZipArchive.bytes(holding: Array(text.utf8), called: TFLiteWriter.labels, behind: bytes.count)
    }
    try ReadBack.require(network, readsBackFrom: bytes) { try TFLite.network(from: $0, name: $1) }
    return bytes
  }
}

/// Why a tensor or layer has no form in the file.
private struct ExportFault: Error {
  var reason: String
  var remedy: String?
}

private struct TFLiteWriter {
  let network: Network
  private var issues: [LayerIssue] = []

  /// FlatBuffers end at 2^31 bytes; half of that is far above any network for a microcontroller.
  private static let mostBytes = 1 << 30

  /// The name of the file of class names.
  static let labels = "labels.txt"

  init(network: Network) { self.network = network }

  /// `namesOutput` is the output whose classes are named behind the bytes.
  mutating func bytes(namesOutput: Int?) throws -> [UInt8] {
    let size = network.tensors.reduce(0) {
      $0 + ($1.constant?.count ?? 0) + $1.name.utf8.count + 16 * $1.shape.count + 256
    }
    guard size < Self.mostBytes else {
      throw NetworkError("its constants have \(size) bytes; .tflite files end at 2^31")
    }
    guard let writer = ctflite_new_writer() else { throw NetworkError("there is not enough memory to write the file") }
    defer { ctflite_free_writer(writer) }

    let scales = biasScales()
    for (index, tensor) in network.tensors.enumerated() {
      do throws(ExportFault) {
        try add(tensor, biasScales: scales[index], to: writer)
      } catch {
        issues.append(
          LayerIssue(
            reason: "tensor \(index) \"\(tensor.name.printable())\" \(error.reason)", remedy: error.remedy))
      }
    }
    for (index, operation) in network.operations.enumerated() {
      do throws(ExportFault) {
        try add(operation, to: writer)
      } catch {
        issues.append(
          LayerIssue(
            index: index, type: operation.typeName, name: network.name(ofOperation: index), reason: error.reason,
            remedy: error.remedy))
      }
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    if let namesOutput {
      let isNamed = withView(Self.labels) {
        ctflite_name_classes(writer, network.inputs.count, network.outputs.count, namesOutput, $0)
      }
      guard isNamed else { throw NetworkError("there is not enough memory to write the file") }
    }
    return try withViews(network.inputs.map(Int32.init), network.outputs.map(Int32.init)) { inputs, outputs in
      try withView("Lockstep") { description in
        let bytes = ctflite_finish(writer, inputs, outputs, description)
        guard bytes.count > 0 else { throw NetworkError("there is not enough memory to write the file") }
        return Array(UnsafeBufferPointer(start: bytes.bytes, count: bytes.count))
      }
    }
  }

  // MARK: Tensors

  /// For each tensor that is an int32 bias without quantisation, the scales it has by theory: input times weight.
  private func biasScales() -> [[Float]?] {
    var scales = [[Float]?](repeating: nil, count: network.tensors.count)
    for operation in network.operations where operation.inputs.count == 3 {
      switch operation.kind {
      case .conv2D, .depthwiseConv2D, .fullyConnected:
        guard let input = operation.inputs[0].flatMap({ network.tensors[$0].quantization?.scales.first }),
          let weights = operation.inputs[1].flatMap({ network.tensors[$0].quantization }),
          let bias = operation.inputs[2],
          network.tensors[bias].type == .int32, network.tensors[bias].quantization == nil
        else { continue }
        scales[bias] = weights.scales.map { input * $0 }
      default: continue
      }
    }
    return scales
  }

  private func add(_ tensor: Tensor, biasScales: [Float]?, to writer: OpaquePointer) throws(ExportFault) {
    var raw = ctflite_tensor()
    switch tensor.type {
    case .float32: raw.type = 0
    case .int32: raw.type = 2
    case .uint8: raw.type = 3
    case .int64: raw.type = 4
    case .boolean: raw.type = 6
    case .int16: raw.type = 7
    case .int8: raw.type = 9
    case .int4: raw.type = 17
    default: throw ExportFault(reason: "is \(tensor.type), which .tflite files of int8 networks do not hold")
    }
    let quantization = tensor.quantization ?? biasScales.map { Quantization(scales: $0, zeroPoints: []) }
    let scales = quantization?.scales ?? []
    // TensorFlow Lite wants as many zero points as scales.
    var points = quantization?.zeroPoints ?? []
    if points.count <= 1 { points = Array(repeating: points.first ?? 0, count: scales.count) }
    raw.quantized_dimension = Int32(clamping: quantization?.axis ?? 0)
    var data = tensor.constant ?? []
    if tensor.type == .int4 { data = tensor.type.packed(data) }
    let isAdded = withView(tensor.name) { name in
      withViews(tensor.shape.map { Int32(clamping: $0) }, []) { shape, _ in
        scales.withUnsafeBufferPointer { scales in
          points.withUnsafeBufferPointer { points in
            data.withUnsafeBufferPointer { data in
              raw.name = name
              raw.shape = shape
              raw.data = ctflite_bytes(bytes: data.baseAddress, count: data.count)
              raw.scales = ctflite_floats(elements: scales.baseAddress, count: scales.count)
              raw.zero_points = ctflite_longs(elements: points.baseAddress, count: points.count)
              return ctflite_add_tensor(writer, &raw)
            }
          }
        }
      }
    }
    guard isAdded else { throw ExportFault(reason: "does not fit into memory") }
  }

  // MARK: Operations

  private func add(_ operation: Operation, to writer: OpaquePointer) throws(ExportFault) {
    guard operation.quantizer == nil else {
      throw ExportFault(reason: "it has a quantiser of its own, which .tflite cannot say", remedy: "export it as .onnx")
    }
    var raw = ctflite_operator()
    raw.options.dilation_width = 1
    raw.options.dilation_height = 1
    var shape: [Int32]?
    var inputs = Array(operation.inputs.indices)
    var code: (number: Int32, version: Int32)
    func tensor(_ position: Int) -> Tensor? {
      position < operation.inputs.count ? operation.inputs[position].map { network.tensors[$0] } : nil
    }
    switch operation.kind {
    case .conv2D(let window, let activation):
      code = (3, 3)
      try set(window, of: operation, kernel: tensor(1).map { Array($0.shape.dropFirst().prefix(2)) }, &raw.options)
      raw.options.activation = number(activation)
    case .depthwiseConv2D(let window, let multiplier, let activation):
      code = (4, 3)
      try set(window, of: operation, kernel: tensor(1).map { Array($0.shape.dropFirst().prefix(2)) }, &raw.options)
      raw.options.depth_multiplier = Int32(clamping: multiplier)
      raw.options.activation = number(activation)
    case .transposeConv(let window, let activation):
      guard window.dilationHeight == 1, window.dilationWidth == 1, operation.inputs.count == 4 else {
        throw ExportFault(reason: "it is dilated, or does not say its output's shape, as .tflite wants it")
      }
      code = (67, tensor(2) == nil ? 2 : 3)
      try set(window, of: operation, kernel: nil, &raw.options)
      raw.options.activation = number(activation)
      // The file has the shape and the weights in front.
      inputs = [3, 1, 0] + (tensor(2) == nil ? [] : [2])
    case .fullyConnected(let keepsDimensions, let activation):
      // 4 is int8's; later ones keep dimensions, go without a bias, and have a scale a channel.
      let isPerChannel = (tensor(1)?.quantization?.scales.count ?? 1) > 1
      code = (9, isPerChannel ? 12 : tensor(2) == nil ? 6 : keepsDimensions ? 5 : 4)
      raw.options.keep_dimensions = keepsDimensions
      raw.options.activation = number(activation)
    case .add(let activation):
      code = (0, 2)
      raw.options.activation = number(activation)
    case .subtract(let activation):
      code = (41, 2)
      raw.options.activation = number(activation)
    case .multiply(let activation):
      code = (18, 2)
      raw.options.activation = number(activation)
    case .averagePool2D(let window, let height, let width, let activation),
      .maxPool2D(let window, let height, let width, let activation):
      if case .averagePool2D = operation.kind { code = (1, 2) } else { code = (17, 2) }
      guard window.dilationHeight == 1, window.dilationWidth == 1 else {
        throw ExportFault(reason: "its window is dilated, which .tflite cannot say of pools")
      }
      try set(window, of: operation, kernel: [height, width], &raw.options)
      raw.options.filter_height = Int32(clamping: height)
      raw.options.filter_width = Int32(clamping: width)
      raw.options.activation = number(activation)
    case .batchMatMul(let transposesLeft, let transposesRight):
      code = (126, 2)
      raw.options.adjoint_left = transposesLeft
      raw.options.adjoint_right = transposesRight
    case .mean(let keepsDimensions):
      code = (40, 2)
      raw.options.keep_dimensions = keepsDimensions
    case .softmax(let beta):
      code = (25, 2)
      raw.options.beta = beta
    case .reshape(let requested):
      code = (22, 1)
      // The interpreter wants the shape, in a second input or in the options.
      let made = operation.inputs.count < 2 ? operation.outputs.first.map { network.tensors[$0].shape } : nil
      shape = (requested ?? made).map { $0.map { Int32(clamping: $0) } }
    case .squeeze(let axes):
      code = (43, 1)
      shape = axes.map { Int32(clamping: $0) }
    case .expandDimensions: code = (70, 1)
    case .pad: code = operation.inputs.count > 2 ? (60, 2) : (34, 2)
    case .transpose: code = (39, 2)
    case .concatenation(let axis, let activation):
      code = (2, 2)
      raw.options.axis = Int32(clamping: axis)
      raw.options.activation = number(activation)
    case .stridedSlice(let masks):
      code = (45, 2)
      raw.options.begin_mask = Int32(clamping: masks.begin)
      raw.options.end_mask = Int32(clamping: masks.end)
      raw.options.ellipsis_mask = Int32(clamping: masks.ellipsis)
      raw.options.new_axis_mask = Int32(clamping: masks.newAxis)
      raw.options.shrink_axis_mask = Int32(clamping: masks.shrinkAxis)
      raw.options.offset = masks.isOffset
    case .unary(let function):
      switch function {
      case .logistic: code = (14, 2)
      case .tanh: code = (28, 2)
      case .hardSwish: code = (117, 1)
      case .relu: code = (19, 2)
      case .relu6: code = (21, 2)
      case .leakyRelu(let alpha):
        code = (98, 2)
        raw.options.alpha = alpha
      case .reluN1To1: code = (20, 1)
      case .real(let function):
        guard let known = function.builtin(&raw.options) else {
          throw ExportFault(reason: "it is a function that is no operator of TensorFlow Lite")
        }
        code = known
      case .composed: throw ExportFault(reason: "it is a function that is no operator of TensorFlow Lite")
      }
    case .quantize: code = (114, 1)
    case .dequantize: code = (6, 2)
    case .unsupported(let reason): throw ExportFault(reason: reason)
    default:
      guard let movement = operation.kind.movement(&raw.options, outputs: operation.outputs.count) else {
        throw ExportFault(reason: "it is an operator that is not written")
      }
      code = movement
    }
    (raw.builtin_code, raw.version) = code
    let isAdded = withViews(inputs.map { Int32(operation.inputs[$0] ?? -1) }, operation.outputs.map(Int32.init)) {
      inputs, outputs in
      withViews(shape ?? [], []) { shapeView, _ in
        raw.inputs = inputs
        raw.outputs = outputs
        if shape != nil {
          // An empty list still has to have a place.
          var view = shapeView
          if view.elements == nil { view.elements = inputs.elements }
          if case .squeeze = operation.kind {
            raw.options.squeeze_dimensions = view
          } else {
            raw.options.new_shape = view
          }
        }
        return ctflite_add_operator(writer, &raw)
      }
    }
    guard isAdded else { throw ExportFault(reason: "it does not fit into memory") }
  }

  private func number(_ activation: Activation) -> Int32 {
    switch activation {
    case .none: 0
    case .relu: 1
    case .reluN1To1: 2
    case .relu6: 3
    }
  }

  /// Strides, dilations and the padding scheme. Explicit padding is SAME or VALID where it comes to the same.
  private func set(
    _ window: Window, of operation: Operation, kernel: [Int]?, _ options: inout ctflite_options
  ) throws(ExportFault) {
    options.stride_height = Int32(clamping: window.strideHeight)
    options.stride_width = Int32(clamping: window.strideWidth)
    options.dilation_height = Int32(clamping: window.dilationHeight)
    options.dilation_width = Int32(clamping: window.dilationWidth)
    switch window.padding {
    case .same: options.padding = 0
    case .valid: options.padding = 1
    case .explicit(let top, let left, let bottom, let right):
      if [top, left, bottom, right].allSatisfy({ $0 == 0 }) {
        options.padding = 1
        return
      }
      guard let shape = operation.inputs.first.flatMap({ $0 }).map({ network.tensors[$0].shape }), shape.count == 4,
        let kernel, kernel.count == 2,
        same(shape[1], kernel[0], window.strideHeight, window.dilationHeight) ?? (-1, -1) == (top, bottom),
        same(shape[2], kernel[1], window.strideWidth, window.dilationWidth) ?? (-1, -1) == (left, right)
      else {
        throw ExportFault(
          reason:
            "it pads \(top) rows above, \(bottom) below, \(left) columns left and \(right) right; .tflite knows the "
            + "schemes SAME and VALID", remedy: "put a PAD in front of it")
      }
      options.padding = 0
    }
  }

  /// What the scheme SAME pads before and after (TensorFlow Lite: `ComputePaddingHeightWidth`).
  private func same(_ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> (Int, Int)? {
    let sizes = [input, kernel, stride, dilation]
    guard sizes.allSatisfy({ (1...1 << 20).contains($0) }) else { return nil }
    let total = max(((input + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - input, 0)
    return (total / 2, total - total / 2)
  }
}

// MARK: Swift's arrays and strings as C's

private func withViews<R, E: Error>(
  _ a: [Int32], _ b: [Int32], _ body: (ctflite_ints, ctflite_ints) throws(E) -> R
) throws(E) -> R {
  try a.withUnsafeBufferPointer { a throws(E) in
    try b.withUnsafeBufferPointer { b throws(E) in
      try body(
        ctflite_ints(elements: a.baseAddress, count: a.count), ctflite_ints(elements: b.baseAddress, count: b.count))
    }
  }
}

private func withView<R, E: Error>(_ text: String, _ body: (ctflite_string) throws(E) -> R) throws(E) -> R {
  let bytes = text.utf8.map { CChar(bitPattern: $0) }
  return try bytes.withUnsafeBufferPointer { bytes throws(E) in
    try body(ctflite_string(bytes: bytes.baseAddress, count: bytes.count))
  }
}
