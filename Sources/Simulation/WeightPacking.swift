import CSimulationKernels
import IntegerProgram

/// The weights of one group of a convolution in its kernel's order, as 16-bit words. A unit of four bytes
/// holds four 8-bit weights or two 16-bit ones.
struct WeightPacking {
  let words: [Int16]

  /// `lanes` names the output channel of each lane, nil for lanes that make nothing.
  init(
    _ affine: Affine, lanes: [Int?], runs: WindowRuns, runUnits: Int, pixels: Int, isWide: Bool,
    instructions: lockstep_instructions
  ) {
    let codesPerUnit = isWide ? 2 : 4
    let units = runs.offsets.count * runUnits
    var bytes = [UInt8](repeating: 0, count: lanes.count * units * 4)
    /// Puts an output channel's weights in place, consecutive units `stride` bytes apart.
    func pack(_ channel: Int, start: Int, stride: Int) {
      for run in runs.offsets.indices {
        for code in 0..<runs.length {
          let weight = affine.weights[channel * affine.weightsPerOutput + run * runs.length + code]
          let at = start + (run * runUnits + code / codesPerUnit) * stride
          if isWide {
            bytes[at + code % 2 * 2] = UInt8(truncatingIfNeeded: weight)
            bytes[at + code % 2 * 2 + 1] = UInt8(truncatingIfNeeded: weight >> 8)
          } else {
            bytes[at + code % 4] = UInt8(truncatingIfNeeded: weight)
          }
        }
      }
    }
    if instructions == LOCKSTEP_PORTABLE {
      // [output][unit]
      for (lane, channel) in lanes.enumerated() {
        if let channel { pack(channel, start: lane * units * 4, stride: 4) }
      }
    } else {
      // [group of blocks][unit][block][lane of 16]
      var block = 0
      while block < lanes.count / 16 {
        let group = lockstep_affine_group(pixels, lanes.count / 16 - block)
        for lane in 16 * block..<16 * (block + group) {
          guard let channel = lanes[lane] else { continue }
          pack(channel, start: block * units * 64 + (lane - 16 * block) * 4, stride: group * 64)
        }
        block += group
      }
    }
    words = bytes.withUnsafeBytes { [Int16]($0.bindMemory(to: Int16.self)) }
  }
}
