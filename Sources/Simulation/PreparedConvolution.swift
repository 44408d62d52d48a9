import CSimulationKernels
import IntegerProgram

/// A dense layer or convolution as products of a matrix of windows with a matrix of weights, one for each
/// group.
final class PreparedConvolution: PreparedStep, @unchecked Sendable {
  private let input: WindowInput
  private let from, to: Place
  /// Where the input's copy goes.
  private let scratch: Int
  /// One kernel call for each of these.
  private let images: Int
  private let outputBytesPerImage: Int
  private let groups: [Group]
  private let kernelScratch: Int
  // What the groups' plans point to.
  private let pixelOffsets, unitOffsets: Constants<Int32>
  private let weights: [Constants<Int16>]
  private let biases: [Constants<Int32>]
  private let requantizations: [PackedRequantization]

  /// One group's share. It holds no references, so that running it counts none.
  private struct Group {
    var plan: lockstep_affine
    /// In bytes within a pixel.
    var inputOffset, outputOffset: Int
  }

  init(_ affine: Affine, from: Place, to: Place, scratch: Int, instructions: lockstep_instructions) {
    let geometry = affine.geometry
    let fitsInt8 = affine.weights.allSatisfy { $0 == Int16(Int8(truncatingIfNeeded: $0)) }
    let isWide = from.storage.isWide || !fitsInt8 || instructions == LOCKSTEP_PORTABLE
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
    // A run's last unit may reach into what follows; weights are zero there.
    let runUnits = (runs.length * bytes + 3) / 4
    let unitOffsets = Constants(
      runs.offsets.flatMap { offset in (0..<runUnits).map { Int32(offset * bytes + $0 * 4) } })
    let isContiguous = (0..<unitOffsets.count).allSatisfy { unitOffsets.pointer[$0] == Int32(4 * $0) }
    self.pixelOffsets = pixelOffsets
    self.unitOffsets = unitOffsets

    kernelScratch = (input.byteCount + Memory.slack + 63) / 64 * 64
    var groups: [Group] = []
    var allWeights: [Constants<Int16>] = []
    var biases: [Constants<Int32>] = []
    var requantizations: [PackedRequantization] = []
    for index in 0..<affine.groups {
      let outputs = index * affine.outputsPerGroup..<(index + 1) * affine.outputsPerGroup
      let blocks = (outputs.count + 15) / 16
      let lanes = (0..<16 * blocks).map { lane -> Int? in
        // The kernel's requantisation swaps the middle two of each four lanes back.
        let output = instructions == LOCKSTEP_PORTABLE ? lane : [0, 2, 1, 3][lane % 4] + lane / 4 * 4
        return output < outputs.count ? outputs.lowerBound + output : nil
      }
      let packing = WeightPacking(
        affine, lanes: lanes, runs: runs, runUnits: runUnits, pixels: pixelOffsets.count, isWide: isWide,
        instructions: instructions)
      let weights = Constants(packing.words)
      let bias = Constants(lanes.map { $0.map { Int32(truncatingIfNeeded: affine.bias(of: $0, input: from.storage)) } ?? 0 })
      let requantization = PackedRequantization(
        affine.requantization, channels: lanes, output: to.storage, instructions: instructions)
      allWeights.append(weights)
      biases.append(bias)
      requantizations.append(requantization)
      let plan = lockstep_affine(
        instructions: instructions, wide_input: isWide, wide_output: to.storage.isWide,
        pixel_offsets: pixelOffsets.pointer, pixels: pixelOffsets.count, unit_offsets: unitOffsets.pointer,
        units: unitOffsets.count, is_contiguous: isContiguous, outputs: outputs.count,
        output_stride: geometry.outputChannels, weights: weights.raw, bias: bias.pointer,
        requantization: requantization.pointers)
      groups.append(
        Group(
          plan: plan, inputOffset: index * affine.channelsPerGroup * bytes,
          outputOffset: outputs.lowerBound * to.storage.bytesPerCode))
    }
    self.groups = groups
    weights = allWeights
    self.biases = biases
    self.requantizations = requantizations
  }

  /// Bytes of the input's copy, and of the kernel's own scratch behind it.
  var scratchByteCount: Int { kernelScratch + (groups.first.map { lockstep_affine_scratch([$0.plan]) } ?? 0) }

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
          lockstep_affine_run(
            $0, codes + group.inputOffset, output + group.outputOffset, memory + scratch + kernelScratch)
        }
      }
    }
  }
}

/// The runs of consecutive codes that make up a window.
struct WindowRuns {
  /// In codes, from the window's begin.
  var offsets: [Int]
  var length: Int

  init(_ affine: Affine, _ input: WindowInput) {
    let geometry = affine.geometry
    offsets = (0..<geometry.taps).map {
      input.offset(
        row: $0 / geometry.kernelWidth * geometry.dilationHeight,
        column: $0 % geometry.kernelWidth * geometry.dilationWidth)
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

extension Affine {
  /// The bias of an output channel whose inputs are stored codes: what storing takes off every code comes
  /// back here.
  func bias(of channel: Int, input: Storage) -> Int64 {
    let weights = weights[channel * weightsPerOutput..<(channel + 1) * weightsPerOutput]
    return bias[channel] + weights.reduce(0) { $0 + Int64($1) } * Int64(input.origin)
  }

  /// Whether every output channel reads one input channel, and there are several.
  var readsOneChannelEach: Bool { groups > 1 && channelsPerGroup == 1 }
}
