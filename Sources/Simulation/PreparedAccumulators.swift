import Arithmetic
import CSimulationKernels
import IntegerProgram

/// An affine step whose codes are its accumulators, or whose accumulators take 64 bits: each window is gathered as a line of
/// 16-bit words and multiplied with the weights of all output channels of its group.
final class PreparedAccumulators: PreparedStep, @unchecked Sendable {
  private let affine: Affine
  private let from, to: Place
  /// Room for one Int64 an output channel of a group, then for a window.
  private let scratch: Int
  private let weights: Constants<Int16>
  /// What storing takes off the codes is added back.
  private let bias: [Int64]
  private let isLong: Bool
  /// Of each output pixel, in order, the input pixel that each tap reads; −1 outside the image.
  private let pixels: [Int32]

  init(_ affine: Affine, from: Place, to: Place, scratch: Int) {
    self.affine = affine
    self.from = from
    self.to = to
    self.scratch = scratch
    weights = Constants(affine.weights)
    isLong = affine.isLong
    bias = (0..<affine.geometry.outputChannels).map { affine.bias(of: $0, input: from.storage) }
    let geometry = affine.geometry
    pixels = geometry.outputPlaces.flatMap { image, row, column in
      (0..<geometry.taps).map { Int32(geometry.inputPixel(image, row, column, tap: $0) ?? -1) }
    }
  }

  var scratchByteCount: Int { affine.outputsPerGroup * 8 + affine.weightsPerOutput * 2 }

  func run(in memory: UnsafeMutableRawPointer) {
    let sums = (memory + scratch).assumingMemoryBound(to: Int64.self)
    let line = (memory + scratch + affine.outputsPerGroup * 8).assumingMemoryBound(to: Int16.self)
    let (taps, perGroup, outputs) = (affine.geometry.taps, affine.channelsPerGroup, affine.outputsPerGroup)
    let channels = affine.geometry.inputChannels
    let padding = from.storage.stored(affine.paddingCode)
    var output = 0
    for first in stride(from: 0, to: pixels.count, by: taps) {
      for group in 0..<affine.groups {
        for tap in 0..<taps {
          let pixel = Int(pixels[first + tap])
          for i in 0..<perGroup {
            let place = pixel * channels + group * perGroup + i
            let stored = pixel < 0 ? padding : from.storage.stored(from.code(place, in: memory))
            line[tap * perGroup + i] = Int16(truncatingIfNeeded: stored)
          }
        }
        lockstep_line_products(
          line, weights.pointer + group * outputs * affine.weightsPerOutput, outputs, affine.weightsPerOutput, sums)
        for channel in 0..<outputs {
          let place = group * outputs + channel
          let code = affine.requantization.code(ofSum: sums[channel] &+ bias[place], channel: place, isLong: isLong)
          to.store(code, at: output, in: memory)
          output += 1
        }
      }
    }
  }
}
