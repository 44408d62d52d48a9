import CSimulationKernels
import IntegerProgram

/// A depthwise convolution: every output channel reads one input channel. Output rows are runs of codes,
/// channel by channel, and so is what each tap reads for them.
final class PreparedDepthwise: PreparedStep, @unchecked Sendable {
  private let input: WindowInput
  private let from, to: Place
  private let scratch: Int
  private let batch: Int
  private let outputBytesPerImage: Int
  private let plan: lockstep_depthwise
  // What the plan points to.
  private let tapOffsets, bias: Constants<Int32>
  private let weights: Constants<Int16>
  private let requantization: PackedRequantization

  init(_ affine: Affine, from: Place, to: Place, scratch: Int, instructions: lockstep_instructions) {
    let geometry = affine.geometry
    let fitsInt8 = affine.weights.allSatisfy { $0 == Int16(Int8(truncatingIfNeeded: $0)) }
    let input = WindowInput(
      geometry, source: from.storage, isWide: from.storage.isWide, paddingCode: affine.paddingCode,
      repeats: affine.outputsPerGroup, phases: geometry.strideWidth)
    self.input = input
    self.from = from
    self.to = to
    self.scratch = scratch
    batch = geometry.batch
    outputBytesPerImage = geometry.outputPixels * geometry.outputChannels * to.storage.bytesPerCode
    let interleavesTaps =
      instructions == LOCKSTEP_VNNI && fitsInt8 && !from.storage.isWide && !to.storage.isWide

    // Channels repeat along a row; after `period` chunks of 64 codes a chunk begins with the same channel
    // again.
    let period = geometry.outputChannels / greatestCommonDivisor(geometry.outputChannels, 64)
    let channels = (0..<64 * period).map { lane -> Int? in
      // Unpacking leaves code 16·l + 4·r + j of a chunk at 16·r + 4·l + j.
      let place = lane % 64
      let code = interleavesTaps ? place / 4 % 4 * 16 + place / 16 * 4 + place % 4 : place
      return (lane - place + code) % geometry.outputChannels
    }
    let taps = (0..<(geometry.taps + 3) / 4 * 4).map { $0 < geometry.taps ? $0 : 0 }
    tapOffsets = Constants(
      taps.map {
        Int32(
          input.offset(
            row: $0 / geometry.kernelWidth * geometry.dilationHeight,
            column: $0 % geometry.kernelWidth * geometry.dilationWidth))
      })
    weights = Constants(
      interleavesTaps
        ? interleavedWeights(affine, channels: channels) : plainWeights(affine, channels: channels))
    bias = Constants(channels.map { $0.map { Int32(truncatingIfNeeded: affine.bias(of: $0, input: from.storage)) } ?? 0 })
    let instructions = interleavesTaps ? LOCKSTEP_VNNI : LOCKSTEP_PORTABLE
    requantization = PackedRequantization(
      affine.requantization, channels: channels, output: to.storage, instructions: instructions)
    plan = lockstep_depthwise(
      instructions: instructions, wide_input: from.storage.isWide,
      wide_output: to.storage.isWide, rows: geometry.outputHeight,
      row_length: geometry.outputWidth * geometry.outputChannels,
      input_row_stride: geometry.strideHeight * input.rowStride,
      output_row_stride: geometry.outputWidth * geometry.outputChannels, tap_offsets: tapOffsets.pointer,
      taps: geometry.taps, period: period, weights: weights.raw, bias: bias.pointer,
      requantization: requantization.pointers)
  }

  /// Bytes that the input's copy takes.
  var scratchByteCount: Int { input.byteCount }

  func run(in memory: UnsafeMutableRawPointer) {
    for image in 0..<batch {
      var codes = from.address(in: memory)
      if input.isCopied {
        input.copy(image: image, of: codes, to: memory + scratch)
        codes = memory + scratch
      } else {
        codes += image * input.imageStride * input.bytesPerCode
      }
      withUnsafePointer(to: plan) {
        lockstep_depthwise_run($0, codes, to.address(in: memory) + image * outputBytesPerImage)
      }
    }
  }
}

/// [chunk][four taps][lane of 64][tap] as bytes, two to a word.
private func interleavedWeights(_ affine: Affine, channels: [Int?]) -> [Int16] {
  let taps = affine.geometry.taps
  let groups = (taps + 3) / 4
  var bytes = [UInt8](repeating: 0, count: channels.count * groups * 4)
  for (lane, channel) in channels.enumerated() {
    guard let channel else { continue }
    for tap in 0..<taps {
      let at = ((lane / 64 * groups + tap / 4) * 64 + lane % 64) * 4 + tap % 4
      bytes[at] = UInt8(truncatingIfNeeded: affine.weights[channel * taps + tap])
    }
  }
  return bytes.withUnsafeBytes { [Int16]($0.bindMemory(to: Int16.self)) }
}

/// [chunk][tap][lane of 64].
private func plainWeights(_ affine: Affine, channels: [Int?]) -> [Int16] {
  let taps = affine.geometry.taps
  var weights = [Int16](repeating: 0, count: channels.count * taps)
  for (lane, channel) in channels.enumerated() {
    guard let channel else { continue }
    for tap in 0..<taps {
      weights[(lane / 64 * taps + tap) * 64 + lane % 64] = affine.weights[channel * taps + tap]
    }
  }
  return weights
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }
