import Network

/// Which tensors must hold codes of one meaning: what only moves codes, or takes the largest or the average of them, does
/// not rescale. What is concatenated or compared is rescaled where it comes with codes of its own, as pixels do.
struct SharedCodes {
  private var parents: [Int]
  private let network: FloatNetwork

  /// `fixed` are the tensors whose codes are not chosen by what they hold; `keepsCodes` says of which functions the target
  /// does not rescale, `separatesMeans` that means of whole images have codes of their own.
  init(
    _ network: FloatNetwork, fixed: Set<Int>, separatesMeans: Bool = false, keepsCodes: ([RealFunction]) -> Bool = { _ in false }
  ) {
    self.network = network
    parents = Array(network.network.tensors.indices)
    for list in network.alike { for tensor in list.dropFirst() { join(list[0], tensor) } }
    var concatenations: [FloatLayer] = []
    for layer in network.layers {
      switch layer.kind {
      case .average(let window) where separatesMeans && window.isWhole && layer.activation == .none: break
      case .move, .maximum, .average, .cast: join(layer.inputs[0], layer.output)
      case .concatenation, .combine(.maximum, _, _), .combine(.minimum, _, _): concatenations.append(layer)
      case .select: concatenations.append(layer)
      case .unary(let functions): if keepsCodes(functions) { join(layer.inputs[0], layer.output) }
      case .reduce(let reduction, _, _, _):
        if [.maximum, .minimum].contains(reduction) { join(layer.inputs[0], layer.output) }
      case .bilinear: join(layer.inputs[0], layer.output)
      case .affine, .transposed, .combine, .product, .softmax, .logarithmicSoftmax, .normalized, .cumulative, .rows, .denied:
        break
      }
    }
    for layer in concatenations {
      // Of one thing with codes of its own nothing has to be rescaled.
      // A condition has no codes to share.
      let inputs = layer.inputs.filter { network.network.tensors[$0].type != .boolean }
      let isOne = Set(inputs.map(representative)).count == 1
      for input in inputs where isOne || !members(of: representative(input)).contains(where: fixed.contains) {
        join(input, layer.output)
      }
    }
  }

  /// One tensor of each class stands for it.
  func representative(_ tensor: Int) -> Int {
    var tensor = tensor
    while parents[tensor] != tensor { tensor = parents[tensor] }
    return tensor
  }

  private mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (representative(a), representative(b))
    if a != b { parents[max(a, b)] = min(a, b) }
  }

  /// Whether two tensors hold codes of one meaning.
  func areJoined(_ a: Int, _ b: Int) -> Bool { representative(a) == representative(b) }

  /// The tensors of a class that are reckoned.
  func members(of representative: Int) -> [Int] {
    (network.inputs + network.layers.map(\.output)).filter { self.representative($0) == representative }
  }
}
