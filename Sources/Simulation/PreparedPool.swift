import Arithmetic
import CSimulationKernels
import IntegerProgram

/// A pool: sums or maxima of whole pixels, then each channel's code.
struct PreparedPool: PreparedStep {
  private let pool: Pool
  private let from, to: Place
  /// Room for one Int32 a channel, and one a tap.
  private let scratch: Int

  init(_ pool: Pool, from: Place, to: Place, scratch: Int) {
    self.pool = pool
    self.from = from
    self.to = to
    self.scratch = scratch
  }

  static func scratchByteCount(_ pool: Pool) -> Int { (pool.geometry.inputChannels + pool.geometry.taps) * 4 }

  func run(in memory: UnsafeMutableRawPointer) {
    let geometry = pool.geometry
    let channels = geometry.inputChannels
    let sums = (memory + scratch).assumingMemoryBound(to: Int32.self)
    let offsets = sums + channels
    let source = from.address(in: memory)
    var output = 0
    for image in 0..<geometry.batch {
      for row in 0..<geometry.outputHeight {
        for column in 0..<geometry.outputWidth {
          let taps = findTaps(image, row, column, offsets)
          if case .maximum = pool.kind {
            lockstep_window_maxima(from.storage.isWide, source, offsets, taps, channels, sums)
          } else {
            lockstep_window_sums(from.storage.isWide, source, offsets, taps, channels, sums)
          }
          finish(sums, inside: taps, output: output, in: memory)
          output += channels
        }
      }
    }
  }

  /// Where the pixels of a window lie that are inside the image; returns how many they are.
  private func findTaps(_ image: Int, _ row: Int, _ column: Int, _ offsets: UnsafeMutablePointer<Int32>)
    -> Int
  {
    let geometry = pool.geometry
    var count = 0
    for rowTap in 0..<geometry.kernelHeight {
      let y = geometry.inputRow(row, tap: rowTap)
      guard y >= 0, y < geometry.inputHeight else { continue }
      for columnTap in 0..<geometry.kernelWidth {
        let x = geometry.inputColumn(column, tap: columnTap)
        guard x >= 0, x < geometry.inputWidth else { continue }
        let pixel = (image * geometry.inputHeight + y) * geometry.inputWidth + x
        offsets[count] = Int32(truncatingIfNeeded: pixel * geometry.inputChannels)
        count += 1
      }
    }
    return count
  }

  /// The codes of the channels' maxima or sums of stored codes over the `inside` pixels of a window that lie in the image.
  private func finish(
    _ sums: UnsafeMutablePointer<Int32>, inside: Int, output: Int, in memory: UnsafeMutableRawPointer
  ) {
    let channels = pool.geometry.inputChannels
    let origin = from.storage.origin
    let count = Int32(pool.count(inside: inside))
    let taps = Int32(inside)
    // What the taps outside add, and the stored codes' own origin.
    let rest = taps &* origin &+ (count &- taps) &* (pool.paddingCode ?? 0)
    switch pool.kind {
    case .maximum:
      let (low, high) = (pool.clamp.lowerBound, pool.clamp.upperBound)
      let least = count > taps ? pool.paddingCode ?? Int32.min : Int32.min
      for channel in 0..<channels {
        let code = taps == 0 ? least : max(sums[channel] &+ origin, least)
        to.store(code.clamped(low, high), at: output + channel, in: memory)
      }
    case .average:
      for channel in 0..<channels {
        to.store(
          pool.averageCode(sum: sums[channel] &+ rest, count: count), at: output + channel, in: memory)
      }
    case .sum(let bias, let requantization, _):
      let start = bias &+ rest
      for channel in 0..<channels {
        to.store(
          requantization.code(sums[channel] &+ start, channel: channel), at: output + channel, in: memory)
      }
    }
  }
}
