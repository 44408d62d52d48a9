import Network

/// Which tensors must hold codes of one meaning: what only moves codes, or takes the largest or the average of them, does
/// not rescale.
struct SharedCodes {
  private var parents: [Int]
  private let network: FloatNetwork

  init(_ network: FloatNetwork) {
    self.network = network
    parents = Array(network.network.tensors.indices)
    for layer in network.layers {
      switch layer.kind {
      case .move, .maximum, .average, .concatenation: for input in layer.inputs { join(input, layer.output) }
      case .affine, .combine, .mean, .softmax, .unary: break
      }
    }
  }

  /// One tensor of each class stands for it.
  func representative(_ tensor: Int) -> Int {
    var tensor = tensor
    while parents[tensor] != tensor { tensor = parents[tensor] }
    return tensor
  }

  mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (representative(a), representative(b))
    if a != b { parents[max(a, b)] = min(a, b) }
  }

  /// The tensors of a class that are reckoned.
  func members(of representative: Int) -> [Int] {
    ([network.input] + network.layers.map(\.output)).filter { self.representative($0) == representative }
  }
}
