import Network

// DepthToSpace and SpaceToDepth: nothing moves in memory until somebody needs it in order.
extension ONNXTranslation {
  mutating func depthToSpace(_ node: ONNXNode) throws(NodeFault) {
    let (batch, channels, height, width, block) = try blocks(node)
    let square = block * block
    guard channels % square == 0 else { throw NodeFault("its \(channels) channels are no multiple of \(square)") }
    let isColumnFirst = node.string("mode", default: "DCR") == "CRD"
    let split =
      isColumnFirst
      ? [batch, channels / square, block, block, height, width] : [batch, block, block, channels / square, height, width]
    try regroup(
      node, split, isColumnFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2],
      [batch, channels / square, height * block, width * block])
  }

  mutating func spaceToDepth(_ node: ONNXNode) throws(NodeFault) {
    let (batch, channels, height, width, block) = try blocks(node)
    guard height % block == 0, width % block == 0 else {
      throw NodeFault("its image, \(height) × \(width), is no multiple of blocks of \(block)")
    }
    try regroup(
      node, [batch, channels, height / block, block, width / block, block], [0, 3, 5, 1, 2, 4],
      [batch, channels * block * block, height / block, width / block])
  }

  private func blocks(_ node: ONNXNode) throws(NodeFault) -> (Int, Int, Int, Int, block: Int) {
    guard let shape = try meaning(node, 0, "input").view?.shape, shape.count == 4 else {
      throw NodeFault("its input is no image of 2 dimensions")
    }
    let block = node.int("blocksize", default: 0)
    guard (1...1 << 12).contains(block) else { throw NodeFault("its blocks are of size \(block)") }
    return (shape[0], shape[1], shape[2], shape[3], block)
  }

  /// Axes split, brought into another order, and joined.
  private mutating func regroup(
    _ node: ONNXNode, _ split: [Int], _ permutation: [Int], _ joined: [Int]
  ) throws(NodeFault) {
    if isFloat { try settle(node.inputs[0]) }
    var x = try meaning(node, 0, "input")
    guard var view = x.view else { throw unknown(node) }
    if view.reshaped(to: split) == nil {
      guard case .codes(var codes) = x else {
        throw NodeFault("it reorders what is not quantised yet", remedy: "put a quantiser in front of it")
      }
      codes.tensor = rowMajor(codes)
      codes.view = StridedView(rowMajor: view.shape)
      (x, view) = (.codes(codes), codes.view)
    }
    guard let parts = view.reshaped(to: split), let made = parts.transposed(permutation).reshaped(to: joined) else {
      throw unknown(node)
    }
    try set(node, x.with(made))
  }
}
