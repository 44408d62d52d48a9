import Arithmetic
import IntegerProgram

/// Channels that hold the same code whatever the network's input: those of units that training has killed, whose bias
/// outweighs all that their inputs can bring. What they feed is added to biases, and what feeds them is not computed.
///
/// Intervals prove it, channel by channel: the sum of a channel ranges over what its weights make of the ranges of its
/// inputs, where a constant input has the range of one code.
struct ChannelConstants {
  private let program: IntegerProgram
  /// For each value, the code of each of its channels (of its last axis) that is constant; empty where none is known.
  private var codes: [[Int32?]]
  /// For each affine step, the ranges of its accumulators that follow.
  private var accumulators: [Int: [ClosedRange<Int64>]] = [:]

  init(_ program: IntegerProgram) {
    self.program = program
    codes = Array(repeating: [], count: program.values.count)
    for (index, step) in program.steps.enumerated() { follow(step, index) }
  }

  /// The constant codes of a value's channels; nil for those that vary.
  func codes(of value: Int) -> [Int32?] {
    codes[value].isEmpty ? Array(repeating: nil, count: channels(of: value)) : codes[value]
  }

  /// A step with what is known of its accumulators; every code that it gives stays the same.
  func refined(_ step: Step, _ index: Int) -> Step {
    guard case .affine(var affine) = step.operation, let ranges = accumulators[index] else { return step }
    affine.accumulators = ranges
    var step = step
    step.operation = .affine(affine)
    return step
  }

  private func channels(of value: Int) -> Int { program.values[value].shape.last ?? 1 }

  private mutating func follow(_ step: Step, _ index: Int) {
    guard let first = step.inputs.first else { return }
    let input = codes(of: first)
    var output: [Int32?] = []
    switch step.operation {
    case .affine(let affine):
      let ranges = ranges(affine, input, program.values[first].range)
      accumulators[index] = ranges
      output = ranges.enumerated().map { channel, range in
        let code = affine.requantization.code(range.lowerBound, channel: channel)
        return code == affine.requantization.code(range.upperBound, channel: channel) ? Int32(code) : nil
      }
    case .lookup(let lookup):
      output = input.map { code in code.map { lookup.table[Int($0) - Int(lookup.lowest)] } }.map { $0.map { Int32($0) } }
    case .pool(let pool):
      // The average of equal codes is that code, and so is their maximum, within the clamp. Some windows may hold a
      // padding code, others none.
      switch pool.kind {
      case .maximum, .average:
        output = input.map { code in
          guard let code, pool.paddingCode ?? code == code else { return nil }
          return Int32(min(max(Int64(code), pool.clamp.lowerBound), pool.clamp.upperBound))
        }
      case .sum: return
      }
    case .move where program.isAlias(step): output = input
    default: return
    }
    if output.count == channels(of: step.output), output.contains(where: { $0 != nil }) { codes[step.output] = output }
  }

  /// The range of each output channel's accumulator.
  private func ranges(_ affine: Affine, _ input: [Int32?], _ all: ClosedRange<Int64>) -> [ClosedRange<Int64>] {
    // A layer may take several pixels' channels for one's.
    guard input.count == affine.geometry.inputChannels, input.contains(where: { $0 != nil }) else {
      return affine.accumulators
    }
    let pad = Int64(affine.paddingCode)
    let (depth, perGroup) = (affine.weightsPerOutput, affine.channelsPerGroup)
    return (0..<affine.geometry.outputChannels).map { channel in
      var (low, high) = (affine.bias[channel], affine.bias[channel])
      let first = channel / affine.outputsPerGroup * perGroup
      for place in 0..<depth {
        let weight = Int64(affine.weights[channel * depth + place])
        var range = input[first + place % perGroup].map { Int64($0)...Int64($0) } ?? all
        if affine.geometry.hasPadding { range = min(range.lowerBound, pad)...max(range.upperBound, pad) }
        let ends = [weight * range.lowerBound, weight * range.upperBound]
        low += min(ends[0], ends[1])
        high += max(ends[0], ends[1])
      }
      // Both hold.
      let known = affine.accumulators[channel]
      return max(low, known.lowerBound)...min(high, known.upperBound)
    }
  }
}
