/// A quantised network as its file means it: tensors, and operations in an order in which each one's inputs are ready.
public struct Network: Sendable {
  public var name: String
  public var tensors: [Tensor]
  public var operations: [Operation]
  /// Behind those of a call stand the tensors that hold the states when a run begins, and those that it leaves.
  public var inputs: [Int]
  public var outputs: [Int]
  /// What a run leaves for the next, in the order in which `inputs` and `outputs` end with them.
  public var states: [NetworkState]
  public var format: Format
  /// What whoever uses the network must know of how its file was read: what is left to the caller, what was cut off,
  /// what the file leaves open. Each is a sentence or two for people, without a full stop at the end.
  public var notices: [String]
  /// Whether the caller does sums and products first that the file has in front of an input's first quantiser: real values
  /// that the input's codes stand for are what these make.
  public var preparesInputs = false
  /// What the caller does to the outputs: their codes' real values are not the file's results.
  public var finish = Finish.nothing
  /// The functions that the file offers by name.
  public var signatures: [NetworkSignature]

  /// What is left to the caller behind the last codes.
  public enum Finish: Sendable, Hashable {
    case nothing
    /// What keeps the outputs' order, as a softmax does.
    case monotone
    case anything
  }

  /// Whose rules hold where a file leaves the arithmetic open.
  public enum Format: Sendable, Hashable {
    /// int8 inside; TensorFlow Lite Micro's kernels say how scales are multiplied and results rounded.
    case tensorFlowLite
    /// 1 to 16 bits; each operation says by its `quantizer` how real results become codes.
    case onnx
  }

  public init(
    name: String, tensors: [Tensor], operations: [Operation], inputs: [Int], outputs: [Int],
    states: [NetworkState] = [], format: Format = .tensorFlowLite, notices: [String] = [],
    signatures: [NetworkSignature] = []
  ) {
    self.signatures = signatures
    self.states = states
    self.format = format
    self.notices = notices
    self.name = name
    self.tensors = tensors
    self.operations = operations
    self.inputs = inputs
    self.outputs = outputs
  }

  /// An operation's place in the file.
  public func place(ofOperation index: Int) -> Int { operations[index].place ?? index }

  /// The name by which people know an operation: that of its first output in the file.
  public func name(ofOperation index: Int) -> String {
    operations[index].outputs.first.map { tensors[$0].name } ?? ""
  }

  /// The elements one tensor may have: above any microcontroller's memory, low enough that work and sizes stay bounded.
  public static let largestTensor = 1 << 24
  /// The elements all computed tensors of one network may have together.
  public static let largestActivations = 1 << 27
  /// The operations one network may have; the largest in use have a few thousand.
  public static let mostOperations = 20_000

  /// Checks what every reader of a network relies on: indices exist, shapes are positive and bounded, constants have
  /// their elements, every input is ready when used, and no tensor is made twice. Throws all faults at once.
  public func validate() throws {
    var issues: [LayerIssue] = []
    func fault(_ reason: String) { issues.append(LayerIssue(reason: reason)) }

    // Tensors that nothing reads or makes may be of any shape and type.
    var isUsed = Array(repeating: false, count: tensors.count)
    for index in inputs + outputs where tensors.indices.contains(index) { isUsed[index] = true }
    for operation in operations {
      for index in operation.outputs + operation.inputs.compactMap({ $0 }) where tensors.indices.contains(index) {
        isUsed[index] = true
      }
    }
    for (index, tensor) in tensors.enumerated() where isUsed[index] {
      let place = "tensor \(index) \"\(tensor.name)\""
      var count = 1
      for dimension in tensor.shape {
        guard dimension > (tensor.mayBeEmpty ? -1 : 0) else {
          fault("\(place) has the shape \(tensor.shape); every dimension must be at least 1 and fixed")
          count = 0
          break
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        guard !overflow, product <= Self.largestTensor else {
          fault("\(place) has the shape \(tensor.shape), more than \(Self.largestTensor) elements")
          count = 0
          break
        }
        count = product
      }
      if count > 0 || tensor.shape.contains(0), let constant = tensor.constant, let width = tensor.type.byteCount,
        constant.count != count * width
      {
        fault(
          "\(place) of shape \(tensor.shape) and type \(tensor.type) holds \(constant.count) bytes of data, "
            + "not \(count * width)")
      }
    }

    let activations = zip(tensors, isUsed).reduce(0) { sum, pair in
      let (tensor, isUsed) = pair
      // Shapes at fault are reported above; none of the others passes the largest tensor.
      return isUsed && tensor.constant == nil && tensor.shape.allSatisfy { (1...Self.largestTensor).contains($0) }
        ? sum + tensor.shape.reduce(1) { min($0 * $1, Self.largestTensor) } : sum
    }
    if activations > Self.largestActivations {
      fault("the network's computed tensors have \(activations) elements, more than \(Self.largestActivations)")
    }
    if operations.count > Self.mostOperations {
      fault("the network has \(operations.count) operations, more than \(Self.mostOperations)")
    }
    var isReady = tensors.map { $0.constant != nil }
    for index in inputs {
      if !tensors.indices.contains(index) {
        fault("the network's input is tensor \(index), which does not exist")
      } else if isReady[index] {
        fault("the network's input, tensor \(index) \"\(tensors[index].name)\", is a constant or named twice")
      } else {
        isReady[index] = true
      }
    }
    for (index, operation) in operations.enumerated() {
      func fault(_ reason: String) {
        issues.append(LayerIssue(index: index, type: operation.typeName, name: "", reason: reason))
      }
      for case let input? in operation.inputs {
        if !tensors.indices.contains(input) {
          fault("reads tensor \(input), which does not exist")
        } else if !isReady[input] {
          fault("reads tensor \(input) \"\(tensors[input].name)\" before any operation has made it")
        }
      }
      for output in operation.outputs {
        if !tensors.indices.contains(output) {
          fault("writes tensor \(output), which does not exist")
        } else if isReady[output] {
          fault("writes tensor \(output) \"\(tensors[output].name)\", which is an input, a constant or made already")
        } else {
          isReady[output] = true
        }
      }
    }
    if outputs.count == states.count { fault("the network has no output") }
    if inputs.count == states.count { fault("the network has no input") }
    for index in outputs {
      if !tensors.indices.contains(index) {
        fault("the network's output is tensor \(index), which does not exist")
      } else if !isReady[index] {
        fault("the network's output, tensor \(index) \"\(tensors[index].name)\", is never made")
      }
    }
    if states.map(\.read) != inputs.suffix(states.count) || states.map(\.written) != outputs.suffix(states.count) {
      fault("the network's inputs and outputs do not end with what its states are before and after a run")
    }
    for state in states where tensors.indices.contains(state.read) && tensors.indices.contains(state.written) {
      let (read, written) = (tensors[state.read], tensors[state.written])
      let place = "the variable \"\(state.name.printable(60))\""
      if read.type != written.type || read.shape.reduce(1, { $0 &* $1 }) != written.shape.reduce(1, { $0 &* $1 }) {
        fault(
          "\(place) is read as \(read.type) of shape \(read.shape), and \(written.type) of shape \(written.shape) is left "
            + "in it")
      } else if let width = read.type.byteCount, state.initial.count != width &* read.shape.reduce(1, { $0 &* $1 }) {
        fault("\(place) starts with \(state.initial.count) bytes, which are not \(read.shape) of \(read.type)")
      }
    }
    if !issues.isEmpty { throw NetworkError(issues) }
  }
}

extension Tensor {
  /// Whether a dimension of 0 has a meaning: for lists of sizes, axes and the like, which are computed before anything
  /// runs.
  fileprivate var mayBeEmpty: Bool {
    switch type {
    case .int32, .int64, .boolean: return true
    default: return false
    }
  }
}

/// A function that a file offers by name, and what it calls its inputs and outputs.
public struct NetworkSignature: Sendable, Hashable {
  public var name: String
  public var inputs, outputs: [String]
  /// Whether the network is this one.
  public var isRead: Bool

  public init(name: String, inputs: [String], outputs: [String], isRead: Bool) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.isRead = isRead
  }
}
