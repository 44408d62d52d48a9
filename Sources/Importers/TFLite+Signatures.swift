import CTFLite
import Network

/// A signature of a TensorFlow Lite file: one of the functions that it offers, by name.
struct TFLiteSignature {
  var key: String
  var subgraph: Int
  /// What it calls tensors of its subgraph, and which.
  var inputs, outputs: [(name: String, tensor: Int)]

  /// Those of a file, in its order.
  static func all(of model: OpaquePointer) -> [TFLiteSignature] {
    (0..<ctflite_signature_count(model)).compactMap { index in
      var raw = ctflite_signature()
      guard ctflite_get_signature(model, index, &raw) else { return nil }
      func ports(_ isOutput: Bool, _ count: Int) -> [(name: String, tensor: Int)] {
        (0..<count).compactMap { place -> (name: String, tensor: Int)? in
          var port = ctflite_port()
          return ctflite_get_signature_port(model, index, isOutput, place, &port)
            ? (String(port.name), Int(port.tensor)) : nil
        }
      }
      return TFLiteSignature(
        key: String(raw.key), subgraph: Int(raw.subgraph), inputs: ports(false, raw.inputs),
        outputs: ports(true, raw.outputs))
    }
  }

  /// The one called `name`.
  static func named(_ name: String, of signatures: [TFLiteSignature]) throws -> TFLiteSignature {
    if let signature = signatures.first(where: { $0.key == name }) { return signature }
    let keys = signatures.map { "\"\($0.key.printable(60))\"" }
    throw NetworkError(
      "it has no signature \"\(name.printable(60))\": "
        + (keys.isEmpty ? "there are none" : "there \(keys.count == 1 ? "is" : "are") \(keys.joined(separator: ", "))"))
  }

  /// Holds a subgraph's inputs and outputs to those that the signature names.
  func apply(to graph: inout TFLiteGraph) throws {
    let place = "its signature \"\(key.printable(60))\""
    for (name, tensor) in inputs where !graph.inputs.contains(tensor) {
      throw NetworkError(
        "\(place) takes \"\(name.printable(60))\", tensor \(tensor), which is no input of subgraph \(subgraph)")
    }
    for (name, tensor) in outputs where !graph.tensors.indices.contains(tensor) {
      throw NetworkError("\(place) makes \"\(name.printable(60))\", tensor \(tensor), which does not exist")
    }
    if let left = graph.inputs.first(where: { input in !inputs.contains { $0.tensor == input } }) {
      throw NetworkError("\(place) leaves out tensor \(left), an input of subgraph \(subgraph)")
    }
    // In the subgraph's order, which is the same with and without a signature.
    let named = outputs.map(\.tensor)
    graph.outputs =
      graph.outputs.filter { named.contains($0) }
      + named.enumerated().filter { !graph.outputs.contains($1) && !named[..<$0].contains($1) }.map(\.element)
  }

  /// As a network tells of it.
  func told(isRead: Bool) -> NetworkSignature {
    NetworkSignature(name: key, inputs: inputs.map(\.name), outputs: outputs.map(\.name), isRead: isRead)
  }
}
