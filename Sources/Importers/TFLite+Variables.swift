import Network

/// A variable, as the file names it.
struct Variable: Hashable {
  var container, name: String
}

/// What an operation does with the variables of a TensorFlow Lite file.
enum VariableAccess {
  /// CALL_ONCE: it runs a subgraph that initialises them.
  case callOnce(subgraph: Int)
  /// VAR_HANDLE: its output stands for the one of this name.
  case handle(Variable)
  /// READ_VARIABLE, of a handle.
  case read
  /// ASSIGN_VARIABLE, to a handle, of a tensor.
  case assign
}

/// Variables of a TensorFlow Lite file → the network's states. Reading and assigning are no arithmetic: who reads a
/// variable reads the tensor that was assigned to it last, or, where a run has assigned none yet, what the run before left.
struct TFLiteVariables {
  /// What a subgraph that runs once assigns, by the variables' names.
  let initial: (_ subgraph: Int) throws -> [Variable: [UInt8]]
  private(set) var states: [NetworkState] = []
  /// Subgraphs that do nothing but initialise.
  private(set) var subgraphs: Set<Int> = []

  init(initial: @escaping (_ subgraph: Int) throws -> [Variable: [UInt8]]) { self.initial = initial }

  /// Takes the operations on variables out of a network that is otherwise as the file has it. One that makes no sense
  /// stays, as one that is not supported, with the reason.
  mutating func resolve(
    _ operations: inout [Operation], _ accesses: [VariableAccess?], _ tensors: inout [Tensor], _ outputs: inout [Int]
  ) {
    var handles: [Int: Variable] = [:]
    var values: [Variable: [UInt8]] = [:]
    /// The tensor that holds a variable now, and the first that was read of it before anything was assigned.
    var current: [Variable: Int] = [:], first: [Variable: Int] = [:]
    var order: [Variable] = []
    var alias: [Int: Int] = [:]
    var kept: [Operation] = []
    for (index, operation) in operations.enumerated() {
      var operation = operation
      operation.place = operation.place ?? index
      operation.inputs = operation.inputs.map { input in input.map { alias[$0] ?? $0 } }
      guard let access = accesses[index] else {
        kept.append(operation)
        continue
      }
      func refuse(_ reason: String) {
        operation.kind = .unsupported(reason: reason)
        // Handles are no tensors of the network.
        operation.inputs = []
        kept.append(operation)
      }
      let name = (operation.inputs.first ?? nil).flatMap { handles[$0] }
      switch access {
      case .handle(let name):
        guard operation.outputs.count == 1 else {
          refuse("it has \(operation.outputs.count) outputs, not one")
          continue
        }
        handles[operation.outputs[0]] = name
      case .callOnce(let subgraph):
        guard current.isEmpty else {
          refuse("it initialises variables behind operators that read or assign some")
          continue
        }
        do {
          values.merge(try initial(subgraph)) { $1 }
          subgraphs.insert(subgraph)
        } catch {
          refuse("\(error)")
        }
      case .read:
        guard let name, operation.outputs.count == 1, tensors.indices.contains(operation.outputs[0]) else {
          refuse("it reads no variable that a VAR_HANDLE names")
          continue
        }
        let output = operation.outputs[0]
        if let tensor = current[name] {
          // Codes are read as they are: they must mean the same.
          let (held, read) = (tensors[tensor], tensors[output])
          guard held.type == read.type, held.shape == read.shape, held.quantization == read.quantization else {
            refuse("it reads a variable in other terms (type, shape or quantisation) than it was assigned in")
            continue
          }
          alias[output] = tensor
        } else {
          (current[name], first[name]) = (output, output)
          order.append(name)
        }
      case .assign:
        guard let name, operation.inputs.count == 2, let tensor = operation.inputs[1], tensors.indices.contains(tensor)
        else {
          refuse("it assigns to no variable that a VAR_HANDLE names")
          continue
        }
        current[name] = tensor
      }
    }
    operations = kept
    outputs = outputs.map { alias[$0] ?? $0 }
    for name in order {
      guard let read = first[name], let written = current[name] else { continue }
      if read == written {
        // Nothing is ever assigned: a constant.
        if let start = values[name] {
          tensors[read].constant = start
        } else {
          operations.insert(
            Operation(
              .unsupported(reason: "the variable \"\(name.name.printable(60))\" is read, but nothing initialises or assigns it"),
              typeName: "READ_VARIABLE", inputs: [], outputs: [read]), at: 0)
        }
      } else {
        states.append(
          NetworkState(
            name: name.name, read: read, written: written, initial: values[name] ?? Self.zeros(of: tensors[written])))
      }
    }
  }

  /// What a variable holds that nothing initialises: codes of zero, as far as a byte says them, which is how TensorFlow
  /// Lite Micro fills its memory.
  static func zeros(of tensor: Tensor) -> [UInt8] {
    let count = tensor.shape.reduce(1) { min(max($1, 0), Network.largestTensor) * $0 % (Network.largestTensor + 1) }
    let zero = tensor.type == .int8 ? tensor.quantization?.zeroPoints.first ?? 0 : 0
    return Array(repeating: UInt8(truncatingIfNeeded: zero), count: count * (tensor.type.byteCount ?? 0))
  }
}
