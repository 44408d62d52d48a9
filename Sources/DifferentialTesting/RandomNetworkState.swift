import Network

extension Network {
  /// The network with some of its inputs, but the first, turned into states, where a run makes a tensor of as many codes.
  func keepingState(seed: UInt64) -> Network {
    var random = SeededGenerator(seed: seed &* 3 &+ 1)
    var network = self
    let made = operations.flatMap(\.outputs)
    for input in inputs.dropFirst() where random.chance(0.8) {
      let read = tensors[input]
      let candidates = (made + inputs).filter {
        $0 != input && tensors[$0].type == read.type && tensors[$0].count == read.count
      }
      guard read.type == .int8, !candidates.isEmpty else { continue }
      let written = random.element(of: candidates)
      let start = random.integer(in: 0...255)
      let isUniform = random.chance(0.5)
      network.inputs.removeAll { $0 == input }
      network.states.append(
        NetworkState(
          name: "state \(network.states.count)", read: input, written: written,
          initial: (0..<read.count).map { _ in UInt8(isUniform ? start : random.integer(in: 0...255)) }))
    }
    // At times what a state was is returned, too.
    if let state = network.states.first, random.chance(0.3) { network.outputs.append(state.read) }
    network.inputs += network.states.map(\.read)
    network.outputs += network.states.map(\.written)
    return network
  }
}
