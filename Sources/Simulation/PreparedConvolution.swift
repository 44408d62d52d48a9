import CSimulationKernels
import IntegerProgram

/// A dense layer or convolution as products of a matrix of windows with a matrix of weights, one for each group.
final class PreparedConvolution: PreparedStep, @unchecked Sendable {
  private let input: WindowInput
  private let from, to: Place
  /// Where the input's copy goes.
  private let scratch: Int
  /// One kernel call for each of these.
  private let images: Int
  private let outputBytesPerImage: Int
  private let groups: [Group]
  private let pixelOffsets, runOffsets: Constants<Int32>

  /// One group's share.
  private struct Group {
    var plan: lockstep_affine
    /// In bytes within a pixel.
    var inputOffset, outputOffset: Int
    // What the plan points to.
    var weights: Constants<Int16>
    var bias: Constants<Int32>
    var requantization: PackedRequantization
  }

  init(_ affine: Affine, from: Place, to: Place, scratch: Int, instructions: lockstep_instructions) {
    let geometry = affine.geometry
    let fitsInt8 = affine.weights.allSatisfy { $0 == Int16(Int8(truncatingIfNeeded: $0)) }
    let isWide = from.storage.isWide || !fitsInt8
    let input = WindowInput(geometry, source: from.storage, isWide: isWide, paddingCode: affine.paddingCode)
    self.input = input
    self.from = from
    self.to = to
    self.scratch = scratch

    // Where nothing is copied, all images' pixels go through the kernel at once.
    images = input.isCopied ? geometry.batch : 1
    outputBytesPerImage = geometry.outputPixels * geometry.outputChannels * to.storage.bytesPerCode
    let bytes = input.bytesPerCode
    let pixelOffsets = Constants(
      (0..<geometry.batch / images * geometry.outputPixels).map { pixel -> Int32 in
        let (image, place) = pixel.quotientAndRemainder(dividingBy: geometry.outputPixels)
        let (row, column) = place.quotientAndRemainder(dividingBy: geometry.outputWidth)
        let code = input.offset(row: row * geometry.strideHeight, column: column * geometry.strideWidth)
        return Int32((image * input.imageStride + code) * bytes)
      })
    let runs = WindowRuns(affine, input)
    let runOffsets = Constants(runs.offsets.map { Int32($0 * bytes) })
    let runUnits = (runs.length * bytes + 3) / 4
    self.pixelOffsets = pixelOffsets
    self.runOffsets = runOffsets

    groups = (0..<affine.groups).map { index in
      let outputs = index * affine.outputsPerGroup..<(index + 1) * affine.outputsPerGroup
      let blocks = (outputs.count + 15) / 16
      let lanes = (0..<16 * blocks).map { $0 < outputs.count ? outputs.lowerBound + $0 : nil }
      let weights = Constants(
        packedWeights(
          affine, lanes: lanes, runs: runs, runUnits: runUnits, pixels: pixelOffsets.count, isWide: isWide))
      let bias = Constants(lanes.map { $0.map { affine.bias(of: $0, input: from.storage) } ?? 0 })
      let requantization = PackedRequantization(affine.requantization, channels: lanes, output: to.storage)
      return Group(
        plan: lockstep_affine(
          instructions: instructions, wide_input: isWide, wide_output: to.storage.isWide,
          pixel_offsets: pixelOffsets.pointer, pixels: pixelOffsets.count, run_offsets: runOffsets.pointer,
          runs: runs.offsets.count, run_units: runUnits, outputs: outputs.count,
          output_stride: geometry.outputChannels, weights: weights.raw, bias: bias.pointer,
          requantization: requantization.pointers),
        inputOffset: index * affine.channelsPerGroup * bytes,
        outputOffset: outputs.lowerBound * to.storage.bytesPerCode,
        weights: weights, bias: bias, requantization: requantization)
    }
  }

  /// Bytes that the input's copy takes.
  var scratchByteCount: Int { input.byteCount }

  func run(in memory: UnsafeMutableRawPointer) {
    for image in 0..<images {
      var codes = from.address(in: memory)
      if input.isCopied {
        input.copy(image: image, of: codes, to: memory + scratch)
        codes = memory + scratch
      }
      let output = to.address(in: memory) + image * outputBytesPerImage
      for index in groups.indices {
        let group = groups[index]
        withUnsafePointer(to: group.plan) {
          lockstep_affine_run($0, codes + group.inputOffset, output + group.outputOffset)
        }
      }
    }
  }
}

/// The runs of consecutive codes that make up a window.
private struct WindowRuns {
  /// In codes, from the window's begin.
  var offsets: [Int]
  var length: Int

  init(_ affine: Affine, _ input: WindowInput) {
    let geometry = affine.geometry
    offsets = (0..<geometry.taps).map {
      input.offset(
        row: $0 / geometry.kernelWidth * geometry.dilationHeight, column: $0 % geometry.kernelWidth * geometry.dilationWidth)
    }
    length = affine.channelsPerGroup
    guard affine.groups == 1 else { return }
    // Join as many neighbours as follow each other, in all runs alike: a kernel's row, or the whole kernel.
    for count in [geometry.taps, geometry.kernelWidth] where count > 1 {
      let firsts = stride(from: 0, to: offsets.count, by: count).map { $0 }
      let joins = firsts.allSatisfy { first in
        (1..<count).allSatisfy { offsets[first + $0] == offsets[first] + $0 * length }
      }
      if joins {
        (offsets, length) = (firsts.map { offsets[$0] }, count * length)
        return
      }
    }
  }
}

/// Weights in the kernel's order, [group of blocks][run][unit][block][lane of 16][code], as 16-bit words: a unit of four
/// bytes holds four 8-bit weights or two 16-bit ones.
private func packedWeights(
  _ affine: Affine, lanes: [Int?], runs: WindowRuns, runUnits: Int, pixels: Int, isWide: Bool
) -> [Int16] {
  let codesPerUnit = isWide ? 2 : 4
  let units = runs.offsets.count * runUnits
  let blocks = lanes.count / 16
  var bytes = [UInt8](repeating: 0, count: lanes.count * units * 4)
  var block = 0
  while block < blocks {
    let group = lockstep_affine_group(pixels, blocks - block)
    for lane in 16 * block..<16 * (block + group) {
      guard let channel = lanes[lane] else { continue }
      // This lane's place in the group's first unit.
      let start = block * units * 64 + (lane - 16 * block) * 4
      for run in runs.offsets.indices {
        for code in 0..<runs.length {
          let weight = affine.weights[channel * affine.weightsPerOutput + run * runs.length + code]
          let at = start + (run * runUnits + code / codesPerUnit) * group * 64
          if isWide {
            bytes[at + code % 2 * 2] = UInt8(truncatingIfNeeded: weight)
            bytes[at + code % 2 * 2 + 1] = UInt8(truncatingIfNeeded: weight >> 8)
          } else {
            bytes[at + code % 4] = UInt8(truncatingIfNeeded: weight)
          }
        }
      }
    }
    block += group
  }
  return bytes.withUnsafeBytes { [Int16]($0.bindMemory(to: Int16.self)) }
}

extension Affine {
  /// The bias of an output channel whose inputs are stored codes: what storing takes off every code comes back here.
  func bias(of channel: Int, input: Storage) -> Int32 {
    let weights = weights[channel * weightsPerOutput..<(channel + 1) * weightsPerOutput]
    return bias[channel] &+ weights.reduce(0) { $0 &+ Int32($1) } &* input.origin
  }

  /// Whether every output channel reads one input channel, and there are several.
  var readsOneChannelEach: Bool { groups > 1 && channelsPerGroup == 1 }
}
