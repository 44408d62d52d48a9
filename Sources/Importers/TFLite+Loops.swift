import ConstantEvaluation
import Network

/// One subgraph of a TensorFlow Lite file, as the file has it.
struct TFLiteGraph {
  var tensors: [Tensor]
  var operations: [Operation]
  /// What each operation does with variables, if anything.
  var accesses: [VariableAccess?]
  /// The subgraphs of each operation that is a WHILE.
  var loops: [TFLiteLoop?]
  /// Whether an operation leaves something in a tensor for the next run.
  var keepsTensors: Bool
  var inputs, outputs: [Int]
}

/// The subgraphs that a WHILE runs.
struct TFLiteLoop {
  var condition, body: Int
}

/// Why a loop cannot be written out.
private struct LoopFault: Error {
  var reason: String
  init(_ reason: String) { self.reason = reason }
}

/// WHILE whose rounds numbers in the file determine, as a counter that starts, grows and ends at constants → its body, as
/// often as it runs. What constants alone determine is computed on the way, which is how the counter is known.
struct TFLiteLoops {
  /// Reads a subgraph, by its number.
  private let read: (Int) throws -> TFLiteGraph
  private var graphs: [Int: TFLiteGraph] = [:]
  /// The tensors that hold a subgraph's constants: once, however often it runs.
  private var constants: [Int: [Int: Int]] = [:]
  private(set) var tensors: [Tensor]
  private(set) var operations: [Operation] = []
  private(set) var accesses: [VariableAccess?] = []
  /// What is written out has the place of the loop in the file.
  private var place = 0
  /// Subgraphs that loops run.
  private(set) var subgraphs: Set<Int> = []

  /// A recurrent layer over a second of sound has some hundred moments.
  private static let mostRounds = 10_000
  private static let deepest = 8

  private init(_ tensors: [Tensor], read: @escaping (Int) throws -> TFLiteGraph) {
    self.tensors = tensors
    self.read = read
  }

  /// Writes out the loops of `graph`; one that cannot be stays, as not supported, with the reason.
  static func unroll(
    _ graph: inout TFLiteGraph, read: @escaping (Int) throws -> TFLiteGraph
  ) -> Set<Int> {
    guard graph.loops.contains(where: { $0 != nil }) else { return [] }
    var loops = TFLiteLoops(graph.tensors, read: read)
    var alias: [Int: Int] = [:]
    for (index, operation) in graph.operations.enumerated() {
      var operation = operation
      operation.inputs = operation.inputs.map { input in input.map { alias[$0] ?? $0 } }
      operation.place = operation.place ?? index
      loops.place = index
      guard let loop = graph.loops[index] else {
        loops.append(operation, graph.accesses[index])
        continue
      }
      let before = loops
      do {
        let results = try loops.run(loop, operation.inputs, depth: 0)
        guard results.count == operation.outputs.count else {
          throw LoopFault("it has \(operation.outputs.count) outputs, and its body \(results.count)")
        }
        for (output, result) in zip(operation.outputs, results) { alias[output] = result }
      } catch {
        let known = loops.subgraphs
        loops = before
        loops.subgraphs = known
        operation.kind = .unsupported(reason: (error as? LoopFault)?.reason ?? "\(error)")
        loops.operations.append(operation)
        loops.accesses.append(nil)
      }
    }
    (graph.tensors, graph.operations, graph.accesses) = (loops.tensors, loops.operations, loops.accesses)
    graph.loops = graph.operations.map { _ in nil }
    graph.outputs = graph.outputs.map { alias[$0] ?? $0 }
    return loops.subgraphs
  }

  /// Runs a loop on tensors; what it leaves in them.
  private mutating func run(_ loop: TFLiteLoop, _ inputs: [Int?], depth: Int) throws -> [Int] {
    guard depth < Self.deepest else { throw LoopFault("its loops lie in each other more than \(Self.deepest) deep") }
    subgraphs.formUnion([loop.condition, loop.body])
    let variables = inputs.compactMap { $0 }
    guard variables.count == inputs.count, variables.allSatisfy(tensors.indices.contains) else {
      throw LoopFault("an input of it is missing")
    }
    var values = variables
    for round in 0... {
      // The condition decides, and leaves nothing.
      var condition = TFLiteLoops(values.map { tensors[$0] }, read: read)
      condition.graphs = graphs
      let outcome = try condition.write(loop.condition, Array(values.indices), round, depth: depth)
      guard outcome.count == 1, let holds = condition.tensors[outcome[0]].integers, holds.count == 1 else {
        throw LoopFault(
          "it is control flow that numbers in the file do not determine: whether its body runs again after \(round) "
            + "rounds depends on what is computed")
      }
      graphs = condition.graphs
      if holds[0] == 0 { return values }
      guard round < Self.mostRounds, operations.count < Network.mostOperations else {
        throw LoopFault("written out, its loop has more than \(round) rounds and \(operations.count) operations")
      }
      let made = try write(loop.body, values, round, depth: depth)
      guard made.count == values.count else {
        throw LoopFault("its body makes \(made.count) tensors of \(values.count)")
      }
      values = made
    }
    return values
  }

  /// Writes a subgraph's operations out, on tensors; what they make.
  private mutating func write(_ index: Int, _ inputs: [Int], _ round: Int, depth: Int) throws -> [Int] {
    let graph = try graphs[index] ?? read(index)
    graphs[index] = graph
    guard graph.inputs.count == inputs.count, graph.inputs.allSatisfy(graph.tensors.indices.contains) else {
      throw LoopFault("its subgraph \(index) takes \(graph.inputs.count) tensors, not \(inputs.count)")
    }
    guard graph.accesses.allSatisfy({ $0 == nil }), !graph.keepsTensors else {
      throw LoopFault("its subgraph \(index) keeps state from one run to the next")
    }
    var places = constants[index] ?? [:]
    for (tensor, held) in zip(graph.inputs, inputs) {
      let (wanted, given) = (graph.tensors[tensor], tensors[held])
      // Codes are read as they are: they must mean the same.
      guard wanted.type == given.type, wanted.shape == given.shape || !wanted.openAxes.isEmpty,
        wanted.quantization?.scales == given.quantization?.scales,
        wanted.quantization?.zeroPoints == given.quantization?.zeroPoints
      else {
        throw LoopFault(
          "its subgraph \(index) takes \"\(wanted.name.printable(60))\" in other terms (type, shape or quantisation) than it "
            + "is given in")
      }
      places[tensor] = held
    }
    func place(_ tensor: Int, isMade: Bool) throws -> Int {
      guard graph.tensors.indices.contains(tensor) else {
        throw LoopFault("its subgraph \(index) names tensor \(tensor), which does not exist")
      }
      if let known = places[tensor] {
        guard !isMade else { throw LoopFault("its subgraph \(index) makes tensor \(tensor) twice") }
        return known
      }
      var copy = graph.tensors[tensor]
      guard isMade || copy.constant != nil else {
        throw LoopFault("its subgraph \(index) reads tensor \(tensor) before any operation has made it")
      }
      if copy.constant == nil { copy.name += " (round \(round + 1))" }
      places[tensor] = tensors.count
      if copy.constant != nil { constants[index, default: [:]][tensor] = tensors.count }
      tensors.append(copy)
      return tensors.count - 1
    }
    for (position, original) in graph.operations.enumerated() {
      var operation = original
      operation.place = self.place
      operation.inputs = try operation.inputs.map { try $0.map { try place($0, isMade: false) } }
      if let loop = graph.loops[position] {
        let results = try run(loop, operation.inputs, depth: depth + 1)
        guard results.count == operation.outputs.count else {
          throw LoopFault("a loop in it has \(operation.outputs.count) outputs, and its body \(results.count)")
        }
        for (output, result) in zip(operation.outputs, results) {
          guard places.updateValue(result, forKey: output) == nil else {
            throw LoopFault("its subgraph \(index) makes tensor \(output) twice")
          }
        }
        continue
      }
      operation.outputs = try operation.outputs.map { try place($0, isMade: true) }
      append(operation, nil)
      guard operations.count <= Network.mostOperations else {
        throw LoopFault("written out, its loop has more than \(Network.mostOperations) operations")
      }
    }
    return try graph.outputs.map { try place($0, isMade: false) }
  }

  /// Appends an operation, or what it makes of constants.
  private mutating func append(_ operation: Operation, _ access: VariableAccess?) {
    let operation = operation.withoutEmptyParts(tensors)
    let used = operation.inputs.compactMap { $0 }
    let indices = used + operation.outputs
    if access == nil, operation.outputs.count == 1, indices.allSatisfy(tensors.indices.contains),
      Set(indices).count == Set(used).count + 1
    {
      // A network of this operation alone.
      let order = Array(Set(indices)).sorted()
      func own(_ tensor: Int) -> Int { order.firstIndex(of: tensor) ?? 0 }
      var alone = operation
      alone.inputs = operation.inputs.map { $0.map(own) }
      alone.outputs = operation.outputs.map(own)
      let network = Network(
        name: "", tensors: order.map { tensors[$0] }, operations: [alone], inputs: [], outputs: alone.outputs)
      let evaluated = network.evaluatingConstants()
      if let made = evaluated.tensors[alone.outputs[0]].constant {
        tensors[operation.outputs[0]].constant = made
        tensors[operation.outputs[0]].shape = evaluated.tensors[alone.outputs[0]].shape
        return
      }
      // A fault of evaluation is told where the whole is evaluated.
      tensors[operation.outputs[0]].shape = evaluated.tensors[alone.outputs[0]].shape
    }
    operations.append(operation)
    accesses.append(access)
  }
}
