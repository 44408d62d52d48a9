import Importers
import Network

extension ONNX {
  /// The bytes of a QONNX file that holds the fixed-point `network`: float operators of ONNX (opset 13) with `Quant` nodes
  /// (domain qonnx.custom_op.general) behind the inputs, the weights, the integer biases and every layer. Real biases stand
  /// as they are. Inputs and outputs keep their shapes, images as batch, height, width, channels; ONNX's operators count
  /// the channels first, so that Transpose nodes stand where images come in and go out. Equal networks give equal bytes.
  ///
  /// `classNames` become metadata, as `ModelClassNames` reads them: a list of JSON under the key `names`.
  ///
  /// Throws a `NetworkError` that names each layer which has no such form. What is written has been read again, and lowers
  /// to the program that `network` lowers to.
  public static func bytes(of network: Network, classNames: [String]? = nil) throws -> [UInt8] {
    // Messages one behind the other are one.
    let bytes = try uncheckedBytes(of: network) + (classNames.map(metadata) ?? [])
    try ReadBack.require(network, readsBackFrom: bytes) { try ONNX.network(from: $0, name: $1) }
    return bytes
  }

  /// ModelProto.metadata_props (field 14): a key and its value, fields 1 and 2 of an entry.
  private static func metadata(_ names: [String]) -> [UInt8] {
    func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
      var (length, bytes) = (content.count, [number << 3 | 2])
      repeat {
        bytes.append(UInt8(length & 0x7F) | (length > 0x7F ? 0x80 : 0))
        length >>= 7
      } while length > 0
      return bytes + content
    }
    func quoted(_ name: String) -> String {
      let escaped = name.unicodeScalars.map { scalar in
        switch scalar {
        case "\"", "\\": "\\" + String(scalar)
        case "\n": "\\n"
        case "\t": "\\t"
        default: String(scalar)
        }
      }
      return "\"" + escaped.joined() + "\""
    }
    let list = "[" + names.map(quoted).joined(separator: ", ") + "]"
    return field(14, field(1, Array("names".utf8)) + field(2, Array(list.utf8)))
  }

  /// The same function as `network`, as a QONNX file says it: readers take what only moves codes (reshapes, transpositions)
  /// into the layers behind it where they can, so that other steps may stand for the same codes.
  public static func normalForm(of network: Network) throws -> Network {
    try ONNX.network(from: uncheckedBytes(of: network), name: network.name)
  }

  private static func uncheckedBytes(of network: Network) throws -> [UInt8] {
    try network.validate()
    guard network.format == .onnx else {
      throw NetworkError("the network follows TensorFlow Lite's rounding, which QONNX cannot say: export it as .tflite")
    }
    guard network.states.isEmpty else {
      throw NetworkError("the network keeps variables from one run to the next, which ONNX has no form for")
    }
    var writer = ONNXWriter(network: network)
    return try writer.model().serializedBytes()
  }
}

/// Why a tensor or layer has no form in the file.
struct ONNXExportFault: Error {
  var reason: String
  var remedy: String?

  init(_ reason: String, remedy: String? = nil) {
    self.reason = reason
    self.remedy = remedy
  }
}

/// The state of writing one graph.
struct ONNXWriter {
  let network: Network
  private(set) var graph = Lockstep_Onnx_GraphProto()
  private var issues: [LayerIssue] = []
  private var names: Set<String> = []
  /// The graph's values that hold a tensor: in the network's own order of axes, and as images with channels first.
  private var rowMajor: [Int: String] = [:]
  private var channelsFirst: [Int: String] = [:]

  init(network: Network) { self.network = network }

  mutating func model() throws -> Lockstep_Onnx_ModelProto {
    graph.name = network.name.isEmpty ? "network" : network.name
    // Names of inputs and outputs first: those should be the network's own.
    let inputNames = network.inputs.map { unique(network.tensors[$0].name, "input") }
    for (tensor, name) in zip(network.inputs, inputNames) {
      do throws(ONNXExportFault) {
        try addInput(tensor, name)
      } catch {
        issues.append(
          LayerIssue(
            reason: "the network's input \"\(network.tensors[tensor].name.printable())\" \(error.reason)",
            remedy: error.remedy))
      }
    }
    for (index, operation) in network.operations.enumerated() {
      do throws(ONNXExportFault) {
        // What a layer at fault would have made is at fault no more.
        for case let input? in operation.inputs where network.tensors[input].constant == nil {
          if rowMajor[input] == nil && channelsFirst[input] == nil && !issues.isEmpty { throw ONNXExportFault("") }
        }
        try add(operation)
      } catch {
        if error.reason.isEmpty { continue }
        issues.append(
          LayerIssue(
            index: index, type: operation.typeName, name: network.name(ofOperation: index), reason: error.reason,
            remedy: error.remedy))
      }
    }
    guard issues.isEmpty else { throw NetworkError(issues) }
    for output in network.outputs {
      guard let name = try? value(output, channelsFirst: false) else {
        throw NetworkError("the network's output \"\(network.tensors[output].name.printable())\" is a constant")
      }
      graph.output.append(info(name, network.tensors[output].shape))
    }
    // Shapes of outputs stand with them.
    let outputs = Set(graph.output.map(\.name))
    graph.valueInfo.removeAll { outputs.contains($0.name) }
    var model = Lockstep_Onnx_ModelProto()
    model.irVersion = 8
    model.producerName = "lockstep"
    model.graph = graph
    model.opsetImport = [("", 13), (Self.domain, 1)].map { domain, version in
      var opset = Lockstep_Onnx_OperatorSetIdProto()
      (opset.domain, opset.version) = (domain, Int64(version))
      return opset
    }
    return model
  }

  static let domain = "qonnx.custom_op.general"

  // MARK: The graph

  /// A name that no other value has.
  mutating func unique(_ wanted: String, _ otherwise: String = "value") -> String {
    let base = wanted.isEmpty ? otherwise : wanted
    var name = base
    var number = 1
    while !names.insert(name).inserted {
      number += 1
      name = "\(base)_\(number)"
    }
    return name
  }

  private func info(_ name: String, _ shape: [Int]) -> Lockstep_Onnx_ValueInfoProto {
    var type = Lockstep_Onnx_TypeProto.Tensor()
    type.elemType = 1
    type.shape.dim = shape.map { size in
      var dimension = Lockstep_Onnx_TensorShapeProto.Dimension()
      dimension.dimValue = Int64(size)
      return dimension
    }
    // A tensor without axes has a shape too.
    if shape.isEmpty { type.shape = Lockstep_Onnx_TensorShapeProto() }
    var info = Lockstep_Onnx_ValueInfoProto()
    info.name = name
    info.type.tensorType = type
    return info
  }

  /// Adds a float constant.
  mutating func constant(_ name: String, _ numbers: [Float], _ shape: [Int] = []) -> String {
    var tensor = Lockstep_Onnx_TensorProto()
    tensor.name = unique(name)
    tensor.dims = shape.map(Int64.init)
    tensor.dataType = 1
    tensor.rawData.reserveCapacity(4 * numbers.count)
    for number in numbers {
      withUnsafeBytes(of: number.bitPattern.littleEndian) { tensor.rawData.append(contentsOf: $0) }
    }
    graph.initializer.append(tensor)
    return tensor.name
  }

  /// Adds a constant list of integers.
  mutating func constant(_ name: String, _ integers: [Int]) -> String {
    var tensor = Lockstep_Onnx_TensorProto()
    tensor.name = unique(name)
    tensor.dims = [Int64(integers.count)]
    tensor.dataType = 7
    for integer in integers {
      withUnsafeBytes(of: Int64(integer).littleEndian) { tensor.rawData.append(contentsOf: $0) }
    }
    graph.initializer.append(tensor)
    return tensor.name
  }

  enum Attribute {
    case int(Int), float(Float), ints([Int]), text(String)
  }

  /// Adds a node, and the value of `shape` that it makes, called `name` or the next that is free.
  mutating func node(
    _ type: String, _ inputs: [String], _ attributes: KeyValuePairs<String, Attribute> = [:], makes name: String,
    _ shape: [Int], domain: String = ""
  ) -> String {
    var node = Lockstep_Onnx_NodeProto()
    node.name = "\(type)_\(graph.node.count)"
    node.opType = type
    node.domain = domain
    node.input = inputs
    node.output = [unique(name)]
    node.attribute = attributes.map { key, value in
      var attribute = Lockstep_Onnx_AttributeProto()
      attribute.name = key
      // The numbers of ONNX's AttributeType.
      switch value {
      case .int(let number): (attribute.i, attribute.type) = (Int64(number), 2)
      case .float(let number): (attribute.f, attribute.type) = (number, 1)
      case .ints(let numbers): (attribute.ints, attribute.type) = (numbers.map(Int64.init), 7)
      case .text(let text):
        attribute.s.append(contentsOf: text.utf8)
        attribute.type = 3
      }
      return attribute
    }
    graph.node.append(node)
    graph.valueInfo.append(info(node.output[0], shape))
    return node.output[0]
  }

  /// A `Quant` node with one scale, or one for each index along the first axis of `x`.
  mutating func quant(
    _ x: String, scales: [Float], zeroPoints: [Int64], type: ElementType, isNarrow: Bool = false,
    rounding: Quantizer.Rounding = .halfEven, makes name: String, _ shape: [Int], axis: Int = 0
  ) throws(ONNXExportFault) -> String {
    guard case .integer(let bits, let isSigned) = type, bits > 1 || !isSigned else {
      throw ONNXExportFault("is \(type): QONNX takes one signed bit for −1 and 1", remedy: "use 2 bits")
    }
    for scale in scales where !(scale.isFinite && scale > 0) {
      throw ONNXExportFault("has the scale \(scale), which must be positive")
    }
    guard scales.count == 1 || Set(scales).count > 1 else {
      throw ONNXExportFault("has \(scales.count) equal scales, which QONNX's readers take for one", remedy: "give one")
    }
    // As NumPy broadcasts: an axis of ones for each other one.
    let each = shape.indices.map { $0 == axis ? shape[$0] : 1 }
    let points = zeroPoints.isEmpty ? [0] : zeroPoints
    return node(
      "Quant",
      [
        x, constant("\(name)/scale", scales, scales.count == 1 ? [] : each),
        constant("\(name)/zero point", points.map { Float($0) }, points.count == 1 ? [] : each),
        constant("\(name)/bits", [Float(bits)]),
      ],
      [
        "signed": .int(isSigned ? 1 : 0), "narrow": .int(isNarrow ? 1 : 0), "rounding_mode": .text(rounding.rawValue),
      ], makes: name, shape, domain: Self.domain)
  }

  // MARK: Tensors

  private mutating func addInput(_ index: Int, _ name: String) throws(ONNXExportFault) {
    let tensor = network.tensors[index]
    let quantization = try quantization(of: tensor)
    graph.input.append(info(name, tensor.shape))
    rowMajor[index] = try quant(
      name, scales: quantization.scales, zeroPoints: quantization.zeroPoints, type: tensor.type,
      makes: "\(name)/codes", tensor.shape)
  }

  /// The one scale and zero point of an activation.
  func quantization(of tensor: Tensor) throws(ONNXExportFault) -> Quantization {
    guard let quantization = tensor.quantization, quantization.scales.count == 1, quantization.zeroPoints.count <= 1,
      let codes = tensor.type.codes, codes.upperBound < 1 << 16
    else {
      throw ONNXExportFault("is \(tensor.type), or has not one scale and zero point; codes of 1 to 16 bits do")
    }
    return Quantization(scales: quantization.scales, zeroPoints: [quantization.zeroPoints.first ?? 0])
  }

  /// The graph's value that holds a tensor.
  mutating func value(_ tensor: Int, channelsFirst isWanted: Bool) throws(ONNXExportFault) -> String {
    if let name = isWanted ? channelsFirst[tensor] : rowMajor[tensor] { return name }
    let shape = network.tensors[tensor].shape
    guard let other = isWanted ? rowMajor[tensor] : channelsFirst[tensor] else {
      throw ONNXExportFault("it reads the constant \"\(network.tensors[tensor].name.printable())\" as an activation")
    }
    guard shape.count == 4 else { throw ONNXExportFault("it reads an image of shape \(shape), not 4-D") }
    let name = node(
      "Transpose", [other], ["perm": .ints(isWanted ? [0, 3, 1, 2] : [0, 2, 3, 1])],
      makes: isWanted ? "\(other)/channels first" : "\(other)/channels last",
      isWanted ? Self.channelsFirst(shape) : shape)
    if isWanted { channelsFirst[tensor] = name } else { rowMajor[tensor] = name }
    return name
  }

  static func channelsFirst(_ shape: [Int]) -> [Int] { [shape[0], shape[3], shape[1], shape[2]] }

  func liesChannelsFirst(_ tensor: Int) -> Bool { channelsFirst[tensor] != nil }

  mutating func set(_ tensor: Int, _ name: String, channelsFirst isFirst: Bool) {
    if isFirst { channelsFirst[tensor] = name } else { rowMajor[tensor] = name }
  }
}
