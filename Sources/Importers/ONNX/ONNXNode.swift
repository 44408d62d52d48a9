import Network

/// Why one node cannot be translated.
struct NodeFault: Error {
  var reason: String
  var remedy: String?
  /// Whether it is the operator that is at fault, whatever it reads.
  var isOfOperator: Bool

  init(_ reason: String, remedy: String? = nil, isOfOperator: Bool = false) {
    self.reason = reason
    self.remedy = remedy
    self.isOfOperator = isOfOperator
  }
}

/// A node of the graph, with its attributes by name.
struct ONNXNode {
  let type: String
  let domain: String
  private(set) var inputs: [String]
  let outputs: [String]
  private let attributes: [String: Lockstep_Onnx_AttributeProto]

  init(_ node: Lockstep_Onnx_NodeProto) {
    type = node.opType
    domain = node.domain
    inputs = node.input
    outputs = node.output
    attributes = Dictionary(node.attribute.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Exporters leave optional inputs at the end away, or name them "".
  func hasInput(_ position: Int) -> Bool { position < inputs.count && !inputs[position].isEmpty }

  func swappingInputs() -> ONNXNode {
    var node = self
    node.inputs.swapAt(0, 1)
    return node
  }

  func has(_ name: String) -> Bool { attributes[name] != nil }
  func int(_ name: String, default value: Int) -> Int { attributes[name].map { Int($0.i) } ?? value }
  func ints(_ name: String) -> [Int]? { attributes[name].map { $0.ints.map { Int($0) } } }
  func float(_ name: String, default value: Float) -> Float { attributes[name]?.f ?? value }
  func string(_ name: String, default value: String) -> String {
    attributes[name].map { String(decoding: $0.s, as: UTF8.self) } ?? value
  }
  func tensor(_ name: String) -> Lockstep_Onnx_TensorProto? {
    attributes[name].flatMap { $0.hasT ? $0.t : nil }
  }
  func strings(_ name: String) -> [String]? {
    attributes[name].map { $0.strings.map { String(decoding: $0, as: UTF8.self) } }
  }
  func floats(_ name: String) -> [Float]? { attributes[name]?.floats }

  /// One number an axis of a window, all of them `value` where the attribute is left out.
  func window(_ name: String, rank: Int, default value: Int) throws(NodeFault) -> [Int] {
    guard let numbers = ints(name), !numbers.isEmpty else { return Array(repeating: value, count: rank) }
    guard numbers.count == rank, numbers.allSatisfy({ (0...1 << 16).contains($0) }) else {
      throw NodeFault("its \(name) \(numbers) are not \(rank) numbers of 0 … 65536")
    }
    return numbers
  }
}
