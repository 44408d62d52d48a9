import IntegerProgram
import Network

/// What every exporter holds its bytes to: the importer reads them as a network that lowers to the very program that the
/// exported one lowers to. So a file is never written that means something else.
enum ReadBack {
  /// Throws a `NetworkError` that names the first layer that would come back changed, or whatever keeps `network` from
  /// being lowered.
  static func require(
    _ network: Network, readsBackFrom bytes: [UInt8], _ read: ([UInt8], String) throws -> Network
  ) throws {
    let meant = try IntegerProgram(lowering: network)
    let found: IntegerProgram
    do {
      found = try IntegerProgram(lowering: read(bytes, network.name))
    } catch {
      throw NetworkError("the exported file would not be read again: \(error)")
    }
    guard meant.digest != found.digest else { return }
    throw NetworkError([issue(meant, found)])
  }

  private static func issue(_ meant: IntegerProgram, _ found: IntegerProgram) -> LayerIssue {
    let remedy = "this layer, or the shape of its input, has no exact form in the file's format"
    for (index, step) in meant.steps.enumerated() where index >= found.steps.count || !same(step, meant, found, index) {
      return LayerIssue(
        index: step.source.index, type: step.source.type, name: step.source.name,
        reason: "the file would not give it back as it is", remedy: remedy)
    }
    return LayerIssue(
      reason: "the file would not give back the network's inputs, outputs or last layers as they are", remedy: remedy)
  }

  private static func same(_ step: Step, _ meant: IntegerProgram, _ found: IntegerProgram, _ index: Int) -> Bool {
    // One step alone, as a digest sees it.
    func alone(_ program: IntegerProgram) -> [UInt8] {
      var program = program
      program.steps = [program.steps[index]]
      let used = Set(program.steps[0].inputs + [program.steps[0].output])
      program.values = program.values.indices.map { place in
        var value = program.values[place]
        if !used.contains(place) { (value.shape, value.constant, value.scale, value.zeroPoint) = ([], nil, 1, 0) }
        return value
      }
      program.values = Array(program.values.prefix((used.max() ?? 0) + 1))
      (program.inputs, program.outputs) = ([], [])
      return program.canonicalBytes
    }
    return alone(meant) == alone(found)
  }
}
